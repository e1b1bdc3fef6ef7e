"""Every closed-form law against mpmath: both tails down to 1e-300, and deeper in logarithms."""

import math

import mpmath as mp
import numpy as np
import pytest
import truths
from scipy import stats

import otmaps

PROBABILITIES = np.array(
    [1e-300, 1e-200, 1e-100, 1e-40, 1e-16, 1e-12, 1e-6, 1e-3, 0.02, 0.1, 0.25, 0.4, 0.499999, 0.5]
)
DEEP_LOGS = [-720.0, -1000.0]
# Rounding of x itself, in ulp: what a quantile can be off by.
GRID_ULP = 4.0
# The density states no error: exp of a logarithm of size 700 loses about 700 ulp.
PDF_ERROR = 1e-12

# law, its standard truth, and its scipy.stats twin for moments
CASES = {
    "normal": (otmaps.Normal(), truths.normal(), stats.norm()),
    "normal 1 3": (otmaps.Normal(1.0, 3.0), truths.normal(), stats.norm(1, 3)),
    "cauchy": (otmaps.Cauchy(), truths.cauchy(), None),
    "cauchy -2 0.3": (otmaps.Cauchy(-2.0, 0.3), truths.cauchy(), None),
    "laplace": (otmaps.Laplace(), truths.laplace(), stats.laplace()),
    "laplace 1 0.7": (otmaps.Laplace(1.0, 0.7), truths.laplace(), stats.laplace(1, 0.7)),
    "logistic": (otmaps.Logistic(), truths.logistic(), stats.logistic()),
    "logistic -3 2": (otmaps.Logistic(-3.0, 2.0), truths.logistic(), stats.logistic(-3, 2)),
    "uniform": (otmaps.Uniform(), truths.uniform(), stats.uniform(-1, 2)),
    "arcsine": (otmaps.Arcsine(), truths.arcsine(), stats.arcsine(-1, 2)),
    "exponential": (otmaps.Exponential(), truths.exponential(), stats.expon()),
    "exponential 1 0.3": (otmaps.Exponential(1.0, 0.3), truths.exponential(), stats.expon(1, 0.3)),
    "gumbel": (otmaps.Gumbel(), truths.gumbel(), stats.gumbel_r()),
    "gumbel 2 0.7": (otmaps.Gumbel(2.0, 0.7), truths.gumbel(), stats.gumbel_r(2, 0.7)),
    "levy": (otmaps.Levy(), truths.levy(), None),
    "levy -1 0.5": (otmaps.Levy(-1.0, 0.5), truths.levy(), None),
    **{
        f"student {df:g}": (otmaps.StudentT(df), truths.student(df), None)
        for df in (0.3, 1.0, 2.0, 3.0, 5.0, 6.0, 30.0, 1000.0)
    },
    **{
        f"gamma {a:g}": (otmaps.Gamma(a), truths.gamma(a), stats.gamma(a))
        for a in (0.05, 0.5, 1.0, 2.0, 7.5, 100.0)
    },
    **{
        f"beta {a:g} {b:g}": (otmaps.Beta(a, b), truths.beta(a, b), stats.beta(a, b))
        for a, b in (
            (0.5, 0.5), (2.0, 3.0), (2.0, 5.0), (0.1, 4.0), (30.0, 0.3), (200.0, 300.0), (1.0, 1.0)
        )
    },
    **{
        f"lognormal {s:g}": (otmaps.LogNormal(s), truths.lognormal(s), stats.lognorm(s))
        for s in (0.25, 1.0, 4.0)
    },
    **{
        f"pareto {b:g}": (otmaps.Pareto(b), truths.pareto(b), None) for b in (0.5, 1.0, 3.0)
    },
}  # fmt: skip


@pytest.fixture(autouse=True)
def digits():
    with mp.workdps(truths.DIGITS):
        yield


def location_scale(law):
    """The two numbers that make a law of its standard one."""
    own_ends = isinstance(law, otmaps.Uniform | otmaps.Arcsine)
    return (0.0, 1.0) if own_ends else (law.loc, law.scale)


def tails(name):
    """The two tails of a case: the library's functions, and the truth as a function of x."""
    law, truth, _ = CASES[name]
    loc, scale = location_scale(law)

    def of_x(function):
        return lambda x: function((mp.mpf(float(x)) - mp.mpf(loc)) / mp.mpf(scale))

    density = of_x(truth.pdf)
    return (
        law,
        [
            (law.cdf, law.sf, law.logcdf, law.ppf, law.ilogcdf, of_x(truth.cdf)),
            (law.sf, law.cdf, law.logsf, law.isf, law.ilogsf, of_x(truth.sf)),
        ],
        lambda x: density(x) / scale,
    )


