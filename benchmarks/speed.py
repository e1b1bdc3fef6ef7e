"""The sections of docs/performance.md about applying maps and matched operations to arrays."""

from __future__ import annotations

import functools
import itertools
import time
from collections.abc import Sequence

from . import apply, blends, calls, figures, fused, limits, memory
from .cases import TABULATED, TOLERANCES
from .peers import LOOKUPS, REFERENCE, error_within
from .report import MICROSECONDS, NS, Measured, Section, Timing, digits, least, table
from .sizes import KNOTS, TINY, VALUES

DTYPES = tuple(TOLERANCES)
COPY = "a copy"
FEW, SOME = (1, 1) if TINY else (3, 5)
"""Repeats of what takes long."""

REACHES = {"to 3 sigma": 3.0, "to 5.2 sigma": 5.2, "to 37 sigma": 37.0}
"""How far out the errors of peers are looked for: the last is a tail of 6e-300."""


def _ns(seconds: float) -> str:
    return f"{seconds / VALUES / NS:.2f}"


def _copies() -> list[Timing]:
    return [Timing(f"{COPY}/{dtype}", apply.Copy, "time_copy", (dtype,)) for dtype in DTYPES]


def lookups() -> Measured:
    """One map by every peer, and the error of each."""
    peers = [
        Timing(f"{peer}/{dtype}", apply.Lookup, "time_lookup", (peer, dtype))
        for dtype in DTYPES
        for peer in LOOKUPS
    ]
    found = least(_copies() + peers, SOME)
    present = [name for name in LOOKUPS if f"{name}/float64" in found]
    errors = {name: [error_within(LOOKUPS[name], z) for z in REACHES.values()] for name in present}
    rows = [
        (
            name,
            f"{found[f'{REFERENCE}/float64'] / found[f'{name}/float64']:.1f}",
            *(f"{found[f'{name}/{d}'] / found[f'{COPY}/{d}']:.1f}" for d in DTYPES),
            *(_ns(found[f"{name}/{d}"]) for d in DTYPES),
            *(f"{error:.0e}" for error in errors.get(name, ())),
            *("" for _ in REACHES if name not in errors),
        )
        for name in (COPY, *present)
    ]
    head = (
        f"logistic to normal, {VALUES:,} values",
        "x as fast as np.interp",
        "copies",
        "copies, float32",
        "ns",
        "ns, float32",
        *(f"error {reach}" for reach in REACHES),
    )
    times = {name: found[f"{name}/float64"] / VALUES / NS for name in (COPY, *present)}
    return Measured(
        table(head, rows), functools.partial(figures.lookups, times, errors, list(REACHES)[:2])
    )


def asked_for() -> Measured:
    """The figures beside their limits."""
    rows: list[Sequence[str]] = []
    for dtype in DTYPES:
        rows += limits.map_rows(dtype) + limits.operation_rows(dtype)
    rows += limits.thread_rows() + limits.build_rows()
    return Measured(table((f"lerp(0.5), {VALUES:,} values", "figure", "limit"), rows))


def maps() -> Measured:
    """Maps of midpoints, in copies, beside their limits."""
    timings = _copies()
    for dtype in DTYPES:
        timings += [Timing(f"{p}/{dtype}", apply.Map, "time_map", (p, dtype)) for p in TABULATED]
        timings += [
            Timing(f"{kind}/{dtype}", apply.Straight, "time_map", (kind, dtype))
            for kind in ("affine", "identity")
        ]
    found = least(timings)
    names = (*TABULATED, "affine", "identity")
    copies = {d: [found[f"{name}/{d}"] / found[f"{COPY}/{d}"] for name in names] for d in DTYPES}
    rows = [
        (
            name,
            *(f"{copies[d][i]:.1f}" for d in DTYPES),
            *(_ns(found[f"{name}/{d}"]) for d in DTYPES),
        )
        for i, name in enumerate(names)
    ]
    head = ("map of the midpoint of", "copies", "copies, float32", "ns", "ns, float32")
    return Measured(table(head, rows), functools.partial(figures.maps, names, copies))


