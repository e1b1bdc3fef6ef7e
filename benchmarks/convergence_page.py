"""Writes docs/convergence.md and its figures: ``python -m benchmarks.convergence_page``.

Needs the extras bench and plots. Names of cases restrict the page to these.
"""

from __future__ import annotations

import argparse
import importlib.metadata
import math
import platform
import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np

import otmaps

from .accuracy_page import filled, number, plain
from .convergence import (
    AT,
    CONFIDENCE,
    LEVELS,
    REPLICATES,
    SEEDS,
    SIZES,
    Curve,
    cases,
    curves,
    seeds,
)
from .report import table

ROOT = Path(__file__).parents[1]
COLOURS = {"Monte Carlo": "#d55e00", "RQMC": "#009e73", "conditional RQMC": "#0072b2"}
COLUMNS = 2

Found = dict[str, dict[str, Curve]]

INTRODUCTION = """\
# How fast the laws of sampled operations converge

Written by `python -m benchmarks.convergence_page`, with {versions}; {machine}.

The law of an operation of four inputs by `MonteCarlo`, `RQMC` and `ConditionalRQMC`, beside the
true one. The error is the largest distance of the cdf from the truth at {levels} points of the law;
shown is its root mean square over {seeds} seeds, {least} at the largest n and {here} at n = {at}.

- n counts the points of all {replicates} replicates together (those of the outer inputs, for
  conditional RQMC). Plain sampling evaluates the operation once a point; conditional RQMC evaluates
  it some hundred times a point, so the times tell more than n about the cost.
- Stated: the median of `law.error`, which holds with probability {confidence:g}. Exceeded: how many
  of all laws, at any n, were off by more than they state.
- Rate: the power of n by which the error falls, fitted from n = 2^10 on.
- Times: processor time of one thread for the law at n = {at}, the least of {here}.

The true cdf is a closed form, and that of the product of four normals a G-function of Meijer
computed by mpmath. The gate is `where(a > b, c, 2 d)`, which jumps in two of its inputs.
The maximum has flat pieces in every input, so that little is gained by conditioning on all but one.
Products of uniforms have kinks along curved surfaces, and those of normals are singular where an
input is 0: both gain less than sums, whose conditional cdf is smooth or has kinks along planes.

"""


def exponent(n: int) -> str:
    """A power of two."""
    return f"2^{int(math.log2(n))}"


def at(curve: Curve, n: int = AT) -> int:
    """The row of a size."""
    return curve.sizes.index(n)


def comparison(found: Found) -> list[str]:
    """The first table."""
    lines = []
    for name, by in found.items():
        errors = {e: float(by[e].rms[at(by[e])]) for e in COLOURS}
        lines.append(
            (
                name,
                *(number(error) for error in errors.values()),
                f"{errors['Monte Carlo'] / errors['RQMC']:,.0f}",
                f"{errors['Monte Carlo'] / errors['conditional RQMC']:,.0f}",
            )
        )
    names = list(COLOURS)
    head = (f"error at n = {exponent(AT)}", *names, *(f"Monte Carlo / {e}" for e in names[1:]))
    return table(head, lines)


def details(found: Found) -> list[str]:
    """Rates, stated errors and times."""
    lines = []
    for name, by in found.items():
        for e, curve in ((e, by[e]) for e in COLOURS):
            row = at(curve)
            over, runs = curve.exceeded
            lines.append(
                (
                    name if e == "Monte Carlo" else "",
                    e,
                    f"{curve.rate:.2f}",
                    number(float(curve.rms[row])),
                    number(float(curve.bounds[row])),
                    f"{over} of {runs}",
                    plain(curve.seconds[row] / 1e-3),
                )
            )
    head = ("", "method", "rate", f"error at {exponent(AT)}", "stated", "exceeded", "ms")
    return table(head, lines)


def figure(found: Found, path: Path) -> None:
    """Error against n, one panel a case."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    rows = -(-len(found) // COLUMNS)
    drawing = Figure(figsize=(9.0, 0.6 + 3.0 * rows), layout="constrained", dpi=120)
    FigureCanvasAgg(drawing)
    axes = np.atleast_1d(drawing.subplots(rows, COLUMNS, sharex=True, sharey=True)).ravel()
    for ax, (name, by) in zip(axes, found.items(), strict=False):
        for e, curve in ((e, by[e]) for e in COLOURS):
            ax.plot(curve.sizes, curve.rms, "o-", ms=4, color=COLOURS[e], label=e)
            ax.plot(
                curve.sizes,
                curve.bounds,
                ":",
                color=COLOURS[e],
                label=f"{e}, stated",
            )
        ax.set(title=name, xscale="log", yscale="log")
        ax.set_xscale("log", base=2)
        ax.grid(alpha=0.3)
    for ax in axes[len(found) :]:
        ax.set_axis_off()
    for ax in axes[max(len(found) - COLUMNS, 0) : len(found)]:
        ax.set_xlabel("n, all replicates together")
        ax.tick_params(labelbottom=True)
    for ax in axes[::COLUMNS]:
        ax.set_ylabel("largest error of the cdf")
    handles, labels = axes[0].get_legend_handles_labels()
    drawing.legend(handles, labels, loc="outside upper center", ncols=3, frameon=False)
    drawing.savefig(path)


def page(found: Found) -> str:
    """The text."""
    own = {"otmaps": otmaps.__version__, "Python": platform.python_version()}
    libraries = {name: importlib.metadata.version(name) for name in ("numpy", "scipy", "numba")}
    introduction = INTRODUCTION.format(
        versions=", ".join(f"{name} {v}" for name, v in (own | libraries).items()),
        machine=platform.machine(),
        levels=LEVELS,
        seeds=SEEDS,
        least=seeds(SIZES[-1]),
        here=seeds(AT),
        replicates=REPLICATES,
        confidence=CONFIDENCE,
        at=exponent(AT),
    )
    parts = [
        filled(introduction),
        "\n".join(comparison(found)),
        "![Error against the number of points](images/convergence.png)\n",
        f"Sizes from {exponent(SIZES[0])} to {exponent(SIZES[-1])}.\n",
        "\n".join(details(found)),
    ]
    return "\n".join(part.rstrip("\n") + "\n" for part in parts)


def main(arguments: Sequence[str]) -> None:
    """Measure and write."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.convergence_page")
    parser.add_argument("cases", nargs="*", help="names; all without any")
    parser.add_argument("--docs", type=Path, default=ROOT / "docs", help="where to write")
    given = parser.parse_args(arguments)
    every = cases()
    unknown = [name for name in given.cases if name not in every]
    if unknown:
        raise SystemExit(f"no case {unknown[0]!r}; there are {', '.join(every)}")
    found: Found = {}
    for name in given.cases or every:
        found[name] = curves(every[name])
        sys.stderr.write(f"{name}\n")
    (given.docs / "images").mkdir(parents=True, exist_ok=True)
    (given.docs / "convergence.md").write_text(page(found))
    figure(found, given.docs / "images" / "convergence.png")


if __name__ == "__main__":
    main(sys.argv[1:])
