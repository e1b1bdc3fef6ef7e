"""An increasing function as bare numbers, in the form in which every array library evaluates it."""

from __future__ import annotations

import dataclasses
import functools
import math
from collections.abc import Callable, Mapping
from typing import Any, TypeAlias, final

import numpy as np
import numpy.typing as npt

from otmaps._arrays import FloatArray
from otmaps._kernels import _maps as k

Kernel: TypeAlias = Callable[[Any, Any], None]

INVERSE = -1
"""The order that stands for the inverse of a map; 0 is the map, 1 its derivative, and so on."""

UPPER, REST, INVERSE_WIDTH, C0 = range(4)
"""Rows of `Curve.rows`: what y is compared with, how far that lies above the edge, and so on."""

N_ROWS = C0 + 6
SUPPORT, LIMIT, ANCHOR, SIGN, BASE, POWER, REACH, LAST = range(8)
"""Columns of `Curve.tails`, one row for each side."""

_STATED = [k.SUPPORT, k.LIMIT, k.ANCHOR, k.SIGN, k.BASE, k.POWER, k.REACH]
_FAR = 2.0**120  # single precision ends at 2**128; cells beyond this are left to the continuation
_INVERSE = 2.0**126


@final
@dataclasses.dataclass(frozen=True, eq=False)
class Curve:
    """A map as bare numbers.

    Attributes
    ----------
    line : tuple of float
        Scale and shift, where there is no table.
    support, limits : tuple of float
        Of the map.
    records, ends : ndarray or None
        The table, in the layout of the kernels.
    kernels : mapping
        By order, the compiled code: from a contiguous NumPy vector into another.
    """

    line: tuple[float, float]
    support: tuple[float, float]
    limits: tuple[float, float]
    kernels: Mapping[int, Kernel]
    records: FloatArray | None = None
    ends: FloatArray | None = None

    @property
    def unbounded(self) -> bool:
        """Whether there is no end anywhere."""
        ends = (*self.limits, *self.support)
        return self.records is None and not any(math.isfinite(x) for x in ends)

    def constants(self, single: bool) -> tuple[FloatArray, FloatArray]:
        """`rows` and `tails` for arithmetic in single or in double precision; empty for a line."""
        return self._single if single else self._double

    @functools.cached_property
    def _double(self) -> tuple[FloatArray, FloatArray]:
        if self.records is None or self.ends is None:
            return np.empty((N_ROWS, 0)), np.empty((2, 0))
        rows = np.empty((N_ROWS, len(self.records)))
        rows[UPPER] = self.records[:, k.EDGE]
        rows[REST] = 0.0
        rows[INVERSE_WIDTH:] = self.records[:, k.INVERSE_WIDTH :].T
        tails = np.empty((2, LAST + 1))
        tails[:, :LAST] = self.ends[:, _STATED]
        tails[:, LAST] = self.records[[0, -1], k.C0]
        return rows, tails

    @functools.cached_property
    def _single(self) -> tuple[FloatArray, FloatArray]:
        """The same for float32, which compares with the next float32 at or above an edge.

        So every float32 finds the cell that it has in double precision, and its distance from the
        edge is (y - upper) + rest, with all digits that the format has. Cells of numbers beyond
        1e36, next to the end of the format, are left to the continuation.
        """
        rows, tails = self._double
        if rows.size == 0:
            return rows, tails
        rows, tails = rows.copy(), tails.copy()
        edges, values = rows[UPPER], rows[C0]
        kept = np.flatnonzero((np.abs(edges) < _FAR) & (np.abs(values) < _FAR))
        first, last = int(kept[0]), int(kept[-1])
        for side, at, cut in ((k.LOW, first, first > 0), (k.HIGH, last, last < edges.size - 1)):
            if cut:
                _cut_tail(rows, tails[side], at)
        rows = rows[:, first : last + 1]
        edges = rows[UPPER].copy()
        with np.errstate(over="ignore"):
            nearest = edges.astype(np.float32)
            below = nearest.astype(np.float64) < edges
            nearest[below] = np.nextafter(nearest[below], np.float32(np.inf))
        rows[UPPER] = nearest
        rows[REST] = rows[UPPER] - edges
        rows[INVERSE_WIDTH] = np.minimum(rows[INVERSE_WIDTH], _INVERSE)
        return rows, tails


def _cut_tail(rows: FloatArray, tail: npt.NDArray[Any], at: int) -> None:
    """Let the continuation begin at the edge ``at``, with the slope that the map has there."""
    edge, value = rows[UPPER, at], rows[C0, at]
    reach = tail[SIGN] * (edge - tail[ANCHOR])
    slope = rows[C0 + 1, at] * rows[INVERSE_WIDTH, at]
    rise = value - tail[BASE]
    power = tail[SIGN] * slope * reach / rise if rise != 0.0 else 0.0
    tail[[REACH, LAST]] = reach, value
    tail[POWER] = power if math.isfinite(power) else 0.0
