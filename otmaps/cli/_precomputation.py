"""Tables ahead of time."""

from __future__ import annotations

import re
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from otmaps.cli import _options
from otmaps.cli._arguments import (
    complete_law,
    complete_operation,
    law_callback,
    operation_callback,
    parameter_grid,
    split_inputs,
)
from otmaps.cli._command import command
from otmaps.cli._grid_file import GridFile, read_grid_file
from otmaps.cli._manual import LAWS, OPERATIONS, Manual
from otmaps.cli._terminal import byte_size, console, error_size, number, print_json, print_table
from otmaps.cli._voice import is_quiet, note, say, speaks_json

if TYPE_CHECKING:
    from otmaps import Distribution, Job, PrecomputeReport
    from otmaps.cli._arguments import Factory


def _part(_: click.Context, __: click.Parameter, text: str | None) -> tuple[int, int] | None:
    """The numbers of ``3/16``."""
    if text is None:
        return None
    match = re.fullmatch(r"([1-9]\d*)/([1-9]\d*)", text, re.ASCII)
    if match is None or int(match[1]) > int(match[2]):
        raise click.BadParameter(f"{text!r} is no part; write K/N, as in 3/16.")
    return int(match[1]), int(match[2])


_GRIDS = """\
A parameter takes one value, a range start:stop:count, or a list a,b,c; a parameter that is a vector
takes one vector at a time. Every parameter may be repeated, and all combinations are computed. Run
the same command again to go on after an interruption.

A grid file replaces OPERATION and its options. In TOML it reads

\b
  store = "tables"                  # optional, as are method and tol
  [[grid]]
  operation = "lerp"                # or a list, or "path/to/file.py:name"
  prior = ["normal", "uniform(-1, 1)"]
  parameters = { t = "0:1:101" }    # a value, a list of values, or a range
  [[grid]]
  operation = "vicinity"
  prior = "laplace"
  parameters = { eps = [0.1, 0.3] }
  tol = 1e-6

and in JSON the same names stand in objects, with "grid" a list of them.
"""


@command(
    short_help="Make tables ahead of time.",
    manual=Manual(
        (
            "otmaps precompute lerp -p t=0:1:101 --prior normal --prior uniform",
            "otmaps precompute vicinity -p eps=0.1,0.3,1 --prior laplace --workers 4",
            "otmaps precompute barycenter -p weights=.5,.25,.25 -p weights=.6,.2,.2",
            "otmaps precompute lerp -p t=0:1:11 --store tables --json",
            "otmaps precompute --grid grids.toml --store s3://bucket/a --part 3/16",
            "otmaps precompute --grid grids.toml --dask tcp://scheduler:8786",
        ),
        notes=f"{_GRIDS}\n{OPERATIONS}\n{LAWS}",
        exits={1: "A table could not be made; the others are there."},
        json={
            "seconds": "How long it took.",
            "duplicates": "Jobs that were asked for twice.",
            "above_tol": "Tables whose error is above --tol.",
            "results": "For each table its operation, prior, key, status (built, found, "
            "memory-only or failed), message, seconds, size and error.",
        },
        files=("*.toml, *.json", "*.npy", "*.py", "*.safetensors"),
    ),
)
@click.argument(
    "factory",
    metavar="[OPERATION]",
    callback=operation_callback,
    shell_complete=complete_operation,
    required=False,
)
@click.option(
    "--grid",
    "grid_file",
    metavar="FILE",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Grids of operations, parameters and priors, as TOML or JSON; see below.",
)
@click.option(
    "--prior",
    "priors",
    metavar="LAW",
    callback=law_callback,
    shell_complete=complete_law,
    multiple=True,
    default=["normal"],
    show_default="normal",
    help="The law of each component of a latent; may be repeated.",
)
@_options.inputs_option
@_options.parameters_option
@_options.method_option
@_options.tol_option
@_options.store_option
@click.option(
    "--workers",
    type=click.IntRange(min=1),
    default=1,
    show_default=True,
    help="Processes that build tables.",
)
@click.option("--dask", metavar="ADDRESS", help="The scheduler of a Dask cluster that builds them.")
@click.option(
    "--part",
    metavar="K/N",
    callback=_part,
    help="The K-th of N parts of the grid alone: one for each machine.",
)
@_options.json_option
@click.pass_context
def precompute(
    ctx: click.Context,
    /,
    *,
    factory: Factory | None,
    grid_file: Path | None,
    store: str | None,
    workers: int,
    dask: str | None,
    part: tuple[int, int] | None,
    as_json: bool,
    **one_grid: Any,
) -> None:
    """Make the tables of a grid of parameters, so that matching finds them ready.

    The exit code is 1 when a table could not be made; the others are made nevertheless.
    """
    if (factory is None) == (grid_file is None):
        raise click.UsageError("Name an OPERATION, or a file by --grid.")
    if dask is not None and workers > 1:
        raise click.UsageError("The processes of --dask are its own; leave out --workers.")
    if grid_file is not None:
        _refuse_beside_a_file(ctx, one_grid)
        read = read_grid_file(grid_file)
    else:
        assert factory is not None  # noqa: S101 - for mypy: one of the two is
        read = GridFile(_jobs(factory, **one_grid), None)
    jobs = read.jobs if part is None else read.jobs[part[0] - 1 :: part[1]]
    place = _options.chosen_store(store or read.store)
    report = _run(jobs, place, workers, dask)
    if as_json:
        print_json(_as_dict(report))
    else:
        _print_report(report)
    for result in report.failed:
        say("Failed", f"{result.job.op!r}, prior {result.job.prior!r}: {result.message}")
    if not report:
        ctx.exit(1)


