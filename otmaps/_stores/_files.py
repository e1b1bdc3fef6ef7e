"""The files of a directory store, one by one: read, publish, sweep."""

from __future__ import annotations

import contextlib
import os
import secrets
import stat
import time
from pathlib import Path

from otmaps._errors import TableError

SUFFIX, TEMPORARY, LOCK = ".safetensors", ".tmp", ".lock"

_ORPHAN_AGE = 3600.0  # seconds: no publication lasts that long
_TOUCH_AGE = 3600.0  # seconds: how exact the time of last use is kept
MOST_BYTES = 2**28  # a larger file under the name of a table is none
_BINARY = getattr(os, "O_BINARY", 0)  # Windows
_NO_SURPRISE = getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0)  # symlinks, pipes
_READ = os.O_RDONLY | _BINARY | _NO_SURPRISE


def read(path: str, *, touch: bool) -> bytes:
    """The bytes of a regular file, and where wanted a note that it was used."""
    descriptor = os.open(path, _READ)
    try:
        found = os.fstat(descriptor)
        if not stat.S_ISREG(found.st_mode):
            raise TableError("it is not a regular file")
        if found.st_size > MOST_BYTES:
            raise TableError(f"its {found.st_size} bytes are more than a table has")
        data = _read_all(descriptor, found.st_size)
    finally:
        os.close(descriptor)
    if touch and abs(time.time() - found.st_mtime) > _TOUCH_AGE:
        with contextlib.suppress(OSError):
            os.utime(path)
    return data


def _read_all(descriptor: int, size: int) -> bytes:
    data = os.read(descriptor, size)
    while len(data) < size and (more := os.read(descriptor, size - len(data))):
        data += more
    return data


def publish(path: Path, data: bytes, *, flush_root: bool) -> None:
    """Make the file appear whole and durably; an error leaves what was there."""
    path.parent.mkdir(parents=True, exist_ok=True)
    # Unique among hosts too: a shared directory sees equal process numbers.
    temporary = path.with_suffix(f".{secrets.token_hex(12)}{TEMPORARY}")
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | _BINARY, 0o666)
    try:
        try:
            rest = memoryview(data)
            while rest:
                rest = rest[os.write(descriptor, rest) :]
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
        temporary.replace(path)
    except BaseException:
        unlink(temporary)
        raise
    _flush(path.parent)
    if flush_root:  # the folder may be new
        _flush(path.parent.parent)


def _flush(folder: Path) -> None:
    """Make the names in a directory durable, where the system can."""
    with contextlib.suppress(OSError):
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


def sweep(folder: Path) -> None:
    """Unlink what killed processes left: old temporary files and locks."""
    with contextlib.suppress(OSError):
        for path in folder.iterdir():
            if path.suffix in (TEMPORARY, LOCK):
                with contextlib.suppress(OSError):
                    if time.time() - path.lstat().st_mtime > _ORPHAN_AGE:
                        path.unlink()


def unlink(path: Path) -> None:
    with contextlib.suppress(OSError):
        path.unlink()
