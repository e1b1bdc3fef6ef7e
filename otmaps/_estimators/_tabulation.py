"""From a function that computes a tail and a density to a table of pieces of measured error."""

from __future__ import annotations

import dataclasses
import itertools
import math
from collections.abc import Callable
from typing import TypeAlias

import numpy as np

from otmaps._arrays import FloatArray, frozen
from otmaps._errors import AccuracyError
from otmaps._estimators._mesh import CHEBYSHEV, TO_COEFFICIENTS, BoolArray
from otmaps._pieces import TailTable

Tails: TypeAlias = Callable[[FloatArray], tuple[FloatArray, FloatArray]]

_PROBES = np.array([-0.985, -0.55, 0.2, 0.92])  # none is a node; both ends of the piece are seen
_SAFETY = 2.0
_DEEPEST = -695.0
_FARTHEST = 1e300
_NEAREST = 1e-250
_FLOOR = -4000.0  # stands for log 0 in gaps of the support
_MOST_LEVELS = 40
_MOST_PIECES = 400
_ROUNDS = 3
_ENDS = np.array([-1.0, 1.0])
_NEAREST_ULP = 16.0  # nearer to a kink the inputs feel their float grid
_SLOPE_NOISE = 1e-11  # of a derivative of a series, relative to the series
_MOST_NOISE = 1e-9
_SERIES_AT_NODES = np.polynomial.chebyshev.chebvander(CHEBYSHEV, CHEBYSHEV.size - 2).T
_EPS = np.finfo(float).eps


@dataclasses.dataclass(frozen=True, eq=False)
class _Batch:
    """Pieces in work: ends in the variable s of each, as in `TailTable`."""

    low: FloatArray
    high: FloatArray
    anchor: FloatArray
    sign: FloatArray
    parent: FloatArray

    @staticmethod
    def of(rows: list[tuple[float, float, float, float]]) -> _Batch:
        columns = np.array(rows, dtype=float).reshape(-1, 4).T
        low, high, anchor, sign = columns
        return _Batch(low, high, anchor, sign, np.full(len(rows), np.inf))

    def take(self, mask: BoolArray) -> _Batch:
        return _Batch(*(getattr(self, f.name)[mask] for f in dataclasses.fields(self)))

    def join(self, other: _Batch) -> _Batch:
        return _Batch(
            *(
                np.concatenate([getattr(self, f.name), getattr(other, f.name)])
                for f in dataclasses.fields(self)
            )
        )

    def halves(self, defect: FloatArray) -> _Batch:
        cut = 0.5 * (self.low + self.high)
        left = _Batch(self.low, cut, self.anchor, self.sign, defect)
        return left.join(_Batch(cut, self.high, self.anchor, self.sign, defect))

    def points(self, t: FloatArray) -> FloatArray:
        s = (0.5 * (self.low + self.high))[:, None] + (0.5 * (self.high - self.low))[:, None] * t
        sign, anchor = self.sign[:, None], self.anchor[:, None]
        return np.where(sign == 0, s, anchor + sign * np.exp(np.where(sign == 0, 0.0, s)))

    @property
    def short(self) -> BoolArray:
        """Whether a logarithmic piece is so near its kink that only rounding can trouble it."""
        near = self.high < math.log(1e-3) + np.log(np.maximum(np.abs(self.anchor), 1e-300))
        return np.asarray((self.sign != 0) & (self.high - self.low < 1.0) & near)

    @property
    def width(self) -> FloatArray:
        ends = self.points(_ENDS)
        return np.abs(ends[:, 1] - ends[:, 0])


@dataclasses.dataclass(frozen=True)
class Measured:
    """A table and its measured errors: of the cdf absolute, of tail and density relative."""

    table: TailTable
    error: float
    tail_error: float
    density_error: float


