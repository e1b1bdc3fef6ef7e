"""Peak memory; every figure includes the interpreter and the imports of `peakmem_empty`."""

from __future__ import annotations

import numpy as np

import otmaps

from .cases import OPERATIONS, PRIORS, midpoint_map
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
