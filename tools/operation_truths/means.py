"""Operations of two and three inputs whose laws are one integral, and some in closed form."""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction

from flint import acb, arb
from linear_truths.balls import Reference, ball
from linear_truths.single import upper_normal

from .case import Case
from .integrals import (
    I,
    cosh_integral,
    depth,
    exponential_mean,
    half_cauchy_mean,
    half_normal_mean,
    integral,
    negligible,
    normal_mean,
    tail,
)
from .laws import exponential, known, normal, result, symmetric, uniform
from .two import SEGMENT, ZERO, product_of

HOW = "one certified integral"
Tail = Callable[[Fraction], arb]
FLAT, STANDARD = uniform(0.0, 1.0), normal()


def number(value: float) -> arb:
    """A double as a ball."""
    return ball(Fraction(value))


def bessel(variance: Fraction) -> Tail:
    """The upper tail of a product of centred normals: the integral of its density K_0(x) / pi."""

    def sf(y: Fraction) -> arb:
        x = ball(y) / ball(variance).sqrt()
        return cosh_integral(lambda c: (-x * c).exp()) / arb.pi()

    return sf


def scaled_normal(variance: Fraction) -> Tail:
    """The same by conditioning on one of the normals."""

    def sf(y: Fraction) -> arb:
        x = ball(y) / ball(variance).sqrt()
        return half_normal_mean(lambda t, _: tail(x / t))

    return sf


def _products() -> list[Case]:
    a, b = normal(0.0, 1.3), normal(0.0, 0.7)
    variance = product_of(1.3, 0.7) ** 2
    near, far = normal(0.5, 1.0), normal(-0.3, 1.2)

    def shifted(y: Fraction, sign: int) -> arb:  # P(sign A B > y), given A = t and given A = -t
        x, m, n, s = ball(y), number(0.5), sign * number(-0.3), number(1.2)

        def given(side: int) -> arb:
            def g(t: acb, _: bool) -> acb:  # the density of A over that of a centred normal
                weight = (side * m * t - m * m / 2).exp() / 2
                return weight * tail(side * (side * x / t - n) / s)

            return half_normal_mean(g)

        return given(1) + given(-1)

    def upper(y: Fraction) -> arb:
        return shifted(y, 1) if y > 0 else 1 - shifted(-y, -1)

    def exponential_scale(y: Fraction) -> arb:
        x = ball(y) / number(1.5)
        return exponential_mean(lambda t, _: tail(x / t))

    def cauchy_product(y: Fraction) -> arb:  # density 2 log(x) / (pi^2 (x^2 - 1)) at x = exp(s)
        start = ball(y).log()
        stop = depth() + 40
        rest = arb(0, 1) * 4 * (stop + 1) * (-stop).exp()
        return (integral(lambda s, _: 1 / (s * I).sinc(), [start, stop]) + rest) / arb.pi() ** 2

    def student(y: Fraction) -> arb:  # of T_3 U: S(y) - y int_y^inf f(x) / x dx
        q = ball(y * y / 3)
        u = q.sqrt()
        sf = (arb.atan2(arb(1), u) - u / (1 + q)) / arb.pi()
        return sf - ball(y) * ((1 / q).log1p() - 1 / (1 + q)) / (arb.pi() * arb(3).sqrt())

    cauchy = ("Cauchy", {"loc": 0.0, "scale": 1.0})
    singular = ("singular density",)
    return [
        Case(
            "product of centred normals",
            "product",
            (a, b),
            symmetric(bessel(variance)),
            how=HOW,
            second=symmetric(scaled_normal(variance)),
            tags=singular,
        ),
        Case(
            "product of shifted normals",
            "product",
            (near, far),
            result(sf=upper),
            how=HOW,
            tags=singular,
        ),
        Case(
            "product of a normal and an exponential",
            "product",
            (STANDARD, exponential(1.5)),
            symmetric(exponential_scale),
            how=HOW,
            tags=singular,
        ),
        Case(
            "product of Cauchys",
            "product",
            (cauchy, cauchy),
            symmetric(cauchy_product),
            how=HOW,
            tags=(*singular, "heavy tails"),
        ),
        Case(
            "product of a Student and a uniform",
            "product",
            (("StudentT", {"df": 3.0}), FLAT),
            symmetric(student),
            tags=(*singular, "heavy tails"),
        ),
        Case(
            "product plus one factor",
            "product plus",
            (b, STANDARD),
            _plus_factor(),
            how=HOW,
            tags=singular,
        ),
    ]


