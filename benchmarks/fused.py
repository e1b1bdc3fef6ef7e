"""A matched operation in one pass over memory, beside two passes and beside what others do."""

from __future__ import annotations

import time

from . import blends
from .cases import TOLERANCES


class Blend:
    """The midpoint of two latents."""

    params = (list(blends.WAYS), blends.PRIOR_NAMES, tuple(TOLERANCES))
    param_names = ("way", "prior", "dtype")
    timer = staticmethod(time.thread_time)

    def setup(self, way: str, prior: str, dtype: str) -> None:
        self.blend = blends.WAYS[way](prior, *blends.latents(prior, dtype))
        self.blend()

    def time_blend(self, way: str, prior: str, dtype: str) -> None:
        self.z = self.blend()


LAWS = tuple(name for name in blends.WAYS if name not in {blends.INTO, blends.TWO_PASSES})
"""Ways that differ in their results."""


class Result:
    """What becomes of the law, and how much is changed for it."""

    params = (LAWS, blends.PRIOR_NAMES)
    param_names = ("way", "prior")

    def setup(self, way: str, prior: str) -> None:
        self.latents = blends.latents(prior)
        self.z = blends.WAYS[way](prior, *self.latents)()

    def track_distance(self, way: str, prior: str) -> float:
        return blends.distance(prior, self.z)

    def track_cost(self, way: str, prior: str) -> float:
        return blends.cost(prior, self.z, *self.latents)


class Norm:
    """What becomes of the norm of normal latents."""

    params = (LAWS,)
    param_names = ("way",)

    def setup(self, way: str) -> None:
        self.z = blends.WAYS[way]("normal", *blends.latents("normal"))()

    def track_distance(self, way: str) -> float:
        return blends.norm_distance(self.z)
