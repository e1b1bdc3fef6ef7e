"""Where a function is at most y: roots of polynomials and of waves, certified."""

from __future__ import annotations

import math
from collections.abc import Callable
from fractions import Fraction
from itertools import pairwise

from flint import arb, ctx, fmpz_poly
from linear_truths.balls import ball

from .laws import Bounds


def real_roots(coefficients: list[Fraction]) -> list[arb]:
    """The simple real roots of a polynomial with the constant first, ascending."""
    common = math.lcm(*(c.denominator for c in coefficients))
    found = fmpz_poly([int(c * common) for c in coefficients]).complex_roots()
    real = [root.real for root, _ in found if root.imag == 0]
    return sorted(real, key=lambda r: float(r.mid()))


def rising_below(roots: list[arb]) -> Bounds:
    """Where a function is at most y that comes from below and passes y at the roots."""
    ends = [None, *roots]
    return [(ends[i], ends[i + 1]) for i in range(0, len(ends) - 1, 2)]


def cubic_below(y: Fraction) -> Bounds:
    """Where z^3 - 3 z <= y."""
    return rising_below(real_roots([-y, Fraction(-3), Fraction(0), Fraction(1)]))


class Spike:
    """z + height / (1 + ((z - middle) / width)^2)."""

    def __init__(self, height: float, middle: float, width: float) -> None:
        self.height, self.middle, self.width = map(Fraction, (height, middle, width))

    def below(self, y: Fraction) -> Bounds:
        """Where it is at most y: with z = middle + width v it is (shift + width v) (1 + v^2)."""
        shift = self.middle - y
        roots = real_roots([shift + self.height, self.width, shift, self.width])
        return rising_below([ball(self.middle) + ball(self.width) * v for v in roots])

    def kinks(self) -> list[float]:
        """Its values where its slope, width (1 + v^2)^2 - 2 height v, is 0."""
        w = self.width
        flat = real_roots([w, -2 * self.height, 2 * w, Fraction(0), w])
        at = [float(v.mid()) for v in flat]
        middle, width, height = map(float, (self.middle, self.width, self.height))
        return [middle + width * v + height / (1.0 + v * v) for v in at]


def wave_below(y: Fraction, size: Fraction, rate: int, low: float, high: float) -> Bounds:
    """Where z + size sin(rate z) <= y, for z that may lie in [low, high]."""
    target, amount = ball(y), ball(size)

    def gap(z: arb) -> arb:
        return z + amount * (rate * z).sin() - target

    reach = float(size) * 1.01
    start, stop = max(float(y) - reach, low - reach), min(float(y) + reach, high + reach)
    return rising_below(
        [
            root
            for a, b in _branches(size, rate, start, stop)
            if (root := _root(gap, a, b)) is not None
        ]
    )


def _branches(size: Fraction, rate: int, start: float, stop: float) -> list[tuple[arb, arb]]:
    """The monotone pieces that meet [start, stop]: between the zeros of the slope."""
    steep = size * rate
    angle = arb.pi() if steep <= 1 else (-1 / ball(steep)).acos()
    first, last = (math.floor(x * rate / (2 * math.pi)) for x in (start, stop))
    cuts: list[arb] = []
    for n in range(first - 1, last + 2):
        turn = 2 * n * arb.pi()
        cuts += [(turn + angle) / rate]
        cuts += [(turn + 2 * arb.pi() - angle) / rate] if steep > 1 else []
    return list(pairwise(cuts))


def _root(gap: Callable[[arb], arb], low: arb, high: arb) -> arb | None:
    """The root on a monotone piece by bisection, while the signs are certain."""
    at_low, at_high = gap(low), gap(high)
    if (at_low > 0) == (at_high > 0):
        return None
    rising = bool(at_high > 0)
    for _ in range(2 * ctx.prec):
        # The middle may be the root itself, whose sign no ball tells: then beside it.
        for share in (arb(0.5), arb(0.375)):
            middle = (low + share * (high - low)).mid()
            value = gap(middle)
            if value > 0 or value < 0:
                break
        else:
            break
        if (value > 0) == rising:
            high = middle
        else:
            low = middle
    return low.union(high)
