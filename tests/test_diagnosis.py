"""`diagnose`: exact nulls, false alarms at the stated level, and what each row catches."""

import json
import math

import mpmath
import numpy as np
import pytest
from scipy import ndimage, stats

import otmaps
from otmaps import Discrete, Empirical, Normal, Uniform, diagnose
from otmaps._diagnosis import _nulls, _tests
from otmaps._diagnosis._norms import squared_norm
from otmaps._diagnosis._report import DiagnosisRow, judged
from otmaps._diagnosis._scores import normal_scores


class Sphere:
    """An isotropic prior as users may state it."""

    norm = Discrete((2.0,), (1.0,))

    def __init__(self, dim=24):
        self.dim = dim

    def rvs(self, size=None, random_state=None):
        z = np.random.default_rng(random_state).normal(size=(*size, self.dim))
        return 2.0 * z / np.linalg.norm(z, axis=-1, keepdims=True)


def names(report):
    return {row.name for row in report.contradictions}


# -------------------------------------------------------------------------------------- null laws
def anderson_darling_cdf(x):
    """The series of Anderson and Darling (1954, eq. 9), another one than the code's."""
    total = mpmath.mpf(0)
    for j in range(6):
        a = ((4 * j + 1) * mpmath.pi) ** 2 / (8 * x)
        inner = mpmath.quad(
            lambda w, a=a: mpmath.exp(x / (8 * (w * w + 1)) - a * w * w), [0, 0.5, 1, 2, 4, 8, 30]
        )
        total += mpmath.binomial(-0.5, j) * (4 * j + 1) * mpmath.exp(-a) * inner
    return mpmath.sqrt(2 * mpmath.pi) / x * total


@pytest.mark.parametrize("x", [0.3, 1.0, 2.492367, 5.0, 9.0])
def test_the_law_of_anderson_and_darling(x):
    assert _nulls.anderson_darling(x) == pytest.approx(1 - float(anderson_darling_cdf(x)), rel=1e-9)


def test_the_far_tail_of_anderson_and_darling_is_that_of_its_largest_mode():
    for x, close in ((30.0, 0.02), (300.0, 0.002)):
        mode = math.sqrt(3.0) * math.erfc(math.sqrt(x))
        assert _nulls.anderson_darling(x) == pytest.approx(mode, rel=close)
    assert _nulls.anderson_darling(1e5) == 0.0


@pytest.mark.parametrize(("n", "slack"), [(50, 1e-3), (1999, 1e-3), (2001, 2e-3), (10**5, 2e-3)])
def test_kolmogorov_against_the_exact_two_sided_law(n, slack):
    for scaled in (0.9, 1.4, 2.0, 2.6):
        exact = stats.kstwo.sf(scaled / math.sqrt(n), n)
        found = _nulls.kolmogorov(scaled / math.sqrt(n), n)
        assert found >= exact * (1 - slack)
        if exact < 0.05:
            assert found <= exact * 1.01


def test_correlations_and_extremes_against_scipy_and_closed_forms():
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(2, 9))
    r, p = stats.pearsonr(x, y)
    assert _nulls.correlation(r, 9) == pytest.approx(p, rel=1e-10)
    assert _nulls.correlation(_nulls.correlation_at(1e-5, 30), 30) == pytest.approx(1e-5, rel=1e-8)
    inside = (1 - 2 * stats.norm.sf(2.0)) ** 100
    assert _nulls.largest_of(2.0, 100) == pytest.approx(2 * min(inside, 1 - inside), rel=1e-12)
    assert _nulls.sidak(0.01, 3) == pytest.approx(1 - 0.99**3, rel=1e-14)


