"""Randomised plans: laws with atoms reach the prior exactly, by a monotone coupling."""

from __future__ import annotations

import math
import pickle
import warnings

import numpy as np
import pytest
from scipy import special

import otmaps
from otmaps._plan import Levels

NORMAL, EXPONENTIAL = otmaps.Normal(), otmaps.Exponential()
N = 1_000_000


def point(x):
    return otmaps.Discrete([x], [1.0])


class Kept(otmaps.Distribution):
    """A law between two points, as a user would write it: the continuous part of a clip."""

    def __init__(self, law, low, high):
        self.law, self.low, self.high = law, low, high
        self.mass = float(law.cdf(high) - law.cdf(low))

    def _support(self):
        return self.low, self.high

    def _cdf(self, x):
        return (self.law.cdf(x) - self.law.cdf(self.low)) / self.mass

    def _sf(self, x):
        return (self.law.sf(x) - self.law.sf(self.high)) / self.mass

    def _pdf(self, x):
        return self.law.pdf(x) / self.mass


def clipped(law, low, high):
    masses = [float(law.cdf(low)), float(law.sf(high))]
    kept = Kept(law, low, high)
    return otmaps.Mixture([point(low), point(high), kept], [*masses, kept.mass])


SUM = otmaps.Normal(scale=math.sqrt(2.0))
STEPS = np.arange(30.0)

# name -> exact law of the result, the operation, the prior
CASES = {
    "clip": (clipped(SUM, -1.0, 1.0), lambda a, b: np.clip(a + b, -1.0, 1.0), NORMAL),
    "clip one side": (
        otmaps.Mixture([point(0.5), Kept(SUM, 0.5, math.inf)], [SUM.cdf(0.5), SUM.sf(0.5)]),
        lambda a, b: np.maximum(a + b, 0.5),
        NORMAL,
    ),
    "relu": (
        otmaps.Mixture([point(0.0), Kept(NORMAL, 0.0, math.inf)], [0.5, 0.5]),
        lambda a, b: np.maximum(a, 0.0),
        NORMAL,
    ),
    "mask": (
        otmaps.Mixture([point(0.0), NORMAL], [0.5, 0.5]),
        lambda a, b: np.where(b > 0.0, a, 0.0),
        NORMAL,
    ),
    "floor": (
        otmaps.Discrete([*STEPS, 30.0], [*((1 - math.exp(-1)) * np.exp(-STEPS)), math.exp(-30.0)]),
        lambda a, b: np.minimum(np.floor(a), 30.0),
        EXPONENTIAL,
    ),
    "sign": (otmaps.Discrete([-1.0, 1.0], [0.5, 0.5]), lambda a, b: np.sign(a), NORMAL),
    "dead zone": (
        otmaps.Mixture(
            [
                point(0.0),
                Kept(NORMAL, -math.inf, -0.5),
                Kept(NORMAL, 0.5, math.inf),
            ],
            [1.0 - 2.0 * NORMAL.sf(0.5), NORMAL.sf(0.5), NORMAL.sf(0.5)],
        ),
        lambda a, b: np.where(np.abs(a) > 0.5, a, 0.0),
        NORMAL,
    ),
}


def ks_distance(values, law):
    u = law.cdf(np.sort(np.ravel(values)))
    steps = np.arange(u.size + 1) / u.size
    return max(np.max(steps[1:] - u), np.max(u - steps[:-1]))


def draws(case, n=N, seed=0):
    _, function, prior = CASES[case]
    rng = np.random.default_rng(seed)
    return function(prior.rvs(n, rng), prior.rvs(n, rng))


