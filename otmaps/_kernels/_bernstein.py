"""Polynomials with positive Bernstein coefficients: integrate, average, cut and convert them.

A spline is held by its knots, one row of coefficients a piece, and one exponent a piece: what a
row stands for is ``row * 2**exponent``, with the largest entry of a row in [1/2, 1). So nothing
leaves the range of doubles, and as only positive numbers are added, nothing cancels.
"""

from __future__ import annotations

import math
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from otmaps._kernels._policy import jit, part

FloatArray: TypeAlias = npt.NDArray[np.float64]
IntArray: TypeAlias = npt.NDArray[np.int64]

_NOTHING = -(2**40)  # the exponent of zero
_FAR = 2100  # a shift by more bits leaves nothing


@part
def _keep_first(row, first, rest):  # type: ignore[no-untyped-def]
    """The coefficients on the first part of an interval cut in two of these lengths, in place."""
    t, s = first / (first + rest), rest / (first + rest)
    for i in range(1, row.size):
        for j in range(row.size - 1, i - 1, -1):
            row[j] = s * row[j - 1] + t * row[j]


@part
def _keep_last(row, first, rest):  # type: ignore[no-untyped-def]
    t, s = first / (first + rest), rest / (first + rest)
    for i in range(1, row.size):
        for j in range(row.size - i):
            row[j] = s * row[j] + t * row[j + 1]


@jit
def _restrict(row, work, p, u, v, q):  # type: ignore[no-untyped-def]
    """Into ``work``: the coefficients on [u, v] of the polynomial given by ``row`` on [p, q]."""
    work[:] = row
    if not v > p:
        work[:] = row[0]
        return
    if v < q:
        _keep_first(work, v - p, q - v)
    if u > p:
        _keep_last(work, u - p, v - u)


@jit
def _shifted(x, exponent):  # type: ignore[no-untyped-def]
    """x * 2**exponent, for exponents of any size."""
    return math.ldexp(x, int(min(max(exponent, -_FAR), _FAR)))


@jit
def _make_room(row, exponent, fresh):  # type: ignore[no-untyped-def]
    """Rewrite a row in units of 2**fresh where that is the larger unit; the unit it ends in."""
    if fresh <= exponent:
        return exponent
    for k in range(row.size):
        row[k] = _shifted(row[k], exponent - fresh)
    return fresh


@jit
def _add_constant(row, exponent, x, x_exponent):  # type: ignore[no-untyped-def]
    if x <= 0.0:
        return exponent
    exponent = _make_room(row, exponent, x_exponent)
    x = _shifted(x, x_exponent - exponent)
    for k in range(row.size):
        row[k] += x
    return exponent


@jit
def _mean(row):  # type: ignore[no-untyped-def]
    total = 0.0
    for x in row:
        total += x
    return total / row.size


@jit
def _normalise(row):  # type: ignore[no-untyped-def]
    """Bring the largest entry to [1/2, 1); the exponent taken out."""
    top = 0.0
    for x in row:
        top = max(top, x)
    exponent = math.frexp(top)[1]
    for k in range(row.size):
        row[k] = _shifted(row[k], -exponent)
    return exponent


@jit
def _add_part(row, exponent, old, size, old_exponent, from_left):  # type: ignore[no-untyped-def]
    """Add the integral of a part from its left end (or to its right end), times its length."""
    mantissa, e = math.frexp(size / old.size)
    e += old_exponent
    exponent = _make_room(row, exponent, e)
    factor = _shifted(mantissa, e - exponent)
    total = 0.0
    if from_left:
        for k in range(old.size):
            total += old[k]
            row[k + 1] += factor * total
    else:
        for k in range(old.size - 1, -1, -1):
            total += old[k]
            row[k] += factor * total
    return exponent


@jit
def _add_end(row, exponent, spline, j, span, work):  # type: ignore[no-untyped-def]
    """Add the integral of piece j from ``start`` to ``stop``, in the coordinates of a copy."""
    b, exponents, widths = spline
    copy, start, stop = span
    p, q = (copy[j], copy[j + 1]) if copy.size > 0 else (0.0, 1.0)
    if not stop > start:
        return exponent
    _restrict(b[j], work, p, start, stop, q)
    mantissa, e = math.frexp(widths[j] * ((stop - start) / (q - p)))
    return _add_constant(row, exponent, mantissa * _mean(work), e + exponents[j])


