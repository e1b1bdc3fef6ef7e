"""The law given by a table of pieces, on tables small enough to write by hand."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from otmaps._pieces import PiecesLaw, TailTable

SERIES = np.zeros(16)


def constant_slope(value, slope):
    """The Chebyshev series of value + slope t."""
    return np.concatenate([[value, slope], SERIES[2:]])


def laplace_half():
    """log P = v - log 2 below 0, in one logarithmic and one plain piece."""
    log2 = np.log(2.0)
    t = np.cos((np.arange(40)[::-1] + 0.5) * np.pi / 40)
    low, high = 0.0, np.log(700.0)  # s = log(-v)
    s = 0.5 * (low + high) + 0.5 * (high - low) * t
    outer = np.polynomial.chebyshev.chebfit(t, -np.exp(s) - log2, 30)
    inner = np.zeros_like(outer)
    inner[:2] = -0.5 - log2, 0.5
    tail = np.stack([outer, inner])
    return TailTable(
        edges=np.array([-700.0, -1.0, 0.0]),
        anchor=np.zeros(2),
        sign=np.array([-1.0, 0.0]),
        middle=np.array([0.5 * (low + high), -0.5]),
        half=np.array([0.5 * (high - low), 0.5]),
        tail=tail,
        density=tail.copy(),
    )


def power_half():
    """P = v^2 / 2 on [0, 1]: a logarithmic piece anchored at the end of the support."""
    low = np.log(1e-20)
    tail = constant_slope(low - np.log(2.0), -low)[None]
    density = constant_slope(0.5 * low, -0.5 * low)[None]
    return TailTable(
        edges=np.array([1e-20, 1.0]),
        anchor=np.zeros(1),
        sign=np.ones(1),
        middle=np.array([0.5 * low]),
        half=np.array([-0.5 * low]),
        tail=tail,
        density=density,
    )


def law_of(half, ends, shift):
    return PiecesLaw(
        lower=half,
        upper=half,
        low_shift=-shift,
        high_shift=shift,
        split=0.0,
        ends=ends,
        moments=(0.0, 1.0),
        kinks=(0.0,),
        errors=(1e-15, 1e-13, 1e-12),
        centre=0.0,
        how="by hand",
    )


@pytest.fixture
def laplace():
    return law_of(laplace_half(), (-np.inf, np.inf), 0.0)


@pytest.fixture
def triangle():
    return law_of(power_half(), (-1.0, 1.0), 1.0)


def test_values_in_both_halves(laplace):
    x = np.array([-650.0, -30.0, -1.0, -0.3, 0.0, 0.2, 5.0, 650.0])
    lower = np.where(x < 0, 0.5 * np.exp(x), 1.0 - 0.5 * np.exp(-x))
    upper = np.where(x > 0, 0.5 * np.exp(-x), 1.0 - 0.5 * np.exp(x))
    # The series of exp(s) over a range of 700 is good to 1e-12 of the logarithm.
    np.testing.assert_allclose(laplace.cdf(x), lower, rtol=1e-11)
    np.testing.assert_allclose(laplace.sf(x), upper, rtol=1e-11)
    np.testing.assert_allclose(laplace.pdf(x), 0.5 * np.exp(-np.abs(x)), rtol=1e-11)
    np.testing.assert_allclose(laplace.cdf(x) + laplace.sf(x), 1.0, rtol=0, atol=4e-16)


@pytest.mark.parametrize("log_p", [-690.0, -200.0, -3.0, np.log(0.5), -0.1, -1e-3])
def test_quantiles_invert_the_table(laplace, log_p):
    x = laplace.ilogcdf(log_p)
    # One ulp of s = log(-x) moves the logarithm by log(700) |x| ulp, and the series adds its own.
    allowed = 4e-15 * max(1.0, abs(log_p))
    assert abs(laplace.logcdf(x) - log_p) <= allowed
    assert abs(laplace.ilogsf(log_p) + x) <= 1e-15 * max(1.0, abs(x))


def test_the_continuation_of_an_exponential_tail_is_exponential(laplace):
    x = -np.array([701.0, 900.0, 2000.0])
    # The growth exponent comes from a second derivative: 1e-9 relative of the logarithm.
    np.testing.assert_allclose(laplace.logcdf(x), x - np.log(2.0), rtol=1e-8)
    np.testing.assert_allclose(laplace.ilogcdf(laplace.logcdf(x)), x, rtol=1e-12)
    slope = (laplace.logcdf(x + 1.0) - laplace.logcdf(x - 1.0)) / 2.0
    found = laplace.logpdf(x) - laplace.logcdf(x)
    np.testing.assert_allclose(np.exp(found), slope, rtol=1e-6)


def test_the_continuation_of_a_power_is_the_power(triangle):
    v = np.array([1e-25, 1e-30, 1e-12, 0.25])
    half = triangle.lower
    np.testing.assert_allclose(half.log_tail(v), 2.0 * np.log(v) - np.log(2.0), rtol=1e-14)
    np.testing.assert_allclose(half.log_density(v), np.log(v), rtol=1e-13)
    np.testing.assert_allclose(half.inverse(half.log_tail(v)), v, rtol=1e-13)


def test_support_moments_and_statements(triangle):
    assert triangle.support() == (-1.0, 1.0)
    assert (triangle.mean(), triangle.std()) == (0.0, 1.0)
    assert triangle.breakpoints == (0.0,)
    assert triangle.symmetry == 0.0
    assert triangle.method == "by hand"
    assert (triangle.error, triangle.tail_error, triangle.density_error) == (1e-15, 1e-13, 1e-12)
    assert triangle.recipe() is None
    assert triangle.cdf(-1.0) == 0.0
    assert triangle.sf(1.0) == 0.0
    assert triangle.ppf([0.0, 1.0]).tolist() == [-1.0, 1.0]
    assert triangle.median() == pytest.approx(0.0, abs=1e-15)


def test_pieces_that_disagree_are_seen():
    half = laplace_half()
    assert max(half.largest_jumps()) < 1e-11
    broken = half.tail.copy()
    broken[1, 0] += 1e-3
    jump, log_jump = dataclasses.replace(half, tail=broken).largest_jumps()
    assert log_jump == pytest.approx(1e-3, rel=1e-6)
    assert jump == pytest.approx(1e-3 * 0.5 * np.exp(-1.0), rel=1e-6)


@pytest.mark.parametrize("scale", [2.0, -0.5])
def test_affine_images_are_tables_again(triangle, laplace, scale):
    for law in (triangle, laplace):
        image = law.affine(scale, 3.0)
        assert isinstance(image, PiecesLaw)
        x = np.array([-0.9, -0.25, 0.0, 0.5, 0.75])
        below, above = (law.cdf, law.sf) if scale > 0 else (law.sf, law.cdf)
        np.testing.assert_allclose(image.cdf(scale * x + 3.0), below(x), rtol=1e-13)
        np.testing.assert_allclose(image.sf(scale * x + 3.0), above(x), rtol=1e-13)
        np.testing.assert_allclose(image.pdf(scale * x + 3.0), law.pdf(x) / abs(scale), rtol=1e-13)
        assert image.support() == tuple(sorted(scale * e + 3.0 for e in law.support()))
        assert (image.mean(), image.std()) == (3.0, abs(scale))
        assert image.symmetry == 3.0
    # Moved with its low end to 0, the law is exact on the whole float grid there.
    np.testing.assert_allclose(triangle.affine(1.0, 1.0).cdf(1e-30), 0.5e-60, rtol=1e-13)


def test_no_points_and_nan(laplace):
    assert laplace.cdf(np.empty((0, 3))).shape == (0, 3)
    assert np.isnan(laplace.cdf(np.nan))
    assert np.isnan(laplace.ppf(np.nan))
    assert laplace.cdf([-np.inf, np.inf]).tolist() == [0.0, 1.0]
