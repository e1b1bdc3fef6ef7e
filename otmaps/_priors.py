"""Light closed-form laws: NumPy and scipy.special only, relative accuracy into both tails.

Every family is a frozen dataclass with ``loc`` and ``scale`` (`Uniform` and `Arcsine`: ``low`` and
``high``); its formulas act on the standard variable z = (x - loc) / scale.
"""

from __future__ import annotations

import dataclasses
import math
from typing import Any, final

import numpy as np
from scipy import special

from otmaps._arrays import FloatArray, real_scalar
from otmaps._distribution import Distribution, open_uniform
from otmaps._kernels._laws_closed import normal_cdf
from otmaps._location_scale import Symmetric
from otmaps._special import log_beta, log_betainc, student_tail

_SQRT2 = math.sqrt(2.0)
_SQRT_2PI = math.sqrt(2.0 * math.pi)
_LOG_SQRT_2PI = 0.5 * math.log(2.0 * math.pi)
_MENDED = 1e-7  # a relative step of Newton's method after which nothing is left to mend
_FAR = 1e100  # squares of larger numbers, and their reciprocals, leave the range of doubles


def _log_upper(cdf_of_mirror: FloatArray, lower_log: FloatArray, z: FloatArray) -> FloatArray:
    """log cdf of a symmetric law: from the lower tail for z <= 0, by log1p of the upper above."""
    return np.where(z <= 0, lower_log, np.log1p(-cdf_of_mirror))


@final
@dataclasses.dataclass(frozen=True)
class Normal(Symmetric):
    """The normal law with mean ``loc`` and standard deviation ``scale``.

    Examples
    --------
    >>> import otmaps
    >>> law = otmaps.Normal(loc=1.0, scale=2.0)
    >>> law.mean(), law.std(), round(law.logsf(81.0), 3)
    (1.0, 2.0, -804.608)
    """

    loc: float = 0.0
    scale: float = 1.0

    def _tail_error0(self) -> float:
        return 2e-15

    def _half_square(self, z: FloatArray) -> tuple[FloatArray, FloatArray]:
        """z^2 / 2 as an exact leading part and a remainder.

        The square of a 26-bit head is exact, so exp loses nothing for large z, where the
        rounding of z^2 would cost hundreds of ulp. Beyond 1024 the probability is 0 anyway, and
        exp of the remainder would overflow.
        """
        head = np.where(np.abs(z) < 2.0**10, np.round(z * 2.0**16) * 2.0**-16, z)
        return 0.5 * head * head, (z - head) * (0.5 * z + 0.5 * head)

    def _cdf0(self, z: FloatArray) -> FloatArray:
        out = np.empty_like(z)
        normal_cdf(z, out)
        return out

    def _logcdf0(self, z: FloatArray) -> FloatArray:
        tail = np.minimum(z, 0.0)
        lead, rest = self._half_square(tail)
        low = np.log(0.5 * special.erfcx(-tail / _SQRT2)) - rest - lead
        return _log_upper(self._cdf0(-z), low, z)

    def _logpdf0(self, z: FloatArray) -> FloatArray:
        return -0.5 * z * z - _LOG_SQRT_2PI

    def _pdf(self, x: FloatArray) -> FloatArray:
        lead, rest = self._half_square(self._z(x))
        return np.exp(-lead) * np.exp(-rest) / (_SQRT_2PI * self.scale)

    def _ppf0(self, p: FloatArray) -> FloatArray:
        return np.asarray(special.ndtri(p))

    def _ilogcdf0(self, logp: FloatArray) -> FloatArray:
        x = np.asarray(special.ndtri_exp(logp))
        # It is right to 12 digits of the logarithm; a Newton step there gives the rest.
        gap = self._logcdf0(x) - logp
        return np.asarray(x - gap * np.exp(self._logcdf0(x) - self._logpdf0(x)))

    def _mean_std0(self) -> tuple[float, float]:
        return 0.0, 1.0

    def _rvs(self, shape: tuple[int, ...], rng: np.random.Generator) -> FloatArray:
        z = np.asarray(rng.standard_normal(shape))
        z *= self.scale  # in place: draws by the 1e8 are bound by memory
        z += self.loc
        return z


