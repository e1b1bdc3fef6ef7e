"""The law of a norm from its density: interpolated in the logarithm, and integrated."""

from __future__ import annotations

import dataclasses
import functools
import math
from collections.abc import Callable, Sequence
from typing import final

import numpy as np

from otmaps._arrays import FloatArray
from otmaps._errors import AccuracyError
from otmaps._estimators._layout import Source
from otmaps._estimators._tabulated import table_law
from otmaps._estimators._tabulation import tabulate
from otmaps._estimators._terms import frame_of, rounded
from otmaps._pieces import PiecesLaw

Density = Callable[[FloatArray], FloatArray]

_N = 16
_TURNS = (np.arange(_N)[:, None] * (2 * np.arange(_N)[::-1] + 1)) % (4 * _N)
_COSINES = np.cos(_TURNS * (math.pi / (2 * _N)))
_TO_SERIES = _COSINES * (2.0 / _N)
_TO_SERIES[0] *= 0.5
_X, _W = np.polynomial.legendre.leggauss(_N)
# How far out it is tested whether the rest is a power of the norm; there pieces end at the latest.
_STRAIGHTS = 11.0, 17.0, 24.0, 32.0, 40.0
_FARTHEST = _STRAIGHTS[-1] + 3.0
_WIDEST = 4.0  # of the first pieces
_DEEP = 740.0  # below the peak nothing is left
_RANGE = 6.0  # of the log density over an interval of integration
_SERIES, _ROUGH = 2e-13, 1e-9
_SHALLOW = 30.0  # below the peak
_LIGHT = 1e-13
_NARROW = 1e-13
_MOST_ROUNDS, _MOST = 44, 300
_WORST = 1e-6  # a larger error than this is no law
_SAFETY = 2.0
_DEPTH = math.log(1e-301)
_REACH = 1e300
_FINEST = 1e-13
_STRAIGHT, _ROUGH_LINE = (
    1e-9,
    1e-5,
)  # a bend that is none; the relative change of a slope  # relative change of a slope that is one


