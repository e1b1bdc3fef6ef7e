"""Sums of uniforms against inclusion-exclusion in exact rational arithmetic."""

import math
from fractions import Fraction

import hypothesis
import naive
import numpy as np
import pytest
from hypothesis import strategies as st

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
    "thirteen": (1.0,) * 13,
    "fifty and fifty": (1.0,) * 50 + (0.5,) * 50,
    "three wide, forty narrow": (1.0,) * 3 + (1e-9,) * 40,
    "tiny among many": (1e-200,) + (1.0,) * 14,
}


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
        truth = naive.uniform_sum(law.widths, Fraction(float(y)))
        assert abs(Fraction(law.cdf(y)) - truth) <= law.error
        assert abs(Fraction(law.sf(y)) - (1 - truth)) <= law.error
        if truth > Fraction(10) ** -300:
            assert abs(Fraction(law.cdf(y)) / truth - 1) <= law.tail_error
        log = naive.log(truth)
        assert abs(law.logcdf(y) - log) <= law.tail_error + 1e-15 * abs(log)


@pytest.mark.parametrize("name", CASES)
def test_densities(name):
    law, points = law_and_points(name)
    for y in points[points <= law.centre]:
        truth = naive.uniform_sum(law.widths, Fraction(float(y)), derivative=1)
        if Fraction(10) ** -300 < truth < Fraction(10) ** 300:
            assert abs(Fraction(law.pdf(y)) / truth - 1) <= law.density_error
            log = naive.log(truth)
            assert abs(law.logpdf(y) - log) <= law.density_error + 1e-15 * abs(log)


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
    truth = naive.uniform_sum(widths, Fraction(1e-3))
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
        truth = naive.uniform_sum(law.widths, Fraction(float(x)) + 1)
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


@pytest.mark.needs_jit
@pytest.mark.parametrize("widths", [(1.0,) * 1000, (1.0,) * 600 + (2.0,) * 200], ids=["one", "two"])
def test_very_many_terms(widths):
    law = from_zero(widths)
    assert law.tail_error <= 1e-12
    for part in (1e-3, 0.1, 0.3, 0.5, 0.8, 0.97, 1.0):
        y = round(law.centre * part * 8.0) / 8.0  # few bits make short fractions
        for derivative, plain, logarithm, error in (
            (0, law.cdf, law.logcdf, law.tail_error),
            (1, law.pdf, law.logpdf, law.density_error),
        ):
            truth = naive.uniform_sum(widths, Fraction(y), derivative)
            log = naive.log(truth)
            assert abs(logarithm(y) - log) <= min(error, 1e-12) + 1e-15 * abs(log)
            if log > -690.0:
                assert abs(Fraction(plain(y)) / truth - 1) <= error


widths_of_any_size = st.lists(
    st.one_of(
        st.sampled_from([1.0, 0.5, 1.0 + 1e-12, 1e-9, 1e-200]),
        st.floats(0.05, 1.0),
        st.floats(-60.0, 0.0).map(math.exp),
    ),
    min_size=2,
    max_size=7,
)


@hypothesis.given(widths=widths_of_any_size, data=st.data())
@hypothesis.settings(max_examples=60, deadline=None, derandomize=True)
def test_the_stated_errors_for_any_widths(widths, data):
    law = from_zero(widths)
    knots = [b for b in law.breakpoints if 0.0 < b <= law.centre]
    deep = st.floats(-400.0, 0.0).map(lambda e: law.centre * 2.0**e)
    near = st.sampled_from(knots or [law.centre]).flatmap(
        lambda b: st.sampled_from([b * (1 - 1e-14), b, b * (1 + 1e-14), math.nextafter(b, 0.0)])
    )
    for y in data.draw(st.lists(st.one_of(deep, near), min_size=8, max_size=8)):
        if not 0.0 < y <= law.centre:
            continue
        truth = naive.uniform_sum(law.widths, Fraction(y))
        density = naive.uniform_sum(law.widths, Fraction(y), derivative=1)
        assert abs(law.logcdf(y) - naive.log(truth)) <= 1e-14 + 1e-15 * abs(naive.log(truth))
        assert abs(Fraction(law.sf(y)) - (1 - truth)) <= law.error
        if truth > Fraction(10) ** -300:
            assert abs(Fraction(law.cdf(y)) / truth - 1) <= law.tail_error
        if Fraction(10) ** -300 < density < Fraction(10) ** 300:
            assert abs(Fraction(law.pdf(y)) / density - 1) <= law.density_error


@pytest.mark.parametrize("widths", [(1.0, 1.0), (0.3, 0.7), (1.0, 1e-9), (0.1,) * 10, (1.0,) * 40])
def test_quantiles_and_probabilities_agree_to_the_float_grid(widths):
    law = UniformSum(0.25, widths)
    p = np.concatenate([np.random.default_rng(0).uniform(0.0, 1.0, 200), np.logspace(-15, -1, 30)])
    for quantile, mass in ((law.ppf, law.cdf), (law.isf, law.sf)):
        x = quantile(p)
        grid = law.pdf(x) * np.spacing(np.abs(x) + law.centre)
        assert np.all(np.abs(mass(x) - p) <= grid + 2 * p * law.tail_error)


def test_scales_of_any_size():
    small, plain = UniformSum(0.0, (1e-290, 3e-290)), UniformSum(0.0, (1.0, 3.0))
    large = UniformSum(0.0, (1e300, 3e300))
    for x in (-1.9, -1.0, 0.3):
        assert small.cdf(x * 1e-290) == pytest.approx(plain.cdf(x), rel=1e-14)
        assert large.cdf(x * 1e300) == pytest.approx(plain.cdf(x), rel=1e-14)
        assert large.logpdf(x * 1e300) == pytest.approx(
            plain.logpdf(x) - 300.0 * math.log(10.0), rel=1e-14
        )


def test_ends_are_part_of_the_value():
    law = UniformSum(0.0, (0.1, 0.2))
    moved = UniformSum(0.0, (0.1, 0.2), (law.ends[0], (law.ends[1][0], 1e-20)))
    assert law != moved
    assert "ends" not in law.recipe()
    assert moved.recipe()["ends"][3] == (1e-20).hex()
    assert law.affine(2.0).affine(0.5) == law
