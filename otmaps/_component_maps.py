"""One map for each group of components of a vector."""

from __future__ import annotations

import dataclasses
import functools
import itertools
from collections.abc import Callable, Sequence
from typing import Any, final

import numpy as np
import numpy.typing as npt

from otmaps._arrays import AnyFloatArray, checked_out, real_array
from otmaps._backends import ArrayBackend, Backend, backend_of, refuse_out
from otmaps._latent_axes import Axis, as_rows, components, from_rows, places
from otmaps._map import MonotoneMap
from otmaps._notebook import component_maps_html
from otmaps._plan import RandomizedPlan


@final
@dataclasses.dataclass(frozen=True, eq=False)
class ComponentMaps:
    """One monotone map for each group of components that share it.

    For independent components it is the optimal map for every cost that is a sum over components of
    convex functions of the difference (Agustsson et al., ICLR 2019, Theorem 2).

    Attributes
    ----------
    maps : tuple of MonotoneMap or RandomizedPlan
        One for each group.
    members : ndarray
        The number of the group of each component.
    axis : int or tuple of int
        The axes of an array that hold a vector.

    Examples
    --------
    >>> import numpy, otmaps
    >>> prior = otmaps.Independent([otmaps.Normal(), otmaps.Uniform()])
    >>> m = otmaps.match(otmaps.lerp(0.5), prior, store=None)
    >>> m.map(numpy.array([[0.0, 0.5]])).round(9).tolist()
    [[0.0, 0.75]]
    """

    maps: tuple[MonotoneMap | RandomizedPlan, ...]
    members: npt.NDArray[np.intp]
    axis: Axis

    @property
    def error(self) -> float:
        """The largest error of the maps, each in units of the scale of its component."""
        return max(m.error for m in self.maps)

    @property
    def error_u(self) -> float:
        """The largest error in probability."""
        return max(m.error_u for m in self.maps)

    @property
    def kind(self) -> str:
        """What `MonotoneMap.kind` says of all maps, where they agree; else "mixed"."""
        kinds = {m.kind for m in self.maps}
        return kinds.pop() if len(kinds) == 1 else "mixed"

    def __call__(self, y: Any, out: npt.NDArray[Any] | None = None) -> Any:
        """T(y) for vectors along `axis`; arguments as for a `MonotoneMap`."""
        return self.over_groups([lambda x, m=m: m(x) for m in self.maps], ("y",), (y,), out)

    def inverse(self, z: Any, out: npt.NDArray[Any] | None = None) -> Any:
        """The y of each component; arguments as for a `MonotoneMap`."""
        return self.over_groups([m.inverse for m in self.maps], ("z",), (z,), out)

    def over_groups(
        self,
        functions: Sequence[Callable[..., Any]],
        names: Sequence[str],
        z: Sequence[Any],
        out: npt.NDArray[Any] | None,
    ) -> Any:
        """A function for each group, at the components of the group."""
        backend = backend_of(z)
        if backend is not None:
            refuse_out(out)
            return self._elsewhere(backend, functions, z)
        arrays = [real_array(x, name) for x, name in zip(z, names, strict=True)]
        shape = np.broadcast_shapes(*(a.shape for a in arrays))
        self._check(shape)
        wide = [np.broadcast_to(a, shape) for a in arrays]
        result = np.empty(shape, np.result_type(*arrays))
        if out is not None:
            checked_out(out, result)
        axes = places(self.axis, shape)
        if len(axes) == 1:
            self._fill(
                functions,
                [np.moveaxis(a, axes[0], -1) for a in wide],
                np.moveaxis(result, axes[0], -1),
            )
        else:
            rows = [as_rows(a, self.axis) for a in wide]
            filled = np.empty_like(rows[0], dtype=result.dtype)
            self._fill(functions, rows, filled)
            result = from_rows(filled, self.axis, shape)
        if out is None:
            return result
        out[...] = result
        return out

    def _fill(
        self,
        functions: Sequence[Callable[..., Any]],
        arrays: Sequence[AnyFloatArray],
        result: AnyFloatArray,
    ) -> None:
        """By groups, each as one contiguous block."""
        for function, index in zip(functions, self._indices, strict=True):
            result[..., index] = function(*(np.ascontiguousarray(a[..., index]) for a in arrays))

    @functools.cached_property
    def _indices(self) -> list[slice | npt.NDArray[np.intp]]:
        """The components of each group, as a slice where they are in a row."""
        order = np.argsort(self.members, kind="stable")
        edges = np.searchsorted(self.members[order], np.arange(len(self.maps) + 1))
        found: list[slice | npt.NDArray[np.intp]] = []
        for start, stop in itertools.pairwise(edges):
            index = order[start:stop]
            first, last = int(index[0]), int(index[-1])
            found.append(slice(first, last + 1) if last - first + 1 == index.size else index)
        return found

    def _elsewhere(
        self, backend: Backend, functions: Sequence[Callable[..., Any]], z: Sequence[Any]
    ) -> Any:
        """The same for another library: runs of components, joined again."""
        if not isinstance(backend, ArrayBackend) or isinstance(self.axis, tuple):
            raise TypeError(
                f"components with different laws are taken apart along one axis: {backend.name} "
                "arrays were passed, which serves lazy arrays and several axes not at all. Convert "
                "them first."
            )
        like = next(x for x in z if backend.owns(x))
        xp = backend.namespace(like)
        shape = np.broadcast_shapes(*(tuple(getattr(x, "shape", ())) for x in z))
        self._check(shape)
        wide = [xp.broadcast_to(x, shape) if backend.owns(x) else x for x in z]
        axis = places(self.axis, shape)[0]
        cuts = np.flatnonzero(np.diff(self.members)) + 1
        edges = [0, *cuts.tolist(), self.members.size]
        parts = []
        for start, stop in itertools.pairwise(edges):
            index = (*(slice(None),) * axis, slice(start, stop))
            taken = [x[index] if backend.owns(x) else x for x in wide]
            parts.append(functions[self.members[start]](*taken))
        return (xp.concat if hasattr(xp, "concat") else xp.concatenate)(parts, axis=axis)

    def _check(self, shape: tuple[int, ...]) -> None:
        found = components(self.axis, shape)
        if found != self.members.size:
            raise ValueError(
                f"the prior has {self.members.size} components, but axis={self.axis} of latents of "
                f"shape {shape} holds {found}. Name the axis of the components by axis=."
            )

    def _repr_html_(self) -> str:
        return component_maps_html(self)

    def __repr__(self) -> str:
        return (
            f"ComponentMaps({len(self.maps)} maps of {self.members.size} components, "
            f"error={self.error:.1e})"
        )
