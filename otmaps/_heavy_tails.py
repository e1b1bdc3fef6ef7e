"""Closed-form laws on a half line whose upper tail is a power of x."""

from __future__ import annotations

import dataclasses
import math
from typing import Any, final

import numpy as np
from scipy import special

from otmaps._arrays import FloatArray
from otmaps._location_scale import LocationScale
from otmaps._priors import Normal

_LOG_SQRT_2PI = 0.5 * math.log(2.0 * math.pi)
_LOG_HALF_SQRT_PI = math.log(0.5 * math.sqrt(math.pi))


@final
@dataclasses.dataclass(frozen=True)
class Levy(LocationScale):
    """The law of 1 / N^2 with N standard normal, on z >= 0; its upper tail falls like z^-1/2.

    cdf(z) = erfc(1 / sqrt(2 z)) and sf(z) = erf(1 / sqrt(2 z)). The mean is infinite. It is the
    time at which a Brownian motion first reaches a level, and `Stable` of alpha 1/2 and beta 1.

    Examples
    --------
    >>> import otmaps
    >>> law = otmaps.Levy()
    >>> law.support(), round(law.sf(100.0), 6)
    ((0.0, inf), 0.079656)
    """

    loc: float = 0.0
    scale: float = 1.0

    def _support0(self) -> tuple[float, float]:
        return 0.0, math.inf

    def _error(self) -> float:
        return 1e-15

    def _tail_error0(self) -> float:
        return 2e-15

    def _steepness0(self) -> float:
        return 700.0

    @staticmethod
    def _exponent(z: FloatArray) -> tuple[FloatArray, FloatArray]:
        """1 / (2 z) as a rounded part and what the rounding left, which exp would magnify."""
        lead = 0.5 / z
        # The product lead * z in two doubles (Dekker), where the lower tail is above 1e-322.
        a, b = np.where(z > 6e-4, lead, 1.0), np.where((z > 6e-4) & (z < 1.0), z, 0.5)
        a_high = a * 134217729.0 - (a * 134217729.0 - a)
        b_high = b * 134217729.0 - (b * 134217729.0 - b)
        a_low, b_low = a - a_high, b - b_high
        product = a * b
        rest = ((a_high * b_high - product) + a_high * b_low + a_low * b_high) + a_low * b_low
        off = ((0.5 - product) - rest) / b
        return lead, np.where((z > 6e-4) & (z < 1.0), off, 0.0)

    def _cdf0(self, z: FloatArray) -> FloatArray:
        lead, rest = self._exponent(z)
        low = special.erfcx(np.sqrt(lead)) * np.exp(-lead) * (1.0 - rest)
        return np.asarray(np.where(z < 1.0, low, special.erfc(np.sqrt(lead))))

    def _sf0(self, z: FloatArray) -> FloatArray:
        return np.asarray(special.erf(np.sqrt(0.5 / z)))

    def _logcdf0(self, z: FloatArray) -> FloatArray:
        lead, rest = self._exponent(z)
        low = np.log(special.erfcx(np.sqrt(lead))) - rest - lead
        return np.asarray(np.where(z < 2.0, low, np.log1p(-self._sf0(z))))

    def _logsf0(self, z: FloatArray) -> FloatArray:
        sf = self._sf0(z)
        return np.asarray(np.where(sf < 0.5, np.log(sf), np.log1p(-np.minimum(self._cdf0(z), 0.9))))

    def _logpdf0(self, z: FloatArray) -> FloatArray:
        lead, rest = self._exponent(np.maximum(z, 5e-324))
        logs = -1.5 * np.log(z) - _LOG_SQRT_2PI - rest - lead
        return np.where(z > 0, logs, -math.inf)

    def _ppf0(self, p: FloatArray) -> FloatArray:
        return np.asarray(0.5 / special.erfcinv(p) ** 2)

    def _isf0(self, q: FloatArray) -> FloatArray:
        return np.asarray(0.5 / special.erfinv(q) ** 2)

    def _ilogcdf0(self, logp: FloatArray) -> FloatArray:
        # P(1 / N^2 <= z) = 2 P(N <= -1 / sqrt(z))
        return np.asarray(np.asarray(Normal().ilogcdf(logp - math.log(2.0))) ** -2.0)

    def _ilogsf0(self, logq: FloatArray) -> FloatArray:
        # Asked below exp(-700), where erf(u) = 2 u / sqrt(pi) and z = 1 / (2 u^2) overflows.
        return np.asarray(0.5 * np.exp(-2.0 * (logq + _LOG_HALF_SQRT_PI)))

    def _mean_std0(self) -> tuple[float, float]:
        return math.inf, math.nan

    def _rvs(self, shape: tuple[int, ...], rng: np.random.Generator) -> FloatArray:
        return np.asarray(self._x(rng.standard_normal(shape) ** -2.0))


@final
@dataclasses.dataclass(frozen=True)
class Pareto(LocationScale):
    """The law with survival function z^-b on z >= 1.

    Examples
    --------
    >>> import otmaps
    >>> law = otmaps.Pareto(3.0)
    >>> law.support(), law.sf(10.0)
    ((1.0, inf), 0.001)
    """

    b: float
    loc: float = 0.0
    scale: float = 1.0

    def __post_init__(self) -> None:
        self._checked(b=True, scale=True)

    # The standard variable is the excess z - 1 over the low end, where the float grid is fine.
    def _support0(self) -> tuple[float, float]:
        return 0.0, math.inf

    def _z(self, x: FloatArray) -> FloatArray:
        return (x - (self.loc + self.scale)) / self.scale

    def _x(self, z: Any) -> Any:
        return (self.loc + self.scale) + self.scale * z

    def _tail_error0(self) -> float:
        return 2.5e-16 * (4.0 + self.b)

    def _steepness0(self) -> float:
        return self.b

    def _cdf0(self, z: FloatArray) -> FloatArray:
        return -np.expm1(-self.b * np.log1p(z))

    def _sf0(self, z: FloatArray) -> FloatArray:
        return (1.0 + z) ** -self.b

    def _logcdf0(self, z: FloatArray) -> FloatArray:
        sf = self._sf0(z)
        return np.where(sf < 0.5, np.log1p(-sf), np.log(self._cdf0(z)))

    def _logsf0(self, z: FloatArray) -> FloatArray:
        return -self.b * np.log1p(z)

    def _logpdf0(self, z: FloatArray) -> FloatArray:
        return math.log(self.b) - (self.b + 1.0) * np.log1p(z)

    def _ppf0(self, p: FloatArray) -> FloatArray:
        return np.expm1(-np.log1p(-p) / self.b)

    def _isf0(self, q: FloatArray) -> FloatArray:
        return np.where(q < 0.1, q ** (-1.0 / self.b) - 1.0, np.expm1(-np.log(q) / self.b))

    def _ilogcdf0(self, logp: FloatArray) -> FloatArray:
        return np.exp(logp) / self.b  # only asked below exp(-700)

    def _ilogsf0(self, logq: FloatArray) -> FloatArray:
        return np.expm1(-logq / self.b)

    def _mean_std0(self) -> tuple[float, float]:
        b = self.b
        mean = 1.0 / (b - 1.0) if b > 1 else math.inf
        if b > 2:
            return mean, math.sqrt(b / (b - 2.0)) / (b - 1.0)
        return mean, math.inf if b > 1 else math.nan
