"""Frozen scipy.stats laws, of the old and the new infrastructure, as laws of this library."""

from __future__ import annotations

import dataclasses
import functools
import math
import sys
import warnings
from collections.abc import Callable, Mapping
from typing import Any, final

import numpy as np

from otmaps._arrays import FloatArray
from otmaps._discrete import Discrete
from otmaps._distribution import Distribution
from otmaps._heavy_tails import Levy, Pareto
from otmaps._mixture import Mixture
from otmaps._one_sided_priors import (
    Beta,
    Exponential,
    Gamma,
    Gumbel,
    LogNormal,
)
from otmaps._priors import Arcsine, Cauchy, Laplace, Logistic, Normal, StudentT, Uniform
from otmaps._stable import Stable

Parameters = Mapping[str, float]

# The families that this library computes itself, with relative accuracy in both tails.
_OLD_FAMILIES: dict[str, Callable[[Parameters], Distribution]] = {
    "arcsine": lambda p: Arcsine(p["loc"], p["loc"] + p["scale"]),
    "beta": lambda p: Beta(p["a"], p["b"], p["loc"], p["scale"]),
    "cauchy": lambda p: Cauchy(p["loc"], p["scale"]),
    "chi2": lambda p: Gamma(0.5 * p["df"], p["loc"], 2.0 * p["scale"]),
    "erlang": lambda p: Gamma(p["a"], p["loc"], p["scale"]),
    "expon": lambda p: Exponential(p["loc"], p["scale"]),
    "gamma": lambda p: Gamma(p["a"], p["loc"], p["scale"]),
    "gumbel_l": lambda p: Gumbel(-p["loc"], p["scale"]).affine(-1.0),
    "gumbel_r": lambda p: Gumbel(p["loc"], p["scale"]),
    "laplace": lambda p: Laplace(p["loc"], p["scale"]),
    "levy": lambda p: Levy(p["loc"], p["scale"]),
    "levy_l": lambda p: Levy(-p["loc"], p["scale"]).affine(-1.0),
    "logistic": lambda p: Logistic(p["loc"], p["scale"]),
    "lognorm": lambda p: LogNormal(p["s"], p["loc"], p["scale"]),
    "norm": lambda p: Normal(p["loc"], p["scale"]),
    "pareto": lambda p: Pareto(p["b"], p["loc"], p["scale"]),
    "t": lambda p: StudentT(p["df"], p["loc"], p["scale"]),
    "uniform": lambda p: Uniform(p["loc"], p["loc"] + p["scale"]),
}
_NEW_FAMILIES: dict[str, Callable[[Any], Distribution]] = {
    "Logistic": lambda _: Logistic(),
    "Normal": lambda x: Normal(float(x.mu), float(x.sigma)),
    "StandardNormal": lambda _: Normal(),
    "Uniform": lambda x: Uniform(float(x.a), float(x.b)),
}
# Kinks of the standard density inside the support.
_KINKS: dict[str, Callable[[Parameters], tuple[float, ...]]] = {
    "dgamma": lambda _: (0.0,),
    "dweibull": lambda _: (0.0,),
    "gennorm": lambda _: (0.0,),
    "laplace_asymmetric": lambda _: (0.0,),
    "loglaplace": lambda _: (1.0,),
    "trapezoid": lambda p: (p["c"], p["d"]),
    "triang": lambda p: (p["c"],),
}
_NEW_NAMES = {
    "sf": "ccdf",
    "logsf": "logccdf",
    "ppf": "icdf",
    "isf": "iccdf",
    "std": "standard_deviation",
}

_SAFETY = 4.0
_FLOOR = 4e-16
_MOST_PIECES = 4096
_MOST_ATOMS = 10**6
_INCONSISTENT = 1e-6  # a larger relative gap in a tail is no rounding: nothing is promised there


