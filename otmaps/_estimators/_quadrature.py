"""Integrals of many functions over one input, by halving the intervals that need it."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from otmaps._arrays import FloatArray
from otmaps._errors import AccuracyError

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
# Next to a special point an interval is looked at on these scales too: shares of its width.
_SCALES = np.array([1e-3, 1e-5, 1e-9, 1e-15, 1e-30, 1e-60, 1e-120, 1e-240])
_REACHES = np.append(0.01, _SCALES[:-1])
_INTERPOLATION = (_VANDERMONDE * (_W[:, None] * (np.arange(NODES) + 0.5))).T
_AT_SCALES, _AT_SCALES_OF_ROOT = (
    np.polynomial.legendre.legvander(2.0 * u - 1.0, NODES - 1) @ _INTERPOLATION
    for u in (_SCALES, 1.0 - np.sqrt(1.0 - _SCALES))  # the other end smooth, or a root
)
_LEAST_WIDTH = 2e-14
ROUGH, SMOOTHER = 1e-3, 1e-8  # of the size of an integrand: no rounding is larger
_SMALL = 1.0 / 64.0
_CHUNK = 1 << 13  # intervals at a time
_MOST_ROUNDS = 60
_NARROWEST = 1e-295
_NOTHING = 1e-316
_TWINS = 1e-2
_NEXT_TO = 0.25  # of the distance between marks
_FEW = 8  # a single problem may take that much more


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

    def take(self, mask: BoolArray | IntArray | slice) -> Intervals:
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
        small = width * np.minimum(_SMALL, width)  # by squares: 1e-300 is ten steps away
        end = np.abs(np.where(at_low, self.low, self.high))
        small = np.maximum(small, 1e-3 * _NARROWEST + 8.0 * np.spacing(end))
        cut = np.where(at_low, self.low + small, cut)
        cut = np.where(at_high, self.high - small, cut)
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


@dataclasses.dataclass(frozen=True, eq=False)
class Kinks:
    """Coordinates at which single problems have something that is not smooth.

    Attributes
    ----------
    problem : ndarray of int
    t : ndarray
        There the integrand may have a root.
    abrupt : ndarray of bool
        Whether any scale may matter next to it, as at a special point.
    """

    problem: IntArray
    t: FloatArray
    abrupt: BoolArray

    @staticmethod
    def of(problem: IntArray, t: FloatArray, *, abrupt: bool) -> Kinks:
        """Kinks of one sort."""
        return Kinks(problem, t, np.full(t.size, abrupt))

    @staticmethod
    def join(parts: list[Kinks]) -> Kinks:
        """All of these."""
        none = Kinks.of(np.empty(0, dtype=np.intp), np.empty(0), abrupt=False)
        names = [f.name for f in dataclasses.fields(Kinks)]
        return Kinks(*(np.concatenate([getattr(p, n) for p in (none, *parts)]) for n in names))


def intervals(
    count: int,
    marks: FloatArray,
    special: FloatArray,
    fixed: FloatArray,
    kinks: Kinks,
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
    fixed : ndarray
        Those that stay where a kink is near.
    kinks : Kinks
    """
    keep = _clear(count, marks, fixed, kinks)
    problem = np.concatenate([np.repeat(np.arange(count), marks.size)[keep], kinks.problem])
    t = np.concatenate([np.tile(marks, count)[keep], kinks.t])
    root = np.arange(t.size) >= t.size - kinks.t.size
    near = np.append(np.isin(np.tile(marks, count)[keep], special), kinks.abrupt)
    order = np.lexsort((root, t, problem))
    problem, t, root, near = problem[order], t[order], root[order], near[order]
    # What happens between two kinks next to one another goes on beyond them on the same scale.
    twins = (problem[1:] == problem[:-1]) & root[1:] & root[:-1]
    twins &= t[1:] - t[:-1] < _TWINS * (1.0 + 0.1 * np.abs(t[1:]))
    near[1:] |= twins
    near[:-1] |= twins
    root &= ~near
    same = (problem[1:] == problem[:-1]) & (t[1:] - t[:-1] > 1e-15 * np.abs(t[1:]))
    low, high = slice(None, -1), slice(1, None)
    none = np.zeros(problem.size - 1)
    ends = (problem[low], t[low], t[high], root[low], root[high], near[low], near[high], none, none)
    work = Intervals(*(e[same] for e in ends))
    if not special.size:
        return work
    # What a kink cuts off from a special point is seen on the scale of its distance from it.
    middle = 0.5 * (work.low + work.high)
    k = np.clip(np.searchsorted(marks, middle) - 1, 0, marks.size - 2)
    below = np.isin(marks[k], special) & (work.low > marks[k])
    above = np.isin(marks[k + 1], special) & (work.high < marks[k + 1]) & ~below
    side = np.where(below & ~work.near_high, 1.0, np.where(above & ~work.near_low, -1.0, 0.0))
    origin = np.where(side > 0.0, marks[k], np.where(side < 0.0, marks[k + 1], 0.0))
    return dataclasses.replace(work, origin=origin, side=side)


