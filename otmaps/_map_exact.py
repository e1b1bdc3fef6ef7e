"""The monotone map as the laws define it, and what the errors of the laws do to it."""

from __future__ import annotations

import dataclasses
import math
from typing import Any, final

import numpy as np

from otmaps._arrays import FloatArray
from otmaps._distribution import Affine, Distribution
from otmaps._errors import AccuracyError
from otmaps._location_scale import LocationScale
from otmaps._priors import Arcsine, Uniform

_EPS = float(np.finfo(float).eps)
_HUGE = 1e300
_PEAK = 4.0  # a density, in the unit
_DEEP = 1e-290  # below, a probability is close to leaving the normal doubles: take logarithms


@final
@dataclasses.dataclass(frozen=True, eq=False)
class ExactMap:
    """T = F_Z^-1(F_Y) by the laws themselves, from the nearer tail.

    Below the source's median the cdf is inverted, above it the sf, and the logarithms where
    these leave the range of doubles: ppf(cdf(y)) has lost all digits of an upper tail of 1e-16.
    """

    source: Distribution
    target: Distribution

    def __call__(self, y: Any) -> FloatArray:
        points = np.atleast_1d(np.asarray(y, dtype=np.float64))
        cdf, sf = np.asarray(self.source.cdf(points)), np.asarray(self.source.sf(points))
        out = np.full(points.shape, np.nan)
        lower, upper = cdf <= sf, cdf > sf
        sides = (
            (lower, cdf, self.source.logcdf, self.target.ppf, self.target.ilogcdf),
            (upper, sf, self.source.logsf, self.target.isf, self.target.ilogsf),
        )
        for side, tail, log_tail, quantile, log_quantile in sides:
            deep, plain = side & (tail < _DEEP), side & (tail >= _DEEP)
            if plain.any():
                out[plain] = quantile(tail[plain])
            if deep.any():
                out[deep] = log_quantile(log_tail(points[deep]))
        return out

    def preimage(self, z: FloatArray) -> FloatArray:
        """F_Y^-1(F_Z(z)): the exact map of the exchanged laws."""
        return ExactMap(self.target, self.source)(z)


@final
@dataclasses.dataclass(frozen=True, eq=False)
class Problem:
    """What is to be tabulated, and the unit in which errors are measured.

    ``dense`` says that the density of the target has poles or high peaks: then errors small in the
    unit may be large in probability, and the cells have to be small in both.
    """

    exact: ExactMap
    tol: float
    centre: float
    scale: float
    dense: bool

    def unit(self, z: FloatArray) -> FloatArray:
        """The size of the target near z."""
        return unit_at(z, self.centre, self.scale)

    def step(self, z: FloatArray) -> FloatArray:
        """The unit, or less where so much would be more than 1 in probability."""
        unit = self.unit(z)
        if not self.dense:
            return unit
        with np.errstate(all="ignore"):
            spread: FloatArray = 1.0 / np.asarray(self.exact.target.pdf(z))
        return np.asarray(np.minimum(unit, spread))

    def in_u(self, found: FloatArray, exact: FloatArray, ulps: float) -> FloatArray:
        """The probability between two values, apart from some units in the last place."""
        gap, target = found - exact, self.exact.target
        grid = ulps * np.spacing(np.abs(exact))
        moved = np.where(np.abs(gap) <= grid, exact, found - np.copysign(grid, gap))
        below = np.asarray(target.cdf(moved)) - target.cdf(exact)
        above = np.asarray(target.sf(moved)) - target.sf(exact)
        return np.asarray(np.abs(np.where(exact > self.centre, above, below)))

    def pole_u(self, ulps: float) -> float:
        """The largest probability within some units in the last place of a pole of the target."""
        if not self.dense:
            return 0.0
        poles = np.array(self.exact.target.breakpoints)
        reach = ulps * np.spacing(np.abs(poles))
        return float(max(self.in_u(poles + side * reach, poles, 0.0).max() for side in (-1, 1)))


def unit_at(z: FloatArray, centre: float, scale: float) -> FloatArray:
    """The unit of errors of a map: the target's scale, far out the distance from its centre."""
    return np.maximum(scale, np.abs(z - centre))


def line_error(
    line: tuple[float, float], domain: tuple[float, float], centre: float, scale: float
) -> float:
    """The rounding of ``a * y + b`` over a domain, in the unit of errors."""
    a, b = line
    # Quantiles of heavy tails may lie beyond the doubles.
    y = np.clip([*domain, (centre - b) / a], -_HUGE, _HUGE)
    return float((2.0 * _EPS * (np.abs(a * y) + abs(b)) / unit_at(a * y + b, centre, scale)).max())


def unit_of(target: Distribution) -> tuple[float, float]:
    """Centre and scale of the unit: the median, and the standard deviation.

    Or the interquartile range where that is smaller: of a law with a very long tail the deviation
    says nothing about the bulk, or is infinite.
    """
    scale = float(target.isf(0.25)) - float(target.ppf(0.25))
    deviation = target.std()
    if 0.0 < deviation < scale or scale == 0.0:
        scale = deviation
    return target.median(), scale


