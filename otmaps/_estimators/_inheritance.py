"""How much of the error of a law of a part a function of the part takes over."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence

import numpy as np
from scipy import special

from otmaps._distribution import Distribution
from otmaps._expressions import Expression, Node

_RISING = frozenset(
    {
        np.exp,
        np.exp2,
        np.expm1,
        np.log,
        np.log2,
        np.log10,
        np.log1p,
        np.sqrt,
        np.cbrt,
        np.tanh,
        np.arctanh,
        np.arctan,
        np.arcsin,
        np.arccos,
        np.sinh,
        np.arcsinh,
        np.floor,
        np.ceil,
        np.trunc,
        np.rint,
        np.sign,
        special.expit,
        special.logit,
        special.ndtr,
        special.erf,
    }
)  # or falling
_BOTH = frozenset({np.add, np.subtract, np.multiply, np.maximum, np.minimum, np.logaddexp})
_TWO_BRANCHES = frozenset({np.square, np.absolute, np.cosh, np.hypot})
_MEASURED = 2.0  # how much is allowed for branches that a grid has missed
_GRID = 2048
_DRAWS = 16


def inherited_errors(
    expression: Expression, laws: Sequence[Distribution], computed: Iterable[int]
) -> tuple[float, float]:
    """What the errors of the laws of some inputs add to those of the result.

    For fixed other inputs, {result <= y} is a union of intervals in one input, and its probability
    is off by at most the error of that law for each end of an interval. The inputs are exchanged
    one by one, so what each adds, adds up. A half line, for a function that is monotone in the
    input, keeps the relative accuracy of both tails.

    Parameters
    ----------
    expression : Expression
    laws : sequence of Distribution
        One for each latent.
    computed : iterable of int
        The latents whose errors count.

    Returns
    -------
    tuple of float
        Of the cdf; relative, of the nearer tail, infinite where nothing is proven.

    Notes
    -----
    How many ends there are is proven where the input goes one way through steps that are known;
    otherwise the turns of the function on a grid of quantiles are counted, and doubled.
    """
    error, tail = 0.0, 0.0
    for i in computed:
        ends = _proven_ends(expression, i)
        if ends is None:
            ends, monotone = _measured_ends(expression, laws, i), False
        else:
            monotone = ends == 1
        error += ends * laws[i].error
        tail += laws[i].tail_error if monotone else math.inf
    return error, tail


def _proven_ends(expression: Expression, latent: int) -> int | None:
    """How many ends the intervals have at most, by the steps from the input to the root."""
    node, branches, jumps = expression.root, 1, 0
    while node.function is not None:
        ways = [i for i, a in enumerate(node.arguments) if latent in a.latents]
        if len(ways) > 1:
            return None
        found = _branches(node, ways[0])
        if found is None:
            return None
        # Each branch of this step meets each jump of those that follow it at most once.
        jumps = jumps * found[0] + found[1]
        branches *= found[0]
        node = node.arguments[ways[0]]
    return branches + jumps


def _branches(node: Node, place: int) -> tuple[int, int] | None:
    """How many monotone branches the step has in one argument, and how many jumps between them."""
    function = node.function
    if node.affine is not None or function in _RISING or function in _BOTH:
        return 1, 0
    if function in {np.negative, np.positive} or (function is np.divide and place == 0):
        return 1, 0
    if function is np.where:
        return (1, 0) if place > 0 else None
    if function is np.reciprocal or (function is np.divide and place == 1):
        return 2, 1
    if function in _TWO_BRANCHES:
        return 2, 0
    if function in {np.power, np.float_power} and place == 0:
        exponent = node.arguments[1].constant
        if exponent is not None:
            return (2 if float(exponent) % 2.0 == 0.0 else 1) + (exponent < 0), int(exponent < 0)
    return None


def _measured_ends(expression: Expression, laws: Sequence[Distribution], latent: int) -> int:
    rng = np.random.default_rng(0)
    levels = (np.arange(_GRID) + 0.5) / _GRID
    line = np.asarray(laws[latent].ppf(levels))
    most = 1
    for _ in range(_DRAWS):
        point = [np.full(_GRID, float(law.rvs((), rng))) for law in laws]
        point[latent] = line
        signs = np.sign(np.diff(np.asarray(expression(*point), dtype=float)))
        signs = signs[signs != 0.0]
        most = max(most, 1 + int(np.count_nonzero(signs[1:] != signs[:-1])))
    return math.ceil(_MEASURED * (2 * most - 1))
