"""What matched paths and walks keep, and what not: the figures of docs/paths.md.

python -m benchmarks.paths [walks frames speed]
"""

from __future__ import annotations

import argparse
import math
import sys
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from scipy import special

import otmaps
from otmaps import Distribution

from .cases import FloatArray
from .sizes import SEED, WALK_PATHS, WALK_STEPS

PRIORS: dict[str, Callable[[], Distribution]] = {
    "normal": otmaps.Normal,
    "uniform": otmaps.Uniform,
    "Laplace": otmaps.Laplace,
}
EPS = 0.5
LAGS = (1, 5, 20)
DIMS = (2, 8, 64, 512)


def _say(line: str) -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


def walks() -> None:
    """Long walks: is every point a draw of the prior, how are points tied, does time show?"""
    _say("| prior | steps | fits | correlation after 1, 5, 20 steps | E x^3 y - x y^3 |")
    _say("| --- | ---: | --- | --- | --- |")
    for name, make in PRIORS.items():
        prior = make()
        rng = np.random.default_rng(SEED)
        long = otmaps.random_walk(
            prior.rvs(32, rng), prior, eps=EPS, steps=WALK_STEPS, random_state=rng
        )
        report = otmaps.diagnose(long[:: max(WALK_STEPS // 1000, 1)], prior)
        wide = otmaps.random_walk(
            prior.rvs(WALK_PATHS, rng), prior, eps=EPS, steps=max(LAGS), random_state=rng
        )
        step = otmaps.match(otmaps.vicinity(EPS), prior)
        start, u = prior.rvs((2, 10 * WALK_PATHS), rng)
        x, y = start - prior.mean(), step(start, u) - prior.mean()
        tied = [float(np.corrcoef(wide[0], wide[lag])[0, 1]) for lag in LAGS]
        turn = (x**3 * y - x * y**3) / prior.std() ** 4
        mean, error = float(np.mean(turn)), float(np.std(turn) / math.sqrt(turn.size))
        numbers = ", ".join(f"{r:.3f}" for r in tied)
        _say(f"| {name} | {WALK_STEPS} | {bool(report)} | {numbers} | {mean:.4f} +- {error:.4f} |")


def frames() -> None:
    """Frames of a matched path by lerp: how they are correlated with each other."""
    _say("| prior | t = 0 and 0.25 | t = 0 and 0.5 | t = 0.25 and 0.75 | t = 0 and 1 |")
    _say("| --- | ---: | ---: | ---: | ---: |")
    for name, make in PRIORS.items():
        prior = make()
        z = prior.rvs((2, WALK_PATHS), np.random.default_rng(SEED))
        at = {t: otmaps.match(otmaps.lerp(t), prior)(*z) for t in (0.0, 0.25, 0.5, 0.75, 1.0)}
        pairs = ((0.0, 0.25), (0.0, 0.5), (0.25, 0.75), (0.0, 1.0))
        numbers = [float(np.corrcoef(at[s], at[t])[0, 1]) for s, t in pairs]
        _say(f"| {name} | {' | '.join(f'{r:.3f}' for r in numbers)} |")


def even_frames(z1: FloatArray, z2: FloatArray, share: float) -> FloatArray:
    """Points at a share of the length of matched paths between normal latents, one a row.

    The matched path is the arc cos(a) z1 + sin(a) z2 of an ellipse, a from 0 to a right angle.
    """
    a = np.linspace(0.0, 0.5 * math.pi, 513)
    one, two, both = (
        np.einsum("ij,ij->i", u, v)[:, None] for u, v in ((z1, z1), (z2, z2), (z1, z2))
    )
    speed = np.sqrt(np.sin(a) ** 2 * one + np.cos(a) ** 2 * two - np.sin(2.0 * a) * both)
    way = np.concatenate(
        [np.zeros((len(z1), 1)), np.cumsum(0.5 * (speed[:, 1:] + speed[:, :-1]), axis=1)], axis=1
    )
    goal = share * way[:, -1]
    angle = np.array([np.interp(g, w, a) for g, w in zip(goal, way, strict=True)])[:, None]
    return np.asarray(np.cos(angle) * z1 + np.sin(angle) * z2)


def distance(values: FloatArray, cdf: Callable[[Any], Any]) -> float:
    """Kolmogorov's, of a sample from a law."""
    u = np.asarray(cdf(np.sort(values, axis=None)))
    steps = np.arange(u.size + 1) / u.size
    return float(max(np.max(steps[1:] - u), np.max(u - steps[:-1])))


def speed() -> None:
    """The law of a frame of constant speed, a quarter of the way along, and of one at a fixed t."""
    _say("| components | paths | one component | norm | norm at a fixed t | 1 % point |")
    _say("| ---: | ---: | ---: | ---: | ---: | ---: |")
    for dim in DIMS:
        count = max(WALK_PATHS // max(dim // 8, 1), 50)
        z1, z2 = np.random.default_rng(SEED).standard_normal((2, count, dim))
        even = even_frames(z1, z2, 0.25)
        fixed = math.cos(math.pi / 8.0) * z1 + math.sin(math.pi / 8.0) * z2

        def norms(z: FloatArray, dim: int = dim) -> float:
            return distance((z**2).sum(axis=1), lambda s: special.chdtr(dim, s))

        component = distance(even[:, 0], special.ndtr)
        chance = 1.63 / math.sqrt(count)
        numbers = (component, norms(even), norms(fixed), chance)
        _say(f"| {dim} | {count} | {' | '.join(f'{x:.4f}' for x in numbers)} |")


PARTS = {"walks": walks, "frames": frames, "speed": speed}


def main(arguments: Sequence[str] | None = None) -> None:
    """Print the tables that are named, or all."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("parts", nargs="*", metavar="PART", help=", ".join(PARTS))
    options = parser.parse_args(arguments)
    unknown = [name for name in options.parts if name not in PARTS]
    if unknown:
        parser.error(f"no part {unknown[0]!r}; there are {', '.join(PARTS)}")
    for name in options.parts or PARTS:
        PARTS[name]()


if __name__ == "__main__":
    main()
