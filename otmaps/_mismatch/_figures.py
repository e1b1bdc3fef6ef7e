"""The figures of a mismatch: integrals over quantiles, with the errors of the laws."""

from __future__ import annotations

import math
from collections.abc import Callable
from types import MappingProxyType

import numpy as np

from otmaps._arrays import FloatArray
from otmaps._distribution import Distribution
from otmaps._mismatch._quadrature import Integrals, integrate_tails
from otmaps._mismatch._report import COMPONENT, FIGURES, Mismatch
from otmaps._mismatch._supremum import largest_gap

_GRID = 16.0 * float(np.finfo(float).eps)
_RELATIVE = 1e-10  # the goal of the quadrature
_NO_DENSITY = -230.0  # log of 1e-100: a density that underflows with less mass is no gap
_FAINT = 1e-9  # a tail where y and z agree to this share of their size says nothing of costs

_UNKNOWN_TAILS = "the tails of a law are not known (its tail_error is inf)"

# The rows of the integrand.
_KL, _MOVE1, _MOVE2, _Y2, _Y4, _Z2, _Z4 = range(7)
_ABS_KL, _CUT, _SPREAD1, _SPREAD2 = range(7, 11)  # for the errors alone
_ROWS = 11


def law_mismatch(source: Distribution, target: Distribution, dim: int = 100) -> Mismatch:
    """How far one law is from another, for vectors of independent components.

    Parameters
    ----------
    source : Distribution
        The law of one component of the raw result y.
    target : Distribution
        The law of one component of the prior.
    dim : int
        The number of components, at least 1.

    Returns
    -------
    Mismatch
        Each figure with a bound on its error: that of the quadrature, and that of the laws
        (`Distribution.tail_error`; the densities are taken to be as good as the tails). Of a
        source whose tails are unknown (Monte Carlo), figures that depend on the tails are NaN,
        with the reason; on bounded supports its `Distribution.error` bounds all but the divergence.

    Raises
    ------
    TypeError, ValueError
        For a ``dim`` that is no positive integer.

    Notes
    -----
    With independent components the Kullback-Leibler divergence and both costs are ``dim`` times
    those of one component (Agustsson et al., 2019, Appendix A and Theorem 1). A moment whose tails
    decay no faster than the power 0.001 of the tail probability is infinite; between 0.001 and 0.01
    it is NaN.
    """
    if isinstance(dim, bool) or not isinstance(dim, int | np.integer):
        raise TypeError(f"dim must be an integer, got {dim!r}.")
    if dim < 1:
        raise ValueError(f"dim must be at least 1, got {dim}.")
    same = source is target or (source.recipe() is not None and source.recipe() == target.recipe())
    sums = _sums(source, target)
    figures = _Figures(source, target, int(dim), sums)
    if same:
        for name in ("kl", "w1", "w2", "ks"):
            figures.put(name, 0.0, 0.0)
        figures.norms()
        if math.isfinite(figures.value["norm_mean"]):
            figures.put("norm_shift", 1.0, 0.0)
    else:
        figures.divergence()
        figures.costs()
        figures.norms()
        figures.put("ks", *largest_gap(source, target))
    return Mismatch(
        dim=figures.dim,
        error=MappingProxyType({name: figures.error[name] for name in FIGURES}),
        reasons=MappingProxyType(dict(figures.reason)),
        method=source.method,
        judged=COMPONENT,
        **{name: figures.value[name] for name in FIGURES},
    )


def _sums(source: Distribution, target: Distribution) -> Integrals:
    centre = target.median()
    ends = [e for law in (source, target) for e in law.support() if math.isfinite(e)]

    def rows(logs: FloatArray, upper: bool) -> FloatArray:
        quantiles = [
            np.asarray(law.ilogsf(logs) if upper else law.ilogcdf(logs)) for law in (source, target)
        ]
        y, z = quantiles
        mass = np.exp(logs)
        out = np.empty((_ROWS, logs.size))
        with np.errstate(all="ignore"):
            move = np.where(y == z, 0.0, np.abs(y - z))  # equal infinities have not moved
            ratio, cut = _log_ratio(source, target, y, logs, ends)
            for row, term in (
                (_KL, ratio),
                (_MOVE1, move),
                (_MOVE2, move * move),
                (_Y2, y * y),
                (_Y4, y**4),
                (_Z2, z * z),
                (_Z4, z**4),
                (_ABS_KL, np.abs(ratio)),
                (_CUT, cut),
                (_SPREAD1, np.abs(y - centre) + np.abs(z - centre)),
                (_SPREAD2, (y - centre) ** 2 + (z - centre) ** 2),
            ):
                out[row] = np.where(term == 0.0, 0.0, term * mass)
        return out

    return integrate_tails(rows, _splits(source, target), _goals(source, target))


