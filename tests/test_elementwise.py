"""Functions of plain numbers as operations: found out, compiled where proven, never changed."""

from __future__ import annotations

import fractions
import math
import pickle
import sys

import numba
import numpy as np
import pytest
from scipy import special

import otmaps
from otmaps._elementwise import ElementLoop, works_on_numbers_alone

Z = np.random.default_rng(0).standard_normal((2, 12_345))
REACH = np.array([1.0])


def branch(a, b):
    return a if a > b else math.sqrt(a * a + b * b)


def branch_of_arrays(a, b):
    return np.where(a > b, a, np.hypot(a, b))


def larger(a, b):
    return max(a, b)


@otmaps.operation
def bent(z, *, slope=0.5, power):
    return z if z > 0 else slope * abs(z) ** power


def falls_through(a, b):
    if a > -10.0 and b > 100.0:
        return a
    return None


compiled_branch = numba.njit(branch)

# name -> function, what NumPy makes of the same formula, how it is applied
KINDS = {
    "numbers": (branch, lambda a, b: np.where(a > b, a, np.hypot(a, b)), "compiled loop"),
    "max": (larger, np.maximum, "compiled loop"),
    "floor": (lambda a, b: math.floor(a) + b, lambda a, b: np.floor(a) + b, "compiled loop"),
    "integers": (lambda a, b: 1 if a > b else 0, lambda a, b: a > b, "compiled loop"),
    "booleans": (lambda a, b: a > 0 and b > 0, lambda a, b: (a > 0) & (b > 0), "compiled loop"),
    "overflow": (
        lambda a, b: a if a > b else math.exp(b),
        lambda a, b: np.where(a > b, a, np.exp(b)),
        "compiled loop",
    ),
    "text": (lambda a, b: float(f"{a:.2f}") + b, lambda a, b: np.round(a, 2) + b, "Python loop"),
    "exact": (
        lambda a, b: fractions.Fraction(a) if a > b else b,
        np.maximum,
        "Python loop",
    ),
    "njit": (numba.njit(branch), lambda a, b: np.where(a > b, a, np.hypot(a, b)), "compiled loop"),
    "njit, one signature": (numba.njit("f8(f8,f8)")(lambda a, b: a * b), np.multiply, None),
    "njit of arrays": (numba.njit(lambda a, b: a * b + 1.0), lambda a, b: a * b + 1, "arrays"),
    "calls njit": (
        lambda a, b: compiled_branch(a, b) if a > 0 else 0.0,
        lambda a, b: np.where(a > 0, np.where(a > b, a, np.hypot(a, b)), 0.0),
        "compiled loop",
    ),
    "vectorize": (numba.vectorize(branch), branch_of_arrays, "arrays"),
    "vectorize, one signature": (
        numba.vectorize(["f8(f8,f8)"])(branch),
        branch_of_arrays,
        "arrays",
    ),
    "frompyfunc": (np.frompyfunc(branch, 2, 1), branch_of_arrays, "arrays"),
    "scipy": (special.xlog1py, lambda a, b: a * np.log1p(b), "arrays"),
    "lists": (lambda a, b: [x * y for x, y in zip(a, b, strict=True)], np.multiply, "arrays"),
    "NumPy": (np.hypot, np.hypot, "arrays"),
}


@pytest.mark.parametrize("kind", KINDS)
def test_functions_of_every_kind_are_operations(kind, jit_disabled):
    function, formula, evaluation = KINDS[kind]
    op = otmaps.operation(function)()
    a, b = np.abs(Z) if kind == "scipy" else Z
    expected = np.asarray(formula(a, b), dtype=float)
    found = op.raw(a, b)
    assert found.dtype == np.float64
    np.testing.assert_allclose(found, expected, rtol=4e-16, atol=1e-16)
    np.testing.assert_array_equal(op.raw(a[:50], b[:50]), found[:50])
    assert op.raw(float(a[7]), float(b[7])) == found[7]
    np.testing.assert_array_equal(
        op.raw(a[:12].reshape(3, 4), b[:12].reshape(3, 4)).ravel(), found[:12]
    )
    single = op.raw(a[:9].astype(np.float32), b[:9].astype(np.float32))
    assert single.dtype == np.float32
    if evaluation is not None and not jit_disabled:
        assert op.evaluation == evaluation


@pytest.mark.parametrize("kind", KINDS)
def test_no_kind_of_function_upsets_the_proof_of_linearity(kind):
    assert otmaps.operation(KINDS[kind][0])().linear is None


def test_an_affine_function_of_numbers_is_proven_affine():
    op = otmaps.operation(lambda a, b: sum([0.25 * a, 0.75 * b]), elementwise=True)()
    assert op.linear.weights == (0.25, 0.75)
    assert op.raw([1.0, 2.0], [0.0, 4.0]).tolist() == [0.25, 3.5]
    assert otmaps.operation(lambda a: float(a) * 2.0)().linear is None


def test_whether_it_takes_numbers_can_be_said():
    def either(z):
        return z if np.size(z) == 1 else np.zeros_like(z)

    assert otmaps.operation(either)().evaluation == "arrays"
    said = otmaps.operation(either, elementwise=True)()
    assert said.elementwise is True
    assert said.raw([1.0, 2.0]).tolist() == [1.0, 2.0]
    denied = otmaps.operation(branch, elementwise=False)()
    assert denied.evaluation == "arrays"
    with pytest.raises(ValueError, match="truth value"):
        denied.raw([1.0, 2.0], [2.0, 1.0])


