"""A law, an operation and an estimator as a user would write them, through the whole chain."""

from __future__ import annotations

import dataclasses
import math
import pickle
import warnings

import mpmath as mp
import numpy as np
import pytest

import otmaps
from otmaps.testing import DistributionTests, EstimatorTests, OperationTests


@dataclasses.dataclass(frozen=True)
class Frechet(otmaps.Distribution):
    """cdf exp(-x^-shape) on the positive numbers."""

    shape: float = 3.0

    def _support(self):
        return 0.0, math.inf

    def _cdf(self, x):
        return np.exp(self._logcdf(x))

    def _sf(self, x):
        return -np.expm1(self._logcdf(x))

    def _pdf(self, x):
        return np.exp(self._logpdf(x))

    def _logcdf(self, x):
        return -(x**-self.shape)

    def _logpdf(self, x):
        return math.log(self.shape) - (self.shape + 1.0) * np.log(x) - x**-self.shape


@dataclasses.dataclass(frozen=True)
class Triangle(otmaps.Distribution):
    """The density 2 x / width^2 on (0, width): the least that a law has to state."""

    width: float = 1.0

    def _support(self):
        return 0.0, self.width

    def _cdf(self, x):
        return (x / self.width) ** 2

    def _sf(self, x):
        return (1.0 - x / self.width) * (1.0 + x / self.width)

    def _pdf(self, x):
        return 2.0 * x / self.width**2


@dataclasses.dataclass(frozen=True)
class Keyed(Frechet):
    """The same law, and what rebuilds it: so its tables can be stored."""

    def _recipe(self):
        return {"law": "tests.Keyed", "shape": self.shape.hex()}


@dataclasses.dataclass(frozen=True)
class OneInput(otmaps.Estimator):
    """The law of an increasing function of one latent, by bisection."""

    steps: int = 80

    @property
    def name(self):
        return "one input"

    def refuses(self, op, inputs):
        if len(inputs) != 1:
            return "it has more than one latent"
        z = np.asarray(inputs[0].ppf(np.linspace(0.001, 0.999, 999)))
        return None if np.all(np.diff(op.raw(z)) > 0) else "it does not increase"

    def law(self, op, inputs, tol):
        return Image(op, inputs[0], self.steps)


@dataclasses.dataclass(frozen=True)
class Image(otmaps.Distribution):
    op: otmaps.Operation
    base: otmaps.Distribution
    steps: int

    def _support(self):
        ends = np.asarray(self.op.raw(np.array(self.base.support())))
        return float(ends[0]), float(ends[1])

    def _back(self, y):
        low = np.full_like(y, self.base.ilogcdf(-700.0))
        high = np.full_like(y, self.base.ilogsf(-700.0))
        for _ in range(self.steps):
            middle = 0.5 * (low + high)
            under = self.op.raw(middle) < y
            low, high = np.where(under, middle, low), np.where(under, high, middle)
        return 0.5 * (low + high)

    def _cdf(self, y):
        return self.base.cdf(self._back(y))

    def _sf(self, y):
        return self.base.sf(self._back(y))

    def _pdf(self, y):
        z, h = self._back(y), 1e-5
        slope = (self.op.raw(z + h) - self.op.raw(z - h)) / (2.0 * h)
        return self.base.pdf(z) / slope

    def _error(self):
        return 1e-12

    def _tail_error(self):
        return 1e-12

    def _method(self):
        return "one input by bisection"


@otmaps.operation(version="1")
def bent(z, *, bend=1.0):
    return np.sinh(bend * z) / bend


@otmaps.operation
def gate(a, b):
    return a if b > 0.0 else 0.5 * a


@otmaps.operation
def clip(a, b):
    return np.clip(a + b, -1.0, 1.0)


class TestLaws(DistributionTests):
    def laws(self):
        return [Frechet(), Frechet(1.5), Triangle(), Triangle(3.0)]


class TestOneInput(EstimatorTests):
    def estimator(self):
        return OneInput()

    def cases(self):
        exp = otmaps.operation(lambda z: np.exp(z))()  # noqa: PLW0108 - not the ufunc itself
        return [
            (exp, (otmaps.Normal(scale=0.5),), otmaps.LogNormal(0.5)),
            (otmaps.operation(lambda z: 2.0 * z)(), (otmaps.Normal(),), otmaps.Normal(scale=2.0)),
        ]


@pytest.mark.filterwarnings("ignore::otmaps.AccuracyWarning")
class TestOperations(OperationTests):
    def cases(self):
        return [
            (gate(), otmaps.Normal()),
            (clip(), otmaps.Normal()),
            (bent(bend=0.5), otmaps.Normal()),
            (otmaps.lerp(0.5), Frechet()),
        ]


