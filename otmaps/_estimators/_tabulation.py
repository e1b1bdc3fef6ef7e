"""From functions that give a tail and a density to a table of pieces of measured error.

Pieces are halved until Chebyshev series of degree 15 have converged and meet the tail at both ends
of the piece; next to a kink that does not help, and the variable becomes the logarithm of the
distance from it.
"""

from __future__ import annotations

import dataclasses
import math

import numpy as np

from otmaps._arrays import FloatArray
from otmaps._errors import AccuracyError
from otmaps._estimators._layout import NAN_MESSAGE, Batch, BoolArray, Frame, Layout, Row, Source
from otmaps._kernels import _convolution as q
from otmaps._piece_table import STRAIGHT, PieceTable, two_sum

_N = q.TERMS
# Cosines of whole multiples of pi / 32, reduced before they are multiplied: exact to an ulp.
_TURNS = (np.arange(_N)[:, None] * (2 * np.arange(_N)[::-1] + 1)) % (4 * _N)
_COSINES = np.cos(_TURNS * (math.pi / (2 * _N)))
# Besides the nodes both ends, but for the kink itself, where a density may jump.
_ENDS = np.array([-1.0, 1.0]) * (1.0 - 1e-12)
_NODES = np.concatenate([_COSINES[1], _ENDS])
_TO_CHEBYSHEV = _COSINES * (2.0 / _N)
_TO_CHEBYSHEV[0] *= 0.5
_TO_POWERS = np.zeros((_N, _N))
for _k in range(_N):
    _TO_POWERS[: _k + 1, _k] = np.polynomial.chebyshev.cheb2poly(np.eye(_N)[_k])[: _k + 1]
_AT_ENDS = np.polynomial.chebyshev.chebvander(_ENDS, _N - 1).T
_SLOPES = np.polynomial.chebyshev.chebvander(_COSINES[1], _N - 2).T
_DERIVATIVES = np.zeros((_N, _N + 2))
for _k in range(1, _N):
    _DERIVATIVES[_k] = np.polynomial.chebyshev.chebval(
        _NODES, np.polynomial.chebyshev.chebder(np.eye(_N)[_k])
    )
_PROBES = np.array([-0.985, -0.3, 0.55, 0.96])  # none is a node; both ends of the piece are seen
_EPS = float(np.finfo(float).eps)

_SAFETY = 2.0
_SLOPE_LOSS = 200.0  # by how much the slope of a series of degree 15 may be worse than the series
_LEAST_MOVE = 1e-9  # more than that is no rounding
_FLOOR = -1e9  # stands for log 0
_MOST_LEVELS = 60
_MOST_PIECES = 600
_ROUNDS = 3
_NEAR = 1e-13
_LOWEST = math.log(1e-301)
_NOTHING = -800.0  # log of a density that is 0 in doubles


@dataclasses.dataclass(frozen=True)
class Measured:
    """A table and its measured errors: of the cdf absolute, of tail and density relative."""

    table: PieceTable
    error: float
    tail_error: float
    density_error: float


def tabulate(source: Source, frame: Frame, tol: float, judge: Source | None = None) -> Measured:
    """The table of a law, and how far it is from the judge's values.

    Parameters
    ----------
    source : Source
    frame : Frame
    tol : float
        Relative accuracy to aim at.
    judge : Source, optional
        The same functions computed in another way: errors are differences to it at points off the
        nodes, four a piece, doubled. Left out: the source itself.

    Raises
    ------
    AccuracyError
        Where the functions give NaN.
    """
    work = _Tabulation(source, frame, tol)
    done, coefficients = work.refined(work.layout.first_pieces())
    judge = judge or source
    for round_ in range(_ROUNDS):
        gaps = work.gaps(judge, done, coefficients)
        excess = gaps[:2].max(axis=(0, 2)) / (tol + work.noise(done, coefficients))
        bad = excess > 5.0
        if not bad.any() or round_ == _ROUNDS - 1:
            break
        again, fresh = work.refined(done.take(bad).halves(np.full(int(bad.sum()), np.inf)))
        new = work.gaps(judge, again, fresh)
        if new[:2].max() > 0.5 * gaps[:2, bad].max():  # halving does not help: state the error
            break
        done = Batch.join([done.take(~bad), again])
        coefficients = np.concatenate([coefficients[:, ~bad], fresh], axis=1)
    error, tail, density = (_SAFETY * float(g.max()) for g in gaps)
    return Measured(work.table(done, coefficients), error, tail, density)


