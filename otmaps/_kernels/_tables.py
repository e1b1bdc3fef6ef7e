"""Tables of monotone maps: the checks of those that come from outside.

Arrays are laid out as in `otmaps._kernels._maps`. What is proven, and why, is in
`otmaps._map_proof` and `otmaps._map_inner`. The numbers of columns are compiled in, and numba's
disk cache sees edits of this file alone: touch it when the layout there changes.
"""

from __future__ import annotations

import math

import numpy as np

from otmaps._kernels import _maps as m
from otmaps._kernels._policy import jit, part

SOUND = 0
(
    NOT_FINITE,
    EDGES,
    WIDTHS,
    FALLING,
    OVERLAP,
    CORE,
    BUCKETS,
    END_NOT_FINITE,
    ANCHORED,
    BEFORE,
    BACK,
) = range(1, 12)
"""What is wrong with a table; the last four of the lower end, and the next four of the upper."""
INNER, INNER_FALLS, INNER_LEAVES = range(16, 19)
"""What is wrong with its inner range."""

SPARE = 1.05  # terms in u^2, and the roundings of the proofs themselves
_UNIT = 2.0**-53
_UNDERFLOW = 1e-322  # eight results may lose a half of the smallest double
_ALLOWANCE = 4.0 * 2.0**-52  # how far Horner's rule may round, in parts of the coefficients
_WIDTH = 1e-12


@part
def _rises(d0, d1, d2, d3, d4, grain, parts):  # type: ignore[no-untyped-def]
    """Whether a cell is proven to rise, from the coefficients of its derivative in s."""
    if d0 >= 0.0 and d1 >= 0.0 and d2 >= 0.0 and d3 >= 0.0 and d4 >= 0.0:
        return True
    a0, a1, a2, a3 = abs(d0), abs(d1), abs(d2), abs(d3)
    a4 = 0.8 * abs(d4)
    # The whole cell at once: no term of the derivative is below its value at 0 or 1.
    least = d0 + min(d1, 0.0) + min(d2, 0.0) + min(d3, 0.0) + min(d4, 0.0)
    if grain * least >= SPARE * (2.0 * _UNIT * (a0 + a1 + a2 + a3 + a4)) + _UNDERFLOW:
        return True
    for i in range(parts.shape[0]):
        least = math.inf
        for j in range(5):
            b = parts[i, j, 0] * d0 + parts[i, j, 1] * d1 + parts[i, j, 2] * d2
            least = min(least, b + parts[i, j, 3] * d3 + parts[i, j, 4] * d4)
        s = (i + 1.0) / parts.shape[0]
        noise = 2.0 * s * _UNIT * (a0 + s * (a1 + s * (a2 + s * (a3 + s * a4))))
        if not grain * least >= SPARE * noise + _UNDERFLOW:
            return False
    return True


@part
def _cell_rises(records, i, bucket, parts):  # type: ignore[no-untyped-def]
    cubic = (
        records[i, m.INVERSE_WIDTH] == bucket
        and records[i, m.C4] == 0.0
        and records[i, m.C5] == 0.0
    )
    d0, d1, d2 = records[i, m.C1], 2.0 * records[i, m.C2], 3.0 * records[i, m.C3]
    d3, d4 = 4.0 * records[i, m.C4], 5.0 * records[i, m.C5]
    return _rises(d0, d1, d2, d3, d4, m.BUCKET_GRAIN if cubic else m.GRAIN, parts)


@jit
def rising(records, bucket, parts, out):  # type: ignore[no-untyped-def]
    """Write for each cell whether its computed values are proven not to fall."""
    for i in range(out.size):
        out[i] = _cell_rises(records, i, bucket, parts)


@part
def _cells_fault(records, bucket, parts):  # type: ignore[no-untyped-def]
    last = records.shape[0] - 1
    for j in range(8):
        # Numbers times 0 are 0 where they are finite, and NaN where one of them is not.
        if 0.0 * records[last, j] != 0.0:
            return NOT_FINITE
    for i in range(last):
        width = records[i + 1, m.EDGE] - records[i, m.EDGE]
        if not width > 0.0 or width == math.inf:
            return EDGES
        if not abs(records[i, m.INVERSE_WIDTH] * width - 1.0) < _WIDTH:
            return WIDTHS
        rise = records[i + 1, m.C0] - records[i, m.C0]
        if not rise >= 0.0 or rise == math.inf:
            return FALLING
        c1, c2, c3 = records[i, m.C1], records[i, m.C2], records[i, m.C3]
        c4, c5 = records[i, m.C4], records[i, m.C5]
        if 0.0 * c1 + 0.0 * c2 + 0.0 * c3 + 0.0 * c4 + 0.0 * c5 != 0.0:
            return NOT_FINITE
        slack = _ALLOWANCE * (abs(c1) + abs(c2) + abs(c3) + abs(c4) + abs(c5))
        if not c1 + c2 + c3 + c4 + c5 + slack <= rise:
            return OVERLAP
        if not _cell_rises(records, i, bucket, parts):
            return FALLING
    return SOUND


