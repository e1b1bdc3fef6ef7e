"""The laws of test statistics under independent standard normal scores, as p-values."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from scipy import special

from otmaps._arrays import FloatArray

_EXACT = 2000  # values up to which Smirnov's finite sum is taken


def two_sided_normal(x: Any) -> Any:
    """P(|Z| >= |x|)."""
    return 2.0 * special.ndtr(-np.abs(x))


def either_tail(lower: Any, upper: Any) -> Any:
    """A two-sided p-value from both tails: twice the smaller one."""
    return np.minimum(1.0, 2.0 * np.minimum(lower, upper))


def chi_square(x: Any, df: float) -> Any:
    """Of a sum of squares that is too large or too small."""
    return either_tail(special.chdtr(df, x), special.chdtrc(df, x))


def sidak(p: float, count: int) -> float:
    """Of the smallest of ``count`` independent p-values."""
    return 1.0 if p >= 1.0 else float(-np.expm1(count * np.log1p(-p)))


def kolmogorov(distance: float, n: float) -> float:
    """P(D_n >= distance), at most.

    Twice Smirnov's exact one-sided law, which is no less than the truth; beyond 2000 values
    Kolmogorov's limit at sqrt(n) D + 1 / (6 sqrt(n)), which differs from that by 1e-3 of itself
    at most where the p-value is above 1e-6 (the same shift as in Vrbik, Interstat 2018).
    """
    if distance <= 0.0:
        return 1.0
    if n <= _EXACT:
        return float(min(1.0, 2.0 * special.smirnov(max(1, math.floor(n)), min(distance, 1.0))))
    root = math.sqrt(n)
    return float(special.kolmogorov(root * distance + 1.0 / (6.0 * root)))


def kolmogorov_distance(scores: FloatArray) -> float:
    """The largest distance of the empirical law of the scores from the standard normal law."""
    u = special.ndtr(np.sort(scores, axis=None))
    steps = np.arange(u.size + 1) / u.size
    return float(max(np.max(steps[1:] - u), np.max(u - steps[:-1])))


def anderson_darling_statistic(scores: FloatArray) -> float:
    """A^2 of Anderson and Darling (1954), from the logarithms of both tails."""
    z = np.sort(scores, axis=None)
    n = z.size
    odd = 2.0 * np.arange(1, n + 1) - 1.0
    return float(-n - np.mean(odd * (special.log_ndtr(z) + special.log_ndtr(-z[::-1]))))


def anderson_darling(statistic: float) -> float:
    """P(A^2 > statistic) in the limit of many values, to a relative 1e-10.

    The limit is the sum of Z_j^2 / (j (j + 1)), whose moment generating function M is known
    (Anderson and Darling, 1952, eq. 4.35). The tail is the integral of exp(-s x) M(s) / (2 pi i s)
    along a path that leaves the real axis between 0 and the pole at s = 1, to the right.
    """
    x = statistic
    start = 1.0 - min(0.5, 0.5 / max(x, 1e-3))
    # exp(-s x) falls along the path, and M itself like exp(-1.5 sqrt(u)).
    u, step = np.linspace(0.0, min(80.0 / max(x, 1e-3), 800.0), 20_001, retstep=True)
    s = start + 1j * u + 0.5 * u * u / (1.0 + u)
    slope = 1j + 0.5 * u * (2.0 + u) / (1.0 + u) ** 2
    root = 0.5 * math.pi * np.sqrt(1.0 + 8.0 * s)
    # log cos without overflow; the principal root is continued along the path by its phase.
    log_cos = -1j * root + np.log1p(np.exp(2j * root)) - math.log(2.0)
    log_ratio = np.log(-2.0 * math.pi * s) - log_cos
    phase = np.unwrap(log_ratio.imag)
    phase -= phase[0]
    log_mgf = 0.5 * (log_ratio.real + 1j * phase)
    values = (np.exp(log_mgf - s * x) / s * slope).imag
    total = step * (values.sum() - 0.5 * (values[0] + values[-1])) / math.pi
    return float(min(max(total, 0.0), 1.0))


def largest_of(peak: float, count: int) -> float:
    """Of the largest of ``count`` absolute scores, too large or too small; exact."""
    inside = count * np.log1p(-two_sided_normal(peak)) if peak > 0.0 else -math.inf
    return float(either_tail(np.exp(inside), -np.expm1(inside)))


def correlation(r: Any, n: int) -> Any:
    """P(|R| >= |r|) for the correlation of two independent normal samples of n values; exact."""
    return special.betainc(0.5 * (n - 2.0), 0.5, np.maximum(1.0 - np.square(r), 0.0))


def correlation_at(p: float, n: int) -> float:
    """The |r| of that p-value."""
    return math.sqrt(max(1.0 - float(special.betaincinv(0.5 * (n - 2.0), 0.5, p)), 0.0))


def mean_square_correlation(found: float, vectors: int, n: int) -> float:
    """P(the mean square of the correlations of all pairs of vectors is larger), nearly.

    The shifted gamma law with the exact mean, variance and third moment of the mean of r^2 over
    the pairs, for vectors of n normal values: the correlations are products of uniform directions
    in p = n - 1 dimensions, r^2 has the law Beta(1/2, (p - 1)/2), pairs are uncorrelated, and
    triangles add what the p (p + 1)/2 - 1 equal modes of r^2 - 1/p give. So both limits are
    right: many values a vector, and many vectors.
    """
    p = n - 1.0
    pairs = 0.5 * vectors * (vectors - 1.0)
    variance = 2.0 * (p - 1.0) / (p * p * (p + 2.0))
    a, b = 0.5, 0.5 * (p - 1.0)
    skewness = 2.0 * (b - a) * math.sqrt(a + b + 1.0) / ((a + b + 2.0) * math.sqrt(a * b))
    modes = 0.5 * p * (p + 1.0) - 1.0
    triangles = pairs * (vectors - 2.0) / 3.0
    third = pairs * skewness + 6.0 * triangles / math.sqrt(modes)  # in units of variance^1.5
    skew = third / pairs**1.5
    deviation = (found - 1.0 / p) * math.sqrt(pairs / variance)
    shape = 4.0 / skew**2
    if shape > 1e8:
        return float(special.ndtr(-deviation))
    return float(special.gammaincc(shape, max(shape + math.sqrt(shape) * deviation, 0.0)))