@pytest.mark.parametrize(("vectors", "values"), [(3, 6), (40, 6), (5, 60), (30, 30)])
def test_mean_squared_correlations_have_the_stated_law(vectors, values):
    """Its first three moments, and the rate of small p-values, by simulation."""
    rng = np.random.default_rng(vectors)
    runs = 4000
    z = rng.normal(size=(runs, values, vectors))
    z -= z.mean(axis=1, keepdims=True)
    z /= np.linalg.norm(z, axis=1, keepdims=True)
    squares = np.square(np.swapaxes(z, 1, 2) @ z)
    found = (squares.sum(axis=(1, 2)) - vectors) / (vectors * (vectors - 1.0))
    p = np.array([_nulls.mean_square_correlation(x, vectors, values) for x in found])
    for level in (0.1, 0.01):
        assert stats.binom.sf((p <= level).sum(), runs, level) > 1e-4
    assert abs(p.mean() - 0.5) < 0.03  # a test that never rejects would be no better


def test_holm_against_a_worked_example():
    rows = [DiagnosisRow(str(p), 0.0, 0.0, p) for p in (0.01, 0.04, 0.03, 0.005, math.nan)]
    found = judged(rows, 0.05)
    assert [row.adjusted for row in found[:4]] == pytest.approx([0.03, 0.06, 0.06, 0.02])
    assert [row.contradicts for row in found] == [True, False, False, True, False]
    assert found[4].skipped


# ----------------------------------------------------------------------------------------- scores
def test_scores_keep_both_tails_and_fill_atoms():
    rng = np.random.default_rng(1)
    x = np.array([-30.0, -1.0, 0.0, 8.5, 30.0])
    np.testing.assert_allclose(normal_scores(x, Normal(), 1e-16, rng)[0], x, rtol=1e-12, atol=1e-12)
    coins = Discrete((0.0, 1.0), (0.7, 0.3))
    scores, impossible = normal_scores(coins.rvs(4000, rng), coins, 1e-16, rng)
    assert impossible == 0
    assert stats.kstest(scores, "norm").pvalue > 1e-3
    assert normal_scores(np.array([0.0, 0.5, 1.0]), coins, 1e-16, rng)[1] == 1


def test_a_value_rounded_across_the_end_is_none_outside_of_it():
    rng = np.random.default_rng(2)
    rounded = np.array([0.1], dtype=np.float32).astype(float)  # above 0.1
    for eps, count in ((2.0**-23, 0), (2.0**-52, 1)):
        assert normal_scores(rounded, Uniform(0, 0.1), eps, rng)[1] == count


def test_laws_of_squared_norms_against_closed_forms():
    s = np.array([0.01, 0.3, 0.9])
    np.testing.assert_allclose(squared_norm(Uniform(), 1).cdf(s), np.sqrt(s), atol=1e-9)
    np.testing.assert_allclose(squared_norm(Uniform(), 2).cdf(s), math.pi * s / 4, atol=1e-9)
    far = squared_norm(Normal(2.0, 0.5), 40)
    points = np.array([140.0, 170.0, 210.0])
    truth = stats.ncx2.cdf(points / 0.25, 40, 40 * 16.0)
    np.testing.assert_allclose(far.cdf(points), truth, atol=1e-9)
    assert squared_norm(Discrete((-1.0, 1.0), (0.5, 0.5)), 8) is None  # a constant


# ----------------------------------------------------------------------------------- false alarms
PRIORS = {
    "normal": (Normal(), (60, 10), 40),
    "coins": (Discrete((0.0, 1.0), (0.7, 0.3)), (50, 8), 40),
    "sample": (Empirical(np.random.default_rng(7).normal(size=500)), (60, 8), 40),
    "sphere": (Sphere(), (60,), 40),
}


@pytest.mark.parametrize("name", PRIORS)
def test_false_alarms_are_as_rare_as_stated(name):
    """At level 0.1; `benchmarks/alarms.py` runs 400 data sets for each prior."""
    prior, shape, runs = PRIORS[name]
    reports = [
        diagnose(prior.rvs(shape, seed), prior, level=0.1, seed=seed) for seed in range(runs)
    ]
    alarms = sum(not report for report in reports)
    assert stats.binom.sf(alarms - 1, runs, 0.1) > 1e-3
    p = np.array([[row.p_value for row in report.rows] for report in reports])
    assert stats.binom.sf(np.max((p < 0.1).sum(axis=0)) - 1, runs, 0.1) > 1e-4
    assert abs(np.nanmean(p[:, 1:]) - 0.55) < 0.1  # of a test that never rejects it is 1


