"""The norm of the sum of two uniform points of balls: its density has a closed form."""

from __future__ import annotations

import math

import numpy as np
from scipy import special

from otmaps._arrays import FloatArray
from otmaps._distribution import Distribution
from otmaps._estimators._norm_density import NormDensity, law_of_norm
from otmaps._special import log_betainc

_ROUNDING = 1e-13  # relative, of the incomplete beta function
_DEEP = 1e-280


def two_balls(dim: int, a: float, b: float, tol: float) -> Distribution:
    """The law of the norm of X + Y with X and Y uniform in balls of radii a and b.

    The density of X + Y at distance s from 0 is the volume that two balls of radii a and b share
    whose centres are s apart, over the product of their volumes; that volume is two caps.
    """
    end, gap = a + b, abs(a - b)

    def density(t: FloatArray) -> FloatArray:
        """Of log(s / (end - s))."""
        s, rest = end / (1.0 + np.exp(-t)), end / (1.0 + np.exp(t))
        with np.errstate(all="ignore"):
            # 16 times the squared area of the triangle of sides a, b and s: Heron.
            area = rest * (end + s) * np.maximum(s - gap, 0.0) * (s + gap)
            first = _log_cap(dim, area / (2.0 * s * a) ** 2, s * s + (a - b) * (a + b))
            second = _log_cap(dim, area / (2.0 * s * b) ** 2, s * s - (a - b) * (a + b))
            inside = np.where(s < gap, 0.0, -np.inf)  # the smaller ball as a whole
            if a < b:
                first = np.where(s < gap, inside, first)
                second = np.where(s < gap, -np.inf, second)
            else:
                second = np.where(s < gap, inside, second)
                first = np.where(s < gap, -np.inf, first)
            shared = np.logaddexp(first - dim * math.log(b), second - dim * math.log(a))
            lead = math.log(dim) + (dim - 1.0) * np.log(s) + shared
            return np.asarray(lead + np.log(s) + np.log(rest / end))

    origin = math.hypot(a, b)
    width = 4.0 / math.sqrt(dim)
    kinks = [gap] if gap > 0.0 else []
    found = NormDensity.of(density, density, origin, width, kinks=kinks, end=end)
    gaps = found.gaps(density)
    inherited = _ROUNDING + 2.0 * gaps[0], _ROUNDING * dim + 2.0 * gaps[1]
    return law_of_norm(found, kinks, inherited, tol, "closed form of the density")


def _log_cap(dim: int, x: FloatArray, along: FloatArray) -> FloatArray:
    """The share of a ball beyond a plane, where 1 - x is the squared distance of its centre.

    ``along`` is negative where the centre is beyond the plane too.
    """
    half = 0.5 * (dim + 1.0)
    x = np.clip(x, 1e-300, 1.0)
    value = np.asarray(special.betainc(half, 0.5, x))
    log = np.log(0.5 * value)
    deep = value < _DEEP
    if deep.any():
        log[deep] = log_betainc(half, 0.5, np.log(x[deep]), np.log1p(-x[deep])) - math.log(2.0)
    return np.where(along >= 0.0, log, np.log1p(-0.5 * value))
