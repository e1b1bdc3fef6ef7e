"""The quadrature of sums against closed forms and slow plain quadrature; also without JIT."""

import math
from fractions import Fraction

import numpy as np
import pytest

import otmaps
from otmaps._arrays import frozen
from otmaps._estimators._terms import term_of
from otmaps._kernels import _convolution as k
from otmaps._piece_table import PieceTable

EPS = np.finfo(float).eps
CUT, RESOLVED = 37.0, 3e-8  # as `_estimators._sums` asks for
ALLOWED = 2e-12  # relative: twice what the tables of the two laws state
DEPTHS = -np.array([0.1, 0.7, 3.0, 30.0, 300.0, 690.0])
SIDES = pytest.mark.parametrize("upper", [False, True], ids=["lower", "upper"])


def table_of(law):
    return term_of(law, 1e-13).table


def exact(*numbers):
    """The sum of doubles as an unevaluated sum of two."""
    total = sum(map(Fraction, numbers))
    return float(total), float(total - Fraction(float(total)))


def tails(a, b, points, *, upper=False):
    """Log tail and log density at points, given as doubles or as rows of three."""
    points = np.asarray(points, dtype=float)
    if points.ndim == 1:
        points = np.stack([points, np.zeros_like(points), np.zeros_like(points)], axis=1)
    if upper:
        a, b, points = a.mirrored, b.mirrored, -points
    out = np.full((len(points), 2), math.nan)
    with np.errstate(all="ignore"):  # interpreted kernels warn, as NumPy does
        k.tails_of_sum(points, a.kernel, b.kernel, CUT, RESOLVED, out)
    return out


def assert_close(found, wanted, allowed=ALLOWED):
    """Logarithms agree: relatively in what they stand for, and to one more rounding."""
    wanted = np.stack(wanted, axis=1)
    assert np.all(np.isfinite(found))
    assert np.all(np.abs(found - wanted) <= allowed + EPS * np.abs(wanted))


CLOSED = {
    "normal": (otmaps.Normal(), otmaps.Normal(1.0, 0.5), otmaps.Normal(1.0, math.sqrt(1.25))),
    "gamma 2": (otmaps.Exponential(), otmaps.Exponential(), otmaps.Gamma(2.0)),
    "laplace": (otmaps.Exponential(), otmaps.Exponential().affine(-1.0), otmaps.Laplace()),
    "cauchy": (otmaps.Cauchy(), otmaps.Cauchy(0.0, 0.25), otmaps.Cauchy(0.0, 1.25)),
    "poles": (otmaps.Gamma(0.5), otmaps.Gamma(0.5), otmaps.Exponential()),
}


@pytest.fixture(params=CLOSED.values(), ids=CLOSED)
def closed(request):
    a, b, truth = request.param
    return table_of(a), table_of(b), truth


@SIDES
def test_closed_forms_down_to_exp_minus_690(closed, upper):
    a, b, truth = closed
    inverse, log_tail = (truth.ilogsf, truth.logsf) if upper else (truth.ilogcdf, truth.logcdf)
    x = inverse(DEPTHS)
    wanted = log_tail(x), truth.logpdf(x)
    assert_close(tails(a, b, x, upper=upper), wanted)
    assert_close(tails(b, a, x, upper=upper), wanted)


@pytest.mark.parametrize("which", [k.TAIL, k.DENSITY])
def test_a_table_that_is_wrong_by_1e_11_is_seen(which):
    a, b, truth = CLOSED["normal"]
    a, b = table_of(a), table_of(b)
    series = a.series.copy()
    series[:, which, 0] += 1e-11
    spoilt = PieceTable(a.rows, frozen(series))  # read-only as the others: no second compilation
    x = truth.ilogcdf(DEPTHS)
    wanted = truth.logcdf(x), truth.logpdf(x)
    with pytest.raises(AssertionError):
        assert_close(tails(spoilt, b, x), wanted)


