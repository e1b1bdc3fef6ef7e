"""Matched slerp: the law of its norm, its least change and its cost; figures of docs/isotropic.md.

    python -m benchmarks.isotropic [truths laws changes costs speed] [--write]

prints tables, or puts them into the marked section of the page. The class is what asv times.
"""

from __future__ import annotations

import argparse
import functools
import json
import math
import sys
import time
import warnings
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from scipy import special

import otmaps
from otmaps import Isotropic

from .cases import FloatArray
from .paths import distance
from .report import Timing, least, table
from .sizes import COST_POINTS, ISOTROPIC_DIMS, ISOTROPIC_DRAWS, SEED, TINY

PAGE = Path(__file__).parents[1] / "docs" / "isotropic.md"
BEGIN, END = "<!-- figures: python -m benchmarks.isotropic --write -->\n", "<!-- end -->\n"

PRIORS: dict[str, Callable[[int], Isotropic]] = {
    "normal": otmaps.StandardNormal,
    "sphere": otmaps.Sphere,
    "ball": otmaps.Ball,
    "t(3)": lambda dim: otmaps.MultivariateT(dim, 3.0),
}
TRUTHS = Path(__file__).parents[1] / "tests" / "data" / "radial.json"
TRUE_PRIORS: dict[str, Callable[[int], Isotropic]] = {
    "normal": otmaps.StandardNormal,
    "ball": otmaps.Ball,
    "t3": lambda dim: otmaps.MultivariateT(dim, 3.0),
    "cauchy": otmaps.MultivariateCauchy,
}
BLOCK = 2**22  # components drawn at a time
# Small runs leave out what takes long: laws of slerp in few dimensions, and of balls.
NAMES = ("normal", "sphere") if TINY else tuple(PRIORS)
SPREADS = (64,) if TINY else (2, 16, 512)
PLANS = (64,) if TINY else (2, 4, 8)
OPERATIONS = {"slerp 0.5": otmaps.slerp(0.5), "lerp 0.3": otmaps.lerp(0.3)}
if TINY:
    del OPERATIONS["slerp 0.5"]
LATENTS, COMPONENTS = (64, 16) if TINY else (4096, 512)


def slerp(a: FloatArray, b: FloatArray, t: float) -> FloatArray:
    """The plain vectorised slerp of latents in rows, as one writes it in NumPy."""
    norms = np.linalg.norm(a, axis=-1), np.linalg.norm(b, axis=-1)
    cosine = np.clip((a * b).sum(axis=-1) / (norms[0] * norms[1]), -1.0, 1.0)
    w = np.arccos(cosine)[:, None]
    return np.asarray((np.sin((1.0 - t) * w) * a + np.sin(t * w) * b) / np.sin(w))


