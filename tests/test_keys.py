"""Keys: the same everywhere and for ever, and never the one of a function that was edited."""

import math
import types
from pathlib import Path

import numpy as np
import pytest

import otmaps
from otmaps._table import map_recipe, table_key

LAWS = {
    "Normal": lambda: otmaps.Normal(0.5, 2.0),
    "Uniform": otmaps.Uniform,
    "Laplace": otmaps.Laplace,
    "Cauchy": otmaps.Cauchy,
    "Exponential": otmaps.Exponential,
    "Gamma": lambda: otmaps.Gamma(2.5),
    "Beta": lambda: otmaps.Beta(0.5, 2.0),
    "StudentT": lambda: otmaps.StudentT(3.0),
    "Mixture": lambda: otmaps.Mixture([otmaps.Normal(), otmaps.Normal(3.0)], [0.25, 0.75]),
    "Stable": lambda: otmaps.Stable(1.5, 0.5),
}


def key_of(op: otmaps.Operation, prior, **more) -> str:
    recipe = map_recipe(op, (prior,) * len(op.latents), prior, **more)
    assert recipe is not None
    return table_key({**recipe, "algorithm": 1})  # a new algorithm has new keys


GOLDEN = {
    "Normal": "849da054021516e91472232462ddadde60888c38f52871c46eefb88fe6ade2a6",
    "Uniform": "134f68ed434e3cd7c95106c9c23bf66483098734131483b622a0e6fdb7942c21",
    "Laplace": "3b423c3bec2315f7b8efaee6e1336f7b21dedbe318930db1ab171df94a843014",
    "Cauchy": "5b0f6cc96e0574e2e9da3736917942ce5bbe5240321ff383080755f360a4694c",
    "Exponential": "a099c51705e772976e3b6feecf2671b78eee5e4d8266e584ad5c2c236a831cf1",
    "Gamma": "0f225f9c4642fc040e8ccc0cede1712f54ec267a717d1e145762e65b81024e49",
    "Beta": "0e93391734c5db5e544ebc96728a696897f7823d43eb5dab0370adefc8fd9704",
    "StudentT": "b011d14c055f8f7f4d99b6b45ca8c103cff4a66cc0cd54eebe2b5aa4393900a9",
    "Mixture": "0aca9b4217b8d378a114b1a328921c1b8ef9ce2b5efaacec9d9864c8a6e8461b",
    "Stable": "390ef319364434717fe582c271dd441cbae99a2f2610764ca06c17db48752086",
}


@pytest.mark.parametrize("name", LAWS)
def test_keys_never_change(name: str) -> None:
    # If this fails, the tables of every user of this law are lost: raise ALGORITHM instead.
    assert key_of(otmaps.lerp(0.25), LAWS[name]()) == GOLDEN[name]


OPTIONS = {
    "linear": (lambda: otmaps.linear([0.5, -0.25, 1.0]), {}),
    "vicinity": (lambda: otmaps.vicinity(0.5), {}),
    "RQMC": (lambda: otmaps.lerp(0.25), {"method": otmaps.RQMC()}),
    "Monte Carlo": (lambda: otmaps.lerp(0.25), {"method": otmaps.MonteCarlo(n=1000, seed=7)}),
    "tol": (lambda: otmaps.lerp(0.25), {"tol": 1e-7}),
}
GOLDEN_OPTIONS = {
    "linear": "9646abfaf6a8f795f6e45bbf56f6651c5384316d5c2ea42e7b6236cbd03756ec",
    "vicinity": "5a5b151f0e6358dfc7430ba59ba214f88772a7f5886f160cb89e3b563c2e9221",
    "RQMC": "7c92b4f26877d214de7a68dc768dfe7ac9ae22fa3f614e26fb51d9e3b7b90167",
    "Monte Carlo": "4cafadc233cec2f3ee32ca73359e1c354974f7b76cd862d086ab9bfe7ca452bf",
    "tol": "73b3787f3e7477b9d47f0b13724800b3875a986b3cb8db58b0a0ec446895b85c",
}


