"""Linear operations on normal latents with a covariance, beside the same formula in NumPy."""

from __future__ import annotations

import time

import numpy as np

import otmaps

from .sizes import SEED, VALUES

DIM = 512


def prior(kind: str) -> otmaps.MultivariateNormal:
    """A law of vectors of 512 components, and of images of 16 by 32."""
    rng = np.random.default_rng(SEED)
    mean: float | np.ndarray = rng.standard_normal(DIM)
    if kind == "diagonal":
        return otmaps.MultivariateNormal(mean, otmaps.Diagonal(rng.uniform(0.5, 2.0, DIM)))
    if kind == "dense":
        root = rng.standard_normal((DIM, DIM)) / 16.0
        return otmaps.MultivariateNormal(mean, root @ root.T + np.eye(DIM))
    if kind == "low rank":
        factor = rng.standard_normal((DIM, 8))
        return otmaps.MultivariateNormal(mean, otmaps.LowRank(factor, 0.5))
    squares = np.fft.fftfreq(16)[:, None] ** 2 + np.fft.fftfreq(32) ** 2
    return otmaps.MultivariateNormal(0.3, otmaps.Circulant(1.0 / (0.01 + squares)))


class Gaussian:
    """The midpoint of two latents, and a step of white noise: latents of one law, and of two."""

    params = (["diagonal", "dense", "low rank", "circulant"],)
    param_names = ("covariance",)
    timer = staticmethod(time.thread_time)

    def setup(self, covariance: str) -> None:
        law = prior(covariance)
        white = otmaps.MultivariateNormal(0.0, otmaps.Diagonal.white(law.shape))
        count = max(VALUES // DIM, 1)
        self.z = law.rvs(count, SEED), white.rvs(count, SEED + 1)
        self.law, self.white = law, white
        self.weights = np.hypot(0.5, 0.5)
        self.midpoint = otmaps.match(otmaps.lerp(0.5), law)
        self.step = otmaps.match(otmaps.vicinity(0.5), law, inputs={"u": white})
        self.time_midpoint(covariance)
        self.time_step(covariance)

    def time_numpy(self, covariance: str) -> None:
        a, b = self.z
        self.result = self.law.mean + (0.5 * (a + b) - self.law.mean) / self.weights

    def time_midpoint(self, covariance: str) -> None:
        self.result = self.midpoint(*self.z)

    def time_step(self, covariance: str) -> None:
        self.result = self.step(*self.z)

    def time_build(self, covariance: str) -> None:
        otmaps.match(otmaps.vicinity(0.5), self.law, inputs={"u": self.white})
