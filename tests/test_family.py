"""Families of maps: any parameter, one certificate."""

import dataclasses
import functools
import pickle

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import otmaps
from otmaps._kernels import _cells
from otmaps._kernels import _maps as k
from otmaps._map_exact import ExactMap

RNG = np.random.default_rng(5)


@otmaps.operation
def sharpen(z1, z2, *, strength=0.3):
    return z1 + strength * (z1 - z2)


@functools.cache
def made(name):
    """Families that several tests share."""
    make = {
        "uniform": lambda: otmaps.family(otmaps.lerp, otmaps.Uniform(-1, 1), t=(0, 1), tol=1e-7),
        "laplace": lambda: otmaps.family(otmaps.lerp, otmaps.Laplace(), t=(0, 0.5), tol=1e-6),
        "exponential": lambda: otmaps.family(
            otmaps.vicinity, otmaps.Exponential(), eps=(0.1, 0.5), tol=1e-6
        ),
        "sharpened": lambda: otmaps.family(
            sharpen, otmaps.Uniform(0, 2), strength=(0.1, 0.6), tol=1e-7
        ),
        "two weights": lambda: otmaps.family(
            otmaps.linear, otmaps.Uniform(-1, 1), weights=2, tol=1e-6
        ),
        "two parameters": lambda: otmaps.family(
            lambda a, b: otmaps.linear((1.0, a, b)),
            otmaps.Uniform(-1, 1), a=(0.3, 0.4), b=(0.1, 0.12), tol=1e-6,
        ),
        "normal": lambda: otmaps.family(otmaps.lerp, otmaps.Normal(1.0, 2.0), t=(0, 1)),
    }  # fmt: skip
    return make[name]()


TABULATED = ("uniform", "laplace", "exponential", "sharpened", "two weights", "two parameters")


def drawn(family, rng):
    """Parameters anywhere in the family, half of them close to an end."""
    if "weights" in family.parameters:
        return {"weights": rng.exponential(size=2) * 10.0 ** -rng.uniform(0, 6, 2)}
    found = {}
    for name, (low, high) in family.parameters.items():
        x = 10.0 ** -rng.uniform(0, 12) if rng.random() < 0.5 else rng.random()
        found[name] = low + (high - low) * (1.0 - x if rng.random() < 0.5 else x)
    return found


def points(matched, law, rng):
    """Draws, tails, nodes of cells and their neighbours, next to kinks and next to ends."""
    p = 10.0 ** -rng.uniform(1, 299, 40)
    y = [law.rvs(200, random_state=rng), law.ppf(p), law.isf(p)]
    edges = matched.map.table.records[:, k.EDGE]
    edges = rng.choice(edges, 20)
    y += [edges, np.nextafter(edges, np.inf), np.nextafter(edges, -np.inf)]
    kinks = np.array(law.breakpoints)
    y += [kinks + side * size for side in (-1, 1) for size in (1e-15, 1e-9, 1e-4)]
    low, high = matched.map.domain
    return np.clip(np.concatenate(y), low, high)


def in_unit(gap, exact, map_):
    return np.abs(gap) / np.maximum(map_.unit, np.abs(exact - map_.centre))


def worst_error(family, matched, rng):
    """The largest error of a map, against laws of its own parameters."""
    law = otmaps.pushforward(matched.operation, family.target)
    y = points(matched, law, rng)
    exact = ExactMap(law, family.target)(y)
    return float(in_unit(matched.map(y) - exact, exact, matched.map).max())


@pytest.mark.parametrize("name", TABULATED)
def test_no_map_is_further_off_than_its_family_says(name):
    family, rng = made(name), np.random.default_rng(11)
    assert family.error <= family.tol
    for _ in range(15):
        matched = family(**drawn(family, rng))
        assert worst_error(family, matched, rng) <= matched.map.error <= 1.5 * family.tol


@settings(max_examples=30, deadline=None)
@given(st.floats(0.0, 1.0), st.integers(0, 2**32 - 1))
def test_any_t_of_a_uniform_prior_against_the_trapezoid(t, seed):
    """The law of a lerp of two uniforms in closed form, without the package."""
    family, rng = made("uniform"), np.random.default_rng(seed)
    a, b = max(t, 1.0 - t), min(t, 1.0 - t)
    y = np.concatenate([rng.uniform(-1, 1, 200), [a - b, b - a, -1.0, 1.0]])
    x = np.abs(y)
    if b == 0.0:
        exact = y
    else:
        tail = np.where(x < a - b, 1.0 - x / a, (1.0 - x) ** 2 / (4.0 * a * b))
        exact = np.sign(y) * (1.0 - tail)
    found = family(t).map
    assert np.abs(found(y) - exact).max() <= found.error + 1e-14


