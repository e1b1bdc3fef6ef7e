"""The run: jobs without duplicates, what became of each, and the report."""

from __future__ import annotations

import concurrent.futures
import time
from collections.abc import Iterable
from typing import TYPE_CHECKING

from otmaps._precompute._bar import Progress, shown
from otmaps._precompute._jobs import Job, JobLike, as_job
from otmaps._precompute._report import JobResult, PrecomputeReport
from otmaps._precompute._work import Task, described
from otmaps._precompute._workers import run_tasks
from otmaps._stores import PathLike, Store, resolve_store
from otmaps._table import table_key

if TYPE_CHECKING:
    import distributed


def precompute(
    jobs: Iterable[JobLike],
    store: Store | PathLike | None = "default",
    executor: concurrent.futures.Executor | distributed.Client | int | None = None,
    *,
    progress: Progress | bool | None = None,
) -> PrecomputeReport:
    """Make the tables of many matched operations, so that `match` finds them.

    A table that the store has already is verified, not built: an interrupted run is resumed by
    running it again. A job that fails is reported; the others go on.

    Parameters
    ----------
    jobs : iterable
        Each a `Job`, a pair ``(op, prior)``, or a mapping of arguments of `match`: op, prior and
        optionally inputs, method and tol. Jobs for the same table run once.
    store : "default", path-like, URL or Store
        Where the tables go.
    executor : int, concurrent.futures.Executor or distributed.Client, optional
        Runs the jobs; by default this thread does. A number is that of processes, which are
        replaced when they die. Processes need jobs that can be pickled: the functions of own
        operations defined at module level, not lambdas. The machines of a Dask cluster need a
        store that all of them reach.
    progress : callable or bool, optional
        True shows a bar with the rate and the time left on stderr, or a line each minute where
        that is no terminal. A function is called in this thread as ``progress(done, total, job)``
        after each job.

    Returns
    -------
    PrecomputeReport

    Raises
    ------
    TypeError, ValueError
        For things that are no jobs, no store, no executor. What goes wrong inside a job is in the
        report.

    Examples
    --------
    >>> import otmaps
    >>> jobs = otmaps.grid(otmaps.lerp, "uniform", t=[0.25, 0.5])
    >>> bool(otmaps.precompute(jobs))
    True
    """
    start = time.perf_counter()
    shelf = resolve_store(store)
    if shelf is None:
        raise ValueError("store is None: precomputed tables need a place; pass a TableStore.")
    listed = [as_job(job, i) for i, job in enumerate(jobs)]
    results, todo = _plan(listed)
    total, done = len(results) + len(todo), 0
    outcomes = run_tasks(todo, shelf, executor)
    with shown(progress, total) as tell:
        for result in results.values():
            done += 1
            tell(done, total, result.job)
        for task, result in outcomes:
            results[task.position] = result
            done += 1
            tell(done, total, result.job)
    ordered = tuple(results[index] for index in sorted(results))
    return PrecomputeReport(ordered, len(listed) - total, time.perf_counter() - start)


def _plan(jobs: list[Job]) -> tuple[dict[int, JobResult], list[Task]]:
    """The jobs that need no work, with their results, and one task for each different table."""
    results: dict[int, JobResult] = {}
    tasks: dict[str, Task] = {}
    for index, job in enumerate(jobs):
        try:
            recipe = job.recipe()
            key = None if recipe is None else table_key(recipe)
        except Exception as error:  # noqa: BLE001 - a job may hold a user's law and function
            results[index] = JobResult(job, None, "failed", described(error))
            continue
        if key is None:
            results[index] = JobResult(
                job,
                None,
                "memory-only",
                "the operation or a law has no recipe; give an own function a version= to store it",
            )
        elif key not in tasks:
            tasks[key] = Task(index, job, key)
    return results, list(tasks.values())
