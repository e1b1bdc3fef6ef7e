"""Stores behind others, limits, read-only directories and archives."""

import contextlib
import io
import os
import pickle
import tarfile
import time
import warnings
from pathlib import Path

import numpy as np
import pytest

import otmaps
from otmaps._errors import TableError
from otmaps._format import pack, table_key
from otmaps._stores import (
    FrontedStore,
    LayeredStore,
    MemoryStore,
    Opened,
    TableStore,
    export_tables,
    import_tables,
    resolve_store,
)
from otmaps._table import load_map, map_recipe
from otmaps.testing import StoreTests


def table(i: int, n: int = 100) -> tuple[str, bytes]:
    recipe = {"number": i}
    return table_key(recipe), pack({"x": np.arange(n) + float(i)}, recipe, {})


TABLES = dict(table(i) for i in range(6))
KEYS = list(TABLES)


def filled(store, keys=KEYS):
    for key in keys:
        store.put(key, TABLES[key])
    return store


def snapshot(path: Path) -> dict[str, tuple[int, bytes]]:
    return {
        str(p.relative_to(path)): (p.stat().st_mtime_ns, p.read_bytes() if p.is_file() else b"")
        for p in sorted(path.rglob("*"))
    }


class TestLayeredStore(StoreTests):
    def store(self, path: Path) -> LayeredStore:
        return LayeredStore(TableStore(path / "own"), TableStore(path / "shared", read_only=True))


class TestLimitedStore(StoreTests):
    def store(self, path: Path) -> TableStore:
        return TableStore(path, max_bytes=2**23)


class TestLayers:
    def test_what_is_behind_is_found_and_never_written(self, tmp_path: Path) -> None:
        filled(TableStore(tmp_path / "shared"), KEYS[:3])
        for path in (tmp_path / "shared").rglob("*.safetensors"):
            os.utime(path, (time.time() - 10_000,) * 2)
        before = snapshot(tmp_path / "shared")
        shared = TableStore(tmp_path / "shared", read_only=True)
        store = LayeredStore(TableStore(tmp_path / "own"), shared)
        assert [store.get(key) == TABLES[key] for key in KEYS] == [True] * 3 + [False] * 3
        filled(store, KEYS[2:4])
        with store.building(KEYS[0]):
            store.remove(KEYS[0])
        assert store.get(KEYS[0]) == TABLES[KEYS[0]]
        assert store.stat(KEYS[1]).size == len(TABLES[KEYS[1]])
        assert sorted(store.keys()) == sorted(KEYS[:4])
        assert sorted(store.first.keys()) == sorted(KEYS[2:4])
        assert snapshot(tmp_path / "shared") == before

    def test_a_bad_table_behind_is_built_anew_in_front(self, tmp_path: Path) -> None:
        op, prior = otmaps.lerp(0.3), otmaps.Logistic()
        shared = TableStore(tmp_path / "shared")
        otmaps.match(op, prior, tol=1e-4, store=shared)
        (path,) = shared.path.rglob("*.safetensors")
        data = bytearray(path.read_bytes())
        data[-1] ^= 1
        path.write_bytes(data)
        store = LayeredStore(TableStore(tmp_path / "own"), shared)
        with pytest.warns(otmaps.StoreWarning, match="built anew") as told:
            otmaps.match(op, prior, tol=1e-4, store=store)
        assert len(told) == 1
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            otmaps.match(op, prior, tol=1e-4, store=store)
        assert path.read_bytes() == data
        assert store.first.verify().good == 1

    def test_pickle_and_words(self, tmp_path: Path) -> None:
        store = filled(LayeredStore(TableStore(tmp_path), TableStore(tmp_path, read_only=True)))
        copy = pickle.loads(pickle.dumps(store))
        assert copy.get(KEYS[0]) == TABLES[KEYS[0]]
        assert copy.behind[0].read_only
        assert str(tmp_path) in repr(copy)
        with pytest.raises(TypeError, match="takes stores, got"):
            LayeredStore(store, tmp_path)

    def test_the_default_has_shared_stores_behind(self, store_dir, tmp_path, monkeypatch) -> None:
        one, two = (filled(TableStore(tmp_path / n), [k]) for n, k in zip("ab", KEYS, strict=False))
        monkeypatch.setenv("OTMAPS_SHARED_STORE", f"{one.path}{os.pathsep}{two.path}")
        store = resolve_store("default")
        assert store is resolve_store("default")
        assert [store.get(key) is not None for key in KEYS[:3]] == [True, True, False]
        assert store.back.first == TableStore(store_dir)
        monkeypatch.setenv("OTMAPS_SHARED_STORE", "")
        assert resolve_store("default").back == TableStore(store_dir)

    def test_or_else_the_directory_of_the_system(self, store_dir, tmp_path, monkeypatch) -> None:
        import platformdirs

        monkeypatch.delenv("OTMAPS_SHARED_STORE", raising=False)
        monkeypatch.setattr(platformdirs, "site_data_path", lambda name: tmp_path / name)
        assert isinstance(resolve_store("default").back, TableStore)
        filled(TableStore(tmp_path / "otmaps" / "tables"), KEYS[:1])
        assert resolve_store("default").get(KEYS[0]) == TABLES[KEYS[0]]


