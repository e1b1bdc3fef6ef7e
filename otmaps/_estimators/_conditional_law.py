"""The law given by its cdf at points, interpolated monotonely in the logit of the cdf."""

from __future__ import annotations

import dataclasses
import math
from typing import final

import numpy as np
import numpy.typing as npt

from otmaps._arrays import FloatArray
from otmaps._discrete import Discrete
from otmaps._distribution import Distribution
from otmaps._estimators._level_sweep import Levels
from otmaps._mixture import Mixture

IndexArray = npt.NDArray[np.int64]

_STENCIL = 5
_RISE = 1e-15  # the least rise of the logit from knot to knot, relative to its size


@final
@dataclasses.dataclass(frozen=True, eq=False)
class LogitLaw(Distribution):
    """A law whose logit, log(cdf / sf), is a monotone rational quadratic between knots.

    Both tails keep their relative accuracy, quantiles are the inverse in closed form, and the
    density is the derivative. Between knots the error is of the fourth order in their distance:
    Gregory and Delbourgo, IMA J. Numer. Anal. 2 (1982), with slopes from five knots. Beyond the
    outer knots the tail is a power of the distance from the end of the support or, where that is
    infinite, from the middle of the law: that part is modelled, not measured.

    Attributes
    ----------
    knots, logits : ndarray
        Ascending.
    ends : tuple of float
        The support.
    bound : float
        The error of the cdf.
    how : str
        What computed the values.
    """

    knots: FloatArray = dataclasses.field(repr=False)
    logits: FloatArray = dataclasses.field(repr=False)
    ends: tuple[float, float]
    bound: float
    how: str
    slopes: FloatArray = dataclasses.field(init=False, repr=False)

    def __post_init__(self) -> None:
        logits = np.array(self.logits)
        for m in range(1, logits.size):  # where no probability lies, rounding may let it fall
            logits[m] = max(logits[m], logits[m - 1] + _RISE * (1.0 + abs(logits[m - 1])))
        object.__setattr__(self, "logits", logits)
        object.__setattr__(self, "slopes", _slopes(self.knots, logits))

    def _support(self) -> tuple[float, float]:
        return self.ends

    def _error(self) -> float:
        return self.bound

    def _tail_error(self) -> float:
        return math.inf

    def _method(self) -> str:
        return self.how

    # --------------------------------------------------------------------------- the interpolant
    def _cell(self, points: FloatArray, edges: FloatArray) -> IndexArray:
        return np.asarray(
            np.clip(np.searchsorted(edges, points, side="right") - 1, 0, edges.size - 2)
        )

    def _parts(self, i: IndexArray) -> tuple[FloatArray, ...]:
        """Width, rise, mean slope, and how far both end slopes exceed the mean one together."""
        width = self.knots[i + 1] - self.knots[i]
        rise = self.logits[i + 1] - self.logits[i]
        mean = rise / width
        return width, rise, mean, self.slopes[i] + self.slopes[i + 1] - 2.0 * mean

    def _tail(self, side: int) -> tuple[float, float, float, float]:
        """Knot, logit there, the point that distances count from, and the power of the tail."""
        knot, level = float(self.knots[-side]), float(self.logits[-side])
        end = self.ends[side]
        middle = float(self.knots[np.searchsorted(self.logits, 0.0).clip(1, self.knots.size - 2)])
        origin = end if math.isfinite(end) else middle
        return knot, level, origin, float(self.slopes[-side]) * (knot - origin)

    def _logit(self, y: FloatArray) -> FloatArray:
        i = self._cell(y, self.knots)
        width, rise, mean, excess = self._parts(i)
        t = (y - self.knots[i]) / width
        s = t * (1.0 - t)
        out = self.logits[i] + rise * (mean * t * t + self.slopes[i] * s) / (mean + excess * s)
        for side, beyond in ((0, y < self.knots[0]), (1, y > self.knots[-1])):
            knot, level, origin, power = self._tail(side)
            out[beyond] = level + power * np.log((y[beyond] - origin) / (knot - origin))
        return np.asarray(out)

    def _slope(self, y: FloatArray) -> FloatArray:
        i = self._cell(y, self.knots)
        width, _, mean, excess = self._parts(i)
        t = (y - self.knots[i]) / width
        s = t * (1.0 - t)
        top = self.slopes[i + 1] * t * t + 2.0 * mean * s + self.slopes[i] * (1.0 - t) ** 2
        out = mean * mean * top / (mean + excess * s) ** 2
        for side, beyond in ((0, y < self.knots[0]), (1, y > self.knots[-1])):
            _, _, origin, power = self._tail(side)
            out[beyond] = power / (y[beyond] - origin)
        return np.asarray(out)

    def _point(self, logit: FloatArray) -> FloatArray:
        i = self._cell(logit, self.logits)
        width, rise, mean, excess = self._parts(i)
        up = logit - self.logits[i]
        a = rise * (mean - self.slopes[i]) + up * excess
        b = rise * self.slopes[i] - up * excess
        c = -mean * up
        t = 2.0 * c / (-b - np.sqrt(np.maximum(b * b - 4.0 * a * c, 0.0)))
        out = self.knots[i] + width * np.where(up == 0.0, 0.0, np.clip(t, 0.0, 1.0))
        for side, beyond in ((0, logit < self.logits[0]), (1, logit > self.logits[-1])):
            knot, level, origin, power = self._tail(side)
            if power != 0.0:
                reach = np.exp((logit[beyond] - level) / power)
                out[beyond] = origin + (knot - origin) * reach
        return np.asarray(np.clip(out, *self.ends))

    # --------------------------------------------------------------------------------- the hooks
    def _logcdf(self, x: FloatArray) -> FloatArray:
        return -np.logaddexp(0.0, -self._logit(x))

    def _logsf(self, x: FloatArray) -> FloatArray:
        return -np.logaddexp(0.0, self._logit(x))

    def _cdf(self, x: FloatArray) -> FloatArray:
        return np.exp(self._logcdf(x))

    def _sf(self, x: FloatArray) -> FloatArray:
        return np.exp(self._logsf(x))

    def _pdf(self, x: FloatArray) -> FloatArray:
        logit = self._logit(x)
        inner = np.exp(-np.logaddexp(0.0, -logit) - np.logaddexp(0.0, logit))
        return np.where(np.isfinite(logit), inner * self._slope(x), 0.0)

    def _ilogcdf(self, logp: FloatArray) -> FloatArray:
        return self._point(logp - np.log(-np.expm1(logp)))

    def _ilogsf(self, logq: FloatArray) -> FloatArray:
        return self._point(np.log(-np.expm1(logq)) - logq)


