"""The law of a one-dimensional sample, with a bound on its error at a stated confidence."""

from __future__ import annotations

import dataclasses
import hashlib
import math
from typing import Any, final

import numpy as np

from otmaps._arrays import FloatArray, frozen, real_array, real_scalar
from otmaps._distribution import Distribution

_FEWEST = 20  # from here on a point mass takes at least three equal draws, at any confidence


@final
@dataclasses.dataclass(frozen=True)
class Empirical(Distribution):
    """The law that a sample of independent draws estimates.

    The cdf runs straight between the sorted distinct values, through the middle of the step of
    the empirical cdf at each. Beyond the extreme values stand exponential tails whose scale is the
    mean excess of the outermost ``k`` values (about ``n**0.4`` of them), so that every quantile is
    finite and logarithms work; beyond about ``k / n`` the tail is modelled, not measured, and
    `tail_error` is infinite. A value that repeats more often than the bound allows by chance is a
    point mass: the cdf jumps there and `atoms` lists it; rarer ties are interpolated through.

    `breakpoints` names the finite ends and the atoms. The corners of the cdf at the other values
    are no property of the law: they lie within `error`.

    Parameters
    ----------
    sample : array_like
        Finite numbers, one-dimensional, at least 20, not all equal; not kept in its own order.
    low, high : float
        Known ends of the support, infinite where unknown; a finite end replaces the tail.
    confidence : float
        The probability with which `error` holds, for independent draws of one law.
    origin : str
        What `method` says; empty for ``"sample (n=...)"``.

    Raises
    ------
    TypeError, ValueError
        For a sample that is not such numbers; the message gives the remedy.

    Notes
    -----
    `error` is sqrt(log(2 / (1 - confidence)) / (2 n)), the inequality of Dvoretzky, Kiefer and
    Wolfowitz with the constant of Massart (1990), plus the distance of the straight lines from
    the steps.
    """

    sample: dataclasses.InitVar[Any]
    low: float = -math.inf
    high: float = math.inf
    confidence: float = 0.999
    origin: str = ""
    n: int = dataclasses.field(init=False)
    digest: str = dataclasses.field(init=False, repr=False)
    knots: FloatArray = dataclasses.field(init=False, repr=False, compare=False)
    below: FloatArray = dataclasses.field(init=False, repr=False, compare=False)
    above: FloatArray = dataclasses.field(init=False, repr=False, compare=False)
    tail_scales: tuple[float, float] = dataclasses.field(init=False, repr=False, compare=False)
    _bound: float = dataclasses.field(init=False, repr=False, compare=False)
    _masses: tuple[tuple[float, float], ...] = dataclasses.field(
        init=False, repr=False, compare=False
    )

    def __post_init__(self, sample: Any) -> None:
        draws = _checked_sample(sample)
        confidence = real_scalar(self.confidence, "confidence")
        if not 0.0 < confidence < 1.0:
            raise ValueError(f"confidence must lie between 0 and 1, got {confidence}.")
        low, high = _checked_ends(self.low, self.high, draws)
        n = draws.size
        dkw = math.sqrt(math.log(2.0 / (1.0 - confidence)) / (2.0 * n))
        values, counts = np.unique(draws, return_counts=True)
        heavy = counts > n * dkw
        knots, below = _knots(values, counts, heavy, low, high)
        lightest = counts[~heavy].max(initial=0)
        # A sample value on a stated end has its whole step above (or below) the line.
        on_end = (counts[0] if values[0] == low else 0, counts[-1] if values[-1] == high else 0)
        slack = max(lightest / 2, *(c for c in on_end if c <= n * dkw), 0) / n
        fields = {
            "low": low,
            "high": high,
            "confidence": confidence,
            "n": n,
            "digest": hashlib.sha256(draws.tobytes()).hexdigest(),
            "knots": frozen(knots),
            "below": frozen(below / n),
            "above": frozen((n - below) / n),
            "tail_scales": (_mean_excess(draws), _mean_excess(-draws[::-1])),
            "_bound": min(dkw + slack, 1.0),
            "_masses": tuple(
                (float(v), int(c) / n) for v, c in zip(values[heavy], counts[heavy], strict=True)
            ),
        }
        for name, value in fields.items():
            object.__setattr__(self, name, value)

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

    def _method(self) -> str:
        return self.origin or f"sample (n={self.n})"

    def _recipe(self) -> dict[str, Any] | None:
        return {
            "law": "Empirical",
            "sha256": self.digest,
            "n": self.n,
            "low": self.low.hex(),
            "high": self.high.hex(),
            "confidence": self.confidence.hex(),
        }

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


def _checked_sample(sample: Any) -> FloatArray:
    draws = real_array(sample, "sample").astype(np.float64, copy=False)
    if draws.ndim != 1:
        raise ValueError(
            f"sample must be one-dimensional, got shape {draws.shape}: one law for one component. "
            "Pass sample.ravel() if all components share their law, or one column at a time."
        )
    if draws.size < _FEWEST:
        raise ValueError(
            f"sample has {draws.size} values; a law needs at least {_FEWEST}. "
            "Give more draws, or a closed-form law such as otmaps.Normal(loc, scale)."
        )
    bad = int(np.count_nonzero(~np.isfinite(draws)))
    if bad:
        raise ValueError(
            f"sample has {bad} values that are NaN or infinite, of {draws.size}. "
            "Remove them first: sample[numpy.isfinite(sample)]."
        )
    draws = np.sort(draws) + 0.0  # -0.0 and 0.0 are one value
    if draws[0] == draws[-1]:
        raise ValueError(
            f"sample holds {draws.size} times the value {draws[0]}: a constant has no law that a "
            "transport map could start from. Drop this component, or keep it as it is."
        )
    if not math.isfinite(float(draws[-1]) - float(draws[0])):
        raise ValueError(
            f"sample runs from {draws[0]} to {draws[-1]}, wider than float64. Rescale it first."
        )
    return draws


def _checked_ends(low: Any, high: Any, draws: FloatArray) -> tuple[float, float]:
    ends = [
        end if isinstance(end, float) and math.isinf(end) else real_scalar(end, name)
        for name, end in (("low", low), ("high", high))
    ]
    if not (ends[0] <= draws[0] and draws[-1] <= ends[1]):
        raise ValueError(
            f"sample runs from {draws[0]} to {draws[-1]}, outside of the stated support "
            f"[{ends[0]}, {ends[1]}]. Widen low and high, or remove the values outside."
        )
    return ends[0], ends[1]


def _knots(
    values: FloatArray, counts: Any, heavy: Any, low: float, high: float
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


def _mean_excess(draws: FloatArray) -> float:
    """Mean distance of the lowest k values to the next one: the scale of an exponential tail.

    k grows past ties until the scale is positive.
    """
    k = min(max(10, math.ceil(draws.size**0.4)), draws.size // 2)
    while True:
        scale = float(np.mean(draws[k] - draws[:k]))
        if scale > 0.0:
            return scale
        k = min(2 * k, draws.size - 1)
