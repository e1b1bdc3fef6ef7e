"""The picture of the README: images between four latents, linear beside matched.

python tools/make_readme_picture.py docs/images/grids.png
"""

from __future__ import annotations

import argparse
from pathlib import Path

import matplotlib as mpl
import matplotlib.pyplot as plt
import numpy as np

import otmaps
from otmaps.demo._generators import Generator, shipped_generator
from otmaps.demo._pictures import tiled

SIDE = 7


def grid_latents(generator: Generator, corners: np.ndarray, *, matched: bool) -> np.ndarray:
    """Bilinear combinations of four latents, shape (SIDE, SIDE, d)."""
    steps = np.linspace(0.0, 1.0, SIDE)
    rows = []
    for v in steps:
        for u in steps:
            weights = [(1 - u) * (1 - v), u * (1 - v), (1 - u) * v, u * v]
            op = otmaps.barycenter(weights)
            apply = otmaps.match(op, generator.prior) if matched else op.raw
            rows.append(apply(*corners))
    return np.array(rows).reshape(SIDE, SIDE, -1)


def main() -> None:
    """Draw the picture."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("output", type=Path)
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args()
    mpl.use("Agg")
    figure, axes = plt.subplots(1, 4, figsize=(12, 3.4), layout="constrained")
    for k, name in enumerate(("digits", "fashion")):
        generator = shipped_generator(name)
        corners = generator.prior.rvs((4, generator.dim), args.seed)
        for j, matched in enumerate((False, True)):
            latents = grid_latents(generator, corners, matched=matched)
            images = generator.images(latents.reshape(-1, generator.dim))
            axis = axes[2 * k + j]
            axis.imshow(tiled(images.reshape(SIDE, SIDE, *images.shape[1:])), cmap="gray")
            axis.set_title("matched" if matched else "linear", fontsize=12)
            axis.set_axis_off()
    args.output.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(args.output, dpi=100)


if __name__ == "__main__":
    main()