@final
@dataclasses.dataclass(frozen=True, eq=False)
class NormDensity:
    """The log density of a coordinate t as series on pieces, straight lines beyond.

    The coordinate is log(norm / origin), or log(norm / (end - norm)) where the norm has an end: far
    out on both sides a power of the norm, or of the distance from the end, is a straight line.

    Attributes
    ----------
    origin, end : float
    edges : ndarray
        The ends of the pieces, in t.
    series : ndarray, shape (pieces, 16)
        Chebyshev coefficients.
    slopes : tuple of float
        Below and above the pieces.
    beyond : float
        How far the tails beyond the pieces may be from powers, relative, down to 1e-300; infinite
        where they are none.
    """

    origin: float
    end: float
    edges: FloatArray
    series: FloatArray
    slopes: tuple[float, float]
    beyond: float

    @staticmethod
    def of(
        density: Density,
        judge: Density,
        origin: float,
        width: float,
        *,
        kinks: Sequence[float] = (),
        end: float = math.inf,
    ) -> NormDensity:
        """The density, interpolated.

        Parameters
        ----------
        density, judge : callable
            The log density of t, and the same computed with more effort, for few points.
        origin : float
            A typical norm.
        width : float
            About the deviation of t.
        kinks : sequence of float
            Norms at which pieces end.
        end : float
            Of the support.
        """
        middle = float(coordinate(np.array([origin]), origin, end)[0])
        (below, first), (above, last) = (
            _outward(density, judge, middle, width, side) for side in (-1.0, 1.0)
        )
        places = coordinate(np.array([k for k in kinks if 0.0 < k < end]), origin, end).tolist()
        # Where the density ends in a kink the search for its end stops short of it.
        below += [t for t in places if first is None and -width < t - below[-1] < 0.0][-1:]
        above += [t for t in places if last is None and 0.0 < t - above[-1] < width][:1]
        inside = [t for t in places if below[-1] <= t <= above[-1]]
        edges = np.unique([*below, middle, *above, *inside])
        edges = edges[np.diff(edges, prepend=-np.inf) > _NARROW]
        edges, series = _interpolated(density, edges, absolute=bool(inside))
        signs, squares = (-1.0) ** np.arange(1, _N + 1), np.arange(_N) ** 2.0
        rates = 2.0 / np.diff(edges)
        # Where nothing is left the slope of the last piece will do.
        first = first or (float(series[0] @ (squares * signs)) * float(rates[0]), 0.0)
        last = last or (float(series[-1] @ squares) * float(rates[-1]), 0.0)
        beyond = _bend(first, middle - edges[0]) + _bend(last, edges[-1] - middle)
        if inside:  # next to a kink a tail is known to an absolute error alone
            beyond = math.inf
        return NormDensity(origin, end, edges, series, (first[0], last[0]), beyond)

    def log_density(self, t: FloatArray) -> FloatArray:
        """The log density of t."""
        low, high = self.edges[0], self.edges[-1]
        piece = np.clip(np.searchsorted(self.edges, t, side="right") - 1, 0, len(self.series) - 1)
        a, b = self.edges[piece], self.edges[piece + 1]
        s = np.clip((2.0 * t - a - b) / (b - a), -1.0, 1.0)
        value = np.polynomial.chebyshev.chebval(s, self.series[piece].T, tensor=False)
        value += self.slopes[0] * np.minimum(t - low, 0.0)
        return np.asarray(value + self.slopes[1] * np.maximum(t - high, 0.0))

    @functools.cached_property
    def panels(self) -> FloatArray:
        """The ends of the intervals of integration."""
        cuts = []
        for a, b in zip(self.edges[:-1], self.edges[1:], strict=True):
            values = self.log_density(np.linspace(a, b, 33)[1:-1])
            count = max(int(np.ceil(np.ptp(np.maximum(values, values.max() - 800.0)) / _RANGE)), 1)
            cuts.append(np.linspace(a, b, count + 1)[:-1])
        return np.append(np.concatenate(cuts), self.edges[-1])

    def _masses(self, low: FloatArray, high: FloatArray) -> FloatArray:
        """The logarithms of the masses of short intervals."""
        half = 0.5 * (high - low)
        t = 0.5 * (low + high)[:, None] + half[:, None] * _X
        values = self.log_density(t.ravel()).reshape(t.shape)
        top = values.max(axis=1, keepdims=True)
        with np.errstate(divide="ignore"):
            return np.asarray(np.log((np.exp(values - top) * _W).sum(axis=1) * half) + top[:, 0])

    def _beyond(self, t: FloatArray, side: int) -> FloatArray:
        """The logarithm of the mass outside of the pieces, from t on outwards."""
        rate = abs(self.slopes[side])
        return np.asarray(self.log_density(t) - math.log(rate)) if rate else np.full_like(t, np.inf)

    @functools.cached_property
    def _cumulated(self) -> tuple[FloatArray, FloatArray]:
        """At the panels' ends: the logarithms of the masses below and above."""
        masses = self._masses(self.panels[:-1], self.panels[1:])
        first = self._beyond(self.panels[:1], 0)
        last = self._beyond(self.panels[-1:], 1)
        below = np.logaddexp.accumulate(np.concatenate([first, masses]))
        above = np.logaddexp.accumulate(np.concatenate([last, masses[::-1]]))[::-1]
        return below, above

    @property
    def total(self) -> float:
        """The mass of all: 1, were there no errors."""
        return math.exp(float(self._cumulated[0][-1]) - 0.0) + math.exp(
            float(self._beyond(self.panels[-1:], 1)[0])
        )

    def log_tails(self, t: FloatArray, *, upper: bool) -> FloatArray:
        """The logarithm of the mass above, or below."""
        panels = self.panels
        at = np.clip(np.searchsorted(panels, t, side="right") - 1, 0, panels.size - 2)
        inside = np.clip(t, panels[0], panels[-1])
        with np.errstate(divide="ignore"):
            if upper:
                rest = self._masses(inside, panels[at + 1])
                out = np.logaddexp(rest, self._cumulated[1][at + 1])
                far = t >= panels[-1]
            else:
                rest = self._masses(panels[at], inside)
                out = np.logaddexp(rest, self._cumulated[0][at])
                far = t <= panels[0]
        out[far] = self._beyond(t[far], int(upper))
        near = t < panels[0] if upper else t > panels[-1]
        total = math.log(self.total)
        out[near] = total + np.log1p(-np.exp(self._beyond(t[near], int(not upper)) - total))
        return out

    def quantile(self, p: float) -> float:
        """The t at a level, to a few digits."""
        low, high = float(self.panels[0]), float(self.panels[-1])
        for _ in range(60):
            t = np.array([0.5 * (low + high)])
            less = self.log_tails(t, upper=False)[0] < math.log(p)
            low, high = (float(t[0]), high) if less else (low, float(t[0]))
        return 0.5 * (low + high)

    def gaps(self, judge: Density) -> tuple[float, float]:
        """How far a density is from a finer one between the nodes.

        What that does to a probability, and the largest relative gap.
        """
        a, b = self.edges[:-1], self.edges[1:]
        t = np.concatenate([0.5 * (a + b) + 0.5 * (b - a) * s for s in (-0.985, 0.56)])
        gap = np.abs(self.log_density(t) - judge(t))
        tails = np.minimum(self.log_tails(t, upper=False), self.log_tails(t, upper=True))
        masses = np.diff(np.exp(self.log_tails(self.edges, upper=False)))
        moved = gap.reshape(2, -1).max(axis=0) @ masses
        return float(moved), float(gap[tails > _DEPTH].max())


