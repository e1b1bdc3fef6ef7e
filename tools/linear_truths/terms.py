"""The terms of a sum as they stand in the file, and their exact scales and shifts."""

from __future__ import annotations

from fractions import Fraction
from typing import Any, NamedTuple


class Term(NamedTuple):
    """One weighted latent: the law's name and parameters, and its weight."""

    law: str
    params: dict[str, Any]
    weight: float

    @property
    def scale(self) -> Fraction:
        """The weight times the law's scale (`Uniform`, `Arcsine`: half the width)."""
        if "low" in self.params or self.law in {"Uniform", "Arcsine"}:
            low, high = self._ends()
            return Fraction(self.weight) * (high - low) / 2
        return Fraction(self.weight) * Fraction(self.params.get("scale", 1.0))

    @property
    def shift(self) -> Fraction:
        """The weight times the law's location (`Uniform`, `Arcsine`: the middle)."""
        if "low" in self.params or self.law in {"Uniform", "Arcsine"}:
            low, high = self._ends()
            return Fraction(self.weight) * (high + low) / 2
        return Fraction(self.weight) * Fraction(self.params.get("loc", 0.0))

    def _ends(self) -> tuple[Fraction, Fraction]:
        return Fraction(self.params.get("low", -1.0)), Fraction(self.params.get("high", 1.0))


def expand(entries: list[list[Any]]) -> list[Term]:
    """The terms of entries [law, params, weight or list of weights, count of copies = 1]."""
    out = []
    for law, params, weight, *count in entries:
        weights = weight if isinstance(weight, list) else [weight]
        for w in weights:
            out += [Term(law, params, w)] * (count[0] if count else 1)
    return out


def total_shift(terms: list[Term]) -> Fraction:
    """The sum of all shifts."""
    return sum((t.shift for t in terms), Fraction(0))
