"""Sums of uniforms against inclusion-exclusion in exact rational arithmetic."""

import collections
import functools
import math
from fractions import Fraction

import numpy as np
import pytest

import otmaps
from otmaps._uniform_sums import UniformSum, uniform_sum_refusal

CASES = {
    "two equal": (1.0, 1.0),
    "one tiny": (1.0, 1e-9),
    "one below an ulp": (1.0, 1e-17, 0.5),
    "one absurd": (1.0, 1e-100, 1.0),
    "two tiny": (1.0, 1e-9, 1e-9, 0.3),
    "tenths": (0.1, 0.2, 0.3, 0.4),
    "nearly equal": (1.0, 1.0 + 1e-12, 1.0 - 3e-13),
    "ten sixteenths": (1 / 16,) * 10,
    "dyadic": (0.5, 0.25, 0.125, 0.0625, 0.03),
    "eight random": tuple(np.random.default_rng(0).uniform(0.1, 1.0, 8).tolist()),
    "thirty": (1.0,) * 30,
    "a hundred": (0.01,) * 100,
}


@functools.cache
def signed_sums(widths):
    """Subset sums with the sign (-1)^size, for inclusion-exclusion."""
    sums = collections.Counter({Fraction(0): 1})
    for width in map(Fraction, widths):
        shifted = collections.Counter({s + width: -c for s, c in sums.items()})
        sums = collections.Counter({s: sums[s] + shifted[s] for s in sums.keys() | shifted.keys()})
    return {s: c for s, c in sums.items() if c}


def exact(widths, y, derivative=0):
    """The cdf (or density) of the sum at distance y from its lower end, as a Fraction."""
    power = len(widths) - derivative
    total = sum(c * (y - s) ** power for s, c in signed_sums(widths).items() if s < y)
    return total / (math.factorial(power) * math.prod(map(Fraction, widths)))


def from_zero(widths):
    """The law whose lower end is exactly 0, whatever the widths add up to."""
    total = math.fsum(widths)
    rest = math.fsum([*widths, -total])
    return UniformSum(0.5 * total, widths, ((0.0, 0.0), (total, rest)))


def law_and_points(name):
    """A law whose lower end is exactly 0, and points from deep in its corner to its centre."""
    widths = CASES[name]
    law = from_zero(widths)
    half = law.centre
    assert law.support()[0] == 0.0
    rng = np.random.default_rng(1)
    few = len(widths) > 20
    deep = half * np.logspace(-30, -0.01, 8 if few else 40)
    spread = half * rng.uniform(0.0, 1.0, 4 if few else 30)
    kinks = np.array([b for b in law.breakpoints if 0.0 < b < half][:8])
    near = np.concatenate([kinks * f for f in (1.0, 1.0 - 1e-10, 1.0 + 1e-10)])
    return law, np.unique(np.concatenate([deep, spread, near, [half]]))


@pytest.mark.parametrize("name", CASES)
def test_probabilities_keep_the_stated_errors(name):
    law, points = law_and_points(name)
    for y in points[points <= law.centre]:
        truth = exact(law.widths, Fraction(float(y)))
        assert abs(Fraction(law.cdf(y)) - truth) <= law.error
        assert abs(Fraction(law.sf(y)) - (1 - truth)) <= law.error
        if truth > Fraction(10) ** -300:
            assert abs(Fraction(law.cdf(y)) / truth - 1) <= law.tail_error
        log = math.log(truth.numerator) - math.log(truth.denominator)
        rounding = 4e-16 * (math.log(truth.denominator) + abs(log))
        assert abs(law.logcdf(y) - log) <= law.tail_error + rounding


@pytest.mark.parametrize("name", CASES)
def test_densities(name):
    law, points = law_and_points(name)
    for y in points[points <= law.centre]:
        truth = exact(law.widths, Fraction(float(y)), derivative=1)
        if Fraction(10) ** -300 < truth < Fraction(10) ** 300:
            assert abs(Fraction(law.pdf(y)) / truth - 1) <= law.tail_error
            log = math.log(truth.numerator) - math.log(truth.denominator)
            rounding = 4e-16 * (math.log(truth.denominator) + abs(log))
            assert abs(law.logpdf(y) - log) <= law.tail_error + rounding


@pytest.mark.parametrize("name", CASES)
def test_the_upper_tail_is_the_lower_one_mirrored(name):
    law = UniformSum(0.0, CASES[name])
    x = law.ppf([1e-200, 1e-12, 0.01, 0.2, 0.5])
    for upper, lower in ((law.sf, law.cdf), (law.logsf, law.logcdf), (law.pdf, law.pdf)):
        np.testing.assert_array_equal(upper(-x[:4]), lower(x[:4]))
        assert upper(-x[4]) == pytest.approx(lower(x[4]), abs=2 * law.error)
    np.testing.assert_allclose(law.isf([1e-200, 0.2]), -law.ppf([1e-200, 0.2]), rtol=1e-15)
    assert law.symmetry == 0.0


