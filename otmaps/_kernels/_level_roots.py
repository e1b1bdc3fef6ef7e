"""Level sets of a function of one variable, for many functions and many levels at once.

A row is one function: its values ``h`` at ascending nodes ``z``, monotone between neighbours.
Levels are ascending; a point is inside level m where its value is at most ``y[m]``, or below
``y[m]`` where ``strict[m]``. ``tail`` holds at each node the probability on the nearer side: above
the node where the node lies in the upper half, else below it.
"""

from __future__ import annotations

import math
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from otmaps._kernels._policy import jit, part

FloatArray: TypeAlias = npt.NDArray[np.float64]
IntArray: TypeAlias = npt.NDArray[np.int32]
IndexArray: TypeAlias = npt.NDArray[np.int64]
BoolArray: TypeAlias = npt.NDArray[np.bool_]

# Columns of the state of a crossing that is not settled: the newest point, the other end of its
# bracket, the point before, the values there less the level, the next point, and how narrow the
# bracket is to be.
A, B, C, AT_A, AT_B, AT_C, POINT, NARROW = range(8)
STATE = 8


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
            if sign == -last:
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
def _monotone(h, j, start, rising):  # type: ignore[no-untyped-def]
    """Whether four nodes from ``start`` on are there and run in one direction."""
    if start < 0 or start + 3 >= h.shape[1]:
        return False
    h0, h1, h2, h3 = h[j, start], h[j, start + 1], h[j, start + 2], h[j, start + 3]
    return (h0 < h1 < h2 < h3) if rising else (h0 > h1 > h2 > h3)


@part
def _stencil(h, j, k):  # type: ignore[no-untyped-def]
    """The first of four nodes that a cell is interpolated by, or -1; and its extremum, or -1.

    At an extremum the nodes lie on the side of the cell, and next to a flat piece, which begins
    somewhere inside, they end before it.
    """
    last = h.shape[1] - 1
    rising = h[j, k] < h[j, k + 1]
    if _monotone(h, j, k - 1, rising):
        return k - 1, -1
    if k + 2 <= last and h[j, k + 1] == h[j, k + 2]:
        return (k - 3 if _monotone(h, j, k - 3, rising) else -1), -1
    if k >= 1 and h[j, k - 1] == h[j, k]:
        return (k + 1 if _monotone(h, j, k + 1, rising) else -1), -1
    if k + 2 <= last and (h[j, k + 2] < h[j, k + 1]) == rising:
        return (k - 2 if _monotone(h, j, k - 2, rising) else -1), k + 1
    if k >= 1 and (h[j, k - 1] > h[j, k]) == rising:
        return (k if _monotone(h, j, k, rising) else -1), k
    return -1, -1


@part
def _coordinate(value, extreme, rooted):  # type: ignore[no-untyped-def]
    """Next to an extremum, z is smooth as a function of this."""
    return math.sqrt(abs(value - extreme)) if rooted else value


@jit
def crossings(
    z: FloatArray,
    h: FloatArray,
    y: FloatArray,
    first: IntArray,
    where: IntArray,
    guess: FloatArray,
) -> None:
    """List the crossings, (row, cell, level) each, with a guess of the root and of dz/dh there.

    The guess is by a cubic through four nodes, z as a function of the value or, next to an
    extremum, of the root of its distance from that. Where there are no such nodes it is by a line,
    and the slope NaN.
    """
    count = 0
    for j in range(h.shape[0]):
        for k in range(h.shape[1] - 1):
            low, high = min(first[j, k], first[j, k + 1]), max(first[j, k], first[j, k + 1])
            if low == high:
                continue
            a, b = z[j, k], z[j, k + 1]
            slope = (b - a) / (h[j, k + 1] - h[j, k])
            start, top = _stencil(h, j, k)
            rooted, extreme, least = top >= 0, 0.0, math.inf
            x0 = x1 = x2 = c0 = c1 = c2 = c3 = 0.0
            if start >= 0:
                if rooted:
                    extreme = h[j, top]
                least = 0.1 * abs(slope)
                x0 = _coordinate(h[j, start], extreme, rooted)
                x1 = _coordinate(h[j, start + 1], extreme, rooted)
                x2 = _coordinate(h[j, start + 2], extreme, rooted)
                x3 = _coordinate(h[j, start + 3], extreme, rooted)
                c0, z1, z2, z3 = z[j, start], z[j, start + 1], z[j, start + 2], z[j, start + 3]
                c1, d12, d23 = (z1 - c0) / (x1 - x0), (z2 - z1) / (x2 - x1), (z3 - z2) / (x3 - x2)
                c2, d123 = (d12 - c1) / (x2 - x0), (d23 - d12) / (x3 - x1)
                c3 = (d123 - c2) / (x3 - x0)
            for m in range(low, high):
                x = _coordinate(y[m], extreme, rooted)
                u, v, w = x - x0, x - x1, x - x2
                point = c0 + u * (c1 + v * (c2 + w * c3))
                steep = c1 + (u + v) * c2 + (v * w + u * w + u * v) * c3
                if rooted:
                    steep *= 0.5 / (x if y[m] > extreme else -x)
                if not (a < point < b and abs(steep) > least and steep * slope > 0.0):
                    point, steep = a + (y[m] - h[j, k]) * slope, math.nan
                    if not a < point < b:
                        point = 0.5 * a + 0.5 * b
                where[count, 0], where[count, 1], where[count, 2] = j, k, m
                guess[0, count], guess[1, count] = point, steep
                count += 1


