"""Laws of monotone functions of one variable whose law is known: exact up to rounding."""

from __future__ import annotations

import dataclasses
import functools
import math
from collections.abc import Callable, Iterator
from typing import Any, final

import numpy as np
import numpy.typing as npt

from otmaps._arrays import FloatArray
from otmaps._discrete import Discrete
from otmaps._distribution import Affine, Distribution
from otmaps._mixture import Mixture
from otmaps._monotone import Monotone, undoes
from otmaps._one_sided_priors import Exponential, Gamma, LogNormal
from otmaps._priors import Normal, Uniform
from otmaps._truncated import split_at

_EPS = float(np.finfo(float).eps)
_FAR = 600.0  # of a logarithm: beyond, a tail goes on by its power
_GRIDS = 8.0
_NEAR_UNIT = 0.5
_BASELINE = 0.1  # the share of it over which the power is measured
_LEVELS = np.concatenate([np.geomspace(1e-300, 1e-3, 100), np.linspace(0.002, 0.5, 50)])


@final
@dataclasses.dataclass(frozen=True)
class Image(Distribution):
    """The law of ``function(X)``.

    Attributes
    ----------
    base : Distribution
        The law of X, without atoms; its support lies in the domain of the function.
    function : Monotone
    """

    base: Distribution
    function: Monotone

    def _support(self) -> tuple[float, float]:
        with np.errstate(all="ignore"):
            low, high = (float(self.function.forth(e)) for e in self.base.support())
        return low, high

    def _breakpoints(self) -> tuple[float, ...]:
        low, high = self._support()
        with np.errstate(all="ignore"):
            points = {float(self.function.forth(b)) for b in self.base.breakpoints}
        points |= {p for p in self.function.poles if low < p < high}
        return tuple(sorted(p + 0.0 for p in points | {low, high} if math.isfinite(p)))

    def _error(self) -> float:
        return self.base.error + self._rounding[0]

    def _tail_error(self) -> float:
        return self.base.tail_error + self._rounding[1]

    @functools.cached_property
    def _rounding(self) -> tuple[float, float]:
        """What two units in the last place of the inverse move: absolute, relative in tails."""
        if self._unit is None:
            return _moved_by_ulps(self.base, self.function, lambda y: self._near(y) == y)
        ways = [
            _moved_by_ulps(*self._unit, lambda y: np.abs(y) < _NEAR_UNIT),
            _moved_by_ulps(
                self.base,
                self.function,
                lambda y: (np.abs(y) >= _NEAR_UNIT) & (self._near(y) == y),
            ),
        ]
        return max(way[0] for way in ways), max(way[1] for way in ways)

    def _symmetry(self) -> float | None:
        return 0.0 if self.function.odd and self.base.symmetry == 0.0 else None

    def _method(self) -> str:
        return self.base.method

    def _recipe(self) -> dict[str, Any] | None:
        base = self.base.recipe()
        if base is None:
            return None
        f = self.function
        anchor = None if f.anchor is None else f.anchor.hex()
        function = {"name": f.name, "exponent": f.exponent.hex(), "anchor": anchor}
        return {"law": "Image", "base": base, "function": function}

    def _affine(self, scale: float, shift: float) -> Distribution:
        if shift != 0.0:
            for moved, level in self._ends():
                if shift == -scale * level:
                    return moved.affine(scale)
        return super()._affine(scale, shift)

    def _ends(self) -> Iterator[tuple[Distribution, float]]:
        """The law of the distance from a kink or an end, and where that is."""
        name = self.function.name
        if self.function.anchor is None and name in _LIMITS:
            low, high = self._support()
            for moved, level in _LIMITS[name](self.base):
                if level in {low, high}:
                    yield moved, level
        for point in self.base.breakpoints:
            with np.errstate(all="ignore"):
                level = float(self.function.forth(point))
            if math.isfinite(level):
                yield Image(_from(self.base, point), self.function.anchored(point)), level

    # A logarithm reaches points whose exponential no double holds: there a tail of X near 0, or
    # near the largest doubles, is taken to go on as the power that it is.
    def _near(self, y: FloatArray) -> FloatArray:
        return np.clip(y, -_FAR, _FAR) if self._is_log else y

    @functools.cached_property
    def _unit(self) -> tuple[Distribution, Monotone] | None:
        """From X = 1, where a law may end, and where the logarithm is 0: a fine grid to lose."""
        if not self._is_log or 1.0 not in self.base.breakpoints:
            return None
        return _from(self.base, 1.0), self.function.anchored(1.0)

    def _of_base(self, name: str, y: FloatArray) -> FloatArray:
        values = np.array(getattr(self.base, name)(self.function.back(y)))
        if self._unit is not None:
            near = np.abs(y) < _NEAR_UNIT
            base, function = self._unit
            values[near] = getattr(base, name)(function.back(y[near]))
        return values

    def _log_tail(self, y: FloatArray, *, upper: bool) -> FloatArray:
        near = self._near(y)
        logs = self._of_base("logsf" if upper else "logcdf", near)
        beyond = (y > near) if upper else (y < near)
        if beyond.any():
            before = near[beyond] * (1.0 - _BASELINE)
            rate = (self._log_tail(before, upper=upper) - logs[beyond]) / (_BASELINE * _FAR)
            logs[beyond] -= np.nan_to_num(rate) * np.abs(y[beyond] - near[beyond])
        return logs

    def _logcdf(self, y: FloatArray) -> FloatArray:
        return self._log_tail(y, upper=False)

    def _logsf(self, y: FloatArray) -> FloatArray:
        return self._log_tail(y, upper=True)

    def _cdf(self, y: FloatArray) -> FloatArray:
        if self._is_log:
            return np.exp(self._logcdf(y))
        return np.asarray(self.base.cdf(self.function.back(y)))

    def _sf(self, y: FloatArray) -> FloatArray:
        if self._is_log:
            return np.exp(self._logsf(y))
        return np.asarray(self.base.sf(self.function.back(y)))

    def _logpdf(self, y: FloatArray) -> FloatArray:
        # At an end of the support the density is the limit from inside.
        low, high = self._support()
        y = np.where(y == low, np.nextafter(low, math.inf), y)
        y = np.where(y == high, np.nextafter(high, -math.inf), y)
        near = self._near(y)
        logs: FloatArray = self._of_base("logpdf", near) + np.asarray(self.function.log_slope(near))
        for upper in (False, True):
            beyond = (y > near) if upper else (y < near)
            if beyond.any():
                edge = self._log_tail(near[beyond], upper=upper)
                logs[beyond] += self._log_tail(y[beyond], upper=upper) - edge
        return logs

    def _pdf(self, y: FloatArray) -> FloatArray:
        return np.exp(self._logpdf(y))

    def _quantiles(self, name: str, levels: FloatArray) -> FloatArray:
        y = np.array(self.function.forth(getattr(self.base, name)(levels)))
        if self._unit is not None:
            near = np.abs(y) < _NEAR_UNIT
            base, function = self._unit
            y[near] = function.forth(getattr(base, name)(levels[near]))
        return y

    def _ppf(self, p: FloatArray) -> FloatArray:
        return self._quantiles("ppf", p)

    def _isf(self, q: FloatArray) -> FloatArray:
        return self._quantiles("isf", q)

    def _ilogcdf(self, logp: FloatArray) -> FloatArray:
        return self._quantiles("ilogcdf", logp)

    def _ilogsf(self, logq: FloatArray) -> FloatArray:
        return self._quantiles("ilogsf", logq)

    @property
    def _is_log(self) -> bool:
        return self.function.name == "log" and self.function.anchor is None

    # Kept: sums ask for the moments of each of their terms, again and again.
    @functools.cached_property
    def _average(self) -> float:
        return super()._mean()

    @functools.cached_property
    def _deviation(self) -> float:
        return super()._std()

    def _mean(self) -> float:
        return self._average

    def _std(self) -> float:
        return self._deviation

    def _rvs(self, shape: tuple[int, ...], rng: np.random.Generator) -> FloatArray:
        return np.asarray(self.function.forth(self.base.rvs(shape, rng)))


