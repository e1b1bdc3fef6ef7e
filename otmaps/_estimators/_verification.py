"""Lines of points with one in every stratum, on which what is known of an operation is verified.

A feature of one input of probability 2 / n has a point of a line of n points in it for certain. For
those of several inputs there are lines of several lengths, under as many settings of the others.
"""

from __future__ import annotations

import dataclasses
import functools
import math
from collections.abc import Iterator
from typing import TypeAlias, final

import numpy as np
import numpy.typing as npt

from otmaps._arrays import FloatArray
from otmaps._estimators._axes import Axis
from otmaps._estimators._places import places_given, surroundings
from otmaps._operations import Operation

BoolArray: TypeAlias = npt.NDArray[np.bool_]

_BULK = 40.0  # a depth
_OWN = 0.75  # of the points are as their law draws them, the rest even in depth
_KNOTS = np.concatenate([np.linspace(0.0, 2.0, 120, endpoint=False), np.geomspace(2.0, _BULK, 300)])
_ALONE = ((1, 1 << 19),)
_SHAPES = ((1 << 9, 1 << 8), (1 << 6, 1 << 11), (1 << 3, 1 << 14))
_AROUND = (1 << 8, 1 << 9)  # rows and points next to places
_GIVEN = 2  # settings under which places depend on the other inputs
_NEAREST = 15.0  # decades
_SLOW = 64  # times fewer points of a function that runs in Python


@final
@dataclasses.dataclass(frozen=True, eq=False)
class Lines:
    """Values of an operation on increasing points of one input, in rows of settings of the others.

    Attributes
    ----------
    rest : list of ndarray, shape (rows,)
        The other inputs.
    z, values : ndarray, shape (rows, points)
    strata : bool
        Whether the points follow the probability, and are not crowded near places.
    """

    rest: list[FloatArray]
    z: FloatArray
    values: FloatArray
    strata: bool


@final
@dataclasses.dataclass(frozen=True, eq=False)
class Strata:
    """Draws of an input by strata: most as its law draws them, some from far out."""

    axis: Axis

    @functools.cached_property
    def _table(self) -> tuple[FloatArray, FloatArray, FloatArray]:
        """Shares of the draws below knots, the knots, and their points."""
        t = np.concatenate([-_KNOTS[:0:-1], _KNOTS])
        law = np.where(t < 0.0, 0.5 * np.exp(-np.abs(t)), 1.0 - 0.5 * np.exp(-np.abs(t)))
        share = _OWN * law + (1.0 - _OWN) * 0.5 * (t / _BULK + 1.0)
        return (share - share[0]) / (share[-1] - share[0]), t, self.axis.points(t)

    def points(self, u: FloatArray) -> FloatArray:
        """The points below which a share u of the draws lies."""
        share, _, z = self._table
        return np.asarray(np.interp(u, share, z))

    def weights(self, z: FloatArray) -> FloatArray:
        """The probability of points over the density of draws there, about."""
        _, t, points = self._table
        own = 0.5 * np.exp(-np.abs(np.interp(z, points, t)))
        return np.asarray(own / (_OWN * own + (1.0 - _OWN) / (2.0 * _BULK)))


def lines(
    op: Operation,
    axes: list[Axis],
    inner: int,
    places: list[FloatArray],
    rng: np.random.Generator,
) -> Iterator[Lines]:
    """Lines along an input: of several lengths, and near places of all inputs."""
    strata = [Strata(axis) for axis in axes]
    others = [j for j in range(len(axes)) if j != inner]
    fewer = _SLOW if op.evaluation == "Python loop" else 1

    def found(rest: list[FloatArray], z: FloatArray, *, strata: bool) -> Lines:
        each = [np.repeat(r, z.shape[1]) for r in rest]
        values = np.asarray(op.raw(*each[:inner], z.ravel(), *each[inner:]))
        return Lines(rest, z, values.reshape(z.shape), strata)

    for rows, count in _SHAPES if others else _ALONE:
        n = max(count // fewer, 64)
        rest = [strata[j].points(_even(rows, rng)) for j in others]
        u = (np.arange(n) + rng.random((rows, n))) / n
        yield found(rest, strata[inner].points(u), strata=True)
    if any(p.size for p in places):
        rows, count = _AROUND if others else (1, _AROUND[0] * _AROUND[1])
        rest = [near(places[j], strata[j], rows, rng) for j in others]
        z = near(places[inner], strata[inner], rows * count, rng)
        yield found(rest, np.sort(z.reshape(rows, count), axis=1), strata=False)
    scale = float(np.subtract(*axes[inner].points(np.array([0.7, -0.7]))))
    low, high = axes[inner].ends
    for _ in range(_GIVEN if others else 0):
        rest = [strata[j].points(rng.uniform(0.2, 0.8, 1)) for j in others]
        near_ones = places_given(op, inner, axes[inner], [float(r[0]) for r in rest])
        if near_ones.size:
            z = surroundings(near_ones, scale)
            yield found(rest, z[None, (z >= low) & (z <= high)], strata=False)


def _even(n: int, rng: np.random.Generator) -> FloatArray:
    """One number of each n-th of (0, 1), in any order."""
    return np.asarray((rng.permutation(n) + rng.random(n)) / n)


def near(places: FloatArray, strata: Strata, n: int, rng: np.random.Generator) -> FloatArray:
    """Draws of which three of four, where there are places, lie next to one at some distance."""
    plain = strata.points(_even(n, rng))
    if not places.size:
        return plain
    scale = float(np.subtract(*strata.axis.points(np.array([0.7, -0.7]))))
    at = places[rng.integers(0, places.size, n)]
    distance = np.maximum(np.abs(at), scale) * 10.0 ** -rng.uniform(0.3, _NEAREST, n)
    around = at + rng.choice([-1.0, 1.0], n) * distance
    support = strata.axis.ends
    return np.where(rng.random(n) < 0.25, plain, np.clip(around, *support))


def probability_of_faults(line: Lines, axes: list[Axis], inner: int) -> tuple[float, list[float]]:
    """About the probability of values that are not finite on a line of strata, and an example."""
    bad = ~np.isfinite(line.values)
    if not (line.strata and bad.any()):
        return 0.0, []
    row, k = np.nonzero(bad)
    z = [*(r[row] for r in line.rest)]
    z.insert(inner, line.z[row, k])
    weights = np.prod([Strata(a).weights(x) for a, x in zip(axes, z, strict=True)], axis=0)
    at = int(np.argmax(weights))
    return math.fsum(weights) / bad.size, [float(x[at]) for x in z]


def sizes(g: FloatArray) -> FloatArray:
    """The size of the values of each row: the distance of their quartiles."""
    some = np.sort(np.clip(g[:, :: max(g.shape[1] // 64, 1)], -1e300, 1e300), axis=1)
    count = np.count_nonzero(~np.isnan(some), axis=1)
    rows = np.arange(len(g))
    return np.asarray(some[rows, 3 * count // 4 - (count > 0)] - some[rows, count // 4])


def flat_values(g: FloatArray) -> FloatArray:
    """The values that three points of a line in a row share, and not all of its points."""
    same = (g[2:] == g[1:-1]) & (g[1:-1] == g[:-2])
    if not same.any() or same.all():
        return g[:0]
    return np.unique(g[1:-1][same & np.isfinite(g[1:-1])])
