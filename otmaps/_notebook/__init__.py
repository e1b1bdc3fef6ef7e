"""What notebooks show of laws, maps, matched operations and reports: ``_repr_html_`` of each.

Plain HTML with small SVG figures: no scripts, no style sheets, nothing fetched, all text escaped.
Text and axes have the colour of the page, so they are legible on dark pages as well.
"""

from __future__ import annotations

from otmaps._notebook._laws import independent_html, isotropic_html, law_html, normal_html
from otmaps._notebook._maps import (
    chain_html,
    component_maps_html,
    gaussian_map_html,
    map_html,
    plan_html,
    radial_map_html,
)
from otmaps._notebook._matched import (
    family_html,
    matched_gaussian_html,
    matched_html,
    matched_independent_html,
    matched_isotropic_html,
)
from otmaps._notebook._reports import (
    check_html,
    diagnosis_html,
    mismatch_html,
    precompute_html,
    verification_html,
)

__all__ = [
    "chain_html",
    "check_html",
    "component_maps_html",
    "diagnosis_html",
    "family_html",
    "gaussian_map_html",
    "independent_html",
    "isotropic_html",
    "law_html",
    "map_html",
    "matched_gaussian_html",
    "matched_html",
    "matched_independent_html",
    "matched_isotropic_html",
    "mismatch_html",
    "normal_html",
    "plan_html",
    "precompute_html",
    "radial_map_html",
    "verification_html",
]
