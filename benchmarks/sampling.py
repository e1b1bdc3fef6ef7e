"""Sampling beside plain NumPy: time and memory of long runs, and what quasi-random points gain.

The plain way to a law with quantiles from draws is to draw, evaluate and sort; "draws alone"
leaves the sorting out, and with it the law.
"""

from __future__ import annotations

import numpy as np

import otmaps

from .cases import FloatArray
from .sizes import DRAWS, SAMPLES, SEED

WAYS = ("otmaps", "otmaps, 2 threads", "NumPy, draws and sort", "NumPy, draws alone")
INPUTS = (1, 2, 4, 8)


def product(a: FloatArray, b: FloatArray) -> FloatArray:
    return a * b


def run(way: str, n: int) -> otmaps.Distribution | FloatArray:
    """The law of the product of two normals from n draws, or the draws."""
    if way.startswith("otmaps"):
        method = otmaps.MonteCarlo(n, SEED, workers=2 if "threads" in way else 1, progress=False)
        return method.law(otmaps.operation(product)(), (otmaps.Normal(),) * 2, 1.0)
    rng = np.random.default_rng(SEED)
    draws = product(rng.standard_normal(n), rng.standard_normal(n))
    if "sort" in way:
        draws.sort()
    return draws


class LongRun:
    """One law from very many draws of a function of two inputs."""

    params = (WAYS,)
    param_names = ("way",)
    timeout = 600
    number = repeat = rounds = 1  # a run takes seconds
    warmup_time = 0.0

    def setup(self, way: str) -> None:
        if way.startswith("otmaps"):
            run(way, min(SAMPLES, 5_000_000))  # compiles what counts

    def time_run(self, way: str) -> None:
        run(way, SAMPLES)

    def peakmem_run(self, way: str) -> None:
        run(way, SAMPLES)


class Points:
    """What a budget of evaluations states and reaches, on the sum of so many normals."""

    params = (("MonteCarlo", "RQMC"), INPUTS)
    param_names = ("estimator", "inputs")

    def setup(self, estimator: str, inputs: int) -> None:
        total = 2 ** int(np.log2(max(DRAWS, 2**12)))
        made = {"MonteCarlo": otmaps.MonteCarlo(total), "RQMC": otmaps.RQMC(total // 32)}
        self.method = made[estimator]
        self.op, self.laws = otmaps.linear([1.0] * inputs), (otmaps.Normal(),) * inputs
        self.truth = otmaps.Normal(0.0, float(np.sqrt(inputs)))
        self.law = self.method.law(self.op, self.laws, 1.0)

    def time_law(self, estimator: str, inputs: int) -> None:
        self.method.law(self.op, self.laws, 1.0)

    def track_stated_error(self, estimator: str, inputs: int) -> float:
        return self.law.error

    def track_error(self, estimator: str, inputs: int) -> float:
        x = self.law.ppf((np.arange(2**14) + 0.5) * 2.0**-14)
        return float(np.max(np.abs(self.law.cdf(x) - self.truth.cdf(x))))
