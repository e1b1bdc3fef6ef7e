"""What conditional RQMC decides from a small pilot: the inner input, the points, the levels."""

from __future__ import annotations

import dataclasses
import itertools
import math

import numpy as np
from scipy.special import ndtr

from otmaps._arrays import FloatArray
from otmaps._estimators._base import Inputs
from otmaps._estimators._conditional_law import Estimate
from otmaps._estimators._level_sweep import (
    MOST_TURNS,
    Levels,
    Rows,
    Section,
    Totals,
    TurnsError,
    sweep,
)
from otmaps._estimators._outer_points import Lattice, PointSet, Sobol
from otmaps._operations import Operation

FEWEST_INPUTS, MOST_INPUTS = 2, 50

_DRAWS = 2**12
_PILOT = 128  # outer points of a pilot for each of its replicates
_PILOT_EVALUATIONS = 2**21
_SHAPE = 512  # outer points that show where the levels are needed
_REPLICATES = 4
_PAIRS = 2**12
_PROBABILITIES = np.array([0.01, 0.05, 0.2, 0.35, 0.5, 0.65, 0.8, 0.95, 0.99])
_SIZEABLE = 1e-10  # a step against the direction of a cell that moves this much probability counts
_MOST_ATOMS = 32
_LEAST_CONTINUOUS = 1e-6
_INFLATION = 4.0  # the largest mean square of weights that lattices are tried with
_POWERS = (0.5, 1.0, 2.0)
_BULK = np.linspace(-4.2, 4.2, 71)
_SCORES = np.concatenate([np.arange(-7.5, -4.3, 0.3), _BULK, np.arange(4.5, 7.6, 0.3)])
_ROUGH = 3
_NEAR = 1e-7  # levels keep off point masses by that part of the width of the law
_GRADE = 3.0  # a gap between rough levels is at most this many times its smaller neighbour
_FEWEST_LEVELS = 8
_MOST_LEVELS = 224
_SHARES = 0.5 ** np.arange(12)
_ROUNDS = 8
_PROBES = np.array([0.33, 0.67])
_GAP = 1e-7  # of the interpolation in the pilot: below it no levels are added,
_SHARE = 0.2  # nor below this share of the spread of replicates,
_TIMES = 8.0  # nor below this many times the median, which shows how rough the pilot is
_CORNERS = 256
_DEEP = (1e-60, 1e-300)


@dataclasses.dataclass(frozen=True)
class Plan:
    """The decisions.

    Attributes
    ----------
    section : Section
    inner : str
        The name of the inner input.
    points : PointSet
    nodes : ndarray
        Levels at which the law is estimated.
    atoms : ndarray
        Where point masses are.
    ends : tuple of float
        The support.
    """

    section: Section
    inner: str
    points: PointSet
    nodes: FloatArray
    atoms: FloatArray
    ends: tuple[float, float]

    @property
    def levels(self) -> Levels:
        """The nodes, and both sides of each point mass."""
        return Levels.of(self.nodes, self.atoms)


