"""Norms and great arcs of latents that are arrays of another library, by its own steps.

The formulas are those of `_great_arc`, from directions, so that single precision loses no more
than it must; all of it can be differentiated where the library can.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import Any, final

from otmaps._backends import ArrayBackend
from otmaps._latent_axes import Axis, places

_GRIDS = 16.0  # directions are opposite where their sum is no more than so many ulp


@final
@dataclasses.dataclass(frozen=True)
class Rows:
    """Latents of a library as rows, in the axes ``axis`` of arrays of one shape."""

    library: ArrayBackend
    xp: Any
    axes: tuple[int, ...]

    @staticmethod
    def of(library: ArrayBackend, like: Any, axis: Axis) -> Rows:
        """For arrays of the shape of ``like``."""
        return Rows(library, library.namespace(like), places(axis, tuple(like.shape)))

    @property
    def _along(self) -> dict[str, Any]:
        return {"dim": -1} if self.library.name == "torch" else {"axis": -1}

    def flat(self, x: Any) -> Any:
        """The components of a latent in the last axis."""
        last = self._last(x)
        return self.xp.reshape(last, (*last.shape[: last.ndim - len(self.axes)], -1))

    def back(self, rows: Any, like: Any) -> Any:
        """Rows in the layout of ``like``."""
        ends = tuple(range(-len(self.axes), 0))
        return self.xp.moveaxis(self.xp.reshape(rows, self._last(like).shape), ends, self.axes)

    def _last(self, x: Any) -> Any:
        return self.xp.moveaxis(x, self.axes, tuple(range(-len(self.axes), 0)))

    def length(self, rows: Any) -> Any:
        """The norms of rows; with a gradient of 0 where a row is 0."""
        squares = self.xp.sum(rows * rows, **self._along)
        one = self.library.constant(1.0, squares)
        some = squares > 0.0
        return self.xp.where(some, self.xp.sqrt(self.xp.where(some, squares, one)), 0.0 * squares)

    def polar(self, rows: Any) -> tuple[Any, Any]:
        """Norms and directions, of numbers of any size; a zero row has the direction 0."""
        most = self.xp.amax if self.library.name == "torch" else self.xp.max
        size = most(self.xp.abs(rows), **self._along)
        one = self.library.constant(1.0, size)
        scale = self.xp.where(size > 0.0, size, one)
        shrunk = rows / scale[..., None]
        norm = self.length(shrunk)
        return norm * scale, shrunk / self.xp.where(norm == 0.0, one, norm)[..., None]

    def scaled(self, y: Any, factors: Callable[[Any], Any]) -> Any:
        """Latents, each times a function of its norm."""
        rows = self.flat(y)
        norms, _ = self.polar(rows)
        return self.back(rows * self.factor(norms, factors)[..., None], y)

    def factor(self, norms: Any, bent: Callable[[Any], Any]) -> Any:
        """T(r) / r at norms; 1 for zero vectors."""
        one = self.library.constant(1.0, norms)
        safe = self.xp.where(norms == 0.0, one, norms)
        return self.xp.where(norms == 0.0, one, bent(safe) / safe)

    def along_arc(self, t: float, a: Any, b: Any, bent: Callable[[Any], Any]) -> Any:
        """Slerp at the time t, with its norm bent; see `GreatArc`."""
        xp, x, y = self.xp, self.flat(a), self.flat(b)
        (first, u), (second, v) = self.polar(x), self.polar(y)
        near, far = self.length(u + v), self.length(u - v)
        one = self.library.constant(1.0, near)
        none = (first == 0.0) | (second == 0.0)
        near, far = xp.where(none, 2.0 * one, near), xp.where(none, 0.0 * one, far)
        straight = (far == 0.0) | (near <= _GRIDS * xp.finfo(near.dtype).eps)
        # Of what is straight the weights are not used, and must not be NaN in gradients either.
        angle = 2.0 * xp.atan2(xp.where(straight, one, far), xp.where(straight, one, near))
        sine = xp.sin(angle)
        p = xp.where(straight, (1.0 - t) * one, xp.sin((1.0 - t) * angle) / sine)
        q = xp.where(straight, t * one, xp.sin(t * angle) / sine)
        along, across = (p * first + q * second) * near, (p * first - q * second) * far
        norm = 0.5 * self._hypot(along, across)
        factor = self.factor(norm, bent)
        return self.back((factor * p)[..., None] * x + (factor * q)[..., None] * y, a)

    def _hypot(self, a: Any, b: Any) -> Any:
        xp = self.xp
        size = xp.abs(a) + xp.abs(b)
        scale = xp.where(size > 0.0, size, self.library.constant(1.0, size))
        squares = (a / scale) ** 2 + (b / scale) ** 2
        some = squares > 0.0
        root = xp.sqrt(xp.where(some, squares, self.library.constant(1.0, size)))
        return scale * xp.where(some, root, 0.0 * squares)
