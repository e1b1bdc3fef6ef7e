"""Peak memory; every figure includes the interpreter and the imports of `peakmem_empty`."""

from __future__ import annotations

import functools
import tracemalloc
from collections.abc import Callable
from typing import Any

import numpy as np

import otmaps

from . import blends, calls
from .cases import OPERATIONS, PRIORS, draws, midpoint_map
from .peers import LOOKUPS, SOURCE
from .sizes import SEED, VALUES


class Peak:
    """What a process needs at most."""

    def setup(self) -> None:
        # Filled in place: draws of a law need scratch memory, whose peak would hide the rest.
        self.z = np.empty(VALUES)
        np.random.default_rng(SEED).standard_normal(out=self.z)
        self.out = np.zeros_like(self.z)
        self.out += 0.0  # its pages exist once they are written
        self.map = midpoint_map("laplace")
        self.map(self.z[:10], out=self.out[:10])

    def peakmem_empty(self) -> None:
        """The reference: what stands already."""

    def peakmem_map_into_out(self) -> None:
        self.map(self.z, out=self.out)

    def peakmem_map(self) -> None:
        self.map(self.z)

    def peakmem_map_in_place(self) -> None:
        self.map(self.z, out=self.z)

    def peakmem_map_of_every_other_value(self) -> None:
        self.map(self.z[::2], out=self.out[: (self.z.size + 1) // 2])

    def peakmem_map_on_two_threads(self) -> None:
        self.map(self.z, out=self.out, threads=2)

    def peakmem_matched(self) -> None:
        otmaps.match(OPERATIONS["lerp"], PRIORS["laplace"], store=None)(self.z, self.z)


class Build:
    """Laws and maps alone, without latents."""

    def peakmem_empty(self) -> None:
        """The reference: the imports."""

    def peakmem_midpoint(self) -> None:
        midpoint_map("laplace")

    def peakmem_barycenter(self) -> None:
        otmaps.match(OPERATIONS["barycenter"], PRIORS["laplace"], store=None)


def scratch(call: Callable[[], Any]) -> int:
    """The bytes that a call holds at most at a time, its result among them: what NumPy allocates.

    What compiled code allocates by itself is not seen; in otmaps that is 6 kilobytes a call.
    """
    tracemalloc.start()
    try:
        call()
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


def layout_call(name: str, threads: int = 1) -> Callable[[], Any]:
    """One map at one layout of the values."""
    T, (y, out) = midpoint_map(calls.PRIOR), calls.LAYOUTS[name](calls.points("float64"))
    return lambda: T(y, out=out, threads=threads)


def blend_call(name: str) -> Callable[[], Any]:
    """One way to blend two latents."""
    return blends.WAYS[name](calls.PRIOR, *blends.latents(calls.PRIOR))


def lookup_call(name: str) -> Callable[[], Any]:
    """One peer."""
    y = draws(SOURCE)
    try:
        lookup = LOOKUPS[name].make(y)
    except ImportError as error:
        raise NotImplementedError(str(error)) from error  # asv: not here
    return lambda: lookup(y)


CALLS: dict[str, Callable[[], Callable[[], Any]]] = {
    **{f"map, {name}": functools.partial(layout_call, name) for name in calls.LAYOUTS},
    "map, out=, 2 threads": lambda: layout_call("out=", 2),
    "map, columns first, 2 threads": lambda: layout_call("columns first", 2),
    **{f"midpoint, {name}": functools.partial(blend_call, name) for name in blends.WAYS},
    **{
        f"lookup, {name}": functools.partial(lookup_call, name)
        for name in LOOKUPS
        if name != "otmaps"
    },
}
"""What makes the call whose memory is asked for."""


class Scratch:
    """Memory of one call beside its arguments: 8 bytes a value are one array."""

    params = (list(CALLS),)
    param_names = ("call",)
    unit = "bytes a value"

    def setup(self, call: str) -> None:
        self.run = CALLS[call]()
        self.run()

    def track_bytes(self, call: str) -> float:
        return scratch(self.run) / VALUES
