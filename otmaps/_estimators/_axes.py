"""Inputs by depth: coordinates in which every law has the same tails."""

from __future__ import annotations

import dataclasses
import functools
import math
from collections.abc import Iterable
from typing import final

import numpy as np

from otmaps._arrays import FloatArray
from otmaps._distribution import Distribution

_HALF = math.log(0.5)
DEEPEST = 700.0  # exp of minus that is about the smallest normal double
_CORE = 0.7
_STEPS = np.array([1.6, 3.0, 5.0, 8.0, 12.0, 18.0, 26.0, 38.0, 60.0, 95.0, 150.0, 235.0, 370.0])
_COARSE_STEPS = np.array([2.5, 6.0, 14.0, 45.0])
_RUNGS = np.array([0.3, 0.7, 1.6, 3.0, 5.5, 10.0, 18.0, 32.0, 60.0, 110.0, 200.0, 360.0, 540.0])


@final
@dataclasses.dataclass(frozen=True, eq=False)
class Axis:
    """One input in a coordinate t that is the depth in its tails.

    Below the median, -t is log(1/2) minus the log of the cdf, above it t is log(1/2) minus the log
    of sf; in the core, abs(t) < 0.7, the points run straight between the points at -0.7, 0 and 0.7,
    so that those near the median have all digits of their distance from it.

    Attributes
    ----------
    law : Distribution
        Without atoms.
    special : tuple of float
        Points at which intervals of quadrature end, the breakpoints of the law among them.
    coarse : bool
        Whether intervals are few, and end where 1e-20 of the probability is left.
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
        steps = np.array([_CORE, *_COARSE_STEPS] if self.coarse else [_CORE, *_STEPS, DEEPEST])
        plain = np.concatenate([-steps, [0.0], steps])
        gaps = np.abs(plain[:, None] - self.specials).min(axis=1, initial=np.inf)
        return np.unique(np.append(plain[gaps > 1e-13], self.specials))

    @functools.cached_property
    def specials(self) -> FloatArray:
        """The coordinates of the special points."""
        t = np.unique(self.depth(np.array(self.special, dtype=float)))
        return t[np.abs(t) < (_COARSE_STEPS[-1] if self.coarse else DEEPEST)]

    @functools.cached_property
    def _core(self) -> tuple[float, float, float]:
        """The points at -0.7, 0 and 0.7."""
        law = self.law
        log = _HALF - _CORE
        return float(law.ilogcdf(log)), float(law.ppf(0.5)), float(law.ilogsf(log))

    def points(self, t: FloatArray) -> FloatArray:
        """The points with these coordinates."""
        first, centre, last = self._core
        out = np.where(t < 0.0, centre - first, last - centre) * (t / _CORE) + centre
        lower, upper = t < -_CORE, t > _CORE
        out[lower] = self.law.ilogcdf(_HALF + t[lower])
        out[upper] = self.law.ilogsf(_HALF - t[upper])
        return out

    def measure(self, t: FloatArray, z: FloatArray) -> FloatArray:
        """The density of the coordinate, at t and its point z."""
        first, centre, last = self._core
        out = np.asarray(0.5 * np.exp(-np.abs(t)))
        core = np.abs(t) < _CORE
        rate = np.where(t[core] < 0.0, centre - first, last - centre) / _CORE
        out[core] = np.asarray(self.law.pdf(z[core])) * rate
        return out

    def depth(self, x: FloatArray) -> FloatArray:
        """The coordinates of points."""
        if not x.size:
            return x
        first, centre, last = self._core
        cdf, sf = np.asarray(self.law.logcdf(x)), np.asarray(self.law.logsf(x))
        rate = np.where(x < centre, centre - first, last - centre) / _CORE
        core = (x > first) & (x < last)
        return np.where(core, (x - centre) / rate, np.where(cdf < sf, cdf - _HALF, _HALF - sf))

    @functools.cached_property
    def rungs(self) -> FloatArray:
        """Points over the whole law, between which roots are looked for."""
        steps = np.append(_RUNGS, DEEPEST)
        return np.unique(self.points(np.concatenate([-steps, [0.0], steps])))

    @functools.cached_property
    def ends(self) -> tuple[float, float]:
        """The deepest points that count."""
        low, high = self.points(np.array([-DEEPEST, DEEPEST])).tolist()
        return low, high
