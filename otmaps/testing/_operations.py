"""The suite for operations."""

from __future__ import annotations

import abc
import math
import warnings
from collections.abc import Iterable, Sequence

import numpy as np

from otmaps._check import check
from otmaps._distribution import Distribution
from otmaps._errors import AccuracyWarning
from otmaps._estimators import ClosedForm, Contour, Convolution, Estimator, MonteCarlo
from otmaps._match import match
from otmaps._matched_operation import MatchedOperation
from otmaps._operations import Operation, check_elementwise
from otmaps.testing._measures import EPS, LEVELS, kolmogorov_gap

_PROBES = 64


class OperationTests(abc.ABC):
    """Holds operations to their laws: all estimators that serve agree, matched results follow.

    Override `cases`, and `estimators` to add one.

    Examples
    --------
    >>> import otmaps
    >>> class TestLerp(otmaps.testing.OperationTests):
    ...     def cases(self):
    ...         return [(otmaps.lerp(0.3), otmaps.Uniform())]
    >>> TestLerp().test_matched_results_follow_the_prior()  # pytest runs all of them
    """

    @abc.abstractmethod
    def cases(self) -> Iterable[tuple[Operation, Distribution]]:
        """Pairs of an operation and a prior."""

    def estimators(self) -> Sequence[Estimator]:
        """The estimators to compare."""
        return ClosedForm(), Contour(), Convolution(), MonteCarlo(n=2**14)

    def test_components_are_computed_one_by_one(self) -> None:
        """The function is pure: its values depend on their own latents alone, call after call."""
        for op, prior in self.cases():
            draws = [np.asarray(prior.rvs(_PROBES, seed)) for seed in range(len(op.latents))]
            try:
                check_elementwise(op, draws)
            except ValueError as error:
                raise AssertionError(f"{op} under {prior}: {error}") from None

    def test_results_follow_the_law(self) -> None:
        """Forty thousand raw results pass a Kolmogorov-Smirnov test against the law of `match`."""
        for op, prior in self.cases():
            law = _matched(op, prior).source
            rng = np.random.default_rng(2)
            draws = op.raw(*(prior.rvs(40_000, rng) for _ in op.latents))
            gap, allowed = kolmogorov_gap(np.asarray(draws), law)
            assert gap <= allowed, (
                f"{op} under {prior}: the results are off their law ({law.method}), "
                f"Kolmogorov-Smirnov {gap:.4f} > {allowed:.4f}"
            )

    def test_estimators_agree_within_their_errors(self) -> None:
        """Every two laws of the same result differ by at most the sum of their stated errors."""
        for op, prior in self.cases():
            inputs = (prior,) * len(op.latents)
            serving = [e for e in self.estimators() if e.refuses(op, inputs) is None]
            assert serving, f"no estimator serves {op} under {prior}"
            laws = [e.law(op, inputs, 1e-12) for e in serving]
            x = np.unique(np.concatenate([np.asarray(law.ppf(LEVELS[-101:])) for law in laws]))
            for i, first in enumerate(laws):
                for second in laws[:i]:
                    gap = float(
                        np.max(np.abs(np.asarray(first.cdf(x)) - np.asarray(second.cdf(x))))
                    )
                    allowed = first.error + second.error + 4.0 * EPS
                    assert gap <= allowed, (
                        f"{op} under {prior}: {first.method} and {second.method} differ by "
                        f"{gap:.1e}, stated {allowed:.1e}"
                    )

    def test_matched_results_follow_the_prior(self) -> None:
        """Forty thousand matched results pass a Kolmogorov-Smirnov test against the prior."""
        for op, prior in self.cases():
            matched = _matched(op, prior)
            rng = np.random.default_rng(1)
            draws = matched(*(prior.rvs(40_000, rng) for _ in op.latents))
            gap, allowed = kolmogorov_gap(np.asarray(draws), prior)
            allowed += matched.source.error
            assert gap <= allowed, (
                f"{op} under {prior}: Kolmogorov-Smirnov {gap:.4f} > {allowed:.4f}"
            )

    def test_transport_plans_agree(self) -> None:
        """`otmaps.check` holds."""
        for op, prior in self.cases():
            report = check(_matched(op, prior), n=200)
            assert report, f"{op} under {prior}\n{report}"

    def test_ends_of_the_support_meet(self) -> None:
        """The map carries the ends of the result's support to those of the prior's."""
        for op, prior in self.cases():
            matched = _matched(op, prior)
            if not math.isfinite(matched.source.tail_error) or matched.source.atoms:
                continue  # the ends of a sample are not those of its law, an atom has no image
            ends, values = matched.source.support(), prior.support()
            found = np.asarray(matched.map(np.array(ends)))
            for end, value, z in zip(ends, values, found, strict=True):
                slack = (matched.map.error + 4.0 * EPS) * max(1.0, abs(value))
                met = z == value if math.isinf(value) else abs(z - value) <= slack
                assert met, f"{op} under {prior}: the end {end} goes to {z}, not to {value}"

    def test_latents_that_are_not_numbers_stay_alone(self) -> None:
        """NaN in a latent changes no other component, and a NaN of the function stays NaN."""
        for op, prior in self.cases():
            latents = [np.asarray(prior.rvs(4, seed)) for seed in range(len(op.latents))]
            matched = _matched(op, prior)
            sound = np.asarray(matched(*latents))
            latents[0][2] = math.nan
            found, raw = np.asarray(matched(*latents)), np.asarray(op.raw(*latents))
            assert np.array_equal(np.isnan(found), np.isnan(raw)), f"{op} under {prior}"
            others = [0, 1, 3]
            assert matched.source.atoms or np.array_equal(found[others], sound[others]), (
                f"{op} under {prior}: NaN in one component changes others"
            )


def _matched(op: Operation, prior: Distribution) -> MatchedOperation:
    with warnings.catch_warnings():  # a rough law gives a rough map, and says so
        warnings.simplefilter("ignore", AccuracyWarning)
        return match(op, prior, store=None, randomize=0)
