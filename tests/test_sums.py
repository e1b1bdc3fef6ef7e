"""What must hold for the law of any weighted sum, over random laws and weights."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import otmaps

LAWS = [
    otmaps.Normal(),
    otmaps.Laplace(),
    otmaps.Logistic(),
    otmaps.Uniform(),
    otmaps.Exponential(),
    otmaps.Cauchy(),
    otmaps.StudentT(3.0),
    otmaps.Gumbel(),
    otmaps.Gamma(2.5),
    otmaps.Beta(2.0, 3.0),
    otmaps.Arcsine(),
    otmaps.Pareto(1.5),
    otmaps.LogNormal(),
]
SYMMETRIC = [law for law in LAWS if law.symmetry == 0.0]
LEVELS = np.concatenate([np.geomspace(1e-300, 1e-3, 40), np.linspace(0.01, 0.5, 40)])

sizes = st.one_of(st.floats(0.05, 20.0), st.sampled_from([1.0, 1e-3]))
weights = st.builds(lambda size, sign: sign * size, sizes, st.sampled_from([-1.0, 1.0]))
terms = st.lists(st.tuples(st.sampled_from(LAWS), weights), min_size=2, max_size=3)
few = settings(max_examples=20, suppress_health_check=[HealthCheck.too_slow], deadline=None)
pytestmark = pytest.mark.needs_jit


def pushed(pairs):
    laws = [law for law, _ in pairs]
    return otmaps.Convolution().law(otmaps.linear([w for _, w in pairs]), tuple(laws), 1e-12)


def points(law):
    x = np.unique(np.concatenate([law.ppf(LEVELS), law.isf(LEVELS)]))
    low, high = law.support()
    return x[(x > low) & (x < high) & np.isfinite(x)]


def grid(law, x):
    """What two ulp of x change in the logarithm of the nearer tail."""
    near = np.minimum(law.logcdf(x), law.logsf(x))
    with np.errstate(over="ignore", invalid="ignore"):
        return np.nan_to_num(2.0 * np.spacing(np.abs(x)) * np.exp(law.logpdf(x) - near), nan=np.inf)


def assert_same(a, b, x, name="logcdf", ulps=1.0):
    found, wanted = (np.asarray(getattr(law, name)(x)) for law in (a, b))
    allowed = a.tail_error + b.tail_error + ulps * grid(b, x) + 1e-15 * np.abs(wanted)
    relative = np.abs(found - wanted)
    absolute = relative * np.exp(np.maximum(found, wanted))
    good = (relative <= allowed) | (absolute <= a.error + b.error)
    assert np.all(good), (name, x[~good], relative[~good], allowed[~good])


@few
@given(terms)
def test_probabilities_increase_and_add_up_to_one(pairs):
    law = pushed(pairs)
    x = points(law)
    assert np.all(np.isfinite(law.logpdf(x)) | (law.pdf(x) == np.inf))
    slack = 2.0 * law.tail_error + 1e-15
    assert np.all(np.diff(law.cdf(x)) >= -slack * law.cdf(x[1:]))
    assert np.all(np.diff(law.sf(x)) <= slack * law.sf(x[:-1]))
    assert np.max(np.abs(law.cdf(x) + law.sf(x) - 1.0)) <= law.error + 2.3e-16
    assert law.error < 1e-11
    assert law.tail_error < 1e-10


@few
@given(st.lists(st.tuples(st.sampled_from(SYMMETRIC), weights), min_size=2, max_size=4))
def test_symmetric_inputs_give_exactly_symmetric_laws(pairs):
    law = pushed(pairs)
    assert law.symmetry == 0.0
    x = points(law)
    x = x[x != 0.0]  # there both are 1/2 to an ulp
    np.testing.assert_array_equal(law.cdf(-x), law.sf(x))
    np.testing.assert_array_equal(law.logcdf(-x), law.logsf(x))
    np.testing.assert_array_equal(law.pdf(-x), law.pdf(x))


@few
@given(terms, st.sampled_from([-8, -1, 1, 5]))
def test_scale_changes_nothing_else(pairs, power):
    """Weights times a power of two, and with the other sign: the same law, scaled."""
    factor = 2.0**power
    law, scaled = pushed(pairs), pushed([(z, factor * w) for z, w in pairs])
    x = points(law)
    assert_same(scaled, law.affine(factor), factor * x)
    mirrored = pushed([(z, -w) for z, w in pairs])
    assert_same(mirrored, law.affine(-1.0), -x)
    assert_same(mirrored, law.affine(-1.0), -x, "logsf")


@few
@given(terms, st.sampled_from([-3.0, 0.125, 1024.0]))
def test_shift_is_exact(pairs, shift):
    op = otmaps.linear([w for _, w in pairs])
    law = otmaps.Convolution().law(op, tuple(z for z, _ in pairs), 1e-12)
    moved = law.affine(1.0, shift)
    x = points(law)
    exact = (x + shift) - shift == x
    np.testing.assert_allclose(
        moved.logcdf((x + shift)[exact]), law.logcdf(x[exact]), rtol=1e-15, atol=1e-12
    )


@few
@given(terms, terms)
def test_the_sum_of_sums_is_the_sum(first, second):
    """Two sums, each the law of an input of a third one, and all inputs at once."""
    at_once = pushed(first + second)
    halves = pushed(first), pushed(second)
    in_turn = otmaps.Convolution().law(otmaps.linear([1.0, 1.0]), halves, 1e-12)
    x = points(at_once)
    for name in ("logcdf", "logsf"):
        assert_same(in_turn, at_once, x, name, ulps=4.0)


@few
@given(terms)
def test_the_order_of_inputs_does_not_matter(pairs):
    law, back = pushed(pairs), pushed(pairs[::-1])
    assert_same(back, law, points(law))


def test_equal_inputs_are_squared_and_multiples_found_again(monkeypatch):
    """A thousand equal inputs take some ten sums, not 999; (1, 2) and (2, 4) share one."""
    from otmaps._estimators import _convolution

    calls = []
    original = _convolution.sum_of
    monkeypatch.setattr(_convolution, "sum_of", lambda *args: calls.append(1) or original(*args))
    pushed([(otmaps.Logistic(), 0.03)] * 1000)
    assert len(calls) <= 20
    calls.clear()
    pushed([(otmaps.Gumbel(), w) for w in (1.0, 3.0, 2.0, 6.0)])
    assert len(calls) == 3  # 1 + 2, 3 + 6 and their sum: the ratio 1 : 2 once


def test_narrow_terms_become_shifts_with_their_error_counted():
    op = otmaps.linear([1.0, 1e-20])
    inputs = otmaps.Logistic(), otmaps.Laplace(5.0)
    law = otmaps.Convolution().law(op, inputs, 1e-12)
    alone = otmaps.Logistic(5e-20)
    x = points(alone)
    assert_same(law, alone, x)
    # Not where the wide law ends at 0: there the narrow one is all that counts.
    near = otmaps.Convolution().law(
        otmaps.linear([1.0, 1e-20]), (otmaps.Exponential(), otmaps.Exponential()), 1e-12
    )
    y = np.array([1e-22, 1e-20, 3e-20])
    wanted = y + 1e-20 * np.expm1(-y / 1e-20)
    np.testing.assert_allclose(near.cdf(y), wanted, rtol=1e-10)
    # Nor where the narrow one has the heavier tail.
    heavy = otmaps.Convolution().law(
        otmaps.linear([1.0, 1e-20]), (otmaps.Normal(), otmaps.Cauchy()), 1e-12
    )
    assert heavy.sf(1e9) == pytest.approx(1e-29 / math.pi, rel=1e-12)
