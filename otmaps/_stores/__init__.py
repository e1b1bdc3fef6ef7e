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

__all__ = [
    "FrontedStore",
    "MemoryStore",
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
    store : Store, path-like, "default" or None
        A path is a directory with memory in front, "default" the one of ``TableStore()``;
        None is no store at all.
    """
    if store is None or isinstance(store, Store):
        return store
    if isinstance(store, str) and store == "default":
        return _fronted(default_path())
    if isinstance(store, str | os.PathLike):
        return _fronted(TableStore(store).path)
    raise TypeError(
        f"store must be a store, the path of a directory, 'default' or None, "
        f"got {type(store).__name__}."
    )


@functools.lru_cache(maxsize=8)
def _fronted(path: Path) -> FrontedStore:
    return FrontedStore(TableStore(path))
