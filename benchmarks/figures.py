"""The figures of docs/performance.md; matplotlib is needed by them alone."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from .limits import CLOSE, FAR, NEAR

OURS, OTHERS, FAINT = "#0072b2", "#d55e00", "#999999"
COLOURS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00")
MANY = (
    OURS,
    "#e69f00",
    "#d55e00",
    "#009e73",
    "#cc79a7",
    "#56b4e9",
    "#1b4f72",
    "#7f7f00",
    "#444444",
)
MARKERS = "osD^v"


def axes_of(columns: int = 1, width: float = 7.0, height: float = 3.6) -> tuple[Any, Any]:
    """A figure and its axes, side by side."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(width, height), dpi=130, layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.subplots(1, columns, squeeze=False)[0]
    for ax in axes:
        ax.spines[["top", "right"]].set_visible(False)
        ax.grid(visible=True, alpha=0.25)
        ax.set_axisbelow(True)
    return figure, axes


def save(figure: Any, path: Path) -> None:
    """Write a figure that is the same bytes each time."""
    figure.savefig(path, metadata={"Software": None})


def lookups(
    times: Mapping[str, float],
    errors: Mapping[str, Sequence[float]],
    reaches: Sequence[str],
    path: Path,
) -> None:
    """Error against time: down and to the left is better."""
    figure, axes = axes_of(len(reaches), 10.0, 4.6)
    names = list(errors)
    copy = next(t for name, t in times.items() if name not in errors)
    for k, (ax, reach) in enumerate(zip(axes, reaches, strict=True)):
        ax.axvline(copy, color=FAINT, ls="--", lw=1.2, label="a copy")
        for i, name in enumerate(names):
            ours = name == "otmaps"
            colour = MANY[i % len(MANY)]
            marker = "*" if ours else MARKERS[i % len(MARKERS)]
            size = 260 if ours else 60
            ax.scatter(
                times[name], errors[name][k], s=size, color=colour, marker=marker, label=name
            )
        ax.set_xscale("log")
        ax.set_yscale("log")
        ax.set_title(f"largest error up {reach}")
        ax.set_xlabel("nanoseconds a value")
    axes[0].set_ylabel("largest |T - exact|, standard deviations")
    figure.legend(
        *axes[0].get_legend_handles_labels(), loc="outside right upper", frameon=False, fontsize=9
    )
    save(figure, path)


def maps(names: Sequence[str], copies: Mapping[str, Sequence[float]], path: Path) -> None:
    """Bars in copies of the array."""
    figure, axes = axes_of(len(copies), 9.0, 3.6)
    places = np.arange(len(names))[::-1]
    for ax, (dtype, found) in zip(axes, copies.items(), strict=True):
        ax.barh(places, found, 0.6, color=OURS)
        for place, name, value in zip(places, names, found, strict=True):
            near = name in CLOSE or name in {"affine", "identity"}
            limit = (NEAR if near else FAR)[dtype]
            ax.plot([limit] * 2, [place - 0.4, place + 0.4], color=OTHERS, lw=2)
            ax.text(value, place, f" {value:.1f}", va="center", fontsize=8)
        ax.set_yticks(places, names)
        ax.set_xlim(0.0, 1.15 * max(*found, FAR[dtype]))
        ax.set_xlabel(f"copies of the array, {dtype}")
    axes[0].plot([], [], color=OTHERS, lw=2, label="limit")
    axes[0].legend(frameon=False, loc="lower right")
    save(figure, path)


def operations(priors: Sequence[str], times: Mapping[str, Sequence[float]], path: Path) -> None:
    """Bars by prior, on a logarithmic axis."""
    figure, (ax,) = axes_of(1, 8.0, 4.2)
    places = np.arange(len(times))[::-1]
    height = 0.8 / len(priors)
    for k, (prior, colour) in enumerate(zip(priors, COLOURS, strict=False)):
        values = [found[k] for found in times.values()]
        at = places + 0.4 - (k + 0.5) * height
        ax.barh(at, values, 0.9 * height, color=colour, label=f"{prior} prior")
        for place, value in zip(at, values, strict=True):
            ax.text(value, place, f" {value:.3g}", va="center", fontsize=8)
    ax.set_yticks(places, list(times))
    ax.set_xscale("log")
    ax.set_xlim(right=2.0 * max(max(found) for found in times.values()))
    ax.set_xlabel("nanoseconds a value, float64")
    ax.legend(frameon=False)
    save(figure, path)


def sizes(values: Sequence[int], times: Mapping[str, Sequence[float]], path: Path) -> None:
    """Time a value against the number of values."""
    figure, (ax,) = axes_of(1, 7.0, 4.0)
    for (name, found), colour, marker in zip(times.items(), COLOURS, MARKERS, strict=False):
        shade = FAINT if name == "copy" else colour
        ax.plot(values, found, marker=marker, ms=5, color=shade, label=name)
    ax.set_xscale("log")
    ax.set_yscale("log")
    ax.set_xlabel("values in the array")
    ax.set_ylabel("nanoseconds a value")
    ax.legend(frameon=False)
    save(figure, path)


def builds(operations: Sequence[str], ms: Mapping[str, Sequence[float]], path: Path) -> None:
    """A point for each prior and operation."""
    figure, (ax,) = axes_of(1, 7.0, 3.8)
    places = np.arange(len(ms))[::-1]
    for k, (operation, colour) in enumerate(zip(operations, COLOURS, strict=True)):
        values = [times[k] for times in ms.values()]
        ax.plot(values, places, MARKERS[k], color=colour, ms=7, alpha=0.8, label=operation)
    ax.set_yticks(places, list(ms))
    ax.set_xscale("log")
    ax.set_xlabel("milliseconds for law and map")
    figure.legend(loc="outside right upper", frameon=False)
    save(figure, path)


def first_calls(found: Mapping[str, Mapping[str, float]], path: Path) -> None:
    """Stacked bars: cold caches beside warm ones, on axes of their own."""
    figure, axes = axes_of(2, 10.0, 2.8)
    for ax, cache in zip(axes, ("cold", "warm"), strict=True):
        rows = {name: stages for name, stages in found.items() if cache in name}
        places = np.arange(len(rows))[::-1]
        left = np.zeros(len(rows))
        for stage, colour in zip(next(iter(rows.values())), COLOURS, strict=True):
            width = np.array([stages[stage] for stages in rows.values()])
            ax.barh(places, width, 0.6, left=left, color=colour, label=stage)
            left += width
        for place, total in zip(places, left, strict=True):
            ax.text(total, place, f" {total:.1f} s", va="center", fontsize=9)
        ax.set_yticks(places, [name.partition(",")[0] for name in rows])
        ax.set_xlim(0.0, 1.2 * float(left.max()))
        ax.set_title(f"{cache} cache")
        ax.set_xlabel("seconds of processor time")
    figure.legend(
        *axes[0].get_legend_handles_labels(), loc="outside right upper", frameon=False, fontsize=9
    )
    save(figure, path)
