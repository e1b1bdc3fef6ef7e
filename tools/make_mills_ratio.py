"""Print the polynomial that `otmaps._kernels._laws_closed` holds for the tail of the normal law.

With M(t) = Phi(-t) exp(t^2 / 2), the function (1 + sqrt(2) t) M(t) is smooth in
q = (t - K) / (t + K) on [-1, 1] (Shepherd and Laframboise 1981); it is interpolated there at
Chebyshev points in 60 digits, and turned into powers of q.

    python tools/make_mills_ratio.py
"""

from __future__ import annotations

import math

import mpmath

K = mpmath.mpf("5.25")
DEGREE = 26


def scaled_ratio(q: mpmath.mpf) -> mpmath.mpf:
    """(1 + sqrt(2) t) M(t) at q; its limit at infinity is 1 / sqrt(pi)."""
    if q == 1:
        return 1 / mpmath.sqrt(mpmath.pi)
    t = K * (1 + q) / (1 - q)
    x = t / mpmath.sqrt(2)
    if x > 1000:
        tail = sum((-1) ** k * mpmath.fac2(2 * k - 1) / (2 * x * x) ** k for k in range(8))
        return (1 + 2 * x) * tail / (x * mpmath.sqrt(mpmath.pi)) / 2
    return (1 + 2 * x) * mpmath.exp(x * x) * mpmath.erfc(x) / 2


def powers() -> list[mpmath.mpf]:
    """Coefficients of 1, q, q^2, ..."""
    n = DEGREE + 1
    nodes = [mpmath.cos(mpmath.pi * (k + mpmath.mpf(1) / 2) / n) for k in range(n)]
    values = [scaled_ratio(q) for q in nodes]
    previous, current = [mpmath.mpf(1)], [mpmath.mpf(0), mpmath.mpf(1)]
    out = [mpmath.mpf(0)] * n
    for j in range(n):
        angle = mpmath.pi * j / n
        c = sum(v * mpmath.cos(angle * (k + mpmath.mpf(1) / 2)) for k, v in enumerate(values)) * (
            mpmath.mpf(1 if j == 0 else 2) / n
        )
        for k, p in enumerate(previous):
            out[k] += c * p
        following = [mpmath.mpf(0), *(2 * p for p in current)]
        for k, p in enumerate(previous):
            following[k] -= p
        previous, current = current, following
    return out


if __name__ == "__main__":
    mpmath.mp.dps = 60
    first, *others = map(float, powers())
    # One ulp more, within what rounding leaves open: then the tail at 0 is one half exactly.
    for coefficient in (math.nextafter(first, math.inf), *others):
        print(f"    {coefficient!r},")  # noqa: T201 - this is what it is for
