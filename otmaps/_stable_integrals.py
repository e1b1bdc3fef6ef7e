"""Tails and density of standard stable laws, from integrals of positive terms.

The laws are those of scipy.stats.levy_stable in its parameterization S1, at location 0 and scale 1:
log E exp(itX) = -|t|^alpha (1 - i beta sign(t) tan(pi alpha / 2)) for alpha not 1, and
-|t| (1 + i beta (2 / pi) sign(t) log|t|) for alpha = 1.

Main source: Zolotarev's integrals in the form of Nolan, "Univariate Stable Distributions" (Springer
2020), theorem 3.3. With phi the distance of Nolan's angle theta from pi/2, and psi that from the
other end of its interval, of length L = phi + psi, they are

    E = int exp(-g) dphi,  M = int (1 - exp(-g)) dphi,  D = int g exp(-g) dphi,   g = y V(phi),
    V = (cos(alpha theta_0)^(1/alpha) sin(phi) / sin(alpha psi))^(alpha / (alpha - 1))
        * sin(alpha psi + phi) / sin(phi),                      y = x^(alpha / (alpha - 1)),

for alpha not 1 and x > 0. All are summed by the trapezoidal rule in t = log(phi / psi), where they
are analytic in a strip and decay exponentially at both ends, so that the rule converges
geometrically and reaches any depth of either tail. Angles near pi are taken by their complements,
so that nothing cancels as beta nears -1 or 1.
"""

from __future__ import annotations

import dataclasses
import functools
import math
from typing import Any

import numpy as np

from otmaps._arrays import FloatArray

_STEP = 0.25  # times 1 / steepness: the rule then converges to exp(-pi^2 / 0.25) = 7e-18
_STEEPNESS = (5.0, 10.0, 20.0, 40.0)  # of log V per unit of t, that grids resolve
_NEAR_ONE = 0.03  # |alpha - 1| below which steeper ones occur where nothing else serves
_REACH = 700.0  # of the grid in t: exp(-700) is about the smallest double
_DECAY = 42.0  # exp(-42) = 6e-19 of the whole is left out at the slow end of a window
_FALL = 10.0  # beyond g = 1 by this in t, exp(-g) is nothing
_BLOCK = 2**15  # numbers in a temporary array
_LOG_PI = math.log(math.pi)
_LOG_HALF = math.log(0.5)


def log_upper_tail(alpha: float, beta: float, x: FloatArray) -> FloatArray:
    """log P(X > x) for the standard law; alpha below 2, beta not 0 where alpha is 1."""
    return _evaluated(alpha, beta, x, "upper")


def log_density(alpha: float, beta: float, x: FloatArray) -> FloatArray:
    """log of the density of the standard law; parameters as above."""
    return _evaluated(alpha, beta, x, "density")


def _evaluated(alpha: float, beta: float, x: FloatArray, what: str) -> FloatArray:
    out = np.full(x.shape, math.nan)
    for mask, sign in ((x >= 0, 1.0), (x < 0, -1.0)):
        points = np.maximum(np.abs(x[mask]), 1e-300)
        if points.size:
            side = what if sign > 0 or what == "density" else "lower"
            out[mask] = _on_one_side(alpha, sign * beta, points, side)
    return out if what == "density" else np.minimum(out, 0.0)


def _on_one_side(alpha: float, beta: float, x: FloatArray, what: str) -> FloatArray:
    """One of "upper", "lower" and "density" at x > 0, by whichever integral serves."""
    if alpha != 1.0 and _lengths(alpha, beta)[0] == 0.0:  # nothing is on this side
        return np.full(x.shape, 0.0 if what == "lower" else -math.inf)
    out = np.empty(x.shape)
    centred = x if alpha == 1.0 else x - beta * tangent(alpha)  # Nolan's S0
    above, below = _is_far(alpha, beta, centred), _is_far(alpha, -beta, -centred)
    far = above | below
    for rows, sign, own in ((above, 1.0, "upper"), (below, -1.0, "lower")):
        if rows.any():
            name = "density" if what == "density" else "upper"
            found = _far(alpha, sign * beta, sign * centred[rows], name)
            out[rows] = found if what in ("density", own) else np.log1p(-np.exp(found))
    # The form for alpha = 1 needs beta > 0: else the law is mirrored.
    mirrored = alpha == 1.0 and beta < 0.0
    grid_beta, points = (-beta, -x) if mirrored else (beta, x)
    need = _steepness(alpha, grid_beta, points)
    near = ~far & (need > _STEEPNESS[-1]) & (abs(alpha - 1.0) < _NEAR_ONE)
    near &= np.abs(centred) < 4.0
    out[near] = _central(alpha, beta, centred[near], what)
    level = np.minimum(np.searchsorted(_STEEPNESS, need), len(_STEEPNESS) - 1)
    other = {"upper": "lower", "lower": "upper"}.get(what, what) if mirrored else what
    for i in np.unique(level[~(far | near)]):
        rows = (level == i) & ~(far | near)
        out[rows] = _grid(alpha, grid_beta, _STEEPNESS[i]).log_of(other, points[rows])
    return out


