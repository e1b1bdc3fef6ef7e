"""The automatic choice: its order, what it says, what it spends, and when it warns."""

from __future__ import annotations

import warnings

import numpy as np
import pytest
from opaque import opaque

import otmaps

NORMAL = otmaps.Normal()
SMALL = 1 << 24


def automatic(op, laws, **options):
    """The law, without the warning."""
    return otmaps.Auto(**options).law(op, laws, 1e-12)


TANGLED = opaque(lambda a, b: np.sin(a + b) + a * b, 2)
DISTANCE = opaque(lambda a, b: np.abs(a - b), 2)
FOUR = opaque(lambda a, b, c, d: a * b + c * d, 4)


@pytest.mark.parametrize(
    ("op", "law", "chosen"),
    [
        (otmaps.lerp(0.5), NORMAL, "closed form"),
        (otmaps.barycenter([1.0 / 16.0] * 16), otmaps.Laplace(), "contour"),
        (otmaps.lerp(0.5), otmaps.Laplace(), "convolution"),
        (otmaps.operation(lambda a, b: a * b)(), NORMAL, "composition"),
        (otmaps.operation(lambda a, b, c, d: a * b + c * d)(), NORMAL, "composition"),
        (opaque(lambda a, b: a * b, 2), NORMAL, "conditioning"),
        (opaque(np.tanh, 1), NORMAL, "conditioning"),
        (DISTANCE, NORMAL, "conditional RQMC"),
        (FOUR, NORMAL, "conditional RQMC"),
        (TANGLED, NORMAL, "Monte Carlo"),
    ],
)
def test_the_first_that_serves_is_chosen(op, law, chosen):
    laws = (law,) * len(op.latents)
    estimator, refusals = otmaps.choose_estimator(op, laws)
    assert estimator.name == chosen
    auto = otmaps.Auto()
    order = [e.name for e in (*auto.deterministic, *auto.sampling)]
    assert list(refusals) == order[: order.index(chosen)]
    assert all(reason.strip() for reason in refusals.values())


def test_the_order_is_as_documented():
    auto = otmaps.Auto()
    assert [e.name for e in (*auto.deterministic, *auto.sampling)] == [
        "closed form",
        "contour",
        "convolution",
        "composition",
        "conditioning",
        "conditional RQMC",
        "Monte Carlo",
    ]


def test_auto_by_name_and_by_object_are_one():
    op = otmaps.operation(lambda a, b: a * b)()
    x = np.linspace(-3.0, 3.0, 9)
    laws = [otmaps.pushforward(op, NORMAL, method=m) for m in ("auto", otmaps.Auto())]
    assert laws[0].method == laws[1].method
    assert np.array_equal(laws[0].cdf(x), laws[1].cdf(x))


def test_the_law_says_what_sampled_and_why():
    law = automatic(DISTANCE, (NORMAL, NORMAL), budget=SMALL)
    assert law.method.startswith("conditional RQMC")
    assert "not conditioning: " in law.method
    assert "not composition: its steps cannot be followed" in law.method
    law = automatic(TANGLED, (NORMAL, NORMAL), budget=SMALL)
    assert law.method.startswith("Monte Carlo")
    assert "not conditional RQMC: " in law.method


def test_where_a_deterministic_way_gives_up_the_law_says_so():
    """Quadrature is begun, and is found to be too dear."""
    op = opaque(lambda a, b: np.floor(3.0 * a) + b, 2)
    law = automatic(op, (NORMAL, NORMAL), budget=1 << 22)
    assert law.method.startswith(("conditional RQMC", "Monte Carlo"))
    reason = law.method.partition("not conditioning: ")[2]
    assert "which is the budget" in reason
    assert "budget" in reason


def test_three_inputs_of_a_small_budget_are_sampled():
    op = opaque(lambda a, b, c: a * b + c, 3)
    law = automatic(op, (NORMAL,) * 3, budget=SMALL)
    assert law.method.startswith(("conditional RQMC", "Monte Carlo"))
    assert "not conditioning: " in law.method


@pytest.mark.parametrize("function", [lambda a, b: a * b, lambda a, b: np.abs(a - b)])
def test_the_sampled_law_is_within_its_error(function):
    """Against the same operation that can be seen through."""
    exact = otmaps.pushforward(otmaps.operation(function)(), NORMAL)
    assert exact.error < 1e-9
    law = automatic(opaque(lambda a, b: function(a, b) + 0.0, 2), (NORMAL, NORMAL), budget=SMALL)
    x = np.linspace(-3.0, 3.0, 101)
    assert np.max(np.abs(law.cdf(x) - exact.cdf(x))) <= law.error + exact.error