def test_a_family_that_was_tampered_with_is_caught():
    family = made("laplace")
    piece = dataclasses.replace(family.pieces[-1], stack=family.pieces[-1].stack.copy())
    piece.stack[:, :, k.C1] *= 1.0 - 1e-3
    bad = dataclasses.replace(family, pieces=(*family.pieces[:-1], piece))
    matched = bad(0.5 - 1e-4)
    assert worst_error(bad, matched, np.random.default_rng(0)) > matched.map.error


@pytest.mark.parametrize("name", ["uniform", "laplace", "normal"])
def test_the_ends_are_the_identity_bit_by_bit(name):
    family = made(name)
    z1, z2 = family.target.rvs((2, 1000), random_state=3)
    low, high = family.parameters["t"]
    assert np.array_equal(family(low)(z1, z2), z1)
    assert family(low).map.kind == "identity"
    if high == 1.0:
        assert np.array_equal(family(t=1.0)(z1, z2), z2)


def test_layers_next_to_the_ends_are_continuous():
    family = made("uniform")
    y = np.linspace(-1, 1, 4001)
    for t in 10.0 ** -np.arange(1.0, 17.0):
        # The map moves no value by more than 2 t there.
        assert np.abs(family(t).map(y) - y).max() <= 2.1 * t + family.error


@pytest.mark.parametrize("name", TABULATED)
def test_values_never_fall_between_neighbouring_floats(name):
    family, rng = made(name), np.random.default_rng(2)
    for _ in range(4):
        map_ = family(**drawn(family, rng)).map
        edges = map_.table.records[:, k.EDGE]
        y = np.concatenate([edges, rng.choice(edges, 400) * (1.0 + rng.normal(size=400) * 1e-3)])
        y = (y.view(np.int64)[:, None] + np.arange(-20, 21)).view(np.float64)
        y = np.sort(y[np.isfinite(y)])
        assert np.all(np.diff(map_(y)) >= 0.0)


def test_inverse_and_derivative_belong_to_the_values():
    map_ = made("laplace").map(0.23)
    y = np.linspace(-6, 6, 1001)
    assert np.abs(map_.inverse(map_(y)) - y).max() < 1e-12
    h = 1e-5
    away = np.abs(y) > 2 * h
    slope = (map_(y + h) - map_(y - h)) / (2 * h)
    assert np.abs(slope - map_.derivative(y))[away].max() < 1e-5
    law = otmaps.pushforward(otmaps.lerp(0.23), otmaps.Laplace())
    exact = law.logpdf(y) - otmaps.Laplace().logpdf(map_(y))
    assert np.mean(np.abs(map_.log_derivative(y) - exact) <= map_.derivative_error) > 0.99


def test_a_path_is_its_frames():
    family = made("uniform")
    z1, z2 = RNG.uniform(-1, 1, (2, 3, 50))
    t = np.linspace(0, 1, 7)
    frames = family.path(z1, z2, t=t)
    assert frames.shape == (7, 3, 50)
    for frame, value in zip(frames, t, strict=True):
        assert np.array_equal(frame, family(value)(z1, z2))
    out = np.empty_like(frames)
    assert family.path(z1, z2, t=t, out=out, threads=2) is out
    assert np.array_equal(out, frames)
    single = family.path(z1.astype(np.float32), z2.astype(np.float32), t=t)
    assert single.dtype == np.float32
    assert family.path(0.25, 0.5, t=t).shape == (7,)
    with pytest.raises(ValueError, match=r"out must have the shape \(7, 3, 50\)"):
        family.path(z1, z2, t=t, out=np.empty((7, 3, 49)))


def test_an_own_parameter_for_each_sample():
    family = made("uniform")
    z1, z2 = RNG.uniform(-1, 1, (2, 4, 2, 3, 3))
    t = np.array([0.1, 0.5, 0.1, 1.0])
    found = family.per_sample(z1, z2, t=t.reshape(4, 1, 1, 1))
    assert np.array_equal(found, family.per_sample(z1, z2, t=t))
    for i, value in enumerate(t):
        assert np.array_equal(found[i], family(value)(z1[i], z2[i]))
    with pytest.raises(ValueError, match="give one value for each frame"):
        family.per_sample(z1, z2, t=t[:3])
    with pytest.raises(ValueError, match="must have one shape"):
        family.per_sample(z1, z2[:3], t=t)


