"""Densities that are splines with positive coefficients, and the tables that evaluate them fast.

Every polynomial is held in the Bernstein basis of its own piece. The coefficients are positive, and
subdivision (de Casteljau 1959), integration and moving averages only add positive numbers, so
nothing cancels and tails keep their relative accuracy. A row of coefficients has an exponent of its
own, and long pieces are cut in a geometric progression, so nothing leaves the range of doubles.

For evaluation the pieces are cut further, until the powers of the local coordinate add up with
next to no cancellation: then Horner's rule keeps the accuracy at a fraction of the cost.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable, Iterator
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from otmaps._arrays import FloatArray
from otmaps._kernels import _bernstein as bernstein
from otmaps._kernels import _splines as kernels

IntArray = npt.NDArray[np.int64]
Logarithms = Callable[[FloatArray], tuple[FloatArray, ...]]

_MERGE = 2e-15  # breakpoints closer than this, relative to their distance from the end, are one
_RANGE = 200.0  # decades that the coefficients of a piece may span
_CANCELLATION = 4.0  # powers of a cell add up to at most this times the smallest value
_MOST_BUCKETS = 2**15
_BUCKETS_A_CELL = 16
_DEGREE = 12  # of the polynomials for logarithms
_PROBES = (-0.93, -0.51, 0.13, 0.74, 0.97)  # away from the nodes
_MOST_ROUNDS = 60
_GAP = 1e-15  # between nodes, as a part of the logarithm
_MOST_CELLS = 4096
_LEFT, _LENGTH = 0.0, 1.0


class Spline(NamedTuple):
    """Polynomials of one degree on neighbouring pieces, in the Bernstein basis of each."""

    knots: FloatArray  # (pieces + 1,)
    rows: FloatArray  # (pieces, degree + 1)
    exponents: IntArray  # (pieces,): a row stands for row * 2**exponent

    def up_to(self, y: float) -> Spline:
        """The pieces that begin below y."""
        pieces = max(int(np.searchsorted(self.knots[:-1], y, side="left")), 1)
        return Spline(self.knots[: pieces + 1], self.rows[:pieces], self.exponents[:pieces])

    def integral(self) -> Spline:
        """The integral from the first knot."""
        pieces, order = self.rows.shape
        rows, exponents = np.empty((pieces, order + 1)), np.empty(pieces, np.int64)
        widths = np.diff(self.knots)
        bernstein.integrate(self.rows, self.exponents, widths, rows, exponents)
        return Spline(self.knots, rows, exponents)

    def logarithms(self, y: FloatArray) -> FloatArray:
        """The logarithm at points between the knots, of any shape."""
        order = np.argsort(y, axis=None)
        ascending, out = np.empty(y.size), np.empty(y.size)
        bernstein.logarithms(y.ravel()[order], *self, ascending)
        out[order] = ascending
        return out.reshape(y.shape)


def grids(terms: tuple[float, ...]) -> Iterator[FloatArray]:
    """The knots after the first, the first two, ... of ascending widths."""
    ratio = 10.0 ** min(_RANGE / len(terms), 100.0)
    knots = np.array([0.0, terms[0]])
    yield knots
    for a in terms[1:]:
        knots = _refined(_merged(np.concatenate([knots, knots + a]))[0], ratio)
        yield knots


def _refined(knots: FloatArray, ratio: float) -> FloatArray:
    long = np.flatnonzero(knots[2:] > ratio * knots[1:-1]) + 1
    if not long.size:
        return knots
    fresh = []
    for u, v in zip(knots[long], knots[long + 1], strict=True):
        parts = math.ceil(math.log(v / u) / math.log(ratio))
        fresh += [u * (v / u) ** (k / parts) for k in range(1, parts)]
    return np.sort(np.concatenate([knots, fresh]))


def uniform_density(terms: tuple[float, ...]) -> Spline:
    """The density of the sum of uniform variables on [0, a], for ascending widths a up to one.

    It is built width by width,

        f_new(y) = 1/a * integral of f over [y - a, y].

    Ascending order keeps each piece within the next width, so that the window of a piece splits in
    three integrals of positive functions.
    """
    steps = grids(terms)
    mantissa, exponent = math.frexp(1.0 / terms[0])
    spline = Spline(next(steps), np.array([[mantissa]]), np.array([exponent]))
    for a, grid in zip(terms[1:], steps, strict=True):
        old, b, exponents = spline
        shape = (grid.size - 1, b.shape[1] + 1)
        rows, fresh = np.empty(shape), np.empty(shape[0], np.int64)
        here, shifted = _nearest(grid, old), _nearest(grid, old + a)
        bernstein.widen(b, exponents, np.diff(old), here, shifted, grid, a, rows, fresh)
        spline = Spline(grid, rows, fresh)
    return spline


def _merged(points: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Distinct sorted points, and for each given point the one it became."""
    order = np.argsort(points, kind="stable")
    ascending = points[order]
    fresh = np.concatenate([[True], np.diff(ascending) > _MERGE * ascending[1:]])
    grid = ascending[fresh]
    became = np.empty_like(points)
    became[order] = grid[np.cumsum(fresh) - 1]
    return grid, became


