"""Results along a way: strips along a number, grids between four latents."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from otmaps._built_in import slerp
from otmaps._explorer._controls import Control
from otmaps._explorer._settings import Settings
from otmaps._explorer._studio import Studio, picture
from otmaps.demo._pictures import tiled

Array = npt.NDArray[Any]

FRAMES = 9
PAIRS = 2
GRID = 7
_MEANS = ("lerp", "slerp", "barycenter")


def way(studio: Studio, settings: Settings) -> dict[str, Any]:
    """Strips or grids of each treatment, in JSON types; or why there are none."""
    if settings.layout == "grid":
        return _grid_answer(studio, settings)
    numbers = [c for c in studio.controls(settings) if c.kind == "number"]
    if not numbers:
        return _nothing(f"{settings.operation} has no number to move along.")
    moving = numbers[0]
    text = f"{FRAMES} images for {moving.name} from {moving.low:g} to {moving.high:g}"
    rows = [
        {"name": name, "pair": pair + 1, **picture(pixels, f"{text}, pair {pair + 1}, {name}")}
        for pair, found in enumerate(way_pixels(studio, settings))
        for name, pixels in found.items()
    ]
    span = {"name": moving.name, "low": moving.low, "high": moving.high, "frames": FRAMES}
    return {"rows": rows, "empty": "", "layout": "strip", "moving": span}


def _grid_answer(studio: Studio, settings: Settings) -> dict[str, Any]:
    if settings.operation not in _MEANS:
        return _nothing(f"grids are for {', '.join(_MEANS)}; {settings.operation} is no mean.")
    text = f"{GRID} by {GRID} images between four latents"
    rows = [
        {"name": name, "pair": 1, **picture(pixels, f"{text}, {name}")}
        for name, pixels in way_pixels(studio, settings)[0].items()
    ]
    return {"rows": rows, "empty": "", "layout": "grid", "moving": None}


def _nothing(why: str) -> dict[str, Any]:
    return {"rows": [], "empty": why, "layout": "", "moving": None}


def way_pixels(studio: Studio, settings: Settings) -> list[dict[str, Array]]:
    """The pixels of each treatment; of strips, for each pair."""
    if settings.layout == "grid":
        latents = _grid_latents(studio, settings)
        shape = (GRID, GRID)
    else:
        moving = next(c for c in studio.controls(settings) if c.kind == "number")
        latents = _strip_latents(studio, settings, moving)
        shape = (PAIRS, FRAMES)
    images = studio.images(settings, np.stack([*latents.values()]))
    images = images.reshape(len(latents), *shape, *images.shape[-3:])
    if settings.layout == "grid":
        return [{name: tiled(part) for name, part in zip(latents, images, strict=True)}]
    return [
        {name: tiled(part[None]) for name, part in zip(latents, images[:, pair], strict=True)}
        for pair in range(PAIRS)
    ]


def _strip_latents(studio: Studio, settings: Settings, moving: Control) -> dict[str, Array]:
    """Latents of shape (pairs, frames, dim) for each treatment there is at every frame."""
    values = np.linspace(moving.low, moving.high, FRAMES)
    if isinstance(moving.value, int):
        values = np.rint(values).astype(int)
    benches = [studio.bench(settings, **{moving.name: value.item()}) for value in values]
    z = studio.latents(settings, len(benches[0].operation.latents))[:, :PAIRS]
    names = [n for n in benches[0].treatments if all(n in bench.treatments for bench in benches)]
    return {
        name: np.stack([bench.treatments[name](*z) for bench in benches], axis=1) for name in names
    }


def _grid_latents(studio: Studio, settings: Settings) -> dict[str, Array]:
    """Latents of shape (GRID * GRID, dim) with the four first draws in the corners."""
    corners = studio.latents(settings, 2)[:, :2].reshape(4, -1)
    last = GRID - 1
    places = [(i, j) for i in range(GRID) for j in range(GRID)]
    parts = [((last - i) * (last - j), (last - i) * j, i * (last - j), i * j) for i, j in places]
    return {
        "linear": np.array(parts, dtype=corners.dtype) / last**2 @ corners,
        "slerp": np.array([_arc_of_arcs(i / last, j / last, corners) for i, j in places]),
        "matched": np.array([studio.matched_mean(settings, part, corners) for part in parts]),
    }


def _arc_of_arcs(u: float, v: float, corners: Array) -> Array:
    """Slerp along two opposite sides, then between the points reached: slerp knows pairs alone."""
    side = slerp(v).raw
    return np.asarray(slerp(u).raw(side(corners[0], corners[1]), side(corners[2], corners[3])))
