"""The randomised plan: optimal transport from a law with point masses.

Below and above an atom it is a monotone map, and at an atom a random quantile of the target
between the levels that the atom takes up: with V uniform and independent,

    U = F(y-) + V (F(y) - F(y-)),    z = F_Z^-1(U)

is uniform, and z follows the target (Rueschendorf, On the distributional transform, Sklar's
theorem, and the empirical copula process, 2009, Proposition 2.1). The plan is monotone: an optimal
one for every convex cost, as a map is where there are no atoms.
"""

from __future__ import annotations

import dataclasses
import functools
import math
import warnings
from typing import Any, Literal, final

import numpy as np
import numpy.typing as npt

from otmaps._arrays import FloatArray, checked_out, frozen, real_array
from otmaps._convert import as_distribution
from otmaps._distribution import Distribution
from otmaps._errors import AccuracyWarning
from otmaps._map import MonotoneMap
from otmaps._map_between import build_map, checked_tol
from otmaps._map_exact import (
    Problem,
    absolute_move,
    blurred_tail,
    moved_by,
    pose,
    relative_move,
    sound_range,
)
from otmaps._notebook import plan_html
from otmaps._slice import Slice, quantile

Randomness = np.random.Generator | int

_EPS = float(np.finfo(float).eps)
_ROUNDING = 16.0 * _EPS  # of a level, relative to its nearer tail
_SNAP = 4.0  # units in the last place: an atom that arithmetic has missed by rounding is the atom
_LEVELS = np.concatenate([10.0 ** -np.arange(300.0, 3.0, -27.0), np.linspace(0.001, 0.5, 101)])


@final
@dataclasses.dataclass(frozen=True, eq=False)
class RandomizedPlan:
    """A monotone transport plan whose result follows the target exactly, atoms or not.

    Made by `transport_plan`, and by `match` where the result of an operation has point masses.
    Equal values of y on an atom are spread over the part of the target that belongs to it, by
    independent draws; all other values are mapped as by a `MonotoneMap`. It is kept in memory
    alone: no store holds it.

    Attributes
    ----------
    source, target : Distribution
    error : float
        As for a `MonotoneMap`, for equal random numbers: at an atom the distance from the exact
        quantile.
    error_u : float
        Bound on how far the level of z is from the random level of y.
    tol : float
        What was asked for.
    domain : tuple of float
        The range of y over which `error` holds.
    pieces : tuple
        The `MonotoneMap` below each atom and above the last, where there is probability between;
        otherwise the value that the target has there.

    Examples
    --------
    >>> import otmaps
    >>> coin = otmaps.Discrete([0.0, 1.0], [0.5, 0.5])
    >>> plan = otmaps.transport_plan(coin, otmaps.Uniform(0.0, 1.0))
    >>> bool((plan([1.0, 1.0], 0) >= 0.5).all())
    True
    """

    source: Distribution
    target: Distribution
    error: float
    error_u: float
    tol: float
    domain: tuple[float, float]
    levels: Levels
    pieces: tuple[MonotoneMap | float, ...]

    @property
    def kind(self) -> Literal["randomised plan"]:
        """What `MonotoneMap.kind` says of a map."""
        return "randomised plan"

    @property
    def support(self) -> tuple[float, float]:
        """The support of the source."""
        return self.source.support()

    @property
    def limits(self) -> tuple[float, float]:
        """The support of the target."""
        return self.target.support()

    def __call__(
        self, y: Any, random_state: Randomness | None = None, out: npt.NDArray[Any] | None = None
    ) -> Any:
        """Draw z given y.

        Parameters
        ----------
        y : array_like
            Points of any shape. NaN stays NaN; points outside of the support of the source give
            the limits. What is within a few units in the last place of an atom is on it.
        random_state : numpy.random.Generator or int
            Where the random numbers come from, one for each value on an atom, in the order of
            the array; or a seed.
        out : ndarray, optional
            Where to write: the shape of y and the dtype of the result; may be y itself.

        Returns
        -------
        ndarray or float
            float32 for float32, float64 otherwise; a float for a scalar.

        Raises
        ------
        TypeError
            Without a source of randomness.
        """
        rng = generator(random_state)
        array = real_array(y, "y")
        result = np.empty(array.shape, array.dtype) if out is None else checked_out(out, array)
        flat = array.ravel()
        at = self.levels.at.astype(flat.dtype)
        gap, hit = _located(at, flat)
        values = np.full(flat.shape, np.nan, dtype=flat.dtype)
        for k in np.unique(gap[~hit & ~np.isnan(flat)]):
            mine = ~hit & (gap == k) & ~np.isnan(flat)
            piece = self.pieces[k]
            values[mine] = piece(flat[mine]) if isinstance(piece, MonotoneMap) else piece
        # Never 0 or 1, where a quantile may be infinite.
        v = np.clip(rng.random(int(np.count_nonzero(hit))), 2.0**-54, 1.0 - 2.0**-53)
        values[hit] = self._on_atom(gap[hit], v)
        result[...] = values.reshape(array.shape)
        return float(result) if out is None and array.ndim == 0 else result

    def _on_atom(self, k: npt.NDArray[np.intp], v: FloatArray) -> FloatArray:
        return quantile(self.target, *self.levels.within(k, v))

    def inverse(self, z: Any) -> Any:
        """The y that the plan joins z with: one value, for the way back is not random.

        ``F_Y^-1(F_Z(z))``: an atom for all z of its part of the target.
        """
        array = real_array(z, "z").astype(np.float64, copy=False)
        flat = array.ravel()
        first, last = self._parts
        k = np.searchsorted(last, flat)  # the first atom whose part does not end before z
        at = self.levels.at
        out = at[np.minimum(k, at.size - 1)]
        between = (k == at.size) | (flat < np.append(first, math.inf)[k])
        for gap in np.unique(k[between]):
            piece = self.pieces[gap]
            if isinstance(piece, MonotoneMap):
                mine = between & (k == gap)
                out[mine] = piece.inverse(flat[mine])
        out[np.isnan(flat)] = math.nan
        return out.reshape(array.shape) if array.ndim else float(out[0])

    @functools.cached_property
    def _parts(self) -> tuple[FloatArray, FloatArray]:
        """The ends of the parts of the target that belong to the atoms."""
        lv = self.levels
        return (
            quantile(self.target, lv.below, lv.beside),
            quantile(self.target, lv.upto, lv.above),
        )

    def _repr_html_(self) -> str:
        return plan_html(self)

    def __repr__(self) -> str:
        return (
            f"RandomizedPlan({self.source!r} -> {self.target!r}, {self.levels.at.size} atoms, "
            f"error={self.error:.1e})"
        )


