"""The law of any operation of up to three inputs, by level sets and quadrature."""

from __future__ import annotations

import dataclasses
import math
from typing import TypeAlias, final

import numpy as np
import numpy.typing as npt

from otmaps._arrays import FloatArray
from otmaps._discrete import Discrete
from otmaps._distribution import Distribution
from otmaps._errors import AccuracyError, UnservedError
from otmaps._estimators._base import Estimator, Inputs
from otmaps._estimators._conditioned import Conditioned
from otmaps._estimators._layout import BoolArray, Frame, Source
from otmaps._estimators._level_sets import Level
from otmaps._estimators._study import Study, study
from otmaps._estimators._tabulation import tabulate
from otmaps._estimators._terms import frame_of
from otmaps._mixture import Mixture
from otmaps._moments import quantile_moment
from otmaps._operations import Operation
from otmaps._pieces import PiecesLaw

IntArray: TypeAlias = npt.NDArray[np.intp]

_MOST_INPUTS = 3
_WORST = 1e-3
_FINEST = 1e-11
_QUADRATURE = 1e-13
_SHARE = 0.1  # of the tolerance, for the measured gap of the table
_PURE = 1e-12  # a smaller mass besides the atoms is none
_DEPTH = math.log(1e-301)
_REACH = 1e300
_AT_SPLIT = 0.25  # of the scale: a kink that near to the median serves as the split
_NEAR, _LESSER = 0.01, 0.1  # of the scale, and of the tail: where differences count
_SEEN, _LEAST_SPAN = 1e-11, 1e-16  # smaller masses next to an anchor are rounding
_GRID = 2.0**14  # ulp of an anchor: nearer to it a tail is continued as a power


@final
@dataclasses.dataclass(frozen=True)
class Conditioning(Estimator):
    """Level sets in one input, quadrature over the others: any operation of up to three inputs.

    Parameters
    ----------
    budget : int
        The most evaluations of the operation for one value of the law, about.
    """

    budget: int = 1 << 22

    @property
    def name(self) -> str:
        """The name that `method=` takes."""
        return "conditioning"

    def refuses(self, op: Operation, inputs: Inputs) -> str | None:
        """Why the estimator does not serve this case; None where it does."""
        if not op.pointwise:
            return "it mixes the components of a latent"
        if len(inputs) > _MOST_INPUTS:
            return f"it has {len(inputs)} inputs, and quadrature serves {_MOST_INPUTS} at most"
        found = self._study(op, inputs, _QUADRATURE)
        return found if isinstance(found, str) else None

    def law(self, op: Operation, inputs: Inputs, tol: float) -> Distribution:
        """The law of the result."""
        found = self._study(op, inputs, _QUADRATURE)
        if isinstance(found, str):
            raise UnservedError(f"conditioning does not serve operation {op.name!r}: {found}.")
        how = f"{self.name} (level sets in {found.names[0]})"
        return _law(found, max(_SHARE * tol, _FINEST), how)

    def _study(self, op: Operation, inputs: Inputs, relative: float) -> Study | str:
        return study(op, inputs, relative, self.budget)


def _law(found: Study, tol: float, how: str) -> Distribution:
    total = math.fsum(m for _, m in found.atoms)
    if total > 1.0 - _PURE:
        points, masses = zip(*found.atoms, strict=True)
        return Discrete(points, np.array(masses) / total)
    plain = _continuous(found, tol, how)
    if not found.atoms:
        return plain
    points, masses = zip(*found.atoms, strict=True)
    atoms = Discrete(points, np.array(masses) / total)
    return Mixture([plain, atoms], [1.0 - total, total])


def _continuous(found: Study, tol: float, how: str) -> PiecesLaw:
    marks = found.marks
    frame = _frame(found)
    source = Tails(found.views[0], found, frame)
    judge = Tails(found.views[1], found, frame) if len(found.views) > 1 else source
    measured = tabulate(source, frame, tol, judge)
    if not measured.error < _WORST:
        raise AccuracyError(f"{how} reached an error of {measured.error:.2g} only.")
    table = measured.table

    def quantile(upper: bool):  # type: ignore[no-untyped-def]
        return lambda logs: table.quantiles(np.ascontiguousarray(logs), upper=upper)

    mean = quantile_moment(quantile(False), quantile(True), lambda x: x)
    std = math.nan
    if math.isfinite(mean):
        square = quantile_moment(quantile(False), quantile(True), lambda x: (x - mean) ** 2)
        std = math.sqrt(square)
    finite = [e for e in marks.ends if math.isfinite(e)]
    return PiecesLaw(
        table=table,
        ends=marks.ends,
        moments=(mean, std),
        kinks=tuple(sorted({*marks.kinks, *finite})),
        errors=(measured.error, measured.tail_error, measured.density_error),
        centre=None,
        how=how,
    )


def _frame(found: Study) -> Frame:
    marks = found.marks
    inside = [x for x in (*marks.kinks, *(x for x, _ in found.atoms))]
    kinks = sorted({*inside, *(e for e in marks.ends if math.isfinite(e))})
    split = min(inside, key=lambda k: abs(k - marks.median), default=math.inf)
    if not abs(split - marks.median) < _AT_SPLIT * marks.scale:
        split = marks.median
    return frame_of(
        np.array([[k, 0.0] for k in kinks]).reshape(-1, 2),
        (split, 0.0),
        finite=(math.isfinite(marks.ends[0]), math.isfinite(marks.ends[1])),
        scale=marks.scale,
        depth=(_DEPTH, _DEPTH),
        reach=(_REACH, _REACH),
        symmetric=False,
    )


