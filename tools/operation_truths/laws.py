"""The laws of inputs in balls, and laws of results from formulas."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction
from functools import lru_cache
from typing import Any

from flint import arb, ctx
from linear_truths.balls import Law, Reference, ball
from linear_truths.single import STANDARD
from linear_truths.terms import Term

Spec = tuple[str, dict[str, Any]]
Side = Callable[[arb], arb]
Bounds = list[tuple[arb | None, arb | None]]
Below = Callable[[Fraction], Bounds]


def normal(loc: float = 0.0, scale: float = 1.0) -> Spec:
    """The normal law."""
    return "Normal", {"loc": loc, "scale": scale}


def uniform(low: float = 0.0, high: float = 1.0) -> Spec:
    """The uniform law between two ends."""
    return "Uniform", {"low": low, "high": high}


def exponential(scale: float = 1.0) -> Spec:
    """The exponential law of a mean."""
    return "Exponential", {"scale": scale}


def gamma(shape: float) -> Spec:
    """The gamma law of a shape."""
    return "Gamma", {"shape": shape}


def mixture(parts: list[tuple[float, Spec]]) -> Spec:
    """A mixture of (weight, law)."""
    return "Mixture", {"laws": [list(s) for _, s in parts], "weights": [w for w, _ in parts]}


@dataclass(frozen=True)
class Input:
    """The law of an input: both tails at a ball inside the support, and the support."""

    cdf: Side
    sf: Side
    low: Fraction | None
    high: Fraction | None
    kinks: tuple[Fraction, ...] = ()

    def mass(self, low: arb | None, high: arb | None) -> arb:
        """P(low < Z <= high) from the tails that are nearer to low; None stands for infinity."""
        if low is not None and self._upto(low) > 0.5:
            return self._beyond(low) - (arb(0) if high is None else self._beyond(high))
        return (arb(1) if high is None else self._upto(high)) - (
            arb(0) if low is None else self._upto(low)
        )

    def _upto(self, z: arb) -> arb:
        if self.low is not None and z <= ball(self.low):
            return arb(0)
        return arb(1) if self.high is not None and z >= ball(self.high) else self.cdf(z)

    def _beyond(self, z: arb) -> arb:
        if self.low is not None and z <= ball(self.low):
            return arb(1)
        return arb(0) if self.high is not None and z >= ball(self.high) else self.sf(z)


def input_law(spec: Spec) -> Input:
    """The law of a name and parameters as they stand in the file."""
    name, params = spec
    if name == "Mixture":
        return _mixed(params)
    term = Term(name, params, 1.0)
    (cdf, sf, _), rest = STANDARD[name](params)
    if name == "StudentT" and params["df"] == 3.0:
        cdf, sf = (lambda z: _student(-z)), _student
    scale, shift = term.scale, term.shift

    def at(formula: Side) -> Side:
        return lambda z: formula((z - ball(shift)) / ball(scale))

    def end(which: str) -> Fraction | None:
        value = rest.get(which)
        return None if value is None else scale * value + shift

    kinks = tuple(scale * k + shift for k in rest.get("kinks", ()))
    return Input(at(cdf), at(sf), end("low"), end("high"), kinks)


def _student(z: arb) -> arb:
    """P(T > z) for three degrees of freedom, where the incomplete beta function is slow."""
    u = z / arb(3).sqrt()
    return (arb.atan2(arb(1), u) - u / (1 + u * u)) / arb.pi()


def _mixed(params: dict[str, Any]) -> Input:
    weights = [Fraction(w) for w in params["weights"]]
    laws = [input_law((name, given)) for name, given in params["laws"]]
    shares = [(w / sum(weights), law) for w, law in zip(weights, laws, strict=True)]

    def mean(which: str) -> Side:
        return lambda z: sum((ball(w) * getattr(law, which)(z) for w, law in shares), arb(0))

    return Input(mean("cdf"), mean("sf"), None, None)


def no_density(_: Fraction) -> arb:
    """In the place of a density, which the table does not hold."""
    raise NotImplementedError


def kept(formula: Law) -> Law:
    """The formula with its values kept, at each precision."""
    at = lru_cache(maxsize=None)(lambda y, _bits: formula(y))
    return lambda y: at(y, ctx.prec)


def result(cdf: Law | None = None, sf: Law | None = None, **rest: Any) -> Reference:
    """The law of a result from one tail or both; the missing one is the rest to 1."""
    lower, upper = (tail and kept(tail) for tail in (cdf, sf))
    return Reference(
        lower or (lambda y: 1 - upper(y)), upper or (lambda y: 1 - lower(y)), no_density, **rest
    )


def symmetric(sf: Law, **rest: Any) -> Reference:
    """A law symmetric about 0 from its upper tail at points above 0."""
    known_tail = kept(sf)

    def upper(y: Fraction) -> arb:
        if y == 0:
            return arb(0.5)
        return known_tail(y) if y > 0 else 1 - known_tail(-y)

    return Reference(lambda y: upper(-y), upper, no_density, **rest)


def known(spec: Spec, **rest: Any) -> Reference:
    """The law of a result that is one of the standard laws."""
    law = input_law(spec)
    ends = {"low": law.low, "high": law.high, "kinks": law.kinks} | rest
    return Reference(lambda y: law.cdf(ball(y)), lambda y: law.sf(ball(y)), no_density, **ends)


def preimage(spec: Spec, below: Below, **rest: Any) -> Reference:
    """The law of f(Z): ``below(y)`` are the intervals where f is at most y, ascending."""
    law = input_law(spec)

    def total(intervals: Bounds) -> arb:
        return sum((law.mass(low, high) for low, high in intervals), arb(0))

    return result(lambda y: total(below(y)), lambda y: total(_gaps(below(y))), **rest)


def _gaps(intervals: Bounds) -> Bounds:
    """What ascending intervals leave of the line."""
    starts, stops = [low for low, _ in intervals], [high for _, high in intervals]
    gaps = list(zip(stops[:-1], starts[1:], strict=True))
    if starts[0] is not None:
        gaps.insert(0, (None, starts[0]))
    return gaps if stops[-1] is None else [*gaps, (stops[-1], None)]
