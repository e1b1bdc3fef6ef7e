"""Workers that die, runs that are killed, clusters: nothing is lost and everything is told."""

import concurrent.futures
import multiprocessing
import os
import signal
import subprocess
import sys
import textwrap
import time
from pathlib import Path

import pytest
from killers import fatal

import otmaps
from otmaps._precompute import Job, _bar, _work, _workers, grid, precompute
from otmaps._precompute._pace import Pace
from otmaps._stores import FrontedStore, MemoryStore, TableStore

TOL = 1e-2


@pytest.fixture
def store(tmp_path: Path) -> TableStore:
    return TableStore(tmp_path / "tables")


@pytest.fixture
def jobs() -> list[Job]:
    return grid(otmaps.lerp, "uniform", tol=TOL, t=[0.1, 0.2, 0.3, 0.4])


def deadly(tmp_path: Path, name: str, times: int) -> Job:
    """A job that kills the worker it runs in so many times."""
    deaths = tmp_path / name
    deaths.write_text("death\n" * times)
    weight = 1.0 / (2 + times)  # another table for each
    return Job(fatal(t=weight, deaths=str(deaths)), "uniform", tol=TOL)


class TestOwnProcesses:
    def test_killed_workers_cost_nothing(self, store, jobs, tmp_path) -> None:
        """One worker is killed once; another job kills all of its workers, and fails alone."""
        once, always = deadly(tmp_path, "once", 1), deadly(tmp_path, "always", 9)
        report = precompute([jobs[0], once, always, jobs[1]], store, 2)
        assert [r.job for r in report.results] == [jobs[0], once, always, jobs[1]]
        assert [r.job for r in report.failed] == [always]
        assert "died twice while it ran alone" in report.failed[0].message
        assert {r.status for r in report.results} <= {"built", "found", "failed"}
        assert len(list(store.keys())) == 3
        assert store.verify()

    def test_workers_that_do_not_start_are_given_up(self, store, jobs, monkeypatch) -> None:
        spawn = multiprocessing.get_context("spawn")
        monkeypatch.setattr(
            _workers,
            "_pool",
            lambda n: concurrent.futures.ProcessPoolExecutor(
                n, spawn, initializer=os._exit, initargs=(1,)
            ),
        )
        monkeypatch.setattr(_workers, "_SUSPECTS", 1)
        report = precompute(jobs[:2], store, 1)
        assert report.count("failed") == 2
        assert "__main__" in report.failed[1].message

    def test_how_many(self, store, jobs) -> None:
        with pytest.raises(ValueError, match="at least 1 process, got 0"):
            precompute(jobs, store, 0)
        with pytest.raises(TypeError, match="got bool"):
            precompute(jobs, store, True)

    def test_a_killed_run_goes_on_when_it_is_run_again(self, tmp_path, store) -> None:
        script = textwrap.dedent(
            """
            import sys
            from otmaps import grid, lerp, precompute
            if __name__ == "__main__":
                jobs = grid(lerp, "uniform", tol=1e-2, t=[i / 400 for i in range(1, 61)])
                print(precompute(jobs, sys.argv[1], 2).count("found"))
            """
        )
        path = tmp_path / "run.py"
        path.write_text(script)
        run = subprocess.Popen([sys.executable, path, store.path], stdout=subprocess.PIPE)
        while len(list(store.keys())) < 5:
            assert run.poll() is None, "the run ended before it could be killed"
            time.sleep(0.02)
        run.kill()
        run.communicate(timeout=60)  # ends with the last process that has its stdout: no orphans
        kept = set(store.keys())
        assert store.verify()
        report = precompute(
            grid(otmaps.lerp, "uniform", tol=1e-2, t=[i / 400 for i in range(1, 61)]), store
        )
        assert report
        assert report.count("found") == len(kept) >= 5
        assert report.count("built") == 60 - len(kept)


class TestExecutorsOfUsers:
    def test_a_broken_pool_keeps_what_was_built(self, store, jobs, tmp_path) -> None:
        spawn = multiprocessing.get_context("spawn")
        with concurrent.futures.ProcessPoolExecutor(1, mp_context=spawn) as pool:
            first = precompute([*jobs[:2], deadly(tmp_path, "always", 9), *jobs[2:]], store, pool)
        assert not first
        assert all("run the same jobs again" in r.message for r in first.failed)
        kept = set(store.keys())
        assert len(kept) >= 2
        again = precompute(jobs, store)
        assert again
        assert again.count("found") == len(kept)

    @pytest.mark.parametrize(
        ("error", "advice"),
        [
            (type("KilledWorker", (Exception,), {})("lost"), "workers died while it ran"),
            (concurrent.futures.CancelledError(), "the cluster dropped it"),
            (AttributeError("can't pickle"), "define functions of operations at module level"),
        ],
    )
    def test_what_a_cluster_says(self, store, jobs, error, advice) -> None:
        class Cluster(concurrent.futures.Executor):
            def submit(self, fn, /, *arguments, **more):
                future = concurrent.futures.Future()
                future.set_exception(error)
                return future

        report = precompute(jobs, store, Cluster())
        assert len(report.failed) == 4
        assert all(advice in r.message for r in report.failed)


