"""Requests to a service that keeps objects: bounded in time, tried again, by way of fsspec."""

from __future__ import annotations

import datetime as dt
import errno
import os
import re
import secrets
import time
from collections.abc import Mapping
from typing import Any, final

_ATTEMPTS = 5
_FIRST_WAIT = 0.1  # seconds; doubled after each attempt
_MAX_SIZE = 2**28  # bytes: a larger object under the name of a table is none
# What a service means and will say again; all else may be the network.
_REFUSALS = (PermissionError, NotImplementedError, ImportError, TypeError, ValueError)
_REFUSED = {errno.EINVAL, errno.ENAMETOOLONG, errno.ENOSYS, errno.EPERM, errno.EROFS}
_TIMES = ("LastModified", "last_modified", "mtime", "updated", "created")  # by service


class ServiceError(OSError):
    """A request that failed for good: refused, or not answered within its time."""

    @property
    def refused(self) -> bool:
        """Whether the service answered, so that it can be reached."""
        return _is_refusal(self.__cause__)


@final
class Service:
    """The objects below a URL, by their names there.

    Parameters
    ----------
    url : str
    options : mapping
        What fsspec makes the file system with.
    timeout : float
        Seconds that one request may take, with all its attempts. File systems of fsspec that are
        not asynchronous are bounded by their own timeouts.

    Raises
    ------
    ImportError
        Where a package is missing, with the name of the extra that holds it.
    ValueError
        For a protocol that fsspec does not know.
    """

    def __init__(self, url: str, options: Mapping[str, Any], timeout: float) -> None:
        self._url = url
        self._options = dict(options)
        self._timeout = timeout
        self._connected: dict[int, tuple[Any, str]] = {}
        self._connection()

    def read(self, name: str) -> bytes | None:
        """The bytes of an object, or None where there is none."""
        try:
            # One more than is allowed, so that no object of anyone's fills the memory.
            data: bytes = self._request("cat_file", name, start=0, end=_MAX_SIZE + 1)
        except FileNotFoundError:
            return None
        except ServiceError as error:
            if _is_range_error(error.__cause__) and self.stat(name) is not None:
                return b""  # an empty object has no range of bytes
            raise
        if len(data) > _MAX_SIZE:
            raise ServiceError(f"{name} has more bytes than a table")
        return data

    def create(self, name: str, data: bytes) -> bool:
        """Make an object, in one step where the service can; False where there is one already."""
        try:
            self._request("pipe_file", name, data, mode="create")
        except FileExistsError:
            return False
        except ServiceError as error:
            if _code(error.__cause__) == "PreconditionFailed":
                return False
            if not _is_unknown(error.__cause__):
                raise
            self.replace(name, data)
        return True

    def replace(self, name: str, data: bytes) -> None:
        """Make an object, or put it in the place of another."""
        self._request("pipe_file", name, data)

    def stat(self, name: str) -> tuple[int, float] | None:
        """Size and time of writing of an object, or None where there is none."""
        try:
            found = self._request("info", name)
        except FileNotFoundError:
            return None
        if found.get("type") != "file":
            return None
        return int(found.get("size") or 0), _seconds(found)

    def names(self, folder: str) -> list[str]:
        """The names of the objects and folders directly below a folder, sorted."""
        try:
            found = self._request("ls", folder, detail=False)
        except FileNotFoundError:
            return []
        return sorted(path.rstrip("/").rpartition("/")[2] for path in found)

    def remove(self, name: str) -> None:
        """Remove an object; nothing happens where there is none."""
        try:
            self._request("rm_file", name)
        except FileNotFoundError:
            return

    # ------------------------------------------------------------------------------------- private
    def _connection(self) -> tuple[Any, str]:
        """The file system and the path of the URL: one in each process, none survives a fork."""
        process = os.getpid()
        if process not in self._connected:
            self._connected.clear()
            self._connected[process] = _connect(self._url, self._options)
        return self._connected[process]

    def _request(self, method: str, name: str, *arguments: Any, **keywords: Any) -> Any:
        """What a method of the file system gives; other errors than ENOENT and EEXIST are one."""
        end = time.monotonic() + self._timeout
        wait = _FIRST_WAIT
        for attempt in range(1, _ATTEMPTS + 1):
            try:
                return self._once(method, name, end - time.monotonic(), *arguments, **keywords)
            except FileExistsError:
                raise
            except FileNotFoundError as error:
                if method == "pipe_file":  # the bucket
                    raise ServiceError(f"{type(error).__name__}: {error}") from error
                raise
            except Exception as error:
                # Random, so that a thousand workers do not come back at the same moment.
                pause = wait * (0.5 + secrets.randbelow(1000) / 1000)
                late = time.monotonic() + pause >= end
                if _is_refusal(error) or attempt == _ATTEMPTS or late:
                    raise ServiceError(self._described(error)) from error
            time.sleep(pause)
            wait *= 2
        raise AssertionError("the last attempt returns or raises")

    def _described(self, error: Exception) -> str:
        text = " ".join(str(error).split()) or f"no answer within {self._timeout:g} s"
        return f"{type(error).__name__}: {text}"

    def _once(
        self, method: str, name: str, timeout: float, *arguments: Any, **keywords: Any
    ) -> Any:
        from fsspec.asyn import sync

        system, root = self._connection()
        path = f"{root}/{name}" if name else root
        if not system.async_impl:
            return getattr(system, method)(path, *arguments, **keywords)
        request = getattr(system, f"_{method}")
        return sync(system.loop, request, path, *arguments, timeout=timeout, **keywords)


