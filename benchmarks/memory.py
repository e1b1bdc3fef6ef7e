"""Peak memory; every figure includes the interpreter and the imports of `peakmem_empty`."""

from __future__ import annotations

import numpy as np

import otmaps

from .cases import OPERATIONS, PRIORS, draws, midpoint_map


class Peak:
    """What a process needs at most."""

    def setup(self) -> None:
        self.z = draws(PRIORS["laplace"])
        self.out = np.empty_like(self.z)
        self.out[...] = 0.0  # otherwise its pages do not exist yet
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
        otmaps.match(OPERATIONS["barycenter"], PRIORS["student 3"], store=None)
