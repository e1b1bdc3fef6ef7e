"""A law made ready to be added to others: its table, and what a sum needs to know of it."""

from __future__ import annotations

import dataclasses
import math
from typing import TypeAlias

import numpy as np

from otmaps._arrays import FloatArray
from otmaps._distribution import Distribution
from otmaps._estimators._layout import Frame, Source
from otmaps._estimators._tabulation import tabulate
from otmaps._kernels import _convolution as q
from otmaps._piece_table import PieceTable, two_product, two_sum
from otmaps._pieces import PiecesLaw
from otmaps._uniform_sums import UniformSum

Pair: TypeAlias = tuple[float, float]

_DEPTH = -2e5  # log of the probability down to which laws are tabulated, where they state it
_SHALLOW = -740.0  # where their logarithms end with the doubles
_HEAVY = 1e200
_NARROW = 1e-9  # of the other's scale: the wider are no candidates for being dropped
_UNMOVED = 1e-14  # relative change of a tail below which a narrow term is a shift
_REACH = 1e305


@dataclasses.dataclass(frozen=True, eq=False)
class Term:
    """A tabulated law.

    Attributes
    ----------
    table : PieceTable
    kinks : ndarray, shape (k, 2)
        Breakpoints as unevaluated sums of two doubles, increasing; finite ends included.
    finite : tuple of bool
        Whether the support ends, on both sides; the ends are the outermost kinks then.
    centre : tuple of float or None
        The centre of symmetry, as an unevaluated sum.
    median, scale : float
        Median and distance of the quartiles.
    depth, reach : tuple of float
        Log tails and points down, and up, to which the table goes.
    moments : tuple of float
        Mean and standard deviation.
    errors : tuple of float
        As in `PiecesLaw`.
    """

    table: PieceTable
    kinks: FloatArray
    finite: tuple[bool, bool]
    centre: Pair | None
    median: float
    scale: float
    depth: Pair
    reach: Pair
    moments: Pair
    errors: tuple[float, float, float]

    def scaled(self, factor: float) -> Term:
        """The term of ``factor * X``."""
        if factor == 1.0:
            return self
        size = abs(factor)

        def times(pairs: FloatArray) -> FloatArray:
            high, low = two_product(pairs[:, 0], factor)
            return np.stack(two_sum(high, low + pairs[:, 1] * factor), axis=1)

        kinks = times(self.kinks)
        low, high = (0, 1) if factor > 0 else (1, 0)
        centre = None if self.centre is None else times(np.array([self.centre]))[0]
        return Term(
            table=self.table.scaled(factor),
            kinks=kinks if factor > 0 else kinks[::-1],
            finite=(self.finite[low], self.finite[high]),
            centre=None if centre is None else (float(centre[0]), float(centre[1])),
            median=factor * self.median,
            scale=size * self.scale,
            depth=(self.depth[low], self.depth[high]),
            reach=(min(size * self.reach[low], _REACH), min(size * self.reach[high], _REACH)),
            moments=(factor * self.moments[0], size * self.moments[1]),
            errors=self.errors,
        )

    def moved_by(self, other: Term) -> Term | None:
        """The term of X + Z where Z is so narrow that only its centre matters, else None.

        With h the farthest that Z comes from its median with probability above exp(-760), the
        logarithm of a tail, and of the density, is off by at most h times its steepest slope.
        """
        centre = other.centre or (other.median, 0.0)
        reach = np.abs(np.array([other.table.edges[0], other.table.edges[-1]]) - centre[0]).max()
        if not reach < _NARROW * self.scale:
            return None
        slopes = self.table.steepest(_SHALLOW)
        shift = float(reach) * slopes
        if not shift.max() < _UNMOVED:
            return None
        kinks = np.stack(two_sum(self.kinks[:, 0], centre[0] + self.kinks[:, 1]), axis=1)
        return dataclasses.replace(
            self,
            table=self.table.shifted(*centre),
            kinks=kinks + np.array([0.0, centre[1]]),
            centre=_sum(self.centre, other.centre),
            median=self.median + centre[0],
            errors=(
                self.errors[0] + float(shift[0]),
                self.errors[1] + float(shift[0]),
                self.errors[2] + float(shift[1]),
            ),
        )

    def law(self, offset: float, how: str) -> PiecesLaw:
        """The law of X + offset."""
        table = self.table.shifted(offset)
        kinks = self.kinks.sum(axis=1) + offset
        ends = (
            float(kinks[0]) if self.finite[0] else -math.inf,
            float(kinks[-1]) if self.finite[1] else math.inf,
        )
        return PiecesLaw(
            table=table,
            ends=ends,
            moments=(self.moments[0] + offset, self.moments[1]),
            kinks=tuple(np.unique(kinks).tolist()),
            errors=self.errors,
            centre=None if self.centre is None else sum(self.centre) + offset,
            how=how,
        )


