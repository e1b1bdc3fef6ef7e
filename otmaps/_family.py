"""Families: matched operations for any value of a parameter, in microseconds each."""

from __future__ import annotations

import dataclasses
import functools
import types
from collections.abc import Callable, Mapping, Sequence
from typing import Any, final

import numpy as np
import numpy.typing as npt

from otmaps._arrays import FloatArray
from otmaps._backends import ArrayBackend, backend_of, refuse_out
from otmaps._distribution import Distribution
from otmaps._estimators import Estimator, compute_law, input_laws
from otmaps._family_build import family_domain
from otmaps._family_charts import Chart, Point, Weights
from otmaps._family_panels import Panel
from otmaps._map import MonotoneMap
from otmaps._map_between import build_map
from otmaps._matched_operation import MatchedOperation
from otmaps._notebook import family_html
from otmaps._operations import Operation

_CERTIFIED = ("error", "error_u", "outer_error", "derivative_error")


@final
@dataclasses.dataclass(frozen=True, eq=False)
class Family:
    """Matched operations for all values of a parameter in a range; made by `family`.

    ``family(0.3)`` is the matched operation at 0.3. It takes no law, no quadrature and no store:
    the cells of a map, and the polynomials in them, are interpolated in the parameter.

    Attributes
    ----------
    parameters : mapping
        The range of each parameter, or the length of a vector of weights.
    target : Distribution
        The prior.
    tol : float
        What was asked for.
    error, error_u, outer_error, derivative_error : float
        As of `MonotoneMap`, for every map of the family: twice the largest ones measured at
        parameters between those that the family was made from.
    panels : int
        The ranges of parameters with common cells.

    Examples
    --------
    >>> import otmaps
    >>> blends = otmaps.family(otmaps.lerp, "normal", t=(0, 1))
    >>> round(blends(0.5)(1.0, 1.0), 6), blends.error <= 1e-9
    (1.414214, True)
    """

    make: Callable[..., Operation] = dataclasses.field(repr=False)
    chart: Chart = dataclasses.field(repr=False)
    target: Distribution
    tol: float
    method: str | Estimator = dataclasses.field(repr=False)
    inputs: Mapping[str, Any] | Sequence[Any] | None = dataclasses.field(repr=False)
    pieces: tuple[Panel, ...] = dataclasses.field(repr=False)
    unit: tuple[float, float] = dataclasses.field(repr=False)
    mirrored: bool = dataclasses.field(default=False, repr=False)
    exact: Mapping[Point, MonotoneMap] = dataclasses.field(default_factory=dict, repr=False)

    @property
    def parameters(self) -> Mapping[str, Any]:
        """The range of each parameter, or the length of a vector of weights."""
        if isinstance(self.chart, Weights):
            return types.MappingProxyType({self.chart.name: self.chart.length})
        return types.MappingProxyType(dict(zip(self.chart.names, self.chart.box, strict=True)))

    @property
    def panels(self) -> int:
        """The number of boxes of parameters with common cells; 0 where every map is affine."""
        return len(self.pieces)

    @property
    def error(self) -> float:
        """The largest error of a map of the family."""
        return self._largest("error")

    @property
    def error_u(self) -> float:
        """The largest error in probability of a map of the family."""
        return self._largest("error_u")

    @property
    def outer_error(self) -> float:
        """The largest error beyond the domain."""
        return self._largest("outer_error")

    @property
    def derivative_error(self) -> float:
        """The largest error of the logarithm of a derivative."""
        return self._largest("derivative_error")

    def _largest(self, name: str) -> float:
        which = _CERTIFIED.index(name)
        stated = [piece.errors[which] for piece in self.pieces]
        return max([*stated, *(getattr(m, name) for m in self.exact.values())], default=0.0)

    def __call__(self, *values: Any, **parameters: Any) -> MatchedOperation:
        """The matched operation at these parameters.

        Parameters
        ----------
        *values, **parameters
            The parameters, by position or by name.

        Returns
        -------
        MatchedOperation
            Its ``map.error`` holds for these parameters. At an end of the range where the operation
            gives back one of its latents, the map is the identity, exactly.

        Raises
        ------
        ValueError
            For values outside of the range of the family.
        """
        named = self._named(values, parameters)
        op = self.make(**named)
        laws = input_laws(op, self.target, self.inputs)
        return MatchedOperation(op, self.target, laws, self._map(named, op), self.method)

    def _repr_html_(self) -> str:
        return family_html(self)

    def map(self, *values: Any, **parameters: Any) -> MonotoneMap:
        """The map at these parameters: ``family(...).map``."""
        named = self._named(values, parameters)
        return self._map(named, self.make(**named))

    def path(
        self, *z: Any, out: npt.NDArray[Any] | None = None, threads: int = 1, **parameters: Any
    ) -> Any:
        """The matched results along a path of parameters: the frames of an animation.

        Parameters
        ----------
        *z : array_like
            The latents, of shapes that broadcast.
        out : ndarray, optional
            Where to write the result, for NumPy arrays: of its shape and dtype, contiguous.
        threads : int
            As of `MatchedOperation`.
        **parameters
            One value for each frame, in one axis, or one value for all frames.

        Returns
        -------
        array
            Of shape ``(frames, *shape)``, where shape is that of the latents.

        Examples
        --------
        >>> import numpy, otmaps
        >>> blends = otmaps.family(otmaps.lerp, otmaps.Uniform(-1, 1), t=(0, 0.4), tol=1e-6)
        >>> z1, z2 = numpy.random.default_rng(0).uniform(-1, 1, (2, 5, 64))
        >>> blends.path(z1, z2, t=numpy.linspace(0, 0.4, 24)).shape
        (24, 5, 64)
        """
        frames = self._frames(parameters)
        backend = backend_of(z)
        if backend is not None:
            refuse_out(out)
            results = [self(**frame)(*z, threads=threads) for frame in frames]
            if not isinstance(backend, ArrayBackend):
                raise TypeError(f"paths of {backend.name} arrays are not known; take map(...).")
            return backend.namespace(results[0]).stack(results)
        first = self(**frames[0])(*z, threads=threads)
        shape = (len(frames), *np.shape(first))
        dtype = np.asarray(first).dtype
        if out is None:
            out = np.empty(shape, dtype)
        elif out.shape != shape or out.dtype != dtype:
            raise ValueError(
                f"out must have the shape {shape} and the dtype {dtype}, got {out.shape} and "
                f"{out.dtype}."
            )
        out[0] = first
        for i, frame in enumerate(frames[1:], 1):
            matched = self(**frame)
            out[i] = (
                matched(*z, threads=threads)
                if not shape[1:]
                else matched(*z, out=out[i], threads=threads)
            )
        return out

    def per_sample(self, *z: Any, **parameters: Any) -> Any:
        """The matched results with an own parameter for each latent of a batch.

        Parameters
        ----------
        *z : array_like
            The latents, of one shape, with the batch in the first axis.
        **parameters
            One value for each latent of the batch: of shape (batch,), or with further axes of
            length 1, such as (batch, 1, 1, 1). Or one value for all.

        Returns
        -------
        array
            Of the shape of the latents. Equal parameters share a map.
        """
        shapes = {tuple(np.shape(x)) for x in z}
        if len(shapes) != 1 or not min(shapes):
            raise ValueError(
                f"the latents must have one shape, with the batch in the first axis, got {shapes}."
            )
        ((batch, *_),) = shapes
        rows = self._frames(
            {name: _column(value, batch) for name, value in parameters.items()}, batch
        )
        made: dict[tuple[Any, ...], MatchedOperation] = {}
        results = []
        for i, row in enumerate(rows):
            key = tuple(map(_hashable, row.values()))
            matched = made.get(key)
            if matched is None:
                matched = made[key] = self(**row)
            results.append(matched(*(x[i, ...] for x in z)))
        backend = backend_of(z)
        if isinstance(backend, ArrayBackend):
            return backend.namespace(results[0]).stack(results)
        return np.stack(results)

    def _named(self, values: tuple[Any, ...], parameters: dict[str, Any]) -> dict[str, Any]:
        names = self.chart.names
        named = dict(zip(names, values, strict=False)) | parameters
        clash = len(values) > len(names) or any(n in parameters for n in names[: len(values)])
        if clash or named.keys() != set(names):
            raise TypeError(
                f"the family takes {', '.join(names)}; got {len(values)} by position"
                + (f" and {', '.join(parameters)}" if parameters else "")
                + "."
            )
        return named

    def _frames(self, parameters: dict[str, Any], count: int | None = None) -> list[dict[str, Any]]:
        """The parameters of each frame."""
        named = self._named((), parameters)
        vectors = isinstance(self.chart, Weights)
        axes = 2 if vectors else 1
        arrays = {n: np.asarray(v, dtype=np.float64) for n, v in named.items()}
        lengths = {len(a) for a in arrays.values() if a.ndim == axes}
        lengths |= {count} if count is not None else set()
        wrong = [n for n, a in arrays.items() if a.ndim not in {axes - 1, axes}]
        if wrong or len(lengths) != 1 or 0 in lengths:
            raise ValueError(
                "give one value for each frame, as many for every parameter, or one value for all "
                f"of them; got the shapes {[a.shape for a in arrays.values()]}."
            )
        (length,) = lengths
        plain = {n: a.tolist() for n, a in arrays.items()}
        return [
            {n: v[i] if arrays[n].ndim == axes else v for n, v in plain.items()}
            for i in range(int(length))
        ]

    def _map(self, named: Mapping[str, Any], op: Operation) -> MonotoneMap:
        point, factor = self.chart.point(named)
        if not self.pieces:
            return build_map(self._law(op), self.target, self.tol, self.unit)
        known = self.exact.get(point)
        if known is not None and factor == 1.0:
            return known
        if any(x in ends for x, ends in zip(point, self.chart.box, strict=True)):
            form = op.linear
            if form is not None and sum(w != 0.0 for w in form.weights) == 1:
                return build_map(self._law(op), self.target, self.tol, self.unit)
        if self.mirrored:
            (low, high), (t,) = self.chart.box[0], point
            point = (min(t, low + high - t),)
        lows, highs = self._corners
        inside = np.logical_and.reduce((lows <= point) & (highs >= point), axis=1)
        return _map_of(self.pieces[int(inside.argmax())], point, factor, self.tol)

    @functools.cached_property
    def _corners(self) -> tuple[FloatArray, FloatArray]:
        """The lower and the upper corners of the panels."""
        sides = [[(axis.low, axis.high) for axis in piece.axes] for piece in self.pieces]
        corners = np.moveaxis(np.array(sides), -1, 0)
        return corners[0], corners[1]

    def _law(self, op: Operation) -> Distribution:
        return law_of(op, self.target, self.inputs, self.method, self.tol)


