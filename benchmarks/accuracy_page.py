"""Writes docs/accuracy.md and its figures: ``python -m benchmarks.accuracy_page``.

Needs the extras bench and plots. ``--pacal PYTHON`` names a Python that has PaCal; without it PaCal
is left out. Names of cases restrict the page to these.
"""

from __future__ import annotations

import argparse
import importlib.metadata
import math
import os
import platform
import re
import statistics
import sys
import textwrap
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

import otmaps

from .linear_results import Result, Row, Worker, rows
from .linear_truth import BANDS, CASES, Errors
from .report import table
from .sizes import LINEAR_VALUES, PEER_VALUES

ROOT = Path(__file__).parents[1]
WRONG = 1e-6
"""An error of the cdf from which on a law is called wrong."""

TIMED = 10_000
"""Values of the cdf in the figure of the times."""

COLOURS = {"OpenTURNS": "#d55e00", "PaCal": "#009e73", "otmaps": "#0072b2"}
"""In the order they are drawn in."""


def number(value: float) -> str:
    """An error in two digits; ``-`` where there is no point, "NaN" where the value was NaN."""
    if math.isnan(value):
        return "-"
    return "NaN" if math.isinf(value) else f"{value:.0e}"


def filled(text: str) -> str:
    """Paragraphs and items in lines of 120 characters."""
    out = []
    for part in text.strip().split("\n\n"):
        items = [" ".join(item.split()) for item in re.split("\n(?=- )", part)]
        out.append(
            "\n".join(
                textwrap.fill(
                    item,
                    120,
                    subsequent_indent="  " if item.startswith("- ") else "",
                    break_long_words=False,
                    break_on_hyphens=False,
                )
                for item in items
            )
        )
    return "\n\n".join(out) + "\n"


def plain(value: float) -> str:
    """A time in two digits or a whole number."""
    return f"{value:,.0f}" if value >= 10 else f"{value:.2g}"


def worst(values: Sequence[float]) -> str:
    """The largest number, and how many are NaN (infinite here)."""
    numbers = [v for v in values if math.isfinite(v)]
    failed = sum(math.isinf(v) for v in values)
    text = f"{max(numbers):.0e}" if numbers else "-"
    return f"{text}, NaN in {failed}" if failed else text


def summary(found: Sequence[Row], packages: Sequence[str]) -> list[str]:
    """The first table."""
    exact = [row for row in found if not row.is_sampled]
    sums = [row for row in exact if len(row.exact.case.terms) > 1]

    def served(package: str, among: Sequence[Row]) -> list[tuple[Row, Errors]]:
        pairs = [(row, row.results[package].errors) for row in among]
        return [(row, e) for row, e in pairs if e is not None]

    def each(label: str, cell: Callable[[str], str]) -> list[str]:
        return [label, *(cell(package) for package in packages)]

    def largest(among: Sequence[Row], get: Callable[[Errors], float]) -> Callable[[str], str]:
        return lambda package: worst([get(e) for _, e in served(package, among)])

    def median(get: Callable[[Result], float]) -> Callable[[str], str]:
        return lambda package: plain(
            statistics.median([get(row.results[package]) for row, _ in served(package, exact)])
        )

    def of_band(band: str) -> Callable[[Errors], float]:
        return lambda e: e.bands[band]

    def wrong(package: str) -> str:
        return str(sum(e.absolute > WRONG for _, e in served(package, exact)))

    def wrong_at(package: str, band: str) -> str:
        return str(sum(e.bands[band] > 1e-2 for _, e in served(package, exact)))

    lines = [
        each("cases served", lambda p: str(len(served(p, exact)))),
        each(f"of these, cdf wrong by more than {WRONG:.0e} or NaN, unsaid", wrong),
        *(
            each(f"of these, tail {band} wrong by more than 1 %", lambda p, b=band: wrong_at(p, b))
            for band in list(BANDS)[1:]
        ),
        each("largest error of cdf and sf", largest(exact, lambda e: e.absolute)),
        *(
            each(f"largest error of the tail {band}", largest(exact, of_band(band)))
            for band in BANDS
        ),
        *(
            each(f"the same for two inputs or more, {band}", largest(sums, of_band(band)))
            for band in list(BANDS)[1:3]
        ),
        each("largest error of the pdf", largest(exact, lambda e: e.pdf)),
        each("median ms to the first value", median(lambda r: r.build / 1e-3)),
        each("median ns a value of the cdf", median(lambda r: r.value / 1e-9)),
    ]
    return table(("", *packages), lines)


