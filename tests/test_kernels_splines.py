"""The compiled code for splines against slow plain code; also without JIT."""

import math
from fractions import Fraction

import naive
import numpy as np
import pytest

from otmaps._contours import ContourSum
from otmaps._kernels import _bernstein, _contours
from otmaps._kernels import _splines as k
from otmaps._splines import direct_tables, log_tables, uniform_density

TERMS = {
    "two": (0.5, 1.0),
    "equal": (1.0, 1.0, 1.0),
    "three": (0.1, 0.4, 1.0),
    "tiny": (1e-9, 0.3, 1.0),
    "absurd": (1e-150, 1.0, 1.0),
    "four": (0.2, 0.3, 0.4, 0.9),
}


@pytest.fixture(params=TERMS.values(), ids=TERMS)
def terms(request):
    return request.param


def tables_of(terms):
    half = 0.5 * math.fsum(terms)
    density = uniform_density(terms).up_to(half)
    return direct_tables((density.integral(), density))


def distances(terms, count=25):
    """Points from the corner to the middle, knots and their neighbours."""
    half = 0.5 * math.fsum(terms)
    y = np.concatenate([half * np.logspace(-12, -0.01, count), np.cumsum(terms), terms])
    y = np.concatenate([y, np.nextafter(y, 0.0), np.nextafter(y, 9.0)])
    return y[y <= half]


def test_build_is_the_naive_one(terms):
    spline = uniform_density(terms)
    for j in range(spline.rows.shape[0]):
        u, v = spline.knots[j], spline.knots[j + 1]
        if v <= u + 1e-6 * v:  # rounding of knots alone decides there
            continue
        middle = 0.5 * (u + v)
        n = spline.rows.shape[1] - 1
        value = math.fsum(c * math.comb(n, i) / 2**n for i, c in enumerate(spline.rows[j]))
        truth = naive.uniform_sum(terms, Fraction(middle), derivative=1)
        found = Fraction(value) * Fraction(2) ** int(spline.exponents[j])
        assert abs(found / truth - 1) <= 1e-14
        assert 0.5 <= spline.rows[j].max() < 1.0
        assert spline.rows[j].min() >= 0.0


def test_cells_give_the_naive_values(terms):
    y = distances(terms)
    for table, derivative in zip(tables_of(terms), (0, 1), strict=True):
        values, logs = np.empty_like(y), np.empty_like(y)
        frame = (math.inf, 0.0, 0.0, 1.0, 0.0, 1.0)  # all points belong to the lower end
        if derivative:
            k.densities(y, values, frame, table.arrays, table.shape)
            k.log_densities(y, logs, frame, table.arrays, table.shape)
        else:
            k.masses(y, values, frame, table.arrays, table.shape, True)
            k.log_masses(y, logs, frame, table.arrays, table.shape, True)
        for point, value, log in zip(y, values, logs, strict=True):
            truth = naive.uniform_sum(terms, Fraction(point), derivative)
            assert abs(Fraction(value) / truth - 1) <= 2e-15 * (len(terms) + 2)
            assert log == pytest.approx(naive.log(truth), rel=1e-14, abs=1e-14)


def test_quantiles_lead_back(terms):
    table = tables_of(terms)[0]
    logp = np.array([-2000.0, -600.0, -50.0, -7.0, -2.0, -1.0, -0.7])
    p = np.where(logp > -700.0, np.exp(logp), 0.0)
    y, back = np.empty_like(p), np.empty_like(p)
    k.quantiles(p, logp, y, table.starts, table.arrays, table.shape)
    frame = (math.inf, 0.0, 0.0, 1.0, 0.0, 1.0)
    with np.errstate(divide="ignore"):  # a point below the least double is the end itself
        k.log_masses(y, back, frame, table.arrays, table.shape, True)
    held = y > 1e-300
    assert back[held] == pytest.approx(logp[held], rel=1e-14, abs=1e-14)
    assert np.all(np.diff(y) >= 0.0)


