"""The pictures of index.md, explained.md, isotropic.md and certificate.md in docs.

python tools/make_docs_pictures.py docs/images
"""

from __future__ import annotations

import argparse
from pathlib import Path

import matplotlib as mpl
import matplotlib.pyplot as plt
import numpy as np
from matplotlib.axes import Axes

import otmaps
from otmaps import plot
from otmaps._colours import COLOURS
from otmaps.demo._figures import _STYLE, make_figures
from otmaps.demo._generators import shipped_generator
from otmaps.demo._pictures import tiled

SETS = 7
OPERATION = otmaps.barycenter([0.25] * 4)


def draw_laws(axes: Axes, prior: otmaps.Distribution) -> None:
    """The density of the prior, and of the mean of four of its draws."""
    y = np.linspace(-1.25, 1.25, 501)
    law = otmaps.pushforward(OPERATION, prior)
    axes.plot(y, prior.pdf(y), color=COLOURS["prior"], lw=5, alpha=0.45)
    axes.plot(y, law.pdf(y), color=COLOURS["linear"], lw=2)
    axes.text(-1.2, 0.58, "prior", color=COLOURS["prior"])
    axes.text(0.36, 0.9, "mean\nof four", color=COLOURS["linear"])
    axes.set(yticks=[], ylim=(0, None), xlabel="a component")
    axes.set_title("1. The mean follows another law", fontsize=14)


def draw_map(axes: Axes, prior: otmaps.Distribution) -> None:
    """The map from the law of the mean to the prior."""
    matched = otmaps.match(OPERATION, prior)
    y = np.linspace(-1, 1, 401)
    axes.plot(y, y, ":", color=COLOURS["prior"])
    axes.plot(y, matched.map(y), color=COLOURS["matched"], lw=2)
    axes.text(0.1, -0.25, "no change", color=COLOURS["prior"])
    axes.text(-0.9, 0.6, "map", color=COLOURS["matched"])
    axes.set(xticks=[-1, 0, 1], yticks=[-1, 0, 1], xlabel="component of the mean")
    axes.set_title("2. The map that changes least", fontsize=14)


def draw_images(axes: Axes, seed: int) -> None:
    """Images of means of four latents: raw above, matched below."""
    generator = shipped_generator("digits")
    latents = np.asarray(generator.prior.rvs((4, SETS, generator.dim), seed))
    matched = otmaps.match(OPERATION, generator.prior)
    rows = np.stack([OPERATION.raw(*latents), matched(*latents)])
    images = generator.images(rows.reshape(2 * SETS, generator.dim))
    picture = tiled(images.reshape(2, SETS, *images.shape[1:]))
    axes.imshow(picture, cmap="gray", interpolation="nearest")
    height = picture.shape[0]
    for row, name in enumerate(("linear", "matched")):
        axes.text(-4, (0.25 + 0.5 * row) * height, name, color=COLOURS[name], ha="right")
    axes.set_axis_off()
    axes.set_title("3. Seven means of four latents, as the generator draws them", fontsize=14)


def draw_overview(file: Path, seed: int) -> None:
    """The picture of the first page: two laws, the map between them, images."""
    prior = otmaps.Uniform(-1, 1)
    with mpl.rc_context(_STYLE):
        figure = plt.figure(figsize=(8, 5.6), layout="constrained")
        axes = figure.subplot_mosaic([["law", "map"], ["images", "images"]])
        draw_laws(axes["law"], prior)
        draw_map(axes["map"], prior)
        draw_images(axes["images"], seed)
        figure.savefig(file, dpi=140)


def draw_slerp(file: Path, seed: int) -> None:
    """Norms under slerp, raw and matched, in few and in many dimensions."""
    with mpl.rc_context(_STYLE):
        figure, axes = plt.subplots(1, 2, figsize=(9, 3.6), layout="constrained")
        for axis, dim in zip(axes, (2, 128), strict=True):
            prior = otmaps.StandardNormal(dim)
            matched = otmaps.match(otmaps.slerp(0.5), prior)
            z = np.asarray(prior.rvs((2, 100_000), seed))
            found = {
                "linear": otmaps.lerp(0.5).raw(*z),
                "slerp": matched.raw(*z),
                "matched": matched(*z),
            }
            plot.plot_norms(found, axis, prior=prior)
            axis.set(xlabel=f"norm, {dim} components", ylabel="", yticks=[])
            axis.legend(fontsize=12, handlelength=1.2)
        axes[0].set_xlim(right=5)
        axes[1].get_legend().remove()
        figure.savefig(file, dpi=140)


def draw_certificate(file: Path) -> None:
    """The error of a map, measured, beside what it certifies."""
    with mpl.rc_context(_STYLE):
        figure, axis = plt.subplots(figsize=(8, 4), layout="constrained")
        law = otmaps.pushforward(otmaps.lerp(0.3), otmaps.Laplace())
        plot.plot_certificate(otmaps.monotone_map(law, otmaps.Laplace()), axis)
        axis.set(xlabel="nearer tail of the raw result", ylabel="error")
        axis.legend(fontsize=12, loc="lower center")
        figure.savefig(file, dpi=140)


def main() -> None:
    """Draw the pictures into a folder."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args()
    mpl.use("Agg")
    args.folder.mkdir(parents=True, exist_ok=True)
    draw_overview(args.folder / "overview.png", args.seed)
    draw_slerp(args.folder / "slerp-norms.png", args.seed)
    draw_certificate(args.folder / "certificate.png")
    make_figures(otmaps.Uniform(-1, 1), "uniform", args.folder, args.seed)


if __name__ == "__main__":
    main()