def mass_above_zero(alpha: float, beta: float) -> float:
    """P(X > 0) for alpha not 1."""
    return _lengths(alpha, beta)[0] / math.pi


# -------------------------------------------------------------------------------- Zolotarev's form
def _sum_of_arctangents(alpha: float, beta: float) -> float:
    """arctan(T) + arctan(beta T) for T = |tan(pi alpha / 2)|, to relative accuracy near 0."""
    far = abs(alpha - 1.0)  # exact for alpha between 1/2 and 2
    if far < 0.5:
        cot = math.tan(0.5 * math.pi * far)
        return math.atan2((1.0 + beta) * cot, cot * cot - beta)
    tan = math.tan(0.5 * math.pi * (alpha if alpha < 1.0 else 2.0 - alpha))
    return math.atan2((1.0 + beta) * tan, 1.0 - beta * tan * tan)


def _lengths(alpha: float, beta: float) -> tuple[float, float]:
    """The length L of the interval, and pi - L; they are pi P(X > 0) and pi P(X < 0)."""
    if alpha == 1.0:
        return math.pi, 0.0
    both = _sum_of_arctangents(alpha, beta), _sum_of_arctangents(alpha, -beta)
    if alpha < 1.0:
        return both[0] / alpha, both[1] / alpha
    return (math.pi - both[0]) / alpha, (math.pi - both[1]) / alpha


def _sin(angle: FloatArray, complement: FloatArray) -> FloatArray:
    return np.asarray(np.sin(np.minimum(angle, complement)))


@dataclasses.dataclass(frozen=True)
class _Grid:
    """V on the grid of t, with the weights of the rule; rising says whether V grows with t."""

    alpha: float
    beta: float
    t: FloatArray
    logv: FloatArray
    v: FloatArray
    logw: FloatArray
    w: FloatArray

    @property
    def rising(self) -> bool:
        return self.alpha > 1.0

    def log_y(self, x: FloatArray) -> FloatArray:
        """log g - log V."""
        if self.alpha == 1.0:
            return np.asarray(-0.5 * math.pi / self.beta * x)
        return np.asarray(self.alpha / (self.alpha - 1.0) * np.log(x))

    def log_of(self, what: str, x: FloatArray) -> FloatArray:
        """One of "upper", "lower" and "density" at points x, positive unless alpha is 1."""
        log_y = self.log_y(x)
        if what == "density":
            logs = self._sum(x, log_y, "D")
            if self.alpha == 1.0:
                return logs + math.log(0.5 / self.beta)
            rate = self.alpha / abs(self.alpha - 1.0)
            return np.asarray(logs + math.log(rate) - _LOG_PI - np.log(x))
        if self.alpha == 1.0:
            return self._sum(x, log_y, "M" if what == "upper" else "E") - _LOG_PI
        upper = self._sum(x, log_y, "E" if self.rising else "M") - _LOG_PI
        if what == "upper":
            return np.asarray(upper)
        lower = np.log1p(-np.exp(np.minimum(upper, _LOG_HALF)))
        rows = upper > _LOG_HALF
        if rows.any():
            logs = self._sum(x[rows], log_y[rows], "M" if self.rising else "E")
            lower[rows] = np.log(np.exp(logs) + _lengths(self.alpha, self.beta)[1]) - _LOG_PI
        return np.asarray(lower)

    def crossing(self, log_y: FloatArray, log_g: float) -> tuple[Any, Any]:
        """The index where log g has a value, and whether there is such an index."""
        rising = self.logv if self.rising else self.logv[::-1]
        i = np.searchsorted(rising, log_g - log_y)
        found = np.clip(i if self.rising else self.t.size - 1 - i, 0, self.t.size - 1)
        return found, i > 0

    def _window(self, log_y: FloatArray, kind: str) -> tuple[Any, Any]:
        """The range of t that matters: about where g = 1, or beside the end where g is least."""
        index, exists = self.crossing(log_y, 0.0)
        least = self.logv[0] if self.rising else self.logv[-1]
        depth = 0.5 * np.maximum(log_y + least, 0.0)  # the width of exp(-g) is phi or psi there
        at = np.where(exists, self.t[index], -depth if self.rising else depth)
        low, high = np.minimum(at, 0.0) - _DECAY, np.maximum(at, 0.0) + _DECAY
        if kind != "M":
            low = low if self.rising else low + (_DECAY - _FALL)
            high = high - (_DECAY - _FALL) if self.rising else high
        return np.searchsorted(self.t, low), np.searchsorted(self.t, high)

    def _sum(self, x: FloatArray, log_y: FloatArray, kind: str) -> FloatArray:
        """log of E, M or D."""
        out = np.empty(x.size)
        first, last = self._window(log_y, kind)
        order = np.argsort(log_y)
        start = 0
        while start < x.size:
            rows = max(1, int(_BLOCK / max(1, int((last - first)[order[start]]))))
            block = order[start : start + rows]
            cut = slice(int(first[block].min()), int(last[block].max()))
            out[block] = self._block(x[block], log_y[block], cut, kind)
            start += rows
        return out

    def _block(self, x: FloatArray, log_y: FloatArray, cut: slice, kind: str) -> FloatArray:
        if self.alpha != 1.0 and np.all(np.abs(log_y) < 600.0):
            # A product of powers is more exact than the exponential of a sum of logarithms.
            y = np.power(x, self.alpha / (self.alpha - 1.0))
            g = y[:, None] * self.v[cut]
        else:
            g = np.exp(np.minimum(log_y[:, None] + self.logv[cut], 700.0))
        if kind == "M":
            return np.asarray(np.log(-np.expm1(-g) @ self.w[cut]))
        if kind == "E":
            return _log_sum(self.logw[cut] - g)
        return _log_sum(self.logw[cut] + self.logv[cut] - g) + log_y