@pytest.mark.parametrize("name", CASES)
def test_quantiles(name):
    widths = CASES[name]
    law = from_zero(widths)
    p = np.array([1e-300, 1e-100, 1e-20, 1e-6, 0.01, 0.2, 0.4])
    y = law.ppf(p)
    condition = y * law.pdf(y) / p  # relative change of p for a relative change of y
    assert np.all(np.abs(law.cdf(y) / p - 1.0) <= law.tail_error + 4e-16 * (condition - np.log(p)))
    deep = np.array([-800.0, -1200.0, -5000.0])
    y = law.ilogcdf(deep)
    normal = y > 1e-300  # with few terms the point itself underflows
    assert normal[0]
    np.testing.assert_allclose(law.logcdf(y)[normal], deep[normal], rtol=1e-12)


def test_a_wrong_width_breaks_the_bound():
    widths = CASES["tenths"]
    wrong = from_zero((*widths[:3], widths[3] * (1 + 1e-12)))
    truth = exact(widths, Fraction(1e-3))
    assert abs(Fraction(wrong.cdf(1e-3)) / truth - 1) > wrong.tail_error


@pytest.mark.parametrize("n", [2, 5, 12, 30, 60, 100, 128])
def test_irwin_hall_total_and_symmetry(n):
    law = UniformSum(0.5 * n, (1.0,) * n)
    assert law.cdf(0.5 * n) == pytest.approx(0.5, abs=law.error)
    assert law.pdf(1.0) == pytest.approx(1.0 / math.factorial(n - 1), rel=law.tail_error)
    assert law.breakpoints[0] == 0.0
    assert law.breakpoints[-1] == n


def test_the_mean_of_four_uniforms_where_another_library_is_off_by_5e_8():
    law = UniformSum(0.0, (0.5,) * 4)
    for x in np.linspace(-0.99, 0.0, 34):
        truth = exact(law.widths, Fraction(float(x)) + 1)
        assert abs(Fraction(law.cdf(x)) - truth) <= law.error + 1e-16


def test_vocabulary():
    law = UniformSum(1.0, [2.0, 1.0])
    assert law == UniformSum(1.0, (1.0, 2.0))
    assert law.mean() == 1.0
    assert law.std() == pytest.approx(math.sqrt(5.0 / 12.0), rel=1e-15)
    assert law.support() == (-0.5, 2.5)
    assert law.breakpoints == (-0.5, 0.5, 1.5, 2.5)
    assert law.affine(-2.0, 1.0) == UniformSum(-1.0, (2.0, 4.0))
    assert law.recipe()["widths"] == [(1.0).hex(), (2.0).hex()]
    assert law.method == "closed form"
    assert np.isnan(law.cdf(math.nan))
    draws = law.rvs(20_000, 0)
    assert abs(draws.mean() - 1.0) < 4 * law.std() / math.sqrt(20_000)
    x = np.linspace(-0.6, 2.6, 100_001)
    assert np.all(np.diff(law.cdf(x)) >= 0.0)


def test_breakpoints_stay_few_and_keep_the_sharp_kink():
    law = UniformSum(0.0, (1.0, 1.0, *(1e-6 * np.arange(1.0, 7.0))))
    assert len(law.breakpoints) <= 64
    assert min(abs(b) for b in law.breakpoints) < 1e-4


def test_what_is_refused():
    assert "1001 terms" in uniform_sum_refusal((1.0,) * 1001)
    many = (1.0, 0.9, *(1e-6 * np.random.default_rng(0).uniform(size=20)).tolist())
    assert "different partial sums" in uniform_sum_refusal(many)
    assert uniform_sum_refusal((1.0,) * 100) is None
    with pytest.raises(ValueError, match="no closed form for this sum"):
        UniformSum(0.0, many)
    with pytest.raises(ValueError, match="positive"):
        UniformSum(0.0, (1.0, 0.0))
    with pytest.raises(ValueError, match="one entry"):
        UniformSum(0.0, (1.0,))
    with pytest.raises(ValueError, match="centre must be finite"):
        UniformSum(math.inf, (1.0, 1.0))


def test_a_term_below_the_range_of_doubles_is_a_shift():
    law = UniformSum(0.5, (1.0, 1e-305))
    assert law.cdf(0.25) == otmaps.Uniform(0.0, 1.0).cdf(0.25)
