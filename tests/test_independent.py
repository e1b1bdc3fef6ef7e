"""Components with different laws: one map for each group, right for every component."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy import stats
from test_backends import LIBRARIES, make

import otmaps

RUNS = [("normal", 3), ("uniform", 2), "normal", otmaps.Laplace(1.0, 2.0)]
PRIOR = otmaps.Independent(RUNS)
LAWS = PRIOR.expanded()


def worst(z):
    """The largest distance of a component from its law, and what chance allows."""
    found = [stats.kstest(z[:, i], law.cdf).statistic for i, law in enumerate(LAWS)]
    return max(found), 2.2 / math.sqrt(len(z))


@pytest.fixture(scope="module")
def midpoint():
    return otmaps.match(otmaps.lerp(0.5), PRIOR, store=None)


def test_components_of_one_law_share_one_map(midpoint):
    assert PRIOR.dim == 7
    assert [count for _, count in PRIOR.runs] == [3, 2, 1, 1]
    assert len(midpoint.groups) == len(midpoint.map.maps) == 3
    assert midpoint.map.members.tolist() == [0, 0, 0, 1, 1, 0, 2]
    assert midpoint.map.error == max(group.map.error for group in midpoint.groups) <= 1e-9
    assert midpoint.map.error_u < 1e-9
    assert midpoint.map.kind == "mixed"
    assert midpoint.source.dim == 7


def test_every_component_follows_its_law_and_one_map_for_all_fails(midpoint):
    z = PRIOR.rvs((2, 20_000), random_state=0)
    found, allowed = worst(midpoint(*z))
    assert found < allowed
    single = otmaps.match(otmaps.lerp(0.5), "normal", store=None)
    assert worst(single(*z))[0] > 5.0 * allowed
    assert worst(midpoint.raw(*z))[0] > 5.0 * allowed


def test_it_is_the_map_of_each_component_bit_by_bit(midpoint):
    z = PRIOR.rvs((2, 50), random_state=1)
    found = midpoint(*z)
    for i, law in enumerate(LAWS):
        alone = otmaps.match(otmaps.lerp(0.5), law, store=None)
        assert np.array_equal(found[:, i], alone(z[0][:, i], z[1][:, i]))
    raw = midpoint.raw(*z)
    np.testing.assert_allclose(midpoint.map(raw), found, rtol=0, atol=1e-14)
    np.testing.assert_allclose(midpoint.map.inverse(found), raw, rtol=0, atol=1e-12)
    np.testing.assert_allclose(PRIOR.mean(), [law.mean() for law in LAWS])
    np.testing.assert_allclose(PRIOR.std(), [law.std() for law in LAWS])


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_axes_and_out(midpoint, dtype):
    z = PRIOR.rvs((2, 6, 4), random_state=2).astype(dtype)
    expected = midpoint(*z)
    assert expected.dtype == dtype
    first = otmaps.match(otmaps.lerp(0.5), PRIOR, axis=0, store=None)
    assert np.array_equal(np.moveaxis(first(*np.moveaxis(z, -1, 1)), 0, -1), expected)
    out = np.empty_like(expected)
    assert midpoint(*z, out=out) is out
    assert np.array_equal(out, expected)
    eight = otmaps.Independent([*RUNS, "uniform"])
    flat = eight.rvs((2, 5), random_state=3)
    several = otmaps.match(otmaps.lerp(0.5), eight, axis=(1, 2), store=None)
    alone = otmaps.match(otmaps.lerp(0.5), eight, store=None)
    assert np.array_equal(several(*flat.reshape(2, 5, 2, 4)).reshape(5, 8), alone(*flat))
    with pytest.raises(ValueError, match="7 components"):
        midpoint(np.zeros((3, 5)), np.zeros((3, 5)))


def test_inputs_with_laws_of_their_own_split_groups():
    noise = otmaps.Independent([(otmaps.Normal(0.0, 2.0), 2), ("normal", 5)])
    m = otmaps.match(otmaps.vicinity(0.5), PRIOR, inputs={"u": noise}, store=None)
    assert m.map.members.tolist() == [0, 0, 1, 2, 2, 1, 3]
    z, u = PRIOR.rvs(20_000, random_state=0), noise.rvs(20_000, random_state=1)
    found, allowed = worst(m(z, u))
    assert found < allowed
    one = otmaps.match(otmaps.vicinity(0.5), PRIOR, inputs={"u": "uniform"}, store=None)
    assert one.inputs[1].runs == ((otmaps.Uniform(), 7),)
    with pytest.raises(ValueError, match="7"):
        otmaps.match(otmaps.lerp(0.5), PRIOR, inputs=[None, otmaps.Independent([("normal", 6)])])


def test_operations_that_are_not_linear():
    m = otmaps.match(otmaps.operation(np.minimum)(), PRIOR, store=None)
    found, allowed = worst(m(*PRIOR.rvs((2, 20_000), random_state=5)))
    assert found < allowed


@pytest.mark.parametrize(
    ("laws", "error", "message"),
    [
        ("normal", TypeError, "sequence"),
        ([], ValueError, "empty"),
        ([("normal", 0)], ValueError, "at least 1"),
        ([("normal", 2.0)], ValueError, "whole number"),
        ([3], TypeError, "a law is needed"),
    ],
)
def test_what_are_no_laws_is_refused(laws, error, message):
    with pytest.raises(error, match=message):
        otmaps.Independent(laws)


def test_samples_are_laws_too():
    draws = np.linspace(0.0, 1.0, 40)
    prior = otmaps.Independent([(draws, 2), draws**2])
    assert [count for _, count in prior.runs] == [2, 1]
    assert "Empirical" in repr(prior)


@pytest.mark.parametrize("name", LIBRARIES)
def test_arrays_of_other_libraries(name, midpoint):
    library = make(name)
    z = PRIOR.rvs((2, 6), random_state=2)
    arrays = [library.to(x) for x in z]
    if name == "Dask":
        with pytest.raises(TypeError, match="Convert"):
            midpoint(*arrays)
        return
    found = midpoint(*arrays)
    assert type(found) is type(arrays[0])
    np.testing.assert_allclose(library.back(found), midpoint(*z), rtol=0, atol=1e-13)
