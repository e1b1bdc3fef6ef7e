"""The choice between estimators, and the agreement of every pair of them."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from cases import OPERATIONS, PRIORS

import otmaps

ESTIMATORS = (
    otmaps.ClosedForm(),
    otmaps.Contour(),
    otmaps.Convolution(),
    otmaps.MonteCarlo(n=2**16, seed=7),
)


def gap_and_allowance(first, second):
    """The largest difference of two cdfs over both bulks and tails, and what it may be."""
    p = np.concatenate([np.logspace(-12, -1, 23), np.linspace(0.1, 0.9, 81)])
    y = np.concatenate([first.ppf(p), first.isf(p), second.ppf(p), second.isf(p)])
    gap = np.max(np.abs(first.cdf(y) - second.cdf(y)))
    upper = np.max(np.abs(first.sf(y) - second.sf(y)))
    return max(gap, upper), first.error + second.error


@pytest.mark.parametrize("prior", PRIORS)
@pytest.mark.parametrize("name", OPERATIONS)
def test_every_pair_of_estimators_agrees_within_its_errors(name, prior):
    op = OPERATIONS[name]
    inputs = (PRIORS[prior],) * len(op.latents)
    laws = {e.name: e.law(op, inputs, 1e-12) for e in ESTIMATORS if e.refuses(op, inputs) is None}
    assert len(laws) >= 2
    for first, second in itertools.combinations(laws.values(), 2):
        gap, allowed = gap_and_allowance(first, second)
        assert gap <= allowed, f"{first.method} and {second.method}: {gap} > {allowed}"


def test_a_wrong_law_breaks_the_agreement():
    right = otmaps.pushforward(otmaps.lerp(0.5), "laplace")
    wrong = otmaps.pushforward(otmaps.lerp(0.51), "laplace")
    gap, allowed = gap_and_allowance(right, wrong)
    assert gap > allowed


@pytest.mark.parametrize("prior", ["laplace", "unit uniform", "exponential", "student 3", "gumbel"])
def test_deterministic_estimators_agree_deep_in_the_tails(prior):
    """Relative agreement at 1e-250 with the mirrored problem, computed on its own."""
    law = PRIORS[prior]
    there = otmaps.Convolution().law(otmaps.linear([0.6, 0.4]), (law, law), 1e-12)
    back = otmaps.Convolution().law(otmaps.linear([-0.6, -0.4]), (law, law), 1e-12)
    for depth in (1e-6, 1e-50, 1e-250):
        y = there.ppf(depth)
        allowed = there.tail_error + back.tail_error
        assert abs(back.sf(-y) / there.cdf(y) - 1.0) <= allowed


def test_the_automatic_choice_says_what_and_why():
    normal = (otmaps.Normal(),) * 2
    laplace = (otmaps.Laplace(),) * 2
    chosen, refusals = otmaps.choose_estimator(otmaps.lerp(0.5), normal)
    assert (chosen, refusals) == (otmaps.ClosedForm(), {})
    chosen, refusals = otmaps.choose_estimator(otmaps.lerp(0.5), laplace)
    assert chosen == otmaps.Convolution()
    assert list(refusals) == ["closed form", "contour"]
    product = otmaps.operation(lambda a, b: a * b)()
    chosen, refusals = otmaps.choose_estimator(product, normal)
    assert chosen == otmaps.Composition()
    assert list(refusals) == ["closed form", "contour", "convolution"]
    curved = otmaps.operation(lambda a, b: a * b + np.sin(a))()
    chosen, refusals = otmaps.choose_estimator(curved, normal)
    assert chosen == otmaps.Conditioning()
    assert list(refusals) == ["closed form", "contour", "convolution", "composition"]
    tangled = otmaps.operation(lambda a, b: a * b + np.sin(a + b))()
    chosen, refusals = otmaps.choose_estimator(tangled, normal)
    assert chosen in otmaps.Auto().sampling
    assert {"composition", "conditioning"} <= refusals.keys()
    with pytest.raises(otmaps.UnservedError, match="slerp"):
        otmaps.choose_estimator(otmaps.slerp(0.5), normal)


@pytest.mark.parametrize(
    ("op", "prior", "method"),
    [
        (otmaps.lerp(0.3), "normal", "closed form"),
        (otmaps.lerp(0.3), "uniform", "closed form"),
        (otmaps.lerp(0.3), "cauchy", "closed form"),
        (otmaps.lerp(0.3), "logistic", "convolution"),
        (otmaps.operation(lambda a, b: a * 0.7 + 0.3 * b)(), "normal", "closed form"),
    ],
)
def test_the_law_says_what_ran(op, prior, method):
    law = otmaps.pushforward(op, prior)
    assert law.method == method
    assert law.error <= 1e-12


def test_methods_by_name_and_by_object():
    op = otmaps.lerp(0.5)
    assert otmaps.pushforward(op, "uniform", method="convolution").method == "convolution"
    with pytest.warns(otmaps.AccuracyWarning):
        law = otmaps.pushforward(op, "uniform", method="monte carlo")
    assert law.method.startswith("Monte Carlo")
    with pytest.raises(ValueError, match="method 'magic' is not known"):
        otmaps.pushforward(op, "uniform", method="magic")
    with pytest.raises(TypeError, match="method must be"):
        otmaps.pushforward(op, "uniform", method=3)
    with pytest.raises(otmaps.UnservedError, match="closed form does not serve"):
        otmaps.pushforward(op, "laplace", method="closed_form")


def test_falling_back_to_sampling_is_never_silent():
    tangled = otmaps.operation(lambda a, b: a * b + np.sin(a + b))()
    with pytest.warns(otmaps.AccuracyWarning, match="MonteCarlo"):
        law = otmaps.pushforward(tangled, "normal")
    assert law.error > 1e-12


def test_a_law_is_a_prior_again():
    """The midpoint of midpoints is the mean of four, by the convolution of a convolution."""
    prior = otmaps.Laplace()
    half = otmaps.pushforward(otmaps.lerp(0.5), prior)
    quarter = otmaps.pushforward(otmaps.lerp(0.5), half)
    direct = otmaps.pushforward(otmaps.barycenter([0.25] * 4), prior)
    gap, allowed = gap_and_allowance(quarter, direct)
    assert gap <= allowed
