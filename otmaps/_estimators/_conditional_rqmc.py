"""Conditional RQMC: one input exactly, the others by randomised points."""

from __future__ import annotations

import dataclasses
import math
from typing import final

import numpy as np
from scipy.special import stdtrit

from otmaps._arrays import FloatArray
from otmaps._distribution import Distribution
from otmaps._errors import UnservedError
from otmaps._estimators._base import Estimator, Inputs
from otmaps._estimators._conditional_law import Estimate
from otmaps._estimators._conditional_plan import (
    FEWEST_INPUTS,
    MOST_INPUTS,
    Plan,
    make_plan,
    why_not,
)
from otmaps._estimators._level_sweep import Levels, Totals, sweep
from otmaps._estimators._progress import Advance, progress_bar
from otmaps._estimators._rare import rare_mass
from otmaps._estimators._sampling import (
    MIXES,
    confidence_level,
    for_each,
    shown_or_not,
    whole_number,
)
from otmaps._operations import Operation

_FEWEST_POINTS = 2**8
_FEWEST_REPLICATES = 4
_FEWEST_EACH = 32  # points of a replicate
_PROBES = np.array([0.27, 0.6])  # where in a gap between levels the interpolation is measured
_SAFETY = 2.0
_ROUNDING = 1e-13


@final
@dataclasses.dataclass(frozen=True)
class ConditionalRQMC(Estimator):
    """The conditional cdf given all inputs but one, averaged over randomised points of the others.

    Given the others, P(y <= level) is that of one input: its cdf at the root, or at the roots of
    several monotone branches. The average is taken over scrambled Sobol points, or over shifted
    lattices made periodic where these spread less, with independent randomisations for the error.
    Serves 2 to 50 inputs and every pointwise operation that is monotone in at least one input given
    the others, or is so piece by piece; that input is chosen by measurement. Flat pieces and jumps
    are allowed, and point masses become `atoms`.

    Parameters
    ----------
    n : int
        The number of points of the outer inputs, all replicates together: a power of two, at least
        1024. Lattices take a prime number of points just below ``n / replicates`` for each.
    replicates : int
        The number of independent randomisations, a power of two, at least 4.
    seed : int
        The seed of all randomisations and of the pilot, non-negative.
    confidence : float
        The probability with which the error of the law holds, between 0 and 1.
    workers : int
        Threads that evaluate, up to ``replicates``; the law does not depend on them. The operation
        must bear being called from several threads at once.
    progress : bool, optional
        Whether to show a progress bar on stderr; by default on a terminal, after two seconds.

    Notes
    -----
    `error` is the half width of a band of Student's t over the replicates at all levels at once
    (Bonferroni), which is approximate in that they are taken as normal; plus the error of the
    interpolation, twice the largest one between the levels in one of the replicates; plus what one
    more step would move the roots, doubled; plus twice the probability of pieces that turned out
    not to be monotone; plus the tails beyond the outer levels; plus the probability of rare strata.
    These are the sides of what the function compares, or ranges between jumps on lines along single
    inputs, that are expected to hold fewer than 16 of the ``n`` points: with n = 4096 and functions
    that cannot be followed, slits, disks and strips of 3e-5 to 1e-3 were covered in 87 of 90
    trials. What is rarer, or falls between all points without a jump, is not seen, as by any
    quadrature. `tail_error` is infinite: nothing is claimed for tails, although sums of positive
    terms keep them as far as the points see them. The density is the derivative of the interpolant.

    L'Ecuyer, Puchhammer and Ben Abdellah, INFORMS J. Comput. 34 (2022), arXiv 1906.04607; Gilbert,
    Kuo and Sloan, arXiv 2112.10308; the choice of the input: Liu and Owen, arXiv 2202.02682.

    Examples
    --------
    >>> import otmaps
    >>> blend = otmaps.barycenter([0.1, 0.2, 0.3, 0.4])
    >>> method = otmaps.ConditionalRQMC(n=2**9, replicates=16)
    >>> law = otmaps.pushforward(blend, "uniform", method=method)
    >>> bool(law.error < 0.1)
    True
    """

    n: int = 2**16
    replicates: int = 8
    seed: int = 0
    confidence: float = 0.999
    workers: int = dataclasses.field(default=1, compare=False)
    progress: bool | None = dataclasses.field(default=None, compare=False)

    def __post_init__(self) -> None:
        n = whole_number(self.n, "n", _FEWEST_POINTS)
        replicates = whole_number(self.replicates, "replicates", _FEWEST_REPLICATES)
        for value, name in ((n, "n"), (replicates, "replicates")):
            if value.bit_count() != 1:
                near = 2 ** (value.bit_length() - 1)
                raise ValueError(
                    f"{name} must be a power of two, such as {near} or {2 * near}, got {value}."
                )
        if n < _FEWEST_EACH * replicates:
            raise ValueError(
                f"replicates must be at most n / {_FEWEST_EACH} = {n // _FEWEST_EACH}, got "
                f"{replicates}; raise n."
            )
        object.__setattr__(self, "n", n)
        object.__setattr__(self, "replicates", replicates)
        object.__setattr__(self, "seed", whole_number(self.seed, "seed", 0))
        object.__setattr__(self, "confidence", confidence_level(self.confidence))
        object.__setattr__(self, "workers", whole_number(self.workers, "workers", 1))
        object.__setattr__(self, "progress", shown_or_not(self.progress))

    @property
    def name(self) -> str:
        """The name that `method=` takes."""
        return "conditional RQMC"

    def refuses(self, op: Operation, inputs: Inputs) -> str | None:
        """Why the estimator does not serve this case; None where it does."""
        return _outright(op, inputs) or why_not(op, inputs, self._seeds()[0])

    def _seeds(self) -> list[np.random.Generator]:
        """A generator for the pilot, and one for each replicate."""
        seeds = np.random.SeedSequence(self.seed).spawn(self.replicates + 1)
        return [np.random.default_rng(s) for s in seeds]

    def law(self, op: Operation, inputs: Inputs, tol: float) -> Distribution:  # noqa: ARG002 - n decides
        """The law; its error depends on ``n``, not on ``tol``.

        It is the error for the inputs as they are: errors of their own laws come on top.

        Raises
        ------
        UnservedError
            Where `refuses` has a reason.
        """
        n = self.n // self.replicates
        plan = _outright(op, inputs) or make_plan(op, inputs, n, self._seeds()[0])
        if isinstance(plan, str):
            raise UnservedError(f"{self.name} does not serve operation {op.name!r}: {plan}.")
        probes = np.ravel(plan.nodes[:-1] + _PROBES[:, None] * np.diff(plan.nodes))
        probes = np.setdiff1d(probes, np.concatenate([plan.nodes, plan.atoms]))
        both = Levels.of(np.concatenate([plan.nodes, probes]), plan.atoms)
        levels = plan.levels
        with progress_bar(f"{self.name} of {op.name}", self.n, self.progress) as advance:
            first, *others = self._sweeps(plan, (both, levels), advance)
        probed = np.isin(both.y, probes)
        cdf = np.array([first.cdf[~probed], *(t.cdf for t in others)])
        sf = np.array([first.sf[~probed], *(t.sf for t in others)])
        result = Estimate(levels, plan.atoms, plan.ends, cdf.mean(axis=0), sf.mean(axis=0))
        # Both sides of this difference have the same points: it is that of the interpolation.
        probe = Estimate(levels, plan.atoms, plan.ends, cdf[0], sf[0])
        gap = np.abs(probe.cdf(probes) - first.cdf[probed]).max(initial=0.0)
        error = (
            self._sampling(cdf)
            + _SAFETY * float(gap)
            + _roots([first, *others])
            + rare_mass(op, inputs, plan.section.inner, self.n)
            + result.beyond
            + _ROUNDING
        )
        stated = (
            f"n={self.n}, replicates={self.replicates}, seed={self.seed}, "
            f"confidence={self.confidence:g}; given all but {plan.inner}, {plan.points.label}"
        )
        return result.law(min(error, 1.0), f"{self.name} ({stated})")

    def _sweeps(self, plan: Plan, levels: tuple[Levels, Levels], advance: Advance) -> list[Totals]:
        """All replicates; the first one at the first levels, and it measures the roots."""
        points = plan.points, self.n // self.replicates
        rngs = self._seeds()[1:]
        found: dict[int, Totals] = {}

        def work(i: int) -> None:
            at = levels[min(i, 1)]
            found[i] = sweep(plan.section, points, at, rngs[i], measure=i == 0, advance=advance)

        for_each(range(self.replicates), work, self.workers)
        return [found[i] for i in range(self.replicates)]

    def _sampling(self, cdf: FloatArray) -> float:
        """The half width of the band over all levels."""
        spread = float(cdf.std(axis=0, ddof=1).max()) / math.sqrt(self.replicates)
        level = 0.5 * (1.0 - self.confidence) / cdf.shape[1]
        return -float(stdtrit(self.replicates - 1, level)) * spread


def _outright(op: Operation, inputs: Inputs) -> str | None:
    """A reason against it that needs no values of the operation."""
    if not op.pointwise:
        return MIXES
    if not FEWEST_INPUTS <= len(inputs) <= MOST_INPUTS:
        return f"it serves {FEWEST_INPUTS} to {MOST_INPUTS} inputs, not {len(inputs)}"
    return None


def _roots(totals: list[Totals]) -> float:
    """What roots may be off, and what pieces that are not monotone may hold."""
    residuals = [t.residuals.max(initial=0.0) for t in totals if t.residuals is not None]
    unsure = [t.unsure / t.weight for t in totals]
    return _SAFETY * (float(max(residuals)) + max(unsure))
