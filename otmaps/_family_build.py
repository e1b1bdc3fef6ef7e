"""Covering a box of parameters with panels, each measured against the exact maps between its nodes.

A box is halved until a panel serves it; next to the ends of the range, where the law may change
within any distance, it is cut in steps of a factor of four, and the last box, in which the map
hardly changes any more, is a straight line between two maps.
"""

from __future__ import annotations

import dataclasses
import itertools
import math
from collections.abc import Callable, Sequence
from typing import final

import numpy as np

from otmaps._arrays import FloatArray
from otmaps._distribution import Distribution
from otmaps._errors import AccuracyError, AtomError, UnservedError
from otmaps._family_cells import Marks, Sampled, cell_probes, find_marks, refined_at, sample
from otmaps._family_panels import Axis, Interval, Panel
from otmaps._kernels import _maps as k
from otmaps._map_build import continuation_error, tabulation_error
from otmaps._map_cells import SAFETY
from otmaps._map_exact import ExactMap, Problem, law_error, pose
from otmaps._map_table import Table

Point = tuple[float, ...]
LawAt = Callable[[Point], Distribution]

_DEGREES = ((4, 8, 16), (4, 8))  # of one parameter, and of two
_HOPEFUL = (1e6, 1e5)  # times the goal: a larger error is not mended by the next degree
_CELL_SHARE = 0.5  # of what the measured error may be, for the cells; the rest is interpolation
_STEP = 0.25  # of boxes at an end of the range
_SKIPPED = 2  # steps towards an end, after a box there failed, without another try
_MOST_PANELS = 4000
_CORE_MASS = 1e-3  # of each tail of the source, outside of the core
_STILL = 0.6  # in tol: maps that differ by less are taken for one that moves straight
_ALONG = np.array([1e-3, 0.02, 0.2, 0.5, 0.8, 0.98, 0.999])


@final
@dataclasses.dataclass(frozen=True)
class _Side:
    """One side of a box, and which ends of the range it touches or was cut from."""

    low: float
    high: float
    touches: tuple[bool, bool] = (False, False)
    origin: float | None = None

    def cut(self) -> tuple[_Side, _Side]:
        low, high = self.low, self.high
        if self.touches == (True, False):
            x = low + _STEP * (high - low)
            return _Side(low, x, self.touches), _Side(x, high, origin=low)
        if self.touches == (False, True):
            x = high - _STEP * (high - low)
            return _Side(low, x, origin=high), _Side(x, high, self.touches)
        x = 0.5 * (low + high)
        if self.origin is not None:
            a, b = low - self.origin, high - self.origin
            x = self.origin + math.copysign(math.sqrt(a * b), a)
        left, right = (self.touches[0], False), (False, self.touches[1])
        return _Side(low, x, left, self.origin), _Side(x, high, right, self.origin)

    def axis(self, degree: int) -> Axis:
        return Axis(self.low, self.high, degree, self.origin)


