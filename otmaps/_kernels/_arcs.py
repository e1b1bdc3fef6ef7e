"""The density of the norm of slerp between two independent normal or Student t vectors.

With radii R1 and R2, the angle w between the vectors and the weights p and q of slerp, the squared
norm is N^2 = 4 p q R1 R2 (cos(w/2)^2 + sinh(u/2)^2) with u = log(p R1 / (q R2)). In v with
cos w = tanh v, and in x with sinh(u/2) = cos(w/2) sinh x, the density of log N is the double
integral of a smooth function that decays to all sides, also where nearly opposite vectors leave a
ridge in u. So sums over a lattice converge exponentially (Trefethen and Weideman, The exponentially
convergent trapezoidal rule, SIAM Review 56, 2014). Two lattices, one in the gaps of the other, tell
how far that has come: their mean errs by about the square of what they differ by.

The log density of the logarithm y of a radius over its scale and the root of its dimension d is
d y - d (exp(2 y) - 1) / 2 for a normal vector, and d y - (d + k) / 2 log(1 + d / (d + k) (exp(2 y)
- 1)) for Student's t with k degrees of freedom, but for a constant: nothing cancels in high
dimensions.
"""

from __future__ import annotations

import math
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from otmaps._kernels._policy import jit, part

FloatArray: TypeAlias = npt.NDArray[np.float64]

TIME, DIM, OFFSET, DF, CONSTANT = 0, 1, slice(2, 4), slice(4, 6), 6
NUMBERS = 7

_DEEP = 42.0  # below the top, in logarithms, nothing is left
_STEP = 0.6  # of a lattice, in deviations
_STRIPS = 0.22, 0.3  # and at most, in x and v: what is off the real axes is not analytic for ever
_STRIDE = 0.5  # at most, in x, on the way to a mode: it is not to be jumped over
_FINER = 4  # times that lattices are made finer
_BELIEVED = 1e-6  # a relative difference of two lattices
_WIDEST = 90.0  # of both coordinates
_FAR = 3.0  # beyond the level, in x, where the search for modes starts
_FIRST = 8  # steps of the first stride in v
_OPPOSITE = 0.0, -1.5, -3.0  # in v: where a large norm may come from
_LOST = -1e12  # a logarithm that is rounded too much to be compared, and of nothing
_NOTHING = -1e300


@part
def _log_radius(y, dim, df):  # type: ignore[no-untyped-def]
    if df == math.inf:
        return dim * (y - 0.5 * math.expm1(2.0 * y))
    if df < dim:  # the same, and no large terms cancel
        return -df * y - 0.5 * (dim + df) * math.log1p(df / (dim + df) * math.expm1(-2.0 * y))
    return dim * y - 0.5 * (dim + df) * math.log1p(dim / (dim + df) * math.expm1(2.0 * y))


@part
def _at(x, level, row, numbers):  # type: ignore[no-untyped-def]
    """The logarithm of the integrand of x."""
    root, first, second = row
    side = math.sinh(x)
    cosh = math.sqrt(1.0 + side * side)
    half = math.asinh(root * side)
    size = level - math.log(cosh)
    value = _log_radius(size - first + half, numbers[DIM], numbers[4])
    value += _log_radius(size - second - half, numbers[DIM], numbers[5])
    slope = 2.0 * root * cosh / math.sqrt(1.0 + root * root * side * side)
    return value + math.log(slope)


@part
def _row_of(v, numbers):  # type: ignore[no-untyped-def]
    """Of one angle: cos(w/2), and what the logarithms of both radii have in common."""
    w = 2.0 * math.atan(math.exp(-v))
    sine = 1.0 / math.cosh(v)
    near = 1.0 / (1.0 + math.exp(-2.0 * v))
    p = math.sin((1.0 - numbers[TIME]) * w) / sine
    q = math.sin(numbers[TIME] * w) / sine
    common = 0.5 * math.log(4.0 * near)
    return math.sqrt(near), math.log(p) + common - numbers[2], math.log(q) + common - numbers[3]


@part
def _log_cosh(v):  # type: ignore[no-untyped-def]
    if abs(v) < 1.0:
        return 0.5 * math.log1p(math.sinh(v) ** 2)
    return abs(v) + math.log1p(math.exp(-2.0 * abs(v))) - math.log(2.0)


@jit
def _climb(j, level, row, numbers, step, shift):  # type: ignore[no-untyped-def]
    """A local mode on the line of the lattice, from a start: strides double, then shrink to 1."""
    value = _at((j + shift) * step, level, row, numbers)
    after = _at((j + 1 + shift) * step, level, row, numbers)
    before = _at((j - 1 + shift) * step, level, row, numbers)
    if value >= after and value >= before:
        return j, value
    side = 1 if after > before else -1
    j, value, stride, longest = j + side, max(after, before), 1, max(int(_STRIDE / step), 1)
    while abs((j + side * stride) * step) < _WIDEST:
        next_ = _at((j + side * stride + shift) * step, level, row, numbers)
        if next_ <= value:
            break
        j, value, stride = j + side * stride, next_, min(2 * stride, longest)
    # The mode may have been passed: back by smaller strides.
    stride //= 2
    while stride > 0:
        moved = False
        for turn in (1, -1):
            k = j + turn * stride
            next_ = _at((k + shift) * step, level, row, numbers)
            if next_ > value:
                j, value, moved = k, next_, True
                break
        if not moved:
            stride //= 2
    return j, value


