"""What became of the jobs."""

from __future__ import annotations

import dataclasses
import math
from typing import final

from otmaps._notebook import precompute_html
from otmaps._precompute._jobs import Job


@final
@dataclasses.dataclass(frozen=True, eq=False, slots=True)
class JobResult:
    """What became of a job.

    Attributes
    ----------
    job : Job
    key : str or None
        The key of the table; None where it has none.
    status : str
        "built"; "found" (it was there, and whole); "failed"; or "memory-only": its table cannot
        be kept, because the operation or a law has no recipe or because the store took nothing,
        or need not be, because the map is affine or the identity.
    message : str
        Why it failed or is not kept; empty otherwise.
    seconds : float
        Wall-clock time.
    size : int
        Bytes in the store.
    error : float
        The error of the map in units of the prior's scale; NaN where there is none.

    Examples
    --------
    >>> import otmaps
    >>> job = otmaps.Job(otmaps.lerp(0.5), "uniform")
    >>> (result,) = otmaps.precompute([job], store=otmaps.MemoryStore()).results
    >>> result.status, result.error <= 1e-9
    ('built', True)
    """

    job: Job
    key: str | None
    status: str
    message: str = ""
    seconds: float = 0.0
    size: int = 0
    error: float = math.nan


@final
@dataclasses.dataclass(frozen=True, eq=False)
class PrecomputeReport:
    """What `precompute` did; truthy when no job failed.

    Attributes
    ----------
    results : tuple of JobResult
        One for each different table, in the order of the jobs.
    duplicates : int
        How many jobs asked for a table that another job had asked for.
    seconds : float
        Wall-clock time of the whole run.

    Examples
    --------
    >>> import otmaps
    >>> jobs = otmaps.grid(otmaps.lerp, "uniform", t=[0.25, 0.5])
    >>> report = otmaps.precompute(jobs, store=otmaps.MemoryStore())
    >>> report.count("built"), report.failed
    (2, ())
    """

    results: tuple[JobResult, ...]
    duplicates: int
    seconds: float

    def __bool__(self) -> bool:
        return not self.failed

    def count(self, status: str) -> int:
        """How many jobs have a status."""
        return sum(result.status == status for result in self.results)

    @property
    def failed(self) -> tuple[JobResult, ...]:
        """The results of the jobs that failed."""
        return tuple(result for result in self.results if result.status == "failed")

    @property
    def missed(self) -> tuple[JobResult, ...]:
        """The results of the jobs whose map has a larger error than their ``tol``."""
        known = (r for r in self.results if not math.isnan(r.error))
        return tuple(r for r in known if r.error > r.job.tol)

    @property
    def size(self) -> int:
        """Bytes of all tables of this run in the store."""
        return sum(result.size for result in self.results)

    @property
    def error(self) -> float:
        """The largest error of a map of this run; NaN where there is none."""
        known = [result.error for result in self.results if not math.isnan(result.error)]
        return max(known, default=math.nan)

    def _repr_html_(self) -> str:
        return precompute_html(self)

    def __str__(self) -> str:
        counts = [f"{self.count(s)} {s}" for s in ("built", "found", "memory-only", "failed")]
        summary = (
            f"{len(self.results)} tables in {self.seconds:.1f} s: {', '.join(counts)}; "
            f"{self.duplicates} duplicates; {self.size} bytes, largest error {self.error:.1e}, "
            f"{len(self.missed)} above tol"
        )
        failures = [
            f"failed: {r.job.op!r}, prior {r.job.prior!r}: {r.message}" for r in self.failed
        ]
        return "\n".join([summary, *failures])
