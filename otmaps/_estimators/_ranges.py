"""The law of the range of independent variables: of their largest minus their smallest."""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from otmaps._arrays import FloatArray
from otmaps._distribution import Distribution
from otmaps._errors import AccuracyError
from otmaps._estimators._axes import DEEPEST, Axis
from otmaps._estimators._layout import Source
from otmaps._estimators._level_sets import interval_mass
from otmaps._estimators._quadrature import Kinks, integrate, intervals
from otmaps._estimators._splitting import chain, groups, linear_terms
from otmaps._estimators._tabulated import table_law
from otmaps._estimators._tabulation import tabulate
from otmaps._estimators._terms import frame_of
from otmaps._expressions import Node

IntArray: TypeAlias = npt.NDArray[np.intp]

_DRAWS = 1 << 14
_RELATIVE = 1e-13
_FINEST = 1e-12
_SHARE = 0.1  # of the tolerance, for the measured gap of the table
_DEPTH = math.log(1e-301)
_REACH = 1e300
_MOST_KINKS = 40
_MOST_NODES = 1 << 14  # of an integral
_WORST = 1e-3
_SAME = 1e-12
_RARE, _FAR = 1e-12, 1e3  # a probability, and how many widths away a heavy tail has it


def range_of(root: Node) -> tuple[float, list[Node], float] | None:
    """Scale, parts and shift, where the root is the range of independent parts, scaled."""
    form = linear_terms(root)
    if len(form.terms) != 2:
        return None
    largest = next((n for n in form.terms if n.function is np.maximum), None)
    smallest = next((n for n in form.terms if n.function is np.minimum), None)
    if largest is None or smallest is None or form.terms[largest] != -form.terms[smallest]:
        return None
    parts = chain(largest, np.maximum)
    same = set(parts) == set(chain(smallest, np.minimum))
    if not same or len(groups(parts)) < len(parts) or not all(node.latents for node in parts):
        return None
    return form.terms[largest], parts, form.offset


def range_law(laws: Sequence[Distribution], tol: float) -> Distribution | None:
    """The law of the range, tabulated.

    The smallest is given: then the others lie within the range above it. The judge of the table
    is the same for the mirrored variables, so with the largest given.

    Parameters
    ----------
    laws : sequence of Distribution
    tol : float
        The bound on ``|cdf error|`` to aim at.

    Returns
    -------
    Distribution or None
        None where laws have atoms, or too many breakpoints, or their supports have no common point.
    """
    lows, highs = zip(*(law.support() for law in laws), strict=True)
    if any(law.atoms for law in laws) or max(lows) > min(highs):
        return None
    ends = 0.0, max(highs) - min(lows)
    rng = np.random.default_rng(11)
    draws = np.array([law.rvs(_DRAWS, rng) for law in laws])
    lower, median, upper = np.quantile(np.ptp(draws, axis=0), [0.25, 0.5, 0.75]).tolist()
    scale = upper - lower
    kinks = _kinks(laws, ends, scale)
    if len(kinks) > _MOST_KINKS:
        return None
    anchors = sorted({*kinks, *(end for end in ends if math.isfinite(end))})
    frame = frame_of(
        np.array([[k, 0.0] for k in anchors]),
        (median, 0.0),
        finite=(True, math.isfinite(ends[1])),
        scale=scale,
        depth=(_DEPTH, _DEPTH),
        reach=(_REACH, _REACH),
        symmetric=False,
    )
    mirrored = [law.affine(-1.0) for law in laws]
    with np.errstate(all="ignore"):
        source, judge = (_Given(own) for own in (laws, mirrored))
        measured = tabulate(source, frame, max(_SHARE * tol, _FINEST), judge)
    if not measured.error < _WORST:
        raise AccuracyError(f"the range reached an error of {measured.error:.2g} only.")
    # Given the others, a range is at most r for a variable between two ends.
    inherited = (
        sum(2.0 * law.error for law in laws),
        sum(4.0 * law.tail_error for law in laws),
    )
    return table_law(measured, ends, kinks, inherited, f"range of {len(laws)} variables")


def _kinks(laws: Sequence[Distribution], ends: tuple[float, float], scale: float) -> list[float]:
    """Differences of breakpoints, inside, without copies that rounding makes."""
    points = sorted({b for law in laws for b in law.breakpoints})
    found: list[float] = []
    for r in sorted(b - a for a, b in itertools.combinations(points, 2)):
        known = (*ends, *found[-1:])
        near = any(abs(r - x) <= _SAME * max(abs(x), scale) for x in known if math.isfinite(x))
        if ends[0] < r < ends[1] and not near:
            found.append(r)
    return found


