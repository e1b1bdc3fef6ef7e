"""What `otmaps doctor` looks at: each probe tells what it found, and what to do where it is bad."""

from __future__ import annotations

import dataclasses
import importlib.metadata
import os
import platform
import re
import shutil
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Literal

Verdict = Literal["good", "absent", "doubtful", "BAD"]

# Of the extras in pyproject.toml, those for users.
EXTRAS = ("plots", "demo", "explore", "torch", "jax", "dask", "cloud")
_LEAST_ROOM = 100 * 2**20


@dataclasses.dataclass(frozen=True)
class Finding:
    """One row.

    Attributes
    ----------
    area, name : str
        What was looked at.
    found : str
        What was found.
    verdict : str
        "good"; "absent" for what is optional and not there; "doubtful" for what works and costs
        something; "BAD" for what does not work.
    remedy : str
        What to do about it.
    """

    area: str
    name: str
    found: str
    verdict: Verdict = "good"
    remedy: str = ""


Probe = Callable[[], Iterator[Finding]]


# ---------------------------------------------------------------------------------------- packages
def system() -> Iterator[Finding]:
    """The library, Python, and the machine."""
    import otmaps

    yield Finding("system", "otmaps", f"{otmaps.__version__} in {Path(otmaps.__file__).parent}")
    python = f"{platform.python_version()} ({platform.python_implementation()})"
    yield Finding("system", "Python", python)
    yield Finding("system", "machine", f"{platform.system()} {platform.machine()}")


def packages() -> Iterator[Finding]:
    """What otmaps needs, and the extras for users."""
    needed = _requirements()
    for requirement in needed.pop("", []):
        yield _package("packages", requirement, optional=False)
    for extra in EXTRAS:
        if extra not in needed:
            told = "unknown to the installed metadata, which are older than the code"
            yield Finding("extras", extra, told, "doubtful", "install otmaps again")
            continue
        found = [_package("extras", requirement, optional=True) for requirement in needed[extra]]
        worst = [f for f in found if f.verdict != "good"]
        shown = ", ".join(f"{f.name} {f.found}" for f in found)
        verdict = worst[0].verdict if worst else "good"
        remedy = f"pip install 'otmaps[{extra}]'" if worst else ""
        yield Finding("extras", extra, shown, verdict, remedy)


def _requirements() -> dict[str, list[str]]:
    """The requirements of the installed package by extra; those it cannot do without under ''."""
    found: dict[str, list[str]] = {}
    for line in importlib.metadata.requires("otmaps") or []:
        requirement, _, marker = line.partition(";")
        extra = re.search(r"""extra == ['"](\w+)['"]""", marker)
        found.setdefault(extra[1] if extra else "", []).append(requirement.strip())
    return found


def _package(area: str, requirement: str, *, optional: bool) -> Finding:
    name = re.split(r"[\[<>=!~ ]", requirement, maxsplit=1)[0]
    least = re.search(r">=([\d.]+)", requirement)
    below = re.search(r"<([\d.]+)", requirement)
    remedy = f"pip install '{requirement}'"
    try:
        version = importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return Finding(area, name, "missing", "absent" if optional else "BAD", remedy)
    if least and _release(version) < _release(least[1]):
        return Finding(area, name, f"{version}, needs >= {least[1]}", "BAD", remedy)
    if below and _release(version) >= _release(below[1]):
        return Finding(area, name, f"{version}, needs < {below[1]}", "BAD", remedy)
    return Finding(area, name, version)


def _release(version: str) -> tuple[int, ...]:
    """The leading numbers of a version, without zeros at the end: 2.10.0rc1 is (2, 10)."""
    numbers = re.match(r"\d+(\.\d+)*", version)
    parts = [int(part) for part in numbers[0].split(".")] if numbers else []
    while parts and parts[-1] == 0:
        parts.pop()
    return tuple(parts)


# --------------------------------------------------------------------------------- code and threads
def compiled_code() -> Iterator[Finding]:
    """Numba, its cache, and the threads there are."""
    from otmaps._kernels._compiler import compiler

    area, found = "compiler", compiler()
    if not found.compiles:
        yield Finding(
            area, "kernels", "interpreted (NUMBA_DISABLE_JIT)", "doubtful",
            "unset NUMBA_DISABLE_JIT: kernels are a hundred times faster compiled",
        )  # fmt: skip
    elif found.cache is None:
        yield Finding(
            area, "cache", "none: kernels compile anew in each process", "doubtful",
            "set NUMBA_CACHE_DIR to a directory that can be written",
        )  # fmt: skip
    else:
        files = sum(1 for _ in found.cache.glob("*.nbc")) if found.cache.is_dir() else 0
        yield _writable(Finding(area, "cache", f"{files} compiled kernels in {found.cache}"),
                        found.cache, "set NUMBA_CACHE_DIR to a directory that can be written",
                        "doubtful")  # fmt: skip
    usable = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    yield Finding(area, "cores", f"{usable} for this process, of {os.cpu_count()}")
    yield Finding(area, "threads", "started by each call, as many as its threads= says; none stay")
    layer = os.environ.get("NUMBA_THREADING_LAYER")
    told = f"{layer} (NUMBA_THREADING_LAYER)" if layer else "the default"
    yield Finding(area, "threading layer", f"{told}; kernels of otmaps use none")


