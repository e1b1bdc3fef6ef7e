"""The law of a weighted sum of independent uniform variables, exact in both tails.

The density of ``sum a_i T_i`` with T_i uniform on [0, 1] is a spline: a polynomial of degree n - 1
between the subset sums of the widths a_i. It is built here width by width, in ascending order,

    f_new(y) = 1/a * integral of f over [y - a, y],

with every polynomial in the Bernstein basis of its own piece. The coefficients are positive, and
subdivision (de Casteljau 1959), integration and the moving window above only add positive numbers,
so nothing cancels and tails keep their relative accuracy, where inclusion-exclusion (2^n
alternating terms) loses all of it. Ascending order keeps each piece within the next width,
so that the window of a piece splits in three integrals of positive functions.
"""

from __future__ import annotations

import dataclasses
import functools
import math
from typing import Any, NamedTuple, final

import numpy as np
from scipy import special

from otmaps._arrays import FloatArray, real_scalar, weight_vector
from otmaps._distribution import Distribution
from otmaps._inversion import invert_monotone

_MOST_TERMS = 128  # beyond, the coefficients of the first pieces leave the range of doubles
_MOST_PIECES = 2048
_MERGE = 2e-15  # breakpoints closer than this, relative to their distance from the end, are one
_NEGLIGIBLE = 1e-300  # a narrower term, relative to the widest, is a shift
_MOST_BREAKPOINTS = 64
_CHUNK = 2**14


class _Spline(NamedTuple):
    """Polynomials of one degree on neighbouring pieces, in the Bernstein basis of each."""

    knots: FloatArray  # (pieces + 1,)
    coefficients: FloatArray  # (pieces, degree + 1)

    @property
    def widths(self) -> FloatArray:
        return np.asarray(np.diff(self.knots))

    @property
    def masses(self) -> FloatArray:
        """The integral over each piece."""
        return np.asarray(self.widths * self.coefficients.mean(axis=1))


