"""Laws of the norm of isotropic vectors, in closed form."""

from __future__ import annotations

import dataclasses
import functools
import math
from typing import final

import numpy as np
from scipy import special

from otmaps._arrays import FloatArray
from otmaps._distribution import Distribution
from otmaps._location_scale import LocationScale
from otmaps._one_sided_priors import Gamma
from otmaps._special import log_beta, log_betainc

_TINY = 1e-100  # squares of smaller numbers leave the range of doubles
_HUGE = 1e100
_DEEP = -690.0  # of a logarithm: the probability itself leaves the normal doubles


class _Norm(LocationScale):
    """A law on [0, inf) whose standard density behaves as a power of z near 0."""

    def _support0(self) -> tuple[float, float]:
        return 0.0, math.inf

    def _standard(self) -> Distribution:
        return dataclasses.replace(self, loc=0.0, scale=1.0)  # type: ignore[type-var]

    def _cdf0(self, z: FloatArray) -> FloatArray:
        return np.exp(self._logcdf0(z))

    def _sf0(self, z: FloatArray) -> FloatArray:
        return np.exp(self._logsf0(z))

    def _ppf0(self, p: FloatArray) -> FloatArray:
        return self._ilogcdf0(np.log(p))

    def _isf0(self, q: FloatArray) -> FloatArray:
        return self._ilogsf0(np.log(q))

    def _ilogcdf0(self, logp: FloatArray) -> FloatArray:
        return Distribution._ilogcdf(self._standard(), logp)

    def _ilogsf0(self, logq: FloatArray) -> FloatArray:
        return Distribution._ilogsf(self._standard(), logq)


@final
@dataclasses.dataclass(frozen=True)
class Chi(_Norm):
    """The law of the norm of a standard normal vector of ``df`` components, times ``scale``.

    Examples
    --------
    >>> import otmaps
    >>> law = otmaps.Chi(3)
    >>> round(law.mean(), 6)
    1.595769
    """

    df: float
    loc: float = 0.0
    scale: float = 1.0

    def __post_init__(self) -> None:
        self._checked(df=True, scale=True)

    @functools.cached_property
    def _square(self) -> Gamma:
        """The law of z^2 / 2."""
        return Gamma(0.5 * self.df)

    def _tail_error0(self) -> float:
        # The rounding of the square, at the steepest place of a tail of 1e-300.
        return self._square._tail_error0() + 2.5e-16 * self._square._steepness0()

    def _error(self) -> float:
        return 1e-14 + 4e-16 * math.sqrt(self.df)  # a density of sqrt(df) / sqrt(pi) a relative ulp

    def _steepness0(self) -> float:
        return 2.0 * self._square._steepness0()

    def _cdf0(self, z: FloatArray) -> FloatArray:
        return np.where(z < _TINY, np.exp(self._log_near(z)), self._square._cdf0(0.5 * z * z))

    def _sf0(self, z: FloatArray) -> FloatArray:
        return self._square._sf0(0.5 * z * z)

    def _log_near(self, z: FloatArray) -> FloatArray:
        """log cdf next to 0, where it is a power."""
        half = 0.5 * self.df
        lead = self.df * np.log(z) - half * math.log(2.0)
        return np.asarray(lead - special.gammaln(half + 1.0))

    def _logcdf0(self, z: FloatArray) -> FloatArray:
        square = self._square._logcdf0(0.5 * np.maximum(z, _TINY) ** 2)
        return np.where(z < _TINY, self._log_near(z), square)

    def _logsf0(self, z: FloatArray) -> FloatArray:
        return self._square._logsf0(0.5 * z * z)

    def _logpdf0(self, z: FloatArray) -> FloatArray:
        near = self._log_near(z) - np.log(z) + math.log(self.df)
        square = self._square._logpdf0(0.5 * np.maximum(z, _TINY) ** 2) + np.log(z)
        at_end = (
            math.log(2.0 / math.pi) / 2.0
            if self.df == 1.0
            else math.copysign(math.inf, 1.0 - self.df)
        )
        return np.where(z == 0.0, at_end, np.where(z < _TINY, near, square))

    def _ppf0(self, p: FloatArray) -> FloatArray:
        near = p ** (1.0 / self.df) * math.exp(-float(self._log_near(np.array(1.0))) / self.df)
        return np.where(near < 1e-9, near, np.sqrt(2.0 * self._square._ppf0(p)))

    def _isf0(self, q: FloatArray) -> FloatArray:
        return np.sqrt(2.0 * self._square._isf0(q))

    def _ilogsf0(self, logq: FloatArray) -> FloatArray:
        return np.sqrt(2.0 * self._square._ilogsf0(logq))

    def _mean_std0(self) -> tuple[float, float]:
        # The mean is sqrt(2) Gamma((df + 1) / 2) / Gamma(df / 2).
        mean = math.sqrt(2.0 * math.pi) * math.exp(-log_beta(0.5 * self.df, 0.5))
        return mean, math.sqrt(_chi_variance(self.df, mean))

    def _rvs(self, shape: tuple[int, ...], rng: np.random.Generator) -> FloatArray:
        return np.asarray(self._x(np.sqrt(2.0 * rng.standard_gamma(0.5 * self.df, shape))))


