"""Arrays of other libraries: torch, JAX, CuPy, Dask and whatever follows the array API standard.

None of these libraries is imported before an array of it is passed.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import Any

import numpy as np

from otmaps._backends._base import ArrayBackend, Backend, refuse_out, refuse_threads
from otmaps._backends._curve import INVERSE, Curve
from otmaps._backends._dask import Dask
from otmaps._backends._jax import Jax
from otmaps._backends._standard import Standard
from otmaps._backends._steps import Program, program, run_linear, run_program

__all__ = [
    "INVERSE",
    "ArrayBackend",
    "Backend",
    "Curve",
    "Program",
    "backend_of",
    "program",
    "refuse_out",
    "refuse_threads",
    "run_linear",
    "run_program",
]

_NATIVE = (np.ndarray, float, int, list, tuple, np.generic)
_NUMBERS = (float, int, np.floating, np.integer)
_OTHERS = (Dask(), Jax(), Standard())


def backend_of(values: Sequence[Any]) -> Backend | None:
    """The library that arrays are of; None for NumPy and what it takes.

    Raises
    ------
    TypeError
        For arrays of different libraries.
    """
    found: Backend | None = None
    for value in values:
        if isinstance(value, _NATIVE):
            continue
        found = _library(value)
        if found is not None:
            break
    if found is None:
        return None
    for value in values:
        if not (found.owns(value) or isinstance(value, _NUMBERS)):
            raise TypeError(
                f"a {found.name} array and a {type(value).__module__}.{type(value).__name__} were "
                "passed together; convert one of them, so that all are of one library."
            )
    return found


def _library(value: Any) -> Backend | None:
    if "torch" in sys.modules:
        from otmaps._backends._torch import Torch

        if Torch().owns(value):
            return Torch()
    return next((library for library in _OTHERS if library.owns(value)), None)
