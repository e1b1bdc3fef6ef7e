"""One map, the same numbers, whatever library the array is of.

Each library of `LIBRARIES` runs where it is installed; CuPy needs a device too.
"""

from __future__ import annotations

import functools
import pickle
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest

import otmaps


def installed(name: str) -> Any:
    """A package, or a skip; whatever it warns of on import is its own matter."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return pytest.importorskip(name, exc_type=ImportError)


@dataclass(frozen=True)
class Library:
    """How arrays go to a library and come back."""

    name: str
    package: Any
    to: Callable[[Any], Any]
    back: Callable[[Any], Any]


def make(name: str) -> Library:
    if name == "array API":
        xp = installed("array_api_strict")
        return Library(name, xp, xp.asarray, np.asarray)
    if name == "Dask":
        da = installed("dask.array")
        return Library(name, da, lambda a: da.from_array(a, chunks=7), lambda a: a.compute())
    if name == "torch":
        torch = installed("torch")
        return Library(name, torch, lambda a: torch.from_numpy(np.array(a)), lambda a: a.numpy())
    if name == "JAX":
        jax = installed("jax")
        jax.config.update("jax_enable_x64", True)
        return Library(name, jax, jax.numpy.asarray, np.asarray)
    cupy = installed("cupy")
    if not cupy.cuda.is_available():
        pytest.skip("no CUDA device")
    return Library(name, cupy, cupy.asarray, cupy.asnumpy)


LIBRARIES = ["array API", "Dask", "torch", "JAX", "CuPy"]


@pytest.fixture(scope="module", params=LIBRARIES)
def library(request):
    return make(request.param)


MAKERS = {
    "uniform": lambda: otmaps.match(otmaps.lerp(0.3), otmaps.Uniform(-1, 1), store=None).map,
    "laplace": lambda: otmaps.match(otmaps.lerp(0.3), "laplace", store=None).map,
    "exponential": lambda: otmaps.match(otmaps.lerp(0.3), "exponential", store=None).map,
    "cauchy": lambda: otmaps.monotone_map("normal", "cauchy", tol=1e-6),
    "affine": lambda: otmaps.monotone_map(otmaps.Normal(1, 2), otmaps.Normal(0, 1)),
    "between ends": lambda: otmaps.monotone_map(otmaps.Uniform(-1, 1), otmaps.Uniform(0, 3)),
    "identity": lambda: otmaps.monotone_map("normal", "normal"),
}


MAPS = {name: functools.cache(make_map) for name, make_map in MAKERS.items()}


@pytest.fixture(scope="module", params=MAPS)
def T(request):
    return MAPS[request.param]()


def points(T, dtype, *, neighbours=True):
    """Draws, the edges of cells and their neighbours, both tails and what is no number."""
    rng = np.random.default_rng(0)
    bulk = T.source.ppf(rng.random(500))
    tails = T.source.ppf(np.array([1e-200, 1e-20, 1e-6]))
    upper = T.source.isf(np.array([1e-200, 1e-20, 1e-6]))
    edges = [] if T.table is None else T.table.records[::9, 0]
    if neighbours:
        edges = np.concatenate([edges, *(np.nextafter(edges, to) for to in (-np.inf, np.inf))])
    special = [np.nan, np.inf, -np.inf, 0.0, -0.0, 1.0, -1.0, 1e3, -1e3]
    with np.errstate(over="ignore"):
        return np.concatenate([bulk, tails, upper, edges, T.support, special]).astype(dtype)


def gap(found, expected):
    """The largest distance in units of the last place, of 1 at least; NaN must stand at NaN."""
    assert found.dtype == expected.dtype
    assert found.shape == expected.shape
    both = np.isnan(found) & np.isnan(expected)
    with np.errstate(invalid="ignore"):
        distance = np.abs(found - expected) / np.maximum(np.abs(expected), 1.0)
    distance = np.where(both | (found == expected), 0.0, distance)
    return float(np.max(distance, initial=0.0) / np.finfo(expected.dtype).eps)


# Polynomials of degree 5 round a few times, without the fused steps of the kernels; a power of
# the distance from an anchor, beyond 1e-300, multiplies the rounding of a logarithm of about 700.
ROUNDINGS = 16.0


def apart(T, dtype):
    """How far the polynomials, which NumPy's kernels use, are from the cells behind them."""
    inner = 0.0 if T.table is None else T.table.inner.rounding()
    return ROUNDINGS + inner / np.finfo(dtype).eps


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize("method", ["__call__", "derivative"])
def test_the_numbers_are_those_of_numpy(library, T, method, dtype):
    # A float next to an edge may be rounded to the other side of it, where the slope differs.
    y, function = points(T, dtype, neighbours=method == "__call__"), getattr(T, method)
    if dtype is np.float32:  # cells of larger values are left to the continuation
        y = y[~(np.isfinite(y) & (np.abs(T(y)) > 1e36))]
    found = library.back(function(library.to(y)))
    expected = function(y)
    assert gap(found, expected) <= (apart(T, dtype) if method == "__call__" else ROUNDINGS)