@pytest.mark.needs_jit
@pytest.mark.parametrize("case", CASES)
def test_the_prior_is_reproduced(case):
    """10^6 draws pass a Kolmogorov-Smirnov test; a plan whose random numbers are fixed fails."""
    source, _, prior = CASES[case]
    plan, y = otmaps.transport_plan(source, prior), draws(case)
    assert plan.error <= 1e-9
    allowed = special.kolmogi(0.005 / len(CASES)) / math.sqrt(N)
    z = plan(y, np.random.default_rng(1))
    assert ks_distance(z, prior) < allowed
    frozen = z.copy()
    for at, value in zip(plan.levels.at, plan(plan.levels.at, 1), strict=True):
        frozen[y == at] = value
    assert ks_distance(frozen, prior) > allowed


@pytest.mark.needs_jit
@pytest.mark.parametrize("case", CASES)
def test_the_coupling_is_monotone_and_leads_back(case):
    source, _, prior = CASES[case]
    plan, y = otmaps.transport_plan(source, prior), draws(case, 100_000)
    z = plan(y, 0)
    order = np.lexsort((z, y))
    peak = np.maximum.accumulate(z[order])
    assert np.max(peak - z[order]) <= 2e-9 * max(1.0, np.abs(z).max())
    np.testing.assert_allclose(plan.inverse(z), y, rtol=1e-8, atol=1e-8)


@pytest.mark.needs_jit
@pytest.mark.parametrize("case", ["clip", "relu", "mask", "dead zone"])
def test_between_atoms_it_is_the_map(case):
    """F_Z^-1(F_Y(y)) by the laws, in units of the plan's stated error, tails included."""
    source, _, prior = CASES[case]
    plan = otmaps.transport_plan(source, prior)
    y = np.concatenate([source.ppf(np.geomspace(1e-250, 0.5, 400)), np.linspace(-6, 6, 2001)])
    y = y[~np.isin(y, plan.levels.at) & (y > plan.domain[0]) & (y < plan.domain[1])]
    lower = source.cdf(y) < 0.5
    exact = np.where(lower, prior.ppf(source.cdf(y)), prior.isf(source.sf(y)))
    gap = np.abs(plan(y, 0) - exact) / np.maximum(1.0, np.abs(exact))
    assert np.max(gap) <= plan.error + 1e-13


@pytest.mark.needs_jit
def test_on_an_atom_the_values_are_independent_draws_of_its_part_of_the_prior():
    plan = otmaps.transport_plan(CASES["clip"][0], NORMAL)
    z = plan(np.ones(200_000), np.random.default_rng(2))
    mass = SUM.sf(1.0)
    u = NORMAL.sf(z) / mass
    assert ks_distance(u, otmaps.Uniform(0.0, 1.0)) < 2.2 / math.sqrt(z.size)
    lagged = np.corrcoef(u[1:], u[:-1])[0, 1]
    assert abs(lagged) < 4.0 / math.sqrt(z.size)
    assert np.unique(z).size > 0.999 * z.size


@pytest.mark.needs_jit
def test_heavy_atoms_keep_the_tail_beyond_them():
    """An atom of all but 1e-9: what is above it goes to the far tail to full relative accuracy."""
    source = otmaps.Mixture([point(0.0), otmaps.Uniform(1.0, 2.0)], [1.0 - 1e-9, 1e-9])
    plan = otmaps.transport_plan(source, NORMAL)
    y = np.array([1.25, 1.5, 1.75, 1.9999])
    np.testing.assert_allclose(plan(y, 0), NORMAL.isf(1e-9 * (2.0 - y)), rtol=1e-8)


@pytest.mark.needs_jit
def test_randomness_comes_from_the_generator_alone():
    plan, y = otmaps.transport_plan(CASES["mask"][0], NORMAL), draws("mask", 1000)
    np.testing.assert_array_equal(plan(y, 7), plan(y, np.random.default_rng(7)))
    rng = np.random.default_rng(7)
    assert not np.array_equal(plan(y, rng), plan(y, rng))
    for nothing in (None, True, np.random.RandomState(0)):
        with pytest.raises(TypeError, match=r"Generator or a seed"):
            plan(y, nothing)


