"""Tables of a store as one file, and back: plain tar, as any program writes and reads it."""

from __future__ import annotations

import contextlib
import dataclasses
import io
import os
import re
import secrets
import tarfile
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import BinaryIO, TypeAlias, final

from otmaps._errors import TableError
from otmaps._format import unpack
from otmaps._stores._base import Store
from otmaps._stores._files import MOST_BYTES, SUFFIX, TEMPORARY, unlink

PathLike: TypeAlias = str | os.PathLike[str]

_BLOCK = 512
_MEMBER = re.compile(rf"(?:.*/)?([0-9a-f]{{2}})/(\1[0-9a-f]{{62}}){re.escape(SUFFIX)}", re.ASCII)
_REGULAR = (b"0", b"\0")


@final
@dataclasses.dataclass(frozen=True)
class Transfer:
    """What became of the tables of an export or an import; truthy where none was left out.

    Attributes
    ----------
    copied : int
        How many tables were written.
    present : int
        How many were there already, with equal bytes.
    left_out : tuple of (str, str)
        Names of what is no whole table, and why.

    Examples
    --------
    >>> import otmaps
    >>> store = otmaps.MemoryStore()
    >>> m = otmaps.match(otmaps.lerp(0.5), "uniform", store=store)
    >>> otmaps.export_tables(store, "tables.tar").copied
    1
    """

    copied: int
    present: int
    left_out: tuple[tuple[str, str], ...]

    def __bool__(self) -> bool:
        return not self.left_out


def export_tables(store: Store, path: PathLike, keys: Iterable[str] | None = None) -> Transfer:
    """Write tables of a store to an archive; equal tables give equal archives.

    Every table is verified before it goes out. The archive appears whole or not at all.

    Parameters
    ----------
    store : Store
    path : path-like
        The archive, a plain tar file with the files of a `TableStore`: unpacked, it is one.
    keys : iterable of str, optional
        Which tables; by default all of them.

    Returns
    -------
    Transfer

    Raises
    ------
    FileNotFoundError
        Where the folder of the archive is not there.

    Examples
    --------
    >>> import otmaps
    >>> store = otmaps.MemoryStore()
    >>> m = otmaps.match(otmaps.lerp(0.5), "uniform", store=store)
    >>> otmaps.export_tables(store, "tables.tar").copied
    1
    """
    _check_store(store)
    target = Path(path)
    if not target.parent.is_dir():
        raise FileNotFoundError(
            f"path: there is no folder {str(target.parent)!r}; create it first."
        )
    temporary = target.with_name(f"{target.name}.{secrets.token_hex(12)}{TEMPORARY}")
    copied, left_out = 0, []
    try:
        with temporary.open("xb") as file:
            for key in sorted(set(store.keys() if keys is None else keys)):
                data = store.get(key)
                try:
                    unpack(data or b"", key)
                except TableError as error:
                    left_out.append((key, "it is not there" if data is None else str(error)))
                    continue
                _write_member(file, f"{key[:2]}/{key}{SUFFIX}", data or b"")
                copied += 1
            file.write(bytes(2 * _BLOCK))
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(target)
    except BaseException:
        unlink(temporary)
        raise
    return Transfer(copied, 0, tuple(left_out))


def _check_store(store: Store) -> None:
    if not isinstance(store, Store):
        raise TypeError(
            f"store must be a Store, such as otmaps.TableStore(path), got {type(store).__name__}."
        )


def import_tables(store: Store, path: PathLike) -> Transfer:
    """Put the tables of an archive into a store, each of them verified first.

    Parameters
    ----------
    store : Store
    path : path-like
        What `export_tables` wrote, or any plain tar file of a `TableStore`. Nothing but whole
        tables under their own keys is taken from it: no paths, no links, nothing that is packed.

    Returns
    -------
    Transfer

    Raises
    ------
    TableError
        For a file that is no plain tar archive, or that is cut short; what came before is kept.

    Examples
    --------
    >>> import otmaps
    >>> store = otmaps.MemoryStore()
    >>> m = otmaps.match(otmaps.lerp(0.5), "uniform", store=store)
    >>> _ = otmaps.export_tables(store, "tables.tar")
    >>> otmaps.import_tables(otmaps.TableStore("copy"), "tables.tar").copied
    1
    """
    _check_store(store)
    copied, present, left_out = 0, 0, []
    with Path(path).open("rb") as file:
        for name, data in _members(file):
            match = _MEMBER.fullmatch(name)
            if data is None or match is None:
                left_out.append((name, "it is not the file of a table"))
                continue
            key = match[2]
            try:
                unpack(data, key)
            except TableError as error:
                left_out.append((name, str(error)))
                continue
            if store.get(key) == data:
                present += 1
            else:
                store.put(key, data)
                copied += 1
    return Transfer(copied, present, tuple(left_out))


def _write_member(file: BinaryIO, name: str, data: bytes) -> None:
    member = tarfile.TarInfo(name)  # time, owner and mode are the same for all
    member.size = len(data)
    file.write(member.tobuf(tarfile.USTAR_FORMAT))
    file.write(data)
    file.write(bytes(-len(data) % _BLOCK))


def _members(file: BinaryIO) -> Iterator[tuple[str, bytes | None]]:
    """Names and bytes of the files in an archive; None for what cannot be a table.

    The reader of the standard library follows extensions that may ask for any amount of memory.
    This one knows headers of 512 bytes, and passes over what it does not know.
    """
    size = file.seek(0, io.SEEK_END)
    position = 0
    while position < size:
        file.seek(position)
        header = file.read(_BLOCK)
        if not header.strip(b"\0"):
            return
        name, length, kind = _parsed(header, position)
        position += _BLOCK + length + -length % _BLOCK
        if position > size:
            raise TableError(f"the archive is cut short within {name!r}")
        # Long names of other programs, folders, comments.
        if kind in _REGULAR:
            yield name, file.read(length) if length <= MOST_BYTES else None
        elif kind not in (b"5", b"x", b"g", b"L"):
            yield name, None
    raise TableError("the archive is cut short: it has no end")


def _parsed(header: bytes, position: int) -> tuple[str, int, bytes]:
    """Name, length and kind of a member."""
    spaced = header[:148] + b" " * 8 + header[156:]
    with contextlib.suppress(ValueError):
        stated = int(header[148:156].strip(b"\0 ").decode("ascii"), 8)
        length = int(header[124:136].strip(b"\0 ").decode("ascii") or "0", 8)
        if len(header) == _BLOCK and stated == sum(spaced) and length >= 0:
            name, prefix = (
                field.partition(b"\0")[0].decode("utf-8", "backslashreplace")
                for field in (header[:100], header[345:500])
            )
            return (f"{prefix}/{name}" if prefix else name), length, header[156:157]
    raise TableError(f"it is no plain tar archive, or damaged at byte {position}")
