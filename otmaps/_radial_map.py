"""The map that bends the norm of a vector and keeps its direction."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable, Sequence
from typing import Any, final

import numpy as np

from otmaps._arrays import AnyFloatArray, FloatArray, checked_out, half_dtype, narrowed, real_array
from otmaps._backends import ArrayBackend, Backend, backend_of, refuse_out
from otmaps._kernels._rows import inner_products, scale_rows, squared_norms
from otmaps._latent_axes import Axis, as_rows, batch_shape, components, from_rows
from otmaps._map import MonotoneMap
from otmaps._notebook import radial_map_html
from otmaps._radial_steps import Rows

_SMALL, _LARGE = 1e-280, 1e280  # squares beyond have lost digits


@final
@dataclasses.dataclass(frozen=True, eq=False)
class RadialMap:
    """``y -> T(|y|) y / |y|``: the optimal map between isotropic laws.

    That holds for every cost that grows with the distance.

    T is the monotone map of the norms (for the squared distance: Cuesta-Albertos, Ruschendorf and
    Tuero-Diaz, J. Multivariate Anal. 46 (1993); for other costs Chen and Zhang, arXiv 2404.08383).
    A zero vector has no direction and stays zero.

    Attributes
    ----------
    dim : int
        The number of components of a vector.
    norms : MonotoneMap or None
        T; None where all vectors go to one sphere.
    radius : float
        Of that sphere; NaN otherwise.
    axis : int or tuple of int
        The axis, or the axes, of an array that hold the components.

    Examples
    --------
    >>> import numpy, otmaps
    >>> m = otmaps.match(otmaps.lerp(0.5), otmaps.Sphere(3), store=None)
    >>> m.map(numpy.array([0.0, 0.0, 0.5]))
    array([0., 0., 1.])
    """

    dim: int
    norms: MonotoneMap | None
    radius: float = math.nan
    axis: Axis = -1

    @property
    def error(self) -> float:
        """The error of the norms, as `MonotoneMap.error` states it; 0 on a sphere."""
        return 0.0 if self.norms is None else self.norms.error

    @property
    def kind(self) -> str:
        """What T is: "sphere", "identity", "scale" (a constant factor) or "table"."""
        if self.norms is None:
            return "sphere"
        if self.norms.kind == "affine" and self.norms.shift == 0.0:
            return "scale"
        return self.norms.kind

    @property
    def constant_factor(self) -> float | None:
        """T(r) / r where that is one number, else None."""
        if self.kind == "identity":
            return 1.0
        return self.norms.scale if self.norms is not None and self.kind == "scale" else None

    def _repr_html_(self) -> str:
        return radial_map_html(self, self.axis)

    def bent(self, norms: FloatArray) -> FloatArray:
        """T at norms."""
        if self.norms is None:
            return np.where(np.isnan(norms), norms, self.radius)
        return np.asarray(self.norms(norms))

    def factors(self, norms: FloatArray) -> FloatArray:
        """T(r) / r at norms; 1 for zero vectors."""
        with np.errstate(all="ignore"):
            return np.where(norms == 0.0, 1.0, self.bent(norms) / norms)

    def __call__(self, y: Any, out: AnyFloatArray | None = None) -> Any:
        """The bent vectors.

        Parameters
        ----------
        y : array_like
            Of any shape in which `axis` holds ``dim`` components; torch tensors and arrays of
            other libraries are taken as they are.
        out : ndarray, optional
            Where to write the result: the shape and dtype of y; may be y itself.
        """
        backend = backend_of((y,))
        if backend is not None:
            refuse_out(out)
            return self._elsewhere(backend, y, self.bent_elsewhere)
        return self._scaled(y, self.factors, out)

    def inverse(self, z: Any, out: AnyFloatArray | None = None) -> Any:
        """The vectors that the map bends to z.

        Raises
        ------
        ValueError
            For a map to a sphere, which keeps nothing of the norm.
        """
        if self.norms is None:
            raise ValueError("a map to a sphere has no inverse: it keeps nothing of the norm.")
        back, backend = self.norms, backend_of((z,))
        if backend is not None:
            refuse_out(out)
            return self._elsewhere(backend, z, back.inverse)

        def factors(norms: FloatArray) -> FloatArray:
            with np.errstate(all="ignore"):
                return np.where(norms == 0.0, 1.0, np.asarray(back.inverse(norms)) / norms)

        return self._scaled(z, factors, out)

    def gradient_product(self, y: Any, v: Any) -> AnyFloatArray:
        """The Jacobian of the map at y times v, for each vector.

        It is T(r)/r off the direction of y and T'(r) along it, so it is symmetric: the product is
        the gradient of f(T(y)) as well, where v is that of f.
        """
        array, other = self._array(y), self._array(v)
        shape = np.broadcast_shapes(array.shape, other.shape)
        a, b = (as_rows(np.broadcast_to(x, shape), self.axis) for x in (array, other))
        norms = row_norms(a)
        products = np.empty((len(a), 3))
        with np.errstate(all="ignore"):
            directions = (a / np.where(norms > 0.0, norms, 1.0)[:, None]).astype(np.float64)
            inner_products(directions, b, products)
            factor, slope = self._slopes(norms)
            along = np.where(norms > 0.0, slope - factor, 0.0) * products[:, 2]
            result = factor[:, None] * b + along[:, None] * directions
        return from_rows(result.astype(np.result_type(a, b), copy=False), self.axis, shape)

    def log_det(self, y: Any) -> Any:
        """The logarithm of the Jacobian's determinant: -inf where T is constant."""
        array = self._array(y)
        rows = as_rows(array, self.axis)
        factor, slope = self._slopes(row_norms(rows))
        with np.errstate(all="ignore"):
            logs = (self.dim - 1.0) * np.log(factor) + np.log(slope)
        result = logs.reshape(batch_shape(self.axis, array.shape))
        return float(result) if result.ndim == 0 else result

    def _slopes(self, norms: FloatArray) -> tuple[FloatArray, FloatArray]:
        """T(r) / r and T'(r)."""
        slope = np.zeros_like(norms) if self.norms is None else self.norms.derivative(norms)
        return self.factors(norms), np.asarray(slope)

    def bent_elsewhere(self, norms: Any) -> Any:
        """T at norms that are an array of another library."""
        if self.norms is None:
            return 0.0 * norms + self.radius
        return self.norms(norms)

    def _elsewhere(self, backend: Backend, y: Any, bent: Callable[[Any], Any]) -> Any:
        if not isinstance(backend, ArrayBackend):
            raise whole_latents(backend)
        self.check_shape(tuple(y.shape))

        def steps(library: ArrayBackend, arrays: Sequence[Any]) -> Any:
            return Rows.of(library, arrays[0], self.axis).scaled(arrays[0], bent)

        return backend.compute(self, steps, (y,))

    def check_shape(self, shape: tuple[int, ...]) -> None:
        """Raise where the axes of a latent in arrays of a shape do not hold ``dim`` components."""
        found = components(self.axis, shape)
        if found != self.dim:
            raise ValueError(
                f"the prior has {self.dim} components, but axis={self.axis} of latents of shape "
                f"{shape} holds {found}. Name the axes of a latent by axis=, as in "
                "otmaps.match(op, prior, axis=(1, 2, 3))."
            )

    def _array(self, y: Any) -> AnyFloatArray:
        backend = backend_of((y,))
        if backend is not None:
            raise TypeError(
                f"this takes NumPy arrays; a {backend.name} array was passed. Convert it first."
            )
        array = real_array(y, "y")
        self.check_shape(array.shape)
        return array

    def _scaled(self, y: Any, factors: Any, out: AnyFloatArray | None) -> Any:
        half, array = half_dtype(y), self._array(y)
        if half is not None:
            return narrowed(self._scaled(array, factors, None), half, out)
        rows = as_rows(array, self.axis)
        result = np.empty_like(rows)
        scale_rows(rows, factors(row_norms(rows)), result)
        fresh = from_rows(result, self.axis, array.shape)
        if out is None:
            return fresh
        checked_out(out, array)[...] = fresh
        return out


def whole_latents(backend: Backend) -> TypeError:
    """The error for arrays in blocks that may hold parts of latents."""
    return TypeError(
        f"{backend.name} arrays come in blocks, and a norm needs whole latents. Rechunk them so "
        "that a latent is in one block, and use map_blocks."
    )


def row_norms(rows: AnyFloatArray) -> FloatArray:
    """The norms of rows, in double precision, whatever the size of the numbers."""
    squares = np.empty(len(rows))
    squared_norms(rows, squares)
    norms = np.sqrt(squares)
    rest = ~((squares > _SMALL) & (squares < _LARGE))
    if rest.any():
        wide = np.abs(rows[rest].astype(np.float64))
        size = wide.max(axis=1, initial=0.0)
        with np.errstate(all="ignore"):
            norms[rest] = np.where(
                size > 0.0, size * np.linalg.norm(wide / size[:, None], axis=1), size
            )
    return norms
