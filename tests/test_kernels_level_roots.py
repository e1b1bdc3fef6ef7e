"""Level sets of rows of values: what the kernels find is what plain searches find."""

import math

import numpy as np
import pytest

from otmaps._kernels import _level_roots as k

Z = np.linspace(-3.0, 3.0, 25)
FUNCTIONS = {
    "rising": np.sinh,
    "falling": lambda z: -z - 0.3 * np.sin(z),
    "clipped": lambda z: np.clip(z, -0.77, 1.3),
    "parabola": lambda z: (z - 0.25) ** 2,
    "kinked": lambda z: np.where(z < 0.1, z, 3.0 * z - 0.2),
    "jumping": lambda z: z + np.floor(z + 0.37),
}
LEVELS = np.array([-2.0, -1.1, -0.61, 0.013, 0.4, 1.2, 2.2])
PLAIN = np.zeros(LEVELS.size, np.bool_)


def rows(name):
    """The values of one row at nodes that hold its extremum, uniform on [-3, 3]."""
    z = np.unique(np.append(Z, 0.25))
    tail = np.where(z >= 0.0, (3.0 - z) / 6.0, (z + 3.0) / 6.0)
    return z[None].copy(), FUNCTIONS[name](z)[None].copy(), tail[None].copy(), (z >= 0.0)[None]


def found_crossings(name, strict=PLAIN):
    z, h, tail, upper = rows(name)
    first = np.empty(h.shape, np.int32)
    count = k.positions(h, LEVELS, strict, first)
    where, guess = np.empty((count, 3), np.int32), np.empty((2, count))
    k.crossings(z, h, LEVELS, first, where, guess)
    return z, h, tail, upper, first, where, guess


def solve(name):
    """All roots, by one step and then by the search."""
    z, h, tail, upper, first, where, guess = found_crossings(name)
    function = FUNCTIONS[name]
    count = len(where)
    state = np.zeros((count, k.STATE))
    again, rest = np.empty(count, np.int64), np.empty(count, np.int64)
    repeated, left, unsure = k.settle(
        (z, h, tail, upper, np.ones(1)),
        (LEVELS, PLAIN, PLAIN),
        (1e-7, False),
        np.arange(count),
        where,
        function(guess[0]),
        guess,
        state,
        (again, rest),
    )
    assert repeated == 0
    assert unsure == 0.0
    state, rest = state[:left].copy(), rest[:left]
    level, active = LEVELS[where[rest, 2]], np.arange(left)
    for _ in range(100):
        if not active.size:
            break
        left = k.refine(active, function(state[active, k.POINT]), level, PLAIN[: level.size], state)
        active = active[:left]
    guess[0, rest] = state[:, k.POINT]
    assert not active.size
    return tail, upper, first, where, guess


def probability(name, y):
    """P(function <= y) for a uniform argument, by brute force."""
    z = np.linspace(-3.0, 3.0, 600_001)
    return np.mean(FUNCTIONS[name](z) <= y)


@pytest.mark.parametrize("name", FUNCTIONS)
def test_every_level_between_two_nodes_is_a_crossing(name):
    z, h, _, _, first, where, guess = found_crossings(name)
    expected = [
        (i, m)
        for i in range(h.shape[1] - 1)
        for m, y in enumerate(LEVELS)
        if (h[0, i] <= y) != (h[0, i + 1] <= y)
    ]
    assert [(int(w[1]), int(w[2])) for w in where] == expected
    for (cell, _), point in zip(expected, guess[0], strict=True):
        assert z[0, cell] < point < z[0, cell + 1]
    assert all(first[0, i] == np.sum(h[0, i] > LEVELS) for i in range(h.shape[1]))


