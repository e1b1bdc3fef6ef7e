"""Whether the latents of a file follow a prior."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from otmaps.cli import _options
from otmaps.cli._arguments import load_array
from otmaps.cli._command import command
from otmaps.cli._manual import LAWS, Manual
from otmaps.cli._terminal import console, number, print_json, print_table
from otmaps.cli._voice import working

if TYPE_CHECKING:
    from otmaps import Diagnosis
    from otmaps.cli._arguments import Law


def _axes(_: click.Context, __: click.Parameter, text: str | None) -> tuple[int, ...] | None:
    if text is None:
        return None
    try:
        return tuple(int(part) for part in text.split(","))
    except ValueError:
        raise click.BadParameter(f"{text!r} is no list of integers, such as 1,2,3.") from None


@command(
    short_help="Test whether latents follow a prior.",
    manual=Manual(
        (
            "otmaps diagnose latents.npy",
            'otmaps diagnose latents.npy --prior "uniform(-1, 1)"',
            'otmaps diagnose latents.npy --prior "Sphere(512)"',
            "otmaps diagnose noise.npy --axis 1,2,3 --json",
        ),
        notes=LAWS,
        exits={1: "The latents contradict the prior."},
        json={
            "file": "The file.",
            "prior": "The prior.",
            "fits": "Whether no row contradicts it.",
            "count": "The number of latents.",
            "dim": "The number of components of a latent.",
            "level": "The probability of a false alarm.",
            "seed": "The seed of what the tests draw.",
            "rows": "For each test its name, what was found and expected, p_value, adjusted and "
            "verdict.",
        },
        environment=(),
        files=("*.npy",),
    ),
)
@click.argument(
    "file", metavar="FILE.npy", type=click.Path(exists=True, dir_okay=False, path_type=Path)
)
@_options.any_prior_option
@click.option(
    "--axis",
    metavar="AXES",
    callback=_axes,
    help="The axes of one latent, such as 1,2,3; the others count latents.  "
    "[default: all but the first]",
)
@click.option(
    "--level",
    type=click.FloatRange(0.0, 1.0, min_open=True, max_open=True),
    default=1e-3,
    show_default=True,
    help="The probability of a false alarm.",
)
@click.option(
    "--seed",
    type=click.IntRange(min=0),
    default=0,
    show_default=True,
    help="The seed of what the tests draw.",
)
@_options.json_option
@click.pass_context
def diagnose(
    ctx: click.Context,
    *,
    file: Path,
    prior: Law,
    axis: tuple[int, ...] | None,
    level: float,
    seed: int,
    as_json: bool,
) -> None:
    """Test whether latents in a .npy file follow a prior.

    Norms, components, correlations and neighbours are tested. The exit code is 1 when a row
    contradicts the prior.
    """
    import otmaps

    with working("tests"):
        report = otmaps.diagnose(load_array(file), prior, axis=axis, level=level, seed=seed)
    if as_json:
        print_json({"file": str(file)} | report.as_dict())
    else:
        _print_report(f"{file}, prior {prior!r}", report)
    if not report:
        ctx.exit(1)


def _print_report(title: str, report: Diagnosis) -> None:
    from rich.text import Text

    styles = {"skipped": "dim", "fits": "green", "CONTRADICTS": "bold red"}
    rows: list[list[Any]] = []
    for row in report.rows:
        numbers = [number(x, 3) for x in (row.found, row.expected, row.p_value)]
        rows.append([row.name, *numbers, Text(row.verdict, style=styles[row.verdict]), row.note])
    columns = ["test", "found", "expected", "p-value", "verdict", "note"]
    print_table(columns, rows, title=title, right=["found", "expected", "p-value"])
    out = console()
    out.print(
        f"{report.count} latents of {report.dim} components; latents that follow the prior raise "
        f"an alarm with probability below {report.level:.2g}.",
        style="dim",
    )
    if report:
        out.print("Nothing contradicts the prior.", style="bold green")
    else:
        names = ", ".join(row.name for row in report.contradictions)
        out.print(f"The latents do not follow the prior: {names}.", style="bold red")
