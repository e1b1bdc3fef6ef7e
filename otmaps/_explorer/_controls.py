"""The controls of an operation: what each of its parameters may be on the page."""

from __future__ import annotations

import inspect
import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from otmaps._built_in import slerp
from otmaps._explorer._settings import Factory, Vocabulary
from otmaps._registry import OperationFactory

_RANGES: Mapping[str, tuple[float, float]] = {"t": (0.0, 1.0), "eps": (0.0, 2.0)}
_WEIGHTS = "weights"
_POINTS = (2, 6)  # how many weights the page offers
_STEPS = 100  # of a slider


@dataclass(frozen=True)
class Control:
    """One parameter of an operation.

    Attributes
    ----------
    name : str
    kind : str
        "number", "vector", "flag" or "text".
    value : object
        Where it starts.
    low, high, step : float
        What a slider spans; any finite number may be typed.
    lengths : tuple of int
        The least and the largest length of a vector; equal where it is fixed.
    """

    name: str
    kind: str
    value: Any
    low: float = 0.0
    high: float = 1.0
    step: float = 0.01
    lengths: tuple[int, int] = (1, 1)


def controls_of(factory: Factory, vocabulary: Vocabulary) -> tuple[Control, ...]:
    """The controls of the parameters of a factory, in their order."""
    known = vocabulary.parameters(factory)
    hidden = {"axis"} if factory is slerp else set()
    return tuple(
        _control(name, default, default is vocabulary.required, factory)
        for name, default in known.items()
        if name not in hidden
    )


def _control(name: str, default: Any, required: bool, factory: Factory) -> Control:
    if required and name == _WEIGHTS:
        mean = getattr(factory, "__name__", "") == "barycenter"
        low, high = (0.0, 1.0) if mean else (-1.5, 1.5)
        return Control(name, "vector", [1 / 3] * 3, low, high, lengths=_POINTS)
    value = 0.5 if required else default
    if isinstance(value, bool):
        return Control(name, "flag", value)
    if isinstance(value, int | float):
        low, high = _RANGES.get(name, _around(float(value)))
        whole = isinstance(value, int)
        step = max(1.0, float(round((high - low) / _STEPS))) if whole else _round_step(high - low)
        return Control(name, "number", value, low, high, step)
    numbers = _numbers(value)
    if numbers:
        reach = max(1.0, 2.0 * max(map(abs, numbers)))
        span = (-reach, reach)
        return Control(
            name, "vector", numbers, *span, _round_step(2 * reach), lengths=(len(numbers),) * 2
        )
    return Control(name, "text", "" if value is None else str(value))


def _around(value: float) -> tuple[float, float]:
    """A range for a number of which nothing is known but where it starts."""
    if 0.0 <= value <= 1.0:
        return 0.0, 1.0
    return (0.0, 2.0 * value) if value > 0.0 else (2.0 * value, 0.0)


def _round_step(width: float) -> float:
    """A power of ten that divides a range into some hundred steps."""
    return 10.0 ** (math.floor(math.log10(width)) - 2)


def _numbers(value: Any) -> list[float]:
    """The numbers of a sequence; none where it is something else."""
    items = value.tolist() if hasattr(value, "tolist") else value
    if not isinstance(items, list | tuple):
        return []
    return [float(x) for x in items] if all(isinstance(x, int | float) for x in items) else []


def describe_operation(name: str, factory: Factory, vocabulary: Vocabulary) -> dict[str, Any]:
    """An operation in JSON types, for the page."""
    if isinstance(factory, OperationFactory):
        doc = factory.doc
    else:
        doc = (inspect.getdoc(factory) or "").partition("\n")[0]
    controls = [asdict(control) for control in controls_of(factory, vocabulary)]
    return {"name": name, "doc": doc.replace("``", ""), "controls": controls}
