"""Building the table of a monotone map from its cells: the cubic core, the ends, the errors."""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

from otmaps._arrays import FloatArray
from otmaps._kernels import _maps as k
from otmaps._map_cells import SAFETY, Frame, Refined, monotone
from otmaps._map_exact import Problem, law_error
from otmaps._map_table import Table, make_table, rounding_allowance

_EPS = float(np.finfo(float).eps)
_CUBIC_SHARE = 0.3  # of tol, for replacing polynomials of degree 5 by cubics in the core
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
    out[:-1, k.C0 :] = np.einsum("njk,nk->nj", _BINOMIAL * shifts, old) * scale**powers
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
    error /= problem.unit(records[:-1, k.C0])
    first, second, third = cells[:, k.C1], cells[:, k.C2], cells[:, k.C3]
    rising = (first >= 0) & (first + second >= 0) & (first + 2.0 * second + 3.0 * third >= 0)
    whole = inside & (np.diff(edges) == width)
    return whole & rising & (error <= _CUBIC_SHARE * problem.tol), error


def _with_cubics(records: FloatArray, cubic: npt.NDArray[np.bool_]) -> FloatArray:
    """The chosen cells as cubics: s^4 becomes 2 s^3 - s^2, and s^5 becomes 3 s^3 - 2 s^2."""
    out = records.copy()
    rows = np.append(cubic, False)
    fourth, fifth = records[rows, k.C4], records[rows, k.C5]
    out[rows, k.C2] -= fourth + 2.0 * fifth
    out[rows, k.C3] += 2.0 * fourth + 3.0 * fifth
    out[rows, k.C4 :] = 0.0
    return out


def assemble(problem: Problem, frame: Frame, refined: Refined) -> tuple[Table, float]:
    """The table, and the error that the steps after the refinement add to it."""
    records, width, error = cubic_core(problem, frame, raw_records(refined))
    # Rounding in the laws may let neighbouring values fall by a unit in the last place.
    values = np.maximum.accumulate(records[:, k.C0])
    error += float((np.abs(values - records[:, k.C0]) / problem.unit(values)).max())
    records[:, k.C0] = values
    room = np.diff(values)
    rise = records[:-1, k.C1 :].sum(axis=1)
    allowed = np.maximum(room - rounding_allowance(records[:-1, k.C0 :]), 0.0)
    with np.errstate(all="ignore"):
        factor = np.where(rise > 0, np.minimum(allowed / rise, 1.0), 0.0)
    records[:-1, k.C1 :] *= factor[:, None]
    ends = frame.ends.copy()
    for side, row in ((k.LOW, 0), (k.HIGH, -1)):
        edge, value = records[row, k.EDGE], records[row, k.C0]
        ends[side, [k.BASE, k.POWER]] = _continuation(problem, ends[side], edge, value)
    table = make_table(records, np.array([frame.low, frame.high, 1.0 / width]), ends)
    # The kernel subtracts the low end of the core from y: a rounding of half a unit there.
    core = (records[:-1, k.EDGE] >= frame.low) & (records[1:, k.EDGE] <= frame.high)
    slope = rise[core] * records[:-1][core, k.INVERSE_WIDTH] / problem.unit(values[:-1][core])
    shifted = _EPS * (frame.high - frame.low) * float(slope.max())
    rounding = 4.0 * _EPS * float((np.abs(values) / problem.unit(values)).max())
    return table, error + shifted + rounding


def _continuation(
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
) -> tuple[float, float]:
    """The stated errors of the map in the unit of the problem and in u; see `MonotoneMap`."""
    exact, found = refined.exact.ravel(), refined.approximate.ravel()
    measured = float((np.abs(found - exact) / problem.unit(exact)).max())
    edges, values = table.records[:, k.EDGE], table.records[:, k.C0]
    error = SAFETY * measured + added + law_error(problem, edges, values)
    # In u: what is left when the float grid of T is allowed for.
    found = np.empty_like(exact)
    table.evaluate(refined.probes.ravel(), found)
    gap = found - exact
    grid = 2.0 * np.spacing(np.abs(exact))
    moved = np.where(np.abs(gap) <= grid, exact, found - np.copysign(grid, gap))
    target = problem.exact.target
    upper = exact > problem.centre
    in_u = np.where(
        upper, target.sf(moved) - target.sf(exact), target.cdf(moved) - target.cdf(exact)
    )
    source = problem.exact.source
    return error, SAFETY * float(np.abs(in_u).max()) + source.error + target.error
