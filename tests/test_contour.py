"""Contour integration against stored truths, mpmath, closed forms and the convolution."""

from __future__ import annotations

import math
from fractions import Fraction

import mpmath as mp
import numpy as np
import pytest
from linear_cases import linear_cases

import otmaps
from otmaps._kernels import _transforms as kernels

TOL = 1e-12
DEPTHS = -np.geomspace(0.7, 690.0, 60)
LONG = (
    "exponential n=100 distinct",
    "laplace n=50 equal",
    "laplace n=1000 equal",
    "logistic n=100 equal",
    "gumbel n=30 equal",
    "gamma.7 n=1000 equal",
    "uniform n=30 equal",
    "uniform n=100 distinct",
    "uniform n=1000 equal",
    "normal n=1000 distinct",
)
PRIORS = {
    "laplace": otmaps.Laplace(),
    "exponential": otmaps.Exponential(),
    "logistic": otmaps.Logistic(),
    "gamma": otmaps.Gamma(2.5, loc=-1.0),
    "uniform": otmaps.Uniform(0.0, 1.0),
    "mixture": otmaps.Mixture([otmaps.Normal(-1.0, 0.5), otmaps.Laplace(1.0)], [0.3, 0.7]),
}


def contour(weights, laws, offset=0.0, **options):
    op = otmaps.linear(weights, offset=offset) if offset else otmaps.linear(weights)
    estimator = otmaps.Contour(**options)
    assert estimator.refuses(op, tuple(laws)) is None
    return estimator.law(op, tuple(laws), TOL)


def gaps(law, points):
    """Of the nearer tail and of the density, relative; deep logarithms relative to their size."""
    lower = points.logcdf < points.logsf
    wanted = np.where(lower, points.logcdf, points.logsf)
    found = np.where(lower, law.logcdf(points.x), law.logsf(points.x))
    size = np.where(wanted < math.log(1e-301), np.abs(wanted), 1.0)
    return np.abs(found - wanted) / size, np.abs(law.logpdf(points.x) - points.logpdf) / size


@pytest.mark.parametrize("name", LONG)
def test_stored_truths_down_to_exp_minus_20000(name):
    case = linear_cases()[name]
    law = contour([w for _, w in case.terms], [z for z, _ in case.terms])
    assert law.method == "contour"
    assert law.error <= 1e-13
    assert law.tail_error <= 2e-12
    for points in (case.points, case.deep):
        tail, density = gaps(law, points)
        # The truths are rounded, and so are their points where an input has a location.
        grid = np.spacing(np.abs(points.logcdf)) + np.spacing(np.abs(points.logsf))
        assert np.all(tail <= law.tail_error + grid)
        assert np.all(density <= law.density_error + grid)
    assert np.max(gaps(law, case.points)[0]) <= 5e-13


def test_arcsine_inputs_against_mpmath():
    """An independent inversion to 30 digits, on the straight line, by mpmath's quadrature."""
    weights = np.random.default_rng(3).uniform(0.5, 1.5, 20)
    law = contour(weights, [otmaps.Arcsine()] * 20)
    with mp.workdps(30):
        exact = [mp.mpf(float(w)) for w in weights]

        def cumulant(z):
            return mp.fsum(mp.log(mp.besseli(0, w * z)) for w in exact)

        for y in (-16.0, -12.0):
            c = -float(mp.findroot(lambda c, y=y: mp.diff(cumulant, -c) - y + 1 / c, 0.5))

            def integrand(u, c=c, y=y):
                z = mp.mpc(c, u)
                value = mp.mpf(1)
                for w in exact:
                    value *= mp.besseli(0, w * z)
                return mp.re(value * mp.exp(-z * y) / -z) / mp.pi

            h, total, k = mp.mpf("0.2"), integrand(mp.mpf(0)) / 2, 1
            while k * h < 150:
                total += integrand(k * h)
                k += 1
            wanted = float(mp.log(h * total))
            assert abs(law.logcdf(y) - wanted) <= law.tail_error


