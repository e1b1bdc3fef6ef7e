"""Numbers: exact rationals in, balls of any precision out, and a law as three functions."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from fractions import Fraction
from functools import lru_cache
from typing import Any

from flint import arb, ctx, fmpq

ENOUGH = 100  # bits, 30 digits: what every value that leaves this package is certified to
Law = Callable[[Fraction], arb]


def ball(x: Fraction | float) -> arb:
    """An exact number as a ball at the precision of the moment."""
    x = Fraction(x)
    return arb(fmpq(x.numerator, x.denominator))


@dataclass(frozen=True)
class Reference:
    """A law: three functions of an exact point, each a ball at the precision of the moment.

    ``low`` and ``high`` bound the support (None: no bound), ``kinks`` are the inner points where
    the density or a derivative of it jumps, ``spread`` is a rough scale and ``bits`` the precision
    worth trying first.
    """

    cdf: Law
    sf: Law
    pdf: Law
    low: Fraction | None = None
    high: Fraction | None = None
    kinks: tuple[Fraction, ...] = ()
    spread: float = 1.0
    bits: int = 256


def remembered(law: Reference) -> Reference:
    """The law with its values kept."""

    def kept(formula: Law) -> Law:
        at = lru_cache(maxsize=None)(lambda x, _bits: formula(x))
        return lambda x: at(x, ctx.prec)

    return replace(law, cdf=kept(law.cdf), sf=kept(law.sf), pdf=kept(law.pdf))


def certified(law: Law, x: Fraction, bits: int) -> arb:
    """The value of ``law`` at x, at a precision that leaves ``ENOUGH`` bits of it right."""
    bits += max(0, int(1.1 * math.log2(abs(x) or 1))) if abs(x) > 2**20 else 0
    while bits <= 2**16:
        ctx.prec = bits
        value = law(x)
        if value.is_finite() and value > 0 and value.rel_accuracy_bits() >= ENOUGH:
            return value
        bits *= 2
    msg = f"no certified value at {float(x)!r}: {value}"
    raise ArithmeticError(msg)


def reflected(law: Reference) -> Reference:
    """The law of minus the variable."""
    return Reference(
        cdf=lambda x: law.sf(-x),
        sf=lambda x: law.cdf(-x),
        pdf=lambda x: law.pdf(-x),
        low=None if law.high is None else -law.high,
        high=None if law.low is None else -law.low,
        kinks=tuple(-k for k in law.kinks),
        spread=law.spread,
        bits=law.bits,
    )


def mixed(parts: list[tuple[Fraction, Reference]]) -> Reference:
    """A mixture of laws, the weights normalised exactly."""
    total = sum(w for w, _ in parts)
    shares = [(w / total, law) for w, law in parts]

    def mean(which: str) -> Law:
        def value(x: Fraction) -> arb:
            out = arb(0)
            for share, law in shares:
                if law.low is not None and x <= law.low:
                    out += ball(share) * (1 if which == "sf" else 0)
                elif law.high is not None and x >= law.high:
                    out += ball(share) * (1 if which == "cdf" else 0)
                else:
                    out += ball(share) * getattr(law, which)(x)
            return out

        return value

    lows = [law.low for _, law in shares]
    highs = [law.high for _, law in shares]
    return Reference(
        mean("cdf"),
        mean("sf"),
        mean("pdf"),
        low=None if None in lows else min(lows),
        high=None if None in highs else max(highs),
        kinks=tuple(sorted({k for _, law in shares for k in law.kinks})),
        spread=max(law.spread for _, law in shares),
        bits=max(law.bits for _, law in shares),
    )


def scaled(standard: tuple[Any, Any, Any], scale: Fraction, shift: Fraction, **rest: Any) -> Any:
    """A law from formulas (cdf, sf, pdf) of the standard variable; ``rest`` is in its units."""
    if scale < 0:
        return reflected(scaled(standard, -scale, -shift, **rest))
    cdf, sf, pdf = standard

    def at(formula: Any) -> Law:
        return lambda x: formula(ball((x - shift) / scale))

    low, high = rest.pop("low", None), rest.pop("high", None)
    return Reference(
        at(cdf),
        at(sf),
        lambda x: pdf(ball((x - shift) / scale)) / ball(scale),
        low=None if low is None else scale * low + shift,
        high=None if high is None else scale * high + shift,
        kinks=tuple(scale * Fraction(k) + shift for k in rest.pop("kinks", ())),
        spread=float(scale),
        **rest,
    )
