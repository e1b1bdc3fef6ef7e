"""A normal plus one uniform, exponential or Laplace term; mixtures and discrete laws."""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction

from flint import arb

from .balls import Reference, ball, mixed, reflected
from .single import FAR, mills, normal_density, upper_normal
from .terms import Term, total_shift


def normal(terms: list[Term]) -> Reference:
    """A sum of normals."""
    shift, square = total_shift(terms), sum(t.scale**2 for t in terms)

    def z(x: Fraction) -> arb:
        return ball(x - shift) / ball(square).sqrt()

    return Reference(
        cdf=lambda x: upper_normal(-z(x)),
        sf=lambda x: upper_normal(z(x)),
        pdf=lambda x: normal_density(z(x)) / ball(square).sqrt(),
        spread=float(square) ** 0.5,
    )


def _exponential_arm(d: arb, sigma: arb, theta: arb) -> arb:
    """exp(s^2 / 2 theta^2 - d / theta) Q(s / theta - d / s), also where it is huge times tiny."""
    z = sigma / theta - d / sigma
    if z > FAR:
        return (-((d / sigma) ** 2) / 2).exp() * mills(z)
    return (sigma**2 / (2 * theta**2) - d / theta).exp() * upper_normal(z)


def _with_exponential(d: arb, sigma: arb, theta: arb) -> tuple[arb, arb, arb]:
    arm = _exponential_arm(d, sigma, theta)
    return upper_normal(-d / sigma) - arm, upper_normal(d / sigma) + arm, arm / theta


def _with_laplace(d: arb, sigma: arb, theta: arb) -> tuple[arb, arb, arb]:
    right, left = _exponential_arm(d, sigma, theta), _exponential_arm(-d, sigma, theta)
    sf = upper_normal(d / sigma) + (right - left) / 2
    cdf = upper_normal(-d / sigma) + (left - right) / 2
    return cdf, sf, (right + left) / (2 * theta)


def _with_uniform(d: arb, sigma: arb, half: arb) -> tuple[arb, arb, arb]:
    def above(z: arb) -> arb:  # the integral of Q from z on
        return normal_density(z) - z * upper_normal(z)

    p, q = (d - half) / sigma, (d + half) / sigma
    slope = sigma / (2 * half)
    between = upper_normal(p) - upper_normal(q) if p > 0 else upper_normal(-q) - upper_normal(-p)
    pdf = between / (2 * half)
    return slope * (above(-q) - above(-p)), slope * (above(p) - above(q)), pdf


WITH: dict[str, Callable[[arb, arb, arb], tuple[arb, arb, arb]]] = {
    "Exponential": _with_exponential,
    "Laplace": _with_laplace,
    "Uniform": _with_uniform,
}


def smoothed(terms: list[Term]) -> Reference:
    """Normals plus at most one term of ``WITH``; mixtures and discrete laws are taken apart."""
    for i, t in enumerate(terms):
        if t.law in {"Mixture", "Discrete"}:
            return mixed(
                [(w, smoothed([*terms[:i], *part, *terms[i + 1 :]])) for w, part in _arms(t)]
            )
    points = [t for t in terms if t.law == "Point"]
    normals = [t for t in terms if t.law == "Normal"]
    others = [t for t in terms if t.law not in {"Normal", "Point"}]
    if not others:
        return normal(normals + points_as_normals(points))
    (other,) = others
    shift, scale = total_shift(terms), other.scale
    if scale < 0 and other.law == "Exponential":
        turned = [t._replace(weight=-t.weight) for t in terms]
        return reflected(smoothed(turned))
    square, formula = sum(t.scale**2 for t in normals), WITH[other.law]

    def at(which: int) -> Callable[[Fraction], arb]:
        def value(x: Fraction) -> arb:
            return formula(ball(x - shift), ball(square).sqrt(), ball(abs(scale)))[which]

        return value

    spread = float(square + scale**2) ** 0.5
    edges = {"Uniform": (-abs(scale), abs(scale)), "Laplace": (0,), "Exponential": (0,)}
    sharp = square < (scale / 1000) ** 2  # then nearly kinks
    kinks = tuple(shift + e for e in edges[other.law]) if sharp else ()
    return Reference(at(0), at(1), at(2), kinks=kinks, spread=spread)


def points_as_normals(points: list[Term]) -> list[Term]:
    """A constant is a normal of scale 0."""
    return [Term("Normal", {"loc": t.params["loc"], "scale": 0.0}, t.weight) for t in points]


def _arms(term: Term) -> list[tuple[Fraction, list[Term]]]:
    if term.law == "Discrete":
        pairs = zip(term.params["probabilities"], term.params["points"], strict=True)
        return [
            (Fraction(p), [Term("Point", {"loc": x, "scale": 0.0}, term.weight)]) for p, x in pairs
        ]
    pairs = zip(term.params["weights"], term.params["laws"], strict=True)
    return [(Fraction(w), [Term(name, params, term.weight)]) for w, (name, params) in pairs]
