"""Level sets of an operation in one of its inputs, and their probabilities."""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Sequence
from typing import TypeAlias, final

import numpy as np
import numpy.typing as npt

from otmaps._arrays import FloatArray
from otmaps._distribution import Distribution
from otmaps._estimators._axes import Axis
from otmaps._estimators._roots import level_roots
from otmaps._operations import Operation

BoolArray: TypeAlias = npt.NDArray[np.bool_]

_CHUNK = 1 << 21
_TINY = 1e-300  # how near to a root at 0 is near enough
_STILL = 1e-9
_NARROW = 0.02  # a difference that is a smaller share of a tail is integrated
_T, _W = np.polynomial.legendre.leggauss(12)


@final
@dataclasses.dataclass(frozen=True, eq=False)
class Level:
    """A value of the operation for each problem, as the end of a range of values.

    With ``strict`` values equal to it lie above it, otherwise below.
    """

    y: FloatArray
    strict: bool = False

    def below(self, values: FloatArray) -> BoolArray:
        """Which values lie below, for values of shape (n, m)."""
        return np.asarray((np.less if self.strict else np.less_equal)(values, self.y[:, None]))

    def take(self, problem: npt.NDArray[np.intp]) -> Level:
        """The level of the problems with these numbers."""
        return Level(self.y[problem], self.strict)