@pytest.mark.parametrize("name", OPTIONS)
def test_keys_of_operations_and_options_never_change(name: str) -> None:
    op, more = OPTIONS[name]
    assert key_of(op(), otmaps.Normal(), **more) == GOLDEN_OPTIONS[name]


# ------------------------------------------------------------------------- functions with a version
def versioned(function) -> otmaps.Operation:
    return otmaps.operation(function, name="mine", version="1")()


def with_closure(c: float):
    return lambda a, b: a * b + c


def calling(callee):
    def function(a, b):
        return callee(a) * b

    return function


SCALED = lambda a, b: a * b * FACTOR  # noqa: E731, F821 - a global of the functions below


def with_global(value: float):
    return types.FunctionType(SCALED.__code__, {"FACTOR": value})


EDITS = {
    "the function": (lambda a, b: a * b, lambda a, b: a * b * 1.5),
    "its last bit": (lambda a, b: a * b, lambda a, b: a * b * (1.0 + 2.0**-52)),
    "a closure": (with_closure(1.0), with_closure(2.0)),
    "a callee": (calling(np.tanh), calling(np.sinh)),
    "a global": (with_global(1.0), with_global(2.0)),
    "far out": (
        lambda a, b: np.clip(a * b, -30.0, 30.0),
        lambda a, b: np.clip(a * b, -40.0, 40.0),
    ),
    "near 0": (lambda a, b: a * b, lambda a, b: np.where(np.abs(a) < 0.01, 0.0, a * b)),
    "where it raises elsewhere": (
        lambda a, b: math.log(a) * b,
        lambda a, b: math.log(a) * b + (a > 3.5),
    ),
    "what it raises": (lambda a, b: math.log(a) + b, lambda a, b: math.log(max(a, 1e-3)) + b),
}


@pytest.mark.parametrize("edit", EDITS)
def test_an_edited_function_has_another_key(edit: str) -> None:
    before, after = (key_of(versioned(f), otmaps.Exponential()) for f in EDITS[edit])
    assert before != after
    assert before == key_of(versioned(EDITS[edit][0]), otmaps.Exponential())


@pytest.mark.parametrize("edit", ["the function", "a closure", "a callee", "a global"])
def test_an_edited_function_is_never_served_a_stale_table(edit: str, tmp_path: Path) -> None:
    store, prior = otmaps.TableStore(tmp_path), otmaps.Logistic()
    y = np.linspace(-3, 3, 7)
    maps = []
    for function in EDITS[edit]:
        matched = otmaps.match(versioned(function), prior, tol=1e-3, store=store)
        fresh = otmaps.match(versioned(function), prior, tol=1e-3, store=None)
        np.testing.assert_array_equal(matched.map(y), fresh.map(y))
        maps.append(matched.map(y))
    assert not np.array_equal(*maps)
    assert store.verify().good == 2


def test_a_global_that_changes_under_a_live_operation_is_seen(tmp_path: Path) -> None:
    names = {"FACTOR": 1.0}
    op = versioned(types.FunctionType(SCALED.__code__, names))
    before = key_of(op, otmaps.Normal())
    names["FACTOR"] = 2.0
    assert key_of(op, otmaps.Normal()) != before


def test_versions_and_names_enter_the_key() -> None:
    one, other = (
        otmaps.operation(lambda a, b: a * b, name=name, version=version)()
        for name, version in (("mine", "1"), ("mine", "2"))
    )
    third = otmaps.operation(lambda a, b: a * b, name="yours", version="1")()
    assert len({key_of(op, otmaps.Normal()) for op in (one, other, third)}) == 3


def test_a_probe_warns_of_nothing_and_costs_few_values() -> None:
    seen = []

    def function(a, b):
        seen.append(np.size(a))
        return np.log(a) / np.sqrt(b)

    op = otmaps.operation(function, name="mine", version="1", elementwise=False)()
    op.linear  # noqa: B018 - the proof that it is not linear calls it too
    seen.clear()
    key_of(op, otmaps.Exponential())
    assert sum(seen) < 1000