# ------------------------------------------------------------------------------------------ stores
def stores() -> Iterator[Finding]:
    """The default store and the directories behind it."""
    from otmaps import TableStore
    from otmaps._stores import default_path, is_url, shared_paths

    named = os.environ.get("OTMAPS_STORE", "")
    if named and is_url(named):
        yield _object_store(named)
    else:
        origin = "OTMAPS_STORE" if named else "the user's cache"
        yield from _directory("store", TableStore(default_path()).path, origin, written=True)
    for path in shared_paths():
        yield from _directory("shared store", path, "read only", written=False)


def _object_store(url: str) -> Finding:
    from otmaps import TableStore

    try:
        shelf = TableStore(url)
    except (ImportError, ValueError) as error:
        return Finding("store", "place", f"{url}: {error}", "BAD", "pip install 'otmaps[cloud]'")
    return Finding("store", "place", f"{shelf!r}, which was not asked anything")


def _directory(area: str, path: Path, origin: str, *, written: bool) -> Iterator[Finding]:
    from otmaps import TableStore
    from otmaps.cli._terminal import byte_size

    remedy = "name another place by OTMAPS_STORE"
    if path.exists() and not path.is_dir():
        yield Finding(area, "place", f"{path} is no directory", "BAD", remedy)
        return
    if not path.is_dir():
        told = f"{path} ({origin}), made by the first table" if written else f"{path} is missing"
        place = Finding(area, "place", told, "good" if written else "doubtful",
                        "" if written else "correct OTMAPS_SHARED_STORE")  # fmt: skip
    else:
        place = Finding(area, "place", f"{path} ({origin})")
    yield _writable(place, path, remedy, "BAD") if written else place
    if not path.is_dir():
        return
    shelf = TableStore(path, read_only=True)
    entries, health = shelf.entries(), shelf.verify()
    size = byte_size(sum(entry.size for entry in entries))
    yield Finding(
        area, "tables", f"{health.good} good, {len(health.bad)} damaged, {size}",
        "doubtful" if health.bad else "good",
        f"see 'otmaps store verify {path}'; they are built again when asked for"
        if health.bad else "",
    )  # fmt: skip
    if written:
        free = shutil.disk_usage(path).free
        enough = free >= _LEAST_ROOM
        yield Finding(area, "room", f"{byte_size(free)} free", "good" if enough else "doubtful",
                      "" if enough else "see 'otmaps store prune --help'")  # fmt: skip


def _writable(finding: Finding, path: Path, remedy: str, otherwise: Verdict) -> Finding:
    """The finding, or that the directory, or the one it would be made in, cannot be written."""
    nearest = next(p for p in (path, *path.parents) if p.exists())
    try:
        with tempfile.NamedTemporaryFile(dir=nearest, prefix=".otmaps-"):
            return finding
    except OSError as error:
        reason = f"{finding.found}; {nearest} cannot be written: {error.strerror}"
        return dataclasses.replace(finding, found=reason, verdict=otherwise, remedy=remedy)


# ------------------------------------------------------------------------------ terminal and result
def terminal() -> Iterator[Finding]:
    """What the terminal shows."""
    from otmaps.cli._terminal import console

    out, encoding = console(), sys.stdout.encoding or "unknown"
    plots = "utf" in encoding.lower()
    yield Finding(
        "terminal", "plots", f"{encoding}, {out.width} columns", "good" if plots else "doubtful",
        "" if plots else "set PYTHONIOENCODING=utf-8: plots need it",
    )  # fmt: skip
    colours = out.color_system or "none"
    reason = " (NO_COLOR)" if os.environ.get("NO_COLOR") else ""
    yield Finding("terminal", "colours", f"{colours}{reason}")


def result() -> Iterator[Finding]:
    """A map with a closed form: the midpoint of uniform latents, T(y) = y (2 - |y|)."""
    import numpy as np

    import otmaps

    begun = time.perf_counter()
    matched = otmaps.match(otmaps.lerp(0.5), otmaps.Uniform(-1.0, 1.0), store=None)
    y = np.linspace(-1.0, 1.0, 1001)
    gap = float(np.max(np.abs(np.asarray(matched.map(y)) - y * (2.0 - np.abs(y)))))
    seconds = time.perf_counter() - begun
    good = gap <= matched.map.error + 1e-15
    yield Finding(
        "result", "a known map",
        f"off by {gap:.0e}, states {matched.map.error:.0e}, {seconds:.2f} s with compiling",
        "good" if good else "BAD",
        "" if good else "run 'pip install --force-reinstall otmaps numba', and report it",
    )  # fmt: skip


PROBES: tuple[Probe, ...] = (system, packages, compiled_code, stores, terminal, result)
