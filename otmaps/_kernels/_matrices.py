"""Products of matrices that are the same on every machine.

A BLAS adds in another order with every version, processor and number of threads, which moves
tables by a rounding. Here sums run along the rows from left to right.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from otmaps._kernels._policy import jit

FloatArray = npt.NDArray[np.float64]


@jit
def product(a: FloatArray, b: FloatArray) -> FloatArray:
    """The product of contiguous matrices."""
    out = np.zeros((a.shape[0], b.shape[1]))
    for i in range(a.shape[0]):
        for k in range(a.shape[1]):
            for j in range(b.shape[1]):
                out[i, j] += a[i, k] * b[k, j]
    return out
