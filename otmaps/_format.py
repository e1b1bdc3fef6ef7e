"""The file format of tables: named arrays and a document, as bytes that prove themselves.

The layout is that of safetensors, which has no checksum and accepts most flipped bits. So its
metadata begins, at a fixed place, with the SHA-256 of the whole file (read with 64 zeros in that
place), and nothing behind it is parsed before the digest holds. `docs/format.md` is the
specification.
"""

from __future__ import annotations

import hashlib
import json
import math
import re
from collections.abc import Mapping
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from otmaps._errors import TableError

FORMAT = "otmaps.table"
FORMAT_VERSION = 1

Arrays: TypeAlias = dict[str, npt.NDArray[Any]]
Document: TypeAlias = dict[str, Any]

# One entry: safetensors writes several in the random order of a hash map. It comes first in the
# header, and the digest first in it, so that the digest stands at a fixed place of the file.
_ENTRY = "otmaps"
_START = b'{"__metadata__":{"otmaps":"{\\"sha256\\":\\"'
_DIGEST = slice(8 + len(_START), 8 + len(_START) + 64)
_ZEROS = b"0" * 64
_MAX_HEADER = 2**24
_RECIPE = ',"recipe":'
_LAST = f',"version":{FORMAT_VERSION}}}'
_NAME = re.compile(r"[a-z][a-z0-9_]{0,63}", re.ASCII)
_MOST_AXES = 8
_DTYPES = {
    code: np.dtype(text) for code, text in {
        "F64": "<f8", "F32": "<f4", "I64": "<i8", "I32": "<i4", "I16": "<i2", "I8": "|i1",
        "U64": "<u8", "U32": "<u4", "U16": "<u2", "U8": "|u1",
    }.items()
}  # fmt: skip
_DOUBLE = _DTYPES["F64"]
_CODES = {dtype.str: code for code, dtype in _DTYPES.items()}


def canonical_json(recipe: Any) -> str:
    """The one JSON text of a recipe: sorted keys, no blanks, ASCII, floats as hexadecimal strings.

    Raises
    ------
    TypeError
        For values that JSON does not have, and keys that are not text.
    ValueError
        For NaN, which equals nothing, itself included.
    """
    return _dumps(_plain(recipe))


def table_key(recipe: Mapping[str, Any]) -> str:
    """The key of a recipe in every store: SHA-256 of its `canonical_json`, 64 hex digits."""
    return _hashed(canonical_json(recipe))


def _hashed(text: str) -> str:
    return hashlib.sha256(text.encode("ascii")).hexdigest()


def pack(
    arrays: Mapping[str, npt.NDArray[Any]], recipe: Mapping[str, Any], document: Document
) -> bytes:
    """The bytes of a table; equal arguments give equal bytes.

    Parameters
    ----------
    arrays : mapping of str to ndarray
        Numbers of 1 to 8 bytes, infinities too, but no NaN; under names of lower-case letters,
        digits and underscores.
    recipe : mapping
        What the table was made from; written in the form of `canonical_json`.
    document : dict
        What else there is to say, in JSON types; floats must be finite.

    Raises
    ------
    TypeError, ValueError
        For names, dtypes and values that the format does not hold.
    """
    import safetensors.numpy

    tensors = {name: _storable(name, array) for name, array in arrays.items()}
    stated = {"format": FORMAT, "version": FORMAT_VERSION, "recipe": _plain(recipe)}
    text = _dumps({**document, **stated})
    entry = f'{{"sha256":"{_ZEROS.decode()}",{text[1:]}'
    data = bytearray(safetensors.numpy.save(tensors, {_ENTRY: entry}))
    if not data[8:].startswith(_START):
        raise RuntimeError("the installed safetensors writes its metadata in an unknown place.")
    data[_DIGEST] = _digest(data)
    return bytes(data)