@part
def _first_at(records, y):  # type: ignore[no-untyped-def]
    """The first row whose edge is not below y."""
    low, high = 0, records.shape[0]
    while low < high:
        middle = (low + high) // 2
        if records[middle, m.EDGE] < y:
            low = middle + 1
        else:
            high = middle
    return low


@part
def _core_fault(records, core, most):  # type: ignore[no-untyped-def]
    low, high, inverse = core[0], core[1], core[2]
    if not (records[0, m.EDGE] < low < high < records[-1, m.EDGE] and 0.0 < inverse < math.inf):
        return CORE
    buckets = (high - low) * inverse
    if not (1.0 <= buckets <= most and buckets == math.floor(buckets)):
        return BUCKETS
    return SOUND


@part
def _end_fault(records, core, end, side):  # type: ignore[no-untyped-def]
    row = 0 if side == m.LOW else records.shape[0] - 1
    edge, value = records[row, m.EDGE], records[row, m.C0]
    outward = -1.0 if side == m.LOW else 1.0
    sign, base, power = end[m.SIGN], end[m.BASE], end[m.POWER]
    zero = 0.0 * end[m.ANCHOR] + 0.0 * sign + 0.0 * base + 0.0 * power + 0.0 * end[m.REACH]
    if zero != 0.0 or math.isnan(end[m.SUPPORT]) or math.isnan(end[m.LIMIT]) or abs(sign) != 1.0:
        return END_NOT_FINITE
    far, near = sign * (edge - end[m.ANCHOR]), sign * (core[side] - end[m.ANCHOR])
    if not (far > 0.0 and near > 0.0 and far == end[m.REACH]):
        return ANCHORED
    if outward * (end[m.SUPPORT] - edge) < 0.0 or outward * (end[m.LIMIT] - value) < 0.0:
        return BEFORE
    # d grows outward or shrinks outward; the power law must lead from the last value outward.
    return SOUND if power * (value - base) * sign >= 0.0 else BACK


@jit
def fault(records, core, ends, most, parts):  # type: ignore[no-untyped-def]
    """The first fault of a table, in the numbers above, or `SOUND`."""
    found = _cells_fault(records, core[2], parts)
    if found == SOUND:
        found = _core_fault(records, core, most)
    if found == SOUND:
        found = _end_fault(records, core, ends[m.LOW], m.LOW)
    if found == SOUND:
        found = _end_fault(records, core, ends[m.HIGH], m.HIGH)
        found += (BACK - BUCKETS) * (found != SOUND)
    return found


# ------------------------------------------------------------------------------------ inner range
@part
def _part_rises(slopes, grain, middle, radius, taylor):  # type: ignore[no-untyped-def]
    """Whether a polynomial rises about a point, from the coefficients of its derivative."""
    n = slopes.size
    far, size = abs(middle) + radius, 0.0
    for j in range(n - 1, -1, -1):
        taylor[j] = slopes[j]
        size = size * far + abs(slopes[j])
    for i in range(n - 1):  # to Taylor's coefficients about the middle, by Horner's rule
        for j in range(n - 2, i - 1, -1):
            taylor[j] += middle * taylor[j + 1]
    moved = 0.0
    for j in range(n - 1, 0, -1):
        moved = radius * (abs(taylor[j]) + moved)
    return grain * (taylor[0] - moved) >= SPARE * far * 2.0 * _UNIT * size + 1e-300


@part
def _rises_throughout(slopes, grain, most, taylor):  # type: ignore[no-untyped-def]
    """Whether a polynomial is proven to rise from -1 to 1, in parts of at least 2 / most."""
    start, width = 0, most
    while start < most:
        radius = width / most
        middle = 2.0 * start / most + radius - 1.0
        if _part_rises(slopes, grain, middle, radius, taylor):
            start += width
        elif width == 1:
            return False
        else:
            width //= 2
    return True


@part
def _slack(powers):  # type: ignore[no-untyped-def]
    size = 0.0
    for i in range(powers.shape[0]):
        for j in range(powers.shape[1]):
            size += abs(powers[i, j])
    return 16.0 * _UNIT * size


@part
def _at_end(powers, s):  # type: ignore[no-untyped-def]
    value = 0.0
    for j in range(powers.size):
        value = value * s + powers[j]
    return value


@jit
def slack(powers):  # type: ignore[no-untyped-def]
    """How far Horner's rule may round, twice."""
    return _slack(powers)


@jit
def bound_inner(numbers, powers):  # type: ignore[no-untyped-def]
    """Write the values at the ends of the inner range."""
    offset, room = numbers[m.OFFSET], _slack(powers)
    numbers[m.TOP] = offset + _at_end(powers[-1], 1.0) + room
    lowest = offset + _at_end(powers[0], -1.0) - room
    numbers[m.BOTTOM] = 2.0 * offset - numbers[m.TOP] if numbers[m.FOLD] != 0.0 else lowest


