"""What is shown while tables are made."""

from __future__ import annotations

import contextlib
import sys
import time
from collections.abc import Callable, Iterator
from typing import TypeAlias

from otmaps._precompute._jobs import Job

Progress: TypeAlias = Callable[[int, int, Job], object]

_PERIOD = 60.0  # seconds between lines in a log


@contextlib.contextmanager
def shown(progress: Progress | bool | None, total: int) -> Iterator[Progress]:
    """The function to call after each job.

    Parameters
    ----------
    progress : callable, bool or None
        True is a bar on stderr, or a line each minute where that is no terminal.
    total : int
        The number of jobs.
    """
    if callable(progress):
        yield progress
    elif not progress or sys.stderr is None:
        yield lambda done, total, job: None  # noqa: ARG005 - the interface
    elif sys.stderr.isatty():
        with _bar(total) as advance:
            yield advance
    else:
        yield _lines()


@contextlib.contextmanager
def _bar(total: int) -> Iterator[Progress]:
    from rich import console, progress

    bar = progress.Progress(
        progress.TextColumn("{task.description}"),
        progress.BarColumn(),
        progress.MofNCompleteColumn(),
        progress.TextColumn("{task.fields[rate]}"),
        progress.TimeRemainingColumn(),
        console=console.Console(stderr=True, highlight=False, emoji=False, markup=False),
        transient=True,
    )
    with bar:
        task = bar.add_task("tables", total=total, rate="")
        start = time.perf_counter()

        def advance(done: int, total: int, job: Job) -> None:
            rate = f"{done / max(time.perf_counter() - start, 1e-9):.3g} tables/s"
            bar.update(task, completed=done, total=total, rate=rate, description=repr(job.op))

        yield advance


def _lines() -> Progress:
    start = last = time.perf_counter()

    def advance(done: int, total: int, job: Job) -> None:  # noqa: ARG001 - the interface
        nonlocal last
        now = time.perf_counter()
        if now - last < _PERIOD:
            return
        last = now
        rate = done / (now - start)
        left = (total - done) / rate
        print(  # noqa: T201 - asked for
            f"{done:,} of {total:,} tables, {rate:.3g} tables/s, {left / 60:.0f} min left",
            file=sys.stderr,
            flush=True,
        )

    return advance