def _map_of(piece: Panel, point: Point, factor: float, tol: float) -> MonotoneMap:
    table, moved = piece.table(point, factor)
    more = max(moved - piece.moved, 0.0)
    error, error_u, outer_error, derivative_error = piece.errors
    low, high = family_domain(table)
    outer = min(low, factor * piece.outer[0]), max(high, factor * piece.outer[1])
    centre, unit = piece.unit
    ends = table.ends.tolist()
    return MonotoneMap(
        kind="table",
        domain=(low, high),
        error=error + more,
        error_u=error_u + more,
        tol=tol,
        support=(ends[0][2], ends[1][2]),
        limits=piece.limits,
        centre=centre,
        unit=unit,
        outer=outer,
        outer_error=outer_error + more,
        derivative_error=derivative_error,
        table=table,
    )


def law_of(
    op: Operation, target: Distribution, inputs: Any, method: str | Estimator, tol: float
) -> Distribution:
    return compute_law(op, input_laws(op, target, inputs), method, min(1e-12, 1e-3 * tol))


def _column(value: Any, batch: int) -> Any:
    """A parameter for each latent of a batch, without further axes."""
    array = np.asarray(value, dtype=np.float64)
    if array.ndim > 1 and array.shape[0] == batch and array.size == batch:
        return array.reshape(batch)
    return value


def _hashable(value: Any) -> Any:
    return tuple(value) if isinstance(value, list) else value