@final
@dataclasses.dataclass(frozen=True)
class ScipyLaw(Distribution):
    """A frozen scipy.stats law, hook by hook; made by `as_distribution`.

    scipy states no error, so `error` and `tail_error` are measured: differences of its cdf and sf
    between some 250 quantiles, from 1e-300 to 1 - 1e-300, against adaptive Gauss-Legendre
    integrals of its pdf, and its quantiles against its cdf, times a safety factor of 4.
    `tail_error` is infinite where cdf, sf and pdf contradict each other in a tail.

    Attributes
    ----------
    frozen : object
        The scipy law.
    key : tuple
        What makes two of these equal: family and parameters, or the identity of ``frozen``.
    family : str
        The name of the scipy family; empty for a law of the new infrastructure or a user's own.
    parameters : mapping
        Shapes, ``loc`` and ``scale`` of an old-style law.
    """

    frozen: Any = dataclasses.field(compare=False)
    key: tuple[Any, ...]
    family: str = dataclasses.field(default="", repr=False, compare=False)
    parameters: Parameters = dataclasses.field(default_factory=dict, repr=False, compare=False)
    new: bool = dataclasses.field(default=False, repr=False, compare=False)

    def _ask(self, name: str, *arguments: Any) -> FloatArray:
        method = getattr(self.frozen, _NEW_NAMES.get(name, name) if self.new else name)
        with warnings.catch_warnings():  # what scipy warns of shows in the measured error
            warnings.simplefilter("ignore")
            return np.asarray(method(*arguments), dtype=np.float64)

    def _cdf(self, x: FloatArray) -> FloatArray:
        return self._ask("cdf", x)

    def _sf(self, x: FloatArray) -> FloatArray:
        return self._ask("sf", x)

    def _logcdf(self, x: FloatArray) -> FloatArray:
        return self._ask("logcdf", x)

    def _logsf(self, x: FloatArray) -> FloatArray:
        return self._ask("logsf", x)

    def _pdf(self, x: FloatArray) -> FloatArray:
        return self._ask("pdf", x)

    def _logpdf(self, x: FloatArray) -> FloatArray:
        return self._ask("logpdf", x)

    def _ppf(self, p: FloatArray) -> FloatArray:
        return self._ask("ppf", p)

    def _isf(self, q: FloatArray) -> FloatArray:
        return self._ask("isf", q)

    def _rvs(self, shape: tuple[int, ...], rng: np.random.Generator) -> FloatArray:
        if self.new:
            return np.asarray(self.frozen.sample(shape, rng=rng), dtype=np.float64)
        return np.asarray(self.frozen.rvs(size=shape, random_state=rng), dtype=np.float64)

    def _mean(self) -> float:
        return float(self._ask("mean"))

    def _std(self) -> float:
        return float(self._ask("std"))

    def _support(self) -> tuple[float, float]:
        low, high = self.frozen.support()
        return float(low), float(high)

    def _breakpoints(self) -> tuple[float, ...]:
        points = {e for e in self._support() if math.isfinite(e)}
        if self.family in _KINKS:
            p = self.parameters
            points |= {p["loc"] + p["scale"] * kink for kink in _KINKS[self.family](p)}
        return tuple(sorted(points))

    def _error(self) -> float:
        return self._measured[0]

    def _tail_error(self) -> float:
        return self._measured[1]

    def _method(self) -> str:
        return f"scipy.stats ({self.family or type(self.frozen).__name__})"

    def _recipe(self) -> dict[str, Any] | None:
        if not self.family:
            return None
        import scipy

        values = {name: value.hex() for name, value in self.parameters.items()}
        return {
            "law": "scipy.stats", "family": self.family, "parameters": values,
            "scipy": scipy.__version__,
        }  # fmt: skip

    @functools.cached_property
    def _measured(self) -> tuple[float, float]:
        return _measure(self)


def from_scipy(x: Any) -> Distribution | None:
    """The law of a frozen scipy.stats law; None for anything else.

    Families that this library has in closed form become those, and discrete laws of finite
    support become `Discrete`; the rest are wrapped.

    Raises
    ------
    TypeError
        For laws that are not frozen, of infinitely many atoms or of array parameters.
    """
    stats = sys.modules.get("scipy.stats")
    if stats is None:  # whoever holds a scipy law has imported this
        return None
    if isinstance(x, stats.rv_continuous | stats.rv_discrete):
        raise TypeError(
            f"scipy.stats.{x.name} is not frozen: call it to fix its parameters, "
            f"scipy.stats.{x.name}(...)."
        )
    if isinstance(x, stats.distributions.rv_frozen):
        return _from_old(stats, x)
    mixture = getattr(stats, "Mixture", None)  # the new infrastructure begins with scipy 1.15
    if mixture is not None and isinstance(x, mixture.__base__):
        return _from_new(x)
    return None


