"""How often a stated error fails, against its stated confidence: a table from many seeded runs.

    python -m benchmarks.honesty --runs 2000 RQMC "Monte Carlo"

Every run is one law with its own seed; it fails where the largest |cdf error| over all points is
more than `error`. Allowed are as many failures as a binomial law with the stated rate exceeds once
in a thousand times.
"""

from __future__ import annotations

import argparse
import math
import sys
import warnings
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple, TypeAlias

import numpy as np
from scipy import special

import otmaps
from otmaps import Distribution, Estimator, Operation

from .cases import FloatArray
from .sizes import HONESTY_RUNS

CONFIDENCE = 0.95
_LEVELS = (np.arange(2**13) + 0.5) * 2.0**-13
LUCK = 1e-3  # of a table that shows more failures than allowed although the rate is kept


class Case(NamedTuple):
    """An operation, the law of each of its latents, and the cdf of its result."""

    op: Operation
    law: Distribution
    cdf: Callable[[FloatArray], Any]


def _clipped(x: FloatArray) -> FloatArray:
    """Of a standard normal, clipped to [-1, 1.5]."""
    return np.where(x < -1.0, 0.0, np.where(x < 1.5, special.ndtr(x), 1.0))


def _range_of_uniforms(x: FloatArray) -> FloatArray:
    """Of the largest less the smallest of four uniforms on [0, 1]."""
    x = np.clip(x, 0.0, 1.0)
    return 4.0 * x**3 - 3.0 * x**4


def _product_of_uniforms(x: FloatArray) -> FloatArray:
    x = np.clip(x, 1e-300, 1.0)
    return x * (1.0 - np.log(x))


def _sign_of_product(x: FloatArray) -> FloatArray:
    return np.where(x < -1.0, 0.0, np.where(x < 1.0, 0.5, 1.0))


def _range4(a: FloatArray, b: FloatArray, c: FloatArray, d: FloatArray) -> FloatArray:
    low, high = np.minimum(np.minimum(a, b), np.minimum(c, d)), np.maximum(a, b)
    return np.maximum(high, np.maximum(c, d)) - low


_NORMAL, _UNIFORM = otmaps.Normal(), otmaps.Uniform(0.0, 1.0)

# Name: (function, the law of its latents, the cdf of its result).
CASES: dict[str, Case] = {
    name: Case(otmaps.operation(function)(), law, cdf)
    for name, function, law, cdf in (
        ("normals a + b", lambda a, b: a + b, _NORMAL, otmaps.Normal(0.0, math.sqrt(2.0)).cdf),
        ("normals a / b", lambda a, b: a / b, _NORMAL, otmaps.Cauchy().cdf),
        ("uniforms a * b", lambda a, b: a * b, _UNIFORM, _product_of_uniforms),
        (
            "uniforms max(a, b, c)",
            lambda a, b, c: np.maximum(np.maximum(a, b), c),
            _UNIFORM,
            otmaps.Beta(3.0, 1.0).cdf,
        ),
        ("normals ad - bc", lambda a, b, c, d: a * d - b * c, _NORMAL, otmaps.Laplace().cdf),
        ("uniforms max - min of 4", _range4, _UNIFORM, _range_of_uniforms),
        (
            "normals a² + ... + f²",
            lambda a, b, c, d, e, f: a * a + b * b + c * c + d * d + e * e + f * f,
            _NORMAL,
            otmaps.Gamma(3.0, scale=2.0).cdf,
        ),
        (
            "Laplaces abs(a) + ... + abs(h)",
            lambda a, b, c, d, e, f, g, h: (
                abs(a) + abs(b) + abs(c) + abs(d) + abs(e) + abs(f) + abs(g) + abs(h)
            ),
            otmaps.Laplace(),
            otmaps.Gamma(8.0).cdf,
        ),
        ("normals clip(a)", lambda a: np.clip(a, -1.0, 1.5), _NORMAL, _clipped),
        ("normals sign(ab)", lambda a, b: np.sign(a * b), _NORMAL, _sign_of_product),
    )
}

