"""Smooth laws of samples: bounds cover the truth, tails are those of the generalised Pareto law."""

import dataclasses
import functools
import json
import math
import pickle

import mpmath as mp
import numpy as np
import pytest
from scipy import stats

import otmaps
from otmaps import as_components, smoothed
from otmaps._generalized_pareto import fitted_tail
from otmaps.testing import DistributionTests

TRUTHS = {
    "normal": otmaps.Normal(),
    "student 3": otmaps.StudentT(3.0),
    "exponential": otmaps.Exponential(),
    "uniform": otmaps.Uniform(-1.0, 1.0),
    "arcsine": otmaps.Beta(0.5, 0.5),
}
LEVELS = np.linspace(0.0005, 0.9995, 2001)


def largest_gap(law, truth):
    return float(np.max(np.abs(law.cdf(truth.ppf(LEVELS)) - LEVELS)))


def two_modes(n, seed):
    rng = np.random.default_rng(seed)
    return np.where(rng.random(n) < 0.3, rng.normal(-4.0, 1.0, n), rng.normal(4.0, 0.5, n))


@functools.cache
def examples():
    student = smoothed(TRUTHS["student 3"].rvs(2000, 0))
    return (
        student,
        student.as_model(),
        smoothed(two_modes(2000, 0)).as_model(),
        smoothed(TRUTHS["uniform"].rvs(900, 0), low=-1.0, confidence=0.9).as_model(),
        smoothed(TRUTHS["exponential"].rvs(900, 0), shapes=(-1.0, 0.0)).as_model(),
    )


class TestLaws(DistributionTests):
    def laws(self):
        return examples()


def test_the_bounds_cover_the_truth_as_often_as_they_say():
    covered = np.zeros(3)
    for truth in TRUTHS.values():
        for seed in range(40):
            law = smoothed(truth.rvs(400, seed), confidence=0.9)
            low, high = law.cdf_band(truth.ppf(LEVELS))
            one_low, one_high = law.quantile_band(0.2, pointwise=True)
            covered += (
                largest_gap(law, truth) <= law.error,
                np.all((low <= LEVELS) & (high >= LEVELS)),
                one_low <= truth.ppf(0.2) <= one_high,
            )
    # Of 200 samples; a share of 0.9 has a standard deviation of 0.021.
    assert covered[0] >= 180
    assert np.all(covered[1:] >= 0.84 * 200)
    assert covered[2] <= 0.97 * 200  # and a pointwise band is not wider than it must be


def test_another_law_lies_outside_of_the_bounds():
    truth = otmaps.Normal()
    law = smoothed(otmaps.Normal(0.1).rvs(20_000, 0))
    assert largest_gap(law, truth) > law.error
    low, high = law.cdf_band(truth.ppf(LEVELS))
    assert not np.all((low <= LEVELS) & (high >= LEVELS))


@pytest.mark.parametrize("name", TRUTHS)
def test_the_smooth_law_is_nearer_to_the_truth_than_the_steps(name):
    truth = TRUTHS[name]
    samples = [truth.rvs(5000, seed) for seed in range(6)]
    smooth = np.mean([largest_gap(smoothed(d), truth) for d in samples])
    steps = np.mean([largest_gap(otmaps.Empirical(d), truth) for d in samples])
    assert smooth < 0.95 * steps


def test_modes_far_apart_take_cells_where_they_are_needed():
    law = smoothed(two_modes(20_000, 1))
    assert law.gap <= 0.8 / math.sqrt(law.n)
    assert law.cdf(0.0) == pytest.approx(0.3, abs=law.error)
    assert law.pdf(0.5) < 1e-3
    assert np.unique(law.body.knots).size < 40


@pytest.mark.parametrize("shape", [-1.5, -0.3, 0.0, 1 / 3, 1.0])
def test_the_fit_of_a_tail_on_many_draws(shape):
    m = 20_000
    draws = stats.genpareto.rvs(shape, scale=2.0, size=m, random_state=np.random.default_rng(0))
    tail = fitted_tail(draws, 0.1, None, math.inf)
    deviation = math.sqrt(max(1.0 + shape, 0.5) ** 2 / m)
    assert tail.shape == pytest.approx(shape, abs=4.0 * deviation)
    if shape > -0.5:  # elsewhere the likelihood has no maximum
        likeliest, _, scale = stats.genpareto.fit(draws, 0.1, floc=0.0, scale=2.0)
        # Two efficient estimators: apart by a fraction of what either is off.
        assert tail.shape == pytest.approx(likeliest, abs=0.6 * deviation)
        assert tail.scale == pytest.approx(scale, rel=0.6 * deviation)
    else:
        assert tail.end == pytest.approx(2.0 / -shape, rel=1e-4)
        assert tail.end > draws.max()


