"""Monte Carlo: its bound covers laws that are known, and what cannot be sampled is an error."""

import numpy as np
import pytest

import otmaps

PRODUCT = otmaps.operation(lambda a, b: a * b)()


def product_of_uniforms(y):
    """cdf of the product of two uniforms on [0, 1]: y (1 - log y)."""
    return y * (1.0 - np.log(y))


@pytest.mark.parametrize("n", [1000, 2**16, 2**16 + 7, 200_000])
@pytest.mark.parametrize("seed", range(4))
def test_the_bound_covers_the_truth(n, seed):
    law = otmaps.MonteCarlo(n=n, seed=seed).law(PRODUCT, (otmaps.Uniform(0.0, 1.0),) * 2, 1e-9)
    y = np.linspace(0.001, 0.999, 999)
    gap = np.max(np.abs(law.cdf(y) - product_of_uniforms(y)))
    assert gap <= law.error
    assert gap > 0.02 * law.error  # the bound says something
    assert law.n == n


def test_a_wrong_truth_breaks_the_bound():
    law = otmaps.MonteCarlo(n=200_000).law(PRODUCT, (otmaps.Uniform(0.0, 1.01),) * 2, 1e-9)
    y = np.linspace(0.001, 0.999, 999)
    assert np.max(np.abs(law.cdf(y) - product_of_uniforms(y))) > law.error


def test_equal_seeds_give_equal_laws_and_blocks_are_independent():
    inputs = (otmaps.Normal(),) * 2
    first = otmaps.MonteCarlo(n=100_000, seed=3).law(PRODUCT, inputs, 1e-9)
    assert first == otmaps.MonteCarlo(n=100_000, seed=3).law(PRODUCT, inputs, 1e-9)
    assert first != otmaps.MonteCarlo(n=100_000, seed=4).law(PRODUCT, inputs, 1e-9)
    # All draws differ: no block repeats another one.
    assert len(np.unique(first.knots)) == 100_000


def test_inputs_may_have_laws_of_their_own():
    scale = otmaps.operation(lambda a, b: a + 100.0 * b)()
    law = otmaps.MonteCarlo(n=20_000).law(scale, (otmaps.Normal(), otmaps.Uniform(5.0, 6.0)), 1e-9)
    assert 490.0 < law.ppf(1e-3) < law.isf(1e-3) < 610.0


def test_what_the_law_says_of_itself():
    law = otmaps.MonteCarlo(n=1000, seed=5, confidence=0.99).law(PRODUCT, (otmaps.Normal(),) * 2, 1)
    assert law.method == "Monte Carlo (n=1000, seed=5, confidence=0.99)"
    assert law.confidence == 0.99
    recipe = otmaps.MonteCarlo(n=1000).recipe()
    assert recipe == {
        "estimator": "Monte Carlo", "n": 1000, "seed": 0, "confidence": (0.999).hex()
    }  # fmt: skip


@pytest.mark.parametrize(
    ("function", "message"),
    [
        (lambda a, b: np.log(a) + b, "values that are NaN or infinite, of 1000"),
        (lambda a, b: a * 1e308 * (b / b) * 1e10, "values that are NaN or infinite, of 1000"),
        (lambda a, b: 0.0 * a + 0.0 * b, "a constant has no law"),
        (lambda a, b: np.sum(a + b), "shape"),
    ],
)
def test_operations_that_cannot_be_sampled(function, message):
    op = otmaps.operation(function)()
    with pytest.raises(ValueError, match=message):
        otmaps.MonteCarlo(n=1000).law(op, (otmaps.Normal(),) * 2, 1e-9)


def test_point_masses_are_found():
    clip = otmaps.operation(lambda a: np.clip(a, -1.0, 1.0))()
    law = otmaps.MonteCarlo(n=50_000).law(clip, (otmaps.Normal(),), 1e-9)
    (low, below), (high, above) = law.atoms
    assert (low, high) == (-1.0, 1.0)
    assert below == pytest.approx(otmaps.Normal().cdf(-1.0), abs=law.error)
    assert above == pytest.approx(otmaps.Normal().cdf(-1.0), abs=law.error)


def test_it_refuses_what_mixes_components():
    inputs = (otmaps.Normal(),) * 2
    assert "mixes the components" in otmaps.MonteCarlo().refuses(otmaps.slerp(0.5), inputs)
    assert otmaps.MonteCarlo().refuses(PRODUCT, inputs) is None


@pytest.mark.parametrize(
    ("options", "kind", "message"),
    [
        ({"n": 10}, ValueError, "n must be at least 100"),
        ({"n": 1e5}, TypeError, "n must be an integer"),
        ({"seed": -1}, ValueError, "seed must not be negative"),
        ({"seed": None}, TypeError, "seed must be an integer"),
        ({"confidence": 1.0}, ValueError, "confidence must lie"),
    ],
)
def test_bad_options(options, kind, message):
    with pytest.raises(kind, match=message):
        otmaps.MonteCarlo(**options)
