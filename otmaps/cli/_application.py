"""The application: one line and exit code 2 for what goes wrong, one line for each warning."""

from __future__ import annotations

import functools
import os
import sys
import traceback
from collections.abc import Sequence
from typing import Any

import click

from otmaps.cli._command import Group, is_json
from otmaps.cli._manual import Manual
from otmaps.cli._voice import say, warnings_as_lines


class Application(Group):
    """The group of all commands."""

    def invoke(self, ctx: click.Context) -> Any:
        """Run a command; what the library raises on purpose becomes a click exception."""
        with warnings_as_lines():
            try:
                return super().invoke(ctx)
            except BrokenPipeError:
                raise
            except (ArithmeticError, ImportError, OSError, TypeError, ValueError) as error:
                if ctx.params["debug"]:
                    traceback.print_exc()
                raise click.ClickException(_described(error)) from error

    def main(
        self,
        args: Sequence[str] | None = None,
        prog_name: str | None = None,
        complete_var: str | None = None,
        standalone_mode: bool = True,
        **extra: Any,
    ) -> Any:
        """Run the application and exit, with code 2 after an error."""
        run = functools.partial(super().main, args, prog_name, complete_var, **extra)
        if not standalone_mode:
            return run(standalone_mode=False)
        as_json = is_json(list(sys.argv[1:] if args is None else args))
        try:
            code: Any = run(standalone_mode=False)
        except click.ClickException as error:
            say("Error", _with_help(error), as_json=as_json, exit_code=2)
            sys.exit(2)
        except click.Abort:
            say("Error", "interrupted.", as_json=as_json, exit_code=130)
            sys.exit(130)
        except BrokenPipeError:  # the reader, such as head, has what it wanted
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            sys.exit(1)
        sys.exit(code if isinstance(code, int) else 0)


def _described(error: Exception) -> str:
    text = str(error)
    if isinstance(error, OSError) and error.strerror:
        name = f"{error.filename}: " if error.filename is not None else ""
        return f"{name}{error.strerror}."
    return text or type(error).__name__


def _with_help(error: click.ClickException) -> str:
    """The message, with where help is for those who mistook the command itself."""
    text = error.format_message()
    context = getattr(error, "ctx", None)
    if context is None or isinstance(error, click.BadParameter):
        return text
    return f"{text.rstrip('.')}. See '{context.command_path} --help'."


def _version(ctx: click.Context, _: click.Parameter, value: bool) -> None:
    if value and not ctx.resilient_parsing:
        from otmaps import __version__

        click.echo(f"otmaps {__version__}")
        ctx.exit()


@click.group(
    cls=Application,
    name="otmaps",
    invoke_without_command=True,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    manual=Manual(
        (
            "otmaps inspect lerp --prior uniform",
            "otmaps match lerp a.npy b.npy -p t=0.3 --prior normal -o out.npy",
            "otmaps precompute lerp -p t=0:1:101 --prior normal --prior uniform",
            "otmaps doctor",
            "otmaps help laws",
        ),
        exits={1: "A check did not hold; see 'otmaps help exit-status'."},
        environment=(),
    ),
)
@click.option(
    "--debug",
    is_flag=True,
    envvar="OTMAPS_DEBUG",
    help="Show the traceback of an error (or set OTMAPS_DEBUG=1).",
)
@click.option(
    "--version",
    is_flag=True,
    is_eager=True,
    expose_value=False,
    callback=_version,
    help="Show the version and exit.",
)
@click.pass_context
def main(ctx: click.Context, debug: bool) -> None:  # noqa: ARG001 - read from the context
    """Operations on latents that keep the prior.

    otmaps bends an operation, such as the interpolation of two latents, as little as possible so
    that its result follows the law the latents come from. Every command has a --help with
    examples, exit codes and what it prints as JSON; 'otmaps help' lists more to read.
    """
    if ctx.invoked_subcommand is None:
        click.echo(ctx.get_help())
