"""Compiled closed-form laws against mpmath; also without JIT."""

import mpmath
import numpy as np

from otmaps._kernels._laws_closed import normal_cdf


def test_the_normal_law_keeps_three_ulp_into_its_tail():
    rng = np.random.default_rng(0)
    z = np.concatenate(
        [rng.uniform(-37.4, 0.0, 300), rng.uniform(-3.0, 0.0, 300), rng.uniform(0.0, 9.0, 100)]
    )
    out = np.empty_like(z)
    normal_cdf(z, out)
    with mpmath.workdps(40):
        gaps = [
            abs(mpmath.mpf(v) / mpmath.ncdf(mpmath.mpf(x)) - 1) for x, v in zip(z, out, strict=True)
        ]
    assert max(gaps) <= 3.5 * 2.0**-52


def test_the_normal_law_far_out_and_at_zero():
    z = np.array([-np.inf, -1e300, -40.0, -0.0, 0.0, 40.0, 1e300, np.inf])
    out = np.empty_like(z)
    normal_cdf(z, out)
    assert out.tolist() == [0.0, 0.0, 0.0, 0.5, 0.5, 1.0, 1.0, 1.0]
