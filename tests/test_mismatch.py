"""The figures of a mismatch against closed forms and mpmath, infinite and unknown ones included."""

import dataclasses
import json
import math

import mpmath
import numpy as np
import pytest

import otmaps
from otmaps import (
    Arcsine,
    Beta,
    Cauchy,
    Distribution,
    Empirical,
    Exponential,
    Laplace,
    Logistic,
    Normal,
    Pareto,
    StudentT,
    Uniform,
)
from otmaps._bures import squared_trace
from otmaps._mismatch import Mismatch, law_mismatch
from otmaps._mismatch._report import FIGURES

ROUNDING = 1e-13  # of the reference formulas in double precision, relative


class Triangle(Distribution):
    """The midpoint of two uniforms on [-1, 1]."""

    def _support(self):
        return -1.0, 1.0

    def _breakpoints(self):
        return (-1.0, 0.0, 1.0)

    def _cdf(self, x):
        return np.where(x < 0, 0.5 * (1 + x) ** 2, 1 - 0.5 * (1 - x) ** 2)

    def _sf(self, x):
        return self._cdf(-x)

    def _pdf(self, x):
        return 1 - np.abs(x)


class TwoBlocks(Distribution):
    """Uniform on [-2, -1] and [1, 2]: a prior with a gap."""

    def _support(self):
        return -2.0, 2.0

    def _breakpoints(self):
        return (-2.0, -1.0, 1.0, 2.0)

    def _cdf(self, x):
        return 0.5 * (np.clip(x + 2, 0, 1) + np.clip(x - 1, 0, 1))

    def _sf(self, x):
        return self._cdf(-x)

    def _pdf(self, x):
        return np.where(np.abs(x) >= 1, 0.5, 0.0)


class WithAtom(Distribution):
    """Half a normal law and half a point mass at 0."""

    def _atoms(self):
        return ((0.0, 0.5),)

    def _breakpoints(self):
        return (0.0,)

    def _cdf(self, x):
        return 0.5 * np.asarray(Normal().cdf(np.maximum(x, -1e9))) + 0.5 * (x >= 0)

    def _sf(self, x):
        return 0.5 * np.asarray(Normal().sf(np.minimum(x, 1e9))) + 0.5 * (x < 0)

    def _pdf(self, x):
        return 0.5 * np.asarray(Normal().pdf(x))


def assert_covers(report: Mismatch, name: str, truth: float, loosest: float = 1e-5) -> None:
    """The stated error covers the truth, and is not so wide that it says nothing."""
    found, error = getattr(report, name), report.error[name]
    assert abs(found - truth) <= error + ROUNDING * abs(truth), (name, found, truth, error)
    assert error <= loosest * report.dim * max(abs(truth), 1.0), (name, error)


@pytest.mark.parametrize("dim", [1, 100])
@pytest.mark.parametrize(("mean", "sd"), [(0.0, math.sqrt(0.5)), (0.3, 1.7), (0.0, 1 - 1e-6)])
def test_normal_against_normal(mean, sd, dim):
    report = law_mismatch(Normal(mean, sd), Normal(), dim)
    assert_covers(report, "kl", dim * (0.5 * (mean**2 + sd**2 - 1) - math.log(sd)))
    assert_covers(report, "w2", math.sqrt(dim * (mean**2 + (1 - sd) ** 2)))
    assert_covers(report, "norm_shift", mean**2 + sd**2)
    assert_covers(report, "norm_mean", dim * (mean**2 + sd**2))
    assert_covers(report, "norm_std", math.sqrt(dim * (2 * sd**4 + 4 * mean**2 * sd**2)))
    assert_covers(report, "prior_norm_mean", dim)
    assert_covers(report, "prior_norm_std", math.sqrt(2 * dim))
    if mean == 0:
        assert_covers(report, "w1", dim * abs(1 - sd) * math.sqrt(2 / math.pi))
        cross = math.sqrt(-2 * math.log(sd) / (1 / sd**2 - 1)) if sd < 1 else math.nan
        # Of laws that nearly agree, no cell of the line can be ruled out: the cells run out.
        loosest = 1e-5 if sd < 0.9 else 1e-3
        assert_covers(report, "ks", Normal().cdf(cross / sd) - Normal().cdf(cross), loosest)


