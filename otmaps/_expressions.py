"""Functions of latents as graphs of elementwise steps."""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, TypeAlias, final

import numpy as np

Function: TypeAlias = Callable[..., Any]

_COMMUTATIVE = frozenset({np.add, np.multiply, np.maximum, np.minimum})
_POWERS: Mapping[float, Function] = {2.0: np.square, 0.5: np.sqrt, -1.0: np.reciprocal}


class UntraceableError(TypeError):
    """Raised where the steps of a function cannot be followed."""


@final
@dataclasses.dataclass(frozen=True, eq=False)
class Node:
    """A latent, a constant, or a step: an elementwise function of other nodes.

    Within one `Graph` equal nodes are one object.

    Attributes
    ----------
    function : callable or None
        None for latents and constants.
    arguments : tuple of Node
    value : float, int or None
        The value of a constant, the number of a latent.
    latents : frozenset of int
        The latents below; empty for a constant alone.
    boolean : bool
        Whether the values are truth values.
    number : int
        Larger than those of the arguments.
    affine : tuple of float or None
        Scale and shift where the function is known to be ``scale * x + shift``.
    """

    function: Function | None
    arguments: tuple[Node, ...]
    value: float | int | None
    latents: frozenset[int]
    boolean: bool
    number: int
    affine: tuple[float, float] | None = None

    @property
    def constant(self) -> float | None:
        """The value of a constant, else None."""
        return None if self.function is not None or self.latents else self.value


@final
class Graph:
    """Makes nodes, each one once."""

    def __init__(self) -> None:
        self._known: dict[Any, Node] = {}

    def _node(self, key: Any, **fields: Any) -> Node:
        if key not in self._known:
            self._known[key] = Node(number=len(self._known), **fields)
        return self._known[key]

    def latent(self, index: int) -> Node:
        """The node of a latent."""
        return self._node(
            ("latent", index),
            function=None,
            arguments=(),
            value=index,
            latents=frozenset({index}),
            boolean=False,
        )

    def constant(self, value: float | bool) -> Node:
        """The node of a constant."""
        boolean = isinstance(value, bool | np.bool_)
        number = bool(value) if boolean else float(value)
        return self._node(
            # hex: tells 0.0 from -0.0, and NaN is equal to itself
            ("constant", boolean, float(number).hex()),
            function=None,
            arguments=(),
            value=number,
            latents=frozenset(),
            boolean=boolean,
        )

    def step(
        self, function: Function, *arguments: Node, affine: tuple[float, float] | None = None
    ) -> Node:
        """The node of ``function(*arguments)``, in the simplest form with the same values."""
        samples = [np.ones(1, dtype=bool if a.boolean else float) for a in arguments]
        with np.errstate(all="ignore"):
            dtype = np.asarray(function(*samples)).dtype
        if dtype.kind not in "fb":
            raise UntraceableError(f"a step with results of dtype {dtype}")
        if any(a.latents for a in arguments):
            simple = self._simplified(function, arguments)
            if simple is not None:
                return simple
        else:
            with np.errstate(all="ignore"):
                value = function(*(np.asarray(a.value) for a in arguments))
                return self.constant(np.asarray(value).item())
        if function in _COMMUTATIVE:
            arguments = tuple(sorted(arguments, key=lambda a: a.number))
        return self._node(
            (function, *(a.number for a in arguments)),
            function=function,
            arguments=arguments,
            value=None,
            latents=frozenset().union(*(a.latents for a in arguments)),
            boolean=dtype.kind == "b",
            affine=affine,
        )

    def _simplified(self, function: Function, arguments: tuple[Node, ...]) -> Node | None:
        first, last = arguments[0], arguments[-1]
        if function in {np.positive, np.conjugate}:
            return first
        if function is np.fabs:
            return self.step(np.absolute, first)
        if first is last and len(arguments) == 2 and not first.boolean:
            if function is np.multiply:
                return self.step(np.square, first)
            if function in {np.maximum, np.minimum}:
                return first
        if function in {np.power, np.float_power} and not last.latents and not first.boolean:
            exponent = float(last.constant or 0.0)
            if exponent in {0.0, 1.0}:
                return first if exponent else self.constant(1.0)
            if exponent in _POWERS:
                return self.step(_POWERS[exponent], first)
        return None


