"""Operations of four to eight inputs."""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction

from flint import arb
from linear_truths.balls import Reference, ball
from linear_truths.single import upper_normal

from .case import Case
from .integrals import exponential_mean, normal_mean, tail
from .laws import Spec, exponential, gamma, known, normal, result, symmetric, uniform
from .means import HOW, number
from .two import CIRCLE, HALF_LINE, SEGMENT, product_of

FLAT, STANDARD, SHORT = uniform(0.0, 1.0), normal(), exponential(1.3)


def chi(n: int, variance: Fraction, power: int) -> Reference:
    """The sum of n squares of centred normals (power 1) or its root (power 2)."""

    def at(which: str) -> Callable[[Fraction], arb]:
        half = arb(n) / 2
        return lambda y: getattr(ball(y**power / variance) / 2, which)(half, regularized=1)

    return result(at("gamma_lower"), at("gamma_upper"), low=Fraction(0))


def logs(n: int, root: int = 1) -> Reference:
    """The root of a product of n uniforms: minus its logarithm is gamma."""

    def at(which: str) -> Callable[[Fraction], arb]:
        return lambda y: getattr(-root * ball(y).log(), which)(arb(n), regularized=1)

    return result(at("gamma_upper"), at("gamma_lower"), **SEGMENT)


def extreme(spec: Spec, n: int, largest: bool) -> Reference:
    """The largest or smallest one of n copies."""
    law = known(spec)

    def all_of(which: str) -> Callable[[Fraction], arb]:
        return lambda y: getattr(law, which)(y) ** n

    def one_of(which: str) -> Callable[[Fraction], arb]:  # 1 - (1 - p)^n
        return lambda y: -((n * (-getattr(law, which)(y)).log1p()).expm1())

    tails = (all_of("cdf"), one_of("sf")) if largest else (one_of("cdf"), all_of("sf"))
    return result(*tails, low=law.low, high=law.high)


def beta(a: float, b: float) -> Reference:
    """The beta law on [0, 1]."""
    return known(("Beta", {"a": a, "b": b}))


def _uniforms() -> list[Case]:
    def games(y: Fraction) -> arb:  # min of two maxima is below y
        return ball(1 - (1 - y * y) ** 2)

    return [
        Case("product of four uniforms", "product of four", (FLAT,) * 4, logs(4)),
        Case("product of eight uniforms", "product of eight", (FLAT,) * 8, logs(8)),
        Case("geometric mean of six uniforms", "geometric mean of six", (FLAT,) * 6, logs(6, 6)),
        Case("range of four uniforms", "range of four", (FLAT,) * 4, beta(3.0, 2.0)),
        Case("second of four uniforms", "second of four", (FLAT,) * 4, beta(3.0, 2.0)),
        Case(
            "min of maxima of uniforms",
            "min of maxima",
            (FLAT,) * 4,
            result(games, lambda y: ball((1 - y * y) ** 2), **SEGMENT),
        ),
    ]


def _squares() -> list[Case]:
    a, variance = normal(0.0, 1.3), product_of(1.3, 1.3)

    def form(y: Fraction) -> arb:  # 2 E_1 + 4 E_2
        x = ball(y)
        return 2 * (-x / 4).exp() - (-x / 2).exp()

    def semicircle(y: Fraction) -> arb:
        x = ball(y)
        return (arb.atan2((1 - x * x).sqrt(), x) - x * (1 - x * x).sqrt()) / arb.pi()

    return [
        Case("squares of eight normals", "squares of eight", (a,) * 8, chi(8, variance, 1)),
        Case("norm of five normals", "norm of five", (a,) * 5, chi(5, variance, 2)),
        Case("quadratic form", "quadratic form", (STANDARD,) * 4, result(sf=form, **HALF_LINE)),
        Case(
            "hyperbolic form",
            "hyperbolic form",
            (STANDARD,) * 4,
            known(("Laplace", {"loc": 0.0, "scale": 2.0})),
        ),
        Case(
            "ratio of sums of squares",
            "ratio of squares",
            (a,) * 4,
            result(lambda y: ball(y / (1 + y)), lambda y: ball(1 / (1 + y)), **HALF_LINE),
            tags=("pole", "heavy tails"),
        ),
        Case(
            "t statistic",
            "t statistic",
            (a,) * 4,
            known(("StudentT", {"df": 3.0})),
            tags=("pole", "heavy tails"),
        ),
        Case(
            "first of four normalised",
            "normalised of four",
            (a,) * 4,
            symmetric(semicircle, **CIRCLE),
            second=known(("Beta", {"a": 1.5, "b": 1.5, "loc": -1.0, "scale": 2.0})),
        ),
    ]