Maker: TypeAlias = Callable[[int, float], Estimator]

# Each of a seed and a confidence.
ESTIMATORS: dict[str, Maker] = {
    "Monte Carlo": lambda seed, confidence: otmaps.MonteCarlo(2**12, seed, confidence),
    "RQMC": lambda seed, confidence: otmaps.RQMC(2**8, 32, seed, confidence),
    "RQMC, 8 replicates": lambda seed, confidence: otmaps.RQMC(2**10, 8, seed, confidence),
    "conditional RQMC": lambda seed, confidence: otmaps.ConditionalRQMC(2**10, 8, seed, confidence),
    "RQMC, many points": lambda seed, confidence: otmaps.RQMC(2**13, 16, seed, confidence),
}


def largest_error(law: Distribution, cdf: Callable[[FloatArray], Any]) -> float:
    """The largest |cdf error|, from both sides of every point."""
    x = np.unique(law.ppf(_LEVELS))
    x = np.concatenate([x, np.nextafter(x, -np.inf)])
    return float(np.max(np.abs(np.asarray(law.cdf(x)) - np.asarray(cdf(x)))))


class Count(NamedTuple):
    """What many runs of an estimator have shown."""

    runs: int
    failures: int
    allowed: int
    used: float
    """The mean of error / stated error."""


def count_failures(
    make: Maker, case: Case, runs: int, confidence: float = CONFIDENCE, share: float = 1.0
) -> Count:
    """Runs whose error is more than a share of the stated one."""
    failures, used = 0, 0.0
    inputs = (case.law,) * len(case.op.latents)
    for seed in range(runs):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", otmaps.AccuracyWarning)
            law = otmaps.pushforward(
                case.op, case.law, inputs=inputs, method=make(seed, confidence), tol=0.5
            )
        error = largest_error(law, case.cdf)
        failures += int(error > share * law.error)
        used += error / law.error / runs
    return Count(runs, failures, most_failures(runs, 1.0 - confidence), used)


def most_failures(runs: int, rate: float, luck: float = LUCK) -> int:
    """The smallest number that is exceeded with a probability of at most ``luck``."""
    counts = np.arange(runs + 1)
    return int(counts[special.bdtrc(counts, runs, rate) <= luck][0])


def _say(line: str) -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


def print_table(names: Sequence[str], runs: int, confidence: float) -> bool:
    """Print a row for each estimator and case; whether all failures are allowed."""
    _say(f"stated confidence {confidence:g}")
    _say("| estimator | case | runs | failures | allowed | error / stated, mean |")
    _say("| --- | --- | ---: | ---: | ---: | ---: |")
    honest = True
    for name in names:
        for title, case in CASES.items():
            inputs = (case.law,) * len(case.op.latents)
            if ESTIMATORS[name](0, confidence).refuses(case.op, inputs):
                _say(f"| {name} | {title} | refused | | | |")
                continue
            found = count_failures(ESTIMATORS[name], case, runs, confidence)
            row = f"{found.runs} | {found.failures} | {found.allowed} | {found.used:.2f}"
            _say(f"| {name} | {title} | {row} |")
            honest &= found.failures <= found.allowed
    return honest


def main(arguments: Sequence[str] | None = None) -> None:
    """Print the table of the estimators that are named, or of all."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("names", nargs="*", metavar="ESTIMATOR", help=", ".join(ESTIMATORS))
    parser.add_argument("--runs", type=int, default=HONESTY_RUNS)
    parser.add_argument("--confidence", type=float, default=CONFIDENCE)
    options = parser.parse_args(arguments)
    unknown = [name for name in options.names if name not in ESTIMATORS]
    if unknown:
        parser.error(f"no estimator {unknown[0]!r}; there are {', '.join(ESTIMATORS)}")
    if not print_table(options.names or list(ESTIMATORS), options.runs, options.confidence):
        raise SystemExit("more failures than allowed")


if __name__ == "__main__":
    main()
