"""Tables below a URL: on a real S3 server of this machine, and on file systems that fail."""

import errno
import logging
import os
import pickle
import re
import socket
import sys
import time
from typing import ClassVar

import numpy as np
import pytest
from click.testing import CliRunner

from otmaps._built_in import lerp
from otmaps._convert import as_distribution
from otmaps._errors import StoreWarning
from otmaps._format import unpack
from otmaps._match import match
from otmaps._stores import (
    MemoryStore,
    ObjectStore,
    TableStore,
    _objects,
    _service,
    resolve_store,
)
from otmaps._table import map_recipe, table_key
from otmaps.cli import main
from otmaps.testing import StoreTests

fsspec = pytest.importorskip("fsspec", reason="needs the extra otmaps[cloud]")

KEY = "ab" * 32
TOL = 1e-4
Y = np.linspace(-0.9, 0.9, 11)


def matched(store):
    return match(lerp(0.25), "uniform", tol=TOL, store=store)


def key_of_matched():
    law = as_distribution("uniform")
    return table_key(map_recipe(lerp(0.25), [law, law], law, tol=TOL))


def answer():
    return matched(None).map(Y)


# --------------------------------------------------------------------------------------- services
@pytest.fixture(scope="module")
def server():
    """A server of S3 on loopback: the program moto_server, in a thread."""
    server_of = pytest.importorskip("moto.server", reason="needs moto, flask and flask-cors")
    s3fs = pytest.importorskip("s3fs", reason="needs the extra otmaps[cloud]")
    running = server_of.ThreadedMotoServer("127.0.0.1", port=0)
    running.start()
    host, port = running.get_host_and_port()
    options = {
        "key": "test", "secret": "test", "client_kwargs": {"endpoint_url": f"http://{host}:{port}"}
    }  # fmt: skip
    s3fs.S3FileSystem(**options).mkdir("bucket")
    yield options
    running.stop()


class Requests(logging.Handler):
    """What the server was asked for: (method, what, status)."""

    def __init__(self) -> None:
        super().__init__()
        self.seen: list[tuple[str, str, int]] = []

    def emit(self, record: logging.LogRecord) -> None:
        found = re.search(r"([A-Z]+) (\S+) HTTP/1\.1.*?\" (\d+)", record.getMessage())
        if found:
            self.seen.append((found[1], found[2], int(found[3])))

    def of(self, method: str) -> list[int]:
        return [status for name, _, status in self.seen if name == method]


@pytest.fixture
def requests(server):
    log, handler = logging.getLogger("werkzeug"), Requests()
    log.addHandler(handler)
    log.setLevel(logging.INFO)
    log.propagate = False
    yield handler
    log.removeHandler(handler)


@pytest.fixture
def s3(server, tmp_path):
    """Another store below a new prefix each time it is called."""

    def opened(name="tables", **more):
        keywords = {"options": server, "copy": tmp_path / "copy"} | more
        return ObjectStore(f"s3://bucket/{tmp_path.name}/{name}", **keywords)

    return opened


class Faulty(fsspec.get_filesystem_class("memory")):
    """A file system in memory that first raises what it was told to."""

    protocol = "faulty"
    store: ClassVar[dict] = {}
    pseudo_dirs: ClassVar[list] = [""]
    faults: ClassVar[dict] = {}
    asked: ClassVar[list] = []

    def _meet(self, method):
        self.asked.append(method)
        if self.faults.get(method):
            fault = self.faults[method].pop(0)
            if fault is not None:
                raise fault

    def cat_file(self, path, start=None, end=None, **more):
        self._meet("read")
        return super().cat_file(path, start, end, **more)

    def pipe_file(self, path, value, mode="overwrite", **more):
        self._meet("create" if mode == "create" else "replace")
        return super().pipe_file(path, value, mode=mode, **more)

    def info(self, path, **more):
        self._meet("stat")
        return super().info(path, **more)

    def ls(self, path, detail=True, **more):
        self._meet("list")
        return super().ls(path, detail, **more)

    def rm_file(self, path):
        self._meet("remove")
        return super().rm_file(path)


@pytest.fixture
def faulty(monkeypatch):
    """The class whose ``faults`` are raised, and without waiting between attempts."""
    fsspec.register_implementation("faulty", Faulty, clobber=True)
    Faulty.store.clear()
    Faulty.pseudo_dirs[:] = [""]
    Faulty.faults.clear()
    Faulty.asked.clear()
    monkeypatch.setattr(_service, "_FIRST_WAIT", 1e-4)
    return Faulty


