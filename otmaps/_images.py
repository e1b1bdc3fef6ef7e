"""Laws of monotone functions of one variable whose law is known: exact up to rounding."""

from __future__ import annotations

import dataclasses
import functools
import math
from collections.abc import Callable
from typing import Any, final

import numpy as np

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
_NEGLIGIBLE = 1e-12
_GRIDS = 8.0
_BASELINE = 0.1  # the share of it over which the power is measured
_LEVELS = np.concatenate([np.geomspace(1e-300, 1e-3, 100), np.linspace(0.002, 0.5, 50)])


@final
@dataclasses.dataclass(frozen=True)
class Image(Distribution):
    """The law of ``function(X)``, or of ``function(X) - function(anchor)``.

    Attributes
    ----------
    base : Distribution
        The law of X, without atoms; its support lies in the domain of the function.
    function : Monotone
    anchor : float or None
        An end, or a kink, of the base: about it the law is known at any distance, on the finer
        grid there.
    """

    base: Distribution
    function: Monotone
    anchor: float | None = None

    @functools.cached_property
    def _level(self) -> float:
        return 0.0 if self.anchor is None else float(self.function.forth(self.anchor))

    @functools.cached_property
    def _local(self) -> tuple[float, Distribution, Monotone] | None:
        """The anchor, the law of the distance from it, and the function of that distance.

        A logarithm is 0 at X = 1, which is a fine grid to lose.
        """
        at = self.anchor
        if at is None and self.function.name == "log" and 1.0 in self.base.breakpoints:
            at = 1.0
        if at is None:
            return None
        upper = at == self.base.support()[1]  # laws are written from their lower end
        moved = Affine(self.base.affine(-1.0, at), -1.0, 0.0) if upper else None
        return at, moved or self.base.affine(1.0, -at), self.function.anchored(at)

    def _is_near(self, distance: Any) -> Any:
        """Whether distances from the anchor are better than their difference."""
        at = 0.0 if self._local is None else self._local[0]
        return np.abs(distance) <= (0.5 * abs(at) or 0.5)

    def _image_of(self, point: float) -> float:
        with np.errstate(all="ignore"):
            if self._local is not None and self._is_near(point - self._local[0]):
                return float(self._local[2].forth(point - self._local[0]))
            return float(self.function.forth(point)) - self._level

    def _support(self) -> tuple[float, float]:
        low, high = map(self._image_of, self.base.support())
        return low, high

    def _breakpoints(self) -> tuple[float, ...]:
        low, high = self._support()
        points = {low, high, *map(self._image_of, self.base.breakpoints)}
        points |= {p - self._level for p in self.function.poles if low < p - self._level < high}
        return tuple(sorted(p + 0.0 for p in points if math.isfinite(p)))

    def _error(self) -> float:
        return self.base.error + self._rounding[0]

    def _tail_error(self) -> float:
        return self.base.tail_error + self._rounding[1]

    @functools.cached_property
    def _rounding(self) -> tuple[float, float]:
        """What two units in the last place of the inverse move: absolute, relative in tails."""

        def far(x: FloatArray, y: FloatArray) -> Any:
            away = True if self._local is None else ~self._is_near(x - self._local[0])
            return away & (self._held(y) == y)

        found = [_moved_by_ulps(self.base, self.function, self._level, far)]
        if self._local is not None:
            _, moved, function = self._local
            near = lambda u, _: self._is_near(u)  # noqa: E731 - of a few signs
            found.append(_moved_by_ulps(moved, function, 0.0, near))
        return max(one for one, _ in found), max(other for _, other in found)

    def _symmetry(self) -> float | None:
        odd = self.function.odd and self.anchor is None
        return 0.0 if odd and self.base.symmetry == 0.0 else None

    def _method(self) -> str:
        return self.base.method

    def _recipe(self) -> dict[str, Any] | None:
        base = self.base.recipe()
        if base is None:
            return None
        anchor = None if self.anchor is None else self.anchor.hex()
        function = {"name": self.function.name, "exponent": self.function.exponent.hex()}
        return {"law": "Image", "base": base, "function": function, "anchor": anchor}

    def _affine(self, scale: float, shift: float) -> Distribution:
        if shift != 0.0:
            for point in self.base.breakpoints:
                if shift == -scale * self._image_of(point):
                    return Image(self.base, self.function, point).affine(scale)
            limits = _LIMITS.get(self.function.name) if self.anchor is None else None
            for moved, level in limits(self.base) if limits else []:
                if level in self._support() and shift == -scale * level:
                    return moved.affine(scale)
        return super()._affine(scale, shift)

    # A logarithm reaches points whose exponential no double holds: there a tail of X near 0, or
    # near the largest doubles, is taken to go on as the power that it is.
    def _held(self, y: FloatArray) -> FloatArray:
        return np.clip(y, -_FAR, _FAR) if self.function.name == "log" else y

    def _of_base(self, name: str, d: FloatArray) -> FloatArray:
        values = np.array(getattr(self.base, name)(self.function.back(d + self._level)))
        if self._local is not None:
            _, moved, function = self._local
            u = np.asarray(function.back(d))
            near = self._is_near(u)
            values[near] = getattr(moved, name)(u[near])
        return values

    def _log_tail(self, d: FloatArray, *, upper: bool) -> FloatArray:
        y = d + self._level
        held = self._held(y)
        logs = self._of_base(
            "logsf" if upper else "logcdf", np.where(y == held, d, held - self._level)
        )
        beyond = (y > held) if upper else (y < held)
        if beyond.any():
            before = held[beyond] * (1.0 - _BASELINE) - self._level
            rate = (self._log_tail(before, upper=upper) - logs[beyond]) / (_BASELINE * _FAR)
            logs[beyond] -= np.nan_to_num(rate) * np.abs(y[beyond] - held[beyond])
        return logs

    def _logcdf(self, d: FloatArray) -> FloatArray:
        return self._log_tail(d, upper=False)

    def _logsf(self, d: FloatArray) -> FloatArray:
        return self._log_tail(d, upper=True)

    def _cdf(self, d: FloatArray) -> FloatArray:
        if self.function.name == "log":
            return np.exp(self._logcdf(d))
        return self._of_base("cdf", d)

    def _sf(self, d: FloatArray) -> FloatArray:
        if self.function.name == "log":
            return np.exp(self._logsf(d))
        return self._of_base("sf", d)

    def _logpdf(self, d: FloatArray) -> FloatArray:
        # At an end of the support the density is the limit from inside.
        low, high = self._support()
        d = np.where(d == low, np.nextafter(low, math.inf), d)
        d = np.where(d == high, np.nextafter(high, -math.inf), d)
        y = d + self._level
        held = self._held(y)
        logs: FloatArray = self._of_base("logpdf", np.where(y == held, d, held - self._level))
        logs = logs + np.asarray(self.function.log_slope(held))
        for upper in (False, True):
            beyond = (y > held) if upper else (y < held)
            if beyond.any():
                edge = self._log_tail(held[beyond] - self._level, upper=upper)
                logs[beyond] += self._log_tail(d[beyond], upper=upper) - edge
        return logs

    def _pdf(self, d: FloatArray) -> FloatArray:
        return np.exp(self._logpdf(d))

    def _quantiles(self, name: str, levels: FloatArray) -> FloatArray:
        x = np.asarray(getattr(self.base, name)(levels))
        d = np.array(self.function.forth(x)) - self._level
        if self._local is not None:
            at, moved, function = self._local
            near = self._is_near(x - at)
            d[near] = function.forth(np.asarray(getattr(moved, name)(levels[near])))
        return d

    def _ppf(self, p: FloatArray) -> FloatArray:
        return self._quantiles("ppf", p)

    def _isf(self, q: FloatArray) -> FloatArray:
        return self._quantiles("isf", q)

    def _ilogcdf(self, logp: FloatArray) -> FloatArray:
        return self._quantiles("ilogcdf", logp)

    def _ilogsf(self, logq: FloatArray) -> FloatArray:
        return self._quantiles("ilogsf", logq)

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
        return np.asarray(self.function.forth(self.base.rvs(shape, rng))) - self._level


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
    base: Distribution,
    function: Monotone,
    level: float,
    counted: Callable[[FloatArray, FloatArray], Any],
) -> tuple[float, float]:
    """How much of a probability two units in the last place of x = f^-1(y) are, where (x, y) count.

    Not where the grid of y itself is about as coarse.
    """
    absolute, relative = [_EPS], [_EPS]
    for inverse, value in ((base.isf, base.logsf), (base.ppf, base.logcdf)):
        x = np.asarray(inverse(_LEVELS))
        with np.errstate(all="ignore"):
            y = np.asarray(function.forth(x))
            grid = np.spacing(np.abs(y - level)) * np.exp(np.asarray(function.log_slope(y)))
            ulps = 2.0 * np.spacing(np.abs(x))
            chosen = counted(x, y) & np.isfinite(y) & ~(ulps <= _GRIDS * grid)
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
        return law.moved(function.forth(np.array(law.points)))
    if isinstance(law, Mixture):
        parts = [image(part, function) for part in law.laws]
        return None if None in parts else law.over(parts)
    low, high = law.support()
    if law.atoms or not function.domain[0] <= low <= high <= function.domain[1]:
        return None
    if isinstance(law, Image) and law.anchor is None:
        inner = law.function
        if undoes(function, inner):
            return law.base
        if (function.name, inner.name) == ("log", "expit"):
            odds = image(law.base.affine(-1.0), Monotone("exp"))  # -log(1 + exp(-x))
            found = None if odds is None else image(odds, Monotone("log1p"))
            return None if found is None else found.affine(-1.0)
        if (function.name, inner.name) == ("log", "power") and inner.exponent > 0.0:
            found = image(law.base, function) if law.base.support()[0] >= 0.0 else None
            return None if found is None else found.affine(inner.exponent)
        if (function.name, inner.name) == ("power", "exp") and function.exponent > 0.0:
            return image(law.base.affine(function.exponent), inner)
        powers = inner.name == function.name == "power"
        if powers and min(inner.exponent, function.exponent) > 0.0:
            return Image(law.base, Monotone("power", inner.exponent * function.exponent))
    known = _known(law, function)
    return known or (None if _overflows(law, function) else Image(law, function))


def _overflows(law: Distribution, function: Monotone) -> bool:
    """Whether the function leaves the doubles for a part of the law that is not negligible."""
    if function.name == "log":  # whose tails go on beyond
        return False
    with np.errstate(all="ignore"):
        ends = function.forth(np.array([law.ppf(_NEGLIGIBLE), law.isf(_NEGLIGIBLE)]))
    return not bool(np.isfinite(ends).all())


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
    if isinstance(law, Discrete | Mixture) and law.atoms and min(law.support()) < 0.0:
        # The magnitude is at most y between two points.
        law = dataclasses.replace(law, errors=(2.0 * law.errors[0], 2.0 * law.errors[1]))
    if isinstance(law, Discrete):
        return law.moved(np.abs(np.array(law.points)))
    if isinstance(law, Mixture) and law.atoms:
        parts = [magnitude(part) for part in law.laws]
        return None if None in parts else law.over(parts)
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