def test_a_wrong_number_is_caught(T):
    y = points(T, np.float64)
    wrong = np.array(T(y))
    wrong[17] += 2 * ROUNDINGS * np.finfo(float).eps * max(1.0, abs(wrong[17]))
    assert gap(wrong, T(y)) > ROUNDINGS


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_the_inverse_brings_back_what_numpy_brings_back(library, T, dtype):
    inner = points(T, dtype)[:500]
    z = np.concatenate([T(inner), np.array([np.nan, np.inf, -np.inf, *T.limits], dtype)])
    found, expected = library.back(T.inverse(library.to(z))), T.inverse(z)
    # Where the map is flat its inverse is steep: an error of some ulp in z.
    assert found.dtype == dtype
    assert gap(T(found), T(expected)) <= 4 * ROUNDINGS


def test_what_is_made_of_maps_takes_the_same_arrays(library):
    T = MAPS["laplace"]()
    half_way, further = T.strength(0.5), otmaps.compose(MAPS["identity"](), T, T)
    y = points(T, np.float64, neighbours=False)
    for function in (half_way, further):
        assert gap(library.back(function(library.to(y))), function(y)) <= 2 * apart(T, np.float64)
    for function in (T.log_derivative, further.log_derivative):
        assert gap(library.back(function(library.to(y))), function(y)) <= 2 * ROUNDINGS
    with pytest.raises(TypeError, match="out="):
        T.log_derivative(library.to(y), out=np.empty(y.shape))


@pytest.mark.parametrize("dtype", [np.float64, np.float32, np.float16])
def test_matched_noise_keeps_shape_and_dtype(library, dtype):
    if library.name == "array API" and dtype is np.float16:
        pytest.skip("the standard has no half precision")
    m = otmaps.match(otmaps.lerp(0.3), "laplace", store=None)
    rng = np.random.default_rng(1)
    noise = rng.laplace(size=(2, 3, 2, 4, 4)).astype(dtype)
    z1, z2 = noise[0], noise[1, :1]  # batch x channels x height x width, and one sample for all
    found = library.back(m(library.to(z1), library.to(z2)))
    assert gap(found, m(z1, z2)) <= (1.0 if dtype is np.float16 else apart(m.map, dtype))
    raw = library.back(m.raw(library.to(z1), library.to(z2)))
    if dtype is not np.float16:
        assert gap(raw, m.raw(z1, z2)) <= 2.0


