"""The lower tail and the density of a sum of two independent variables, by adaptive quadrature.

P(A + B <= y) = integral of F_A(y - z) f_B(z) dz, and the density is that of f_A(y - z) f_B(z).
Every term is positive, so nothing cancels and relative accuracy holds at any depth of a tail.

A law is handed over as a pair of arrays, piece by piece in increasing order; `otmaps._pieces` makes
them and says what the columns hold. The last piece is what lies above the law: there F is 1.
Positions are distances d from the anchor of a piece, so that a point next to an end of the support
or to a kink keeps all its digits wherever the anchor lies.
"""

from __future__ import annotations

import math
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from otmaps._kernels._policy import fma, jit, part

FloatArray: TypeAlias = npt.NDArray[np.float64]
Law: TypeAlias = tuple[FloatArray, FloatArray, int]

(
    ANCHOR,  # where distances are measured from: a kink, an end of the support, some point
    ANCHOR_LOW,  # what the rounding of the anchor lost
    SIGN,  # 0: the variable s is d itself; +1, -1: s = log(SIGN * d)
    LOW,  # d at the lower end
    HIGH,  # d at the upper end
    MIDDLE,  # the series are in t = (s - MIDDLE) * INVERSE
    INVERSE,
    UPPER,  # 0: the tail series is log F; 1: it is log(1 - F)
    MOST_CDF,  # log F at the upper end
    MOST_DENSITY,  # largest log density
    MASS,  # log probability
    NEAREST,  # s at the end near the anchor
) = range(12)
DENSITY, TAIL = 0, 1
TERMS = 16
NODES = 16

_RATIO = 4.0  # of distances to a singular point: up to here the plain variable will do
_DEPTH = 200  # intervals that wait at once
_CHOSEN = 2  # pairs taken first for each integral, the most promising
_MOST = 5000  # intervals of one point: only noise asks for more
_DOUBT = 25.0  # how far, in logarithms, a guess from one point may exceed an integral
_BETWEEN = 0.05  # between the nodes a function may be higher than at them, by a share of its range
_FEW = 1e-15

_X, _W = np.polynomial.legendre.leggauss(NODES)
_VANDER = np.polynomial.legendre.legvander(_X, NODES - 1)
# Rows that give the Legendre coefficients of the three highest degrees from the nodes.
_HIGHEST = np.ascontiguousarray((_VANDER * _W[:, None] * (np.arange(NODES) + 0.5)).T[-3:])


_LOG2E = 1.0 / math.log(2.0)
_LN2_HIGH, _LN2_LOW = 6.93147180369123816490e-01, 1.90821492927058770002e-10  # their sum is log 2
_ROUND = 6755399441055744.0  # 1.5 * 2^52: adding it leaves the nearest integer in the low bits
_BIAS, _MANTISSA = np.int64(1023), np.int64(52)
_ROOT_HALF = np.int64(0x3FE6A09E667F3BCD)  # the bits of sqrt(1/2)
_EXP = [1.0 / math.factorial(n) for n in range(13)]
_E2, _E3, _E4, _E5, _E6, _E7, _E8, _E9, _E10, _E11, _E12 = _EXP[2:]
_L0, _L1, _L2, _L3, _L4, _L5, _L6, _L7, _L8, _L9 = (2.0 / (2 * n + 3) for n in range(10))
_TINY = 2.3e-308


@part
def _exponentials(x, bits, out):  # type: ignore[no-untyped-def]
    """exp of NODES numbers below 1, in instructions that the compiler turns into vectors.

    Numbers below -700 count as that. ``bits`` are the bits of x, which is overwritten.
    """
    for k in range(NODES):
        v = max(x[k], -700.0)
        s = fma(v, _LOG2E, _ROUND)
        whole = s - _ROUND
        r = fma(whole, -_LN2_LOW, fma(whole, -_LN2_HIGH, v))
        p = fma(r, _E12, _E11)
        p = fma(r, p, _E10)
        p = fma(r, p, _E9)
        p = fma(r, p, _E8)
        p = fma(r, p, _E7)
        p = fma(r, p, _E6)
        p = fma(r, p, _E5)
        p = fma(r, p, _E4)
        p = fma(r, p, _E3)
        p = fma(r, p, _E2)
        p = fma(r, p, 1.0)
        out[k] = fma(r, p, 1.0)
        x[k] = s
    for k in range(NODES):
        bits[k] = (bits[k] + _BIAS) << _MANTISSA
    for k in range(NODES):
        out[k] *= x[k]


