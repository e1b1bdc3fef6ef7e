"""The generators that the page offers: shipped ones, and the user's."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any

from otmaps._distribution import Distribution
from otmaps.demo._generators import (
    SHIPPED,
    Generator,
    read_generator,
    shipped_generator,
    with_classifier,
)

_MOST = 8  # generators of the user's that are kept: each may be hundreds of megabytes


class Library:
    """Generators by name."""

    def __init__(self, own: Iterable[Generator] = ()) -> None:
        self._own = {generator.name: generator for generator in own}
        self._shipped: dict[str, Generator] = {}

    @property
    def names(self) -> tuple[str, ...]:
        """The user's own generators first."""
        return (*self._own, *(name for name in SHIPPED if name not in self._own))

    def __getitem__(self, name: str) -> Generator:
        if name in self._own:
            return self._own[name]
        if name not in SHIPPED:
            raise ValueError(f"there is no generator {name!r}; there are {', '.join(self.names)}.")
        if name not in self._shipped:
            self._shipped[name] = shipped_generator(name)
        return self._shipped[name]

    def add(self, data: bytes, file: str, prior: Distribution, dim: int | None) -> Generator:
        """Take in an ONNX file that was sent.

        Raises
        ------
        ModelError
            Where it is no generator.
        ValueError
            Where there are too many.
        """
        found = read_generator(data, _plain(file), prior, dim=dim)
        if len(self._own) >= _MOST and found.name not in self._own:
            raise ValueError(f"{_MOST} generators are open: start the explorer again to open more.")
        if found.name in SHIPPED:
            raise ValueError(f"{found.name!r} is the name of a generator of ours: rename the file.")
        self._own[found.name] = found
        return found

    def add_classifier(self, data: bytes, file: str, name: str) -> Generator:
        """Give a generator a classifier, from an ONNX file that was sent."""
        if name in SHIPPED:
            raise ValueError(f"{name} has a classifier; open a generator of yours first.")
        self._own[name] = with_classifier(self[name], data, _plain(file))
        return self._own[name]


def describe_generator(generator: Generator) -> dict[str, Any]:
    """A generator in JSON types, for the page."""
    return {
        "name": generator.name,
        "prior": _short(generator.prior),
        "dim": generator.dim,
        "scored": generator.classifier is not None,
        "data": str(generator.facts.get("data", "")),
    }


def _short(law: Distribution) -> str:
    """A law as one may type it: without parameters of the kind ``loc=0.0``."""
    text = repr(law)
    name, _, rest = text.partition("(")
    if rest in {"loc=0.0, scale=1.0)", ""}:
        return name.lower()
    return f"{name.lower()}({rest}".replace("low=", "").replace("high=", "").replace(".0", "")


def _plain(file: str) -> str:
    """The last part of a file's name, of characters that read well anywhere."""
    return re.sub(r"[^\w .+-]", "_", re.split(r"[/\\]", file)[-1])[:80] or "model.onnx"
