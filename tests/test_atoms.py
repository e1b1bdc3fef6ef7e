"""Sums of inputs with atoms, and methods that must agree."""

from __future__ import annotations

import math

import mpmath as mp
import numpy as np
import pytest

import otmaps
from otmaps._estimators._atoms import MOST_ATOMS, parts_of, sum_with_atoms

DICE = otmaps.Discrete([-1.0, 0.0, 2.5], [0.25, 0.5, 0.25])
NORMAL = otmaps.Normal()


def pushed(weights, laws, method="auto"):
    return otmaps.pushforward(otmaps.linear(weights), laws[0], inputs=laws, method=method)


def test_a_continuous_input_and_one_of_atoms():
    law = pushed([1.0, 0.5], [DICE, NORMAL])
    assert law.atoms == ()
    x = np.array([-19.5, -3.0, -1.0, 0.2, 2.5, 7.0, 20.5])
    with mp.workdps(400):
        scaled = [(mp.mpf(a), mp.mpf(p)) for a, p in DICE.atoms]
        lower = [sum(p * mp.ncdf((v - a) * 2) for a, p in scaled) for v in map(mp.mpf, x)]
        upper = [1 - value for value in lower]
    np.testing.assert_allclose(law.logcdf(x), [float(mp.log(v)) for v in lower], rtol=1e-12)
    np.testing.assert_allclose(law.logsf(x), [float(mp.log(v)) for v in upper], rtol=1e-12)
    assert law.mean() == pytest.approx(0.375, rel=1e-14)
    assert law.std() == pytest.approx(math.hypot(DICE.std(), 0.5), rel=1e-14)


def test_all_atoms_give_a_discrete_law():
    law = pushed([1.0, 2.0], [DICE, DICE])
    assert isinstance(law, otmaps.Discrete)
    assert dict(law.atoms)[7.5] == 0.0625


def test_mixed_inputs_keep_the_atoms_that_remain():
    mixed = otmaps.Mixture([DICE, NORMAL], [0.5, 0.5])
    law = pushed([1.0, 1.0], [mixed, mixed])
    assert dict(law.atoms)[5.0] == pytest.approx(0.25 * 0.0625, rel=1e-14)
    assert sum(mass for _, mass in law.atoms) == pytest.approx(0.25, rel=1e-14)
    assert law.mean() == pytest.approx(0.375, rel=1e-13)
    assert law.std() == pytest.approx(math.sqrt(2.0) * mixed.std(), rel=1e-12)
    smooth = pushed([1.0, 1.0], [mixed, otmaps.Uniform()])
    assert smooth.atoms == ()
    rng = np.random.default_rng(3)
    draws = np.sort(smooth.cdf(mixed.rvs(20_000, rng) + rng.uniform(-1, 1, 20_000)))
    assert np.max(np.abs(draws - (np.arange(20_000) + 0.5) / 20_000)) < 1.95 / math.sqrt(20_000)
    with pytest.raises(otmaps.AtomError, match="point mass"):
        otmaps.match(otmaps.lerp(0.5), DICE, store=None)


def test_a_mixture_that_forgets_a_shift_is_seen():
    """The partner: without the shifts the mean would be that of the normal law alone."""
    wrong = sum_with_atoms([(1.0, DICE), (1.0, NORMAL)], lambda terms: terms[0][1].affine(2.0))
    assert wrong.std() != pytest.approx(math.hypot(DICE.std(), 1.0), rel=1e-3)


def test_what_has_too_many_or_unknown_atoms_is_refused():
    many = otmaps.Discrete(np.arange(40.0), np.full(40, 1 / 40))
    mixed = otmaps.Mixture([many, NORMAL], [0.5, 0.5])
    reason = otmaps.Convolution().refuses(otmaps.lerp(0.5), (mixed, mixed))
    assert f"more than {MOST_ATOMS}" in reason
    assert parts_of(Stepped()) is None
    assert "neither" in otmaps.Convolution().refuses(otmaps.lerp(0.5), (Stepped(), NORMAL))


class Stepped(otmaps.Distribution):
    """Half an atom at 1/4, and does not say what the other half is."""

    def _cdf(self, x):
        return 0.5 * x + 0.5 * (x >= 0.25)

    def _sf(self, x):
        return 0.5 * (1.0 - x) + 0.5 * (x < 0.25)

    def _pdf(self, x):
        return np.full_like(x, 0.5)

    def _support(self):
        return 0.0, 1.0

    def _atoms(self):
        return ((0.25, 0.5),)


class Off(otmaps.Estimator):
    """An estimator that is wrong by a given shift, and does not say so."""

    name = "off"

    def refuses(self, op, inputs):
        return None

    def law(self, op, inputs, tol):
        return otmaps.ClosedForm().law(op, inputs, tol).affine(1.0, 1e-9)


def test_agreement_holds_or_fails_loudly():
    exact, numerical = otmaps.ClosedForm(), otmaps.Convolution()
    law = pushed([0.5, 0.5], [NORMAL, NORMAL], otmaps.Agreement(exact, numerical))
    assert law == otmaps.Normal(0.0, math.sqrt(0.5))
    with pytest.raises(otmaps.AccuracyError, match="disagree on linear: the cdf at"):
        pushed([0.5, 0.5], [NORMAL, NORMAL], otmaps.Agreement(Off(), numerical))
    agreement = otmaps.Agreement(exact, numerical)
    assert "no closed form" in agreement.refuses(otmaps.lerp(0.5), (otmaps.Laplace(),) * 2)
    assert agreement.recipe()["second"] == {"estimator": "convolution"}
