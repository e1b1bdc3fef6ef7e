"""Every system call of looking up, locking and publishing fails in turn, or is the last one."""

import errno
import fcntl
import os
import warnings
from pathlib import Path

import pytest

from otmaps._errors import StoreWarning
from otmaps._map import MonotoneMap
from otmaps._map_between import monotone_map
from otmaps._priors import Normal, Uniform
from otmaps._registry import operation
from otmaps._stores import TableStore
from otmaps._table import fetch_map, map_recipe, table_key

CALLS = [
    (os, name)
    for name in ("open", "read", "write", "fsync", "close", "replace", "mkdir", "unlink", "fstat")
] + [(fcntl, "flock")]
ERRORS = (errno.ENOSPC, errno.EACCES, errno.EIO, errno.EINTR)
OP = operation(lambda a, b: a * b, version="1")()
RECIPE = map_recipe(OP, (Uniform(), Uniform()), Uniform()) or {}
KEY = table_key(RECIPE)


def build() -> MonotoneMap:
    return monotone_map(Normal(), Normal(1.0, 2.0))


class Tripwire:
    """Counts the system calls, and does something else in the place of one of them."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, number: int, action) -> None:
        self.number, self.action, self.names = number, action, []
        for module, name in CALLS:
            monkeypatch.setattr(module, name, self._watched(name, getattr(module, name)))

    def _watched(self, name: str, real):
        def call(*arguments, **more):
            self.names.append(name)
            if len(self.names) - 1 == self.number:
                if name == "close":  # a failing close has closed the file all the same
                    real(*arguments, **more)
                self.action()
            return real(*arguments, **more)

        return call


def calls_of_a_fetch(path: Path, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    with monkeypatch.context() as watched:
        tripwire = Tripwire(watched, -1, None)
        fetch_map(TableStore(path), RECIPE, build)
    return tripwire.names


def check_that_it_serves(path: Path) -> None:
    """Whatever happened: no bad file, and the next process finds or makes the table."""
    report = TableStore(path).verify()
    assert report, report.bad
    built = []
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for _ in range(2):
            fetch_map(TableStore(path), RECIPE, lambda: built.append(1) or build())
    assert len(built) <= 1
    assert TableStore(path).verify().good == 1


def test_every_call_is_met(tmp_path: Path, monkeypatch) -> None:
    names = calls_of_a_fetch(tmp_path / "tables", monkeypatch)
    assert set(names) >= {"open", "write", "fsync", "close", "replace", "mkdir", "flock"}
    assert names.count("fsync") == 3  # the file, its folder, and the folder of that


@pytest.mark.parametrize("code", ERRORS, ids=errno.errorcode.get)
def test_the_caller_gets_its_map_whatever_fails(tmp_path: Path, monkeypatch, code: int) -> None:
    def fail() -> None:
        raise OSError(code, os.strerror(code))

    count = len(calls_of_a_fetch(tmp_path / "first", monkeypatch))
    for number in range(count):
        path = tmp_path / str(number)
        store = TableStore(path, build_timeout=0.05)
        with monkeypatch.context() as broken, warnings.catch_warnings(record=True) as told:
            warnings.simplefilter("always")
            tripwire = Tripwire(broken, number, fail)
            found = fetch_map(store, RECIPE, build)
            where = f"{tripwire.names[number]}, call {number}"
        assert found(3.0) == 7.0, where
        assert {w.category for w in told} <= {StoreWarning}, where
        assert len(told) <= 1, where
        assert fetch_map(store, RECIPE, build)(3.0) == 7.0
        check_that_it_serves(path)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="forks")
def test_a_death_at_any_call_leaves_a_store_that_serves(tmp_path: Path, monkeypatch) -> None:
    count = len(calls_of_a_fetch(tmp_path / "first", monkeypatch))
    for number in range(count):
        path = tmp_path / str(number)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)  # of forks beside threads of BLAS
            pid = os.fork()
        if pid == 0:
            try:
                Tripwire(monkeypatch, number, lambda: os._exit(9))
                fetch_map(TableStore(path), RECIPE, build)
            finally:
                os._exit(1)
        assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 9
        check_that_it_serves(path)


def test_a_reader_with_a_broken_disk_builds_for_itself(tmp_path: Path, monkeypatch) -> None:
    def fail() -> None:
        raise OSError(errno.EIO, os.strerror(errno.EIO))

    fetch_map(TableStore(tmp_path), RECIPE, build)
    for number in range(4):  # open, fstat, read, close
        with monkeypatch.context() as broken:
            Tripwire(broken, number, fail)
            with pytest.warns(StoreWarning, match="could not be read"):
                found = fetch_map(TableStore(tmp_path), RECIPE, build)
        assert found(3.0) == 7.0
        check_that_it_serves(tmp_path)
