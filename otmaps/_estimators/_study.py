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
from otmaps._estimators._landmarks import Landmarks, flips, landmarks
from otmaps._estimators._level_sets import Level, LevelSets
from otmaps._operations import Operation

_PROBE_LEVELS = np.array([0.02, 0.3, 0.5, 0.9])
_LESS = 1e-7  # a smaller mass by that share has missed something
_LEAST_MASS = 1e-14  # a smaller one is the rounding of the operation


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
    """

    views: tuple[Conditioned, ...]
    names: tuple[str, ...]
    marks: Landmarks
    atoms: tuple[tuple[float, float], ...]


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
        The most evaluations of an integrand.
    """
    axes = [Axis.of(law) for law in inputs]
    parts = [monotone_parts(op, i, axes) for i in range(len(axes))]
    usable = [i for i, p in enumerate(parts) if isinstance(p, Parts)]
    if not usable:
        return "; ".join(dict.fromkeys(str(p) for p in parts))
    special: list[list[float]] = []
    for j in range(len(axes)):
        own = parts[j]
        points = set(own.cuts if isinstance(own, Parts) else ())
        for i in usable:
            inner = parts[i]
            if i != j and isinstance(inner, Parts):
                points.update(flips(op, i, inner, axes, j))
        special.append(sorted(points))
    marks = landmarks(op, axes, special)
    views = []
    for i in usable:
        own = parts[i]
        if isinstance(own, Parts):
            outer = tuple(Axis.of(law, special[j]) for j, law in enumerate(inputs) if j != i)
            sets = LevelSets(op, i, axes[i], own.low, own.high)
            views.append(Conditioned(sets, outer, relative, budget))
    views = _ranked(views, marks)
    names = tuple(op.latents[v.sets.inner] for v in views)
    return Study(tuple(views), names, marks, _atoms(views[0], marks))


def _ranked(views: list[Conditioned], marks: Landmarks) -> list[Conditioned]:
    """The views that miss nothing, the cheapest first; those that do not agree are left out."""
    if len(views) == 1:
        return views
    y = _probes(marks)
    found, costs = [], []
    for view in views:
        counted = _Counter(view.sets.op.function)
        op = dataclasses.replace(view.sets.op, function=counted)
        probe = dataclasses.replace(view, sets=dataclasses.replace(view.sets, op=op))
        lower = probe.mass(y.size, None, Level(y))
        upper = probe.mass(y.size, Level(y), None)
        found.append(np.concatenate([lower, upper]))
        costs.append(counted.values)
    # All terms are positive: what is missed makes a mass smaller.
    most = np.max(found, axis=0)
    sound = [bool(np.all(f >= most * (1.0 - _LESS))) for f in found]
    order = sorted(range(len(views)), key=lambda i: (not sound[i], costs[i]))
    kept = [i for i in order if sound[i]] or order[:1]
    return [views[i] for i in kept]


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


class _Counter:
    """A function that knows how many values it has computed."""

    def __init__(self, function):  # type: ignore[no-untyped-def]
        self.function, self.values = function, 0

    def __call__(self, *latents, **parameters):  # type: ignore[no-untyped-def]
        self.values += max(np.size(z) for z in latents)
        return self.function(*latents, **parameters)


def _atoms(view: Conditioned, marks: Landmarks) -> tuple[tuple[float, float], ...]:
    """The masses of the values that come again and again."""
    if not marks.repeated:
        return ()
    y = np.array(marks.repeated)
    masses = view.mass(y.size, Level(y, strict=True), Level(y))
    return tuple((float(x), float(m)) for x, m in zip(y, masses, strict=True) if m > _LEAST_MASS)
