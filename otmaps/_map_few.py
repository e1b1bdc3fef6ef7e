"""Fitting the inner range of a map by one or two polynomials, and cells that follow them."""

from __future__ import annotations

import dataclasses
import functools
import math
from collections.abc import Sequence
from typing import final

import numpy as np

from otmaps._arrays import FloatArray
from otmaps._kernels import _maps as k
from otmaps._kernels._matrices import product
from otmaps._map_cells import BETWEEN, NODES, Cells, Frame, fit, horner
from otmaps._map_exact import Problem
from otmaps._map_inner import (
    DEGREES,
    N_STATED,
    NOTHING,
    STEPS,
    Inner,
    horner_down,
    joined,
    never_falls,
    variable,
)

_chebyshev = np.polynomial.chebyshev
_MASSES = (1e-4, 2e-4, 4e-4, 7e-4, 1e-3, 2e-3, 5e-3)  # of each tail, left to the cells
_WIDEST = 24.0  # quartile distances: beyond, a polynomial is in vain
_KNOTS = (0.3, 0.37, 0.5, 0.65)  # where two polynomials may meet, as a part of the range
_POLES = (0.2, 0.25, 0.32, 0.4, 0.55, 0.75, 1.0, 2.0)  # of the variable, as a part of the range
_ROUNDING = 0.1  # of tol
_MARGIN = 0.95  # of the goal: the probes are few
_MODEL_NODES, _MODEL_POLE, _MODEL_SHARE = 48, 0.35, 0.01  # of the goal, for the last of its terms
_TERMS = 32  # of the series that the polynomials are cut from
_TRIES = 12
_FOLLOWED = 4e-15  # how closely the cells follow the polynomials, in the unit
_MOST_BUCKETS = 2048
_PROBES = np.cos(np.pi * (np.arange(41) + 0.5) / 41)
# Measured: nanoseconds for one and for two polynomials of 8 coefficients, for each further one,
# for a division, for a block that holds values outside, and for each of these.
_PRICE, _PRICE_OF_A_POWER = (0.7, 1.2), (0.045, 0.09)
_PRICE_OF_A_POLE, _PRICE_OF_A_BLOCK, _PRICE_OUTSIDE = 0.12, 200.0, 60.0


def _at(s: FloatArray) -> FloatArray:
    """From coefficients of `_TERMS` Chebyshev polynomials to values at s."""
    return np.ascontiguousarray(_chebyshev.chebvander(s, _TERMS - 1).T)


_AT_PROBES = _at(_PROBES)


@functools.cache
def _nodes(n: int) -> FloatArray:
    """Chebyshev's points with both ends, from left to right."""
    return np.asarray(-np.cos(np.pi * np.arange(n) / (n - 1)))


@functools.cache
def _to_series(n: int) -> FloatArray:
    """From values at n nodes to the coefficients of the interpolant in Chebyshev polynomials.

    Rows are multiplied by it from the left, as by all matrices here. It is the discrete cosine
    transform: Trefethen, Approximation Theory and Approximation Practice, 2013, chapter 4.
    """
    last = n - 1
    half = np.ones(n)
    half[[0, last]] = 0.5
    turns = (last - np.arange(n)[:, None]) * np.arange(n) % (2 * last)
    cosines = np.array([math.cos(math.pi * i / last) for i in range(2 * last)])
    return np.asarray(2.0 / last * half[:, None] * half * cosines[turns])


@functools.cache
def _to_fewer(n: int) -> FloatArray:
    """From coefficients of `_TERMS` Chebyshev polynomials to those of the interpolant at n nodes.

    A series that is cut off would not keep the ends: where a map is odd, it would jump.
    """
    return product(_at(_nodes(n)), _to_series(n))


@functools.cache
def _to_powers(n: int) -> FloatArray:
    """From coefficients of Chebyshev polynomials to those of powers, the highest first: integers.

    The two steps in one matrix would lose seven digits by its rounding.
    """
    powers = np.zeros((n, n))
    for degree in range(n):
        powers[degree, : degree + 1] = _chebyshev.cheb2poly(np.eye(n)[degree])[: degree + 1]
    return np.ascontiguousarray(powers[:, ::-1])


@final
@dataclasses.dataclass(frozen=True, eq=False)
class _Range:
    """A range of y: where distances w and values are measured from, and what lies outside."""

    centre: float
    offset: float
    reach: float
    mass: float
    kinks: tuple[float, ...]  # in w, inside

    @property
    def price(self) -> float:
        """What a value costs because of those outside."""
        blocks = -math.expm1(k.BLOCK * math.log1p(-self.mass))  # that hold some
        return blocks * _PRICE_OF_A_BLOCK / k.BLOCK + self.mass * _PRICE_OUTSIDE


