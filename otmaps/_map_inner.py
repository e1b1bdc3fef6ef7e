"""The inner range of a map: one or two polynomials that the compiler turns into vector code.

Most values of y lie where the map is smooth. There one polynomial of degree up to 19, or two, reach
the tolerance, and no table has to be looked up. Where both laws are symmetric the map is odd about
their centres, and half of it is enough.

The cells of the table follow the polynomials to rounding, so that derivative, inverse and other
libraries, which go by the cells, have the same map.
"""

from __future__ import annotations

import dataclasses
from typing import final

import numpy as np

from otmaps._arrays import FloatArray
from otmaps._kernels import _maps as k
from otmaps._kernels import _tables as kernels

N_STATED = k.BOTTOM
"""So many numbers are stated; the rest is computed from them."""
STEPS = np.array([6.0, 24.0, 96.0, 384.0])
"""What rounds the coordinate to multiples of 2^-50, 2^-48, 2^-46, 2^-44."""
DEGREES = (8, 12, 16, 20)
"""The numbers of coefficients that the kernel takes."""

_EPS = float(np.finfo(float).eps)
MOST_PARTS = 32  # of a polynomial, at most, in each of which its derivative is bounded


@final
@dataclasses.dataclass(frozen=True, eq=False)
class Inner:
    """The arrays ``inner`` and ``powers`` of `otmaps._kernels._maps`."""

    numbers: FloatArray
    powers: FloatArray

    @property
    def grain(self) -> float:
        """The coordinate s is a multiple of it, so that no rounding makes the map fall."""
        return float(self.numbers[k.STEP]) / 1.5 * _EPS

    def edges(self) -> FloatArray:
        """Where a polynomial begins or ends, in y, in order."""
        n = self.numbers
        w = [n[k.LOWEST], n[k.HIGHEST]]
        if len(self.powers) == 2:
            w += [-n[k.KNOT], n[k.KNOT]] if n[k.FOLD] else [n[k.KNOT]]
        w += [0.0] if n[k.FOLD] else []
        return np.asarray(n[k.CENTRE] + np.unique(w))

    def values(self, y: FloatArray) -> FloatArray:
        """The map, for points of the inner range, to rounding."""
        n = self.numbers
        d = y - n[k.CENTRE]
        w = np.abs(d) if n[k.FOLD] else d
        cell = ((w >= n[k.KNOT]) & (len(self.powers) == 2)).astype(int)
        s = (w - n[[k.MIDDLE, k.MIDDLE_2]][cell]) * n[[k.INVERSE, k.INVERSE_2]][cell]
        p = horner_down(self.powers[cell], s)
        return np.asarray(n[k.OFFSET] + (np.sign(d) * np.maximum(p, 0.0) if n[k.FOLD] else p))

    def rounding(self) -> float:
        """How far computed values are from `values`, at most, with what joins two polynomials."""
        if not len(self.powers):
            return 0.0
        n = np.arange(self.powers.shape[1] - 1, -1, -1)
        size = float((np.abs(self.powers) @ np.maximum(n, 1)).max())
        offset = abs(float(self.numbers[k.OFFSET]))
        return (0.5 * self.grain + 32.0 * _EPS) * size + 2.0 * _EPS * offset


def make_inner(numbers: FloatArray, powers: FloatArray) -> Inner:
    """The inner range of stated numbers: the bounds of its values are filled in."""
    full = np.zeros(k.TOP + 1)
    full[:N_STATED] = numbers[:N_STATED]
    powers = np.array(powers, order="C")
    if len(powers):
        kernels.bound_inner(full, powers)
    full.flags.writeable = powers.flags.writeable = False
    return Inner(full, powers)


NOTHING = make_inner(np.zeros(N_STATED), np.zeros((0, DEGREES[0])))
"""No inner range."""


def never_falls(inner: Inner) -> bool:
    """Whether the computed values of the inner range are proven not to fall.

    The condition is that of `otmaps._map_proof`, for any degree and s from -1 to 1:
    ``g P'(s) >= 2 |s| u K(s)`` with K the sum of j |c_j| |s|^(j - 1). It is shown in parts of the
    cell, 32 at most, by Taylor's formula about the middle. Folded values are held above 0.
    """
    return bool(kernels.inner_rises(inner.powers, inner.grain, MOST_PARTS))


def slack_of(powers: FloatArray) -> float:
    """How far Horner's rule may round, twice."""
    return float(kernels.slack(powers))


def horner_down(powers: FloatArray, s: FloatArray) -> FloatArray:
    value = np.zeros_like(s)
    for column in range(powers.shape[-1]):
        value = value * s + powers[..., column]
    return value


def joined(numbers: FloatArray, powers: FloatArray) -> Inner:
    """The inner range, its second polynomial raised so far that no value falls at the knot."""
    if len(powers) == 2:
        start = horner_down(powers[1], np.array(-1.0))
        above = float(powers[0].sum() - start) + 2.0 * slack_of(powers)
        powers[1, -1] += max(above, 0.0)
    return make_inner(numbers, powers)


def blended_inner(inner: Inner, s: float) -> Inner:
    """The inner range of ``(1 - s) y + s T(y)``, or `NOTHING` where it is not proven to rise."""
    numbers, powers = inner.numbers.copy(), s * inner.powers
    numbers[k.OFFSET] = (1.0 - s) * numbers[k.CENTRE] + s * numbers[k.OFFSET]
    for row, at, inverse in zip(
        powers, (k.MIDDLE, k.MIDDLE_2), (k.INVERSE, k.INVERSE_2), strict=False
    ):
        row[-1] += (1.0 - s) * numbers[at]
        row[-2] += (1.0 - s) / numbers[inverse]
    blend = joined(numbers, powers)
    return blend if len(powers) and never_falls(blend) else NOTHING
