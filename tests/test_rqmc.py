"""RQMC: its error covers laws that are known, gains on sampling, and fails where it should."""

import itertools
import math
import sys
from pathlib import Path

import numpy as np
import pytest

sys.path.append(str(Path(__file__).parent.parent))

import otmaps
from benchmarks import honesty
from otmaps._estimators import _replicates, _rqmc
from otmaps._estimators._replicates import simultaneous_bound

SUM = otmaps.operation(lambda a, b: a + b)()
PRODUCT = otmaps.operation(lambda a, b: a * b)()
NORMALS = (otmaps.Normal(),) * 2
TRUE_SUM = otmaps.Normal(0.0, math.sqrt(2.0))


def gap(law, truth):
    return honesty.largest_error(law, truth.cdf)


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("n", [2**7, 2**10, 2**14])
def test_the_bound_covers_the_truth(n, seed):
    law = otmaps.RQMC(n=n, seed=seed).law(SUM, NORMALS, 1e-9)
    assert 0.1 * law.error < gap(law, TRUE_SUM) <= law.error
    assert law.n == 32 * n
    assert law.tail_error == math.inf
    assert not law.atoms


def test_a_wrong_truth_breaks_the_bound():
    law = otmaps.RQMC(n=2**12).law(SUM, NORMALS, 1e-9)
    assert gap(law, otmaps.Normal(0.01, math.sqrt(2.0))) > law.error


@pytest.mark.parametrize(("inputs", "gain"), [(1, 20.0), (2, 4.0), (4, 1.6)])
def test_it_states_less_than_as_many_independent_draws(inputs, gain):
    rqmc = otmaps.RQMC(n=2**13)
    law = rqmc.law(otmaps.linear([1.0] * inputs), (otmaps.Normal(),) * inputs, 1e-9)
    assert gain * law.error < otmaps.MonteCarlo(n=rqmc.evaluations).error_bound()
    assert gap(law, otmaps.Normal(0.0, math.sqrt(inputs))) <= law.error


@pytest.mark.parametrize("name", ["RQMC", "RQMC, 8 replicates", "Monte Carlo"])
@pytest.mark.parametrize("case", ["normals a + b", "uniforms max - min of 4", "normals clip(a)"])
def test_the_stated_confidence_is_kept(name, case):
    found = honesty.count_failures(honesty.ESTIMATORS[name], honesty.CASES[case], 40)
    assert found.failures <= found.allowed


@pytest.mark.parametrize("name", ["RQMC", "Monte Carlo"])
def test_less_than_the_stated_error_is_caught(name):
    estimator, case = honesty.ESTIMATORS[name], honesty.CASES["normals a + b"]
    found = honesty.count_failures(estimator, case, 40, share=0.4)
    assert found.failures > found.allowed
    wrong = case._replace(cdf=lambda x: case.cdf(1.2 * x))
    assert honesty.count_failures(estimator, wrong, 20).failures == 20


def signed_quantile(cdfs, confidence):
    """`simultaneous_bound` by all signs, in plain Python."""
    gaps = cdfs - cdfs.mean(axis=0)
    scores = []
    for signs in itertools.product([-1.0, 1.0], repeat=len(cdfs)):
        mean = abs(np.mean(signs))
        found = np.abs(np.array(signs) @ gaps).max() / len(cdfs)
        scores.append(found / (1.0 - mean) if mean < 1.0 else math.inf)
    return np.sort(scores)[math.ceil(confidence * len(scores)) - 1]


@pytest.mark.parametrize("confidence", [0.5, 0.9, 0.95, 0.98])
@pytest.mark.parametrize("replicates", [8, 9])
def test_the_bound_is_the_quantile_over_all_signs(replicates, confidence):
    cdfs = np.random.default_rng(1).normal(size=(replicates, 50)).cumsum(axis=1)
    found = simultaneous_bound(cdfs, confidence)
    assert found == pytest.approx(signed_quantile(cdfs, confidence), rel=1e-12)


