"""Moment generating functions of laws, as functions of a complex argument, for the kernels."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable, Sequence
from fractions import Fraction
from typing import Any, NamedTuple

import numpy as np

from otmaps._arrays import FloatArray
from otmaps._distribution import Affine, Distribution
from otmaps._kernels import _transforms as k
from otmaps._mixture import Mixture
from otmaps._one_sided_priors import Exponential, Gamma, Gumbel
from otmaps._priors import Arcsine, Laplace, Logistic, Normal, Uniform
from otmaps._uniform_sums import UniformSum

_BOUNDED = (k.UNIFORM, k.ARCSINE)
_EVEN = (k.NORMAL, k.LAPLACE, k.LOGISTIC, *_BOUNDED)


class Part(NamedTuple):
    """One law of a family: ``origin + scale * X`` for X of the kind.

    ``scale`` is the half width of bounded kinds, whose origin is their middle.
    """

    kind: int
    scale: float
    shape: float
    origin: Fraction
    ends: tuple[Fraction | None, Fraction | None]

    def times(self, w: float) -> Part:
        """The law of ``w`` times the variable, w not 0."""
        scale, exact = self.scale * w, Fraction(w)
        low, high = (None if end is None else exact * end for end in self.ends)
        return Part(
            self.kind,
            abs(scale) if self.kind in _EVEN else scale,
            self.shape,
            exact * self.origin,
            (low, high) if w > 0 else (high, low),
        )

    def moved(self, shift: float) -> Part:
        """The law of the variable plus ``shift``."""
        exact = Fraction(shift)
        low, high = (None if end is None else end + exact for end in self.ends)
        return self._replace(origin=self.origin + exact, ends=(low, high))

    @property
    def poles(self) -> tuple[float, float]:
        """How far the strip reaches to both sides of 0."""
        edge = 1.0 / abs(self.scale)
        if self.kind in (k.LAPLACE, k.LOGISTIC):
            return edge, edge
        if self.kind in (k.GAMMA, k.GUMBEL):
            return (math.inf, edge) if self.scale > 0 else (edge, math.inf)
        return math.inf, math.inf

    def reference(self, which: int) -> Fraction:
        """From where the kernel counts: one-sided kinds from their end always."""
        end = None if which == k.CENTRED or self.kind not in _BOUNDED else self.ends[which - 1]
        return self.origin if end is None else end


class Blend(NamedTuple):
    """A mixture of parts with probabilities; one part is a law of a family."""

    parts: tuple[Part, ...]
    weights: tuple[float, ...]

    def end(self, side: int) -> Fraction | None:
        """The lower (0) or upper (1) end of the support."""
        ends = [part.ends[side] for part in self.parts]
        known = [end for end in ends if end is not None]
        return (min, max)[side](known) if len(known) == len(ends) else None

    def reference(self, which: int) -> Fraction:
        """From where the shifts of the parts are counted."""
        end = None if which == k.CENTRED else self.end(which - 1)
        return self.parts[0].reference(which) if end is None else end


_Rule = Callable[[Any], list[Blend]]


def _located(kind: int, *, one_sided: bool = False) -> _Rule:
    def rule(law: Any) -> list[Blend]:
        loc = Fraction(law.loc)
        shape = law.shape if isinstance(law, Gamma) else 1.0
        return [_single(kind, law.scale, shape, loc, (loc if one_sided else None, None))]

    return rule


def _single(
    kind: int,
    scale: float,
    shape: float,
    origin: Fraction,
    ends: tuple[Fraction | None, Fraction | None],
) -> Blend:
    return Blend((Part(kind, scale, shape, origin, ends),), (1.0,))


def _interval(kind: int) -> _Rule:
    def rule(law: Any) -> list[Blend]:
        low, high = Fraction(law.low), Fraction(law.high)
        return [_single(kind, float((high - low) / 2), 1.0, (low + high) / 2, (low, high))]

    return rule


def _uniform_sum(law: UniformSum) -> list[Blend]:
    low, high = (Fraction(end) + Fraction(rest) for end, rest in law.ends)
    left = -sum(map(Fraction, law.widths), Fraction(0)) / 2 - low  # what rounding left of the ends
    right = sum(map(Fraction, law.widths), Fraction(0)) / 2 - high
    out = []
    for i, width in enumerate(law.widths):
        half, zero = Fraction(width) / 2, Fraction(0)
        middle = Fraction(law.centre) if i == 0 else zero
        ends = (-half - left, half - right) if i == 0 else (-half, half)
        out.append(_single(k.UNIFORM, 0.5 * width, 1.0, middle, ends))
    return out


def _mixture(law: Mixture) -> list[Blend]:
    parts: list[Part] = []
    weights: list[float] = []
    for inner, weight in zip(law.laws, law.weights, strict=True):
        blends = blends_of(inner)
        if blends is None or len(blends) > 1:
            return []
        parts += blends[0].parts
        weights += [weight * w for w in blends[0].weights]
    return [Blend(tuple(parts), tuple(weights))]


def _affine(law: Affine) -> list[Blend]:
    blends = [_times(blend, law.scale) for blend in blends_of(law.base) or []]
    if blends:
        first = blends[0]
        blends[0] = first._replace(parts=tuple(part.moved(law.shift) for part in first.parts))
    return blends


def _times(blend: Blend, w: float) -> Blend:
    return blend._replace(parts=tuple(part.times(w) for part in blend.parts))


# A law whose moment generating function the kernels know is one line here.
_RULES: dict[type[Distribution], _Rule] = {
    Normal: _located(k.NORMAL),
    Laplace: _located(k.LAPLACE),
    Logistic: _located(k.LOGISTIC),
    Gumbel: _located(k.GUMBEL),
    Gamma: _located(k.GAMMA, one_sided=True),
    Exponential: _located(k.GAMMA, one_sided=True),
    Uniform: _interval(k.UNIFORM),
    Arcsine: _interval(k.ARCSINE),
    UniformSum: _uniform_sum,
    Mixture: _mixture,
    Affine: _affine,
}


def blends_of(law: Distribution) -> list[Blend] | None:
    """Independent parts that add up to the law; None where its transform is not known."""
    rule = _RULES.get(type(law))
    return (rule(law) or None) if rule else None


@dataclasses.dataclass(frozen=True, eq=False)
class Rows:
    """A sum as the kernels take it, counted from one reference."""

    rows: FloatArray
    starts: k.IntArray
    counts: FloatArray
    which: int
    reference: tuple[float, float]


@dataclasses.dataclass(frozen=True, eq=False)
class Transform:
    """The cumulant function of a weighted sum.

    Attributes
    ----------
    rows : tuple of Rows
        Counted from the middle, the lower and the upper end; the last two only where they exist.
    ends : tuple
        The ends of the support as unevaluated sums, or None.
    poles : tuple of float
        How far the strip of convergence reaches to both sides of 0.
    """

    rows: tuple[Rows, Rows | None, Rows | None]
    ends: tuple[tuple[float, float] | None, tuple[float, float] | None]
    poles: tuple[float, float]


def transform_of(terms: Sequence[tuple[float, Distribution]]) -> Transform | None:
    """The transform of the sum of weights times laws; None where that of a law is not known."""
    known: dict[Distribution, list[Blend] | None] = {}
    counted: dict[tuple[float, int], int] = {}
    laws: list[list[Blend]] = []
    for w, law in terms:
        if type(law) not in _RULES:
            return None
        if law not in known:
            known[law] = blends_of(law)
            laws.append(known[law] or [])
        blends = known[law]
        if blends is None:
            return None
        key = w, next(i for i, other in enumerate(laws) if other is blends)
        counted[key] = counted.get(key, 0) + 1
    factors = [(_times(b, w), count) for (w, i), count in counted.items() for b in laws[i]]
    ends: list[tuple[float, float] | None] = []
    for side in (0, 1):
        found = [(blend.end(side), count) for blend, count in factors]
        exact = [end * count for end, count in found if end is not None]
        ends.append(_pair(sum(exact, Fraction(0))) if len(exact) == len(found) else None)
    reach = [[part.poles for part in blend.parts] for blend, _ in factors]
    poles = [min(pole[side] for inner in reach for pole in inner) for side in (0, 1)]
    return Transform(
        rows=(
            _rows(factors, k.CENTRED),
            None if ends[0] is None else _rows(factors, k.LOWER),
            None if ends[1] is None else _rows(factors, k.UPPER),
        ),
        ends=(ends[0], ends[1]),
        poles=(poles[0], poles[1]),
    )


def _rows(factors: list[tuple[Blend, int]], which: int) -> Rows:
    """Equal factors are counted; normal ones, and gamma ones of one scale, are one."""
    merged: dict[tuple[tuple[float, ...], ...], float] = {}
    reference, variance = Fraction(0), 0.0
    shapes: dict[float, float] = {}
    for blend, count in factors:
        origin = blend.reference(which)
        reference += count * origin
        first = blend.parts[0]
        if len(blend.parts) == 1 and first.kind == k.NORMAL:
            variance += count * first.scale**2
        elif len(blend.parts) == 1 and first.kind == k.GAMMA:
            shapes[first.scale] = shapes.get(first.scale, 0.0) + count * first.shape
        else:
            key = tuple(
                (p.kind, p.scale, p.shape, math.log(w), float(p.reference(which) - origin))
                for p, w in zip(blend.parts, blend.weights, strict=True)
            )
            merged[key] = merged.get(key, 0.0) + count
    for scale, shape in shapes.items():
        merged[((k.GAMMA, scale, shape, 0.0, 0.0),)] = 1.0
    if variance:
        merged[((k.NORMAL, math.sqrt(variance), 1.0, 0.0, 0.0),)] = 1.0
    sizes = [len(key) for key in merged]
    return Rows(
        rows=np.array([row for key in merged for row in key]),
        starts=np.concatenate([[0], np.cumsum(sizes)]).astype(np.int64),
        counts=np.array(list(merged.values())),
        which=which,
        reference=_pair(reference),
    )


def _pair(value: Fraction) -> tuple[float, float]:
    high = float(value)
    return high, float(value - Fraction(high))
