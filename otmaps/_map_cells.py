"""The cells of a monotone map: where they end, and what is in them."""

from __future__ import annotations

import dataclasses
import math
from typing import final

import numpy as np
import numpy.typing as npt

from otmaps._arrays import FloatArray
from otmaps._errors import AccuracyError
from otmaps._kernels import _maps as k
from otmaps._kernels._matrices import product
from otmaps._map_exact import Problem
from otmaps._map_proof import BERNSTEIN_TO_POWERS, POWERS_TO_BERNSTEIN, slopes
from otmaps._map_table import N_STATED

BoolArray = npt.NDArray[np.bool_]

SAFETY = 2.0
"""The stated error is this factor times the largest one measured between the nodes."""

SHARE = 0.6
"""The part of tol that the cells may use up; the rest is for the cubic core and for rounding."""

DEEPEST_TAIL = 1e-300  # of the source, down to which the map is certified

_MOST_MARKS = 5000
_LARGEST = 1e300  # values and points beyond are left to the continuation
_CLOSEST = 2.0**-1000  # distance from a support end at 0: 1 / width stays finite
_FINEST = 512  # buckets in one of the 8 to 16 first cells of the core
_NARROW = 16  # cells of fewer floats hold a line: nodes of a polynomial would coincide

NODES = 0.5 - 0.5 * np.cos(np.pi * np.arange(6) / 5)
BETWEEN = 0.5 - 0.5 * np.cos(np.pi * (np.arange(5) + 0.5) / 5)
MORE = np.array([0.006, 0.115, 0.66, 0.994])
_GRADED = np.array([1e-6, 1e-4, 1e-3, 0.1])
_GEOMETRIC = np.arange(1, 5) / 5
_TO_BERNSTEIN = np.ascontiguousarray(POWERS_TO_BERNSTEIN.T)  # for rows
_TO_POWERS = np.ascontiguousarray(BERNSTEIN_TO_POWERS.T)


@final
@dataclasses.dataclass(frozen=True, eq=False)
class Cells:
    """Adjacent cells: edges, one-sided values at both, coefficients c1 ... c5, measured error.

    ``low_singular`` and ``high_singular`` say where a cell touches a point at which the map may
    have a kink or a singularity: there it is subdivided towards that point.
    """

    left: FloatArray
    right: FloatArray
    at_left: FloatArray
    at_right: FloatArray
    low_singular: BoolArray
    high_singular: BoolArray

    def __getitem__(self, which: BoolArray | npt.NDArray[np.intp]) -> Cells:
        return Cells(*(getattr(self, f.name)[which] for f in dataclasses.fields(self)))

    def split(self, at: FloatArray, value: FloatArray) -> Cells:
        """Each cell cut in two."""
        no = np.zeros(at.size, dtype=bool)
        halves = (
            (self.left, at, self.at_left, value, self.low_singular, no),
            (at, self.right, value, self.at_right, no, self.high_singular),
        )
        return Cells(*(np.concatenate(pair) for pair in zip(*halves, strict=True)))


def together(*parts: Cells) -> Cells:
    names = [f.name for f in dataclasses.fields(Cells)]
    return Cells(*(np.concatenate([getattr(p, name) for p in parts]) for name in names))


@final
@dataclasses.dataclass(frozen=True, eq=False)
class Frame:
    """Where the index of the table changes its kind: uniform in the core, logarithmic outside."""

    low: float
    high: float
    coarse: float  # width of the first cells
    ends: FloatArray  # (2, N_STATED), the continuation not yet filled in
    first: float  # first and last edge
    last: float
    marks: tuple[float, ...] = ()  # further edges: of the inner range

    @property
    def fine(self) -> float:
        """The smallest width of a bucket: a power of two that the doubles here resolve."""
        resolved = 4.0 * float(np.spacing(max(abs(self.low), abs(self.high))))
        return max(self.coarse / _FINEST, resolved)


