"""What a table of cells is checked for and indexed by: order, proof of order, buckets.

``records`` are those of `otmaps._kernels._maps`: left edge, 1 / width, c0 ... c5.
"""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

from otmaps._kernels._policy import jit, part

FloatArray = npt.NDArray[np.float64]
BoolArray = npt.NDArray[np.bool_]
IntArray = npt.NDArray[np.int32]

EDGE, INVERSE_WIDTH, C0, C1, C2, C3, C4, C5 = range(8)
GRAIN, BUCKET_GRAIN = 2.0**-48, 2.0**-50
EPS = 2.0**-52
PARTS = 4
"""Parts of a cell, in each of which the inequality of the proof is shown."""
SPARE = 1.05
"""Terms in u^2, and the roundings of the proof itself."""
UNDERFLOW = 1e-322
"""Eight results may lose a half of the smallest double."""


@part
def _least_slope(c1, c2, c3, c4, c5, start, width):  # type: ignore[no-untyped-def]
    """A lower bound of the derivative in a part of a cell: its least Bernstein coefficient."""
    # Powers of the distance from the start of the part, in units of its width.
    d0, d1, d2, d3, d4 = c1, 2.0 * c2, 3.0 * c3, 4.0 * c4, 5.0 * c5
    p0 = d0 + start * (d1 + start * (d2 + start * (d3 + start * d4)))
    p1 = width * (d1 + start * (2.0 * d2 + start * (3.0 * d3 + start * 4.0 * d4)))
    p2 = width**2 * (d2 + start * (3.0 * d3 + start * 6.0 * d4))
    p3 = width**3 * (d3 + start * 4.0 * d4)
    p4 = width**4 * d4
    # B_j = sum_i C(j, i) / C(4, i) p_i.
    b1 = p0 + p1 / 4.0
    b2 = p0 + p1 / 2.0 + p2 / 6.0
    b3 = p0 + 3.0 * p1 / 4.0 + p2 / 2.0 + p3 / 4.0
    return min(p0, b1, b2, b3, p0 + p1 + p2 + p3 + p4)


@part
def _is_proven(records, i, bucket):  # type: ignore[no-untyped-def]
    c1, c2, c3 = records[i, C1], records[i, C2], records[i, C3]
    c4, c5 = records[i, C4], records[i, C5]
    if c1 >= 0.0 and c2 >= 0.0 and c3 >= 0.0 and c4 >= 0.0 and c5 >= 0.0:
        return True
    cubic = records[i, INVERSE_WIDTH] == bucket and c4 == 0.0 and c5 == 0.0
    grain = BUCKET_GRAIN if cubic else GRAIN
    a2, a3, a4, a5 = 2.0 * abs(c2), 3.0 * abs(c3), 4.0 * abs(c4), 4.0 * abs(c5)
    for p in range(PARTS):
        s = (p + 1.0) / PARTS
        noise = EPS * s * (abs(c1) + s * (a2 + s * (a3 + s * (a4 + s * a5))))
        least = _least_slope(c1, c2, c3, c4, c5, p / PARTS, 1.0 / PARTS)
        if not grain * least >= SPARE * noise + UNDERFLOW:
            return False
    return True


@jit
def prove(records: FloatArray, bucket: float, proven: BoolArray) -> None:
    """Of which cells it is proven that the computed values never fall; see `_map_proof`."""
    for i in range(proven.size):
        proven[i] = _is_proven(records, i, bucket)


@jit
def level(records: FloatArray, moved: FloatArray) -> None:
    """Values that do not fall, and cells that stay below the next value, in place.

    ``moved`` gets how far the values in each cell move, at most.
    """
    n = records.shape[0] - 1
    largest = -math.inf
    for i in range(n + 1):
        value = records[i, C0]
        raised = value if value > largest else largest
        moved[i] = abs(raised - value)
        records[i, C0] = largest = raised
    for i in range(n):
        rise, size = 0.0, 0.0
        for j in range(C1, C5 + 1):
            rise += records[i, j]
            size += abs(records[i, j])
        room = records[i + 1, C0] - records[i, C0] - 32.0 * EPS * size
        factor = min(max(room, 0.0) / rise, 1.0) if rise > 0.0 else 0.0
        for j in range(C1, C5 + 1):
            fresh = records[i, j] * factor
            moved[i] += abs(fresh - records[i, j])
            records[i, j] = fresh


@jit
def settle(
    records: FloatArray, limits: FloatArray, unit: FloatArray, bucket: float
) -> float:
    """Make records that were computed from others a table, in place.

    Edges have to increase; the widths are filled in, values held inside the limits and in order,
    and a cell that is not proven to rise becomes a line.

    ``unit`` is centre and scale of the unit of errors. Returned is how far a value moved, at most,
    with the rounding of the evaluation, in that unit; infinite where the edges do not increase.
    """
    n = records.shape[0] - 1
    error, grain, size_of_values = 0.0, 0.0, 0.0
    moved = np.empty(n + 1)
    for i in range(n + 1):
        value = records[i, C0]
        held = min(max(value, limits[0]), limits[1])
        error = max(error, abs(held - value) / unit[1])
        records[i, C0] = held
        if i < n:
            width = records[i + 1, EDGE] - records[i, EDGE]
            if not width > 0.0 or not width < math.inf:
                return math.inf
            records[i, INVERSE_WIDTH] = 1.0 / width
    level(records, moved)
    for i in range(n):
        scale = max(unit[1], min(abs(records[i, C0] - unit[0]), abs(records[i + 1, C0] - unit[0])))
        if (records[i, C0] < unit[0]) != (records[i + 1, C0] < unit[0]):
            scale = unit[1]
        if not _is_proven(records, i, bucket):
            rise = 0.0
            for j in range(C1, C5 + 1):
                rise += records[i, j]
                if j > C1:
                    moved[i] += abs(records[i, j])
                    records[i, j] = 0.0
            records[i, C1] = max(rise, 0.0)
        size = 0.0
        for j in range(C1, C5 + 1):
            size += abs(records[i, j])
        error = max(error, moved[i] / scale)
        grain = max(grain, 0.5 * GRAIN * size / scale)
        size_of_values = max(size_of_values, abs(records[i, C0]) / scale)
    for j in range(INVERSE_WIDTH, C5 + 1):
        if j != C0:
            records[n, j] = 0.0
    return error + grain + 4.0 * EPS * size_of_values
