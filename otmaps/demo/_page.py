"""One HTML page that explains the demo to a newcomer; it loads nothing but its own pictures."""

from __future__ import annotations

import math
import os
import platform
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from html import escape
from pathlib import Path

import numpy as np

import otmaps
from otmaps.demo._conditions import (
    ANALOGY,
    EPS,
    FOUR_POINT,
    NORMS,
    RANDOM,
    SLERP,
    STEPS,
    TWO_POINT,
    WALK,
    is_isotropic,
)
from otmaps.demo._figures import norm_dim
from otmaps.demo._pictures import Album, Picture
from otmaps.demo._report import ModelReport, Row
from otmaps.demo._scores import SPLITS
from otmaps.demo._style import STYLE

_MINUS = "\N{MINUS SIGN}"
_NOTHING = "\N{EN DASH}"
_EXPLAINED = {
    RANDOM.operation: "fresh draws from the prior",
    TWO_POINT: "halfway between two latents",
    SLERP: "halfway along a great circle",
    FOUR_POINT: "the mean of four latents",
    ANALOGY: f"z3 + (z2 {_MINUS} z1)",
    WALK: f"each step adds {EPS:g} times a fresh draw",
}
_PLANE = """<b>In the plane.</b> One path between two latents, and where the midpoints of many pairs
fall. Linear midpoints crowd the centre, spherical ones leave a hole there; matched ones fall where
the prior puts its latents."""
_NORM_LAWS = """<b>In {dim} dimensions.</b> The squared norm of a midpoint. The linear law hardly
overlaps with the prior (the broad grey line): the generator never saw such latents. The law of
slerp has the right mean and the wrong width. The matched {laws} on the prior."""
_MAPS = """<b>The map.</b> What matching does to each component: one rising curve, computed once
for an operation and a prior, then applied to every number. At t = 0 nothing changes; at t = 0.5
values are spread out most."""


@dataclass(frozen=True)
class Section:
    """All that the page shows of one generator."""

    report: ModelReport
    album: Album
    figures: tuple[Picture, ...]


def write_page(
    file: Path, sections: Sequence[Section], *, n: int, seed: int, seconds: float
) -> Path:
    """Write the page; pictures are linked relative to it."""
    title = "Between two latents: what otmaps mends"
    parts = [
        _opening([section.report for section in sections]),
        *(_tables(section.report, n) for section in sections),
        _glossary(sections, n),
        *(_pictures(section) for section in sections),
        _reasons(sections),
        _method([section.report for section in sections], n, seed, seconds),
    ]
    file.write_text(
        f"""<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>{title}</title>
<style>{STYLE}</style>
</head>
<body>
<main>
{"".join(parts)}
</main>
</body>
</html>
""",
        encoding="utf-8",
    )
    return file


def _opening(reports: Sequence[ModelReport]) -> str:
    return f"""
<header>
<h1>Between two latents</h1>
<p class="lead">An image generator turns a list of random numbers, a <em>latent</em>, into a
picture. It has learned to do so for latents of one law, its <em>prior</em>. People then mix
latents to mix pictures: halfway between two, the mean of four, a walk of small steps. The mixed
latent no longer follows the prior, the generator is asked for something it never saw, and the
pictures get worse.</p>
<p class="lead"><strong>otmaps</strong> bends the mixed latent as little as possible, so that it
follows the prior again. Below, both ways are tried on {_names(reports)}, with numbers that
were computed when this page was made.</p>
<ul class="findings">{"".join(_finding(report) for report in reports)}</ul>
</header>
"""


def _names(reports: Sequence[ModelReport]) -> str:
    names = [f"<em>{escape(report.name)}</em>" for report in reports]
    noun = "the generator" if len(names) == 1 else "the generators"
    return f"{noun} {' and '.join(names)}"


