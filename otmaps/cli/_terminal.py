"""What the commands print: tables, JSON, and small plots in the terminal."""

from __future__ import annotations

import contextlib
import json
import math
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import click

from otmaps._colours import COLOURS
from otmaps.cli._voice import is_quiet

if TYPE_CHECKING:
    from rich.console import Console
    from rich.progress import Progress
    from rich.text import Text

    from otmaps._curves import Curve

# The colour of each curve, by its label.
_PARTS = {"raw result": "linear", "prior": "prior", "T(y)": "matched", "unchanged": "linear"}
_HEIGHT = 15  # rows of a plot
_NARROW = 76  # columns below which plots stand one above the other


def console(*, stderr: bool = False) -> Console:
    """A console of the present stdout or stderr: no colours in a file or under NO_COLOR.

    Under -q nothing comes out of it.
    """
    from rich.console import Console

    return Console(stderr=stderr, highlight=False, emoji=False, markup=False, quiet=is_quiet())


def number(x: float, digits: int = 4) -> str:
    """A few digits; a dash for NaN."""
    return "-" if math.isnan(x) else f"{x:.{digits}g}"


def error_size(x: float) -> str:
    """The size of an error: one digit is all it is worth."""
    return "exact" if x == 0.0 else "-" if math.isnan(x) else f"{x:.0e}"


def byte_size(count: int) -> str:
    """A number of bytes in the unit that suits it."""
    size, units = float(count), ["B", "KiB", "MiB", "GiB", "TiB"]
    while size >= 1024 and len(units) > 1:
        size, units = size / 1024, units[1:]
    return f"{size:.0f} {units[0]}" if units[0] == "B" else f"{size:.1f} {units[0]}"


def print_json(data: Any) -> None:
    """Write JSON to stdout: NaN becomes null, infinities the texts "inf" and "-inf"."""
    click.echo(json.dumps(_jsonable(data), indent=2, allow_nan=False))


def _jsonable(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {str(k): _jsonable(v) for k, v in value.items()}
    if isinstance(value, list | tuple):
        return [_jsonable(v) for v in value]
    if isinstance(value, bool | int | str) or value is None:
        return value
    if isinstance(value, float):
        return value if math.isfinite(value) else None if math.isnan(value) else str(value)
    return repr(value)


def print_table(
    columns: Sequence[str],
    rows: Iterable[Sequence[str | Text]],
    *,
    title: str = "",
    right: Sequence[str] = (),
) -> None:
    """Print a table; ``right`` names the columns that hold numbers."""
    from rich import box
    from rich.table import Table
    from rich.text import Text

    table = Table(
        title=title or None,
        title_justify="left",
        title_style="bold",
        box=box.SIMPLE_HEAD,
        pad_edge=False,
        show_edge=False,
    )
    for column in columns:
        numeric = column in right
        table.add_column(
            column, justify="right" if numeric else "left", overflow="fold", no_wrap=numeric
        )
    for row in rows:
        table.add_row(*(Text(cell) if isinstance(cell, str) else cell for cell in row))
    out = console()
    out.print(table)
    out.print()


def print_plots(*panels: tuple[str, Mapping[str, Curve]]) -> None:
    """Plot panels side by side where there is room, each a title and named curves."""
    from rich.text import Text

    out = console()
    if "utf" not in out.encoding.lower():
        out.print(f"(no plots: the encoding of the terminal is {out.encoding})")
        return
    side_by_side = out.width >= _NARROW
    rows = [panels] if side_by_side else [(panel,) for panel in panels]
    for row in rows:
        out.print(Text.from_ansi(_plot_row(row, min(out.width, 120))))


def _plot_row(panels: Sequence[tuple[str, Mapping[str, Curve]]], width: int) -> str:
    import plotext

    plotext.main()  # its state is global: leave the subplot of the last call
    plotext.clear_figure()
    plotext.subplots(1, len(panels))
    plotext.plot_size(width, _HEIGHT)
    for k, (title, curves) in enumerate(panels):
        plotext.subplot(1, k + 1)
        plotext.theme("clear")
        plotext.title(title)
        plotext.xfrequency(5)
        plotext.yfrequency(5)
        plotext.ylim(*_with_headroom(curves))
        # Different markers, so that curves can be told apart without colours; the first on top.
        markers = ("braille", "\N{MIDDLE DOT}")
        for (label, (x, y)), marker in reversed(list(zip(curves.items(), markers, strict=True))):
            colour = _rgb(COLOURS[_PARTS[label]])
            plotext.plot(x.tolist(), y.tolist(), label=label, marker=marker, color=colour)
    return str(plotext.build())


def progress_bar(*texts: str) -> Progress:
    """A bar on stderr with the time that is left; nothing where stderr is no terminal.

    ``texts`` are more columns, in terms of rich's ``task``.
    """
    from rich import progress

    out = console(stderr=True)
    return progress.Progress(
        progress.TextColumn("{task.description}"),
        progress.BarColumn(),
        progress.TaskProgressColumn(),
        *map(progress.TextColumn, texts),
        progress.TimeRemainingColumn(),
        console=out,
        transient=True,
        redirect_stdout=False,
        disable=not _is_watched(),
    )


def _with_headroom(curves: Mapping[str, Curve]) -> tuple[float, float]:
    """The range of all values, and room above it for the legend."""
    low = min(float(y.min()) for _, y in curves.values())
    high = max(float(y.max()) for _, y in curves.values())
    return low, high + 0.3 * (high - low)


def _rgb(colour: str) -> tuple[int, int, int]:
    """The parts of ``#rrggbb``."""
    red, green, blue = bytes.fromhex(colour.removeprefix("#"))
    return red, green, blue


def _is_watched() -> bool:
    """Whether somebody looks at stderr: rich takes FORCE_COLOR for a terminal, too."""
    return not is_quiet() and sys.stderr.isatty()


@contextlib.contextmanager
def spinner(what: str) -> Iterator[None]:
    """What goes on and for how long already, on stderr; nothing where that is no terminal."""
    from rich import progress

    out = console(stderr=True)
    bar = progress.Progress(
        progress.SpinnerColumn(),
        progress.TextColumn("{task.description}"),
        progress.TimeElapsedColumn(),
        console=out,
        transient=True,
        redirect_stdout=False,
        disable=not _is_watched(),
    )
    with bar:
        bar.add_task(what, total=None)
        yield
