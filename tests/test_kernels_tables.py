"""The compiled checks and the index of tables, against plain loops; also without JIT."""

import math

import naive
import numpy as np
import pytest

from otmaps._kernels import _maps as k
from otmaps._kernels import _tables
from otmaps._map_proof import never_falls, slopes
from otmaps._map_table import checked_table

SIDES = [(False, False), (True, False), (False, True), (True, True)]


@pytest.fixture(autouse=True)
def quiet():
    with np.errstate(all="ignore"):  # interpreted kernels warn of overflow, as NumPy does
        yield


@pytest.fixture(params=range(4), ids=["infinite", "low end", "high end", "both ends"])
def arrays(request):
    return naive.random_table(np.random.default_rng(request.param), finite=SIDES[request.param])


def test_the_index_of_the_core_is_the_one_by_search(arrays):
    table = checked_table(arrays)
    edges, core = table.records[:, 0], table.core
    for i in range(32):
        start, end = core[0] + i / core[2], core[0] + (i + 1) / core[2]
        first = max(c for c in range(len(edges)) if edges[c] <= start)
        last = max(c for c in range(len(edges)) if edges[c] < end)
        assert table.index.guide[i] == (first if first == last else -1 - first)


@pytest.mark.parametrize("side", [k.LOW, k.HIGH])
def test_a_bucket_of_an_end_begins_left_of_all_its_points(arrays, side):
    table = checked_table(arrays)
    edges, end = table.records[:, 0], table.index.ends[side]
    start, count = int(end[k.START]), int(end[k.COUNT])
    own = (edges[:-1] >= table.core[1]) if side == k.HIGH else (edges[1:] <= table.core[0])
    cells = np.flatnonzero(own)
    assert start + count <= len(table.index.guide)
    for cell in cells:
        y = np.linspace(edges[cell], np.nextafter(edges[cell + 1], -math.inf), 20)
        for d in end[k.SIGN] * (y - end[k.ANCHOR]):
            number = k.bucket(d, end[k.PER_OCTAVE]) - int(end[k.FIRST])
            assert 0 <= number < count
            assert cells[0] <= table.index.guide[start + number] <= cell
    # And few cells lie between: those in the bucket of a point alone.
    guide = table.index.guide[start : start + count]
    assert {cells[0], cells[-1]} <= set(guide.tolist()) | {cells[0], cells[-1]}
    assert len(set(guide.tolist())) > len(cells) / 3


def test_cubics_are_those_of_their_cells(arrays):
    arrays["records"] = straight(arrays)
    table = checked_table(arrays)
    assert table.index.cubics.shape == (32, 4)
    whole = 0
    for i, row in enumerate(table.index.cubics):
        cell = table.index.guide[i]
        record = table.records[max(cell, 0)]
        if i >= k.COARSE and cell >= 0 and record[1] == table.core[2]:
            np.testing.assert_array_equal(row, record[2:6])
            whole += 1
        else:
            assert np.isnan(row).all()
    assert whole >= 16


def straight(arrays):
    """Records whose core is 32 cubic cells on the buckets, but for one bucket with two cells."""
    old = arrays["records"]
    grid = np.concatenate([np.arange(-2, 2, 1 / 8), [0.3]])
    edges = np.unique(np.concatenate([old[old[:, 0] < -2, 0], grid, old[old[:, 0] >= 2, 0]]))
    records = np.zeros((len(edges), 8))
    records[:, 0] = edges
    records[:-1, 1] = 1 / np.diff(edges)
    records[:, 2] = np.arange(len(edges)) - 20.5
    records[:-1, 3:6] = [0.5, 0.1, 0.3]
    return records


SPOILS = {
    "NaN": math.nan,
    "infinite": math.inf,
    "minus infinity": -math.inf,
}