class TestReadOnly:
    def test_nothing_changes_on_disk(self, tmp_path: Path) -> None:
        filled(TableStore(tmp_path), KEYS[:2])
        before = snapshot(tmp_path)
        store = TableStore(tmp_path, read_only=True)
        assert store != TableStore(tmp_path)
        assert store != tmp_path
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            filled(store, KEYS[1:3])
            store.remove(KEYS[0])
            with store.building(KEYS[3]):
                pass
        assert store.get(KEYS[2]) == TABLES[KEYS[2]]
        assert store.get(KEYS[0]) == TABLES[KEYS[0]]
        with pytest.raises(ValueError, match="read_only=True"):
            store.prune(max_bytes=0)
        assert snapshot(tmp_path) == before


class TestLimit:
    def test_a_directory_never_passes_its_limit(self, tmp_path: Path) -> None:
        size = len(TABLES[KEYS[0]])
        store = TableStore(tmp_path, max_bytes=3 * size + 10)
        for key, data in (table(i) for i in range(20)):
            store.put(key, data)
            assert sum(e.size for e in store.entries()) <= store.max_bytes
            assert store.get(key) == data

    def test_the_least_recently_used_goes(self, tmp_path: Path) -> None:
        size = len(TABLES[KEYS[0]])
        filled(TableStore(tmp_path), KEYS[:3])
        for age, key in enumerate(KEYS[:3]):
            os.utime(TableStore(tmp_path)._file(key), (time.time() - 100 * (age + 1),) * 2)
        filled(TableStore(tmp_path, max_bytes=int(3.9 * size)), [KEYS[3]])
        assert set(TableStore(tmp_path).keys()) == {KEYS[0], KEYS[1], KEYS[3]}

    def test_what_is_larger_than_the_limit_does_not_stay(self, tmp_path: Path) -> None:
        store = filled(TableStore(tmp_path, max_bytes=10), KEYS[:1])
        assert list(store.keys()) == []

    def test_a_limit_is_a_number(self, tmp_path: Path) -> None:
        with pytest.raises(ValueError, match="max_bytes"):
            TableStore(tmp_path, max_bytes=-1)


def members(path: Path) -> list[str]:
    with tarfile.open(path) as archive:
        return archive.getnames()