@pytest.mark.parametrize("n", [8, 20])
@pytest.mark.parametrize("prior", PRIORS)
def test_agreement_with_the_convolution(prior, n):
    laws = (PRIORS[prior],) * n
    op = otmaps.linear(np.random.default_rng(n).uniform(0.5, 1.5, n))
    estimator = otmaps.Contour()
    assert estimator.refuses(op, laws) is None
    law, other = estimator.law(op, laws, TOL), otmaps.Convolution().law(op, laws, TOL)
    for log, inverse in (("logcdf", "ilogcdf"), ("logsf", "ilogsf")):
        x = getattr(other, inverse)(DEPTHS)
        x = x[(x != other.support()[0]) & (x != other.support()[1])]
        wanted = getattr(other, log)(x)
        gap = np.abs(getattr(law, log)(x) - wanted)
        # Both round their argument, which matters next to an end that is not 0.
        grid = 2.0 * np.spacing(np.abs(x)) * np.exp(other.logpdf(x) - wanted)
        assert np.all(gap <= law.tail_error + other.tail_error + grid)
    assert law.mean() == pytest.approx(other.mean(), rel=1e-13)
    assert law.support() == pytest.approx(other.support(), rel=1e-13)


def test_closed_forms_of_mixed_signs_scales_and_offsets():
    gamma = contour([2.0] * 5 + [1.0] * 5, [otmaps.Exponential()] * 5 + [otmaps.Gamma(3.0)] * 5)
    assert gamma.support() == (0.0, math.inf)
    weights = np.array([0.5, -1.5, 1.0, -1.0, 0.75, 1.25, -0.5, 2.0])
    inputs = [otmaps.Normal(i, 1.0 + i) for i in range(8)]
    law = contour(weights, inputs)
    scale = math.hypot(*(w * z.scale for w, z in zip(weights, inputs, strict=True)))
    truth = otmaps.Normal(float(weights @ np.arange(8.0)), scale)
    x = truth.ilogcdf(DEPTHS)
    assert np.max(np.abs(law.logcdf(x) - truth.logcdf(x))) <= law.tail_error + 1e-13
    mirrored = contour([-1.0] * 9, [otmaps.Exponential()] * 9)
    truth = otmaps.Gamma(9.0)
    x = truth.ilogcdf(DEPTHS)
    assert np.max(np.abs(mirrored.logsf(-x) - truth.logcdf(x))) <= mirrored.tail_error + 1e-13
    x = truth.ilogsf(DEPTHS)
    assert np.max(np.abs(mirrored.logcdf(-x) - truth.logsf(x))) <= mirrored.tail_error + 1e-13
    assert mirrored.support() == (-math.inf, 0.0)


def test_symmetric_inputs_give_a_symmetric_law():
    law = contour([0.5, -0.25, 0.3, 0.4] * 3, [otmaps.Laplace(1.0), otmaps.Logistic()] * 6)
    assert law.symmetry is not None
    y = np.array([0.1, 0.5, 1.0, 7.0, 40.0])
    # About a centre other than 0, or at an edge of a piece, two cells or pieces may answer.
    np.testing.assert_allclose(law.cdf(law.symmetry - y), law.sf(law.symmetry + y), rtol=1e-14)


@pytest.mark.parametrize(
    ("weights", "laws", "reason"),
    [
        ([1.0] * 3, [otmaps.Laplace()] * 3, "adds 3 inputs"),
        ([1.0] * 9, [otmaps.StudentT(5.0)] * 9, "StudentT"),
        ([1.0] * 9, [otmaps.Laplace()] * 8 + [otmaps.LogNormal()], "LogNormal"),
        ([1.0] * 9, [otmaps.Mixture([otmaps.Cauchy(), otmaps.Normal()], [0.5, 0.5])] * 9, "Mixt"),
        ([9.0] + [1.0] * 8, [otmaps.Laplace()] * 9, "one input has 91% of the variance"),
        (np.linspace(0.5, 1.5, 8), [otmaps.Arcsine()] * 8, "decays slowly"),
    ],
)
def test_what_it_refuses(weights, laws, reason):
    op = otmaps.linear(weights)
    assert reason in otmaps.Contour().refuses(op, tuple(laws))
    with pytest.raises(otmaps.UnservedError, match=reason):
        otmaps.pushforward(op, laws[0], inputs=laws, method="contour")