def _from(law: Distribution, point: float) -> Distribution:
    """The law of X - point, mirrored at an upper end: laws are written from their lower one."""
    if point == law.support()[1]:
        return Affine(law.affine(-1.0, point), -1.0, 0.0)
    return law.affine(1.0, -point)


def _from_tanh(base: Distribution) -> list[tuple[Distribution, float]]:
    # tanh(x) + 1 = 2 expit(2 x), and tanh(x) - 1 = -2 expit(-2 x)
    return [
        (Image(base.affine(2.0 * sign), Monotone("expit")).affine(2.0 * sign), -sign)
        for sign in (1.0, -1.0)
    ]


def _from_arctan(base: Distribution) -> list[tuple[Distribution, float]]:
    return [
        (Image(base.affine(sign), Monotone("arccot")).affine(sign), -sign * 0.5 * math.pi)
        for sign in (1.0, -1.0)
    ]


def _from_expit(base: Distribution) -> list[tuple[Distribution, float]]:
    return [(Image(base.affine(-1.0), Monotone("expit")).affine(-1.0), 1.0)]


# What is left of a function above, and below, its limits at infinity, without the difference.
_LIMITS: dict[str, Callable[[Distribution], list[tuple[Distribution, float]]]] = {
    "tanh": _from_tanh,
    "arctan": _from_arctan,
    "expit": _from_expit,
    "expm1": lambda base: [(Image(base, Monotone("exp")), -1.0)],
}


