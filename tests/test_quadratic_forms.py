"""Quadratic forms of normal inputs: sums of squares, beside closed forms and conditioning."""

import math
from fractions import Fraction

import mpmath as mp
import numpy as np
import pytest
from opaque import opaque

import otmaps
from otmaps._estimators._quadratic_forms import _backward_error, quadratic, squares_of
from otmaps._operations import Operation

N = otmaps.Normal()


def law_of(function, laws):
    law = otmaps.pushforward(otmaps.operation(function)(), laws[0], inputs=laws)
    assert "quadratic form" in law.method or law.method == "closed form"
    return law


def expression_of(function, n):
    op = otmaps.operation(function)()
    assert not isinstance(op.expression, str)
    return op.expression


def relative_gap(found, exact):
    return max(abs(float(mp.mpf(a) / b - 1)) for a, b in zip(found, exact, strict=True))


# ------------------------------------------------------------------------------ beside closed forms
def test_a_sum_of_two_products_is_a_laplace_law():
    law = law_of(lambda a, b, c, d: a * b - c * d, [N] * 4)
    x = np.array([0.0, 1e-9, 0.3, 5.0, 100.0, 650.0])
    exact = [mp.exp(-mp.mpf(v)) / 2 for v in x]
    assert relative_gap(law.sf(x), exact) <= law.tail_error < 1e-10
    assert relative_gap(law.cdf(-x), exact) <= law.tail_error


def test_a_dot_product_of_forty():
    weights = [Fraction(k, 4) for k in range(1, 11)]

    def dot(*z):
        terms = [z[k] * z[10 + k] + z[20 + k] * z[30 + k] for k in range(10)]
        return sum(float(w) * term for w, term in zip(weights, terms, strict=True))

    op = Operation("dot", tuple(f"z{k}" for k in range(40)), {}, dot)
    law = otmaps.pushforward(op, N)
    assert "quadratic form of 40" in law.method

    def sf(x):  # a sum of Laplace variables, by partial fractions
        with mp.workdps(60):
            total = mp.mpf(0)
            for w in weights:
                share = mp.mpf(1)
                for v in weights:
                    if v != w:
                        ratio = Fraction(v * v, w * w)
                        share /= 1 - mp.mpf(ratio.numerator) / ratio.denominator
                total += share * mp.exp(-mp.mpf(x) * w.denominator / w.numerator) / 2
            return total

    x = np.array([0.0, 1.0, 10.0, 100.0, 1000.0])
    assert relative_gap(law.sf(x), [sf(v) for v in x]) <= law.tail_error < 1e-9
    assert law.error < 1e-12


def test_the_variance_of_a_sample_is_a_gamma_law():
    def variance(a, b, c, d, e):
        mean = (a + b + c + d + e) / 5.0
        squares = [(z - mean) ** 2 for z in (a, b, c, d, e)]
        return sum(squares[1:], squares[0]) / 4.0

    law = law_of(variance, [otmaps.Normal(7.0, 0.3)] * 5)
    exact = otmaps.Gamma(2.0, scale=0.3**2 / 2.0)
    x = exact.ppf([1e-200, 1e-9, 0.3, 0.9])
    assert law.support() == (0.0, math.inf)
    np.testing.assert_allclose(law.cdf(x), exact.cdf(x), rtol=law.tail_error + exact.tail_error)
    x = exact.isf([1e-200, 1e-9])
    np.testing.assert_allclose(law.sf(x), exact.sf(x), rtol=law.tail_error + exact.tail_error)


def test_a_polynomial_of_one_input_ends_where_it_does():
    law = law_of(lambda a: a * a - 3.0 * a, [otmaps.Normal(1.0, 2.0)])
    assert law.support()[0] == -2.25

    def cdf(x):  # (a - 3/2)^2 <= x + 9/4
        with mp.workdps(50):
            root = mp.sqrt(mp.mpf(x) + mp.mpf("2.25"))
            return mp.ncdf((root + 0.5) / 2) - mp.ncdf((0.5 - root) / 2)

    x = np.array([-2.25 + 2.0**-40, -2.0, 1.0, 3.0])
    assert relative_gap(law.cdf(x), [cdf(v) for v in x]) <= law.tail_error < 1e-10


