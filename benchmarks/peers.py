"""What else one would use, and how far each of it agrees with the truth.

This one table feeds the benchmarks and their tests: nothing is timed that is not held to its
tolerance. The common problem is the map from the logistic to the normal law, z = ndtri(expit(y)),
which every peer can do in its own way.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import TypeAlias, final

import numpy as np

import otmaps
from otmaps import Distribution

from .cases import PRIORS, FloatArray
from .sizes import KNOTS

Lookup: TypeAlias = Callable[[FloatArray], FloatArray]
"""Values from points. The result may live in an array that the next call overwrites."""

SOURCE, TARGET = otmaps.Logistic(), otmaps.Normal()


@final
@dataclasses.dataclass(frozen=True)
class Peer:
    """One way to compute z from y.

    Attributes
    ----------
    make : callable
        From the points that are going to be looked up (for sizes and dtypes), the lookup.
    tolerance : float
        The largest |z - truth| where both tails of y are at least `tail`.
    tail : float
        How far out the peer claims to be right.
    """

    make: Callable[[FloatArray], Lookup]
    tolerance: float
    tail: float


def _knots_at_quantiles() -> tuple[FloatArray, FloatArray]:
    p = (np.arange(KNOTS) + 0.5) / KNOTS
    return np.asarray(SOURCE.ppf(p)), np.asarray(TARGET.ppf(p))


def _knots_evenly() -> tuple[FloatArray, FloatArray]:
    reach = SOURCE.isf(1e-9)
    y = np.linspace(-reach, reach, KNOTS)
    return y, np.asarray(exact(y))


def exact(y: FloatArray) -> FloatArray:
    """The map by the laws, from the nearer tail."""
    return np.where(y < 0, TARGET.ppf(SOURCE.cdf(y)), TARGET.isf(SOURCE.sf(y)))


def _otmaps(y: FloatArray) -> Lookup:
    T = otmaps.monotone_map(SOURCE, TARGET)
    out = np.empty_like(y)
    T(y[:10], out=out[:10])  # compiles
    return lambda y: T(y, out=out)


def _interp(knots: Callable[[], tuple[FloatArray, FloatArray]]) -> Callable[[FloatArray], Lookup]:
    def make(y: FloatArray) -> Lookup:
        x, z = knots()
        return lambda y: np.interp(y, x, z)

    return make


def _pchip(y: FloatArray) -> Lookup:
    from scipy.interpolate import PchipInterpolator

    lookup: Lookup = PchipInterpolator(*_knots_evenly())
    return lookup


def _quantile_transformer(y: FloatArray) -> Lookup:
    from sklearn.preprocessing import QuantileTransformer

    sample = _knots_at_quantiles()[0][:, None]
    fitted = QuantileTransformer(
        n_quantiles=KNOTS, output_distribution="normal", subsample=None
    ).fit(sample)
    return lambda y: fitted.transform(y[:, None])[:, 0]


def _pinv(resolution: float) -> Callable[[FloatArray], Lookup]:
    def make(y: FloatArray) -> Lookup:
        from scipy.special import expit
        from scipy.stats import norm
        from scipy.stats.sampling import NumericalInversePolynomial

        inverse = NumericalInversePolynomial(norm(), u_resolution=resolution)
        return lambda y: inverse.ppf(expit(y))

    return make


def _special(y: FloatArray) -> Lookup:
    from scipy.special import expit, ndtri

    out = np.empty_like(y)
    return lambda y: ndtri(expit(y, out=out), out=out)


LOOKUPS: dict[str, Peer] = {
    # Its own bound says 1e-9 relative to |z|, which is 21.3 out there.
    "otmaps": Peer(_otmaps, 2.2e-8, 1e-100),
    # Linear between knots 0.02 apart, where |T''| is below 0.1: 0.02**2 / 8 * 0.1.
    "numpy.interp, even knots": Peer(_interp(_knots_evenly), 5e-6, 1e-8),
    # The outermost knots at tails of 2.4e-4 are 1.1 apart.
    "numpy.interp, quantile knots": Peer(_interp(_knots_at_quantiles), 1e-2, 1e-3),
    "scipy PchipInterpolator": Peer(_pchip, 1e-6, 1e-8),
    # Averages two interpolations between 2048 quantiles of a sample that spans tails of 2.4e-4.
    "sklearn QuantileTransformer": Peer(_quantile_transformer, 0.1, 1e-2),
    # Errors in u, over the density of the target: 1e-10 / pdf(3.7), and rounding of u.
    "scipy PINV(cdf)": Peer(_pinv(1e-10), 1e-6, 1e-4),
    "scipy PINV(cdf), finest": Peer(_pinv(1e-15), 1e-9, 1e-6),
    # Rounding of 1 - u in the upper tail.
    "scipy.special ndtri(expit)": Peer(_special, 1e-7, 1e-8),
}

REFERENCE = "numpy.interp, quantile knots"
"""What "times faster" is measured against."""


def gap(lookup: Lookup, peer: Peer, dtype: str = "float64", n: int = 1001) -> float:
    """The largest |z - truth| on points where both tails are at least ``peer.tail``."""
    reach = SOURCE.isf(peer.tail)
    y = np.linspace(-reach, reach, n).astype(dtype)
    return float(np.max(np.abs(lookup(y) - exact(y.astype(float)))))


def error_within(peer: Peer, z: float, n: int = 100_001) -> float:
    """The largest |error| where the truth is between -z and z, spread evenly."""
    log_tails = np.asarray(TARGET.logcdf(-np.linspace(0.0, z, n // 2 + 1)))
    y = np.concatenate([SOURCE.ilogcdf(log_tails), SOURCE.ilogsf(log_tails)])
    lookup = peer.make(y)
    with np.errstate(all="ignore"):  # what overflows is infinite, and shows
        return float(np.max(np.abs(lookup(y) - exact(y))))


def scipy_law(name: str) -> Distribution:
    """The frozen scipy.stats law of a prior of `cases`."""
    from scipy import stats

    frozen = {
        "normal": stats.norm(),
        "uniform": stats.uniform(-1.0, 2.0),
        "laplace": stats.laplace(),
        "logistic": stats.logistic(),
        "exponential": stats.expon(),
        "student 3": stats.t(3.0),
        "cauchy": stats.cauchy(),
    }
    assert frozen.keys() == PRIORS.keys()
    return frozen[name]
