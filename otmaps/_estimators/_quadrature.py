"""Integrals of many functions over one input, by halving the intervals that need it."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from otmaps._arrays import FloatArray

IntArray: TypeAlias = npt.NDArray[np.intp]
BoolArray: TypeAlias = npt.NDArray[np.bool_]
# Values of the problems with these numbers at these coordinates.
Integrand: TypeAlias = Callable[[IntArray, FloatArray], FloatArray]

Allowed: TypeAlias = tuple[FloatArray, FloatArray]

NODES = 16
_T, _W = np.polynomial.legendre.leggauss(NODES)
_SHARE = 0.5 * (_T + 1.0)
_VANDERMONDE = np.polynomial.legendre.legvander(_T, NODES - 1)
# The highest Legendre coefficients: how fast they fall, here and not before, says what is missed.
_DEGREES = np.arange(10, NODES)
_TO_COEFFICIENTS = (_VANDERMONDE[:, _DEGREES] * (_W[:, None] * (_DEGREES + 0.5))).T
_LEAST_WIDTH = 2e-14
_ROUGH = 1e-3  # of the size of an integrand: no rounding is larger
_SMALL = 1.0 / 64.0
_CHUNK = 1 << 13  # intervals at a time
_MOST_ROUNDS = 60


@dataclasses.dataclass(frozen=True, eq=False)
class Intervals:
    """Intervals of coordinates, each of one problem.

    Attributes
    ----------
    problem : ndarray of int
    low, high : ndarray
    root_low, root_high : ndarray of bool
        Whether the integrand may be smooth in the square root of the distance from that end alone.
    near_low, near_high : ndarray of bool
        Whether that end is a special point, next to which any scale may matter.
    origin, side : ndarray
        Where ``side`` is 1 (-1) the interval lies above (below) the special point ``origin``, and
        its variable is the logarithm of the distance from it.
    """

    problem: IntArray
    low: FloatArray
    high: FloatArray
    root_low: BoolArray
    root_high: BoolArray
    near_low: BoolArray
    near_high: BoolArray
    origin: FloatArray
    side: FloatArray

    @property
    def size(self) -> int:
        return self.low.size

    def take(self, mask: BoolArray | slice) -> Intervals:
        return Intervals(*(getattr(self, f.name)[mask] for f in dataclasses.fields(self)))

    def halves(self) -> Intervals:
        """Both parts of each: halves, of distances or logarithms, or a small part at an end."""
        cut = 0.5 * (self.low + self.high)
        graded = self.side != 0.0
        near, far = self.low - self.origin, self.high - self.origin
        geometric = self.origin + self.side * np.sqrt(np.abs(near)) * np.sqrt(np.abs(far))
        cut = np.where(graded, geometric, cut)
        width = self.high - self.low
        at_low = self.near_low & ~self.near_high
        at_high = self.near_high & ~self.near_low
        cut = np.where(at_low, self.low + _SMALL * width, cut)
        cut = np.where(at_high, self.high - _SMALL * width, cut)
        no = np.zeros(self.size, dtype=bool)
        lower = dataclasses.replace(
            self,
            high=cut,
            root_high=no,
            near_high=no,
            origin=np.where(at_high, self.high, self.origin),
            side=np.where(at_high, -1.0, self.side),
        )
        upper = dataclasses.replace(
            self,
            low=cut,
            root_low=no,
            near_low=no,
            origin=np.where(at_low, self.low, self.origin),
            side=np.where(at_low, 1.0, self.side),
        )
        names = [f.name for f in dataclasses.fields(self)]
        return Intervals(*(np.append(getattr(lower, n), getattr(upper, n)) for n in names))

    def nodes(self) -> tuple[FloatArray, FloatArray]:
        """Nodes and weights of a Gauss rule, in a variable that suits the interval."""
        u = np.broadcast_to(_SHARE, (self.size, NODES))
        low, high = self.root_low[:, None], self.root_high[:, None]
        share = np.where(
            low, np.where(high, u * u * (3.0 - 2.0 * u), u * u), np.where(high, u * (2.0 - u), u)
        )
        rate = np.where(
            low, np.where(high, 6.0 * u * (1.0 - u), 2.0 * u), np.where(high, 2.0 - 2.0 * u, 1.0)
        )
        width = (self.high - self.low)[:, None]
        t, weight = self.low[:, None] + width * share, 0.5 * width * rate
        k = np.flatnonzero(self.side)
        if k.size:
            side, origin = self.side[k, None], self.origin[k, None]
            first, last = (np.log(side * (e[k, None] - origin)) for e in (self.low, self.high))
            distance = np.exp(first + (last - first) * share[k])
            t[k] = origin + side * distance
            weight[k] = 0.5 * (last - first) * side * rate[k] * distance
        return t, weight


def intervals(
    count: int, marks: FloatArray, special: FloatArray, kinks: tuple[IntArray, FloatArray]
) -> Intervals:
    """The intervals between marks, and between the kinks that single problems have.

    Parameters
    ----------
    count : int
        How many problems.
    marks : ndarray
        Coordinates at which intervals of all problems end.
    special : ndarray
        Those of them next to which any scale may matter.
    kinks : tuple of ndarray
        Numbers of problems and a coordinate for each, at which the integrand may have a root.
    """
    problem = np.concatenate([np.repeat(np.arange(count), marks.size), kinks[0]])
    t = np.concatenate([np.tile(marks, count), kinks[1]])
    root = np.arange(t.size) >= count * marks.size
    order = np.lexsort((root, t, problem))
    problem, t, root = problem[order], t[order], root[order]
    near = np.isin(t, special) & ~root
    same = (problem[1:] == problem[:-1]) & (t[1:] - t[:-1] > 1e-15 * np.abs(t[1:]))
    low, high = slice(None, -1), slice(1, None)
    ends = (problem[low], t[low], t[high], root[low], root[high], near[low], near[high])
    nothing = np.zeros(int(same.sum()))
    return Intervals(*(e[same] for e in ends), nothing, nothing)


def integrate(
    integrand: Integrand, work: Intervals, count: int, allowed: Allowed, budget: int
) -> tuple[FloatArray, FloatArray]:
    """Integrals over the intervals of each problem, and estimates of their errors.

    Parameters
    ----------
    integrand : callable
        Non-negative.
    work : Intervals
    count : int
        How many problems.
    allowed : tuple of ndarray
        The relative and the absolute error to aim at, of each problem.
    budget : int
        The most evaluations of the integrand.
    """
    done, error = np.zeros(count), np.zeros(count)
    before = np.empty(0)
    for _ in range(_MOST_ROUNDS):
        starts = range(0, work.size, _CHUNK)
        parts = [_rule(integrand, work.take(slice(k, k + _CHUNK))) for k in starts]
        value, gap, rough = (np.concatenate(column) for column in zip(*parts, strict=True))
        total = done + np.bincount(work.problem, value, count)
        limit = (0.1 * allowed[0] * total + allowed[1])[work.problem]
        ends = np.maximum(np.abs(work.low), np.abs(work.high))
        narrow = work.high - work.low <= _LEAST_WIDTH * ends
        good = (gap <= limit) | narrow | _noisy(rough, before)
        budget -= value.size * NODES
        if budget < 0:
            good[:] = True
        done += np.bincount(work.problem[good], value[good], count)
        error += np.bincount(work.problem[good], gap[good], count)
        if good.all():
            break
        left = work.take(~good)
        work = left.halves()
        # The small part at a special point may have all that its parent missed.
        before = np.where(left.near_low | left.near_high, np.inf, rough[~good])
    return done, error


def _noisy(rough: FloatArray, before: FloatArray) -> BoolArray:
    """Which intervals hold rounding: as much of it in both halves as in the whole before.

    A kink or a jump stays in one half.
    """
    if not before.size:
        return np.zeros(rough.size, dtype=bool)
    pair = rough.reshape(2, -1)
    noisy = (pair.min(axis=0) > 0.02 * before) & (pair.max(axis=0) > 0.2 * before)
    return np.tile(noisy, 2)


def _rule(integrand: Integrand, work: Intervals) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Integrals, what their Legendre coefficients say of the error, and the size of the last ones.

    The last is 0 where the coefficients fall, and they are small: there is no rounding to be seen.
    """
    t, rate = work.nodes()
    problem = np.repeat(work.problem, NODES)
    values = integrand(problem, t.ravel()).reshape(t.shape)
    coefficients = np.abs((values * rate) @ _TO_COEFFICIENTS.T)
    early, late = coefficients[:, :3].max(axis=1), coefficients[:, 3:].max(axis=1)
    with np.errstate(divide="ignore", invalid="ignore"):
        fall = np.where(late > 0.0, np.minimum(late / early, 1.0), 0.0)
    level = np.sqrt(np.mean((np.abs(values @ _TO_COEFFICIENTS.T)) ** 2, axis=1))
    size = np.abs(values).max(axis=1)
    rough = np.where((fall > 0.2) & (level < _ROUGH * size), level, 0.0)
    return (values * rate) @ _W, 2.0 * late * fall**5, rough