def test_shapes_that_leave_rows_out():
    z = np.random.default_rng(3).normal(size=(6, 2, 4, 5))
    report = diagnose(z, Normal(), axis=(1, 2, 3))
    assert (report.count, report.dim) == (6, 40)
    assert report.rows == diagnose(z, Normal()).rows
    assert [r.name for r in report.rows if "axis" in r.name] == [
        f"neighbours: axis {k}" for k in range(3)
    ]
    one = diagnose(z[0, 0, 0], Normal(), axis=0)
    assert (one.count, one.dim) == (1, 5)
    assert any(row.skipped for row in one.rows)
    last = diagnose(z, Normal(), axis=-1)
    assert (last.count, last.dim) == (48, 5)


# ------------------------------------------------------------------------------------------ power
RNG = np.random.default_rng(20)
A, B = Normal().rvs((2, 300, 48), RNG)
U, V = Uniform().rvs((2, 300, 48), RNG)
IMAGES = Normal().rvs((24, 3, 12, 12), RNG)


def normalised(y, like):
    return (
        y * np.linalg.norm(like, axis=1, keepdims=True) / np.linalg.norm(y, axis=1, keepdims=True)
    )


def smoothed(z):
    return 2.0 * ndimage.uniform_filter(z, (1, 1, 2, 2), mode="wrap")  # of variance 1 again


CAUGHT = {
    "lerp": (lambda: (0.5 * (A + B), Normal()), {"norm: location", "components: spread"}),
    "lerp of uniforms": (
        lambda: (0.5 * (U + V), Uniform()),
        {"norm: location", "components: law", "components: tails"},
    ),
    "normalised lerp": (
        lambda: (normalised(A + B, np.full_like(A, 1.0)), Normal()),
        {"norm: spread", "norm: law"},
    ),
    "normalised lerp of uniforms": (
        lambda: (normalised(U + V, U), Uniform()),
        {"impossible values", "components: law", "components: tails"},
    ),
    "slerp of uniforms": (
        lambda: (otmaps.slerp(0.5).raw(U, V), Uniform()),
        {"impossible values", "components: law", "norm: spread"},
    ),
    "slerp of normals": (lambda: (otmaps.slerp(0.5).raw(A, B), Normal()), {"norm: spread"}),
    "raw walk": (
        lambda: (
            otmaps.random_walk(A, Normal(), steps=3, matched=False, random_state=0)[-1],
            Normal(),
        ),
        {"norm: location", "components: spread"},
    ),
    "one walk, all of its steps": (
        lambda: (
            otmaps.random_walk(A[:3], Normal(), steps=99, random_state=0).reshape(-1, 48),
            Normal(),
        ),
        {"between latents: one pair", "between latents: all pairs"},
    ),
    "a latent twice": (
        lambda: (np.concatenate([A, A[:1]]), Normal()),
        {"between latents: one pair"},
    ),
    "smoothed noise": (
        lambda: (smoothed(IMAGES), Normal()),
        {"neighbours: axis 1", "neighbours: axis 2"},
    ),
    "clipped": (lambda: (np.clip(A, -2, 2), Normal()), {"components: extremes"}),
    "an outlier": (
        lambda: (np.where(A.max() == A, 9.0, A), Normal()),
        {"components: extremes"},
    ),
    "one component shifted": (
        lambda: (A + 0.5 * (np.arange(48) == 7), Normal()),
        {"one component: location"},
    ),
    "one component shrunk": (
        lambda: (A * np.where(np.arange(48) == 7, 0.5, 1.0), Normal()),
        {"one component: spread"},
    ),
    "a component copied": (
        lambda: (np.concatenate([A, A[:, :1]], axis=1), Normal()),
        {"correlation: one pair"},
    ),
    "all components correlated": (
        lambda: (0.96 * A + 0.28 * B[:, :1], Normal()),
        {"correlation: all pairs"},
    ),
    "a constant component": (
        lambda: (A * (np.arange(48) != 5), Normal()),
        {"correlation: one pair", "one component: spread"},
    ),
    "a cube on the sphere": (
        lambda: (normalised(U, np.full_like(U, 2 / math.sqrt(48))), Sphere(48)),
        {"components: law"},
    ),
}


