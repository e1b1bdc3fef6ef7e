"""What ways to combine latents do to the law, and what they cost: docs/comparison.md."""

from __future__ import annotations

import dataclasses
import math
import sys
import warnings
from collections.abc import Callable, Mapping, Sequence
from typing import final

import numpy as np

import otmaps
from otmaps import Distribution

from .accuracy import kolmogorov_smirnov
from .cases import OPERATIONS, PRIORS, FloatArray
from .optimum import Verdict, judged, mean_square
from .peers import scipy_law
from .rivals import (
    KEEPING,
    LOL,
    OURS,
    OURS_SLERP,
    RAW,
    SLERP,
    expected_cost,
    isotropic_ways,
    lol,
    ways,
)
from .sizes import COMPARED, PLAN_POINTS, PLAN_REPLICATES, SEED, TINY

DIM = 8 if TINY else 128
FRESH = 10  # sets of fresh latents whose norms are those of the prior
TAKEN = ("normal", "uniform", "laplace", "logistic", "student 3", "exponential")
HEAVY = "student 3"  # costs have no variance
DONE: Mapping[str, otmaps.Operation] = {
    "midpoint": OPERATIONS["lerp"],
    "t = 0.2": otmaps.lerp(0.2),
    "mean of four": OPERATIONS["barycenter"],
    "analogy": OPERATIONS["analogy"],
    "vicinity, eps 0.5": OPERATIONS["vicinity"],
}
ISOTROPIC: Mapping[str, otmaps.Isotropic] = {
    "normal": otmaps.StandardNormal(DIM),
    "sphere": otmaps.Sphere(DIM, math.sqrt(DIM)),
    "ball": otmaps.Ball(DIM, math.sqrt(DIM + 2.0)),
    "Student t, df 3": otmaps.MultivariateT(DIM, 3.0),
}
TIMES = (0.5, 0.2)
PLANES = (2, 4, 8)
ROUND_JUDGED: Mapping[str, tuple[Callable[[int], otmaps.Isotropic], str, str]] = {
    "normal": (otmaps.StandardNormal, SLERP, OURS_SLERP),
    "multivariate t, df 3": (lambda dim: otmaps.MultivariateT(dim, 3.0), RAW, OURS),
}
_SLERP_FROM = 4  # in fewer dimensions slerp has no variance
PLANNED = {"points": PLAN_POINTS, "replicates": PLAN_REPLICATES, "seed": SEED}
JUDGED = ("normal", "uniform", "laplace", "student 3", "exponential")


@final
@dataclasses.dataclass(frozen=True)
class Row:
    """What a way did; costs a component, in variances of the prior."""

    cost: float
    ks: float
    norm_ks: float
    norm_mean: float
    norm_std: float
    slerp_cost: float = math.nan
    score: float = math.nan
    """How far the cost is from the squared Wasserstein-2 distance, in standard errors."""


Found = Mapping[tuple[str, str], Mapping[str, Row]]
"""By operation and prior, then by way."""
Expected = Mapping[tuple[str, str], Mapping[str, float]]
Verdicts = Mapping[tuple[str, str, int, str], Verdict]


def independent(prior_names: Sequence[str], dim: int = DIM, count: int = COMPARED) -> Found:
    """The table for priors with independent components."""
    found = {}
    for name in prior_names:
        prior = PRIORS[name]
        rng = np.random.default_rng(SEED)
        norms = np.concatenate(
            [np.linalg.norm(prior.rvs((count, dim), rng), axis=1) for _ in range(FRESH)]
        )
        z = np.asarray(prior.rvs((4, count, dim), rng))
        for title, op in DONE.items():
            latents = z[: len(op.latents)]
            exact = otmaps.mismatch(op, prior, dim=1).w2 ** 2 / float(prior.std()) ** 2
            rows = {}
            raw = np.asarray(op.raw(*latents))
            for way, apply in ways(op, prior, dim).items():
                rows[way] = _row(apply(latents), raw, prior, norms, exact)
            found[title, name] = rows
            _say(f"{name}, {title}")
    return found


def _row(
    z: FloatArray, raw: FloatArray, prior: Distribution, norms: FloatArray, exact: float
) -> Row:
    costs = np.mean(np.square(z - raw), axis=1) / float(prior.std()) ** 2
    lengths = np.linalg.norm(z, axis=1)
    error = float(np.std(costs) / math.sqrt(costs.size))
    return Row(
        float(np.mean(costs)),
        kolmogorov_smirnov(np.asarray(prior.cdf(z.ravel()))) / math.sqrt(z.size),
        two_sample(lengths, norms),
        float(np.mean(lengths) / np.mean(norms)),
        float(np.std(lengths) / np.std(norms)),
        score=abs(float(np.mean(costs)) - exact) / error if error > 0.0 else 0.0,
    )


def two_sample(x: FloatArray, y: FloatArray) -> float:
    """The Kolmogorov-Smirnov distance of two samples."""
    from scipy import stats

    return float(stats.ks_2samp(x, y, method="asymp").statistic)


