"""Damage table files at random, and look for one that is believed and should not be.

    python tools/corrupt_tables.py 100000

Half of the files keep the digest they had: those must be refused, whatever was done to them. The
others are signed again, as somebody with bad intent would: what is not refused must be a map that
never falls and stays in its limits. Prints one line of JSON; the exit code is 1 where a file was
believed that is neither, or something else than a `TableError` was raised.
"""

from __future__ import annotations

import argparse
import collections
import json
import resource
import sys
import traceback
from collections.abc import Callable

import numpy as np

import otmaps
from otmaps import _format
from otmaps._errors import TableError
from otmaps._table import from_bytes, map_recipe, to_bytes

Damage = Callable[[bytearray, np.random.Generator], None]

NUMBERS = [0.0, -0.0, 1.0, -1.0, np.inf, -np.inf, np.nan, 5e-324, 1e308, -1e308, 2.0**53, 1e-300]
TEXTS = [
    "null", "true", "[]", "{}", "-1", "1e999", "NaN", "18446744073709551616", '""', '"F64"',
    "[0]", "[1,8]", "[9223372036854775807]", "[0,0]", '"../../etc"', '{"a":1,"a":2}',
]  # fmt: skip


def start_of(data: bytearray) -> int:
    """Where the arrays begin."""
    return 8 + int.from_bytes(data[:8], "little")


def place(data: bytearray, rng: np.random.Generator) -> int:
    """A place in the file: every second time in its header."""
    return int(rng.integers(0, len(data) if rng.integers(2) else min(start_of(data), len(data))))


def flip(data: bytearray, rng: np.random.Generator) -> None:
    """Flip one to three bits."""
    for _ in range(int(rng.integers(1, 4))):
        data[place(data, rng)] ^= 1 << int(rng.integers(8))


def cut(data: bytearray, rng: np.random.Generator) -> None:
    """Take the end away."""
    del data[place(data, rng) :]


def leave_out(data: bytearray, rng: np.random.Generator) -> None:
    """Take a part away."""
    at = place(data, rng)
    del data[at : at + int(rng.integers(1, 200))]


def extend(data: bytearray, rng: np.random.Generator) -> None:
    """Put bytes in."""
    at = place(data, rng)
    data[at:at] = rng.bytes(int(rng.integers(1, 100)))


def zero(data: bytearray, rng: np.random.Generator) -> None:
    """Zero a run, as a lost block does."""
    at, n = place(data, rng), int(2.0 ** rng.uniform(0, 12))
    data[at : at + n] = bytes(len(data[at : at + n]))


def exchange(data: bytearray, rng: np.random.Generator) -> None:
    """Exchange two runs of equal length."""
    i, j, n = place(data, rng), place(data, rng), int(rng.integers(1, 64))
    a, b = bytes(data[i : i + n]), bytes(data[j : j + n])
    data[i : i + len(b)] = b
    data[j : j + len(a)] = a


def edit_number(data: bytearray, rng: np.random.Generator) -> None:
    """Write another double into the arrays: a special one, or one near by."""
    start = start_of(data)
    count = (len(data) - start) // 8
    at = start + 8 * int(rng.integers(count)) if count else start
    old = np.frombuffer(bytes(data[at : at + 8]), "<f8") if count else np.zeros(1)
    near = old * (1.0 + 10.0 ** rng.uniform(-16, 1) * rng.normal())
    new = near if rng.integers(2) else np.array([NUMBERS[rng.integers(len(NUMBERS))]])
    data[at : at + 8] = new.astype("<f8").tobytes()


def edit_header(data: bytearray, rng: np.random.Generator) -> None:
    """Write other JSON in the place of a value of the header."""
    start = start_of(data)
    header = bytes(data[8:start])
    ends = [i for i, c in enumerate(header) if c in b":,]}"]
    i = int(rng.integers(len(ends) - 1))
    text = TEXTS[rng.integers(len(TEXTS))].encode()
    if rng.integers(2):  # within the text of the document
        text = text.replace(b'"', b'\\"')
    new = header[: ends[i] + 1] + text + header[ends[i + 1] :]
    data[:start] = len(new).to_bytes(8, "little") + new


