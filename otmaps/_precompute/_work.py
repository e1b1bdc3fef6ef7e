"""One job, in whatever process it runs."""

from __future__ import annotations

import contextlib
import math
import time
from collections.abc import Iterator, Sequence
from typing import NamedTuple, TypeAlias, final

from otmaps._match import find_match
from otmaps._precompute._jobs import Job
from otmaps._precompute._report import JobResult
from otmaps._stores import Store, StoreEntry

Outcome: TypeAlias = tuple[str, str, float, int, float]  # the fields of JobResult after the key


class Task(NamedTuple):
    """A job whose table has a key, and its place among the jobs."""

    position: int
    job: Job
    key: str

    def result(self, outcome: Outcome) -> JobResult:
        """The result, as the worker told it."""
        return JobResult(self.job, self.key, *outcome)

    def failed(self, message: str) -> JobResult:
        """The result of a job that never ran to its end."""
        return JobResult(self.job, self.key, "failed", message)


def make_table(job: Job, key: str, store: Store) -> Outcome:
    """Find or build one table; in a worker, so what goes back is small and can be pickled."""
    start = time.perf_counter()
    watched = _WatchedStore(store)
    try:
        T = find_match(
            job.op, job.prior, inputs=job.inputs, method=job.method, tol=job.tol, store=watched
        ).map
        entry = store.stat(key)
        if entry is None and watched.data is not None and not watched.built:
            store.put(key, watched.data)  # a copy or a front had it, what lies behind has not
            entry = store.stat(key)
    except Exception as error:  # noqa: BLE001 - one job of many; the report tells
        return "failed", described(error), time.perf_counter() - start, 0, math.nan
    seconds = time.perf_counter() - start
    if watched.key not in (None, key):
        message = "this worker has another key for the job: it runs another version of otmaps"
        return "failed", message, seconds, 0, math.nan
    if entry is None:
        shape = f"the map is {T.kind}: it needs no table" if T.kind != "table" else ""
        message = shape or f"{store!r} could not keep the table"
        return "memory-only", message, seconds, 0, T.error
    return "built" if watched.built else "found", "", seconds, entry.size, T.error


def make_tables(pairs: Sequence[tuple[Job, str]], store: Store) -> list[Outcome]:
    """The outcomes of several jobs, with their keys, one after another."""
    return [make_table(job, key, store) for job, key in pairs]


def described(error: BaseException) -> str:
    """An error as one line."""
    return f"{type(error).__name__}: {error}"


@final
class _WatchedStore(Store):
    """A store that remembers what was last asked of it and whether a table was put."""

    def __init__(self, store: Store) -> None:
        self.store = store
        self.key: str | None = None
        self.data: bytes | None = None
        self.built = False

    def __repr__(self) -> str:
        return repr(self.store)

    def get(self, key: str) -> bytes | None:
        self.key, self.data = key, self.store.get(key)
        return self.data

    def put(self, key: str, data: bytes) -> None:
        self.built = True
        self.store.put(key, data)

    def stat(self, key: str) -> StoreEntry | None:
        return self.store.stat(key)

    def keys(self) -> Iterator[str]:
        return self.store.keys()

    def remove(self, key: str) -> None:
        self.store.remove(key)

    def building(self, key: str) -> contextlib.AbstractContextManager[None]:
        return self.store.building(key)
