"""The error of the mean of independent replicates of a cdf, at all points at once."""

from __future__ import annotations

import itertools
import math

import numpy as np

from otmaps._arrays import FloatArray
from otmaps._kernels._replicates import IntArray, subset_distances

_EACH = 256  # subsets of each size; all of them where there are fewer
_COARSE = 4096  # points
_NEAR = 0.1
_TINY = 1e-300  # replicates without any scatter
_SEED = 20_100_101


def simultaneous_bound(cdfs: FloatArray, confidence: float) -> float:
    """A bound on the distance of the mean of replicates from their expectation, over all points.

    Parameters
    ----------
    cdfs : ndarray
        One row for each replicate: unbiased estimates at common points.
    confidence : float
        The probability with which the bound holds; at most `largest_confidence` of the rows.

    Notes
    -----
    Where the vector of the errors of a replicate has the same law as its negative, giving each
    replicate a random sign changes nothing in the law of the largest error of the mean; so that is
    at most a quantile, over the signs, of what it would be with them (Arlot, Blanchard and Roquain
    2010, Annals of Statistics 38, section 3). The unknown truth drops out by the triangle
    inequality: for signs of which a minority S differs from the others, the bound is the largest
    distance of the mean over S from the mean over all. No variance is estimated and
    nothing is taken as normal. What is taken for granted is the symmetry, which holds for the
    mean of many small errors, and the more replicates the less it matters.

    The quantile is over all subsets, or 256 random ones of each size. About 4096 points
    tell which of them are near it; for those the distance is taken over all points, and for
    the others it is raised by the largest ratio found.
    """
    replicates, points = cdfs.shape
    gaps = np.ascontiguousarray(cdfs - cdfs.mean(axis=0))
    coarse = np.ascontiguousarray(gaps[:, :: -(-points // _COARSE)])
    rng = np.random.default_rng(_SEED)
    subsets, weights = [], []
    for size in range(1, replicates // 2 + 1):
        subsets.append(_subsets(replicates, size, rng))
        # Signs and their opposites have one minority; two halves are each other's.
        ways = math.comb(replicates, size) * (2.0 if 2 * size < replicates else 1.0)
        count = len(subsets[-1])
        weights.append(np.full(count, ways * 0.5**replicates / count))
    rest = 2.0 ** (1 - replicates)  # all signs are equal: that says nothing
    weight = np.concatenate(weights)
    allowed = (1.0 - confidence - rest) * (1.0 + 1e-9)
    rough = _distances(coarse, subsets)
    middle = _upper_quantile(np.concatenate(rough), weight, allowed)
    near = [np.abs(found - middle) <= _NEAR * middle for found in rough]
    exact = _distances(gaps, [rows[at] for rows, at in zip(subsets, near, strict=True)])
    scores, close = np.concatenate(rough), np.concatenate(near)
    fine = np.concatenate(exact)
    scores *= np.max(fine / np.maximum(scores[close], _TINY), initial=1.0)
    scores[close] = fine
    return _upper_quantile(scores, weight, allowed)


def _distances(gaps: FloatArray, subsets: list[IntArray]) -> list[FloatArray]:
    found = [np.empty(len(rows)) for rows in subsets]
    for rows, out in zip(subsets, found, strict=True):
        subset_distances(gaps, rows, out)
    return found


def _upper_quantile(values: FloatArray, weights: FloatArray, allowed: float) -> float:
    """The smallest value that is exceeded with a weight of at most ``allowed``."""
    order = np.argsort(values)[::-1]
    excess = np.cumsum(weights[order])
    return float(values[order[int(np.searchsorted(excess, allowed, side="right"))]])


def largest_confidence(replicates: int) -> float:
    """Up to where signs of so many replicates say anything."""
    return 1.0 - 2.0 ** (1 - replicates)


def _subsets(replicates: int, size: int, rng: np.random.Generator) -> IntArray:
    """Rows of the numbers of ``size`` replicates."""
    if math.comb(replicates, size) <= _EACH:
        return np.array([*itertools.combinations(range(replicates), size)])
    return np.argsort(rng.random((_EACH, replicates)), axis=1)[:, :size].copy()
