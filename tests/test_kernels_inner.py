"""The inner range and the fused sum, against slow plain code; also without JIT."""

from fractions import Fraction

import numpy as np
import pytest

import otmaps
from otmaps import Exponential, Laplace, Logistic, MonotoneMap, Normal, Uniform, monotone_map
from otmaps._kernels import _maps as k
from otmaps._linearity import Linear
from otmaps._map_inner import DEGREES, make_inner, never_falls
from otmaps._map_table import checked_table

PAIRS = {
    "one polynomial, odd": (Logistic(), Normal(), 1e-9, (1, True)),
    "two polynomials, odd": (Laplace(), Normal(), 1e-9, (2, True)),
    "one polynomial": (otmaps.Gumbel(), Normal(), 1e-4, (1, False)),
    "two polynomials": (otmaps.Gumbel(), Logistic(), 1e-9, (2, False)),
    "odd about other centres": (Logistic(0.3, 0.7), Normal(-4.1, 2.0), 1e-9, (1, True)),
}


@pytest.fixture(params=PAIRS, scope="module")
def T(request):
    source, target, tol, _ = PAIRS[request.param]
    return monotone_map(source, target, tol=tol)


def naive(T, y):
    """The map of the inner range at one point, by rational arithmetic; None outside."""
    n, powers = T.table.inner.numbers.tolist(), T.table.inner.powers.tolist()
    d = y - n[k.CENTRE]
    if not n[k.LOWEST] <= d <= n[k.HIGHEST]:
        return None
    w = Fraction(abs(d) if n[k.FOLD] else d)
    cell = int(len(powers) == 2 and w >= Fraction(n[k.KNOT]))
    s = (w - Fraction(n[(k.MIDDLE, k.MIDDLE_2)[cell]])) * Fraction(
        n[(k.INVERSE, k.INVERSE_2)[cell]]
    )
    value = Fraction(0)
    for c in powers[cell]:
        value = value * s + Fraction(c)
    value = max(value, Fraction(0)) if n[k.FOLD] else value
    return float(Fraction(n[k.OFFSET]) + (-value if n[k.FOLD] and d < 0 else value))


def points(T, n=40):
    """Random ones, where polynomials begin and end with the floats beside, far ones, NaN."""
    edges = T.table.inner.edges()
    around = np.concatenate([edges, np.nextafter(edges, -np.inf), np.nextafter(edges, np.inf)])
    rng = np.random.default_rng(0)
    inside = rng.uniform(edges[0], edges[-1], n)
    far = np.array([-np.inf, -1e300, -50.0, 40.0, 1e300, np.inf, np.nan, 0.0, -0.0])
    return rng.permutation(np.concatenate([around, inside, far]))


@pytest.mark.parametrize("name", PAIRS)
def test_few_polynomials_serve(name):
    source, target, tol, (cells, fold) = PAIRS[name]
    T = monotone_map(source, target, tol=tol)
    assert T.error <= tol
    inner = T.table.inner
    assert (len(inner.powers), bool(inner.numbers[k.FOLD])) == (cells, fold)
    assert inner.powers.shape[1] in DEGREES
    edges = inner.edges()
    assert source.cdf(edges[0]) + source.sf(edges[-1]) <= 0.0101
    y = source.ppf(np.linspace(1e-6, 1.0 - 1e-6, 501))
    exact = np.where(y < source.median(), target.ppf(source.cdf(y)), target.isf(source.sf(y)))
    assert np.all(np.abs(T(y) - exact) <= T.error * np.maximum(T.unit, np.abs(exact - T.centre)))


@pytest.mark.needs_jit  # the law of the sum is too large for interpreted kernels
def test_the_core_is_a_whole_number_of_buckets():
    """Of the midpoint of two Gumbel variables it was none once, with an error of 0.4."""
    T = otmaps.match(otmaps.lerp(0.5), otmaps.Gumbel(), store=None).map
    low, high, inverse = T.table.core
    assert ((high - low) * inverse).is_integer()
    assert T.error <= 1e-9


def test_the_inner_range_is_the_naive_one(T):
    served = 0
    for y in points(T):
        truth = naive(T, y)
        if truth is not None:
            served += 1
            size = np.abs(T.table.inner.powers).sum()
            assert abs(T(y) - truth) <= T.table.inner.rounding() + 1e-15 * size
    assert served > 40


def test_the_rest_and_the_cells_have_the_same_map(T):
    """The cells follow the polynomials to rounding; beyond, they serve alone."""
    arrays = dict(T.table.arrays())
    cells = checked_table({name: arrays[name] for name in ("records", "core", "ends")})
    assert not len(cells.inner.powers)
    y = points(T)
    found = np.empty_like(y)
    with np.errstate(all="ignore"):
        cells.evaluate(y, found)
    scale = np.abs(T.table.records[:, k.C0][np.abs(T.table.records[:, k.EDGE]) < 5]).max()
    assert np.allclose(T(y), found, rtol=2e-14, atol=2e-14 * scale, equal_nan=True)


