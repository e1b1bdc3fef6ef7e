"""Writes tests/data/radial.json: P(N <= s) for the norm N of combinations of isotropic latents.

    python tools/make_radial_truths.py

A method that shares nothing with the package: N <= s, for a given angle w and a given first norm
r, is an interval of second norms, by the law of cosines, so its probability is a difference of two
values of their cdf (scipy's incomplete gamma and beta functions). That is integrated over r, by
Gauss's rule on panels between all places where the interval changes its shape, and over w, by
scipy's adaptive rule. Each number is computed with two numbers of panels, and both are kept.
"""

from __future__ import annotations

import itertools
import json
import math
import sys
import warnings
from collections.abc import Callable
from pathlib import Path

import numpy as np
import numpy.typing as npt
from scipy import integrate, special

FloatArray = npt.NDArray[np.float64]
TARGET = Path(__file__).parents[1] / "tests" / "data" / "radial.json"
DEEP = 60.0  # below the peak of a log density there is nothing left
NODES, WEIGHTS = np.polynomial.legendre.leggauss(20)


class Norm:
    """The law of a norm: a log density up to a constant, and the cdf."""

    def __init__(self, name: str, dim: int) -> None:
        self.name, self.dim, self.end = name, dim, math.inf
        if name == "ball":
            self.end = 1.0
        middle = 1.0 if name == "ball" else math.sqrt(dim)
        r = middle * np.exp(
            np.concatenate([-np.geomspace(1e-7, 60, 4000)[::-1], np.geomspace(1e-7, 60, 4000)])
        )
        r = r[r < self.end]
        height = self.log_density(r) + np.log(r)
        self.top = float(height.max())
        seen = np.flatnonzero(height > self.top - DEEP)
        self.low = float(r[seen[0]])
        self.high = min(self.end, float(r[min(seen[-1] + 1, r.size - 1)]))
        if name == "ball":
            self.high = self.end
        self.mode = float(r[int(height.argmax())])

    def log_density(self, r: FloatArray) -> FloatArray:
        d, root = self.dim, math.sqrt(self.dim)
        if self.name == "ball":
            return np.where(r < 1.0, (d - 1.0) * np.log(r), -np.inf)
        lead, square = (d - 1.0) * np.log(r / root), (r - root) * (r + root)
        if self.name == "normal":
            return lead - 0.5 * square
        k = 3.0 if self.name == "t3" else 1.0
        return lead - 0.5 * (d + k) * np.log1p(square / (k + d))

    def cdf(self, r: FloatArray) -> FloatArray:
        r = np.maximum(r, 0.0)
        if self.name == "ball":
            return np.minimum(r, 1.0) ** self.dim
        if self.name == "normal":
            return special.gammainc(0.5 * self.dim, 0.5 * r * r)
        k = 3.0 if self.name == "t3" else 1.0
        with np.errstate(all="ignore"):
            return np.where(
                r * r < self.dim,
                special.betainc(0.5 * self.dim, 0.5 * k, r * r / (k + r * r)),
                special.betaincc(0.5 * k, 0.5 * self.dim, k / (k + r * r)),
            )


