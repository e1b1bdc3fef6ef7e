"""Cells in order: values that do not fall, inside limits.

``records`` are those of `otmaps._kernels._maps`: left edge, 1 / width, c0 ... c5.
"""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

from otmaps._kernels._maps import C0, C1, C5, EDGE, GRAIN, INVERSE_WIDTH
from otmaps._kernels._policy import jit, part

FloatArray = npt.NDArray[np.float64]
BoolArray = npt.NDArray[np.bool_]

ALLOWANCE = 32.0 * 2.0**-52
"""How far Horner's rule may round, in parts of the coefficients."""


@part
def _level(records, moved):  # type: ignore[no-untyped-def]
    n = records.shape[0] - 1
    largest = -math.inf
    for i in range(n + 1):
        value = records[i, C0]
        largest = value if value > largest else largest
        moved[i] = abs(largest - value)
        records[i, C0] = largest
    for i in range(n):
        rise, size = 0.0, 0.0
        for j in range(C1, C5 + 1):
            rise += records[i, j]
            size += abs(records[i, j])
        room = max(records[i + 1, C0] - records[i, C0] - ALLOWANCE * size, 0.0)
        factor = min(room / rise, 1.0) if rise > 0.0 else 0.0
        for j in range(C1, C5 + 1):
            fresh = records[i, j] * factor
            moved[i] += abs(fresh - records[i, j])
            records[i, j] = fresh


@jit
def level(records: FloatArray, moved: FloatArray) -> None:
    """Values that do not fall, and cells that stay below the next value, in place.

    ``moved`` gets how far the values in each cell move, at most.
    """
    _level(records, moved)


@jit
def settle(records: FloatArray, low: float, high: float, moved: FloatArray) -> bool:
    """Fill in the widths, hold the values inside the limits, and `level` them, in place.

    False where the edges do not increase.
    """
    n = records.shape[0] - 1
    for i in range(n):
        width = records[i + 1, EDGE] - records[i, EDGE]
        if not (width > 0.0 and width < math.inf):
            return False
        records[i, INVERSE_WIDTH] = 1.0 / width
    _level(records, moved)
    for i in range(n + 1):
        held = min(max(records[i, C0], low), high)
        if held != records[i, C0]:
            moved[i] += abs(held - records[i, C0])
            records[i, C0] = held
            for j in range(C1, C5 + 1):  # at its limit the map is constant
                moved[i] += abs(records[i, j])
                records[i, j] = 0.0
        elif i < n and records[i + 1, C0] > high:
            # Up to the limit in a straight line: the next value comes down to it.
            for j in range(C1, C5 + 1):
                moved[i] += abs(records[i, j])
                records[i, j] = 0.0
            room = high - held
            records[i, C1] = max(room - ALLOWANCE * room, 0.0)
            moved[i] += room
    for j in range(INVERSE_WIDTH, C5 + 1):
        if j != C0:
            records[n, j] = 0.0
    return True


@jit
def straighten(records: FloatArray, proven: BoolArray, moved: FloatArray, slight: float) -> None:
    """Make cells without proof such ones that have it, in place, with the same rise.

    Negative coefficients of a slight part of all become 0; where others are left, a line.
    """
    for i in range(proven.size):
        if proven[i]:
            continue
        size, rise = 0.0, 0.0
        for j in range(C1, C5 + 1):
            size += abs(records[i, j])
            rise += records[i, j]
        rise, least, total = max(rise, 0.0), 0.0, 0.0
        for j in range(C1, C5 + 1):
            c = records[i, j]
            c = max(c, 0.0) if abs(c) <= slight * size else c
            least, total = min(least, c), total + c
        factor = min(rise / total, 1.0) if total > 0.0 else 0.0
        for j in range(C1, C5 + 1):
            c = records[i, j]
            fresh = factor * max(c, 0.0)
            if least < 0.0:
                fresh = rise if j == C1 else 0.0
            moved[i] += abs(fresh - c)
            records[i, j] = fresh


@jit
def largest_move(records: FloatArray, moved: FloatArray, centre: float, scale: float) -> float:
    """The largest of the moves, with the rounding of the evaluation, in the unit of errors."""
    largest = 0.0
    for i in range(records.shape[0] - 1):
        left, right = records[i, C0] - centre, records[i + 1, C0] - centre
        unit = scale if left < 0.0 < right else max(scale, min(abs(left), abs(right)))
        size = 0.0
        for j in range(C1, C5 + 1):
            size += abs(records[i, j])
        rounding = 0.5 * GRAIN * size + 4.0 * 2.0**-52 * max(abs(records[i, C0]), abs(left))
        largest = max(largest, (max(moved[i], moved[i + 1]) + rounding) / unit)
    return largest