def test_it_is_found_out_once():
    calls = []

    def counted(a):
        calls.append(np.size(a))
        return a if a > 0 else -a

    op = otmaps.operation(counted)()
    op.raw(np.arange(5.0))
    first = len(calls)
    op.raw(np.arange(5.0))
    assert len(calls) == first + 5


@pytest.mark.needs_jit
def test_parameters_reach_the_compiled_loop_by_name():
    op = bent(power=2)
    assert op.evaluation == "compiled loop"
    z = Z[0]
    np.testing.assert_allclose(op.raw(z), np.where(z > 0, z, 0.5 * z * z), rtol=1e-15)
    assert bent(power=3, slope=2.0).raw(-1.0) == 2.0
    assert pickle.loads(pickle.dumps(op)).raw(-2.0) == op.raw(-2.0)


SLOPE = 0.5


@pytest.mark.needs_jit
def test_a_value_from_outside_that_changes_is_not_frozen(monkeypatch):
    op = otmaps.operation(lambda z: z if z > 0 else SLOPE * z)()
    assert op.evaluation == "compiled loop"
    monkeypatch.setattr(sys.modules[__name__], "SLOPE", 2.0)
    assert op.evaluation == "Python loop"
    np.testing.assert_array_equal(op.raw(Z[0]), np.where(Z[0] > 0, Z[0], 2.0 * Z[0]))
    mutable = otmaps.operation(lambda z: z if z > 0 else REACH[0] * z)()
    assert mutable.evaluation == "Python loop"


@pytest.mark.needs_jit
def test_what_compiles_to_other_values_stays_in_python():
    """Integers of 64 bits overflow where those of Python have no end; random numbers differ."""
    op = otmaps.operation(lambda z: float(int(abs(z) * 1000) ** 7 % 1000003) if z != 0 else 0.0)()
    assert op.evaluation == "Python loop"
    z = np.full(10_000, 1234.5)
    assert op.raw(z)[0] == float(1234500**7 % 1000003)
    loop = ElementLoop("rounded", lambda a: a if a > 0 else a / 3.0, {}, 1)
    assert loop.compiled
    assert not loop._agrees(lambda a: np.where(a > 0, a, a * (1.0 + 1e-14) / 3.0))
    assert not loop._agrees(lambda a: np.where(a > 0, a, np.nan))


@pytest.mark.needs_jit
def test_far_latents_are_left_to_python():
    op = otmaps.operation(lambda z: float(math.floor(z)) if z > 0 else 0.0)()
    assert op.evaluation == "compiled loop"
    z = np.full(10_000, 3e22)
    assert op.raw(z)[0] == 3e22  # as a 64-bit integer it would be something else


def test_arithmetic_errors_are_nan_and_other_errors_are_raised():
    root = otmaps.operation(lambda a: math.sqrt(a) if a < 5 else 1.0 / (a - 6.0))()
    np.testing.assert_array_equal(
        np.isnan(root.raw([-1.0, 4.0, 6.0, 7.0])), [True, False, True, False]
    )
    assert np.isnan(otmaps.operation(math.floor)().raw([np.nan, np.inf])).all()
    many = np.tile([-1.0, 4.0], 10_000)
    np.testing.assert_array_equal(root.raw(many), np.tile([np.nan, 2.0], 10_000))

    def picky(a):
        if a > 1.0:
            raise ValueError("a is too large")
        return math.sin(a)

    with pytest.raises(ValueError, match="too large"):
        otmaps.operation(picky)().raw([0.0, 2.0])
    with pytest.raises(TypeError, match="'falls_through' returned None"):
        otmaps.operation(falls_through, elementwise=True)().raw([0.0], [0.0])
    with pytest.raises(TypeError, match="not one real number"):
        otmaps.operation(lambda a: a**0.5 if a < 1 else 1.0)().raw([-1.0, 2.0])


def test_a_function_that_fails_on_arrays_for_a_reason_of_its_own_is_not_taken_for_one():
    def positive(z):
        if np.any(z < 0):
            raise ValueError("z must not be negative")
        return np.sqrt(z)

    assert not works_on_numbers_alone(positive, 1)
    with pytest.raises(ValueError, match="negative"):
        otmaps.operation(positive)().raw([-1.0, 1.0])
    assert otmaps.operation(positive)().raw([4.0, 9.0]).tolist() == [2.0, 3.0]


def test_ufuncs_of_two_results_and_functions_of_none_are_refused():
    with pytest.raises(TypeError, match="returns 2 arrays"):
        otmaps.operation(np.modf)
    with pytest.raises(TypeError, match="dtype object"):
        otmaps.operation(np.frompyfunc(lambda a: "text", 1, 1))().raw([1.0, 2.0])


@pytest.mark.needs_jit
def test_a_function_of_numbers_goes_through_the_whole_chain():
    op = otmaps.operation(branch)()
    method = otmaps.MonteCarlo(n=2**16)
    m = otmaps.match(op, otmaps.Normal(), method=method)
    same = otmaps.match(otmaps.operation(branch_of_arrays)(), otmaps.Normal(), method=method)
    y = np.linspace(-1, 3, 50)
    np.testing.assert_allclose(m.map(y), same.map(y), rtol=1e-12, atol=1e-12)
    assert otmaps.check(m, n=300)
