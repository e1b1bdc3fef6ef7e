"""Where to look, and the row of the file for a point."""

from __future__ import annotations

import math
from fractions import Fraction
from typing import Any

from flint import arb, ctx
from linear_truths.balls import Law, Reference, certified, reflected
from linear_truths.points import Tail, inside, median, near_kinks

from .case import Case

BULK = (0.48, 0.43, 0.38, 0.33, 0.28, 0.23, 0.18, 0.14, 0.1, 0.07, 0.04)
TAIL = (1e-2, 1e-3, 1e-4, 1e-5, 1e-7, 1e-9, 1e-11, 3e-12, 1e-15, 1e-20, 1e-30)
LEVELS = [-math.log(p) for p in BULK + TAIL]
DIGITS = 25
GRID = 2  # units in the last place


def chosen(case: Case) -> list[float]:
    """Points over the levels of the law, about kinks, at atoms and beside them, and given ones."""
    law = case.law
    start = median(law)
    upper, mirror = Tail(law, start), Tail(reflected(law), -start)
    points = {start, *upper.levels(LEVELS), *(-x for x in mirror.levels(LEVELS))}
    points |= near_kinks(law) | set(case.extra)
    if case.atoms:
        masses = [(at, mass()) for at, mass in case.atoms]
        seen = [at for at, mass in masses if mass > 1e-13]
        seen = seen if len(seen) <= 12 else seen[:8] + seen[8 :: len(seen) // 4]
        points |= set(seen) | {math.nextafter(at, s * math.inf) for at in seen for s in (-1, 1)}
    kept = {x + 0.0 for x in points if math.isfinite(x)}
    atoms = {at for at, _ in case.atoms}
    return sorted(x for x in kept if x in atoms or inside(law, x))


def _value(law: Reference, formula: Law, x: Fraction, beyond: tuple[int, int]) -> arb:
    """The tail at a point that may be outside the support; the ends belong to the law."""
    if law.low is not None and x < law.low:
        return arb(beyond[0])
    if law.high is not None and x >= law.high:
        return arb(beyond[1])
    return formula(x)


def _certain(law: Reference, formula: Law, x: Fraction) -> arb:
    return certified(formula, x, law.bits)


def number(value: arb) -> str:
    """Its digits."""
    return value.mid().str(DIGITS, radius=False)


def _grid(case: Case, x: float) -> float:
    """How much the nearer tail may change within ``GRID`` units of the point, atoms apart."""
    law, step = case.law, GRID * Fraction(math.ulp(x))
    at = Fraction(x)
    ctx.prec = law.bits  # enough for the few digits that are kept
    ends = [_value(law, law.cdf, at + side * step, (0, 1)) for side in (-1, 1)]
    moved = ends[1] - ends[0]
    for place, mass in case.atoms:
        if abs(Fraction(place) - at) <= step:
            moved -= mass()
    return max(float(moved.mid()), 0.0)


def row(case: Case, x: float) -> dict[str, Any]:
    """The nearer tail certified and the other one from it, with what the float grid may do."""
    law, at = case.law, Fraction(x)
    if law.high is not None and at >= law.high:
        logs = {"logcdf": "0", "logsf": "-inf"}
    else:
        nearer, name, other = _nearer(law, at)
        logs = {name: number(nearer.log()), other: number((-nearer).log1p())}
    return {"x": x.hex()} | {k: logs[k] for k in sorted(logs)} | {"grid": f"{_grid(case, x):.2e}"}


def _nearer(law: Reference, at: Fraction) -> tuple[arb, str, str]:
    ctx.prec = law.bits
    if law.cdf(at) < 0.5:
        return _certain(law, law.cdf, at), "logcdf", "logsf"
    return _certain(law, law.sf, at), "logsf", "logcdf"
