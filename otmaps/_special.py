"""Special functions to relative accuracy, where those of scipy.special under- or overflow."""

from __future__ import annotations

import math

import numpy as np
from scipy import special

from otmaps._arrays import FloatArray


def log_beta_half(a: float) -> float:
    """log of B(a, 1/2), without the cancellation of two large log-gammas (DLMF 5.11.13)."""
    if a < 30.0:
        return float(special.betaln(a, 0.5))
    series = (1, -1 / 8, 1 / 128, 5 / 1024, -21 / 32768, -399 / 262144, 869 / 4194304)
    return 0.5 * math.log(math.pi / a) - math.log(sum(c / a**k for k, c in enumerate(series)))


def log_betainc(a: float, b: float, logx: FloatArray, logxc: FloatArray) -> FloatArray:
    """log of the regularised incomplete beta function for small x: a series of positive terms.

    I_x(a, b) = x^a (1 - x)^b / (a B(a, b)) 2F1(a + b, 1; a + 1; x)   (DLMF 8.17.8).
    """
    series = special.hyp2f1(a + b, 1.0, a + 1.0, np.exp(logx))
    return np.asarray(a * logx + b * logxc - math.log(a) - special.betaln(a, b) + np.log(series))


def upper_gamma_fraction(a: float, x: FloatArray) -> FloatArray:
    """Gamma(a, x) / (x^(a-1) e^-x) for x well above a, by its continued fraction (DLMF 8.9.2)."""
    value = np.zeros_like(x)
    for k in range(80, 0, -1):
        value = k * (k - a) / (x + 2.0 * k + 1.0 - a - value)
    return x / (x + 1.0 - a - value)
