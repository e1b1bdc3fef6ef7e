"""The explorer: a local page that moves operations by sliders."""

from __future__ import annotations

import functools
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from otmaps.cli._arguments import (
    REQUIRED,
    complete_law,
    complete_operation,
    literal,
    operation_of,
    parameters_of,
    parse_law,
)
from otmaps.cli._command import command
from otmaps.cli._manual import LAWS, Manual
from otmaps.cli._options import json_option
from otmaps.cli._terminal import print_json
from otmaps.cli._user_code import import_source
from otmaps.cli._voice import is_quiet, say

if TYPE_CHECKING:
    from otmaps import Distribution
    from otmaps.demo._generators import Generator

_FILE = click.Path(exists=True, dir_okay=False, path_type=Path)
_MIB = 2**20


@command(
    short_help="Open a page to try operations on generators.",
    manual=Manual(
        (
            "otmaps explore",
            "otmaps explore own.py --operation sharpen",
            "otmaps explore --model g.onnx --prior normal --classifier c.onnx",
            "otmaps explore --model g.pt --prior normal",
            "otmaps explore --model own.py:generate --prior normal --dim 512",
        ),
        notes=LAWS,
        json={
            "address": "The address of the page, printed once it is served.",
            "exposed": "Whether other machines reach it.",
        },
        environment=(),
        files=("*.onnx", "*.pt", "*.py"),
    ),
)
@click.argument("sources", metavar="[FILE.py|MODULE]...", nargs=-1)
@click.option(
    "--model",
    metavar="FILE.onnx|FILE.pt|FILE.py:FUNCTION",
    help="Your own generator, beside ours: an ONNX file, a TorchScript file, which is a program "
    "that runs, or a function of latents (N, dim).",
)
@click.option(
    "--prior",
    metavar="LAW",
    shell_complete=complete_law,
    help="The law your generator was trained on; without --model, the prior to start with.",
)
@click.option(
    "--dim", type=click.IntRange(min=1), help="Its latent dimension, where the file leaves it open."
)
@click.option("--classifier", type=_FILE, help="A classifier of its images as ONNX, for scores.")
@click.option(
    "--operation",
    metavar="NAME",
    default="lerp",
    show_default=True,
    shell_complete=complete_operation,
    help="The operation to start with.",
)
@click.option(
    "--host", default="127.0.0.1", show_default=True, help="Where to listen: this machine alone."
)
@click.option(
    "--port",
    type=click.IntRange(0, 65535),
    default=8421,
    show_default=True,
    help="The port; 0 takes a free one.",
)
@click.option("--no-browser", is_flag=True, help="Print the address and open no browser.")
@click.option(
    "--max-upload",
    type=click.IntRange(min=1),
    default=256,
    show_default=True,
    help="The largest model file that the page takes, in MiB.",
)
@json_option
def explore(
    *,
    sources: tuple[str, ...],
    model: str | None,
    prior: str | None,
    dim: int | None,
    classifier: Path | None,
    operation: str,
    host: str,
    port: int,
    no_browser: bool,
    max_upload: int,
    as_json: bool,
) -> None:
    """Open a page that shows linear, slerp and matched results as you move the parameters.

    It runs on this machine and needs no network. Ctrl-C ends it. Naming files or modules runs
    their code; the operations registered there, and the laws that are named there, are offered on
    the page. Models are ONNX files, or functions in files that you name here: the page never
    opens a pickle, and runs no code that is sent to it.
    """
    from otmaps._explorer import require_extra

    require_extra()
    if model is None and (dim, classifier) != (None, None):
        raise click.UsageError("--dim and --classifier go with --model.")
    if model is not None and prior is None:
        raise click.UsageError("--model needs --prior, the law the generator was trained on.")
    from otmaps import operations
    from otmaps._explorer import Vocabulary
    from otmaps._explorer._application import Opening
    from otmaps._explorer._library import Library
    from otmaps._explorer._server import serve
    from otmaps._explorer._studio import Studio

    laws = _named_laws(sources)
    law = None if prior is None else laws.get(prior) or _law(prior)
    if prior is not None and law is not None:
        laws = {**laws, prior: law}
    operation = _registered_name(operation)
    own = [] if model is None else [_own_generator(model, law, dim, classifier)]
    vocabulary = Vocabulary(
        operations(), lambda text: _page_law(text, laws), literal, parameters_of, REQUIRED
    )
    library = Library(own)
    opening = Opening(
        model=library.names[0],
        prior="" if own or prior is None else prior,
        operation=operation,
        laws=tuple(laws),
        max_upload=max_upload * _MIB,
    )
    serve(
        Studio(library, vocabulary),
        opening,
        host=host,
        port=port,
        browser=not no_browser,
        announce=functools.partial(_announce, as_json),
    )
    if not (as_json or is_quiet()):
        click.echo("Stopped.", err=True)


def _registered_name(operation: str) -> str:
    """The name under which the page offers an operation; runs the file that it may name."""
    from otmaps import operations

    operation_of(operation)  # an unknown one is told before any generator is loaded
    name = operation.rpartition(":")[2]
    if name not in operations():
        text = f"{operation} is not registered: decorate a function of that name."
        raise click.BadParameter(text, param_hint="'--operation'")
    return name


def _announce(as_json: bool, address: str, exposed: bool) -> None:
    if as_json:
        print_json({"address": address, "exposed": exposed})
    elif not is_quiet():
        click.echo(f"otmaps explorer: {address}  (Ctrl-C stops it)")
    if exposed:
        text = "--host lets anyone who reaches this address use the explorer and send it models."
        say("Warning", text)


def _named_laws(sources: tuple[str, ...]) -> dict[str, Distribution]:
    """The laws that the user's files and modules give names to; runs their code."""
    from otmaps import Distribution

    return {
        name: value
        for source in sources
        for name, value in vars(import_source(source)).items()
        if isinstance(value, Distribution) and not name.startswith("_")
    }


def _law(text: str) -> Distribution:
    try:
        return parse_law(text)
    except (TypeError, ValueError) as error:
        raise click.BadParameter(f"{text!r}: {error}", param_hint="'--prior'") from None


def _page_law(text: str, named: Mapping[str, Distribution]) -> Distribution:
    """The law that a text on the page means; the page names no files."""
    if text in named:
        return named[text]
    if text.endswith(".npy"):
        raise ValueError("files of draws are named on the command line: --prior FILE.npy.")
    return parse_law(text)


def _own_generator(
    model: str, prior: Distribution | None, dim: int | None, classifier: Path | None
) -> Generator:
    """The user's generator, from a model file or a function in a file that they named."""
    from otmaps.demo._formats import read_file
    from otmaps.demo._generators import function_generator, load_generator, with_classifier

    source, _, name = model.rpartition(":")
    if not source.endswith(".py"):
        return load_generator(model, prior, dim=dim, classifier_path=classifier)
    function: Any = getattr(import_source(source), name, None)
    if not callable(function):
        raise click.BadParameter(f"{source} has no function {name!r}.", param_hint="'--model'")
    if dim is None:
        raise click.UsageError("--model FILE.py:FUNCTION needs --dim, the latent dimension.")
    found = function_generator(function, name, prior, dim)
    if classifier is None:
        return found
    return with_classifier(found, read_file(classifier), classifier.name)
