"""Figures of laws, maps, mismatches and latents, with matplotlib; each takes and returns axes."""

from __future__ import annotations

from otmaps._colours import COLOURS
from otmaps._curves import Curve, density_curve, map_curve, shown_range
from otmaps.plot._curves import new_figure
from otmaps.plot._images import plot_images
from otmaps.plot._laws import plot_law, plot_mismatch
from otmaps.plot._maps import plot_certificate, plot_map
from otmaps.plot._points import plot_norms, plot_plane, plot_trajectories

__all__ = [
    "COLOURS",
    "Curve",
    "density_curve",
    "map_curve",
    "new_figure",
    "plot_certificate",
    "plot_images",
    "plot_law",
    "plot_map",
    "plot_mismatch",
    "plot_norms",
    "plot_plane",
    "plot_trajectories",
    "shown_range",
]
