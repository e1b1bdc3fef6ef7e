"""Strata of small probability that a number of points may miss, and what they hold."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from otmaps._arrays import FloatArray
from otmaps._estimators._axes import Axis
from otmaps._estimators._base import Inputs
from otmaps._estimators._places import places_of
from otmaps._estimators._verification import Strata, near
from otmaps._expressions import Expression
from otmaps._operations import Operation

IntArray: TypeAlias = npt.NDArray[np.intp]
Values: TypeAlias = Callable[[IntArray, FloatArray], FloatArray]  # of rows at probabilities

_DRAWS = 1 << 16
_NEAR = 1 << 13
_ENOUGH = 16  # points in a stratum, whose spread replicates show
_UNLIKELY = 1e-3  # that no draw meets a stratum of the probability that is added for it
_DEVIATIONS = 3.3
_LINES = (4, 1 << 16), (64, 1 << 12), (512, 1 << 9)  # rows, and points of each for all inputs
_SHORTEST = 1 << 6
_SMALL = 1.0 / 16.0  # of the probability
_TOO_LARGE = 4.0  # times what a piece holds: what is stated for one that a single point meets
_NOISE = 1e-12
_HALVINGS, _STAYS = 40, 0.4
_STEEP = 20.0  # times the steps on both sides: a jump
_MOST_JUMPS = 8  # of a line


def rare_mass(op: Operation, inputs: Inputs, inner: int, n: int) -> float:
    """About the probability of strata that n points of all inputs but one may miss.

    Where the steps of the function can be followed, of either side of everything that is compared;
    where these show none, of what lies beyond a jump, or between two, on lines along single inputs.
    """
    axes = [Axis.of(law) for law in inputs]
    if not isinstance(op.expression, str):
        outside = [s for s in op.expression.switches() if s.root.latents != frozenset({inner})]
        mass = _beyond_switches(outside, op, axes, n) if outside else 0.0
        if mass:
            return mass
    found = [_beyond_jumps(op, axes, j) for j in range(len(axes))]
    return math.fsum(most for least, most in found if n * least < _ENOUGH)


def _beyond_switches(switches: list[Expression], op: Operation, axes: list[Axis], n: int) -> float:
    rng = np.random.default_rng(41)
    places = places_of(op, axes)
    strata = [Strata(axis) for axis in axes]
    u = np.array([(rng.permutation(_DRAWS) + rng.random(_DRAWS)) / _DRAWS for _ in axes])
    even = [s.points(x) for s, x in zip(strata, u, strict=True)]
    weights = np.prod([s.weights(z) for s, z in zip(strata, even, strict=True)], axis=0) / _DRAWS
    close = [near(p, s, _NEAR, rng) for p, s in zip(places, strata, strict=True)]
    total = 0.0
    for j, axis in enumerate(axes):
        own = [s for s in switches if s.root.latents == frozenset({j})]
        masses = _masses_between(own, places[j], axis, j)
        total += float(masses[n * masses < _ENOUGH].sum())
    for switch in (s for s in switches if len(s.root.latents) > 1):
        signs, near_signs = (np.sign(switch(*z)) for z in (even, close))
        for side in (-1.0, 1.0):
            mass = _mass_of_draws(weights[signs == side], bool(np.any(near_signs == side)))
            total += mass if n * mass < _ENOUGH else 0.0
    return total


def _mass_of_draws(weights: FloatArray, near_places: bool) -> float:
    """The probability of a side that these draws of strata lie on, rather too large than small."""
    if weights.size:
        spread = _DEVIATIONS * math.sqrt(float(np.sum(weights**2)))
        return float(weights.sum()) + spread
    return -math.log(_UNLIKELY) / _DRAWS if near_places else 0.0


def _masses_between(
    switches: list[Expression], places: FloatArray, axis: Axis, latent: int
) -> FloatArray:
    """The probabilities of the ranges of an input in which no switch changes its sign."""
    if not switches:
        return np.empty(0)
    low, high = axis.law.support()
    ends = np.concatenate([[low], places[(places > low) & (places < high)], [high]])
    inside = np.clip(ends, *axis.ends)
    z = [np.zeros(ends.size - 1)] * switches[0].latents
    z[latent] = 0.5 * inside[:-1] + 0.5 * inside[1:]
    wide = np.diff(inside) > 4.0 * np.spacing(np.abs(z[latent]))
    signs = np.nan_to_num(np.sign([s(*z) for s in switches]))[:, wide]
    ends = np.append(ends[:-1][wide], high)
    kept = np.append(True, np.any(signs[:, 1:] != signs[:, :-1], axis=0))
    ends = np.append(ends[:-1][kept], high)
    cdf, sf = np.asarray(axis.law.cdf(ends)), np.asarray(axis.law.sf(ends))
    return np.asarray(np.where(cdf[1:] < 0.5, np.diff(cdf), -np.diff(sf)))


def _beyond_jumps(op: Operation, axes: list[Axis], j: int) -> tuple[float, float]:
    """The least and most that small pieces between jumps of an input hold, as lines show."""
    rng = np.random.default_rng(43 + j)
    table = _quantiles(axes[j])
    least, most = math.inf, 0.0
    for rows, points in _LINES:
        count = max(points // len(axes), _SHORTEST)
        rest = [np.asarray(a.law.rvs(rows, rng)) for a in axes]

        def value(row: IntArray, u: FloatArray, rest: list[FloatArray] = rest) -> FloatArray:
            latents = [r[row] for r in rest]
            latents[j] = np.asarray(np.interp(u, *table))
            return np.asarray(np.clip(np.asarray(op.raw(*latents)), -1e300, 1e300))

        u = (np.arange(count) + rng.random((rows, 1))) / count
        g = value(np.repeat(np.arange(rows), count), u.ravel()).reshape(u.shape)
        masses = _small_pieces(value, u, g)
        spread = _DEVIATIONS * float(masses.std()) / math.sqrt(rows)
        if masses.any():
            least = min(least, float(masses.mean()) / _TOO_LARGE)
            most = max(most, float(masses.mean()) + spread)
    return least, most


def _small_pieces(value: Values, u: FloatArray, g: FloatArray) -> FloatArray:
    """What the small pieces between jumps hold, of each row of values g at probabilities u."""
    step = np.abs(np.diff(g, axis=1))
    suspect = np.zeros(step.shape, dtype=bool)
    noise = _NOISE * np.abs(g[:, 1:-2])
    suspect[:, 1:-1] = step[:, 1:-1] > _STEEP * (step[:, 2:] + step[:, :-2]) + noise
    # One point apart from its neighbours, which are near to one another.
    single = np.minimum(step[:, 1:], step[:, :-1])[:, 1:-1]
    around = np.abs(g[:, 3:-1] - g[:, 1:-3]) + step[:, :-3] + step[:, 3:]
    alone = single > _STEEP * around + _NOISE * np.abs(g[:, 2:-2])
    suspect[:, 1:-2] |= alone
    suspect[:, 2:-1] |= alone
    row, k = np.nonzero(suspect)
    share = _shares(value, row, (u[row, k], u[row, k + 1]), (g[row, k], g[row, k + 1]))
    pole = np.zeros(suspect.shape, dtype=bool)
    pole[row, k] = share >= 1.0 / _STAYS
    pole[:, 1:-1] |= pole[:, 2:] | pole[:, :-2]  # and the steps next to one
    sharp = (share > _STAYS) & ~pole[row, k]
    row, k = row[sharp], k[sharp]
    out = np.zeros(len(g))
    for i in np.unique(row):
        at = k[row == i]
        if at.size <= _MOST_JUMPS:
            pieces = np.diff(np.concatenate([[0.0], u[i, at], [1.0]])) + 2.0 / u.shape[1]
            out[i] = pieces[pieces < _SMALL].sum()
    return out


def _shares(
    value: Values,
    row: IntArray,
    ends: tuple[FloatArray, FloatArray],
    values: tuple[FloatArray, FloatArray],
) -> FloatArray:
    """What is left of a step when it is looked at closely: all at a jump, more next to a pole."""
    (low, high), (first, last) = ends, values
    whole = np.abs(last - first)
    for _ in range(_HALVINGS):
        middle = 0.5 * (low + high)
        here = value(row, middle)
        left = np.abs(here - first) > np.abs(last - here)
        low, high = np.where(left, low, middle), np.where(left, middle, high)
        first, last = np.where(left, first, here), np.where(left, here, last)
    return np.asarray(np.abs(last - first) / whole)


def _quantiles(axis: Axis) -> tuple[FloatArray, FloatArray]:
    """Probabilities and quantiles, between which points of a line are interpolated."""
    p = np.concatenate([np.geomspace(1e-12, 1e-2, 200), np.linspace(0.01, 0.5, 200)[1:]])
    low, high = np.asarray(axis.law.ppf(p)), np.asarray(axis.law.isf(p))
    return np.concatenate([p, 1.0 - p[-2::-1]]), np.concatenate([low, high[-2::-1]])
