"""Laws of results in closed form, computed to 400 digits: what accuracy is measured against."""

from __future__ import annotations

import dataclasses
import functools
import itertools
import math
from collections.abc import Callable
from typing import Any, TypeAlias, final

import mpmath
import numpy as np

import otmaps
from otmaps import Distribution, MonotoneMap, Operation

from .cases import OPERATIONS, PRIORS, FloatArray
from .sizes import POINTS, SEED

Number: TypeAlias = Any  # mpmath has no types
Exact: TypeAlias = Callable[[Number], Number]

mp = mpmath.MPContext()
mp.dps = 400  # 1 - sf and the like lose up to 250 digits

DEEPEST = 1e-250


@final
@dataclasses.dataclass(frozen=True)
class Truth:
    """The law of an operation's result, and the quantiles of the prior, exactly.

    Attributes
    ----------
    operation, prior
        The case.
    cdf, sf : callable
        Of the result.
    ppf, isf : callable
        Of the prior.
    """

    operation: Operation
    prior: Distribution
    cdf: Exact
    sf: Exact
    ppf: Exact
    isf: Exact

    @functools.cached_property
    def law(self) -> Distribution:
        """What otmaps makes of it."""
        return otmaps.pushforward(self.operation, self.prior)

    @functools.cached_property
    def map(self) -> MonotoneMap:
        """What otmaps makes of it."""
        return otmaps.match(self.operation, self.prior, store=None).map

    def points(self, n: int = POINTS) -> FloatArray:
        """Points of y: half of them in the bulk, the others with tails down to 1e-250."""
        rng = np.random.default_rng(SEED)
        bulk = rng.random(n // 2)
        tails = 10.0 ** rng.uniform(math.log10(DEEPEST), -1.0, (2, n // 4))
        y = np.concatenate([self.law.ppf(bulk), self.law.ppf(tails[0]), self.law.isf(tails[1])])
        low, high = self.law.support()
        return y[(y > low) & (y < high)]

    def absolute_error(self) -> float:
        """The largest error of the cdf."""
        y = self.points()
        return max(float(abs(c - self.cdf(x))) for x, c in _pairs(y, self.law.cdf(y)))

    def tail_error(self) -> float:
        """The largest relative error of the smaller one of cdf and sf.

        Apart from what moving y by one unit in the last place of the support's end can do: the
        weights are doubles, so no law in doubles knows where it ends any better.
        """
        y = self.points()
        ends = [abs(end) for end in self.law.support() if math.isfinite(end)]
        grid = mp.mpf(float(np.spacing(max(ends, default=0.0))))
        worst = 0.0
        for x, c, s in zip(y, self.law.cdf(y), self.law.sf(y), strict=True):
            found, exact = (c, self.cdf) if c < s else (s, self.sf)
            point, value = mp.mpf(float(x)), mp.mpf(float(found))
            low, high = sorted((exact(point - grid), exact(point + grid)))
            gap = max(low - value, value - high, 0)
            worst = max(worst, float(gap / exact(point)))
        return worst

    def exact_map(self, y: Number) -> Number:
        """F_Z^-1(F_Y(y))."""
        cdf, sf = self.cdf(y), self.sf(y)
        return self.ppf(cdf) if cdf < sf else self.isf(sf)

    def map_error(self) -> float:
        """The largest error of the map over its domain, in the unit of `MonotoneMap.error`."""
        y = self.points()
        y = y[(y >= self.map.domain[0]) & (y <= self.map.domain[1])]
        scale, centre = self.prior.std(), self.prior.median()
        worst = 0.0
        for x, z in _pairs(y, self.map(y)):
            truth = self.exact_map(x)
            worst = max(worst, float(abs(z - truth) / max(scale, abs(truth - centre))))
        return worst


def _pairs(x: FloatArray, found: FloatArray) -> list[tuple[Number, Number]]:
    return [(mp.mpf(float(a)), mp.mpf(float(b))) for a, b in zip(x, found, strict=True)]


def _mirrored(cdf: Exact) -> Exact:
    """The sf of a law that is symmetric about 0."""
    return lambda y: cdf(-y)


def _laplace_midpoint(y: Number) -> Number:
    s = 2 * abs(y)  # of the sum: sf(s) = (2 + s) exp(-s) / 4
    tail = (2 + s) * mp.exp(-s) / 4
    return tail if y < 0 else 1 - tail


def _logistic_midpoint(y: Number) -> Number:
    if y == 0:
        return mp.mpf(1) / 2
    e = mp.exp(2 * y)  # cdf of the sum: e (e - 1 - s) / (e - 1)^2 with e = exp(s)
    return e * (e - 1 - 2 * y) / (e - 1) ** 2


def _student_midpoint(y: Number) -> Number:
    """The characteristic function (1 + c t / 2)^2 exp(-c t), c^2 = 3, inverted term by term."""
    c = mp.sqrt(3)
    d = c * c + y * y
    return mp.mpf(1) / 2 + (mp.atan(y / c) + c * y / d + mp.mpf(3) / 2 * c * y / d**2) / mp.pi


def _student(t: Number) -> Number:
    x = t / mp.sqrt(3)
    return mp.mpf(1) / 2 + (x / (1 + x * x) + mp.atan(x)) / mp.pi


def _student_ppf(p: Number) -> Number:
    """By Newton's method from the quantile in doubles, to all digits."""
    t = mp.mpf(float(otmaps.StudentT(3.0).ppf(float(p))))
    for _ in range(12):
        density = 6 * mp.sqrt(3) / (mp.pi * (3 + t * t) ** 2)
        step = (_student(t) - p) / density
        t -= step
        if abs(step) < abs(t) * mp.mpf(10) ** -60:
            return t
    raise ArithmeticError(f"Newton's method does not converge at p = {float(p)}")


def _two_exponentials(weights: tuple[float, ...]) -> Exact:
    a, b = (mp.mpf(w) for w in weights)
    return lambda y: (a * mp.exp(-y / a) - b * mp.exp(-y / b)) / (a - b)


def _uniforms(weights: tuple[float, ...]) -> Exact:
    """The cdf of a weighted sum of uniforms on [-1, 1], by inclusion and exclusion."""
    w = [mp.mpf(x) for x in weights]
    total, n = sum(w), len(w)
    subsets = [s for k in range(n + 1) for s in itertools.combinations(w, k)]
    volume = mp.factorial(n) * mp.fprod(w)

    def cdf(y: Number) -> Number:
        x = (y + total) / 2
        terms = ((-1) ** len(s) * max(x - sum(s), 0) ** n for s in subsets)
        return mp.fsum(terms) / volume

    return cdf


def _symmetric(operation: Operation, prior: str, cdf: Exact, ppf: Exact) -> Truth:
    return Truth(operation, PRIORS[prior], cdf, _mirrored(cdf), ppf, lambda q: -ppf(q))


def _exponential(operation: Operation) -> Truth:
    assert operation.linear is not None
    sf = _two_exponentials(operation.linear.weights)
    return Truth(
        operation,
        PRIORS["exponential"],
        lambda y: 1 - sf(y),
        sf,
        lambda p: -mp.log(1 - p),
        lambda q: -mp.log(q),
    )


def _uniform(weights: tuple[float, ...]) -> Truth:
    operation = otmaps.linear(weights)
    return _symmetric(operation, "uniform", _uniforms(weights), lambda p: 2 * p - 1)


_MIDPOINT = OPERATIONS["lerp"]

TRUTHS: dict[str, Truth] = {
    "laplace midpoint": _symmetric(
        _MIDPOINT, "laplace", _laplace_midpoint, lambda p: mp.log(2 * p)
    ),
    "logistic midpoint": _symmetric(
        _MIDPOINT, "logistic", _logistic_midpoint, lambda p: mp.log(p / (1 - p))
    ),
    "student 3 midpoint": _symmetric(_MIDPOINT, "student 3", _student_midpoint, _student_ppf),
    "exponential lerp .3": _exponential(OPERATIONS["lerp .3"]),
    "uniform midpoint": _uniform((0.5, 0.5)),
    "uniform mean of 4": _uniform((0.25,) * 4),
    "uniform (.1, .2, .7)": _uniform((0.1, 0.2, 0.7)),
    "uniform (1e-6, 1)": _uniform((1e-6, 1.0)),
}
