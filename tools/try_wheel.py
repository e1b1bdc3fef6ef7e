"""Use otmaps as it is installed here, without its sources: what a wheel must hold is there."""

from __future__ import annotations

import sys
from importlib.metadata import version
from pathlib import Path

import numpy as np

import otmaps


def main() -> None:
    """Import, match latents, load a generator; say what was used."""
    place = Path(otmaps.__file__)
    sources = Path(__file__).parents[1] / "otmaps"
    if place.parent == sources:
        raise SystemExit(f"{place.parent} are the sources; install the wheel, and run python -P.")
    if version("otmaps") != otmaps.__version__:
        raise SystemExit(f"metadata say {version('otmaps')}, the code {otmaps.__version__}.")
    for name in otmaps.__all__:
        getattr(otmaps, name)
    prior = otmaps.Uniform(-1, 1)
    z1, z2 = prior.rvs((2, 1000, 16), random_state=0)
    z = otmaps.match(otmaps.lerp(0.5), prior, store=None)(z1, z2)
    if not np.allclose(z.var(), 1.0 / 3.0, rtol=0.05):
        raise SystemExit(f"matched latents have variance {z.var()}, not 1/3.")
    for data in ("py.typed", "demo/models"):
        if not (place.parent / data).exists():
            raise SystemExit(f"{data} is missing in {place.parent}.")
    sys.stdout.write(f"otmaps {otmaps.__version__} works in {place.parent}\n")


if __name__ == "__main__":
    main()
