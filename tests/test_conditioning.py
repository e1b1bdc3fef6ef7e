"""Conditioning held to known laws, through functions that it can evaluate and not see."""

from __future__ import annotations

import dataclasses
import functools
import math

import numpy as np
import pytest
from opaque import opaque
from operation_cases import operation_cases
from operation_functions import FUNCTIONS
from scipy import special, stats
from test_operations_known import error, same_atoms, tail_error

import otmaps
from otmaps._estimators import _study
from otmaps.testing import DistributionTests

NORMAL = otmaps.Normal()
EPS = float(np.finfo(float).eps)
CLIPPED = {-1.0: special.ndtr(-1.0), 1.5: special.ndtr(-1.5)}
SIGNS = {-1.0: special.ndtr(-1.0), 1.0: special.ndtr(1.0)}
TARGET, TAIL_TARGET = 1e-9, 1e-6
CASES = {name: case for name, case in operation_cases().items() if len(case.inputs) <= 2}

# Their turns move with the other input: what comes in at one side goes out at the other.
REFUSED = ("distance of uniforms", "distance of exponentials")
# Others are served by the automatic choice (test_operations_known) or take seconds of quadrature.
QUICK = (
    "max of two normals",
    "max of exponentials",
    "lesser of two laws",
    "product of uniforms",
    "power of uniforms",
    "ratio of exponentials",
    "share of exponentials",
    "normal times the root of an exponential",
    "ratio of centred normals",
    "product of lognormals",
    "mask of a normal",
    "vicinity lerp of normals",
    "leaky gate",
    "product of a normal and an exponential",
    "product of Cauchys",
    "product plus one factor",
    "sigmoid gate",
    "normal times exp of a normal",
)
UNDONE = {
    "ratio of shifted normals": "its quadrature exceeds the budget of 2**26",
    "normal plus a square": "its quadrature exceeds the budget of 2**26",
    "floor of a sum of exponentials": "the integrand has too many jumps",
}
WRONG_TAILS = {
    "power of uniforms": "next to the end at 1",
}
SERVED = [
    name
    for name, case in CASES.items()
    if name not in {*REFUSED, *UNDONE} and (len(case.inputs) == 1 or name in QUICK)
]


def law_of(function, *laws, **options):
    return otmaps.Conditioning(**options).law(opaque(function, len(laws)), laws, 1e-12)


@functools.cache
def conditioned(name):
    case = CASES[name]
    return law_of(FUNCTIONS[case.function], *case.laws)


def each(names, wrong):
    return pytest.mark.parametrize(
        "name",
        [
            pytest.param(n, marks=pytest.mark.xfail(strict=True, reason=wrong[n]))
            if n in wrong
            else n
            for n in names
        ],
    )


# ------------------------------------------------------------------------------ laws that are known
@pytest.mark.parametrize("name", SERVED)
def test_the_cdf_is_right_and_within_its_own_error(name):
    law = conditioned(name)
    assert law.method.startswith(("conditioning", "mixture: conditioning", "closed form"))
    assert law.error <= TARGET
    assert error(law, CASES[name]) <= law.error + EPS


@each(SERVED, WRONG_TAILS)
def test_tails_are_right_and_within_their_own_error(name):
    law = conditioned(name)
    found = tail_error(law, CASES[name])
    assert found <= law.tail_error
    assert found <= TAIL_TARGET


@pytest.mark.parametrize("name", [n for n in SERVED if CASES[n].atoms])
def test_atoms_are_exact(name):
    assert same_atoms(conditioned(name), CASES[name])


@pytest.mark.parametrize("name", [n for n in SERVED if not CASES[n].atoms])
def test_no_atoms_are_seen_where_there_are_none(name):
    assert conditioned(name).atoms == ()


@each(["ratio of shifted normals"], UNDONE)
def test_a_case_that_exceeds_its_budget(name):
    assert conditioned(name).error <= TARGET