def _plus_factor() -> Reference:
    """A (B + 1): given |A| = t, B + 1 or its opposite is above y / t."""

    def sf(y: Fraction) -> arb:
        x = ball(y) / number(0.7)
        return half_normal_mean(lambda t, _: (tail(x / t - 1) + tail(x / t + 1)) / 2)

    return symmetric(sf)


def _shifted_ratio() -> Case:
    """(A <= y B, B > 0) or (A >= y B, B < 0), given B = 2 + t."""

    def one(y: Fraction, which: int) -> arb:
        x, m, s, n = ball(y), number(1.0), number(0.8), number(0.5)
        reach = (2 * depth()).sqrt() + 1

        def f(t: acb, sign: int) -> acb:
            b = n + t
            return (-t * t / 2).exp() / (2 * arb.pi()).sqrt() * tail(sign * which * (x * b - m) / s)

        below = integral(lambda t, _: f(t, -1), [-reach, -n])
        above = integral(lambda t, _: f(t, 1), [-n, reach])
        return below + above + negligible()

    law = result(lambda y: one(y, -1), lambda y: one(y, 1))
    tags = ("pole", "heavy tails")
    return Case(
        "ratio of shifted normals",
        "ratio",
        (normal(1.0, 0.8), normal(0.5, 1.0)),
        law,
        HOW,
        tags=tags,
    )


def _gates() -> list[Case]:
    def gate(y: Fraction) -> arb:  # A above y (1 + exp(-B))
        x = ball(y)
        return normal_mean(lambda t, _: tail(x * (1 + (-t).exp())))

    def grown(y: Fraction) -> arb:
        x, m, s = ball(y), number(0.2), number(0.5)
        return normal_mean(lambda t, _: tail(x * (-s * t).exp() - m))

    def raised(y: Fraction) -> arb:
        x, s = ball(y), number(0.6)
        return normal_mean(lambda t, _: tail(x - s * s * t * t))

    def turned(y: Fraction) -> arb:  # Q(y / |cos|) over the circle but for what c lacks of pi
        c = Fraction(3.14159265358979311600)
        x, width = ball(y), ball(c)
        whole = 2 * cosh_integral(lambda v: tail(x * v))
        lacking = integral(lambda t, _: tail(x / t.cos()), [arb(0), arb.pi() - width])
        return (whole - lacking) / width

    def ellipse(y: Fraction) -> arb:  # by the angle
        x, s, t = ball(y), number(1.3), number(0.6)

        def f(v: acb, _: bool) -> acb:
            return (-x / (2 * ((s * v.cos()) ** 2 + (t * v.sin()) ** 2))).exp()

        return 2 * integral(f, [arb(0), arb.pi() / 2]) / arb.pi()

    circle = uniform(-3.14159265358979311600, 3.14159265358979311600)
    return [
        Case("sigmoid gate", "gate", (STANDARD, STANDARD), symmetric(gate), HOW),
        Case(
            "normal times exp of a normal",
            "times exp",
            (normal(0.2, 1.0), normal(0.0, 0.5)),
            result(sf=grown),
            HOW,
        ),
        Case(
            "normal plus a square",
            "plus square",
            (STANDARD, normal(0.0, 0.6)),
            result(sf=raised),
            HOW,
        ),
        Case("normal times a cosine", "times cos", (STANDARD, circle), symmetric(turned), HOW),
        Case(
            "sum of unequal squares",
            "sum of squares",
            (normal(0.0, 1.3), normal(0.0, 0.6)),
            result(sf=ellipse, low=ZERO),
            HOW,
        ),
    ]


