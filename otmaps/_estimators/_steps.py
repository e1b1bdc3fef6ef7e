"""Laws of one step applied to one variable: exact, where the step is one of those below."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from scipy import special

from otmaps._discrete import Discrete
from otmaps._distribution import Distribution
from otmaps._estimators._splitting import factors, linear_terms
from otmaps._expressions import Node
from otmaps._extremes import mixture
from otmaps._images import even_power, image, magnitude
from otmaps._monotone import Monotone
from otmaps._truncated import split_at

_POWERS: dict[Any, float] = {np.sqrt: 0.5, np.cbrt: 1.0 / 3.0, np.square: 2.0, np.reciprocal: -1.0}
_NAMES: dict[Any, str] = {
    np.exp: "exp",
    np.log: "log",
    np.expm1: "expm1",
    np.log1p: "log1p",
    np.tanh: "tanh",
    np.arctanh: "arctanh",
    np.arctan: "arctan",
    np.sinh: "sinh",
    np.arcsinh: "arcsinh",
}
_BASES: dict[Any, float] = {
    np.exp2: math.log(2.0),
    np.log2: math.log(2.0),
    np.log10: math.log(10.0),
}


def serves_step(node: Node) -> bool:
    """Whether `law_of_step` knows the step."""
    if node.function in {np.divide, np.power, np.float_power}:
        return _exponent(node) is not None
    known = {np.absolute, np.sign, special.expit, *_POWERS, *_NAMES, *_BASES}
    return node.function in known and not any(a.boolean for a in node.arguments)


def is_exact(node: Node) -> bool:
    """Whether the law of a node of one latent follows by steps from `law_of_step` and scaling."""
    while node.function is not None:
        terms, exponents = linear_terms(node).terms, factors(node)[0]
        if terms.keys() != {node}:
            inner = [*terms]
        elif exponents.keys() != {node}:
            inner = [*exponents]
        elif serves_step(node) or node.function in {np.maximum, np.minimum}:
            inner = [a for a in node.arguments if a.latents]
        else:
            return False
        if len(inner) != 1:
            return False
        node = inner[0]
    return True


def _exponent(node: Node) -> float | None:
    """That of a power of one variable; of 1 / x too."""
    first, last = node.arguments[0], node.arguments[-1]
    if node.function is np.divide:
        return -1.0 if first.constant == 1.0 else None
    if node.function in {np.power, np.float_power}:
        return None if last.constant is None or not last.constant else float(last.constant)
    return _POWERS.get(node.function)


def law_of_step(node: Node, law: Distribution) -> Distribution | None:
    """The law of the step for an argument of this law.

    None where atoms are in the way, and where the step is not defined, or not one of those served,
    for a part of the law.
    """
    exponent = _exponent(node)
    if exponent is not None:
        return _power(law, exponent)
    function = node.function
    if function is np.absolute:
        return magnitude(law)
    if function is np.sign:
        at_zero = sum(mass for at, mass in law.atoms if at == 0.0)
        masses = [float(law.cdf(0.0)) - at_zero, at_zero, float(law.sf(0.0))]
        errors = law.error, law.tail_error
        return Discrete([-1.0, 0.0, 1.0], np.array(masses) / math.fsum(masses), errors=errors)
    if function is special.expit:
        return image(law, Monotone("expit"))
    if function is np.exp2:
        return image(law.affine(_BASES[np.exp2]), Monotone("exp"))
    if function in {np.log2, np.log10}:
        found = image(law, Monotone("log"))
        return None if found is None else found.affine(1.0 / _BASES[function])
    return image(law, Monotone(_NAMES[function]))


def _power(law: Distribution, exponent: float) -> Distribution | None:
    low, high = law.support()
    if exponent % 2.0 == 0.0:
        return even_power(law, exponent)
    if low >= 0.0 or (exponent % 2.0 == 1.0 and exponent > 0.0):
        found = image(law, Monotone("power", exponent))
        return found.affine(-1.0) if found is not None and exponent < 0.0 else found
    if exponent % 2.0 != 1.0:  # not a whole number: not defined below 0, but for the cube root
        odd_root = abs(exponent - 1.0 / 3.0) < 1e-15
        return image(law, Monotone("power", exponent)) if odd_root else None
    if high <= 0.0:
        found = _power(law.affine(-1.0), exponent)
        return None if found is None else found.affine(-1.0)
    if law.atoms:
        return None
    sides = [(mass, _power(side, exponent)) for mass, side in split_at(law, 0.0)]
    known = [side for _, side in sides if side is not None]
    return mixture(known, [mass for mass, _ in sides]) if len(known) == len(sides) else None
