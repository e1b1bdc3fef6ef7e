"""Counting draws in cells of any widths, by a guide of buckets.

``edges`` : float64 (cells + 1,)
    Rising; cell i holds edges[i] <= y < edges[i + 1].
``guide`` : int32 (buckets + 1,)
    guide[b] is a cell at or before the cell of every draw in bucket b, guide[b + 1] one at or
    behind it. Buckets are uniform in the leading bits of 1 + |y - centre| / unit, on both sides
    of the centre: fine about it, and as many in each octave farther out.
"""

from __future__ import annotations

from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from otmaps._kernels._policy import jit, part

FloatArray: TypeAlias = npt.NDArray[np.float64]
IntArray: TypeAlias = npt.NDArray[np.int64]
GuideArray: TypeAlias = npt.NDArray[np.int32]
# Centre, 1 / unit, bits to drop for a bucket, buckets on each side.
Frame: TypeAlias = tuple[float, float, int, int]

_ONE = int(np.float64(1.0).view(np.int64))
_SHORT = 8  # cells that are gone through one by one: their edges share a cache line or two


@part
def _bucket(y, frame):  # type: ignore[no-untyped-def]
    """Never falls where y rises: each of its steps is monotone, rounding included."""
    centre, inverse, shift, half = frame
    u = (y - centre) * inverse
    j = (np.float64(1.0 + abs(u)).view(np.int64) - _ONE) >> shift
    j = j if j < half else half - 1
    return half + j if u >= 0.0 else half - 1 - j


@jit
def buckets(values: FloatArray, frame: Frame, out: IntArray) -> None:
    """The bucket of each value."""
    for i in range(values.size):
        out[i] = _bucket(values[i], frame)


@jit
def tally(
    values: FloatArray,
    edges: FloatArray,
    guide: GuideArray,
    frame: Frame,
    counts: IntArray,
    low: FloatArray,
    high: FloatArray,
) -> tuple[int, int, int]:
    """Add the values to the counts of their cells; those outside are written to low and high.

    Returns how many were written to each, and how many are NaN.
    """
    first, last = edges[0], edges[edges.size - 1]
    lower, upper, missing = 0, 0, 0
    one = np.uint64(1)
    for i in range(values.size):
        y = values[i]
        if y < first:
            low[lower] = y
            lower += 1
        elif y >= last:
            high[upper] = y
            upper += 1
        elif y != y:  # noqa: PLR0124 - NaN is in no cell
            missing += 1
        else:
            bucket = np.uint64(_bucket(y, frame))
            cell, end = np.int64(guide[bucket]), np.int64(guide[bucket + one])
            while end - cell > _SHORT:
                middle = (cell + end) >> 1
                if edges[np.uint64(middle)] <= y:
                    cell = middle
                else:
                    end = middle
            at = np.uint64(cell)
            while y >= edges[at + one]:
                at += one
            counts[at] += 1
    return lower, upper, missing
