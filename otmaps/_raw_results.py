"""What raw operations do wrong: how far their results are from the prior."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from otmaps._convert import as_distribution
from otmaps._estimators import (
    Estimator,
    check_operation,
    check_pointwise,
    compute_law,
    pushforward,
)
from otmaps._independent import Independent
from otmaps._isotropic import Isotropic
from otmaps._match import match
from otmaps._matched_gaussian import MatchedGaussianOperation
from otmaps._matched_independent import grouped
from otmaps._mismatch import Mismatch, joined, law_mismatch, normal_mismatch, radial_mismatch
from otmaps._multivariate_normal import MultivariateNormal
from otmaps._operations import Operation

_DIM = 100
_TOL = 1e-12


def mismatch(
    op: Operation,
    prior: Any,
    dim: int | None = None,
    *,
    inputs: Mapping[str, Any] | Sequence[Any] | None = None,
    method: str | Estimator = "auto",
) -> Mismatch:
    """What the raw operation does wrong.

    Parameters
    ----------
    op, prior, inputs, method
        As in `match`.
    dim : int, optional
        For the law of one component, the number of components of a latent, 100 where it is left
        out; laws of whole latents have their own.

    Returns
    -------
    Mismatch
        Kullback-Leibler divergence from the prior, Wasserstein-1 and Wasserstein-2 distance, and
        the shift of the squared norm, each with its error. For isotropic priors the cost of
        Wasserstein-1 is the Euclidean distance, else the l1 distance.

    Examples
    --------
    >>> import otmaps
    >>> report = otmaps.mismatch(otmaps.lerp(0.5), otmaps.Normal(), dim=100)
    >>> round(report.norm_shift, 12)
    0.5
    >>> sphere = otmaps.mismatch(otmaps.lerp(0.5), otmaps.Sphere(512, radius=512**0.5))
    >>> round(sphere.norm_shift, 12)
    0.5
    """
    if isinstance(prior, Isotropic | MultivariateNormal | Independent):
        check_operation(op)
        if dim is not None and dim != prior.dim:
            raise ValueError(
                f"dim={dim!r} was given, but the prior has {prior.dim} components; leave it out."
            )
        return _of_vectors(op, prior, inputs, method)
    target = as_distribution(prior)
    source = pushforward(op, target, inputs=inputs, method=method)
    return law_mismatch(source, target, _DIM if dim is None else dim)


def _of_vectors(
    op: Operation,
    prior: Isotropic | MultivariateNormal | Independent,
    inputs: Mapping[str, Any] | Sequence[Any] | None,
    method: str | Estimator,
) -> Mismatch:
    if isinstance(prior, Isotropic):
        return radial_mismatch(pushforward(op, prior, inputs=inputs, method=method), prior)
    if isinstance(prior, MultivariateNormal):
        matched = match(op, prior, inputs=inputs, method=method, store=None)
        if isinstance(matched, MatchedGaussianOperation):
            return normal_mismatch(matched.map)
        groups = [(group.source, group.target) for group in matched.groups]
        members = matched.map.members
    else:
        check_pointwise(op)
        _, rows, members = grouped(op, prior, inputs)
        groups = [(compute_law(op, row[1:], method, _TOL), row[0]) for row in rows]
    counts = np.bincount(members).tolist()
    pairs = zip(groups, counts, strict=True)
    return joined([law_mismatch(*group, count) for group, count in pairs])
