"""How far the mean of a few replicates is from the mean of all."""

from __future__ import annotations

from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from otmaps._kernels._policy import jit

FloatArray: TypeAlias = npt.NDArray[np.float64]
IntArray: TypeAlias = npt.NDArray[np.int64]

_WIDTH = 512  # points at a time, a power of two: those of all replicates stay in the cache


@jit
def subset_distances(gaps: FloatArray, members: IntArray, out: FloatArray) -> None:
    """The largest |mean of gaps over the members| over all points, for each row of members.

    ``gaps`` (replicates, points) are the differences from the mean of all; ``members``
    (subsets, size) are numbers of replicates.
    """
    points, size = gaps.shape[1], members.shape[1]
    total = np.empty(_WIDTH)
    out[:] = 0.0
    for begin in range(0, points, _WIDTH):
        width = min(_WIDTH, points - begin)
        for row in range(members.shape[0]):
            total[:] = 0.0
            for j in range(size):
                part = gaps[members[row, j], begin : begin + width]
                for i in range(width):
                    total[i] += part[i]
            for i in range(width):
                total[i] = abs(total[i])
            half = _WIDTH // 2
            while half > 0:  # halves are compared side by side, not in one long chain
                for i in range(half):
                    total[i] = total[i] if total[i] > total[half + i] else total[half + i]
                half //= 2
            out[row] = max(out[row], total[0] / size)
