"""Fitting the inner range of a map by one or two polynomials, and cells that follow them."""

from __future__ import annotations

import dataclasses
import functools
import math
from collections.abc import Callable
from typing import TypeAlias, final

import numpy as np

from otmaps._arrays import FloatArray
from otmaps._kernels import _maps as k
from otmaps._map_cells import BETWEEN, NODES, Cells, Frame, fit, horner, kinks_of
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
)

Model: TypeAlias = Callable[[FloatArray], FloatArray]

_chebyshev = np.polynomial.chebyshev
_MASSES = (2e-4, 1e-3, 2e-3, 5e-3)  # of each tail, left to the cells
_KNOTS = (0.3, 0.37, 0.5, 0.65)  # where two polynomials may meet, as a part of the range
_MARGIN = 0.95  # of the goal: the probes are few
_MODEL_NODES = 28
_FOLLOWED = 4e-15  # how closely the cells follow the polynomials, in the unit
_MOST_BUCKETS = 2048
_PROBES = np.cos(np.pi * (np.arange(41) + 0.5) / 41)
# Measured: nanoseconds for one and for two polynomials of 8 coefficients, for each further one,
# and for a value that is left to the cells.
_PRICE, _PRICE_OF_A_POWER, _PRICE_OUTSIDE = (1.15, 1.55), (0.04, 0.045), 40.0


@functools.cache
def _nodes(n: int) -> FloatArray:
    """Chebyshev's points with both ends, from left to right."""
    return np.asarray(-np.cos(np.pi * np.arange(n) / (n - 1)))


@functools.cache
def _to_series(n: int) -> FloatArray:
    """From values at n nodes to the coefficients of the interpolant in Chebyshev polynomials."""
    return np.asarray(np.linalg.inv(_chebyshev.chebvander(_nodes(n), n - 1)))


@functools.cache
def _to_powers(n: int) -> FloatArray:
    """From coefficients of Chebyshev polynomials to those of powers, the highest first: integers.

    The two steps in one matrix would lose seven digits by its rounding.
    """
    powers = np.zeros((n, n))
    for degree in range(n):
        powers[: degree + 1, degree] = _chebyshev.cheb2poly(np.eye(n)[degree])[: degree + 1]
    return np.asarray(powers[::-1])


@final
@dataclasses.dataclass(frozen=True, eq=False)
class _Candidate:
    """A range cut in one or two cells, in w: where to sample the map, and what it costs."""

    knots: tuple[float, ...]
    mass: float

    def points(self, at: FloatArray) -> FloatArray:
        """Points of each cell, for s from -1 to 1; shape (cells, points)."""
        a, b = np.array(self.knots[:-1])[:, None], np.array(self.knots[1:])[:, None]
        points = 0.5 * (a + b) + 0.5 * (b - a) * at
        return np.asarray(np.clip(points, a, b))

    def price(self, degree: int) -> float:
        """What a value costs, about, in nanoseconds."""
        cells = len(self.knots) - 1
        powers = _PRICE_OF_A_POWER[cells - 1] * (degree - DEGREES[0])
        return _PRICE[cells - 1] + powers + self.mass * _PRICE_OUTSIDE


def inner_range(problem: Problem, frame: Frame, goal: float) -> Inner:
    """The cheapest polynomials that are within ``goal`` of the map, or `NOTHING`."""
    source, target = problem.exact.source, problem.exact.target
    if problem.dense or _widest_bucket(frame) < frame.fine:
        return NOTHING
    fold = source.symmetry is not None and target.symmetry is not None
    centre, offset = (source.symmetry or 0.0, target.symmetry or 0.0) if fold else (0.0, 0.0)
    candidates = _candidates(problem, frame, centre, fold=fold)
    if not candidates:
        return NOTHING

    def exact(w: FloatArray) -> FloatArray:
        return np.asarray(problem.exact(centre + w.ravel()) - offset).reshape(w.shape)

    widest = max(candidates, key=lambda c: (c.knots[-1] - c.knots[0], len(c.knots)))
    model = _model(widest, exact)
    choices = sorted(
        ((c.price(n), i, n) for i, c in enumerate(candidates) for n in DEGREES), key=lambda x: x[0]
    )
    for _, i, n in choices:
        candidate = candidates[i]
        powers = model(candidate.points(_nodes(n))) @ _to_series(n).T @ _to_powers(n).T
        probes = candidate.points(_PROBES)
        if not _is_close(problem, powers, model(probes), goal, offset):
            continue
        if not _is_close(problem, powers, exact(probes), goal, offset):
            continue
        for step in STEPS:  # the finest that is proven to be coarse enough
            found = _stated(candidate, powers, (centre, offset, step), fold=fold)
            if never_falls(found):
                return found
    return NOTHING


