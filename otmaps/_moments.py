"""Moments of a law that states no closed form, from its quantiles."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from otmaps._arrays import FloatArray

_LEAST_LOG = -690.0  # exp of this is about the smallest normal double
_SLOWEST_DECAY = 0.999  # from one panel, a factor of 5 in probability, to the next


def quantile_moment(
    lower: Callable[[FloatArray], Any],
    upper: Callable[[FloatArray], Any],
    function: Callable[[FloatArray], FloatArray],
) -> float:
    """E function(X), by Gauss-Legendre rules in the logarithm of the nearer tail probability.

    Parameters
    ----------
    lower, upper : callable
        The quantiles at a log-probability of the lower and of the upper tail.
    function : callable
        On 1-D float64 arrays.

    Returns
    -------
    float
        Infinite where the contributions of one tail do not decay by probability 1e-300, NaN
        where both do not and have opposite signs.
    """
    nodes, weights = np.polynomial.legendre.leggauss(12)
    edges = np.concatenate(
        [np.linspace(math.log(0.5), -40.0, 160), np.linspace(-40.0, _LEAST_LOG, 400)[1:]]
    )
    centre, half = 0.5 * (edges[1:] + edges[:-1]), 0.5 * (edges[:-1] - edges[1:])
    logs = (centre[:, None] + half[:, None] * nodes).ravel()
    measure = (half[:, None] * weights).ravel() * np.exp(logs)
    n, total, divergent = len(nodes), 0.0, set()
    for quantile in (lower, upper):
        with np.errstate(all="ignore"):
            terms = function(np.asarray(quantile(logs))) * measure
        last, before = (float(terms[-k * n : len(terms) - (k - 1) * n].sum()) for k in (1, 2))
        decay = last / before if before else 0.0
        if np.all(np.isfinite(terms)) and 0.0 <= decay <= _SLOWEST_DECAY:
            # Beyond 1e-300 a power law goes on, of which the last two panels are known.
            total += float(terms.sum()) + last * decay / (1.0 - decay)
        else:
            divergent.add(float(np.sign(terms[~np.isnan(terms)][-1])))
    if len(divergent) == 2:
        return math.nan
    return divergent.pop() * math.inf if divergent else total