def comparison(found: Sequence[Row], peers: Sequence[str]) -> list[str]:
    """For each peer, how often otmaps is more exact or faster, and the cases where it is not."""
    out = []
    for peer in peers:
        pairs = [
            (row, row.results["otmaps"], row.results[peer])
            for row in found
            if row.results[peer].errors is not None
        ]
        claims: dict[str, Callable[[Result, Result], bool]] = {
            "smaller largest error of the tail down to 1e-300": lambda a, b: (
                a.errors.to_1e_300 <= b.errors.to_1e_300
            ),
            "smaller largest error of cdf and sf, or below 1e-14": lambda a, b: (
                a.errors.absolute <= max(b.errors.absolute, 1e-14)
            ),
            "less time a value of the cdf": lambda a, b: a.value < b.value,
            f"less time for a build and {TIMED:,} values": lambda a, b: (
                a.seconds(TIMED) < b.seconds(TIMED)
            ),
            "less time for a build and 1,000,000 values": lambda a, b: (
                a.seconds(1_000_000) < b.seconds(1_000_000)
            ),
        }
        lines = []
        for claim, holds in claims.items():
            not_so = [row.name for row, a, b in pairs if not holds(a, b)]
            lines.append(
                (claim, f"{len(pairs) - len(not_so)} of {len(pairs)}", ", ".join(not_so) or "none")
            )
        out += table((f"otmaps beside {peer}", "cases", "not so in"), lines)
    return out


def details(found: Sequence[Row], packages: Sequence[str]) -> list[str]:
    """A row for each case and package, and why there is none for some."""
    reasons: dict[str, int] = {}
    lines = []
    for row in found:
        for package in packages:
            result = row.results[package]
            head = (row.name if package == packages[0] else "", package)
            e = result.errors
            if e is None:
                note = reasons.setdefault(result.refused, len(reasons) + 1)
                lines.append((*head, f"refused ({note})", *[""] * (len(BANDS) + 3)))
                continue
            absolute = f"**{number(e.absolute)}**" if e.absolute > WRONG else number(e.absolute)
            lines.append(
                (
                    *head,
                    absolute,
                    *(number(v) for v in e.bands.values()),
                    number(e.pdf),
                    plain(result.build / 1e-3),
                    plain(result.value / 1e-9),
                )
            )
    head = ("case", "package", "cdf, sf", *BANDS, "pdf", "ms", "ns")
    notes = [f"{note}. {reason}" for reason, note in reasons.items()]
    return [*table(head, lines), *(["Reasons:", "", *notes, ""] if notes else [])]


def statements(found: Sequence[Row]) -> list[str]:
    """What otmaps says about its laws beside what is measured, and the map to the prior."""
    lines = []
    for row in found:
        e = row.results["otmaps"].errors
        assert e is not None
        T = row.map
        mapped = (
            ("", "", "", "")
            if T is None
            else (
                number(T.tol),
                str(T.stated) if math.isnan(T.stated) else number(T.stated),
                number(T.measured),
                plain(T.build / 1e-3),
            )
        )
        tail = "unknown" if math.isinf(row.law.tail_error) else number(row.law.tail_error)
        lines.append(
            (
                row.name,
                row.law.method.split(" (")[0],
                number(e.absolute),
                number(row.law.error),
                number(e.to_1e_300),
                tail,
                number(row.deep),
                *mapped,
            )
        )
    head = (
        "case",
        "method",
        "cdf, sf",
        "stated",
        "tail to 1e-300",
        "stated",
        "log, deeper",
        "map: tol",
        "stated",
        "measured",
        "ms",
    )
    return table(head, lines)