class Combination:
    """p z1 + q z2, or slerp."""

    def __init__(self, law: Norm, op: str, t: float, panels: int) -> None:
        self.law, self.op, self.t, self.panels = law, op, t, panels
        edges = np.geomspace(law.low, law.high, 4 * panels + 1)
        r, w = self._rule(edges)
        self.total = float((w * np.exp(law.log_density(r) + np.log(r) - law.top)).sum())

    def _rule(self, edges: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Nodes of r and weights of d log r."""
        a, b = np.log(edges[:-1]), np.log(edges[1:])
        y = 0.5 * (a + b)[:, None] + 0.5 * (b - a)[:, None] * NODES
        return np.exp(y).ravel(), (0.5 * (b - a)[:, None] * WEIGHTS).ravel()

    def weights(self, w: float) -> tuple[float, float]:
        if self.op == "lerp":
            return 1.0 - self.t, self.t
        return math.sin((1.0 - self.t) * w) / math.sin(w), math.sin(self.t * w) / math.sin(w)

    def inner(self, w: float, s: float) -> float:
        """P(N <= s) at one angle."""
        (p, q), cosine, sine, law = self.weights(w), math.cos(w), math.sin(w), self.law
        most = s / (p * sine) if cosine < 0.0 else s / p
        high = min(most, law.high)
        if high <= law.low:
            return 0.0
        cuts = [s / p, law.mode]
        for r in (law.mode, law.end):
            if math.isfinite(r) and s >= q * r * sine:
                root = math.sqrt(s * s - (q * r * sine) ** 2)
                cuts += [(-q * r * cosine + root) / p, (-q * r * cosine - root) / p]
        marks = sorted({law.low, high, *(c for c in cuts if law.low < c < high)})
        # Roots meet at ``most``: panels shrink towards every mark.
        graded = np.concatenate([0.5 * np.geomspace(1e-13, 1.0, self.panels), [0.0]])
        even = np.linspace(0.0, 1.0, 2 * self.panels)
        graded = np.unique(np.concatenate([graded, even, 1.0 - graded]))
        parts = [
            np.log(a) + (math.log(b) - math.log(a)) * graded for a, b in itertools.pairwise(marks)
        ]
        edges = np.exp(np.unique(np.concatenate(parts)))
        r, weight = self._rule(edges)
        with np.errstate(invalid="ignore"):
            root = np.sqrt(np.maximum((s - p * r * sine) * (s + p * r * sine), 0.0))
        far = (-p * r * cosine + root) / q
        near = np.where(p * r < s, 0.0, (-p * r * cosine - root) / q)
        mass = law.cdf(far) - law.cdf(near)
        density = np.exp(law.log_density(r) + np.log(r) - law.top)
        return float((weight * density * np.maximum(mass, 0.0)).sum()) / self.total

    def probability(self, s: float) -> float:
        power = self.law.dim - 2.0
        # The law of the angle is normalised by the same rule: a beta function is rounded.
        reach = 0.5 * math.pi if power < 1.0 else min(0.5 * math.pi, 14.0 / math.sqrt(power))
        low, high = 0.5 * math.pi - reach, 0.5 * math.pi + reach

        def weight(w: float) -> float:
            return math.exp(0.5 * power * math.log1p(-(math.cos(w) ** 2))) if power else 1.0

        def integral(function: Callable[[float], float]) -> float:
            pieces = np.linspace(low, high, 9)
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # what cannot be integrated to rounding
                values = [
                    integrate.quad(function, a, b, epsabs=1e-14, epsrel=1e-13, limit=200)[0]
                    for a, b in itertools.pairwise(pieces)
                ]
            return math.fsum(values)

        scale = 1.0 / integral(weight)
        return integral(lambda w: scale * weight(w) * self.inner(w, s))


CASES = [
    *(
        ("normal", d, "slerp", t)
        for d, t in ((2, 0.5), (3, 0.3), (16, 0.5), (512, 0.5), (10**6, 0.3))
    ),
    *(("t3", d, "slerp", t) for d, t in ((2, 0.3), (16, 0.5), (512, 0.3))),
    *(("cauchy", d, "slerp", t) for d, t in ((3, 0.5), (128, 0.3))),
    *(("ball", d, "slerp", t) for d, t in ((2, 0.5), (3, 0.3), (16, 0.5), (128, 0.5))),
    *(("t3", d, "lerp", 0.3) for d in (2, 64, 10**6)),
    *(("ball", d, "lerp", 0.3) for d in (2, 16, 512)),
]


def main() -> None:
    """Write the file; with names of laws, print their part of it."""
    found: list[dict[str, object]] = []
    only = sys.argv[1:]
    for name, dim, op, t in CASES:
        if only and name not in only:
            continue
        law = Norm(name, dim)
        rough, fine = (Combination(law, op, t, n) for n in (16, 23))
        rng = np.random.default_rng(0)
        shown = quantiles(law, op, t, rng)
        rows = [[s, fine.probability(s), rough.probability(s)] for s in shown]
        gap = max(abs(a - b) for _, a, b in rows)
        sys.stderr.write(f"{name} {dim} {op} {t}: {gap:.1e}\n")
        found.append({"law": name, "dim": dim, "op": op, "t": t, "gap": gap, "rows": rows})
    if not only:
        TARGET.write_text(json.dumps(found, indent=1) + "\n")
    else:
        sys.stdout.write(json.dumps(found, indent=1) + "\n")


def quantiles(law: Norm, op: str, t: float, rng: np.random.Generator) -> list[float]:
    """A few norms from draws, to four digits: which ones does not matter."""
    count, d = 4000, law.dim
    if law.name == "ball":
        radii = rng.random((2, count)) ** (1.0 / d)
    else:
        radii = np.sqrt(2.0 * rng.standard_gamma(0.5 * d, (2, count)))
        k = {"normal": 0.0, "t3": 3.0, "cauchy": 1.0}[law.name]
        if k:
            radii /= np.sqrt(2.0 * rng.standard_gamma(0.5 * k, (2, count)) / k)
    cosine = 2.0 * rng.beta(0.5 * (d - 1.0), 0.5 * (d - 1.0), count) - 1.0
    w = np.arccos(cosine)
    p, q = (
        (1.0 - t, t)
        if op == "lerp"
        else (np.sin((1 - t) * w) / np.sin(w), np.sin(t * w) / np.sin(w))
    )
    norm = np.sqrt(
        (p * radii[0]) ** 2 + (q * radii[1]) ** 2 + 2 * p * q * radii[0] * radii[1] * cosine
    )
    return [float(f"{x:.7g}") for x in np.quantile(norm, [0.001, 0.1, 0.5, 0.9, 0.999])]


if __name__ == "__main__":
    main()
