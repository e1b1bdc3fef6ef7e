"""Matched operations for isotropic priors: the norm of the result is bent, its direction kept."""

from __future__ import annotations

import dataclasses
import functools
import math
import warnings
from collections.abc import Mapping, Sequence
from typing import Any, final

import numpy as np

from otmaps._arrays import AnyFloatArray, checked_out, half_dtype, narrowed
from otmaps._backends import (
    ArrayBackend,
    Backend,
    backend_of,
    refuse_out,
    refuse_threads,
    run_linear,
)
from otmaps._built_in import is_slerp, linear
from otmaps._errors import AccuracyWarning, UnservedError
from otmaps._estimators import MORE_EFFORT, Estimator, is_automatic
from otmaps._estimators._norms import (
    closed_form_law,
    isotropic_inputs,
    isotropic_law,
    refuses_isotropic,
)
from otmaps._great_arc import GreatArc, combined
from otmaps._isotropic import Isotropic, Radial, is_constant
from otmaps._latent_axes import Axis, as_rows, checked_axis, from_rows
from otmaps._linearity import Linear
from otmaps._map import MonotoneMap
from otmaps._map_between import build_map
from otmaps._map_exact import affine_between
from otmaps._notebook import matched_isotropic_html
from otmaps._operations import Operation
from otmaps._parts import checked_threads
from otmaps._radial_map import RadialMap, whole_latents
from otmaps._radial_steps import Rows
from otmaps._stores import Store
from otmaps._table import fetch_map, joined_recipe

_LAST: Axis = -1


@final
@dataclasses.dataclass(frozen=True, eq=False)
class MatchedIsotropicOperation:
    """An operation whose result follows an isotropic prior again; made by `match`.

    Call it with the latents, of shapes that broadcast; the result has their dtype and is an array
    of their library, on their device.

    Attributes
    ----------
    operation : Operation
    target : Isotropic
        The prior.
    inputs : tuple of Isotropic
        The law of each latent.
    map : RadialMap
        The map that is applied to the raw result, with its error.
    method : str or Estimator
        How the law of the raw result was asked for.

    Examples
    --------
    >>> import numpy, otmaps
    >>> prior = otmaps.Sphere(16)
    >>> m = otmaps.match(otmaps.lerp(0.3), prior, store=None)
    >>> z1, z2 = prior.rvs((2, 3), random_state=0)
    >>> numpy.linalg.norm(m(z1, z2), axis=1).round(12)
    array([1., 1., 1.])
    """

    operation: Operation
    target: Isotropic
    inputs: tuple[Isotropic, ...]
    map: RadialMap
    method: str | Estimator = "auto"

    @property
    def axis(self) -> Axis:
        """The axis, or the axes, that hold the components of a latent."""
        return self.map.axis

    def __call__(self, *z: Any, out: AnyFloatArray | None = None, threads: int = 1) -> Any:
        """The matched result.

        Slerp and its map are two passes over memory: inner products, and one combination with
        weights that hold the map. A linear operation whose map is a constant factor, as for normal
        priors, is one pass.

        Parameters
        ----------
        *z : array_like
            The latents.
        out : ndarray, optional
            Where to write the result: of its shape and dtype.
        threads : int
            How many threads may share a linear operation on a large array.

        Returns
        -------
        ndarray
            ``map(operation.raw(*z))``.
        """
        checked_threads(threads)
        backend = backend_of(z)
        if backend is not None:
            return self._elsewhere(backend, z, out, threads)
        half = half_dtype(*z)
        if half is not None:
            return narrowed(self(*(x.astype(np.float32) for x in z), threads=threads), half, out)
        arrays = self._checked(z)
        if is_slerp(self.operation) and self.operation.parameters["t"] not in (0.0, 1.0):
            return self._along_arc(arrays, out)
        form, line = self.operation.linear, self._line
        if form is None or not all(form.weights):
            raw = np.asarray(self.operation.raw(*arrays))
        elif line is not None:
            return line.at_sum(form, arrays, out, threads)
        else:
            raw = _IDENTITY.at_sum(form, arrays, None, threads)
        if self.map.kind != "identity":
            return self.map(raw, out=raw if out is None else out)
        if out is None:
            return raw
        checked_out(out, raw)[...] = raw
        return out

    def raw(self, *z: Any) -> Any:
        """The unmatched result."""
        return self.operation.raw(*z)

    @functools.cached_property
    def source(self) -> Isotropic:
        """The law of the raw result (computed anew where the map came from a store)."""
        norms = self.map.norms
        if norms is not None and norms.source is not None:
            return Radial(self.target.dim, norms.source)
        return isotropic_law(self.operation, self.inputs, self.method, 1e-12)

    @functools.cached_property
    def _line(self) -> MonotoneMap | None:
        """The map of components, where it is a constant factor."""
        factor = self.map.constant_factor
        return (
            None if factor is None else dataclasses.replace(_IDENTITY, kind="affine", scale=factor)
        )

    def _checked(self, z: tuple[Any, ...]) -> list[AnyFloatArray]:
        arrays = self.operation.arrays(*z)
        self.map.check_shape(np.broadcast_shapes(*(a.shape for a in arrays)))
        return arrays

    def _along_arc(self, arrays: list[AnyFloatArray], out: AnyFloatArray | None) -> Any:
        shape = np.broadcast_shapes(*(a.shape for a in arrays))
        a, b = (as_rows(np.broadcast_to(z, shape), self.axis) for z in arrays)
        arc = GreatArc.of(a, b)
        weights = arc.weights(float(self.operation.parameters["t"]))
        weights *= self.map.factors(arc.norm(weights))[:, None]
        result = from_rows(combined(a, b, weights, np.result_type(a, b)), self.axis, shape)
        if out is None:
            return result
        checked_out(out, result)[...] = result
        return out

    def _elsewhere(self, backend: Backend, z: Any, out: Any, threads: int) -> Any:
        """Arrays of other libraries, by their own steps."""
        refuse_out(out)
        if threads > 1:
            refuse_threads(backend)
        self.operation.check_count(z)
        shape = np.broadcast_shapes(*(tuple(getattr(x, "shape", ())) for x in z))
        self.map.check_shape(shape)
        form, factor = self.operation.linear, self.map.constant_factor
        if form is not None and factor is not None:
            scaled = Linear(tuple(factor * w for w in form.weights))
            public = linear(scaled.weights).raw  # blocks of a Dask array hold parts of latents
            return backend.compute(public, lambda _, a: run_linear(scaled, a), z)
        if not isinstance(backend, ArrayBackend):
            raise whole_latents(backend)

        def steps(library: ArrayBackend, arrays: Sequence[Any]) -> Any:
            if form is not None:
                y = run_linear(form, arrays)
                return Rows.of(library, y, self.axis).scaled(y, self.map.bent_elsewhere)
            xp, t = library.namespace(arrays[0]), float(self.operation.parameters["t"])
            a, b = (xp.broadcast_to(x, shape) for x in arrays)
            if t in (0.0, 1.0) and self.map.kind == "identity":
                return b if t else a
            return Rows.of(library, a, self.axis).along_arc(t, a, b, self.map.bent_elsewhere)

        return backend.compute(self, steps, z)

    def _repr_html_(self) -> str:
        return matched_isotropic_html(self)

    def __repr__(self) -> str:
        return (
            f"MatchedIsotropicOperation({self.operation!r}, prior={self.target!r}, "
            f"map={self.map.kind}, error={self.map.error:.1e})"
        )


