"""Quadrature of positive terms for the law of the sum of two independent variables.

P(A + B <= y) = integral of F_A(y - z) f_B(z) dz and the density is that of f_A(y - z) f_B(z):
every term is positive, so nothing cancels and relative accuracy holds at any depth of the tail.

For a given y the panels of the mesh of A, mirrored at y, and those of B are joined, the ones that
cannot matter are dropped, and a Gauss-Legendre rule is applied on each of the rest, in logarithms.
"""

from __future__ import annotations

import dataclasses

import numpy as np

from otmaps._arrays import FloatArray
from otmaps._estimators._mesh import NODES, BoolArray, IntArray, Mesh

_CHUNK = 400_000  # numbers held at once

_GAUSS_X, _GAUSS_W = np.polynomial.legendre.leggauss(NODES)
_LOG_GAUSS_W = np.log(_GAUSS_W)


@dataclasses.dataclass(frozen=True)
class Pair:
    """The sum of two independent variables A and B, by quadrature.

    Attributes
    ----------
    a, b : Mesh
    cut : float
        Panels whose logarithm is this far below the largest are dropped.
    halve : bool
        Whether every panel is halved: the second opinion by which errors are measured.
    """

    a: Mesh
    b: Mesh
    cut: float = 42.0
    halve: bool = False

    def logcdf_and_logpdf(self, y: FloatArray) -> tuple[FloatArray, FloatArray]:
        """log P(A + B <= y) and the log density, both of the shape of the 1-D ``y``."""
        step = max(1, _CHUNK // (2 * (self.a.edges.size + self.b.edges.size)))
        parts = [self._chunk(y[i : i + step]) for i in range(0, y.size, step)]
        joined = np.concatenate(parts, axis=1)
        return joined[0], joined[1]

    def _chunk(self, y: FloatArray) -> FloatArray:
        with np.errstate(all="ignore"):
            keep_a, keep_b = self._relevant(y)
            near_b = self._region(y, keep_b, keep_a, own_a=False)
            near_a = self._region(y, keep_a, keep_b, own_a=True)
            out = np.logaddexp(near_b, near_a)
            # Where B is below its mesh, at the largest doubles of a heavy tail, the sum is below y.
            out[0] = np.logaddexp(out[0], self.b.envelope.below[1])
            return out

    def _relevant(self, y: FloatArray) -> tuple[BoolArray, BoolArray]:
        """Which panels of A and of B matter for each y, by bounds from their envelopes."""
        in_a = np.searchsorted(self.a.edges, y[:, None] - self.b.edges)
        in_b = np.searchsorted(self.b.edges, y[:, None] - self.a.edges)
        over_a, over_b = self.a.envelope, self.b.envelope
        low_a, high_a, low_b, high_b = in_a[:, 1:], in_a[:, :-1], in_b[:, 1:], in_b[:, :-1]
        best_cdf = np.max(self.b.log_mass + over_a.below[low_a], axis=1, keepdims=True) - self.cut
        in_panels = (
            self.b.log_mass + over_a.least_density(low_a, high_a),
            self.a.log_mass + over_b.least_density(low_b, high_b),
        )
        best_pdf = np.max(np.concatenate(in_panels, axis=1), axis=1, keepdims=True) - self.cut
        keep_b = self.b.log_mass + over_a.above[high_a] >= best_cdf
        keep_b |= self.b.log_mass + over_a.most_density(low_a, high_a) >= best_pdf
        most_b = over_b.most_density(low_b, high_b)
        share_b = np.minimum(over_b.above[high_b], most_b + np.log(np.diff(self.a.edges)))
        keep_a = over_a.above[1:-1] + share_b >= best_cdf
        keep_a |= self.a.log_mass + most_b >= best_pdf
        return keep_a, keep_b

    def _region(
        self, y: FloatArray, keep_own: BoolArray, keep_other: BoolArray, *, own_a: bool
    ) -> FloatArray:
        """The part where the point of one's own law is nearer to zero: its coordinate is exact."""
        row, low, high = self._panels(y, keep_own, keep_other, own_a=own_a)
        out = np.full((2, y.size), -np.inf)
        most = _CHUNK // NODES
        for i in range(0, row.size, most):
            part = slice(i, i + most)
            sums = self._integrate(y, row[part], low[part], high[part], own_a=own_a)
            out = np.logaddexp(out, sums)
        return out

    def _panels(
        self, y: FloatArray, keep_own: BoolArray, keep_other: BoolArray, *, own_a: bool
    ) -> tuple[IntArray, FloatArray, FloatArray]:
        own, other = (self.a, self.b) if own_a else (self.b, self.a)
        middle = 0.5 * y[:, None]
        corners = middle + 0.5 * _corners(own, other)
        edges = np.concatenate(
            [
                np.where(_touching(keep_own, above=own_a), own.edges, np.nan),
                np.where(_touching(keep_other, above=not own_a), y[:, None] - other.edges, np.nan),
                middle,
                corners,
            ],
            axis=1,
        )
        beyond = (edges - middle) * np.sign(y)[:, None] > 0
        if own_a:  # at y = 0 both regions are the whole line: B takes it
            beyond |= y[:, None] == 0
        edges[beyond] = np.nan
        edges.sort(axis=1)
        row, column = np.nonzero(edges[:, 1:] > edges[:, :-1])
        low, high = edges[row, column], edges[row, column + 1]
        centre = 0.5 * low + 0.5 * high
        mine = own.panel_of(centre)
        theirs = other.panel_of(y[row] - centre)
        keep = _kept(keep_own, row, mine, above=own_a) & _kept(
            keep_other, row, theirs, above=not own_a
        )
        row, low, high, centre = row[keep], low[keep], high[keep], centre[keep]
        if self.halve:
            row = np.repeat(row, 2)
            low = np.stack([low, centre], axis=1).ravel()
            high = np.stack([centre, high], axis=1).ravel()
        return row, low, high

    def _integrate(
        self, y: FloatArray, row: IntArray, low: FloatArray, high: FloatArray, *, own_a: bool
    ) -> FloatArray:
        """log of the sums over the panels of each y, for the cdf and the density."""
        out = np.full((2, y.size), -np.inf)
        if row.size:
            terms = self._terms(y[row], low, high, own_a=own_a)
            first = np.flatnonzero(np.diff(row, prepend=-1))
            top = np.maximum.reduceat(terms.max(axis=2), first, axis=1)
            safe = np.where(np.isfinite(top), top, 0.0)
            spread = np.repeat(safe, np.diff(first, append=row.size), axis=1)
            sums = np.add.reduceat(np.exp(terms - spread[:, :, None]).sum(axis=2), first, axis=1)
            out[:, row[first]] = safe + np.log(sums)
        return out

    def _terms(
        self, y: FloatArray, low: FloatArray, high: FloatArray, *, own_a: bool
    ) -> FloatArray:
        """Logarithms of the weighted integrands at the nodes of each panel: F_A f_B and f_A f_B."""
        own, other = (self.a, self.b) if own_a else (self.b, self.a)
        half = 0.5 * (high - low)
        x = (low + half)[:, None] + half[:, None] * _GAUSS_X
        rest = y[:, None] - x
        log_weight = np.log(half)[:, None] + _LOG_GAUSS_W
        plain = x.copy(), rest.copy(), log_weight.copy()
        own_mass, other_mass = self._in_probability(
            y, own, other, low, high, x=x, rest=rest, log_weight=log_weight
        )
        log_own = _finite(own.log_density(x), own_mass)
        log_other = _finite(other.log_density(rest), other_mass)
        log_weight[own_mass] -= log_own[own_mass]
        log_weight[other_mass] -= log_other[other_mass]
        point_a, log_a, log_b = (x, log_own, log_other) if own_a else (rest, log_other, log_own)
        log_b = log_b + log_weight
        density = log_a + log_b
        # F_A is bounded where f_A is not: its integral needs no shares of the probability of A.
        back = own_mass if own_a else other_mass
        point_b = (plain[1] if own_a else plain[0])[back]
        point_a[back] = (plain[0] if own_a else plain[1])[back]
        log_b[back] = _finite(self.b.log_density(point_b), back[:0]) + plain[2][back]
        return np.stack([self.a.log_cdf(point_a) + log_b, density])

    def _in_probability(
        self,
        y: FloatArray,
        own: Mesh,
        other: Mesh,
        low: FloatArray,
        high: FloatArray,
        *,
        x: FloatArray,
        rest: FloatArray,
        log_weight: FloatArray,
    ) -> tuple[IntArray, IntArray]:
        """Put the nodes on rough panels at equal shares of probability, in place.

        The float grid near a singular point is too coarse for the density but not for quantiles:
        integral g(x) f(x) dx = integral g(Q(u)) du. Returns which panels hold shares of the
        probability of ``own`` and of ``other``: there the density belongs to the weight.
        """
        centre = 0.5 * (low + high)
        mirrored = y - centre
        nearer = own.distance(centre) <= other.distance(mirrored)
        found = []
        for mesh, point, chosen, part, here, there in (
            (own, centre, nearer, (low, high), x, rest),
            (other, mirrored, ~nearer, (y - high, y - low), rest, x),
        ):
            panel = mesh.panel_of(point)
            inside = (panel >= 0) & (panel < mesh.rough.size)
            panel = np.where(inside, panel, 0)
            at = np.flatnonzero((mesh.rough[panel] != 0) & chosen & inside)
            found.append(at)
            if at.size == 0:
                continue
            nodes, half = _equal_shares(mesh, panel[at], part[0][at], part[1][at])
            here[at], there[at] = nodes, y[at][:, None] - nodes
            log_weight[at] = np.log(half)[:, None] + _LOG_GAUSS_W
        return found[0], found[1]


def _finite(log_density: FloatArray, in_weight: IntArray) -> FloatArray:
    """Infinite densities made harmless: they cancel in weights of probability, else drop out.

    A node falls on a singular point by rounding alone; its share is below the float grid.
    """
    cancels = np.zeros(log_density.shape[0], dtype=bool)
    cancels[in_weight] = True
    stand_in = np.where(cancels, 800.0, -np.inf)[:, None]
    return np.where(log_density == np.inf, stand_in, log_density)


def _touching(keep: BoolArray, *, above: bool) -> BoolArray:
    """The edges of the kept panels, and the last where all that is above matters."""
    out = np.zeros((keep.shape[0], keep.shape[1] + 1), dtype=bool)
    out[:, :-1] |= keep
    out[:, 1:] |= keep
    out[:, -1] |= above
    return out


def _corners(own: Mesh, other: Mesh) -> FloatArray:
    """Differences of singular points of which one at least is rough."""
    return np.concatenate(
        [
            (own.rough_points[:, None] - other.singular).ravel(),
            (own.singular[:, None] - other.rough_points).ravel(),
        ]
    )


def _kept(keep: BoolArray, row: IntArray, panel: IntArray, *, above: bool) -> BoolArray:
    """Whether the panel is kept; where A is above all its panels its cdf is 1 and all matters."""
    last = keep.shape[1] - 1
    inside = keep[row, np.clip(panel, 0, last)] & (panel >= 0) & (panel <= last)
    return np.asarray(inside | (panel > last) if above else inside)


def _equal_shares(
    mesh: Mesh, at: IntArray, low: FloatArray, high: FloatArray
) -> tuple[FloatArray, FloatArray]:
    """Gauss nodes in probability on parts [low, high] of rough panels, and the half widths."""
    low, high = np.maximum(low, mesh.edges[0]), np.minimum(high, mesh.edges[-1])
    left = (mesh.rough[at] < 0)[:, None]
    start = np.where(left[:, 0], mesh.law.cdf(low), mesh.law.sf(high))
    end = np.where(left[:, 0], mesh.law.cdf(high), mesh.law.sf(low))
    half = 0.5 * (end - start)
    u = (start + half)[:, None] + half[:, None] * _GAUSS_X
    return np.where(left, mesh.law.ppf(u), mesh.law.isf(u)), half