@pytest.mark.parametrize("name", ["student 3", "uniform"])
def test_the_bands_of_far_quantiles_cover_the_truth(name):
    truth, q = TRUTHS[name], np.array([1e-3, 1e-5])
    covered = np.zeros(2)
    for seed in range(30):
        low, high = smoothed(truth.rvs(2000, seed)).tail_band(q, 0.9)
        covered += (low <= truth.isf(q)) & (truth.isf(q) <= high)
    assert np.all(covered >= 0.74 * 30)  # three deviations below 0.9


@pytest.mark.parametrize("name", ["student 3", "uniform"])
def test_without_a_fitted_tail_far_quantiles_are_worse(name):
    truth, q = TRUTHS[name], 1e-5
    errors = []
    for seed in range(8):
        draws = truth.rvs(20_000, seed)
        laws = smoothed(draws), otmaps.Empirical(draws), smoothed(draws, shapes=(0.0, 0.0))
        errors.append([abs(law.isf(q) / truth.isf(q) - 1.0) for law in laws])
    fitted, steps, exponential = np.median(errors, axis=0)
    assert fitted < 0.5 * steps
    assert fitted < 0.5 * exponential


def test_functions_of_a_model_keep_their_digits_in_both_tails():
    law = smoothed(TRUTHS["exponential"].rvs(3000, 2)).as_model()
    lower, upper = law.tails
    assert lower.shape < 0.0 < law.error < 1e-13
    with mp.workdps(40):
        for side, tail, cdf, ppf in ((0, lower, law.cdf, law.ppf), (1, upper, law.sf, law.isf)):
            start = mp.mpf(law.body.ends[side])
            for p in (1e-40, 1e-12, 1e-6, 0.9 * tail.mass):
                x = ppf(p)
                y = abs(mp.mpf(float(x)) - start)
                left = (
                    1 - y / mp.mpf(tail.end) if tail.shape < 0 else 1 + y * tail.shape / tail.scale
                )
                if left == 0 or (tail.shape < 0 and left < 1e-9):
                    continue  # the float grid next to the end
                truth = tail.mass * left ** (-1 / mp.mpf(tail.shape))
                assert cdf(x) == pytest.approx(float(truth), rel=law.tail_error)
    for side, start in enumerate(law.body.ends):  # both sides of a threshold agree
        near = np.array([start - 1e-9, start + 1e-9])
        assert np.ptp(law.cdf(near)) < 1e-8
        assert np.ptp(law.pdf(near)) < 1e-6, side


def test_next_to_an_end_moved_to_zero_distances_keep_their_digits():
    law = smoothed(TRUTHS["uniform"].rvs(2000, 0) + 5.0, low=4.0).as_model()
    moved = law.affine(1.0, -4.0)
    assert moved.support()[0] == 0.0
    d = np.array([1e-40, 1e-200])
    power = -1.0 / law.tails[0].shape
    np.testing.assert_allclose(np.diff(moved.logcdf(d)), power * math.log(1e-160), rtol=1e-12)
    mirrored = moved.affine(-2.0)
    np.testing.assert_allclose(mirrored.sf(-2.0 * d), moved.cdf(d), rtol=1e-12)
    assert mirrored.tail_band(0.01, upper=False)[0] == pytest.approx(
        -2.0 * moved.tail_band(0.01)[1], rel=1e-3
    )


def test_moments():
    law = smoothed(np.random.default_rng(0).gamma(3.0, size=4000))
    p = (np.arange(100_000) + 0.5) / 100_000
    assert law.mean() == pytest.approx(law.ppf(p).mean(), rel=1e-5)
    assert law.std() == pytest.approx(law.ppf(p).std(), rel=1e-3)
    heavy = smoothed(otmaps.Cauchy().rvs(4000, 3), shapes=(0.7, 0.7))
    assert math.isfinite(heavy.mean())
    assert heavy.std() == math.inf
    assert math.isnan(smoothed(otmaps.Cauchy().rvs(4000, 3), shapes=(1.2, 1.2)).mean())


