"""What a raw operation does wrong: distances between the law of its result and the prior."""

from __future__ import annotations

from otmaps._mismatch._figures import law_mismatch
from otmaps._mismatch._report import Mismatch
from otmaps._mismatch._vectors import joined, normal_mismatch, radial_mismatch

__all__ = ["Mismatch", "joined", "law_mismatch", "normal_mismatch", "radial_mismatch"]
