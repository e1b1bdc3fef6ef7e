"""What can be found out about an operation by evaluating it: parts, flips, landmarks, atoms."""

from __future__ import annotations

import dataclasses
from typing import final

import numpy as np

from otmaps._arrays import FloatArray
from otmaps._estimators._axes import Axis
from otmaps._estimators._base import Inputs
from otmaps._estimators._branches import Parts, monotone_parts
from otmaps._estimators._conditioned import Conditioned
from otmaps._estimators._landmarks import Landmarks, flips, landmarks, plain
from otmaps._estimators._level_sets import Level, LevelSets
from otmaps._estimators._places import narrow, places_of, plateaus_of
from otmaps._metering import metered
from otmaps._operations import Operation

_PROBE_LEVELS = np.array([0.02, 0.3, 0.5, 0.9])
_VALUES_OF_A_LAW = {1: 700, 2: 350}  # that a table asks for, about, by the outer inputs
_VALUES_OF_A_SET = 6  # of the operation for an end of a level set, about
_MOST_NODES = {0: 0, 1: 1 << 16, 2: 1 << 11}  # of an integral, by the number of outer inputs
_MANY_ENDS = 64  # of level sets in an input whose parts are not known
_LESS = 1e-7  # a smaller mass by that share has missed something
_LEAST_MASS, _NOTHING_ELSE = 1e-14, 1e-12


@final
@dataclasses.dataclass(frozen=True, eq=False)
class Study:
    """An operation with what is known of it, and the ways to see it from one of its inputs.

    Attributes
    ----------
    views : tuple of Conditioned
        The best first; the second, where there is one, is a second method.
    names : tuple of str
        The names of their inner inputs.
    marks : Landmarks
    atoms : tuple of tuple of float
        Locations and masses.
    inherited : tuple of float
        What the errors of the inputs may add to the cdf, and to the relative error of the tails.
    """

    views: tuple[Conditioned, ...]
    names: tuple[str, ...]
    marks: Landmarks
    atoms: tuple[tuple[float, float], ...]
    inherited: tuple[float, float]


def study(op: Operation, inputs: Inputs, relative: float, budget: int) -> Study | str:
    """Study an operation of continuous inputs; the reason where no input serves.

    Parameters
    ----------
    op : Operation
    inputs : tuple of Distribution
        Without atoms.
    relative : float
        The relative error of integrals to aim at.
    budget : int
        About the most values of the operation for a whole law.
    """
    axes = [Axis.of(law) for law in inputs]
    places = places_of(op, axes)
    parts = [monotone_parts(op, i, axes, places) for i in range(len(axes))]
    usable = [i for i, p in enumerate(parts) if isinstance(p, Parts)]
    if not usable:
        return "; ".join(dict.fromkeys(str(p) for p in parts))
    special: list[list[float]] = []
    sides: list[list[float]] = []
    for j in range(len(axes)):
        own = parts[j]
        points = {*(own.cuts if isinstance(own, Parts) else ()), *narrow(places[j], axes[j])}
        for i in usable:
            inner = parts[i]
            if i != j and isinstance(inner, Parts):
                points.update(flips(op, i, inner, axes, j))
        special.append(plain(points, axes[j]))
        sides.append(sorted(points))  # on both sides of a pole values go their own ways
    flats = {v for p in parts if isinstance(p, Parts) for v in p.flats} | plateaus_of(op)
    marks = landmarks(op, axes, special, sides, sorted(flats))
    views = []
    for i in usable:
        own = parts[i]
        if isinstance(own, Parts):
            outer = tuple(
                Axis.of(law, special[j], coarse=len(inputs) > 2)
                for j, law in enumerate(inputs)
                if j != i
            )
            sets = LevelSets(op, i, axes[i], own.low, own.high)
            most = budget // _VALUES_OF_A_SET
            views.append(Conditioned(sets, outer, relative, _MOST_NODES[len(outer)], most))
    if views[0].outer:
        views, cost = _ranked(views, marks)
        cost *= _VALUES_OF_A_LAW[len(views[0].outer)]
        if cost > budget:
            return (
                f"quadrature would take about {cost:.1g} values of the "
                f"operation, more than budget={budget}"
            )
    names = tuple(op.latents[v.sets.inner] for v in views)
    return Study(tuple(views), names, marks, _atoms(views[0], marks), _inherited(inputs, parts))


def _inherited(inputs: Inputs, parts: list[Parts | str]) -> tuple[float, float]:
    """What the errors of inputs add, exchanged one by one.

    Given the others, {operation <= y} is a union of intervals in an input, with at most an end in
    each part and one between two; the error of its law counts for each end.
    """
    ends = [2 * p.low.size - 1 if isinstance(p, Parts) else _MANY_ENDS for p in parts]
    worst = [
        law.tail_error if n == 1 else 2.0 * n * law.tail_error
        for law, n in zip(inputs, ends, strict=True)
    ]
    return float(sum(n * law.error for law, n in zip(inputs, ends, strict=True))), float(sum(worst))


def _ranked(views: list[Conditioned], marks: Landmarks) -> tuple[list[Conditioned], float]:
    """The views that miss nothing, the cheapest first, and what a value of the law costs in that.

    Views that do not agree with the others are left out.
    """
    y = _probes(marks)
    found, costs = [], []
    for view in views:
        with metered() as meter:
            lower = view.mass(y.size, None, Level(y))
            upper = view.mass(y.size, Level(y), None)
        found.append(np.concatenate([lower, upper]))
        costs.append(meter.values)
    # All terms are positive: what is missed makes a mass smaller.
    most = np.max(found, axis=0)
    sound = [bool(np.all(f >= most * (1.0 - _LESS))) for f in found]
    order = sorted(range(len(views)), key=lambda i: (not sound[i], costs[i]))
    kept = [i for i in order if sound[i]] or order[:1]
    return [views[i] for i in kept], costs[kept[0]] / (2 * y.size)


def _probes(marks: Landmarks) -> FloatArray:
    """Values at which views are compared: in the bulk and out in both tails."""
    y = marks.median + marks.scale * np.array([-1.5, -0.4, 0.03, 0.7, 2.5])
    far = [
        marks.median + side * marks.scale * 40.0
        if not np.isfinite(end)
        else end - side * 1e-3 * min(marks.scale, abs(end - marks.median))
        for side, end in ((-1.0, marks.ends[0]), (1.0, marks.ends[1]))
    ]
    y = np.append(y, far)
    return y[(y > marks.ends[0]) & (y < marks.ends[1])]


def _atoms(view: Conditioned, marks: Landmarks) -> tuple[tuple[float, float], ...]:
    """The masses of the values that come again and again."""
    if not marks.repeated:
        return ()
    y = np.array(marks.repeated)
    masses = view.mass(y.size, Level(y, strict=True), Level(y))
    # Beside a continuous part a tiny one is the rounding of the operation.
    least = 0.0 if masses.sum() > 1.0 - _NOTHING_ELSE else _LEAST_MASS
    return tuple((float(x), float(m)) for x, m in zip(y, masses, strict=True) if m > least)
