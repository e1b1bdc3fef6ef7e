"""The law given by a table of pieces: logarithms of each tail and of the density, as polynomials.

Each half of the law is a `TailTable` in the coordinate v that grows from the end of the support
towards the median, so that an upper tail is a lower tail mirrored and both keep their relative
accuracy. On a piece the variable is v itself or the logarithm of the distance to a singular point
or to a far end; in that variable the functions are Chebyshev series.
"""

from __future__ import annotations

import dataclasses
import math
from typing import TypeAlias, final

import numpy as np
import numpy.typing as npt

from otmaps._arrays import FloatArray, frozen
from otmaps._distribution import Distribution

IntArray: TypeAlias = npt.NDArray[np.intp]

_MOST_NEWTON = 60
_STRAIGHT = 1e-14


def _series(coefficients: FloatArray, piece: IntArray, t: FloatArray) -> FloatArray:
    """Chebyshev series of the chosen pieces at t in [-1, 1], by Clenshaw's recurrence."""
    one, two = np.zeros_like(t), np.zeros_like(t)
    for column in coefficients.T[:0:-1]:
        one, two = column[piece] + 2.0 * t * one - two, one
    return np.asarray(coefficients[piece, 0] + t * one - two)


@final
@dataclasses.dataclass(frozen=True, eq=False)
class TailTable:
    """log P(V <= v) and log density of one half of a law, as pieces in increasing v.

    Attributes
    ----------
    edges : ndarray, shape (k + 1,)
        Ends of the pieces.
    anchor, sign, middle, half : ndarray, shape (k,)
        The variable of a piece: s = v where sign is 0, else s = log(sign (v - anchor)); then
        t = (s - middle) / half runs over [-1, 1]. The first piece has sign +1 (anchor: the end of
        the support) or -1 (an infinite end).
    tail, density : ndarray, shape (k, n)
        Chebyshev coefficients of log P(V <= v) and of the log density in t.
    """

    edges: FloatArray
    anchor: FloatArray
    sign: FloatArray
    middle: FloatArray
    half: FloatArray
    tail: FloatArray
    density: FloatArray
    slope: FloatArray = dataclasses.field(init=False, repr=False)
    levels: FloatArray = dataclasses.field(init=False, repr=False)
    beyond: tuple[float, float, float, float] = dataclasses.field(init=False, repr=False)

    def __post_init__(self) -> None:
        slope = np.polynomial.chebyshev.chebder(self.tail, axis=1)
        left, right = self._ends()
        levels = np.maximum.accumulate(np.append(left, right[-1]))
        object.__setattr__(self, "slope", slope)
        object.__setattr__(self, "levels", levels)
        object.__setattr__(self, "beyond", self._continuation())

    def _ends(self) -> tuple[FloatArray, FloatArray]:
        """log P(V <= v) at the left and the right end of each piece."""
        ends = np.stack([self._alternating(self.tail).sum(axis=1), self.tail.sum(axis=1)])
        left, right = np.where(self.sign < 0, ends[::-1], ends)
        return left, right

    def largest_jumps(self) -> tuple[float, float]:
        """The largest disagreement of neighbouring pieces where they meet: of P and of log P."""
        left, right = self._ends()
        jumps = np.abs(left[1:] - right[:-1])
        return float((jumps * np.exp(right[:-1])).max(initial=0.0)), float(jumps.max(initial=0.0))

    def scaled(self, factor: float) -> TailTable:
        """The table of ``factor * V`` for a positive factor."""
        plain = self.sign == 0
        density = self.density.copy()
        density[:, 0] -= math.log(factor)
        return TailTable(
            edges=frozen(factor * self.edges),
            anchor=frozen(factor * self.anchor),
            sign=self.sign,
            middle=frozen(np.where(plain, factor * self.middle, self.middle + math.log(factor))),
            half=frozen(np.where(plain, factor * self.half, self.half)),
            tail=self.tail,
            density=frozen(density),
        )

    @staticmethod
    def _alternating(coefficients: FloatArray) -> FloatArray:
        return coefficients * (-1.0) ** np.arange(coefficients.shape[1])

    def _continuation(self) -> tuple[float, float, float, float]:
        """(s, L, L', k) at the outer end: beyond, L(s') = L + L' expm1(k (s' - s)) / k.

        A power law has k = 0, an exponential tail 1, a normal one 2: the local exponent goes on.
        """
        outer = -float(self.sign[0])
        values = [
            float(np.polynomial.chebyshev.chebval(outer, c))
            for c in (
                self.tail[0],
                self.slope[0],
                np.polynomial.chebyshev.chebder(self.slope[0]),
            )
        ]
        h = float(self.half[0])
        if np.abs(self.tail[0, 2:]).sum() <= _STRAIGHT * abs(values[0]):
            values[1:] = [float(self.tail[0, 1]), 0.0]  # a power law: its mean slope has no noise
        growth = values[2] / (h * values[1]) if values[1] != 0 else 0.0
        if growth * outer < 1e-6:  # no tail is heavier than a power law but by noise
            growth = 0.0
        return float(self.middle[0]) + outer * h, values[0], values[1] / h, growth

    def _local(self, v: FloatArray) -> tuple[IntArray, FloatArray]:
        piece = np.clip(np.searchsorted(self.edges, v, side="right") - 1, 0, self.sign.size - 1)
        sign, gap = self.sign[piece], v - self.anchor[piece]
        s = np.where(sign == 0, v, np.log(np.maximum(sign * gap, 5e-324)))
        t = (s - self.middle[piece]) / self.half[piece]
        return piece, np.clip(t, -1.0, 1.0)

    def _outside(self, v: FloatArray) -> FloatArray:
        """The variable s beyond the outer end."""
        return np.asarray(np.log(np.maximum(self.sign[0] * (v - self.anchor[0]), 5e-324)))

    def log_tail(self, v: FloatArray) -> FloatArray:
        """log P(V <= v)."""
        piece, t = self._local(v)
        out = _series(self.tail, piece, t)
        far = v < self.edges[0]
        if far.any():
            start, level, slope, growth = self.beyond
            step = self._outside(v[far]) - start
            out[far] = level + slope * (np.expm1(growth * step) / growth if growth else step)
        return np.minimum(out, 0.0)

    def log_density(self, v: FloatArray) -> FloatArray:
        """The logarithm of the density in v."""
        piece, t = self._local(v)
        out = _series(self.density, piece, t)
        far = v < self.edges[0]
        if far.any():
            start, _, slope, growth = self.beyond
            s = self._outside(v[far])
            out[far] = self.log_tail(v[far]) + math.log(abs(slope)) + growth * (s - start) - s
        return out

    def inverse(self, level: FloatArray) -> FloatArray:
        """The v at which `log_tail` is ``level``, by safeguarded Newton steps on the piece."""
        piece = np.clip(
            np.searchsorted(self.levels, level, side="right") - 1, 0, self.sign.size - 1
        )
        low, high = np.full(level.shape, -1.0), np.full(level.shape, 1.0)
        rising = self.sign[piece] >= 0
        t = np.zeros_like(level)
        for _ in range(_MOST_NEWTON):
            gap = _series(self.tail, piece, t) - level
            right = (gap > 0) == rising
            high, low = np.where(right, t, high), np.where(right, low, t)
            fresh = t - gap / _series(self.slope, piece, t)
            inside = (fresh >= low) & (fresh <= high)  # false for NaN
            fresh = np.where(inside, fresh, 0.5 * (low + high))
            moved = np.abs(fresh - t)
            t = fresh
            if np.all(moved <= 2e-16):
                break
        s = self.middle[piece] + self.half[piece] * t
        far = level < self.levels[0]
        if far.any():
            start, top, slope, growth = self.beyond
            drop = (level[far] - top) / slope
            s[far] = start + (np.log1p(growth * drop) / growth if growth else drop)
        sign = self.sign[piece]
        return np.where(sign == 0, s, self.anchor[piece] + sign * np.exp(s))


