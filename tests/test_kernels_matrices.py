"""The product of matrices in one order, against plain loops; also without JIT."""

import numpy as np
import pytest

from otmaps._kernels._matrices import product


@pytest.mark.parametrize(
    ("rows", "inner", "columns"), [(1, 1, 1), (3, 48, 5), (70, 20, 41), (2, 0, 3)]
)
def test_sums_run_from_left_to_right(rows, inner, columns):
    rng = np.random.default_rng(rows)
    a, b = rng.standard_normal((rows, inner)), rng.standard_normal((inner, columns))
    truth = [
        [sum(x * y for x, y in zip(row, b[:, j], strict=True)) for j in range(columns)]
        for row in a.tolist()
    ]
    np.testing.assert_array_equal(product(a, b), np.reshape(truth, (rows, columns)))


def test_another_order_is_another_number():
    """Why a BLAS, which is free to choose one, cannot be used."""
    a = np.array([[1.0, 1e16, -1e16]])
    assert product(a, np.ones((3, 1))) != product(a[:, ::-1].copy(), np.ones((3, 1)))