@final
@dataclasses.dataclass(frozen=True, eq=False)
class LevelSets:
    """The probabilities of ranges of an operation over one input, the others given.

    Attributes
    ----------
    op : Operation
    inner : int
        The number of the input.
    axis : Axis
        That input.
    low, high : ndarray, shape (m,)
        The ends of the parts in each of which the operation is monotone in the input, whatever
        the others are; in increasing order, and together all of the input.
    """

    op: Operation
    inner: int
    axis: Axis
    low: FloatArray
    high: FloatArray

    def values(self, z: FloatArray, rest: Sequence[FloatArray]) -> FloatArray:
        """The operation at points of the input and of the others."""
        return np.asarray(self.op.raw(*rest[: self.inner], z, *rest[self.inner :]))

    def values_at_ends(self, rest: Sequence[FloatArray], n: int) -> tuple[FloatArray, FloatArray]:
        """The operation at the ends of the parts, each of shape (n, m)."""
        if not rest:
            shape = (n, self.low.size)
            first, last = self._lone_ends
            return np.broadcast_to(first, shape), np.broadcast_to(last, shape)
        out = np.empty((2, n, self.low.size))
        for k in range(self.low.size):
            out[0, :, k] = self.values(np.full(n, self.low[k]), rest)
            shared = k + 1 < self.low.size and self.low[k + 1] == self.high[k]
            if not shared:
                out[1, :, k] = self.values(np.full(n, self.high[k]), rest)
        same = self.low[1:] == self.high[:-1]
        out[1, :, :-1][:, same] = out[0, :, 1:][:, same]
        return out[0], out[1]

    def mass(
        self, rest: Sequence[FloatArray], n: int, above: Level | None, upto: Level | None
    ) -> FloatArray:
        """P(operation above one level and not above the other), given the other inputs.

        Parameters
        ----------
        rest : sequence of ndarray, shape (n,)
            The other inputs, in order.
        n : int
            How many problems.
        above, upto : Level or None
            The ends of the range of values; None is no end.

        Returns
        -------
        ndarray, shape (n,)
            Sums of positive terms, of relative accuracy where the law of the input has it.
        """
        if not rest and n * self.low.size > _CHUNK:
            return self._in_blocks(n, above, upto)
        ends = self.values_at_ends(rest, n)
        shape = (n, self.low.size)
        # Of each part the share that counts lies between two points; falling parts swap them.
        falling = ends[1] < ends[0]
        first = self._passes(rest, ends, falling, above, start=True)
        last = self._passes(rest, ends, falling, upto, start=False)
        start, stop = np.where(falling, last, first), np.where(falling, first, last)
        whole = (start == self.low) & (stop == self.high)
        some = ~whole & (start < stop)
        out = np.asarray(whole @ self.masses)
        if some.any():
            row, k = np.nonzero(some)
            low, high = start[row, k], stop[row, k]
            support = self.axis.law.support()
            low[(k == 0) & (low == self.low[0])] = support[0]
            high[(k == shape[1] - 1) & (high == self.high[-1])] = support[1]
            out += np.bincount(row, interval_mass(self.axis.law, low, high), n)
        return out

    @functools.cached_property
    def _lone_ends(self) -> tuple[FloatArray, FloatArray]:
        return self.values(self.low, []), self.values(self.high, [])

    def _in_blocks(self, n: int, above: Level | None, upto: Level | None) -> FloatArray:
        size = max(_CHUNK // self.low.size, 1)
        blocks = [np.arange(k, min(k + size, n)) for k in range(0, n, size)]
        levels = [[None if v is None else v.take(b) for v in (above, upto)] for b in blocks]
        return np.concatenate(
            [self.mass([], b.size, *pair) for b, pair in zip(blocks, levels, strict=True)]
        )

    def roots(self, y: FloatArray) -> tuple[npt.NDArray[np.intp], npt.NDArray[np.intp], FloatArray]:
        """For an operation of this input alone: where it takes the values y.

        Returns
        -------
        number, part, root : ndarray
            The number of the value, that of the part, and the root in it.
        """
        below = np.asarray(
            [Level(y).below(np.broadcast_to(e, (y.size, e.size))) for e in self._lone_ends]
        )
        row, k = np.nonzero(below[0] != below[1])
        first, last = self._lone_ends
        found = level_roots(
            lambda _, z: self.values(z, []),
            (self.low[k], self.high[k]),
            (first[k], last[k]),
            y[row],
            self.rungs,
            tiny=_TINY,
        )
        return row, k, found

    def _passes(
        self,
        rest: Sequence[FloatArray],
        ends: tuple[FloatArray, FloatArray],
        falling: BoolArray,
        level: Level | None,
        *,
        start: bool,
    ) -> FloatArray:
        """Where each part passes a level, its ends where it does not: shape (n, m)."""
        if level is None:
            return np.where(falling != start, self.low, self.high)
        below = level.below(ends[0]), level.below(ends[1])
        out = np.where(below[0] == falling, self.low, self.high)
        row, k = np.nonzero(below[0] != below[1])
        if row.size:
            chosen = [r[row] for r in rest]
            out[row, k] = level_roots(
                lambda i, z: self.values(z, [r[i] for r in chosen]),
                (self.low[k], self.high[k]),
                (ends[0][row, k], ends[1][row, k]),
                level.y[row],
                self.rungs,
                tiny=_TINY,
                strict=level.strict,
            )
        return out

    @functools.cached_property
    def rungs(self) -> FloatArray:
        """Points of the input between which roots are looked for."""
        return self.axis.rungs

    def visible_ends(self, settings: Sequence[FloatArray]) -> list[float]:
        """The ends of parts at which there may be a value that matters.

        Not those infinite ends at which, for all ``settings`` of the others, values still move.
        """
        ends = {*self.low.tolist(), *self.high.tolist()}
        sides = (
            (self.low[0], self.rungs[1], self.axis.law.support()[0]),
            (self.high[-1], self.rungs[-2], self.axis.law.support()[1]),
        )
        for end, before, limit in sides:
            if np.isfinite(limit):
                continue
            n = settings[0].size if settings else 1
            last, near = (self.values(np.full(n, z), settings) for z in (end, before))
            with np.errstate(invalid="ignore"):
                still = np.abs(last - near) <= _STILL * np.abs(last)
            if not still.any():
                ends.discard(float(end))
        return sorted(ends)

    @functools.cached_property
    def masses(self) -> FloatArray:
        """The probability of each part."""
        low, high = self.low.copy(), self.high.copy()
        low[0], high[-1] = self.axis.law.support()
        return interval_mass(self.axis.law, low, high)


def interval_mass(
    law: Distribution, a: FloatArray, b: FloatArray, width: FloatArray | None = None
) -> FloatArray:
    """P(a < Z <= b) of relative accuracy, for a law without atoms: narrow ones by the density.

    ``width`` is that of the intervals where it is known better than as the difference.
    """
    width = b - a if width is None else width
    support = law.support()
    out = np.empty_like(a)
    lowest, highest = a <= support[0], b >= support[1]
    out[lowest] = law.cdf(b[lowest])
    out[~lowest & highest] = law.sf(a[~lowest & highest])
    inner = ~lowest & ~highest
    if inner.any():
        out[inner] = _inner_mass(law, a[inner], b[inner], width[inner])
    return out


def _inner_mass(law: Distribution, a: FloatArray, b: FloatArray, width: FloatArray) -> FloatArray:
    cdf_a, cdf_b = np.asarray(law.cdf(a)), np.asarray(law.cdf(b))
    sf_a, sf_b = np.asarray(law.sf(a)), np.asarray(law.sf(b))
    lower = cdf_b <= sf_a
    out = np.where(lower, cdf_b - cdf_a, sf_a - sf_b)
    across = (cdf_a < 0.5) & (sf_b < 0.5)
    out = np.where(across, (0.5 - cdf_a) + (0.5 - sf_b), out)
    narrow = out < _NARROW * np.where(lower, cdf_b, sf_a)
    kinks = np.asarray(law.breakpoints, dtype=float)
    narrow &= np.searchsorted(kinks, a, side="right") == np.searchsorted(kinks, b, side="left")
    if narrow.any():
        x, half = a[narrow], 0.5 * width[narrow]
        density = np.asarray(law.pdf(x[:, None] + half[:, None] * (1.0 + _T))) @ _W * half
        out[narrow] = np.where(np.isfinite(density), density, out[narrow])
    return np.maximum(out, 0.0)
