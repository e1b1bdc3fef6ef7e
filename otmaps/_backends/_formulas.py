"""The formulas of a map in the terms of the array API standard; for any library that follows it.

They have no branch that depends on values, so that they can be traced, and no rule of automatic
differentiation needs to go through them: the order of the derivative is an argument.
"""

from __future__ import annotations

import dataclasses
import functools
import math
from collections.abc import Callable
from typing import Any, final

from otmaps._backends._curve import (
    ANCHOR,
    BASE,
    C0,
    INVERSE,
    INVERSE_WIDTH,
    LAST,
    LIMIT,
    POWER,
    REACH,
    REST,
    SIGN,
    SUPPORT,
    UPPER,
)
from otmaps._kernels import _maps as k

_STEPS_OF_INVERSE = 60


@final
@dataclasses.dataclass(frozen=True)
class Functions:
    """What the formulas need of an array library.

    Attributes
    ----------
    where, isnan, pow, reshape : callable
        As in the array API standard.
    take : callable
        The entries of a vector at a vector of indices.
    count : callable
        For a sorted vector and another one, how many entries of the first are not above each
        entry of the second.
    count_below : callable
        The same with "below".
    number : callable
        A Python number, given with an array, as what may be computed with that array.
    repeat : callable
        ``repeat(n, step, state)`` is what n times ``state = step(state)`` makes of a tuple.
    """

    where: Callable[..., Any]
    isnan: Callable[..., Any]
    pow: Callable[..., Any]
    reshape: Callable[..., Any]
    take: Callable[..., Any]
    count: Callable[..., Any]
    count_below: Callable[..., Any]
    repeat: Callable[..., Any]
    number: Callable[[float, Any], Any] = lambda value, _: value


def bisection(xp: Any, take: Callable[..., Any], *, strict: bool = False) -> Callable[..., Any]:
    """`Functions.count` without a search: as many halvings as the vector asks for, spelt out.

    It is made of steps that every compiler of array code knows.
    """

    def count(edges: Any, y: Any) -> Any:
        n = edges.shape[0]
        found = xp.zeros_like(y, dtype=xp.int64)
        step = 1
        while 2 * step <= n:
            step *= 2
        while step > 0:
            tried = found + step
            entry = take(edges, xp.where(tried > n, n, tried) - 1)
            passed = (y > entry if strict else y >= entry) & (tried <= n)
            found = xp.where(passed, tried, found)
            step //= 2
        return found

    return count


def repeat(n: int, step: Callable[[Any], Any], state: Any) -> Any:
    """`Functions.repeat`, spelt out."""
    for _ in range(n):
        state = step(state)
    return state


def line(f: Functions, y: Any, numbers: tuple[tuple[float, float], ...], order: int) -> Any:
    """An affine map between limits, of any order as in `table`."""
    (scale, shift), support, limits = numbers
    if order == INVERSE:
        return line(
            f, (y - f.number(shift, y)) / f.number(scale, y), ((1.0, 0.0), support, support), 0
        )
    if order == 0:
        value = f.number(scale, y) * y + f.number(shift, y)
        for limit, beyond in ((limits[0], value < limits[0]), (limits[1], value > limits[1])):
            if math.isfinite(limit):
                value = f.where(beyond, f.number(limit, y), value)
        return value
    slope = scale if order == 1 else 0.0
    return f.where((y < support[0]) | (y > support[1]), 0.0, f.where(f.isnan(y), y, slope))


def table(f: Functions, y: Any, constants: tuple[Any, Any], order: int) -> Any:
    """The tabulated map (order 0), one of its derivatives, or its inverse (order -1).

    At an edge of a cell a derivative is the one from the right.

    Parameters
    ----------
    f : Functions
    y : array
        In the precision of the constants.
    constants : tuple of array
        `rows` and `tails` of a curve.
    order : int
    """
    flat = f.reshape(y, (-1,))
    inner = _inverse if order == INVERSE else functools.partial(_derivative, order=order)
    return f.reshape(f.where(f.isnan(flat), flat, inner(f, flat, constants)), y.shape)


def _derivative(f: Functions, y: Any, constants: tuple[Any, Any], order: int) -> Any:
    rows, tails = constants
    cell = _clipped(f, f.count(rows[UPPER, :], y) - 1, rows.shape[1] - 2)
    inverse = f.take(rows[INVERSE_WIDTH, :], cell)
    s = ((y - f.take(rows[UPPER, :], cell)) + f.take(rows[REST, :], cell)) * inverse
    # As in the kernels: rounding may lead to before the edge. At 0 the derivative is 1.
    s = f.where(s < 0.0, 0.0, s)
    s = f.where(s > 1.0, 1.0, s)
    value = _polynomial(f, rows, cell, s, order)
    if order == 1:
        value = f.where(value > 0.0, value, 0.0)
    for _ in range(order):
        value = value * inverse
    last = rows.shape[1] - 1
    low, high = y < rows[UPPER, 0], y >= rows[UPPER, last]
    return f.where(low | high, _continued(f, y, tails, high, order), value)


