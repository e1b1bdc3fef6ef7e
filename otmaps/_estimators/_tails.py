"""The tails of the part of a law that has no atoms, as they are tabulated."""

from __future__ import annotations

import dataclasses
import functools
import math
from typing import TypeAlias, final

import numpy as np
import numpy.typing as npt

from otmaps._arrays import FloatArray
from otmaps._estimators._conditioned import Conditioned
from otmaps._estimators._layout import BoolArray, Frame, Source
from otmaps._estimators._level_sets import Level

IntArray: TypeAlias = npt.NDArray[np.intp]

_NEAR, _LESSER = 0.01, 0.1  # of the scale, and of the tail: where differences count
_SEEN, _LEAST_SPAN = 1e-11, 1e-16  # smaller masses next to an anchor are rounding
_NEAREST = np.append(np.arange(1.0, 15.0), [20.0, 40.0, 80.0, 160.0, 290.0])  # decades
_GRID = 2.0**14  # ulp of an anchor: nearer to it a tail is continued as a power


@final
@dataclasses.dataclass(frozen=True, eq=False)
class Continuous:
    """The part of a law without its atoms, as masses of ranges of values.

    Attributes
    ----------
    view : Conditioned
    at : ndarray
        The locations of the atoms, increasing.
    """

    view: Conditioned
    at: FloatArray

    @functools.cached_property
    def masses(self) -> list[float]:
        """The mass of each range between atoms, without the atoms."""
        out = []
        for k in range(self.at.size + 1):
            low = None if k == 0 else Level(self.at[k - 1 : k])
            high = None if k == self.at.size else Level(self.at[k : k + 1], strict=True)
            out.append(float(self.view.mass(1, low, high)[0]))
        return out

    @functools.cached_property
    def total(self) -> float:
        """The mass of all of it."""
        return math.fsum(self.masses) if self.at.size else 1.0

    def tail(self, y: FloatArray, *, upper: bool) -> FloatArray:
        """The mass below, or above, values; only what shares their range is computed."""
        place = np.searchsorted(self.at, y, side="right")
        out = np.empty(y.size)
        for k in np.unique(place):
            own = place == k
            level, n = Level(y[own]), int(own.sum())
            if upper:
                end = None if k == self.at.size else Level(np.full(n, self.at[k]), strict=True)
                rest = math.fsum(self.masses[k + 1 :]) if self.at.size else 0.0
                out[own] = self.view.mass(n, level, end) + rest
            else:
                end = None if k == 0 else Level(np.full(n, self.at[k - 1]))
                rest = math.fsum(self.masses[:k]) if self.at.size else 0.0
                out[own] = self.view.mass(n, end, level) + rest
        return out

    def span(self, x: FloatArray, d: FloatArray) -> FloatArray:
        """The mass between points and those at a distance; an atom at the first does not count."""
        out = np.empty(d.size)
        for own, strict in ((d > 0.0, False), (d <= 0.0, True)):
            if own.any():
                low, high = np.minimum(x, x + d)[own], np.maximum(x, x + d)[own]
                levels = Level(low), Level(high, strict=strict)
                out[own] = self.view.mass(low.size, *levels, _LEAST_SPAN)
        return out


