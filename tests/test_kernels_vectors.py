"""Weighted sums of vectors and an affine map of each component."""

import numpy as np
import pytest

from otmaps._kernels._vectors import BLOCK, scaled_sum


@pytest.mark.parametrize("period", [1, 3, BLOCK, BLOCK + 7])
@pytest.mark.parametrize("count", [1, 2, 3])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_scaled_sum(period, count, dtype):
    rng = np.random.default_rng(0)
    zs = [rng.standard_normal(4 * period).astype(dtype) for _ in range(count)]
    weights, scale, shift = (rng.standard_normal(n) for n in (count, period, period))
    total = sum(w * z.astype(float) for w, z in zip(weights, zs, strict=True))
    expected = (total.reshape(4, period) * scale + shift).ravel()
    views = tuple(z.view() for z in zs)
    for view in views:
        view.flags.writeable = False
    out = zs[0]  # written over
    scaled_sum(views, weights, scale, shift, out)
    eps = np.finfo(dtype).eps
    np.testing.assert_allclose(out, expected, rtol=eps, atol=20 * np.finfo(float).eps)
