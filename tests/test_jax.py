"""Matched operations in JAX: derivatives, compilation and batching."""

from __future__ import annotations

import numpy as np
import pytest
from test_backends import MAPS, installed, make

import otmaps

jax = installed("jax")
make("JAX")  # in double precision


@pytest.fixture(scope="module")
def laplace():
    return otmaps.match(otmaps.lerp(0.3), "laplace", store=None)


def latents(n, dtype=np.float64):
    noise = np.random.default_rng(0).laplace(size=(2, n)).astype(dtype)
    return jax.numpy.asarray(noise[0]), jax.numpy.asarray(noise[1])


@pytest.mark.parametrize("law", MAPS)
def test_gradients_are_the_derivative_of_the_map(law):
    T = MAPS[law]()
    y = T.source.ppf(np.random.default_rng(1).uniform(0.001, 0.999, 200))
    found = jax.vmap(jax.grad(T))(jax.numpy.asarray(y))
    expected = T.derivative(y)
    assert np.max(np.abs(found - expected) / np.maximum(expected, 1.0)) < 1e-10
    single = jax.vmap(jax.grad(T))(jax.numpy.asarray(y, dtype=np.float32))
    assert single.dtype == np.float32
    expected = T.derivative(y.astype(np.float32).astype(float))
    assert np.max(np.abs(single - expected) / np.maximum(expected, 1.0)) < 1e-6
    back = jax.vmap(jax.grad(T.inverse))(jax.numpy.asarray(T(y)))
    assert np.max(np.abs(back * T.derivative(T.inverse(T(y))) - 1.0)) < 1e-9


def test_second_derivatives(laplace):
    from jax.test_util import check_grads

    a, b = latents(20)
    check_grads(laplace, (a, b), order=2, modes=["fwd", "rev"], atol=1e-3, rtol=1e-2, eps=1e-6)
    hessian = jax.hessian(lambda x: laplace(x, b).sum())(a)
    assert np.count_nonzero(hessian - np.diag(np.diag(hessian))) == 0


def test_compiled_functions_are_compiled_once(laplace):
    traces = []

    @jax.jit
    def step(a, b):
        traces.append(1)
        return laplace(a, b).sum()

    a, b = latents(50)
    for i in range(3):
        value, _ = jax.value_and_grad(step)(a + 0.1 * i, b)
    assert len(traces) == 1
    np.testing.assert_allclose(value, np.asarray(laplace(a + 0.2, b)).sum(), rtol=1e-14)
    # Outside of a jit too: a second call, and another map of as many cells, compile nothing.
    from otmaps._backends import _jax

    laplace(a, b)
    before = _jax._table(0)._cache_size()
    laplace(b, a)
    otmaps.match(otmaps.lerp(0.3), "laplace", store=None)(a, b)
    assert _jax._table(0)._cache_size() == before


def test_batches(laplace):
    a, b = latents(24)
    a, b = a.reshape(4, 6), b.reshape(4, 6)
    np.testing.assert_array_equal(jax.vmap(laplace)(a, b), laplace(a, b))
    rows = jax.vmap(laplace, in_axes=(0, None))(a, b[0])
    np.testing.assert_allclose(rows, np.asarray(laplace(a, b[:1])), rtol=1e-15)


def test_bfloat16_goes_through_single_precision(laplace):
    a, b = (x.astype(jax.numpy.bfloat16) for x in latents(100))
    found = laplace(a, b)
    assert found.dtype == jax.numpy.bfloat16
    single = laplace(a.astype(np.float32), b.astype(np.float32))
    np.testing.assert_array_equal(found, single.astype(jax.numpy.bfloat16))
