"""Brackets of roots: what the compiled steps find is what bisection over all doubles finds."""

import math

import numpy as np
import pytest
from conftest import JIT_DISABLED
from hypothesis import given, settings
from hypothesis import strategies as st

from otmaps._estimators._roots import level_roots

TINY = 1e-300
NO_RUNGS = np.empty(0)
RUNGS = np.concatenate([-np.geomspace(1e6, 1e-6, 25), [0.0], np.geomspace(1e-6, 1e6, 25)])
EXAMPLES = 30 if JIT_DISABLED else 300


def below(value, goal, strict):
    return value < goal or (value == goal and not strict)


def ordinal(x):
    """The number of a double in their order, both zeros at 0."""
    bits = int(np.float64(abs(x)).view(np.int64))
    return -bits if x < 0.0 else bits


def double(n):
    return math.copysign(float(np.int64(abs(n)).view(np.float64)), n)


def bisected(function, low, high, goal, strict):
    """The neighbouring doubles between which a monotone function passes the goal."""
    start = below(function(low), goal, strict)
    a, b = ordinal(low), ordinal(high)
    while b - a > 1:
        middle = (a + b) // 2
        if below(function(double(middle)), goal, strict) == start:
            a = middle
        else:
            b = middle
    return double(a), double(b)


def compare(function, low, high, goals, *, strict=False, rungs=NO_RUNGS):
    """Hold `level_roots` to bisection; returns the largest number of points of a bracket."""

    def at(x):
        with np.errstate(all="ignore"):
            return float(function(np.array([x]))[0])

    counts = np.zeros(len(goals), dtype=int)

    def evaluate(number, x):
        assert np.all((low <= x) & (x <= high)), "a point outside of its bracket"
        counts[number] += 1
        with np.errstate(all="ignore"):
            return function(x)

    shape = np.ones(len(goals))
    found = level_roots(
        evaluate,
        (low * shape, high * shape),
        (at(low) * shape, at(high) * shape),
        np.array(goals, dtype=float),
        rungs,
        tiny=TINY,
        strict=strict,
    )
    for goal, x in zip(goals, found.tolist(), strict=True):
        assert below(at(low), goal, strict) != below(at(high), goal, strict), "no bracket"
        left, right = bisected(at, low, high, goal, strict)
        # A bracket closes at four units in the last place, or two `tiny` next to 0.
        slack = 4.0 * np.finfo(float).eps * max(abs(left), abs(right)) + 2.0 * TINY
        assert left - slack <= x <= right + slack, (goal, x, left, right)
    return int(counts.max())


def cube(z):
    return z * z * z


SMOOTH = {
    "exponential": (np.exp, -700.0, 700.0, [1e-290, 1e-5, 1.0, 3.0, 1e300]),
    "falling cube": (lambda z: -cube(z), -1e5, 1e5, [-27.0, -1e-9, 1e-9, 0.5, 1e12]),
    "cube root": (np.cbrt, -1e6, 1e6, [-40.0, -1e-6, 1e-90, 0.3, 99.0]),
    "tangent": (np.tan, -0.5 * math.pi, 0.5 * math.pi, [-1e15, -1.0, 1e-12, 2.0, 1e15]),
    "falling reciprocal": (lambda z: 1.0 / z, 1e-300, 1e300, [1e299, 5.0, 1e-8, 1e-299]),
}
INFINITE = {
    "logarithm from -inf": (np.log, 0.0, 1e300, [-690.0, -1.0, 0.5, 600.0]),
    "area tangent": (np.arctanh, -1.0, 1.0, [-18.0, -1.0, 1e-200, 17.5]),
    "pole at an end": (lambda z: 1.0 / (z - 1.0), 1.0, 1e30, [1e15, 3.0, 1e-20]),
    "pole from below": (lambda z: -1.0 / (z - 1.0) ** 2, 1.0, 1e30, [-1e30, -3.0, -1e-40]),
}
BROKEN = {
    "jumps": (lambda z: z + 3.0 * np.floor(z), -50.0, 50.0, [-1.0, 0.0, 1.5, 2.0, 5.5, 90.0]),
    "steps": (np.floor, -50.0, 50.0, [-7.0, -0.5, 0.0, 3.0, 3.5, 20.0]),
    "falling steps": (lambda z: -np.ceil(0.3 * z), -50.0, 50.0, [-3.0, 0.0, 0.5, 3.0]),
    "clipped": (lambda z: np.clip(z, -1.0, 1.5), -1e6, 1e6, [0.0, 1e-9, 1.4]),
    "relu squared": (lambda z: np.maximum(z, 0.0) ** 2, -1e6, 1e6, [1e-250, 0.25, 1e9]),
    "step to infinity": (lambda z: np.where(z > 0.37, np.inf, z), -9.0, 9.0, [0.36, 0.4, 1e300]),
}


