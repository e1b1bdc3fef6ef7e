"""Ways to blend two latents half and half, as users do it, and what they do to the law.

Every way gets the same latents, in rows of `DIMENSIONS` values as a generator takes them. LOL (E.
Bodin et al., arXiv 2408.08558, the package lolatents) makes each latent normal, combines, and maps
back. Slerp is the function of T. White (arXiv 1609.04468) that most programs have, row by row.
"""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable
from typing import Any, TypeAlias

import numpy as np

import otmaps

from .accuracy import kolmogorov_smirnov
from .cases import OPERATIONS, PRIORS, TOLERANCES, FloatArray, draws
from .peers import scipy_law
from .sizes import SEED, TINY, VALUES

PRIOR_NAMES = ("normal", "uniform", "laplace")
DIMENSIONS = 50 if TINY else 500

Blend: TypeAlias = Callable[[], FloatArray]


def latents(prior: str, dtype: str = "float64", n: int = VALUES) -> tuple[FloatArray, FloatArray]:
    """Two batches of latents with so many values each."""
    z1, z2 = (draws(PRIORS[prior], n, SEED + i).astype(dtype) for i in range(2))
    return z1.reshape(-1, DIMENSIONS), z2.reshape(-1, DIMENSIONS)


def _matched(prior: str, z: FloatArray) -> otmaps.MatchedOperation:
    tol = TOLERANCES[z.dtype.name]
    return otmaps.match(OPERATIONS["lerp"], PRIORS[prior], store=None, tol=tol)


def _otmaps(prior: str, z1: FloatArray, z2: FloatArray) -> Blend:
    matched = _matched(prior, z1)
    return lambda: matched(z1, z2)


def _otmaps_into(prior: str, z1: FloatArray, z2: FloatArray) -> Blend:
    matched, out = _matched(prior, z1), np.zeros_like(z1)
    return lambda: matched(z1, z2, out=out)


def _two_passes(prior: str, z1: FloatArray, z2: FloatArray) -> Blend:
    matched = _matched(prior, z1)
    return lambda: matched.map(matched.raw(z1, z2))


def _raw(prior: str, z1: FloatArray, z2: FloatArray) -> Blend:
    return lambda: 0.5 * z1 + 0.5 * z2


def slerp(t: float, low: FloatArray, high: FloatArray) -> FloatArray:
    """Spherical interpolation of rows."""
    low_norm = low / np.linalg.norm(low, axis=-1, keepdims=True)
    high_norm = high / np.linalg.norm(high, axis=-1, keepdims=True)
    omega = np.arccos(np.clip(np.sum(low_norm * high_norm, axis=-1, keepdims=True), -1.0, 1.0))
    so = np.sin(omega)
    found: FloatArray = np.sin((1.0 - t) * omega) / so * low + np.sin(t * omega) / so * high
    return found


def _slerp(prior: str, z1: FloatArray, z2: FloatArray) -> Blend:
    return lambda: slerp(0.5, z1, z2)


def _lol(prior: str, z1: FloatArray, z2: FloatArray) -> Blend:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)  # of its type hints
            from lolatents.lol_numpy import lol_gaussian, lol_iid
    except ImportError as error:
        raise NotImplementedError(str(error)) from error  # asv: not here
    # One combination of two seeds; that they lie in one array already is not timed.
    seeds = np.stack([z1.ravel(), z2.ravel()])
    weights = np.full((1, 2), 0.5, z1.dtype)
    law = scipy_law(prior)

    def blend() -> FloatArray:
        if prior == "normal":
            found = lol_gaussian(w=weights, X=seeds)
        else:
            found = lol_iid(w=weights, X=seeds, cdf=law.cdf, inverse_cdf=law.ppf)
        return np.asarray(found).reshape(z1.shape)

    return blend


FUSED, INTO, TWO_PASSES = "otmaps, one pass", "otmaps, one pass, out=", "otmaps, raw then map"
PLAIN, SLERP, LOL = "NumPy 0.5 * z1 + 0.5 * z2", "slerp in NumPy", "LOL"

WAYS: dict[str, Callable[[str, FloatArray, FloatArray], Blend]] = {
    FUSED: _otmaps,
    INTO: _otmaps_into,
    TWO_PASSES: _two_passes,
    PLAIN: _raw,
    SLERP: _slerp,
    LOL: _lol,
}


def distance(prior: str, z: FloatArray) -> float:
    """The Kolmogorov-Smirnov distance of all values from the prior, times the root of their number.

    Above 1.95 is rarer than one in a thousand.
    """
    return kolmogorov_smirnov(np.asarray(PRIORS[prior].cdf(z.ravel())))


def norm_distance(z: FloatArray) -> float:
    """The same for the norms of rows of normal latents, whose squares are chi-squared."""
    from scipy.special import gammainc

    return kolmogorov_smirnov(gammainc(0.5 * z.shape[1], 0.5 * np.sum(z * z, axis=1)))


def cost(prior: str, z: FloatArray, z1: FloatArray, z2: FloatArray) -> float:
    """The mean squared change of the raw result, in that of the optimal map."""
    y = 0.5 * z1 + 0.5 * z2
    best = np.asarray(_matched(prior, z1).map(y))

    def square(a: Any) -> float:
        return math.fsum(np.square(a - y).sum(axis=1).tolist())

    return square(z) / square(best)
