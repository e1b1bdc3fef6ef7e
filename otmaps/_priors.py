"""Light closed-form laws: NumPy and scipy.special only, relative accuracy into both tails.

Every family is a frozen dataclass with ``loc`` and ``scale`` (`Uniform` and `Arcsine`: ``low`` and
``high``); its formulas act on the standard variable z = (x - loc) / scale.
"""

from __future__ import annotations

import abc
import dataclasses
import math
from typing import Any, final

import numpy as np
from scipy import special

from otmaps._arrays import FloatArray, real_scalar
from otmaps._distribution import Distribution

_SQRT2 = math.sqrt(2.0)
_SQRT_2PI = math.sqrt(2.0 * math.pi)
_LOG_SQRT_2PI = 0.5 * math.log(2.0 * math.pi)


class _LocationScale(Distribution):
    """A family closed under x -> a x + b with a > 0; the hooks of the standard law end in 0."""

    loc: float
    scale: float

    def _checked(self, **positive: bool) -> None:
        """Replace each field by a checked float (frozen dataclasses allow it here alone)."""
        for field in dataclasses.fields(self):  # type: ignore[arg-type]
            value = real_scalar(
                getattr(self, field.name), field.name, positive=positive.get(field.name, False)
            )
            object.__setattr__(self, field.name, value)

    def __post_init__(self) -> None:
        self._checked(scale=True)

    @abc.abstractmethod
    def _cdf0(self, z: FloatArray) -> FloatArray: ...

    @abc.abstractmethod
    def _sf0(self, z: FloatArray) -> FloatArray: ...

    @abc.abstractmethod
    def _logpdf0(self, z: FloatArray) -> FloatArray: ...

    @abc.abstractmethod
    def _logcdf0(self, z: FloatArray) -> FloatArray: ...

    @abc.abstractmethod
    def _logsf0(self, z: FloatArray) -> FloatArray: ...

    @abc.abstractmethod
    def _ppf0(self, p: FloatArray) -> FloatArray: ...

    @abc.abstractmethod
    def _isf0(self, q: FloatArray) -> FloatArray: ...

    @abc.abstractmethod
    def _ilogcdf0(self, logp: FloatArray) -> FloatArray: ...

    @abc.abstractmethod
    def _ilogsf0(self, logq: FloatArray) -> FloatArray: ...

    @abc.abstractmethod
    def _mean_std0(self) -> tuple[float, float]: ...

    def _support0(self) -> tuple[float, float]:
        return -math.inf, math.inf

    def _kinks0(self) -> tuple[float, ...]:
        """Kinks inside the support of the standard law."""
        return ()

    def _centre0(self) -> float | None:
        return None

    def _z(self, x: FloatArray) -> FloatArray:
        return (x - self.loc) / self.scale

    def _x(self, z: Any) -> Any:
        return self.loc + self.scale * z

    def _support(self) -> tuple[float, float]:
        low, high = self._support0()
        return self._x(low), self._x(high)

    def _breakpoints(self) -> tuple[float, ...]:
        points = {e for e in self._support0() if math.isfinite(e)} | set(self._kinks0())
        return tuple(sorted(self._x(p) for p in points))

    def _symmetry(self) -> float | None:
        centre = self._centre0()
        return None if centre is None else float(self._x(centre))

    def _recipe(self) -> dict[str, Any] | None:
        fields = dataclasses.fields(self)  # type: ignore[arg-type]
        return {"law": type(self).__name__} | {f.name: getattr(self, f.name).hex() for f in fields}

    def _cdf(self, x: FloatArray) -> FloatArray:
        return self._cdf0(self._z(x))

    def _sf(self, x: FloatArray) -> FloatArray:
        return self._sf0(self._z(x))

    def _logcdf(self, x: FloatArray) -> FloatArray:
        return self._logcdf0(self._z(x))

    def _logsf(self, x: FloatArray) -> FloatArray:
        return self._logsf0(self._z(x))

    def _pdf(self, x: FloatArray) -> FloatArray:
        return np.exp(self._logpdf0(self._z(x))) / self.scale

    def _logpdf(self, x: FloatArray) -> FloatArray:
        return self._logpdf0(self._z(x)) - math.log(self.scale)

    def _ppf(self, p: FloatArray) -> FloatArray:
        return np.asarray(self._x(self._ppf0(p)))

    def _isf(self, q: FloatArray) -> FloatArray:
        return np.asarray(self._x(self._isf0(q)))

    def _ilogcdf(self, logp: FloatArray) -> FloatArray:
        return np.asarray(self._x(self._ilogcdf0(logp)))

    def _ilogsf(self, logq: FloatArray) -> FloatArray:
        return np.asarray(self._x(self._ilogsf0(logq)))

    def _mean(self) -> float:
        return float(self._x(self._mean_std0()[0]))

    def _std(self) -> float:
        return self.scale * self._mean_std0()[1]

    def _affine(self, scale: float, shift: float) -> Distribution:
        if scale < 0 and self._centre0() != 0.0:
            return super()._affine(scale, shift)
        return dataclasses.replace(  # type: ignore[type-var]
            self, loc=scale * self.loc + shift, scale=abs(scale) * self.scale
        )