@final
@dataclasses.dataclass(frozen=True, eq=False)
class Levels:
    """Where the atoms are, and the probabilities on both sides of each, without and with it.

    ``below + beside`` and ``upto + above`` are 1 each; ``upto - below`` is the mass.
    """

    at: FloatArray
    below: FloatArray
    beside: FloatArray
    upto: FloatArray
    above: FloatArray

    @classmethod
    def of(cls, law: Distribution) -> Levels:
        """The levels of the atoms of a law."""
        at = np.array([location for location, _ in law.atoms])
        # Of the float before, and not a difference: below a clipped end it has to be 0.
        before = np.nextafter(at, -math.inf)
        levels = law.cdf(before), law.sf(before), law.cdf(at), law.sf(at)
        return cls(frozen(at), *map(frozen, levels))

    def within(self, k: Any, v: FloatArray) -> tuple[FloatArray, FloatArray]:
        """The probabilities below and above the share ``v`` of atom k."""
        mass = np.where(self.upto <= self.beside, self.upto - self.below, self.beside - self.above)
        return self.below[k] + v * mass[k], self.above[k] + (1.0 - v) * mass[k]

    def gaps(self) -> list[tuple[tuple[float, float], tuple[float, float]]]:
        """The levels between which there is no atom: of the ends of each gap."""
        starts = [(0.0, 1.0), *zip(self.upto.tolist(), self.above.tolist(), strict=True)]
        stops = [*zip(self.below.tolist(), self.beside.tolist(), strict=True), (1.0, 0.0)]
        return [*zip(starts, stops, strict=True)]


def generator(random_state: Any) -> np.random.Generator:
    """The generator that was given, or the one of a seed."""
    if isinstance(random_state, np.random.Generator):
        return random_state
    if isinstance(random_state, int | np.integer) and not isinstance(random_state, bool):
        if random_state < 0:
            raise ValueError(f"the seed of randomize must not be negative, got {random_state}.")
        return np.random.default_rng(random_state)
    raise TypeError(
        "a randomised plan draws random numbers: give it a numpy.random.Generator or a seed "
        f"(randomize=numpy.random.default_rng(0)), got {random_state!r}."
    )


def _located(
    at: npt.NDArray[Any], y: npt.NDArray[Any]
) -> tuple[npt.NDArray[np.intp], npt.NDArray[np.bool_]]:
    """The atom that each value is on, or else the number of its gap; and which are on one."""
    above = np.searchsorted(at, y)
    index, hit = above.copy(), np.zeros(y.shape, dtype=bool)
    for candidate in (above - 1, above):
        nearest = np.clip(candidate, 0, at.size - 1)
        with np.errstate(invalid="ignore"):
            on = np.abs(y - at[nearest]) <= _SNAP * np.spacing(np.abs(at[nearest]))
        index, hit = np.where(on, nearest, index), hit | on
    return index, hit


