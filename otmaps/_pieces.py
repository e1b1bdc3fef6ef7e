"""The law given by a table of pieces."""

from __future__ import annotations

import dataclasses
from typing import final

import numpy as np

from otmaps._arrays import FloatArray
from otmaps._distribution import Distribution
from otmaps._kernels import _pieces as k
from otmaps._piece_table import CELL_ERROR, PieceTable


@final
@dataclasses.dataclass(frozen=True, eq=False)
class PiecesLaw(Distribution):
    """A law tabulated on pieces, with measured errors.

    Attributes
    ----------
    table : PieceTable
    ends : tuple of float
        The support.
    moments : tuple of float
        Mean and standard deviation.
    kinks : tuple of float
        The breakpoints.
    errors : tuple of float
        Bounds on the absolute error of the cdf, on the relative error of min(cdf, sf) and on the
        relative error of the density.
    centre : float or None
        The centre of symmetry.
    how : str
        What computed the table.
    """

    table: PieceTable = dataclasses.field(repr=False)
    ends: tuple[float, float]
    moments: tuple[float, float]
    kinks: tuple[float, ...]
    errors: tuple[float, float, float]
    centre: float | None
    how: str

    @property
    def density_error(self) -> float:
        """A bound on the relative error of the density down to 1e-300."""
        return self.errors[2]

    def _support(self) -> tuple[float, float]:
        return self.ends

    def _breakpoints(self) -> tuple[float, ...]:
        return self.kinks

    def _error(self) -> float:
        return self.errors[0]

    def _tail_error(self) -> float:
        return self.errors[1] + CELL_ERROR

    def _symmetry(self) -> float | None:
        return self.centre

    def _method(self) -> str:
        return self.how

    def _affine(self, scale: float, shift: float) -> Distribution:
        ends = sorted(scale * e + shift for e in self.ends)
        return dataclasses.replace(
            self,
            table=self.table.scaled(scale).shifted(shift),
            ends=(ends[0], ends[1]),
            moments=(scale * self.moments[0] + shift, abs(scale) * self.moments[1]),
            kinks=tuple(sorted(scale * kink + shift for kink in self.kinks)),
            centre=None if self.centre is None else scale * self.centre + shift,
        )

    def _mean(self) -> float:
        return self.moments[0]

    def _std(self) -> float:
        return self.moments[1]

    def _evaluated(self, x: FloatArray, what: int) -> FloatArray:
        x = np.ascontiguousarray(x)
        out = np.empty_like(x)
        fold = self.centre == 0.0
        if what not in {k.CDF, k.SF}:
            k.evaluate(x, out, what, fold, self.table.lookup)
            return out
        k.evaluate_cells(x, out, what == k.SF, fold, self.table.cells, self.table.lookup[5])
        rest = np.isnan(out)
        if rest.any():
            far = np.empty(int(np.count_nonzero(rest)))
            k.evaluate(x[rest], far, what, fold, self.table.lookup)
            out[rest] = far
        return out

    def _cdf(self, x: FloatArray) -> FloatArray:
        return self._evaluated(x, k.CDF)

    def _sf(self, x: FloatArray) -> FloatArray:
        return self._evaluated(x, k.SF)

    def _logcdf(self, x: FloatArray) -> FloatArray:
        return self._evaluated(x, k.LOG_CDF)

    def _logsf(self, x: FloatArray) -> FloatArray:
        return self._evaluated(x, k.LOG_SF)

    def _logpdf(self, x: FloatArray) -> FloatArray:
        return self._evaluated(x, k.LOG_PDF)

    def _pdf(self, x: FloatArray) -> FloatArray:
        return self._evaluated(x, k.PDF)

    def _ppf(self, p: FloatArray) -> FloatArray:
        return self._ilogcdf(np.log(p))

    def _isf(self, q: FloatArray) -> FloatArray:
        return self._ilogsf(np.log(q))

    def _ilogcdf(self, logp: FloatArray) -> FloatArray:
        return self._quantiles(logp, upper=False)

    def _ilogsf(self, logq: FloatArray) -> FloatArray:
        return self._quantiles(logq, upper=True)

    def _quantiles(self, goal: FloatArray, *, upper: bool) -> FloatArray:
        return np.clip(self.table.quantiles(goal, upper=upper), *self.ends)
