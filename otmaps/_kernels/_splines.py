"""Laws by pieces near the ends of their support: evaluate and invert them.

The half line of distances y >= 0 from an end is cut in cells, handed to the kernels as a tuple of
four arrays, in this order.

``edges`` : float64 (cells + 1,)
    Left ends, 0 first and infinity last.
``frames`` : float64 (cells, 4)
    Origin, 1 / length, factor and logarithm of the factor. The local coordinate of a point is
    s = (y - origin) / length, from 0 to 1 in a table of values, from -1 to 1 in one of logarithms.
``rows`` : float64 (cells, terms)
    Coefficients c0, c1, ... of powers of s. In a table of values they give value / factor; in a
    table of logarithms the logarithm of the value, apart from the first cell, the corner, where
    the function is a power of s, from 0 to 1.
``guide`` : int32
    The cell in which a bucket begins. Buckets are uniform in the leading bits of y.
"""

from __future__ import annotations

from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from otmaps._kernels._policy import fma, jit, part

FloatArray: TypeAlias = npt.NDArray[np.float64]
GuideArray: TypeAlias = npt.NDArray[np.int32]
CellArrays: TypeAlias = tuple[FloatArray, FloatArray, FloatArray, GuideArray]
# Centre, low end and its rest, high end and its rest, 1 / unit. An end is the sum of two doubles.
Frame: TypeAlias = tuple[float, float, float, float, float, float]
# Bits to drop for a bucket, number of the first bucket, the power of the corner, the logarithm at
# the end of the corner, whether the table is one of logarithms.
Shape: TypeAlias = tuple[int, int, float, float, bool]

INVERSE_UNIT = 5
ORIGIN, INVERSE, FACTOR, LOG_FACTOR = range(4)


# Points come in random order, so a branch that depends on them costs more than both of its sides:
# conditional expressions below are selections.
@part
def _distance(x, frame):  # type: ignore[no-untyped-def]
    """The distance to the nearer end in units of the table, and whether that is the lower one."""
    centre, low, low_rest, high, high_rest, inverse_unit = frame
    lower = x <= centre
    end = low if lower else high
    rest = low_rest if lower else high_rest
    y = (x - end) - rest
    y = (y if lower else -y) * inverse_unit
    return (y if y > 0.0 else 0.0), lower


@part
def _cell(y, edges, guide, shift, first):  # type: ignore[no-untyped-def]
    bucket = (np.float64(y).view(np.int64) >> shift) - first
    bucket = bucket if bucket > 0 else 0
    bucket = bucket if bucket < guide.size else guide.size - 1
    cell = np.uint64(guide[np.uint64(bucket)])
    while y >= edges[cell + np.uint64(1)]:
        cell = cell + np.uint64(1)
    return cell


@part
def _horner(s, rows, cell):  # type: ignore[no-untyped-def]
    k = np.uint64(rows.shape[1] - 1)
    value = rows[cell, k]
    while k > np.uint64(0):
        k = k - np.uint64(1)
        value = fma(value, s, rows[cell, k])
    return value


@part
def _value(y, table, shape):  # type: ignore[no-untyped-def]
    """The function at a distance from the end."""
    edges, frames, rows, guide = table
    shift, first, power, log_corner, logarithmic = shape
    cell = _cell(y, edges, guide, shift, first)
    s = (y - frames[cell, ORIGIN]) * frames[cell, INVERSE]
    if not logarithmic:
        return _horner(s, rows, cell) * frames[cell, FACTOR]
    if cell == 0:
        return np.exp(log_corner + power * np.log(s))
    return np.exp(_horner(s, rows, cell))


@part
def _logarithm(y, table, shape):  # type: ignore[no-untyped-def]
    edges, frames, rows, guide = table
    shift, first, power, log_corner, logarithmic = shape
    cell = _cell(y, edges, guide, shift, first)
    s = (y - frames[cell, ORIGIN]) * frames[cell, INVERSE]
    if cell == 0:
        return log_corner + (power * np.log(s) if power > 0.0 else 0.0)
    if logarithmic:
        return _horner(s, rows, cell)
    return np.log(_horner(s, rows, cell)) + frames[cell, LOG_FACTOR]


