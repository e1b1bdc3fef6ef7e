"""Operations: the decorator, the registry, the built-ins, and the proof that one is affine."""

from __future__ import annotations

import functools
import pickle

import numpy as np
import pytest

from otmaps._built_in import analogy, barycenter, lerp, linear, slerp, vicinity
from otmaps._linearity import linear_form
from otmaps._operations import Operation, check_elementwise
from otmaps._registry import operation, operations


def hide_the_branch(a, b):
    try:
        return np.where(a > 1e200, 0.0, a + b)
    except TypeError:
        return a + b


AFFINE = {
    "plain": (lambda a, b: a + 0.3 * (a - b), (1.3, -0.3), 0.0),
    "a third": (lambda a, b, c: (a + b + c) / 3, (1 / 3, 1 / 3, 1 / 3), 0.0),
    "mean of a list": (lambda a, b: np.mean([a, b], axis=0), (0.5, 0.5), 0.0),
    "average": (
        lambda a, b: np.average(np.stack([a, b]), axis=0, weights=[0.25, 0.75]),
        (0.25, 0.75),
        0.0,
    ),
    "tensordot": (lambda a, b: np.tensordot([0.25, 0.75], [a, b], 1), (0.25, 0.75), 0.0),
    "matmul": (lambda a, b: np.array([0.25, 0.75]) @ np.stack([a, b]), (0.25, 0.75), 0.0),
    "ufunc": (np.subtract, (1.0, -1.0), 0.0),
    "offset": (lambda a, b: 2 * a + 3 + 0 * b, (2.0, 0.0), 3.0),
    "negative": (lambda a, b: -b, (0.0, -1.0), 0.0),
    "constant": (lambda a, b: 0 * a + 0 * b + 7, (0.0, 0.0), 7.0),
    "sum": (lambda a, b: sum([a, b]), (1.0, 1.0), 0.0),
}

NOT_AFFINE = {
    "clip far out": lambda a, b: np.clip(a + b, -1e9, 1e9),
    "clip beyond all probes": lambda a, b: np.clip(a + b, -1e300, 1e300),
    "branch far out": lambda a, b: np.where(np.abs(a) < 1e200, a + b, 0.0),
    "branch on all": lambda a, b: a + b if np.all(a < 1e250) else a,
    "branch hidden in an except clause": hide_the_branch,
    "other rule for symbols": lambda a, b: a + b if a.dtype == object else a * b,
    "product": lambda a, b: a * b,
    "square": lambda a, b: a * a + b,
    "modulus": lambda a, b: abs(a) + b,
    "maximum": np.maximum,
    "tiny bend": lambda a, b: a + b + 1e-9 * np.tanh(a),
    "sine": lambda a, b: np.sin(a) + b,
    "mixes entries": lambda a, b: a - np.mean(a) + b,
    "reversed": lambda a, b: a[::-1] + b,
    "rolled": lambda a, b: np.roll(a, 1) + b,
    "sorted": lambda a, b: np.sort(a) + b,
    "rounded": lambda a, b: np.rint(a) + b,
    "single precision": lambda a, b: (a + b).astype(np.float32),
    "wrong shape": lambda a, b: (a + b)[:2],
    "weights by entry": lambda a, b: a * np.arange(len(a)) + b,
    "infinite weight": lambda a, b: a * np.inf + b,
    "ratio": lambda a, b: a / b,
    "random": lambda a, b: a + np.random.default_rng().normal(),
}


@pytest.mark.parametrize("case", AFFINE)
def test_an_affine_function_is_recognised(case):
    function, weights, offset = AFFINE[case]
    form = linear_form(function, len(weights))
    assert form is not None
    assert form.weights == pytest.approx(weights, rel=4e-16)
    assert form.offset == offset


@pytest.mark.parametrize("case", NOT_AFFINE)
def test_a_function_that_is_not_affine_is_never_taken_for_one(case):
    assert linear_form(NOT_AFFINE[case], 2) is None


def test_parameters_enter_the_weights():
    @operation
    def sharpen(z1, z2, *, strength=0.3):
        """Away from the second latent."""
        return z1 + strength * (z1 - z2)

    op = sharpen(strength=0.5)
    assert isinstance(op, Operation)
    assert op.name == "sharpen"
    assert op.latents == ("z1", "z2")
    assert dict(op.parameters) == {"strength": 0.5}
    assert op.linear.weights == (1.5, -0.5)
    assert dict(sharpen().parameters) == {"strength": 0.3}
    assert operations()["sharpen"] == sharpen
    assert sharpen.doc == "Away from the second latent."
    assert repr(op) == "sharpen(strength=0.5)"
    with pytest.raises(TypeError, match="no parameter 'power'"):
        sharpen(power=1)
    with pytest.raises(ValueError, match="strength must be finite"):
        sharpen(strength=float("nan"))
    with pytest.raises(TypeError):
        op.parameters["strength"] = 1.0


