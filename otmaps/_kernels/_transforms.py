"""Sums of independent inputs by inversion of their moment generating function, in logarithms.

With K(z) = log E exp(z Y) on a strip about Re z = 0, and any c > 0 of it,

    P(Y > y) = 1 / (2 pi i) * integral of exp(K(z) - z y) / z along c + i R

(Lugannani and Rice 1980); the lower tail with -z and c < 0, the density without the 1 / z. The line
passes the saddle point of the integrand and bends there as the path of steepest descent does,

    z(t) = c + b s (cosh t - 1) + i s sinh t,  |b| <= 1

(less, where entire transforms grow to both sides): so nothing cancels, and the trapezoidal rule in
t converges geometrically, also where singular points are near (Trefethen and Weideman 2014,
sections 5 and 15). Points whose saddles are near one another share a line.
"""

from __future__ import annotations

import cmath
import math
from typing import TypeAlias

import numpy as np
import numpy.typing as npt
from scipy import special

from otmaps._kernels._policy import jit

FloatArray: TypeAlias = npt.NDArray[np.float64]
IntArray: TypeAlias = npt.NDArray[np.int64]

NORMAL, GAMMA, LAPLACE, LOGISTIC, GUMBEL, UNIFORM, ARCSINE = range(7)
KIND, SCALE, SHAPE, LOG_WEIGHT, SHIFT = range(5)  # columns of a row
CENTRED, LOWER, UPPER = range(3)  # from where bounded inputs count: their middle or an end
STEP, NUDGE, SHARE, CUT, MOST, WIDTH = range(6)  # of a plan

_ETA = 0.02  # of the distance to the nearest singular point, for derivatives by differences
_QUIET = 4  # negligible nodes in a row that end a sum
_MOST_STEPS = 200  # of Newton's method; a start next to the saddle takes three
_LARGEST = 1e295
_ROUGH = 0.1  # standard deviations that the saddle may be off
_SPLIT = 134217729.0
# (zeta(k) - 1) / k for k = 2, 3, ...: Abramowitz and Stegun 6.1.33
_ZETA = special.zetac(np.arange(2.0, 46.0)) / np.arange(2.0, 46.0)
_NOT_EULER = 1.0 - np.euler_gamma
# B_2k / (2 k (2 k - 1)): Abramowitz and Stegun 6.1.41
_STIRLING = np.array(
    [1 / 12, -1 / 360, 1 / 1260, -1 / 1680, 1 / 1188, -691 / 360360, 1 / 156, -3617 / 122400]
)
_HALF_LOG_2PI = 0.5 * math.log(2.0 * math.pi)


@jit
def _log_mean_decay(v):  # type: ignore[no-untyped-def]
    """log((1 - exp(-2 v)) / (2 v)) for Re v >= 0: a uniform input on [0, 2]."""
    q = 2.0 * v
    if abs(q) >= 1.0:
        return cmath.log((1.0 - cmath.exp(-q)) / q)
    total = 1.0 + 0.0 * q
    for k in range(18, 0, -1):
        total = 1.0 - q * total / (k + 1.0)
    return cmath.log(total)


@jit
def _log_bessel(v):  # type: ignore[no-untyped-def]
    """log I_0(v) - v for Re v >= 0: an arcsine input on [0, 2]."""
    if v.imag < 0.0:
        return _log_bessel_above(v.conjugate()).conjugate()
    return _log_bessel_above(v)


@jit
def _log_bessel_above(v):  # type: ignore[no-untyped-def]
    size = abs(v)
    if size < 2.0:
        square, term, total = 0.25 * v * v, 1.0 + 0.0 * v, 1.0 + 0.0 * v
        for k in range(1, 18):
            term = term * square / (k * k)
            total += term
        return cmath.log(total) - v
    if size < 25.0:  # Miller's recurrence; exp(v) = I_0 + 2 (I_1 + I_2 + ...)
        twice = 2.0 / v
        above, value, total = 0.0 * v, 1e-200 + 0.0 * v, 1e-200 + 0.0 * v
        for k in range(int(1.3 * size) + 27, 0, -1):
            above, value = value, above + k * twice * value
            total += value
        return cmath.log(value / (2.0 * total - value))
    inverse = 0.125 / v
    term, plain, signed = 1.0 + 0.0 * v, 1.0 + 0.0 * v, 1.0 + 0.0 * v
    # Abramowitz and Stegun 9.7.1, with the term that is small for Re v > 0.
    for k in range(1, 26 if size < 60.0 else 14):
        term = term * ((2.0 * k - 1.0) ** 2 / k) * inverse
        plain += term
        signed += term if k % 2 == 0 else -term
    if v.real < 25.0:
        plain += complex(0.0, 1.0) * cmath.exp(-2.0 * v) * signed
    return cmath.log(plain) - 0.5 * cmath.log(2.0 * math.pi * v)


