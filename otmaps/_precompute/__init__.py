"""Many tables ahead of time: in this thread, in a pool of processes, or on a Dask cluster."""

from __future__ import annotations

from otmaps._precompute._jobs import Job, JobLike, grid
from otmaps._precompute._report import JobResult, PrecomputeReport
from otmaps._precompute._running import precompute

__all__ = ["Job", "JobLike", "JobResult", "PrecomputeReport", "grid", "precompute"]