@final
@dataclasses.dataclass(frozen=True, eq=False)
class _Choice:
    """One or two polynomials on a range, not yet held to the exact map."""

    range: _Range
    knots: tuple[float, ...]  # in w
    pole: float
    powers: FloatArray

    @property
    def price(self) -> float:
        """What a value costs, about, in nanoseconds."""
        cells, degree = self.powers.shape
        powers = _PRICE_OF_A_POWER[cells - 1] * (degree - DEGREES[0])
        pole = _PRICE_OF_A_POLE * (self.pole > 0.0)
        return float(_PRICE[cells - 1] + powers + pole + self.range.price)


def _points(a: FloatArray, b: FloatArray, pole: FloatArray, s: FloatArray) -> FloatArray:
    """The w from a to b whose variables are those at s of the cells; shape (cells, points)."""
    a, b, pole = a[:, None], b[:, None], pole[:, None]
    straight = 0.5 * (a + b) + 0.5 * (b - a) * s
    # With t from 0 to 1 for u from -1 / (a + pole) to -1 / (b + pole).
    t = 0.5 + 0.5 * s
    near = a + np.where(pole > 0.0, pole, 1.0)
    bent = a + (b - a) * t * near / (near + (b - a) * (1.0 - t))
    return np.asarray(np.clip(np.where(pole > 0.0, bent, straight), a, b))


@final
@dataclasses.dataclass(frozen=True, eq=False)
class _Model:
    """The map by interpolation at many nodes, so that the laws are asked once.

    Where it is wrong, a fit to it fails at the probes.
    """

    range: _Range
    knots: FloatArray
    series: FloatArray

    @staticmethod
    def of(problem: Problem, whole: _Range) -> _Model:
        knots = np.array([0.0, *whole.kinks, whole.reach])
        a, b = knots[:-1], knots[1:]
        width = b - a
        w = a[:, None] + _points(0.0 * a, width, _MODEL_POLE * width, _nodes(_MODEL_NODES))
        values = problem.exact(whole.centre + w.ravel()).reshape(w.shape)
        return _Model(whole, knots, product(values, _to_series(_MODEL_NODES)))

    def __call__(self, y: FloatArray) -> FloatArray:
        w = y - self.range.centre
        cell = np.clip(np.searchsorted(self.knots, w, side="right") - 1, 0, len(self.series) - 1)
        width = np.diff(self.knots)[cell]
        t = (w - self.knots[cell]) / width
        # The inverse of `_points`.
        s = 2.0 * t * (1.0 + _MODEL_POLE) / (t + _MODEL_POLE) - 1.0
        values = [_chebyshev.chebval(s, row) for row in self.series]
        return np.asarray(np.choose(cell, values))

    def settled(self, error: float) -> bool:
        """Whether its last terms are small."""
        return bool(np.abs(self.series[:, -4:]).max() <= error)


def inner_range(
    problem: Problem, frame: Frame, goal: float, kinks: tuple[FloatArray, FloatArray]
) -> Inner:
    """The cheapest polynomials that are within ``goal`` of the map, or `NOTHING`.

    ``kinks`` is what `kinks_of` says.
    """
    if problem.dense or _widest_bucket(frame) < frame.fine or kinks[1].size:
        return NOTHING
    source, target = problem.exact.source, problem.exact.target
    fold = source.symmetry is not None and target.symmetry is not None
    ranges = _ranges(problem, frame, kinks[0], fold=fold)
    if ranges and not ranges[0].kinks:
        found = _proven(problem, [_cheapest(problem, ranges[0])], goal, fold=fold)
        if len(found.powers):
            return found
    while ranges:
        model = _Model.of(problem, ranges[0])
        if model.settled(_MODEL_SHARE * goal * problem.scale):
            break
        ranges = ranges[1:]
    else:
        return NOTHING
    one = _by_one(problem, model, [r for r in ranges if not r.kinks], goal)
    found = NOTHING
    if not ranges[0].kinks:
        found = _proven(problem, one, goal, fold=fold)
    if not len(found.powers):
        both = [*one, *_by_two(problem, model, ranges, goal)]
        found = _proven(problem, both, goal, fold=fold)
    return found


