"""Print the SHA-256 of a set of tables, built anew: equal lines mean bit-identical tables.

Run it with other numbers of threads, other Pythons, fresh and warm caches of numba, and compare:

    OPENBLAS_NUM_THREADS=1 NUMBA_NUM_THREADS=1 python tools/table_digests.py
    NUMBA_CACHE_DIR=$(mktemp -d) python3.13 tools/table_digests.py

`--few` builds the first four alone.
"""

from __future__ import annotations

import hashlib
import sys

import numpy as np

import otmaps
from otmaps._table import map_recipe, to_bytes


def product(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """An operation that is no linear one."""
    return a * b


def bend(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """An operation that conditioning serves."""
    return a + 0.25 * np.tanh(a - b)


CASES = {
    "lerp, uniform": (otmaps.lerp(0.3), otmaps.Uniform(), "auto", 1e-9),
    "lerp, laplace": (otmaps.lerp(0.3), otmaps.Laplace(), "auto", 1e-9),
    "lerp, laplace, 1e-11": (otmaps.lerp(0.3), otmaps.Laplace(), "auto", 1e-11),
    "lerp, logistic": (otmaps.lerp(0.25), otmaps.Logistic(), "auto", 1e-9),
    "barycenter, arcsine": (
        otmaps.barycenter([0.2, 0.3, 0.5]), otmaps.Arcsine(), "auto", 1e-7,
    ),
    "vicinity, exponential": (otmaps.vicinity(0.5), otmaps.Exponential(), "auto", 1e-9),
    "product, normal": (
        otmaps.operation(product, version="1")(), otmaps.Normal(), "auto", 1e-9,
    ),
    "bend, logistic": (otmaps.operation(bend, version="1")(), otmaps.Logistic(), "auto", 1e-6),
    "lerp, normal to uniform by Monte Carlo": (
        otmaps.lerp(0.4), otmaps.Uniform(), otmaps.MonteCarlo(n=2**18, seed=1), 1e-3,
    ),
    "product, uniform, by RQMC": (
        otmaps.operation(product, version="1")(), otmaps.Uniform(), otmaps.RQMC(), 1e-3,
    ),
}  # fmt: skip


def main() -> None:
    """One line a table: digest, bytes, name."""
    cases = list(CASES.items())[: 4 if "--few" in sys.argv else None]
    for name, (op, prior, method, tol) in cases:
        matched = otmaps.match(op, prior, method=method, tol=tol, store=None)
        recipe = map_recipe(op, (prior,) * len(op.latents), prior, method, tol)
        data = to_bytes(matched.map, recipe or {})
        sys.stdout.write(f"{hashlib.sha256(data).hexdigest()} {len(data):8d} {name}\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