# ---------------------------------------------------------------------------------- the interface
class TestS3Store(StoreTests):
    @pytest.fixture(autouse=True)
    def _server(self, s3):
        self.opened = s3

    def store(self, path):
        return self.opened()


class TestMemoryFileSystemStore(StoreTests):
    def store(self, path):
        return ObjectStore(f"memory://{path}", copy=path / "copy")


class TestS3:
    def test_a_table_goes_round(self, s3, requests, tmp_path):
        T = matched(s3()).map
        assert requests.of("PUT") == [200]
        assert np.array_equal(T(Y), answer())
        before = len(requests.seen)
        assert np.array_equal(matched(s3()).map(Y), answer())
        assert len(requests.seen) == before  # served by the copy
        elsewhere = s3(copy=tmp_path / "other machine")
        assert np.array_equal(matched(elsewhere).map(Y), answer())
        assert requests.seen[before:] == [("GET", requests.seen[-1][1], 206)]
        assert list(elsewhere.copy.keys()) == [key_of_matched()]

    def test_no_listing_is_needed(self, s3, requests):
        store = s3(copy=None)
        matched(store)
        matched(store)
        store.stat(key_of_matched())
        assert not [what for _, what, _ in requests.seen if "list-type" in what]

    def test_of_many_who_build_a_table_one_writes(self, s3, requests, tmp_path):
        matched(s3())
        stores = [s3(copy=tmp_path / str(i)) for i in range(3)]
        for store in stores:
            data = store.get(key_of_matched())
            store.put(key_of_matched(), data)
        assert requests.of("PUT") == [200, 412, 412, 412]

    def test_a_damaged_object_is_built_again(self, s3, server):
        store = s3()
        matched(store)
        good = store.get(key_of_matched())
        bad = bytearray(good)
        bad[len(bad) // 2] ^= 1
        store._service.replace(_objects._name(key_of_matched()), bytes(bad))
        fresh = s3(copy=None)
        with pytest.warns(StoreWarning, match="SHA-256"):
            assert np.array_equal(matched(fresh).map(Y), answer())
        assert s3(copy=None).get(key_of_matched()) == good

    def test_names_in_the_environment(self, server, monkeypatch, tmp_path):
        url = f"s3://bucket/{tmp_path.name}"
        monkeypatch.setenv("AWS_ENDPOINT_URL", server["client_kwargs"]["endpoint_url"])
        monkeypatch.setenv("AWS_ACCESS_KEY_ID", "test")
        monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "test")
        monkeypatch.setenv("OTMAPS_COPIES", str(tmp_path / "copies"))
        assert np.array_equal(matched(url).map(Y), answer())
        monkeypatch.setenv("OTMAPS_STORE", url)
        assert list(TableStore().keys()) == [key_of_matched()]
        assert resolve_store("default").back == TableStore(url)
        assert len(list((tmp_path / "copies").glob("*/*/*.safetensors"))) == 1

    def test_a_bucket_that_is_not_there(self, server):
        store = ObjectStore("s3://no-such-bucket/tables", options=server, copy=None)
        with pytest.warns(StoreWarning, match="could not be written .*bucket does not exist"):
            matched(store)
        assert store.stat(key_of_matched()) is None

    def test_a_server_that_is_not_there(self, server, recwarn, monkeypatch):
        monkeypatch.setattr(_service, "_FIRST_WAIT", 1e-3)
        with socket.socket() as taken:  # bound, and not listening
            taken.bind(("127.0.0.1", 0))
            endpoint = f"http://127.0.0.1:{taken.getsockname()[1]}"
            options = server | {"client_kwargs": {"endpoint_url": endpoint}}
            store = ObjectStore("s3://bucket/tables", options=options, copy=None)
            for _ in range(2):
                assert np.array_equal(matched(store).map(Y), answer())
            assert np.array_equal(
                match(lerp(0.3), "uniform", tol=TOL, store=store).map(Y),
                match(lerp(0.3), "uniform", tol=TOL, store=None).map(Y),
            )
        assert [str(w.message)[:11] for w in recwarn] == ["ObjectStore"]
        assert "Could not connect" in str(recwarn[0].message)

    def test_a_server_that_does_not_answer(self, server):
        with socket.create_server(("127.0.0.1", 0)) as silent:  # takes the call and says nothing
            endpoint = f"http://127.0.0.1:{silent.getsockname()[1]}"
            options = server | {"client_kwargs": {"endpoint_url": endpoint}}
            store = ObjectStore("s3://bucket/tables", options=options, copy=None, timeout=0.5)
            with pytest.warns(StoreWarning, match=r"no answer within 0\.5 s"):
                assert np.array_equal(matched(store).map(Y), answer())

    def test_stores_travel(self, s3):
        store = s3()
        matched(store)
        there, again = (pickle.loads(pickle.dumps(store)) for _ in range(2))
        assert there is again  # one connection and one warning a process
        assert there == store
        assert there.get(key_of_matched()) == store.get(key_of_matched())

    def test_each_process_has_a_connection(self, s3, monkeypatch):
        store = s3(copy=None)
        matched(store)
        first = store._service._connection()[0]
        monkeypatch.setattr(os, "getpid", lambda: 7)
        assert store._service._connection()[0] is not first
        assert store.get(key_of_matched()) is not None