def _jobs(
    factory: Factory,
    *,
    priors: tuple[Distribution, ...],
    inputs: tuple[str, ...],
    parameters: tuple[str, ...],
    method: str,
    tol: float,
) -> list[Job]:
    import otmaps

    return otmaps.grid(
        factory,
        list(priors),
        inputs=split_inputs(inputs),
        method=method,
        tol=tol,
        **parameter_grid(factory, parameters),
    )


def _refuse_beside_a_file(ctx: click.Context, options: dict[str, Any]) -> None:
    """Refuse options that the file says instead: one of both would be ignored."""
    for name in options:
        if ctx.get_parameter_source(name) is not click.core.ParameterSource.DEFAULT:
            written = next(p.opts[-1] for p in ctx.command.params if p.name == name)
            raise click.UsageError(f"{written} stands beside --grid; write it in the file.")


def _run(jobs: list[Job], store: Any, workers: int, dask: str | None) -> PrecomputeReport:
    from otmaps import precompute as run

    progress = not is_quiet() and (sys.stderr.isatty() or not speaks_json())
    note(f"{len(jobs)} jobs, store {store!r}, {workers if dask is None else dask} workers")
    if dask is None:
        return run(jobs, store, workers if workers > 1 else None, progress=progress)
    try:
        from distributed import Client
    except ImportError as error:
        raise click.ClickException(
            f"--dask needs distributed ({error}): pip install 'otmaps[dask]'."
        ) from error
    with Client(dask) as client:
        return run(jobs, store, client, progress=progress)


def _as_dict(report: PrecomputeReport) -> dict[str, Any]:
    return {
        "seconds": report.seconds,
        "duplicates": report.duplicates,
        "above_tol": len(report.missed),
        "results": [
            {
                "operation": repr(result.job.op),
                "prior": repr(result.job.prior),
                "key": result.key,
                "status": result.status,
                "message": result.message,
                "seconds": result.seconds,
                "size": result.size,
                "error": result.error,
            }
            for result in report.results
        ],
    }


def _print_report(report: PrecomputeReport) -> None:
    rows = []
    for status in ("built", "found", "memory-only", "failed"):
        chosen = [r for r in report.results if r.status == status]
        if chosen:
            rows.append(
                (
                    status,
                    str(len(chosen)),
                    byte_size(sum(r.size for r in chosen)),
                    f"{sum(r.seconds for r in chosen):.2f} s",
                )
            )
    print_table(["tables", "count", "size", "work"], rows, right=["count", "size", "work"])
    rate = len(report.results) / report.seconds if report.seconds > 0 else 0.0
    out = console()
    reasons = [r.message for r in report.results if r.status == "memory-only"]
    for reason in sorted(set(reasons)):
        out.print(f"{reasons.count(reason)} not stored: {reason}.", soft_wrap=True)
    out.print(
        f"{len(report.results)} tables in {report.seconds:.1f} s ({number(rate, 3)}/s), "
        f"{report.duplicates} duplicates, largest error {error_size(report.error)}, "
        f"{len(report.missed)} above tol"
    )