@final
@dataclasses.dataclass(frozen=True)
class UniformSum(Distribution):
    """The law of ``centre + sum(widths[i] * (U_i - 1/2))`` with U_i uniform on [0, 1].

    Parameters
    ----------
    centre : float
        Mean, median and centre of symmetry.
    widths : sequence of float
        The lengths of the intervals, positive, at least two; their order does not matter.

    Raises
    ------
    ValueError
        For widths that are not positive, and for more terms or pieces than can be computed in
        closed form; `uniform_sum_refusal` tells beforehand.

    Notes
    -----
    `error` and `tail_error` bound accumulated rounding: a few n ulp, measured against exact
    rational arithmetic.
    """

    centre: float
    widths: tuple[float, ...]

    def __post_init__(self) -> None:
        widths = tuple(sorted(weight_vector(self.widths, "widths")))
        if widths[0] <= 0.0:
            raise ValueError(f"widths must be positive, got {widths[0]}.")
        if len(widths) < 2:
            raise ValueError("widths has one entry: that law is otmaps.Uniform(low, high).")
        if reason := uniform_sum_refusal(widths):
            raise ValueError(f"no closed form for this sum: {reason}.")
        object.__setattr__(self, "centre", real_scalar(self.centre, "centre"))
        object.__setattr__(self, "widths", widths)

    @functools.cached_property
    def _unit(self) -> float:
        return self.widths[-1]

    @functools.cached_property
    def _terms(self) -> tuple[float, ...]:
        """The widths in units of the widest."""
        return _scaled(self.widths)

    @functools.cached_property
    def _half(self) -> float:
        return 0.5 * math.fsum(self.widths)

    @functools.cached_property
    def _spline(self) -> _Spline:
        return functools.reduce(_widen, self._terms[1:], _box(self._terms[0]))

    @functools.cached_property
    def _lower_density(self) -> _Spline:
        """The density from the lower end to the centre, in units of the widest width."""
        knots, b = self._spline
        pieces = int(np.searchsorted(knots, self._half / self._unit, side="left"))
        return _Spline(knots[: pieces + 1], b[:pieces])

    @functools.cached_property
    def _lower_cdf(self) -> _Spline:
        """The cdf from the lower end to the centre."""
        knots, b = self._lower_density
        below = np.concatenate([[0.0], np.cumsum(self._lower_density.masses)[:-1]])
        step = (np.diff(knots) / b.shape[1])[:, None]
        return _Spline(knots, below[:, None] + step * _running(b))

    @functools.cached_property
    def _log_corner(self) -> float:
        """log of n! times the product of the terms: on the first piece F(y) = y^n / that."""
        n = len(self._terms)
        return math.lgamma(n + 1.0) + math.fsum(math.log(a) for a in self._terms)

    def _support(self) -> tuple[float, float]:
        return self.centre - self._half, self.centre + self._half

    def _breakpoints(self) -> tuple[float, ...]:
        low, high = self._support()
        span = self._half / self._unit
        knots = _thinned(self._lower_density.knots, span / _MOST_BREAKPOINTS)
        rise = self._unit * knots[knots < span * (1.0 - _MERGE)]
        central = abs(self._lower_density.knots[-1] - span) <= _MERGE * span
        middle = [self.centre] if central else []
        return tuple(sorted({*(low + rise).tolist(), *middle, *(high - rise).tolist()}))

    def _error(self) -> float:
        return 4e-16 * (len(self._terms) + 2)

    def _tail_error(self) -> float:
        return 4e-15 * (len(self._terms) + 2)

    def _symmetry(self) -> float | None:
        return self.centre

    def _recipe(self) -> dict[str, Any] | None:
        widths = [w.hex() for w in self.widths]
        return {"law": "UniformSum", "centre": self.centre.hex(), "widths": widths}

    def _cdf(self, x: FloatArray) -> FloatArray:
        y, mirrored = self._from_end(x)
        tail = _evaluate(self._lower_cdf, y)
        return np.where(mirrored, 1.0 - tail, tail)

    def _sf(self, x: FloatArray) -> FloatArray:
        y, mirrored = self._from_end(x)
        tail = _evaluate(self._lower_cdf, y)
        return np.where(mirrored, tail, 1.0 - tail)

    def _pdf(self, x: FloatArray) -> FloatArray:
        return _evaluate(self._lower_density, self._from_end(x)[0]) / self._unit

    def _logpdf(self, x: FloatArray) -> FloatArray:
        y, n = self._from_end(x)[0], len(self._terms)
        corner = math.log(n) + special.xlogy(n - 1.0, y) - self._log_corner
        inner = np.log(_evaluate(self._lower_density, y))
        return np.where(y <= self._terms[0], corner, inner) - math.log(self._unit)

    def _logcdf(self, x: FloatArray) -> FloatArray:
        y, mirrored = self._from_end(x)
        tail = self._log_tail(y)
        return np.where(mirrored, np.log1p(-np.exp(tail)), tail)

    def _logsf(self, x: FloatArray) -> FloatArray:
        y, mirrored = self._from_end(x)
        tail = self._log_tail(y)
        return np.where(mirrored, tail, np.log1p(-np.exp(tail)))

    def _ppf(self, p: FloatArray) -> FloatArray:
        return self._ilogcdf(np.log(p))

    def _isf(self, q: FloatArray) -> FloatArray:
        return self._ilogsf(np.log(q))

    def _ilogcdf(self, logp: FloatArray) -> FloatArray:
        return self._support()[0] + self._unit * self._quantile_from_end(logp)

    def _ilogsf(self, logq: FloatArray) -> FloatArray:
        return self._support()[1] - self._unit * self._quantile_from_end(logq)

    def _from_end(self, x: FloatArray) -> tuple[FloatArray, Any]:
        """The distance to the nearer end, in units of the widest width, and which end it is."""
        low, high = self._support()
        mirrored = x > self.centre
        return np.where(mirrored, high - x, x - low) / self._unit, mirrored

    def _log_tail(self, y: FloatArray) -> FloatArray:
        corner = len(self._terms) * np.log(y) - self._log_corner
        return np.where(y <= self._terms[0], corner, np.log(_evaluate(self._lower_cdf, y)))

    def _quantile_from_end(self, logp: FloatArray) -> FloatArray:
        rise = np.exp((logp + self._log_corner) / len(self._terms))
        inner = rise > self._terms[0]
        if inner.any():

            def slope(y: FloatArray) -> FloatArray:
                return np.exp(np.log(_evaluate(self._lower_density, y)) - self._log_tail(y))

            ends = (0.0, self._half / self._unit)
            rise[inner] = invert_monotone(self._log_tail, slope, logp[inner], ends, increasing=True)
        return rise

    def _mean(self) -> float:
        return self.centre

    def _std(self) -> float:
        return math.hypot(*self.widths) / math.sqrt(12.0)

    def _affine(self, scale: float, shift: float) -> Distribution:
        return UniformSum(scale * self.centre + shift, tuple(abs(scale) * w for w in self.widths))


