"""One panel of a family: the table of the map at any parameters of a box."""

from __future__ import annotations

import dataclasses
import functools
import math
from collections.abc import Sequence
from typing import final

import numpy as np

from otmaps._arrays import FloatArray
from otmaps._errors import AccuracyError
from otmaps._family_cells import SLIGHT
from otmaps._kernels import _maps as k
from otmaps._kernels._cells import largest_move, settle, straighten
from otmaps._map_inner import NOTHING
from otmaps._map_proof import never_falls
from otmaps._map_table import N_STATED, Table, aligned, frozen

Interval = tuple[float, float]

_MOST_BUCKETS = 4096.0


@functools.cache
def chebyshev(degree: int) -> FloatArray:
    """Chebyshev's points with both ends, from -1 to 1."""
    return np.asarray(-np.cos(np.pi * np.arange(degree + 1) / degree))


@functools.cache
def _barycentric(degree: int) -> FloatArray:
    signs = (-1.0) ** np.arange(degree + 1)
    signs[[0, -1]] *= 0.5
    return np.asarray(signs, dtype=np.float64)


@final
@dataclasses.dataclass(frozen=True)
class Axis:
    """One side of a box, and the variable in which maps are interpolated along it.

    With an ``origin``, an end of the range of the parameter that the box does not touch, that is
    the logarithm of the distance from it.
    """

    low: float
    high: float
    degree: int
    origin: float | None = None

    @functools.cached_property
    def nodes(self) -> FloatArray:
        """The parameters at which maps are stated; both ends are among them, exactly."""
        x = chebyshev(self.degree)
        if self.origin is None:
            t = 0.5 * (self.low + self.high) + 0.5 * (self.high - self.low) * x
        else:
            a, b = abs(self.low - self.origin), abs(self.high - self.origin)
            d = math.sqrt(a) * math.sqrt(b) * (b / a) ** (0.5 * x)
            t = self.origin + math.copysign(1.0, self.low - self.origin) * d
        t[0], t[-1] = self.low, self.high
        return np.asarray(t)

    @functools.cached_property
    def _places(self) -> FloatArray:
        """The nodes in the variable of the interpolation."""
        return self.nodes if self.origin is None else np.log(np.abs(self.nodes - self.origin))

    def weights(self, t: float) -> FloatArray:
        """What the maps at the nodes count at t: Lagrange's polynomials, in barycentric form.

        J.-P. Berrut and L. N. Trefethen, Barycentric Lagrange interpolation, SIAM Review 46 (2004).
        """
        hit = self.nodes == t
        if not hit.any():
            place = t if self.origin is None else math.log(abs(t - self.origin))
            away = place - self._places
            hit = away == 0.0  # nearer to a node than logarithms tell
            if not hit.any():
                found = _barycentric(self.degree) / away
                return np.asarray(found / np.add.reduce(found))
        met = np.asarray(hit, dtype=np.float64)
        return np.asarray(met / met.sum())


@final
@dataclasses.dataclass(frozen=True, eq=False)
class Panel:
    """Maps at Chebyshev points of a box of parameters, on common cells, and their certificate.

    Attributes
    ----------
    axes : tuple of Axis
        One for each parameter.
    stack : ndarray, shape (maps, cells + 1, 8)
        Their records.
    ends : ndarray, shape (maps, 4)
        The finite ends of their supports, and the powers of their continuations.
    rows : tuple of int
        Where the first segment ends and the last one begins, and the ends of the core.
    limits, unit : tuple of float
        The support of the target; its centre and scale.
    finite : tuple of bool
        Whether the ends of the support are finite.
    outer : tuple of float
        As of `MonotoneMap`; the innermost of all maps.
    errors : tuple of float
        ``error``, ``error_u``, ``outer_error``, ``derivative_error`` of `MonotoneMap`, each the
        largest in the panel.
    moved : float
        How far rounding and the order of values moved a map where the errors were measured.
    """

    axes: tuple[Axis, ...]
    stack: FloatArray
    ends: FloatArray
    rows: tuple[int, int, int, int]
    limits: Interval
    unit: Interval
    finite: tuple[bool, bool]
    outer: Interval = (-math.inf, math.inf)
    errors: tuple[float, float, float, float] = (math.inf,) * 4
    moved: float = 0.0

    def weights(self, point: Sequence[float]) -> FloatArray:
        """What each map counts."""
        parts = [axis.weights(t) for axis, t in zip(self.axes, point, strict=True)]
        if len(parts) == 1:
            return parts[0]
        return np.asarray(functools.reduce(np.multiply.outer, parts)).ravel()

    def table(self, point: Sequence[float], factor: float = 1.0) -> tuple[Table, float]:
        """The table of the map there, and what rounding and the order of its values move it by."""
        weights = self.weights(point)
        maps, rows, columns = self.stack.shape
        records = aligned(rows, columns)
        np.dot(weights, self.stack.reshape(maps, rows * columns), out=records.reshape(-1))
        edges = records[:, k.EDGE]
        edges *= factor
        inner, outer, first, last = (float(edges[row]) for row in self.rows)
        width = 2.0 ** math.ceil(math.log2((last - first) / _MOST_BUCKETS))
        low, high = math.ceil(first / width) * width, math.floor(last / width) * width
        core = np.array([low, high, 1.0 / width])
        moved = self._settled(records, core[2], point)
        numbers = weights @ self.ends
        numbers[:2] *= factor
        ends = np.empty((2, N_STATED))
        centre = 0.5 * (inner + outer)
        for side, row, outward in ((k.LOW, 0, -1.0), (k.HIGH, -1, 1.0)):
            finite, edge, value = self.finite[side], float(edges[row]), float(records[row, k.C0])
            support = float(numbers[side]) if finite else outward * math.inf
            if finite and outward * (support - edge) <= 0.0:
                support = math.nextafter(edge, outward * math.inf)
            anchor, sign = (support, -outward) if finite else (centre, outward)
            limit = self.limits[side]
            base = limit if math.isfinite(limit) else self.unit[0]
            power = float(numbers[2 + side]) if value != base else 0.0
            if not power * (value - base) * sign > 0.0:
                power = 0.0
            reach = sign * (edge - anchor)
            ends[side] = anchor, sign, support, limit, base, power, reach
        return frozen(records, core, ends, NOTHING), moved

    def _settled(self, records: FloatArray, bucket: float, point: Sequence[float]) -> float:
        """Make interpolated records those of a table, in place; how far values move by that.

        With the rounding of their evaluation, in the unit of errors. A cell that is not proven to
        rise becomes a line.
        """
        moved = np.empty(len(records))
        if not settle(records, *self.limits, moved):
            raise AccuracyError(
                f"cells of the family have no width at the parameters {tuple(point)}; take the "
                "map of these parameters alone, by otmaps.match."
            )
        straighten(records, never_falls(records, bucket), moved, SLIGHT)
        return float(largest_move(records, moved, *self.unit))
