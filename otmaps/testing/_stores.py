"""The suite for stores."""

from __future__ import annotations

import abc
import concurrent.futures
from pathlib import Path

import numpy as np

from otmaps._stores import Store


class StoreTests(abc.ABC):
    """Holds a store to the interface of `otmaps.Store`. Override `store`.

    Examples
    --------
    >>> import otmaps
    >>> class TestMemoryStore(otmaps.testing.StoreTests):
    ...     def store(self, path):
    ...         return otmaps.MemoryStore()
    >>> TestMemoryStore().test_unknown_keys_are_none(None)  # pytest runs all of them
    """

    @abc.abstractmethod
    def store(self, path: Path) -> Store:
        """A store that is empty, at ``path`` if it needs a place (of pytest's tmp_path)."""

    @staticmethod
    def _key(number: int) -> str:
        return f"{number:064x}"

    @staticmethod
    def _data(number: int, size: int = 10_000) -> bytes:
        return np.random.default_rng(number).bytes(size)

    def test_bytes_come_back(self, tmp_path: Path) -> None:
        """What was put is got, byte for byte, and again when put twice."""
        store = self.store(tmp_path)
        for number, size in ((1, 10_000), (2, 8), (3, 2_000_000)):
            store.put(self._key(number), self._data(number, size))
            store.put(self._key(number), self._data(number, size))
        for number, size in ((1, 10_000), (2, 8), (3, 2_000_000)):
            found = store.get(self._key(number))
            assert isinstance(found, bytes), f"get returned {type(found).__name__}"
            assert found == self._data(number, size), "get returned other bytes than were put"

    def test_unknown_keys_are_none(self, tmp_path: Path) -> None:
        """A key that is not there is None for get and stat, and nothing to remove."""
        store = self.store(tmp_path)
        assert store.get(self._key(1)) is None
        assert store.stat(self._key(1)) is None
        store.remove(self._key(1))
        assert list(store.keys()) == []

    def test_keys_and_stat_tell_what_is_there(self, tmp_path: Path) -> None:
        """Keys lists what was put and not removed; stat knows the size."""
        store = self.store(tmp_path)
        for number in range(5):
            store.put(self._key(number), self._data(number))
        store.remove(self._key(2))
        expected = {self._key(number) for number in (0, 1, 3, 4)}
        assert sorted(store.keys()) == sorted(expected)
        entry = store.stat(self._key(1))
        assert entry is not None
        assert (entry.key, entry.size) == (self._key(1), len(self._data(1)))
        assert store.get(self._key(2)) is None

    def test_what_is_no_key_is_refused(self, tmp_path: Path) -> None:
        """Nothing but 64 hex digits becomes part of a path."""
        store = self.store(tmp_path / "inside")
        for key in ("", "../../outside", "A" * 64, "g" * 64, "0" * 63, "0" * 64 + "\n"):
            for request in (store.get, store.remove, lambda k: store.put(k, b"x")):
                try:
                    request(key)
                except ValueError:
                    continue
                msg = f"the key {key!r} was accepted"
                raise AssertionError(msg)
        assert list(store.keys()) == []

    def test_readers_see_all_or_nothing(self, tmp_path: Path) -> None:
        """Eight threads write and read the same keys: each read is whole, None, and no error."""
        store = self.store(tmp_path)
        expected = {self._key(number): self._data(number, 200_000) for number in range(4)}

        def work(seed: int) -> list[str]:
            torn = []
            for number in np.random.default_rng(seed).integers(0, 4, size=20):
                key = self._key(int(number))
                if seed % 2:
                    store.put(key, expected[key])
                found = store.get(key)
                if found is not None and found != expected[key]:
                    torn.append(key)
            return torn

        with concurrent.futures.ThreadPoolExecutor(8) as pool:
            torn = [key for keys in pool.map(work, range(8)) for key in keys]
        assert not torn, f"torn reads of {sorted(set(torn))}"
        assert sorted(store.keys()) == sorted(expected)

    def test_building_lets_one_in_and_lets_go(self, tmp_path: Path) -> None:
        """``building`` can be entered again after it was left, also by an error."""
        store = self.store(tmp_path)
        for _ in range(2):
            try:
                with store.building(self._key(7)):
                    store.put(self._key(7), self._data(7))
                    _ = 1 // 0
            except ZeroDivisionError:
                continue
        assert store.get(self._key(7)) == self._data(7)
