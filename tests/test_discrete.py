"""Laws of finitely many atoms: exact steps, sums from the nearer tail."""

import math

import mpmath as mp
import numpy as np
import pytest

import otmaps


def geometric(n):
    """Atoms 0 to n - 1 of probabilities falling by a factor 10."""
    masses = [mp.mpf(10) ** -k for k in range(n)]
    total = mp.fsum(masses)
    return [float(m / total) for m in masses]


def test_steps_and_quantiles():
    law = otmaps.Discrete([1.0, 0.0, 3.0], [0.3, 0.2, 0.5])
    assert law.atoms == ((0.0, 0.2), (1.0, 0.3), (3.0, 0.5))
    assert law.support() == (0.0, 3.0)
    assert law.breakpoints == (0.0, 1.0, 3.0)
    assert law.cdf([-1.0, 0.0, 0.5, 1.0, 2.0, 3.0]).tolist() == [0.0, 0.2, 0.2, 0.5, 0.5, 1.0]
    assert law.sf([-1.0, 0.0, 0.5, 1.0, 2.0, 3.0]).tolist() == [1.0, 0.8, 0.8, 0.5, 0.5, 0.0]
    assert law.ppf([0.0, 0.1, 0.2, 0.2000001, 0.5, 0.51, 1.0]).tolist() == [0, 0, 0, 1, 1, 3, 3]
    assert law.isf([1.0, 0.9, 0.8, 0.79, 0.5, 0.49, 0.0]).tolist() == [0, 0, 0, 1, 1, 3, 3]
    assert law.pdf(1.0) == 0.0
    assert law.logpdf(1.0) == -math.inf
    assert law.mean() == pytest.approx(1.8)
    assert law.std() == pytest.approx(math.sqrt(0.3 + 4.5 - 1.8**2))


def test_tails_are_summed_from_their_own_end():
    law = otmaps.Discrete(range(40), geometric(40))
    for k in (0, 5, 20, 38):
        exact = mp.fsum(mp.mpf(p) for p in law.probabilities[k + 1 :])
        assert abs(law.sf(k) / exact - 1) <= law.tail_error
    mirrored = law.affine(-1.0)
    assert isinstance(mirrored, otmaps.Discrete)
    np.testing.assert_allclose(mirrored.cdf(-np.arange(1, 39.0)), law.sf(np.arange(38.0)), 1e-15)


def test_levels_on_a_step_within_rounding():
    law = otmaps.Discrete([0.0, 1.0, 2.0], [0.1, 0.2, 0.7])
    assert law.ppf(0.3) == 1.0  # 0.1 + 0.2 > 0.3 in doubles
    thirds = otmaps.Discrete(range(10), [0.1] * 10)
    assert thirds.ppf(np.arange(1, 11) / 10).tolist() == list(range(10))
    assert thirds.isf(np.arange(1, 10) / 10).tolist() == list(range(8, -1, -1))


def test_a_constant():
    law = otmaps.Discrete([2.0], [1.0])
    assert law.cdf([1.0, 2.0, 3.0]).tolist() == [0.0, 1.0, 1.0]
    assert law.logsf([1.0, 2.0, 3.0]).tolist() == [0.0, -math.inf, -math.inf]
    assert (law.ppf(0.5), law.mean(), law.std(), law.symmetry) == (2.0, 2.0, 0.0, 2.0)
    assert law.rvs(3, 0).tolist() == [2.0] * 3


def test_equal_points_are_joined_and_empty_ones_left_out():
    law = otmaps.Discrete([1.0, 1.0, -0.0, 7.0], [0.25, 0.25, 0.5, 0.0])
    assert law == otmaps.Discrete([0.0, 1.0], [0.5, 0.5])
    assert law.symmetry == 0.5
    assert law.recipe()["points"] == [(0.0).hex(), (1.0).hex()]
    assert hash(law) == hash(otmaps.Discrete([0.0, 1.0], [0.5, 0.5]))