@SIDES
def test_two_uniform_laws_make_a_triangle_to_its_ends(upper):
    a, b = table_of(otmaps.Uniform(0.0, 1.0)), table_of(otmaps.Uniform(-3.0, -2.0))
    d = np.concatenate([[1.0, 0.75, 0.25], 10.0 ** -np.array([3.0, 20.0, 100.0, 149.0])])
    end, sign = (-1.0, -1.0) if upper else (-3.0, 1.0)
    points = np.stack([np.full_like(d, end), np.zeros_like(d), sign * d], axis=1)
    wanted = 2.0 * np.log(d) - math.log(2.0), np.log(d)
    assert_close(tails(a, b, points, upper=upper), wanted)
    past = 1.0 + np.array([0.25, 0.5, 1.0 - 2.0**-20])
    points[:3, 2] = sign * past
    wanted = np.log1p(-0.5 * (2.0 - past) ** 2), np.log(2.0 - past)
    assert_close(tails(a, b, points[:3], upper=upper), wanted)


def test_points_next_to_an_end_that_no_double_holds():
    a, b = table_of(otmaps.Uniform(0.1, 1.1)), table_of(otmaps.Uniform(0.2, 1.2))
    high, low = exact(0.1, 0.2)
    assert low != 0.0
    d = 10.0 ** -np.array([0.5, 3.0, 17.0, 30.0, 150.0, 300.0])
    points = np.stack([np.full_like(d, high), np.full_like(d, low), d], axis=1)
    widths = float((Fraction(1.1) - Fraction(0.1)) * (Fraction(1.2) - Fraction(0.2)))
    wanted = 2.0 * np.log(d) - math.log(2.0 * widths), np.log(d / widths)
    assert_close(tails(a, b, points), wanted)
    points[:, 1] = 0.0  # without the rest of the end
    with pytest.raises(AssertionError):
        assert_close(tails(a, b, points), wanted)


def test_the_rest_of_an_end_counts_at_the_upper_one_too():
    laws = otmaps.Exponential(scale=2.0), otmaps.Exponential()
    a, b = (table_of(law).scaled(-1.0).shifted(s) for law, s in zip(laws, (0.1, 0.2), strict=True))
    high, low = exact(0.1, 0.2)
    d = 10.0 ** -np.array([3.0, 17.0, 30.0, 300.0])
    points = np.stack([np.full_like(d, high), np.full_like(d, low), -d], axis=1)
    # The sum of exponentials with means 2 and 1 has density e^(-d/2) (1 - e^(-d/2)), and the
    # smaller tail is the square of (1 - e^(-d/2)).
    rise = np.log(-np.expm1(-0.5 * d))
    assert_close(tails(a, b, points, upper=True), (2.0 * rise, rise - 0.5 * d))


def naive_sum(a, b, y, nodes=20):
    """Log P and log density of a + b at y: Gauss-Legendre between all points that may matter.

    Those are the kinks and the quantiles of both laws, which cut the line into short intervals.
    """
    logs = -np.geomspace(1e-6, 760.0, 80)
    cuts = []
    for law, place in ((b, lambda z: z), (a, lambda z: y - z)):
        points = np.concatenate([law.ilogcdf(logs), law.ilogsf(logs), law.breakpoints])
        cuts.append(place(points))
    low, high = b.support()
    cuts = np.unique(np.clip(np.concatenate(cuts), low, high))
    x, w = np.polynomial.legendre.leggauss(nodes)
    half = 0.5 * np.diff(cuts)[:, None]
    z = (0.5 * (cuts[1:] + cuts[:-1])[:, None] + half * x).ravel()
    weights = (half * w).ravel()
    found = []
    for f in (a.logcdf, a.logpdf):
        integrand = f(y - z) + b.logpdf(z)
        top = integrand.max()
        found.append(top + math.log(math.fsum(weights * np.exp(integrand - top))))
    return found


def test_the_oracle_knows_a_closed_form():
    truth = otmaps.Normal(0.0, math.sqrt(2.0))
    for y in (-20.0, -1.0, 0.5):
        found = naive_sum(otmaps.Normal(), otmaps.Normal(), y)
        assert found == pytest.approx([truth.logcdf(y), truth.logpdf(y)], rel=1e-13)


