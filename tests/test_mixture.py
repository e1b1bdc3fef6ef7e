"""Mixtures against mpmath: tails, quantiles across gaps and atoms, what is known of the whole."""

import math

import mpmath as mp
import numpy as np
import pytest
import truths

import otmaps
from otmaps import Discrete, Mixture, Normal, Uniform

LEVELS = np.array([1e-300, 1e-100, 1e-20, 1e-5, 0.1, 0.2, 0.299, 0.301, 0.4, 0.5])


def far_modes(distance, weight=0.3):
    parts = [(weight, -distance, 0.1), (1.0 - weight, distance, 0.1)]
    law = Mixture([Normal(m, s) for _, m, s in parts], [w for w, _, _ in parts])
    base = truths.normal()

    def tail(x, function):
        return mp.fsum(
            mp.mpf(w) * function((mp.mpf(float(x)) - mp.mpf(m)) / mp.mpf(s)) for w, m, s in parts
        )

    return law, lambda x: tail(x, base.cdf), lambda x: tail(x, base.sf)


@pytest.mark.parametrize("distance", [0.0, 10.0, 1e6])
def test_tails_and_quantiles_across_a_gap(distance):
    law, cdf, sf = far_modes(distance)
    with mp.workdps(truths.DIGITS):
        for near, log, quantile, truth in (
            (law.cdf, law.logcdf, law.ppf, cdf),
            (law.sf, law.logsf, law.isf, sf),
        ):
            for p, x in zip(LEVELS, quantile(LEVELS), strict=True):
                exact = truth(x)
                assert abs(near(x) / exact - 1) <= law.tail_error
                assert abs(log(x) - mp.log(exact)) <= law.tail_error * max(1, -mp.log(exact))
                grid = 2.0 * law.pdf(x) * np.spacing(abs(x)) + 4e-16 * p * abs(math.log(p))
                assert abs(exact - mp.mpf(p)) <= law.tail_error * p + grid
    assert law.logcdf(law.ilogcdf(-5000.0)) == pytest.approx(-5000.0, rel=1e-14 + 1e-13 * distance)


def test_quantiles_are_pseudo_inverses():
    gap = Mixture([Uniform(0.0, 1.0), Uniform(2.0, 3.0)], [0.5, 0.5])
    np.testing.assert_allclose(gap.ppf([0.25, 0.5, 0.75]), [0.5, 1.0, 2.5], rtol=4e-16)
    assert gap.isf(0.5) == pytest.approx(1.0, rel=4e-16)
    spike = Mixture([Normal(), Discrete([0.0, 2.0], [0.5, 0.5])], [0.4, 0.6])
    assert spike.atoms == ((0.0, 0.3), (2.0, 0.3))
    assert spike.ppf([0.2 + 1e-9, 0.35, 0.5]).tolist() == [0.0] * 3
    assert spike.isf([0.5, 0.2, 0.02]).tolist() == [0.0, 2.0, 2.0]
    assert spike.isf(0.35) == pytest.approx(Normal().isf(0.125), rel=1e-14)
    assert spike.ppf(0.1) == pytest.approx(Normal().ppf(0.25), rel=1e-15)
    coins = Mixture([Discrete([0.0, 1.0], [0.5, 0.5]), Discrete([1.0, 2.0], [0.5, 0.5])], [0.5] * 2)
    assert coins.atoms == ((0.0, 0.25), (1.0, 0.5), (2.0, 0.25))
    assert coins.ppf([0.1, 0.25, 0.26, 0.75, 0.76]).tolist() == [0.0, 0.0, 1.0, 1.0, 2.0]


def test_a_light_component_far_out_is_heard():
    law = Mixture([Normal(), otmaps.Cauchy()], [1.0 - 1e-12, 1e-12])
    assert law.sf(1e3) == pytest.approx(1e-12 * otmaps.Cauchy().sf(1e3), rel=1e-14)
    assert math.isnan(law.mean())
    assert law.symmetry == 0.0


def test_moments_support_and_breakpoints():
    law = Mixture([Uniform(0.0, 1.0), otmaps.Laplace(3.0), Normal(1.0, 2.0)], [0.25, 0.25, 0.5])
    assert law.support() == (-math.inf, math.inf)
    assert law.breakpoints == (0.0, 1.0, 3.0)
    assert law.mean() == pytest.approx(1.375)
    second = 0.25 / 3.0 + 0.25 * 11.0 + 0.5 * 5.0
    assert law.std() == pytest.approx(math.sqrt(second - 1.375**2))
    assert law.symmetry is None
    with_levy = Mixture([otmaps.Levy(), Normal()], [0.5, 0.5])
    assert (with_levy.mean(), with_levy.support()) == (math.inf, (-math.inf, math.inf))
    assert math.isnan(with_levy.std())


def test_symmetry_by_mirrored_components():
    gamma = otmaps.Gamma(2.0)
    assert Mixture([gamma, gamma.affine(-1.0)], [0.5, 0.5]).symmetry == 0.0
    assert Mixture([gamma, gamma.affine(-1.0)], [0.25, 0.75]).symmetry is None
    three = [Normal(-4.0), Normal(1.0, 3.0), Normal(6.0)]
    assert Mixture(three, [0.25, 0.5, 0.25]).symmetry == 1.0


def test_images_recipe_and_draws():
    law = Mixture([Normal(1.0), Uniform()], [0.25, 0.75])
    image = law.affine(-2.0, 1.0)
    assert image == Mixture([Normal(-1.0, 2.0), Uniform(-1.0, 3.0)], [0.25, 0.75])
    assert law.recipe()["laws"] == [Normal(1.0).recipe(), Uniform().recipe()]
    assert law.method == "closed form"
    sample = otmaps.Empirical(np.random.default_rng(0).normal(size=50))
    mixed = Mixture([sample, Normal()], [0.5, 0.5])
    assert mixed.method == "mixture: sample (n=50), closed form"
    assert mixed.error == pytest.approx(0.5 * sample.error)
    assert mixed.tail_error == math.inf
    assert law.rvs((2, 3), 0).shape == (2, 3)
    assert isinstance(law.rvs(random_state=0), float)


@pytest.mark.parametrize(
    ("laws", "weights", "kind", "message"),
    [
        ([Normal(), Normal(1.0)], [0.5, 0.4], ValueError, "weights must add up to 1, got 0.9"),
        ([Normal(), Normal(1.0)], [1.0, 0.0], ValueError, "weights must be positive"),
        ([Normal()], [0.5, 0.5], ValueError, "laws and weights must have one length"),
        ([], [], ValueError, "weights must be one-dimensional and not empty"),
        (["normal"], [1.0], TypeError, "use as_distribution"),
        (Normal(), [1.0], TypeError, "laws must be a list"),
    ],
)
def test_bad_parameters(laws, weights, kind, message):
    with pytest.raises(kind, match=message):
        Mixture(laws, weights)
