"""The smooth law of a sample: a rising spline between two generalised Pareto tails."""

from __future__ import annotations

import dataclasses
import functools
import hashlib
import math
from typing import Any, final

import numpy as np
from scipy import special

from otmaps._arrays import FloatArray, frozen, real_array, real_scalar
from otmaps._distribution import Distribution
from otmaps._generalized_pareto import Exceedances, ParetoTail, beyond, distances
from otmaps._ogive import averaged_bound, dkw_bound
from otmaps._rising_splines import RisingSpline

_LOG_PHI = -0.5 * math.log(2.0 * math.pi)
_SIDES = ("low", "high")


@final
@dataclasses.dataclass(frozen=True)
class Smoothed(Distribution):
    """The smooth law that `smoothed` makes of a sample.

    The normal score of the cdf is a rising spline of degree 5; beyond two thresholds stand
    generalised Pareto tails, joined with a continuous cdf and density. All functions are
    accurate to rounding *as those of this law*, into the far tails. How far this law is from the
    one that the draws come from is another question, and the field ``model`` says which of them
    `error` answers:

    - False (an estimate): `error` bounds the distance from the law of the draws, everywhere and
      at once, with the probability ``confidence``; `tail_error` is infinite. Operations are
      matched by sampling, and the error of a match includes that of the sample.
    - True (a model): this law *is* the prior, known to rounding. Operations are matched to many
      digits, for this prior; that the generator saw another one, by up to ``sampling_error``, is
      for the user to know.

    Attributes
    ----------
    body : RisingSpline
    tails : tuple of ParetoTail
        The lower and the upper one. ``shape`` below 0: an end at a finite distance.
    ends : tuple of float
        The support.
    draws : ndarray
        The sample, sorted.
    gap : float
        The largest distance from the empirical cdf.
    confidence : float
    independent : float
        The number of independent draws, where that is below the size of the sample.
    digest : str
        Of the draws and of what was fitted.
    stated : tuple of str
        Of each tail what the user stated: "end", "shape" or nothing.
    model : bool

    Examples
    --------
    >>> import numpy, otmaps
    >>> law = otmaps.smoothed(numpy.random.default_rng(0).normal(size=2_000))
    >>> low, high = law.cdf_band([0.0], 0.95)
    >>> bool(low[0] < 0.5 < high[0]), law.as_model().model
    (True, True)
    """

    body: RisingSpline = dataclasses.field(repr=False, compare=False)
    tails: tuple[ParetoTail, ParetoTail] = dataclasses.field(compare=False)
    ends: tuple[float, float]
    draws: FloatArray = dataclasses.field(repr=False, compare=False)
    gap: float
    confidence: float
    independent: float
    digest: str = dataclasses.field(repr=False)
    stated: tuple[str, str]
    model: bool = False

    # ------------------------------------------------------------------------- what is known of it
    @property
    def n(self) -> int:
        """The size of the sample."""
        return self.draws.size

    @property
    def sampling_error(self) -> float:
        """A bound on the distance from the cdf that was drawn from, everywhere, at `confidence`.

        The inequality of Dvoretzky, Kiefer and Wolfowitz with the constant of Massart (1990),
        plus the distance from the empirical cdf: however the curve was fitted, it holds.
        """
        return min(self._dkw(self.confidence) + self.gap, 1.0)

    def as_model(self) -> Smoothed:
        """The same law, taken for the prior itself: known exactly."""
        return dataclasses.replace(self, model=True)

    def as_estimate(self) -> Smoothed:
        """The same law, taken for an estimate of the law of the draws."""
        return dataclasses.replace(self, model=False)

    def _dkw(self, confidence: float) -> float:
        if self.independent == self.n:
            return dkw_bound(self.n, confidence)
        return averaged_bound(self.independent, confidence)

    def _support(self) -> tuple[float, float]:
        return self.ends

    def _breakpoints(self) -> tuple[float, ...]:
        ends = {end for end in self.ends if math.isfinite(end)}
        # The fifth derivative of the score jumps at every knot: pieces between are analytic.
        return tuple(sorted(ends | set(self.body.knots.tolist())))

    def _error(self) -> float:
        return 1e-14 if self.model else self.sampling_error

    def _tail_error(self) -> float:
        return 1e-12 if self.model else math.inf

    def _method(self) -> str:
        return f"{'model of a' if self.model else 'smoothed'} sample (n={self.n})"

    def _recipe(self) -> dict[str, Any] | None:
        return {
            "law": "Smoothed",
            "sha256": self.digest,
            "n": self.n,
            "confidence": self.confidence.hex(),
            "model": self.model,
        }

    # ------------------------------------------------------------------------------------- one tail
    def _tail_places(self, x: FloatArray, side: int) -> tuple[FloatArray, FloatArray]:
        """The distances from the threshold and from the end, of points in one tail."""
        low, high = self.ends
        start = self.body.ends[side]
        return (start - x, x - low) if side == 0 else (x - start, high - x)

    def _tail_logs(self, x: FloatArray, side: int) -> FloatArray:
        tail = self.tails[side]
        return math.log(tail.mass) + tail.log_survival(*self._tail_places(x, side))

    def _tail_quantile(self, logs: FloatArray, side: int) -> FloatArray:
        tail, end = self.tails[side], self.ends[side]
        given = np.minimum(logs - math.log(tail.mass), 0.0)
        outward = -1.0 if side == 0 else 1.0
        x = self.body.ends[side] + outward * tail.distance(given)
        if math.isfinite(end):
            left = tail.left(given)
            x = np.where(left < 0.5 * tail.end, end - outward * left, x)
        return np.asarray(x)

    # ------------------------------------------------------------------------------ probabilities
    def _parts(self, x: FloatArray) -> tuple[Any, Any, Any]:
        low, high = self.body.ends
        return x < low, x > high, (x >= low) & (x <= high)

    def _cdf(self, x: FloatArray) -> FloatArray:
        return self._mass(x, 0)

    def _sf(self, x: FloatArray) -> FloatArray:
        return self._mass(x, 1)

    def _mass(self, x: FloatArray, side: int) -> FloatArray:
        """The probability below (0) or above (1) each point."""
        out = np.empty_like(x)
        beyond = self._parts(x)
        near, far, body = beyond[side], beyond[1 - side], beyond[2]
        out[near] = np.exp(self._tail_logs(x[near], side))
        out[far] = -np.expm1(self._tail_logs(x[far], 1 - side))
        score = self.body.value(x[body])
        out[body] = special.ndtr(score if side == 0 else -score)
        return out

    def _logcdf(self, x: FloatArray) -> FloatArray:
        out, near = np.asarray(Distribution._logcdf(self, x)), x < self.body.ends[0]
        out[near] = self._tail_logs(x[near], 0)
        return out

    def _logsf(self, x: FloatArray) -> FloatArray:
        out, near = np.asarray(Distribution._logsf(self, x)), x > self.body.ends[1]
        out[near] = self._tail_logs(x[near], 1)
        return out

    def _logpdf(self, x: FloatArray) -> FloatArray:
        out = np.empty_like(x)
        lower, upper, body = self._parts(x)
        for side, where in ((0, lower), (1, upper)):
            tail = self.tails[side]
            places = self._tail_places(x[where], side)
            out[where] = math.log(tail.mass) + tail.log_density(*places)
        score = self.body.value(x[body])
        out[body] = _LOG_PHI - 0.5 * score * score + np.log(self.body.slope(x[body]))
        return out

    def _pdf(self, x: FloatArray) -> FloatArray:
        return np.asarray(np.exp(self._logpdf(x)))

    # ---------------------------------------------------------------------------------- quantiles
    def _ppf(self, p: FloatArray) -> FloatArray:
        return self._quantile_at(p, 0)

    def _isf(self, q: FloatArray) -> FloatArray:
        return self._quantile_at(q, 1)

    def _quantile_at(self, p: FloatArray, side: int) -> FloatArray:
        out = np.empty_like(p)
        tail = p < self.tails[side].mass
        out[tail] = self._tail_quantile(np.log(p[tail]), side)
        score = special.ndtri(p[~tail])
        out[~tail] = self.body.inverse(score if side == 0 else -score)
        return out

    def _ilogcdf(self, logp: FloatArray) -> FloatArray:
        return self._tail_quantile(logp, 0)  # asked where exp(logp) underflows

    def _ilogsf(self, logq: FloatArray) -> FloatArray:
        return self._tail_quantile(logq, 1)

    def _affine(self, scale: float, shift: float) -> Smoothed:
        """Moved part by part: next to an end at 0 distances keep their digits."""
        low, high = (0, 1) if scale > 0.0 else (1, 0)
        size = abs(scale)
        draws = scale * self.draws + shift
        digest = hashlib.sha256(f"{self.digest} {scale.hex()} {shift.hex()}".encode())
        return dataclasses.replace(
            self,
            body=self.body.affine(scale, shift),
            tails=(self.tails[low].scaled(size), self.tails[high].scaled(size)),
            ends=(scale * self.ends[low] + shift, scale * self.ends[high] + shift),
            draws=frozen(draws if scale > 0.0 else draws[::-1]),
            stated=(self.stated[low], self.stated[high]),
            digest=digest.hexdigest(),
        )

    # ------------------------------------------------------------------------------------- moments
    def _mean(self) -> float:
        return self._moments[0]

    def _std(self) -> float:
        return self._moments[1]

    @functools.cached_property
    def _moments(self) -> tuple[float, float]:
        """Mean and standard deviation: Gauss rules in the body, closed forms of the tails."""
        nodes, weights = np.polynomial.legendre.leggauss(24)
        cells = np.unique(self.body.knots)
        half = 0.5 * np.diff(cells)
        x = (cells[:-1] + half)[:, None] + half[:, None] * nodes
        mass = half[:, None] * weights * self._pdf(x.ravel()).reshape(x.shape)
        low, high = self.body.ends
        (a1, a2), (b1, b2) = (tail.moments() for tail in self.tails)
        p, q = (tail.mass for tail in self.tails)
        mean = float(np.sum(mass * x)) + p * (low - a1) + q * (high + b1)
        if not math.isfinite(mean):
            return mean, math.nan
        u, v = low - mean, high - mean
        square = p * (u * u - 2.0 * u * a1 + a2) + q * (v * v + 2.0 * v * b1 + b2)
        return mean, math.sqrt(float(np.sum(mass * (x - mean) ** 2)) + square)

    # --------------------------------------------------------------------------------------- bands
    def cdf_band(
        self, x: Any, confidence: float | None = None, *, pointwise: bool = False
    ) -> tuple[FloatArray, FloatArray]:
        """Where the cdf of the draws lies: bounds that assume independence alone.

        Parameters
        ----------
        x : array_like
        confidence : float, optional
            The field ``confidence`` where it is not given.
        pointwise : bool
            Each point by itself, by the beta law of its count (Clopper & Pearson 1934), instead
            of all at once (Dvoretzky, Kiefer & Wolfowitz).

        Returns
        -------
        low, high : ndarray
            Of the shape of ``x``.
        """
        at = real_array(x, "x").astype(np.float64, copy=False)
        level = self._level(confidence)
        count = np.searchsorted(self.draws, at, side="right").astype(np.float64)
        if not pointwise:
            bound = self._dkw(level)
            part = count / self.n
            return np.clip(part - bound, 0.0, 1.0), np.clip(part + bound, 0.0, 1.0)
        self._needs_independence("pointwise=True")
        out, n = 0.5 * (1.0 - level), self.n
        with np.errstate(invalid="ignore"):
            low = np.where(count > 0, special.betaincinv(count, n - count + 1.0, out), 0.0)
            high = np.where(count < n, special.betainccinv(count + 1.0, n - count, out), 1.0)
        return low, high

    def quantile_band(
        self, p: Any, confidence: float | None = None, *, pointwise: bool = False
    ) -> tuple[FloatArray, FloatArray]:
        """Where the quantiles of the draws' law lie: from one draw to another.

        Parameters
        ----------
        p : array_like
            Probabilities.
        confidence : float, optional
            The field ``confidence`` where it is not given.
        pointwise : bool
            Each quantile by itself, by the binomial law of the draws below it, instead of all
            at once.

        Returns
        -------
        low, high : ndarray
            Infinite beyond the extreme draws: there is only a model, see `tail_band`.
        """
        at = real_array(p, "p").astype(np.float64, copy=False)
        level, n = self._level(confidence), self.n
        if pointwise:
            self._needs_independence("pointwise=True")
            from scipy import stats

            out = 0.5 * (1.0 - level)
            first = stats.binom.ppf(out, n, at) - 1.0
            last = stats.binom.isf(out, n, at)
        else:
            bound = self._dkw(level)
            first = np.ceil(n * (at - bound)) - 1.0
            last = np.floor(n * (at + bound))
        padded = np.concatenate([[-math.inf], self.draws, [math.inf]])
        index = [np.clip(i, -1, n).astype(np.int64) + 1 for i in (first, last)]
        return padded[index[0]], padded[index[1]]

    def tail_band(
        self, q: Any, confidence: float | None = None, *, upper: bool = True
    ) -> tuple[FloatArray, FloatArray]:
        """Where a far quantile lies if the tail is a generalised Pareto law beyond its threshold.

        By the profile of the product of spacings and of the number of draws in the tail (as for
        return levels: Coles 2001, section 4.3.3). That the tail *is* such a law is the model: no
        sample can prove it.

        Parameters
        ----------
        q : array_like
            Probabilities of the tail, below its ``mass``.
        confidence : float, optional
            For each quantile by itself; the field ``confidence`` where it is not given.
        upper : bool
            The upper tail, or the lower one.

        Returns
        -------
        low, high : ndarray
        """
        at = real_array(q, "q").astype(np.float64, copy=False)
        tail = self.tails[int(upper)]
        if not np.all((at > 0.0) & (at < tail.mass)):
            raise ValueError(
                f"q must lie between 0 and {tail.mass:.4g}, the probability of the "
                f"{'upper' if upper else 'lower'} tail. Use quantile_band for the body."
            )
        if self.stated[int(upper)] == "end":
            raise ValueError(
                f"the {'upper' if upper else 'lower'} end was stated ({_SIDES[upper]}=): that tail "
                "has no band. Fit without it, or use quantile_band."
            )
        level = float(special.chdtri(1.0, 1.0 - self._level(confidence)))
        shapes, scales, spare = self._rings(int(upper), level)
        share = math.sqrt((1.0 - tail.mass) / (tail.mass * self.independent))
        shift = np.sqrt(spare) * share  # of the log of the tail's mass
        log = np.log(at.ravel())[:, None] - math.log(tail.mass)
        found = np.concatenate(
            [distances(shapes, scales, np.minimum(log + s, 0.0)) for s in (-shift, shift)], axis=1
        )
        ends = self.body.ends[int(upper)] + (1.0 if upper else -1.0) * found
        return ends.min(axis=1).reshape(at.shape), ends.max(axis=1).reshape(at.shape)

    def _rings(self, side: int, level: float) -> tuple[FloatArray, FloatArray, FloatArray]:
        exceedances = Exceedances.of(beyond(self.draws, self.body.ends[side], side))
        tail = self.tails[side]
        # The scale is stored with what keeps the largest distance inside.
        room = tail.scale - max(-tail.shape, 0.0) * float(exceedances.cuts[-1])
        best = (tail.shape, math.log(room))
        fewer = self.independent / self.n
        fixed = self.stated[side] == "shape"
        shapes, scales, spare = exceedances.region(best, level / fewer, fixed=fixed)
        return shapes, scales, spare * fewer

    def _level(self, confidence: float | None) -> float:
        return self.confidence if confidence is None else checked_confidence(confidence)

    def _needs_independence(self, what: str) -> None:
        if self.independent != self.n:
            raise ValueError(
                f"{what} needs independent draws; these come from {self.independent:g} rows. "
                "Take the band that holds everywhere at once."
            )


def checked_confidence(confidence: Any) -> float:
    """A probability strictly between 0 and 1."""
    level = real_scalar(confidence, "confidence")
    if not 0.0 < level < 1.0:
        raise ValueError(f"confidence must lie between 0 and 1, got {level}.")
    return level
