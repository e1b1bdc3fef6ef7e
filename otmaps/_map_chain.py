"""One map after another."""

from __future__ import annotations

import dataclasses
import functools
import itertools
import math
from typing import Any, final

import numpy as np
import numpy.typing as npt

from otmaps._arrays import FloatArray
from otmaps._distribution import Distribution
from otmaps._kernels import _maps as k
from otmaps._map import MonotoneMap
from otmaps._map_exact import affine_between, unit_at
from otmaps._notebook import chain_html

_SAFETY = 2.0
_MAGNIFIED = 1000.0
_ROUNDING = 1e-15  # of values that are exact otherwise
_SLOPE_MASS = 1e-4
_LARGEST = 1e300
_STEPS = np.arange(4) / 4.0
_SAME = (1.0, 0.0)


@final
@dataclasses.dataclass(frozen=True, eq=False)
class ComposedMap:
    """One increasing map after another; made by `compose`.

    Each map is applied as it is: a call costs as much as the calls of all of them. Where the target
    of each map is the source of the next, ``monotone_map(composed.source, composed.target)`` is the
    same map in one table.

    Attributes
    ----------
    maps : tuple of MonotoneMap
        In the order in which they act.
    domain : tuple of float
        The range of y over which `error` holds: y and the values on the way lie in the domains of
        the maps, and no later map magnifies an error more than a thousand times near its ends.
    error : float
        Bound on ``|value - exact| / max(unit, |exact - centre|)`` over the domain: the error of the
        last map, plus twice what it makes of the errors before it, measured at four points in each
        cell of each table. At a jump of a later map, values within the error before
        it lie on either side, and the error is the jump.
    error_u : float
        Bound on the error in probability: the sum over the maps where the target of each is the
        source of the next, apart from the floats on the way; else infinite, nothing being known.
    derivative_error : float
        Bound on ``|log(derivative / exact)|``, for all y but a set whose probability under the
        source is 1e-4 for each map and once more: the sum over the maps, plus twice what the errors
        on the way do to later slopes, measured at the same points. Infinite as `error_u` is.
    centre, unit : float
        Of the last map.
    support, limits : tuple of float
        Beyond the support of the first map, and of later ones, the value is constant.

    Examples
    --------
    >>> import otmaps
    >>> there = otmaps.monotone_map(otmaps.Normal(), otmaps.Uniform(0.0, 1.0))
    >>> back = otmaps.monotone_map(otmaps.Uniform(0.0, 1.0), otmaps.Logistic())
    >>> both = otmaps.compose(back, there)
    >>> round(both(1.0), 6), round(both.inverse(both(1.0)), 6)
    (1.668268, 1.0)
    """

    maps: tuple[MonotoneMap, ...]
    domain: tuple[float, float]
    error: float
    error_u: float
    derivative_error: float

    @property
    def source(self) -> Distribution | None:
        """The law that the first map takes, where it is known."""
        return self.maps[0].source

    def _repr_html_(self) -> str:
        return chain_html(self)

    @property
    def target(self) -> Distribution | None:
        """The law of the values, where the target of each map is the source of the next."""
        return self.maps[-1].target if _in_chain(self.maps) else None

    @property
    def centre(self) -> float:
        """The median of the last target."""
        return self.maps[-1].centre

    @property
    def unit(self) -> float:
        """The scale of the last target."""
        return self.maps[-1].unit

    @functools.cached_property
    def support(self) -> tuple[float, float]:
        """The support of the first map."""
        return self.maps[0].support

    @functools.cached_property
    def limits(self) -> tuple[float, float]:
        """The values at the ends of the support."""
        low, high = self.maps[0].limits
        for T in self.maps[1:]:
            low, high = T(low), T(high)
        return low, high

    def __call__(self, y: Any, out: npt.NDArray[Any] | None = None) -> Any:
        """The value, as for a `MonotoneMap`."""
        first, *later = self.maps
        z = first(y, out)
        for T in later:
            z = T(z, out)
        return z

    def inverse(self, z: Any, out: npt.NDArray[Any] | None = None) -> Any:
        """The smallest y whose value is not below z, as for a `MonotoneMap`."""
        last, *earlier = reversed(self.maps)
        y = last.inverse(z, out)
        for T in earlier:
            y = T.inverse(y, out)
        return y

    def derivative(self, y: Any) -> Any:
        """The derivative, by the chain rule; 0 where the value is constant."""
        slope, z = 1.0, y
        for T in self.maps:
            slope, z = slope * T.derivative(z), T(z)
        return slope

    def log_derivative(self, y: Any) -> Any:
        """The logarithm of `derivative`, from the logarithms; -inf where the value is constant."""
        total, z = 0.0, y
        for T in self.maps:
            total, z = total + T.log_derivative(z), T(z)
        return total


