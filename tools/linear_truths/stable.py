"""Stable laws (S1, alpha not 1) and Lévy's: a sum is stable again; its two power series.

phi(t) = exp(-A t^alpha) for t > 0, with A = 1 - i beta tan(pi alpha / 2). Expanding exp(-i x t)
gives powers of x, expanding the other factor gives powers of x^-alpha. One of the two converges
everywhere and cancels (bits mend that), the other is asymptotic and used far out only, where its
least term is far below what is asked for.
"""

from __future__ import annotations

from fractions import Fraction
from math import log

from flint import acb, arb, ctx

from .balls import Reference, ball
from .terms import Term, total_shift

FAR = 1000  # nats that the everywhere convergent series may cancel


def _index(term: Term) -> tuple[Fraction, Fraction]:
    if term.law == "Levy":
        return Fraction(1, 2), Fraction(1)
    return Fraction(term.params["alpha"]), Fraction(term.params["beta"])


class _Standard:
    """Upper tail and density of the stable law of unit scale, at the precision of the moment."""

    def __init__(self, alpha: Fraction, beta: arb) -> None:
        self.alpha, tangent = ball(alpha), (arb.pi() * ball(alpha) / 2).tan()
        self.big, self.light = alpha > 1, alpha > 1 and beta == -1  # no power tail above
        self.eta = (beta * tangent).atan()
        self.A = acb(1, -beta * tangent)

    def near(self, x: arb) -> tuple[arb, arb]:
        """Sf and pdf from powers of x."""
        root, out, slope, k = self.A.log() / self.alpha, acb(0), acb(0), 0
        power = acb(1)  # (-i x)^k / k!
        while True:
            size = (arb(k + 1) / self.alpha).gamma() * (-root * (k + 1)).exp()
            slope += power * size
            step = power * size * x / (k + 1)
            out += step
            if self._is_small(step, k):
                break
            k += 1
            power *= acb(0, -1) * x / k
        scale = arb.pi() * self.alpha
        half = arb(0.5) + self.eta / scale
        return half - self._closed(out, step).real / scale, slope.real / scale

    def far(self, x: arb) -> tuple[arb, arb]:
        """Sf and pdf from powers of x^-alpha, for x > 0."""
        out, slope, k, last = acb(0), acb(0), 1, None
        turn = acb(0, -arb.pi() / 2)
        power = -self.A
        while True:
            a = self.alpha * k
            step = power * (turn * (a + 1)).exp() * (a + 1).gamma() * (-a * x.log()).exp()
            size = abs(step).mid()
            if last is not None and not self.big and self._is_small(step, k):
                break
            if last is not None and self.big and (size >= last or self._is_small(step, k)):
                break
            out += step / a
            slope += step / x
            last, k = size, k + 1
            power *= -self.A / k
        step = step * 2
        return self._closed(out, step).real / arb.pi(), self._closed(slope, step).real / arb.pi()

    @staticmethod
    def _is_small(step: acb, k: int) -> bool:
        return k > 8 and abs(step).mid() < arb(2) ** (-ctx.prec * 2)

    @staticmethod
    def _closed(total: acb, rest: acb) -> acb:
        """The sum with the next term as its error."""
        radius = arb(0, abs(rest).upper())
        return total + acb(radius, radius)

    def both(self, x: arb) -> tuple[arb, arb]:
        a = float(self.alpha)
        if x == 0:
            return self.near(x)
        cheap = log(abs(float(x))) * a / (a - 1) < log(FAR)  # for the convergent series
        if self.big:
            return self.near(x) if cheap or self.light else self.far(x)
        return self.far(x) if cheap else self.near(x)


def stable(terms: list[Term]) -> Reference:
    """The law of a sum of terms of one index alpha."""
    (alpha,) = {_index(t)[0] for t in terms}
    shift, whole = total_shift(terms), {_index(t)[1] * (1 if t.scale > 0 else -1) for t in terms}

    def parts() -> tuple[arb, arb]:
        powers = [ball(abs(t.scale)) ** ball(alpha) for t in terms]
        total = sum(powers, arb(0))
        if len(whole) == 1:  # exactly: a one-sided law stays one-sided
            skew = ball(next(iter(whole)))
        else:
            signs = [_index(t)[1] * (1 if t.scale > 0 else -1) for t in terms]
            skew = sum((ball(s) * p for s, p in zip(signs, powers, strict=True)), arb(0)) / total
        return total ** (1 / ball(alpha)), skew

    def at(x: Fraction, flip: bool, which: int) -> arb:
        scale, skew = parts()
        z = ball(x - shift) / scale
        if flip:
            z, skew = -z, -skew
        if alpha < 1 and whole in ({Fraction(1)}, {Fraction(-1)}):
            return _one_sided(z, int(next(iter(whole))) * (-1 if flip else 1), which) / (
                scale if which else 1
            )
        if z < 0 and (alpha < 1 or abs(z) > 1):  # the other tail
            sf, pdf = _Standard(alpha, -skew).both(-z)
            sf = 1 - sf
        else:
            sf, pdf = _Standard(alpha, skew).both(z)
        return pdf / scale if which else sf

    def _one_sided(z: arb, side: int, which: int) -> arb:
        if side > 0:  # support z > 0
            return _Standard(alpha, arb(1)).far(z)[which]
        sf, pdf = _Standard(alpha, arb(1)).far(-z)
        return pdf if which else 1 - sf

    edge = alpha < 1 and len(whole) == 1
    return Reference(
        cdf=lambda x: at(x, True, 0),
        sf=lambda x: at(x, False, 0),
        pdf=lambda x: at(x, False, 1),
        low=shift if edge and whole == {Fraction(1)} else None,
        high=shift if edge and whole == {Fraction(-1)} else None,
        spread=float(sum(abs(t.scale) for t in terms)),
        bits=1024,
    )


def levy(terms: list[Term]) -> Reference:
    """The law of a sum of Lévy terms of one sign, from its error function."""
    (sign,) = {t.scale > 0 for t in terms}
    shift = total_shift(terms)

    def parts(x: Fraction) -> tuple[arb, arb]:
        scale = sum((ball(abs(t.scale)).sqrt() for t in terms), arb(0)) ** 2
        return abs(ball(x - shift)) / scale, scale

    def tail(x: Fraction) -> arb:  # away from the end of the support
        return (1 / (2 * parts(x)[0]).sqrt()).erf()

    def body(x: Fraction) -> arb:
        return (1 / (2 * parts(x)[0]).sqrt()).erfc()

    def pdf(x: Fraction) -> arb:
        z, scale = parts(x)
        return (-1 / (2 * z)).exp() / (2 * arb.pi() * z**3).sqrt() / scale

    return Reference(
        cdf=body if sign else tail,
        sf=tail if sign else body,
        pdf=pdf,
        low=shift if sign else None,
        high=None if sign else shift,
        spread=float(sum(abs(t.scale) for t in terms)),
    )
