"""The judge: matched operations against optimal transport plans of samples, computed by POT.

The only part of the package that imports `ot`, and that inside functions.
"""

from __future__ import annotations

from otmaps._check._judge import Matched, check
from otmaps._check._report import CheckReport, CheckRow

__all__ = ["CheckReport", "CheckRow", "Matched", "check"]
