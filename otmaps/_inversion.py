"""Quantiles of a law that states only its cdf: safeguarded Newton steps on the logarithm."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from otmaps._arrays import FloatArray

Function = Callable[[FloatArray], FloatArray]

_TINY = 1e-300
_HUGE = 1.7e308
_MOST_STEPS = 220


def midpoint(low: FloatArray, high: FloatArray) -> FloatArray:
    """A point between: arithmetic for near ends, by binary exponents for ends far apart.

    Arithmetic halving would need a thousand steps from 1e300 to 1; halving the exponent ten.
    """
    mean = 0.5 * low + 0.5 * high
    same_sign = (low >= 0) | (high <= 0)
    small, large = np.minimum(np.abs(low), np.abs(high)), np.maximum(np.abs(low), np.abs(high))
    far = same_sign & (large > 4.0 * np.maximum(small, _TINY))
    geometric = np.sign(mean) * np.sqrt(np.maximum(small, _TINY)) * np.sqrt(large)
    # Across zero: step to a power-of-two-like fraction of the larger side, not to zero itself.
    across = ~same_sign & (large > 4.0) & (mean != 0)
    shrunk = np.sign(mean) * np.sqrt(np.maximum(np.abs(mean), 1.0))
    return np.where(far, geometric, np.where(across, shrunk, mean))


def invert_monotone(
    value: Function,
    slope: Function,
    goal: FloatArray,
    support: tuple[float, float],
    *,
    increasing: bool,
) -> FloatArray:
    """Solve ``value(x) = goal`` for a monotone function on an open support.

    Parameters
    ----------
    value, slope : callable
        The function (a log-cdf or log-sf) and its derivative, on 1-D float64 arrays.
    goal : ndarray
        1-D, finite.
    support : tuple of float
        Where the root is sought; either end may be infinite.
    increasing : bool
        True for a log-cdf, False for a log-sf.

    Returns
    -------
    ndarray
        Points whose bracket has shrunk to two units in the last place, or at which the
        function meets the goal to rounding.
    """
    low = np.full(goal.shape, max(support[0], -_HUGE))
    high = np.full(goal.shape, min(support[1], _HUGE))
    x = midpoint(low, high)
    if support[0] < 0 < support[1]:
        x = np.zeros_like(goal)
    active = np.arange(goal.size)
    sign = 1.0 if increasing else -1.0
    with np.errstate(all="ignore"):  # a root beyond the largest double is infinite
        beyond = [sign * (value(end) - goal) for end in (low, high)]
    x = np.where(np.isinf(support[0]) & (beyond[0] > 0), -np.inf, x)
    x = np.where(np.isinf(support[1]) & (beyond[1] < 0), np.inf, x)
    active = active[np.isfinite(x)]
    for iteration in range(_MOST_STEPS):
        xa, ga = x[active], goal[active]
        with np.errstate(all="ignore"):
            gap = sign * (value(xa) - ga)
            step = gap / (sign * slope(xa))
        low[active] = np.where(gap < 0, xa, low[active])
        high[active] = np.where(gap >= 0, xa, high[active])
        la, ha = low[active], high[active]
        trial = xa - step
        inside = np.isfinite(trial) & (trial > la) & (trial < ha)
        if iteration % 4 == 3:  # Newton may creep along one side: halve now and then
            inside &= np.abs(step) <= 1e-3 * np.abs(xa)
        fresh = np.where(inside, trial, midpoint(la, ha))
        settled = (np.abs(step) <= 2e-16 * np.abs(xa)) & np.isfinite(step)
        closed = ha - la <= 4e-16 * np.minimum(np.abs(la), np.abs(ha))
        done = settled | closed | (gap == 0) | (fresh == xa)
        x[active] = np.where(done, xa, fresh)
        active = active[~done]
        if active.size == 0:
            break
    return x
