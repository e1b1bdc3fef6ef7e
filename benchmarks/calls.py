"""One map, called in every way: layouts of arrays, directions, threads, sizes."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from typing import Any

import numpy as np

from .cases import PRIORS, TABULATED, TOLERANCES, draws, midpoint_map
from .sizes import TINY, VALUES

PRIOR = "laplace"
DTYPES = tuple(TOLERANCES)
ROWS = 10 if TINY else 2_000

Array = np.ndarray[Any, Any]


def _read_only(y: Array) -> tuple[Array, Array]:
    frozen = y.copy()
    frozen.flags.writeable = False
    return frozen, np.zeros_like(y)


def _in_place(y: Array) -> tuple[Array, Array]:
    place = y.copy()
    return place, place


def _transposed(y: Array) -> tuple[Array, Array]:
    columns = np.asfortranarray(y.reshape(ROWS, -1))
    return columns, np.zeros(columns.shape, y.dtype)


LAYOUTS: dict[str, Callable[[Array], tuple[Array, Array | None]]] = {
    "out=": lambda y: (y.copy(), np.zeros_like(y)),
    "a new array": lambda y: (y.copy(), None),
    "in place": _in_place,
    "read-only": _read_only,
    "every other value": lambda y: (np.repeat(y, 2)[::2], np.zeros_like(y)),
    "into every other value": lambda y: (y.copy(), np.repeat(y, 2)[::2]),
    "columns first": _transposed,
}
"""The array, and where the result goes."""

DIRECTIONS = ("map", "inverse", "derivative", "log_derivative")
SIZES = tuple(10**k for k in range(int(math.log10(VALUES)) + 1))


def points(dtype: str, prior: str = PRIOR) -> Array:
    """Midpoints of two latents."""
    return np.asarray(
        0.5 * draws(PRIORS[prior], seed=1) + 0.5 * draws(PRIORS[prior], seed=2), dtype
    )


class Layout:
    """Where the values lie, and where they go."""

    params = (list(LAYOUTS), DTYPES)
    param_names = ("layout", "dtype")
    timer = staticmethod(time.thread_time)
    number = 1  # in place, every run needs its values anew

    def setup(self, layout: str, dtype: str) -> None:
        self.map = midpoint_map(PRIOR, TOLERANCES[dtype])
        self.source = points(dtype)
        self.y, self.out = LAYOUTS[layout](self.source)
        self.time_map(layout, dtype)
        self.fill()

    def fill(self) -> None:
        """Put the values back that a run in place has overwritten."""
        if self.out is self.y:
            np.copyto(self.y, self.source)

    def time_map(self, layout: str, dtype: str) -> None:
        self.map(self.y, out=self.out)


class Direction:
    """The map, its inverse and its derivatives."""

    params = (DIRECTIONS, TABULATED, DTYPES)
    param_names = ("direction", "prior", "dtype")
    timer = staticmethod(time.thread_time)

    def setup(self, direction: str, prior: str, dtype: str) -> None:
        T = midpoint_map(prior, TOLERANCES[dtype])
        self.call = T if direction == "map" else getattr(T, direction)
        backwards = direction == "inverse"
        self.x = draws(PRIORS[prior]).astype(dtype) if backwards else points(dtype, prior)
        self.out = np.zeros_like(self.x)
        self.call(self.x[:10], out=self.out[:10])

    def time_direction(self, direction: str, prior: str, dtype: str) -> None:
        self.call(self.x, out=self.out)


class Threads:
    """By the clock: what the opt-in to a second thread gains."""

    params = ((1, 2), DTYPES)
    param_names = ("threads", "dtype")

    def setup(self, threads: int, dtype: str) -> None:
        self.map = midpoint_map(PRIOR, TOLERANCES[dtype])
        self.y = points(dtype)
        self.out = np.zeros_like(self.y)
        self.time_map(threads, dtype)

    def time_map(self, threads: int, dtype: str) -> None:
        self.map(self.y, out=self.out, threads=threads)


class Size:
    """Small arrays, where the call itself counts."""

    params = (("map", "map, out=", "inverse", "copy"), SIZES)
    param_names = ("call", "values")
    timer = staticmethod(time.thread_time)

    def setup(self, call: str, values: int) -> None:
        T = midpoint_map(PRIOR)
        self.y = points("float64")[:values].copy()
        self.out = np.zeros_like(self.y)
        self.run: Callable[[], Any] = {
            "map": lambda: T(self.y),
            "map, out=": lambda: T(self.y, out=self.out),
            "inverse": lambda: T.inverse(self.y, out=self.out),
            "copy": lambda: np.copyto(self.out, self.y),
        }[call]
        self.run()

    def time_call(self, call: str, values: int) -> None:
        self.run()
