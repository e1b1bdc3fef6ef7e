"""Closed-form laws that are skewed or live on a half line or an interval."""

from __future__ import annotations

import dataclasses
import math
from typing import final

import numpy as np
from scipy import special

from otmaps._arrays import FloatArray
from otmaps._distribution import Distribution
from otmaps._location_scale import LocationScale
from otmaps._priors import Normal
from otmaps._special import log_beta, log_betainc, log_gamma_lead, upper_gamma_fraction


class _HalfLine(LocationScale):
    """A standard law on [0, inf)."""

    def _support0(self) -> tuple[float, float]:
        return 0.0, math.inf


@final
@dataclasses.dataclass(frozen=True)
class Exponential(_HalfLine):
    """The law with survival function exp(-z) on z >= 0.

    Examples
    --------
    >>> import otmaps
    >>> law = otmaps.Exponential(scale=2.0)
    >>> law.mean(), law.logsf(4000.0)
    (2.0, -2000.0)
    """

    loc: float = 0.0
    scale: float = 1.0

    def _tail_error0(self) -> float:
        return 1e-15

    def _steepness0(self) -> float:
        return 700.0

    def _cdf0(self, z: FloatArray) -> FloatArray:
        return -np.expm1(-z)

    def _sf0(self, z: FloatArray) -> FloatArray:
        return np.exp(-z)

    def _logcdf0(self, z: FloatArray) -> FloatArray:
        return np.where(z < 0.7, np.log(-np.expm1(-z)), np.log1p(-np.exp(-z)))

    def _logsf0(self, z: FloatArray) -> FloatArray:
        return -z

    def _logpdf0(self, z: FloatArray) -> FloatArray:
        return -z

    def _ppf0(self, p: FloatArray) -> FloatArray:
        return -np.log1p(-p)

    def _isf0(self, q: FloatArray) -> FloatArray:
        return -np.log(q)

    def _ilogcdf0(self, logp: FloatArray) -> FloatArray:
        return np.exp(logp)  # only asked below exp(-700), where cdf(z) = z

    def _ilogsf0(self, logq: FloatArray) -> FloatArray:
        return -logq

    def _mean_std0(self) -> tuple[float, float]:
        return 1.0, 1.0


@final
@dataclasses.dataclass(frozen=True)
class Gumbel(LocationScale):
    """The law with cdf exp(-exp(-z)), the limit law of maxima.

    Examples
    --------
    >>> import otmaps
    >>> law = otmaps.Gumbel()
    >>> round(law.median(), 6)
    0.366513
    """

    loc: float = 0.0
    scale: float = 1.0

    def _tail_error0(self) -> float:
        return 2e-13

    def _steepness0(self) -> float:
        return 5000.0

    def _cdf0(self, z: FloatArray) -> FloatArray:
        return np.exp(-np.exp(-z))

    def _sf0(self, z: FloatArray) -> FloatArray:
        return -np.expm1(-np.exp(-z))

    def _logcdf0(self, z: FloatArray) -> FloatArray:
        return -np.exp(-z)

    def _logsf0(self, z: FloatArray) -> FloatArray:
        # For z > 30 the sf is exp(-z) (1 - exp(-z) / 2), which outlives the underflow of exp.
        return np.where(z > 30.0, -z + np.log1p(-0.5 * np.exp(-z)), np.log(self._sf0(z)))

    def _logpdf0(self, z: FloatArray) -> FloatArray:
        return -z - np.exp(-z)

    def _ppf0(self, p: FloatArray) -> FloatArray:
        return -np.log(-np.log(p))

    def _isf0(self, q: FloatArray) -> FloatArray:
        return -np.log(-np.log1p(-q))

    def _ilogcdf0(self, logp: FloatArray) -> FloatArray:
        return -np.log(-logp)

    def _ilogsf0(self, logq: FloatArray) -> FloatArray:
        return -logq

    def _mean_std0(self) -> tuple[float, float]:
        return float(np.euler_gamma), math.pi / math.sqrt(6.0)


