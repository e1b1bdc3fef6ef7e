"""What the demo measures: the rows of the table, and the values that a run returns."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

import otmaps
from otmaps.demo._conditions import (
    RANDOM,
    condition_latents,
    conditions,
    reference_latents,
    reference_norms,
)
from otmaps.demo._generators import Generator
from otmaps.demo._scores import (
    exp_kl_score,
    frechet_distance,
    ks_distance,
    relative_norm,
    sample_distance,
    squared_norms,
)

Array = npt.NDArray[Any]


@dataclass(frozen=True)
class Row:
    """One line of the table.

    Attributes
    ----------
    model : str
        The generator.
    operation, treatment : str
        As in `Condition`: what was done to the latents, and how.
    score, score_std : float or None
        exp E KL of the classifier, mean and standard deviation over the parts of the sample;
        None without a classifier.
    change : float or None
        score / (score of random samples) - 1.
    frechet : float or None
        Squared Frechet distance to fresh samples in the classifier's features; None where there
        are none.
    ks : float
        Kolmogorov-Smirnov distance of the pooled components to the prior.
    norm_ks : float
        The same of the norms, to those of `NORMS` times as many fresh samples.
    norm : float
        Mean squared norm of the latents over that of the prior; NaN where that is infinite.
    seconds : float
        What the row took.
    """

    model: str
    operation: str
    treatment: str
    score: float | None
    score_std: float | None
    change: float | None
    frechet: float | None
    ks: float
    norm_ks: float
    norm: float
    seconds: float

    @property
    def key(self) -> str:
        """The row within its model, such as "4-point average, matched"."""
        return f"{self.operation}, {self.treatment}"


@dataclass(frozen=True)
class ModelReport:
    """All rows of one generator, and what is known about it."""

    name: str
    prior: otmaps.Distribution
    dim: int
    facts: Mapping[str, Any]
    rows: tuple[Row, ...]
    seconds: float

    def row(self, operation: str, treatment: str) -> Row:
        """The row of an operation and a treatment."""
        for row in self.rows:
            if (row.operation, row.treatment) == (operation, treatment):
                return row
        raise KeyError(f"{self.name} has no row {operation!r}, {treatment!r}.")


@dataclass(frozen=True)
class DemoReport:
    """What `run` made.

    Attributes
    ----------
    page, results : Path
        The HTML page, and the same numbers as JSON.
    models : tuple of ModelReport
        One a generator.
    n, seed : int
        Samples a row, and the seed of all draws.
    seconds : float
        Wall time of the run.
    """

    page: Path
    results: Path
    models: tuple[ModelReport, ...]
    n: int
    seed: int
    seconds: float

    @property
    def rows(self) -> tuple[Row, ...]:
        """The rows of all generators."""
        return tuple(row for model in self.models for row in model.rows)


def measure(generator: Generator, n: int, seed: int, done: Callable[[str], None]) -> ModelReport:
    """Every row of the table for one generator; ``done`` hears the name of each step."""
    start = time.monotonic()
    rows = tuple(_rows(generator, n, seed, done))
    seconds = time.monotonic() - start
    return ModelReport(
        generator.name, generator.prior, generator.dim, generator.facts, rows, seconds
    )


def measure_steps(generator: Generator) -> int:
    """How many steps `measure` tells of."""
    return 1 + len(conditions(generator.prior))


def _rows(generator: Generator, n: int, seed: int, done: Callable[[str], None]) -> Iterator[Row]:
    prior, dim = generator.prior, generator.dim
    reference = None
    if generator.classifier is not None:
        reference = generator.classified(reference_latents(prior, dim, n, seed))[1]
    norms = reference_norms(prior, dim, n, seed)
    done(f"{generator.name}: fresh samples to compare with")
    base: float | None = None
    start = time.monotonic()
    for condition, latents in condition_latents(prior, dim, n, seed):
        score, std, distance = _image_scores(generator, latents, reference)
        base = score if condition == RANDOM else base
        change = None if score is None or base is None else score / base - 1.0
        yield Row(
            generator.name,
            condition.operation,
            condition.treatment,
            score,
            std,
            change,
            distance,
            ks_distance(latents, prior),
            sample_distance(squared_norms(latents), norms),
            relative_norm(latents, prior),
            time.monotonic() - start,
        )
        done(f"{generator.name}: {condition.key}")
        start = time.monotonic()


def _image_scores(
    generator: Generator, latents: Array, reference: Array | None
) -> tuple[float | None, float | None, float | None]:
    if generator.classifier is None:
        return None, None, None
    probabilities, features = generator.classified(latents.astype(np.float32, copy=False))
    mean, std = exp_kl_score(probabilities)
    if features is None or reference is None:
        return mean, std, None
    return mean, std, frechet_distance(features, reference)


def as_json(report: ModelReport) -> dict[str, Any]:
    """A model report as plain values; what is not finite becomes null."""
    rows = [
        {name: _plain(getattr(row, name)) for name in Row.__dataclass_fields__ if name != "model"}
        for row in report.rows
    ]
    return {
        "name": report.name,
        "prior": repr(report.prior),
        "dim": report.dim,
        "facts": dict(report.facts),
        "rows": rows,
        "seconds": round(report.seconds, 3),
    }


def _plain(value: Any) -> Any:
    return None if isinstance(value, float) and not math.isfinite(value) else value
