"""How many jobs are handed out at a time."""

from __future__ import annotations

import math
import time
from typing import Any, final

_BATCH_SECONDS = 0.5  # of work in a message to a cluster: a message costs it milliseconds
_MOST_IN_BATCH = 256
_SHARE = 8  # batches for each thread, at least, of what is left: so that all end together
_LOOK_SECONDS = 5.0  # between looks at how many threads a cluster has


@final
class Pace:
    """How many batches of jobs are under way, and how many jobs make a batch.

    Parameters
    ----------
    most : int
        How many batches, of one job each.
    client : distributed.Client, optional
        A cluster: batches of half a second, four for each of its threads.
    """

    def __init__(self, most: int, client: Any = None) -> None:
        self._most = most
        self._client = client
        self._threads = 1
        self._looked = -math.inf
        self._seconds = math.inf  # of one job, so far

    def most(self) -> int:
        """How many batches may be under way."""
        if self._client is None:
            return self._most
        if time.monotonic() - self._looked > _LOOK_SECONDS:
            self._threads = max(sum(self._client.nthreads().values()), 1)
            self._looked = time.monotonic()
        return max(4 * self._threads, 8)

    def size(self, left: int) -> int:
        """How many jobs the next batch has, where so many are left."""
        if self._client is None:
            return 1
        fair = left // (_SHARE * self._threads)
        return max(1, min(fair, int(_BATCH_SECONDS / self._seconds), _MOST_IN_BATCH))

    def note(self, seconds: float) -> None:
        """Learn how long a job took; the last ones count most."""
        known = self._seconds < math.inf
        self._seconds = 0.9 * self._seconds + 0.1 * seconds if known else seconds
        self._seconds = max(self._seconds, 1e-6)
