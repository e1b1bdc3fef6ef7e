"""Finite mixtures of laws."""

from __future__ import annotations

import dataclasses
import functools
import math
from collections.abc import Callable
from typing import Any, final

import numpy as np

from otmaps._arrays import FloatArray
from otmaps._discrete import EPS, ON_STEP, checked_errors, checked_masses
from otmaps._distribution import Distribution
from otmaps._inversion import midpoint

_LOG_HALF = math.log(0.5)
_MOST_STEPS = 400


@final
@dataclasses.dataclass(frozen=True)
class Mixture(Distribution):
    """The law of a draw from one of ``laws``, the i-th with probability ``weights[i]``.

    Parameters
    ----------
    laws : sequence of Distribution
        At least one; discrete ones are welcome.
    weights : array_like
        One for each law, positive, adding up to 1 within rounding; they are normalised.
    errors : tuple of float, optional
        Of weights that were computed: bounds on the error that they leave in the cdf, and on the
        relative error of its nearer tail.

    Raises
    ------
    TypeError, ValueError
        For anything else; the message names the argument.

    Notes
    -----
    All sums have positive terms, so the mixture keeps the relative accuracy of its components:
    `error` is the weighted mean of theirs, `tail_error` the largest of theirs, plus roundings and
    ``errors``.
    ``laws`` and ``weights`` become tuples.

    Examples
    --------
    >>> import otmaps
    >>> law = otmaps.Mixture([otmaps.Normal(-2.0), otmaps.Normal(2.0)], [0.5, 0.5])
    >>> law.symmetry
    0.0
    """

    laws: Any
    weights: Any
    errors: tuple[float, float] = dataclasses.field(default=(0.0, 0.0), repr=False, kw_only=True)

    def __post_init__(self) -> None:
        if isinstance(self.laws, Distribution | str):
            raise TypeError(f"laws must be a list of laws, got {self.laws!r}.")
        laws = tuple(self.laws)
        for law in laws:
            if not isinstance(law, Distribution):
                raise TypeError(f"laws holds {law!r}, which is no law; use as_distribution on it.")
        weights = checked_masses(self.weights, "weights", positive=True)
        if len(laws) != weights.size:
            raise ValueError(
                f"laws and weights must have one length, got {len(laws)} and {weights.size}."
            )
        object.__setattr__(self, "laws", laws)
        object.__setattr__(self, "weights", tuple(weights.tolist()))
        object.__setattr__(self, "errors", checked_errors(self.errors))

    # ------------------------------------------------------------------------- what is known of it
    def _support(self) -> tuple[float, float]:
        lows, highs = zip(*(law.support() for law in self.laws), strict=True)
        return min(lows), max(highs)

    def _breakpoints(self) -> tuple[float, ...]:
        return tuple(sorted({b for law in self.laws for b in law.breakpoints}))

    def _atoms(self) -> tuple[tuple[float, float], ...]:
        return self._joined_atoms

    @functools.cached_property
    def _joined_atoms(self) -> tuple[tuple[float, float], ...]:
        masses: dict[float, float] = {}
        for law, weight in zip(self.laws, self.weights, strict=True):
            for location, mass in law.atoms:
                masses[location] = masses.get(location, 0.0) + weight * mass
        return tuple(sorted(masses.items()))

    def _error(self) -> float:
        own = sum(w * law.error for law, w in zip(self.laws, self.weights, strict=True))
        return float(own) + self.errors[0] + self._rounding

    def _tail_error(self) -> float:
        # Where the mixture is in its tail, a light component may be above its own median.
        worst = max(max(law.tail_error, 2.0 * law.error) for law in self.laws)
        return float(worst) + self.errors[1] + self._rounding

    @property
    def _rounding(self) -> float:
        return (len(self.laws) + 4) * EPS

    def _symmetry(self) -> float | None:
        first: float | None = self.laws[0].symmetry
        if first is not None and all(law.symmetry == first for law in self.laws):
            return first
        centre = self._mean()
        if not math.isfinite(centre):
            return None
        unpaired = list(zip(self.laws, self.weights, strict=True))
        for law, weight in zip(self.laws, self.weights, strict=True):
            # A component is its own mirror image, or the image of another one of equal weight.
            image = law if law.symmetry == centre else law.affine(-1.0, 2.0 * centre)
            if (image, weight) not in unpaired:
                return None
            unpaired.remove((image, weight))
        return centre

    def _method(self) -> str:
        methods = dict.fromkeys(law.method for law in self.laws)
        return "closed form" if [*methods] == ["closed form"] else f"mixture: {', '.join(methods)}"

    def _recipe(self) -> dict[str, Any] | None:
        recipes = [law.recipe() for law in self.laws]
        if None in recipes:
            return None
        return {
            "law": "Mixture",
            "laws": recipes,
            "weights": [w.hex() for w in self.weights],
            "errors": [e.hex() for e in self.errors],
        }

    # -------------------------------------------------------------------------------- sums of terms
    def _sum(self, name: str, x: FloatArray) -> FloatArray:
        terms = zip(self.laws, self.weights, strict=True)
        return np.asarray(sum(w * np.asarray(getattr(law, name)(x)) for law, w in terms))

    def _log_sum(self, name: str, x: FloatArray) -> FloatArray:
        terms = np.array(
            [
                math.log(w) + np.asarray(getattr(law, name)(x))
                for law, w in zip(self.laws, self.weights, strict=True)
            ]
        )
        top = terms.max(axis=0)
        top = np.where(np.isfinite(top), top, 0.0)
        return np.asarray(top + np.log(np.exp(terms - top).sum(axis=0)))

    def _cdf(self, x: FloatArray) -> FloatArray:
        return np.minimum(self._sum("cdf", x), 1.0)

    def _sf(self, x: FloatArray) -> FloatArray:
        return np.minimum(self._sum("sf", x), 1.0)

    def _pdf(self, x: FloatArray) -> FloatArray:
        return self._sum("pdf", x)

    def _logcdf(self, x: FloatArray) -> FloatArray:
        out = self._log_sum("logcdf", x)
        upper = out > _LOG_HALF
        out[upper] = np.log1p(-self._sf(x[upper]))
        return out

    def _logsf(self, x: FloatArray) -> FloatArray:
        out = self._log_sum("logsf", x)
        lower = out > _LOG_HALF
        out[lower] = np.log1p(-self._cdf(x[lower]))
        return out

    def _logpdf(self, x: FloatArray) -> FloatArray:
        return self._log_sum("logpdf", x)

    # ------------------------------------------------------------------------------------ quantiles
    def _ilogcdf(self, logp: FloatArray) -> FloatArray:
        return self._crossing("logcdf", "ilogcdf", logp, 1.0)

    def _ilogsf(self, logq: FloatArray) -> FloatArray:
        return self._crossing("logsf", "ilogsf", logq, -1.0)

    def _crossing(self, name: str, inverse: str, goal: FloatArray, sign: float) -> FloatArray:
        """inf{x : sign * name(x) >= sign * goal}: the quantiles of the components bracket it."""
        ends = np.array([np.asarray(getattr(law, inverse)(goal)) for law in self.laws])
        low, high = ends.min(axis=0), ends.max(axis=0)
        slack = ON_STEP * (1.0 + np.abs(goal))
        value = self._level(name, sign)
        if self._joined_atoms:
            low, high = self._between_atoms(name, sign, sign * goal - slack, (low, high))
        open_ = np.flatnonzero((low < high) & np.isfinite(low) & np.isfinite(high))
        out = np.array(high)
        at_low = open_[value(low[open_]) >= sign * goal[open_] - slack[open_]]
        out[at_low] = low[at_low]
        open_ = np.setdiff1d(open_, at_low)
        out[open_] = self._search(name, sign, goal[open_], (low[open_], high[open_]))
        return out

    def _level(self, name: str, sign: float) -> Callable[[FloatArray], FloatArray]:
        function = getattr(self, name)
        return lambda x: sign * np.asarray(function(x))

    def _between_atoms(
        self, name: str, sign: float, goal: FloatArray, bracket: tuple[FloatArray, FloatArray]
    ) -> tuple[FloatArray, FloatArray]:
        """The bracket cut at the atoms, to one point where the goal is on the step of an atom."""
        at, mass = (np.array(column) for column in zip(*self._joined_atoms, strict=True))
        after = self._level(name, sign)(at)
        plain = np.asarray(self.cdf(at) if sign > 0 else self.sf(at))
        with np.errstate(divide="ignore"):
            before = sign * np.log(np.maximum(plain - sign * mass, 0.0))
        i = np.searchsorted(after, goal, side="left")  # the first atom that reaches the goal
        low = np.maximum(bracket[0], np.append(-math.inf, at)[i])
        high = np.minimum(bracket[1], np.append(at, math.inf)[i])
        on_step = np.append(before, math.inf)[i] < goal
        low[on_step] = high[on_step] = np.append(at, math.inf)[i][on_step]
        return low, high

    def _search(
        self, name: str, sign: float, goal: FloatArray, bracket: tuple[FloatArray, FloatArray]
    ) -> FloatArray:
        """Newton steps on the logarithm inside a bracket that halving shrinks."""
        low, high = bracket[0].copy(), bracket[1].copy()
        out, value = high.copy(), self._level(name, sign)
        x = midpoint(low, high)
        active = np.arange(goal.size)
        for iteration in range(_MOST_STEPS):
            if active.size == 0:
                break
            xa = x[active]
            level = value(xa)
            gap = level - sign * goal[active]
            with np.errstate(all="ignore"):
                step = gap / np.exp(np.asarray(self.logpdf(xa)) - sign * level)
            low[active] = np.where(gap < 0, xa, low[active])
            high[active] = np.where(gap >= 0, xa, high[active])
            la, ha = low[active], high[active]
            trial = xa - step
            inside = np.isfinite(trial) & (trial > la) & (trial < ha)
            if iteration % 3 == 2:  # Newton may creep, or leap to and fro between modes
                inside &= np.abs(step) <= 1e-3 * np.abs(xa)
            settled = np.isfinite(step) & (np.abs(step) <= EPS * np.abs(xa))
            fresh = np.where(inside, trial, midpoint(la, ha))
            closed = (fresh <= la) | (fresh >= ha) | (ha - la <= EPS * np.maximum(abs(la), abs(ha)))
            out[active] = np.where(settled, xa, ha)
            x[active] = fresh
            active = active[~(settled | closed)]
        return out

    # ---------------------------------------------------------------------- draws, moments, images
    def _rvs(self, shape: tuple[int, ...], rng: np.random.Generator) -> FloatArray:
        owner = rng.choice(len(self.laws), size=shape, p=self.weights)
        draws = np.empty(shape)
        for i, law in enumerate(self.laws):
            mine = owner == i
            draws[mine] = law.rvs(int(np.count_nonzero(mine)), rng)
        return draws

    def _mean(self) -> float:
        return float(sum(w * law.mean() for law, w in zip(self.laws, self.weights, strict=True)))

    def _std(self) -> float:
        mean = self._mean()
        if not math.isfinite(mean):
            return math.nan
        terms = zip(self.laws, self.weights, strict=True)
        return math.sqrt(sum(w * (law.std() ** 2 + (law.mean() - mean) ** 2) for law, w in terms))

    def _affine(self, scale: float, shift: float) -> Distribution:
        return self.over([law.affine(scale, shift) for law in self.laws])

    def over(self, laws: Any) -> Mixture:
        """The mixture of other laws with the same weights."""
        return dataclasses.replace(self, laws=laws)
