"""What was made of bytes once is not made of them again."""

from __future__ import annotations

import collections
from typing import Generic, TypeVar, final

from otmaps._stores._lock import LOCK

T = TypeVar("T")


@final
class Opened(Generic[T]):
    """Values by key, each with the bytes that it was made from; the least recently used go first.

    A value is found by equal bytes only, and those are compared as a whole. So a file that was
    verified once is verified again by comparison, which costs a twentieth of its digest, and
    what changed is noticed as surely. Safe under threads and fork.

    Parameters
    ----------
    max_bytes : int
        How many bytes may be remembered; each value costs about as much again.
    """

    def __init__(self, max_bytes: int) -> None:
        self.max_bytes = max_bytes
        self._entries: collections.OrderedDict[str, tuple[bytes, T]] = collections.OrderedDict()
        self._size = 0

    def get(self, key: str, data: bytes) -> T | None:
        """The value that was made from these bytes, or None."""
        with LOCK:
            entry = self._entries.get(key)
            if entry is not None:
                self._entries.move_to_end(key)
        return entry[1] if entry is not None and entry[0] == data else None

    def put(self, key: str, data: bytes, value: T) -> None:
        """Remember a value that must not change."""
        with LOCK:
            former = self._entries.pop(key, None)
            self._size += len(data) - (0 if former is None else len(former[0]))
            self._entries[key] = data, value
            while self._size > self.max_bytes:
                _, (dropped, _) = self._entries.popitem(last=False)
                self._size -= len(dropped)
