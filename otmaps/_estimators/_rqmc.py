"""The law of any pointwise operation from scrambled Sobol points."""

from __future__ import annotations

import dataclasses
import functools
import inspect
import math
from collections.abc import Iterator
from typing import Any, final

import numpy as np

from otmaps._arrays import FloatArray
from otmaps._distribution import Distribution
from otmaps._estimators._base import Estimator, Inputs
from otmaps._estimators._progress import Advance, progress_bar
from otmaps._estimators._replicates import largest_confidence, simultaneous_bound
from otmaps._estimators._sampling import (
    MIXES,
    check_finite,
    confidence_level,
    for_each,
    shown_or_not,
    whole_number,
)
from otmaps._estimators._tallying import Cells, Counter, tally_of
from otmaps._operations import Operation
from otmaps._tallied import Tallied

_BLOCK = 2**14
_FEWEST = 128
_FEWEST_REPLICATES = 8
_MOST_REPLICATES = 512
_MOST_IN_PILOT = 2**22
_MOST_CELLS = 2**17
_MOST_COUNTS = 2**23  # of all replicates: 64 MiB
_PER_CELL = 8  # draws of the pilot, at least
_LIGHTEST_ATOM = 2.0**-12
_MOST_INPUTS = 21_201  # dimensions of the Sobol sequence in scipy
_BITS = 53
_HALF_STEP = 2.0**-54


