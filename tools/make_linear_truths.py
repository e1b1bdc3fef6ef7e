"""Write tests/data/linear.json: laws of a_1 Z_1 + ... + a_n Z_n, certified to 25 digits.

The file is {"cases": [{"name", "terms", "points", "deep"}, ...]}. A term is [law, parameters,
weight] or [law, parameters, weight, count] for ``count`` independent copies; a list in the place of
the weight stands for one term for each. Laws and parameters are those of otmaps, absent ones have
their defaults; in the parameters of Mixture, ``laws`` are [law, parameters] pairs. Weights of
Mixture and probabilities of Discrete are divided by their exact sum; every other number is meant as
the double that it is, exactly. Points are {"x", "logcdf", "logsf", "logpdf"}: x is a double in
hexadecimal, the rest has 25 digits. "deep" are points beyond tails of 1e-300, for logs only.

Nothing of otmaps is used. Each case names its method, and the methods are the modules of
linear_truths; all compute in balls and raise the precision until the ball says 30 digits.

Run it by hand when a case is added: python tools/make_linear_truths.py [part of a name ...]
With names it computes these cases again; others are computed only if the file lacks them. With
--check before the names it computes a sample of each case again, in more bits and by a second
method where there is one, and compares with the file.
"""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path
from typing import Any

from linear_truths.balls import remembered
from linear_truths.cases import CASES, Case
from linear_truths.checks import check
from linear_truths.methods import METHODS
from linear_truths.points import DEEPEST, chosen, numbers
from linear_truths.terms import expand

PATH = Path(__file__).parents[1] / "tests" / "data" / "linear.json"


def computed(case: Case) -> dict[str, Any]:
    """The entry of the file for a case."""
    law = remembered(METHODS[case.method](expand(case.terms)))
    rows = [numbers(law, x, is_upper) for x, is_upper in chosen(law, case.deep)]
    is_deep = [min(float(row["logcdf"]), float(row["logsf"])) < -1.05 * DEEPEST for row in rows]
    return {
        "name": case.name,
        "terms": case.terms,
        "points": [row for row, far in zip(rows, is_deep, strict=True) if not far],
        "deep": [row for row, far in zip(rows, is_deep, strict=True) if far],
    }


def text(case: dict[str, Any]) -> str:
    """A case in JSON, one point a line."""

    def compact(value: Any) -> str:
        return json.dumps(value, separators=(",", ":"))

    def rows(name: str) -> str:
        return "[\n" + ",\n".join(compact(row) for row in case[name]) + "\n]"

    head = f'{{"name":{compact(case["name"])},"terms":{compact(case["terms"])},\n'
    return f'{head}"points":{rows("points")},\n"deep":{rows("deep")}}}'


def check_all(done: dict[str, Any], wanted: list[str]) -> None:
    """Compare samples with the file."""
    for case in CASES:
        if case.name in done and (not wanted or any(w in case.name for w in wanted)):
            start = time.perf_counter()
            try:
                said = check(case, done[case.name])
            except ArithmeticError as error:
                said = f"WRONG, {error}"
            sys.stdout.write(f"{case.name}: {said}, {time.perf_counter() - start:.1f} s\n")
            sys.stdout.flush()


def main() -> None:
    """Compute the cases and write the file after each."""
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
            sys.stdout.write(f"{case.name}: {error}\n")
            continue
        sizes = [len(done[case.name][part]) for part in ("points", "deep")]
        sys.stdout.write(f"{case.name}: {sizes}, {time.perf_counter() - start:.1f} s\n")
        sys.stdout.flush()
        kept = [text(done[c.name]) for c in CASES if c.name in done]
        PATH.write_text('{"cases":[\n' + ",\n".join(kept) + "\n]}\n")


if __name__ == "__main__":
    main()
