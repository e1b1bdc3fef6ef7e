"""How figures of pages are measured and put into tables.

The classes of the asv suite are run in turns: every candidate once, then every candidate again, so
that what else the machine does falls on all of them alike. A figure is the least of the repeats,
in time of the one thread that works.
"""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any, final

from .sizes import TINY

REPEATS = 1 if TINY else 7
NS, MICROSECONDS, MILLISECONDS = 1e-9, 1e-6, 1e-3


@final
@dataclasses.dataclass(frozen=True)
class Timing:
    """A method of a benchmark class with its parameters.

    Attributes
    ----------
    label : str
        What the result is found under.
    benchmark, method, parameters
        What is run.
    before : str
        The method that is run before each run and not timed, if there is one.
    number : int
        Runs that are timed together.
    """

    label: str
    benchmark: type
    method: str
    parameters: tuple[Any, ...] = ()
    before: str = ""
    number: int = 1


def least(
    timings: Sequence[Timing],
    repeats: int = REPEATS,
    clock: Callable[[], float] = time.thread_time,
) -> dict[str, float]:
    """The least time of a run of each in seconds, all of them in turns."""
    ready: dict[str, tuple[Any, Timing]] = {}
    for timing in timings:
        benchmark = timing.benchmark()
        try:
            benchmark.setup(*timing.parameters)
        except NotImplementedError:
            continue  # a peer that is not installed
        ready[timing.label] = benchmark, timing
    found = dict.fromkeys(ready, float("inf"))
    for _ in range(repeats):
        for label, (benchmark, timing) in ready.items():
            run = getattr(benchmark, timing.method)
            if timing.before:
                getattr(benchmark, timing.before)()
            start = clock()
            for _ in range(timing.number):
                run(*timing.parameters)
            found[label] = min(found[label], (clock() - start) / timing.number)
    for benchmark, timing in ready.values():
        getattr(benchmark, "teardown", lambda *_: None)(*timing.parameters)
    return found


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> list[str]:
    """A Markdown table: the first column to the left, numbers to the right."""
    rule = ["---", *["--:"] * (len(head) - 1)]
    return ["| " + " | ".join(row) + " |" for row in (head, rule, *rows)] + [""]


def digits(value: float) -> str:
    """Three digits, or a whole number."""
    return f"{value:,.0f}" if abs(value) >= 100.0 else f"{value:.3g}"


Draw = Callable[[Path], None]


@final
@dataclasses.dataclass(frozen=True)
class Measured:
    """What a section of a page found: the lines of its tables, and what draws its figure."""

    lines: Sequence[str]
    draw: Draw | None = None


@final
@dataclasses.dataclass(frozen=True)
class Section:
    """A part of a page: a title, what its tables mean, and what measures them.

    Attributes
    ----------
    title, text : str
        The heading, and the paragraphs in front of the tables.
    measure : callable
        Runs the benchmarks.
    caption : str
        What stands in place of its figure where it cannot be seen; empty: it has none.
    """

    title: str
    text: str
    measure: Callable[[], Measured]
    caption: str = ""
