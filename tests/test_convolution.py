"""Numerical convolution against closed forms, mpmath and itself, within the errors it states."""

from __future__ import annotations

import itertools
import json
import math
from pathlib import Path

import mpmath as mp
import numpy as np
import pytest

import otmaps

TOL = 1e-12
DEPTHS = -np.concatenate([np.geomspace(1e-3, 0.69, 12), np.geomspace(0.7, 690.0, 60)])
STORED = json.loads((Path(__file__).parent / "data" / "convolution.json").read_text())


def convolved(weights, laws):
    return otmaps.Convolution().law(otmaps.linear(weights), tuple(laws), TOL)


def assert_covered(law, truth):
    """cdf, sf and pdf of ``law`` are those of ``truth`` within what ``law`` states.

    The points are quantiles of the truth down to exp(-690) in both tails; two more ulp of x are
    allowed for, because the two laws round their argument in different places.
    """
    for log, inverse in (("logcdf", "ilogcdf"), ("logsf", "ilogsf")):
        x = getattr(truth, inverse)(DEPTHS)
        found, wanted = getattr(law, log)(x), getattr(truth, log)(x)
        grid = 2.0 * np.spacing(np.abs(x)) * np.exp(truth.logpdf(x) - wanted)
        gap = np.abs(found - wanted)
        near = wanted <= math.log(0.5)
        assert np.all(gap[near] <= (law.tail_error + truth.tail_error + grid)[near])
        assert np.all(gap * np.exp(wanted) <= law.error + truth.error + grid * np.exp(wanted))
        densities = np.abs(law.logpdf(x) - truth.logpdf(x))
        assert np.max(densities) <= 1e-10  # density_error is a statement of PiecesLaw alone


CLOSED = {
    "normal": ([0.7, 0.3], [otmaps.Normal()] * 2, otmaps.Normal(0.0, math.sqrt(0.58))),
    "normal difference": (
        [1.0, -1.0],
        [otmaps.Normal(1.0, 2.0), otmaps.Normal(4.0, 0.5)],
        otmaps.Normal(-3.0, math.sqrt(4.25)),
    ),
    "normal, tiny weight": ([1.0, 1e-9], [otmaps.Normal()] * 2, otmaps.Normal()),
    "normal, five": ([1.0] * 5, [otmaps.Normal()] * 5, otmaps.Normal(0.0, math.sqrt(5.0))),
    "normal, three of each sign": (
        [-1.0, 1.0, 1.0],
        [otmaps.Normal()] * 3,
        otmaps.Normal(0.0, math.sqrt(3.0)),
    ),
    "cauchy": ([0.7, 0.3], [otmaps.Cauchy()] * 2, otmaps.Cauchy()),
    "exponential": ([2.0, 2.0], [otmaps.Exponential()] * 2, otmaps.Gamma(2.0, scale=2.0)),
    "exponential difference": ([1.0, -1.0], [otmaps.Exponential()] * 2, otmaps.Laplace()),
    "gamma": ([1.0, 1.0], [otmaps.Gamma(0.5), otmaps.Gamma(2.5)], otmaps.Gamma(3.0)),
    "gamma, singular": ([1.0, 1.0], [otmaps.Gamma(0.5)] * 2, otmaps.Exponential()),
}


@pytest.mark.parametrize("case", CLOSED)
def test_closed_forms_down_to_1e_300(case):
    weights, inputs, truth = CLOSED[case]
    law = convolved(weights, inputs)
    assert law.method == "convolution"
    assert law.error <= TOL
    assert law.tail_error <= 1e-10
    assert_covered(law, truth)
    assert law.mean() == pytest.approx(truth.mean(), rel=1e-14, nan_ok=True)
    assert law.std() == pytest.approx(truth.std(), rel=1e-14, nan_ok=True)


@pytest.mark.parametrize("shift", [1e-10, 1e-7])
def test_a_law_beside_the_truth_is_not_covered(shift):
    weights, inputs, truth = CLOSED["normal"]
    with pytest.raises(AssertionError):
        assert_covered(convolved(weights, inputs), truth.affine(1.0, shift))


def two_exponentials(a, b, y):
    """log P(a E_1 + b E_2 > y) for a > b: (a exp(-y/a) - b exp(-y/b)) / (a - b)."""
    return -y / a + np.log((a - b * np.exp(y / a - y / b)) / (a - b))


def two_laplaces(y):
    """log P(L_1 + L_2 <= y) for y <= 0: (2 - y) exp(y) / 4."""
    return y + np.log((2.0 - y) / 4.0)


