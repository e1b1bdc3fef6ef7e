"""A law of radii as the kernels of norms read it: the density of the logarithm, by cells."""

from __future__ import annotations

import dataclasses
import functools
import itertools
import math
from typing import final

import numpy as np

from otmaps._arrays import FloatArray, frozen
from otmaps._distribution import Distribution
from otmaps._errors import AccuracyError
from otmaps._kernels import _norms as k

_SPAN = 110.0  # of the logarithm, to either side of the median; beyond, the density is a power
_FLOOR = 900.0  # by how much the log density may fall inside of the cells
_CELLS = 2048  # of each piece
_LEVELS = (4.0, 20.0, 80.0, 300.0)  # below the peak: where intervals are cut
_STEPS = np.concatenate([[0.0], np.geomspace(1e-7, _SPAN, 500)])
_NODES = np.cos((np.arange(k.TERMS) + 0.5) * (math.pi / k.TERMS))
_TO_POWERS = np.linalg.inv(_NODES[:, None] ** np.arange(k.TERMS))
_PROBES = np.array([-0.999, -0.6, 0.05, 0.93])
_TAIL = 690.0  # below the peak: what lies lower has a mass of 1e-300


@final
@dataclasses.dataclass(frozen=True, eq=False)
class LogRadius:
    """The logarithm of a radius, with its tabulated log density.

    Attributes
    ----------
    law : Distribution
        Of the radius: on [0, inf) or part of it, without atoms.
    kernel : tuple of ndarray
        What the kernels take; see `otmaps._kernels._norms`.
    fit : tuple of float
        How far the cells are from the law's log density at probes: twice the mean, which bounds an
        error of probabilities, and the largest.
    """

    law: Distribution
    kernel: k.Radius
    fit: tuple[float, float]

    @staticmethod
    def of(law: Distribution) -> LogRadius:
        """The table of a law of radii."""
        median = math.log(float(law.median()))
        top = _log_density(law, np.array([median]))[0]
        low, high = (_reach(law, median, top, side) for side in (-1.0, 1.0))
        inside = [math.log(b) for b in law.breakpoints if b > 0.0]
        cuts = [low, *(b for b in inside if low < b < high), high]
        rows: list[list[float]] = []
        cells: list[FloatArray] = []
        gaps, heights, sizes = [], [], []
        for a, b in itertools.pairwise(cuts):
            middle = a + (np.arange(_CELLS)[:, None] + 0.5) * ((b - a) / _CELLS)
            half = 0.5 * (b - a) / _CELLS
            values = _log_density(law, middle + half * _NODES)
            coefficients = np.maximum(values, -1e9) @ _TO_POWERS.T
            fitted = coefficients @ (_PROBES[:, None] ** np.arange(k.TERMS)).T
            truth = _log_density(law, middle + half * _PROBES)
            rows.append([a, b, _CELLS / (b - a), len(cells) * _CELLS])
            cells.append(coefficients)
            gaps.append(np.abs(fitted - truth))
            heights.append(truth)
            sizes.append(np.full_like(truth, half))
        gap, height = np.concatenate(gaps), np.concatenate(heights)
        peak = float(np.max(height))
        if np.isnan(height).any():
            raise AccuracyError("the density of a radius is NaN somewhere.")
        table = np.concatenate(cells)
        ends = _ends(table, rows, law)
        kernel = frozen(rows), frozen(table), frozen(ends), frozen(_marks(law, cuts, peak))
        seen = height > peak - _TAIL
        weights = np.exp(height[seen] - peak) * np.concatenate(sizes)[seen]
        fit = 2.0 * float(gap[seen] @ weights / weights.sum()), float(gap[seen].max())
        return LogRadius(law, kernel, fit)

    @functools.cached_property
    def centre(self) -> float:
        """The median of the logarithm."""
        return math.log(float(self.law.median()))

    @functools.cached_property
    def width(self) -> float:
        """About the deviation of the logarithm."""
        low, high = float(self.law.ppf(0.16)), float(self.law.isf(0.16))
        return max(0.5 * math.log(high / low), 1e-15)


def _log_density(law: Distribution, y: FloatArray) -> FloatArray:
    """Of the logarithm of the radius."""
    with np.errstate(all="ignore"):
        return np.asarray(y + law.logpdf(np.exp(y)))


def _reach(law: Distribution, median: float, top: float, side: float) -> float:
    """How far the cells go: to the end of the law, or until the density is nothing or a power."""
    y = median + side * _STEPS
    end = law.support()[1 if side > 0 else 0]
    if 0.0 < end < math.inf:
        y = np.append(y[side * (math.log(end) - y) > 0.0], math.log(end))
    height = _log_density(law, y)
    gone = np.array(~(height > top - _FLOOR))
    gone[0] = False
    if 0.0 < end < math.inf:
        gone[-1] = False  # the density may be nothing there
    if not gone.any():
        return float(y[-1])
    first = int(np.argmax(gone))
    # Far out a density may give up with NaN; a law whose density does so earlier is no law.
    if np.isnan(height[first]) and height[first - 1] > top - _TAIL:
        raise AccuracyError(f"the density of a radius is NaN at {math.exp(y[first]):g}.")
    return float(y[max(first - 1, 1)])


def _ends(table: FloatArray, rows: list[list[float]], law: Distribution) -> list[float]:
    """How the log density goes on, in straight lines, and the ends of the law."""
    powers = np.arange(k.TERMS)
    first, last = table[0], table[-1]
    values = float(first @ (-1.0) ** powers), float(last.sum())
    slopes = (
        float((first[1:] * powers[1:]) @ (-1.0) ** powers[:-1]) * 2.0 * rows[0][k.RATE],
        float(last[1:] @ powers[1:]) * 2.0 * rows[-1][k.RATE],
    )
    low, high = law.support()
    return [*slopes, *values, math.log(low) if low > 0.0 else -math.inf, math.log(high)]


def _marks(law: Distribution, cuts: list[float], peak: float) -> list[float]:
    """The mode of the density, where it has fallen to levels, its kinks and its ends."""
    y = np.concatenate([np.linspace(a, b, 4001) for a, b in itertools.pairwise(cuts)])
    height = _log_density(law, y)
    height[~np.isfinite(height)] = -np.inf
    mode = int(np.argmax(height))
    found = {float(y[mode])}
    for level in (peak - fall for fall in _LEVELS):
        for side, part in ((0, height[mode::-1]), (1, height[mode:])):
            below = np.flatnonzero(part < level)
            if below.size:
                found.add(float(y[mode + below[0] if side else mode - below[0]]))
    low, high = law.support()
    found |= set(cuts[1:-1])
    found |= {cuts[0]} if low > 0.0 else set()
    found |= {cuts[-1]} if high < math.inf else set()
    return sorted(found)
