"""Stable laws, the limits of sums of heavy-tailed terms."""

from __future__ import annotations

import dataclasses
import math
from typing import Any, final

import numpy as np

from otmaps._arrays import FloatArray
from otmaps._distribution import Distribution
from otmaps._heavy_tails import Levy
from otmaps._location_scale import LocationScale
from otmaps._priors import Cauchy, Normal
from otmaps._stable_integrals import log_density, log_upper_tail, mass_above_zero


@final
@dataclasses.dataclass(frozen=True)
class Stable(LocationScale):
    """The stable law of index ``alpha`` and skewness ``beta``.

    Parameters
    ----------
    alpha : float
        The index, 0 < alpha <= 2: both tails fall like ``|x|^-alpha`` unless beta is -1 or 1.
    beta : float
        The skewness, -1 <= beta <= 1; without effect at alpha 2.
    loc, scale : float
        Those of parameterization S1, the default of scipy.stats.levy_stable:
        ``log E exp(itX) = -|scale t|^alpha (1 - i beta sign(t) tan(pi alpha / 2)) + i loc t``, and
        at alpha 1 instead ``-|scale t| (1 + i beta (2 / pi) sign(t) log|t|) + i loc t``.

    Raises
    ------
    ValueError
        For parameters outside these ranges.

    Notes
    -----
    alpha 2 is `Normal`, alpha 1 with beta 0 `Cauchy`, alpha 1/2 with beta 1 or -1 `Levy`, by their
    closed forms. All other cases sum Zolotarev's integrals, of positive terms, as in J. P. Nolan,
    "Univariate Stable Distributions" (Springer 2020), and far out an inversion integral; both
    reach any depth of either tail. In S1 the bulk of a skewed law runs off as alpha nears 1:
    there the float grid of x and the stated errors grow like ``1 / |alpha - 1|``.

    Examples
    --------
    >>> import otmaps
    >>> law = otmaps.Stable(1.5)
    >>> law.mean(), round(law.sf(10.0), 6)
    (0.0, 0.00664)
    """

    alpha: float
    beta: float = 0.0
    loc: float = 0.0
    scale: float = 1.0

    def __post_init__(self) -> None:
        self._checked(alpha=True, scale=True)
        if self.alpha > 2.0:
            raise ValueError(f"alpha must be at most 2, got {self.alpha}.")
        if abs(self.beta) > 1.0:
            raise ValueError(f"beta must lie between -1 and 1, got {self.beta}.")

    def _closed_form(self) -> Distribution | None:
        """The standard law, where it has another name."""
        if self.alpha == 2.0:
            return Normal(0.0, math.sqrt(2.0))
        if self.alpha == 1.0 and self.beta == 0.0:
            return Cauchy()
        if self.alpha == 0.5 and abs(self.beta) == 1.0:
            return Levy().affine(self.beta)
        return None

    def _shift(self) -> float:
        """What S1 adds to a scaled law of alpha = 1."""
        if self.alpha != 1.0:
            return 0.0
        return 2.0 / math.pi * self.beta * self.scale * math.log(self.scale)

    def _z(self, x: FloatArray) -> FloatArray:
        return (x - (self.loc + self._shift())) / self.scale

    def _x(self, z: Any) -> Any:
        return (self.loc + self._shift()) + self.scale * z

    def _support0(self) -> tuple[float, float]:
        one_sided = self.alpha < 1.0
        low = 0.0 if one_sided and self.beta == 1.0 else -math.inf
        return low, 0.0 if one_sided and self.beta == -1.0 else math.inf

    def _error(self) -> float:
        law = self._closed_form()
        return law.error if law is not None else 1e-14 + 4e-16 * self._nearness()

    def _nearness(self) -> float:
        """How much a relative change of x counts in the integrals: infinite at alpha = 1 in S1."""
        return 0.0 if self.alpha == 1.0 else self.alpha / abs(self.alpha - 1.0)

    def _tail_error0(self) -> float:
        law = self._closed_form()
        if law is not None:
            return law.tail_error
        if abs(self.beta) > 0.9:  # one tail falls like an exponential of a power of x
            return 1e-12 + 6e-13 * self._nearness()
        return 5e-13 + 4e-15 * self._nearness()

    def _steepness0(self) -> float:
        return 1400.0 * max(1.0, self._nearness()) if abs(self.beta) > 0.9 else 50.0

    def _centre0(self) -> float | None:
        return 0.0 if self.beta == 0.0 or self.alpha == 2.0 else None

    def _cdf0(self, z: FloatArray) -> FloatArray:
        law = self._closed_form()
        return np.asarray(np.exp(self._logcdf0(z)) if law is None else law.cdf(z))

    def _sf0(self, z: FloatArray) -> FloatArray:
        law = self._closed_form()
        return np.asarray(np.exp(self._logsf0(z)) if law is None else law.sf(z))

    def _logcdf0(self, z: FloatArray) -> FloatArray:
        law = self._closed_form()
        found = log_upper_tail(self.alpha, -self.beta, -z) if law is None else law.logcdf(z)
        return np.asarray(found)

    def _logsf0(self, z: FloatArray) -> FloatArray:
        law = self._closed_form()
        found = log_upper_tail(self.alpha, self.beta, z) if law is None else law.logsf(z)
        return np.asarray(found)

    def _logpdf0(self, z: FloatArray) -> FloatArray:
        law = self._closed_form()
        found = log_density(self.alpha, self.beta, z) if law is None else law.logpdf(z)
        return np.asarray(found)

    def _standard(self) -> Distribution:
        return self._closed_form() or dataclasses.replace(self, loc=0.0, scale=1.0)

    def _ppf0(self, p: FloatArray) -> FloatArray:
        law = self._closed_form()
        return np.asarray(self._ilogcdf0(np.log(p)) if law is None else law.ppf(p))

    def _isf0(self, q: FloatArray) -> FloatArray:
        law = self._closed_form()
        return np.asarray(self._ilogsf0(np.log(q)) if law is None else law.isf(q))

    def _ilogcdf0(self, logp: FloatArray) -> FloatArray:
        law = self._closed_form()
        if law is not None:
            return np.asarray(law.ilogcdf(logp))
        return Distribution._ilogcdf(self._standard(), logp)

    def _ilogsf0(self, logq: FloatArray) -> FloatArray:
        law = self._closed_form()
        if law is not None:
            return np.asarray(law.ilogsf(logq))
        return Distribution._ilogsf(self._standard(), logq)

    def _mean_std0(self) -> tuple[float, float]:
        if self.alpha == 2.0:
            return 0.0, math.sqrt(2.0)
        if self.alpha > 1.0:
            return 0.0, math.inf
        return (self.beta * math.inf if abs(self.beta) == 1.0 else math.nan), math.nan

    def _rvs(self, shape: tuple[int, ...], rng: np.random.Generator) -> FloatArray:
        """Draws by Chambers, Mallows and Stuck (1976), in the form of Nolan, theorem 1.3."""
        angle = math.pi * (rng.random(shape) - 0.5)
        wait = rng.standard_exponential(shape)
        if self.alpha == 1.0:
            slope = 0.5 * math.pi + self.beta * angle
            log = np.log(0.5 * math.pi * wait * np.cos(angle) / slope)
            return np.asarray(self._x(2.0 / math.pi * (slope * np.tan(angle) - self.beta * log)))
        theta = (mass_above_zero(self.alpha, self.beta) - 0.5) * math.pi
        turned = self.alpha * (theta + angle)
        cosines = math.cos(self.alpha * theta) * np.cos(angle)
        with np.errstate(over="ignore"):  # a law of tiny alpha reaches beyond the largest double
            z = np.sin(turned) / cosines ** (1.0 / self.alpha)
            z = z * (np.cos(turned - angle) / wait) ** ((1.0 - self.alpha) / self.alpha)
            return np.asarray(self._x(z))

    def _affine(self, scale: float, shift: float) -> Distribution:
        sign, size = math.copysign(1.0, scale), abs(scale)
        loc = scale * self.loc + shift
        if self.alpha == 1.0:
            loc -= 2.0 / math.pi * self.beta * scale * self.scale * math.log(size)
        return Stable(self.alpha, sign * self.beta, loc, size * self.scale)