def _chi_variance(df: float, mean: float) -> float:
    if df < 1e3:
        return df - mean * mean
    # The difference cancels: the series of the square of the ratio of gamma functions.
    return 0.5 - 1.0 / (8.0 * df) - 1.0 / (16.0 * df**2) + 5.0 / (128.0 * df**3)


@final
@dataclasses.dataclass(frozen=True)
class TNorm(_Norm):
    """The law of the norm of a multivariate Student t vector, times ``scale``.

    z^2 / (df + z^2) has the beta law with parameters dim / 2 and df / 2.
    """

    dim: float
    df: float
    loc: float = 0.0
    scale: float = 1.0

    def __post_init__(self) -> None:
        self._checked(dim=True, df=True, scale=True)

    def _tail_error0(self) -> float:
        return 5e-13 + 1e-15 * (1400.0 + self.dim + self.df)

    def _error(self) -> float:
        return 2e-14 + 4e-16 * math.sqrt(self.dim * self.df / (self.dim + self.df))

    def _steepness0(self) -> float:
        return 1400.0 + self.dim + self.df

    def _logs(self, z: FloatArray) -> tuple[FloatArray, FloatArray]:
        """The logarithms of x = z^2 / (df + z^2) and of 1 - x."""
        log = 2.0 * np.log(z) - math.log(self.df)
        return -np.logaddexp(0.0, -log), -np.logaddexp(0.0, log)

    def _tails(self, z: FloatArray) -> tuple[FloatArray, FloatArray]:
        a, b = 0.5 * self.dim, 0.5 * self.df
        square = np.clip(z, 1e-150, 1e150) ** 2
        x, rest = square / (self.df + square), self.df / (self.df + square)
        # The incomplete beta function of the smaller of x and 1 - x: the other one is rounded.
        lower = np.where(x < 0.5, special.betainc(a, b, x), special.betaincc(b, a, rest))
        upper = np.where(x < 0.5, special.betaincc(a, b, x), special.betainc(b, a, rest))
        return lower, upper

    def _cdf0(self, z: FloatArray) -> FloatArray:
        lower, _ = self._tails(z)
        return self._mended(lower, 0.5 * self.dim, 0.5 * self.df, *self._logs(z))

    def _sf0(self, z: FloatArray) -> FloatArray:
        _, upper = self._tails(z)
        return self._mended(upper, 0.5 * self.df, 0.5 * self.dim, *self._logs(z)[::-1])

    @staticmethod
    def _mended(
        value: FloatArray, a: float, b: float, logx: FloatArray, logxc: FloatArray
    ) -> FloatArray:
        deep = value < 1e-280
        if deep.any():
            value[deep] = np.exp(log_betainc(a, b, logx[deep], logxc[deep]))
        return value

    def _logcdf0(self, z: FloatArray) -> FloatArray:
        tails = self._cdf0(z), self._sf0(z)
        return self._log_tail(tails, (0.5 * self.dim, 0.5 * self.df), self._logs(z))

    def _logsf0(self, z: FloatArray) -> FloatArray:
        tails, (logx, logxc) = (self._sf0(z), self._cdf0(z)), self._logs(z)
        return self._log_tail(tails, (0.5 * self.df, 0.5 * self.dim), (logxc, logx))

    @staticmethod
    def _log_tail(
        tails: tuple[FloatArray, FloatArray],
        halves: tuple[float, float],
        logs: tuple[FloatArray, FloatArray],
    ) -> FloatArray:
        (value, other), (a, b), (logx, logxc) = tails, halves, logs
        out = np.where(value < 0.5, np.log(value), np.log1p(-np.minimum(other, 0.75)))
        deep = out < _DEEP
        if deep.any():
            out[deep] = log_betainc(a, b, logx[deep], logxc[deep])
        return out

    def _logpdf0(self, z: FloatArray) -> FloatArray:
        a, b = 0.5 * self.dim, 0.5 * self.df
        safe = np.maximum(z, 5e-324)
        logx, logxc = self._logs(safe)
        out = math.log(2.0) - np.log(safe) + a * logx + b * logxc - log_beta(a, b)
        at_end = math.log(2.0) - 0.5 * math.log(self.df) - log_beta(a, b)
        at_end = at_end if self.dim == 1.0 else math.copysign(math.inf, 1.0 - self.dim)
        return np.where(z == 0.0, at_end, out)

    def _mean_std0(self) -> tuple[float, float]:
        n, df = self.dim, self.df
        if df <= 1.0:
            return math.inf, math.nan
        log = log_beta(0.5 * (n + 1.0), 0.5 * (df - 1.0)) - log_beta(0.5 * n, 0.5 * df)
        mean = math.sqrt(df) * math.exp(log)
        if df <= 2.0:
            return mean, math.inf
        return mean, math.sqrt(max(n * df / (df - 2.0) - mean * mean, 0.0))

    def _rvs(self, shape: tuple[int, ...], rng: np.random.Generator) -> FloatArray:
        square = rng.standard_gamma(0.5 * self.dim, shape) / rng.standard_gamma(
            0.5 * self.df, shape
        )
        return np.asarray(self._x(np.sqrt(self.df * square)))


