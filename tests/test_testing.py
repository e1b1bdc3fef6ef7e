"""The public suites: what the package ships passes them, and what is broken is caught."""

import dataclasses
import math
import threading

import numpy as np
import pytest

import otmaps
from otmaps._tallied import Tallied, Tally
from otmaps.testing import DistributionTests, EstimatorTests, OperationTests, StoreTests


class TestClosedFormLaws(DistributionTests):
    def laws(self):
        return [
            otmaps.Normal(1.0, 2.0),
            otmaps.Uniform(-1.0, 3.0),
            otmaps.Cauchy(),
            otmaps.Laplace(0.5, 2.0),
            otmaps.Logistic(),
            otmaps.StudentT(3.0),
            otmaps.Exponential(1.0, 0.5),
            otmaps.Gamma(2.0),
            otmaps.LogNormal(0.5),
            otmaps.Pareto(3.0),
            otmaps.Gumbel(),
            otmaps.Beta(2.0, 3.0),
            otmaps.Arcsine(),
            otmaps.Levy(1.0, 2.0),
        ]


class TestStableLaws(DistributionTests):
    def laws(self):
        return [otmaps.Stable(1.5, 0.5, 1.0, 2.0), otmaps.Stable(0.8, -1.0)]


class TestLawsOfAtoms(DistributionTests):
    def laws(self):
        return [otmaps.Discrete([0.0, 1.0, 2.5], [0.2, 0.3, 0.5])]


class TestMixtures(DistributionTests):
    def laws(self):
        atoms = otmaps.Discrete([0.0, 2.0], [0.1, 0.9])
        return [
            otmaps.Mixture([otmaps.Normal(-10.0, 0.1), otmaps.Normal(10.0, 0.1)], [0.5, 0.5]),
            otmaps.Mixture([otmaps.Uniform(0.0, 1.0), otmaps.Uniform(2.0, 3.0)], [0.25, 0.75]),
            otmaps.Mixture([otmaps.Normal(), otmaps.Discrete([0.0], [1.0])], [0.5, 0.5]),
            otmaps.Mixture([otmaps.Gamma(0.5), otmaps.Levy(), atoms], [0.25, 0.5, 0.25]),
        ]


class TestSampleLaws(DistributionTests):
    def laws(self):
        return [otmaps.Empirical(np.random.default_rng(0).normal(size=500))]


class TestCountedSampleLaws(DistributionTests):
    def laws(self):
        draws = np.sort(np.random.default_rng(0).normal(size=2000))
        edges = np.unique(np.append(draws[20:-20:20], [0.0, np.nextafter(0.0, 1.0)]))
        low, high = draws[draws < edges[0]], draws[draws >= edges[-1]]
        counts = np.histogram(draws, edges)[0]
        counts[-1] -= np.count_nonzero(draws == edges[-1])  # numpy's last cell is closed
        heavy = np.where(edges[:-1] == 0.0, 500, counts)
        return [
            Tallied(Tally(edges, filled, low, high), 0.04, 0.04, 0.999, "counted")
            for filled in (counts, heavy)
        ]


class TestBuiltInOperations(OperationTests):
    def cases(self):
        return [
            (otmaps.lerp(0.3), otmaps.Normal()),
            (otmaps.lerp(0.5), otmaps.Uniform()),
            (otmaps.analogy(), otmaps.Laplace()),
        ]


class TestClosedForm(EstimatorTests):
    def estimator(self):
        return otmaps.ClosedForm()


class TestContour(EstimatorTests):
    def estimator(self):
        return otmaps.Contour(least=2)


class TestConvolution(EstimatorTests):
    def estimator(self):
        return otmaps.Convolution()


class TestConditioning(EstimatorTests):
    def estimator(self):
        return otmaps.Conditioning()

    def cases(self):
        """The quick ones, and a ratio."""
        quick = [case for case in super().cases() if len(case[1]) == 1]
        ratio = otmaps.operation(lambda a, b: a / b)()
        normal = otmaps.Normal()
        return [
            *quick,
            (ratio, (normal, normal), otmaps.Cauchy()),
        ]


class TestAuto(EstimatorTests):
    def estimator(self):
        return otmaps.Auto()


class TestConditionalRQMC(EstimatorTests):
    def estimator(self):
        return otmaps.ConditionalRQMC(n=2**11)


class TestMonteCarlo(EstimatorTests):
    def estimator(self):
        return otmaps.MonteCarlo(n=2**12)


class TestRQMC(EstimatorTests):
    def estimator(self):
        return otmaps.RQMC(n=2**8)


class TestMemoryStore(StoreTests):
    def store(self, path):
        return otmaps.MemoryStore()


class TestTableStore(StoreTests):
    def store(self, path):
        return otmaps.TableStore(path)


