"""The demo's scores for the treatments of the page, in steps that let a slider in between."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import numpy.typing as npt

from otmaps._explorer._settings import Settings
from otmaps._explorer._studio import Studio
from otmaps.demo._conditions import reference_latents
from otmaps.demo._generators import Generator
from otmaps.demo._scores import exp_kl_score, frechet_distance, ks_distance, relative_norm

Array = npt.NDArray[Any]

_PART = 40  # images between two looks at whether a slider waits: some 30 ms


def scores(studio: Studio, settings: Settings) -> Iterator[dict[str, Any]]:
    """First the share that is done, again and again; at last the rows."""
    n = settings.images
    generator, prior = studio.generator(settings), studio.prior(settings)
    bench, results = studio.results(settings, n)
    fresh = studio.latents(settings, len(bench.operation.latents), n)[0]
    rows = {"prior": fresh, **results}
    reference = reference_latents(prior, generator.dim, n, settings.seed)
    judged: dict[str, tuple[Array, Array | None]] = {}
    if generator.classifier is not None:
        sets = {"reference": reference, **rows}
        parts = len(sets) * -(-n // _PART)
        done = 0
        for name, latents in sets.items():
            found = []
            for part in _classified(generator, latents):
                found.append(part)
                done += 1
                yield {"done": done / parts}
            judged[name] = _joined(found)
    yield {
        "n": n,
        "rows": [
            {
                "name": name,
                "ks": ks_distance(latents, prior),
                "norm": _finite(relative_norm(latents, prior)),
                **_image_scores(judged, name),
            }
            for name, latents in rows.items()
        ],
    }


def _classified(generator: Generator, latents: Array) -> Iterator[tuple[Array, Array | None]]:
    for start in range(0, len(latents), _PART):
        yield generator.classified(latents[start : start + _PART])


def _joined(parts: list[tuple[Array, Array | None]]) -> tuple[Array, Array | None]:
    probabilities, features = zip(*parts, strict=True)
    known = [part for part in features if part is not None]
    return np.concatenate(probabilities), np.concatenate(known) if known else None


def _image_scores(
    judged: dict[str, tuple[Array, Array | None]], name: str
) -> dict[str, float | None]:
    if name not in judged:
        return {"score": None, "spread": None, "frechet": None}
    probabilities, features = judged[name]
    score, spread = exp_kl_score(probabilities)
    reference = judged["reference"][1]
    distance = (
        None if features is None or reference is None else frechet_distance(features, reference)
    )
    return {"score": score, "spread": spread, "frechet": distance}


def _finite(value: float) -> float | None:
    return value if np.isfinite(value) else None
