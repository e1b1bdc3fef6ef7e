"""Slerp: the weights of two latents along the great circle, and the norm of the result.

With w the angle between two latents of norms n1 and n2, the result at time t is p z1 + q z2 with
p = sin((1 - t) w) / sin w and q = sin(t w) / sin w (Shoemake 1985). Everything is computed from the
lengths of the sum and of the difference of both directions, 2 cos(w/2) and 2 sin(w/2), so that no
digits are lost for nearly parallel and nearly opposite latents.
"""

from __future__ import annotations

import dataclasses
from typing import final

import numpy as np
import numpy.typing as npt

from otmaps._arrays import AnyFloatArray, FloatArray
from otmaps._kernels._rows import combine_rows, inner_products
from otmaps._latent_axes import Axis, as_rows, from_rows

_ROUNDED = 1e-2  # of 1 - |cos w|: nearer to 0 or pi the directions themselves are subtracted
_SMALL, _LARGE = 1e-280, 1e280  # squares beyond have lost digits
_GRIDS = 16.0  # directions are opposite where their sum is no more than so many ulp


@final
@dataclasses.dataclass(frozen=True, eq=False)
class GreatArc:
    """What slerp needs to know of pairs of latents, one entry for each.

    Attributes
    ----------
    norms : tuple of ndarray
    sums, differences : ndarray
        The lengths of the sum and of the difference of both directions; 2 and 0 where a latent is
        zero and has no direction.
    grain : float
        How far rounding moves a direction.
    """

    norms: tuple[FloatArray, FloatArray]
    sums: FloatArray
    differences: FloatArray
    grain: float

    @staticmethod
    def of(a: AnyFloatArray, b: AnyFloatArray) -> GreatArc:
        """From matrices whose rows are the latents."""
        products = np.empty((len(a), 3))
        inner_products(a, b, products)
        squares, inner = products[:, :2], products[:, 2]
        with np.errstate(all="ignore"):
            norms = np.sqrt(squares)
            cosine = inner / (norms[:, 0] * norms[:, 1])
            sums, differences = np.sqrt(2.0 + 2.0 * cosine), np.sqrt(2.0 - 2.0 * cosine)
            plain = (squares > _SMALL).all(axis=1) & (squares < _LARGE).all(axis=1)
            rest = np.flatnonzero(~(plain & (np.abs(cosine) < 1.0 - _ROUNDED)))
            if rest.size:
                (norms[rest, 0], first), (norms[rest, 1], second) = map(_polar, (a[rest], b[rest]))
                sums[rest] = np.linalg.norm(first + second, axis=1)
                differences[rest] = np.linalg.norm(first - second, axis=1)
                zero = rest[(norms[rest] == 0.0).any(axis=1)]
                sums[zero], differences[zero] = 2.0, 0.0
        grain = _GRIDS * float(np.finfo(np.result_type(a, b)).eps)
        return GreatArc((norms[:, 0], norms[:, 1]), sums, differences, grain)

    def weights(self, t: float) -> FloatArray:
        """p and q, as the columns of a matrix: 1 - t and t where there is no great circle."""
        far, near = self.differences, self.sums
        with np.errstate(all="ignore"):
            angle = 2.0 * np.arctan2(far, near)
            sine = 2.0 * near * far / (near * near + far * far)
            out = np.stack([np.sin((1.0 - t) * angle), np.sin(t * angle)], axis=1) / sine[:, None]
        # NaN stays; directions that are opposite to rounding determine no circle.
        straight = (far == 0.0) | (near <= self.grain)
        out[straight] = 1.0 - t, t
        return out

    def norm(self, weights: FloatArray) -> FloatArray:
        """The norm of the combination with these weights."""
        first, second = weights[:, 0] * self.norms[0], weights[:, 1] * self.norms[1]
        with np.errstate(all="ignore"):
            near, far = (first + second) * self.sums, (first - second) * self.differences
            return np.asarray(0.5 * np.hypot(near, far))


def _polar(rows: AnyFloatArray) -> tuple[FloatArray, FloatArray]:
    """Norms and directions, whatever the size of the numbers; a zero row has the direction 0."""
    wide = rows.astype(np.float64)
    size = np.abs(wide).max(axis=1, initial=0.0)
    scale = np.where(size > 0.0, np.ldexp(1.0, np.frexp(size)[1] - 1), 1.0)
    wide /= scale[:, None]
    norm = np.linalg.norm(wide, axis=1)
    return norm * scale, wide / np.where(norm > 0.0, norm, 1.0)[:, None]


def combined(
    a: AnyFloatArray,
    b: AnyFloatArray,
    weights: FloatArray,
    dtype: npt.DTypeLike,
) -> AnyFloatArray:
    """The combinations of rows, in one pass."""
    out = np.empty(a.shape, dtype)
    combine_rows(a, b, weights, out)
    return out


def slerp_arrays(z1: AnyFloatArray, z2: AnyFloatArray, *, t: float, axis: Axis) -> AnyFloatArray:
    """The function of the built-in operation slerp."""
    shape = np.broadcast_shapes(z1.shape, z2.shape)
    a, b = (as_rows(np.broadcast_to(z, shape), axis) for z in (z1, z2))
    if t in (0.0, 1.0):
        return np.array(np.broadcast_to(z1 if t == 0.0 else z2, shape))
    rows = combined(a, b, GreatArc.of(a, b).weights(t), np.result_type(z1, z2))
    return from_rows(rows, axis, shape)
