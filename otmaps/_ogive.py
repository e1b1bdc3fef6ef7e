"""The law whose cdf is a polygon: straight lines between knots, exponential tails beyond."""

from __future__ import annotations

import abc
import math
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from otmaps._arrays import FloatArray
from otmaps._distribution import Distribution

IntArray: TypeAlias = npt.NDArray[np.int64]
BoolArray: TypeAlias = npt.NDArray[np.bool_]


class Ogive(Distribution, abc.ABC):
    """A law given by its cumulative polygon: the base of the laws of samples.

    Beyond the first and the last knot stand exponential tails, where probability is left for them.
    At a point mass two knots are equal.
    """

    knots: FloatArray
    below: FloatArray  # probability below each knot
    above: FloatArray
    tail_scales: tuple[float, float]
    _bound: float
    _masses: tuple[tuple[float, float], ...]

    def _support(self) -> tuple[float, float]:
        first, last = float(self.knots[0]), float(self.knots[-1])
        return (
            first if self.below[0] == 0.0 else -math.inf,
            last if self.above[-1] == 0.0 else math.inf,
        )

    def _breakpoints(self) -> tuple[float, ...]:
        ends = {e for e in self._support() if math.isfinite(e)}
        return tuple(sorted(ends | {location for location, _ in self._masses}))

    def _atoms(self) -> tuple[tuple[float, float], ...]:
        return self._masses

    def _error(self) -> float:
        return self._bound

    def _tail_error(self) -> float:
        return math.inf

    def _line(self, heights: FloatArray, x: FloatArray, i: Any) -> FloatArray:
        """The straight line over cell ``i``, from its nearer end: no cancellation at either."""
        left, right = self.knots[i], self.knots[i + 1]
        t = (x - left) / (right - left)
        return np.asarray((1.0 - t) * heights[i] + t * heights[i + 1])

    def _cell(self, x: FloatArray) -> tuple[Any, Any, Any]:
        """The cell of each point, and the masks of the points in the lower and upper tail."""
        i = np.searchsorted(self.knots, x, side="right") - 1
        return np.clip(i, 0, self.knots.size - 2), i < 0, i >= self.knots.size - 1

    def _tail_logs(self, x: FloatArray, tail: int) -> FloatArray:
        """log of the modelled tail probability beyond the first or the last knot."""
        height, end = (
            (self.below[0], self.knots[0]) if tail == 0 else (self.above[-1], self.knots[-1])
        )
        return np.asarray(np.log(height) - np.abs(x - end) / self.tail_scales[tail])

    def _cdf(self, x: FloatArray) -> FloatArray:
        i, lower, upper = self._cell(x)
        out = self._line(self.below, x, i)
        out[lower] = np.exp(self._tail_logs(x[lower], 0))
        out[upper] = -np.expm1(self._tail_logs(x[upper], 1))
        return out

    def _sf(self, x: FloatArray) -> FloatArray:
        i, lower, upper = self._cell(x)
        out = self._line(self.above, x, i)
        out[lower] = -np.expm1(self._tail_logs(x[lower], 0))
        out[upper] = np.exp(self._tail_logs(x[upper], 1))
        return out

    def _logcdf(self, x: FloatArray) -> FloatArray:
        _, lower, _ = self._cell(x)
        return np.where(lower, self._tail_logs(x, 0), Distribution._logcdf(self, x))

    def _logsf(self, x: FloatArray) -> FloatArray:
        _, _, upper = self._cell(x)
        return np.where(upper, self._tail_logs(x, 1), Distribution._logsf(self, x))

    def _logpdf(self, x: FloatArray) -> FloatArray:
        i, lower, upper = self._cell(x)
        rise = np.where(
            self.below[i] < 0.5,
            self.below[i + 1] - self.below[i],
            self.above[i] - self.above[i + 1],
        )
        out: FloatArray = np.log(rise / (self.knots[i + 1] - self.knots[i]))
        for tail, where in ((0, lower), (1, upper)):
            out[where] = self._tail_logs(x[where], tail) - math.log(self.tail_scales[tail])
        return out

    def _pdf(self, x: FloatArray) -> FloatArray:
        return np.asarray(np.exp(self._logpdf(x)))

    def _ppf(self, p: FloatArray) -> FloatArray:
        j = np.clip(np.searchsorted(self.below, p, side="left"), 1, self.below.size - 1)
        out = self._between(p, self.below, j)
        tail = p <= self.below[0]
        out[tail] = self._tail_quantile(np.log(p[tail]), 0)
        return out

    def _isf(self, q: FloatArray) -> FloatArray:
        j = np.clip(np.searchsorted(-self.above, -q, side="left"), 1, self.above.size - 1)
        out = self._between(q, self.above, j)
        tail = q < self.above[-1]
        out[tail] = self._tail_quantile(np.log(q[tail]), 1)
        return out

    def _between(self, goal: FloatArray, heights: FloatArray, j: Any) -> FloatArray:
        t = (goal - heights[j - 1]) / (heights[j] - heights[j - 1])
        # Across a point mass both knots are equal, and so is every point between them.
        return np.asarray(self.knots[j - 1] + t * (self.knots[j] - self.knots[j - 1]))

    def _tail_quantile(self, logs: FloatArray, tail: int) -> FloatArray:
        height, end = (
            (self.below[0], self.knots[0]) if tail == 0 else (self.above[-1], self.knots[-1])
        )
        depth = (np.log(height) - logs) * self.tail_scales[tail]
        return np.asarray(end - depth if tail == 0 else end + depth)

    def _ilogcdf(self, logp: FloatArray) -> FloatArray:
        # Asked where exp(logp) underflows: without a tail that is the end itself.
        no_tail = self.below[0] == 0.0
        return np.full_like(logp, self.knots[0]) if no_tail else self._tail_quantile(logp, 0)

    def _ilogsf(self, logq: FloatArray) -> FloatArray:
        no_tail = self.above[-1] == 0.0
        return np.full_like(logq, self.knots[-1]) if no_tail else self._tail_quantile(logq, 1)

    def _mean(self) -> float:
        return self._moments()[0]

    def _std(self) -> float:
        return self._moments()[1]

    def _moments(self) -> tuple[float, float]:
        """Mean and standard deviation of lines (uniform laws) and tails (exponential laws)."""
        widths = np.diff(self.knots)
        (s0, s1), (p0, p1) = self.tail_scales, (self.below[0], self.above[-1])
        mass = np.concatenate([[p0], np.diff(self.below), [p1]])
        centre = np.concatenate(
            [[self.knots[0] - s0], self.knots[:-1] + 0.5 * widths, [self.knots[-1] + s1]]
        )
        spread = np.concatenate([[s0 * s0], widths * widths / 12.0, [s1 * s1]])
        mean = float(mass @ centre)
        return mean, math.sqrt(float(mass @ (spread + (centre - mean) ** 2)))


