"""Laws with a moment generating function M: inversion along a path through the saddle point.

    sf(x) = int M(t) exp(-x t) / t dt / (2 pi i),  over c + i R with c > 0,

and minus that with c < 0 for the cdf, without 1 / t for the density. The path is t(v) = c + d
(i sinh v + k (cosh v - 1)): its nodes lie close together where the saddle or a singularity is near
and far apart where M dies out. Where k is not 0, it bends the path to the side where M(t) exp(-x t)
is small; all singularities are on the real axis. The trapezoidal rule converges geometrically. Its
step is halved until two results agree to ``AGREE`` bits; their difference, in truth the error of
the coarser one, is added to the ball.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable
from fractions import Fraction
from functools import lru_cache
from typing import Any

from flint import acb, arb, ctx

from .balls import Reference, ball
from .terms import Term, total_shift

AGREE = 104
INF = math.inf
Factor = Callable[[acb], acb]


def _beta(params: Any) -> Factor:
    a, b = Fraction(params["a"]), Fraction(params["b"])
    return lambda s: s.hypgeom_1f1(ball(a), ball(a + b))


# law -> (factor of M at s = scale t, strip of s, support of the standard law)
FACTORS: dict[str, Callable[[Any], tuple[Factor, tuple, tuple]]] = {
    "Normal": lambda _: (lambda s: (s * s / 2).exp(), (-INF, INF), (-INF, INF)),
    "Uniform": lambda _: (lambda s: (s * acb(0, 1)).sinc(), (-INF, INF), (-1, 1)),
    "Laplace": lambda _: (lambda s: 1 / (1 - s * s), (-1, 1), (-INF, INF)),
    "Logistic": lambda _: (lambda s: 1 / s.sinc_pi(), (-1, 1), (-INF, INF)),
    "Gumbel": lambda _: (lambda s: (1 - s).gamma(), (-INF, 1), (-INF, INF)),
    "Exponential": lambda _: (lambda s: 1 / (1 - s), (-INF, 1), (0, INF)),
    "Gamma": lambda p: (
        lambda s: (1 - s) ** -ball(p["shape"]), (-INF, 1), (0, INF)
    ),
    "Arcsine": lambda _: (lambda s: (s * s / 4).hypgeom_0f1(1), (-INF, INF), (-1, 1)),
    "Beta": lambda p: (_beta(p), (-INF, INF), (0, 1)),
}  # fmt: skip


class _Sum:
    """The generating function of a sum without its shift."""

    def __init__(self, terms: list[Term]) -> None:
        groups = Counter((t.law, tuple(sorted(t.params.items())), t.scale) for t in terms)
        self.factors = []
        self.strip, self.low, self.high = (-INF, INF), Fraction(0), Fraction(0)
        self.tilt = Fraction(0)  # of Gumbel's gamma functions, which die out to the right only
        self.box = [Fraction(0), Fraction(0)]  # the support of all bounded terms
        ends: list[Any] = [Fraction(0), Fraction(0)]
        for (law, params, scale), count in groups.items():
            factor, strip, support = FACTORS[law](dict(params))
            self.factors.append((factor, scale, count))
            edges = sorted(s / float(scale) for s in strip)
            self.strip = max(self.strip[0], edges[0]), min(self.strip[1], edges[1])
            pair = support if scale > 0 else support[::-1]
            for i in (0, 1):
                known = ends[i] is not None and math.isfinite(pair[i])
                ends[i] = ends[i] + Fraction(pair[i]) * scale * count if known else None
            if law == "Gumbel":
                self.tilt += scale * count
            if math.isfinite(support[0]) and math.isfinite(support[1]):
                self.box = [
                    b + Fraction(p) * scale * count for b, p in zip(self.box, pair, strict=True)
                ]
        self.low, self.high = ends
        self.has_both = math.isfinite(self.strip[0]) and math.isfinite(self.strip[1])

    def bend(self, x: Fraction) -> float:
        """The k of the path."""
        side = 1 if x > self.box[1] else -1 if x < self.box[0] else 0
        if side * self.tilt < 0 and (not self.has_both or abs(x) < 3 * abs(self.tilt)):
            return 0.0
        return side * 0.4

    def at(self, t: acb) -> acb:
        out = acb(1)
        for factor, scale, count in self.factors:
            out *= factor(t * ball(scale)) ** count
        return out


class _Saddle:
    """Where the path crosses the real axis, and how wide the pass is."""

    def __init__(self, law: _Sum, x: Fraction, side: int, order: int) -> None:
        self.law, self.x, self.order, self.side = law, x, order, side
        self.edge = law.strip[1] if side > 0 else -law.strip[0]

    def place(self, w: float) -> arb:
        s = arb(w).exp()
        return self.side * (s if self.edge == INF else arb(self.edge) * s / (1 + s))

    def height(self, c: arb) -> arb:
        value = self.law.at(acb(c)).real.log() - c * ball(self.x)
        return (value - self.order * abs(c).log()).mid()

    def find(self) -> tuple[float, float, float]:
        """The saddle c, its width and its height."""
        before, ctx.prec = ctx.prec, 256
        low, high = -60.0, 710.0 if self.edge == INF else 60.0
        while high - low > 1e-3:
            a, b = low + 0.45 * (high - low), low + 0.55 * (high - low)
            p, q = self.height(self.place(a)), self.height(self.place(b))
            low, high = (low, b) if not p > q else (a, high)
        c = self.place((low + high) / 2)
        room = abs(c) if self.edge == INF else min(abs(c), arb(self.edge) - abs(c))
        e = (room / 2**20).mid()
        c = c.mid()
        level = self.height(c)
        bend = (self.height(c + e) + self.height(c - e) - 2 * level) / (e * e)
        width = 1 / bend.sqrt() if bend > 0 else room / 2
        ctx.prec = before
        return c, width.mid(), level


def _trapezoid(node: Callable[[arb], arb]) -> arb:
    """The integral over (0, inf) of an even function."""

    def row(first: float, step: float) -> arb:
        total, v, quiet = arb(0), first, 0
        while quiet < 6:
            value = node(arb(v))
            total += value
            small = abs(value).upper() <= abs(total).upper() * arb(2) ** -150
            quiet = quiet + 1 if small else 0
            v += step
        return total

    step = 0.25
    total = node(arb(0)) / 2 + row(step, step)
    previous = total * step
    for _ in range(6):
        total += row(step / 2, step)
        step /= 2
        value = total * step
        gap = abs(value - previous).upper()
        if gap < abs(value).lower() * arb(2) ** -AGREE:
            return value + arb(0, gap)
        previous = value
    raise ArithmeticError("the trapezoidal rule does not settle")


def contour(terms: list[Term]) -> Reference:
    """The law of a sum of such terms."""
    law, shift = _Sum(terms), total_shift(terms)

    @lru_cache(maxsize=64)
    def saddle(x: Fraction, side: int, order: int) -> tuple[Any, Any, Any]:
        return _Saddle(law, x, side, order).find()

    def integral(x: Fraction, side: int, order: int) -> arb:
        c, width, _ = saddle(x, side, order)
        bent = law.bend(x)
        at = ball(x)

        def node(v: arb) -> arb:
            sinh, cosh = v.sinh_cosh()
            t = acb(c + width * bent * (cosh - 1), width * sinh)
            value = law.at(t) * (-t * at).exp() * acb(cosh, -bent * sinh) * width
            return (value / t if order else value).real

        return _trapezoid(node) / arb.pi()

    def pdf(x: Fraction) -> arb:
        side = 1 if saddle(x, 1, 0)[2] < saddle(x, -1, 0)[2] else -1
        return integral(x, side, 0)

    return Reference(
        cdf=lambda x: -integral(x - shift, -1, 1),
        sf=lambda x: integral(x - shift, 1, 1),
        pdf=lambda x: pdf(x - shift),
        low=None if law.low is None else law.low + shift,
        high=None if law.high is None else law.high + shift,
        spread=float(sum(t.scale**2 for t in terms)) ** 0.5,
    )
