"""Apply a stored map to a Dask array that is larger than memory: ``python examples/dask_array.py``.

The table is made once, by whoever comes first, and read from the store by everyone else. The
matched operation keeps the array lazy: each block is computed where it lies, when it is asked for.
With a cluster, start it with the address of the scheduler and a store that all workers reach:
``python examples/dask_array.py --scheduler tcp://host:8786 --store s3://bucket/tables``.
"""

from __future__ import annotations

import argparse
import contextlib
from collections.abc import Sequence

import dask.array as da

import otmaps


def main(arguments: Sequence[str] | None = None) -> None:
    """Interpolate rows of uniform latents and say how far the result is from uniform."""
    parser = argparse.ArgumentParser(description="A stored map on a Dask array.")
    parser.add_argument("--store", default="tables", help="a directory, or a URL")
    parser.add_argument("--scheduler", help="the address of a Dask cluster")
    parser.add_argument("--rows", type=int, default=100_000)
    parser.add_argument("--dim", type=int, default=128)
    given = parser.parse_args(arguments)

    midpoint = otmaps.match(otmaps.lerp(0.5), otmaps.Uniform(-1, 1), store=given.store)
    with contextlib.ExitStack() as stack:
        if given.scheduler is not None:
            from distributed import Client

            stack.enter_context(Client(given.scheduler))
        blocks = (max(given.rows // 16, 1), given.dim)
        draws = da.random.default_rng(0)
        z1, z2 = (draws.uniform(-1, 1, (given.rows, given.dim), chunks=blocks) for _ in range(2))

        matched = midpoint(z1, z2)  # nothing is computed yet
        raw = midpoint.raw(z1, z2)
        deviations = da.compute(raw.std(), matched.std(), abs(matched).max())
    print(f"{matched.npartitions} blocks of {matched.chunksize}")
    print(f"standard deviation: raw {deviations[0]:.4f}, matched {deviations[1]:.4f}, prior 0.5774")
    print(f"largest absolute value: {deviations[2]:.4f}")


if __name__ == "__main__":
    main()
