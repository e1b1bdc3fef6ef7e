"""Means over one input as certified integrals (acb.integral), what is cut off stated as a ball.

Every mean is that of a probability, between 0 and 1, so that what lies beyond a range is at most
the mass there: 2^-precision by the choice of the range.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import pairwise

from flint import acb, arb, ctx

Integrand = Callable[[acb, bool], acb]  # the second argument: whether to prove analyticity
I = acb(0, 1)


def phi(t: acb) -> acb:
    """The standard normal density."""
    return (-t * t / 2).exp() / (2 * arb.pi()).sqrt()


def tail(t: acb) -> acb:
    """P(N > t).

    Far out |erfc(z)| <= |exp(-z^2)|, as |w| <= 1 in the upper half plane (DLMF 7.7.1), is enough.
    """
    if t.real < 0:
        return 1 - tail(-t)
    if t.real > 0 and (t * t).real > 4 * depth():
        nothing = negligible() * negligible()
        return acb(nothing, nothing)
    return (t / arb(2).sqrt()).erfc() / 2


def integral(f: Integrand, ends: Sequence[arb | float]) -> arb:
    """Over the ends, in pieces."""
    pieces = [acb.integral(f, acb(a), acb(b), eval_limit=10**6) for a, b in pairwise(ends)]
    return sum((p.real for p in pieces), arb(0))


def negligible() -> arb:
    """What a mean may change by where a mass of 2^-precision is left out."""
    return arb(0, arb(2) ** -ctx.prec)


def depth() -> arb:
    """The s with exp(-s) = 2^-precision."""
    return arb(2).log() * ctx.prec


def normal_mean(g: Integrand, cuts: Sequence[float] = ()) -> arb:
    """E g(N), for g between 0 and 1 and analytic between the cuts."""
    reach = (2 * depth()).sqrt() + 1
    return integral(lambda t, a: phi(t) * g(t, a), [-reach, *cuts, reach]) + negligible()


def positive_mean(density: Callable[[acb], acb], g: Integrand, high: arb, low: arb) -> arb:
    """E g(T) for T > 0, by t = exp(s): P(T > exp(high)) and P(T < exp(-low)) are negligible."""

    def f(s: acb, analytic: bool) -> acb:
        t = s.exp()
        return density(t) * g(t, analytic) * t

    return integral(f, [-low, arb(0), high]) + 2 * negligible()


def half_normal_mean(g: Integrand) -> arb:
    """E g(|N|), for g that may be singular at 0: the density is at most 1."""
    return positive_mean(lambda t: 2 * phi(t), g, (2 * depth()).log() / 2 + 1, depth())


def exponential_mean(g: Integrand) -> arb:
    """E g(E) for the exponential law, for g that may be singular at 0."""
    return positive_mean(lambda t: (-t).exp(), g, depth().log() + 1, depth())


def half_cauchy_mean(g: Integrand) -> arb:
    """E g(|C|); the density and what is beyond exp(s) are at most 2 / pi and exp(-s)."""
    return positive_mean(lambda t: 2 / (arb.pi() * (1 + t * t)), g, depth(), depth())


def cosh_integral(g: Callable[[acb], acb]) -> arb:
    """The integral of g(cosh v) / cosh v over v > 0, for g between 0 and 1.

    It is that of g(1 / cos t) over t from 0 to pi / 2.
    """

    def f(v: acb, _: bool) -> acb:
        c = v.cosh()
        return g(c) / c

    return integral(f, [arb(0), arb(1), depth() + 2]) + negligible()
