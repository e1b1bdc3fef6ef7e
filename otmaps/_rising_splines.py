"""Increasing splines fitted to points: regression with coefficients that rise (Ramsay 1988)."""

from __future__ import annotations

import dataclasses
import functools
import math
from typing import Any, final

import numpy as np

from otmaps._arrays import FloatArray, frozen
from otmaps._inversion import invert_monotone

DEGREE = 5
_FLOOR = 1e-5  # of the mean rise from one coefficient to the next: strictly increasing
_STIFF = 1e4  # weight of the sum of all rises, beside points of weight 1


@final
@dataclasses.dataclass(frozen=True, eq=False)
class RisingSpline:
    """A spline of degree 5 that increases, with four continuous derivatives.

    Attributes
    ----------
    knots : ndarray
        Of its B-splines: each end six times.
    rises : ndarray
        From one coefficient to the next, positive.
    start : float
        The first coefficient: the value at the lower end.
    """

    knots: FloatArray
    rises: FloatArray
    start: float

    @property
    def ends(self) -> tuple[float, float]:
        """Where it is defined."""
        return float(self.knots[0]), float(self.knots[-1])

    @functools.cached_property
    def _value(self) -> Any:
        from scipy import interpolate

        coefficients = self.start + np.append(0.0, np.cumsum(self.rises))
        return interpolate.PPoly.from_spline((self.knots, coefficients, DEGREE))

    @functools.cached_property
    def _slope(self) -> Any:
        from scipy import interpolate

        # Of positive coefficients: nothing cancels.
        spans = self.knots[DEGREE + 1 : -1] - self.knots[1 : -DEGREE - 1]
        return interpolate.BSpline(self.knots[1:-1], DEGREE * self.rises / spans, DEGREE - 1)

    def affine(self, scale: float, shift: float) -> RisingSpline:
        """The spline moved with its points; mirrored, and negated, where the scale is negative."""
        knots = scale * self.knots + shift
        if scale > 0.0:
            return RisingSpline(frozen(knots), self.rises, self.start)
        top = self.start + float(self.rises.sum())
        return RisingSpline(frozen(knots[::-1]), frozen(self.rises[::-1]), -top)

    def value(self, x: FloatArray) -> FloatArray:
        """The spline."""
        return np.asarray(self._value(x))

    def slope(self, x: FloatArray) -> FloatArray:
        """Its derivative."""
        return np.asarray(self._slope(x))

    def inverse(self, y: FloatArray) -> FloatArray:
        """Where it has these values."""
        return invert_monotone(self.value, self.slope, y, self.ends, increasing=True)


def fitted_spline(
    points: FloatArray,
    values: FloatArray,
    weights: FloatArray,
    inner: FloatArray,
    slopes: tuple[float, float],
) -> RisingSpline | None:
    """The best increasing spline through the first and the last point, with given slopes there.

    Parameters
    ----------
    points, values, weights : ndarray
        Rising points, what is to be met, and how closely.
    inner : ndarray
        Inner knots, rising, strictly between the first and the last point.
    slopes : tuple of float
        At the first and the last point.

    Returns
    -------
    RisingSpline or None
        None where the cells are too wide for these slopes.
    """
    from scipy import interpolate, optimize

    knots = np.concatenate([np.full(DEGREE + 1, points[0]), inner, np.full(DEGREE + 1, points[-1])])
    spans = (knots[DEGREE + 1 : -1] - knots[1 : -DEGREE - 1]) / DEGREE
    outer = np.array([slopes[0] * spans[0], slopes[1] * spans[-1]])
    left = float(values[-1] - values[0] - outer.sum())
    free = spans.size - 2
    floor = _FLOOR * (values[-1] - values[0]) / spans.size
    if not left > free * floor:
        return None
    basis = interpolate.BSpline.design_matrix(points, knots, DEGREE).toarray()
    steps = np.cumsum(basis[:, ::-1], axis=1)[:, -2::-1]  # of a rise: all later B-splines
    goal = values - values[0] - steps[:, [0, -1]] @ outer - floor * steps[:, 1:-1].sum(axis=1)
    matrix = np.vstack([weights[:, None] * steps[:, 1:-1], np.full(free, _STIFF * weights.max())])
    room = left - free * floor
    rises, _ = optimize.nnls(matrix, np.append(weights * goal, _STIFF * weights.max() * room))
    if not rises.sum() > 0.0:
        return None
    rises = floor + rises * (room / math.fsum(rises))
    full = np.concatenate([outer[:1], rises, outer[1:]])
    return RisingSpline(frozen(knots), frozen(full), float(values[0]))