def test_values_never_fall_where_polynomials_meet(T):
    for edge in T.table.inner.edges():
        y = np.sort(edge + np.spacing(np.maximum(abs(edge), 1e-3)) * np.arange(-60, 61))
        assert np.all(np.diff(T(y)) >= 0.0)
    y = np.sort(points(T, 400))
    assert np.all(np.diff(T(y[:-1])[1:-1]) >= 0.0)


@pytest.mark.parametrize("size", [0, 1, 255, 256, 257, 700])
@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_a_value_is_the_same_in_every_array(T, size, dtype):
    with np.errstate(over="ignore"):  # what single precision does not reach is infinite
        y = np.resize(points(T), size).astype(dtype)
        one_by_one = np.array([T(v) for v in y.astype(float)], dtype=float).astype(dtype)
    twice = np.repeat(y, 2)
    frozen = y.copy()
    frozen.flags.writeable = False
    plane = np.asfortranarray(np.stack([y, y]))
    views = [y, twice[::2], y[::-1][::-1], frozen, plane[1], y[::-1]]
    for view in views[:-1]:
        assert np.array_equal(T(view), one_by_one, equal_nan=True)
    assert np.array_equal(T(views[-1]), one_by_one[::-1], equal_nan=True)
    assert T(y).dtype == dtype
    room = np.empty(2 * size, dtype)
    assert T(y, out=room[::2]).base is room
    assert np.array_equal(room[::2], one_by_one, equal_nan=True)
    shared = np.concatenate([y, y[:1]])
    assert np.array_equal(T(shared[:size], out=shared[1:]), one_by_one, equal_nan=True)
    T(y, out=y)
    assert np.array_equal(y, one_by_one, equal_nan=True)


def without_polynomials(T):
    arrays = {name: a for name, a in T.arrays().items() if name not in {"inner", "powers"}}
    return MonotoneMap.from_arrays(arrays, T.metadata())


MAPS = {
    "polynomials": monotone_map(Laplace(), Normal()),
    "cells": without_polynomials(monotone_map(Laplace(), Normal())),
    "straight": monotone_map(Normal(1.0, 2.0), Normal()),
    "straight with ends": monotone_map(Uniform(-1, 3), Uniform()),
    "identity": monotone_map(Normal(), Normal()),
}
FORMS = {
    "two": (Linear((0.7, 0.3), 0.1), np.float64),
    "two, single": (Linear((0.7, 0.3), 0.1), np.float32),
    "three": (Linear((0.2, -1.0, 3.0)), np.float64),
}


@pytest.mark.parametrize("T", MAPS.values(), ids=MAPS)
@pytest.mark.parametrize(("form", "dtype"), FORMS.values(), ids=FORMS)
def test_the_fused_operation_is_the_map_of_the_exact_sum(T, form, dtype):
    rng = np.random.default_rng(2)
    z = [rng.standard_normal(300).astype(dtype) for _ in form.weights]
    y = np.array(
        [
            float(
                Fraction(form.offset)
                + sum(
                    Fraction(w) * Fraction(float(v)) for w, v in zip(form.weights, row, strict=True)
                )
            )
            for row in zip(*z, strict=True)
        ]
    )
    size = sum(abs(w) * np.abs(v.astype(float)) for w, v in zip(form.weights, z, strict=True))
    slack = 4 * np.finfo(float).eps * (size + 1.0)
    low, high = T(y - slack), T(y + slack)
    rounding = np.finfo(dtype).eps * np.maximum(np.abs(low), np.abs(high)) + 1e-15
    found = T.at_sum(form, z)
    assert found.dtype == dtype
    assert np.all((found >= low - rounding) & (found <= high + rounding))
    assert not np.all(T.at_sum(Linear(form.weights, form.offset + 1e-3), z) <= high + rounding)
    # Any layout, any place: the same numbers.
    spread = [np.repeat(v, 3)[1::3] for v in z]
    spread[0].flags.writeable = False
    assert np.array_equal(T.at_sum(form, spread), found)
    assert np.array_equal(T.at_sum(form, [v.reshape(20, 15) for v in z]).ravel(), found)
    first = T.at_sum(form, [z[0][:1], *z[1:]])  # broadcast
    assert first[0] == found[0]
    assert np.array_equal(T.at_sum(form, z, out=z[0]), found)


