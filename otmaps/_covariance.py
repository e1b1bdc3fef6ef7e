"""The covariance of a vector, as far as all kinds of it agree."""

from __future__ import annotations

import abc
import math
from typing import Any, final

import numpy as np

from otmaps._arrays import FloatArray, frozen, real_array
from otmaps._errors import UnservedError
from otmaps._positive import PositiveOperator

LARGEST = 4096
"""Components up to which a matrix is made of a covariance that is not given as one."""


class Covariance(abc.ABC):
    """The covariance of a vector: symmetric and positive definite, checked where it is made.

    Arrays of vectors hold them along their last axes, which have the shape `shape`.

    Examples
    --------
    >>> import numpy, otmaps
    >>> covariance = otmaps.Diagonal(numpy.array([1.0, 4.0]))
    >>> covariance.dim, covariance.matrix().tolist()
    (2, [[1.0, 0.0], [0.0, 4.0]])
    """

    @property
    @abc.abstractmethod
    def shape(self) -> tuple[int, ...]:
        """The shape of one vector."""

    @property
    @abc.abstractmethod
    def variances(self) -> FloatArray:
        """The variance of each component, of the shape of a vector."""

    @abc.abstractmethod
    def power(self, p: float) -> PositiveOperator:
        """The covariance to a power: 1, 0.5 and -0.5 multiply, colour and whiten."""

    @abc.abstractmethod
    def scaled(self, factor: float) -> Covariance:
        """The covariance of a vector whose square is ``factor`` times as large."""

    @abc.abstractmethod
    def draws(self, count: int, rng: np.random.Generator) -> FloatArray:
        """``count`` independent normal vectors of mean 0."""

    @abc.abstractmethod
    def dense(self) -> FloatArray:
        """The matrix, whatever its size."""

    @property
    @abc.abstractmethod
    def parts(self) -> tuple[FloatArray, ...]:
        """The arrays that the covariance is given by."""

    @property
    def multiple(self) -> float | None:
        """The variance, where the covariance is a multiple of the identity; else None."""
        return None

    @final
    @property
    def dim(self) -> int:
        """The number of components."""
        return math.prod(self.shape)

    @final
    @property
    def trace(self) -> float:
        """The sum of the variances."""
        return math.fsum(self.variances.ravel().tolist())

    @final
    def matrix(self) -> FloatArray:
        """The matrix, of components in their order in memory.

        Raises
        ------
        UnservedError
            Where it is not given as one and has more than 4,096 rows.
        """
        given = any(part.shape == (self.dim, self.dim) for part in self.parts)
        if self.dim > LARGEST and not given:
            raise UnservedError(
                f"a {type(self).__name__} covariance of {self.dim} components would become a dense "
                f"matrix here, and does up to {LARGEST}. Covariances of one kind stay cheap: both "
                "Diagonal, both Circulant, both LowRank with a constant diagonal, or equal ones."
            )
        return self.dense()

    @final
    def multiply(self, x: Any) -> Any:
        """The covariance times each vector."""
        return self.power(1.0).apply(self.checked(x))

    @final
    def root(self, x: Any) -> Any:
        """The symmetric square root times each vector: gives white noise this covariance."""
        return self.power(0.5).apply(self.checked(x))

    @final
    def whiten(self, x: Any) -> Any:
        """The inverse of the symmetric square root times each vector."""
        return self.power(-0.5).apply(self.checked(x))

    @final
    def checked(self, x: Any) -> FloatArray:
        """Vectors in double precision, or an error that names the shape."""
        array = real_array(x, "x").astype(np.float64, copy=False)
        if array.shape[max(array.ndim - len(self.shape), 0) :] != self.shape:
            raise ValueError(
                f"x must hold vectors of shape {self.shape} along its last axes, got an array of "
                f"shape {array.shape}."
            )
        return array

    @final
    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Covariance):
            return NotImplemented
        pairs = zip(self.parts, other.parts, strict=False)
        return type(self) is type(other) and all(np.array_equal(a, b) for a, b in pairs)

    @final
    def __hash__(self) -> int:
        return hash((type(self).__name__, self.shape))

    @final
    def __repr__(self) -> str:
        return f"{type(self).__name__}(shape={self.shape})"


def positive_values(x: Any, name: str, what: str) -> FloatArray:
    """An array of positive numbers, or an error; ``what`` is each of them."""
    values = frozen(real_array(x, name))
    if not values.size:
        raise ValueError(f"{name} is empty.")
    if not np.all(np.isfinite(values)) or np.any(values <= 0.0):
        worst = values.flat[int(np.argmin(np.where(np.isfinite(values), values, -math.inf)))]
        raise ValueError(
            f"{name} must be finite and positive, got {worst:.3g}: {what} of 0 or less leaves no "
            "density. Drop such components, or give them a little noise."
        )
    return values
