"""Operations whose functions can be evaluated and not traced."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

import otmaps


def opaque(function: Callable[..., Any], inputs: int) -> otmaps.Operation:
    """The operation; its function takes arrays of floats alone."""

    def of_floats(*z: Any) -> Any:
        return np.asarray(function(*(np.asarray(x, dtype=float) for x in z)))

    named: dict[int, Callable[..., Any]] = {
        1: lambda a: of_floats(a),  # noqa: PLW0108 - names the latents
        2: lambda a, b: of_floats(a, b),  # noqa: PLW0108 - names the latents
        3: lambda a, b, c: of_floats(a, b, c),  # noqa: PLW0108 - names the latents
        4: lambda a, b, c, d: of_floats(a, b, c, d),  # noqa: PLW0108 - names the latents
    }
    return otmaps.operation(named[inputs], name="opaque")()
