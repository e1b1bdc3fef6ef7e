"""Exact laws of extremes, of one side of a law, and of monotone functions."""

from __future__ import annotations

import dataclasses

import mpmath as mp
import numpy as np
import pytest

import otmaps
from otmaps._distribution import Distribution
from otmaps._extremes import Extreme, at_least, maximum, mixture
from otmaps._images import Image, even_power, image, magnitude
from otmaps._monotone import Monotone, undoes
from otmaps._restated import Restated, restated
from otmaps._truncated import Side, above, split_at
from otmaps.testing import DistributionTests

N, E, U = otmaps.Normal(), otmaps.Exponential(), otmaps.Uniform(0.0, 1.0)
LEVELS = np.concatenate([10.0 ** -np.arange(300.0, 1.0, -13.0), np.linspace(0.02, 0.5, 9)])


class TestExtremes(DistributionTests):
    def laws(self):
        return [
            Extreme((N, N, N)),
            Extreme((N, E)),
            Extreme((N, otmaps.Cauchy(), otmaps.Uniform())),
            Extreme((N, E), largest=False),
            Extreme((N, N), largest=False),
            maximum([N], 0.0),
            maximum([N, N], 0.5),
            maximum([N.affine(-1.0)], -1.0).affine(-1.0),
            maximum([N, otmaps.Discrete([0.0, 1.0], [0.5, 0.5])]),
            at_least(at_least(N, -1.0).affine(-1.0), -1.0),
        ]


class TestSides(DistributionTests):
    def laws(self):
        return [
            Side(N, 0.0),
            Side(N, -3.0),
            Side(otmaps.Logistic(), 2.0),
            Side(otmaps.Laplace(), -0.1),
            Side(otmaps.Cauchy(), 0.0).affine(-2.0, 1.0),
            Side(otmaps.Normal(5.0, 0.1), 0.0),
            Side(otmaps.Arcsine(), 0.3).affine(-1.0, 1.0),
            Side(otmaps.Logistic(), 1.0, upper=False),
        ]


class TestImages(DistributionTests):
    def laws(self):
        return [
            image(otmaps.Normal(0.3, 2.0), Monotone("tanh")),
            image(otmaps.Logistic(), Monotone("exp")),
            image(otmaps.Gamma(0.5), Monotone("log")),
            image(otmaps.Beta(0.5, 0.5), Monotone("log")),
            image(magnitude(otmaps.Cauchy()), Monotone("log")),
            image(otmaps.Uniform(1.0, 2.0), Monotone("log")),
            image(image(N, Monotone("expit")), Monotone("log")),
            image(otmaps.Cauchy(), Monotone("arctan")),
            image(otmaps.Normal(0.0, 3.0), Monotone("sinh")),
            image(otmaps.Normal(0.0, 3.0), Monotone("arcsinh")),
            image(otmaps.StudentT(3.0), Monotone("power", 3.0)),
            image(otmaps.Gamma(2.0), Monotone("power", -1.0)),
            image(U, Monotone("power", 2.0)).affine(-1.0, 1.0),
        ]


class TestMagnitudes(DistributionTests):
    def laws(self):
        return [
            magnitude(N),
            magnitude(otmaps.Normal(1.0)),
            magnitude(otmaps.Laplace(0.3)),
            even_power(otmaps.Normal(0.5), 2.0),
            even_power(otmaps.Laplace(), -2.0),
        ]


class TestRestated(DistributionTests):
    def laws(self):
        return [Restated(N, (1e-9, 1e-8), "a test"), Restated(at_least(N, 0.0), (0.0, 0.0), "t")]


@dataclasses.dataclass(frozen=True)
class Union(Distribution):
    """A maximum as a careless author writes it: the upper tail is the sum of the tails."""

    laws: tuple

    def _cdf(self, x):
        return np.asarray(1.0 - self._sf(x))

    def _sf(self, x):
        return np.minimum(sum(np.asarray(law.sf(x)) for law in self.laws), 1.0)

    def _pdf(self, x):
        return sum(np.asarray(law.pdf(x)) for law in self.laws)


def nearer_tails(law, true_cdf, true_sf):
    """The relative errors of both tails at quantiles of the law, against mpmath."""
    gaps = []
    with mp.workdps(40):
        for x in [*law.ppf(LEVELS[::3]), *law.isf(LEVELS[::3])]:
            if np.isfinite(x):
                lower, upper = true_cdf(mp.mpf(float(x))), true_sf(mp.mpf(float(x)))
                found = law.cdf(x) if lower < upper else law.sf(x)
                gaps.append(abs(found / min(lower, upper) - 1))
    return float(max(gaps))


