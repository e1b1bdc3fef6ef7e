"""Tables as files of a directory, shared by processes that may die at any moment."""

from __future__ import annotations

import contextlib
import dataclasses
import datetime as dt
import functools
import os
import stat
import time
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any, TypeAlias, final

from otmaps._errors import StoreWarning, TableError
from otmaps._format import unpack
from otmaps._notebook import verification_html
from otmaps._stores._base import KEY, Store, StoreEntry, checked_key
from otmaps._stores._files import LOCK, SUFFIX, TEMPORARY, publish, read, sweep, unlink
from otmaps._stores._memory import MemoryStore
from otmaps._stores._objects import ObjectStore, is_url

PathLike: TypeAlias = str | os.PathLike[str]

_LOOKS = 16  # so many times is the directory looked at while a limit's worth is written


@final
@dataclasses.dataclass(frozen=True)
class Verification:
    """What `TableStore.verify` found; truthy when no table is bad.

    Attributes
    ----------
    good : int
        How many tables are whole.
    bad : tuple of (Path, str)
        Files with the name of a table that are none, and why.
    strangers : tuple of Path
        Files that the store did not write and does not touch.

    Examples
    --------
    >>> import otmaps
    >>> store = otmaps.TableStore("tables")
    >>> m = otmaps.match(otmaps.lerp(0.5), "uniform", store=store)
    >>> found = store.verify()
    >>> found.good, found.bad
    (1, ())
    """

    good: int
    bad: tuple[tuple[Path, str], ...]
    strangers: tuple[Path, ...]

    def __bool__(self) -> bool:
        return not self.bad

    def _repr_html_(self) -> str:
        return verification_html(self)