def test_an_estimate_is_sampled_and_a_model_is_convolved():
    law = smoothed(otmaps.StudentT(5.0).rvs(10_000, 0))
    convolution, midpoint = otmaps.Convolution(), otmaps.lerp(0.5)
    assert "known to 0.0" in convolution.refuses(midpoint, (law, law))
    model = law.as_model()
    assert convolution.refuses(midpoint, (model, model)) is None
    assert model != law == model.as_estimate()
    assert model.sampling_error == law.error

    matched = otmaps.match(midpoint, model, store=None)
    assert matched.map.error <= 1e-9
    z1, z2 = model.rvs((2, 20_000), 1)
    assert stats.kstest(matched(z1, z2), model.cdf).pvalue > 0.01
    assert stats.kstest(midpoint.raw(z1, z2), model.cdf).pvalue < 1e-9


def test_components_one_by_one_and_pooled():
    rng = np.random.default_rng(0)
    shared = rng.normal(size=(1000, 1))
    samples = 0.8 * shared + 0.6 * rng.normal(size=(1000, 3))
    laws = as_components(samples, confidence=0.99)
    assert len(laws) == 3
    assert laws[1] == smoothed(samples[:, 1], confidence=0.99)
    pooled = as_components(samples, pooled=True)
    assert pooled[0] is pooled[2]
    assert pooled[0].n == 3000
    assert largest_gap(pooled[0], otmaps.Normal()) <= pooled[0].error
    alone = smoothed(samples.ravel())
    assert pooled[0].error > 1.5 * alone.error  # 1000 independent rows, not 3000 draws
    low, high = pooled[0].tail_band(1e-4)
    assert low < alone.tail_band(1e-4)[0]
    assert high > alone.tail_band(1e-4)[1]
    with pytest.raises(ValueError, match="independent draws; these come from 1000 rows"):
        pooled[0].cdf_band(0.0, pointwise=True)


def test_equal_samples_are_equal_laws():
    draws = np.random.default_rng(0).normal(size=300)
    law, again = smoothed(draws), smoothed(draws[::-1])
    assert law == again
    assert hash(law) == hash(again)
    assert json.dumps(law.recipe()) == json.dumps(again.recipe())
    assert law != smoothed(draws + 1e-9)
    assert law.recipe() != law.as_model().recipe()
    assert pickle.loads(pickle.dumps(law)) == law
    with pytest.raises(ValueError, match="read-only"):
        law.draws[0] = 0.0
    with pytest.raises(dataclasses.FrozenInstanceError):
        law.model = True


def test_bands_end_where_the_draws_do():
    law = smoothed(np.random.default_rng(0).normal(size=500))
    assert law.quantile_band(1e-5)[0] == -math.inf
    assert law.quantile_band(1e-5, pointwise=True)[0] == -math.inf
    assert law.quantile_band([0.5, 1 - 1e-5])[1].tolist()[1] == math.inf
    low, high = law.cdf_band([-100.0, 100.0], pointwise=True)
    assert (low[0], high[1]) == (0.0, 1.0)
    assert 0.0 < high[0] < 0.02


@pytest.mark.parametrize(
    ("sample", "options", "message"),
    [
        (np.arange(100.0), {}, "at least 200"),
        (np.zeros((3, 300)), {}, "one-dimensional"),
        (np.r_[np.zeros(150), np.arange(300.0)], {}, "the value 0.0 151 times: a point mass"),
        (np.arange(300.0), {"low": 5.0}, "outside of the stated support"),
        (np.arange(300.0), {"confidence": 1.0}, "confidence must lie between"),
        (np.arange(300.0), {"shapes": (math.nan, None)}, "shapes must be finite"),
        (np.arange(300.0), {"shapes": (0.0,)}, "shapes must be a pair"),
        (np.arange(300) // 10, {}, "distinct values between its tails"),
    ],
)
def test_bad_samples(sample, options, message):
    with pytest.raises(ValueError, match=message):
        smoothed(sample, **options)


def test_bad_questions():
    law = smoothed(np.random.default_rng(0).uniform(size=500), low=0.0)
    with pytest.raises(ValueError, match="q must lie between 0 and"):
        law.tail_band(0.5)
    with pytest.raises(ValueError, match=r"the lower end was stated \(low=\)"):
        law.tail_band(0.01, upper=False)
    with pytest.raises(ValueError, match=r"samples must have the shape \(n, d\)"):
        as_components(np.zeros((4, 4, 300)))
