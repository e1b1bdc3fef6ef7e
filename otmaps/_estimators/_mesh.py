"""The mesh of a law: panels on which Gauss-Legendre rules resolve it.

On a panel the density, cdf and sf are polynomials of low degree *relative to their own size*;
panels end at breakpoints and are graded towards singular ones.
"""

from __future__ import annotations

import dataclasses
import math
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from otmaps._arrays import FloatArray
from otmaps._distribution import Distribution

IntArray: TypeAlias = npt.NDArray[np.intp]
BoolArray: TypeAlias = npt.NDArray[np.bool_]

_DEEP = -760.0  # log of the probability at which a mesh ends: below the smallest double
_HUGE = 1e307
_SMALL = 1e-290  # below, a cdf may be subnormal and lose digits
_LEVELS = (-0.7, -2.0, -6.0, -20.0, -60.0, -200.0, _DEEP)
NODES = 16
_GRADE = 8.0  # ratio of neighbouring panels towards a singular point
RANGE = 12.0  # most a logarithm may vary over a panel; see `_resolved`
_DEFECT = 1e-13  # noise of the functions themselves
_RESOLVED = 2e-14
_STALLED = 1e-12
_MOST_SPLITS = 60

# Cosines of whole multiples of pi / 32, reduced before they are multiplied: exact to an ulp.
_TURNS = (np.arange(NODES)[:, None] * (2 * np.arange(NODES)[::-1] + 1)) % (4 * NODES)
_COSINES = np.cos(_TURNS * (math.pi / (2 * NODES)))
CHEBYSHEV = _COSINES[1]
TO_COEFFICIENTS = _COSINES * (2.0 / NODES)
TO_COEFFICIENTS[0] *= 0.5


@dataclasses.dataclass(frozen=True, eq=False)
class Envelope:
    """Bounds of a law's cdf and density over intervals, from the values at the edges of its mesh.

    Places are those of `numpy.searchsorted` in the edges: 0 is below all panels, k + 1 above.

    Attributes
    ----------
    below, above : ndarray, shape (k + 2,)
        The logarithm of the cdf at the next edge below and above each place.
    highest, lowest : ndarray, shape (levels, k + 2)
        Largest and smallest mean density of the 2^level panels from each place on.
    """

    below: FloatArray
    above: FloatArray
    highest: FloatArray
    lowest: FloatArray

    @staticmethod
    def of(log_cdf: FloatArray, log_density: FloatArray) -> Envelope:
        padded = np.concatenate([[-np.inf], log_density, [-np.inf]])
        highest, lowest = [padded], [padded]
        step = 1
        while 2 * step <= padded.size:
            for tables, choose in ((highest, np.maximum), (lowest, np.minimum)):
                last = tables[-1]
                shifted = np.append(last[step:], np.full(step, last[-1]))
                tables.append(choose(last, shifted))
            step *= 2
        return Envelope(
            np.append(-np.inf, log_cdf),
            np.append(log_cdf, 0.0),
            np.stack(highest),
            np.stack(lowest),
        )

    def most_density(self, first: IntArray, last: IntArray) -> FloatArray:
        """The largest mean density of the panels at the places from first to last."""
        level, second = self._cover(first, last)
        return np.maximum(self.highest[level, first], self.highest[level, second])

    def least_density(self, first: IntArray, last: IntArray) -> FloatArray:
        """The smallest mean density of the panels at the places from first to last."""
        level, second = self._cover(first, last)
        return np.minimum(self.lowest[level, first], self.lowest[level, second])

    @staticmethod
    def _cover(first: IntArray, last: IntArray) -> tuple[IntArray, IntArray]:
        """Two overlapping runs of 2^level places cover every interval."""
        level = np.frexp(last - first + 1.0)[1] - 1
        return level, last + 1 - (1 << level)


