"""Many tables ahead of time, in one process or in a pool of them."""

from __future__ import annotations

import concurrent.futures
import dataclasses
import itertools
import math
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any, TypeAlias, final

import numpy as np

from otmaps._convert import as_distribution
from otmaps._estimators import Estimator, check_operation, check_pointwise, input_laws
from otmaps._map import MonotoneMap
from otmaps._match import match
from otmaps._operations import Operation
from otmaps._plan import RandomizedPlan
from otmaps._stores import PathLike, Store, resolve_store
from otmaps._table import load_map, map_recipe, table_key

_IN_FLIGHT = 1024  # jobs handed to an executor at a time: a million futures would be memory


@final
@dataclasses.dataclass(frozen=True, eq=False)
class Job:
    """One table to make: the arguments of `otmaps.match`."""

    op: Operation
    prior: Any
    inputs: Mapping[str, Any] | Sequence[Any] | None = None
    method: str | Estimator = "auto"
    tol: float = 1e-9

    def recipe(self) -> dict[str, Any] | None:
        """What identifies the table; None where it cannot be stored."""
        check_operation(self.op)
        check_pointwise(self.op)
        prior = as_distribution(self.prior)
        laws = input_laws(self.op, prior, self.inputs)
        return map_recipe(self.op, laws, prior, self.method, self.tol)


JobLike: TypeAlias = Job | tuple[Operation, Any] | Mapping[str, Any]
Progress: TypeAlias = Callable[[int, int, Job], object]


@final
@dataclasses.dataclass(frozen=True, eq=False)
class JobResult:
    """What became of a job.

    Attributes
    ----------
    job : Job
    key : str or None
        The key of the table; None where it has none.
    status : str
        "built"; "found" (it was there, and whole); "failed"; or "memory-only": its table cannot
        be kept, because the operation or a law has no recipe or because the disk took nothing,
        or need not be, because the map is affine or the identity.
    message : str
        Why it failed or is not kept; empty otherwise.
    seconds : float
        Wall-clock time.
    size : int
        Bytes in the store.
    error : float
        The error of the map in units of the prior's scale; NaN where there is none.
    """

    job: Job
    key: str | None
    status: str
    message: str = ""
    seconds: float = 0.0
    size: int = 0
    error: float = math.nan


@final
@dataclasses.dataclass(frozen=True, eq=False)
class PrecomputeReport:
    """What `precompute` did; truthy when no job failed.

    Attributes
    ----------
    results : tuple of JobResult
        One for each different table, in the order of the jobs.
    duplicates : int
        How many jobs asked for a table that another job had asked for.
    seconds : float
        Wall-clock time of the whole run.
    """

    results: tuple[JobResult, ...]
    duplicates: int
    seconds: float

    def __bool__(self) -> bool:
        return not self.failed

    def count(self, status: str) -> int:
        """How many jobs have a status."""
        return sum(result.status == status for result in self.results)

    @property
    def failed(self) -> tuple[JobResult, ...]:
        """The results of the jobs that failed."""
        return tuple(result for result in self.results if result.status == "failed")

    @property
    def size(self) -> int:
        """Bytes of all tables of this run in the store."""
        return sum(result.size for result in self.results)

    @property
    def error(self) -> float:
        """The largest error of a map of this run; NaN where there is none."""
        known = [result.error for result in self.results if not math.isnan(result.error)]
        return max(known, default=math.nan)

    def __str__(self) -> str:
        counts = [f"{self.count(s)} {s}" for s in ("built", "found", "memory-only", "failed")]
        summary = (
            f"{len(self.results)} tables in {self.seconds:.1f} s: {', '.join(counts)}; "
            f"{self.duplicates} duplicates; {self.size} bytes, largest error {self.error:.1e}"
        )
        failures = [
            f"failed: {r.job.op!r}, prior {r.job.prior!r}: {r.message}" for r in self.failed
        ]
        return "\n".join([summary, *failures])