def _ranges(problem: Problem, frame: Frame, kinks: FloatArray, *, fold: bool) -> list[_Range]:
    """Ranges with one kink at most, from the widest on."""
    source, target = problem.exact.source, problem.exact.target
    tails = np.array([*_MASSES, 0.25])
    highs = np.asarray(source.isf(tails))
    lows = np.full_like(highs, source.symmetry) if fold else np.asarray(source.ppf(tails))
    offsets = np.full_like(highs, target.symmetry) if fold else problem.exact(lows)
    masses = 2.0 * tails if fold else np.asarray(source.cdf(lows) + source.sf(highs))
    quartiles = (highs[-1] - lows[-1]) * (2.0 if fold else 1.0)
    resolved = 64.0 * float(np.spacing(max(abs(frame.low), abs(frame.high))))
    found = []
    rows = np.column_stack([lows, highs, offsets, masses])[:-1].tolist()
    for low, high, offset, mass in rows:
        w = np.sort(np.abs(kinks - low) if fold else kinks - low)
        w = w[(np.diff(w, prepend=-math.inf) > resolved) & (w > resolved)]
        inside = w[w < high - low - resolved]
        reach = (high - low) * (2.0 if fold else 1.0)
        if inside.size <= 1 and 1e3 * resolved < reach <= _WIDEST * quartiles:
            found.append(_Range(low, offset, high - low, mass, tuple(inside.tolist())))
    return found


def _cheapest(problem: Problem, widest: _Range) -> _Choice:
    """The fewest powers of the distance, on the widest range: nothing is faster."""
    n, knots = DEGREES[0], np.array([0.0, widest.reach])
    w = _points(knots[:1], knots[1:], np.zeros(1), _nodes(n))[0]
    values = problem.exact(widest.centre + w) - widest.offset
    powers = product(product(values[None, :], _to_series(n)), _to_powers(n))
    return _Choice(widest, (0.0, widest.reach), 0.0, powers)


def _by_one(problem: Problem, model: _Model, ranges: list[_Range], goal: float) -> list[_Choice]:
    """One polynomial on a range, in each of the variables."""
    cells = [(r, (0.0, r.reach), pole * r.reach) for r in ranges for pole in (0.0, *_POLES)]
    return _choices(problem, model, cells, goal)


def _by_two(problem: Problem, model: _Model, ranges: list[_Range], goal: float) -> list[_Choice]:
    """Two that meet at the kink, or somewhere."""
    cells = [
        (r, (0.0, knot, r.reach), 0.0)
        for r in ranges
        for knot in (r.kinks or [part * r.reach for part in _KNOTS])
    ]
    return _choices(problem, model, cells, goal)


def _choices(
    problem: Problem,
    model: _Model,
    cells: Sequence[tuple[_Range, tuple[float, ...], float]],
    goal: float,
) -> list[_Choice]:
    """For each range with its knots and its pole, the fewest powers that are close to the model."""
    if not cells:
        return []
    knots = np.array([c[1] for c in cells])
    n = knots.shape[1] - 1
    a, b = knots[:, :-1].ravel(), knots[:, 1:].ravel()
    pole = np.repeat([c[2] for c in cells], n)
    centre = np.repeat([c[0].centre for c in cells], n)
    values = model(centre[:, None] + _points(a, b, pole, _nodes(_TERMS)))
    series = product(values, _to_series(_TERMS))
    truth = product(series, _AT_PROBES)
    allowed = _MARGIN * goal * problem.unit(truth)
    found: list[_Choice] = []
    left = np.ones(len(cells), dtype=bool)
    for degree in DEGREES:
        if not left.any():
            break
        fewer = product(series, _to_fewer(degree))
        gap = np.abs(product(fewer, _AT_PROBES[:degree]) - truth)
        good = np.all(gap <= allowed, axis=1).reshape(-1, n).all(axis=1) & left
        left &= ~good
        for i in np.flatnonzero(good).tolist():
            whole, inner_knots, pole_there = cells[i]
            powers = product(fewer[n * i : n * i + n], _to_powers(degree))
            powers[:, -1] -= whole.offset
            found.append(_Choice(whole, inner_knots, pole_there, powers))
    return found