class _Given(Source):
    """The tails of the range, by quadrature over the smallest of the variables."""

    rounded = True  # no density, though distances from anchors are exact

    def __init__(self, laws: Sequence[Distribution]) -> None:
        low = min(law.support()[0] for law in laws)
        base = low if math.isfinite(low) else float(laws[0].median())
        self.laws: list[tuple[Distribution, int]] = []
        for law in (law.affine(1.0, -base) for law in laws):
            number = next((k for k, (other, _) in enumerate(self.laws) if other == law), None)
            if number is None:
                self.laws.append((law, 1))
            else:
                self.laws[number] = law, self.laws[number][1] + 1
        own = {b for law, _ in self.laws for b in law.breakpoints}
        # From far out in a heavy tail the bulk is seen as if it were a breakpoint.
        own |= {law.median() for law, _ in self.laws if _is_heavy(law)}
        self.points = np.array(sorted(own))
        self.tops = [_below_end(law) for law, _ in self.laws]

    def tails(self, points: FloatArray, *, upper: bool) -> FloatArray:
        """The log tail; next to kinks inside the law goes on smoothly, on either side."""
        with np.errstate(divide="ignore"):
            logs = np.log(self._tail(_Widths(points[:, 0], points[:, 1] + points[:, 2]), upper))
        return np.stack([logs, np.full(logs.size, np.nan)], axis=1)

    def _tail(self, width: _Widths, upper: bool) -> FloatArray:
        """The probability of a range up to each width, or beyond it."""
        n = width.d.size
        out = np.zeros(n)
        places = np.array([width.from_top(b) for b in self.points]).reshape(self.points.size, n)
        for i, (law, count) in enumerate(self.laws):
            axis = Axis.of(law, self.points)
            t = axis.depth(places.ravel())
            seen = np.abs(t) < DEEPEST
            owners = np.tile(np.arange(n), self.points.size)[seen]
            kinks = Kinks.of(owners, t[seen], abrupt=False)
            work = intervals(n, axis.marks, axis.specials, axis.fixed, kinks)
            counts = [m - (k == i) for k, (_, m) in enumerate(self.laws)]

            def integrand(
                problem: IntArray, t: FloatArray, axis: Axis = axis, counts: list[int] = counts
            ) -> FloatArray:
                x = axis.points(t)
                return self._others(x, width.take(problem), upper, counts) * axis.measure(t, x)

            allowed = np.full(n, _RELATIVE), np.zeros(n)
            out += count * integrate(integrand, work, n, allowed, _MOST_NODES)[0]
        return out

    def _others(
        self, x: FloatArray, width: _Widths, upper: bool, counts: Sequence[int]
    ) -> FloatArray:
        """The probability that the others lie above x, all within the width, or not all of them.

        The last is the difference of two products, from the ratios of their factors: no
        cancellation.
        """
        whole, logs = np.ones(x.size), np.zeros(x.size)
        for (law, _), top, count in zip(self.laws, self.tops, counts, strict=True):
            if count and not upper:
                r = width.at + width.d
                whole *= interval_mass(law, x, x + r, r) ** count
            elif count:
                above = np.asarray(law.sf(x))
                whole *= above**count
                beyond = _beyond(law, top, x, width)
                logs += count * np.log1p(-np.where(above > 0.0, beyond / above, 0.0).clip(max=1.0))
        return np.asarray(whole * -np.expm1(logs)) if upper else whole


def _is_heavy(law: Distribution) -> bool:
    width = float(law.isf(0.25) - law.ppf(0.25))
    return float(law.isf(_RARE) - law.ppf(_RARE)) > _FAR * width


def _beyond(
    law: Distribution, top: tuple[float, Distribution | None], x: FloatArray, width: _Widths
) -> FloatArray:
    """The probability beyond the width above x, from the end of the law where it has one."""
    end, moved = top
    if moved is None:
        return np.asarray(law.sf(x + (width.at + width.d)))
    return np.asarray(moved.sf(x - width.from_top(end)))


def _below_end(law: Distribution) -> tuple[float, Distribution | None]:
    """The upper end of a law, and its law counted from there."""
    end = law.support()[1]
    return end, law.affine(1.0, -end) if math.isfinite(end) else None


class _Widths:
    """Ranges as sums of an anchor and a distance."""

    def __init__(self, at: FloatArray, d: FloatArray) -> None:
        self.at, self.d = at, d

    def take(self, problem: IntArray) -> _Widths:
        """Those of the problems with these numbers."""
        return _Widths(self.at[problem], self.d[problem])

    def from_top(self, point: float) -> FloatArray:
        """Where what lies one width below a point is, without rounding where that is near 0."""
        return (point - self.at) - self.d
