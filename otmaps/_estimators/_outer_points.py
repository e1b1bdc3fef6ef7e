"""Randomised point sets for the inputs that are conditioned on, with weights.

A scrambled Sobol set serves any function. Where the function is smooth, a rank-1 lattice with
a random shift is more accurate by far once the function has become periodic: each coordinate is
bent by the cdf psi of a beta law, whose density psi' vanishes at 0 and 1 and is the weight of the
point (Sidi 1993; Sloan and Joe, Lattice Methods for Multiple Integration, 1994, section 2.12).
"""

from __future__ import annotations

import abc
import dataclasses
import functools
import math
from collections.abc import Iterator
from typing import final

import numpy as np
import numpy.typing as npt
from scipy.special import beta, betainc

from otmaps._arrays import FloatArray
from otmaps._distribution import Distribution
from otmaps._estimators._rqmc import scrambled_sobol

IntArray = npt.NDArray[np.int64]
BoolArray = npt.NDArray[np.bool_]
# Points by their distance from the nearer end of (0, 1), whether that is 1, and the weights.
Block = tuple[FloatArray, BoolArray, FloatArray]

_LEAST = 2.0**-40  # a point on an end of (0, 1) becomes one next to it
_DECAY = 0.3  # weight of a coordinate in the criterion for lattices


class PointSet(abc.ABC):
    """A kind of randomised point set."""

    @abc.abstractmethod
    def blocks(self, n: int, d: int, rng: np.random.Generator, size: int) -> Iterator[Block]:
        """One randomisation of up to n points in d dimensions, in blocks of at most ``size``."""

    @property
    @abc.abstractmethod
    def label(self) -> str:
        """What `law.method` says."""

    @abc.abstractmethod
    def inflation(self, d: int) -> float:
        """The mean square of the weights over the square of their mean."""


@final
@dataclasses.dataclass(frozen=True)
class Sobol(PointSet):
    """Sobol points with a random linear scramble and digital shift; n must be a power of two."""

    @property
    def label(self) -> str:
        return "scrambled Sobol"

    def inflation(self, d: int) -> float:  # noqa: ARG002 - all weights are equal
        return 1.0

    def blocks(self, n: int, d: int, rng: np.random.Generator, size: int) -> Iterator[Block]:
        engine = scrambled_sobol(d, np.random.SeedSequence(int(rng.integers(2**63))))
        for start in range(0, n, size):
            u = np.maximum(engine.random(min(size, n - start)), _LEAST)
            upper = u > 0.5
            yield np.where(upper, 1.0 - u, u), upper, np.ones(len(u))


@final
@dataclasses.dataclass(frozen=True)
class Lattice(PointSet):
    """A rank-1 lattice, reflected and shifted at random, and made periodic.

    ``power + 1`` is both parameters of the beta laws.
    """

    power: float

    @property
    def label(self) -> str:
        return f"shifted lattice, periodic of order {self.power:g}"

    def inflation(self, d: int) -> float:
        a = self.power
        return float(beta(2.0 * a + 1.0, 2.0 * a + 1.0) / beta(a + 1.0, a + 1.0) ** 2) ** d

    def blocks(self, n: int, d: int, rng: np.random.Generator, size: int) -> Iterator[Block]:
        n, vector = generating_vector(n, d)
        # Reflected lattices are as good for the average function, and not for one function.
        vector = np.where(rng.random(d) < 0.5, vector, n - vector)
        shift = rng.random(d)
        a = self.power
        for start in range(0, n, size):
            index = np.arange(start, min(start + size, n))[:, None]
            v = (index * vector % n / n + shift) % 1.0
            upper = v > 0.5
            near = np.maximum(np.where(upper, 1.0 - v, v), _LEAST)
            weights = np.prod((near * (1.0 - near)) ** a / beta(a + 1.0, a + 1.0), axis=1)
            yield np.asarray(betainc(a + 1.0, a + 1.0, near)), upper, weights


@functools.lru_cache(maxsize=32)
def generating_vector(n: int, d: int) -> tuple[int, IntArray]:
    """The largest prime up to n, and a generating vector of a good lattice of that size.

    Component by component with product weights in the space of mixed first derivatives, by fast
    Fourier transforms: Nuyens and Cools, Math. Comp. 75 (2006), algorithm 1.
    """
    while not _is_prime(n):
        n -= 1
    powers = _powers_of_a_root(n)
    x = powers / n
    kernel = 2.0 * math.pi**2 * (x * x - x + 1.0 / 6.0)
    transform = np.fft.rfft(kernel)
    back = powers[-np.arange(n - 1) % (n - 1)]  # powers of the inverse of the root
    product = np.ones(n - 1)
    vector: list[int] = []
    for _ in range(d):
        errors = np.fft.irfft(transform * np.fft.rfft(product), n - 1)
        best = int(powers[int(np.argmin(errors))]) if vector else 1
        vector.append(best)
        y = back * best % n / n
        product *= 1.0 + _DECAY * 2.0 * math.pi**2 * (y * y - y + 1.0 / 6.0)
    return n, np.array(vector, dtype=np.int64)


def _is_prime(n: int) -> bool:
    return n >= 2 and all(n % p for p in range(2, math.isqrt(n) + 1))


def _powers_of_a_root(n: int) -> IntArray:
    """1, g, g^2, ... modulo a prime n, for the smallest generator g of its units."""
    rest, factors, p = n - 1, [], 2
    while p * p <= rest:
        if rest % p == 0:
            factors.append(p)
            rest //= p
        else:
            p += 1
    factors.append(rest)
    root = next(
        g for g in range(2, n) if all(pow(g, (n - 1) // f, n) != 1 for f in factors if f > 1)
    )
    powers = np.ones(n - 1, dtype=np.int64)
    filled, step = 1, root
    while filled < n - 1:  # doubling: g^(k + filled) = g^k g^filled
        more = min(filled, n - 1 - filled)
        powers[filled : filled + more] = powers[:more] * step % n
        filled += more
        step = step * step % n
    return powers


def quantiles(block: Block, laws: tuple[Distribution, ...]) -> list[FloatArray]:
    """The points as values of the inputs, from the nearer tail."""
    near, upper, _ = block
    out = []
    for column, law in enumerate(laws):
        values = np.empty(len(near))
        high = upper[:, column]
        values[~high] = law.ppf(near[~high, column])
        values[high] = law.isf(near[high, column])
        out.append(values)
    return out
