"""Cells that serve a whole range of parameters: their edges move with the kinks of the map.

The line is cut at the kinks of a map, and each segment is parametrised from 0 to 1: between kinks
in proportion, towards an end in geometric steps. A cell keeps its place in its segment while the
kinks move, so a map and its cells depend on the parameters as smoothly as the law does.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Sequence
from typing import final

import numpy as np
import numpy.typing as npt

from otmaps._arrays import FloatArray
from otmaps._kernels import _maps as k
from otmaps._map_build import continuation
from otmaps._map_cells import BETWEEN, MORE, NODES, Cells, Refined, fit, horner, outermost
from otmaps._map_exact import Problem
from otmaps._map_proof import never_falls
from otmaps._map_table import N_STATED

BoolArray = npt.NDArray[np.bool_]

_MOST_CELLS = 6000  # of a panel: beyond, the maps have no shape that cells could follow
_ULPS = 512.0  # of a finite end, next to which no cell is resolved; interpolation loses some
_EPS = float(np.finfo(float).eps)
_MERGED = 64.0 * _EPS  # kinks that are one, in units of the scale
_OCTAVES = 2.0  # of the distance from an end or a centre, that a cell may span
_ULPS_IN_U = 2.0
_BLUR = 1e-10  # of the coefficients of a cell, that interpolation may change them by

SLIGHT = 1e-12
"""Negative coefficients of this part of all are taken for 0."""
_BETWEEN = np.sort(np.concatenate([BETWEEN, MORE, [1e-6, 1e-3, 1.0 - 1e-3, 1.0 - 1e-6]]))


@final
@dataclasses.dataclass(frozen=True, eq=False)
class Marks:
    """Where the segments of one map end: the first edge, the kinks, the last edge."""

    points: FloatArray
    support: tuple[float, float]
    scale: float

    def position(self, segment: npt.NDArray[np.intp], x: FloatArray) -> FloatArray:
        """The points at ``x``, from 0 to 1, of their segments."""
        left, right = self.points[segment], self.points[segment + 1]
        y = left + x * (right - left)
        last = self.points.size - 2
        for side, mine in ((k.LOW, segment == 0), (k.HIGH, segment == last)):
            outward = x[mine] if side == k.HIGH else 1.0 - x[mine]
            y[mine] = self._outer(side, outward)
        return np.asarray(np.where(x == 0.0, left, np.where(x == 1.0, right, y)))

    def _outer(self, side: int, x: FloatArray) -> FloatArray:
        """The outermost segment, x from its kink outward."""
        sign = -1.0 if side == k.LOW else 1.0
        far, kink = self.points[[0, 1] if side == k.LOW else [-1, -2]]
        end = self.support[side]
        if math.isfinite(end):
            length, least = abs(end - kink), abs(end - far)
            return np.asarray(end - sign * length * (least / length) ** x)
        growth = math.log1p(abs(far - kink) / self.scale)
        return np.asarray(kink + sign * self.scale * np.expm1(growth * x))

    def octaves(self, side: int) -> float:
        """How many octaves the outermost segment spans."""
        far, kink = self.points[[0, 1] if side == k.LOW else [-1, -2]]
        end = self.support[side]
        if math.isfinite(end):
            return math.log2(abs(end - kink) / abs(end - far))
        return math.log2(1.0 + abs(far - kink) / self.scale)


def find_marks(problem: Problem) -> Marks:
    """The kinks of a map between the outermost points that cells serve; its centre without any."""
    source, target = problem.exact.source, problem.exact.target
    low, high = outermost(problem, k.LOW), outermost(problem, k.HIGH)
    support = source.support()
    # In proportion to the end, and not to the floats there: these jump by a factor of two.
    room = [_ULPS * _EPS * abs(x) if math.isfinite(x) else 0.0 for x in support]
    low = max(low, support[0] + room[0])
    high = min(high, support[1] - room[1])
    images = problem.exact.preimage(np.array(target.breakpoints)) if target.breakpoints else ()
    kinks = np.array(source.breakpoints)
    for image in images:  # of a quantile, so known to rounding in units of the scale alone
        if np.abs(kinks - image).min(initial=math.inf) > _MERGED * max(problem.scale, abs(image)):
            kinks = np.append(kinks, image)
    kinks = np.sort(kinks[(kinks > low) & (kinks < high)])
    inner = kinks if kinks.size else np.array([source.median()])
    return Marks(np.array([low, *inner, high]), support, problem.scale)


@final
@dataclasses.dataclass(frozen=True, eq=False)
class Places:
    """Cells by their place: segment, and from where to where in it."""

    segment: npt.NDArray[np.intp]
    left: FloatArray
    right: FloatArray
    depth: npt.NDArray[np.intp]

    def __getitem__(self, which: BoolArray | npt.NDArray[np.intp]) -> Places:
        return Places(*(getattr(self, f.name)[which] for f in dataclasses.fields(self)))

    def halves(self, inner: tuple[int, int]) -> Places:
        """Each cell cut in two: in the middle, after a while closer to the kink it touches.

        ``inner`` are the first and the last segment: the outer ends of these are no kinks.
        """
        x = 0.5 * (self.left + self.right)
        width, deep = self.right - self.left, self.depth >= 3
        below = deep & (self.left == 0.0) & (self.segment > inner[0])
        above = deep & (self.right == 1.0) & (self.segment < inner[1])
        x = np.where(below, self.left + width / 16.0, x)
        x = np.where(above, self.right - width / 16.0, x)
        deeper = self.depth + 1
        return Places(
            np.tile(self.segment, 2),
            np.concatenate([self.left, x]),
            np.concatenate([x, self.right]),
            np.tile(deeper, 2),
        )


def first_places(marks: Sequence[Marks]) -> Places:
    """Whole segments; towards the ends cells of two octaves for each of the maps."""
    last = marks[0].points.size - 2
    counts = np.full(last + 1, 1)
    for side, segment in ((k.LOW, 0), (k.HIGH, last)):
        widest = max(m.octaves(side) for m in marks)
        counts[segment] = max(2, math.ceil(widest / _OCTAVES))
    segments = np.repeat(np.arange(last + 1), counts)
    number = np.concatenate([np.arange(n) for n in counts])
    of = counts[segments]
    return Places(segments, number / of, (number + 1) / of, np.zeros(number.size, dtype=np.intp))


@final
@dataclasses.dataclass(frozen=True, eq=False)
class Sampled:
    """Records of each map, shape (maps, cells + 1, 8), on the cells that serve all of them."""

    records: FloatArray
    ends: FloatArray  # (maps, 4): the finite ends of the support, the powers of the continuations


def sample(
    problems: Sequence[Problem], marks: Sequence[Marks], goal: float, judged: Sequence[bool]
) -> Sampled | None:
    """Polynomials of every map on common cells, cut until each is within ``goal`` at the probes.

    Only of those that are ``judged``: others have the marks of one that is, and may have kinks
    inside the cells. None where too many cells would be needed.
    """
    pending, done, count = first_places(marks), [], 0
    inner = 0, marks[0].points.size - 2
    while pending.left.size:
        parts = [_polynomials(p, m, pending) for p, m in zip(problems, marks, strict=True)]
        good = np.logical_and.reduce(
            [part.error <= goal for part, counts in zip(parts, judged, strict=True) if counts]
        )
        good |= np.logical_or.reduce([part.narrow for part in parts])
        done.append((pending[good], [part.rows[good] for part in parts]))
        count += int(good.sum())
        if count + 2 * int((~good).sum()) > _MOST_CELLS:
            return None
        pending = pending[~good].halves(inner)
    places = [p for p, _ in done]
    segment, left = (
        np.concatenate([getattr(p, name) for p in places]) for name in ("segment", "left")
    )
    order = np.lexsort((left, segment))
    records = []
    for i, problem in enumerate(problems):
        rows = np.concatenate([rows[i] for _, rows in done])[order]
        last = np.zeros((1, 8))
        last[0, k.EDGE] = marks[i].points[-1]
        last[0, k.C0] = problem.exact(last[0, k.EDGE])[0]
        records.append(np.concatenate([rows, last]))
    ends = [_ends(p, m, r) for p, m, r in zip(problems, marks, records, strict=True)]
    return Sampled(np.array(records), np.array(ends))


@final
@dataclasses.dataclass(frozen=True, eq=False)
class _Part:
    rows: FloatArray  # (cells, 8)
    error: FloatArray
    narrow: BoolArray


def _polynomials(problem: Problem, marks: Marks, places: Places) -> _Part:
    left = marks.position(places.segment, places.left)
    right = marks.position(places.segment, places.right)
    width = right - left
    nodes = left[:, None] + width[:, None] * NODES
    nodes[:, -1] = right
    probes = cell_probes(left, right)
    points = np.hstack([nodes, probes])
    values = problem.exact(points.ravel()).reshape(points.shape)
    at_nodes, truth = values[:, : NODES.size], values[:, NODES.size :]
    no = np.zeros(left.size, dtype=bool)
    cells = Cells(left, right, at_nodes[:, 0], at_nodes[:, -1], no, no)
    with np.errstate(all="ignore"):
        coefficients = fit(cells, nodes, at_nodes)
        s = (probes - left[:, None]) / width[:, None]
        found = at_nodes[:, :1] + horner(s, coefficients)
        error = (np.abs(found - truth) / problem.unit(truth)).max(axis=1)
    if problem.dense:
        error = np.maximum(error, problem.in_u(found, truth, _ULPS_IN_U).max(axis=1))
    # What is not proven to rise between the maps will be a line there.
    rows = np.column_stack([left, 1.0 / width, at_nodes[:, 0], coefficients])
    bent = np.abs(coefficients[:, 1:]).sum(axis=1) / np.minimum(
        *problem.unit(at_nodes[:, [0, -1]]).T
    )
    error = np.where(_surely_rises(rows), error, np.maximum(error, bent))
    narrow = width <= _ULPS * np.spacing(np.maximum(np.abs(left), np.abs(right)))
    return _Part(rows, np.nan_to_num(error, nan=math.inf), narrow)


def _surely_rises(rows: FloatArray) -> BoolArray:
    """Of which cells it stays proven that they rise when their coefficients change a little."""
    c = rows[:, k.C1 :]
    size = np.abs(c).sum(axis=1)
    shifted = np.vstack([rows, np.zeros((1, 8))])
    shifted[:-1, k.C1] -= _BLUR * size
    kept = np.all(c >= -SLIGHT * size[:, None], axis=1)
    return np.asarray(kept | never_falls(shifted, math.inf))


def cell_probes(left: FloatArray, right: FloatArray) -> FloatArray:
    """Points of each cell between its nodes, some next to its ends; shape (cells, points)."""
    points = left[:, None] + (right - left)[:, None] * _BETWEEN
    last = np.nextafter(right, -np.inf)
    return np.asarray(np.clip(points, left[:, None], np.maximum(last, left)[:, None]))


def _ends(problem: Problem, marks: Marks, records: FloatArray) -> FloatArray:
    """What changes with the parameters at the ends: finite supports, and powers."""
    numbers = []
    powers = []
    for side, row in ((k.LOW, 0), (k.HIGH, -1)):
        support = marks.support[side]
        numbers.append(support if math.isfinite(support) else 0.0)
        end = np.zeros(N_STATED)
        end[k.LIMIT] = problem.exact.target.support()[side]
        sign = -1.0 if side == k.LOW else 1.0
        end[k.SIGN] = -sign if math.isfinite(support) else sign
        anchor = support if math.isfinite(support) else 0.5 * (marks.points[1] + marks.points[-2])
        edge, value = records[row, k.EDGE], records[row, k.C0]
        end[k.REACH] = end[k.SIGN] * (edge - anchor)
        powers.append(continuation(problem, end, edge, value)[1])
    return np.array([*numbers, *powers])


def refined_at(
    records: FloatArray, found: FloatArray, probes: FloatArray, exact: FloatArray
) -> Refined:
    """The cells of a table as `otmaps._map_build` measures them."""
    edges, values = records[:, k.EDGE], records[:, k.C0]
    no = np.zeros(edges.size - 1, dtype=bool)
    cells = Cells(edges[:-1], edges[1:], values[:-1], values[1:], no, no)
    return Refined(cells, records[:-1, k.C1 :], probes, exact, found)
