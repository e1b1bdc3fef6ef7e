"""A law as it is, with more error than it states itself."""

from __future__ import annotations

import dataclasses
from typing import Any, final

import numpy as np

from otmaps._arrays import FloatArray
from otmaps._distribution import Distribution
from otmaps._pieces import PiecesLaw


@final
@dataclasses.dataclass(frozen=True)
class Restated(Distribution):
    """The law ``base``, with errors that came in on the way to it, and what computed it.

    Attributes
    ----------
    base : Distribution
    errors : tuple of float
        What is added to `error`, and to `tail_error`.
    how : str
        What computed it.
    """

    base: Distribution
    errors: tuple[float, float]
    how: str

    def _error(self) -> float:
        return self.base.error + self.errors[0]

    def _tail_error(self) -> float:
        return self.base.tail_error + self.errors[1]

    def _method(self) -> str:
        return self.how

    def _recipe(self) -> dict[str, Any] | None:
        return self.base.recipe()

    def _support(self) -> tuple[float, float]:
        return self.base.support()

    def _breakpoints(self) -> tuple[float, ...]:
        return self.base.breakpoints

    def _atoms(self) -> tuple[tuple[float, float], ...]:
        return self.base.atoms

    def _symmetry(self) -> float | None:
        return self.base.symmetry

    def _cdf(self, x: FloatArray) -> FloatArray:
        return np.asarray(self.base.cdf(x))

    def _sf(self, x: FloatArray) -> FloatArray:
        return np.asarray(self.base.sf(x))

    def _pdf(self, x: FloatArray) -> FloatArray:
        return np.asarray(self.base.pdf(x))

    def _logcdf(self, x: FloatArray) -> FloatArray:
        return np.asarray(self.base.logcdf(x))

    def _logsf(self, x: FloatArray) -> FloatArray:
        return np.asarray(self.base.logsf(x))

    def _logpdf(self, x: FloatArray) -> FloatArray:
        return np.asarray(self.base.logpdf(x))

    def _ppf(self, p: FloatArray) -> FloatArray:
        return np.asarray(self.base.ppf(p))

    def _isf(self, q: FloatArray) -> FloatArray:
        return np.asarray(self.base.isf(q))

    def _ilogcdf(self, logp: FloatArray) -> FloatArray:
        return np.asarray(self.base.ilogcdf(logp))

    def _ilogsf(self, logq: FloatArray) -> FloatArray:
        return np.asarray(self.base.ilogsf(logq))

    def _rvs(self, shape: tuple[int, ...], rng: np.random.Generator) -> FloatArray:
        return np.asarray(self.base.rvs(shape, rng))

    def _mean(self) -> float:
        return self.base.mean()

    def _std(self) -> float:
        return self.base.std()

    def _affine(self, scale: float, shift: float) -> Distribution:
        return Restated(self.base.affine(scale, shift), self.errors, self.how)


def restated(law: Distribution, errors: tuple[float, float], how: str) -> Distribution:
    """The law with added errors (of the cdf; relative, of the nearer tail) and another method."""
    if isinstance(law, PiecesLaw):
        mine = (law.errors[0] + errors[0], law.errors[1] + errors[1], law.errors[2] + errors[1])
        return dataclasses.replace(law, errors=mine, how=how)
    if isinstance(law, Restated):
        mine_ = (law.errors[0] + errors[0], law.errors[1] + errors[1])
        return Restated(law.base, mine_, how)
    return Restated(law, errors, how)
