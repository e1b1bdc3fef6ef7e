"""The law of a weighted sum of independent inputs, by quadrature of positive terms."""

from __future__ import annotations

import dataclasses
import heapq
import itertools
import math
from typing import final

import numpy as np

from otmaps._arrays import FloatArray
from otmaps._distribution import Distribution
from otmaps._errors import AccuracyError
from otmaps._estimators._base import Estimator, Inputs
from otmaps._estimators._mesh import Mesh, mesh_of
from otmaps._estimators._quadrature import Pair
from otmaps._estimators._tabulation import Measured, tabulate
from otmaps._operations import Operation
from otmaps._pieces import PiecesLaw

_MOST_KINKS = 48
_DEEP = -700.0
_WORST = 1e-3  # a larger error than this is no law
_FINEST = 1e-13  # rounding: no table is asked for more
_SHARE = 0.1  # of the tolerance, for the measured gap of one table
_CHECK_CUT = 60.0
_HEAVY, _WITHIN = 1e250, 1e-6


@final
@dataclasses.dataclass(frozen=True)
class Convolution(Estimator):
    """Numerical convolution: linear operations of any continuous laws.

    F_Y(y) = integral of F_1((y - w_2 z) / w_1) f_2(z) dz is summed from positive terms by
    Gauss-Legendre rules between breakpoints, which keeps the relative accuracy of both tails, and
    tabulated on pieces; more than two inputs are added two by two, the narrowest first. Errors are
    measured against a finer quadrature at points off the nodes, doubled, and added up. They hold
    for tails down to 1e-300; further out the law goes on as the table ends, which is a model: the
    `logsf` of a sum of two Laplace variables is off by 1e-5 at 1e-430 and by 1e-3 at 1e-4300.
    """

    @property
    def name(self) -> str:
        """The name that `method=` takes."""
        return "convolution"

    def refuses(self, op: Operation, inputs: Inputs) -> str | None:
        """Why the estimator does not serve this case; None where it does."""
        if op.linear is None:
            return "it is not linear in its latents"
        used = [law for law, w in zip(inputs, op.linear.weights, strict=True) if w != 0.0]
        if not used:
            return "all its weights are 0, so the result is a constant"
        for law in used:
            if law.atoms:
                where, mass = max(law.atoms, key=lambda atom: atom[1])
                return f"an input has an atom at {where} of probability {mass:.6g}"
            if not law.error < _WORST:
                return f"an input is known to {law.error:.2g} only, and sampling adds less"
        return None

    def law(self, op: Operation, inputs: Inputs, tol: float) -> Distribution:
        """The law of the result.

        Parameters
        ----------
        op : Operation
        inputs : tuple of Distribution
            One law for each latent.
        tol : float
            The bound on |cdf error| to aim at; `error`, `tail_error` and `density_error` of the
            law are what was reached, the last two down to 1e-300.

        Raises
        ------
        AccuracyError
            Where the error that was reached is above 1e-3.
        """
        linear = op.linear
        if linear is None:
            raise ValueError(f"{op.name} is not linear in its latents; use another method.")
        terms = [law.affine(w) for law, w in zip(inputs, linear.weights, strict=True) if w != 0.0]
        moments = (
            math.fsum(t.mean() for t in terms),
            math.sqrt(sum(t.std() ** 2 for t in terms)),
        )
        total = _Adder(max(_SHARE * tol, _FINEST)).total(terms)
        if isinstance(total, PiecesLaw):
            if not total.error < _WORST:
                raise AccuracyError(
                    f"The convolution for {op.name} reached an error of {total.error:.2g} only; "
                    'use method="Monte Carlo".'
                )
            total = dataclasses.replace(total, moments=moments)
        return total.affine(1.0, linear.offset)


@dataclasses.dataclass(frozen=True)
class _Anchored:
    """A law with a finite lower end moved to 0, where the float grid is fine."""

    law: Distribution
    shift: float

    @staticmethod
    def lower(law: Distribution) -> _Anchored:
        low = law.support()[0]
        shift = low if math.isfinite(low) else 0.0
        return _Anchored(law.affine(1.0, -shift), shift)

    @staticmethod
    def upper(law: Distribution) -> _Anchored:
        """The mirrored law: its lower tail is the upper tail of the law."""
        high = law.support()[1]
        shift = high if math.isfinite(high) else 0.0
        return _Anchored(law.affine(-1.0, shift), shift)


