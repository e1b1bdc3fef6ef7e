"""Whether maps ever fall: values at neighbouring floats, as many as one likes.

    python -m benchmarks.order --probes 100000000

Every probe is a pair of neighbouring floats, y and the next one, and a fall is T(next) < T(y). A
quarter of the pairs each are drawn from the source, from its tails (their logarithms uniform down
to 1e-300), around edges of cells, and around 0 with exponents down to 1e-300.
"""

from __future__ import annotations

import argparse
import math
import sys
import warnings
from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

import otmaps
from otmaps import ComposedMap, MonotoneMap

from .cases import OPERATIONS, FloatArray
from .sizes import SEED

_BLOCK = 1 << 18


class Case(NamedTuple):
    """A map with a name."""

    name: str
    map: MonotoneMap | ComposedMap


class Row(NamedTuple):
    """What the probes of a map found."""

    name: str
    probes: int
    falls: int


def cases(tol: float) -> Iterator[Case]:
    """Maps with kinks, jumps, long tails, and ends where the slope is 0 or infinite."""
    pairs = (
        ("logistic", otmaps.Logistic(), otmaps.Normal()),
        ("to uniform", otmaps.Normal(), otmaps.Uniform()),
        ("from uniform", otmaps.Uniform(), otmaps.Normal()),
        ("to exponential", otmaps.Normal(), otmaps.Exponential()),
        ("from exponential", otmaps.Exponential(), otmaps.Normal()),
        ("from arcsine", otmaps.Arcsine(), otmaps.Uniform()),
        ("to arcsine", otmaps.Uniform(), otmaps.Arcsine()),
        ("to lognormal", otmaps.Normal(), otmaps.LogNormal(1.0)),
        ("from lognormal", otmaps.LogNormal(1.0), otmaps.Normal()),
        ("from cauchy", otmaps.Cauchy(), otmaps.Normal()),
        ("to beta", otmaps.Normal(), otmaps.Beta(0.3, 2.0)),
        ("to gap and atom", otmaps.Normal(), otmaps.Discrete([-1.0, 0.5, 2.0], [0.2, 0.5, 0.3])),
    )
    for name, source, target in pairs:
        yield Case(name, otmaps.monotone_map(source, target, tol=tol))
    laws = (otmaps.Uniform(), otmaps.Laplace(), otmaps.Logistic(), otmaps.Exponential())
    for prior in (*laws, otmaps.Arcsine(), otmaps.Gamma(0.2)):
        for op in ("lerp", "lerp .3"):
            law = otmaps.pushforward(OPERATIONS[op], prior)
            yield Case(f"{op} {prior!r}", otmaps.monotone_map(law, prior, tol=tol))
    T = otmaps.monotone_map(otmaps.Normal(), otmaps.Uniform(), tol=tol)
    yield Case("strength .4", T.strength(0.4))
    S = otmaps.monotone_map(otmaps.Logistic(), otmaps.Normal(), tol=tol)
    yield Case("composition", otmaps.compose(T, S))


def probes(T: MonotoneMap | ComposedMap, n: int, rng: np.random.Generator) -> FloatArray:
    """Points of all kinds inside the domain of a map whose source is known."""
    source, part = T.source, n // 4 + 1
    assert source is not None
    first = T.maps[0] if isinstance(T, ComposedMap) else T
    edges = first.arrays().get("records", np.zeros((1, 8)))[:, 0]
    tails = -rng.uniform(math.log(2.0), 690.0, part)
    near = rng.choice(edges, part)
    near = near + np.spacing(np.abs(near)) * rng.integers(-4, 5, part)
    tiny = rng.choice([-1.0, 1.0], part) * 10.0 ** rng.uniform(-300.0, 2.0, part)
    deep = np.where(rng.random(part) < 0.5, source.ilogcdf(tails), source.ilogsf(tails))
    y = np.concatenate([source.ppf(rng.random(part)), deep, near, tiny])
    low, high = T.domain
    return y[(y >= low) & (y < high)]


def count_falls(T: MonotoneMap | ComposedMap, n: int, seed: int = SEED) -> tuple[int, int]:
    """The numbers of probes and of falls among them; at least ``n`` probes."""
    rng = np.random.default_rng(seed)
    done, falls = 0, 0
    while done < n:
        y = probes(T, min(_BLOCK, n), rng)
        above = np.nextafter(y, np.inf)
        falls += int(np.count_nonzero(T(above) < T(y)))
        done += y.size
    return done, falls


def table(n: int) -> Iterator[Row]:
    """A row for each map, with about ``n`` probes in all."""
    with warnings.catch_warnings():  # a tolerance that is missed does not matter here
        warnings.simplefilter("ignore", otmaps.AccuracyWarning)
        found = [(tol, case) for tol in (1e-6, 1e-9, 1e-12) for case in cases(tol)]
    for tol, (name, T) in found:
        yield Row(f"{name}, tol {tol:g}", *count_falls(T, math.ceil(n / len(found))))


def main(arguments: list[str] | None = None) -> int:
    """Write the table; 1 where a map falls."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.order", description=__doc__)
    parser.add_argument("--probes", type=int, default=100_000_000, help="in all")
    options = parser.parse_args(arguments)
    probes_, falls = 0, 0
    for row in table(options.probes):
        sys.stdout.write(f"{row.name:48s} {row.probes:12,d} probes {row.falls:6d} falls\n")
        sys.stdout.flush()
        probes_, falls = probes_ + row.probes, falls + row.falls
    sys.stdout.write(f"{'in all':48s} {probes_:12,d} probes {falls:6d} falls\n")
    return int(falls > 0)


if __name__ == "__main__":
    sys.exit(main())
