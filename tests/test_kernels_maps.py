"""The compiled code against slow plain code, on tables that no law made; also without JIT."""

import math

import naive
import numpy as np
import pytest

from otmaps._kernels import _maps as k
from otmaps._map_table import checked_table, read_only

SIDES = [(False, False), (True, False), (False, True), (True, True)]


@pytest.fixture(params=range(4), ids=["infinite", "low end", "high end", "both ends"])
def arrays(request):
    return naive.random_table(np.random.default_rng(request.param), finite=SIDES[request.param])


@pytest.fixture
def table(arrays):
    return checked_table(arrays)


def points_of(arrays, rng):
    """Random points, edges and their neighbours, borders of buckets, far points, support ends."""
    edges = arrays["records"][:, 0]
    buckets = np.arange(-2, 2.01, 1 / 8)
    special = np.concatenate([edges, buckets, arrays["ends"][:, 2], [0.0, 1e-300, 1e300, -1e300]])
    near = np.concatenate([special, np.nextafter(special, -np.inf), np.nextafter(special, np.inf)])
    return np.concatenate([rng.uniform(edges[0] - 1, edges[-1] + 1, 60), near])


def evaluated(table, points):
    out = np.empty_like(points)
    with np.errstate(all="ignore"):  # interpreted kernels warn of overflow, as NumPy does
        table.evaluate(points, out)
    return out


def close(found, truth, scale=1.0):
    # Horner's rule and plain powers round differently; each term is below the largest value.
    return np.allclose(found, truth, rtol=1e-13, atol=1e-13 * scale, equal_nan=True)


def test_evaluation_is_the_naive_one(arrays, table):
    y = points_of(arrays, np.random.default_rng(5))
    truth = np.array([naive.value(p, arrays) for p in y])
    jump = np.isclose(truth, evaluated(table, y), rtol=1e-9)
    assert close(evaluated(table, y)[jump], truth[jump], np.abs(arrays["records"][:, 2]).max())
    # Rounding may put a point into the next cell only where the map jumps and y is next to an edge.
    edges = arrays["records"][:, 0]
    for p in y[~jump]:
        assert np.abs(edges - p).min() <= 4e-16 * 8


def test_every_bucket_of_the_core_leads_to_the_cell_of_its_points(arrays, table):
    y = np.random.default_rng(2).uniform(-2, 2, 300)
    for p in y:
        cell = k._cell(p, table.records, table.index.guide, table.core, table.index.ends)
        assert cell == naive.cell_of(p, arrays["records"])


def test_a_cubic_core_gives_the_values_of_its_cells():
    arrays = naive.random_table(np.random.default_rng(3), cells=20)
    edges = np.unique(np.concatenate([arrays["records"][:, 0], np.arange(-2, 2, 1 / 8)]))
    y0 = np.array([naive.value(e, arrays) for e in edges])
    records = np.zeros((edges.size, 8))
    records[:, 0], records[:, 2] = edges, y0
    records[:-1, 1] = 1 / np.diff(edges)
    records[:-1, 3] = np.diff(y0) * (1 - 1e-13)
    arrays["records"] = records
    table = checked_table(arrays)
    assert table.index.cubics.shape == (32, 4)
    # The first buckets go by the guide: there the coordinate has too fine steps for the proof.
    assert np.isnan(table.index.cubics).all(axis=1).tolist() == [True] * k.COARSE + [False] * 28
    y = np.random.default_rng(4).uniform(edges[0], edges[-1], 400)
    assert close(evaluated(table, y), [naive.value(p, arrays) for p in y], np.abs(y0).max())


def test_inverse_is_the_naive_one(arrays, table):
    values = arrays["records"][:, 2]
    z = np.random.default_rng(6).uniform(values[0], values[-1], 40)
    out = np.empty_like(z)
    table.invert(z, out)
    assert np.allclose(out, [naive.inverse(v, arrays) for v in z], rtol=1e-12, atol=1e-12)


def test_derivative_is_the_slope_of_the_values(arrays, table):
    y = np.random.default_rng(7).uniform(-2, 2, 100)
    step = 1e-6
    edges = arrays["records"][:, 0]
    y = y[np.abs(edges[:, None] - y).min(axis=0) > 2 * step]
    slope = np.empty_like(y)
    table.differentiate(y, slope)
    difference = (evaluated(table, y + step) - evaluated(table, y - step)) / (2 * step)
    # Central differences: the third derivative (up to 1e5 in short cells) times step^2.
    assert np.allclose(slope, difference, rtol=1e-5, atol=1e-5)