class _Symmetric(_LocationScale):
    """A standard law symmetric about 0: its upper tail is its lower tail mirrored."""

    def _centre0(self) -> float | None:
        return 0.0

    def _sf0(self, z: FloatArray) -> FloatArray:
        return self._cdf0(-z)

    def _logsf0(self, z: FloatArray) -> FloatArray:
        return self._logcdf0(-z)

    def _isf0(self, q: FloatArray) -> FloatArray:
        return -self._ppf0(q)

    def _ilogsf0(self, logq: FloatArray) -> FloatArray:
        return -self._ilogcdf0(logq)


def _log_upper(cdf_of_mirror: FloatArray, lower_log: FloatArray, z: FloatArray) -> FloatArray:
    """log cdf of a symmetric law: from the lower tail for z <= 0, by log1p of the upper above."""
    return np.where(z <= 0, lower_log, np.log1p(-cdf_of_mirror))


@final
@dataclasses.dataclass(frozen=True)
class Normal(_Symmetric):
    """The normal law with mean ``loc`` and standard deviation ``scale``."""

    loc: float = 0.0
    scale: float = 1.0

    def _half_square(self, z: FloatArray) -> tuple[FloatArray, FloatArray]:
        """z^2 / 2 as an exact leading part and a remainder.

        The square of a 26-bit head is exact, so exp loses nothing for large z, where the
        rounding of z^2 would cost hundreds of ulp.
        """
        head = np.round(z * 2.0**16) * 2.0**-16
        return 0.5 * head * head, 0.5 * (z - head) * (z + head)

    def _cdf0(self, z: FloatArray) -> FloatArray:
        tail = np.minimum(z, 0.0)
        lead, rest = self._half_square(tail)
        low = 0.5 * special.erfcx(-tail / _SQRT2) * np.exp(-lead) * np.exp(-rest)
        return np.where(z <= 0, low, 0.5 + 0.5 * special.erf(z / _SQRT2))

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
        return np.asarray(special.ndtri_exp(logp))

    def _mean_std0(self) -> tuple[float, float]:
        return 0.0, 1.0

    def _rvs(self, shape: tuple[int, ...], rng: np.random.Generator) -> FloatArray:
        return np.asarray(self._x(rng.standard_normal(shape)))