def two_uniforms(y):
    """log P(U_1 + U_2 <= y) on [-1, 1] for y <= 0: (y + 2)^2 / 8."""
    return 2.0 * np.log(y + 2.0) - math.log(8.0)


def test_sums_of_exponentials_laplaces_and_uniforms():
    y = np.array([1e-3, 0.1, 1.0, 5.0, 60.0, 480.0])
    law = convolved([0.7, 0.3], [otmaps.Exponential()] * 2)
    assert np.max(np.abs(law.logsf(y) - two_exponentials(0.7, 0.3, y))) <= law.tail_error + 1e-13
    law = convolved([1.0, 1.0], [otmaps.Laplace()] * 2)
    np.testing.assert_allclose(
        np.exp(law.logcdf(-y) - two_laplaces(-y)), 1.0, rtol=law.tail_error + 1e-13
    )
    law = convolved([1.0, -1.0], [otmaps.Uniform()] * 2)
    y = -np.array([1e-9, 0.1, 0.5, 1.0, 1.5, 1.875])
    assert np.max(np.abs(law.logcdf(y) - two_uniforms(y))) <= law.tail_error


def test_the_sum_of_two_arcsine_variables_has_the_elliptic_density():
    """f(y) = K(1 - y^2 / 4) / pi^2 for the sum, with parameter m: singular at 0, a jump at 2."""
    law = convolved([1.0, 1.0], [otmaps.Arcsine()] * 2)
    y = [-1.75, -1.0, -0.125, -1e-3, -1e-6, 0.5, 1.5]
    with mp.workdps(30):

        def density(x):
            return mp.ellipk(1 - mp.mpf(x) ** 2 / 4) / mp.pi**2

        wanted = [float(density(x)) for x in y]
        masses = [float(mp.quad(density, [-2, -1, mp.mpf(x)])) for x in y[:4]]
    # The density near its pole feels the float grid of the inputs: 1e-16 / |y|.
    np.testing.assert_allclose(law.pdf(y), wanted, rtol=1e-9)
    np.testing.assert_allclose(law.cdf(y[:4]), masses, rtol=0, atol=law.error + 1e-15)
    assert law.error <= TOL


@pytest.mark.parametrize("case", STORED, ids=lambda case: "-".join(case["laws"]))
def test_mixed_pairs_against_quadrature_in_mpmath(case):
    named = {"StudentT": otmaps.StudentT(3.0)}
    inputs = [named.get(name) or getattr(otmaps, name)() for name in case["laws"]]
    law = convolved(case["weights"], inputs)
    found = law.logcdf(case["y"])
    wanted = np.array([float(v) for v in case["logcdf"]])
    grid = np.spacing(np.abs(case["y"])) * law.pdf(case["y"]) / law.cdf(case["y"])
    assert np.all(np.abs(found - wanted) <= law.tail_error + 4e-16 * np.abs(wanted) + grid)
    assert law.error <= TOL
    assert law.tail_error <= 1e-10


LAWS = {
    "normal": otmaps.Normal(),
    "cauchy": otmaps.Cauchy(),
    "laplace": otmaps.Laplace(),
    "uniform": otmaps.Uniform(),
    "exponential": otmaps.Exponential(),
    "gumbel": otmaps.Gumbel(),
    "gamma .5": otmaps.Gamma(0.5),
    "beta 2 3": otmaps.Beta(2.0, 3.0),
    "lognormal": otmaps.LogNormal(),
    "pareto": otmaps.Pareto(2.5),
}
SOME_PAIRS = list(itertools.combinations(LAWS, 2))[::5]
WEIGHTS = [(0.7, 0.3), (1.0, -1.0), (1.0, 1e-3), (1.0, 1e-9)]


@pytest.mark.parametrize(
    ("names", "weights"),
    [(pair, WEIGHTS[i % 4]) for i, pair in enumerate(SOME_PAIRS)],
    ids=lambda value: " ".join(map(str, value)),
)
def test_pairs_of_all_kinds_are_laws_within_their_errors(names, weights):
    inputs = [LAWS[name] for name in names]
    law = convolved(weights, inputs)
    assert law.error <= TOL
    assert law.tail_error <= 1e-10
    x = np.sort(np.concatenate([law.ilogcdf(DEPTHS), law.ilogsf(DEPTHS)]))
    assert np.all(np.isfinite(x))
    assert np.all(np.isfinite(law.logpdf(x)))
    steps = np.diff(law.logcdf(x)), -np.diff(law.logsf(x))
    assert min(map(np.min, steps)) >= -2.0 * law.tail_error
    assert np.max(np.abs(law.cdf(x) + law.sf(x) - 1.0)) <= law.error
    # Independent truth: draws. 1.95 is the 0.1 % point of Kolmogorov's law.
    n = 20_000
    rng = np.random.default_rng(5)
    draws = sum(w * np.asarray(z.rvs(n, rng)) for w, z in zip(weights, inputs, strict=True))
    u = np.sort(law.cdf(draws))
    assert np.max(np.abs(u - (np.arange(n) + 0.5) / n)) <= 1.95 / math.sqrt(n)


