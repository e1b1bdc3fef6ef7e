"""Figures of laws: densities, and the norms of raw results beside those of the prior."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from otmaps._colours import COLOURS
from otmaps._curves import density_curve, shown_range
from otmaps._distribution import Distribution
from otmaps._isotropic import Isotropic
from otmaps._mismatch import Mismatch
from otmaps.plot._curves import given_or_new, look

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_NARROW = 1e-6  # a deviation, relative to the mean, that no picture tells from 0


def plot_law(
    law: Distribution | Isotropic,
    ax: Axes | None = None,
    *,
    span: tuple[float, float] | None = None,
    label: str | None = None,
    **line: Any,
) -> Axes:
    """Draw the density of a law, and its point masses as stems.

    Parameters
    ----------
    law : Distribution or Isotropic
        Of an isotropic law the density of the norm is drawn.
    ax : matplotlib.axes.Axes, optional
        Where to draw; by default new axes.
    span : (float, float), optional
        The points of the real line to show; by default `shown_range` of the law.
    label : str, optional
        The entry in the legend. A name in `COLOURS` gives the line that colour.
    **line
        Properties of the line, as of ``Axes.plot``.

    Returns
    -------
    matplotlib.axes.Axes

    Examples
    --------
    >>> import otmaps
    >>> prior = otmaps.Uniform()
    >>> axes = otmaps.plot.plot_law(prior, label="prior")
    >>> raw = otmaps.pushforward(otmaps.lerp(0.5), prior)
    >>> axes = otmaps.plot.plot_law(raw, axes, label="linear")

    The norm of a latent of 512 components:

    >>> axes = otmaps.plot.plot_law(otmaps.StandardNormal(512), label="prior")
    """
    scalar, name = _line_law(law)
    axes = given_or_new(ax)
    low, high = span or shown_range(scalar)
    drawn_before = bool(axes.get_lines())
    x, density = density_curve(scalar, low, high)
    (curve,) = axes.plot(x, density, label=label, **look(label, line))
    top = max(1.05 * float(density.max()), axes.get_ylim()[1] if drawn_before else 0.0)
    for place, mass in scalar.atoms:
        if low <= place <= high:
            top = top or 1.0
            axes.vlines(place, 0.0, top, colors=[curve.get_color()], linestyles="dotted")
            axes.annotate(f"mass {mass:.3g}", (place, top), ha="center", va="bottom")
    axes.set(xlabel=name, ylabel="density", ylim=(0.0, top))
    if label is not None:
        axes.legend()
    return axes


def _line_law(law: Any) -> tuple[Distribution, str]:
    """The law on the line that is drawn, and what its values are."""
    if isinstance(law, Isotropic):
        return law.norm, f"norm of a latent of {law.dim} components"
    if isinstance(law, Distribution):
        return law, "value of a component"
    raise TypeError(
        f"law must be a Distribution or an isotropic law, got {type(law).__name__}. For any other "
        "law of vectors draw its components, or norms of draws by otmaps.plot.plot_norms; for "
        "anything else pass otmaps.as_distribution(law)."
    )


def plot_mismatch(
    mismatch: Mismatch, ax: Axes | None = None, *, color: str = COLOURS["linear"]
) -> Axes:
    """Draw the squared norm of raw results beside that of draws from the prior.

    Parameters
    ----------
    mismatch : Mismatch
    ax : matplotlib.axes.Axes, optional
        Where to draw; by default new axes.
    color : str
        Of the raw result; ``otmaps.plot.COLOURS["slerp"]`` suits that of slerp.

    Returns
    -------
    matplotlib.axes.Axes

    Notes
    -----
    Both laws are shown as gamma laws of their exact mean and standard deviation: the law itself
    for normal components, and close to it for others from some tens of dimensions on. Where the
    moments do not exist the axes say so. A norm that does not vary, as on a sphere, is a line.

    Examples
    --------
    >>> import otmaps
    >>> report = otmaps.mismatch(otmaps.lerp(0.5), "normal", dim=100)
    >>> axes = otmaps.plot.plot_mismatch(report)
    """
    if not isinstance(mismatch, Mismatch):
        raise TypeError(
            f"mismatch must be a Mismatch, got {type(mismatch).__name__}: pass what "
            "otmaps.mismatch(op, prior, dim=100) returns."
        )
    axes = given_or_new(ax)
    moments = {
        "raw result": (mismatch.norm_mean, mismatch.norm_std),
        "prior": (mismatch.prior_norm_mean, mismatch.prior_norm_std),
    }
    lines = {k for k, (mean, std) in moments.items() if std <= _NARROW * mean < math.inf}
    laws = {k: law for k, law in mismatch.norm_laws().items() if k not in lines}
    span = shown_range(*laws.values()) if laws else None
    for label, (mean, _) in moments.items():
        style = look("prior", {}) if label == "prior" else {"color": color}
        if label in laws:
            plot_law(laws[label], axes, span=span, label=label, **style)
        elif label in lines:
            axes.axvline(mean, label=f"{label}: {mean:.4g}", **style)
        else:
            axes.plot([], [], label=f"{label}: no finite variance", **style)
    axes.set(
        xlabel=f"squared norm in {mismatch.dim} dimensions",
        title=f"KL {mismatch.kl:.3g}, W1 {mismatch.w1:.3g}, W2 {mismatch.w2:.3g}",
    )
    axes.legend()
    return axes
