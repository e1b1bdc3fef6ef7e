"""The parts of an input in which an operation is monotone, and what is not taken for one."""

import math

import numpy as np
import pytest

import otmaps
from otmaps._estimators._axes import Axis
from otmaps._estimators._branches import Parts, _Search, monotone_parts

NORMAL, UNIFORM = otmaps.Normal(), otmaps.Uniform(0.0, 1.0)
POLE = 1.234


def parts_of(function, *laws, inner=0):
    """The operation is opaque, so that only its values can be seen."""
    names = {
        1: lambda a: function(np.asarray(a, dtype=float)),
        2: lambda a, b: function(np.asarray(a, dtype=float), np.asarray(b, dtype=float)),
    }
    op = otmaps.operation(names[len(laws)])()
    axes = [Axis.of(law) for law in laws]
    return op, axes, monotone_parts(op, inner, axes)


def spike(z):
    return z + np.exp(-(((z - 0.3) / 1e-4) ** 2))


def spike_turns():
    """Where its slope 1 - 2e4 u exp(-u^2) is 0, u = (z - 0.3) / 1e-4: top and foot."""
    top = foot = 1.0
    for _ in range(60):
        top = math.exp(top * top) / 2e4
        foot = math.sqrt(math.log(2e4 * foot))
    return [0.3 + 1e-4 * top, 0.3 + 1e-4 * foot]


ONE = {
    "cube": (lambda z: z**3, []),
    "square": (lambda z: z * z, [0.0]),
    "cubic": (lambda z: z**3 - 3.0 * z, [-1.0, 1.0]),
    "reciprocal": (lambda z: 1.0 / z, [0.0]),
    "pole": (lambda z: 1.0 / (z - POLE), [POLE]),
    "absolute distance": (lambda z: np.abs(z - 0.1), [0.1]),
    "spike": (spike, spike_turns()),
    "torn": (lambda z: np.where(z < 0.1, z, z - 1.0), [0.1]),
    "relu": (lambda z: np.maximum(z, 0.0), []),
    "floor": (np.floor, []),
}


@pytest.mark.parametrize("name", ONE)
def test_the_cuts_of_one_input_are_where_the_function_turns(name):
    function, expected = ONE[name]
    _, _, parts = parts_of(function, NORMAL)
    assert isinstance(parts, Parts)
    assert len(parts.low) == len(expected) + 1
    # A smooth turn is seen to half of the digits.
    np.testing.assert_allclose(parts.high[:-1], expected, rtol=0.0, atol=1e-7)
    np.testing.assert_allclose(parts.low[1:], expected, rtol=0.0, atol=1e-7)


@pytest.mark.parametrize(
    ("function", "at", "first"),
    [
        (lambda z: 1.0 / (z - POLE), POLE, POLE),
        (lambda z: np.where(z < 0.1, z, z - 1.0), 0.1, 0.1),
        (lambda z: z - np.floor(z), 1.0, 1.0),
    ],
)
def test_a_jump_is_known_to_the_neighbouring_doubles(function, at, first):
    _, _, parts = parts_of(function, NORMAL)
    k = int(np.argmin(np.abs(parts.low[1:] - at)))
    assert parts.high[k] < parts.low[k + 1] == np.nextafter(parts.high[k], math.inf)
    assert parts.low[k + 1] == pytest.approx(first, abs=2.0 * np.spacing(first))


def test_a_sine_turns_at_odd_multiples_of_a_quarter():
    _, _, parts = parts_of(np.sin, NORMAL)
    cuts = np.array(parts.cuts)
    places = cuts / math.pi - 0.5
    assert cuts.size == 24  # within the deepest points of a normal, -37.3 and 37.3
    np.testing.assert_allclose(places, np.round(places), atol=1e-7)


def test_a_fraction_jumps_at_every_integer():
    _, _, parts = parts_of(lambda z: z - np.floor(z), otmaps.Uniform(-2.5, 3.5))
    np.testing.assert_array_equal(parts.low[1:], np.arange(-2.0, 4.0))
    np.testing.assert_array_equal(parts.high[:-1], np.nextafter(np.arange(-2.0, 4.0), -math.inf))


