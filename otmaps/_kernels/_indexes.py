"""The index of a table: which cell a point may be in, by buckets of constant cost.

Arrays are laid out as in `otmaps._kernels._maps`. The numbers of columns are compiled in, and
numba's disk cache sees edits of this file alone: touch it when the layout there changes.
"""

from __future__ import annotations

import math

import numpy as np

from otmaps._kernels import _maps as m
from otmaps._kernels._policy import jit


@jit
def index_core(records, core, guide):  # type: ignore[no-untyped-def]
    """Write the cell in which each bucket of the core begins, as -1 - cell where it holds edges.

    Returns how many buckets, from the bucket `m.COARSE` on, are one cubic cell.
    """
    width = 1.0 / core[2]
    n = records.shape[0]
    first, last, cubic = 0, 0, 0
    for i in range(round((core[1] - core[0]) * core[2])):
        start = core[0] + width * i
        while first < n and records[first, m.EDGE] <= start:
            first += 1
        while last < n and records[last, m.EDGE] < start + width:
            last += 1
        cell = first - 1
        whole = first == last
        guide[i] = cell if whole else -1 - cell
        if whole and i >= m.COARSE and records[cell, m.INVERSE_WIDTH] == core[2]:
            cubic += records[cell, m.C4] == 0.0 and records[cell, m.C5] == 0.0
    return cubic


@jit
def copy_cubics(records, core, guide, cubics):  # type: ignore[no-untyped-def]
    """Write the coefficients of the buckets of the core that are one cubic cell, NaN for others."""
    for i in range(cubics.shape[0]):
        cell = guide[i]
        cubics[i] = math.nan
        whole = i >= m.COARSE and cell >= 0 and records[cell, m.INVERSE_WIDTH] == core[2]
        if whole and records[cell, m.C4] == 0.0 and records[cell, m.C5] == 0.0:
            cubics[i] = records[cell, m.C0 : m.C4]


@jit
def index_end(records, end, first, per_octave, cells, guide):  # type: ignore[no-untyped-def]
    """Write the cell, of a first and a last one, in which each bucket of an end begins."""
    anchor, sign = end[m.ANCHOR], end[m.SIGN]
    shift = 0 if sign > 0.0 else 1
    cell = cells[0] if sign > 0.0 else cells[1]
    for i in range(guide.size):
        number = first + i + shift
        octave = number // per_octave
        fraction = (number - octave * per_octave) / (2.0 * per_octave)
        leftmost = anchor + sign * math.ldexp(0.5 + fraction, octave)
        # The kernel rounds the distance: a point left of its bucket must not miss a narrow cell.
        size = abs(anchor) + abs(leftmost)
        place = leftmost - 2.0 * (np.nextafter(size, math.inf) - size)
        while cell < cells[1] and records[cell + 1, m.EDGE] <= place:
            cell += 1
        while cell > cells[0] and records[cell, m.EDGE] > place:
            cell -= 1
        guide[i] = cell


@jit
def index(records, core, ends, below, above, guide):  # type: ignore[no-untyped-def]
    """Write all of the guide, and return what `index_core` does.

    The computed columns of the ends tell where each begins in the guide; ``below`` and ``above``
    are the first row at or above the lower end of the core, and the last at or below the upper.
    """
    for side in (m.LOW, m.HIGH):
        start, count = int(ends[side, m.START]), int(ends[side, m.COUNT])
        cells = (0, below - 1) if side == m.LOW else (above, records.shape[0] - 2)
        first, per_octave = int(ends[side, m.FIRST]), int(ends[side, m.PER_OCTAVE])
        index_end(records, ends[side], first, per_octave, cells, guide[start : start + count])
    return index_core(records, core, guide)