@final
@dataclasses.dataclass(frozen=True)
class PowerLaw(LocationScale):
    """The law on [0, scale] with cdf (z / scale)^power: the norm of a uniform point of a ball."""

    power: float
    loc: float = 0.0
    scale: float = 1.0

    def __post_init__(self) -> None:
        self._checked(power=True, scale=True)

    def _support0(self) -> tuple[float, float]:
        return 0.0, 1.0

    def _tail_error0(self) -> float:
        return 1e-13

    def _error(self) -> float:
        return 2e-15

    def _steepness0(self) -> float:
        return self.power + 1400.0

    def _log(self, z: FloatArray) -> FloatArray:
        """log z, by the exact distance from the upper end where that is near."""
        return np.where(z > 0.5, np.log1p(z - 1.0), np.log(z))

    def _cdf0(self, z: FloatArray) -> FloatArray:
        return np.exp(self.power * self._log(z))

    def _sf0(self, z: FloatArray) -> FloatArray:
        return -np.expm1(self.power * self._log(z))

    def _logcdf0(self, z: FloatArray) -> FloatArray:
        return self.power * self._log(z)

    def _logsf0(self, z: FloatArray) -> FloatArray:
        cdf = self._cdf0(z)
        return np.where(cdf < 0.5, np.log1p(-cdf), np.log(self._sf0(z)))

    def _logpdf0(self, z: FloatArray) -> FloatArray:
        if self.power == 1.0:
            return np.zeros_like(z)
        return math.log(self.power) + (self.power - 1.0) * self._log(z)

    def _ppf0(self, p: FloatArray) -> FloatArray:
        return np.exp(np.log(p) / self.power)

    def _isf0(self, q: FloatArray) -> FloatArray:
        return np.exp(np.log1p(-q) / self.power)

    def _ilogcdf0(self, logp: FloatArray) -> FloatArray:
        return np.exp(logp / self.power)

    def _ilogsf0(self, logq: FloatArray) -> FloatArray:
        return np.exp(np.log1p(-np.exp(logq)) / self.power)

    def _mean_std0(self) -> tuple[float, float]:
        n = self.power
        return n / (n + 1.0), math.sqrt(n / (n + 2.0)) / (n + 1.0)
