"""Places of an input that the steps of a function single out, whatever their probability."""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np

from otmaps._arrays import FloatArray
from otmaps._estimators._axes import DEEPEST, Axis
from otmaps._expressions import Expression, Node, below
from otmaps._inversion import midpoint
from otmaps._operations import Operation

_GRID = np.concatenate([np.linspace(0.0, 40.0, 401)[1:], np.geomspace(40.0, DEEPEST, 60)[1:]])
_SCALES = 10.0 ** -np.arange(0.5, 16.0, 0.5)  # distances from a place that are looked at
_MOST_SURROUNDED = 24  # places
MOST_PLACES = 96  # of an input: a wave has more, and is seen by scans
_ROUNDING, _NARROW = 1e-14, 0.05  # of the depth
_TINY = 1e-250  # what halving leaves of a 0
_GOLDEN = 0.5 * (3.0 - math.sqrt(5.0))
_CHOICES = frozenset({np.where, np.maximum, np.minimum})
_LINEAR = frozenset({np.add, np.subtract, np.negative, np.multiply, np.divide, np.where})


def places_of(op: Operation, axes: list[Axis]) -> list[FloatArray]:
    """The `places_in` each input."""
    return [places_in(op, j, axis) for j, axis in enumerate(axes)]


def places_in(op: Operation, latent: int, axis: Axis) -> FloatArray:
    """The points of an input at which a step that depends on it alone turns, jumps or peaks.

    These are the zeros of what is compared, of what has its absolute value taken, and of the
    argument of every other step that is not linear, such as the centre of a bump; a jump has both
    neighbouring doubles. Empty where the function cannot be followed.
    """
    expression = op.expression
    if isinstance(expression, str):
        return np.empty(0)
    own = [n for n in _interesting(expression) if n.latents == frozenset({latent})]
    return _zeros(own, expression, latent, axis, [0.0] * expression.latents)


def places_given(op: Operation, latent: int, axis: Axis, rest: list[float]) -> FloatArray:
    """The points of an input at which, given the others, what is compared turns or changes sign."""
    expression = op.expression
    if isinstance(expression, str):
        return np.empty(0)
    joint = [s for s in expression.switches() if latent in s.root.latents and _joint(s.root)]
    if not joint:
        return np.empty(0)
    nodes = {n: None for s in joint for n in (*_interesting(s), s.root) if latent in n.latents}
    others = [*rest[:latent], 0.0, *rest[latent:]]
    ordered = sorted(nodes, key=lambda n: len(below(n)))
    return _zeros(ordered, expression, latent, axis, others)


def _joint(node: Node) -> bool:
    return len(node.latents) > 1


def narrow(places: FloatArray, axis: Axis) -> FloatArray:
    """The places that bound ranges which points that are spread evenly may step over."""
    if not places.size:
        return places
    gaps = np.diff(axis.depth(places))
    close = (gaps > _ROUNDING) & (gaps < _NARROW)
    return np.asarray(places[np.append(close, False) | np.append(False, close)])


def plateaus_of(op: Operation) -> set[float]:
    """The constants that the operation may take on by a choice or a bound."""
    if isinstance(op.expression, str):
        return set()
    found: set[float] = set()
    waiting = [op.expression.root]
    while waiting:
        node = waiting.pop()
        if node.function in _CHOICES:
            waiting.extend(a for a in node.arguments if not a.boolean)
        elif node.constant is not None and math.isfinite(node.constant):
            found.add(float(node.constant))
    return found


def surroundings(places: FloatArray, scale: float) -> FloatArray:
    """The places, their neighbours, what lies between them, and points at all distances."""
    if not places.size:
        return places
    places = np.unique(places)
    out = [places, np.nextafter(places, -np.inf), np.nextafter(places, np.inf)]
    out.append(0.5 * (places[1:] + places[:-1]))
    if places.size <= _MOST_SURROUNDED:
        size = np.maximum(np.abs(places), scale)
        steps = (size[:, None] * _SCALES).ravel()
        out += [np.repeat(places, _SCALES.size) + side * steps for side in (-1.0, 1.0)]
    return np.unique(np.concatenate(out))


def _interesting(expression: Expression) -> list[Node]:
    """The nodes whose zeros matter, those first that others are made of."""
    found: dict[Node, None] = {}
    waiting = [expression]
    while waiting:
        current = waiting.pop()
        for node in (*(s.root for s in current.switches()), *_arguments(current)):
            if node not in found and node.latents and not node.boolean:
                found[node] = None
                waiting.append(Expression(node, expression.latents, expression.graph))
    return sorted(found, key=lambda n: len(below(n)))


def _arguments(expression: Expression) -> Iterator[Node]:
    for node in expression.nodes:
        if node.function is not None and node.function not in _LINEAR and node.affine is None:
            yield from (a for a in node.arguments if a.latents)


def _zeros(
    nodes: list[Node], expression: Expression, latent: int, axis: Axis, given: list[float]
) -> FloatArray:
    low, high = axis.points(np.array([-0.7, 0.7])).tolist()
    bottom, top = axis.ends
    plain = axis.points(np.concatenate([-_GRID[::-1], [0.0], _GRID]))
    found = np.empty(0)
    for node in nodes:
        function = Expression(node, expression.latents, expression.graph)

        def value(x: FloatArray, function: Expression = function) -> FloatArray:
            latents = [np.full_like(x, g) for g in given]
            latents[latent] = x
            return np.asarray(function(*latents), dtype=float)

        near = surroundings(found, high - low)
        x = np.unique(np.concatenate([plain, near, [0.0]]))
        fresh = _sign_changes(value, x[(x >= bottom) & (x <= top)])
        if fresh.size <= MOST_PLACES:
            found = np.union1d(found, fresh)
    return found if found.size <= MOST_PLACES else np.empty(0)


def _sign_changes(value, x: FloatArray) -> FloatArray:  # type: ignore[no-untyped-def]
    """Both neighbouring doubles wherever a function changes its sign; extrema are looked into."""
    g = value(x)
    with np.errstate(invalid="ignore"):
        near = np.abs(g)
        dip = (near[1:-1] < near[:-2]) & (near[1:-1] <= near[2:]) & (g[:-2] * g[2:] > 0.0)
    if 0 < np.count_nonzero(dip) <= MOST_PLACES:
        a, b, side = x[:-2][dip], x[2:][dip], np.sign(g[1:-1][dip])
        for _ in range(60):
            left, right = a + _GOLDEN * (b - a), b - _GOLDEN * (b - a)
            lower = side * value(left) < side * value(right)
            a, b = np.where(lower, a, left), np.where(lower, right, b)
        x = np.union1d(x, 0.5 * (a + b))
        g = value(x)
    sign = np.sign(g)
    k = np.flatnonzero((sign[1:] != sign[:-1]) & ~np.isnan(sign[1:] + sign[:-1]))
    low, high, before = x[k], x[k + 1], sign[k]
    for _ in range(1100):
        middle = midpoint(low, high)
        inside = (middle > low) & (middle < high)
        if not inside.any():
            break
        same = np.sign(value(middle)) == before
        low, high = np.where(inside & same, middle, low), np.where(inside & ~same, middle, high)
    ends = np.concatenate([low, high])
    return np.unique(np.where(np.abs(ends) > _TINY, ends, 0.0))
