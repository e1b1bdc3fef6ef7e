"""Exact laws of maxima of minima, against order statistics and counting."""

import numpy as np
import pytest
from scipy import stats

import otmaps
from otmaps.testing import DistributionTests

N, U = otmaps.Normal(), otmaps.Uniform(0.0, 1.0)


def median(a, b, c):
    return np.maximum(np.minimum(a, b), np.minimum(np.maximum(a, b), c))


def second(a, b, c, d):
    losers = np.maximum(np.minimum(a, b), np.minimum(c, d))
    return np.maximum(np.minimum(np.maximum(a, b), np.maximum(c, d)), losers)


@pytest.mark.parametrize(("function", "rank", "n"), [(median, 2, 3), (second, 3, 4)])
def test_order_statistics(function, rank, n):
    """The k-th of n uniforms is Beta(k, n + 1 - k)."""
    law = otmaps.Composition().law(otmaps.operation(function)(), (U,) * n, 1e-12)
    truth = stats.beta(rank, n + 1 - rank)
    for p in (1e-30, 1e-12, 1e-3, 0.2, 0.5):
        for name, x in (("cdf", truth.ppf(p)), ("sf", truth.isf(p)), ("pdf", truth.ppf(p))):
            found, expected = getattr(law, name)(x), getattr(truth, name)(x)
            assert found == pytest.approx(expected, rel=law.tail_error + 1e-12, abs=0.0)
    assert law.support() == (0.0, 1.0)


def test_different_laws_by_counting():
    laws = (otmaps.Normal(1.0, 2.0), otmaps.Exponential(), otmaps.Laplace())
    op = otmaps.operation(median)()
    law = otmaps.pushforward(op, "normal", inputs=laws)
    rng = np.random.default_rng(0)
    draws = np.sort(op.raw(*(z.rvs(200_000, rng) for z in laws)))
    y = draws[::2000]
    gap = np.abs(law.cdf(y) - np.searchsorted(draws, y, side="right") / draws.size)
    assert gap.max() < np.sqrt(np.log(2e6) / (2 * draws.size))
    moved = otmaps.pushforward(op, "normal", inputs=(otmaps.Normal(1.1, 2.0), *laws[1:]))
    assert np.abs(moved.cdf(y) - law.cdf(y)).max() > 3e-3  # a wrong law would show


def test_parts_that_share_an_input_are_left_to_others():
    op = otmaps.operation(lambda a, b: np.maximum(np.minimum(a, b), a + b))()
    assert otmaps.Composition().refuses(op, (N, N)) is not None


class TestLattices(DistributionTests):
    def laws(self):
        composition = otmaps.Composition()
        return [composition.law(otmaps.operation(median)(), (N, otmaps.Logistic(), N), 1e-12)]