def grid(
    factory: Callable[..., Operation],
    priors: Any,
    *,
    inputs: Mapping[str, Any] | Sequence[Any] | None = None,
    method: str | Estimator = "auto",
    tol: float = 1e-9,
    **parameters: Any,
) -> list[Job]:
    """The jobs of all combinations of priors and parameters.

    Parameters
    ----------
    factory : callable
        What makes the operation: ``otmaps.lerp``, or what `otmaps.operation` returned.
    priors : law, or list or tuple of laws
        Anything `as_distribution` takes; a list of numbers is one law, a sample.
    inputs, method, tol
        As in `otmaps.match`, for all jobs.
    **parameters
        For each parameter a value, or an iterable of values (text is one value).

    Examples
    --------
    >>> import numpy, otmaps
    >>> len(otmaps.grid(otmaps.lerp, ["normal", "uniform"], t=numpy.linspace(0, 1, 11)))
    22
    """
    several = isinstance(priors, list | tuple) and not all(
        isinstance(p, int | float | np.number) for p in priors
    )
    ranges = [_values(value) for value in parameters.values()]
    return [
        Job(factory(**dict(zip(parameters, values, strict=True))), prior, inputs, method, tol)
        for prior in (priors if several else [priors])
        for values in itertools.product(*ranges)
    ]


