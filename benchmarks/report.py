"""The tables of docs/performance.md: ``python -m benchmarks.report [SECTION ...]``.

It runs the classes of the asv suite, but in turns: every candidate once, then every candidate
again, so that what else the machine does falls on all of them alike. A figure is the least of
the repeats, in time of the one thread that works (of the process, for imports).
"""

from __future__ import annotations

import dataclasses
import os
import platform
import subprocess
import sys
import time
import warnings
from collections.abc import Callable, Iterable, Sequence
from typing import Any, final

import otmaps

from . import accuracy, apply, build, imports, invert, store
from .cases import OPERATIONS, PRIORS, TABULATED
from .peers import LOOKUPS, REFERENCE
from .sizes import DRAWS, POINTS, QUANTILES, TINY, VALUES
from .truth import TRUTHS

REPEATS = 1 if TINY else 7
NS, MICROSECONDS, MILLISECONDS = 1e-9, 1e-6, 1e-3


@final
@dataclasses.dataclass(frozen=True)
class Timing:
    """One row of a table: a method of a benchmark class with its parameters."""

    label: str
    benchmark: type
    method: str
    parameters: tuple[Any, ...] = ()


def least(timings: Sequence[Timing], repeats: int = REPEATS) -> dict[str, float]:
    """The least time of each in seconds, all of them run in turns."""
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
            start = time.thread_time()
            run(*timing.parameters)
            found[label] = min(found[label], time.thread_time() - start)
    for benchmark, timing in ready.values():
        getattr(benchmark, "teardown", lambda *_: None)(*timing.parameters)
    return found


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> list[str]:
    """A Markdown table: the first column to the left, numbers to the right."""
    rule = ["---", *["--:"] * (len(head) - 1)]
    return ["| " + " | ".join(row) + " |" for row in (head, rule, *rows)] + [""]


def import_section() -> list[str]:
    """Processor time of fresh processes."""
    statements = {
        "import otmaps": imports.timeraw_import_otmaps(),
        "import numba, scipy.special": imports.timeraw_import_what_it_needs(),
        "import scipy.stats": imports.timeraw_import_scipy_stats(),
        "import numpy": imports.timeraw_import_numpy(),
    }
    found = {name: float("inf") for name in statements}
    bare = float("inf")
    for _ in range(1 if TINY else 7):
        bare = min(bare, _process_time("pass"))
        for name, code in statements.items():
            found[name] = min(found[name], _process_time(code))
    base = found["import numba, scipy.special"] - bare
    rows = [
        (f"`{name}`", f"{(t - bare) / MILLISECONDS:.0f}", f"{(t - bare) / base:.2f}")
        for name, t in found.items()
    ]
    return table(("import", "ms", "ratio to `import numba, scipy.special`"), rows)


def _process_time(code: str) -> float:
    process = subprocess.Popen([sys.executable, "-c", code])
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = status
    if status != 0:
        raise RuntimeError(f"{code!r} failed with status {status}")
    return usage.ru_utime + usage.ru_stime


def lookup_section() -> list[str]:
    """The logistic-to-normal map by every peer, then the maps of otmaps, all in one run."""
    timings = []
    for dtype in apply.DTYPES:
        timings += [Timing(f"a copy/{dtype}", apply.Copy, "time_copy", (dtype,))]
        timings += [
            Timing(f"{peer}/{dtype}", apply.Lookup, "time_lookup", (peer, dtype))
            for peer in LOOKUPS
        ]
        timings += [
            Timing(f"otmaps, midpoint of {p}/{dtype}", apply.Map, "time_map", (p, dtype))
            for p in TABULATED
        ]
        timings += [
            Timing(f"otmaps, {kind} map/{dtype}", apply.Straight, "time_map", (kind, dtype))
            for kind in ("affine", "identity")
        ]
    found = least(timings)
    labels = [key.removesuffix("/float64") for key in found if key.endswith("/float64")]
    reference, copy = found[f"{REFERENCE}/float64"], found["a copy/float64"]
    rows = [
        (
            label,
            f"{reference / found[f'{label}/float64']:.1f}",
            f"{found[f'{label}/float64'] / copy:.1f}",
            f"{found[f'{label}/float64'] / VALUES / NS:.2f}",
            f"{found[f'{label}/float32'] / VALUES / NS:.2f}",
        )
        for label in labels
    ]
    head = (
        f"{VALUES:,} values in random order",
        f"times faster than {REFERENCE}",
        "times a copy",
        "ns a value",
        "ns a value, float32",
    )
    return table(head, rows)


