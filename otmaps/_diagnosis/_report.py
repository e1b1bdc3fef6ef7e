"""What `diagnose` returns: rows of statistics with their p-values, judged together."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from otmaps._notebook import diagnosis_html


@dataclasses.dataclass(frozen=True)
class DiagnosisRow:
    """One test.

    Attributes
    ----------
    name : str
        What was tested, "norm: location" for example.
    found, expected : float
        The statistic, and its mean or median if the latents follow the prior.
    p_value : float
        The probability of a statistic as extreme, if they do; NaN in a row that was skipped.
    adjusted : float
        The p-value after Holm's correction for the number of rows.
    contradicts : bool
        Whether ``adjusted`` is at or below the level of the report.
    note : str
        More about the row, or why it was skipped.

    Examples
    --------
    >>> import numpy, otmaps
    >>> latents = numpy.random.default_rng(0).normal(size=(200, 32))
    >>> row = otmaps.diagnose(latents, "normal").rows[0]
    >>> row.name, row.verdict
    ('impossible values', 'fits')
    """

    name: str
    found: float
    expected: float
    p_value: float
    adjusted: float = math.nan
    contradicts: bool = False
    note: str = ""

    @property
    def skipped(self) -> bool:
        """Whether the test makes no sense here; ``note`` says why."""
        return math.isnan(self.p_value)

    @property
    def verdict(self) -> str:
        """One of "skipped", "fits" and "CONTRADICTS"."""
        return "skipped" if self.skipped else "CONTRADICTS" if self.contradicts else "fits"


@dataclasses.dataclass(frozen=True)
class Diagnosis:
    """The rows of `otmaps.diagnose`; true when nothing contradicts the prior.

    Attributes
    ----------
    rows : tuple of DiagnosisRow
    count, dim : int
        The latents, and the components of each.
    prior : str
        The prior, as text.
    level : float
        The probability of a report that is false although the latents follow the prior: Holm's
        correction holds it over all rows, whatever their dependence.
    seed : int

    Examples
    --------
    >>> import numpy, otmaps
    >>> latents = numpy.random.default_rng(0).normal(size=(200, 32))
    >>> found = otmaps.diagnose(1.2 * latents, "normal")
    >>> bool(found), found.rows[0].name
    (False, 'impossible values')
    """

    rows: tuple[DiagnosisRow, ...]
    count: int
    dim: int
    prior: str
    level: float
    seed: int

    def __bool__(self) -> bool:
        return not self.contradictions

    @property
    def contradictions(self) -> tuple[DiagnosisRow, ...]:
        """The rows that contradict the prior."""
        return tuple(row for row in self.rows if row.contradicts)

    def as_dict(self) -> dict[str, Any]:
        """The report in JSON types; numbers that are not finite are null."""
        rows = []
        for row in self.rows:
            fields: dict[str, Any] = dataclasses.asdict(row)
            for key in ("found", "expected", "p_value", "adjusted"):
                fields[key] = fields[key] if math.isfinite(fields[key]) else None
            rows.append(fields | {"verdict": row.verdict})
        about = {name: getattr(self, name) for name in ("count", "dim", "prior", "level", "seed")}
        return {"fits": bool(self), **about, "rows": rows}

    def _repr_html_(self) -> str:
        return diagnosis_html(self)

    def __str__(self) -> str:
        run = sum(not row.skipped for row in self.rows)
        verdict = (
            "nothing contradicts the prior"
            if self
            else f"{len(self.contradictions)} of {run} rows contradict the prior"
        )
        about = f"{self.count} latents of {self.dim} components, false alarm below {self.level:.2g}"
        lines = [f"diagnose ({about}): {verdict}"]
        width = max(len(row.name) for row in self.rows)
        lines.append(f"  {'row':<{width}}  {'found':>9}  {'expected':>9}  {'p-value':>9}  verdict")
        for row in self.rows:
            numbers = "  ".join(
                f"{'-' if math.isnan(v) else format(v, '.3g'):>9}"
                for v in (row.found, row.expected, row.p_value)
            )
            note = f"  ({row.note})" if row.note else ""
            lines.append(f"  {row.name:<{width}}  {numbers}  {row.verdict}{note}")
        return "\n".join(lines)


def judged(rows: Sequence[DiagnosisRow], level: float) -> tuple[DiagnosisRow, ...]:
    """The rows with Holm's adjusted p-values and their verdicts.

    S. Holm, A simple sequentially rejective multiple test procedure, Scand. J. Statist. 6 (1979).
    """
    run = [i for i, row in enumerate(rows) if not row.skipped]
    order = sorted(run, key=lambda i: rows[i].p_value)
    factors = np.arange(len(order), 0, -1)
    adjusted = np.maximum.accumulate(
        [f * rows[i].p_value for f, i in zip(factors, order, strict=True)]
    )
    found = dict(zip(order, np.minimum(adjusted, 1.0).tolist(), strict=True))
    return tuple(
        dataclasses.replace(row, adjusted=found[i], contradicts=found[i] <= level)
        if i in found
        else row
        for i, row in enumerate(rows)
    )
