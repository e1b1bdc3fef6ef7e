"""Where the pieces of a table begin: the frame of a law, and its first pieces."""

from __future__ import annotations

import abc
import dataclasses
import itertools
import math
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from otmaps._arrays import FloatArray
from otmaps._errors import AccuracyError
from otmaps._piece_table import two_product, two_sum

BoolArray: TypeAlias = npt.NDArray[np.bool_]
NAN_MESSAGE = "NaN at {:g}: the cdf, sf or density of an input returns NaN somewhere."
# Owner (an anchor's number), sign, low and high end in s, and whether it is of the upper half.
Row: TypeAlias = tuple[int, float, float, float, bool]

_FAR_OUT = -690.0  # log of about 1e-300
_ENOUGH = 0.97  # of the depth
_SHALLOW = -50.0  # by how much the log of a tail may fall over the first piece
_LEAST_S = -650.0  # log of a distance whose parts are normal doubles too
_INSIDE = -42.0  # log of the share of mass next to a kink inside that is left to a straight piece
_HEAVY = 20.0  # a tail that reaches farther than exp(20) widths is a power or nearly so
_LIGHT_STEP = 0.65  # of the logarithm of the distance, for the first piece of a light tail


class Source(abc.ABC):
    """Functions to be tabulated.

    Attributes
    ----------
    rounded : bool
        Whether points are rounded to doubles before use, so that an ulp moves the tail, and no
        density is known. It is a slope then; in its place stands, next to an anchor inside the
        support, the log of the mass between the anchor and the point, and elsewhere NaN.
    """

    rounded = False

    @abc.abstractmethod
    def tails(self, points: FloatArray, *, upper: bool) -> FloatArray:
        """The log of the lower (upper) tail and the log density, shape (n, 2), relatively exact.

        ``points`` of shape (n, 3) holds each point as an unevaluated sum, an anchor and a distance.
        """


@dataclasses.dataclass(frozen=True, eq=False)
class Frame:
    """Where the pieces of a law begin and end.

    Attributes
    ----------
    anchors : ndarray, shape (k, 2)
        Kinks, finite ends and the split as unevaluated sums of two doubles, in increasing order.
    split : int
        Which anchor parts the lower from the upper half.
    kinks : ndarray of bool, shape (k,)
        Whether the law may be singular there; false only for a split that is no kink.
    finite : tuple of bool
        Whether the first and the last anchor are ends of the support.
    scale : float
        A width of the bulk.
    depth : tuple of float
        Down to which log tail to go, on both sides.
    reach : tuple of float
        No point is farther from zero than that, on both sides.
    lower_only : bool
        Whether the upper half is left out: it is the mirror image.
    """

    anchors: FloatArray
    split: int
    kinks: BoolArray
    finite: tuple[bool, bool]
    scale: float
    depth: tuple[float, float]
    reach: tuple[float, float]
    lower_only: bool


@dataclasses.dataclass(frozen=True, eq=False)
class Batch:
    """Pieces in work, one a column entry; s runs from ``s_low`` to ``s_high``."""

    anchor: npt.NDArray[np.intp]
    sign: FloatArray
    s_low: FloatArray
    s_high: FloatArray
    upper: BoolArray
    parent: FloatArray

    @staticmethod
    def of(rows: list[tuple[int, float, float, float, bool]]) -> Batch:
        anchor, sign, low, high, upper = (list(c) for c in zip(*rows, strict=True))
        return Batch(
            np.array(anchor, dtype=np.intp),
            np.array(sign, dtype=float),
            np.array(low, dtype=float),
            np.array(high, dtype=float),
            np.array(upper, dtype=bool),
            np.full(len(rows), np.inf),
        )

    def take(self, mask: BoolArray | npt.NDArray[np.intp]) -> Batch:
        return Batch(*(getattr(self, f.name)[mask] for f in dataclasses.fields(self)))

    @staticmethod
    def join(parts: list[Batch]) -> Batch:
        names = [f.name for f in dataclasses.fields(Batch)]
        return Batch(*(np.concatenate([getattr(p, name) for p in parts]) for name in names))

    def halves(self, defect: FloatArray) -> Batch:
        cut = 0.5 * (self.s_low + self.s_high)
        low = dataclasses.replace(self, s_high=cut, parent=defect)
        return Batch.join([low, dataclasses.replace(self, s_low=cut, parent=defect)])

    def variables(self, t: FloatArray) -> FloatArray:
        middle, half = 0.5 * (self.s_low + self.s_high), 0.5 * (self.s_high - self.s_low)
        return np.asarray(middle[:, None] + half[:, None] * t)

    def exact_variables(self, t: FloatArray) -> tuple[FloatArray, FloatArray]:
        """The same, and what their rounding lost."""
        middle, half = 0.5 * (self.s_low + self.s_high), 0.5 * (self.s_high - self.s_low)
        product, rest = two_product(half[:, None], t)
        total, error = two_sum(middle[:, None], product)
        return total, error + rest

    def distances(self, s: FloatArray) -> FloatArray:
        sign = self.sign[:, None]
        return np.where(sign == 0, s, sign * np.exp(np.where(sign == 0, 0.0, s)))

    @property
    def size(self) -> int:
        return self.sign.size


