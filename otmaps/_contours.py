"""Logarithms of the law of a sum of many uniform variables; the method is in the kernels."""

from __future__ import annotations

import dataclasses
import functools
import math

import numpy as np

from otmaps._arrays import FloatArray
from otmaps._kernels import _contours as kernels

# Half of the logarithm of the length of a cell, times sqrt(n): one line serves it well.
_SPREAD = 0.9
_SHORTEST = 0.05  # of these halves: polynomials of many terms are not what limits a cell
_MOST_CELLS = 1024
_MOST_FACTORS = 3e7  # evaluations of a factor of the transform: about a second


@dataclasses.dataclass(frozen=True)
class ContourSum:
    """The sum of independent uniform variables on [0, a], at the distances y from its lower end."""

    terms: tuple[float, ...]

    @functools.cached_property
    def _grouped(self) -> tuple[FloatArray, FloatArray]:
        widths, counts = np.unique(self.terms, return_counts=True)
        return widths, counts.astype(np.float64)

    @functools.cached_property
    def cells(self) -> FloatArray:
        """Edges of cells from the narrowest width to the middle, each short enough for one line."""
        first, middle = self.terms[0], 0.5 * math.fsum(self.terms)
        reach = math.log(middle / first)
        half = _SPREAD / math.sqrt(len(self.terms))
        count = math.ceil(0.5 * reach / min(half, max(0.5 * half, _SHORTEST)))
        edges = first * np.exp(reach / count * np.arange(count + 1))
        edges[-1] = middle
        return np.asarray(edges)

    def refusal(self) -> str | None:
        """Why the method would take too long; None where it would not."""
        if self.cells.size > _MOST_CELLS:
            return "its widths differ too much in size"
        factors = self._plans(self.cells[:-1], self.cells[1:])[:, 2].sum() * self._grouped[0].size
        if not factors <= _MOST_FACTORS:
            return "its few wide terms leave edges as sharp as the narrow ones"
        return None

    def _plans(self, u: FloatArray, v: FloatArray) -> FloatArray:
        plans = np.empty((u.size, 3))
        kernels.plan(u, v, *self._grouped, plans)
        return plans

    def logarithms(self, y: FloatArray) -> tuple[FloatArray, FloatArray]:
        """The logarithms of cdf and density at points y[i, :] of the cells i."""
        plans = self._plans(y.min(axis=1), y.max(axis=1))
        cdf, pdf = np.empty_like(y), np.empty_like(y)
        kernels.logarithms(y, plans, *self._grouped, cdf, pdf)
        return cdf, pdf
