"""Monotone maps by table: evaluate, differentiate, invert.

A table of a monotone map is handed to the kernels as a tuple of seven arrays, in this order.

``cubics`` : float64 (buckets of the core or 0, 4)
    Coefficients of the buckets of the core that are one cubic cell, NaN for the others, among
    them the first `COARSE`.
``records`` : float64 (n + 1, 8)
    One cache line a cell, from left to right: left edge, 1 / width, and the coefficients c0 ... c5
    of the polynomial in s = (y - edge) / width. The last row holds the last edge and its value.
``guide`` : int32
    The cell in which a bucket begins: the buckets of the core, of the lower and of the upper end.
    A bucket of the core that holds edges inside is stored as -1 - cell.
``core`` : float64 (3,)
    Low end, high end and inverse width of the uniform buckets that serve most of the mass.
``ends`` : float64 (2, 11)
    The lower and the upper end, in the columns named below. Their buckets are uniform in the
    exponent and the leading bits of the distance d = sign * (y - anchor).
``inner`` : float64 (15,)
    The inner range, in the numbers named below, where one or two polynomials serve.
``powers`` : float64 (cells of the inner range: 0, 1 or 2; 8, 12, 16, 20 or 24)
    Their coefficients, the highest power first, in s = (u - middle) / half width, from -1 to 1,
    where u is the distance from the centre, or one polynomial's fractional linear function of it.
    They give the distance from the offset.
"""

from __future__ import annotations

import math
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from otmaps._kernels._policy import fma, jit, part

FloatArray: TypeAlias = npt.NDArray[np.float64]
AnyFloatArray: TypeAlias = npt.NDArray[np.float64] | npt.NDArray[np.float32]
IntArray: TypeAlias = npt.NDArray[np.int32]
TableArrays: TypeAlias = tuple[
    FloatArray, FloatArray, IntArray, FloatArray, FloatArray, FloatArray, FloatArray
]
Line: TypeAlias = tuple[float, float, float, float]

EDGE, INVERSE_WIDTH, C0, C1, C2, C3, C4, C5 = range(8)
LOW, HIGH = 0, 1

GRAIN = 2.0**-48
"""The coordinate in a cell is a multiple of it: no rounding makes the map fall (`_map_proof`)."""
BUCKET_GRAIN = 2.0**-50
"""The coordinate in a bucket of the core has no finer steps, from the bucket `COARSE` on."""
COARSE = 4

BLOCK = 256
"""Values in a block: all its buffers fit the first-level cache beside the table."""

(
    FOLD,  # 1: odd about the centre; 0: the inner range begins there
    CENTRE,
    OFFSET,  # T = offset + sign * (line * w + P), with w = |y - centre| and its sign, P from 0 on
    LINE,
    LOWEST,  # the inner range, as y - centre
    HIGHEST,
    POLE,  # the variable is u = -1 / (w + pole), or w itself where this is 0
    KNOT,  # where the second cell begins, in w
    MIDDLE,  # of the first cell, and the inverse of half its width, both in u
    INVERSE,
    MIDDLE_2,
    INVERSE_2,
    STEP,  # 1.5 * 2^n: added and taken away, it rounds s to multiples of 2^(n - 52)
    BOTTOM,  # the values at the ends of the inner range
    TOP,
) = range(15)

_TO_GRAIN = 16.0  # the doubles from 16 to 17 are GRAIN apart
(
    ANCHOR,  # where distances are measured from
    SIGN,  # +1: d grows with y
    SUPPORT,  # the end of the source's support: the limit holds there and beyond
    LIMIT,  # the value of the map there
    BASE,  # beyond the last cell T = BASE + (T_end - BASE) * (d / REACH) ** POWER
    POWER,
    REACH,
    FIRST,  # number of the first bucket
    PER_OCTAVE,  # buckets a factor of two in d
    START,  # where the buckets of this end begin in the guide
    COUNT,
) = range(11)


