"""The largest difference of two cdfs, enclosed."""

from __future__ import annotations

import numpy as np

from otmaps._arrays import FloatArray
from otmaps._distribution import Distribution

_TOLERANCE = 1e-6
_MOST_CELLS = 2**14


def largest_gap(first: Distribution, second: Distribution) -> tuple[float, float]:
    """sup |F - G| and a bound on its error, by branch and bound on cells of the line.

    Both functions are monotone, so F - G over a cell is at most F before its right end less G at
    its left end. Cells that may pass the best value found are halved.
    """
    logs = np.concatenate([-(2.0 ** np.arange(9, 0, -1)), np.log(np.linspace(0.02, 0.5, 49))])
    pieces = [np.asarray(f(logs)) for law in (first, second) for f in (law.ilogcdf, law.ilogsf)]
    points = np.unique(np.concatenate([*pieces, first.breakpoints, second.breakpoints]))
    nodes = _nodes(first, second, points[np.isfinite(points)])
    best = float(np.max(np.abs(nodes[1] - nodes[2]), initial=0.0))
    # Beyond the outermost points the probabilities themselves bound the difference.
    highest = best + float(np.exp(logs[0]))
    left, right = nodes[:, :-1], nodes[:, 1:]
    while True:
        bound = np.maximum(right[3] - left[2], right[4] - left[1])
        middle = 0.5 * (left[0] + right[0])
        halve = (bound > best + _TOLERANCE) & (middle > left[0]) & (middle < right[0])
        if np.count_nonzero(halve) > _MOST_CELLS:
            halve[:] = False
        highest = max(highest, float(np.max(bound[~halve], initial=0.0)))
        if not halve.any():
            break
        nodes = _nodes(first, second, middle[halve])
        best = max(best, float(np.max(np.abs(nodes[1] - nodes[2]))))
        left = np.concatenate([left[:, halve], nodes], axis=1)
        right = np.concatenate([nodes, right[:, halve]], axis=1)
    return best, max(highest - best, 0.0) + first.error + second.error


def _nodes(first: Distribution, second: Distribution, x: FloatArray) -> FloatArray:
    """Rows: x, F(x), G(x), and the limits of F and G from the left."""
    values = [np.asarray(law.cdf(x), dtype=np.float64) for law in (first, second)]
    before = [value.copy() for value in values]
    for law, limit in zip((first, second), before, strict=True):
        for location, mass in law.atoms:
            limit[x == location] -= mass
    return np.stack([x, *values, *before])
