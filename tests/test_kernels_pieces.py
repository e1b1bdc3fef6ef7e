"""Evaluation and inversion of tables of pieces against slow plain code; also without JIT."""

import math
from fractions import Fraction

import numpy as np
import pytest

import otmaps
from otmaps._arrays import frozen
from otmaps._estimators._terms import term_of
from otmaps._kernels import _pieces as k
from otmaps._piece_table import PieceTable

EPS = np.finfo(float).eps
FUNCTIONS = {
    k.CDF: "cdf", k.SF: "sf", k.LOG_CDF: "logcdf", k.LOG_SF: "logsf", k.PDF: "pdf",
    k.LOG_PDF: "logpdf",
}  # fmt: skip
LAWS = {
    "kink": otmaps.Laplace(),
    "pole at an end": otmaps.Gamma(0.5),
    "heavy": otmaps.Cauchy(),
    "moved": otmaps.Laplace(0.3, 0.7),
}


@pytest.fixture(params=LAWS.values(), ids=LAWS)
def law(request):
    return request.param


@pytest.fixture
def table(law):
    return term_of(law, 1e-13).table


def evaluated(x, what, table, *, fold=False):
    x = np.asarray(x, dtype=float)
    out = np.full_like(x, -7.0)
    with np.errstate(all="ignore"):  # interpreted kernels warn, as NumPy does
        k.evaluate(x, out, what, fold, table.lookup)
    return out


def inverted(goal, table, *, upper):
    out = np.empty(len(goal))
    with np.errstate(all="ignore"):
        k.invert(np.asarray(goal, dtype=float), out, upper, table.levels, table.lookup)
    return out


# ------------------------------------------------------------------------------- the slow versions


def horner(coefficients, t):
    return math.fsum(c * t**m for m, c in enumerate(coefficients) if c)


def distance(x, row):
    return Fraction(x) - Fraction(row[k.ANCHOR]) - Fraction(row[k.ANCHOR_LOW])


def logs_at(x, table):
    """Log tail, log density and whether the tail is the upper one, for each piece that may hold x.

    Those are the piece that does, and neighbours that begin or end within two ulp of x or d.
    """
    x = float(x)
    edges, last = table.edges, len(table.rows) - 2
    if not edges[0] <= x <= edges[-1]:
        side = 0 if x < edges[0] else 1
        row, outer = table.rows[last * side], table.ends[side]
        s = math.log(abs(float(distance(x, row))))
        step, growth = s - outer[k.START], outer[k.GROWTH]
        rise = math.expm1(growth * step) / growth if growth else step
        tail = outer[k.LEVEL] + outer[k.SLOPE] * rise
        density = tail + math.log(abs(outer[k.SLOPE])) + growth * step - s
        return [(tail, density, row[k.UPPER] != 0.0)]
    found = []
    for c, row in enumerate(table.rows[:-1].tolist()):
        d = float(distance(x, row))
        slack = 2.0 * math.ulp(d) + 2.0 * math.ulp(x)
        if row[k.LOW] - slack <= d <= row[k.HIGH] + slack:
            s = d if row[k.SIGN] == 0.0 else math.log(max(row[k.SIGN] * d, 5e-324))
            t = (s - row[k.MIDDLE]) * row[k.INVERSE]
            density, tail = (horner(table.series[c, which].tolist(), t) for which in (0, 1))
            found.append((tail, density, row[k.UPPER] != 0.0))
    return found


def value(what, tail, density, upper):
    """A function of a law from what one piece says."""
    tail = min(tail, 0.0)
    near = upper == (what in {k.SF, k.LOG_SF})
    if what >= k.PDF:
        return density if what == k.LOG_PDF else math.exp(density)
    if what >= k.LOG_CDF:
        return tail if near else math.log1p(-math.exp(tail))
    return math.exp(tail) if near else 1.0 - math.exp(tail)


def assert_is_naive(found, x, what, table):
    for f, p in zip(found.tolist(), np.asarray(x).tolist(), strict=True):
        wanted = []
        for tail, density, upper in logs_at(p, table):
            # Rounding of the logarithm s, times the slope in it, and of the sums of a series.
            slope = math.exp(min(density - tail, 700.0)) * abs(p) if p else 0.0
            size = abs(density if what >= k.PDF else tail)
            allowed = 1e-14 + 8.0 * EPS * (size + min(slope, 2.0 * size))
            truth = value(what, tail, density, upper)
            relative = what in {k.CDF, k.SF, k.PDF}
            wanted.append(f == truth or abs(f - truth) <= allowed * (truth if relative else 1.0))
        assert any(wanted), (p, f, logs_at(p, table))


def points_of(law, table):
    """Edges and their neighbours, the bulk, points beyond the outer edges."""
    edges = table.edges[np.abs(table.edges) < 1e200]
    rng = np.random.default_rng(1)
    bulk = law.ppf(rng.uniform(size=30))
    far = np.array([1e-300, 1e-200, 1e-30, 1e3, 1e5, 1e200])
    inner = table.edges[-2] * np.array([0.5, 1.0])  # inside the outermost piece
    x = np.concatenate(
        [edges, np.nextafter(edges, -np.inf), np.nextafter(edges, np.inf), bulk, far, -far, inner]
    )
    low, high = law.support()
    return np.unique(x[(x >= low) & (x <= high)])