@final
class FamilyBuilder:
    """The panels of the maps from ``law_at(point)`` to the target, for the points of a box."""

    def __init__(self, law_at: LawAt, target: Distribution, tol: float) -> None:
        self._law_at, self._target, self._tol = law_at, target, tol
        self._problems: dict[Point, Problem] = {}
        self._marks: dict[Point, Marks] = {}
        self._posed: Problem | None = None
        self._panels: list[Panel] = []

    def cover(self, ranges: Sequence[Interval]) -> list[Panel]:
        """Panels whose boxes fill the box of the ranges."""
        self._panels = []
        self._cover(tuple(_Side(low, high, (True, True)) for low, high in ranges), 0)
        return self._panels

    @property
    def points(self) -> list[Point]:
        """The parameters at which laws were computed."""
        return list(self._problems)

    def _cover(self, sides: tuple[_Side, ...], skip: int) -> None:
        if len(self._panels) >= _MOST_PANELS or any(
            s.high - s.low <= 8.0 * np.spacing(max(abs(s.low), abs(s.high))) for s in sides
        ):
            raise AccuracyError(
                f"the maps change too fast with the parameters near "
                f"{tuple(s.low for s in sides)} for a family to reach tol={self._tol:g}; "
                "raise tol, or take a smaller range."
            )
        still = tuple(self._is_still(sides, i) for i in range(len(sides)))
        panel, worst = None, still.index(False) if not all(still) else 0
        if skip == 0 or all(still):
            sides = self._graded(sides, still)
            panel, worst = self._fitted(sides, still)
        if panel is not None:
            self._panels.append(panel)
            return
        touching = [i for i, s in enumerate(sides) if any(s.touches)]
        if skip > 0 and worst not in touching:
            worst = touching[0]
        for part in sides[worst].cut():
            fresh = (*sides[:worst], part, *sides[worst + 1 :])
            graded = sides[worst].touches != (True, True) and any(part.touches)
            left = (skip - 1 if skip else _SKIPPED) if graded else 0
            self._cover(fresh, left)

    def _problem(self, point: Point) -> Problem:
        found = self._problems.get(point)
        if found is None:
            law = self._law_at(point)
            if law.atoms:
                raise AtomError(
                    f"the law at the parameters {point} has point masses, the first at "
                    f"{law.atoms[0][0]:g}; a family takes none. Match these parameters alone, "
                    "with randomize=."
                )
            if math.isinf(law.tail_error):
                raise UnservedError(
                    f"the law at the parameters {point} ({law.method}) states no error of its "
                    "tails, and a family interpolates exact laws alone. Match single parameters."
                )
            if self._posed is None:
                self._posed = pose(law, self._target, self._tol)
            found = dataclasses.replace(self._posed, exact=ExactMap(law, self._target))
            self._problems[point] = found
        return found

    def _marks_of(self, point: Point) -> Marks:
        if point not in self._marks:
            self._marks[point] = find_marks(self._problem(point))
        return self._marks[point]

    def _goal(self, points: Sequence[Point]) -> float:
        """What an error measured may be: a part of tol, or what the laws know at the nodes."""
        floor = 0.0
        for point in points:
            problem, y = self._problem(point), self._marks_of(point).points[1:-1]
            y = np.concatenate([y, np.asarray(problem.exact.source.ppf(_ALONG))])
            floor = max(floor, law_error(problem, y, problem.exact(y)))
        return max((0.95 * self._tol - floor) / SAFETY, 0.5 * floor)

    def _is_still(self, sides: tuple[_Side, ...], which: int) -> bool:
        """Whether maps hardly differ along one side: a straight line between two serves then."""
        others = [(s.low, s.axis(2).nodes[1], s.high) for i, s in enumerate(sides) if i != which]
        for rest in itertools.product(*others):
            low, high = (
                self._problem((*rest[:which], t, *rest[which:]))
                for t in (sides[which].low, sides[which].high)
            )
            host = high if sides[which].touches[0] else low
            y = np.asarray(host.exact.source.ppf(_ALONG))
            gap = np.abs(low.exact(y) - high.exact(y)) / low.unit(low.exact(y))
            if not gap.max() <= _STILL * self._tol:
                return False
        return True

    @staticmethod
    def _leading(sides: tuple[_Side, ...], still: tuple[bool, ...], point: Point) -> Point:
        """The point whose marks serve another one: not at the end of a side that is still.

        There the kinks are apart.
        """
        return tuple(
            (s.high if s.touches[0] else s.low) if rests else t
            for s, rests, t in zip(sides, still, point, strict=True)
        )

    def _fitted(
        self, sides: tuple[_Side, ...], still: tuple[bool, ...]
    ) -> tuple[Panel | None, int]:
        """A panel, straight along sides that are still; else which side of the box to cut."""
        moving = [i for i, rests in enumerate(still) if not rests] or list(range(len(sides)))
        widest = max(moving, key=lambda i: (any(sides[i].touches), sides[i].high - sides[i].low))
        degrees = (1,) if all(still) else _DEGREES[len(moving) - 1]
        for degree, hopeful in itertools.zip_longest(degrees, _HOPEFUL[: len(degrees) - 1]):
            orders = [1 if rests else degree for rests in still]
            axes = tuple(s.axis(n) for s, n in zip(sides, orders, strict=True))
            nodes = list(itertools.product(*(a.nodes.tolist() for a in axes)))
            hosts = [self._leading(sides, still, p) for p in nodes]
            if len({self._shape(p) for p in hosts}) > 1:
                return None, widest
            goal = self._goal(hosts)
            found = sample(
                [self._problem(p) for p in nodes],
                [self._marks_of(p) for p in hosts],
                _CELL_SHARE * goal,
                [p == host for p, host in zip(nodes, hosts, strict=True)],
            )
            if found is None:
                return None, widest
            panel = self._panel(axes, found, hosts[len(hosts) // 2], nodes)
            probes = _probes(sides, orders)
            gaps = [max(self._gap(panel, p) for p in group) for group in probes]
            if max(gaps) <= goal:
                points = [p for p, host in zip(nodes, hosts, strict=True) if p == host]
                certified = self._certified(panel, [*points, *itertools.chain(*probes)])
                if certified is not None:
                    return certified, widest
            if hopeful is None or max(gaps) > hopeful * goal:
                break
        return None, max(range(len(sides)), key=lambda i: gaps[i])

    def _graded(self, sides: tuple[_Side, ...], still: tuple[bool, ...]) -> tuple[_Side, ...]:
        """The box, touching an end of the range where kinks meet on a side: maps change as much."""
        centre = self._leading(sides, still, tuple(s.axis(2).nodes[1] for s in sides))
        shape, found = self._shape(centre), list(sides)
        for i, side in enumerate(sides):
            if not still[i]:
                faces = [(*centre[:i], t, *centre[i + 1 :]) for t in (side.low, side.high)]
                differs = [self._shape(face) != shape for face in faces]
                touches = side.touches[0] or differs[0], side.touches[1] or differs[1]
                found[i] = dataclasses.replace(side, touches=touches)
        return tuple(found)

    def _shape(self, point: Point) -> tuple[int, bool, bool]:
        """What the cells of a map need to have in common with those of another one."""
        marks = self._marks_of(point)
        low, high = marks.support
        return marks.points.size, math.isfinite(low), math.isfinite(high)

    def _panel(
        self, axes: tuple[Axis, ...], found: Sampled, model: Point, nodes: Sequence[Point]
    ) -> Panel:
        problem, marks = self._problem(model), self._marks_of(model)
        edges = found.records[nodes.index(model), :, k.EDGE]
        source = problem.exact.source
        inner = int(np.searchsorted(edges, marks.points[1], side="left"))
        outer = int(np.searchsorted(edges, marks.points[-2], side="left"))
        low, high = float(source.ppf(_CORE_MASS)), float(source.isf(_CORE_MASS))
        first = int(np.searchsorted(edges, low)) - 1
        last = int(np.searchsorted(edges, high))
        first = min(max(first, 1), max(inner - 1, 1))
        last = max(min(last, edges.size - 2), min(outer + 1, edges.size - 2))
        return Panel(
            axes=axes,
            stack=found.records,
            ends=found.ends,
            rows=(inner, outer, first, last),
            limits=problem.exact.target.support(),
            unit=(problem.centre, problem.scale),
            finite=(math.isfinite(marks.support[0]), math.isfinite(marks.support[1])),
        )

    def _gap(self, panel: Panel, point: Point) -> float:
        """The largest error measured at one point, in the unit of the problem."""
        problem = self._problem(point)
        try:
            table, _ = panel.table(point)
        except AccuracyError:  # edges that do not increase
            return math.inf
        y = _probes_of(problem, table)
        exact = problem.exact(y)
        gap = np.abs(_values(table, y) - exact) / problem.unit(exact)
        return float(np.nan_to_num(gap, nan=math.inf).max())

    def _certified(self, panel: Panel, points: Sequence[Point]) -> Panel | None:
        """The panel with its errors, the largest at these points; None where tol is missed."""
        worst, outer, most = np.zeros(4), list(panel.outer), 0.0
        reachable = self._tol
        for point in points:
            problem = self._problem(point)
            table, moved = panel.table(point)
            edges = table.records[:, k.EDGE]
            probes = cell_probes(edges[:-1], edges[1:])
            exact = problem.exact(probes.ravel()).reshape(probes.shape)
            found = _values(table, probes.ravel()).reshape(probes.shape)
            refined = refined_at(table.records, found, probes, exact)
            error, error_u, slope = tabulation_error(problem, refined, table, 0.0)
            error = max(error, SAFETY * self._gap(panel, point))
            most = max(most, moved)
            domain = family_domain(table)
            known, outer_error = continuation_error(problem, table, domain)
            outer = [max(outer[0], known[0]), min(outer[1], known[1])]
            worst = np.maximum(worst, [error, error_u, max(outer_error, error), slope])
            reachable = max(reachable, 2.0 * law_error(problem, edges, table.records[:, k.C0]))
        if not worst[0] <= reachable:
            return None
        error, error_u, outer_error, slope = worst.tolist()
        errors = error, error_u, outer_error, slope
        return dataclasses.replace(panel, outer=(outer[0], outer[1]), errors=errors, moved=most)


def family_domain(table: Table) -> Interval:
    """The cells, and what is left of the support where it is finite."""
    domain = []
    for side, row in ((k.LOW, 0), (k.HIGH, -1)):
        support, edge = float(table.ends[side, k.SUPPORT]), float(table.records[row, k.EDGE])
        domain.append(support if math.isfinite(support) else edge)
    return domain[0], domain[1]


def _probes(sides: tuple[_Side, ...], orders: Sequence[int]) -> list[list[Point]]:
    """Points between the nodes, in groups.

    For each side those in which that one alone is between, and a group in which all are.
    """
    between, node = [], []
    for side, order in zip(sides, orders, strict=True):
        finer = side.axis(2 * order).nodes[1::2]
        chosen = [0, order // 2, -1] if order > 1 else [0]
        between.append([float(finer[i]) for i in chosen])
        node.append(float(side.axis(order).nodes[order // 2]))
    groups = []
    for i, points in enumerate(between):
        groups.append([(*node[:i], t, *node[i + 1 :]) for t in points])
    if len(sides) > 1:
        most = max(map(len, between))
        groups.append([tuple(points[i % len(points)] for points in between) for i in range(most)])
    return groups


def _probes_of(problem: Problem, table: Table) -> FloatArray:
    """Points inside the cells, and between them and finite ends of the support."""
    edges = table.records[:, k.EDGE]
    points = [cell_probes(edges[:-1], edges[1:]).ravel()]
    for side, edge in ((k.LOW, edges[0]), (k.HIGH, edges[-1])):
        end = float(problem.exact.source.support()[side])
        if math.isfinite(end) and math.isfinite(table.ends[side, k.SUPPORT]):
            points.append(edge + (end - edge) * np.array([0.03, 0.3, 0.9]))
    return np.concatenate(points)


def _values(table: Table, y: FloatArray) -> FloatArray:
    out = np.empty_like(y)
    table.evaluate(y, out)
    return out