@pytest.mark.needs_jit
def test_a_law_of_ones_own_is_a_prior():
    prior = Frechet()
    m = otmaps.match(otmaps.lerp(0.5), prior, store=None)
    assert m.source.error <= 1e-12
    assert m.map.error <= 1e-9
    # The cdf of the sum of two by 30 digits of quadrature (mpmath).
    with mp.workdps(30):
        for y in (0.8, 1.2, 3.0):
            total = mp.quad(
                lambda x, y=y: 3 * x**-4 * mp.exp(-(x**-3) - (2 * y - x) ** -3),
                mp.linspace(0, 2 * y, 9),
            )
            assert m.source.cdf(y) == pytest.approx(float(total), abs=1e-13)
    assert otmaps.check(m, n=300)
    assert otmaps.mismatch(otmaps.lerp(0.5), prior).w1 > 0.0


@pytest.mark.needs_jit
def test_a_law_of_the_fewest_hooks_is_a_prior():
    """P((a + b) / 2 <= y) = (2 y)^4 / 6 below one half."""
    method = otmaps.MonteCarlo(n=2**16)
    law = otmaps.pushforward(otmaps.lerp(0.5), Triangle(), method=method)
    y = np.linspace(0.01, 0.49, 20)
    assert np.max(np.abs(law.cdf(y) - (2.0 * y) ** 4 / 6.0)) <= law.error
    m = otmaps.match(otmaps.lerp(0.5), Triangle(), method=method, store=None)
    assert otmaps.check(m, n=300)
    exact = otmaps.monotone_map(Triangle(), otmaps.Uniform(0.0, 1.0))
    np.testing.assert_allclose(exact(y), y * y, atol=1e-9)


@pytest.mark.needs_jit
def test_a_law_with_a_recipe_has_its_tables_stored(store_dir):
    otmaps.match(otmaps.lerp(0.5), Frechet())
    assert not list(store_dir.rglob("*.safetensors"))
    first = otmaps.match(otmaps.lerp(0.5), Keyed())
    (path,) = store_dir.rglob("*.safetensors")
    written = path.stat().st_mtime_ns
    again = otmaps.match(otmaps.lerp(0.5), Keyed())
    assert path.stat().st_mtime_ns == written
    assert again.map(1.3) == first.map(1.3)


@pytest.mark.needs_jit
def test_an_estimator_of_ones_own_is_a_method(store_dir):
    m = otmaps.match(bent(bend=0.5), otmaps.Normal(), method=OneInput(), tol=1e-6)
    assert m.source.method == "one input by bisection"
    assert m.map.error <= 1e-6
    y = np.linspace(-4.0, 4.0, 99)
    np.testing.assert_allclose(m.map(y), 2.0 * np.arcsinh(0.5 * y), atol=1e-6)
    assert list(store_dir.rglob("*.safetensors"))
    again = otmaps.match(bent(bend=0.5), otmaps.Normal(), method=OneInput(), tol=1e-6)
    assert again.map(0.7) == m.map(0.7)
    assert again.source.method == "one input by bisection"
    assert otmaps.check(m, n=300)
    assert pickle.loads(pickle.dumps(m))(0.4) == m(0.4)
    with pytest.raises(otmaps.UnservedError, match=r"one input does not serve.*more than one"):
        otmaps.match(gate(), otmaps.Normal(), method=OneInput())


@pytest.mark.needs_jit
def test_an_estimator_of_ones_own_stands_beside_others():
    agreed = otmaps.pushforward(
        bent(),
        otmaps.Normal(),
        method=otmaps.Agreement(OneInput(), otmaps.MonteCarlo(n=2**14)),
    )
    assert agreed.method == "one input by bisection"


def failures(suite):
    found = set()
    for name in dir(suite):
        if name.startswith("test_"):
            try:
                with warnings.catch_warnings():
                    warnings.simplefilter("ignore", otmaps.AccuracyWarning)
                    getattr(suite, name)()
            except (AssertionError, ValueError):
                found.add(name)
    return found


@pytest.mark.parametrize(
    "function",
    [
        lambda a, b: a * b / np.max(np.abs(a)),
        lambda a, b: a * b + np.random.default_rng().normal(),
        lambda a, b: a * b if a.ndim == 1 else a * b - np.mean(a, axis=-1, keepdims=True),
    ],
    ids=["mixes", "draws", "mixes in two dimensions"],
)
def test_an_impure_operation_is_caught_by_the_suite(function):
    class Suite(OperationTests):
        def cases(self):
            return [(otmaps.operation(function)(), otmaps.Normal())]

    assert "test_components_are_computed_one_by_one" in failures(Suite())


def test_an_estimator_that_is_wrong_for_an_operation_is_caught_by_the_suite():
    @dataclasses.dataclass(frozen=True)
    class Shifted(OneInput):
        def law(self, op, inputs, tol):
            return super().law(op, inputs, tol).affine(1.0, 0.05)

    class Suite(OperationTests):
        def cases(self):
            return [(bent(), otmaps.Normal())]

        def estimators(self):
            return self.first, otmaps.MonteCarlo(n=2**14)

    Suite.first = OneInput()
    assert "test_estimators_agree_within_their_errors" not in failures(Suite())
    Suite.first = Shifted()
    assert "test_estimators_agree_within_their_errors" in failures(Suite())
