"""The automatic choice held to operations with known laws (tools/make_operation_truths.py)."""

from __future__ import annotations

import functools
import warnings

import numpy as np
import pytest
from operation_cases import OperationCase, operation_cases
from operation_functions import FUNCTIONS

import otmaps

CASES = operation_cases()
ATOMIC = [name for name, case in CASES.items() if case.atoms]
CLOSED = "vicinity lerp of normals"
CERTAIN = otmaps.MonteCarlo(n=2**16, confidence=1.0 - 1e-6)
DETERMINISTIC = ("closed form", "contour", "convolution", "composition", "conditioning")
DEEP = 1e-12  # down to here tails are held relative to themselves
TAIL_ERROR = 1e-6
LIGHT = 1e-12  # atoms below it need not be named, and masses are exact to it

each_case = pytest.mark.parametrize("name", CASES)

# What falls short, and why.
ON_THE_GRID = {"power of uniforms": "next to 1 an input has its own grid of doubles"}


def each_but(short):
    """All cases, those that fall short expected to fail."""
    marks = {n: pytest.mark.xfail(strict=True, reason=why) for n, why in short.items()}
    return pytest.mark.parametrize(
        "name", [pytest.param(n, marks=marks[n]) if n in marks else n for n in CASES]
    )


@functools.cache
def automatic(name: str) -> otmaps.Distribution:
    """The law by the automatic choice, whatever it reaches: the tests judge that."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", otmaps.AccuracyWarning)
        return CASES[name].pushforward()


def target(case: OperationCase) -> float:
    """The error in the cdf that the automatic choice is held to."""
    return 1e-9 if len(case.inputs) <= 2 else 1e-6


def error(law: otmaps.Distribution, case: OperationCase) -> float:
    """The largest error in cdf and sf, apart from what the float grid of the points does."""
    p = case.points
    gaps = np.maximum(np.abs(law.cdf(p.x) - p.cdf), np.abs(law.sf(p.x) - p.sf)) - p.grid
    return float(max(np.max(gaps), 0.0))


def tail_error(law: otmaps.Distribution, case: OperationCase) -> float:
    """The largest error of the nearer tail relative to it, down to ``DEEP``."""
    p = case.points
    found = np.where(p.is_lower, law.cdf(p.x), law.sf(p.x))
    held = p.tail >= DEEP
    return float(np.max((np.abs(found - p.tail) - p.grid)[held] / p.tail[held]))


def same_atoms(law: otmaps.Distribution, case: OperationCase) -> bool:
    """Whether the law names the atoms, where they are and with their masses."""
    wanted = [(at, mass) for at, mass in case.atoms if mass > LIGHT]
    found = [(at, mass) for at, mass in law.atoms if mass > LIGHT]
    return [at for at, _ in found] == [at for at, _ in wanted] and np.allclose(
        [mass for _, mass in found], [mass for _, mass in wanted], rtol=0.0, atol=LIGHT
    )


@each_case
def test_the_automatic_choice_reaches_its_target(name):
    assert error(automatic(name), CASES[name]) <= target(CASES[name])


@each_case
def test_the_automatic_choice_states_that_it_reached_its_target(name):
    law = automatic(name)
    assert law.error <= target(CASES[name]), law.method


@each_case
def test_the_automatic_choice_is_within_its_own_error(name):
    law = automatic(name)
    assert error(law, CASES[name]) <= law.error + np.finfo(float).eps, law.method


@each_but(ON_THE_GRID)
def test_tails_of_deterministic_laws_are_right_relative_to_themselves(name):
    law = automatic(name)
    if law.method.startswith(DETERMINISTIC):
        assert tail_error(law, CASES[name]) <= TAIL_ERROR


@each_but(ON_THE_GRID)
def test_the_stated_error_of_tails_holds(name):
    law = automatic(name)
    assert tail_error(law, CASES[name]) <= law.tail_error


@pytest.mark.parametrize("name", ATOMIC)
def test_atoms_are_where_they_are_with_their_masses(name):
    assert same_atoms(automatic(name), CASES[name])


@pytest.mark.parametrize("name", sorted(CASES.keys() - ATOMIC))
def test_laws_without_atoms_name_none(name):
    assert automatic(name).atoms == ()


@each_case
def test_sampling_is_within_its_own_error(name):
    law = CASES[name].pushforward(method=CERTAIN)
    assert error(law, CASES[name]) <= law.error


# ------------------------------------------------------------------ the checks see what is wrong
def test_a_law_moved_by_1e_7_is_caught():
    case = CASES[CLOSED]
    law = automatic(CLOSED)
    assert error(law, case) <= law.error
    assert error(law.affine(1.0, 1e-7), case) > 1e-8


def test_a_law_wider_by_1e_6_is_caught_in_the_tails():
    law = automatic(CLOSED)
    assert tail_error(law, CASES[CLOSED]) <= law.tail_error
    assert tail_error(law.affine(1.0 + 1e-6, 0.0), CASES[CLOSED]) > 10.0 * TAIL_ERROR


@each_case
def test_a_sample_moved_by_a_part_of_its_spread_is_caught(name):
    case = CASES[name]
    lower, upper = np.interp([0.25, 0.75], case.points.cdf, case.points.x)
    law = case.pushforward(method=CERTAIN).affine(1.0, 0.25 * float(upper - lower))
    assert error(law, case) > law.error


@pytest.mark.parametrize("moved", [(1e-9, 0.0), (0.0, 1e-11)])
def test_atoms_beside_theirs_or_of_other_masses_are_caught(moved):
    case = CASES["clip of a normal"]

    class Moved:
        atoms = tuple((at + moved[0], mass + moved[1]) for at, mass in case.atoms)

    assert not same_atoms(Moved, case)


# -------------------------------------------------------------------------------- the table itself
def test_the_table_is_as_large_as_it_says_and_uses_each_function():
    sizes = [len(case.inputs) for case in CASES.values()]
    assert len(sizes) >= 45
    assert min(sizes.count(n) for n in (1, 2, 3)) >= 10
    assert sum(n >= 4 for n in sizes) >= 20
    assert {case.function for case in CASES.values()} == FUNCTIONS.keys()


@each_case
def test_the_truths_are_those_of_a_law(name):
    case = CASES[name]
    p = case.points
    assert np.all(np.diff(p.x) > 0.0)
    assert np.all(np.diff(p.logcdf) >= 0.0)
    assert np.all(np.diff(p.logsf) <= 0.0)
    np.testing.assert_allclose(p.cdf + p.sf, 1.0, rtol=1e-15)
    assert sum(mass for _, mass in case.atoms) <= 1.0 + 1e-15
    for at, mass in case.atoms:
        if at in p.x and mass > LIGHT:
            step = p.cdf[p.x == at] - p.cdf[p.x < at][-1:]
            assert np.all(np.abs(step - mass) <= 4.0 * p.grid[p.x == at] + 1e-15)