def transport_plan(source: Any, target: Any, *, tol: float = 1e-9) -> RandomizedPlan:
    """The monotone plan that moves a law with point masses to another, by random numbers.

    Parameters
    ----------
    source, target : law
        The laws of y and z: anything `as_distribution` takes. The source has atoms.
    tol : float
        The largest `RandomizedPlan.error` wanted.

    Returns
    -------
    RandomizedPlan

    Raises
    ------
    ValueError
        For a source without atoms, which `monotone_map` serves, and for tol outside (1e-15, 0.1].

    Warns
    -----
    AccuracyWarning
        Where tol is not reached; ``error`` of the result says what is.

    Examples
    --------
    >>> import numpy, otmaps
    >>> half = otmaps.Mixture(
    ...     [otmaps.Discrete([0.0], [1.0]), otmaps.Uniform(0.0, 1.0)], [0.5, 0.5]
    ... )
    >>> plan = otmaps.transport_plan(half, otmaps.Uniform(0.0, 1.0))
    >>> z = plan([0.0, 0.0, 0.0, 0.5, 1.0], numpy.random.default_rng(0))
    >>> bool((z[:3] < 0.5).all()), z[3:].round(9).tolist()
    (True, [0.75, 1.0])
    """
    law = as_distribution(source)
    found = build_plan(law, as_distribution(target), tol)
    if found.error > tol:
        warnings.warn(
            f"the plan reaches an error of {found.error:.3g}, not tol={tol:.3g}: the source law "
            f"({law.method}) or the target is not known better. Raise tol, or compute the "
            "source law more accurately.",
            AccuracyWarning,
            stacklevel=2,
        )
    return found


def build_plan(source: Distribution, target: Distribution, tol: float) -> RandomizedPlan:
    """`transport_plan` on laws; the caller compares the error with ``tol``."""
    if not source.atoms:
        raise ValueError(
            "the source law has no point mass, so that a map is enough; use monotone_map."
        )
    tol, levels = checked_tol(tol), Levels.of(source)
    problem = pose(source, target, tol)
    pieces: list[MonotoneMap | float] = []
    error = error_u = 0.0
    for low, high in levels.gaps():
        part, image = Slice(source, low, high), Slice(target, low, high)
        ends = image.support()
        if not _has_mass(part) or ends[0] == ends[1]:
            pieces.append(ends[0] if math.isfinite(ends[0]) else ends[1])
            continue
        ratio = _unit_ratio(problem, image)
        piece = build_map(part, image, min(max(tol / ratio, 2e-15), 0.1))
        pieces.append(piece)
        error = max(error, ratio * piece.error)
        error_u = max(error_u, part.mass * piece.error_u)
    sound = sound_range(problem)
    return RandomizedPlan(
        source=source,
        target=target,
        error=error + _level_error(problem, levels),
        error_u=error_u + source.error + target.error + 4.0 * _EPS,
        tol=tol,
        domain=(
            max(_end(pieces[0], 0, levels), sound[0]),
            min(_end(pieces[-1], -1, levels), sound[1]),
        ),
        levels=levels,
        pieces=tuple(pieces),
    )


def _end(piece: MonotoneMap | float, side: Literal[0, -1], levels: Levels) -> float:
    return piece.domain[side] if isinstance(piece, MonotoneMap) else float(levels.at[side])


def _has_mass(part: Slice) -> bool:
    """Whether there is more between two atoms than what rounding leaves of a difference."""
    known = part.law.tail_error if math.isfinite(part.law.tail_error) else 0.0
    noise = 4.0 * max(known, 2.0 * _EPS) * min(part.high[0], part.low[1])
    outer = 0.0 in {part.low[0], part.high[1]}
    return part.mass > (0.0 if outer else noise)


def _unit_ratio(problem: Problem, image: Slice) -> float:
    """How much larger the unit of errors of a part of the target is than that of all of it."""
    own = pose(image, image, problem.tol)
    z = np.concatenate([image.ppf(_LEVELS), image.isf(_LEVELS)])
    z = z[np.isfinite(z)]
    return float(np.max(own.unit(z) / problem.unit(z)))


def _level_error(problem: Problem, levels: Levels) -> float:
    """What the errors of the laws, and rounding, do to the plan at levels all over the source."""
    atoms = np.repeat(np.arange(levels.at.size), 9)
    inside = levels.within(atoms, np.tile(np.linspace(0.0, 1.0, 9), levels.at.size))
    below = np.concatenate([_LEVELS, 1.0 - _LEVELS, inside[0]])
    above = np.concatenate([1.0 - _LEVELS, _LEVELS, inside[1]])
    nearer = np.minimum(below, above)
    kept = nearer > max(blurred_tail(problem), 1e-300)
    below, above, nearer = below[kept], above[kept], nearer[kept]
    z = quantile(problem.exact.target, below, above)
    rounding = moved_by(problem, _ROUNDING * nearer, z)
    if math.isfinite(problem.exact.source.tail_error + problem.exact.target.tail_error):
        return rounding + relative_move(problem, np.log(nearer), z)
    return rounding + absolute_move(problem, below, above, z)
