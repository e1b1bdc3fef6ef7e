"""The methods by name: each takes the terms of a sum to its law."""

from __future__ import annotations

from collections.abc import Callable

from .balls import Reference
from .contour import contour
from .pair import pair, triple
from .rational import rational
from .single import single
from .smoothed import normal, smoothed
from .stable import levy, stable
from .student import heavy
from .terms import Term

METHODS: dict[str, Callable[[list[Term]], Reference]] = {
    "contour": contour,
    "heavy": heavy,
    "levy": levy,
    "normal": normal,
    "pair": pair,
    "rational": rational,
    "single": single,
    "smoothed": smoothed,
    "stable": stable,
    "triple": triple,
}
