"""The arguments and options that several commands share."""

from __future__ import annotations

from typing import Any

import click

from otmaps.cli._arguments import (
    any_law_callback,
    complete_any_law,
    complete_law,
    complete_operation,
    law_callback,
    operation_callback,
)

operation_argument = click.argument(
    "factory",
    metavar="OPERATION",
    callback=operation_callback,
    shell_complete=complete_operation,
)

prior_option = click.option(
    "--prior",
    metavar="LAW",
    callback=law_callback,
    shell_complete=complete_law,
    default="normal",
    show_default=True,
    help="The law of each component of a latent.",
)

any_prior_option = click.option(
    "--prior",
    metavar="LAW",
    callback=any_law_callback,
    shell_complete=complete_any_law,
    default="normal",
    show_default=True,
    help='The law of each component of a latent, or of a whole latent, as "StandardNormal(512)".',
)

inputs_option = click.option(
    "-i",
    "--input",
    "inputs",
    metavar="NAME=LAW",
    multiple=True,
    help="The law of one latent that does not follow the prior, such as u=uniform.",
)

parameters_option = click.option(
    "-p",
    "--param",
    "parameters",
    metavar="NAME=VALUE",
    multiple=True,
    help="A parameter of the operation, such as t=0.3 or weights=.5,.25,.25; may be repeated.",
)

method_option = click.option(
    "--method",
    metavar="NAME",
    default="auto",
    show_default=True,
    help="How to compute the law of the result: auto, closed_form, contour, convolution, "
    "rqmc or monte_carlo.",
)

tol_option = click.option(
    "--tol",
    type=float,
    default=1e-9,
    show_default=True,
    help="The error of the map to aim at, in units of the prior's scale.",
)

store_option = click.option(
    "--store",
    metavar="PLACE",
    default=None,
    help="A directory, or a URL such as s3://bucket/tables, that keeps tables.  "
    "[default: $OTMAPS_STORE or the user's cache]",
)

json_option = click.option("--json", "as_json", is_flag=True, help="Print JSON instead of tables.")


def chosen_store(path: str | None, *, without: bool = False) -> Any:
    """What ``store=`` takes: a directory, an object store, the default one, or None."""
    from otmaps import TableStore

    return None if without else "default" if path is None else TableStore(path)