def unpack(data: bytes, key: str | None = None) -> tuple[Arrays, Document]:
    """The arrays (read-only views of ``data``) and the document, verified.

    Parameters
    ----------
    data : bytes
        What `pack` wrote, or anything.
    key : str, optional
        The `table_key` that the recipe must have.

    Raises
    ------
    TableError
        For anything but what `pack` of this format version wrote, to the bit.
    """
    size = int.from_bytes(data[:8], "little")
    start = 8 + size
    if size > _MAX_HEADER or not _DIGEST.stop < start <= len(data):
        raise TableError("cut short or foreign: its header does not fit")
    if not data.startswith(_START, 8):
        raise TableError("foreign: it does not begin like a table of otmaps")
    if data[_DIGEST] != _digest(data):
        raise TableError("damaged: it does not have the SHA-256 that it states")
    header = _loads(data[8:start], "header")
    text, document = _document(header)
    arrays = _views(header, data, start)
    if key is not None and not _has_key(text, document, key):
        raise TableError("misplaced: it is the table of another key")
    return arrays, document


def _has_key(text: str, document: Document, key: str) -> bool:
    """Whether the recipe of a document, whose text is sound JSON, has a key.

    `pack` puts the recipe last but one, in canonical form: its text need not be written again.
    Quotes inside text are escaped, so what is found here is a name; and it is a name of the
    document, because nothing but the last brace is left open behind the recipe.
    """
    start = text.rfind(_RECIPE) + len(_RECIPE)
    canonical = start >= len(_RECIPE) and text.endswith(_LAST) and text.isascii()
    if canonical and _hashed(text[start : -len(_LAST)]) == key:
        return True
    # A recipe that was not written in canonical form has no key, so this is no other one.
    return _hashed(_dumps(document["recipe"])) == key


# ------------------------------------------------------------------------------------------- JSON
_ENCODER = json.JSONEncoder(
    sort_keys=True, separators=(",", ":"), ensure_ascii=True, allow_nan=False
)


def _dumps(value: Any) -> str:
    return _ENCODER.encode(value)


