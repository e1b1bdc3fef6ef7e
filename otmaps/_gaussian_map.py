"""The optimal map between two normal laws of vectors."""

from __future__ import annotations

import dataclasses
import functools
import math
from collections.abc import Sequence
from typing import Any, Literal, final

import numpy as np
import numpy.typing as npt

from otmaps._arrays import AnyFloatArray, FloatArray, checked_out, real_array
from otmaps._backends import ArrayBackend, Backend, backend_of, run_linear
from otmaps._bures import OptimalMap, optimal_map
from otmaps._kernels._maps import multiply_add
from otmaps._kernels._vectors import scaled_sum
from otmaps._latent_axes import Axis, checked_axis, places
from otmaps._linearity import Linear
from otmaps._map_table import read_only
from otmaps._multivariate_normal import MultivariateNormal
from otmaps._notebook import gaussian_map_html
from otmaps._parts import apply_kernel
from otmaps._positive import ArrayFunctions, Multiple, PositiveOperator

_EPS = float(np.finfo(float).eps)
_FREE = (-math.inf, math.inf)
_ITSELF = Linear((1.0,))


@final
@dataclasses.dataclass(frozen=True, eq=False)
class GaussianMap:
    """The optimal map between two normal laws of vectors, ``T(y) = mean + A (y - mean of y)``.

    Optimal for the squared distance, and A is symmetric and positive definite: the gradient of a
    convex function (Dowson and Landau 1982). Where both covariances are proportional it is the
    factor that sends the standard deviations to each other, whatever the covariance.

    Attributes
    ----------
    source, target : MultivariateNormal
        The laws of y and of T(y).
    operator : PositiveOperator
        A.
    axis : int, tuple of int or None
        The axes of an array that hold a vector; None for the last ones.
    error : float
        Bound on the error of A, to first order, in standard deviations of the target whatever the
        direction: for all vectors u the standard deviation of ``u . (T' - T)(Y)`` is at most
        ``error`` times that of ``u . Z``. So the covariance of the result is that of the target
        to twice that.
    rounding : float
        What rounding adds in a call, in double precision: a bound on the root mean square of
        ``|T'(Y) - T(Y)|`` for the computed A, over the root mean square of ``|Z - mean|``.
    distance : float
        The Wasserstein-2 distance of both laws: the root mean square of ``|T(Y) - Y|``.

    Examples
    --------
    >>> import numpy, otmaps
    >>> white = otmaps.MultivariateNormal(0.0, otmaps.Diagonal.white(2))
    >>> target = otmaps.MultivariateNormal(1.0, otmaps.Diagonal(numpy.array([4.0, 9.0])))
    >>> T = otmaps.gaussian_map(white, target)
    >>> T(numpy.array([1.0, 1.0])).round(9).tolist(), round(T.distance, 3)
    ([3.0, 4.0], 2.646)
    """

    source: MultivariateNormal
    target: MultivariateNormal
    operator: PositiveOperator
    axis: Axis | None
    error: float
    rounding: float
    distance: float

    @property
    def kind(self) -> Literal["identity", "affine"]:
        """What `MonotoneMap.kind` says of a map."""
        return "identity" if self.factor == 1.0 and self._level == 0.0 else "affine"

    @property
    def factor(self) -> float | None:
        """The number that A is a multiple of the identity by; else None."""
        return self.operator.factor if isinstance(self.operator, Multiple) else None

    def matrix(self) -> FloatArray:
        """A as a matrix, of components in their order in memory."""
        return self.operator.matrix(self.target.shape)

    def __call__(self, y: Any, out: npt.NDArray[Any] | None = None) -> Any:
        """T(y).

        Parameters
        ----------
        y : array_like
            Vectors, along `axis`.
        out : ndarray, optional
            Where to write: the shape and dtype of y; may be y itself.

        Returns
        -------
        ndarray
            float32 for float32, computed in double precision and rounded once; else float64.
        """
        return self.at_sum(_ITSELF, [real_array(y, "y")], out)

    def inverse(self, z: Any, out: npt.NDArray[Any] | None = None) -> Any:
        """The y with T(y) = z. Arguments as for a call."""
        return self._inverted(z, out)

    @functools.cached_property
    def _inverted(self) -> GaussianMap:
        found = OptimalMap(self.operator.inverse(), self.error, self.distance**2)
        return make_map(self.target, self.source, found, self.axis)

    def at_sum(
        self,
        form: Linear,
        arrays: Sequence[AnyFloatArray],
        out: npt.NDArray[Any] | None = None,
    ) -> Any:
        """T at ``form.offset + sum of form.weights[i] * arrays[i]``.

        In double precision whatever the dtype of the arrays; one pass over memory where A acts on
        each component alone.
        """
        shape = np.broadcast_shapes(*(a.shape for a in arrays))
        axes = self.latent_axes(shape)
        if self.kind == "identity" and form == _ITSELF:
            return _delivered(arrays[0], out, arrays[0])
        factors = self.operator.factors(self.target.shape)
        if self.factor is not None and self._level is not None:
            weights = tuple(self.factor * w for w in form.weights)
            offset = self.factor * form.offset + self._level
            return _summed(Linear(weights, offset), arrays, out)
        if factors is not None:
            shift = self.target.mean - factors * (self.source.mean - form.offset)
            scales, shifts = (_repeated(v, axes, shape) for v in (factors, shift))

            def kernel(vectors: tuple[AnyFloatArray, ...], into: AnyFloatArray) -> None:
                scaled_sum(read_only(vectors), np.array(form.weights), scales, shifts, into)

            return apply_kernel(kernel, arrays, out)
        y = np.asarray(_summed(form, [a.astype(np.float64, copy=False) for a in arrays], None))
        z = self._moved(np, y, axes, self.operator.apply)
        model = np.empty((), np.result_type(*arrays))
        return _delivered(z, out, np.broadcast_to(model, shape))

    def elsewhere(self, backend: Backend, form: Linear, arrays: Sequence[Any]) -> Any:
        """`at_sum` at arrays of another library, in their precision."""
        shape = np.broadcast_shapes(*(tuple(getattr(a, "shape", ())) for a in arrays))
        axes = self.latent_axes(shape)
        if self.factor is not None and self._level is not None:
            weights = tuple(self.factor * w for w in form.weights)
            straight = Linear(weights, self.factor * form.offset + self._level)
            return entrywise(backend, straight, arrays)
        if not isinstance(backend, ArrayBackend):
            raise TypeError(
                f"{backend.name} arrays come in blocks, and this map needs whole latents. Rechunk "
                "them so that a latent is in one block, and use map_blocks."
            )

        def steps(library: ArrayBackend, values: Sequence[Any]) -> Any:
            y = run_linear(form, values)
            xp, functions = library.namespace(y), _functions(library, y)
            return self._moved(
                xp, y, axes, lambda x: self.operator.apply(x, functions), functions.constant
            )

        return backend.compute(self, steps, arrays)

    def _moved(
        self, xp: Any, y: Any, axes: tuple[int, ...], apply: Any, constant: Any = lambda a: a
    ) -> Any:
        """T at vectors along the axes, by steps of one library."""
        ends = tuple(range(-len(axes), 0))
        last = xp.moveaxis(y, axes, ends)
        kept = tuple(last.shape)
        rows = xp.reshape(last, (*kept[: len(kept) - len(axes)], *self.target.shape))
        bent = apply(rows - constant(self.source.mean)) + constant(self.target.mean)
        return xp.moveaxis(xp.reshape(bent, kept), ends, axes)

    def latent_axes(self, shape: tuple[int, ...]) -> tuple[int, ...]:
        """The axes of a latent in an array of that shape, or an error."""
        own = self.target.shape
        axes = places(tuple(range(-len(own), 0)) if self.axis is None else self.axis, shape)
        found = tuple(shape[i] for i in axes)
        if found != own and not (len(own) == 1 and math.prod(found) == own[0]):
            raise ValueError(
                f"the law is of vectors of shape {own}, but axis={self.axis} of latents of shape "
                f"{shape} holds {found}. Name the axes of a latent by axis=, as in "
                "otmaps.match(op, prior, axis=(1, 2, 3))."
            )
        return axes

    @functools.cached_property
    def _level(self) -> float | None:
        """The constant of T where it is a multiple of the identity and a number; else None."""
        if self.factor is None:
            return None
        if self.factor == 1.0 and np.array_equal(self.source.mean, self.target.mean):
            return 0.0
        shift = self.target.mean - self.factor * self.source.mean
        first = float(shift.flat[0])
        return first if np.all(shift == first) else None

    def _repr_html_(self) -> str:
        return gaussian_map_html(self)

    def __repr__(self) -> str:
        return (
            f"GaussianMap({self.source!r} -> {self.target!r}, "
            f"{type(self.operator).__name__}, error={self.error:.1e})"
        )


