"""Operations that kill the worker they run in, for pools that spawn and so import this."""

from __future__ import annotations

import multiprocessing
import os
import signal
from pathlib import Path
from typing import Any

import otmaps


@otmaps.operation(version="1")
def fatal(a: Any, b: Any, *, t: float, deaths: str = "") -> Any:
    """A sum; in a worker it dies while the file ``deaths`` has lines, and takes one away."""
    if deaths and multiprocessing.parent_process() is not None:
        path = Path(deaths)
        left = path.read_text().splitlines()
        if left:
            path.write_text("\n".join(left[1:]))
            os.kill(os.getpid(), signal.SIGKILL)
    return a + t * b
