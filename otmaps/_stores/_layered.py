"""One store behind another."""

from __future__ import annotations

import contextlib
import itertools
from collections.abc import Iterator
from typing import Any, final

from otmaps._stores._base import Store, StoreEntry


@final
class LayeredStore(Store):
    """A store of one's own, and others behind it that are read and never written.

    For tables that come with a system, a project or a colleague: a key is looked up in each store
    in turn, and what is built goes to the first one. What an own store has is its own matter, so
    a damaged table there is built anew, not looked for further back.

    Parameters
    ----------
    first : Store
        The store that keeps what is built.
    *behind : Store
        The stores that are asked for what it does not have, in this order. Open directories with
        ``TableStore(path, read_only=True)``, so that reading leaves no trace there.

    Examples
    --------
    >>> import otmaps
    >>> shared = otmaps.TableStore("/opt/tables", read_only=True)
    >>> store = otmaps.LayeredStore(otmaps.MemoryStore(), shared)
    >>> list(store.keys())
    []
    """

    def __init__(self, first: Store, *behind: Store) -> None:
        for store in (first, *behind):
            if not isinstance(store, Store):
                raise TypeError(f"LayeredStore takes stores, got {type(store).__name__}.")
        self.first = first
        self.behind = behind

    def __reduce__(self) -> tuple[Any, ...]:
        return LayeredStore, (self.first, *self.behind)

    def __repr__(self) -> str:
        return f"LayeredStore({', '.join(map(repr, (self.first, *self.behind)))})"

    def get(self, key: str) -> bytes | None:
        """The bytes of the first store that has them."""
        for store in (self.first, *self.behind):
            data = store.get(key)
            if data is not None:
                return data
        return None

    def put(self, key: str, data: bytes) -> None:
        """Keep bytes in the first store."""
        self.first.put(key, data)

    def stat(self, key: str) -> StoreEntry | None:
        """What the first store that has the key knows of it."""
        found = (store.stat(key) for store in (self.first, *self.behind))
        return next((entry for entry in found if entry is not None), None)

    def keys(self) -> Iterator[str]:
        """The keys of all stores, each once."""
        seen: set[str] = set()
        for key in itertools.chain.from_iterable(
            store.keys() for store in (self.first, *self.behind)
        ):
            if key not in seen:
                seen.add(key)
                yield key

    def remove(self, key: str) -> None:
        """Forget a key in the first store; those behind keep theirs."""
        self.first.remove(key)

    def building(self, key: str) -> contextlib.AbstractContextManager[None]:
        """The lock of the first store."""
        return self.first.building(key)
