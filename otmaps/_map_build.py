"""Building the table of a monotone map from its cells: the cubic core, the ends, the errors."""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

from otmaps._arrays import FloatArray
from otmaps._kernels import _maps as k
from otmaps._map_blend import outward_points
from otmaps._map_cells import SAFETY, Frame, middles, monotone
from otmaps._map_exact import Problem, law_error
from otmaps._map_few import following_cells
from otmaps._map_inner import Inner
from otmaps._map_proof import levelled, never_falls
from otmaps._map_refine import Refined
from otmaps._map_table import Table, make_table, rounding_error

_CUBIC_SHARE = 0.3  # of tol, for replacing polynomials of degree 5 by cubics in the core
_ORDER_SHARE = 0.1  # of the goal of the cells, for lines where nothing better is proven to rise
_MOST_CUTS = 12
_SLOPE_MASS = 1e-4  # of the source, in the cells where nothing is stated of the slope
_ULPS = 4.0
_FARTHEST = -3000.0 * math.log(10.0)
_LARGEST = 1e308
_POINTS = 33  # of each continuation
_MOST_CUBICS = 4096  # 128 KiB: within the second-level cache the count hardly costs time
_BINOMIAL = np.array([[math.comb(i, j) for i in range(6)] for j in range(6)], dtype=np.float64)


def raw_records(refined: Refined) -> FloatArray:
    """The cells as records, before anything is done about rounding."""
    cells = refined.cells
    records = np.zeros((cells.left.size + 1, 8))
    records[:, k.EDGE] = np.append(cells.left, cells.right[-1])
    records[:-1, k.INVERSE_WIDTH] = 1.0 / (cells.right - cells.left)
    records[:, k.C0] = np.append(cells.at_left, cells.at_right[-1])
    records[:-1, k.C1 :] = refined.coefficients
    return records


def _cut(records: FloatArray, points: FloatArray) -> FloatArray:
    """The same map with its cells cut at further points."""
    edges = records[:, k.EDGE]
    fresh = np.unique(np.concatenate([edges, points]))
    parent = np.searchsorted(edges, fresh[:-1], side="right") - 1
    out = np.zeros((fresh.size, 8))
    out[:, k.EDGE] = fresh
    out[:-1, k.INVERSE_WIDTH] = 1.0 / np.diff(fresh)
    inverse = records[parent, k.INVERSE_WIDTH]
    start = ((fresh[:-1] - edges[parent]) * inverse)[:, None]
    scale = (np.diff(fresh) * inverse)[:, None]
    old = records[parent, k.C0 :]
    powers = np.arange(6)
    # Taylor: c_j' = scale^j sum_k C(k, j) start^(k - j) c_k, with C = 0 where k < j.
    shifts = start[:, :, None] ** np.maximum(powers[None, :] - powers[:, None], 0)
    out[:-1, k.C0 :] = (_BINOMIAL * shifts * old[:, None, :]).sum(axis=2) * scale**powers
    # Rounding must not lead beyond the cell: its end may be the end of the target's support.
    out[:-1, k.C0] = np.minimum(out[:-1, k.C0], records[parent + 1, k.C0])
    cut = np.append((start != 0.0).ravel() | (scale != 1.0).ravel(), False)
    out[cut, k.C1 :] = monotone(out[cut, k.C1 :], np.maximum(out[cut, k.C1 :].sum(axis=1), 0.0))
    out[:-1][~cut[:-1]] = records[:-1][np.isin(edges[:-1], fresh[:-1][~cut[:-1]])]
    out[-1] = records[-1]
    return out


def cubic_core(
    problem: Problem, frame: Frame, records: FloatArray
) -> tuple[FloatArray, float, float]:
    """Replace the core by cubics, one a bucket: the kernel then needs neither guide nor edges.

    A cubic meets values and slopes of a degree-5 cell at both ends of the bucket, so their distance
    is |c4 + c5 (s + 2)| s^2 (1 - s)^2 (Hermite interpolation): at most |c4| / 16 + 0.16 |c5|.
    Buckets that hold a kink, or are too curved for a cubic, keep their cells.

    Returns
    -------
    records : ndarray
    width : float
        Of a bucket.
    error : float
        The largest distance, in the unit of the problem.
    """
    width = frame.coarse / 16.0
    while width >= frame.fine and (frame.high - frame.low) / width <= _MOST_CUBICS:
        grid = np.arange(frame.low, frame.high + 0.5 * width, width)
        cut = _cut(records, grid)
        cubic, error = _as_cubics(problem, frame, cut, width)
        edges = cut[:, k.EDGE]
        mass = (
            np.diff(problem.exact.source.cdf(edges))
            * ((edges >= frame.low) & (edges < frame.high))[:-1]
        )
        finest = (frame.high - frame.low) / (0.5 * width) > _MOST_CUBICS or 0.5 * width < frame.fine
        if mass[cubic].sum() >= (0.97 if finest else 0.995) * mass.sum():
            return _with_cubics(cut, cubic), width, float(error[cubic].max())
        width *= 0.5
    edges = records[:, k.EDGE]
    edges = edges[(edges >= frame.low) & (edges <= frame.high)]
    width = frame.fine
    on_grid = edges[edges % width == 0.0]
    while np.all(on_grid % (2.0 * width) == 0.0) and 2.0 * width <= frame.high - frame.low:
        width *= 2.0
    return records, width, 0.0