MIXED = {
    "kink and narrow": (
        otmaps.Laplace(),
        otmaps.Normal(0.0, 1e-6),
        [-600.0, -30.0, -1.0, -1e-3, -4e-6, -1e-6, 0.0, 3e-7, 2e-6, 2e-5, 0.5, 20.0],
    ),
    "skewed and heavy": (
        otmaps.Gumbel(),
        otmaps.StudentT(3.0),
        [-1e6, -300.0, -5.0, -0.7, 0.0, 1.0, 8.0, 500.0],
    ),
    "end and kink": (
        otmaps.Exponential(),
        otmaps.Laplace(0.0, 0.5),
        [-300.0, -4.0, 0.0, 1e-3, 2.0, 30.0],
    ),
}


@pytest.mark.parametrize("case", MIXED.values(), ids=MIXED)
def test_the_values_are_those_of_slow_quadrature(case):
    a, b, y = case
    wanted = np.array([naive_sum(a, b, v) for v in y]).T
    # The oracle rounds y - z, which moves a logarithm by its slope times an ulp of y.
    assert_close(tails(table_of(a), table_of(b), y), wanted)
    with pytest.raises(AssertionError):
        assert_close(tails(table_of(a), table_of(b), y), wanted + 1e-11)


@SIDES
def test_no_narrow_peak_is_passed_by(upper):
    a, b, truth = table_of(otmaps.Gamma(20.3)), table_of(otmaps.Gamma(25.7)), otmaps.Gamma(46.0)
    inverse, log_tail = (truth.ilogsf, truth.logsf) if upper else (truth.ilogcdf, truth.logcdf)
    x = inverse(np.linspace(-655.0, -600.0, 23))
    assert_close(tails(a, b, x, upper=upper), (log_tail(x), truth.logpdf(x)))
    assert_close(tails(b, a, x, upper=upper), (log_tail(x), truth.logpdf(x)))


def test_the_deepest_corner_of_two_powers():
    a, b, truth = table_of(otmaps.Gamma(20.3)), table_of(otmaps.Gamma(25.7)), otmaps.Gamma(46.0)
    y = np.exp(np.linspace(-655.0, -600.0, 12))
    wanted = truth.logcdf(y), truth.logpdf(y)
    assert np.all(wanted[0] < -27000.0)
    # Below 1e-300 tables state the error of a logarithm relative to its size.
    np.testing.assert_allclose(tails(a, b, y), np.stack(wanted, axis=1), rtol=ALLOWED)


def test_the_density_inside_a_gap():
    far = otmaps.Mixture([otmaps.Normal(-20.0), otmaps.Normal(20.0)], [0.5, 0.5])
    a, b = table_of(far), table_of(otmaps.Uniform(0.0, 1.0))
    normal = otmaps.Normal()
    y = np.array([-15.0, -5.0, 0.0, 0.5, 1.0, 3.0, 10.0])

    def between(x):
        """Log of sf(x) - sf(x + 1)."""
        return normal.logsf(x) + np.log1p(-np.exp(normal.logsf(x + 1.0) - normal.logsf(x)))

    density = math.log(0.5) + np.logaddexp(between(y + 19.0), between(20.0 - y))
    assert density.min() < -190.0
    tail = np.where(y < -10.0, np.nan, math.log(0.5))  # up to exp(-50)
    for pair in ((a, b), (b, a)):
        found = tails(*pair, y)
        assert_close(found[1:], (tail[1:], density[1:]))
        assert abs(found[0, 1] - density[0]) <= ALLOWED


def test_both_tails_and_the_density_belong_together():
    a, b = table_of(otmaps.Gumbel()), table_of(otmaps.Exponential())
    y = np.linspace(-2.0, 6.0, 17)
    lower, upper = tails(a, b, y), tails(a, b, y, upper=True)
    np.testing.assert_allclose(np.exp(lower[:, 0]) + np.exp(upper[:, 0]), 1.0, rtol=1e-13)
    np.testing.assert_allclose(lower[:, 1], upper[:, 1], rtol=1e-13, atol=1e-12)
    step = 1e-4
    slope = (tails(a, b, y + step)[:, 0] - tails(a, b, y - step)[:, 0]) / (2.0 * step)
    # Central differences: a third derivative times step^2, and rounding over step.
    np.testing.assert_allclose(np.log(slope), lower[:, 1] - lower[:, 0], rtol=0, atol=1e-6)


