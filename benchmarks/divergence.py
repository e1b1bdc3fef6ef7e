"""Writes docs/divergence.md and its figure: ``python -m benchmarks.divergence``.

How the divergence of raw results from the prior grows with the number of components, for every
built-in prior. Needs the extra plots. Names of priors restrict the page to these.
"""

from __future__ import annotations

import argparse
import math
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

import otmaps

from .accuracy_page import filled
from .report import table
from .sizes import DIVERGENCE_DRAWS

ROOT = Path(__file__).parents[1]
DIMS = (1, 8, 64, 512)
DRAWN = 64  # components of the draws

PRIORS: dict[str, Callable[[], otmaps.Distribution]] = {
    "normal": otmaps.Normal,
    "uniform": otmaps.Uniform,
    "Laplace": otmaps.Laplace,
    "logistic": otmaps.Logistic,
    "Student t, df 3": lambda: otmaps.StudentT(3.0),
    "Cauchy": otmaps.Cauchy,
    "stable, alpha 1.5": lambda: otmaps.Stable(1.5),
    "arcsine": otmaps.Arcsine,
    "beta(2, 3)": lambda: otmaps.Beta(2.0, 3.0),
    "exponential": otmaps.Exponential,
    "gamma, shape 2": lambda: otmaps.Gamma(2.0),
    "Gumbel": otmaps.Gumbel,
    "log-normal": otmaps.LogNormal,
    "Pareto, shape 3": lambda: otmaps.Pareto(3.0),
    "Levy": otmaps.Levy,
    "mixture of two normals": lambda: otmaps.Mixture(
        (otmaps.Normal(-1.0), otmaps.Normal(2.0)), (0.5, 0.5)
    ),
}
OPERATIONS: dict[str, Callable[[], otmaps.Operation]] = {
    "midpoint": lambda: otmaps.lerp(0.5),
    "mean of four": lambda: otmaps.barycenter([0.25] * 4),
    "vicinity, eps 0.5": lambda: otmaps.vicinity(0.5),
}

INTRODUCTION = """\
# How far raw results are from the prior

Written by `python -m benchmarks.divergence`.

The Kullback-Leibler divergence of the law of a raw result from the prior, in nats, for latents
with independent components. It grows linearly in the number of components, for every prior whose
law the operation changes (Agustsson et al., 2019, Appendix A): with hundreds of them, raw results
and latents hardly overlap. Convex combinations of Cauchy latents follow the prior as they are.

The columns of numbers are the divergence of one component, by `otmaps.mismatch`; its stated
error is below {error:.0e}. It is infinite where results leave the support of the prior. Drawn: the
mean of log p(y) - log q(y) over {draws} raw midpoints y of {drawn} components, for the densities p
of y and q of the prior, a component, with its standard error.

"""


class Row(NamedTuple):
    """What was found for a prior."""

    exact: dict[str, otmaps.Mismatch]
    """Of one component, for each operation."""
    drawn: dict[int, tuple[float, float]]
    """The mean log-ratio of midpoints and its standard error, for each number of components."""


def log_ratios(prior: otmaps.Distribution, count: int, dim: int, seed: int = 0) -> Any:
    """log p(y) - log q(y) of raw midpoints of ``dim`` components."""
    rng = np.random.default_rng(seed)
    y = otmaps.lerp(0.5).raw(*prior.rvs((2, count, dim), rng))
    source = otmaps.pushforward(otmaps.lerp(0.5), prior)
    return (np.asarray(source.logpdf(y)) - np.asarray(prior.logpdf(y))).sum(axis=1)


def measured(prior: otmaps.Distribution) -> Row:
    """The row of a prior."""
    exact = {name: otmaps.mismatch(make(), prior, dim=1) for name, make in OPERATIONS.items()}
    drawn = {}
    for dim in DIMS:
        ratios = log_ratios(prior, max(DIVERGENCE_DRAWS * DRAWN // dim, 2), dim)
        drawn[dim] = float(np.mean(ratios)), float(np.std(ratios) / math.sqrt(ratios.size))
    return Row(exact, drawn)


def page(found: dict[str, Row]) -> str:
    """The text."""
    lines = []
    for name, row in found.items():
        numbers = [f"{m.kl:.5f}" if math.isfinite(m.kl) else "inf" for m in row.exact.values()]
        mean, deviation = (x / DRAWN for x in row.drawn[DRAWN])
        lines.append((name, *numbers, f"{mean:.4f} +- {deviation:.4f}"))
    largest = max(m.error["kl"] for row in found.values() for m in row.exact.values())
    head = ("prior", *OPERATIONS, "midpoint, drawn")
    introduction = INTRODUCTION.format(
        error=max(10.0 ** math.ceil(math.log10(largest)), 1e-15),
        draws=DIVERGENCE_DRAWS,
        drawn=DRAWN,
    )
    parts = [
        filled(introduction),
        "\n".join(table(head, lines)),
        "![Divergence against the number of components](images/divergence.png)\n",
        (
            f"Lines: {DIMS[0]} to {DIMS[-1]} times the divergence of one component. Points: "
            "midpoints drawn, with three standard errors.\n"
        ),
    ]
    return "\n".join(part.rstrip("\n") + "\n" for part in parts)


def figure(found: dict[str, Row], path: Path) -> None:
    """Divergence against the number of components."""
    from matplotlib import colormaps
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    drawing = Figure(figsize=(8.0, 4.8), layout="constrained", dpi=110)
    FigureCanvasAgg(drawing)
    axes = drawing.subplots()
    dims, turbo = np.array(DIMS), colormaps["turbo"]
    shown = {name: row for name, row in found.items() if row.exact["midpoint"].kl > 0.0}
    ranked = sorted(shown, key=lambda name: -shown[name].exact["midpoint"].kl)
    for rank, name in enumerate(ranked):
        row, colour = shown[name], turbo(rank / max(len(ranked) - 1, 1))
        axes.plot(dims, dims * row.exact["midpoint"].kl, lw=1, label=name, color=colour)
        mean, error = np.array([row.drawn[d] for d in DIMS]).T
        axes.errorbar(dims, mean, 3.0 * error, fmt="o", ms=3, color=colour)
    axes.set(xscale="log", yscale="log", xlabel="components", ylabel="divergence, nats")
    axes.grid(alpha=0.3)
    drawing.legend(loc="outside right upper", frameon=False, fontsize="small")
    drawing.savefig(path)


def main(arguments: Sequence[str]) -> None:
    """Measure and write."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.divergence")
    parser.add_argument("priors", nargs="*", help="names; all without any")
    parser.add_argument("--docs", type=Path, default=ROOT / "docs", help="where to write")
    given = parser.parse_args(arguments)
    unknown = [name for name in given.priors if name not in PRIORS]
    if unknown:
        raise SystemExit(f"no prior {unknown[0]!r}; there are {', '.join(PRIORS)}")
    found = {}
    for name in given.priors or PRIORS:
        found[name] = measured(PRIORS[name]())
        sys.stderr.write(f"{name}\n")
    (given.docs / "images").mkdir(parents=True, exist_ok=True)
    (given.docs / "divergence.md").write_text(page(found))
    figure(found, given.docs / "images" / "divergence.png")


if __name__ == "__main__":
    main(sys.argv[1:])
