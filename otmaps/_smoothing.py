"""From a sample to its smooth law, and from the columns of a sample to one law each."""

from __future__ import annotations

import dataclasses
import hashlib
import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from scipy import special

from otmaps._arrays import FloatArray, frozen, real_array, real_scalar
from otmaps._empirical import checked_ends, checked_sample
from otmaps._generalized_pareto import ParetoTail, beyond, fitted_tail
from otmaps._ogive import dkw_bound
from otmaps._rising_splines import RisingSpline, fitted_spline
from otmaps._smoothed import Smoothed, checked_confidence

_FEWEST = 200
_FEWEST_BEYOND = 50  # draws in a tail
_MOST_POINTS = 4000  # that a spline is fitted to
_POINTS_A_CELL = 8
_FIRST_CELLS, _MOST_CELLS = 4, 256
_CLOSE = 0.6  # of 1 / sqrt(n): as close as chance brings the cdf of the draws to the true one
_OUTERMOST = 0.5  # of a draw, on a stated end


def smoothed(
    sample: Any,
    *,
    low: float = -math.inf,
    high: float = math.inf,
    shapes: tuple[float | None, float | None] = (None, None),
    confidence: float = 0.999,
) -> Smoothed:
    """The smooth law of a sample of independent draws, with modelled tails.

    The body is an increasing spline for the normal score of the cdf, of as few cells as bring it
    within 0.6 / sqrt(n) of the empirical cdf. The outermost 1.5 n**(2/3) draws of each side, at
    least 50 and at most a tenth, make a generalised Pareto tail by maximum product of spacings.

    Parameters
    ----------
    sample : array_like
        Finite numbers, one-dimensional, at least 200, without point masses.
    low, high : float
        Known ends of the support. The tail next to one is a power of the distance from it.
    shapes : tuple
        Of the lower and the upper tail, where known: 0 for an exponential tail, 1 / df for
        Student's t, minus the inverse of the power of the distance from an end. None is fitted.
    confidence : float
        The probability with which the stated sampling error holds.

    Returns
    -------
    Smoothed
        An estimate; its method `Smoothed.as_model` takes it for the prior itself.

    Raises
    ------
    TypeError, ValueError
        For a sample that no smooth law can be made of; the message gives the remedy.

    See Also
    --------
    otmaps.as_distribution : the law of a sample as it is, point masses included.
    otmaps.as_components : one law for each component.

    Examples
    --------
    >>> import numpy as np
    >>> import otmaps
    >>> law = otmaps.smoothed(np.random.default_rng(0).normal(size=10_000))
    >>> law.sampling_error < 0.03
    True
    """
    draws = checked_sample(sample)
    return _smoothed(draws, draws.size, checked_ends(low, high, draws), shapes, confidence)


def as_components(
    samples: Any,
    *,
    pooled: bool = False,
    low: float = -math.inf,
    high: float = math.inf,
    shapes: tuple[float | None, float | None] = (None, None),
    confidence: float = 0.999,
) -> tuple[Smoothed, ...]:
    """One smooth law for each component of latents: the columns of a sample.

    Each component's law is kept, up to its sampling error; how components depend on one another
    is not.

    Parameters
    ----------
    samples : array_like, shape (n, d)
        Rows are independent draws; components within a row need not be.
    pooled : bool
        One law for all components, of all n * d values: the mean of the components' laws. Its
        error is that of n draws, whatever the dependence within a row. For components that are
        independent of one another as well, `smoothed` of ``samples.ravel()`` has a smaller one.
    low, high, shapes, confidence
        As for `smoothed`, for every component.

    Returns
    -------
    tuple of Smoothed
        d of them; the same one d times where pooled.

    Examples
    --------
    >>> import numpy, otmaps
    >>> samples = numpy.random.default_rng(0).normal(size=(1_000, 3))
    >>> len(otmaps.as_components(samples))
    3
    """
    array = real_array(samples, "samples").astype(np.float64, copy=False)
    if array.ndim != 2:
        raise ValueError(
            f"samples must have the shape (n, d), got {array.shape}. "
            "Flatten the latent axes: samples.reshape(len(samples), -1)."
        )
    if not pooled:
        options: dict[str, Any] = {"low": low, "high": high, "shapes": shapes}
        columns = range(array.shape[1])
        return tuple(smoothed(array[:, i], confidence=confidence, **options) for i in columns)
    draws = checked_sample(array.ravel())
    law = _smoothed(draws, len(array), checked_ends(low, high, draws), shapes, confidence)
    return tuple([law] * array.shape[1])


