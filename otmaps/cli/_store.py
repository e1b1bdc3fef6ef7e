"""The store that keeps tables."""

from __future__ import annotations

import datetime as dt
import re
import time
from typing import TYPE_CHECKING, Any

import click

from otmaps.cli._command import Command, Group
from otmaps.cli._manual import Manual
from otmaps.cli._options import json_option
from otmaps.cli._terminal import byte_size, console, print_json, print_table

if TYPE_CHECKING:
    from otmaps import TableStore, Transfer

_SIZES = {"": 1, "k": 2**10, "m": 2**20, "g": 2**30, "t": 2**40}
_LEFT_OUT = {1: "A table was left out, because it is damaged."}
_TRANSFER = {
    "archive": "The archive.",
    "copied": "How many tables were copied.",
    "present": "How many were there already.",
    "left_out": "Name and reason of each that was not copied.",
}
_AGES = {"": 1, "s": 1, "m": 60, "h": 3600, "d": 86400, "w": 7 * 86400}


def _quantity(text: str | None, pattern: str, units: dict[str, int], example: str) -> float | None:
    """A number with a unit, such as 100M or 30d."""
    if text is None:
        return None
    match = re.fullmatch(pattern, text.strip().lower(), re.ASCII)
    if match is None:
        raise click.BadParameter(f"{text!r} has no number and unit; write one as in {example}.")
    return float(match[1]) * units[match[2]]


def _size(_: click.Context, __: click.Parameter, text: str | None) -> float | None:
    return _quantity(text, r"(\d+(?:\.\d*)?)\s*([kmgt]?)(?:i?b)?", _SIZES, "100M or 2GiB")


def _age(_: click.Context, __: click.Parameter, text: str | None) -> float | None:
    return _quantity(text, r"(\d+(?:\.\d*)?)\s*([smhdw]?)", _AGES, "12h or 30d")


@click.group(
    cls=Group,
    short_help="List, verify, prune, export or import tables.",
    manual=Manual(
        ("otmaps store list", "otmaps store prune --max-age 30d"),
        exits={1: "A table is damaged, or was left out of a copy."},
        files=("*.safetensors",),
    ),
)
def store() -> None:
    """Look after the directory that keeps tables."""


_path = click.argument("path", metavar="[DIRECTORY]", required=False)


def _opened(path: str | None) -> TableStore:
    from otmaps import TableStore

    shelf = TableStore(path)
    if not isinstance(shelf, TableStore):
        raise click.BadParameter(
            f"{shelf!r} is looked after by its own service (listing, life cycle rules); this "
            "takes a directory."
        )
    return shelf


@store.command(
    "list",
    cls=Command,
    manual=Manual(
        ("otmaps store list", "otmaps store list tables --json"),
        json={
            "path": "The directory.",
            "tables": "For each table its key, size in bytes, time of last use, operation, prior, "
            "and a message where it cannot be read.",
        },
        files=("*.safetensors",),
    ),
)
@_path
@json_option
def list_tables(*, path: str | None, as_json: bool) -> None:
    """List the tables, the least recently used first."""
    shelf = _opened(path)
    entries = shelf.entries()
    found = [
        {
            "key": entry.key,
            "size": entry.size,
            "used": _time(entry.used),
            **_contents(shelf, entry.key),
        }
        for entry in entries
    ]
    if as_json:
        print_json({"path": str(shelf.path), "tables": found})
        return
    rows = [
        (
            e["key"][:8],
            byte_size(e["size"]),
            _since(entry.used),
            e["operation"] or "-",
            e["prior"] or e["message"],
        )
        for e, entry in zip(found, entries, strict=True)
    ]
    if rows:
        columns = ["key", "size", "unused for", "operation", "prior"]
        print_table(columns, rows, right=["size", "unused for"])
    total = byte_size(sum(entry.size for entry in entries))
    console().print(f"{shelf.path}: {len(rows)} tables, {total}", soft_wrap=True)