DAMAGES: tuple[Damage, ...] = (
    flip, cut, leave_out, extend, zero, exchange, edit_number, edit_header,
)  # fmt: skip


def originals() -> list[bytes]:
    """Files of several kinds of map."""
    files = []
    normal, laplace = otmaps.Normal(), otmaps.Laplace()
    pairs = [
        (normal, normal, 1e-9), (normal, otmaps.Normal(1.0, 2.0), 1e-9),
        (otmaps.Logistic(), normal, 1e-6), (otmaps.Uniform(), normal, 1e-5),
        (laplace, normal, 1e-9), (otmaps.Arcsine(), otmaps.Uniform(), 1e-5),
    ]  # fmt: skip
    recipe = map_recipe(otmaps.lerp(0.25), (laplace, laplace), laplace) or {}
    for source, target, tol in pairs:
        files.append(to_bytes(otmaps.monotone_map(source, target, tol=tol), recipe))
    return files


def signed(data: bytearray) -> bytes:
    """The file with the digest that it should have."""
    if len(data) >= _format._DIGEST.stop:
        data[_format._DIGEST] = _format._digest(data)
    return bytes(data)


def harm(data: bytes) -> str:
    """What is wrong with a map that was believed; nothing where it is harmless."""
    T, _ = from_bytes(data)
    edges = T.table.records[:, 0] if T.table is not None else np.zeros(1)
    far = np.array([0.0, 1e-300, 1e300, -1e300, np.inf, -np.inf])
    y = np.sort(np.concatenate([edges, np.nextafter(edges, np.inf), far, np.linspace(-9, 9, 301)]))
    with np.errstate(all="ignore"):
        z, back = T(y), T.inverse(T(y))
    if np.isnan(z).any() or np.isnan(back).any():
        return "NaN"
    inner = (y >= edges[0]) & (y <= edges[-1]) if T.table is not None else np.isfinite(y)
    steps = np.diff(z[inner])
    # Where polynomials and cells take turns they agree to 1e-11, and no better is promised.
    if np.any(steps < -1e-10 * (1.0 + np.abs(z[inner][1:]))):
        return "it falls"
    return ""


def damage(originals: list[bytes], rng: np.random.Generator) -> tuple[str, bytes, bool]:
    """A damaged file: what was done to it, and whether it is signed again."""
    data = bytearray(originals[rng.integers(len(originals))])
    kind = DAMAGES[rng.integers(len(DAMAGES))]
    kind(data, rng)
    sign = bool(rng.integers(2))
    return kind.__name__, signed(data) if sign else bytes(data), sign


def judged(count: int, seed: int) -> tuple[collections.Counter[str], list[str]]:
    """How many were refused, and what was believed and should not have been."""
    rng, files = np.random.default_rng(seed), originals()
    known = set(files)
    tally: collections.Counter[str] = collections.Counter()
    faults: list[str] = []
    for i in range(count):
        kind, data, sign = damage(files, rng)
        try:
            from_bytes(data)
        except TableError:
            tally["refused, signed" if sign else "refused"] += 1
            continue
        except BaseException:  # noqa: BLE001 - whatever it is, it is a fault
            faults.append(f"{i} {kind}: {traceback.format_exc(limit=-3)}")
            continue
        if data in known:
            tally["not changed"] += 1
        elif not sign:
            faults.append(f"{i} {kind}: believed")
        elif reason := harm(data):
            faults.append(f"{i} {kind}: {reason}")
        else:
            tally["harmless, signed"] += 1
    return tally, faults


def main() -> int:
    """Damage so many files."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("count", type=int, nargs="?", default=100_000)
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    tally, faults = judged(arguments.count, arguments.seed)
    grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
    found = {**tally, "faults": len(faults), "memory grew by MiB": grown // 1024}
    sys.stdout.write(json.dumps(found) + "\n")
    sys.stderr.writelines(f"{fault}\n" for fault in faults[:20])
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
