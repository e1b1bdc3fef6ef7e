"""Uniforms, exponentials, Laplaces and gammas of whole shape: sums of residues.

The generating function is exp(s t) prod sinh(b t)/(b t) prod (1 - theta t)^-m. Each product of
exponentials shifts a rational function of t, whose inversion is the sum of its residues. The sum
cancels, which costs only bits: the balls say how many are left.
"""

from __future__ import annotations

from collections import Counter
from fractions import Fraction
from functools import cache

from flint import arb, arb_poly, ctx

from .balls import Reference, ball
from .terms import Term, total_shift


def _linear_power(slope: arb, power: int, length: int) -> list[arb]:
    """The coefficients of (1 + slope e)^-power."""
    out = [arb(1)]
    for i in range(1, length):
        out.append(-out[-1] * slope * (power + i - 1) / i)
    return out


def _cut(poly: arb_poly, length: int) -> arb_poly:
    return arb_poly(poly.coeffs()[:length])


def _residue_tables(poles: Counter[Fraction], power: int) -> list[tuple[Fraction, bool, list[arb]]]:
    """For each pole t0: t0, whether it is right of the path, and what multiplies (-d)^i / i!."""
    out = []
    for theta, m in poles.items():
        t0 = 1 / theta
        series = arb_poly([ball(-theta) ** -m * ball(t0) ** -power])
        if power:
            series = _cut(series * arb_poly(_linear_power(ball(theta), power, m)), m)
        for other, k in poles.items():
            if other != theta:
                base = 1 - other * t0
                factor = _linear_power(ball(-other / base), k, m)
                series = _cut(series * arb_poly(factor) * ball(base) ** -k, m)
        out.append((t0, t0 > 0, [*series.coeffs(), *[arb(0)] * m][:m][::-1]))
    if power:  # the pole at 0
        series = arb_poly([1])
        for theta, m in poles.items():
            series = _cut(series * arb_poly(_linear_power(ball(-theta), m, power)), power)
        out.append((Fraction(0), False, [*series.coeffs(), *[arb(0)] * power][:power][::-1]))
    return out


def _polynomial(table: list[arb], d: arb) -> arb:
    """The sum of table[i] (-d)^i / i!."""
    out = arb(0)
    for i in range(len(table) - 1, -1, -1):
        out = table[i] + out * -d / (i + 1)
    return out


def _inverter(shifts: dict[Fraction, Fraction], poles: Counter[Fraction], power: int):
    tables = cache(lambda _bits: _residue_tables(poles, power))
    only_zero = not poles

    def value(x: Fraction) -> arb:
        out = arb(0)
        for s, coefficient in shifts.items():
            d = x - s
            if only_zero:  # (-d)^(power - 1) / (power - 1)! where the path is closed to the left
                if d < 0:
                    out += ball(coefficient) * ball(-d) ** (power - 1) / arb(power - 1).fac()
                continue
            at = ball(d)
            total = arb(0)
            for t0, is_right, table in tables(ctx.prec):
                if is_right == (d >= 0):
                    term = _polynomial(table, at)
                    total += ((-ball(t0 * d)).exp() * term) * (-1 if is_right else 1)
            out += ball(coefficient) * total
        return out

    return value


def _upper(shifts: dict[Fraction, Fraction], poles: Counter[Fraction], power: int):
    return _inverter(shifts, poles, power + 1), _inverter(shifts, poles, power)


def _parts(terms: list[Term]) -> tuple[list[Fraction], Counter[Fraction]]:
    halves, poles = [], Counter()
    for t in terms:
        if t.law == "Uniform":
            halves.append(abs(t.scale))
        elif t.law == "Laplace":
            poles.update([t.scale, -t.scale])
        else:
            shape = {"Exponential": 1}.get(t.law) or t.params["shape"]
            if shape != int(shape):
                raise ValueError(f"{t.law}({shape}) has no rational generating function")
            poles[t.scale] += int(shape)
    return halves, poles


def rational(terms: list[Term]) -> Reference:
    """The law of a sum of such terms."""
    halves, poles = _parts(terms)
    shifts = {total_shift(terms): Fraction(1)}
    for b, count in Counter(halves).items():  # (exp(b t) - exp(-b t)) / 2 b, count times
        factor, row = (1 / (2 * b)) ** count, 1
        fresh: dict[Fraction, Fraction] = {}
        for j in range(count + 1):
            for s, c in shifts.items():
                at = s + b * (count - 2 * j)
                fresh[at] = fresh.get(at, Fraction(0)) + c * factor * row * (-1) ** j
            row = row * (count - j) // (j + 1)
        shifts = fresh
    n = len(halves)
    sf, pdf = _upper(shifts, poles, n)
    mirror = {-s: c for s, c in shifts.items()}  # the sum of uniforms is symmetric, so signs agree
    mirror = {s: c * (-1) ** n for s, c in mirror.items()}
    lower, _ = _upper(mirror, Counter({-p: m for p, m in poles.items()}), n)
    ends = sorted(shifts)
    smooth = n + sum(poles.values()) > 12
    return Reference(
        cdf=lambda x: lower(-x),
        sf=sf,
        pdf=pdf,
        low=None if any(p < 0 for p in poles) else ends[0],
        high=None if any(p > 0 for p in poles) else ends[-1],
        kinks=() if smooth else tuple(ends),
        spread=float(max([*halves, *map(abs, poles)])),
        bits=512,
    )
