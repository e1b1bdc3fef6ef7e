"""The figures of docs/comparison.md; matplotlib is needed by them alone."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

import otmaps
from otmaps._colours import COLOURS as COMMON

from .comparison_rows import Found, Verdicts
from .figures import axes_of, save
from .optimum import Verdict
from .rivals import (
    CAUCHY,
    FACTOR,
    KEEPING,
    LOL,
    NORM,
    OURS,
    OURS_SLERP,
    RAW,
    SLERP,
    isotropic_ways,
)
from .sizes import SEED

PRIOR = COMMON["prior"]
COLOURS: Mapping[str, str] = {
    RAW: COMMON["linear"],
    SLERP: COMMON["slerp"],
    FACTOR: "#56b4e9",
    NORM: "#cc79a7",
    LOL: "#0072b2",
    CAUCHY: "#e69f00",
    OURS: COMMON["matched"],
    OURS_SLERP: COMMON["slerp"],
}


def costs(found: Found, path: Path) -> None:
    """The midpoint: cost over that of otmaps, and distance from the law, a row for each prior."""
    rows = {name: each for (title, name), each in found.items() if title == "midpoint"}
    figure, (left, right) = axes_of(2, 10.0, 0.9 + 0.5 * len(rows))
    shifts = np.linspace(0.3, -0.3, len(COLOURS) - 1)
    for place, each in zip(range(len(rows))[::-1], rows.values(), strict=True):
        for (way, colour), shift in zip(COLOURS.items(), shifts, strict=False):
            if way not in each:
                continue
            row, kept = each[way], way in KEEPING
            look: dict[str, Any] = {
                "marker": "*" if way == OURS else "o",
                "s": 130 if way == OURS else 40,
                "color": colour if kept else "none",
                "edgecolor": colour,
            }
            left.scatter(row.cost / each[OURS].cost, place + shift, **look)
            right.scatter(max(row.ks, row.norm_ks), place + shift, **look, label=way)
    left.axvline(1.0, color=PRIOR, lw=1, zorder=0)
    left.set_xlabel("cost over that of otmaps")
    right.set_xlabel("Kolmogorov-Smirnov distance from the prior,\nof components or norms")
    right.set_xscale("log")
    left.set_yticks(range(len(rows))[::-1], list(rows))
    right.set_yticks(range(len(rows))[::-1], [])
    handles = dict(zip(*right.get_legend_handles_labels()[::-1], strict=True))
    figure.legend(
        handles.values(),
        handles,
        loc="outside right upper",
        frameon=False,
        title="filled: keeps the prior",
    )
    save(figure, path)


def norms(prior: otmaps.Isotropic, count: int, path: Path) -> None:
    """The law of the norm of normal midpoints."""
    figure, (ax,) = axes_of(1, 8.0, 3.8)
    z = prior.rvs((2, count), np.random.default_rng(SEED))
    lengths = {
        way: np.linalg.norm(apply(z), axis=1) for way, apply in isotropic_ways(0.5, prior).items()
    }
    low, high = float(prior.norm.ppf(1e-4)), float(prior.norm.isf(1e-4))
    low = min(low, float(np.min(lengths[RAW])))
    grid = np.linspace(low, high, 400)
    ax.plot(grid, prior.norm.pdf(grid), color=PRIOR, lw=6, alpha=0.4, label="prior")
    edges = np.linspace(low, high, 90)
    for way in (RAW, SLERP, CAUCHY, OURS, OURS_SLERP):
        heights, _ = np.histogram(lengths[way], edges)
        density = heights / lengths[way].size / np.diff(edges)
        style = "--" if way == OURS_SLERP else "-"
        ax.plot(
            0.5 * (edges[1:] + edges[:-1]), density, style, color=COLOURS[way], lw=1.5, label=way
        )
    ax.axvline(float(np.median(lengths[NORM])), color=COLOURS[NORM], lw=1.5, label=NORM)
    ax.set_ylim(0.0, 1.9 * float(np.max(prior.norm.pdf(grid))))
    ax.set_yticks([])
    ax.set_ylabel("density")
    ax.set_xlabel(f"norm of the midpoint of normal latents, {prior.dim} components")
    figure.legend(*ax.get_legend_handles_labels(), loc="outside right upper", frameon=False)
    save(figure, path)


def plans(found: Verdicts, path: Path) -> None:
    """The midpoint: what ways cost beside what POT's plans cost."""
    shown: dict[str, dict[int, dict[str, Verdict]]] = {}
    for (title, name, dim, way), verdict in found.items():
        if title == "midpoint" and way in (LOL, OURS) and (title, name, dim, LOL) in found:
            shown.setdefault(name, {}).setdefault(dim, {})[way] = verdict
    figure, axes = axes_of(len(shown), 2.6 * len(shown) + 1.4, 3.4)
    for ax, (name, dims) in zip(axes, shown.items(), strict=True):
        at, ours = np.array(list(dims)), [each[OURS] for each in dims.values()]
        # What whole latents cost grows with the dimension: shown a component.
        least, most = (
            np.array([getattr(v, part) for v in ours]) / at for part in ("optimum", "to_prior")
        )
        ax.fill_between(
            at, least, most, color=PRIOR, alpha=0.3, lw=0, label="POT's plan,\nless its noise"
        )
        error = np.array([v.to_prior_error for v in ours]) / at
        ax.errorbar(at, most, error, color=PRIOR, fmt="none", capsize=3)
        for way, marker in ((LOL, "o"), (OURS, "*")):
            values = np.array([each[way].cost for each in dims.values()]) / at
            size = 11 if way == OURS else 6
            ax.plot(at, values, color=COLOURS[way], marker=marker, ms=size, label=way)
        ax.set_xscale("log", base=2)
        ax.set_xticks(at, [str(d) for d in at])
        ax.set_ylim(bottom=0.0)
        ax.set_title(name)
        ax.set_xlabel("components")
    axes[0].set_ylabel("cost a component")
    figure.legend(*axes[0].get_legend_handles_labels(), loc="outside right upper", frameon=False)
    save(figure, path)
