"""The operations there are."""

from __future__ import annotations

import inspect
from typing import TYPE_CHECKING, Any

import click

from otmaps.cli._arguments import REQUIRED, parameters_of
from otmaps.cli._command import command
from otmaps.cli._manual import Manual
from otmaps.cli._options import json_option
from otmaps.cli._terminal import print_json, print_table
from otmaps.cli._user_code import import_source

if TYPE_CHECKING:
    from otmaps.cli._arguments import Factory

_REQUIRED = "required"


@command(
    short_help="List the operations.",
    manual=Manual(
        ("otmaps ops", "otmaps ops --json", "otmaps ops own.py"),
        json={
            "name": "The name; the document is a list with one object for each operation.",
            "latents": "The names of its latents; none where their number is free.",
            "parameters": 'The default of each parameter, or "required".',
            "pointwise": "Whether it acts on each component alone.",
            "doc": "What it does.",
        },
        environment=(),
        files=("*.py",),
    ),
)
@click.argument("sources", metavar="[FILE.py|MODULE]...", nargs=-1)
@json_option
def ops(*, sources: tuple[str, ...], as_json: bool) -> None:
    """List the operations, their latents and parameters.

    Naming files or modules runs their code and lists the operations registered there too.
    """
    from otmaps import operations

    for source in sources:
        import_source(source)
    described = [_description(name, factory) for name, factory in operations().items()]
    if as_json:
        print_json(described)
        return
    rows = [
        (
            entry["name"],
            ", ".join(entry["latents"] or ["z1, z2, ..."]),
            "\n".join(_assignment(*item) for item in entry["parameters"].items()) or "-",
            entry["doc"],
        )
        for entry in described
    ]
    print_table(["operation", "latents", "parameters", "what it does"], rows)


def _assignment(name: str, default: Any) -> str:
    return f"{name} (required)" if default == _REQUIRED else f"{name}={default}"


def _description(name: str, factory: Factory) -> dict[str, Any]:
    from otmaps import OperationFactory

    known = parameters_of(factory)
    required = [parameter for parameter, default in known.items() if default is REQUIRED]
    if isinstance(factory, OperationFactory):
        latents, pointwise, doc = list(factory.latents), factory.pointwise, factory.doc
    else:
        doc = (inspect.getdoc(factory) or "").partition("\n")[0]
        example = None if required else factory()
        latents = [] if example is None else list(example.latents)
        pointwise = example is None or example.pointwise
    return {
        "name": name,
        "latents": latents,
        "parameters": {k: _REQUIRED if v is REQUIRED else v for k, v in known.items()},
        "pointwise": pointwise,
        "doc": doc.replace("``", ""),
    }