def _smoothed(
    draws: FloatArray,
    independent: int,
    ends: tuple[float, float],
    shapes: Sequence[float | None],
    confidence: Any,
) -> Smoothed:
    level = checked_confidence(confidence)
    n = draws.size
    if independent < _FEWEST:
        raise ValueError(
            f"sample has {independent} independent draws; two tails and a body need at least "
            f"{_FEWEST}. Give more draws, or take otmaps.as_distribution(sample)."
        )
    known = _checked_shapes(shapes)
    values, counts = np.unique(draws, return_counts=True)
    _check_ties(values, counts, n * dkw_bound(n, level))
    middle = (np.cumsum(counts) - 0.5 * counts) / n  # the empirical cdf, by the middle of its steps
    tails, edges = [], []
    for side in (0, 1):
        at = _threshold(counts if side == 0 else counts[::-1], n)
        edge = at if side == 0 else values.size - 1 - at
        mass = float(middle[edge] if side == 0 else (1.0 - middle)[edge])
        end = abs(ends[side] - float(values[edge]))
        distances = beyond(draws, float(values[edge]), side)
        if math.isfinite(end):  # a draw on the end itself has no log
            distances = np.minimum(distances, end * (1.0 - _OUTERMOST / distances.size))
        tails.append(fitted_tail(distances, mass, known[side], end))
        edges.append(edge)
    within = slice(edges[0], edges[1] + 1)
    body = _body(values[within], middle[within], (tails[0], tails[1]), n)
    stated = [
        "end" if math.isfinite(end) else "" if g is None else "shape"
        for end, g in zip(ends, known, strict=True)
    ]
    law = Smoothed(
        body=body,
        tails=(tails[0], tails[1]),
        ends=(float(values[edges[0]]) - tails[0].end, float(values[edges[1]]) + tails[1].end),
        draws=frozen(draws),
        gap=0.0,
        confidence=level,
        independent=float(independent),
        digest=_digest(draws, body, tails),
        stated=(stated[0], stated[1]),
    )
    after = np.cumsum(counts) / n
    cdf = np.asarray(law.cdf(values))
    gap = max(float(np.max(np.abs(cdf - after))), float(np.max(np.abs(cdf - after + counts / n))))
    return dataclasses.replace(law, gap=gap)


def _checked_shapes(shapes: Any) -> list[float | None]:
    if not (isinstance(shapes, tuple | list) and len(shapes) == 2):
        raise ValueError(
            f"shapes must be a pair, of the lower and the upper tail, got {shapes!r}; "
            "None stands for one that is fitted."
        )
    return [None if g is None else real_scalar(g, "shapes") for g in shapes]


def _check_ties(values: FloatArray, counts: Any, most: float) -> None:
    at = int(np.argmax(counts))
    if counts[at] > most:
        raise ValueError(
            f"sample holds the value {values[at]} {counts[at]} times: a point mass, which a smooth "
            "law has not. Take otmaps.as_distribution(sample), or a Mixture of otmaps.Discrete and "
            "the smoothed rest."
        )


def _threshold(counts: Any, n: int) -> int:
    """The index of the distinct value, from the outside, beyond which the tail begins."""
    size = max(round(min(1.5 * n ** (2.0 / 3.0), 0.1 * n)), _FEWEST_BEYOND)
    return int(np.searchsorted(np.cumsum(counts), size)) + 1


def _body(
    values: FloatArray, middle: FloatArray, tails: tuple[ParetoTail, ParetoTail], n: int
) -> RisingSpline:
    """The spline of fewest cells that is close enough to the draws; else the closest."""
    chosen = np.unique(np.linspace(0, values.size - 1, _MOST_POINTS).round().astype(np.int64))
    x, p = values[chosen], middle[chosen]
    # The scores at the ends are those of the masses of the tails, so that the cdf is continuous.
    score = special.ndtri(p)
    score[-1] = -special.ndtri(tails[1].mass)
    density = np.exp(-0.5 * score * score) / math.sqrt(2.0 * math.pi)
    weights = density / np.sqrt(p * (1.0 - p))
    slopes = (
        tails[0].mass / (tails[0].scale * float(density[0])),
        tails[1].mass / (tails[1].scale * float(density[-1])),
    )
    best, least = None, math.inf
    inner = np.unique(np.quantile(x, np.linspace(0.0, 1.0, _FIRST_CELLS + 1)[1:-1]))
    while inner.size < min(_MOST_CELLS, x.size // _POINTS_A_CELL):
        cells = np.concatenate([x[:1], inner, x[-1:]])
        split = np.ones(cells.size - 1, bool)
        spline = fitted_spline(x, score, weights, inner, slopes)
        if spline is not None:
            gaps = np.abs(special.ndtr(spline.value(values)) - middle)
            gap = float(gaps.max())
            if gap < least:
                best, least = spline, gap
            if gap * math.sqrt(n) <= _CLOSE:
                break
            far = values[gaps * math.sqrt(n) > _CLOSE]
            split[:] = False
            split[np.clip(np.searchsorted(cells, far) - 1, 0, split.size - 1)] = True
        halves = 0.5 * (cells[:-1] + cells[1:])[split]
        inner = np.unique(np.append(inner, halves))
    if best is None:
        raise ValueError(
            f"sample has {values.size} distinct values between its tails, too few or too unevenly "
            "spread for a smooth law. Take otmaps.as_distribution(sample)."
        )
    return best


def _digest(draws: FloatArray, body: RisingSpline, tails: Sequence[ParetoTail]) -> str:
    """Of the draws, and of the fit: its last digits depend on the machine."""
    digest = hashlib.sha256(draws.tobytes())
    for part in (body.knots, body.rises, np.array([body.start])):
        digest.update(part.tobytes())
    for tail in tails:
        digest.update(np.array([tail.scale, tail.shape, tail.mass, tail.end]).tobytes())
    return digest.hexdigest()