class Tails(Source):
    """The tails of the part of a law that has no atoms."""

    rounded = True

    def __init__(self, view: Conditioned, found: Study, frame: Frame) -> None:
        self.view, self.frame = view, frame
        self.at = np.array([x for x, _ in found.atoms])
        self.below = self.above = np.zeros(self.at.size + 1)
        self.total = 1.0
        if self.at.size:
            masses = np.concatenate([self._ranges(k) for k in range(self.at.size + 1)])
            self.total = math.fsum(masses)
            self.below = np.append(0.0, np.cumsum(masses)[:-1])
            self.above = np.append(np.cumsum(masses[:0:-1])[::-1], 0.0)
        anchors = frame.anchors[:, 0]
        self.at_anchors = np.stack([self._mass(anchors, upper=u) for u in (False, True)])
        self.starts = np.stack([self._start(k) for k in range(len(anchors))])

    def _start(self, k: int) -> FloatArray:
        """Of both sides of an anchor: where a power takes over, the mass up to there, the power."""
        x = float(self.frame.anchors[k, 0])
        coarse = _GRID * np.spacing(abs(x)) if x != 0.0 else 0.0
        d = self.frame.scale * 10.0 ** -np.arange(1.0, 15.0)
        d = d[d > coarse]
        out = np.zeros((2, 3))
        for row, side in enumerate((-1.0, 1.0)):
            if not self._inside[k] or d.size < 2:
                out[row] = coarse, math.nan, math.nan
                continue
            mass = self._span(np.full(d.size, x), side * d)
            seen = np.flatnonzero(mass > _SEEN * self.at_anchors[:, k].min())
            at = max(int(seen[-1]) if seen.size else 1, 1)
            with np.errstate(divide="ignore", invalid="ignore"):
                power = math.log(mass[at - 1] / mass[at]) / math.log(10.0) if mass[at] > 0 else 1.0
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
            return np.log(np.stack([out, np.where(near, between, np.nan)], axis=1) / self.total)

    @property
    def _inside(self) -> BoolArray:
        inside = np.ones(len(self.frame.anchors), dtype=bool)
        inside[0] &= not self.frame.finite[0]
        inside[-1] &= not self.frame.finite[1]
        return inside

    def _between(self, anchor: IntArray, d: FloatArray) -> FloatArray:
        """The mass between an anchor inside and a point; as a power where that is too near."""
        start, mass, power = np.moveaxis(self.starts[anchor, (d > 0.0).astype(int)], 1, 0)
        out = mass * np.maximum(np.abs(d) / start, 1e-300) ** power
        far = np.abs(d) > start
        out[far] = self._span(self.frame.anchors[anchor[far], 0], d[far])
        return out

    def _span(self, x: FloatArray, d: FloatArray) -> FloatArray:
        """The mass between points and those at a distance; an atom at the first does not count."""
        out = np.empty(d.size)
        for own, strict in ((d > 0.0, False), (d <= 0.0, True)):
            if own.any():
                low, high = np.minimum(x, x + d)[own], np.maximum(x, x + d)[own]
                levels = Level(low), Level(high, strict=strict)
                out[own] = self.view.mass(low.size, *levels, _LEAST_SPAN)
        return out

    def _beyond(self, anchor: IntArray, d: FloatArray, *, upper: bool) -> FloatArray:
        """The mass beyond a point, as a power where it is too near to an end of the support."""
        x = self.frame.anchors[anchor, 0]
        least = np.where(x != 0.0, _GRID * np.spacing(np.abs(x)), 0.0)
        side = np.where(d < 0.0, -1.0, 1.0)
        out = self._mass(x + side * np.maximum(np.abs(d), least), upper=upper)
        near = np.abs(d) < least
        if near.any():
            four = self._mass((x + side * 4.0 * least)[near], upper=upper)
            with np.errstate(divide="ignore", invalid="ignore"):
                power = np.log(four / out[near]) / math.log(4.0)
                out[near] *= np.maximum(np.abs(d[near]) / least[near], 1e-300) ** power
        return out

    def _ranges(self, k: int) -> FloatArray:
        """The mass between two atoms, or beyond the last."""
        low = None if k == 0 else Level(self.at[k - 1 : k])
        high = None if k == self.at.size else Level(self.at[k : k + 1], strict=True)
        return self.view.mass(1, low, high)

    def _mass(self, y: FloatArray, *, upper: bool) -> FloatArray:
        """The mass below, or above, values; what is not in their own range of atoms is known."""
        place = np.searchsorted(self.at, y, side="right")
        out = np.empty(y.size)
        for k in np.unique(place):
            own = place == k
            level, n = Level(y[own]), int(own.sum())
            if upper:
                end = None if k == self.at.size else Level(np.full(n, self.at[k]), strict=True)
                out[own] = self.view.mass(n, level, end) + self.above[k]
            else:
                end = None if k == 0 else Level(np.full(n, self.at[k - 1]))
                out[own] = self.view.mass(n, end, level) + self.below[k]
        return out
