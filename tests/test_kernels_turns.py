"""Turns of a sequence: the compiled pass finds what the definition says."""

import math

import numpy as np
import pytest
from conftest import JIT_DISABLED
from hypothesis import given, settings
from hypothesis import strategies as st

from otmaps._kernels._turns import turns

EXAMPLES = 50 if JIT_DISABLED else 400


def found(values, ripple=0.0, size=0.0, room=64):
    out = np.full((room, 3), -7, dtype=np.int64)
    with np.errstate(invalid="ignore"):  # interpreted kernels warn about infinite values
        count = turns(np.array(values, dtype=float), ripple, size, out)
    assert np.all(out[min(count, room) :] == -7)
    return count, out[: min(count, room)].tolist()


def naive(values, ripple, size):
    """From the last place that is known to lie behind a turn, the extreme value so far."""
    places = [i for i, v in enumerate(values) if not math.isnan(v)]
    start = places[0] if places else 0
    out, direction, first = [], 0, 0
    for n in range(1, len(places)):
        since = places[first : n + 1]
        v = values[places[n]]
        for way, pick in ((1, max), (-1, min)):
            extreme = pick(values[i] for i in since)
            back = way * (extreme - v)
            if way == -direction or not back > 0.0 or back <= ripple * (abs(extreme) + size):
                continue
            if direction:
                at = [i for i in since if values[i] == extreme]
                last = min(at[-1] + 1, len(values) - 1)
                out.append([max(at[0] - 1, start), last, int(way > 0)])
            direction, first = -way, n
            break
    return out


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ([], []),
        ([math.nan, math.nan], []),
        ([3.0], []),
        ([1.0, 1.0, 1.0], []),
        ([0.0, 1.0, 1.0, 2.0], []),
        ([0.0, 2.0, 1.0], [[0, 2, 1]]),
        ([2.0, 0.0, 0.0, 0.0, 1.0], [[0, 4, 0]]),
        ([0.0, 2.0, math.nan, 2.0, 1.0], [[0, 4, 1]]),
        ([0.0, 2.0, 0.0, 2.0, 0.0], [[0, 2, 1], [1, 3, 0], [2, 4, 1]]),
        ([-1.0, -5.0, math.inf, 5.0, 1.0], [[0, 2, 0], [1, 3, 1]]),
        ([0.0, math.inf, math.inf, 0.0], [[0, 3, 1]]),
        ([0.0, -math.inf, 0.0], [[0, 2, 0]]),
    ],
)
def test_small_sequences(values, expected):
    assert found(values) == (len(expected), expected)


def test_rounding_is_no_turn_and_a_larger_fall_is_one():
    rising = [0.0, 1.0, 1.0 - 1e-13, 1.0, 2.0]
    assert found(rising, ripple=1e-12)[0] == 0
    assert found(rising, ripple=1e-14)[0] == 2
    assert found([0.0, 1e-9, 0.0, 1.0], ripple=1e-12, size=1e6)[0] == 0
    assert found([0.0, 1e-9, 0.0, 1.0], ripple=1e-12, size=1.0)[0] == 2


def test_a_slow_fall_in_steps_below_the_ripple_is_a_turn():
    values = np.concatenate([np.linspace(0.0, 1.0, 50), 1.0 - 1e-5 * np.arange(1, 60)])
    assert found(values, ripple=1e-4, size=1.0)[1] == naive(values.tolist(), 1e-4, 1.0)
    assert found(values, ripple=1e-4, size=1.0)[0] == 1


@pytest.mark.xfail(strict=True, reason="inf is not more than a share of inf")
@pytest.mark.parametrize("sign", [1.0, -1.0])
def test_an_infinite_top_is_a_turn_whatever_the_ripple(sign):
    values = sign * np.array([0.0, 1.0, math.inf, 1.0, 0.5, 2.0])
    assert found(values, ripple=1e-12, size=1.0)[0] == 2


def test_what_does_not_fit_is_counted():
    values = np.arange(40) % 2
    assert found(values, room=64)[0] == 38
    count, written = found(values, room=5)
    assert count == 38
    assert written == found(values)[1][:5]


values = st.one_of(
    st.integers(-3, 3).map(float), st.floats(-1e3, 1e3), st.just(math.nan), st.just(1.0 + 1e-7)
)


@given(
    values=st.lists(values, max_size=30),
    ripple=st.sampled_from([0.0, 1e-12, 1e-6, 0.1, 0.5]),
    size=st.sampled_from([0.0, 1.0, 4.0]),
)
@settings(max_examples=EXAMPLES)
def test_the_turns_are_those_of_the_definition(values, ripple, size):
    expected = naive(values, ripple, size)
    assert found(values, ripple, size) == (len(expected), expected)


@given(values=st.lists(st.integers(-9, 9), min_size=2, max_size=30))
@settings(max_examples=EXAMPLES)
def test_without_ripple_the_turns_are_the_runs_beyond_both_neighbours(values):
    starts = [0, *(i for i in range(1, len(values)) if values[i] != values[i - 1])]
    runs = [(i, j - 1) for i, j in zip(starts, [*starts[1:], len(values)], strict=True)]
    expected = []
    for before, run, after in zip(runs, runs[1:], runs[2:], strict=False):
        v, left, right = values[run[0]], values[before[0]], values[after[0]]
        if (left < v) == (right < v):
            expected.append([run[0] - 1, run[1] + 1, int(left < v)])
    assert found(values)[1] == expected
