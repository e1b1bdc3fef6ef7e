"""Functions that are not computed component by component are found out, each by a clear message."""

from __future__ import annotations

import random

import numpy as np
import pytest

import otmaps
from otmaps._operations import check_elementwise

DRAWS = np.random.default_rng(1).standard_normal((2, 16))


def stateful(period):
    """Another value every ``period`` calls."""
    calls = []

    def function(a, b):
        calls.append(0)
        return a + b + len(calls) // period

    return function


def changes_latents(a, b):
    owner = a.base if a.base is not None else a
    total = a * b
    owner[...] = 0.0
    return total


IMPURE = {
    "the first element": (lambda a, b: a - b[0], "a reversed array"),
    "a mean": (lambda a, b: a * b - np.mean(a), "a part of the array"),
    "a sum": (lambda a, b: a * b / np.sum(np.abs(a)), "a part of the array"),
    "the largest": (lambda a, b: a * b / np.max(np.abs(a)), "an? (part of the|single)"),
    "a sort": (lambda a, b: np.sort(a) * b, "a part|a reversed"),
    "a symmetric mix": (lambda a, b: (a + a[::-1]) * b, "a part of the array"),
    "neighbours": (lambda a, b: a * np.roll(b, 1), "a part|a reversed"),
    "positions": (lambda a, b: a * b + np.arange(len(a)), "a reversed array"),
    "the global generator": (lambda a, b: a * b + np.random.rand(), "a second call"),  # noqa: NPY002
    "Python's generator": (lambda a, b: a * b + random.random(), "a second call"),
    "draws of a fixed seed": (
        lambda a, b: a * b + np.random.default_rng(0).random(a.shape),
        "a reversed array",
    ),
    "a counter": (stateful(1), "a second call"),
    "a slow counter": (stateful(9), "a (longer|later|2-D|single|transposed|3-D)"),
    "the length": (lambda a, b: a * b + (len(a) > 100), "a longer array"),
    "one element alone": (lambda a, b: a * b if a.size > 1 else a, "a single element"),
    "rows in two dimensions": (
        lambda a, b: a * b if a.ndim == 1 else a * b - a.mean(axis=-1, keepdims=True),
        "a 2-D array",
    ),
    "an order in two dimensions": (
        lambda a, b: a * b if a.ndim == 1 else np.sort(a, axis=0) * b,
        "a 2-D array",
    ),
    "three dimensions": (lambda a, b: a * b if a.ndim < 3 else a, "a 3-D array"),
    "the memory": (lambda a, b: a * b if a.flags.c_contiguous else a, "a transposed array"),
    "single precision": (lambda a, b: a * b if a.dtype == np.float64 else a + b, "float32"),
    "its latents": (changes_latents, "latents|read-only"),
}


@pytest.mark.parametrize("case", IMPURE)
def test_impure_functions_are_named(case):
    function, message = IMPURE[case]
    op = otmaps.operation(function, name="suspect", elementwise=False)()
    with pytest.raises(ValueError, match=rf"(?s)'suspect'.*({message})"):
        check_elementwise(op, [d.copy() for d in DRAWS])


PURE = {
    "product": lambda a, b: a * b,
    "step": lambda a, b: np.floor(3.0 * a) + (b > 0),
    "steep": lambda a, b: np.sin(1e6 * a) + b,
    "cancelling": lambda a, b: np.exp(a) - np.exp(a + 1e-9 * b),
    "large and small": lambda a, b: np.where(a > 0, 1e12 * a, 1e-12 * b),
    "far": lambda a, b: np.tan(a) / b,
    "masked assignment": lambda a, b: np.select([a > 1, b > 1], [a, b], a * b),
    "numbers": lambda a, b: a if a > b else b,
    "rows by a loop": lambda a, b: [max(x, y) for x, y in zip(a, b, strict=True)],
}


@pytest.mark.parametrize("case", [*PURE][:-1])
def test_pure_functions_pass(case):
    check_elementwise(otmaps.operation(PURE[case])(), list(DRAWS))


def test_a_function_of_one_dimension_says_so():
    """``max`` of two rows has no truth value: the function serves 1-D arrays alone."""
    op = otmaps.operation(PURE["rows by a loop"])()
    assert op.raw([1.0, 2.0], [2.0, 1.0]).tolist() == [2.0, 2.0]
    with pytest.raises(ValueError, match="truth value"):
        check_elementwise(op, list(DRAWS))


def test_impure_functions_stop_the_chain():
    op = otmaps.operation(lambda a, b: a * b / np.max(np.abs(a)), name="normed")()
    for verb in (otmaps.pushforward, otmaps.match):
        with pytest.raises(ValueError, match="'normed' gives other values"):
            verb(op, "normal")