@jit
def _over_ratio(v, level, numbers, step, shift, top):  # type: ignore[no-untyped-def]
    """The logarithm of the sum over x at one angle.

    There may be two modes, where one of the radii is much larger; so they are looked for from far
    out on both sides. ``top`` is the logarithm of a sum that has been seen: what is far below does
    not count.
    """
    row = _row_of(v, numbers)
    weight = -(numbers[DIM] - 1.0) * _log_cosh(v)
    far = int((abs(level) + _FAR) / step)
    left, low = _climb(-far, level, row, numbers, step, shift)
    right, high = _climb(far, level, row, numbers, step, shift)
    best = max(low, high)
    if best < _LOST:
        return weight + best
    cut = max(best, top - weight) - _DEEP
    total, reached = 0.0, -(2**60)
    for start in (min(left, right), max(left, right)):
        if start <= reached:
            continue
        for side in (-1, 1):
            j = start if side > 0 else start - 1
            while j > reached and abs(j * step) < _WIDEST:
                value = _at((j + shift) * step, level, row, numbers)
                if value < cut:
                    break
                if value > best + 1.0:  # not the mode yet
                    total, best = total * math.exp(best - value), value
                total += math.exp(value - best)
                j += side
            if side > 0:
                reached = j
    if total == 0.0:
        return _NOTHING
    return weight + best + math.log(total * step)


@jit
def _climb_rows(start, level, numbers, steps, shift, rows):  # type: ignore[no-untyped-def]
    """A local mode among rows, from a start; rows that are seen are kept."""
    middle, longest = rows.size // 2, max(int(_STRIDE / steps[1]), 1)
    i = min(max(middle + round(start / steps[1]), 0), rows.size - 1)
    stride, best = min(_FIRST, longest), _NOTHING
    while stride > 0:
        found = i
        for n in (i, i - stride, i + stride):
            if n < 0 or n >= rows.size:
                continue
            if np.isnan(rows[n]):
                v = (n - middle + shift) * steps[1]
                rows[n] = _over_ratio(v, level, numbers, steps[0], shift, _NOTHING)
            if rows[n] > best:
                best, found = rows[n], n
        stride = stride // 2 if found == i else min(2 * stride, longest)
        i = found
    return i, best


@jit
def _lattice(level, numbers, steps, shift, rows, starts):  # type: ignore[no-untyped-def]
    """The logarithm of the sum over a lattice; ``starts`` of v, the last of which learns."""
    rows[:] = np.nan
    middle = rows.size // 2
    modes, heights = np.empty(starts.size, np.int64), np.empty(starts.size)
    for k in range(starts.size):
        modes[k], heights[k] = _climb_rows(starts[k], level, numbers, steps, shift, rows)
    top = np.max(heights)
    starts[starts.size - 1] = (modes[np.argmax(heights)] - middle) * steps[1]
    for k in range(starts.size):  # out from all modes that count
        for side in (-1, 1):
            i, faint = modes[k], 0
            while heights[k] > top - _DEEP and 0 <= i < rows.size and faint < 3:
                if np.isnan(rows[i]):
                    v = (i - middle + shift) * steps[1]
                    rows[i] = _over_ratio(v, level, numbers, steps[0], shift, top)
                top = max(top, rows[i])
                faint = faint + 1 if rows[i] < top - _DEEP else 0
                i += side
    total = 0.0
    for i in range(rows.size):
        if rows[i] > top - _DEEP - 5.0:
            total += math.exp(rows[i] - top)
    return top + math.log(total * steps[1])


@jit
def arc_densities(levels: FloatArray, numbers: FloatArray, finer: float, out: FloatArray) -> None:
    """The logarithm of the density of log N.

    Parameters
    ----------
    levels : ndarray
        Of log N, about 0 for a typical norm; each begins where the last one has found the most.
    numbers : ndarray
        The time of slerp, between 0 and 1; d; what is to be added to a level to be the logarithm of
        N over the scale and the root of d of each latent; the degrees of freedom of each, infinite
        for normal ones; and the logarithm of the constant of the density.
    finer : float
        The step of the first lattices in units of the usual one.
    out : ndarray
        NaN where lattices have not converged.
    """
    dim = numbers[DIM]
    deviation = math.sqrt(0.5 * (1.0 / dim + max(1.0 / numbers[4], 1.0 / numbers[5])))
    wide = min(_WIDEST, 2.0 + 900.0 / dim)
    starts = np.zeros(2 + len(_OPPOSITE))
    for n in range(levels.size):
        level, done, size = levels[n], False, finer
        starts[0] = -max(level, 0.0)
        for k in range(len(_OPPOSITE)):
            starts[1 + k] = _OPPOSITE[k] if level > 0.0 else 0.0
        for _ in range(_FINER + 1):
            steps = (
                size * min(_STEP * deviation, _STRIPS[0]),
                size * min(_STEP / math.sqrt(dim), _STRIPS[1]),
            )
            rows = np.empty(2 * int(wide / steps[1]) + 3)
            one = _lattice(level, numbers, steps, 0.0, rows, starts)
            two = _lattice(level, numbers, steps, 0.5, rows, starts)
            gap = math.expm1(-abs(one - two))
            if abs(gap) <= _BELIEVED:
                out[n] = max(one, two) + math.log1p(0.5 * gap) + numbers[CONSTANT]
                done = True
                break
            size *= 0.7
        if not done:
            out[n] = np.nan
