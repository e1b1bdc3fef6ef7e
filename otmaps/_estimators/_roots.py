"""Where a function that is monotone between two points passes a value: for many at once."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from otmaps._arrays import FloatArray
from otmaps._kernels import _roots as k

# Values at points of the problems with these numbers.
Evaluate: TypeAlias = Callable[[npt.NDArray[np.int64], FloatArray], FloatArray]

_MOST_STEPS = 200


def level_roots(
    evaluate: Evaluate,
    ends: tuple[FloatArray, FloatArray],
    values: tuple[FloatArray, FloatArray],
    goal: FloatArray,
    rungs: FloatArray,
    *,
    tiny: float,
    strict: bool = False,
) -> FloatArray:
    """The points between ``ends`` where the function passes the goal, to about two ulp.

    Parameters
    ----------
    evaluate : callable
        Of numbers of problems and a point for each.
    ends, values : tuple of ndarray
        Both ends of each bracket, and the function there: on different sides of the goal, where a
        value equal to the goal counts as below it, or with ``strict`` as above.
    goal : ndarray
    rungs : ndarray
        Increasing points between which brackets are looked for first.
    tiny : float
        How exact a root next to 0 must be, where its bracket holds 0.
    strict : bool

    Notes
    -----
    Where the function is flat at the goal this is the end of the flat part towards values above
    the goal (with ``strict``: below), and where it jumps across it, the jump.
    """
    n = goal.size
    bracket = np.empty((n, 6))
    bracket[:, k.X1], bracket[:, k.X2] = ends
    bracket[:, k.F1], bracket[:, k.F2] = values[0] - goal, values[1] - goal
    bracket[:, k.X3] = bracket[:, k.F3] = np.nan
    rung = np.empty((n, 2), dtype=np.int64)
    rung[:, 0] = np.searchsorted(rungs, ends[0], side="right")
    rung[:, 1] = np.searchsorted(rungs, ends[1], side="left")
    active, x = np.empty(n, dtype=np.int64), np.empty(n)
    count = k.begin(active, x, bracket, rung, rungs, tiny)
    for _ in range(_MOST_STEPS):
        if count == 0:
            break
        found = evaluate(active[:count], x[:count])
        count = k.advance(active, x, found, count, goal, strict, bracket, rung, rungs, tiny)
    nearer = np.abs(bracket[:, k.F1]) < np.abs(bracket[:, k.F2])
    return np.where(nearer, bracket[:, k.X1], bracket[:, k.X2])
