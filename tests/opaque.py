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
        1: lambda a: of_floats(a),
        2: lambda a, b: of_floats(a, b),
        3: lambda a, b, c: of_floats(a, b, c),
        4: lambda a, b, c, d: of_floats(a, b, c, d),
    }
    return otmaps.operation(named[inputs], name="opaque")()
