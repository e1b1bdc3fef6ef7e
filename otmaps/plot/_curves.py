"""What figures have in common: new axes, and how lines look."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from otmaps._colours import COLOURS

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_MISSING = "matplotlib is not installed; figures need it: pip install 'otmaps[plots]'."
_BROAD: Mapping[str, Any] = {"linewidth": 5.0, "alpha": 0.45, "zorder": 1.9}


def look(name: str | None, line: Mapping[str, Any], default: str | None = None) -> dict[str, Any]:
    """Properties of a line: those given, else those that belong to the name of what it shows.

    The prior is broad and pale, so that what lies on it is seen to lie on it.
    """
    colour = COLOURS.get(name or "", default)
    own = {} if colour is None else {"color": colour}
    broad = _BROAD if name == "prior" and not {"lw", "linewidth"} & line.keys() else {}
    named = {"color" if key == "c" else key: value for key, value in line.items()}
    return own | dict(broad) | named


def new_figure(width: float = 6.4, height: float = 4.0) -> Figure:
    """A figure, in inches, that no window shows: made for `savefig`.

    Raises
    ------
    ImportError
        Where matplotlib is not installed; the message says how to install it.

    Examples
    --------
    >>> import otmaps
    >>> axes = otmaps.plot.new_figure()
    """
    try:
        from matplotlib.figure import Figure
    except ImportError:
        raise ImportError(_MISSING) from None
    return Figure(figsize=(width, height), layout="constrained")


def given_or_new(ax: Axes | None) -> Axes:
    """The axes to draw on; pyplot, which keeps figures alive, is asked for new ones alone."""
    try:
        if ax is None:
            import matplotlib.pyplot as plt

            return plt.subplots(layout="constrained")[1]
        from matplotlib.axes import Axes
    except ImportError:
        raise ImportError(_MISSING) from None
    if not isinstance(ax, Axes):
        raise TypeError(
            f"ax must be matplotlib axes, got {type(ax).__name__}. Take one of those that "
            "plt.subplots() returns, or leave it out."
        )
    return ax
