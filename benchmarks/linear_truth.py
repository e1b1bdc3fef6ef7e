"""Laws of weighted sums against the 25 digits of tests/data/linear.json.

The digits are computed without otmaps (tools/make_linear_truths.py).
"""

from __future__ import annotations

import dataclasses
import functools
import math
import sys
import time
import warnings
from pathlib import Path
from typing import Any, final

import mpmath
import numpy as np

import otmaps
from otmaps import Distribution

sys.path.append(str(Path(__file__).parents[1] / "tests"))
from linear_cases import LinearCase, linear_cases

from .cases import FloatArray

mp = mpmath.MPContext()
mp.dps = 40

DEEPEST = 1e-300

BANDS = {
    "above 1e-2": (1e-2, 1.0),
    "to 1e-12": (1e-12, 1e-2),
    "to 1e-100": (1e-100, 1e-12),
    "to 1e-300": (DEEPEST, 1e-100),
}
"""Where the nearer tail lies: from the first number to the second."""

CASES: dict[str, LinearCase] = {
    name: case for name, case in linear_cases().items() if case.is_known
}


def pushforward(case: LinearCase) -> Distribution:
    """What otmaps makes of a case; what it warns of stands in the law's `error`."""
    laws = [law for law, _ in case.terms]
    operation = otmaps.linear([weight for _, weight in case.terms])
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", otmaps.AccuracyWarning)
        return otmaps.pushforward(operation, laws[0], inputs=laws)


def described(case: LinearCase) -> list[tuple[str, dict[str, Any], float]]:
    """The terms in JSON types, with all parameters."""
    return [(*parameters(law), weight) for law, weight in case.terms]


def parameters(law: Distribution) -> tuple[str, dict[str, Any]]:
    """The name of a law, and its parameters in JSON types."""
    params = {}
    for field in dataclasses.fields(law):  # type: ignore[arg-type]
        if field.init:
            value = getattr(law, field.name)
            is_laws = field.name == "laws"
            params[field.name] = [parameters(one) for one in value] if is_laws else value
    return type(law).__name__, params


@final
@dataclasses.dataclass(frozen=True)
class Exact:
    """A case's true values, at all its points in increasing order.

    Attributes
    ----------
    x : ndarray
        The points.
    logs : dict of str to list of mpf
        logcdf, logsf and logpdf there.
    """

    case: LinearCase
    x: FloatArray
    logs: dict[str, list[Any]]

    @classmethod
    @functools.cache
    def of(cls, name: str) -> Exact:
        """Those of a name."""
        case = CASES[name]
        parts = (case.points, case.deep)
        x = np.concatenate([part.x for part in parts])
        order = np.argsort(x, kind="stable")
        logs = {}
        for kind in ("logcdf", "logsf", "logpdf"):
            digits = [d for part in parts for d in part.digits[kind]]
            logs[kind] = [mp.mpf(digits[i]) for i in order]
        return cls(case, x[order], logs)

    @functools.cached_property
    def is_lower(self) -> np.ndarray:
        """Whether the nearer tail is the cdf."""
        return np.array([c <= s for c, s in self._pairs])

    @functools.cached_property
    def log_tails(self) -> list[Any]:
        """Logarithms of the nearer tail."""
        return [min(pair) for pair in self._pairs]

    @functools.cached_property
    def tails(self) -> FloatArray:
        """The nearer tail, rounded."""
        return np.array([float(mp.exp(log)) for log in self.log_tails])

    @property
    def _pairs(self) -> list[tuple[Any, Any]]:
        return list(zip(self.logs["logcdf"], self.logs["logsf"], strict=True))

    def in_band(self, band: str) -> np.ndarray:
        """Whether the nearer tail is in a band of `BANDS`."""
        low, high = BANDS[band]
        return (self.tails > low) & (self.tails <= high)

    @property
    def is_deep(self) -> np.ndarray:
        """Whether the nearer tail is below 1e-300, where only its logarithm is compared."""
        return self.tails <= DEEPEST

    def relative(self, found: FloatArray, kind: str) -> FloatArray:
        """|found / exact - 1| of "cdf", "sf" or "pdf"; infinite where ``found`` is NaN."""
        logs = self.logs[f"log{kind}"]
        return np.array([_relative(f, log) for f, log in zip(found, logs, strict=True)])

    def tail_errors(self, cdf: FloatArray, sf: FloatArray) -> FloatArray:
        """Relative errors of the nearer tail; a tail of 0 has 1."""
        lower, upper = self.relative(cdf, "cdf"), self.relative(sf, "sf")
        return np.where(self.is_lower, lower, upper)

    def absolute_errors(self, cdf: FloatArray, sf: FloatArray) -> FloatArray:
        """The larger of the errors of the cdf and of the sf; infinite where either is NaN."""
        gaps = [
            [float(abs(mp.mpf(float(f)) - mp.exp(log))) for f, log in zip(found, logs, strict=True)]
            for found, logs in ((cdf, self.logs["logcdf"]), (sf, self.logs["logsf"]))
        ]
        worst = np.max(gaps, axis=0)
        return np.where(np.isnan(worst), math.inf, worst)

    def log_errors(self, logcdf: FloatArray, logsf: FloatArray) -> FloatArray:
        """Errors of the logarithm of the nearer tail, relative to it."""
        found = np.where(self.is_lower, logcdf, logsf)
        gaps = [
            float(abs((mp.mpf(float(f)) - log) / log))
            for f, log in zip(found, self.log_tails, strict=True)
        ]
        return np.where(np.isnan(gaps), math.inf, gaps)

    def between(self, breakpoints: tuple[float, ...]) -> np.ndarray:
        """Whether the density is above 1e-300, at a distance from kinks, jumps and poles.

        A distance of a millionth of where those are: what is nearer feels their rounding to
        doubles.
        """
        logs = np.array([float(log) for log in self.logs["logpdf"]])
        far = (logs > math.log(DEEPEST)) & (logs < -math.log(DEEPEST))
        for point in breakpoints:
            far &= np.abs(self.x - point) > 1e-6 * abs(point)
        return far


