"""The rows of the demo's table: which operation on latents, and raw or matched.

They are those of Table 2 of the paper (Agustsson et al., ICLR 2019), with its analogy and its
random walk beside them.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

import otmaps

Array = npt.NDArray[Any]

EPS = 0.5
STEPS = 20
_CHUNK = 2000  # walks at once: a walk keeps every step, so all of them would fill the memory


@dataclass(frozen=True)
class Condition:
    """One row: an operation, and how it is applied.

    Attributes
    ----------
    operation : str
        In words, such as "4-point average".
    treatment : str
        "fresh", "linear", "slerp", "raw" or "matched".
    """

    operation: str
    treatment: str

    @property
    def key(self) -> str:
        """A short name for machines, such as "4-point average, matched"."""
        return f"{self.operation}, {self.treatment}"


RANDOM = Condition("random samples", "fresh")
TWO_POINT = "2-point midpoint"
FOUR_POINT = "4-point average"
ANALOGY = "analogy"
WALK = f"walk of {STEPS} steps"

CONDITIONS = (
    RANDOM,
    Condition(TWO_POINT, "linear"),
    Condition(TWO_POINT, "slerp"),
    Condition(TWO_POINT, "matched"),
    Condition(FOUR_POINT, "linear"),
    Condition(FOUR_POINT, "matched"),
    Condition(ANALOGY, "raw"),
    Condition(ANALOGY, "matched"),
    Condition(WALK, "raw"),
    Condition(WALK, "matched"),
)


def condition_latents(
    prior: otmaps.Distribution, dim: int, n: int, seed: int
) -> Iterator[tuple[Condition, Array]]:
    """The latents of every row, each of shape (n, dim) and float32.

    The rows of one operation start from the same draws, so that they differ in the treatment
    alone; different operations start from independent draws.

    Parameters
    ----------
    prior : Distribution
        The law of one component.
    dim, n : int
        The latent dimension, and the number of latents in a row.
    seed : int
        Of all draws.
    """

    def draws(stream: int, count: int) -> Array:
        rng = np.random.default_rng([seed, stream])
        return prior_draws(prior, (count, n, dim), rng)

    yield RANDOM, draws(1, 1)[0]
    for stream, operation, count, treatments in (
        (2, TWO_POINT, 2, _two_point(prior)),
        (4, FOUR_POINT, 4, _treatments(otmaps.barycenter([0.25] * 4), prior, "linear")),
        (3, ANALOGY, 3, _treatments(otmaps.analogy(), prior, "raw")),
    ):
        points = draws(stream, count)
        for treatment, apply in treatments.items():
            yield Condition(operation, treatment), np.asarray(apply(*points))
    for treatment in ("raw", "matched"):
        rng = np.random.default_rng([seed, 5])
        start = prior_draws(prior, (n, dim), rng)
        yield Condition(WALK, treatment), walk_ends(start, prior, rng, treatment == "matched")


def reference_latents(prior: otmaps.Distribution, dim: int, n: int, seed: int) -> Array:
    """Fresh draws of shape (n, dim), of a stream that no row uses: what rows are compared with."""
    return prior_draws(prior, (n, dim), np.random.default_rng([seed, 99]))


def prior_draws(
    prior: otmaps.Distribution, shape: tuple[int, ...], rng: np.random.Generator
) -> Array:
    """Draws as float32, which is what generators take."""
    return np.asarray(prior.rvs(shape, rng), dtype=np.float32)


def walk_ends(
    start: Array, prior: otmaps.Distribution, rng: np.random.Generator, matched: bool
) -> Array:
    """Where walks of `STEPS` steps of size `EPS` end."""
    walk = functools.partial(
        otmaps.random_walk, prior=prior, eps=EPS, steps=STEPS, matched=matched, random_state=rng
    )
    chunks = np.array_split(start, -(-len(start) // _CHUNK))
    return np.concatenate([walk(chunk)[-1] for chunk in chunks])


def _two_point(prior: otmaps.Distribution) -> dict[str, Callable[..., Any]]:
    both = _treatments(otmaps.lerp(0.5), prior, "linear")
    return {"linear": both["linear"], "slerp": otmaps.slerp(0.5).raw, "matched": both["matched"]}


def _treatments(
    op: otmaps.Operation, prior: otmaps.Distribution, raw: str
) -> dict[str, Callable[..., Any]]:
    return {raw: op.raw, "matched": otmaps.match(op, prior)}