def _moved_by_ulps(
    base: Distribution, function: Monotone, counted: Callable[[FloatArray], npt.NDArray[np.bool_]]
) -> tuple[float, float]:
    """How much of a probability two units in the last place of x = f^-1(y) are, where y counts.

    Not where the grid of y itself is about as coarse.
    """
    absolute, relative = [_EPS], [_EPS]
    for inverse, value in ((base.isf, base.logsf), (base.ppf, base.logcdf)):
        x = np.asarray(inverse(_LEVELS))
        with np.errstate(all="ignore"):
            y = np.asarray(function.forth(x))
            grid = np.spacing(np.abs(y)) * np.exp(np.asarray(function.log_slope(y)))
            ulps = 2.0 * np.spacing(np.abs(x))
            chosen = counted(y) & np.isfinite(y) & ~(ulps <= _GRIDS * grid)
            x, ulps = x[chosen], ulps[chosen]
            ends = np.stack([np.asarray(value(x - ulps)), np.asarray(value(x + ulps))])
            relative += np.abs(ends[1] - ends[0]).tolist()
            absolute += np.abs(np.exp(ends[1]) - np.exp(ends[0])).tolist()
    return max(absolute), math.inf if np.isnan(relative).any() else max(relative)


def image(law: Distribution, function: Monotone) -> Distribution | None:
    """The law of ``function(X)``, in the simplest form.

    None where the support of the law leaves the domain of the function, or where it has atoms
    that it does not tell apart from the rest.
    """
    if isinstance(law, Discrete):
        return Discrete(function.forth(np.array(law.points)), law.probabilities)
    if isinstance(law, Mixture):
        parts = [image(part, function) for part in law.laws]
        return None if None in parts else Mixture(parts, law.weights)
    low, high = law.support()
    if law.atoms or not function.domain[0] <= low <= high <= function.domain[1]:
        return None
    if isinstance(law, Image):
        inner = law.function
        if undoes(function, inner):
            return law.base
        if (function.name, inner.name) == ("log", "expit") and inner.anchor is None:
            odds = image(law.base.affine(-1.0), Monotone("exp"))  # -log(1 + exp(-x))
            found = None if odds is None else image(odds, Monotone("log1p"))
            return None if found is None else found.affine(-1.0)
        powers = inner.name == function.name == "power" and inner.anchor is None
        if powers and min(inner.exponent, function.exponent) > 0.0:
            return Image(law.base, Monotone("power", inner.exponent * function.exponent))
    return _known(law, function) or Image(law, function)


def _known(law: Distribution, function: Monotone) -> Distribution | None:
    low, high = law.support()
    match function.name, law:
        case "exp", Normal():
            return LogNormal(law.scale, scale=math.exp(law.loc))
        case "log", LogNormal(loc=0.0):
            return Normal(math.log(law.scale), law.s)
        case "log", Uniform(low=0.0):
            return Exponential().affine(-1.0, math.log(high))
    if function.name == "log" and 0.0 < low < math.inf:
        # From the end of the support, where the logarithm of a ratio near 1 has all its digits.
        moved = image(law.affine(1.0 / low, -1.0), Monotone("log1p"))
        return None if moved is None else moved.affine(1.0, math.log(low))
    return None


def magnitude(law: Distribution) -> Distribution | None:
    """The law of abs(X); None where there is an atom that cannot be told from the rest."""
    if isinstance(law, Discrete):
        return Discrete(np.abs(np.array(law.points)), law.probabilities)
    if isinstance(law, Mixture) and law.atoms:
        parts = [magnitude(part) for part in law.laws]
        return None if None in parts else Mixture(parts, law.weights)
    if law.atoms:
        return None
    sides = split_at(law, 0.0)
    if law.symmetry == 0.0:
        return sides[0][1]
    laws = [side if side.support()[0] >= 0.0 else side.affine(-1.0) for _, side in sides]
    return laws[0] if len(laws) == 1 else Mixture(laws, [mass for mass, _ in sides])


def even_power(law: Distribution, exponent: float) -> Distribution | None:
    """The law of abs(X)**exponent; of the square of a centred normal it is a gamma law."""
    if isinstance(law, Normal) and law.loc == 0.0 and exponent == 2.0:
        return Gamma(0.5, scale=2.0 * law.scale**2)
    size = magnitude(law)
    if size is None:
        return None
    if exponent > 0.0:
        return image(size, Monotone("power", exponent))
    falling = image(size, Monotone("power", exponent))
    return None if falling is None else falling.affine(-1.0)
