"""Write docs/cli.md, the manual of the command line, from the commands themselves.

A test holds the page to what this writes: run it after a change of a command.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import click

from otmaps.cli import main
from otmaps.cli._help import topic_parts
from otmaps.cli._manual import TOPICS, Manual

PAGE = Path(__file__).parents[1] / "docs" / "cli.md"

HEAD = """\
# The command line

<!-- Written by tools/write_cli_page.py: change the commands, not this page. -->

`otmaps` has the verbs of the library as commands. This page is what `otmaps COMMAND --help` and
`otmaps help TOPIC` show.

```console
$ otmaps inspect lerp --prior uniform
$ otmaps match lerp a.npy b.npy -p t=0.3 --prior normal -o out.npy
$ otmaps match slerp a.npy b.npy --prior "StandardNormal(512)" --json -o out.npy
$ otmaps doctor
```

Tables, plots and colours are made for people: pipes and `NO_COLOR` have no colours, and plots stand
below each other in a narrow terminal. What takes long shows a bar with the time that is left, or a
clock, where stderr is a terminal. Scripts ask for `--json`, and look at the exit code.
"""


def page() -> str:
    """The page as it should be."""
    parts = [HEAD]
    with click.Context(main, info_name="otmaps", **main.context_settings) as root:
        parts += _command(main, root, "otmaps")
        for command, context, name in _below(main, root):
            parts += _command(command, context, name)
        parts.append("## Topics\n")
        for topic in TOPICS:
            parts += _topic(topic)
    return "\n".join(parts).rstrip() + "\n"


def _below(
    group: click.Group, context: click.Context
) -> Iterator[tuple[click.Command, click.Context, str]]:
    for name, command in group.commands.items():
        child = click.Context(command, parent=context, info_name=name)
        yield command, child, child.command_path
        if isinstance(command, click.Group):
            yield from _below(command, child)


def _command(command: click.Command, context: click.Context, name: str) -> Iterator[str]:
    yield f"## {name}\n"
    usage = " ".join(command.collect_usage_pieces(context))
    yield f"```text\n{name} {usage}\n```\n"
    for kind, text in _paragraphs(command.help or ""):
        yield f"```text\n{text}\n```\n" if kind else f"{text}\n"
    params = [p for p in command.get_params(context) if isinstance(p, click.Option)]
    options = [p.get_help_record(context) for p in params]
    yield from _table("option", "meaning", [record for record in options if record])
    if isinstance(command, click.Group):
        rows = [(n, c.get_short_help_str(100)) for n, c in command.commands.items()]
        yield from _table("command", "what it does", rows)
    manual = getattr(command, "manual", None)
    if isinstance(manual, Manual):
        yield "**Examples**\n"
        yield "```console\n" + "\n".join(f"$ {line}" for line in manual.examples) + "\n```\n"
        for kind, text in _paragraphs(manual.notes):
            yield f"```text\n{text}\n```\n" if kind else f"{text}\n"
        for title, rows in manual.sections():
            yield from _table(title, "meaning", rows)


def _topic(name: str) -> Iterator[str]:
    yield f"### {name}\n"
    yield f"{TOPICS[name].headline}\n"
    for part in topic_parts(name):
        if not isinstance(part, str):
            yield from _table("term", "meaning", part)
            continue
        for kind, text in _paragraphs(part):
            yield f"```text\n{text}\n```\n" if kind else f"{text}\n"


def _paragraphs(text: str) -> Iterator[tuple[bool, str]]:
    """Paragraphs, and whether each keeps its lines; a marked one goes on to the next unindented."""
    verbatim: list[str] = []
    for paragraph in text.strip("\n").split("\n\n"):
        if paragraph.startswith("\b") or (verbatim and paragraph.startswith(" ")):
            verbatim.append(paragraph.removeprefix("\b\n"))
            continue
        if verbatim:
            yield True, "\n\n".join(verbatim)
            verbatim = []
        if paragraph.strip():
            yield False, _escaped(" ".join(paragraph.split()))
    if verbatim:
        yield True, "\n\n".join(verbatim)


def _table(left: str, right: str, rows: list[tuple[str, str]]) -> Iterator[str]:
    if rows:
        lines = [f"| {left} | {right} |", "|---|---|"]
        lines += [f"| `{t.replace('|', chr(92) + '|')}` | {_escaped(m)} |" for t, m in rows]
        yield "\n".join(lines) + "\n"


def _escaped(text: str) -> str:
    """Text that Markdown shows as it is."""
    joined = " ".join(text.split())
    for sign in "\\*_<>|[]$`":
        joined = joined.replace(sign, f"\\{sign}")
    return joined


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
