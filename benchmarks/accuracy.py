"""How far laws and maps are from the truth, and whether they know it.

The truth is in closed form, in arithmetic of 400 digits (see `truth`).
"""

from __future__ import annotations

import math

import numpy as np

import otmaps

from .cases import OPERATIONS, PRIORS, draws
from .sizes import DRAWS, SEED
from .truth import TRUTHS


class Law:
    """The law of the result."""

    params = (list(TRUTHS),)
    param_names = ("case",)

    def track_absolute_error(self, case: str) -> float:
        return TRUTHS[case].absolute_error()

    def track_stated_error(self, case: str) -> float:
        return float(TRUTHS[case].law.error)

    def track_tail_error(self, case: str) -> float:
        return TRUTHS[case].tail_error()

    def track_stated_tail_error(self, case: str) -> float:
        return float(TRUTHS[case].law.tail_error)


Law.track_absolute_error.unit = "in the cdf"
Law.track_stated_error.unit = "in the cdf"
Law.track_tail_error.unit = "relative to the tail"
Law.track_stated_tail_error.unit = "relative to the tail"


class Map:
    """The map from the result back to the prior."""

    params = (list(TRUTHS),)
    param_names = ("case",)
    unit = "standard deviations of the prior, or relative"

    def track_error(self, case: str) -> float:
        return TRUTHS[case].map_error()

    def track_stated_error(self, case: str) -> float:
        return float(TRUTHS[case].map.error)


class Matched:
    """The Kolmogorov-Smirnov distance of matched latents from the prior.

    Times the root of their number: above 1.95 is rarer than one in a thousand.
    """

    params = (list(PRIORS), list(OPERATIONS))
    param_names = ("prior", "operation")
    unit = "sqrt(n) * KS"

    def track_distance(self, prior: str, operation: str) -> float:
        law, op = PRIORS[prior], OPERATIONS[operation]
        z = [draws(law, DRAWS, SEED + i) for i in range(len(op.latents))]
        matched = otmaps.match(op, law, store=None)
        return kolmogorov_smirnov(law.cdf(matched(*z)))


def kolmogorov_smirnov(u: np.ndarray) -> float:
    """The root of n times the distance of n values from the uniform law on [0, 1]."""
    u = np.sort(u)
    steps = np.arange(u.size + 1) / u.size
    distance = max(float((steps[1:] - u).max()), float((u - steps[:-1]).max()))
    return math.sqrt(u.size) * distance