@dataclasses.dataclass(frozen=True)
class Layout:
    """The first pieces of a table, for a source in its frame."""

    source: Source
    frame: Frame

    def first_pieces(self) -> Batch:
        frame = self.frame
        rows: list[Row] = []
        last = frame.split if frame.lower_only else len(frame.anchors) - 1
        for i in range(last):
            upper = i >= frame.split
            gap = frame.anchors[i + 1] - frame.anchors[i]
            half = 0.5 * float(gap[0] + gap[1])
            for owner, side in ((i, 1.0), (i + 1, -1.0)):
                end = (owner == 0 and frame.finite[0]) or (
                    owner == len(frame.anchors) - 1 and frame.finite[1]
                )
                if end:
                    rows += self._toward(owner, side, half, upper=upper)
                else:
                    rows.append((owner, 0.0, min(0.0, side * half), max(0.0, side * half), upper))
        for side, owner in ((0, 0), (1, len(frame.anchors) - 1)):
            if not frame.finite[side] and not (side == 1 and frame.lower_only):
                rows += self._outward(owner, 1.0 if side else -1.0, upper=bool(side))
        return Batch.of(rows)

    def _toward(self, owner: int, side: float, width: float, *, upper: bool) -> list[Row]:
        """Pieces in the logarithm of the distance, down to an end of the support."""
        top = math.log(width)
        deep = self._depth(owner, side, top, min(_LEAST_S, top - 40.0), upper=upper)
        return [(owner, side, a, b, upper) for a, b in _steps(top, deep)]

    def _outward(self, owner: int, side: float, *, upper: bool) -> list[Row]:
        """A plain piece and those in the logarithm of the distance, out to the depth."""
        frame = self.frame
        reach = frame.reach[1 if upper else 0]
        # A tail may be far shorter than the bulk is wide.
        starts = math.log(frame.scale) - 2.0 * np.arange(20.0)
        tails = self._tail(owner, side * np.append(np.exp(starts), 0.0), upper=upper)
        deep = tails[:-1] < tails[-1] + _SHALLOW
        start = float(starts[-1] if deep.all() else starts[np.argmin(deep)])
        near = math.exp(start)
        far = self._depth(owner, side, start, math.log(reach), upper=upper)
        rows: list[Row] = [(owner, 0.0, min(0.0, side * near), max(0.0, side * near), upper)]
        if far - start > _HEAVY:
            return rows + [(owner, side, a, b, upper) for a, b in _steps(start, far)]
        # Of a light tail the logarithm moves by more than its size when s moves by one: there the
        # rounding of s would show.
        steps = np.cumsum(_LIGHT_STEP * 1.12 ** np.arange(40.0))
        steps = steps[: np.searchsorted(steps, far - start) + 1]
        cuts = side * np.exp(start + np.append(0.0, steps * (far - start) / steps[-1]))
        cuts[0] = side * near
        return rows + [
            (owner, 0.0, min(a, b), max(a, b), upper) for a, b in itertools.pairwise(cuts.tolist())
        ]

    def _depth(self, owner: int, side: float, near: float, far: float, *, upper: bool) -> float:
        """The s at which the tail is about as deep as it is tabulated."""
        depth, start = self.frame.depth[1 if upper else 0], near
        for _ in range(8):
            s = np.linspace(near, far, 9)
            tail = self._tail(owner, side * np.exp(s), upper=upper)
            deep = ~(tail >= depth)
            if not deep.any():
                return far
            first = max(int(np.argmax(deep)), 1)
            near, far = float(s[first - 1]), float(s[first])
            if tail[first - 1] < _ENOUGH * depth:
                break
        # Far out a function may give up with NaN; a law that does so earlier is no law.
        if np.isnan(tail[first]) and not tail[first - 1] < _FAR_OUT:
            anchor = float(self.frame.anchors[owner].sum())
            raise AccuracyError(NAN_MESSAGE.format(anchor + side * math.exp(far)))
        return near if near != start else 0.5 * (near + far)

    def _tail(self, owner: int, d: FloatArray, *, upper: bool) -> FloatArray:
        return self.values_at(owner, d, upper=upper)[:, 0]

    def values_at(self, owner: int, d: FloatArray, *, upper: bool) -> FloatArray:
        points = np.empty((d.size, 3))
        points[:, :2] = self.frame.anchors[owner]
        points[:, 2] = d
        return self.source.tails(points, upper=upper)

    def graded(self, owner: int, side: float, width: float, *, upper: bool) -> list[Row]:
        """Pieces in the logarithm of the distance from a kink inside the support."""
        top = math.log(width)
        deep = max(top + _INSIDE / self._share(owner, side, top, upper=upper), _LEAST_S)
        return [(owner, side, a, b, upper) for a, b in _steps(top, min(deep, top - 1.0))]

    def _share(self, owner: int, side: float, top: float, *, upper: bool) -> float:
        """The exponent with which mass vanishes next to a kink: 1 where the density is finite."""
        d = side * np.exp(np.array([top - 25.0, top - 35.0]))
        density = self.values_at(owner, d, upper=upper)[:, 1]
        slope = (density[0] - density[1]) / 10.0
        if self.source.rounded:  # that was the log of the mass itself
            return float(min(max(slope, 0.05), 1.0)) if math.isfinite(slope) else 1.0
        return float(min(max(1.0 + slope, 0.05), 1.0)) if math.isfinite(slope) else 1.0


def _steps(near: float, far: float) -> list[tuple[float, float]]:
    """Intervals of s from near to far, as (low, high): two of a length, then two of twice that.

    So they come out of halving for most laws; far off a law is a power, and they double at once.
    """
    cuts, step, turn = [near], 1.25, 0
    while abs(far - cuts[-1]) > 1.5 * step:
        cuts.append(cuts[-1] + math.copysign(step, far - near))
        turn += 1
        step *= 2.0 if turn % 2 == 0 or step > 8.0 else 1.0
    cuts.append(far)
    return [(min(pair), max(pair)) for pair in itertools.pairwise(cuts)]
