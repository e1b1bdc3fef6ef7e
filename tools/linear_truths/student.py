"""Cauchy and Student of odd df: the characteristic function is exp(-C t) times a polynomial P(t).

With P(t) = sum p_k t^k, for t > 0,

    sf(x) = atan2(C, x) / pi - sum_{k > 0} p_k (k - 1)! Im (C - i x)^-k / pi,
    pdf(x) = sum_k p_k k! Re (C - i x)^(-k - 1) / pi.

The polynomial of Student: Stuart and Vogel; it is K_{df / 2} in elementary form (DLMF 10.49.12).
"""

from __future__ import annotations

from collections import Counter
from fractions import Fraction
from functools import cache
from math import factorial

from flint import acb, arb, arb_poly, ctx

from .balls import Reference, ball
from .terms import Term, total_shift


def _student_factor(df: int, scale: Fraction) -> tuple[arb, arb_poly]:
    p, rate = (df - 1) // 2, ball(abs(scale)) * arb(df).sqrt()
    row = [
        Fraction(factorial(p) * factorial(2 * p - k) * 2**k, factorial(2 * p) * factorial(p - k))
        / factorial(k)
        for k in range(p + 1)
    ]
    return rate, arb_poly([ball(c) * rate**k for k, c in enumerate(row)])


def heavy(terms: list[Term]) -> Reference:
    """The law of a sum of Cauchy and odd Student terms."""
    groups = Counter((int(t.params.get("df", 1)), abs(t.scale)) for t in terms)

    @cache
    def characteristic(_bits: int) -> tuple[arb, list[arb], list[arb]]:
        rate, poly = arb(0), arb_poly([1])
        for (df, scale), count in groups.items():
            r, factor = _student_factor(df, scale)
            rate, poly = rate + r * count, poly * factor**count
        p = poly.coeffs()
        tail = [c * arb(k).fac() for k, c in enumerate(p[1:])]
        return rate, tail, [c * arb(k).fac() for k, c in enumerate(p)]

    def horner(row: list[arb], rate: arb, z: arb) -> acb:
        w, out = 1 / acb(rate, -z), acb(0)
        for c in reversed(row):
            out = (out + c) * w
        return out

    shift = total_shift(terms)

    def upper(z: arb) -> arb:
        rate, tail, _ = characteristic(ctx.prec)
        return (arb.atan2(rate, z) - horner(tail, rate, z).imag) / arb.pi()

    def pdf(x: Fraction) -> arb:
        rate, _, row = characteristic(ctx.prec)
        return horner(row, rate, ball(x - shift)).real / arb.pi()

    return Reference(
        cdf=lambda x: upper(ball(shift - x)),
        sf=lambda x: upper(ball(x - shift)),
        pdf=pdf,
        spread=float(sum(abs(t.scale) ** 2 for t in terms)) ** 0.5,
        bits=1024,
    )