# -------------------------------------------------------------------------------------- evaluation


@pytest.mark.parametrize("what", FUNCTIONS, ids=FUNCTIONS.values())
def test_evaluation_is_the_naive_one(law, table, what):
    x = points_of(law, table)
    assert_is_naive(evaluated(x, what, table), x, what, table)


@pytest.mark.parametrize("what", [k.CDF, k.LOG_CDF, k.PDF], ids=["cdf", "logcdf", "pdf"])
def test_a_table_that_is_wrong_by_1e_12_is_seen(law, table, what):
    spoilt = PieceTable(table.rows, frozen(table.series + 1e-12 * (np.arange(16) == 0)))
    x = points_of(law, table)
    with pytest.raises(AssertionError):
        assert_is_naive(evaluated(x, what, spoilt), x, what, table)


@pytest.mark.parametrize("what", FUNCTIONS, ids=FUNCTIONS.values())
def test_the_values_are_those_of_the_law(law, table, what):
    x = law.ppf(np.linspace(0.01, 0.99, 23))
    np.testing.assert_allclose(
        evaluated(x, what, table), getattr(law, FUNCTIONS[what])(x), rtol=2e-12, atol=2e-12
    )


@pytest.mark.parametrize("what", FUNCTIONS, ids=FUNCTIONS.values())
def test_nan_gives_nan_and_disturbs_nothing(table, what):
    x = np.array([0.7, math.nan, 0.9])
    found = evaluated(x, what, table)
    assert math.isnan(found[1])
    assert found[::2].tolist() == evaluated(x[::2], what, table).tolist()


def test_a_spoilt_guide_changes_no_value(law, table):
    x = points_of(law, table)
    rows, tail, density, edges, guide, grid, ends = table.lookup
    for number in (0, edges.size - 2):
        spoilt = frozen(np.full_like(guide, number))
        out = np.empty_like(x)
        with np.errstate(all="ignore"):
            k.evaluate(x, out, k.LOG_CDF, False, (rows, tail, density, edges, spoilt, grid, ends))
        np.testing.assert_allclose(out, evaluated(x, k.LOG_CDF, table), rtol=1e-12, atol=1e-12)


FOLDED = {
    k.CDF: k.SF, k.SF: k.CDF, k.LOG_CDF: k.LOG_SF, k.LOG_SF: k.LOG_CDF, k.PDF: k.PDF,
    k.LOG_PDF: k.LOG_PDF,
}  # fmt: skip


@pytest.mark.parametrize("law", [otmaps.Laplace(), otmaps.Cauchy()], ids=["laplace", "cauchy"])
@pytest.mark.parametrize("what", FOLDED, ids=FUNCTIONS.values())
def test_folded_halves_are_the_same_bits(law, what):
    table = term_of(law, 1e-13).table
    x = np.abs(points_of(law, table))
    x = x[x > 0.0]
    found = evaluated(x, what, table, fold=True)
    assert found.tolist() == evaluated(-x, FOLDED[what], table, fold=True).tolist()
    below = -x[x > 0.0]
    assert (
        evaluated(below, what, table).tolist() == evaluated(below, what, table, fold=True).tolist()
    )
    assert_is_naive(found, x, what, table)


def test_beyond_the_outer_edges_the_laws_go_on():
    laplace, normal, cauchy = (
        term_of(law, 1e-13).table for law in (otmaps.Laplace(), otmaps.Normal(), otmaps.Cauchy())
    )
    x = np.array([3e5, 1e6, 1e9])
    assert laplace.edges[-1] < x[0]
    for what, points in ((k.LOG_SF, x), (k.LOG_CDF, -x)):
        np.testing.assert_allclose(evaluated(points, what, laplace), -x - math.log(2.0), rtol=1e-7)
        truth = getattr(otmaps.Normal(), FUNCTIONS[what])(points[:2] / 100.0)
        np.testing.assert_allclose(evaluated(points[:2] / 100.0, what, normal), truth, rtol=1e-4)
    far = np.array([2e305, 1e308])
    assert cauchy.edges[-1] < far[0]
    truth = -np.log(far) - math.log(math.pi)
    np.testing.assert_allclose(evaluated(far, k.LOG_SF, cauchy), truth, rtol=1e-12)
    np.testing.assert_allclose(evaluated(far, k.LOG_PDF, cauchy), truth - np.log(far), rtol=1e-12)
    assert_is_naive(evaluated(x, k.LOG_PDF, laplace), x, k.LOG_PDF, laplace)
    assert_is_naive(evaluated(-x, k.LOG_SF, laplace), -x, k.LOG_SF, laplace)


# ------------------------------------------------------------------------------------------- cells


