"""Laws by table: evaluate the nearer tail and the density, and find quantiles.

Rows and series are those that `otmaps._pieces` makes; see `otmaps._kernels._convolution` for the
columns. A guide finds the piece: ``guide[b]`` is the first piece that reaches into bucket b of
uniform buckets between two points; outside them the edges are searched.
"""

from __future__ import annotations

import math
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from otmaps._kernels._policy import fma, jit, part

FloatArray: TypeAlias = npt.NDArray[np.float64]
IntArray: TypeAlias = npt.NDArray[np.int32]
# Rows, tail and density series (pieces, 16), edges, guide, its (low, high, buckets a unit), and
# the continuation beyond both ends.
Table: TypeAlias = tuple[
    FloatArray, FloatArray, FloatArray, FloatArray, IntArray, FloatArray, FloatArray
]

ANCHOR, ANCHOR_LOW, SIGN, LOW, HIGH, MIDDLE, INVERSE, UPPER = range(8)
NEAREST = 11
TERMS = 16
# What an evaluation gives.
CDF, SF, LOG_CDF, LOG_SF, PDF, LOG_PDF = range(6)
# Beyond an outer end: log tail = LEVEL + SLOPE * expm1(GROWTH * step) / GROWTH in step = s - START.
START, LEVEL, SLOPE, GROWTH = range(4)

_MOST_STEPS = 80


@part
def _piece(x, edges, guide, grid):  # type: ignore[no-untyped-def]
    """The last piece whose edge is not above x, 0 below all."""
    last = edges.shape[0] - 2
    bucket = (x - grid[0]) * grid[2]
    if 0.0 <= bucket < guide.shape[0]:
        c = np.int64(guide[np.uint64(np.int64(bucket))])
        if c == last or x < edges[c + 1]:
            return c
        top = last + 1
        if bucket + 2.0 < guide.shape[0]:
            top = min(np.int64(guide[np.uint64(np.int64(bucket) + 1)]) + 1, top)
    else:
        c, top = np.int64(0), np.int64(last + 1)
    while top - c > 1:
        middle = (c + top) // 2
        if edges[middle] <= x:
            c = middle
        else:
            top = middle
    while c < last and x >= edges[c + 1]:  # where rounding chose the bucket
        c += 1
    return c


@part
def _series(t, series, c):  # type: ignore[no-untyped-def]
    """A polynomial of degree 15: even and odd powers apart, so that they run side by side."""
    u = t * t
    even, odd = series[c, 14], series[c, 15]
    for m in range(12, -1, -2):
        even = fma(even, u, series[c, m])
        odd = fma(odd, u, series[c, m + 1])
    return fma(odd, t, even)


@part
def _beyond(s, outer):  # type: ignore[no-untyped-def]
    step = s - outer[START]
    growth = outer[GROWTH]
    if growth == 0.0:
        return outer[LEVEL] + outer[SLOPE] * step
    return outer[LEVEL] + outer[SLOPE] * math.expm1(growth * step) / growth


@jit
def evaluate(x: FloatArray, out: FloatArray, what: int, fold: bool, table: Table) -> None:
    """One of the functions of a law at every point, NaN for NaN.

    With ``fold`` the law is symmetric about 0, and the lower half serves both: so they agree.
    """
    rows, tail, density, edges, guide, grid, ends = table
    last = edges.shape[0] - 2
    for i in range(x.size):
        v = x[i]
        if math.isnan(v):
            out[i] = v
            continue
        mirrored = fold and v > 0.0
        if mirrored:
            v = -v
        c = np.uint64(_piece(v, edges, guide, grid))
        outside = v < edges[0] or v > edges[last + 1]
        side = 0 if v < edges[0] else 1
        d = (v - rows[c, ANCHOR]) - rows[c, ANCHOR_LOW]
        # Next to an anchor edges are coarser than distances.
        while d < rows[c, LOW] and c > 0:
            c -= np.uint64(1)
            d = (v - rows[c, ANCHOR]) - rows[c, ANCHOR_LOW]
        while d > rows[c, HIGH] and c < last:
            c += np.uint64(1)
            d = (v - rows[c, ANCHOR]) - rows[c, ANCHOR_LOW]
        sign = rows[c, SIGN]
        s = math.log(abs(d)) if outside else d if sign == 0.0 else math.log(max(sign * d, 5e-324))
        t = (s - rows[c, MIDDLE]) * rows[c, INVERSE]
        if what >= PDF:
            if outside:
                growth = ends[side, GROWTH] * (s - ends[side, START])
                level = _beyond(s, ends[side]) + math.log(abs(ends[side, SLOPE])) + growth - s
            else:
                level = _series(t, density, c)
            out[i] = level if what == LOG_PDF else math.exp(level)
            continue
        level = _beyond(s, ends[side]) if outside else _series(t, tail, c)
        level = min(level, 0.0)
        near = ((rows[c, UPPER] != 0.0) == (what in (SF, LOG_SF))) != mirrored
        if what >= LOG_CDF:
            out[i] = level if near else math.log1p(-math.exp(level))
        else:
            value = math.exp(level)
            out[i] = value if near else 1.0 - value


