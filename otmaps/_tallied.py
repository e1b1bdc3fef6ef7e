"""The law of draws that were counted in cells, not kept: bounded memory for any number of them."""

from __future__ import annotations

import dataclasses
import hashlib
import math
from typing import Any, final

import numpy as np

from otmaps._arrays import FloatArray, frozen
from otmaps._ogive import BoolArray, IntArray, Ogive, check_span, polygon, tail_scales


@final
@dataclasses.dataclass(frozen=True, eq=False)
class Tally:
    """Draws of one law: the outermost ones as they are, and counts of those between.

    Attributes
    ----------
    edges : ndarray
        Rising; cell i holds edges[i] <= y < edges[i + 1]. A value that repeats has a cell to
        itself, which ends at the next double.
    counts : ndarray
        Draws in each cell.
    low, high : ndarray
        The draws below the first edge and from the last edge on, sorted.
    """

    edges: FloatArray
    counts: IntArray
    low: FloatArray
    high: FloatArray

    @property
    def n(self) -> int:
        """The number of draws."""
        return int(self.counts.sum()) + self.low.size + self.high.size

    def atoms(self, lightest: float) -> BoolArray:
        """The cells that are point masses of more than ``lightest``."""
        return self._single() & (self.counts > lightest * self.n)

    def _single(self) -> BoolArray:
        return np.asarray(self.edges[1:] == np.nextafter(self.edges[:-1], np.inf))

    def smoothed(self, lightest: float) -> Tally:
        """Cells of single values that are no atoms joined to the next one, as far as possible."""
        atoms = self.atoms(lightest)
        joined = (self._single() & ~atoms)[:-1] & ~atoms[1:]
        starts = np.flatnonzero(np.concatenate([[True], ~joined]))
        edges = np.append(self.edges[starts], self.edges[-1])
        return Tally(edges, np.add.reduceat(self.counts, starts), self.low, self.high)

    def widest(self, lightest: float) -> float:
        """The largest probability in a cell that is no atom."""
        cells = np.where(self.atoms(lightest), 0, self.counts)
        return float(cells.max()) / self.n


@final
@dataclasses.dataclass(frozen=True)
class Tallied(Ogive):
    """The law that a tally of draws estimates.

    The cdf is the empirical one at every edge and, by the middle of its steps, at every draw that
    was kept; it runs straight between. Beyond the extreme draws stand the exponential tails of
    `Empirical`: modelled, not measured, so that `tail_error` is infinite.

    Parameters
    ----------
    tally : Tally
        Of at least 20 finite draws, not all equal.
    bound : float
        The bound on the error of the empirical cdf, everywhere; how far the lines can be from
        that comes on top.
    lightest : float
        Above this mass a repeated value is an atom; a lighter one is interpolated through.
    confidence : float
        The probability with which ``bound`` holds.
    origin : str
        What `method` says.
    """

    tally: dataclasses.InitVar[Tally]
    bound: float
    lightest: float
    confidence: float
    origin: str
    n: int = dataclasses.field(init=False)
    digest: str = dataclasses.field(init=False, repr=False)
    knots: FloatArray = dataclasses.field(init=False, repr=False, compare=False)
    below: FloatArray = dataclasses.field(init=False, repr=False, compare=False)
    above: FloatArray = dataclasses.field(init=False, repr=False, compare=False)
    tail_scales: tuple[float, float] = dataclasses.field(init=False, repr=False, compare=False)
    _bound: float = dataclasses.field(init=False, repr=False, compare=False)
    _masses: tuple[tuple[float, float], ...] = dataclasses.field(
        init=False, repr=False, compare=False
    )

    def __post_init__(self, tally: Tally) -> None:
        n = tally.n
        digest = hashlib.sha256()
        for part in (tally.edges, tally.counts, tally.low, tally.high):
            digest.update(np.ascontiguousarray(part).data)
        tally = tally.smoothed(self.lightest)
        knots, below, masses, step = _polygon_of(tally, self.lightest)
        check_span(float(knots[0]), float(knots[-1]))
        scales = tail_scales(*_rough_draws(tally))
        slack = max(tally.widest(self.lightest), 0.5 * step / n)
        fields = {
            "n": n,
            "digest": digest.hexdigest(),
            "knots": frozen(knots),
            "below": frozen(below / n),
            "above": frozen((n - below) / n),
            "tail_scales": scales,
            "_bound": min(self.bound + slack, 1.0),
            "_masses": masses,
        }
        for name, value in fields.items():
            object.__setattr__(self, name, value)

    def _method(self) -> str:
        return self.origin

    def _recipe(self) -> dict[str, Any] | None:
        return {
            "law": "Tallied",
            "sha256": self.digest,
            "bound": self.bound.hex(),
            "lightest": self.lightest.hex(),
            "confidence": self.confidence.hex(),
        }


def _polygon_of(
    tally: Tally, lightest: float
) -> tuple[FloatArray, FloatArray, tuple[tuple[float, float], ...], int]:
    """Knots, draws below each, the atoms, and the draws in the largest step that is none."""
    n = tally.n
    parts: list[tuple[FloatArray, FloatArray]] = []
    masses: list[tuple[float, float]] = []
    step = 0
    before = 0.0
    for kept in (tally.low, None, tally.high):
        if kept is None:
            edges = tally.edges.copy()
            at = np.flatnonzero(tally.atoms(lightest))
            edges[at + 1] = edges[at]  # the two knots of a jump
            heights = before + np.concatenate([[0], np.cumsum(tally.counts)])
            parts.append((edges, heights))
            masses += zip(edges[at].tolist(), (tally.counts[at] / n).tolist(), strict=True)
            before = float(heights[-1])
        elif kept.size:
            values, counts = np.unique(kept, return_counts=True)
            heavy = counts > lightest * n
            knots, heights = polygon(values, counts, heavy, -math.inf, math.inf)
            parts.append((knots, before + heights))
            masses += zip(values[heavy].tolist(), (counts[heavy] / n).tolist(), strict=True)
            step = max(step, int(counts[~heavy].max(initial=0)))
            before += kept.size
    knots, heights = (np.concatenate(columns) for columns in zip(*parts, strict=True))
    return knots, heights, tuple(sorted(masses)), step


def _rough_draws(tally: Tally) -> tuple[FloatArray, IntArray]:
    """Values and counts that stand for the draws: a cell's by its lower edge."""
    ones = [np.ones(kept.size, dtype=np.int64) for kept in (tally.low, tally.high)]
    values = np.concatenate([tally.low, tally.edges[:-1], tally.high])
    counts = np.concatenate([ones[0], tally.counts, ones[1]])
    drawn = counts > 0
    return values[drawn], counts[drawn]
