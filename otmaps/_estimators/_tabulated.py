"""The law of a table with measured errors, its moments from its quantiles."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable

import numpy as np

from otmaps._arrays import FloatArray
from otmaps._estimators._tabulation import Measured
from otmaps._moments import quantile_moment
from otmaps._pieces import PiecesLaw


def table_law(
    measured: Measured,
    ends: tuple[float, float],
    kinks: Iterable[float],
    inherited: tuple[float, float],
    how: str,
) -> PiecesLaw:
    """The law of a table.

    Parameters
    ----------
    measured : Measured
    ends : tuple of float
        The support.
    kinks : iterable of float
        Inside.
    inherited : tuple of float
        What comes to the measured errors: of the cdf, and of its nearer tail, relative.
    how : str
        What `method` says.
    """
    table = measured.table

    def quantile(upper: bool) -> Callable[[FloatArray], FloatArray]:
        return lambda logs: table.quantiles(np.ascontiguousarray(logs), upper=upper)

    mean = quantile_moment(quantile(False), quantile(True), lambda x: x)
    std = math.nan
    if math.isfinite(mean):
        square = quantile_moment(quantile(False), quantile(True), lambda x: (x - mean) ** 2)
        std = math.sqrt(square)
    finite = [e for e in ends if math.isfinite(e)]
    return PiecesLaw(
        table=table,
        ends=ends,
        moments=(mean, std),
        kinks=tuple(sorted({*kinks, *finite})),
        errors=(
            measured.error + inherited[0],
            measured.tail_error + inherited[1],
            measured.density_error + inherited[1],
        ),
        centre=None,
        how=how,
    )
