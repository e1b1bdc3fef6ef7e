"""Operations of two inputs whose laws are closed forms, but for checks."""

from __future__ import annotations

import math
from collections.abc import Callable
from fractions import Fraction

from flint import acb, arb
from linear_truths.balls import Reference, ball
from linear_truths.single import upper_normal

from .case import Case
from .integrals import cosh_integral, depth, exponential_mean, positive_mean, tail
from .laws import (
    Spec,
    exponential,
    gamma,
    input_law,
    known,
    normal,
    preimage,
    result,
    symmetric,
    uniform,
)

ZERO, ONE = Fraction(0), Fraction(1)
HALF_LINE = {"low": ZERO}
SEGMENT = {"low": ZERO, "high": ONE}
CIRCLE = {"low": -ONE, "high": ONE}
FLAT = uniform(0.0, 1.0)


def product_of(*values: float) -> Fraction:
    """The exact product of doubles."""
    return math.prod(map(Fraction, values))


def extreme(specs: tuple[Spec, Spec], largest: bool) -> Reference:
    """The law of the larger or the smaller one of two inputs."""
    one, two = map(known, specs)

    def both(which: str) -> Callable[[Fraction], arb]:
        return lambda y: getattr(one, which)(y) * getattr(two, which)(y)

    def either(which: str) -> Callable[[Fraction], arb]:  # with other, positive terms alone
        other = {"cdf": "sf", "sf": "cdf"}[which]
        return lambda y: getattr(one, which)(y) + getattr(two, which)(y) * getattr(one, other)(y)

    if largest:
        return result(both("cdf"), either("sf"), low=one.low, high=one.high)
    return result(either("cdf"), both("sf"), low=one.low, high=one.high)


def _extremes() -> list[Case]:
    a, b = normal(0.2, 1.1), normal(-0.3, 0.7)
    e, f = exponential(1.3), exponential(0.6)
    other = ("Logistic", {"loc": 0.1, "scale": 0.5})
    rate = 1 / (1 / Fraction(1.3) + 1 / Fraction(0.6))
    return [
        Case("max of two normals", "max", (a, b), extreme((a, b), True)),
        Case("min of two normals", "min", (a, b), extreme((a, b), False)),
        Case("max of exponentials", "max", (e, f), extreme((e, f), True)),
        Case(
            "min of exponentials",
            "min",
            (e, f),
            result(sf=lambda y: (-ball(y / rate)).exp(), **HALF_LINE),
            second=extreme((e, f), False),
        ),
        Case("lesser of two laws", "where less", (a, other), extreme((a, other), False)),
    ]


def _uniforms() -> list[Case]:
    size = product_of(1.5, 0.7)

    def product(y: Fraction) -> arb:
        share = ball(y / size)
        return share * (1 - share.log())

    def signed(y: Fraction) -> arb:
        share = ball(y / size)
        return (1 - share + share * share.log()) / 2

    def ratio(y: Fraction) -> arb:
        return ball(y) / 2 if y <= 1 else 1 - 1 / ball(2 * y)

    def power(y: Fraction) -> arb:  # P(A <= y^(1 / B)), with u = 1 / b
        return (-ball(y).log()).expint(arb(2))

    def power_by_mean(y: Fraction) -> arb:
        log = ball(y).log()
        return positive_mean(lambda _: acb(1), lambda t, _: (log / t).exp(), arb(0), depth())

    def by_angle(y: Fraction) -> arb:  # Craig's formula
        x = ball(y)
        return cosh_integral(lambda c: (-x * x * c * c / 2).exp()) / arb.pi()

    return [
        Case(
            "product of uniforms",
            "product",
            (uniform(0.0, 1.5), uniform(0.0, 0.7)),
            result(product, low=ZERO, high=size),
        ),
        Case(
            "product of symmetric uniforms",
            "product",
            (uniform(-1.5, 1.5), uniform(-0.7, 0.7)),
            symmetric(signed, low=-size, high=size),
            tags=("singular density",),
        ),
        Case(
            "ratio of uniforms",
            "ratio",
            (FLAT, FLAT),
            result(
                ratio, lambda y: 1 / ball(2 * y) if y >= 1 else 1 - ratio(y), low=ZERO, kinks=(ONE,)
            ),
            tags=("pole", "heavy tails"),
        ),
        Case(
            "distance of uniforms",
            "distance",
            (FLAT, FLAT),
            result(lambda y: ball(y * (2 - y)), lambda y: ball((1 - y) ** 2), **SEGMENT),
        ),
        Case(
            "power of uniforms",
            "power",
            (FLAT, FLAT),
            result(power, **SEGMENT),
            second=result(power_by_mean, **SEGMENT),
        ),
        Case(
            "Box-Muller",
            "Box-Muller",
            (FLAT, FLAT),
            known(normal()),
            how="closed form for pi itself",
            second=symmetric(by_angle),
        ),
    ]


