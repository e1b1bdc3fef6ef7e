"""Files to take away: latents as .npy or .npz, pictures as PNG."""

from __future__ import annotations

import io
import json
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any

import numpy as np
import numpy.typing as npt

from otmaps._explorer._png import png_bytes
from otmaps._explorer._present import shown_pixels
from otmaps._explorer._settings import Settings, SettingsError
from otmaps._explorer._studio import Studio
from otmaps._explorer._way import way_pixels

Array = npt.NDArray[Any]

_GAP = 12  # pixels between treatments


def latents_npz(studio: Studio, settings: Settings) -> bytes:
    """The latents that go in, the results of each treatment, and the settings as JSON text."""
    bench, results = studio.results(settings)
    inputs = studio.latents(settings, len(bench.operation.latents))
    named = {f"input_{n}": z for n, z in zip(bench.operation.latents, inputs, strict=True)}
    told = json.dumps(
        {
            "generator": settings.model,
            "prior": repr(studio.prior(settings)),
            "operation": repr(bench.operation),
            "seed": settings.seed,
        }
    )
    arrays: dict[str, Any] = {**named, **results, "settings": np.array(told)}
    file = io.BytesIO()
    np.savez_compressed(file, **arrays)
    return file.getvalue()


def latents_npy(studio: Studio, settings: Settings) -> bytes:
    """The matched results alone.

    Raises
    ------
    SettingsError
        Where the operation is not matched.
    """
    bench, results = studio.results(settings)
    if "matched" not in results:
        raise SettingsError(f"there is no matched result: {bench.problem}")
    file = io.BytesIO()
    np.save(file, results["matched"], allow_pickle=False)
    return file.getvalue()


def present_png(studio: Studio, settings: Settings) -> bytes:
    """The pictures at the present values, side by side in the order of the page."""
    _, results = studio.results(settings)
    return png_bytes(_joined([*shown_pixels(studio, settings, results).values()], axis=1))


def way_png(studio: Studio, settings: Settings) -> bytes:
    """The strips, one above the other, or the grids, side by side."""
    found = way_pixels(studio, settings)
    blocks = [pixels for pair in found for pixels in pair.values()]
    return png_bytes(_joined(blocks, axis=1 if settings.layout == "grid" else 0))


def _joined(blocks: list[Array], axis: int) -> Array:
    """Pictures of one height, or width, with transparent gaps."""
    shape = list(blocks[0].shape)
    shape[axis] = _GAP
    gap = np.zeros(shape, dtype=np.uint8)
    return np.concatenate([part for block in blocks for part in (gap, block)][1:], axis=axis)


DOWNLOADS: Mapping[str, tuple[str, Callable[[Studio, Settings], bytes]]] = MappingProxyType(
    {
        "latents.npz": ("application/zip", latents_npz),
        "latents.npy": ("application/octet-stream", latents_npy),
        "present.png": ("image/png", present_png),
        "way.png": ("image/png", way_png),
    }
)
"""File name to media type and function."""