@part
def _logs(x, bits, out):  # type: ignore[no-untyped-def]
    """log of NODES positive normal numbers, as `_exponentials`; x is overwritten."""
    for k in range(NODES):
        exponent = (bits[k] - _ROOT_HALF) >> _MANTISSA
        out[k] = np.float64(exponent)
        bits[k] -= exponent << _MANTISSA
    for k in range(NODES):
        f = x[k] - 1.0  # x is between the roots of 1/2 and of 2 now
        s = f / (2.0 + f)
        z = s * s
        p = fma(z, _L9, _L8)
        p = fma(z, p, _L7)
        p = fma(z, p, _L6)
        p = fma(z, p, _L5)
        p = fma(z, p, _L4)
        p = fma(z, p, _L3)
        p = fma(z, p, _L2)
        p = fma(z, p, _L1)
        p = fma(z, p, _L0)
        # log(1 + f) = 2 s + s z p, and 2 s = f - s f
        out[k] = fma(out[k], _LN2_HIGH, f - (s * (f - z * p) - out[k] * _LN2_LOW))


@part
def _distance(yh, yl, yd, a, i, b, j):  # type: ignore[no-untyped-def]
    """y - anchor of A - anchor of B, where y = yh + yl + yd, without rounding but the last."""
    ah, bh = a[i, ANCHOR], b[j, ANCHOR]
    s = yh - ah
    back = s - yh
    error = (yh - (s - back)) - (ah + back)
    t = s - bh
    back = t - s
    error += (s - (t - back)) - (bh + back)
    return t + (error + (yl - a[i, ANCHOR_LOW] - b[j, ANCHOR_LOW])) + yd


@part
def _ratio(low, high, sign):  # type: ignore[no-untyped-def]
    """The ratio of the distances of both ends from a singular point; 1 if there is none."""
    if sign == 0.0:
        return 1.0
    near, far = min(abs(low), abs(high)), max(abs(low), abs(high))
    return far / near if near > 0.0 else math.inf


@part
def _at(d, rows, c, series, which):  # type: ignore[no-untyped-def]
    """A function of piece c at distance d from its anchor."""
    s = d if rows[c, SIGN] == 0.0 else math.log(max(rows[c, SIGN] * d, 5e-324))
    t = (s - rows[c, MIDDLE]) * rows[c, INVERSE]
    u = t * t
    even, odd = series[c, which, TERMS - 2], series[c, which, TERMS - 1]
    for m in range(TERMS - 4, -1, -2):
        even = fma(even, u, series[c, which, m])
        odd = fma(odd, u, series[c, which, m + 1])
    return fma(odd, t, even)


@part
def _polynomials(t, series, c, which, out):  # type: ignore[no-untyped-def]
    """A function of piece c at NODES points: the coefficients stay in registers."""
    c_0, c_1, c_2, c_3 = (
        series[c, which, 0], series[c, which, 1], series[c, which, 2], series[c, which, 3]
    )  # fmt: skip
    c_4, c_5, c_6, c_7 = (
        series[c, which, 4], series[c, which, 5], series[c, which, 6], series[c, which, 7]
    )  # fmt: skip
    c_8, c_9, c_10, c_11 = (
        series[c, which, 8], series[c, which, 9], series[c, which, 10], series[c, which, 11]
    )  # fmt: skip
    c_12, c_13, c_14, c_15 = (
        series[c, which, 12], series[c, which, 13], series[c, which, 14], series[c, which, 15]
    )  # fmt: skip
    for k in range(NODES):
        u = t[k] * t[k]
        even = fma(fma(c_14, u, c_12), u, c_10)
        odd = fma(fma(c_15, u, c_13), u, c_11)
        even = fma(fma(even, u, c_8), u, c_6)
        odd = fma(fma(odd, u, c_9), u, c_7)
        even = fma(fma(even, u, c_4), u, c_2)
        odd = fma(fma(odd, u, c_5), u, c_3)
        out[k] = fma(fma(odd, u, c_1), t[k], fma(even, u, c_0))


