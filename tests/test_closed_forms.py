"""Exact laws of weighted sums: which ones, and that the prior is recognised."""

import math
from fractions import Fraction

import numpy as np
import pytest

import otmaps
from otmaps._closed_forms import closed_form, combined
from otmaps._linearity import Linear
from otmaps._uniform_sums import UniformSum

CONVEX = [(0.3, 0.7), (0.1, 0.2, 0.3, 0.4), (1 / 3,) * 3, (0.1,) * 10, (0.7, 0.2, 0.1)]


def form(weights, law, offset=0.0):
    return closed_form(Linear(tuple(weights), offset), [law] * len(weights))


@pytest.mark.parametrize("weights", CONVEX)
@pytest.mark.parametrize("prior", [otmaps.Cauchy(), otmaps.Cauchy(0.3, 1.7)], ids=str)
def test_cauchy_and_convex_weights_give_the_prior_itself(weights, prior):
    assert form(weights, prior) == prior


def test_weights_that_are_not_convex_do_not():
    assert form((0.3, 0.7 + 1e-13), otmaps.Cauchy()) != otmaps.Cauchy()
    assert form((0.3, 0.7 + 1e-13), otmaps.Normal(1.0)).loc != 1.0


@pytest.mark.parametrize("t", [0.0, 1.0])
@pytest.mark.parametrize(
    "prior", [otmaps.Uniform(), otmaps.StudentT(3.0), otmaps.Gumbel(), otmaps.Normal(1.0)], ids=str
)
def test_one_weight_of_one_gives_the_input_itself(t, prior):
    assert form((1.0 - t, t), prior) is prior


def test_normal():
    assert form((0.6, 0.8), otmaps.Normal()) == otmaps.Normal()
    assert form((2.0, -1.0), otmaps.Normal(3.0, 2.0), 1.0) == otmaps.Normal(
        4.0, 2.0 * math.sqrt(5.0)
    )
    mixed = closed_form(Linear((2.0, 3.0)), [otmaps.Normal(1.0, 2.0), otmaps.Normal(-1.0, 1.0)])
    assert mixed == otmaps.Normal(-1.0, 5.0)
    for size in (1e-200, 1e200):  # squares would leave the range of doubles
        assert form((size, size), otmaps.Normal()).scale == pytest.approx(size * math.sqrt(2.0))


def test_cauchy():
    mixed = closed_form(Linear((2.0, -3.0), 1.0), [otmaps.Cauchy(1.0, 2.0), otmaps.Cauchy(1.0)])
    assert mixed == otmaps.Cauchy(0.0, 7.0)


def test_uniform():
    assert form((0.5, 0.5), otmaps.Uniform()) == UniformSum(0.0, (1.0, 1.0))
    assert form((0.5, 0.0, -0.5), otmaps.Uniform(0.0, 1.0), 1.0) == UniformSum(1.0, (0.5, 0.5))
    assert form((0.0, -2.0), otmaps.Uniform(0.0, 1.0)) == otmaps.Uniform(-2.0, 0.0)
    nested = closed_form(Linear((1.0, 2.0)), [UniformSum(0.0, (1.0, 1.0)), otmaps.Uniform()])
    assert nested == UniformSum(0.0, (1.0, 1.0, 4.0))
    assert "1001 terms" in form((1e-3,) * 1001, otmaps.Uniform())


def test_gamma_and_exponential():
    assert form((0.5, 0.5), otmaps.Exponential(), 1.0) == otmaps.Gamma(2.0, 1.0, 0.5)
    mixed = closed_form(Linear((-0.5, -0.5)), [otmaps.Exponential(1.0), otmaps.Gamma(3.0)])
    assert mixed == otmaps.Gamma(4.0, 0.0, 0.5).affine(-1.0, -0.5)
    assert "equal scales" in form((0.5, 0.6), otmaps.Exponential())
    assert "equal scales" in form((0.5, -0.5), otmaps.Exponential())


def test_other_laws_have_a_reason_instead():
    reason = closed_form(Linear((0.5, 0.5)), [otmaps.Uniform(), otmaps.Normal()])
    assert reason == "no closed form is known for a sum of 2 inputs of the laws Normal, Uniform"


