"""What a model file is by its first bytes: what is no ONNX is named, and no pickle is opened.

A pickle runs any code when it is read, and the files of torch are pickles or hold some; so they
are told apart by their outside alone.
"""

from __future__ import annotations

import io
import zipfile
from collections.abc import Iterable
from pathlib import Path

_PICKLE_RULE = (
    "Reading it may run any code, so it is never opened here. Load it in Python of your own and "
    "export the generator to ONNX: torch.onnx.export(net.eval(), (torch.zeros(2, DIM),), 'g.onnx', "
    "input_names=['z'], dynamic_axes={'z': {0: 'n'}}, dynamo=False); or save it as TorchScript and "
    "name that file: torch.jit.trace(net.eval(), torch.zeros(2, DIM)).save('g.pt')."
)
_EXPORTED = {"archive_format", "serialized_exported_program.json"}  # of torch 2.8, and before
_EXPORT = "Export the generator to one ONNX file."
_ZIP = b"PK\x03\x04"
_MAGIC = (
    (b"\x89HDF\r\n\x1a\n", "an HDF5 file, such as the weights of Keras"),
    (b"GGUF", "a GGUF file"),
    (b"<?xml", "an XML file"),
    (b"\x89PNG", "a picture"),
    (b"\xff\xd8\xff", "a picture"),
    (b"\x93NUMPY", "an array of NumPy"),
    (b"version https://git-lfs", "a Git LFS pointer, not the file itself"),
)


class ModelError(ValueError):
    """A model file that the demo cannot use; the message says what it found and what to do."""


def read_file(file: Path) -> bytes:
    """The bytes of a file, or a ModelError."""
    try:
        return file.read_bytes()
    except OSError as error:
        raise ModelError(f"cannot read {file}: {error.strerror or error}.") from error


def is_torchscript(data: bytes) -> bool:
    """Whether a file has the outside of a TorchScript archive."""
    return data.startswith(_ZIP) and _holds_script(_members(data) or ())


def foreign_format(data: bytes) -> str | None:
    """What a file is that is no ONNX model, with a remedy; None for what may be one."""
    if not data:
        return "empty."
    if data.startswith(_ZIP):
        return _archive(data)
    if data[:1] == b"\x80" and data[1:2] in {b"\x02", b"\x03", b"\x04", b"\x05"}:
        return f"a pickle, as torch.save and joblib write. {_PICKLE_RULE}"
    for start, description in _MAGIC:
        if data.startswith(start):
            return f"{description}. {_EXPORT}"
    if data[4:8] == b"TFL3":
        return f"a TensorFlow Lite model. {_EXPORT}"
    if data[8:9] == b"{" and int.from_bytes(data[:8], "little") < len(data):
        return f"a safetensors file: weights without a network. {_EXPORT}"
    return None


def _archive(data: bytes) -> str:
    """A zip archive, told apart by the names of its members."""
    names = _members(data)
    if names is None:
        return f"a damaged zip archive. {_EXPORT}"
    last = {name.rpartition("/")[2] for name in names}
    if _holds_script(names):
        return (
            "a TorchScript archive: a program, which can touch files. A generator of this kind is "
            "taken where you name it yourself, by --model on the command line; what is sent to a "
            "page, and a classifier, must be ONNX."
        )
    if last & _EXPORTED or any("/models/" in name for name in names):
        return (
            "a program of torch.export: torch.export.load unpickles parts of it and evaluates "
            f"text in it. {_PICKLE_RULE}"
        )
    if "data.pkl" in last:
        return f"a torch file: a zip archive with a pickle. {_PICKLE_RULE}"
    return f"a zip archive, such as .npz or .keras. {_EXPORT}"


def _members(data: bytes) -> list[str] | None:
    """The names in a zip archive; None where it is damaged."""
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            return archive.namelist()
    except (zipfile.BadZipFile, ValueError, NotImplementedError):
        return None


def _holds_script(names: Iterable[str]) -> bool:
    """Whether these are the names in a TorchScript archive: a program, and its constants."""
    below_root = [name.partition("/")[2] for name in names]
    return "constants.pkl" in below_root and any(name.startswith("code/") for name in below_root)
