"""What the suites measure with."""

from __future__ import annotations

import numpy as np
from scipy import special

from otmaps._arrays import FloatArray
from otmaps._distribution import Distribution

EPS = float(np.finfo(float).eps)
FALSE_ALARM = 1e-6  # of a test that draws; seeds are fixed, so it fails always or never
_MOST_HALVINGS = 40
_MOST_CELLS = 1000
LEVELS = np.concatenate([10.0 ** -np.arange(300.0, 3.0, -27.0), np.linspace(0.001, 0.5, 101)])


def kolmogorov_gap(sample: FloatArray, law: Distribution) -> tuple[float, float]:
    """The Kolmogorov-Smirnov distance of a sample from a law, and what luck allows."""
    values, counts = np.unique(sample, return_counts=True)
    n = sample.size
    after = np.cumsum(counts) / n
    jumps = np.zeros_like(values)
    for location, mass in law.atoms:
        jumps[values == location] = mass
    cdf = np.asarray(law.cdf(values))
    gap = max(np.max(np.abs(after - cdf)), np.max(np.abs(after - counts / n - (cdf - jumps))))
    return float(gap), float(special.smirnovi(n, 0.5 * FALSE_ALARM)) + law.error


def bulk(law: Distribution) -> FloatArray:
    """Sorted points from the whole of a law, deep tails and breakpoints included."""
    points = np.concatenate([law.ppf(LEVELS), law.isf(LEVELS), law.breakpoints])
    return np.unique(points[np.isfinite(points)])


def grid_width(law: Distribution, x: FloatArray) -> FloatArray:
    """The probability of a few units in the last place about x: what no float can resolve."""
    step = 4.0 * np.spacing(np.abs(x) + 1e-300)
    width: FloatArray = np.abs(np.asarray(law.cdf(x + step)) - np.asarray(law.cdf(x - step)))
    return width


def cell_masses(law: Distribution, ends: FloatArray) -> FloatArray:
    """Integrals of the pdf between neighbouring ends, by 20 Gauss nodes a cell.

    A cell that its halves contradict, as where it spans the gap between two modes, is halved
    until they agree.
    """
    nodes, weights = np.polynomial.legendre.leggauss(20)

    def rule(a: FloatArray, b: FloatArray) -> FloatArray:
        half = 0.5 * (b - a)
        points = (a + half)[:, None] + half[:, None] * nodes
        return np.asarray(half * (np.asarray(law.pdf(points)) @ weights))

    a, b = ends[:-1], ends[1:]
    owner, total, whole = np.arange(a.size), np.zeros(a.size), rule(a, b)
    for _ in range(_MOST_HALVINGS):
        middle = 0.5 * (a + b)
        left, right = rule(a, middle), rule(middle, b)
        again = np.abs(left + right - whole) > 1e-10 * np.abs(whole) + EPS
        again &= np.isfinite(left + right)
        np.add.at(total, owner[~again], (left + right)[~again])
        a, b = np.append(a[again], middle[again]), np.append(middle[again], b[again])
        whole, owner = np.append(left[again], right[again]), np.append(owner[again], owner[again])
        if not 0 < a.size <= _MOST_CELLS:
            break
    np.add.at(total, owner, whole)
    return total