@pytest.mark.needs_jit
def test_shapes_dtypes_and_out():
    plan = otmaps.transport_plan(clipped(SUM, -0.1, 0.1), NORMAL)
    y = np.clip(SUM.rvs((3, 4, 5), 0), -0.1, 0.1)
    z = plan(y, 1)
    assert z.shape == y.shape
    out = np.empty_like(y)
    assert plan(y, 1, out=out) is out
    np.testing.assert_array_equal(out, z)
    same = y.copy()
    np.testing.assert_array_equal(plan(same, 1, out=same), z)
    wide = np.zeros((3, 4, 10))
    plan(y, 1, out=wide[..., ::2])
    np.testing.assert_array_equal(wide[..., ::2], z)
    # 0.1 is no float32: the atom is where single precision puts it.
    single = plan(y.astype(np.float32), 1)
    assert single.dtype == np.float32
    np.testing.assert_allclose(single, z, rtol=1e-4, atol=1e-5)
    assert isinstance(plan(0.05, 1), float)
    assert plan(np.empty((0, 2)), 1).shape == (0, 2)
    np.testing.assert_array_equal(plan([np.nan, -np.inf, np.inf], 1), [np.nan, -np.inf, np.inf])
    with pytest.raises(ValueError, match="out must have"):
        plan(y, 1, out=np.empty(3))
    assert math.isnan(plan.inverse(math.nan))
    assert plan.inverse(NORMAL.isf(1e-3)) == 0.1
    again = pickle.loads(pickle.dumps(plan))
    np.testing.assert_array_equal(again(y, 1), z)
    assert plan.support == (-0.1, 0.1)
    assert plan.limits == (-math.inf, math.inf)
    assert "2 atoms" in repr(plan)


def test_an_atom_that_rounding_has_missed_is_the_atom():
    plan = otmaps.transport_plan(otmaps.Discrete([0.3, 1.0], [0.5, 0.5]), NORMAL)
    z = plan(np.full(1000, 0.1 + 0.2), 0)
    assert np.unique(z).size == 1000
    assert ks_distance(0.5 - 0.5 * special.erf(-z / math.sqrt(2)), otmaps.Uniform(0, 0.5)) < 0.07


@pytest.mark.needs_jit
@pytest.mark.parametrize("case", CASES)
def test_laws_of_samples_have_plans_too(case):
    """The prior is reached as well as the sample knows the law."""
    prior = CASES[case][2]
    sample = otmaps.Empirical(draws(case, 100_000, 3))
    with pytest.warns(otmaps.AccuracyWarning, match="reaches an error"):
        plan = otmaps.transport_plan(sample, prior)
    z = plan(draws(case, 200_000, 4), 5)
    assert ks_distance(z, prior) < sample.error + 2.2 / math.sqrt(z.size)


@pytest.mark.needs_jit
def test_targets_with_atoms_and_gaps_are_reached():
    target = otmaps.Mixture([point(-1.0), otmaps.Uniform(0.0, 1.0), point(2.0)], [0.3, 0.5, 0.2])
    plan = otmaps.transport_plan(CASES["mask"][0], target)
    z = np.asarray(plan(draws("mask", 200_000), 6))
    share = np.mean(z == -1.0), np.mean(z == 2.0)
    np.testing.assert_allclose(share, [0.3, 0.2], atol=0.005)
    inner = z[(z != -1.0) & (z != 2.0)]
    assert ks_distance(inner, otmaps.Uniform(0.0, 1.0)) < 2.2 / math.sqrt(inner.size)
    dice = otmaps.Discrete([0.0, 1.0, 2.0], [0.2, 0.3, 0.5])
    coin = otmaps.Discrete([0.0, 1.0], [0.5, 0.5])
    z = np.asarray(otmaps.transport_plan(coin, dice)(np.repeat([0.0, 1.0], 50_000), 0))
    assert set(z[50_000:]) == {2.0}
    assert np.mean(z[:50_000] == 0.0) == pytest.approx(0.4, abs=0.01)