def _end_log(problem: Problem, side: int) -> float:
    """The logarithm of the tail probability at which the cells end."""
    source, target = problem.exact.source, problem.exact.target
    logs = [math.log(DEEPEST_TAIL)]
    for law in (source, target):
        if abs(law.support()[side]) > _LARGEST:
            far = law.logcdf(-_LARGEST) if side == k.LOW else law.logsf(_LARGEST)
            logs.append(float(far))
    return min(max(logs), math.log(0.2))


def outermost(problem: Problem, side: int) -> float:
    """The first or last edge: a finite float strictly inside the support."""
    source = problem.exact.source
    log_tail = _end_log(problem, side)
    y = float(source.ilogcdf(log_tail) if side == k.LOW else source.ilogsf(log_tail))
    bound, inward = source.support()[side], math.inf if side == k.LOW else -math.inf
    if math.isfinite(bound):
        away = abs(y - bound) >= _CLOSEST
        y = y if away else bound + math.copysign(_CLOSEST, inward)
        y = y if y != bound else math.nextafter(bound, inward)
    return y


def make_frame(problem: Problem) -> Frame:
    """The core: the widest central range that uniform buckets serve well, on a dyadic grid."""
    source = problem.exact.source
    first, odd = outermost(problem, k.LOW), problem.exact.odd
    last = -first if odd else outermost(problem, k.HIGH)
    masses = np.array([2e-4, 1e-3, 5e-3, 0.02, 0.05, 0.1, 0.2, 0.25])
    lows = np.asarray(source.ppf(masses))
    highs = -lows if odd else np.asarray(source.isf(masses))
    spans = highs - lows
    served = (spans <= 24.0 * spans[-1]) & (lows > first) & (highs < last)
    widest = int(np.argmax(served))
    low, high = float(lows[widest]), float(highs[widest])
    coarse = 2.0 ** math.floor(math.log2((high - low) / 8.0))
    grid = max(coarse / 16.0, 4.0 * float(np.spacing(max(abs(low), abs(high)))))
    low, high = math.ceil(low / grid) * grid, math.floor(high / grid) * grid
    if not first < low < high < last:
        raise AccuracyError(
            f"the source law is concentrated on too few floating-point numbers near {low}; "
            "shift or rescale it."
        )
    ends = np.zeros((2, N_STATED))
    for side, edge in ((k.LOW, first), (k.HIGH, last)):
        bound = source.support()[side]
        outward = -1.0 if side == k.LOW else 1.0
        finite = math.isfinite(bound)
        ends[side, k.ANCHOR] = bound if finite else 0.5 * (low + high)
        ends[side, k.SIGN] = -outward if finite else outward
        ends[side, k.REACH] = ends[side, k.SIGN] * (edge - ends[side, k.ANCHOR])
        ends[side, k.SUPPORT] = bound
        ends[side, k.LIMIT] = problem.exact.target.support()[side]
    return Frame(low, high, coarse, ends, first, last)


def _resolution(points: FloatArray, frame: Frame) -> FloatArray:
    """Distances below which rounding decides: of the core as a whole, of each point outside."""
    core = np.spacing(max(abs(frame.low), abs(frame.high)))
    inside = (points > frame.low) & (points < frame.high)
    return 16.0 * np.where(inside, core, np.spacing(np.abs(points)))


def kinks_of(problem: Problem, frame: Frame) -> tuple[FloatArray, FloatArray]:
    """Points where the map may have a kink, and among them those where it jumps."""
    source, target = problem.exact.source, problem.exact.target
    kinks = set(target.breakpoints) - set(target.support())  # ends are no news
    marks = np.array(sorted({*kinks, *(a for a, _ in target.atoms)}))
    if marks.size > _MOST_MARKS:  # as many steps as draws: adaptive cells find what matters
        marks = marks[:0]
    images = problem.exact.preimage(marks) if marks.size else marks
    starts = images.copy()
    for location, mass in target.atoms:  # the map is constant on an interval
        below, above = float(target.cdf(location)) - mass, float(target.sf(location)) + mass
        start = source.ppf(max(below, 0.0)) if below < above else source.isf(min(above, 1.0))
        starts[marks == location] = start
    jumps = images[:-1][starts[1:] - images[:-1] <= _resolution(images[:-1], frame)]
    found = _settled(np.concatenate([np.array(source.breakpoints), images, starts]), frame)
    jumps = _settled(jumps, frame)
    if jumps.size:
        gap = np.abs(found[:, None] - jumps).min(axis=1)
        found = np.union1d(found[gap > _resolution(found, frame)], jumps)
    return found, jumps


