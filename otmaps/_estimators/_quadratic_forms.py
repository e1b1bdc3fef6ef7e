"""Quadratic forms of independent normal variables as sums of independent squares."""

from __future__ import annotations

import math
from collections.abc import Sequence
from fractions import Fraction
from typing import NamedTuple, TypeAlias

import numpy as np

from otmaps._arrays import FloatArray
from otmaps._discrete import EPS
from otmaps._distribution import Distribution
from otmaps._estimators._splitting import factors, groups, linear_step, linear_terms
from otmaps._expressions import Expression, Node
from otmaps._images import even_power
from otmaps._one_sided_priors import Gamma
from otmaps._priors import Normal

# Coefficients of the products of latents: of none, of one, or of two, in order.
Polynomial: TypeAlias = dict[tuple[int, ...], Fraction]

_MOST_LATENTS = 400
_MOST_TOGETHER = 64  # variables that hang together
_MOST_MONOMIALS = 5000
_DEEPEST = 40.0  # standard deviations: a normal tail of 1e-348
_ROUGHEST = 1e-10  # relative error of an eigenvalue; a larger one is no digit of a tail


def is_coupled(root: Node) -> bool:
    """Whether sums and products of independent parts are not all that the root is."""
    terms = linear_terms(root).terms
    if terms.keys() == {root}:
        exponents, _ = factors(root)
        return len(exponents) > 1 == len(groups(exponents))
    products = [node for node in terms if node.function is np.multiply]
    return len(products) > 1 or any(len(members) > 1 for members in groups(terms))


def quadratic(expression: Expression, laws: Sequence[Distribution]) -> Polynomial | None:
    """The root as a polynomial of degree 2; None where it is none, or has inputs of other laws."""
    if not all(isinstance(law, Normal) for law in laws) or len(laws) > _MOST_LATENTS:
        return None
    if not is_coupled(expression.root):
        return None
    known: dict[Node, Polynomial] = {}
    for node in expression.nodes:
        found = _expanded(node, known)
        if found is None or len(found) > _MOST_MONOMIALS:
            return None
        known[node] = found
    form = known[expression.root]
    return form if any(len(key) == 2 for key in form) else None


def _expanded(node: Node, known: dict[Node, Polynomial]) -> Polynomial | None:
    """The polynomial of a node from those of its arguments, exactly."""
    if node.constant is not None:
        value = float(node.constant)
        return {(): Fraction(value)} if math.isfinite(value) and not node.boolean else None
    if node.function is None:
        return {(int(node.value or 0),): Fraction(1)}
    first, last = (known[node.arguments[k]] for k in (0, -1))
    if node.function is np.square:
        return _times(first, first)
    if node.function is np.multiply:
        return _times(first, last)
    if node.function is np.divide and last.keys() == {()} and last[()]:
        return {key: value / last[()] for key, value in first.items()}
    step = linear_step(node)
    if step is None:
        return None
    total: Polynomial = {(): Fraction(step[1])}
    for argument, factor in step[0]:
        for key, coefficient in known[argument].items():
            total[key] = total.get(key, Fraction(0)) + Fraction(factor) * coefficient
    return total


def _times(a: Polynomial, b: Polynomial) -> Polynomial | None:
    out: Polynomial = {}
    for left, x in a.items():
        for right, y in b.items():
            if x and y:
                key = tuple(sorted(left + right))
                if len(key) > 2:
                    return None
                out[key] = out.get(key, Fraction(0)) + x * y
    return out


class Squares(NamedTuple):
    """``offset + sum of weights[k] * X_k`` of independent X_k of these laws.

    ``errors`` are what rounding leaves in the cdf, and relative, in its nearer tail.
    """

    weights: list[float]
    laws: list[Distribution]
    offset: float
    errors: tuple[float, float]