def _finding(report: ModelReport) -> str:
    """The headline of one generator, in a sentence made from its rows."""
    linear, matched = (report.row(FOUR_POINT, how) for how in ("linear", "matched"))
    name = f"<strong>{escape(report.name.capitalize())}</strong> (prior {_law(report.prior)})"
    if linear.change is None or matched.change is None:
        return (
            f"<li>{name}: the mean of four latents has {linear.norm:.2f} times the squared norm "
            f"that the generator knows; the matched mean has {matched.norm:.2f} times.</li>"
        )
    distance = ""
    if linear.frechet is not None and matched.frechet is not None:
        distance = (
            f" Its distance to fresh pictures is {_number(matched.frechet)} instead of "
            f"{_number(linear.frechet)}."
        )
    return (
        f"<li>{name}: pictures from the plain mean of four latents score "
        f"{_percent(linear.change)} against fresh ones; from the matched mean "
        f"{_percent(matched.change)}.{distance}</li>"
    )


def _law(prior: otmaps.Distribution) -> str:
    if isinstance(prior, otmaps.Uniform):
        low, high = prior.support()
        return f"uniform on [{low:g}, {high:g}]".replace("-", _MINUS)
    if isinstance(prior, otmaps.Normal):
        mean, std = float(prior.mean()), float(prior.std())
        return "standard normal" if (mean, std) == (0, 1) else f"normal ({mean:g}, {std:g})"
    return escape(repr(prior))


def _tables(report: ModelReport, n: int) -> str:
    heads = (
        ("how", "", ""),
        ("score", "num", ""),
        ("change", "num", "of the score against fresh samples"),
        ("distance", "num", "Fréchet distance to fresh samples"),
        ("KS", "num", "Kolmogorov-Smirnov distance of the components to the prior"),
        ("KS norm", "num", "Kolmogorov-Smirnov distance of the norms to those of fresh samples"),
        ("norm", "num", "squared norm, as a multiple of the prior's"),
    )
    cells = "".join(
        f'<th scope="col" class="{kind}" title="{tip}">{head}</th>' for head, kind, tip in heads
    )
    name = escape(report.name)
    return f"""
<section>
<h2>{name.capitalize()}: the numbers</h2>
<p>{_facts(report)} {n:,} latents a row.</p>
<div class="scroll" tabindex="0" role="region" aria-label="Table of {name}">
<table>
<thead><tr><th scope="col">operation</th>{cells}</tr></thead>
{_bodies(report.rows)}
</table>
</div>
</section>
"""


def _facts(report: ModelReport) -> str:
    size = f"{report.dim} numbers a latent, prior {_law(report.prior)}."
    facts = report.facts
    if "data" not in facts:
        return size
    return (
        f"A generator trained on {escape(facts['data'])}. {size} The classifier that scores its "
        f"pictures names {facts['classifier_accuracy']:.1%} of held-back real images rightly."
    )


def _bodies(rows: Iterable[Row]) -> str:
    """One table body an operation, its name spanning the rows."""
    groups: dict[str, list[Row]] = {}
    for row in rows:
        groups.setdefault(row.operation, []).append(row)
    bodies = []
    for operation, members in groups.items():
        note = _EXPLAINED.get(operation, "")
        head = (
            f'<th scope="rowgroup" rowspan="{len(members)}">{escape(operation)}'
            f"<small>{escape(note)}</small></th>"
        )
        lines = [
            f'<tr class="{row.treatment}">{head if index == 0 else ""}{_cells(row)}</tr>'
            for index, row in enumerate(members)
        ]
        bodies.append(f"<tbody>{''.join(lines)}</tbody>")
    return "\n".join(bodies)


