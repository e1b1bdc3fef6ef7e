"""The abstract law: one vocabulary for priors, for outputs of operations and for users' own laws.

A new law states ``_cdf``, ``_sf`` and ``_pdf`` on points strictly inside its support, and its
``_support``. Everything else has a default that works from these; a law that knows better replaces
the hook (a name with a leading underscore). The public methods are final: they check the input,
handle shapes, NaN, infinities and the ends of the support, and choose the nearer tail, so that
a hook sees plain 1-D float64 points inside the support and never a probability above one half.
"""

from __future__ import annotations

import abc
import dataclasses
import math
from collections.abc import Callable
from typing import Any, TypeAlias, final

import numpy as np

from otmaps._arrays import FloatArray, real_array, real_scalar
from otmaps._inversion import invert_monotone
from otmaps._moments import quantile_moment
from otmaps._notebook import law_html

RandomState: TypeAlias = np.random.Generator | int | None
Size: TypeAlias = int | tuple[int, ...] | None
Hook: TypeAlias = Callable[[FloatArray], FloatArray]

_LOG_HALF = math.log(0.5)
_LOG_NORMAL = -700.0  # below: the probability itself leaves the normal range of doubles


class Distribution(abc.ABC):
    """A law of one real random variable, with the vocabulary of a frozen scipy.stats law.

    All public methods take array_like of any shape and return a float64 array of that shape
    (a float for a scalar). NaN gives NaN; points outside the support give the limit.
    Probabilities outside [0, 1] give NaN.

    See Also
    --------
    otmaps.as_distribution : names, scipy.stats laws and samples as laws.
    otmaps.testing.DistributionTests : the conformance suite for a law of one's own.

    Examples
    --------
    >>> import otmaps
    >>> law = otmaps.Normal()
    >>> law.cdf(0.0), round(law.logsf(50.0), 3), round(law.isf(1e-300), 3)
    (0.5, -1254.831, 37.047)
    >>> law.rvs((2, 3), random_state=0).shape
    (2, 3)
    """

    # ---------------------------------------------------------------- hooks that a law must state
    @abc.abstractmethod
    def _cdf(self, x: FloatArray) -> FloatArray:
        """P(X <= x) inside the support, to relative accuracy in the lower tail."""

    @abc.abstractmethod
    def _sf(self, x: FloatArray) -> FloatArray:
        """P(X > x) inside the support, to relative accuracy in the upper tail."""

    @abc.abstractmethod
    def _pdf(self, x: FloatArray) -> FloatArray:
        """The density on the closed support; may be infinite at a singular point."""

    # ------------------------------------------------------------------- hooks that have defaults
    def _support(self) -> tuple[float, float]:
        return -math.inf, math.inf

    def _breakpoints(self) -> tuple[float, ...]:
        return tuple(e for e in self._support() if math.isfinite(e))

    def _atoms(self) -> tuple[tuple[float, float], ...]:
        return ()

    def _error(self) -> float:
        return 1e-14

    def _tail_error(self) -> float:
        return 1e-12

    def _symmetry(self) -> float | None:
        return None

    def _method(self) -> str:
        return "closed form"

    def _recipe(self) -> dict[str, Any] | None:
        return None

    def _logcdf(self, x: FloatArray) -> FloatArray:
        c, s = self._cdf(x), self._sf(x)
        return np.where(c < 0.5, np.log(c), np.log1p(-np.minimum(s, 0.75)))

    def _logsf(self, x: FloatArray) -> FloatArray:
        c, s = self._cdf(x), self._sf(x)
        return np.where(s < 0.5, np.log(s), np.log1p(-np.minimum(c, 0.75)))

    def _logpdf(self, x: FloatArray) -> FloatArray:
        return np.log(self._pdf(x))

    def _ppf(self, p: FloatArray) -> FloatArray:
        return self._ilogcdf(np.log(p))

    def _isf(self, q: FloatArray) -> FloatArray:
        return self._ilogsf(np.log(q))

    def _ilogcdf(self, logp: FloatArray) -> FloatArray:
        def slope(x: FloatArray) -> FloatArray:
            return np.exp(self._logpdf(x) - self._logcdf(x))

        return invert_monotone(self._logcdf, slope, logp, self._support(), increasing=True)

    def _ilogsf(self, logq: FloatArray) -> FloatArray:
        def slope(x: FloatArray) -> FloatArray:
            return -np.exp(self._logpdf(x) - self._logsf(x))

        return invert_monotone(self._logsf, slope, logq, self._support(), increasing=False)

    def _rvs(self, shape: tuple[int, ...], rng: np.random.Generator) -> FloatArray:
        return np.asarray(self.ppf(open_uniform(shape, rng)))

    def _mean(self) -> float:
        return quantile_moment(self.ilogcdf, self.ilogsf, lambda x: x)

    def _std(self) -> float:
        mean = self._mean()
        if not math.isfinite(mean):
            return math.nan
        return math.sqrt(quantile_moment(self.ilogcdf, self.ilogsf, lambda x: (x - mean) ** 2))

    def _affine(self, scale: float, shift: float) -> Distribution:
        return Affine(self, scale, shift)

    # ------------------------------------------------------------------------------ public, final
    @final
    def cdf(self, x: Any) -> Any:
        """P(X <= x); relative accuracy `tail_error` where it is below one half."""
        return self._on_support(x, self._cdf, below=0.0, at_low=self._mass_at_low(), above=1.0)

    @final
    def sf(self, x: Any) -> Any:
        """P(X > x), not computed as 1 - cdf; relative accuracy `tail_error` below one half."""
        return self._on_support(x, self._sf, below=1.0, at_low=1.0 - self._mass_at_low(), above=0.0)

    @final
    def logcdf(self, x: Any) -> Any:
        """Natural logarithm of `cdf`, right where `cdf` itself underflows."""
        with np.errstate(divide="ignore"):
            at_low = float(np.log(self._mass_at_low()))
        return self._on_support(x, self._logcdf, below=-math.inf, at_low=at_low, above=0.0)

    @final
    def logsf(self, x: Any) -> Any:
        """Natural logarithm of `sf`, right where `sf` itself underflows."""
        with np.errstate(divide="ignore"):
            at_low = float(np.log1p(-self._mass_at_low()))
        return self._on_support(x, self._logsf, below=0.0, at_low=at_low, above=-math.inf)

    @final
    def pdf(self, x: Any) -> Any:
        """The density of the continuous part; 0 outside the support."""
        return self._density(x, self._pdf, 0.0)

    @final
    def logpdf(self, x: Any) -> Any:
        """Natural logarithm of `pdf`; -inf outside the support."""
        return self._density(x, self._logpdf, -math.inf)

    @final
    def ppf(self, p: Any) -> Any:
        """The quantile inf{x : cdf(x) >= p}; the ends of the support at 0 and 1."""
        return self._quantile(p, self._ppf, self._isf, upper=False)

    @final
    def isf(self, q: Any) -> Any:
        """The point whose `sf` is ``q``; exact near 0 where ``ppf(1 - q)`` is not."""
        return self._quantile(q, self._ppf, self._isf, upper=True)

    @final
    def ilogcdf(self, logp: Any) -> Any:
        """The quantile of the probability exp(logp): for lower tails below 1e-308."""
        return self._log_quantile(logp, upper=False)

    @final
    def ilogsf(self, logq: Any) -> Any:
        """The point whose `logsf` is ``logq``: for upper tails below 1e-308."""
        return self._log_quantile(logq, upper=True)

    def _repr_html_(self) -> str:
        return law_html(self)

    @final
    def rvs(self, size: Size = None, random_state: RandomState = None) -> Any:
        """Independent draws.

        Parameters
        ----------
        size : int or tuple of int, optional
            The shape; None gives one float.
        random_state : numpy.random.Generator or int, optional
            The source of randomness, or a seed for a fresh one.
        """
        if isinstance(random_state, np.random.RandomState):
            raise TypeError(
                "random_state is a legacy RandomState; pass a numpy.random.Generator or a seed."
            )
        rng = np.random.default_rng(random_state)
        shape = () if size is None else (size,) if isinstance(size, int) else tuple(size)
        draws = self._rvs(shape, rng)
        return float(draws) if size is None else draws

    @final
    def mean(self) -> float:
        """The mean; NaN where it does not exist, infinite where it diverges to one side."""
        return self._mean()

    @final
    def std(self) -> float:
        """The standard deviation; NaN or infinite where it does not exist."""
        return self._std()

    @final
    def median(self) -> float:
        """The quantile at one half."""
        return float(self.ppf(0.5))

    @final
    def support(self) -> tuple[float, float]:
        """The ends of the smallest closed interval of probability one."""
        return self._support()

    @property
    def breakpoints(self) -> tuple[float, ...]:
        """Sorted points where the density has a kink, a jump or a pole, finite ends included."""
        return self._breakpoints()

    @property
    def atoms(self) -> tuple[tuple[float, float], ...]:
        """The point masses, as sorted pairs (location, probability)."""
        return self._atoms()

    @property
    def error(self) -> float:
        """A bound on the error of cdf and of sf everywhere, apart from the float grid of x."""
        return self._error()

    @property
    def tail_error(self) -> float:
        """A bound on the relative error of min(cdf, sf) down to 1e-300; infinite where unknown.

        Apart from the float grid of x: near a finite end of the support, where the tail is a power
        of the distance from that end, an ulp of the end itself may be all that is left.
        """
        return self._tail_error()

    @property
    def symmetry(self) -> float | None:
        """The centre of symmetry where the law is known to be symmetric, else None."""
        return self._symmetry()

    @property
    def method(self) -> str:
        """How the law was computed: "closed form", "convolution", "Monte Carlo ..." and so on."""
        return self._method()

    @final
    def affine(self, scale: float, shift: float = 0.0) -> Distribution:
        """The law of ``scale * X + shift``, exactly; ``scale`` may be negative, not zero."""
        scale, shift = real_scalar(scale, "scale"), real_scalar(shift, "shift")
        if scale == 0.0:
            raise ValueError("scale is 0: the result is the constant shift, which has no density.")
        return self if (scale, shift) == (1.0, 0.0) else self._affine(scale, shift)

    @final
    def recipe(self) -> dict[str, Any] | None:
        """What rebuilds the law, in JSON types with floats as hex; None where nothing does."""
        return self._recipe()

    # --------------------------------------------------------------------------- shared machinery
    def _mass_at_low(self) -> float:
        atoms = self._atoms()
        return atoms[0][1] if atoms and atoms[0][0] == self._support()[0] else 0.0

    def _on_support(
        self, x: Any, hook: Hook, *, below: float, at_low: float, above: float
    ) -> float | FloatArray:
        points = real_array(x, "x").astype(np.float64, copy=False)
        low, high = self._support()
        flat = points.ravel()
        inside = (flat > low) & (flat < high)
        if flat.size and inside.all():  # the common case, without passes that change nothing
            with np.errstate(all="ignore"):
                return _shaped(hook(flat), points.shape)
        out = np.where(flat < low, below, above)
        if math.isfinite(low):
            out[flat == low] = at_low
        elif inside.size:
            out[flat == low] = below
        out[np.isnan(flat)] = math.nan
        if inside.any():
            with np.errstate(all="ignore"):
                out[inside] = hook(flat[inside])
        return _shaped(out, points.shape)

    def _density(self, x: Any, hook: Hook, outside: float) -> float | FloatArray:
        points = real_array(x, "x").astype(np.float64, copy=False)
        low, high = self._support()
        flat = points.ravel()
        inside = (flat >= low) & (flat <= high) & np.isfinite(flat)
        if flat.size and inside.all():
            with np.errstate(all="ignore"):
                return _shaped(hook(flat), points.shape)
        out = np.where(np.isnan(flat), math.nan, outside)
        if inside.any():
            with np.errstate(all="ignore"):
                out[inside] = hook(flat[inside])
        return _shaped(out, points.shape)

    def _quantile(self, p: Any, lower: Hook, upper_hook: Hook, *, upper: bool) -> Any:
        probs = real_array(p, "q" if upper else "p").astype(np.float64, copy=False)
        flat = probs.ravel()
        low, high = self._support()
        out = np.full(flat.shape, math.nan)
        out[flat == 0.0] = high if upper else low
        out[flat == 1.0] = low if upper else high
        near = (flat > 0) & (flat <= 0.5)
        far = (flat > 0.5) & (flat < 1)  # 1 - p is exact here
        with np.errstate(all="ignore"):
            if near.any():
                out[near] = (upper_hook if upper else lower)(flat[near])
            if far.any():
                out[far] = (lower if upper else upper_hook)(1.0 - flat[far])
        return _shaped(out, probs.shape)

    def _log_quantile(self, logp: Any, *, upper: bool) -> Any:
        logs = real_array(logp, "logq" if upper else "logp").astype(np.float64, copy=False)
        flat = logs.ravel()
        low, high = self._support()
        near_hook, near_log, far_hook = (
            (self._isf, self._ilogsf, self._ppf) if upper else (self._ppf, self._ilogcdf, self._isf)
        )
        out = np.full(flat.shape, math.nan)
        out[flat == -math.inf] = high if upper else low
        out[flat == 0.0] = low if upper else high
        deep = np.isfinite(flat) & (flat <= _LOG_NORMAL)
        near = (flat > _LOG_NORMAL) & (flat <= _LOG_HALF)
        far = (flat > _LOG_HALF) & (flat < 0)
        with np.errstate(all="ignore"):
            if deep.any():
                out[deep] = near_log(flat[deep])
            if near.any():
                out[near] = near_hook(np.exp(flat[near]))
            if far.any():
                out[far] = far_hook(-np.expm1(flat[far]))
        return _shaped(out, logs.shape)