def squares_of(form: Polynomial, inputs: Sequence[Distribution]) -> Squares | None:
    """A form of degree 2 as a sum of independent squares; None where digits do not do."""
    matrix, linear, constant = _standardised(form, inputs)
    together = _components(matrix)
    weights: list[float] = []
    laws: list[Distribution] = []
    spread, error, tail = [], 0.0, 0.0
    for members in together:
        if len(members) > _MOST_TOGETHER:
            return None
        block = [[matrix.get((i, j), Fraction(0)) for j in members] for i in members]
        part = _diagonalised(block, [linear[i] for i in members])
        if part is None:
            return None
        weights += part.weights
        laws += part.laws
        constant += part.offset
        spread.append(part.deviation)
        error, tail = error + part.errors[0], tail + part.errors[1]
    inside = {i for members in together for i in members}
    spread += [float(value) for i, value in enumerate(linear) if i not in inside]
    deviation = math.hypot(*spread)
    if deviation:
        weights.append(deviation)
        laws.append(Normal())
    return Squares(weights, laws, float(constant), (error, tail))


def _standardised(
    form: Polynomial, laws: Sequence[Distribution]
) -> tuple[dict[tuple[int, int], Fraction], list[Fraction], Fraction]:
    """``x' B x + b' x + c`` of standard normal x: B, b and c, exactly."""
    at = [(Fraction(law.loc), Fraction(law.scale)) for law in laws if isinstance(law, Normal)]
    matrix: dict[tuple[int, int], Fraction] = {}
    linear = [Fraction(0)] * len(laws)
    constant = Fraction(0)
    for key, value in form.items():
        if not value:
            continue
        constant += value * math.prod((at[i][0] for i in key), start=Fraction(1))
        for k, i in enumerate(key):
            others = (at[j][0] for j in key[:k] + key[k + 1 :])
            linear[i] += value * at[i][1] * math.prod(others, start=Fraction(1))
        if len(key) == 2:
            i, j = key
            half = value * at[i][1] * at[j][1] / 2
            matrix[i, j] = matrix.get((i, j), Fraction(0)) + half
            matrix[j, i] = matrix.get((j, i), Fraction(0)) + half
    return matrix, linear, constant


def _components(matrix: dict[tuple[int, int], Fraction]) -> list[list[int]]:
    """The variables that hang together, by the entries of the matrix."""
    neighbours: dict[int, list[int]] = {}
    for i, j in matrix:
        neighbours.setdefault(i, []).append(j)
    found: list[list[int]] = []
    seen: set[int] = set()
    for start in sorted(neighbours):
        waiting, members = [start], set()
        while waiting:
            i = waiting.pop()
            if i not in members:
                members.add(i)
                waiting.extend(neighbours[i])
        if start not in seen:
            found.append(sorted(members))
        seen |= members
    return found


class _Part(NamedTuple):
    """The squares of some variables, and the deviation of the normal part beside them."""

    weights: list[float]
    laws: list[Distribution]
    offset: Fraction
    deviation: float
    errors: tuple[float, float]


