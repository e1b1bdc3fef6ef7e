"""The demo on image generators."""

from __future__ import annotations

import dataclasses
import math
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from otmaps.cli._arguments import complete_law, law_callback
from otmaps.cli._command import command
from otmaps.cli._manual import LAWS, Manual
from otmaps.cli._options import json_option
from otmaps.cli._terminal import console, number, print_json, print_table, progress_bar

if TYPE_CHECKING:
    from otmaps import Distribution
    from otmaps.demo import DemoReport, ModelReport, Row

_FILE = click.Path(exists=True, dir_okay=False, path_type=Path)


@command(
    short_help="Show it on image generators, as a page.",
    manual=Manual(
        (
            "otmaps demo",
            "otmaps demo --output /tmp/demo -n 2000",
            "otmaps demo --model g.onnx --prior normal --dim 128 --classifier c.onnx",
        ),
        notes=LAWS,
        json={
            "page": "The path of the page.",
            "results": "The path of a file with everything measured.",
            "n": "Samples in each row.",
            "seed": "The seed of all draws.",
            "seconds": "How long it took.",
            "models": "For each generator its name, prior, dim and the rows of its table.",
        },
        files=("*.onnx", "*.pt"),
    ),
)
@click.option(
    "--output",
    type=click.Path(file_okay=False, path_type=Path),
    default=Path("otmaps-demo"),
    show_default=True,
    help="The folder for the page, its pictures and the numbers as JSON.",
)
@click.option(
    "-n",
    "--samples",
    "n",
    type=click.IntRange(min=50),
    default=10_000,
    show_default=True,
    help="Samples in each row of the table.",
)
@click.option(
    "--seed",
    type=click.IntRange(min=0),
    default=0,
    show_default=True,
    help="The seed of all draws.",
)
@click.option(
    "--model",
    type=_FILE,
    help="Your own generator, in place of ours, as ONNX or as TorchScript, a program that runs.",
)
@click.option(
    "--prior",
    metavar="LAW",
    callback=law_callback,
    shell_complete=complete_law,
    help="The law your generator was trained on.",
)
@click.option(
    "--dim", type=click.IntRange(min=1), help="Its latent dimension, where the file leaves it open."
)
@click.option("--classifier", type=_FILE, help="A classifier of its images as ONNX, for scores.")
@json_option
def demo(
    *,
    output: Path,
    n: int,
    seed: int,
    model: Path | None,
    prior: Distribution | None,
    dim: int | None,
    classifier: Path | None,
    as_json: bool,
) -> None:
    """Measure raw and matched operations on image generators and write a page about it.

    Takes two minutes with the two generators that come with otmaps, and writes one folder with
    an HTML page: interpolations, analogies and random walks, and what they do to the images.
    """
    if model is None and (prior, dim, classifier) != (None, None, None):
        raise click.UsageError("--prior, --dim and --classifier go with --model.")
    if model is not None and prior is None:
        raise click.UsageError("--model needs --prior, the law the generator was trained on.")
    from otmaps.demo import run

    with progress_bar() as bar:
        task = bar.add_task("starting", total=1.0)
        report = run(
            output,
            n=n,
            seed=seed,
            model_path=model,
            prior=prior,
            dim=dim,
            classifier_path=classifier,
            progress=lambda message, fraction: bar.update(
                task, description=message, completed=fraction
            ),
        )
    if as_json:
        print_json(_as_dict(report))
        return
    for measured in report.models:
        _print_model(measured)
    out = console()
    out.print(f"{report.n} samples a row, seed {report.seed}, {report.seconds:.0f} s")
    out.print(f"Page: {report.page}", soft_wrap=True)


def _as_dict(report: DemoReport) -> dict[str, Any]:
    return {
        "page": str(report.page),
        "results": str(report.results),
        "n": report.n,
        "seed": report.seed,
        "seconds": report.seconds,
        "models": [
            {
                "name": measured.name,
                "prior": repr(measured.prior),
                "dim": measured.dim,
                "rows": [dataclasses.asdict(row) for row in measured.rows],
            }
            for measured in report.models
        ],
    }


def _print_model(measured: ModelReport) -> None:
    columns = ["operation", "latents", "score", "change", "Frechet", "KS", "KS |z|"]
    print_table(
        columns,
        [_cells(row) for row in measured.rows],
        title=f"{measured.name}: {measured.dim} components with the law {measured.prior!r}",
        right=columns[2:],
    )


def _cells(row: Row) -> list[str]:
    score = "-" if row.score is None else f"{row.score:.3f}"
    if row.score_std is not None:
        score += f" +- {row.score_std:.3f}"
    return [
        row.operation,
        row.treatment,
        score,
        "-" if row.change is None else f"{100 * row.change:+.1f}%",
        number(math.nan if row.frechet is None else row.frechet, 3),
        f"{row.ks:.4f}",
        f"{row.norm_ks:.4f}",
    ]
