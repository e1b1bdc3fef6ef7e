"""Tracing a function into the graph of its steps."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import special

import otmaps
from otmaps._expressions import Expression, Graph
from otmaps._symbols import Symbol, trace

Z = np.random.default_rng(3).standard_normal((4, 200))


def written(a, b):
    y = a.copy()
    y += b
    y[y < 0.0] = 0.0
    np.multiply(y, 2.0, out=y)
    return y


def aliased(a, b):
    y = a + 0.0
    w = y
    y -= b
    return w * y


FOLLOWED = {
    "product": lambda a, b: a * b,
    "norm": lambda a, b: np.sqrt(a**2 + b**2),
    "hypot": np.hypot,
    "where": lambda a, b: np.where((a > 0) & ~(b < 1.0), a, -b),
    "where of numbers": lambda a, b: np.where(np.floor(a), b, 1.0),
    "clip": lambda a, b: (
        np.clip(a, -1.0, 1.0) + b.clip(max=0.5) + np.clip(a, a_min=0.0, a_max=None)
    ),
    "select": lambda a, b: np.select([a < 0.0, b < 1.0], [a, b * b], 2.0),
    "piecewise": lambda a, b: np.piecewise(a, [a < 0.0, a >= 0.0], [lambda x: -x, 3.0]) * b,
    "in place": written,
    "aliases": aliased,
    "constants": lambda a, b: a * np.full_like(b, 2.0) + np.zeros(a.shape) + np.float64(3.0),
    "stack": lambda a, b: np.stack([a, b]).sum(axis=0),
    "sum of a list": lambda a, b: np.sum([a, b], axis=0) + sum([a, b]),
    "special functions": lambda a, b: special.expit(a) * special.erf(b),
    "interp": lambda a, b: np.interp(a, [-1.0, 0.0, 2.0], [0.0, 1.0, 5.0]) + np.sinc(b),
    "rounding": lambda a, b: np.round(a, 1) + np.rint(b) + (a > b).astype(float),
    "remainders": lambda a, b: np.mod(a, 1.5) + a // 2.0 + (b % 1.0),
    "asarray": lambda a, b: np.exp(np.asarray(a)) + b,
    "vectorize": np.vectorize(lambda x, y: x * y + 1.0),
    "of one only": lambda a, b: a,
    "a constant": lambda a, b: np.ones_like(a),
    "other operations": lambda a, b: otmaps.lerp(0.3).raw(a, b) * a,
    "long": lambda a, b: sum((a + k) * b for k in range(3000)),
}


@pytest.mark.parametrize("name", FOLLOWED)
def test_what_is_followed_is_the_function(name):
    function = FOLLOWED[name]
    expression = trace(function, 2)
    assert isinstance(expression, Expression), expression
    found, expected = expression(*Z[:2]), function(*Z[:2])
    np.testing.assert_array_max_ulp(np.asarray(found, dtype=float), expected, 1)


def hidden(a):
    try:
        if (a > 0).all():
            return a
    except Exception:  # noqa: BLE001 - what a careless user writes
        pass
    return 2.0 * a


def compared(a):
    try:
        bool(a > 0)
    except TypeError:
        return a
    return -a


def sniffing(a):
    return np.minimum(a, 1e5) if isinstance(a, np.ndarray) else a + 0.0


def shape_dependent(a):
    return a if a.size == 3 else -a


def drawing(a):
    return a + np.random.default_rng().normal()


FAULTS = {
    "bool": (lambda a: a if a > 0 else -a, "numbers"),
    "float": (lambda a: a * float(a), "numbers"),
    "index": (lambda a: a[0] * a, "numbers"),
    "iteration": (lambda a: np.array(list(a)), "numbers"),
    "mean": (lambda a: a - a.mean(), "mean"),
    "sort": (np.sort, "sort"),
    "sum": (np.sum, "sum"),
    "cumsum": (np.add.accumulate, "accumulate"),
    "where=": (lambda a: np.add(a, 1.0, where=[True, False, True]), "where"),
    "dtype": (lambda a: a.astype(np.float32), "float32"),
    "reshaping": (lambda a: np.broadcast_to(a, (2, 3)), "shape"),
    "an array": (lambda a: a + np.arange(3.0), "different"),
    "random array": (lambda a: a + np.random.default_rng(0).normal(size=a.shape), "different"),
    "frexp": (lambda a: np.frexp(a)[0], "frexp"),
    "writes to its argument": (lambda a: a.__setitem__(0, 1.0), "parts of an array"),
    "complex": (lambda a: np.sqrt(a + 0j).real, "complex"),
    "raises": (lambda a: 1 / 0, "ZeroDivisionError"),
    "nothing": (lambda a: None, "NoneType"),
    "hidden": (hidden, "all"),
    "compared": (compared, "numbers"),
    "type": (sniffing, "differently"),
    "shape": (shape_dependent, "differently"),
    "random": (drawing, "differently"),
    "written latents": (lambda a: a.__iadd__(1.0), "differently"),
}


@pytest.mark.parametrize("name", FAULTS)
def test_what_cannot_be_followed_says_why(name):
    function, word = FAULTS[name]
    reason = trace(function, 1)
    assert isinstance(reason, str)
    assert word in reason


def test_equal_steps_are_one_node():
    expression = trace(lambda a, b: np.exp(a * b) + np.sin(np.exp(b * a)), 2)
    names = [getattr(node.function, "__name__", "") for node in expression.nodes]
    assert names.count("exp") == names.count("multiply") == 1


def test_signatures_tell_functions_apart():
    one, same = trace(lambda a, b: a * a + b, 2), trace(lambda a, b: np.square(a) + b, 2)
    other = trace(lambda a, b: b * b + a, 2)
    assert one.signature == same.signature != other.signature
    assert trace(lambda a: a + 1.0, 1).signature != trace(lambda a: a + 2.0, 1).signature


def test_a_matched_operation_inside_another_is_followed():
    normal = otmaps.match(otmaps.vicinity(0.5), "normal", store=None)
    logistic = otmaps.match(otmaps.vicinity(0.5), "logistic", store=None)
    for m in (normal, logistic):

        @otmaps.operation
        def towards(z, u, *, m=m):
            return 0.5 * z + 0.5 * m(z, u)

        op = towards()
        assert isinstance(op.expression, Expression), op.expression
        assert len(op.expression.nodes) == 9
        # A matched operation of arrays takes its sum and its map in one pass: it rounds less often.
        np.testing.assert_allclose(op.expression(*Z[:2]), op.raw(*Z[:2]), rtol=1e-14, atol=1e-15)


def test_the_operation_keeps_its_expression():
    op = otmaps.operation(lambda a, b, *, strength=2.0: a * b * strength)(strength=3.0)
    assert op.expression is op.expression
    np.testing.assert_array_equal(op.expression(*Z[:2]), Z[0] * Z[1] * 3.0)
    assert "mixes" in otmaps.slerp(0.5).expression


def test_symbols_of_two_traces_do_not_mix():
    kept = []
    trace(lambda a: kept.append(a) or a, 1)
    assert "another function" in trace(lambda a: a + kept[0], 1)
    assert isinstance(kept[0], Symbol)


def test_the_number_of_arrays_is_checked():
    with pytest.raises(TypeError, match="takes 2 arrays, got 1"):
        trace(lambda a, b: a * b, 2)(Z[0])


# ------------------------------------------------------------------ kinks, jumps and poles
SWITCHES = {
    "smooth": (lambda a, b: np.exp(a) * b, []),
    "abs": (lambda a, b: np.abs(a - b), [lambda a, b: a - b]),
    "maximum": (lambda a, b: np.maximum(a, b * b), [lambda a, b: a - b * b]),
    "where": (lambda a, b: np.where(a < 0.3, b, 1.0), [lambda a, b: a - 0.3]),
    "clip": (
        lambda a, b: np.clip(a, -1.0, 1.0),
        [lambda a, b: a + 1.0, lambda a, b: np.maximum(a, -1.0) - 1.0],
    ),
    "ratio": (lambda a, b: a / b, [lambda a, b: b]),
    "sign": (lambda a, b: np.sign(a) * b, [lambda a, b: a]),
    "floor": (lambda a, b: np.floor(a), [lambda a, b: np.sin(np.pi * a)]),
    "power": (lambda a, b: np.abs(b) ** 1.5, [lambda a, b: np.abs(b), lambda a, b: b]),
    "remainder": (lambda a, b: a % 2.0, [lambda a, b: np.sin(np.pi * (a / 2.0))]),
}


@pytest.mark.parametrize("name", SWITCHES)
def test_switches_are_where_steps_are_not_smooth(name):
    function, expected = SWITCHES[name]
    found = [switch(*Z[:2]) for switch in trace(function, 2).switches()]
    assert len(found) == len(expected)
    for values in (f(*Z[:2]) for f in expected):
        assert any(np.array_equal(values, other) for other in found)


# --------------------------------------------------------------------------- random functions
UNARY = [np.sin, np.exp, np.abs, np.negative, np.sqrt, np.square, np.tanh, np.floor, np.reciprocal]
BINARY = [np.add, np.subtract, np.multiply, np.divide, np.maximum, np.minimum, np.hypot, np.power]
TREES = st.recursive(
    st.integers(0, 3) | st.floats(-3.0, 3.0).map(float),
    lambda inner: (
        st.tuples(st.sampled_from(UNARY), inner)
        | st.tuples(st.sampled_from(BINARY), inner, inner)
        | st.tuples(st.just(np.where), inner, inner, inner)
    ),
    max_leaves=12,
)


def value(tree, z):
    if isinstance(tree, tuple):
        function, *rest = tree
        arguments = [value(node, z) for node in rest]
        if function is np.where:
            arguments[0] = np.greater(arguments[0], 0.2)
        return function(*arguments)
    return z[tree] if isinstance(tree, int) else tree


@given(TREES)
def test_random_functions_are_followed_exactly(tree):
    def function(*z):
        return value(tree, z) + 0.0 * z[0]

    with np.errstate(all="ignore"):
        expected = function(*Z)
        expression = trace(function, 4)
        assert isinstance(expression, Expression), expression
        found = expression(*Z)
    np.testing.assert_array_equal(found, expected)
    assert expression.root.latents == frozenset().union(*(n.latents for n in expression.nodes))


def test_a_wrong_graph_would_be_seen():
    """The comparison with numbers is what catches a step that is recorded as another one."""
    graph = Graph()
    wrong = Expression(graph.step(np.cos, graph.latent(0)), 1, graph)
    from otmaps._symbols import agrees

    assert not agrees(wrong, np.sin, Z[:1])
    assert agrees(wrong, np.cos, Z[:1])
