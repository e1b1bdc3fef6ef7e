"""How far sorted samples of a law may stray: what the gaps of `check` are allowed to be."""

from __future__ import annotations

import dataclasses
import math

import numpy as np
from scipy import special

from otmaps._arrays import FloatArray
from otmaps._distribution import Distribution

_NODES = 128  # of the covariance of a quadratic form: its few large modes decide


def chernoff(modes: FloatArray, alpha: float) -> float:
    """A bound that sum of ``modes[k] * normal_k**2`` passes with a probability below ``alpha``.

    Chernoff's: min over s of (log(1 / alpha) - sum of log(1 - 2 s modes) / 2) / s, for s below
    1 / (2 max modes).
    """
    top = float(np.max(modes))
    if top <= 0.0:
        return 0.0
    s = np.linspace(0.02, 0.98, 49) / (2.0 * top)
    exponents = -0.5 * np.log1p(-2.0 * s[:, None] * np.maximum(modes, 0.0)).sum(axis=1)
    return float(np.min((-math.log(alpha) + exponents) / s))


def two_sided(alpha: float) -> float:
    """The standard deviations that a normal variable passes, up or down, with this probability."""
    return -float(special.ndtri(0.5 * alpha))


@dataclasses.dataclass(frozen=True)
class QuantileNoise:
    """The gap e_i between the sorted values of two independent samples of a law, in the bulk.

    Near rank u n the gap is B(u) Q'(u) sqrt(2 / n), with a Brownian bridge B and the quantile
    function Q (the textbook's u (1 - u) / (n f^2) for each sample). For Q' stands the larger
    one-sided slope over as far as the bridge goes at this confidence, so that curved, kinked and
    interrupted quantile functions are bounded as well. The bulk leaves out the ranks whose
    deviation reaches the end, and one per cent at least.

    Attributes
    ----------
    u, slope, bias : ndarray
        The probability of each rank of the bulk, Q' there, and what the stated errors of the
        laws add to the gap.
    bulk : slice
        These ranks.
    n : int
    alpha : float
        The probability with which each bound may fail.
    """

    u: FloatArray
    slope: FloatArray
    bias: FloatArray
    bulk: slice
    n: int
    alpha: float

    @classmethod
    def of(cls, law: Distribution, n: int, alpha: float, error: float) -> QuantileNoise:
        """For samples of ``n``, of laws whose probabilities are known up to ``error``."""
        sigmas = two_sided(alpha)
        first = max(n // 100, math.ceil(2.0 * sigmas**2), math.ceil(2.0 * n * error))
        if 2 * first >= n:
            first = n // 3  # too few for the limit laws: the central third is the best there is
        bulk = slice(first, n - first)
        u = (np.arange(n)[bulk] + 0.5) / n
        reach = sigmas * np.sqrt(u * (1.0 - u) / n) + error
        reach = np.minimum(reach, 0.9 * np.minimum(u, 1.0 - u))
        here = np.asarray(law.ppf(u))
        below = here - np.asarray(law.ppf(u - reach))
        above = np.asarray(law.ppf(u + reach)) - here
        slope = np.maximum(below, above) / reach
        return cls(u, slope, slope * error, bulk, n, alpha)

    def _linear(self, weights: FloatArray) -> float:
        """The standard deviation of mean(weights * e) over the bulk: that of a bridge integral."""
        share = self.u.size
        tails = np.cumsum((weights * self.slope)[::-1])[::-1] / share
        # integral of w B = -integral of W dB, with W the running integral of w: its variance is
        # that of W over a uniform variable on all of (0, 1); W is constant outside the bulk.
        outside = np.array([tails[0], 0.0])
        mass = np.concatenate([np.full(share, 1.0 / self.n), [self.u[0], 1.0 - self.u[-1]]])
        values = np.concatenate([tails, outside])
        mass /= mass.sum()
        mean = float(mass @ values)
        return math.sqrt(2.0 / self.n * float(mass @ (values - mean) ** 2))

    def _square(self, mask: FloatArray, alpha: float) -> float:
        """A bound on mean(mask * e^2) over the bulk, by the modes of the bridge."""
        u, slope = _blocks(self.u), _blocks(self.slope * mask)
        bridge = np.minimum.outer(u, u) - np.outer(u, u)
        modes = np.linalg.eigvalsh(bridge * np.outer(slope, slope)) / u.size
        return chernoff(modes, alpha) * 2.0 / self.n

    def squared(self, moves: FloatArray) -> float:
        """A bound on the change of mean(moves^2) when the moves change by the gap e."""
        alpha = 0.5 * self.alpha
        noise = two_sided(alpha) * self._linear(2.0 * moves)
        square = self._square(np.ones_like(moves), alpha)
        drift = self.bias * (2.0 * (np.abs(moves) + math.sqrt(square)) + self.bias)
        return noise + square + float(np.mean(drift)) + _rounding(moves**2)

    def absolute(self, moves: FloatArray) -> float:
        """A bound on the change of mean(|moves|) when the moves change by the gap e.

        Where a move is shorter than the gap may be, |e| bounds the change; elsewhere the change
        is e with the sign of the move.
        """
        alpha = 0.5 * self.alpha
        sigmas = two_sided(alpha)
        deviation = self.slope * np.sqrt(2.0 * self.u * (1.0 - self.u) / self.n)
        short = (np.abs(moves) < sigmas * deviation + self.bias).astype(float)
        noise = sigmas * self._linear((1.0 - short) * np.sign(moves))
        near = math.sqrt(float(np.mean(short)) * self._square(short, alpha))
        return noise + near + float(np.mean(self.bias)) + _rounding(moves)

    def drift(self, mean_square: float) -> float:
        """A bound on the change of a mean squared move when all moves change by the bias."""
        shift = math.sqrt(float(np.mean(self.bias**2)))
        return shift * (2.0 * math.sqrt(mean_square) + shift)


def _blocks(values: FloatArray) -> FloatArray:
    """Means over at most `_NODES` runs of neighbours."""
    if values.size <= _NODES:
        return values
    edges = np.linspace(0, values.size, _NODES + 1).astype(int)
    return np.add.reduceat(values, edges[:-1]) / np.diff(edges)


def _rounding(values: FloatArray) -> float:
    return 64.0 * float(np.finfo(float).eps) * float(np.mean(np.abs(values)))
