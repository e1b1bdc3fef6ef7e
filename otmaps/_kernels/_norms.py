"""The density of the norm of a combination of two independent isotropic vectors, by quadrature.

With radii R1 and R2, the angle w between the vectors, and weights p and q that may depend on w, the
squared norm is N^2 = p^2 R1^2 + q^2 R2^2 + 2 p q R1 R2 cos w, which is 4 p q R1 R2 times
cosh(u/2)^2 cos(w/2)^2 + sinh(u/2)^2 sin(w/2)^2. In the variables u = log(p R1 / (q R2)) and
cos w = tanh v, in which w has the density sech(v)^(d - 1) / B(1/2, (d - 1)/2), log N is log R1 plus
a function of u and v, so that its density is the double integral of g1 g2 over u and v, where g1
and g2 are the densities of the logarithms of both radii. All terms are positive: tails keep their
relative accuracy.

A radius is handed over as the logarithm of the density of its logarithm, on pieces:
``pieces`` has for each a row of its ends, the number of cells by length, and the first cell;
``cells`` has the coefficients in the position in the cell, from -1 to 1; ``ends`` the slopes and
the values below and above, and the ends of the law; ``marks`` the points that no interval of u
passes, the ends of the law among them. The density goes on beyond these, so that the rounding of
the points at which an interval ends does no harm; intervals outside are left out.
"""

from __future__ import annotations

import math
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from otmaps._kernels._policy import fma, jit, part

FloatArray: TypeAlias = npt.NDArray[np.float64]
Radius: TypeAlias = tuple[FloatArray, FloatArray, FloatArray, FloatArray]

LOW, HIGH, RATE, FIRST = range(4)
TERMS = 8
_NODES = 16
_WIDE = 110.0  # of the logarithm of a ratio of radii: beyond there is nothing to see
_DEEP = 50.0  # an interval so much lower, in logarithms, than the highest is left out
_FAR = 400.0  # the same for local maxima
_NOTHING = -1e300  # log of 0 is less
_BELIEVED = 1e-3  # of an integral that is not yet resolved
_MOST = 400  # intervals of one integral
_WAITING = 512

_X, _W = np.polynomial.legendre.leggauss(_NODES)
_VANDER = np.polynomial.legendre.legvander(_X, _NODES - 1)
# Rows that give the Legendre coefficients of the three highest degrees from the nodes.
_TO_SERIES = (_VANDER * _W[:, None] * (np.arange(_NODES) + 0.5)).T
_HIGHEST = np.ascontiguousarray(_TO_SERIES[-3:])
# Both ends, from just inside, and what the series says there: a peak may hide next to an end.
_NEAR_END = 1.0 - 1e-12
_PLACES = np.append(_X, [-_NEAR_END, _NEAR_END])
_AT_ENDS = np.ascontiguousarray([(-1.0) ** np.arange(_NODES) @ _TO_SERIES, _TO_SERIES.sum(axis=0)])
_LAYER = 0.01  # the share of half an interval between an end and the first node


@part
def _log_density(y, pieces, cells, ends):  # type: ignore[no-untyped-def]
    last = pieces.shape[0] - 1
    if y < pieces[0, LOW]:
        return ends[2] + ends[0] * (y - pieces[0, LOW])
    if y > pieces[last, HIGH]:
        return ends[3] + ends[1] * (y - pieces[last, HIGH])
    row = 0
    while row < last and y > pieces[row, HIGH]:
        row += 1
    place = (y - pieces[row, LOW]) * pieces[row, RATE]
    most = (pieces[row, HIGH] - pieces[row, LOW]) * pieces[row, RATE] - 0.5
    cell = math.floor(min(place, most))
    s = 2.0 * (place - cell) - 1.0
    index = np.uint64(cell + pieces[row, FIRST])
    value = cells[index, TERMS - 1]
    for k in range(TERMS - 1):
        value = fma(value, s, cells[index, TERMS - 2 - k])
    return value


@part
def _integrand(u, level, geometry, rows, cells, ends, rows2, cells2, ends2):  # type: ignore[no-untyped-def]
    log_p, log_q, near = geometry[0], geometry[1], geometry[2]
    # cosh^2 = 1 + sinh^2, and cos(w/2)^2 + sin(w/2)^2 = 1
    side = math.sinh(0.5 * u)
    size = level - 0.5 * math.log(4.0 * (near + side * side))
    value = _log_density(size - log_p + 0.5 * u, rows, cells, ends)
    return value + _log_density(size - log_q - 0.5 * u, rows2, cells2, ends2)


@part
def _is_outside(u, level, geometry, first, second):  # type: ignore[no-untyped-def]
    """Whether one of the radii is beyond an end of its law."""
    side = math.sinh(0.5 * u)
    size = level - 0.5 * math.log(4.0 * (geometry[2] + side * side))
    y, z = size - geometry[0] + 0.5 * u, size - geometry[1] - 0.5 * u
    return y < first[2][4] or y > first[2][5] or z < second[2][4] or z > second[2][5]