@functools.cache
def matched_slerp(prior: Isotropic, t: float) -> Any:
    """The matched operation; in many dimensions a law may be known to 1e-12 and a little."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", otmaps.AccuracyWarning)
        return otmaps.match(otmaps.slerp(t), prior)


def blocks(prior: Isotropic, rng: np.random.Generator) -> Iterator[FloatArray]:
    """Pairs of latents, so many at a time that memory stays bounded."""
    left = ISOTROPIC_DRAWS
    while left > 0:
        count = min(left, max(BLOCK // prior.dim, 1))
        yield prior.rvs((2, count), rng)
        left -= count


def law_row(name: str, dim: int, t: float) -> list[str]:
    """Kolmogorov's distances of the norms from the prior's law: raw, matched; of components."""
    prior = PRIORS[name](dim)
    matched = matched_slerp(prior, t)
    raw, bent, component = [], [], []
    for z in blocks(prior, np.random.default_rng(SEED)):
        y, x = matched.raw(*z), matched(*z)
        raw.append(np.linalg.norm(y, axis=1))
        bent.append(np.linalg.norm(x, axis=1))
        component.append(x[:, 0])
    norms = np.concatenate(raw), np.concatenate(bent)
    if name == "sphere":  # a constant: the largest relative deviation
        off = [float(np.max(np.abs(n / prior.norm.median() - 1.0))) for n in norms]
        found = [f"{x:.1e}" for x in off]
    else:
        found = [f"{distance(n, prior.norm.cdf):.4f}" for n in norms]
    one = prior.component
    last = "" if one is None else f"{distance(np.concatenate(component), one.cdf):.4f}"
    return [name, str(dim), f"{t:g}", *found, last, f"{matched.map.error:.0e}"]


def truth_rows() -> Iterator[list[str]]:
    """The laws of norms beside the numbers of tests/data/radial.json, and how long they take."""
    cases = json.loads(TRUTHS.read_text())
    for case in cases[-1:] if TINY else cases:
        prior = TRUE_PRIORS[case["law"]](case["dim"])
        op = {"slerp": otmaps.slerp, "lerp": otmaps.lerp}[case["op"]](case["t"])
        start = time.process_time()
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", otmaps.AccuracyWarning)
            law = otmaps.pushforward(op, prior).norm
        took = time.process_time() - start
        s, exact, _ = np.array(case["rows"]).T
        off = float(np.max(np.abs(np.asarray(law.cdf(s)) - exact)))
        label = f"{case['op']} {case['t']}"
        yield [
            case["law"],
            f"{case['dim']}",
            label,
            f"{off:.0e}",
            f"{law.error:.0e}",
            f"{took:.1f}",
        ]


def truths() -> list[str]:
    """The table of truths."""
    text = (
        "The law of the norm beside numbers of a method that shares nothing with it "
        "(`tools/make_radial_truths.py`): the largest error of the cdf at five points, the stated "
        "error, and seconds. In 10^6 dimensions these numbers are rounded to about 1e-11."
    )
    head = ["prior", "d", "operation", "error", "stated", "seconds"]
    return [text, "", *table(head, truth_rows())]


def laws() -> list[str]:
    """The table of distances."""
    head = ["prior", "d", "t", "raw slerp", "matched", "matched, one component", "map error"]
    rows = []
    for name in NAMES:
        for dim in ISOTROPIC_DIMS:
            rows.append(law_row(name, dim, 0.5))
            sys.stderr.write(" ".join(rows[-1]) + "\n")
    chance = 1.63 / math.sqrt(ISOTROPIC_DRAWS)
    text = (
        f"Kolmogorov's distance from the prior at {ISOTROPIC_DRAWS} draws, of the norm, and of one "
        f"component; a right law exceeds {chance:.4f} once in a hundred times. For the sphere "
        "the largest relative deviation of a norm from the radius."
    )
    return [text, "", *table(head, rows)]


def alternatives(
    prior: Isotropic, y: FloatArray, matched: FloatArray, rng: np.random.Generator
) -> dict[str, FloatArray]:
    """Ways to put another norm on the results y of slerp, by their new norms."""
    norm = np.linalg.norm(y, axis=1)
    fresh = np.asarray(prior.norm.rvs(norm.size, rng))
    return {
        "matched": np.linalg.norm(matched, axis=1),
        "a fresh norm of the prior": fresh,
        "the prior's mean norm": np.full(norm.size, prior.norm.mean()),
        "times a constant": norm * (prior.norm.mean() / norm.mean()),
    }


def changes() -> list[str]:
    """How far results are from slerp, and whether they follow the prior."""
    rows = []
    for name in NAMES[::3]:
        for dim in SPREADS:
            prior = PRIORS[name](dim)
            matched, rng = matched_slerp(prior, 0.5), np.random.default_rng(SEED)
            z = prior.rvs((2, max(ISOTROPIC_DRAWS // max(dim // 16, 1), 200)), rng)
            y = matched.raw(*z)
            norm = np.linalg.norm(y, axis=1)
            found = alternatives(prior, y, matched(*z), rng)
            a, b = (np.linalg.norm(x, axis=1) for x in z)
            found["the norms, blended by their scores"] = blended(prior, a, b)
            for way, new in found.items():
                gap = np.abs(new - norm)
                moved = float(np.mean(gap))
                # In two dimensions slerp has no variance.
                square = f"{np.mean(gap**2):.4f}" if dim > 3 else ""
                off = f"{distance(new, prior.norm.cdf):.4f}"
                rows.append([name, str(dim), way, f"{moved:.4f}", square, off])
    text = (
        "The mean distance, and the mean squared one, from the result of slerp at t = 0.5 (of "
        "fewer draws in many dimensions), of "
        "results on the same great arc with another norm, and Kolmogorov's distance of that norm "
        "from the prior's. Those that follow the prior move results further; those that move them "
        "less do not follow it."
    )
    return [
        text,
        "",
        *table(["prior", "d", "norm", "moved", "squared", "distance of the law"], rows),
    ]


def blended(prior: Isotropic, a: FloatArray, b: FloatArray) -> FloatArray:
    """Lesniak's way, on norms: both as normal scores, whose matched midpoint is mapped back."""
    score = sum(special.ndtri(np.clip(prior.norm.cdf(n), 1e-300, 1.0 - 2**-53)) for n in (a, b))
    return np.asarray(prior.norm.ppf(special.ndtr(score / math.sqrt(2.0))))


def least_cost(y: FloatArray, z: FloatArray) -> float:
    """The least mean squared distance of two samples, by POT's exact plan."""
    import ot

    size = np.full(len(y), 1.0 / len(y))
    return float(ot.emd2(size, size, ot.dist(y, z), numItermax=1_000_000))


def cost_row(name: str, dim: int, op: Any, label: str) -> list[str]:
    """The mean squared change by the map, beside exact plans and LOL."""
    prior = PRIORS[name](dim)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", otmaps.AccuracyWarning)
        matched = otmaps.match(op, prior)
    rng = np.random.default_rng(SEED)
    z = prior.rvs((2, COST_POINTS), rng)
    y, x = matched.raw(*z), matched(*z)
    own = float(((x - y) ** 2).sum(axis=1).mean())
    same = least_cost(y, x)  # no plan between these two samples costs less, if the map is optimal
    lol = ""
    if name == "normal" and op.linear is not None:
        lol = f"{lol_cost(z, op.linear.weights, y):.5f}"
    exact = otmaps.mismatch(op, prior).w2 ** 2
    return [name, str(dim), label, f"{own:.5f}", f"{same:.5f}", lol, f"{exact:.5f}"]


