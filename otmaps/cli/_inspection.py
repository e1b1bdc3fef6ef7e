"""What an operation does to a prior, and the map that mends it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from otmaps.cli import _options
from otmaps.cli._arguments import bind, split_inputs
from otmaps.cli._command import command
from otmaps.cli._manual import LAWS, OPERATIONS, Manual
from otmaps.cli._terminal import console, error_size, number, print_json, print_plots, print_table
from otmaps.cli._voice import is_quiet, working

if TYPE_CHECKING:
    from otmaps import Distribution, MatchedOperation, Mismatch, MonotoneMap
    from otmaps.cli._arguments import Factory

_QUANTILES = (0.001, 0.01, 0.05, 0.25, 0.5, 0.75, 0.95, 0.99, 0.999)


@command(
    short_help="Show the law of the result, its faults and the map.",
    manual=Manual(
        (
            "otmaps inspect lerp --prior uniform",
            'otmaps inspect barycenter -p weights=.25,.25,.25,.25 --prior "student_t(5)"',
            "otmaps inspect vicinity -p eps=0.5 --prior normal --input u=uniform",
            "otmaps inspect analogy --prior uniform --png analogy.png",
            "otmaps inspect own.py:sharpen -p strength=0.5 --json",
        ),
        notes=f"{OPERATIONS}\n{LAWS}",
        json={
            "operation": "The operation with its parameters.",
            "prior": "The prior.",
            "law": "The law of a component of the raw result: method, error, tail_error, mean, "
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
@_options.prior_option
@_options.inputs_option
@_options.parameters_option
@click.option(
    "--dim",
    type=click.IntRange(min=1),
    default=100,
    show_default=True,
    help="The number of components of a latent, for the mismatch.",
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
def inspect(
    *,
    factory: Factory,
    prior: Distribution,
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
    components.
    """
    from otmaps import match, mismatch

    op = bind(factory, parameters)
    laws = split_inputs(inputs)
    shelf = _options.chosen_store(store)
    with working("law and map"):
        matched = match(op, prior, inputs=laws, method=method, tol=tol, store=shelf)
    with working("mismatch"):
        report = mismatch(op, prior, dim, inputs=laws, method=method)
    if png is not None:
        _draw(matched, report, png)
    if as_json:
        print_json(_as_dict(matched, report))
        return
    if is_quiet():
        return
    _print(matched, report)
    if png is not None:
        console().print(f"Figure: {png}", soft_wrap=True)


def _as_dict(matched: MatchedOperation, report: Mismatch) -> dict[str, Any]:
    return {
        "operation": repr(matched.operation),
        "prior": repr(matched.target),
        "law": _law_dict(matched.source),
        "prior_law": _law_dict(matched.target),
        "mismatch": report.as_dict(),
        "map": _map_dict(matched),
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


def _map(matched: MatchedOperation) -> MonotoneMap:
    from otmaps import MonotoneMap as Map

    assert isinstance(matched.map, Map)  # noqa: S101 - no plan: none was asked for
    return matched.map


def _map_dict(matched: MatchedOperation) -> dict[str, Any]:
    T = _map(matched)
    return {
        "kind": T.kind,
        "error": T.error,
        "error_u": T.error_u,
        "cells": 0 if T.table is None else T.table.cells,
        "domain": list(T.domain),
    }


def _print(matched: MatchedOperation, report: Mismatch) -> None:
    from otmaps._curves import density_curve, map_curve, shown_range

    source, target, T = matched.source, matched.target, _map(matched)
    out = console()
    out.print(f"{matched.operation!r}, prior {target!r}", style="bold")
    out.print()
    _print_laws(source, target)
    heading, _, figures = str(report).partition("\n")
    out.print(heading, style="bold")
    out.print(figures, soft_wrap=True)
    out.print()
    cells = "" if T.table is None else f" of {T.table.cells} cells"
    low, high = T.domain
    out.print("map to the prior", style="bold")
    out.print(f"  {T.kind}{cells}, error {error_size(T.error)} in units of the prior's scale")
    out.print(f"  certified for y from {number(low)} to {number(high)}")
    out.print()
    low, high = shown_range(source, target)
    densities = {
        "raw result": density_curve(source, low, high),
        "prior": density_curve(target, low, high),
    }
    y, z = map_curve(T, *shown_range(source))
    maps = {"T(y)": (y, z), "unchanged": (y, y)}
    print_plots(("density", densities), ("map to the prior", maps))


def _print_laws(source: Distribution, target: Distribution) -> None:
    laws = (source, target)
    rows = [
        ("method", *(law.method for law in laws)),
        ("error of the cdf", *(error_size(law.error) for law in laws)),
        ("mean", *(number(law.mean()) for law in laws)),
        ("standard deviation", *(number(law.std()) for law in laws)),
        ("support", *(" to ".join(map(number, law.support())) for law in laws)),
    ]
    if source.atoms or target.atoms:
        rows.append(("point masses", *(_atoms(law) for law in laws)))
    rows += [(f"{100 * p:g} %", *(number(float(law.ppf(p))) for law in laws)) for p in _QUANTILES]
    print_table(["law of a component", "raw result", "prior"], rows)


def _atoms(law: Distribution) -> str:
    listed = [f"{number(mass, 2)} at {number(place)}" for place, mass in law.atoms[:3]]
    return ", ".join(listed + ["..."] * (len(law.atoms) > 3)) or "none"


def _draw(matched: MatchedOperation, report: Mismatch, path: Path) -> None:
    """The three figures side by side, without a window and without pyplot's global state."""
    from otmaps import plot

    figure = plot.new_figure(width=13.0)
    left, middle, right = figure.subplots(1, 3)
    span = plot.shown_range(matched.source, matched.target)
    colour = plot.COLOURS["linear"]
    plot.plot_law(matched.source, left, span=span, label="raw result", color=colour)
    plot.plot_law(matched.target, left, span=span, label="prior")
    plot.plot_map(_map(matched), middle, span=plot.shown_range(matched.source))
    plot.plot_mismatch(report, right)
    figure.suptitle(f"{matched.operation!r}, prior {matched.target!r}")
    figure.savefig(path, dpi=120)