def _as_cubics(
    problem: Problem, frame: Frame, records: FloatArray, width: float
) -> tuple[npt.NDArray[np.bool_], FloatArray]:
    """Which cells are whole buckets that a rising cubic can serve, and the error of doing so."""
    edges = records[:, k.EDGE]
    inside = (edges[:-1] >= frame.low) & (edges[1:] <= frame.high)
    cells = _with_cubics(records, inside)[:-1]
    error = np.abs(records[:-1, k.C4]) / 16.0 + 0.16 * np.abs(records[:-1, k.C5])
    steps = problem.step(records[:, k.C0])
    served = error <= _CUBIC_SHARE * problem.tol * np.minimum(steps[:-1], steps[1:])
    error /= problem.unit(records[:-1, k.C0])
    first, second, third = cells[:, k.C1], cells[:, k.C2], cells[:, k.C3]
    rising = (first >= 0) & (first + second >= 0) & (first + 2.0 * second + 3.0 * third >= 0)
    whole = inside & (np.diff(edges) == width)
    return whole & rising & served, error


def _with_cubics(records: FloatArray, cubic: npt.NDArray[np.bool_]) -> FloatArray:
    """The chosen cells as cubics: s^4 becomes 2 s^3 - s^2, and s^5 becomes 3 s^3 - 2 s^2."""
    out = records.copy()
    rows = np.append(cubic, False)
    fourth, fifth = records[rows, k.C4], records[rows, k.C5]
    out[rows, k.C2] -= fourth + 2.0 * fifth
    out[rows, k.C3] += 2.0 * fourth + 3.0 * fifth
    out[rows, k.C4 :] = 0.0
    return out


def assemble(
    problem: Problem, frame: Frame, refined: Refined, inner: Inner, goal: float
) -> tuple[Table, float]:
    """The table, and the error that the steps after the refinement to ``goal`` add to it."""
    records = raw_records(refined)
    if len(inner.powers):
        records, width, error = following_cells(problem, frame, records, inner)
    else:
        records, width, error = cubic_core(problem, frame, records)
    errors = refined.errors(problem)  # what cutting could not mend is no reason to cut further
    share = np.where(errors > goal, errors, _ORDER_SHARE * goal)
    records, moved = _in_order(problem, frame, records, 1.0 / width, (refined.cells.left, share))
    error += moved
    ends = frame.ends.copy()
    for side, row in ((k.LOW, 0), (k.HIGH, -1)):
        edge, value = records[row, k.EDGE], records[row, k.C0]
        ends[side, [k.BASE, k.POWER]] = continuation(problem, ends[side], edge, value)
    table = make_table(records, np.array([frame.low, frame.high, 1.0 / width]), ends, inner)
    return table, error + rounding_error(records, table.core, problem.unit(records[:, k.C0]))


def _in_order(
    problem: Problem,
    frame: Frame,
    records: FloatArray,
    bucket: float,
    shares: tuple[FloatArray, FloatArray],
) -> tuple[FloatArray, float]:
    """Cells that are proven not to fall, whatever rounding does, and the error of making them so.

    A cell without proof becomes a line where that moves it by at most its share, else it is cut in
    four: the shorter, the straighter. Such cells lie in tails, where the map is almost constant.
    ``shares`` are the left edges of the refined cells, and how far a line may be off in each.
    """
    error = 0.0
    for attempt in range(_MOST_CUTS + 1):
        records, moved = levelled(records)
        error = max(error, float((moved / problem.unit(records[:, k.C0])).max()))
        unproven = ~never_falls(records, bucket)
        left, right = records[:-1, k.EDGE], records[1:, k.EDGE]
        size = np.abs(records[:-1, k.C2 :]).sum(axis=1)
        steps = problem.step(records[:, k.C0])
        share = shares[1][np.searchsorted(shares[0], left, side="right") - 1]
        small = size <= share * np.minimum(steps[:-1], steps[1:])
        points = middles(frame, left, right)
        whole = (points <= left) | (points >= right)
        straight = unproven & (small | whole | (attempt == _MOST_CUTS))
        bent = size[straight] / problem.unit(records[:-1, k.C0][straight])
        error = max(error, float(bent.max(initial=0.0)))
        records[:-1][straight, k.C1] = records[:-1][straight, k.C1 :].sum(axis=1)
        records[:-1][straight, k.C2 :] = 0.0
        rest = unproven & ~straight
        if not rest.any():
            break
        left, points, right = left[rest], points[rest], right[rest]
        quarters = middles(frame, left, points), points, middles(frame, points, right)
        records = _cut(records, np.concatenate(quarters))
    return records, error


