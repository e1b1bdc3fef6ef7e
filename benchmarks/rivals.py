"""Other ways to combine latents, by their formulas, each as a function of latents (k, n, d).

- Slerp: K. Shoemake, SIGGRAPH 1985; T. White, arXiv 1609.04468.
- LOL: E. Bodin et al., arXiv 2408.08558 (the package lolatents): makes each latent normal,
  combines, divides by the root of the sum of squared weights, maps back.
- Cauchy: D. Lesniak, I. Sieradzki, I. Podolak, ICLR 2019, arXiv 1806.01670: makes each component
  Cauchy, which convex combinations keep, and maps back; for isotropic priors that is done to the
  norms, and directions go along the great circle.
- Factors: the standard deviation or the norm is put right, by one number.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Callable, Mapping, Sequence
from typing import TypeAlias

import numpy as np

import otmaps
from otmaps import Distribution

from .cases import FloatArray

Way: TypeAlias = Callable[[FloatArray], FloatArray]
Weights: TypeAlias = Sequence[float]

RAW, SLERP, FACTOR, NORM = "linear", "slerp", "linear, times a factor", "linear, norm set"
LOL, CAUCHY, OURS = "LOL", "Cauchy", "otmaps"
OURS_SLERP = "otmaps, slerp"
KEEPING = (LOL, CAUCHY, OURS)
"""The ways that keep the prior."""

_REACH, _STEP = 14.0, 0.05  # a Student law with df 3 needs that reach
_NORMAL, _CAUCHY = otmaps.Normal(), otmaps.Cauchy()


def carried(x: FloatArray, source: Distribution, target: Distribution) -> FloatArray:
    """The monotone map by the two laws, from the nearer tail."""
    below = np.asarray(source.cdf(x))
    upper = below > 0.5
    out = np.empty_like(x)
    out[~upper] = target.ppf(below[~upper])
    out[upper] = target.isf(np.asarray(source.sf(x[upper])))
    return out


def linear(weights: Weights) -> Way:
    """The weighted sum."""
    return lambda z: np.tensordot(np.asarray(weights), z, axes=1)


def slerp(t: float) -> Way:
    """Spherical interpolation of rows."""
    return lambda z: np.asarray(otmaps.slerp(t).raw(*z))


def factored(weights: Weights, mean: float) -> Way:
    """The weighted sum, brought to the prior's mean and standard deviation."""
    total, root = math.fsum(weights), math.hypot(*weights)
    return lambda z: mean + (linear(weights)(z) - total * mean) / root


def set_norm(weights: Weights, norm: float) -> Way:
    """The weighted sum, brought to one norm."""

    def way(z: FloatArray) -> FloatArray:
        y = linear(weights)(z)
        return np.asarray(y * (norm / np.linalg.norm(y, axis=-1, keepdims=True)))

    return way


def lol(weights: Weights, prior: Distribution) -> Way:
    """LOL for independent components."""
    combined = factored(weights, 0.0)
    return lambda z: carried(combined(carried(z, prior, _NORMAL)), _NORMAL, prior)


def cauchy(weights: Weights, prior: Distribution) -> Way:
    """Cauchy-linear interpolation; for two latents in the paper, the formula is that for more."""
    combined = linear(weights)
    return lambda z: carried(combined(carried(z, prior, _CAUCHY)), _CAUCHY, prior)


def spherical_cauchy(t: float, prior: otmaps.Isotropic) -> Way:
    """Spherical Cauchy-linear interpolation: the norms by `cauchy`, the directions by `slerp`."""

    def way(z: FloatArray) -> FloatArray:
        norms = np.linalg.norm(z, axis=-1)
        norm = cauchy((1.0 - t, t), prior.norm)(norms)
        return np.asarray(slerp(t)(z / norms[..., None]) * norm[:, None])

    return way


def ways(op: otmaps.Operation, prior: Distribution, dim: int) -> Mapping[str, Way]:
    """All ways for a linear operation on independent components of a law."""
    assert op.linear is not None
    weights = op.linear.weights
    mean, std = float(prior.mean()), float(prior.std())
    matched = otmaps.match(op, prior, store=None)
    found = {RAW: linear(weights)}
    if op.name == "lerp":
        found[SLERP] = slerp(float(op.parameters["t"]))
    found[FACTOR] = factored(weights, mean)
    found[NORM] = set_norm(weights, math.sqrt(dim) * math.hypot(mean, std))
    if min(weights) >= 0.0 and math.isclose(math.fsum(weights), 1.0):
        found[CAUCHY] = cauchy(weights, prior)
    found[LOL] = lol(weights, prior)
    found[OURS] = lambda z: np.asarray(matched(*z))
    return found


@functools.cache
def _matched(
    make: Callable[[float], otmaps.Operation], t: float, prior: otmaps.Isotropic
) -> otmaps.MatchedIsotropicOperation:
    return otmaps.match(make(t), prior, store=None)


def expected_cost(way: Way, weights: Weights, prior: Distribution) -> float:
    """E |result - raw result|^2 of a way to combine two latents of one component.

    By the trapezoidal rule in the latents made normal, where it converges fast. Where rounding
    leaves no number, beyond 8 standard deviations of bounded latents, the result counts as raw.
    """
    seeds = np.arange(-_REACH, _REACH + 0.5 * _STEP, _STEP)
    density = _STEP * np.asarray(_NORMAL.pdf(seeds))
    z = np.stack(np.meshgrid(*[carried(seeds, _NORMAL, prior)] * 2, indexing="ij"))
    with np.errstate(all="ignore"):
        change = np.square(way(z[..., None])[..., 0] - linear(weights)(z))
    return float(density @ np.where(np.isfinite(change), change, 0.0) @ density)


def isotropic_ways(t: float, prior: otmaps.Isotropic) -> Mapping[str, Way]:
    """All ways to interpolate between latents of an isotropic law."""
    weights = (1.0 - t, t)
    size = math.sqrt(float(prior.norm.std()) ** 2 + float(prior.norm.mean()) ** 2)
    found = {
        RAW: linear(weights),
        SLERP: slerp(t),
        FACTOR: factored(weights, 0.0),
        NORM: set_norm(weights, size),
    }
    if prior.norm.std() > 0.0:
        found[CAUCHY] = spherical_cauchy(t, prior)
    if isinstance(prior, otmaps.StandardNormal):
        found[LOL] = factored(weights, 0.0)  # for normal latents LOL is this factor
    found[OURS] = lambda z: np.asarray(_matched(otmaps.lerp, t, prior)(*z))
    found[OURS_SLERP] = lambda z: np.asarray(_matched(otmaps.slerp, t, prior)(*z))
    return found