def test_half_precision_is_computed_in_single_precision():
    m = otmaps.match(otmaps.lerp(0.3), "laplace", store=None)
    z = np.random.default_rng(2).laplace(size=(2, 1000)).astype(np.float16)
    expected = m(*z.astype(np.float32)).astype(np.float16)
    np.testing.assert_array_equal(m(*z), expected)
    np.testing.assert_array_equal(m.map(z[0]), m.map(z[0].astype(np.float32)).astype(np.float16))
    out = np.empty(1000, np.float16)
    assert m(*z, out=out) is out
    np.testing.assert_array_equal(out, expected)
    with pytest.raises(ValueError, match="float16"):
        m.map(z[0], out=np.empty(1000, np.float32))
    bfloat16 = pytest.importorskip("ml_dtypes").bfloat16
    z = z.astype(bfloat16)
    assert m(*z).dtype == bfloat16
    np.testing.assert_array_equal(m(*z), m(*z.astype(np.float32)).astype(bfloat16))


def test_the_steps_of_an_operation_run_in_the_library(library):
    @otmaps.operation
    def gated(a, b, *, low=-0.5):
        return np.where(a > low, np.maximum(a, b) ** 2, np.exp(-np.abs(b))) - 1 / (2 + np.cos(a))

    m = otmaps.match(gated(), "normal", method=otmaps.MonteCarlo(n=2**12), tol=1e-2, store=None)
    assert m.operation.linear is None
    z = np.random.default_rng(3).normal(size=(2, 50))
    assert gap(library.back(m.raw(*map(library.to, z))), m.raw(*z)) <= 16.0
    assert library.back(m(*map(library.to, z))).shape == (50,)


def test_what_a_library_cannot_do_is_said(library):
    a, b = (library.to(np.linspace(-1, 1, 5)) for _ in range(2))
    m = otmaps.match(otmaps.lerp(0.5), "normal", store=None)
    with pytest.raises(TypeError, match="out= is for NumPy"):
        m(a, b, out=np.empty(5))
    with pytest.raises(TypeError, match="passed together"):
        m(a, np.zeros(5))
    with pytest.raises(TypeError, match="2 latents"):
        m(a)
    with pytest.raises(TypeError, match="Convert it first"):
        m(library.to(np.arange(5)), b)
    if library.name != "array API":  # which NumPy converts, on request
        with pytest.raises(TypeError, match="must be a NumPy array"):
            otmaps.Empirical(a)
    plan = otmaps.match(
        otmaps.operation(lambda a, b: np.maximum(a + b, 0))(), "normal", randomize=0, store=None
    )
    with pytest.raises(TypeError, match="randomised plan"):
        plan(a, b)
    assert float(np.max(np.abs(library.back(m(a, 0.5))))) > 0  # numbers go with arrays


def test_unknown_steps_are_named(library):
    if library.name == "Dask":
        pytest.skip("its blocks are NumPy arrays")
    special = pytest.importorskip("scipy.special")
    odd = otmaps.operation(lambda a, b: special.ndtr(a) + b)()
    m = otmaps.match(odd, "normal", method=otmaps.MonteCarlo(n=2**12), tol=1e-2, store=None)
    a = library.to(np.zeros(3))
    with pytest.raises(TypeError, match=r"ndtr.*matched\.map\(raw\)"):
        m(a, a)


def test_dask_arrays_are_computed_when_asked_for():
    library = make("Dask")
    m = otmaps.match(otmaps.lerp(0.3), "laplace", store=None)
    z = library.package.random.default_rng(0).laplace(size=(20, 6), chunks=(5, 3))
    lazy = m(z, z + 1.0)
    assert isinstance(lazy, library.package.Array)
    assert lazy.chunks == z.chunks
    assert lazy.dtype == z.dtype

    def never(_):
        raise RuntimeError("a block was computed")

    blocks = z.map_blocks(never, dtype=z.dtype, meta=np.empty((0, 0)))
    pending = m.map(blocks)
    with pytest.raises(RuntimeError, match="a block was computed"):
        pending.compute()


def test_a_map_is_pickled_without_what_libraries_hold(library):
    T = otmaps.monotone_map("laplace", "normal")
    before = len(pickle.dumps(T))
    library.back(T(library.to(np.zeros(3))))
    assert len(pickle.dumps(T)) == before