def test_any_callable_will_do():
    product = operation(lambda a, b: a * b)()
    assert product.latents == ("a", "b")
    assert product.linear is None
    assert product.raw(3.0, 4.0) == 12.0
    assert "<lambda>" not in operations()
    ufunc = operation(np.hypot)()
    assert ufunc.raw(3.0, 4.0) == 5.0
    total = operation(lambda *z: sum(z), latents=3)()
    assert total.latents == ("z1", "z2", "z3")
    assert total.linear.weights == (1.0, 1.0, 1.0)


@pytest.mark.parametrize(
    ("function", "options", "message"),
    [
        (3, {}, "needs a function"),
        (lambda: 1.0, {}, "at least one latent"),
        (lambda *, p=1: p, {}, "at least one latent"),
        (lambda a, b=2: a, {}, "keyword-only"),
        (lambda *z: z[0], {}, "latents="),
        (lambda a, b: a, {"latents": 3}, "takes 2 latents"),
        (max, {}, "cannot be read|latents="),
    ],
)
def test_what_is_no_operation_is_refused(function, options, message):
    with pytest.raises(TypeError, match=message):
        operation(function, **options)


def test_a_required_parameter_is_asked_for():
    @operation
    def scaled(z, *, factor):
        return factor * z

    with pytest.raises(TypeError, match="needs factor"):
        scaled()
    assert scaled(factor=2.0).raw(3.0) == 6.0


def test_the_names_of_built_ins_are_taken():
    assert {"lerp", "barycenter", "vicinity", "analogy", "slerp", "linear"} <= set(operations())
    with pytest.raises(ValueError, match="built-in"):
        operation(lambda a: a, name="lerp")


Z = np.random.default_rng(0).standard_normal((4, 5, 7))


@pytest.mark.parametrize(
    ("op", "expected"),
    [
        (lerp(0.25), 0.75 * Z[0] + 0.25 * Z[1]),
        (lerp(1.5), -0.5 * Z[0] + 1.5 * Z[1]),
        (barycenter([0.1, 0.2, 0.3, 0.4]), np.tensordot([0.1, 0.2, 0.3, 0.4], Z, 1)),
        (vicinity(0.5), Z[0] + 0.5 * Z[1]),
        (analogy(), Z[2] + (Z[1] - Z[0])),
        (linear([2.0, 0.0, -1.0]), 2 * Z[0] - Z[2]),
    ],
    ids=lambda v: getattr(v, "name", ""),
)
def test_built_ins_compute_their_formulas(op, expected):
    latents = Z[: len(op.latents)]
    np.testing.assert_allclose(op.raw(*latents), expected, rtol=1e-14, atol=1e-15)
    assert op.linear.weights == tuple(op.function.weights)
    assert pickle.loads(pickle.dumps(op)) == op


@pytest.mark.parametrize("make", [lerp, slerp])
def test_the_ends_are_exact_and_own_their_memory(make):
    z1, z2 = Z[0].copy(), Z[1].copy()
    z2[0, 0] = np.inf
    start, end = make(0.0).raw(z1, z2), make(1.0).raw(z1, z2)
    np.testing.assert_array_equal(start, z1)
    np.testing.assert_array_equal(end, z2)
    start[:] = 0.0
    assert z1[0, 0] != 0.0


def test_float32_stays_and_others_become_float64():
    single = Z[:2].astype(np.float32)
    assert lerp(0.3).raw(*single).dtype == np.float32
    assert lerp(0.3).raw(single[0], Z[1]).dtype == np.float64
    assert lerp(0.3).raw(np.arange(3), np.arange(3)).dtype == np.float64
    assert isinstance(lerp(0.3).raw(1, 2.0), float)


def test_broadcasting_follows_numpy():
    assert lerp(0.5).raw(Z[0], Z[1, 0]).shape == (5, 7)
    assert lerp(0.0).raw(Z[0, 0], Z[1]).shape == (5, 7)
    assert lerp(0.5).raw(np.zeros((0, 3)), np.zeros(3)).shape == (0, 3)
    with pytest.raises(ValueError, match=r"do not broadcast.*z1 \(5, 7\).*z2 \(3,\)"):
        lerp(0.5).raw(Z[0], np.zeros(3))


def test_barycenter_asks_for_weights_of_sum_one():
    with pytest.raises(ValueError, match=r"sum to 1.*otmaps\.linear"):
        barycenter([0.5, 0.6])


