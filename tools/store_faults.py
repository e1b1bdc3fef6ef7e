"""Let system calls fail while a table is looked up, locked, built and published, by strace.

    apt-get install strace
    python tools/store_faults.py

For each system call, the first to the fourth time it is made, and each of four errors: a process of
its own fetches a table, and must get its map; afterwards the store must be whole and serve others.
`tests/test_store_faults.py` does the same to Python's functions, where strace is not at hand.
Prints one line of JSON; the exit code is 1 where a caller was let down.
"""

from __future__ import annotations

import collections
import json
import os
import shutil
import subprocess
import sys
import tempfile
import warnings
from pathlib import Path

import otmaps
from otmaps._table import fetch_map, map_recipe

CALLS = ("openat", "mkdir", "write", "read", "fsync", "rename", "close", "unlink", "flock", "fstat")
ERRORS = ("ENOSPC", "EACCES", "EIO", "EINTR")
TIMES = 4
RECIPE = map_recipe(otmaps.lerp(0.25), (otmaps.Laplace(),) * 2, otmaps.Laplace()) or {}


def build() -> otmaps.MonotoneMap:
    """A map that costs nothing."""
    return otmaps.monotone_map(otmaps.Normal(), otmaps.Normal(1.0, 2.0))


def fetched(path: Path) -> bool:
    """Whether a caller gets its map, whatever it is warned of."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", otmaps.StoreWarning)
        return (
            float(fetch_map(otmaps.TableStore(path, build_timeout=0.2), RECIPE, build)(3.0)) == 7.0
        )


def child(path: Path, go: int) -> int:
    """A process that fetches the table when it is told to; its number."""
    pid = os.fork()
    if pid == 0:
        os.read(go, 1)
        try:
            os._exit(0 if fetched(path) else 2)
        except BaseException:  # noqa: BLE001 - whatever it is, the caller was let down
            os._exit(3)
    return pid


def failing(path: Path, call: str, error: str, time: int) -> tuple[int, bool]:
    """The exit code of a caller to whom one call fails, and whether it came to that."""
    go, tell = os.pipe()
    pid = child(path, go)
    log = path.with_suffix(".log")
    traced = subprocess.Popen(  # noqa: S603 - our own arguments
        ["strace", "-p", str(pid), "-o", str(log), "-e", f"trace={call}", "-e",  # noqa: S607 - as installed
         f"inject={call}:error={error}:when={time}"],
        stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    traced.stderr.readline()  # "strace: Process ... attached"
    os.write(tell, b"x")
    code = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
    traced.communicate()
    os.close(go)
    os.close(tell)
    return code, "(INJECTED)" in log.read_text()


def main() -> int:
    """Try them all."""
    folder = Path(tempfile.mkdtemp(prefix="otmaps-faults-"))
    counted: collections.Counter[str] = collections.Counter()
    let_down = []
    fetched(folder / "warm")  # imports and compiled code, so that the calls are those of the store
    try:
        for call in CALLS:
            for error in ERRORS:
                for time in range(1, TIMES + 1):
                    path = folder / f"{call}-{error}-{time}"
                    code, met = failing(path, call, error, time)
                    counted["failed calls" if met else "not made so often"] += 1
                    good = code == 0 and bool(otmaps.TableStore(path).verify())
                    if not (good and fetched(path) and otmaps.TableStore(path).verify().good == 1):
                        let_down.append(f"{path.name}: exit code {code}")
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    sys.stdout.write(json.dumps({**counted, "let down": let_down}) + "\n")
    return 1 if let_down else 0


if __name__ == "__main__":
    sys.exit(main())