def _products() -> list[Case]:
    laplace = known(("Laplace", {"loc": 0.0, "scale": 1.0}))
    a, b = normal(0.0, 1.3), normal(0.0, 0.7)
    size = float(product_of(1.3, 0.7))
    scaled = symmetric(
        lambda y: (-ball(y / product_of(1.3, 0.7))).exp() / 2,
        kinks=(Fraction(0),),
        spread=size,
    )
    parts = (0.2, 0.4, 0.1, 0.5, 0.3)
    variance = sum((product_of(s, s) for s in parts), Fraction(0))

    def log(y: Fraction) -> arb:
        return ball(y).log() / ball(variance).sqrt()

    def grown(y: Fraction) -> arb:
        x, s = ball(y), number(0.3) * arb(3).sqrt()
        return normal_mean(lambda t, _: tail(x * (-s * t).exp()))

    def rooted(y: Fraction) -> arb:  # given the second factors the variance is 2 E
        x = ball(y)
        return exponential_mean(lambda t, a: tail(x / (2 * t).sqrt(analytic=a)))

    shapes = (0.75, 1.0, 1.25, 1.5)
    return [
        Case(
            "sum of two products",
            "sum of products",
            (STANDARD,) * 4,
            laplace,
            second=symmetric(rooted),
        ),
        Case("determinant", "determinant", (a, b, a, b), scaled),
        Case(
            "product of five lognormals",
            "product of five",
            tuple(("LogNormal", {"s": s}) for s in parts),
            result(
                lambda y: upper_normal(-log(y)), lambda y: upper_normal(log(y)), low=Fraction(0)
            ),
        ),
        Case(
            "geometric mean of four gammas",
            "geometric mean of four",
            tuple(gamma(s) for s in shapes),
            known(("Gamma", {"shape": 3.0, "scale": 0.25})),
            how="closed form (multiplication theorem of the gamma function)",
        ),
        Case(
            "normal times exp of three", "times exp of sum", (STANDARD,) * 4, symmetric(grown), HOW
        ),
    ]


def _others() -> list[Case]:
    a, b = normal(0.2, 1.1), normal(0.1, 0.6)
    mean, variance = 2 * Fraction(0.1), 2 * product_of(0.6, 0.6)
    total, spread = 4 * Fraction(0.1), 4 * product_of(0.6, 0.6)

    def z(y: Fraction, mean: Fraction, variance: Fraction) -> arb:
        return ball(y - mean) / ball(variance).sqrt()

    def upper(y: Fraction) -> arb:
        q = upper_normal(z(y, mean, variance))
        return q * (2 - q)

    clipped = result(
        lambda y: upper_normal(-z(y, total, spread)),
        lambda y: upper_normal(z(y, total, spread)),
        low=Fraction(-1),
        high=Fraction(3),
    )
    gumbel = ("Gumbel", {"loc": 0.5, "scale": 1.0})
    return [
        Case("max of six normals", "max of six", (a,) * 6, extreme(a, 6, True)),
        Case(
            "min of eight exponentials",
            "min of eight",
            (SHORT,) * 8,
            extreme(SHORT, 8, False),
            second=result(sf=lambda y: (-8 * ball(y / Fraction(1.3))).exp(), **HALF_LINE),
        ),
        Case("share of two sums", "share of sums", (SHORT,) * 4, beta(2.0, 2.0)),
        Case(
            "max of two sums",
            "max of sums",
            (b,) * 4,
            result(lambda y: upper_normal(-z(y, mean, variance)) ** 2, upper),
        ),
        Case("softmin of four Gumbels", "softmin of four", (gumbel,) * 4, beta(1.0, 3.0)),
        Case(
            "clip of a sum of four",
            "clipped sum of four",
            (b,) * 4,
            clipped,
            atoms=(
                (-1.0, lambda: clipped.cdf(Fraction(-1))),
                (3.0, lambda: clipped.sf(Fraction(3))),
            ),
            tags=("atoms",),
        ),
    ]


CASES = [*_uniforms(), *_squares(), *_products(), *_others()]