class _LawSource(Source):
    """The functions of a law, asked in the coordinate that starts at an anchor."""

    def __init__(self, law: Distribution, kinks: FloatArray) -> None:
        self.law = law
        # Moved so that the kink is 0, where the float grid is fine; mirrored at the upper end,
        # because laws are written from their lower one.
        self.moved: dict[float, tuple[Distribution, float]] = {}
        for kink, rest in kinks.tolist():
            sign = -1.0 if kink + rest == law.support()[1] else 1.0
            moved = law.affine(sign, -sign * kink)
            self.moved[kink] = (moved.affine(1.0, -sign * rest) if rest else moved), sign

    def tails(self, points: FloatArray, *, upper: bool) -> FloatArray:
        out = np.empty((len(points), 2))
        anchors = points[:, 0]
        for anchor in np.unique(anchors):
            rows = np.flatnonzero(anchors == anchor)
            law, sign = self.moved.get(float(anchor), (self.law, 1.0))
            x = sign * points[rows, 2]
            lost = np.zeros_like(x)
            if float(anchor) not in self.moved:
                x, lost = two_sum(x, np.full_like(x, anchor))
            out[rows, 0] = law.logsf(x) if upper == (sign > 0) else law.logcdf(x)
            out[rows, 1] = law.logpdf(x)
            with np.errstate(over="ignore", invalid="ignore"):
                slope = (-1.0 if upper else 1.0) * np.exp(out[rows, 1] - out[rows, 0])
                out[rows] += np.nan_to_num(np.clip(slope * lost, -1e-9, 1e-9))[:, None]
        return out


def _sum(a: Pair | None, b: Pair | None) -> Pair | None:
    return None if a is None or b is None else (a[0] + b[0], a[1] + b[1])


def density_error(law: Distribution) -> float:
    """The relative error of the density; a law that does not state one keeps it as its tails."""
    return law.density_error if isinstance(law, PiecesLaw | UniformSum) else law.tail_error


def term_of(law: Distribution, tol: float) -> Term:
    """A law without atoms, tabulated; one that is a table already stays as it is."""
    if isinstance(law, PiecesLaw):
        return _term_of_pieces(law)
    pairs = _exact_kinks(law)
    scale = float(law.isf(0.25) - law.ppf(0.25))
    median = float(law.median())
    centre = law.symmetry
    support = law.support()
    finite = math.isfinite(support[0]), math.isfinite(support[1])
    depth = _depth(law, upper=False), _depth(law, upper=True)
    reach = (_REACH * min(1.0, scale),) * 2
    middle = None if centre is None else _centre(law, centre)
    split = middle or (rounded(median, scale, pairs), 0.0)
    measured = tabulate(
        _LawSource(law, pairs),
        frame_of(
            pairs,
            split,
            finite=finite,
            scale=scale,
            depth=depth,
            reach=reach,
            symmetric=centre is not None,
        ),
        tol,
    )
    return Term(
        table=measured.table,
        kinks=pairs,
        finite=finite,
        centre=middle,
        median=median,
        scale=scale,
        depth=reached(measured.table, finite, depth),
        reach=reach,
        moments=(law.mean(), law.std()),
        errors=(
            law.error + measured.error,
            law.tail_error + measured.tail_error,
            density_error(law) + measured.density_error,
        ),
    )


def moments_of(terms: list[tuple[float, Distribution]]) -> tuple[float, float]:
    """Mean and deviation of a sum; NaN where infinite ones of both signs, or none, meet."""
    means = [w * law.mean() for w, law in terms]
    stds = [w * law.std() for w, law in terms]
    mean = sum(means) if any(map(math.isinf, means)) else math.fsum(means)
    return mean, math.nan if any(map(math.isnan, stds)) else math.hypot(*stds)


def reached(table: PieceTable, finite: tuple[bool, bool], asked: Pair) -> Pair:
    """How deep the tails of a table really go; an end of the support is no limit."""
    bottoms = table.levels[0], -table.levels[-1]
    low, high = (
        a if f else max(a, float(b)) for a, f, b in zip(asked, finite, bottoms, strict=True)
    )
    return low, high


