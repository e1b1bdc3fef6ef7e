"""What figures have in common: new axes, what they show of a law, and curves as points."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np

from otmaps._arrays import FloatArray
from otmaps._colours import COLOURS
from otmaps._distribution import Distribution
from otmaps._map import MonotoneMap
from otmaps._map_chain import ComposedMap

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_MISSING = "matplotlib is not installed; figures need it: pip install 'otmaps[plots]'."
_CELLS = 240
_SHOWN = 0.005  # the probability beyond each end of a figure
REACH = 6.0  # interquartile ranges that a figure shows on either side of the median
_BROAD: Mapping[str, Any] = {"linewidth": 5.0, "alpha": 0.45, "zorder": 1.9}

Curve: TypeAlias = tuple[FloatArray, FloatArray]
Span: TypeAlias = tuple[float, float]


def shown_range(*laws: Distribution) -> Span:
    """An interval that shows the bulk of all laws, and a margin."""
    lows, highs = zip(*map(central, laws), strict=True)
    low, high = min(lows), max(highs)
    margin = 0.05 * ((high - low) or abs(low) or 1.0)
    return low - margin, high + margin


def central(law: Distribution) -> Span:
    """99 % of the probability, or less where the tails are so heavy that nothing else shows."""
    quartile, median, upper_quartile = (float(law.ppf(p)) for p in (0.25, 0.5, 0.75))
    reach = REACH * (upper_quartile - quartile)
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


def map_curve(map: MonotoneMap | ComposedMap, low: float, high: float) -> Curve:  # noqa: A002
    """Points y from low to high, and T(y)."""
    y = np.linspace(low, high, _CELLS + 1)
    return y, np.asarray(map(y))


def look(name: str | None, line: Mapping[str, Any], default: str | None = None) -> dict[str, Any]:
    """Properties of a line: those given, else those that belong to the name of what it shows.

    The prior is broad and pale, so that what lies on it is seen to lie on it.
    """
    colour = COLOURS.get(name or "", default)
    own = {} if colour is None else {"color": colour}
    broad = _BROAD if name == "prior" and not {"lw", "linewidth"} & line.keys() else {}
    named = {"color" if key == "c" else key: value for key, value in line.items()}
    return own | dict(broad) | named


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


def given_or_new(ax: Axes | None) -> Axes:
    """The axes to draw on; pyplot, which keeps figures alive, is asked for new ones alone."""
    try:
        if ax is None:
            import matplotlib.pyplot as plt

            return plt.subplots(layout="constrained")[1]
        from matplotlib.axes import Axes
    except ImportError:
        raise ImportError(_MISSING) from None
    if not isinstance(ax, Axes):
        raise TypeError(
            f"ax must be matplotlib axes, got {type(ax).__name__}. Take one of those that "
            "plt.subplots() returns, or leave it out."
        )
    return ax
