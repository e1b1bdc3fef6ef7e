"""Adaptive integrals over the probabilities of both tails, in their logarithm."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from otmaps._arrays import FloatArray

BoolArray: TypeAlias = npt.NDArray[np.bool_]
Integrand: TypeAlias = Callable[[FloatArray, bool], FloatArray]
"""(logs of the tail probability, upper tail?) -> rows of integrands, the measure included."""

DEEPEST = -650.0  # below, densities leave the range of doubles
_PROBES = np.array([DEEPEST, -600.0, -500.0, -400.0, -300.0, -200.0, -100.0, -50.0])
_FINITE, _DIVERGENT = 1e-2, 1e-3
_ROUNDS, _MOST_PANELS = 48, 4000


@dataclasses.dataclass(frozen=True)
class Integrals:
    """Values and error bounds of the rows of an integrand; infinite or NaN where they diverge.

    Attributes
    ----------
    value, error : ndarray
        One for each row.
    diverges, undecided : ndarray of bool
        Whether a tail of the row does not decay, or so slowly that one cannot tell.
    """

    value: FloatArray
    error: FloatArray
    diverges: BoolArray
    undecided: BoolArray


def integrate_tails(
    integrand: Integrand,
    splits: tuple[FloatArray, FloatArray],
    goals: Callable[[FloatArray], FloatArray],
) -> Integrals:
    """Integrate over (-inf, log 1/2] for the lower and the upper tail, and add.

    Parameters
    ----------
    integrand : callable
        Of log-probabilities l and the side; contains the factor exp(l).
    splits : tuple of ndarray
        Points of either side where the integrand is not smooth.
    goals : callable
        The absolute error to aim at for each row, from a first estimate of the integrals; an
        infinite goal leaves a row to what the others need.

    Returns
    -------
    Integrals
        With the Gauss-Legendre rule on graded panels; each is compared with its two halves,
        whose sum is kept, and halved again until all goals are met. The comparison bounds the
        error of the coarser value. Tails beyond exp(-650) are added to the error, from the
        power law that holds there.
    """
    remainder, diverges, undecided = _tails(integrand)
    graded = -(2.0 ** np.arange(0, 10))
    panels = []
    for upper in (False, True):
        edges = np.unique(np.clip([math.log(0.5), *graded, DEEPEST, *splits[upper]], DEEPEST, None))
        edges = edges[edges <= math.log(0.5)]
        panels.append(np.column_stack([edges[:-1], edges[1:], np.full(len(edges) - 1, upper)]))
    active = np.concatenate(panels)
    value = _rule(integrand, active)
    ignored = diverges | undecided
    done, error = np.zeros(value.shape[0]), remainder
    goal = np.where(ignored, np.inf, goals(value.sum(axis=1)))
    for step in range(_ROUNDS):
        halves = _halved(active)
        fine = _rule(integrand, halves)
        with np.errstate(invalid="ignore"):  # rows that diverge carry infinities along
            pair = fine[:, 0::2] + fine[:, 1::2]
            gap = np.abs(pair - value)
        limit = goal[:, None] / (64.0 + 4.0 * len(active))
        good = np.all((gap <= limit) | ignored[:, None], axis=0)
        if step == _ROUNDS - 1 or len(halves) > _MOST_PANELS:
            good[:] = True
        done += pair[:, good].sum(axis=1)
        error += gap[:, good].sum(axis=1)
        if good.all():
            break
        split = np.repeat(~good, 2)
        active, value = halves[split], fine[:, split]
    error = error + 1e-15 * np.abs(done)
    bad = ~np.isfinite(done) & ~diverges
    return Integrals(done, error, diverges, undecided | bad)


def _halved(panels: FloatArray) -> FloatArray:
    middle = 0.5 * (panels[:, 0] + panels[:, 1])
    left = np.column_stack([panels[:, 0], middle, panels[:, 2]])
    right = np.column_stack([middle, panels[:, 1], panels[:, 2]])
    return np.stack([left, right], axis=1).reshape(-1, 3)


def _rule(integrand: Integrand, panels: FloatArray) -> FloatArray:
    """The integral over each panel, as columns."""
    nodes, weights = np.polynomial.legendre.leggauss(10)
    centre, half = 0.5 * (panels[:, 0] + panels[:, 1]), 0.5 * (panels[:, 1] - panels[:, 0])
    logs = centre[:, None] + half[:, None] * nodes
    columns: list[FloatArray] = [np.empty(0)] * len(panels)
    upper = panels[:, 2] > 0
    for side in (False, True):
        chosen = np.flatnonzero(upper == side)
        if chosen.size == 0:
            continue
        rows = integrand(logs[chosen].ravel(), side).reshape(-1, chosen.size, len(nodes))
        with np.errstate(all="ignore"):
            sums = np.einsum("rpn,n->pr", rows, weights) * half[chosen, None]
        for position, column in zip(chosen, sums, strict=True):
            columns[position] = column
    return np.stack(columns, axis=1)


def _tails(integrand: Integrand) -> tuple[FloatArray, BoolArray, BoolArray]:
    """The integral beyond the deepest panel, and which rows diverge or might.

    Judged from the two deepest probes whose values are neither 0 nor out of range.
    """
    sides = []
    for upper in (False, True):
        with np.errstate(all="ignore"):
            probes = np.abs(integrand(_PROBES, upper))
        sides.append([_decay(row) for row in probes])
    remainder, slope = np.moveaxis(np.array(sides), 2, 0)
    diverges = (slope < _DIVERGENT).any(axis=0)
    undecided = (slope < _FINITE).any(axis=0) & ~diverges
    return np.where(slope < _FINITE, 0.0, remainder).sum(axis=0), diverges, undecided


def _decay(values: FloatArray) -> tuple[float, float]:
    """The rest of a tail, and the power of its probability that the integral falls with."""
    usable = np.flatnonzero(np.isfinite(values) & (values > 0.0))
    if usable.size < 2:
        return 0.0, math.inf if np.all(np.isfinite(values)) else -math.inf
    deep, probe = usable[:2]
    slope = math.log(values[probe] / values[deep]) / (_PROBES[probe] - _PROBES[deep])
    return values[deep] / max(slope, _FINITE), slope