def _proven(problem: Problem, choices: list[_Choice], goal: float, *, fold: bool) -> Inner:
    """The cheapest that the exact map bears out and that is proven to rise."""
    for choice in sorted(choices, key=lambda c: c.price)[:_TRIES]:
        knots = np.array(choice.knots)
        w = _points(knots[:-1], knots[1:], np.full(len(knots) - 1, choice.pole), _PROBES)
        truth = problem.exact(choice.range.centre + w.ravel()).reshape(w.shape)
        found = horner_down(choice.powers[:, None, :], np.tile(_PROBES, (len(w), 1)))
        found += choice.range.offset
        if not np.all(np.abs(found - truth) <= _MARGIN * goal * problem.unit(truth)):
            continue
        stated = _stated(choice, fold=fold)
        # The finest that is proven to be coarse enough.
        inner = next((i for i in map(stated.stepped, STEPS.tolist()) if never_falls(i)), NOTHING)
        small = inner.rounding() <= _ROUNDING * max(goal, problem.tol) * problem.scale
        if len(inner.powers) and small:
            return inner
    return NOTHING


def _stated(choice: _Choice, *, fold: bool) -> Inner:
    numbers, knots = np.zeros(N_STATED), np.array(choice.knots)
    numbers[[k.FOLD, k.CENTRE, k.OFFSET]] = float(fold), choice.range.centre, choice.range.offset
    numbers[k.LOWEST] = -knots[-1] if fold else 0.0
    numbers[[k.HIGHEST, k.KNOT, k.POLE]] = knots[-1], knots[1], choice.pole
    u = variable(knots, choice.pole)
    cells = len(choice.powers)
    numbers[[k.MIDDLE, k.MIDDLE_2][:cells]] = 0.5 * (u[:-1] + u[1:])
    numbers[[k.INVERSE, k.INVERSE_2][:cells]] = 2.0 / np.diff(u)
    return joined(numbers, choice.powers.copy())


def _widest_bucket(frame: Frame) -> float:
    """Of such width a whole number fills the core."""
    return frame.coarse / 16.0


def following_cells(
    problem: Problem, frame: Frame, records: FloatArray, inner: Inner
) -> tuple[FloatArray, float, float]:
    """The records with cells of degree 5 that follow the polynomials in the inner range.

    Returns
    -------
    records : ndarray
    width : float
        Of a bucket of the core.
    error : float
        How far the computed values of both may be apart, in the unit of the problem.
    """
    edges = inner.edges()
    width, former = frame.coarse, math.inf
    finest = max(frame.fine, (frame.high - frame.low) / _MOST_BUCKETS)
    while True:
        below, above = (math.floor((e - frame.low) / width) for e in edges[[0, -1]])
        grid = np.append(frame.low + width * np.arange(below, above + 1), frame.high)
        grid = grid[(grid > edges[0]) & (grid < edges[-1])]
        all_edges = np.unique(np.concatenate([edges, grid]))
        left, right = all_edges[:-1], all_edges[1:]
        values, coefficients, gap = _following(problem, inner, left, right)
        if gap <= _FOLLOWED or gap > 0.25 * former or width < 2.0 * finest:
            break
        # Half the width makes a 64th of the gap, until rounding is all that is left.
        halvings = max(math.ceil(math.log(gap / _FOLLOWED, 64.0)), 1)
        width *= 0.5 ** min(halvings, math.floor(math.log2(width / finest)))
        former = gap
    fresh = np.zeros((left.size, 8))
    fresh[:, k.EDGE], fresh[:, k.INVERSE_WIDTH] = left, 1.0 / (right - left)
    fresh[:, k.C0], fresh[:, k.C1 :] = values, coefficients
    before, after = records[:, k.EDGE] < edges[0], records[:, k.EDGE] >= edges[-1]
    joined = np.concatenate([records[before], fresh, records[after]])
    return joined, min(width, _widest_bucket(frame)), gap + inner.rounding() / problem.scale


def _following(
    problem: Problem, inner: Inner, left: FloatArray, right: FloatArray
) -> tuple[FloatArray, FloatArray, float]:
    """Values at the left, coefficients of the rise, and how far they are from the polynomials."""
    span = (right - left)[:, None]
    nodes, probes = left[:, None] + span * NODES, left[:, None] + span * BETWEEN
    nodes[:, -1] = right
    values = inner.values(np.hstack([nodes, probes]))
    at_nodes, truth = values[:, : NODES.size], values[:, NODES.size :]
    no = np.zeros(left.size, dtype=bool)
    cells = Cells(left, right, values[:, 0], at_nodes[:, -1], no, no)
    coefficients = fit(cells, nodes, at_nodes)
    found = values[:, :1] + horner((probes - left[:, None]) / span, coefficients)
    gap = float((np.abs(found - truth) / problem.unit(truth)).max())
    return values[:, 0], coefficients, gap
