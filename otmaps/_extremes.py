"""Laws of the largest and the smallest of independent variables: exact."""

from __future__ import annotations

import dataclasses
import functools
import math
from collections.abc import Sequence
from typing import Any, final

import numpy as np

from otmaps._arrays import FloatArray
from otmaps._discrete import EPS, Discrete
from otmaps._distribution import Distribution
from otmaps._inversion import invert_monotone
from otmaps._mixture import Mixture
from otmaps._truncated import above


@final
@dataclasses.dataclass(frozen=True)
class Extreme(Distribution):
    """The law of the largest, or the smallest, of independent variables.

    Of the largest, cdf = prod_i cdf_i, and sf = -expm1(sum_i log1p(-sf_i)), which has the relative
    accuracy of its terms.

    Attributes
    ----------
    laws : tuple of Distribution
        One for each variable; without atoms.
    largest : bool
        False for the smallest.
    """

    laws: tuple[Distribution, ...]
    largest: bool = True

    def _support(self) -> tuple[float, float]:
        lows, highs = zip(*(law.support() for law in self.laws), strict=True)
        outer = max if self.largest else min
        return outer(lows), outer(highs)

    def _breakpoints(self) -> tuple[float, ...]:
        low, high = self._support()
        inner = {b for law in self.laws for b in law.breakpoints if low < b < high}
        return tuple(sorted(inner | {e for e in (low, high) if math.isfinite(e)}))

    def _error(self) -> float:
        return sum(law.error for law in self.laws) + len(self.laws) * EPS

    def _tail_error(self) -> float:
        # Where all are on one side some factors may be above one half; there their relative
        # error is at most what it is in a tail.
        return sum(law.tail_error for law in self.laws) + 4.0 * len(self.laws) * EPS

    def _affine(self, scale: float, shift: float) -> Distribution:
        # Of the laws, which may know distances from their ends better than their difference.
        laws = tuple(law.affine(scale, shift) for law in self.laws)
        return Extreme(laws, self.largest == (scale > 0.0))

    def _method(self) -> str:
        methods = dict.fromkeys(law.method for law in self.laws)
        return "closed form" if [*methods] == ["closed form"] else f"extreme: {', '.join(methods)}"

    def _recipe(self) -> dict[str, Any] | None:
        recipes = [law.recipe() for law in self.laws]
        if None in recipes:
            return None
        return {"law": "Extreme", "laws": recipes, "largest": self.largest}

    @functools.cached_property
    def _counted(self) -> list[tuple[Distribution, int]]:
        """Each law once, and how often: a thousand equal ones cost as much as one."""
        counts: list[tuple[Distribution, int]] = []
        for law in self.laws:
            for i, (other, count) in enumerate(counts):
                if other == law:
                    counts[i] = (other, count + 1)
                    break
            else:
                counts.append((law, 1))
        return counts

    # All are below x, for the largest, or above it, for the smallest; or one of them is beyond.
    def _all(self, x: FloatArray) -> FloatArray:
        # Powers, not exponentials of logarithms: those lose the digits of large logarithms.
        parts = ((law.cdf(x) if self.largest else law.sf(x), n) for law, n in self._counted)
        return np.asarray(math.prod(np.asarray(part) ** n for part, n in parts))

    def _log_all(self, x: FloatArray) -> FloatArray:
        parts = ((law.logcdf(x) if self.largest else law.logsf(x), n) for law, n in self._counted)
        return np.asarray(sum(n * np.asarray(part) for part, n in parts))

    def _one(self, x: FloatArray) -> FloatArray:
        return np.asarray(-np.expm1(self._log_all(x)))

    def _log_one(self, x: FloatArray) -> FloatArray:
        one = self._one(x)
        plain = np.where(one < 0.5, np.log(one), np.log1p(-np.minimum(self._all(x), 0.75)))
        # Where that underflows, the sum of the tails is all there is.
        parts = ((law.logsf(x) if self.largest else law.logcdf(x), n) for law, n in self._counted)
        terms = np.array([math.log(n) + np.asarray(part) for part, n in parts])
        deep = terms.max(axis=0) < math.log(EPS) - 4.0
        plain[deep] = np.logaddexp.reduce(terms[:, deep], axis=0)
        return plain

    def _cdf(self, x: FloatArray) -> FloatArray:
        return self._all(x) if self.largest else self._one(x)

    def _sf(self, x: FloatArray) -> FloatArray:
        return self._one(x) if self.largest else self._all(x)

    def _logcdf(self, x: FloatArray) -> FloatArray:
        return self._log_all(x) if self.largest else self._log_one(x)

    def _logsf(self, x: FloatArray) -> FloatArray:
        return self._log_one(x) if self.largest else self._log_all(x)

    def _logpdf(self, x: FloatArray) -> FloatArray:
        terms = []
        for law, n in self._counted:
            log = math.log(n) + np.asarray(law.logpdf(x))
            for other, m in self._counted:  # all others on their side; no difference of infinities
                count = m - (other is law)
                if count:
                    side = other.logcdf(x) if self.largest else other.logsf(x)
                    log = log + count * np.asarray(side)
            terms.append(log)
        return np.asarray(np.logaddexp.reduce(np.array(terms), axis=0))

    def _pdf(self, x: FloatArray) -> FloatArray:
        return np.exp(self._logpdf(x))

    def _ilogcdf(self, logp: FloatArray) -> FloatArray:
        if self.largest and len(self._counted) == 1:
            law, n = self._counted[0]
            return np.asarray(law.ilogcdf(logp / n))
        return self._searched(logp, upper=False)

    def _ilogsf(self, logq: FloatArray) -> FloatArray:
        if not self.largest and len(self._counted) == 1:
            law, n = self._counted[0]
            return np.asarray(law.ilogsf(logq / n))
        return self._searched(logq, upper=True)

    def _searched(self, goal: FloatArray, *, upper: bool) -> FloatArray:
        def slope(x: FloatArray) -> FloatArray:
            tail = self._logsf(x) if upper else self._logcdf(x)
            return (-1.0 if upper else 1.0) * np.exp(self._logpdf(x) - tail)

        function = self._logsf if upper else self._logcdf
        return invert_monotone(function, slope, goal, self._support(), increasing=not upper)

    # Kept: sums ask for the moments of each of their terms, again and again.
    @functools.cached_property
    def _average(self) -> float:
        return super()._mean()

    @functools.cached_property
    def _deviation(self) -> float:
        return super()._std()

    def _mean(self) -> float:
        return self._average

    def _std(self) -> float:
        return self._deviation

    def _rvs(self, shape: tuple[int, ...], rng: np.random.Generator) -> FloatArray:
        draws = [np.asarray(law.rvs(shape, rng)) for law in self.laws]
        return np.asarray((np.max if self.largest else np.min)(draws, axis=0))


