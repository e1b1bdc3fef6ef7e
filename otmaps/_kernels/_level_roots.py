"""Level sets of a function of one variable, for many functions and many levels at once.

A row is one function: its values ``h`` at ascending nodes ``z``, monotone between neighbours. Levels
are ascending; a point is inside level m where its value is at most ``y[m]``, or below ``y[m]`` where
``strict[m]``. ``tail`` holds at each node the probability on the nearer side: above the node where
the node lies in the upper half, else below it.
"""

from __future__ import annotations

import math
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from otmaps._kernels._policy import jit, part

FloatArray: TypeAlias = npt.NDArray[np.float64]
IntArray: TypeAlias = npt.NDArray[np.int32]
BoolArray: TypeAlias = npt.NDArray[np.bool_]

# Columns of the state of a crossing.
TRUE, FALSE, POINT, SLOPE, LAST, LAST_VALUE, WIDTH = range(7)
STATE = 7


@jit
def directions(h: FloatArray, turns: IntArray) -> int:
    """Find the interior extrema of every row: (row, node before, node, node after) of each.

    Returns their number, which may exceed the room in ``turns``.
    """
    count = 0
    for j in range(h.shape[0]):
        last = 0.0
        top = 0
        for k in range(h.shape[1] - 1):
            step = h[j, k + 1] - h[j, k]
            if h[j, k + 1] == h[j, k] or not (step > 0.0 or step < 0.0):
                continue
            sign = 1.0 if step > 0.0 else -1.0
            if last != 0.0 and sign != last:
                if count < turns.shape[0]:
                    turns[count, 0] = j
                    turns[count, 1] = top - 1
                    turns[count, 2] = top
                    turns[count, 3] = k + 1
                count += 1
            last = sign
            top = k + 1
    return count


@part
def _first_inside(value, y, strict):  # type: ignore[no-untyped-def]
    """The first level that a value is inside of."""
    low, high = 0, y.shape[0]
    while low < high:
        middle = (low + high) // 2
        if value < y[middle] or (value == y[middle] and not strict[middle]):
            high = middle
        else:
            low = middle + 1
    return low


@jit
def positions(h: FloatArray, y: FloatArray, strict: BoolArray, first: IntArray) -> int:
    """The first level that each node is inside of; returns the number of crossings of all cells."""
    count = 0
    for j in range(h.shape[0]):
        for k in range(h.shape[1]):
            first[j, k] = _first_inside(h[j, k], y, strict)
            if k > 0:
                count += abs(first[j, k] - first[j, k - 1])
    return count


@part
def _inverse(z, h, k, y):  # type: ignore[no-untyped-def]
    """Where a row takes the value y, and dz/dh there: by four nodes around cell k, or by two."""
    a, b = z[k], z[k + 1]
    rise = h[k + 1] - h[k]
    slope = (b - a) / rise
    point = a + (y - h[k]) * slope
    if 1 <= k < z.shape[0] - 2:
        h0, h1, h2, h3 = h[k - 1], h[k], h[k + 1], h[k + 2]
        if (h0 < h1 < h2 < h3) or (h0 > h1 > h2 > h3):
            # Newton's form of the inverse function.
            d01, d12, d23 = (z[k] - z[k - 1]) / (h1 - h0), slope, (z[k + 2] - z[k + 1]) / (h3 - h2)
            d012, d123 = (d12 - d01) / (h2 - h0), (d23 - d12) / (h3 - h1)
            d0123 = (d123 - d012) / (h3 - h0)
            u, v, w = y - h1, y - h2, y - h0
            trial = a + u * (d12 + v * (d012 + w * d0123))
            steep = d12 + (u + v) * d012 + (v * w + u * w + u * v) * d0123
            if a < trial < b and steep * slope > 0.1 * slope * slope:
                point, slope = trial, steep
    if not a < point < b:
        point = 0.5 * a + 0.5 * b
    return point, slope


@jit
def crossings(
    z: FloatArray,
    h: FloatArray,
    y: FloatArray,
    first: IntArray,
    where: IntArray,
    state: FloatArray,
) -> None:
    """List the crossings: row, cell and level of each, its bracket and a first guess."""
    count = 0
    for j in range(h.shape[0]):
        for k in range(h.shape[1] - 1):
            low, high = first[j, k], first[j, k + 1]
            below = low < high  # the upper end is inside fewer levels: the lower end is inside
            if not below:
                low, high = high, low
            for m in range(low, high):
                where[count, 0], where[count, 1], where[count, 2] = j, k, m
                point, slope = _inverse(z[j], h[j], k, y[m])
                state[count, TRUE] = z[j, k] if below else z[j, k + 1]
                state[count, FALSE] = z[j, k + 1] if below else z[j, k]
                state[count, POINT], state[count, SLOPE] = point, slope
                state[count, LAST] = state[count, LAST_VALUE] = math.nan
                state[count, WIDTH] = z[j, k + 1] - z[j, k]
                count += 1


@part
def _middle(a, b):  # type: ignore[no-untyped-def]
    """Between the ends of a bracket: by binary exponents where they are far apart."""
    mean = 0.5 * a + 0.5 * b
    small, large = min(abs(a), abs(b)), max(abs(a), abs(b))
    if (a >= 0.0) == (b >= 0.0) and large > 8.0 * small and small > 0.0:
        return math.copysign(math.sqrt(small) * math.sqrt(large), mean)
    return mean