def _time(seconds: float) -> str:
    return dt.datetime.fromtimestamp(seconds, dt.UTC).isoformat(timespec="seconds")


def _since(seconds: float) -> str:
    """The time since then, in the largest unit of which there is one."""
    age = max(time.time() - seconds, 0.0)
    unit = next((u for u in "wdhm" if age >= _AGES[u]), "s")
    return f"{age / _AGES[unit]:.0f} {'min' if unit == 'm' else unit}"


def _contents(shelf: TableStore, key: str) -> dict[str, Any]:
    """What a table says of itself: its operation and prior, or why it cannot be read."""
    from otmaps._errors import TableError
    from otmaps._format import unpack

    try:
        recipe = unpack(shelf.get(key) or b"", key)[1]["recipe"]
    except TableError as error:
        return {"operation": None, "prior": None, "message": str(error)}
    return {
        "operation": _described(recipe["operation"]),
        "prior": _described(recipe["prior"]),
        "message": "",
    }


def _described(recipe: Any) -> str:
    """A recipe as a reader would write it: Normal(loc=0, scale=1), linear[0.5, 0.5]."""
    if isinstance(recipe, list):
        shown = [_described(v) for v in recipe[:6]] + ["..."] * (len(recipe) > 6)
        return f"[{', '.join(shown)}]"
    if isinstance(recipe, str) and re.fullmatch(r"-?0x[0-9a-f.]+p[+-]\d+", recipe):
        return f"{float.fromhex(recipe):.6g}"
    if not isinstance(recipe, dict):
        return str(recipe)[:16]
    rest = dict(recipe)
    name = rest.pop("law", None) or rest.pop("operation", "")
    if name == "linear":
        offset = _described(rest["offset"])
        return f"linear{_described(rest['weights'])}" + (f" + {offset}" if offset != "0" else "")
    return f"{name}({', '.join(f'{k}={_described(v)}' for k, v in rest.items())})"


@store.command(
    cls=Command,
    manual=Manual(
        ("otmaps store verify", "otmaps store verify tables --json"),
        exits={1: "A table is damaged."},
        json={
            "path": "The directory.",
            "good": "How many tables are whole.",
            "bad": "For each damaged one its path and the reason.",
            "strangers": "Files that are no tables.",
        },
        files=("*.safetensors",),
    ),
)
@_path
@json_option
@click.pass_context
def verify(ctx: click.Context, *, path: str | None, as_json: bool) -> None:
    """Read every table and check its digest; the exit code is 1 when one is damaged."""
    shelf = _opened(path)
    found = shelf.verify()
    if as_json:
        print_json(
            {
                "path": str(shelf.path),
                "good": found.good,
                "bad": [{"path": str(file), "reason": reason} for file, reason in found.bad],
                "strangers": [str(file) for file in found.strangers],
            }
        )
    else:
        rows = [(str(file.relative_to(shelf.path)), reason) for file, reason in found.bad]
        rows += [(str(file.relative_to(shelf.path)), "no table") for file in found.strangers]
        if rows:
            print_table(["file", "what is wrong"], rows)
        console().print(
            f"{shelf.path}: {found.good} good, {len(found.bad)} bad, "
            f"{len(found.strangers)} other files",
            soft_wrap=True,
        )
    if not found:
        ctx.exit(1)


