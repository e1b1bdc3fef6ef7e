"""Maps in a notebook, with their certificates."""

from __future__ import annotations

from typing import TYPE_CHECKING

from otmaps._colours import COLOURS
from otmaps._curves import bulk, map_curve
from otmaps._notebook._card import axis_name, card, facts, number, row, size_of_error, span
from otmaps._notebook._figure import Line, figure
from otmaps._notebook._laws import densities, spreads

if TYPE_CHECKING:
    from otmaps._component_maps import ComponentMaps
    from otmaps._gaussian_map import GaussianMap
    from otmaps._map import MonotoneMap
    from otmaps._map_chain import ComposedMap
    from otmaps._plan import RandomizedPlan
    from otmaps._radial_map import RadialMap

_UNITS = "in units of the prior's scale"


def map_html(T: MonotoneMap) -> str:
    """A monotone map beside the identity, and its certificate."""
    return card(f"MonotoneMap, {kind(T)}", "map", row(drawn_map(T), facts(certificate(T))))


def chain_html(T: ComposedMap) -> str:
    """One map after another."""
    shown = [
        *((f"map {k}", kind(each)) for k, each in enumerate(T.maps[:6], start=1)),
        ("error", f"{size_of_error(T.error)} {_UNITS}"),
        ("error in probability", size_of_error(T.error_u)),
        ("certified for y", span(T.domain)),
    ]
    return card(f"ComposedMap of {len(T.maps)} maps", "map", row(drawn_map(T), facts(shown)))


def plan_html(plan: RandomizedPlan) -> str:
    """A randomised plan: both laws, and the point masses that are spread."""
    drawn = densities({"raw result": plan.source, "prior": plan.target})
    return card("RandomizedPlan", "transport plan", row(drawn, facts(plan_facts(plan))))


def radial_map_html(T: RadialMap, axis: object) -> str:
    """The map of the norms."""
    title = f"RadialMap, {T.kind}, of vectors of {T.dim} components"
    shown = facts([*radial_facts(T), ("axis", axis_name(axis))])
    return card(title, "map", row(drawn_norms(T), shown))


def gaussian_map_html(T: GaussianMap) -> str:
    """An affine map between normal laws."""
    drawn = spreads({"raw result": T.source.std(), "prior": T.target.std()})
    title = f"GaussianMap, {T.kind}, of vectors of {T.target.dim} components"
    return card(title, "map", row(drawn, facts(gaussian_facts(T))))


def component_maps_html(maps: ComponentMaps) -> str:
    """Maps of groups of components: the first, and the largest error."""
    title = f"ComponentMaps, {len(maps.maps)} maps of {maps.members.size} components"
    return card(title, "map", row(drawn_first(maps), facts(component_facts(maps))))


# ------------------------------------------------------------------------------------- certificates
def kind(T: MonotoneMap) -> str:
    """The kind of a map, and how many cells its table has."""
    return T.kind if T.table is None else f"table of {T.table.cells} cells"


def certificate(T: MonotoneMap) -> list[tuple[str, str]]:
    """What a map states of itself."""
    return [
        ("map", kind(T)),
        ("error", f"{size_of_error(T.error)} {_UNITS}"),
        ("error in probability", size_of_error(T.error_u)),
        ("error of the slope", size_of_error(T.derivative_error)),
        ("certified for y", span(T.domain)),
    ]


def plan_facts(plan: RandomizedPlan) -> list[tuple[str, str]]:
    """What a plan states of itself."""
    return [
        ("map", "randomised plan"),
        ("point masses", str(plan.levels.at.size)),
        ("error", f"{size_of_error(plan.error)} {_UNITS}"),
        ("error in probability", size_of_error(plan.error_u)),
        ("certified for y", span(plan.domain)),
    ]


def radial_facts(T: RadialMap) -> list[tuple[str, str]]:
    """What a map of norms states of itself."""
    if T.norms is None:
        return [("map", f"to the sphere of radius {number(T.radius)}"), ("error", "exact")]
    if T.constant_factor is not None:
        return [("factor", number(T.constant_factor, 8)), *certificate(T.norms)]
    return certificate(T.norms)


def gaussian_facts(T: GaussianMap) -> list[tuple[str, str]]:
    """What a map between normal laws states of itself."""
    factor = [] if T.factor is None else [("factor", number(T.factor, 8))]
    return [
        ("map", f"{T.kind}, {type(T.operator).__name__}"),
        *factor,
        ("error", f"{size_of_error(T.error)} standard deviations of the prior"),
        ("rounding of a call", size_of_error(T.rounding)),
        ("Wasserstein-2 distance", number(T.distance)),
    ]


def component_facts(maps: ComponentMaps) -> list[tuple[str, str]]:
    """What is common to the maps of all components."""
    return [
        ("maps", str(len(maps.maps))),
        ("kind", maps.kind),
        ("largest error", f"{size_of_error(maps.error)} {_UNITS}"),
        ("largest error in probability", size_of_error(maps.error_u)),
        ("axis", axis_name(maps.axis)),
    ]


# ------------------------------------------------------------------------------------------ figures
def drawn_map(T: MonotoneMap | ComposedMap, *, across: str = "y, the raw result") -> str:
    """T(y) beside y, over the bulk of its source."""
    y, z = map_curve(T, *bulk(T))
    lines = [
        Line("unchanged", y, y, COLOURS["linear"], dashed=True),
        Line("T(y)", y, z, COLOURS["matched"]),
    ]
    return figure("map", lines, across=across)


def drawn_norms(T: RadialMap) -> str:
    """The map of the norms; nothing where all go to one sphere."""
    return "" if T.norms is None else drawn_map(T.norms, across="norm of the raw result")


def drawn_first(maps: ComponentMaps) -> str:
    """The first of the maps that is no plan."""
    return next((drawn_map(T) for T in map(as_map, maps.maps) if T is not None), "")


def as_map(T: MonotoneMap | RandomizedPlan) -> MonotoneMap | None:
    """The map, if it is no plan; both classes lie in layers above this one."""
    return None if T.kind == "randomised plan" else T