@pytest.mark.parametrize("step", [0.3, 0.2, 0.15])
def test_a_wrong_step_shows_in_the_stated_error(step):
    laws = [otmaps.Uniform()] * 10
    law = contour([1.0 / 16.0] * 10, laws, step=step)
    tail, density = gaps(law, linear_cases()["uniform n=10 equal"].points)
    assert np.max(tail) > 1e-10
    assert np.max(tail) <= law.tail_error
    assert np.max(density) <= law.density_error
    assert law.error > 1e-12


def test_the_automatic_choice():
    op = otmaps.linear(np.linspace(0.5, 1.5, 12))
    assert otmaps.pushforward(op, otmaps.Logistic()).method == "contour"
    few = otmaps.linear([0.5, 0.6, 0.7])
    chosen, refusals = otmaps.choose_estimator(few, (otmaps.Logistic(),) * 3)
    assert chosen == otmaps.Convolution()
    assert list(refusals) == ["closed form", "contour"]


def test_affine_images_are_known():
    base = otmaps.Mixture([otmaps.Normal(), otmaps.Laplace()], [0.5, 0.5])
    law = contour([1.0] * 12, [base.affine(-2.0, 1.0)] * 12)
    other = contour([-2.0] * 12, [base] * 12)
    x = other.ilogcdf(DEPTHS)
    gap = np.abs(law.logcdf(x + 12.0) - other.logcdf(x))
    assert np.max(gap) <= law.tail_error + other.tail_error + 4e-15 * 690


POINTS = [
    complex(r * math.cos(a), r * math.sin(a))
    for r in (1e-7, 0.2, 0.69, 0.9, 1.9, 2.1, 8.0, 24.9, 25.1, 59.0, 61.0, 300.0)
    for a in np.linspace(-1.57, 1.57, 8)
]


@pytest.mark.parametrize(
    ("kernel", "truth", "most"),
    [
        ("_log_mean_decay", lambda v: (1 - mp.exp(-2 * v)) / (2 * v), 400.0),
        ("_log_bessel", lambda v: mp.besseli(0, v) * mp.exp(-v), 400.0),
        ("_log_logistic", lambda v: mp.pi * v / mp.sin(mp.pi * v), 60.0),
        ("_log_gamma", lambda v: mp.gamma(1 - v), 60.0),
        ("_log_gamma", lambda v: mp.gamma(1 - v), -60.0),
    ],
)
def test_transforms_against_mpmath(kernel, truth, most):
    function = getattr(kernels, kernel)
    with mp.workdps(40):
        for v in POINTS:
            if abs(v) > abs(most):
                continue
            z = math.copysign(1.0, most) * v
            found, wanted = function(z), truth(mp.mpc(z))
            gap = abs(mp.exp(mp.mpc(found)) / wanted - 1)
            assert gap <= 4e-15 * max(1.0, abs(found), abs(z) ** 2 if kernel == "_log_gamma" else 1)


def test_exact_ends():
    laws = [otmaps.Uniform(-0.1, 0.7), otmaps.Gamma(1.5, loc=0.3)] * 6
    weights = [0.1, 0.3] * 6
    law = contour(weights, laws)
    end = 6 * (Fraction(0.1) * Fraction(-0.1) + Fraction(0.3) * Fraction(0.3))
    assert law.support() == (float(end), math.inf)