def _from_old(stats: Any, x: Any) -> Distribution:
    name = x.dist.name
    if not isinstance(x.dist, stats.rv_continuous):
        return _from_discrete(x, f"scipy.stats.{name}")
    if name == "vonmises":
        raise TypeError(
            "scipy.stats.vonmises lives on a circle, its cdf exceeds 1; pass vonmises_line(...)."
        )
    names = [*(s.strip() for s in (x.dist.shapes or "").split(",") if s.strip()), "loc", "scale"]
    given = {"loc": 0.0, "scale": 1.0, **dict(zip(names, x.args, strict=False)), **x.kwds}
    if any(np.size(value) != 1 for value in given.values()):
        raise TypeError(_many(f"scipy.stats.{name}"))
    parameters = {key: float(np.asarray(given[key]).item()) for key in names}
    if not type(x.dist).__module__.startswith("scipy.stats."):  # a user's own may share a name
        return ScipyLaw(x, (name, id(x)))
    if name == "levy_stable":
        return _from_levy_stable(parameters, str(x.dist.parameterization))
    if name in _OLD_FAMILIES:
        return _OLD_FAMILIES[name](parameters)
    return ScipyLaw(x, (name, *sorted(parameters.items())), name, parameters)


def _from_levy_stable(p: Parameters, parameterization: str) -> Distribution:
    """scipy's S1 is that of `Stable`; its S0 has another location."""
    alpha, beta, loc, scale = p["alpha"], p["beta"], p["loc"], p["scale"]
    if parameterization == "S0":  # Nolan, equation 1.3
        unit = math.log(scale) * 2.0 / math.pi if alpha == 1.0 else math.tan(0.5 * math.pi * alpha)
        loc -= beta * scale * unit
    return Stable(alpha, beta, loc, scale)


def _from_new(x: Any) -> Distribution:
    label = type(x).__name__
    if any(base.__name__ == "DiscreteDistribution" for base in type(x).__mro__):
        return _from_discrete(x, label)
    if np.ndim(x.cdf(0.0)) != 0:
        raise TypeError(_many(label))
    if label in _NEW_FAMILIES and type(x).__module__.startswith("scipy.stats."):
        return _NEW_FAMILIES[label](x)
    if label == "ShiftedScaledDistribution":
        base = _from_new(x._dist)  # 2 * scipy.stats.Normal() + 1 is a normal law again
        return base.affine(float(x.scale), float(x.loc))
    if label == "Mixture":
        return Mixture(tuple(_from_new(part) for part in x.components), x.weights)
    return ScipyLaw(x, (label, id(x)), new=True)


def _from_discrete(x: Any, label: str) -> Distribution:
    """Finitely many atoms; their probabilities are those that scipy states, normalised."""
    ends = np.asarray(x.support(), dtype=np.float64)
    if ends.shape != (2,):
        raise TypeError(_many(label))
    low, high = ends
    if not high - low < _MOST_ATOMS:
        raise TypeError(
            f"{label} is a discrete law of more than {_MOST_ATOMS} points: only finitely many "
            "atoms make a law here. Cut it off where nothing is left, otmaps.Discrete(points, "
            "probabilities), or pass a sample of it with noise of the width of one step added."
        )
    own_points = getattr(getattr(x, "dist", None), "xk", None)  # of rv_discrete(values=...)
    points = np.arange(low, high + 1.0)
    if own_points is not None:
        points = np.asarray(own_points, dtype=np.float64)
        points = points + (low - points.min())
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        masses = np.asarray(x.pmf(points), dtype=np.float64)
    return Discrete(points, masses)


def _many(label: str) -> str:
    return f"{label} has array parameters: one law at a time, so make one with scalar parameters."


