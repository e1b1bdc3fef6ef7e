"""Inputs by depth: coordinates in which every law has the same tails."""

from __future__ import annotations

import dataclasses
import functools
import math
from collections.abc import Iterable
from typing import final

import numpy as np
from scipy import special

from otmaps._arrays import FloatArray
from otmaps._distribution import Distribution

_HALF = math.log(0.5)
_NORMAL_PEAK = 1.0 / math.sqrt(2.0 * math.pi)
DEEPEST = 700.0  # exp of minus that is about the smallest normal double
_DEEPER = 735.0  # there exp(-t) is next to 0: what lies beyond adds nothing to any tail
_FARTHEST = 1e300
CORE = 0.7  # up to there coordinates run in straight pieces, from 0 on and up to here
_STEPS = np.array([1.6, 3.0, 5.0, 8.0, 12.0, 18.0, 26.0, 38.0, 60.0, 95.0, 150.0, 235.0, 370.0])
_SCORES = np.array([1.5, 4.5, 9.3])  # the last leaves 1e-20 of the probability
_RUNGS = np.array([0.3, 0.7, 1.6, 3.0, 5.5, 10.0, 18.0, 32.0, 60.0, 110.0, 200.0, 360.0, 540.0])


@final
@dataclasses.dataclass(frozen=True, eq=False)
class Axis:
    """One input in a coordinate t that is the depth in its tails.

    Below the median, -t is log(1/2) minus the log of the cdf, above it t is log(1/2) minus the log
    of sf; in the core, abs(t) < 0.7, the points run straight between the points at -0.7, 0 and 0.7,
    so that those near the median have all digits of their distance from it. A coarse axis has the
    normal scores as its coordinate: t is the quantile of a standard normal at the same level.

    Attributes
    ----------
    law : Distribution
        Without atoms.
    special : tuple of float
        Points at which intervals of quadrature end, the breakpoints of the law among them.
    coarse : bool
        Whether the coordinate is the normal score. Intervals are few then, and end where 1e-20 of
        the probability is left.
    """

    law: Distribution
    special: tuple[float, ...] = ()
    coarse: bool = False

    @staticmethod
    def of(law: Distribution, points: Iterable[float] = (), *, coarse: bool = False) -> Axis:
        """The axis of a law, with the breakpoints and ``points`` that lie inside it."""
        kinks = {float(x) for x in (*law.breakpoints, *points)}
        inside = [x for x in kinks if min(law.cdf(x), law.sf(x)) > 0.0]
        return Axis(law, tuple(sorted(inside)), coarse)

    @functools.cached_property
    def marks(self) -> FloatArray:
        """Coordinates at which intervals end, increasing, the ends of the input included."""
        if self.coarse:
            plain = np.concatenate([-_SCORES, _SCORES])
        else:
            steps = np.unique([CORE, *_STEPS, DEEPEST, self.deepest])
            plain = np.concatenate([-steps, [0.0], steps])
        gaps = np.abs(plain[:, None] - self.specials).min(axis=1, initial=np.inf)
        return np.unique(np.append(plain[gaps > 1e-13], self.specials))

    @functools.cached_property
    def specials(self) -> FloatArray:
        """The coordinates of the special points."""
        t = np.unique(self.depth(np.array(self.special, dtype=float)))
        return t[np.abs(t) < (_SCORES[-1] if self.coarse else DEEPEST)]

    @functools.cached_property
    def fixed(self) -> FloatArray:
        """The marks that a kink nearby does not replace: where the coordinate itself has one."""
        return self.specials if self.coarse else np.array([-CORE, 0.0, CORE, *self.specials])

    @functools.cached_property
    def _core(self) -> tuple[float, float, float]:
        """The points at -0.7, 0 and 0.7."""
        law = self.law
        log = _HALF - CORE
        return float(law.ilogcdf(log)), float(law.ppf(0.5)), float(law.ilogsf(log))

    def points(self, t: FloatArray) -> FloatArray:
        """The points with these coordinates."""
        if self.coarse:
            levels = special.log_ndtr(-np.abs(t))
            return np.asarray(
                np.where(t < 0.0, self.law.ilogcdf(levels), self.law.ilogsf(levels)), dtype=float
            )
        first, centre, last = self._core
        out = np.where(t < 0.0, centre - first, last - centre) * (t / CORE) + centre
        lower, upper = t < -CORE, t > CORE
        out[lower] = self.law.ilogcdf(_HALF + t[lower])
        out[upper] = self.law.ilogsf(_HALF - t[upper])
        return out

    def measure(self, t: FloatArray, z: FloatArray) -> FloatArray:
        """The density of the coordinate, at t and its point z."""
        if self.coarse:
            return np.asarray(_NORMAL_PEAK * np.exp(-0.5 * t * t))
        first, centre, last = self._core
        out = np.asarray(0.5 * np.exp(-np.abs(t)))
        core = np.abs(t) < CORE
        rate = np.where(t[core] < 0.0, centre - first, last - centre) / CORE
        out[core] = np.asarray(self.law.pdf(z[core])) * rate
        return out

    def depth(self, x: FloatArray) -> FloatArray:
        """The coordinates of points."""
        if not x.size:
            return x
        first, centre, last = self._core
        cdf, sf = np.asarray(self.law.logcdf(x)), np.asarray(self.law.logsf(x))
        if self.coarse:
            scores = special.ndtri_exp(np.minimum(cdf, sf))
            return np.asarray(np.where(cdf < sf, scores, -scores))
        rate = np.where(x < centre, centre - first, last - centre) / CORE
        core = (x > first) & (x < last)
        return np.where(core, (x - centre) / rate, np.where(cdf < sf, cdf - _HALF, _HALF - sf))

    @functools.cached_property
    def rungs(self) -> FloatArray:
        """Points over the whole law, between which roots are looked for."""
        steps = np.append(_RUNGS, self.deepest)
        return np.unique(self.points(np.concatenate([-steps, [0.0], steps])))

    @functools.cached_property
    def ends(self) -> tuple[float, float]:
        """The deepest points that count."""
        low, high = self.points(np.array([-self.deepest, self.deepest])).tolist()
        return low, high

    @functools.cached_property
    def deepest(self) -> float:
        """How deep the points go that count: as far as they are numbers to compute with."""
        far = self.points(np.array([-_DEEPER, _DEEPER]))
        return _DEEPER if np.abs(far).max() < _FARTHEST else DEEPEST