@pytest.mark.parametrize(
    ("points", "probabilities", "message"),
    [
        ([0.0, 1.0], [0.5, 0.4], "probabilities must add up to 1, got 0.9"),
        ([0.0, 1.0], [1.5, -0.5], "probabilities must be not negative"),
        ([0.0, 1.0], [math.nan, 0.5], "probabilities must be not negative and finite"),
        ([0.0], [0.5, 0.5], "one length"),
        ([0.0, math.inf], [0.5, 0.5], "points must be finite"),
        ([], [], "probabilities must be one-dimensional"),
    ],
)
def test_bad_parameters(points, probabilities, message):
    with pytest.raises(ValueError, match=message):
        otmaps.Discrete(points, probabilities)


def test_a_map_can_lead_to_it_not_from_it():
    coin = otmaps.Discrete([0.0, 1.0], [0.5, 0.5])
    with pytest.raises(otmaps.AtomError, match="2 point mass"):
        otmaps.monotone_map(coin, otmaps.Normal())
    step = otmaps.monotone_map(otmaps.Normal(), coin)
    assert step([-1.0, 1.0]).tolist() == [0.0, 1.0]


# ------------------------------------------------------------- probabilities that were computed
ROUGH = otmaps.Discrete([-1.0, 0.0, 2.0], [0.25, 0.5, 0.25], errors=(1e-6, 1e-5))
TRUE = otmaps.Discrete([-1.0, 0.0, 2.0], [0.25 + 1e-6, 0.5 - 2e-6, 0.25 + 1e-6])
COIN = otmaps.Discrete([0.0, 1.0], [0.5, 0.5])


def test_computed_probabilities_state_their_errors():
    assert ROUGH.error == pytest.approx(1e-6)
    assert ROUGH.tail_error == pytest.approx(1e-5)
    assert TRUE.error < 1e-15
    assert otmaps.Discrete(ROUGH.points, ROUGH.probabilities) != ROUGH
    assert ROUGH.recipe() != otmaps.Discrete(ROUGH.points, ROUGH.probabilities).recipe()


@pytest.mark.parametrize(
    ("function", "others"),
    [
        (lambda a: -2.0 * a + 1.0, []),
        (np.exp, []),
        (lambda a: a * a, []),
        (lambda a: np.maximum(a, 0.5), []),
        (lambda a: np.cos(3.0 * a), []),
        (lambda a, b: a + b, [COIN]),
        (lambda a, b: a * b, [COIN]),
        (np.maximum, [COIN]),
        (lambda a, b: np.sin(a) * b, [COIN]),
        (lambda a, b: a + b, [otmaps.Normal()]),
        (lambda a, b: a * b, [otmaps.Normal()]),
        (np.maximum, [otmaps.Normal()]),
        (lambda a, b: np.sin(a) * b, [otmaps.Normal()]),
    ],
)
def test_errors_of_probabilities_are_passed_on(function, others):
    op = otmaps.operation(function)()
    law, truth = (otmaps.pushforward(op, x, inputs=[x, *others], tol=1e-4) for x in (ROUGH, TRUE))
    x = np.linspace(-3.0, 8.0, 45) + 1e-3
    gap = np.max(np.abs(law.cdf(x) - truth.cdf(x)))
    assert 1e-8 < gap <= law.error < 2e-5
    assert gap > truth.error
    tail = np.minimum(truth.cdf(x), truth.sf(x))
    found = np.where(truth.cdf(x) < truth.sf(x), law.cdf(x), law.sf(x))
    seen = tail > 0.0
    assert np.max(np.abs(found - tail)[seen] / tail[seen]) <= law.tail_error < 2e-4


@pytest.mark.parametrize("errors", [(1e-3,), (-1e-3, 0.0), (math.nan, 0.0)])
def test_bad_errors(errors):
    with pytest.raises(ValueError, match="errors must be two numbers"):
        otmaps.Discrete([0.0], [1.0], errors=errors)
    with pytest.raises(ValueError, match="errors must be two numbers"):
        otmaps.Mixture([otmaps.Normal()], [1.0], errors=errors)


def test_the_largest_of_atoms_has_its_far_tail():
    law = otmaps.Discrete(range(40), geometric(40))
    op = otmaps.operation(np.maximum)()
    largest = otmaps.pushforward(op, law, inputs=[law, law])
    for k in (0, 5, 20, 38):
        above = mp.fsum(mp.mpf(p) for p in law.probabilities[k + 1 :])
        assert abs(largest.sf(k) / (above * (2 - above)) - 1) <= 1e-15