def at_least(law: Distribution, floor: float) -> Distribution | None:
    """The law of max(X, floor): an atom at the floor, and what is above.

    None where the law has atoms that it does not tell apart from the rest.
    """
    low, high = law.support()
    if low >= floor:
        return law
    if high <= floor:
        return Discrete([floor], [1.0])
    if isinstance(law, Discrete):
        return law.moved(np.maximum(law.points, floor))
    if isinstance(law, Mixture):
        parts = [at_least(part, floor) for part in law.laws]
        return None if None in parts else _joined(parts, law.weights, law.errors)
    if law.atoms:
        return None
    at_floor, beyond = float(law.cdf(floor)), float(law.sf(floor))
    if beyond == 0.0:
        return Discrete([floor], [1.0])
    if at_floor == 0.0:
        return law
    return Mixture([Discrete([floor], [1.0]), above(law, floor)], [at_floor, beyond])


def _joined(
    laws: Sequence[Any], weights: Sequence[float], errors: tuple[float, float] = (0.0, 0.0)
) -> Distribution:
    """A mixture, with the atoms of its parts in one discrete law and no mixtures inside.

    ``errors`` are those of the weights.
    """
    atoms: dict[float, float] = {}
    rest: list[tuple[Distribution, float]] = []
    stated = [errors]
    for law, weight in zip(laws, weights, strict=True):
        inner = zip(law.laws, law.weights, strict=True) if isinstance(law, Mixture) else [(law, 1)]
        if isinstance(law, Mixture):
            stated.append((weight * law.errors[0], law.errors[1]))
        for part, share in inner:
            if isinstance(part, Discrete):
                stated.append((weight * share * part.errors[0], part.errors[1]))
                for at, mass in part.atoms:
                    atoms[at] = atoms.get(at, 0.0) + weight * share * mass
            else:
                rest.append((part, weight * share))
    total = sum(error for error, _ in stated), sum(tail for _, tail in stated)
    if atoms:
        mass = math.fsum(atoms.values())
        only = total if not rest else (0.0, 0.0)
        steps = Discrete([*atoms], [m / mass for m in atoms.values()], errors=only)
        rest.append((steps, mass))
    if len(rest) == 1:
        return rest[0][0]
    return Mixture(*zip(*rest, strict=True), errors=total)


