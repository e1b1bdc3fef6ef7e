"""The inner range of a map: one or two polynomials that the compiler turns into vector code.

Most values of y lie where the map is smooth. There one polynomial of degree up to 19, or two, reach
the tolerance, and no table has to be looked up. Where both laws are symmetric the map is odd about
their centres, and half of it is enough.

The cells of the table follow the polynomials to rounding, so that derivative, inverse and other
libraries, which go by the cells, have the same map.
"""

from __future__ import annotations

import dataclasses
import functools
import math
from typing import final

import numpy as np

from otmaps._arrays import FloatArray
from otmaps._kernels import _maps as k

N_STATED = k.BOTTOM
"""So many numbers are stated; the rest is computed from them."""
STEPS = (6.0, 24.0, 96.0, 384.0)
"""What rounds the coordinate to multiples of 2^-50, 2^-48, 2^-46, 2^-44."""
DEGREES = (8, 12, 16, 20)
"""The numbers of coefficients that the kernel takes."""

_EPS = float(np.finfo(float).eps)
_SPARE = 1.05
_PARTS = 32  # of a polynomial, in each of which its derivative is bounded


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
        full[k.TOP] = full[k.OFFSET] + powers[-1].sum() + slack_of(powers)
        signs = (-1.0) ** np.arange(powers.shape[1] - 1, -1, -1)
        lowest = full[k.OFFSET] + powers[0] @ signs - slack_of(powers)
        full[k.BOTTOM] = 2.0 * full[k.OFFSET] - full[k.TOP] if full[k.FOLD] else lowest
    full.flags.writeable = powers.flags.writeable = False
    return Inner(full, powers)


NOTHING = make_inner(np.zeros(N_STATED), np.zeros((0, DEGREES[0])))
"""No inner range."""


def never_falls(inner: Inner) -> bool:
    """Whether the computed values of the inner range are proven not to fall.

    The condition is that of `otmaps._map_proof`, for any degree and s from -1 to 1:
    ``g P'(s) >= 2 |s| u K(s)`` with K the sum of j |c_j| |s|^(j - 1). It is shown in each of 32
    parts of the cell by Taylor's formula about the middle. Folded values are held above 0.
    """
    c = inner.powers[:, ::-1]
    degree = c.shape[1] - 1
    slopes = c[:, 1:] * np.arange(1, degree + 1)
    middles = (np.arange(_PARTS) + 0.5) * 2.0 / _PARTS - 1.0
    least = slopes @ _taylor(degree)
    far = np.abs(middles) + 1.0 / _PARTS
    noise = np.abs(slopes) @ far ** np.arange(degree)[:, None]
    radius = (1.0 / _PARTS) ** np.arange(1, degree)
    moved = np.einsum("pcj,j->cp", np.abs(slopes @ _taylor_rest(degree)), radius)
    if not np.all(inner.grain * (least - moved) >= _SPARE * far * _EPS * noise + 1e-300):
        return False
    if len(c) == 1:
        return True
    signs = (-1.0) ** np.arange(degree + 1)
    return bool(c[0].sum() + slack_of(inner.powers) <= c[1] @ signs)


@functools.cache
def _taylor(degree: int) -> FloatArray:
    """From coefficients of a derivative to its values in the middles of the parts."""
    middles = (np.arange(_PARTS) + 0.5) * 2.0 / _PARTS - 1.0
    return np.asarray(middles ** np.arange(degree)[:, None])


@functools.cache
def _taylor_rest(degree: int) -> FloatArray:
    """From the same to its Taylor coefficients 1, 2, ...; shape (parts, degree, degree - 1)."""
    middles = (np.arange(_PARTS) + 0.5) * 2.0 / _PARTS - 1.0
    row, column = np.arange(degree)[:, None], np.arange(1, degree)[None, :]
    binomial = np.array([[math.comb(i, j) for j in range(1, degree)] for i in range(degree)], float)
    return np.asarray(binomial * middles[:, None, None] ** np.maximum(row - column, 0))


def slack_of(powers: FloatArray) -> float:
    """How far Horner's rule may round, twice."""
    return 8.0 * _EPS * float(np.abs(powers).sum())


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


def checked_inner(numbers: FloatArray, powers: FloatArray) -> Inner:
    """An inner range that comes from outside, after everything a kernel relies on is checked."""
    if numbers.shape != (N_STATED,) or powers.ndim != 2 or len(powers) > 2:
        raise ValueError(f"the inner range has the shapes {numbers.shape} and {powers.shape}.")
    if powers.shape[1] not in DEGREES:
        raise ValueError(f"the inner range has {powers.shape[1]} coefficients.")
    if not (np.all(np.isfinite(numbers)) and np.all(np.isfinite(powers))):
        raise ValueError("the inner range is not finite.")
    if not len(powers):
        return NOTHING
    fold, low, high = numbers[k.FOLD], numbers[k.LOWEST], numbers[k.HIGHEST]
    knots = [0.0 if fold else low, high]
    if len(powers) == 2:
        knots.insert(1, numbers[k.KNOT])
    sound = (
        fold in {0.0, 1.0}
        and numbers[k.STEP] in STEPS
        and low < high
        and (not fold or low == -high)
    )
    sound = sound and bool(np.all(np.diff(knots) > 0))
    for at, inverse, a, b in zip(
        (k.MIDDLE, k.MIDDLE_2), (k.INVERSE, k.INVERSE_2), knots[:-1], knots[1:], strict=False
    ):
        reach = max(abs(a - numbers[at]), abs(b - numbers[at])) * numbers[inverse]
        sound = sound and 0.0 < reach <= 1.0 + 1e-12
    if not sound:
        raise ValueError(f"the inner range has the numbers {numbers.tolist()}.")
    inner = make_inner(numbers, powers)
    if not never_falls(inner):
        raise ValueError("the map of the inner range is not proven to rise.")
    return inner