def normal_sf(x):
    return mp.erfc(x / mp.sqrt(2)) / 2


def exact(law):
    """The law's sf as mpmath has it."""
    match law:
        case otmaps.Normal():
            return lambda x: normal_sf((x - law.loc) / mp.mpf(law.scale))
        case otmaps.Exponential():
            return lambda x: mp.exp(-x) if x > 0 else mp.mpf(1)
        case otmaps.Logistic():
            return lambda x: 1 / (1 + mp.exp(x))


@pytest.mark.parametrize(
    "laws", [(N,) * 3, (N, otmaps.Normal(1.0, 2.0)), (E, N, otmaps.Logistic())]
)
def test_maxima_against_mpmath(laws):
    law = Extreme(laws)
    tails = [exact(part) for part in laws]

    def cdf(x):
        with mp.workdps(330):
            return mp.fprod(1 - tail(x) for tail in tails)

    def sf(x):
        with mp.workdps(330):
            return 1 - cdf(x)

    assert nearer_tails(law, cdf, sf) <= law.tail_error
    assert law.error < 1e-13
    assert nearer_tails(Union(laws), cdf, sf) > 0.1


def test_extremes_of_extremes_keep_both_tails():
    inner = Extreme((U, U))
    law = Extreme((inner, inner), largest=False)  # cdf 1 - (1 - x^2)^2
    x = np.array([1e-100, 1e-20, 1e-5, 0.1])
    np.testing.assert_allclose(law.cdf(x), 2.0 * x**2 - x**4, rtol=1e-14)
    np.testing.assert_allclose(law.affine(-1.0, 1.0).cdf(x), (2.0 * x - x**2) ** 2, rtol=1e-14)


def test_what_overflows_has_no_image():
    assert image(otmaps.Cauchy(), Monotone("exp")) is None
    assert image(otmaps.StudentT(3.0), Monotone("exp")) is None
    assert image(otmaps.Logistic(), Monotone("exp")) is not None


@pytest.mark.parametrize(
    ("law", "function", "back"),
    [
        (otmaps.Normal(0.3, 2.0), Monotone("tanh"), mp.atanh),
        (otmaps.Logistic(), Monotone("exp"), mp.log),
        (otmaps.Normal(0.0, 3.0), Monotone("arcsinh"), mp.sinh),
        (otmaps.Normal(0.0, 3.0), Monotone("sinh"), mp.asinh),
        (otmaps.Logistic(), Monotone("power", 3.0), lambda y: mp.sign(y) * mp.cbrt(abs(y))),
        (otmaps.Logistic(), Monotone("power", 1.0 / 3.0), lambda y: y**3),
        (N, Monotone("expit"), lambda y: mp.log(y / (1 - y))),
    ],
)
def test_images_against_mpmath(law, function, back):
    found, tail = image(law, function), exact(law)
    # Inside: next to a finite end the float grid of y is coarser than the levels.
    y = found.ppf(np.linspace(0.01, 0.99, 99))
    with mp.workdps(40):
        wanted = [tail(back(mp.mpf(float(v)))) for v in y]
    np.testing.assert_allclose(found.sf(y), np.array(wanted, dtype=float), rtol=found.tail_error)


@pytest.mark.parametrize(
    ("law", "function"),
    [
        (N, Monotone("tanh")),
        (N, Monotone("expit")),
        (N, Monotone("arctan")),
        (N, Monotone("expm1")),
        (U, Monotone("power", 2.0)),
        (U, Monotone("exp")),
        (otmaps.Exponential(1.0), Monotone("log")),
        (otmaps.Exponential(-2.0), Monotone("sinh")),
        (otmaps.Exponential(0.5), Monotone("arcsinh")),
        (otmaps.Exponential(0.5), Monotone("arctan")),
        (otmaps.Exponential(0.5), Monotone("expit")),
        (otmaps.Exponential(0.5), Monotone("tanh")),
        (otmaps.Uniform(-0.5, 0.5), Monotone("arctanh")),
        (otmaps.Exponential(-0.5), Monotone("log1p")),
        (otmaps.Exponential(2.0), Monotone("power", -2.0)),
    ],
)
def test_images_keep_the_digits_next_to_finite_ends(law, function):
    """Sums ask for the distance from an end: the tail there goes on below the grid of the end."""
    found = Image(law, function)
    for end, sign in zip(found.support(), (1.0, -1.0), strict=True):
        if not np.isfinite(end):
            continue
        distance = found.affine(sign, -sign * end)
        assert distance.support()[0] == 0.0
        x = distance.ppf(LEVELS)
        held = x > 1e-300  # the square of 1e-200 is below all doubles
        assert held[LEVELS > 1e-149].all()
        np.testing.assert_allclose(distance.cdf(x)[held], LEVELS[held], rtol=1e-12)
        far = np.linspace(0.2, 0.8, 7)
        plain = sign * (found.ppf if sign > 0 else found.isf)(far) - sign * end
        np.testing.assert_allclose(distance.ppf(far), plain, rtol=1e-12)


