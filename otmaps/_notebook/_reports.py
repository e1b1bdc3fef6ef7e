"""Reports in a notebook."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from otmaps._notebook._card import card, facts, number, remark, row, size_of_error, table
from otmaps._notebook._laws import densities

if TYPE_CHECKING:
    from otmaps._check import CheckReport
    from otmaps._diagnosis import Diagnosis
    from otmaps._distribution import Distribution
    from otmaps._mismatch import Mismatch
    from otmaps._precompute import PrecomputeReport
    from otmaps._stores import Verification

_FAILURES = 20  # that a report lists


def mismatch_html(
    report: Mismatch, figures: Sequence[tuple[str, str]], norms: Mapping[str, Distribution]
) -> str:
    """The figures with their errors, and the laws of the squared norm."""
    rows = []
    for name, title in figures:
        value, error = getattr(report, name), report.error[name]
        told = "" if math.isnan(error) else f"± {error:.0e}" if error > 0.0 else "exact"
        rows.append((title, number(value, 6), told, report.reasons.get(name, "")))
    drawn = densities(dict(norms), across=f"squared norm in {report.dim} dimensions")
    return card(
        f"Mismatch in {report.dim} dimensions",
        f"law of y by {report.method}",
        row(drawn, table(["of the raw result y", "", "error", ""], rows)),
    )


def check_html(report: CheckReport) -> str:
    """Each gap that was found, and what is allowed."""
    rows = [
        (
            each.name,
            *(_dash(x) for x in (each.found, each.allowed)),
            each.unit,
            "skipped" if each.skipped else "holds" if each.holds else "FAILS",
            each.note,
        )
        for each in report.rows
    ]
    columns = ["gap", "found", "allowed", "unit", "verdict", "note"]
    failed = ", ".join(each.name for each in report.failures)
    return card(
        "CheckReport",
        f"{report.n} draws in {report.dim} dimensions, seed {report.seed}",
        table(columns, rows, right=columns[1:3], verdicts="verdict", good=["holds"], bad=["FAILS"]),
        remark(f"A right map fails with probability below {1.0 - report.confidence:.2g}."),
        verdict=(bool(report), "The map holds." if report else f"The map does not hold: {failed}."),
    )


def diagnosis_html(report: Diagnosis) -> str:
    """Each test, its p-value and verdict."""
    level = report.level
    rows = [
        (
            each.name,
            *(_dash(x) for x in (each.found, each.expected, each.p_value)),
            each.verdict,
            each.note,
        )
        for each in report.rows
    ]
    columns = ["test", "found", "expected", "p-value", "verdict", "note"]
    against = ", ".join(each.name for each in report.contradictions)
    words = "Nothing contradicts the prior." if report else f"Contradictions: {against}."
    return card(
        "Diagnosis",
        f"{report.count} latents of {report.dim} components, prior {report.prior}",
        table(
            columns, rows, right=columns[1:4], verdicts="verdict", good=["fits"],
            bad=["CONTRADICTS"],
        ),
        remark(f"Latents that follow the prior raise an alarm with probability {level:.2g}."),
        verdict=(bool(report), words),
    )  # fmt: skip


def precompute_html(report: PrecomputeReport) -> str:
    """How many tables there are, and what failed."""
    shown = [
        *((status, str(report.count(status))) for status in ("built", "found", "memory-only")),
        ("failed", str(len(report.failed))),
        ("duplicates", str(report.duplicates)),
        ("above tol", str(len(report.missed))),
        ("largest error", size_of_error(report.error)),
        ("size", f"{report.size:,} bytes"),
        ("time", f"{report.seconds:.1f} s"),
    ]
    failures = [(repr(r.job.op), repr(r.job.prior), r.message) for r in report.failed[:_FAILURES]]
    more = len(report.failed) - len(failures)
    words = "Every table was made." if report else f"{len(report.failed)} tables failed."
    return card(
        "PrecomputeReport",
        f"{len(report.results)} tables",
        row(facts(shown)),
        table(["failed", "prior", "why"], failures) if failures else "",
        remark(f"{more} more failures") if more else "",
        verdict=(bool(report), words),
    )


def verification_html(found: Verification) -> str:
    """How many tables are whole, and what is wrong with the others."""
    rows = [(str(path), reason) for path, reason in found.bad[:_FAILURES]]
    counts = f"{found.good} good, {len(found.bad)} bad, {len(found.strangers)} other files"
    words = "No table is damaged." if found else f"{len(found.bad)} tables are damaged."
    return card(
        "Verification",
        counts,
        table(["file", "what is wrong"], rows) if rows else "",
        verdict=(bool(found), words),
    )


def _dash(x: float) -> str:
    return "-" if math.isnan(x) else number(x, 3)