def gaussian_map(
    source: MultivariateNormal, target: MultivariateNormal, *, axis: Axis | None = None
) -> GaussianMap:
    """The optimal map from one normal law of vectors to another.

    Parameters
    ----------
    source, target : MultivariateNormal
        Of vectors of one shape.
    axis : int or tuple of int, optional
        The axes of arrays that hold a vector; the last ones where it is left out.

    Returns
    -------
    GaussianMap
        Elementwise for diagonal covariances, by FFT for circulant ones, in a subspace for low rank
        plus white noise, else by a matrix.

    Raises
    ------
    UnservedError
        Where more than 4,096 components would need a matrix that was not given as one.

    Examples
    --------
    >>> import otmaps
    >>> a = otmaps.MultivariateNormal(0.0, otmaps.Diagonal([1.0, 4.0]))
    >>> b = otmaps.MultivariateNormal(1.0, otmaps.Diagonal([4.0, 4.0]))
    >>> otmaps.gaussian_map(a, b)([1.0, 1.0])
    array([3., 2.])
    """
    for name, law in (("source", source), ("target", target)):
        if not isinstance(law, MultivariateNormal):
            raise TypeError(
                f"{name} must be an otmaps.MultivariateNormal, got {type(law).__name__}; for laws "
                "of numbers use otmaps.monotone_map."
            )
    if source.shape != target.shape:
        raise ValueError(f"source has shape {source.shape}, target {target.shape}; one is needed.")
    found = optimal_map(source.covariance, target.covariance)
    return make_map(source, target, found, None if axis is None else checked_axis(axis))


