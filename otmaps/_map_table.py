"""The table of a monotone map: cells with polynomials, an index of constant cost, two ends."""

from __future__ import annotations

import dataclasses
import functools
import math
from collections.abc import Sequence
from typing import Any, final

import numpy as np

from otmaps._arrays import AnyFloatArray, FloatArray
from otmaps._kernels import _indexes as indexes
from otmaps._kernels import _maps as k
from otmaps._kernels import _tables as kernels
from otmaps._linearity import Linear
from otmaps._map_inner import DEGREES, MOST_PARTS, NOTHING, STEPS, Inner
from otmaps._map_inner import N_STATED as N_INNER
from otmaps._map_proof import PARTS_TO_BERNSTEIN

MOST_BUCKETS = 1 << 16
"""More would no longer fit the second-level cache beside the cells."""

_EPS = float(np.finfo(float).eps)

FOLLOWED = 1e-11
"""How far the cells may be from the polynomials of the inner range, in parts of the values."""

N_STATED = k.FIRST
"""So many columns of an end are stated; those behind them, in the index, describe its buckets."""


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
class Index:
    """What finds the cell of a point: computed from a table, so no file can get it wrong."""

    cubics: FloatArray
    guide: k.IntArray
    ends: FloatArray


@final
@dataclasses.dataclass(frozen=True, eq=False)
class Table:
    """What the kernels read; see `otmaps._kernels._maps` for the layout. Equal by identity."""

    records: FloatArray
    core: FloatArray
    ends: FloatArray
    inner: Inner = NOTHING

    @functools.cached_property
    def index(self) -> Index:
        """Made when it is first needed, so that opening a table costs no more than its checks."""
        return _index(self.records, self.core, self.ends)

    @property
    def cells(self) -> int:
        """The number of cells."""
        return len(self.records) - 1

    @property
    def _arrays(self) -> k.TableArrays:
        index, inner = self.index, self.inner
        stated = index.cubics, self.records, index.guide, self.core, index.ends
        return *stated, inner.numbers, inner.powers

    def evaluate(self, y: AnyFloatArray, out: AnyFloatArray) -> None:
        """The map at a contiguous vector."""
        self.evaluate_sum((y,), Linear((1.0,)), out)

    def evaluate_sum(self, zs: Sequence[AnyFloatArray], form: Linear, out: AnyFloatArray) -> None:
        """The map at a weighted sum of contiguous vectors of one dtype, in one pass."""
        apart = len(zs) <= 2 and not any(np.may_share_memory(z, out) for z in zs)
        kernel = k.evaluate if apart else k.evaluate_buffered
        kernel(read_only(zs), form.weights, form.offset, out, self._arrays)

    def differentiate(self, y: AnyFloatArray, out: AnyFloatArray) -> None:
        """Its derivative."""
        k.differentiate(y, out, self._arrays)

    def invert(self, z: AnyFloatArray, out: AnyFloatArray) -> None:
        """Its inverse."""
        k.invert(z, out, self.records, self.ends)

    def arrays(self) -> dict[str, FloatArray]:
        """What is stated of it; the index is computed again from that."""
        arrays = {"records": self.records, "core": self.core, "ends": self.ends}
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
    """The table of given cells.

    Parameters
    ----------
    records : ndarray, shape (n + 1, 8)
    core : ndarray, shape (3,)
        Low end, high end, and the inverse width of a bucket, a power of two.
    ends : ndarray, shape (2, N_STATED)
    inner : Inner
        What `evaluate` goes by in its range; the cells there have the same values to rounding.
    """
    return frozen(_on_cache_lines(records), core.copy(), ends.copy(), inner)


def frozen(lines: FloatArray, core: FloatArray, ends: FloatArray, inner: Inner) -> Table:
    """The table of cells on cache lines; it keeps the arrays, which become read-only."""
    for array in (lines, core, ends):
        array.flags.writeable = False
    return Table(lines, core, ends, inner)


def _index(lines: FloatArray, core: FloatArray, stated: FloatArray) -> Index:
    ends = np.zeros((2, k.COUNT + 1))
    ends[:, :N_STATED] = stated
    low, high, inverse = core.tolist()
    start = buckets = round((high - low) * inverse)
    below, above = kernels.borders(lines, core)
    for side, cells in ((k.LOW, below), (k.HIGH, len(lines) - 1 - above)):
        ends[side, k.START] = start
        start += _count_buckets(lines, core, ends[side], side, cells)
    guide = np.empty(start, dtype=np.int32)
    cubic = indexes.index(lines, core, ends, below, above, guide)
    # Where other cells prevail there are no cubics: then the kernel goes by the guide at once.
    cubics = aligned(buckets if cubic >= 0.5 * buckets else 0, 4)
    if len(cubics):
        indexes.copy_cubics(lines, core, guide, cubics)
    for array in (cubics, guide, ends):
        array.flags.writeable = False
    return Index(cubics, guide, ends)


