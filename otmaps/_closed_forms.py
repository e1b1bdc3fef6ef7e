"""Exact laws of weighted sums, by the families of the inputs."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

import numpy as np

from otmaps._discrete import Discrete
from otmaps._distribution import Distribution
from otmaps._heavy_tails import Levy
from otmaps._linearity import Linear
from otmaps._one_sided_priors import Exponential, Gamma
from otmaps._priors import Cauchy, Normal, Uniform
from otmaps._stable import Stable
from otmaps._uniform_sums import UniformSum, few_pieces, uniform_sum, uniform_sum_refusal

# Weights such as (0.3, 0.7) sum to 1 in the mind of the user and to 1 +- 1 ulp in doubles.
_SNAP = 4.0 * 2.0**-52

# What is joined before a convolution: uniform terms of at most so many pieces, where all cannot be.
_MOST_PIECES = 64
_JUMP = 4.0
_MOST_JUMPS = 8
_MANY = 500
_MOST_ATOMS = 1 << 20

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
    Served: one input of any law; normal, Cauchy, Levy and other stable inputs of one index alpha
    (any weights); uniform inputs (`UniformSum`); gamma and exponential inputs that have one scale
    after weighting; inputs of finitely many atoms.
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


def combined(linear: Linear, inputs: Sequence[Distribution]) -> list[Term]:
    """Fewer independent terms that, with the offset, add up to a sum: what is left to convolve.

    Parameters
    ----------
    linear : Linear
        Weights, of any sign, and offset; terms of weight 0 are left out.
    inputs : sequence of Distribution
        The law of each input.

    Returns
    -------
    list of tuple
        Weights and laws: inputs as they are, and the exact laws of parts of the sum with weight 1.

    Notes
    -----
    Inputs of one family are joined where their sum stays in it: all normal ones, all Cauchy ones,
    stable ones of one alpha, those of finitely many atoms, gamma and exponential ones of one scale
    and sign after weighting, and uniform ones, in as many groups as `UniformSum` needs.
    """
    terms: list[Term] = []
    left = [(w, law) for w, law in zip(linear.weights, inputs, strict=True) if w != 0.0]
    for families, rule in _RULES:
        members = [term for term in left if isinstance(term[1], families)]
        left = [term for term in left if not isinstance(term[1], families)]
        for group in _GROUPINGS.get(rule, _together)(members):
            joined = rule(0.0, group) if len(group) > 1 else "one term needs no rule"
            terms += group if isinstance(joined, str) else [(1.0, joined)]
    return terms + left


def _together(terms: list[Term]) -> list[list[Term]]:
    return [terms] if terms else []


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


def _width(term: Term) -> tuple[float, ...]:
    w, law = term
    own = law.widths if isinstance(law, UniformSum) else (law.support()[1] - law.support()[0],)
    return tuple(abs(w) * width for width in own)


def _by_width(terms: list[Term]) -> list[list[Term]]:
    """Groups of uniform terms of similar widths, each of which `UniformSum` serves soon."""
    rest = sorted(terms, key=lambda term: max(_width(term)))
    groups = []
    while rest:
        size = next((k for k in _candidates(rest) if _served(rest[:k])), 1)
        if size == 1:
            while size < len(rest) and _served(rest[: size + 1]):
                size += 1
        groups.append(rest[:size])
        rest = rest[size:]
    return groups


def _candidates(terms: list[Term]) -> list[int]:
    """How many of ascending terms to try to join: all, or many, or those before a jump in width."""
    tops = [max(_width(term)) for term in terms]
    jumps = [k for k in range(2, len(tops)) if tops[k] > _JUMP * tops[k - 1]]
    return [len(terms), min(len(terms), _MANY), *jumps[::-1][:_MOST_JUMPS]]


def _served(terms: list[Term]) -> bool:
    widths = tuple(sorted(width for term in terms for width in _width(term)))
    return uniform_sum_refusal(widths) is None and few_pieces(widths, _MOST_PIECES)


def _by_scale(terms: list[Term]) -> list[list[Term]]:
    """Groups of gamma terms of one scale and sign after weighting."""
    groups: list[list[Term]] = []
    scales: list[float] = []
    for w, law in terms:
        scale = w * law.scale if isinstance(law, Gamma | Exponential) else math.nan
        near = (k for k, s in enumerate(scales) if _near(scale, s, abs(s)) == s)
        if (k := next(near, None)) is None:
            scales.append(scale)
            groups.append([(w, law)])
        else:
            groups[k].append((w, law))
    return groups


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


def _as_stable(weight: float, law: Distribution) -> Stable:
    """The law of ``weight * Z`` as a `Stable`."""
    if isinstance(law, Levy):
        law = Stable(0.5, 1.0, law.loc, law.scale)
    image = law.affine(weight)
    if not isinstance(image, Stable):
        raise TypeError(f"{law!r} is not stable.")
    return image


def _skewed_stable(offset: float, terms: list[Term]) -> Distribution | str:
    """Nolan, "Univariate Stable Distributions" (2020), Prop. 1.4: in S1 locations add up."""
    laws = [_as_stable(w, law) for w, law in terms]
    alpha = laws[0].alpha
    if any(law.alpha != alpha for law in laws):
        return "a sum of stable variables is stable for equal alpha alone"
    powers = [law.scale**alpha for law in laws]
    total = math.fsum(powers)
    if not 0.0 < total < math.inf:
        return "its scales raised to alpha leave the range of doubles"
    beta = math.fsum(law.beta * p for law, p in zip(laws, powers, strict=True)) / total
    first = terms[0][1]
    assert isinstance(first, Levy | Stable)  # noqa: S101 - what the rule is asked for
    loc = _location(offset, [law.loc for law in laws], first.loc)
    scale = _near(total ** (1.0 / alpha), first.scale, total ** (1.0 / alpha))
    if alpha == 0.5 and abs(beta) == 1.0:
        return Levy(beta * loc, scale).affine(beta)
    return Stable(alpha, _near(beta, laws[0].beta, 1.0), loc, scale)


def _by_alpha(terms: list[Term]) -> list[list[Term]]:
    """Groups of stable terms of one alpha."""
    groups: dict[float, list[Term]] = {}
    for w, law in terms:
        groups.setdefault(_as_stable(1.0, law).alpha, []).append((w, law))
    return list(groups.values())


def _discrete(offset: float, terms: list[Term]) -> Distribution | str:
    """All sums of one atom of each; equal ones are joined on the way."""
    at, mass = np.array([offset]), np.array([1.0])
    for w, law in terms:
        points, masses = np.array(law.atoms).T
        if at.size * points.size > _MOST_ATOMS:
            return f"it has more than {_MOST_ATOMS} atoms"
        at, owner = np.unique(np.add.outer(at, w * points), return_inverse=True)
        mass = np.bincount(owner.ravel(), weights=np.outer(mass, masses).ravel())
    errors = [law.errors for _, law in terms if isinstance(law, Discrete)]
    both = sum(error for error, _ in errors), sum(tail for _, tail in errors)
    return Discrete(at, mass / mass.sum(), errors=both)


_Rule = Callable[[float, list[Term]], Distribution | str]
# A family that is closed under sums is one line here.
_RULES: tuple[tuple[tuple[type[Distribution], ...], _Rule], ...] = (
    ((Normal,), _normal),
    ((Cauchy,), _cauchy),
    ((Uniform, UniformSum), _uniform),
    ((Gamma, Exponential), _gamma),
    ((Levy, Stable), _skewed_stable),
    ((Discrete,), _discrete),
)
# How the members of a family are shared out before a rule joins them; else all together.
_GROUPINGS: dict[_Rule, Callable[[list[Term]], list[list[Term]]]] = {
    _uniform: _by_width,
    _gamma: _by_scale,
    _skewed_stable: _by_alpha,
}
