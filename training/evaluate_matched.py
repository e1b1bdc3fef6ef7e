"""otmaps as the ``matched`` function of a script that evaluates generators trained by others.

Such a script draws latents, mixes them and measures the images; it asks for a function of
``points`` (k, N, d), ``weights`` and ``prior``, a tuple such as ``("uniform", -1.0, 1.0)`` or
``("normal", 0.0, 1.0)``, that returns latents (N, d)::

    PYTHONPATH=training python evaluate.py --matched evaluate_matched:matched
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


@functools.cache
def _operation(
    weights: tuple[float, ...], prior: tuple[str, float, float]
) -> otmaps.MatchedOperation:
    kind, *parameters = prior
    return otmaps.match(otmaps.linear(weights), _LAWS[kind](*parameters))
