"""Whether latents follow a prior: tests with exact or stated levels, and a report of their rows."""

from __future__ import annotations

from otmaps._diagnosis._diagnose import diagnose
from otmaps._diagnosis._report import Diagnosis, DiagnosisRow
from otmaps._diagnosis._scores import RadialPrior

__all__ = ["Diagnosis", "DiagnosisRow", "RadialPrior", "diagnose"]
