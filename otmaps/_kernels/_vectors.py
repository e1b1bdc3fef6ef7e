"""Weighted sums of vectors and an affine map of each component, in one pass over memory."""

from __future__ import annotations

from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from otmaps._kernels._policy import fma, jit

FloatArray: TypeAlias = npt.NDArray[np.float64]
AnyFloatArray: TypeAlias = npt.NDArray[np.floating[Any]]

BLOCK = 256


@jit
def scaled_sum(
    zs: tuple[AnyFloatArray, ...],
    weights: FloatArray,
    scale: FloatArray,
    shift: FloatArray,
    out: AnyFloatArray,
) -> None:
    """``scale * (sum_k weights[k] * zs[k]) + shift``, in double precision.

    ``scale`` and ``shift`` are repeated along the vectors, whose length is a multiple of theirs;
    ``out`` may be one of the vectors.
    """
    period = scale.size
    x = np.empty(BLOCK)
    for first in range(0, out.size, period):
        for start in range(0, period, BLOCK):
            size = min(BLOCK, period - start)
            low = first + start
            part = zs[0][low : low + size]
            for i in range(size):
                x[i] = weights[0] * np.float64(part[i])
            for k in range(1, len(zs)):
                part = zs[k][low : low + size]
                for i in range(size):
                    x[i] = fma(weights[k], np.float64(part[i]), x[i])
            result = out[low : low + size]
            for i in range(size):
                result[i] = fma(scale[start + i], x[i], shift[start + i])
