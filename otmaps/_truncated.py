"""A law, given that its variable lies on one side of a point."""

from __future__ import annotations

import dataclasses
import functools
import math
from typing import Any, final

import numpy as np

from otmaps._arrays import FloatArray
from otmaps._distribution import Distribution
from otmaps._mixture import Mixture
from otmaps._one_sided_priors import Exponential
from otmaps._priors import Laplace, Uniform

_NODES, _WEIGHTS = np.polynomial.legendre.leggauss(16)
_SMALL = 0.2  # what is left of the larger one, below which a difference has lost digits
_DEEPEST = 700.0  # of a logarithm of a double
_NEWTON_STEPS = 8
_EPS = float(np.finfo(float).eps)


@final
@dataclasses.dataclass(frozen=True)
class Side(Distribution):
    """The law of X given X > cut, or given X < cut, for a law of X without an atom there.

    One tail is that of X. The other is the mass between the cut and x: a difference of
    probabilities, and near the cut, where that has no digits left, an integral of the density.
    `tail_error` is measured there, by halving the intervals of the rule.

    Attributes
    ----------
    base : Distribution
    cut : float
        Inside the support of the base.
    upper : bool
        Whether what is above the cut is kept.
    """

    base: Distribution
    cut: float
    upper: bool = True

    @functools.cached_property
    def mass(self) -> float:
        """The probability of the side."""
        return float(self.base.sf(self.cut) if self.upper else self.base.cdf(self.cut))

    @functools.cached_property
    def _log_mass(self) -> float:
        return float(self.base.logsf(self.cut) if self.upper else self.base.logcdf(self.cut))

    @functools.cached_property
    def _log_rest(self) -> float:
        """The logarithm of the probability of the other side."""
        return float(self.base.logcdf(self.cut) if self.upper else self.base.logsf(self.cut))

    @property
    def _sign(self) -> float:
        return 1.0 if self.upper else -1.0

    @functools.cached_property
    def _ends(self) -> list[float]:
        """The distances from the cut of the breakpoints that follow: the rule stops at each."""
        steps = (self._sign * (b - self.cut) for b in self.base.breakpoints)
        return sorted(step for step in steps if step > 0.0)

    def _support(self) -> tuple[float, float]:
        low, high = self.base.support()
        return (self.cut, high) if self.upper else (low, self.cut)

    def _breakpoints(self) -> tuple[float, ...]:
        low, high = self._support()
        return tuple(sorted({self.cut, *(b for b in self.base.breakpoints if low <= b <= high)}))

    def _atoms(self) -> tuple[tuple[float, float], ...]:
        low, high = self._support()
        return tuple((a, m / self.mass) for a, m in self.base.atoms if low <= a <= high)

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
        if self._log_rest == -math.inf:
            return 2.0 * self.base.tail_error + 4.0 * _EPS
        with np.errstate(all="ignore"):
            distance = self._reach * np.geomspace(1e-290, 1.0, 200)
            x = self.cut + self._sign * distance
            distance = np.abs(x - self.cut)[x != self.cut]
            gap = np.abs(self._log_integral(distance, 1) - self._log_integral(distance, 2))
        if distance.size == 0 or not np.isfinite(gap).all():
            return math.inf
        kept = (1.0 + 1.0 / _SMALL) * 2.0 * self.base.tail_error
        return kept + 2.0 * float(gap.max()) + _DEEPEST * _EPS

    @functools.cached_property
    def _reach(self) -> float:
        """How far from the cut the integral is used."""
        if self._by_rest:  # where the other side, and what is between, are 1 / (1 - _SMALL) of it
            inverse = self.base.ilogcdf if self.upper else self.base.ilogsf
            end = inverse(min(self._log_rest - math.log1p(-_SMALL), -1e-300))
        else:
            inverse = self.base.ilogsf if self.upper else self.base.ilogcdf
            end = inverse(self._log_mass + math.log1p(-_SMALL))
        return abs(float(end) - self.cut)

    @property
    def _by_rest(self) -> bool:
        """Whether the smaller probability, whose digits hold, is that of the other side."""
        return self.mass > 0.5

    def _log_integral(self, distance: FloatArray, pieces: int) -> FloatArray:
        """The logarithm of the mass from the cut to a point, by a Gauss rule between breakpoints.

        Of logarithms, so that it is known where the density leaves the doubles.
        """
        total = np.full_like(distance, -math.inf)
        for low, high in zip([0.0, *self._ends], [*self._ends, math.inf], strict=True):
            rows = np.flatnonzero(distance > low)
            if rows.size == 0:
                break
            half = 0.5 * (np.minimum(distance[rows], high) - low) / pieces
            for k in range(pieces):
                steps = (low + (2 * k + 1) * half)[:, None] + half[:, None] * _NODES
                logs = np.asarray(self.base.logpdf(self.cut + self._sign * steps))
                top = np.max(logs, axis=1)
                top = np.where(np.isfinite(top), top, 0.0)
                found = top + np.log(half * (np.exp(logs - top[:, None]) @ _WEIGHTS))
                total[rows] = np.logaddexp(total[rows], found)
        return total

    def _shares(self, x: FloatArray) -> tuple[FloatArray, FloatArray]:
        """The share of the mass that lies between the cut and x, and its logarithm."""
        if self._by_rest:
            log = np.asarray(self.base.logcdf(x) if self.upper else self.base.logsf(x))
            plain = np.asarray(self.base.cdf(x) if self.upper else self.base.sf(x))
            left = -np.expm1(self._log_rest - log)
            share = (plain - math.exp(self._log_rest)) / self.mass
            logs = log + np.log(left) - self._log_mass
        else:
            log = np.asarray(self.base.logsf(x) if self.upper else self.base.logcdf(x))
            left = share = np.asarray(-np.expm1(log - self._log_mass))
            logs = np.log(share)
        near = left < _SMALL
        if near.any():
            logs[near] = self._log_integral(np.abs(x[near] - self.cut), 1) - self._log_mass
            share[near] = np.exp(logs[near])
        return share, logs

    def _between(self, x: FloatArray) -> FloatArray:
        return self._shares(x)[0]

    def _beyond(self, x: FloatArray) -> FloatArray:
        own = self.base.sf(x) if self.upper else self.base.cdf(x)
        return np.asarray(own) / self.mass

    def _cdf(self, x: FloatArray) -> FloatArray:
        return self._between(x) if self.upper else self._beyond(x)

    def _sf(self, x: FloatArray) -> FloatArray:
        return self._beyond(x) if self.upper else self._between(x)

    def _log_beyond(self, x: FloatArray) -> FloatArray:
        own = self.base.logsf(x) if self.upper else self.base.logcdf(x)
        return np.asarray(own) - self._log_mass

    def _log_between(self, x: FloatArray) -> FloatArray:
        share, logs = self._shares(x)
        return np.where(share < 0.5, logs, np.log1p(-np.minimum(self._beyond(x), 0.75)))

    def _logcdf(self, x: FloatArray) -> FloatArray:
        return self._log_between(x) if self.upper else self._log_beyond(x)

    def _logsf(self, x: FloatArray) -> FloatArray:
        return self._log_beyond(x) if self.upper else self._log_between(x)

    def _pdf(self, x: FloatArray) -> FloatArray:
        return np.asarray(self.base.pdf(x)) / self.mass

    def _logpdf(self, x: FloatArray) -> FloatArray:
        return np.asarray(self.base.logpdf(x)) - self._log_mass

    def _far_quantile(self, logp: FloatArray) -> FloatArray:
        inverse = self.base.ilogsf if self.upper else self.base.ilogcdf
        return np.asarray(np.clip(inverse(logp + self._log_mass), *self._support()))

    def _near_quantile(self, logp: FloatArray) -> FloatArray:
        """The point up to which the share ``exp(logp)`` lies, from the cut."""
        # From the smaller probability, whose digits hold.
        if self._by_rest:
            both = np.logaddexp(self._log_rest, logp + self._log_mass)
            x = np.array(self.base.ilogcdf(both) if self.upper else self.base.ilogsf(both))
            near = both - self._log_rest < _SMALL
        else:
            left = self._log_mass + np.log1p(-np.exp(logp))
            x = np.array(self.base.ilogsf(left) if self.upper else self.base.ilogcdf(left))
            near = np.exp(logp) < _SMALL
        x[near] = self._newton(logp[near])
        return np.asarray(np.clip(x, *self._support()))

    def _newton(self, logp: FloatArray) -> FloatArray:
        """Newton steps from the quantiles of a flat density; where those do not settle, a search.

        The mass from the cut on rises from 0 at the cut, so near it the first guess is good.
        """
        first = math.nextafter(self.cut, self._sign * math.inf)
        density = float(self.base.logpdf(first))
        x = self.cut + self._sign * np.exp(logp + self._log_mass - density)
        active = np.arange(x.size)
        for _ in range(_NEWTON_STEPS):
            at = x[active]
            at = np.maximum(at, first) if self.upper else np.minimum(at, first)
            value = self._shares(at)[1]
            step = (value - logp[active]) * np.exp(value - self._logpdf(at)) * self._sign
            settled = np.abs(step) <= 4.0 * _EPS * np.abs(at)
            settled |= (at == first) & (self._sign * step >= 0.0)
            x[active] = np.where(settled, at, at - step)
            active = active[~settled]
            if active.size == 0:
                return x
        search = super()._ilogcdf if self.upper else super()._ilogsf
        x[active] = search(logp[active])
        return x

    def _ilogcdf(self, logp: FloatArray) -> FloatArray:
        return self._near_quantile(logp) if self.upper else self._far_quantile(logp)

    def _ilogsf(self, logq: FloatArray) -> FloatArray:
        return self._far_quantile(logq) if self.upper else self._near_quantile(logq)

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

    def _affine(self, scale: float, shift: float) -> Distribution:
        # Of the base, which may know distances from its ends better than their difference.
        cut = scale * self.cut + shift + 0.0  # no -0.0: its reciprocal is another
        return Side(self.base.affine(scale, shift), cut, self.upper == (scale > 0.0))

    def _method(self) -> str:
        return self.base.method

    def _recipe(self) -> dict[str, Any] | None:
        base = self.base.recipe()
        if base is None:
            return None
        return {"law": "Side", "base": base, "cut": self.cut.hex(), "upper": self.upper}


def above(law: Distribution, cut: float) -> Distribution:
    """The law of X given X > cut, in the simplest form; without an atom at the cut."""
    match law:
        case Uniform():
            return Uniform(cut, law.high)
        case Exponential():
            return Exponential(cut, law.scale)
        case Laplace() if cut >= law.loc:
            return Exponential(cut, law.scale)
    return Side(law, cut)


def split_at(law: Distribution, cut: float) -> list[tuple[float, Distribution]]:
    """The law as a mixture of laws that lie on one side of a point: probabilities, and laws.

    What has no mass that a double holds is left out. There must be no atom at the cut.
    """
    if isinstance(law, Mixture):
        return [
            (weight * mass, side)
            for part, weight in zip(law.laws, law.weights, strict=True)
            for mass, side in split_at(part, cut)
        ]
    low, high = law.support()
    if low >= cut or high <= cut:
        return [(1.0, law)]
    mirrored = law.affine(-1.0)
    sides = [
        (float(law.sf(cut)), above(law, cut)),
        (float(law.cdf(cut)), above(mirrored, -cut + 0.0).affine(-1.0)),
    ]
    return [(mass, side) for mass, side in sides if mass > 0.0]