@part
def _log_total(offset, total):  # type: ignore[no-untyped-def]
    return offset + math.log(total) if total > 0.0 else -math.inf


@jit
def tails_of_sum(  # noqa: C901, PLR0912, PLR0915 - one loop nest: calls would cost more than the work
    points: FloatArray, a_law: Law, b_law: Law, cut: float, resolved: float, out: FloatArray
) -> None:
    """The logarithms of P(A + B <= y) and of the density, for each y = points[:, 0:3].sum().

    Parameters
    ----------
    points : ndarray, shape (n, 3)
        Each y as an unevaluated sum, the last term of which is the distance from a sum of anchors.
    a_law, b_law : tuple of ndarray
        Rows (pieces, 12) and series (pieces, 2, 16), see the columns above, and the first piece
        at which F is 1 to all digits.
    cut : float
        What is exp(-cut) of the whole is left out.
    resolved : float
        The square of the highest Legendre coefficients of an interval, times its share of the
        whole, stays below the square of that.
    out : ndarray, shape (n, 2)
        log P and log density.
    """
    a, a_series, cap = a_law
    b, b_series, _ = b_law
    most = a.shape[0] + b.shape[0] + 2
    pairs = np.empty((most, 9))  # D, range in B, range in A, bounds and guesses of both integrals
    which = np.empty((most, 2), np.int64)
    waiting = np.empty((_DEPTH + 4, 6))
    nodes, work = np.empty(NODES), np.empty(NODES)
    bits = work.view(np.int64)
    at_a, at_b = np.empty(NODES), np.empty(NODES)
    t_a, t_b = np.empty(NODES), np.empty(NODES)
    first, second, upper = np.empty(NODES), np.empty(NODES), np.empty(NODES)
    for n in range(points.shape[0]):
        yh, yl, yd = points[n, 0], points[n, 1], points[n, 2]
        # ---------------------------------- where F_A is 1: all of B below gives that much
        offset_1, total_1, offset_2, total_2 = -math.inf, 0.0, -math.inf, 0.0
        log_1, log_2 = -math.inf, -math.inf
        for j in range(b.shape[0]):
            there = _distance(yh, yl, yd, a, cap, b, j) - a[cap, LOW]
            if there <= b[j, LOW]:
                break
            if there <= b[j, HIGH]:
                level = _at(there, b, j, b_series, TAIL)
                log_1 = math.log1p(-math.exp(level)) if b[j, UPPER] != 0.0 else level
                offset_1, total_1 = log_1, 1.0
                break
        # ------------------------------------------- the pairs of pieces that y joins, with bounds
        count = 0
        guess_1, guess_2 = -math.inf, -math.inf
        i, j = a.shape[0] - 2, 0
        # Where a piece of one law ends, the range in the other goes on from the same number: two
        # roundings of it would leave a gap.
        carry_a, carry_b = math.inf, -math.inf
        while i >= 0 and j < b.shape[0] - 1:
            d = _distance(yh, yl, yd, a, i, b, j)
            start_b = carry_b if carry_b > -math.inf else d - a[i, HIGH]
            stop_a = carry_a if carry_a < math.inf else d - b[j, LOW]
            low_b, high_b = max(b[j, LOW], start_b), min(b[j, HIGH], d - a[i, LOW])
            low_a, high_a = max(a[i, LOW], d - b[j, HIGH]), min(a[i, HIGH], stop_a)
            if (high_b > low_b or high_a > low_a) and b[j, MASS] > -math.inf:
                if max(abs(low_a), abs(high_a)) < max(abs(low_b), abs(high_b)):
                    here = 0.5 * (low_a + high_a)
                    there = d - here
                    width = high_a - low_a
                else:
                    there = 0.5 * (low_b + high_b)
                    here = d - there
                    width = high_b - low_b
                pairs[count, 0] = d
                pairs[count, 1], pairs[count, 2] = low_b, high_b
                pairs[count, 3], pairs[count, 4] = low_a, high_a
                pairs[count, 5] = -math.inf
                if i < cap:
                    pairs[count, 5] = a[i, MOST_CDF] + b[j, MASS]
                pairs[count, 6] = min(
                    a[i, MOST_DENSITY] + b[j, MASS], b[j, MOST_DENSITY] + a[i, MASS]
                )
                level = _at(there, b, j, b_series, DENSITY) + math.log(width)
                pairs[count, 7] = level
                if a[i, UPPER] == 0.0:
                    pairs[count, 7] += _at(here, a, i, a_series, TAIL)
                pairs[count, 8] = level + _at(here, a, i, a_series, DENSITY)
                guess_1 = max(guess_1, min(pairs[count, 5], pairs[count, 7]))
                guess_2 = max(guess_2, min(pairs[count, 6], pairs[count, 8]))
                which[count, 0], which[count, 1] = i, j
                count += 1
            carry_a, carry_b = math.inf, -math.inf
            if (d - a[i, LOW]) - b[j, HIGH] > 0.0:
                carry_a = d - b[j, HIGH]
                j += 1
            else:
                carry_b = d - a[i, LOW]
                i -= 1
        # -------------------------------------------------- integrate, the most promising first
        turn, at, spent = 0, 0, 0
        while True:
            q, bound = -1, -math.inf
            if turn < 2 * _CHOSEN:
                key = 7 if turn < _CHOSEN else 8
                for c in range(count):
                    if pairs[c, key] > bound:
                        q, bound = c, pairs[c, key]
                turn += 1
                if q < 0:
                    continue
            else:  # by now both integrals are known well enough to tell what drops out
                if at == count:
                    break
                q = at
                at += 1
            least_1 = max(log_1, guess_1 - _DOUBT) - cut
            least_2 = max(log_2, guess_2 - _DOUBT) - cut
            if not (
                (pairs[q, 5] >= least_1 and pairs[q, 5] > -math.inf)
                or (pairs[q, 6] >= least_2 and pairs[q, 6] > -math.inf)
            ):
                continue
            capped = which[q, 0] >= cap
            for c in range(5, 9):  # done
                pairs[q, c] = -math.inf
            d = pairs[q, 0]
            i, j = which[q, 0], which[q, 1]
            sign_a, sign_b = a[i, SIGN], b[j, SIGN]
            # An interval waits as: its range in B and in A (state 0), or the range of the variable
            # in which it is integrated (state 1: d of A, 2: d of B, 3: s of A, 4: s of B).
            waiting[0, :4] = pairs[q, 1:5]
            waiting[0, 4] = 0.0
            waiting[0, 5] = 0.0
            depth = 1
            while depth > 0:
                depth -= 1
                low_b, high_b = waiting[depth, 0], waiting[depth, 1]
                low_a, high_a = waiting[depth, 2], waiting[depth, 3]
                state, level = int(waiting[depth, 4]), waiting[depth, 5]
                low, high = low_b, high_b
                if state == 0:
                    ratio_a = _ratio(low_a, high_a, sign_a)
                    ratio_b = _ratio(low_b, high_b, sign_b)
                    if ratio_a <= _RATIO and ratio_b <= _RATIO:
                        # The nearer a range is to its anchor, the finer the grid of doubles.
                        if max(abs(low_a), abs(high_a)) < max(abs(low_b), abs(high_b)):
                            state, low, high = 1, low_a, high_a
                        else:
                            state = 2
                    elif ratio_b <= _RATIO or (
                        ratio_a > _RATIO and 4.0 * abs(d) <= min(abs(low_a), abs(high_a))
                    ):
                        state = 3
                        near, far = min(abs(low_a), abs(high_a)), max(abs(low_a), abs(high_a))
                        low = math.log(near) if near > 0.0 else a[i, NEAREST]
                        high = math.log(far)
                    elif ratio_a <= _RATIO or 4.0 * abs(d) <= min(abs(low_b), abs(high_b)):
                        state = 4
                        near, far = min(abs(low_b), abs(high_b)), max(abs(low_b), abs(high_b))
                        low = math.log(near) if near > 0.0 else b[j, NEAREST]
                        high = math.log(far)
                    elif level > 60.0:
                        continue
                    else:  # singular points on both sides: part them
                        middle = 0.5 * d
                        if not low_b < middle < high_b:
                            near, far = min(abs(low_b), abs(high_b)), max(abs(low_b), abs(high_b))
                            step = abs(d)
                            if not near < step < far:
                                step = 4.0 * near if 4.0 * near < far else 0.5 * (near + far)
                            middle = math.copysign(step, low_b + high_b)
                        other = d - middle
                        waiting[depth, 0], waiting[depth, 1] = low_b, middle
                        waiting[depth, 2], waiting[depth, 3] = max(other, low_a), high_a
                        waiting[depth, 4], waiting[depth, 5] = 0.0, level + 1.0
                        depth += 1
                        waiting[depth, 0], waiting[depth, 1] = middle, high_b
                        waiting[depth, 2], waiting[depth, 3] = low_a, min(other, high_a)
                        waiting[depth, 4], waiting[depth, 5] = 0.0, level + 1.0
                        depth += 1
                        continue
                half = 0.5 * (high - low)
                if not half > 0.0:
                    continue
                centre = low + half
                for k in range(NODES):
                    nodes[k] = centre + half * _X[k]
                if state == 1:
                    for k in range(NODES):
                        at_a[k] = nodes[k]
                        at_b[k] = d - nodes[k]
                elif state == 2:
                    for k in range(NODES):
                        at_b[k] = nodes[k]
                        at_a[k] = d - nodes[k]
                elif state == 3:
                    for k in range(NODES):
                        at_a[k] = sign_a * math.exp(nodes[k])
                        at_b[k] = d - at_a[k]
                else:
                    for k in range(NODES):
                        at_b[k] = sign_b * math.exp(nodes[k])
                        at_a[k] = d - at_b[k]
                if state == 3:
                    for k in range(NODES):
                        t_a[k] = nodes[k]
                elif sign_a != 0.0:
                    for k in range(NODES):
                        work[k] = max(sign_a * at_a[k], _TINY)
                    _logs(work, bits, t_a)
                else:
                    for k in range(NODES):
                        t_a[k] = at_a[k]
                if state == 4:
                    for k in range(NODES):
                        t_b[k] = nodes[k]
                elif sign_b != 0.0:
                    for k in range(NODES):
                        work[k] = max(sign_b * at_b[k], _TINY)
                    _logs(work, bits, t_b)
                else:
                    for k in range(NODES):
                        t_b[k] = at_b[k]
                middle_a, inverse_a = a[i, MIDDLE], a[i, INVERSE]
                middle_b, inverse_b = b[j, MIDDLE], b[j, INVERSE]
                for k in range(NODES):
                    t_a[k] = (t_a[k] - middle_a) * inverse_a
                    t_b[k] = (t_b[k] - middle_b) * inverse_b
                _polynomials(t_b, b_series, j, DENSITY, first)
                _polynomials(t_a, a_series, i, DENSITY, second)
                _polynomials(t_a, a_series, i, TAIL, upper)
                if state >= 3:  # the logarithm of d for ds
                    for k in range(NODES):
                        first[k] += nodes[k]
                above = a[i, UPPER] != 0.0
                top_1, top_2, low_1, low_2 = -math.inf, -math.inf, math.inf, math.inf
                for k in range(NODES):
                    second[k] += first[k]
                if not above:
                    for k in range(NODES):
                        first[k] += upper[k]
                for k in range(NODES):
                    top_1, top_2 = max(top_1, first[k]), max(top_2, second[k])
                    low_1, low_2 = min(low_1, first[k]), min(low_2, second[k])
                log_width = math.log(2.0 * half)
                slack_1 = _BETWEEN * (top_1 - low_1) if low_1 > -math.inf else 0.0
                slack_2 = _BETWEEN * (top_2 - low_2) if low_2 > -math.inf else 0.0
                bar_1 = max(log_1, guess_1 - _DOUBT) - cut - 1.0
                bar_2 = max(log_2, guess_2 - _DOUBT) - cut - 1.0
                if (
                    capped or top_1 + log_width + slack_1 < bar_1
                ) and top_2 + log_width + slack_2 < bar_2:
                    continue
                if not top_1 > -math.inf:
                    continue
                sum_1, sum_2 = 0.0, 0.0
                high_0, high_1, high_2 = 0.0, 0.0, 0.0
                dens_0, dens_1, dens_2 = 0.0, 0.0, 0.0
                if not capped:
                    for k in range(NODES):
                        work[k] = first[k] - top_1
                    _exponentials(work, bits, first)
                    if above:
                        for k in range(NODES):
                            work[k] = upper[k]
                        _exponentials(work, bits, upper)
                        for k in range(NODES):
                            first[k] *= 1.0 - upper[k]
                    for k in range(NODES):
                        sum_1 += _W[k] * first[k]
                        high_0 += _HIGHEST[0, k] * first[k]
                        high_1 += _HIGHEST[1, k] * first[k]
                        high_2 += _HIGHEST[2, k] * first[k]
                some = top_2 > -math.inf
                if some:
                    for k in range(NODES):
                        work[k] = second[k] - top_2
                    _exponentials(work, bits, second)
                    for k in range(NODES):
                        sum_2 += _W[k] * second[k]
                        dens_0 += _HIGHEST[0, k] * second[k]
                        dens_1 += _HIGHEST[1, k] * second[k]
                        dens_2 += _HIGHEST[2, k] * second[k]
                log_half = math.log(half)
                part_1 = top_1 + log_half
                part_2 = top_2 + log_half
                worst_1 = max(abs(high_0), abs(high_1), abs(high_2))
                worst_2 = max(abs(dens_0), abs(dens_1), abs(dens_2))
                whole_1 = max(log_1, part_1 + math.log(sum_1)) if sum_1 > 0.0 else log_1
                whole_2 = max(log_2, part_2 + math.log(sum_2)) if sum_2 > 0.0 else log_2
                # The rule is exact to twice the degree: its error is about the square of these.
                good = capped or worst_1 <= resolved * math.exp(
                    0.5 * min(whole_1 - part_1 - slack_1, 100.0)
                )
                if some:
                    good = good and worst_2 <= resolved * math.exp(
                        0.5 * min(whole_2 - part_2 - slack_2, 100.0)
                    )
                narrow = half <= _FEW * max(abs(low), abs(high))
                spent += 1
                if not (good or narrow) and level < 60.0 and depth < _DEPTH and spent < _MOST:
                    # The half that looks the larger comes first: then the other may drop out.
                    rising = (
                        second[NODES - 1] > second[0] if capped else first[NODES - 1] > first[0]
                    )
                    for turn in range(2):
                        right = (turn == 1) == rising
                        waiting[depth, 0] = centre if right else low
                        waiting[depth, 1] = high if right else centre
                        waiting[depth, 4], waiting[depth, 5] = float(state), level + 1.0
                        depth += 1
                    continue
                if not capped:
                    if part_1 > offset_1:
                        total_1 *= math.exp(offset_1 - part_1)
                        offset_1 = part_1
                    total_1 += math.exp(part_1 - offset_1) * sum_1
                    log_1 = _log_total(offset_1, total_1)
                if some:
                    if part_2 > offset_2:
                        total_2 *= math.exp(offset_2 - part_2)
                        offset_2 = part_2
                    total_2 += math.exp(part_2 - offset_2) * sum_2
                    log_2 = _log_total(offset_2, total_2)
        out[n, 0], out[n, 1] = log_1, log_2
