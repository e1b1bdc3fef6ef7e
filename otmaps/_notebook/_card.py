"""A card: a title, figures, rows of facts, tables and remarks, as HTML."""

from __future__ import annotations

import html
import math
from collections.abc import Iterable, Sequence

from otmaps._colours import COLOURS

_LONGEST = 140  # characters of a text from outside
_LINE = "1px solid rgba(128, 128, 128, 0.4)"
_CELL = "padding:0.1em 0.9em 0.1em 0;border:0;background:none;vertical-align:top;text-align:"
GOOD, BAD, SOFT = COLOURS["matched"], COLOURS["linear"], COLOURS["prior"]


def card(title: str, kind: str, *parts: str, verdict: tuple[bool, str] | None = None) -> str:
    """The frame around all that is shown of an object; parts are HTML, texts are not."""
    said = ""
    if verdict is not None:
        good, words = verdict
        colour = GOOD if good else BAD
        said = f'<div style="color:{colour};font-weight:600">{text(words)}</div>'
    return (
        f'<div style="border:{_LINE};border-radius:6px;padding:0.6em 0.9em;max-width:60em;'
        'font-size:0.95em;line-height:1.45;overflow-x:auto">'
        f'<div><strong>{text(title)}</strong> <span style="opacity:0.7">{text(kind)}</span></div>'
        f"{said}{''.join(parts)}</div>"
    )


def text(value: object) -> str:
    """Any text, shortened and escaped."""
    plain = " ".join(str(value).split())
    return html.escape(plain if len(plain) <= _LONGEST else f"{plain[:_LONGEST]} ...")


def row(*figures: str) -> str:
    """Figures and facts side by side, or below each other where there is no room."""
    return (
        '<div style="display:flex;flex-wrap:wrap;gap:0.4em 1.4em;align-items:flex-start;'
        f'margin-top:0.4em">{"".join(figures)}</div>'
    )


def facts(pairs: Iterable[tuple[str, str]]) -> str:
    """Names, and what is known of each."""
    cells = "".join(
        f'<div style="opacity:0.7">{text(name)}</div><div>{text(value)}</div>'
        for name, value in pairs
    )
    return (
        '<div style="display:grid;grid-template-columns:max-content minmax(9em,1fr);'
        f'column-gap:1em;min-width:18em">{cells}</div>'
    )


def remark(words: str) -> str:
    """A sentence in small print."""
    return f'<div style="opacity:0.7;font-size:0.9em;margin-top:0.4em">{text(words)}</div>'


def table(
    columns: Sequence[str],
    rows: Iterable[Sequence[str]],
    *,
    right: Sequence[str] = (),
    verdicts: str = "",
    good: Sequence[str] = (),
    bad: Sequence[str] = (),
) -> str:
    """A table; ``right`` names columns of numbers, ``verdicts`` the one with coloured words."""

    def cell(tag: str, column: str, value: str) -> str:
        side = "right" if column in right else "left"
        style = f"{_CELL}{side}"
        if tag == "th":
            style += ";opacity:0.7;font-weight:600"
        elif column == verdicts and value in (*good, *bad):
            style += f";font-weight:600;color:{BAD if value in bad else GOOD}"
        return f'<{tag} style="{style}">{text(value)}</{tag}>'

    head = "".join(cell("th", column, column) for column in columns)
    body = "".join(
        '<tr style="background:none">'
        + "".join(cell("td", c, v) for c, v in zip(columns, values, strict=True))
        + "</tr>"
        for values in rows
    )
    return (
        '<table style="border-collapse:collapse;border:0;margin:0.4em 0 0 0;font:inherit">'
        f'<thead><tr style="background:none;border-bottom:{_LINE}">{head}</tr></thead>'
        f"<tbody>{body}</tbody></table>"
    )


def number(x: float, digits: int = 4) -> str:
    """A few digits; a dash for NaN."""
    return "-" if math.isnan(x) else f"{x:.{digits}g}"


def size_of_error(x: float) -> str:
    """One digit: more an error is not worth."""
    return "exact" if x == 0.0 else "-" if math.isnan(x) else f"{x:.0e}"


def axis_name(axis: object) -> str:
    """An axis, or the axes, of a latent."""
    return "the last" if axis is None else str(axis)


def span(pair: tuple[float, float]) -> str:
    """The two ends of an interval."""
    return f"{number(pair[0])} to {number(pair[1])}"