def test_random_subsets_and_few_points_come_near_to_it():
    cdfs = np.random.default_rng(2).normal(size=(16, 9000)).cumsum(axis=1)
    found = simultaneous_bound(cdfs, 0.99)
    assert found == pytest.approx(signed_quantile(cdfs[:, ::9], 0.99), rel=0.1)


def test_errors_of_one_sign_are_covered_as_often_as_stated():
    """Errors that are no process of a cdf, with atoms of the sign: the worst of a symmetric law."""
    rng, failures = np.random.default_rng(3), 0
    for _ in range(400):
        errors = rng.standard_cauchy((12, 1)) * np.ones((1, 30))
        failures += np.abs(errors.mean(axis=0)).max() > simultaneous_bound(errors, 0.9)
    assert failures <= honesty.most_failures(400, 0.1)


def test_replicates_without_scatter_have_no_error():
    assert simultaneous_bound(np.ones((8, 3)), 0.9) == 0.0


def test_what_no_point_has_met_is_part_of_the_error():
    """The sign of a product is balanced in every scrambling, so nothing scatters."""
    op = otmaps.operation(lambda a, b: np.sign(a * b))()
    estimator = otmaps.RQMC(n=2**10, confidence=0.99)
    law = estimator.law(op, NORMALS, 1e-9)
    assert law.atoms == ((-1.0, 0.5), (1.0, 0.5))
    assert law.error == pytest.approx(math.log(200.0) / estimator.evaluations)


@pytest.fixture
def short_pilot(monkeypatch):
    """Cells from few draws, and blocks that are short."""
    monkeypatch.setattr(_rqmc, "_MOST_IN_PILOT", 2**13)
    monkeypatch.setattr(_rqmc, "_BLOCK", 2**6)


@pytest.mark.parametrize("op", [SUM, PRODUCT, otmaps.lerp(0.0)], ids=str)
def test_blocks_give_the_draws_that_one_piece_gives(monkeypatch, op):
    estimator = otmaps.RQMC(n=2**10)
    whole = estimator.law(op, NORMALS, 1e-9)
    monkeypatch.setattr(_rqmc, "_MOST_IN_PILOT", 2**13)
    monkeypatch.setattr(_rqmc, "_BLOCK", 2**6)
    law = estimator.law(op, NORMALS, 1e-9)
    assert law.knots.size < whole.knots.size
    assert (law.n, law.method) == (whole.n, whole.method)
    inner = law.knots[10:-10]  # edges: there both are the empirical cdf, to half a step of a cell
    assert np.max(np.abs(law.cdf(inner) - whole.cdf(inner))) <= 2.0 * 8.0 / whole.n
    assert whole.error < law.error < 1.5 * whole.error + 10.0 * 8.0 / 2**13


def test_the_law_does_not_depend_on_the_threads(short_pilot):
    laws = [otmaps.RQMC(n=2**9, workers=w).law(PRODUCT, NORMALS, 1e-9) for w in (1, 2, 5)]
    assert laws[0] == laws[1] == laws[2]
    assert laws[0].error == laws[2].error
    np.testing.assert_array_equal(laws[0].below, laws[2].below)
    other = otmaps.RQMC(n=2**9, seed=1).law(PRODUCT, NORMALS, 1e-9)
    assert laws[0] != other


@pytest.mark.parametrize("whole", [True, False])
def test_atoms_are_found(request, whole):
    if not whole:
        request.getfixturevalue("short_pilot")
    op = otmaps.operation(lambda a, b: np.clip(a + b, -1.0, 2.0))()
    law = otmaps.RQMC(n=2**10).law(op, NORMALS, 1e-9)
    (low, below), (high, above) = law.atoms
    assert (low, high) == law.support() == (-1.0, 2.0)
    assert below == pytest.approx(TRUE_SUM.cdf(-1.0), abs=law.error)
    assert above == pytest.approx(TRUE_SUM.sf(2.0), abs=law.error)


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_a_rare_value_that_is_no_number_is_found(short_pilot, value):
    op = otmaps.operation(lambda a: np.where(a > 3.4, value, a))()
    with pytest.raises(ValueError, match=r"returned \d+ values that are NaN or infinite, of"):
        otmaps.RQMC(n=2**10).law(op, (otmaps.Normal(),), 1e-9)


