"""Isotropic laws of vectors: those that no rotation changes, known by the law of the norm."""

from __future__ import annotations

import abc
import dataclasses
import math
import operator
from typing import Any, final

import numpy as np

from otmaps._arrays import FloatArray, real_scalar
from otmaps._discrete import Discrete
from otmaps._distribution import Distribution, RandomState, Size
from otmaps._notebook import isotropic_html
from otmaps._one_sided_priors import Beta
from otmaps._priors import Normal, StudentT
from otmaps._radii import Chi, PowerLaw, TNorm
from otmaps._vector_law import VectorLaw


class Isotropic(abc.ABC):
    """A law of vectors in ``dim`` dimensions that depends on their norm alone.

    A vector is its norm times a direction that is uniform on the unit sphere and independent of the
    norm (Fang, Kotz and Ng, Symmetric Multivariate and Related Distributions, 1990, Chapter 2). A
    law of one's own is a `Radial`, or states `norm` and `scaled` in a class.

    Attributes
    ----------
    dim : int
        The number of components.

    Examples
    --------
    >>> import otmaps
    >>> prior = otmaps.StandardNormal(64)
    >>> isinstance(prior, otmaps.Isotropic), prior.component.std()
    (True, 1.0)
    """

    dim: int

    @property
    @abc.abstractmethod
    def norm(self) -> Distribution:
        """The law of the norm."""

    @abc.abstractmethod
    def scaled(self, factor: float) -> Isotropic:
        """The law of ``factor * X``; the factor is not 0."""

    @property
    def component(self) -> Distribution | None:
        """The law of one component, where it has a closed form; else None."""
        return None

    def _draws(self, count: int, rng: np.random.Generator) -> FloatArray:
        directions = np.asarray(rng.standard_normal((count, self.dim)))
        length = np.linalg.norm(directions, axis=1)
        directions *= (np.asarray(self.norm.rvs(count, rng)) / length)[:, None]
        return directions

    @final
    def rvs(self, size: Size = None, random_state: RandomState = None) -> FloatArray:
        """Independent draws.

        Parameters
        ----------
        size : int or tuple of int, optional
            How many, as a shape; None gives one.
        random_state : numpy.random.Generator or int, optional
            The source of randomness, or a seed for a fresh one.

        Returns
        -------
        ndarray
            Of the shape ``size + (dim,)``.
        """
        shape = () if size is None else (size,) if isinstance(size, int) else tuple(size)
        draws = self._draws(math.prod(shape), np.random.default_rng(random_state))
        return draws.reshape((*shape, self.dim))

    def std(self) -> FloatArray:
        """The standard deviation of each component; infinite or NaN where there is none."""
        norm = self.norm
        square = norm.mean() ** 2 + norm.std() ** 2
        return np.full(self.dim, math.sqrt(square / self.dim))

    def _repr_html_(self) -> str:
        return isotropic_html(self)

    @property
    def error(self) -> float:
        """A bound on the error of the cdf of the norm."""
        return self.norm.error

    @property
    def method(self) -> str:
        """How the law of the norm was computed."""
        return self.norm.method

    def recipe(self) -> dict[str, Any] | None:
        """What rebuilds the law, in JSON types; None where nothing does."""
        norm = self.norm.recipe()
        return None if norm is None else {"isotropic": self.dim, "norm": norm}


# No base class: that states dim as a property, and here it is a field.
VectorLaw.register(Isotropic)  # type: ignore[type-abstract]


def _checked(law: Any, **positive: str) -> None:
    """Replace ``dim`` and the named fields of a frozen dataclass by checked numbers."""
    try:
        dim = operator.index(law.dim)
    except TypeError:
        raise TypeError(f"dim must be an integer, got {type(law.dim).__name__}.") from None
    if isinstance(law.dim, bool) or dim < 1:
        raise ValueError(f"dim must be at least 1, got {law.dim!r}.")
    object.__setattr__(law, "dim", dim)
    for name in positive.values():
        value = real_scalar(getattr(law, name), name, positive=True)
        object.__setattr__(law, name, value)


@final
@dataclasses.dataclass(frozen=True)
class StandardNormal(Isotropic):
    """The standard normal law in ``dim`` dimensions: independent standard normal components.

    Examples
    --------
    >>> import otmaps
    >>> prior = otmaps.StandardNormal(512)
    >>> prior.rvs((2, 5), random_state=0).shape, round(float(prior.norm.mean()), 3)
    ((2, 5, 512), 22.616)
    """

    dim: int

    def __post_init__(self) -> None:
        _checked(self)

    @property
    def norm(self) -> Distribution:
        """The chi law."""
        return Chi(float(self.dim))

    @property
    def component(self) -> Distribution:
        """The standard normal law."""
        return Normal()

    def scaled(self, factor: float) -> Isotropic:
        """The law of ``factor * X``."""
        return self if abs(factor) == 1.0 else Radial(self.dim, self.norm.affine(abs(factor)))

    def _draws(self, count: int, rng: np.random.Generator) -> FloatArray:
        return np.asarray(rng.standard_normal((count, self.dim)))


