"""Covariances of vectors: diagonal, dense, low rank plus diagonal."""

from __future__ import annotations

import dataclasses
import math
from typing import Any, final

import numpy as np

from otmaps._arrays import FloatArray, frozen, real_array, real_scalar
from otmaps._covariance import Covariance, positive_values
from otmaps._positive import Elementwise, Matrix, PositiveOperator, Spanned

_EPS = float(np.finfo(float).eps)


@final
@dataclasses.dataclass(frozen=True, eq=False, repr=False)
class Diagonal(Covariance):
    """Independent components.

    Parameters
    ----------
    values : array_like
        The variance of each component; an array of several axes for vectors of that shape.

    Examples
    --------
    >>> import numpy, otmaps
    >>> prior = otmaps.MultivariateNormal(0.0, otmaps.Diagonal(numpy.array([1.0, 4.0])))
    >>> prior.rvs(3, random_state=0).shape
    (3, 2)
    """

    values: FloatArray

    def __post_init__(self) -> None:
        values = positive_values(self.values, "values", "a variance")
        object.__setattr__(self, "values", values)

    @classmethod
    def white(cls, shape: int | tuple[int, ...], variance: float = 1.0) -> Diagonal:
        """Independent components of one variance."""
        return cls(np.full(shape, real_scalar(variance, "variance", positive=True)))

    @property
    def shape(self) -> tuple[int, ...]:
        return self.values.shape

    @property
    def variances(self) -> FloatArray:
        return self.values

    @property
    def multiple(self) -> float | None:
        first = float(self.values.flat[0])
        return first if np.all(self.values == first) else None

    def power(self, p: float) -> PositiveOperator:
        return Elementwise(self.values**p)

    def scaled(self, factor: float) -> Covariance:
        return Diagonal(factor * self.values)

    def draws(self, count: int, rng: np.random.Generator) -> FloatArray:
        return np.asarray(np.sqrt(self.values) * rng.standard_normal((count, *self.shape)))

    def dense(self) -> FloatArray:
        return np.diag(self.values.ravel())

    @property
    def parts(self) -> tuple[FloatArray, ...]:
        return (self.values,)


@final
@dataclasses.dataclass(frozen=True, eq=False, repr=False)
class Dense(Covariance):
    """Any covariance, by its matrix.

    Parameters
    ----------
    values : array_like, shape (dim, dim)
        Symmetric to rounding, of which the mean with its transpose is taken.

    Examples
    --------
    >>> import numpy, otmaps
    >>> otmaps.Dense(numpy.array([[1.0, 0.5], [0.5, 1.0]])).variances
    array([1., 1.])
    """

    values: FloatArray

    def __post_init__(self) -> None:
        array = real_array(self.values, "covariance").astype(np.float64)
        if array.ndim != 2 or array.shape[0] != array.shape[1] or not array.size:
            raise ValueError(
                f"a dense covariance must be a square matrix, got shape {array.shape}; for "
                "variances alone pass otmaps.Diagonal(variances)."
            )
        if not np.all(np.isfinite(array)):
            raise ValueError("the covariance must be finite; it holds NaN or infinite entries.")
        gap, size = float(np.abs(array - array.T).max()), float(np.abs(array).max())
        if gap > 1e-6 * size:  # matrices that were estimated in single precision pass
            raise ValueError(
                f"the covariance is not symmetric: entries differ from those across the diagonal "
                f"by up to {gap:.3g}. Pass (C + C.T) / 2 if that is what you mean."
            )
        values = frozen(0.5 * (array + array.T))
        object.__setattr__(self, "values", values)
        object.__setattr__(self, "_factor", frozen(_cholesky(values)))

    _factor: FloatArray = dataclasses.field(init=False)

    @property
    def factor(self) -> FloatArray:
        """The lower Cholesky factor."""
        return self._factor

    @property
    def shape(self) -> tuple[int, ...]:
        return (len(self.values),)

    @property
    def variances(self) -> FloatArray:
        return self.values.diagonal()

    def power(self, p: float) -> PositiveOperator:
        return _matrix_power(self.values, p)

    def scaled(self, factor: float) -> Covariance:
        return Dense(factor * self.values)

    def draws(self, count: int, rng: np.random.Generator) -> FloatArray:
        return np.asarray(rng.standard_normal((count, self.dim)) @ self.factor.T)

    def dense(self) -> FloatArray:
        return self.values

    @property
    def parts(self) -> tuple[FloatArray, ...]:
        return (self.values,)


