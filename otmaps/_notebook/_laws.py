"""Laws in a notebook."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from otmaps._arrays import FloatArray
from otmaps._colours import COLOURS
from otmaps._curves import density_curve, shown_range
from otmaps._notebook._card import card, facts, number, row, size_of_error, span
from otmaps._notebook._figure import Line, figure

if TYPE_CHECKING:
    from otmaps._distribution import Distribution
    from otmaps._independent import Independent
    from otmaps._isotropic import Isotropic
    from otmaps._multivariate_normal import MultivariateNormal

_ALONE = COLOURS["matched"]  # of a law that is compared with none
_SEVERAL = (COLOURS["matched"], COLOURS["slerp"], COLOURS["linear"])
_COMPONENTS = 512  # that a figure shows: more are taken at even steps


def law_html(law: Distribution) -> str:
    """A law of a number: its density, how it was computed and how exact it is."""
    return card(repr(law), "law", row(densities({"": law}), facts(law_facts(law))))


def isotropic_html(law: Isotropic) -> str:
    """An isotropic law: the density of its norm."""
    shown = [("components", str(law.dim)), *law_facts(law.norm)]
    drawn = densities({"": law.norm}, across="norm")
    return card(repr(law), "isotropic law, known by its norm", row(drawn, facts(shown)))


def normal_html(law: MultivariateNormal) -> str:
    """A normal law of vectors: the standard deviations of its components."""
    std, low, high = law.std(), float(law.mean.min()), float(law.mean.max())
    shown = [
        ("components", " x ".join(map(str, law.shape))),
        ("covariance", type(law.covariance).__name__),
        ("mean", number(low) if low == high else span((low, high))),
        ("standard deviation", span((float(std.min()), float(std.max())))),
    ]
    drawn = spreads({"": std})
    return card(f"MultivariateNormal, {law.dim} components", "law", row(drawn, facts(shown)))


def independent_html(law: Independent) -> str:
    """Independent components: the densities of the first laws, and how many follow each."""
    runs = law.runs
    shown = [(f"{count} component{'s' * (count > 1)}", repr(each)) for each, count in runs[:6]]
    if len(runs) > 6:
        shown.append(("more", f"{len(runs) - 6} runs of components"))
    several = {repr(each).partition("(")[0]: each for each, _ in runs[:3]}
    title = f"Independent, {law.dim} components in {len(runs)} runs"
    return card(title, "law", row(densities(several), facts(shown)))


def law_facts(law: Distribution) -> list[tuple[str, str]]:
    """How a law was computed, how exact it is, and where it lies."""
    quantiles = ", ".join(number(float(law.ppf(p)), 3) for p in (0.01, 0.5, 0.99))
    found = [
        ("method", law.method),
        ("error of the cdf", size_of_error(law.error)),
        ("relative error of tails", size_of_error(law.tail_error)),
        ("mean, std", f"{number(law.mean())}, {number(law.std())}"),
        ("support", span(law.support())),
        ("1, 50, 99 %", quantiles),
    ]
    if law.atoms:
        listed = [f"{number(mass, 3)} at {number(place)}" for place, mass in law.atoms[:4]]
        more = ["..."] * (len(law.atoms) > 4)
        found.append(("point masses", ", ".join([*listed, *more])))
    return found


def densities(laws: dict[str, Distribution], *, across: str = "value of a component") -> str:
    """The densities of laws by their names; none where there is no law."""
    if not laws:
        return ""
    low, high = shown_range(*laws.values())
    known = {"raw result": COLOURS["linear"], "prior": COLOURS["prior"]}
    lines = []
    for (name, law), colour in zip(laws.items(), _SEVERAL, strict=False):
        x, density = density_curve(law, low, high)
        lines.append(Line(name, x, density, known.get(name, colour), filled=True))
    stems = [atom for law in laws.values() for atom in law.atoms[:4]]
    return figure("density", lines, across=across, stems=stems, from_zero=True)


def spreads(deviations: dict[str, FloatArray]) -> str:
    """The standard deviations of components, in their order."""
    known = {"raw result": COLOURS["linear"], "prior": COLOURS["prior"]}
    lines = []
    for name, std in deviations.items():
        flat = np.asarray(std, dtype=float).ravel()
        places = np.unique(np.linspace(0, flat.size - 1, _COMPONENTS).astype(int))
        lines.append(Line(name, places.astype(float), flat[places], known.get(name, _ALONE)))
    return figure("standard deviation", lines, across="component", from_zero=True)
