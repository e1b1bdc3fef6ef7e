"""The probability of a condition: of comparisons, and of what logic makes of independent ones."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from otmaps._distribution import Distribution
from otmaps._expressions import Graph, Node


class Chance(NamedTuple):
    """The probabilities that a condition holds, and that it does not, and their errors.

    Both are computed on their own, so the smaller one has its digits.
    """

    holds: float
    fails: float
    error: float = 0.0
    tail_error: float = 0.0


def chance_of(mask: Node, graph: Graph, law_of: Callable[[Node], Distribution]) -> Chance | None:
    """The probability of a condition; None where it is not put together from comparisons.

    Parameters
    ----------
    mask : Node
        With truth values.
    graph : Graph
        That the node is from.
    law_of : callable
        The law of the value of a node.
    """
    if mask.constant is not None:
        return Chance(1.0, 0.0) if mask.constant else Chance(0.0, 1.0)
    if mask.function in {np.logical_not, np.invert}:
        inner = chance_of(mask.arguments[0], graph, law_of)
        return None if inner is None else inner._replace(holds=inner.fails, fails=inner.holds)
    if mask.function in _CONNECTIVES:
        if mask.arguments[0].latents & mask.arguments[1].latents:
            return None
        a, b = (chance_of(node, graph, law_of) for node in mask.arguments)
        return None if a is None or b is None else _joined(a, b, both=_CONNECTIVES[mask.function])
    if mask.function not in _COMPARISONS:
        return None
    law = law_of(graph.step(np.subtract, *mask.arguments))
    at_zero = sum(mass for at, mass in law.atoms if at == 0.0)
    above, below = float(law.sf(0.0)), float(law.cdf(0.0)) - at_zero
    strictly, greater = _COMPARISONS[mask.function]
    holds, fails = (above, below) if greater else (below, above)
    if strictly:
        fails += at_zero
    else:
        holds += at_zero
    return Chance(holds, fails, law.error, law.tail_error)


def _joined(a: Chance, b: Chance, *, both: bool) -> Chance:
    errors = a.error + b.error, a.tail_error + b.tail_error
    if both:
        return Chance(a.holds * b.holds, a.fails + a.holds * b.fails, *errors)
    return Chance(a.holds + a.fails * b.holds, a.fails * b.fails, *errors)


# Whether both conditions are asked for.
_CONNECTIVES: dict[Any, bool] = {
    np.logical_and: True,
    np.bitwise_and: True,
    np.logical_or: False,
    np.bitwise_or: False,
}
# Whether the comparison is strict, and whether it asks for a positive difference.
_COMPARISONS: dict[Any, tuple[bool, bool]] = {
    np.greater: (True, True),
    np.greater_equal: (False, True),
    np.less: (True, False),
    np.less_equal: (False, False),
}
