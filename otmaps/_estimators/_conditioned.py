"""Probabilities of an operation, by level sets in one input and quadrature over the others."""

from __future__ import annotations

import dataclasses
import functools
import itertools
import math
from typing import TypeAlias, final

import numpy as np
import numpy.typing as npt

from otmaps._arrays import FloatArray
from otmaps._errors import AccuracyError
from otmaps._estimators._axes import Axis
from otmaps._estimators._level_sets import Level, LevelSets
from otmaps._estimators._quadrature import (
    ROUGH,
    SMOOTHER,
    Integrand,
    Kinks,
    integrate,
    intervals,
)
from otmaps._estimators._roots import level_roots

IntArray: TypeAlias = npt.NDArray[np.intp]

_GRID = 32.0 * float(np.finfo(float).eps)
Corner: TypeAlias = tuple[float, ...]

_SETTINGS = 64
_NEXT_TO_SPECIAL = 0.05
_BETWEEN = 4  # points between two marks at which a curve is looked at
_NO_RUNGS = np.empty(0)


@final
@dataclasses.dataclass(frozen=True, eq=False)
class Conditioned:
    """An operation seen from one of its inputs, the others integrated out one after the other.

    Attributes
    ----------
    sets : LevelSets
        Of the inner input.
    outer : tuple of Axis
        The other inputs, in order.
    relative : float
        The relative error of integrals to aim at.
    budget : int
        The most evaluations of an integrand for one value of an integral, on average.
    most : int
        The most ends of parts of level sets that are found altogether.
    spent : list of int
        How many there were; it grows.
    """

    sets: LevelSets
    outer: tuple[Axis, ...]
    relative: float
    budget: int
    most: int
    spent: list[int] = dataclasses.field(default_factory=list, repr=False, compare=False)

    def mass(
        self, n: int, above: Level | None, upto: Level | None, floor: float = 0.0
    ) -> FloatArray:
        """P(operation above one level and not above the other), for n problems at once.

        An absolute error of ``floor`` is as good as none.
        """
        return self._mass([], n, above, upto, floor)

    def _count(self, values: int) -> None:
        """Add to what was spent."""
        self.spent.append(values * (1 + self.sets.low.size))
        if sum(self.spent) > self.most:
            raise AccuracyError(
                f"quadrature took {sum(self.spent)} ends of level sets, more than allowed; "
                "pass otmaps.Conditioning(budget=...), or another method."
            )

    def _mass(
        self,
        rest: list[FloatArray],
        n: int,
        above: Level | None,
        upto: Level | None,
        floor: float,
    ) -> FloatArray:
        """The same, given the first of the outer inputs."""
        if len(rest) == len(self.outer):
            return self.sets.mass(rest, n, above, upto)
        axis = self.outer[len(rest)]
        last = len(rest) == len(self.outer) - 1
        kinks = self._kinks(rest, n, above, upto)

        def integrand(problem: IntArray, t: FloatArray) -> FloatArray:
            z = axis.points(t)
            given = [*(r[problem] for r in rest), z]
            low, high = (None if v is None else v.take(problem) for v in (above, upto))
            return self._mass(given, t.size, low, high, floor) * axis.measure(t, z)

        work = intervals(n, axis.marks, axis.specials, axis.fixed, kinks)
        # What an inner integral leaves must not look like roughness to the outer one.
        relative = np.full(n, self.relative * 0.1 ** len(rest))
        if above is not None and upto is not None:
            # Between near levels the rounding of the roots is all that can be had.
            size = np.maximum(np.abs(above.y), np.abs(upto.y))
            width = upto.y - above.y
            rounding = _GRID * size / np.where(width > 0.0, width, np.inf)  # equal: an atom
            relative = np.maximum(relative, rounding)
        allowed = relative, np.full(n, floor)
        value, spent = integrate(
            integrand, work, n, allowed, self.budget, roughest=SMOOTHER if axis.coarse else ROUGH
        )
        if last:
            self._count(spent)
        return value

    def _kinks(
        self, rest: list[FloatArray], n: int, above: Level | None, upto: Level | None
    ) -> Kinks:
        """Where, over the next outer input, a level passes the value at a corner of the others.

        Corners are the ends of parts of the inner input, and the special points of the inputs
        between; where a level passes the medians a probability may rise from 0 to 1 within next to
        nothing.
        """
        axis = self.outer[len(rest)]
        samples = self._samples[len(rest)]
        found: list[Kinks] = []
        for corner, soft in self._corners[len(rest)]:

            def curve(problem: IntArray, x: FloatArray, corner: Corner = corner) -> FloatArray:
                between = [np.full(x.size, z) for z in corner[:-1]]
                given = [*(r[problem] for r in rest), x, *between]
                return self.sets.values(np.full(x.size, corner[-1]), given)

            count = n if rest else 1
            values = curve(np.repeat(np.arange(count), samples.size), np.tile(samples, count))
            values = np.broadcast_to(values.reshape(count, samples.size), (n, samples.size))
            for level in (above, upto):
                if level is None:
                    continue
                below = level.below(values)
                i, j = np.nonzero(below[:, 1:] != below[:, :-1])
                roots = level_roots(
                    functools.partial(_of_some, curve, i),
                    (samples[j], samples[j + 1]),
                    (values[i, j], values[i, j + 1]),
                    level.y[i],
                    _NO_RUNGS,
                    tiny=1e-300,
                    strict=level.strict,
                )
                roots = axis.depth(roots)
                if soft:
                    # Next to a special point all scales are looked at anyway.
                    gaps = np.abs(roots[:, None] - axis.specials).min(axis=1, initial=np.inf)
                    i, roots = i[gaps > _NEXT_TO_SPECIAL], roots[gaps > _NEXT_TO_SPECIAL]
                # Next to a median a probability may go from 0 to 1 within any scale.
                found.append(Kinks.of(i, roots, abrupt=soft))
        moving = rest and len(rest) == len(self.outer) - 1
        return Kinks.join([*found, *(self._flips(rest, n) if moving else ())])

    def _flips(self, rest: list[FloatArray], n: int) -> list[Kinks]:
        """Where, over the last outer input, the operation turns its direction in the inner one.

        Those that move with the other inputs; special points are those that stay.
        """
        axis, samples = self.outer[-1], self._samples[-1]
        found = []
        for low, high in self._steps:

            def rise(
                problem: IntArray, x: FloatArray, low: float = low, high: float = high
            ) -> FloatArray:
                given = [*(r[problem] for r in rest), x]
                first, last = (self.sets.values(np.full(x.size, z), given) for z in (low, high))
                return last - first

            values = rise(np.repeat(np.arange(n), samples.size), np.tile(samples, n))
            values = values.reshape(n, samples.size)
            up = values > 0.0
            i, j = np.nonzero((up[:, 1:] != up[:, :-1]) & (values[:, 1:] * values[:, :-1] < 0.0))
            roots = level_roots(
                functools.partial(_of_some, rise, i),
                (samples[j], samples[j + 1]),
                (values[i, j], values[i, j + 1]),
                np.zeros(i.size),
                _NO_RUNGS,
                tiny=1e-300,
            )
            found.append(Kinks.of(i, axis.depth(roots), abrupt=True))
        return found

    @functools.cached_property
    def _steps(self) -> list[tuple[float, float]]:
        """Two points inside each part of the inner input, well apart."""
        law = self.sets.axis.law
        out = []
        for low, high in zip(self.sets.low, self.sets.high, strict=True):
            first, last = float(law.cdf(low)), float(law.cdf(high))
            near, far = (float(law.ppf(first + s * (last - first))) for s in (0.25, 0.75))
            if low <= near < far <= high:
                out.append((near, far))
        return out

    @functools.cached_property
    def _corners(self) -> list[list[tuple[Corner, bool]]]:
        """For each outer input the corners of the others that follow, and which are medians."""
        median = float(self.sets.axis.law.ppf(0.5))
        inner = [(end, False) for end in self._ends]
        inner += [(median, True)] * (median not in self._ends)
        out = []
        for k in range(len(self.outer)):
            choices = []
            for axis in self.outer[k + 1 :]:
                middle = float(axis.law.ppf(0.5))
                ends = [e for e in axis.law.support() if math.isfinite(e)]
                hard = sorted({*axis.special, *ends})
                choices.append([(z, False) for z in hard] + [(middle, True)] * (middle not in hard))
            corners = [
                (tuple(z for z, _ in corner), any(soft for _, soft in corner))
                for corner in itertools.product(*choices, inner)
            ]
            out.append(corners)
        return out

    @functools.cached_property
    def _ends(self) -> list[float]:
        rng = np.random.default_rng(0)
        return self.sets.visible_ends([a.points(rng.laplace(size=_SETTINGS)) for a in self.outer])

    @functools.cached_property
    def _samples(self) -> list[FloatArray]:
        """Points of each outer input at which curves are looked at."""
        share = np.arange(_BETWEEN) / _BETWEEN
        out = []
        for axis in self.outer:
            inner = axis.marks[:-1, None] + np.diff(axis.marks)[:, None] * share
            out.append(np.unique(axis.points(np.append(inner.ravel(), axis.marks[-1]))))
        return out


def _of_some(curve: Integrand, problem: IntArray, k: IntArray, x: FloatArray) -> FloatArray:
    """Values of a curve for the k-th of some problems."""
    return curve(problem[k], x)
