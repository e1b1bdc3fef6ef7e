"""How the graph of a function falls into parts that share no input."""

from __future__ import annotations

import functools
import math
from collections.abc import Iterable, Sequence
from typing import NamedTuple

import numpy as np

from otmaps._distribution import Distribution
from otmaps._expressions import Expression, Graph, Node, below, replaced, restricted

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
        step = linear_step(node)
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


def linear_step(node: Node) -> tuple[list[tuple[Node, float]], float] | None:
    """Arguments with factors, and a shift, where the node is linear in its arguments."""
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


def regrouped(expression: Expression) -> Node:
    """The root, where sums and extremes inside add up first what nothing else depends on."""
    root = expression.root
    if len(expression.nodes) > _MOST_NODES:
        return root
    changes: dict[Node, Node] = {}
    for node in expression.nodes:
        if node is not root:
            change = _regrouped(expression.graph, root, node)
            if change is not None:
                changes[node] = change
    return replaced(expression, changes) if changes else root


def _regrouped(graph: Graph, root: Node, node: Node) -> Node | None:
    form = linear_terms(node)
    function = node.function
    if form.terms.keys() != {node}:
        members = [*form.terms]
    elif function in {np.maximum, np.minimum} and isinstance(function, np.ufunc):
        members = chain(node, function)
    else:
        return None
    outside = _latents_around(root, node)
    own = [n for g in groups(members) for n in g if not _latents(g) & outside and _latents(g)]
    rest = [n for n in members if n not in own]
    if len(own) < 2 or not rest:
        return None
    if isinstance(function, np.ufunc) and function in {np.maximum, np.minimum}:
        step = functools.partial(graph.step, function)
        return step(functools.reduce(step, rest), functools.reduce(step, own))
    sides = [
        linear_node(graph, Linear({n: form.terms[n] for n in side}, offset))
        for side, offset in ((rest, form.offset), (own, 0.0))
    ]
    return graph.step(np.add, *sides)


def _latents(nodes: Iterable[Node]) -> frozenset[int]:
    return frozenset().union(*(node.latents for node in nodes))


def _latents_around(root: Node, node: Node) -> frozenset[int]:
    """The latents that the root reaches on other ways than through the node."""
    seen: set[Node] = {node}
    waiting = [root]
    found: set[int] = set()
    while waiting:
        at = waiting.pop()
        if at not in seen:
            seen.add(at)
            waiting.extend(at.arguments)
            if at.function is None:
                found |= at.latents
    return frozenset(found)


def parts(root: Node) -> list[Node]:
    """The largest nodes below the root that are the only way to their latents, two or more."""
    nodes = below(root)
    if len(nodes) > _MOST_NODES:
        return []
    found: list[Node] = []
    inside: set[Node] = {root}
    for node in reversed(nodes[:-1]):
        alone = len(node.latents) > 1 and node not in inside
        if alone and not node.latents & _latents_around(root, node):
            found.append(node)
            inside.update(below(node))
    return found


def one_input_nodes(root: Node) -> list[Node]:
    """The last nodes below the root, or the root, that depend on one latent."""
    nodes = below(root)
    inside = {a for node in nodes if len(node.latents) == 1 for a in node.arguments}
    return [node for node in nodes if len(node.latents) == 1 and node not in inside]


def reduced(
    root: Node,
    inputs: Sequence[Distribution],
    found: Sequence[Node],
    laws: Sequence[Distribution],
) -> Problem:
    """The problem of a root with parts replaced by variables of the laws given."""
    taken = _latents(found)
    kept = [n for n in below(root) if n.function is None and n.latents and not n.latents & taken]
    expression = restricted(root, [*kept, *found])
    return Problem(expression, (*(inputs[int(n.value or 0)] for n in kept), *laws))


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
    if node.function is np.divide:
        return _share(expression.graph, first, last)
    if first.boolean == last.boolean:
        return None
    mask, other = (first, last) if first.boolean else (last, first)
    if node.function is np.multiply:
        return step(np.where, mask, other, zero)
    if node.function in {np.add, np.subtract}:
        number = step(np.where, mask, one, zero)
        return step(node.function, *((number, other) if first.boolean else (other, number)))
    return None


def _share(graph: Graph, part: Node, whole: Node) -> Node | None:
    """``u / (w u + r)`` as ``1 / (w + r / u)``, where u and r share no input."""
    u, v = linear_terms(part), linear_terms(whole)
    common = [node for node in u.terms if node in v.terms]
    if len(common) < len(u.terms) or u.offset or not common:
        return None
    weight = v.terms[common[0]] / u.terms[common[0]]
    if any(v.terms[node] != weight * u.terms[node] for node in common):
        return None
    rest = Linear({n: w for n, w in v.terms.items() if n not in u.terms}, v.offset)
    if not rest.terms or _latents(rest.terms) & part.latents:
        return None
    ratio = graph.step(np.divide, linear_node(graph, rest), part)
    return graph.step(np.reciprocal, graph.step(np.add, ratio, graph.constant(weight)))


def product_node(graph: Graph, exponents: dict[Node, float]) -> Node:
    """The product of powers as a node of the graph that the nodes are from."""
    total: Node | None = None
    for node, exponent in exponents.items():
        factor = graph.step(np.power, node, graph.constant(exponent))
        total = factor if total is None else graph.step(np.multiply, total, factor)
    return graph.constant(1.0) if total is None else total
