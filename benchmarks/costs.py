"""The sections of docs/performance.md about everything but arrays: building, starting, storing."""

from __future__ import annotations

import functools
import math
import os
import subprocess
import sys
from pathlib import Path

from . import accuracy, build, family, figures, first_call, imports, invert, store
from .cases import OPERATIONS, PRIORS, TABULATED
from .report import MICROSECONDS, MILLISECONDS, NS, Measured, Section, Timing, digits, least, table
from .sizes import DRAWS, POINTS, QUANTILES, TINY
from .truth import TRUTHS


def fresh_imports() -> Measured:
    """Processor time of fresh processes."""
    statements = {
        "import otmaps": imports.timeraw_import_otmaps(),
        "import numba, scipy.special": imports.timeraw_import_what_it_needs(),
        "import scipy.stats": imports.timeraw_import_scipy_stats(),
        "import numpy": imports.timeraw_import_numpy(),
    }
    found = {name: float("inf") for name in statements}
    bare = float("inf")
    for _ in range(1 if TINY else 5):
        bare = min(bare, _process_time("pass"))
        for name, code in statements.items():
            found[name] = min(found[name], _process_time(code))
    base = found["import numba, scipy.special"] - bare
    rows = [
        (f"`{name}`", f"{(t - bare) / MILLISECONDS:.0f}", f"{(t - bare) / base:.2f}")
        for name, t in found.items()
    ]
    return Measured(table(("import", "ms", "x `import numba, scipy.special`"), rows))


def _process_time(code: str) -> float:
    process = subprocess.Popen([sys.executable, "-c", code], cwd=Path(__file__).parents[1])
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = status
    if status != 0:
        raise RuntimeError(f"{code!r} failed with status {status}")
    return usage.ru_utime + usage.ru_stime


def first_calls() -> Measured:
    """A fresh process up to its second call, with compiled code or without."""
    found = {
        f"{prior}, {cache} cache": first_call.stages(prior, cache)
        for prior in first_call.PRIORS
        for cache in first_call.CACHES
    }
    rows = [
        (name, *(digits(t / MILLISECONDS) for t in stages.values()), f"{sum(stages.values()):.1f}")
        for name, stages in found.items()
    ]
    head = ("ms", *first_call.STAGES, "in all, s")
    return Measured(table(head, rows), functools.partial(figures.first_calls, found))


def builds() -> Measured:
    """Law and map from nothing."""
    cases = [(p, op) for p in PRIORS for op in OPERATIONS]
    timings = [Timing(f"{p}/{op}", build.Match, "time_match", (p, op)) for p, op in cases]
    found = least(timings, repeats=1 if TINY else 2)
    ms = {p: [found[f"{p}/{op}"] / MILLISECONDS for op in OPERATIONS] for p in PRIORS}
    rows = [(p, *(digits(t) for t in times)) for p, times in ms.items()]
    return Measured(
        table(("`match`, ms", *OPERATIONS), rows),
        functools.partial(figures.builds, list(OPERATIONS), ms),
    )


def quantiles() -> Measured:
    """Quantiles of priors and of results."""
    timings = [
        Timing(f"{package} {p}", invert.Quantile, "time_ppf", (package, p))
        for p in PRIORS
        for package in invert.Quantile.params[0]
    ]
    timings += [Timing(f"result {p}", invert.ResultQuantile, "time_ppf", (p,)) for p in TABULATED]
    found = least(timings, repeats=1 if TINY else 3)

    def cell(label: str) -> str:
        return f"{found[label] / QUANTILES / NS:.1f}" if label in found else ""

    rows = [
        (
            p,
            f"{found[f'scipy.stats {p}'] / found[f'otmaps {p}']:.1f}",
            cell(f"otmaps {p}"),
            cell(f"scipy.stats {p}"),
            cell(f"result {p}"),
        )
        for p in PRIORS
    ]
    head = (
        "ns a value",
        "x as fast as scipy.stats",
        "law.ppf",
        "scipy.stats ppf",
        "ppf of the midpoint's law",
    )
    return Measured(table(head, rows))


OPENED = ("first", "again", "digest_alone")


def stored() -> Measured:
    """The store; disk, so the time of the thread leaves out waiting."""
    methods = sorted(name for name in dir(store.Table) if name.startswith("time_"))
    found = least([Timing(name, store.Table, name) for name in methods])
    rows = [
        (name.removeprefix("time_").replace("_", " "), f"{t / MICROSECONDS:,.0f}")
        for name, t in found.items()
    ]
    opened = least([Timing(name, store.Open, f"time_{name}") for name in OPENED])
    rows += [
        (f"open 64 KB, {name.replace('_', ' ')}", f"{t / MICROSECONDS:,.0f}")
        for name, t in opened.items()
    ]
    return Measured(table(("laplace midpoint", "microseconds"), rows))


