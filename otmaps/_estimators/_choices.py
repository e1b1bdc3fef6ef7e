"""Inputs with atoms: an operation for each choice of an atom, or of none, of each input."""

from __future__ import annotations

import dataclasses
import itertools
import math
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from otmaps._discrete import Discrete
from otmaps._distribution import Distribution
from otmaps._estimators._atoms import mass_errors, parts_of
from otmaps._estimators._base import Inputs
from otmaps._mixture import Mixture
from otmaps._operations import Operation


@dataclasses.dataclass(frozen=True)
class Choice:
    """One choice: its probability, and the operation that is left, or its value."""

    mass: float
    op: Operation | None
    inputs: Inputs
    value: float


def choices(op: Operation, inputs: Inputs) -> Iterator[Choice]:
    """All choices, for inputs that `parts_of` can take apart."""
    for picked in itertools.product(*(parts_of(law) or [] for law in inputs)):
        mass = math.prod(weight for weight, _ in picked)
        fixed = {i: part for i, (_, part) in enumerate(picked) if isinstance(part, float)}
        laws = tuple(part for _, part in picked if isinstance(part, Distribution))
        if not laws:
            value = op.raw(*(fixed[i] for i in range(len(picked))))
            yield Choice(mass, None, (), float(value))
        else:
            yield Choice(mass, with_fixed(op, fixed), laws, math.nan)


def with_fixed(op: Operation, fixed: dict[int, float]) -> Operation:
    """The operation with some latents at fixed values, as one of the others."""
    if not fixed:
        return op

    def function(*z: Any, **_: Any) -> Any:
        given = iter(z)
        shape = np.broadcast_shapes(*(np.shape(x) for x in z))
        return op.raw(
            *(
                np.full(shape, fixed[i]) if i in fixed else np.broadcast_to(next(given), shape)
                for i in range(len(op.latents))
            )
        )

    left = tuple(name for i, name in enumerate(op.latents) if i not in fixed)
    return dataclasses.replace(op, latents=left, function=function, parameters={}, version=None)


def mixed(
    op: Operation, inputs: Inputs, solve: Callable[[Operation, Inputs], Distribution]
) -> Distribution:
    """The mixture of the laws of all choices."""
    laws: list[Distribution] = []
    masses: list[float] = []
    for choice in choices(op, inputs):
        if choice.op is None:
            laws.append(Discrete([choice.value], [1.0]))
        else:
            laws.append(_law(choice, solve))
        masses.append(choice.mass)
    total = math.fsum(masses)
    errors = _errors(inputs)
    if all(isinstance(law, Discrete) for law in laws):
        points = [x for law in laws for x, _ in law.atoms]
        weights = [
            mass * m / total for law, mass in zip(laws, masses, strict=True) for _, m in law.atoms
        ]
        found = [mass_errors(law) for law in laws]
        mean = sum(mass * error for mass, (error, _) in zip(masses, found, strict=True)) / total
        worst = max(tail for _, tail in found)
        return Discrete(points, weights, errors=(errors[0] + mean, errors[1] + worst))
    return Mixture(laws, [mass / total for mass in masses], errors=errors)


def _errors(inputs: Inputs) -> tuple[float, float]:
    """What the errors of the masses of the inputs add.

    The values of one input at which the operation is at most y lie between at most as many ends as
    it has atoms, and one more for what has none.
    """
    ends = [len(law.atoms) + 1 for law in inputs]
    stated = [mass_errors(law) for law in inputs]
    return (
        sum(n * error for n, (error, _) in zip(ends, stated, strict=True)),
        sum(2.0 * n * tail for n, (_, tail) in zip(ends, stated, strict=True)),
    )


def _law(choice: Choice, solve: Callable[[Operation, Inputs], Distribution]) -> Distribution:
    """The law of what is left, which may be a constant."""
    assert choice.op is not None  # noqa: S101 - the caller has looked
    rng = np.random.default_rng(3)
    z = np.asarray(choice.op.raw(*(law.rvs(1000, rng) for law in choice.inputs)))
    if np.all(z == z[0]):
        return Discrete([float(z[0])], [1.0])
    return solve(choice.op, choice.inputs)