SWEPT = {
    "poles": (otmaps.Gamma(0.5), otmaps.Gamma(0.3)),
    "bounded": (otmaps.Uniform(-1.0, 1.0), otmaps.Arcsine(0.0, 0.1)),
    "heavy": (otmaps.Cauchy(), otmaps.Pareto(1.5)),
    "far apart": (otmaps.Normal(1e8, 1.0), otmaps.Laplace(-1e8, 1e-3)),
}


@SIDES
@pytest.mark.parametrize("laws", SWEPT.values(), ids=SWEPT)
def test_no_point_gives_nan(laws, upper):
    a, b = (table_of(law) for law in laws)
    ends = np.add.outer(a.edges, b.edges).ravel()[::97]
    ends = ends[np.isfinite(ends)]
    far = np.array([0.0, 5e-324, 1e-300, 1e-30, 1.0, 1e10, 1e300, 1.7e308])
    y = np.unique(np.concatenate([ends, np.nextafter(ends, np.inf), far, -far]))
    found = tails(a, b, y, upper=upper)
    assert not np.isnan(found).any()
    logs = np.maximum(found[::-1, 0] if upper else found[:, 0], -1e300)
    assert np.all(np.diff(logs) >= -1e-12 * np.maximum(np.abs(logs[1:]), 1.0))
    assert logs.max() <= 1e-13


VECTORS = {
    "bulk": np.linspace(-3.0, 0.99, k.NODES),
    "halves": (np.arange(k.NODES) - 15.5) * math.log(2.0),
    "deep": -np.geomspace(1.0, 699.9, k.NODES),
    "small": -np.logspace(-300, -1, k.NODES),
    "zero": np.zeros(k.NODES),
}


@pytest.mark.parametrize("x", VECTORS.values(), ids=VECTORS)
def test_exponentials(x):
    work, out = x.copy(), np.empty_like(x)
    k._exponentials(work, work.view(np.int64), out)
    wanted = [math.exp(v) for v in x]
    np.testing.assert_allclose(out, wanted, rtol=2.0 * EPS)


def test_exponentials_end_at_minus_700():
    work = np.linspace(-1e5, -700.0, k.NODES)
    work[0] = -math.inf
    out = np.empty_like(work)
    k._exponentials(work, work.view(np.int64), out)
    np.testing.assert_allclose(out, math.exp(-700.0), rtol=2.0 * EPS)


POSITIVE = {
    "bulk": np.linspace(0.3, 3.0, k.NODES),
    "near 1": 1.0 + np.linspace(-1e-6, 1e-6, k.NODES),
    "all doubles": np.logspace(-307, 308, k.NODES),
    "roots": np.sqrt(0.5) * (1.0 + EPS * np.arange(-8, 8)),
    "least": np.full(k.NODES, k._TINY),
}


@pytest.mark.parametrize("x", POSITIVE.values(), ids=POSITIVE)
def test_logs(x):
    work, out = x.copy(), np.empty_like(x)
    k._logs(work, work.view(np.int64), out)
    np.testing.assert_allclose(out, [math.log(v) for v in x], rtol=2.0 * EPS, atol=0.0)


def test_polynomials():
    rng = np.random.default_rng(0)
    series = rng.normal(size=(3, 2, k.TERMS))
    t, out = np.append(rng.uniform(-1.0, 1.0, k.NODES - 3), [-1.0, 0.0, 1.0]), np.empty(k.NODES)
    for c in range(3):
        for which in (k.DENSITY, k.TAIL):
            k._polynomials(t, series, c, which, out)
            wanted = np.polyval(series[c, which, ::-1], t)
            size = np.polyval(np.abs(series[c, which, ::-1]), np.abs(t))
            assert np.all(np.abs(out - wanted) <= 8.0 * EPS * size)
    k._polynomials(t, series + 1e-13, 2, k.TAIL, out)
    assert np.abs(out - wanted).max() > 1e-13
