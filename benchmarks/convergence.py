"""Operations whose laws are known, and the errors of estimators that sample them against n."""

from __future__ import annotations

import dataclasses
import math
import time
import warnings
from collections.abc import Callable
from typing import Any, final

import mpmath
import numpy as np

import otmaps

from .sizes import TINY

FloatArray = np.ndarray[Any, np.dtype[np.float64]]

SIZES = [2**m for m in ((10, 12) if TINY else (8, 10, 12, 14, 16, 18))]
"""Points, all replicates together."""

AT = SIZES[-1] if TINY else 2**16
"""Where the estimators are compared."""

SEEDS = 2 if TINY else 16
LEAST_SEEDS = 2 if TINY else 4
REPLICATES = 8
CONFIDENCE = 0.99
LEVELS = 11 if TINY else 201
"""Quantiles of the true law at which errors are taken."""


@final
@dataclasses.dataclass(frozen=True)
class Case:
    """An operation, the laws of its inputs, and points with the true cdf there."""

    operation: otmaps.Operation
    inputs: tuple[otmaps.Distribution, ...]
    truth: Callable[[FloatArray], FloatArray]
    points: FloatArray


@final
@dataclasses.dataclass(frozen=True)
class Curve:
    """What an estimator reaches in a case: for each size the errors of all seeds, and the time."""

    sizes: tuple[int, ...]
    errors: tuple[FloatArray, ...]
    stated: tuple[FloatArray, ...]
    seconds: tuple[float, ...]

    @property
    def rms(self) -> FloatArray:
        """Root mean squares over the seeds."""
        return np.array([np.sqrt(np.mean(e**2)) for e in self.errors])

    @property
    def bounds(self) -> FloatArray:
        """Medians of the stated errors over the seeds."""
        return np.array([np.median(s) for s in self.stated])

    @property
    def exceeded(self) -> tuple[int, int]:
        """How many errors are larger than stated, and how many there are."""
        over = sum(int(np.sum(e > s)) for e, s in zip(self.errors, self.stated, strict=True))
        return over, sum(e.size for e in self.errors)

    @property
    def rate(self) -> float:
        """The power of n by which the error falls, fitted to all sizes from 2^10 on."""
        sizes = np.array(self.sizes)
        kept = sizes >= 2**10
        return float(np.polyfit(np.log(sizes[kept]), np.log(self.rms[kept]), 1)[0])


def product_of_uniforms(y: FloatArray) -> FloatArray:
    """The cdf of the product of four uniforms on [0, 1]."""
    inside = np.clip(y, 1e-300, 1.0)
    logs = -np.log(inside)
    return inside * np.asarray(sum(logs**k / math.factorial(k) for k in range(4)))


def product_of_normals(y: FloatArray) -> FloatArray:
    """The cdf of the product of four standard normals, by a G-function of Meijer.

    The density is G(y^2 / 16 | 0, 0, 0, 0) / (2 pi)^2: Springer and Thompson, SIAM J. Appl. Math.
    18 (1970), equation 5.2.
    """
    out = []
    for value in np.asarray(y, dtype=float):
        s = mpmath.mpf(value) ** 2 / 16
        half = mpmath.mpf(1) / 2
        g = mpmath.meijerg([[half], []], [[0, 0, 0, 0], [-half]], s)
        out.append(float(half + mpmath.sign(value) * mpmath.sqrt(s) * g / (2 * mpmath.pi**2)))
    return np.array(out)


def cases() -> dict[str, Case]:
    """By name."""
    uniform, normal = otmaps.Uniform(0.0, 1.0), otmaps.Normal()
    total = otmaps.operation(lambda a, b, c, d: a + b + c + d)()
    product = otmaps.operation(lambda a, b, c, d: a * b * c * d)()
    largest = otmaps.operation(lambda a, b, c, d: np.maximum(np.maximum(a, b), np.maximum(c, d)))()
    gate = otmaps.operation(lambda a, b, c, d: np.where(a > b, c, 2.0 * d))()
    u = np.linspace(0.002, 0.998, LEVELS)
    sum_law = otmaps.pushforward(otmaps.linear([1.0] * 4), uniform)
    lognormal = otmaps.LogNormal(0.5)
    mixture = otmaps.Mixture([normal, otmaps.Normal(0.0, 2.0)], [0.5, 0.5])
    logs = np.linspace(0.0, 12.0, LEVELS)  # of a product of uniforms
    by_law: dict[str, tuple[otmaps.Operation, otmaps.Distribution, otmaps.Distribution]] = {
        "sum of 4 uniforms": (total, uniform, sum_law),
        "sum of 4 normals": (total, normal, otmaps.Normal(0.0, 2.0)),
        "product of 4 lognormals": (product, lognormal, otmaps.LogNormal(1.0)),
        "maximum of 4 uniforms": (largest, uniform, otmaps.Beta(4.0, 1.0)),
        "gate of 4 normals": (gate, normal, mixture),
    }
    found = {
        name: Case(op, (law,) * 4, truth.cdf, np.asarray(truth.ppf(u)))
        for name, (op, law, truth) in by_law.items()
    }
    found["product of 4 uniforms"] = Case(
        product, (uniform,) * 4, product_of_uniforms, np.exp(-logs)
    )
    found["product of 4 normals"] = Case(
        product, (normal,) * 4, product_of_normals, np.sinh(np.linspace(-2.5, 2.5, LEVELS - 1))
    )
    return found


def estimators(n: int, seed: int) -> dict[str, otmaps.Estimator]:
    """The estimators with ``n`` points in all."""
    found: dict[str, otmaps.Estimator] = {
        "Monte Carlo": otmaps.MonteCarlo(n=n, seed=seed, confidence=CONFIDENCE)
    }
    if n >= 128 * REPLICATES:
        found["RQMC"] = otmaps.RQMC(
            n=n // REPLICATES, replicates=REPLICATES, seed=seed, confidence=CONFIDENCE
        )
    found["conditional RQMC"] = otmaps.ConditionalRQMC(
        n=n, replicates=REPLICATES, seed=seed, confidence=CONFIDENCE
    )
    return found


def seeds(n: int) -> int:
    """How many runs there are at a size: fewer of long ones."""
    return max(LEAST_SEEDS, min(SEEDS, SEEDS * 2**15 // n))


def curves(case: Case) -> dict[str, Curve]:
    """The curve of each estimator."""
    truth = case.truth(case.points)
    rows: dict[str, list[tuple[int, list[float], list[float], float]]] = {}
    for n in SIZES:
        for name in estimators(n, 0):
            errors, stated, seconds = [], [], math.inf
            for seed in range(seeds(n)):
                estimator = estimators(n, seed)[name]
                start = time.process_time()
                with warnings.catch_warnings():
                    warnings.simplefilter("ignore", otmaps.AccuracyWarning)
                    law = estimator.law(case.operation, case.inputs, 1e-9)
                seconds = min(seconds, time.process_time() - start)
                errors.append(float(np.max(np.abs(law.cdf(case.points) - truth))))
                stated.append(law.error)
            rows.setdefault(name, []).append((n, errors, stated, seconds))
    return {
        name: Curve(
            tuple(row[0] for row in found),
            tuple(np.array(row[1]) for row in found),
            tuple(np.array(row[2]) for row in found),
            tuple(row[3] for row in found),
        )
        for name, found in rows.items()
    }
