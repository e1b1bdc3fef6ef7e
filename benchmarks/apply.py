"""Maps applied to latents in random order, beside what else one would use.

All candidates run on one thread, so they are measured by the time of that thread: that is the
same ratio on a machine that does other things too.
"""

from __future__ import annotations

import time

import numpy as np

import otmaps

from .cases import OPERATIONS, PRIORS, TABULATED, TOLERANCES, draws, midpoint_map
from .peers import LOOKUPS, SOURCE
from .sizes import SEED, VALUES

DTYPES = tuple(TOLERANCES)


class Copy:
    """The floor: read and write once."""

    params = (DTYPES,)
    param_names = ("dtype",)
    timer = staticmethod(time.thread_time)

    def setup(self, dtype: str) -> None:
        self.y = draws(SOURCE).astype(dtype)
        self.out = np.empty_like(self.y)
        self.time_copy(dtype)

    def time_copy(self, dtype: str) -> None:
        np.copyto(self.out, self.y)


class Lookup:
    """The map from the logistic to the normal law, by every peer."""

    params = (list(LOOKUPS), DTYPES)
    param_names = ("peer", "dtype")
    timer = staticmethod(time.thread_time)

    def setup(self, peer: str, dtype: str) -> None:
        self.y = draws(SOURCE).astype(dtype)
        try:
            self.lookup = LOOKUPS[peer].make(self.y)
        except ImportError as error:
            raise NotImplementedError(str(error)) from error  # asv: not here
        self.lookup(self.y)

    def time_lookup(self, peer: str, dtype: str) -> None:
        self.z = self.lookup(self.y)


class Map:
    """The maps of the midpoint of two latents."""

    params = (TABULATED, DTYPES)
    param_names = ("prior", "dtype")
    timer = staticmethod(time.thread_time)

    def setup(self, prior: str, dtype: str) -> None:
        self.map = midpoint_map(prior, TOLERANCES[dtype])
        z1, z2 = (draws(PRIORS[prior], VALUES, SEED + i) for i in range(2))
        self.y = OPERATIONS["lerp"].raw(z1, z2).astype(dtype)
        self.out = np.empty_like(self.y)
        self.time_map(prior, dtype)

    def time_map(self, prior: str, dtype: str) -> None:
        self.map(self.y, out=self.out)


class Straight:
    """Maps that need no table."""

    params = (("identity", "affine"), DTYPES)
    param_names = ("kind", "dtype")
    timer = staticmethod(time.thread_time)

    def setup(self, kind: str, dtype: str) -> None:
        source = {"identity": otmaps.Normal(), "affine": otmaps.Normal(1.0, 0.7)}[kind]
        self.map = otmaps.monotone_map(source, otmaps.Normal())
        self.y = draws(source).astype(dtype)
        self.out = np.empty_like(self.y)
        self.time_map(kind, dtype)

    def time_map(self, kind: str, dtype: str) -> None:
        self.map(self.y, out=self.out)
