"""Exact laws of what maxima and minima make of independent variables: medians, ranks, gates."""

from __future__ import annotations

import dataclasses
import functools
import itertools
from collections.abc import Callable, Sequence
from typing import Any, final

import numpy as np
import numpy.typing as npt

from otmaps._arrays import FloatArray
from otmaps._distribution import Distribution

MOST_LAWS = 12
# A lattice polynomial of values: of numbers by max and min, of arrays by maximum and minimum.
Polynomial = Callable[[Sequence[FloatArray]], FloatArray]


@final
@dataclasses.dataclass(frozen=True, eq=False)
class Lattice(Distribution):
    """The law of a lattice polynomial of independent variables without atoms.

    The polynomial is at most y exactly where it is so of the indicators of the variables being
    above y. So its cdf is a sum over the choices of which variables are at most y, of products of
    cdf and sf: positive terms, which keep the relative accuracy of both tails.

    Attributes
    ----------
    laws : tuple of Distribution
    below : ndarray of bool, shape (2,) * number of laws
        Whether the value is at most y, by which of the variables are (index 1).
    ends : tuple of float
        The support.
    """

    laws: tuple[Distribution, ...]
    below: npt.NDArray[np.bool_]
    ends: tuple[float, float]

    def _support(self) -> tuple[float, float]:
        return self.ends

    def _breakpoints(self) -> tuple[float, ...]:
        low, high = self.ends
        inside = {b for law in self.laws for b in law.breakpoints if low <= b <= high}
        return tuple(sorted(inside))

    def _error(self) -> float:
        return sum(law.error for law in self.laws) + 1e-15

    def _tail_error(self) -> float:
        return sum(max(law.tail_error, 2.0 * law.error) for law in self.laws) + 1e-14

    def _recipe(self) -> dict[str, Any] | None:
        recipes = [law.recipe() for law in self.laws]
        if None in recipes:
            return None
        table = "".join(str(int(b)) for b in self.below.ravel())
        return {"law": "Lattice", "laws": recipes, "below": table}

    def _sum(self, x: FloatArray, *, upper: bool) -> FloatArray:
        factors = self._factors(x)
        out = np.zeros_like(x)
        for choice in itertools.product((0, 1), repeat=len(self.laws)):
            if bool(self.below[choice]) != upper:
                out += np.prod([f[c] for f, c in zip(factors, choice, strict=True)], axis=0)
        return out

    def _factors(self, x: FloatArray) -> list[tuple[FloatArray, FloatArray]]:
        """Of each variable the probabilities to be above x, and to be at most x."""
        return [(np.asarray(law.sf(x)), np.asarray(law.cdf(x))) for law in self.laws]

    def _cdf(self, x: FloatArray) -> FloatArray:
        return self._sum(x, upper=False)

    def _sf(self, x: FloatArray) -> FloatArray:
        return self._sum(x, upper=True)

    def _pdf(self, x: FloatArray) -> FloatArray:
        factors = self._factors(x)
        out = np.zeros_like(x)
        for i, law in enumerate(self.laws):
            others = [f for k, f in enumerate(factors) if k != i]
            # Where the value goes to at most x together with variable i.
            turns = np.take(self.below, 1, axis=i) & ~np.take(self.below, 0, axis=i)
            density = np.asarray(law.pdf(x))
            for choice in zip(*np.nonzero(turns), strict=True):
                product = density
                for f, c in zip(others, choice, strict=True):
                    product = product * f[c]
                out += product
        return out


def lattice(laws: Sequence[Distribution], polynomial: Polynomial) -> Distribution | None:
    """The law of a lattice polynomial; None where laws have atoms or are too many."""
    if len(laws) > MOST_LAWS or any(law.atoms for law in laws):
        return None
    corners = np.indices((2,) * len(laws)).astype(float)
    # 1 stands for a variable above y, and 0 for one that is not.
    above = np.broadcast_to(polynomial(list(1.0 - corners)), corners.shape[1:])
    supports = [law.support() for law in laws]
    low, high = (float(polynomial([np.array(support[k]) for support in supports])) for k in (0, 1))
    return Lattice(tuple(laws), np.asarray(above) == 0.0, (low, high))


def polynomial_of(tree: Any) -> Polynomial:
    """The function of a tree of (ufunc, left, right) with numbers of variables for leaves."""

    def value(node: Any, z: Sequence[FloatArray]) -> FloatArray:
        if isinstance(node, int):
            return z[node]
        function, *branches = node
        return np.asarray(function(*(value(branch, z) for branch in branches)))

    return functools.partial(value, tree)