@jit
def _log_logistic(v):  # type: ignore[no-untyped-def]
    """log(pi v / sin(pi v)), for Re v >= 0."""
    mirrored = v.imag < 0.0
    if mirrored:
        v = v.conjugate()
    p = math.pi * v
    # sin(pi v) = sin(pi (1 - v)): next to the pole the difference is exact.
    q = p if v.real <= 0.5 else math.pi * (1.0 - v).conjugate()
    if q.imag < 1.0:
        sine = cmath.sin(q)
        out = cmath.log(p / (sine if v.real <= 0.5 else sine.conjugate())) if sine != 0.0 else p
    else:
        i = complex(0.0, 1.0)
        log_sine = -i * q + cmath.log(0.5 * i * (1.0 - cmath.exp(2.0 * i * q)))
        out = cmath.log(p) - (log_sine if v.real <= 0.5 else log_sine.conjugate())
    return out.conjugate() if mirrored else out


@jit
def _log_gamma(v):  # type: ignore[no-untyped-def]
    """log Gamma(1 - v), but for multiples of 2 pi i; reflected far to the right."""
    if v.real > 9.0:
        return _log_logistic(v) - _log_gamma_left(-v)
    return _log_gamma_left(v)


@jit
def _log_gamma_left(v):  # type: ignore[no-untyped-def]
    if abs(v) < 0.7:
        total = 0.0 * v
        for k in range(_ZETA.size - 1, -1, -1):
            total = total * v + _ZETA[k]
        return total * v * v - _NOT_EULER * v - cmath.log(1.0 - v)
    w = 1.0 - v
    product, logs = 1.0 + 0.0 * v, 0.0 * v
    while w.real < 9.0 and (w.real < 0.0 or abs(w) < 12.0):
        product *= w
        if abs(product) > 1e100:
            logs += cmath.log(product)
            product = 1.0 + 0.0 * v
        w += 1.0
    inverse = 1.0 / w
    square, series = inverse * inverse, 0.0 * v
    for k in range(_STIRLING.size - 1, -1, -1):
        series = series * square + _STIRLING[k]
    main = (w - 0.5) * cmath.log(w) - w + _HALF_LOG_2PI + series * inverse
    return main - logs - cmath.log(product)


@jit
def _part(z, row, reference):  # type: ignore[no-untyped-def]
    """The cumulant function of one law of one input, without its location."""
    kind, v = int(row[KIND]), row[SCALE] * z
    if kind == NORMAL:
        return 0.5 * v * v
    if kind == GAMMA:
        return -row[SHAPE] * cmath.log(1.0 - v)
    if kind == LAPLACE:
        return -cmath.log((1.0 - v) * (1.0 + v))
    if kind == GUMBEL:
        return _log_gamma(v)
    right = v.real >= 0.0
    if not right:
        v = -v
    if kind == LOGISTIC:
        return _log_logistic(v)
    out = _log_mean_decay(v) if kind == UNIFORM else _log_bessel(v)
    if reference == CENTRED:
        return out + v
    return out if right == (reference == UPPER) else out + 2.0 * v


@jit
def _factor(z, rows, begin, end, reference):  # type: ignore[no-untyped-def]
    """The cumulant function of one input: a law, or a mixture of some."""
    if end == begin + 1:
        return _part(z, rows[begin], reference)
    top = -np.inf
    for i in range(begin, end):
        value = _part(z, rows[i], reference) + rows[i, SHIFT] * z + rows[i, LOG_WEIGHT]
        top = max(top, value.real)
    total = 0.0 * z
    for i in range(begin, end):
        value = _part(z, rows[i], reference) + rows[i, SHIFT] * z + rows[i, LOG_WEIGHT]
        total += cmath.exp(value - top)
    return cmath.log(total) + top


@jit
def cumulant(z, rows, starts, counts, reference):  # type: ignore[no-untyped-def]
    """K(z), but for multiples of 2 pi i, and what rounding lost of the sum's real part."""
    total, lost = 0.0 * z, 0.0
    for j in range(counts.size):
        value = counts[j] * _factor(z, rows, starts[j], starts[j + 1], reference)
        old = total.real
        total += value
        back = total.real - old
        lost += (old - (total.real - back)) + (value.real - back)
    return total, lost


@jit
def _slopes(m, side, limit, rows, starts, counts, reference):  # type: ignore[no-untyped-def]
    """K(c) and what rounding lost of it, d, and roughly d K' and d^2 K'', at c = side * m.

    d is the distance to what is singular. The imaginary part of so short a step is small: multiples
    of 2 pi do not enter.
    """
    d = min(m, limit - m)
    here, lost = cumulant(complex(side * m, 0.0), rows, starts, counts, reference)
    ahead = cumulant(complex(side * m, _ETA * d), rows, starts, counts, reference)[0]
    bend = max(2.0 * (here.real - ahead.real) / (_ETA * _ETA), 1e-12)
    return here.real, lost, d, ahead.imag / _ETA, bend