@final
@dataclasses.dataclass(frozen=True, eq=False)
class PiecesLaw(Distribution):
    """A law tabulated on pieces, with measured errors.

    Attributes
    ----------
    lower, upper : TailTable
        The half below ``split`` in v = y - low_shift and the half above in v = high_shift - y.
    split : float
        Near the median.
    ends : tuple of float
        The support.
    moments : tuple of float
        Mean and standard deviation.
    kinks : tuple of float
        The breakpoints.
    errors : tuple of float
        Bounds on the absolute error of the cdf, on the relative error of min(cdf, sf) and on the
        relative error of the density.
    centre : float or None
        The centre of symmetry.
    how : str
        What computed the tables.
    """

    lower: TailTable
    upper: TailTable
    low_shift: float
    high_shift: float
    split: float
    ends: tuple[float, float]
    moments: tuple[float, float]
    kinks: tuple[float, ...]
    errors: tuple[float, float, float]
    centre: float | None
    how: str

    @property
    def density_error(self) -> float:
        """A bound on the relative error of the density down to 1e-300."""
        return self.errors[2]

    def _support(self) -> tuple[float, float]:
        return self.ends

    def _breakpoints(self) -> tuple[float, ...]:
        return self.kinks

    def _error(self) -> float:
        return self.errors[0]

    def _tail_error(self) -> float:
        return self.errors[1]

    def _symmetry(self) -> float | None:
        return self.centre

    def _method(self) -> str:
        return self.how

    def _affine(self, scale: float, shift: float) -> Distribution:
        size = abs(scale)
        tables = self.lower.scaled(size), self.upper.scaled(size)
        shifts = scale * self.low_shift + shift, scale * self.high_shift + shift
        ends = scale * self.ends[0] + shift, scale * self.ends[1] + shift
        if scale < 0:
            tables, shifts, ends = tables[::-1], shifts[::-1], ends[::-1]
        return dataclasses.replace(
            self,
            lower=tables[0],
            upper=tables[1],
            low_shift=shifts[0],
            high_shift=shifts[1],
            split=scale * self.split + shift,
            ends=ends,
            moments=(scale * self.moments[0] + shift, size * self.moments[1]),
            kinks=tuple(sorted(scale * kink + shift for kink in self.kinks)),
            centre=None if self.centre is None else scale * self.centre + shift,
        )

    def _mean(self) -> float:
        return self.moments[0]

    def _std(self) -> float:
        return self.moments[1]

    def _near_tail(self, y: FloatArray) -> tuple[FloatArray, npt.NDArray[np.bool_]]:
        """The logarithm of the nearer tail probability, and whether it is the upper one."""
        above = y >= self.split
        out = np.empty_like(y)
        out[~above] = self.lower.log_tail(y[~above] - self.low_shift)
        out[above] = self.upper.log_tail(self.high_shift - y[above])
        return out, above

    def _cdf(self, x: FloatArray) -> FloatArray:
        log, above = self._near_tail(x)
        return np.where(above, -np.expm1(log), np.exp(log))

    def _sf(self, x: FloatArray) -> FloatArray:
        log, above = self._near_tail(x)
        return np.where(above, np.exp(log), -np.expm1(log))

    def _logcdf(self, x: FloatArray) -> FloatArray:
        log, above = self._near_tail(x)
        return np.where(above, np.log1p(-np.exp(log)), log)

    def _logsf(self, x: FloatArray) -> FloatArray:
        log, above = self._near_tail(x)
        return np.where(above, log, np.log1p(-np.exp(log)))

    def _logpdf(self, x: FloatArray) -> FloatArray:
        above = x >= self.split
        out = np.empty_like(x)
        out[~above] = self.lower.log_density(x[~above] - self.low_shift)
        out[above] = self.upper.log_density(self.high_shift - x[above])
        return out

    def _pdf(self, x: FloatArray) -> FloatArray:
        return np.exp(self._logpdf(x))

    def _ppf(self, p: FloatArray) -> FloatArray:
        return self._quantiles(np.log(p), np.log1p(-p))

    def _isf(self, q: FloatArray) -> FloatArray:
        return self._quantiles(np.log1p(-q), np.log(q))

    def _ilogcdf(self, logp: FloatArray) -> FloatArray:
        return self._quantiles(logp, np.log1p(-np.exp(logp)))

    def _ilogsf(self, logq: FloatArray) -> FloatArray:
        return self._quantiles(np.log1p(-np.exp(logq)), logq)

    def _quantiles(self, logp: FloatArray, logq: FloatArray) -> FloatArray:
        below = logp <= self.lower.levels[-1]
        out = np.empty_like(logp)
        out[below] = self.low_shift + self.lower.inverse(logp[below])
        out[~below] = self.high_shift - self.upper.inverse(logq[~below])
        return np.clip(out, *self.ends)