@pytest.fixture(scope="module")
def cluster():
    distributed = pytest.importorskip("distributed", reason="needs the extra otmaps[dask]")
    with distributed.LocalCluster(
        n_workers=2, threads_per_worker=1, dashboard_address=None, processes=True
    ) as cluster:
        yield cluster


class TestDask:
    def test_a_killed_worker_costs_nothing(self, cluster, store) -> None:
        from distributed import Client

        many = grid(otmaps.lerp, "uniform", tol=TOL, t=[i / 100 for i in range(1, 41)])
        victims = []

        def kill(done: int, total: int, job: Job) -> None:
            if done == 5:
                victims.append(next(iter(cluster.workers.values())).pid)
                os.kill(victims[0], signal.SIGKILL)

        with Client(cluster) as client:
            report = precompute(many, store, client, progress=kill)
        assert victims
        assert report
        assert {r.status for r in report.results} <= {"built", "found"}
        assert len(list(store.keys())) == 40
        assert store.verify()

    def test_from_the_command_line(self, cluster, store) -> None:
        from click.testing import CliRunner

        from otmaps.cli import main

        arguments = ["precompute", "lerp", "-p", "t=.1,.2", "--prior", "uniform", "--tol", "1e-2"]
        more = ["--store", str(store.path), "--dask", cluster.scheduler_address]
        result = CliRunner().invoke(main, arguments + more)
        assert result.exit_code == 0, result.output
        assert len(list(store.keys())) == 2


class TestOneJob:
    def test_a_worker_of_another_version(self, store, jobs) -> None:
        status, message, *_ = _work.make_table(jobs[0], "0" * 64, store)
        assert status == "failed"
        assert "another version of otmaps" in message

    def test_what_only_a_front_has_is_published(self, store, jobs) -> None:
        fronted = FrontedStore(store)
        (key,) = (r.key for r in precompute(jobs[:1], fronted).results)
        good = store.get(key)
        store.remove(key)
        report = precompute(jobs[:1], fronted)
        assert [r.status for r in report.results] == ["found"]
        assert store.get(key) == good

    def test_errors_above_the_tolerance_are_counted(self) -> None:
        report = precompute(
            [Job(otmaps.lerp(0.3), "uniform", method=otmaps.MonteCarlo(n=2**12))], MemoryStore()
        )
        assert report
        assert [r.error > 1e-9 for r in report.missed] == [True]
        assert "1 above tol" in str(report)

    def test_several_operations_share_a_grid(self) -> None:
        made = grid([otmaps.lerp, otmaps.slerp], "normal", t=[0.1, 0.2])
        assert [j.op.name for j in made] == ["lerp", "lerp", "slerp", "slerp"]


class TestProgress:
    def test_a_bar_at_a_terminal(self, store, jobs, monkeypatch, capsys) -> None:
        monkeypatch.setattr(sys.stderr, "isatty", lambda: True, raising=False)
        monkeypatch.setenv("TERM", "xterm")
        assert precompute(jobs, store, progress=True)
        assert capsys.readouterr().out == ""

    def test_lines_in_a_log(self, store, jobs, monkeypatch, capsys) -> None:
        monkeypatch.setattr(_bar, "_PERIOD", 0.0)
        precompute(jobs, store, progress=True)
        lines = capsys.readouterr().err.splitlines()
        assert len(lines) == 4
        assert lines[1].startswith("2 of 4 tables, ")
        assert lines[3].endswith(" tables/s, 0 min left")

    def test_nothing_unless_asked_for(self, store, jobs, capsys) -> None:
        precompute(jobs, store)
        assert capsys.readouterr().err == ""


class TestPace:
    def test_a_cluster_gets_half_a_second_at_a_time(self) -> None:
        class Client:
            def nthreads(self):
                return {"a": 4, "b": 4}

        pace = Pace(1024, Client())
        assert pace.most() == 32
        assert pace.size(10**6) == 1  # nothing is known yet
        pace.note(0.01)
        assert pace.size(10**6) == 50
        assert pace.size(640) == 10  # a fair share of what is left
        assert pace.size(3) == 1
        pace.note(0.0)
        for _ in range(300):
            pace.note(0.0)
        assert pace.size(10**6) == 256

    def test_others_get_one_job_at_a_time(self) -> None:
        pace = Pace(7)
        pace.note(1e-6)
        assert (pace.most(), pace.size(10**6)) == (7, 1)

    def test_a_batch_that_fails_is_run_one_by_one(self, store, jobs, monkeypatch) -> None:
        """One job of a batch cannot travel: it fails, and the others do not."""
        monkeypatch.setattr(Pace, "size", lambda pace, left: 3)
        untold = Job(otmaps.operation(lambda a, b: a * b, version="1")(), "uniform", tol=TOL)
        spawn = multiprocessing.get_context("spawn")
        with concurrent.futures.ProcessPoolExecutor(1, mp_context=spawn) as pool:
            report = precompute([*jobs[:2], untold, *jobs[2:]], store, pool)
        assert [r.job for r in report.failed] == [untold]
        assert report.count("built") == 4