def naive_cell(x, cells, grid):
    place = (x - grid[0]) * grid[2]
    if not 0.0 <= place < len(cells):
        return math.nan, False
    cell = cells[math.floor(place)].tolist()
    u = 2.0 * (place - math.floor(place)) - 1.0
    return horner(cell[:7], u), cell[7] != 0.0


@pytest.mark.parametrize("fold", [False, True])
@pytest.mark.parametrize("upper", [False, True])
def test_cells_give_the_naive_values(law, table, upper, fold):
    cells, grid = table.cells, table.lookup[5]
    rng = np.random.default_rng(3)
    width = grid[1] - grid[0]
    inside = rng.uniform(grid[0] - 0.05 * width, grid[1] + 0.05 * width, 140)
    x = np.concatenate([inside, grid[:2], [0.0, math.nan, 1e300, -1e300]])
    out = np.empty_like(x)
    k.evaluate_cells(x, out, upper, fold, cells, grid)
    for f, p in zip(out.tolist(), x.tolist(), strict=True):
        mirrored = fold and p > 0.0
        near, is_upper = naive_cell(-p if mirrored else p, cells, grid)
        truth = near if (is_upper == upper) != mirrored else 1.0 - near
        assert f == pytest.approx(truth, rel=1e-15, abs=EPS, nan_ok=True)
    if not fold or law.symmetry == 0.0:
        assert 100 < np.count_nonzero(~np.isnan(out)) < x.size


# --------------------------------------------------------------------------------------- inversion

LEVELS = -np.array([1e-3, 0.1, 0.5, 0.69, 0.7, 1.0, 5.0, 36.0, 300.0, 700.0, 2000.0, 20000.0])


def naive_logs(x, table, *, upper):
    """Least and largest log tail that a piece gives at x."""
    what = k.LOG_SF if upper else k.LOG_CDF
    found = [value(what, *logs) for logs in logs_at(x, table)]
    return min(found), max(found)


@pytest.mark.parametrize("upper", [False, True], ids=["lower", "upper"])
def test_quantiles_are_bracketed_by_their_neighbours(law, table, upper, jit_disabled):
    levels = LEVELS
    if jit_disabled and table.ends[1, k.GROWTH] == 0.0:  # math.exp raises where the compiled is inf
        levels = LEVELS[LEVELS >= -700.0]
    x = inverted(levels, table, upper=upper)
    low, high = law.support()
    assert np.all(x[1:] >= x[:-1] if upper else x[1:] <= x[:-1])
    for goal, point in zip(levels.tolist(), x.tolist(), strict=True):
        # No double between those of the far end and the end itself, or beyond the largest.
        if not math.isfinite(point) or point in {low, high}:
            outermost = math.copysign(1.7e308, point)
            if math.isfinite(low) and not upper:
                outermost = 5e-324
            level = evaluated([outermost], k.LOG_SF if upper else k.LOG_CDF, table)[0]
            assert goal < level
            continue
        below, above = math.nextafter(point, -math.inf), math.nextafter(point, math.inf)
        if upper:
            below, above = above, below
        # Rounding of the value, and of a distance in the steep piece.
        slack = 16.0 * EPS * abs(goal) * (1.0 + math.log(max(abs(goal), 1.0)))
        slack += 4.0 * EPS if goal > -1.0 else 0.0
        start = min(naive_logs(max(below, low), table, upper=upper))
        stop = max(naive_logs(min(above, high), table, upper=upper))
        assert start - slack <= goal <= stop + slack


@pytest.mark.parametrize("upper", [False, True], ids=["lower", "upper"])
def test_a_wrong_quantile_is_not_bracketed(table, upper):
    goal = -30.0
    point = inverted([goal], table, upper=upper)[0] * (1.0 + 1e-12)
    low, high = naive_logs(point, table, upper=upper)
    assert not low - 1e-13 <= goal <= high + 1e-13


def test_both_inverses_are_one(law, table):
    logs = -np.array([0.05, 0.3, 0.69, 0.7, 1.0, 3.0])
    other = np.log1p(-np.exp(logs))
    found, wanted = inverted(logs, table, upper=False), inverted(other, table, upper=True)
    np.testing.assert_allclose(found, wanted, rtol=1e-13, atol=1e-14)


def test_quantiles_beyond_the_table_lead_back():
    table = term_of(otmaps.Laplace(), 1e-13).table
    goal = np.array([-3e5, -1e7])
    for upper, sign in ((False, 1.0), (True, -1.0)):
        x = inverted(goal, table, upper=upper)
        np.testing.assert_allclose(x, sign * (goal + math.log(2.0)), rtol=1e-7)
        back = evaluated(x, k.LOG_SF if upper else k.LOG_CDF, table)
        np.testing.assert_allclose(back, goal, rtol=1e-12)


def test_the_inverse_of_nan_is_nan(table):
    x = inverted([-1.0, math.nan, -2.0], table, upper=False)
    assert np.isnan(x).tolist() == [False, True, False]