def uncovered(found: Sequence[Row]) -> str:
    """A sentence about measured errors above stated ones."""
    out = [row.name for row in found if not row.is_covered]
    if out:
        return f"Measured above stated, the float grid of x allowed for, in: {', '.join(out)}."
    return "The stated errors cover the measured ones, apart from the float grid of x."


def _depth(ax: Any, found: Sequence[Row], order: dict[str, str]) -> None:
    for package, colour in order.items():
        depth, error = [], []
        for row in found:
            e = row.results[package].errors
            if e is not None:
                kept = ~row.exact.is_deep & np.isfinite(e.each)
                depth += list(-np.log10(row.exact.tails[kept]))
                error += list(np.clip(e.each[kept], 1e-17, 1e3))
        ax.plot(depth, error, ".", ms=3, alpha=0.5, color=colour, label=package)
    ax.set(
        xscale="symlog",
        yscale="log",
        xlim=(0, 305),
        xlabel="depth: the nearer tail is 10 to the power of minus this",
        ylabel="relative error of the nearer tail (1e3: or more)",
    )
    ticks = [0, 1, 2, 5, 10, 20, 50, 100, 300]
    ax.set_xticks(ticks, [str(tick) for tick in ticks])


def _time(ax: Any, found: Sequence[Row], order: dict[str, str]) -> None:
    for package, colour in order.items():
        seconds, error = [], []
        for row in found:
            result = row.results[package]
            if result.errors is not None:
                seconds.append(result.seconds(TIMED))
                error.append(min(max(result.errors.absolute, 1e-17), 1.0))
        ax.plot(seconds, error, "o", ms=4, alpha=0.6, color=colour, label=package)
    ax.set(
        xscale="log",
        yscale="log",
        xlabel=f"seconds for a build and {TIMED:,} values of the cdf",
        ylabel="largest error of cdf and sf (NaN: 1)",
    )


def figures(found: Sequence[Row], folder: Path) -> None:
    """Error against depth, and error against time."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    order = {package: COLOURS[package] for package in COLOURS if package in found[0].results}
    known = [row for row in found if not row.is_sampled]
    for name, draw in (("depth", _depth), ("time", _time)):
        figure = Figure(figsize=(8.0, 4.5), layout="constrained", dpi=120)
        FigureCanvasAgg(figure)
        ax = figure.add_subplot()
        draw(ax, known, order)
        ax.grid(alpha=0.3)
        figure.legend(loc="outside upper center", ncols=len(order), markerscale=2, frameon=False)
        figure.savefig(folder / f"accuracy-{name}.png")


INTRODUCTION = """\
# How exact the laws of weighted sums are

Written by `{command}`, with {versions}; {cores} cores, {machine}. Every package on one thread, all
in one run.{without}

{cases} sums of weighted independent inputs (`tests/data/linear.json`): {points:,} points with
tails down to 1e-300, and {deep} beyond. The true values have 25 digits and are computed without
otmaps (`tools/make_linear_truths.py`). Numbers in a name are weights; the file has those of the
others.{sampled}

- The nearer tail is the smaller one of cdf and sf. Its error is relative to it; a tail that is
  given as 0 counts as off by 100 %. The bands say how small that tail is.
- The error of the pdf is relative, where the pdf is above 1e-300, away from kinks, jumps and poles
  by a millionth of their place or more.
- Nothing is allowed for the rounding of x. Next to an end of the support that no double meets
  exactly, an ulp of x can be all that is left of the tail: this is what `uniform n=1` and
  `beta(.3, 2) n=1` show, for every package.