def _log_sum(terms: FloatArray) -> FloatArray:
    top = terms.max(axis=1)
    return np.asarray(top + np.log(np.exp(terms - top[:, None]).sum(axis=1)))


def _steepness(alpha: float, beta: float, x: FloatArray) -> FloatArray:
    """The steepest slope of log V in t that counts at each point."""
    grid = _grid(alpha, beta, _STEEPNESS[0])
    log_y = grid.log_y(x)
    slopes = np.abs(np.gradient(grid.logv, grid.t))
    found = np.zeros(x.shape)
    for log_g in (0.0, 4.0):
        index, exists = grid.crossing(log_y, log_g)
        found = np.where(exists, np.maximum(found, slopes[index]), found)
    return found


@functools.lru_cache(maxsize=32)
def _grid(alpha: float, beta: float, steepness: float) -> _Grid:
    if alpha != 1.0:
        steepness = min(steepness, 1.0 / abs(alpha - 1.0) + 1.0)
    step = _STEP / steepness
    count = math.ceil(_REACH / step)
    t = step * np.arange(-count, count + 1, dtype=np.float64)
    length, rest = _lengths(alpha, beta)
    share, other = np.log1p(np.exp(-np.abs(t))), np.log1p(np.exp(-np.abs(t))) + np.abs(t)
    log_phi = math.log(length) - np.where(t > 0, share, other)
    log_psi = math.log(length) - np.where(t > 0, other, share)
    with np.errstate(all="ignore"):
        logv, v = _zolotarev(alpha, beta, np.exp(log_phi), np.exp(log_psi), rest)
        ordered = np.maximum.accumulate(logv if alpha > 1.0 else logv[::-1])
        logv = ordered if alpha > 1.0 else ordered[::-1]
        v = np.clip(v, 1e-300, 1e300)
    logw = log_phi + log_psi - math.log(length) + math.log(step)
    return _Grid(alpha, beta, t, logv, v, logw, np.exp(logw))


def _zolotarev(
    alpha: float, beta: float, phi: FloatArray, psi: FloatArray, rest: float
) -> tuple[FloatArray, FloatArray]:
    """log V, and V where it is in the range of doubles."""
    sin_phi = _sin(phi, rest + psi)
    if alpha == 1.0:  # beta > 0
        q = 0.5 * math.pi * (1.0 - beta) + beta * psi
        cot = np.where(phi < psi, 1.0 / np.tan(phi), -1.0 / np.tan(psi))
        logv = np.log(2.0 / math.pi * q / sin_phi) + q * cot / beta
        return logv, np.exp(logv)
    if alpha > 1.0:
        gap = _sum_of_arctangents(alpha, beta)  # pi - alpha L
        whole = gap + (alpha - 1.0) * phi  # pi - (alpha psi + phi)
    else:
        gap = (1.0 - alpha) * math.pi + alpha * rest
        whole = rest + (1.0 - alpha) * psi
    sin_alpha_psi = _sin(alpha * psi, gap + alpha * phi)
    sin_whole = _sin(alpha * psi + phi, whole)
    log_cos = -0.5 * math.log1p((beta * tangent(alpha)) ** 2)
    ratio = sin_phi / sin_alpha_psi
    power = alpha / (alpha - 1.0)
    logv = power * (log_cos / alpha + np.log(ratio)) + np.log(sin_whole / sin_phi)
    v = (math.exp(log_cos / alpha) * ratio) ** power * (sin_whole / sin_phi)
    return logv, v