def _goals(source: Distribution, target: Distribution) -> Callable[[FloatArray], FloatArray]:
    # Finer than a hundredth of the law's own error would be wasted.
    relative = max(_RELATIVE, 0.01 * source.error, 0.01 * target.error)

    def goals(value: FloatArray) -> FloatArray:
        goal = relative * np.abs(value)
        goal[_KL] += 1e-13
        goal[_MOVE1] += 1e-14 * value[_SPREAD1]
        goal[_MOVE2] += 1e-15 * value[_SPREAD2]
        goal[_ABS_KL:] = np.inf
        if source.tail_error + target.tail_error == math.inf:  # no density to speak of
            goal[_KL] = np.inf
        return np.where(np.isnan(goal), np.inf, goal)

    return goals


def _splits(source: Distribution, target: Distribution) -> tuple[FloatArray, FloatArray]:
    """The log-probabilities of the breakpoints: of each law in its own, and of all in y's."""
    sides: tuple[list[FloatArray], list[FloatArray]] = ([], [])
    for law, points in (
        (source, (*source.breakpoints, *target.breakpoints)),
        (target, target.breakpoints),
    ):
        where = np.asarray(points, dtype=float)
        for side, logs in zip(sides, (law.logcdf(where), law.logsf(where)), strict=True):
            values = np.asarray(logs)
            side.append(values[np.isfinite(values)])
    return np.concatenate(sides[0]), np.concatenate(sides[1])


def _log_ratio(
    source: Distribution,
    target: Distribution,
    y: FloatArray,
    logs: FloatArray,
    ends: list[float],
) -> tuple[FloatArray, FloatArray]:
    """log of the density of y over that of the prior, and a bound on what is left out of it.

    Within some units in the last place of an end of a support the densities depend on the
    rounding of y; far in the tails they underflow. There the ratio is put to 0, and its size
    bounded by that of the log-probability.
    """
    ratio = np.asarray(source.logpdf(y)) - np.asarray(target.logpdf(y))
    close = np.zeros(y.shape, dtype=bool)
    for end in ends:
        close |= np.abs(y - end) <= _GRID * max(abs(end), 1e-300)
    faint = ~np.isfinite(ratio) & (logs < _NO_DENSITY)
    left_out = close | faint
    return np.where(left_out, 0.0, ratio), np.where(left_out, np.abs(logs) + 40.0, 0.0)