_IDENTITY = MonotoneMap(
    kind="identity",
    domain=(-math.inf, math.inf),
    error=0.0,
    error_u=0.0,
    tol=0.0,
    support=(-math.inf, math.inf),
    limits=(-math.inf, math.inf),
)


def match_isotropic(
    op: Operation,
    prior: Isotropic,
    *,
    inputs: Mapping[str, Any] | Sequence[Any] | None,
    method: str | Estimator,
    tol: float,
    axis: Axis | None,
    shelf: Store | None,
) -> MatchedIsotropicOperation:
    """`match` for an isotropic prior, on checked arguments."""
    laws = isotropic_inputs(op, prior, inputs)
    place = _axis_of(op, axis)
    reason = refuses_isotropic(op)
    if reason is not None:
        raise UnservedError(reason)
    radius, closed = is_constant(prior.norm), closed_form_law(op, laws)
    if closed == prior:
        found = RadialMap(prior.dim, _IDENTITY, axis=place)
        return MatchedIsotropicOperation(op, prior, laws, found, method)
    if radius is not None:
        found = RadialMap(prior.dim, None, radius, place)
        return MatchedIsotropicOperation(op, prior, laws, found, method)

    def build() -> MonotoneMap:
        law = isotropic_law(op, laws, method, min(1e-12, 1e-3 * tol))
        return build_map(law.norm, prior.norm, tol)

    recipe = (
        None
        if shelf is None or _is_quick(op, laws, prior)
        else _recipe(op, laws, prior, method, tol)
    )
    norms = build() if shelf is None or recipe is None else fetch_map(shelf, recipe, build)
    if not norms.error <= tol and is_automatic(method):
        warnings.warn(
            f"the map of the norms of {op!r} is known to {norms.error:.1e}, not to tol={tol:g}. "
            f"{MORE_EFFORT}",
            AccuracyWarning,
            stacklevel=3,
        )
    return MatchedIsotropicOperation(
        op, prior, laws, RadialMap(prior.dim, norms, axis=place), method
    )


def _axis_of(op: Operation, axis: Any) -> Axis:
    """The axis of a latent: that of the operation, where it has one."""
    own = op.parameters["axis"] if is_slerp(op) else None
    if axis is None:
        return _LAST if own is None else own
    given = checked_axis(axis)
    if own is not None and own not in (given, _LAST):
        raise ValueError(
            f"{op!r} has axis={own}, and axis={axis} was given; name the axis of a latent once."
        )
    return given


def is_closed(op: Operation, laws: tuple[Isotropic, ...], prior: Isotropic) -> bool:
    """Whether the map is the identity, a constant factor or one to a sphere, by closed forms."""
    return is_constant(prior.norm) is not None or _is_quick(op, laws, prior)


def _is_quick(op: Operation, laws: tuple[Isotropic, ...], prior: Isotropic) -> bool:
    """Whether the map is a constant factor in closed form, which costs less than to look it up."""
    law = closed_form_law(op, laws)
    return law is not None and affine_between(law.norm, prior.norm) is not None


def _recipe(
    op: Operation,
    laws: tuple[Isotropic, ...],
    prior: Isotropic,
    method: str | Estimator,
    tol: float,
) -> dict[str, Any] | None:
    """What rebuilds the map of the norms, in JSON types; None where a law has no recipe."""
    operation = op.recipe()
    if is_slerp(op):
        operation = {"operation": "slerp", "t": float(op.parameters["t"]).hex()}
    recipes = [law.recipe() for law in laws]
    return joined_recipe(operation, prior.recipe(), recipes, method=method, tol=tol)