@jit
def inner_rises(powers, grain, most):  # type: ignore[no-untyped-def]
    """Whether the computed values of the inner range are proven not to fall (`_map_inner`)."""
    n = powers.shape[1]
    slopes, taylor = np.empty(n - 1), np.empty(n - 1)
    for row in range(powers.shape[0]):
        for j in range(n - 1):
            slopes[j] = powers[row, n - 2 - j] * (j + 1)
        if not _rises_throughout(slopes, grain, most, taylor):
            return False
    if powers.shape[0] == 1:
        return True
    return _at_end(powers[0], 1.0) + _slack(powers) <= _at_end(powers[1], -1.0)


@jit
def inner_is_sound(numbers, powers, steps):  # type: ignore[no-untyped-def]
    """Whether the numbers of an inner range are finite and fit one another."""
    zero = 0.0
    for i in range(numbers.size):
        zero += 0.0 * numbers[i]
    for i in range(powers.shape[0]):
        for j in range(powers.shape[1]):
            zero += 0.0 * powers[i, j]
    if zero != 0.0:
        return False
    fold, low, high = numbers[m.FOLD], numbers[m.LOWEST], numbers[m.HIGHEST]
    known = False
    for i in range(steps.size):
        known |= numbers[m.STEP] == steps[i]
    if not (known and low < high and (fold == 0.0 or (fold == 1.0 and low == -high))):
        return False
    left = 0.0 if fold == 1.0 else low
    for row in range(powers.shape[0]):
        right = numbers[m.KNOT] if row + 1 < powers.shape[0] else high
        middle, inverse = numbers[m.MIDDLE + 2 * row], numbers[m.INVERSE + 2 * row]
        reach = max(abs(left - middle), abs(right - middle)) * inverse
        if not (left < right and 0.0 < reach <= 1.0 + _WIDTH):
            return False
        left = right
    return True


@jit
def follows(records, numbers, powers, allowed):  # type: ignore[no-untyped-def]
    """Whether the values at the edges in the inner range are its own, to parts of their sizes."""
    first = _first_at(records, numbers[m.CENTRE] + numbers[m.LOWEST])
    end = _first_at(records, np.nextafter(numbers[m.CENTRE] + numbers[m.HIGHEST], math.inf))
    if not 0 < first < end < records.shape[0]:
        return False
    two, fold = powers.shape[0] == 2, numbers[m.FOLD] != 0.0
    knot = numbers[m.KNOT] if two else math.inf
    s, p, second = np.empty(m.BLOCK), np.empty(m.BLOCK), np.empty(m.BLOCK, np.bool_)
    spread = records[end - 1, m.C0] - records[first, m.C0]
    sound = True
    for start in range(first, end, m.BLOCK):
        rows = records[start : min(start + m.BLOCK, end)]
        n = rows.shape[0]
        for i in range(n):
            d = rows[i, m.EDGE] - numbers[m.CENTRE]
            w = abs(d) if fold else d
            second[i] = w >= knot
            middle = numbers[m.MIDDLE_2] if second[i] else numbers[m.MIDDLE]
            s[i] = (w - middle) * (numbers[m.INVERSE_2] if second[i] else numbers[m.INVERSE])
            p[i] = 0.0
        for j in range(powers.shape[1]):
            a, b = powers[0, j], powers[-1, j]
            for i in range(n):
                p[i] = p[i] * s[i] + (b if second[i] else a)
        for i in range(n):
            value = p[i]
            if fold:
                d = rows[i, m.EDGE] - numbers[m.CENTRE]
                value = math.copysign(max(value, 0.0), d) if d != 0.0 else 0.0
            gap = abs(numbers[m.OFFSET] + value - rows[i, m.C0])
            sound &= gap <= allowed * (abs(rows[i, m.C0]) + spread)
    return sound


@jit
def check(records, core, ends, numbers, powers, steps, most, parts):  # type: ignore[no-untyped-def]
    """The first fault of a table and its inner range, in the numbers above, or `SOUND`.

    ``most`` are the limits of buckets of the core and of parts of a polynomial, and how far the
    inner range may be from the cells. The values at its ends are written into ``numbers``.
    """
    found = fault(records, core, ends, most[0], parts)
    if found != SOUND or powers.shape[0] == 0:
        return found
    if not inner_is_sound(numbers, powers, steps):
        return INNER
    if not inner_rises(powers, numbers[m.STEP] / 1.5 * 2.0 * _UNIT, most[1]):
        return INNER_FALLS
    if not follows(records, numbers, powers, most[2]):
        return INNER_LEAVES
    bound_inner(numbers, powers)
    return SOUND


@jit
def borders(records, core):  # type: ignore[no-untyped-def]
    """The first row at or above the lower end of the core, the last at or below the upper one."""
    return _first_at(records, core[0]), _first_at(records, np.nextafter(core[1], math.inf)) - 1
