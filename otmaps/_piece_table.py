"""The table of pieces of a law: logarithms of the nearer tail and of the density.

On a piece both are polynomials of degree 15 in a variable that suits the place: the distance from
an anchor, or its logarithm next to singular points and far out. Distances are measured from anchors
that are unevaluated sums of two doubles, so that next to an end of the support nothing is lost.
"""

from __future__ import annotations

import dataclasses
import functools
import math
from typing import TypeAlias, final

import numpy as np
import numpy.typing as npt

from otmaps._arrays import FloatArray, frozen
from otmaps._kernels import _convolution as q
from otmaps._kernels import _pieces as k

BoolArray: TypeAlias = npt.NDArray[np.bool_]

STRAIGHT = 4000.0  # how far in s a straight piece next to an anchor goes on: to mass 0
_BUCKETS = 2048
_GUIDED = (math.log(1e-7), math.log(1e-5), math.log(1e-3), math.log(1e-2))  # logs of tails: beyond
_BULK, _MOST_BULKS = math.log(0.1), 30.0  # the range is at most that many times the bulk, if it can
_GRID = np.linspace(-1.0, 1.0, 33)
_POWERS = _GRID[:, None] ** np.arange(q.TERMS)
_STRAIGHT = 1e-14
# Of a cell: seven nodes to fit a polynomial in, and three points to test it at.
_CELL_POINTS = np.append(-np.cos((np.arange(7) + 0.5) * math.pi / 7), [-1.0, -0.2, 1.0])
_TO_CELL = np.linalg.inv(_CELL_POINTS[:7, None] ** np.arange(7))
_CELL_PROBES = (_CELL_POINTS[7:, None] ** np.arange(7)).T
CELL_ERROR, CELL_GAP = 1e-14, 5e-15  # relative and absolute
_CERTAIN = 41.0  # minus the log of a tail without which 1 - tail is 1 in all digits
_FAR = math.log(1e200)


def two_sum(a: FloatArray, b: FloatArray) -> tuple[FloatArray, FloatArray]:
    """a + b as a rounded sum and what rounding lost (Knuth)."""
    s = a + b
    back = s - a
    return s, (a - (s - back)) + (b - back)


def two_product(a: FloatArray, b: float | FloatArray) -> tuple[FloatArray, FloatArray]:
    """a * b as a rounded product and what rounding lost (Dekker, Veltkamp)."""
    p = a * b
    with np.errstate(all="ignore"):
        c, d = 134217729.0 * a, 134217729.0 * b
        ah, bh = c - (c - a), d - (d - b)
        al, bl = a - ah, b - bh
        error = ((ah * bh - p) + ah * bl + al * bh) + al * bl
    return p, np.where(np.isfinite(error), error, 0.0)


