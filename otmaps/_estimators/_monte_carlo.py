"""The law of any pointwise operation from draws of its inputs."""

from __future__ import annotations

import dataclasses
import operator
from typing import Any, final

import numpy as np

from otmaps._arrays import FloatArray, real_scalar
from otmaps._distribution import Distribution
from otmaps._empirical import Empirical
from otmaps._estimators._base import Estimator, Inputs
from otmaps._operations import Operation

_BLOCK = 2**16
_FEWEST = 100


@final
@dataclasses.dataclass(frozen=True)
class MonteCarlo(Estimator):
    """The empirical law of the operation on ``n`` independent draws of its inputs.

    Serves every pointwise operation. The error of the cdf falls as ``1 / sqrt(n)``; see
    `Empirical` for the bound, which holds with probability ``confidence``.

    Parameters
    ----------
    n : int
        The number of draws, at least 100; 8 bytes each are kept, and four times that is used.
    seed : int
        The seed of all draws, non-negative: equal seeds give equal laws.
    confidence : float
        The probability with which the error of the law holds, between 0 and 1.
    """

    n: int = 2**18
    seed: int = 0
    confidence: float = 0.999

    def __post_init__(self) -> None:
        n, seed = _integer(self.n, "n"), _integer(self.seed, "seed")
        confidence = real_scalar(self.confidence, "confidence")
        if n < _FEWEST:
            raise ValueError(f"n must be at least {_FEWEST}, got {n}.")
        if seed < 0:
            raise ValueError(f"seed must not be negative, got {seed}.")
        if not 0.0 < confidence < 1.0:
            raise ValueError(f"confidence must lie between 0 and 1, got {confidence}.")
        object.__setattr__(self, "n", n)
        object.__setattr__(self, "seed", seed)
        object.__setattr__(self, "confidence", confidence)

    @property
    def name(self) -> str:
        """The name that `method=` takes."""
        return "Monte Carlo"

    def refuses(self, op: Operation, inputs: Inputs) -> str | None:  # noqa: ARG002 - any law has draws
        """Why the estimator does not serve this case; None where it does."""
        if not op.pointwise:
            return "it mixes the components of a latent, so the law of one component is not enough"
        return None

    def law(self, op: Operation, inputs: Inputs, tol: float) -> Distribution:  # noqa: ARG002 - n decides
        """The empirical law; its error depends on ``n`` and ``confidence``, not on ``tol``.

        It is the error of sampling for the inputs as they are: where an input is itself a law of
        a sample, the difference of that from its population comes on top.

        Raises
        ------
        ValueError
            Where the operation returns NaN, infinities, a constant or a wrong shape.
        """
        blocks = -(-self.n // _BLOCK)
        results = np.empty(self.n)
        for k, child in enumerate(np.random.SeedSequence(self.seed).spawn(blocks)):
            part = results[k * _BLOCK : (k + 1) * _BLOCK]
            rng = np.random.default_rng(child)
            draws = [np.asarray(law.rvs(part.size, rng)) for law in inputs]
            part[:] = op.raw(*draws)
        _check_results(op, results)
        stated = f"n={self.n}, seed={self.seed}, confidence={self.confidence:g}"
        return Empirical(results, confidence=self.confidence, origin=f"Monte Carlo ({stated})")


def _check_results(op: Operation, results: FloatArray) -> None:
    bad = int(np.count_nonzero(~np.isfinite(results)))
    if bad:
        raise ValueError(
            f"operation {op.name!r} returned {bad} values that are NaN or infinite, of "
            f"{results.size}, on draws of its inputs; it must be finite for almost every latent."
        )
    if results.min() == results.max():
        raise ValueError(
            f"operation {op.name!r} returned {results[0]} for each of {results.size} draws: "
            "a constant has no law to match."
        )


def _integer(value: Any, name: str) -> int:
    try:
        return operator.index(value)
    except TypeError:
        raise TypeError(f"{name} must be an integer, got {value!r}.") from None