@dataclasses.dataclass(frozen=True, eq=False)
class Mesh:
    """The panels of a law.

    Attributes
    ----------
    law : Distribution
    edges : ndarray, shape (k + 1,)
        Increasing; the support but for tails below exp(-760).
    log_mass : ndarray, shape (k,)
        Logarithm of the probability of each panel.
    rough : ndarray of int, shape (k,)
        -1 or +1 where the density is infinite at the left or the right edge and the float grid
        there is too coarse for nodes in x: such panels are integrated in the probability scale.
    singular : ndarray
        The breakpoints towards which panels are graded.
    envelope : Envelope
    """

    law: Distribution
    edges: FloatArray
    log_mass: FloatArray
    rough: FloatArray
    singular: FloatArray
    envelope: Envelope

    @property
    def rough_points(self) -> FloatArray:
        """The points at which rough panels end."""
        return np.concatenate([self.edges[:-1][self.rough < 0], self.edges[1:][self.rough > 0]])

    def panel_of(self, x: FloatArray) -> IntArray:
        """The index of the panel that holds each point; -1 or k outside."""
        return np.searchsorted(self.edges, x) - 1

    def log_cdf(self, x: FloatArray) -> FloatArray:
        """log cdf to relative accuracy of the cdf: near 1 that costs no second tail function."""
        # Beyond the mesh a law may overflow in its own standard variable.
        x = np.clip(x, self.edges[0], self.edges[-1])
        cdf = np.asarray(self.law.cdf(x))
        out: FloatArray = np.log(cdf)
        deep = cdf < _SMALL
        if deep.any():
            out[deep] = self.law.logcdf(x[deep])
        return out

    def log_density(self, x: FloatArray) -> FloatArray:
        """The log density on the mesh, -inf beyond."""
        inside = (x >= self.edges[0]) & (x <= self.edges[-1])
        out = np.asarray(self.law.logpdf(np.where(inside, x, self.edges[0])))
        return np.where(inside, out, -np.inf)

    def distance(self, x: FloatArray) -> FloatArray:
        """The distance to the nearest singular point."""
        return np.asarray(np.abs(x[:, None] - self.singular).min(axis=1, initial=np.inf))


def _log_difference(large: FloatArray, small: FloatArray) -> FloatArray:
    return large + np.log(-np.expm1(np.minimum(small - large, 0.0)))


def _initial_edges(law: Distribution, anchors: FloatArray) -> FloatArray:
    low, high = law.support()
    levels = np.array(_LEVELS)
    # Towards a finite end the grading, where one is needed, finds the way.
    lower, upper = (levels if math.isinf(end) else levels[:2] for end in (low, high))
    points = np.concatenate([law.ilogcdf(lower), law.ilogsf(upper)])
    width = float(law.ilogsf(-2.0) - law.ilogcdf(-2.0))
    reach = _HUGE * min(width, 1.0)  # (x - loc) / scale must not overflow
    points = np.clip(points, max(low, -reach), min(high, reach))
    gap = 1e-9 * width
    if anchors.size:
        points = points[np.min(np.abs(points[:, None] - anchors), axis=1) > gap]
    points = np.unique(np.concatenate([points, anchors]))
    return points[(points >= low) & (points <= high)]


def _toward(anchor: float, side: float, width: float, law: Distribution) -> tuple[FloatArray, bool]:
    """Edges graded from a width off towards a singular anchor, and whether it is rough."""
    end = anchor in law.support()
    steps = width * _GRADE ** -np.arange(1.0, 340.0)
    x = anchor + side * np.array([1e-4, 1e-6]) * width
    with np.errstate(all="ignore"):
        slope = np.subtract(*law.logpdf(x)) / math.log(100.0)
    singular = anchor != 0.0 and not slope > -0.02
    if anchor != 0.0:
        floor = 1e-5 * width if singular else 64.0 * np.spacing(abs(anchor))
        steps = steps[steps > floor]
    elif end:
        tail = law.logcdf(steps) if side > 0 else law.logsf(-steps)
        steps = steps[(tail > _DEEP) & (steps > 1e-305)]
    else:
        steps = steps[steps > 1e-40 * width]
    return anchor + side * steps, singular


def _defects(law: Distribution, low: FloatArray, high: FloatArray) -> tuple[FloatArray, FloatArray]:
    """How far each panel is from resolved: as a plain polynomial, and relative at every point."""
    width = high - low
    x = (0.5 * (low + high))[:, None] + (0.5 * width)[:, None] * CHEBYSHEV
    logs = np.stack([law.logpdf(x), law.logcdf(x), law.logsf(x)])
    top = np.max(logs, axis=2, keepdims=True)
    logs = logs - np.where(top > -np.inf, top, 0.0)
    logs = np.clip(np.nan_to_num(logs, nan=-800.0), -800.0, 0.0)
    slope = (logs @ TO_COEFFICIENTS[1])[:, :, None]
    tilted = logs - slope * CHEBYSHEV
    tilted = np.exp(tilted - tilted.max(axis=2, keepdims=True))
    spread = logs.max(axis=2) - logs.min(axis=2)
    grid = 4.0 * np.spacing(np.maximum(np.abs(low), np.abs(high))) / width
    noise = _DEFECT + grid * (1.0 + spread.max(axis=0))
    wide = (spread > RANGE).any(axis=0)
    plain = _rule_error(np.exp(logs), noise)
    return plain, np.where(wide, 1.0, _rule_error(tilted, noise))


