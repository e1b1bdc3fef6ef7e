"""The paper's Figures 1, 2 and 3, computed anew for any prior and drawn with matplotlib.

One ink serves light and dark pages: the background is transparent, lines and letters are of a
middle grey and of colours that stand out on both.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

import otmaps
from otmaps._colours import COLOURS
from otmaps.demo._conditions import slerp_treatments
from otmaps.demo._pictures import Picture, file_name, path_points
from otmaps.demo._scores import squared_norms
from otmaps.plot import plot_plane, plot_trajectories

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

Array = npt.NDArray[Any]

_NORM_DIM = 128
_NORM_PAIRS = 50_000
_NORM_CHUNK = 5_000
_PLANE_PAIRS = 400_000
_PATH_FRAMES = 33
_TIMES = (0.05, 0.25, 0.5)
_DPI = 130
_INK = COLOURS["prior"]
_MATCHED_SLERP = "slerp, matched"
_STYLE: dict[Any, Any] = {  # matplotlib types the keys of its versions one by one
    "axes.edgecolor": _INK,
    "axes.labelcolor": _INK,
    "axes.titlecolor": _INK,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "font.size": 14.0,
    "legend.frameon": False,
    "legend.labelcolor": "linecolor",
    "savefig.transparent": True,
    "text.color": _INK,
    "xtick.color": _INK,
    "ytick.color": _INK,
}


def norm_dim(dim: int) -> int:
    """The dimension of Figure 2, for latents of a dimension: more would show the same."""
    return min(dim, _NORM_DIM)


def make_figures(
    prior: otmaps.Distribution, name: str, folder: Path, seed: int, *, dim: int = 100
) -> tuple[Picture, ...]:
    """Figures 1, 2 and 3 for a prior, as files that start with ``name``; Figure 2 for ``dim``."""
    jobs = (
        ("plane", _draw_plane, "midpoints in the plane: linear, spherical and matched"),
        (
            "norms",
            functools.partial(_draw_norms, dim),
            f"laws of the squared norm of midpoints in {dim} dimensions",
        ),
        ("maps", _draw_maps, "the monotone maps at three times"),
    )
    return tuple(
        _save(
            folder / file_name("figure", name, job),
            draw,
            prior,
            np.random.default_rng([seed, 21]),
            text,
        )
        for job, draw, text in jobs
    )


Draw = Callable[["Figure", otmaps.Distribution, np.random.Generator], None]


def _save(
    file: Path, draw: Draw, prior: otmaps.Distribution, rng: np.random.Generator, text: str
) -> Picture:
    from matplotlib import rc_context
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    with rc_context(_STYLE):
        figure = Figure(layout="constrained")
        FigureCanvasAgg(figure)
        draw(figure, prior, rng)
        figure.savefig(file, dpi=_DPI)
    width, height = (round(side * _DPI) for side in figure.get_size_inches())
    return Picture(file.name, "", text, width, height)


def _midpoints(prior: otmaps.Distribution, first: Array, second: Array) -> dict[str, Array]:
    """Midpoints of pairs of latents, under the treatments that every prior has."""
    return {
        "linear": otmaps.lerp(0.5).raw(first, second),
        "slerp": otmaps.slerp(0.5).raw(first, second),
        "matched": otmaps.match(otmaps.lerp(0.5), prior)(first, second),
    }


def _draw_plane(figure: Figure, prior: otmaps.Distribution, rng: np.random.Generator) -> None:
    """Figure 1: one path in two dimensions, and where midpoints fall."""
    figure.set_size_inches(5.6, 5.8)
    axes = figure.subplots(2, 2)
    reach = 1.08 * max(abs(float(prior.ppf(0.002))), abs(float(prior.ppf(0.998))))
    _draw_paths(axes[0, 0], prior)
    midpoints = _midpoints(prior, *np.asarray(prior.rvs((2, _PLANE_PAIRS, 2), rng)))
    for axis, name in zip(axes.flat[1:], ("linear", "slerp", "matched"), strict=True):
        _draw_density(axis, midpoints[name], name, reach)
    for axis in axes.flat:
        axis.set(xlim=(-reach, reach), ylim=(-reach, reach), aspect="equal")
        axis.locator_params(nbins=4)


def _draw_paths(axis: Axes, prior: otmaps.Distribution) -> None:
    start, end = prior.ppf(np.array([0.06, 0.30])), prior.ppf(np.array([0.70, 0.96]))
    names = ("linear", "slerp", "matched")
    paths = {name: path_points(prior, name, start, end, _PATH_FRAMES) for name in names}
    plot_trajectories(paths, axis)
    axis.set(title="one path", xlabel="", ylabel="")
    axis.legend(loc="lower right", fontsize=11, handlelength=1.2, borderaxespad=0.1)


def _draw_density(axis: Axes, points: Array, name: str, reach: float) -> None:
    plot_plane(points, axis, label=name, span=(-reach, reach))
    axis.set(xlabel="", ylabel="")
    axis.set_title(f"midpoints, {name}", color=COLOURS[name])


def _draw_norms(
    dim: int, figure: Figure, prior: otmaps.Distribution, rng: np.random.Generator
) -> None:
    """Figure 2: the law of the squared norm of midpoints."""
    figure.set_size_inches(5.6, 3.5)
    axis = figure.subplots()
    norms = _midpoint_norms(prior, dim, rng)
    low, high = np.quantile(np.concatenate(list(norms.values())), [0.0005, 0.9995])
    edges = np.linspace(low, high, 121)
    for name, values in norms.items():
        heights, _ = np.histogram(values, edges)
        density = heights / values.size / np.diff(edges)
        centres = 0.5 * (edges[1:] + edges[:-1])
        # The prior is broad and under the others: what lies on it is seen to lie on it.
        width, alpha = (5.0, 0.45) if name == "prior" else (1.6, 1.0)
        style = "--" if name == _MATCHED_SLERP else "-"
        colour = COLOURS[name.partition(",")[0]]
        axis.plot(centres, density, style, color=colour, label=name, lw=width, alpha=alpha)
    axis.set(xlabel=f"squared norm, {dim} dimensions", ylabel="density", yticks=[], ylim=0)
    axis.legend(fontsize=12, handlelength=1.4)


def _midpoint_norms(
    prior: otmaps.Distribution, dim: int, rng: np.random.Generator
) -> dict[str, Array]:
    parts: dict[str, list[Array]] = {}
    for _ in range(_NORM_PAIRS // _NORM_CHUNK):
        first, second, fresh = np.asarray(prior.rvs((3, _NORM_CHUNK, dim), rng))
        found = {"prior": fresh, **_midpoints(prior, first, second)}
        slerps = slerp_treatments(prior, dim)
        if "matched" in slerps:
            found[_MATCHED_SLERP] = np.asarray(slerps["matched"](first, second))
        for name, points in found.items():
            parts.setdefault(name, []).append(squared_norms(points))
    return {name: np.concatenate(values) for name, values in parts.items()}


def _draw_maps(figure: Figure, prior: otmaps.Distribution, _: np.random.Generator) -> None:
    """Figure 3: the maps that bend linear interpolation back to the prior."""
    figure.set_size_inches(5.6, 3.9)
    axis = figure.subplots()
    low, high = float(prior.ppf(0.0005)), float(prior.ppf(0.9995))
    axis.plot([low, high], [low, high], color=_INK, lw=1, ls=":", label="no change")
    for t, style in zip(_TIMES, ("-", "--", "-."), strict=True):
        matched = otmaps.match(otmaps.lerp(t), prior)
        start, end = (float(matched.source.ppf(p)) for p in (0.0005, 0.9995))
        y = np.linspace(start, end, 401)
        axis.plot(y, matched.map(y), style, color=COLOURS["matched"], lw=1.8, label=f"t = {t:g}")
    axis.set(xlabel="component of the linear result", ylabel="component of the matched result")
    axis.legend(fontsize=12, labelcolor=_INK)