def _settled(points: FloatArray, frame: Frame) -> FloatArray:
    """Sorted distinct points between the ends; those that miss the grid by rounding are on it."""
    points = np.sort(points[(points > frame.first) & (points < frame.last)])
    grid = frame.fine * np.round(points / frame.fine)
    resolution = _resolution(points, frame)
    inside = (points > frame.low) & (points < frame.high)
    points = np.where(inside & (np.abs(points - grid) <= resolution), grid, points)
    return points[np.diff(points, prepend=-np.inf) > resolution]


def first_cells(problem: Problem, frame: Frame, kinks: FloatArray, jumps: FloatArray) -> Cells:
    """Cells that end at the borders of the core, at a coarse grid and at every kink."""
    start = math.floor(frame.low / frame.coarse) + 1
    stop = math.ceil(frame.high / frame.coarse)
    grid = frame.coarse * np.arange(start, stop)
    fixed = np.array([frame.first, frame.low, *frame.marks, frame.high, frame.last])
    edges = np.unique(np.concatenate([fixed, grid, kinks]))
    edges = np.unique(np.concatenate([edges, *_graded(frame, edges)]))
    below = (above := problem.exact(edges)).copy()
    if jumps.size:  # the values of both sides, from just beyond what rounding blurs
        jumping = np.isin(edges, jumps)
        away = _resolution(edges[jumping], frame)
        below[jumping] = problem.exact(edges[jumping] - away)
        above[jumping] = problem.exact(edges[jumping] + away)
    singular = np.isin(edges, kinks)
    return Cells(edges[:-1], edges[1:], above[:-1], below[1:], singular[:-1], singular[1:])


def distances(
    frame: Frame, left: FloatArray, right: FloatArray
) -> tuple[FloatArray, FloatArray, FloatArray, FloatArray]:
    """For cells outside the core: anchor, sign, and distances of both edges (0 in the core)."""
    side = np.where(right <= frame.low, k.LOW, k.HIGH)
    outside = (right <= frame.low) | (left >= frame.high)
    anchor, sign = frame.ends[side, k.ANCHOR], frame.ends[side, k.SIGN]
    near = np.where(outside, sign * (left - anchor), 0.0)
    far = np.where(outside, sign * (right - anchor), 0.0)
    return anchor, sign, near, far


def _graded(frame: Frame, edges: FloatArray) -> list[FloatArray]:
    """Where stretched cells are cut, in geometric steps: whatever their error, they would be."""
    anchors, signs, near, far = distances(frame, edges[:-1], edges[1:])
    found = []
    for i in np.flatnonzero(stretched(near, far)):
        start, stop = math.log2(near[i]), math.log2(far[i])
        parts = 2 ** math.ceil(math.log2(0.5 * abs(stop - start)))
        steps = start + (stop - start) * (np.arange(1, parts) / parts)
        points = anchors[i] + signs[i] * 2.0**steps
        found.append(points[(points > edges[i]) & (points < edges[i + 1])])
    return found


def stretched(near: FloatArray, far: FloatArray) -> BoolArray:
    """Whether a cell outside the core spans more than two octaves of the distance."""
    return (near > 0) & (np.maximum(near, far) > 4.0 * np.minimum(near, far))


def middles(frame: Frame, left: FloatArray, right: FloatArray) -> FloatArray:
    """The middle of each cell; of stretched ones that of the logarithm of the distance."""
    middle = 0.5 * left + 0.5 * right
    anchor, sign, near, far = distances(frame, left, right)
    with np.errstate(all="ignore"):
        mean = anchor + sign * np.sqrt(near) * np.sqrt(far)
    graded = stretched(near, far) & (mean > left) & (mean < right)
    return np.asarray(np.where(graded, mean, middle))