@jit
def _saddle(y, m, side, limit, rows, starts, counts, reference):  # type: ignore[no-untyped-def]
    """m > 0 that nearly minimises K(side m) - side m y - log m, d, and the width in m over d."""
    low, high, growth, width = 0.0, limit, 5.0, 1.0
    for _ in range(_MOST_STEPS):
        _, _, d, first, bend = _slopes(m, side, limit, rows, starts, counts, reference)
        slope = side * (first - d * y) - d / m
        curve = bend + (d / m) ** 2
        width = 1.0 / math.sqrt(curve)
        if abs(slope) * width < _ROUGH:
            break
        if slope < 0.0:
            low = m
        else:
            high = m
        ahead = 0.7 * d if limit < np.inf else 0.9 * d
        step = min(max(-slope / curve * d, -0.7 * d), ahead)
        if limit < np.inf or -0.7 * d < step < ahead:
            m += step
        elif low > 0.0 and high < np.inf:
            m = math.sqrt(low) * math.sqrt(high)
        else:  # the saddle may be hundreds of powers of ten away
            m = min(m * growth, _LARGEST) if slope < 0.0 else m / growth
            growth = min(growth * growth, 1e60)
    return m, min(m, limit - m), width


@jit
def _short(m):  # type: ignore[no-untyped-def]
    """m to 24 bits, so that its products with 26 bits are exact."""
    mantissa, exponent = math.frexp(m)
    return math.ldexp(math.floor(mantissa * 16777216.0) / 16777216.0, exponent)


@jit
def _add_nodes(y, path, base, inputs, cut, most, tail, density):  # type: ignore[no-untyped-def]
    """Add the nodes along a path, relative to the saddle, at all points y; their number."""
    (c, s, h, slant, most_bent), (rows, starts, counts, reference) = path, inputs
    quiet, k = 0, 0
    while quiet < _QUIET and k < most:
        k += 1
        sine, cosine = math.sinh(k * h), math.cosh(k * h)
        bent = slant * (cosine - 1.0)
        slowed = 1.0 / (1.0 + abs(bent) / most_bent)
        shift = complex(bent * slowed, sine)
        moved = s * shift
        rise = cumulant(c + moved, rows, starts, counts, reference)[0] - base
        speed = complex(cosine, -slant * sine * slowed * slowed)
        ratio = 1.0 / (1.0 + shift * (s / c))
        largest = 0.0
        for j in range(y.size):
            value = cmath.exp(rise - moved * y[j]) * speed
            largest = max(largest, abs(value))
            density[j] += value.real
            tail[j] += (value * ratio).real
        quiet = quiet + 1 if largest < cut else 0
        if not largest < np.inf:
            break
    return k


@jit
def invert(
    points: FloatArray,
    side: float,
    limit: float,
    start: float,
    rows: FloatArray,
    starts: IntArray,
    counts: FloatArray,
    reference: int,
    plan: FloatArray,
    out: FloatArray,
) -> int:
    """Logs of the tail and of the density (columns of ``out``); the number of nodes of all lines.

    ``points`` are unevaluated sums, in an order in which they come nearer to the end of the tail on
    the given side (-1 or 1); ``start`` is a guess of the first saddle, and ``limit`` where the
    strip ends on that side.
    """
    most = points.shape[0]
    tail, density, used = np.empty(most), np.empty(most), 0
    # Entire transforms grow to both sides: the path stays steep and on its side of the axis.
    entire = (rows[:, KIND] >= UNIFORM).any() or (rows[:, KIND] == NORMAL).any()
    farthest, most_slant = (0.9, 0.5) if entire else (np.inf, 1.0)
    m, begin = start, 0
    while begin < most:
        y = points[begin, 0]
        centre, d, width = _saddle(y, m, side, limit, rows, starts, counts, reference)
        reach = plan[WIDTH] / (d * width)
        m = _short(centre + min(plan[NUDGE] * width, 0.3) * d)
        base, lost, d, first, bend = _slopes(m, side, limit, rows, starts, counts, reference)
        ahead = cumulant(complex(side * m, 2.0 * _ETA * d), rows, starts, counts, reference)[0]
        third = 2.0 * (first - 0.5 * ahead.imag / _ETA) / (_ETA * _ETA)
        end = begin + 1
        while end < most and abs(points[end, 0] - y) < reach:
            end += 1
        tail[begin:end] = 0.5
        density[begin:end] = 0.5
        s = plan[SHARE] * min(m, 1.2 * (limit - m))
        slant = min(max(s / d * third / (3.0 * bend), -most_slant), most_slant)
        h = min(plan[STEP], 4.5 * plan[STEP] * d / (math.sqrt(bend) * s))
        path = (side * m, s, h, slant, farthest * m / s)
        near, inputs = points[begin:end, 0], (rows, starts, counts, reference)
        used += _add_nodes(
            near, path, base, inputs, plan[CUT], plan[MOST], tail[begin:end], density[begin:end]
        )
        for j in range(begin, end):
            big = _SPLIT * points[j, 0]
            head = big - (big - points[j, 0])
            rest = (points[j, 0] - head) + points[j, 1]
            common = (base - side * m * head) + (lost - side * m * rest)
            common += math.log(h / math.pi * (s / m))
            out[j, 0] = common + np.log(tail[j])
            out[j, 1] = common + np.log(density[j]) + math.log(m)
        m, begin = centre, end
    return used
