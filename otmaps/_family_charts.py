"""How the arguments of a family become a point of a box, and a factor of the values."""

from __future__ import annotations

import abc
import dataclasses
import itertools
import math
from collections.abc import Mapping
from typing import Any, final

from otmaps._arrays import real_scalar, weight_vector

Interval = tuple[float, float]
Point = tuple[float, ...]

_MOST_PARAMETERS = 2
_LENGTHS = (2, 3)  # of a vector of weights


class Chart(abc.ABC):
    """The parameters of a family as a box."""

    @property
    @abc.abstractmethod
    def names(self) -> tuple[str, ...]:
        """The parameters, in order."""

    @property
    @abc.abstractmethod
    def box(self) -> tuple[Interval, ...]:
        """The ranges of the coordinates of points."""

    @abc.abstractmethod
    def point(self, parameters: Mapping[str, Any]) -> tuple[Point, float]:
        """The point of these parameters, and what its values are multiplied by."""

    @abc.abstractmethod
    def parameters(self, point: Point) -> dict[str, Any]:
        """Parameters of that point, with the factor 1."""


@final
@dataclasses.dataclass(frozen=True)
class Ranges(Chart):
    """One or two numbers, each in a range."""

    ranges: Mapping[str, Interval]

    @property
    def names(self) -> tuple[str, ...]:
        """The parameters, in order."""
        return tuple(self.ranges)

    @property
    def box(self) -> tuple[Interval, ...]:
        """The ranges."""
        return tuple(self.ranges.values())

    def point(self, parameters: Mapping[str, Any]) -> tuple[Point, float]:
        """The parameters themselves."""
        found = []
        for name, (low, high) in self.ranges.items():
            value = real_scalar(parameters[name], name)
            if not low <= value <= high:
                raise ValueError(
                    f"{name} must be from {low:g} to {high:g} in this family, got {value:g}. "
                    "Make a family of a wider range, or match this operation alone."
                )
            found.append(value)
        return tuple(found), 1.0

    def parameters(self, point: Point) -> dict[str, Any]:
        """The point itself."""
        return dict(zip(self.ranges, point, strict=True))


@final
@dataclasses.dataclass(frozen=True)
class Weights(Chart):
    """A vector of two or three weights of latents that follow one law.

    The law depends on the sizes of the weights alone, in any order, and their sum is a factor. So
    the coordinates are the ratios of neighbours among the sorted weights.
    """

    name: str
    length: int
    symmetric: bool  # the law, about 0: then signs do not matter

    @property
    def names(self) -> tuple[str, ...]:
        """The parameter."""
        return (self.name,)

    @property
    def box(self) -> tuple[Interval, ...]:
        """All ratios."""
        return ((0.0, 1.0),) * (self.length - 1)

    def point(self, parameters: Mapping[str, Any]) -> tuple[Point, float]:
        """The ratios of the sorted weights, and their sum."""
        weights = weight_vector(parameters[self.name], self.name)
        if len(weights) != self.length:
            raise ValueError(
                f"{self.name} must have {self.length} entries in this family, got {len(weights)}."
            )
        if min(weights) < 0.0 and not self.symmetric:
            raise ValueError(
                f"{self.name} must not be negative in this family, got {list(weights)}: its law is "
                "not symmetric about 0. Match this operation alone."
            )
        sizes = sorted(map(abs, weights), reverse=True)
        if sizes[0] == 0.0:
            raise ValueError(f"{self.name} are all 0: the result is no random variable.")
        ratios = tuple(b / a if a else 0.0 for a, b in itertools.pairwise(sizes))
        return ratios, math.fsum(sizes)

    def parameters(self, point: Point) -> dict[str, Any]:
        """Weights of sum 1."""
        sizes = [1.0]
        for ratio in point:
            sizes.append(sizes[-1] * ratio)
        total = math.fsum(sizes)
        return {self.name: tuple(w / total for w in sizes)}


def make_chart(ranges: Mapping[str, Any], *, symmetric: bool) -> Chart:
    """The chart of the ranges that a user named."""
    if not ranges:
        raise TypeError("name at least one parameter and its range, such as t=(0, 1).")
    lengths = {n: r for n, r in ranges.items() if isinstance(r, int) and not isinstance(r, bool)}
    if lengths:
        (name, length), *more = lengths.items()
        if more or len(ranges) > 1 or length not in _LENGTHS:
            raise ValueError(
                f"{name}={length!r}: a vector of weights has 2 or 3 entries, and is the only "
                "parameter of its family. Others are ranges, such as t=(0, 1)."
            )
        return Weights(name, length, symmetric)
    if len(ranges) > _MOST_PARAMETERS:
        raise ValueError(
            f"a family has at most {_MOST_PARAMETERS} parameters, got {', '.join(ranges)}. Fix "
            "some of them by a function: lambda t: op(t=t, other=0.3)."
        )
    return Ranges({name: _interval(name, value) for name, value in ranges.items()})


def _interval(name: str, value: Any) -> Interval:
    try:
        low, high = value
    except (TypeError, ValueError):
        raise TypeError(
            f"{name} must be a pair (low, high), or the length of a vector of weights, got "
            f"{value!r}."
        ) from None
    low, high = real_scalar(low, name), real_scalar(high, name)
    if not low < high:
        raise ValueError(f"{name}: the range from {low:g} to {high:g} is empty.")
    return low, high