def _clipped(f: Functions, index: Any, largest: int) -> Any:
    index = f.where(index < 0, 0, index)
    return f.where(index > largest, largest, index)


def _polynomial(f: Functions, rows: Any, cell: Any, s: Any, order: int) -> Any:
    """The derivative with respect to s."""
    value = 0.0 * s
    for power in range(5, order - 1, -1):
        value = s * value + math.perm(power, order) * f.take(rows[C0 + power, :], cell)
    return value


def _continued(f: Functions, y: Any, tails: Any, high: Any, order: int) -> Any:
    """The map beyond the cells, on the side that ``high`` says."""

    def of_side(column: int) -> Any:
        return f.where(high, tails[k.HIGH, column], tails[k.LOW, column])

    sign, reach, power = of_side(SIGN), of_side(REACH), of_side(POWER)
    base, last = of_side(BASE), of_side(LAST)
    support = of_side(SUPPORT)
    outside = _by_side(high, y >= support, y <= support)
    ratio = sign * (y - of_side(ANCHOR)) / reach
    ratio = f.where(outside | ~(ratio > 0.0), 1.0, ratio)
    value = last - base
    for i in range(order):
        value = value * (power - i) * sign / reach
    value = value * f.pow(ratio, power - order)
    if order:
        return f.where(outside | (power == 0.0), 0.0, value)
    value = base + value
    limit = of_side(LIMIT)
    # A base that the target's own rounding reached gives no direction: stay at the last value.
    value = f.where(_by_side(high, value > limit, value < limit), limit, value)
    value = f.where(_by_side(high, value < last, value > last), last, value)
    return f.where(outside, limit, value)


def _inverse(f: Functions, z: Any, constants: tuple[Any, Any]) -> Any:
    """The smallest y whose image is not below z, with what order 0 computes as the map."""
    rows, tails = constants
    values, edges = rows[C0, :], rows[UPPER, :]
    cell = _clipped(f, f.count_below(values, z) - 1, rows.shape[1] - 2)
    left = f.take(edges, cell) - f.take(rows[REST, :], cell)
    right = f.take(edges, cell + 1) - f.take(rows[REST, :], cell + 1)
    low, high = 0.0 * left, 0.0 * left + 1.0
    start, end = f.take(values, cell), f.take(values, cell + 1)
    s = f.where(end > start, (z - start) / f.where(end > start, end - start, 1.0), 1.0)
    s = f.where((s >= 0.0) & (s <= 1.0), s, 0.5)

    def narrowed(state: tuple[Any, Any, Any]) -> tuple[Any, Any, Any]:
        """One step of Newton's method, or a halving of the bracket."""
        s, low, high = state
        gap = _polynomial(f, rows, cell, s, 0) - z
        slope = _polynomial(f, rows, cell, s, 1)
        high = f.where(gap >= 0.0, s, high)
        low = f.where(gap < 0.0, s, low)
        fresh = s - gap / f.where(slope > 0.0, slope, 1.0)
        inside = (slope > 0.0) & (fresh > low) & (fresh < high)
        return f.where(gap == 0.0, s, f.where(inside, fresh, 0.5 * (low + high))), low, high

    s, _, _ = f.repeat(_STEPS_OF_INVERSE, narrowed, (s, low, high))
    y = left + s * (right - left)
    y = f.where(y > right, right, y)
    upper = z > values[values.shape[0] - 1]
    y = f.where(upper | (z < values[0]), _continued_back(f, z, tails, upper), y)
    for side, beyond in (
        (k.LOW, z <= tails[k.LOW, LIMIT]),
        (k.HIGH, z >= tails[k.HIGH, LIMIT]),
    ):
        y = f.where(beyond, tails[side, SUPPORT], y)
    return y


def _by_side(high: Any, upper: Any, lower: Any) -> Any:
    """`where` of truth values, which not every program knows."""
    return (high & upper) | (~high & lower)


def _continued_back(f: Functions, z: Any, tails: Any, high: Any) -> Any:
    def of_side(column: int) -> Any:
        return f.where(high, tails[k.HIGH, column], tails[k.LOW, column])

    base, power = of_side(BASE), of_side(POWER)
    rise = of_side(LAST) - base
    ratio = (z - base) / f.where(rise == 0.0, 1.0, rise)
    lost = (power == 0.0) | ~(ratio > 0.0) | (rise == 0.0)
    d = of_side(REACH) * f.pow(f.where(lost, 1.0, ratio), 1.0 / f.where(power == 0.0, 1.0, power))
    return f.where(lost, of_side(SUPPORT), of_side(ANCHOR) + of_side(SIGN) * d)