def test_slerp_turns_along_the_great_circle():
    a, b = np.array([1.0, 0.0]), np.array([0.0, 2.0])
    half = slerp(0.5).raw(a, b)
    np.testing.assert_allclose(half, [np.sqrt(0.5), 2 * np.sqrt(0.5)], rtol=1e-15)
    # Each latent of a batch has its own angle; the axis may be any.
    rows = slerp(0.3).raw(Z[0], Z[1])
    for k in range(5):
        np.testing.assert_allclose(rows[k], slerp(0.3).raw(Z[0, k], Z[1, k]), rtol=1e-14)
    np.testing.assert_allclose(slerp(0.3, axis=0).raw(Z[0].T, Z[1].T), rows.T, rtol=1e-14)


@pytest.mark.parametrize(
    ("a", "b", "expected"),
    [
        ([1.0, 1.0], [2.0, 2.0], [1.3, 1.3]),
        ([0.0, 0.0], [2.0, 2.0], [0.6, 0.6]),
        ([1.0, 0.0], [-1.0, 0.0], [0.4, 0.0]),
        ([1.0, 0.0], [1.0, 1e-9], [1.0, 3e-10]),
    ],
)
def test_slerp_is_linear_where_the_circle_is_not_determined(a, b, expected):
    np.testing.assert_allclose(slerp(0.3).raw(a, b), expected, rtol=1e-12)


def test_slerp_refuses_numbers_and_bad_axes():
    with pytest.raises(ValueError, match="at least one axis"):
        slerp(0.5).raw(1.0, 2.0)
    with pytest.raises(ValueError, match="axis=2"):
        slerp(0.5, axis=2).raw(Z[0], Z[1])
    with pytest.raises(TypeError, match="axis"):
        slerp(0.5, axis=0.5)
    assert slerp(0.5).linear is None


def counting():
    calls = []

    def function(z):
        calls.append(0)
        return z + len(calls)

    return function


@pytest.mark.parametrize(
    ("function", "message"),
    [
        (counting(), "a second call"),
        (lambda z: z - z.mean(), "a part of the array"),
        (lambda z: z + np.arange(len(z)), "a reversed array"),
        (np.sqrt, "NaN or infinite"),
    ],
)
def test_impure_and_mixing_functions_are_found_out(function, message):
    draws = [np.random.default_rng(1).standard_normal(16)]
    with pytest.raises(ValueError, match=message):
        check_elementwise(operation(function, name="suspect")(), draws)


def test_a_pure_function_passes():
    draws = [np.random.default_rng(1).standard_normal(16)] * 2
    check_elementwise(operation(lambda a, b: np.tanh(a * b))(), draws)


def test_wrong_results_of_a_function_are_named():
    with pytest.raises(ValueError, match="returned shape"):
        operation(lambda a: a.sum())().raw(Z[0])
    with pytest.raises(TypeError, match="dtype complex"):
        operation(lambda a: a * 1j)().raw(Z[0])


def test_recipes():
    """Equal affine functions share a recipe; a function without a version has none."""
    by_hand = operation(lambda a, b: 0.75 * a + 0.25 * b)()
    assert by_hand.recipe() == lerp(0.25).recipe()
    assert lerp(0.25).recipe() != lerp(0.26).recipe()
    assert operation(lambda a, b: a * b)().recipe() is None
    versioned = operation(lambda a, b, *, p=0.5: a * b * p, version="1", name="scaled product")
    recipe = versioned(p=0.25).recipe()
    assert recipe["version"] == "1"
    assert recipe["parameters"] == {"p": (0.25).hex()}
    edited = operation(lambda a, b, *, p=0.5: a * b * p + (a > 3), version="1", name="edited")
    assert edited(p=0.25).recipe()["probes"] != recipe["probes"]
    with pytest.raises(TypeError, match="no canonical form"):
        versioned(p=object()).recipe()


def test_a_parameter_that_changes_later_changes_no_operation():
    weights = np.array([0.5, 0.5])
    op = operation(lambda a, b, *, w: w[0] * a + w[1] * b)(w=weights)
    weights[0] = 5.0
    assert op.raw(1.0, 1.0) == 1.0
    assert op.linear.weights == (0.5, 0.5)


@pytest.mark.parametrize("weights", [(1e300, 1e300), (1e200, 1e-200), (5e-324, 1.0)])
def test_extreme_weights_stay_linear(weights):
    assert linear(weights).linear.weights == weights


def test_operations_with_array_parameters_compare():
    weighted = operation(lambda a, b, *, w: w[0] * a + w[1] * b)
    first, second = weighted(w=np.array([1.0, 2.0])), weighted(w=np.array([1.0, 2.0]))
    assert first == second
    assert first != weighted(w=np.array([1.0, 3.0]))


def test_parameters_go_by_name():
    with pytest.raises(TypeError, match=r"by name \(p\)"):
        operation(lambda a, *, p=1.0: p * a)(2.0)


def test_functions_without_a_name_are_not_registered():
    before = set(operations())
    operation(functools.partial(lambda a, b: a * b))
    assert set(operations()) == before
