"""A law, given that its variable lies in an interval."""

from __future__ import annotations

import dataclasses
import functools
import math
from typing import Any, final

import numpy as np

from otmaps._arrays import FloatArray
from otmaps._distribution import Affine, Distribution
from otmaps._one_sided_priors import Exponential
from otmaps._priors import Laplace, Uniform

_NODES, _WEIGHTS = np.polynomial.legendre.leggauss(16)
_SMALL = 0.02  # below this share of the mass before the cut, differences have lost digits
_NEWTON_STEPS = 6
_EPS = float(np.finfo(float).eps)


@final
@dataclasses.dataclass(frozen=True)
class Above(Distribution):
    """The law of X given X > cut, for a law of X without an atom at the cut.

    Below the cut nothing is left, so the lower tail is the mass of (cut, x]: a difference of
    probabilities, and near the cut, where that has no digits left, an integral of the density.
    `tail_error` is measured there, by halving the intervals of the rule.

    Attributes
    ----------
    base : Distribution
    cut : float
        Inside the support of the base.
    """

    base: Distribution
    cut: float

    @functools.cached_property
    def mass(self) -> float:
        """P(X > cut)."""
        return float(self.base.sf(self.cut))

    @functools.cached_property
    def _log_mass(self) -> float:
        return float(self.base.logsf(self.cut))

    @functools.cached_property
    def _ends(self) -> FloatArray:
        """The cut, and the breakpoints that follow: the rule stops at each."""
        return np.array([self.cut, *(b for b in self.base.breakpoints if b > self.cut)])

    def _support(self) -> tuple[float, float]:
        return self.cut, self.base.support()[1]

    def _breakpoints(self) -> tuple[float, ...]:
        return tuple(self._ends.tolist())

    def _atoms(self) -> tuple[tuple[float, float], ...]:
        return tuple((a, m / self.mass) for a, m in self.base.atoms if a > self.cut)

    def _error(self) -> float:
        # Of a difference two, of the mass one; in a mixture with the other side this also
        # covers the error of the weights.
        return 3.0 * min(self.base.error / self.mass, self.base.tail_error) + 4.0 * _EPS

    def _tail_error(self) -> float:
        return self._measured_tail_error

    @functools.cached_property
    def _measured_tail_error(self) -> float:
        if not math.isfinite(self.base.tail_error):
            return math.inf
        if self.base.cdf(self.cut) == 0.0:
            return 2.0 * self.base.tail_error + 4.0 * _EPS
        top = float(self.base.isf(self.mass * (1.0 - _SMALL)))
        with np.errstate(all="ignore"):
            x = self.cut + (top - self.cut) * np.geomspace(1e-290, 1.0, 200)
            x = x[x > self.cut]
            whole, halved = self._integral(x, 1), self._integral(x, 2)
            far = np.asarray(self.base.sf(self.cut)) - np.asarray(self.base.sf(top))
            gap = np.abs(whole - halved) / halved
        if x.size == 0 or not np.isfinite(gap).all():
            return math.inf
        # Differences begin where they hold this much.
        lost = 2.0 * min(self.base.error, self.base.tail_error) / float(far)
        return 2.0 * self.base.tail_error + 2.0 * float(gap.max()) + lost + 16.0 * _EPS

    def _integral(self, x: FloatArray, pieces: int) -> FloatArray:
        """The mass of (cut, x] by a Gauss rule between breakpoints."""
        total = np.zeros_like(x)
        for low, high in zip(self._ends, [*self._ends[1:], math.inf], strict=True):
            top = np.clip(x, low, high)
            for k in range(pieces):
                half = 0.5 * (top - low) / pieces
                points = (low + (2 * k + 1) * half)[:, None] + half[:, None] * _NODES
                density = np.asarray(self.base.pdf(points))
                total += np.where(half > 0.0, half * (density @ _WEIGHTS), 0.0)
        return total

    def _cdf(self, x: FloatArray) -> FloatArray:
        lower = np.asarray(self.base.cdf(x)) - float(self.base.cdf(self.cut))
        upper = self.mass - np.asarray(self.base.sf(x))
        found = np.where(self.mass > 0.5, lower, upper) / self.mass
        near = found < _SMALL
        if near.any() and self.base.cdf(self.cut) > 0.0:
            found[near] = self._integral(x[near], 1) / self.mass
        return found

    def _sf(self, x: FloatArray) -> FloatArray:
        return np.asarray(self.base.sf(x)) / self.mass

    def _logsf(self, x: FloatArray) -> FloatArray:
        return np.asarray(self.base.logsf(x)) - self._log_mass

    def _pdf(self, x: FloatArray) -> FloatArray:
        return np.asarray(self.base.pdf(x)) / self.mass

    def _logpdf(self, x: FloatArray) -> FloatArray:
        return np.asarray(self.base.logpdf(x)) - self._log_mass

    def _ppf(self, p: FloatArray) -> FloatArray:
        return self._ilogcdf(np.log(p))

    def _ilogcdf(self, logp: FloatArray) -> FloatArray:
        p = np.exp(logp)
        below = float(self.base.cdf(self.cut))
        if below == 0.0:
            return np.asarray(self.base.ilogcdf(logp + self._log_mass))
        if self.mass > 0.5:
            x = np.asarray(self.base.ppf(below + p * self.mass))
        else:
            x = np.asarray(self.base.isf(self.mass * (1.0 - p)))
        near = p < 2.0 * _SMALL  # the quantile of a difference has lost digits
        x[near] = self._near_quantiles(logp[near])
        return x

    def _near_quantiles(self, logp: FloatArray) -> FloatArray:
        """Newton steps from the quantiles of a flat density; where those do not settle, a search.

        The mass of (cut, x] rises from 0 at the cut, so near it the first guess is almost right.
        """
        density = float(self.base.pdf(np.nextafter(self.cut, math.inf)))
        x = self.cut + np.exp(logp) * self.mass / density
        first, top = math.nextafter(self.cut, math.inf), self.base.support()[1]
        for _ in range(_NEWTON_STEPS):
            x = np.where(x < top, np.maximum(x, first), math.nan)
            step = (self._logcdf(x) - logp) * np.exp(self._logcdf(x) - self._logpdf(x))
            settled = (np.abs(step) <= 4.0 * _EPS * np.abs(x)) | ((x == first) & (step >= 0.0))
            x = np.where(settled, x, x - step)
            if settled.all():
                return x
        x[~settled] = super()._ilogcdf(logp[~settled])
        return x

    # Kept: sums ask for the moments of each of their terms, again and again.
    @functools.cached_property
    def _average(self) -> float:
        return super()._mean()

    @functools.cached_property
    def _deviation(self) -> float:
        return super()._std()

    def _mean(self) -> float:
        return self._average

    def _std(self) -> float:
        return self._deviation

    def _isf(self, q: FloatArray) -> FloatArray:
        return np.asarray(self.base.isf(q * self.mass))

    def _ilogsf(self, logq: FloatArray) -> FloatArray:
        return np.asarray(self.base.ilogsf(logq + self._log_mass))

    def _affine(self, scale: float, shift: float) -> Distribution:
        # Of the base, which may know distances from its kinks better than their difference.
        size = abs(scale)
        if scale < 0.0:
            return Affine(self.affine(size, -shift), -1.0, 0.0)
        return Above(self.base.affine(scale, shift), scale * self.cut + shift + 0.0)

    def _method(self) -> str:
        return self.base.method

    def _recipe(self) -> dict[str, Any] | None:
        base = self.base.recipe()
        return None if base is None else {"law": "Above", "base": base, "cut": self.cut.hex()}


def above(law: Distribution, cut: float) -> Distribution:
    """The law of X given X > cut, in the simplest form; without an atom at the cut."""
    match law:
        case Uniform():
            return Uniform(cut, law.high)
        case Exponential():
            return Exponential(cut, law.scale)
        case Laplace() if cut >= law.loc:
            return Exponential(cut, law.scale)
    return Above(law, cut)


def split_at(law: Distribution, cut: float) -> list[tuple[float, Distribution]]:
    """The law as a mixture of its sides: P(X > cut) and P(X < cut), and the laws given that.

    A side that has no mass is left out. There must be no atom at the cut.
    """
    sides: list[tuple[float, Distribution]] = []
    for sign in (1.0, -1.0):
        moved = law.affine(sign)
        low, high = moved.support()
        if low >= sign * cut:
            return [(1.0, law)]
        if high > sign * cut:
            end = sign * cut + 0.0  # no -0.0: its reciprocal is another
            sides.append((float(moved.sf(end)), above(moved, end).affine(sign)))
    return sides
