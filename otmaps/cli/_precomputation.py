"""Tables ahead of time."""

from __future__ import annotations

import contextlib
import time
from typing import TYPE_CHECKING, Any

import click

from otmaps.cli import _options
from otmaps.cli._application import examples, say
from otmaps.cli._arguments import complete_law, law_callback, parameter_grid, split_inputs
from otmaps.cli._terminal import (
    byte_size,
    console,
    error_size,
    number,
    print_json,
    print_table,
    progress_bar,
)

if TYPE_CHECKING:
    from otmaps import Distribution, Job, PrecomputeReport
    from otmaps.cli._arguments import Factory


@click.command(
    short_help="Make tables ahead of time.",
    epilog=examples(
        "otmaps precompute lerp -p t=0:1:101 --prior normal --prior uniform",
        "otmaps precompute vicinity -p eps=0.1,0.3,1 --prior laplace --workers 4",
        "otmaps precompute barycenter -p weights=.5,.25,.25 -p weights=.6,.2,.2",
        "otmaps precompute lerp -p t=0:1:11 --store tables --json",
    )
    + """

A parameter takes one value, a range start:stop:count, or a list a,b,c; a parameter that is a vector
takes one vector at a time. Every parameter may be repeated, and all combinations are computed. Run
the same command again to go on after an interruption.
"""
    + _options.NOTES,
)
@_options.operation_argument
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
@_options.json_option
@click.pass_context
def precompute(
    ctx: click.Context,
    *,
    factory: Factory,
    priors: tuple[Distribution, ...],
    inputs: tuple[str, ...],
    parameters: tuple[str, ...],
    method: str,
    tol: float,
    store: str | None,
    workers: int,
    as_json: bool,
) -> None:
    """Make the tables of a grid of parameters, so that matching finds them ready.

    The exit code is 1 when a table could not be made; the others are made nevertheless.
    """
    import otmaps

    jobs = otmaps.grid(
        factory,
        list(priors),
        inputs=split_inputs(inputs),
        method=method,
        tol=tol,
        **parameter_grid(factory, parameters),
    )
    report = _run(jobs, _options.chosen_store(store), workers)
    if as_json:
        print_json(_as_dict(report))
    else:
        _print_report(report)
    for result in report.failed:
        say("Failed", f"{result.job.op!r}, prior {result.job.prior!r}: {result.message}", "red")
    if not report:
        ctx.exit(1)


def _run(jobs: list[Job], store: Any, workers: int) -> PrecomputeReport:
    from otmaps import precompute as run

    start = time.perf_counter()
    with _pool(workers) as executor, progress_bar("{task.fields[rate]}") as bar:
        task = bar.add_task("tables", total=len(jobs), rate="")

        def advance(done: int, total: int, job: Job) -> None:
            rate = f"{number(done / (time.perf_counter() - start), 3)} tables/s"
            bar.update(task, completed=done, total=total, rate=rate, description=repr(job.op))

        return run(jobs, store=store, executor=executor, progress=advance)


def _pool(workers: int) -> Any:
    """A pool of processes, or nothing for one."""
    import multiprocessing
    from concurrent.futures import ProcessPoolExecutor

    if workers == 1:
        return contextlib.nullcontext()
    # Spawned: a fork would copy the thread that draws the progress bar in whatever state it is.
    return ProcessPoolExecutor(workers, mp_context=multiprocessing.get_context("spawn"))


def _as_dict(report: PrecomputeReport) -> dict[str, Any]:
    return {
        "seconds": report.seconds,
        "duplicates": report.duplicates,
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
        f"{report.duplicates} duplicates, largest error {error_size(report.error)}"
    )