@pytest.mark.parametrize("name", REFUSED)
def test_what_is_monotone_in_no_input_is_refused_with_a_reason(name):
    case = CASES[name]
    op = opaque(FUNCTIONS[case.function], len(case.inputs))
    reason = otmaps.Conditioning().refuses(op, tuple(case.laws))
    assert {"a", "b"} <= set(reason.split())
    with pytest.raises(otmaps.UnservedError, match="conditioning does not serve"):
        conditioned(name)


def test_a_law_or_a_truth_moved_by_1e_8_is_caught():
    name = "product of lognormals"
    law = conditioned(name)
    assert error(law, CASES[name]) <= law.error + EPS
    assert error(law.affine(1.0, 1e-8), CASES[name]) > 100.0 * law.error
    assert tail_error(law.affine(1.0 + 1e-6, 0.0), CASES[name]) > law.tail_error


class TestLawsOfOneInput(DistributionTests):
    def laws(self):
        return [
            law_of(lambda z: np.exp(0.5 * z), NORMAL),
            law_of(np.tanh, NORMAL),
            law_of(lambda z: z + 0.3 * np.sin(z), otmaps.Laplace()),
            law_of(lambda z: np.clip(z, -1.0, 1.5), NORMAL),
        ]


class TestLawsOfTwoInputs(DistributionTests):
    def laws(self):
        return [
            conditioned("product of lognormals"),
            conditioned("product of uniforms"),
            law_of(lambda a, b: np.maximum(a * b, 0.0), NORMAL, NORMAL),
        ]


class Squared(DistributionTests):
    def laws(self):
        return [law_of(lambda z: z * z, NORMAL)]


class Cubed(DistributionTests):
    def laws(self):
        return [law_of(lambda z: z**3, NORMAL)]


@pytest.mark.xfail(strict=True, reason="quantiles whose square root is below 1e-150")
def test_quantiles_of_a_square_invert_its_probabilities():
    Squared().test_quantiles_invert_the_probabilities()


@pytest.mark.xfail(strict=True, reason="no breakpoint where the slope is 0 and nothing turns")
def test_the_density_of_a_cube_integrates_to_its_cdf():
    Cubed().test_density_integrates_to_the_cdf()


# ------------------------------------------------------------------------------------------- atoms
def product_tail(y):
    """P(ab > y) of normals, y > 0: Ki1(y) / pi, by the trapezoidal rule (Abramowitz 11.2.10)."""
    step = 1.0 / 64.0
    c = np.cosh(step * np.arange(1, 64 * 40))
    terms = np.exp(-np.multiply.outer(y, c)) / c
    return step * (0.5 * np.exp(-np.asarray(y)) + terms.sum(axis=-1)) / math.pi


@pytest.mark.parametrize(
    ("function", "laws", "atoms"),
    [
        (lambda z: np.clip(z, -1.0, 1.5), (NORMAL,), CLIPPED),
        (lambda z: np.maximum(z, 0.0), (NORMAL,), {0.0: 0.5}),
        (np.floor, (otmaps.Uniform(-1.0, 3.0),), {-1.0: 0.25, 0.0: 0.25, 1.0: 0.25, 2.0: 0.25}),
        (np.sign, (otmaps.Normal(1.0, 1.0),), SIGNS),
        (lambda a, b: np.maximum(a * b, 0.0), (NORMAL, NORMAL), {0.0: 0.5}),
        (lambda a, b: a * (b > 0.0), (NORMAL, NORMAL), {0.0: 0.5}),
        pytest.param(
            lambda a, b: np.clip(a * b, -0.5, 1.0),
            (NORMAL, NORMAL),
            {-0.5: product_tail(0.5), 1.0: product_tail(1.0)},
        ),
    ],
)  # fmt: skip
def test_atoms_are_named_with_their_masses(function, laws, atoms):
    law = law_of(function, *laws)
    assert [at for at, _ in law.atoms] == list(atoms)
    np.testing.assert_allclose([m for _, m in law.atoms], list(atoms.values()), rtol=1e-13)
    for at, mass in atoms.items():
        step = law.cdf(at) - law.cdf(np.nextafter(at, -math.inf))
        assert step == pytest.approx(mass, abs=1e-12)


