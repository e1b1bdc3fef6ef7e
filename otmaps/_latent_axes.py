"""The axes that hold the components of one latent, and arrays of latents as rows."""

from __future__ import annotations

import math
from typing import Any, TypeAlias

import numpy as np

from otmaps._arrays import AnyFloatArray

Axis: TypeAlias = int | tuple[int, ...]


def checked_axis(axis: Any) -> Axis:
    """``axis`` as an int or a tuple of ints, or an error."""
    values = axis if isinstance(axis, tuple | list) else (axis,)
    for value in values:
        if isinstance(value, bool) or not isinstance(value, int | np.integer):
            raise TypeError(f"axis must be an int or a tuple of ints, got {axis!r}.")
    if not values:
        raise ValueError("axis is empty; name the axis, or the axes, of one latent.")
    numbers = tuple(int(value) for value in values)
    return numbers if isinstance(axis, tuple | list) else numbers[0]


def places(axis: Axis, shape: tuple[int, ...]) -> tuple[int, ...]:
    """The axes of a latent in an array of that shape, counted from 0 and in order."""
    axes = axis if isinstance(axis, tuple) else (axis,)
    if not shape:
        raise ValueError("a latent needs at least one axis, got a number.")
    for value in axes:
        if not -len(shape) <= value < len(shape):
            raise ValueError(f"axis={axis} is out of range for latents of shape {shape}.")
    found = sorted({value % len(shape) for value in axes})
    if len(found) < len(axes):
        raise ValueError(f"axis={axis} names an axis of latents of shape {shape} twice.")
    return tuple(found)


def components(axis: Axis, shape: tuple[int, ...]) -> int:
    """How many components a latent has in an array of that shape."""
    return math.prod(shape[i] for i in places(axis, shape))


def as_rows(array: AnyFloatArray, axis: Axis) -> AnyFloatArray:
    """The latents as the rows of a contiguous matrix; a view where that is possible."""
    axes = places(axis, array.shape)
    count = math.prod(array.shape[i] for i in axes)
    moved = np.moveaxis(array, axes, range(-len(axes), 0))
    batch = math.prod(moved.shape[: -len(axes)])
    return np.ascontiguousarray(moved).reshape(batch, count)


def from_rows(rows: AnyFloatArray, axis: Axis, shape: tuple[int, ...]) -> AnyFloatArray:
    """Rows as an array of latents of that shape."""
    axes = places(axis, shape)
    moved = rows.reshape(batch_shape(axis, shape) + tuple(shape[i] for i in axes))
    return np.ascontiguousarray(np.moveaxis(moved, range(-len(axes), 0), axes))


def batch_shape(axis: Axis, shape: tuple[int, ...]) -> tuple[int, ...]:
    """The shape of the latents, without the axes of their components."""
    axes = places(axis, shape)
    return tuple(n for i, n in enumerate(shape) if i not in axes)
