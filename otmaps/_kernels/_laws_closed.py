"""Closed-form laws whose formulas NumPy evaluates slowly: one pass over the points."""

from __future__ import annotations

import math
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from otmaps._kernels._policy import fma, jit, part

FloatArray: TypeAlias = npt.NDArray[np.float64]

_POLE = 5.25
_FAR = 64.0  # standard deviations beyond which the tail is 0, with room
# (1 + sqrt(2) t) Phi(-t) exp(t^2 / 2) in powers of q = (t - 5.25) / (t + 5.25): the work of
# tools/make_mills_ratio.py.
_MILLS = (
    0.6191105077727797,
    -0.07013344247046138,
    0.0008067194915687199,
    0.0422559805306221,
    -0.05493288811702316,
    0.0459268579313458,
    -0.028673121165946783,
    0.01348966107922948,
    -0.0044195296501777104,
    0.0006815763253166023,
    0.0001901088073335567,
    -0.00013782935909763746,
    1.716029375753967e-05,
    1.2868595478227428e-05,
    -4.875357404222938e-06,
    -9.307678379944688e-07,
    8.216757056093007e-07,
    5.1518881349124394e-08,
    -1.3013367511381683e-07,
    -1.6782639471756555e-09,
    2.1146132385682955e-08,
    1.1621999335084189e-10,
    -3.4245836831881787e-09,
    -5.644329193671478e-11,
    4.742508698093558e-10,
    8.888847525700484e-12,
    -3.88394290968926e-11,
)
_SQRT2 = math.sqrt(2.0)


@part
def _upper_tail(t):  # type: ignore[no-untyped-def]
    """Phi(-t) for t >= 0, to about 2 ulp: the square of a head of t of 26 bits is exact."""
    t = t if t < _FAR else _FAR
    q = (t - _POLE) / (t + _POLE)
    # Even and odd powers apart: two chains that the processor runs side by side.
    square = q * q
    even = fma(_MILLS[26], square, _MILLS[24])
    odd = fma(_MILLS[25], square, _MILLS[23])
    even = fma(even, square, _MILLS[22])
    odd = fma(odd, square, _MILLS[21])
    even = fma(even, square, _MILLS[20])
    odd = fma(odd, square, _MILLS[19])
    even = fma(even, square, _MILLS[18])
    odd = fma(odd, square, _MILLS[17])
    even = fma(even, square, _MILLS[16])
    odd = fma(odd, square, _MILLS[15])
    even = fma(even, square, _MILLS[14])
    odd = fma(odd, square, _MILLS[13])
    even = fma(even, square, _MILLS[12])
    odd = fma(odd, square, _MILLS[11])
    even = fma(even, square, _MILLS[10])
    odd = fma(odd, square, _MILLS[9])
    even = fma(even, square, _MILLS[8])
    odd = fma(odd, square, _MILLS[7])
    even = fma(even, square, _MILLS[6])
    odd = fma(odd, square, _MILLS[5])
    even = fma(even, square, _MILLS[4])
    odd = fma(odd, square, _MILLS[3])
    even = fma(even, square, _MILLS[2])
    odd = fma(odd, square, _MILLS[1])
    ratio = fma(odd, q, fma(even, square, _MILLS[0]))
    head = math.floor(t * 2.0**16 + 0.5) * 2.0**-16
    rest = (t - head) * (0.5 * t + 0.5 * head)  # below 3e-4
    factor = 1.0 - rest * (1.0 - rest * (0.5 - rest * (1.0 / 6.0 - rest * (1.0 / 24.0))))
    return ratio / (1.0 + _SQRT2 * t) * np.exp(-0.5 * head * head) * factor


@jit
def normal_cdf(z: FloatArray, out: FloatArray) -> None:
    """The cdf of the standard normal law, with relative accuracy in the lower tail."""
    for i in range(z.size):
        tail = _upper_tail(abs(z[i]))
        out[i] = tail if z[i] <= 0.0 else 1.0 - tail
