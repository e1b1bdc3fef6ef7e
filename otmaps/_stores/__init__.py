"""Stores of tables: bytes under keys.

What a store returns is verified by whoever asked for it (`otmaps._table`). Nothing here raises
for a broken disk or a damaged file: a store is a cache, so the worst is a `StoreWarning` and a
table that is built again.
"""

from __future__ import annotations

import functools
import os
from pathlib import Path

from otmaps._stores._base import Store, StoreEntry
from otmaps._stores._directory import PathLike, TableStore, Verification, default_path
from otmaps._stores._memory import FrontedStore, MemoryStore
from otmaps._stores._objects import ObjectStore, is_url

__all__ = [
    "FrontedStore",
    "MemoryStore",
    "ObjectStore",
    "PathLike",
    "Store",
    "StoreEntry",
    "TableStore",
    "Verification",
    "resolve_store",
]


def resolve_store(store: Store | PathLike | None) -> Store | None:
    """The store that an argument ``store=`` means.

    Parameters
    ----------
    store : Store, path-like, URL, "default" or None
        A path is a directory and a URL an object store, with memory in front; "default" is that
        of ``TableStore()``; None is no store at all.
    """
    if store is None or isinstance(store, Store):
        return store
    if isinstance(store, str) and store == "default":
        store = os.environ.get("OTMAPS_STORE") or default_path()
    if isinstance(store, str) and is_url(store):
        return _fronted(store)
    if isinstance(store, str | os.PathLike):
        return _fronted(TableStore(store).path)
    raise TypeError(
        f"store must be a store, the path of a directory, a URL, 'default' or None, "
        f"got {type(store).__name__}."
    )


@functools.lru_cache(maxsize=8)
def _fronted(place: Path | str) -> FrontedStore:
    return FrontedStore(TableStore(place))
