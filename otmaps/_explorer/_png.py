"""PNG files from arrays, by the standard library alone: what a slider waits for is small."""

from __future__ import annotations

import struct
import zlib
from typing import Any

import numpy as np
import numpy.typing as npt

_SIGNATURE = b"\x89PNG\r\n\x1a\n"
_FAST = 1  # zlib's quickest level: twice the bytes of its best one, in a tenth of the time


def png_bytes(pixels: npt.NDArray[Any]) -> bytes:
    """Bytes of shape (height, width, 4) as a PNG file with an alpha channel.

    Rows are stored unfiltered, 8 bits a channel, not interlaced (PNG, third edition, 2025).
    """
    height, width, _ = pixels.shape
    rows = np.zeros((height, 1 + 4 * width), dtype=np.uint8)  # each begins with its filter: none
    rows[:, 1:] = pixels.reshape(height, -1)
    header = struct.pack(">IIBBBBB", width, height, 8, 6, 0, 0, 0)
    data = zlib.compress(rows.tobytes(), _FAST)
    parts = ((b"IHDR", header), (b"IDAT", data), (b"IEND", b""))
    return _SIGNATURE + b"".join(_chunk(kind, body) for kind, body in parts)


def _chunk(kind: bytes, body: bytes) -> bytes:
    check = zlib.crc32(kind + body)
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", check)
