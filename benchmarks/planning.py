"""Writes docs/planning.md: ``python -m benchmarks.planning [--docs FOLDER] [--dask REPEATS]``.

What tables cost in time, bytes and memory, measured on a few hundred of them and multiplied.
``--dask`` compares two workers of a Dask cluster on this machine with one; it needs the extra dask
and two cores that nobody else uses.
"""

from __future__ import annotations

import argparse
import dataclasses
import gc
import importlib.metadata
import math
import os
import platform
import sys
import tempfile
import time
import tracemalloc
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, final

import numpy as np

import otmaps

from .accuracy_page import filled
from .sizes import TINY

ROOT = Path(__file__).parents[1]
TABLES = 2 if TINY else 40
JOBS = 20 if TINY else 5_000
DASK_TABLES = 4 if TINY else 200
NUMBERS = (10**5, 10**6, 10**7)


@final
@dataclasses.dataclass(frozen=True)
class Case:
    """A grid whose tables are alike."""

    label: str
    make: Callable[[float], otmaps.Operation]
    prior: Any
    tol: float = 1e-9


@final
@dataclasses.dataclass(frozen=True)
class Cost:
    """What a table of a case costs: seconds of one core, bytes, and both of finding it again."""

    seconds: float
    size: float
    blocks: float
    found: float


CASES = [
    Case("lerp, logistic, `tol=1e-4`", otmaps.lerp, "logistic", 1e-4),
    Case("lerp, uniform", otmaps.lerp, "uniform"),
    Case("lerp, logistic", otmaps.lerp, "logistic"),
    Case("lerp, Laplace", otmaps.lerp, "laplace"),
    Case("vicinity, uniform", otmaps.vicinity, "uniform"),
    Case("three uniform latents", lambda t: otmaps.barycenter([t / 2, t / 2, 1 - t]), "uniform"),
    Case("lerp, Student t of 5", otmaps.lerp, otmaps.StudentT(5)),
]


def cost(case: Case) -> Cost:
    """Built one after another in this thread; seconds are those of the processor."""
    t = np.linspace(0.05, 0.45, TABLES)
    jobs = [otmaps.Job(case.make(float(x)), case.prior, tol=case.tol) for x in t]
    with tempfile.TemporaryDirectory() as folder:
        store = otmaps.TableStore(folder)
        for _ in range(2):  # loads what is compiled, for building and for reading
            otmaps.precompute([otmaps.Job(case.make(0.5), case.prior, tol=case.tol)], store)
        start = time.process_time()
        built = otmaps.precompute(jobs, store)
        between = time.process_time()
        found = otmaps.precompute(jobs, store)
        end = time.process_time()
        if built.count("built") != TABLES or found.count("found") != TABLES:
            raise RuntimeError(f"{case.label}: {built}; {found}")
        files = [path.stat() for path in Path(folder).rglob("*.safetensors")]
    return Cost(
        (between - start) / TABLES,
        built.size / TABLES,
        512 * sum(file.st_blocks for file in files) / len(files),
        (end - between) / TABLES,
    )


def planning() -> tuple[float, float]:
    """Seconds and bytes of memory for each job of a grid, without building."""

    def grid() -> list[otmaps.Job]:
        return otmaps.grid(otmaps.lerp, "uniform", t=np.linspace(0.1, 0.4, JOBS))

    seconds = math.inf
    for _ in range(1 if TINY else 5):
        gc.collect()
        start = time.process_time()
        for job in grid():
            job.recipe()
        seconds = min(seconds, (time.process_time() - start) / JOBS)
    gc.collect()
    tracemalloc.start()
    normal = otmaps.grid(otmaps.lerp, "normal", t=np.linspace(0.1, 0.4, JOBS))
    report = otmaps.precompute(normal, otmaps.MemoryStore())  # affine: nothing is built
    memory = tracemalloc.get_traced_memory()[1] / len(report.results)
    tracemalloc.stop()
    return seconds, memory


# ------------------------------------------------------------------------------------------- Dask
def _warm(_: int) -> int:
    otmaps.match(otmaps.lerp(0.3), "logistic", store=None)
    time.sleep(0.5)  # so that every worker gets one
    return os.getpid()


def with_workers(number: int) -> float:
    """Seconds for a grid of builds on a Dask cluster of this machine, once it is warm."""
    from distributed import Client, LocalCluster

    jobs = otmaps.grid(otmaps.lerp, "logistic", t=np.linspace(0.05, 0.45, DASK_TABLES))
    quiet = {"dashboard_address": None, "worker_dashboard_address": None}
    with (
        tempfile.TemporaryDirectory() as folder,
        LocalCluster(n_workers=number, threads_per_worker=1, **quiet) as cluster,
        Client(cluster) as client,
    ):
        warm = client.gather([client.submit(_warm, i, pure=False) for i in range(4 * number)])
        if len(set(warm)) != number:
            raise RuntimeError(f"{len(set(warm))} of {number} workers are warm")
        start = time.perf_counter()
        report = otmaps.precompute(jobs, folder, client)
        seconds = time.perf_counter() - start
        if report.count("built") != DASK_TABLES:
            raise RuntimeError(str(report))
    return seconds


def scaling(repeats: int) -> str:
    """One worker and two in turns; the least of the repeats of each."""
    seconds: dict[int, list[float]] = {1: [], 2: []}
    for _ in range(repeats):
        for number, found in seconds.items():
            found.append(with_workers(number))
            load = f"load {os.getloadavg()[0]:.1f}"
            sys.stderr.write(f"{number} workers: {found[-1]:.2f} s ({load})\n")
    one, two = (min(seconds[number]) for number in (1, 2))
    return (
        f"On a Dask cluster of this machine {DASK_TABLES} tables took {one:.1f} s with one worker "
        f"and {two:.1f} s with two: {one / two:.2f} times as fast (least of {repeats} runs each)."
    )


