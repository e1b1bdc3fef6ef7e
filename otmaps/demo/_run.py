"""The demo from end to end: generators in, a folder with a page out."""

from __future__ import annotations

import json
import operator
import os
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import otmaps
from otmaps.demo._figures import make_figures, norm_dim
from otmaps.demo._generators import SHIPPED, Generator, load_generator, shipped_generator
from otmaps.demo._page import Section, write_page
from otmaps.demo._pictures import make_album
from otmaps.demo._report import DemoReport, ModelReport, as_json, measure, measure_steps
from otmaps.demo._scores import SPLITS

Progress = Callable[[str, float], None]

_FEWEST = 50


def run(
    output: str | os.PathLike[str],
    *,
    n: int = 10_000,
    seed: int = 0,
    models: Sequence[str] | None = None,
    model_path: str | os.PathLike[str] | None = None,
    prior: Any = None,
    dim: int | None = None,
    classifier_path: str | os.PathLike[str] | None = None,
    progress: Progress | None = None,
) -> DemoReport:
    """Measure raw and matched operations on image generators and write a page about it.

    Without ``model_path`` the generators that come with the library are used; with it the user's
    own takes their place. All numbers of the page are computed here and now.

    Parameters
    ----------
    output : path
        The folder for ``index.html``, ``results.json`` and the pictures; made if it is missing.
    n : int
        Samples in each row of the table, at least 50.
    seed : int
        Of all draws; not negative.
    models : sequence of str, optional
        Which of the shipped generators: "digits" (uniform prior), "fashion" (normal prior).
    model_path : path, optional
        A generator of the user's as ONNX or TorchScript; see `load_generator` for what it must
        look like.
    prior : law, optional
        What that generator was trained on: needed with ``model_path``, and only then.
    dim : int, optional
        Its latent dimension, where the file leaves it open.
    classifier_path : path, optional
        A classifier of its images as ONNX. Without one the page shows the pictures, norms and
        distances of the latents, and no scores.
    progress : callable, optional
        Called as ``progress(message, fraction)`` after each step, with fraction in (0, 1].

    Returns
    -------
    DemoReport

    Raises
    ------
    ImportError
        Where onnxruntime or matplotlib is missing: ``pip install 'otmaps[demo]'``.
    ModelError
        Where a model file cannot be used.
    """
    begun = time.monotonic()
    n, seed = _count(n, "n", _FEWEST), _count(seed, "seed", 0)
    _require_matplotlib()
    folder = Path(output)
    if folder.exists() and not folder.is_dir():
        raise ValueError(f"output must be a folder, and {folder} is a file.")
    generators = _generators(models, model_path, prior, dim, classifier_path)
    folder.mkdir(parents=True, exist_ok=True)
    steps = _Steps(progress, total=sum(measure_steps(generator) + 2 for generator in generators))
    sections = [_section(generator, folder, n, seed, steps) for generator in generators]
    reports = tuple(section.report for section in sections)
    results = folder / "results.json"
    seconds = time.monotonic() - begun
    _write_results(results, reports, n, seed, seconds)
    page = write_page(folder / "index.html", sections, n=n, seed=seed, seconds=seconds)
    return DemoReport(page, results, reports, n, seed, seconds)


class _Steps:
    """Counts steps and tells the caller."""

    def __init__(self, progress: Progress | None, total: int) -> None:
        self.progress = progress
        self.total = total
        self.count = 0

    def __call__(self, message: str) -> None:
        self.count += 1
        if self.progress is not None:
            self.progress(message, self.count / self.total)


def _section(generator: Generator, folder: Path, n: int, seed: int, steps: _Steps) -> Section:
    report = measure(generator, n, seed, steps)
    album = make_album(generator, folder, seed)
    steps(f"{generator.name}: pictures")
    figures = make_figures(
        generator.prior, generator.name, folder, seed, dim=norm_dim(generator.dim)
    )
    steps(f"{generator.name}: figures")
    return Section(report, album, figures)


def _generators(
    models: Sequence[str] | None,
    model_path: str | os.PathLike[str] | None,
    prior: Any,
    dim: int | None,
    classifier_path: str | os.PathLike[str] | None,
) -> list[Generator]:
    if model_path is None:
        given = {"prior": prior, "dim": dim, "classifier_path": classifier_path}
        stray = [name for name, value in given.items() if value is not None]
        if stray:
            raise ValueError(f"{' and '.join(stray)} is of use only together with model_path.")
        if isinstance(models, str):
            raise TypeError(f"models must be a sequence of names, got the string {models!r}.")
        names = SHIPPED if models is None else tuple(dict.fromkeys(models))
        if not names:
            raise ValueError(f"models must name at least one of {', '.join(SHIPPED)}.")
        return [shipped_generator(name) for name in names]
    if models is not None:
        raise ValueError("pass either models or model_path, not both.")
    if prior is None:
        raise ValueError("model_path needs the prior that the generator was trained on.")
    return [load_generator(model_path, prior, dim=dim, classifier_path=classifier_path)]


def _count(value: int, name: str, least: int) -> int:
    try:
        number = operator.index(value)
    except TypeError:
        raise TypeError(f"{name} must be an integer, got {type(value).__name__}.") from None
    if number < least:
        raise ValueError(f"{name} must be at least {least}, got {number}.")
    return number


def _require_matplotlib() -> None:
    try:
        import matplotlib.image as _  # noqa: F401 - asked now, not after all is computed
    except ImportError:
        message = "the demo needs onnxruntime and matplotlib: pip install 'otmaps[demo]'"
        raise ImportError(message) from None


def _write_results(
    file: Path, reports: tuple[ModelReport, ...], n: int, seed: int, seconds: float
) -> None:
    values = {
        "otmaps": otmaps.__version__,
        "n": n,
        "seed": seed,
        "splits": SPLITS,
        "seconds": round(seconds, 3),
        "models": [as_json(report) for report in reports],
    }
    file.write_text(json.dumps(values, indent=2, allow_nan=False) + "\n", encoding="utf-8")
