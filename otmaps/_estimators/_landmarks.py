"""What is to be known of a law before it is tabulated: its ends, its kinks, its bulk, its atoms."""

from __future__ import annotations

import dataclasses
import math
from typing import final

import numpy as np

from otmaps._arrays import FloatArray
from otmaps._estimators._axes import DEEPEST, Axis
from otmaps._estimators._branches import Parts
from otmaps._inversion import midpoint
from otmaps._operations import Operation

_DRAWS = 1 << 14
_GRIDS = {1: 4001, 2: 101, 3: 41}
_FLIP_ROWS = 24
_PLATEAU_SETTINGS = 3
_RARELY = 0.01  # of draws that are no atoms
_MOST_FLIPS = 8
_MOST_KINKS = 40
_SAME = 1e-12
_OUT_OF_SIGHT = 1e12  # of the scale: as far as the doubles next to a pole go
_TINY = 1e-250  # what halving leaves of a 0
_NEXT_TO_ZERO = 1e-120  # whose square is a double
_FAR = 60.0  # a depth that no law reaches by chance


@final
@dataclasses.dataclass(frozen=True, eq=False)
class Landmarks:
    """Ends, kinks and bulk of the values of an operation.

    Attributes
    ----------
    ends : tuple of float
        The support; infinite where values go on growing.
    kinks : tuple of float
        Values, inside, at which the law may be singular.
    median, scale : float
        Of draws: roughly.
    repeated : tuple of float
        Values that draws take again and again: the atoms.
    """

    ends: tuple[float, float]
    kinks: tuple[float, ...]
    median: float
    scale: float
    repeated: tuple[float, ...]


def flips(op: Operation, inner: int, parts: Parts, axes: list[Axis], outer: int) -> list[float]:
    """Points of an outer input at which the operation turns its direction in the inner one."""
    rng = np.random.default_rng(5 + outer)
    axis = axes[outer]
    t = np.concatenate([-np.geomspace(DEEPEST, 0.05, 90), [0.0], np.geomspace(0.05, DEEPEST, 90)])
    z = axis.points(t)
    rows = _FLIP_ROWS if len(axes) > 2 else 1
    settings = [a.points(rng.laplace(size=rows)) for a in axes]

    def directions(x: FloatArray, row: np.ndarray) -> FloatArray:
        latents = [s[row] for s in settings]
        latents[outer] = x
        out = []
        for low, high in zip(parts.low, parts.high, strict=True):
            ends = []
            for end in (low, high):
                latents[inner] = np.full(x.size, end)
                ends.append(np.asarray(op.raw(*latents)))
            out.append(np.sign(np.clip(ends[1], -1e300, 1e300) - np.clip(ends[0], -1e300, 1e300)))
        return np.stack(out)

    row = np.repeat(np.arange(rows), z.size)
    signs = directions(np.tile(z, rows), row).reshape(len(parts.low), rows, z.size)
    part, at, k = np.nonzero((signs[..., 1:] != signs[..., :-1]) & ~np.isnan(signs[..., 1:]))
    if not part.size or part.size > 64 * rows:
        return []
    low, high, left = z[k], z[k + 1], signs[part, at, k]
    for _ in range(1100):
        middle = midpoint(low, high)
        inside = (middle > low) & (middle < high)
        if not inside.any():
            break
        same = directions(middle, at)[part, np.arange(part.size)] == left
        low = np.where(inside & same, middle, low)
        high = np.where(inside & ~same, middle, high)
    found = _apart(high[np.abs(axis.depth(high)) < _FAR], axis)
    return found if len(found) <= _MOST_FLIPS else []


def plain(points: set[float], axis: Axis) -> list[float]:
    """Special points in order, without copies that rounding makes."""
    return _apart(np.array(sorted(points)), axis)


def _apart(points: FloatArray, axis: Axis) -> list[float]:
    """Points of an axis without those that rounding alone keeps apart."""
    low, high = axis.points(np.array([-0.7, 0.7])).tolist()
    found: list[float] = []
    for x in np.sort(points).tolist():
        if found and x - found[-1] <= 1e-13 * max(abs(x), high - low):
            found[-1] = min(x, found[-1], key=abs)
        else:
            found.append(x)
    return [x if abs(x) > _TINY else 0.0 for x in found]


