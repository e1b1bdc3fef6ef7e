"""Tables on disk and in memory."""

from __future__ import annotations

import hashlib
import shutil
import tempfile

import otmaps
from otmaps._table import from_bytes, load_map, map_recipe, table_key, to_bytes

from .cases import OPERATIONS, PRIORS


class Open:
    """A verified open of a table of about 64 KiB: the file, all checks, and the map."""

    def setup(self) -> None:
        operation, prior, tol = OPERATIONS["lerp"], PRIORS["exponential"], 1e-9
        self.directory = tempfile.mkdtemp(prefix="otmaps-bench-")
        self.store = otmaps.TableStore(self.directory)
        self.recipe = map_recipe(operation, (prior,) * 2, prior, tol=tol)
        self.key = table_key(self.recipe)
        self.store.put(self.key, to_bytes(otmaps.match(operation, prior, tol=tol).map, self.recipe))

    def teardown(self) -> None:
        shutil.rmtree(self.directory)

    def time_first(self) -> None:
        self.opened = from_bytes(self.store.get(self.key), self.key)

    def time_again(self) -> None:
        self.opened = load_map(self.store, self.recipe)

    def time_digest_alone(self) -> None:
        self.digest = hashlib.sha256(self.store.get(self.key)).digest()

    def track_bytes(self) -> float:
        return float(self.store.stat(self.key).size)


class Table:
    """One table of the size that `match` makes, and a directory of its own."""

    def setup(self) -> None:
        self.operation, self.prior = OPERATIONS["lerp"], PRIORS["laplace"]
        laws = (self.prior,) * 2
        self.directory = tempfile.mkdtemp(prefix="otmaps-bench-")
        self.store = otmaps.TableStore(self.directory)
        self.memory = otmaps.MemoryStore()
        matched = otmaps.match(self.operation, self.prior, store=self.store)
        otmaps.match(self.operation, self.prior, store=self.memory)
        self.recipe = map_recipe(self.operation, laws, self.prior)
        self.key = table_key(self.recipe)
        self.map = matched.map
        self.data = to_bytes(self.map, self.recipe)

    def teardown(self) -> None:
        shutil.rmtree(self.directory)

    def time_key(self) -> None:
        table_key(map_recipe(self.operation, (self.prior,) * 2, self.prior))

    def time_pack(self) -> None:
        to_bytes(self.map, self.recipe)

    def time_put(self) -> None:
        self.store.put(self.key, self.data)

    def time_get(self) -> None:
        self.found = self.store.get(self.key)

    def time_read(self) -> None:
        self.read = from_bytes(self.data, self.key)

    def time_match_from_directory(self) -> None:
        self.matched = otmaps.match(self.operation, self.prior, store=self.store)

    def time_match_from_memory(self) -> None:
        self.matched = otmaps.match(self.operation, self.prior, store=self.memory)

    def time_match_without_store(self) -> None:
        self.matched = otmaps.match(self.operation, self.prior, store=None)