def families() -> Measured:
    """Families in t, beside matching each t anew."""
    priors = family.Using.params[0]
    ways = ("map", "match", "path", "per_sample")
    making = least(
        [Timing(p, family.Making, "time_make", (p,)) for p in priors], repeats=1 if TINY else 2
    )
    number = {"map": 1 if TINY else 50}
    found = least(
        [
            Timing(f"{p}/{w}", family.Using, f"time_{w}", (p,), number=number.get(w, 1))
            for p in priors
            for w in ways
        ]
    )
    values = math.prod(family.LATENTS)
    rows = [
        (
            p,
            f"{making[p]:.2f}",
            f"{found[f'{p}/match'] / found[f'{p}/map']:.0f}",
            digits(found[f"{p}/map"] / MICROSECONDS),
            digits(found[f"{p}/path"] / (values * family.FRAMES) / NS),
            digits(found[f"{p}/per_sample"] / values / NS),
        )
        for p in priors
    ]
    head = (
        f"lerp, t from 0 to 0.5, tol {family.TOL:g}",
        "made in s",
        "a map, x as fast as match",
        "microseconds",
        f"path of {family.FRAMES} frames, ns a value",
        "an own t each, ns a value",
    )
    return Measured(table(head, rows))


def errors() -> Measured:
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
    return Measured(table(("", "cdf", "stated", "tail, relative", "stated", "map", "stated"), rows))


def matched() -> Measured:
    """Kolmogorov-Smirnov distances of matched latents."""
    case = accuracy.Matched()
    rows = [(p, *(f"{case.track_distance(p, op):.2f}" for op in OPERATIONS)) for p in PRIORS]
    return Measured(table((f"sqrt(n) KS, n = {DRAWS:,}", *OPERATIONS), rows))


SECTIONS = {
    "build": Section(
        "Building a law and a map",
        """\
`otmaps.match` without a store, compiled code warm, for maps good to 1e-9. Identity and affine
maps are recognised and cost nothing. Uniform latents have a closed form; the others are
convolved numerically to 1e-12. Heavy tails (Student) are followed down to 1e-300, over a
hundred decades of y: this is what the store is for.""",
        builds,
        "Time of match by prior and operation.",
    ),
    "family": Section(
        "Families",
        f"""\
A family holds the maps of every t (`docs/families.md`). A path gives all frames of
{math.prod(family.LATENTS):,} values in one call; `per_sample` takes an own t for each of
{family.LATENTS[0]} samples.""",
        families,
    ),
    "first": Section(
        "The first call in a fresh process",
        """\
Processor time of a fresh process up to its second call of `match(lerp(0.5), prior)` on 1,000
values. With a cold cache numba compiles every kernel that is met; with a warm one it loads them
from its cache on disk. The start of numba's compiler is paid once a process by whatever uses
numba first.""",
        first_calls,
        "What a fresh process spends its time on, with a cold and a warm cache.",
    ),
    "import": Section(
        "Import",
        """\
Processor time of fresh processes. `import otmaps` loads neither scipy.stats, POT, matplotlib nor
torch.""",
        fresh_imports,
    ),
    "store": Section(
        "The store", "Processor time of one thread; waiting for a disk is left out.", stored
    ),
    "quantile": Section(
        "Quantiles",
        """\
At random probabilities. Those of otmaps keep their relative accuracy in both tails.""",
        quantiles,
    ),
    "accuracy": Section(
        "Accuracy",
        f"""\
Against closed forms evaluated to 400 digits (`benchmarks/truth.py`), {POINTS:,} points a case,
half of them with tails between 0.1 and 1e-250. "Stated" is what `law.error`, `law.tail_error`
and `map.error` promise; the tests hold that it covers what is measured. Tail errors leave out
what one unit in the last place at the end of the support does: weights are doubles, so where a
weighted sum of uniforms ends is known no better. The unit of the map's error is the prior's
standard deviation, in the far tail the distance from its median.""",
        errors,
    ),
    "matched": Section(
        "Matched latents against the prior",
        """\
The Kolmogorov-Smirnov distance of matched draws times the root of their number. Exact draws
exceed 1.95 once in a thousand.""",
        matched,
    ),
}