@final
@dataclasses.dataclass(frozen=True, eq=False, repr=False)
class LowRank(Covariance):
    """A few common causes and independent noise: ``factor @ factor.T + diag(noise)``.

    Parameters
    ----------
    factor : array_like, shape (dim, rank)
    noise : array_like
        The variance of the noise of each component; one number stands for all of them. Positive.

    Examples
    --------
    >>> import numpy, otmaps
    >>> covariance = otmaps.LowRank(numpy.ones((3, 1)), numpy.full(3, 0.5))
    >>> covariance.matrix()[0].tolist()
    [1.5, 1.0, 1.0]
    """

    factor: FloatArray
    noise: FloatArray

    def __post_init__(self) -> None:
        factor = frozen(real_array(self.factor, "factor"))
        if factor.ndim != 2 or not factor.size or not np.all(np.isfinite(factor)):
            raise ValueError(
                f"factor must be a finite matrix of shape (dim, rank), got shape {factor.shape}."
            )
        noise = positive_values(self.noise, "noise", "the variance of the noise")
        if noise.shape not in {(), (len(factor),)}:
            raise ValueError(
                f"noise must be one number or {len(factor)}, one for each row of factor; got shape "
                f"{noise.shape}."
            )
        object.__setattr__(self, "factor", factor)
        object.__setattr__(self, "noise", frozen(np.broadcast_to(noise, len(factor))))

    @property
    def shape(self) -> tuple[int, ...]:
        return (len(self.factor),)

    @property
    def variances(self) -> FloatArray:
        return np.asarray(np.square(self.factor).sum(axis=1) + self.noise)

    @property
    def level(self) -> float | None:
        """The variance of the noise where it is the same for all components; else None."""
        first = float(self.noise[0])
        return first if np.all(self.noise == first) else None

    def power(self, p: float) -> PositiveOperator:
        level = self.level
        if level is None or self.factor.shape[1] >= self.dim:
            return _matrix_power(self.matrix(), p)
        basis, sizes, _ = np.linalg.svd(self.factor, full_matrices=False)
        core = np.diag((sizes**2 + level) ** p)
        return Spanned(basis, Matrix(core, np.diag(1.0 / core.diagonal())), level**p)

    def scaled(self, factor: float) -> Covariance:
        return LowRank(math.sqrt(factor) * self.factor, factor * self.noise)

    def draws(self, count: int, rng: np.random.Generator) -> FloatArray:
        causes = rng.standard_normal((count, self.factor.shape[1])) @ self.factor.T
        return np.asarray(causes + np.sqrt(self.noise) * rng.standard_normal((count, self.dim)))

    def dense(self) -> FloatArray:
        return np.asarray(self.factor @ self.factor.T + np.diag(self.noise))

    @property
    def parts(self) -> tuple[FloatArray, ...]:
        return self.factor, self.noise


def as_covariance(x: Any) -> Covariance:
    """A covariance as it is, or the dense one of a square matrix."""
    if isinstance(x, Covariance):
        return x
    return Dense(x)


def _cholesky(values: FloatArray) -> FloatArray:
    try:
        factor = np.linalg.cholesky(values)
    except np.linalg.LinAlgError:
        factor = np.zeros_like(values)
    # A pivot that is rounding tells nothing of the variance that it stands for.
    if np.any(factor.diagonal() ** 2 <= len(values) * _EPS * values.diagonal()):
        ends = np.linalg.eigvalsh(values)[[0, -1]]
        raise ValueError(
            "the covariance is not positive definite in double precision: its eigenvalues go "
            f"from {ends[0]:.3g} to {ends[1]:.3g}. Add a ridge, C + r * numpy.eye(len(C)) with r "
            f"of about {1e-9 * abs(ends[1]):.1g}, or use otmaps.LowRank, which has its own noise."
        )
    return np.asarray(factor)


def _matrix_power(values: FloatArray, p: float) -> Matrix:
    if p == 1.0:
        return Matrix(values, np.asarray(np.linalg.inv(values)))
    sizes, vectors = np.linalg.eigh(values)
    sizes = np.maximum(sizes, _EPS * sizes[-1])
    return Matrix((vectors * sizes**p) @ vectors.T, (vectors * sizes**-p) @ vectors.T)
