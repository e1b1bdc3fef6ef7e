"""What an operation does to a prior, and the map that mends it."""

from __future__ import annotations

import math
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import click

from otmaps.cli import _options
from otmaps.cli._arguments import bind, split_inputs
from otmaps.cli._command import command
from otmaps.cli._manual import LAWS, OPERATIONS, Manual
from otmaps.cli._terminal import console, error_size, number, print_json, print_plots, print_table
from otmaps.cli._voice import is_quiet, working

if TYPE_CHECKING:
    from otmaps import (
        Distribution,
        MatchedIsotropicOperation,
        MatchedOperation,
        Mismatch,
        MonotoneMap,
    )
    from otmaps.cli._arguments import Factory, Law

    AnyMatched = MatchedOperation | MatchedIsotropicOperation

_QUANTILES = (0.001, 0.01, 0.05, 0.25, 0.5, 0.75, 0.95, 0.99, 0.999)


@command(
    short_help="Show the law of the result, its faults and the map.",
    manual=Manual(
        (
            "otmaps inspect lerp --prior uniform",
            'otmaps inspect barycenter -p weights=.25,.25,.25,.25 --prior "student_t(5)"',
            'otmaps inspect lerp --prior "StandardNormal(512)"',
            "otmaps inspect vicinity -p eps=0.5 --prior normal --input u=uniform",
            "otmaps inspect analogy --prior uniform --png analogy.png",
            "otmaps inspect own.py:sharpen -p strength=0.5 --json",
        ),
        notes=f"{OPERATIONS}\n{LAWS}",
        json={
            "operation": "The operation with its parameters.",
            "prior": "The prior.",
            "of": "What the laws are of: a component, or the norm.",
            "law": "The law of the raw result: method, error, tail_error, mean, "
            "std, support, atoms, quantiles.",
            "prior_law": "The same of the prior.",
            "mismatch": "What the raw result does wrong in --dim components: kl, w1, w2, norms, "
            "with their errors.",
            "map": "The map to the prior: kind, error, error_u, cells, domain.",
        },
        files=("*.npy", "*.py"),
    ),
)
@_options.operation_argument
@_options.any_prior_option
@_options.inputs_option
@_options.parameters_option
@click.option(
    "--dim",
    type=click.IntRange(min=1),
    default=100,
    show_default=True,
    help="The number of components of a latent, for the mismatch; not for a law of whole latents.",
)
@_options.method_option
@_options.tol_option
@_options.store_option
@click.option(
    "--png",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Draw the law, the map and the mismatch into this file (needs matplotlib).",
)
@_options.json_option
@click.pass_context
def inspect(
    ctx: click.Context,
    *,
    factory: Factory,
    prior: Law,
    inputs: tuple[str, ...],
    parameters: tuple[str, ...],
    dim: int,
    method: str,
    tol: float,
    store: str | None,
    png: Path | None,
    as_json: bool,
) -> None:
    """Show the law of the raw result, what is wrong with it, and the map that mends it.

    The law is that of one component; the mismatch is that of latents of --dim independent
    components. For a prior of whole latents, such as StandardNormal(512), the law is that of the
    norm, and the map bends the norm.
    """
    from otmaps import Distribution, match, mismatch

    op = bind(factory, parameters)
    laws = split_inputs(inputs)
    whole = not isinstance(prior, Distribution)
    if whole and ctx.get_parameter_source("dim") is not click.core.ParameterSource.DEFAULT:
        raise click.UsageError(f"--dim is that of the prior, {prior!r}; leave it out.")
    shelf = _options.chosen_store(store)
    with working("law and map"):
        matched = match(op, prior, inputs=laws, method=method, tol=tol, store=shelf)
    with working("mismatch"):
        report = mismatch(op, prior, None if whole else dim, inputs=laws, method=method)
    shown = _shown(matched)
    if png is not None:
        _draw(matched, shown, report, png)
    if as_json:
        print_json(_as_dict(matched, shown, report))
        return
    if is_quiet():
        return
    _print(matched, shown, report)
    if png is not None:
        console().print(f"Figure: {png}", soft_wrap=True)


class Shown(NamedTuple):
    """What is shown: the laws of a number, and the map between them; None for a sphere."""

    of: str
    source: Distribution
    target: Distribution
    map: MonotoneMap | None


def _shown(matched: AnyMatched) -> Shown:
    from otmaps import MatchedIsotropicOperation, MonotoneMap

    if isinstance(matched, MatchedIsotropicOperation):
        return Shown("the norm", matched.source.norm, matched.target.norm, matched.map.norms)
    assert isinstance(matched.map, MonotoneMap)  # noqa: S101 - no plan: none was asked for
    return Shown("a component", matched.source, matched.target, matched.map)


