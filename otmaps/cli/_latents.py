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
from otmaps.cli._arguments import bind, load_array, split_inputs
from otmaps.cli._command import command
from otmaps.cli._manual import LAWS, OPERATIONS, Manual
from otmaps.cli._terminal import console, error_size, number, print_json, print_table, progress_bar
from otmaps.cli._voice import note, say, working

if TYPE_CHECKING:
    import numpy.typing as npt

    from otmaps import CheckReport, Distribution, Operation
    from otmaps.cli._arguments import Factory, Law


_BLOCK = 2**20  # values that are matched between two looks at the clock


@command(
    short_help="Match the latents of .npy files.",
    manual=Manual(
        (
            "otmaps match lerp a.npy b.npy -p t=0.3 --prior normal -o out.npy",
            'otmaps match analogy a.npy b.npy c.npy --prior "uniform(-1, 1)" -o d.npy',
            'otmaps match slerp a.npy b.npy --prior "StandardNormal(512)" -o out.npy',
            "otmaps match own.py:sharpen a.npy b.npy -p strength=0.5 -o out.npy",
        ),
        notes=f"{OPERATIONS}\n{LAWS}",
        json={
            "operation": "The operation with its parameters.",
            "prior": "The prior.",
            "inputs": "The files.",
            "output": "The file with the matched latents.",
            "shape": "Of the result.",
            "dtype": "Of the result.",
            "nan": "How many results are NaN.",
            "map": "The map: kind and error.",
        },
        files=("*.npy", "*.py"),
    ),
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
@_options.any_prior_option
@_options.inputs_option
@_options.parameters_option
@_options.method_option
@_options.tol_option
@_options.store_option
@click.option("--force", is_flag=True, help="Overwrite the output file.")
@_options.json_option
def match(
    *,
    factory: Factory,
    files: tuple[Path, ...],
    output: Path,
    prior: Law,
    inputs: tuple[str, ...],
    parameters: tuple[str, ...],
    method: str,
    tol: float,
    store: str | None,
    force: bool,
    as_json: bool,
) -> None:
    """Apply a matched operation to latents in .npy files, one file for each latent.

    The arrays may have any shapes that broadcast against each other. The result is float32 (or
    float16) where all of them are, and float64 otherwise. A prior of whole latents, such as
    StandardNormal(512), takes the last axis for the components of a latent.
    """
    import numpy as np

    if output.exists() and not force:
        raise click.UsageError(f"{output} exists; pass --force to overwrite it.")
    op = bind(factory, parameters)
    if len(files) != len(op.latents):
        raise click.UsageError(
            f"{op!r} takes {len(op.latents)} latents ({', '.join(op.latents)}), got {len(files)} "
            f"{'file' if len(files) == 1 else 'files'}."
        )
    arrays = [load_array(path) for path in files]
    matched = _matched(op, prior, inputs=inputs, method=method, tol=tol, store=store)
    result = _applied(matched, arrays)
    nan = int(np.count_nonzero(np.isnan(result)))
    if nan:
        say("Warning", f"{nan} of {result.size} results are NaN.", kind="Warning")
    save_array(output, result)
    if as_json:
        print_json(
            {
                "operation": repr(op),
                "prior": repr(prior),
                "inputs": [str(path) for path in files],
                "output": str(output),
                "shape": list(result.shape),
                "dtype": str(result.dtype),
                "nan": nan,
                "map": {"kind": matched.map.kind, "error": matched.map.error},
            }
        )
        return
    shape = " x ".join(map(str, result.shape)) or "one number"
    console().print(
        f"{output}: {shape}, {result.dtype}; {matched.map.kind} map, "
        f"error {error_size(matched.map.error)}",
        soft_wrap=True,
    )


def _matched(
    op: Operation,
    prior: Law,
    *,
    inputs: tuple[str, ...],
    method: str,
    tol: float,
    store: str | None,
) -> Any:
    import otmaps

    with working("law and map"):
        matched = otmaps.match(
            op, prior, inputs=split_inputs(inputs), method=method, tol=tol,
            store=_options.chosen_store(store),
        )  # fmt: skip
    note(f"{matched!r}")
    return matched


def _applied(matched: Any, arrays: list[npt.NDArray[Any]]) -> npt.NDArray[Any]:
    """The matched latents; many of them by blocks of rows, with the time that is left.

    A value is the same whatever block it is computed in, and latents lie along later axes.
    """
    import numpy as np

    try:
        shape = np.broadcast_shapes(*(array.shape for array in arrays))
    except ValueError:
        shape = ()  # the operation says it better
    rows = max(1, _BLOCK // max(1, math.prod(shape[1:])))
    if len(shape) < 2 or shape[0] <= rows:
        with working("latents"):
            return np.asarray(matched(*arrays))
    whole = [np.broadcast_to(array, shape) for array in arrays]
    result: npt.NDArray[Any] | None = None
    with progress_bar() as bar:
        for start in bar.track(range(0, shape[0], rows), description="latents"):
            part = np.asarray(matched(*(array[start : start + rows] for array in whole)))
            if result is None:
                result = np.empty(shape, part.dtype)
            result[start : start + rows] = part
    assert result is not None  # noqa: S101 - for mypy: there is a row
    return result


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


@command(
    short_help="Compare the map with optimal transport by POT.",
    manual=Manual(
        (
            "otmaps check lerp --prior uniform",
            "otmaps check barycenter -p weights=.7,.2,.1 --prior laplace -n 5000 --dim 3",
            "otmaps check own.py:sharpen --json",
        ),
        notes=f"{OPERATIONS}\n{LAWS}",
        exits={1: "The map does not hold."},
        json={
            "operation": "The operation with its parameters.",
            "prior": "The prior.",
            "holds": "Whether no row fails.",
            "n": "The number of draws.",
            "dim": "The components of a latent in the exact plan.",
            "confidence": "The probability that a right map passes.",
            "seed": "The seed of all draws.",
            "rows": "For each gap its name, found, allowed, unit, whether it holds or was skipped, "
            "and a note.",
        },
        files=("*.npy", "*.py"),
    ),
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
    matched = _matched(op, prior, inputs=inputs, method=method, tol=tol, store=store)
    with working("optimal transport by POT"):
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
