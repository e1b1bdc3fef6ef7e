"""Write tests/data/convolution.json: laws of sums to 25 digits, by quadrature in mpmath.

Each value is the integral of F_1(y - z) f_2(z), positive terms only, in 40 digits, over panels that
end at breakpoints. Run it by hand when a case is added: python tools/make_convolution_truths.py
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import mpmath as mp

TESTS = Path(__file__).parents[1] / "tests"
sys.path.insert(0, str(TESTS))
import truths  # noqa: E402 - lives beside the tests

mp.mp.dps = truths.DIGITS

# name -> formulas of the standard law, its support and its kinks
LAWS: dict[str, tuple[truths.Truth, tuple[Any, Any], list[int]]] = {
    "Normal": (truths.normal(), (-mp.inf, mp.inf), []),
    "Laplace": (truths.laplace(), (-mp.inf, mp.inf), [0]),
    "Logistic": (truths.logistic(), (-mp.inf, mp.inf), []),
    "StudentT": (truths.student(3), (-mp.inf, mp.inf), []),
    "Exponential": (truths.exponential(), (0, mp.inf), [0]),
    "Uniform": (truths.uniform(), (-1, 1), [-1, 1]),
}

# name of law 1, its weight, name of law 2, its weight, points y
CASES = [
    ("Logistic", "0.5", "Logistic", "0.5", ["-0.25", "-3", "-14", "-115", "-285"]),
    ("Normal", "0.75", "Laplace", "0.25", ["-0.5", "-4", "-6", "-50", "-140"]),
    ("Uniform", "1", "Normal", "0.125", ["-0.5", "-1.125", "-1.75", "-3.5", "-5"]),
    ("Exponential", "1", "Normal", "0.5", ["0.25", "-1", "-3.25", "-10", "-16"]),
    ("Normal", "0.5", "StudentT", "0.5", ["-0.5", "-10", "-1000", "-1e30", "-1e80"]),
    ("Exponential", "1", "Uniform", "0.25", ["0.5", "-0.125", "-0.2499", "2", "0.25"]),
]


def cdf_of_sum(name_1: str, a: str, name_2: str, b: str, y: str) -> Any:
    """P(a Z_1 + b Z_2 <= y)."""
    law_1, (low_1, high_1), kinks_1 = LAWS[name_1]
    law_2, (low, high), kinks_2 = LAWS[name_2]
    w1, w2, point = mp.mpf(a), mp.mpf(b), mp.mpf(y)

    def term(z: Any) -> Any:
        x = (point - w2 * z) / w1
        if x <= low_1:
            return mp.mpf(0)
        return law_2.pdf(z) * (law_1.cdf(x) if x < high_1 else 1)

    cuts = {mp.mpf(k) for k in kinks_2} | {(point - w1 * k) / w2 for k in kinks_1}
    # The terms peak near 0, near y / w2, between, or fall steeply from a kink: geometric panels
    # about all of these, so far out that a tail like z^-3 leaves less than 1e-26.
    reach = (abs(point / w2) + 40) * mp.mpf(10) ** 9
    low, high = max(low, -reach), min(high, reach)
    for centre in cuts | {mp.mpf(0), point / w2, point * w2 / (w1**2 + w2**2)}:
        cuts.add(centre)
        width = mp.mpf(1) / 16
        while width < reach:
            cuts |= {centre - width, centre + width}
            width *= 2
    panels = [low, *sorted(c for c in cuts if low < c < high), high]
    # mpmath asks for an absolute accuracy: so the largest term is made 1 / 3.
    size = 3 * max(term(z) for z in panels)
    value, error = mp.quad(lambda z: term(z) / size, panels, method="gauss-legendre", error=True)
    if not error < value * mp.mpf(10) ** -20:
        raise ArithmeticError(f"{a} {name_1} + {b} {name_2} at {y}: {mp.nstr(error / value)} off")
    return value * size


def main() -> None:
    """Compute all cases and write the file."""
    out = [
        {
            "laws": [name_1, name_2],
            "weights": [float(a), float(b)],
            "y": [float(y) for y in points],
            "logcdf": [mp.nstr(mp.log(cdf_of_sum(name_1, a, name_2, b, y)), 25) for y in points],
        }
        for name_1, a, name_2, b, points in CASES
    ]
    path = TESTS / "data" / "convolution.json"
    path.parent.mkdir(exist_ok=True)
    path.write_text(json.dumps(out, indent=1) + "\n")


if __name__ == "__main__":
    main()
