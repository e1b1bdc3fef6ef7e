"""Grids of tables: built once each, found again, failures reported and not fatal."""

import concurrent.futures
import errno
import math
import multiprocessing
import os
import pickle
import subprocess
import sys
import threading
from pathlib import Path

import numpy as np
import pytest

from otmaps._built_in import barycenter, lerp, slerp
from otmaps._errors import StoreWarning
from otmaps._match import match
from otmaps._precompute import Job, _workers, grid, precompute
from otmaps._priors import Laplace, Normal, Uniform
from otmaps._registry import operation
from otmaps._stores import MemoryStore, TableStore

TOL = 1e-4  # small tables: what is tested is not their accuracy


@pytest.fixture
def store(tmp_path: Path) -> TableStore:
    return TableStore(tmp_path / "tables")


@pytest.fixture
def jobs() -> list[Job]:
    return grid(lerp, "uniform", tol=TOL, t=[0.25, 0.5])


class TestPrecompute:
    def test_tables_are_built_and_then_found(self, store: TableStore, jobs, monkeypatch) -> None:
        report = precompute(jobs, store)
        assert report
        assert [r.status for r in report.results] == ["built", "built"]
        assert {r.key for r in report.results} == set(store.keys())
        assert report.size == sum(e.size for e in store.entries()) > 0
        assert 0 < report.error <= TOL
        assert report.seconds >= max(r.seconds for r in report.results) > 0
        again = precompute(jobs, store)
        assert [r.status for r in again.results] == ["found", "found"]
        assert again.error == report.error

        monkeypatch.setattr(
            "otmaps._match.build_map", lambda *a, **k: pytest.fail("the table was not found")
        )
        m = match(lerp(0.25), "uniform", tol=TOL, store=store)
        assert m.map.error == report.results[0].error

    def test_jobs_come_in_three_forms(self, store: TableStore) -> None:
        report = precompute(
            [
                Job(lerp(0.25), "uniform", tol=TOL),
                {"op": lerp(0.75), "prior": Uniform(), "tol": TOL, "inputs": [None, None]},
                {"op": lerp(0.25), "prior": Uniform(), "tol": TOL, "inputs": [None, Normal()]},
                (lerp(0.0), "normal"),
            ],
            store,
        )
        assert report
        assert [r.job.op.parameters["t"] for r in report.results] == [0.25, 0.75, 0.25, 0.0]

    def test_one_table_is_built_once(self, store: TableStore) -> None:
        same = [Job(lerp(0.25), p, tol=TOL) for p in ("uniform", Uniform(), Uniform(-1, 1))]
        report = precompute(same, store)
        assert len(report.results) == 1
        assert report.duplicates == 2

    def test_a_failed_job_is_not_fatal(self, store: TableStore, jobs) -> None:
        bad = [
            Job(lerp(0.5), "no such law"),
            Job("no operation", "normal"),  # type: ignore[arg-type]
            Job(lerp(0.5), "uniform", method="no such method"),
            Job(lerp(0.5), "uniform", tol=-1.0),
        ]
        report = precompute([bad[0], *jobs, *bad[1:]], store)
        assert not report
        assert [r.status for r in report.results] == [
            "failed", "built", "built", "failed", "failed", "failed"
        ]  # fmt: skip
        assert [r.job for r in report.failed] == bad
        assert "no such law" in report.failed[0].message
        assert all(math.isnan(r.error) for r in report.failed)
        assert str(report).count("failed: ") == 4
        assert "6 tables in" in str(report)
        assert report.count("built") == 2

    def test_what_cannot_be_stored_is_said(self, store: TableStore) -> None:
        plain = operation(lambda a, b: a * b)
        report = precompute([(plain(), "normal"), (lerp(0.5), "normal")], store)
        assert report
        own, affine = report.results
        assert (own.status, own.key) == ("memory-only", None)
        assert "version=" in own.message
        assert affine.status == "memory-only"
        assert "needs no table" in affine.message
        assert math.isnan(own.error)

    def test_a_full_disk(self, store: TableStore, jobs, monkeypatch) -> None:
        def fails(*arguments: object) -> int:
            raise OSError(errno.ENOSPC, "No space left on device")

        monkeypatch.setattr(os, "write", fails)
        with pytest.warns(StoreWarning, match="No space left"):
            report = precompute(jobs, store)
        assert report
        assert report.count("memory-only") == 2
        assert all("could not keep" in r.message for r in report.results)
        assert report.size == 0

    def test_a_damaged_table_is_built_again(self, store: TableStore, jobs) -> None:
        keys = [r.key for r in precompute(jobs, store).results]
        good = store.get(keys[0])
        store.put(keys[0], good[:-1])
        with pytest.warns(StoreWarning, match="built anew") as told:
            report = precompute(jobs, store)
        assert len(told) == 1
        assert [r.status for r in report.results] == ["built", "found"]
        assert store.get(keys[0]) == good
        assert store.verify()

    def test_progress(self, store: TableStore, jobs) -> None:
        told = []
        precompute(
            [(lerp(0.5), "no law"), *jobs],
            store,
            progress=lambda done, total, job: told.append((done, total, job.op)),
        )
        assert [t[:2] for t in told] == [(1, 3), (2, 3), (3, 3)]
        assert [t[2] for t in told] == [lerp(0.5), lerp(0.25), lerp(0.5)]

    def test_an_interrupted_run_is_resumed(self, store: TableStore, jobs) -> None:
        def stop(done: int, total: int, job: Job) -> None:
            raise KeyboardInterrupt

        with pytest.raises(KeyboardInterrupt):
            precompute(jobs, store, progress=stop)
        assert [r.status for r in precompute(jobs, store).results] == ["found", "built"]

    def test_the_default_store(self, jobs, store_dir: Path) -> None:
        precompute(jobs)
        assert len(list(TableStore(store_dir).keys())) == 2

    def test_nothing_to_do(self, store: TableStore) -> None:
        report = precompute([], store)
        assert report
        assert report.results == ()
        assert math.isnan(report.error)

    @pytest.mark.parametrize("bad", [7, "lerp", (1, 2, 3), {"op": 1}, {"op": 1, "x": 2}, None])
    def test_what_is_no_job(self, store: TableStore, bad) -> None:
        with pytest.raises(TypeError, match=r"jobs\[1\] must be a Job, a pair"):
            precompute([(lerp(0.5), "normal"), bad], store)

    def test_arguments(self, store: TableStore, jobs) -> None:
        with pytest.raises(ValueError, match="store is None"):
            precompute(jobs, None)
        with pytest.raises(TypeError, match=r"concurrent\.futures\.Executor"):
            precompute(jobs, store, executor="four")  # type: ignore[arg-type]