@pytest.mark.parametrize("name", FUNCTIONS)
def test_probabilities_are_those_of_brute_force(name):
    tail, upper, first, where, guess = solve(name)
    root_upper = guess[0] >= 0.0
    root_tail = np.where(root_upper, 3.0 - guess[0], guess[0] + 3.0) / 6.0
    totals = np.zeros((2, LEVELS.size + 1))
    k.accumulate((first, tail, upper, np.ones(1)), where, root_tail, root_upper, totals)
    truth = np.array([probability(name, y) for y in LEVELS])
    np.testing.assert_allclose(totals[0, :-1], truth, atol=4e-6)
    np.testing.assert_allclose(totals[:, :-1].sum(axis=0), 1.0, atol=1e-14)


def test_a_cubic_guess_is_near_the_root():
    *_, where, guess = found_crossings("rising")
    roots = np.arcsinh(LEVELS[where[:, 2]])
    np.testing.assert_allclose(guess[0], roots, atol=1e-3)
    np.testing.assert_allclose(guess[1], 1.0 / np.cosh(roots), rtol=0.02)


def test_next_to_an_extremum_the_guess_is_a_root_of_the_distance():
    *_, where, guess = found_crossings("parabola")
    y = LEVELS[where[:, 2]]
    near = y < 0.1
    assert near.sum() == 2
    np.testing.assert_allclose(np.abs(guess[0, near] - 0.25), np.sqrt(y[near]), rtol=1e-6)


def test_no_slope_is_claimed_without_four_nodes_of_one_direction():
    z, h = np.array([[0.0, 1.0, 2.0]]), np.array([[0.0, 1.0, 5.0]])
    level, strict = np.array([0.5]), np.zeros(1, np.bool_)
    first, where, guess = np.empty((1, 3), np.int32), np.empty((1, 3), np.int32), np.empty((2, 1))
    assert k.positions(h, level, strict, first) == 1
    k.crossings(z, h, level, first, where, guess)
    assert guess[0, 0] == 0.5
    assert math.isnan(guess[1, 0])


def test_strict_levels_leave_a_flat_piece_out():
    h = np.array([[0.0, 1.0, 1.0, 2.0]])
    levels, strict = np.array([1.0, 1.0]), np.array([True, False])
    first = np.empty((1, 4), np.int32)
    assert k.positions(h, levels, strict, first) == 2
    assert first.tolist() == [[0, 1, 1, 2]]


def test_extrema_are_found_and_flat_pieces_are_none():
    h = np.array([[0.0, 1.0, 2.0, 1.0, 1.0, 3.0], [0.0, 1.0, 1.0, 2.0, 3.0, 3.0]])
    turns = np.zeros((4, 4), np.int32)
    assert k.directions(h, turns) == 2
    assert turns[:2].tolist() == [[0, 1, 2, 3], [0, 2, 3, 5]]
    assert k.directions(h, turns[:1]) == 2  # more than there is room for


def test_points_enter_their_rows_in_order():
    z = np.array([[0.0, 1.0, 2.0, 2.0, 2.0]])
    h = np.array([[5.0, 6.0, 7.0, 7.0, 7.0]])
    owner = np.zeros(2, np.int32)
    k.insert(z, h, owner, np.array([0.5, 1.5]), np.array([4.0, 8.0]))
    assert z.tolist() == [[0.0, 0.5, 1.0, 1.5, 2.0]]
    assert h.tolist() == [[5.0, 4.0, 6.0, 8.0, 7.0]]


def test_a_value_outside_of_its_cell_is_counted_once_a_cell():
    z, h, tail, upper, _, where, guess = found_crossings("rising")
    value = np.full(len(where), 100.0)
    count = len(where)
    lists = np.empty(count, np.int64), np.empty(count, np.int64)
    state = np.zeros((count, k.STATE))
    _, left, unsure = k.settle(
        (z, h, tail, upper, np.full(1, 2.0)), (LEVELS, PLAIN, PLAIN), (1e-7, True),
        np.arange(count), where, value, guess, state, lists,
    )  # fmt: skip
    cells = np.unique(where[:, 1])
    widths = np.diff(z[0])[cells]
    assert left == count
    assert unsure == pytest.approx(2.0 * widths.sum() / 6.0)
