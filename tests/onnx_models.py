"""Small ONNX models for tests, written byte by byte, so that tests need no package for that.

Field numbers are those of onnx.proto (ir_version 8, opset 17).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

FLOAT, INT64, DOUBLE = 1, 7, 11
Shape = Sequence[int | str]


def varint(value: int) -> bytes:
    value &= (1 << 64) - 1
    out = bytearray()
    while value > 0x7F:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes([*out, value])


def number(tag: int, value: int) -> bytes:
    return varint(tag << 3) + varint(value)


def chunk(tag: int, value: bytes | str) -> bytes:
    data = value.encode() if isinstance(value, str) else value
    return varint(tag << 3 | 2) + varint(len(data)) + data


def tensor(name: str, values: Any) -> bytes:
    array = np.asarray(values)
    kind = {"f4": FLOAT, "i8": INT64, "f8": DOUBLE}[array.dtype.str[1:]]
    dims = b"".join(number(1, size) for size in array.shape)
    return dims + number(2, kind) + chunk(8, name) + chunk(9, array.tobytes())


def value_info(name: str, shape: Shape, kind: int) -> bytes:
    dims = [chunk(2, size) if isinstance(size, str) else number(1, size) for size in shape]
    sizes = b"".join(chunk(1, dim) for dim in dims)
    return chunk(1, name) + chunk(2, chunk(1, number(1, kind) + chunk(2, sizes)))


def attribute(name: str, value: int | Sequence[int]) -> bytes:
    if isinstance(value, int):
        return chunk(1, name) + number(3, value) + number(20, 2)
    return chunk(1, name) + b"".join(number(8, item) for item in value) + number(20, 7)


@dataclass
class Model:
    """A model under construction; ``x`` names the value the next node reads."""

    source: str
    shape: Shape
    kind: int = FLOAT
    x: str = ""
    nodes: list[bytes] = field(default_factory=list)
    tensors: list[bytes] = field(default_factory=list)
    inputs: list[bytes] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.x = self.source
        self.inputs.append(value_info(self.source, self.shape, self.kind))

    def constant(self, values: Any) -> str:
        name = f"c{len(self.tensors)}"
        self.tensors.append(tensor(name, values))
        return name

    def add(self, kind: str, *others: str, **attributes: int | Sequence[int]) -> Model:
        output = f"x{len(self.nodes)}"
        body = b"".join(chunk(1, name) for name in (self.x, *others)) + chunk(2, output)
        body += chunk(4, kind)
        body += b"".join(chunk(5, attribute(name, value)) for name, value in attributes.items())
        self.nodes.append(body)
        self.x = output
        return self

    def reshape(self, *shape: int) -> Model:
        return self.add("Reshape", self.constant(np.array(shape, np.int64)))

    def build(self, outputs: dict[str, Shape] | None = None) -> bytes:
        outputs = {self.x: ()} if outputs is None else outputs
        graph = b"".join(chunk(1, node) for node in self.nodes) + chunk(2, "g")
        graph += b"".join(chunk(5, values) for values in self.tensors)
        graph += b"".join(chunk(11, value) for value in self.inputs)
        # A type without a shape leaves it to the runtime.
        typed = {name: chunk(1, name) + chunk(2, chunk(1, number(1, FLOAT))) for name in outputs}
        graph += b"".join(chunk(12, value) for value in typed.values())
        opset = chunk(1, "") + number(2, 17)
        return number(1, 8) + chunk(7, graph) + chunk(8, opset)


def weights(rows: int, columns: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).normal(size=(rows, columns)).astype(np.float32)


def dense(model: Model, rows: int, columns: int, scale: float = 0.3) -> Model:
    return model.add("MatMul", model.constant(scale * weights(rows, columns)))
