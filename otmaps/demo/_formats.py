"""What a model file is by its first bytes: what is no ONNX is named, and never opened.

A pickle runs any code when it is read, and the files of torch are pickles or hold some; so they
are told apart by their outside alone.
"""

from __future__ import annotations

import io
import zipfile

_PICKLE_RULE = (
    "Reading it may run any code, so it is never opened here. Load it in Python of your own and "
    "export the generator to ONNX: torch.onnx.export(net.eval(), (torch.zeros(2, DIM),), 'g.onnx', "
    "input_names=['z'], dynamic_axes={'z': {0: 'n'}}, dynamo=False)."
)
_EXPORTED = {"archive_format", "serialized_exported_program.json"}  # of torch 2.8, and before
_EXPORT = "Export the generator to one ONNX file."
_MAGIC = (
    (b"\x89HDF\r\n\x1a\n", "an HDF5 file, such as the weights of Keras"),
    (b"GGUF", "a GGUF file"),
    (b"<?xml", "an XML file"),
    (b"\x89PNG", "a picture"),
    (b"\xff\xd8\xff", "a picture"),
    (b"\x93NUMPY", "an array of NumPy"),
    (b"version https://git-lfs", "a Git LFS pointer, not the file itself"),
)


def foreign_format(data: bytes) -> str | None:
    """What a file is that is no ONNX model, with a remedy; None for what may be one."""
    if not data:
        return "empty."
    if data.startswith(b"PK\x03\x04"):
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
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            names = archive.namelist()
    except (zipfile.BadZipFile, ValueError, NotImplementedError):
        return f"a damaged zip archive. {_EXPORT}"
    last = {name.rpartition("/")[2] for name in names}
    if any("/code/" in name for name in names):
        return f"a TorchScript archive: code and pickles. {_PICKLE_RULE}"
    if last & _EXPORTED or any("/models/" in name for name in names):
        return f"a program of torch.export: it holds pickles. {_PICKLE_RULE}"
    if "data.pkl" in last:
        return f"a torch file: a zip archive with a pickle. {_PICKLE_RULE}"
    return f"a zip archive, such as .npz or .keras. {_EXPORT}"
