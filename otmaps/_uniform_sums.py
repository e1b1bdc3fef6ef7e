"""The law of a weighted sum of independent uniform variables, exact in both tails.

The density of ``sum a_i T_i`` with T_i uniform on [0, 1] is a spline: a polynomial of degree n - 1
between the subset sums of the widths a_i; `otmaps._splines` builds it without cancellation, where
inclusion-exclusion (2^n alternating terms) loses all of the tails. The ends of the support are
kept as sums of two doubles: near an end the law is a power of the distance from it, and no double
need hold the end of a sum.
"""

from __future__ import annotations

import dataclasses
import functools
import math
from collections.abc import Iterable, Sequence
from fractions import Fraction
from typing import Any, final

import numpy as np

from otmaps._arrays import FloatArray, real_scalar, weight_vector
from otmaps._contours import ContourSum
from otmaps._distribution import Affine, Distribution
from otmaps._kernels import _splines as kernels
from otmaps._splines import (
    Logarithms,
    Spline,
    Table,
    direct_tables,
    grids,
    log_tables,
    uniform_density,
)

Pair = tuple[float, float]  # an unevaluated sum

_MOST_TERMS = 1000
_MOST_SPLINE_TERMS = 128
_LOG_LEAST = 300.0 * math.log(10.0)  # of the relative errors that are stated
_MOST_DIRECT = 12  # terms up to which a cell holds the polynomial itself
_MOST_PIECES = 2048
_MERGE = 2e-15
_NEGLIGIBLE = 1e-300  # a narrower term, relative to the widest, is a shift
_MOST_BREAKPOINTS = 64
_NORMAL = 2.0**-1000  # above, the product with a power of two is exact


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
    ends : pair of pairs of float, optional
        The lower and the upper end of the support, each as a sum of two doubles, where the numbers
        above are rounded; left out, they follow from these exactly.

    Raises
    ------
    ValueError
        For widths that are not positive, and for more terms or pieces than can be computed in
        closed form; `uniform_sum_refusal` tells beforehand.

    Notes
    -----
    Up to 12 terms the pieces of the spline are evaluated as they are; more terms, up to 1000, are
    found by inversion of their transform where that is smooth enough, and kept as logarithms.
    `error`, `tail_error` and `density_error` are bounds in measured rounding, with a margin of two
    or more over what exact rational arithmetic showed.
    """

    centre: float
    widths: tuple[float, ...]
    ends: tuple[Pair, Pair] = ((math.nan, 0.0), (math.nan, 0.0))

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
        if math.isnan(self.ends[0][0]):
            object.__setattr__(self, "ends", _ends(self.centre, widths))

    @functools.cached_property
    def _unit(self) -> float:
        """A power of two above the widest width."""
        return _unit(self.widths)

    @functools.cached_property
    def _terms(self) -> tuple[float, ...]:
        """The widths in units of the table, ascending."""
        return _scaled(self.widths)

    @functools.cached_property
    def _half(self) -> float:
        """Half of the support, in units of the table."""
        return 0.5 * math.fsum(self._terms)

    @functools.cached_property
    def _frame(self) -> kernels.Frame:
        (low, low_rest), (high, high_rest) = self.ends
        return self.centre, low, low_rest, high, high_rest, 1.0 / self._unit

    @functools.cached_property
    def _knots(self) -> FloatArray:
        *_, knots = grids(self._terms)
        return knots[: int(np.searchsorted(knots, self._half, side="left")) + 1]

    @functools.cached_property
    def _corners(self) -> tuple[float, float]:
        """The logarithms of cdf and density at the end of the first piece."""
        n, a = len(self._terms), self._terms[0]
        log_cdf = n * math.log(a) - math.lgamma(n + 1.0)
        log_cdf -= math.fsum(math.log(w) for w in self._terms)
        return log_cdf, log_cdf + math.log(n) - math.log(a)

    @functools.cached_property
    def _tables(self) -> tuple[Table, Table]:
        """The tables of the cdf and of the density, from the lower end to the centre."""
        return self._tables_and_gap[0]

    @functools.cached_property
    def _tables_and_gap(self) -> tuple[tuple[Table, Table], float]:
        n = len(self._terms)
        if _served_by_contour(self._terms):
            contour = ContourSum(self._terms)
            function: Logarithms = contour.logarithms
            pieces = contour.cells
        else:
            density = uniform_density(self._terms).up_to(self._half)
            splines = density.integral(), density
            if n <= _MOST_DIRECT:
                cdf, pdf = direct_tables(splines)
                return (cdf, pdf), 0.0
            function = _logarithms_of(*splines)
            pieces = density.knots[1:]
        log_cdf, log_pdf = self._corners
        corners = (float(n), log_cdf), (n - 1.0, log_pdf)
        (cdf, pdf), gap = log_tables(function, corners, pieces, _gap_allowed(n), _LOG_LEAST)
        return (cdf, pdf), gap

    def _support(self) -> tuple[float, float]:
        (low, low_rest), (high, high_rest) = self.ends
        return (
            low if low_rest >= 0.0 else math.nextafter(low, -math.inf),
            high if high_rest <= 0.0 else math.nextafter(high, math.inf),
        )

    def _breakpoints(self) -> tuple[float, ...]:
        knots = _thinned(self._knots, self._half / _MOST_BREAKPOINTS)
        rise = self._unit * knots[(knots > 0.0) & (knots < self._half * (1.0 - _MERGE))]
        central = abs(self._knots[-1] - self._half) <= _MERGE * self._half
        middle = [self.centre] if central else []
        left, right = self._from_low(rise).tolist(), self._from_high(rise).tolist()
        return tuple(sorted({*self._support(), *left, *middle, *right}))

    def _from_low(self, rise: FloatArray) -> FloatArray:
        low, rest = self.ends[0]
        return low + (rest + rise)

    def _from_high(self, rise: FloatArray) -> FloatArray:
        high, rest = self.ends[1]
        return high + (rest - rise)

    def _error(self) -> float:
        return (
            4e-16 * (len(self._terms) + 2) if self._direct else 2.0 * _gap_allowed(len(self._terms))
        )

    def _tail_error(self) -> float:
        if self._direct:
            return 5e-16 * (len(self._terms) + 4)
        # Twice what the table misses, and the rounding of the logarithms it is made from.
        return 2.0 * self._tables_and_gap[1] + 2e-14 + 3e-16 * _LOG_LEAST

    @property
    def density_error(self) -> float:
        """A bound on the relative error of the density between breakpoints, down to 1e-300."""
        return self._tail_error()

    @property
    def _direct(self) -> bool:
        """Whether the cells hold the polynomials themselves, not their logarithms."""
        return len(self._terms) <= _MOST_DIRECT and not _served_by_contour(self._terms)

    def _symmetry(self) -> float | None:
        return self.centre

    def _recipe(self) -> dict[str, Any] | None:
        widths = [w.hex() for w in self.widths]
        recipe = {"law": "UniformSum", "centre": self.centre.hex(), "widths": widths}
        if self.ends != _ends(self.centre, self.widths):
            recipe["ends"] = [x.hex() for end in self.ends for x in end]
        return recipe

    def _masses(self, x: FloatArray, lower: bool) -> FloatArray:
        out, table = np.empty_like(x), self._tables[0]
        kernels.masses(x, out, self._frame, table.arrays, table.shape, lower)
        return out

    def _log_masses(self, x: FloatArray, lower: bool) -> FloatArray:
        out, table = np.empty_like(x), self._tables[0]
        kernels.log_masses(x, out, self._frame, table.arrays, table.shape, lower)
        return out

    def _cdf(self, x: FloatArray) -> FloatArray:
        return self._masses(x, lower=True)

    def _sf(self, x: FloatArray) -> FloatArray:
        return self._masses(x, lower=False)

    def _logcdf(self, x: FloatArray) -> FloatArray:
        return self._log_masses(x, lower=True)

    def _logsf(self, x: FloatArray) -> FloatArray:
        return self._log_masses(x, lower=False)

    def _pdf(self, x: FloatArray) -> FloatArray:
        out, table = np.empty_like(x), self._tables[1]
        kernels.densities(x, out, self._frame, table.arrays, table.shape)
        return out

    def _logpdf(self, x: FloatArray) -> FloatArray:
        out, table = np.empty_like(x), self._tables[1]
        kernels.log_densities(x, out, self._frame, table.arrays, table.shape)
        return out - math.log(self._unit)

    def _rise(self, p: FloatArray, logp: FloatArray) -> FloatArray:
        """The distance from the end below which a probability lies."""
        out, table = np.empty_like(p), self._tables[0]
        kernels.quantiles(p, logp, out, table.starts, table.arrays, table.shape)
        return self._unit * out

    def _ppf(self, p: FloatArray) -> FloatArray:
        return self._from_low(self._rise(p, np.log(p)))

    def _isf(self, q: FloatArray) -> FloatArray:
        return self._from_high(self._rise(q, np.log(q)))

    def _ilogcdf(self, logp: FloatArray) -> FloatArray:
        return self._from_low(self._rise(np.zeros_like(logp), logp))

    def _ilogsf(self, logq: FloatArray) -> FloatArray:
        return self._from_high(self._rise(np.zeros_like(logq), logq))

    def _mean(self) -> float:
        return self.centre

    def _std(self) -> float:
        return math.hypot(*self.widths) / math.sqrt(12.0)

    def _affine(self, scale: float, shift: float) -> Distribution:
        law = uniform_sum(shift, [(scale, self)])
        return Affine(self, scale, shift) if isinstance(law, str) else law


def uniform_sum(offset: float, terms: Sequence[tuple[float, Distribution]]) -> UniformSum | str:
    """The law of ``offset`` and weighted uniform laws, with ends that suffer no rounding.

    Parameters
    ----------
    offset : float
        What is added to the sum.
    terms : sequence of pairs
        Weight and law: `Uniform`, or any other with one width, or `UniformSum`.

    Returns
    -------
    UniformSum or str
        The law, or why there is none.
    """
    widths: list[float] = []
    lows, highs = [offset], [offset]
    for weight, law in terms:
        if isinstance(law, UniformSum):
            low, high = law.ends
            widths += (abs(weight) * w for w in law.widths)
        else:
            (a, b), low, high = law.support(), (law.support()[0], 0.0), (law.support()[1], 0.0)
            widths.append(float(abs(Fraction(weight)) * (Fraction(b) - Fraction(a))))
        first, last = (low, high) if weight > 0 else (high, low)
        lows += _products(weight, first)
        highs += _products(weight, last)
    if reason := uniform_sum_refusal(tuple(widths)):
        return reason
    ends = _pair(lows), _pair(highs)
    centre = _pair([*(0.5 * e for e in ends[0]), *(0.5 * e for e in ends[1])])[0]
    return UniformSum(centre, tuple(widths), ends)


@functools.lru_cache(maxsize=256)
def uniform_sum_refusal(widths: tuple[float, ...]) -> str | None:
    """Why a sum of uniform variables of these widths has no `UniformSum`; None where it has one."""
    if len(widths) > _MOST_TERMS:
        return f"it has {len(widths)} terms, more than {_MOST_TERMS}"
    terms = _scaled(widths)
    if _served_by_contour(terms) or not _many_pieces(terms):
        return None
    reason = f"its {len(widths)} widths have more than {_MOST_PIECES} different partial sums"
    return f"{reason}, and {ContourSum(terms).refusal()}"


def _many_pieces(terms: tuple[float, ...]) -> bool:
    if len(terms) > _MOST_SPLINE_TERMS:
        return True
    return any(knots.size > _MOST_PIECES for knots in grids(terms))


def few_pieces(widths: tuple[float, ...], most: int) -> bool:
    """Whether the density of the sum has at most this many pieces, or is found without them."""
    terms = _scaled(widths)
    return _served_by_contour(terms) or all(knots.size <= most + 1 for knots in grids(terms))


@functools.lru_cache(maxsize=256)
def _served_by_contour(terms: tuple[float, ...]) -> bool:
    """Whether a sum of many terms is smooth enough to be found by inversion of its transform."""
    n = len(terms)
    if n < _MOST_DIRECT or (n == _MOST_DIRECT and not _many_pieces(terms)):
        return False
    return ContourSum(terms).refusal() is None


def _gap_allowed(n: int) -> float:
    return 1.5e-14 + 1e-15 * math.sqrt(n)


def _logarithms_of(cdf: Spline, pdf: Spline) -> Logarithms:
    return lambda y: (cdf.logarithms(y), pdf.logarithms(y))


def _pair(parts: Iterable[float]) -> Pair:
    """The sum of numbers, as the nearest double and the rest of it."""
    parts = list(parts)
    total = math.fsum(parts)
    return total, math.fsum([*parts, -total])


def _products(weight: float, pair: Pair) -> list[float]:
    """Doubles that add up to weight times the sum of the pair."""
    out = []
    for x in pair:
        product = weight * x
        out.append(product)
        if x and (abs(math.frexp(weight)[0]) != 0.5 or abs(product) < _NORMAL):
            out.append(float(Fraction(weight) * Fraction(x) - Fraction(product)))
    return out


def _ends(centre: float, widths: tuple[float, ...]) -> tuple[Pair, Pair]:
    halves = [0.5 * w for w in widths]
    return _pair([centre, *(-h for h in halves)]), _pair([centre, *halves])


def _unit(widths: tuple[float, ...]) -> float:
    return math.ldexp(1.0, math.frexp(max(widths))[1])


def _scaled(widths: tuple[float, ...]) -> tuple[float, ...]:
    unit = _unit(widths)
    terms = (w / unit for w in widths)
    return tuple(sorted(a for a in terms if a >= _NEGLIGIBLE))


def _thinned(knots: FloatArray, gap: float) -> FloatArray:
    """The knots, or where they are many one of each cluster."""
    if knots.size <= _MOST_BREAKPOINTS // 2:
        return knots
    kept = [knots[0]]
    for knot in knots[1:]:
        if knot - kept[-1] >= 2.0 * gap:
            kept.append(knot)
    return np.array(kept)