@jit
def refine(
    active: npt.NDArray[np.int64],
    value: FloatArray,
    level: FloatArray,
    mass: FloatArray,
    options: tuple[float, int],
    strict: BoolArray,
    tied: BoolArray,
    where: IntArray,
    state: FloatArray,
) -> int:
    """One step for the active crossings, whose functions take ``value`` at their points.

    The new points are roots where a step and its effect on the probability are small. Crossings
    that are not settled move to the front of ``active``; returns their number.
    """
    tolerance, iteration = options
    left = 0
    for i in range(active.size):
        c = active[i]
        m = where[c, 2]
        h, y, point = value[i], level[m], state[c, POINT]
        if h < y or (h == y and not strict[m]):
            state[c, TRUE] = point
        else:
            state[c, FALSE] = point
        a, b = state[c, TRUE], state[c, FALSE]
        slope = state[c, SLOPE]
        if not math.isnan(state[c, LAST]):
            slope = (point - state[c, LAST]) / (h - state[c, LAST_VALUE])
        step = (y - h) * slope
        width = state[c, WIDTH]
        density = mass[c] / width
        state[c, LAST], state[c, LAST_VALUE] = point, h
        trial = point + step
        inside = min(a, b) <= trial <= max(a, b)
        gap = abs(b - a)
        if gap * density <= 1e-3 * tolerance and gap <= 1e-6 * width:
            state[c, POINT] = a
            continue
        small = abs(step) * density <= tolerance and abs(step) <= 1e-3 * width
        if inside and small and not (tied[m] and h == y):
            state[c, POINT] = trial
            state[c, SLOPE] = slope
            continue
        middle = _middle(a, b)
        if middle == a or middle == b:
            state[c, POINT] = a
            continue
        if not inside or trial == a or trial == b or iteration % 3 == 2 or h == y:
            trial = middle
        state[c, POINT] = trial
        active[left] = c
        left += 1
    return left


@part
def _mass(low, low_upper, high, high_upper):  # type: ignore[no-untyped-def]
    """The probability between two points, given by their nearer tails and sides."""
    if low_upper:
        return max(low - high, 0.0)
    if high_upper:
        return max((1.0 - low) - high, 0.0)
    return max(high - low, 0.0)


@jit
def cell_masses(
    where: IntArray, tail: FloatArray, upper: BoolArray, mass: FloatArray
) -> None:
    """The probability of the cell of every crossing."""
    for c in range(where.shape[0]):
        j, k = where[c, 0], where[c, 1]
        mass[c] = _mass(tail[j, k], upper[j, k], tail[j, k + 1], upper[j, k + 1])


@jit
def accumulate(
    rows: tuple[IntArray, FloatArray, BoolArray, FloatArray],
    where: IntArray,
    root_tail: FloatArray,
    root_upper: BoolArray,
    totals: FloatArray,
) -> None:
    """Add to each level the weighted probability inside and outside.

    ``rows`` are the positions, tails and sides of the nodes and the weights of the rows; ``totals``
    (2, levels + 1) holds inside and outside. Only positive numbers are added.
    """
    first, tail, upper, weights = rows
    levels = totals.shape[1] - 1
    # A cell that is inside from level m on, or outside up to it, counts once here.
    full = np.zeros((2, levels + 1))
    for j in range(first.shape[0]):
        w = weights[j]
        for k in range(first.shape[1] - 1):
            mass = w * _mass(tail[j, k], upper[j, k], tail[j, k + 1], upper[j, k + 1])
            low, high = first[j, k], first[j, k + 1]
            full[0, max(low, high)] += mass
            full[1, min(low, high)] += mass
        last = first.shape[1] - 1
        ends = (tail[j, 0] if not upper[j, 0] else 1.0 - tail[j, 0],
                tail[j, last] if upper[j, last] else 1.0 - tail[j, last])  # fmt: skip
        full[0, first[j, 0]] += w * ends[0]
        full[1, first[j, 0]] += w * ends[0]
        full[0, first[j, last]] += w * ends[1]
        full[1, first[j, last]] += w * ends[1]
    running = 0.0
    for m in range(levels):
        running += full[0, m]
        totals[0, m] += running
    running = 0.0
    for m in range(levels - 1, -1, -1):
        running += full[1, m + 1]
        totals[1, m] += running
    for c in range(where.shape[0]):
        j, k, m = where[c, 0], where[c, 1], where[c, 2]
        w = weights[j]
        before = w * _mass(tail[j, k], upper[j, k], root_tail[c], root_upper[c])
        after = w * _mass(root_tail[c], root_upper[c], tail[j, k + 1], upper[j, k + 1])
        if first[j, k] < first[j, k + 1]:  # the lower end is inside
            totals[0, m] += before
            totals[1, m] += after
        else:
            totals[0, m] += after
            totals[1, m] += before


@jit
def insert(
    z: FloatArray, h: FloatArray, owner: IntArray, point: FloatArray, value: FloatArray
) -> None:
    """Put points, ascending in each row, among the nodes of the rows ``owner``.

    Rows have room at their end, filled with copies of their last node, which drop out.
    """
    last = z.shape[1] - 1
    for i in range(owner.size):
        j = owner[i]
        k = last
        while k > 0 and z[j, k - 1] > point[i]:
            z[j, k], h[j, k] = z[j, k - 1], h[j, k - 1]
            k -= 1
        z[j, k], h[j, k] = point[i], value[i]
