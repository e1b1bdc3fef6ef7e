"""Write tests/data/operations.json: laws of operations of latents, certified to 25 digits.

The file is {"cases": [{"name", "function", "inputs", "how", "tags", "kinks", "atoms", "points"},
...]}. ``function`` is a name in tests/operation_functions.py and an input is [law, parameters], as
in linear.json: every number is the double that it is, exactly. ``how`` says where the truth is
from. ``kinks`` are doubles next to where the density is not smooth (not listed where they are
hundreds), ``atoms`` are [location, log of the mass]. Points are {"x", "logcdf", "logsf", "grid"}:
x is a double in hexadecimal, logs have 25 digits, and grid is the mass, atoms apart, within two
units in the last place of x. An atom counts in the cdf at its location.

Nothing of otmaps is used. All is computed in balls, the precision raised until the ball says 30
digits, by closed forms or by certified integrals over one input (operation_truths).

Run it by hand when a case is added: python tools/make_operation_truths.py [part of a name ...]
With names it computes these cases again; others are computed only if the file lacks them. With
--check before the names it holds the cases of the file against a second formula, where there is
one, and against a million draws by NumPy.
"""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path
from typing import Any

from operation_truths.case import Case
from operation_truths.cases import CASES
from operation_truths.checks import check
from operation_truths.points import chosen, number, row

PATH = Path(__file__).parents[1] / "tests" / "data" / "operations.json"
SECOND = "; checked by a second formula"


def computed(case: Case) -> dict[str, Any]:
    """The entry of the file for a case."""
    return {
        "name": case.name,
        "function": case.function,
        "inputs": [list(spec) for spec in case.inputs],
        "how": case.how + (SECOND if case.second else ""),
        "tags": list(case.tags),
        "kinks": [float(k).hex() for k in case.law.kinks],
        "atoms": [[at.hex(), number(mass().log())] for at, mass in case.atoms],
        "points": [row(case, x) for x in chosen(case)],
    }


def text(case: dict[str, Any]) -> str:
    """A case in JSON, one point a line."""

    def compact(value: Any) -> str:
        return json.dumps(value, separators=(",", ":"))

    head = ",".join(f"{compact(k)}:{compact(v)}" for k, v in case.items() if k != "points")
    rows = ",\n".join(compact(point) for point in case["points"])
    return f'{{{head},\n"points":[\n{rows}\n]}}'


def say(line: str) -> None:
    """A line at once."""
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


def check_all(done: dict[str, Any], wanted: list[str]) -> None:
    """Hold the file against other sources."""
    for case in CASES:
        if case.name in done and (not wanted or any(w in case.name for w in wanted)):
            try:
                say(f"{case.name}: {check(case, done[case.name])}")
            except ArithmeticError as error:
                say(f"{case.name}: WRONG, {error}")


def main() -> None:
    """Compute the cases and write the file."""
    wanted = sys.argv[1:]
    old = json.loads(PATH.read_text())["cases"] if PATH.exists() else []
    done = {case["name"]: case for case in old}
    if wanted[:1] == ["--check"]:
        check_all(done, wanted[1:])
        return
    for case in CASES:
        if case.name in done and (not wanted or not any(w in case.name for w in wanted)):
            continue
        start = time.perf_counter()
        try:
            done[case.name] = computed(case)
        except ArithmeticError as error:
            say(f"{case.name}: {error}")
            continue
        points = done[case.name]["points"]
        say(f"{case.name}: {len(points)} points, {time.perf_counter() - start:.1f} s")
        kept = [text(done[c.name]) for c in CASES if c.name in done]
        PATH.write_text('{"cases":[\n' + ",\n".join(kept) + "\n]}\n")


if __name__ == "__main__":
    main()