def inside(law, points):
    low, high = law.support()
    return [(i, x) for i, x in enumerate(points) if low < x < high]


@pytest.mark.parametrize("name", CASES)
def test_probabilities_keep_the_stated_errors(name):
    law, sides, _ = tails(name)
    for near, other, log, quantile, _, truth in sides:
        points = quantile(PROBABILITIES)
        # Beside the quantiles too: the logarithm of what exp has given is exact.
        for _, x in inside(law, np.concatenate([points, 1.0001 * points])):
            exact = truth(x)
            if 1e-300 <= exact <= 0.51:
                assert abs(near(x) / exact - 1) <= law.tail_error, (x, near(x), exact)
            assert abs(near(x) - exact) <= law.error
            assert abs(other(x) - (1 - exact)) <= law.error
            assert abs(log(x) - mp.log(exact)) <= law.tail_error * max(1, abs(mp.log(exact)))


@pytest.mark.parametrize("name", CASES)
def test_quantiles_hit_their_probability_within_the_grid_of_doubles(name):
    law, sides, density = tails(name)
    for _, _, _, quantile, _, truth in sides:
        points = quantile(PROBABILITIES)
        assert not np.any(np.isnan(points))
        for i, x in inside(law, points):
            grid = GRID_ULP * density(x) * np.spacing(abs(x))
            p = PROBABILITIES[i]
            # A quantile that is an exponential has the rounding of a logarithm of size |log p|.
            allowed = law.tail_error + 2.0**-52 * abs(math.log(p))
            assert abs(truth(x) - mp.mpf(p)) <= allowed * p + grid, (x, p)


@pytest.mark.parametrize("name", CASES)
def test_densities(name):
    law, sides, density = tails(name)
    for _, _, _, quantile, _, _ in sides:
        for _, x in inside(law, quantile(PROBABILITIES)):
            exact = density(x)
            assert abs(law.logpdf(x) - mp.log(exact)) <= PDF_ERROR * max(1, abs(mp.log(exact)))
            if 1e-300 < exact < 1e300:
                assert abs(law.pdf(x) / exact - 1) <= PDF_ERROR


@pytest.mark.parametrize("name", CASES)
def test_logarithms_below_the_range_of_doubles(name):
    law, sides, density = tails(name)
    for _, _, log, _, inverse, truth in sides:
        for i, x in inside(law, inverse(DEEP_LOGS)):
            exact = truth(x)
            logarithm = mp.log(exact)
            assert abs(log(x) - logarithm) <= law.tail_error * abs(logarithm)
            grid = GRID_ULP * density(x) / exact * np.spacing(abs(x))
            assert abs(logarithm - DEEP_LOGS[i]) <= law.tail_error * abs(logarithm) + grid


@pytest.mark.parametrize("z", [-40.0, -200.0, -1e3, -1e5])
def test_the_normal_logarithm_at_absurd_depth(z):
    exact = mp.log(truths.normal().cdf(mp.mpf(z)))
    law = otmaps.Normal()
    assert law.logcdf(z) == pytest.approx(float(exact), rel=1e-15)
    assert law.ilogcdf(float(exact)) == pytest.approx(z, rel=4e-16)


@pytest.mark.parametrize("name", CASES)
def test_moments(name):
    law, _, twin = CASES[name]
    if twin is not None:
        assert law.mean() == pytest.approx(twin.mean(), rel=1e-13, abs=1e-15)
        assert law.std() == pytest.approx(twin.std(), rel=1e-12)


def test_moments_that_do_not_exist():
    assert math.isnan(otmaps.Cauchy().mean())
    assert math.isnan(otmaps.Cauchy().std())
    assert math.isnan(otmaps.StudentT(1.0).mean())
    assert otmaps.StudentT(1.5).mean() == 0.0
    assert otmaps.StudentT(1.5).std() == math.inf
    assert otmaps.StudentT(3.0).std() == pytest.approx(math.sqrt(3.0))
    assert otmaps.Pareto(0.5).mean() == math.inf
    assert otmaps.Pareto(1.5).std() == math.inf
    assert otmaps.Pareto(3.0).mean() == 1.5
    assert otmaps.Levy().mean() == math.inf
    assert math.isnan(otmaps.Levy().std())