def _cells(row: Row) -> str:
    score = (
        _NOTHING if row.score is None else f"{row.score:.3f} <small>± {row.score_std:.3f}</small>"
    )
    fresh = row.treatment == RANDOM.treatment
    change = _NOTHING if row.change is None or fresh else _percent(row.change)
    distance = _NOTHING if row.frechet is None else _number(row.frechet)
    norm = _NOTHING if math.isnan(row.norm) else f"{row.norm:.2f}"
    cells = (score, change, distance, f"{row.ks:.4f}", f"{row.norm_ks:.4f}", norm)
    return f"<td>{row.treatment}</td>" + "".join(f'<td class="num">{cell}</td>' for cell in cells)


def _percent(change: float) -> str:
    return f"{100 * change:+.1f}\N{NARROW NO-BREAK SPACE}%".replace("-", _MINUS)


def _number(value: float) -> str:
    """Three digits that count, and no exponent."""
    digits = max(0, 2 - math.floor(math.log10(value))) if value > 0 else 0
    return f"{value:,.{min(digits, 4)}f}"


def _glossary(sections: Sequence[Section], n: int) -> str:
    reports = [section.report for section in sections]
    fresh = [report.row(RANDOM.operation, RANDOM.treatment).frechet for report in reports]
    floors = " and ".join(_number(value) for value in fresh if value is not None)
    floor = (
        f" Two sets of fresh samples are {floors} apart, by the chance of what was drawn: "
        "that much tells nothing."
        if floors
        else ""
    )
    chance = 0.87 * math.sqrt((1.0 + 1.0 / NORMS) / n)
    return f"""
<section>
<h2>How to read the table</h2>
<dl>
<dt>how</dt><dd><em>Linear</em> and <em>raw</em> use the mixed latent as it is. <em>Matched</em> is
what otmaps gives.</dd>
<dt>slerp</dt><dd>Goes along a great circle, a common remedy. {_slerp(reports)}</dd>
<dt>score</dt><dd>How clear each picture is to a classifier, and how varied all of them are: 1 is
the worst, the number of classes (10 here for the shipped generators) the best. Mean ± standard
deviation over {SPLITS} parts of the sample. Good is what <em>equals</em> the score of fresh
samples: off the prior a score may also rise, where pictures turn into caricatures.</dd>
<dt>distance</dt><dd>How far the pictures, as the classifier's features see them, are from a
second set of fresh samples (squared Fréchet distance; smaller is better).{floor}</dd>
<dt>KS</dt><dd>The largest gap between the law of the latents' components and the prior, from 0 to
1. It finds what the score does not see: slerp keeps the norm of a uniform latent about right, and
its components wrong.</dd>
<dt>KS norm</dt><dd>The same of the lengths of the latents, against those of {NORMS * n:,} fresh
ones. Chance alone gives about {chance:.3f}.</dd>
<dt>norm</dt><dd>The mean squared length of the latents; 1 is what the generator knows.</dd>
</dl>
</section>
"""


def _slerp(reports: Sequence[ModelReport]) -> str:
    """What can be done about slerp under these priors."""
    normal = any(is_isotropic(report.prior) for report in reports)
    matched = (
        "Under a normal prior its components look right and its length is not, in any number of "
        "dimensions; matched slerp stays on the circle and corrects the length."
    )
    others = (
        "Under other priors slerp mixes components, so that they depend on each other, and no map "
        "of each component mends that: there is no matched slerp, and the matched midpoint is what "
        "keeps the prior."
    )
    if all(is_isotropic(report.prior) for report in reports):
        return matched
    return f"{matched} {others}" if normal else others


def _pictures(section: Section) -> str:
    album, name = section.album, escape(section.report.name)
    strips = "".join(
        f'<div class="strip">{"".join(_labelled(picture) for picture in pair)}</div>'
        for pair in album.strips
    )
    grids = "".join(_figure(picture) for picture in album.grids)
    walks = "".join(_figure(picture) for picture in album.walks)
    return f"""
<section>
<h2>{name.capitalize()}: the pictures</h2>
<p>Nothing is picked: all latents are the first draws of the seed.</p>
<h3>Fresh samples</h3>
{_image(album.samples)}
<h3>From one latent to another</h3>
<p>Three pairs of latents; each row goes from the first (left) to the second (right). Look at the
middle, where the linear row fades or blurs. The ends are the same pictures in all rows.</p>
{strips}
<h3>Between four latents</h3>
<p>The four corners are the same in both; the centre is the mean of all four.</p>
<div class="two">{grids}</div>
<h3>A walk of {STEPS} steps</h3>
<p>Three walks, every second step shown, with the same random steps in both. The raw walk drifts
ever further from what the generator knows.</p>
<div class="two">{walks}</div>
</section>
"""


