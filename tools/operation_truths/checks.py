"""What is stored against other sources: a second formula, and draws by NumPy."""

from __future__ import annotations

import math
import sys
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
from flint import arb
from linear_truths.balls import Reference, certified

from .case import Case
from .laws import Spec

sys.path.insert(0, str(Path(__file__).parents[2] / "tests"))
from operation_functions import FUNCTIONS

DRAWS = 10**6
RARE = 1e-6  # the chance of a false alarm, for a case
SAMPLE = 12  # points of a case for the second formula


def draws(spec: Spec, rng: np.random.Generator, n: int) -> np.ndarray:
    """Draws of an input by NumPy alone."""
    name, params = spec
    p = dict(params)
    if name == "Mixture":
        weights = np.array(p["weights"])
        which = rng.choice(len(weights), n, p=weights / weights.sum())
        parts = [draws((law, given), rng, n) for law, given in p["laws"]]
        return np.choose(which, parts)
    loc, scale = p.pop("loc", 0.0), p.pop("scale", 1.0)
    if name in {"Uniform", "Arcsine"}:
        low, high = p.pop("low", -1.0), p.pop("high", 1.0)
        loc, scale = low, high - low
    standard = {
        "Normal": rng.standard_normal,
        "Cauchy": rng.standard_cauchy,
        "Laplace": lambda n: rng.laplace(size=n),
        "Logistic": lambda n: rng.logistic(size=n),
        "Gumbel": lambda n: rng.gumbel(size=n),
        "Exponential": rng.standard_exponential,
        "Uniform": rng.random,
        "StudentT": lambda n: rng.standard_t(p["df"], n),
        "Gamma": lambda n: rng.standard_gamma(p["shape"], n),
        "Beta": lambda n: rng.beta(p["a"], p["b"], n),
        "LogNormal": lambda n: np.exp(p.get("s", 1.0) * rng.standard_normal(n)),
    }
    return loc + scale * standard[name](n)


def check_draws(case: Case, stored: dict[str, Any]) -> float:
    """The largest distance of the draws' cdf from that of the file, in units of what is allowed.

    For each point by Bernstein's bound, which is sharp in the tails, and for all by that of
    Dvoretzky, Kiefer and Wolfowitz.
    """
    rng = np.random.default_rng(20240229)
    z = [draws(spec, rng, DRAWS) for spec in case.inputs]
    y = np.sort(FUNCTIONS[case.function](*z))
    x = np.array([float.fromhex(row["x"]) for row in stored["points"]])
    cdf, sf = (
        np.exp([float(row[name]) for row in stored["points"]]) for name in ("logcdf", "logsf")
    )
    found = np.searchsorted(y, x, side="right") / DRAWS
    grid = np.array([float(row["grid"]) for row in stored["points"]])
    gap = np.maximum(np.abs(found - cdf) - 4.0 * grid, 0.0)
    log = math.log(2.0 * x.size / RARE) / DRAWS
    bernstein = np.sqrt(2.0 * np.minimum(cdf, sf) * log) + 2.0 * log / 3.0
    dkw = math.sqrt(math.log(2.0 / RARE) / (2.0 * DRAWS))
    return float(np.max(gap / np.minimum(bernstein, dkw)))


def check_second(second: Reference, stored: dict[str, Any]) -> int:
    """Points at which the second formula gives the stored digits of the nearer tail."""
    rows = stored["points"][:: max(1, len(stored["points"]) // SAMPLE)]
    for row in rows:
        x = Fraction(float.fromhex(row["x"]))
        which = "cdf" if float(row["logcdf"]) < float(row["logsf"]) else "sf"
        value = certified(getattr(second, which), x, second.bits).log()
        wanted = arb(row["log" + which])
        # What doubles in the place of pi may do is far below a unit in the last place of x.
        allowed = max(1e-22, 1e-22 * abs(float(wanted)))
        if not abs(value - wanted) <= allowed:
            msg = f"second formula {value.str(25)} at {row['x']}, stored {row['log' + which]}"
            raise ArithmeticError(msg)
    return len(rows)


def check(case: Case, stored: dict[str, Any]) -> str:
    """Go through a case; says what was done."""
    ratio = check_draws(case, stored)
    if ratio > 1.0:
        msg = f"draws differ by {ratio:.2f} times what is allowed"
        raise ArithmeticError(msg)
    said = f"draws at {ratio:.2f} of what is allowed"
    if case.second:
        said += f", second formula at {check_second(case.second, stored)} points"
    return said
