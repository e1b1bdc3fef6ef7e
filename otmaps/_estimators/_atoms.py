"""Sums of inputs that have atoms: mixtures of shifted sums of the others."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable
from typing import TypeAlias

from otmaps._discrete import Discrete
from otmaps._distribution import Distribution
from otmaps._mixture import Mixture

WeightedLaws: TypeAlias = list[tuple[float, Distribution]]

MOST_ATOMS = 1024


def parts_of(law: Distribution) -> list[tuple[float, Distribution | float]] | None:
    """The atoms of a law, and its laws without atoms, with their probabilities.

    None for a law that has atoms and does not say what is left without them.
    """
    if not law.atoms:
        return [(1.0, law)]
    if isinstance(law, Discrete):
        return [(mass, at) for at, mass in law.atoms]
    if not isinstance(law, Mixture):
        return None
    parts: list[tuple[float, Distribution | float]] = []
    for inner, weight in zip(law.laws, law.weights, strict=True):
        split = parts_of(inner)
        if split is None:
            return None
        parts += [(weight * mass, part) for mass, part in split]
    return parts


def mass_errors(law: Distribution) -> tuple[float, float]:
    """What the masses of atoms and of parts of a law leave in its cdf, and in its nearer tail."""
    if isinstance(law, Discrete):
        return law.errors
    if not isinstance(law, Mixture):
        return 0.0, 0.0
    inner = [mass_errors(part) for part in law.laws]
    mean = sum(w * error for w, (error, _) in zip(law.weights, inner, strict=True))
    return law.errors[0] + mean, law.errors[1] + max(tail for _, tail in inner)


def sum_with_atoms(
    terms: WeightedLaws, continuous: Callable[[WeightedLaws], Distribution]
) -> Mixture:
    """The law of the weighted sum, exactly by the choice of an atom, or none, of each input.

    Parameters
    ----------
    terms : list of tuple
        Weights and laws that `parts_of` can take apart.
    continuous : callable
        The law of a weighted sum of laws without atoms.
    """
    shifts: dict[tuple[int, ...], dict[float, float]] = {}
    choices = [list(enumerate(parts_of(law) or ())) for _, law in terms]
    for choice in itertools.product(*choices):
        weighted = [(w, part) for (w, _), (_, (_, part)) in zip(terms, choice, strict=True)]
        kept = tuple(-1 if isinstance(part, float) else number for number, (_, part) in choice)
        shift = math.fsum(w * part for w, part in weighted if isinstance(part, float))
        mass = math.prod(probability for _, (probability, _) in choice)
        found = shifts.setdefault(kept, {})
        found[shift] = found.get(shift, 0.0) + mass
    laws: list[Distribution] = []
    masses: list[float] = []
    for kept, found in shifts.items():
        left = [
            (w, part)
            for (w, law), number in zip(terms, kept, strict=True)
            if number >= 0 and isinstance(part := (parts_of(law) or ())[number][1], Distribution)
        ]
        if left:
            base = continuous(left)
            laws += [base.affine(1.0, shift) for shift in found]
        else:
            laws += [Discrete([shift], [1.0]) for shift in found]
        masses += found.values()
    total = math.fsum(masses)
    stated = [mass_errors(law) for _, law in terms]
    errors = sum(error for error, _ in stated), sum(tail for _, tail in stated)
    return Mixture(laws, [mass / total for mass in masses], errors=errors)
