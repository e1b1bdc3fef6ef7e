"""Symmetric positive definite linear maps of vectors, in the forms that are cheap to apply."""

from __future__ import annotations

import abc
import dataclasses
import math
from collections.abc import Callable
from typing import Any, final

import numpy as np

from otmaps._arrays import FloatArray

_EPS = float(np.finfo(float).eps)


@final
@dataclasses.dataclass(frozen=True)
class ArrayFunctions:
    """What is asked of an array library beside ``@`` and arithmetic.

    Attributes
    ----------
    constant : callable
        A NumPy array as one of the library.
    rfftn, irfftn : callable
        The Fourier transform of an array over axes, and back to the shape of those axes.
    """

    constant: Callable[[FloatArray], Any]
    rfftn: Callable[[Any, tuple[int, ...]], Any]
    irfftn: Callable[[Any, tuple[int, ...], tuple[int, ...]], Any]


OF_NUMPY = ArrayFunctions(
    constant=lambda array: array,
    rfftn=lambda x, axes: np.fft.rfftn(x, axes=axes),
    irfftn=lambda x, shape, axes: np.fft.irfftn(x, s=shape, axes=axes),
)


class PositiveOperator(abc.ABC):
    """A symmetric positive definite linear map; vectors lie along the last axes of arrays.

    Attributes
    ----------
    rounding : float
        A bound on the norm of the rounding error of `apply` at a vector, over that of the vector.
    """

    @property
    @abc.abstractmethod
    def rounding(self) -> float:
        """See the class."""

    @abc.abstractmethod
    def apply(self, x: Any, functions: ArrayFunctions = OF_NUMPY) -> Any:
        """The image of each vector."""

    @abc.abstractmethod
    def inverse(self) -> PositiveOperator:
        """The inverse map."""

    @abc.abstractmethod
    def factors(self, shape: tuple[int, ...]) -> FloatArray | None:
        """What each component is multiplied by, where the map does no more than that."""

    @abc.abstractmethod
    def matrix(self, shape: tuple[int, ...]) -> FloatArray:
        """The map as a matrix, of vectors of that shape in their order in memory."""


@final
@dataclasses.dataclass(frozen=True)
class Multiple(PositiveOperator):
    """A number times the identity."""

    factor: float

    @property
    def rounding(self) -> float:
        return 0.0 if self.factor == 1.0 else _EPS * self.factor

    def apply(self, x: Any, functions: ArrayFunctions = OF_NUMPY) -> Any:  # noqa: ARG002
        return x if self.factor == 1.0 else self.factor * x

    def inverse(self) -> PositiveOperator:
        return Multiple(1.0 / self.factor)

    def factors(self, shape: tuple[int, ...]) -> FloatArray:
        return np.full(shape, self.factor)

    def matrix(self, shape: tuple[int, ...]) -> FloatArray:
        return self.factor * np.eye(math.prod(shape))


@final
@dataclasses.dataclass(frozen=True, eq=False)
class Elementwise(PositiveOperator):
    """Each component times a number of its own."""

    values: FloatArray

    @property
    def rounding(self) -> float:
        return _EPS * float(self.values.max())

    def apply(self, x: Any, functions: ArrayFunctions = OF_NUMPY) -> Any:
        return functions.constant(self.values) * x

    def inverse(self) -> PositiveOperator:
        return Elementwise(1.0 / self.values)

    def factors(self, shape: tuple[int, ...]) -> FloatArray:
        return np.broadcast_to(self.values, shape)

    def matrix(self, shape: tuple[int, ...]) -> FloatArray:
        return np.diag(self.factors(shape).ravel())


@final
@dataclasses.dataclass(frozen=True, eq=False)
class FourierMultiplier(PositiveOperator):
    """A circulant map: each discrete frequency times a number of its own.

    Attributes
    ----------
    values : ndarray
        For each frequency, in the order of `numpy.fft.fftn`; the same at opposite ones.
    """

    values: FloatArray

    @property
    def rounding(self) -> float:
        # Two transforms, each right to a few eps for every halving (Higham 2002, Theorem 24.2).
        return _EPS * (10.0 * math.log2(self.values.size) + 10.0) * float(self.values.max())

    def apply(self, x: Any, functions: ArrayFunctions = OF_NUMPY) -> Any:
        shape = self.values.shape
        axes = tuple(range(-len(shape), 0))
        half = self.values[..., : shape[-1] // 2 + 1]
        waves = functions.rfftn(x, axes) * functions.constant(half)
        return functions.irfftn(waves, shape, axes)

    def inverse(self) -> PositiveOperator:
        return FourierMultiplier(1.0 / self.values)

    def factors(self, shape: tuple[int, ...]) -> FloatArray | None:  # noqa: ARG002
        return None

    def matrix(self, shape: tuple[int, ...]) -> FloatArray:
        size = math.prod(shape)
        columns = self.apply(np.eye(size).reshape(size, *shape))
        return np.asarray(columns.reshape(size, size))


@final
@dataclasses.dataclass(frozen=True, eq=False)
class Matrix(PositiveOperator):
    """A map by its matrix; the inverse is at hand, for it is computed with the map."""

    forward: FloatArray
    backward: FloatArray

    @property
    def rounding(self) -> float:
        return _EPS * len(self.forward) * float(np.linalg.norm(self.forward))

    def apply(self, x: Any, functions: ArrayFunctions = OF_NUMPY) -> Any:
        return x @ functions.constant(self.forward)

    def inverse(self) -> PositiveOperator:
        return Matrix(self.backward, self.forward)

    def factors(self, shape: tuple[int, ...]) -> FloatArray | None:  # noqa: ARG002
        return None

    def matrix(self, shape: tuple[int, ...]) -> FloatArray:  # noqa: ARG002
        return self.forward


@final
@dataclasses.dataclass(frozen=True, eq=False)
class Spanned(PositiveOperator):
    """A map that is a multiple of the identity outside of a subspace.

    Attributes
    ----------
    basis : ndarray, shape (dim, rank)
        An orthonormal basis of the subspace.
    core : PositiveOperator
        The map there.
    outer : float
        The multiple.
    """

    basis: FloatArray
    core: PositiveOperator
    outer: float

    @property
    def rounding(self) -> float:
        size = max(float(np.linalg.norm(self._inside)), self.outer)
        return 4.0 * _EPS * len(self.basis) * size

    def apply(self, x: Any, functions: ArrayFunctions = OF_NUMPY) -> Any:
        rest = self._inside - self.outer * np.eye(self.basis.shape[1])
        inside = x @ functions.constant(self.basis)
        lifted = functions.constant(rest @ self.basis.T)
        return self.outer * x + inside @ lifted

    def inverse(self) -> PositiveOperator:
        return Spanned(self.basis, self.core.inverse(), 1.0 / self.outer)

    @property
    def _inside(self) -> FloatArray:
        return self.core.matrix((self.basis.shape[1],))

    def factors(self, shape: tuple[int, ...]) -> FloatArray | None:  # noqa: ARG002
        return None

    def matrix(self, shape: tuple[int, ...]) -> FloatArray:
        return np.asarray(self.apply(np.eye(math.prod(shape))))