def test_what_only_looks_monotone_is_looked_at_more_finely():
    """Turns 0.003 apart with falls of 1e-3: 50 parts in each tenth."""
    op, axes, parts = parts_of(lambda z: z + 0.002 * np.sin(1000.0 * z), UNIFORM)
    assert isinstance(parts, Parts)
    slope = np.cos(1000.0 * np.array(parts.cuts)) * 2.0 + 1.0
    np.testing.assert_allclose(slope, 0.0, atol=1e-3)
    assert len(parts.cuts) == pytest.approx(2 * 1000.0 / (2.0 * math.pi), abs=2.0)
    assert not _Search(op, 0, axes).tested(parts)[0]


@pytest.mark.parametrize(
    ("function", "cuts"),
    [
        (lambda a, b: np.abs(a) * b, ([0.0], [])),
        (lambda a, b: a * b, ([], [])),
        (lambda a, b: (a - 0.25) ** 2 + np.tanh(b), ([0.25], [])),
        (lambda a, b: a / (b - POLE), ([], [POLE])),
        (lambda a, b: np.maximum(a, 0.0) * b, ([], [])),
        (lambda a, b: np.cos(a) + 0.0 * b, ("fourier", [])),
    ],
)
def test_cuts_of_one_input_do_not_depend_on_the_other(function, cuts):
    for inner, expected in enumerate(cuts):
        _, _, parts = parts_of(function, NORMAL, NORMAL, inner=inner)
        assert isinstance(parts, Parts)
        if expected == "fourier":
            places = np.array(parts.cuts) / math.pi
            np.testing.assert_allclose(places, np.round(places), atol=1e-7)
            assert places.size == 25
        else:
            np.testing.assert_allclose(parts.high[:-1], expected, rtol=0.0, atol=1e-7)


@pytest.mark.parametrize("inner", [0, 1])
@pytest.mark.parametrize(
    "function", [lambda a, b: np.abs(a - b), lambda a, b: np.sin(a + b), lambda a, b: (a + b) ** 2]
)
def test_turns_that_move_with_the_other_input_are_refused_with_a_reason(function, inner):
    _, _, reason = parts_of(function, NORMAL, NORMAL, inner=inner)
    assert isinstance(reason, str)
    assert "ab"[inner] in reason.split()


@pytest.mark.parametrize(
    "function", [lambda z: 1.0 / z**2, lambda z: np.exp(z * z), lambda z: -np.log(np.abs(z))]
)
def test_a_turn_at_an_infinite_value_is_a_cut(function):
    _, _, parts = parts_of(function, NORMAL)
    assert isinstance(parts, Parts)
    np.testing.assert_allclose(parts.high[:-1], [0.0], atol=1e-7)


# -------------------------------------------------------------------- the test of parts sees faults
@pytest.mark.parametrize(
    ("function", "cuts"),
    [
        (lambda z: z * z, []),
        (lambda z: z * z, [0.3]),
        (lambda z: z**3 - 3.0 * z, [1.0]),
        (np.sin, [-0.5 * math.pi, 0.5 * math.pi]),
        (spike, []),
        (lambda z: 1.0 / (z - POLE), []),
        (lambda z: z + 0.02 * np.sin(100.0 * z), []),
    ],
)
def test_a_fault_in_parts_is_caught(function, cuts):
    op, axes, right = parts_of(function, NORMAL)
    search = _Search(op, 0, axes)
    low, high = axes[0].ends
    wrong = Parts(np.array([low, *cuts]), np.array([*cuts, high]))
    faults, _ = search.tested(wrong)
    assert all(low < place < high for (place,) in faults)
    assert faults
    assert not search.tested(right)[0]


def test_a_fault_that_only_some_settings_show_is_caught():
    """Of max(|a| - 1, b) the turn at 0 shows where b is below."""
    op, axes, _ = parts_of(lambda a, b: np.maximum(np.abs(a) - 1.0, b), NORMAL, NORMAL)
    low, high = axes[0].ends
    assert _Search(op, 0, axes).tested(Parts(np.array([low]), np.array([high])))[0]