# -------------------------------------------------------------------------------- what goes wrong
class TestFailures:
    def test_what_passes_is_tried_again(self, faulty):
        store = ObjectStore("faulty://tables", copy=None)
        slow = OSError(errno.EIO, "slow down")
        faulty.faults.update(create=[slow, TimeoutError()], read=[slow] * 4, stat=[slow])
        store.put(KEY, b"data")
        assert (store.get(KEY), store.stat(KEY).size) == (b"data", 4)
        asked = [faulty.asked.count(what) for what in ("create", "read", "replace")]
        assert asked == [3, 5, 0]

    def test_attempts_have_a_bound(self, faulty):
        store = ObjectStore("faulty://tables", copy=None)
        faulty.faults["create"] = [OSError(errno.EIO, "slow down")] * 9
        with pytest.warns(StoreWarning, match="slow down"):
            store.put(KEY, b"data")
        assert faulty.asked == ["create"] * 5
        assert store.get(KEY) == b"data"  # from memory
        assert store.stat(KEY) is None
        store.put(KEY, b"data")  # not asked, as it was out of reach
        assert faulty.asked == ["create"] * 5

    def test_it_is_asked_again_after_a_while(self, faulty, monkeypatch):
        store = ObjectStore("faulty://tables", copy=None)
        faulty.faults["create"] = [OSError(errno.EIO, "slow down")] * 5
        with pytest.warns(StoreWarning):
            store.put(KEY, b"data")
        now = time.monotonic
        monkeypatch.setattr(time, "monotonic", lambda: now() + _objects._PAUSE)
        store.put(KEY, b"data")
        assert store.stat(KEY).size == 4

    def test_what_is_refused_is_asked_once(self, faulty):
        store = ObjectStore("faulty://tables", copy=None)
        faulty.faults["create"] = [PermissionError("read only")]
        faulty.faults["read"] = [PermissionError("not yours")]
        with pytest.warns(StoreWarning, match="written .*read only"):
            store.put(KEY, b"data")
        with pytest.warns(StoreWarning, match="read .*not yours"):
            assert store.get("cd" * 32) is None
        assert faulty.asked == ["create", "read"]
        assert store.get("cd" * 32) is None  # it can be reached, so it is asked
        assert faulty.asked[2:] == ["read"]

    @pytest.mark.parametrize(
        "fault",
        [OSError(errno.ENOSYS, "not implemented"), TypeError("mode"), NotImplementedError()],
    )
    def test_services_without_conditional_puts(self, faulty, fault):
        store = ObjectStore("faulty://tables", copy=None)
        faulty.faults["create"] = [fault]
        store.put(KEY, b"data")
        assert faulty.asked == ["create", "replace"]
        assert store.get(KEY) == b"data"

    def test_the_precondition_by_its_code(self, faulty):
        store = ObjectStore("faulty://tables", copy=None)
        store.put(KEY, b"data")
        cause = Exception()
        cause.response = {"Error": {"Code": "PreconditionFailed"}}
        fault = OSError(errno.EINVAL, "at least one precondition failed")
        fault.__cause__ = cause
        faulty.faults["create"] = [fault]
        store.put(KEY, b"data")
        assert "replace" not in faulty.asked

    def test_listing_and_removing(self, faulty):
        store = ObjectStore("faulty://tables", copy=None)
        store.put(KEY, b"data")
        faulty.faults.update(list=[PermissionError("no")], remove=[PermissionError("no")])
        with pytest.warns(StoreWarning, match="listed .*PermissionError"):
            assert list(store.keys()) == []
        store.remove(KEY)
        assert list(store.keys()) == [KEY]

    def test_foreign_objects_are_passed_over(self, faulty):
        store = ObjectStore("faulty://tables", copy=None)
        store.put(KEY, b"data")
        faulty().pipe_file("/tables/ab/readme.txt", b"hello")
        faulty().pipe_file(f"/tables/cd/{KEY}.safetensors", b"hello")
        assert list(store.keys()) == [KEY]

    def test_a_damaged_copy_is_fetched_again(self, tmp_path):
        store = ObjectStore(f"memory://{tmp_path}", copy=tmp_path / "copy")
        matched(store)
        (copied,) = (tmp_path / "copy").glob("*/*.safetensors")
        good = copied.read_bytes()
        copied.write_bytes(good[:-1] + bytes([good[-1] ^ 1]))
        with pytest.warns(StoreWarning, match="fetched anew: damaged"):
            assert store.get(key_of_matched()) == good
        assert copied.read_bytes() == good

    def test_what_is_no_table_is_not_copied(self, tmp_path):
        store = ObjectStore(f"memory://{tmp_path}", copy=MemoryStore())
        store.put(KEY, b"no table")
        assert store.get(KEY) == b"no table"
        assert list(store.copy.keys()) == []
        matched(store)
        assert [unpack(store.copy.get(k), k) for k in store.copy.keys()]  # noqa: SIM118

    def test_an_object_that_fills_the_memory(self, faulty, monkeypatch):
        monkeypatch.setattr(_service, "_MAX_SIZE", 3)
        store = ObjectStore("faulty://tables", copy=None)
        store.put(KEY, b"data")
        with pytest.warns(StoreWarning, match="more bytes than a table"):
            assert store.get(KEY) is None


