"""The isotropic law of what an operation makes of isotropic latents."""

from __future__ import annotations

import functools
import math
import types
from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeAlias

import numpy as np

from otmaps._arrays import FloatArray
from otmaps._built_in import is_slerp
from otmaps._distribution import Distribution
from otmaps._errors import UnservedError
from otmaps._estimators._auto import Auto
from otmaps._estimators._ball_norms import two_balls
from otmaps._estimators._base import Estimator
from otmaps._estimators._inputs import named_inputs
from otmaps._estimators._pair_norms import PairNorm
from otmaps._isotropic import (
    Isotropic,
    MultivariateT,
    Radial,
    Sphere,
    ball_radius,
    is_constant,
    normal_scale,
    t_scale,
)
from otmaps._one_sided_priors import Beta, Gamma
from otmaps._operations import Operation
from otmaps._radii import Chi

Terms: TypeAlias = list[tuple[float, Isotropic]]

_SHARE = 0.3  # of the tolerance, where a law is made in two steps


def isotropic_law(
    op: Operation, inputs: Sequence[Isotropic], method: str | Estimator, tol: float
) -> Isotropic:
    """The law of the result; its norm's error is stated by the law of the norm."""
    reason = refuses_isotropic(op)
    if reason is not None:
        raise UnservedError(reason)
    dim = inputs[0].dim
    if isinstance(method, Estimator) and not isinstance(method, Auto):
        return Radial(dim, _by_scalars(op, inputs, method, tol))
    if is_slerp(op):
        return _slerp_law(float(op.parameters["t"]), inputs[0], inputs[1], op, tol)
    return _linear_law(_terms(op, inputs), op, tol)


def closed_form_law(op: Operation, inputs: Sequence[Isotropic]) -> Isotropic | None:
    """The law of the result where it is one of a family, up to a factor; else None."""
    if is_slerp(op):
        t, radius = float(op.parameters["t"]), _common_radius(*inputs)
        if t in (0.0, 1.0):
            return inputs[int(t)]
        return None if radius is None else Sphere(inputs[0].dim, radius)
    return None if op.linear is None else _closed_sum(_terms(op, inputs))


def isotropic_inputs(
    op: Operation, prior: Isotropic, inputs: Mapping[str, Any] | Sequence[Any] | None
) -> tuple[Isotropic, ...]:
    """One isotropic law for each latent: the prior where ``inputs`` names no other."""
    laws = named_inputs(op, inputs)
    for law in laws:
        if law is None:
            continue
        if not isinstance(law, Isotropic):
            raise TypeError(
                f"inputs must be isotropic laws, like the prior {prior!r}, got "
                f"{type(law).__name__}; mixed kinds are not served."
            )
        if law.dim != prior.dim:
            raise ValueError(
                f"inputs must have the {prior.dim} dimensions of the prior, got {law.dim}."
            )
    return tuple(prior if law is None else law for law in laws)


def refuses_isotropic(op: Operation) -> str | None:
    """Why an operation does not turn with its latents; None where it does."""
    if is_slerp(op):
        return None
    if op.linear is None:
        return (
            f"operation {op.name!r} is not known to turn with its latents: an isotropic prior "
            "serves linear operations and otmaps.slerp. For a pointwise operation on independent "
            "components give the law of one component, such as otmaps.Normal()."
        )
    if op.linear.offset != 0.0:
        return (
            f"operation {op.name!r} adds {op.linear.offset:g} to every component, so that its "
            "result is not isotropic."
        )
    if not any(op.linear.weights):
        return f"all weights of {op.name!r} are 0, so that its result is a constant."
    return None


def _terms(op: Operation, inputs: Sequence[Isotropic]) -> Terms:
    if op.linear is None:
        raise UnservedError(f"operation {op.name!r} is not linear.")
    pairs = zip(op.linear.weights, inputs, strict=True)
    return [(abs(weight), law) for weight, law in pairs if weight != 0.0]


