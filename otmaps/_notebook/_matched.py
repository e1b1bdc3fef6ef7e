"""Matched operations and families in a notebook."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, cast

import numpy as np

from otmaps._colours import COLOURS
from otmaps._curves import bulk, map_curve
from otmaps._notebook._card import axis_name, card, facts, number, remark, row, size_of_error
from otmaps._notebook._figure import Line, figure
from otmaps._notebook._laws import densities, spreads
from otmaps._notebook._maps import (
    as_map,
    certificate,
    component_facts,
    drawn_first,
    drawn_map,
    drawn_norms,
    gaussian_facts,
    plan_facts,
    radial_facts,
)

if TYPE_CHECKING:
    from otmaps._distribution import Distribution
    from otmaps._family import Family
    from otmaps._map import MonotoneMap
    from otmaps._matched_gaussian import MatchedGaussianOperation
    from otmaps._matched_independent import MatchedIndependentOperation
    from otmaps._matched_isotropic import MatchedIsotropicOperation
    from otmaps._matched_operation import MatchedOperation
    from otmaps._operations import Operation
    from otmaps._plan import RandomizedPlan

_MATCHED = "matched operation"
_UNKNOWN = "The map came from a store, which keeps no law: .source computes that of the raw result."
_FRAMES = 5  # maps of a family in a figure


def matched_html(matched: MatchedOperation) -> str:
    """Both laws, the map, and its certificate; no law is computed for it."""
    T = as_map(matched.map)
    source = _known(matched)
    about = _about(matched.operation, matched.target, matched.inputs)
    about += [] if source is None else [("law of the raw result", source.method)]
    if T is not None:
        drawn, shown = drawn_map(T), certificate(T)
    else:
        drawn, shown = "", plan_facts(cast("RandomizedPlan", matched.map))
    return card(
        repr(matched.operation),
        _MATCHED,
        row(_both(source, matched.target), drawn, facts([*about, *shown])),
        "" if source is not None else remark(_UNKNOWN),
    )


def matched_isotropic_html(matched: MatchedIsotropicOperation) -> str:
    """Both laws of the norm, and the map of the norms."""
    T = matched.map
    source = None if T.norms is None else T.norms.source
    about = _about(matched.operation, matched.target, matched.inputs)
    drawn = _both(source, matched.target.norm, across="norm")
    shown = facts([*about, *radial_facts(T), ("axis", axis_name(T.axis))])
    told = remark(_UNKNOWN) if source is None and T.norms is not None else ""
    return card(repr(matched.operation), _MATCHED, row(drawn, drawn_norms(T), shown), told)


def matched_gaussian_html(matched: MatchedGaussianOperation) -> str:
    """The standard deviations of the raw result and of the prior."""
    T = matched.map
    drawn = spreads({"raw result": T.source.std(), "prior": T.target.std()})
    prior = f"MultivariateNormal, {T.target.dim} components, {type(T.target.covariance).__name__}"
    shown = facts([("prior", prior), *gaussian_facts(T), ("axis", axis_name(T.axis))])
    return card(repr(matched.operation), _MATCHED, row(drawn, shown))


def matched_independent_html(matched: MatchedIndependentOperation) -> str:
    """The first group of components, and what is common to all."""
    first = matched.groups[0]
    drawn = row(
        _both(_known(first), first.target),
        drawn_first(matched.map),
        facts([("prior", repr(matched.target)), *component_facts(matched.map)]),
    )
    more = len(matched.groups) - 1
    told = f"The figures are of the first of {more + 1} groups of components." if more else ""
    return card(repr(matched.operation), _MATCHED, drawn, remark(told) if told else "")


def family_html(family: Family) -> str:
    """The maps at a few parameters, and the error that holds for all of them."""
    ranges = dict(family.parameters)
    shown = [
        ("prior", repr(family.target)),
        *((name, _range(value)) for name, value in ranges.items()),
        ("error", f"{size_of_error(family.error)} in units of the prior's scale"),
        ("error in probability", size_of_error(family.error_u)),
        ("asked for", size_of_error(family.tol)),
        ("panels", str(family.panels)),
    ]
    drawn = ""
    (name, limits), *others = ranges.items()
    if not others and isinstance(limits, tuple):
        values = np.linspace(limits[0], limits[1], _FRAMES)
        drawn = _frames([(f"{name}={v:.3g}", family.map(**{name: float(v)})) for v in values])
    return card("Family", "matched operations for all parameters", row(drawn, facts(shown)))


def _frames(maps: Sequence[tuple[str, MonotoneMap]]) -> str:
    """Maps of a family, from the colour of raw results to that of matched ones, all labelled."""
    spans = [bulk(T) for _, T in maps]
    low, high = min(s[0] for s in spans), max(s[1] for s in spans)
    lines = []
    for k, (name, T) in enumerate(maps):
        y, z = map_curve(T, low, high)
        lines.append(Line(name, y, z, _mixed(k / (len(maps) - 1))))
    return figure("map", lines, across="y, the raw result", beside=True)


def _mixed(share: float) -> str:
    """A colour between those of slerp and of matched results."""
    ends = [[int(COLOURS[name][i : i + 2], 16) for i in (1, 3, 5)] for name in ("slerp", "matched")]
    parts = [round((1.0 - share) * a + share * b) for a, b in zip(*ends, strict=True)]
    return "#" + "".join(f"{part:02x}" for part in parts)


def _range(value: object) -> str:
    if isinstance(value, tuple):
        return f"{number(value[0])} to {number(value[1])}"
    return f"weights, {value} of them"


def _about(op: Operation, prior: object, inputs: Sequence[object]) -> list[tuple[str, str]]:
    found = [("prior", repr(prior))]
    for name, law in zip(op.latents, inputs, strict=True):
        if repr(law) != repr(prior):
            found.append((f"law of {name}", repr(law)))
    return found


def _known(matched: MatchedOperation) -> Distribution | None:
    """The law of the raw result where it is at hand: computing it may take long."""
    source: Distribution | None = vars(matched).get("source", matched.map.source)
    return source


def _both(
    source: Distribution | None, target: Distribution, *, across: str = "value of a component"
) -> str:
    laws = {"prior": target} if source is None else {"raw result": source, "prior": target}
    return densities(laws, across=across)