@jit
def bucket(d, per_octave):  # type: ignore[no-untyped-def]
    """The number of the logarithmic bucket of a positive distance; not decreasing in d."""
    mantissa, exponent = math.frexp(d)
    return exponent * int(per_octave) + int((mantissa - 0.5) * 2.0 * per_octave)


@part
def _advance(y, records, cell):  # type: ignore[no-untyped-def]
    """The last cell at or after ``cell`` whose left edge is not above y: doubling, then halving."""
    last = records.shape[0] - 2
    if cell == last or y < records[cell + 1, EDGE]:
        return cell
    step = 1
    while cell + step <= last and y >= records[cell + step, EDGE]:
        cell += step
        step *= 2
    while step > 0:
        if cell + step <= last and y >= records[cell + step, EDGE]:
            cell += step
        step //= 2
    return cell


@part
def _cell(y, records, guide, core, ends):  # type: ignore[no-untyped-def]
    """The cell of a point from the first edge (included) to the last one (excluded)."""
    x = (y - core[0]) * core[2]
    # Not y < core[1]: just below it, the difference may round up to the next bucket.
    if 0.0 <= x < (core[1] - core[0]) * core[2]:
        first = guide[int(x)]
        if first >= 0:
            return int(first)
        return _advance(y, records, -1 - int(first))
    # Single numbers, not a row of the array: a view costs more than all the rest.
    side = LOW if y < core[0] else HIGH
    d = ends[side, SIGN] * (y - ends[side, ANCHOR])
    number = bucket(d, ends[side, PER_OCTAVE]) - int(ends[side, FIRST])
    number = min(max(number, 0), int(ends[side, COUNT]) - 1)
    return _advance(y, records, int(guide[int(ends[side, START]) + number]))


@part
def _local(y, records, cell):  # type: ignore[no-untyped-def]
    """The coordinate in a cell. A point that rounding put one cell too far gets 0, not less."""
    s = (y - records[cell, EDGE]) * records[cell, INVERSE_WIDTH] + _TO_GRAIN
    return s - _TO_GRAIN if s > _TO_GRAIN else 0.0


@part
def _beyond(y, records):  # type: ignore[no-untyped-def]
    """LOW, HIGH, or -1 where the cells serve y."""
    if y < records[0, EDGE]:
        return LOW
    if y >= records[records.shape[0] - 1, EDGE]:
        return HIGH
    return -1


@part
def _polynomial(s, records, cell):  # type: ignore[no-untyped-def]
    inner = fma(s, fma(s, records[cell, C5], records[cell, C4]), records[cell, C3])
    inner = fma(s, fma(s, inner, records[cell, C2]), records[cell, C1])
    return fma(s, inner, records[cell, C0])


@part
def _slope(s, records, cell):  # type: ignore[no-untyped-def]
    inner = 3.0 * records[cell, C3] + s * (4.0 * records[cell, C4] + s * 5.0 * records[cell, C5])
    slope = records[cell, C1] + s * (2.0 * records[cell, C2] + s * inner)
    return slope if slope > 0.0 else 0.0


@part
def _value(y, records, guide, core, ends):  # type: ignore[no-untyped-def]
    """The map at any point, by the general route."""
    if math.isnan(y):
        return y
    side = _beyond(y, records)
    if side < 0:
        cell = _cell(y, records, guide, core, ends)
        return _polynomial(_local(y, records, cell), records, cell)
    return _continued(y, records, ends, side)


@part
def _continued(y, records, ends, side):  # type: ignore[no-untyped-def]
    """The map beyond the cells."""
    support, limit, base = ends[side, SUPPORT], ends[side, LIMIT], ends[side, BASE]
    outside = y <= support if side == LOW else y >= support
    if outside:
        return limit
    last = records[0, C0] if side == LOW else records[records.shape[0] - 1, C0]
    ratio = ends[side, SIGN] * (y - ends[side, ANCHOR]) / ends[side, REACH]
    value = base + (last - base) * ratio ** ends[side, POWER]
    # A base that the target's own rounding reached gives no direction: stay at the last value.
    if side == LOW:
        return min(max(value, limit), last)
    return max(min(value, limit), last)