class TestExecutors:
    def test_threads(self, store: TableStore, jobs) -> None:
        with concurrent.futures.ThreadPoolExecutor(2) as pool:
            report = precompute(jobs, store, pool)
        assert [r.status for r in report.results] == ["built", "built"]
        assert [r.job for r in report.results] == jobs

    def test_more_jobs_than_are_in_flight(self, store: TableStore, monkeypatch) -> None:
        monkeypatch.setattr(_workers, "_IN_FLIGHT", 2)
        many = grid(lerp, "uniform", tol=1e-2, t=np.linspace(0.1, 0.4, 7))
        with concurrent.futures.ThreadPoolExecutor(1) as pool:
            report = precompute(many, store, pool)
        assert report.count("built") == 7

    def test_processes(self, store: TableStore, jobs) -> None:
        unpicklable = Job(operation(lambda a, b: a * b, version="1")(), "normal")
        context = multiprocessing.get_context("spawn")
        with concurrent.futures.ProcessPoolExecutor(1, mp_context=context) as pool:
            report = precompute([*jobs, unpicklable], store, pool)
        assert [r.status for r in report.results] == ["built", "built", "failed"]
        assert "define functions of operations at module level" in report.results[2].message
        assert [r.status for r in precompute(jobs, store).results] == ["found", "found"]

    def test_an_interrupt_cancels_what_waits(self, store: TableStore) -> None:
        def stop(done: int, total: int, job: Job) -> None:
            raise KeyboardInterrupt

        gate = threading.Event()
        many = grid(lerp, "uniform", tol=1e-2, t=np.linspace(0.1, 0.4, 7))
        with concurrent.futures.ThreadPoolExecutor(1) as pool:
            threading.Timer(0.05, gate.set).start()
            pool.submit(gate.wait)  # all jobs wait behind this
            with pytest.raises(KeyboardInterrupt):
                precompute(many, store, pool, progress=stop)
        assert 1 <= len(list(store.keys())) < 7
        assert precompute(many, store).count("found") >= 1

    def test_a_broken_pool_is_reported(self, store: TableStore, jobs) -> None:
        class Broken(concurrent.futures.Executor):
            def submit(self, fn, /, *arguments, **more):
                raise concurrent.futures.BrokenExecutor("a child was killed")

        report = precompute(jobs, store, Broken())
        assert not report
        assert all("run the same jobs again" in r.message for r in report.results)

    def test_memory_stores_do_not_travel(self, jobs) -> None:
        report = precompute(jobs, MemoryStore())
        assert report.count("built") == 2

    def test_jobs_and_reports_travel(self, store: TableStore, jobs) -> None:
        report = pickle.loads(pickle.dumps(precompute(jobs, store)))
        assert report.results[0].job.op == lerp(0.25)


