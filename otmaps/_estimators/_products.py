"""The law of a product of independent variables: the sum of the logarithms, side by side."""

from __future__ import annotations

import dataclasses
import functools
import math
from collections.abc import Callable, Sequence
from typing import TypeAlias

import numpy as np

from otmaps._arrays import FloatArray
from otmaps._discrete import Discrete
from otmaps._distribution import Distribution
from otmaps._extremes import mixture
from otmaps._images import image, magnitude
from otmaps._mixture import Mixture
from otmaps._monotone import Monotone
from otmaps._truncated import split_at

Total: TypeAlias = Callable[[Sequence[float], Sequence[Distribution]], Distribution]
Factor: TypeAlias = tuple[Distribution, float]
# For each sign that the product can have: how probable it is, and the law of log |product| then.
_Sides: TypeAlias = dict[float, tuple[float, Distribution]]

_LOG, _EXP = Monotone("log"), Monotone("exp")
_MOST_BRANCHES = 64


def product_law(factors: Sequence[Factor], total: Total) -> Distribution | None:
    """The law of the product of X_i**e_i.

    Parameters
    ----------
    factors : sequence of tuple
        Laws and exponents, which are whole numbers.
    total : callable
        The law of a weighted sum: of the logarithms, whose tails hold what a product loses near 0.

    Returns
    -------
    Distribution or None
        None where atoms are in the way.
    """
    for i, (law, exponent) in enumerate(factors):
        if not law.atoms:
            continue
        others = [*factors[:i], *factors[i + 1 :]]
        if isinstance(law, Discrete):
            with np.errstate(divide="ignore"):
                points = np.power(law.points, exponent)
            return _scaled(law, points, others, total)
        if not isinstance(law, Mixture) or len(law.laws) > _MOST_BRANCHES:
            return None
        parts = [product_law([(part, exponent), *others], total) for part in law.laws]
        known = [part for part in parts if part is not None]
        return mixture(known, law.weights, _twice(law)) if len(known) == len(parts) else None
    return _without_atoms(factors, total)


def _twice(law: Discrete | Mixture) -> tuple[float, float]:
    """What errors of masses add: a product is below a level on at most two rays of a factor."""
    return 2.0 * law.errors[0], 2.0 * law.errors[1]


def _scaled(
    law: Discrete, points: FloatArray, others: Sequence[Factor], total: Total
) -> Distribution | None:
    """The law of the product with a factor that has atoms alone, at these points."""
    if not np.isfinite(points).all():
        return None
    if not others:
        return dataclasses.replace(law, points=points, errors=_twice(law))
    rest = product_law(others, total)
    if rest is None:
        return None
    laws = [rest.affine(float(p)) if p else Discrete([0.0], [1.0]) for p in points]
    return mixture(laws, law.probabilities, _twice(law))


def _without_atoms(factors: Sequence[Factor], total: Total) -> Distribution | None:
    sides: list[tuple[Factor, int]] = []  # of which the sign must be carried on, and how often
    plain: list[tuple[float, Distribution]] = []  # of which the sign is known, or a fair coin
    sign, coin = 1.0, False
    for law, exponent in factors:
        low, high = law.support()
        if exponent % 2.0 == 0.0 or law.symmetry == 0.0 or low >= 0.0 or high <= 0.0:
            size = magnitude(law)
            log = None if size is None else image(size, _LOG)
            if log is None:
                return None
            plain.append((exponent, log))
            odd = exponent % 2.0 == 1.0
            coin |= odd and law.symmetry == 0.0
            sign *= -1.0 if odd and high <= 0.0 else 1.0
        else:
            same = next((i for i, (f, _) in enumerate(sides) if f == (law, exponent)), None)
            if same is None:
                sides.append(((law, exponent), 1))
            else:
                sides[same] = sides[same][0], sides[same][1] + 1
    powers = [(_sides_of(*factor), count) for factor, count in sides]
    known = [(split, count) for split, count in powers if split is not None]
    if len(known) < len(powers):
        return None
    if coin:  # a fair coin among the signs makes the product one, whatever the others are
        plain += [(1.0, _joined(split)) for split, count in known for _ in range(count)]
        size_law = _exp(_sum(plain, total))
        return Mixture([size_law.affine(-1.0), size_law], [0.5, 0.5])
    terms = [_repeated(split, count, total) for split, count in known]
    if plain:
        terms.append({sign: (1.0, _sum(plain, total))})
    product = functools.reduce(lambda a, b: _times(a, b, total), terms)
    laws = [_exp(law).affine(s) for s, (_, law) in product.items()]
    return mixture(laws, [mass for mass, _ in product.values()])


def _sides_of(law: Distribution, exponent: float) -> _Sides | None:
    found: dict[float, list[tuple[float, Distribution]]] = {}
    for mass, side in split_at(law, 0.0):
        sign = 1.0 if side.support()[0] >= 0.0 else -1.0
        log = image(side.affine(sign), _LOG)
        if log is None:
            return None
        found.setdefault(sign, []).append((mass, log.affine(exponent)))
    return _gathered(found)


def _gathered(found: dict[float, list[tuple[float, Distribution]]]) -> _Sides:
    sides: _Sides = {}
    for sign, terms in found.items():
        masses = [mass for mass, _ in terms]
        sides[sign] = math.fsum(masses), mixture([law for _, law in terms], masses)
    return sides


def _repeated(sides: _Sides, count: int, total: Total) -> _Sides:
    """The product of ``count`` equal factors, by squares."""
    if count == 1:
        return sides
    half = _repeated(sides, count // 2, total)
    square = _times(half, half, total)
    return _times(square, sides, total) if count % 2 else square


def _times(a: _Sides, b: _Sides, total: Total) -> _Sides:
    found: dict[float, list[tuple[float, Distribution]]] = {}
    for s, (mass_a, law_a) in a.items():
        for t, (mass_b, law_b) in b.items():
            found.setdefault(s * t, []).append((mass_a * mass_b, total([1.0, 1.0], [law_a, law_b])))
    return _gathered(found)


def _joined(sides: _Sides) -> Distribution:
    return mixture([law for _, law in sides.values()], [mass for mass, _ in sides.values()])


def _sum(terms: Sequence[tuple[float, Distribution]], total: Total) -> Distribution:
    if len(terms) == 1:
        return terms[0][1].affine(terms[0][0])
    return total([weight for weight, _ in terms], [law for _, law in terms])


def _exp(law: Distribution) -> Distribution:
    found = image(law, _EXP)
    if found is None:
        raise TypeError(f"{law!r} has atoms.")
    return found