@part
def _at(first, second, pair, form, i):  # type: ignore[no-untyped-def]
    """The sum of one or two vectors at i. ``pair`` is known to the compiler."""
    weight, other, offset = form
    v = fma(weight, np.float64(first[i]), offset)
    return fma(other, np.float64(second[i]), v) if pair else v


@jit
def _mend(first, second, pair, form, result, table):  # type: ignore[no-untyped-def]
    """Fill in by the general route what is NaN in a block."""
    _, records, guide, core, ends, inner, powers = table
    for i in range(result.size):
        if result[i] != result[i]:  # NaN
            y = _at(first, second, pair, form, i)
            v = _value(y, records, guide, core, ends)
            if powers.shape[0] > 0:  # rounding must not put it on the other side
                d = y - inner[CENTRE]
                if d > inner[HIGHEST]:
                    v = max(v, inner[TOP])
                elif d < inner[LOWEST]:
                    v = min(v, inner[BOTTOM])
            result[i] = v


@part
def _completed(v, d, line, offset, low, high):  # type: ignore[no-untyped-def]
    """The map where its polynomial has the value v: NaN outside the inner range."""
    v = v if v > 0.0 else 0.0  # what lies below is mirrored: it must not pass the offset
    v = offset + math.copysign(fma(line, abs(d), v), d)
    return v if low <= d <= high else math.nan


# The routes go through the blocks themselves: what is inlined counts references to the arrays it
# gets, and for each block that would take a fifth of the time.


@part
def _by_one(zs, form, out, table):  # type: ignore[no-untyped-def]
    """The map by one polynomial, and by the general route outside the inner range.

    Loops without branches, few coefficients a pass: the compiler makes vectors of them. The
    buffers s and value stay in the first-level cache.
    """
    inner, powers = table[5], table[6]
    pair, s, value = len(zs) == 2, np.empty(BLOCK), np.empty(BLOCK)
    centre, offset, line = inner[CENTRE], inner[OFFSET], inner[LINE]
    low, high, pole = inner[LOWEST], inner[HIGHEST], inner[POLE]
    middle, inverse, step = inner[MIDDLE], inner[INVERSE], inner[STEP]
    last = powers.shape[1] - 4
    for start in range(0, out.size, BLOCK):
        size = min(BLOCK, out.size - start)
        first, second = zs[0][start : start + size], zs[len(zs) - 1][start : start + size]
        result = out[start : start + size]
        outside = 0
        if pole > 0.0:
            for i in range(size):
                d = _at(first, second, pair, form, i) - centre
                outside += 0 if low <= d <= high else 1
                q = _coordinate(-1.0 / (abs(d) + pole), middle, inverse, step)
                s[i], value[i] = q, _begun(q, powers)
        else:
            for i in range(size):
                d = _at(first, second, pair, form, i) - centre
                outside += 0 if low <= d <= high else 1
                q = _coordinate(abs(d), middle, inverse, step)
                s[i], value[i] = q, _begun(q, powers)
        for k in range(8, last, 4):
            for i in range(size):
                value[i] = _continued_by(value[i], s[i], powers, k)
        if last < 8:
            for i in range(size):
                d = _at(first, second, pair, form, i) - centre
                result[i] = _completed(value[i], d, line, offset, low, high)
        else:
            for i in range(size):
                d = _at(first, second, pair, form, i) - centre
                v = _continued_by(value[i], s[i], powers, last)
                result[i] = _completed(v, d, line, offset, low, high)
        if outside > 0:
            _mend(first, second, pair, form, result, table)


@part
def _coordinate(u, middle, inverse, step):  # type: ignore[no-untyped-def]
    """s of the variable u, rounded to its grain."""
    q = (u - middle) * inverse + step
    return q - step


@part
def _begun(q, powers):  # type: ignore[no-untyped-def]
    """Horner's rule with the first eight coefficients."""
    v = fma(q, fma(q, powers[0, 0], powers[0, 1]), powers[0, 2])
    v = fma(q, fma(q, v, powers[0, 3]), powers[0, 4])
    v = fma(q, fma(q, v, powers[0, 5]), powers[0, 6])
    return fma(q, v, powers[0, 7])


