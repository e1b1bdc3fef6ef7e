"""Mismatches of laws of whole latents: isotropic, normal, or of unlike components."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Sequence
from types import MappingProxyType

import numpy as np
from scipy import special

from otmaps._arrays import FloatArray
from otmaps._bures import squared_trace
from otmaps._gaussian_map import GaussianMap
from otmaps._isotropic import Isotropic
from otmaps._mismatch._figures import law_mismatch
from otmaps._mismatch._report import FIGURES, NORM, WORST, Mismatch
from otmaps._multivariate_normal import MultivariateNormal

_EPS = float(np.finfo(float).eps)
_NO_FORM = "the least l1 cost between normal laws of vectors has no closed form; see w2"


def radial_mismatch(source: Isotropic, target: Isotropic) -> Mismatch:
    """How far one isotropic law is from another: all is said by the laws of the norms.

    Both laws have the same directions, so the divergence is that of the norms; and no plan moves
    less than along the radius, because ``|x - y|`` is at least the difference of the norms.
    """
    found = law_mismatch(source.norm, target.norm, 1)
    return dataclasses.replace(found, dim=target.dim, judged=NORM)


def normal_mismatch(found: GaussianMap) -> Mismatch:
    """How far the source of a map between normal laws is from its target."""
    source, target = found.source, found.target
    value = dict.fromkeys(FIGURES, math.nan)
    error = dict.fromkeys(FIGURES, math.nan)
    if source == target:
        value |= {"kl": 0.0, "w1": 0.0, "w2": 0.0, "ks": 0.0}
        error |= {"kl": 0.0, "w1": 0.0, "w2": 0.0, "ks": 0.0}
    else:
        value["kl"], value["w2"] = source.divergence(target), found.distance
        # The ratios of variances are known to twice the error of the map and to rounding.
        share = 2.0 * found.error + 8.0 * _EPS
        error["kl"] = share * (source.dim + 2.0 * value["kl"])
        size = math.sqrt(target.covariance.trace)
        error["w2"] = (found.error + found.rounding + 8.0 * _EPS) * size + 8.0 * _EPS * value["w2"]
        value["ks"], error["ks"] = float(_largest_gaps(source, target).max()), 1e-14
    for prefix, law in (("", source), ("prior_", target)):
        mean, std = _squared_norm(law)
        value |= {prefix + "norm_mean": mean, prefix + "norm_std": std}
        error |= {prefix + "norm_mean": 8.0 * _EPS * mean, prefix + "norm_std": 64.0 * _EPS * std}
    value["norm_shift"] = value["norm_mean"] / value["prior_norm_mean"]
    error["norm_shift"] = 16.0 * _EPS * value["norm_shift"]
    return Mismatch(
        dim=source.dim,
        error=MappingProxyType(error),
        reasons=MappingProxyType({"w1": _NO_FORM} if math.isnan(value["w1"]) else {}),
        method="closed form",
        judged=WORST,
        **value,
    )


def joined(parts: Sequence[Mismatch]) -> Mismatch:
    """The mismatch of independent groups of components."""
    value: dict[str, float] = {}
    error: dict[str, float] = {}
    reasons: dict[str, str] = {}
    for name in FIGURES:
        values = np.array([getattr(part, name) for part in parts])
        errors = np.array([part.error[name] for part in parts])
        value[name], error[name] = _joined(name, values, errors)
        if not math.isfinite(value[name]):
            said = [part.reasons[name] for part in parts if name in part.reasons]
            reasons |= {name: said[0]} if said else {}
    shift = value["norm_mean"] / value["prior_norm_mean"]
    value["norm_shift"] = shift if math.isfinite(value["prior_norm_mean"]) else math.nan
    share = error["norm_mean"] + value["norm_shift"] * error["prior_norm_mean"]
    error["norm_shift"] = share / value["prior_norm_mean"]
    return Mismatch(
        dim=sum(part.dim for part in parts),
        error=MappingProxyType(error),
        reasons=MappingProxyType(reasons),
        method=", ".join(dict.fromkeys(part.method for part in parts)),
        judged=WORST,
        **value,
    )


def _joined(name: str, values: FloatArray, errors: FloatArray) -> tuple[float, float]:
    if np.isinf(values).any():  # no figure is negative
        return math.inf, 0.0
    if np.isnan(values).any():
        return math.nan, math.nan
    if name == "ks":
        return float(values.max()), float(errors.max())
    if name in {"w2", "norm_std", "prior_norm_std"}:
        root = math.hypot(*values)
        return root, math.hypot(*errors)
    return math.fsum(values), math.fsum(errors)


def _squared_norm(law: MultivariateNormal) -> tuple[float, float]:
    """Mean and standard deviation of |X|^2: tr C + |m|^2, and 2 tr C^2 + 4 m C m as its square."""
    mean = law.mean
    along = float((mean * law.covariance.multiply(mean)).sum())
    square = float((mean * mean).sum())
    return law.covariance.trace + square, math.sqrt(
        2.0 * squared_trace(law.covariance) + 4.0 * along
    )


def _largest_gaps(source: MultivariateNormal, target: MultivariateNormal) -> FloatArray:
    """Kolmogorov's distance of every component: where both densities are equal."""
    scale = target.std()
    a, r = (source.mean - target.mean) / scale, source.std() / scale
    # Of u, in deviations of the target: (1 - r^2) u^2 - 2 a u + a^2 + 2 r^2 log r = 0.
    square, rest = (1.0 - r) * (1.0 + r), a * a + 2.0 * r * r * np.log(r)
    with np.errstate(all="ignore"):
        root = np.sqrt(np.maximum(a * a - square * rest, 0.0))
        half = np.where(a < 0.0, a - root, a + root)
        gaps = [
            np.abs(special.ndtr((u - a) / r) - special.ndtr(u))
            for u in (half / square, rest / half)
        ]
    return np.asarray(np.fmax(np.fmax(*gaps), 0.0))