def test_a_constant_is_no_law():
    op = otmaps.operation(lambda a: 0.0 * a + 3.0)()
    with pytest.raises(ValueError, match=r"returned 3\.0 for each of 4096 draws"):
        otmaps.RQMC(n=2**7).law(op, (otmaps.Normal(),), 1e-9)


def test_points_are_never_at_the_ends():
    law, last = otmaps.Normal(), 1.0 - 2.0**-53
    z = _rqmc._quantiles(law, np.array([0.0, 2.0**-53, 0.25, 0.5 - 2.0**-53, 0.5, last]))
    assert np.all(np.isfinite(z))
    assert z[0] == law.ppf(2.0**-54)
    assert z[-1] == law.isf(2.0**-54)  # as far out above as below: 1 - u is exact
    assert z[0] == -z[-1]
    assert abs(z[3] + z[4]) < 1e-15


def test_points_have_all_their_bits():
    u = _rqmc.scrambled_sobol(3, np.random.SeedSequence(0)).random(2**12) * 2.0**53
    assert np.all(u == np.floor(u))
    assert np.mean(np.floor(u) % 2.0) == pytest.approx(0.5, abs=0.1)


def test_what_it_says_of_itself():
    estimator = otmaps.RQMC(n=2**7, replicates=16, seed=5, confidence=0.99)
    assert estimator.evaluations == 2**11
    law = otmaps.pushforward(SUM, "normal", method=estimator)
    wanted = "RQMC (n=128 in each of 16 scramblings, seed=5, confidence=0.99)"
    assert law.method == wanted
    assert law.confidence == 0.99
    assert estimator.recipe() == {
        "estimator": "RQMC", "n": 128, "replicates": 16, "seed": 5, "confidence": (0.99).hex()
    }  # fmt: skip
    assert otmaps.RQMC(workers=2, progress=True) == otmaps.RQMC()
    with pytest.warns(otmaps.AccuracyWarning, match="RQMC"):
        assert otmaps.pushforward(SUM, "normal", method="rqmc").method.startswith("RQMC")


def test_it_refuses_what_mixes_components():
    assert "mixes the components" in otmaps.RQMC().refuses(otmaps.slerp(0.5), NORMALS)
    assert otmaps.RQMC().refuses(SUM, NORMALS) is None
    many = (otmaps.Normal(),) * 21_202
    assert "21201 inputs" in otmaps.RQMC().refuses(SUM, many)


def test_a_bar_is_shown_where_it_is_asked_for(capsys):
    otmaps.RQMC(n=2**7, progress=True).law(SUM, NORMALS, 1e-9)
    assert "RQMC of <lambda>" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("options", "kind", "message"),
    [
        ({"n": 64}, ValueError, "n must be at least 128"),
        ({"n": 1000}, ValueError, "n must be a power of two, such as 512 or 1024, got 1000"),
        ({"n": 2.0**10}, TypeError, "n must be an integer"),
        ({"replicates": 4}, ValueError, "replicates must be at least 8"),
        ({"replicates": 1000}, ValueError, "replicates must be at most 512"),
        ({"replicates": 10}, ValueError, "replicates must be at least 11 for confidence=0.999"),
        ({"seed": -1}, ValueError, "seed must not be negative"),
        ({"confidence": 0.0}, ValueError, "confidence must lie"),
        ({"workers": 1.5}, TypeError, "workers must be an integer"),
        ({"progress": 1}, TypeError, "progress must be"),
    ],
)
def test_bad_options(options, kind, message):
    with pytest.raises(kind, match=message):
        otmaps.RQMC(**options)


def test_the_fewest_replicates_of_a_confidence_are_enough():
    for replicates, confidence in ((11, 0.999), (8, 0.99), (21, 1.0 - 1e-6)):
        assert confidence < _replicates.largest_confidence(replicates)
        law = otmaps.RQMC(2**7, replicates, confidence=confidence).law(SUM, NORMALS, 1e-9)
        assert gap(law, TRUE_SUM) <= law.error