def _slopes(x: FloatArray, f: FloatArray) -> FloatArray:
    """Derivatives of the polynomials through five neighbouring points, never negative.

    Where such a derivative has the wrong sign, or is beyond three times the steeper neighbouring
    chord, the harmonic mean of both chords stands in.
    """
    n = x.size
    count = min(_STENCIL, n)
    start = np.clip(np.arange(n) - count // 2, 0, n - count)
    index = start[:, None] + np.arange(count)
    own = np.arange(n) - start
    scale = np.ptp(x[index], axis=1)[:, None]
    d = (x[index] - x[:, None]) / scale  # distances of the nodes from the own point
    slopes = np.zeros(n)
    for k in range(count):
        others = [j for j in range(count) if j != k]
        # Divided chord to node k times the weight of Lagrange's derivative.
        away = own != k
        top = np.ones(n)
        bottom = np.ones(n)
        for j in others:
            bottom *= d[:, k] - d[:, j]
            top *= np.where(own == j, 1.0, -d[:, j])
        with np.errstate(all="ignore"):
            weight = np.where(away, top / bottom, 0.0)
        slopes += weight * (f[index[:, k]] - f)
    slopes /= scale[:, 0]
    chords = np.diff(f) / np.diff(x)
    left, right = np.append(chords[0], chords), np.append(chords, chords[-1])
    safe = 2.0 * left * right / (left + right)
    good = (slopes > 0.0) & (slopes <= 3.0 * np.maximum(left, right))
    return np.where(good, slopes, safe)


class Estimate:
    """Estimates of the cdf at levels, as a law whose point masses stand apart."""

    def __init__(
        self,
        levels: Levels,
        atoms: FloatArray,
        ends: tuple[float, float],
        cdf: FloatArray,
        sf: FloatArray,
    ) -> None:
        at = ~levels.tied
        y = levels.y[at]
        masses = np.maximum(cdf[levels.tied & ~levels.strict] - cdf[levels.strict], 0.0)
        self.atoms, self.masses = atoms[masses > 0.0], masses[masses > 0.0]
        self.rest = 1.0 - float(self.masses.sum())
        running = np.append(0.0, np.cumsum(self.masses))
        passed = np.searchsorted(self.atoms, y, side="right")
        below = cdf[at] - running[passed]
        above = sf[at] - (running[-1] - running[passed])
        kept = (below > 0.0) & (above > 0.0)
        below, above = below[kept], above[kept]
        self.smooth = LogitLaw(y[kept], np.log(below) - np.log(above), ends, 0.0, "")
        self.beyond = max(float(below[0]), float(above[-1]))
        """The probability beyond the outer levels."""

    def cdf(self, y: FloatArray) -> FloatArray:
        """P(Y <= y)."""
        out = self.rest * np.asarray(self.smooth.cdf(y))
        for atom, mass in zip(self.atoms, self.masses, strict=True):
            out = out + mass * (y >= atom)
        return out

    def quantiles(self, p: FloatArray) -> FloatArray:
        """Quantiles of the part without point masses."""
        return np.concatenate([self.smooth.ppf(p[p <= 0.5]), self.smooth.isf(1.0 - p[p > 0.5])])

    def law(self, error: float, how: str) -> Distribution:
        """The law with a stated error of the cdf."""
        if not self.atoms.size:
            return dataclasses.replace(self.smooth, bound=error, how=how)
        # The error of a mixture is the mean of those of its parts: this one carries it all.
        smooth = dataclasses.replace(self.smooth, bound=error / self.rest, how=how)
        points = Discrete(self.atoms, self.masses / self.masses.sum())
        return Mixture([smooth, points], [self.rest, 1.0 - self.rest])
