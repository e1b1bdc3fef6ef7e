"""The reference laws of weighted sums in data/linear.json (tools/make_linear_truths.py)."""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cache, cached_property
from pathlib import Path
from typing import Any

import numpy as np

import otmaps

PATH = Path(__file__).parent / "data" / "linear.json"
LOGS = ("logcdf", "logsf", "logpdf")


def build(name: str, params: dict[str, Any]) -> otmaps.Distribution:
    """The law of a name and parameters as they stand in the file."""
    if name == "Mixture":
        laws = tuple(build(*law) for law in params["laws"])
        return otmaps.Mixture(laws=laws, weights=tuple(params["weights"]))
    values = {key: tuple(v) if isinstance(v, list) else v for key, v in params.items()}
    return getattr(otmaps, name)(**values)


@dataclass(frozen=True)
class Points:
    """Points and what belongs to them: in float64, and the 25 digits under ``digits``."""

    x: np.ndarray
    logcdf: np.ndarray
    logsf: np.ndarray
    logpdf: np.ndarray
    digits: dict[str, list[str]]


@dataclass(frozen=True)
class LinearCase:
    """A sum of weighted latents and its law at points; ``deep`` are those beyond 1e-300."""

    name: str
    entries: list[list[Any]]
    points: Points
    deep: Points

    @cached_property
    def laws(self) -> tuple[str, ...]:
        """The names of the laws, those inside mixtures too."""
        inner = [law[0] for e in self.entries for law in e[1].get("laws", [])]
        return tuple(dict.fromkeys([*(e[0] for e in self.entries), *inner]))

    @property
    def is_known(self) -> bool:
        """Whether this version of the library has all the laws."""
        return all(hasattr(otmaps, name) for name in self.laws)

    @cached_property
    def terms(self) -> list[tuple[otmaps.Distribution, float]]:
        """The laws and their weights; they are made when first asked for."""
        out = []
        for name, params, weight, *count in self.entries:
            law = build(name, params)
            weights = weight if isinstance(weight, list) else [weight]
            out += [(law, w) for w in weights for _ in range(count[0] if count else 1)]
        return out


def _points(rows: list[dict[str, str]]) -> Points:
    digits = {name: [row[name] for row in rows] for name in LOGS}
    values = {name: np.array([float(v) for v in digits[name]]) for name in LOGS}
    return Points(x=np.array([float.fromhex(r["x"]) for r in rows]), digits=digits, **values)


@cache
def linear_cases() -> dict[str, LinearCase]:
    """All cases by name."""
    return {
        case["name"]: LinearCase(
            case["name"], case["terms"], _points(case["points"]), _points(case["deep"])
        )
        for case in json.loads(PATH.read_text())["cases"]
    }
