"""Ways to combine latents beside each other, and POT's plans as judge: docs/comparison.md."""

import dataclasses
import os
import sys
from pathlib import Path

import numpy as np
import pytest

sys.path.append(str(Path(__file__).parent.parent))
os.environ["OTMAPS_BENCH_TINY"] = "1"  # before the import of the sizes

import otmaps
from benchmarks import comparison, comparison_rows, rivals
from benchmarks.cases import PRIORS
from benchmarks.optimum import judged, mean_square, plan_cost
from benchmarks.rivals import CAUCHY, KEEPING, LOL, OURS, OURS_SLERP, RAW, SLERP


def costs(prior, op, count):
    """The mean squared change of the raw result by each way that keeps the prior."""
    law = PRIORS[prior]
    z = np.asarray(law.rvs((len(op.latents), count, 1), 3))
    found = rivals.ways(op, law, 1)
    return {w: mean_square(found[w](z), op.raw(*z)) for w in KEEPING if w in found}


@pytest.mark.parametrize("title", list(comparison_rows.DONE))
@pytest.mark.parametrize("prior", ["normal", "uniform", "exponential", "student 3"])
def test_nothing_that_keeps_the_prior_costs_less(prior, title):
    found = costs(prior, comparison_rows.DONE[title], 20_000)
    assert set(found) >= {LOL, OURS}
    for way, cost in found.items():
        assert found[OURS] <= cost * (1.0 + 1e-12), way
    if prior == "normal":
        assert found[LOL] == pytest.approx(found[OURS], rel=1e-9)


@pytest.mark.parametrize(
    ("prior", "way", "ratio"),
    [
        ("uniform", LOL, 1.197),
        ("exponential", LOL, 1.704),
        ("student 3", LOL, 2.505),
        ("normal", CAUCHY, 1.907),
    ],
)
def test_what_midpoints_cost_on_the_mean(prior, way, ratio):
    """Over the squared distance of the laws, which otmaps reaches; ratios found by other code."""
    law, op = PRIORS[prior], otmaps.lerp(0.5)
    least = otmaps.mismatch(op, law, dim=1).w2 ** 2
    found = rivals.ways(op, law, 1)
    cost = {w: rivals.expected_cost(found[w], (0.5, 0.5), law) / least for w in (way, OURS)}
    assert cost == pytest.approx({way: ratio, OURS: 1.0}, rel=2e-3)


@pytest.mark.parametrize("prior", ["uniform", "exponential"])
def test_others_are_right_about_the_law_or_wrong_as_the_page_says(prior):
    law, n = PRIORS[prior], 30_000
    z = np.asarray(law.rvs((2, n, 1), 4))
    for way, apply in rivals.ways(otmaps.lerp(0.2), law, 1).items():
        ks = comparison_rows.two_sample(apply(z)[:, 0], np.asarray(law.rvs(n, 5)))
        assert (ks < 1.95 * np.sqrt(2.0 / n)) == (way in KEEPING), way


def test_lol_is_that_of_the_package():
    pytest.importorskip("lolatents")
    for prior in ("normal", "uniform", "exponential"):
        assert comparison_rows.lol_difference(prior) < 1e-7


def test_spherical_cauchy_keeps_norms_and_ends():
    prior = otmaps.Ball(5)
    z = prior.rvs((2, 20_000), 6)
    way = rivals.spherical_cauchy(0.3, prior)(z)
    norms = [np.linalg.norm(x, axis=1) for x in (way, prior.rvs(20_000, 7))]
    assert comparison_rows.two_sample(*norms) < 1.95 * np.sqrt(2.0 / 20_000)
    np.testing.assert_allclose(rivals.spherical_cauchy(0.0, prior)(z), z[0], rtol=1e-9)
    raw = np.linalg.norm(otmaps.lerp(0.3).raw(*z), axis=1)
    assert comparison_rows.two_sample(raw, norms[1]) > 0.05