class _Tabulation:
    """One tabulation: a source, its frame and the tolerance."""

    def __init__(self, source: Source, frame: Frame, tol: float) -> None:
        self.source, self.frame, self.tol = source, frame, tol
        self.layout = Layout(source, frame)

    # ------------------------------------------------------------------------------------ values
    def values(self, source: Source, batch: Batch, t: FloatArray) -> FloatArray:
        """Log tail and log density at positions t of every piece: shape (2, pieces, len(t))."""
        variable, lost = batch.exact_variables(t)
        d = batch.distances(variable)
        points = np.empty((batch.size, t.size, 3))
        points[..., :2] = self.frame.anchors[batch.anchor][:, None, :]
        points[..., 2] = d
        out = np.empty((2, batch.size, t.size))
        for side in (False, True):
            at = np.flatnonzero(batch.upper == side)
            if at.size:
                found = source.tails(points[at].reshape(-1, 3), upper=side)
                out[:, at] = np.moveaxis(found.reshape(at.size, t.size, 2), 2, 0)
        # What the rounding of the points does to a steep tail, and to the density much alike.
        with np.errstate(over="ignore", invalid="ignore"):
            slope = np.where(batch.upper, -1.0, 1.0)[:, None] * np.exp(out[1] - out[0])
            moved = np.where(batch.sign[:, None] == 0, slope * lost, 0.0)
        if source.rounded:
            return self._checked(out[:1], points, out)
        out += np.where(np.abs(moved) < _LEAST_MOVE, moved, 0.0)
        return self._checked(out, points, out)

    @staticmethod
    def _checked(known: FloatArray, points: FloatArray, out: FloatArray) -> FloatArray:
        bad = np.isnan(known).any(axis=0)
        if bad.any():
            raise AccuracyError(NAN_MESSAGE.format(points[bad][0].sum()))
        return out

    def refined(self, batch: Batch) -> tuple[Batch, FloatArray]:
        """Halve pieces until their series have converged; near kinks change the variable."""
        done: list[Batch] = []
        kept: list[FloatArray] = []
        count = 0
        for level in range(_MOST_LEVELS):
            values = self.values(self.source, batch, _NODES)
            if self.source.rounded:
                values[1] = self._slope(batch, values)
            coefficients, defect = _series(batch, values, sloped=self.source.rounded)
            middle = np.abs(0.5 * (batch.s_low + batch.s_high))
            narrow = batch.s_high - batch.s_low <= np.where(
                batch.sign == 0, np.maximum(_NEAR * middle, self.frame.scale * 1e-18), _NEAR * 10
            )
            noise = self.noise(batch, coefficients)
            # What halving does not help is rounding of the inputs: its size is measured and stated.
            stalled = (defect > 0.3 * batch.parent) & (defect < 1e-9) & ~self._touching(batch)
            accept = (defect <= self.tol + noise) | narrow | stalled
            count += int(accept.sum())
            if level == _MOST_LEVELS - 1 or count + accept.size > _MOST_PIECES:
                accept[:] = True
            done.append(batch.take(accept))
            kept.append(coefficients[:, accept])
            if accept.all():
                break
            batch = self._split(batch.take(~accept), defect[~accept])
        return Batch.join(done), np.concatenate(kept, axis=1)

    def _slope(self, batch: Batch, values: FloatArray) -> FloatArray:
        """The log density at the nodes as a slope: of the log tail, or of a mass next to a kink."""
        near = (batch.sign != 0) & ~np.isnan(values[1]).any(axis=1)
        logs = np.where(near[:, None], values[1], values[0])
        series = (logs[:, :_N] - logs[:, :1]) @ _TO_CHEBYSHEV.T
        slope = series @ _DERIVATIVES * (2.0 / (batch.s_high - batch.s_low))[:, None]
        falling = batch.upper & ~near
        slope *= np.where(falling, -1.0, 1.0)[:, None]
        slope *= np.where((batch.sign < 0) & ~near, -1.0, 1.0)[:, None]
        s = np.where(batch.sign[:, None] == 0, 0.0, batch.variables(_NODES))
        with np.errstate(divide="ignore", invalid="ignore"):
            return np.asarray(np.fmax(np.log(slope) + logs - s, _FLOOR))

    def _split(self, batch: Batch, defect: FloatArray) -> Batch:
        """Halves; a plain piece at a kink that halving does not help goes over to the logarithm."""
        # Where the defect falls by more than that, halving is on its way.
        touching = self._touching(batch) & (defect > 0.01 * batch.parent)
        parts = [batch.take(~touching).halves(defect[~touching])]
        rows: list[Row] = []
        for i in np.flatnonzero(touching):
            side = 1.0 if batch.s_low[i] == 0.0 else -1.0
            width = float(batch.s_high[i] - batch.s_low[i])
            owner, upper = int(batch.anchor[i]), bool(batch.upper[i])
            rows += self.layout.graded(owner, side, width, upper=upper)
        if rows:
            parts.append(Batch.of(rows))
        return Batch.join(parts)

    def _touching(self, batch: Batch) -> BoolArray:
        """Which plain pieces begin or end at a kink."""
        at_zero = (batch.s_low == 0.0) | (batch.s_high == 0.0)
        return np.asarray((batch.sign == 0) & at_zero & self.frame.kinks[batch.anchor])

    # -------------------------------------------------------------------------------- the errors
    def noise(self, batch: Batch, coefficients: FloatArray) -> FloatArray:
        """The rounding of the values and of the variable: no series converges below."""
        size = np.abs(coefficients).sum(axis=2).max(axis=0)
        slopes = np.polynomial.chebyshev.chebder(coefficients, axis=2) @ _SLOPES
        steep = np.maximum(np.abs(slopes).max(axis=(0, 2)) - 1e-11 * size, 0.0)
        reach = np.maximum(np.abs(batch.s_low), np.abs(batch.s_high))
        if self.source.rounded:
            plain = batch.sign == 0
            reach = reach + np.where(plain, 10.0 * np.abs(self.frame.anchors[batch.anchor, 0]), 0.0)
        moved = reach / (0.5 * (batch.s_high - batch.s_low))
        noise = 0.2 * _EPS * (size + steep * moved)
        if self.source.rounded:
            noise += self._grid(batch)
        return np.asarray(np.minimum(noise, 1e-3))

    def _grid(self, batch: Batch) -> FloatArray:
        """What an ulp of the points does to the logarithm of a tail near an end of the support."""
        ulp = np.spacing(np.abs(self.frame.anchors[batch.anchor, 0]))
        at_end = (batch.anchor == 0) & (batch.sign > 0) & self.frame.finite[0]
        last = len(self.frame.anchors) - 1
        at_end |= (batch.anchor == last) & (batch.sign < 0) & self.frame.finite[1]
        nearest = np.exp(np.where(at_end, batch.s_low, 0.0))
        return np.asarray(np.where(at_end & (ulp > 1e-300), 4.0 * ulp / nearest, 0.0))

    def gaps(self, judge: Source, batch: Batch, coefficients: FloatArray) -> FloatArray:
        """|table - judge| at the probes: of the cdf, of the log tail and of the log density.

        Below 1e-300 both logarithms count relative to their size.
        """
        truth = np.maximum(self.values(judge, batch, _PROBES), _FLOOR)
        table = np.polynomial.chebyshev.chebval(_PROBES, np.moveaxis(coefficients, 2, 0))
        gaps = np.abs(table - truth)
        if self.source.rounded:
            gaps[0] = np.maximum(gaps[0] - self._grid(batch)[:, None], 0.0)
            gaps[1] = _slope_gaps(batch, coefficients, gaps[0])
        absolute = gaps[0] * np.exp(np.minimum(truth[0], 0.0))
        sized = gaps / np.where(truth < _LOWEST, np.abs(truth), 1.0)
        empty = (truth[1] < _NOTHING) & (_weight(batch, truth, _PROBES) < 1e-9)
        sized[1] = np.where(empty, 0.0, sized[1])
        return np.stack([absolute, sized[0], sized[1]])

    # --------------------------------------------------------------------------------- the table
    def table(self, batch: Batch, coefficients: FloatArray) -> PieceTable:
        """Pieces in order; a straight one between each anchor and the first logarithmic one."""
        frame = self.frame
        series = np.moveaxis(coefficients[::-1] @ _TO_POWERS.T, 1, 0)  # density, then tail
        empty = series[:, 0, 0] <= 0.5 * _FLOOR
        series[empty, 0] = 0.0
        series[empty, 0, 0] = -np.inf
        rows = np.zeros((batch.size, 12))
        middle, half = 0.5 * (batch.s_low + batch.s_high), 0.5 * (batch.s_high - batch.s_low)
        ends = batch.distances(np.stack([batch.s_low, batch.s_high], axis=1))
        rows[:, [q.ANCHOR, q.ANCHOR_LOW]] = frame.anchors[batch.anchor]
        rows[:, q.SIGN] = batch.sign
        rows[:, q.LOW], rows[:, q.HIGH] = ends.min(axis=1), ends.max(axis=1)
        rows[:, q.MIDDLE], rows[:, q.INVERSE] = middle, 1.0 / half
        rows[:, q.UPPER] = batch.upper
        rows[:, q.NEAREST] = batch.s_low
        owner = batch.anchor
        for straight in self._straight(batch, series, rows):
            rows = np.concatenate([rows, straight[0][None]])
            series = np.concatenate([series, straight[1][None]])
            owner = np.append(owner, straight[2])
        order = np.lexsort((rows[:, q.LOW] + rows[:, q.HIGH], owner))
        rows, series = rows[order], series[order]
        # Neighbours meet exactly, although one end is the exponential of a logarithm.
        same = owner[order][1:] == owner[order][:-1]
        rows[1:, q.LOW] = np.where(same, rows[:-1, q.HIGH], rows[1:, q.LOW])
        _anchored_nearby(rows)
        table = PieceTable.of(rows, series)
        return _completed(table, frame.anchors[frame.split]) if frame.lower_only else table

    def _straight(
        self, batch: Batch, series: FloatArray, rows: FloatArray
    ) -> list[tuple[FloatArray, FloatArray, int]]:
        found = []
        for side in (1.0, -1.0):
            for owner in np.unique(batch.anchor[batch.sign == side]):
                at = np.flatnonzero((batch.anchor == owner) & (batch.sign == side))
                inner = at[np.argmin(batch.s_low[at])]
                outward = (owner == 0 and side < 0 and not self.frame.finite[0]) or (
                    owner == len(self.frame.anchors) - 1 and side > 0 and not self.frame.finite[1]
                )
                plain = (batch.anchor == owner) & (batch.sign == 0)
                plain &= (batch.s_low == 0.0) if side > 0 else (batch.s_high == 0.0)
                if outward and plain.any():
                    continue  # a tail: a plain piece lies between
                row, line = rows[inner].copy(), np.zeros((2, _N))
                inverse = row[q.INVERSE]
                signs = (-1.0) ** np.arange(_N)
                for which in (q.DENSITY, q.TAIL):
                    c = series[inner, which]
                    line[which, 0] = c @ signs
                    line[which, 1] = (c[1:] * np.arange(1, _N)) @ signs[:-1] * inverse
                end = self.frame.finite[0 if side > 0 else 1] and (
                    owner == (0 if side > 0 else len(self.frame.anchors) - 1)
                )
                if not end:
                    line[q.TAIL, 1] = 0.0
                    if abs(line[q.DENSITY, 1]) < 0.02:
                        line[q.DENSITY, 1] = 0.0
                s = batch.s_low[inner]
                row[q.MIDDLE], row[q.INVERSE], row[q.NEAREST] = s, 1.0, s - STRAIGHT
                row[[q.LOW, q.HIGH]] = sorted((0.0, side * math.exp(s)))
                found.append((row, line, int(owner)))
        return found