@jit
def masses(
    x: FloatArray, out: FloatArray, frame: Frame, table: CellArrays, shape: Shape, lower: bool
) -> None:
    """The cdf (``lower``) or the survival function."""
    for i in range(x.size):
        y, near_low = _distance(x[i], frame)
        tail = _value(y, table, shape)
        out[i] = tail if near_low == lower else 1.0 - tail


@jit
def log_masses(
    x: FloatArray, out: FloatArray, frame: Frame, table: CellArrays, shape: Shape, lower: bool
) -> None:
    """The logarithm of the cdf (``lower``) or of the survival function."""
    for i in range(x.size):
        y, near_low = _distance(x[i], frame)
        if near_low == lower:
            out[i] = _logarithm(y, table, shape)
        else:
            out[i] = np.log1p(-_value(y, table, shape))


@jit
def densities(
    x: FloatArray, out: FloatArray, frame: Frame, table: CellArrays, shape: Shape
) -> None:
    """The density, per unit of x."""
    for i in range(x.size):
        y, _ = _distance(x[i], frame)
        out[i] = _value(y, table, shape) * frame[INVERSE_UNIT]


@jit
def log_densities(
    x: FloatArray, out: FloatArray, frame: Frame, table: CellArrays, shape: Shape
) -> None:
    """The logarithm of the density per unit of the table."""
    for i in range(x.size):
        y, _ = _distance(x[i], frame)
        out[i] = _logarithm(y, table, shape)


@part
def _meet(goal, rows, cell, low, high):  # type: ignore[no-untyped-def]
    """Where an increasing polynomial meets a goal: Newton steps kept inside a shrinking bracket."""
    bottom, top = _horner(low, rows, cell), _horner(high, rows, cell)
    if not goal > bottom:
        return low
    if not goal < top:
        return high
    s = low + (high - low) * ((goal - bottom) / (top - bottom))
    for _ in range(60):
        value, slope = rows[cell, rows.shape[1] - 1], 0.0
        for k in range(rows.shape[1] - 2, -1, -1):
            slope = fma(slope, s, value)
            value = fma(value, s, rows[cell, np.uint64(k)])
        if value < goal:
            low = s
        else:
            high = s
        fresh = s - (value - goal) / slope if slope > 0.0 else low
        if not (low <= fresh <= high):
            fresh = 0.5 * (low + high)
        if abs(fresh - s) <= 1e-10 * abs(s):  # the next step would be its square
            return fresh
        s = fresh
    return s


@jit
def quantiles(
    p: FloatArray,
    logp: FloatArray,
    out: FloatArray,
    starts: FloatArray,
    table: CellArrays,
    shape: Shape,
) -> None:
    """The distance from the end, in units of the table, below which a probability lies.

    Parameters
    ----------
    p, logp : ndarray
        The probability, or 0 where it underflows, and its logarithm.
    out : ndarray
        Receives the distances.
    starts : ndarray
        The logarithm of the function at the left end of each cell; -infinity first.
    """
    _, frames, rows, _ = table
    _, _, power, log_corner, logarithmic = shape
    for i in range(p.size):
        low, high = 0, starts.size
        while high - low > 1:
            middle = (low + high) // 2
            if starts[middle] <= logp[i]:
                low = middle
            else:
                high = middle
        cell = np.uint64(low)
        if low == 0:
            goal = logp[i] - log_corner
            if p[i] > 0.0 and not logarithmic and frames[0, FACTOR] > 1e-290:
                s = (p[i] / (frames[0, FACTOR] * rows[0, rows.shape[1] - 1])) ** (1.0 / power)
            else:
                s = np.exp(goal / power)
        elif logarithmic:
            s = _meet(logp[i], rows, cell, -1.0, 1.0)
        elif p[i] > 1e-290 and frames[cell, FACTOR] > 1e-290:
            s = _meet(p[i] / frames[cell, FACTOR], rows, cell, 0.0, 1.0)
        else:
            s = _meet(np.exp(logp[i] - frames[cell, LOG_FACTOR]), rows, cell, 0.0, 1.0)
        out[i] = frames[cell, ORIGIN] + s / frames[cell, INVERSE]
