"""Ranges of independent variables beside closed forms, and a second method."""

import functools

import mpmath as mp
import numpy as np
import pytest

import otmaps
from otmaps._estimators._ranges import range_law, range_of
from otmaps._operations import Operation


def spread(*z):
    return functools.reduce(np.maximum, z) - functools.reduce(np.minimum, z)


def law_of(function, laws):
    names = tuple(f"z{k}" for k in range(len(laws)))
    law = otmaps.pushforward(Operation("f", names, {}, function), laws[0], inputs=laws)
    assert f"range of {len(laws)} parts" in law.method
    return law


def relative_gap(found, exact):
    return max(abs(float(mp.mpf(a) / b - 1)) for a, b in zip(found, exact, strict=True))


@pytest.mark.parametrize("n", [2, 5, 40])
def test_of_exponentials(n):
    """A maximum of n - 1 of them: what is above the smallest has forgotten it."""
    law = law_of(spread, [otmaps.Exponential()] * n)
    low = np.array([1e-290 ** (1.0 / (n - 1)), 1e-3, 0.5, 3.0])
    high = np.array([0.5, 3.0, 60.0, 650.0])

    def cdf(r):
        return (-mp.expm1(-mp.mpf(r))) ** (n - 1)

    with mp.workdps(400):
        assert relative_gap(law.cdf(low), [cdf(r) for r in low]) <= law.tail_error < 1e-8
        assert relative_gap(law.sf(high), [1 - cdf(r) for r in high]) <= law.tail_error
    assert law.error < 1e-12
    assert law.support() == (0.0, np.inf)


def test_of_uniforms_next_to_both_ends():
    law = law_of(lambda *z: 3.0 - 2.0 * spread(*z), [otmaps.Uniform(-1.0, 1.0)] * 4)
    assert law.support() == (-1.0, 3.0)
    r = np.array([1e-3, 0.2, 0.5])  # of the largest range, 2

    def cdf(r):
        return 4 * mp.mpf(r) ** 3 - 3 * mp.mpf(r) ** 4

    assert relative_gap(law.sf(3.0 - 4.0 * r), [cdf(v) for v in (3.0 - (3.0 - 4.0 * r)) / 4.0]) < (
        law.tail_error
    )
    near = 2.0**-30  # from the largest, the float grid aside
    found = law.cdf(-1.0 + 4.0 * near)
    with mp.workdps(50):
        assert relative_gap([found], [1 - cdf(1 - mp.mpf(near))]) <= law.tail_error < 1e-10


def test_of_different_laws_with_kinks_inside():
    laws = [otmaps.Uniform(0.0, 1.0), otmaps.Uniform(0.0, 3.0), otmaps.Uniform(0.5, 4.0)]
    law = law_of(spread, laws)

    def cdf(r):  # the smallest is variable i, at x
        total = mp.mpf(0)
        for i, (low, high) in enumerate(ENDS):
            others = [e for k, e in enumerate(ENDS) if k != i]

            def given(x, others=others):
                lengths = [max(min(b, x + r) - max(a, x), 0) / (b - a) for a, b in others]
                return mp.fprod(lengths)

            marks = {m for a, b in ENDS for e in (a, b) for m in (e, e - r) if low < m < high}
            total += mp.quad(given, [low, *sorted(marks), high]) / (high - low)
        return total

    ENDS = [tuple(map(mp.mpf, one.support())) for one in laws]
    r = np.array([1e-6, 0.3, 0.9, 1.7, 2.5, 3.6])
    assert relative_gap(law.cdf(r), [cdf(mp.mpf(v)) for v in r]) <= law.tail_error < 1e-10


def test_of_two_it_is_the_distance():
    laws = [otmaps.Normal(1.0, 2.0), otmaps.Normal(0.0, 0.5)]
    law = law_of(spread, laws)
    distance = otmaps.pushforward(
        otmaps.operation(lambda a, b: np.abs(a - b))(), laws[0], inputs=laws
    )
    for name in ("cdf", "sf"):
        x = (distance.ppf if name == "cdf" else distance.isf)([1e-200, 1e-9, 0.1, 0.5])
        found, exact = (getattr(one, name)(x) for one in (law, distance))
        np.testing.assert_allclose(found, exact, rtol=law.tail_error + distance.tail_error)
    assert law.tail_error < 1e-8


def test_a_law_moved_is_caught_and_atoms_are_left_to_other_rules():
    laws = [otmaps.Uniform()] * 3
    law = otmaps.pushforward(
        Operation("f", ("a", "b", "c"), {}, spread), laws[0], inputs=laws, tol=1e-12
    )
    moved = law.affine(1.0, 1e-9)
    x = np.array([0.5, 1.0, 1.5])
    gap = np.max(np.abs(moved.cdf(x) - (3.0 * (x / 2) ** 2 - 2.0 * (x / 2) ** 3)))
    assert gap > law.error  # the check sees what is wrong
    rough = otmaps.Discrete([0.0, 1.0], [0.5, 0.5])
    assert range_law([*laws[:2], rough], 1e-12) is None


@pytest.mark.parametrize(
    "function",
    [
        lambda a, b, c: np.maximum(np.maximum(a, b), c) - np.minimum(a, b),
        lambda a, b, c: np.maximum(np.maximum(a, b), c) - 2.0 * np.minimum(np.minimum(a, b), c),
        lambda a, b, c: np.maximum(a, b) - np.minimum(a, 1.0) + c,
        lambda a, b, c: np.maximum(a + b, b) - np.minimum(a + b, b) + c,
        lambda a, b, c: np.maximum(a, b) + np.minimum(a, b) + c,
    ],
)
def test_what_is_no_range(function):
    root = otmaps.operation(function)().expression.root
    assert range_of(root) is None


def test_supports_without_a_common_point_are_left_to_other_rules():
    assert range_law([otmaps.Uniform(0.0, 1.0), otmaps.Uniform(2.0, 3.0)], 1e-12) is None