@part
def _mass(low, low_upper, high, high_upper):  # type: ignore[no-untyped-def]
    """The probability between two points, given by their nearer tails and sides."""
    if low_upper:
        return max(low - high, 0.0)
    if high_upper:
        return max((1.0 - low) - high, 0.0)
    return max(high - low, 0.0)


@part
def _next(row):  # type: ignore[no-untyped-def]
    """The next point of a bracket: by inverse quadratic interpolation where that is safe."""
    a, b, c, at_a, at_b, at_c = row[A], row[B], row[C], row[AT_A], row[AT_B], row[AT_C]
    width = b - a
    least = max(0.5 * row[NARROW], 2.3e-16 * max(abs(a), abs(b))) / abs(width)
    share = 0.5
    where, level = (a - b) / (c - b), (at_a - at_b) / (at_c - at_b)
    if level * level < where and (1.0 - level) * (1.0 - level) < 1.0 - where:
        share = at_a / (at_b - at_a) * at_c / (at_b - at_c)
        share += (c - a) / width * at_a / (at_c - at_a) * at_b / (at_c - at_b)
    if math.isnan(share):
        share = 0.5
    least = min(least, 0.5)
    return a + min(max(share, least), 1.0 - least) * width


@part
def _bracket(row, low, new, high, strict):  # type: ignore[no-untyped-def]
    """Begin a search: from both ends of a cell and a point between, each with its value."""
    inside = new[1] < 0.0 or (new[1] == 0.0 and not strict)
    rising = low[1] < 0.0 or (low[1] == 0.0 and not strict)  # the lower end is inside
    row[A], row[AT_A] = new
    if inside == rising:
        row[B], row[AT_B] = high
        row[C], row[AT_C] = low
    else:
        row[B], row[AT_B] = low
        row[C], row[AT_C] = high
    row[POINT] = _next(row)


@jit
def settle(
    rows: tuple[FloatArray, FloatArray, FloatArray, BoolArray, FloatArray],
    levels: tuple[FloatArray, BoolArray, BoolArray],
    options: tuple[float, bool],
    index: IndexArray,
    where: IntArray,
    value: FloatArray,
    guess: FloatArray,
    state: FloatArray,
    lists: tuple[IndexArray, IndexArray],
) -> tuple[int, int, float]:
    """Move the guesses of the crossings ``index``, with ``value`` there, by one step to the roots.

    ``rows`` are z, h, the tails and sides of the nodes and the weights of the rows; ``options`` the
    probability that a last step may move, and whether more steps will follow. The first of
    ``lists`` gets the crossings that need one, the second those that need a search, with the
    bracket in ``state``. Returns the lengths of both, and the weighted probability of cells with
    a value outside of those at their ends, which are not monotone.
    """
    z, h, tail, upper, weights = rows
    y, strict, tied = levels
    tolerance, more = options
    again, rest = lists
    repeated, left, unsure = 0, 0, 0.0
    last_row, last_cell = -1, -1
    for i in range(index.size):
        c = index[i]
        j, k, m = where[c, 0], where[c, 1], where[c, 2]
        found, point = value[i], guess[0, c]
        a, b, ha, hb = z[j, k], z[j, k + 1], h[j, k], h[j, k + 1]
        width = b - a
        mass = _mass(tail[j, k], upper[j, k], tail[j, k + 1], upper[j, k + 1])
        if not min(ha, hb) <= found <= max(ha, hb):
            slack = 1e-12 * max(abs(ha), abs(hb))
            out = not min(ha, hb) - slack <= found <= max(ha, hb) + slack
            if out and (j != last_row or k != last_cell):
                unsure += weights[j] * mass
                last_row, last_cell = j, k
        step = (y[m] - found) * guess[1, c]
        trial = point + step
        small = abs(step) * mass <= tolerance * width and abs(step) <= 1e-3 * width
        if a <= trial <= b and not (tied[m] and found == y[m]):
            if small:
                guess[0, c] = trial
                continue
            if more and abs(step) <= 0.05 * width:
                guess[0, c] = trial
                again[repeated] = c
                repeated += 1
                continue
        narrow = 1e-6 * width
        if mass > 0.0:
            narrow = min(narrow, 1e-3 * tolerance * width / mass)
        state[left, NARROW] = narrow
        _bracket(state[left], (a, ha - y[m]), (point, found - y[m]), (b, hb - y[m]), strict[m])
        rest[left] = c
        left += 1
    return repeated, left, unsure


@jit
def refine(
    active: IndexArray, value: FloatArray, level: FloatArray, strict: BoolArray, state: FloatArray
) -> int:
    """One step of a bracketed search for the active rows of ``state``, with ``value`` there.

    Rows whose bracket is narrow get their root as point; the others move to the front of
    ``active``, and their number is returned. The method is that of Chandrupatla, Adv. Eng.
    Softw. 28 (1997).
    """
    left = 0
    for i in range(active.size):
        c = active[i]
        row = state[c]
        found = value[i] - level[c]
        inside = found < 0.0 or (found == 0.0 and not strict[c])
        before = row[AT_A] < 0.0 or (row[AT_A] == 0.0 and not strict[c])
        if inside == before:
            row[C], row[AT_C] = row[A], row[AT_A]
        else:
            row[C], row[AT_C] = row[B], row[AT_B]
            row[B], row[AT_B] = row[A], row[AT_A]
        row[A], row[AT_A] = row[POINT], found
        middle = 0.5 * row[A] + 0.5 * row[B]
        if abs(row[B] - row[A]) <= row[NARROW] or middle == row[A] or middle == row[B]:
            row[POINT] = row[A] if abs(row[AT_A]) < abs(row[AT_B]) else row[B]
            continue
        row[POINT] = _next(row)
        active[left] = c
        left += 1
    return left


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