def tabulate(
    tails: Tails,
    checked: Tails,
    *,
    kinks: FloatArray,
    outer: float,
    split: float,
    scale: float,
    tol: float,
) -> Measured:
    """The table of one half of a law.

    Parameters
    ----------
    tails : callable
        v -> (log P(V <= v), log density), both accurate relatively.
    checked : callable
        The same, computed more finely: errors are differences to it at points off the nodes,
        four a piece, doubled.
    kinks : ndarray
        Sorted breakpoints up to ``split``; the first is 0 if the support begins there.
    outer : float
        A point at least as deep as the table has to go.
    split : float
        Where the half ends.
    scale : float
        A width of the bulk of the law.
    tol : float
        Relative accuracy to aim at.
    """
    done, coefficients = _refined(
        tails, kinks, _first_pieces(tails, kinks, outer, split, scale), tol
    )
    before = np.inf
    for _ in range(_ROUNDS):
        gaps = _gaps(checked, done, coefficients)
        excess = np.maximum(gaps[0], gaps[1]).max(axis=1) / (tol + _noise(done, coefficients))
        bad = (excess > 5.0) & ~done.short
        if not bad.any() or excess.max() > 0.5 * before:  # else halving does not help: state it
            break
        before = float(excess.max())
        more, fresh = _refined(tails, kinks, done.take(bad).halves(np.full(bad.sum(), np.inf)), tol)
        done = done.take(~bad).join(more)
        coefficients = np.concatenate([coefficients[:, ~bad], fresh], axis=1)
    else:
        gaps = _gaps(checked, done, coefficients)
    return _measured(done, coefficients, gaps)


def _first_pieces(
    tails: Tails, kinks: FloatArray, outer: float, split: float, scale: float
) -> _Batch:
    finite = kinks.size > 0 and kinks[0] == 0.0 and outer >= 0.0
    marks = np.unique(np.append(kinks, split))
    rows: list[tuple[float, float, float, float]] = []
    if finite:
        knee = 0.5 * marks[1]
        rows.append((_depth(tails, 0.0, 1.0, outer, knee), math.log(knee), 0.0, 1.0))
        marks = np.append(knee, marks[1:])
    else:
        near = min(scale, 0.1 * abs(outer - marks[0]))
        knee = marks[0] - near
        rows.append((math.log(near), _depth(tails, marks[0], -1.0, outer, knee), marks[0], -1.0))
        marks = np.append(knee, marks)
    rows += [(a, b, 0.0, 0.0) for a, b in itertools.pairwise(marks)]
    return _Batch.of(rows)


def _depth(tails: Tails, anchor: float, sign: float, outer: float, knee: float) -> float:
    """The s at which the tail is about as deep as it is tabulated."""
    near = math.log(abs(knee - anchor))
    far = math.log(min(max(abs(outer - anchor), _NEAREST), _FARTHEST))
    far = min(far, near - 1.0) if sign > 0 else max(far, near + 1.0)
    for _ in range(3):
        s = np.linspace(near, far, 10)
        deep = ~(tails(anchor + sign * np.exp(s))[0] >= _DEEPEST)
        if not deep.any():
            return far
        first = max(int(np.argmax(deep)), 1)
        near, far = float(s[first - 1]), float(s[first])
    return far


def _refined(
    tails: Tails, kinks: FloatArray, batch: _Batch, tol: float
) -> tuple[_Batch, FloatArray]:
    """Halve pieces until their series have converged; near singular kinks change the variable."""
    done: list[_Batch] = []
    kept: list[FloatArray] = []
    count = 0
    for level in range(_MOST_LEVELS):
        v = batch.points(CHEBYSHEV)
        values = _values(tails, v)
        base = values[:, :, :1]  # a large constant would leave its rounding in every coefficient
        coefficients = (values - base) @ TO_COEFFICIENTS.T
        coefficients[:, :, 0] += base[:, :, 0]
        defects = np.abs(coefficients[:, :, -2:]).max(axis=2)
        defect = np.maximum(defects[0], defects[1] * _share(batch, v, values).max(axis=1))
        narrow = batch.width <= 1e-13 * np.abs(batch.points(_ENDS)).max(axis=1)
        # What halving does not help is rounding of the inputs: its size is measured and stated.
        stalled = (defect > 0.3 * batch.parent) & ((defect < 1e-9) | batch.short)
        accept = (defect <= tol + _noise(batch, coefficients)) | narrow | stalled
        count += int(accept.sum())
        accept |= level == _MOST_LEVELS - 1 or count + accept.size > _MOST_PIECES
        done.append(batch.take(accept))
        kept.append(coefficients[:, accept])
        if accept.all():
            break
        rest, defect = batch.take(~accept), defect[~accept]
        batch = rest.halves(defect)
        if level >= 1:
            batch = _to_logarithms(batch, kinks)
    joined = done[0]
    for part in done[1:]:
        joined = joined.join(part)
    return joined, np.concatenate(kept, axis=1)


