"""Laws of finitely many atoms."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Iterable
from typing import Any, final

import numpy as np

from otmaps._arrays import FloatArray, frozen, real_array
from otmaps._distribution import Distribution

EPS = float(np.finfo(float).eps)
# How far a sum of probabilities may be off 1: what float64 arithmetic on them leaves.
SUM_TOLERANCE = 1e-10
# A level this close to a step, relatively, is on it: 0.1 + 0.2 is to reach the level 0.3.
ON_STEP = 4.0 * EPS


def checked_masses(values: Any, name: str, *, positive: bool) -> FloatArray:
    """Probabilities that add up to 1, normalised; ``positive`` refuses zeros too.

    Raises
    ------
    ValueError
        For negative numbers, and for a sum that is off 1 by more than rounding.
    """
    masses = real_array(values, name).astype(np.float64)
    if masses.ndim != 1 or masses.size == 0:
        raise ValueError(f"{name} must be one-dimensional and not empty, got shape {masses.shape}.")
    good = masses > 0.0 if positive else masses >= 0.0
    if not (good & np.isfinite(masses)).all():
        worst = float(masses[~(good & np.isfinite(masses))][0])
        kind = "positive" if positive else "not negative"
        raise ValueError(f"{name} must be {kind} and finite, got {worst!r} among them.")
    total = math.fsum(masses.tolist())
    if abs(total - 1.0) > SUM_TOLERANCE:
        raise ValueError(f"{name} must add up to 1, got {total!r}. Divide them by their sum.")
    return masses / total


def checked_errors(values: Any) -> tuple[float, float]:
    """The stated errors of probabilities that were computed.

    Raises
    ------
    ValueError
        For anything but two numbers that are not negative.
    """
    if len(values) != 2 or not all(value >= 0.0 for value in values):
        raise ValueError(
            f"errors must be two numbers that are not negative, got {values!r}: a bound on the "
            "error of the cdf, and on the relative error of its nearer tail."
        )
    first, second = (float(value) for value in values)
    return first, second


@final
@dataclasses.dataclass(frozen=True)
class Discrete(Distribution):
    """The law of finitely many atoms: ``points[i]`` with probability ``probabilities[i]``.

    A monotone map can lead to such a law, not start from it. One point alone is the constant, for
    use in a `Mixture`.

    Parameters
    ----------
    points : array_like
        Finite numbers, one-dimensional, in any order; equal ones are joined.
    probabilities : array_like
        One for each point, not negative, adding up to 1 within rounding; they are normalised, and
        points of probability 0 are left out.
    errors : tuple of float, optional
        Of probabilities that were computed: bounds on the error that they leave in the cdf, and on
        the relative error of its nearer tail.

    Raises
    ------
    TypeError, ValueError
        For anything else; the message names the argument.

    Notes
    -----
    ``points`` and ``probabilities`` become sorted tuples. `error` and `tail_error` are those of the
    sums for the probabilities as given, and ``errors``.

    Examples
    --------
    >>> import otmaps
    >>> law = otmaps.Discrete([0.0, 1.0], [0.25, 0.75])
    >>> law.atoms, law.cdf(0.5)
    (((0.0, 0.25), (1.0, 0.75)), 0.25)
    """

    points: Any
    probabilities: Any
    errors: tuple[float, float] = dataclasses.field(default=(0.0, 0.0), repr=False, kw_only=True)
    _at: FloatArray = dataclasses.field(init=False, repr=False, compare=False)
    _below: FloatArray = dataclasses.field(init=False, repr=False, compare=False)
    _above: FloatArray = dataclasses.field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        points = real_array(self.points, "points").astype(np.float64) + 0.0  # no -0.0
        masses = checked_masses(self.probabilities, "probabilities", positive=False)
        if points.shape != masses.shape:
            raise ValueError(
                f"points and probabilities must have one length, got shapes {points.shape} and "
                f"{masses.shape}."
            )
        if not np.isfinite(points).all():
            raise ValueError("points must be finite; remove what is NaN or infinite.")
        points, masses = points[masses > 0], masses[masses > 0]
        at, owner = np.unique(points, return_inverse=True)
        joined = np.bincount(owner.ravel(), weights=masses)
        fields = {
            "points": tuple(at.tolist()),
            "probabilities": tuple(joined.tolist()),
            "errors": checked_errors(self.errors),
            "_at": frozen(at),
            "_below": frozen(_running_sums(joined.tolist())),
            "_above": frozen(np.append(_running_sums(joined[:0:-1].tolist())[::-1], 0.0)),
        }
        for name, value in fields.items():
            object.__setattr__(self, name, value)

    def _support(self) -> tuple[float, float]:
        return float(self._at[0]), float(self._at[-1])

    def _breakpoints(self) -> tuple[float, ...]:
        return tuple(self.points)

    def _atoms(self) -> tuple[tuple[float, float], ...]:
        return tuple(zip(self.points, self.probabilities, strict=True))

    def _error(self) -> float:
        return 4.0 * EPS + self.errors[0]

    def _tail_error(self) -> float:
        return 4.0 * EPS + self.errors[1]

    def _symmetry(self) -> float | None:
        centre = 0.5 * float(self._at[0]) + 0.5 * float(self._at[-1])
        mirrored = tuple((2.0 * centre - self._at[::-1]).tolist())
        same = mirrored == self.points and self.probabilities == self.probabilities[::-1]
        return centre if same else None

    def _recipe(self) -> dict[str, Any] | None:
        return {
            "law": "Discrete",
            "points": [x.hex() for x in self.points],
            "probabilities": [p.hex() for p in self.probabilities],
            "errors": [e.hex() for e in self.errors],
        }

    def _heights(self, x: FloatArray) -> tuple[FloatArray, FloatArray]:
        """The masses up to each point and beyond it; inside the support there are both."""
        last = np.searchsorted(self._at, x, side="right") - 1
        return np.asarray(self._below[last]), np.asarray(self._above[last])

    def _cdf(self, x: FloatArray) -> FloatArray:
        below, above = self._heights(x)
        return np.where(below < 0.5, below, 1.0 - above)

    def _sf(self, x: FloatArray) -> FloatArray:
        below, above = self._heights(x)
        return np.where(above < 0.5, above, 1.0 - below)

    def _pdf(self, x: FloatArray) -> FloatArray:
        return np.zeros_like(x)

    def _ppf(self, p: FloatArray) -> FloatArray:
        first = np.searchsorted(self._below, p * (1.0 - ON_STEP), side="left")
        return np.asarray(self._at[np.minimum(first, self._at.size - 1)])

    def _isf(self, q: FloatArray) -> FloatArray:
        return np.asarray(
            self._at[np.searchsorted(-self._above, -q * (1.0 + ON_STEP), side="left")]
        )

    def _ilogcdf(self, logp: FloatArray) -> FloatArray:
        # Asked below exp(-700), where exp still orders the levels against the smallest double.
        return self._ppf(np.exp(logp))

    def _ilogsf(self, logq: FloatArray) -> FloatArray:
        return self._isf(np.exp(logq))

    def _rvs(self, shape: tuple[int, ...], rng: np.random.Generator) -> FloatArray:
        return np.asarray(rng.choice(self._at, size=shape, p=self.probabilities))

    def _mean(self) -> float:
        return math.fsum(p * x for x, p in self._atoms())

    def _std(self) -> float:
        mean = self._mean()
        return math.sqrt(math.fsum(p * (x - mean) ** 2 for x, p in self._atoms()))

    def moved(self, points: Any) -> Discrete:
        """The law with other points, in the order of those that they are the images of."""
        return dataclasses.replace(self, points=points)

    def _affine(self, scale: float, shift: float) -> Distribution:
        return self.moved(scale * self._at + shift)


def _running_sums(values: Iterable[float]) -> FloatArray:
    """Cumulative sums, each to about one rounding (Neumaier's compensated summation)."""
    out, total, rest = [], 0.0, 0.0
    for value in values:  # positive, so that the compensation is exact in the branch it needs
        new = total + value
        rest += (total - new) + value if total >= value else (value - new) + total
        total = new
        out.append(total + rest)
    return np.array(out, dtype=np.float64)