@jit
def widen(
    b: FloatArray,
    exponents: IntArray,
    widths: FloatArray,
    here: FloatArray,
    shifted: FloatArray,
    grid: FloatArray,
    a: float,
    out: FloatArray,
    out_exponents: IntArray,
) -> None:
    """The density after one more uniform term of width ``a``, no less than those before.

    Parameters
    ----------
    b, exponents, widths : ndarray
        Rows of the old pieces, and the lengths of these.
    here, shifted : ndarray
        The old knots, and the old knots moved by ``a``, as points of ``grid``.
    grid : ndarray
        The new knots.
    out, out_exponents : ndarray
        Receive the new rows.
    """
    pieces, order = b.shape
    work = np.empty(order)
    masses = np.empty(pieces)
    mass_exponents = np.empty(pieces, np.int64)
    for j in range(pieces):
        mantissa, e = math.frexp(widths[j])
        masses[j], mass_exponents[j] = mantissa * _mean(b[j]), exponents[j] + e
    a_mantissa, a_exponent = math.frexp(a)
    spline, unit = (b, exponents, widths), np.empty(0)
    left, right = -1, 0  # the old pieces under [u - a, v - a] and under [u, v]
    for i in range(grid.size - 1):
        u, v = grid[i], grid[i + 1]
        while right < pieces and here[right + 1] <= u:
            right += 1
        while left + 1 <= pieces and shifted[left + 1] <= u:
            left += 1
        row, e = out[i], _NOTHING
        row[:] = 0.0
        if right < pieces:
            p, q = here[right], here[right + 1]
            _restrict(b[right], work, p, u, v, q)
            size = widths[right] * ((v - u) / (q - p))
            e = _add_part(row, e, work, size, exponents[right], True)
        if left >= 0:
            p, q = shifted[left], shifted[left + 1]
            _restrict(b[left], work, p, u, v, q)
            size = widths[left] * ((v - u) / (q - p))
            e = _add_part(row, e, work, size, exponents[left], False)
        # The integral of the old density from v - a to u: what every window of the piece holds.
        if left < right:
            for j in range(left + 1, right):
                e = _add_constant(row, e, masses[j], mass_exponents[j])
            if left >= 0:
                e = _add_end(row, e, spline, left, (shifted, v, shifted[left + 1]), work)
            if right < pieces:
                e = _add_end(row, e, spline, right, (here, here[right], u), work)
        else:
            start = (v - shifted[left]) / (shifted[left + 1] - shifted[left])
            stop = (u - here[left]) / (here[left + 1] - here[left])
            e = _add_end(row, e, spline, left, (unit, start, stop), work)
        for k in range(order + 1):
            row[k] /= a_mantissa
        out_exponents[i] = e - a_exponent + _normalise(row)


@jit
def integrate(
    b: FloatArray, exponents: IntArray, widths: FloatArray, out: FloatArray, out_exp: IntArray
) -> None:
    """The integral from the first knot, as a spline of one degree more on the same pieces."""
    below, below_exponent = 0.0, 0
    for j in range(b.shape[0]):
        row = out[j]
        row[:] = 0.0
        e = _add_constant(row, _NOTHING, below, below_exponent)
        e = _add_part(row, e, b[j], widths[j], exponents[j], True)
        out_exp[j] = e + _normalise(row)
        below, below_exponent = row[row.size - 1], out_exp[j]


@jit
def cut(b: FloatArray, first: FloatArray, rest: FloatArray, out: FloatArray) -> None:
    """Rows 2 i and 2 i + 1 of ``out``: row i of ``b`` on the two parts of its piece."""
    for i in range(b.shape[0]):
        out[2 * i] = b[i]
        _keep_first(out[2 * i], first[i], rest[i])
        out[2 * i + 1] = b[i]
        _keep_last(out[2 * i + 1], first[i], rest[i])


@jit
def to_powers(b: FloatArray, out: FloatArray) -> None:
    """Coefficients of powers from those of Bernstein polynomials, on [0, 1].

    Forward differences cancel, so they are taken in pairs of doubles.
    """
    order = b.shape[1]
    high, low = np.empty(order), np.empty(order)
    for i in range(b.shape[0]):
        high[:] = b[i]
        low[:] = 0.0
        binomial = 1.0
        for k in range(order):
            out[i, k] = binomial * (high[0] + low[0])
            binomial = binomial * (order - 1 - k) / (k + 1)
            for j in range(order - 1 - k):
                x, y = high[j + 1], -high[j]
                total = x + y
                back = total - x
                error = (x - (total - back)) + (y - back) + (low[j + 1] - low[j])
                high[j] = total + error
                low[j] = error - (high[j] - total)


@jit
def logarithms(
    y: FloatArray, knots: FloatArray, b: FloatArray, exponents: IntArray, out: FloatArray
) -> None:
    """Logarithms of a spline at sorted points, by de Casteljau's scheme: every step is positive."""
    pieces, order = b.shape
    work = np.empty(order)
    j = 0
    for i in range(y.size):
        while j + 1 < pieces and y[i] >= knots[j + 1]:
            j += 1
        work[:] = b[j]
        first, rest = max(y[i] - knots[j], 0.0), max(knots[j + 1] - y[i], 0.0)
        _keep_first(work, first, rest)
        out[i] = np.log(work[order - 1]) + exponents[j] * math.log(2.0)
