"""Laws of weighted sums beside those of OpenTURNS: time, and accuracy at the points of a file.

An OpenTURNS law does its work when its first value is asked for, so a build ends with a value here.
"""

from __future__ import annotations

import time
import warnings
from typing import TypeAlias

import numpy as np

import otmaps
from otmaps import Distribution

from . import linear_peers
from .linear_truth import CASES, Errors, Exact, described, errors, law_errors, parameters
from .linear_truth import pushforward as law_of_case
from .sizes import LINEAR_VALUES, PEER_VALUES, SEED, TINY

warnings.simplefilter("ignore", otmaps.AccuracyWarning)  # the class Accuracy says what is reached

PACKAGES = ("otmaps", "OpenTURNS")

LAWS: dict[str, Distribution] = {
    "uniform": otmaps.Uniform(),
    "laplace": otmaps.Laplace(),
    "exponential": otmaps.Exponential(),
    "logistic": otmaps.Logistic(),
    "gumbel": otmaps.Gumbel(),
    "student 3": otmaps.StudentT(3.0),
    "arcsine": otmaps.Arcsine(),
    "gamma .5": otmaps.Gamma(0.5),
}

SUMS: dict[str, list[float]] = {
    "2 inputs": [0.6, 0.4],
    "4 distinct": [0.1, 0.2, 0.3, 0.4],
    "100 distinct": [0.5 + 0.01 * i for i in range(10 if TINY else 100)],
    "1000 equal": [0.03] * (10 if TINY else 1000),
}

TIMED = (
    "uniform n=4 distinct",
    "uniform n=100 distinct",
    "exponential (.3, .7)",
    "laplace vicinity",
    "laplace n=4 distinct",
    "logistic analogy",
    "student3 (.894, .447)",
    "student5 mean of three",
    "gumbel difference",
    "gamma.5 pair",
    "arcsine (.6, .4)",
    "lognormal (.6, .4)",
    "normal + laplace",
    "uniform + exponential + laplace",
    "mixture + uniform",
)
"""Cases whose values are timed, and whose errors the suite follows."""

AnyLaw: TypeAlias = Distribution | linear_peers.PeerLaw


def peer(terms: list[tuple[str, dict[str, object], float]]) -> linear_peers.PeerLaw:
    """The law by OpenTURNS; asv goes on where there is none."""
    try:
        return linear_peers.openturns(terms)
    except Exception as error:  # whatever it raises is its refusal
        raise NotImplementedError(str(error)) from error


def law_of(package: str, case: str) -> AnyLaw:
    """The law of a case."""
    if package == "otmaps":
        return law_of_case(CASES[case])
    return peer(described(CASES[case]))


class Build:
    """From laws and weights to the first value of the cdf."""

    params = (PACKAGES, list(LAWS), list(SUMS))
    param_names = ("package", "law", "sum")
    timer = staticmethod(time.thread_time)

    def setup(self, package: str, law: str, of: str) -> None:
        self.law, self.weights = LAWS[law], SUMS[of]
        self.operation = otmaps.linear(self.weights)
        name, params = parameters(self.law)
        self.terms = [(name, params, weight) for weight in self.weights]
        self.middle = np.array([sum(self.weights) * self.law.median()])
        self.time_build(package, law, of)

    def time_build(self, package: str, law: str, of: str) -> None:
        if package == "otmaps":
            self.found = otmaps.pushforward(self.operation, self.law).cdf(self.middle)
        else:
            self.found = peer(self.terms).cdf(self.middle)


class Value:
    """Nanoseconds a value, at the same random points; the peer has the first of them only."""

    params = (PACKAGES, TIMED)
    param_names = ("package", "case")
    unit = "ns a value"

    def setup(self, package: str, case: str) -> None:
        law = law_of_case(CASES[case])
        rng = np.random.default_rng(SEED)
        self.p = rng.random(LINEAR_VALUES if package == "otmaps" else PEER_VALUES)
        self.x = np.asarray(law.ppf(self.p))
        self.law = law if package == "otmaps" else law_of(package, case)
        self.law.cdf(self.x[:10])

    def track_cdf(self, package: str, case: str) -> float:
        return 1e9 * linear_peers.seconds_a_value(self.law.cdf, self.x)

    def track_ppf(self, package: str, case: str) -> float:
        return 1e9 * linear_peers.seconds_a_value(self.law.ppf, self.p)


def case_errors(package: str, case: str) -> Errors:
    """Those of the law of a case."""
    exact, law = Exact.of(case), law_of(package, case)
    if isinstance(law, Distribution):
        return law_errors(exact, law)
    try:
        values = [f(exact.x) for f in (law.cdf, law.sf, law.pdf)]
    except Exception as error:  # as above
        raise NotImplementedError(str(error)) from error
    return errors(exact, *values, law_of_case(CASES[case]).breakpoints)


class Accuracy:
    """Errors against 25 digits, tails down to 1e-300; docs/accuracy.md has all the cases."""

    params = (PACKAGES, TIMED)
    param_names = ("package", "case")

    def setup(self, package: str, case: str) -> None:
        self.found = case_errors(package, case)

    def track_absolute_error(self, package: str, case: str) -> float:
        return self.found.absolute

    def track_tail_error(self, package: str, case: str) -> float:
        return self.found.to_1e_300

    def track_pdf_error(self, package: str, case: str) -> float:
        return self.found.pdf


Accuracy.track_absolute_error.unit = "in the cdf and sf"
Accuracy.track_tail_error.unit = "relative to the nearer tail"
Accuracy.track_pdf_error.unit = "relative to the pdf"