- NaN counts as wrong. `-` means that no point is there.
- ms: from nothing to the first value of the cdf, compiled code warm (OpenTURNS does its work with
  the first value). ns: a value of the cdf at random points of the law, {values:,} of them for
  otmaps, and for the others the first {first:,}, or as many as take a second. Processor time of
  the one thread; the least of three.

## Summary

"""

MAPS = """\
## What otmaps states, and maps

{uncovered} "log, deeper" is the relative error of the logarithm of tails below 1e-300. Maps are
those to the law of the inputs, where all have one: the smallest of the tolerances 1e-11, 1e-10 and
1e-9 that is reached, the stated error in the unit of `MonotoneMap.error`, the largest error
relative to max(1, |T|), and the time of the build at that tolerance.

"""

FIGURES = """\
![Relative error of the nearer tail against its depth](images/accuracy-depth.png)

![Error against time](images/accuracy-time.png)

"""


def page(found: Sequence[Row], versions: dict[str, str], command: str) -> str:
    """The text."""
    packages = list(found[0].results)
    sampled = [row.name for row in found if row.is_sampled]
    introduction = INTRODUCTION.format(
        command=command,
        versions=", ".join(f"{name} {v}" for name, v in versions.items()),
        cores=os.cpu_count(),
        machine=platform.machine(),
        without="" if "PaCal" in packages else " PaCal was not at hand.",
        cases=len(found),
        points=sum(int((~row.exact.is_deep).sum()) for row in found),
        deep=sum(int(row.exact.is_deep.sum()) for row in found),
        sampled=f" otmaps only samples {', '.join(sampled)}; the summary and the figures leave"
        " that out."
        if sampled
        else "",
        values=LINEAR_VALUES,
        first=PEER_VALUES,
    )
    parts = [
        filled(introduction),
        "\n".join(summary(found, packages)),
        FIGURES,
        "\n".join(comparison(found, packages[1:])),
        f"## Case by case\n\nErrors of cdf and sf above {WRONG:.0e} in bold.\n",
        "\n".join(details(found, packages)),
        filled(MAPS.format(uncovered=uncovered(found))),
        "\n".join(statements(found)),
    ]
    return "\n".join(part.rstrip("\n") + "\n" for part in parts)


def versions(workers: Sequence[Worker]) -> dict[str, str]:
    """Of all that takes part."""
    own = {"otmaps": otmaps.__version__, "Python": platform.python_version()}
    libraries = {name: importlib.metadata.version(name) for name in ("numpy", "scipy", "numba")}
    return own | libraries | {worker.peer: worker.version() for worker in workers}


def main(arguments: Sequence[str]) -> None:
    """Measure and write."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.accuracy_page")
    parser.add_argument("cases", nargs="*", help="names; all without any")
    parser.add_argument("--pacal", metavar="PYTHON", help="a Python that has PaCal")
    parser.add_argument("--limit", type=float, default=20.0, help="seconds for a peer's answer")
    parser.add_argument("--docs", type=Path, default=ROOT / "docs", help="where to write")
    given = parser.parse_args(arguments)
    workers = [Worker("OpenTURNS", sys.executable, given.limit)]
    if given.pacal:
        workers.append(Worker("PaCal", given.pacal, given.limit))
    workers = [worker for worker in workers if worker.version()]
    found = []
    for row in rows(given.cases or list(CASES), workers):
        found.append(row)
        sys.stderr.write(f"{row.name}\n")
    (given.docs / "images").mkdir(parents=True, exist_ok=True)
    command = "python -m benchmarks.accuracy_page" + (" --pacal PYTHON" if given.pacal else "")
    (given.docs / "accuracy.md").write_text(page(found, versions(workers), command))
    figures(found, given.docs / "images")


if __name__ == "__main__":
    main(sys.argv[1:])
