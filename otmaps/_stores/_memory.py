"""Tables in the memory of this process, alone or in front of another store."""

from __future__ import annotations

import collections
import contextlib
import time
from collections.abc import Iterator
from typing import Any, final

from otmaps._stores._base import Store, StoreEntry, checked_key
from otmaps._stores._lock import LOCK


@final
class MemoryStore(Store):
    """Tables in the memory of this process, the least recently used dropped first.

    Safe under threads and fork. Threads that ask at once for one key may build it twice.

    Parameters
    ----------
    max_bytes : int
        How much to keep; the newest table is kept whatever its size.

    Examples
    --------
    >>> import otmaps
    >>> store = otmaps.MemoryStore(max_bytes=2**20)
    >>> m = otmaps.match(otmaps.lerp(0.5), "uniform", store=store)
    >>> len(list(store.keys()))
    1
    """

    def __init__(self, max_bytes: int = 2**28) -> None:
        if max_bytes < 0:
            raise ValueError(f"max_bytes must be at least 0, got {max_bytes!r}.")
        self.max_bytes = max_bytes
        self._entries: collections.OrderedDict[str, tuple[bytes, float]] = collections.OrderedDict()
        self._size = 0

    def __repr__(self) -> str:
        return f"MemoryStore(max_bytes={self.max_bytes})"

    def __len__(self) -> int:
        return len(self._entries)

    def get(self, key: str) -> bytes | None:
        """The bytes under a key, or None."""
        checked_key(key)
        with LOCK:
            if key not in self._entries:
                return None
            data = self._entries[key][0]
            self._entries[key] = data, time.time()
            self._entries.move_to_end(key)
            return data

    def put(self, key: str, data: bytes) -> None:
        """Keep bytes under a key, and drop what was not used for longest."""
        checked_key(key)
        with LOCK:
            self.remove(key)
            self._entries[key] = bytes(data), time.time()
            self._size += len(data)
            while self._size > self.max_bytes and len(self._entries) > 1:
                self.remove(next(iter(self._entries)))

    def stat(self, key: str) -> StoreEntry | None:
        """Size and time of last use."""
        checked_key(key)
        with LOCK:
            entry = self._entries.get(key)
        return None if entry is None else StoreEntry(key, len(entry[0]), entry[1])

    def keys(self) -> Iterator[str]:
        """All keys, the least recently used first."""
        with LOCK:
            return iter(list(self._entries))

    def remove(self, key: str) -> None:
        """Forget a key."""
        checked_key(key)
        with LOCK:
            data, _ = self._entries.pop(key, (b"", 0.0))
            self._size -= len(data)

    def building(self, key: str) -> contextlib.AbstractContextManager[None]:
        """Nothing: see the class."""
        checked_key(key)
        return contextlib.nullcontext()


@final
class FrontedStore(Store):
    """A memory store in front of a lasting one: what was read or built once is not read again.

    Parameters
    ----------
    back : Store
        The store that keeps; `stat` and `keys` speak of it alone.
    front : MemoryStore, optional
        By default a new one of 64 MiB.

    Examples
    --------
    >>> import otmaps
    >>> store = otmaps.FrontedStore(otmaps.TableStore("tables"))
    >>> m = otmaps.match(otmaps.lerp(0.5), "uniform", store=store)
    >>> len(list(store.keys()))
    1
    """

    def __init__(self, back: Store, front: MemoryStore | None = None) -> None:
        self.back = back
        self.front: MemoryStore = MemoryStore(2**26) if front is None else front

    def __reduce__(self) -> tuple[Any, ...]:
        return FrontedStore, (self.back,)

    def __repr__(self) -> str:
        return f"FrontedStore({self.back!r})"

    def get(self, key: str) -> bytes | None:
        """The bytes in memory, or else those of the store behind it."""
        data = self.front.get(key)
        if data is None:
            data = self.back.get(key)
            if data is not None:
                self.front.put(key, data)
        return data

    def put(self, key: str, data: bytes) -> None:
        """Keep bytes in both."""
        self.front.put(key, data)
        self.back.put(key, data)

    def stat(self, key: str) -> StoreEntry | None:
        """What the store behind knows."""
        return self.back.stat(key)

    def keys(self) -> Iterator[str]:
        """The keys of the store behind."""
        return self.back.keys()

    def remove(self, key: str) -> None:
        """Forget a key in both."""
        self.front.remove(key)
        self.back.remove(key)

    def building(self, key: str) -> contextlib.AbstractContextManager[None]:
        """The lock of the store behind."""
        return self.back.building(key)
