"""scipy.stats laws: converted exactly where possible, wrapped with a measured error otherwise."""

import math
import subprocess
import sys

import mpmath as mp
import numpy as np
import pytest
from scipy import stats

import otmaps
from otmaps import as_distribution

NATIVE = [
    (stats.norm(1, 2), otmaps.Normal(1.0, 2.0)),
    (stats.norm(scale=2), otmaps.Normal(0.0, 2.0)),
    (stats.uniform(-1, 2), otmaps.Uniform(-1.0, 1.0)),
    (stats.cauchy(1), otmaps.Cauchy(1.0)),
    (stats.laplace(), otmaps.Laplace()),
    (stats.logistic(0, 3), otmaps.Logistic(0.0, 3.0)),
    (stats.expon(scale=2), otmaps.Exponential(0.0, 2.0)),
    (stats.t(5), otmaps.StudentT(5.0)),
    (stats.t(df=5, loc=1), otmaps.StudentT(5.0, 1.0)),
    (stats.gamma(2, scale=3), otmaps.Gamma(2.0, 0.0, 3.0)),
    (stats.erlang(2), otmaps.Gamma(2.0)),
    (stats.chi2(3), otmaps.Gamma(1.5, 0.0, 2.0)),
    (stats.beta(2, b=3), otmaps.Beta(2.0, 3.0)),
    (stats.gumbel_r(1, 2), otmaps.Gumbel(1.0, 2.0)),
    (stats.gumbel_l(1, 2), otmaps.Gumbel(-1.0, 2.0).affine(-1.0)),
    (stats.lognorm(0.5), otmaps.LogNormal(0.5)),
    (stats.pareto(2), otmaps.Pareto(2.0)),
    (stats.arcsine(), otmaps.Arcsine(0.0, 1.0)),
    (stats.levy(1, 2), otmaps.Levy(1.0, 2.0)),
    (stats.levy_stable(1.5, 0.5, 1, 2), otmaps.Stable(1.5, 0.5, 1.0, 2.0)),
    (stats.levy_stable(1, 0.5, scale=2), otmaps.Stable(1.0, 0.5, 0.0, 2.0)),
    (stats.levy_l(1, 2), otmaps.Levy(-1.0, 2.0).affine(-1.0)),
    (stats.Normal(mu=1.0, sigma=2.0), otmaps.Normal(1.0, 2.0)),
    (stats.Normal(), otmaps.Normal()),
    (stats.Uniform(a=-1.0, b=1.0), otmaps.Uniform()),
    (2 * stats.Normal() + 1, otmaps.Normal(1.0, 2.0)),
    (
        stats.Mixture([stats.Normal(), stats.Normal(mu=3.0)], weights=[0.25, 0.75]),
        otmaps.Mixture([otmaps.Normal(), otmaps.Normal(3.0)], [0.25, 0.75]),
    ),
]


def test_both_parameterizations_of_levy_stable(monkeypatch):
    monkeypatch.setattr(stats.levy_stable, "parameterization", "S0")
    for alpha in (0.7, 1.0, 1.6):
        frozen = stats.levy_stable(alpha, 0.5, 1.0, 2.0)
        law = as_distribution(frozen)
        x = law.ppf([0.1, 0.5, 0.8])
        np.testing.assert_allclose(frozen.dist.cdf(x, *frozen.args), law.cdf(x), rtol=1e-9)


DISCRETE = {
    "bernoulli": stats.bernoulli(0.3),
    "binom": stats.binom(20, 0.3, loc=-2),
    "randint": stats.randint(1, 7),
    "hypergeom": stats.hypergeom(20, 7, 12),
    "own values": stats.rv_discrete(values=([1, 2.5, 5], [0.2, 0.3, 0.5]))(loc=1),
    "new binomial": stats.Binomial(n=3, p=0.5),
}

WRAPPED = {
    "triang": stats.triang(0.3),
    "weibull 0.5": stats.weibull_min(0.5),
    "weibull 2.5": stats.weibull_min(2.5, loc=1, scale=3),
    "gennorm": stats.gennorm(0.7),
    "dgamma": stats.dgamma(0.5),
    "maxwell": stats.maxwell(),
    "skewnorm": stats.skewnorm(3.0),
    "new gamma": stats.make_distribution(stats.gamma)(a=2.0),
    "truncated": stats.truncate(stats.Normal(), lb=-1.0, ub=2.0),
}


@pytest.mark.parametrize(("frozen", "law"), NATIVE, ids=lambda x: repr(x)[:40])
def test_known_families_become_closed_forms(frozen, law):
    assert as_distribution(frozen) == law
    x = law.ppf([0.1, 0.5, 0.8])
    np.testing.assert_allclose(law.cdf(x), frozen.cdf(x), rtol=1e-12)


