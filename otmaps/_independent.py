"""The law of a vector of independent components that have different laws."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Sequence
from typing import Any, final

import numpy as np

from otmaps._arrays import FloatArray
from otmaps._convert import as_distribution
from otmaps._distribution import Distribution, RandomState, Size
from otmaps._notebook import independent_html
from otmaps._vector_law import VectorLaw


@final
@dataclasses.dataclass(frozen=True)
class Independent(VectorLaw):
    """The law of a vector of independent components, each with a law of its own.

    Parameters
    ----------
    laws : sequence
        One law for each component, anything `as_distribution` takes, or pairs ``(law, count)`` for
        so many components in a row. Components of one law share one map.

    Examples
    --------
    >>> import otmaps
    >>> prior = otmaps.Independent([("normal", 64), ("uniform", 32), otmaps.Laplace()])
    >>> prior.dim, len(prior.runs)
    (97, 3)
    """

    laws: Any

    def __post_init__(self) -> None:
        given = self.laws
        if isinstance(given, str | Distribution) or not isinstance(given, Sequence):
            raise TypeError(
                "laws must be a sequence with one law, or one pair (law, count), for each "
                f"component or run of them, got {type(given).__name__}."
            )
        runs: list[tuple[Distribution, int]] = []
        for item in given:
            law, count = _run(item)
            if runs and law_key(runs[-1][0]) == law_key(law):
                runs[-1] = (runs[-1][0], runs[-1][1] + count)
            else:
                runs.append((law, count))
        if not runs:
            raise ValueError("laws is empty; give one law for each component.")
        object.__setattr__(self, "laws", tuple(runs))

    @property
    def runs(self) -> tuple[tuple[Distribution, int], ...]:
        """Laws with the number of components in a row that have it."""
        return tuple(self.laws)

    @property
    def dim(self) -> int:
        """The number of components."""
        return sum(count for _, count in self.runs)

    def expanded(self) -> list[Distribution]:
        """The law of each component."""
        return [law for law, count in self.runs for _ in range(count)]

    def mean(self) -> FloatArray:
        """The mean of each component."""
        return np.concatenate([np.full(count, law.mean()) for law, count in self.runs])

    def std(self) -> FloatArray:
        return np.concatenate([np.full(count, law.std()) for law, count in self.runs])

    def rvs(self, size: Size = None, random_state: RandomState = None) -> FloatArray:
        shape = () if size is None else (size,) if isinstance(size, int) else tuple(size)
        rng = np.random.default_rng(random_state)
        draws = [np.asarray(law.rvs((*shape, count), rng)) for law, count in self.runs]
        return np.concatenate(draws, axis=-1)

    def _repr_html_(self) -> str:
        return independent_html(self)

    def __repr__(self) -> str:
        shown = ", ".join(f"({law!r}, {count})" for law, count in self.runs[:4])
        more = f", ... {len(self.runs) - 4} more" if len(self.runs) > 4 else ""
        return f"Independent([{shown}{more}])"


def _run(item: Any) -> tuple[Distribution, int]:
    """A law and how many components have it."""
    counted = isinstance(item, tuple) and len(item) == 2 and not _is_number(item[0])
    if not counted:
        return as_distribution(item), 1
    law, count = item
    if isinstance(count, bool) or not isinstance(count, int | np.integer) or count < 1:
        raise ValueError(
            f"the count of components must be a whole number of at least 1, got {count!r}."
        )
    return as_distribution(law), int(count)


def _is_number(x: Any) -> bool:
    return isinstance(x, int | float | np.number) and math.isfinite(x)


def law_key(law: Distribution) -> Any:
    """Equal for laws that are the same; laws of samples are told by the object."""
    try:
        hash(law)
    except TypeError:
        return id(law)
    return law
