"""The parts of an input in which an operation is monotone: found by scanning, then verified.

What is found is a set of cuts of one input that serves whatever the other inputs are. Every part
between cuts is tested at fresh random points; where the test finds a fall in a rising part, the
scan is repeated on a finer grid. What no point of scan or test meets stays unknown: a spike of
probability far below one over their number.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable
from typing import TypeAlias, final

import numpy as np
import numpy.typing as npt

from otmaps._arrays import FloatArray
from otmaps._estimators._axes import DEEPEST, Axis
from otmaps._inversion import midpoint
from otmaps._kernels import _turns as k
from otmaps._operations import Operation

BoolArray: TypeAlias = npt.NDArray[np.bool_]
IntArray: TypeAlias = npt.NDArray[np.intp]
Values: TypeAlias = Callable[[FloatArray, IntArray], FloatArray]

_ROWS = 64  # settings of the other inputs that are scanned
_TESTS = 256, 96  # settings and points of each that are tested
_BULK = 40.0
_RIPPLE = 1e-12  # of the size of the values: no more than rounding
_SAME = 1e-6  # how near to one another turning points of different settings must lie
_MOST_CUTS = 32
_SCAN_ALONE = 60_000  # half the points of a scan, where there is one input alone
_MOST_ALONE = 20_000
_GOLDEN = 0.5 * (3.0 - math.sqrt(5.0))
_FINER = 8


@final
@dataclasses.dataclass(frozen=True, eq=False)
class Parts:
    """Ranges of an input in which the operation is monotone, in increasing order."""

    low: FloatArray
    high: FloatArray

    @property
    def cuts(self) -> list[float]:
        """Where two parts meet."""
        return sorted({*self.low[1:].tolist(), *self.high[:-1].tolist()})


def monotone_parts(op: Operation, inner: int, axes: list[Axis]) -> Parts | str:
    """The parts of input number ``inner``, or the reason why none are known."""
    search = _Search(op, inner, axes)
    reason = ""
    for finer in range(2):
        found = search.parts(finer)
        if isinstance(found, str):
            return found
        place = search.fault(found)
        if place is None:
            return found
        reason = (
            f"it is not monotone in {op.latents[inner]} near {place:.6g}, in more places than a "
            "scan finds"
        )
    return reason


class _Search:
    """The scan of one input under settings of the others."""

    def __init__(self, op: Operation, inner: int, axes: list[Axis]) -> None:
        self.op, self.inner, self.axes = op, inner, axes
        self.alone = len(axes) == 1
        self.rows = 1 if self.alone else _ROWS
        low, high = axes[inner].points(np.array([-0.7, 0.7])).tolist()
        self.scale = high - low
        self.rng = np.random.default_rng(20190506 + inner)
        self.rest = self._settings(self.rows)

    def _settings(self, rows: int) -> list[FloatArray]:
        """Values of the other inputs: most as their laws draw them, some from far out."""
        out = []
        for i, axis in enumerate(self.axes):
            if i == self.inner:
                continue
            t = self.rng.exponential(size=rows) * self.rng.choice([-1.0, 1.0], rows)
            far = self.rng.random(rows)
            t = np.where(far < 0.3, self.rng.uniform(-_BULK, _BULK, rows), t)
            t = np.where(far < 0.1, self.rng.uniform(-0.5 * DEEPEST, 0.5 * DEEPEST, rows), t)
            out.append(axis.points(t))
        return out

    def _values(self, rest: list[FloatArray]) -> Values:
        def values(z: FloatArray, row: IntArray) -> FloatArray:
            others = [r[row] for r in rest]
            latents = [*others[: self.inner], z, *others[self.inner :]]
            return np.asarray(self.op.raw(*latents))

        return values

    def _grid(self, finer: int) -> FloatArray:
        axis = self.axes[self.inner]
        count = (_SCAN_ALONE if self.alone else 250) * _FINER**finer
        bulk = np.linspace(-_BULK, _BULK, 2 * count + 1)
        deep = np.geomspace(_BULK, DEEPEST, max(count // 5, 40))
        z = axis.points(np.concatenate([-deep, bulk, deep]))
        kinks = [b for b in axis.law.breakpoints if axis.ends[0] <= b <= axis.ends[1]]
        return np.unique(np.concatenate([z, kinks, axis.ends]))

    def parts(self, finer: int) -> Parts | str:
        """The parts as a scan shows them."""
        z = self._grid(finer)
        values = self._values(self.rest)
        found = [_turns(values(z, np.full(z.size, i))) for i in range(self.rows)]
        name = self.op.latents[self.inner]
        if sum(len(t) for t in found) > (_MOST_ALONE if self.alone else _MOST_CUTS * self.rows):
            return f"it turns around in {name} too often"
        row = np.repeat(np.arange(self.rows), [len(t) for t in found])
        turns = np.concatenate(found)
        points = _located(values, row, z[turns[:, 0]], z[turns[:, 1]], turns[:, 2] == 1)
        groups = _groups(points, self.scale)
        if not self.alone and len(groups) > _MOST_CUTS:
            return f"where it turns around in {name} depends on the other inputs"
        low, high = self._sides(values, np.array([float(np.median(g)) for g in groups]))
        return Parts(np.append(z[0], high), np.append(low, z[-1]))

    def _sides(self, values: Values, cuts: FloatArray) -> tuple[FloatArray, FloatArray]:
        """The last point before and the first behind each cut: the same where nothing jumps."""
        step = 1e-9 * np.maximum(self.scale, np.abs(cuts))
        left, right = cuts.copy(), cuts.copy()
        row = np.repeat(np.arange(self.rows), 4)
        for i, cut in enumerate(cuts):
            points = cut + np.array([-2.0, -1.0, 1.0, 2.0]) * step[i]
            g = np.clip(values(np.tile(points, self.rows), row), -1e300, 1e300).reshape(-1, 4)
            moves = np.abs(np.diff(g, axis=1))
            least = _SAME * np.abs(g).max(axis=1) + 1e-300
            jumps = moves[:, 1] > 1.5 * (moves[:, 0] + moves[:, 2]) + least
            if jumps.any():
                sharpest = int(np.argmax(np.where(jumps, moves[:, 1], -1.0)))
                left[i], right[i] = _jump(values, sharpest, *points[1:3].tolist())
            else:
                left[i] = right[i] = _plain(cut, self.scale)
        return left, right

    def fault(self, parts: Parts) -> float | None:
        """A point at which a part is not monotone, None where no test finds one."""
        axis = self.axes[self.inner]
        rows, points = (1, 1 << 18) if self.alone else _TESTS
        rest = self._settings(rows)
        values = self._values(rest)
        spread = np.where(
            self.rng.random((rows, points)) < 0.7,
            self.rng.exponential(size=(rows, points)) * self.rng.choice([-1, 1], (rows, points)),
            self.rng.uniform(-_BULK, _BULK, (rows, points)),
        )
        z = np.sort(axis.points(spread.ravel()).reshape(rows, points), axis=1)
        g = values(z.ravel(), np.repeat(np.arange(rows), points)).reshape(rows, points)
        part = np.searchsorted(parts.high, z, side="left")
        for i in range(rows):
            turns = _turns(g[i])
            # A turn is foreseen where a cut lies between its ends.
            bad = part[i][turns[:, 0]] == part[i][turns[:, 1]]
            if bad.any():
                return float(z[i][turns[int(np.argmax(bad)), 0]])
        return None


def _turns(g: FloatArray) -> IntArray:
    """Where a sequence turns around: see `otmaps._kernels._turns`."""
    size = float(np.subtract(*np.nanpercentile(np.clip(g, -1e300, 1e300), [75, 25])))
    out = np.empty((256, 3), dtype=np.int64)
    g = np.clip(g, -1e300, 1e300)  # a turn at infinity is one
    count = k.turns(g, _RIPPLE, size, out)
    if count > len(out):
        out = np.empty((count, 3), dtype=np.int64)
        k.turns(g, _RIPPLE, size, out)
    return out[:count]


def _jump(values: Values, row: int, low: float, high: float) -> tuple[float, float]:
    """The neighbouring doubles between which the operation jumps, by halving."""
    rows = np.array([row])
    x, y = np.array([low]), np.array([high])
    at_low, at_high = values(x, rows), values(y, rows)
    threshold = 0.5 * at_low + 0.5 * at_high
    rising = at_high > at_low
    for _ in range(1100):
        middle = midpoint(x, y)
        if not x < middle < y:
            break
        right = (values(middle, rows) > threshold) == rising
        x, y = np.where(right, x, middle), np.where(right, middle, y)
    return float(x[0]), float(y[0])


def _located(
    values: Values, row: IntArray, a: FloatArray, b: FloatArray, top: BoolArray
) -> FloatArray:
    """The turning points between a and b, by golden sections."""
    if not row.size:
        return a
    sign = np.where(top, -1.0, 1.0)
    x1, x2 = a + _GOLDEN * (b - a), b - _GOLDEN * (b - a)
    f1, f2 = sign * values(x1, row), sign * values(x2, row)
    for _ in range(90):
        left = f1 < f2  # NaN: to the right
        a, b = np.where(left, a, x1), np.where(left, x2, b)
        fresh = np.where(left, a + _GOLDEN * (b - a), b - _GOLDEN * (b - a))
        f = sign * values(fresh, row)
        x1, x2 = np.where(left, fresh, x2), np.where(left, x1, fresh)
        f1, f2 = np.where(left, f, f2), np.where(left, f1, f)
    return 0.5 * (a + b)


def _groups(points: FloatArray, scale: float) -> list[FloatArray]:
    """Turning points that lie together."""
    if not points.size:
        return []
    points = np.sort(points)
    size = np.maximum(np.minimum(np.abs(points[1:]), np.abs(points[:-1])), scale)
    return np.split(points, np.flatnonzero(np.diff(points) > _SAME * size) + 1)


def _plain(cut: float, scale: float) -> float:
    """A number of few digits that is as good: a smooth turn is known to half the digits."""
    for digits in range(9):
        plain = round(cut, digits)
        if abs(plain - cut) <= 3e-8 * scale:
            return plain
    return cut