@store.command(
    cls=Command,
    manual=Manual(
        ("otmaps store prune --max-bytes 100M", "otmaps store prune --max-age 30d tables"),
        json={
            "path": "The directory.",
            "removed": "Key and size of each table that was removed.",
            "kept": "How many tables are left.",
            "kept_bytes": "Their size.",
        },
        files=("*.safetensors",),
    ),
)
@_path
@click.option(
    "--max-bytes", metavar="SIZE", callback=_size, help="How much may stay, such as 100M."
)
@click.option(
    "--max-age", metavar="AGE", callback=_age, help="Time since the last use, such as 30d."
)
@json_option
def prune(
    *, path: str | None, max_bytes: float | None, max_age: float | None, as_json: bool
) -> None:
    """Remove the tables that were not used for longest, and orphaned temporary files."""
    shelf = _opened(path)
    limit = None if max_bytes is None else int(max_bytes)
    removed = shelf.prune(max_bytes=limit, max_age=max_age)
    kept = shelf.entries()
    if as_json:
        print_json(
            {
                "path": str(shelf.path),
                "removed": [{"key": e.key, "size": e.size} for e in removed],
                "kept": len(kept),
                "kept_bytes": sum(e.size for e in kept),
            }
        )
        return
    rows = [(e.key[:8], byte_size(e.size), _since(e.used)) for e in removed]
    if rows:
        columns = ["removed", "size", "unused for"]
        print_table(columns, rows, right=columns[1:])
    console().print(
        f"{shelf.path}: {len(removed)} tables removed "
        f"({byte_size(sum(e.size for e in removed))}), {len(kept)} kept "
        f"({byte_size(sum(e.size for e in kept))})",
        soft_wrap=True,
    )


_archive = click.argument("archive", metavar="ARCHIVE", type=click.Path(dir_okay=False))


@store.command(
    "export",
    cls=Command,
    manual=Manual(
        ("otmaps store export tables.tar", "otmaps store export tables.tar tables --key 5e3f"),
        exits=_LEFT_OUT,
        json=_TRANSFER,
        files=("*.tar", "*.safetensors"),
    ),
)
@_archive
@_path
@click.option(
    "--key",
    "prefixes",
    metavar="KEY",
    multiple=True,
    help="A key or how it begins; may be repeated. By default all tables.",
)
@json_option
@click.pass_context
def export_archive(
    ctx: click.Context, *, archive: str, path: str | None, prefixes: tuple[str, ...], as_json: bool
) -> None:
    """Write tables into ARCHIVE, a plain tar file, each of them verified."""
    from otmaps import export_tables

    shelf = _opened(path)
    keys = None
    if prefixes:
        keys = [entry.key for entry in shelf.entries() if entry.key.startswith(prefixes)]
        if not keys:
            raise click.BadParameter(f"{shelf.path} has no table of {', '.join(prefixes)}.")
    _report(ctx, export_tables(shelf, archive, keys), archive, f"from {shelf.path}", as_json)


@store.command(
    "import",
    cls=Command,
    manual=Manual(
        ("otmaps store import tables.tar", "otmaps store import tables.tar tables"),
        exits=_LEFT_OUT,
        json=_TRANSFER,
        files=("*.tar", "*.safetensors"),
    ),
)
@_archive
@_path
@json_option
@click.pass_context
def import_archive(ctx: click.Context, *, archive: str, path: str | None, as_json: bool) -> None:
    """Put the tables of ARCHIVE into the store, each of them verified first."""
    from otmaps import TableError, import_tables

    shelf = _opened(path)
    try:
        found = import_tables(shelf, archive)
    except (OSError, TableError) as error:
        raise click.ClickException(f"{archive} could not be read: {error}.") from None
    _report(ctx, found, archive, f"into {shelf.path}", as_json)


def _report(
    ctx: click.Context, found: Transfer, archive: str, direction: str, as_json: bool
) -> None:
    """Say what was copied; the exit code is 1 where something was left out."""
    if as_json:
        print_json(
            {
                "archive": archive,
                "copied": found.copied,
                "present": found.present,
                "left_out": [{"name": n, "reason": why} for n, why in found.left_out],
            }
        )
    else:
        if found.left_out:
            print_table(["left out", "why"], list(found.left_out))
        console().print(
            f"{archive}: {found.copied} tables copied {direction}, {found.present} there already, "
            f"{len(found.left_out)} left out",
            soft_wrap=True,
        )
    if not found:
        ctx.exit(1)
