"""The laws and operations that the benchmarks go through."""

from __future__ import annotations

import functools

import numpy as np
import numpy.typing as npt

import otmaps
from otmaps import Distribution, MonotoneMap, Operation

from .sizes import SEED, VALUES

FloatArray = npt.NDArray[np.float64]

PRIORS: dict[str, Distribution] = {
    "normal": otmaps.Normal(),
    "uniform": otmaps.Uniform(-1.0, 1.0),
    "laplace": otmaps.Laplace(),
    "logistic": otmaps.Logistic(),
    "exponential": otmaps.Exponential(),
    "student 3": otmaps.StudentT(3.0),
    "cauchy": otmaps.Cauchy(),
}

OPERATIONS: dict[str, Operation] = {
    "lerp": otmaps.lerp(0.5),
    "lerp .3": otmaps.lerp(0.3),
    "barycenter": otmaps.barycenter([0.25] * 4),
    "vicinity": otmaps.vicinity(0.5),
    "analogy": otmaps.analogy(),
}

TABULATED = ("uniform", "laplace", "logistic", "student 3", "exponential")
"""Priors under which the map of lerp(0.5) is neither the identity nor affine."""


TOLERANCES = {"float64": 1e-9, "float32": 1e-6}
"""What maps of arrays of either dtype are asked for."""


@functools.cache
def midpoint_map(prior: str, tol: float = TOLERANCES["float64"]) -> MonotoneMap:
    """The map of the midpoint of two latents."""
    return otmaps.match(OPERATIONS["lerp"], PRIORS[prior], store=None, tol=tol).map


@functools.lru_cache(maxsize=16)
def draws(law: Distribution, n: int = VALUES, seed: int = SEED) -> FloatArray:
    """Independent draws: in random order, so that no lookup profits from the one before."""
    y = np.asarray(law.rvs(n, seed))
    y.flags.writeable = False  # shared by those who ask again
    return y
