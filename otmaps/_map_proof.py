"""The proof that a table of polynomials, computed in floating-point numbers, never falls.

In real numbers a cell rises where the derivative of its polynomial has no negative Bernstein
coefficient. In doubles that is not enough. By Horner's rule with fused multiply-adds the kernel
computes ``fl(c0 + s q)``, q = c1 + s (c2 + s (c3 + s (c4 + s c5))), and the rounding of the last
step keeps the order of what it rounds. So a cell never falls where either holds:

- No coefficient c1 ... c5 is negative: every step is the rounding of a rising function.
- From one s to the next, s q rises by more than the roundings of both q can take away. With steps
  of s of at least a grain g, and u = 2^-53, that is ``g P'(s) >= 2 s u K(s)``, where K sums the
  sizes of the four intermediate values of Horner's rule (Higham, Accuracy and Stability of
  Numerical Algorithms, section 5.1): at most
  |c1| + 2 |c2| s + 3 |c3| s^2 + 4 |c4| s^3 + 4 |c5| s^4.

The kernel rounds s to multiples of the grain, and s does not fall in y because each of its steps
keeps the order. `levelled` holds each cell below the beginning of the next one.
"""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

from otmaps._arrays import FloatArray
from otmaps._kernels._cells import level
from otmaps._kernels._tables import rising

# From powers of s to Bernstein polynomials of degree 4, B_j = sum_k C(j, k) / C(4, k) s^k.
POWERS_TO_BERNSTEIN = np.array(
    [[math.comb(j, i) / math.comb(4, i) for i in range(5)] for j in range(5)]
)
BERNSTEIN_TO_POWERS = np.array(
    [[math.comb(4, j) * math.comb(j, i) * (-1.0) ** (j - i) for i in range(5)] for j in range(5)]
)
"""Its inverse."""

_PARTS = 4  # of a cell, in each of which the inequality is shown


def _part_to_bernstein(part: int) -> FloatArray:
    """From powers of s to Bernstein polynomials on one of the parts of the cell."""
    start, width = part / _PARTS, 1.0 / _PARTS
    powers = np.arange(5)
    rise = np.maximum(powers[None, :] - powers[:, None], 0)
    binomial = np.array([[math.comb(i, j) for i in range(5)] for j in range(5)], dtype=float)
    terms = POWERS_TO_BERNSTEIN[:, :, None] * (binomial * start**rise * width ** powers[:, None])
    return np.asarray(terms.sum(axis=1))


PARTS_TO_BERNSTEIN = np.stack([_part_to_bernstein(part) for part in range(_PARTS)])
"""From coefficients of the derivative in s, on each of the parts; what the kernels take."""


def never_falls(records: FloatArray, bucket: float) -> npt.NDArray[np.bool_]:
    """Of which cells it is proven that the computed values never fall, from left to right.

    Parameters
    ----------
    records : ndarray, shape (n + 1, 8)
        See `otmaps._kernels._maps`.
    bucket : float
        The inverse width of the buckets of the core: a cubic of that width is evaluated there, on
        steps of `BUCKET_GRAIN`; all other cells have steps of `GRAIN`.

    Returns
    -------
    ndarray of bool, shape (n,)
    """
    proven = np.empty(len(records) - 1, dtype=bool)
    rising(records, float(bucket), PARTS_TO_BERNSTEIN, proven)
    return proven


def slopes(c: FloatArray) -> FloatArray:
    """Coefficients of the derivative in s, from c1 ... c5."""
    return c * np.arange(1, 6)


def levelled(former: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Records with values that do not fall, and cells that stay below the next value.

    Rounding in the laws may let neighbouring values fall by a unit in the last place.

    Returns
    -------
    records : ndarray
    moved : ndarray
        How far the values in each cell moved, at most.
    """
    records, moved = np.array(former, order="C"), np.empty(len(former))
    level(records, moved)
    return records, moved