def _relative(found: float, log: Any) -> float:
    if math.isnan(found) or not mp.isfinite(log):
        return math.inf if math.isnan(found) else abs(float(found))
    return float(abs(mp.mpf(float(found)) / mp.exp(log) - 1))


@final
@dataclasses.dataclass(frozen=True)
class Errors:
    """What a package's values at the points of a case are worth.

    Attributes
    ----------
    absolute : float
        The largest error of cdf and sf.
    bands : dict of str to float
        The largest relative error of the nearer tail by band; NaN where there is no point.
    pdf : float
        The largest relative error of the density between breakpoints; NaN where there is none.
    each : ndarray
        The relative error of the nearer tail at every point.
    """

    absolute: float
    bands: dict[str, float]
    pdf: float
    each: FloatArray

    @property
    def to_1e_300(self) -> float:
        """The largest relative error of the nearer tail down to 1e-300."""
        return float(np.nanmax(list(self.bands.values())))


def errors(
    exact: Exact,
    cdf: FloatArray,
    sf: FloatArray,
    pdf: FloatArray,
    breakpoints: tuple[float, ...],
) -> Errors:
    """Those of values at ``exact.x``."""
    each = exact.tail_errors(cdf, sf)
    densities = exact.relative(pdf, "pdf")
    return Errors(
        absolute=float(np.max(exact.absolute_errors(cdf, sf))),
        bands={band: _largest(each[exact.in_band(band)]) for band in BANDS},
        pdf=_largest(densities[exact.between(breakpoints)]),
        each=each,
    )


def _largest(values: FloatArray) -> float:
    return float(np.max(values)) if values.size else math.nan


def law_errors(exact: Exact, law: Distribution) -> Errors:
    """`errors` of a law."""
    x = exact.x
    return errors(exact, law.cdf(x), law.sf(x), law.pdf(x), law.breakpoints)


def is_covered(exact: Exact, law: Distribution, found: Errors) -> bool:
    """Whether the stated errors cover those found, apart from the float grid of x and of the ends.

    That is a unit in the last place of the larger one of x and the ends of the support.
    """
    ends = [abs(end) for end in law.support() if math.isfinite(end)]
    grid = np.spacing(np.maximum(np.abs(exact.x), max(ends, default=0.0)))
    slopes = [mp.exp(f - t) for f, t in zip(exact.logs["logpdf"], exact.log_tails, strict=True)]
    allowed = law.tail_error + grid * np.array([float(slope) for slope in slopes])
    reached = exact.tails > DEEPEST
    tails_hold = bool(np.all(found.each[reached] <= allowed[reached]))
    return tails_hold and found.absolute <= law.error


def deep_error(exact: Exact, law: Distribution) -> float:
    """The largest relative error of the logarithm of a tail below 1e-300; NaN without points."""
    gaps = exact.log_errors(law.logcdf(exact.x), law.logsf(exact.x))
    return _largest(gaps[exact.is_deep])


@final
@dataclasses.dataclass(frozen=True)
class MapResult:
    """The map from a sum back to the law that all its inputs have.

    Attributes
    ----------
    tol, stated : float
        What was asked for, the smallest of `TOLERANCES` that is reached, and `MonotoneMap.error`.
    measured : float
        The largest |T - T_exact| / max(1, |T_exact|) over the domain of the map.
    build : float
        Seconds.
    """

    tol: float
    stated: float
    measured: float
    build: float


TOLERANCES = (1e-11, 1e-10, 1e-9)


def map_result(exact: Exact, law: Distribution) -> MapResult | None:
    """That of a case whose inputs have one law, without atoms; None for others."""
    priors = {repr(one) for one, _ in exact.case.terms}
    prior = exact.case.terms[0][0]
    if len(priors) > 1 or prior.atoms or law.atoms or not math.isfinite(law.tail_error):
        return None
    for tol in TOLERANCES:
        start = time.thread_time()
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", otmaps.AccuracyWarning)
            T = otmaps.monotone_map(law, prior, tol=tol)
        build = time.thread_time() - start
        if T.error <= tol:
            break
    inside = (exact.x >= T.domain[0]) & (exact.x <= T.domain[1]) & ~exact.is_deep
    x = exact.x[inside]
    tails, below = exact.tails[inside], exact.is_lower[inside]
    wanted = np.where(below, prior.ppf(tails), prior.isf(tails))
    gaps = np.abs(T(x) - wanted) / np.maximum(1.0, np.abs(wanted))
    return MapResult(tol, float(T.error), _largest(gaps), build)