@pytest.mark.parametrize("name", CAUGHT)
def test_faults_are_caught_by_the_rows_that_should(name):
    latents, prior = CAUGHT[name][0]()
    report = diagnose(latents, prior)
    assert not report
    assert CAUGHT[name][1] <= names(report)


def test_smoothed_noise_has_the_right_components():
    report = diagnose(smoothed(IMAGES), Normal())
    assert not names(report) & {"components: law", "components: spread", "neighbours: axis 0"}
    assert diagnose(IMAGES, Normal())


def test_matched_results_fit():
    for op, prior, z in (
        (otmaps.lerp(0.5), Normal(), (A, B)),
        (otmaps.lerp(0.5), Uniform(), (U, V)),
    ):
        assert diagnose(otmaps.match(op, prior)(*z), prior)
    matched = otmaps.match(otmaps.lerp(0.5), Uniform())(U, V)
    assert diagnose(matched.astype(np.float32), "uniform")


def test_isotropic_priors():
    z = Sphere().rvs((300,), 5)
    assert diagnose(z.astype(np.float32), Sphere())
    assert {"impossible values", "norm: location"} <= names(diagnose(1.01 * z, Sphere()))
    z[0] = 0.0
    assert names(diagnose(z, Sphere())) == {"impossible values"}
    with pytest.raises(ValueError, match="prior has 24 components, the latents have 25"):
        diagnose(np.ones((3, 25)), Sphere())


def test_many_components_are_sampled_and_said_to_be(monkeypatch):
    monkeypatch.setattr(_tests, "_MOST_VECTORS", 30)
    monkeypatch.setattr(_tests, "_BLOCK", 16)
    row = next(r for r in diagnose(A, Normal()).rows if r.name == "correlation: one pair")
    assert row.note == "30 of 48 components, drawn"


def test_blocks_do_not_change_correlations(monkeypatch):
    whole = diagnose(A, Normal())
    monkeypatch.setattr(_tests, "_BLOCK", 13)
    for one, other in zip(whole.rows, diagnose(A, Normal()).rows, strict=True):
        assert one.found == pytest.approx(other.found, rel=1e-12)
        assert one.note == other.note


# ----------------------------------------------------------------------------------------- report
def test_the_report_for_people_and_for_json():
    report = diagnose(0.5 * A, Normal())
    text = str(report)
    assert "diagnose (300 latents of 48 components, false alarm below 0.001)" in text
    assert "rows contradict the prior" in text
    assert "CONTRADICTS  (median 3." in text
    data = json.loads(json.dumps(report.as_dict(), allow_nan=False))
    assert data["fits"] is False
    assert data["rows"][1]["verdict"] == "CONTRADICTS"
    assert "nothing contradicts" in str(diagnose(A[:1], Normal()))
    assert json.dumps(diagnose(A[:1], Normal()).as_dict(), allow_nan=False)


BAD = [
    (lambda: diagnose(np.zeros(3), "normal"), ValueError, "axis=0 for one latent"),
    (lambda: diagnose(np.zeros((0, 3)), "normal"), ValueError, "latents is empty"),
    (lambda: diagnose(np.full((2, 2), np.nan), "normal"), ValueError, "4 values that are NaN"),
    (lambda: diagnose(A, "normal", level=0.0), ValueError, "level must lie"),
    (lambda: diagnose(A, "normal", axis=2), ValueError, "axis=2 does not name"),
    (lambda: diagnose(A, "normal", axis=1.5), ValueError, "axis=1.5 does not name"),
    (lambda: diagnose(A * 1j, "normal"), TypeError, "latents is complex"),
]


@pytest.mark.parametrize(("call", "error", "message"), BAD, ids=[b[2] for b in BAD])
def test_bad_input_is_named(call, error, message):
    with pytest.raises(error, match=message):
        call()
