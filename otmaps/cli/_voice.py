"""What is said beside the results, on stderr: errors, warnings, notes; as words or as JSON."""

from __future__ import annotations

import contextlib
import json
import os
import time
import warnings
from collections.abc import Iterator
from typing import Any

import click

_LEVEL = "otmaps.level"  # of verbosity, in the meta of a context, which its commands share
_JSON = "otmaps.json"
_COLOURS = {"Error": "red", "Failed": "red", "Warning": "yellow", "Note": "cyan"}


def colour_choice() -> bool | None:
    """Whether colours are forbidden (NO_COLOR), forced (FORCE_COLOR), or up to the terminal."""
    return False if os.environ.get("NO_COLOR") else True if os.environ.get("FORCE_COLOR") else None


def _meta() -> dict[str, Any]:
    context = click.get_current_context(silent=True)
    return {} if context is None else context.meta


def level() -> int:
    """1 and more with -v, -1 with -q, -2 with -qq, else 0."""
    return int(_meta().get(_LEVEL, 0))


def is_quiet() -> bool:
    """Whether results in words are left out."""
    return level() < 0


def speaks_json() -> bool:
    """Whether the command was asked for JSON."""
    return bool(_meta().get(_JSON, False))


def asked_for_json(ctx: click.Context) -> None:
    """Make the command of a context, and those below it, say everything as JSON."""
    ctx.meta[_JSON] = True


def _louder(ctx: click.Context, _: click.Parameter, count: int) -> None:
    ctx.meta[_LEVEL] = ctx.meta.get(_LEVEL, 0) + count


def _quieter(ctx: click.Context, _: click.Parameter, count: int) -> None:
    ctx.meta[_LEVEL] = ctx.meta.get(_LEVEL, 0) - count


def voice_options() -> list[click.Parameter]:
    """The options -q and -v, which stand before or after the name of a command."""
    return [
        click.Option(
            ["-q", "--quiet"],
            count=True,
            is_eager=True,
            expose_value=False,
            callback=_quieter,
            help="Say nothing but warnings and errors; -qq errors alone.",
        ),
        click.Option(
            ["-v", "--verbose"],
            count=True,
            is_eager=True,
            expose_value=False,
            callback=_louder,
            help="Say on stderr what is done, how, and how long it takes.",
        ),
    ]


def say(label: str, text: str, *, as_json: bool | None = None, **more: Any) -> None:
    """Write ``label: text`` to stderr as exactly one line, or a line of JSON with ``more``."""
    words = " ".join(text.split())
    if speaks_json() if as_json is None else as_json:
        click.echo(json.dumps({label.lower(): {"message": words, **more}}), err=True)
        return
    shown = click.style(f"{label}:", fg=_COLOURS[label], bold=label != "Note")
    click.echo(f"{shown} {words}", err=True, color=colour_choice())


def note(text: str) -> None:
    """Say how something is done, where the user asked for that by -v."""
    if level() > 0:
        say("Note", text)


@contextlib.contextmanager
def working(what: str) -> Iterator[None]:
    """Show on a terminal that work goes on and since when; with -v, say how long it took."""
    from otmaps.cli._terminal import spinner

    begun = time.perf_counter()
    with spinner(what):
        yield
    note(f"{what}: {time.perf_counter() - begun:.3g} s")


@contextlib.contextmanager
def warnings_as_lines() -> Iterator[None]:
    """Show each different warning once, as one line; those of otmaps always, under -qq none."""
    from otmaps._errors import AccuracyWarning, StoreWarning

    told: set[str] = set()

    def show(message: Warning | str, *_: Any, **__: Any) -> None:
        if str(message) not in told and level() > -2:
            told.add(str(message))
            kind = type(message).__name__ if isinstance(message, Warning) else "Warning"
            say("Warning", str(message), kind=kind)

    with warnings.catch_warnings():
        warnings.showwarning = show
        for kind in (AccuracyWarning, StoreWarning):
            warnings.simplefilter("always", kind)
        yield
