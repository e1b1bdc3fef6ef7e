"""Writes docs/comparison.md and its figures: ``python -m benchmarks.comparison``.

What ways to combine latents do to the law, and how far they move the raw result, all on the same
latents; and POT's plans as judge of ours. Needs the extra plots; LOL is compared with the package
lolatents (extra bench) where that is installed.
"""

from __future__ import annotations

import argparse
import math
import sys
from collections.abc import Sequence
from pathlib import Path

from . import comparison_figures as figures
from .accuracy_page import filled
from .comparison_rows import (
    DIM,
    FRESH,
    HEAVY,
    ISOTROPIC,
    JUDGED,
    TAKEN,
    Expected,
    Found,
    Verdicts,
    expected,
    faults,
    independent,
    isotropic,
    lol_difference,
    verdicts,
)
from .report import table
from .rivals import KEEPING, OURS, RAW
from .sizes import COMPARED, PLAN_POINTS, PLAN_REPLICATES

ROOT = Path(__file__).parents[1]

INTRODUCTION = """\
# Beside other ways to combine latents

Written by `python -m benchmarks.comparison`.

All ways get the same {count:,} sets of latents with {dim} components. The cost is the mean
squared distance of the result from the raw result, a component, in units of the prior's variance:
how much of what was asked for is changed. A way is right where the components and the norm follow
the prior; among those the cheapest changes least.

- linear: the raw result.
- slerp: along a great circle (Shoemake 1985, White, arXiv 1609.04468).
- linear, times a factor: brought to the prior's mean and standard deviation, as users do it for
  normal noise.
- linear, norm set: brought to the root mean square norm of the prior, the square root of {dim}
  for a normal one.
- LOL: each latent made normal, combined, mapped back (Bodin et al., arXiv 2408.08558). {lol}
- Cauchy: each component made Cauchy, combined, mapped back (Lesniak, Sieradzki and Podolak, ICLR
  2019, arXiv 1806.01670), for convex combinations; for isotropic priors their spherical form.
- otmaps: the monotone map.

KS is the Kolmogorov-Smirnov distance from the prior, of all components and of the norms (of those
of {fresh:,} fresh latents, where the prior has no formula for them). Chance alone gives a KS of
{chance_component:.4f} of components and {chance_norm:.3f} of norms; twice that is rare. What is
further off is **bold**.
"""

INDEPENDENT = """\
## Independent components

LOL and Cauchy keep the prior; both bend each latent and not the result, so the result is not a
function of the raw one, and costs more than it need. For a normal prior LOL is the optimal map. A
factor mends the law of normal components, and of no other; a fixed norm mends none. The last
column is the cost over that of otmaps.
"""

CHECKED = """\
### On the mean

The cost of otmaps is the squared Wasserstein-2 distance of the laws (`otmaps.mismatch`), up to
the chance of the draws: at most {worst:.1f} standard errors off, over all rows with finite fourth
moments. With two latents the mean costs are integrals, by the trapezoidal rule; they are shown
over the least cost. Under Student's law, whose fourth moment is infinite, draws say little: the
ratios of costs above are rough, and LOL's too low.
"""

ROUND = """\
## Isotropic priors

The way from the raw result counts, from the linear one or from slerp. Matched slerp is closer to
slerp than anything else that keeps the prior. On the sphere slerp keeps the prior as it is.
"""

PLANS = """\
## POT's plans as judge

Exact plans between samples of {points} points (`ot.emd2`), {replicates} replicates, with standard
errors; costs are squared distances of whole latents. Three questions:

- Is the map optimal for what it gives? *Reassigned* is the cost of the cheapest assignment of the
  same results to the same raw results, over that of the given one: 1 means optimal, without any
  sampling error.
- Do results follow the prior, as vectors? *Law* is the difference of two plans from raw results,
  to other results and to fresh draws, in standard errors.
- Is the cost the least? *Plan* is the cost of the plan to fresh draws; on the mean it is above
  the least cost, by the noise of samples, which grows with the dimension. Taking off what plans
  within each law cost gives *less noise*, which is too low in 8 dimensions.

Slerp is judged from 4 dimensions on: in 2 the raw result has no variance. Under Student's laws a
few far points carry the cost, and plans say less. The raw result shows what is found of a law
that is wrong. Of a law whose norms alone are wrong plans between {points} points show little in 8
dimensions: see the distances above for that. In the figure the grey band ends at the plan above,
and at the plan less its noise below.
"""


def _bold(value: float, limit: float) -> str:
    text = "-" if math.isnan(value) else f"{value:.4f}"
    return f"**{text}**" if value > limit else text


def heading(title: str) -> str:
    """With a capital, but for a letter that stands for a number."""
    return title if title.startswith("t =") else title[0].upper() + title[1:]


def _independent_tables(found: Found) -> list[str]:
    component, norm = _chances()
    head = (
        "prior",
        "way",
        "cost",
        "KS",
        "KS of norms",
        "mean norm",
        "sd of norm",
        "cost, relative",
    )
    lines = []
    for title in dict.fromkeys(operation for operation, _ in found):
        lines += [f"### {heading(title)}", ""]
        rows = []
        for (operation, name), each in found.items():
            if operation != title:
                continue
            for way, row in each.items():
                ratio = row.cost / each[OURS].cost
                rows.append(
                    (
                        name if way == RAW else "",
                        way,
                        f"{row.cost:.4f}",
                        _bold(row.ks, 2.0 * component),
                        _bold(row.norm_ks, 2.0 * norm),
                        f"{row.norm_mean:.3f}",
                        f"{row.norm_std:.3f}",
                        f"{ratio:.2f}" if way in KEEPING else "",
                    )
                )
        lines += table(head, rows)
    return lines