def _labelled(picture: Picture) -> str:
    return f"<span>{escape(picture.label)}</span>{_image(picture)}"


def _figure(picture: Picture, caption: str | None = None) -> str:
    text = escape(picture.label) if caption is None else caption
    return f"<figure>{_image(picture)}<figcaption>{text}</figcaption></figure>"


def _image(picture: Picture) -> str:
    return (
        f'<img src="{escape(picture.file)}" alt="{escape(picture.description)}" '
        f'width="{picture.width}" height="{picture.height}" loading="lazy">'
    )


def _captions(report: ModelReport) -> tuple[str, str, str]:
    laws = "laws, of both kinds of midpoint, lie" if is_isotropic(report.prior) else "law lies"
    return _PLANE, _NORM_LAWS.format(dim=norm_dim(report.dim), laws=laws), _MAPS


def _reasons(sections: Sequence[Section]) -> str:
    blocks = "".join(
        f"<h3>Prior {_law(section.report.prior)}</h3><div class='three'>"
        + "".join(
            _figure(picture, text)
            for picture, text in zip(section.figures, _captions(section.report), strict=True)
        )
        + "</div>"
        for section in sections
    )
    return f"""
<section>
<h2>Why mixing hurts, and what the map does</h2>
<p>The mean of independent random numbers varies less than each of them. With a hundred numbers a
latent, that is no small matter: nearly every mixed latent is shorter than nearly every fresh one.
Analogies and raw walks do the opposite, and are too long.</p>
{blocks}
</section>
"""


def _method(reports: Sequence[ModelReport], n: int, seed: int, seconds: float) -> str:
    times = ", ".join(f"{escape(report.name)} {report.seconds:.0f} s" for report in reports)
    sources = "".join(
        f"<li><em>{escape(report.name)}</em>: {escape(report.facts['data'])} "
        f"({escape(report.facts['licence'])}); {report.facts['steps']:,} training steps, "
        f"seed {report.facts['seed']}.</li>"
        for report in reports
        if "data" in report.facts
    )
    trained = (
        f"<p>Trained for this demo, by a script in the repository:</p><ul>{sources}</ul>"
        if sources
        else ""
    )
    return f"""
<section>
<h2>How this page was made</h2>
<p>In one run of {seconds:.0f} s on {os.cpu_count()} processor cores (the tables: {times}), with
{n:,} latents a row, seed {seed}, otmaps {escape(otmaps.__version__)}, NumPy {np.__version__},
Python {platform.python_version()}. The same numbers are in <a href="results.json">results.json</a>.
Rows of one operation share their latents; fresh samples, and those that the distance compares
with, are drawn apart.</p>
{trained}
<p>The method: E. Agustsson, A. Sage, R. Timofte, L. Van Gool, <cite>Optimal Transport Maps for
Distribution Preserving Operations on Latent Spaces of Generative Models</cite>, ICLR 2019; the
table follows its Table 2, the figures its Figures 1 to 7.</p>
<p>In your own code:</p>
<pre><code>import otmaps

midpoint = otmaps.match(otmaps.lerp(0.5), otmaps.Uniform(-1, 1))
z = midpoint(z1, z2)    # follows the prior again</code></pre>
<p>And this page for your own generator:</p>
<pre><code>otmaps demo --model my.onnx --prior normal</code></pre>
</section>
"""
