"""`otmaps help`: the help of a command, or a page on a topic."""

from __future__ import annotations

import inspect
from collections.abc import Callable

import click

from otmaps.cli._arguments import closest, scalar_laws, vector_laws
from otmaps.cli._command import command
from otmaps.cli._manual import ENVIRONMENT, EXITS, FILES, INTERRUPTED, TOPICS, Manual

_CHECK = {1: "A check did not hold: see below."}


@command(
    name="help",
    short_help="Show the help of a command, or a page on a topic.",
    manual=Manual(
        ("otmaps help inspect", "otmaps help store prune", *(f"otmaps help {t}" for t in TOPICS)),
        environment=(),
    ),
)
@click.argument("words", metavar="[COMMAND|TOPIC]...", nargs=-1)
@click.pass_context
def show_help(ctx: click.Context, *, words: tuple[str, ...]) -> None:
    """Show the help of a command, or a page on a topic; without either, the topics."""
    if len(words) == 1 and words[0] in TOPICS:
        _print_topic(ctx, words[0])
        return
    found = ctx.find_root()
    for word in words:
        group = found.command
        known = [*group.commands, *TOPICS] if isinstance(group, click.Group) else []
        if not isinstance(group, click.Group) or word not in group.commands:
            raise click.UsageError(
                f"There is no command or topic {' '.join(words)!r}{closest(word, known)}"
            )
        child = group.commands[word]
        found = child.make_context(word, [], parent=found, resilient_parsing=True)
    if words:
        click.echo(found.get_help())
        return
    formatter = ctx.make_formatter()
    formatter.write_text(
        "'otmaps help COMMAND' shows the help of a command, 'otmaps help TOPIC' one of these pages."
    )
    with formatter.section("Topics"):
        formatter.write_dl([(name, topic.headline) for name, topic in TOPICS.items()])
    click.echo(formatter.getvalue(), nl=False)


def _print_topic(ctx: click.Context, topic: str) -> None:
    formatter = ctx.make_formatter()
    for part in topic_parts(topic):
        if isinstance(part, str):
            formatter.write_text(part)
        else:
            formatter.write_dl(part, col_max=40)
        formatter.write_paragraph()
    click.echo(formatter.getvalue().rstrip("\n"))


def topic_parts(topic: str) -> list[str | list[tuple[str, str]]]:
    """The paragraphs of a page, and the lists of terms that its names in braces stand for."""
    exits = sorted({**EXITS, **_CHECK, **INTERRUPTED}.items())
    lists = {
        "{scalar_laws}": [_law(cls) for cls in scalar_laws().values()],
        "{vector_laws}": [_law(cls) for cls in vector_laws().values()],
        "{environment}": list(ENVIRONMENT.items()),
        "{files}": list(FILES.items()),
        "{exits}": [(str(code), meaning) for code, meaning in exits],
    }
    paragraphs = TOPICS[topic].text.strip("\n").split("\n\n")
    return [lists.get(paragraph, paragraph) for paragraph in paragraphs]


def _law(cls: Callable[..., object]) -> tuple[str, str]:
    """How a law is called, without types, and the first line on it."""
    bare = [
        p.replace(annotation=inspect.Parameter.empty)
        for p in inspect.signature(cls).parameters.values()
    ]
    doc = (inspect.getdoc(cls) or "").partition("\n")[0].replace("``", "")
    return f"{cls.__name__}{inspect.Signature(bare)}", doc