def _nearest(grid: FloatArray, points: FloatArray) -> FloatArray:
    """The point of the grid that stands for each point: the last one not above it, or itself."""
    return grid[np.searchsorted(grid, points, side="right") - 1]


@dataclasses.dataclass(frozen=True)
class Table:
    """What the kernels read; see `otmaps._kernels._splines`."""

    arrays: kernels.CellArrays
    shape: kernels.Shape
    starts: FloatArray  # logarithms at the left ends of the cells


class _Cells(NamedTuple):
    left: FloatArray
    right: FloatArray
    rows: tuple[FloatArray, ...]  # one array a function
    scales: tuple[IntArray, ...]

    def chosen(self, index: npt.NDArray[np.bool_]) -> _Cells:
        return _Cells(
            self.left[index],
            self.right[index],
            tuple(r[index] for r in self.rows),
            tuple(s[index] for s in self.scales),
        )


def _joined(parts: list[_Cells]) -> _Cells:
    order = np.argsort(np.concatenate([p.left for p in parts]))
    count = len(parts[0].rows)
    return _Cells(
        np.concatenate([p.left for p in parts])[order],
        np.concatenate([p.right for p in parts])[order],
        tuple(np.concatenate([p.rows[i] for p in parts])[order] for i in range(count)),
        tuple(
            np.concatenate([p.scales[i] for p in parts])[order] for i in range(len(parts[0].scales))
        ),
    )


def _halfway(left: FloatArray, right: FloatArray) -> FloatArray:
    """The middle, in the logarithm where a cell is long."""
    return np.where(right > 2.0 * left, np.sqrt(left) * np.sqrt(right), 0.5 * (left + right))


def direct_tables(splines: tuple[Spline, ...]) -> list[Table]:
    """Tables of the values of splines on common knots, positive and monotone on every piece.

    Parameters
    ----------
    splines : tuple of Spline
        The first piece of each is a power of y, as high as its degree.
    """
    knots = splines[0].knots
    pending = _Cells(
        knots[1:-1],
        knots[2:],
        tuple(s.rows[1:] for s in splines),
        tuple(s.exponents[1:] for s in splines),
    )
    done = [_Cells(knots[:1], knots[1:2], tuple(_corner(s.rows[0]) for s in splines),
                   tuple(s.exponents[:1] for s in splines))]  # fmt: skip
    for _ in range(_MOST_ROUNDS):
        powers = tuple(np.empty_like(r) for r in pending.rows)
        good = np.ones(pending.left.size, np.bool_)
        for b, c in zip(pending.rows, powers, strict=True):
            bernstein.to_powers(b, c)
            good &= np.abs(c).sum(axis=1) <= _CANCELLATION * np.minimum(b[:, 0], b[:, -1])
        middle = _halfway(pending.left, pending.right)
        good |= ~((pending.left < middle) & (middle < pending.right))
        done.append(pending._replace(rows=powers).chosen(good))
        if good.all():
            break
        pending = _split(pending.chosen(~good), middle[~good])
    cells = _joined(done)
    tables = []
    for i, spline in enumerate(splines):
        exponents = cells.scales[i]
        logs = exponents * math.log(2.0)
        frames = np.stack(
            [
                cells.left,
                1.0 / (cells.right - cells.left),
                np.ldexp(1.0, np.maximum(exponents, -2000).astype(np.int32)),
                logs,
            ],
            axis=1,
        )
        with np.errstate(divide="ignore"):
            starts = np.log(cells.rows[i][:, 0]) + logs
        power = float(spline.rows.shape[1] - 1)
        corner = math.log(spline.rows[0, -1]) + float(logs[0])
        tables.append(_table(frames, cells, i, (power, corner, False), starts))
    return tables


def _corner(row: FloatArray) -> FloatArray:
    out = np.zeros((1, row.size))
    out[0, -1] = row[-1]
    return out


def _split(cells: _Cells, middle: FloatArray) -> _Cells:
    halves = []
    for b in cells.rows:
        out = np.empty((2 * b.shape[0], b.shape[1]))
        bernstein.cut(b, middle - cells.left, cells.right - middle, out)
        halves.append(out)
    left, right = _interleaved(cells.left, middle), _interleaved(middle, cells.right)
    return _Cells(left, right, tuple(halves), tuple(np.repeat(s, 2) for s in cells.scales))


def _table(
    frames: FloatArray,
    cells: _Cells,
    index: int,
    kind: tuple[float, float, bool],
    starts: FloatArray,
) -> Table:
    edges = np.concatenate([cells.left, [math.inf]])
    shift, first, guide = _guide(cells.left, cells.right[-1])
    rows = np.ascontiguousarray(cells.rows[index])
    return Table((edges, frames, rows, guide), (shift, first, *kind), starts)