@final
@dataclasses.dataclass(frozen=True)
class Sphere(Isotropic):
    """The uniform law on the sphere of a radius, such as latents that a generator normalises.

    Examples
    --------
    >>> import numpy, otmaps
    >>> prior = otmaps.Sphere(16, radius=2.0)
    >>> numpy.linalg.norm(prior.rvs(3, random_state=0), axis=1).round(12)
    array([2., 2., 2.])
    """

    dim: int
    radius: float = 1.0

    def __post_init__(self) -> None:
        _checked(self, radius="radius")

    @property
    def norm(self) -> Distribution:
        """The constant radius."""
        return Discrete((self.radius,), (1.0,))

    @property
    def component(self) -> Distribution | None:
        """A beta law on [-radius, radius]; in one dimension both ends."""
        if self.dim == 1:
            return Discrete((-self.radius, self.radius), (0.5, 0.5))
        half = 0.5 * (self.dim - 1.0)
        return Beta(half, half, -self.radius, 2.0 * self.radius)

    def scaled(self, factor: float) -> Isotropic:
        """The law of ``factor * X``."""
        return Sphere(self.dim, abs(factor) * self.radius)


@final
@dataclasses.dataclass(frozen=True)
class Ball(Isotropic):
    """The uniform law on the ball of a radius.

    Examples
    --------
    >>> import otmaps
    >>> prior = otmaps.Ball(16, radius=2.0)
    >>> prior.rvs(5, random_state=0).shape, round(float(prior.norm.median()), 4)
    ((5, 16), 1.9152)
    """

    dim: int
    radius: float = 1.0

    def __post_init__(self) -> None:
        _checked(self, radius="radius")

    @property
    def norm(self) -> Distribution:
        """A power of a uniform variable."""
        return PowerLaw(float(self.dim), 0.0, self.radius)

    @property
    def component(self) -> Distribution:
        """A beta law on [-radius, radius]."""
        half = 0.5 * (self.dim + 1.0)
        return Beta(half, half, -self.radius, 2.0 * self.radius)

    def scaled(self, factor: float) -> Isotropic:
        """The law of ``factor * X``."""
        return Ball(self.dim, abs(factor) * self.radius)


@final
@dataclasses.dataclass(frozen=True)
class MultivariateT(Isotropic):
    """The multivariate Student t law: a normal vector over the root of a chi-square over ``df``.

    Examples
    --------
    >>> import otmaps
    >>> prior = otmaps.MultivariateT(8, df=3.0)
    >>> round(prior.component.sf(10.0), 6), prior.rvs(5, random_state=0).shape
    (0.001064, (5, 8))
    """

    dim: int
    df: float
    scale: float = 1.0

    def __post_init__(self) -> None:
        _checked(self, df="df", scale="scale")

    @property
    def norm(self) -> Distribution:
        """The root of a multiple of Snedecor's F."""
        return TNorm(float(self.dim), self.df, 0.0, self.scale)

    @property
    def component(self) -> Distribution:
        """Student's t law."""
        return StudentT(self.df, 0.0, self.scale)

    def scaled(self, factor: float) -> Isotropic:
        """The law of ``factor * X``."""
        return MultivariateT(self.dim, self.df, abs(factor) * self.scale)


def MultivariateCauchy(dim: int, scale: float = 1.0) -> MultivariateT:
    """The multivariate Cauchy law: Student t with one degree of freedom.

    Sums of independent ones are Cauchy again, of the sum of their scales.

    Examples
    --------
    >>> import otmaps
    >>> otmaps.MultivariateCauchy(8).component.cdf(1.0)
    0.7500000000000001
    """
    return MultivariateT(dim, 1.0, scale)


@final
@dataclasses.dataclass(frozen=True)
class Radial(Isotropic):
    """The isotropic law whose norm has the law that is given.

    Parameters
    ----------
    dim : int
    law : Distribution
        Of the norm, on [0, inf) or part of it.

    Examples
    --------
    >>> import otmaps
    >>> prior = otmaps.Radial(8, otmaps.Gamma(8.0))
    >>> prior.norm.mean(), prior.rvs(5, random_state=0).shape
    (8.0, (5, 8))
    """

    dim: int
    law: Distribution

    def __post_init__(self) -> None:
        _checked(self)
        if not isinstance(self.law, Distribution):
            raise TypeError(
                f"law must be a law of the norm, such as otmaps.Gamma(3.0), got "
                f"{type(self.law).__name__}; otmaps.as_distribution makes one of it."
            )
        # The law of a sample has tails by a model, which may pass 0 by less than its error.
        if self.law.support()[0] < 0.0 and self.law.cdf(0.0) > self.law.error:
            raise ValueError(
                f"law must be a law of norms, on [0, inf), got one whose support begins at "
                f"{self.law.support()[0]:g}."
            )

    @property
    def norm(self) -> Distribution:
        """The law that was given."""
        return self.law

    def scaled(self, factor: float) -> Isotropic:
        """The law of ``factor * X``."""
        return Radial(self.dim, self.law.affine(abs(factor)))


def is_constant(law: Distribution) -> float | None:
    """The value of a law that has but one; else None."""
    low, high = law.support()
    return low if low == high else None


def normal_scale(law: Isotropic) -> float | None:
    """The scale of a normal law, else None; isotropic laws are told by the law of their norm."""
    norm = law.norm
    if isinstance(norm, Chi) and norm.loc == 0.0 and norm.df == law.dim:
        return norm.scale
    return None


def t_scale(law: Isotropic) -> tuple[float, float] | None:
    """Degrees of freedom and scale of a multivariate t law, else None."""
    norm = law.norm
    if isinstance(norm, TNorm) and norm.loc == 0.0 and norm.dim == law.dim:
        return norm.df, norm.scale
    return None


def ball_radius(law: Isotropic) -> float | None:
    """The radius of a uniform ball, else None."""
    norm = law.norm
    if isinstance(norm, PowerLaw) and norm.loc == 0.0 and norm.power == law.dim:
        return norm.scale
    return None