def test_both_sides_of_the_centre_and_the_rest_of_an_end():
    table = tables_of((1.0, 1.0))[0]
    frame = (0.0, -1.0, -1e-20, 1.0, 1e-20, 1.0)
    x = np.array([-1.0, -0.5, 0.0, 0.5, 1.0])
    cdf, sf, log_sf = np.empty_like(x), np.empty_like(x), np.empty_like(x)
    k.masses(x, cdf, frame, table.arrays, table.shape, True)
    k.masses(x, sf, frame, table.arrays, table.shape, False)
    k.log_masses(x, log_sf, frame, table.arrays, table.shape, False)
    assert cdf == pytest.approx([0.5e-40, 0.125, 0.5, 0.875, 1.0], rel=1e-15)
    assert sf == pytest.approx(cdf[::-1], rel=1e-15)
    assert log_sf == pytest.approx(np.log(sf), rel=1e-15, abs=1e-39)


def test_nothing_below_zero_distance():
    table = tables_of((0.5, 1.0))[0]
    out = np.empty(1)
    frame = (0.0, -1.0, 1e-17, 1.0, 1e-17, 1.0)
    k.masses(np.array([-1.0]), out, frame, table.arrays, table.shape, True)
    assert out[0] == 0.0


def test_powers_are_those_of_the_same_polynomial():
    b = np.array([[1.0, 2.0, 3.0, 4.0], [0.0, 0.0, 1.0, 0.0]])
    out = np.empty_like(b)
    _bernstein.to_powers(b, out)
    assert out.tolist() == [[1.0, 3.0, 0.0, 0.0], [0.0, 0.0, 3.0, -3.0]]


def test_cut_keeps_the_polynomial():
    b = np.random.default_rng(0).uniform(size=(3, 5))
    out = np.empty((6, 5))
    _bernstein.cut(b, np.full(3, 0.25), np.full(3, 0.75), out)

    def value(row, t):
        n = row.size - 1
        return sum(c * math.comb(n, i) * t**i * (1 - t) ** (n - i) for i, c in enumerate(row))

    for i in range(3):
        for t in (0.0, 0.3, 1.0):
            assert value(out[2 * i], t) == pytest.approx(value(b[i], 0.25 * t))
            assert value(out[2 * i + 1], t) == pytest.approx(value(b[i], 0.25 + 0.75 * t))


MANY = {"fifteen": (1.0,) * 15, "two kinds": (0.5,) * 7 + (1.0,) * 8, "few": (0.3,) + (1.0,) * 11}


@pytest.mark.parametrize("terms", MANY.values(), ids=MANY)
def test_contours_give_the_naive_values(terms):
    contour = ContourSum(terms)
    cells = contour.cells
    assert contour.refusal() is None
    i = np.array([0, cells.size // 2, cells.size - 2])
    y = cells[i][:, None] + (cells[i + 1] - cells[i])[:, None] * np.array([0.0, 0.4, 1.0])
    for logs, derivative in zip(contour.logarithms(y), (0, 1), strict=True):
        for point, log in zip(y.ravel(), logs.ravel(), strict=True):
            truth = naive.log(naive.uniform_sum(terms, Fraction(point), derivative))
            assert log == pytest.approx(truth, rel=1e-15, abs=3e-14)


def test_logarithmic_tables():
    def function(y):
        return np.log(y) - y, 3.0 * np.log(y)

    pieces = np.array([0.25, 1.0, 1.5])
    corners = (1.0, math.log(0.25)), (3.0, 3.0 * math.log(0.25))
    (first, second), gap = log_tables(function, corners, pieces, 1e-14, 700.0)
    assert gap <= 1e-13
    y = np.array([0.1, 0.25, 0.3, 1.0, 1.4999])
    out = np.empty_like(y)
    frame = (math.inf, 0.0, 0.0, 1.0, 0.0, 1.0)
    k.masses(y, out, frame, first.arrays, first.shape, True)
    assert out[1:] == pytest.approx(y[1:] * np.exp(-y[1:]), rel=1e-13)
    k.densities(y, out, frame, second.arrays, second.shape)
    assert out == pytest.approx(y**3, rel=1e-13)


def test_a_plan_knows_that_narrow_terms_alone_are_sharp():
    plans = np.empty((1, 3))
    u, v = np.array([0.9]), np.array([1.0])
    _contours.plan(u, v, np.array([1e-6, 1.0]), np.array([12.0, 2.0]), plans)
    assert plans[0, 2] > 1e5
