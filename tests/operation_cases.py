"""Operations with known laws: data/operations.json (tools/make_operation_truths.py)."""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cache, cached_property
from pathlib import Path
from typing import Any

import numpy as np
from linear_cases import build
from operation_functions import FUNCTIONS

import otmaps

PATH = Path(__file__).parent / "data" / "operations.json"


@dataclass(frozen=True)
class Points:
    """Points and the law at them.

    ``grid`` is the mass, atoms apart, that lies within two units in the last place of the point:
    what no function of doubles can resolve.
    """

    x: np.ndarray
    logcdf: np.ndarray
    logsf: np.ndarray
    grid: np.ndarray

    @cached_property
    def cdf(self) -> np.ndarray:
        """P(Y <= x)."""
        return np.where(self.logcdf < self.logsf, np.exp(self.logcdf), -np.expm1(self.logsf))

    @cached_property
    def sf(self) -> np.ndarray:
        """P(Y > x)."""
        return np.where(self.logsf < self.logcdf, np.exp(self.logsf), -np.expm1(self.logcdf))

    @cached_property
    def tail(self) -> np.ndarray:
        """The smaller one of cdf and sf."""
        return np.exp(np.minimum(self.logcdf, self.logsf))

    @cached_property
    def is_lower(self) -> np.ndarray:
        """Whether the cdf is the smaller one."""
        return self.logcdf < self.logsf


@dataclass(frozen=True)
class OperationCase:
    """An operation of independent inputs and the law of its result."""

    name: str
    function: str
    inputs: tuple[Any, ...]
    how: str
    tags: tuple[str, ...]
    kinks: tuple[float, ...]
    atoms: tuple[tuple[float, float], ...]
    points: Points

    @property
    def operation(self) -> otmaps.Operation:
        """The operation."""
        return otmaps.operation(FUNCTIONS[self.function], name=self.function)()

    @property
    def laws(self) -> list[otmaps.Distribution]:
        """The laws of the inputs."""
        return [build(*spec) for spec in self.inputs]

    def pushforward(self, **options: Any) -> otmaps.Distribution:
        """What the library makes of it."""
        laws = self.laws
        return otmaps.pushforward(self.operation, laws[0], inputs=laws, **options)


def _points(rows: list[dict[str, str]]) -> Points:
    numbers = {name: np.array([float(row[name]) for row in rows]) for name in ("logcdf", "logsf")}
    return Points(
        x=np.array([float.fromhex(row["x"]) for row in rows]),
        grid=np.array([float(row["grid"]) for row in rows]),
        **numbers,
    )


def _case(entry: dict[str, Any]) -> OperationCase:
    return OperationCase(
        entry["name"],
        entry["function"],
        tuple(entry["inputs"]),
        entry["how"],
        tuple(entry["tags"]),
        tuple(map(float.fromhex, entry["kinks"])),
        tuple((float.fromhex(at), float(np.exp(float(log)))) for at, log in entry["atoms"]),
        _points(entry["points"]),
    )


@cache
def operation_cases() -> dict[str, OperationCase]:
    """All cases by name."""
    return {entry["name"]: _case(entry) for entry in json.loads(PATH.read_text())["cases"]}