def _three() -> list[Case]:
    def over(y: Fraction) -> arb:  # N C for a Cauchy C
        x = ball(y)
        return half_cauchy_mean(lambda t, _: tail(x / t))

    def plus(y: Fraction) -> arb:
        x = ball(y)
        return normal_mean(lambda t, a: tail(x / (1 + t * t).sqrt(analytic=a)))

    def gate(y: Fraction) -> arb:  # given B = t the variance is 1 + sigmoid(t)^2
        x = ball(y)

        def g(t: acb, a: bool) -> acb:
            # sqrt(1 + 1 / (1 + e)^2), cut where no ball about the real line needs to go
            return tail(x / (1 + 1 / (1 + (-t).exp()) ** 2).sqrt(analytic=a))

        return normal_mean(g)

    def above(y: Fraction) -> arb:
        x = ball(y)
        return normal_mean(lambda t, _: tail(x + t) * (1 + tail(-x - t)))

    def below(y: Fraction) -> arb:
        x = ball(y)
        return normal_mean(lambda t, _: tail(-x - t) ** 2)

    def pairs(y: Fraction) -> arb:  # eigenvalues 1, -1/2, -1/2: N^2 - E
        x = ball(y)
        if y < 0:
            return 1 - x.exp() / arb(3).sqrt()
        grown = x.exp() * 2 * upper_normal((3 * x).sqrt()) / arb(3).sqrt()
        return 2 * upper_normal(x.sqrt()) - grown

    def logs(n: int) -> Tail:  # - log of a product of n uniforms is gamma
        return lambda y: (-ball(y).log()).gamma_upper(arb(n), regularized=1)

    three, laplace = (STANDARD,) * 3, ("Laplace", {"loc": 0.2, "scale": 0.7})
    chance = lambda: upper_normal(-number(0.4))  # noqa: E731 - of the first input above 0
    one, two = known(normal(-0.5, 0.6)), known(laplace)
    chosen = [
        lambda y, w=w: chance() * getattr(one, w)(y) + (1 - chance()) * getattr(two, w)(y)
        for w in ("cdf", "sf")
    ]
    wide = product_of(0.6, 0.6) + product_of(0.8, 0.8)
    return [
        Case(
            "product of three uniforms", "product of three", (FLAT,) * 3, result(logs(3), **SEGMENT)
        ),
        Case("product plus a third", "product plus other", three, symmetric(plus), HOW),
        Case(
            "norm of three normals",
            "norm of three",
            three,
            result(sf=lambda y: ball(y * y / 2).gamma_upper(arb(1.5), regularized=1), low=ZERO),
        ),
        Case(
            "median of three uniforms",
            "median",
            (FLAT,) * 3,
            result(
                lambda y: ball(y * y * (3 - 2 * y)),
                lambda y: ball((1 - y) ** 2 * (1 + 2 * y)),
                **SEGMENT,
            ),
        ),
        Case(
            "sum times a third",
            "sum times",
            (normal(0.0, 0.6), normal(0.0, 0.8), STANDARD),
            symmetric(bessel(wide)),
            HOW,
            second=symmetric(scaled_normal(wide)),
            tags=("singular density",),
        ),
        Case("all pairs of three", "all pairs", three, result(sf=pairs, kinks=(ZERO,))),
        Case("max of two minus a third", "max minus", three, result(below, above), HOW),
        Case("gate plus a third", "gate plus", three, symmetric(gate), HOW),
        Case(
            "one of two chosen",
            "chosen",
            (normal(0.4, 1.0), normal(-0.5, 0.6), laplace),
            result(*chosen, kinks=(Fraction(0.2),)),
        ),
        Case(
            "product over a third",
            "product over",
            three,
            symmetric(over),
            HOW,
            tags=("pole", "heavy tails", "singular density"),
        ),
    ]


CASES = [*_products(), _shifted_ratio(), *_gates(), *_three()]