@final
@dataclasses.dataclass(frozen=True)
class Cauchy(Symmetric):
    """The Cauchy law with median ``loc`` and half width at half maximum ``scale``; no moments.

    Examples
    --------
    >>> import otmaps
    >>> law = otmaps.Cauchy()
    >>> law.cdf(1.0), law.mean()
    (0.75, nan)
    """

    loc: float = 0.0
    scale: float = 1.0

    def _tail_error0(self) -> float:
        return 1e-15

    def _steepness0(self) -> float:
        return 1.0

    def _cdf0(self, z: FloatArray) -> FloatArray:
        return np.arctan2(1.0, -z) / math.pi

    def _logcdf0(self, z: FloatArray) -> FloatArray:
        return _log_upper(self._cdf0(-z), np.log(self._cdf0(z)), z)

    def _logpdf0(self, z: FloatArray) -> FloatArray:
        return -math.log(math.pi) - 2.0 * np.log(np.hypot(1.0, z))

    def _ppf0(self, p: FloatArray) -> FloatArray:
        return np.where(p < 0.5, -1.0 / np.tan(math.pi * p), 0.0)

    def _ilogcdf0(self, logp: FloatArray) -> FloatArray:
        return -np.exp(-logp - math.log(math.pi))

    def _mean_std0(self) -> tuple[float, float]:
        return math.nan, math.nan


@final
@dataclasses.dataclass(frozen=True)
class Laplace(Symmetric):
    """The double-exponential law with density ``exp(-|z|) / 2``.

    Examples
    --------
    >>> import otmaps
    >>> law = otmaps.Laplace()
    >>> law.sf(0.0), law.logpdf(1000.0)
    (0.5, -1000.6931471805599)
    """

    loc: float = 0.0
    scale: float = 1.0

    def _kinks0(self) -> tuple[float, ...]:
        return (0.0,)

    def _tail_error0(self) -> float:
        return 1e-15

    def _steepness0(self) -> float:
        return 700.0

    def _cdf0(self, z: FloatArray) -> FloatArray:
        low = 0.5 * np.exp(-np.abs(z))
        return np.where(z <= 0, low, 1.0 - low)

    def _logcdf0(self, z: FloatArray) -> FloatArray:
        return _log_upper(self._cdf0(-z), z - math.log(2.0), z)

    def _logpdf0(self, z: FloatArray) -> FloatArray:
        return -np.abs(z) - math.log(2.0)

    def _ppf0(self, p: FloatArray) -> FloatArray:
        return np.log(2.0 * p)

    def _ilogcdf0(self, logp: FloatArray) -> FloatArray:
        return logp + math.log(2.0)

    def _mean_std0(self) -> tuple[float, float]:
        return 0.0, _SQRT2


@final
@dataclasses.dataclass(frozen=True)
class Logistic(Symmetric):
    """The law with cdf 1 / (1 + exp(-z)).

    Examples
    --------
    >>> import otmaps
    >>> law = otmaps.Logistic()
    >>> law.cdf(0.0), round(law.std(), 6)
    (0.5, 1.813799)
    """

    loc: float = 0.0
    scale: float = 1.0

    def _tail_error0(self) -> float:
        return 1e-15

    def _steepness0(self) -> float:
        return 700.0

    def _cdf0(self, z: FloatArray) -> FloatArray:
        return np.asarray(special.expit(z))

    def _logcdf0(self, z: FloatArray) -> FloatArray:
        return np.asarray(special.log_expit(z))

    def _logpdf0(self, z: FloatArray) -> FloatArray:
        return -np.abs(z) - 2.0 * np.log1p(np.exp(-np.abs(z)))

    def _ppf0(self, p: FloatArray) -> FloatArray:
        # log(p / (1 - p)) loses digits near one half, where the quantile is near 0.
        return np.where(p > 0.3, -2.0 * np.arctanh(1.0 - 2.0 * p), np.log(p) - np.log1p(-p))

    def _ilogcdf0(self, logp: FloatArray) -> FloatArray:
        return logp - np.log(-np.expm1(logp))

    def _mean_std0(self) -> tuple[float, float]:
        return 0.0, math.pi / math.sqrt(3.0)