def without_secret(url: str) -> str:
    """The URL without a user and a password that stand in it."""
    return re.sub(r"//[^/@]*@", "//", url)


def _connect(url: str, options: Mapping[str, Any]) -> tuple[Any, str]:
    try:
        import fsspec

        own: dict[str, Any] = {"use_listings_cache": False, "skip_instance_cache": True}
        is_s3 = url.lower().startswith(("s3://", "s3a://"))
        if is_s3:
            own["config_kwargs"] = {"connect_timeout": 5, "retries": {"max_attempts": 0}}
        system, root = fsspec.url_to_fs(url, **{**own, **options})
        if is_s3:
            system.retries = 1  # attempts; one place tries again, and it knows when to stop
    except ImportError as error:
        raise ImportError(
            f"a store at {without_secret(url)} needs a package that is not installed "
            f"({error}). pip install 'otmaps[cloud]' brings those for s3:// and gs://; for other "
            "services install the package that fsspec names."
        ) from error
    return system, root.rstrip("/")


def _is_refusal(error: BaseException | None) -> bool:
    number = error.errno if isinstance(error, OSError) else None
    return isinstance(error, _REFUSALS) or number in _REFUSED


def _is_unknown(error: BaseException | None) -> bool:
    """Whether a service, or its file system, does not know the conditional request."""
    unknown = isinstance(error, NotImplementedError | TypeError)
    return unknown or (isinstance(error, OSError) and error.errno == errno.ENOSYS)


def _is_range_error(error: BaseException | None) -> bool:
    return _code(error) == "InvalidRange" or getattr(error, "code", None) == 416


def _code(error: BaseException | None) -> str:
    """The code of an error of S3, which the file system keeps as a cause."""
    answer = getattr(error.__cause__ if error else None, "response", None)
    return str(answer.get("Error", {}).get("Code")) if isinstance(answer, dict) else ""


def _seconds(found: Mapping[str, Any]) -> float:
    """The time of writing in seconds since the epoch; 0 where the service does not tell."""
    for name in _TIMES:
        value = found.get(name)
        if isinstance(value, str):
            try:
                value = dt.datetime.fromisoformat(value)
            except ValueError:
                continue
        if isinstance(value, dt.datetime):
            return value.timestamp()
        if isinstance(value, int | float):
            return float(value)
    return 0.0