def failures(suite, *arguments):
    """The names of the tests of a suite that fail."""
    found = set()
    for name in dir(suite):
        if name.startswith("test_"):
            try:
                getattr(suite, name)(*arguments)
            except AssertionError:
                found.add(name)
    return found


class SoundLaw(otmaps.Distribution):
    """Exponential, by the hooks that a law must state and its lower quantile."""

    def _support(self):
        return 0.0, math.inf

    def _cdf(self, x):
        return -np.expm1(-x)

    def _sf(self, x):
        return np.exp(-x)

    def _pdf(self, x):
        return np.exp(-x)

    def _ppf(self, p):
        return -np.log1p(-p)


class ComplementOfCdf(SoundLaw):
    def _sf(self, x):
        return 1 - self._cdf(x)


class WrongDensity(SoundLaw):
    def _pdf(self, x):
        return 1.01 * np.exp(-x)


class WrongScaleOfDraws(SoundLaw):
    def _rvs(self, shape, rng):
        return rng.exponential(1.1, shape)


class DecreasingCdf(SoundLaw):
    def _cdf(self, x):
        return -np.expm1(-x) + 1e-6 * np.sin(1e5 * x)


class QuantileOff(SoundLaw):
    def _ppf(self, p):
        return -np.log1p(-p) * (1 + 1e-9)


class NoBreakpoint(SoundLaw):
    def _breakpoints(self):
        return ()


class LogOff(SoundLaw):
    def _logsf(self, x):
        return -x + 1e-6


def suite_of_law(law):
    class Suite(DistributionTests):
        def laws(self):
            return [law]

    return Suite()


def test_a_law_of_few_hooks_passes():
    assert failures(suite_of_law(SoundLaw())) == set()


@pytest.mark.parametrize(
    ("law", "test"),
    [
        (ComplementOfCdf(), "test_quantiles_invert_the_probabilities"),
        (WrongDensity(), "test_density_integrates_to_the_cdf"),
        (WrongScaleOfDraws(), "test_draws_follow_the_law"),
        (DecreasingCdf(), "test_probabilities_increase_and_complement_each_other"),
        (QuantileOff(), "test_quantiles_invert_the_probabilities"),
        (NoBreakpoint(), "test_support_and_breakpoints"),
        (LogOff(), "test_logarithms_agree"),
    ],
    ids=lambda value: value if isinstance(value, str) else type(value).__name__,
)
def test_a_broken_law_is_caught(law, test):
    assert test in failures(suite_of_law(law))


@dataclasses.dataclass(frozen=True)
class Biased(otmaps.Estimator):
    """Claims the exactness of a closed form for a law that is moved."""

    shift: float = 1e-9

    @property
    def name(self):
        return "biased"

    def refuses(self, op, inputs):
        return otmaps.ClosedForm().refuses(op, inputs)

    def law(self, op, inputs, tol):
        return otmaps.ClosedForm().law(op, inputs, tol).affine(1.0, self.shift)


def test_an_estimator_that_is_off_by_more_than_it_states_is_caught():
    class Suite(EstimatorTests):
        def estimator(self):
            return Biased()

    assert "test_the_error_covers_the_truth" in failures(Suite())


def test_estimators_that_disagree_are_caught():
    class Suite(OperationTests):
        def cases(self):
            return [(otmaps.lerp(0.5), otmaps.Normal())]

        def estimators(self):
            return otmaps.ClosedForm(), Biased()

    assert failures(Suite()) == {"test_estimators_agree_within_their_errors"}


class BrokenStore(otmaps.Store):
    """A dictionary with one fault."""

    def __init__(self, fault):
        self.fault, self.kept, self.lock = fault, {}, threading.Lock()
        self.sound = otmaps.MemoryStore()

    def get(self, key):
        data = self.sound.get(key) if self.fault != "any key" else self.kept.get(key)
        return data[:-1] if data and self.fault == "truncates" else data

    def put(self, key, data):
        self.kept[key] = data
        if self.fault != "any key":
            self.sound.put(key, data)

    def stat(self, key):
        return self.sound.stat(key)

    def keys(self):
        return iter(()) if self.fault == "lists nothing" else self.sound.keys()

    def remove(self, key):
        if self.fault != "keeps all":
            self.kept.pop(key, None)
            self.sound.remove(key)

    def building(self, key):
        return self.lock if self.fault != "stays locked" else self.sound.building(key)


@pytest.mark.parametrize(
    ("fault", "test"),
    [
        ("truncates", "test_bytes_come_back"),
        ("keeps all", "test_keys_and_stat_tell_what_is_there"),
        ("lists nothing", "test_keys_and_stat_tell_what_is_there"),
        ("any key", "test_what_is_no_key_is_refused"),
    ],
)
def test_a_broken_store_is_caught(fault, test, tmp_path):
    class Suite(StoreTests):
        def store(self, path):
            return BrokenStore(fault)

    assert test in failures(Suite(), tmp_path)
