"""Tables as objects of a cloud service, with a verified copy on this machine."""

from __future__ import annotations

import contextlib
import hashlib
import os
import re
import time
import warnings
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, final

from otmaps._errors import StoreWarning, TableError
from otmaps._format import unpack
from otmaps._stores._base import KEY, Store, StoreEntry, checked_key
from otmaps._stores._files import SUFFIX
from otmaps._stores._memory import MemoryStore
from otmaps._stores._service import Service, ServiceError, without_secret

_URL = re.compile(r"([A-Za-z][A-Za-z0-9+.-]+)://")
_PAUSE = 60.0  # seconds without requests after a service could not be reached


def is_url(place: object) -> bool:
    """Whether a place is a URL, and so an object store."""
    return isinstance(place, str) and _URL.match(place) is not None


@final
class ObjectStore(Store):
    """Tables as objects below a URL of any service that fsspec knows: S3, GCS, HTTP and others.

    A table is the object ``ab/abcd....safetensors`` below the URL, so reading needs no listing.
    It is created by a conditional put where the service has one (S3, GCS), so that of many who
    build it one writes. What was read is verified, by its digest, before it becomes the copy in
    a directory of this machine, and again whenever the copy is read.

    Requests are tried up to 5 times, waiting longer each time. Where the service stays out of
    reach, or refuses, tables are built and stay in the memory of this process, with one warning;
    a service out of reach is asked again after a minute.

    Parameters
    ----------
    url : str
        Such as ``s3://bucket/tables``, ``gs://bucket/tables`` or ``https://host/tables`` (which
        can be read alone).
    options : mapping, optional
        What fsspec makes the file system with, such as ``{"anon": True}`` or
        ``{"endpoint_url": "http://..."}``. They travel with the store to other processes.
    copy : "default", path-like, Store or None
        The copy of this machine: a directory, by default one for each URL in the user's cache
        directory for otmaps, or in the directory that the environment variable ``OTMAPS_COPIES``
        names; or None for no copy.
    timeout : float
        Seconds that reading or writing a table may take, with all attempts.
    build_timeout : float
        As in `TableStore`; it is among the processes that share a copy.

    Raises
    ------
    ImportError
        Where fsspec, or its package for the service, is missing: ``pip install 'otmaps[cloud]'``.
    ValueError
        For what is no URL, or one of a file: pass its path to `TableStore`.

    Examples
    --------
    >>> import otmaps
    >>> store = otmaps.ObjectStore("s3://bucket/tables", timeout=5)  # doctest: +SKIP
    >>> m = otmaps.match(otmaps.lerp(0.5), "uniform", store=store)  # doctest: +SKIP
    """

    def __init__(
        self,
        url: str,
        *,
        options: Mapping[str, Any] | None = None,
        copy: Store | str | os.PathLike[str] | None = "default",
        timeout: float = 20.0,
        build_timeout: float = 60.0,
    ) -> None:
        if not is_url(url):
            raise ValueError(f"url must be a URL such as s3://bucket/tables, got {url!r}.")
        if url.lower().startswith(("file://", "local://")):
            raise ValueError(f"url is {url!r}: pass the path of the directory to TableStore.")
        if not timeout > 0:
            raise ValueError(f"timeout must be more than 0 seconds, got {timeout!r}.")
        self.url: str = url.rstrip("/")
        self.timeout: float = float(timeout)
        self.build_timeout: float = float(build_timeout)
        self.copy: Store | None = self._opened(copy)
        self._options = dict(options or {})
        self._service = Service(self.url, self._options, self.timeout)
        self._memory = MemoryStore()  # what the service did not take
        self._told: dict[str, object] = {}
        self._asked_again = {"read": 0.0, "write": 0.0}  # when, by time.monotonic()

    def __reduce__(self) -> tuple[Any, ...]:
        # One object a process: so a worker that gets it with each job warns and connects once.
        times = (self.timeout, self.build_timeout)
        return _object_store, (self.url, self._options, self.copy, *times)

    def __repr__(self) -> str:
        return f"ObjectStore({without_secret(self.url)!r})"

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, ObjectStore):
            return False
        return (other.url, other._options) == (self.url, self._options)

    def __hash__(self) -> int:
        return hash(self.url)

    # ------------------------------------------------------------------------------------ get, put
    def get(self, key: str) -> bytes | None:
        """The bytes under a key, from the copy where that is whole; None where there are none."""
        name = _name(key)
        kept = self._memory.get(key)
        if kept is None:
            kept = self._copied(key)
        if kept is not None or not self._is_open("read"):
            return kept
        try:
            data = self._service.read(name)
        except ServiceError as error:
            self._failed("read", error)
            return None
        if data is not None:
            self._copy(key, data)
        return data

    def put(self, key: str, data: bytes) -> None:
        """Publish bytes under a key; what the service does not take stays in memory."""
        name = _name(key)
        self._memory.put(key, data)
        if not self._is_open("write"):
            return
        try:
            if not self._service.create(name, data) and self._service.read(name) != data:
                # Damaged, or by another version: whoever puts has found it of no use.
                self._service.replace(name, data)
        except ServiceError as error:
            self._failed("write", error)
            return
        self._memory.remove(key)
        self._copy(key, data)

    def stat(self, key: str) -> StoreEntry | None:
        """Size and time of writing of the object of a key; reading leaves no trace of use."""
        name = _name(key)
        if not self._is_open("read"):
            return None
        try:
            found = self._service.stat(name)
        except ServiceError as error:
            self._failed("read", error)
            return None
        return None if found is None else StoreEntry(key, *found)

    def keys(self) -> Iterator[str]:
        """The keys of all objects, sorted; needs the permission to list."""
        try:
            for folder in self._service.names(""):
                for name in self._service.names(folder):
                    key = name.removesuffix(SUFFIX)
                    if KEY.fullmatch(key) and _name(key) == f"{folder}/{name}":
                        yield key
        except ServiceError as error:
            self._failed("list", error)

    def remove(self, key: str) -> None:
        """Remove the object of a key and its copy; where that is refused it stays."""
        name = _name(key)
        self._memory.remove(key)
        if self.copy is not None:
            self.copy.remove(key)
        if self._is_open("write"):
            with contextlib.suppress(ServiceError):
                self._service.remove(name)

    def building(self, key: str) -> contextlib.AbstractContextManager[None]:
        """The lock of the copy: it is among the processes that share it, not among machines."""
        checked_key(key)
        return contextlib.nullcontext() if self.copy is None else self.copy.building(key)

    # ------------------------------------------------------------------------------------- private
    def _opened(self, copy: Store | str | os.PathLike[str] | None) -> Store | None:
        from otmaps._stores._directory import TableStore  # which makes object stores of URLs

        if copy is None or isinstance(copy, Store):
            return copy
        if is_url(copy):
            raise ValueError(f"copy is the URL {copy!r}; it is the path of a directory.")
        path = _default_copy(self.url) if copy == "default" else Path(copy)
        return TableStore(path, build_timeout=self.build_timeout)

    def _copy(self, key: str, data: bytes) -> None:
        """Keep a copy of a table; of other bytes no digest could tell whether it is whole."""
        if self.copy is not None and _fault(data, key) is None:
            self.copy.put(key, data)

    def _copied(self, key: str) -> bytes | None:
        """The copy of a table, where it is whole."""
        data = None if self.copy is None else self.copy.get(key)
        if data is None or self.copy is None:
            return None
        fault = _fault(data, key)
        if fault is None:
            return data
        self.copy.remove(key)
        self._warn(f"the copy of {key} in {self.copy!r} is fetched anew: {fault}.", key)
        return None

    def _is_open(self, what: str) -> bool:
        return time.monotonic() >= self._asked_again[what]

    def _failed(self, what: str, error: ServiceError) -> None:
        """Warn once, and leave a service alone for a while that could not be reached."""
        if not error.refused:
            self._asked_again = dict.fromkeys(self._asked_again, time.monotonic() + _PAUSE)
        self._warn(
            f"{self!r} could not be {_DONE[what]} ({error}); tables are built where they are "
            "needed and stay in the memory of this process. Check the URL, the credentials (see "
            "options=) and the network.",
            what,
        )

    def _warn(self, message: str, what: str) -> None:
        """Warn, once for each damaged copy and once for each kind of request."""
        mine = object()
        if self._told.setdefault(what, mine) is mine:  # one step, so one thread of many warns
            warnings.warn(message, StoreWarning, stacklevel=4)


_DONE = {"read": "read", "write": "written", "list": "listed"}


def _name(key: str) -> str:
    return f"{checked_key(key)[:2]}/{key}{SUFFIX}"


def _fault(data: bytes, key: str) -> str | None:
    """What is wrong with the bytes of a table, or None."""
    try:
        unpack(data, key)
    except TableError as error:
        return str(error)
    return None


def _default_copy(url: str) -> Path:
    """A directory for each URL: a table of somebody else's service serves this URL alone."""
    named = os.environ.get("OTMAPS_COPIES")
    if named:
        folder = Path(named).expanduser().absolute()
    else:
        import platformdirs

        folder = platformdirs.user_cache_path("otmaps") / "copies"
    return folder / hashlib.sha256(url.encode()).hexdigest()[:16]


_STORES: dict[str, ObjectStore] = {}  # those that came to this process by pickle


def _object_store(
    url: str, options: dict[str, Any], copy: Store | None, timeout: float, build_timeout: float
) -> ObjectStore:
    name = repr((url, sorted(options.items()), copy, timeout, build_timeout))
    if name not in _STORES:
        _STORES[name] = ObjectStore(
            url, options=options, copy=copy, timeout=timeout, build_timeout=build_timeout
        )
    return _STORES[name]