def test_beside_its_atom_a_clipped_product_is_the_product():
    law = law_of(lambda a, b: np.maximum(a * b, 0.0), NORMAL, NORMAL)
    y = np.array([1e-6, 0.01, 0.3, 1.0, 4.0, 20.0, 200.0])
    np.testing.assert_allclose(law.sf(y), product_tail(y), rtol=law.tail_error + 1e-13)


# ------------------------------------------------------------------------------------------- traps
def check(law, y, cdf, sf):
    """Both tails within the stated errors, and these are good ones."""
    assert law.error <= TARGET
    for found, truth in ((law.cdf(y), cdf), (law.sf(y), sf)):
        assert np.max(np.abs(found - truth)) <= law.error + 4.0 * EPS
        if math.isfinite(law.tail_error):
            held = truth > 1e-200
            gaps = np.abs(found - truth)[held] / truth[held]
            assert np.max(gaps) <= max(law.tail_error, 1e-10)


def test_both_modes_are_seen_however_far():
    modes = otmaps.Normal(0.0, 0.01), otmaps.Normal(1000.0, 0.01)
    law = law_of(lambda z: z * z, otmaps.Mixture(modes, [0.5, 0.5]))
    y = np.array([1e-6, 1e-4, 1e-3, 999_980.0, 1e6, 1_000_030.0])
    r = np.sqrt(y)
    cdf = 0.5 * (stats.norm.cdf(r / 0.01) - stats.norm.cdf(-r / 0.01)) + 0.5 * stats.norm.cdf(
        (r - 1000.0) / 0.01
    )
    sf = stats.norm.sf(r / 0.01) + 0.5 * stats.norm.sf((r - 1000.0) / 0.01)
    grid = 1e-12 * np.array([0, 0, 0, 1, 1, 1.0])  # the root of y, to an ulp of 1000
    assert np.max(np.abs(law.cdf(y) - cdf) - grid) <= law.error
    assert np.max(np.abs(law.sf(y) - sf) - grid) <= law.error


def test_a_narrow_spike_is_seen():
    def spike(z):
        return z + 2.0 * (np.abs(z - 0.3) < 1e-4)

    law = law_of(spike, NORMAL)
    mass = stats.norm.cdf(0.3001) - stats.norm.cdf(0.2999)
    y = np.array([0.0, 0.29, 0.31, 2.29, 2.31])
    truth = stats.norm.cdf(y) - mass * ((y > 0.3) & (y < 2.3))
    assert np.max(np.abs(law.cdf(y) - truth)) <= law.error + 4.0 * EPS


def test_what_looks_monotone_is_not_taken_for_it():
    """Falls of 1e-3 in rising 2e-3: the truth by the roots of a fine grid."""
    law = law_of(lambda z: z + 0.002 * np.sin(1000.0 * z), otmaps.Uniform(0.0, 1.0))
    y = np.array([0.1, 0.1234, 0.5, 0.77])
    z = np.linspace(0.0, 1.0, 4_000_001)
    values = z + 0.002 * np.sin(1000.0 * z)
    truth = []
    for v in y:
        below = values <= v
        at = np.flatnonzero(below[1:] != below[:-1])
        share = (v - values[at]) / (values[at + 1] - values[at])
        roots = z[at] + share * (z[at + 1] - z[at])
        truth.append(np.sum(roots[::2]) - np.sum(roots[1::2]))
    assert all(len(np.atleast_1d(t)) == 1 for t in truth)
    np.testing.assert_allclose(law.cdf(y), truth, rtol=0.0, atol=1e-9)


def test_products_of_cauchys_have_their_heavy_tails():
    law = law_of(lambda a, b: a * b, otmaps.Cauchy(), otmaps.Cauchy())
    y = np.array([1e8, 1e12, 1e100])
    # The density log(y^2) / (pi^2 (y^2 - 1)), integrated: 2 (log y + 1) / (pi^2 y) + O(y^-3).
    truth = 2.0 * (np.log(y) + 1.0) / (math.pi**2 * y)
    np.testing.assert_allclose(law.sf(y), truth, rtol=1e-10)
    np.testing.assert_allclose(law.cdf(-y), truth, rtol=1e-10)


