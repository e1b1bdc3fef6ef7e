"""The abstract store: bytes under keys."""

from __future__ import annotations

import abc
import contextlib
import dataclasses
import re
from collections.abc import Iterator
from typing import final

KEY = re.compile(r"[0-9a-f]{64}", re.ASCII)


@final
@dataclasses.dataclass(frozen=True)
class StoreEntry:
    """What a store knows of a table without reading it.

    Attributes
    ----------
    key : str
        64 hex digits.
    size : int
        Bytes.
    used : float
        The time of last use in seconds since the epoch, right to an hour.

    Examples
    --------
    >>> import otmaps
    >>> store = otmaps.MemoryStore()
    >>> store.put("0" * 64, b"bytes")
    >>> store.stat("0" * 64).size
    5
    """

    key: str
    size: int
    used: float


class Store(abc.ABC):
    """Where tables are kept: bytes under keys of 64 hex digits.

    A store never raises for what happens to its medium; it warns (`StoreWarning`) and behaves
    as if it were empty. Bytes under one key are always equal, so the last writer may win.

    Examples
    --------
    >>> import otmaps
    >>> store = otmaps.MemoryStore()
    >>> store.put("0" * 64, b"bytes")
    >>> store.get("0" * 64), store.get("1" * 64)
    (b'bytes', None)
    """

    @abc.abstractmethod
    def get(self, key: str) -> bytes | None:
        """The bytes under a key, or None; not verified."""

    @abc.abstractmethod
    def put(self, key: str, data: bytes) -> None:
        """Keep bytes under a key: readers see all of them or none."""

    @abc.abstractmethod
    def stat(self, key: str) -> StoreEntry | None:
        """Size and time of last use, where the bytes are kept as this kind of store promises."""

    @abc.abstractmethod
    def keys(self) -> Iterator[str]:
        """The keys that `stat` knows."""

    @abc.abstractmethod
    def remove(self, key: str) -> None:
        """Forget a key; nothing happens where there is none."""

    @abc.abstractmethod
    def building(self, key: str) -> contextlib.AbstractContextManager[None]:
        """Hold this while building the table of a key, and look again for it once inside.

        It saves double work and promises nothing: after a time-out one builds anyway.
        """


def checked_key(key: str) -> str:
    """The key, where it is one: nothing else may become part of a path."""
    if not KEY.fullmatch(str(key)):
        raise ValueError(f"key must be 64 lower-case hex digits (see table_key), got {key!r}.")
    return key
