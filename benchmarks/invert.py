"""Inverse maps, and quantiles of laws beside those of scipy."""

from __future__ import annotations

import time

import numpy as np

import otmaps

from .cases import OPERATIONS, PRIORS, TABULATED, draws, midpoint_map
from .peers import scipy_law
from .sizes import QUANTILES, SEED


class Inverse:
    """The inverse of the map of a midpoint."""

    params = (TABULATED,)
    param_names = ("prior",)
    timer = staticmethod(time.thread_time)

    def setup(self, prior: str) -> None:
        self.map = midpoint_map(prior)
        self.z = draws(PRIORS[prior])
        self.out = np.empty_like(self.z)
        self.map.inverse(self.z[:10], out=self.out[:10])

    def time_inverse(self, prior: str) -> None:
        self.map.inverse(self.z, out=self.out)


class Quantile:
    """Quantiles of a prior."""

    params = (("otmaps", "scipy.stats"), list(PRIORS))
    param_names = ("package", "prior")
    timer = staticmethod(time.thread_time)

    def setup(self, package: str, prior: str) -> None:
        self.law = PRIORS[prior] if package == "otmaps" else scipy_law(prior)
        self.p = np.random.default_rng(SEED).random(QUANTILES)
        self.time_ppf(package, prior)

    def time_ppf(self, package: str, prior: str) -> None:
        self.x = self.law.ppf(self.p)


class ResultQuantile:
    """Quantiles of the law of a midpoint, which no other package has to this accuracy."""

    params = (TABULATED,)
    param_names = ("prior",)
    timer = staticmethod(time.thread_time)

    def setup(self, prior: str) -> None:
        self.law = otmaps.pushforward(OPERATIONS["lerp"], PRIORS[prior])
        self.p = np.random.default_rng(SEED).random(QUANTILES)
        self.time_ppf(prior)

    def time_ppf(self, prior: str) -> None:
        self.x = self.law.ppf(self.p)