def test_paths_of_another_library():
    xp = pytest.importorskip("array_api_strict")
    family = made("uniform")
    z1, z2 = RNG.uniform(-1, 1, (2, 3, 4))
    t = np.array([0.0, 0.3, 0.9])
    found = family.path(xp.asarray(z1), xp.asarray(z2), t=t)
    assert np.abs(np.asarray(found) - family.path(z1, z2, t=t)).max() < 1e-14
    rows = family.per_sample(xp.asarray(z1), xp.asarray(z2), t=t)
    assert np.abs(np.asarray(rows) - family.per_sample(z1, z2, t=t)).max() < 1e-14


def test_weights_count_by_size_in_any_order_and_scale():
    family = made("two weights")
    y = np.linspace(-0.9, 0.9, 101)
    values = family((0.2, 0.6)).map(y)
    assert np.array_equal(family((0.6, -0.2)).map(y), values)
    assert np.allclose(family((3.0, 1.0)).map(5.0 * y), values, atol=1e-12)
    assert family((0.0, 1.0)).map.kind == "identity"
    assert family((0.0, 4.0)).map(2.0) == 0.5
    with pytest.raises(ValueError, match="2 entries"):
        family((0.2, 0.3, 0.5))
    with pytest.raises(ValueError, match="all 0"):
        family((0.0, 0.0))


def test_straight_maps_take_no_panels():
    family, prior = made("normal"), otmaps.Normal(1.0, 2.0)
    assert (family.panels, family.error) == (0, 0.0)
    y = np.linspace(-5, 9, 50)
    for t in (0.1, 0.5, 0.99):
        alone = otmaps.match(otmaps.lerp(t), prior, store=None)
        assert family(t).map.kind == "affine"
        assert np.array_equal(family(t).map(y), alone.map(y))
        assert family(t).map.error == alone.map.error


def test_a_family_can_be_kept():
    family = made("uniform")
    again = pickle.loads(pickle.dumps(family))
    y = np.linspace(-1, 1, 99)
    assert np.array_equal(again(0.3).map(y), family(0.3).map(y))
    assert "tol=1e-07" in repr(family)


class TestBadInput:
    @pytest.mark.parametrize(
        ("call", "error", "message"),
        [
            (lambda f: f(1.5), ValueError, "t must be from 0 to 1 in this family, got 1.5"),
            (lambda f: f(), TypeError, "the family takes t"),
            (lambda f: f(0.1, 0.2), TypeError, "the family takes t"),
            (lambda f: f(s=0.2), TypeError, "the family takes t"),
            (lambda f: f(float("nan")), ValueError, "t must be"),
            (lambda f: f.path(0.1, 0.2, t=[[0.1]]), ValueError, "one value for each frame"),
            (lambda f: f.path(0.1, 0.2, t=[]), ValueError, "one value for each frame"),
        ],
    )
    def test_of_a_call(self, call, error, message):
        with pytest.raises(error, match=message):
            call(made("uniform"))

    @pytest.mark.parametrize(
        ("op", "prior", "ranges", "error", "message"),
        [
            (otmaps.lerp(0.5), "uniform", {"t": (0, 1)}, TypeError, "what makes the operation"),
            (otmaps.lerp, "uniform", {}, TypeError, "name at least one parameter"),
            (otmaps.lerp, "uniform", {"t": 0.5}, TypeError, "must be a pair"),
            (otmaps.lerp, "uniform", {"t": (1, 0)}, ValueError, "is empty"),
            (otmaps.linear, "uniform", {"weights": 4}, ValueError, "2 or 3 entries"),
            (otmaps.slerp, "normal", {"t": (0, 1)}, otmaps.UnservedError, "mixes components"),
            (
                otmaps.lerp,
                otmaps.Discrete([0.0, 1.0], [0.5, 0.5]),
                {"t": (0, 1)},
                otmaps.UnservedError,
                "has point masses",
            ),
            (
                otmaps.lerp,
                otmaps.Mixture([otmaps.Uniform(0, 1), otmaps.Uniform(2, 3)], [0.5, 0.5]),
                {"t": (0, 1)},
                otmaps.UnservedError,
                "has a gap from 1 to 2",
            ),
        ],
    )
    def test_of_a_family(self, op, prior, ranges, error, message):
        with pytest.raises(error, match=message):
            otmaps.family(op, prior, **ranges)

    def test_atoms_of_the_result(self):
        two = otmaps.Discrete([0.0, 1.0], [0.5, 0.5])
        with pytest.raises(otmaps.AtomError, match="has point masses"):
            otmaps.family(otmaps.lerp, "uniform", inputs=[two, two], t=(0.1, 0.4))

    def test_sampling_serves_no_family(self):
        with pytest.raises(otmaps.UnservedError, match="states no error of its tails"):
            otmaps.family(
                otmaps.lerp, "uniform", t=(0.1, 0.4), method=otmaps.MonteCarlo(n=1000), tol=0.1
            )