def _values(tails: Tails, v: FloatArray) -> FloatArray:
    """Both functions at an array of points, stacked; a NaN is never taken for a number."""
    values = np.stack([r.reshape(v.shape) for r in tails(v.ravel())])
    if np.isnan(values).any():
        worst = v[np.isnan(values).any(axis=0)][0]
        raise AccuracyError(
            f"The convolution met NaN at {worst:g} from an end of the support: the cdf or the "
            "density of an input returns NaN somewhere."
        )
    return np.maximum(values, _FLOOR)


def _share(batch: _Batch, v: FloatArray, values: FloatArray) -> FloatArray:
    """How much a relative error of the density counts: by the share of mass that it moves.

    Next to a kink the density feels the float grid of the inputs, where there is no mass.
    """
    distance = np.where(batch.sign[:, None] == 0, np.inf, np.abs(v - batch.anchor[:, None]))
    with np.errstate(over="ignore"):
        return np.asarray(np.minimum(np.exp(values[1] - values[0]) * distance, 1.0))


def _to_logarithms(batch: _Batch, kinks: FloatArray) -> _Batch:
    """Give linear pieces that end at a kink the logarithm of the distance to it as variable."""
    low, high = batch.low.copy(), batch.high.copy()
    anchor, sign, parent = batch.anchor.copy(), batch.sign.copy(), batch.parent.copy()
    for touching, side in ((np.isin(low, kinks), 1.0), (np.isin(high, kinks), -1.0)):
        at = touching & (batch.sign == 0)
        kink = (low if side > 0 else high)[at]
        width = (high - low)[at]
        nearest = np.maximum(_NEAREST_ULP * np.spacing(np.abs(kink)), 1e-30 * width)
        anchor[at], sign[at], parent[at] = kink, side, np.inf
        low[at], high[at] = np.log(nearest), np.log(width)
    return _Batch(low, high, anchor, sign, parent)


def _noise(batch: _Batch, coefficients: FloatArray) -> FloatArray:
    """The rounding of the values and of v, seen in the logarithms: no series converges below."""
    size = np.abs(coefficients).sum(axis=2).max(axis=0)
    slopes = np.abs(np.polynomial.chebyshev.chebder(coefficients, axis=2) @ _SERIES_AT_NODES)
    slopes = np.maximum(slopes - _SLOPE_NOISE * size[:, None], 0.0)
    v = batch.points(CHEBYSHEV)
    # One rounding of v moves s by |v| / distance ulp, or v itself by |v| ulp.
    moved = np.abs(v)
    logarithmic = batch.sign != 0
    moved[logarithmic] /= np.abs(v - batch.anchor[:, None])[logarithmic]
    moved /= (0.5 * (batch.high - batch.low))[:, None]
    noise = 4.0 * _EPS * (size + (slopes.max(axis=0) * moved).max(axis=1))
    return np.asarray(np.minimum(noise, _MOST_NOISE))


def _gaps(checked: Tails, batch: _Batch, coefficients: FloatArray) -> FloatArray:
    """|table - checked| at the probes, for the tail, the density and exp(tail) times the first."""
    v = batch.points(_PROBES)
    truth = _values(checked, v)
    table = np.polynomial.chebyshev.chebval(_PROBES, np.moveaxis(coefficients, 2, 0))
    gaps = np.abs(table - truth)
    gaps[1][(truth[1] < -700.0) & (table[1] < -700.0)] = 0.0
    gaps[1] *= _share(batch, v, truth)
    return np.stack([gaps[0], gaps[1], gaps[0] * np.exp(truth[0])])


def _measured(batch: _Batch, coefficients: FloatArray, gaps: FloatArray) -> Measured:
    ends = np.sort(batch.points(_ENDS), axis=1)
    order = np.argsort(ends[:, 0])
    edges = np.append(ends[order, 0], ends[order[-1], 1])
    table = TailTable(
        frozen(edges),
        frozen(batch.anchor[order]),
        frozen(batch.sign[order]),
        frozen(0.5 * (batch.low + batch.high)[order]),
        frozen(0.5 * (batch.high - batch.low)[order]),
        frozen(coefficients[0][order]),
        frozen(coefficients[1][order]),
    )
    tail, density, absolute = (_SAFETY * float(g.max()) for g in gaps)
    # A monotone function stays between the values on both sides of the gap left at a kink.
    jump, tail_jump = table.largest_jumps()
    return Measured(table, max(absolute, jump), max(tail, tail_jump), density)
