"""Grids of operations, parameters and priors, from a TOML or JSON file."""

from __future__ import annotations

import json
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import click

from otmaps.cli._arguments import closest, operation_of, parameter_range, parse_law

if TYPE_CHECKING:
    from otmaps import Job

_TOP = ("store", "method", "tol", "grid")
_GRID = ("operation", "prior", "inputs", "parameters", "method", "tol")


class GridFile(NamedTuple):
    """What a file says: the jobs, and where their tables go (None where it does not say)."""

    jobs: list[Job]
    store: str | None


def read_grid_file(path: Path) -> GridFile:
    """The jobs of a file; operations and samples in other files are looked for beside it.

    Raises
    ------
    click.BadParameter
        With the place and the reason, for whatever is wrong with the file.
    """
    content = _parsed(path)
    _check_names(path.name, content, _TOP)
    grids = content.get("grid")
    if not isinstance(grids, list) or not grids:
        raise _bad(f"{path.name} has no grid; write [[grid]] and below it operation = ...")
    store = content.get("store")
    if store is not None and not isinstance(store, str):
        raise _bad(f"{path.name}: store is {store!r}; write the path of a directory or a URL.")
    shared = {name: content[name] for name in ("method", "tol") if name in content}
    jobs: list[Job] = []
    for number, entry in enumerate(grids, start=1):
        where = f"{path.name}, grid {number}"
        if not isinstance(entry, Mapping):
            raise _bad(f"{where} is {entry!r}; it is a table with operation, prior, parameters.")
        _check_names(where, entry, _GRID)
        try:
            jobs += _jobs({**shared, **entry}, path.parent)
        except click.BadParameter as error:
            raise _bad(f"{where}: {error.message}") from None
        except (KeyError, TypeError, ValueError) as error:
            raise _bad(f"{where}: {error}") from error
    return GridFile(jobs, store)


def _parsed(path: Path) -> Mapping[str, Any]:
    readers = {".toml": tomllib.loads, ".json": json.loads}
    if path.suffix not in readers:
        raise _bad(f"{path} is neither named *.toml nor *.json.")
    try:
        content = readers[path.suffix](path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:  # of both parsers, and of the encoding
        raise _bad(f"{path} cannot be read: {error}") from error
    if not isinstance(content, Mapping):
        raise _bad(f"{path} holds a {type(content).__name__}, not grids.")
    return content


def _check_names(where: str, found: Mapping[str, Any], known: tuple[str, ...]) -> None:
    for name in found:
        if name not in known:
            listed = ", ".join(known)
            raise _bad(f"{where} has {name!r}{closest(name, known)}; there are {listed}.")


def _jobs(entry: Mapping[str, Any], folder: Path) -> list[Job]:
    import otmaps

    factories = [operation_of(_beside(text, folder)) for text in _texts(entry, "operation")]
    priors = [parse_law(_beside(t, folder)) for t in _texts(entry, "prior", "normal")]
    inputs = {n: parse_law(_beside(t, folder)) for n, t in _table(entry, "inputs").items()}
    options: dict[str, Any] = {name: entry[name] for name in ("method", "tol") if name in entry}
    options |= {n: _values(v) for n, v in _table(entry, "parameters").items()}
    return otmaps.grid(factories, priors, inputs=inputs or None, **options)


def _texts(entry: Mapping[str, Any], name: str, default: str | None = None) -> list[str]:
    value = entry.get(name, default)
    texts = value if isinstance(value, list) else [value]
    if not texts or not all(isinstance(text, str) for text in texts):
        raise TypeError(f"{name} is {value!r}; write a name, or a list of names.")
    return texts


def _table(entry: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    value = entry.get(name, {})
    if not isinstance(value, Mapping):
        raise TypeError(f"{name} is {value!r}; write a table, as in {{ t = 0.5 }}.")
    return value


def _values(value: Any) -> list[Any]:
    """All values of a parameter: one, a list of them, or a range as on the command line."""
    if isinstance(value, str) and value.count(":") == 2:
        return parameter_range(value)
    return value if isinstance(value, list) else [value]


def _beside(text: str, folder: Path) -> str:
    """A name, with the path of a file taken from the folder of the grid file."""
    source, colon, name = text.rpartition(":") if ":" in text else (text, "", "")
    if source.endswith((".py", ".npy")):
        return f"{folder / source}{colon}{name}"
    return text


def _bad(message: str) -> click.BadParameter:
    return click.BadParameter(message, param_hint="'--grid'")