@final
@dataclasses.dataclass(frozen=True)
class StudentT(Symmetric):
    """Student's t law with ``df`` degrees of freedom (any positive number).

    Examples
    --------
    >>> import otmaps
    >>> law = otmaps.StudentT(3.0)
    >>> round(law.sf(10.0), 6), round(law.std(), 6)
    (0.001064, 1.732051)
    """

    df: float
    loc: float = 0.0
    scale: float = 1.0

    def __post_init__(self) -> None:
        self._checked(df=True, scale=True)

    def _tail_error0(self) -> float:
        return 5e-13

    def _steepness0(self) -> float:
        return min(self.df, 1400.0)

    def _cdf0(self, z: FloatArray) -> FloatArray:
        ratio = np.abs(z) / math.sqrt(self.df)
        square = np.minimum(ratio, _FAR) ** 2
        low = student_tail(self.df, square)
        far = ratio > _FAR
        if far.any():
            low[far] = np.exp(self._log_far(z[far]))
        return np.asarray(np.where(z <= 0, low, 1.0 - low))

    def _log_far(self, z: FloatArray) -> FloatArray:
        """log of the tail probability far out, where z^2 overflows or the tail underflows."""
        logr = np.log(np.abs(z)) - 0.5 * math.log(self.df)
        logxc = -np.log1p(np.exp(-2.0 * logr))
        return log_betainc(0.5 * self.df, 0.5, logxc - 2.0 * logr, logxc) - math.log(2.0)

    def _logcdf0(self, z: FloatArray) -> FloatArray:
        low = np.log(self._cdf0(-np.abs(z)))
        deep = low < -690.0
        if deep.any():
            low[deep] = self._log_far(z[deep])
        return np.where(z <= 0, low, np.log1p(-np.exp(low)))

    def _logpdf0(self, z: FloatArray) -> FloatArray:
        norm = -log_beta(0.5 * self.df, 0.5) - 0.5 * math.log(self.df)
        r = np.abs(z) / math.sqrt(self.df)
        # log sqrt(1 + r^2), to full accuracy near r = 0 and without overflow
        root = np.where(r > _FAR, np.log(r), 0.5 * np.log1p(np.minimum(r, _FAR) ** 2))
        return np.asarray(norm - (self.df + 1.0) * root)

    def _ppf0(self, p: FloatArray) -> FloatArray:
        start = np.asarray(special.stdtrit(self.df, p))
        # One Newton step on the logarithm mends what that leaves.
        cdf = self._cdf0(start)
        step = np.log(cdf / p) * np.exp(np.log(cdf) - self._logpdf0(start))
        out = start - step
        # Far out it may fail.
        lost = ~((np.abs(start) < _FAR) & (np.abs(step) <= _MENDED * np.abs(start)))
        if lost.any():
            out[lost] = self._ilogcdf0(np.log(p[lost]))
        return np.asarray(out)

    def _ilogcdf0(self, logp: FloatArray) -> FloatArray:
        half = 0.5 * self.df
        # Far out the tail is a power of z; exact where the next term of the series is below 1e-20.
        power = -(logp + math.log(2.0 * half) + log_beta(half, 0.5)) / self.df
        out = -math.sqrt(self.df) * np.exp(power)
        near = power < 24.0
        if near.any():
            standard = dataclasses.replace(self, loc=0.0, scale=1.0)
            out[near] = Distribution._ilogcdf(standard, logp[near])
        return np.asarray(out)

    def _rvs(self, shape: tuple[int, ...], rng: np.random.Generator) -> FloatArray:
        return np.asarray(self._x(rng.standard_t(self.df, shape)))

    def _mean_std0(self) -> tuple[float, float]:
        mean = 0.0 if self.df > 1 else math.nan
        if self.df > 2:
            return mean, math.sqrt(self.df / (self.df - 2.0))
        return mean, math.inf if self.df > 1 else math.nan


