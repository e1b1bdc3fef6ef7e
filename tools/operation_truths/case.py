"""What a case states."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from flint import arb
from linear_truths.balls import Reference

from .laws import Spec


@dataclass(frozen=True)
class Case:
    """An operation of inputs with their laws, and the law of its result.

    ``how`` says how the truth is computed and ``second``, where there is one, computes it by a
    formula of another kind. ``atoms`` are (location, mass) with the mass at the precision of the
    moment; ``extra`` are points to have beside those at given levels.
    """

    name: str
    function: str
    inputs: tuple[Spec, ...]
    law: Reference
    how: str = "closed form"
    second: Reference | None = None
    atoms: tuple[tuple[float, Callable[[], arb]], ...] = ()
    tags: tuple[str, ...] = ()
    extra: tuple[float, ...] = ()