@final
@dataclasses.dataclass(frozen=True, eq=False)
class PieceTable:
    """A law as pieces in increasing order, in the columns that the kernels read.

    Attributes
    ----------
    rows : ndarray, shape (pieces + 1, 12)
        See `otmaps._kernels._convolution`. The last row is what lies above the law.
    series : ndarray, shape (pieces + 1, 2, 16)
        Coefficients in t of the log density and of the logarithm of the nearer tail.
    """

    rows: FloatArray
    series: FloatArray

    @staticmethod
    def of(rows: FloatArray, series: FloatArray) -> PieceTable:
        """The table of bare pieces (columns up to UPPER, and NEAREST), bounds computed here."""
        count = len(rows)
        full = np.zeros((count + 1, 12))
        full[:count] = rows
        values = _POWERS @ series[:, q.DENSITY].T  # (33, pieces)
        tails = _POWERS @ series[:, q.TAIL].T
        with np.errstate(all="ignore"):
            low, high = tails[0], tails[-1]
            flip = rows[:, q.SIGN] < 0
            low, high = np.where(flip, high, low), np.where(flip, low, high)
            straight = is_straight(rows)
            near, far = _straight_values(series[straight])
            negative = flip[straight]
            low[straight] = np.where(negative, far, near)
            high[straight] = np.where(negative, near, far)
            upper = rows[:, q.UPPER] != 0
            most = values.max(axis=0)
            most += 0.1 * np.minimum(most - values.min(axis=0), 1e3) + 0.1
            # No more than the tail that a piece adds to, nor than its width times its density.
            wide = most + np.log(rows[:, q.HIGH] - rows[:, q.LOW])
            power = series[straight, q.DENSITY, :2]
            wide[straight] = power[:, 0] + rows[straight, q.MIDDLE] - np.log1p(power[:, 1])
            most[straight] = np.where(power[:, 1] < 0, np.inf, most[straight])
            mass = np.fmin(np.where(upper, low, high), wide)
        full[:count, q.MOST_CDF] = np.where(upper, 0.0, np.minimum(high + 1e-9, 0.0))
        full[:count, q.MOST_DENSITY] = np.where(np.isnan(most), -np.inf, most)
        full[:count, q.MASS] = np.where(np.isnan(mass), -np.inf, np.minimum(mass + 1e-9, 0.0))
        empty = series[:, q.DENSITY, 0] == -np.inf
        full[:count, q.MASS][empty] = -np.inf
        full[:count, q.MOST_DENSITY][empty] = -np.inf
        top = full[count]
        last = rows[-1]
        top[q.ANCHOR], top[q.ANCHOR_LOW] = last[q.ANCHOR], last[q.ANCHOR_LOW]
        top[q.LOW], top[q.HIGH] = last[q.HIGH], np.inf
        top[q.MOST_DENSITY] = top[q.MASS] = -np.inf
        beyond = np.zeros((1, 2, q.TERMS))
        beyond[0, q.DENSITY, 0] = -np.inf
        return PieceTable(frozen(full), frozen(np.concatenate([series, beyond])))

    @functools.cached_property
    def kernel(self) -> q.Law:
        """What `tails_of_sum` takes."""
        upper = self.levels[self.levels.size - 1 - np.count_nonzero(self.rows[:, q.UPPER]) :]
        above = int(np.count_nonzero(upper[:-1] < _CERTAIN))
        lower = int(np.count_nonzero(self.rows[:-1, q.UPPER] == 0))
        return self.rows, self.series, lower + above

    @functools.cached_property
    def mirrored(self) -> PieceTable:
        """The table of -X."""
        rows, series = self.rows[-2::-1].copy(), self.series[-2::-1].copy()
        for column in (q.ANCHOR, q.ANCHOR_LOW, q.SIGN):
            rows[:, column] = -rows[:, column]
        rows[:, q.LOW], rows[:, q.HIGH] = -self.rows[-2::-1, q.HIGH], -self.rows[-2::-1, q.LOW]
        plain = rows[:, q.SIGN] == 0
        rows[plain, q.MIDDLE] = -rows[plain, q.MIDDLE]
        series[plain, :, 1::2] = -series[plain, :, 1::2]
        rows[:, q.UPPER] = 1.0 - rows[:, q.UPPER]
        return PieceTable.of(rows, series)

    def scaled(self, factor: float) -> PieceTable:
        """The table of ``factor * X``; the factor is not 0."""
        if factor < 0.0:
            return self.mirrored.scaled(-factor)
        if factor == 1.0:
            return self
        rows, series = self.rows[:-1].copy(), self.series[:-1].copy()
        log = math.log(factor)
        anchor, error = two_product(rows[:, q.ANCHOR], factor)
        rows[:, q.ANCHOR], rows[:, q.ANCHOR_LOW] = two_sum(
            anchor, error + rows[:, q.ANCHOR_LOW] * factor
        )
        rows[:, q.LOW] *= factor
        rows[:, q.HIGH] *= factor
        plain = rows[:, q.SIGN] == 0
        rows[plain, q.MIDDLE] *= factor
        rows[plain, q.INVERSE] /= factor
        rows[~plain, q.MIDDLE] += log
        rows[:, q.NEAREST] += log
        series[:, q.DENSITY, 0] -= log
        return PieceTable.of(rows, series)

    def shifted(self, shift: float, shift_low: float = 0.0) -> PieceTable:
        """The table of X + shift."""
        if shift == 0.0 and shift_low == 0.0:
            return self
        rows = self.rows.copy()
        s, error = two_sum(rows[:, q.ANCHOR], np.full(len(rows), shift))
        rows[:, q.ANCHOR], rows[:, q.ANCHOR_LOW] = two_sum(
            s, error + rows[:, q.ANCHOR_LOW] + shift_low
        )
        return PieceTable(frozen(rows), self.series)

    def steepest(self, depth: float) -> FloatArray:
        """The largest slopes in x of the log tail and the log density, down to a log tail.

        Distances from an anchor below its float grid do not count.
        """
        rows, series = self.rows[:-1], self.series[:-1]
        ends = np.stack([rows[:, q.LOW], rows[:, q.HIGH]])
        near = np.abs(ends).min(axis=0)
        grid = np.spacing(np.abs(rows[:, q.ANCHOR]))
        used = (np.abs(ends).max(axis=0) > grid) & ~is_straight(rows)
        used &= np.maximum(series[:, q.TAIL] @ _POWERS[0], series[:, q.TAIL] @ _POWERS[-1]) > depth
        with np.errstate(divide="ignore", over="ignore"):
            per_x = rows[:, q.INVERSE] / np.where(rows[:, q.SIGN] == 0, 1.0, np.maximum(near, grid))
        derivative = series[:, :, 1:] * np.arange(1.0, q.TERMS)
        slopes = np.abs(derivative @ _POWERS[:, :-1].T).max(axis=2) * per_x[:, None]
        found = np.array([slopes[used, q.TAIL].max(), slopes[used, q.DENSITY].max()])
        return np.where(np.isnan(found), np.inf, found)

    @functools.cached_property
    def edges(self) -> FloatArray:
        """The ends of the pieces."""
        low = self.rows[:, q.ANCHOR] + (self.rows[:, q.ANCHOR_LOW] + self.rows[:, q.LOW])
        return frozen(np.maximum.accumulate(low))

    @functools.cached_property
    def levels(self) -> FloatArray:
        """What `invert` takes: see there."""
        rows, tails = self.rows[:-1], self.series[:-1, q.TAIL]
        ends = np.stack([tails @ _POWERS[0], tails @ _POWERS[-1]])
        straight = is_straight(rows)
        ends[:, straight] = _straight_values(self.series[:-1][straight])
        flip = rows[:, q.SIGN] < 0
        left, right = np.where(flip, ends[1], ends[0]), np.where(flip, ends[0], ends[1])
        upper = rows[:, q.UPPER] != 0
        low = np.append(left[~upper], right[~upper][-1:])
        high = np.append(left[upper][:1], right[upper])
        return frozen(np.concatenate([np.maximum.accumulate(low), np.maximum.accumulate(-high)]))

    @functools.cached_property
    def ends(self) -> FloatArray:
        """How both tails go on beyond the pieces; see `_kernels._pieces` for the columns."""
        out = np.zeros((2, 4))
        for side, row in enumerate((0, len(self.rows) - 2)):
            if not is_straight(self.rows[row : row + 1])[0]:
                out[side] = _continuation(self.rows[row], self.series[row, q.TAIL])
        return frozen(out)

    def quantiles(self, logs: FloatArray, *, upper: bool) -> FloatArray:
        """The points at which the logarithm of the lower, or upper, tail has these values."""
        out = np.empty_like(logs)
        k.invert(np.ascontiguousarray(logs), out, upper, self.levels, self.lookup)
        return out

    @property
    def quartiles(self) -> tuple[float, float, float]:
        """The quartiles and the median between them."""
        low, median, high = self.quantiles(np.log([0.25, 0.5, 0.75]), upper=False).tolist()
        return low, median, high

    @property
    def _middle(self) -> tuple[float, float]:
        """The range that is looked up by bucket: most of the mass, and no long tail."""
        edges, levels = self.edges, self.levels
        lower = int(np.count_nonzero(self.rows[:-1, q.UPPER] == 0))
        depth = np.concatenate([levels[:lower], -levels[lower + 2 :]])
        for least in _GUIDED:
            low = edges[:-1][:lower][depth[:lower] > least]
            high = edges[1:][lower:][depth[lower:] > least]
            start = float(low[0]) if low.size else float(edges[lower])
            stop = float(high[-1]) if high.size else float(edges[lower])
            bulk = edges[np.append(depth, -np.inf) > _BULK]
            if stop - start <= _MOST_BULKS * float(np.ptp(bulk) if bulk.size else 0.0):
                break
        if not stop > start:
            return float(edges[0]), float(edges[-1])
        return start, stop

    @functools.cached_property
    def lookup(self) -> k.Table:
        """What the kernels of evaluation take."""
        edges = self.edges
        start, stop = self._middle
        rate = _BUCKETS / (stop - start)
        beginnings = start + (np.arange(_BUCKETS) - 1e-9) / rate
        guide = np.clip(np.searchsorted(edges, beginnings, side="right") - 1, 0, edges.size - 2)
        return (
            self.rows,
            np.ascontiguousarray(self.series[:, q.TAIL]),
            np.ascontiguousarray(self.series[:, q.DENSITY]),
            edges,
            guide.astype(np.int32),
            np.array([start, stop, rate]),
            self.ends,
        )

    @functools.cached_property
    def cells(self) -> FloatArray:
        """What `evaluate_cells` takes: the buckets of the guide, where polynomials will do."""
        edges, (start, _, rate) = self.edges, self.lookup[5].tolist()
        begin = start + np.arange(_BUCKETS) / rate
        x = begin[:, None] + (0.5 + 0.5 * _CELL_POINTS) / rate
        piece = np.searchsorted(edges, begin, side="right") - 1
        inside = (piece >= 0) & (begin > edges[piece]) & (begin + 1.0 / rate < edges[piece + 1])
        upper = self.rows[piece, q.UPPER] != 0
        values = np.empty(x.size)
        near = np.empty_like(x)
        for what, side in ((k.CDF, ~upper), (k.SF, upper)):
            k.evaluate(x.ravel(), values, what, False, self.lookup)
            near[side] = values.reshape(x.shape)[side]
        cells = np.empty((_BUCKETS, 8))
        cells[:, :7] = near[:, :7] @ _TO_CELL.T
        gaps = np.abs(cells[:, :7] @ _CELL_PROBES - near[:, 7:])
        allowed = np.minimum(CELL_ERROR * near[:, 7:], CELL_GAP)
        good = inside & (gaps <= allowed).all(axis=1)
        cells[~good, :7] = math.nan
        cells[:, 7] = upper
        return frozen(cells)