@final
@dataclasses.dataclass(frozen=True)
class Gamma(_HalfLine):
    """The gamma law with density z^(shape - 1) exp(-z) / Gamma(shape); singular below shape 1.

    Examples
    --------
    >>> import otmaps
    >>> law = otmaps.Gamma(2.0)
    >>> law.mean(), round(law.sf(1.0), 6)
    (2.0, 0.735759)
    """

    shape: float
    loc: float = 0.0
    scale: float = 1.0

    def __post_init__(self) -> None:
        self._checked(shape=True, scale=True)

    def _tail_error0(self) -> float:
        return 5e-13 if self.shape <= 100.0 else 1e-12

    def _steepness0(self) -> float:
        return 1000.0 + self.shape + 40.0 * math.sqrt(self.shape)

    # scipy's functions lose digits of the leading factor where large terms cancel in it.
    def _error(self) -> float:
        return 1e-14  # the incomplete gamma functions; largest found: 4.3e-15

    def _cdf0(self, z: FloatArray) -> FloatArray:
        out = np.asarray(special.gammainc(self.shape, z))
        if self.shape > 20.0:
            far = z < 0.6 * self.shape
            out[far] = np.exp(self._log_lower(z[far]))
        return out

    def _sf0(self, z: FloatArray) -> FloatArray:
        out = np.asarray(special.gammaincc(self.shape, z))
        if self.shape > 20.0:
            far = z > 1.4 * self.shape
            out[far] = np.exp(self._log_upper(z[far]))
        return out

    def _log_lower(self, z: FloatArray) -> FloatArray:
        """log cdf by a series of positive terms (DLMF 8.7.1)."""
        series = np.log(special.hyp1f1(1.0, self.shape + 1.0, z))
        return np.asarray(log_gamma_lead(self.shape, z) + series)

    def _log_upper(self, z: FloatArray) -> FloatArray:
        fraction = self.shape / z * upper_gamma_fraction(self.shape, z)
        return np.asarray(log_gamma_lead(self.shape, z) + np.log(fraction))

    def _logcdf0(self, z: FloatArray) -> FloatArray:
        out = np.log(self._cdf0(z))
        upper = out > -0.5
        out[upper] = np.log1p(-self._sf0(z[upper]))
        deep = out < -690.0
        if deep.any():
            out[deep] = self._log_lower(z[deep])
        return out

    def _logsf0(self, z: FloatArray) -> FloatArray:
        out = np.log(self._sf0(z))
        lower = out > -0.5
        out[lower] = np.log1p(-self._cdf0(z[lower]))
        deep = out < -690.0
        if deep.any():  # its continued fraction has many terms
            out[deep] = self._log_upper(z[deep])
        return out

    def _logpdf0(self, z: FloatArray) -> FloatArray:
        if self.shape < 10.0:
            power = special.xlogy(self.shape - 1.0, z)
            return np.asarray(power - z - special.gammaln(self.shape))
        lead = log_gamma_lead(self.shape, np.maximum(z, 5e-324))
        return np.where(z > 0, lead + math.log(self.shape) - np.log(z), -math.inf)

    def _ppf0(self, p: FloatArray) -> FloatArray:
        z = np.asarray(special.gammaincinv(self.shape, p))
        return self._mended(z, np.log(self._cdf0(z) / p) * self._cdf0(z))

    def _isf0(self, q: FloatArray) -> FloatArray:
        z = np.asarray(special.gammainccinv(self.shape, q))
        return self._mended(z, np.log(q / self._sf0(z)) * self._sf0(z))

    def _mended(self, z: FloatArray, gap: FloatArray) -> FloatArray:
        """One Newton step, for the digits that the inverse functions leave."""
        step = gap / np.exp(self._logpdf0(z))
        return np.asarray(z - np.where(np.abs(step) < 1e-3 * z, step, 0.0))

    def _ilogcdf0(self, logp: FloatArray) -> FloatArray:
        # Below exp(-700) with small shape the point itself may underflow; the limit form does not.
        limit = (logp + special.gammaln(self.shape + 1.0)) / self.shape
        exact = Distribution._ilogcdf(Gamma(self.shape), logp)
        return np.where(limit < -40.0, np.exp(limit), exact)

    def _ilogsf0(self, logq: FloatArray) -> FloatArray:
        return Distribution._ilogsf(Gamma(self.shape), logq)

    def _rvs(self, shape: tuple[int, ...], rng: np.random.Generator) -> FloatArray:
        return np.asarray(self._x(rng.standard_gamma(self.shape, shape)))

    def _mean_std0(self) -> tuple[float, float]:
        return self.shape, math.sqrt(self.shape)