def test_a_constant_is_an_error():
    with pytest.raises(ValueError, match=r"all weights are 0.*constant 2\.0"):
        form((0.0, 0.0), otmaps.Normal(), 2.0)


@pytest.mark.parametrize(
    ("weights", "prior"),
    [
        ((0.3, 0.7), otmaps.Normal(1.0, 2.0)),
        ((0.3, -0.7), otmaps.Cauchy(1.0)),
        ((0.3, 0.5, 0.2), otmaps.Uniform(0.0, 1.0)),
        ((0.5, 0.5), otmaps.Exponential(1.0)),
        ((-0.5, -0.5), otmaps.Gamma(2.5)),
    ],
)
def test_each_rule_agrees_with_draws(weights, prior):
    law = form(weights, prior, 0.25)
    rng = np.random.default_rng(0)
    y = 0.25 + sum(w * prior.rvs(50_000, rng) for w in weights)
    sample = otmaps.Empirical(y)
    x = law.ppf(np.linspace(0.001, 0.999, 999))
    assert np.max(np.abs(sample.cdf(x) - law.cdf(x))) <= sample.error
    assert np.max(np.abs(sample.cdf(x + 0.1 * (x[700] - x[300])) - law.cdf(x))) > sample.error


def test_the_estimator():
    estimator = otmaps.ClosedForm()
    normal = (otmaps.Normal(),) * 2
    assert estimator.refuses(otmaps.lerp(0.5), normal) is None
    assert estimator.law(otmaps.lerp(0.5), normal, 1e-9).scale == pytest.approx(math.sqrt(0.5))
    product = otmaps.operation(lambda a, b: a * b)()
    assert "not proven to be a weighted sum" in estimator.refuses(product, normal)
    assert "no closed form" in estimator.refuses(otmaps.lerp(0.5), (otmaps.Laplace(),) * 2)
    for op, inputs in ((product, normal), (otmaps.lerp(0.5), (otmaps.Laplace(),) * 2)):
        with pytest.raises(otmaps.UnservedError, match="no closed form"):
            estimator.law(op, inputs, 1e-9)
    assert estimator.recipe() == {"estimator": "closed form"}


def test_combined_joins_each_family():
    priors = [
        otmaps.Normal(1.0),
        otmaps.Uniform(),
        otmaps.Laplace(),
        otmaps.Normal(),
        otmaps.Uniform(0.0, 1.0),
        otmaps.Cauchy(),
        otmaps.Exponential(),
        otmaps.Gamma(2.0),
        otmaps.Exponential(),
        otmaps.Cauchy(),
    ]
    weights = (3.0, 0.5, 2.0, 4.0, -0.25, 1.0, 0.5, 0.5, -0.5, -2.0)
    assert combined(Linear(weights, 7.0), priors) == [
        (1.0, otmaps.Normal(3.0, 5.0)),
        (1.0, otmaps.Cauchy(0.0, 3.0)),
        (1.0, UniformSum(-0.125, (1.0, 0.25))),
        (1.0, otmaps.Gamma(3.0, scale=0.5)),
        (-0.5, otmaps.Exponential()),
        (2.0, otmaps.Laplace()),
    ]


def test_combined_leaves_single_laws_as_they_are():
    priors = [otmaps.Uniform(), otmaps.Normal(), otmaps.StudentT(3.0), otmaps.StudentT(3.0)]
    terms = combined(Linear((2.0, 1.0, 1.0, 0.0)), priors)
    assert terms == [(1.0, otmaps.Normal()), (2.0, otmaps.Uniform()), (1.0, otmaps.StudentT(3.0))]
    assert terms[0][1] is priors[1]


@pytest.mark.parametrize(
    ("weights", "most"),
    [
        ((1.0, 0.9, *(1e-6 * np.random.default_rng(0).uniform(size=20))), 2),
        (tuple(0.5 ** np.arange(12.0)), 2),
        ((1.0,) * 1001, 3),
    ],
)
def test_combined_shares_uniforms_out_where_one_sum_is_not_served(weights, most):
    terms = combined(Linear(tuple(weights)), [otmaps.Uniform(0.0, 1.0)] * len(weights))
    assert len(terms) <= most
    mean = math.fsum(w * law.mean() for w, law in terms)
    assert mean == pytest.approx(0.5 * math.fsum(weights))
    variance = math.fsum((w * law.std()) ** 2 for w, law in terms)
    assert variance == pytest.approx(math.fsum(w * w for w in weights) / 12.0)


