"""The conditional cdf of an operation given all inputs but one, averaged over points of the others.

Given the others, the operation is a function of one input. Its values at fixed quantiles of that
input, and at the extrema between them, cut its range in monotone cells. A cell whose ends are both
inside a level set counts as a whole, and one with an end on either side up to the root, which
inverse interpolation guesses and secant steps in a bracket settle.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable

import numpy as np
import numpy.typing as npt
from scipy.special import ndtr

from otmaps._arrays import FloatArray
from otmaps._distribution import Distribution
from otmaps._estimators._axes import Axis
from otmaps._estimators._base import Inputs
from otmaps._estimators._outer_points import Block, BoolArray, PointSet, quantiles
from otmaps._estimators._places import narrow, places_in
from otmaps._kernels import _level_roots as kernels
from otmaps._operations import Operation

IndexArray = npt.NDArray[np.int32]

BLOCK = 1024

_CORE = 8.0  # normal scores between which nodes of the inner input are uniform
_NODES = 48
_DEEP = (1e-18, 1e-24, 1e-36, 1e-60, 1e-100, 1e-180, 1e-300)
_TOLERANCE = 1e-7  # of a root in probability, before a last step whose error is of second order
_GOLDEN = 0.5 * (3.0 - math.sqrt(5.0))
_GOLDEN_STEPS = 64
_STEPS = 3  # steps with the slope of the interpolation, before the search in a bracket
_MOST_STEPS = 150
MOST_TURNS = 6  # extrema a row, on average


class TurnsError(Exception):
    """A function of the inner input changes its direction too often."""


@dataclasses.dataclass(frozen=True)
class Levels:
    """Ascending levels y; of a point mass, the first one is strict (below it) and both are tied."""

    y: FloatArray
    strict: BoolArray
    tied: BoolArray

    @classmethod
    def of(cls, y: FloatArray, atoms: FloatArray) -> Levels:
        """Plain levels with a strict and a plain one at every point mass among them."""
        plain = np.setdiff1d(y, atoms)
        every = np.concatenate([plain, atoms, atoms])
        strict = np.repeat([False, True, False], [plain.size, atoms.size, atoms.size])
        order = np.lexsort((~strict, every))
        return cls(every[order], strict[order], np.isin(every, atoms)[order])


@dataclasses.dataclass
class Totals:
    """Sums over points: of probabilities inside and outside (2, levels), and of weights."""

    sides: FloatArray
    weight: float = 0.0
    unsure: float = 0.0
    """Weighted probability of cells in which a value was outside of those at the ends."""

    residuals: FloatArray | None = None
    """Weighted distance in probability that one more step would move the roots, for each level."""

    @classmethod
    def of(cls, levels: int) -> Totals:
        """Sums over no points."""
        return cls(np.zeros((2, levels)))

    @property
    def cdf(self) -> FloatArray:
        return np.asarray(self.sides[0] / self.weight)

    @property
    def sf(self) -> FloatArray:
        return np.asarray(self.sides[1] / self.weight)


class Section:
    """An operation as a function of one input, the inner one, given the outer ones."""

    def __init__(self, op: Operation, inputs: Inputs, inner: int) -> None:
        self.op, self.inner = op, inner
        self.law: Distribution = inputs[inner]
        self.outer = tuple(law for i, law in enumerate(inputs) if i != inner)
        s = np.linspace(-_CORE, _CORE, _NODES + 1)[: _NODES // 2]
        lower = np.concatenate([_DEEP[::-1], ndtr(s)])
        z = np.concatenate(
            [np.asarray(self.law.ppf(lower)), [self.law.median()], np.asarray(self.law.isf(lower))]
        )
        self.median = float(self.law.median())
        axis = Axis.of(self.law)
        edges = narrow(places_in(op, inner, axis), axis)  # of ranges that these nodes step over
        z = np.concatenate([z, edges, 0.5 * (edges[1:] + edges[:-1])])
        self.z = np.unique(z[np.isfinite(z)])

    def at(self, z: FloatArray, outer: list[FloatArray]) -> FloatArray:
        """The operation at points of the inner input and of the outer ones, 1-D."""
        arguments = list(outer)
        arguments.insert(self.inner, z)
        return np.asarray(self.op.raw(*arguments), dtype=np.float64)

    def tails(self, z: FloatArray) -> tuple[FloatArray, BoolArray]:
        """The nearer tail of the inner law at each point, and whether that is the upper one."""
        flat = z.ravel()
        upper = flat >= self.median
        out = np.empty(flat.size)
        out[upper] = self.law.sf(flat[upper])
        out[~upper] = self.law.cdf(flat[~upper])
        return out.reshape(z.shape), upper.reshape(z.shape)


class Rows:
    """The functions of the inner input at a block of outer points, cut in monotone cells."""

    def __init__(self, section: Section, block: Block) -> None:
        self.section = section
        self.outer = quantiles(block, section.outer)
        self.weights = np.ascontiguousarray(block[2])
        count = self.weights.size
        z = section.z
        values = section.at(np.tile(z, count), [np.repeat(x, z.size) for x in self.outer])
        h = _filled(values.reshape(count, z.size), section)
        tail, upper = section.tails(z)
        self.z, self.h = np.tile(z, (count, 1)), h
        self.tail, self.upper = np.tile(tail, (count, 1)), np.tile(upper, (count, 1))
        turns = np.empty((MOST_TURNS * count, 4), np.int32)
        self.turns = kernels.directions(h, turns)
        if self.turns > len(turns):
            raise TurnsError
        if self.turns:
            self._split(turns[: self.turns])

    def _split(self, turns: IndexArray) -> None:
        """Insert the extrema as nodes."""
        owner = np.ascontiguousarray(turns[:, 0])
        point, value = self._extrema(turns)
        room = int(np.bincount(owner).max())
        self.z = np.concatenate([self.z, np.repeat(self.z[:, -1:], room, axis=1)], axis=1)
        self.h = np.concatenate([self.h, np.repeat(self.h[:, -1:], room, axis=1)], axis=1)
        kernels.insert(self.z, self.h, owner, point, value)
        self.tail, self.upper = self.section.tails(self.z)

    def _extrema(self, turns: IndexArray) -> tuple[FloatArray, FloatArray]:
        """Golden section in brackets (a, m, b) whose middle value is the most extreme one."""
        owner, low, middle, high = turns.T
        a, m, b = self.z[owner, low], self.z[owner, middle], self.z[owner, high]
        value = self.h[owner, middle]
        sign = np.where(self.h[owner, low] < value, 1.0, -1.0)
        outer = [x[owner] for x in self.outer]
        for _ in range(_GOLDEN_STEPS):
            right = b - m > m - a
            p = np.where(right, m + _GOLDEN * (b - m), m - _GOLDEN * (m - a))
            found = self.section.at(p, outer)
            better = sign * found > sign * value
            a = np.where(right, np.where(better, m, a), np.where(better, a, p))
            b = np.where(right, np.where(better, b, p), np.where(better, m, b))
            m, value = np.where(better, p, m), np.where(better, found, value)
        return m, value

    def first(self, levels: Levels) -> tuple[IndexArray, int]:
        """The first level that each node is inside of, and the number of crossings."""
        first = np.empty(self.h.shape, np.int32)
        return first, kernels.positions(self.h, levels.y, levels.strict, first)

    def add(self, levels: Levels, totals: Totals, *, measure: bool = False) -> None:
        """Add the weighted probabilities inside and outside of each level."""
        first, count = self.first(levels)
        where, guess = np.empty((count, 3), np.int32), np.empty((2, count))
        kernels.crossings(self.z, self.h, levels.y, first, where, guess)
        owner = np.ascontiguousarray(where[:, 0])
        unsure, moved = self._solve(levels, where, guess, [x[owner] for x in self.outer])
        tail, upper = self.section.tails(guess[0])
        sums = np.zeros((2, levels.y.size + 1))
        rows = (first, self.tail, self.upper, self.weights)
        kernels.accumulate(rows, where, tail, upper, sums)
        totals.sides += sums[:, :-1]
        totals.weight += float(self.weights.sum())
        totals.unsure += unsure
        if measure:
            weights = moved(guess) * self.weights[owner]
            residuals = np.bincount(where[:, 2], weights, levels.y.size)
            totals.residuals = residuals / self.weights.sum()

    def _solve(
        self, levels: Levels, where: IndexArray, guess: FloatArray, outer: list[FloatArray]
    ) -> tuple[float, Callable[[FloatArray], FloatArray]]:
        """Turn the guesses into roots.

        Returns the weighted probability of cells that are not monotone, and a function that gives
        how far the roots may be off in probability.
        """
        state, lists = np.empty((0, kernels.STATE)), []
        index, unsure = np.arange(len(where)), 0.0
        rows = (self.z, self.h, self.tail, self.upper, self.weights)
        for step in range(_STEPS):
            chosen = outer if step == 0 else [x[index] for x in outer]
            value = self.section.at(guess[0, index], chosen)
            brackets = np.empty((index.size, kernels.STATE))
            again, rest = np.empty_like(index), np.empty_like(index)
            repeated, left, doubt = kernels.settle(
                rows, (levels.y, levels.strict, levels.tied), (_TOLERANCE, step < _STEPS - 1),
                index, where, value, guess, brackets, (again, rest),
            )  # fmt: skip
            unsure += doubt
            lists.append(rest[:left])
            state = np.concatenate([state, brackets[:left]])
            index = again[:repeated]
        rest = np.concatenate(lists)
        outer_rest = [x[rest] for x in outer]
        m = where[rest, 2]
        level, strict = levels.y[m], levels.strict[m]
        active = np.arange(rest.size)
        for _ in range(_MOST_STEPS):
            if not active.size:
                break
            value = self.section.at(state[active, kernels.POINT], [x[active] for x in outer_rest])
            left = kernels.refine(active, value, level, strict, state)
            active = active[:left]
        guess[0, rest] = state[:, kernels.POINT]

        def moved(guess: FloatArray) -> FloatArray:
            """The effect of one more step, or of what a bracket still holds."""
            j, k, m = where.T
            value = self.section.at(guess[0], outer)
            width = self.z[j, k + 1] - self.z[j, k]
            mass = np.abs(np.diff(self._lower(j, k), axis=0)[0])
            step = np.abs((levels.y[m] - value) * guess[1])
            step[rest] = np.abs(state[:, kernels.A] - state[:, kernels.B])
            return np.asarray(np.minimum(step / width, 1.0) * mass)

        return unsure, moved

    def _lower(self, j: IndexArray, k: IndexArray) -> FloatArray:
        """The cdf at both ends of cells."""
        ends = np.stack([k, k + 1])
        tail = self.tail[j, ends]
        return np.where(self.upper[j, ends], 1.0 - tail, tail)


def _filled(h: FloatArray, section: Section) -> FloatArray:
    """Values without NaN: far out in a tail, a NaN takes over the value next to it."""
    bad = np.isnan(h)
    if not bad.any():
        return np.ascontiguousarray(h)
    k = int(np.searchsorted(section.z, section.median))
    tail, _ = section.tails(section.z)
    if bad[:, tail > 1e-17].any():
        raise ValueError(
            f"operation {section.op.name!r} returned NaN on quantiles of its inputs; it must be "
            "finite for almost every latent."
        )
    for column in range(k, h.shape[1]):
        h[:, column] = np.where(bad[:, column], h[:, column - 1], h[:, column])
    for column in range(k, -1, -1):
        h[:, column] = np.where(np.isnan(h[:, column]), h[:, column + 1], h[:, column])
    return np.ascontiguousarray(h)


def sweep(
    section: Section,
    points: tuple[PointSet, int],
    levels: Levels,
    rng: np.random.Generator,
    *,
    measure: bool = False,
    advance: Callable[[int], None] = lambda _: None,
) -> Totals:
    """One randomisation of a point set, in blocks: memory does not grow with the number of points.

    ``measure`` asks for the residuals of the roots in the first block; ``advance`` is called with
    the number of points of each block.
    """
    totals = Totals.of(levels.y.size)
    kind, n = points
    blocks = kind.blocks(n, len(section.outer), rng, BLOCK)
    for index, block in enumerate(blocks):
        Rows(section, block).add(levels, totals, measure=measure and index == 0)
        advance(len(block[2]))
    return totals