class _Figures:
    """Collects values, errors and reasons by name."""

    def __init__(
        self, source: Distribution, target: Distribution, dim: int, sums: Integrals
    ) -> None:
        self.source, self.target, self.dim, self.sums = source, target, dim, sums
        self.value: dict[str, float] = {}
        self.error: dict[str, float] = {}
        self.reason: dict[str, str] = {}
        self.tail = source.tail_error + target.tail_error
        low = min(source.support()[0], target.support()[0])
        high = max(source.support()[1], target.support()[1])
        self.ends = (low, high)
        self.known = math.isfinite(self.tail) or math.isfinite(high - low)

    def put(self, name: str, value: float, error: float, reason: str = "") -> None:
        self.value[name] = value
        self.error[name] = math.nan if math.isnan(value) else 0.0 if math.isinf(value) else error
        self.reason.pop(name, None)
        if reason and not math.isfinite(value):
            self.reason[name] = reason

    def _integral(self, row: int) -> tuple[float, float, str]:
        """Value, quadrature error, and why it is infinite or NaN."""
        if not self.known:
            return math.nan, math.nan, _UNKNOWN_TAILS
        if self.sums.diverges[row]:
            return math.inf, 0.0, "the integral diverges in a tail"
        if self.sums.undecided[row]:
            return math.nan, math.nan, "the tails decay too slowly to tell whether it is finite"
        return float(self.sums.value[row]), float(self.sums.error[row]), ""

    def divergence(self) -> None:
        if self.source.atoms:
            shared = {a for a, _ in self.source.atoms} & {a for a, _ in self.target.atoms}
            value = math.nan if shared else math.inf
            self.put("kl", value, 0.0, "the law of y has point masses")
            return
        reason = _leaves_support(self.source, self.target)
        if reason:
            self.put("kl", math.inf, 0.0, reason)
            return
        if self.tail == math.inf:
            self.put("kl", math.nan, 0.0, "a density is not known (tail_error is inf)")
            return
        if self.sums.value[_KL] == math.inf and not self.sums.diverges[_KL]:
            self.put("kl", *_no_density(self.source, self.target))
            return
        value, error, reason = self._integral(_KL)
        size, cut = float(self.sums.value[_ABS_KL]), float(self.sums.value[_CUT])
        error += self.tail * (1.0 + size) + cut
        self.put("kl", self.dim * max(value, 0.0), self.dim * error, reason)

    def costs(self) -> None:
        width = self.ends[1] - self.ends[0]
        rough = self.tail == math.inf
        epsilon = self.source.error + self.target.error
        # |W1 - W1'| is at most the area between the two cdfs.
        value, error, reason = self._integral(_MOVE1)
        error += epsilon * width if rough else self.tail * float(self.sums.value[_SPREAD1])
        self._put_cost("w1", value, error, reason)
        # W2^2 = E(y - c)^2 + E(z - c)^2 - 2 E(y - c)(z - c) at equal ranks: by Hoeffding's formula
        # a relative change of the tails by tau moves each term by at most its size times tau or,
        # the product, 2 tau; and a change of the cdf by epsilon by at most 6 epsilon (width/2)^2.
        value, error, reason = self._integral(_MOVE2)
        spread = float(self.sums.value[_SPREAD2])
        error += 1.5 * epsilon * width**2 if rough else 3.0 * self.tail * spread
        root = math.sqrt(value) if value >= 0 else value
        if math.isfinite(value):
            error = max(math.sqrt(value + error) - root, root - math.sqrt(max(value - error, 0.0)))
        self._put_cost("w2", root, error, reason)

    def _put_cost(self, name: str, value: float, error: float, reason: str) -> None:
        factor = math.sqrt(self.dim) if name == "w2" else self.dim
        if math.isinf(value) and self._agree_in_the_tails():
            value, reason = math.nan, "the tails agree to rounding: 0 or infinite, one cannot tell"
        self.put(name, factor * value, factor * error, reason)

    def _agree_in_the_tails(self) -> bool:
        deep = np.array([-100.0, -300.0, -600.0])
        for name in ("ilogcdf", "ilogsf"):
            y, z = (np.asarray(getattr(law, name)(deep)) for law in (self.source, self.target))
            with np.errstate(all="ignore"):
                if np.any(np.abs(y - z) > _FAINT * (np.abs(y) + np.abs(z))):
                    return False
        return True

    def norms(self) -> None:
        squares = {}
        for prefix, second, fourth, law in (
            ("", _Y2, _Y4, self.source),
            ("prior_", _Z2, _Z4, self.target),
        ):
            mean, mean_error, reason = self._moment(second, law)
            raw, raw_error, reason4 = self._moment(fourth, law)
            self.put(prefix + "norm_mean", self.dim * mean, self.dim * mean_error, reason)
            squares[prefix] = mean, mean_error
            name = prefix + "norm_std"
            if not math.isfinite(raw):
                self.put(name, raw, 0.0, reason4)
                continue
            variance = max(raw - mean * mean, 0.0)
            error = raw_error + 2.0 * mean * mean_error
            root = math.sqrt(variance)
            off = max(
                math.sqrt(variance + error) - root, root - math.sqrt(max(variance - error, 0))
            )
            self.put(name, math.sqrt(self.dim) * root, math.sqrt(self.dim) * off)
        (y2, ey), (z2, ez) = squares[""], squares["prior_"]
        if not math.isfinite(z2):
            reason = self.reason.get("prior_norm_mean", "") or "the prior has no second moment"
            self.put("norm_shift", math.nan, 0.0, reason)
            return
        shift = y2 / z2
        reason = self.reason.get("norm_mean", "")
        self.put("norm_shift", shift, (ey + shift * ez) / z2 if math.isfinite(y2) else 0.0, reason)

    def _moment(self, row: int, law: Distribution) -> tuple[float, float, str]:
        """E X^2 or E X^4 about the origin, with the error of its own law."""
        low, high = law.support()
        if law.tail_error == math.inf:
            if not math.isfinite(high - low):
                return math.nan, math.nan, _UNKNOWN_TAILS
            power = 2 if row in (_Y2, _Z2) else 4
            carried = law.error * (abs(low) ** power + abs(high) ** power)
        else:
            carried = law.tail_error * float(self.sums.value[row])
        if self.sums.diverges[row]:
            return math.inf, 0.0, "the law has no such moment"
        if self.sums.undecided[row]:
            return math.nan, math.nan, "the tails decay too slowly to tell whether it is finite"
        return float(self.sums.value[row]), float(self.sums.error[row]) + carried, ""


def _leaves_support(source: Distribution, target: Distribution) -> str:
    """Why y falls outside the prior's support; empty where it does not."""
    for end, other, sign in zip(source.support(), target.support(), (-1.0, 1.0), strict=True):
        if math.isinf(other):
            continue
        if sign * (end - other) > _GRID * max(abs(other), abs(end) if math.isfinite(end) else 0.0):
            return f"y leaves the prior's support at {other:g}"
    return ""


def _no_density(source: Distribution, target: Distribution) -> tuple[float, float, str]:
    """What a density of 0 inside the prior's support means: a gap, or the end of doubles."""
    y = np.asarray(source.ppf(np.linspace(0.0, 1.0, 4097)[1:-1]))
    empty = np.asarray(target.pdf(y)) == 0.0
    tails = np.minimum(np.asarray(target.cdf(y)), np.asarray(target.sf(y)))
    if np.any(empty & (tails > 1e-250)):
        return math.inf, 0.0, "y falls into a gap of the prior"
    return math.nan, math.nan, "the prior's density underflows where y has mass"