@part
def _continued_by(v, q, powers, k):  # type: ignore[no-untyped-def]
    """The same with the next four."""
    v = fma(q, fma(q, v, powers[0, k]), powers[0, k + 1])
    return fma(q, fma(q, v, powers[0, k + 2]), powers[0, k + 3])


@part
def _by_two(zs, form, out, table):  # type: ignore[no-untyped-def]
    """As `_by_one`, by two polynomials, whose coefficients are picked by compare and select."""
    inner, powers = table[5], table[6]
    pair, s, value = len(zs) == 2, np.empty(BLOCK), np.empty(BLOCK)
    centre, offset, line = inner[CENTRE], inner[OFFSET], inner[LINE]
    low, high, knot = inner[LOWEST], inner[HIGHEST], inner[KNOT]
    middle, inverse, step = inner[MIDDLE], inner[INVERSE], inner[STEP]
    middle_2, inverse_2 = inner[MIDDLE_2], inner[INVERSE_2]
    for start in range(0, out.size, BLOCK):
        size = min(BLOCK, out.size - start)
        first, second = zs[0][start : start + size], zs[len(zs) - 1][start : start + size]
        result = out[start : start + size]
        outside = 0
        for i in range(size):
            d = _at(first, second, pair, form, i) - centre
            outside += 0 if low <= d <= high else 1
            f = abs(d) < knot
            q = _coordinate(abs(d), middle if f else middle_2, inverse if f else inverse_2, step)
            s[i], value[i] = q, 0.0
        for k in range(0, powers.shape[1], 4):
            c0, c1, c2, c3 = powers[0, k], powers[0, k + 1], powers[0, k + 2], powers[0, k + 3]
            e0, e1, e2, e3 = powers[1, k], powers[1, k + 1], powers[1, k + 2], powers[1, k + 3]
            for i in range(size):
                q = s[i]
                f = abs(_at(first, second, pair, form, i) - centre) < knot
                v = fma(q, fma(q, value[i], c0 if f else e0), c1 if f else e1)
                value[i] = fma(q, fma(q, v, c2 if f else e2), c3 if f else e3)
        for i in range(size):
            d = _at(first, second, pair, form, i) - centre
            result[i] = _completed(value[i], d, line, offset, low, high)
        if outside > 0:
            _mend(first, second, pair, form, result, table)


@part
def _by_cubics(zs, form, out, table):  # type: ignore[no-untyped-def]
    """The map by the cubics of the core, and by the general route where none serves."""
    cubics, core = table[0], table[3]
    pair, low, inverse = len(zs) == 2, core[0], core[2]
    buckets = (core[1] - low) * inverse
    for start in range(0, out.size, BLOCK):
        size = min(BLOCK, out.size - start)
        first, second = zs[0][start : start + size], zs[len(zs) - 1][start : start + size]
        result = out[start : start + size]
        left = 0
        for i in range(size):
            b = (_at(first, second, pair, form, i) - low) * inverse
            v = math.nan
            if 0.0 <= b < buckets:
                floor = np.int64(b)
                s = b - np.float64(floor)
                c = np.uint64(floor)  # an unsigned index spares the wrap of negative ones
                inner = fma(s, fma(s, cubics[c, 3], cubics[c, 2]), cubics[c, 1])
                v = fma(s, inner, cubics[c, 0])
            left += v != v  # noqa: PLR0124
            result[i] = v
        if left > 0:
            _mend(first, second, pair, form, result, table)


