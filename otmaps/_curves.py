"""What a figure of a law or a map shows, as numbers: for matplotlib, notebooks and terminals."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeAlias

import numpy as np

from otmaps._arrays import FloatArray

if TYPE_CHECKING:
    from otmaps._distribution import Distribution
    from otmaps._map import MonotoneMap
    from otmaps._map_chain import ComposedMap

_CELLS = 240
# Of a law of n draws the error is about 2 / sqrt(n): so a cell has 25 of them in the mean.
_DRAWS, _FEWEST = 4.0 / 25.0, 20
_SHOWN = 0.005  # the probability beyond each end of a figure
REACH = 6.0  # interquartile ranges that a figure shows on either side of the median
_WIDEST = 3.0  # scales of the target on either side, of a map without laws

Curve: TypeAlias = tuple[FloatArray, FloatArray]
Span: TypeAlias = tuple[float, float]


def shown_range(*laws: Distribution) -> Span:
    """An interval that shows the bulk of all laws, and a margin.

    Examples
    --------
    >>> import otmaps
    >>> otmaps.plot.shown_range(otmaps.Uniform(0.0, 1.0))
    (-0.044500000000000005, 1.0445)
    """
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

    Examples
    --------
    >>> import otmaps
    >>> x, density = otmaps.plot.density_curve(otmaps.Normal(), -3.0, 3.0)
    >>> x.shape == density.shape
    True
    """
    cells = _CELLS if law.error == 0.0 else int(np.clip(_DRAWS / law.error**2, _FEWEST, _CELLS))
    edges = np.linspace(low, high, cells + 1)
    kinks = np.array([b for b in law.breakpoints if low < b < high])
    if 0 < kinks.size < cells:
        near = np.abs(edges[:, None] - kinks).min(axis=1) < 0.5 * (edges[1] - edges[0])
        edges = np.unique(np.concatenate([edges[~near], kinks]))
    mass = np.diff(law.cdf(edges))
    for place, weight in law.atoms:
        cell = int(np.searchsorted(edges, place)) - 1
        if 0 <= cell < mass.size:
            mass[cell] -= weight
    return 0.5 * (edges[1:] + edges[:-1]), np.maximum(mass, 0.0) / np.diff(edges)


def map_curve(map: MonotoneMap | ComposedMap, low: float, high: float) -> Curve:  # noqa: A002
    """Points y from low to high, and T(y).

    Examples
    --------
    >>> import otmaps
    >>> T = otmaps.monotone_map(otmaps.Exponential(), otmaps.Uniform(0.0, 1.0))
    >>> y, z = otmaps.plot.map_curve(T, 0.0, 3.0)
    >>> bool((z[1:] >= z[:-1]).all())
    True
    """
    y = np.linspace(low, high, _CELLS + 1)
    return y, np.asarray(map(y))


def bulk(T: MonotoneMap | ComposedMap) -> Span:
    """The points y to show: where the source is, or what maps to where the target is."""
    if T.source is not None:
        return central(T.source)
    if T.target is not None:
        low, high = central(T.target)
        return float(T.inverse(low)), float(T.inverse(high))
    low, high = (float(T.inverse(T.centre + side * _WIDEST * T.unit)) for side in (-1, 1))
    return max(low, T.domain[0]), min(high, T.domain[1])
