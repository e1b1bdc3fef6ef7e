"""Special functions to relative accuracy, where those of scipy.special under- or overflow."""

from __future__ import annotations

import functools
import math

import numpy as np
from scipy import special

from otmaps._arrays import FloatArray


def _stirling_rest(x: float) -> float:
    """log Gamma(x) - ((x - 1/2) log x - x + log(2 pi) / 2) for x >= 10 (DLMF 5.11.1)."""
    terms = (1 / 12, -1 / 360, 1 / 1260, -1 / 1680, 1 / 1188, -691 / 360360, 1 / 156)
    return sum(c / x ** (2 * k + 1) for k, c in enumerate(terms))


def log_beta(a: float, b: float) -> float:
    """log of B(a, b), without the cancellation of large log-gammas."""
    p, q = min(a, b), max(a, b)
    if q < 10.0:
        return float(special.betaln(p, q))
    rest = _stirling_rest(q) - _stirling_rest(p + q)
    share = math.log1p(-p / (p + q))
    if p < 10.0:
        return math.lgamma(p) + rest + p - p * math.log(p + q) + (q - 0.5) * share
    rest += _stirling_rest(p)
    lead = 0.5 * math.log(2.0 * math.pi) - 0.5 * math.log(q)
    return lead + rest + (p - 0.5) * math.log(p / (p + q)) + q * share


def log_gamma_lead(a: float, x: FloatArray) -> FloatArray:
    """log of x^a exp(-x) / Gamma(a + 1), without the cancellation of large terms near x = a."""
    if a < 10.0:
        return np.asarray(a * np.log(x) - x - special.gammaln(a + 1.0))
    mu = (x - a) / a
    r = mu / (2.0 + mu)  # log(1 + mu) = 2 artanh(r)
    square = r * r
    series = sum(square**k / (2 * k + 3) for k in range(40))
    near = a * (2.0 * r * square * series - mu * r)
    lead = np.where(np.abs(mu) < 0.6, near, a * np.log(x / a) - (x - a))
    return np.asarray(lead - (0.5 * math.log(2.0 * math.pi * a) + _stirling_rest(a)))


def log_betainc(a: float, b: float, logx: FloatArray, logxc: FloatArray) -> FloatArray:
    """log of the regularised incomplete beta function for small x: a series of positive terms.

    I_x(a, b) = x^a (1 - x)^b / (a B(a, b)) 2F1(a + b, 1; a + 1; x)   (DLMF 8.17.8).
    """
    series = special.hyp2f1(a + b, 1.0, a + 1.0, np.exp(logx))
    return np.asarray(a * logx + b * logxc - math.log(a) - log_beta(a, b) + np.log(series))


_SERIES_UP_TO = 6.0  # degrees of freedom; of more, the middle leaves fewer digits of the tail
_FAR_TERMS, _NEAR_TERMS = 56, 76  # at 1/2 the next ones are below 1e-17
_DEEP, _DEEP_TERMS = 63.0, 14  # and from this square on, where x is 1/64 at most


def student_tail(df: float, square: FloatArray) -> FloatArray:
    """P(T > t) of Student's t with t^2 = df * square, t >= 0: half of I_x(df / 2, 1 / 2).

    x = 1 / (1 + square). For few degrees of freedom by two series of positive terms, in the
    smaller of x and 1 - x, at about a tenth of the cost of the incomplete beta functions.
    """
    out, half = np.empty_like(square), 0.5 * df
    far = square > 1.0
    near = ~far
    y = square[near] / (1.0 + square[near])
    if df <= _SERIES_UP_TO:
        outer, inner = _student_series(half)
        for side, terms in ((far & (square < _DEEP), _FAR_TERMS), (square >= _DEEP, _DEEP_TERMS)):
            x = 1.0 / (1.0 + square[side])
            out[side] = x**half * _rising(outer[:terms], x)
        out[near] = 0.5 - np.sqrt(y) * (1.0 - y) ** half * _rising(inner, y)
        return out
    x = 1.0 / (1.0 + square[far])
    # The incomplete beta function of the smaller of x and 1 - x: the other one is rounded.
    out[far] = 0.5 * special.betainc(half, 0.5, x)
    middle = special.betainc(0.5, half, y)
    out[near] = 0.5 * np.where(middle < 0.5, 1.0 - middle, special.betaincc(0.5, half, y))
    return out


@functools.lru_cache(maxsize=64)
def _student_series(half: float) -> tuple[FloatArray, FloatArray]:
    """Coefficients of I_x(a, b) / 2 for a = half, b = 1/2, and for a = 1/2, b = half.

    x^a times sum (1 - b)_k / (k! (a + k)) x^k (DLMF 8.17.7), and x^a (1 - x)^b times
    sum (a + b)_k / (a + 1)_k x^k / a (DLMF 8.17.8), both over B(a, b).
    """
    k = np.arange(max(_FAR_TERMS, _NEAR_TERMS) - 1)
    outer = np.cumprod(np.append(1.0, (k + 0.5) / (k + 1.0)))[:_FAR_TERMS]
    outer /= half + np.arange(_FAR_TERMS)
    inner = 2.0 * np.cumprod(np.append(1.0, (k + 0.5 + half) / (k + 1.5)))[:_NEAR_TERMS]
    factor = 0.5 * math.exp(-log_beta(half, 0.5))
    return factor * outer, factor * inner


def _rising(coefficients: FloatArray, x: FloatArray) -> FloatArray:
    """The sum of coefficients[k] x^k."""
    if not x.size:
        return x
    value = np.full_like(x, coefficients[-1])
    for c in coefficients[-2::-1]:
        value *= x
        value += c
    return value


def upper_gamma_fraction(a: float, x: FloatArray) -> FloatArray:
    """Gamma(a, x) / (x^(a-1) e^-x) for x well above a, by its continued fraction (DLMF 8.9.2)."""
    value = np.zeros_like(x)
    for k in range(80, 0, -1):
        value = k * (k - a) / (x + 2.0 * k + 1.0 - a - value)
    return x / (x + 1.0 - a - value)
