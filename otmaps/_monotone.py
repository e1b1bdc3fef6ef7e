"""Strictly increasing elementary functions, their inverses, and the differences of both.

Next to a point where a law has an end or a kink, the image of the law is asked for at distances
from the image of that point. The inverse at such a distance has to be known as a distance too:
``f(b + u) - f(b)`` is written without the difference.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable
from typing import Any, NamedTuple, TypeAlias, final

import numpy as np
from scipy import special

Map: TypeAlias = Callable[[Any], Any]
# Of a point b and its image y: the maps u -> f(b + u) - y, and d -> f^-1(y + d) - b.
Differences: TypeAlias = Callable[[float, float], tuple[Map, Map]]

_EPS = float(np.finfo(float).eps)
_FAR = 1e100
_ALL = (-math.inf, math.inf)


class _Functions(NamedTuple):
    forth: Map
    back: Map
    log_slope: Map
    domain: tuple[float, float]
    differences: Differences


@final
@dataclasses.dataclass(frozen=True)
class Monotone:
    """A strictly increasing function on an interval.

    Attributes
    ----------
    name : str
    exponent : float
        Of the power ``sign(x) |x|**exponent``, or of ``-x**exponent`` for x > 0 where the exponent
        is negative; 1 for functions of other names.
    anchor : float or None
        With an anchor b it is ``u -> f(b + u) - f(b)``.
    """

    name: str
    exponent: float = 1.0
    anchor: float | None = None

    @property
    def _plain(self) -> _Functions:
        return _power(self.exponent) if self.name == "power" else _FUNCTIONS[self.name]

    @property
    def level(self) -> float:
        """The value of the function without anchor at the anchor; 0 without one."""
        with np.errstate(all="ignore"):
            return 0.0 if self.anchor is None else float(self._plain.forth(self.anchor))

    @property
    def domain(self) -> tuple[float, float]:
        """Where it is defined, and increases."""
        low, high = self._plain.domain
        return low - (self.anchor or 0.0), high - (self.anchor or 0.0)

    def forth(self, x: Any) -> Any:
        """The function."""
        if self.anchor is None:
            return self._plain.forth(x)
        near = self._plain.differences(self.anchor, self.level)[0](x)
        # Far away there is nothing to cancel, but something to overflow.
        return np.where(np.abs(x) > _FAR, self._plain.forth(self.anchor + x) - self.level, near)

    def back(self, y: Any) -> Any:
        """Its inverse."""
        if self.anchor is None:
            return self._plain.back(y)
        near = self._plain.differences(self.anchor, self.level)[1](y)
        return np.where(np.abs(y) > _FAR, self._plain.back(self.level + y) - self.anchor, near)

    def log_slope(self, y: Any) -> Any:
        """The logarithm of the derivative of the inverse."""
        return self._plain.log_slope(y + self.level)

    def anchored(self, point: float) -> Monotone:
        """``u -> f(point + u) - f(point)``."""
        at = (self.anchor or 0.0) + point
        plain = at == 0.0 and self._plain.forth(0.0) == 0.0
        return dataclasses.replace(self, anchor=None if plain else at)

    @property
    def poles(self) -> tuple[float, ...]:
        """Values at which the inverse is less smooth, or steep without bound, inside the range."""
        return (-self.level,) if self.name == "power" else ()

    @property
    def odd(self) -> bool:
        """Whether ``f(-x) = -f(x)``."""
        return self.name in _ODD and self.exponent > 0.0 and self.anchor is None


def _power(exponent: float) -> _Functions:
    def signed(x: Any, e: float) -> Any:
        size = np.cbrt(np.abs(x)) if abs(e - 1.0 / 3.0) < _EPS else np.abs(x) ** e
        return np.copysign(size, x)

    def slope(y: Any) -> Any:
        return (inverse - 1.0) * np.log(np.abs(y)) - math.log(abs(exponent))

    inverse = 1.0 / exponent
    if exponent > 0.0:
        forth: Map = lambda x: signed(x, exponent)  # noqa: E731 - one of two
        back: Map = lambda y: signed(y, inverse)  # noqa: E731
    else:  # a negative power falls to both sides of its pole, so one side alone is served
        forth = lambda x: -np.power(x, exponent)  # noqa: E731
        back = lambda y: np.power(-y, inverse)  # noqa: E731

    def differences(b: float, level: float) -> tuple[Map, Map]:
        def ratio(x: Any, at: float, image: float, e: float, f: Map) -> Any:
            share = x / at
            near = image * np.expm1(e * np.log1p(share))
            return np.where(share > -1.0, near, f(at + x) - image)

        return (
            lambda u: ratio(u, b, level, exponent, forth),
            lambda d: ratio(d, level, b, inverse, back),
        )

    domain = _ALL if exponent > 0.0 else (0.0, math.inf)
    return _Functions(forth, back, slope, domain, differences)


def _swapped(differences: Differences) -> Differences:
    """Those of the inverse function."""

    def swapped(b: float, level: float) -> tuple[Map, Map]:
        forth, back = differences(level, b)
        return back, forth

    return swapped


def _exp_differences(b: float, level: float) -> tuple[Map, Map]:  # noqa: ARG001 - one signature
    return lambda u: level * np.expm1(u), lambda d: np.log1p(d / level)


def _expm1_differences(b: float, level: float) -> tuple[Map, Map]:  # noqa: ARG001 - one signature
    return _exp_differences(b, math.exp(b))


def _tanh_differences(b: float, level: float) -> tuple[Map, Map]:  # noqa: ARG001 - one signature
    def forth(u: Any) -> Any:
        step = np.tanh(u)
        return step * (1.0 - level**2) / (1.0 + level * step)

    return forth, lambda d: np.arctanh(d / (1.0 - level * (level + d)))


def _arctan_differences(b: float, level: float) -> tuple[Map, Map]:  # noqa: ARG001 - one signature
    def back(d: Any) -> Any:
        step = np.tan(d)
        return step * (1.0 + b * b) / (1.0 - b * step)

    return lambda u: np.arctan2(u, 1.0 + b * (b + u)), back


def _sinh_differences(b: float, level: float) -> tuple[Map, Map]:
    def back(d: Any) -> Any:
        far = level + d
        bottom = far * math.cosh(b) + level * np.hypot(1.0, far)
        near = np.arcsinh(d * (level + far) / bottom)
        return np.where(far * level > 0.0, near, np.arcsinh(far) - b)

    return lambda u: 2.0 * np.cosh(b + 0.5 * u) * np.sinh(0.5 * u), back


def _expit_differences(b: float, level: float) -> tuple[Map, Map]:
    rest = float(special.expit(-b))

    def forth(u: Any) -> Any:
        # Up by exp(-u), down by exp(u): neither overflows.
        step = np.expm1(-np.abs(u))
        up = -level * rest * step / (np.exp(-np.abs(u)) - level * step)
        return np.where(u > 0.0, up, level * rest * step / (1.0 + level * step))

    return forth, lambda d: np.log1p(d / (level * (rest - d)))


_FUNCTIONS: dict[str, _Functions] = {
    "exp": _Functions(np.exp, np.log, lambda y: -np.log(y), _ALL, _exp_differences),
    "log": _Functions(np.log, np.exp, lambda y: y, (0.0, math.inf), _swapped(_exp_differences)),
    "expm1": _Functions(np.expm1, np.log1p, lambda y: -np.log1p(y), _ALL, _expm1_differences),
    "log1p": _Functions(
        np.log1p, np.expm1, lambda y: y, (-1.0, math.inf), _swapped(_expm1_differences)
    ),
    "tanh": _Functions(
        np.tanh, np.arctanh, lambda y: -np.log1p(-y) - np.log1p(y), _ALL, _tanh_differences
    ),
    "arctanh": _Functions(
        np.arctanh,
        np.tanh,
        lambda y: 2.0 * math.log(2.0) - 2.0 * np.logaddexp(y, -y),
        (-1.0, 1.0),
        _swapped(_tanh_differences),
    ),
    "arctan": _Functions(
        np.arctan, np.tan, lambda y: -2.0 * np.log(np.cos(y)), _ALL, _arctan_differences
    ),
    # arctan(x) + pi / 2, whose lower end is 0
    "arccot": _Functions(
        lambda x: np.arctan2(1.0, -x),
        lambda y: -1.0 / np.tan(y),
        lambda y: -2.0 * np.log(np.sin(y)),
        _ALL,
        _arctan_differences,
    ),
    "sinh": _Functions(
        np.sinh, np.arcsinh, lambda y: -np.log(np.hypot(1.0, y)), _ALL, _sinh_differences
    ),
    "arcsinh": _Functions(
        np.arcsinh,
        np.sinh,
        lambda y: np.logaddexp(y, -y) - math.log(2.0),
        _ALL,
        _swapped(_sinh_differences),
    ),
    "expit": _Functions(
        special.expit,
        special.logit,
        lambda y: -np.log(y) - np.log1p(-y),
        _ALL,
        _expit_differences,
    ),
}
_ODD = {"power", "tanh", "arctanh", "arctan", "sinh", "arcsinh"}
_INVERSES = {
    ("exp", "log"),
    ("log", "exp"),
    ("expm1", "log1p"),
    ("log1p", "expm1"),
    ("tanh", "arctanh"),
    ("arctanh", "tanh"),
    ("sinh", "arcsinh"),
    ("arcsinh", "sinh"),
}


def undoes(outer: Monotone, inner: Monotone) -> bool:
    """Whether ``outer(inner(x))`` is x."""
    plain = outer.anchor is None and inner.anchor is None
    return plain and (
        (outer.name, inner.name) in _INVERSES
        or (outer.name == inner.name == "power" and outer.exponent * inner.exponent == 1.0)
    )
