"""The normal law of a vector."""

from __future__ import annotations

import dataclasses
import math
from typing import Any, final

import numpy as np

from otmaps._arrays import FloatArray, frozen, real_array
from otmaps._bures import excess
from otmaps._covariance import Covariance
from otmaps._covariances import as_covariance
from otmaps._distribution import RandomState, Size
from otmaps._notebook import normal_html
from otmaps._vector_law import VectorLaw


@final
@dataclasses.dataclass(frozen=True)
class MultivariateNormal(VectorLaw):
    """The normal law of a vector, with any mean and any positive definite covariance.

    Parameters
    ----------
    mean : array_like
        Of each component; one number stands for all of them.
    covariance : Covariance or array_like
        `Diagonal`, `LowRank`, `Circulant` or `Dense`; a square matrix becomes `Dense`.

    Examples
    --------
    >>> import otmaps
    >>> prior = otmaps.MultivariateNormal([0.0, 1.0], [[2.0, 0.5], [0.5, 1.0]])
    >>> prior.rvs(3, random_state=0).shape
    (3, 2)
    """

    mean: FloatArray
    covariance: Covariance

    def __post_init__(self) -> None:
        covariance = as_covariance(self.covariance)
        mean = real_array(self.mean, "mean").astype(np.float64)
        try:
            mean = np.broadcast_to(mean, covariance.shape)
        except ValueError:
            raise ValueError(
                f"mean has shape {mean.shape}, but the covariance is of vectors of shape "
                f"{covariance.shape}."
            ) from None
        if not np.all(np.isfinite(mean)):
            raise ValueError("mean must be finite; it holds NaN or infinite entries.")
        object.__setattr__(self, "covariance", covariance)
        object.__setattr__(self, "mean", frozen(mean))

    @property
    def dim(self) -> int:
        """The number of components."""
        return self.covariance.dim

    @property
    def shape(self) -> tuple[int, ...]:
        """The shape of one vector."""
        return self.covariance.shape

    def std(self) -> FloatArray:
        return np.sqrt(self.covariance.variances)

    def rvs(self, size: Size = None, random_state: RandomState = None) -> FloatArray:
        batch = () if size is None else (size,) if isinstance(size, int) else tuple(size)
        rng = np.random.default_rng(random_state)
        draws = self.covariance.draws(math.prod(batch), rng) + self.mean
        return draws.reshape(batch + self.shape)

    def _repr_html_(self) -> str:
        return normal_html(self)

    def whiten(self, x: Any) -> FloatArray:
        """Vectors of this law as vectors of independent standard normal components."""
        return np.asarray(self.covariance.whiten(self.covariance.checked(x) - self.mean))

    def divergence(self, other: MultivariateNormal) -> float:
        """The Kullback-Leibler divergence of this law from another, in nats.

        Half the sum of ``r - 1 - log r`` over the ratios r of both covariances, and half the
        squared distance of the means in standard deviations of the other law.
        """
        if other.shape != self.shape:
            raise ValueError(f"other has shape {other.shape}, this law {self.shape}.")
        shift = np.square(other.covariance.whiten(self.mean - other.mean)).sum()
        return excess(self.covariance, other.covariance) + 0.5 * float(shift)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, MultivariateNormal):
            return NotImplemented
        return self.covariance == other.covariance and np.array_equal(self.mean, other.mean)

    def __hash__(self) -> int:
        return hash(self.covariance)

    def __repr__(self) -> str:
        flat = self.mean.flat[0] if np.all(self.mean == self.mean.flat[0]) else "..."
        return f"MultivariateNormal(mean={flat}, covariance={self.covariance!r})"
