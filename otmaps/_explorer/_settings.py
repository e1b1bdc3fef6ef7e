"""What the page asks for: the settings of all its controls, checked once."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any

from otmaps._distribution import Distribution
from otmaps._operations import Operation

Factory = Callable[..., Operation]
LAYOUTS = ("strip", "grid")
COLUMNS = (2, 3, 4, 6)
FEWEST, MOST = 500, 5000
_LARGEST_SEED = 2**32 - 1
_LONGEST = 200  # characters of a name or a law


class SettingsError(ValueError):
    """Settings that nothing can be computed for; the message says which and why."""


@dataclass(frozen=True)
class Settings:
    """All controls of the page.

    Attributes
    ----------
    model : str
        The name of a generator.
    prior : str
        A law as text; empty for the one that the generator was trained on.
    operation : str
        The name of an operation.
    parameters : mapping
        A number, a tuple of numbers, a bool or a text for each parameter.
    seed : int
        Of the latents that are drawn.
    layout : str
        One of `LAYOUTS`: how the results along a parameter are shown.
    columns : int
        One of `COLUMNS`: how many pictures stand side by side.
    images : int
        How many images of each kind are scored, from `FEWEST` to `MOST`.
    """

    model: str
    prior: str
    operation: str
    parameters: Mapping[str, Any] = field(default_factory=lambda: MappingProxyType({}))
    seed: int = 0
    layout: str = "strip"
    columns: int = 4
    images: int = FEWEST


def read_settings(text: str | bytes) -> Settings:
    """The settings in a JSON text.

    Raises
    ------
    SettingsError
        For a text that is no JSON object, and for values of the wrong kind.
    """
    try:
        found = json.loads(text)
    except (ValueError, RecursionError):
        raise SettingsError("the settings are no JSON.") from None
    if not isinstance(found, dict):
        raise SettingsError("the settings must be one JSON object.")
    seed, layout = found.get("seed", 0), found.get("layout", "strip")
    if isinstance(seed, bool) or not isinstance(seed, int) or not 0 <= seed <= _LARGEST_SEED:
        raise SettingsError(f"seed must be an integer from 0 to {_LARGEST_SEED}, got {seed!r}.")
    if layout not in LAYOUTS:
        raise SettingsError(f"layout must be one of {', '.join(LAYOUTS)}, got {layout!r}.")
    columns = found.get("columns", 4)
    if columns not in COLUMNS:
        raise SettingsError(f"columns must be one of {COLUMNS}, got {columns!r}.")
    parameters = found.get("parameters", {})
    if not isinstance(parameters, dict):
        raise SettingsError("parameters must be a JSON object.")
    values = {name: _value(name, value) for name, value in parameters.items()}
    model, prior, operation = (_name(found, name) for name in ("model", "prior", "operation"))
    return Settings(
        model, prior, operation, MappingProxyType(values), seed, layout, columns, _images(found)
    )


def _images(found: Mapping[str, Any]) -> int:
    images = found.get("images", FEWEST)
    if isinstance(images, bool) or not isinstance(images, int) or not FEWEST <= images <= MOST:
        raise SettingsError(f"images must be an integer from {FEWEST} to {MOST}, got {images!r}.")
    return images


def _name(found: Mapping[str, Any], name: str) -> str:
    value = found.get(name, "")
    if not isinstance(value, str) or len(value) > _LONGEST:
        raise SettingsError(f"{name} must be a text of at most {_LONGEST} characters.")
    return value.strip()


def _value(name: str, value: Any) -> Any:
    """A parameter: one number, a tuple of numbers, a bool, or a text."""
    if isinstance(value, list):
        return tuple(_number(name, item) for item in value)
    if isinstance(value, bool) or (isinstance(value, str) and len(value) <= _LONGEST):
        return value
    return _number(name, value)


def _number(name: str, value: Any) -> int | float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        raise SettingsError(f"parameter {name} must be a finite number, got {value!r}.")
    return value


@dataclass(frozen=True)
class Vocabulary:
    """What texts of the page mean: given by the command line, which knows the user's code.

    Attributes
    ----------
    operations : mapping
        Name to factory.
    law : callable
        The law that a text writes; raises ValueError or TypeError with what is wrong.
    literal : callable
        The number, tuple or other literal that a text writes.
    parameters : callable
        The parameters of a factory with their defaults; ``required`` for those without one.
    required : object
        Stands for "no default".
    """

    operations: Mapping[str, Factory]
    law: Callable[[str], Distribution]
    literal: Callable[[str], Any]
    parameters: Callable[[Factory], Mapping[str, Any]]
    required: Any
