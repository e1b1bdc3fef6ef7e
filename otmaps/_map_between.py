"""Making the monotone map between two laws: exact where it can be, else a certified table."""

from __future__ import annotations

import math
import warnings
from typing import Any

import numpy as np

from otmaps._arrays import real_scalar
from otmaps._convert import as_distribution
from otmaps._distribution import Distribution
from otmaps._errors import AccuracyWarning, AtomError
from otmaps._kernels import _maps as k
from otmaps._map import MonotoneMap
from otmaps._map_build import assemble, continuation_error, tabulation_error
from otmaps._map_cells import SAFETY, SHARE, kinks_of, make_frame
from otmaps._map_exact import (
    Problem,
    affine_between,
    law_error,
    line_error,
    pose,
    sound_range,
    unit_of,
)
from otmaps._map_few import inner_range
from otmaps._map_inner import NOTHING
from otmaps._map_refine import refine
from otmaps._map_table import Table

_EPS = float(np.finfo(float).eps)
_MISSED = 1.2  # times the goal: more than the highest points of an error curve between probes


def monotone_map(source: Any, target: Any, *, tol: float = 1e-9) -> MonotoneMap:
    """The increasing map that moves one law to another, tabulated to a stated accuracy.

    On the line it is the optimal transport map for every convex cost:
    T = F_Z^-1 o F_Y (Santambrogio, Optimal Transport for Applied Mathematicians, Theorem 2.9).

    Parameters
    ----------
    source, target : law
        The laws of y and of T(y): anything `as_distribution` takes. The target may have atoms and
        gaps, the source no atoms.
    tol : float
        The largest `MonotoneMap.error` wanted, in the unit described there.

    Returns
    -------
    MonotoneMap
        The identity or affine, exactly, where the laws differ by location and scale alone;
        otherwise a table.

    Raises
    ------
    AtomError
        Where the source has a point mass.
    ValueError
        For tol outside (1e-15, 0.1].

    Warns
    -----
    AccuracyWarning
        Where tol is not reached; ``error`` of the result says what is.

    Examples
    --------
    >>> import otmaps
    >>> T = otmaps.monotone_map(otmaps.Normal(), otmaps.Logistic())
    >>> round(T(1.0), 6), T.error <= 1e-9
    (1.668268, True)
    """
    law = as_distribution(source)
    found = build_map(law, as_distribution(target), tol)
    if found.error > tol:
        warnings.warn(
            f"the map reaches an error of {found.error:.3g}, not tol={tol:.3g}: the source law "
            f"({law.method}), the target or the doubles near them are not finer, or have too many "
            "kinks for a table. Raise tol, or compute the source law more accurately.",
            AccuracyWarning,
            stacklevel=2,
        )
    return found


def build_map(
    source: Distribution,
    target: Distribution,
    tol: float,
    unit: tuple[float, float] | None = None,
) -> MonotoneMap:
    """`monotone_map` on laws; the caller compares the error with ``tol``, and may know the unit."""
    tol = checked_tol(tol)
    line = affine_between(source, target)
    if line is not None:
        return _straight(source, target, tol, line, unit)
    _refuse_atoms(source)
    return _tabulated(source, target, tol)


def checked_tol(tol: Any) -> float:
    """``tol`` as a float, or an error where no map can have it."""
    value = real_scalar(tol, "tol")
    if not 1e-15 < value <= 0.1:
        raise ValueError(f"tol must be in (1e-15, 0.1], got {value}.")
    return value


def _refuse_atoms(source: Distribution) -> None:
    if not source.atoms:
        return
    location, mass = max(source.atoms, key=lambda atom: atom[1])
    raise AtomError(
        f"the source law has {len(source.atoms)} point mass(es); the heaviest, at {location:g}, "
        f"has probability {mass:.6g}. A map sends a point to one point, so none moves such a law "
        "to the target. A randomised plan does: otmaps.match(..., "
        "randomize=numpy.random.default_rng(0)), or otmaps.transport_plan(source, target)."
    )


def _straight(
    source: Distribution,
    target: Distribution,
    tol: float,
    line: tuple[float, float],
    unit: tuple[float, float] | None,
) -> MonotoneMap:
    """Identity or affine map: no error but rounding."""
    scale, shift = line
    identity = line == (1.0, 0.0)
    domain = (float(source.ilogcdf(math.log(1e-300))), float(source.ilogsf(math.log(1e-300))))
    certificate: dict[str, Any] = {"error": 0.0, "error_u": 0.0}
    if not identity:
        centre, size = unit_of(target) if unit is None else unit
        error = line_error(line, domain, centre, size)
        certificate = dict.fromkeys(("error", "error_u", "outer_error"), error)
        certificate |= {"centre": centre, "unit": size, "derivative_error": _EPS}
    return MonotoneMap(
        kind="identity" if identity else "affine",
        domain=domain,
        tol=tol,
        support=source.support(),
        limits=target.support(),
        scale=scale,
        shift=shift,
        source=source,
        target=target,
        **certificate,
    )


def _tabulated(source: Distribution, target: Distribution, tol: float) -> MonotoneMap:
    problem = pose(source, target, tol)
    frame = make_frame(problem)
    # How well the laws know the map, at points that cost no inversion of the source.
    borders = np.array([frame.first, frame.low, frame.high, frame.last])
    sketch = np.interp(np.linspace(0.02, 2.98, 75), np.arange(4.0), borders)
    # Errors of probabilities hit the sparse ends hardest: the bulk deserves finer cells than those.
    share = 0.5 if math.isfinite(source.tail_error + target.tail_error) else 0.05
    floor = share * law_error(problem, sketch, problem.exact(sketch))  # below, cutting is in vain
    goal = max(SHARE * tol / SAFETY, floor)
    kinks = kinks_of(problem, frame)
    inner = inner_range(problem, frame, goal, kinks)
    refined = refine(problem, frame, goal, kinks, inner)
    if len(inner.powers) and refined.error_within(problem, inner) > _MISSED * goal:
        inner = NOTHING  # something between the probes of the fit: cells are cut where it is
        refined = refine(problem, frame, goal, kinks)
    table, added = assemble(problem, frame, refined, inner, goal)
    error, error_u, derivative_error = tabulation_error(problem, refined, table, added)
    domain = _domain(problem, table)
    outer, outer_error = continuation_error(problem, table, domain)
    return MonotoneMap(
        kind="table",
        domain=domain,
        outer=outer,
        outer_error=max(error, outer_error),
        derivative_error=derivative_error,
        centre=problem.centre,
        unit=problem.scale,
        error=error,
        error_u=error_u,
        tol=tol,
        support=source.support(),
        limits=target.support(),
        table=table,
        source=source,
        target=target,
    )


def _domain(problem: Problem, table: Table) -> tuple[float, float]:
    """The cells, and the rest of the support where nothing can go wrong there any more."""
    sound = sound_range(problem)
    domain = []
    for side, row in ((k.LOW, 0), (k.HIGH, -1)):
        edge, value = table.records[row, k.EDGE], table.records[row, k.C0]
        support, limit = table.ends[side, k.SUPPORT], table.ends[side, k.LIMIT]
        adjacent = math.nextafter(edge, support) == support
        saturated = abs(value - limit) <= problem.tol * problem.scale
        domain.append(float(support if adjacent or saturated else edge))
    return max(domain[0], sound[0]), min(domain[1], sound[1])
