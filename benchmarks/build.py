"""Laws and maps from nothing, with compiled code warm."""

from __future__ import annotations

import warnings

import otmaps

from .cases import OPERATIONS, PRIORS

warnings.simplefilter(
    "ignore", otmaps.AccuracyWarning
)  # the accuracy benchmarks say what is reached


class Pushforward:
    """The law of the result."""

    params = (list(PRIORS), list(OPERATIONS))
    param_names = ("prior", "operation")

    def setup(self, prior: str, operation: str) -> None:
        self.prior, self.operation = PRIORS[prior], OPERATIONS[operation]
        self.time_pushforward(prior, operation)

    def time_pushforward(self, prior: str, operation: str) -> None:
        self.law = otmaps.pushforward(self.operation, self.prior)


class MonotoneMap:
    """The table, from a law that is known."""

    params = (list(PRIORS), list(OPERATIONS))
    param_names = ("prior", "operation")

    def setup(self, prior: str, operation: str) -> None:
        self.target = PRIORS[prior]
        self.source = otmaps.pushforward(OPERATIONS[operation], self.target)
        self.time_monotone_map(prior, operation)

    def time_monotone_map(self, prior: str, operation: str) -> None:
        self.map = otmaps.monotone_map(self.source, self.target)


class Match:
    """Both, as `match` does without a store."""

    params = (list(PRIORS), list(OPERATIONS))
    param_names = ("prior", "operation")

    def setup(self, prior: str, operation: str) -> None:
        self.prior, self.operation = PRIORS[prior], OPERATIONS[operation]
        self.time_match(prior, operation)

    def time_match(self, prior: str, operation: str) -> None:
        self.matched = otmaps.match(self.operation, self.prior, store=None)


class MonteCarlo:
    """The law and the map of a function that only sampling serves."""

    def setup(self) -> None:
        self.operation = otmaps.operation(lambda a, b: a * b)()
        self.method = otmaps.MonteCarlo(n=2**12, seed=0)
        self.time_match()

    def time_match(self) -> None:
        self.matched = otmaps.match(
            self.operation, otmaps.Normal(), method=self.method, tol=0.1, store=None
        )
