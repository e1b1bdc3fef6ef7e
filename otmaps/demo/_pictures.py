"""Images that generators make along operations, put together as PNG files."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

import otmaps
from otmaps.demo._conditions import EPS, STEPS, prior_draws
from otmaps.demo._generators import Generator

Array = npt.NDArray[Any]

PAIRS = 3
FRAMES = 11
_GRID = 7
_GAP = 2
_PIXELS = 56  # side of a tile: images are enlarged by a whole factor, or thinned out, towards it


@dataclass(frozen=True)
class Picture:
    """A PNG file of the page, with what it shows.

    Attributes
    ----------
    file : str
        Relative to the page.
    label : str
        A word or two that stand beside it.
    description : str
        What a person who does not see it should know.
    width, height : int
        In pixels.
    """

    file: str
    label: str
    description: str
    width: int
    height: int


@dataclass(frozen=True)
class Album:
    """All pictures of one generator."""

    samples: Picture
    strips: tuple[tuple[Picture, ...], ...]  # one tuple a pair of end points
    grids: tuple[Picture, ...]
    walks: tuple[Picture, ...]


def make_album(generator: Generator, folder: Path, seed: int) -> Album:
    """Draw the pictures of a generator into a folder.

    Nothing is picked by hand: end points, corners and starts are the first draws of the seed.
    """
    return Album(
        samples=_samples(generator, folder, _stream(seed, 11)),
        strips=_strips(generator, folder, _stream(seed, 12)),
        grids=_grids(generator, folder, _stream(seed, 13)),
        walks=_walks(generator, folder, seed),
    )


def _stream(seed: int, number: int) -> np.random.Generator:
    return np.random.default_rng([seed, number])


def _samples(generator: Generator, folder: Path, rng: np.random.Generator) -> Picture:
    latents = prior_draws(generator.prior, (5, 16, generator.dim), rng)
    text = f"80 images of {generator.name} from fresh latents"
    return _picture(generator, latents, folder, name="samples", label="fresh samples", text=text)


def _strips(
    generator: Generator, folder: Path, rng: np.random.Generator
) -> tuple[tuple[Picture, ...], ...]:
    starts, ends = prior_draws(generator.prior, (2, PAIRS, generator.dim), rng)
    found = []
    for treatment in ("linear", "slerp", "matched"):
        frames = np.stack(path_points(generator.prior, treatment, starts, ends, FRAMES), axis=1)
        found.append(
            [
                _picture(
                    generator,
                    row[None],
                    folder,
                    name=f"strip-{pair + 1}-{treatment}",
                    label=treatment,
                    text=f"pair {pair + 1}, {treatment} interpolation in {FRAMES} images",
                )
                for pair, row in enumerate(frames)
            ]
        )
    return tuple(zip(*found, strict=True))


def _grids(generator: Generator, folder: Path, rng: np.random.Generator) -> tuple[Picture, ...]:
    corners = prior_draws(generator.prior, (4, generator.dim), rng)
    last = _GRID - 1
    # Bilinear weights: the four corners of the grid are the four latents.
    weights = [
        [(last - i) * (last - j), (last - i) * j, i * (last - j), i * j]
        for i in range(_GRID)
        for j in range(_GRID)
    ]
    means = Means(generator.prior)
    found = []
    for treatment, mean in (("linear", means.linear), ("matched", means.matched)):
        latents = np.array([mean(parts, corners) for parts in weights])
        text = f"{_GRID} by {_GRID} images between four corners, {treatment}"
        grid = latents.reshape(_GRID, _GRID, -1)
        name = f"grid-{treatment}"
        found.append(_picture(generator, grid, folder, name=name, label=treatment, text=text))
    return tuple(found)


def _walks(generator: Generator, folder: Path, seed: int) -> tuple[Picture, ...]:
    found = []
    for treatment in ("raw", "matched"):
        rng = _stream(seed, 14)  # both walks take the same steps
        start = prior_draws(generator.prior, (PAIRS, generator.dim), rng)
        path = otmaps.random_walk(
            start,
            generator.prior,
            eps=EPS,
            steps=STEPS,
            matched=treatment == "matched",
            random_state=rng,
        )
        frames = np.swapaxes(path[:: STEPS // (FRAMES - 1)], 0, 1)
        text = f"{PAIRS} random walks of {STEPS} steps, {treatment}, every second step"
        name = f"walk-{treatment}"
        found.append(_picture(generator, frames, folder, name=name, label=treatment, text=text))
    return tuple(found)


def _picture(
    generator: Generator, latents: Array, folder: Path, *, name: str, label: str, text: str
) -> Picture:
    """The images of latents (rows, columns, dim) as one file."""
    rows, columns, dim = latents.shape
    images = generator.images(latents.reshape(-1, dim).astype(np.float32, copy=False))
    pixels = tiled(images.reshape(rows, columns, *images.shape[1:]))
    file = file_name(generator.name, name)
    save_png(folder / file, pixels)
    return Picture(file, label, text, pixels.shape[1], pixels.shape[0])


class Means:
    """Weighted means of latents of one prior, linear and matched.

    Weights are given as whole numbers, their sum being the whole: so weights in another order are
    the same weights exactly, and a map is built once for all orders.
    """

    def __init__(self, prior: otmaps.Distribution) -> None:
        self.prior = prior
        self._matched: dict[tuple[int, ...], otmaps.MatchedOperation] = {}

    def linear(self, parts: Sequence[int], points: Array) -> Array:
        return np.asarray(_barycenter(parts).raw(*points))

    def matched(self, parts: Sequence[int], points: Array) -> Array:
        order = sorted((part, index) for index, part in enumerate(parts) if part)
        key = tuple(part for part, _ in order)
        if key not in self._matched:
            self._matched[key] = otmaps.match(_barycenter(key), self.prior)
        return np.asarray(self._matched[key](*(points[index] for _, index in order)))


def _barycenter(parts: Sequence[int]) -> otmaps.Operation:
    whole = sum(parts)
    return otmaps.barycenter([part / whole for part in parts])


def path_points(
    prior: otmaps.Distribution, treatment: str, start: Array, end: Array, frames: int
) -> list[Array]:
    """Latents on the way from one to another, at equal steps of time, both ends included."""
    last = frames - 1
    if treatment == "slerp":
        return [otmaps.slerp(k / last).raw(start, end) for k in range(frames)]
    means = Means(prior)
    mean = means.matched if treatment == "matched" else means.linear
    return [mean((last - k, k), np.stack([start, end])) for k in range(frames)]


def file_name(*parts: str) -> str:
    """A PNG file name that needs no quoting, in a path or in a page."""
    return re.sub(r"[^A-Za-z0-9._]+", "-", "-".join(parts)) + ".png"


def tiled(images: Array) -> Array:
    """Images (rows, columns, C, H, W) in [0, 1] side by side, as bytes (height, width, 4).

    The gaps are transparent, so that the picture stands on a light page and on a dark one.
    """
    rows, columns, channels, height, width = images.shape
    grow = max(1, round(_PIXELS / max(height, width)))
    thin = max(1, max(height, width) // (2 * _PIXELS))
    images = images[..., ::thin, ::thin].repeat(grow, axis=-1).repeat(grow, axis=-2)
    height, width = images.shape[-2:]
    rgba = np.zeros((rows, height + _GAP, columns, width + _GAP, 4), dtype=np.uint8)
    values = np.rint(np.moveaxis(images, 2, -1) * 255).astype(np.uint8)  # rows, columns, H, W, C
    colours = np.broadcast_to(values, (*values.shape[:-1], 3)) if channels == 1 else values
    rgba[:, :height, :, :width, :3] = np.swapaxes(colours, 1, 2)
    rgba[:, :height, :, :width, 3] = 255
    joined = rgba.reshape(rows * (height + _GAP), columns * (width + _GAP), 4)
    return joined[:-_GAP, :-_GAP]


def save_png(file: Path, pixels: Array) -> None:
    """Write bytes (height, width, 4) as a PNG."""
    from matplotlib.image import imsave

    imsave(file, np.ascontiguousarray(pixels), format="png")
