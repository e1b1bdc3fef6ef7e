"""Completion of commands, options, operations and laws in the shell."""

from __future__ import annotations

import click

from otmaps.cli._command import command
from otmaps.cli._manual import Manual

_HELP = """\
Print the script that completes otmaps commands in a shell.

\b
Install it once:
  bash   otmaps completion bash > \\
             ~/.local/share/bash-completion/completions/otmaps
  zsh    otmaps completion zsh > ~/.zfunc/_otmaps
         (with 'fpath+=~/.zfunc' before 'compinit' in ~/.zshrc)
  fish   otmaps completion fish > ~/.config/fish/completions/otmaps.fish
"""


@command(
    help=_HELP,
    short_help="Print the completion script of a shell.",
    manual=Manual(
        (
            'eval "$(otmaps completion bash)"',
            'eval "$(otmaps completion zsh)"',
            "otmaps completion fish | source",
        ),
        environment=(),
    ),
)
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
@click.pass_context
def completion(ctx: click.Context, shell: str) -> None:
    """Print the completion script of a shell."""
    from click.shell_completion import get_completion_class

    root = ctx.find_root().command
    cls = get_completion_class(shell)
    if cls is None:
        raise click.UsageError(f"click has no completion for {shell}.")
    click.echo(cls(root, {}, "otmaps", "_OTMAPS_COMPLETE").source())