def _rule_error(values: FloatArray, noise: FloatArray) -> FloatArray:
    """The relative error of the Gauss rule on a product with such a factor, worst of three.

    The rule is exact to degree 31; the Chebyshev coefficients are known to degree 15. They fall
    by the same factor from 15 to 31 at least as from 7 to 15, where they fall at all.
    """
    sizes = np.abs(values @ TO_COEFFICIENTS.T)
    half, last = sizes[..., 6:9].max(axis=-1), sizes[..., 13:].max(axis=-1)
    fall = np.minimum(last / np.maximum(half, 1e-300), 1.0)
    defect = np.where(last <= noise, 0.0, last * fall**2.3)
    return np.asarray(defect.max(axis=0))


def mesh_of(law: Distribution) -> Mesh:
    """The mesh of a law without atoms.

    A panel is accepted when the three functions, with the linear part of their logarithm taken
    out, are smooth enough for the 16-point rule and vary by less than exp(12): then the product
    with the same functions of another law is resolved too, whichever way it tilts. Next to a
    breakpoint, where a function may vanish like a power, it may be smooth as it stands.
    """
    anchors = np.array(law.breakpoints)
    edges = _initial_edges(law, anchors)
    low, high = edges[:-1], edges[1:]
    parent = np.full(low.shape, np.inf)
    done: list[FloatArray] = []
    graded: dict[tuple[float, float], bool] = {}
    for _ in range(_MOST_SPLITS):
        plain, relative = _defects(law, low, high)
        at_low, at_high = np.isin(low, anchors), np.isin(high, anchors)
        defect = np.where(at_low | at_high, np.minimum(plain, relative), relative)
        stalled = (defect < _STALLED) & (defect > 0.25 * parent)
        narrow = high - low <= 1e-13 * np.maximum(np.abs(low), np.abs(high))
        pairs = zip(low, high, strict=True)
        innermost = [(a, 1.0) in graded or (b, -1.0) in graded for a, b in pairs]
        accept = (defect <= _RESOLVED) | stalled | narrow | np.array(innermost, dtype=bool)
        done.append(np.stack([low[accept], high[accept]]))
        if accept.all():
            break
        cuts = _cuts(low, high, at_low & at_high, law)
        panels = []
        for i in np.flatnonzero(~accept):
            inner = cuts[i : i + 1]
            if at_low[i] != at_high[i] and defect[i] > 0.01 * parent[i]:  # no better when halved
                anchor, side = (float(low[i]), 1.0) if at_low[i] else (float(high[i]), -1.0)
                inner, graded[anchor, side] = _toward(anchor, side, float(high[i] - low[i]), law)
            points = np.unique(np.concatenate([[low[i]], inner, [high[i]]]))
            panels.append(np.stack([points[:-1], points[1:], np.full(points.size - 1, defect[i])]))
        low, high, parent = np.concatenate(panels, axis=1)
    else:
        done.append(np.stack([low, high]))
    return _finished(law, np.concatenate(done, axis=1), graded)


def _cuts(low: FloatArray, high: FloatArray, between: BoolArray, law: Distribution) -> FloatArray:
    """Where to split: in the middle, far out in the tail at the geometric mean of the distances."""
    median = law.median()
    width = law.ilogsf(-2.0) - law.ilogcdf(-2.0)
    near = np.minimum(np.abs(low - median), np.abs(high - median))
    far = np.maximum(np.abs(low - median), np.abs(high - median))
    outside = ((low >= median) | (high <= median)) & (far > 6.0 * near) & (near > width) & ~between
    step = np.sqrt(near) * np.sqrt(far)
    return np.where(outside, median + np.where(low >= median, step, -step), 0.5 * low + 0.5 * high)


def _finished(
    law: Distribution, panels: FloatArray, graded: dict[tuple[float, float], bool]
) -> Mesh:
    panels = panels[:, np.argsort(panels[0])]
    edges = np.append(panels[0], panels[1, -1])
    rough = np.zeros(edges.size - 1)
    for (anchor, side), is_rough in graded.items():
        if is_rough:
            rough[np.searchsorted(edges, anchor) - (side < 0)] = -side
    with np.errstate(all="ignore"):
        lower, upper = law.logcdf(edges), law.logsf(edges)
        mass = np.where(
            lower[1:] < upper[:-1],
            _log_difference(lower[1:], lower[:-1]),
            _log_difference(upper[:-1], upper[1:]),
        )
        envelope = Envelope.of(lower, mass - np.log(np.diff(edges)))
    singular = np.unique([anchor for anchor, _ in graded])
    return Mesh(law, edges, mass, rough, singular, envelope)