@final
@dataclasses.dataclass(frozen=True)
class RQMC(Estimator):
    """The law of the operation on scrambled Sobol points, with an error from replicates.

    Serves every pointwise operation. Points of a Sobol sequence fill the cube more evenly than
    random ones, so the error falls faster than ``1 / sqrt(n)``: by how much depends on the number
    of inputs that matter and on how smooth the operation is. ``replicates`` independent
    scramblings of ``n`` points each give as many independent estimates of the cdf, each of them
    unbiased; the law is their mean, and the error is taken from how far they scatter.

    Parameters
    ----------
    n : int
        The points of each scrambling, a power of two, at least 128. The operation is
        evaluated ``n * replicates`` times.
    replicates : int
        Independent scramblings, from 8 to 512, and enough for the confidence: 11 for 0.999. More
        of them make the error more certain, and smaller for a given scatter.
    seed : int
        The seed of all scramblings, non-negative: equal seeds give equal laws.
    confidence : float
        The probability with which the error of the law holds, between 0 and 1.
    workers : int
        Threads that evaluate; the law does not depend on them. The operation must bear being
        called from several threads at once.
    progress : bool, optional
        Whether to show a progress bar on stderr; by default on a terminal, after two seconds.

    Notes
    -----
    The draws are counted in up to 2**17 cells, about equally likely by the first 2**22 draws or
    fewer; memory does not grow with ``n``. The stated error is the sum of two parts. The first
    bounds the error of the mean at all edges of cells together, from random signs of the
    replicates. It is at least log(2 / (1 - confidence)) / (n * replicates), what a set that no
    point has met may have. Approximate are that the errors of a replicate are as likely as
    their opposites, good for the mean of many small errors (no variance is estimated and nothing
    is taken as normal), and that the edges count as if they had been fixed beforehand. The second
    part is rigorous: the largest probability of a cell that is no atom, over which the law runs
    straight. Points of one scrambling depend on one another, so the inequality of Dvoretzky,
    Kiefer and Wolfowitz does not apply.

    A value of more than 2**-12 of the draws is an atom. Beyond the outermost draws the
    law is modelled by exponential tails, not measured: `tail_error` is infinite.

    References
    ----------
    A. B. Owen (1997), Annals of Statistics 25, 1541-1562: scrambled nets.
    J. Matousek (1998), Journal of Complexity 14, 527-556: the scrambling that scipy uses.

    Examples
    --------
    >>> import otmaps
    >>> import numpy
    >>> op = otmaps.operation(lambda a, b, c: a * b + numpy.tanh(c))()
    >>> law = otmaps.pushforward(op, "normal", method=otmaps.RQMC(n=2**10, replicates=16))
    >>> law.method, bool(law.error < 0.02)
    ('RQMC (n=1024 in each of 16 scramblings, seed=0, confidence=0.999)', True)
    """

    n: int = 2**15
    replicates: int = 32
    seed: int = 0
    confidence: float = 0.999
    workers: int = dataclasses.field(default=1, compare=False)
    progress: bool | None = dataclasses.field(default=None, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "n", whole_number(self.n, "n", _FEWEST))
        replicates = whole_number(self.replicates, "replicates", _FEWEST_REPLICATES)
        object.__setattr__(self, "replicates", replicates)
        object.__setattr__(self, "seed", whole_number(self.seed, "seed", 0))
        object.__setattr__(self, "confidence", confidence_level(self.confidence))
        object.__setattr__(self, "workers", whole_number(self.workers, "workers", 1))
        object.__setattr__(self, "progress", shown_or_not(self.progress))
        if self.n.bit_count() != 1:
            near = 2 ** (self.n.bit_length() - 1)
            raise ValueError(
                f"n must be a power of two, such as {near} or {2 * near}, got {self.n}: other "
                "numbers of Sobol points lose their balance."
            )
        if replicates > _MOST_REPLICATES:
            raise ValueError(
                f"replicates must be at most {_MOST_REPLICATES}, got {replicates}; raise n instead."
            )
        if not self.confidence < largest_confidence(replicates):
            needed = math.floor(1.0 - math.log2(1.0 - self.confidence)) + 1
            raise ValueError(
                f"replicates must be at least {needed} for confidence={self.confidence:g}, "
                f"got {replicates}."
            )

    @property
    def name(self) -> str:
        """The name that `method=` takes."""
        return "RQMC"

    @property
    def evaluations(self) -> int:
        """How often the operation is evaluated."""
        return self.n * self.replicates

    def refuses(self, op: Operation, inputs: Inputs) -> str | None:
        """Why the estimator does not serve this case; None where it does."""
        if not op.pointwise:
            return MIXES
        if len(inputs) > _MOST_INPUTS:
            return f"it has more than the {_MOST_INPUTS} inputs that Sobol points are known for"
        return None

    def law(self, op: Operation, inputs: Inputs, tol: float) -> Distribution:  # noqa: ARG002 - n decides
        """The law; its error depends on the options, not on ``tol``.

        Raises
        ------
        ValueError
            Where the operation returns NaN, infinities, a constant or a wrong shape.
        """
        streams = [self._results(op, inputs, k) for k in range(self.replicates)]
        with progress_bar(f"RQMC of {op.name}", self.evaluations, self.progress) as advance:
            first = self._first(streams, advance)
            check_finite(op, int(np.count_nonzero(~np.isfinite(first))), first.size)
            counters = self._counted(streams, first, advance)
        tally = tally_of(op, counters)
        below = np.array([sum(part.size for part in c.low) for c in counters])
        counts = np.stack([c.counts for c in counters])
        edges = below[:, None] + np.cumsum(counts, axis=1)
        cdfs = np.concatenate([below[:, None], edges], axis=1) / self.n
        unseen = math.log(2.0 / (1.0 - self.confidence)) / self.evaluations
        bound = max(simultaneous_bound(cdfs, self.confidence), unseen)
        lightest = max(_LIGHTEST_ATOM, bound)
        # The law adds its widest cell; what lies outside of all cells may be more.
        outside = max(tally.low.size, tally.high.size) / tally.n
        bound += max(outside - tally.smoothed(lightest).widest(lightest), 0.0)
        stated = f"n={self.n} in each of {self.replicates} scramblings, seed={self.seed}"
        origin = f"RQMC ({stated}, confidence={self.confidence:g})"
        return Tallied(tally, bound, lightest, self.confidence, origin)

    def _results(self, op: Operation, inputs: Inputs, replicate: int) -> Iterator[FloatArray]:
        """The results on one scrambling, block by block."""
        points = scrambled_sobol(
            len(inputs), np.random.SeedSequence(self.seed, spawn_key=(replicate,))
        )
        for _ in range(-(-self.n // _BLOCK)):
            u = points.random(min(self.n, _BLOCK)).T
            draws = (_quantiles(law, row) for law, row in zip(inputs, u, strict=True))
            yield np.asarray(op.raw(*draws))

    def _first(self, streams: list[Iterator[FloatArray]], advance: Advance) -> FloatArray:
        """The first results of each stream, a row each."""
        block = min(self.n, _BLOCK)
        blocks = max(min(self.n, _MOST_IN_PILOT // self.replicates) // block, 1)
        results = np.empty((self.replicates, blocks * block))

        def work(k: int) -> None:
            for b in range(blocks):
                results[k, b * block : (b + 1) * block] = next(streams[k])
                advance(block)

        for_each(range(self.replicates), work, self.workers)
        return results

    def _counted(
        self, streams: list[Iterator[FloatArray]], first: FloatArray, advance: Advance
    ) -> list[Counter]:
        """Counts of all results, a counter for each replicate."""
        count = min(_MOST_CELLS, _MOST_COUNTS // self.replicates, first.size // _PER_CELL)
        cells = Cells.of(np.sort(first, axis=None), count, first.size // count, _LIGHTEST_ATOM)
        counters = [Counter(cells) for _ in streams]

        def work(k: int) -> None:
            counters[k].add(first[k])
            for values in streams[k]:
                counters[k].add(values)
                advance(values.size)

        for_each(range(self.replicates), work, self.workers)
        return counters


def scrambled_sobol(dimensions: int, seed: np.random.SeedSequence) -> Any:
    """A scrambled Sobol sequence with the resolution of doubles."""
    from scipy.stats import qmc

    # An integer: a Generator would be copied, state and all, once for each of the replicates.
    number = int(seed.generate_state(1, np.uint64)[0])
    return qmc.Sobol(dimensions, bits=_BITS, **{_name_of_seed(): number})


@functools.cache
def _name_of_seed() -> str:
    """What scipy calls the argument: it was renamed in 1.15."""
    from scipy.stats import qmc

    return "rng" if "rng" in inspect.signature(qmc.Sobol).parameters else "seed"


def _quantiles(law: Distribution, u: FloatArray) -> FloatArray:
    """Quantiles of multiples of 2**-53, moved to the middle of their cell: never 0 or 1."""
    out = np.empty_like(u)
    upper = u >= 0.5
    out[~upper] = law.ppf(u[~upper] + _HALF_STEP)
    out[upper] = law.isf((1.0 - u[upper]) - _HALF_STEP)  # exact, where 1 - (u + step) is not
    return out