@pytest.mark.needs_jit  # the law of the sum is too large for interpreted kernels
@pytest.mark.parametrize("prior", [Laplace(), Exponential(), Uniform(), Normal()], ids=repr)
def test_a_matched_operation_is_fused(prior):
    matched = otmaps.match(otmaps.lerp(0.3), prior, store=None, tol=1e-6)
    z1, z2 = prior.rvs(500, 1), prior.rvs(500, 2)
    raw = matched.raw(z1, z2)
    assert np.allclose(matched(z1, z2), matched.map(raw), rtol=1e-12, atol=1e-14)
    assert matched(z1, z2)[7] == matched(z1[7], z2[7])
    with pytest.raises(TypeError, match="takes 2 latents"):
        matched(z1)


@pytest.mark.needs_jit
def test_latents_of_infinite_size_and_nan_in_a_fused_operation():
    inf, nan = np.inf, np.nan
    z1, z2 = np.array([inf, inf, nan, 1.0, -inf]), np.array([1.0, -inf, 0.0, nan, -1e308])
    for prior, top in ((Normal(), inf), (Laplace(), inf), (Uniform(-1, 1), 1.0)):
        matched = otmaps.match(otmaps.lerp(0.5), prior, store=None, tol=1e-6)
        assert np.array_equal(matched(z1, z2), [top, nan, nan, nan, -top], equal_nan=True)
    ends = otmaps.match(otmaps.lerp(0.0), Normal(), store=None)  # what a weight of 0 makes of inf
    with np.errstate(all="ignore"):
        raw = ends.raw(z1, z2)
    assert np.array_equal(ends(z1, z2), raw, equal_nan=True)


def test_a_map_that_is_no_table_never_runs_a_table(monkeypatch):
    matched = otmaps.match(otmaps.lerp(0.5), Normal(), store=None)
    monkeypatch.setattr(k, "evaluate", None)
    assert matched(1.0, 1.0) == pytest.approx(np.sqrt(2.0))
    same = otmaps.match(otmaps.lerp(0.5), otmaps.Cauchy(), store=None).map
    assert same.at_sum(Linear((0.5, 2.0), 1.0), [np.ones(3), np.ones(3)]).tolist() == [3.5] * 3


@pytest.mark.parametrize("s", [1e-6, 0.3, 0.999])
def test_part_of_the_way_has_an_inner_range_too(T, s):
    part = T.strength(s)
    assert part.table.inner.powers.shape == T.table.inner.powers.shape
    y = points(T)
    y = y[np.abs(y) < 20]
    wanted = (1 - s) * y + s * T(y)
    assert np.allclose(part(y), wanted, rtol=2e-14, atol=2e-14 * max(1.0, np.abs(wanted).max()))


def inner_arrays(T):
    return T.table.inner.numbers[: k.BOTTOM].copy(), T.table.inner.powers.copy()


BAD = {
    "NaN": lambda n, p: p.__setitem__((0, 0), np.nan),
    "falling": lambda n, p: p.__setitem__((0, -2), -1.0),
    "above the second": lambda n, p: p.__setitem__((0, -1), p[0, -1] + 1e-9),
    "outside": lambda n, p: n.__setitem__(k.INVERSE, 2 * n[k.INVERSE]),
    "lopsided": lambda n, p: n.__setitem__(k.LOWEST, 0.5 * n[k.LOWEST]),
    "grain": lambda n, p: n.__setitem__(k.STEP, 7.0),
    "knot": lambda n, p: n.__setitem__(k.KNOT, 2 * n[k.HIGHEST]),
    "fold": lambda n, p: n.__setitem__(k.FOLD, 0.5),
}


@pytest.mark.parametrize("spoil", BAD.values(), ids=BAD)
def test_a_spoilt_inner_range_never_reaches_a_kernel(spoil):
    T = monotone_map(Laplace(), Normal())
    numbers, powers = inner_arrays(T)
    assert never_falls(make_inner(numbers, powers))
    checked_table({**T.arrays(), "inner": numbers, "powers": powers})
    spoil(numbers, powers)
    with pytest.raises(ValueError, match="inner range"):
        checked_table({**T.arrays(), "inner": numbers, "powers": powers})


def test_an_inner_range_that_leaves_its_cells_never_reaches_a_kernel():
    T = monotone_map(Laplace(), Normal())
    arrays = {name: array.copy() for name, array in T.arrays().items()}
    checked_table(arrays)
    for name, index, change in (("powers", (slice(None), -1), 1e-8), ("inner", k.OFFSET, 1e-8)):
        bad = {key: array.copy() for key, array in arrays.items()}
        bad[name][index] += change
        with pytest.raises(ValueError):
            checked_table(bad)
    for shape in ((1, 9), (3, 8)):
        with pytest.raises(ValueError):
            checked_table({**arrays, "powers": np.ones(shape)})