def aligned(rows: int, columns: int) -> FloatArray:
    """An array that starts on a multiple of 64 bytes: a record of 8 numbers is one cache line."""
    raw = np.empty(rows * columns + 8)
    start = (-raw.__array_interface__["data"][0] // 8) % 8
    return raw[start : start + rows * columns].reshape(rows, columns)


def _on_cache_lines(records: FloatArray) -> FloatArray:
    lines = aligned(*records.shape)
    lines[...] = records
    return lines


def _count_buckets(
    records: FloatArray, core: FloatArray, end: FloatArray, side: int, cells: int
) -> int:
    """Fill in the computed columns of an end with so many cells; the number of its buckets."""
    anchor, sign = end[: k.SIGN + 1].tolist()
    edge = float(records[0 if side == k.LOW else -1, k.EDGE])
    near, far = sorted((sign * (edge - anchor), sign * (float(core[side]) - anchor)))
    octaves = math.frexp(far)[1] - math.frexp(near)[1] + 1
    wanted = 2.0 * (cells + 1) / octaves
    per_octave = 2 ** min(max(math.ceil(math.log2(wanted)), 0), 10)
    first, last = (int(k.bucket(d, float(per_octave))) for d in (near, far))
    end[k.FIRST], end[k.PER_OCTAVE], end[k.COUNT] = first, per_octave, last - first + 1
    return last - first + 1


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
    lines, core, ends = _on_cache_lines(records), core.copy(), ends.copy()
    numbers, powers = _stated_inner(arrays)
    limits = MOST_BUCKETS, MOST_PARTS, FOLLOWED
    fault = kernels.check(lines, core, ends, numbers, powers, STEPS, limits, PARTS_TO_BERNSTEIN)
    if fault != kernels.SOUND:
        raise ValueError(f"{_FAULTS[fault]}.")
    if not len(powers):
        return frozen(lines, core, ends, NOTHING)
    numbers.flags.writeable = powers.flags.writeable = False
    return frozen(lines, core, ends, Inner(numbers, powers))


_END_FAULTS = {
    kernels.END_NOT_FINITE: "the {} end of the table is not finite",
    kernels.ANCHORED: "the {} end of the table is anchored inside its cells",
    kernels.BEFORE: "the {} end of the table lies before its last cell",
    kernels.BACK: "the {} end of the table turns back",
}
_FAULTS = {
    kernels.NOT_FINITE: "records of the table are not finite",
    kernels.EDGES: "the edges of the table do not increase",
    kernels.WIDTHS: "the widths of the table do not belong to its edges",
    kernels.FALLING: "the map of the table is not monotone",
    kernels.OVERLAP: "a cell of the table ends above the beginning of the next one",
    kernels.CORE: "the core of the table is not inside its edges",
    kernels.BUCKETS: f"the core of the table has not 1 to {MOST_BUCKETS} whole buckets",
    kernels.INNER: "the numbers of the inner range do not fit one another",
    kernels.INNER_FALLS: "the map of the inner range is not proven to rise",
    kernels.INNER_LEAVES: "the inner range of the table does not follow its cells",
    **{code: text.format("lower") for code, text in _END_FAULTS.items()},
    **{code + len(_END_FAULTS): text.format("upper") for code, text in _END_FAULTS.items()},
}


def _stated_inner(arrays: dict[str, Any]) -> tuple[FloatArray, FloatArray]:
    """Copies of the arrays of the inner range, with room for what is computed."""
    full = np.zeros(k.TOP + 1)
    if "inner" not in arrays or "powers" not in arrays:
        return full, NOTHING.powers.copy()
    numbers, powers = (_checked_array(arrays[name], name) for name in ("inner", "powers"))
    if numbers.shape != (N_INNER,) or powers.ndim != 2 or len(powers) > 2:
        raise ValueError(f"the inner range has the shapes {numbers.shape} and {powers.shape}.")
    if powers.shape[1] not in DEGREES:
        raise ValueError(f"the inner range has {powers.shape[1]} coefficients.")
    full[:N_INNER] = numbers
    return full, powers.copy()


def _checked_array(value: Any, name: str) -> FloatArray:
    if not isinstance(value, np.ndarray) or value.dtype != np.float64:
        raise ValueError(f"{name} of the table is not a float64 array.")
    return value