def _term_of_pieces(law: PiecesLaw) -> Term:
    table = law.table
    low, median, high = table.quartiles
    support = law.support()
    finite = math.isfinite(support[0]), math.isfinite(support[1])
    centre = law.symmetry
    return Term(
        table=table,
        kinks=_exact_kinks(law),
        finite=finite,
        centre=None if centre is None else _centre(law, centre),
        median=median,
        scale=high - low,
        depth=reached(table, finite, (_DEPTH, _DEPTH)),
        reach=(_reach(table.edges[0]), _reach(table.edges[-1])),
        moments=(law.mean(), law.std()),
        errors=law.errors,
    )


def _reach(edge: float) -> float:
    """How far a sum may go: a table that ends near the largest doubles ends there for good."""
    return float(abs(edge)) if abs(edge) > _HEAVY else _REACH


def _exact_kinks(law: Distribution) -> FloatArray:
    """The breakpoints as sums of two doubles; sums of uniforms know their ends better than one."""
    kinks = np.array(law.breakpoints, dtype=float)
    pairs = np.stack([kinks, np.zeros_like(kinks)], axis=1)
    if isinstance(law, UniformSum):
        pairs[[0, -1]] = law.ends
    elif isinstance(law, PiecesLaw):
        anchors = np.unique(law.table.rows[:-1, [q.ANCHOR, q.ANCHOR_LOW]], axis=0)
        for i, kink in enumerate(kinks):
            gaps = np.abs((anchors[:, 0] - kink) + anchors[:, 1])
            nearest = int(np.argmin(gaps))
            if gaps[nearest] <= 4.0 * np.spacing(abs(kink)):
                pairs[i] = anchors[nearest]
    return pairs


def _centre(law: Distribution, centre: float) -> Pair:
    """The centre of symmetry; of a bounded law exactly half way between its ends."""
    low, high = law.support()
    if not math.isfinite(high - low):
        return centre, 0.0
    (low, low_rest), (high, high_rest) = _exact_kinks(law)[[0, -1]].tolist()
    total, rest = two_sum(np.array(low), np.array(high))
    return 0.5 * float(total), 0.5 * float(rest + low_rest + high_rest)


def _depth(law: Distribution, *, upper: bool) -> float:
    """How deep the logarithm of a tail can be asked for."""
    if math.isfinite(law.support()[upper]):
        return _DEPTH
    inverse, value = (law.ilogsf, law.logsf) if upper else (law.ilogcdf, law.logcdf)
    with np.errstate(all="ignore"):
        x = float(inverse(_DEPTH))
        found = float(value(x)) if math.isfinite(x) else -math.inf
    good = math.isfinite(found) and abs(found - _DEPTH) < 1e-3 * abs(_DEPTH)
    return _DEPTH if good or not math.isfinite(x) else _SHALLOW


def rounded(point: float, scale: float, kinks: FloatArray) -> float:
    """A number of few digits near ``point``: distances from it are exact.

    The point itself where rounding would take it to a kink, or past it: the support may end there.
    """
    grid = 2.0 ** (math.frexp(scale)[1] - 6)
    near = round(point / grid) * grid if abs(point) < 2.0**40 * grid else point
    low, high = sorted((near, point))
    return point if np.any((kinks[:, 0] >= low) & (kinks[:, 0] <= high)) else near


def frame_of(
    kinks: FloatArray,
    split: Pair,
    *,
    finite: tuple[bool, bool],
    scale: float,
    depth: Pair,
    reach: Pair,
    symmetric: bool,
) -> Frame:
    """The frame of a law with these kinks."""
    near = np.abs(kinks[:, 0] - split[0]) <= 1e-14 * max(scale, abs(split[0]))
    if near.any():
        anchors, is_kink = kinks.copy(), np.ones(len(kinks), dtype=bool)
        if symmetric:
            anchors[near] = split
        at = int(np.flatnonzero(near)[0])
    else:
        at = int(np.searchsorted(kinks[:, 0], split[0]))
        anchors = np.insert(kinks, at, split, axis=0)
        is_kink = np.insert(np.ones(len(kinks), dtype=bool), at, False)
    return Frame(
        anchors=anchors,
        split=at,
        kinks=is_kink,
        finite=finite,
        scale=scale,
        depth=depth,
        reach=reach,
        lower_only=symmetric,
    )