def landmarks(
    op: Operation,
    axes: list[Axis],
    special: list[list[float]],
    sides: list[list[float]],
    flats: list[float],
) -> Landmarks:
    """The landmarks of an operation, given the special points of each input.

    Parameters
    ----------
    op : Operation
    axes : list of Axis
    special : list of list of float
        Of each input the points at which the operation turns or flips.
    sides : list of list of float
        The same, with both neighbours of a jump.
    flats : list of float
        Values that were met again and again.
    """
    rng = np.random.default_rng(11)
    draws = np.asarray(op.raw(*(np.asarray(a.law.rvs(_DRAWS, rng)) for a in axes)))
    draws = np.sort(draws[np.isfinite(draws)])
    values, counts = np.unique(draws, return_counts=True)
    repeated = np.union1d(values[counts >= 3], flats)
    plain = draws[~np.isin(draws, repeated)]
    if len(axes) == 1 or plain.size < _RARELY * draws.size:  # else rare atoms hardly matter
        repeated = np.union1d(repeated, _plateaus(op, axes))
        plain = draws[~np.isin(draws, repeated)]
    if plain.size < 20:
        plain = draws
    quartiles = np.quantile(plain, [0.25, 0.5, 0.75])
    scale = float(quartiles[2] - quartiles[0])
    lowest, highest = _ends(op, axes, sides, scale)
    kinks = _kinks(op, axes, special, scale)
    for i, own in enumerate(special):  # in one input: a corner has no value beside it
        around = [y for x in own for y in _neighbours(x)]
        for k in _kinks(op, axes, [*special[:i], around, *special[i + 1 :]], scale):
            if abs(k) < _OUT_OF_SIGHT * scale and not _near(k, (*kinks, *repeated), scale):
                kinks.append(k)
    ends = lowest, highest
    inside = [k for k in sorted(kinks) if lowest < k < highest and not _near(k, ends, scale)]
    return Landmarks(ends, tuple(inside), float(quartiles[1]), scale, tuple(repeated.tolist()))


def _neighbours(x: float) -> tuple[float, float]:
    """Points on both sides: a jump has its own value at neither."""
    if x == 0.0:
        return -_NEXT_TO_ZERO, _NEXT_TO_ZERO
    return math.nextafter(x, -math.inf), math.nextafter(x, math.inf)


def _plateaus(op: Operation, axes: list[Axis]) -> FloatArray:
    """Values that an operation keeps over a range of an input, wherever the others are."""
    deep = np.linspace(40.0, DEEPEST, 33_001)
    t = np.concatenate([-deep[::-1], np.linspace(-40.0, 40.0, 40_001)[1:-1], deep])
    rng = np.random.default_rng(7)
    found = np.empty(0)
    for i, axis in enumerate(axes):
        kept: FloatArray | None = None
        for _ in range(1 if len(axes) == 1 else _PLATEAU_SETTINGS):
            latents = [np.full(t.size, float(a.law.rvs(None, rng))) for a in axes]
            latents[i] = axis.points(t)
            values = np.asarray(op.raw(*latents))
            own = np.unique(values[1:][(values[1:] == values[:-1]) & np.isfinite(values[1:])])
            kept = own if kept is None else np.intersect1d(kept, own)
        found = np.union1d(found, np.empty(0) if kept is None else kept)
    return found


def _near(x: float, others: tuple[float, ...], scale: float) -> bool:
    return any(abs(x - y) <= _SAME * max(abs(y), scale) for y in others if math.isfinite(y))


def _at(op: Operation, points: list[FloatArray]) -> FloatArray:
    """The operation on the grid of all combinations of points."""
    grid = np.meshgrid(*points, indexing="ij")
    return np.asarray(op.raw(*(g.ravel() for g in grid)))


def _ends(
    op: Operation, axes: list[Axis], special: list[list[float]], scale: float
) -> tuple[float, float]:
    """The ends of the values; infinite where the far ends of inputs go farther than the rest."""
    n = _GRIDS[len(axes)] // 2
    t = np.concatenate([-np.geomspace(DEEPEST, 0.02, n), [0.0], np.geomspace(0.02, DEEPEST, n)])
    points, near = [], []
    for axis, own in zip(axes, special, strict=True):
        z, support = axis.points(t), axis.law.support()
        # The ends themselves say what a function tends to, where it knows.
        z = np.concatenate([z, support, own])
        points.append(z)
        reachable = np.ones(z.size, dtype=bool)
        reachable[: t.size] = np.abs(t) <= _FAR
        near.append(reachable)
    values = _at(op, points)
    attainable = np.ones(1, dtype=bool)
    for flags in near:
        attainable = np.logical_and.outer(attainable, flags).ravel()
    out = []
    for sign in (1.0, -1.0):
        signed = sign * values
        signed = np.where(np.isnan(signed), np.inf, signed)
        least = float(signed.min())
        best = float(signed[attainable].min())
        settled = abs(best) < _OUT_OF_SIGHT * scale and best - least <= _SAME * max(
            scale, abs(least)
        )
        out.append(sign * min(best, least) if settled else -sign * math.inf)
    return out[0], out[1]


def _kinks(
    op: Operation, axes: list[Axis], special: list[list[float]], scale: float
) -> list[float]:
    """Values at the corners of the ranges over which the operation is regular."""
    corners = []
    for axis, own in zip(axes, special, strict=True):
        finite = [e for e in axis.law.support() if math.isfinite(e)]
        places = sorted({*own, *axis.law.breakpoints, *finite})
        corners.append(np.array(places or [float(axis.law.ppf(0.5))]))
    loose = [i for i, axis in enumerate(axes) if not special[i] and not axis.law.breakpoints]
    values = _at(op, corners)
    for level in (0.137, 0.871):  # what changes with an input that has no corner is no kink
        moved = list(corners)
        for i in loose:
            moved[i] = np.array([float(axes[i].law.ppf(level))])
        values = np.where(_at(op, moved) == values, values, np.nan)
    found: list[float] = []
    for v in np.sort(values[np.isfinite(values)]):
        if not found or not _near(float(v), (found[-1],), scale):
            found.append(float(v))
    return found if len(found) <= _MOST_KINKS else []