def mixture(
    laws: Sequence[Distribution],
    weights: Sequence[float],
    errors: tuple[float, float] = (0.0, 0.0),
) -> Distribution:
    """A mixture without parts of no weight, with its atoms joined; one part alone is itself.

    ``errors`` are those that the weights leave in the cdf, and relative, in its nearer tail.
    """
    kept = [(law, weight) for law, weight in zip(laws, weights, strict=True) if weight > 0.0]
    total = math.fsum(weight for _, weight in kept)
    return _joined([law for law, _ in kept], [weight / total for _, weight in kept], errors)


def maximum(laws: Sequence[Distribution], floor: float | None = None) -> Distribution | None:
    """The law of the largest of independent variables, and of a constant.

    None where laws have atoms, and more than one of them can be the largest.
    """
    floor = -math.inf if floor is None else floor
    steps = [law for law in laws if isinstance(law, Discrete)]
    rest = [law for law in laws if not isinstance(law, Discrete)]
    if len(laws) == 1 or not any(law.atoms for law in rest):
        largest = _largest_step(steps, floor)
        if not rest:
            return largest
        base = rest[0] if len(rest) == 1 else Extreme(tuple(rest))
        if largest is None:
            return base
        # By the value of the largest of the steps.
        sides = [at_least(base, at) for at, _ in largest.atoms]
        if None not in sides:
            masses = [mass for _, mass in largest.atoms]
            kept = [side for side in sides if side is not None]
            return mixture(kept, masses, largest.errors)
    return None


def _largest_step(steps: Sequence[Discrete], floor: float) -> Discrete | None:
    """The law of the largest of discrete variables and of a constant."""
    if not steps:
        return None if floor == -math.inf else Discrete([floor], [1.0])
    raised = [law.moved(np.maximum(law.points, floor)) for law in steps]
    at = np.unique(np.concatenate([law.points for law in raised]))
    masses = np.zeros(at.size)
    before = np.ones(at.size)  # of the laws so far: the probability to be below each point
    for law in raised:
        own = np.zeros(at.size)
        own[np.searchsorted(at, law.points)] = law.probabilities
        below = np.append(0.0, np.asarray(law.cdf(at[:-1])))
        # The largest is at a point where one is there, and the others are not beyond.
        masses = masses * (below + own) + before * own
        before = before * below
    errors = sum(law.errors[0] for law in raised), sum(law.errors[1] for law in raised)
    kept = masses > 0
    return Discrete(at[kept], masses[kept] / math.fsum(masses), errors=errors)
