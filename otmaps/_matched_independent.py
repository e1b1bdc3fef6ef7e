"""Matched operations on independent components that have different laws."""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeAlias, final

import numpy as np
import numpy.typing as npt

from otmaps._arrays import AnyFloatArray
from otmaps._component_maps import ComponentMaps
from otmaps._distribution import Distribution
from otmaps._estimators._inputs import named_inputs
from otmaps._independent import Independent, law_key
from otmaps._latent_axes import Axis, checked_axis
from otmaps._matched_operation import MatchedOperation
from otmaps._notebook import matched_independent_html
from otmaps._operations import Operation

IntArray: TypeAlias = npt.NDArray[np.intp]

ScalarMatch: TypeAlias = Callable[
    [Operation, Distribution, Sequence[Distribution]], MatchedOperation
]
"""`match` for one component: of an operation, its prior and the laws of its latents."""


@final
@dataclasses.dataclass(frozen=True, eq=False)
class MatchedIndependentOperation:
    """A pointwise operation on components with different laws, matched; made by `match`.

    Attributes
    ----------
    operation : Operation
    target : Independent
        The prior.
    inputs : tuple of Independent
        The law of each latent.
    groups : tuple of MatchedOperation
        One for each group of components that share the laws of the prior and of all latents.
    map : ComponentMaps
        The maps of the groups.

    Examples
    --------
    >>> import numpy, otmaps
    >>> prior = otmaps.Independent([otmaps.Normal(), otmaps.Uniform()])
    >>> m = otmaps.match(otmaps.lerp(0.5), prior, store=None)
    >>> m(numpy.zeros((4, 2)), numpy.zeros((4, 2))).shape
    (4, 2)
    """

    operation: Operation
    target: Independent
    inputs: tuple[Independent, ...]
    groups: tuple[MatchedOperation, ...]
    map: ComponentMaps

    @property
    def axis(self) -> Axis:
        """The axis, or the axes, that hold the components of a latent."""
        return self.map.axis

    def __call__(self, *z: Any, out: AnyFloatArray | None = None) -> Any:
        """The matched result.

        Parameters
        ----------
        *z : array_like
            The latents, of shapes that broadcast, NumPy arrays or those of another library.
        out : ndarray, optional
            Where to write the result: of its shape and dtype. For NumPy arrays only.
        """
        self.operation.check_count(z)
        return self.map.over_groups(self.groups, self.operation.latents, z, out)

    def raw(self, *z: Any) -> Any:
        """The unmatched result."""
        return self.groups[0].raw(*z)

    @functools.cached_property
    def source(self) -> Independent:
        """The law of the raw result."""
        laws = [group.source for group in self.groups]
        return Independent([laws[i] for i in self.map.members])

    def _repr_html_(self) -> str:
        return matched_independent_html(self)

    def __repr__(self) -> str:
        return (
            f"MatchedIndependentOperation({self.operation!r}, {self.target.dim} components, "
            f"{len(self.groups)} groups, error={self.map.error:.1e})"
        )


def match_independent(
    op: Operation,
    prior: Independent,
    inputs: Mapping[str, Any] | Sequence[Any] | None,
    axis: Axis | None,
    scalar: ScalarMatch,
) -> MatchedIndependentOperation:
    """`match` for an `Independent` prior; ``scalar`` matches one component."""
    laws, rows, members = grouped(op, prior, inputs)
    groups = tuple(scalar(op, row[0], row[1:]) for row in rows)
    place = -1 if axis is None else checked_axis(axis)
    found = ComponentMaps(tuple(group.map for group in groups), members, place)
    return MatchedIndependentOperation(op, prior, laws, groups, found)


def grouped(
    op: Operation, prior: Independent, inputs: Mapping[str, Any] | Sequence[Any] | None
) -> tuple[tuple[Independent, ...], list[tuple[Distribution, ...]], IntArray]:
    """The laws of the latents; of each group of components the laws, of the prior first; members.

    A group shares all laws; the members are the number of its group for each component.
    """
    laws = tuple(
        prior if law is None else _as_independent(law, prior.dim)
        for law in named_inputs(op, inputs)
    )
    rows = list(zip(prior.expanded(), *(law.expanded() for law in laws), strict=True))
    keys = [tuple(map(law_key, row)) for row in rows]
    numbers: dict[Any, int] = {}
    members = np.array([numbers.setdefault(key, len(numbers)) for key in keys], dtype=np.intp)
    firsts = np.unique(members, return_index=True)[1]
    return laws, [rows[i] for i in firsts], members


def _as_independent(law: Any, dim: int) -> Independent:
    found = law if isinstance(law, Independent) else Independent([(law, dim)])
    if found.dim != dim:
        raise ValueError(
            f"inputs has a law of {found.dim} components, but the prior has {dim}; give one "
            "law for all components, or an otmaps.Independent of that many."
        )
    return found
