"""The law of any pointwise operation from draws of its inputs."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import final

import numpy as np

from otmaps._arrays import FloatArray
from otmaps._distribution import Distribution
from otmaps._empirical import Empirical
from otmaps._estimators._base import Estimator, Inputs
from otmaps._estimators._progress import Advance, progress_bar
from otmaps._estimators._sampling import (
    MIXES,
    check_finite,
    check_results,
    confidence_level,
    for_each,
    shown_or_not,
    whole_number,
)
from otmaps._estimators._tallying import Cells, Counter, tally_of
from otmaps._ogive import dkw_bound
from otmaps._operations import Operation
from otmaps._tallied import Tallied

_BLOCK = 2**16  # draws from one random stream: changing it changes every result
_FEWEST = 100
_MOST_KEPT = 2**22  # draws that are all kept and sorted; more are counted
_CELLS = 2**17
_TAIL = 100_000  # draws that are kept on each side
_FEWEST_OF_PILOT = 32  # of these, on each side: their share is then known well enough


@final
@dataclasses.dataclass(frozen=True)
class MonteCarlo(Estimator):
    """The empirical law of the operation on ``n`` independent draws of its inputs.

    Serves every pointwise operation. The error of the cdf falls as ``1 / sqrt(n)``: it is the
    inequality of Dvoretzky, Kiefer and Wolfowitz with the constant of Massart (1990), which holds
    for any law, for all points at once, with probability ``confidence``.

    Up to 2**22 draws are all kept; the law is `Empirical`. More run through in blocks: the first
    2**22 fix about 2**17 cells of equal probability, in which all are counted, and the outermost
    100,000 or so on each side are kept, so that memory does not grow with ``n``. The cdf is the
    empirical one at the edges of the cells and runs straight between; the largest mass of a cell,
    about 1e-5, is part of the stated error.

    Beyond the outermost draws the law is modelled by exponential tails, not measured: `tail_error`
    is infinite. A value that repeats more often than chance allows is an atom; one of
    less mass than the bound is not told from a steep part of the cdf.

    Parameters
    ----------
    n : int
        The number of draws, at least 100.
    seed : int
        The seed of all draws, non-negative: equal seeds give equal laws.
    confidence : float
        The probability with which the error of the law holds, between 0 and 1.
    workers : int
        Threads that draw; the law does not depend on them. The operation must bear being called
        from several threads at once.
    progress : bool, optional
        Whether to show a progress bar on stderr; by default on a terminal, after two seconds.

    Examples
    --------
    >>> import otmaps
    >>> product = otmaps.operation(lambda a, b: a * b)()
    >>> law = otmaps.pushforward(product, "normal", method=otmaps.MonteCarlo(n=2**14, seed=1))
    >>> law.method, bool(law.error < 0.02)
    ('Monte Carlo (n=16384, seed=1, confidence=0.999)', True)
    """

    n: int = 2**18
    seed: int = 0
    confidence: float = 0.999
    workers: int = dataclasses.field(default=1, compare=False)
    progress: bool | None = dataclasses.field(default=None, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "n", whole_number(self.n, "n", _FEWEST))
        object.__setattr__(self, "seed", whole_number(self.seed, "seed", 0))
        object.__setattr__(self, "confidence", confidence_level(self.confidence))
        object.__setattr__(self, "workers", whole_number(self.workers, "workers", 1))
        object.__setattr__(self, "progress", shown_or_not(self.progress))

    @property
    def name(self) -> str:
        """The name that `method=` takes."""
        return "Monte Carlo"

    @property
    def evaluations(self) -> int:
        """How often the operation is evaluated."""
        return self.n

    def error_bound(self) -> float:
        """The error that a law without atoms will state, to a few percent, without any draw."""
        step = 0.5 / self.n if self.n <= _MOST_KEPT else 1.8 / _CELLS
        return dkw_bound(self.n, self.confidence) + step

    def refuses(self, op: Operation, inputs: Inputs) -> str | None:  # noqa: ARG002 - any law has draws
        """Why the estimator does not serve this case; None where it does."""
        return None if op.pointwise else MIXES

    def law(self, op: Operation, inputs: Inputs, tol: float) -> Distribution:  # noqa: ARG002 - n decides
        """The empirical law; its error depends on ``n`` and ``confidence``, not on ``tol``.

        It is the error of sampling for the inputs as they are: where an input is itself a law of
        a sample, the difference of that from its population comes on top.

        Raises
        ------
        ValueError
            Where the operation returns NaN, infinities, a constant or a wrong shape.
        """

        def block(k: int) -> FloatArray:
            # The k-th child that the sequence of the seed would spawn.
            rng = np.random.default_rng(np.random.SeedSequence(self.seed, spawn_key=(k,)))
            size = min(_BLOCK, self.n - k * _BLOCK)
            return np.asarray(op.raw(*(np.asarray(law.rvs(size, rng)) for law in inputs)))

        stated = f"n={self.n}, seed={self.seed}, confidence={self.confidence:g}"
        origin = f"Monte Carlo ({stated})"
        with progress_bar(f"Monte Carlo of {op.name}", self.n, self.progress) as advance:
            first = self._kept(block, advance)
            if self.n <= _MOST_KEPT:
                check_results(op, first)
                return Empirical(first, confidence=self.confidence, origin=origin)
            check_finite(op, int(np.count_nonzero(~np.isfinite(first))), first.size)
            counters = self._counted(block, first, advance)
        bound = dkw_bound(self.n, self.confidence)
        return Tallied(tally_of(op, counters), bound, bound, self.confidence, origin)

    def _kept(self, block: Callable[[int], FloatArray], advance: Advance) -> FloatArray:
        """The results of the first blocks."""
        results = np.empty(min(self.n, _MOST_KEPT))

        def work(k: int) -> None:
            part = results[k * _BLOCK : (k + 1) * _BLOCK]
            part[:] = block(k)
            advance(part.size)

        for_each(range(-(-results.size // _BLOCK)), work, self.workers)
        return results

    def _counted(
        self, block: Callable[[int], FloatArray], first: FloatArray, advance: Advance
    ) -> list[Counter]:
        """Counts of all results, by as many counters as there are threads."""
        tail = max(_FEWEST_OF_PILOT, round(first.size * _TAIL / self.n))
        bound = dkw_bound(self.n, self.confidence)
        cells = Cells.of(np.sort(first), _CELLS, tail, bound)
        counters = [Counter(cells) for _ in range(self.workers)]
        counters[0].add(first)
        idle = list(counters)

        def work(k: int) -> None:
            counter = idle.pop()  # a list gives and takes atomically
            counter.add(block(k))
            idle.append(counter)
            advance(_BLOCK)

        for_each(range(_MOST_KEPT // _BLOCK, -(-self.n // _BLOCK)), work, self.workers)
        return counters
