"""Writes docs/performance.md and its figures: ``python -m benchmarks.performance_page``.

Needs the extra bench. Names of sections print these alone and write nothing.
``--docs FOLDER`` writes elsewhere. The whole page takes a few minutes.
"""

from __future__ import annotations

import argparse
import os
import platform
import sys
import time
import warnings
from collections.abc import Sequence
from pathlib import Path

import otmaps

from . import costs, speed
from .accuracy_page import filled
from .machine import Load, processor, versions
from .report import REPEATS, Section
from .sizes import VALUES

ROOT = Path(__file__).parents[1]

SECTIONS: dict[str, Section] = {**speed.SECTIONS, **costs.SECTIONS}
"""In the order of the page; a module with sections of its own is added here."""

INTRODUCTION = """\
# How fast and how exact

Written whole by `python -m benchmarks.performance_page`, with {versions}; {cores} cores of
{processor}, {machine}.

{load}

- **Ratios** are the columns headed "x", "copies" or "x as fast", and the figures in copies:
  both times were measured side by side in one process, every candidate once, then all again,
  and the least of {repeats} or fewer rounds of each was taken. They carry over to other
  machines, and to a busy one, better than times do.
- ns, microseconds and ms are times of this machine under the load above: those of the one
  thread that works, which other work lengthens by what it takes from caches and memory, not by
  waiting. Where the clock was used, the table says so.
- Arrays have {values} values, more than any cache holds, in random order.

`python -m benchmarks.performance_page SECTION` prints one section again ({names}). The same
classes are the asv suite: `make bench` runs all of it once, roughly, and `make bench
ARGS="--bench Lookup"` times a selection well. Nothing is timed that is not right: one table of
candidates (`benchmarks/peers.py`) feeds the benchmarks and the tests, and each candidate has to
agree with the exact map within its tolerance.
"""


def introduction(load: Sequence[str]) -> str:
    """What the page is, and what it was measured on."""
    text = INTRODUCTION.format(
        versions=", ".join(versions()),
        cores=os.cpu_count(),
        processor=processor(),
        machine=f"{platform.system()} on {platform.machine()}",
        load=" ".join(load),
        repeats=REPEATS,
        values=f"{VALUES:,}",
        names=", ".join(SECTIONS),
    )
    return filled(text)


def written(name: str, section: Section, images: Path) -> str:
    """One section with its figure."""
    start = time.perf_counter()
    measured = section.measure()
    parts = [f"## {section.title}\n", filled(section.text)]
    if measured.draw is not None:
        picture = images / f"performance-{name}.png"
        measured.draw(picture)
        parts.append(f"![{section.caption}](images/{picture.name})\n")
    parts.append("\n".join(measured.lines))
    sys.stdout.write(f"{name}: {time.perf_counter() - start:.0f} s\n")
    sys.stdout.flush()
    return "\n".join(parts)


def main(arguments: Sequence[str] | None = None) -> None:
    """Write the page, or print sections."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.performance_page", description=__doc__
    )
    parser.add_argument("sections", nargs="*", metavar="SECTION", help="print these alone")
    parser.add_argument("--docs", type=Path, default=ROOT / "docs", metavar="FOLDER")
    options = parser.parse_args(arguments)
    for name in options.sections:
        if name not in SECTIONS:
            parser.error(f"no section {name!r}; there are {', '.join(SECTIONS)}.")
    warnings.simplefilter("ignore", otmaps.AccuracyWarning)  # the page says what is reached
    for name in options.sections:
        sys.stdout.write("\n".join(SECTIONS[name].measure().lines) + "\n")
        sys.stdout.flush()
    if not options.sections:
        _write(options.docs)


def _write(docs: Path) -> None:
    images = docs / "images"
    images.mkdir(parents=True, exist_ok=True)
    load = Load(VALUES)
    parts = [written(name, section, images) for name, section in SECTIONS.items()]
    text = "\n".join([introduction(load.described()), *parts])
    (docs / "performance.md").write_text(text.rstrip() + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