def tangent(alpha: float) -> float:
    """tan(pi alpha / 2), by arguments that are not rounded near alpha = 1 and alpha = 2."""
    if alpha > 1.5:
        return -math.tan(0.5 * math.pi * (2.0 - alpha))
    if alpha < 0.5:
        return math.tan(0.5 * math.pi * alpha)
    return -1.0 / math.tan(0.5 * math.pi * (alpha - 1.0))


# --------------------------------------------------------- where that form is slow or not resolved
def _sine(alpha: float) -> float:
    """sin(pi alpha / 2), to relative accuracy near alpha = 2."""
    return math.sin(0.5 * math.pi * min(alpha, 2.0 - alpha))


def _exponent(alpha: float, beta: float, s: FloatArray) -> FloatArray:
    """log of |E exp(itX)| at t = -is, less what a shift of X by beta tan(pi alpha / 2) does."""
    if alpha == 1.0:
        return -2.0 / math.pi * beta * s * np.log(s)
    near = math.log(_sine(alpha))
    shifted = beta * tangent(alpha) * s * np.expm1((alpha - 1.0) * np.log(s) + near)
    return np.asarray(shifted - s**alpha * math.cos(0.5 * math.pi * alpha))


def _is_far(alpha: float, beta: float, x: FloatArray) -> Any:
    """Where the integral of `_far` holds to rounding; ``x`` is the point in S0."""
    if beta <= -1.0 or alpha < 0.5:
        return np.zeros(x.shape, dtype=bool)
    k = (1.0 + beta) * _sine(alpha)
    positive = np.maximum(x, 3.0)
    far = (x > 3.0) & (_exponent(alpha, beta, 60.0 / positive) <= 6.0)
    return far & (k * (4.0 / positive) ** alpha <= 1.5)


def _far(alpha: float, beta: float, x: FloatArray, what: str) -> FloatArray:
    """The inversion integral of the characteristic function along -i times the half line.

    It is int exp(-x s) exp(exponent(s)) sin(k s^alpha) ds / s, a Laplace transform, whose terms
    are positive where they are not tiny. Up to s = 60 / x it is the same for all alpha, near 1 too.
    """
    k = (1.0 + beta) * _sine(alpha)
    h = 0.2
    u = np.exp(h * np.arange(math.floor(-_DECAY / alpha / h), math.ceil(math.log(60.0) / h) + 1))
    weight = h * u**alpha * np.exp(-u) * (u if what == "density" else 1.0)
    found = np.empty(x.size)
    rows = max(1, _BLOCK // u.size)
    for start in range(0, x.size, rows):
        s = np.maximum(u / x[start : start + rows, None], 1e-300)
        angle = k * s**alpha
        sinc = np.where(angle > 1e-8, np.sin(angle) / np.maximum(angle, 1e-300), 1.0)
        found[start : start + rows] = (np.exp(_exponent(alpha, beta, s)) * sinc) @ weight
    power = alpha + 1.0 if what == "density" else alpha
    return np.asarray(np.log(found) + math.log(k) - _LOG_PI - power * np.log(x))


@functools.lru_cache(maxsize=8)
def _fourier(alpha: float, beta: float) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Nodes on the half line, weights times |characteristic function|, and its phase in S0."""
    nodes, weights = np.polynomial.legendre.leggauss(16)
    ends = np.concatenate([[0.0], 2.0 ** np.arange(-60.0, 0.0), np.arange(1.0, 46.0)])
    half = 0.5 * np.diff(ends)
    t = (0.5 * (ends[1:] + ends[:-1])[:, None] + half[:, None] * nodes).ravel()
    weight = (half[:, None] * weights).ravel() * np.exp(-(t**alpha))
    if alpha == 1.0:
        return t, weight, beta * 2.0 / math.pi * t * np.log(t)
    return t, weight, -beta * tangent(alpha) * t * np.expm1((alpha - 1.0) * np.log(t))


def _central(alpha: float, beta: float, x: FloatArray, what: str) -> FloatArray:
    """Near the centre of laws of alpha about 1: the inversion integral along the real axis."""
    t, weight, phase = _fourier(alpha, beta)
    angle = x[:, None] * t + phase
    if what == "density":
        return np.asarray(np.log(np.cos(angle) @ weight) - _LOG_PI)
    mass = np.sin(angle) @ (weight / t) / math.pi
    return np.asarray(np.log(0.5 - mass if what == "upper" else 0.5 + mass))
