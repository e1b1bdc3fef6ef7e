"""The parts of an input in which an operation is monotone: found by scanning, then verified.

What is found is a set of cuts of one input that serves whatever the other inputs are. A scan looks
at even points, and next to places that the steps of the function give away. Every part between cuts
is then tested on lines that have a point in every stratum of the probability; where the test finds
a fall in a rising part, the scan is repeated with that place, then on a finer grid. What no point
of scan or test meets stays unknown: see `_verification`.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable
from typing import TypeAlias, final

import numpy as np
import numpy.typing as npt

from otmaps._arrays import FloatArray
from otmaps._errors import AccuracyError
from otmaps._estimators._axes import DEEPEST, Axis
from otmaps._estimators._places import surroundings
from otmaps._estimators._verification import (
    Lines,
    Strata,
    flat_values,
    lines,
    near,
    probability_of_faults,
    sizes,
)
from otmaps._inversion import midpoint
from otmaps._kernels import _turns as k
from otmaps._operations import Operation

BoolArray: TypeAlias = npt.NDArray[np.bool_]
IntArray: TypeAlias = npt.NDArray[np.intp]
Values: TypeAlias = Callable[[FloatArray, IntArray], FloatArray]

_ROWS = 64  # settings of the other inputs that are scanned
_NEAR_ROWS = 32  # more of them, next to places of the other inputs
_BULK = 40.0
_RIPPLE = 1e-12  # of the size of the values: no more than rounding
_SAME = 1e-6  # how near to one another turning points of different settings must lie
_MOST_CUTS = 32
_SCAN_ALONE = 60_000  # half the points of a scan, where there is one input alone
_MOST_ALONE = 20_000
_GOLDEN = 0.5 * (3.0 - math.sqrt(5.0))
_FINER = 8
_BESIDE = 1e-3
_TRIES = 3
_MOST_HINTS = 16
_LIKELY = 12.0  # depths at which values that come again are atoms
_NEGLIGIBLE = 1e-7  # a probability of values that are not finite
_SNAP = 1e-7
_RARE = 0.05  # of the settings


@final
@dataclasses.dataclass(frozen=True, eq=False)
class Parts:
    """Ranges of an input in which the operation is monotone, in increasing order.

    Attributes
    ----------
    low, high : ndarray
    flats : tuple of float
        Values that the tests met again and again.
    """

    low: FloatArray
    high: FloatArray
    flats: tuple[float, ...] = ()

    @property
    def cuts(self) -> list[float]:
        """Where two parts meet."""
        return sorted({*self.low[1:].tolist(), *self.high[:-1].tolist()})


def monotone_parts(
    op: Operation, inner: int, axes: list[Axis], places: list[FloatArray] | None = None
) -> Parts | str:
    """The parts of input number ``inner``, or the reason why none are known.

    Parameters
    ----------
    op : Operation
    inner : int
    axes : list of Axis
    places : list of ndarray, optional
        Of each input the places next to which the operation is looked at closely.

    Raises
    ------
    AccuracyError
        Where few settings of the other inputs show that a part is not monotone: no cut serves, and
        what integrates over this input would miss it.
    ValueError
        Where the operation is NaN or infinite with a probability that matters.
    """
    search = _Search(op, inner, axes, places)
    reason, finer = "", 0
    for _ in range(_TRIES):
        found = search.parts(finer)
        if isinstance(found, str):
            return found
        faults, flats = search.tested(found)
        if not faults:
            return dataclasses.replace(found, flats=flats)
        reason = (
            f"it is not monotone in {op.latents[inner]} near {faults[0][inner]:.6g}, in more "
            "places than a scan finds"
        )
        if search.hinted:
            finer += 1
        else:
            search.look_near(faults[:: len(faults) // _MOST_HINTS + 1])
    if search.rare:
        raise AccuracyError(f"{reason}: it has a feature of small probability there")
    return reason


class _Search:
    """The scan of one input under settings of the others."""

    def __init__(
        self,
        op: Operation,
        inner: int,
        axes: list[Axis],
        places: list[FloatArray] | None = None,
    ) -> None:
        self.op, self.inner, self.axes = op, inner, axes
        self.places = places or [np.empty(0)] * len(axes)
        self.exact = self.places[inner]  # neighbouring doubles
        self.hinted = self.rare = False
        self.alone = len(axes) == 1
        self.rows = 1 if self.alone else _ROWS
        low, high = axes[inner].points(np.array([-0.7, 0.7])).tolist()
        self.scale = high - low
        self.likely = axes[inner].points(np.array([-_LIKELY, _LIKELY])).tolist()
        self.rng = np.random.default_rng(20190506 + inner)
        self.rest = self._settings(self.rows)
        self._settings_near(self.places)

    def _settings_near(self, places: list[FloatArray]) -> None:
        """More settings of the others, next to places of theirs."""
        others = [j for j in range(len(self.axes)) if j != self.inner]
        if not any(places[j].size for j in others):
            return
        self._add([near(places[j], Strata(self.axes[j]), _NEAR_ROWS, self.rng) for j in others])

    def _add(self, settings: list[FloatArray]) -> None:
        self.rest = [np.append(r, s) for r, s in zip(self.rest, settings, strict=True)]
        self.rows += settings[0].size if settings else 0

    def look_near(self, faults: list[tuple[float, ...]]) -> None:
        """Take points at which a part was not monotone for places of all inputs."""
        fresh = [np.array(column) for column in zip(*faults, strict=True)]
        self.places = [np.union1d(p, f) for p, f in zip(self.places, fresh, strict=True)]
        self._add([f for j, f in enumerate(fresh) if j != self.inner])
        self._settings_near(fresh)
        self.hinted = True

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
        close = surroundings(self.places[self.inner], self.scale)
        close = close[(close >= axis.ends[0]) & (close <= axis.ends[1])]
        return np.unique(np.concatenate([z, kinks, close, axis.ends]))

    def parts(self, finer: int) -> Parts | str:
        """The parts as a scan shows them."""
        z = self._grid(finer)
        values = self._values(self.rest)
        rows = np.arange(self.rows)
        g = values(np.tile(z, self.rows), np.repeat(rows, z.size)).reshape(self.rows, z.size)
        found = [_turns(row, float(size)) for row, size in zip(g, sizes(g), strict=True)]
        name = self.op.latents[self.inner]
        if sum(len(t) for t in found) > (_MOST_ALONE if self.alone else _MOST_CUTS * self.rows):
            return f"it turns around in {name} too often"
        row = np.repeat(rows, [len(t) for t in found])
        turns = np.concatenate(found)
        points = _located(values, row, z[turns[:, 0]], z[turns[:, 1]], turns[:, 2] == 1)
        exact = np.isin(points := self._snapped(values, row, points, turns[:, 2] == 1), self.exact)
        groups = _groups(points[~exact], self.scale)
        groups += np.split(at := np.unique(points[exact]), np.arange(1, at.size))
        if not self.alone and len(groups) > _MOST_CUTS:
            return f"where it turns around in {name} depends on the other inputs"
        cuts = np.sort([float(np.median(g)) for g in groups if g.size])
        low, high = self._sides(values, cuts)
        return Parts(np.append(z[0], high), np.append(low, z[-1]))

    def _snapped(
        self, values: Values, row: IntArray, points: FloatArray, top: BoolArray
    ) -> FloatArray:
        """The turning points, or an exact place next to them that is no worse."""
        if not (self.exact.size and points.size):
            return points
        sign = np.where(top, 1.0, -1.0)
        here = sign * np.clip(values(points, row), -1e300, 1e300)
        k = np.searchsorted(self.exact, points)
        out, reach = points.copy(), _SNAP * np.maximum(np.abs(points), self.scale)
        for side in (k - 1, k):
            place = self.exact[side.clip(0, self.exact.size - 1)]
            there = sign * np.clip(values(place, row), -1e300, 1e300)
            distance = np.abs(place - points)
            good = (there >= here - _RIPPLE * np.abs(here)) & (distance <= reach)
            out, reach = np.where(good, place, out), np.where(good, distance, reach)
        return out

    def _sides(self, values: Values, cuts: FloatArray) -> tuple[FloatArray, FloatArray]:
        """The last point before and the first behind each cut: the same where nothing jumps."""
        rooms = _rooms(cuts, cuts)
        step = 1e-9 * np.maximum(self.scale, np.abs(cuts))
        step = np.minimum(step, 0.2 * np.minimum(rooms, _rooms(cuts, self.exact)))
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
                room = _BESIDE * min(self.scale, float(rooms[i]))
                left[i] = right[i] = self._plain(values, cut, room)
        return left, right

    def _plain(self, values: Values, cut: float, room: float) -> float:
        """A cut of few digits, where no turn is farther from it than rounding."""
        plain = _plain(cut, self.scale)
        points = np.array([cut - room, cut, cut + room, plain])
        g = values(np.repeat(points, self.rows), np.tile(np.arange(self.rows), 4))
        before, here, behind, there = np.clip(g, -1e300, 1e300).reshape(4, -1)
        side = np.sign(here - before)
        turning = side * np.sign(here - behind) > 0.0
        worse = side * (here - there) > _RIPPLE * np.abs(here)
        return cut if np.any(turning & worse) else plain

    def tested(self, parts: Parts) -> tuple[list[tuple[float, ...]], tuple[float, ...]]:
        """Points at which a part is not monotone, and values that come again and again.

        Raises
        ------
        ValueError
            Where the operation is NaN or infinite with a probability that matters.
        """
        faults: list[tuple[float, ...]] = []
        flats: list[FloatArray] = []
        shares = []
        for line in lines(self.op, self.axes, self.inner, self.places, self.rng):
            self._check_finite(line)
            size = sizes(line.values)
            likely = self._likely(line)
            seen = 0
            for i, (z, g) in enumerate(zip(line.z, line.values, strict=True)):
                turns = _turns(g, float(size[i]))
                part = np.searchsorted(parts.high, z[turns[:, :2]], side="left")
                # A turn is foreseen where a cut lies between its ends.
                unforeseen = turns[part[:, 0] == part[:, 1], 0]
                seen += unforeseen.size > 0
                for first in unforeseen[:_MOST_HINTS]:
                    point = [float(r[i]) for r in line.rest]
                    point.insert(self.inner, float(z[first + 1]))
                    faults.append(tuple(point))
                if line.strata and likely[i]:
                    flats.append(flat_values(g[(z > self.likely[0]) & (z < self.likely[1])]))
            shares.append(seen / len(line.values))
        self.rare = shares[0] < _RARE
        return faults, self._repeated(flats)

    def _likely(self, line: Lines) -> BoolArray:
        """The rows whose settings are not so far out that rounding makes values equal."""
        others = [a for j, a in enumerate(self.axes) if j != self.inner]
        depths = [np.abs(a.depth(r)) for a, r in zip(others, line.rest, strict=True)]
        return np.max(depths, axis=0) < _LIKELY if depths else np.ones(1, dtype=bool)

    def _check_finite(self, line: Lines) -> None:
        probability, example = probability_of_faults(line, self.axes, self.inner)
        if probability > _NEGLIGIBLE:
            at = ", ".join(f"{n}={x!r}" for n, x in zip(self.op.latents, example, strict=True))
            raise ValueError(
                f"operation {self.op.name!r} is NaN or infinite with a probability of about "
                f"{probability:.1g}, such as at {at}; it must be finite for almost every latent."
            )

    def _repeated(self, flats: list[FloatArray]) -> tuple[float, ...]:
        """The values of flat pieces that several lines have, apart from neighbouring doubles."""
        values, counts = np.unique(np.concatenate(flats), return_counts=True)
        values = values[counts >= (1 if self.alone else 3)]
        if values.size > _MOST_CUTS:
            return ()
        gaps = np.diff(values, prepend=-np.inf, append=np.inf)
        apart = np.minimum(gaps[1:], gaps[:-1]) > 1e-9 * np.abs(values)
        return tuple(values[apart].tolist())


def _rooms(cuts: FloatArray, others: FloatArray) -> FloatArray:
    """How far from each cut the nearest one of the others lies, its neighbouring doubles apart."""
    places = np.concatenate([[-np.inf], np.sort(others), [np.inf]])
    same = 4.0 * np.spacing(np.abs(cuts))
    below = places[np.searchsorted(places, cuts - same, side="left") - 1]
    above = places[np.searchsorted(places, cuts + same, side="right")]
    return np.asarray(np.minimum(cuts - below, above - cuts))


def _turns(g: FloatArray, size: float) -> IntArray:
    """Where a sequence turns around: see `otmaps._kernels._turns`."""
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
