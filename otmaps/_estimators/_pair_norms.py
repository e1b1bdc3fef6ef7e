"""The law of the norm of a combination of two independent isotropic vectors, by quadrature."""

from __future__ import annotations

import dataclasses
import math
from typing import final

import numpy as np

from otmaps._arrays import FloatArray
from otmaps._distribution import Distribution
from otmaps._estimators._log_radii import LogRadius
from otmaps._estimators._norm_density import Density, NormDensity, law_of_norm, norm_at
from otmaps._kernels._arcs import arc_densities
from otmaps._kernels._norms import log_densities
from otmaps._radii import Chi, TNorm
from otmaps._special import log_beta

_RESOLVED, _CHECKED = 1e-8, 1e-10
_OTHER = 0.7  # of the intervals, or of the steps of lattices, for the check
_ROUNDED = 2**14  # dimensions from which on the adaptive quadrature is rounded more than lattices
_SLOW = 16  # points at which lattices are held against the adaptive quadrature
_FLAT = 45.0  # how far intervals of the angle's coordinate go, and more in low dimensions
_GROWTH, _WIDEST = 1.35, 3.0
_SAFETY = 2.0


@final
@dataclasses.dataclass(frozen=True)
class PairNorm:
    """The norm of p X1 + q X2 with isotropic X1, X2 of one dimension, at least 2.

    Attributes
    ----------
    dim : int
    first, second : Distribution
        The laws of the norms of X1 and X2, without atoms.
    weights : tuple of float
        p and q; not zero.
    slerp : float or None
        The time of a slerp, whose weights depend on the angle, in place of p and q.
    """

    dim: int
    first: Distribution
    second: Distribution
    weights: tuple[float, float] = (1.0, 1.0)
    slerp: float | None = None

    def law(self, tol: float, how: str) -> Distribution:
        """The law of the norm."""
        radii = tuple(LogRadius.of(law) for law in (self.first, self.second))
        origin, width = self._middle(*radii)
        low, high = self._support()
        kinks = sorted(k for k in self._kinks() if low < k < high)
        density = self._density(radii, origin, _RESOLVED, _edges(self.dim))
        judge = self._density(radii, origin, _CHECKED, _edges(self.dim, _OTHER))
        numbers = self._arc_numbers(origin)
        if numbers is None:
            found = NormDensity.of(density, judge, origin, width, kinks=kinks, end=high)
        else:
            one, two = (_on_lattices(numbers, density, finer) for finer in (1.0, _OTHER))
            found = NormDensity.of(one, two, origin, width, kinks=kinks, end=high)
            judge = _sampled(judge, two) if self.dim <= _ROUNDED else two
        gaps = found.gaps(judge)
        laws = self.first, self.second
        # Lattices read no table of the radii.
        fits = [r.fit if numbers is None or self.dim <= _ROUNDED else (0.0, 0.0) for r in radii]
        absolute = sum(law.error for law in laws) + sum(fit[0] for fit in fits)
        relative = sum(law.tail_error for law in laws) + _SAFETY * sum(fit[1] for fit in fits)
        inherited = absolute + _SAFETY * gaps[0], relative + _SAFETY * gaps[1]
        return law_of_norm(found, kinks, inherited, tol, how)

    def _arc_numbers(self, origin: float) -> FloatArray | None:
        """What `arc_densities` takes, for slerp of normal and Student t vectors; else None."""
        if self.slerp is None or not 0.0 < self.slerp < 1.0:
            return None
        offsets, dfs, constant = [], [], -log_beta(0.5, 0.5 * (self.dim - 1.0))
        for law in (self.first, self.second):
            if isinstance(law, Chi) and law.df == self.dim and law.loc == 0.0:
                dfs.append(math.inf)
            elif isinstance(law, TNorm) and law.dim == self.dim and law.loc == 0.0:
                dfs.append(law.df)
            else:
                return None
            size = law.scale * math.sqrt(self.dim)
            offsets.append(math.log(origin / size))
            constant += float(law.logpdf(size)) + math.log(size)
        return np.array([self.slerp, self.dim, *offsets, *dfs, constant])

    def _density(
        self, radii: tuple[LogRadius, ...], origin: float, resolved: float, edges: FloatArray
    ) -> Density:
        """The log density of the coordinate of the norm."""
        high = self._support()[1]

        def density(t: FloatArray) -> FloatArray:
            norm = norm_at(t, origin, high)
            out = self._log_density(np.log(norm), radii, resolved, edges)
            return out - np.logaddexp(0.0, t) if math.isfinite(high) else out

        return density

    def _log_density(
        self,
        levels: FloatArray,
        radii: tuple[LogRadius, ...],
        resolved: float,
        edges: FloatArray,
    ) -> FloatArray:
        """The log density of log N."""
        out = np.empty(levels.size)
        form = 0 if self.slerp is None else 1
        pair = self.weights if self.slerp is None else (self.slerp, 0.0)
        numbers = np.array([*pair, self.dim - 1.0, log_beta(0.5, 0.5 * (self.dim - 1.0))])
        first, second = radii[0].kernel, radii[1].kernel
        log_densities(
            np.ascontiguousarray(levels), form, numbers, first, second, edges, resolved, out
        )
        return out

    def _middle(self, first: LogRadius, second: LogRadius) -> tuple[float, float]:
        """A typical norm, and about the deviation of its logarithm."""
        p, q = self.weights
        if self.slerp is not None:  # of a right angle
            p, q = math.cos(0.5 * math.pi * self.slerp), math.sin(0.5 * math.pi * self.slerp)
        a, b = abs(p) * math.exp(first.centre), abs(q) * math.exp(second.centre)
        square = a * a + b * b
        width = math.hypot(a * a * first.width, b * b * second.width) / square
        if self.slerp is None:
            width += a * b / square / math.sqrt(self.dim)
        return math.sqrt(square), max(width, 1e-12)

    def _support(self) -> tuple[float, float]:
        if self.slerp is not None:
            return 0.0, math.inf
        (a, b), (c, d) = self.first.support(), self.second.support()
        p, q = map(abs, self.weights)
        return max(p * a - q * d, q * c - p * b, 0.0), p * b + q * d

    def _kinks(self) -> set[float]:
        """Norms at which a level set meets a corner of the laws, with the vectors in line."""
        corners = [
            (x, y)
            for x in {0.0, *_finite(self.first.breakpoints)}
            for y in {0.0, *_finite(self.second.breakpoints)}
            if (x, y) != (0.0, 0.0)
        ]
        if self.slerp is None:
            p, q = map(abs, self.weights)
            return {abs(p * x + side * q * y) for x, y in corners for side in (-1.0, 1.0)}
        t = self.slerp
        return {abs((1.0 - t) * x + t * y) for x, y in corners} | {x for x, y in corners if x == y}