def test_a_ratio_has_its_pole_and_is_a_cauchy():
    law = law_of(lambda a, b: a / b, NORMAL, NORMAL)
    y = np.concatenate([-np.geomspace(1e-9, 1e30, 40), [0.0], np.geomspace(1e-9, 1e30, 40)])
    check(law, y, stats.cauchy.cdf(y), stats.cauchy.sf(y))


@pytest.mark.parametrize("pole", [0.0, 1.234])
def test_both_sides_of_a_pole_are_seen(pole):
    law = law_of(lambda z: 1.0 / (z - pole), NORMAL)
    y = np.array([-1e9, -1e3, -2.0, 2.0, 1e3, 1e9])
    lower = np.where(y < 0.0, stats.norm.cdf(pole) - stats.norm.cdf(pole + 1.0 / y), 0.0)
    upper = np.where(y > 0.0, stats.norm.cdf(pole + 1.0 / y) - stats.norm.cdf(pole), 0.0)
    cdf, sf = np.where(y < 0.0, lower, 1.0 - upper), np.where(y < 0.0, 1.0 - lower, upper)
    assert np.max(np.abs(law.cdf(y) - cdf)) <= law.error + 4.0 * EPS
    assert np.max(np.abs(law.sf(y) - sf)) <= law.error + 4.0 * EPS


def test_mass_next_to_a_kink_is_seen_at_all_scales():
    """P(0 < ab <= y) is y^0.1 times E[a^-0.1; a > 0] / Gamma(1.1) for small y."""
    law = law_of(lambda a, b: a * b, NORMAL, otmaps.Gamma(0.1))
    y = np.array([1e-100, 1e-60, 1e-30])
    moment = 2.0**-0.05 * math.gamma(0.45) / (2.0 * math.sqrt(math.pi))
    truth = 0.5 + y**0.1 * moment / math.gamma(1.1)
    assert np.max(np.abs(law.cdf(y) - truth)) <= law.error + 4.0 * EPS


@pytest.mark.xfail(strict=True, reason="next to 1 an input has its own grid of doubles")
def test_the_tail_of_a_logarithm_next_to_one_is_within_its_error():
    law = law_of(lambda z: -np.log(z), otmaps.Uniform(0.0, 1.0))
    y = np.array([1e-30, 1e-18, 1e-12])
    gaps = np.abs(law.cdf(y) + np.expm1(-y))
    assert np.all(gaps <= law.tail_error * y)


def test_a_constant_has_no_law():
    with pytest.raises(ValueError, match=r"the value 1\.0 with probability one"):
        law_of(lambda z: 0.0 * z + 1.0, NORMAL)


def test_a_constant_of_two_inputs_has_no_law():
    with pytest.raises(ValueError, match="with probability one"):
        law_of(lambda a, b: 0.0 * (a + b), NORMAL, NORMAL)


@pytest.mark.parametrize("prior", [NORMAL, otmaps.Cauchy(1.0, 3.0), otmaps.Beta(0.8, 2.0)])
def test_the_identity_changes_nothing(prior):
    law = law_of(lambda z: +z, prior)
    p = np.concatenate([np.geomspace(1e-200, 0.1, 20), np.linspace(0.2, 0.8, 7)])
    for x, tail in ((prior.ppf(p), "cdf"), (prior.isf(p), "sf")):
        truth = np.asarray(getattr(prior, tail)(x))
        gaps = np.abs(np.asarray(getattr(law, tail)(x)) - truth)
        spread = np.abs(np.asarray(prior.pdf(x)) * np.spacing(np.abs(x)))
        held = np.isfinite(spread)
        assert np.all(gaps[held] <= law.tail_error * truth[held] + 4.0 * spread[held])


# ------------------------------------------------------------------------------ budget and messages
def test_three_inputs_are_refused_where_the_budget_is_small():
    op = opaque(lambda a, b, c: a * b + c, 3)
    reason = otmaps.Conditioning(budget=1 << 16).refuses(op, (NORMAL,) * 3)
    assert reason is not None
    assert "budget=" in reason