def _exponentials() -> list[Case]:
    a, b = exponential(1.3), exponential(0.6)
    scale = Fraction(1.3) / Fraction(0.6)
    laplace = ("Laplace", {"loc": 0.0, "scale": 0.9})
    squared = product_of(0.9, 0.9)

    def products(y: Fraction) -> arb:  # of two Laplace latents
        x = ball(y / squared)
        return x.sqrt() * (2 * x.sqrt()).bessel_k(arb(1))

    def by_mean(y: Fraction) -> arb:
        x = ball(y / squared)
        return exponential_mean(lambda t, _: (-x / t).exp()) / 2

    def rooted(y: Fraction) -> arb:  # 0.75 N sqrt(2 E)
        x = ball(y / Fraction(0.75))
        return exponential_mean(lambda t, a: tail(x / (2 * t).sqrt(analytic=a)))

    def over_root(
        y: Fraction,
    ) -> arb:  # the density of the gamma law is sqrt(t) exp(-t) 2 / sqrt(pi)
        x = ball(y)

        def g(t: acb, analytic: bool) -> acb:
            root = t.sqrt(analytic=analytic)
            return 2 * root * tail(x * root) / arb.pi().sqrt()

        return exponential_mean(g)

    return [
        Case(
            "ratio of exponentials",
            "ratio",
            (a, b),
            result(
                lambda y: ball(y / (y + scale)), lambda y: ball(scale / (y + scale)), **HALF_LINE
            ),
            tags=("pole", "heavy tails"),
        ),
        Case(
            "distance of exponentials",
            "distance",
            (a, a),
            known(a),
        ),
        Case(
            "share of exponentials",
            "share",
            (a, a),
            known(FLAT),
        ),
        Case(
            "share of gammas",
            "share",
            (gamma(1.5), gamma(2.25)),
            known(("Beta", {"a": 1.5, "b": 2.25})),
        ),
        Case(
            "floor of a sum of exponentials",
            "floor of sum",
            (exponential(), exponential()),
            preimage(gamma(2.0), lambda y: [(None, arb(math.floor(y) + 1))], low=ZERO),
            how="gamma law",
            atoms=_steps(gamma(2.0), 74),
            tags=("atoms",),
        ),
        Case(
            "product of Laplaces",
            "product",
            (laplace, laplace),
            symmetric(products),
            how="closed form (Bessel K1)",
            second=symmetric(by_mean),
            tags=("singular density",),
        ),
        Case(
            "product of a beta and a gamma",
            "product",
            (("Beta", {"a": 1.5, "b": 2.0}), gamma(3.5)),
            known(gamma(1.5)),
        ),
        Case(
            "normal times the root of an exponential",
            "root times",
            (exponential(2.0), normal(0.0, 0.75)),
            known(("Laplace", {"loc": 0.0, "scale": 0.75})),
            second=symmetric(rooted),
        ),
        Case(
            "normal over the root of a gamma",
            "over root",
            (normal(), gamma(1.5)),
            _student_over_root(),
            second=symmetric(over_root),
            tags=("heavy tails", "pole"),
        ),
    ]


def _steps(spec: Spec, n: int) -> tuple[tuple[float, Callable[[], arb]], ...]:
    """The atoms of the whole part of a law."""
    law = input_law(spec)
    return tuple((float(k), lambda k=k: law.mass(arb(k), arb(k + 1))) for k in range(n))


def _student_over_root() -> Reference:
    """N / sqrt(G) for G of shape 3 / 2: chi^2_3 is 2 G, so it is T_3 sqrt(2 / 3)."""
    law = input_law(("StudentT", {"df": 3.0}))
    return symmetric(lambda y: law.sf(ball(y) * (arb(3) / 2).sqrt()))


