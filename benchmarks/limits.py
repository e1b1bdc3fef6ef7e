"""Speed against its limits: ``python -m benchmarks.limits``.

Everything runs in turns in one process, on one thread, timed by the time of that thread; threads
are timed by the clock. A figure is the least of the repeats, in copies of the array. `match` is
timed warm, without a store.
"""

from __future__ import annotations

import sys
import time
import warnings
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

import otmaps

from .cases import OPERATIONS, PRIORS, draws
from .report import table
from .sizes import KNOTS, SEED, TINY, VALUES

REPEATS = 1 if TINY else 15
TOLERANCES = {"float64": 1e-9, "float32": 1e-6}
NEAR = {"float64": 2.5, "float32": 4.0}
FAR = {"float64": 4.5, "float32": 9.0}
CLOSE = ("uniform", "logistic", "laplace")  # the priors whose maps have the smaller limit
BUILD = {"normal": 0.3, "uniform": 3.0}
SLOWEST_BUILD = 40.0

Job = Callable[[], Any]


def least(jobs: dict[str, Job], clock: Callable[[], float] = time.thread_time) -> dict[str, float]:
    """The least time of each, all of them run in turns."""
    found = dict.fromkeys(jobs, float("inf"))
    for job in jobs.values():
        job()
    for _ in range(REPEATS):
        for name, job in jobs.items():
            start = clock()
            job()
            found[name] = min(found[name], clock() - start)
    return found


def _matched(prior: str, tol: float) -> otmaps.MatchedOperation:
    return otmaps.match(OPERATIONS["lerp"], PRIORS[prior], store=None, tol=tol)


def _latents(prior: str, dtype: str) -> list[Any]:
    return [draws(PRIORS[prior], VALUES, SEED + i).astype(dtype) for i in range(2)]


def map_rows(dtype: str) -> list[Sequence[str]]:
    """Maps of lerp, in copies, and how much faster than np.interp."""
    jobs: dict[str, Job] = {}
    out = np.empty(VALUES, dtype)
    priors = [name for name in PRIORS if name != "cauchy"]
    for prior in priors:
        matched = _matched(prior, TOLERANCES[dtype])
        y = matched.raw(*_latents(prior, dtype))
        jobs[prior] = lambda T=matched.map, y=y: T(y, out=out)
        if not jobs.keys() - {prior}:
            law = matched.source
            knots = np.asarray(law.ppf((np.arange(KNOTS) + 0.5) / KNOTS))
            values = np.asarray(matched.map(knots))
            jobs["numpy.interp"] = lambda y=y, x=knots, z=values: np.interp(y, x, z)
            jobs["copy"] = lambda y=y: np.copyto(out, y)
    found = least(jobs)
    rows = []
    for prior in priors:
        limit = (NEAR if prior in (*CLOSE, "normal") else FAR)[dtype]
        copies, faster = found[prior] / found["copy"], found["numpy.interp"] / found[prior]
        rows.append((f"map of {prior}, {dtype}", f"{copies:.2f} copies", f"{limit}"))
        rows.append((f"map of {prior}, {dtype}, beside np.interp", f"{faster:.0f} x", "40"))
    return rows


def operation_rows(dtype: str) -> list[Sequence[str]]:
    """The fused operation under a normal prior, beside NumPy's sum."""
    z1, z2 = _latents("normal", dtype)
    a = b = np.dtype(dtype).type(0.5)
    matched = _matched("normal", TOLERANCES[dtype])
    found = least({"numpy": lambda: a * z1 + b * z2, "matched": lambda: matched(z1, z2)})
    ratio = found["matched"] / found["numpy"]
    return [(f"matched lerp, normal, {dtype}", f"{ratio:.2f} of a*z1 + b*z2", "1")]


def thread_rows() -> list[Sequence[str]]:
    """Two threads beside one."""
    z1, z2 = _latents("laplace", "float64")
    out = np.empty(VALUES)
    matched = _matched("laplace", 1e-9)
    jobs: dict[str, Job] = {
        "one": lambda: matched(z1, z2, out=out),
        "two": lambda: matched(z1, z2, out=out, threads=2),
    }
    found = least(jobs, time.perf_counter)
    return [("two threads, laplace", f"{found['one'] / found['two']:.2f} x one", "1.7")]


def build_rows() -> list[Sequence[str]]:
    """A warm `match`."""
    jobs = {prior: lambda p=prior: _matched(p, 1e-9) for prior in PRIORS}
    found = least(jobs)
    return [
        (f"match, {prior}", f"{1e3 * t:.2f} ms", f"{BUILD.get(prior, SLOWEST_BUILD)}")
        for prior, t in found.items()
    ]


def main() -> None:
    """Print the figures and their limits."""
    warnings.simplefilter("ignore", otmaps.AccuracyWarning)
    rows: list[Sequence[str]] = []
    for dtype in TOLERANCES:
        rows += map_rows(dtype) + operation_rows(dtype)
    rows += thread_rows() + build_rows()
    lines = table((f"lerp(0.5), {VALUES:,} values", "figure", "limit"), rows)
    sys.stdout.write("\n".join(lines))


if __name__ == "__main__":
    main()
