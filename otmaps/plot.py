"""Figures of laws, maps and mismatches, with matplotlib; each takes and returns axes."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from otmaps._arrays import FloatArray
from otmaps._colours import COLOURS
from otmaps._distribution import Distribution
from otmaps._map import MonotoneMap
from otmaps._mismatch import Mismatch
from otmaps._one_sided_priors import Gamma

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = [
    "COLOURS",
    "density_curve",
    "map_curve",
    "new_figure",
    "plot_law",
    "plot_map",
    "plot_mismatch",
    "shown_range",
]

_MISSING = "matplotlib is not installed; figures need it: pip install 'otmaps[plots]'."
_CELLS = 240
_SHOWN = 0.005  # the probability beyond each end of a figure
_REACH = 6.0  # interquartile ranges that a figure shows on either side of the median
_WIDEST = 3.0  # what is shown of a map without laws

Curve = tuple[FloatArray, FloatArray]


def plot_law(
    law: Distribution,
    ax: Axes | None = None,
    *,
    span: tuple[float, float] | None = None,
    label: str | None = None,
) -> Axes:
    """Draw the density of a law, and its point masses as stems.

    Parameters
    ----------
    law : Distribution
    ax : matplotlib.axes.Axes, optional
        Where to draw; by default new axes.
    span : (float, float), optional
        The points of the real line to show; by default `shown_range` of the law.
    label : str, optional
        The entry in the legend.

    Returns
    -------
    matplotlib.axes.Axes

    Examples
    --------
    >>> import otmaps
    >>> prior = otmaps.Uniform()
    >>> axes = otmaps.plot.plot_law(prior)
    >>> axes = otmaps.plot.plot_law(otmaps.pushforward(otmaps.lerp(0.5), prior), axes)
    """
    axes = _axes(ax)
    low, high = span or shown_range(law)
    drawn_before = bool(axes.get_lines())
    x, density = density_curve(law, low, high)
    (line,) = axes.plot(x, density, label=label)
    top = max(1.05 * float(density.max()), axes.get_ylim()[1] if drawn_before else 0.0)
    for place, mass in law.atoms:
        if low <= place <= high:
            axes.vlines(place, 0.0, top, colors=[line.get_color()], linestyles="dotted")
            axes.annotate(f"mass {mass:.3g}", (place, top), ha="center", va="bottom")
    axes.set(xlabel="value of a component", ylabel="density", ylim=(0.0, top))
    if label is not None:
        axes.legend()
    return axes


def plot_map(
    map: MonotoneMap,  # noqa: A002 - the name of the field of a matched operation
    ax: Axes | None = None,
    *,
    span: tuple[float, float] | None = None,
) -> Axes:
    """Draw a monotone map over the bulk of its source, beside the identity.

    Parameters
    ----------
    map : MonotoneMap
    ax : matplotlib.axes.Axes, optional
        Where to draw; by default new axes.
    span : (float, float), optional
        The points y to show; by default where the source law has its bulk, or the certified
        domain of a map that knows no law.

    Returns
    -------
    matplotlib.axes.Axes
    """
    axes = _axes(ax)
    low, high = span or _bulk(map)
    y, z = map_curve(map, low, high)
    axes.plot(y, y, color="0.6", linestyle="dashed", label="unchanged")
    axes.plot(y, z, label=f"T(y), error {map.error:.1e}")
    axes.set(xlabel="y, the raw result", ylabel="T(y), the matched result")
    axes.legend()
    return axes


def plot_mismatch(mismatch: Mismatch, ax: Axes | None = None) -> Axes:
    """Draw the squared norm of raw results beside that of draws from the prior.

    Parameters
    ----------
    mismatch : Mismatch
    ax : matplotlib.axes.Axes, optional
        Where to draw; by default new axes.

    Returns
    -------
    matplotlib.axes.Axes

    Notes
    -----
    Both laws are shown as gamma laws of their exact mean and standard deviation: the law itself
    for normal components, and close to it for others from some tens of dimensions on. Where the
    moments do not exist the axes say so.
    """
    axes = _axes(ax)
    pairs = {
        "raw result": (mismatch.norm_mean, mismatch.norm_std),
        "prior": (mismatch.prior_norm_mean, mismatch.prior_norm_std),
    }
    shown = {k: (m, s) for k, (m, s) in pairs.items() if 0.0 < s < math.inf and 0.0 < m < math.inf}
    for label in (k for k in pairs if k not in shown):
        axes.plot([], [], label=f"{label}: no finite variance")
    laws = {k: Gamma((m / s) ** 2, scale=s * s / m) for k, (m, s) in shown.items()}
    for label, law in laws.items():
        plot_law(law, axes, span=shown_range(*laws.values()), label=label)
    axes.set(
        xlabel=f"squared norm in {mismatch.dim} dimensions",
        title=f"KL {mismatch.kl:.3g}, W1 {mismatch.w1:.3g}, W2 {mismatch.w2:.3g}",
    )
    axes.legend()
    return axes


def shown_range(*laws: Distribution) -> tuple[float, float]:
    """An interval that shows the bulk of all laws, and a margin."""
    lows, highs = zip(*map(_central, laws), strict=True)
    low, high = min(lows), max(highs)
    margin = 0.05 * (high - low)
    return low - margin, high + margin


def _central(law: Distribution) -> tuple[float, float]:
    """99 % of the probability, or less where the tails are so heavy that nothing else shows."""
    quartile, median, upper_quartile = (float(law.ppf(p)) for p in (0.25, 0.5, 0.75))
    reach = _REACH * (upper_quartile - quartile)
    low, high = float(law.ppf(_SHOWN)), float(law.isf(_SHOWN))
    return (max(low, median - reach), min(high, median + reach)) if reach > 0.0 else (low, high)


def density_curve(law: Distribution, low: float, high: float) -> Curve:
    """The mean density over narrow cells: finite at poles, and smooth for samples.

    Returns
    -------
    x, density : ndarray
        The middle of each cell, and P(cell) / width without the point masses; cells end at the
        breakpoints of the law, so that its jumps stay sharp.
    """
    edges = np.linspace(low, high, _CELLS + 1)
    kinks = np.array([b for b in law.breakpoints if low < b < high])
    if 0 < kinks.size < _CELLS:
        near = np.abs(edges[:, None] - kinks).min(axis=1) < 0.5 * (edges[1] - edges[0])
        edges = np.unique(np.concatenate([edges[~near], kinks]))
    mass = np.diff(law.cdf(edges))
    for place, weight in law.atoms:
        cell = int(np.searchsorted(edges, place)) - 1
        if 0 <= cell < mass.size:
            mass[cell] -= weight
    return 0.5 * (edges[1:] + edges[:-1]), np.maximum(mass, 0.0) / np.diff(edges)


def map_curve(map: MonotoneMap, low: float, high: float) -> Curve:  # noqa: A002
    """Points y from low to high, and T(y)."""
    y = np.linspace(low, high, _CELLS + 1)
    return y, np.asarray(map(y))


def _bulk(T: MonotoneMap) -> tuple[float, float]:
    """The points y to show: where the source is, or what maps to where the target is."""
    if T.source is not None:
        return _central(T.source)
    if T.target is not None:
        low, high = _central(T.target)
        return float(T.inverse(low)), float(T.inverse(high))
    low, high = T.domain
    return max(low, -_WIDEST), min(high, _WIDEST)


def new_figure(width: float = 6.4, height: float = 4.0) -> Figure:
    """A figure, in inches, that no window shows: made for `savefig`.

    Raises
    ------
    ImportError
        Where matplotlib is not installed; the message says how to install it.
    """
    try:
        from matplotlib.figure import Figure
    except ImportError:
        raise ImportError(_MISSING) from None
    return Figure(figsize=(width, height), layout="constrained")


def _axes(ax: Axes | None) -> Axes:
    if ax is not None:
        return ax
    try:
        import matplotlib.pyplot as plt
    except ImportError:
        raise ImportError(_MISSING) from None
    return plt.subplots(layout="constrained")[1]
