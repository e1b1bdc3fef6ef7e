"""Write tests/data/convolution.json: laws of sums to 25 digits, by quadrature in mpmath.

Each value is the integral of F_1(y - z) f_2(z), positive terms only, in 40 digits, over panels that
end at breakpoints. Run it by hand when a case is added: python tools/make_convolution_truths.py
"""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import mpmath as mp

mp.mp.dps = 40
Function = Callable[[Any], Any]


def normal() -> tuple[Function, Function, list[Any]]:
    return (
        lambda x: mp.erfc(-x / mp.sqrt(2)) / 2,
        lambda x: mp.exp(-x * x / 2) / mp.sqrt(2 * mp.pi),
        [-mp.inf, mp.inf],
    )


def laplace() -> tuple[Function, Function, list[Any]]:
    return (
        lambda x: mp.exp(x) / 2 if x < 0 else 1 - mp.exp(-x) / 2,
        lambda x: mp.exp(-abs(x)) / 2,
        [-mp.inf, 0, mp.inf],
    )


def logistic() -> tuple[Function, Function, list[Any]]:
    return (
        lambda x: 1 / (1 + mp.exp(-x)),
        lambda x: mp.exp(-abs(x)) / (1 + mp.exp(-abs(x))) ** 2,
        [-mp.inf, mp.inf],
    )


def student3() -> tuple[Function, Function, list[Any]]:
    root = mp.sqrt(3)

    def cdf(x: Any) -> Any:
        if x < -50:  # the closed form cancels: the series in 3 / x^2 of the tail does not
            tail = mp.betainc(1.5, 0.5, 0, 3 / (3 + x * x), regularized=True)
            return tail / 2
        return mp.mpf(1) / 2 + (mp.atan(x / root) + root * x / (3 + x * x)) / mp.pi

    return cdf, lambda x: 6 * root / (mp.pi * (3 + x * x) ** 2), [-mp.inf, mp.inf]


def exponential() -> tuple[Function, Function, list[Any]]:
    return (
        lambda x: -mp.expm1(-x) if x > 0 else mp.mpf(0),
        lambda x: mp.exp(-x) if x >= 0 else mp.mpf(0),
        [0, mp.inf],
    )


def uniform() -> tuple[Function, Function, list[Any]]:
    return (
        lambda x: min(max((x + 1) / 2, mp.mpf(0)), mp.mpf(1)),
        lambda x: mp.mpf(1) / 2 if -1 <= x <= 1 else mp.mpf(0),
        [-1, 1],
    )


LAWS = {
    "Normal": normal, "Laplace": laplace, "Logistic": logistic, "StudentT": student3,
    "Exponential": exponential, "Uniform": uniform,
}  # fmt: skip

# name of law 1, its weight, name of law 2, its weight, points y
CASES = [
    ("Logistic", "0.5", "Logistic", "0.5", ["-0.25", "-3", "-14", "-115", "-285"]),
    ("Normal", "0.75", "Laplace", "0.25", ["-0.5", "-4", "-6", "-50", "-140"]),
    ("Uniform", "1", "Normal", "0.125", ["-0.5", "-1.125", "-1.75", "-3.5", "-5"]),
    ("Exponential", "1", "Normal", "0.5", ["0.25", "-1", "-3.25", "-10", "-16"]),
    ("StudentT", "0.5", "Normal", "0.5", ["-0.5", "-10", "-1000", "-1e30", "-1e80"]),
    ("Exponential", "1", "Uniform", "0.25", ["0.5", "-0.125", "-0.2499", "2", "0.25"]),
]


def cdf_of_sum(name_1: str, a: str, name_2: str, b: str, y: str) -> Any:
    cdf, _, ends_1 = LAWS[name_1]()
    _, pdf, ends_2 = LAWS[name_2]()
    w1, w2, point = mp.mpf(a), mp.mpf(b), mp.mpf(y)
    low, high = ends_2[0], ends_2[-1]
    cuts = {mp.mpf(e) for e in ends_2 if mp.isfinite(e)}
    cuts |= {(point - w1 * e) / w2 for e in ends_1 if mp.isfinite(e)}
    # The terms peak near 0, near y / w2 and between: geometric panels about both and the middle.
    reach = abs(point / w2) + 40
    for centre in (mp.mpf(0), point / w2, point / (2 * w2), point * w2 / (w1**2 + w2**2)):
        width = mp.mpf(1) / 4
        while width < 4 * reach:
            cuts |= {centre - width, centre + width}
            width *= 2
        cuts.add(centre)
    inside = sorted(c for c in cuts if low < c < high)
    panels = [low, *inside, high]
    return mp.quad(lambda z: cdf((point - w2 * z) / w1) * pdf(z), panels, maxdegree=7)


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
    path = Path(__file__).parents[1] / "tests" / "data" / "convolution.json"
    path.parent.mkdir(exist_ok=True)
    path.write_text(json.dumps(out, indent=1) + "\n")


if __name__ == "__main__":
    main()