def _no_duplicates(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a key occurs twice")
    return found


def _no_constant(name: str) -> Any:
    raise ValueError(f"{name} is not JSON")


_DECODER = json.JSONDecoder(object_pairs_hook=_no_duplicates, parse_constant=_no_constant)


def _loads(text: bytes | str, what: str) -> Any:
    """ASCII JSON without duplicate keys, NaN and infinities; all else is a `TableError`."""
    try:
        text = text if isinstance(text, str) else text.decode("ascii")
        value, end = _DECODER.raw_decode(text)
    except (ValueError, RecursionError) as error:
        raise TableError(f"damaged or foreign: its {what} is not JSON ({error})") from None
    if text[end:].strip(" "):
        raise TableError(f"damaged or foreign: its {what} is not JSON alone")
    return value


_JSON_TYPES = frozenset({type(None), bool, int, str})  # what is written as it is


def _plain(value: Any, *where: Any) -> Any:
    """``value`` in JSON types, with floats as hexadecimal strings, which round-trip everywhere.

    ``where`` are the keys that lead to it; they become text for those whom an error tells.
    """
    kind = type(value)
    if kind in _JSON_TYPES:
        return value
    if kind is dict or isinstance(value, Mapping):
        for key in value:
            if not isinstance(key, str):
                raise TypeError(f"{_path(where)} has the key {key!r}; keys of a recipe are text.")
        return {
            str(k): v if type(v) in _JSON_TYPES else _plain(v, *where, k) for k, v in value.items()
        }
    if kind is list or isinstance(value, list | tuple):
        return [v if type(v) in _JSON_TYPES else _plain(v, *where, i) for i, v in enumerate(value)]
    return _number(value, where)


def _number(value: Any, where: tuple[Any, ...]) -> Any:
    if isinstance(value, str):
        return value
    if isinstance(value, int | np.integer):
        return int(value)
    if isinstance(value, float | np.floating):
        if math.isnan(value):
            raise ValueError(f"{_path(where)} is NaN; a recipe must equal itself.")
        return float(value).hex()
    raise TypeError(
        f"{_path(where)} has type {type(value).__name__}; recipes hold numbers, text, booleans, "
        "None, lists and dicts of them."
    )


def _path(where: tuple[Any, ...]) -> str:
    return "recipe" + "".join(f"[{key!r}]" for key in where)


# ----------------------------------------------------------------------------------------- digest
def _storable(name: str, array: Any) -> npt.NDArray[Any]:
    if not _NAME.fullmatch(name):
        raise ValueError(f"array name {name!r} is not made of lower-case letters, digits and _.")
    given = np.asarray(array, order="C")
    little = given.dtype.newbyteorder("<")
    if little.str not in _CODES:
        raise TypeError(f"array {name!r} has dtype {given.dtype}; a table holds plain numbers.")
    if little.kind == "f" and np.isnan(given).any():
        raise ValueError(f"array {name!r} holds NaN; a table holds numbers and infinite limits.")
    return given.astype(little, copy=False)


def _digest(data: bytes | bytearray) -> bytes:
    """The SHA-256, in hex, of a whole file with zeros in the place of the digest."""
    view = memoryview(data)
    digest = hashlib.sha256(view[: _DIGEST.start])
    digest.update(_ZEROS)
    digest.update(view[_DIGEST.stop :])
    return digest.hexdigest().encode("ascii")


# ---------------------------------------------------------------------------------------- reading
def _document(header: Any) -> tuple[str, Document]:
    """Take the document, of this format and version, out of the header: its text, and itself."""
    metadata = header.pop("__metadata__", None) if isinstance(header, dict) else None
    text = metadata.get(_ENTRY) if isinstance(metadata, dict) else None
    document = _loads(text, "document") if isinstance(text, str) else None
    if not isinstance(document, dict) or document.get("format") != FORMAT:
        raise TableError("foreign: it is not an otmaps table")
    version = document.get("version")
    if type(version) is not int or version != FORMAT_VERSION:
        raise TableError(
            f"it has format version {version!r}; this otmaps reads version {FORMAT_VERSION}"
        )
    if not isinstance(document.get("recipe"), dict):
        raise TableError("damaged: it has no recipe")
    return str(text), document


def _views(header: dict[str, Any], data: bytes, start: int) -> Arrays:
    """The arrays that the header describes: without gaps or overlaps, to the end of the data."""
    arrays: Arrays = {}
    position, limit = start, len(data)
    for name, entry in header.items():
        dtype, shape, count = _described(name, entry, limit)
        end = position + count * dtype.itemsize
        if entry.get("data_offsets") != [position - start, end - start] or end > limit:
            raise TableError(f"cut short or damaged: array {name!r} is not where it should be")
        arrays[name] = np.ndarray(shape, dtype, data, position) if count else np.empty(shape, dtype)
        position = end
    if position != limit:
        raise TableError("damaged: it is longer than its header says")
    _refuse_nan(arrays, data, start)
    return {name: _native(array) for name, array in arrays.items()}


def _refuse_nan(arrays: Arrays, data: bytes, start: int) -> None:
    doubles = all(array.dtype == _DOUBLE for array in arrays.values())
    if doubles and not _has_nan(np.frombuffer(data, _DOUBLE, offset=start)):
        return  # asked once, of all of them
    for name, array in arrays.items():
        if array.dtype.kind == "f" and _has_nan(array):
            raise TableError(f"array {name!r} holds NaN")


def _has_nan(array: npt.NDArray[Any]) -> bool:
    # The smallest of numbers is NaN where one of them is.
    return bool(array.size and math.isnan(np.minimum.reduce(array, axis=None)))


def _native(array: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """What compiled code takes, native and aligned: on usual machines the view itself."""
    if not (array.dtype.isnative and array.flags.aligned):
        array = np.require(array, array.dtype.newbyteorder("="), "A")
    array.flags.writeable = False
    return array


def _described(name: str, entry: Any, limit: int) -> tuple[np.dtype[Any], list[int], int]:
    """Dtype, shape and number of elements of an array: no more than ``limit``."""
    if not _NAME.fullmatch(name) or not isinstance(entry, dict) or len(entry) != 3:
        raise TableError(f"damaged: array {name!r} is not described")
    code, shape = entry.get("dtype"), entry.get("shape")
    if not isinstance(code, str) or code not in _DTYPES:
        raise TableError(f"damaged: array {name!r} has an unknown dtype")
    if not isinstance(shape, list) or len(shape) > _MOST_AXES:
        raise TableError(f"damaged: array {name!r} has no shape")
    count, size = 1, 1
    for n in shape:
        if type(n) is not int or n < 0:
            raise TableError(f"damaged: array {name!r} has no shape")
        count, size = count * n, size * max(n, 1)
        if size > limit:
            raise TableError(f"damaged: array {name!r} has an impossible shape")
    return _DTYPES[code], shape, count
