"""One latent alone: the closed forms, in balls."""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from typing import Any

from flint import arb

from .balls import Reference, ball, scaled
from .terms import Term

Formulas = tuple[Callable[[arb], arb], Callable[[arb], arb], Callable[[arb], arb]]
FAR = 100  # from here on erfc is taken from its scaled form, as a Tricomi function


def mills(z: arb) -> arb:
    """exp(z^2 / 2) P(N > z), for z > 0 (DLMF 7.11.2)."""
    half = arb(0.5)
    return (z * z / 2).hypgeom_u(half, half) / arb.pi().sqrt() / 2


def upper_normal(z: arb) -> arb:
    """P(N > z)."""
    if z > FAR:
        return (-z * z / 2).exp() * mills(z)
    return (z / arb(2).sqrt()).erfc() / 2


def normal_density(z: arb) -> arb:
    """The standard normal density."""
    return (-z * z / 2).exp() / (2 * arb.pi()).sqrt()


def _normal(_: Any) -> Any:
    return (lambda z: upper_normal(-z), upper_normal, normal_density), {}


def _cauchy(_: Any) -> Any:
    one = arb(1)
    return (
        lambda z: arb.atan2(one, -z) / arb.pi(),
        lambda z: arb.atan2(one, z) / arb.pi(),
        lambda z: 1 / (arb.pi() * (1 + z * z)),
    ), {}


def _logistic(_: Any) -> Any:
    return (
        lambda z: 1 / (1 + (-z).exp()),
        lambda z: 1 / (1 + z.exp()),
        lambda z: (-abs(z)).exp() / (1 + (-abs(z)).exp()) ** 2,
    ), {}


def _student(params: Any) -> Any:
    df = Fraction(params["df"])

    def upper(z: arb) -> arb:
        nu = ball(df)
        tail = (nu / (nu + z * z)).beta_lower(nu / 2, arb(0.5), regularized=True) / 2
        return tail if z >= 0 else 1 - tail

    def pdf(z: arb) -> arb:
        nu = ball(df)
        ratio = ((nu + 1) / 2).gamma() / (nu / 2).gamma() / (nu * arb.pi()).sqrt()
        return ratio * (-(nu + 1) / 2 * (1 + z * z / nu).log()).exp()

    return (lambda z: upper(-z), upper, pdf), {}


def _gumbel(_: Any) -> Any:
    return (
        lambda z: (-((-z).exp())).exp(),
        lambda z: -((-((-z).exp())).expm1()),
        lambda z: (-z - (-z).exp()).exp(),
    ), {}


def _gamma(params: Any) -> Any:
    shape = Fraction(params["shape"])

    def pdf(z: arb) -> arb:
        a = ball(shape)
        return ((a - 1) * z.log() - z).exp() / a.gamma()

    return (
        lambda z: z.gamma_lower(ball(shape), regularized=1),
        lambda z: z.gamma_upper(ball(shape), regularized=1),
        pdf,
    ), {"low": Fraction(0)}


def _beta(params: Any) -> Any:
    p, q = Fraction(params["a"]), Fraction(params["b"])

    def pdf(z: arb) -> arb:
        a, b = ball(p), ball(q)
        kernel = ((a - 1) * z.log() + (b - 1) * (1 - z).log()).exp()
        return kernel * (a + b).gamma() / (a.gamma() * b.gamma())

    def short(z: arb) -> arb:  # for a whole b, the series of DLMF 8.17.7 ends
        total, factor = arb(0), Fraction(1)
        for k in range(int(q)):
            total += z**k * ball(factor / (p + k))
            factor *= (1 - q + k) / (k + 1)
        a, b = ball(p), ball(q)
        return total * (a * z.log()).exp() * (a + b).gamma() / (a.gamma() * b.gamma())

    def arc(z: arb, rest: arb) -> arb:
        return 2 / arb.pi() * arb.atan2(z.sqrt(), rest.sqrt())

    if p == q == Fraction(1, 2):
        formulas = (lambda z: arc(z, 1 - z), lambda z: arc(1 - z, z), pdf)
        return formulas, {"low": Fraction(0), "high": Fraction(1)}
    if q.denominator == 1 and p.denominator != 1:
        return (short, lambda z: 1 - short(z), pdf), {"low": Fraction(0), "high": Fraction(1)}
    return (
        lambda z: z.beta_lower(ball(p), ball(q), regularized=True),
        lambda z: (1 - z).beta_lower(ball(q), ball(p), regularized=True),
        pdf,
    ), {"low": Fraction(0), "high": Fraction(1)}


def _arcsine(_: Any) -> Any:
    def cdf(z: arb) -> arb:
        return 2 / arb.pi() * arb.atan2((1 + z).sqrt(), (1 - z).sqrt())

    pdf = lambda z: 1 / (arb.pi() * ((1 - z) * (1 + z)).sqrt())  # noqa: E731 - one of three
    return (cdf, lambda z: cdf(-z), pdf), {"low": Fraction(-1), "high": Fraction(1)}


def _lognormal(params: Any) -> Any:
    s = Fraction(params.get("s", 1.0))
    return (
        lambda z: upper_normal(-z.log() / ball(s)),
        lambda z: upper_normal(z.log() / ball(s)),
        lambda z: normal_density(z.log() / ball(s)) / (z * ball(s)),
    ), {"low": Fraction(0)}


def _pareto(params: Any) -> Any:
    b = Fraction(params["b"])
    return (
        lambda z: -((-ball(b) * z.log()).expm1()),
        lambda z: (-ball(b) * z.log()).exp(),
        lambda z: ball(b) * (-(ball(b) + 1) * z.log()).exp(),
    ), {"low": Fraction(1)}


def _laplace(_: Any) -> Any:
    def upper(z: arb) -> arb:
        return (-z).exp() / 2 if z > 0 else 1 - z.exp() / 2

    pdf = lambda z: (-abs(z)).exp() / 2  # noqa: E731 - one of three
    return (lambda z: upper(-z), upper, pdf), {"kinks": (Fraction(0),)}


def _exponential(_: Any) -> Any:
    return (
        lambda z: -((-z).expm1()),
        lambda z: (-z).exp(),
        lambda z: (-z).exp(),
    ), {"low": Fraction(0)}


def _uniform(_: Any) -> Any:
    formulas = (lambda z: (1 + z) / 2, lambda z: (1 - z) / 2, lambda _: arb(0.5))
    return formulas, {"low": Fraction(-1), "high": Fraction(1)}


def _levy(_: Any) -> Any:
    return (
        lambda z: (1 / (2 * z).sqrt()).erfc(),
        lambda z: (1 / (2 * z).sqrt()).erf(),
        lambda z: (-1 / (2 * z)).exp() / (2 * arb.pi() * z**3).sqrt(),
    ), {"low": Fraction(0)}


STANDARD: dict[str, Callable[[Any], tuple[Formulas, dict[str, Any]]]] = {
    "Laplace": _laplace,
    "Exponential": _exponential,
    "Uniform": _uniform,
    "Levy": _levy,
    "Normal": _normal,
    "Cauchy": _cauchy,
    "Logistic": _logistic,
    "StudentT": _student,
    "Gumbel": _gumbel,
    "Gamma": _gamma,
    "Beta": _beta,
    "Arcsine": _arcsine,
    "LogNormal": _lognormal,
    "Pareto": _pareto,
}


def single(terms: list[Term]) -> Reference:
    """The law of one weighted latent."""
    (term,) = terms
    formulas, rest = STANDARD[term.law](term.params)
    return scaled(formulas, term.scale, term.shift, **rest)
