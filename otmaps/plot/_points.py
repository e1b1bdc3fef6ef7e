"""Figures of latents: paths and clouds in the plane, and histograms of norms."""

from __future__ import annotations

import operator
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from otmaps._arrays import AnyFloatArray, FloatArray, real_array
from otmaps._colours import COLOURS
from otmaps._curves import REACH, density_curve
from otmaps._isotropic import Isotropic
from otmaps.plot._curves import given_or_new, look

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_SHOWN = 0.001  # the part of a sample beyond each end of a histogram
_NARROW = 1e-6  # a spread of norms, relative to what is shown, that is a line and no histogram


def plot_trajectories(paths: Mapping[str, Any], ax: Axes | None = None, **line: Any) -> Axes:
    """Draw paths of latents of two components.

    Parameters
    ----------
    paths : mapping of str to array_like
        By name, of shape (frames, 2), or (frames, count, 2) for several paths. The names go to the
        legend; those in `COLOURS` have their colour.
    ax : matplotlib.axes.Axes, optional
        Where to draw; by default new axes.
    **line
        Properties of the lines, as of ``Axes.plot``.

    Returns
    -------
    matplotlib.axes.Axes

    Examples
    --------
    >>> import numpy as np, otmaps
    >>> ends, prior = np.array([[-0.8, 0.2], [0.6, 0.9]]), otmaps.Uniform(-1, 1)
    >>> t = np.linspace(0, 1, 9)
    >>> paths = {
    ...     "linear": np.array([otmaps.lerp(s).raw(*ends) for s in t]),
    ...     "slerp": np.array([otmaps.slerp(s).raw(*ends) for s in t]),
    ...     "matched": otmaps.trajectory(ends, prior, frames=9),
    ... }
    >>> axes = otmaps.plot.plot_trajectories(paths)
    """
    arrays = {name: _plane(path, f"paths[{name!r}]") for name, path in _named(paths, "paths")}
    axes = given_or_new(ax)
    for name, path in arrays.items():
        style = {"linewidth": 2.0} | look(name, line)
        for number, one in enumerate(np.moveaxis(path.reshape(len(path), -1, 2), 1, 0)):
            (drawn,) = axes.plot(one[:, 0], one[:, 1], label=None if number else name, **style)
            style["color"] = drawn.get_color()  # all paths of one name
    ends = np.concatenate([path[[0, -1]].reshape(-1, 2) for path in arrays.values()])
    axes.plot(ends[:, 0], ends[:, 1], "o", color=COLOURS["prior"], markersize=5)
    axes.set(xlabel="first component", ylabel="second component", aspect="equal")
    axes.legend()
    return axes


def plot_plane(
    points: Any,
    ax: Axes | None = None,
    *,
    label: str = "matched",
    span: tuple[float, float] | None = None,
    color: str | None = None,
) -> Axes:
    """Draw how densely latents of two components lie.

    Parameters
    ----------
    points : array_like
        Of shape (n, 2).
    ax : matplotlib.axes.Axes, optional
        Where to draw; by default new axes.
    label : str
        The title. A name in `COLOURS` gives the picture that colour.
    span : (float, float), optional
        The range of both components; by default of all but the outermost points.
    color : str, optional
        The colour of the densest place; the emptiest is transparent.

    Returns
    -------
    matplotlib.axes.Axes

    Examples
    --------
    >>> import otmaps
    >>> z = otmaps.Uniform(-1, 1).rvs((2, 100_000, 2), random_state=0)
    >>> axes = otmaps.plot.plot_plane(otmaps.lerp(0.5).raw(*z), label="linear")
    """
    array = _plane(points, "points")
    if array.ndim != 2:
        raise ValueError(f"points must be of shape (n, 2), got {array.shape}.")
    axes = given_or_new(ax)
    from matplotlib.colors import LinearSegmentedColormap, to_hex

    if span is None:
        low, high = np.quantile(array, [_SHOWN, 1.0 - _SHOWN])
        span = float(low - 0.05 * (high - low)), float(high + 0.05 * (high - low))
    counts, *_ = np.histogram2d(array[:, 0], array[:, 1], bins=60, range=[span, span])
    colour = to_hex(color or COLOURS.get(label, COLOURS["matched"]))
    shades = LinearSegmentedColormap.from_list(label, [colour + "00", colour + "ff"])
    axes.imshow(counts.T, origin="lower", extent=(*span, *span), cmap=shades, vmin=0.0)
    axes.set(xlabel="first component", ylabel="second component")
    axes.set_title(label, color=colour)
    return axes


