"""How often `otmaps.diagnose` raises a false alarm: a table from many seeded data sets.

    python -m benchmarks.alarms --runs 400 normal uniform

Every run diagnoses draws of the prior itself. Allowed are as many alarms as a binomial law with
the stated level exceeds once in a thousand times; of single rows the largest count is shown.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np

import otmaps

from .honesty import LUCK, most_failures
from .sizes import ALARM_RUNS

LEVELS = (0.05, 1e-3)
ROW_LEVEL = 0.01
ROWS = 20  # of a report, at most: the largest count of so many is shown


class Case(NamedTuple):
    """A prior, and the shape of the latents drawn from it."""

    prior: Any
    shape: tuple[int, ...]
    single: bool = False


class Ball(NamedTuple):
    """The uniform law on a unit ball: an isotropic prior."""

    dim: int

    @property
    def norm(self) -> otmaps.Distribution:
        """A power of a uniform variable."""
        return otmaps.Beta(float(self.dim), 1.0)

    def rvs(self, size: tuple[int, ...], random_state: Any = None) -> Any:
        """A direction times a norm."""
        rng = np.random.default_rng(random_state)
        z = rng.standard_normal((*size, self.dim))
        return z / np.linalg.norm(z, axis=-1, keepdims=True) * self.norm.rvs((*size, 1), rng)


def _sample() -> otmaps.Distribution:
    return otmaps.Empirical(np.random.default_rng(7).normal(size=2000))


CASES: dict[str, Callable[[], Case]] = {
    "normal": lambda: Case(otmaps.Normal(), (200, 32)),
    "normal, many latents": lambda: Case(otmaps.Normal(), (2000, 8)),
    "normal, few latents": lambda: Case(otmaps.Normal(), (6, 512)),
    "normal, one latent": lambda: Case(otmaps.Normal(), (1, 512)),
    "normal, noise images": lambda: Case(otmaps.Normal(), (16, 4, 16, 16)),
    "normal, float32": lambda: Case(otmaps.Normal(), (200, 32), single=True),
    "uniform": lambda: Case(otmaps.Uniform(), (100, 16)),
    "Cauchy": lambda: Case(otmaps.Cauchy(), (100, 16)),
    "exponential": lambda: Case(otmaps.Exponential(), (50, 100)),
    "coins": lambda: Case(otmaps.Discrete((0.0, 1.0), (0.7, 0.3)), (100, 32)),
    "a sample": lambda: Case(_sample(), (200, 16)),
    "ball": lambda: Case(Ball(16), (200,)),
}


class Alarms(NamedTuple):
    """What many reports on draws of a prior have shown."""

    false: dict[float, int]
    """Reports that contradict the prior, at each level."""
    rows: dict[str, int]
    """P-values at or below `ROW_LEVEL`, of each row."""


def count_alarms(case: Case, runs: int, first: int = 0) -> Alarms:
    """Diagnose draws of seeds ``first`` to ``first + runs``."""
    false = dict.fromkeys(LEVELS, 0)
    rows: dict[str, int] = {}
    for seed in range(first, first + runs):
        z = case.prior.rvs(case.shape, np.random.default_rng(seed))
        z = z.astype(np.float32) if case.single else z
        report = otmaps.diagnose(z, case.prior, seed=seed)
        for row in report.rows:
            rows[row.name] = rows.get(row.name, 0) + int(row.p_value <= ROW_LEVEL)
        least = min(row.adjusted for row in report.rows if not row.skipped)
        for level in LEVELS:
            false[level] += int(least <= level)
    return Alarms(false, rows)


def _say(line: str) -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


def print_table(names: Sequence[str], runs: int) -> bool:
    """Print a row for each case; whether no count is above what is allowed."""
    allowed = {level: most_failures(runs, level) for level in LEVELS}
    allowed[ROW_LEVEL] = most_failures(runs, ROW_LEVEL, LUCK / ROWS)
    heads = [f"alarms at {level:g} (allowed {allowed[level]})" for level in LEVELS]
    heads += [f"most p-values of a row below {ROW_LEVEL:g} (allowed {allowed[ROW_LEVEL]})"]
    _say(f"| prior | latents | runs | {' | '.join(heads)} |")
    _say("| --- | --- | ---: | ---: | ---: | ---: |")
    good = True
    for name in names:
        case = CASES[name]()
        found = count_alarms(case, runs)
        row, most = max(found.rows.items(), key=lambda item: item[1])
        shape = " x ".join(map(str, case.shape))
        counts = " | ".join(str(found.false[level]) for level in LEVELS)
        _say(f"| {name} | {shape} | {runs} | {counts} | {most} ({row}) |")
        good &= all(found.false[level] <= allowed[level] for level in LEVELS)
        good &= most <= allowed[ROW_LEVEL]
    return good


def main(arguments: Sequence[str] | None = None) -> None:
    """Print the table of the cases that are named, or of all."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("names", nargs="*", metavar="CASE", help=", ".join(CASES))
    parser.add_argument("--runs", type=int, default=ALARM_RUNS)
    options = parser.parse_args(arguments)
    unknown = [name for name in options.names if name not in CASES]
    if unknown:
        parser.error(f"no case {unknown[0]!r}; there are {', '.join(CASES)}")
    if not print_table(options.names or list(CASES), options.runs):
        raise SystemExit("more alarms than allowed")


if __name__ == "__main__":
    main()
