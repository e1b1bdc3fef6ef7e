"""Matched operations on files of latents, and their check."""

from __future__ import annotations

import contextlib
import math
import os
import secrets
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from otmaps.cli import _options
from otmaps.cli._application import examples, say
from otmaps.cli._arguments import bind, load_array, split_inputs
from otmaps.cli._terminal import console, error_size, number, print_json, print_table

if TYPE_CHECKING:
    import numpy.typing as npt

    from otmaps import CheckReport, Distribution
    from otmaps.cli._arguments import Factory


@click.command(
    short_help="Match the latents of .npy files.",
    epilog=examples(
        "otmaps match lerp a.npy b.npy -p t=0.3 --prior normal -o out.npy",
        'otmaps match analogy a.npy b.npy c.npy --prior "uniform(-1, 1)" -o d.npy',
        "otmaps match own.py:sharpen a.npy b.npy -p strength=0.5 -o out.npy",
    )
    + _options.NOTES,
)
@_options.operation_argument
@click.argument(
    "files",
    metavar="IN.npy...",
    nargs=-1,
    required=True,
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
)
@click.option(
    "-o",
    "--output",
    metavar="OUT.npy",
    required=True,
    type=click.Path(dir_okay=False, path_type=Path),
    help="Where the matched latents go.",
)
@_options.prior_option
@_options.inputs_option
@_options.parameters_option
@_options.method_option
@_options.tol_option
@_options.store_option
@click.option("--force", is_flag=True, help="Overwrite the output file.")
def match(
    *,
    factory: Factory,
    files: tuple[Path, ...],
    output: Path,
    prior: Distribution,
    inputs: tuple[str, ...],
    parameters: tuple[str, ...],
    method: str,
    tol: float,
    store: str | None,
    force: bool,
) -> None:
    """Apply a matched operation to latents in .npy files, one file for each latent.

    The arrays may have any shapes that broadcast against each other. The result is float32 (or
    float16) where all of them are, and float64 otherwise.
    """
    import numpy as np

    import otmaps

    if output.exists() and not force:
        raise click.UsageError(f"{output} exists; pass --force to overwrite it.")
    op = bind(factory, parameters)
    if len(files) != len(op.latents):
        raise click.UsageError(
            f"{op!r} takes {len(op.latents)} latents ({', '.join(op.latents)}), got {len(files)} "
            f"{'file' if len(files) == 1 else 'files'}."
        )
    arrays = [load_array(path) for path in files]
    matched = otmaps.match(
        op, prior, inputs=split_inputs(inputs), method=method, tol=tol,
        store=_options.chosen_store(store),
    )  # fmt: skip
    result = np.asarray(matched(*arrays))
    _count_nan(result)
    save_array(output, result)
    shape = " x ".join(map(str, result.shape)) or "one number"
    console().print(
        f"{output}: {shape}, {result.dtype}; {matched.map.kind} map, "
        f"error {error_size(matched.map.error)}",
        soft_wrap=True,
    )


def _count_nan(result: npt.NDArray[Any]) -> None:
    import numpy as np

    count = int(np.count_nonzero(np.isnan(result)))
    if count:
        say("Warning", f"{count} of {result.size} results are NaN.", "yellow")


def save_array(path: Path, array: npt.NDArray[Any]) -> None:
    """Write a .npy file that appears whole or not at all.

    Raises
    ------
    OSError
        Where the directory does not exist or cannot be written.
    """
    import numpy as np

    temporary = path.with_name(f".{path.name}.{secrets.token_hex(4)}.tmp")
    try:
        # Not tempfile: its files are private, and a result has the mode that the umask says.
        descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o666)
    except OSError as error:
        raise OSError(error.errno, f"cannot be written: {error.strerror}", str(path)) from None
    try:
        with os.fdopen(descriptor, "wb") as file:
            np.save(file, array, allow_pickle=False)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
    except BaseException:
        with contextlib.suppress(OSError):
            temporary.unlink()
        raise


@click.command(
    short_help="Compare the map with optimal transport by POT.",
    epilog=examples(
        "otmaps check lerp --prior uniform",
        "otmaps check barycenter -p weights=.7,.2,.1 --prior laplace -n 5000 --dim 3",
        "otmaps check own.py:sharpen --json",
    )
    + _options.NOTES,
)
@_options.operation_argument
@_options.prior_option
@_options.inputs_option
@_options.parameters_option
@click.option(
    "-n",
    "--draws",
    "n",
    type=click.IntRange(min=100),
    default=2000,
    show_default=True,
    help="Draws to compare.",
)
@click.option(
    "--dim",
    type=click.IntRange(min=1),
    default=2,
    show_default=True,
    help="Components of a latent in the exact plan.",
)
@click.option(
    "--seed",
    type=click.IntRange(min=0),
    default=0,
    show_default=True,
    help="The seed of all draws.",
)
@_options.method_option
@_options.tol_option
@_options.store_option
@_options.json_option
@click.pass_context
def check(
    ctx: click.Context,
    *,
    factory: Factory,
    prior: Distribution,
    inputs: tuple[str, ...],
    parameters: tuple[str, ...],
    n: int,
    dim: int,
    seed: int,
    method: str,
    tol: float,
    store: str | None,
    as_json: bool,
) -> None:
    """Compare a matched operation with optimal transport computed by POT.

    Each row is a gap that was found and the gap that its sampling error allows. The exit code is
    1 when a row does not hold.
    """
    import otmaps

    op = bind(factory, parameters)
    matched = otmaps.match(
        op, prior, inputs=split_inputs(inputs), method=method, tol=tol,
        store=_options.chosen_store(store),
    )  # fmt: skip
    report = otmaps.check(matched, n=n, dim=dim, seed=seed)
    if as_json:
        print_json({"operation": repr(op), "prior": repr(prior)} | report.as_dict())
    else:
        _print_report(f"{op!r}, prior {prior!r}", report)
    if not report:
        ctx.exit(1)


def _print_report(title: str, report: CheckReport) -> None:
    from rich.text import Text

    verdicts = {
        "skipped": Text("skipped", style="dim"),
        "holds": Text("holds", style="green"),
        "FAILS": Text("FAILS", style="bold red"),
    }
    rows: list[list[Any]] = []
    for row in report.rows:
        verdict = "skipped" if row.skipped else "holds" if row.holds else "FAILS"
        numbers = ["-" if math.isnan(x) else number(x, 3) for x in (row.found, row.allowed)]
        rows.append([row.name, *numbers, row.unit, verdicts[verdict], row.note])
    columns = ["gap", "found", "allowed", "unit", "verdict", "note"]
    print_table(columns, rows, title=title, right=["found", "allowed"])
    out = console()
    out.print(
        f"{report.n} draws in {report.dim} dimensions, seed {report.seed}; a right map fails with "
        f"probability below {1 - report.confidence:.2g}.",
        style="dim",
    )
    if report:
        out.print("The map holds.", style="bold green")
    else:
        failed = ", ".join(row.name for row in report.failures)
        out.print(f"The map does not hold: {failed}.", style="bold red")
