"""The law of a sample: its error bound holds, its tails are finite, its atoms are found."""

import math
import pickle

import numpy as np
import pytest

import otmaps
from otmaps import Empirical


def largest_gap(law, truth):
    """sup |F - G| over a fine grid of the truth's quantiles."""
    p = np.linspace(0.0005, 0.9995, 4001)
    x = truth.ppf(p)
    return float(np.max(np.abs(law.cdf(x) - p)))


@pytest.mark.parametrize("n", [20, 200, 5000, 100_000])
@pytest.mark.parametrize("truth", [otmaps.Normal(), otmaps.Cauchy(), otmaps.Exponential()], ids=str)
def test_the_error_bound_holds(truth, n):
    gaps, law = [], None
    for seed in range(10):
        law = Empirical(truth.rvs(n, seed))
        gaps.append(largest_gap(law, truth))
    assert max(gaps) <= law.error  # ten chances in a thousand each, and the seeds are fixed
    assert law.error <= 3.0 / math.sqrt(n)
    assert law.tail_error == math.inf


def test_a_shifted_law_breaks_the_bound():
    law = Empirical(otmaps.Normal(0.1).rvs(100_000, 0))
    assert largest_gap(law, otmaps.Normal()) > law.error


def test_the_bound_is_that_of_massart_at_the_stated_confidence():
    draws = np.random.default_rng(0).normal(size=1000)
    for confidence in (0.5, 0.999, 1 - 1e-9):
        law = Empirical(draws, confidence=confidence)
        bound = math.sqrt(math.log(2 / (1 - confidence)) / 2000) + 0.5 / 1000
        assert law.error == pytest.approx(bound, rel=1e-9)


def test_quantiles_invert_the_cdf_and_are_finite_at_any_depth():
    law = Empirical(np.random.default_rng(0).normal(size=2000))
    p = np.array([1e-300, 1e-100, 1e-9, 1e-4, 0.01, 0.2, 0.5])
    np.testing.assert_allclose(law.cdf(law.ppf(p)), p, rtol=1e-12)
    np.testing.assert_allclose(law.sf(law.isf(p)), p, rtol=1e-12)
    logs = np.array([-1e5, -1000.0, -800.0])
    np.testing.assert_allclose(law.logcdf(law.ilogcdf(logs)), logs, rtol=1e-13)
    np.testing.assert_allclose(law.logsf(law.ilogsf(logs)), logs, rtol=1e-13)
    x = np.linspace(-8, 8, 1001)
    np.testing.assert_allclose(law.cdf(x) + law.sf(x), 1.0, rtol=1e-14)
    assert np.all(np.diff(law.cdf(x)) > 0)


def test_the_density_is_the_slope_and_moments_are_those_of_the_cdf():
    law = Empirical(np.random.default_rng(0).gamma(3.0, size=300))
    x = law.ppf([0.001, 0.01, 0.3, 0.77, 0.999])
    h = 1e-7
    np.testing.assert_allclose((law.cdf(x + h) - law.cdf(x - h)) / (2 * h), law.pdf(x), rtol=1e-5)
    p = (np.arange(400_000) + 0.5) / 400_000  # the midpoint rule over quantiles
    assert law.mean() == pytest.approx(law.ppf(p).mean(), rel=1e-6)
    assert law.std() == pytest.approx(law.ppf(p).std(), rel=1e-4)


def test_atoms_are_found_and_ties_are_not_atoms():
    rng = np.random.default_rng(0)
    law = Empirical(np.concatenate([np.zeros(400), [7.0, 7.0], rng.normal(size=598)]))
    assert law.atoms == ((0.0, 0.4),)
    assert 0.0 in law.breakpoints
    assert law.cdf(0.0) - law.cdf(-1e-12) == pytest.approx(0.4, abs=1e-9)
    below = float(law.cdf(np.nextafter(0.0, -1.0)))
    assert law.ppf([below + 0.001, 0.5 * (below + law.cdf(0.0))]).tolist() == [0.0, 0.0]
    assert law.isf(1.0 - below - 0.2) == 0.0


def test_atoms_at_the_ends_are_the_ends():
    values = np.concatenate([np.full(500, -1.0), np.full(500, 1.0), np.linspace(-0.5, 0.5, 20)])
    law = Empirical(values)
    assert law.support() == (-1.0, 1.0)
    assert law.cdf([-1.0, -0.9]) == pytest.approx([500 / 1020] * 2, abs=0.01)
    assert law.sf(1.0) == 0.0
    assert law.cdf(-1.0) == law.atoms[0][1]
    assert law.ppf([0.1, 0.9]).tolist() == [-1.0, 1.0]
    assert law.ilogcdf(-1000.0) == -1.0


def test_known_ends_replace_the_tails():
    draws = np.random.default_rng(0).uniform(0.0, 1.0, 5000)
    law = Empirical(draws, low=0.0, high=1.0)
    assert law.support() == (0.0, 1.0)
    assert (law.cdf(0.0), law.sf(1.0)) == (0.0, 0.0)
    assert 0.0 < law.ppf(1e-9) < draws.min()
    assert draws.max() < law.isf(1e-9) < 1.0
    assert Empirical(draws, low=0.0).support() == (0.0, math.inf)
    touching = Empirical(draws, low=draws.min(), high=draws.max())
    assert touching.cdf(draws.min()) == 0.0
    assert touching.error == pytest.approx(law.error + 0.5 / 5000)


def test_equal_samples_are_equal_laws():
    draws = np.random.default_rng(0).normal(size=50)
    law, again = Empirical(draws), Empirical(draws[::-1])
    assert law == again
    assert hash(law) == hash(again)
    assert law.recipe() == again.recipe()
    assert law != Empirical(draws + 1e-9)
    assert law != Empirical(draws, confidence=0.9)
    assert pickle.loads(pickle.dumps(law)) == law
    with pytest.raises(ValueError, match="read-only"):
        law.knots[0] = 0.0


def test_tied_ends_still_have_a_tail():
    values = np.repeat(np.arange(40.0), 6)  # six at each value: no atom, but ties beyond k
    law = Empirical(values)
    assert not law.atoms
    assert law.ppf(1e-12) < -1.0
    assert law.isf(1e-12) > 40.0


@pytest.mark.parametrize(
    ("sample", "message"),
    [
        (np.zeros((3, 30)), "one-dimensional, got shape"),
        (np.arange(5.0), "at least 20"),
        (np.full(30, 2.0), "30 times the value 2"),
        (np.r_[np.arange(30.0), math.nan, math.inf], "2 values that are NaN or infinite, of 32"),
        (np.r_[np.arange(30.0), -1.7e308, 1.7e308], "wider than float64"),
    ],
)
def test_bad_samples(sample, message):
    with pytest.raises(ValueError, match=message):
        Empirical(sample)


def test_bad_options():
    draws = np.arange(30.0)
    with pytest.raises(ValueError, match="confidence must lie between"):
        Empirical(draws, confidence=1.0)
    with pytest.raises(ValueError, match="outside of the stated support"):
        Empirical(draws, low=1.0)
    with pytest.raises(ValueError, match="low must be finite"):
        Empirical(draws, low=math.nan)
    with pytest.raises(TypeError, match="complex"):
        Empirical(draws + 1j)