@final
@dataclasses.dataclass(frozen=True)
class Beta(LocationScale):
    """The beta law on [loc, loc + scale]; singular at an end whose parameter is below 1.

    Examples
    --------
    >>> import otmaps
    >>> law = otmaps.Beta(2.0, 3.0)
    >>> law.mean(), round(law.cdf(0.5), 6)
    (0.4, 0.6875)
    """

    a: float
    b: float
    loc: float = 0.0
    scale: float = 1.0

    def __post_init__(self) -> None:
        self._checked(a=True, b=True, scale=True)

    def _support0(self) -> tuple[float, float]:
        return 0.0, 1.0

    def _centre0(self) -> float | None:
        return 0.5 if self.a == self.b else None

    def _tail_error0(self) -> float:
        return 5e-13 + 1e-16 * (self.a + self.b)

    def _steepness0(self) -> float:
        return 1400.0 + self.a + self.b

    def _error(self) -> float:
        return 3e-15  # the incomplete beta functions; largest found: 9.3e-16

    def _tails(self, z: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Both, the larger as the complement of the smaller: betainc itself is off near 1.

        betaincc takes z itself, since 1 - z is rounded; for tiny z it is 1 too soon.
        """
        lower = self._tail(self.a, self.b, z, special.betainc(self.a, self.b, z))
        upper = self._tail(self.b, self.a, 1.0 - z, special.betaincc(self.a, self.b, z))
        small = lower < 0.5
        return np.where(small, lower, 1.0 - upper), np.where(small, 1.0 - lower, upper)

    def _cdf0(self, z: FloatArray) -> FloatArray:
        return self._tails(z)[0]

    def _sf0(self, z: FloatArray) -> FloatArray:
        return self._tails(z)[1]

    @staticmethod
    def _tail(a: float, b: float, z: FloatArray, value: FloatArray) -> FloatArray:
        """I_z(a, b) from what scipy says, which loses digits where z or its powers underflow."""
        out = np.array(value)
        deep = ((out < 1e-280) | (z < 1e-300)) & (z < 0.5)
        if deep.any():
            out[deep] = np.exp(log_betainc(a, b, np.log(z[deep]), np.log1p(-z[deep])))
        return out

    def _logcdf0(self, z: FloatArray) -> FloatArray:
        return self._log_tail(self.a, self.b, z, *self._tails(z))

    def _logsf0(self, z: FloatArray) -> FloatArray:
        return self._log_tail(self.b, self.a, 1.0 - z, *self._tails(z)[::-1])

    @staticmethod
    def _log_tail(
        a: float, b: float, z: FloatArray, value: FloatArray, other: FloatArray
    ) -> FloatArray:
        out = np.where(value < 0.5, np.log(value), np.log1p(-other))
        deep = out < -690.0
        if deep.any():
            out[deep] = log_betainc(a, b, np.log(z[deep]), np.log1p(-z[deep]))
        return out

    def _logpdf0(self, z: FloatArray) -> FloatArray:
        powers = special.xlogy(self.a - 1.0, z) + special.xlog1py(self.b - 1.0, -z)
        return np.asarray(powers - log_beta(self.a, self.b))

    def _ppf0(self, p: FloatArray) -> FloatArray:
        return self._inverse(self.a, self.b, p)

    def _isf0(self, q: FloatArray) -> FloatArray:
        return 1.0 - self._inverse(self.b, self.a, q)

    def _ilogcdf0(self, logp: FloatArray) -> FloatArray:
        return self._deep_inverse(self.a, self.b, logp)

    def _ilogsf0(self, logq: FloatArray) -> FloatArray:
        return 1.0 - self._deep_inverse(self.b, self.a, logq)

    @staticmethod
    def _inverse(a: float, b: float, p: FloatArray) -> FloatArray:
        """The inverse beta function, with a Newton step on the logarithm for its last digits.

        scipy's gives up from tails of 1e-154 on, and has few digits at the smallest doubles.
        """
        x = np.asarray(special.betaincinv(a, b, p))
        cdf = special.betainc(a, b, x)
        step = np.log(cdf / p) * cdf / np.exp(Beta(a, b)._logpdf0(x))
        limit = np.exp((np.log(p) + math.log(a) + log_beta(a, b)) / a)  # x^a / (a B(a, b)) = p
        power = limit < 1e-17 / (1.0 + b)
        close = np.abs(step) < 1e-3 * x
        out = np.where(power, limit, x - np.where(close, step, 0.0))
        lost = ~power & (p < 1e-10) & (~close | (p < 1e-290))
        if lost.any():
            out[lost] = Distribution._ilogcdf(Beta(a, b), np.log(p[lost]))
        return out

    @staticmethod
    def _deep_inverse(a: float, b: float, logp: FloatArray) -> FloatArray:
        limit = (logp + math.log(a) + log_beta(a, b)) / a
        exact = Distribution._ilogcdf(Beta(a, b), logp)
        return np.where(limit < -40.0 - math.log1p(b), np.exp(limit), exact)

    def _affine(self, scale: float, shift: float) -> Distribution:
        low = scale * (self.loc + self.scale) + shift
        if scale > 0 or low != 0.0:
            return super()._affine(scale, shift)
        # Mirrored with its high end moved to 0: there the float grid is fine.
        return Beta(self.b, self.a, 0.0, -scale * self.scale)

    def _rvs(self, shape: tuple[int, ...], rng: np.random.Generator) -> FloatArray:
        return np.asarray(self._x(rng.beta(self.a, self.b, shape)))

    def _mean_std0(self) -> tuple[float, float]:
        total = self.a + self.b
        variance = self.a * self.b / (total * total * (total + 1.0))
        return self.a / total, math.sqrt(variance)


@final
@dataclasses.dataclass(frozen=True)
class LogNormal(_HalfLine):
    """The law of scale * exp(s N) + loc with N standard normal.

    Examples
    --------
    >>> import otmaps
    >>> law = otmaps.LogNormal(0.5)
    >>> law.median(), round(law.mean(), 6)
    (1.0, 1.133148)
    """

    s: float = 1.0
    loc: float = 0.0
    scale: float = 1.0

    def __post_init__(self) -> None:
        self._checked(s=True, scale=True)

    @property
    def _normal(self) -> Normal:
        return Normal(0.0, self.s)

    def _tail_error0(self) -> float:
        return 4e-13

    def _steepness0(self) -> float:
        return 40.0 / self.s

    def _cdf0(self, z: FloatArray) -> FloatArray:
        return np.asarray(self._normal.cdf(np.log(z)))

    def _sf0(self, z: FloatArray) -> FloatArray:
        return np.asarray(self._normal.sf(np.log(z)))

    def _logcdf0(self, z: FloatArray) -> FloatArray:
        return np.asarray(self._normal.logcdf(np.log(z)))

    def _logsf0(self, z: FloatArray) -> FloatArray:
        return np.asarray(self._normal.logsf(np.log(z)))

    def _logpdf0(self, z: FloatArray) -> FloatArray:
        logz = np.log(z)
        return np.where(z > 0, np.asarray(self._normal.logpdf(logz)) - logz, -math.inf)

    def _ppf0(self, p: FloatArray) -> FloatArray:
        return np.asarray(np.exp(self._normal.ppf(p)))

    def _isf0(self, q: FloatArray) -> FloatArray:
        return np.asarray(np.exp(self._normal.isf(q)))

    def _ilogcdf0(self, logp: FloatArray) -> FloatArray:
        return np.asarray(np.exp(self._normal.ilogcdf(logp)))

    def _ilogsf0(self, logq: FloatArray) -> FloatArray:
        return np.asarray(np.exp(self._normal.ilogsf(logq)))

    def _mean_std0(self) -> tuple[float, float]:
        square = self.s * self.s
        return math.exp(0.5 * square), math.exp(0.5 * square) * math.sqrt(math.expm1(square))
