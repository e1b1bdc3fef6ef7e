"""Roots of functions that Python evaluates: many brackets at once, one compiled step at a time.

The function is a user's, so it cannot be called from here. `begin` and `advance` say at which point
each open bracket wants to be evaluated next; the caller evaluates all of them in one array call.

A bracket starts between two rungs of a ladder of points, found by halving the number of rungs, and
shrinks by inverse quadratic interpolation where Chandrupatla's criterion allows it, by halving
elsewhere (Chandrupatla, "A new hybrid quadratic/bisection algorithm", Adv. Eng. Software 28, 1997).
"""

from __future__ import annotations

import math
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from otmaps._kernels._policy import jit, part

FloatArray: TypeAlias = npt.NDArray[np.float64]
IntArray: TypeAlias = npt.NDArray[np.int64]
BoolArray: TypeAlias = npt.NDArray[np.bool_]

# Columns of a bracket: the newest point, the other end, the one before, and values minus the goal.
X1, F1, X2, F2, X3, F3 = range(6)
_EPS = 2.220446049250313e-16


@part
def _middle(a, b):  # type: ignore[no-untyped-def]
    """A point between: by size for ends of one sign that are far apart, else half way."""
    small, large = min(abs(a), abs(b)), max(abs(a), abs(b))
    if not (a < 0.0 < b or b < 0.0 < a) and large > 4.0 * small:
        small = max(small, 1e-300)
        return math.copysign(math.sqrt(small) * math.sqrt(large), a + b)
    return 0.5 * a + 0.5 * b


@part
def _next(bracket, i, tiny):  # type: ignore[no-untyped-def]
    """Where to evaluate next, NaN where the bracket is closed."""
    x1, f1, x2, f2 = bracket[i, X1], bracket[i, F1], bracket[i, X2], bracket[i, F2]
    x3, f3 = bracket[i, X3], bracket[i, F3]
    width = x2 - x1
    near = abs(x1) if abs(f1) < abs(f2) else abs(x2)
    closed = max(_EPS * near, tiny)
    if abs(width) <= 2.0 * closed or not abs(width) > 0.0:
        return math.nan
    # An exact hit is closed in by a step of an ulp, unless it was one before: on a plateau.
    if f1 == 0.0 and f3 != 0.0:  # f3 is NaN at first
        return x1 + math.copysign(max(_EPS * abs(x1), tiny), width)
    if f2 == 0.0:
        return x2 - math.copysign(max(_EPS * abs(x2), tiny), width)
    t = math.nan
    if math.isfinite(f1) and math.isfinite(f2) and f1 != f2:
        if math.isnan(x3):
            t = f1 / (f1 - f2)
        elif math.isfinite(f3):
            xi, phi = (x1 - x2) / (x3 - x2), (f1 - f2) / (f3 - f2)
            if phi * phi < xi and (1.0 - phi) * (1.0 - phi) < 1.0 - xi:
                t = f1 / (f2 - f1) * f3 / (f2 - f3)
                t += (x3 - x1) / (x2 - x1) * f1 / (f3 - f1) * f2 / (f3 - f2)
    if math.isnan(t):
        return _middle(x1, x2)
    if t > 0.999:  # from the other end, which may be 0 with the root next to it
        return x2 - max(f2 / (f2 - f1), closed / abs(width)) * width
    return x1 + max(t, closed / abs(width)) * width


@jit
def begin(
    active: IntArray,
    x: FloatArray,
    bracket: FloatArray,
    rung: IntArray,
    rungs: FloatArray,
    tiny: float,
) -> int:
    """Fill ``active`` and ``x`` with the brackets that are open and their next points.

    Parameters
    ----------
    bracket : ndarray, shape (n, 6)
        Both ends and their values minus the goal; the third point is NaN.
    rung : ndarray, shape (n, 2)
        The first and one more than the last of the rungs strictly inside.
    rungs : ndarray
        The ladder, increasing.
    tiny : float
        The width at which a bracket next to zero is closed.
    """
    count = 0
    for i in range(bracket.shape[0]):
        if rung[i, 1] > rung[i, 0]:
            point = rungs[np.uint64((rung[i, 0] + rung[i, 1]) // 2)]
        else:
            point = _next(bracket, i, tiny)
        if not math.isnan(point):
            active[count] = i
            x[count] = point
            count += 1
    return count


@jit
def advance(
    active: IntArray,
    x: FloatArray,
    value: FloatArray,
    count: int,
    goal: FloatArray,
    strict: bool,
    bracket: FloatArray,
    rung: IntArray,
    rungs: FloatArray,
    tiny: float,
) -> int:
    """Take in the function's values at ``x``, and move on to the next points of open brackets.

    The end X1 or X2 that a point replaces is the one on the same side of the goal; a value equal
    to the goal counts as below it, or with ``strict`` as above. Returns how many are open.
    """
    left = 0
    for k in range(count):
        i = active[k]
        f = value[k] - goal[i]
        below = f < 0.0 or (f == 0.0 and not strict)
        newest = bracket[i, F1]
        newest_below = newest < 0.0 or (newest == 0.0 and not strict)
        replaced = 0 if below == newest_below else 2
        if replaced == 0:
            bracket[i, X3], bracket[i, F3] = bracket[i, X1], bracket[i, F1]
        else:
            bracket[i, X3], bracket[i, F3] = bracket[i, X2], bracket[i, F2]
            bracket[i, X2], bracket[i, F2] = bracket[i, X1], bracket[i, F1]
        bracket[i, X1], bracket[i, F1] = x[k], f
        if rung[i, 1] > rung[i, 0]:
            middle = (rung[i, 0] + rung[i, 1]) // 2
            if bracket[i, X2] > x[k]:
                rung[i, 0] = middle + 1
            else:
                rung[i, 1] = middle
            bracket[i, X3] = math.nan  # points of the ladder are too far apart to interpolate
        if rung[i, 1] > rung[i, 0]:
            point = rungs[np.uint64((rung[i, 0] + rung[i, 1]) // 2)]
        else:
            point = _next(bracket, i, tiny)
        if not math.isnan(point):
            active[left] = i
            x[left] = point
            left += 1
    return left