def compose(*maps: MonotoneMap | ComposedMap) -> ComposedMap:
    """One map after another: ``compose(S, T)(y)`` is ``S(T(y))``, as in mathematics.

    Parameters
    ----------
    *maps : MonotoneMap or ComposedMap
        The one that acts last comes first.

    Returns
    -------
    ComposedMap
        With the errors of all maps carried on to the result.

    Raises
    ------
    TypeError
        For no map, or what is none.
    ValueError
        Where the values of a map lie outside the domain of the next.

    Examples
    --------
    >>> import otmaps
    >>> T = otmaps.monotone_map(otmaps.Logistic(), otmaps.Normal())
    >>> S = otmaps.monotone_map(otmaps.Normal(), otmaps.Uniform(0, 1))
    >>> u = otmaps.compose(S, T)
    >>> abs(u(0.7) - otmaps.Logistic().cdf(0.7)) < u.error
    True
    """
    if not maps:
        raise TypeError("compose takes at least one map.")
    chain: list[MonotoneMap] = []
    for T in reversed(maps):
        if not isinstance(T, MonotoneMap | ComposedMap):
            raise TypeError(f"compose takes maps (monotone_map), got {type(T).__name__}.")
        chain.extend(T.maps if isinstance(T, ComposedMap) else [T])
    # The identity does nothing but pass on its input; it has no unit of its own.
    kept = tuple(T for T in chain if T.kind != "identity") or tuple(chain[:1])
    return _certified(kept)


def _certified(maps: tuple[MonotoneMap, ...]) -> ComposedMap:
    first = maps[0]
    y = _points(maps)
    z = first(y)
    slack = _absolute(first.error, first, z)
    fine, turned = np.isfinite(z), np.zeros(y.size)
    for before, T in itertools.pairwise(maps):
        value = T(z)
        with np.errstate(all="ignore"):  # beyond a limit nothing is finite, and nothing is stated
            left, right = z - slack, z + slack
            carried = np.maximum(value - T(left), T(right) - value)
            relative = carried / unit_at(value, T.centre, T.unit)
            most = _MAGNIFIED * slack / unit_at(z, before.centre, before.unit)
            fine &= (left >= T.domain[0]) & (right <= T.domain[1]) & (relative <= most + _ROUNDING)
            turned += _turn(T, left, z, right)
        slack = _absolute(T.error, T, value) + _SAFETY * carried
        z = value
    if not fine.any():
        raise ValueError(
            "the values of a map lie outside the domain of the next, or are not known well enough "
            "there: compose needs maps that meet."
        )
    known = np.flatnonzero(fine)
    inside = slice(known[0], known[-1] + 1)
    last = maps[-1]
    error = float((slack / unit_at(z, last.centre, last.unit))[inside].max())
    error = (
        error / (1.0 - error) if error < 1.0 else math.inf
    )  # the unit is that of the exact value
    source = first.source if _in_chain(maps) else None
    return ComposedMap(
        maps=maps,
        domain=(float(y[known[0]]), float(y[known[-1]])),
        error=error,
        error_u=math.inf if source is None else sum(T.error_u for T in maps),
        derivative_error=math.inf if source is None else _slope_error(maps, source, y, turned),
    )


def _absolute(error: float, T: MonotoneMap, z: FloatArray) -> FloatArray:
    """What an error stated in the unit of a map is worth at its values."""
    return np.asarray(error / (1.0 - error) * unit_at(z, T.centre, T.unit))


def _turn(T: MonotoneMap, left: FloatArray, z: FloatArray, right: FloatArray) -> FloatArray:
    """How much the logarithm of the slope changes within the error of the argument."""
    here = T.log_derivative(z)
    sides = [np.abs(T.log_derivative(x) - here) for x in (left, right)]
    return np.asarray(np.maximum(*sides))


def _slope_error(
    maps: tuple[MonotoneMap, ...], source: Distribution, y: FloatArray, turned: FloatArray
) -> float:
    """The sum of the maps' own, and the turn at all points but the worst of little probability."""
    edges = np.concatenate([[-math.inf], 0.5 * y[1:] + 0.5 * y[:-1], [math.inf]])
    mass = np.diff(source.cdf(edges))
    order = np.argsort(-np.where(np.isnan(turned), math.inf, turned))
    kept = np.cumsum(mass[order]) > _SLOPE_MASS
    turn = float(turned[order][kept].max(initial=0.0))
    return sum(T.derivative_error for T in maps) + _SAFETY * turn


def _points(maps: tuple[MonotoneMap, ...]) -> FloatArray:
    """Points of y in all cells of all tables."""
    found = []
    for i, T in enumerate(maps):
        points = np.array([*T.domain, T.inverse(T.centre)])
        if T.table is not None:
            edges = T.table.records[:, k.EDGE]
            points = np.append(points, edges[:-1, None] + np.diff(edges)[:, None] * _STEPS)
            points = np.append(points, edges[-1])
        for before in reversed(maps[:i]):
            points = before.inverse(points)
        found.append(points)
    y = np.concatenate(found)
    low, high = maps[0].domain
    return np.unique(y[(y >= low) & (y <= high) & (np.abs(y) <= _LARGEST)])


def _in_chain(maps: tuple[MonotoneMap, ...]) -> bool:
    """Whether each map is known to lead to the law that the next one starts from."""
    laws = [(before.target, after.source) for before, after in itertools.pairwise(maps)]
    laws.append((maps[0].source, maps[0].source))
    return all(a is not None and b is not None and affine_between(a, b) == _SAME for a, b in laws)
