"""Commands with the options that all of them have, and help that reads as a page of a manual."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import click

from otmaps.cli._manual import Manual
from otmaps.cli._voice import asked_for_json, colour_choice, voice_options


class Formatter(click.HelpFormatter):
    """Help with bold headings and coloured terms, where the terminal has colours."""

    def write_heading(self, heading: str) -> None:
        """Write a heading."""
        super().write_heading(click.style(heading, bold=True))

    def write_usage(self, prog: str, args: str = "", prefix: str | None = None) -> None:
        """Write the synopsis."""
        del prefix
        super().write_usage(prog, args, click.style("Usage: ", bold=True))

    def write_dl(
        self,
        rows: Any,
        col_max: int = 26,
        col_spacing: int = 2,
    ) -> None:
        """Write terms and what they mean."""
        super().write_dl(
            [(click.style(term, fg="cyan"), text) for term, text in rows], col_max, col_spacing
        )


class Context(click.Context):
    """A context whose help is coloured, and that knows what NO_COLOR asks for."""

    formatter_class = Formatter

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if self.color is None:
            self.color = colour_choice()


class Command(click.Command):
    """A command with ``-q`` and ``-v``, ``--json`` where its function takes ``as_json``.

    Attributes
    ----------
    manual : Manual
        What its help says below the options.
    """

    context_class: type[click.Context] = Context

    def __init__(self, *args: Any, manual: Manual, **attributes: Any) -> None:
        super().__init__(*args, **attributes)
        self.manual = manual
        self.params.extend(voice_options())

    def make_context(
        self,
        info_name: str | None,
        args: list[str],
        parent: click.Context | None = None,
        **extra: Any,
    ) -> click.Context:
        """The context of one call; --json counts from here, for mistakes in options too."""
        if parent is not None and is_json(args):
            asked_for_json(parent)
        return super().make_context(info_name, args, parent, **extra)

    def format_epilog(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the manual."""
        write_manual(self.manual, formatter)
        super().format_epilog(ctx, formatter)


class Group(click.Group):
    """A group of commands, with ``-q`` and ``-v``, and a manual."""

    context_class: type[click.Context] = Context

    def __init__(self, *args: Any, manual: Manual, **attributes: Any) -> None:
        super().__init__(*args, **attributes)
        self.manual = manual
        self.params.extend(voice_options())

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - click passes it
        """The commands in the order in which they are added."""
        return list(self.commands)

    def format_epilog(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the manual."""
        write_manual(self.manual, formatter)
        super().format_epilog(ctx, formatter)


def is_json(args: list[str]) -> bool:
    """Whether the words of a command line ask for JSON."""
    return "--json" in (args[: args.index("--")] if "--" in args else args)


def write_manual(manual: Manual, formatter: click.HelpFormatter) -> None:
    """Write examples, notes and the sections that list terms."""
    with formatter.section("Examples"):
        formatter.write("".join(f"  {line}\n" for line in manual.examples))
    if manual.notes:
        formatter.write_paragraph()
        formatter.write_text(manual.notes)
    for title, rows in manual.sections():
        with formatter.section(title):
            formatter.write_dl(rows)


def command(
    *args: Any, manual: Manual, short_help: str, **attributes: Any
) -> Callable[[Callable[..., Any]], Command]:
    """Decorate a function as a `Command`."""
    return functools.partial(
        click.command, *args, cls=Command, manual=manual, short_help=short_help, **attributes
    )()