def open_uniform(shape: tuple[int, ...], rng: np.random.Generator) -> FloatArray:
    """Uniform draws of 53 bits, centred in their cell: never 0 or 1."""
    u = np.asarray(rng.random(shape))
    u += 2.0**-54
    return np.minimum(u, 1.0 - 2.0**-53, out=u)  # the last cell's centre rounds to 1


def _shaped(flat: FloatArray, shape: tuple[int, ...]) -> float | FloatArray:
    return flat.reshape(shape) if shape else float(flat[0])


@final
@dataclasses.dataclass(frozen=True)
class Affine(Distribution):
    """The law of ``scale * X + shift`` for X with the law ``base``; exact."""

    base: Distribution
    scale: float
    shift: float

    def _back(self, y: FloatArray) -> FloatArray:
        return (y - self.shift) / self.scale

    def _forth(self, x: Any) -> Any:
        return self.scale * x + self.shift

    def _support(self) -> tuple[float, float]:
        ends = sorted(self._forth(e) for e in self.base.support())
        return ends[0], ends[1]

    def _breakpoints(self) -> tuple[float, ...]:
        return tuple(sorted(self._forth(b) for b in self.base.breakpoints))

    def _atoms(self) -> tuple[tuple[float, float], ...]:
        return tuple(sorted((self._forth(a), mass) for a, mass in self.base.atoms))

    def _error(self) -> float:
        return self.base.error

    def _tail_error(self) -> float:
        return self.base.tail_error

    def _symmetry(self) -> float | None:
        centre = self.base.symmetry
        return None if centre is None else float(self._forth(centre))

    def _method(self) -> str:
        return self.base.method

    def _recipe(self) -> dict[str, Any] | None:
        base = self.base.recipe()
        if base is None:
            return None
        return {
            "law": "Affine", "base": base, "scale": self.scale.hex(), "shift": self.shift.hex()
        }  # fmt: skip

    def _cdf(self, x: FloatArray) -> FloatArray:
        hook = self.base.cdf if self.scale > 0 else self._base_mass_above
        return np.asarray(hook(self._back(x)))

    def _sf(self, x: FloatArray) -> FloatArray:
        hook = self.base.sf if self.scale > 0 else self._base_mass_below
        return np.asarray(hook(self._back(x)))

    def _base_mass_above(self, x: FloatArray) -> FloatArray:
        """P(X >= x): a mirrored cdf includes the atom at the point."""
        return np.asarray(self.base.sf(x)) + self._base_atom(x)

    def _base_mass_below(self, x: FloatArray) -> FloatArray:
        return np.asarray(self.base.cdf(x)) - self._base_atom(x)

    def _base_atom(self, x: FloatArray) -> FloatArray:
        mass = np.zeros_like(x)
        for location, probability in self.base.atoms:
            mass[x == location] = probability
        return mass

    def _logcdf(self, x: FloatArray) -> FloatArray:
        if self.base.atoms:
            return np.log(self._cdf(x))
        return np.asarray((self.base.logcdf if self.scale > 0 else self.base.logsf)(self._back(x)))

    def _logsf(self, x: FloatArray) -> FloatArray:
        if self.base.atoms:
            return np.log(self._sf(x))
        return np.asarray((self.base.logsf if self.scale > 0 else self.base.logcdf)(self._back(x)))

    def _pdf(self, x: FloatArray) -> FloatArray:
        return np.asarray(self.base.pdf(self._back(x))) / abs(self.scale)

    def _logpdf(self, x: FloatArray) -> FloatArray:
        return np.asarray(self.base.logpdf(self._back(x))) - math.log(abs(self.scale))

    def _ppf(self, p: FloatArray) -> FloatArray:
        return np.asarray(self._forth((self.base.ppf if self.scale > 0 else self.base.isf)(p)))

    def _isf(self, q: FloatArray) -> FloatArray:
        return np.asarray(self._forth((self.base.isf if self.scale > 0 else self.base.ppf)(q)))

    def _ilogcdf(self, logp: FloatArray) -> FloatArray:
        hook = self.base.ilogcdf if self.scale > 0 else self.base.ilogsf
        return np.asarray(self._forth(hook(logp)))

    def _ilogsf(self, logq: FloatArray) -> FloatArray:
        hook = self.base.ilogsf if self.scale > 0 else self.base.ilogcdf
        return np.asarray(self._forth(hook(logq)))

    def _rvs(self, shape: tuple[int, ...], rng: np.random.Generator) -> FloatArray:
        return np.asarray(self._forth(np.asarray(self.base.rvs(shape, rng))))

    def _mean(self) -> float:
        return float(self._forth(self.base.mean()))

    def _std(self) -> float:
        return abs(self.scale) * self.base.std()

    def _affine(self, scale: float, shift: float) -> Distribution:
        return self.base.affine(scale * self.scale, scale * self.shift + shift)