def precompute(
    jobs: Iterable[JobLike],
    store: Store | PathLike | None = "default",
    executor: concurrent.futures.Executor | None = None,
    *,
    progress: Progress | None = None,
) -> PrecomputeReport:
    """Make the tables of many matched operations, so that `match` finds them.

    A table that the store has already is verified, not built: an interrupted run is resumed by
    running it again. A job that fails is reported; the others go on.

    Parameters
    ----------
    jobs : iterable
        Each a `Job`, a pair ``(op, prior)``, or a mapping of arguments of `match`: op, prior and
        optionally inputs, method and tol. Jobs for the same table run once.
    store : "default", path-like or Store
        Where the tables go.
    executor : concurrent.futures.Executor, optional
        Runs the jobs; by default this thread does. Processes need jobs that can be pickled: the
        functions of own operations defined at module level, not lambdas.
    progress : callable, optional
        Called in this thread as ``progress(done, total, job)`` after each job.

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
    if executor is not None and not isinstance(executor, concurrent.futures.Executor):
        raise TypeError(
            f"executor must be a concurrent.futures.Executor, got {type(executor).__name__}; "
            "a Dask client gives one by client.get_executor()."
        )
    listed = [_as_job(job, i) for i, job in enumerate(jobs)]
    results, todo = _plan(listed)
    total, done = len(results) + len(todo), 0
    for result in results.values():
        done += 1
        if progress is not None:
            progress(done, total, result.job)
    outcomes = _serial(todo, shelf) if executor is None else _parallel(todo, shelf, executor)
    for index, result in outcomes:
        results[index] = result
        done += 1
        if progress is not None:
            progress(done, total, result.job)
    ordered = tuple(results[index] for index in sorted(results))
    return PrecomputeReport(ordered, len(listed) - total, time.perf_counter() - start)


# ---------------------------------------------------------------------------------------- planning
Task: TypeAlias = tuple[int, Job, dict[str, Any], str]  # position, job, recipe, key


def _values(value: Any) -> list[Any]:
    if isinstance(value, str) or not isinstance(value, Iterable):
        return [value]
    if isinstance(value, np.ndarray):
        return list(value.tolist()) if value.ndim else [value.item()]
    return list(value)


def _as_job(job: Any, position: int) -> Job:
    if isinstance(job, Job):
        return job
    try:
        if isinstance(job, Mapping):
            return Job(**job)
        op, prior = job
    except (TypeError, ValueError) as error:
        raise TypeError(
            f"jobs[{position}] must be a Job, a pair (op, prior) or a mapping with op, prior and "
            f"optionally inputs, method, tol; got {job!r} ({error})."
        ) from None
    return Job(op, prior)


def _plan(jobs: list[Job]) -> tuple[dict[int, JobResult], list[Task]]:
    """The jobs that need no work, with their results, and one task for each different table."""
    results: dict[int, JobResult] = {}
    tasks: dict[str, Task] = {}
    for index, job in enumerate(jobs):
        try:
            recipe = job.recipe()
            key = None if recipe is None else table_key(recipe)
        except Exception as error:  # noqa: BLE001 - a job may hold a user's law and function
            results[index] = JobResult(job, None, "failed", _described(error))
            continue
        if recipe is None or key is None:
            results[index] = JobResult(
                job,
                None,
                "memory-only",
                "the operation or a law has no recipe; give an own function a version= to store it",
            )
        elif key not in tasks:
            tasks[key] = index, job, recipe, key
    return results, list(tasks.values())


# ----------------------------------------------------------------------------------------- running
Outcome: TypeAlias = tuple[str, str, float, int, float]  # the fields of JobResult after the key


def _run(job: Job, recipe: dict[str, Any], key: str, store: Store) -> Outcome:
    """Find or build one table; in a worker, so what goes back is small and can be pickled."""
    start = time.perf_counter()
    T: MonotoneMap | RandomizedPlan | None
    try:
        T, status = load_map(store, recipe), "found"
        if T is None:
            store.remove(key)  # a bad table, of which `load_map` has warned
            matched = match(
                job.op, job.prior, inputs=job.inputs, method=job.method, tol=job.tol, store=store
            )
            T, status = matched.map, "built"
    except Exception as error:  # noqa: BLE001 - one job of many; the report tells
        return "failed", _described(error), time.perf_counter() - start, 0, math.nan
    entry = store.stat(key)
    seconds = time.perf_counter() - start
    if entry is None:
        shape = f"the map is {T.kind}: it needs no table" if T.kind != "table" else ""
        message = shape or f"{store!r} could not keep the table"
        return "memory-only", message, seconds, 0, T.error
    return status, "", seconds, entry.size, T.error


def _described(error: BaseException) -> str:
    return f"{type(error).__name__}: {error}"


def _serial(tasks: list[Task], store: Store) -> Iterator[tuple[int, JobResult]]:
    for index, job, recipe, key in tasks:
        yield index, JobResult(job, key, *_run(job, recipe, key, store))


def _parallel(
    tasks: list[Task], store: Store, executor: concurrent.futures.Executor
) -> Iterator[tuple[int, JobResult]]:
    waiting = iter(tasks)
    running: dict[concurrent.futures.Future[Outcome], Task] = {}
    try:
        while True:
            for task in itertools.islice(waiting, _IN_FLIGHT - len(running)):
                index, job, recipe, key = task
                try:
                    running[executor.submit(_run, job, recipe, key, store)] = task
                except concurrent.futures.BrokenExecutor as broken:
                    yield index, _lost(task, broken)
            if not running:
                return
            finished, _ = concurrent.futures.wait(
                running, return_when=concurrent.futures.FIRST_COMPLETED
            )
            for future in finished:
                task = running.pop(future)
                index, job, _, key = task
                error = future.exception()
                if error is None:
                    yield index, JobResult(job, key, *future.result())
                else:
                    yield index, _lost(task, error)
    finally:
        for future in running:
            future.cancel()


def _lost(task: Task, error: BaseException) -> JobResult:
    """The result of a job that never ran, or whose worker died."""
    _, job, _, key = task
    if isinstance(error, concurrent.futures.BrokenExecutor):
        advice = "a worker died; run the same jobs again to go on, what was built is kept"
    else:
        advice = (
            "jobs and the store must be picklable to run in other processes: define functions of "
            "operations at module level, not as lambdas, or use threads"
        )
    return JobResult(job, key, "failed", f"{type(error).__name__}: {error} ({advice})")
