"""The table of docs/operations.md: ``python -m benchmarks.operations_table [part of a name ...]``.

Every operation with a known law (tests/data/operations.json) goes through the automatic choice.
With names it prints their rows and leaves the page alone.
"""

from __future__ import annotations

import dataclasses
import sys
import time
import warnings
from pathlib import Path
from typing import TYPE_CHECKING, Any, final

import numpy as np

import otmaps

ROOT = Path(__file__).parents[1]
sys.path.append(str(ROOT / "tests"))
from operation_cases import operation_cases  # noqa: E402 - the table of the tests, by its path

if TYPE_CHECKING:
    from operation_cases import OperationCase

PAGE = ROOT / "docs" / "operations.md"
AROUND = (1e-12, 1e-11)  # tails between these count as those at 1e-12
HEAD = ("operation", "inputs", "method", "seconds", "cdf error", "stated", "tail error")
TEXT = """# Operations with known laws: what is asked, what is measured

The law of each of these operations is known, in closed form or as one integral that is certified
to 25 digits (`tools/make_operation_truths.py` writes them to `tests/data/operations.json`; nothing
of otmaps takes part, and a million draws by NumPy agree with each). Here the automatic choice,
`otmaps.pushforward(operation, prior, inputs=...)` with the default `tol=1e-12`, computes them.

Asked is an error in the cdf of at most 1e-9 for one and two inputs and of at most 1e-6 for three
to eight, never above the stated error, in at most 2 s; and for the deterministic ways a relative
error of at most 1e-6 in tails of 1e-12. `tests/test_operations_known.py` holds all but the time.

- *seconds* are those of the law and its first value, in a process that has compiled its kernels;
- *cdf error* is the largest error of cdf and sf at the points of the table, *stated* is
  `law.error`;
- *tail error* is the largest error relative to the smaller one of cdf and sf where that is between
  1e-12 and 1e-11; a dash where the law has no such tail.

Both errors leave out what the float grid of the points does: the mass within two units in the
last place. {summary}

`python -m benchmarks.operations_table` writes this page.
"""


@final
@dataclasses.dataclass(frozen=True)
class Row:
    """What was measured of a case; errors are NaN where there is no law."""

    case: OperationCase
    method: str
    seconds: float
    error: float
    stated: float
    tail: float

    @property
    def target(self) -> float:
        return 1e-9 if len(self.case.inputs) <= 2 else 1e-6

    @property
    def is_reached(self) -> bool:
        return self.error <= self.target and self.error <= self.stated + 2.3e-16

    def cells(self) -> tuple[str, ...]:
        figures = [f"{v:.1e}" for v in (self.error, self.stated)]
        tail = "-" if np.isnan(self.tail) else f"{self.tail:.1e}"
        return (
            self.case.name,
            laws_of(self.case),
            self.method,
            f"{self.seconds:.3f}",
            *figures,
            tail,
        )


def law_text(name: str, params: dict[str, Any]) -> str:
    """A law with its parameters in order, a mixture as the sum of its parts."""
    if name == "Mixture":
        parts = zip(params["weights"], params["laws"], strict=True)
        return " + ".join(f"{weight:g} {law_text(*law)}" for weight, law in parts)
    return f"{name}({', '.join(f'{v:g}' for v in params.values())})"


def laws_of(case: OperationCase) -> str:
    """The laws of the inputs: equal ones once, with their number."""
    texts = [law_text(*spec) for spec in case.inputs]
    return ", ".join(
        f"{texts.count(t)} x {t}" if texts.count(t) > 1 else t for t in dict.fromkeys(texts)
    )


def measured(case: OperationCase) -> Row:
    """The law of a case by the automatic choice, against the table."""
    points, start = case.points, time.perf_counter()
    try:
        law = case.pushforward()
        law.cdf(float(points.x[0]))
    except (ValueError, ArithmeticError, otmaps.UnservedError, otmaps.AccuracyError) as error:
        nothing = [float("nan")] * 3
        return Row(case, f"none: {error}"[:60], time.perf_counter() - start, *nothing)
    seconds = time.perf_counter() - start
    lower, upper = np.asarray(law.cdf(points.x)), np.asarray(law.sf(points.x))
    gaps = np.maximum(np.abs(lower - points.cdf), np.abs(upper - points.sf)) - points.grid
    tails = np.abs(np.where(points.is_lower, lower, upper) - points.tail) - points.grid
    at = (points.tail >= AROUND[0]) & (points.tail <= AROUND[1])
    tail = float(np.max(np.maximum(tails[at], 0.0) / points.tail[at])) if at.any() else float("nan")
    method = law.method.partition(" (")[0]
    return Row(case, method, seconds, float(max(gaps.max(), 0.0)), float(law.error), tail)


def line(cells: tuple[str, ...]) -> str:
    return "| " + " | ".join(cells) + " |"


def summary(rows: list[Row]) -> str:
    """How many reach what is asked."""
    said = []
    for what, few in (("one and two inputs", True), ("three to eight inputs", False)):
        some = [r for r in rows if (len(r.case.inputs) <= 2) == few]
        reached = sum(r.is_reached for r in some)
        said.append(f"{reached} of {len(some)} with {what}")
    slow = sum(r.seconds > 2.0 for r in rows)
    return (
        f"What is asked of the cdf is reached by {' and '.join(said)}; {slow} take more than 2 s."
    )


def page(rows: list[Row]) -> str:
    """The whole page: a table for each number of inputs."""
    out = [TEXT.format(summary=summary(rows))]
    for n in sorted({len(row.case.inputs) for row in rows}):
        some = [row for row in rows if len(row.case.inputs) == n]
        rule = tuple("---:" if h in HEAD[3:] else "---" for h in HEAD)
        table = [line(HEAD), line(rule), *(line(row.cells()) for row in some)]
        out.append(f"\n## {n} input{'s' if n > 1 else ''}\n\n" + "\n".join(table) + "\n")
    return "".join(out)


def main(wanted: list[str]) -> None:
    warnings.simplefilter("ignore", otmaps.AccuracyWarning)  # the table says what is reached
    cases = sorted(operation_cases().values(), key=lambda case: len(case.inputs))
    chosen = [c for c in cases if not wanted or any(w in c.name for w in wanted)]
    for case in {len(case.inputs): case for case in reversed(chosen)}.values():
        measured(case)  # compiles what is not in the disk cache of numba yet
    sys.stdout.write(line(HEAD) + "\n")
    rows = []
    for case in chosen:
        rows.append(measured(case))
        mark = "" if rows[-1].is_reached else "  <-- not reached"
        sys.stdout.write(line(rows[-1].cells()) + mark + "\n")
        sys.stdout.flush()
    sys.stdout.write(summary(rows) + "\n")
    if not wanted:
        PAGE.write_text(page(rows))


if __name__ == "__main__":
    main(sys.argv[1:])