@pytest.mark.parametrize("name", CASES)
def test_edges_shapes_and_what_is_no_number(name):
    law = CASES[name][0]
    low, high = law.support()
    ends = [-math.inf, low, high, math.inf]
    assert law.cdf(ends).tolist() == [0.0, 0.0, 1.0, 1.0]
    assert law.sf(ends).tolist() == [1.0, 1.0, 0.0, 0.0]
    assert law.logcdf(ends).tolist() == [-math.inf, -math.inf, 0.0, 0.0]
    assert law.logsf(ends).tolist() == [0.0, 0.0, -math.inf, -math.inf]
    assert (law.ppf(0.0), law.ppf(1.0), law.isf(0.0), law.isf(1.0)) == (low, high, high, low)
    assert np.all(np.isnan(law.ppf([-0.1, 1.1, math.nan])))
    assert np.all(np.isnan(law.isf([-0.1, 1.1, math.nan])))
    for method in (law.cdf, law.sf, law.logcdf, law.logsf, law.pdf, law.logpdf):
        assert isinstance(method(0.5), float)
        assert math.isnan(method(math.nan))
        assert method(np.empty((0, 3))).shape == (0, 3)
        assert method(np.zeros((2, 1, 3))).shape == (2, 1, 3)
    assert law.pdf([-math.inf, math.inf]).tolist() == [0.0, 0.0]


@pytest.mark.parametrize("name", CASES)
def test_draws_follow_the_law(name):
    law = CASES[name][0]
    draws = law.rvs(4000, np.random.default_rng(1))
    # With a fixed seed there is no luck left: 1e-4 in forty tests is far from what happened.
    assert stats.kstest(draws, law.cdf).pvalue > 1e-4
    assert np.array_equal(draws, law.rvs(4000, 1))
    assert stats.kstest(draws, law.affine(1.0, law.isf(0.4) - law.isf(0.5)).cdf).pvalue < 1e-4


@pytest.mark.parametrize("name", CASES)
def test_affine_images(name):
    law = CASES[name][0]
    x = law.ppf([0.01, 0.3, 0.9])
    # Powers of two and no shift: the grid of doubles stays out of it.
    up, down = law.affine(2.0), law.affine(-2.0)
    allowed = 10 * law.tail_error
    np.testing.assert_allclose(up.cdf(2.0 * x), law.cdf(x), rtol=allowed)
    np.testing.assert_allclose(down.sf(-2.0 * x), law.cdf(x), rtol=allowed)
    low, high = law.support()
    assert law.affine(-2.0, 1.0).support() == (1.0 - 2.0 * high, 1.0 - 2.0 * low)
    assert law.affine(1.0, 0.0) is law


def test_stated_tail_errors_are_far_below_the_default():
    """An engine adds them up over hundreds of inputs."""
    for name in ("normal", "cauchy", "laplace", "logistic", "uniform", "exponential", "levy"):
        assert CASES[name][0].tail_error <= 3e-15
    for name in ("student 3", "gamma 2", "beta 2 3", "lognormal 1", "gumbel"):
        assert CASES[name][0].tail_error <= 6e-13
    assert otmaps.Normal(1.0, 3.0).tail_error > otmaps.Normal(0.0, 4.0).tail_error  # x - 1 rounds


def test_an_error_of_one_ulp_in_the_scale_is_seen():
    """The partner of the tests above: they would catch a law that is wrong in its 13th digit."""
    wrong, truth = otmaps.Normal(0.0, 1.0 + 2e-15), truths.normal()
    x = wrong.ppf(1e-300)
    assert abs(wrong.cdf(x) / truth.cdf(mp.mpf(float(x))) - 1) > wrong.tail_error


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: otmaps.Normal(0.0, 0.0), "scale must be positive"),
        (lambda: otmaps.Normal(math.nan), "loc must be finite"),
        (lambda: otmaps.Uniform(1.0, 1.0), "low must be below high"),
        (lambda: otmaps.Arcsine(2.0, 1.0), "low must be below high"),
        (lambda: otmaps.StudentT(-1.0), "df must be positive"),
        (lambda: otmaps.Gamma(0.0), "shape must be positive"),
        (lambda: otmaps.Beta(1.0, math.inf), "b must be finite"),
    ],
)
def test_bad_parameters(make, message):
    with pytest.raises(ValueError, match=message):
        make()


@pytest.mark.parametrize("law", [otmaps.Beta(2.0, 5.0), otmaps.Beta(3.0, 3.0)])
def test_deep_quantiles_serve_maps(law):
    """scipy's inverse is not a number there, and no map was made."""
    assert otmaps.match(otmaps.lerp(0.3), law, store=None).map.error <= 1e-9


@pytest.mark.parametrize("p", [1e-100, 1e-160, 1e-250, 1e-307])
def test_quantiles_of_a_half_normal_law_are_linear_next_to_its_end(p):
    exact = mp.mpf(p) * mp.sqrt(mp.pi / 2)
    assert abs(otmaps.Chi(1.0).ppf(p) / exact - 1) <= 1e-15
