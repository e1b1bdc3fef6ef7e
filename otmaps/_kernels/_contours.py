"""Sums of many uniform variables by inversion of their Laplace transform, without cancellation.

For Y = sum of m_i variables uniform on [0, a_i], with phi(s) = E exp(-s Y), and any c > 0,

    F(y) = 1 / (2 pi i) * integral of phi(s) exp(s y) / s along c + i R,

and the density without the 1 / s. The trapezoidal rule of step h finds, instead of F(y), the sum
of F(y + j L) exp(-c j L) over all integers j, with L = 2 pi / h (Abate and Whitt 1992): all terms
are positive, those of j < 0 vanish for L > y, and the others are as small as c L makes them. At the
saddle point of the integrand on the real line next to nothing cancels, and factors that are large
or small stay in logarithms: so tails keep their relative accuracy.
"""

from __future__ import annotations

import cmath
import math
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from otmaps._kernels._policy import jit, part

FloatArray: TypeAlias = npt.NDArray[np.float64]

_NEGLIGIBLE = 42.0  # exp(-42) is 6e-19
_SERIES = 18
_SMALL = 1e-100
_HALVINGS = 14  # of a bracket for the saddle: a rough one will do


@part
def _mean_decay(z):  # type: ignore[no-untyped-def]
    """(1 - exp(-z)) / z for Re z > 0."""
    if abs(z) >= 1.0:
        return (1.0 - cmath.exp(-z)) / z
    total = 1.0 + 0.0 * z
    for k in range(_SERIES, 0, -1):
        total = 1.0 - z * total / (k + 1.0)
    return total


@jit
def _log_transform(s, widths, counts):  # type: ignore[no-untyped-def]
    """log phi(s), but for multiples of 2 pi i, which its exponential does not see."""
    total, product = 0.0 * s, 1.0 + 0.0 * s
    for i in range(widths.size):
        factor = _mean_decay(widths[i] * s)
        if counts[i] > 1.0:
            total += counts[i] * cmath.log(factor)
            continue
        product *= factor
        if abs(product) < _SMALL:
            total += cmath.log(product)
            product = 1.0 + 0.0 * s
    return total + cmath.log(product)


@jit
def _saddle(y, n, widths, counts):  # type: ignore[no-untyped-def]
    """Where phi(s) exp(s y) / s is smallest on s > 0."""
    low, high = 1.0 / y, (n + 1.0) / y
    for _ in range(_HALVINGS):
        s = math.sqrt(low * high)
        slope = 1.0 / s - y
        for i in range(widths.size):
            slope += counts[i] * (1.0 / s - widths[i] / np.expm1(widths[i] * s))
        if slope > 0.0:
            low = s
        else:
            high = s
    return low


@jit
def _period(u, v, middle, c, n, log_value):  # type: ignore[no-untyped-def]
    """L such that F(y + L) exp(-c L) is negligible beside F(y), for u <= y <= v.

    Either because F(y) / y^n does not grow, or because F(y + L) <= 1.
    """
    low, high = 0.0, 1.0
    while c * u * high - n * math.log1p(high) < _NEGLIGIBLE:
        high *= 2.0
    for _ in range(20):
        r = 0.5 * (low + high)
        if c * u * r - n * math.log1p(r) < _NEGLIGIBLE:
            low = r
        else:
            high = r
    by_one = (_NEGLIGIBLE - log_value + n * math.log(middle / u)) / c
    return max(min(high * u, by_one), 1.05 * v)


@jit
def _reach(c, widths, counts):  # type: ignore[no-untyped-def]
    """Where |phi(c + i w)| has become negligible beside phi(c): by a bound that does not swing."""
    low, high = 0.0, c / math.sqrt(counts.sum())
    grow = True
    while grow or high - low > 0.02 * high:
        w = 2.0 * high if grow else 0.5 * (low + high)
        size = math.sqrt(c * c + w * w)
        total = 0.0
        for i in range(widths.size):
            decay = np.exp(-widths[i] * c)
            bound = (1.0 + decay) / -np.expm1(-widths[i] * c) * (c / size)
            total += counts[i] * min(0.0, np.log(bound))
        if total < -_NEGLIGIBLE:
            high, grow = w, False
        elif grow:
            low, high = w, w
        else:
            low = w
    return high


@jit
def plan(
    u: FloatArray, v: FloatArray, widths: FloatArray, counts: FloatArray, out: FloatArray
) -> None:
    """For points from u to v: the line c, the step, and the number of nodes (rows of ``out``)."""
    n = counts.sum()
    for i in range(u.size):
        middle = math.sqrt(u[i] * v[i])
        c = _saddle(middle, n, widths, counts)
        log_value = _log_transform(complex(c, 0.0), widths, counts).real + c * middle
        log_value -= 0.5 * math.log(2.0 * math.pi * (n + 1.0))
        period = _period(u[i], v[i], middle, c, n, log_value)
        step = 2.0 * math.pi / period
        out[i, 0], out[i, 1] = c, step
        out[i, 2] = math.ceil(_reach(c, widths, counts) / step)


@jit
def logarithms(
    y: FloatArray,
    plans: FloatArray,
    widths: FloatArray,
    counts: FloatArray,
    log_cdf: FloatArray,
    log_pdf: FloatArray,
) -> None:
    """Logarithms of cdf and density at points y[i, :], by what `plan` found for each i."""
    for i in range(y.shape[0]):
        c, step = plans[i, 0], plans[i, 1]
        base = _log_transform(complex(c, 0.0), widths, counts).real
        log_cdf[i] = 0.5
        log_pdf[i] = 0.5
        for k in range(1, int(plans[i, 2]) + 1):
            s = complex(c, k * step)
            value = cmath.exp(_log_transform(s, widths, counts) - base)
            ratio = value * (c / s)
            for j in range(y.shape[1]):
                angle = k * step * y[i, j]
                cosine, sine = math.cos(angle), math.sin(angle)
                log_pdf[i, j] += value.real * cosine - value.imag * sine
                log_cdf[i, j] += ratio.real * cosine - ratio.imag * sine
        for j in range(y.shape[1]):
            common = base + c * y[i, j] + math.log(step / math.pi)
            log_pdf[i, j] = common + np.log(log_pdf[i, j])
            log_cdf[i, j] = common + np.log(log_cdf[i, j]) - math.log(c)