def _anchored_nearby(rows: FloatArray) -> None:
    """Give plain pieces far from their anchor one of few digits nearby: steep tails need that.

    The distance of a double from it is exact, and its rounding in t is that of a small number.
    """
    half = 1.0 / rows[:, q.INVERSE]
    far = (rows[:, q.SIGN] == 0) & (np.abs(rows[:, q.MIDDLE]) > 1.5 * half)
    far[[0, -1]] = False  # from the ends on, a law goes on as its distance from the anchor grows
    grid = 2.0 ** (np.frexp(half[far])[1] - 3)
    step = np.round(rows[far, q.MIDDLE] / grid) * grid
    anchor, low = two_sum(rows[far, q.ANCHOR], step)
    rows[far, q.ANCHOR], rows[far, q.ANCHOR_LOW] = two_sum(anchor, low + rows[far, q.ANCHOR_LOW])
    for column in (q.LOW, q.HIGH, q.MIDDLE):
        rows[far, column] -= step


def _completed(table: PieceTable, anchor: FloatArray) -> PieceTable:
    """The table of a symmetric law from its lower half, about the anchor of the split."""
    rows, series = table.rows[:-1], table.series[:-1]
    centre, low = anchor
    mirrored = table.mirrored.shifted(2.0 * centre, 2.0 * low)
    return PieceTable.of(
        np.concatenate([rows, mirrored.rows[:-1]]), np.concatenate([series, mirrored.series[:-1]])
    )