def test_four_inputs_are_refused():
    op = opaque(lambda a, b, c, d: a * b + c * d, 4)
    assert "4 inputs" in otmaps.Conditioning().refuses(op, (NORMAL,) * 4)


@pytest.mark.parametrize("budget", [1 << 20, 1 << 22])
def test_the_budget_is_about_kept(budget):
    spent = 0

    def counted(a, b):
        nonlocal spent
        spent += a.size
        return a / (b + 1.0)

    laws = otmaps.Normal(1.0, 1.0), otmaps.Normal(2.0, 1.0)
    with pytest.raises((otmaps.AccuracyError, otmaps.UnservedError), match="budget"):
        law_of(counted, *laws, budget=budget)
    assert spent <= 3 * budget


@pytest.mark.parametrize("budget", [0, -1, 2.5, "many"])
def test_bad_budgets_are_refused(budget):
    with pytest.raises((TypeError, ValueError), match="budget"):
        otmaps.Conditioning(budget=budget)


# ---------------------------------------------------------------------------------- atoms alone
def test_atoms_that_draws_do_not_meet_are_found():
    """Of an operation whose second input does nothing but keep it from being one of one input."""
    law = law_of(lambda a, b: np.floor(3.0 * a) + 0.0 * b, otmaps.Normal(), otmaps.Normal())
    assert isinstance(law, otmaps.Discrete)
    k = np.array([-40.0, -20.0, -1.0, 0.0, 19.0, 60.0])
    exact = np.asarray(otmaps.Normal().logcdf((k + 1.0) / 3.0))
    np.testing.assert_allclose(law.cdf(k), np.exp(exact), rtol=law.tail_error, atol=law.error)
    exact = np.asarray(otmaps.Normal().sf((k + 1.0) / 3.0))
    np.testing.assert_allclose(law.sf(k), exact, rtol=law.tail_error, atol=0.0)
    assert law.error < 1e-11


def test_a_plan_for_atoms_alone():
    op = otmaps.operation(lambda a, b: np.floor(3.0 * a) + 0.0 * b)()
    matched = otmaps.match(op, "normal", tol=1e-5, randomize=np.random.default_rng(0))
    rng = np.random.default_rng(1)
    z = np.sort(matched(*rng.normal(size=(2, 2**16))))
    gap = np.max(np.abs(otmaps.Normal().cdf(z) - np.arange(1, z.size + 1) / z.size))
    assert gap < 2.5 / np.sqrt(z.size)


def test_a_gap_between_two_jumps():
    """Both sides of a jump are kinks; next to them sums have the value of their large part."""
    law = law_of(lambda a, b: np.sign(a) * b * b + np.sign(a), NORMAL, NORMAL)
    d = np.array([1e-4, 0.5, 3.0])
    half = 0.5 * special.chdtr(1, d)
    y = np.concatenate([-1.0 - d, [-0.5, 0.0, 0.7], 1.0 + d])
    truth = np.concatenate([0.5 - half, [0.5, 0.5, 0.5], 0.5 + half])
    assert 1e-9 < law.error < 1e-7  # b^2 is lost in 1 where abs(b) < 1e-8
    assert np.all(np.abs(law.cdf(y) - truth) <= law.error)
    np.testing.assert_allclose(law.cdf(y), truth, rtol=0.0, atol=1e-13)


def test_a_table_that_does_not_know_where_values_end_says_so(monkeypatch):
    """a / hypot(a, b) has poles at -1 and 1, which the table is not told of."""
    known = _study.landmarks

    def unknown(*arguments):
        return dataclasses.replace(known(*arguments), ends=(-math.inf, math.inf))

    monkeypatch.setattr(_study, "landmarks", unknown)
    law = law_of(lambda a, b: a / np.sqrt(a * a + b * b), NORMAL, NORMAL)
    y = 1.0 - np.geomspace(1e-9, 0.5, 30)
    worst = np.max(np.abs(law.cdf(y) - (0.5 + np.arcsin(y) / math.pi)))
    assert 1e-4 < worst <= law.error
    assert law.tail_error == math.inf
