"""How kernels are compiled: the options in one place, and the instructions asked for by name."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numba
import numba.extending

# Division by zero must give infinity as in NumPy; fast-math would delete the guards against NaN.
jit = numba.njit(cache=True, nogil=True, error_model="numpy")
# For parts of a loop: a call would count references to every array it passes, at 100 ns a call.
part = numba.njit(inline="always", error_model="numpy")


@numba.extending.intrinsic
def _fused(_context, x, y, z):  # type: ignore[no-untyped-def]  # noqa: ARG001 - numba's protocol
    double = numba.float64

    def generate(_target, builder, _signature, arguments):  # type: ignore[no-untyped-def]
        return builder.fma(*arguments)

    return double(double, double, double), generate


def _rounded_twice(x: float, y: float, z: float) -> float:
    return x * y + z


# x * y + z in one instruction, on every machine the same value. Asked for by name, because letting
# the compiler contract would take a fast-math flag. Interpreted kernels need no speed.
INTERPRETED = bool(numba.config.DISABLE_JIT)  # type: ignore[attr-defined]
fma: Callable[..., Any] = _rounded_twice if INTERPRETED else _fused
