"""Functions of numbers that others wrote: which numba knows, and loops over arrays made of them.

The loops are ufuncs in memory, without a disk cache: that goes by files, and would miss the edits
and the captured values of functions that are not the package's own.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numba
import numba.core.errors
import numba.extending
import numpy as np
from numba.np.ufunc.dufunc import DUFunc

from otmaps._kernels._policy import INTERPRETED

# What numba raises on arguments that a compiled function does not take.
CompiledFunctionError: type[Exception] = numba.core.errors.NumbaError


def ufunc_arity(function: Any) -> tuple[int, int] | None:
    """The numbers of inputs and outputs of a ufunc, NumPy's or numba's; None for others."""
    return (function.nin, function.nout) if isinstance(function, np.ufunc | DUFunc) else None


def is_compiled(function: Any) -> bool:
    """Whether numba has compiled the function, or will at its first call."""
    return bool(numba.extending.is_jitted(function))


def python_function(function: Any) -> Any:
    """The Python function inside of a compiled one; others as they are."""
    return function.py_func if is_compiled(function) else function


def element_loop(function: Callable[..., Any]) -> Callable[..., Any] | None:
    """A compiled loop of a function of numbers over arrays; None where kernels are interpreted.

    Compiled at its first call, which raises whatever numba raises on a function that it cannot
    compile. Division by zero gives infinity, as in NumPy.
    """
    return None if INTERPRETED else numba.vectorize(nopython=True)(function)  # type: ignore[no-untyped-call]
