"""What a run was measured on, and what else the machine did meanwhile."""

from __future__ import annotations

import importlib.metadata
import os
import platform
import time
from pathlib import Path
from typing import Final, final

import numpy as np

PACKAGES = ("numpy", "scipy", "numba", "scikit-learn", "lolatents")


def processor() -> str:
    """The name of the processor, as far as the system tells it."""
    path = Path("/proc/cpuinfo")
    if path.is_file():
        for line in path.read_text(encoding="utf-8").splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()


def versions() -> list[str]:
    """Of everything that is measured and installed."""
    found = [f"Python {platform.python_version()}"]
    for name in ("otmaps", *PACKAGES):
        try:
            found.append(f"{name} {importlib.metadata.version(name)}")
        except importlib.metadata.PackageNotFoundError:
            found.append(f"no {name}")
    return found


def copy_time(n: int, repeats: int = 5) -> float:
    """Seconds for a copy of so many doubles: what the other figures are held against."""
    source, target = np.ones(n), np.zeros(n)
    least = float("inf")
    for _ in range(repeats):
        start = time.thread_time()
        np.copyto(target, source)
        least = min(least, time.thread_time() - start)
    return least


@final
class Load:
    """What else ran from the making of this object on."""

    def __init__(self, values: int) -> None:
        self._values: Final = values
        self._start: Final = time.perf_counter()
        self._counters: Final = _counters()
        self._average: Final = _average()
        self._copy: Final = copy_time(values)

    def described(self) -> list[str]:
        """Sentences about the time since then."""
        wall = time.perf_counter() - self._start
        average = f"The load average was {self._average} before it and {_average()} at its end."
        out = [f"The run took {wall / 60.0:.1f} minutes.", average]
        before, after = self._counters, _counters()
        if before and after:
            own, busy, stolen = (b - a for a, b in zip(before, after, strict=True))
            whole = wall * (os.cpu_count() or 1) / 100.0
            out.append(
                f"Of the processor time of all cores, this run took {own / whole:.0f} %, other "
                f"processes {max(busy - own, 0.0) / whole:.0f} %, and {stolen / whole:.1f} % was "
                "kept back by the host."
            )
        copy = copy_time(self._values)
        out.append(
            f"A copy of {self._values:,} doubles took {self._copy / self._values / 1e-9:.2f} ns a "
            f"value before and {copy / self._values / 1e-9:.2f} after."
        )
        return out


def _average() -> str:
    return f"{os.getloadavg()[0]:.1f}" if hasattr(os, "getloadavg") else "unknown"


def _counters() -> tuple[float, float, float] | None:
    """Seconds of this process and its children, of all work, and stolen by the host."""
    path = Path("/proc/stat")
    if not path.is_file():
        return None
    ticks = [float(x) for x in path.read_text(encoding="ascii").splitlines()[0].split()[1:]]
    second = float(os.sysconf("SC_CLK_TCK"))
    user, nice, system, _, _, irq, soft, stolen = ticks[:8]
    own = sum(os.times()[:4])
    return own, (user + nice + system + irq + soft) / second, stolen / second