def _guide(left: FloatArray, end: float) -> tuple[int, int, npt.NDArray[np.int32]]:
    """Buckets in the leading bits of y, most of which hold no edge; the first is the corner."""
    if left.size == 1:
        return 52, 2**11, np.zeros(1, np.int32)
    bits = left[1:].view(np.int64)
    last = int(np.float64(end).view(np.int64))
    for shift in range(52, 20, -1):
        keys = bits >> shift
        first, count = int(keys[0]) - 1, (last >> shift) - int(keys[0]) + 2
        crowded = np.count_nonzero(np.diff(keys) == 0)
        roomy = crowded <= left.size // 16 and count >= _BUCKETS_A_CELL * left.size
        if roomy or 2 * count > _MOST_BUCKETS:
            break
    starts = (np.arange(first, first + count, dtype=np.int64) << shift).view(np.float64)
    cells = np.searchsorted(left, starts, side="right") - 1
    return shift, first, cells.astype(np.int32)


def log_tables(
    function: Logarithms,
    corners: tuple[tuple[float, float], ...],
    pieces: FloatArray,
    gap_allowed: float,
    depth: float,
) -> tuple[list[Table], float]:
    """Tables of logarithms, by interpolation at Chebyshev points.

    Parameters
    ----------
    function : callable
        From points, one row a cell, the logarithms of positive functions, smooth between the given
        points.
    corners : tuple of pairs of float
        For each function the power of y that it is below the first of these points, and the
        logarithm there.
    pieces : ndarray
        Ascending points; the last one is the end.
    gap_allowed : float
        Between the nodes, besides rounding of the logarithm itself.
    depth : float
        Logarithms below minus this do not count for the gap.

    Returns
    -------
    tables : list of Table
        One a function.
    gap : float
        The largest gap found at several points of every cell between the nodes.
    """
    left, right = pieces[:-1], pieces[1:]
    nodes, to_chebyshev, to_powers = _interpolation(_DEGREE)
    probes = np.vander(np.array(_PROBES), _DEGREE + 1, increasing=True)
    where = np.concatenate([nodes, _PROBES])
    corner = np.zeros((1, _DEGREE + 1))
    done = [_Cells(np.zeros(1), pieces[:1], (corner,) * len(corners), ())]
    worst = 0.0
    for _ in range(_MOST_ROUNDS):
        y = 0.5 * (left + right)[:, None] + 0.5 * (right - left)[:, None] * where
        middle = _halfway(left, right)
        gap, excess = np.zeros(left.size), np.zeros(left.size)
        rows = []
        for values in function(y):
            # Two steps, and from a level near the values: the matrices hold large numbers.
            level = values[:, nodes.size // 2]
            c = (values[:, : nodes.size] - level[:, None]) @ to_chebyshev.T @ to_powers.T
            c[:, 0] += level
            truth = values[:, nodes.size :]
            found = np.abs(c @ probes.T - truth)
            excess = np.maximum(
                excess, np.max(found / (gap_allowed + _GAP * np.abs(truth)), axis=1)
            )
            gap = np.maximum(gap, np.max(found * (truth >= -depth), axis=1))
            rows.append(c)
        good = (excess <= 1.0) | ~((left < middle) & (middle < right)) | (left.size > _MOST_CELLS)
        done.append(_Cells(left, right, tuple(rows), ()).chosen(good))
        worst = max(worst, float(gap[good].max(initial=0.0)))
        if good.all():
            break
        left, right, middle = left[~good], right[~good], middle[~good]
        left, right = _interleaved(left, middle), _interleaved(middle, right)
    cells = _joined(done)
    frames = np.zeros((cells.left.size, 4))
    frames[:, 0] = 0.5 * (cells.left + cells.right)
    frames[:, 1] = 2.0 / (cells.right - cells.left)
    frames[0, :2] = 0.0, 1.0 / pieces[0]
    tables = []
    for i, (power, log_end) in enumerate(corners):
        starts = cells.rows[i] @ (-1.0) ** np.arange(_DEGREE + 1)
        starts[0] = -math.inf
        tables.append(_table(frames, cells, i, (power, log_end, True), starts))
    return tables, worst


def _interleaved(first: FloatArray, second: FloatArray) -> FloatArray:
    return np.stack([first, second], axis=1).ravel()


def _interpolation(degree: int) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Chebyshev points on [-1, 1], and the matrices from values there to coefficients.

    The first one leads to those of Chebyshev polynomials, the second one on to those of powers.
    """
    k = np.arange(degree + 1)
    angles = math.pi * (k + 0.5) / (degree + 1)
    to_chebyshev = 2.0 / (degree + 1) * np.cos(np.outer(k, angles))
    to_chebyshev[0] *= 0.5
    to_powers = np.zeros((degree + 1, degree + 1))
    for j in k:
        to_powers[: j + 1, j] = np.polynomial.chebyshev.cheb2poly(np.eye(degree + 1)[j][: j + 1])
    return np.cos(angles), to_chebyshev, to_powers