def operation_section() -> list[str]:
    """The matched operation beside the raw one."""
    priors = apply.MatchedOperation.params[0]
    found = least(
        [
            Timing(f"{method} {p}", apply.MatchedOperation, f"time_{method}", (p, "float64"))
            for p in priors
            for method in ("matched", "raw")
        ]
    )
    rows = [
        (
            p,
            f"{found[f'matched {p}'] / found[f'raw {p}']:.2f}",
            *(f"{found[f'{method} {p}'] / VALUES / NS:.2f}" for method in ("raw", "matched")),
        )
        for p in priors
    ]
    return table(("lerp(0.5) under", "matched / raw", "raw, ns", "matched, ns"), rows)


def quantile_section() -> list[str]:
    """Inverse maps, and quantiles of priors and results."""
    timings = [
        Timing(f"{package} {p}", invert.Quantile, "time_ppf", (package, p))
        for p in PRIORS
        for package in invert.Quantile.params[0]
    ]
    timings += [Timing(f"result {p}", invert.ResultQuantile, "time_ppf", (p,)) for p in TABULATED]
    timings += [Timing(f"inverse {p}", invert.Inverse, "time_inverse", (p,)) for p in TABULATED]
    found = least(timings)

    def cell(label: str, n: int) -> str:
        return f"{found[label] / n / NS:.1f}" if label in found else ""

    rows = [
        (
            p,
            f"{found[f'scipy.stats {p}'] / found[f'otmaps {p}']:.1f}",
            cell(f"otmaps {p}", QUANTILES),
            cell(f"scipy.stats {p}", QUANTILES),
            cell(f"result {p}", QUANTILES),
            cell(f"inverse {p}", VALUES),
        )
        for p in PRIORS
    ]
    head = (
        "ns a value",
        "times faster than scipy.stats",
        "law.ppf",
        "scipy.stats ppf",
        "ppf of the midpoint's law",
        "T.inverse of the midpoint",
    )
    return table(head, rows)


def build_section() -> list[str]:
    """Law and map from nothing."""
    found = least(
        [
            Timing(f"{p}/{op}", build.Match, "time_match", (p, op))
            for p in PRIORS
            for op in OPERATIONS
        ],
        repeats=1 if TINY else 2,
    )
    rows = [(p, *(f"{found[f'{p}/{op}'] / MILLISECONDS:.3g}" for op in OPERATIONS)) for p in PRIORS]
    return table(("`match`, ms", *OPERATIONS), rows)


OPENED = ("first", "again", "digest_alone")


def store_section() -> list[str]:
    """The store; disk, so the time of the thread leaves out waiting."""
    methods = sorted(name for name in dir(store.Table) if name.startswith("time_"))
    found = least([Timing(name, store.Table, name) for name in methods])
    rows = [
        (name.removeprefix("time_").replace("_", " "), f"{t / MICROSECONDS:.0f}")
        for name, t in found.items()
    ]
    opened = least([Timing(name, store.Open, f"time_{name}") for name in OPENED])
    rows += [
        (f"open 64 KB, {name.replace('_', ' ')}", f"{t / MICROSECONDS:.0f}")
        for name, t in opened.items()
    ]
    return table(("laplace midpoint", "microseconds"), rows)


def accuracy_section() -> list[str]:
    """Measured errors beside stated ones."""
    rows = [
        (
            case,
            *(
                f"{error:.0e}"
                for error in (
                    truth.absolute_error(),
                    truth.law.error,
                    truth.tail_error(),
                    truth.law.tail_error,
                    truth.map_error(),
                    truth.map.error,
                )
            ),
        )
        for case, truth in TRUTHS.items()
    ]
    head = ("", "cdf", "stated", "tail, relative", "stated", "map", "stated")
    return [f"{POINTS} points a case, tails down to 1e-250.", "", *table(head, rows)]


def matched_section() -> list[str]:
    """Kolmogorov-Smirnov distances of matched latents."""
    matched = accuracy.Matched()
    rows = [(p, *(f"{matched.track_distance(p, op):.2f}" for op in OPERATIONS)) for p in PRIORS]
    return table((f"sqrt(n) KS, n = {DRAWS:,}", *OPERATIONS), rows)


SECTIONS: dict[str, Callable[[], list[str]]] = {
    "import": import_section,
    "lookup": lookup_section,
    "operation": operation_section,
    "quantile": quantile_section,
    "build": build_section,
    "store": store_section,
    "accuracy": accuracy_section,
    "matched": matched_section,
}


def main(names: Sequence[str]) -> None:
    """Print the sections of these names, or all."""
    warnings.simplefilter("ignore", otmaps.AccuracyWarning)
    unknown = [name for name in names if name not in SECTIONS]
    if unknown:
        raise SystemExit(f"no section {unknown[0]!r}; there are {', '.join(SECTIONS)}")
    sys.stdout.write(f"Python {platform.python_version()}, {platform.machine()}\n\n")
    for name in names or SECTIONS:
        sys.stdout.write("\n".join(SECTIONS[name]()) + "\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main(sys.argv[1:])
