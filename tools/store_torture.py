"""Kill writers of a directory store at any moment, and look for a torn table.

    python tools/store_torture.py --kills 10000 --reads 1000000

Six processes build, publish, replace, remove and prune tables; one of them gets SIGKILL every 10 to
15 ms and is started again. Two readers check every table that they get, bit by bit. In the end the
store is verified, and what the dead left behind is swept. Prints one line of JSON; the exit code is
1 where a table was bad or an orphan stayed.
"""

from __future__ import annotations

import argparse
import json
import mmap
import os
import shutil
import signal
import struct
import sys
import tempfile
import time
import traceback
from collections.abc import Callable
from pathlib import Path

import numpy as np

from otmaps import StoreEntry, TableStore
from otmaps._format import pack, table_key, unpack

KEYS = 48
SIZES = (64, 512, 4096)  # numbers in a table
OLD = 4000.0  # seconds: older than any publication


class Counters:
    """Whole numbers in memory that forked processes share; each has one writer."""

    def __init__(self, names: list[str]) -> None:
        self.names = names
        self.memory = mmap.mmap(-1, 8 * len(names))

    def add(self, name: str, slot: int = 0) -> None:
        at = 8 * (self.names.index(name) + slot)
        (value,) = struct.unpack_from("q", self.memory, at)
        struct.pack_into("q", self.memory, at, value + 1)

    def total(self, name: str) -> int:
        values = struct.unpack(f"{len(self.names)}q", self.memory)
        return sum(v for n, v in zip(self.names, values, strict=True) if n == name)


def make_tables() -> list[tuple[str, bytes]]:
    """Whole tables of several sizes, and their keys."""
    tables = []
    for i in range(KEYS):
        recipe = {"number": i}
        data = pack({"x": np.arange(float(SIZES[i % len(SIZES)])) + i}, recipe, {})
        tables.append((table_key(recipe), data))
    return tables


def write(path: Path, tables: list[tuple[str, bytes]], *, flush: bool) -> None:
    """Change the store for ever."""
    if not flush:
        # SIGKILL loses no page cache; without the wait for the disk it meets the other steps.
        os.fsync = lambda _descriptor: None
    store = TableStore(path, build_timeout=1.0)
    chance = np.random.default_rng(os.getpid())
    while True:
        key, data = tables[chance.integers(len(tables))]
        action = chance.random()
        if action < 0.6:
            with store.building(key):
                if store.get(key) is None:
                    store.put(key, data)
        elif action < 0.9:
            store.put(key, data)
        elif action < 0.99:
            store.remove(key)
        else:
            store.prune(max_bytes=KEYS * 8 * SIZES[-1] // 4)


def read(path: Path, tables: list[tuple[str, bytes]], counters: Counters, slot: int) -> None:
    """Read for ever, and count what was found, missing or bad."""
    store = TableStore(path)
    chance = np.random.default_rng(os.getpid())
    while True:
        key, data = tables[chance.integers(len(tables))]
        try:
            found = store.get(key)
            if found is not None:
                unpack(found, key)
                if found != data:
                    raise ValueError("other bytes")  # noqa: TRY301 - counted below
                counters.add("hits", slot)
        except Exception:  # noqa: BLE001 - whatever it is, it is a bad read
            traceback.print_exc()
            counters.add("bad reads", slot)
        counters.add("reads", slot)


def start(work: Callable[[], None]) -> int:
    """The number of a new process that does this work until it is killed."""
    pid = os.fork()
    if pid == 0:
        try:
            work()
        finally:
            os._exit(1)
    return pid


def stop(pid: int) -> bool:
    """Kill a process; False where it had ended by itself, which none should."""
    os.kill(pid, signal.SIGKILL)
    return os.WIFSIGNALED(os.waitpid(pid, 0)[1])


def torture(path: Path, kills: int, reads: int, writers: int, readers: int) -> dict[str, object]:
    """Kill and read so many times at least."""
    tables = make_tables()
    names = [name for name in ("reads", "hits", "bad reads") for _ in range(readers)]
    counters = Counters(names)
    flush = [i % 2 == 0 for i in range(writers)]

    def writer(i: int) -> int:
        return start(lambda: write(path, tables, flush=flush[i]))

    writing = [writer(i) for i in range(writers)]
    reading = [start(lambda i=i: read(path, tables, counters, i)) for i in range(readers)]
    chance = np.random.default_rng()
    begin, killed, crashed = time.monotonic(), 0, 0
    while killed < kills or counters.total("reads") < reads:
        time.sleep(chance.uniform(0.010, 0.015))
        i = int(chance.integers(writers))
        crashed += not stop(writing[i])
        writing[i] = writer(i)
        killed += 1
    seconds = time.monotonic() - begin
    crashed += sum(not stop(pid) for pid in writing + reading)
    return {
        "kills": killed,
        "reads": counters.total("reads"),
        "hits": counters.total("hits"),
        "bad reads": counters.total("bad reads"),
        "crashed": crashed,
        "seconds": round(seconds, 1),
        **aftermath(path, dict(tables)),
    }


def aftermath(path: Path, tables: dict[str, bytes]) -> dict[str, object]:
    """What the dead have left, and whether it goes away."""
    store = TableStore(path)
    report = store.verify()
    entries: list[StoreEntry] = store.entries()
    wrong = [e.key for e in entries if store.get(e.key) != tables.get(e.key)]
    left = [p for p in path.rglob("*") if p.suffix in (".tmp", ".lock")]
    for orphan in left:
        os.utime(orphan, (time.time() - OLD,) * 2)
    store.prune()
    stayed = [p for p in path.rglob("*") if p.suffix in (".tmp", ".lock")]
    for key, data in tables.items():  # and it still serves
        with store.building(key):
            store.put(key, data)
    serves = len(store.entries()) == len(tables) and bool(store.verify())
    return {
        "good files": report.good,
        "bad files": len(report.bad) + len(wrong),
        "orphans": len(left),
        "orphans after the sweep": len(stayed),
        "serves": serves,
    }


def main() -> int:
    """Run it in a directory of its own."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kills", type=int, default=10_000)
    parser.add_argument("--reads", type=int, default=1_000_000)
    parser.add_argument("--writers", type=int, default=6)
    parser.add_argument("--readers", type=int, default=2)
    arguments = parser.parse_args()
    folder = Path(tempfile.mkdtemp(prefix="otmaps-torture-"))
    try:
        found = torture(
            folder / "tables",
            arguments.kills,
            arguments.reads,
            arguments.writers,
            arguments.readers,
        )
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    sys.stdout.write(json.dumps(found) + "\n")
    bad = ("bad reads", "crashed", "bad files", "orphans after the sweep")
    return 0 if found["serves"] and not any(found[name] for name in bad) else 1


if __name__ == "__main__":
    sys.exit(main())