# ------------------------------------------------------------------------------------------- page
INTRODUCTION = """
# Planning many tables

This page is written by `python -m benchmarks.planning`, with {versions}, on {machine}. Times
are those of one core.
"""

ADVICE = """
## Time

Multiply the time of your own grid: `otmaps.precompute(jobs[::1000], "trial")` builds every
thousandth table and reports seconds, bytes and errors. A `tol` of 1e-4 of the prior's scale,
far below what a generator shows, saves little: most of the time goes into the law, which is as
exact whatever the map is to be. Tables are independent of one another, so cores divide the
time. {scaling} In one process, and with `executor=8` or `--workers 8`, all cores of a machine;
`executor=client`, or `--dask ADDRESS`, those of a cluster; `--part K/N`, or `jobs[k::n]` in
Python, shares a grid among machines that know nothing of each other, such as the tasks of an
array job. Parts may overlap and may be run again: what is there is verified and left.

Not every point of a continuous parameter needs a table. A slider over t needs as many as it has
stops. Affine maps (normal priors) and identities need none and are never stored; several jobs
for one table (lerp at t and a barycenter of the same weights) build it once.

Write parameters as the program that reads will compute them: 0.3 and the fourth value of
`numpy.linspace(0, 1, 11)` differ in the last bit, and so do their keys. The safest is one
function for both sides.

## Bytes

A directory has 256 folders, so 10^7 tables are 40,000 files in each: no trouble for ext4, xfs
and for what is common on clusters, but more than most quotas of files allow. Count the blocks,
not the bytes, of a file system: the table above has both. Listing (`otmaps store list`,
`verify`, `prune`) reads every entry; making and finding tables never lists. From about 10^6
tables on an object store is the better place (`s3://bucket/tables`, see [shared
folders](shared-folders.md)): the two digits behind the prefix spread the load, and a new table
costs two GETs that find nothing, one conditional PUT and one HEAD; a table that is there one
GET and one HEAD. Latency, some 20 ms each, is hidden by more workers than cores.

## Memory and restarts

The process that runs `precompute` keeps a job and its result, {memory:.1f} kB together, and
needs {plan:.0f} us to plan it. So give it at most some 10^6 jobs at a time and run 10^7 in ten
parts. An executor gets 1,024 jobs at a time,
a cluster half a second of them for each message.

Kill it, at any time, and run it again: what was built is found, at the price in the last column
of the table. Workers that die are replaced (`executor=` a number, `--workers`) or their jobs go
to others (Dask); a job that kills its worker twice while it runs alone fails, and the others go
on. With an executor of your own, whose workers die, the rest of the run fails, and the next run
builds it.
"""


def versions() -> str:
    """What was measured."""
    own = {"otmaps": otmaps.__version__, "Python": platform.python_version()}
    libraries = {name: importlib.metadata.version(name) for name in ("numpy", "scipy", "numba")}
    return ", ".join(f"{name} {version}" for name, version in (own | libraries).items())


def measured(costs: dict[str, Cost]) -> list[str]:
    """The table of costs."""
    lines = [
        "| tables | ms to build | kB | kB on disk | ms to find again |",
        "|---|---|---|---|---|",
    ]
    for label, each in costs.items():
        kilobytes = f"{each.size / 1e3:.0f} | {each.blocks / 1e3:.0f}"
        lines.append(
            f"| {label} | {1e3 * each.seconds:.0f} | {kilobytes} | {1e3 * each.found:.1f} |"
        )
    return lines


def extrapolated(costs: dict[str, Cost]) -> list[str]:
    """Core hours and gigabytes of many tables."""
    lines = [
        "| tables | " + " | ".join(f"10^{len(str(n)) - 1}" for n in NUMBERS) + " |",
        "|---|" + "---|" * len(NUMBERS),
    ]
    for label, each in costs.items():
        cells = [
            f"{n * each.seconds / 3600:,.1f} h, {n * each.size / 1e9:,.0f} GB" for n in NUMBERS
        ]
        lines.append(f"| {label} | {' | '.join(cells)} |")
    return lines


def page(costs: dict[str, Cost], plan: tuple[float, float], ratio: str) -> str:
    """The text."""
    introduction = INTRODUCTION.format(versions=versions(), machine=platform.machine())
    advice = ADVICE.format(scaling=ratio, plan=1e6 * plan[0], memory=plan[1] / 1e3)
    parts = [
        filled(introduction),
        "## What a table costs\n",
        "\n".join(measured(costs)) + "\n",
        "## What many cost\n",
        "Hours of one core and bytes, multiplied from the table above.\n",
        "\n".join(extrapolated(costs)) + "\n",
        filled(advice),
    ]
    return "\n".join(part.rstrip("\n") + "\n" for part in parts)


def main(arguments: Sequence[str]) -> None:
    """Measure and write."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.planning")
    parser.add_argument("--docs", type=Path, default=ROOT / "docs", help="where to write")
    parser.add_argument("--dask", type=int, default=0, metavar="REPEATS", help="measure Dask too")
    given = parser.parse_args(arguments)
    ratio = scaling(given.dask) if given.dask else ""
    costs = {}
    for case in CASES:
        costs[case.label] = cost(case)
        sys.stderr.write(f"{case.label}: {costs[case.label]}\n")
    (given.docs / "planning.md").write_text(page(costs, planning(), ratio))


if __name__ == "__main__":
    main(sys.argv[1:])
