"""Making families: the laws at points of the parameters, and panels between them."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from otmaps._convert import as_distribution
from otmaps._distribution import Distribution
from otmaps._errors import AccuracyWarning, UnservedError
from otmaps._estimators import Estimator, check_operation, check_pointwise, input_laws
from otmaps._family import Family, law_of
from otmaps._family_build import FamilyBuilder
from otmaps._family_charts import Chart, Point, Ranges, Weights, make_chart
from otmaps._linearity import Linear
from otmaps._map import MonotoneMap
from otmaps._map_between import build_map, checked_tol
from otmaps._map_exact import affine_between, unit_of
from otmaps._operations import Operation
from otmaps._vector_law import VectorLaw

_INSIDE = (0.37, 0.61, 0.83)  # of each range: where a family is tried for straight maps
_MIRRORED = (0.0, 1e-9, 1e-3, 0.01, 0.1, 0.23, 0.37, 0.44, 0.49)  # where symmetry is looked for
_ULPS = 8.0


def family(
    op: Callable[..., Operation],
    prior: Any,
    *,
    inputs: Mapping[str, Any] | Sequence[Any] | None = None,
    method: str | Estimator = "auto",
    tol: float = 1e-9,
    **ranges: Any,
) -> Family:
    """Match an operation for all values of a parameter at once.

    Computes the laws at Chebyshev points of ranges of the parameter, finds cells that serve all of
    a range, and interpolates edges and polynomials between them. The errors are measured between
    the points, against the exact maps.

    Parameters
    ----------
    op : callable
        Makes the operation of given parameters: ``otmaps.lerp``, an operation made by
        ``@otmaps.operation``, or any function that returns one.
    prior : law
        The law of one component of a latent: anything `as_distribution` takes.
    inputs, method
        As in `match`. Sampling serves no family: its laws are noise from one parameter to the next.
    tol : float
        The largest error of every map of the family, in units of the prior's scale.
    **ranges
        For one or two parameters of the operation, a pair (low, high). Or, for an operation that
        takes a vector of weights and latents of one law, its length, 2 or 3: then all weights are
        served that are not negative, and all of any sign where the law is symmetric about 0.

    Returns
    -------
    Family
        A small object to keep: some 0.1 to 10 MB, made in seconds; two parameters take minutes.

    Raises
    ------
    AtomError
        Where a result has point masses.
    UnservedError
        Where no exact law is known, the operation mixes components, or the prior has gaps or point
        masses: then maps jump.
    AccuracyError
        Where maps change too fast with the parameter.

    Examples
    --------
    >>> import otmaps
    >>> blends = otmaps.family(otmaps.lerp, otmaps.Uniform(-1, 1), t=(0, 1), tol=1e-6)
    >>> blends.error <= 1e-6
    True
    >>> blends(0.25).map(0.5) == blends(t=0.75).map(0.5)
    True
    >>> blends(1.0).map.kind
    'identity'
    """
    if isinstance(prior, VectorLaw):
        raise UnservedError(
            f"families are of maps of numbers, and {prior!r} is a law of whole latents. Match "
            "single parameters, by otmaps.match, or take a path, by otmaps.trajectory."
        )
    target, tol = as_distribution(prior), checked_tol(tol)
    if not callable(op):
        raise TypeError(
            "op must be what makes the operation, such as otmaps.lerp, not otmaps.lerp(0.5); got "
            f"{type(op).__name__}."
        )
    _refuse_jumps(target)
    chart = make_chart(ranges, symmetric=target.symmetry == 0.0)
    if isinstance(chart, Weights) and inputs is not None:
        raise ValueError(
            "inputs= with a vector of weights: all its latents have one law, the prior."
        )

    def law_at(point: Point) -> Distribution:
        return law_of(op(**chart.parameters(point)), target, inputs, method, tol)

    inside = [tuple(a + x * (b - a) for a, b in chart.box) for x in _INSIDE]
    checked = _checked(op(**chart.parameters(inside[0])), chart)
    if all(affine_between(law_at(point), target) is not None for point in inside):
        return Family(op, chart, target, tol, method, inputs, (), unit_of(target))
    exact: dict[Point, MonotoneMap] = {}
    if isinstance(chart, Ranges) and len(chart.box) == 1:
        for end in chart.box[0]:
            law = law_at((end,))
            if affine_between(law, target) is not None:
                exact[(end,)] = build_map(law, target, tol)
    laws = input_laws(checked, target, inputs)
    builder, (low, high) = FamilyBuilder(law_at, target, tol), chart.box[0]
    half = ((low, 0.5 * (low + high)), *chart.box[1:])
    same = len(set(map(id, laws))) == 1
    mirrored = same and _is_mirrored(op, chart, [low + x * (high - low) for x in _MIRRORED])
    pieces = builder.cover(half if mirrored else chart.box)
    if mirrored and not _is_mirrored(op, chart, [t for (t,) in builder.points]):
        mirrored, pieces = False, builder.cover(chart.box)
    found = Family(
        op, chart, target, tol, method, inputs, tuple(pieces), unit_of(target), mirrored, exact
    )
    if found.error > tol:
        warnings.warn(
            f"the family reaches an error of {found.error:.3g}, not tol={tol:.3g}: the laws are "
            "not known better.",
            AccuracyWarning,
            stacklevel=2,
        )
    return found


def _refuse_jumps(target: Distribution) -> None:
    """Raise where maps to the target jump: where they do moves with the parameters."""
    marks = np.array(target.breakpoints)
    empty = (np.diff(target.cdf(marks)) <= 0.0) & (np.diff(target.sf(marks)) >= 0.0)
    if target.atoms:
        where = f"has point masses, the first at {target.atoms[0][0]:g}"
    elif marks.size > 1 and empty.any():
        first = int(np.argmax(empty))
        where = f"has a gap from {marks[first]:g} to {marks[first + 1]:g}"
    else:
        return
    raise UnservedError(
        f"the prior {where}, so its maps jump, at places that move with the parameters: no family "
        "can have them. Match single parameters, by otmaps.match."
    )


def _checked(op: Operation, chart: Chart) -> Operation:
    """An operation of the family, after what it has to fulfil is checked."""
    check_operation(op)
    check_pointwise(op)
    if isinstance(chart, Weights):
        form = op.linear
        if form is None or len(form.weights) != chart.length or form.offset != 0.0:
            raise TypeError(
                f"{op.name!r} is no weighted sum of {chart.length} latents; name ranges of its "
                "parameters instead, such as t=(0, 1)."
            )
    return op


def _is_mirrored(op: Callable[..., Operation], chart: Chart, points: Sequence[float]) -> bool:
    """Whether t and low + high - t have the same weights, in another order, at these points."""
    if not isinstance(chart, Ranges) or len(chart.box) != 1:
        return False
    low, high = chart.box[0]
    for t in points:
        forms = [op(**chart.parameters((s,))).linear for s in (t, low + high - t)]
        if not _is_same_sum(*forms):
            return False
    return True


def _is_same_sum(one: Linear | None, other: Linear | None) -> bool:
    if one is None or other is None or one.offset != other.offset:
        return False
    pairs = zip(sorted(one.weights), sorted(other.weights), strict=True)
    room = _ULPS * np.finfo(float).eps * max(map(abs, one.weights))
    return all(abs(a - b) <= room for a, b in pairs)
