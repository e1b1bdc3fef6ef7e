"""What is stored against itself: more bits, the two tails, the slope, and a second method."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

from flint import arb

from .balls import Reference, ball, certified, remembered
from .cases import Case
from .methods import METHODS
from .terms import expand

SAMPLE = 7  # points of a case
# name of a case -> a method that shares no formula with that of the case
SECOND = {
    "uniform n=30 equal": "contour",
    "uniform n=1000 equal": "contour",
    "uniform vicinity": "pair",
    "exponential (.3, .7)": "contour",
    "exponential difference": "contour",
    "exponential n=100 distinct": "contour",
    "laplace equal": "contour",
    "laplace nearly equal": "contour",
    "laplace vicinity": "pair",
    "laplace analogy": "contour",
    "laplace n=4 distinct": "contour",
    "laplace n=50 equal": "contour",
    "laplace n=1000 equal": "contour",
    "gamma whole shapes": "contour",
    "normal (.6, .8)": "contour",
    "normal + laplace": "contour",
    "normal + exponential": "contour",
    "normal + uniform": "contour",
    "levy pair": "stable",
    "levy difference": "pair",
    "logistic equal": "pair",
    "logistic vicinity": "pair",
    "gumbel equal": "pair",
    "gamma.5 pair": "pair",
    "normal + logistic": "pair",
    "normal + gumbel": "pair",
    "normal + arcsine": "pair",
    "laplace + logistic": "pair",
    "logistic n=1": "contour",
    "gumbel n=1": "contour",
    "gamma.5 n=1": "contour",
}


def _require(found: arb, wanted: arb, relative: float, what: str) -> None:
    gap = abs(found - wanted).upper()
    if not gap <= abs(wanted).lower() * relative:
        msg = f"{what}: {found.str(25)} against {wanted.str(25)}"
        raise ArithmeticError(msg)


def _same_log(found: arb, stored: str, what: str) -> None:
    """A value against a stored log, to 22 digits of the log or 1e-22 in it."""
    log = found.log()
    gap = abs(log - arb(stored)).upper()
    if not gap <= max(abs(log).upper(), arb(1e-3)) * arb("1e-22"):
        msg = f"{what}: {log.str(25)} against {stored}"
        raise ArithmeticError(msg)


def _slope(law: Reference, x: Fraction, which: str) -> None:
    """The density against the central difference of the nearer tail."""
    tail, pdf = (certified(f, x, law.bits) for f in (getattr(law, which), law.pdf))
    room = [Fraction(float((tail / pdf).mid()))]
    room += [abs(x - k) for k in (law.low, law.high, *law.kinks) if k not in {None, x}]
    h = min(room) / 10**9
    if h == 0:
        return
    above, below = (certified(getattr(law, which), x + d, 2 * law.bits) for d in (h, -h))
    slope = (abs(above - below) / ball(2 * h)).mid()
    _require(slope, pdf, 1e-8, f"slope at {float(x)!r}")


def check(case: Case, stored: dict[str, Any]) -> str:
    """Go through a sample of the points of a case; says what was done."""
    law = remembered(METHODS[case.method](expand(case.terms)))
    second = SECOND.get(case.name)
    other = remembered(METHODS[second](expand(case.terms))) if second else None
    rows = stored["points"][:: max(1, len(stored["points"]) // (SAMPLE - 1))] + stored["deep"][-1:]
    for row in rows:
        x, what = Fraction(float.fromhex(row["x"])), f"{case.name} at {row['x']}"
        which = "cdf" if float(row["logcdf"]) < float(row["logsf"]) else "sf"
        tail = certified(getattr(law, which), x, 2 * law.bits)
        _same_log(tail, row["log" + which], what)
        _same_log(certified(law.pdf, x, 2 * law.bits), row["logpdf"], what)
        if tail > 1e-20:
            far = certified(getattr(law, {"cdf": "sf", "sf": "cdf"}[which]), x, law.bits)
            _require(tail + far, arb(1), 1e-28, what)
        if tail > arb("1e-310"):
            _slope(law, x, which)
        if other:
            _same_log(certified(getattr(other, which), x, other.bits), row["log" + which], what)
            _same_log(certified(other.pdf, x, other.bits), row["logpdf"], what)
    return f"{len(rows)} points" + (f", by {second} too" if second else "")
