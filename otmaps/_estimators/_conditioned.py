"""Probabilities of an operation, by level sets in one input and quadrature over the others."""

from __future__ import annotations

import dataclasses
import functools
from typing import TypeAlias, final

import numpy as np
import numpy.typing as npt

from otmaps._arrays import FloatArray
from otmaps._errors import AccuracyError
from otmaps._estimators._axes import Axis
from otmaps._estimators._level_sets import Level, LevelSets
from otmaps._estimators._quadrature import Integrand, integrate, intervals
from otmaps._estimators._roots import level_roots

IntArray: TypeAlias = npt.NDArray[np.intp]

_GRID = 32.0 * float(np.finfo(float).eps)
_SETTINGS = 64
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
        no_kinks = np.empty(0, dtype=np.intp), np.empty(0)
        kinks = self._kinks(rest, n, above, upto) if last else no_kinks

        def integrand(problem: IntArray, t: FloatArray) -> FloatArray:
            z = axis.points(t)
            given = [*(r[problem] for r in rest), z]
            low, high = (None if v is None else v.take(problem) for v in (above, upto))
            return self._mass(given, t.size, low, high, floor) * axis.measure(t, z)

        work = intervals(n, axis.marks, axis.specials, kinks)
        # What an inner integral leaves must not look like roughness to the outer one.
        relative = np.full(n, self.relative * 0.1 ** len(rest))
        if above is not None and upto is not None:
            # Between near levels the rounding of the roots is all that can be had.
            size = np.maximum(np.abs(above.y), np.abs(upto.y))
            with np.errstate(divide="ignore", invalid="ignore"):
                relative = np.fmax(relative, _GRID * size / (upto.y - above.y))
        allowed = relative, np.full(n, floor)
        value, spent = integrate(integrand, work, n, allowed, self.budget)
        if last:
            self.spent.append(spent * (1 + self.sets.low.size))
            if sum(self.spent) > self.most:
                raise AccuracyError(
                    f"quadrature took {sum(self.spent)} ends of level sets, more than allowed; "
                    "pass otmaps.Conditioning(budget=...), or another method."
                )
        return value

    def _kinks(
        self, rest: list[FloatArray], n: int, above: Level | None, upto: Level | None
    ) -> tuple[IntArray, FloatArray]:
        """Where, over the last outer input, a level passes the value at an end of a part."""
        t = self._samples
        problems, places = [np.empty(0, dtype=np.intp)], [np.empty(0)]
        for end in self._ends:

            def curve(problem: IntArray, t: FloatArray, end: float = end) -> FloatArray:
                given = [*(r[problem] for r in rest), self.outer[-1].points(t)]
                return self.sets.values(np.full(t.size, end), given)

            count = n if rest else 1
            values = curve(np.repeat(np.arange(count), t.size), np.tile(t, count))
            values = np.broadcast_to(values.reshape(count, t.size), (n, t.size))
            for level in (above, upto):
                if level is None:
                    continue
                below = level.below(values)
                i, j = np.nonzero(below[:, 1:] != below[:, :-1])
                roots = level_roots(
                    functools.partial(_of_some, curve, i),
                    (t[j], t[j + 1]),
                    (values[i, j], values[i, j + 1]),
                    level.y[i],
                    _NO_RUNGS,
                    tiny=1e-300,
                    strict=level.strict,
                )
                problems.append(i)
                places.append(roots)
        return np.concatenate(problems), np.concatenate(places)

    @functools.cached_property
    def _ends(self) -> list[float]:
        rng = np.random.default_rng(0)
        return self.sets.visible_ends([a.points(rng.laplace(size=_SETTINGS)) for a in self.outer])

    @functools.cached_property
    def _samples(self) -> FloatArray:
        """Coordinates of the last outer input at which curves are looked at."""
        marks = self.outer[-1].marks
        share = np.arange(_BETWEEN) / _BETWEEN
        inner = marks[:-1, None] + np.diff(marks)[:, None] * share
        return np.append(inner.ravel(), marks[-1])


def _of_some(curve: Integrand, problem: IntArray, k: IntArray, t: FloatArray) -> FloatArray:
    """Values of a curve for the k-th of some problems."""
    return curve(problem[k], t)