class TestArchives:
    def test_there_and_back(self, tmp_path: Path) -> None:
        one, other = filled(TableStore(tmp_path / "one")), MemoryStore()
        out = export_tables(one, tmp_path / "a.tar")
        assert out
        assert (out.copied, out.present) == (6, 0)
        assert import_tables(other, tmp_path / "a.tar").copied == 6
        assert import_tables(other, tmp_path / "a.tar").present == 6
        assert dict(zip(KEYS, map(other.get, KEYS), strict=True)) == TABLES
        # A directory and memory give equal archives, and unpacked they are a store.
        export_tables(other, tmp_path / "b.tar")
        assert (tmp_path / "a.tar").read_bytes() == (tmp_path / "b.tar").read_bytes()
        with tarfile.open(tmp_path / "a.tar") as archive:
            archive.extractall(tmp_path / "unpacked", filter="data")
        assert TableStore(tmp_path / "unpacked").verify().good == 6
        assert not list(tmp_path.glob("*.tmp"))

    def test_some_keys(self, tmp_path: Path) -> None:
        found = export_tables(filled(MemoryStore()), tmp_path / "a.tar", [KEYS[0], "ab" * 32])
        assert found.copied == 1
        assert found.left_out == (("ab" * 32, "it is not there"),)
        assert members(tmp_path / "a.tar") == [f"{KEYS[0][:2]}/{KEYS[0]}.safetensors"]

    def test_bad_tables_do_not_travel(self, tmp_path: Path) -> None:
        store = filled(MemoryStore())
        store.put(KEYS[0], TABLES[KEYS[1]])
        out = export_tables(store, tmp_path / "a.tar")
        assert not out
        assert out.left_out[0][0] == KEYS[0]
        assert len(members(tmp_path / "a.tar")) == 5

    @pytest.mark.parametrize("make", [tarfile.USTAR_FORMAT, tarfile.GNU_FORMAT, tarfile.PAX_FORMAT])
    def test_archives_of_tar(self, tmp_path: Path, make: int) -> None:
        store = filled(TableStore(tmp_path / "tables"))
        with tarfile.open(tmp_path / "a.tar", "w", format=make) as archive:
            archive.add(store.path, "some/where/tables")
            info = tarfile.TarInfo("x" * 60 + "/" + "y" * 60)  # a long name, and no table
            archive.addfile(info, io.BytesIO())
        found = import_tables(MemoryStore(), tmp_path / "a.tar")
        assert found.copied == 6
        assert len(found.left_out) == 1

    def test_malicious_members_are_left_out(self, tmp_path: Path) -> None:
        key = KEYS[0]
        name = f"{key[:2]}/{key}.safetensors"
        with tarfile.open(tmp_path / "a.tar", "w") as archive:
            for wrong in (f"../../{key}.safetensors", "/etc/passwd", f"zz/{key}.safetensors"):
                info = tarfile.TarInfo(wrong)
                info.size = len(TABLES[key])
                archive.addfile(info, io.BytesIO(TABLES[key]))
            for kind in (tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.FIFOTYPE, tarfile.CHRTYPE):
                info = tarfile.TarInfo(name)
                info.type, info.linkname = kind, "/etc/passwd"
                archive.addfile(info)
            info = tarfile.TarInfo(name)
            info.size = 3
            archive.addfile(info, io.BytesIO(b"bad"))
        store = TableStore(tmp_path / "tables")
        found = import_tables(store, tmp_path / "a.tar")
        assert found.copied == 0
        assert len(found.left_out) == 8
        assert not store.path.exists()

    def test_damaged_archives_are_refused(self, tmp_path: Path) -> None:
        export_tables(filled(MemoryStore()), tmp_path / "a.tar")
        data = (tmp_path / "a.tar").read_bytes()
        rng = np.random.default_rng(0)
        damaged = [data[:n] for n in (100, 512, 700, 1024, 3000)]
        damaged += [b"no archive at all" * 100, b"\x1f\x8b" + data, data[:-1024] + b"x" * 512]
        for _ in range(300):
            flipped = bytearray(data)
            flipped[rng.integers(len(data))] ^= 1 << int(rng.integers(8))
            damaged.append(bytes(flipped))
        for bad in damaged:
            (tmp_path / "b.tar").write_bytes(bad)
            store = MemoryStore()
            with contextlib.suppress(TableError):
                import_tables(store, tmp_path / "b.tar")
            assert all(store.get(key) in (None, TABLES[key]) for key in KEYS)
        for bad in damaged[:8]:
            (tmp_path / "b.tar").write_bytes(bad)
            with pytest.raises(TableError, match="archive"):
                import_tables(MemoryStore(), tmp_path / "b.tar")

    def test_a_member_that_is_no_table_by_its_size(self, tmp_path: Path, monkeypatch) -> None:
        export_tables(filled(MemoryStore()), tmp_path / "a.tar")
        monkeypatch.setattr("otmaps._stores._archive.MOST_BYTES", 10)
        assert len(import_tables(MemoryStore(), tmp_path / "a.tar").left_out) == 6

    def test_a_failed_export_leaves_nothing(self, tmp_path: Path, monkeypatch) -> None:
        def fails(descriptor: int) -> None:
            raise OSError("full")

        monkeypatch.setattr(os, "fsync", fails)
        with pytest.raises(OSError, match="full"):
            export_tables(filled(MemoryStore()), tmp_path / "a.tar")
        assert list(tmp_path.iterdir()) == []


class TestOpened:
    def test_equal_bytes_are_opened_once(self, tmp_path: Path) -> None:
        op, prior = otmaps.lerp(0.3), otmaps.Logistic()
        recipe = map_recipe(op, (prior, prior), prior, tol=1e-4)
        for store in (TableStore(tmp_path), FrontedStore(TableStore(tmp_path)), MemoryStore()):
            otmaps.match(op, prior, tol=1e-4, store=store)
            assert load_map(store, recipe) is load_map(store, recipe)

    @pytest.mark.parametrize("where", [-1, -2000, 200])
    def test_a_file_that_changes_later_is_noticed(self, tmp_path: Path, where: int) -> None:
        op, prior = otmaps.lerp(0.3), otmaps.Logistic()
        recipe, store = map_recipe(op, (prior, prior), prior, tol=1e-4), TableStore(tmp_path)
        otmaps.match(op, prior, tol=1e-4, store=store)
        assert load_map(store, recipe) is not None
        path = store._file(table_key(recipe))
        before = path.stat()
        data = bytearray(path.read_bytes())
        data[where] ^= 1
        path.write_bytes(data)
        os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
        with pytest.warns(otmaps.StoreWarning, match="SHA-256"):
            assert load_map(store, recipe) is None

    def test_the_least_recently_used_goes(self) -> None:
        opened: Opened[int] = Opened(25)
        for i, key in enumerate("abc"):
            opened.put(key, key.encode() * 10, i)
            opened.get("a", b"a" * 10)
        assert opened.get("a", b"a" * 10) == 0
        assert opened.get("b", b"b" * 10) is None
        assert opened.get("c", b"c" * 9) is None
        opened.put("c", b"x" * 5, 7)
        assert opened._size == 15
        opened.put("d", b"x" * 100, 8)
        assert opened._size == 0