def make_map(
    source: MultivariateNormal, target: MultivariateNormal, found: OptimalMap, axis: Axis | None
) -> GaussianMap:
    """The map with a linear part that is known."""
    rounding, sizes = (
        found.operator.rounding,
        [math.sqrt(law.covariance.trace) for law in (source, target)],
    )
    means = [float(np.linalg.norm(law.mean)) for law in (source, target)]
    moved = rounding > 0.0 or not np.array_equal(source.mean, target.mean)
    gap = float(np.linalg.norm(target.mean - source.mean))
    inside = 2.0 * rounding * (sizes[0] + 2.0 * means[0])
    return GaussianMap(
        source=source,
        target=target,
        operator=found.operator,
        axis=axis,
        error=found.error,
        rounding=(inside + 3.0 * _EPS * (sum(means) + sizes[1])) / sizes[1] if moved else 0.0,
        distance=math.hypot(gap, math.sqrt(found.squared_shift)),
    )


def _summed(form: Linear, arrays: Sequence[AnyFloatArray], out: npt.NDArray[Any] | None) -> Any:
    """An affine form of arrays, in one pass."""

    def kernel(vectors: tuple[AnyFloatArray, ...], into: AnyFloatArray) -> None:
        multiply_add(read_only(vectors), form.weights, form.offset, into, _FREE)

    return apply_kernel(kernel, arrays, out)


def entrywise(backend: Backend, form: Linear, arrays: Sequence[Any]) -> Any:
    """An affine form of arrays of another library."""
    of_blocks = functools.partial(_of_blocks, form)
    return backend.compute(of_blocks, lambda _, a: run_linear(form, a), arrays)


def _of_blocks(form: Linear, *blocks: Any) -> Any:
    """An affine form of the blocks of lazy arrays, whatever library they are of."""
    backend = backend_of(blocks)
    if backend is not None:
        return entrywise(backend, form, blocks)
    dtype = np.result_type(*blocks)
    return np.asarray(_summed(form, [real_array(b, "a block") for b in blocks], None), dtype=dtype)


def _repeated(values: FloatArray, axes: tuple[int, ...], shape: tuple[int, ...]) -> FloatArray:
    """Numbers for each component, as they lie along an array from the first axis of a latent on."""
    block = shape[axes[0] :]
    own = tuple(n if i in axes else 1 for i, n in enumerate(shape))[axes[0] :]
    return np.ascontiguousarray(np.broadcast_to(values.reshape(own), block)).reshape(-1)


def _delivered(
    values: AnyFloatArray, out: npt.NDArray[Any] | None, model: AnyFloatArray
) -> AnyFloatArray:
    """A copy of values in the dtype of the model, or in ``out``."""
    if out is None:
        return np.array(values, dtype=model.dtype, order="C")
    checked_out(out, model)[...] = values
    return out


def _functions(library: ArrayBackend, like: Any) -> ArrayFunctions:
    """What operators ask of a library beside arithmetic."""
    fft = library.namespace(like).fft
    along = "dim" if library.name == "torch" else "axes"
    return ArrayFunctions(
        constant=lambda array: library.array(array, like),
        rfftn=lambda x, axes: fft.rfftn(x, **{along: axes}),
        irfftn=lambda x, shape, axes: fft.irfftn(x, s=shape, **{along: axes}),
    )