def split_points(frame: Frame, cells: Cells, depth: int) -> FloatArray:
    """Where a cell that fails is cut.

    In the core on the grid of the buckets, coarsest point first; below the grid in the middle,
    or closer to a singular point; outside by distance from the anchor, in geometric mean.
    """
    left, right = cells.left, cells.right
    middle = middles(frame, left, right)
    near, far = distances(frame, left, right)[2:]
    if depth >= 3:
        plain = ~stretched(near, far)
        middle = np.where(plain & cells.low_singular, left + (right - left) / 16.0, middle)
        middle = np.where(plain & cells.high_singular, right - (right - left) / 16.0, middle)
    step = 2.0 ** np.floor(np.log2(right - left))
    for _ in range(2):
        on_grid = step * (np.floor(left / step) + 1.0)
        step = np.where(on_grid < right, step, 0.5 * step)
    use = (on_grid < right) & (step >= frame.fine) & (near == 0)
    return np.where(use, on_grid, middle)


def probe_points(frame: Frame, cells: Cells) -> FloatArray:
    """Nine points a cell between its nodes; more of them towards an anchor or a singular point."""
    width = (cells.right - cells.left)[:, None]
    more = np.tile(MORE, (cells.left.size, 1))
    more[cells.low_singular] = _GRADED
    more[cells.high_singular & ~cells.low_singular] = 1.0 - _GRADED
    points = cells.left[:, None] + width * np.hstack([np.tile(BETWEEN, (more.shape[0], 1)), more])
    anchor, sign, near, far = distances(frame, cells.left, cells.right)
    graded = stretched(near, far)
    ratio = (far[graded] / near[graded])[:, None] ** _GEOMETRIC
    steps = sign[graded, None] * near[graded, None] * ratio
    points[graded, 5:] = anchor[graded, None] + steps
    last = np.nextafter(cells.right, -np.inf)
    return np.asarray(np.clip(points, cells.left[:, None], last[:, None]))


def _interpolate(s: FloatArray, rise: FloatArray) -> FloatArray:
    """Coefficients c1 ... c5 through (s, rise) by divided differences; the first node is 0."""
    with np.errstate(all="ignore"):
        newton = rise.copy()
        for order in range(1, 6):
            newton[:, order:] = (newton[:, order:] - newton[:, order - 1 : -1]) / (
                s[:, order:] - s[:, :-order]
            )
        powers = np.zeros_like(s)
        powers[:, 0] = newton[:, 5]
        for order in range(4, -1, -1):
            shifted = np.zeros_like(powers)
            shifted[:, 1:] = powers[:, :-1]
            powers = shifted - s[:, order, None] * powers
            powers[:, 0] += newton[:, order]
    return powers[:, 1:]


def fit(cells: Cells, nodes: FloatArray, values: FloatArray) -> FloatArray:
    """Monotone polynomials: coefficients c1 ... c5 of the rise over each cell.

    What `monotone` changes in the interpolating polynomial is measured afterwards.
    """
    width = cells.right - cells.left
    s = (nodes - cells.left[:, None]) / width[:, None]
    total = np.maximum(cells.at_right - cells.at_left, 0.0)
    power = _interpolate(s, values - cells.at_left[:, None])
    power[width < _NARROW * np.spacing(np.abs(nodes[:, 5]))] = np.nan
    return monotone(power, total)


def monotone(power: FloatArray, total: FloatArray) -> FloatArray:
    """Coefficients c1 ... c5 near the given ones that rise everywhere, and by ``total`` in all.

    A line where the given ones are not finite or fall everywhere.
    """
    bernstein = np.maximum(product(slopes(power), _TO_BERNSTEIN), 0.0)
    mean = bernstein.mean(axis=1)
    line = ~(np.isfinite(mean) & (mean > 0))
    with np.errstate(all="ignore"):
        bernstein *= (total / mean)[:, None]
    bernstein[line] = total[line, None]
    return np.asarray(product(bernstein, _TO_POWERS) / np.arange(1, 6))


def horner(s: FloatArray, c: FloatArray) -> FloatArray:
    """The rise over a cell at s, shape (cells, points), from c1 ... c5."""
    value = np.zeros_like(s)
    for column in range(4, -1, -1):
        value = s * (c[:, column, None] + value)
    return value