class NormSource(Source):
    """The tails and the density of a norm."""

    def __init__(self, density: NormDensity) -> None:
        self.density = density

    def tails(self, points: FloatArray, *, upper: bool) -> FloatArray:
        """The log tail and the log density; see `Source`."""
        origin, end = self.density.origin, self.density.end
        distance = points[:, 1] + points[:, 2]
        norm = points[:, 0] + distance
        with np.errstate(all="ignore"):
            if math.isfinite(end):
                rest = (end - points[:, 0]) - distance
                t, slope = np.log(norm / rest), norm * (rest / end)
            else:
                away = (points[:, 0] - origin) + distance
                far = np.log(norm / origin)
                t, slope = np.where(away < -0.5 * origin, far, np.log1p(away / origin)), norm
        tail = self.density.log_tails(t, upper=upper)
        return np.stack([tail, self.density.log_density(t) - np.log(slope)], axis=1)


def coordinate(norm: FloatArray, origin: float, end: float) -> FloatArray:
    """The coordinate t of norms; see `NormDensity`."""
    return np.asarray(np.log(norm / ((end - norm) if math.isfinite(end) else origin)))


def norm_at(t: FloatArray, origin: float, end: float) -> FloatArray:
    """The norms of coordinates, or their distances from the end where these are smaller."""
    if not math.isfinite(end):
        return np.asarray(origin * np.exp(t))
    return np.asarray(end / (1.0 + np.exp(-t)))


def law_of_norm(
    density: NormDensity,
    kinks: Sequence[float],
    inherited: tuple[float, float],
    tol: float,
    how: str,
) -> PiecesLaw:
    """The law of a norm.

    Parameters
    ----------
    density : NormDensity
    kinks : sequence of float
        Inside of the support.
    inherited : tuple of float
        Errors of the density: what they do to the cdf, and relative.
    tol : float
        Of the table.
    how : str
        What `method` says.
    """
    end, defect = density.end, abs(density.total - 1.0)
    if not max(defect, inherited[0]) < _WORST:
        raise AccuracyError(
            f"quadrature reached an error of {max(defect, inherited[0]):.2g} only for the norm."
        )
    quartiles = [
        float(norm_at(np.array([density.quantile(p)]), density.origin, end)[0])
        for p in (0.25, 0.5, 0.75)
    ]
    scale = quartiles[2] - quartiles[0]
    ends = [0.0, *kinks, end] if math.isfinite(end) else [0.0, *kinks]
    pairs = np.array([[x, 0.0] for x in ends])
    measured = tabulate(
        NormSource(density),
        frame_of(
            pairs,
            (rounded(quartiles[1], scale, pairs), 0.0),
            finite=(True, math.isfinite(end)),
            scale=scale,
            depth=(_DEPTH, _DEPTH),
            reach=(_REACH, _REACH),
            symmetric=False,
        ),
        max(0.1 * tol, _FINEST),
    )
    absolute = inherited[0] + _SAFETY * defect
    relative = inherited[1] + _SAFETY * (defect + density.beyond)
    return table_law(measured, (0.0, end), kinks, (absolute, relative), how)