def polygon(
    values: FloatArray, counts: IntArray, heavy: BoolArray, low: float, high: float
) -> tuple[FloatArray, FloatArray]:
    """Knots of the cdf and the number of draws (in halves) below each: two knots at an atom."""
    after = np.cumsum(counts)
    before = after - counts
    repeats = np.where(heavy, 2, 1)
    knots = np.repeat(values, repeats)
    heights = np.repeat(0.5 * (before + after), repeats)
    first_of_pair = np.cumsum(repeats)[heavy] - 2
    heights[first_of_pair] = before[heavy]
    heights[first_of_pair + 1] = after[heavy]
    total = float(after[-1])
    if low == knots[0]:
        heights[0] = 0.0
    elif math.isfinite(low):
        knots, heights = np.append(low, knots), np.append(0.0, heights)
    if high == knots[-1]:
        heights[-1] = total
    elif math.isfinite(high):
        knots, heights = np.append(knots, high), np.append(heights, total)
    return knots, heights


def tail_scales(values: FloatArray, counts: IntArray) -> tuple[float, float]:
    """The scales of the exponential tails below and above draws of rising values."""
    return _mean_excess(values, counts), _mean_excess(-values[::-1], counts[::-1])


def _mean_excess(values: FloatArray, counts: IntArray) -> float:
    """Mean distance of the lowest k draws to the next one, with k about n**0.4.

    k grows past ties until the scale is positive.
    """
    after = np.cumsum(counts)
    n = int(after[-1])
    k: int = min(max(10, math.ceil(n**0.4)), n // 2)
    while True:
        at = int(np.searchsorted(after, k, side="right"))  # where draw k lies, counted from 0
        if at > 0:
            return float(np.sum(counts[:at] * (values[at] - values[:at]))) / k
        k = min(2 * k, n - 1)


def dkw_bound(n: int, confidence: float) -> float:
    """The bound on |F_n - F| for n independent draws, at a confidence: Massart (1990)."""
    return math.sqrt(math.log(2.0 / (1.0 - confidence)) / (2.0 * n))


def averaged_bound(rows: float, confidence: float) -> float:
    """The bound for the average of empirical cdfs of ``rows`` draws each, however dependent.

    For one of them P(D > e) <= 2 exp(-2 rows e**2), so that E exp(2 a rows D**2) is at most
    (1 + a) / (1 - a) for a < 1; by convexity that holds for the mean of several D as well, which
    bounds the distance of the averages. Markov's inequality gives the bound, best in a.
    """
    a = np.linspace(0.01, 0.999, 990)
    squares = np.log((1.0 + a) / ((1.0 - a) * (1.0 - confidence))) / (2.0 * a * rows)
    return math.sqrt(float(squares.min()))


def check_span(first: float, last: float) -> None:
    """Raise where draws lie too far apart for the straight lines between them."""
    if not math.isfinite(last - first):
        raise ValueError(
            f"sample runs from {first} to {last}, wider than float64. Rescale it first."
        )