@part
def _add_cuts(cuts, count, marks, level, cosine, sine, sign):  # type: ignore[no-untyped-def]
    """The u at which one of the radii, times its weight, is at a mark: by the law of cosines."""
    for k in range(marks.size):
        b = marks[k] - level
        x = math.exp(min(b, 300.0))
        if x * sine >= 1.0:
            continue
        root, along = math.sqrt((1.0 - x * sine) * (1.0 + x * sine)), x * cosine
        sum_ = root + abs(along)
        other = (1.0 - x) * (1.0 + x) / sum_
        for r in (sum_, other) if along <= 0.0 else (other, -1.0):
            value = r if along > 0.0 or r == sum_ else -r
            if value > 0.0:
                u = sign * (b - math.log(value))
                if abs(u) < _WIDE:
                    cuts[count] = u
                    count += 1
    return count


@jit
def _cuts_of(cuts, level, geometry, marks, others):  # type: ignore[no-untyped-def]
    """Where intervals of u end, increasing; and how many of them there are."""
    cosine, sine = geometry[4], geometry[5]
    cuts[0], cuts[1], cuts[2], count = -_WIDE, 0.0, _WIDE, 3
    count = _add_cuts(cuts, count, marks, level - geometry[0], cosine, sine, 1.0)
    count = _add_cuts(cuts, count, others, level - geometry[1], cosine, sine, -1.0)
    ridge = 2.0 * math.sqrt(geometry[2] / geometry[3])  # of nearly opposite vectors of one size
    while ridge < 0.5 and count < cuts.size - 2:
        cuts[count], cuts[count + 1] = -ridge, ridge
        count += 2
        ridge *= 8.0
    cuts[:count].sort()
    return count


@jit
def _chosen(edges, middles, count, waiting, least):  # type: ignore[no-untyped-def]
    """Put the intervals that may count on the stack, the most promising last; and how many.

    Those are the ones near the top, and next to a local maximum that is not out of sight: between
    two middles the integrand may be far higher.
    """
    last, size, place = count - 1, 0, 0
    best = np.max(middles[:count])
    for k in range(count):
        counts = False
        for j in range(max(k - 1, 0), min(k + 2, count)):
            own = middles[j]
            peak = own >= middles[max(j - 1, 0)] and own >= middles[min(j + 1, last)]
            counts = counts or own > best - (_FAR if peak else _DEEP)
        if counts and edges[k + 1] > edges[k] and middles[k] >= least:
            if middles[k] == best:
                place = size
            waiting[size, 0], waiting[size, 1] = edges[k], edges[k + 1]
            size += 1
    for column in range(2 if size else 0):
        kept = waiting[place, column]
        waiting[place, column] = waiting[size - 1, column]
        waiting[size - 1, column] = kept
    return size


@part
def _gauss(logs, top):  # type: ignore[no-untyped-def]
    """Gauss's sum of values over [-1, 1], relative to exp(top), and how far it is from resolved.

    That is the size of the three highest coefficients, or what a layer next to an end may hold that
    the values there tell of and the series does not.
    """
    total, defect = 0.0, 0.0
    for k in range(_NODES + 2):
        logs[k] = math.exp(logs[k] - top)
    for k in range(_NODES):
        total += _W[k] * logs[k]
    for row in range(3):
        coefficient = 0.0
        for k in range(_NODES):
            coefficient += _HIGHEST[row, k] * logs[k]
        defect = max(defect, abs(coefficient))
    for row in range(2):
        value = 0.0
        for k in range(_NODES):
            value += _AT_ENDS[row, k] * logs[k]
        defect = max(defect, _LAYER * abs(value - logs[_NODES + row]))
    return total, defect


