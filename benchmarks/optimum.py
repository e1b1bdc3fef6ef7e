"""The exact plans of POT as judge of maps: `python -m benchmarks.comparison` prints what it finds.

Between samples of n points the least mean squared distance is found by linear programming
(``ot.emd2``). Three questions are put to it.

- Is the map optimal? Of all ways to assign the results z to the raw results y, the given one must
  be the cheapest: then it is the optimal plan between what it takes and what it gives, whatever
  the sample. No sampling error.
- Do results follow the prior? The plan from raw results to other results must cost what one to
  fresh draws of the prior costs, both of them biased in the same way. Replicates give the error.
- Is the cost the least one? That of the plan to fresh draws is above it on the mean, because the
  cost of a plan is convex in both laws; it is noise of the samples that it is too high by. Half
  of what plans within each law cost taken off, it is about right, and too low where points are few
  for the dimension.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable
from typing import final

import numpy as np

from .cases import FloatArray
from .rivals import Way

ROUNDED = 1e-9
Draw = Callable[[int, np.random.Generator], FloatArray]
"""Latents (n, d) of the prior."""


def plan_cost(x: FloatArray, y: FloatArray) -> float:
    """The mean squared distance of the optimal plan between samples of one size."""
    import ot

    costs = ot.dist(x, y, metric="sqeuclidean")
    return float(ot.emd2([], [], costs, numItermax=10_000_000))


def mean_square(x: FloatArray, y: FloatArray) -> float:
    """The mean squared distance of rows."""
    return float(np.mean(np.sum(np.square(x - y), axis=1)))


@final
@dataclasses.dataclass(frozen=True)
class Verdict:
    """What POT says about a way to combine latents; means over replicates.

    Attributes
    ----------
    cost : float
        The mean squared distance of results from raw results.
    reassigned : float
        What the cheapest assignment of the same points costs, as a share of ``cost``: 1 where
        the map is optimal.
    to_prior, to_prior_error : float
        The cost of the plan from raw results to fresh draws, and its standard error.
    to_results, law_error : float
        The cost of the plan from raw results to other results, and the standard error of its
        difference from ``to_prior``.
    within : float
        The mean of the costs of plans between two samples of raw results, and between two of
        fresh draws.
    """

    cost: float
    reassigned: float
    to_prior: float
    to_prior_error: float
    to_results: float
    law_error: float
    within: float

    @property
    def law_score(self) -> float:
        """The difference of both plans in standard errors."""
        return (self.to_results - self.to_prior) / self.law_error

    @property
    def optimum(self) -> float:
        """The least cost by POT, less the noise of the samples."""
        return self.to_prior - self.within

    def faults(self) -> list[str]:
        """What POT holds against it, beyond three standard errors, or four for the law."""
        found = []
        if self.reassigned < 1.0 - ROUNDED:
            found.append(f"another assignment costs {self.reassigned:.4f} of it")
        if self.cost > self.to_prior + 3.0 * self.to_prior_error:
            found.append(f"costs {self.cost:.4g}, a plan to the prior {self.to_prior:.4g}")
        if abs(self.law_score) > 4.0:
            found.append(f"results are not the prior: {self.law_score:.1f} standard errors")
        return found


def judged(
    way: Way, raw: Way, draw: Draw, count: int, *, points: int, replicates: int, seed: int
) -> Verdict:
    """Put a way to combine ``count`` latents before the judge."""
    rows = []
    for replicate in range(replicates):
        rng = np.random.default_rng([seed, replicate])

        def latents(rng: np.random.Generator = rng) -> FloatArray:
            return np.stack([draw(points, rng) for _ in range(count)])

        first, second = latents(), latents()
        y, other = raw(first), raw(second)
        z, results = way(first), way(second)
        fresh, more = draw(points, rng), draw(points, rng)
        cost = mean_square(z, y)
        within = plan_cost(y, other) + plan_cost(fresh, more)
        share = plan_cost(y, z) / cost if cost > 0.0 else 1.0
        rows.append((cost, share, plan_cost(y, fresh), plan_cost(y, results), 0.5 * within))
    table = np.array(rows)
    cost, reassigned, to_prior, to_results, noise = table.mean(axis=0).tolist()
    return Verdict(
        cost,
        reassigned,
        to_prior,
        _error(table[:, 2]),
        to_results,
        _error(table[:, 3] - table[:, 2]),
        noise,
    )


def _error(values: FloatArray) -> float:
    """The standard error of the mean."""
    return float(np.std(values, ddof=1) / math.sqrt(values.size))
