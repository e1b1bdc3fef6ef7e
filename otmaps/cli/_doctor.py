"""Whether this installation works, and what would make it work better."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

import click

from otmaps.cli._command import command
from otmaps.cli._manual import Manual
from otmaps.cli._options import json_option
from otmaps.cli._terminal import console, print_json, print_table
from otmaps.cli._voice import working

if TYPE_CHECKING:
    from otmaps.cli._probes import Finding

_STYLES = {"good": "green", "absent": "dim", "doubtful": "yellow", "BAD": "bold red"}


@command(
    short_help="Say whether this installation works.",
    manual=Manual(
        ("otmaps doctor", "otmaps doctor --json", "otmaps doctor -qq && echo works"),
        exits={1: "Something does not work."},
        json={
            "version": "Of otmaps.",
            "healthy": "Whether nothing is bad.",
            "findings": "For each thing looked at its area, name, what was found, verdict (good, "
            "absent, doubtful or BAD) and remedy.",
        },
        environment=(
            "OTMAPS_STORE",
            "OTMAPS_SHARED_STORE",
            "OTMAPS_COPIES",
            "NUMBA_CACHE_DIR",
            "NO_COLOR",
            "FORCE_COLOR",
            "COLUMNS",
        ),
        files=("*.safetensors",),
    ),
)
@json_option
@click.pass_context
def doctor(ctx: click.Context, *, as_json: bool) -> None:
    """Look at versions, extras, the compiler and its cache, threads, stores and the terminal.

    Computes one map whose values are known. Reads every table of the default store, and asks
    nothing of the network. The exit code is 1 when something does not work; what is optional and
    absent, and what only costs time, does not count.
    """
    from otmaps import __version__
    from otmaps.cli._probes import PROBES

    findings: list[Finding] = []
    for probe in PROBES:
        with working(probe.__name__.replace("_", " ")):
            findings += probe()
    healthy = not any(finding.verdict == "BAD" for finding in findings)
    if as_json:
        print_json(
            {
                "version": __version__,
                "healthy": healthy,
                "findings": [dataclasses.asdict(finding) for finding in findings],
            }
        )
    else:
        _print(findings)
    if not healthy:
        ctx.exit(1)


def _print(findings: list[Finding]) -> None:
    from rich.text import Text

    rows: list[list[str | Text]] = []
    areas: set[str] = set()
    for finding in findings:
        area = "" if finding.area in areas else finding.area
        areas.add(finding.area)
        verdict = Text(finding.verdict, style=_STYLES[finding.verdict])
        rows.append([Text(area, style="bold"), finding.name, verdict, finding.found])
    print_table(["area", "what", "verdict", "found"], rows)
    out = console()
    for finding in findings:
        if finding.remedy:
            label = f"{finding.area}, {finding.name}: "
            out.print(Text(label, style=_STYLES[finding.verdict]) + Text(finding.remedy))
    counts = {verdict: sum(f.verdict == verdict for f in findings) for verdict in _STYLES}
    told = ", ".join(f"{count} {verdict}" for verdict, count in counts.items() if count)
    if counts["BAD"]:
        out.print(f"Something does not work: {told}.", style="bold red")
    else:
        out.print(f"otmaps works here: {told}.", style="bold green")