@jit
def evaluate_cells(
    x: FloatArray,
    out: FloatArray,
    upper: bool,
    fold: bool,
    cells: FloatArray,
    grid: FloatArray,
) -> None:
    """The lower or the upper tail where a cell serves the point, NaN elsewhere.

    Parameters
    ----------
    cells : ndarray, shape (cells, 8)
        The nearer tail as a polynomial of degree 6 in the position in the cell, from -1 to 1, NaN
        where none will do, and 1 in the last column where it is the upper one.
    grid : ndarray
        Low end, high end and cells a unit.
    """
    low, rate = grid[0], grid[2]
    count = np.float64(cells.shape[0])
    for i in range(x.size):
        v = x[i]
        mirrored = fold and v > 0.0
        place = ((-v if mirrored else v) - low) * rate
        if 0.0 <= place < count:
            c = np.uint64(np.int64(place))
            u = 2.0 * (place - np.float64(c)) - 1.0
            value = cells[c, 6]
            value = fma(fma(value, u, cells[c, 5]), u, cells[c, 4])
            value = fma(fma(value, u, cells[c, 3]), u, cells[c, 2])
            value = fma(fma(value, u, cells[c, 1]), u, cells[c, 0])
            near = ((cells[c, 7] != 0.0) == upper) != mirrored
            out[i] = value if near else 1.0 - value
        else:
            out[i] = math.nan


@jit
def invert(  # noqa: C901, PLR0912, PLR0915 - the search of the piece and of the point share all that they know
    goal: FloatArray, out: FloatArray, upper: bool, levels: FloatArray, table: Table
) -> None:
    """The points at which the logarithm of a tail is ``goal``.

    Parameters
    ----------
    goal : ndarray
        Logarithms of the lower tail, or of the upper one. On the far side of the split they are
        turned into those of the other tail.
    levels : ndarray, shape (pieces + 2,)
        The logarithm of the lower tail at the edges up to the split, then minus that of the upper
        tail at the edges from the split on.
    """
    rows, tail, _, edges, _, _, ends = table
    pieces = edges.shape[0] - 1
    first_upper = pieces
    for c in range(pieces):
        if rows[c, UPPER] != 0.0:
            first_upper = c
            break
    # The level of each tail at the split.
    low_top = levels[first_upper] if first_upper > 0 else -math.inf
    for i in range(goal.size):
        g = goal[i]
        if math.isnan(g):
            out[i] = g
            continue
        lower = g if not upper else math.log1p(-math.exp(g))
        is_low = lower <= low_top
        level = lower if is_low else (g if upper else math.log1p(-math.exp(g)))
        if is_low:
            first, top = 0, first_upper
            while top - first > 1:
                middle = (first + top) // 2
                if levels[middle] <= level:
                    first = middle
                else:
                    top = middle
            outside = level < levels[0]
            side = 0
        else:
            first, top = first_upper, pieces
            while top - first > 1:
                middle = (first + top) // 2
                if levels[middle + 1] <= -level:
                    first = middle
                else:
                    top = middle
            outside = -level > levels[pieces + 1]
            side = 1
        at = np.uint64(first)
        sign = rows[at, SIGN]
        if outside:
            outer = ends[side]
            drop = (level - outer[LEVEL]) / outer[SLOPE]
            if outer[GROWTH] != 0.0:
                drop = math.log1p(outer[GROWTH] * drop) / outer[GROWTH]
            d = math.exp(outer[START] + drop)
            if side == 0:
                d = -d
        else:
            # Increasing in t for the lower tail on a plain piece, and so on.
            rising = (sign >= 0.0) == is_low
            low, high = -1.0, 1.0
            if sign != 0.0:
                low = (rows[at, NEAREST] - rows[at, MIDDLE]) * rows[at, INVERSE]
                high = 1.0 if low > -1.5 else 0.0  # 0: the straight piece next to an anchor
            t = 0.5 * (low + high)
            for step in range(_MOST_STEPS):
                value, slope = tail[at, TERMS - 1], 0.0
                for m in range(TERMS - 2, -1, -1):
                    slope = slope * t + value
                    value = value * t + tail[at, m]
                gap = value - level
                if (gap > 0.0) == rising:
                    high = t
                else:
                    low = t
                fresh = t - gap / slope
                if not low <= fresh <= high or step % 16 == 15:
                    fresh = 0.5 * (low + high)
                moved = abs(fresh - t)
                t = fresh
                if moved <= 1e-16 * max(1.0, abs(t)):
                    break
            s = rows[at, MIDDLE] + t / rows[at, INVERSE]
            d = s if sign == 0.0 else sign * math.exp(s)
        out[i] = rows[at, ANCHOR] + (rows[at, ANCHOR_LOW] + d)