@final
class TableStore(Store):
    """Tables as files of a directory, shared by any number of processes.

    A table is the file ``ab/abcd....safetensors`` (the key and its first two digits). It appears
    whole or not at all, also under power loss and SIGKILL. Reading a table sets the modification
    time of its file when that is more than an hour old; `prune` goes by it. A directory that
    cannot be written leaves tables in the memory of this process, with one warning.

    Parameters
    ----------
    path : path-like, optional
        The directory, made at the first write. By default the environment variable
        ``OTMAPS_STORE``, or else ``tables`` in the user's cache directory for otmaps.
    build_timeout : float
        How long to wait, in seconds, for another process that builds the table one needs.
    max_bytes : int, optional
        How many bytes of tables the directory may hold: writing prunes what was not used for
        longest. Each of several writers counts its own tables, and looks at the directory after
        a sixteenth of the limit, so it may be passed by that for each further writer.
    read_only : bool
        True: nothing in the directory changes. Tables are kept in memory, and reading one is not
        noted. For directories of others, behind one of one's own (`LayeredStore`).

    See Also
    --------
    ObjectStore : What ``TableStore("s3://bucket/tables")`` makes: a URL, here or in the
        environment variable, is no directory, and takes the keywords of that class.

    Examples
    --------
    >>> import otmaps
    >>> store = otmaps.TableStore("tables")
    >>> list(store.keys())
    []
    """

    def __new__(  # type: ignore[misc] # the name that users know serves both kinds of places
        cls, path: PathLike | None = None, **options: Any
    ) -> TableStore | ObjectStore:
        """A store of files; of a URL, an `ObjectStore`."""
        place = os.environ.get("OTMAPS_STORE") if path is None else path
        return ObjectStore(str(place), **options) if is_url(place) else super().__new__(cls)

    def __init__(
        self,
        path: PathLike | None = None,
        *,
        build_timeout: float = 60.0,
        max_bytes: int | None = None,
        read_only: bool = False,
    ) -> None:
        if path is not None and not isinstance(path, str | os.PathLike):
            raise TypeError(f"path must be a path or None, got {type(path).__name__}.")
        if not build_timeout >= 0:
            raise ValueError(f"build_timeout must be at least 0 seconds, got {build_timeout!r}.")
        if max_bytes is not None and not max_bytes >= 0:
            raise ValueError(f"max_bytes must be at least 0, got {max_bytes!r}.")
        self.path: Path = default_path() if path is None else Path(path).expanduser().absolute()
        self.build_timeout: float = float(build_timeout)
        self.max_bytes = max_bytes
        self.read_only: bool = bool(read_only)
        self._root = str(self.path)
        self._room = 0  # bytes that may be written before the next look at the directory
        self._memory = MemoryStore()  # what the disk did not take
        self._told: dict[str, object] = {}
        self._swept: set[str] = set()

    def __reduce__(self) -> tuple[Any, ...]:
        # One object a process and path: so a worker that gets it with each job warns once.
        return _table_store, (self._root, self.build_timeout, self.max_bytes, self.read_only)

    def __repr__(self) -> str:
        return f"TableStore({str(self.path)!r})"

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, TableStore):
            return False
        return (other.path, other.read_only) == (self.path, self.read_only)

    def __hash__(self) -> int:
        return hash(self.path)

    # ------------------------------------------------------------------------------------- get, put
    def get(self, key: str) -> bytes | None:
        """The bytes under a key, or None; a file that cannot be read is a warning and None."""
        name = checked_key(key) + SUFFIX
        if self._memory and (kept := self._memory.get(key)) is not None:
            return kept
        path = f"{self._root}{os.sep}{key[:2]}{os.sep}{name}"
        try:
            return read(path, touch=not self.read_only)
        except FileNotFoundError:
            return None
        except (OSError, TableError) as error:
            self._warn(f"{path} could not be read and its table is built anew: {error}.", name)
            return None

    def put(self, key: str, data: bytes) -> None:
        """Publish bytes under a key; what the disk does not take stays in memory."""
        path = self._file(key)
        if self.read_only:
            self._memory.put(key, data)
            return
        first = path.parent.name not in self._swept
        try:
            publish(path, data, flush_root=first)
        except OSError as error:
            self._memory.put(key, data)
            self._warn(
                f"{self.path} could not be written ({error}); tables stay in the memory of this "
                "process. Make it writable, or choose another place by store= or OTMAPS_STORE.",
                "write",
            )
            return
        self._memory.remove(key)
        if first:
            self._swept.add(path.parent.name)
            sweep(path.parent)
        if self.max_bytes is not None:
            self._keep_within(self.max_bytes, len(data))

    def _keep_within(self, limit: int, written: int) -> None:
        """Prune where the directory has passed its limit, now and then."""
        self._room -= written
        if self._room >= 0:
            return
        share = limit // _LOOKS
        total = sum(entry.size for entry in self.entries())
        if total > limit:
            total -= sum(entry.size for entry in self.prune(max_bytes=limit - share))
        self._room = min(limit - total, share)

    def stat(self, key: str) -> StoreEntry | None:
        """Size and time of last use of the file of a key; None where it is in memory alone."""
        try:
            found = self._file(key).lstat()
        except OSError:
            return None
        if not stat.S_ISREG(found.st_mode):
            return None
        return StoreEntry(key, found.st_size, found.st_mtime)

    def keys(self) -> Iterator[str]:
        """The keys of all files, sorted; foreign files are passed over."""
        for path in self._files():
            if self._file_key(path) is not None:
                yield path.stem

    def remove(self, key: str) -> None:
        """Unlink the file of a key; readers that have it open go on."""
        self._memory.remove(key)
        if not self.read_only:
            unlink(self._file(key))

    @contextlib.contextmanager
    def building(self, key: str) -> Iterator[None]:
        """Hold the lock file of a key; where that fails or lasts too long, go on without."""
        path = self._file(key).with_suffix(LOCK)
        if self.read_only:
            yield
            return
        import filelock

        lock = filelock.FileLock(path)
        # A time-out of filelock is an OSError; some file systems have no locks.
        with contextlib.suppress(OSError, NotImplementedError):
            path.parent.mkdir(parents=True, exist_ok=True)
            lock.acquire(self.build_timeout, poll_interval=0.01)
        try:
            yield
        finally:
            if lock.is_locked:
                # Before the release, so that tables do not leave a lock file each; filelock opens
                # the file at each attempt, and the worst race is one build too many.
                unlink(path)
                with contextlib.suppress(OSError):
                    lock.release()

    # ------------------------------------------------------------------------------------ upkeep
    def entries(self) -> list[StoreEntry]:
        """All tables on disk, the least recently used first."""
        found = [entry for key in self.keys() if (entry := self.stat(key))]
        return sorted(found, key=lambda entry: (entry.used, entry.key))

    def verify(self) -> Verification:
        """Read every file, check its digest and that it lies under its own key; changes nothing."""
        good, bad, strangers = 0, [], []
        for path in self._files():
            if path.suffix in (TEMPORARY, LOCK):
                continue
            if self._file_key(path) is None:
                strangers.append(path)
                continue
            try:
                unpack(read(str(path), touch=False), path.stem)
                good += 1
            except FileNotFoundError:  # pruned by another process since it was listed
                continue
            except (OSError, TableError) as error:
                bad.append((path, str(error)))
        return Verification(good, tuple(bad), tuple(strangers))

    def prune(
        self,
        *,
        max_bytes: int | None = None,
        max_age: float | dt.timedelta | None = None,
    ) -> tuple[StoreEntry, ...]:
        """Unlink the tables that were not used for longest, and orphaned temporary files.

        Parameters
        ----------
        max_bytes : int, optional
            How many bytes of tables may stay.
        max_age : float or timedelta, optional
            Seconds since the last use after which a table goes.

        Returns
        -------
        tuple of StoreEntry
            What was removed.
        """
        if self.read_only:
            raise ValueError(f"{self!r} was opened with read_only=True; nothing in it is pruned.")
        if isinstance(max_age, dt.timedelta):
            max_age = max_age.total_seconds()
        for name, limit in (("max_bytes", max_bytes), ("max_age", max_age)):
            if limit is not None and not limit >= 0:
                raise ValueError(f"{name} must be at least 0, got {limit!r}.")
        for folder in self._folders():
            sweep(folder)
        entries, now = self.entries(), time.time()
        total = sum(entry.size for entry in entries)
        removed = []
        for entry in entries:
            too_old = max_age is not None and now - entry.used > max_age
            too_much = max_bytes is not None and total > max_bytes
            if too_old or too_much:
                self.remove(entry.key)
                total -= entry.size
                removed.append(entry)
        return tuple(removed)

    # ----------------------------------------------------------------------------------- private
    def _file(self, key: str) -> Path:
        return self.path / checked_key(key)[:2] / f"{key}{SUFFIX}"

    def _file_key(self, path: Path) -> str | None:
        """The key whose file this is, or None for a foreign file."""
        key = path.name.removesuffix(SUFFIX)
        return key if KEY.fullmatch(key) and self._file(key) == path else None

    def _folders(self) -> list[Path]:
        try:
            return sorted(p for p in self.path.iterdir() if p.is_dir() and not p.is_symlink())
        except OSError:
            return []

    def _files(self) -> Iterator[Path]:
        for folder in self._folders():
            with contextlib.suppress(OSError):
                yield from sorted(folder.iterdir())

    def _warn(self, message: str, what: str) -> None:
        """Warn, once for each file that cannot be read and once for a disk that takes nothing."""
        mine = object()
        if self._told.setdefault(what, mine) is mine:  # one step, so one thread of many warns
            warnings.warn(message, StoreWarning, stacklevel=3)


@functools.lru_cache(maxsize=8)
def _table_store(
    path: str, build_timeout: float, max_bytes: int | None, read_only: bool
) -> TableStore:
    return TableStore(path, build_timeout=build_timeout, max_bytes=max_bytes, read_only=read_only)


def default_path() -> Path:
    """The directory that is meant where none is named."""
    named = os.environ.get("OTMAPS_STORE")
    if named:
        return Path(named).expanduser().absolute()
    import platformdirs

    return platformdirs.user_cache_path("otmaps") / "tables"


def shared_paths() -> tuple[Path, ...]:
    """The directories behind the default one: of the variable, or else the system's own."""
    named = os.environ.get("OTMAPS_SHARED_STORE")
    if named is not None:
        return tuple(Path(p).expanduser().absolute() for p in named.split(os.pathsep) if p)
    import platformdirs

    path = platformdirs.site_data_path("otmaps") / "tables"
    return (path,) if path.is_dir() else ()
