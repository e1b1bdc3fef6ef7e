"""The rows of the demo's table: which operation on latents, and raw or matched.

They are those of Table 2 of the paper (Agustsson et al., ICLR 2019), with its analogy and its
random walk beside them, and slerp. Slerp mixes the components of a latent: it can be matched where
the prior is isotropic, which of the laws with independent components the normal one alone is.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

import otmaps
from otmaps.demo._scores import squared_norms

Array = npt.NDArray[Any]

EPS = 0.5
STEPS = 20
NORMS = 10  # sets of fresh latents whose norms those of a row are compared with
_CHUNK = 2000  # walks at once: a walk keeps every step, so all of them would fill the memory


@dataclass(frozen=True)
class Condition:
    """One row: an operation, and how it is applied.

    Attributes
    ----------
    operation : str
        In words, such as "4-point average".
    treatment : str
        "fresh", "linear", "raw" or "matched".
    """

    operation: str
    treatment: str

    @property
    def key(self) -> str:
        """A short name for machines, such as "4-point average, matched"."""
        return f"{self.operation}, {self.treatment}"


RANDOM = Condition("random samples", "fresh")
TWO_POINT = "2-point midpoint"
SLERP = "slerp midpoint"
FOUR_POINT = "4-point average"
ANALOGY = "analogy"
WALK = f"walk of {STEPS} steps"

MATCHED_SLERP = Condition(SLERP, "matched")

_EVERYWHERE = (
    RANDOM,
    Condition(TWO_POINT, "linear"),
    Condition(TWO_POINT, "matched"),
    Condition(SLERP, "raw"),
    MATCHED_SLERP,
    Condition(FOUR_POINT, "linear"),
    Condition(FOUR_POINT, "matched"),
    Condition(ANALOGY, "raw"),
    Condition(ANALOGY, "matched"),
    Condition(WALK, "raw"),
    Condition(WALK, "matched"),
)


def conditions(prior: otmaps.Distribution) -> tuple[Condition, ...]:
    """The rows for a prior, in their order."""
    isotropic = is_isotropic(prior)
    return tuple(row for row in _EVERYWHERE if isotropic or row != MATCHED_SLERP)


def is_isotropic(prior: otmaps.Distribution) -> bool:
    """Whether latents with such components, independent, have a law that no rotation changes."""
    return isinstance(prior, otmaps.Normal) and prior.loc == 0.0


def condition_latents(
    prior: otmaps.Distribution, dim: int, n: int, seed: int
) -> Iterator[tuple[Condition, Array]]:
    """The latents of every row, each of shape (n, dim) and float32.

    The rows of one operation start from the same draws, so that they differ in the treatment
    alone, and so do both kinds of midpoints; other operations start from independent draws.

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
        (2, TWO_POINT, 2, _treatments(otmaps.lerp(0.5), prior, "linear")),
        (2, SLERP, 2, slerp_treatments(prior, dim)),
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


def reference_norms(prior: otmaps.Distribution, dim: int, n: int, seed: int) -> Array:
    """Squared norms of `NORMS` times n fresh draws, of one more stream."""
    rng = np.random.default_rng([seed, 98])
    return np.concatenate([squared_norms(prior_draws(prior, (n, dim), rng)) for _ in range(NORMS)])


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


def slerp_treatments(prior: otmaps.Distribution, dim: int) -> dict[str, Callable[..., Any]]:
    """Slerp to the middle as it is, and matched where it can be."""
    op = otmaps.slerp(0.5)
    if not (isinstance(prior, otmaps.Normal) and is_isotropic(prior)):
        return {"raw": op.raw}
    matched, scale = otmaps.match(op, otmaps.StandardNormal(dim)), np.float32(prior.scale)
    # Slerp knows no scale: what is matched for latents of unit variance is matched for all.
    return {"raw": op.raw, "matched": lambda a, b: matched(a / scale, b / scale) * scale}


def _treatments(
    op: otmaps.Operation, prior: otmaps.Distribution, raw: str
) -> dict[str, Callable[..., Any]]:
    return {raw: op.raw, "matched": otmaps.match(op, prior)}
