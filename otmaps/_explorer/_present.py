"""The answer to a slider: pictures, curves and distances at the present values."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from otmaps._built_in import is_slerp
from otmaps._distribution import Distribution
from otmaps._explorer._curves import law_chart, map_chart, norm_chart
from otmaps._explorer._settings import Settings
from otmaps._explorer._studio import Studio, picture
from otmaps._explorer._treatments import Bench
from otmaps._operations import Operation
from otmaps.demo._generators import Generator
from otmaps.demo._pictures import tiled
from otmaps.demo._scores import ks_distance, relative_norm

Array = npt.NDArray[Any]

SHOWN = 12  # pictures of one treatment
_JUDGED = 300  # latents behind a Kolmogorov-Smirnov distance: times the dimension, components


def present(studio: Studio, settings: Settings) -> dict[str, Any]:
    """Everything that changes with a slider, in JSON types."""
    generator, prior = studio.generator(settings), studio.prior(settings)
    bench, results = studio.results(settings)
    fresh = studio.latents(settings, len(bench.operation.latents))[0]
    panels = [
        {
            "name": name,
            **_distances(results[name], prior),
            **picture(pixels, f"{SHOWN} images of {described(bench.operation)}, {name}"),
        }
        for name, pixels in shown_pixels(studio, settings, results).items()
    ]
    charts = [
        law_chart(bench, prior, results),
        map_chart(bench),
        norm_chart({"prior": fresh, **results}, generator.dim),
    ]
    return {
        "operation": described(bench.operation),
        "prior": repr(prior),
        "panels": panels,
        "charts": charts,
        "certificate": certificate(bench),
        "problem": bench.problem,
        "notes": [*_foreign_prior(generator, prior), *bench.notes],
    }


def described(op: Operation) -> str:
    """An operation with its parameters, in a few digits."""
    values = {k: v for k, v in op.parameters.items() if not (is_slerp(op) and k == "axis")}
    return f"{op.name}({', '.join(f'{k}={_short(v)}' for k, v in values.items())})"


def _short(value: Any) -> str:
    if isinstance(value, tuple):
        return f"({', '.join(map(_short, value))})"
    return f"{value:.4g}" if isinstance(value, float) else str(value)


def shown_pixels(
    studio: Studio, settings: Settings, results: Mapping[str, Array]
) -> dict[str, Array]:
    """The first results of each treatment as one block of images."""
    latents = np.stack([values[:SHOWN] for values in results.values()])
    images = studio.images(settings, latents)
    shape = (SHOWN // settings.columns, settings.columns, *images.shape[2:])
    return {name: tiled(part.reshape(shape)) for name, part in zip(results, images, strict=True)}


def certificate(bench: Bench) -> str:
    """How exact the map is, in words."""
    if bench.matched is None:
        return ""
    error = bench.matched.map.error
    law = bench.matched.source.method
    size = "The map is exact" if error == 0.0 else f"Error of the map: {error:.0e} at most"
    return f"{size}. Law of the raw result: {law}."


def _distances(values: Array, prior: Distribution) -> dict[str, float | None]:
    norm = relative_norm(values, prior)
    return {
        "ks": round(ks_distance(values[:_JUDGED], prior), 4),
        "norm": round(norm, 3) if math.isfinite(norm) else None,
    }


def _foreign_prior(generator: Generator, prior: Distribution) -> list[str]:
    if repr(prior) == repr(generator.prior):
        return []
    text = (
        f"{generator.name} was trained on latents of the law {generator.prior!r}: with another "
        "prior its images are not what they could be."
    )
    return [text]