def operations() -> Measured:
    """Ways to blend two latents."""
    found: dict[str, float] = {}
    for prior, dtype in itertools.product(blends.PRIOR_NAMES, DTYPES):  # by turns within each
        found |= least(
            [
                Timing(f"{way}/{prior}/{dtype}", fused.Blend, "time_blend", (way, prior, dtype))
                for way in blends.WAYS
            ],
            SOME,
        )
    lines: list[str] = []
    for prior in blends.PRIOR_NAMES:
        plain = f"{blends.PLAIN}/{prior}"
        rows = []
        for way in blends.WAYS:
            key = f"{way}/{prior}"
            if f"{key}/float64" not in found:
                continue
            z1, z2 = blends.latents(prior)
            z = blends.WAYS[way](prior, z1, z2)()
            norm = f"{blends.norm_distance(z):.2f}" if prior == "normal" else ""
            rows.append(
                (
                    way,
                    *(f"{found[f'{key}/{d}'] / found[f'{plain}/{d}']:.2f}" for d in DTYPES),
                    *(_ns(found[f"{key}/{d}"]) for d in DTYPES),
                    f"{blends.distance(prior, z):.2f}",
                    *((norm,) if norm else ()),
                    f"{blends.cost(prior, z, z1, z2):.3f}",
                )
            )
        head = (
            f"midpoint of two {prior} latents",
            "x NumPy's time",
            "the same, float32",
            "ns",
            "ns, float32",
            "sqrt(n) KS",
            *(("of norms",) if prior == "normal" else ()),
            "change, x least",
        )
        lines += table(head, rows)
    times = {
        way: [found[f"{way}/{p}/float64"] / VALUES / NS for p in blends.PRIOR_NAMES]
        for way in blends.WAYS
        if f"{way}/normal/float64" in found
    }
    return Measured(lines, functools.partial(figures.operations, blends.PRIOR_NAMES, times))


def layouts() -> Measured:
    """The same map at every layout, and on two threads."""
    found = least(
        _copies()
        + [
            Timing(f"{layout}/{d}", calls.Layout, "time_map", (layout, d), before="fill")
            for d in DTYPES
            for layout in calls.LAYOUTS
        ]
    )
    threads = [
        Timing(f"{n}/{d}", calls.Threads, "time_map", (n, d)) for d in DTYPES for n in (1, 2)
    ]
    by_clock = least(threads, clock=time.perf_counter)
    rows = [
        (
            layout,
            *(f"{found[f'{layout}/{d}'] / found[f'out=/{d}']:.2f}" for d in DTYPES),
            *(_ns(found[f"{layout}/{d}"]) for d in DTYPES),
        )
        for layout in calls.LAYOUTS
    ]
    head = (f"map under {calls.PRIOR}", "x out=", "float32", "ns", "ns, float32")
    gains = [
        (
            "2 threads, x as fast as 1",
            *(f"{by_clock[f'1/{d}'] / by_clock[f'2/{d}']:.2f}" for d in DTYPES),
        )
    ]
    return Measured(table(head, rows) + table(("by the clock", *DTYPES), gains))


def directions() -> Measured:
    """Inverse and derivatives."""
    found: dict[str, float] = {}
    for p, d in itertools.product(TABULATED, DTYPES):  # by turns within a row of the table
        found |= least(
            [
                Timing(f"{way}/{p}/{d}", calls.Direction, "time_direction", (way, p, d))
                for way in calls.DIRECTIONS
            ],
            FEW,
        )
    rows = [
        (
            p if d == "float64" else f"{p}, {d}",
            *(_ns(found[f"{way}/{p}/{d}"]) for way in calls.DIRECTIONS),
        )
        for p in TABULATED
        for d in DTYPES
    ]
    return Measured(table(("ns a value", *(f"T.{way}" for way in calls.DIRECTIONS)), rows))


