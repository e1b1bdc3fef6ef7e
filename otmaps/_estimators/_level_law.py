"""The law of a function of one input, computed from its level sets whenever it is asked for."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable
from typing import final

import numpy as np

from otmaps._arrays import FloatArray
from otmaps._distribution import Distribution
from otmaps._estimators._roots import level_roots
from otmaps._estimators._tails import Continuous
from otmaps._mixture import Mixture

_STEPS = 6
_EPS = float(np.finfo(float).eps)


@final
@dataclasses.dataclass(frozen=True, eq=False)
class LevelLaw(Distribution):
    """The law of the values of an operation of one input, without their atoms.

    Exact but for the roots, which are known to about two units in the last place of the input.

    Attributes
    ----------
    continuous : Continuous
    ends : tuple of float
        The support.
    kinks : tuple of float
        Values at which the density may be singular.
    how : str
        What `method` says.
    """

    continuous: Continuous = dataclasses.field(repr=False)
    ends: tuple[float, float]
    kinks: tuple[float, ...] = dataclasses.field(repr=False)
    how: str

    def _support(self) -> tuple[float, float]:
        return self.ends

    def _breakpoints(self) -> tuple[float, ...]:
        return self.kinks

    def _error(self) -> float:
        sets = self.continuous.view.sets
        return min(2.0 * sets.low.size, 1e4) * (sets.axis.law.error + 4.0 * _EPS)

    def _tail_error(self) -> float:
        # Of a sum of masses of intervals each is as good as the tails of the input.
        return 2.0 * self.continuous.view.sets.axis.law.tail_error + 1e-12

    def _method(self) -> str:
        return self.how

    def _cdf(self, x: FloatArray) -> FloatArray:
        return self.continuous.tail(x, upper=False) / self.continuous.total

    def _sf(self, x: FloatArray) -> FloatArray:
        return self.continuous.tail(x, upper=True) / self.continuous.total

    def _pdf(self, x: FloatArray) -> FloatArray:
        sets = self.continuous.view.sets
        row, part, roots = sets.roots(x)
        slope = _slopes(lambda z: sets.values(z, []), roots, sets.low[part], sets.high[part])
        with np.errstate(divide="ignore", invalid="ignore"):
            density = np.asarray(sets.axis.law.pdf(roots)) / np.abs(slope)
        return np.bincount(row, density, x.size) / self.continuous.total

    def _ppf(self, p: FloatArray) -> FloatArray:
        return self._image(p, upper=False)

    def _isf(self, q: FloatArray) -> FloatArray:
        return self._image(q, upper=True)

    def _image(self, p: FloatArray, *, upper: bool) -> FloatArray:
        """Quantiles: of a monotone operation the image of those of the input."""
        sets = self.continuous.view.sets
        if sets.low.size == 1 and not self.continuous.at.size:
            first, last = (float(g[0, 0]) for g in sets.values_at_ends([], 1))
            law = sets.axis.law
            z = (law.isf if upper == (last >= first) else law.ppf)(p)
            return sets.values(np.asarray(z), [])
        return (self._ilogsf if upper else self._ilogcdf)(np.log(p))

    def _ilogcdf(self, logp: FloatArray) -> FloatArray:
        return self._inverse(logp, upper=False)

    def _ilogsf(self, logq: FloatArray) -> FloatArray:
        return self._inverse(logq, upper=True)

    def _inverse(self, logs: FloatArray, *, upper: bool) -> FloatArray:
        def tail(_: object, x: FloatArray) -> FloatArray:
            with np.errstate(divide="ignore"):
                return np.log(self.continuous.tail(x, upper=upper) / self.continuous.total)

        sets = self.continuous.view.sets
        values = sets.values(sets.rungs, [])
        ladder = np.unique(np.concatenate([values[np.isfinite(values)], self.kinks]))
        shape = np.ones(logs.size)
        low, high = (shape * end for end in np.clip(self.ends, -1.7e308, 1.7e308))
        known = (-math.inf, 0.0) if not upper else (0.0, -math.inf)
        values_at = (shape * known[0], shape * known[1])
        return level_roots(tail, (low, high), values_at, logs, ladder, tiny=1e-300)

    def _rvs(self, shape: tuple[int, ...], rng: np.random.Generator) -> FloatArray:
        if self.continuous.at.size:
            return Distribution._rvs(self, shape, rng)
        sets = self.continuous.view.sets
        return np.asarray(sets.values(np.asarray(sets.axis.law.rvs(shape, rng)), []))


def _slopes(
    function: Callable[[FloatArray], FloatArray], z: FloatArray, low: FloatArray, high: FloatArray
) -> FloatArray:
    """Derivatives by central differences, extrapolated to step 0 (Ridders' scheme)."""
    if not z.size:
        return z
    room = np.minimum(np.maximum(z - low, 0.0), np.maximum(high - z, 0.0))
    step = np.minimum(0.5 * room, 0.02 * np.maximum(np.abs(z), 1.0))
    step = np.maximum(step, 1e-300)
    steps = step * 0.5 ** np.arange(_STEPS)[:, None]
    up, down = z + steps, z - steps
    table = (function(up.ravel()).reshape(up.shape) - function(down.ravel()).reshape(up.shape)) / (
        up - down
    )
    best, worst = table[0].copy(), np.full(z.size, math.inf)
    for k in range(1, _STEPS):
        factor = 4.0**k
        fresh = (factor * table[1:] - table[:-1]) / (factor - 1.0)
        gaps = np.maximum(np.abs(fresh - table[1:]), np.abs(fresh - table[:-1]))
        at = np.argmin(np.where(np.isnan(gaps), math.inf, gaps), axis=0)
        columns = np.arange(z.size)
        better = gaps[at, columns] < worst
        best = np.where(better, fresh[at, columns], best)
        worst = np.where(better, gaps[at, columns], worst)
        table = fresh
    return np.asarray(best)


def is_folded(law: Distribution) -> bool:
    """Whether a law, or a part of it, is that of an operation with several level sets."""
    if isinstance(law, Mixture):
        return any(map(is_folded, law.laws))
    return isinstance(law, LevelLaw) and law.continuous.view.sets.low.size > 1
