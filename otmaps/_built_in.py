"""The built-in operations: linear combinations of latents, and slerp.

t = 0 is the first latent and t = 1 the second, as in torch.lerp and every slerp in use (the
paper's t runs the other way).
"""

from __future__ import annotations

import math
import types
from collections.abc import Callable
from typing import Any

from otmaps._arrays import real_scalar, weight_vector
from otmaps._great_arc import slerp_arrays
from otmaps._latent_axes import Axis, checked_axis
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

    Examples
    --------
    >>> import otmaps
    >>> otmaps.linear([2.0, -1.0]).raw(3.0, 1.0)
    5.0
    """
    w = weight_vector(weights)
    return _linear("linear", _numbered(len(w)), w, {"weights": w})


def lerp(t: float = 0.5) -> Operation:
    """Linear interpolation ``(1 - t) z1 + t z2``; t outside [0, 1] extrapolates.

    Parameters
    ----------
    t : float
        0 gives z1 and 1 gives z2, exactly.

    Examples
    --------
    >>> import otmaps
    >>> otmaps.lerp(0.25).raw(0.0, 4.0)
    1.0
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

    Examples
    --------
    >>> import otmaps
    >>> otmaps.barycenter([0.5, 0.25, 0.25]).raw(4.0, 0.0, 8.0)
    4.0
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

    Examples
    --------
    >>> import otmaps
    >>> otmaps.vicinity(0.5).raw(1.0, -2.0)
    0.0
    """
    eps = real_scalar(eps, "eps")
    return _linear("vicinity", ("z", "u"), (1.0, eps), {"eps": eps})


def analogy() -> Operation:
    """The analogy z1 : z2 = z3 : y, ``y = z3 + (z2 - z1)``.

    Examples
    --------
    >>> import otmaps
    >>> otmaps.analogy().raw(1.0, 2.0, 5.0)
    6.0
    """
    return _linear("analogy", _numbered(3), (-1.0, 1.0, 1.0), {})


def slerp(t: float = 0.5, *, axis: Axis = -1) -> Operation:
    """Spherical interpolation along the great circle; it mixes the components of a latent.

    `otmaps.match` takes it with an isotropic prior, such as ``otmaps.StandardNormal(512)``.

    Parameters
    ----------
    t : float
        0 gives z1 and 1 gives z2, exactly.
    axis : int or tuple of int
        The axis, or the axes, that hold the components of one latent.

    Notes
    -----
    Shoemake (1985). Each latent of a batch has its own angle. Where the two latents are parallel
    or one is zero the formula tends to linear interpolation, which is used there; for opposite
    latents (to 16 units in the last place) the great circle is not determined, and the result is
    linear interpolation too.

    Examples
    --------
    >>> import numpy, otmaps
    >>> otmaps.slerp(0.5).raw([1.0, 0.0], [0.0, 1.0]).round(6)
    array([0.707107, 0.707107])
    """
    t = real_scalar(t, "t")
    bound = types.MappingProxyType({"t": t, "axis": checked_axis(axis)})
    return Operation("slerp", ("z1", "z2"), bound, slerp_arrays, pointwise=False)


def is_slerp(op: Operation) -> bool:
    """Whether an operation is the built-in slerp."""
    return op.function is slerp_arrays


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