@jit
def _over_ratio(level, geometry, first, second, work, resolved):  # type: ignore[no-untyped-def]
    """The logarithm of the integral over u at one angle."""
    cuts, middles, waiting = work
    rows, cells, ends, _ = first
    rows2, cells2, ends2, _ = second
    count = _cuts_of(cuts, level, geometry, first[3], second[3])
    for k in range(count - 1):
        middle = 0.5 * (cuts[k] + cuts[k + 1])
        middles[k] = _integrand(middle, level, geometry, rows, cells, ends, rows2, cells2, ends2)
        if _is_outside(middle, level, geometry, first, second):
            middles[k] = -np.inf
    top = np.max(middles[: count - 1])
    if top == -np.inf:
        return top
    size = _chosen(cuts, middles, count - 1, waiting, _NOTHING)
    total, seen, done = 0.0, 0.0, 0
    values = np.empty(_NODES + 2)
    while size > 0:
        size -= 1
        low, high = waiting[size, 0], waiting[size, 1]
        middle, half = 0.5 * (low + high), 0.5 * (high - low)
        highest = top
        for k in range(_NODES + 2):
            values[k] = _integrand(
                middle + half * _PLACES[k], level, geometry, rows, cells, ends, rows2, cells2, ends2
            )
            highest = max(highest, values[k])
        shrunk = math.exp(top - highest)
        total, seen, top = total * shrunk, seen * shrunk, highest
        part_, defect = _gauss(values, top)
        part_ *= half
        done += 1
        seen = max(seen, _BELIEVED * part_)
        fine = defect * half <= resolved * max(total + part_, seen) or half < 1e-14 * abs(middle)
        if fine or done > _MOST or size + 2 > _WAITING:
            total += part_
        else:
            waiting[size, 0], waiting[size, 1] = low, middle
            waiting[size + 1, 0], waiting[size + 1, 1] = middle, high
            size += 2
    # Far off the bulk a peak may be too narrow for any node: there is nothing that counts.
    return top + math.log(total) if total > 0.0 else -np.inf


@jit
def _at_angle(v, level, form, numbers, first, second, work, resolved):  # type: ignore[no-untyped-def]
    """The logarithm of the integrand of v; the geometry of one angle is made here."""
    geometry = np.empty(6)
    p, q = numbers[0], numbers[1]
    cosine, sine = math.tanh(v), 1.0 / math.cosh(v)
    if form == 1:  # along the great circle, at the time p
        w = 2.0 * math.atan(math.exp(-v))
        p, q = math.sin((1.0 - numbers[0]) * w) / sine, math.sin(numbers[0] * w) / sine
    near, far = 1.0 / (1.0 + math.exp(-2.0 * v)), 1.0 / (1.0 + math.exp(2.0 * v))
    if p * q < 0.0:
        cosine, near, far = -cosine, far, near
    geometry[0] = math.log(max(abs(p), 1e-300))
    geometry[1] = math.log(max(abs(q), 1e-300))
    geometry[2], geometry[3] = near, far
    geometry[4], geometry[5] = cosine, sine
    log_cosh = abs(v) + math.log1p(math.exp(-2.0 * abs(v))) - math.log(2.0)
    weight = -numbers[2] * log_cosh - numbers[3]
    return weight + _over_ratio(level, geometry, first, second, work, resolved)


@jit
def log_densities(
    levels: FloatArray,
    form: int,
    numbers: FloatArray,
    first: Radius,
    second: Radius,
    edges: FloatArray,
    resolved: float,
    out: FloatArray,
) -> None:
    """The logarithm of the density of log N.

    Parameters
    ----------
    levels : ndarray
        Of log N.
    form : int
        0 for fixed weights, 1 for those of slerp.
    numbers : ndarray
        The weights p and q, or the time of slerp and 0; d - 1; the logarithm of B(1/2, (d - 1)/2).
    first, second : tuple
        The radii, as above.
    edges : ndarray
        Where the intervals of v end, at first.
    resolved : float
        How small the highest Legendre coefficients must be relative to the integral.
    out : ndarray
    """
    most = 2 * (first[3].size + second[3].size) + 128
    work = np.empty(most), np.empty(most), np.empty((_WAITING + most, 2))
    waiting = np.empty((_WAITING + edges.size, 2))
    count = edges.size - 1
    logs, values = np.empty(count), np.empty(_NODES + 2)
    for i in range(levels.size):
        level = levels[i]
        for k in range(count):
            middle = 0.5 * (edges[k] + edges[k + 1])
            logs[k] = _at_angle(middle, level, form, numbers, first, second, work, resolved)
        top = np.max(logs)
        if top == -np.inf:
            out[i] = top
            continue
        size = _chosen(edges, logs, count, waiting, -np.inf)
        total, seen, done = 0.0, 0.0, 0
        while size > 0:
            size -= 1
            low, high = waiting[size, 0], waiting[size, 1]
            middle, half = 0.5 * (low + high), 0.5 * (high - low)
            highest = top
            for k in range(_NODES + 2):
                v = middle + half * _PLACES[k]
                values[k] = _at_angle(v, level, form, numbers, first, second, work, resolved)
                highest = max(highest, values[k])
            shrunk = math.exp(top - highest)
            total, seen, top = total * shrunk, seen * shrunk, highest
            part_, defect = _gauss(values, top)
            part_ *= half
            done += 1
            seen = max(seen, _BELIEVED * part_)
            fine = defect * half <= resolved * max(total + part_, seen) or half < 1e-12
            if fine or done > _MOST or size + 2 > _WAITING:
                total += part_
            else:
                waiting[size, 0], waiting[size, 1] = low, middle
                waiting[size + 1, 0], waiting[size + 1, 1] = middle, high
                size += 2
        out[i] = top + math.log(total) if total > 0.0 else -np.inf
