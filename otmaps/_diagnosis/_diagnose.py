"""`diagnose`: whether latents follow a prior."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from otmaps._arrays import AnyFloatArray, real_array, real_scalar
from otmaps._convert import as_distribution
from otmaps._diagnosis._report import Diagnosis, judged
from otmaps._diagnosis._scores import RadialPrior, independent_scores, radial_scores
from otmaps._diagnosis._tests import (
    component_rows,
    correlation_rows,
    neighbour_rows,
    norm_rows,
    support_row,
)

_STREAM = 20_190_506


def diagnose(
    latents: Any,
    prior: Any,
    *,
    axis: int | tuple[int, ...] | None = None,
    level: float = 1e-3,
    seed: int = 0,
) -> Diagnosis:
    """Test whether latents follow the prior: norms, components, correlations, neighbours.

    Each value becomes a score, the normal quantile of its probability under the prior. If the
    latents follow the prior, scores are independent and standard normal, and so are those of the
    norms, whose law is computed. The rows test just that.

    Parameters
    ----------
    latents : array_like
        One latent in each row, of shape (count, dim); or of any shape, with ``axis``.
    prior : law
        The law of one component, anything `as_distribution` takes; or an isotropic law.
    axis : int or tuple of int, optional
        The axes of one latent; the others count latents. By default all but the first.
    level : float
        The probability of a false alarm of the whole report.
    seed : int
        Of what is drawn: places in the point masses of the prior, norms where no law is known,
        which components enter correlations of more than 4096.

    Returns
    -------
    Diagnosis
        True when no row contradicts the prior; ``str`` gives a table, ``as_dict`` JSON types.

    Raises
    ------
    ValueError
        For latents that are NaN or infinite, no latents, or a ``dim`` that is not that of the
        prior.

    Notes
    -----
    "Location" and "spread" test the mean and the standard deviation of scores, "extremes" the
    largest of them, "one component" the worst component: exact. "Law" is the Kolmogorov-Smirnov
    distance; its p-value is no less than the true one for up to 2000 values, and within a
    thousandth of it for more. "Tails" is Anderson and Darling's A^2, by the limit of many values.
    "One pair" is the largest correlation, exact for a pair, with Bonferroni's bound over the pairs;
    "all pairs" is the mean square, by a gamma law with its exact first three moments; "neighbours"
    correlates each score with the next along an axis, by the normal limit.
    ``benchmarks/alarms.py`` counts how often each row raises a false alarm.

    All rows take the latents for independent of each other. Where "between latents" contradicts,
    the other p-values do not hold.

    Examples
    --------
    >>> import otmaps
    >>> prior = otmaps.Normal()
    >>> z1, z2 = prior.rvs((2, 500, 64), random_state=0)
    >>> bool(otmaps.diagnose(z1, prior))
    True
    >>> report = otmaps.diagnose(0.5 * (z1 + z2), prior)
    >>> report.contradictions[0].name
    'norm: location'
    """
    array = real_array(latents, "latents")
    if not 0.0 < real_scalar(level, "level") < 1.0:
        raise ValueError(f"level must lie between 0 and 1, got {level}.")
    rows, shape = _as_rows(array, axis)
    if not np.all(np.isfinite(rows)):
        bad = int(np.count_nonzero(~np.isfinite(rows)))
        raise ValueError(
            f"latents has {bad} values that are NaN or infinite, which no prior has; leave their "
            "latents out, and see where they come from."
        )
    eps = float(np.finfo(array.dtype).eps)
    x = rows.astype(np.float64, copy=False)
    # Not the stream of the plain seed, which the latents may have been drawn from.
    rng = np.random.default_rng([_STREAM, seed])
    if isinstance(prior, RadialPrior):
        if prior.dim != x.shape[1]:
            raise ValueError(
                f"prior has {prior.dim} components, the latents have {x.shape[1]}; axis= names "
                "the axes of one latent."
            )
        scores, name = radial_scores(x, prior, eps, rng), repr(prior)
    else:
        law = as_distribution(prior)
        scores, name = independent_scores(x, law, eps, rng), repr(law)
    found = [support_row(scores), *norm_rows(scores), *component_rows(scores)]
    found += correlation_rows(scores.components, rng)
    found += neighbour_rows(scores.components, shape)
    count, dim = x.shape
    return Diagnosis(judged(found, level), count, dim, name, float(level), seed)


def _as_rows(array: AnyFloatArray, axis: Any) -> tuple[AnyFloatArray, tuple[int, ...]]:
    """One latent in each row, and the shape of one."""
    if axis is None:
        if array.ndim < 2:
            raise ValueError(
                f"latents has shape {array.shape}; give one latent in each row, (count, dim), or "
                "axis=0 for one latent."
            )
        axis = tuple(range(1, array.ndim))
    axes = axis if isinstance(axis, tuple) else (axis,)
    try:
        moved = np.moveaxis(array, axes, range(-len(axes), 0))
    except (TypeError, ValueError) as error:  # AxisError is a ValueError
        raise ValueError(
            f"axis={axis!r} does not name axes of latents of shape {array.shape}: {error}."
        ) from None
    shape = moved.shape[moved.ndim - len(axes) :]
    if array.size == 0:
        raise ValueError(f"latents is empty, of shape {array.shape}; there is nothing to test.")
    return np.ascontiguousarray(moved).reshape(-1, math.prod(shape)), shape