def uniform_sum_refusal(widths: tuple[float, ...]) -> str | None:
    """Why a sum of uniform variables of these widths has no `UniformSum`; None where it has one."""
    if len(widths) > _MOST_TERMS:
        return f"it has {len(widths)} terms, more than {_MOST_TERMS}"
    terms = _scaled(widths)
    knots = np.array([0.0, terms[0]])
    for a in terms[1:]:
        knots = _merged(np.concatenate([knots, knots + a]))[0]
        if knots.size > _MOST_PIECES:
            return f"its {len(widths)} widths have more than {_MOST_PIECES} different partial sums"
    return None


def _scaled(widths: tuple[float, ...]) -> tuple[float, ...]:
    terms = (w / max(widths) for w in widths)
    return tuple(sorted(a for a in terms if a >= _NEGLIGIBLE))


def _box(a: float) -> _Spline:
    return _Spline(np.array([0.0, a]), np.array([[1.0 / a]]))


def _merged(points: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Distinct sorted points, and for each given point the one it became."""
    order = np.argsort(points, kind="stable")
    ascending = points[order]
    fresh = np.concatenate([[True], np.diff(ascending) > _MERGE * ascending[1:]])
    grid = ascending[fresh]
    became = np.empty_like(points)
    became[order] = grid[np.cumsum(fresh) - 1]
    return grid, became


def _thinned(knots: FloatArray, gap: float) -> FloatArray:
    """The knots, or where they are many one of each cluster."""
    if knots.size <= _MOST_BREAKPOINTS // 2:
        return knots
    kept = [knots[0]]
    for knot in knots[1:]:
        if knot - kept[-1] >= 2.0 * gap:
            kept.append(knot)
    return np.array(kept)


def _running(b: FloatArray) -> FloatArray:
    """Sums of the first 0, 1, ... coefficients: the integral from the left, but for a factor."""
    return np.concatenate([np.zeros((len(b), 1)), np.cumsum(b, axis=1)], axis=1)


def _widen(spline: _Spline, a: float) -> _Spline:
    """The density after one more uniform term of width ``a``, no less than those before."""
    old, b = spline
    pieces, order = b.shape
    grid, became = _merged(np.concatenate([old, old + a]))
    here, shifted = became[: pieces + 1], became[pieces + 1 :]
    u, v = grid[:-1], grid[1:]
    # The old piece under [u, v], and the one under [u - a, v - a]; -1 and ``pieces``: outside.
    right = np.searchsorted(here, u, side="right") - 1
    left = np.searchsorted(shifted, u, side="right") - 1
    out = np.zeros((u.size, order + 1))
    held = np.flatnonzero(right < pieces)
    part, size = _part(spline, here, right[held], u[held], v[held])
    out[held] += (size / order)[:, None] * _running(part)
    held = np.flatnonzero(left >= 0)
    part, size = _part(spline, shifted, left[held], u[held], v[held])
    out[held] += (size / order)[:, None] * _running(part[:, ::-1])[:, ::-1]
    out += _between(spline, (here, shifted), (left, right), u, v)[:, None]
    return _Spline(grid, out / a)


def _between(
    spline: _Spline, copies: tuple[FloatArray, FloatArray], under: Any, u: FloatArray, v: FloatArray
) -> FloatArray:
    """The integral of the old density from v - a to u: what every window of the piece holds."""
    (here, shifted), (left, right) = copies, under
    pieces = len(spline.coefficients)
    total = np.zeros(u.size)
    apart = left < right
    bounds = np.stack([left + 1, right], axis=1)
    several = np.flatnonzero(left + 1 < right)
    if several.size:
        whole = np.concatenate([spline.masses, [0.0]])
        total[several] = np.add.reduceat(whole, bounds[several].ravel())[::2]
    held = np.flatnonzero(apart & (left >= 0) & (v < shifted[left + 1]))
    j = left[held]
    part, size = _part(spline, shifted, j, v[held], shifted[j + 1])
    total[held] += size * part.mean(axis=1)
    held = np.flatnonzero(apart & (right < pieces) & (here[right] < u))
    j = right[held]
    part, size = _part(spline, here, j, here[j], u[held])
    total[held] += size * part.mean(axis=1)
    same = np.flatnonzero(~apart)
    j = left[same]
    start = (v[same] - shifted[j]) / (shifted[j + 1] - shifted[j])
    stop = np.maximum((u[same] - here[j]) / (here[j + 1] - here[j]), start)
    zero, one = np.zeros_like(start), np.ones_like(start)
    part = _restricted(spline.coefficients[j], zero, start, stop, one)
    total[same] += spline.widths[j] * (stop - start) * part.mean(axis=1)
    return total


def _part(
    spline: _Spline, copy: FloatArray, j: Any, start: FloatArray, stop: FloatArray
) -> tuple[FloatArray, FloatArray]:
    """Coefficients on [start, stop] within piece j of a (shifted) copy, and the length of it."""
    p, q = copy[j], copy[j + 1]
    coefficients = _restricted(spline.coefficients[j], p, start, stop, q)
    return coefficients, spline.widths[j] * (stop - start) / (q - p)


def _restricted(
    b: FloatArray, p: FloatArray, u: FloatArray, v: FloatArray, q: FloatArray
) -> FloatArray:
    """Bernstein coefficients on [u, v] of polynomials given on [p, q]: two cuts of de Casteljau."""
    out = b.copy()
    some = v > p
    out[~some] = b[~some, :1]
    rows = np.flatnonzero(some & (v < q))
    out[rows] = _cut(out[rows], v[rows] - p[rows], q[rows] - v[rows])
    rows = np.flatnonzero(some & (u > p))
    out[rows] = _cut(out[rows, ::-1], v[rows] - u[rows], u[rows] - p[rows])[:, ::-1]
    return out


def _cut(b: FloatArray, first: FloatArray, rest: FloatArray) -> FloatArray:
    """Coefficients on the first part of intervals cut in two of these lengths."""
    if not len(b):  # equal widths need no cut at all
        return b
    t, s = (first / (first + rest))[:, None], (rest / (first + rest))[:, None]
    out = np.empty_like(b)
    level = b
    for i in range(b.shape[1]):
        out[:, i] = level[:, 0]
        level = s * level[:, :-1] + t * level[:, 1:]
    return out


def _evaluate(spline: _Spline, y: FloatArray) -> FloatArray:
    """Values at points between the first and the last knot, by sums of positive terms."""
    if y.size > _CHUNK:  # bounded memory for the gathered coefficients
        return np.concatenate(
            [_evaluate(spline, part) for part in np.array_split(y, -(-y.size // _CHUNK))]
        )
    knots, b = spline
    j = np.clip(np.searchsorted(knots, y, side="right") - 1, 0, len(b) - 1)
    span = knots[j + 1] - knots[j]
    t = np.clip((y - knots[j]) / span, 0.0, 1.0)
    rest = np.clip((knots[j + 1] - y) / span, 0.0, 1.0)
    degree = b.shape[1] - 1
    weighted = b * special.comb(degree, np.arange(degree + 1))
    near = t <= 0.5
    small, large = np.where(near, t, rest), np.where(near, rest, t)
    ratio = small / large
    index = np.arange(degree + 1)
    value = np.zeros_like(y)
    for k in index[::-1]:  # Horner in t / (1 - t), or from the other end in its inverse
        value = value * ratio + weighted[j, np.where(near, k, degree - k)]
    return np.asarray(value * large**degree)
