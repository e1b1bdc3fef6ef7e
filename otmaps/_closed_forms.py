"""Exact laws of weighted sums, by the families of the inputs."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

from otmaps._distribution import Distribution
from otmaps._linearity import Linear
from otmaps._one_sided_priors import Exponential, Gamma
from otmaps._priors import Cauchy, Normal, Uniform
from otmaps._uniform_sums import UniformSum, uniform_sum

# Weights such as (0.3, 0.7) sum to 1 in the mind of the user and to 1 +- 1 ulp in doubles.
_SNAP = 4.0 * 2.0**-52

Term = tuple[float, Distribution]


def closed_form(linear: Linear, inputs: Sequence[Distribution]) -> Distribution | str:
    """The exact law of ``offset + sum(weights[i] * Z_i)`` for independent Z_i.

    Parameters
    ----------
    linear : Linear
        Weights, of any sign, and offset.
    inputs : sequence of Distribution
        The law of each Z_i.

    Returns
    -------
    Distribution or str
        The law, or the reason why there is no closed form.

    Raises
    ------
    ValueError
        If all weights are 0: the result is a constant.

    Notes
    -----
    Served: one input of any law; normal and Cauchy inputs (stable laws, any weights); uniform
    inputs (`UniformSum`); gamma and exponential inputs that have one scale after weighting.
    A scale within 4 ulp of one is one, and a location within 4 ulp of the sizes of its terms
    equals the location of the first input: so that weights whose doubles sum to one but for
    rounding give back the prior itself, to be recognised as such.
    """
    terms = [(w, law) for w, law in zip(linear.weights, inputs, strict=True) if w != 0.0]
    if not terms:
        raise ValueError(
            f"all weights are 0: the result is the constant {linear.offset}, which has no law to "
            "match. Give at least one weight that is not 0."
        )
    if len(terms) == 1:
        weight, law = terms[0]
        return law.affine(weight, linear.offset)
    for families, rule in _RULES:
        if all(isinstance(law, families) for _, law in terms):
            return rule(linear.offset, terms)
    names = ", ".join(sorted({type(law).__name__ for _, law in terms}))
    return f"no closed form is known for a sum of {len(terms)} inputs of the laws {names}"


def _near(value: float, reference: float, size: float) -> float:
    """``reference`` where ``value`` differs from it by rounding alone."""
    return reference if abs(value - reference) <= _SNAP * size else value


def _location(offset: float, products: list[float], reference: float) -> float:
    size = math.fsum(abs(p) for p in products) + abs(offset)
    return _near(math.fsum([offset, *products]), reference, size)


def _stable(
    offset: float,
    terms: list[Term],
    family: type[Normal | Cauchy],
    join: Callable[[list[float]], float],
) -> Distribution:
    weights = [w for w, _ in terms]
    laws = [law for _, law in terms if isinstance(law, family)]
    loc = _location(
        offset, [w * law.loc for w, law in zip(weights, laws, strict=True)], laws[0].loc
    )
    scale = join([abs(w) * law.scale for w, law in zip(weights, laws, strict=True)])
    return family(loc, _near(scale, laws[0].scale, scale))


def _normal(offset: float, terms: list[Term]) -> Distribution:
    return _stable(offset, terms, Normal, lambda scales: math.hypot(*scales))


def _cauchy(offset: float, terms: list[Term]) -> Distribution:
    return _stable(offset, terms, Cauchy, math.fsum)


def _uniform(offset: float, terms: list[Term]) -> Distribution | str:
    return uniform_sum(offset, terms)


def _gamma(offset: float, terms: list[Term]) -> Distribution | str:
    scales, shapes, locs = [], [], []
    for w, law in terms:
        if isinstance(law, Gamma | Exponential):
            scales.append(w * law.scale)
            locs.append(w * law.loc)
            shapes.append(law.shape if isinstance(law, Gamma) else 1.0)
    scale = scales[0]
    if any(_near(s, scale, abs(scale)) != scale for s in scales):
        return "a sum of gamma variables is gamma for equal scales after weighting alone"
    base = Gamma(math.fsum(shapes), scale=abs(scale))
    return base.affine(math.copysign(1.0, scale), math.fsum([offset, *locs]))


_Rule = Callable[[float, list[Term]], Distribution | str]
_RULES: tuple[tuple[tuple[type[Distribution], ...], _Rule], ...] = (
    ((Normal,), _normal),
    ((Cauchy,), _cauchy),
    ((Uniform, UniformSum), _uniform),
    ((Gamma, Exponential), _gamma),
)
