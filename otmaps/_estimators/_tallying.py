"""Draws counted in cells that a pilot sample fixes."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Iterable
from typing import Self, TypeAlias, final

import numpy as np
import numpy.typing as npt

from otmaps._arrays import FloatArray
from otmaps._estimators._sampling import check_finite, check_varies
from otmaps._kernels._tally import Frame, buckets, tally
from otmaps._ogive import IntArray
from otmaps._operations import Operation
from otmaps._tallied import Tally

GuideArray: TypeAlias = npt.NDArray[np.int32]

# Octaves over which buckets are spread: few for light tails, many for laws of many magnitudes.
_OCTAVES = (4, 32, 128)
_SMALLEST_UNIT = 1e-290


@final
@dataclasses.dataclass(frozen=True, eq=False)
class Cells:
    """Cells in which draws are counted, and the guide to them.

    Cells are about equally likely; a value that repeats in the pilot has one to itself.
    """

    edges: FloatArray
    guide: GuideArray
    frame: Frame

    @classmethod
    def of(cls, pilot: FloatArray, count: int, tail: int, lightest: float) -> Self:
        """Cells by the quantiles of a pilot sample.

        Parameters
        ----------
        pilot : ndarray
            Finite draws, sorted.
        count : int
            The number of cells that is aimed at.
        tail : int
            The draws of the pilot that are outside, on each side.
        lightest : float
            The smallest mass of a repeated value that must have a cell.
        """
        n = pilot.size
        ranks = np.linspace(tail, n - 1 - tail, count + 1).astype(np.int64)
        starts = np.flatnonzero(np.concatenate([[True], pilot[1:] > pilot[:-1]]))
        repeats = np.diff(np.append(starts, n))
        single = pilot[starts[repeats > max(0.5 * lightest * n, 2.0)]]
        quantiles = pilot[ranks]
        # A repeated value out in the tails of the pilot is kept there, draw by draw.
        single = single[(single >= quantiles[0]) & (single <= quantiles[-1])]
        edges = np.unique(np.concatenate([quantiles, single, np.nextafter(single, np.inf)]))
        if edges.size == 1:
            edges = np.append(edges, np.nextafter(edges, np.inf))
        return min((cls(edges, *guide) for guide in _guides(edges)), key=cls._cost)

    def _cost(self) -> float:
        """What it takes to find a cell, in halvings."""
        return float(np.sum(np.log2(1.0 + np.diff(self.guide)) * np.diff(self.guide)))


def _guides(edges: FloatArray) -> Iterable[tuple[GuideArray, Frame]]:
    quarter, median, three_quarters = edges[
        (np.array([0.25, 0.5, 0.75]) * (edges.size - 1)).astype(np.int64)
    ]
    far = max(abs(edges[0]), abs(edges[-1]))
    units = (
        (median, 0.5 * (three_quarters - quarter)),
        (median, 2.0 * far * 2.0 ** -_OCTAVES[1]),
        (0.0, far * 2.0 ** -_OCTAVES[2]),
    )
    found = np.empty(edges.size, dtype=np.int64)
    side = 2 ** max((2 * edges.size - 1).bit_length(), _OCTAVES[-1].bit_length())
    for octaves, (centre, unit) in zip(_OCTAVES, units, strict=True):
        shift = 52 - int(math.log2(side / octaves))
        frame = (float(centre), 1.0 / max(float(unit), _SMALLEST_UNIT), shift, side)
        buckets(edges, frame, found)
        before = np.cumsum(np.bincount(found, minlength=2 * side))  # edges up to the bucket
        guide = np.concatenate([[0], np.clip(before - 1, 0, edges.size - 2)])
        yield guide.astype(np.int32), frame


@final
class Counter:
    """Counts of draws in cells; what is added in which order does not matter."""

    def __init__(self, cells: Cells) -> None:
        self.cells = cells
        self.counts: IntArray = np.zeros(cells.edges.size - 1, dtype=np.int64)
        self.low: list[FloatArray] = []
        self.high: list[FloatArray] = []
        self.missing = 0

    def add(self, values: FloatArray) -> None:
        """Count a block."""
        low, high = np.empty(values.size), np.empty(values.size)
        cells = self.cells
        lower, upper, missing = tally(
            values, cells.edges, cells.guide, cells.frame, self.counts, low, high
        )
        self.low.append(low[:lower].copy())
        self.high.append(high[:upper].copy())
        self.missing += missing


def tally_of(op: Operation, counters: Iterable[Counter]) -> Tally:
    """What several counters of the same cells have found together.

    Raises
    ------
    ValueError
        Where a draw is NaN or infinite, or all are equal.
    """
    found = list(counters)
    counts = np.sum([counter.counts for counter in found], axis=0)
    low = _sorted([part for counter in found for part in counter.low])
    high = _sorted([part for counter in found for part in counter.high])
    joined = Tally(found[0].cells.edges, counts, low, high)
    missing = sum(counter.missing for counter in found)
    infinite = sum(int(np.count_nonzero(np.isinf(kept))) for kept in (low, high))
    check_finite(op, missing + infinite, joined.n + missing)
    if low.size + high.size + np.count_nonzero(counts) == 1:
        check_varies(op, joined.edges[0], joined.edges[0], joined.n)
    return joined


def _sorted(parts: list[FloatArray]) -> FloatArray:
    return np.sort(np.concatenate(parts)) + 0.0  # -0.0 and 0.0 are one value