def test_a_direction_without_a_square_is_a_normal_part():
    law = law_of(lambda a, b: (a - b) * (a - b) + 0.5 * a, [N, N])

    def sf(y):  # 2 u^2 + s (u + v), u and v the half difference and sum
        s = mp.sqrt(mp.mpf("0.125"))
        last = y / s + s / 8  # from there on any u will do

        def given(v):
            root = mp.sqrt((last - v) * s / 2)
            return mp.npdf(v) * (mp.ncdf(-s / 4 - root) + mp.ncdf(s / 4 - root))

        end = min(last, 12)
        return mp.quad(given, mp.linspace(-12, end, 25)) + mp.ncdf(-last)

    y = np.array([-1.0, 0.2, 3.0, 60.0, 300.0])
    with mp.workdps(30):
        assert relative_gap(law.sf(y), [sf(v) for v in y]) <= law.tail_error < 1e-10


# ------------------------------------------------------------------------------ beside conditioning
@pytest.mark.parametrize(
    ("function", "laws"),
    [
        (lambda a, b: a * (a + b), [N, otmaps.Normal(0.0, 3.0)]),
        (lambda a, b: a * a + a * b - b, [otmaps.Normal(1.0, 0.5), otmaps.Normal(-2.0)]),
    ],
    ids=["a factor again", "shifted"],
)
def test_other_forms_agree_with_conditioning(function, laws):
    law = law_of(function, laws)
    other = otmaps.Conditioning().law(opaque(function, 2), tuple(laws), 1e-12)
    levels = [1e-40, 1e-12, 1e-3, 0.4, 0.5]
    for name in ("cdf", "sf"):
        x = (law.ppf if name == "cdf" else law.isf)(levels)
        found, beside = (np.asarray(getattr(one, name)(x)) for one in (law, other))
        assert np.max(np.abs(found - beside)) <= law.error + other.error < 1e-11
        np.testing.assert_allclose(found, beside, rtol=law.tail_error + other.tail_error)
    assert max(law.tail_error, other.tail_error) < 1e-9


# ---------------------------------------------------------------------------- what is no such form
@pytest.mark.parametrize(
    ("function", "laws"),
    [
        (lambda a, b, c: a * b + b * c + c * a, [N, N, otmaps.Laplace()]),
        (lambda a, b: a * b + a * a * b, [N, N]),
        (lambda a, b: a * b, [N, N]),
        (lambda a, b: np.sin(a) + a * b, [N, N]),
        (lambda a, b: a / b + a * a, [N, N]),
    ],
)
def test_what_is_left_to_other_rules(function, laws):
    assert quadratic(expression_of(function, len(laws)), laws) is None


def test_an_eigenvalue_that_is_rounding_is_left_to_other_rules():
    near = 1.0 + 1e-13
    form = quadratic(expression_of(lambda a, b: (a + b) * (a + near * b), 2), [N, N])
    assert squares_of(form, [N, N]) is None
    form = quadratic(expression_of(lambda a, b: (a + b) * (a + 1.5 * b), 2), [N, N])
    assert squares_of(form, [N, N]).errors[0] < 1e-12


def test_the_error_of_eigenvalues_covers_them_and_sees_wrong_ones():
    matrix = np.array([[0.0, 0.5, 0.5], [0.5, 0.0, 0.5], [0.5, 0.5, 0.0]])
    values, vectors = np.linalg.eigh(matrix)
    rough = _backward_error(matrix, values, vectors)
    assert np.max(np.abs(values - [-0.5, -0.5, 1.0])) <= rough < 1e-14
    assert _backward_error(matrix, values + np.array([0.0, 0.0, 1e-6]), vectors) >= 1e-6
    vectors[:, 0] *= 1.0 + 1e-6
    assert _backward_error(matrix, values, vectors) >= 1e-6