def _clear(count: int, marks: FloatArray, fixed: FloatArray, kinks: Kinks) -> IntArray:
    """Which marks of each problem stay: what a kink stands next to is better cut there alone.

    Otherwise a narrow change at the kink, on the other side of the mark, would meet no node.
    """
    keep = np.ones((count, marks.size), dtype=bool)
    problem, t = kinks.problem, kinks.t
    above = np.clip(np.searchsorted(marks, t), 1, marks.size - 1)
    near = _NEXT_TO * (marks[above] - marks[above - 1])
    for k in (above - 1, above):
        close = np.abs(t - marks[k]) < near
        keep[problem[close], k[close]] = False
    keep[:, [0, -1]] = True
    keep[:, np.isin(marks, fixed)] = True
    return np.flatnonzero(keep)


def integrate(
    integrand: Integrand,
    work: Intervals,
    count: int,
    allowed: Allowed,
    budget: int,
    *,
    roughest: float = ROUGH,
) -> tuple[FloatArray, int]:
    """Integrals over the intervals of each problem, and how many values that took.

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
        The most evaluations of the integrand for one problem, on average.
    roughest : float
        The most rounding that values of the integrand may have, as a share of its size.

    Raises
    ------
    AccuracyError
        Where the budget does not do.
    """
    done = np.zeros(count)
    before = np.empty(0)
    spent = 0
    for _ in range(_MOST_ROUNDS):
        starts = range(0, work.size, _CHUNK)
        parts = [_rule(integrand, work.take(slice(k, k + _CHUNK)), roughest) for k in starts]
        value, gap, rough = (np.concatenate(column) for column in zip(*parts, strict=True))
        total = done + np.bincount(work.problem, value, count)
        limit = (0.1 * allowed[0] * total + allowed[1] + _NOTHING)[work.problem]
        ends = np.maximum(np.abs(work.low), np.abs(work.high))
        # Next to a special point only its own ulp limits what can be told apart.
        least = np.where(
            work.near_low | work.near_high, 64.0 * np.spacing(ends), _LEAST_WIDTH * ends
        )
        narrow = work.high - work.low <= np.maximum(least, _NARROWEST)
        good = (gap <= limit) | narrow | _noisy(rough, before)
        spent += value.size * NODES
        if spent > budget * (count + _FEW) and not good.all():
            raise AccuracyError(
                f"quadrature takes more than {budget} values of the operation for one of its law; "
                "it is too rough for that."
            )
        done += np.bincount(work.problem[good], value[good], count)
        if good.all():
            break
        left = work.take(~good)
        work = left.halves()
        # The small part at a special point may have all that its parent missed.
        before = np.where(left.near_low | left.near_high, np.inf, rough[~good])
    return done, spent


def _noisy(rough: FloatArray, before: FloatArray) -> BoolArray:
    """Which intervals hold rounding: as much of it in both halves as in the whole before.

    A kink or a jump stays in one half.
    """
    if not before.size:
        return np.zeros(rough.size, dtype=bool)
    pair = rough.reshape(2, -1)
    noisy = (pair.min(axis=0) > 0.02 * before) & (pair.max(axis=0) > 0.2 * before)
    return np.tile(noisy, 2)


def _rule(
    integrand: Integrand, work: Intervals, roughest: float
) -> tuple[FloatArray, FloatArray, FloatArray]:
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
    gap = 2.0 * late * fall**3
    for low in (True, False):
        at = np.flatnonzero((work.near_low if low else work.near_high) & (work.side == 0.0))
        if at.size:
            gap[at] += _hidden(integrand, work.take(at), values[at], low=low)
    level = np.sqrt(np.mean((np.abs(values @ _TO_COEFFICIENTS.T)) ** 2, axis=1))
    size = np.abs(values).max(axis=1)
    rough = np.where((fall > 0.2) & (level < roughest * size), level, 0.0)
    return (values * rate) @ _W, gap, rough


def _hidden(integrand: Integrand, work: Intervals, values: FloatArray, *, low: bool) -> FloatArray:
    """What may hide between a special point and the first node: looked for at all scales."""
    width = (work.high - work.low)[:, None]
    end = (work.low if low else work.high)[:, None]
    t = end + (1.0 if low else -1.0) * width * _SCALES
    found = integrand(np.repeat(work.problem, _SCALES.size), t.ravel()).reshape(t.shape)
    outward = values if low else values[:, ::-1]
    root = (work.root_high if low else work.root_low)[:, None]
    foretold = np.where(root, outward @ _AT_SCALES_OF_ROOT.T, outward @ _AT_SCALES.T)
    # A change that shows at one scale may go on to the one before.
    return np.asarray((np.abs(found - foretold) * width * _REACHES).max(axis=1))