def continuation(
    problem: Problem, end: FloatArray, edge: float, value: float
) -> tuple[float, float]:
    """Base and power of T = base + (value - base) (d / reach)^power beyond the last edge.

    The power is the slope of log |T - base| over log d there: towards a finite end of the target
    the distance from it decays, otherwise the distance from the target's centre grows.
    """
    source, target = problem.exact.source, problem.exact.target
    base = float(end[k.LIMIT]) if math.isfinite(end[k.LIMIT]) else problem.centre
    if value == base:
        return base, 0.0
    slope = math.exp(min(float(source.logpdf(edge)) - float(target.logpdf(value)), 700.0))
    power = float(end[k.SIGN]) * slope * float(end[k.REACH]) / (value - base)
    grows = power * (value - base) * end[k.SIGN] > 0
    return base, power if grows and math.isfinite(power) else 0.0


def tabulation_error(
    problem: Problem, refined: Refined, table: Table, added: float
) -> tuple[float, float, float]:
    """The stated errors in the unit of the problem, in u and of the slope; see `MonotoneMap`."""
    exact = refined.exact.ravel()
    found = np.empty_like(exact)
    table.evaluate(refined.probes.ravel(), found)
    refined_gap = float(refined.errors(problem).max())
    final_gap = float((np.abs(found - exact) / problem.unit(exact)).max())
    edges, values = table.records[:, k.EDGE], table.records[:, k.C0]
    # The steps after the refinement are known by bounds; the last table is measured all the same.
    error = max(SAFETY * refined_gap + added, SAFETY * final_gap) + law_error(
        problem, edges, values
    )
    source, target = problem.exact.source, problem.exact.target
    # One unit in the last place is no error; rounding of the table may be a few.
    error_u = SAFETY * float(problem.in_u(found, exact, 1.0).max()) + problem.pole_u(_ULPS)
    error_u += source.error + target.error
    return error, error_u, SAFETY * _slope_error(problem, refined, table)


def _slope_error(problem: Problem, refined: Refined, table: Table) -> float:
    """The largest error of log T' measured, in all cells but the worst of little probability."""
    source, target = problem.exact.source, problem.exact.target
    if math.isinf(source.tail_error + target.tail_error):
        return math.inf  # a law of draws says nothing about its density
    found = np.empty_like(refined.probes.ravel())
    table.differentiate(refined.probes.ravel(), found)
    with np.errstate(all="ignore"):
        exact = np.asarray(source.logpdf(refined.probes)) - target.logpdf(refined.exact)
        exact[np.isin(refined.exact, [location for location, _ in target.atoms])] = -math.inf
        found = np.log(found).reshape(exact.shape)
        gap = np.where(found == exact, 0.0, np.abs(found - exact))
    worst = np.where(np.isnan(gap), math.inf, gap).max(axis=1)
    below, above = source.cdf(_edges(refined)), source.sf(_edges(refined))
    mass = np.where(below[1:] < 0.5, np.diff(below), -np.diff(above))
    order = np.argsort(-worst)
    kept = np.cumsum(mass[order]) > _SLOPE_MASS
    return float(worst[order][kept].max(initial=0.0))


def _edges(refined: Refined) -> FloatArray:
    return np.append(refined.cells.left, refined.cells.right[-1])


def continuation_error(
    problem: Problem, table: Table, domain: tuple[float, float]
) -> tuple[tuple[float, float], float]:
    """How far out the continuation is known, and its error up to there; see `MonotoneMap`."""
    source = problem.exact.source
    outer, worst = list(domain), 0.0
    for side, row in ((k.LOW, 0), (k.HIGH, -1)):
        start = domain[side]
        if start != table.records[row, k.EDGE] or start == source.support()[side]:
            continue  # nothing is left, or the laws themselves say nothing
        stop = source.support()[side]
        if not math.isfinite(stop):
            far = source.ilogcdf(_FARTHEST) if side == k.LOW else source.ilogsf(_FARTHEST)
            stop = float(np.clip(far, -_LARGEST, _LARGEST))
        y = outward_points(table.ends[side], start, stop, _POINTS)
        with np.errstate(all="ignore"):
            exact = problem.exact(y)
        if not np.all(np.isfinite(exact)) or not np.all(np.diff(exact) >= 0.0):
            continue
        found = np.empty_like(y)
        table.evaluate(y, found)
        outer[side] = stop
        worst = max(worst, float((np.abs(found - exact) / problem.unit(exact)).max()))
    return (outer[0], outer[1]), SAFETY * worst
