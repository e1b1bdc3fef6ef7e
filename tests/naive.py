"""Slow, plain versions of the compiled code and of the exact map: what the fast ones must equal."""

import functools
import math
from fractions import Fraction

import numpy as np


def cell_of(y, records):
    """The cell of y by looking at every edge."""
    return max(c for c in range(len(records) - 1) if records[c][0] <= y)


def value(y, arrays):
    """The map of a table (`MonotoneMap.arrays`) at one point, in Python floats."""
    records = arrays["records"].tolist()
    low, high = arrays["ends"].tolist()
    if math.isnan(y):
        return y
    if y <= low[2]:
        return low[3]
    if y >= high[2]:
        return high[3]
    if y < records[0][0]:
        return continued(y, low, records[0][2])
    if y >= records[-1][0]:
        return continued(y, high, records[-1][2])
    edge, inverse, *c = records[cell_of(y, records)]
    s = (y - edge) * inverse
    return sum(c[j] * s**j for j in range(6))


def continued(y, end, last):
    """The power law beyond the last cell."""
    anchor, sign, _, _, base, power, reach = end
    return base + (last - base) * (sign * (y - anchor) / reach) ** power


def inverse(z, arrays):
    """The smallest y whose value is not below z, by bisection; z inside the cells."""
    records = arrays["records"]
    low, high = float(records[0, 0]), float(records[-1, 0])
    for _ in range(200):
        middle = 0.5 * low + 0.5 * high
        if value(middle, arrays) >= z:
            high = middle
        else:
            low = middle
    return high


def quantile(sf, q, low, high):
    """The point whose survival probability is q, by bisection on the function ``sf``."""
    for _ in range(400):
        middle = (low + high) / 2
        if sf(middle) > q:
            low = middle
        else:
            high = middle
    return (low + high) / 2


def random_table(rng, cells=40, finite=(False, False)):
    """Arrays of an increasing piecewise polynomial that no law made.

    The core is [-2, 2) with buckets of width 1/8, and holds cells on the grid and off it.
    """
    grid = np.arange(-2, 2.01, 0.5)
    inner = rng.uniform(-2, 2, cells - 20)
    left = -(2 + np.sort(rng.uniform(0.01, 0.9, 6)) * 3)[::-1]
    right = 2 + np.sort(rng.uniform(0.01, 0.9, 6)) * 3
    edges = np.unique(np.concatenate([left, grid, inner, right]))
    n = edges.size - 1
    records = np.zeros((n + 1, 8))
    records[:, 0] = edges
    records[:-1, 1] = 1 / np.diff(edges)
    coefficients = rng.exponential(size=(n, 5)) * rng.integers(0, 2, (n, 5))
    coefficients[:, 0] += 1e-3
    gaps = rng.exponential(size=n) * (rng.random(n) < 0.2)  # the map may jump between cells
    rises = coefficients.sum(axis=1) + 1e-12 + gaps  # room for the rounding of the sums
    records[:, 2] = np.concatenate([[0.0], np.cumsum(rises)]) - 0.5 * rises.sum()
    records[:-1, 3:] = coefficients
    ends = np.zeros((2, 7))
    for side, sign in ((0, -1.0), (1, 1.0)):
        edge, last = edges[-side], records[-side, 2]
        support = edge + sign * 0.3 if finite[side] else sign * math.inf
        anchor, direction = (support, -sign) if finite[side] else (0.0, sign)
        power = 0.7 if not finite[side] else -0.7
        reach = direction * (edge - anchor)
        ends[side] = anchor, direction, support, sign * math.inf, 0.0, power, reach
        assert sign * last > 0
    return {"records": records, "core": np.array([-2.0, 2.0, 8.0]), "ends": ends}


@functools.cache
def signed_sums(widths):
    """Subset sums with the number of subsets, each counted with the sign (-1)^size."""
    sums = {Fraction(0): 1}
    for width in map(Fraction, widths):
        fresh = dict(sums)
        for s, c in sums.items():
            fresh[s + width] = fresh.get(s + width, 0) - c
        sums = fresh
    return {s: c for s, c in sums.items() if c}


def uniform_sum(widths, y, derivative=0):
    """The cdf (or density) at y of a sum of uniform variables on [0, a], as an exact `Fraction`.

    By inclusion-exclusion, whose alternating terms are exact here.
    """
    sums = signed_sums(tuple(widths))
    power = len(widths) - derivative
    unit = math.lcm(Fraction(y).denominator, *(s.denominator for s in sums))  # integers are faster
    total = sum(c * int((y - s) * unit) ** power for s, c in sums.items() if s < y)
    scale = unit**power * math.factorial(power)
    return Fraction(total, scale) / math.prod(map(Fraction, widths))


def log(x):
    """The logarithm of a positive `Fraction` of any size."""
    shift = x.numerator.bit_length() - x.denominator.bit_length()
    return math.log(x / Fraction(2) ** shift) + shift * math.log(2)
