"""The built-in operations: linear combinations of latents, and slerp (raw only).

t = 0 is the first latent and t = 1 the second, as in torch.lerp and every slerp in use (the
paper's t runs the other way).
"""

from __future__ import annotations

import math
import types
from collections.abc import Callable
from typing import Any

import numpy as np

from otmaps._arrays import AnyFloatArray, real_scalar, weight_vector
from otmaps._linearity import WeightedSum
from otmaps._operations import Operation
from otmaps._registry import register_built_in

_SUM_SLACK = 1e-9


def _linear(
    name: str, latents: tuple[str, ...], weights: tuple[float, ...], parameters: dict[str, Any]
) -> Operation:
    bound = types.MappingProxyType(parameters)
    return Operation(name, latents, bound, WeightedSum(weights))


def _numbered(count: int) -> tuple[str, ...]:
    return tuple(f"z{i + 1}" for i in range(count))


def linear(weights: Any) -> Operation:
    """Any linear combination ``sum_i weights[i] * z_i``.

    Parameters
    ----------
    weights : array_like
        1-D, finite, at least one.
    """
    w = weight_vector(weights)
    return _linear("linear", _numbered(len(w)), w, {"weights": w})


def lerp(t: float = 0.5) -> Operation:
    """Linear interpolation ``(1 - t) z1 + t z2``; t outside [0, 1] extrapolates.

    Parameters
    ----------
    t : float
        0 gives z1 and 1 gives z2, exactly.
    """
    t = real_scalar(t, "t")
    return _linear("lerp", ("z1", "z2"), (1.0 - t, t), {"t": t})


def barycenter(weights: Any) -> Operation:
    """The n-point interpolation ``sum_i weights[i] * z_i`` with weights that sum to 1.

    Parameters
    ----------
    weights : array_like
        1-D, finite, of sum 1 (within 1e-9; negative weights extrapolate).

    Raises
    ------
    ValueError
        Where the weights do not sum to 1: use `linear` for those.
    """
    w = weight_vector(weights)
    total = math.fsum(w)
    if abs(total - 1.0) > _SUM_SLACK:
        raise ValueError(
            f"weights must sum to 1, got {total:.12g}; divide them by their sum, or use "
            "otmaps.linear(weights) for any other combination."
        )
    return _linear("barycenter", _numbered(len(w)), w, {"weights": w})


def vicinity(eps: float = 0.5) -> Operation:
    """A latent near the first: ``z + eps * u``, u a fresh draw (``inputs=`` names its law).

    Parameters
    ----------
    eps : float
        The size of the step; 0 gives z exactly.
    """
    eps = real_scalar(eps, "eps")
    return _linear("vicinity", ("z", "u"), (1.0, eps), {"eps": eps})


def analogy() -> Operation:
    """The analogy z1 : z2 = z3 : y, ``y = z3 + (z2 - z1)``."""
    return _linear("analogy", _numbered(3), (-1.0, 1.0, 1.0), {})


def slerp(t: float = 0.5, *, axis: int = -1) -> Operation:
    """Spherical interpolation along the great circle, raw only (it mixes components).

    Parameters
    ----------
    t : float
        0 gives z1 and 1 gives z2, exactly.
    axis : int
        The axis that holds the components of one latent.

    Notes
    -----
    Shoemake (1985). Each latent of a batch has its own angle. Where the two latents are parallel
    or one is zero the formula tends to linear interpolation, which is used there; for opposite
    latents the great circle is not determined, and the result is linear interpolation too.
    """
    t = real_scalar(t, "t")
    if isinstance(axis, bool) or not isinstance(axis, int):
        raise TypeError(f"axis must be an int, got {axis!r}.")
    bound = types.MappingProxyType({"t": t, "axis": axis})
    return Operation("slerp", ("z1", "z2"), bound, _slerp, pointwise=False)


def _slerp(z1: AnyFloatArray, z2: AnyFloatArray, *, t: float, axis: int) -> AnyFloatArray:
    shape = np.broadcast_shapes(z1.shape, z2.shape)
    if not shape:
        raise ValueError("slerp needs latents with at least one axis, got numbers.")
    if not -len(shape) <= axis < len(shape):
        raise ValueError(f"axis={axis} is out of range for latents of shape {shape}.")
    a, b = np.broadcast_to(z1, shape), np.broadcast_to(z2, shape)
    if t in (0.0, 1.0):
        return np.array(a if t == 0.0 else b)
    with np.errstate(all="ignore"):
        n1 = np.sqrt(np.sum(np.square(a, dtype=float), axis=axis, keepdims=True))
        n2 = np.sqrt(np.sum(np.square(b, dtype=float), axis=axis, keepdims=True))
        cosine = np.clip(np.sum(a / n1 * (b / n2), axis=axis, keepdims=True), -1.0, 1.0)
        angle = np.arccos(cosine)
        sine = np.sin(angle)
        w1, w2 = np.sin((1.0 - t) * angle) / sine, np.sin(t * angle) / sine
    straight = ~(sine > 1e-6)  # NaN, from a zero latent, counts as straight
    w1, w2 = np.where(straight, 1.0 - t, w1), np.where(straight, t, w2)
    return np.asarray(w1 * a + w2 * b)


_FACTORIES: dict[str, Callable[..., Operation]] = {
    "linear": linear,
    "lerp": lerp,
    "barycenter": barycenter,
    "vicinity": vicinity,
    "analogy": analogy,
    "slerp": slerp,
}
for _name, _factory in _FACTORIES.items():
    register_built_in(_name, _factory)