def _diagonalised(matrix: list[list[Fraction]], linear: list[Fraction]) -> _Part | None:
    """Squares along the eigenvectors; how many eigenvalues are 0 is known exactly.

    A matrix off by a relative ``kappa`` of its least eigenvalue is that of a law within a total
    variation of 1.5 sqrt(n) kappa (Devroye, Mehrabian and Reddad, arXiv:1810.08693, Theorem 1.1);
    |x|^2 times it moves the logarithm of a tail.
    """
    n = len(linear)
    rank, centre = _solved(matrix, [value / 2 for value in linear])
    dense = np.array([[float(value) for value in row] for row in matrix])
    values, vectors = np.linalg.eigh(dense)
    rough = _backward_error(dense, values, vectors)
    order = np.argsort(np.abs(values))
    null, kept = order[: n - rank], np.sort(order[n - rank :])
    slope = vectors.T @ np.array([float(value) for value in linear])
    clusters = _clusters(values[kept], 4.0 * rough)
    rough += max(float(np.ptp(values[kept][members])) for members in clusters)
    least = float(np.min(np.abs(values[kept])))
    if not rough < _ROUGHEST * least:
        return None
    kappa = rough / least
    size = float(np.linalg.norm([float(value) for value in linear]))
    deviation = 0.0
    if centre is None:
        deviation = float(np.linalg.norm(slope[null]))
        if not deviation:
            return None
        kappa = max(kappa, 8.0 * n * EPS * size / deviation)
        middles = slope[kept] / (2.0 * values[kept])
        offset = -Fraction(math.fsum(values[kept] * middles**2))
    else:
        middles = vectors.T[kept] @ np.array([float(value) for value in centre])
        offset = -sum((m * b / 2 for m, b in zip(centre, linear, strict=True)), Fraction(0))
    away = float(np.linalg.norm(middles))
    part = _Part([], [], offset, deviation, _errors(kappa, n, away))
    for members in clusters:
        middle = float(np.linalg.norm(middles[members]))
        middle = middle if middle > 16.0 * n * EPS * away else 0.0
        found = _squares(len(members), middle)
        part.weights.extend([float(np.mean(values[kept][members]))] * len(found))
        part.laws.extend(found)
    return part if kappa < _ROUGHEST else None


def _errors(kappa: float, n: int, away: float) -> tuple[float, float]:
    return kappa * (1.5 * math.sqrt(n) + away), kappa * (_DEEPEST + away) ** 2


def _squares(count: int, middle: float) -> list[Distribution]:
    """The laws whose sum is that of squares of normal variables, off 0 by so much together."""
    if not middle:
        return [Gamma(0.5 * count, scale=2.0)]
    first = even_power(Normal(middle), 2.0)
    assert first is not None  # noqa: S101 - a normal law has no atoms
    return [first, Gamma(0.5 * (count - 1), scale=2.0)] if count > 1 else [first]


def _backward_error(matrix: FloatArray, values: FloatArray, vectors: FloatArray) -> float:
    """How far, in norm, the matrix is at most from one with exactly these eigenvalues."""
    wide = vectors.astype(np.longdouble)
    residual = matrix - (wide * values) @ wide.T
    skew = wide.T @ wide - np.eye(values.size)
    size = float(np.linalg.norm(matrix))
    both = np.sqrt(np.sum(residual**2)) + np.sqrt(np.sum(skew**2)) * size
    return float(both) + 2.0 * EPS * size


def _clusters(values: FloatArray, apart: float) -> list[FloatArray]:
    """The positions of increasing values in groups that are not apart."""
    return np.split(np.arange(values.size), np.flatnonzero(np.diff(values) > apart) + 1)


def _solved(
    matrix: list[list[Fraction]], right: list[Fraction]
) -> tuple[int, list[Fraction] | None]:
    """The rank, and a solution where there is one: elimination in whole numbers (Bareiss)."""
    rows = [[*row, value] for row, value in zip(matrix, right, strict=True)]
    scale = math.lcm(*(value.denominator for row in rows for value in row))
    left = [[int(value * scale) for value in row] for row in rows]
    n, rank, last = len(right), 0, 1
    pivots = []
    for column in range(n):
        lead = next((k for k in range(rank, n) if left[k][column]), None)
        if lead is None:
            continue
        left[rank], left[lead] = left[lead], left[rank]
        pivot = left[rank][column]
        for k in range(rank + 1, n):
            factor = left[k][column]
            left[k] = [
                (pivot * a - factor * b) // last for a, b in zip(left[k], left[rank], strict=True)
            ]
        last = pivot
        pivots.append(column)
        rank += 1
    if any(row[n] for row in left[rank:]):
        return rank, None
    solution = [Fraction(0)] * n
    for row, column in zip(left[:rank][::-1], pivots[::-1], strict=True):
        known = sum(row[j] * solution[j] for j in range(column + 1, n))
        solution[column] = Fraction(row[n] - known) / row[column]
    return rank, solution
