"""Latents as scores: numbers that are independent and standard normal if they follow the prior.

The one place where a kind of prior enters. Every test is one of scores, so a further kind of prior
is a further function here, from latents to `Scores`.
"""

from __future__ import annotations

import dataclasses
import math
from typing import Any, Protocol, runtime_checkable

import numpy as np
from scipy import special

from otmaps._arrays import FloatArray
from otmaps._diagnosis._norms import drawn_squares, squared_norm
from otmaps._distribution import Distribution, open_uniform

_ULPS = 8.0  # by which values at an end of the support may have been rounded
_WIDEST = 38.0  # beyond, probabilities leave the range of doubles


@runtime_checkable
class RadialPrior(Protocol):
    """What `diagnose` asks of an isotropic prior: a norm, and a direction that is uniform.

    Examples
    --------
    >>> import numpy, otmaps
    >>> latents = otmaps.Sphere(32).rvs(200, random_state=0)
    >>> bool(otmaps.diagnose(latents, otmaps.Sphere(32)))
    True
    """

    @property
    def dim(self) -> int:
        """The number of components."""

    @property
    def norm(self) -> Distribution:
        """The law of the norm."""

    def rvs(self, size: Any = None, random_state: Any = None) -> Any:
        """Independent draws, with the components in the last axis."""


@dataclasses.dataclass(frozen=True)
class Scores:
    """What the tests see.

    Attributes
    ----------
    components : ndarray
        Of shape (count, dim).
    norms : ndarray
        One score for each latent.
    median_norm, expected_norm : float
        Of the latents, and of the prior.
    share : float
        What one score of a norm counts for: 1 where the law of the norm is known, less where it
        was drawn, because the draws err too.
    impossible : int
        Values that the prior does not have.
    components_note, norms_note : str
        How the scores were taken, where that needs to be said.
    """

    components: FloatArray
    norms: FloatArray
    median_norm: float
    expected_norm: float
    share: float
    impossible: int
    components_note: str = ""
    norms_note: str = ""


def independent_scores(
    x: FloatArray, law: Distribution, eps: float, rng: np.random.Generator
) -> Scores:
    """For independent components of one law: the normal quantile of each value's probability."""
    count, dim = x.shape
    components, impossible = normal_scores(x, law, eps, rng)
    squares = np.einsum("ij,ij->i", x, x)
    total = squared_norm(law, dim)
    if total is not None:
        norms, _ = normal_scores(squares, total, 2.0 * eps, rng)
        expected, share, note = total.median(), 1.0, ""
    else:
        draws = drawn_squares(law, dim, count, rng)
        # Of equal draws, as atoms give, a place at random: so the ranks are uniform.
        first, last = (np.searchsorted(draws, squares, side) for side in ("left", "right"))
        rank = first + (last - first + 1.0) * open_uniform((count,), rng)
        norms = np.asarray(special.ndtri(rank / (draws.size + 1.0)))
        expected, share = float(np.median(draws)), draws.size / (draws.size + count)
        note = f"its law from {draws.size} draws of the prior"
    medians = math.sqrt(float(np.median(squares))), math.sqrt(expected)
    return Scores(components, norms, *medians, share, impossible, norms_note=note)


def radial_scores(
    x: FloatArray, prior: RadialPrior, eps: float, rng: np.random.Generator
) -> Scores:
    """For isotropic laws: the score of the norm, and the direction times a fresh chi variable.

    That product is standard normal if the direction is uniform, whatever the law of the norm; the
    components themselves depend on each other through the norm.
    """
    length = np.linalg.norm(x, axis=1)
    norms, impossible = normal_scores(length, prior.norm, eps * math.sqrt(x.shape[1]), rng)
    chi = np.sqrt(rng.chisquare(x.shape[1], len(x)))
    with np.errstate(invalid="ignore", divide="ignore"):
        components = x * (chi / length)[:, None]
    none = length == 0.0  # no direction: any serves
    components[none] = rng.standard_normal((int(none.sum()), x.shape[1]))
    medians = float(np.median(length)), prior.norm.median()
    note = "of the directions, each times a fresh chi variable"
    return Scores(components, norms, *medians, 1.0, impossible, note)


def normal_scores(
    x: FloatArray, law: Distribution, eps: float, rng: np.random.Generator
) -> tuple[FloatArray, int]:
    """The normal quantiles of the probabilities, from the nearer tail, and what is impossible.

    A value on a point mass gets a uniform place in it, so that the scores of its law are normal
    (Rueschendorf, On the distributional transform, J. Statist. Plann. Inference 139, 2009). A value
    that is impossible gets a score at the edge of what so many values show: it has a row of its
    own, and is not to drown the others.
    """
    low, high = law.support()
    slip = _ULPS * eps
    near_low = (x < low) & (x >= low - slip * abs(low)) if math.isfinite(low) else np.array(False)
    near_high = (x > high) & (x <= high + slip * abs(high)) if math.isfinite(high) else near_low
    x = np.where(near_low, low, np.where(near_high, high, x))
    impossible = np.asarray(law.pdf(x)) == 0.0
    lower, upper = np.asarray(law.cdf(x)).copy(), np.asarray(law.sf(x)).copy()
    for place, mass in law.atoms:
        on = np.abs(x - place) <= slip * abs(place)
        impossible &= ~on
        share = open_uniform((int(on.sum()),), rng)
        below, above = float(law.cdf(place)) - mass, float(law.sf(place))
        lower[on] = below + mass * share
        upper[on] = above + mass * (1.0 - share)
    tail = np.minimum(lower, upper)
    with np.errstate(divide="ignore"):
        distance = np.minimum(-special.ndtri(tail), _WIDEST)
    distance[impossible] = np.minimum(distance, -special.ndtri(0.5 / x.size))[impossible]
    return np.where(lower <= upper, -distance, distance), int(impossible.sum())