def sizes() -> Measured:
    """From one value to millions."""
    names = calls.Size.params[0]
    timings = [
        Timing(f"{call}/{n}", calls.Size, "time_call", (call, n), number=max(1, 20_000 // n))
        for n in calls.SIZES
        for call in names
    ]
    found = least(timings)
    rows = [
        (f"{n:,}", *(digits(found[f"{call}/{n}"] / MICROSECONDS) for call in names))
        for n in calls.SIZES
    ]
    a_value = {call: [found[f"{call}/{n}"] / n / NS for n in calls.SIZES] for call in names}
    return Measured(
        table(("microseconds a call, values", *names), rows),
        functools.partial(figures.sizes, calls.SIZES, a_value),
    )


def scratch() -> Measured:
    """Memory of calls."""
    rows = []
    for name in memory.CALLS:
        benchmark = memory.Scratch()
        try:
            benchmark.setup(name)
        except NotImplementedError:
            continue  # a peer that is not installed
        rows.append((name, f"{benchmark.track_bytes(name):.1f}"))
    return Measured(table(("one call, float64", "bytes a value"), rows))


SECTIONS = {
    "lookup": Section(
        "One map by every peer",
        f"""\
The map from the logistic to the normal law, the one problem that all of them can do; the
values are in random order. Peers have {KNOTS:,} knots, at quantiles of the source, or evenly
between tails of 1e-9. PINV is UNU.RAN's inversion of the target (`NumericalInversePolynomial`,
at its default u-resolution of 1e-10, and at 1e-15), put behind the exact cdf of the source.
The copies of the first row are the floor: read once, write once.

The errors are the largest |T(y) - exact| where the exact value is that large at most, in standard
deviations of the target. Knots at quantiles end at z = 3.5, and np.interp stays constant beyond;
QuantileTransformer jumps to 5.2 there; what passes through u = cdf(y) has no digits left in the
upper tail, and is infinite from z = 8.3 on.""",
        lookups,
        "Error against time of every peer, in the bulk and out to 5.2 standard deviations.",
    ),
    "maps": Section(
        "Maps of midpoints",
        """\
The maps of `lerp(0.5)`, to a tolerance of 1e-9 in float64 and of 1e-6 in float32, into `out=`.
Single precision is computed in double precision, so that it saves memory traffic and no
arithmetic. Affine maps and the identity cost about what a copy costs. Most values go through
one polynomial of degree up to 23, in vector code (`docs/architecture.md`), or two where a kink
lies inside; maps that need a high degree take longest.""",
        maps,
        "Time of each map in copies of the array, beside the limits.",
    ),
    "limits": Section(
        "The figures asked for",
        """\
What `python -m benchmarks.limits` prints: each figure of the specification beside its limit.""",
        asked_for,
    ),
    "operation": Section(
        "The matched operation in one pass",
        f"""\
Two batches of latents with {blends.DIMENSIONS} values each, blended half and half. "One pass"
is `matched(z1, z2)`, "raw then map" is `matched.map(matched.raw(z1, z2))`. LOL makes each
latent normal, combines and maps back; slerp is the function that most programs have, row by
row. What allocates its result pays for fresh memory pages as well, which `out=` spares.

sqrt(n) KS is the distance of all values from the prior (Kolmogorov-Smirnov): a right law
exceeds 1.95 once in a thousand runs. "Of norms" is the same for the norms of rows, whose law is
known for normal latents. The last column is the mean squared change of the raw result, in that
of the optimal map: a law that is kept at a larger change is kept at a price, and a smaller
change keeps no law.""",
        operations,
        "Time a value of every way to blend two latents.",
    ),
    "layout": Section(
        "Layouts and threads",
        """\
The same map for arrays that lie in other ways. What is not contiguous is copied by the block of
2^16 values. Two threads are an opt-in (`threads=2`), timed by the clock; where the machine does
other work, they gain less.""",
        layouts,
    ),
    "direction": Section(
        "Inverse and derivatives",
        """\
Of the same maps. The inverse searches its cell by halving and solves for the value by Newton
steps; derivatives go through the cells of the table, not through the polynomials.""",
        directions,
    ),
    "size": Section(
        "Small arrays",
        """\
What a call costs by the number of its values.""",
        sizes,
        "Nanoseconds a value against the number of values.",
    ),
    "memory": Section(
        "Memory of a call",
        """\
What NumPy allocates during one call beside its arguments, at its peak and with the result: 8 bytes
a value are one array. The peak memory of whole processes is followed by asv (`peakmem_`).""",
        scratch,
    ),
}
