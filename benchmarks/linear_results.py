"""What otmaps and the peers make of the cases of tests/data/linear.json, and how long they take.

Each peer answers in a process of its own, because nothing else can end an evaluation that takes
too long, and because PaCal wants an older NumPy and Python.
"""

from __future__ import annotations

import dataclasses
import json
import math
import subprocess
from collections.abc import Iterator, Sequence
from typing import Any, final

import numpy as np

from otmaps import Distribution

from . import linear_peers
from .linear_truth import (
    Errors,
    Exact,
    MapResult,
    deep_error,
    described,
    errors,
    is_covered,
    law_errors,
    map_result,
    pushforward,
)
from .sizes import LINEAR_VALUES, PEER_VALUES, SEED


@final
@dataclasses.dataclass(frozen=True)
class Result:
    """What a package makes of a case.

    Attributes
    ----------
    errors : Errors, optional
        None where there is no answer.
    refused : str
        Why there is none.
    build, value : float
        Seconds from nothing to the first value of the cdf, and for each of many.
    """

    errors: Errors | None
    refused: str = ""
    build: float = math.nan
    value: float = math.nan

    def seconds(self, values: int) -> float:
        """For a build and so many values."""
        return self.build + values * self.value


@final
@dataclasses.dataclass(frozen=True)
class Row:
    """All about a case; ``deep`` and ``map`` are of otmaps."""

    name: str
    exact: Exact
    law: Distribution
    results: dict[str, Result]
    deep: float
    map: MapResult | None

    @property
    def is_covered(self) -> bool:
        """Whether the errors that otmaps states hold."""
        found = self.results["otmaps"].errors
        assert found is not None
        return is_covered(self.exact, self.law, found)

    @property
    def is_sampled(self) -> bool:
        """Whether otmaps had nothing better than draws."""
        return self.law.method.startswith("Monte Carlo")


def ours(exact: Exact) -> tuple[Distribution, Result, np.ndarray]:
    """Law and result of otmaps, and the points that the time is taken at."""
    middle = exact.x[len(exact.x) // 2 :][:1]
    pushforward(exact.case)  # compiles what is not compiled yet
    law, build = linear_peers.seconds_to_build(lambda: pushforward(exact.case), middle)
    points = np.asarray(law.rvs(LINEAR_VALUES, SEED))
    value = linear_peers.seconds_a_value(law.cdf, points)
    return law, Result(law_errors(exact, law), "", build, value), points


@final
@dataclasses.dataclass(frozen=True)
class Worker:
    """A peer in a process of its own.

    Attributes
    ----------
    peer : str
        Its name in `linear_peers.PEERS`.
    python : str
        The interpreter that has it.
    limit : float
        Seconds for an answer.
    """

    peer: str
    python: str
    limit: float

    def asked(self, request: dict[str, Any]) -> dict[str, Any]:
        """What the process says."""
        done = subprocess.run(
            [self.python, linear_peers.__file__],
            input=json.dumps({"peer": self.peer, **request}),
            capture_output=True,
            text=True,
            timeout=self.limit,
            check=False,
        )
        if done.returncode != 0:
            last = (done.stderr.strip().splitlines() or [f"status {done.returncode}"])[-1]
            return {"refused": last}
        said: dict[str, Any] = json.loads(done.stdout)
        return said

    def version(self) -> str:
        """Of the package; empty where it cannot be imported."""
        return str(self.asked({"terms": []}).get("version", ""))

    def result(self, exact: Exact, law: Distribution, points: np.ndarray) -> Result:
        """What the peer makes of a case; ``law`` says where its breakpoints are."""
        request = {
            "terms": described(exact.case),
            "x": list(exact.x),
            "timed": list(points[:PEER_VALUES]),
        }
        try:
            said = self.asked(request)
        except subprocess.TimeoutExpired:
            return Result(None, f"no answer in {self.limit:.0f} s")
        if "refused" in said:
            return Result(None, said["refused"])
        found = (np.array(said[name]) for name in ("cdf", "sf", "pdf"))
        return Result(errors(exact, *found, law.breakpoints), "", said["build"], said["value"])


def rows(names: Sequence[str], workers: Sequence[Worker]) -> Iterator[Row]:
    """The cases, one after another."""
    for name in names:
        exact = Exact.of(name)
        law, result, points = ours(exact)
        results = {"otmaps": result}
        for worker in workers:
            results[worker.peer] = worker.result(exact, law, points)
        yield Row(name, exact, law, results, deep_error(exact, law), map_result(exact, law))