# ---------------------------------------------------------------------------------- how it is made
class TestMaking:
    def test_the_table_store_of_a_url(self, tmp_path):
        store = TableStore(f"memory://{tmp_path}", copy=None, timeout=3)
        assert isinstance(store, ObjectStore)
        assert store == ObjectStore(f"memory://{tmp_path}/")
        assert store != TableStore(tmp_path)
        assert len({store, ObjectStore(f"memory://{tmp_path}")}) == 1
        assert isinstance(resolve_store("memory://a").back, ObjectStore)

    def test_the_command_that_looks_after_directories(self, monkeypatch):
        for command in (["list", "memory://tables"], ["prune"], ["verify", "memory://tables"]):
            monkeypatch.setenv("OTMAPS_STORE", "memory://tables")
            result = CliRunner().invoke(main, ["store", *command])
            assert result.exit_code == 2
            assert "takes a directory" in result.stderr

    def test_secrets_are_not_shown(self, tmp_path):
        store = ObjectStore("memory://me:word@host/tables", copy=None)
        assert repr(store) == "ObjectStore('memory://host/tables')"

    @pytest.mark.parametrize("missing", ["s3fs", "fsspec"])
    def test_a_missing_package_is_named(self, monkeypatch, missing):
        monkeypatch.setitem(sys.modules, missing, None)
        monkeypatch.delitem(sys.modules["fsspec.registry"]._registry, "s3", raising=False)
        with pytest.raises(
            ImportError, match=r"s3://bucket/tables needs a package .*otmaps\[cloud\]"
        ):
            TableStore("s3://bucket/tables", copy=None)

    def test_arguments(self, tmp_path):
        with pytest.raises(ValueError, match="url must be a URL"):
            ObjectStore("tables")
        with pytest.raises(ValueError, match="pass the path of the directory"):
            ObjectStore("file:///tables")
        with pytest.raises(ValueError, match="not known"):
            ObjectStore("nosuch://tables", copy=None)
        with pytest.raises(ValueError, match="timeout must be more than 0"):
            ObjectStore("memory://tables", timeout=0)
        with pytest.raises(ValueError, match="copy is the URL"):
            ObjectStore("memory://tables", copy="s3://bucket")

    def test_a_copy_for_each_url(self, monkeypatch, tmp_path):
        monkeypatch.delenv("OTMAPS_COPIES", raising=False)
        monkeypatch.setattr("platformdirs.user_cache_path", lambda name: tmp_path / name)
        one, two = (ObjectStore(f"memory://{name}").copy.path for name in "ab")
        assert one.parent == two.parent == tmp_path / "otmaps" / "copies"
        assert one != two

    @pytest.mark.parametrize(
        ("told", "seconds"),
        [
            ({"updated": "1970-01-01T00:01:00+00:00"}, 60.0),
            ({"mtime": 60}, 60.0),
            ({"created": "yesterday"}, 0.0),
            ({}, 0.0),
        ],
    )
    def test_times_of_services(self, told, seconds):
        assert _service._seconds(told) == seconds