def _slope_gaps(batch: Batch, coefficients: FloatArray, gaps: FloatArray) -> FloatArray:
    """How well a density that is a slope is known, by its last coefficients and the tail's gaps."""
    slope = np.polynomial.chebyshev.chebval(
        _PROBES, np.polynomial.chebyshev.chebder(coefficients[0], axis=1).T
    )
    last = 10.0 * np.abs(coefficients[1, :, -2:]).max(axis=1)
    lost = _SLOPE_LOSS * gaps.max(axis=1, keepdims=True) * np.ones_like(slope)
    # Where a piece holds no mass its slope is rounding.
    plain = (batch.sign == 0)[:, None] & (np.abs(slope) > 1e-9)
    np.divide(lost, np.abs(slope), out=lost, where=plain)
    return np.where(np.abs(slope) < 1e-9, 0.0, last[:, None] + lost)


def _series(batch: Batch, values: FloatArray, *, sloped: bool) -> tuple[FloatArray, FloatArray]:
    """Chebyshev coefficients (2, pieces, 16), and how far the series are from converged."""
    values = np.maximum(values, _FLOOR)
    base = values[:, :, :1]  # a large constant would leave its rounding in every coefficient
    coefficients = (values[:, :, :_N] - base) @ _TO_CHEBYSHEV.T
    coefficients[:, :, 0] += base[:, :, 0]
    size = np.maximum(np.abs(values).max(axis=2) / 690.0, 1.0)
    tails = np.abs(coefficients[:, :, -2:]).max(axis=2) / size
    # What happens between an end of the piece and the first node shows at the end.
    missed = np.abs(coefficients @ _AT_ENDS - values[:, :, _N:]).max(axis=2) / size
    defects = np.maximum(tails, 0.1 * missed)
    # What rounding left of the higher coefficients would add up from sum to sum.
    large = np.abs(coefficients) > _EPS * np.abs(values).max(axis=2, keepdims=True)
    coefficients *= np.maximum.accumulate(large[:, :, ::-1], axis=2)[:, :, ::-1]
    weight = _weight(batch, values, _NODES, everywhere=sloped).max(axis=1)
    # A density that no double holds, where it is no share of the tail, need not be resolved.
    nothing = (values[1].max(axis=1) < _NOTHING) & (defects[1] > 1e-9) & (weight < 1e-9)
    coefficients[1, nothing] = 0.0
    coefficients[1, nothing, 0] = _FLOOR
    return coefficients, np.maximum(defects[0], np.where(nothing, 0.0, defects[1] * weight))


def _weight(
    batch: Batch, values: FloatArray, t: FloatArray, *, everywhere: bool = False
) -> FloatArray:
    """How much a relative error of the density counts: wholly, but for what no double holds.

    There, or ``everywhere``, by the share of the tail that it moves: none in a gap of the support.
    """
    s = batch.variables(t)
    width = np.log(batch.s_high - batch.s_low)[:, None]
    distance = np.where(batch.sign[:, None] == 0, width, s)
    share = np.exp(np.minimum(values[1] - values[0] + distance, 0.0))
    return np.where((values[1] > _NOTHING) & (not everywhere), 1.0, share)