def _expected_table(found: Expected) -> list[str]:
    head = ("operation", "prior", "least cost", *KEEPING)
    rows = [
        (title, name, f"{each['least']:.5f}", *(f"{each[way]:.3f}" for way in KEEPING))
        for (title, name), each in found.items()
    ]
    return table(head, rows)


def _isotropic_tables(found: Found) -> list[str]:
    norm = _chances()[1]
    head = (
        "prior",
        "t",
        "way",
        "from linear",
        "from slerp",
        "KS of norms",
        "mean norm",
        "sd of norm",
    )
    rows = []
    for (title, name), each in found.items():
        for way, row in each.items():
            rows.append(
                (
                    name if way == RAW else "",
                    title.removeprefix("t = ") if way == RAW else "",
                    way,
                    f"{row.cost:.5f}",
                    f"{row.slerp_cost:.5f}",
                    _bold(row.norm_ks, 2.0 * norm),
                    f"{row.norm_mean:.3f}",
                    "-" if math.isnan(row.norm_std) else f"{row.norm_std:.3f}",
                )
            )
    return table(head, rows)


def _plan_table(found: Verdicts) -> list[str]:
    head = ("operation", "prior", "d", "way", "cost", "plan", "less noise", "reassigned", "law")
    rows = [
        (
            title,
            name,
            str(dim),
            way,
            f"{v.cost:.4f}",
            f"{v.to_prior:.3f} ± {v.to_prior_error:.3f}",
            f"{v.optimum:.3f}",
            f"{v.reassigned:.4f}" if way != RAW else "",
            f"{v.law_score:.1f}",
        )
        for (title, name, dim, way), v in found.items()
    ]
    return table(head, rows)


def _chances(count: int = COMPARED, dim: int = DIM) -> tuple[float, float]:
    """What the Kolmogorov-Smirnov distances of components and norms are by chance, on the mean."""
    return 0.87 / math.sqrt(count * dim), 0.87 * math.sqrt((1.0 + 1.0 / FRESH) / count)


def _lol_sentence() -> str:
    try:
        worst = max(lol_difference(name) for name in ("uniform", "laplace", "exponential"))
    except ImportError:
        return "Computed by its formula."
    return f"By its formula; `lolatents` differs by at most {worst:.0e} on a thousand values."


def page(independent: Found, expected: Expected, isotropic: Found, plans: Verdicts) -> str:
    """The text."""
    component, norm = _chances()
    introduction = INTRODUCTION.format(
        count=COMPARED,
        dim=DIM,
        fresh=FRESH * COMPARED,
        lol=_lol_sentence(),
        chance_component=component,
        chance_norm=norm,
    )
    scores = [rows[OURS].score for (_, name), rows in independent.items() if name != HEAVY]
    parts = [
        filled(introduction),
        filled(INDEPENDENT),
        "![Cost and law of the midpoint](images/comparison.png)",
        "\n".join(_independent_tables(independent)),
        filled(CHECKED.format(worst=max(scores, default=0.0))),
        "\n".join(_expected_table(expected)),
        filled(ROUND),
        "![Norms of midpoints](images/comparison-norms.png)",
        "\n".join(_isotropic_tables(isotropic)),
        filled(PLANS.format(points=PLAN_POINTS, replicates=PLAN_REPLICATES)),
        "![Costs against plans](images/comparison-plans.png)",
        "\n".join(_plan_table(plans)),
    ]
    return "\n".join(part.rstrip("\n") + "\n" for part in parts)


def main(arguments: Sequence[str]) -> None:
    """Measure, write, and fail where the page would say what is not so."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.comparison")
    parser.add_argument("priors", nargs="*", help=f"of {', '.join(TAKEN)}; all without any")
    parser.add_argument("--docs", type=Path, default=ROOT / "docs", help="where to write")
    given = parser.parse_args(arguments)
    unknown = [name for name in given.priors if name not in TAKEN]
    if unknown:
        raise SystemExit(f"no prior {unknown[0]!r}; there are {', '.join(TAKEN)}")
    names = given.priors or TAKEN
    components = independent(names)
    whole = isotropic([name for name in ISOTROPIC if not given.priors or name in names])
    plans = verdicts([name for name in JUDGED if name in names])
    images = given.docs / "images"
    images.mkdir(parents=True, exist_ok=True)
    (given.docs / "comparison.md").write_text(page(components, expected(names), whole, plans))
    figures.costs(components, images / "comparison.png")
    figures.norms(ISOTROPIC["normal"], COMPARED, images / "comparison-norms.png")
    figures.plans(plans, images / "comparison-plans.png")
    wrong = faults(components, whole, plans)
    if wrong:
        raise SystemExit("\n".join(wrong))


if __name__ == "__main__":
    main(sys.argv[1:])