def _as_dict(matched: AnyMatched, shown: Shown, report: Mismatch) -> dict[str, Any]:
    return {
        "operation": repr(matched.operation),
        "prior": repr(matched.target),
        "of": shown.of,
        "law": _law_dict(shown.source),
        "prior_law": _law_dict(shown.target),
        "mismatch": report.as_dict(),
        "map": _map_dict(matched.map.kind, shown.map),
    }


def _law_dict(law: Distribution) -> dict[str, Any]:
    return {
        "method": law.method,
        "error": law.error,
        "tail_error": law.tail_error,
        "mean": law.mean(),
        "std": law.std(),
        "support": list(law.support()),
        "atoms": [list(atom) for atom in law.atoms],
        "quantiles": {str(p): float(law.ppf(p)) for p in _QUANTILES},
    }


def _map_dict(kind: str, T: MonotoneMap | None) -> dict[str, Any]:
    if T is None:
        return {"kind": kind, "error": 0.0, "error_u": 0.0, "cells": 0, "domain": [0.0, math.inf]}
    return {
        "kind": kind,
        "error": T.error,
        "error_u": T.error_u,
        "cells": 0 if T.table is None else T.table.cells,
        "domain": list(T.domain),
    }


def _print(matched: AnyMatched, shown: Shown, report: Mismatch) -> None:
    out = console()
    out.print(f"{matched.operation!r}, prior {matched.target!r}", style="bold")
    out.print()
    _print_laws(shown)
    heading, _, figures = str(report).partition("\n")
    out.print(heading, style="bold")
    out.print(figures, soft_wrap=True)
    out.print()
    out.print(f"map of {shown.of} to the prior", style="bold")
    T = shown.map
    if T is None:
        out.print("  every latent goes to the sphere along its radius")
        return
    cells = "" if T.table is None else f" of {T.table.cells} cells"
    out.print(f"  {T.kind}{cells}, error {error_size(T.error)} in units of the prior's scale")
    out.print(f"  certified for y from {number(T.domain[0])} to {number(T.domain[1])}")
    out.print()
    _print_curves(shown, T)


def _print_curves(shown: Shown, T: MonotoneMap) -> None:
    from otmaps._curves import density_curve, map_curve, shown_range

    low, high = shown_range(shown.source, shown.target)
    densities = {
        "raw result": density_curve(shown.source, low, high),
        "prior": density_curve(shown.target, low, high),
    }
    y, z = map_curve(T, *shown_range(shown.source))
    maps = {"T(y)": (y, z), "unchanged": (y, y)}
    print_plots((f"density of {shown.of}", densities), ("map to the prior", maps))


def _print_laws(shown: Shown) -> None:
    laws = (shown.source, shown.target)
    rows = [
        ("method", *(law.method for law in laws)),
        ("error of the cdf", *(error_size(law.error) for law in laws)),
        ("mean", *(number(law.mean()) for law in laws)),
        ("standard deviation", *(number(law.std()) for law in laws)),
        ("support", *(" to ".join(map(number, law.support())) for law in laws)),
    ]
    if any(law.atoms for law in laws):
        rows.append(("point masses", *(_atoms(law) for law in laws)))
    rows += [(f"{100 * p:g} %", *(number(float(law.ppf(p))) for law in laws)) for p in _QUANTILES]
    print_table([f"law of {shown.of}", "raw result", "prior"], rows)


def _atoms(law: Distribution) -> str:
    listed = [f"{number(mass, 2)} at {number(place)}" for place, mass in law.atoms[:3]]
    return ", ".join(listed + ["..."] * (len(law.atoms) > 3)) or "none"


def _draw(matched: AnyMatched, shown: Shown, report: Mismatch, path: Path) -> None:
    """The three figures side by side, without a window and without pyplot's global state."""
    from otmaps import plot

    figure = plot.new_figure(width=13.0)
    left, middle, right = figure.subplots(1, 3)
    span = plot.shown_range(shown.source, shown.target)
    colour = plot.COLOURS["linear"]
    plot.plot_law(matched.source, left, span=span, label="raw result", color=colour)
    plot.plot_law(matched.target, left, span=span, label="prior")
    if shown.map is None:
        middle.set_axis_off()  # all norms go to one number
    else:
        plot.plot_map(shown.map, middle, span=plot.shown_range(shown.source))
    plot.plot_mismatch(report, right)
    figure.suptitle(f"{matched.operation!r}, prior {matched.target!r}")
    figure.savefig(path, dpi=120)