def test_without_an_anchor_those_digits_are_lost():
    plain = otmaps._distribution.Affine(Image(N, Monotone("tanh")), 1.0, 1.0)
    x = Image(N, Monotone("tanh")).affine(1.0, 1.0).ppf(np.array([1e-100]))
    assert plain.cdf(x)[0] == 0.0


def test_magnitudes_keep_the_digits_near_zero():
    law = magnitude(otmaps.Normal(1.0))
    x = np.array([1e-300, 1e-100, 1e-10, 1e-3, 0.1, 1.0, 5.0])
    with mp.workdps(340):
        wanted = [normal_sf(1 - mp.mpf(v)) - normal_sf(1 + mp.mpf(v)) for v in x]
        np.testing.assert_allclose(law.cdf(x), np.array(wanted, dtype=float), rtol=law.tail_error)
    # The plain difference is 0 there.
    assert N.cdf(1.0 + 1e-100) - N.cdf(1.0 - 1e-100) == 0.0


def test_what_is_known_is_simplified():
    assert image(N, Monotone("exp")) == otmaps.LogNormal(1.0)
    assert image(otmaps.LogNormal(2.0), Monotone("log")) == otmaps.Normal(0.0, 2.0)
    assert image(image(E, Monotone("log")), Monotone("exp")) == E
    assert image(image(E, Monotone("power", 2.0)), Monotone("power", 0.5)) == E
    assert even_power(N, 2.0) == otmaps.Gamma(0.5, scale=2.0)
    assert above(otmaps.Uniform(), 0.0) == U
    assert above(otmaps.Laplace(), 1.0) == otmaps.Exponential(1.0)
    assert magnitude(otmaps.Laplace()) == E
    assert split_at(E, 0.0) == [(1.0, E)]
    assert not undoes(Monotone("exp"), Monotone("exp"))


def test_domains_are_kept():
    assert image(N, Monotone("log")) is None
    assert image(N, Monotone("power", -1.0)) is None
    assert image(otmaps.Uniform(), Monotone("arctanh")) is not None
    assert image(otmaps.Uniform(-2.0, 2.0), Monotone("arctanh")) is None


def test_atoms_move_with_the_rest():
    relu = at_least(N, 0.0)
    assert relu.atoms == ((0.0, 0.5),)
    assert image(relu, Monotone("exp")).atoms == ((1.0, 0.5),)
    assert magnitude(at_least(N, -1.0)).atoms == ((1.0, N.cdf(-1.0)),)
    assert at_least(relu, 1.0).atoms == ((1.0, pytest.approx(N.cdf(1.0), rel=1e-15)),)
    die = otmaps.Discrete([-1.0, 2.0], [0.25, 0.75])
    assert maximum([die, die], 0.0).atoms == ((0.0, 0.0625), (2.0, 0.9375))
    assert maximum([relu, relu]) is None
    assert image(Restated(relu, (0.0, 0.0), "opaque"), Monotone("exp")) is None
    both = mixture([relu, otmaps.Discrete([0.0], [1.0])], [0.5, 0.5])
    assert both.atoms == ((0.0, 0.75),)
    assert at_least(U, 2.0) == otmaps.Discrete([2.0], [1.0])
    assert at_least(E, -1.0) == E


def test_a_law_restated_adds_its_errors():
    law = restated(restated(N, (1e-9, 1e-8), "one"), (1e-9, 1e-8), "two")
    assert (law.method, law.error) == ("two", pytest.approx(2e-9 + N.error))
    assert law.tail_error == pytest.approx(2e-8 + N.tail_error)
    table = otmaps.pushforward(otmaps.lerp(0.5), "laplace")
    again = restated(table, (1e-9, 1e-8), "three")
    assert type(again) is type(table)
    assert (again.method, again.error) == ("three", pytest.approx(table.error + 1e-9))
