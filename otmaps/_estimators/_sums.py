"""The law of the sum of two tabulated laws."""

from __future__ import annotations

import dataclasses
import math

import numpy as np

from otmaps._arrays import FloatArray
from otmaps._estimators._layout import Source
from otmaps._estimators._tabulation import Measured, tabulate
from otmaps._estimators._terms import Pair, Term, frame_of, reached, rounded
from otmaps._kernels._convolution import tails_of_sum
from otmaps._piece_table import two_sum

_MOST_KINKS = 48
_CUT, _CHECK_CUT = 37.0, 50.0
_RESOLVED, _CHECK_RESOLVED = 3e-8, 1e-10
_SHARE_OF_DEPTH = 0.98
_SHARE_OF_REACH = 1e-2


@dataclasses.dataclass(frozen=True, eq=False)
class _SumSource(Source):
    """A + B, by quadrature of F_A f_B."""

    a: Term
    b: Term
    cut: float
    resolved: float

    def tails(self, points: FloatArray, *, upper: bool) -> FloatArray:
        a, b = self.a.table, self.b.table
        if upper:
            a, b, points = a.mirrored, b.mirrored, -points
        out = np.empty((len(points), 2))
        tails_of_sum(points, a.kernel, b.kernel, self.cut, self.resolved, out)
        return out


def sum_of(a: Term, b: Term, tol: float) -> Term:
    """The term of A + B; where one hardly moves the other, the other, shifted, and the error."""
    for wide, narrow in ((a, b), (b, a)):
        moved = wide.moved_by(narrow)
        if moved is not None:
            return moved
    centre: Pair | None = None
    if a.centre is not None and b.centre is not None:
        centre = _pair_sum(a.centre, b.centre)
    scale = math.hypot(a.scale, b.scale)
    kinks = _kinks(a, b)
    split = centre or (rounded(a.median + b.median, scale, kinks), 0.0)
    finite = a.finite[0] and b.finite[0], a.finite[1] and b.finite[1]
    depth = _depth(a, b, 0), _depth(a, b, 1)
    reach = (
        _SHARE_OF_REACH * max(a.reach[0], b.reach[0]),
        _SHARE_OF_REACH * max(a.reach[1], b.reach[1]),
    )
    measured = tabulate(
        _SumSource(a, b, _CUT, _RESOLVED),
        frame_of(
            kinks,
            split,
            finite=finite,
            scale=scale,
            depth=depth,
            reach=reach,
            symmetric=centre is not None,
        ),
        tol,
        _SumSource(b, a, _CHECK_CUT, _CHECK_RESOLVED),
    )
    low, median, high = measured.table.quartiles
    return Term(
        table=measured.table,
        kinks=kinks,
        finite=finite,
        centre=centre,
        median=median if centre is None else centre[0],
        scale=high - low,
        depth=reached(measured.table, finite, depth),
        reach=reach,
        moments=(a.moments[0] + b.moments[0], math.hypot(a.moments[1], b.moments[1])),
        errors=_errors(a, b, measured),
    )


def _errors(a: Term, b: Term, measured: Measured) -> tuple[float, float, float]:
    return (
        a.errors[0] + b.errors[0] + measured.error,
        a.errors[1] + b.errors[2] + measured.tail_error,
        a.errors[2] + b.errors[2] + measured.density_error,
    )


def _depth(a: Term, b: Term, side: int) -> float:
    """Down to which log tail the sum can be had: a bounded input sets no limit to the other's."""
    both = a.finite[side] and b.finite[side]
    return _SHARE_OF_DEPTH * max(t.depth[side] for t in (a, b) if both or not t.finite[side])


def _pair_sum(a: Pair, b: Pair) -> Pair:
    high, low = two_sum(np.array(a[0]), np.array(b[0]))
    high, low = two_sum(high, low + a[1] + b[1])
    return float(high), float(low)


def _kinks(a: Term, b: Term) -> FloatArray:
    """Where the sum may be less smooth: sums of breakpoints, or where one law is steep.

    A law without breakpoints that is narrow leaves those of the other almost as they were.
    """
    if not len(a.kinks) and not len(b.kinks):
        return a.kinks
    pairs_a, pairs_b = (
        t.kinks if len(t.kinks) else np.array([t.centre or (t.median, 0.0)]) for t in (a, b)
    )
    high, low = two_sum(pairs_a[:, None, 0], pairs_b[None, :, 0])
    high, low = two_sum(high, low + pairs_a[:, None, 1] + pairs_b[None, :, 1])
    sums = np.stack([high.ravel(), low.ravel()], axis=1)
    sums = sums[np.argsort(sums[:, 0], kind="stable")]
    gap = 1e-14 * max(float(np.abs(sums).max()), a.scale + b.scale)
    sums = sums[np.diff(sums[:, 0], prepend=-np.inf) > gap]
    if len(sums) > _MOST_KINKS:  # sums of so many are smooth but at the ends
        ends = a.finite[0] and b.finite[0], a.finite[1] and b.finite[1]
        sums = sums[[0] * ends[0] + [-1] * ends[1]]
    return sums
