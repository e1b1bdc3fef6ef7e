"""Compile what the tests share, before they start: ``python tools/warm.py maps|laws``.

Two processes that run at once would compile the same kernels twice; these two compile different
ones, and numba's disk cache hands them to both.
"""

from __future__ import annotations

import sys
import warnings

import numpy as np

import otmaps
from otmaps._linearity import Linear


def maps() -> None:
    """Evaluate, invert and differentiate a table; condition and sample."""
    found = otmaps.monotone_map("logistic", "normal")
    for dtype in (np.float64, np.float32):
        y = np.linspace(-1, 1, 8, dtype=dtype)
        found(y), found.inverse(y), found.derivative(y)
        for count in (2, 3):
            found.at_sum(Linear((1.0 / count,) * count), [y] * count)
    otmaps.MonotoneMap.from_arrays(found.arrays(), found.metadata())
    gate = otmaps.operation(lambda a, b: a / (1.0 + np.exp(-b)))()
    for method in (otmaps.Conditioning(), otmaps.MonteCarlo(n=2**12), otmaps.RQMC(n=2**12)):
        otmaps.pushforward(gate, "normal", method=method).cdf([0.1, 0.9])


def laws() -> None:
    """Convolve, which takes longest."""
    otmaps.pushforward(otmaps.lerp(0.3), otmaps.Laplace()).ppf([0.1, 0.9])
    otmaps.pushforward(otmaps.barycenter([0.2, 0.3, 0.5]), otmaps.Gamma(2.5)).cdf([0.1, 0.9])


if __name__ == "__main__":
    warnings.simplefilter("ignore", otmaps.AccuracyWarning)
    {"maps": maps, "laws": laws}[sys.argv[1]]()
