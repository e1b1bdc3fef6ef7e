"""Tails by the generalised Pareto law: what exceedances over a high threshold tend to follow.

With scale s and shape g the probability beyond the distance y from the threshold is

    (1 + g y / s) ** (-1 / g),    exp(-y / s) for g = 0;

a negative shape has an end at the distance -s / g (Pickands 1975).
"""

from __future__ import annotations

import dataclasses
import math
from typing import final

import numpy as np

from otmaps._arrays import FloatArray, frozen
from otmaps._ogive import IntArray

_SINGLE = 100  # of the outermost draws count one by one
_GROUPS = 300  # and the others in about so many groups
_SHAPES = np.linspace(-3.0, 3.0, 13)  # from which the search starts
_MOST_SHAPE = 6.0
_RAYS, _LEVELS = 32, 5
_GROWTHS, _HALVINGS = 10, 26  # steps along a ray, of which the first may double it


@final
@dataclasses.dataclass(frozen=True)
class ParetoTail:
    """The law of the distance from a threshold.

    Attributes
    ----------
    scale, shape : float
    mass : float
        The probability of the tail.
    end : float
        The largest distance; infinite for a shape that is not negative. Where it is finite the law
        is ``(1 - y / end) ** (1 / -shape)``, and ``scale`` is ``-shape * end``.
    """

    scale: float
    shape: float
    mass: float
    end: float = math.inf

    def scaled(self, size: float) -> ParetoTail:
        """The tail of distances in another unit."""
        return dataclasses.replace(self, scale=size * self.scale, end=size * self.end)

    def log_survival(self, y: FloatArray, left: FloatArray) -> FloatArray:
        """The log of the probability beyond y, given the tail; ``left`` is ``end - y``, exact."""
        if math.isfinite(self.end):
            part = y / self.end
            logs = np.where(part < 0.5, np.log1p(-np.minimum(part, 0.75)), np.log(left / self.end))
            return np.asarray(-logs / self.shape)
        if self.shape == 0.0:
            return np.asarray(-y / self.scale)
        return np.asarray(-np.log1p(self.shape * (y / self.scale)) / self.shape)

    def log_density(self, y: FloatArray, left: FloatArray) -> FloatArray:
        """The log of the density at y, given the tail."""
        return np.asarray((1.0 + self.shape) * self.log_survival(y, left) - math.log(self.scale))

    def distance(self, logs: FloatArray) -> FloatArray:
        """The distance beyond which the tail has a probability given by its log."""
        return distances(np.array(self.shape), np.array(self.scale), logs)

    def left(self, logs: FloatArray) -> FloatArray:
        """What is left from that distance to a finite end: exact next to it."""
        return np.asarray(self.end * np.exp(-self.shape * logs))

    def moments(self) -> tuple[float, float]:
        """E Y and E Y**2 of the distance, given the tail; infinite where they diverge."""
        g, s = self.shape, self.scale
        first = s / (1.0 - g) if g < 1.0 else math.inf
        return first, 2.0 * s * s / ((1.0 - g) * (1.0 - 2.0 * g)) if g < 0.5 else math.inf