@pytest.mark.parametrize("rungs", [NO_RUNGS, RUNGS], ids=["alone", "ladder"])
@pytest.mark.parametrize("strict", [False, True])
@pytest.mark.parametrize("name", [*SMOOTH, *INFINITE, *BROKEN])
def test_the_crossing_is_that_of_bisection(name, strict, rungs):
    function, low, high, goals = (SMOOTH | INFINITE | BROKEN)[name]
    compare(function, low, high, goals, strict=strict, rungs=rungs)


@pytest.mark.parametrize("goal", [-1.0, 1.5])
def test_of_a_plateau_at_the_goal_the_end_towards_the_other_side_is_found(goal):
    def clipped(z):
        return np.clip(z, -1.0, 1.5)

    strict = goal > 0.0  # otherwise both ends lie on one side
    compare(clipped, -1e6, 1e6, [goal], strict=strict)

    def rising(z):  # flat at the goal in the middle, so that both ways it has two ends
        return np.where(z < goal, z, np.maximum(z - 1.0, goal))

    values = np.array([rising(np.array([v]))[0] for v in (-9.0, 9.0)])
    for way, end in ((False, goal + 1.0), (True, goal)):
        compare(rising, -9.0, 9.0, [goal], strict=way)
        found = level_roots(
            lambda _, z: rising(z),
            (np.array([-9.0]), np.array([9.0])),
            (values[:1], values[1:]),
            np.array([goal]),
            NO_RUNGS,
            tiny=TINY,
            strict=way,
        )
        assert found[0] == pytest.approx(end, rel=1e-15)


@pytest.mark.parametrize("low", [-1.0, -1e-200, 0.0])
@pytest.mark.parametrize("root", [0.0, 1e-299, 1e-200, 1e-50, 1e-12, 1e-3])
def test_roots_next_to_zero_are_found_relative_to_themselves(root, low):
    compare(lambda z: z - root, low, 1e3, [0.0])
    compare(lambda z: np.cbrt(root - z), low, 1e3, [0.0], strict=True)
    compare(lambda z: np.where(z > root, 2.0, -1.0), low, 1e3, [0.0], rungs=RUNGS)
    compare(lambda z: z + root, -1e3, -low, [0.0], strict=True)


@pytest.mark.parametrize("name", SMOOTH)
def test_smooth_functions_take_few_points(name):
    function, low, high, goals = SMOOTH[name]
    moderate = [g for g in goals if 1e-9 < abs(g) < 1e13 and g != 1.0]  # exp is flat around 0
    assert compare(function, low, high, moderate, rungs=RUNGS) <= 30
    assert compare(function, low, high, goals) <= 120


def test_what_is_closed_from_the_start_is_not_evaluated():
    ends = np.array([1.0]), np.array([np.nextafter(1.0, 2.0)])
    values = np.array([-1.0]), np.array([0.5])

    def never(number, z):
        raise AssertionError

    assert level_roots(never, ends, values, np.zeros(1), NO_RUNGS, tiny=TINY) == ends[1]


sizes = st.floats(-300.0, 5.0).map(lambda e: 10.0**e)
signed = st.one_of(sizes, sizes.map(lambda x: -x), st.just(0.0), st.integers(-9, 9).map(float))


@given(
    nodes=st.lists(signed, min_size=1, max_size=6),
    steps=st.lists(st.integers(0, 3), min_size=7, max_size=7),
    slope=st.one_of(st.just(0.0), sizes),
    cubic=st.sampled_from([0.0, 1e-3, 1.0]),
    goal=signed,
    falling=st.booleans(),
    strict=st.booleans(),
    ladder=st.booleans(),
)
@settings(max_examples=EXAMPLES)
def test_any_monotone_function(  # noqa: PLR0917 - drawn by hypothesis
    nodes, steps, slope, cubic, goal, falling, strict, ladder
):
    """Steps, plateaus, lines and cubes: sums of what rises rise, when rounded too."""
    nodes, heights = np.sort(nodes), np.cumsum(steps[: len(nodes) + 1]) - 4.0

    def function(z):
        value = heights[np.searchsorted(nodes, z)] + slope * z + cubic * cube(z)
        return -value if falling else value

    ends = [below(float(function(np.array([x]))[0]), goal, strict) for x in (-1e6, 1e6)]
    if ends[0] != ends[1]:
        compare(function, -1e6, 1e6, [goal], strict=strict, rungs=RUNGS if ladder else NO_RUNGS)


def test_the_comparison_catches_the_wrong_end_of_a_plateau():
    """Where the values are flat at the goal from 0 to 1, strict and not strict are far apart."""

    def flat(z):
        return np.where(z < 0.0, z, np.maximum(z - 1.0, 0.0))

    assert bisected(flat, -9.0, 9.0, 0.0, strict=False)[0] == 1.0
    assert bisected(flat, -9.0, 9.0, 0.0, strict=True)[1] == 0.0
    with pytest.raises(AssertionError):
        compare(lambda z: np.sin(3.0 * z), -1.0, 9.5, [0.999])  # no monotone function
