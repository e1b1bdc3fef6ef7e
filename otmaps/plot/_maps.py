"""Figures of maps: their values, and their errors beside what they certify."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np

from otmaps._arrays import FloatArray
from otmaps._colours import COLOURS
from otmaps._curves import bulk, map_curve
from otmaps._distribution import Distribution
from otmaps._isotropic import Isotropic
from otmaps._map import MonotoneMap
from otmaps._map_chain import ComposedMap
from otmaps._map_exact import ExactMap, unit_at
from otmaps._radial_map import RadialMap
from otmaps.plot._curves import given_or_new, look

if TYPE_CHECKING:
    from matplotlib.axes import Axes

AnyMap: TypeAlias = MonotoneMap | ComposedMap | RadialMap

_HALF = -math.log10(0.5)
_DEEPEST = 300.0  # decimal digits of the tails of a domain
_POINTS = 160  # on either side of the median
_TICKS = (1, 10, 100, 300)
_FLOOR = 1e-18  # where a measured error of 0 is drawn: below what rounding makes of it


def plot_map(
    map: AnyMap,  # noqa: A002 - the name of the field of a matched operation
    ax: Axes | None = None,
    *,
    span: tuple[float, float] | None = None,
    label: str | None = None,
    **line: Any,
) -> Axes:
    """Draw a monotone map over the bulk of its source, beside the identity.

    Parameters
    ----------
    map : MonotoneMap, ComposedMap or RadialMap
        The map of the norms is drawn of a radial one.
    ax : matplotlib.axes.Axes, optional
        Where to draw; by default new axes.
    span : (float, float), optional
        The points y to show; by default where the source law has its bulk, or, of a map that
        knows no law, what goes to within three scales of the median of the target.
    label : str, optional
        The entry in the legend; by default the error of the map.
    **line
        Properties of the line, as of ``Axes.plot``.

    Returns
    -------
    matplotlib.axes.Axes

    Examples
    --------
    The maps of three times, as in Figure 3 of the paper:

    >>> import otmaps
    >>> axes = None
    >>> for t, style in zip((0.05, 0.25, 0.5), ("-", "--", "-.")):
    ...     T = otmaps.match(otmaps.lerp(t), otmaps.Uniform(-1, 1)).map
    ...     axes = otmaps.plot.plot_map(T, axes, label=f"t = {t}", linestyle=style)
    """
    T, what = _line_map(map)
    axes = given_or_new(ax)
    low, high = span or bulk(T)
    y, z = map_curve(T, low, high)
    _identity(axes, low, high)
    label = f"T(y), error {T.error:.1e}" if label is None else label
    axes.plot(y, z, label=label, **look(label, line, COLOURS["matched"]))
    axes.set(xlabel=f"y, {what}the raw result", ylabel=f"T(y), {what}the matched result")
    axes.legend()
    return axes


def _line_map(map: Any) -> tuple[MonotoneMap | ComposedMap, str]:  # noqa: A002
    """The map on the line that is drawn, and what of a result it maps."""
    if isinstance(map, RadialMap):
        if map.norms is None:
            raise ValueError(
                f"the map sends every norm to {map.radius:g}, the radius of a sphere: there is no "
                "curve to draw."
            )
        return map.norms, "norm of "
    if isinstance(map, MonotoneMap | ComposedMap):
        return map, ""
    raise TypeError(
        f"map must be a MonotoneMap, a ComposedMap or a RadialMap, got {type(map).__name__}. Pass "
        "the field map of a matched operation."
    )


def _identity(axes: Axes, low: float, high: float) -> None:
    """The diagonal, once for all maps on the axes."""
    for drawn in axes.get_lines():
        if drawn.get_gid() == "unchanged":
            y = np.asarray(drawn.get_xdata(), dtype=np.float64)
            y = np.linspace(min(low, y[0]), max(high, y[-1]), y.size)
            drawn.set_data(y, y)
            return
    y = np.linspace(low, high, 241)
    style = {"color": COLOURS["prior"], "linestyle": "dotted", "linewidth": 1.2}
    axes.plot(y, y, label="unchanged", gid="unchanged", **style)  # type: ignore[arg-type]


def plot_certificate(
    map: AnyMap,  # noqa: A002 - the name of the field of a matched operation
    ax: Axes | None = None,
    *,
    source: Distribution | Isotropic | None = None,
    target: Distribution | Isotropic | None = None,
) -> Axes:
    """Draw the error of a map, measured now, beside the error that it certifies.

    From the median both ways to tails of 1e-300: where the dots stay below the line, the
    certificate holds at these points.

    Parameters
    ----------
    map : MonotoneMap, ComposedMap or RadialMap
        The map of the norms is judged of a radial one.
    ax : matplotlib.axes.Axes, optional
        Where to draw; by default new axes.
    source, target : Distribution or Isotropic, optional
        The laws of the raw result and the prior, for a map that came from a store and does not
        know them: ``source=m.source, target=m.target``.

    Returns
    -------
    matplotlib.axes.Axes

    Notes
    -----
    Measured is ``|T(y) - exact(y)| / max(unit, |exact(y) - centre|)``, as in the certificate,
    against the laws themselves, inverted from the nearer tail. The points are quantiles that the
    table was not made from. An error of 0 is drawn at the lower edge. What the laws' own errors
    add to the certificate does not show in the dots, which take the laws as they are.

    Examples
    --------
    >>> import otmaps
    >>> m = otmaps.match(otmaps.lerp(0.3), otmaps.Logistic())
    >>> axes = otmaps.plot.plot_certificate(m.map, source=m.source, target=m.target)
    """
    T, what = _line_map(map)
    exact = ExactMap(_known(source, T.source, "source"), _known(target, T.target, "target"))
    axes = given_or_new(ax)
    place, y = _quantiles(exact.source)
    error = _measured(T, exact, y)
    inside = (T.domain[0] <= y) & (y <= T.domain[1])
    measured = np.maximum(error[inside], _FLOOR)
    colour = COLOURS["matched"]
    axes.plot(place[inside], measured, ".", ms=4, color=colour, label="measured")
    reach = [place[inside].min(), place[inside].max()] if inside.any() else [place[0], place[-1]]
    certified = max(T.error, _FLOOR)
    axes.plot(reach, [certified] * 2, color=colour, label=f"certified, {T.error:.1e}")
    if isinstance(T, MonotoneMap) and T.tol > 0.0:
        style = {"color": COLOURS["prior"], "linestyle": "dashed"}
        axes.plot(reach, [T.tol] * 2, label=f"asked for, {T.tol:.0e}", **style)  # type: ignore[arg-type]
    _tail_axis(axes)
    axes.set_yscale("log")
    axes.set(
        xlabel=f"nearer tail of {what}the raw result", ylabel="error, in units of the prior's scale"
    )
    axes.legend()
    return axes


def _known(given: Any, own: Distribution | None, name: str) -> Distribution:
    """The law that is given, or else the one that the map knows."""
    law = own if given is None else given
    if law is None:
        raise ValueError(
            f"the map does not know its {name} (it came from a store, or from parts): pass "
            f"{name}=m.{name} of the matched operation, or a law."
        )
    if isinstance(law, Isotropic):
        return law.norm
    if not isinstance(law, Distribution):
        raise TypeError(
            f"{name} must be a law, got {type(law).__name__}; pass otmaps.as_distribution of it."
        )
    return law


def _quantiles(source: Distribution) -> tuple[FloatArray, FloatArray]:
    """Places on the axis, and the quantiles there: as many decimal digits of tail, either way."""
    digits = np.geomspace(_HALF, _DEEPEST, _POINTS)
    logs = -digits * math.log(10.0)
    y = np.concatenate([np.asarray(source.ilogcdf(logs))[::-1], np.asarray(source.ilogsf(logs))])
    place = np.concatenate([_HALF - digits[::-1], digits - _HALF])
    low, high = source.support()
    kept = (low < y) & (y < high)  # at an end of the support the floats are too coarse for tails
    return place[kept], y[kept]


def _measured(T: MonotoneMap | ComposedMap, exact: ExactMap, y: FloatArray) -> FloatArray:
    """The error of the map at y, in the unit of its certificate; infinities agree or do not."""
    found, wanted = np.asarray(T(y)), exact(y)
    with np.errstate(invalid="ignore"):
        gap = np.abs(found - wanted) / unit_at(wanted, T.centre, T.unit)
    return np.asarray(np.where(found == wanted, 0.0, gap))


def _tail_axis(axes: Axes) -> None:
    """The horizontal axis: the nearer tail, from 1e-300 below the median to 1e-300 above it."""
    axes.set_xscale("symlog", linthresh=1.0)
    places = [0.0] + [side * (d - _HALF) for d in _TICKS for side in (-1, 1)]
    labels = ["median"] + [f"1e-{d}" for d in _TICKS for _ in (-1, 1)]
    axes.set_xticks(places, labels, rotation=45, ha="right")
    axes.minorticks_off()