# ---------------------------------------------------------------------------------------- warnings
@pytest.mark.parametrize("method", [otmaps.Auto(budget=SMALL), otmaps.Auto(budget=1 << 20)])
def test_it_warns_with_the_error_that_it_reached(method):
    with pytest.warns(otmaps.AccuracyWarning) as caught:
        law = otmaps.pushforward(TANGLED, NORMAL, method=method)
    assert law.error > 1e-12
    assert len(caught) == 1
    assert f"is known to {law.error:.1e} in the cdf, not to tol=1e-12" in str(caught[0].message)
    assert "Auto(budget=" in str(caught[0].message)


def test_the_default_choice_warns_too():
    with pytest.warns(otmaps.AccuracyWarning, match="Monte Carlo"):
        law = otmaps.pushforward(TANGLED, NORMAL, tol=1e-9)
    assert law.error > 1e-9


def test_a_tolerance_that_is_reached_is_no_reason_to_warn():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        law = otmaps.pushforward(TANGLED, NORMAL, method=otmaps.Auto(budget=1 << 20), tol=0.2)
    assert law.error <= 0.2


@pytest.mark.parametrize(
    "method",
    [otmaps.MonteCarlo(n=2**12), otmaps.RQMC(n=2**8), otmaps.ConditionalRQMC(n=2**8)],
    ids=lambda m: m.name,
)
def test_sampling_that_was_asked_for_does_not_warn(method):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        law = otmaps.pushforward(DISTANCE, NORMAL, method=method)
    assert law.error > 1e-12
    assert law.method.startswith(method.name)


# ------------------------------------------------------------------------------- budget and options
@pytest.mark.parametrize(
    "function",
    [
        lambda a, b: np.sin(a + b) + a * b,
        lambda a, b: np.abs(a - b),
        lambda a, b: a / (b + 3.0) + b,
        lambda a, b: np.floor(3.0 * a) + b,
    ],
    ids=["tangled", "distance", "pole", "steps"],
)
def test_no_more_is_computed_than_thrice_the_budget(function):
    spent, budget = 0, 1 << 18

    def counted(a, b):
        nonlocal spent
        spent += max(np.size(a), np.size(b))
        return function(a, b)

    automatic(opaque(counted, 2), (NORMAL, otmaps.Normal(1.0, 2.0)), budget=budget)
    assert 0 < spent <= 3 * budget


def test_more_budget_makes_a_smaller_error():
    few, many = (automatic(TANGLED, (NORMAL, NORMAL), budget=b).error for b in (1 << 20, SMALL))
    assert many < 0.5 * few


def test_equal_seeds_give_equal_laws_and_other_seeds_others():
    x = np.linspace(-2.0, 2.0, 50)
    laws = (NORMAL, NORMAL)
    first, again, other = (
        automatic(TANGLED, laws, budget=SMALL, seed=seed).cdf(x) for seed in (0, 0, 1)
    )
    assert np.array_equal(first, again)
    assert not np.array_equal(first, other)


def test_the_recipe_holds_the_options():
    recipe = otmaps.Auto(budget=1 << 20, seed=5, confidence=0.99).recipe()
    assert (recipe["budget"], recipe["seed"]) == (1 << 20, 5)
    assert float.fromhex(recipe["confidence"]) == 0.99
    assert otmaps.Auto().recipe() != otmaps.Auto(seed=1).recipe()


@pytest.mark.parametrize(
    ("options", "error", "name"),
    [
        ({"budget": 1000}, ValueError, "budget"),
        ({"budget": -1}, ValueError, "budget"),
        ({"budget": 1e6 + 0.5}, (TypeError, ValueError), "budget"),
        ({"budget": "many"}, TypeError, "budget"),
        ({"seed": -1}, ValueError, "seed"),
        ({"seed": 0.5}, (TypeError, ValueError), "seed"),
        ({"confidence": 1.0}, ValueError, "confidence"),
        ({"confidence": 0.0}, ValueError, "confidence"),
        ({"confidence": "sure"}, TypeError, "confidence"),
    ],
)
def test_bad_options_are_named(options, error, name):
    with pytest.raises(error, match=name):
        otmaps.Auto(**options)


def test_what_has_no_law_is_an_error_and_not_sampled():
    with pytest.raises(ValueError, match="constant"):
        otmaps.pushforward(opaque(lambda z: 0.0 * z + 1.0, 1), NORMAL)
    with pytest.raises(ValueError, match="NaN or infinite"):
        otmaps.pushforward(opaque(np.log, 1), NORMAL)
    with pytest.raises(otmaps.UnservedError, match="slerp"):
        otmaps.pushforward(otmaps.slerp(0.5), NORMAL)