@final
@dataclasses.dataclass(frozen=True)
class Cauchy(_Symmetric):
    """The Cauchy law with median ``loc`` and half width at half maximum ``scale``; no moments."""

    loc: float = 0.0
    scale: float = 1.0

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
class Laplace(_Symmetric):
    """The double-exponential law with density exp(-|z|) / 2."""

    loc: float = 0.0
    scale: float = 1.0

    def _kinks0(self) -> tuple[float, ...]:
        return (0.0,)

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
class Logistic(_Symmetric):
    """The law with cdf 1 / (1 + exp(-z))."""

    loc: float = 0.0
    scale: float = 1.0

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
class StudentT(_Symmetric):
    """Student's t law with ``df`` degrees of freedom (any positive number)."""

    df: float
    loc: float = 0.0
    scale: float = 1.0

    def __post_init__(self) -> None:
        self._checked(df=True, scale=True)

    def _cdf0(self, z: FloatArray) -> FloatArray:
        half = 0.5 * self.df
        ratio = z / math.sqrt(self.df)
        square = ratio * ratio
        # The incomplete beta function of the smaller of x and 1 - x: the other one is rounded.
        outer = 0.5 * special.betainc(half, 0.5, 1.0 / (1.0 + square))
        inner = 0.5 * special.betaincc(0.5, half, square / (1.0 + square))
        low = np.where(square > 1.0, outer, inner)
        return np.where(z <= 0, low, 1.0 - low)

    def _logcdf0(self, z: FloatArray) -> FloatArray:
        low = np.log(self._cdf0(-np.abs(z)))
        deep = low < -690.0
        if deep.any():
            r = np.abs(z[deep]) / math.sqrt(self.df)
            logx = -np.where(r > 1e150, 2.0 * np.log(r), np.log1p(np.minimum(r, 1e151) ** 2))
            logxc = -np.log1p(np.minimum(r, 1e151) ** -2.0)
            low[deep] = _log_betainc(0.5 * self.df, 0.5, logx, logxc) - math.log(2.0)
        return np.where(z <= 0, low, np.log1p(-np.exp(low)))

    def _logpdf0(self, z: FloatArray) -> FloatArray:
        half = 0.5 * self.df
        norm = -special.betaln(half, 0.5) - 0.5 * math.log(self.df)
        r = np.abs(z) / math.sqrt(self.df)
        return np.asarray(norm - (2.0 * half + 1.0) * np.log(np.hypot(1.0, r)))

    def _ppf0(self, p: FloatArray) -> FloatArray:
        half = 0.5 * self.df
        x = special.betaincinv(half, 0.5, 2.0 * p)
        xc = special.betainccinv(0.5, half, 2.0 * p)
        start = -np.sqrt(self.df) * np.where(
            x < 0.5, np.sqrt((1.0 - x) / x), np.sqrt(xc / (1.0 - xc))
        )
        bad = ~(np.isfinite(start) & (self._cdf0(start) > 0))
        # One Newton step on the logarithm mends what the inverse beta function leaves.
        cdf = self._cdf0(start)
        out = start - np.log(cdf / p) * np.exp(np.log(cdf) - self._logpdf0(start))
        if bad.any():
            out[bad] = self._ilogcdf0(np.log(p[bad]))
        return out

    def _ilogcdf0(self, logp: FloatArray) -> FloatArray:
        return Distribution._ilogcdf(dataclasses.replace(self, loc=0.0, scale=1.0), logp)

    def _mean_std0(self) -> tuple[float, float]:
        mean = 0.0 if self.df > 1 else math.nan
        if self.df > 2:
            return mean, math.sqrt(self.df / (self.df - 2.0))
        return mean, math.inf if self.df > 1 else math.nan


def _log_betainc(a: float, b: float, logx: FloatArray, logxc: FloatArray) -> FloatArray:
    """log of the regularised incomplete beta function for small x: a series of positive terms.

    I_x(a, b) = x^a (1 - x)^b / (a B(a, b)) 2F1(a + b, 1; a + 1; x)   (DLMF 8.17.8).
    """
    series = special.hyp2f1(a + b, 1.0, a + 1.0, np.exp(logx))
    return np.asarray(a * logx + b * logxc - math.log(a) - special.betaln(a, b) + np.log(series))


@final
@dataclasses.dataclass(frozen=True)
class Uniform(Distribution):
    """The uniform law on [low, high]; the prior of many GANs is `Uniform()` on [-1, 1]."""

    low: float = -1.0
    high: float = 1.0

    def __post_init__(self) -> None:
        low, high = real_scalar(self.low, "low"), real_scalar(self.high, "high")
        if not low < high:
            raise ValueError(f"low must be below high, got low={low}, high={high}.")
        object.__setattr__(self, "low", low)
        object.__setattr__(self, "high", high)

    @property
    def width(self) -> float:
        """The length of the support."""
        return self.high - self.low

    def _support(self) -> tuple[float, float]:
        return self.low, self.high

    def _symmetry(self) -> float | None:
        return 0.5 * (self.low + self.high)

    def _recipe(self) -> dict[str, Any] | None:
        return {"law": "Uniform", "low": self.low.hex(), "high": self.high.hex()}

    def _cdf(self, x: FloatArray) -> FloatArray:
        return (x - self.low) / self.width

    def _sf(self, x: FloatArray) -> FloatArray:
        return (self.high - x) / self.width

    def _pdf(self, x: FloatArray) -> FloatArray:
        return np.full_like(x, 1.0 / self.width)

    def _ppf(self, p: FloatArray) -> FloatArray:
        return self.low + self.width * p

    def _isf(self, q: FloatArray) -> FloatArray:
        return self.high - self.width * q

    def _ilogcdf(self, logp: FloatArray) -> FloatArray:
        return self._ppf(np.exp(logp))

    def _ilogsf(self, logq: FloatArray) -> FloatArray:
        return self._isf(np.exp(logq))

    def _mean(self) -> float:
        return 0.5 * (self.low + self.high)

    def _std(self) -> float:
        return self.width / math.sqrt(12.0)

    def _affine(self, scale: float, shift: float) -> Distribution:
        ends = sorted((scale * self.low + shift, scale * self.high + shift))
        return Uniform(*ends)
