"""The law of the squared norm of a latent with independent components."""

from __future__ import annotations

import numpy as np

from otmaps._arrays import FloatArray
from otmaps._built_in import linear
from otmaps._distribution import Distribution
from otmaps._errors import UnservedError
from otmaps._estimators import ClosedForm, Composition, Convolution, compute_law
from otmaps._one_sided_priors import Gamma
from otmaps._priors import Normal
from otmaps._registry import operation

_TOL = 1e-9  # of the cdf: far below what the scores of a million latents show
_GOOD = 1e-6  # a law with a larger error, such as that of a sample, is drawn from instead
_MOST = 2**24  # components drawn
_MOST_ATOMIC = 2048  # components of a law with point masses: each sum is one more
_TIMES = 4  # draws for each latent, where that many may be drawn


def squared_norm(law: Distribution, dim: int) -> Distribution | None:
    """The law of the sum of ``dim`` squares; None where no exact method serves."""
    if isinstance(law, Normal) and law.loc == 0.0:
        return Gamma(0.5 * dim, 0.0, 2.0 * law.scale**2)
    places = {abs(place) for place, _ in law.atoms}
    if law.error > _GOOD / dim or len(places) == 1 or (places and dim > _MOST_ATOMIC):
        return None
    try:
        total = compute_law(operation(lambda z: z * z)(), (law,), Composition(), _TOL)
    except UnservedError:
        return None
    if dim > 1:
        sum_of_all = linear(np.ones(dim))
        method = ClosedForm() if places else Convolution()
        try:
            total = compute_law(sum_of_all, (total,) * dim, method, _TOL)
        except UnservedError:
            return None
    return total if total.error <= _GOOD else None


def drawn_squares(law: Distribution, dim: int, count: int, rng: np.random.Generator) -> FloatArray:
    """Sorted squared norms of draws: four for each latent, but of at most 2^24 components."""
    wanted = max(_TIMES * count, 2000)
    draws = max(min(wanted, _MOST // dim), 100)
    squares = np.empty(draws)
    step = max(1, 2**20 // dim)
    for start in range(0, draws, step):
        size = min(step, draws - start)
        z = np.asarray(law.rvs((size, dim), rng))
        squares[start : start + size] = np.einsum("ij,ij->i", z, z)
    return np.sort(squares)
