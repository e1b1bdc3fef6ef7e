"""Closed-form laws in mpmath: the truth that the tests of the priors compare with."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import mpmath as mp

DIGITS = 40


class Truth(NamedTuple):
    """Lower tail, upper tail and density of a standard law, on mpf numbers."""

    cdf: Callable[[Any], Any]
    sf: Callable[[Any], Any]
    pdf: Callable[[Any], Any]


def symmetric(cdf, pdf):
    return Truth(cdf, lambda z: cdf(-z), pdf)


def normal():
    return symmetric(
        lambda z: mp.erfc(-z / mp.sqrt(2)) / 2, lambda z: mp.exp(-z * z / 2) / mp.sqrt(2 * mp.pi)
    )


def cauchy():
    return symmetric(lambda z: mp.atan2(1, -z) / mp.pi, lambda z: 1 / (mp.pi * (1 + z * z)))


def laplace():
    def cdf(z):
        return mp.exp(z) / 2 if z <= 0 else 1 - mp.exp(-z) / 2

    return symmetric(cdf, lambda z: mp.exp(-abs(z)) / 2)


def logistic():
    return symmetric(
        lambda z: 1 / (1 + mp.exp(-z)), lambda z: mp.exp(-abs(z)) / (1 + mp.exp(-abs(z))) ** 2
    )


def small_beta(a, b, x):
    """The regularised incomplete beta function, by a series of positive terms (DLMF 8.17.8)."""
    if x == 0:
        return mp.mpf(0)
    series = mp.hyp2f1(a + b, 1, a + 1, x)
    return x**a * (1 - x) ** b / (a * mp.beta(a, b)) * series


def regular_beta(a, b, x):
    if x <= 0.5:
        return small_beta(a, b, x)
    with mp.workdps(DIGITS + 450):  # the difference may be exp(-1000)
        return 1 - small_beta(b, a, 1 - x)


def student(df):
    df = mp.mpf(df)

    def cdf(z):
        half = regular_beta(df / 2, mp.mpf(1) / 2, df / (df + z * z)) / 2
        return half if z <= 0 else 1 - half

    norm = mp.sqrt(df) * mp.beta(df / 2, mp.mpf(1) / 2)
    return symmetric(cdf, lambda z: (1 + z * z / df) ** (-(df + 1) / 2) / norm)


def exponential():
    return Truth(lambda z: -mp.expm1(-z), lambda z: mp.exp(-z), lambda z: mp.exp(-z))


def gumbel():
    return Truth(
        lambda z: mp.exp(-mp.exp(-z)),
        lambda z: -mp.expm1(-mp.exp(-z)),
        lambda z: mp.exp(-z - mp.exp(-z)),
    )


def gamma(shape):
    a = mp.mpf(shape)
    return Truth(
        lambda z: z**a * mp.exp(-z) / mp.gamma(a + 1) * mp.hyp1f1(1, a + 1, z),
        lambda z: mp.gammainc(a, z, regularized=True),
        lambda z: z ** (a - 1) * mp.exp(-z) / mp.gamma(a),
    )


def beta(a, b):
    a, b = mp.mpf(a), mp.mpf(b)
    return Truth(
        lambda z: regular_beta(a, b, z),
        lambda z: regular_beta(b, a, 1 - z),
        lambda z: z ** (a - 1) * (1 - z) ** (b - 1) / mp.beta(a, b),
    )


def lognormal(s):
    base = normal()
    return Truth(
        lambda z: base.cdf(mp.log(z) / s),
        lambda z: base.sf(mp.log(z) / s),
        lambda z: base.pdf(mp.log(z) / s) / (s * z),
    )


def pareto(b):
    b = mp.mpf(b)
    return Truth(lambda z: -mp.expm1(-b * mp.log(z)), lambda z: z**-b, lambda z: b * z ** (-b - 1))


def levy():
    return Truth(
        lambda z: mp.erfc(1 / mp.sqrt(2 * z)),
        lambda z: mp.erf(1 / mp.sqrt(2 * z)),
        lambda z: mp.exp(-1 / (2 * z)) / (mp.sqrt(2 * mp.pi) * z ** mp.mpf("1.5")),
    )


def arcsine():
    return Truth(
        lambda z: 2 / mp.pi * mp.atan2(mp.sqrt(1 + z), mp.sqrt(1 - z)),
        lambda z: 2 / mp.pi * mp.atan2(mp.sqrt(1 - z), mp.sqrt(1 + z)),
        lambda z: 1 / (mp.pi * mp.sqrt((1 - z) * (1 + z))),
    )


def uniform():
    return Truth(lambda z: (1 + z) / 2, lambda z: (1 - z) / 2, lambda _: mp.mpf(1) / 2)
