"""Where to look: doubles spread over the levels of a law, from the bulk to 1e-300 and deeper."""

from __future__ import annotations

import math
from bisect import insort
from fractions import Fraction

from .balls import Reference, certified, reflected

BULK = [-math.log(p) for p in (0.49, 0.4, 0.3, 0.2, 0.1, 0.05)]
DEEPEST = 300 * math.log(10)
TAIL = [-math.log(0.02) * (DEEPEST / -math.log(0.02)) ** (i / 19) for i in range(20)]
DEEP = [1000.0, 4000.0, 20000.0]  # minus log of the tail
CLOSE = 0.04  # relative, in the log of the tail: a level need not be met exactly
REACH = 708.0  # of the coordinate: doubles end


def inside(law: Reference, x: float) -> bool:
    """Whether the double lies strictly inside the support and is finite."""
    if not math.isfinite(x):
        return False
    at = Fraction(x)
    return (law.low is None or at > law.low) and (law.high is None or at < law.high)


def median(law: Reference) -> float:
    """A double near the median, by bisection."""
    low, high = law.low, law.high
    spread = Fraction(law.spread)
    if low is None and high is None:
        low, high = -spread, spread
        while certified(law.cdf, low, law.bits) > 0.5:
            low *= 4
        while certified(law.sf, high, law.bits) > 0.5:
            high *= 4
    elif high is None:
        high = low + spread
        while certified(law.sf, high, law.bits) > 0.5:
            high = low + 4 * (high - low)
    elif low is None:
        low = high - spread
        while certified(law.cdf, low, law.bits) > 0.5:
            low = high + 4 * (low - high)
    for _ in range(8):
        middle = (low + high) / 2
        if not inside(law, float(middle)):
            break
        middle = Fraction(float(middle))
        if certified(law.cdf, middle, law.bits) < 0.5:
            low = middle
        else:
            high = middle
    return float((low + high) / 2)


class Tail:
    """The upper tail as a table of (coordinate, log of minus the log of the tail, x)."""

    def __init__(self, law: Reference, start: float) -> None:
        self.law, self.start, self.table = law, start, []
        self.seen: dict[float, float] = {}
        self.limit = REACH
        if law.high is not None:
            gap = float(law.high - Fraction(start))
            finest = math.ulp(float(law.high)) if law.high else 5e-324
            self.limit = math.log(gap / finest) - 0.01
        else:
            self.limit = REACH - math.log(max(law.spread, 1e-300)) if law.spread > 1 else REACH
        self.look(0.0)

    def point(self, u: float) -> float:
        """The double at a coordinate."""
        if self.law.high is None:
            return self.start + self.law.spread * math.sinh(u)
        gap = self.law.high - Fraction(self.start)
        return float(self.law.high - gap * Fraction(math.exp(-u)))

    def look(self, u: float) -> float | None:
        """Evaluate at a coordinate: the log of minus the log of the tail."""
        x = self.point(u)
        if not inside(self.law, x):
            return None
        if x not in self.seen:
            log = float(certified(self.law.sf, Fraction(x), self.law.bits).log().mid())
            self.seen[x] = math.log(-log)
        insort(self.table, (u, self.seen[x], x))
        return self.seen[x]

    def reach(self, goal: float) -> bool:
        """Extend the table until it has the level."""
        while self.table[-1][1] < goal:
            u, level, _ = self.table[-1]
            step = min(max(u, 0.5), self.limit - u)
            if len(self.table) > 2:  # do not go far beyond the level: that may be costly
                slope = (level - self.table[-2][1]) / (u - self.table[-2][0])
                step = min(step, max(0.2, 1.2 * (goal - level) / slope) if slope > 0 else step)
            while step > 1e-3 and self.look(u + step) is None:
                step /= 2
            if step <= 1e-3:
                return False
        return True

    def at_level(self, level: float) -> float | None:
        """A double where minus the log of the tail is about ``level``."""
        goal = math.log(level)
        while self.table[0][1] > goal:  # the start is beyond it
            if self.look(self.table[0][0] - 0.05 * 2 ** len(self.table)) is None:
                return None
        if not self.reach(goal):
            return None
        for _ in range(12):
            i = next(i for i, row in enumerate(self.table) if row[1] >= goal)
            below, above = self.table[max(i - 1, 0)], self.table[i]
            near = min(below, above, key=lambda row: abs(row[1] - goal))
            if abs(near[1] - goal) < CLOSE or above[0] - below[0] < 1e-12:
                return near[2]
            share = (goal - below[1]) / (above[1] - below[1])
            share = min(max(share, 0.08), 0.92)
            if self.look(below[0] + share * (above[0] - below[0])) is None:
                return near[2]
        return near[2]

    def levels(self, goals: list[float]) -> list[float]:
        found = [self.at_level(goal) for goal in goals]
        return [x for x in found if x is not None]


def near_kinks(law: Reference) -> set[float]:
    """Doubles beside the kinks, of a few of them where there are many."""
    kinks = [k for k in law.kinks if inside(law, float(k))]
    if len(kinks) > 3:
        kinks = [kinks[0], kinks[len(kinks) // 2], kinks[-1]]
    out: set[float] = set()
    for k in kinks:
        x, size = float(k), abs(float(k)) or law.spread
        for side in (-1, 1):
            out |= {x + side * size * 1e-3, x + side * size * 1e-9}
            out.add(math.nextafter(x, side * math.inf) if x else side * size * 1e-17)
    return {x for x in out if inside(law, x)}


def chosen(law: Reference, deep: bool) -> list[tuple[float, bool]]:
    """The points of a case, of levels, kinks and deeper, and whether each is above the middle."""
    start = median(law)
    upper, mirror = Tail(law, start), Tail(reflected(law), -start)
    points = set(upper.levels(BULK + TAIL)) | {-x for x in mirror.levels(BULK + TAIL)}
    points |= near_kinks(law)
    out: list[float] = []
    if deep:
        out = upper.levels(DEEP) + [-x for x in mirror.levels(DEEP)]
    return [(x, x >= start) for x in sorted(points | set(out))]


def numbers(law: Reference, x: float, is_upper: bool) -> dict[str, str]:
    """The row of the file for a point: one tail certified, the other one from it."""
    at = Fraction(x)
    tail = certified(law.sf if is_upper else law.cdf, at, law.bits)
    names = ("logsf", "logcdf") if is_upper else ("logcdf", "logsf")
    logs = {
        names[0]: tail.log(),
        names[1]: (-tail).log1p(),
        "logpdf": certified(law.pdf, at, law.bits).log(),
    }
    return {"x": x.hex()} | {n: logs[n].mid().str(25, radius=False) for n in sorted(logs)}