class _Adder:
    """Sums of laws two by two; equal halves are computed once."""

    def __init__(self, tol: float) -> None:
        self.tol = tol
        self.meshes: dict[Distribution, Mesh] = {}
        self.sums: dict[tuple[Distribution, Distribution], PiecesLaw] = {}

    def total(self, terms: list[Distribution]) -> Distribution:
        """The law of the sum, the narrowest terms first, so that equal ones are squared."""
        ticket = itertools.count()
        heap = [(_spread(law), next(ticket), law) for law in terms]
        heapq.heapify(heap)
        while len(heap) > 1:
            first, second = heapq.heappop(heap)[2], heapq.heappop(heap)[2]
            law = self.sum(first, second)
            heapq.heappush(heap, (_spread(law), next(ticket), law))
        return heap[0][2]

    def sum(self, a: Distribution, b: Distribution) -> PiecesLaw:
        """The law of A + B."""
        if (a, b) not in self.sums:
            self.sums[a, b] = self._sum(a, b)
        return self.sums[a, b]

    def _mesh(self, law: Distribution) -> Mesh:
        if law not in self.meshes:
            self.meshes[law] = mesh_of(law)
        return self.meshes[law]

    def _sum(self, a: Distribution, b: Distribution) -> PiecesLaw:
        centres = a.symmetry, b.symmetry
        centre = None if centres[0] is None or centres[1] is None else centres[0] + centres[1]
        split = a.median() + b.median() if centre is None else centre
        lows = _Anchored.lower(a), _Anchored.lower(b)
        low_shift = lows[0].shift + lows[1].shift
        lower = self._half(lows[0].law, lows[1].law, split - low_shift)
        if centre is None:
            highs = _Anchored.upper(a), _Anchored.upper(b)
            high_shift = highs[0].shift + highs[1].shift
            upper = self._half(highs[0].law, highs[1].law, high_shift - split)
        else:
            high_shift, upper = 2.0 * centre - low_shift, lower
        halves = lower, upper
        return PiecesLaw(
            lower=lower.table,
            upper=upper.table,
            low_shift=low_shift,
            high_shift=high_shift,
            split=split,
            ends=tuple(x + y for x, y in zip(a.support(), b.support(), strict=True)),  # type: ignore[arg-type]
            moments=(a.mean() + b.mean(), math.hypot(a.std(), b.std())),
            kinks=tuple(_kinks(a, b).tolist()),
            errors=(
                a.error + b.error + max(h.error for h in halves),
                a.tail_error + _density_error(b) + 3.0 * max(h.tail_error for h in halves),
                _density_error(a) + _density_error(b) + max(h.density_error for h in halves),
            ),
            centre=centre,
            how="convolution",
        )

    def _half(self, a: Distribution, b: Distribution, split: float) -> Measured:
        mesh_a, mesh_b = self._mesh(a), self._mesh(b)
        scale = math.hypot(_spread(a), _spread(b))
        kinks = _kinks(a, b)
        kinks = np.where(np.abs(kinks - split) <= 1e-14 * scale, split, kinks)
        return tabulate(
            Pair(mesh_a, mesh_b).logcdf_and_logpdf,
            Pair(mesh_b, mesh_a, cut=_CHECK_CUT, halve=True).logcdf_and_logpdf,
            kinks=kinks[kinks <= split],
            outer=_outer(mesh_a, mesh_b),
            split=split,
            scale=scale,
            tol=self.tol,
        )


def _outer(a: Mesh, b: Mesh) -> float:
    """How far down the table has to go, clear of the ends at which meshes of heavy tails stop."""
    ends = [mesh.edges[0] for mesh in (a, b) if mesh.edges[0] < -_HEAVY]
    deepest = float(a.law.ilogcdf(_DEEP) + b.law.ilogcdf(_DEEP))
    return max(deepest, _WITHIN * float(max(ends, default=-math.inf)))


def _spread(law: Distribution) -> float:
    return float(law.isf(0.25) - law.ppf(0.25))


def _density_error(law: Distribution) -> float:
    """The relative error of the density; a law that does not state one keeps it as its tails."""
    return law.density_error if isinstance(law, PiecesLaw) else law.tail_error


def _kinks(a: Distribution, b: Distribution) -> FloatArray:
    """Where the sum may be less smooth: sums of breakpoints, or where one law is steep.

    A law without breakpoints that is narrow leaves those of the other almost as they were.
    """
    points_a, points_b = (np.array(law.breakpoints or (law.median(),)) for law in (a, b))
    if not a.breakpoints and not b.breakpoints:
        return np.empty(0)
    sums = np.unique(np.add.outer(points_a, points_b))
    gap = 1e-14 * max(float(np.abs(sums).max()), _spread(a) + _spread(b))
    sums = sums[np.diff(sums, prepend=-np.inf) > gap]
    if sums.size > _MOST_KINKS:  # sums of so many are smooth but at the ends
        ends = a.support()[0] + b.support()[0], a.support()[1] + b.support()[1]
        return np.array([e for e in ends if math.isfinite(e)])
    return sums