class _Interval(Distribution):
    """A symmetric law on [low, high]."""

    low: float
    high: float

    def __post_init__(self) -> None:
        low, high = real_scalar(self.low, "low"), real_scalar(self.high, "high")
        if not low < high:
            raise ValueError(f"low must be below high, got low={low}, high={high}.")
        object.__setattr__(self, "low", low)
        object.__setattr__(self, "high", high)

    def _support(self) -> tuple[float, float]:
        return self.low, self.high

    def _symmetry(self) -> float | None:
        return 0.5 * (self.low + self.high)

    def _recipe(self) -> dict[str, Any] | None:
        return {"law": type(self).__name__, "low": self.low.hex(), "high": self.high.hex()}

    def _error(self) -> float:
        return 1e-15

    def _tail_error(self) -> float:
        return 1e-15

    def _mean(self) -> float:
        return 0.5 * (self.low + self.high)


@final
@dataclasses.dataclass(frozen=True)
class Uniform(_Interval):
    """The uniform law on [low, high]; the prior of many GANs is `Uniform()` on [-1, 1].

    Examples
    --------
    >>> import otmaps
    >>> law = otmaps.Uniform(-1.0, 1.0)
    >>> law.support(), law.cdf(0.5), law.ppf(0.25)
    ((-1.0, 1.0), 0.75, -0.5)
    """

    low: float = -1.0
    high: float = 1.0

    @property
    def width(self) -> float:
        """The length of the support."""
        return self.high - self.low

    def _cdf(self, x: FloatArray) -> FloatArray:
        return (x - self.low) / self.width

    def _sf(self, x: FloatArray) -> FloatArray:
        return (self.high - x) / self.width

    def _pdf(self, x: FloatArray) -> FloatArray:
        return np.full_like(x, 1.0 / self.width)

    def _rvs(self, shape: tuple[int, ...], rng: np.random.Generator) -> FloatArray:
        u = open_uniform(shape, rng)
        u *= self.width
        u += self.low
        return u

    def _ppf(self, p: FloatArray) -> FloatArray:
        return self.low + self.width * p

    def _isf(self, q: FloatArray) -> FloatArray:
        return self.high - self.width * q

    def _ilogcdf(self, logp: FloatArray) -> FloatArray:
        return self._ppf(np.exp(logp))

    def _ilogsf(self, logq: FloatArray) -> FloatArray:
        return self._isf(np.exp(logq))

    def _std(self) -> float:
        return self.width / math.sqrt(12.0)

    def _affine(self, scale: float, shift: float) -> Distribution:
        ends = sorted((scale * self.low + shift, scale * self.high + shift))
        return Uniform(*ends)


@final
@dataclasses.dataclass(frozen=True)
class Arcsine(_Interval):
    """The law of cos(U) stretched to [low, high]: density infinite at both ends.

    Examples
    --------
    >>> import otmaps
    >>> law = otmaps.Arcsine()
    >>> law.support(), round(law.cdf(0.5), 6)
    ((-1.0, 1.0), 0.666667)
    """

    low: float = -1.0
    high: float = 1.0

    def _angle(self, part: FloatArray, rest: FloatArray) -> FloatArray:
        return 2.0 / math.pi * np.arctan2(np.sqrt(part), np.sqrt(rest))

    def _cdf(self, x: FloatArray) -> FloatArray:
        return self._angle(x - self.low, self.high - x)

    def _sf(self, x: FloatArray) -> FloatArray:
        return self._angle(self.high - x, x - self.low)

    def _pdf(self, x: FloatArray) -> FloatArray:
        return 1.0 / (math.pi * np.sqrt(x - self.low) * np.sqrt(self.high - x))

    def _rise(self, p: FloatArray) -> FloatArray:
        return (self.high - self.low) * np.sin(0.5 * math.pi * p) ** 2

    def _ppf(self, p: FloatArray) -> FloatArray:
        return self.low + self._rise(p)

    def _isf(self, q: FloatArray) -> FloatArray:
        return self.high - self._rise(q)

    def _ilogcdf(self, logp: FloatArray) -> FloatArray:
        return self._ppf(np.exp(logp))

    def _ilogsf(self, logq: FloatArray) -> FloatArray:
        return self._isf(np.exp(logq))

    def _std(self) -> float:
        return (self.high - self.low) / math.sqrt(8.0)

    def _affine(self, scale: float, shift: float) -> Distribution:
        ends = sorted((scale * self.low + shift, scale * self.high + shift))
        return Arcsine(*ends)
