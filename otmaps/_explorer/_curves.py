"""The curves beside the pictures, as plain numbers: the page draws them."""

from __future__ import annotations

import functools
import math
from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from otmaps import plot
from otmaps._distribution import Distribution
from otmaps._explorer._treatments import Bench
from otmaps._map import MonotoneMap
from otmaps._matched_isotropic import MatchedIsotropicOperation

Array = npt.NDArray[Any]
Chart = dict[str, Any]

_BINS = 48  # of components, of which there are hundreds of thousands
_NORM_BINS = 30
_DIGITS = 5


def law_chart(bench: Bench, prior: Distribution, draws: Mapping[str, Array]) -> Chart:
    """The densities of one component: of the prior, and of each result.

    The raw result by its law where it is known; by its draws otherwise.
    """
    exact = {"prior": prior}
    if bench.matched is not None and not isinstance(bench.matched, MatchedIsotropicOperation):
        exact["linear" if "linear" in bench.treatments else "raw"] = bench.matched.source
    low, high = plot.shown_range(*exact.values())
    curves = [
        _curve(name, *(_prior_curve if name == "prior" else plot.density_curve)(law, low, high))
        for name, law in exact.items()
    ]
    curves += [
        _curve(name, *_histogram(values.ravel(), low, high))
        for name, values in draws.items()
        if name not in exact
    ]
    return {
        "title": "Law of a component",
        "x": "value of a component",
        "y": "density",
        "zero": True,
        "curves": curves,
        "empty": "",
    }


@functools.lru_cache(maxsize=16)
def _prior_curve(law: Distribution, low: float, high: float) -> plot.Curve:
    return plot.density_curve(law, low, high)


def map_chart(bench: Bench) -> Chart:
    """The map from the raw result to the prior, beside no change."""
    isotropic = isinstance(bench.matched, MatchedIsotropicOperation)
    what = "norm" if isotropic else "component"
    chart: Chart = {
        "title": "Map",
        "x": f"{what} of the raw result",
        "y": f"{what} of the matched result",
        "zero": False,
        "curves": [],
        "empty": bench.problem,
    }
    found: Any = None if bench.matched is None else bench.matched.map
    curve_of = found.norms if isinstance(bench.matched, MatchedIsotropicOperation) else found
    if isinstance(curve_of, MonotoneMap):
        low, high = _map_range(curve_of)
        y, values = plot.map_curve(curve_of, low, high)
        chart["curves"] = [_curve("no change", y, y), _curve("matched", y, values)]
    elif bench.matched is not None:
        chart["empty"] = "no one curve: every result is drawn anew, or lands on one sphere."
    return chart


def _map_range(curve: MonotoneMap) -> tuple[float, float]:
    laws = [law for law in (curve.source,) if law is not None]
    return plot.shown_range(*laws) if laws else curve.domain


def norm_chart(draws: Mapping[str, Array], dim: int) -> Chart:
    """The squared norms of results, and of fresh latents: sampled densities."""
    norms = {name: _squared_norms(values) for name, values in draws.items()}
    edges = np.quantile(np.concatenate([*norms.values()]), [0.002, 0.998])
    low, high = float(edges[0]), float(edges[1])
    margin = 0.05 * (high - low) or 0.5
    curves = [
        _curve(name, *_histogram(values, low - margin, high + margin, _NORM_BINS))
        for name, values in norms.items()
    ]
    return {
        "title": "Squared norm",
        "x": f"squared norm in {dim} dimensions",
        "y": "density",
        "zero": True,
        "curves": curves,
        "empty": "",
    }


def _squared_norms(values: Array) -> Array:
    return np.asarray(np.einsum("ij,ij->i", values, values, dtype=np.float64))


def _histogram(values: Array, low: float, high: float, bins: int = _BINS) -> plot.Curve:
    """The middle of each bin, and the density of the values in it."""
    width = (high - low) / bins
    centres = np.asarray(low + width * (np.arange(bins) + 0.5), dtype=np.float64)
    places = np.floor((values - low) / width)
    inside = places[(places >= 0) & (places < bins)].astype(np.intp)
    counts = np.bincount(inside, minlength=bins)
    return centres, counts / (values.size * width)


def _curve(name: str, x: Iterable[float], y: Iterable[float]) -> dict[str, Any]:
    return {"name": name, "x": _rounded(x), "y": _rounded(y)}


def _rounded(values: Iterable[float]) -> list[float]:
    """Numbers of a few digits: all that a picture shows, in a third of the bytes."""
    return [float(f"{v:.{_DIGITS}g}") if math.isfinite(v) else 0.0 for v in values]