def plot_norms(
    latents: Mapping[str, Any],
    ax: Axes | None = None,
    *,
    prior: Isotropic | None = None,
    squared: bool = False,
    bins: int = 120,
) -> Axes:
    """Draw histograms of the norms of latents.

    Parameters
    ----------
    latents : mapping of str to array_like
        By name, of shape (..., dim): the last axis is the latent. The names go to the legend; those
        in `COLOURS` have their colour.
    ax : matplotlib.axes.Axes, optional
        Where to draw; by default new axes.
    prior : Isotropic, optional
        An isotropic prior, whose exact law of the norm is drawn under the histograms. For other
        priors put draws from the prior among the latents, under the name "prior".
    squared : bool
        Whether to show the squares of the norms.
    bins : int
        Of the histograms, over what is shown.

    Returns
    -------
    matplotlib.axes.Axes

    Examples
    --------
    >>> import otmaps
    >>> prior = otmaps.StandardNormal(512)
    >>> a, b = prior.rvs((2, 5000), random_state=0)
    >>> matched = otmaps.match(otmaps.lerp(0.5), prior)
    >>> found = {"linear": matched.raw(a, b), "matched": matched(a, b)}
    >>> axes = otmaps.plot.plot_norms(found, prior=prior)
    """
    arrays = {name: _vectors(z, f"latents[{name!r}]") for name, z in _named(latents, "latents")}
    dims = {array.shape[-1] for array in arrays.values()}
    if isinstance(prior, Isotropic):
        dims.add(prior.dim)
    elif prior is not None:
        raise TypeError(
            f"prior must be an isotropic law, got {type(prior).__name__}; for any other prior put "
            'draws from it among the latents, as in {"prior": prior.rvs((5000, 100), 0)}.'
        )
    if len(dims) > 1:
        raise ValueError(f"latents must have one number of components, got {sorted(dims)}.")
    if operator.index(bins) < 1:
        raise ValueError(f"bins must be at least 1, got {bins}.")
    axes = given_or_new(ax)
    norms = {name: np.linalg.norm(z, axis=-1).ravel() for name, z in arrays.items()}
    low, high = _reach(list(norms.values()), prior)
    edges = np.linspace(low, high, bins + 1)
    if prior is not None:
        _draw_exact(axes, prior, (low, high), squared)
    for name, values in norms.items():
        _draw_histogram(axes, name, values, edges, squared)
    (dim,) = dims
    what = "squared norm" if squared else "norm"
    axes.set(xlabel=f"{what} of a latent of {dim} components", ylabel="density")
    axes.set_ylim(bottom=0.0)
    axes.legend()
    return axes


def _draw_exact(axes: Axes, prior: Isotropic, reach: tuple[float, float], squared: bool) -> None:
    law = prior.norm
    if law.atoms:
        (place, _), *_ = law.atoms
        style = look("prior", {})
        axes.axvline(place * place if squared else place, label="prior", **style)
        return
    r, density = density_curve(law, *reach)
    # The density of the square of R at s = r^2 is f(r) / (2 r).
    pair = (r * r, density / (2.0 * r)) if squared else (r, density)
    axes.plot(*pair, label="prior", **look("prior", {}))


def _draw_histogram(
    axes: Axes, name: str, norms: FloatArray, edges: FloatArray, squared: bool
) -> None:
    shown = edges * edges if squared else edges
    style = look(name, {})
    if np.ptp(norms) <= _NARROW * (edges[-1] - edges[0]):
        place = float(np.median(norms)) ** (2 if squared else 1)
        axes.axvline(place, label=f"{name}: {place:.4g}", **style)
        return
    counts, _ = np.histogram(norms, edges)
    density = counts / norms.size / np.diff(shown)
    axes.plot(0.5 * (shown[1:] + shown[:-1]), density, label=name, **style)


def _reach(samples: list[FloatArray], prior: Isotropic | None) -> tuple[float, float]:
    """What a histogram shows: all samples, but for the outermost and the far parts of heavy tails.

    It begins above 0, where the density of a square may have a pole.
    """
    ends = []
    for values in samples:
        low, first, median, third, high = np.quantile(
            values, [_SHOWN, 0.25, 0.5, 0.75, 1.0 - _SHOWN]
        )
        reach = REACH * (third - first)
        ends.append((max(low, median - reach), min(high, median + reach)))
    if prior is not None:
        ends.append((float(prior.norm.ppf(_SHOWN)), float(prior.norm.isf(_SHOWN))))
    low, high = min(low for low, _ in ends), max(high for _, high in ends)
    margin = 0.05 * ((high - low) or high or 1.0)
    return max(low - margin, 0.0), high + margin


def _named(given: Any, name: str) -> list[tuple[str, Any]]:
    if not isinstance(given, Mapping):
        raise TypeError(
            f"{name} must be a mapping from names to arrays, as in {{'matched': z}}, got "
            f"{type(given).__name__}."
        )
    if not given:
        raise ValueError(f"{name} is empty; give at least one array with its name.")
    return [(str(key), value) for key, value in given.items()]


def _vectors(given: Any, name: str) -> AnyFloatArray:
    array = real_array(given, name)
    if array.ndim < 2 or array.size == 0:
        raise ValueError(
            f"{name} must be latents of shape (n, dim), at least one of them, got {array.shape}."
        )
    if not np.all(np.isfinite(array)):
        raise ValueError(
            f"{name} has NaN or infinite values, which no figure shows: leave them out."
        )
    return array


def _plane(given: Any, name: str) -> AnyFloatArray:
    array = _vectors(given, name)
    if array.shape[-1] != 2 or array.ndim > 3:
        raise ValueError(
            f"{name} must have two components in the last axis, got shape {array.shape}. Of longer "
            "latents pick two, as in z[..., :2]."
        )
    return array