class _Pilot:
    """The measurements behind a plan."""

    def __init__(self, op: Operation, inputs: Inputs, rng: np.random.Generator) -> None:
        self.op, self.inputs, self.rng = op, inputs, rng
        self.draws = np.asarray(op.raw(*[np.asarray(law.rvs(_DRAWS, rng)) for law in inputs]))

    def reason(self) -> str | None:
        """Why no section can serve, as far as plain draws show."""
        bad = int(np.count_nonzero(~np.isfinite(self.draws)))
        if bad:
            return f"it returned {bad} values that are NaN or infinite, of {_DRAWS} draws"
        if self.draws.min() == self.draws.max():
            return f"it returned {self.draws[0]} for every draw: a constant has no law to match"
        return None

    def measured(self, i: int) -> tuple[float, Section] | str:
        """The spread of the estimates with inner input i over replicates, or why there is none."""
        name, law = self.op.latents[i], self.inputs[i]
        if law.atoms:
            return f"{name}: its law has point masses"
        section = Section(self.op, self.inputs, i)
        budget = _PILOT_EVALUATIONS // (_REPLICATES * section.z.size * len(self.inputs))
        n = min(_PILOT, 2 ** int(math.log2(max(budget, 16))))
        levels = Levels.of(np.unique(np.quantile(self.draws, _PROBABILITIES)), np.empty(0))
        try:
            rows = Rows(section, next(Sobol().blocks(n, len(section.outer), self.rng, n)))
            against = self.against(rows)
            if against:
                return (
                    f"{name}: between neighbouring quantiles it goes up and down "
                    f"({against} of {_PAIRS} pairs of near points against the direction)"
                )
            found = [sweep(section, (Sobol(), n), levels, self.rng) for _ in range(_REPLICATES)]
        except TurnsError:
            return f"{name}: it changes direction more than {MOST_TURNS} times"
        except ValueError as error:
            return f"{name}: {error}"
        return float(np.std([t.cdf for t in found], axis=0).mean()), section

    def against(self, rows: Rows) -> int:
        """How many pairs of near points, at all distances, run against the direction of their cell.

        Steps that move less than a negligible probability are rounding.
        """
        rng, count = self.rng, rows.weights.size
        j = rng.integers(0, count, _PAIRS)
        masses = np.abs(np.diff(np.where(rows.upper, 1.0 - rows.tail, rows.tail), axis=1))
        wide = np.argsort(rng.random((_PAIRS, masses.shape[1])) * (masses[j] > 1e-6), axis=1)
        k = wide[:, -1]
        a, b, ha, hb = rows.z[j, k], rows.z[j, k + 1], rows.h[j, k], rows.h[j, k + 1]
        near = 2.0 ** -rng.uniform(0.0, 16.0, _PAIRS)
        start = rng.random(_PAIRS) * (1.0 - near)
        outer = [x[j] for x in rows.outer]
        first, second = (
            rows.section.at(a + (b - a) * t, outer) for t in (start, start + near)
        )  # fmt: skip
        with np.errstate(all="ignore"):
            back = -(second - first) * np.sign(hb - ha)
            out = np.maximum(np.minimum(ha, hb) - first, first - np.maximum(ha, hb))
            moved = np.maximum(np.where(ha == hb, np.abs(first - ha), back), out)
            share = np.where(ha == hb, 1.0, moved / np.abs(hb - ha))
        noise = 64.0 * np.finfo(float).eps * np.maximum(np.abs(ha), np.abs(hb))
        return int(np.count_nonzero((moved > noise) & (share * masses[j, k] > _SIZEABLE)))

    def atoms(self, rows: Rows) -> FloatArray:
        """Values that the operation takes on flat pieces at several outer points, or twice."""
        flat = (rows.h[:, 1:] == rows.h[:, :-1]) & (rows.z[:, 1:] > rows.z[:, :-1])
        found = [np.unique(h[1:][at]) for h, at in zip(rows.h, flat, strict=True) if at.any()]
        values, counts = np.unique(np.concatenate([*found, [math.nan]])[:-1], return_counts=True)
        again, twice = np.unique(self.draws, return_counts=True)
        atoms = np.union1d(values[counts > 1], again[twice > 1])
        return np.asarray(atoms[np.isfinite(atoms)])

    def points(self, section: Section, n: int) -> tuple[PointSet, float]:
        """The kind of points whose estimates spread least over replicates of half the size."""
        d = len(section.outer)
        kinds: list[PointSet] = [Sobol()]
        kinds += [k for k in map(Lattice, _POWERS) if k.inflation(d) <= _INFLATION]
        levels = Levels.of(np.unique(np.quantile(self.draws, _PROBABILITIES)), np.empty(0))
        spreads = []
        for kind in kinds:
            found = [
                sweep(section, (kind, max(n // 2, 32)), levels, self.rng).cdf
                for _ in range(_REPLICATES)
            ]
            spreads.append(float(np.std(found, axis=0).max()))
        best = int(np.argmin(spreads))
        return kinds[best], spreads[best]

    def ends(self, rows: Rows) -> tuple[float, float]:
        """The support, where the operation has finite bounds that its extreme inputs take on."""
        d = len(self.inputs)
        chosen = self.rng.integers(0, 3, (_CORNERS, d))
        every = list(itertools.islice(itertools.product(range(3), repeat=d), _CORNERS))
        chosen = np.concatenate([chosen, every, [[0] * d, [2] * d]])
        found = []
        for q in _DEEP:
            sides = [(law.ppf(q), law.median(), law.isf(q)) for law in self.inputs]
            values = self.op.raw(*[np.array(s)[chosen[:, i]] for i, s in enumerate(sides)])
            found.append((float(np.nanmin(values)), float(np.nanmax(values))))
        seen = rows.h[np.isfinite(rows.h)]
        scale = float(np.ptp(np.quantile(self.draws, [0.05, 0.95])))
        low = _end(found[0][0], found[1][0], float(seen.min()), scale)
        high = -_end(-found[0][1], -found[1][1], -float(seen.max()), scale)
        return low, high


def _end(near: float, deep: float, seen: float, scale: float) -> float:
    """The lower bound that values tend to, or minus infinity."""
    if not (math.isfinite(deep) and abs(near - deep) <= 1e-9 * scale):
        return -math.inf
    end = 0.0 if abs(deep) <= 1e-15 * scale else deep
    return end if seen >= end - 1e-12 * scale else -math.inf


def _rough_nodes(rows: Rows, atoms: FloatArray, ends: tuple[float, float]) -> FloatArray:
    """Quantiles of the values at the nodes of all rows, point masses left out."""
    lower = np.where(rows.upper, 1.0 - rows.tail, rows.tail)
    masses = np.where(rows.upper[:, :-1], -np.diff(rows.tail, axis=1), np.diff(lower, axis=1))
    flat = np.isin(rows.h[:, 1:], atoms) & (rows.h[:, 1:] == rows.h[:, :-1])
    masses = np.where(flat, 0.0, np.maximum(masses, 0.0)) * rows.weights[:, None]
    values = np.concatenate([rows.h[:, :-1].ravel(), rows.h[:, 1:].ravel()])
    weights = np.concatenate([masses.ravel(), masses.ravel()])
    weights /= 2.0 * rows.weights.sum()
    kept = np.isfinite(values) & (weights > 0.0)
    order = np.argsort(values[kept])
    values, weights = values[kept][order], weights[kept][order]
    total = weights.sum()
    if total < _LEAST_CONTINUOUS:
        return np.empty(0)
    below, above = np.cumsum(weights) / total, np.cumsum(weights[::-1])[::-1] / total
    scores = _SCORES[::_ROUGH]
    low = np.interp(np.log(ndtr(scores[scores <= 0])), np.log(below), values)
    high = np.interp(-np.log(ndtr(-scores[scores > 0])), -np.log(above), values)
    return _graded(_allowed(np.concatenate([low, high]), atoms, ends))


def _allowed(nodes: FloatArray, atoms: FloatArray, ends: tuple[float, float]) -> FloatArray:
    """Distinct nodes inside the support and off the point masses."""
    nodes = np.unique(nodes)
    nodes = nodes[(nodes > ends[0]) & (nodes < ends[1])]
    if not (atoms.size and nodes.size):
        return nodes
    near = np.abs(nodes[:, None] - atoms).min(axis=1)
    return np.asarray(nodes[near > _NEAR * np.ptp(np.quantile(nodes, [0.1, 0.9]))])


def _graded(nodes: FloatArray) -> FloatArray:
    """The nodes, with wide gaps halved until no gap is much wider than its neighbours."""
    while 2 < nodes.size < _MOST_LEVELS:
        gaps = np.diff(nodes)
        beside = np.minimum(np.append(gaps[1:], np.inf), np.append(np.inf, gaps[:-1]))
        wide = (gaps > _GRADE * beside) & (gaps > 1e-9 * np.abs(nodes[1:]))
        if not wide.any():
            break
        middle = nodes[:-1][wide] + 0.5 * gaps[wide]
        nodes = np.unique(np.concatenate([nodes, middle]))
    return nodes


def _nodes(
    rows: Rows, rough: FloatArray, atoms: FloatArray, ends: tuple[float, float], spread: float
) -> FloatArray:
    """Levels at given normal scores of the law, and more where it is hard to interpolate.

    ``spread`` is the standard deviation of replicates: what is far below it does not matter.
    """

    def law(nodes: FloatArray) -> Estimate:
        levels = Levels.of(nodes, atoms)
        totals = Totals.of(levels.y.size)  # a node may be an atom
        rows.add(levels, totals)
        return Estimate(levels, atoms, ends, totals.cdf, totals.sf)

    nodes = _allowed(law(rough).quantiles(ndtr(_SCORES)), atoms, ends)
    for end, near in ((ends[0], rough[0]), (ends[1], rough[-1])):
        if math.isfinite(end):  # the pilot may have seen too little of what comes before an end
            nodes = _allowed(np.append(nodes, end + (near - end) * _SHARES), atoms, ends)
    for _ in range(_ROUNDS):
        probes = nodes[:-1] + _PROBES[:, None] * np.diff(nodes)
        found = law(np.unique(np.concatenate([nodes, probes.ravel()])))
        gaps = np.abs(law(nodes).cdf(probes) - found.cdf(probes)).max(axis=0)
        bad = gaps > max(_GAP, _SHARE * spread, _TIMES * float(np.median(gaps)))
        room = _MOST_LEVELS - nodes.size
        if not bad.any() or room <= 0:
            break
        worst = np.argsort(-np.where(bad, gaps, 0.0))[: min(int(bad.sum()), room // 2)]
        nodes = _allowed(np.concatenate([nodes, probes[:, worst].ravel()]), atoms, ends)
    return nodes


@dataclasses.dataclass(frozen=True)
class _Choice:
    """What stands before the levels and points are chosen."""

    pilot: _Pilot
    section: Section
    rows: Rows
    rough: FloatArray
    atoms: FloatArray
    ends: tuple[float, float]


def _choice(op: Operation, inputs: Inputs, rng: np.random.Generator) -> _Choice | str:
    """The choice of the inner input, or why there is none."""
    pilot = _Pilot(op, inputs, rng)
    reason = pilot.reason()
    if reason:
        return reason
    measured = [pilot.measured(i) for i in range(len(inputs))]
    served = [(m[0], i, m[1]) for i, m in enumerate(measured) if not isinstance(m, str)]
    if not served:
        reasons = "; ".join(m for m in measured if isinstance(m, str))
        return f"it is not monotone in one input given the others, piece by piece ({reasons})"
    section = min(served, key=lambda s: s[:2])[2]
    d = len(section.outer)
    # Lattices made periodic see farther into the tails.
    kind = Sobol() if Lattice(1.0).inflation(d) > _INFLATION else Lattice(1.0)
    rows = Rows(section, next(kind.blocks(_SHAPE, d, rng, _SHAPE)))
    atoms = pilot.atoms(rows)
    if atoms.size > _MOST_ATOMS:
        return f"its result has more than {_MOST_ATOMS} point masses, such as at {atoms[0]}"
    ends = pilot.ends(rows)
    rough = _rough_nodes(rows, atoms, ends)
    if rough.size < _FEWEST_LEVELS:
        return f"its result has point masses only, such as at {np.min(pilot.draws)}"
    return _Choice(pilot, section, rows, rough, atoms, ends)


def why_not(op: Operation, inputs: Inputs, rng: np.random.Generator) -> str | None:
    """Why there is no plan; None where there is one."""
    choice = _choice(op, inputs, rng)
    return choice if isinstance(choice, str) else None


def make_plan(op: Operation, inputs: Inputs, n: int, rng: np.random.Generator) -> Plan | str:
    """The plan for replicates of n points, or why there is none."""
    choice = _choice(op, inputs, rng)
    if isinstance(choice, str):
        return choice
    section, atoms, ends = choice.section, choice.atoms, choice.ends
    points, spread = choice.pilot.points(section, n)
    nodes = _nodes(choice.rows, choice.rough, atoms, ends, spread)
    return Plan(section, op.latents[section.inner], points, nodes, atoms, ends)
