"""Latents as the rows of matrices: their inner products, and combinations with weights by row."""

from __future__ import annotations

from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from otmaps._kernels._policy import fma, jit

FloatArray: TypeAlias = npt.NDArray[np.float64]
AnyFloatArray: TypeAlias = npt.NDArray[np.floating[Any]]

LANES = 8


@jit
def inner_products(a: AnyFloatArray, b: AnyFloatArray, out: FloatArray) -> None:
    """Of every two rows: the squared norms and the inner product, in double precision.

    Eight sums run side by side, which the compiler turns into vector code and which err less.

    Parameters
    ----------
    a, b : ndarray, shape (n, k)
        Contiguous.
    out : ndarray, shape (n, 3)
    """
    count, size = a.shape
    whole = size - size % LANES
    first, second, both = np.empty(LANES), np.empty(LANES), np.empty(LANES)
    for i in range(count):
        x, y = a[i], b[i]
        first[:], second[:], both[:] = 0.0, 0.0, 0.0
        for start in range(0, whole, LANES):
            for j in range(LANES):
                u, v = np.float64(x[start + j]), np.float64(y[start + j])
                first[j] = fma(u, u, first[j])
                second[j] = fma(v, v, second[j])
                both[j] = fma(u, v, both[j])
        for j in range(size - whole):
            u, v = np.float64(x[whole + j]), np.float64(y[whole + j])
            first[j] = fma(u, u, first[j])
            second[j] = fma(v, v, second[j])
            both[j] = fma(u, v, both[j])
        out[i, 0], out[i, 1], out[i, 2] = first.sum(), second.sum(), both.sum()


@jit
def squared_norms(a: AnyFloatArray, out: FloatArray) -> None:
    """The squared norm of every row, in double precision."""
    count, size = a.shape
    whole = size - size % LANES
    sums = np.empty(LANES)
    for i in range(count):
        x = a[i]
        sums[:] = 0.0
        for start in range(0, whole, LANES):
            for j in range(LANES):
                u = np.float64(x[start + j])
                sums[j] = fma(u, u, sums[j])
        for j in range(size - whole):
            u = np.float64(x[whole + j])
            sums[j] = fma(u, u, sums[j])
        out[i] = sums.sum()


@jit
def combine_rows(
    a: AnyFloatArray, b: AnyFloatArray, weights: FloatArray, out: AnyFloatArray
) -> None:
    """``weights[i, 0] * a[i] + weights[i, 1] * b[i]``; ``out`` may be one of the matrices."""
    for i in range(a.shape[0]):
        p, q = weights[i, 0], weights[i, 1]
        x, y, z = a[i], b[i], out[i]
        for j in range(x.size):
            z[j] = fma(q, np.float64(y[j]), p * np.float64(x[j]))


@jit
def scale_rows(a: AnyFloatArray, factors: FloatArray, out: AnyFloatArray) -> None:
    """``factors[i] * a[i]``; ``out`` may be the matrix itself."""
    for i in range(a.shape[0]):
        factor = factors[i]
        x, z = a[i], out[i]
        for j in range(x.size):
            z[j] = factor * np.float64(x[j])