def test_levels_have_all_digits_on_both_sides():
    levels = Levels.of(otmaps.Mixture([point(-40.0), point(40.0), NORMAL], [1e-20, 1e-20, 1.0]))
    assert levels.below[0] == NORMAL.cdf(-40.0)
    assert levels.above[1] == NORMAL.sf(40.0)
    np.testing.assert_allclose(levels.upto[0], 1e-20, rtol=1e-12)
    np.testing.assert_allclose(levels.beside[1], 1e-20, rtol=1e-12)


def test_a_law_without_atoms_needs_no_plan():
    with pytest.raises(ValueError, match="monotone_map"):
        otmaps.transport_plan(NORMAL, NORMAL)
    with pytest.raises(otmaps.AtomError, match=r"randomize=.*transport_plan"):
        otmaps.monotone_map(CASES["mask"][0], NORMAL)


# ---------------------------------------------------------------------------- through match
@otmaps.operation
def squashed(a, b):
    return np.clip(a + b, -1.0, 1.0)


def matched(**options):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", otmaps.AccuracyWarning)
        return otmaps.match(squashed(), "normal", store=None, **options)


@pytest.mark.needs_jit
def test_match_offers_the_plan_and_takes_a_generator():
    with pytest.raises(otmaps.AtomError, match=r"randomize=numpy\.random\.default_rng"):
        matched()
    m = matched(randomize=np.random.default_rng(0))
    assert isinstance(m.map, otmaps.RandomizedPlan)
    assert "randomised plan" in repr(m)
    z = np.random.default_rng(1).standard_normal((2, 100_000))
    result = m(*z)
    assert ks_distance(result, NORMAL) < m.source.error + 2.2 / math.sqrt(result.size)
    assert not np.array_equal(m(*z), result)
    np.testing.assert_array_equal(matched(randomize=np.random.default_rng(0))(*z), result)
    np.testing.assert_array_equal(matched(randomize=0)(*z), result)
    np.testing.assert_array_equal(m(*z, randomize=5), m(*z, randomize=np.random.default_rng(5)))
    out = np.empty(100_000)
    assert m(*z, out=out, randomize=5) is out
    np.testing.assert_array_equal(out, m(*z, randomize=5))
    assert isinstance(m(3.0, 4.0), float)
    assert m(*z.astype(np.float32)).dtype == np.float32


@pytest.mark.needs_jit
def test_true_leaves_the_generator_to_the_call():
    m = matched(randomize=True)
    with pytest.raises(TypeError, match="randomize="):
        m(0.5, 3.0)
    assert m(0.5, 3.0, randomize=0) == matched(randomize=0)(0.5, 3.0)
    with pytest.raises(otmaps.AtomError):
        matched(randomize=False)


def test_without_atoms_there_is_a_map_and_nothing_random():
    m = otmaps.match(otmaps.lerp(0.3), "laplace", randomize=0)
    assert isinstance(m.map, otmaps.MonotoneMap)
    assert (
        m(0.2, 0.3, randomize=1)
        == m(0.2, 0.3)
        == otmaps.match(otmaps.lerp(0.3), "laplace")(0.2, 0.3)
    )


@pytest.mark.needs_jit
def test_check_judges_plans():
    m = matched(randomize=True)
    assert otmaps.check(m, n=500)
    assert otmaps.check(m, n=500).as_dict() == otmaps.check(m, n=500).as_dict()


@pytest.mark.needs_jit
def test_check_sees_a_plan_that_is_not_random():
    m = matched(randomize=True)

    class Frozen:
        operation, inputs, source, target, map = m.operation, m.inputs, m.source, m.target, m.map

        def __call__(self, *z, randomize=None):
            y = np.asarray(m.operation.raw(*z))
            z = m(*z, randomize=0)
            return np.where(y == 1.0, NORMAL.isf(0.5 * SUM.sf(1.0)), z)

    report = otmaps.check(Frozen(), n=2000)
    assert not report
    assert not next(row for row in report.rows if row.name.startswith("prior reproduced")).holds