def verdict(way, prior="uniform", raw=RAW, points=80, replicates=8):
    law = PRIORS[prior]
    found = rivals.ways(otmaps.lerp(0.5), law, 2)
    return judged(
        found[way],
        found[raw],
        lambda n, rng: np.asarray(law.rvs((n, 2), rng)),
        2,
        points=points,
        replicates=replicates,
        seed=1,
    )


@pytest.mark.parametrize("prior", ["normal", "uniform", "exponential"])
def test_pot_finds_nothing_against_otmaps(prior):
    found = verdict(OURS, prior)
    assert found.faults() == []
    assert found.reassigned == pytest.approx(1.0, abs=1e-9)
    assert found.optimum < found.cost + 3.0 * found.to_prior_error
    assert found.cost < found.to_prior + 3.0 * found.to_prior_error


def test_pot_finds_what_is_wrong_with_others():
    assert "another assignment" in verdict(LOL).faults()[0]
    assert verdict(LOL).reassigned < 0.98
    assert verdict(RAW).faults() != []  # moves nothing, and has another law
    assert "results are not the prior" in verdict(RAW).faults()[-1]
    assert any("a plan to the prior" in fault for fault in verdict(CAUCHY).faults())


def test_plans_against_all_permutations():
    x, y = np.random.default_rng(8).normal(size=(2, 3, 2))
    every = [mean_square(x, y[[i, j, 3 - i - j]]) for i in range(3) for j in range(3) if i != j]
    assert plan_cost(x, y) == pytest.approx(min(every), rel=1e-12)


@pytest.fixture
def small(monkeypatch):
    """Two dimensions for POT, and no law of slerp, which takes seconds."""
    monkeypatch.setattr(comparison_rows, "PLANES", (2,))
    rounds = {"sphere": (otmaps.Sphere, RAW, OURS)}
    monkeypatch.setattr(comparison_rows, "ROUND_JUDGED", rounds)


def test_the_page_is_written(tmp_path, small, monkeypatch):
    monkeypatch.setattr(rivals, "_matched", lambda make, t, prior: make(t).raw)  # for a figure
    monkeypatch.setattr(comparison_rows, "ROUND_JUDGED", {})
    comparison.main(["uniform", "--docs", str(tmp_path)])
    text = (tmp_path / "comparison.md").read_text()
    for title in comparison_rows.DONE:
        assert f"### {comparison.heading(title)}\n" in text
    assert "| uniform | linear |" in text
    assert "| midpoint | uniform | 2 | otmaps |" in text
    images = {path.name for path in (tmp_path / "images").iterdir()}
    assert images == {"comparison.png", "comparison-norms.png", "comparison-plans.png"}
    with pytest.raises(SystemExit, match="no prior 'nonsense'"):
        comparison.main(["nonsense", "--docs", str(tmp_path)])


def test_a_page_that_would_not_be_true_is_reported(small):
    components = comparison_rows.independent(["uniform"])
    rounds = comparison_rows.isotropic(["sphere"])
    plans = comparison_rows.verdicts(["uniform"])
    assert comparison_rows.faults(components, rounds, plans) == []
    assert "| sphere | 0.5 | linear |" in comparison.page(components, {}, rounds, plans)
    (place, each), *_ = components.items()
    dear = dataclasses.replace(each[OURS], cost=2.0 * each[LOL].cost, score=9.0)
    (arc, ways), *_ = rounds.items()
    far = dataclasses.replace(ways[OURS_SLERP], slerp_cost=9.0)
    (case, judgement) = next((case, v) for case, v in plans.items() if case[3] == OURS)
    bad = dataclasses.replace(judgement, reassigned=0.9)
    found = comparison_rows.faults(
        {place: {**each, OURS: dear}}, {arc: {**ways, OURS_SLERP: far}}, {case: bad}
    )
    assert len(found) == 5
    assert ways[SLERP].slerp_cost == 0.0
