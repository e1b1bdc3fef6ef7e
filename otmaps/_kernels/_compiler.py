"""What compiles the kernels, and where the compiled code is kept."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import numba

from otmaps._kernels._policy import INTERPRETED
from otmaps._kernels._tables import fault


@dataclasses.dataclass(frozen=True)
class Compiler:
    """Numba as it is at work here.

    Attributes
    ----------
    version : str
    compiles : bool
        False under ``NUMBA_DISABLE_JIT``: kernels are interpreted, a hundred times slower.
    cache : Path or None
        The directory that keeps compiled kernels between processes; None where none is kept.
    """

    version: str
    compiles: bool
    cache: Path | None


def compiler() -> Compiler:
    """The compiler of this process."""
    kept = None if INTERPRETED else fault.stats.cache_path
    return Compiler(str(numba.__version__), not INTERPRETED, Path(kept) if kept else None)
