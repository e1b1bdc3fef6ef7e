"""Stores: conformance of every kind, and the directory under faults and forks."""

import datetime as dt
import errno
import hashlib
import os
import pickle
import stat
import subprocess
import sys
import threading
import time
import warnings
from pathlib import Path

import numpy as np
import pytest

from otmaps._errors import StoreWarning
from otmaps._format import pack, table_key
from otmaps._stores import FrontedStore, MemoryStore, TableStore, _files, resolve_store

KEY = "ab" * 32


def key(i: int) -> str:
    return hashlib.sha256(str(i).encode()).hexdigest()


def table(i: int, n: int = 100) -> tuple[str, bytes]:
    """A whole file, and the key under which it belongs."""
    recipe = {"number": i}
    return table_key(recipe), pack({"x": np.arange(n) + float(i)}, recipe, {})


def put_all(store: TableStore, entries: dict[str, bytes]) -> None:
    for k, data in entries.items():
        store.put(k, data)


def run(script: str, *arguments: object) -> str:
    """What a fresh process prints; it must end well."""
    done = subprocess.run(
        # Python 3.12 and later warn of any fork beside threads, those of BLAS included.
        [
            sys.executable,
            "-Werror",
            "-Wignore::DeprecationWarning",
            "-c",
            script,
            *map(str, arguments),
        ],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.fixture
def store(tmp_path: Path) -> TableStore:
    return TableStore(tmp_path / "tables")


STORES = {
    "memory": lambda path: MemoryStore(),
    "directory": TableStore,
    "fronted": lambda path: FrontedStore(TableStore(path)),
}


@pytest.fixture(params=STORES)
def any_store(request: pytest.FixtureRequest, tmp_path: Path):
    return STORES[request.param](tmp_path / "any")


class TestEveryStore:
    def test_what_was_put_is_got(self, any_store) -> None:
        assert any_store.get(KEY) is None
        assert any_store.stat(KEY) is None
        any_store.put(KEY, b"one")
        any_store.put(key(1), b"")
        assert any_store.get(KEY) == b"one"
        assert any_store.get(key(1)) == b""
        assert sorted(any_store.keys()) == sorted([KEY, key(1)])

    def test_the_last_writer_wins(self, any_store) -> None:
        any_store.put(KEY, b"one")
        any_store.put(KEY, b"three")
        assert any_store.get(KEY) == b"three"
        assert any_store.stat(KEY).size == 5
        assert list(any_store.keys()) == [KEY]

    def test_stat_tells_size_and_time(self, any_store) -> None:
        any_store.put(KEY, b"12345")
        entry = any_store.stat(KEY)
        assert (entry.key, entry.size) == (KEY, 5)
        assert abs(entry.used - time.time()) < 60

    def test_remove(self, any_store) -> None:
        any_store.put(KEY, b"one")
        any_store.remove(KEY)
        any_store.remove(KEY)
        assert any_store.get(KEY) is None
        assert list(any_store.keys()) == []

    def test_building_is_a_context(self, any_store) -> None:
        with any_store.building(KEY):
            any_store.put(KEY, b"built")
        assert any_store.get(KEY) == b"built"
        with pytest.raises(ZeroDivisionError), any_store.building(KEY):
            raise ZeroDivisionError
        with any_store.building(KEY):
            pass

    @pytest.mark.parametrize(
        "bad", ["", "ab" * 31, "AB" * 32, "ab" * 32 + "\n", "../" + "a" * 61, "g" * 64, 7, None]
    )
    def test_only_keys_are_keys(self, any_store, bad) -> None:
        calls = [
            lambda: any_store.get(bad),
            lambda: any_store.put(bad, b""),
            lambda: any_store.stat(bad),
            lambda: any_store.remove(bad),
            lambda: any_store.building(bad).__enter__(),
        ]
        for call in calls:
            with pytest.raises(ValueError, match="64 lower-case hex digits"):
                call()

    def test_threads(self, any_store) -> None:
        keys = [key(i) for i in range(8)]

        def work() -> None:
            for k in keys * 3:
                any_store.put(k, k.encode())
                assert any_store.get(k) == k.encode()

        threads = [threading.Thread(target=work) for _ in range(4)]
        for t in threads:
            t.start()
        for t in threads:
            t.join()
        assert sorted(any_store.keys()) == sorted(keys)


class TestMemory:
    def test_the_least_recently_used_goes(self) -> None:
        memory = MemoryStore(max_bytes=30)
        for i in range(3):
            memory.put(key(i), b"x" * 10)
        memory.get(key(0))
        memory.put(key(3), b"x" * 10)
        assert set(memory.keys()) == {key(0), key(2), key(3)}

    def test_the_newest_stays_whatever_its_size(self) -> None:
        memory = MemoryStore(max_bytes=3)
        memory.put(key(0), b"1")
        memory.put(key(1), b"x" * 10)
        assert list(memory.keys()) == [key(1)]

    def test_a_negative_limit_is_refused(self) -> None:
        with pytest.raises(ValueError, match="max_bytes"):
            MemoryStore(-1)

    def test_the_front_saves_a_read(self, store: TableStore) -> None:
        fronted = FrontedStore(store)
        store.put(KEY, b"on disk")
        assert fronted.get(KEY) == b"on disk"
        store.remove(KEY)
        assert fronted.get(KEY) == b"on disk"
        fronted.remove(KEY)
        assert fronted.get(KEY) is None


class TestFiles:
    def test_name_and_place(self, store: TableStore) -> None:
        store.put(KEY, b"one")
        assert [p.relative_to(store.path).as_posix() for p in store.path.rglob("*.*")] == [
            f"ab/{KEY}.safetensors"
        ]

    def test_nothing_is_made_by_reading(self, store: TableStore) -> None:
        store.get(KEY)
        list(store.keys())
        store.verify()
        store.prune(max_bytes=0)
        assert not store.path.exists()

    @pytest.mark.skipif(sys.platform == "win32", reason="no umask")
    @pytest.mark.parametrize(("umask", "mode"), [(0o022, 0o644), (0o007, 0o660)])
    def test_files_get_the_normal_mode(self, store: TableStore, umask: int, mode: int) -> None:
        before = os.umask(umask)
        try:
            store.put(KEY, b"one")
        finally:
            os.umask(before)
        (path,) = store.path.rglob("*.safetensors")
        assert stat.S_IMODE(path.stat().st_mode) == mode

    def test_reading_notes_the_use_of_old_files_only(self, store: TableStore) -> None:
        store.put(KEY, b"one")
        path = store._file(KEY)
        for age, touched in ((60.0, False), (7200.0, True)):
            then = time.time() - age
            os.utime(path, (then, then))
            store.get(KEY)
            assert (path.stat().st_mtime > then + 1) is touched

    def test_foreign_files_are_passed_over(self, store: TableStore) -> None:
        good, data = table(1)
        store.put(good, data)
        strangers = [
            store.path / "README",
            store.path / "ab" / "notes.txt",
            store.path / "ab" / f"{'AB' * 32}.safetensors",
            store.path / "cd" / f"{KEY}.safetensors",  # in the folder of other keys
        ]
        for path in strangers:
            path.parent.mkdir(exist_ok=True)
            path.write_text("mine")
        assert list(store.keys()) == [good]
        report = store.verify()
        assert report
        assert report.good == 1
        assert set(report.strangers) == set(strangers[1:])
        store.prune(max_bytes=0)
        assert all(p.read_text() == "mine" for p in strangers)

    def test_prune_by_size_takes_the_least_recently_used(self, store: TableStore) -> None:
        now = time.time()
        for i in range(5):
            store.put(key(i), b"x" * 100)
            os.utime(store._file(key(i)), (now - i * 1000, now - i * 1000))
        removed = store.prune(max_bytes=250)
        assert [e.key for e in removed] == [key(4), key(3), key(2)]
        assert set(store.keys()) == {key(0), key(1)}

    @pytest.mark.parametrize("age", [1500.0, dt.timedelta(seconds=1500)])
    def test_prune_by_age(self, store: TableStore, age) -> None:
        now = time.time()
        for i in range(3):
            store.put(key(i), b"x" * 100)
            os.utime(store._file(key(i)), (now - i * 1000, now - i * 1000))
        assert [e.key for e in store.prune(max_age=age)] == [key(2)]
        assert store.prune() == ()

    @pytest.mark.parametrize("limits", [{"max_bytes": -1}, {"max_age": float("nan")}])
    def test_prune_refuses_impossible_limits(self, store: TableStore, limits) -> None:
        with pytest.raises(ValueError, match=next(iter(limits))):
            store.prune(**limits)

    def test_readers_of_a_pruned_file_go_on(self, store: TableStore) -> None:
        store.put(KEY, b"one")
        with store._file(KEY).open("rb") as file:
            store.prune(max_bytes=0)
            assert file.read() == b"one"

    def test_orphans_are_swept_when_old(self, store: TableStore) -> None:
        folder = store.path / "ab"
        folder.mkdir(parents=True)
        old, young = folder / f"{KEY}.00.tmp", folder / f"{KEY}.01.tmp"
        lock = folder / f"{KEY}.lock"
        for path in (old, young, lock):
            path.write_bytes(b"x")
        for path in (old, lock):
            os.utime(path, (time.time() - 4000,) * 2)
        store.put(KEY, b"one")
        assert not old.exists()
        assert not lock.exists()
        assert young.exists()
        os.utime(young, (time.time() - 4000,) * 2)
        store.prune()
        assert not young.exists()

    def test_verify_finds_what_is_bad(self, store: TableStore) -> None:
        tables = [table(i) for i in range(4)]
        for k, data in tables:
            store.put(k, data)
        assert store.verify().good == 4
        flipped = bytearray(tables[0][1])
        flipped[-1] ^= 1
        store.put(tables[0][0], bytes(flipped))
        store.put(tables[1][0], tables[1][1][:-5])
        store.put(tables[2][0], tables[3][1])
        report = store.verify()
        assert not report
        assert report.good == 1
        told = {path.stem: why for path, why in report.bad}
        assert set(told) == {k for k, _ in tables[:3]}
        assert "SHA-256" in told[tables[0][0]]
        assert "another key" in told[tables[2][0]]

    def test_verify_passes_over_what_goes_meanwhile(self, store: TableStore, monkeypatch) -> None:
        store.put(*table(1))
        gone = [*store._files(), store._file(key(1))]
        monkeypatch.setattr(TableStore, "_files", lambda self: iter(gone))
        assert store.verify().good == 1


class TestUnreadable:
    """A file that is none is a miss and one warning."""

    def check(self, store: TableStore) -> None:
        with pytest.warns(StoreWarning, match="could not be read") as told:
            assert [store.get(KEY) for _ in range(2)] == [None, None]
        assert len(told) == 1
        assert not store.verify()

    @pytest.mark.skipif(sys.platform == "win32", reason="symbolic links and pipes of POSIX")
    @pytest.mark.parametrize("what", ["symlink", "pipe", "directory", "loop", "device"])
    def test_what_is_not_a_file(self, store: TableStore, what: str, tmp_path: Path) -> None:
        path = store._file(KEY)
        path.parent.mkdir(parents=True)
        if what == "symlink":
            (tmp_path / "secret").write_text("not for you")
            path.symlink_to(tmp_path / "secret")
        elif what == "pipe":
            os.mkfifo(path)
        elif what == "directory":
            path.mkdir()
        elif what == "loop":
            path.symlink_to(path)
        else:
            path.symlink_to("/dev/zero")
        assert store.stat(KEY) is None
        self.check(store)

    def test_a_file_too_large_to_be_a_table(self, store: TableStore, monkeypatch) -> None:
        store.put(KEY, b"x" * 1000)
        monkeypatch.setattr(_files, "MOST_BYTES", 999)
        self.check(store)

    @pytest.mark.parametrize("code", [errno.EACCES, errno.EIO])
    def test_an_error_of_the_disk(self, store: TableStore, monkeypatch, code: int) -> None:
        store.put(KEY, b"one")
        real = os.open

        def fails(path, flags, *rest, **more):
            if str(path).endswith(".safetensors"):
                raise OSError(code, os.strerror(code), str(path))
            return real(path, flags, *rest, **more)

        monkeypatch.setattr(os, "open", fails)
        self.check(store)

    def test_a_store_below_a_file(self, tmp_path: Path) -> None:
        (tmp_path / "file").write_text("")
        store = TableStore(tmp_path / "file" / "tables")
        with pytest.warns(StoreWarning):
            assert store.get(KEY) is None
        assert list(store.keys()) == []
        with pytest.warns(StoreWarning, match="could not be written"):
            store.put(KEY, b"one")
        with store.building(KEY):
            assert store.get(KEY) == b"one"


FAULTS = [
    ("open", errno.EACCES),
    ("open", errno.EROFS),
    ("open", errno.ENOSPC),
    ("write", errno.ENOSPC),
    ("write", errno.EIO),
    ("fsync", errno.ENOSPC),
    ("fsync", errno.EIO),
    ("close", errno.EIO),
    ("replace", errno.EACCES),
    ("mkdir", errno.EROFS),
]


class TestUnwritable:
    """What the disk does not take stays in memory, with one warning; no file is ever half."""

    def break_call(self, monkeypatch, name: str, code: int) -> None:
        real = getattr(os, name)

        def fails(*arguments, **more):
            if name == "open" and not arguments[1] & os.O_CREAT:
                return real(*arguments, **more)
            if name == "close":
                real(*arguments)
            raise OSError(code, os.strerror(code))

        monkeypatch.setattr(os, name, fails)

    @pytest.mark.parametrize(("call", "code"), FAULTS)
    def test_fault(self, store: TableStore, monkeypatch, call: str, code: int) -> None:
        with monkeypatch.context() as broken:
            self.break_call(broken, call, code)
            with pytest.warns(StoreWarning, match="could not be written") as told:
                put_all(store, {KEY: b"one", key(1): b"two"})
            assert len(told) == 1
        assert store.get(KEY) == b"one"
        assert store.get(key(1)) == b"two"
        assert store.stat(KEY) is None
        assert list(store.keys()) == []
        assert not list(store.path.rglob("*.tmp"))
        # The disk is well again.
        store.put(KEY, b"one")
        assert store.stat(KEY).size == 3
        assert list(store._memory.keys()) == [key(1)]

    def test_a_failed_write_keeps_the_old_file(self, store: TableStore, monkeypatch) -> None:
        store.put(KEY, b"old")
        self.break_call(monkeypatch, "write", errno.ENOSPC)
        with pytest.warns(StoreWarning):
            store.put(KEY, b"new")
        assert store.get(KEY) == b"new"
        assert TableStore(store.path).get(KEY) == b"old"

    def test_a_real_read_only_directory(self, store: TableStore) -> None:
        if os.geteuid() == 0:
            pytest.skip("the superuser writes everywhere")
        store.path.mkdir()
        store.path.chmod(0o500)
        try:
            with pytest.warns(StoreWarning, match="could not be written"):
                store.put(KEY, b"one")
            assert store.get(KEY) == b"one"
        finally:
            store.path.chmod(0o700)

    def test_short_writes_are_completed(self, store: TableStore, monkeypatch) -> None:
        real = os.write
        monkeypatch.setattr(os, "write", lambda fd, data: real(fd, bytes(data)[:7]))
        store.put(KEY, bytes(range(256)))
        assert store.get(KEY) == bytes(range(256))

    def test_data_reach_the_disk_before_the_name(self, store: TableStore, monkeypatch) -> None:
        calls: list[str] = []
        for name in ("fsync", "replace"):
            real = getattr(os, name)
            monkeypatch.setattr(
                os, name, lambda *a, _n=name, _r=real, **k: (calls.append(_n), _r(*a, **k))[1]
            )
        store.put(KEY, b"one")
        assert calls[:3] == ["fsync", "replace", "fsync"]

    def test_directories_that_cannot_be_flushed(self, store: TableStore, monkeypatch) -> None:
        real = os.fsync

        def fails(descriptor: int) -> None:
            if stat.S_ISDIR(os.fstat(descriptor).st_mode):
                raise OSError(errno.EINVAL, "not here")
            real(descriptor)

        monkeypatch.setattr(os, "fsync", fails)
        store.put(KEY, b"one")
        assert store.stat(KEY).size == 3


class TestPlace:
    def test_the_environment_names_the_default(self, store_dir: Path) -> None:
        assert TableStore().path == store_dir
        assert resolve_store("default").back == TableStore(store_dir)
        assert resolve_store("default") is resolve_store("default")

    def test_or_else_the_cache_of_the_user(self, monkeypatch, tmp_path: Path) -> None:
        monkeypatch.delenv("OTMAPS_STORE")
        monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
        path = TableStore(None).path
        assert path.name == "tables"
        assert "otmaps" in path.parts
        if sys.platform == "linux":
            assert path == tmp_path / "cache" / "otmaps" / "tables"

    def test_resolve(self, store: TableStore, tmp_path: Path) -> None:
        assert resolve_store(None) is None
        assert resolve_store(store) is store
        assert resolve_store(tmp_path).back.path == tmp_path
        with pytest.raises(TypeError, match="store must be"):
            resolve_store(7)

    def test_urls_of_files_are_refused(self) -> None:
        with pytest.raises(ValueError, match="pass the path of the directory"):
            TableStore("file:///tmp/x")

    @pytest.mark.parametrize(("arguments", "error"), [((7,), TypeError), ((b"x",), TypeError)])
    def test_no_path(self, arguments, error) -> None:
        with pytest.raises(error, match="path must be"):
            TableStore(*arguments)

    def test_no_timeout(self, tmp_path: Path) -> None:
        with pytest.raises(ValueError, match="build_timeout"):
            TableStore(tmp_path, build_timeout=-1.0)

    def test_relative_paths_are_fixed_at_once(self, tmp_path: Path, monkeypatch) -> None:
        monkeypatch.chdir(tmp_path)
        store = TableStore("here")
        monkeypatch.chdir("/")
        assert store.path == tmp_path / "here"

    def test_pickle(self, store: TableStore) -> None:
        store.put(KEY, b"one")
        patient = TableStore(store.path, build_timeout=7.0)
        copy, again = (pickle.loads(pickle.dumps(patient)) for _ in range(2))
        assert copy is again
        assert copy == store
        assert hash(copy) == hash(store)
        assert copy.build_timeout == 7.0
        assert pickle.loads(pickle.dumps(FrontedStore(store))).get(KEY) == b"one"
        assert str(store.path) in repr(FrontedStore(store))


class TestLock:
    def test_no_lock_files_stay(self, store: TableStore) -> None:
        with store.building(KEY):
            assert list(store.path.rglob("*.lock"))
            store.put(KEY, b"one")
        assert not list(store.path.rglob("*.lock"))

    def test_after_the_timeout_one_builds_anyway(self, store: TableStore) -> None:
        hasty = TableStore(store.path, build_timeout=0.05)
        with store.building(KEY):
            start = time.perf_counter()
            with hasty.building(KEY):
                assert time.perf_counter() - start >= 0.05

    def test_other_keys_do_not_wait(self, store: TableStore) -> None:
        with store.building(KEY):
            start = time.perf_counter()
            with store.building(key(1)):
                assert time.perf_counter() - start < 30  # far from the 60 s of the time-out

    def test_threads_wait_for_each_other(self, store: TableStore) -> None:
        built = []

        def work() -> None:
            with store.building(KEY):
                if store.get(KEY) is None:
                    built.append(1)
                    time.sleep(0.05)
                    store.put(KEY, b"one")

        threads = [threading.Thread(target=work) for _ in range(6)]
        for t in threads:
            t.start()
        for t in threads:
            t.join()
        assert len(built) == 1

    @pytest.mark.parametrize("error", [OSError(errno.ENOLCK, "no"), NotImplementedError("no")])
    def test_without_locks_one_builds_anyway(self, store: TableStore, monkeypatch, error) -> None:
        import filelock

        def fails(self, *arguments, **more):
            raise error

        monkeypatch.setattr(filelock.FileLock, "acquire", fails)
        with store.building(KEY):
            store.put(KEY, b"one")
        assert store.get(KEY) == b"one"

    def test_errors_of_the_builder_come_out(self, store: TableStore) -> None:
        with pytest.raises(OSError, match="mine"), store.building(KEY):
            raise OSError("mine")


HERD = """
import os, sys, time
from pathlib import Path
from otmaps._stores import TableStore
store, key, log = TableStore(sys.argv[1]), "ab" * 32, sys.argv[2]
children = []
for _ in range(32):
    pid = os.fork()
    if pid == 0:
        with store.building(key):
            if store.get(key) is None:
                with open(log, "a") as file:
                    file.write("built\\n")
                time.sleep(0.3)
                store.put(key, b"one")
        os._exit(0 if store.get(key) == b"one" else 1)
    children.append(pid)
print(sum(os.waitpid(pid, 0)[1] for pid in children))
"""

FORK = """
import os, sys, threading, time
from otmaps._stores import MemoryStore, resolve_store
memory = MemoryStore()
default = resolve_store("default")
stop = threading.Event()
def busy():
    i = 0
    while not stop.is_set():
        memory.put(f"{i % 50:064x}", b"x" * 100)
        i += 1
threads = [threading.Thread(target=busy) for _ in range(2)]
for t in threads:
    t.start()
bad = 0
for i in range(12):
    pid = os.fork()
    if pid == 0:
        # A lock that another thread of the parent held would stop this for ever.
        memory.put("ab" * 32, b"child")
        good = memory.get("ab" * 32) == b"child" and memory._size == sum(
            memory.stat(k).size for k in memory.keys()
        )
        default.put("ab" * 32, b"child")
        with default.building("cd" * 32):
            pass
        os._exit(0 if good and default.get("ab" * 32) == b"child" else 1)
    bad += os.waitpid(pid, 0)[1] != 0
stop.set()
for t in threads:
    t.join()
print(bad)
"""


class TestProcesses:
    def test_another_process_finds_the_table(self, store: TableStore) -> None:
        store.put(KEY, b"from here")
        script = "import sys; from otmaps._stores import TableStore as S;"
        assert run(script + "print(S(sys.argv[1]).get('ab' * 32))", store.path) == "b'from here'\n"

    @pytest.mark.skipif(not hasattr(os, "fork"), reason="forks")
    def test_a_herd_builds_once(self, store: TableStore, tmp_path: Path) -> None:
        assert run(HERD, store.path, tmp_path / "log") == "0\n"
        assert (tmp_path / "log").read_text() == "built\n"

    @pytest.mark.skipif(not hasattr(os, "fork"), reason="forks")
    def test_forks_while_threads_write(self) -> None:
        assert run(FORK) == "0\n"

    def test_no_warning_where_all_is_well(self, store: TableStore) -> None:
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            store.put(KEY, b"one")
            assert TableStore(store.path).get(KEY) == b"one"