def test_beyond_the_cells_derivative_and_inverse_belong_to_the_power_law(arrays, table):
    for side, sign in ((k.LOW, -1.0), (k.HIGH, 1.0)):
        edge, support = arrays["records"][-side, 0], arrays["ends"][side, 2]
        far = edge + sign * (0.2 if math.isfinite(support) else 10.0)
        y = np.array([far, far + 1e-6])
        z, slope, back = evaluated(table, y), np.empty(2), np.empty(2)
        table.differentiate(y, slope)
        table.invert(z, back)
        assert back == pytest.approx(y, rel=1e-13)
        assert slope[0] == pytest.approx((z[1] - z[0]) / 1e-6, rel=1e-5)


def test_values_never_fall(arrays, table):
    edges = arrays["records"][:, 0]
    rng = np.random.default_rng(8)
    around = edges[:, None] + np.spacing(edges)[:, None] * np.arange(-20, 21)
    y = np.sort(np.concatenate([around.ravel(), rng.uniform(edges[0] - 3, edges[-1] + 3, 1000)]))
    z = evaluated(table, y)
    z = z[np.isfinite(z)]
    assert np.all(np.diff(z) >= -np.spacing(np.abs(z[1:])))


def test_nan_and_limits(arrays, table):
    y = np.array([math.nan, -math.inf, math.inf, *arrays["ends"][:, 2]])
    z = evaluated(table, y)
    assert math.isnan(z[0])
    assert z[1:].tolist() == [-math.inf, math.inf, -math.inf, math.inf]
    slope, back = np.empty_like(y), np.empty_like(y)
    table.differentiate(y, slope)
    assert math.isnan(slope[0])
    assert slope[1:].tolist() == [0.0] * 4
    table.invert(z, back)
    assert math.isnan(back[0])
    assert back[1:].tolist() == [*arrays["ends"][:, 2]] * 2


def test_buckets_grow_with_the_distance():
    d = np.concatenate([2.0 ** np.arange(-1000, 1000, 7), np.linspace(0.1, 9, 200)])
    numbers = [k.bucket(x, 4.0) for x in np.sort(d)]
    assert numbers == sorted(numbers)
    assert k.bucket(2.0, 4.0) - k.bucket(1.0, 4.0) == 4
    assert k.bucket(1.3, 4.0) - k.bucket(1.2, 4.0) == 1


def test_line_and_back():
    y = np.array([-1e9, -1.0, 0.25, 1e9, math.nan, math.inf])
    out, back = np.empty_like(y), np.empty_like(y)
    k.multiply_add(read_only((y,)), (2.0,), 1.0, out, (-3.0, 3.0))
    assert out.tolist()[:4] == [-3.0, -1.0, 1.5, 3.0]
    assert math.isnan(out[4])
    assert out[5] == 3.0
    k.divide_back(out, back, (2.0, 1.0, -2.0, 1.0))
    assert back.tolist()[:4] == [-2.0, -1.0, 0.25, 1.0]
    assert math.isnan(back[4])


def test_single_precision_is_computed_in_double(arrays, table):
    y = np.random.default_rng(9).uniform(-4, 4, 50).astype(np.float32)
    out = np.empty_like(y)
    table.evaluate(y, out)
    assert out.tolist() == evaluated(table, y.astype(float)).astype(np.float32).tolist()


BAD = {
    "NaN": lambda a: a["records"].__setitem__((5, 4), math.nan),
    "edge": lambda a: a["records"].__setitem__((5, 0), a["records"][6, 0]),
    "width": lambda a: a["records"].__setitem__((5, 1), 2 * a["records"][5, 1]),
    "falling values": lambda a: a["records"].__setitem__((5, 2), a["records"][4, 2] - 1),
    "falling polynomial": lambda a: a["records"].__setitem__((5, 3), -1.0),
    "overshoot": lambda a: a["records"].__setitem__((5, 3), 1e3),
    "core": lambda a: a["core"].__setitem__(1, 2.01),
    "buckets": lambda a: a["core"].__setitem__(2, 1e9),
    "core beyond": lambda a: a["core"].__setitem__(0, -1e3),
    "sign": lambda a: a["ends"].__setitem__((0, 1), 0.5),
    "anchor": lambda a: a["ends"].__setitem__((0, 0), a["records"][0, 0]),
    "support": lambda a: a["ends"].__setitem__((1, 2), 0.0),
    "limit": lambda a: a["ends"].__setitem__((1, 3), -1e9),
    "power": lambda a: a["ends"].__setitem__((1, 5), -a["ends"][1, 5]),
    "NaN end": lambda a: a["ends"].__setitem__((1, 3), math.nan),
    "float32": lambda a: a.__setitem__("records", a["records"].astype(np.float32)),
    "shape": lambda a: a.__setitem__("records", a["records"][:, :7]),
    "ends": lambda a: a.__setitem__("ends", a["ends"][:1]),
    "missing": lambda a: a.pop("core"),
}


@pytest.mark.parametrize("spoil", BAD.values(), ids=BAD)
def test_a_spoilt_table_never_reaches_a_kernel(spoil, arrays):
    spoil(arrays)
    with pytest.raises(ValueError):
        checked_table(arrays)