def _closed_sum(terms: Terms) -> Isotropic | None:
    """The law of a sum where it is in a family that is closed under sums."""
    dim = terms[0][1].dim
    if len(terms) == 1:
        weight, law = terms[0]
        return law if weight == 1.0 else law.scaled(weight)
    normals = [normal_scale(law) for _, law in terms]
    if None not in normals:
        scale = math.hypot(*(w * s for (w, _), s in zip(terms, normals, strict=True) if s))
        return Radial(dim, Chi(float(dim), 0.0, scale))
    students = [t_scale(law) for _, law in terms]
    if all(found is not None and found[0] == 1.0 for found in students):
        scale = math.fsum(
            w * found[1] for (w, _), found in zip(terms, students, strict=True) if found
        )
        return MultivariateT(dim, 1.0, scale)
    return None


def _linear_law(terms: Terms, op: Operation, tol: float) -> Isotropic:
    """Closed forms first; what is left goes two by two."""
    dim = terms[0][1].dim
    closed = _closed_sum(terms)
    if closed is not None:
        return closed
    normals = [normal_scale(law) for _, law in terms]
    students = [t_scale(law) for _, law in terms]
    if all(a is not None or b is not None for a, b in zip(normals, students, strict=True)):
        return Radial(dim, _mixture_norm(dim, terms, tol))
    if dim == 1:
        return Radial(dim, _folded(terms, op, tol))
    constants = [is_constant(law.norm) for _, law in terms]
    if len(terms) == 2 and None not in constants:
        a, b = (w * c for (w, _), c in zip(terms, constants, strict=True) if c is not None)
        return Radial(dim, _two_spheres(dim, a, b, tol))
    return Radial(dim, _folding(dim, terms, op, tol))


def _mixture_norm(dim: int, terms: Terms, tol: float) -> Distribution:
    """Of normal vectors with random scales: the norm of one with the sum of the squares as scale.

    A multivariate t vector is a normal one over the root of x / df, x chi-square, so the norm is
    the root of a chi-square of ``dim`` degrees times the sum of w^2 df / x.
    """
    fixed, shares, laws = 0.0, [], []
    for weight, law in terms:
        scale, found = normal_scale(law), t_scale(law)
        if scale is not None:
            fixed += (weight * scale) ** 2
        elif found is not None:
            df, scale = found
            shares.append((weight * scale) ** 2 * df)
            laws.append(Gamma(0.5 * df, 0.0, 2.0))

    def norm(square: Any, *x: Any) -> Any:
        total = fixed + sum(share / one for share, one in zip(shares, x, strict=True))
        return np.sqrt(square * total)

    return _by_engine("norm", norm, (Gamma(0.5 * dim, 0.0, 2.0), *laws), tol)


def _two_spheres(dim: int, a: float, b: float, tol: float) -> Distribution:
    """N^2 = (a - b)^2 + 4 a b B, where 2 B - 1 is the cosine of independent directions."""
    half = 0.5 * (dim - 1.0)

    def norm(part: Any) -> Any:
        return np.sqrt((a - b) ** 2 + 4.0 * a * b * part)

    return _by_engine("norm", norm, (Beta(half, half),), tol)


def _folding(dim: int, terms: Terms, op: Operation, tol: float) -> Distribution:
    """Two by two: a sum of isotropic vectors is isotropic again."""
    balls = [ball_radius(law) for _, law in terms]
    parts = [law if w == 1.0 else law.scaled(w) for w, law in terms]
    norms = [law.norm for law in parts]
    if balls[0] is not None and balls[1] is not None:
        norms[:2] = [two_balls(dim, terms[0][0] * balls[0], terms[1][0] * balls[1], tol)]
    while len(norms) > 1:
        if any(norm.atoms for norm in norms[:2]):
            return _by_scalars(op, parts, Auto(), tol, [1.0] * len(parts))
        norms[:2] = [PairNorm(dim, norms[0], norms[1]).law(_SHARE * tol, "quadrature of the norm")]
    return norms[0]