@pytest.mark.parametrize("value", SPOILS.values(), ids=SPOILS)
def test_what_is_not_finite_is_found_wherever_it_stands(arrays, value):
    records = arrays["records"]
    for row in (0, 1, len(records) // 2, len(records) - 2, len(records) - 1):
        for column in range(8):
            bad = records.copy()
            bad[row, column] = value
            with pytest.raises(ValueError, match=r"finite|increase|widths|monotone"):
                checked_table({**arrays, "records": bad})


FAULTS = {
    "the edges": (
        lambda a: a["records"].__setitem__((7, 0), a["records"][6, 0]),
        "do not increase",
    ),
    "the widths": (lambda a: a["records"].__setitem__((7, 1), 1e-3), "do not belong"),
    "a value": (lambda a: a["records"].__setitem__((7, 2), -1e3), "monotone|above the beginning"),
    "a slope": (lambda a: a["records"].__setitem__((7, 3), -1e-2), "monotone"),
    "an end": (lambda a: a["records"].__setitem__((7, 3), 1e3), "above the beginning"),
    "the core": (lambda a: a["core"].__setitem__(0, -1e3), "not inside its edges"),
    "the buckets": (lambda a: a["core"].__setitem__(2, 7.9), "whole buckets"),
    "many buckets": (lambda a: a["core"].__setitem__(2, 2.0**20), "whole buckets"),
    "lower, finite": (lambda a: a["ends"].__setitem__((0, 4), math.inf), "lower end .* not finite"),
    "upper, finite": (lambda a: a["ends"].__setitem__((1, 4), math.nan), "upper end .* not finite"),
    "lower, anchor": (lambda a: a["ends"].__setitem__((0, 6), 1e-3), "lower end .* anchored"),
    "upper, support": (lambda a: a["ends"].__setitem__((1, 2), 0.0), "upper end .* lies before"),
    "upper, power": (lambda a: a["ends"].__setitem__((1, 5), -a["ends"][1, 5]), "upper .* back"),
}


@pytest.mark.parametrize("name", FAULTS)
def test_each_fault_is_named(arrays, name):
    spoil, message = FAULTS[name]
    checked_table(arrays)
    spoil(arrays)
    with pytest.raises(ValueError, match=message):
        checked_table(arrays)


def test_cells_that_are_proven_rise_from_step_to_step():
    rng = np.random.default_rng(0)
    records = np.zeros((2001, 8))
    records[:-1, 3:] = rng.normal(size=(2000, 5)) * 10.0 ** rng.uniform(-18, 2, (2000, 5))
    records[:-1, 3] = np.abs(records[:-1, 3])
    records[:, 1] = 1.0
    proven = never_falls(records, 0.0)
    least = (slopes(records[:-1, 3:]) @ np.linspace(0, 1, 101) ** np.arange(5)[:, None]).min(axis=1)
    assert 100 < proven.sum() < 1900
    size = np.abs(records[:-1, 3:]).sum(axis=1)
    assert np.all(least[proven] >= -1e-15 * size[proven])
    # Each proven cell, evaluated as the kernel does at neighbouring steps of s.
    for row in records[:-1][proven][:60]:
        s = rng.integers(0, 2**48, 40).astype(float) * k.GRAIN
        c = row[3:].tolist()
        for a in s:
            low, high = (x * horner(c, x) for x in (a, min(a + k.GRAIN, 1.0)))
            assert low <= high


def horner(c, s):
    value = 0.0
    for x in reversed(c):
        value = value * s + x
    return value


def test_rows_of_the_inner_range_must_be_there(arrays):
    """An inner range between two edges has no row that it could be held to."""
    numbers, powers = np.zeros(k.TOP + 1), np.ones((1, 8))
    edge, after = arrays["records"][20:22, 0]
    numbers[k.CENTRE] = 0.5 * (edge + after)
    numbers[[k.LOWEST, k.HIGHEST]] = -0.1 * (after - edge), 0.1 * (after - edge)
    assert not _tables.follows(arrays["records"], numbers, powers, 1e9)
    numbers[[k.LOWEST, k.HIGHEST]] = -100.0, 100.0
    assert not _tables.follows(arrays["records"], numbers, powers, 1e9)
