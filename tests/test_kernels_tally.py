"""The compiled code that counts draws and compares replicates, against plain code."""

import itertools

import numpy as np
import pytest

from otmaps._estimators import _tallying
from otmaps._kernels._replicates import subset_distances
from otmaps._kernels._tally import buckets, tally

LAWS = {
    "normal": lambda rng, n: rng.normal(size=n),
    "far from 0": lambda rng, n: 1e6 + 1e-3 * rng.normal(size=n),
    "cauchy": lambda rng, n: rng.standard_cauchy(n),
    "many magnitudes": lambda rng, n: np.exp(20.0 * rng.normal(size=n)),
    "both signs, many magnitudes": lambda rng, n: (
        np.exp(30.0 * rng.normal(size=n)) * rng.choice([-1.0, 1.0], n)
    ),
    "two far modes": lambda rng, n: rng.normal(size=n) + 1e9 * rng.integers(0, 2, n),
    "atoms": lambda rng, n: np.clip(rng.normal(size=n), -1.0, 0.0),
    "huge": lambda rng, n: 1e307 * rng.normal(size=n),
    "tiny": lambda rng, n: 1e-310 * rng.normal(size=n),
}


@pytest.mark.parametrize("law", LAWS)
def test_every_draw_is_counted_in_its_cell(law):
    rng = np.random.default_rng(0)
    pilot, draws = LAWS[law](rng, 600), LAWS[law](rng, 500)
    cells = _tallying.Cells.of(np.sort(pilot), 100, 5, 0.01)
    edges = cells.edges
    # Edges themselves, and their neighbours, are where a guide goes wrong.
    values = np.concatenate(
        [draws, edges, np.nextafter(edges, -np.inf), np.nextafter(edges, np.inf)]
    )
    counts = np.zeros(edges.size - 1, dtype=np.int64)
    low, high = np.empty(values.size), np.empty(values.size)
    lower, upper, missing = tally(values, edges, cells.guide, cells.frame, counts, low, high)
    place = np.searchsorted(edges, values, side="right") - 1
    inside = (place >= 0) & (place < counts.size)
    np.testing.assert_array_equal(counts, np.bincount(place[inside], minlength=counts.size))
    np.testing.assert_array_equal(low[:lower], values[place < 0])
    np.testing.assert_array_equal(high[:upper], values[values >= edges[-1]])
    assert missing == 0


def test_nan_is_missing_and_infinities_are_outside():
    cells = _tallying.Cells.of(np.linspace(0.0, 1.0, 100), 10, 2, 0.01)
    values = np.array([np.nan, -np.inf, 0.5, np.inf, np.nan, np.nan])
    counts = np.zeros(cells.edges.size - 1, dtype=np.int64)
    low, high = np.empty(6), np.empty(6)
    found = tally(values, cells.edges, cells.guide, cells.frame, counts, low, high)
    assert tuple(found) == (1, 1, 3)
    assert counts.sum() == 1


@pytest.mark.filterwarnings("ignore:overflow")  # of interpreted kernels: infinity has a bucket too
def test_buckets_never_fall():
    values = np.sort(np.concatenate([LAWS[law](np.random.default_rng(1), 50) for law in LAWS]))
    for frame in [(0.0, 1.0, 44, 2**10), (3.0, 1e-5, 46, 2**8), (-1e6, 1e290, 40, 2**12)]:
        found = np.empty(values.size, dtype=np.int64)
        buckets(values, frame, found)
        assert np.all(np.diff(found) >= 0)
        assert found.min() >= 0
        assert found.max() < 2 * frame[3]


def test_distances_of_subsets_are_those_of_plain_sums():
    gaps = np.random.default_rng(2).normal(size=(6, 700))
    for size in (1, 2, 3):
        members = np.array([*itertools.combinations(range(6), size)])
        found = np.empty(len(members))
        subset_distances(gaps, members, found)
        plain = [np.abs(gaps[rows].mean(axis=0)).max() for rows in members]
        np.testing.assert_allclose(found, plain, rtol=1e-14)