def expected(names: Sequence[str]) -> Expected:
    """Of operations on two latents: the least cost, and the costs of others over it."""
    found = {}
    for title in ("midpoint", "t = 0.2"):
        op = DONE[title]
        assert op.linear is not None
        for name in names:
            prior = PRIORS[name]
            choice = ways(op, prior, 1)
            least = otmaps.mismatch(op, prior, dim=1).w2 ** 2
            costs = {
                way: expected_cost(choice[way], op.linear.weights, prior) / least for way in KEEPING
            }
            found[title, name] = {"least": least / float(prior.std()) ** 2, **costs}
    return found


def isotropic(names: Sequence[str], count: int = COMPARED) -> Found:
    """The table for isotropic priors."""
    found = {}
    for name in names:
        prior = ISOTROPIC[name]
        z1, z2 = prior.rvs((2, count), np.random.default_rng(SEED))
        for t in TIMES:
            results = {}
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", otmaps.AccuracyWarning)  # slerp in a ball
                for way, apply in isotropic_ways(t, prior).items():
                    results[way] = apply(np.stack([z1, z2]))
            rows = {way: _isotropic_row(z, results, prior) for way, z in results.items()}
            found[f"t = {t:g}", name] = rows
            _say(f"{name}, t = {t:g}")
    return found


def _isotropic_row(
    z: FloatArray, results: Mapping[str, FloatArray], prior: otmaps.Isotropic
) -> Row:
    scale = float(np.sum(np.square(prior.std())))
    lengths, norm = np.linalg.norm(z, axis=1), prior.norm
    if norm.std() == 0.0:  # a norm is right or not
        norm_ks = float(np.mean(np.abs(lengths / norm.mean() - 1.0) > 1e-9))
    else:
        norm_ks = kolmogorov_smirnov(np.asarray(norm.cdf(lengths))) / math.sqrt(lengths.size)
    component = prior.component
    return Row(
        mean_square(z, results[RAW]) / scale,
        math.nan
        if component is None
        else kolmogorov_smirnov(np.asarray(component.cdf(z[:, :8].ravel())))
        / math.sqrt(8 * len(z)),
        norm_ks,
        float(np.mean(lengths)) / norm.mean(),
        float(np.std(lengths)) / norm.std() if norm.std() > 0.0 else math.nan,
        slerp_cost=mean_square(z, results[SLERP]) / scale,
    )


def verdicts(names: Sequence[str]) -> Verdicts:
    """POT's verdicts on maps of components, and on those of norms."""
    found = {}
    for dim in PLANES:
        for name in names:
            prior = PRIORS[name]
            for title in ("midpoint", "analogy"):
                op = DONE[title]
                choice = ways(op, prior, dim)

                def draw(
                    n: int, rng: np.random.Generator, prior: Distribution = prior, dim: int = dim
                ) -> FloatArray:
                    return np.asarray(prior.rvs((n, dim), rng))

                for way in (RAW, LOL, OURS) if title == "midpoint" else (OURS,):
                    found[title, name, dim, way] = judged(
                        choice[way], choice[RAW], draw, len(op.latents), **PLANNED
                    )  # fmt: skip
            _say(f"{name}, {dim} dimensions")
        found |= _isotropic_verdicts(dim)
    return found


def _isotropic_verdicts(dim: int) -> dict[tuple[str, str, int, str], Verdict]:
    found = {}
    for name, (make, raw, way) in ROUND_JUDGED.items():
        if raw == SLERP and dim < _SLERP_FROM:
            continue
        prior = make(dim)
        choice = isotropic_ways(0.5, prior)
        title = "slerp midpoint" if raw == SLERP else "midpoint"
        found[title, name, dim, way] = judged(choice[way], choice[raw], prior.rvs, 2, **PLANNED)
        _say(f"{name}, {title}, {dim} dimensions")
    return found


def lol_difference(name: str, count: int = 1000) -> float:
    """How far LOL as computed here is from the package lolatents: the largest difference."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # of its type hints
        from lolatents.lol_numpy import lol_iid
    law, prior, weights = scipy_law(name), PRIORS[name], (0.3, 0.7)
    seeds = np.asarray(prior.rvs((2, count), SEED))
    theirs = lol_iid(w=np.array([weights]), X=seeds, cdf=law.cdf, inverse_cdf=law.ppf)
    return float(np.max(np.abs(theirs[0] - lol(weights, prior)(seeds))))


def faults(independent: Found, isotropic: Found, plans: Verdicts) -> list[str]:
    """Where otmaps is not what the page says."""
    found = []
    for (title, name), rows in independent.items():
        found += [
            f"{title}, {name}: otmaps costs more than {way}"
            for way in KEEPING
            if way in rows and rows[OURS].cost > rows[way].cost * (1.0 + 1e-12)
        ]
        if rows[OURS].score > 5.0 and name != HEAVY:
            found.append(f"{title}, {name}: the cost is not the squared distance of the laws")
    for (title, name), rows in isotropic.items():
        found += [
            f"{title}, {name}: matched slerp is farther from slerp than {way}"
            for way in KEEPING
            if way in rows and rows[OURS_SLERP].slerp_cost > rows[way].slerp_cost * (1.0 + 1e-12)
        ]
    for (title, name, dim, way), verdict in plans.items():
        if way in (OURS, OURS_SLERP):
            found += [f"{title}, {name}, {dim}: {fault}" for fault in verdict.faults()]
    return found


def _say(text: str) -> None:
    sys.stderr.write(text + "\n")
    sys.stderr.flush()