def pose(source: Distribution, target: Distribution, tol: float) -> Problem:
    """The problem in the unit of the target's scale."""
    centre, scale = unit_of(target)
    peaks = np.asarray(target.pdf(np.array(target.breakpoints)))
    dense = bool(np.any(peaks * scale > _PEAK))
    return Problem(ExactMap(source, target), tol, centre, scale, dense)


def affine_between(source: Distribution, target: Distribution) -> tuple[float, float] | None:
    """(a, b) such that a Y + b has the law of the target exactly, a > 0; None where unknown."""
    core, scale, shift = _standard_form(source)
    other, other_scale, other_shift = _standard_form(target)
    if not (core is other or (type(core) is type(other) and core == other)):
        return None
    if (scale, shift) == (other_scale, other_shift):
        return 1.0, 0.0
    a = other_scale / scale
    if not math.isfinite(a):
        raise AccuracyError(
            f"the source law has the scale {scale:g}, too small for a map to scale {other_scale:g} "
            "in floating-point numbers; rescale it."
        )
    if a < 0:  # the target is the mirror image: the same law where it is symmetric
        if core.symmetry is None:
            return None
        other_shift += 2.0 * core.symmetry * other_scale
        a = -a
    return a, other_shift - a * shift


def _standard_form(law: Distribution) -> tuple[Distribution, float, float]:
    """The law as scale * X + shift with X as plain as can be."""
    if isinstance(law, LocationScale):
        return dataclasses.replace(law, loc=0.0, scale=1.0), law.scale, law.loc  # type: ignore[type-var]
    if isinstance(law, Uniform | Arcsine):
        return type(law)(0.0, 1.0), law.high - law.low, law.low
    if isinstance(law, Affine):
        core, scale, shift = _standard_form(law.base)
        return core, law.scale * scale, law.scale * shift + law.shift
    return law, 1.0, 0.0


def sound_range(problem: Problem) -> tuple[float, float]:
    """Where the laws say anything about the map: all but the tails of their absolute error.

    A law known to an absolute error alone, such as that of a sample, has tails that are a model.
    """
    tail = blurred_tail(problem)
    source = problem.exact.source
    return (float(source.ppf(tail)), float(source.isf(tail))) if tail else (-math.inf, math.inf)


def blurred_tail(problem: Problem) -> float:
    """The probability of each tail of which the laws say nothing."""
    laws = problem.exact.source, problem.exact.target
    return min(max((4.0 * law.error for law in laws if math.isinf(law.tail_error)), default=0), 0.2)


def law_error(problem: Problem, y: FloatArray, z: FloatArray) -> float:
    """The largest error of the exact map at z = T(y) that the errors of both laws allow.

    Relative errors of the tails act as tail / f_Z(z), and nowhere by more than the absolute ones
    do. Where a law states an absolute error alone, the quantiles of the shifted
    probabilities are computed, for points in `sound_range`. In the unit of the problem.
    """
    source, target = problem.exact.source, problem.exact.target
    if math.isfinite(source.tail_error + target.tail_error):
        return relative_move(problem, np.minimum(source.logcdf(y), source.logsf(y)), z)
    first, last = sound_range(problem)
    y, z = y[(y >= first) & (y <= last)], z[(y >= first) & (y <= last)]
    return absolute_move(problem, np.asarray(source.cdf(y)), np.asarray(source.sf(y)), z)


def relative_move(problem: Problem, log_tail: FloatArray, z: FloatArray) -> float:
    """How far relative errors of the tails move the quantiles z of the target."""
    source, target = problem.exact.source, problem.exact.target
    relative, absolute = source.tail_error + target.tail_error, source.error + target.error
    with np.errstate(all="ignore"):
        return moved_by(problem, np.minimum(relative * np.exp(log_tail), absolute), z)


def moved_by(problem: Problem, shift: FloatArray, z: FloatArray) -> float:
    """How far changes of their probabilities move the quantiles z of the target."""
    with np.errstate(all="ignore"):
        moved = np.exp(np.log(shift) - problem.exact.target.logpdf(z)) / problem.unit(z)
    # An infinite ratio is the edge of a gap of the target: the map jumps there.
    return float(moved[np.isfinite(moved)].max(initial=0.0))


def absolute_move(problem: Problem, cdf: FloatArray, sf: FloatArray, z: FloatArray) -> float:
    """How far the absolute errors of the laws move the quantiles z at these levels."""
    source, target = problem.exact.source, problem.exact.target
    lower = cdf <= sf
    worst = 0.0
    for change in (-1.0, 1.0):
        tail = np.where(lower, cdf, sf) + change * (source.error + target.error)
        tail = np.clip(tail, 0.0, 1.0)
        other = np.where(lower, target.ppf(tail), target.isf(tail))
        moved = np.abs(other - z) / problem.unit(z)
        worst = max(worst, float(moved[np.isfinite(moved)].max(initial=0.0)))
    return worst