@final
@dataclasses.dataclass(frozen=True, eq=False)
class Exceedances:
    """How far draws lie beyond a threshold, in groups between neighbouring cuts.

    Attributes
    ----------
    cuts : ndarray
        Rising and positive; the last one is the largest distance.
    counts : ndarray
        Draws from cut to cut, the first from 0; and one more above the last.
    """

    cuts: FloatArray
    counts: FloatArray

    @staticmethod
    def of(distances: FloatArray) -> Exceedances:
        """From the distances; equal ones make one group."""
        cuts, counts = np.unique(distances, return_counts=True)
        after: IntArray = np.cumsum(counts)
        step = max((cuts.size - _SINGLE) // _GROUPS, 1)
        kept = np.append(
            np.arange(step - 1, max(cuts.size - _SINGLE, 0), step),
            np.arange(max(cuts.size - _SINGLE, 0), cuts.size),
        )
        sizes = np.diff(after[kept], prepend=0)
        return Exceedances(frozen(cuts[kept]), frozen(np.append(sizes, 1.0)))

    @property
    def n(self) -> float:
        """The number of draws."""
        return float(self.counts.sum()) - 1.0

    def misfit(self, shapes: FloatArray, logs: FloatArray) -> FloatArray:
        """Minus the log of the product of spacings (Cheng & Amin 1983), at pairs of parameters.

        The scale is exp(log), plus what keeps the largest distance inside of the support. Other
        than the likelihood it is bounded for every shape, so that densities with a pole at their
        end are fitted as well.
        """
        scales = self.scales(shapes, logs)
        g = np.where(np.abs(shapes) < 1e-9, 1e-9, shapes)[:, None]
        with np.errstate(all="ignore"):
            tails = -np.log1p(g * (self.cuts / scales[:, None])) / g
            before = np.concatenate([np.zeros((shapes.size, 1)), tails[:, :-1]], axis=1)
            inner = before + np.log(-np.expm1(tails - before))
            total = inner @ self.counts[:-1] + tails[:, -1] * self.counts[-1]
        bad = ~np.isfinite(total) | (np.abs(shapes) > _MOST_SHAPE)
        return np.where(bad, np.inf, -total)

    def scales(self, shapes: FloatArray, logs: FloatArray) -> FloatArray:
        """The scales that belong to pairs of parameters."""
        return np.asarray(np.exp(logs) + np.maximum(-shapes, 0.0) * self.cuts[-1])

    def fitted(self, shape: float | None) -> tuple[float, float]:
        """The shape and the log parameter of the best fit; a shape that is given is kept."""
        from scipy import optimize

        shapes = _SHAPES if shape is None else np.array([shape])
        typical = self.cuts[np.searchsorted(np.cumsum(self.counts), 0.5 * self.n)]
        logs = math.log(typical) + np.linspace(-6.0, 3.0, 10)
        pairs = [axis.ravel() for axis in np.meshgrid(shapes, logs, indexing="ij")]
        best = int(np.argmin(self.misfit(*pairs)))
        start = np.array([pairs[0][best], pairs[1][best]])

        def free(v: FloatArray) -> float:
            at = v if shape is None else np.append(shape, v)
            return float(self.misfit(at[:1], at[1:])[0])

        first = start if shape is None else start[1:]
        corners = np.vstack([first, first + np.diag(np.full(first.size, 0.2))])
        options = {"xatol": 1e-5, "fatol": 1e-7, "maxiter": 2000, "initial_simplex": corners}
        found = optimize.minimize(free, first, method="Nelder-Mead", options=options).x
        return (float(found[0]), float(found[1])) if shape is None else (shape, float(found[0]))

    def region(
        self, best: tuple[float, float], level: float, *, fixed: bool
    ) -> tuple[FloatArray, FloatArray, FloatArray]:
        """Shapes, scales and leftover levels on rings around the best fit.

        On each ring twice the misfit exceeds its least value by the level less the leftover. Rays
        from the best fit meet it; a second round of rays is stretched as the first ring is.
        """
        centre, least = np.array(best), float(self.misfit(*np.array(best)[:, None])[0])
        angles = np.linspace(0.0, 2.0 * math.pi, _RAYS, endpoint=False)
        rays = np.stack([np.cos(angles), np.sin(angles)])
        if fixed:
            rays = np.array([[0.0, 0.0], [-1.0, 1.0]])
        parts = 1.0 - np.linspace(0.0, 1.0, _LEVELS) ** 2

        def ring(directions: FloatArray, part: float) -> FloatArray:
            low, high = np.zeros(directions.shape[1]), np.ones(directions.shape[1])
            for step in range(_HALVINGS):
                middle = high if step < _GROWTHS else 0.5 * (low + high)
                v = centre[:, None] + middle * directions
                inside = 2.0 * (self.misfit(v[0], v[1]) - least) <= part * level
                low = np.where(inside, middle, low)
                high = np.where(inside, high, middle)
                if step < _GROWTHS:  # rays first grow until they leave
                    high = np.where(inside, 2.0 * high, high)
            return centre[:, None] + low * directions

        if not fixed:
            spread = ring(rays, 1.0) - centre[:, None]
            rays = np.linalg.cholesky(np.cov(spread) + 1e-12 * np.eye(2)) @ rays
        rings = [ring(rays, part) for part in parts]
        points = np.concatenate(rings, axis=1)
        leftover = np.repeat((1.0 - parts) * level, rays.shape[1])
        return points[0], self.scales(points[0], points[1]), leftover


def beyond(draws: FloatArray, threshold: float, side: int) -> FloatArray:
    """The distances of the sorted draws beyond a threshold, from it."""
    if side == 0:
        return threshold - draws[: np.searchsorted(draws, threshold, side="left")]
    return draws[np.searchsorted(draws, threshold, side="right") :] - threshold


def distances(shapes: FloatArray, scales: FloatArray, logs: FloatArray) -> FloatArray:
    """The distances beyond which tails of these parameters have these log probabilities."""
    g = np.where(shapes == 0.0, 1.0, shapes)
    return np.where(shapes == 0.0, -logs * scales, np.expm1(-g * logs) * (scales / g))


def fitted_tail(distances: FloatArray, mass: float, shape: float | None, end: float) -> ParetoTail:
    """The tail for draws at these distances beyond the threshold.

    Parameters
    ----------
    distances : ndarray
        Positive.
    mass : float
        The probability of the tail.
    shape : float or None
        Where it is known.
    end : float
        The distance of a known end; infinite where unknown. It makes the shape a mean of logs
        (maximum likelihood), and ``shape`` is not used.
    """
    if math.isfinite(end):
        depth = float(np.mean(-np.log1p(-distances / end)))
        return ParetoTail(depth * end, -depth, mass, end)
    found = Exceedances.of(distances)
    g, log = found.fitted(shape)
    scale = float(found.scales(np.array([g]), np.array([log]))[0])
    return ParetoTail(scale, g, mass, -scale / g if g < 0.0 else math.inf)
