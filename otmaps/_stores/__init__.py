"""Stores of tables: bytes under keys.

What a store returns is verified by whoever asked for it (`otmaps._table`). Nothing here raises
for a broken disk or a damaged file: a store is a cache, so the worst is a `StoreWarning` and a
table that is built again.
"""

from __future__ import annotations

import functools
import os
from pathlib import Path

from otmaps._stores._archive import Transfer, export_tables, import_tables
from otmaps._stores._base import Store, StoreEntry
from otmaps._stores._directory import (
    PathLike,
    TableStore,
    Verification,
    default_path,
    shared_paths,
)
from otmaps._stores._layered import LayeredStore
from otmaps._stores._memory import FrontedStore, MemoryStore
from otmaps._stores._objects import ObjectStore, is_url
from otmaps._stores._opened import Opened

__all__ = [
    "FrontedStore",
    "LayeredStore",
    "MemoryStore",
    "ObjectStore",
    "Opened",
    "PathLike",
    "Store",
    "StoreEntry",
    "TableStore",
    "Transfer",
    "Verification",
    "default_path",
    "export_tables",
    "import_tables",
    "is_url",
    "resolve_store",
    "shared_paths",
]


def resolve_store(store: Store | PathLike | None) -> Store | None:
    """The store that an argument ``store=`` means.

    Parameters
    ----------
    store : Store, path-like, URL, "default" or None
        A path is a directory and a URL an object store, with memory in front. "default" is the
        one of ``TableStore()``, and behind it, never written, the directories of the environment
        variable ``OTMAPS_SHARED_STORE`` or else ``otmaps/tables`` in the system's data directory,
        where it is there. None is no store at all.
    """
    if store is None or isinstance(store, Store):
        return store
    if isinstance(store, str) and store == "default":
        named = os.environ.get("OTMAPS_STORE", "")
        return _fronted(named if is_url(named) else default_path(), *shared_paths())
    if isinstance(store, str) and is_url(store):
        return _fronted(store)
    if isinstance(store, str | os.PathLike):
        return _fronted(TableStore(store).path)
    raise TypeError(
        f"store must be a store, the path of a directory, a URL, 'default' or None, "
        f"got {type(store).__name__}."
    )


@functools.lru_cache(maxsize=8)
def _fronted(place: Path | str, *behind: Path) -> FrontedStore:
    own = TableStore(place)
    if not behind:
        return FrontedStore(own)
    return FrontedStore(LayeredStore(own, *(TableStore(p, read_only=True) for p in behind)))
