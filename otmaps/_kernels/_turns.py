"""Where a sequence of values turns around."""

from __future__ import annotations

import math
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from otmaps._kernels._policy import jit

FloatArray: TypeAlias = npt.NDArray[np.float64]
IntArray: TypeAlias = npt.NDArray[np.int64]


@jit
def turns(  # noqa: C901, PLR0912, PLR0915 - one pass that follows a top and a bottom
    values: FloatArray, ripple: float, size: float, out: IntArray
) -> int:
    """Fill ``out`` with the turns of a sequence, and return how many there are.

    Parameters
    ----------
    values : ndarray
        NaN are passed over.
    ripple : float
        A move back by less than this share of abs(value) + size is none.
    size : float
    out : ndarray, shape (n, 3)
        Of each turn the index before the extreme value (or its plateau), the index behind it, and
        1 for a top, 0 for a bottom. What does not fit is counted, not written.
    """
    count = 0
    direction = 0
    start = -1
    low = high = 0.0
    low_first = low_last = high_first = high_last = 0
    for i in range(values.size):
        v = values[i]
        if math.isnan(v):
            continue
        if start < 0:
            start = i
            low = high = v
            low_first = low_last = high_first = high_last = i
            continue
        if v > high:
            high, high_first, high_last = v, i, i
        elif v == high:
            high_last = i
        if v < low:
            low, low_first, low_last = v, i, i
        elif v == low:
            low_last = i
        fallen = v < high and not high - v <= ripple * (abs(high) + size)
        risen = v > low and not v - low <= ripple * (abs(low) + size)
        if direction >= 0 and fallen:
            if direction > 0:
                if count < out.shape[0]:
                    out[count, 0] = max(high_first - 1, start)
                    out[count, 1] = min(high_last + 1, values.size - 1)
                    out[count, 2] = 1
                count += 1
            direction = -1
            low, low_first, low_last = v, i, i
        elif direction <= 0 and risen:
            if direction < 0:
                if count < out.shape[0]:
                    out[count, 0] = max(low_first - 1, start)
                    out[count, 1] = min(low_last + 1, values.size - 1)
                    out[count, 2] = 0
                count += 1
            direction = 1
            high, high_first, high_last = v, i, i
    return count
