"""The part of a law between two of its levels, as a law."""

from __future__ import annotations

import dataclasses
import functools
import math
from typing import final

import numpy as np

from otmaps._arrays import FloatArray
from otmaps._distribution import Distribution

_EPS = float(np.finfo(float).eps)
_LIGHTEST = 1e-9  # of the slice: a lighter overlap with an atom is rounding


@final
@dataclasses.dataclass(frozen=True)
class Slice(Distribution):
    """The law of ``law.ppf(U)`` for U uniform between two levels; exact but for rounding.

    Parameters
    ----------
    law : Distribution
    low, high : tuple of float
        The levels, each as the probability below it and the one above it: near 1 the first alone
        has no digits.

    Notes
    -----
    `error` and `tail_error` are those of rounding alone: what the law states comes on top. A tail
    next to a level inside of the law is a difference, whose rounding is relative to the nearer
    tail of the law: whoever uses it has to count that, as `build_plan` does.
    """

    law: Distribution
    low: tuple[float, float]
    high: tuple[float, float]

    @functools.cached_property
    def mass(self) -> float:
        """The probability between the levels, from their nearer tail."""
        below, above = self.high[0] - self.low[0], self.low[1] - self.high[1]
        return max(below if self.high[0] <= 0.5 else above, 0.0)

    @functools.cached_property
    def _ends(self) -> tuple[float, float]:
        low, high = quantile(self.law, *np.transpose([self.low, self.high]))
        return float(low), float(high)

    def _support(self) -> tuple[float, float]:
        return self._ends

    def _breakpoints(self) -> tuple[float, ...]:
        low, high = self._ends
        inner = {b for b in self.law.breakpoints if low < b < high}
        return tuple(sorted(inner | {e for e in (low, high) if math.isfinite(e)}))

    @functools.cached_property
    def _shares(self) -> tuple[tuple[float, float], ...]:
        shares = []
        for location, mass in self.law.atoms:
            top = min(float(self.law.cdf(location)), self.high[0])
            bottom = max(float(self.law.cdf(location)) - mass, self.low[0])
            if top - bottom > _LIGHTEST * self.mass + 4.0 * _EPS:
                shares.append((location, (top - bottom) / self.mass))
        return tuple(shares)

    def _atoms(self) -> tuple[tuple[float, float], ...]:
        return self._shares

    def _error(self) -> float:
        return 8.0 * _EPS / self.mass

    def _tail_error(self) -> float:
        return 8.0 * _EPS

    def _method(self) -> str:
        return self.law.method

    def _rise(self, x: FloatArray) -> tuple[FloatArray, FloatArray]:
        """The probabilities between the low level and x, and between x and the high level."""
        below, above = np.asarray(self.law.cdf(x)), np.asarray(self.law.sf(x))
        lower = below <= above
        rise = np.where(lower, below - self.low[0], self.low[1] - above)
        rest = np.where(lower, self.high[0] - below, above - self.high[1])
        return np.clip(rise / self.mass, 0.0, 1.0), np.clip(rest / self.mass, 0.0, 1.0)

    def _cdf(self, x: FloatArray) -> FloatArray:
        return self._rise(x)[0]

    def _sf(self, x: FloatArray) -> FloatArray:
        return self._rise(x)[1]

    def _pdf(self, x: FloatArray) -> FloatArray:
        return np.asarray(self.law.pdf(x)) / self.mass

    def _logcdf(self, x: FloatArray) -> FloatArray:
        usual = Distribution._logcdf(self, x)
        if self.low[0] > 0.0:
            return usual
        deep = np.asarray(self.law.logcdf(x)) - math.log(self.mass)
        return np.where(deep < -1.0, deep, usual)

    def _logsf(self, x: FloatArray) -> FloatArray:
        usual = Distribution._logsf(self, x)
        if self.high[1] > 0.0:
            return usual
        deep = np.asarray(self.law.logsf(x)) - math.log(self.mass)
        return np.where(deep < -1.0, deep, usual)

    def _logpdf(self, x: FloatArray) -> FloatArray:
        return np.asarray(self.law.logpdf(x)) - math.log(self.mass)

    def _ppf(self, p: FloatArray) -> FloatArray:
        step = p * self.mass
        return quantile(self.law, self.low[0] + step, self.low[1] - step)

    def _isf(self, q: FloatArray) -> FloatArray:
        step = q * self.mass
        return quantile(self.law, self.high[0] - step, self.high[1] + step)

    def _ilogcdf(self, logp: FloatArray) -> FloatArray:
        if self.low[0] > 0.0:
            return np.full_like(logp, self._ends[0])
        return np.asarray(self.law.ilogcdf(logp + math.log(self.mass)))

    def _ilogsf(self, logq: FloatArray) -> FloatArray:
        if self.high[1] > 0.0:
            return np.full_like(logq, self._ends[1])
        return np.asarray(self.law.ilogsf(logq + math.log(self.mass)))


def quantile(law: Distribution, below: FloatArray, above: FloatArray) -> FloatArray:
    """The quantile at levels given by the probabilities on both sides, from the nearer tail."""
    lower = below <= above
    out = np.empty(np.shape(lower))
    out[lower] = law.ppf(np.clip(below[lower], 0.0, 1.0))
    out[~lower] = law.isf(np.clip(above[~lower], 0.0, 1.0))
    return out