# ------------------------------------------------------------------------ what scipy does not state
def _measure(law: ScipyLaw) -> tuple[float, float]:
    """Bounds on the error of the cdf and on the relative error of the nearer tail."""
    depths = np.concatenate(
        [10.0 ** np.arange(-300.0, -12.0, 6.0), 10.0 ** np.arange(-12.0, -1.7, 0.5)]
    )
    levels = np.unique(np.concatenate([depths, np.linspace(0.02, 0.5, 25)]))
    absolute, relative = [], []
    for tail, quantile in ((law.cdf, law.ppf), (law.sf, law.isf)):
        with np.errstate(all="ignore"):
            x = np.asarray(quantile(levels))
            usable = (x > law.support()[0]) & (x < law.support()[1])  # not under- or overflown
            usable[1:] &= x[1:] != x[:-1]
            values, goals = np.asarray(tail(x[usable])), levels[usable]
            x = x[usable]
            mass = _integrals(law, np.minimum(x[:-1], x[1:]), np.maximum(x[:-1], x[1:]), goals[1:])
            gaps = np.abs(np.diff(values) - mass)
            # The quantile can be no better than the grid of doubles lets it.
            grid = np.asarray(law.pdf(x)) * np.spacing(np.abs(x))
            trips = np.maximum(np.abs(values - goals) - np.where(np.isfinite(grid), grid, 0.0), 0.0)
            worst = float(np.max(gaps / values[1:]))  # NaN where scipy gives 0 or NaN
        # Where the pdf cannot be integrated, all that the interval holds may be wrong.
        gaps = np.where(np.isfinite(gaps), gaps, goals[1:])
        absolute += [float(np.sum(gaps)), float(np.max(trips))]
        relative.append(worst if worst < _INCONSISTENT else math.inf)
    median = float(law.median())
    absolute.append(abs(float(law.cdf(median)) + float(law.sf(median)) - 1.0))
    error = min(1.0, _SAFETY * max(*absolute, _FLOOR))
    return error, _SAFETY * max(*relative, _FLOOR)


def _integrals(law: ScipyLaw, low: FloatArray, high: FloatArray, size: FloatArray) -> FloatArray:
    """Integrals of the pdf over intervals to about 1e-14 of ``size``, by bisection."""
    nodes, weights = np.polynomial.legendre.leggauss(16)

    def rule(a: FloatArray, b: FloatArray) -> FloatArray:
        half = 0.5 * (b - a)
        x = (a + half)[:, None] + half[:, None] * nodes
        return np.asarray(half * (np.asarray(law.pdf(x)) @ weights))

    total = np.zeros_like(low)
    owner, a, b = np.arange(low.size), low, high
    whole = rule(a, b)
    for _ in range(40):
        middle = _cuts(a, b, law.breakpoints)
        left, right = rule(a, middle), rule(middle, b)
        settled = np.abs(left + right - whole) <= 1e-14 * np.maximum(size[owner], left + right)
        settled |= b - a <= 4.0 * np.spacing(
            np.maximum(np.abs(a), np.abs(b))
        )  # the grid of doubles
        np.add.at(total, owner[settled], np.nan_to_num(left + right)[settled])
        again = ~settled
        if not again.any():
            return total
        if np.count_nonzero(again) > _MOST_PIECES:  # noise or a singular point: not resolved
            break
        a, b = np.concatenate([a[again], middle[again]]), np.concatenate([middle[again], b[again]])
        whole = np.concatenate([left[again], right[again]])
        owner = np.concatenate([owner[again], owner[again]])
    total[owner] = math.nan
    return total


def _cuts(a: FloatArray, b: FloatArray, breakpoints: tuple[float, ...]) -> FloatArray:
    """Where to cut pieces in two: at a kink inside, close to one at an end, else halfway."""
    cut = 0.5 * (a + b)
    for kink in breakpoints:
        cut = np.where(a == kink, kink + (b - kink) / 256.0, cut)  # the density may be singular
        cut = np.where(b == kink, kink - (kink - a) / 256.0, cut)
        cut = np.where((a < kink) & (kink < b), kink, cut)
    return cut