def test_the_order_of_the_inputs_and_the_sign_of_all_weights_change_nothing():
    inputs = [otmaps.Gumbel(), otmaps.Exponential()]
    there = convolved([0.5, 0.25], inputs)
    back = convolved([-0.25, -0.5], inputs[::-1])
    x = there.ilogcdf(DEPTHS)
    allowed = there.tail_error + back.tail_error
    assert np.max(np.abs(back.logsf(-x) - there.logcdf(x))) <= allowed


def test_symmetric_inputs_give_a_symmetric_law():
    law = convolved([0.5, -0.25], [otmaps.Laplace(1.0), otmaps.Uniform(0.0, 4.0)])
    assert law.symmetry == 0.0
    y = np.array([0.1, 0.5, 1.0, 7.0, 40.0])
    np.testing.assert_array_equal(law.cdf(-y), law.sf(y))


def test_zero_weights_and_single_inputs():
    one = convolved([0.0, -2.0, 0.0], [otmaps.Cauchy(), otmaps.Gumbel(), otmaps.Normal()])
    y = np.array([-9.0, -1.0, 3.0])
    np.testing.assert_allclose(one.cdf(y), otmaps.Gumbel().sf(-y / 2.0), rtol=1e-15)


class Stepped(otmaps.Distribution):
    """Half of the uniform law on [0, 1], and an atom at 1/4."""

    def _cdf(self, x):
        return 0.5 * x + 0.5 * (x >= 0.25)

    def _sf(self, x):
        return 0.5 * (1.0 - x) + 0.5 * (x < 0.25)

    def _pdf(self, x):
        return np.full_like(x, 0.5)

    def _support(self):
        return 0.0, 1.0

    def _atoms(self):
        return ((0.25, 0.5),)


def test_what_it_refuses():
    refuses = otmaps.Convolution().refuses
    normal = otmaps.Normal()
    sample = otmaps.as_distribution(np.arange(40.0))
    product = otmaps.operation(lambda a, b: a * b)()
    assert refuses(otmaps.lerp(0.5), (normal, normal)) is None
    assert "known to" in refuses(otmaps.lerp(0.5), (normal, sample))
    assert "atom at 0.25 of probability 0.5" in refuses(otmaps.lerp(0.5), (normal, Stepped()))
    assert refuses(otmaps.lerp(0.0), (normal, sample)) is None
    assert "linear" in refuses(product, (normal, normal))
    assert "constant" in refuses(otmaps.linear([0.0, 0.0]), (normal, normal))
    with pytest.raises(ValueError, match="not linear"):
        otmaps.Convolution().law(product, (normal, normal), TOL)


class Broken(otmaps.Distribution):
    """A law whose cdf fails somewhere inside its support."""

    def _cdf(self, x):
        return np.where(x > 0.75, np.nan, x)

    def _sf(self, x):
        return 1.0 - self._cdf(x)

    def _pdf(self, x):
        return np.ones_like(x)

    def _support(self):
        return 0.0, 1.0


def test_a_law_that_returns_nan_is_an_error_not_a_number():
    with pytest.raises(otmaps.AccuracyError, match="NaN"):
        convolved([1.0, 1.0], [Broken(), otmaps.Normal()])


class Understated(otmaps.Distribution):
    """The uniform law with a bump of 1e-5 in its cdf that its density does not know of."""

    def _cdf(self, x):
        return x + 1e-5 * np.sin(math.pi * x) ** 2

    def _sf(self, x):
        return (1.0 - x) - 1e-5 * np.sin(math.pi * x) ** 2

    def _pdf(self, x):
        return np.ones_like(x)

    def _support(self):
        return 0.0, 1.0


def test_a_density_that_is_not_that_of_the_cdf_is_seen_in_the_error():
    """The second opinion integrates the other law's cdf: it shares no formula with the first."""
    law = convolved([1.0, 1.0], [Understated(), otmaps.Uniform(0.0, 0.5)])
    assert 1e-6 < law.error < 1e-4