def _normals() -> list[Case]:
    a, b, sigma = normal(0.0, 1.3), normal(0.0, 0.7), normal(0.0, 1.3)
    scale = Fraction(1.3) / Fraction(0.7)
    variance = product_of(1.3, 1.3)
    half, turn = Fraction(math.pi / 2), Fraction(math.pi)

    def arcs(count: int, end: Fraction) -> Reference:  # uniform between -pi / count and pi / count
        return result(
            lambda y: arb(0.5) + ball(y) * count / arb.pi() / 2,
            lambda y: arb(0.5) - ball(y) * count / arb.pi() / 2,
            low=-end,
            high=end,
        )

    return [
        Case(
            "ratio of centred normals",
            "ratio",
            (a, b),
            _cauchy(scale),
            tags=("pole", "heavy tails"),
        ),
        Case(
            "product of lognormals",
            "product",
            (("LogNormal", {"s": 0.75}), ("LogNormal", {"s": 1.0})),
            known(("LogNormal", {"s": 1.25})),
        ),
        Case(
            "norm of two normals",
            "norm",
            (sigma, sigma),
            result(sf=lambda y: (-ball(y * y / variance) / 2).exp(), **HALF_LINE),
        ),
        Case(
            "sum of two squares",
            "sum of squares",
            (sigma, sigma),
            result(sf=lambda y: (-ball(y / variance) / 2).exp(), **HALF_LINE),
        ),
        Case("arctan of a ratio", "arctan of ratio", (b, b), arcs(2, half), tags=("pole",)),
        Case("angle of two normals", "arctan2", (b, b), arcs(1, turn)),
        Case(
            "first of two normalised",
            "normalised",
            (b, b),
            known(("Arcsine", {"low": -1.0, "high": 1.0})),
        ),
        Case(
            "softmax of two normals",
            "softmax",
            (normal(0.2, 0.6), normal(0.1, 0.8)),
            _difference(),
        ),
        _clipped(),
        _vicinity(),
    ]


def _cauchy(scale: Fraction) -> Reference:
    return symmetric(lambda y: arb.atan2(ball(scale), ball(y)) / arb.pi(), spread=float(scale))


def _difference() -> Reference:
    """The logistic function of A - B, whose mean and variance are those of the doubles."""
    mean = Fraction(0.2) - Fraction(0.1)
    variance = product_of(0.6, 0.6) + product_of(0.8, 0.8)

    def z(y: Fraction) -> arb:
        return ((ball(y) / ball(1 - y)).log() - ball(mean)) / ball(variance).sqrt()

    return result(lambda y: upper_normal(-z(y)), lambda y: upper_normal(z(y)), **SEGMENT)


def _clipped() -> Case:
    """A sum of normals clipped to [-1, 1]."""
    a, b = normal(0.2, 0.6), normal(0.1, 0.8)
    mean, variance = Fraction(0.2) + Fraction(0.1), product_of(0.6, 0.6) + product_of(0.8, 0.8)

    def z(y: Fraction) -> arb:
        return ball(y - mean) / ball(variance).sqrt()

    law = result(lambda y: upper_normal(-z(y)), lambda y: upper_normal(z(y)), **CIRCLE)
    atoms = ((-1.0, lambda: law.cdf(-ONE)), (1.0, lambda: law.sf(ONE)))
    return Case("clip of a sum", "clipped sum", (a, b), law, atoms=atoms, tags=("atoms",))


def _vicinity() -> Case:
    """Z / 2 + (Z + U / 2) / (2 sqrt(5 / 4)) for normals: linear, so normal."""

    def z(y: Fraction) -> arb:
        root = (arb(5) / 4).sqrt()
        return ball(y) / ((arb(0.5) + 0.5 / root) ** 2 + (0.25 / root) ** 2).sqrt()

    return Case(
        "vicinity lerp of normals",
        "vicinity lerp",
        (normal(), normal()),
        symmetric(lambda y: upper_normal(z(y))),
        tags=("linear", "repeated latent"),
    )


def _gates() -> list[Case]:
    a, b, even = normal(0.1, 1.2), normal(0.3, 1.0), normal(0.0, 0.8)
    law, chance = input_law(a), lambda: upper_normal(-ball(Fraction(0.3)))

    def leaky(which: str) -> Callable[[Fraction], arb]:
        side = getattr(law, which)
        return lambda y: chance() * side(ball(y)) + (1 - chance()) * side(ball(y / 2))

    masked = result(
        lambda y: law.cdf(ball(y)) / 2 + (arb(0.5) if y >= 0 else 0),
        lambda y: law.sf(ball(y)) / 2 + (0 if y >= 0 else arb(0.5)),
    )
    return [
        Case(
            "leaky gate",
            "leaky gate",
            (a, b),
            result(leaky("cdf"), leaky("sf")),
        ),
        Case(
            "mask of a normal",
            "mask",
            (a, even),
            masked,
            atoms=((0.0, lambda: arb(0.5)),),
            tags=("atoms",),
        ),
    ]


CASES = [*_extremes(), *_uniforms(), *_exponentials(), *_normals(), *_gates()]
