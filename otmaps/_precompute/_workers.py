"""Who runs the jobs: this thread, an executor, or processes of our own that may die."""

from __future__ import annotations

import collections
import concurrent.futures
import itertools
import multiprocessing
import os
import queue
import sys
import threading
from collections.abc import Iterator, Sequence
from typing import Any, TypeAlias

from otmaps._precompute._pace import Pace
from otmaps._precompute._report import JobResult
from otmaps._precompute._work import Outcome, Task, described, make_table, make_tables
from otmaps._stores import Store

Done: TypeAlias = Iterator[tuple[Task, JobResult]]
Waiting: TypeAlias = collections.deque[Task]

_IN_FLIGHT = 1024  # jobs handed to an executor at a time: a million futures would be memory
_SUSPECTS = 4  # jobs for each process of our own pool: when one dies, all of them are run alone
_AGAIN = "run the same jobs again to go on, what was built is kept"


def run_tasks(tasks: Sequence[Task], store: Store, executor: Any) -> Done:
    """The results of tasks, in the order in which they end.

    Parameters
    ----------
    tasks : sequence of Task
    store : Store
    executor : None, int, Executor or Client
        As in `precompute`.

    Raises
    ------
    TypeError, ValueError
        For what runs nothing.
    """
    if executor is None:
        return ((task, task.result(make_table(task.job, task.key, store))) for task in tasks)
    waiting = collections.deque(tasks)
    if isinstance(executor, int) and not isinstance(executor, bool):
        if executor < 1:
            raise ValueError(f"executor must be at least 1 process, got {executor}.")
        return _in_processes(waiting, store, executor)
    distributed = sys.modules.get("distributed")
    if distributed is not None and isinstance(executor, distributed.Client):
        # Not pure: a job whose table was lost is asked for under the same arguments again.
        cluster = executor.get_executor(pure=False)
        return _through(waiting, store, cluster, Pace(_IN_FLIGHT, executor))
    if not isinstance(executor, concurrent.futures.Executor):
        raise TypeError(
            "executor must be None, a number of processes, a concurrent.futures.Executor or a "
            f"distributed.Client of Dask, got {type(executor).__name__}."
        )
    return _through(waiting, store, executor, Pace(_IN_FLIGHT))


def _through(
    waiting: Waiting, store: Store, executor: concurrent.futures.Executor, pace: Pace
) -> Done:
    """The results from a user's executor; once it is broken, no job can run."""
    lost: list[Task] = []
    yield from _flow(waiting, store, executor, pace, lost)
    if lost:
        for task in itertools.chain(lost, waiting):
            yield task, task.failed(f"BrokenExecutor: a worker died; {_AGAIN}")


def _flow(
    waiting: Waiting,
    store: Store,
    executor: concurrent.futures.Executor,
    pace: Pace,
    lost: list[Task],
) -> Done:
    """Results while the executor lives; the tasks that it takes with it go to ``lost``."""
    ended: queue.SimpleQueue[concurrent.futures.Future[list[Outcome]]] = queue.SimpleQueue()
    running: dict[concurrent.futures.Future[list[Outcome]], list[Task]] = {}
    alone: collections.deque[Task] = collections.deque()  # of batches that failed as a whole
    try:
        while True:
            while (alone or waiting) and not lost and len(running) < pace.most():
                batch = [alone.popleft()] if alone else _taken(waiting, pace.size(len(waiting)))
                pairs = [(task.job, task.key) for task in batch]
                try:
                    future = executor.submit(make_tables, pairs, store)
                except concurrent.futures.BrokenExecutor:
                    lost += batch
                    break
                running[future] = batch
                future.add_done_callback(ended.put)
            if not running:
                lost += alone
                return
            future = ended.get()
            batch = running.pop(future)
            try:
                outcomes = future.result()
            except concurrent.futures.BrokenExecutor:
                lost += batch
            except Exception as error:  # noqa: BLE001 - of pickling, or of the cluster
                if len(batch) > 1:
                    alone += batch
                else:
                    yield batch[0], batch[0].failed(f"{described(error)} ({_advice(error)})")
            else:
                for task, outcome in zip(batch, outcomes, strict=True):
                    result = task.result(outcome)
                    pace.note(result.seconds)
                    yield task, result
    finally:
        for future in running:
            future.cancel()


def _taken(waiting: Waiting, count: int) -> list[Task]:
    return [waiting.popleft() for _ in range(min(count, len(waiting)))]


def _advice(error: Exception) -> str:
    if type(error).__name__ == "KilledWorker":  # of Dask, which may be absent
        return f"workers died while it ran, perhaps out of memory; {_AGAIN}"
    if isinstance(error, concurrent.futures.CancelledError):
        return f"the cluster dropped it; {_AGAIN}"
    return (
        "jobs and the store must be picklable to run in other processes: define functions of "
        "operations at module level, not as lambdas, or use threads"
    )


# ------------------------------------------------------------------------- processes of our own
def _in_processes(waiting: Waiting, store: Store, workers: int) -> Done:
    """The results from a pool, and from another one where a worker was killed.

    A broken pool does not tell which job was to blame: those that were in it run one by one, and
    one that loses its worker twice fails.
    """
    while True:
        lost: list[Task] = []
        alive = 0
        with _pool(workers) as pool:
            for done in _flow(waiting, store, pool, Pace(_SUSPECTS * workers), lost):
                alive += 1
                yield done
        if not lost:
            return
        failed = 0
        for task, result in _one_by_one(lost, store):
            failed += result.status == "failed"
            yield task, result
        if not alive and failed == len(lost):
            for task in waiting:
                yield (
                    task,
                    task.failed(
                        "workers die as soon as they start: see what they wrote to stderr. A "
                        "script needs its `if __name__ == '__main__':`"
                    ),
                )
            return


def _one_by_one(tasks: list[Task], store: Store) -> Done:
    """The results of tasks of which at least one may kill its worker."""
    waiting = collections.deque(tasks)
    deaths = collections.Counter[int]()
    while waiting:
        with _pool(1) as pool:
            lost: list[Task] = []
            while waiting and not lost:
                task = waiting.popleft()
                yield from _flow(collections.deque([task]), store, pool, Pace(1), lost)
        for task in lost:
            deaths[task.position] += 1
            if deaths[task.position] < 2:
                waiting.appendleft(task)
            else:
                yield (
                    task,
                    task.failed(
                        "its worker died twice while it ran alone: killed from outside, or out of "
                        "memory"
                    ),
                )


def _pool(workers: int) -> concurrent.futures.ProcessPoolExecutor:
    # Spawned: a fork would copy the threads of this process in whatever state they are.
    return concurrent.futures.ProcessPoolExecutor(
        workers, multiprocessing.get_context("spawn"), initializer=_end_with_parent
    )


def _end_with_parent() -> None:
    """Let a worker end when its parent was killed; it would wait for the next job for ever."""
    parent = multiprocessing.parent_process()

    def wait() -> None:
        if parent is not None:
            parent.join()
        os._exit(1)

    threading.Thread(target=wait, daemon=True).start()
