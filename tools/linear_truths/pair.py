"""Two terms: integrals of positive terms, by the trapezoidal rule in the logarithm of distances.

    P(s_1 Z_1 + s_2 Z_2 > x) = int P(s_1 Z_1 > x - s_2 z) f_2(z) dz

over panels between all kinks and centres; where the first factor is 0 or 1 the second law's own
tail is taken. On a finite panel z = left + length / (1 + exp(-s)), on an infinite one z = end +-
exp(s), and s is v itself where the panel spans many magnitudes, 2 sinh v elsewhere. In v the terms
are analytic and die out at both ends, so that half the step squares the error. It is halved until
two sums agree to ``AGREE`` bits; the power 3/2 of their difference is added to the ball.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from fractions import Fraction
from itertools import pairwise
from typing import Any

from flint import arb

from .balls import Reference, ball
from .single import STANDARD, Formulas
from .terms import Term, total_shift

End = Fraction | float  # a fraction, or an infinity
Node = Callable[[float], arb]
AGREE = 72
LONG = 1e6  # beyond this length, in scales, a panel spans many magnitudes


class _Row:
    """The trapezoidal sum of one panel, refined step by step."""

    def __init__(self, node: Node, reach: float, grid: int) -> None:
        self.node, self.total = node, arb(0)
        places = [reach * i / grid for i in range(-grid, grid + 1)]
        sizes = [node(v) for v in places]
        known = [(v, size) for v, size in zip(places, sizes, strict=True) if size.is_finite()]
        floor = max((size.abs_lower() for _, size in known), default=arb(0)) * arb(2) ** -134
        # A panel may hold several peaks: the range is that of all places above the floor.
        wide = [v for v, size in known if size.mid() > floor]
        margin = 2 * reach / grid
        self.low, self.high = (min(wide) - margin, max(wide) + margin) if wide else (0.0, 0.0)
        self.add(0.0, 0.5)

    def add(self, first: float, step: float) -> None:
        start, stop = (self.low - first) / step, (self.high - first) / step
        for i in range(math.ceil(start), math.floor(stop) + 1):
            self.total += self.node(first + i * step)


def _settled(nodes: list[tuple[Node, float, int]], known: arb) -> arb:
    """The sum of the integrals over all panels, and ``known``."""
    rows = [_Row(*node) for node in nodes]
    step = 0.5
    previous = known + step * sum((row.total for row in rows), arb(0))
    for _ in range(10):
        for row in rows:
            row.add(step / 2, step)
        step /= 2
        value = known + step * sum((row.total for row in rows), arb(0))
        gap = abs(value.mid() - previous.mid()).upper()
        size = abs(value.mid())
        if not value.is_finite():  # too few bits
            return value
        if gap <= size * arb(2) ** -AGREE:
            return value + arb(0, (gap * (gap / size).sqrt()).upper())
        previous = value
    raise ArithmeticError("the sums over the panels do not settle")


class _Pair:
    """s_1 Z_1 + s_2 Z_2 without its shift."""

    def __init__(self, one: tuple[Formulas, dict[str, Any]], s1: Fraction, two: Term) -> None:
        self.one, self.ends1 = one
        self.two, self.ends2 = STANDARD[two.law](two.params)
        self.s1, self.s2 = s1, two.scale

    def _breaks(self, ends: dict[str, Any]) -> set[Fraction]:
        return {*ends.get("kinks", ()), ends.get("low"), ends.get("high")} - {None}

    def panels(self, x: Fraction) -> list[tuple[End, End]]:
        """The panels of z: between the breaks of both laws and the centres of their mass."""
        low, high = self.ends2.get("low", -math.inf), self.ends2.get("high", math.inf)
        cuts = self._breaks(self.ends2) | {Fraction(0), Fraction(1)}
        mapped = self._breaks(self.ends1) | {Fraction(0), Fraction(1)}
        cuts |= {(x - self.s1 * k) / self.s2 for k in mapped}
        ends = [low, *sorted(c for c in cuts if low < c < high), high]
        return list(pairwise(ends))

    def value(self, x: Fraction, which: str) -> arb:
        """One of cdf, sf, pdf of the sum."""
        order = {"cdf": 0, "sf": 1, "pdf": 2}
        index = order[which] if which == "pdf" or self.s1 > 0 else 1 - order[which]
        outside = {0: (0, 1), 1: (1, 0), 2: (0, 0)}[index]  # below and above the support
        whole, nodes = arb(0), []
        for left, right in self.panels(x):
            inner = right - 1 if left == -math.inf else left + 1
            if math.isfinite(left) and math.isfinite(right):
                inner = (left + right) / 2
            at = (x - self.s2 * inner) / self.s1
            if at < self.ends1.get("low", -math.inf):
                whole += outside[0] * self.share(left, right)
            elif at > self.ends1.get("high", math.inf):
                whole += outside[1] * self.share(left, right)
            else:
                nodes.append(self.node(x, left, right, self.one[index]))
        out = _settled(nodes, whole) if nodes else whole
        return out / ball(abs(self.s1)) if which == "pdf" else out

    def share(self, left: End, right: End) -> arb:
        """P(left < Z_2 < right)."""
        cdf, sf, _ = self.two
        if left == self.ends2.get("low", -math.inf):
            return arb(1) if right == self.ends2.get("high", math.inf) else cdf(ball(right))
        if right == self.ends2.get("high", math.inf):
            return sf(ball(left))
        if left >= 0:
            return sf(ball(left)) - sf(ball(right))
        return cdf(ball(right)) - cdf(ball(left))

    def node(self, x: Fraction, left: End, right: End, first: Callable[[arb], arb]) -> Any:
        """The term at v, with dz/dv, how far v may go, and how many places to look at."""
        s1, s2, at, pdf = ball(self.s1), ball(self.s2), ball(x), self.two[2]
        is_open = not (math.isfinite(left) and math.isfinite(right))
        length = arb(1) if is_open else ball(right - left)
        is_long = is_open or length > LONG
        start = None if left == -math.inf else ball(left)
        stop = None if right == math.inf else ball(right)

        def term(z: arb) -> arb:
            return first((at - s2 * z) / s1) * pdf(z)

        def value(v: float) -> arb:
            s, slope = (arb(v), arb(1)) if is_long else _double(v)
            grown = (s if is_open else -abs(s)).exp()
            if stop is None:
                return term(start + grown) * grown * slope
            if start is None:
                return term(stop - grown) * grown * slope
            distance = length * grown / (1 + grown)
            weight = distance / (1 + grown) * slope
            return term(start + distance if v < 0 else stop - distance) * weight

        return (value, 1000.0, 500) if is_long else (value, 7.0, 56)


def _double(v: float) -> tuple[arb, arb]:
    sinh, cosh = arb(v).sinh_cosh()
    return 2 * sinh, 2 * cosh


def _reference(both: _Pair, shift: Fraction) -> Reference:
    def at(which: str) -> Callable[[Fraction], arb]:
        return lambda x: both.value(x - shift, which)

    ends = []
    for low, high in (("low", "high"), ("high", "low")):
        names = (low if both.s1 > 0 else high, low if both.s2 > 0 else high)
        parts = [both.ends1.get(names[0]), both.ends2.get(names[1])]
        ends.append(None if None in parts else both.s1 * parts[0] + both.s2 * parts[1] + shift)
    inner = [both._breaks(e) for e in (both.ends1, both.ends2)]
    kinks = {both.s1 * j + both.s2 * k + shift for j in inner[0] for k in inner[1]}
    return Reference(
        *map(at, ("cdf", "sf", "pdf")),
        low=ends[0],
        high=ends[1],
        kinks=tuple(sorted(kinks - set(ends))),
        spread=float(both.s1**2 + both.s2**2) ** 0.5,
        bits=384,
    )


def pair(terms: list[Term]) -> Reference:
    """The law of a sum of two terms."""
    one, two = terms
    return _reference(_Pair(STANDARD[one.law](one.params), one.scale, two), total_shift(terms))


def triple(terms: list[Term]) -> Reference:
    """A uniform, an exponential and a third term: the sum of the first two has a short formula."""
    uniform, exponential, two = terms
    b, theta = abs(uniform.scale), exponential.scale

    def rising(z: arb) -> arb:  # theta (1 - exp(-(z + b) / theta))
        return -((-(z + ball(b)) / ball(theta)).expm1()) * ball(theta)

    def tail(z: arb) -> arb:  # beyond b
        down = (-(z + ball(b)) / ball(theta)).exp()
        return down * (ball(2 * b) / ball(theta)).expm1() / ball(2 * b)

    def cdf(z: arb) -> arb:
        if z < ball(b):
            return (z + ball(b) - rising(z)) / ball(2 * b)
        return 1 - tail(z) * ball(theta)

    def sf(z: arb) -> arb:
        return 1 - cdf(z) if z < ball(b) else tail(z) * ball(theta)

    def pdf(z: arb) -> arb:
        return rising(z) / ball(2 * b * theta) if z < ball(b) else tail(z)

    both = _Pair(((cdf, sf, pdf), {"low": -b, "kinks": (b,)}), Fraction(1), two)
    return _reference(both, total_shift(terms))
