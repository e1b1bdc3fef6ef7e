"""The inner range of a map: one or two polynomials that the compiler turns into vector code.

Most values of y lie where the map is smooth. There one polynomial of degree up to 23, or two, reach
the tolerance, and no table has to be looked up. Where both laws are symmetric the map is odd about
their centres, and half of it is enough. One polynomial may be one in -1 / (w + pole) instead of the
distance w from the centre: that moves singularities of the map beside the range, and those far
out, away from it, and costs a division.

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
STEPS = 1.5 * 2.0 ** np.arange(2, 9)
"""What rounds the coordinate to multiples of 2^-50, 2^-49, ... 2^-44."""
DEGREES = (8, 12, 16, 20, 24)
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

    @property
    def first(self) -> float:
        """Where the inner range begins."""
        return float(self.numbers[k.CENTRE] + self.numbers[k.LOWEST])

    @property
    def last(self) -> float:
        """Where it ends."""
        return float(self.numbers[k.CENTRE] + self.numbers[k.HIGHEST])

    def knots(self) -> FloatArray:
        """Where a polynomial begins or ends, as distances from the centre, in order."""
        inside = [self.numbers[k.KNOT]] if len(self.powers) == 2 else []
        return np.array([0.0, *inside, self.numbers[k.HIGHEST]])

    def edges(self) -> FloatArray:
        """Where a polynomial begins or ends, in y, in order."""
        w = self.knots()
        w = np.concatenate([-w[:0:-1], w]) if self.numbers[k.FOLD] else w
        return np.asarray(self.numbers[k.CENTRE] + w)

    def values(self, y: FloatArray) -> FloatArray:
        """The map, for points of the inner range, to rounding."""
        n = self.numbers
        d = y - n[k.CENTRE]
        w = np.abs(d)
        cell = ((w >= n[k.KNOT]) & (len(self.powers) == 2)).astype(int)
        u = variable(w, n[k.POLE])
        s = (u - n[[k.MIDDLE, k.MIDDLE_2]][cell]) * n[[k.INVERSE, k.INVERSE_2]][cell]
        p = np.maximum(horner_down(self.powers[cell], s), 0.0)
        return np.asarray(n[k.OFFSET] + np.copysign(n[k.LINE] * w + p, d))

    def stepped(self, step: float) -> Inner:
        """The same with another grain."""
        numbers = self.numbers.copy()
        numbers[k.STEP] = step
        numbers.flags.writeable = False
        return Inner(numbers, self.powers)

    def rounding(self) -> float:
        """How far computed values are from `values`, at most, with what joins two polynomials."""
        if not len(self.powers):
            return 0.0
        n = np.arange(self.powers.shape[1] - 1, -1, -1)
        size = float((np.abs(self.powers) * np.maximum(n, 1)).sum(axis=1).max())
        inverses = self.numbers[[k.INVERSE, k.INVERSE_2][: len(self.powers)]]
        # The coordinate is a difference of numbers of this size, in halves of the width of a cell.
        far = float(np.abs(variable(self.knots(), self.numbers[k.POLE])).max() * inverses.max())
        rest = abs(float(self.numbers[k.OFFSET])) + _farthest(self.numbers)
        return (0.5 * self.grain + (32.0 + 4.0 * far) * _EPS) * size + 2.0 * _EPS * rest


def variable(w: FloatArray, pole: float) -> FloatArray:
    """What the polynomials are written in, for distances from the centre."""
    return -1.0 / (w + pole) if pole > 0.0 else w


def _farthest(numbers: FloatArray) -> float:
    """The straight part of the map at the end of the inner range."""
    return float(numbers[k.LINE] * numbers[k.HIGHEST])


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
    ``g P'(s) >= 2 |s| u K(s)``, where K sums the sizes of the intermediate values v_k of Horner's
    rule, as |v_k| |s|^(n - 1 - k) with n the degree. It is shown in parts of the cell, 32 at most:
    the slope by Taylor's formula about the middle, each value by how far it moves from there.
    Values are held above 0; what is added to them, ``line * w``, does not fall either.
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
    numbers = inner.numbers.copy()
    numbers[k.OFFSET] = (1.0 - s) * numbers[k.CENTRE] + s * numbers[k.OFFSET]
    numbers[k.LINE] = (1.0 - s) + s * numbers[k.LINE]
    blend = joined(numbers, s * inner.powers)
    return blend if len(blend.powers) and never_falls(blend) else NOTHING
