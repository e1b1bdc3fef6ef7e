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
