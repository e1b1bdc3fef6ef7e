"""How the graph of a function falls into parts that share no input."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from typing import NamedTuple

import numpy as np

from otmaps._distribution import Distribution
from otmaps._expressions import Expression, Graph, Node, below, restricted

_MOST_NODES = 2000  # of a graph that is searched for parts


class Problem(NamedTuple):
    """A function of independent variables, all of which it uses, and their laws."""

    expression: Expression
    laws: tuple[Distribution, ...]

    @property
    def root(self) -> Node:
        """The last step."""
        return self.expression.root

    def part(self, node: Node) -> Problem:
        """The problem of a node below the root."""
        return problem_of(node, self.laws)


def problem_of(node: Node, laws: Sequence[Distribution]) -> Problem:
    """The problem of a node whose latents have these laws, by number; unused ones are left out."""
    leaves = [n for n in below(node) if n.function is None and n.latents]
    expression = restricted(node, leaves)
    return Problem(expression, tuple(laws[int(leaf.value or 0)] for leaf in leaves))


class Linear(NamedTuple):
    """``offset + sum of weight * node``; each node once, and none of weight 0."""

    terms: dict[Node, float]
    offset: float


def linear_terms(root: Node) -> Linear:
    """The root as a linear form of nodes that are none."""
    order: dict[Node, None] = {}
    weights: dict[Node, list[float]] = {}
    offsets = [0.0]
    waiting = [(root, 1.0)]
    while waiting:
        node, weight = waiting.pop()
        step = _linear_step(node)
        if node.constant is not None:
            offsets.append(weight * float(node.constant))
        elif step is None:
            order[node] = None
            weights.setdefault(node, []).append(weight)
        else:
            inner, shift = step
            offsets.append(weight * shift)
            waiting.extend((argument, weight * factor) for argument, factor in inner[::-1])
    sums = {node: math.fsum(weights[node]) for node in order}
    return Linear({node: w for node, w in sums.items() if w != 0.0}, math.fsum(offsets))


def _linear_step(node: Node) -> tuple[list[tuple[Node, float]], float] | None:
    if node.function is None or any(a.boolean for a in node.arguments):
        return None
    if node.affine is not None:
        return [(node.arguments[0], node.affine[0])], node.affine[1]
    first, last = node.arguments[0], node.arguments[-1]
    match node.function:
        case np.add:
            return [(first, 1.0), (last, 1.0)], 0.0
        case np.subtract:
            return [(first, 1.0), (last, -1.0)], 0.0
        case np.negative:
            return [(first, -1.0)], 0.0
        case np.multiply if first.constant is not None:
            return [(last, float(first.constant))], 0.0
        case np.multiply if last.constant is not None:
            return [(first, float(last.constant))], 0.0
        case np.divide if last.constant:
            return [(first, 1.0 / float(last.constant))], 0.0
    return None


def linear_node(graph: Graph, linear: Linear) -> Node:
    """The sum as a node of the graph that its terms are from."""
    total: Node | None = None
    for node, weight in linear.terms.items():
        term = node if weight == 1.0 else graph.step(np.multiply, graph.constant(weight), node)
        total = term if total is None else graph.step(np.add, total, term)
    if total is None:
        return graph.constant(linear.offset)
    return graph.step(np.add, total, graph.constant(linear.offset)) if linear.offset else total


def factors(root: Node) -> tuple[dict[Node, float], float]:
    """The root as a product of powers of nodes, and of a constant: exponents, and the constant.

    Roots, and powers that are not whole numbers, stay as they are: they need a sign.
    """
    exponents: dict[Node, float] = {}
    constant = 1.0
    waiting = [(root, 1.0)]
    while waiting:
        node, exponent = waiting.pop()
        inner = _factor_step(node)
        if node.constant is not None:
            constant *= float(node.constant) ** exponent
        elif inner is None:
            exponents[node] = exponents.get(node, 0.0) + exponent
        else:
            if node.function is np.negative:
                constant *= (-1.0) ** exponent
            waiting.extend((argument, exponent * power) for argument, power in inner[::-1])
    return exponents, constant


def _factor_step(node: Node) -> list[tuple[Node, float]] | None:
    if node.function is None or any(a.boolean for a in node.arguments):
        return None
    first, last = node.arguments[0], node.arguments[-1]
    match node.function:
        case np.multiply:
            return [(first, 1.0), (last, 1.0)]
        case np.divide if first.constant != 0.0:
            return [(first, 1.0), (last, -1.0)]
        case np.reciprocal:
            return [(first, -1.0)]
        case np.negative:
            return [(first, 1.0)]
        case np.square:
            return [(first, 2.0)]
        case np.power if last.constant is not None and float(last.constant).is_integer():
            return [(first, float(last.constant))]
    return None


def chain(root: Node, function: np.ufunc) -> list[Node]:
    """The arguments of a nest of steps of one associative function; the root if it is none."""
    found: dict[Node, None] = {}
    waiting = [root]
    while waiting:
        node = waiting.pop()
        if node.function is function:
            waiting.extend(node.arguments[::-1])
        else:
            found[node] = None
    return [*found]


def groups(nodes: Iterable[Node]) -> list[list[Node]]:
    """The nodes, those together that share a latent, or are linked by others that do."""
    found: list[tuple[set[int], list[Node]]] = []
    for node in nodes:
        shared = [g for g in found if g[0] & node.latents]
        latents = set(node.latents).union(*(g[0] for g in shared))
        members = [n for g in shared for n in g[1]] + [node]
        found = [g for g in found if g not in shared] + [(latents, members)]
    return [members for _, members in found]


def parts(root: Node) -> list[Node]:
    """The largest nodes below the root that are the only way to their latents, two or more."""
    nodes = below(root)
    if len(nodes) > _MOST_NODES:
        return []
    found: list[Node] = []
    inside: set[Node] = {root}
    for node in reversed(nodes[:-1]):
        if len(node.latents) > 1 and node not in inside and _is_only_way(root, node):
            found.append(node)
            inside.update(below(node))
    return found


def _is_only_way(root: Node, part: Node) -> bool:
    seen: set[Node] = set()
    waiting = [root]
    while waiting:
        node = waiting.pop()
        if node in seen or node is part:
            continue
        seen.add(node)
        if node.function is None and node.latents & part.latents:
            return False
        waiting.extend(a for a in node.arguments if a.latents & part.latents)
    return True


def reduced(problem: Problem, found: Sequence[Node], laws: Sequence[Distribution]) -> Problem:
    """The problem with parts replaced by variables of the laws given."""
    leaves = [n for n in below(problem.root) if n.function is None and n.latents]
    taken = frozenset().union(*(node.latents for node in found))
    kept = [leaf for leaf in leaves if not leaf.latents & taken]
    expression = restricted(problem.root, [*kept, *found])
    return Problem(expression, (*(problem.laws[int(n.value or 0)] for n in kept), *laws))


def rewritten(expression: Expression) -> Node | None:
    """The root by steps that split further, equal in exact arithmetic; None for no change."""
    node, step, constant = expression.root, expression.graph.step, expression.graph.constant
    if len(node.arguments) != 2:
        return None
    first, last = node.arguments
    zero, one = constant(0.0), constant(1.0)
    if node.function is np.hypot:
        return step(np.sqrt, step(np.add, step(np.square, first), step(np.square, last)))
    if node.function is np.logaddexp:
        return step(np.log, step(np.add, step(np.exp, first), step(np.exp, last)))
    if first.boolean == last.boolean:
        return None
    mask, other = (first, last) if first.boolean else (last, first)
    if node.function is np.multiply:
        return step(np.where, mask, other, zero)
    if node.function in {np.add, np.subtract}:
        number = step(np.where, mask, one, zero)
        return step(node.function, *((number, other) if first.boolean else (other, number)))
    return None


def product_node(graph: Graph, exponents: dict[Node, float]) -> Node:
    """The product of powers as a node of the graph that the nodes are from."""
    total: Node | None = None
    for node, exponent in exponents.items():
        factor = graph.step(np.power, node, graph.constant(exponent))
        total = factor if total is None else graph.step(np.multiply, total, factor)
    return graph.constant(1.0) if total is None else total
