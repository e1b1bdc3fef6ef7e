"""The suite for estimators."""

from __future__ import annotations

import abc
import json
import math
import warnings
from collections.abc import Iterable

import numpy as np

from otmaps._distribution import Distribution
from otmaps._errors import AccuracyWarning
from otmaps._estimators import Estimator
from otmaps._map_between import monotone_map
from otmaps._one_sided_priors import Beta, Exponential, Gamma, LogNormal
from otmaps._operations import Operation
from otmaps._priors import Cauchy, Laplace, Normal, Uniform
from otmaps._registry import operation
from otmaps.testing._measures import LEVELS, bulk, grid_width


class EstimatorTests(abc.ABC):
    """Holds an estimator to its stated errors, on operations whose laws are known.

    Override `estimator`, and `cases` to add to the table.

    Examples
    --------
    >>> import otmaps
    >>> class TestClosedForm(otmaps.testing.EstimatorTests):
    ...     def estimator(self):
    ...         return otmaps.ClosedForm()
    >>> TestClosedForm().test_the_error_covers_the_truth()  # pytest runs all of them
    """

    @abc.abstractmethod
    def estimator(self) -> Estimator:
        """The estimator to test."""

    def cases(self) -> Iterable[tuple[Operation, tuple[Distribution, ...], Distribution]]:
        """Triples of an operation, the laws of its latents, and the true law of its result."""
        mean = operation(lambda a, b: 0.5 * a + 0.5 * b)()
        total, gap = operation(lambda a, b: a + b)(), operation(lambda a, b: a - b)()
        return [
            (mean, (Normal(), Normal()), Normal(scale=math.sqrt(0.5))),
            (gap, (Normal(1.0, 3.0), Normal(2.0, 4.0)), Normal(-1.0, 5.0)),
            (mean, (Cauchy(), Cauchy()), Cauchy()),
            (total, (Exponential(), Exponential()), Gamma(2.0)),
            (total, (Gamma(0.5), Gamma(1.5)), Gamma(2.0)),
            (gap, (Exponential(), Exponential()), Laplace()),
            (operation(lambda a: 3.0 - 2.0 * a)(), (Uniform(),), Uniform(1.0, 5.0)),
            (operation(lambda a: a * a)(), (Normal(),), Gamma(0.5, scale=2.0)),
            (operation(lambda a, b: a * b)(), (LogNormal(0.6), LogNormal(0.8)), LogNormal(1.0)),
            (operation(np.maximum)(), (Uniform(0.0, 1.0), Uniform(0.0, 1.0)), Beta(2.0, 1.0)),
        ]

    def _served(self) -> list[tuple[str, Distribution, Distribution]]:
        estimator, served = self.estimator(), []
        for op, inputs, truth in self.cases():
            if estimator.refuses(op, inputs) is None:
                law = estimator.law(op, inputs, 1e-12)
                served.append((f"{op} of {inputs} by {estimator.name}", law, truth))
        assert served, f"{estimator.name} serves none of the cases; override cases()"
        return served

    def test_the_error_covers_the_truth(self) -> None:
        """``|cdf - truth|`` and ``|sf - truth|`` are at most the stated error."""
        for case, law, truth in self._served():
            assert law.method, f"{case}: law.method is empty"
            x = bulk(truth)
            for name in ("cdf", "sf"):
                gaps = np.abs(
                    np.asarray(getattr(law, name)(x)) - np.asarray(getattr(truth, name)(x))
                )
                allowed = law.error + truth.error + grid_width(truth, x)
                assert np.all(gaps <= allowed), (
                    f"{case}: {name} is off by {np.max(gaps):.1e}, stated {law.error:.1e}"
                )

    def test_the_tail_error_covers_the_truth(self) -> None:
        """The relative error of the nearer tail is at most the stated one, where one is stated."""
        for case, law, truth in self._served():
            if not math.isfinite(law.tail_error):
                continue
            for points, name in ((truth.ppf(LEVELS), "cdf"), (truth.isf(LEVELS), "sf")):
                x = np.asarray(points)
                true = np.asarray(getattr(truth, name)(x))
                gaps = np.abs(np.asarray(getattr(law, name)(x)) - true)
                step = 4.0 * np.spacing(np.abs(x) + 1e-300)
                grid = np.abs(
                    np.asarray(getattr(truth, name)(x + step))
                    - np.asarray(getattr(truth, name)(x - step))
                )
                allowed = (law.tail_error + truth.tail_error) * true + grid
                bad = gaps > allowed
                assert not bad.any(), (
                    f"{case}: {name} near {LEVELS[bad]} is off by more than the stated "
                    f"{law.tail_error:.1e}"
                )

    def test_equal_requests_give_equal_laws(self) -> None:
        """An estimator is deterministic: its tables are stored under a key of its options."""
        x = np.linspace(-3.0, 3.0, 50)
        for (case, first, _), (_, second, _) in zip(self._served(), self._served(), strict=True):
            same = np.array_equal(first.cdf(x), second.cdf(x))
            assert same, f"{case}: two calls give different laws"

    def test_it_says_what_it_is(self) -> None:
        """The name is filled in, the recipe is JSON, and refusals have reasons."""
        estimator = self.estimator()
        assert estimator.name, "the name is empty"
        recipe = estimator.recipe()
        assert json.loads(json.dumps(recipe)) == recipe, f"recipe {recipe} is no JSON"
        for op, inputs, _ in self.cases():
            reason = estimator.refuses(op, inputs)
            assert reason is None or reason.strip(), f"{op}: refused without a reason"

    def test_its_laws_have_maps(self) -> None:
        """A monotone map from the law to the truth keeps the probabilities up to the errors."""
        levels = np.linspace(0.05, 0.95, 19)
        for case, law, truth in self._served():
            y = np.asarray(law.ppf(levels))
            with warnings.catch_warnings():  # a rough law gives a rough map
                warnings.simplefilter("ignore", AccuracyWarning)
                transport = monotone_map(law, truth, tol=1e-6)
            found = np.asarray(truth.cdf(transport(y)))
            allowed = law.error + truth.error + transport.error_u + grid_width(truth, transport(y))
            gap = np.abs(found - np.asarray(law.cdf(y)))
            assert np.all(gap <= allowed), f"{case}: its map is off by {np.max(gap):.1e}"