def _outward(
    density: Density, judge: Density, middle: float, width: float, side: float
) -> tuple[list[float], tuple[float, float] | None]:
    """Points from the middle to where the pieces end: in the deep, or where the rest is a power.

    In the second case also its slope, and how far that still changes.
    """
    steps = np.cumsum(np.minimum(width * 1.5 * 2.0 ** np.arange(200.0), _WIDEST))
    steps = steps[steps < _FARTHEST]
    values = density(middle + side * steps)
    top = max(float(values.max(initial=-np.inf)), float(density(np.array([middle]))[0]))
    if not math.isfinite(top):
        raise AccuracyError("the density of a norm could not be computed.")
    gone = ~(values > top - _DEEP)
    depth = float(steps[np.argmax(gone)]) if gone.any() else math.inf
    for end in _STRAIGHTS:
        if end + 2.0 > depth:
            break
        line = _line(judge, middle + side * end, side)
        if _bend(line, end) <= _STRAIGHT or end == _STRAIGHTS[-1]:
            return [*(middle + side * steps[steps < end]), middle + side * end], line
    first = int(np.argmax(gone)) if gone.any() else steps.size
    low, high = float(steps[first - 1]) if first else 0.0, min(depth, _FARTHEST)
    for _ in range(6):  # to where it is about gone
        between = 0.5 * (low + high)
        if density(np.array([middle + side * between]))[0] > top - _DEEP:
            low = between
        else:
            high = between
    return [*(middle + side * steps[:first]), middle + side * low], None


def _interpolated(
    density: Density, edges: FloatArray, *, absolute: bool
) -> tuple[FloatArray, FloatArray]:
    """Series on pieces, halved until they have converged.

    Or, if ``absolute``, until what they lack moves no probability.
    """
    lows, highs = edges[:-1], edges[1:]
    done: list[tuple[FloatArray, FloatArray, FloatArray]] = []
    parent, top = np.full(lows.size, np.inf), -math.inf
    for round_ in range(_MOST_ROUNDS):
        nodes = 0.5 * (lows + highs)[:, None] + 0.5 * (highs - lows)[:, None] * _COSINES[1]
        values = np.maximum(density(nodes.ravel()).reshape(nodes.shape), -1e5)
        base = values[:, :1]
        series = (values - base) @ _TO_SERIES.T
        series[:, 0] += base[:, 0]
        top = max(top, float(values.max()))
        # The deeper a tail, the less it takes to move no quantile.
        size = 1.0 + (np.maximum(top - values.max(axis=1), 0.0) / _SHALLOW) ** 4
        defect = np.abs(series[:, -2:]).max(axis=1) / size
        # Next to a kink a short piece matters by its mass alone.
        mass = np.exp(np.minimum(values.max(axis=1), 700.0)) * (highs - lows)
        light = absolute & (defect * mass < _LIGHT)
        stalled = (defect > 0.8 * parent) & (defect < _ROUGH)
        fine = (defect <= _SERIES) | stalled | light | (highs - lows < _NARROW * 10.0)
        if round_ == _MOST_ROUNDS - 1 or sum(len(part[0]) for part in done) > _MOST:
            fine[:] = True
        done.append((lows[fine], highs[fine], series[fine]))
        if fine.all():
            break
        middle = 0.5 * (lows + highs)[~fine]
        parent = np.tile(defect[~fine], 2)
        lows, highs = (
            np.concatenate([lows[~fine], middle]),
            np.concatenate([middle, highs[~fine]]),
        )
    low, high, series = (np.concatenate(part) for part in zip(*done, strict=True))
    order = np.argsort(low)
    return np.append(low[order], high[order][-1]), series[order]


def _bend(line: tuple[float, float], end: float) -> float:
    """How far the log density may be from a line between ``end`` and where nothing is left."""
    slope, change = line
    return change * max(_DEEP / abs(slope) - end, 0.0) if change else 0.0


def _line(density: Density, edge: float, side: float) -> tuple[float, float]:
    """The slope of the log density beyond a point, and how far it still changes."""
    near, middle, far = density(np.array([edge, edge + side, edge + 2.0 * side])).tolist()
    slope, change = (middle - near) * side, abs((far - middle) - (middle - near))
    return slope, change if change <= _ROUGH_LINE * abs(slope) and side * slope < 0.0 else math.inf
