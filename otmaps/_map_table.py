"""The table of a monotone map: cells with polynomials, an index of constant cost, two ends."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Sequence
from typing import Any, final

import numpy as np
import numpy.typing as npt

from otmaps._arrays import AnyFloatArray, FloatArray
from otmaps._kernels import _maps as k
from otmaps._linearity import Linear
from otmaps._map_inner import N_STATED as N_INNER
from otmaps._map_inner import NOTHING, Inner, checked_inner
from otmaps._map_proof import never_falls, rounding_allowance

MOST_BUCKETS = 1 << 16
"""More would no longer fit the second-level cache beside the cells."""

_EPS = float(np.finfo(float).eps)

FOLLOWED = 1e-11
"""How far the cells may be from the polynomials of the inner range, in parts of the values."""

N_STATED = k.FIRST
"""So many columns of an end are stated; the rest describe its buckets and are computed."""


def rounding_error(records: FloatArray, core: FloatArray, unit: FloatArray) -> float:
    """What rounding may do to the values of a table, in a unit for each row of its records."""
    c = records[:-1, k.C1 :]
    least = np.minimum(unit[:-1], unit[1:])
    inside = (records[:-1, k.EDGE] >= core[0]) & (records[1:, k.EDGE] <= core[1])
    slope = c[inside].sum(axis=1) * records[:-1, k.INVERSE_WIDTH][inside] / least[inside]
    # The kernel subtracts the low end of the core from y: a rounding of half a unit there.
    shifted = _EPS * (core[1] - core[0]) * slope.max()
    grain = 0.5 * k.GRAIN * (np.abs(c).sum(axis=1) / least).max()
    return float(shifted + grain + 4.0 * _EPS * (np.abs(records[:, k.C0]) / unit).max())


@final
@dataclasses.dataclass(frozen=True, eq=False)
class Table:
    """What the kernels read; see `otmaps._kernels._maps` for the layout. Equal by identity."""

    records: FloatArray
    cubics: FloatArray
    guide: k.IntArray
    core: FloatArray
    ends: FloatArray
    inner: Inner = NOTHING

    @property
    def cells(self) -> int:
        """The number of cells."""
        return len(self.records) - 1

    @property
    def _arrays(self) -> k.TableArrays:
        inner = self.inner.numbers, self.inner.powers
        return self.cubics, self.records, self.guide, self.core, self.ends, *inner

    def evaluate(self, y: AnyFloatArray, out: AnyFloatArray) -> None:
        """The map at a contiguous vector."""
        self.evaluate_sum((y,), Linear((1.0,)), out)

    def evaluate_sum(self, zs: Sequence[AnyFloatArray], form: Linear, out: AnyFloatArray) -> None:
        """The map at a weighted sum of contiguous vectors of one dtype, in one pass."""
        k.evaluate(read_only(zs), form.weights, form.offset, out, self._arrays)

    def differentiate(self, y: AnyFloatArray, out: AnyFloatArray) -> None:
        """Its derivative."""
        k.differentiate(y, out, self._arrays)

    def invert(self, z: AnyFloatArray, out: AnyFloatArray) -> None:
        """Its inverse."""
        k.invert(z, out, self.records, self.ends)

    def arrays(self) -> dict[str, FloatArray]:
        """The stated part; the index is computed again from it."""
        arrays = {"records": self.records, "core": self.core, "ends": self.ends[:, :N_STATED]}
        if len(self.inner.powers):
            arrays |= {"inner": self.inner.numbers[:N_INNER], "powers": self.inner.powers}
        return arrays


def read_only(zs: Sequence[AnyFloatArray]) -> tuple[AnyFloatArray, ...]:
    """Views of one kind, so that one compiled kernel serves all."""
    views = tuple(z.view() for z in zs)
    for view in views:
        view.flags.writeable = False
    return views


def make_table(
    records: FloatArray, core: FloatArray, ends: FloatArray, inner: Inner = NOTHING
) -> Table:
    """The table of given cells, with its index.

    Parameters
    ----------
    records : ndarray, shape (n + 1, 8)
    core : ndarray, shape (3,)
        Low end, high end, and the inverse width of a bucket, a power of two.
    ends : ndarray, shape (2, N_STATED)
    inner : Inner
        What `evaluate` goes by in its range; the cells there have the same values to rounding.
    """
    lines = _on_cache_lines(records)
    full = np.zeros((2, k.COUNT + 1))
    full[:, :N_STATED] = ends
    guide = k.index(lines, core, full)
    core = core.copy()
    cubics = _cubics(lines, core, guide)
    for array in (lines, cubics, guide, core, full):
        array.flags.writeable = False
    return Table(lines, cubics, guide, core, full, inner)


def _on_cache_lines(records: FloatArray) -> FloatArray:
    """A copy that starts on a multiple of 64 bytes: then a record is one cache line."""
    raw = np.zeros(records.size + 8)
    start = (-raw.ctypes.data // 8) % 8
    lines = raw[start : start + records.size].reshape(records.shape)
    lines[...] = records
    return lines


def _cubics(records: FloatArray, core: FloatArray, guide: k.IntArray) -> FloatArray:
    """Coefficients c0 ... c3 of the buckets of the core that are one cubic cell, NaN for others.

    Without rows where the others prevail: then the kernel goes by the guide at once.
    """
    guide = guide[: round((core[1] - core[0]) * core[2])]
    cells = records[np.maximum(guide, 0)]
    whole = (guide >= 0) & (cells[:, k.INVERSE_WIDTH] == core[2])
    whole &= (cells[:, k.C4] == 0.0) & (cells[:, k.C5] == 0.0)
    whole[: k.COARSE] = False
    if whole.mean() < 0.5:
        return np.zeros((0, 4))
    return _on_cache_lines(np.where(whole[:, None], cells[:, k.C0 : k.C4], np.nan))


def checked_table(arrays: dict[str, Any]) -> Table:
    """The table of arrays that come from outside, after everything a kernel relies on is checked.

    Raises
    ------
    ValueError
        For wrong names, shapes or dtypes, numbers that are not finite, edges or values that
        do not increase, polynomials that fall, and ends that do not meet the cells.
    """
    missing = {"records", "core", "ends"} - arrays.keys()
    if missing:
        raise ValueError(f"the table lacks {sorted(missing)}: it was not written by otmaps.")
    records, core, ends = (
        _checked_array(arrays[name], name) for name in ("records", "core", "ends")
    )
    if records.ndim != 2 or records.shape[0] < 4 or records.shape[1] != 8:
        raise ValueError(f"records must have the shape (cells + 1, 8), got {records.shape}.")
    if core.shape != (3,) or ends.shape != (2, N_STATED):
        raise ValueError(f"core and ends have the shapes {core.shape} and {ends.shape}.")
    _check_cells(records)
    _check_core(records, core)
    _check_order(records, core)
    for side in (k.LOW, k.HIGH):
        _check_end(records, core, ends[side], side)
    return make_table(records, core, ends, _checked_inner_of(arrays, records))


def _checked_inner_of(arrays: dict[str, Any], records: FloatArray) -> Inner:
    """The inner range, which has to follow the cells."""
    if "inner" not in arrays or "powers" not in arrays:
        return NOTHING
    numbers, powers = (_checked_array(arrays[name], name) for name in ("inner", "powers"))
    inner = checked_inner(numbers, powers)
    if len(inner.powers):
        edges = inner.edges()
        if not records[0, k.EDGE] < edges[0] < edges[-1] < records[-1, k.EDGE]:
            raise ValueError("the inner range of the table is not inside its cells.")
        rows = records[(records[:, k.EDGE] >= edges[0]) & (records[:, k.EDGE] <= edges[-1])]
        gap = np.abs(inner.values(rows[:, k.EDGE]) - rows[:, k.C0])
        if not np.all(gap <= FOLLOWED * (np.abs(rows[:, k.C0]) + np.ptp(rows[:, k.C0]))):
            raise ValueError("the inner range of the table does not follow its cells.")
    return inner


def _checked_array(value: Any, name: str) -> FloatArray:
    if not isinstance(value, np.ndarray) or value.dtype != np.float64:
        raise ValueError(f"{name} of the table is not a float64 array.")
    return value


def _check_cells(records: FloatArray) -> None:
    if not np.all(np.isfinite(records)):
        raise ValueError("records of the table are not finite.")
    edges = records[:, k.EDGE]
    if not np.all(np.diff(edges) > 0):
        raise ValueError("the edges of the table do not increase.")
    widths = records[:-1, k.INVERSE_WIDTH] * np.diff(edges)
    if not np.all(np.abs(widths - 1.0) < 1e-12):
        raise ValueError("the widths of the table do not belong to its edges.")


def _check_order(records: FloatArray, core: FloatArray) -> None:
    if np.any(np.diff(records[:, k.C0]) < 0) or not np.all(never_falls(records, core[2])):
        raise ValueError("the map of the table is not monotone.")
    slack = rounding_allowance(records[:-1, k.C0 :]) / 8.0
    if np.any(records[:-1, k.C1 :].sum(axis=1) + slack > np.diff(records[:, k.C0])):
        raise ValueError("a cell of the table ends above the beginning of the next one.")


def _check_core(records: FloatArray, core: FloatArray) -> None:
    edges = records[:, k.EDGE]
    low, high, inverse = core.tolist()
    if not (np.all(np.isfinite(core)) and edges[0] < low < high < edges[-1] and inverse > 0):
        raise ValueError(f"the core {core.tolist()} of the table is not inside its edges.")
    buckets = (high - low) * inverse
    if buckets != round(buckets) or not 1 <= buckets <= MOST_BUCKETS:
        raise ValueError(f"the core of the table has {buckets} buckets.")


def _check_end(records: FloatArray, core: FloatArray, end: FloatArray, side: int) -> None:
    name = ("lower", "upper")[side]
    row = 0 if side == k.LOW else -1
    edge, value = records[row, k.EDGE], records[row, k.C0]
    outward = -1.0 if side == k.LOW else 1.0
    plain = [k.ANCHOR, k.SIGN, k.BASE, k.POWER, k.REACH]
    distances = [end[k.SIGN] * (e - end[k.ANCHOR]) for e in (edge, core[side])]
    if not np.all(np.isfinite(end[plain])) or np.any(np.isnan(end)) or abs(end[k.SIGN]) != 1.0:
        raise ValueError(f"the {name} end of the table is not finite.")
    if min(distances) <= 0 or distances[0] != end[k.REACH]:
        raise ValueError(f"the {name} end of the table is anchored inside its cells.")
    if outward * (end[k.SUPPORT] - edge) < 0 or outward * (end[k.LIMIT] - value) < 0:
        raise ValueError(f"the {name} end of the table lies before its last cell.")
    # d grows outward or shrinks outward; the power law must lead from the last value outward.
    growth = end[k.POWER] * (value - end[k.BASE]) * end[k.SIGN]
    if growth < 0:
        raise ValueError(f"the {name} end of the table turns back.")