def test_uniform_midpoint_by_hand():
    """y is triangular on [-1, 1]; by symmetry twice the half u = F(y) below one half.

    T(y) = (1 + y)^2 - 1 for y < 0, so y - T = -y (1 + y): W1 = 1/6, W2^2 = 1/30.
    """
    report = law_mismatch(Triangle(), Uniform(), 1)
    assert_covers(report, "kl", math.log(2) - 0.5)
    assert_covers(report, "w1", 1 / 6)
    assert_covers(report, "w2", math.sqrt(1 / 30))
    assert_covers(report, "ks", 1 / 8)
    assert_covers(report, "norm_shift", 1 / 2)
    assert_covers(report, "norm_std", math.sqrt(1 / 15 - 1 / 36))


CASES = [
    (Normal(), Laplace()),
    (Laplace(scale=0.6), Logistic(0.2, 0.8)),
    (Normal(), Cauchy()),
    (StudentT(5), StudentT(3)),
    (Uniform(), Arcsine()),
    (Arcsine(), Uniform()),
    (Uniform(-3, 3), Normal()),
    (Exponential(scale=0.5), Exponential()),
    (Beta(2, 3), Uniform(0, 1)),
]


@pytest.mark.parametrize(("source", "target"), CASES, ids=str)
def test_divergence_against_mpmath(source, target):
    def density(x):
        p, q = float(source.logpdf(float(x))), float(target.logpdf(float(x)))
        # mpmath asks at the very ends, where a density may be 0 or infinite.
        return mpmath.exp(p) * (p - q) if math.isfinite(p + q) else mpmath.mpf(0)

    if isinstance(source, Arcsine):
        # By the substitution x = cos(s): the singular ends leave the integrand.
        truth = mpmath.quad(
            lambda s: (mpmath.log(2) - mpmath.log(mpmath.pi * mpmath.sin(s))) / mpmath.pi,
            [0, mpmath.pi / 2, mpmath.pi],
        )
    else:
        points = [source.ppf(1e-30), *source.breakpoints, source.median(), source.isf(1e-30)]
        points += list(source.ppf(np.array([1e-12, 1e-5, 0.1, 0.9])))
        points += list(source.isf(np.array([1e-12, 1e-5])))
        inner = sorted({float(p) for p in (*points, *target.breakpoints)})
        low, high = source.support()
        truth = mpmath.quad(density, [p for p in inner if low <= p <= high])
    report = law_mismatch(source, target, 1)
    # mpmath itself works on double-precision densities.
    assert abs(report.kl - float(truth)) <= report.error["kl"] + 1e-11
    assert report.error["kl"] <= 1e-5


@pytest.mark.parametrize(("source", "target"), CASES, ids=str)
def test_costs_against_sums_of_quantiles(source, target):
    """The trapezoidal rule in the logarithm of the tail probability."""
    report = law_mismatch(source, target, 1)
    if math.isinf(report.w1):
        assert isinstance(target, Cauchy)
        return
    logs = np.linspace(-200.0, math.log(0.5), 20_001)
    u = np.exp(logs)
    lower = np.abs(np.asarray(source.ppf(u)) - np.asarray(target.ppf(u)))
    upper = np.abs(np.asarray(source.isf(u)) - np.asarray(target.isf(u)))
    # Kinks of the integrand cost the rule the square of its step, 1e-4.
    assert report.w1 == pytest.approx(np.trapezoid((lower + upper) * u, logs), rel=1e-4)
    squares = np.trapezoid((lower**2 + upper**2) * u, logs)
    assert report.w2 == pytest.approx(math.sqrt(squares), rel=1e-4)
    n = 4096
    u = (np.arange(n) + 0.5) / n
    gaps = np.abs(u - np.asarray(target.cdf(source.ppf(u))))
    assert gaps.max() <= report.ks + report.error["ks"] + 1e-9
    assert report.ks <= gaps.max() + 1 / n + report.error["ks"]


