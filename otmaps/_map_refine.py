"""Cutting the cells of a monotone map until they are as close to it as they have to be."""

from __future__ import annotations

import dataclasses
import math
from typing import final

import numpy as np

from otmaps._arrays import FloatArray
from otmaps._errors import AccuracyError
from otmaps._kernels import _maps as k
from otmaps._map_cells import (
    NODES,
    BoolArray,
    Cells,
    Frame,
    distances,
    first_cells,
    fit,
    horner,
    probe_points,
    split_points,
    stretched,
    together,
)
from otmaps._map_exact import Problem
from otmaps._map_inner import NOTHING, Inner

_MOST_CELLS = 20_000
_MOST_AN_OCTAVE = 24  # more of them where the ends span many octaves
_ULPS = 2.0  # of a value, which are no error in probability


@final
@dataclasses.dataclass(frozen=True, eq=False)
class Refined:
    """Finished cells: their coefficients, and at the probes the exact and the tabulated map."""

    cells: Cells
    coefficients: FloatArray
    probes: FloatArray
    exact: FloatArray
    approximate: FloatArray

    def __getitem__(self, which: BoolArray) -> Refined:
        names = [f.name for f in dataclasses.fields(self)]
        return Refined(*(getattr(self, name)[which] for name in names))

    def errors(self, problem: Problem) -> FloatArray:
        """The largest error measured in each cell, in the unit of the problem."""
        gap = np.abs(self.approximate - self.exact) / problem.unit(self.exact)
        return np.asarray(gap.max(axis=1))

    def error_within(self, problem: Problem, inner: Inner) -> float:
        """The largest one in the cells of an inner range."""
        return float(self.errors(problem)[_within(self.cells, inner)].max())


def _within(cells: Cells, inner: Inner) -> BoolArray:
    return np.asarray((cells.left >= inner.first) & (cells.right <= inner.last))


def refine(
    problem: Problem,
    frame: Frame,
    goal: float,
    kinks: tuple[FloatArray, FloatArray],
    inner: Inner = NOTHING,
) -> Refined:
    """Cut cells until the error measured between the nodes is at most ``goal`` in each.

    All cells of a level are evaluated in one call of the laws, and where they are cut in another.
    Those of the inner range are measured as they are: their polynomials are known.
    """
    done, depth, count = [], 0, 0
    if len(inner.powers):
        frame = dataclasses.replace(frame, marks=tuple(inner.edges().tolist()))
    pending = first_cells(problem, frame, *kinks)
    if len(inner.powers):
        within = _within(pending, inner)
        done.append(_measured(problem, frame, pending[within], inner))
        pending = pending[~within]
    while pending.left.size:
        fitted = _fitted(problem, frame, pending)
        # A handful of probes says nothing about a cell over many octaves of the distance.
        seen = ~stretched(*distances(frame, pending.left, pending.right)[2:])
        bad = np.flatnonzero(~(seen & (_errors(problem, fitted) <= goal)))
        rest = pending[bad]
        cuts = split_points(frame, rest, depth)
        divisible = (cuts > rest.left) & (cuts < rest.right)
        bad, rest, cuts = bad[divisible], rest[divisible], cuts[divisible]
        fresh = count + pending.left.size + bad.size
        if fresh > _MOST_CELLS and fresh > _most_cells(problem, frame):
            bad = bad[:0]
        if not bad.size:
            done.append(fitted)
            break
        good = np.ones(pending.left.size, dtype=bool)
        good[bad] = False
        done.append(fitted[good])
        count += int(good.sum())
        pending = rest.split(cuts, _finite(problem, cuts))
        depth += 1
    return _joined(done)


def _fitted(problem: Problem, frame: Frame, cells: Cells) -> Refined:
    """Cells with their coefficients, from one call of the laws."""
    width = cells.right - cells.left
    nodes = cells.left[:, None] + width[:, None] * NODES
    nodes[:, 5] = cells.right
    probes = probe_points(frame, cells)
    values = _finite(problem, np.hstack([nodes[:, 1:5], probes]))
    at_nodes = np.column_stack([cells.at_left, values[:, :4], cells.at_right])
    coefficients = fit(cells, nodes, at_nodes)
    s = (probes - cells.left[:, None]) * (1.0 / width)[:, None]
    found = cells.at_left[:, None] + horner(s, coefficients)
    return Refined(cells, coefficients, probes, values[:, 4:], found)


def _errors(problem: Problem, refined: Refined) -> FloatArray:
    """The errors that decide on a cut: also those in probability, where the target is dense."""
    error = refined.errors(problem)
    if problem.dense:
        in_u = problem.in_u(refined.approximate, refined.exact, _ULPS)
        error = np.maximum(error, in_u.max(axis=1))
    return error


def _finite(problem: Problem, points: FloatArray) -> FloatArray:
    """The exact map, or an error where it is not finite."""
    values = problem.exact(points.ravel()).reshape(points.shape)
    if not np.all(np.isfinite(values)):
        bad = points[~np.isfinite(values)][0]
        raise AccuracyError(f"the laws give no finite value of the map at y = {bad!r}.")
    return values


def _measured(problem: Problem, frame: Frame, cells: Cells, inner: Inner) -> Refined:
    """Cells of the inner range, without coefficients, in halves: then their probes are closer."""
    middle = 0.5 * cells.left + 0.5 * cells.right
    wide = (middle > cells.left) & (middle < cells.right)
    middle = middle[wide]
    cells = together(cells[~wide], cells[wide].split(middle, inner.values(middle)))
    probes = probe_points(frame, cells)
    exact = _finite(problem, probes)
    nothing = np.zeros((cells.left.size, 5))
    return Refined(cells, nothing, probes, exact, inner.values(probes))


def _most_cells(problem: Problem, frame: Frame) -> int:
    """Where cutting ends: what is not done then is no shape that cells could follow."""
    octaves = 0.0
    for end, border in zip(frame.ends, (frame.low, frame.high), strict=True):
        inner = end[k.SIGN] * (border - end[k.ANCHOR])
        octaves += abs(math.log2(end[k.REACH]) - math.log2(inner))
    far = problem.unit(problem.exact([frame.first, frame.last])) / problem.scale
    return _MOST_CELLS + int(_MOST_AN_OCTAVE * (octaves + float(np.log2(far).sum())))


def _joined(parts: list[Refined]) -> Refined:
    cells = together(*(p.cells for p in parts))
    order = np.argsort(cells.left)
    names = ("coefficients", "probes", "exact", "approximate")
    rest = (np.concatenate([getattr(p, name) for p in parts])[order] for name in names)
    return Refined(cells[order], *rest)
