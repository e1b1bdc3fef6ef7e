"""What a piece of work computes, and an end to it."""

import numpy as np
import pytest

import otmaps
from otmaps._metering import metered

OP = otmaps.operation(lambda a, b: a * b)()


def test_values_are_counted_in_all_meters_around():
    with metered() as outer:
        OP.raw(np.zeros(3), np.zeros(3))
        with metered() as inner:
            OP.raw(np.zeros((2, 1)), np.zeros(5))
    OP.raw(np.zeros(7), np.zeros(7))
    assert (inner.values, outer.values) == (10, 13)


def test_more_than_the_budget_is_refused():
    with metered(100):
        OP.raw(np.zeros(100), np.zeros(100))
        with pytest.raises(otmaps.AccuracyError, match="more than 100 values"):
            OP.raw(np.zeros(1), np.zeros(1))
    assert OP.raw(np.ones(1000), np.ones(1000)).sum() == 1000.0
