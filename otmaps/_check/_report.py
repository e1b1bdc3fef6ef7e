"""What `check` returns: rows of found and allowed gaps."""

from __future__ import annotations

import dataclasses
import math
from typing import Any

from otmaps._notebook import check_html


@dataclasses.dataclass(frozen=True)
class CheckRow:
    """One comparison.

    Attributes
    ----------
    name : str
        What was compared.
    found, allowed : float
        The gap and its bound, in ``unit``; NaN in a row that was skipped.
    unit : str
        "probability", "prior" (the prior's own unit), "cost" (its square) or "values" (a count).
    note : str
        What the row is worth on its own, or why it was skipped.

    Examples
    --------
    >>> import otmaps
    >>> m = otmaps.match(otmaps.lerp(0.5), "normal", store=None)
    >>> row = otmaps.check(m, n=200).rows[0]
    >>> row.name, row.holds
    ('values are finite', True)
    """

    name: str
    found: float
    allowed: float
    unit: str
    note: str = ""

    @property
    def skipped(self) -> bool:
        """Whether the comparison makes no sense here; ``note`` says why."""
        return math.isnan(self.allowed)

    @property
    def holds(self) -> bool:
        """Whether the gap is allowed; a gap that is NaN is not."""
        return self.skipped or self.found <= self.allowed


@dataclasses.dataclass(frozen=True)
class CheckReport:
    """The rows of `otmaps.check`; true when all of them hold.

    Examples
    --------
    >>> import otmaps
    >>> m = otmaps.match(otmaps.lerp(0.5), "normal", store=None)
    >>> report = otmaps.check(m, n=200)
    >>> bool(report), report.failures
    (True, ())
    """

    rows: tuple[CheckRow, ...]
    n: int
    dim: int
    seed: int
    confidence: float

    def __bool__(self) -> bool:
        return all(row.holds for row in self.rows)

    @property
    def failures(self) -> tuple[CheckRow, ...]:
        """The rows that do not hold."""
        return tuple(row for row in self.rows if not row.holds)

    def as_dict(self) -> dict[str, Any]:
        """The report in JSON types; the numbers of skipped rows are null."""
        rows = []
        for row in self.rows:
            fields: dict[str, Any] = dataclasses.asdict(row)
            for key in ("found", "allowed"):
                value = fields[key]
                fields[key] = value if math.isfinite(value) else None
            rows.append(fields | {"holds": row.holds, "skipped": row.skipped})
        about = {"n": self.n, "dim": self.dim, "seed": self.seed, "confidence": self.confidence}
        return {"holds": bool(self), **about, "rows": rows}

    def _repr_html_(self) -> str:
        return check_html(self)

    def __str__(self) -> str:
        verdict = "all rows hold" if self else f"{len(self.failures)} of {len(self.rows)} rows fail"
        about = f"{self.n} draws in {self.dim} dimensions, seed {self.seed}"
        lines = [f"check ({about}, false alarm below {1 - self.confidence:.2g}): {verdict}"]
        width = max(len(row.name) for row in self.rows)
        lines.append(f"  {'row':<{width}}  {'found':>9}  {'allowed':>9}  {'unit':<11}  verdict")
        for row in self.rows:
            mark = "skipped" if row.skipped else "holds" if row.holds else "FAILS"
            numbers = "  ".join(
                f"{'-' if math.isnan(v) else format(v, '.3g'):>9}" for v in (row.found, row.allowed)
            )
            note = f"  ({row.note})" if row.note else ""
            lines.append(f"  {row.name:<{width}}  {numbers}  {row.unit:<11}  {mark}{note}")
        return "\n".join(lines)
