"""Tables of part of the way: (1 - s) y + s T(y) is a polynomial wherever T is."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from otmaps._arrays import FloatArray
from otmaps._errors import AccuracyError
from otmaps._kernels import _maps as k
from otmaps._map_exact import unit_at
from otmaps._map_inner import blended_inner
from otmaps._map_proof import levelled, never_falls
from otmaps._map_table import N_STATED, Table, make_table

_PIECES = 8  # of a cell, over which units are compared
_POINTS = 65  # of the continuation on each side
_SAFETY = 2.0


def between(a: Any, b: Any, s: float) -> Any:
    """(1 - s) a + s b."""
    return (1.0 - s) * a + s * b


def blended_table(table: Table, s: float) -> tuple[Table, FloatArray]:
    """The table of ``(1 - s) y + s T(y)``, for s inside (0, 1), and what rounding moved each cell.

    What is proven never to fall stays so: the conditions of the proof are linear, or convex, in
    the coefficients, and a straight line fulfils them.
    """
    records = np.array(table.records)
    edges, old = records[:, k.EDGE], records[:, k.C0].copy()
    records[:, k.C0] = between(edges, old, s)
    records[:-1, k.C1 :] *= s
    records[:-1, k.C1] += (1.0 - s) * np.diff(edges)
    records, moved = levelled(records)
    if not np.all(never_falls(records, table.core[2])):
        raise AccuracyError(
            f"at s = {s!r} the cells are not proven to rise any more; take a coarser s."
        )
    ends = np.array(table.ends)
    for side, row in ((k.LOW, 0), (k.HIGH, -1)):
        ends[side] = _blended_end(table.ends[side], old[row], records[row, k.C0], s)
    return make_table(records, table.core, ends, blended_inner(table.inner, s)), moved


def _blended_end(end: FloatArray, last: float, value: float, s: float) -> FloatArray:
    """The continuation: with the slope of the blend, and its limit or its growth."""
    new = np.array(end[:N_STATED])
    sign, reach, power = end[k.SIGN], end[k.REACH], end[k.POWER]
    slope = between(sign, power * (last - end[k.BASE]) / reach, s)  # in the distance
    new[k.LIMIT] = between(end[k.SUPPORT], end[k.LIMIT], s)
    if math.isfinite(new[k.LIMIT]):
        new[k.BASE] = new[k.LIMIT]
    elif math.isfinite(end[k.LIMIT]) or power == 0.0:  # T is constant far out: a straight line
        new[k.BASE] = value - slope * reach
    else:
        new[k.BASE] = between(end[k.ANCHOR], end[k.BASE], s)
    rise = value - new[k.BASE]
    power = slope * reach / rise if rise else 0.0
    new[k.POWER] = power if math.isfinite(power) and power * rise * sign > 0.0 else 0.0
    return new


def cell_factor(
    table: Table, blend: Table, s: float, domain: tuple[float, float], unit: tuple[float, float]
) -> float:
    """By how much the error of T, in its unit, grows in the unit of the blend, over the domain.

    ``unit`` is the centre and the scale of `unit_at`.
    """
    centre, scale = unit
    edges = table.records[:, k.EDGE]
    steps = np.arange(_PIECES) / _PIECES
    y = np.append((edges[:-1, None] + np.diff(edges)[:, None] * steps).ravel(), edges[-1])
    y = np.unique(np.clip(y, *domain))
    z, mixed = _values(table, y), _values(blend, y)
    units, least = unit_at(z, *unit), unit_at(mixed, *unit)
    # Units have their largest value over an interval at its ends, and their least there or inside.
    passes = (mixed[:-1] < centre) & (mixed[1:] > centre)
    smallest = np.where(passes, scale, np.minimum(least[:-1], least[1:]))
    worst = float((np.maximum(units[:-1], units[1:]) / smallest).max())
    for side, row, outward in ((k.LOW, 0, -1.0), (k.HIGH, -1, 1.0)):
        if outward * (domain[side] - edges[row]) > 0.0:  # up to a limit that T has all but reached
            inner = scale if outward * (mixed[row] - centre) < 0.0 else least[row]
            worst = max(worst, float(units[row]) / float(inner))
    return s * worst


def continuation_gap(
    table: Table,
    blend: Table,
    s: float,
    *,
    domain: tuple[float, float],
    outer: tuple[float, float],
    unit: tuple[float, float],
) -> tuple[float, float]:
    """Beyond the domain: the growth of the error of T, and the error of the blend's own law."""
    growth, own = 0.0, 0.0
    for side in (k.LOW, k.HIGH):
        y = outward_points(table.ends[side], domain[side], outer[side], _POINTS)
        if not y.size:
            continue
        z, mixed = _values(table, y), _values(blend, y)
        size = unit_at(mixed, *unit)
        growth = max(growth, s * float((unit_at(z, *unit) / size).max()))
        own = max(own, float((np.abs(mixed - between(y, z, s)) / size).max()))
    return growth, _SAFETY * own


def outward_points(end: FloatArray, start: float, stop: float, n: int) -> FloatArray:
    """Points from ``start`` outward to ``stop``, in geometric steps of the distance."""
    if start == stop or not math.isfinite(start):
        return np.zeros(0)
    anchor, sign = end[k.ANCHOR], end[k.SIGN]
    near, far = sign * (start - anchor), sign * (stop - anchor)
    far = far if far > 0.0 else float(np.spacing(abs(anchor)))
    y = anchor + sign * np.exp(np.linspace(math.log(near), math.log(far), n))
    return np.unique(np.clip(y, min(start, stop), max(start, stop)))


def _values(table: Table, y: FloatArray) -> FloatArray:
    out = np.empty_like(y)
    table.evaluate(y, out)
    return out
