"""The first use in a fresh process, with the cache of compiled code cold and warm."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

from .sizes import TINY

PRIORS = {"normal": "Normal()"} if TINY else {"normal": "Normal()", "laplace": "Laplace()"}
CACHES = ("cold", "warm")
STAGES = ("import otmaps", "start of numba", "match", "first call", "second call")

_CODE = """
import json, time
times = [time.process_time()]
import otmaps, numpy
times.append(time.process_time())
import numba
numba.njit(lambda x: x)(1.0)  # loads the compiler
times.append(time.process_time())
matched = otmaps.match(otmaps.lerp(0.5), otmaps.{prior}, store=None)
times.append(time.process_time())
z = numpy.linspace(0.1, 0.9, 1000)
for _ in range(2):
    matched(z, z)
    times.append(time.process_time())
print(json.dumps([b - a for a, b in zip(times, times[1:])]))
"""


def stages(prior: str, cache: str) -> dict[str, float]:
    """Seconds of processor time of each stage; a warm cache is what the run before has left."""
    if cache == "warm":
        _run(prior, None)
        return _run(prior, None)
    with tempfile.TemporaryDirectory(prefix="otmaps-bench-") as directory:
        return _run(prior, directory)


def _run(prior: str, cache: str | None) -> dict[str, float]:
    environment = dict(os.environ)
    if cache is not None:
        environment["NUMBA_CACHE_DIR"] = cache
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", _CODE.format(prior=PRIORS[prior])],
        check=True,
        capture_output=True,
        text=True,
        cwd=Path(__file__).parents[1],
        env=environment,
    )
    return dict(zip(STAGES, json.loads(done.stdout), strict=True))


class Fresh:
    """Processor time from the start of the import to the end of the second call."""

    params = (list(PRIORS), CACHES)
    param_names = ("prior", "cache")
    unit = "s"
    timeout = 600

    def track_seconds(self, prior: str, cache: str) -> float:
        return sum(stages(prior, cache).values())
