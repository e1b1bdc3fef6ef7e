"""otmaps as the ``matched`` function of a script that evaluates generators trained by others.

Such a script draws latents, mixes them and measures the images; it asks for a function of
``points`` (k, N, d), ``weights`` and ``prior``, a tuple such as ``("uniform", -1.0, 1.0)`` or
``("normal", 0.0, 1.0)``, that returns latents (N, d)::

    PYTHONPATH=training python evaluate.py --matched evaluate_matched:matched

With ``evaluate_matched:matched_slerp`` means of two latents of a normal prior go along the great
circle instead, by matched slerp.
"""

from __future__ import annotations

import functools
from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

import otmaps

Array = npt.NDArray[Any]
_LAWS = {"uniform": otmaps.Uniform, "normal": otmaps.Normal}


def matched(points: Array, weights: Sequence[float], prior: tuple[str, float, float]) -> Array:
    """The matched weighted sum of the points."""
    return np.asarray(_operation(tuple(map(float, weights)), prior)(*points))


def matched_slerp(
    points: Array, weights: Sequence[float], prior: tuple[str, float, float]
) -> Array:
    """Matched slerp for means of two latents of a normal prior; else as `matched`."""
    kind, mean, scale = prior
    t = float(weights[-1])
    if kind != "normal" or mean != 0.0 or tuple(weights) != (1.0 - t, t) or not 0.0 < t < 1.0:
        return matched(points, weights, prior)
    first, second = np.asarray(points) / scale
    return scale * np.asarray(_slerp(t, first.shape[-1])(first, second))


@functools.cache
def _slerp(t: float, dim: int) -> otmaps.MatchedIsotropicOperation:
    return otmaps.match(otmaps.slerp(t), otmaps.StandardNormal(dim))


@functools.cache
def _operation(
    weights: tuple[float, ...], prior: tuple[str, float, float]
) -> otmaps.MatchedOperation:
    kind, *parameters = prior
    return otmaps.match(otmaps.linear(weights), _LAWS[kind](*parameters))