@part
def _by_guide(zs, form, out, table):  # type: ignore[no-untyped-def]
    """The map by the cells that fill buckets of the core, and by the general route elsewhere."""
    records, guide, core = table[1], table[2], table[3]
    pair, low, inverse = len(zs) == 2, core[0], core[2]
    buckets = (core[1] - low) * inverse
    for start in range(0, out.size, BLOCK):
        size = min(BLOCK, out.size - start)
        first, second = zs[0][start : start + size], zs[len(zs) - 1][start : start + size]
        result = out[start : start + size]
        left = 0
        for i in range(size):
            v = _at(first, second, pair, form, i)
            b = (v - low) * inverse
            value = math.nan
            if 0.0 <= b < buckets:
                cell = guide[np.uint64(np.int64(b))]
                if cell >= 0:
                    c = np.uint64(cell)
                    s = (v - records[c, EDGE]) * records[c, INVERSE_WIDTH] + _TO_GRAIN
                    s = s - _TO_GRAIN if s > _TO_GRAIN else 0.0
                    inner = fma(s, fma(s, records[c, C5], records[c, C4]), records[c, C3])
                    inner = fma(s, fma(s, inner, records[c, C2]), records[c, C1])
                    value = fma(s, inner, records[c, C0])
            left += value != value  # noqa: PLR0124
            result[i] = value
        if left > 0:
            _mend(first, second, pair, form, result, table)


@jit
def evaluate(
    zs: tuple[AnyFloatArray, ...],
    weights: tuple[float, ...],
    offset: float,
    out: AnyFloatArray,
    table: TableArrays,
) -> None:
    """The map at ``offset + sum_j weights[j] * zs[j]``, in one pass over memory.

    For one or two vectors, which ``out`` must not overlap.
    """
    form = weights[0], weights[len(zs) - 1], offset
    if table[6].shape[0] == 1:
        _by_one(zs, form, out, table)
    elif table[6].shape[0] == 2:
        _by_two(zs, form, out, table)
    elif table[0].shape[0] > 0:
        _by_cubics(zs, form, out, table)
    else:
        _by_guide(zs, form, out, table)


@part
def _weighted_sum(zs, weights, offset, start, size, x):  # type: ignore[no-untyped-def]
    """Fill the block x with offset + sum of weights[j] * zs[j], rounded once a term."""
    part_of, weight = zs[0][start : start + size], weights[0]
    for i in range(size):
        x[i] = fma(weight, np.float64(part_of[i]), offset)
    for j in range(1, len(zs)):
        part_of, weight = zs[j][start : start + size], weights[j]
        for i in range(size):
            x[i] = fma(weight, np.float64(part_of[i]), x[i])


@jit
def evaluate_buffered(
    zs: tuple[AnyFloatArray, ...],
    weights: tuple[float, ...],
    offset: float,
    out: AnyFloatArray,
    table: TableArrays,
) -> None:
    """As `evaluate`, for any number of vectors, of which ``out`` may be one: sums in a buffer."""
    x = np.empty(16 * BLOCK)  # a call takes about 0.7 us
    for start in range(0, out.size, x.size):
        size = min(x.size, out.size - start)
        _weighted_sum(zs, weights, offset, start, size, x)
        evaluate((x[:size],), (1.0,), 0.0, out[start : start + size], table)


@jit
def differentiate(y: AnyFloatArray, out: AnyFloatArray, table: TableArrays) -> None:
    """The derivative of what `evaluate` computes; 0 where the map is constant."""
    _, records, guide, core, ends, _, _ = table
    for i in range(y.size):
        v = np.float64(y[i])
        side = _beyond(v, records)
        if math.isnan(v):
            out[i] = v
        elif side < 0:
            cell = _cell(v, records, guide, core, ends)
            out[i] = _slope(_local(v, records, cell), records, cell) * records[cell, INVERSE_WIDTH]
        else:
            end = ends[side]
            last = records[0, C0] if side == LOW else records[records.shape[0] - 1, C0]
            outside = v <= end[SUPPORT] if side == LOW else v >= end[SUPPORT]
            if outside or end[POWER] == 0.0:
                out[i] = 0.0
            else:
                ratio = end[SIGN] * (v - end[ANCHOR]) / end[REACH]
                factor = end[SIGN] * end[POWER] * (last - end[BASE]) / end[REACH]
                out[i] = factor * ratio ** (end[POWER] - 1.0)


