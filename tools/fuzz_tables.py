"""Feed the readers of tables and archives with bytes that libFuzzer makes up.

    pip install atheris
    python tools/fuzz_tables.py corpus -runs=1000000

Each input is read as a table file, as that file with the digest it should have, as the header and
the document of one, and as an archive. Anything but a `TableError` stops the fuzzer, and so does a
reader that asks for more than 64 MiB at once (-malloc_limit_mb) or 1 GiB in all (-rss_limit_mb).
The corpus is filled with whole files where it is empty. Options of libFuzzer are passed on.
"""

from __future__ import annotations

import contextlib
import inspect
import io
import sys
from pathlib import Path

import atheris

import otmaps
from otmaps import _format, _map, _map_inner, _map_table, _table
from otmaps._errors import TableError
from otmaps._stores import _archive
from otmaps._table import from_bytes, map_recipe, to_bytes

LIMITS = ("-len_control=0", "-malloc_limit_mb=64", "-rss_limit_mb=1024", "-max_len=65536")


def read(data: bytes) -> None:
    """Read a table; a `TableError` is what a bad one must be."""
    for key in ("ab" * 32, None):
        with contextlib.suppress(TableError):
            from_bytes(data, key)


def one_input(data: bytes) -> None:
    """Read the bytes in every way there is."""
    read(data)
    if len(data) > _format._DIGEST.stop:
        forged = bytearray(data)
        forged[_format._DIGEST] = _format._digest(forged)
        read(bytes(forged))
    start = _format._START + b"0" * 64
    framed = bytearray(len(start + data).to_bytes(8, "little") + start + data)
    framed[_format._DIGEST] = _format._digest(framed)
    read(bytes(framed))
    with contextlib.suppress(TableError):
        for _ in _archive._members(io.BytesIO(data)):
            pass


def fill(corpus: Path) -> None:
    """Whole files to begin with."""
    corpus.mkdir(parents=True, exist_ok=True)
    if any(corpus.iterdir()):
        return
    normal = otmaps.Normal()
    recipe = map_recipe(otmaps.lerp(0.25), (normal, normal), normal) or {}
    store = otmaps.MemoryStore()
    for i, (source, tol) in enumerate([(normal, 1e-9), (otmaps.Logistic(), 1e-4)]):
        data = to_bytes(otmaps.monotone_map(source, normal, tol=tol), recipe)
        (corpus / f"table{i}").write_bytes(data)
        store.put(_format.table_key(recipe), data)
    otmaps.export_tables(store, corpus / "archive.tar")


def main() -> None:
    """Run libFuzzer until it finds something, or has done its number of runs."""
    arguments = sys.argv[1:] or ["fuzz-corpus"]
    for module in (_format, _map, _map_inner, _map_table, _table, _archive):
        for function in vars(module).values():  # the rest is compiled, which atheris cannot follow
            if inspect.isfunction(function) and function.__module__ == module.__name__:
                atheris.instrument_func(function)
    fill(Path(next(a for a in arguments if not a.startswith("-"))))
    atheris.Setup([sys.argv[0], *LIMITS, *arguments], one_input)
    atheris.Fuzz()


if __name__ == "__main__":
    main()