def is_straight(rows: FloatArray) -> BoolArray:
    """Which pieces go on in a straight line, in s, down to their anchor."""
    span = (rows[:, q.NEAREST] - rows[:, q.MIDDLE]) * rows[:, q.INVERSE]
    return np.asarray((rows[:, q.SIGN] != 0) & (span < -1.5))


def _straight_values(series: FloatArray) -> FloatArray:
    """The tail at the inner and the outer end of straight pieces."""
    tail = series[:, q.TAIL]
    return np.stack([tail[:, 0] - STRAIGHT * tail[:, 1], tail[:, 0]])


def _continuation(row: FloatArray, tail: FloatArray) -> list[float]:
    """START, LEVEL, SLOPE and GROWTH at the outer end of a piece, in s = log(distance).

    A power law has growth 0, an exponential tail 1, a normal one 2: the local exponent goes on.
    """
    polynomial, inverse, sign = np.polynomial.Polynomial(tail), float(row[q.INVERSE]), row[q.SIGN]
    outer = 1.0 if sign != 0.0 or row[q.UPPER] != 0.0 else -1.0
    level = float(polynomial(outer))
    slope, bend = (float(polynomial.deriv(n)(outer)) * inverse**n for n in (1, 2))
    start = float(row[q.MIDDLE]) + outer / inverse
    if sign == 0.0:
        d = start
        start, slope, bend = math.log(abs(d)), d * slope, d * (d * bend + slope)
    elif np.abs(tail[2:]).sum() <= _STRAIGHT * abs(level) or start > _FAR:
        return [start, level, float(tail[1]) * inverse, 0.0]  # its mean slope has no noise
    growth = bend / slope if slope != 0 else 0.0
    return [start, level, slope, growth if growth > 1e-6 else 0.0]
