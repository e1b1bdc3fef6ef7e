"""The automatic choice: the first way that serves, and more effort until it is enough."""

from __future__ import annotations

import dataclasses
from typing import final

import numpy as np

from otmaps._distribution import Distribution
from otmaps._errors import AccuracyError, UnservedError
from otmaps._estimators._base import Estimator, Inputs
from otmaps._estimators._closed_form import ClosedForm
from otmaps._estimators._composition import Composition
from otmaps._estimators._conditional_rqmc import ConditionalRQMC
from otmaps._estimators._conditioning import Conditioning
from otmaps._estimators._contour import Contour
from otmaps._estimators._convolution import Convolution
from otmaps._estimators._level_sweep import TurnsError
from otmaps._estimators._monte_carlo import MonteCarlo
from otmaps._estimators._sampling import MIXES, confidence_level, whole_number
from otmaps._metering import metered
from otmaps._operations import Operation
from otmaps._restated import Restated

_LEAST_BUDGET = 1 << 16
_FIRST_POINTS = 1 << 10, 1 << 13  # of a first try, from which the effort for more is foretold
_VALUES_AT_FIRST = 2048  # of conditional RQMC for a point, at most in most cases
_VALUES_A_POINT = 4096  # of conditional RQMC, about as dear as so many of Monte Carlo
_VALUES_A_DRAW = 8  # of Monte Carlo, with its sorting
_RATE = 0.75  # at least its error falls as that power of the number of points
_TIES = 1 << 13  # draws among which equal ones are looked for
_GOOD = 1e-5  # sampling does not come below that soon


@final
@dataclasses.dataclass(frozen=True)
class Auto(Estimator):
    """The first estimator that serves: exact, deterministic, then by sampling.

    The order is closed form, contour, convolution, composition, conditioning, conditional RQMC and
    Monte Carlo. Where the deterministic ones do not serve, conditional RQMC is given as many points
    as reach ``tol``, or as the budget allows; Monte Carlo takes the whole budget. `method` of the
    law says what ran, and of sampling also why nothing better did. `pushforward` and `match` warn
    where the error is larger than ``tol``.

    Parameters
    ----------
    budget : int
        The most values of the operation that conditioning may compute, and again that conditional
        RQMC may, at least 65,536. A way that turns out to need more is given up for the next one.
    seed : int
        The seed of sampling, non-negative.
    confidence : float
        The probability with which the error of sampling holds, between 0 and 1.

    Examples
    --------
    >>> import otmaps
    >>> law = otmaps.pushforward(otmaps.lerp(0.3), "laplace", method=otmaps.Auto(budget=2**20))
    >>> law.method
    'convolution'
    """

    budget: int = 1 << 27
    seed: int = 0
    confidence: float = 0.999

    def __post_init__(self) -> None:
        object.__setattr__(self, "budget", whole_number(self.budget, "budget", _LEAST_BUDGET))
        object.__setattr__(self, "seed", whole_number(self.seed, "seed", 0))
        object.__setattr__(self, "confidence", confidence_level(self.confidence))

    @property
    def name(self) -> str:
        """The name that `method=` takes."""
        return "auto"

    def refuses(self, op: Operation, inputs: Inputs) -> str | None:  # noqa: ARG002 - any law has draws
        """Why the estimator does not serve this case; None where it does."""
        return None if op.pointwise else MIXES

    @property
    def deterministic(self) -> tuple[Estimator, ...]:
        """What is tried first, in this order."""
        return ClosedForm(), Contour(), Convolution(), Composition(), Conditioning(self.budget)

    @property
    def sampling(self) -> tuple[Estimator, ...]:
        """What is tried then."""
        points = max(_power_of_two(self.budget // _VALUES_A_POINT), self._first)
        return (
            ConditionalRQMC(n=points, seed=self.seed, confidence=self.confidence),
            MonteCarlo(n=self.budget // _VALUES_A_DRAW, seed=self.seed, confidence=self.confidence),
        )

    @property
    def _first(self) -> int:
        """The points of a first try of conditional RQMC."""
        least, most = _FIRST_POINTS
        return min(max(_power_of_two(self.budget // _VALUES_AT_FIRST), least), most)

    def law(self, op: Operation, inputs: Inputs, tol: float) -> Distribution:
        """The law of the result; its error may be larger than ``tol``.

        Raises
        ------
        ValueError
            Where the operation returns NaN, infinities or a constant.
        """
        reasons: dict[str, str] = {}
        for estimator in self.deterministic:
            with metered(self.budget):
                law = _tried(estimator, op, inputs, tol)
            if isinstance(law, Distribution):
                return law
            reasons[estimator.name] = law
        return self._sampled(op, inputs, tol, reasons)

    def _sampled(
        self, op: Operation, inputs: Inputs, tol: float, reasons: dict[str, str]
    ) -> Distribution:
        most, plain = self.sampling
        assert isinstance(most, ConditionalRQMC)  # noqa: S101 - two lines above
        with metered(self.budget):
            try:
                reason = most.refuses(op, inputs)
                if reason is None:
                    return _explained(self._conditional(most, op, inputs, tol), reasons)
            except (AccuracyError, UnservedError, TurnsError) as error:
                reason = str(error)
        reasons[most.name] = reason
        return _explained(plain.law(op, inputs, tol), reasons)

    def _conditional(
        self, most: ConditionalRQMC, op: Operation, inputs: Inputs, tol: float
    ) -> Distribution:
        first = dataclasses.replace(most, n=self._first)
        law = first.law(op, inputs, tol)
        if law.error <= tol or most.n == first.n:
            return law
        needed = first.n * (law.error / tol) ** (1.0 / _RATE)
        n = _power_of_two(2 * int(min(needed, most.n)))
        try:
            return dataclasses.replace(most, n=min(n, most.n)).law(op, inputs, tol)
        except AccuracyError:  # the budget did for the first try alone
            return law


def _tried(estimator: Estimator, op: Operation, inputs: Inputs, tol: float) -> Distribution | str:
    """The law by an estimator, or why it is not taken."""
    try:
        law = estimator.attempt(op, inputs, tol)
    except (AccuracyError, UnservedError) as error:
        return str(error)
    if isinstance(law, str):
        return law
    if law.error > max(tol, _GOOD):
        return f"it reached an error of {law.error:.1g} only"
    if op.linear is None and _runs_together(op, inputs, law):
        return "different values are one double, which its law does not know"
    return law


def _runs_together(op: Operation, inputs: Inputs, law: Distribution) -> bool:
    """Whether draws repeat values that are no atoms of the law, as tanh(20 z) does 1.0."""
    rng = np.random.default_rng(31)
    draws = np.asarray(op.raw(*(np.asarray(z.rvs(_TIES, rng)) for z in inputs)))
    values, counts = np.unique(draws, return_counts=True)
    known = np.array([x for x, _ in law.atoms])
    return bool(np.any((counts >= 3) & ~np.isin(values, known)))


def _power_of_two(n: int) -> int:
    """The largest power of two that is at most n."""
    return 1 << (max(n, 1).bit_length() - 1)


def _explained(law: Distribution, reasons: dict[str, str]) -> Distribution:
    """The law, whose method says why the last deterministic ways did not serve."""
    why = "; ".join(f"not {name}: {reason}" for name, reason in [*reasons.items()][-3:])
    return Restated(law, (0.0, 0.0), f"{law.method}; {why}")