def test_figures_scale_with_the_dimension():
    one, many = (law_mismatch(Laplace(), Normal(), dim) for dim in (1, 64))
    for name, factor in (("kl", 64), ("w1", 64), ("w2", 8), ("ks", 1), ("norm_shift", 1)):
        assert getattr(many, name) == pytest.approx(factor * getattr(one, name), rel=1e-12)


@pytest.mark.parametrize("law", [Normal(), Uniform(), Cauchy(), StudentT(3), Beta(0.5, 0.5)])
def test_the_prior_itself_is_at_distance_zero_exactly(law):
    report = law_mismatch(dataclasses.replace(law), law, 100)
    for name in ("kl", "w1", "w2", "ks"):
        assert getattr(report, name) == report.error[name] == 0.0
    assert report.norm_shift == 1.0 or isinstance(law, Cauchy)


@pytest.mark.parametrize(
    "prior",
    [Normal(), Uniform(), Logistic(), StudentT(3), Exponential(), Pareto(3.0), Arcsine()],
    ids=repr,
)
def test_the_divergence_grows_linearly_as_draws_of_whole_latents_show(prior):
    """Appendix A: the mean log-ratio of the joint densities, in 1, 16 and 256 components."""
    op = otmaps.lerp(0.5)
    source = otmaps.pushforward(op, prior)
    one = otmaps.mismatch(op, prior, dim=1).kl
    assert one > 0.03
    for dim in (1, 16, 256):
        y = op.raw(*prior.rvs((2, 8192 // dim, dim), dim))
        ratios = (np.asarray(source.logpdf(y)) - np.asarray(prior.logpdf(y))).sum(axis=1)
        spread = 5.0 * ratios.std() / math.sqrt(ratios.size)
        exact = otmaps.mismatch(op, prior, dim=dim).kl
        assert exact == pytest.approx(dim * one, rel=1e-12)
        assert abs(ratios.mean() - exact) < spread < 0.5 * dim * one


def test_a_law_next_to_the_prior_is_not_at_distance_zero():
    report = law_mismatch(Normal(scale=1 + 1e-9), Normal(), 1)
    assert report.w1 > 0
    assert report.w2 > 0


@pytest.mark.parametrize(
    ("source", "target", "infinite", "finite"),
    [
        (Uniform(-3, 3), Uniform(), {"kl"}, {"w1", "w2"}),  # analogy leaves the support
        (Cauchy(), Normal(), {"kl", "w1", "w2", "norm_mean", "norm_shift"}, {"prior_norm_mean"}),
        (Cauchy(scale=2), Cauchy(), {"w1", "w2", "norm_mean"}, {"kl"}),
        (Pareto(2), Exponential(), {"w2", "norm_mean"}, {"kl", "w1"}),
        (StudentT(1.5), StudentT(3), {"w2"}, {"kl", "w1"}),
        (StudentT(3), StudentT(2.1), {"norm_std", "prior_norm_std"}, {"kl", "w2", "norm_shift"}),
        (Normal(), Exponential(), {"kl"}, {"w1", "w2"}),
        (Uniform(-2, 2), TwoBlocks(), {"kl"}, {"w1", "w2"}),  # falls into the gap
        (WithAtom(), Normal(), {"kl"}, {"w1", "w2"}),
    ],
    ids=lambda value: type(value).__name__,
)
def test_infinite_figures_are_infinite_and_say_why(source, target, infinite, finite):
    report = law_mismatch(source, target, 10)
    for name in infinite:
        assert getattr(report, name) == math.inf, name
        assert report.reasons[name]
        assert report.error[name] == 0.0
    for name in finite:
        assert math.isfinite(getattr(report, name)), name


def test_supports_that_differ_by_rounding_are_equal():
    edge = 1 + 2.0**-52
    assert math.isfinite(law_mismatch(Uniform(-edge, edge), Uniform(), 1).kl)
    assert law_mismatch(Uniform(-1 - 1e-12, 1), Uniform(), 1).kl == math.inf


def test_a_sample_with_unknown_tails_states_what_it_knows():
    draws = np.random.default_rng(0).normal(size=5000)
    report = law_mismatch(Empirical(0.7 * draws), Normal(), 10)
    truth = law_mismatch(Normal(scale=0.7), Normal(), 10)
    assert abs(report.ks - truth.ks) <= report.error["ks"] < 0.05
    for name in ("kl", "w1", "w2", "norm_mean", "norm_shift"):
        assert math.isnan(getattr(report, name))
        assert math.isnan(report.error[name])
        assert report.reasons[name]
    assert report.prior_norm_mean == pytest.approx(10)


def test_a_sample_on_a_known_interval_bounds_the_costs():
    draws = np.random.default_rng(0).uniform(-1, 1, (2, 20_000)).mean(0)
    report = law_mismatch(Empirical(draws, low=-1, high=1), Uniform(), 1)
    truth = law_mismatch(Triangle(), Uniform(), 1)
    for name in ("w1", "w2", "ks", "norm_mean", "norm_std", "norm_shift"):
        assert abs(getattr(report, name) - getattr(truth, name)) <= report.error[name]
        assert 1e-4 < report.error[name] < 0.4  # a bound, of the size that 20,000 draws allow
    assert math.isnan(report.kl)


def test_report_for_people_and_for_json():
    report = law_mismatch(Cauchy(), Normal(), 3)
    text = str(report)
    assert "3 dimensions" in text
    assert "no such moment" in text
    data = json.loads(json.dumps(report.as_dict(), allow_nan=False))
    assert data["dim"] == 3
    assert set(FIGURES) <= data.keys()
    assert data["kl"] == {"value": "inf", "error": 0.0, "reason": report.reasons["kl"]}


@pytest.mark.parametrize(("dim", "error"), [(0, ValueError), (2.5, TypeError), (True, TypeError)])
def test_bad_dimensions_are_named(dim, error):
    with pytest.raises(error, match="dim must be"):
        law_mismatch(Normal(), Normal(scale=2), dim)


# ------------------------------------------------------------------------- laws of whole latents
def test_isotropic_normal_correlated_and_unlike_priors_agree_where_they_are_the_same_law():
    op, dim = otmaps.lerp(0.3), 64
    plain = otmaps.mismatch(op, Normal(), dim)
    radial = otmaps.mismatch(op, otmaps.StandardNormal(dim))
    white = otmaps.MultivariateNormal(0.0, otmaps.Diagonal.white(dim))
    whole = otmaps.mismatch(op, white)
    groups = otmaps.mismatch(op, otmaps.Independent([(Normal(), dim)]))
    names = [name for name in FIGURES if name not in {"w1", "ks"}]
    for found in (radial, whole, groups):
        assert found.dim == dim
        for name in names:
            room = plain.error[name] + found.error[name] + 1e-12
            assert getattr(found, name) == pytest.approx(getattr(plain, name), abs=room)
    assert whole.ks == pytest.approx(plain.ks, abs=1e-6)
    assert groups.w1 == pytest.approx(plain.w1)
    assert math.isnan(whole.w1)
    assert "no closed form" in whole.reasons["w1"]
    assert (radial.judged, plain.judged, groups.judged) == (
        "the norm",
        "one component",
        "the worst component",
    )
    assert "KS distance of the norm" in str(radial)
    assert "Euclidean cost" in str(radial)
    assert json.loads(json.dumps(radial.as_dict()))["judged"] == "the norm"


def test_isotropic_figures_are_those_of_the_norms():
    sphere = otmaps.Sphere(16, 2.0)
    raw = otmaps.mismatch(otmaps.lerp(0.5), sphere)
    assert raw.kl == math.inf
    assert raw.norm_shift == pytest.approx(0.5)
    norms = otmaps.pushforward(otmaps.lerp(0.5), sphere).norm
    assert raw.w1 == pytest.approx(2.0 - norms.mean(), rel=1e-9)
    assert raw.w2**2 == pytest.approx((2.0 - norms.mean()) ** 2 + norms.std() ** 2, rel=1e-9)
    same = otmaps.mismatch(otmaps.slerp(0.3), sphere)
    assert (same.kl, same.w1, same.w2, same.norm_shift) == (0.0, 0.0, 0.0, 1.0)
    cauchy = otmaps.mismatch(otmaps.lerp(0.3), otmaps.MultivariateCauchy(5))
    assert cauchy.kl == 0.0
    with pytest.raises(ValueError, match="16 components; leave it out"):
        otmaps.mismatch(otmaps.lerp(0.5), sphere, 17)


def test_figures_of_normal_laws_with_a_covariance_against_draws():
    rng = np.random.default_rng(0)
    root = rng.standard_normal((6, 6))
    prior = otmaps.MultivariateNormal(rng.standard_normal(6), root @ root.T + np.eye(6))
    white = otmaps.MultivariateNormal(0.0, otmaps.Diagonal.white(6, 2.0))
    op, inputs = otmaps.vicinity(0.7), {"u": white}
    found = otmaps.mismatch(op, prior, inputs=inputs)
    matched = otmaps.match(op, prior, inputs=inputs)
    assert found.kl == matched.source.divergence(prior)
    assert found.w2 == matched.map.distance
    for law, mean, std in (
        (matched.source, found.norm_mean, found.norm_std),
        (prior, found.prior_norm_mean, found.prior_norm_std),
    ):
        squares = (law.rvs(200_000, 1) ** 2).sum(axis=1)
        assert squares.mean() == pytest.approx(mean, abs=5.0 * std / 200_000**0.5)
        assert squares.std() == pytest.approx(std, rel=0.03)
    x = np.linspace(-12.0, 12.0, 20_001)
    pairs = zip(
        zip(prior.mean, prior.std(), strict=True),
        zip(matched.source.mean, matched.source.std(), strict=True),
        strict=True,
    )
    gaps = [np.abs(Normal(*a).cdf(x) - Normal(*b).cdf(x)).max() for a, b in pairs]
    assert found.ks == pytest.approx(max(gaps), abs=1e-6)
    same = otmaps.mismatch(otmaps.linear([1.0]), prior)
    assert (same.kl, same.w1, same.w2, same.ks) == (0.0, 0.0, 0.0, 0.0)


@pytest.mark.parametrize(
    "covariance",
    [
        otmaps.Diagonal([1.0, 2.0, 0.5, 0.3]),
        otmaps.Diagonal.white(4, 2.0),
        otmaps.Circulant.from_kernel([1.0, 0.3, 0.1, 0.3]),
        otmaps.LowRank(np.arange(8.0).reshape(4, 2), [0.5, 1.0, 0.3, 2.0]),
        otmaps.MultivariateNormal(0.0, np.eye(4) + 0.3).covariance,
    ],
    ids=lambda c: type(c).__name__,
)
def test_the_trace_of_the_square_of_a_covariance(covariance):
    assert squared_trace(covariance) == pytest.approx((covariance.matrix() ** 2).sum(), rel=1e-13)


def test_groups_of_components_add_up():
    prior = otmaps.Independent([("normal", 3), ("uniform", 2), Cauchy()])
    parts = [
        otmaps.mismatch(otmaps.lerp(0.3), law, count)
        for law, count in (("normal", 3), ("uniform", 2))
    ]
    found = otmaps.mismatch(otmaps.lerp(0.3), prior)
    assert found.kl == pytest.approx(sum(part.kl for part in parts))
    assert found.w1 == pytest.approx(sum(part.w1 for part in parts))
    assert found.w2**2 == pytest.approx(sum(part.w2**2 for part in parts))
    assert found.norm_mean == math.inf
    assert math.isnan(found.norm_shift)
    product = otmaps.operation(lambda a, b: a * b)()
    spread = otmaps.MultivariateNormal(0.0, otmaps.Diagonal([1.0, 2.0, 2.0]))
    assert otmaps.mismatch(product, spread).norm_shift == pytest.approx(9.0 / 5.0)
    unknown = otmaps.mismatch(otmaps.lerp(), prior, method=otmaps.MonteCarlo(n=2**12, seed=0))
    assert math.isnan(unknown.w1)
    with pytest.raises(otmaps.UnservedError, match="components"):
        otmaps.mismatch(otmaps.slerp(0.5), prior)