@final
@dataclasses.dataclass(frozen=True, eq=False)
class Expression:
    """A node, seen as a function of latents; call it on one array for each.

    Attributes
    ----------
    root : Node
    latents : int
        How many arguments it takes.
    graph : Graph
        Makes further nodes of these.
    """

    root: Node
    latents: int
    graph: Graph = dataclasses.field(repr=False)

    @functools.cached_property
    def nodes(self) -> tuple[Node, ...]:
        """All nodes below the root, and the root, each after its arguments."""
        return below(self.root)

    def __call__(self, *arrays: Any) -> Any:
        """The value at arrays that broadcast."""
        if len(arrays) != self.latents:
            raise TypeError(f"the expression takes {self.latents} arrays, got {len(arrays)}.")
        values: dict[Node, Any] = {}
        with np.errstate(all="ignore"):
            for node in self.nodes:
                if node.function is not None:
                    values[node] = node.function(*(values[a] for a in node.arguments))
                elif node.latents:
                    values[node] = arrays[int(node.value or 0)]
                else:
                    values[node] = node.value
        shape = np.broadcast_shapes(*(np.shape(a) for a in arrays))
        result = values[self.root]
        return result if np.shape(result) == shape else np.broadcast_to(result, shape)

    @functools.cached_property
    def signature(self) -> tuple[Any, ...]:
        """Equal for expressions of equal steps."""
        place = {node: i for i, node in enumerate(self.nodes)}
        return tuple(
            (node.function, *(place[a] for a in node.arguments))
            if node.function is not None
            else (bool(node.latents), node.boolean, float(node.value or 0.0).hex())
            for node in self.nodes
        )

    def switches(self) -> tuple[Expression, ...]:
        """Expressions of the latents at whose zeros a step has a kink, a jump or a pole."""
        found: dict[Node, None] = {}
        for node in self.nodes:
            for switch in _switches_of(self.graph, node):
                if switch.latents:
                    found[switch] = None
        return tuple(Expression(switch, self.latents, self.graph) for switch in found)


def below(*roots: Node) -> tuple[Node, ...]:
    """All nodes below the roots, and the roots, each after its arguments."""
    found: set[Node] = set()
    waiting = list(roots)
    while waiting:
        node = waiting.pop()
        if node not in found:
            found.add(node)
            waiting.extend(node.arguments)
    return tuple(sorted(found, key=lambda node: node.number))


def _rebuilt(graph: Graph, root: Node, known: dict[Node, Node]) -> Node:
    """The root in another graph, where ``known`` says what becomes of some nodes; it grows."""
    waiting = [root]
    while waiting:
        node = waiting[-1]
        missing = [a for a in node.arguments if a not in known]
        if node in known or not missing:
            waiting.pop()
        if node in known:
            continue
        if missing:
            waiting.extend(missing)
        elif node.function is not None:
            arguments = (known[a] for a in node.arguments)
            known[node] = graph.step(node.function, *arguments, affine=node.affine)
        elif node.latents:
            known[node] = graph.latent(int(node.value or 0))
        else:
            known[node] = graph.constant(node.value or 0.0)
    return known[root]


def replaced(expression: Expression, nodes: dict[Node, Node]) -> Node:
    """The root with some nodes of its graph in place of others."""
    return _rebuilt(expression.graph, expression.root, dict(nodes))


def restricted(root: Node, inputs: Sequence[Node]) -> Expression:
    """The root as an expression of other nodes; latents that are not below those are kept out."""
    graph = Graph()
    known = {node: graph.latent(i) for i, node in enumerate(inputs)}
    return Expression(_rebuilt(graph, root, known), len(inputs), graph)


_COMPARISONS = frozenset({np.greater, np.greater_equal, np.less, np.less_equal})
_AT_ZERO = frozenset(
    {np.absolute, np.sign, np.reciprocal, np.sqrt, np.cbrt, np.log, np.log2, np.log10}
)
_AT_DIFFERENCE = _COMPARISONS | {np.maximum, np.minimum, np.fmax, np.fmin, np.equal, np.not_equal}
_STEPS = frozenset({np.floor, np.ceil, np.trunc})
_QUOTIENTS = frozenset({np.remainder, np.fmod, np.floor_divide})


def _switches_of(graph: Graph, node: Node) -> Iterable[Node]:
    function, arguments = node.function, node.arguments
    if function in _AT_ZERO:
        yield arguments[0]
    elif function in _AT_DIFFERENCE:
        yield graph.step(np.subtract, *arguments)
    elif function is np.heaviside or (
        function in {np.power, np.float_power} and arguments[1].constant not in {2.0, 3.0, 4.0}
    ):
        yield arguments[0]
    elif function in {np.divide, np.arctan2}:
        yield arguments[1]
    elif function is np.log1p:
        yield graph.step(np.add, arguments[0], graph.constant(1.0))
    elif function is np.tan:
        yield graph.step(np.cos, arguments[0])
    elif function in _STEPS or function in _QUOTIENTS or function is np.rint:
        # Zero at all whole numbers, or half way between them.
        inner = graph.step(np.divide, *arguments) if function in _QUOTIENTS else arguments[0]
        wave = np.cos if function is np.rint else np.sin
        yield graph.step(wave, graph.step(np.multiply, graph.constant(np.pi), inner))
        if function in _QUOTIENTS:
            yield arguments[1]