@pytest.mark.kernels
class TestCells:
    """The kernels beside plain loops."""

    @staticmethod
    def records(rng, cells=30):
        records = np.zeros((cells + 1, 8))
        records[:, k.EDGE] = np.cumsum(rng.exponential(size=cells + 1))
        records[:, k.C0] = np.cumsum(rng.normal(0.3, 1.0, cells + 1))
        records[:-1, k.C1 :] = rng.normal(size=(cells, 5)) * 0.1
        return records

    @pytest.mark.parametrize("seed", range(5))
    def test_settled_cells_are_in_order_and_inside(self, seed):
        records = self.records(np.random.default_rng(seed))
        low, high = np.quantile(records[:, k.C0], [0.2, 0.7])
        moved = np.empty(len(records))
        former = records.copy()
        assert _cells.settle(records, low, high, moved)
        values = records[:, k.C0]
        assert values.min() >= low
        assert values.max() <= high
        assert np.all(np.diff(values) >= 0.0)
        ends = values[:-1] + records[:-1, k.C1 :].sum(axis=1)
        assert np.all(ends <= values[1:])
        assert np.allclose(records[:-1, k.INVERSE_WIDTH] * np.diff(records[:, k.EDGE]), 1.0)
        change = np.abs(records[:-1, k.C0 :] - former[:-1, k.C0 :]).sum(axis=1)
        assert np.all(change <= moved[:-1] * (1.0 + 1e-12) + 1e-15)

    def test_edges_that_do_not_increase_are_refused(self):
        records = self.records(np.random.default_rng(0))
        records[4, k.EDGE] = records[3, k.EDGE]
        assert not _cells.settle(records, -10.0, 10.0, np.empty(len(records)))

    def test_the_largest_move_is_in_the_unit(self):
        records = self.records(np.random.default_rng(1))
        records[:, k.C0] = np.linspace(-50, 50, len(records))
        moved = np.zeros(len(records))
        moved[0] = 1.0
        found = _cells.largest_move(records, moved, 0.0, 2.0)
        assert abs(found - 1.0 / abs(records[1, k.C0])) < 1e-12
        moved[15] = 1.0  # next to the centre the unit is the scale
        assert abs(_cells.largest_move(records, moved, 0.0, 2.0) - 0.5) < 1e-12

    @pytest.mark.parametrize("seed", range(5))
    def test_straightened_cells_rise_as_before(self, seed):
        rng = np.random.default_rng(seed)
        records = self.records(rng)
        rise = np.maximum(records[:-1, k.C1 :].sum(axis=1), 0.0)
        records[3, k.C1 :] = -1e-14, 1.0, 0.5, 0.0, 0.0  # flat at its left end, but for rounding
        rise[3] = 1.5
        proven = rng.random(len(records) - 1) < 0.3
        proven[3] = False
        former, moved = records.copy(), np.zeros(len(records))
        _cells.straighten(records, proven, moved, 1e-12)
        c = records[:-1, k.C1 :]
        assert np.array_equal(records[:-1][proven], former[:-1][proven])
        assert np.all(c[~proven] >= 0.0)
        assert np.allclose(c.sum(axis=1)[~proven], rise[~proven], atol=1e-12)
        assert abs(records[3, k.C2] - 1.0) < 1e-12
        assert moved[3] < 1e-12
        change = np.abs(c - former[:-1, k.C1 :]).sum(axis=1)
        assert np.all(change <= moved[:-1] + 1e-12)