def _on_lattices(numbers: FloatArray, rest: Density, finer: float) -> Density:
    """The log density by sums over lattices, and ``rest`` where they do not converge."""

    def density(t: FloatArray) -> FloatArray:
        out = np.empty(t.size)
        arc_densities(np.ascontiguousarray(t), numbers, finer, out)
        missed = np.isnan(out)
        if missed.any():
            out[missed] = rest(t[missed])
        return out

    return density


def _sampled(slow: Density, fast: Density) -> Density:
    """A fast density, replaced by a slow one at some of the points."""

    def density(t: FloatArray) -> FloatArray:
        out, some = fast(t), slice(None, None, t.size // _SLOW + 1)
        out[some] = slow(t[some])
        return out

    return density


def _finite(points: tuple[float, ...]) -> list[float]:
    return [x for x in points if 0.0 < x < math.inf]


def _edges(dim: int, share: float = 1.0) -> FloatArray:
    """Where the intervals of v end, at first: wider and wider, until its density is nothing."""
    power = dim - 1.0
    end = min(_FLAT + _FLAT / power, 0.7 + 1400.0 / power)
    steps = [0.0]
    width = share / math.sqrt(power)
    while steps[-1] < end:
        steps.append(steps[-1] + width)
        width = min(_GROWTH * width, max(width, _WIDEST))
    half = np.array(steps)
    return np.concatenate([-half[:0:-1], half])