def _model(widest: _Candidate, exact: Callable[[FloatArray], FloatArray]) -> Model:
    """The map by interpolation at many nodes, so that the laws are asked once.

    Where it is wrong, a fit to it fails at the probes.
    """
    knots = np.array(widest.knots)
    series = exact(widest.points(_nodes(_MODEL_NODES))) @ _to_series(_MODEL_NODES).T

    def model(w: FloatArray) -> FloatArray:
        cell = np.clip(np.searchsorted(knots, w, side="right") - 1, 0, len(series) - 1)
        a, b = knots[cell], knots[cell + 1]
        s = (2.0 * w - a - b) / (b - a)
        values = [_chebyshev.chebval(s, row) for row in series]
        return np.asarray(np.choose(cell, values))

    return model


def _candidates(problem: Problem, frame: Frame, centre: float, *, fold: bool) -> list[_Candidate]:
    kinks, jumps = kinks_of(problem, frame)
    if jumps.size:
        return []
    kinks, source = kinks - centre, problem.exact.source
    resolved = 64.0 * float(np.spacing(max(abs(frame.low), abs(frame.high))))
    if fold:
        kinks = np.sort(np.abs(kinks))
        kinks = kinks[(np.diff(kinks, prepend=-math.inf) > resolved) & (kinks > resolved)]
    tails = np.array(_MASSES)
    lows = np.maximum(source.ppf(tails), frame.low) - centre
    highs = np.minimum(source.isf(tails), frame.high) - centre
    if fold:
        lows, highs = np.zeros_like(lows), np.minimum(-lows, highs)
    below = source.cdf(centre + (-highs if fold else lows))
    outside = np.asarray(below + source.sf(centre + highs))
    found: dict[tuple[float, ...], _Candidate] = {}
    for low, high, mass in zip(lows.tolist(), highs.tolist(), outside.tolist(), strict=True):
        inside = kinks[(kinks > low + resolved) & (kinks < high - resolved)]
        if not low + 1e3 * resolved < high or inside.size > 1:
            continue
        cuts = [(float(inside[0]),)] if inside.size else [(low + p * (high - low),) for p in _KNOTS]
        for knots in cuts if inside.size else [(), *cuts]:
            key = (low, *knots, high)
            found.setdefault(key, _Candidate(key, mass))
    return list(found.values())


def _is_close(
    problem: Problem, powers: FloatArray, truth: FloatArray, goal: float, offset: float
) -> bool:
    """Whether the polynomials are within the goal of the values at the probes."""
    found = horner_down(powers[:, None, :], np.tile(_PROBES, (len(truth), 1)))
    return bool(np.all(np.abs(found - truth) <= _MARGIN * goal * problem.unit(truth + offset)))


def _stated(
    candidate: _Candidate, powers: FloatArray, middle: tuple[float, float, float], *, fold: bool
) -> Inner:
    knots = candidate.knots
    numbers = np.zeros(N_STATED)
    numbers[[k.FOLD, k.CENTRE, k.OFFSET, k.STEP]] = float(fold), *middle
    numbers[k.LOWEST] = -knots[-1] if fold else knots[0]
    numbers[k.HIGHEST], numbers[k.KNOT] = knots[-1], knots[1]
    for cell, (at, inverse) in enumerate(((k.MIDDLE, k.INVERSE), (k.MIDDLE_2, k.INVERSE_2))):
        if cell < len(powers):
            a, b = knots[cell], knots[cell + 1]
            numbers[[at, inverse]] = 0.5 * (a + b), 2.0 / (b - a)
    return joined(numbers, powers)


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
    width, gap, former = 2.0 * _widest_bucket(frame), math.inf, math.inf
    # Half the width makes a 64th of the gap, until rounding is all that is left.
    while gap > _FOLLOWED and width >= 2.0 * frame.fine:
        if 0.25 * former < gap < math.inf or (
            (frame.high - frame.low) / width > 0.5 * _MOST_BUCKETS
        ):
            break
        width, former = 0.5 * width, gap
        grid = np.arange(frame.low, frame.high + 0.5 * width, width)
        grid = grid[(grid > edges[0]) & (grid < edges[-1])]
        all_edges = np.unique(np.concatenate([edges, grid]))
        left, right = all_edges[:-1], all_edges[1:]
        span = (right - left)[:, None]
        nodes, probes = left[:, None] + span * NODES, left[:, None] + span * BETWEEN
        nodes[:, -1] = right
        values = inner.values(nodes)
        no = np.zeros(left.size, dtype=bool)
        cells = Cells(left, right, values[:, 0], values[:, -1], no, no)
        coefficients = fit(cells, nodes, values)
        s = (probes - left[:, None]) / span
        truth = inner.values(probes)
        found = values[:, :1] + horner(s, coefficients)
        gap = float((np.abs(found - truth) / problem.unit(truth)).max())
    fresh = np.zeros((left.size, 8))
    fresh[:, k.EDGE], fresh[:, k.INVERSE_WIDTH] = left, 1.0 / (right - left)
    fresh[:, k.C0], fresh[:, k.C1 :] = values[:, 0], coefficients
    before, after = records[:, k.EDGE] < edges[0], records[:, k.EDGE] >= edges[-1]
    joined = np.concatenate([records[before], fresh, records[after]])
    return joined, width, gap + inner.rounding() / problem.scale