@part
def _solve(z, records, cell):  # type: ignore[no-untyped-def]
    """The y at which a cell's polynomial meets z: Newton steps kept inside a shrinking bracket."""
    left, right = records[cell, EDGE], records[cell + 1, EDGE]
    low, high = 0.0, 1.0
    rise = records[cell + 1, C0] - records[cell, C0]
    s = (z - records[cell, C0]) / rise if rise > 0.0 else 1.0
    for _ in range(80):
        s = min(max(s, 0.0), 1.0)
        gap = _polynomial(s, records, cell) - z
        if gap == 0.0:
            break
        if gap > 0.0:
            high = s
        else:
            low = s
        slope = _slope(s, records, cell)
        fresh = s - gap / slope if slope > 0.0 else low
        if not (low < fresh < high):
            fresh = 0.5 * (low + high)
        if fresh == s or high - low <= 1e-17:
            break
        s = fresh
    return min(left + s * (right - left), right)


@part
def _cell_of_value(z, records):  # type: ignore[no-untyped-def]
    """The last cell whose first value lies below z."""
    low, high = 0, records.shape[0] - 1
    while high - low > 1:
        middle = (low + high) // 2
        if records[middle, C0] < z:
            low = middle
        else:
            high = middle
    return low


@jit
def invert(z: AnyFloatArray, out: AnyFloatArray, records: FloatArray, ends: FloatArray) -> None:
    """The smallest y whose image is not below z, with what `evaluate` computes as the map."""
    n = records.shape[0] - 1
    for i in range(z.size):
        v = np.float64(z[i])
        if math.isnan(v):
            out[i] = v
        elif v <= ends[LOW, LIMIT]:
            out[i] = ends[LOW, SUPPORT]
        elif v >= ends[HIGH, LIMIT]:
            out[i] = ends[HIGH, SUPPORT]
        elif records[0, C0] <= v <= records[n, C0]:
            out[i] = _solve(v, records, _cell_of_value(v, records))
        else:
            side = LOW if v < records[0, C0] else HIGH
            end = ends[side]
            last = records[0, C0] if side == LOW else records[n, C0]
            ratio = (v - end[BASE]) / (last - end[BASE])
            if end[POWER] == 0.0 or not ratio > 0.0:
                out[i] = end[SUPPORT]
            else:
                d = end[REACH] * ratio ** (1.0 / end[POWER])
                out[i] = end[ANCHOR] + end[SIGN] * d


@jit
def multiply_add(
    zs: tuple[AnyFloatArray, ...],
    weights: tuple[float, ...],
    offset: float,
    out: AnyFloatArray,
    bounds: tuple[float, float],
) -> None:
    """``offset + sum_j weights[j] * zs[j]``, held inside the bounds; NaN stays NaN.

    ``out`` may be one of the vectors.
    """
    low, high = bounds
    if len(zs) <= 2:  # without a buffer
        first, second = zs[0], zs[len(zs) - 1]
        weight, other = weights[0], weights[len(zs) - 1]
        if len(zs) == 1:
            for i in range(out.size):
                v = fma(weight, np.float64(first[i]), offset)
                out[i] = low if v < low else high if v > high else v
        else:
            for i in range(out.size):
                v = fma(weight, np.float64(first[i]), offset)
                v = fma(other, np.float64(second[i]), v)
                out[i] = low if v < low else high if v > high else v
        return
    x = np.empty(BLOCK)
    for start in range(0, out.size, BLOCK):
        size = min(BLOCK, out.size - start)
        _weighted_sum(zs, weights, offset, start, size, x)
        result = out[start : start + size]
        for i in range(size):
            v = x[i]
            result[i] = low if v < low else high if v > high else v


@jit
def divide_back(z: AnyFloatArray, out: AnyFloatArray, line: Line) -> None:
    """(z - shift) / scale, held inside [low, high]; NaN stays NaN."""
    scale, shift, low, high = line
    for i in range(z.size):
        v = (np.float64(z[i]) - shift) / scale
        out[i] = low if v < low else high if v > high else v