def _folded(terms: Terms, op: Operation, tol: float) -> Distribution:
    """In one dimension the norm is the size of a sum of scalars."""
    laws = [law.component for _, law in terms]
    known = [law for law in laws if law is not None]
    if len(known) < len(laws):
        raise UnservedError(
            f"the law of the component of a latent of {op.name!r} in one dimension is not known; "
            "give the prior as a law of one component, not as an isotropic one."
        )
    weights = [w for w, _ in terms]

    def size(*x: Any) -> Any:
        return np.abs(sum(w * one for w, one in zip(weights, x, strict=True)))

    return _by_engine("size", size, tuple(known), tol)


def _slerp_law(
    t: float, first: Isotropic, second: Isotropic, op: Operation, tol: float
) -> Isotropic:
    if t in (0.0, 1.0):
        return second if t else first
    dim = first.dim
    if dim == 1:  # latents in one dimension are parallel or opposite
        return Radial(dim, _folded([(abs(1.0 - t), first), (abs(t), second)], op, tol))
    radius = _common_radius(first, second)
    if radius is not None:
        return Sphere(dim, radius)
    if any(law.norm.atoms for law in (first, second)):
        return Radial(dim, _by_scalars(op, (first, second), Auto(), tol))
    pair = PairNorm(dim, first.norm, second.norm, slerp=t)
    return Radial(dim, pair.law(tol, "quadrature of the norm"))


def _common_radius(first: Isotropic, second: Isotropic) -> float | None:
    """The radius of the sphere that both laws live on, in two dimensions and more; else None."""
    radius = is_constant(first.norm)
    same = first.dim > 1 and radius is not None and radius == is_constant(second.norm)
    return radius if same else None


def _by_engine(
    name: str, function: Callable[..., Any], laws: tuple[Distribution, ...], tol: float
) -> Distribution:
    """The law of a function of independent numbers, by the automatic choice."""
    names = tuple(f"x{i + 1}" for i in range(len(laws)))
    scalar = Operation(name, names, types.MappingProxyType({}), function)
    with np.errstate(all="ignore"):
        law = Auto().attempt(scalar, laws, tol)
    if isinstance(law, str):
        raise UnservedError(law)
    return law


def _by_scalars(
    op: Operation,
    inputs: Sequence[Isotropic],
    method: Estimator,
    tol: float,
    weights: Sequence[float] | None = None,
) -> Distribution:
    """The norm as a function of the norms and of the cosines of independent directions."""
    dim, count = inputs[0].dim, len(inputs)
    if dim == 1:
        raise UnservedError("in one dimension method= is not served; give a law of one component.")
    if is_slerp(op):
        t = float(op.parameters["t"])
        function: Callable[..., Any] = functools.partial(_slerp_norm, t)
    else:
        if weights is None:
            weights = [abs(w) for w in op.linear.weights] if op.linear else []
        function = functools.partial(_linear_norm, tuple(weights))
    half = 0.5 * (dim - 1.0)
    laws = [*(law.norm for law in inputs), *([Beta(half, half)] * (count - 1))]
    names = tuple(f"x{i + 1}" for i in range(len(laws)))
    scalar = Operation(f"norm of {op.name}", names, types.MappingProxyType({}), function)
    with np.errstate(all="ignore"):
        law = method.attempt(scalar, tuple(laws), tol)
    if isinstance(law, str):
        raise UnservedError(f"{method.name} does not serve the norm of {op.name!r}: {law}.")
    return law


def _linear_norm(weights: tuple[float, ...], *x: Any) -> Any:
    """Vectors are added one by one; parts are (1 + cosine) / 2 to the sum so far."""
    count = len(weights)
    total = weights[0] * x[0]
    for k in range(1, count):
        other = weights[k] * x[k]
        total = np.sqrt((total - other) ** 2 + 4.0 * total * other * x[count + k - 1])
    return total


def _slerp_norm(t: float, first: FloatArray, second: FloatArray, part: FloatArray) -> FloatArray:
    half = np.arccos(np.sqrt(np.clip(part, 1e-300, 1.0 - 2.0**-53)))  # of the angle
    sine = np.sin(2.0 * half)
    p, q = np.sin((1.0 - t) * 2.0 * half) / sine, np.sin(t * 2.0 * half) / sine
    near, far = (p * first + q * second) * np.cos(half), (p * first - q * second) * np.sin(half)
    return np.asarray(np.hypot(near, far))