@pytest.mark.parametrize("weights", [(0.3, 0.7), (0.1, 0.2, 0.7), (1 / 3,) * 3])
def test_ends_that_no_double_holds_are_exact(weights):
    law = form(weights, otmaps.Uniform())
    end = -sum(map(Fraction, weights))
    x = law.support()[0]
    for _ in range(6):
        distance = Fraction(x) - end
        corner = math.factorial(len(weights)) * math.prod(2 * Fraction(w) for w in weights)
        truth = max(distance, Fraction(0)) ** len(weights) / corner
        assert abs(Fraction(law.cdf(x)) - truth) <= Fraction(1e-14) * truth
        assert law.sf(-x) == law.cdf(x)
        x = math.nextafter(x, math.inf)
    assert law.affine(3.0, 0.1).affine(1 / 3) != law


STABLE = {
    "levy": ((0.3, 0.7), [otmaps.Levy()] * 2),
    "levy, both signs": ((0.3, -0.7), [otmaps.Levy()] * 2),
    "stable 1.5": ((1.0, -0.3), [otmaps.Stable(1.5, 0.5)] * 2),
    "stable 1": ((0.5, 2.0), [otmaps.Stable(1.0, 0.5, 1.0), otmaps.Stable(1.0, -0.2, 0.0, 3.0)]),
    "levy and stable": ((1.0, 1.0), [otmaps.Levy(), otmaps.Stable(0.5, -0.4)]),
}


@pytest.mark.parametrize("case", STABLE)
def test_stable_laws_add_up_in_their_characteristic_function(case):
    """log E exp(itX) in S1 (Nolan 2020, Def. 1.5), summed term by term."""
    weights, laws = STABLE[case]
    total = closed_form(Linear(weights), laws)

    def exponent(law, t):
        alpha, beta = (law.alpha, law.beta) if isinstance(law, otmaps.Stable) else (0.5, 1.0)
        scaled = abs(law.scale * t)
        skew = math.log(abs(t)) * -2 / math.pi if alpha == 1 else math.tan(math.pi * alpha / 2)
        size = scaled if alpha == 1 else scaled**alpha
        return -size * complex(1.0, -beta * math.copysign(1.0, t) * skew) + 1j * law.loc * t

    for t in (-3.0, 0.2, 1.0, 7.0):
        wanted = sum(exponent(law, w * t) for w, law in zip(weights, laws, strict=True))
        assert exponent(total, t) == pytest.approx(wanted, rel=1e-13)


def test_stable_weights_that_keep_the_law_give_the_law_itself():
    for law in (otmaps.Stable(1.0, 0.0), otmaps.Levy()):
        weights = (0.25, 0.25) if isinstance(law, otmaps.Levy) else (0.3, 0.7)
        assert closed_form(Linear(weights), [law] * 2) == law
    different = closed_form(Linear((1.0, 1.0)), [otmaps.Stable(1.5, 0.0), otmaps.Stable(1.2, 0.0)])
    assert "equal alpha" in different


def test_sums_of_atoms_are_atoms():
    coin = otmaps.Discrete([0.0, 1.0], [0.5, 0.5])
    law = closed_form(Linear((1.0,) * 10, 2.0), [coin] * 10)
    wanted = [math.comb(10, k) / 1024 for k in range(11)]
    assert [at for at, _ in law.atoms] == list(np.arange(11.0) + 2.0)
    np.testing.assert_allclose([mass for _, mass in law.atoms], wanted, rtol=1e-14)
    many = [otmaps.Discrete(np.pi ** np.arange(64.0), np.full(64, 1 / 64))] * 5
    assert "atoms" in closed_form(Linear((1.0, 2.0, 3.0, 5.0, 7.0)), many)