def lol_cost(z: FloatArray, weights: Sequence[float], y: FloatArray) -> float:
    """The mean squared change by LOL, which for normal latents divides by the weights' norm."""
    moved = y / math.hypot(*weights)
    return float(((moved - y) ** 2).sum(axis=1).mean())


def costs() -> list[str]:
    """The table of costs."""
    rows = [
        cost_row(name, dim, op, label)
        for name in NAMES
        if name != "sphere"
        for dim in PLANS
        for label, op in OPERATIONS.items()
    ]
    text = (
        f"The mean squared change of {COST_POINTS} results, the cost of POT's exact plan between "
        "the raw results and the matched ones, LOL's change, and the least cost between the laws "
        "(`mismatch(...).w2` squared). The plan finds nothing cheaper than the map."
    )
    return [text, "", *table(["prior", "d", "operation", "map", "POT", "LOL", "laws"], rows)]


class Isotropics:
    """Matched operations on isotropic normal latents, beside plain NumPy."""

    timer = staticmethod(time.thread_time)
    params = (["float64", "float32"],)
    param_names = ("dtype",)

    def setup(self, dtype: str) -> None:
        prior = otmaps.StandardNormal(COMPONENTS)
        self.z = prior.rvs((2, LATENTS), SEED).astype(dtype)
        self.out = np.empty_like(self.z[0])
        self.slerp = matched_slerp(prior, 0.5)
        self.lerp = otmaps.match(otmaps.lerp(0.5), prior)
        self.single = otmaps.match(otmaps.lerp(0.5), otmaps.Normal())
        for method in ("time_matched_slerp", "time_matched_slerp_out", "time_matched_lerp"):
            getattr(self, method)(dtype)

    def time_numpy_slerp(self, dtype: str) -> None:
        self.result = slerp(self.z[0], self.z[1], 0.5)

    def time_raw_slerp(self, dtype: str) -> None:
        self.result = self.slerp.raw(*self.z)

    def time_matched_slerp(self, dtype: str) -> None:
        self.result = self.slerp(*self.z)

    def time_matched_slerp_out(self, dtype: str) -> None:
        self.result = self.slerp(*self.z, out=self.out)

    def time_numpy_lerp(self, dtype: str) -> None:
        self.result = 0.5 * self.z[0] + 0.5 * self.z[1]

    def time_matched_lerp(self, dtype: str) -> None:
        self.result = self.lerp(*self.z)

    def time_matched_lerp_out(self, dtype: str) -> None:
        self.result = self.lerp(*self.z, out=self.out)

    def time_matched_by_components(self, dtype: str) -> None:
        self.result = self.single(*self.z, out=self.out)


SHOWN = {
    "slerp, plain NumPy": "time_numpy_slerp",
    "slerp, otmaps, raw": "time_raw_slerp",
    "slerp, matched": "time_matched_slerp",
    "slerp, matched, out=": "time_matched_slerp_out",
    "lerp, plain NumPy": "time_numpy_lerp",
    "lerp, matched": "time_matched_lerp",
    "lerp, matched, out=": "time_matched_lerp_out",
    "lerp, matched by components, out=": "time_matched_by_components",
}


def speed() -> list[str]:
    """Milliseconds, of one thread."""
    dtypes = Isotropics.params[0]
    found = least(
        [
            Timing(f"{label} {dtype}", Isotropics, method, (dtype,))
            for label, method in SHOWN.items()
            for dtype in dtypes
        ]
    )
    rows = [[label, *(f"{1e3 * found[f'{label} {d}']:.1f}" for d in dtypes)] for label in SHOWN]
    text = f"Milliseconds for {LATENTS} normal latents of {COMPONENTS} components, one thread."
    return [text, "", *table(["", *dtypes], rows)]


PARTS = {"truths": truths, "laws": laws, "changes": changes, "costs": costs, "speed": speed}


def main(arguments: Sequence[str] | None = None, page: Path = PAGE) -> None:
    """Print the tables that are named, or all; or put all of them into the page."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("parts", nargs="*", metavar="PART", help=", ".join(PARTS))
    parser.add_argument("--write", action="store_true", help="into docs/isotropic.md, all parts")
    options = parser.parse_args(arguments)
    unknown = [name for name in options.parts if name not in PARTS]
    if unknown or (options.write and options.parts):
        parser.error(f"the parts are {', '.join(PARTS)}, and --write writes all of them")
    lines: list[str] = []
    for name in options.parts or PARTS:
        found = PARTS[name]()
        lines += found
        if not options.write:
            sys.stdout.write("\n".join(found) + "\n")
            sys.stdout.flush()
    if options.write:
        text = page.read_text()
        head, _, rest = text.partition(BEGIN)
        _, _, tail = rest.partition(END)
        page.write_text(f"{head}{BEGIN}\n" + "\n".join(lines) + f"\n{END}{tail}")


if __name__ == "__main__":
    main()
