"""Figures of images: strips and grids, one picture for all."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from otmaps._arrays import real_array
from otmaps._colours import COLOURS
from otmaps.plot._curves import given_or_new

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_GAP = 12  # an image has so many times the side of the gap beside it


def plot_images(
    images: Any,
    ax: Axes | None = None,
    *,
    rows: Sequence[str] | None = None,
    columns: Sequence[str] | None = None,
) -> Axes:
    """Draw images in rows and columns, as one picture.

    Parameters
    ----------
    images : array_like
        Of shape (rows, columns, height, width), or with an axis of 1 or 3 colours before or after
        height and width; from 0 to 1, what lies beyond is cut off.
    ax : matplotlib.axes.Axes, optional
        Where to draw; by default new axes.
    rows, columns : sequence of str, optional
        Words beside the rows, and above the columns. Those in `COLOURS` have their colour.

    Returns
    -------
    matplotlib.axes.Axes

    Examples
    --------
    >>> import numpy as np, otmaps
    >>> ramps = np.linspace(0, 1, 2 * 5 * 28 * 28).reshape(2, 5, 28, 28)
    >>> axes = otmaps.plot.plot_images(ramps, rows=["linear", "matched"])
    """
    pixels = _channels_last(real_array(images, "images"))
    count, across, height, width, _ = pixels.shape
    for name, words, length in (("rows", rows, count), ("columns", columns, across)):
        if words is not None and len(words) != length:
            raise ValueError(f"{name} must be {length} words, one for each, got {len(words)}.")
    axes = given_or_new(ax)
    gap = max(1, max(height, width) // _GAP)
    axes.imshow(_joined(pixels, gap), interpolation="nearest")
    middle = 0.5 * height - 0.5 + (height + gap) * np.arange(count)
    centre = 0.5 * width - 0.5 + (width + gap) * np.arange(across)
    axes.set_yticks(middle if rows is not None else [], rows)
    axes.set_xticks(centre if columns is not None else [], columns)
    axes.tick_params(length=0, labeltop=True, labelbottom=False)
    for word in (*axes.get_yticklabels(), *axes.get_xticklabels()):
        word.set_color(COLOURS.get(word.get_text(), word.get_color()))
    axes.spines[:].set_visible(False)
    return axes


def _channels_last(images: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """Images as (rows, columns, height, width, 1 or 3), cut to [0, 1]."""
    if images.ndim == 4:
        images = images[..., None]
    elif images.ndim == 5 and images.shape[2] in (1, 3) and images.shape[4] not in (1, 3):
        images = np.moveaxis(images, 2, 4)
    if images.ndim != 5 or images.shape[4] not in (1, 3) or images.size == 0:
        raise ValueError(
            "images must be of shape (rows, columns, height, width), or with 1 or 3 colours before "
            f"or after height and width, got {images.shape}. Put the images of one row as "
            "images[None]."
        )
    if not np.all(np.isfinite(images)):
        raise ValueError("images has NaN or infinite pixels.")
    return np.asarray(np.clip(images, 0.0, 1.0))


def _joined(pixels: npt.NDArray[Any], gap: int) -> npt.NDArray[Any]:
    """One picture (height, width, 4); the gaps are transparent."""
    count, across, height, width, _ = pixels.shape
    whole: npt.NDArray[Any] = np.zeros((count, height + gap, across, width + gap, 4))
    whole[:, :height, :, :width, :3] = np.swapaxes(
        np.broadcast_to(pixels, (*pixels.shape[:4], 3)), 1, 2
    )
    whole[:, :height, :, :width, 3] = 1.0
    return whole.reshape(count * (height + gap), across * (width + gap), 4)[:-gap, :-gap]
