"""Families: making one, a map of it, a path and a batch."""

from __future__ import annotations

import functools

import numpy as np

import otmaps

from .cases import PRIORS, draws
from .sizes import SEED, TINY

FRAMES = 4 if TINY else 24
LATENTS = (2, 64) if TINY else (16, 512)
TOL = 1e-6


@functools.cache
def _family(prior: str) -> otmaps.Family:
    return otmaps.family(otmaps.lerp, PRIORS[prior], t=(0.0, 0.5), tol=TOL)


class Making:
    """All of t from 0 to 0.5, with compiled code warm."""

    params = (["normal", "uniform"] if TINY else ["normal", "uniform", "laplace"],)
    param_names = ("prior",)
    timeout = 300

    def setup(self, prior: str) -> None:
        _family(prior)

    def time_make(self, prior: str) -> None:
        otmaps.family(otmaps.lerp, PRIORS[prior], t=(0.0, 0.5), tol=TOL)


class Using:
    """A value of t, beside matching it anew; frames and an own t for each latent."""

    params = (["normal", "uniform", "laplace"],)
    param_names = ("prior",)
    timeout = 300

    def setup(self, prior: str) -> None:
        self.family = _family(prior)
        self.z = [draws(PRIORS[prior], int(np.prod(LATENTS)), SEED + i) for i in range(2)]
        self.z = [z.reshape(LATENTS) for z in self.z]
        self.t = np.linspace(0.01, 0.49, FRAMES)
        self.out = np.empty((FRAMES, *LATENTS))
        for run in (self.time_map, self.time_match, self.time_path, self.time_per_sample):
            run(prior)

    def time_map(self, _prior: str) -> None:
        self.family.map(0.23)

    def time_match(self, prior: str) -> None:
        otmaps.match(otmaps.lerp(0.23), PRIORS[prior], tol=TOL, store=None)

    def time_path(self, _prior: str) -> None:
        self.family.path(*self.z, t=self.t, out=self.out)

    def time_per_sample(self, _prior: str) -> None:
        self.family.per_sample(*self.z, t=np.linspace(0.01, 0.49, LATENTS[0]))