class TestGrid:
    def test_all_combinations(self) -> None:
        made = grid(lerp, ["normal", Laplace()], t=np.linspace(0, 1, 3), tol=1e-6)
        assert [(j.prior, j.op.parameters["t"]) for j in made[:3]] == [
            ("normal", 0.0), ("normal", 0.5), ("normal", 1.0)
        ]  # fmt: skip
        assert len(made) == 6
        assert {j.tol for j in made} == {1e-6}
        assert all(type(j.op.parameters["t"]) is float for j in made)

    def test_single_values_and_samples(self) -> None:
        assert [j.op for j in grid(lerp, "normal", t=0.5)] == [lerp(0.5)]
        assert [j.prior for j in grid(lerp, [1.0, 2.0, 4.0], t=0.5)] == [[1.0, 2.0, 4.0]]
        assert len(grid(lerp, "normal", t=np.float64(0.5))) == 1
        assert len(grid(lerp, "normal", t=iter([0.1, 0.2]))) == 2
        assert len(grid(lerp, ["normal", "uniform"], t=iter([0.1, 0.2]))) == 4

    def test_parameters_that_are_sequences(self) -> None:
        made = grid(barycenter, "normal", weights=[[0.5, 0.5], [0.2, 0.3, 0.5]])
        assert [len(j.op.latents) for j in made] == [2, 3]

    def test_parameters_of_ones_own(self) -> None:
        @operation(name="precompute_grid_test")
        def bend(z, *, strength=1.0, mode="soft"):
            return z * strength if mode == "soft" else z

        made = grid(bend, "normal", strength=(1, 2), mode="soft")
        assert [dict(j.op.parameters) for j in made] == [
            {"strength": 1, "mode": "soft"}, {"strength": 2, "mode": "soft"}
        ]  # fmt: skip


def test_another_process_finds_the_tables(store: TableStore, jobs) -> None:
    precompute(jobs, store)
    script = (
        "import sys; from otmaps._built_in import lerp;"
        "from otmaps._precompute import grid, precompute;"
        f"r = precompute(grid(lerp, 'uniform', tol={TOL}, t=[0.25, 0.5]), sys.argv[1]);"
        "print([x.status for x in r.results])"
    )
    told = subprocess.run(
        [sys.executable, "-W", "error", "-c", script, str(store.path)],
        capture_output=True,
        text=True,
        check=True,
    )
    assert told.stdout == "['found', 'found']\n"


def test_an_operation_that_cannot_be_matched_is_a_failure():
    report = precompute([(slerp(0.5), "normal")], store=MemoryStore())
    assert not report
    assert "mixes components" in report.failed[0].message
