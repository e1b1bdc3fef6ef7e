"""Random walks: vicinity sampling, again and again from its own result."""

from __future__ import annotations

import math
import operator
from typing import Any

import numpy as np

from otmaps._arrays import AnyFloatArray, real_array
from otmaps._built_in import vicinity
from otmaps._convert import as_distribution
from otmaps._distribution import Distribution, RandomState
from otmaps._isotropic import Isotropic
from otmaps._latent_axes import Axis, batch_shape, from_rows
from otmaps._match import match
from otmaps._matched_isotropic import MatchedIsotropicOperation
from otmaps._matched_operation import MatchedOperation


def random_walk(
    start: Any,
    prior: Any,
    *,
    eps: float = 0.5,
    steps: int = 20,
    matched: bool = True,
    inputs: Any = None,
    axis: Axis = -1,
    random_state: RandomState = None,
) -> AnyFloatArray:
    """A walk that starts at ``start`` and takes ``steps`` steps ``z + eps * u``.

    Each step adds a fresh draw u and, if ``matched``, is bent by the matched vicinity operation,
    so that every point of the walk follows the prior where the start does (paper, Section 3.3
    and Figure 6). The points of one walk are dependent: each follows the prior, the path as a
    whole is a stationary Markov chain.

    Parameters
    ----------
    start : array_like
        The latents at which the walks start, of any shape; drawn from the prior.
    prior : law
        The law of one component: anything `as_distribution` takes. Or an isotropic law of latents,
        such as ``otmaps.Sphere(512)``.
    eps : float
        The size of a step.
    steps : int
        How many, at least 0.
    matched : bool
        False gives the raw walk, which leaves the prior.
    inputs : mapping or sequence, optional
        ``{"u": law}`` where the steps do not follow the prior.
    axis : int or tuple of int
        For an isotropic prior, the axis or the axes that hold the components of a latent.
    random_state : numpy.random.Generator or int, optional
        The source of the steps, or a seed.

    Returns
    -------
    ndarray
        Shape ``(steps + 1, *start.shape)``; the first point is the start itself.

    Examples
    --------
    >>> import otmaps
    >>> prior = otmaps.Normal()
    >>> z = prior.rvs((1000, 16), random_state=0)
    >>> path = otmaps.random_walk(z, prior, steps=5, random_state=1)
    >>> path.shape
    (6, 1000, 16)
    """
    first = real_array(start, "start")
    try:
        count = operator.index(steps)
    except TypeError:
        raise TypeError(f"steps must be an integer, got {type(steps).__name__}.") from None
    if count < 0:
        raise ValueError(f"steps must be at least 0, got {count}.")
    op = vicinity(eps)
    step: MatchedOperation | MatchedIsotropicOperation
    if isinstance(prior, Isotropic):
        step = match(op, prior, inputs=inputs, axis=axis)
    else:
        step = match(op, as_distribution(prior), inputs=inputs)
    rng = np.random.default_rng(random_state)
    path = np.empty((count + 1, *first.shape), dtype=first.dtype)
    path[0] = first
    for k in range(count):
        u = _draws(step.inputs[1], first.shape, axis, rng).astype(first.dtype, copy=False)
        path[k + 1] = step(path[k], u) if matched else op.raw(path[k], u)
    return path


def _draws(
    law: Distribution | Isotropic, shape: tuple[int, ...], axis: Axis, rng: np.random.Generator
) -> AnyFloatArray:
    """Draws of a law of components, or of whole latents, as an array of that shape."""
    if isinstance(law, Isotropic):
        return from_rows(law.rvs(math.prod(batch_shape(axis, shape)), rng), axis, shape)
    return np.asarray(law.rvs(shape, rng))