class Tails(Source):
    """The tails of the part of a law that has no atoms.

    Attributes
    ----------
    by_rounding : tuple of float
        The most that has the very value of an anchor, which no tail counts, and relative to a tail.
    """

    rounded = True

    def __init__(self, continuous: Continuous, frame: Frame) -> None:
        self.continuous, self.frame = continuous, frame
        anchors = frame.anchors[:, 0]
        self.at_anchors = np.zeros((2, anchors.size))
        for upper in (False, True):  # at the ends there is nothing to compute
            inside = continuous.tail(anchors[self._inside], upper=upper)
            self.at_anchors[int(upper), self._inside] = inside
        # Sums of a small and a large part have the value of the large one with some probability.
        plain = self._inside & ~np.isin(anchors, continuous.at)
        rounded = np.zeros(anchors.size)
        if plain.any():
            levels = Level(anchors[plain], strict=True), Level(anchors[plain])
            rounded[plain] = continuous.view.mass(int(plain.sum()), *levels, _LEAST_SPAN)
        self.at_anchors[0] = np.maximum(self.at_anchors[0] - rounded, 0.0)
        least = self.at_anchors.min(axis=0)
        relative = np.divide(rounded, least, out=np.zeros_like(rounded), where=least > 0.0)
        self.by_rounding = float(rounded.max()), float(relative.max())
        self.starts = np.stack([self._start(k) for k in range(len(anchors))])

    def _start(self, k: int) -> FloatArray:
        """Of both sides of an anchor: where a power takes over, the mass up to there, the power."""
        x = float(self.frame.anchors[k, 0])
        coarse = _GRID * np.spacing(abs(x)) if x != 0.0 else 0.0
        d = self.frame.scale * 10.0 ** -(_NEAREST if x == 0.0 else _NEAREST[:14])
        d = d[d > coarse]
        out = np.zeros((2, 3))
        for row, side in enumerate((-1.0, 1.0)):
            if not self._inside[k] or d.size < 2:
                out[row] = coarse, math.nan, math.nan
                continue
            mass = self.continuous.span(np.full(d.size, x), side * d)
            seen = np.flatnonzero(mass > _SEEN * self.at_anchors[:, k].min())
            at = max(int(seen[-1]) if seen.size else 1, 1)
            power = 1.0  # where nothing is seen
            if min(mass[at - 1], mass[at]) > 0.0:
                power = math.log(mass[at - 1] / mass[at]) / math.log(d[at - 1] / d[at])
            out[row] = d[at], mass[at], power
        return out

    def tails(self, points: FloatArray, *, upper: bool) -> FloatArray:
        """The log tail, and next to an anchor inside the log of the mass between."""
        d = points[:, 1] + points[:, 2]
        anchor = np.searchsorted(self.frame.anchors[:, 0], points[:, 0])
        tail = self.at_anchors[int(upper), anchor]
        between = np.full(d.size, np.nan)
        near = (np.abs(d) < _NEAR * self.frame.scale) & self._inside[anchor]
        between[near] = self._between(anchor[near], d[near])
        near &= between < _LESSER * tail
        beyond = (d > 0.0) != upper
        out = np.where(beyond, tail + between, tail - between)
        out[~near] = self._beyond(anchor[~near], d[~near], upper=upper)
        with np.errstate(divide="ignore"):
            return np.log(
                np.stack([out, np.where(near, between, np.nan)], axis=1) / self.continuous.total
            )

    @property
    def _inside(self) -> BoolArray:
        inside = np.ones(len(self.frame.anchors), dtype=bool)
        inside[0] &= not self.frame.finite[0]
        inside[-1] &= not self.frame.finite[1]
        return inside

    def _between(self, anchor: IntArray, d: FloatArray) -> FloatArray:
        """The mass between an anchor inside and a point; as a power where that is too near."""
        start, mass, power = np.moveaxis(self.starts[anchor, (d > 0.0).astype(int)], 1, 0)
        out: FloatArray = mass * np.maximum(np.abs(d) / start, 1e-300) ** power
        far = np.abs(d) > start
        out[far] = self.continuous.span(self.frame.anchors[anchor[far], 0], d[far])
        return out

    def _beyond(self, anchor: IntArray, d: FloatArray, *, upper: bool) -> FloatArray:
        """The mass beyond a point, as a power where it is too near to an end of the support."""
        x = self.frame.anchors[anchor, 0]
        least = np.where(x != 0.0, _GRID * np.spacing(np.abs(x)), 0.0)
        side = np.where(d < 0.0, -1.0, 1.0)
        out = self.continuous.tail(x + side * np.maximum(np.abs(d), least), upper=upper)
        near = np.abs(d) < least
        if near.any():
            four = self.continuous.tail((x + side * 4.0 * least)[near], upper=upper)
            with np.errstate(divide="ignore", invalid="ignore"):
                power = np.log(four / out[near]) / math.log(4.0)
                out[near] *= np.maximum(np.abs(d[near]) / least[near], 1e-300) ** power
        return out