@pytest.mark.parametrize("name", DISCRETE)
def test_discrete_laws_of_finite_support_become_atoms(name):
    frozen = DISCRETE[name]
    law = as_distribution(frozen)
    assert isinstance(law, otmaps.Discrete)
    x = np.array(law.points)
    assert (x[0], x[-1]) == tuple(map(float, frozen.support()))
    np.testing.assert_allclose(law.cdf(x), frozen.cdf(x), rtol=1e-13)
    np.testing.assert_allclose(law.mean(), frozen.mean(), rtol=1e-13)


@pytest.mark.parametrize("name", WRAPPED)
def test_wrapped_laws_speak_the_whole_vocabulary(name):
    law = as_distribution(WRAPPED[name])
    assert law.method.startswith("scipy.stats (")
    p = np.array([1e-6, 0.01, 0.3, 0.5])
    for quantile, tail, log, inverse in (
        (law.ppf, law.cdf, law.logcdf, law.ilogcdf),
        (law.isf, law.sf, law.logsf, law.ilogsf),
    ):
        x = quantile(p)
        grid = 2.0 * law.pdf(x) * np.spacing(np.abs(x))
        assert np.all(np.abs(tail(x) - p) <= law.error + grid)
        np.testing.assert_allclose(log(x), np.log(tail(x)), rtol=1e-9)
        np.testing.assert_allclose(inverse(np.log(p)), x, rtol=1e-9, atol=1e-12)
    np.testing.assert_allclose(law.logpdf(x), np.log(law.pdf(x)), rtol=1e-9)
    draws = law.rvs((500, 4), np.random.default_rng(0))
    assert draws.shape == (500, 4)
    assert stats.kstest(draws.ravel(), law.cdf).pvalue > 1e-4
    assert law.error < 1e-10
    assert law == as_distribution(WRAPPED[name])


TRUTHS = {
    "triang": lambda x: x * x / mp.mpf("0.3") if x < 0.3 else 1 - (1 - x) ** 2 / mp.mpf("0.7"),
    "weibull 0.5": lambda x: -mp.expm1(-mp.sqrt(x)),
    "maxwell": lambda x: mp.gammainc(1.5, 0, x * x / 2, regularized=True),
    "new gamma": lambda x: mp.gammainc(2, 0, x, regularized=True),
}


@pytest.mark.parametrize("name", TRUTHS)
def test_the_measured_errors_cover_the_truth(name):
    law = as_distribution(WRAPPED[name])
    for x in law.ppf([1e-250, 1e-60, 1e-9, 1e-3, 0.11, 0.29, 0.47, 0.5, 0.77, 0.99]):
        with mp.workdps(40):
            exact = TRUTHS[name](mp.mpf(float(x)))
        assert abs(law.cdf(x) - exact) <= law.error
        if law.tail_error < math.inf and 0 < exact < 0.5:
            assert abs(law.cdf(x) / exact - 1) <= law.tail_error


def test_a_cancelled_tail_is_not_promised():
    assert as_distribution(WRAPPED["triang"]).tail_error == math.inf  # its sf is 1 - cdf
    assert as_distribution(WRAPPED["skewnorm"]).tail_error == math.inf
    assert as_distribution(WRAPPED["maxwell"]).tail_error < 1e-11


class Crooked(stats.rv_continuous):
    """Its cdf is off by up to 1e-4 from the integral of its pdf."""

    def _cdf(self, x):
        return x + 1e-4 * np.sin(math.pi * x)

    def _pdf(self, x):
        return np.ones_like(x)


def test_a_wrong_law_of_a_user_shows_in_its_error():
    law = as_distribution(Crooked(a=0.0, b=1.0, name="uniform")())  # not taken for scipy's
    assert 1e-4 <= law.error < 1e-2
    assert law.recipe() is None


def test_kinks_and_ends_are_breakpoints():
    assert as_distribution(stats.triang(0.3, 1, 2)).breakpoints == (1.0, 1.6, 3.0)
    assert as_distribution(stats.dgamma(0.5, 2)).breakpoints == (2.0,)
    assert as_distribution(stats.weibull_min(2.0)).support() == (0.0, math.inf)


def test_equality_moments_and_recipe():
    law = as_distribution(stats.weibull_min(2.0))
    assert law == as_distribution(stats.weibull_min(c=2.0, loc=0))
    assert law != as_distribution(stats.weibull_min(2.5))
    assert law.recipe()["parameters"]["c"] == (2.0).hex()
    assert law.mean() == pytest.approx(math.gamma(1.5))
    assert law.std() == pytest.approx(math.sqrt(1.0 - math.pi / 4.0))
    new = as_distribution(WRAPPED["new gamma"])
    assert new.recipe() is None
    assert (new.mean(), new.std()) == pytest.approx((2.0, math.sqrt(2.0)))


def test_scipy_stats_is_not_imported_to_look_at_other_things():
    code = (
        "import sys, otmaps; otmaps.as_distribution('normal'); "
        "otmaps.as_distribution([float(i) for i in range(30)]); "
        "sys.exit('scipy.stats' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
