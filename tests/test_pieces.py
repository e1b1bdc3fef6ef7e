"""Tables of pieces, the law that they make, and the judge of a tabulation."""

from __future__ import annotations

import dataclasses
import math
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import otmaps
from otmaps._estimators._layout import Layout, Source
from otmaps._estimators._tabulation import tabulate
from otmaps._estimators._terms import frame_of, term_of
from otmaps._kernels import _convolution as q
from otmaps._kernels import _pieces as k
from otmaps._piece_table import CELL_ERROR, PieceTable, two_product, two_sum
from otmaps._pieces import PiecesLaw

EPS = np.finfo(float).eps
LAWS = {
    "normal": otmaps.Normal(),
    "laplace": otmaps.Laplace(0.3, 0.7),
    "pole": otmaps.Gamma(0.5),
    "skewed": otmaps.Gumbel(),
    "bounded": otmaps.Uniform(0.25, 1.75),
    "heavy": otmaps.Cauchy(),
}
SYMMETRIC = {
    "laplace": otmaps.Laplace(),
    "cauchy": otmaps.Cauchy(),
    "uniform": otmaps.Uniform(),
    "arcsine": otmaps.Arcsine(),
}
DEPTHS = -np.concatenate([np.geomspace(1e-3, 0.69, 7), np.geomspace(0.7, 690.0, 20)])


@pytest.fixture(params=LAWS.values(), ids=LAWS)
def law(request):
    return request.param


@pytest.fixture
def table(law):
    return term_of(law, 1e-13).table


def pieces_of(law):
    return term_of(law, 1e-13).law(0.0, "by hand")


# ----------------------------------------------------------------------------- sums without error

doubles = st.floats(-1e150, 1e150, allow_nan=False)
products = st.one_of(
    st.just(0.0), st.floats(1e-140, 1e140), st.floats(-1e140, -1e-140), st.integers(-9, 9)
)


@given(doubles, doubles)
def test_two_sum_loses_nothing(a, b):
    high, low = (float(v) for v in two_sum(np.array(a), np.array(b)))
    assert high == a + b
    assert Fraction(high) + Fraction(low) == Fraction(a) + Fraction(b)


@given(products.map(float), products.map(float))
def test_two_product_loses_nothing(a, b):
    high, low = (float(v) for v in two_product(np.array(a), b))
    assert high == a * b
    assert Fraction(high) + Fraction(low) == Fraction(a) * Fraction(b)


def test_a_product_that_no_splitting_reaches_has_no_rest():
    high, low = two_product(np.array([1e305, math.inf]), 2.0)
    assert high.tolist() == [2e305, math.inf]
    assert low.tolist() == [0.0, 0.0]


# ------------------------------------------------------------------------------------- the table


def test_mirrored_twice_is_the_same(table):
    again = table.mirrored.mirrored
    assert np.array_equal(again.rows, table.rows)
    assert np.array_equal(again.series, table.series)
    assert np.array_equal(again.edges, table.edges)


def test_mirrored_once_is_the_law_of_the_opposite(law, table):
    image = law.affine(-1.0)
    x = image.ppf([0.01, 0.3, 0.6, 0.99])
    values = np.empty_like(x)
    k.evaluate(x, values, k.CDF, False, table.mirrored.lookup)
    np.testing.assert_allclose(values, image.cdf(x), rtol=2e-12)
    # Both sum the same distances, from the other one of two anchors where these meet.
    np.testing.assert_allclose(table.mirrored.edges, -table.edges[::-1], rtol=4.0 * EPS, atol=EPS)


@given(st.floats(1e-9, 1e9), st.booleans())
def test_anchors_are_scaled_and_shifted_almost_without_error(factor, negative):
    law = otmaps.Uniform(0.1, 0.3)
    table = term_of(law, 1e-13).table
    scale, shift = (-factor if negative else factor), math.pi
    image = table.scaled(scale).shifted(shift, 1e-17)

    def end(table, row):
        return Fraction(table.rows[row, q.ANCHOR]) + Fraction(table.rows[row, q.ANCHOR_LOW])

    for row in (0, -2):
        source = {0: -2, -2: 0}[row] if negative else row
        wanted = end(table, source) * Fraction(scale) + Fraction(shift) + Fraction(1e-17)
        size = abs(Fraction(scale)) + 4
        assert abs(end(image, row) - wanted) <= size / 2**104
    assert image.edges[0] == pytest.approx(min(0.1 * scale, 0.3 * scale) + shift, rel=1e-15)


@pytest.mark.parametrize("scale", [2.0, -0.3, 1e-6])
def test_affine_images_of_a_law(law, scale):
    found, truth = pieces_of(law).affine(scale, 3.0), law.affine(scale, 3.0)
    assert isinstance(found, PiecesLaw)
    assert found.support() == pytest.approx(truth.support(), rel=1e-15)
    assert found.breakpoints == pytest.approx(truth.breakpoints, rel=1e-15)
    rounding = 1e-12 + 8.0 * EPS / abs(scale)  # of ends near 3, whose difference is the width
    np.testing.assert_allclose(
        [found.mean(), found.std()], [truth.mean(), truth.std()], rtol=rounding, equal_nan=True
    )
    assert found.symmetry == pytest.approx(truth.symmetry)
    assert (found.error, found.tail_error) == (pieces_of(law).error, pieces_of(law).tail_error)
    for log_tail, inverse in (("logcdf", "ilogcdf"), ("logsf", "ilogsf")):
        x = getattr(truth, inverse)(DEPTHS)
        wanted, density = getattr(truth, log_tail)(x), truth.logpdf(x)
        inside = np.isfinite(wanted) & np.isfinite(density) & (density - wanted < 300.0)
        x, wanted, density = x[inside], wanted[inside], density[inside]
        gap = np.abs(getattr(found, log_tail)(x) - wanted)
        # Both laws round x - shift; an end of the support may be off by an ulp.
        grid = 4.0 * np.spacing(np.maximum(np.abs(x), 3.0)) * np.exp(density - wanted)
        nearer = (wanted < math.log(0.5)) & (grid < 1e-3)
        assert nearer.sum() >= 4
        assert np.all((gap <= grid + 3e-12)[nearer])


def test_an_image_beside_the_truth_is_seen():
    found, truth = pieces_of(otmaps.Normal()).affine(2.0, 1e-9), otmaps.Normal(0.0, 2.0)
    x = truth.ilogcdf(DEPTHS)
    assert np.abs(found.logcdf(x) - truth.logcdf(x)).max() > 1e-9


def test_nothing_to_do_gives_the_table_itself(table):
    assert table.scaled(1.0) is table
    assert table.shifted(0.0) is table


def test_the_steepest_slopes():
    laplace, normal = (term_of(law, 1e-13).table for law in (otmaps.Laplace(), otmaps.Normal()))
    assert laplace.steepest(-740.0) == pytest.approx([1.0, 1.0], rel=1e-9)
    assert laplace.scaled(-0.25).steepest(-740.0) == pytest.approx([4.0, 4.0], rel=1e-9)
    assert normal.steepest(-10.0).max() < normal.steepest(-740.0).min() < 80.0
    pole = term_of(otmaps.Gamma(0.5), 1e-13).table
    assert pole.steepest(-740.0).min() > 1e100


def test_the_steepest_slope_is_that_at_the_depth():
    deepest = -otmaps.Normal().ilogcdf(-740.0)
    assert term_of(otmaps.Normal(), 1e-13).table.steepest(-740.0).min() >= deepest


def test_edges_and_levels_are_those_of_the_law(law, table):
    edges, levels = table.edges, table.levels
    assert edges.size == len(table.rows)
    assert levels.size == edges.size + 1
    assert np.all(np.diff(edges) >= 0.0)
    low, high = law.support()
    assert edges[0] == low if math.isfinite(low) else edges[0] < law.ppf(1e-300)
    assert edges[-1] == high if math.isfinite(high) else edges[-1] > law.isf(1e-300)
    lower = int(np.count_nonzero(table.rows[:-1, q.UPPER] == 0.0))
    assert np.all(np.diff(levels[: lower + 1]) >= 0.0)
    assert np.all(np.diff(levels[lower + 1 :]) >= 0.0)
    below, above = levels[: lower + 1], -levels[lower + 1 :]
    for found, x, function in (
        (below, edges[: lower + 1], law.logcdf),
        (above, edges[lower:], law.logsf),
    ):
        wanted = function(x)
        # Edges are rounded: next to an end of the support they are no distances.
        with np.errstate(all="ignore"):
            grid = np.spacing(np.abs(x) + np.abs(law.median())) * np.exp(law.logpdf(x) - wanted)
        held = (wanted > -600.0) & (grid < 1e-3)
        assert held.sum() >= 5
        assert np.all(np.abs(found - wanted)[held] <= (1e-11 + 4.0 * grid)[held])


@pytest.mark.parametrize(
    "law",
    [
        otmaps.Beta(2.0, 3.0, 0.1, 1.0),
        otmaps.Uniform(0.1, 1.1),
    ],
)
def test_the_outer_anchors_are_the_ends_of_the_support(law):
    rows = term_of(law, 1e-13).table.rows
    for row, end in zip(rows[[0, -1]], law.support(), strict=True):
        assert Fraction(row[q.ANCHOR]) + Fraction(row[q.ANCHOR_LOW]) == Fraction(end)


def test_rows_are_read_only(table):
    for array in (table.rows, table.series, table.edges, table.levels, table.ends, table.cells):
        with pytest.raises(ValueError):
            array[0] = 0.0


def test_cells_agree_or_are_not_there(law, table):
    start, stop, rate = table.lookup[5].tolist()
    x = np.random.default_rng(0).uniform(start, stop, 4000)
    served = 0
    for upper, what in ((False, k.CDF), (True, k.SF)):
        found, wanted = np.empty_like(x), np.empty_like(x)
        k.evaluate_cells(x, found, upper, False, table.cells, table.lookup[5])
        k.evaluate(x, wanted, what, False, table.lookup)
        here = ~np.isnan(found)
        served += int(here.sum())
        near = here & (wanted < 0.6)
        # The far side is one minus the nearer tail.
        assert np.all(np.abs(found - wanted)[near] <= 2.0 * CELL_ERROR * wanted[near] + EPS)
        assert np.all(np.abs(found - wanted)[here] <= 2.0 * CELL_ERROR + EPS)
    assert served > 0.5 * 2 * x.size
    # No cell serves an edge of pieces.
    inside = table.edges[(table.edges > start) & (table.edges < stop)]
    number = np.clip(((inside - start) * rate).astype(int), 0, len(table.cells) - 1)
    assert np.isnan(table.cells[number, 0]).all()


# --------------------------------------------------------------------------------------- the law


def test_statements_of_the_law():
    law = PiecesLaw(
        table=term_of(otmaps.Uniform(), 1e-13).table,
        ends=(-1.0, 1.0),
        moments=(0.0, 0.5),
        kinks=(-1.0, 1.0),
        errors=(1e-15, 1e-13, 1e-12),
        centre=0.0,
        how="by hand",
    )
    assert law.support() == (-1.0, 1.0)
    assert (law.mean(), law.std()) == (0.0, 0.5)
    assert law.breakpoints == (-1.0, 1.0)
    assert law.symmetry == 0.0
    assert law.method == "by hand"
    assert law.atoms == ()
    assert 1e-15 <= law.error <= 1e-14
    assert law.tail_error == 1e-13 + CELL_ERROR
    assert law.density_error == 1e-12
    assert law.recipe() is None
    image = law.affine(-2.0, 1.0)
    assert image.support() == image.breakpoints == (-1.0, 3.0)
    assert (image.mean(), image.std(), image.symmetry) == (1.0, 1.0, 1.0)
    assert (image.error, image.tail_error, image.method) == (law.error, law.tail_error, "by hand")


def test_a_law_is_within_what_it_states(law):
    found = pieces_of(law)
    assert found.error < 1e-13
    assert found.tail_error < 3e-12
    for log_tail, inverse in (("logcdf", "ilogcdf"), ("logsf", "ilogsf")):
        x = np.unique(getattr(law, inverse)(DEPTHS))
        low, high = law.support()
        # Next to an upper end the law has only the float grid of x.
        x = x[(x > low) & (x < high) & (np.abs(x - high) > 1e-3)]
        wanted = getattr(law, log_tail)(x)
        gap = np.abs(getattr(found, log_tail)(x) - wanted)
        grid = EPS * np.abs(x) * np.exp(law.logpdf(x) - wanted) if math.isfinite(low) else 0.0
        near = wanted < math.log(0.5)
        allowed = found.tail_error + EPS * np.abs(wanted) + grid
        assert np.all((gap <= allowed)[near])
        densities = np.abs(found.logpdf(x) - law.logpdf(x))
        assert np.all(densities <= found.density_error + 2.0 * EPS * np.abs(law.logpdf(x)))


def test_halves_of_a_symmetric_law_are_the_same_bits():
    for law in SYMMETRIC.values():
        found = pieces_of(law)
        assert found.symmetry == 0.0
        x = np.concatenate([np.geomspace(1e-300, 1e-3, 50), law.isf(np.linspace(1e-3, 0.499, 200))])
        x = np.concatenate([x, law.ilogsf(-np.geomspace(1.0, 600.0, 40))])
        assert found.cdf(-x).tolist() == found.sf(x).tolist()
        assert found.sf(-x).tolist() == found.cdf(x).tolist()
        assert found.logcdf(-x).tolist() == found.logsf(x).tolist()
        assert found.pdf(-x).tolist() == found.pdf(x).tolist()
        assert found.logpdf(-x).tolist() == found.logpdf(x).tolist()


def test_a_law_that_is_not_symmetric_does_not_say_so():
    found = pieces_of(otmaps.Gumbel())
    assert found.symmetry is None
    assert found.cdf(-0.5) != found.sf(0.5)


def test_nothing_nan_and_the_ends(law):
    found = pieces_of(law)
    low, high = law.support()
    for name in ("cdf", "sf", "logcdf", "logsf", "pdf", "logpdf", "ppf", "isf", "ilogcdf"):
        function = getattr(found, name)
        assert function(np.empty((0, 3))).shape == (0, 3)
        assert np.isnan(function(math.nan))
        assert np.isnan(function([math.nan, 0.5])).tolist() == [True, False] or name == "ilogcdf"
    assert found.ppf([0.0, 1.0]).tolist() == [low, high]
    assert found.isf([0.0, 1.0]).tolist() == [high, low]
    assert found.cdf([-math.inf, math.inf]).tolist() == [0.0, 1.0]
    assert found.cdf([low, high]).tolist() == [0.0, 1.0]
    assert found.logsf([low, high]).tolist() == [0.0, -math.inf]
    p = np.array([1e-300, 1e-10, 0.2, 0.5, 0.9])
    assert np.all((found.ppf(p) >= low) & (found.ppf(p) <= high))
    np.testing.assert_allclose(found.ppf(p), law.ppf(p), rtol=1e-11, atol=1e-12)


def test_the_repr_has_no_arrays(law):
    text = repr(pieces_of(law))
    assert text.startswith("PiecesLaw(ends=")
    assert "array" not in text
    assert len(text) < 400


# -------------------------------------------------------------------------------------- the judge


class Reported(Source):
    """The Laplace law, whose logarithms are moved by a function of the distance from 0."""

    def __init__(self, moved=None):
        self.moved = moved or np.zeros_like

    def tails(self, points, *, upper):
        law, x = otmaps.Laplace(), points.sum(axis=1)
        values = np.stack([law.logsf(x) if upper else law.logcdf(x), law.logpdf(x)], axis=1)
        return values + self.moved(x)[:, None]


FRAME = frame_of(
    np.array([[0.0, 0.0]]),
    (0.0, 0.0),
    finite=(False, False),
    scale=1.4,
    depth=(-740.0, -740.0),
    reach=(1e300, 1e300),
    symmetric=False,
)


def gap_of(table, source):
    """How far the tails of a table are from a source, at many points."""
    x = np.linspace(0.0, 600.0, 20001)[1:]
    found = np.empty_like(x)
    k.evaluate(x, found, k.LOG_SF, False, table.lookup)
    points = np.stack([np.zeros_like(x), np.zeros_like(x), x], axis=1)
    return float(np.abs(found - source.tails(points, upper=True)[:, 0]).max())


def test_a_true_source_is_tabulated_within_its_tolerance():
    measured = tabulate(Reported(), FRAME, 1e-13)
    assert measured.tail_error <= 1e-12
    assert gap_of(measured.table, Reported()) <= measured.tail_error


@pytest.mark.parametrize("size", [1e-11, 1e-6])
def test_the_judge_notices_a_source_that_is_wrong_everywhere(size):
    wrong = Reported(lambda x: np.full_like(x, size))
    measured = tabulate(wrong, FRAME, 1e-13, Reported())
    assert size <= measured.tail_error <= 3.0 * size
    assert size <= measured.density_error <= 3.0 * size
    assert 0.3 * size <= measured.error <= 3.0 * size
    assert gap_of(measured.table, Reported()) <= measured.tail_error


def test_the_judge_notices_a_source_that_lies_between_its_nodes():
    batch = Layout(Reported(), FRAME).first_pieces()
    assert np.all(batch.sign == 0.0)
    outermost = np.argmax(batch.s_high)
    low, high = float(batch.s_low[outermost]), float(batch.s_high[outermost])

    def between(x):
        t = (2.0 * x - low - high) / (high - low)
        inside = np.abs(t) < 1.0
        t = np.where(inside, t, 0.0)  # the nodes are the zeros of the Chebyshev polynomial
        return np.where(inside, 1e-6 * (1.0 - t * t) * np.cos(16.0 * np.arccos(t)), 0.0)

    liar = Reported(between)
    nodes = 0.5 * (low + high) + 0.5 * (high - low) * np.cos((np.arange(16) + 0.5) * np.pi / 16)
    assert np.abs(between(nodes)).max() < 1e-15
    assert np.abs(between(np.linspace(low, high, 1000))).max() > 5e-7
    measured, honest = (tabulate(source, FRAME, 1e-13) for source in (liar, Reported()))
    assert gap_of(honest.table, liar) > 5e-7  # what its nodes say alone
    assert gap_of(measured.table, liar) <= max(measured.tail_error, 1e-12)
    assert len(measured.table.rows) > len(honest.table.rows) or measured.tail_error > 5e-7


def test_a_source_that_says_nan_is_refused():
    with pytest.raises(otmaps.AccuracyError, match="NaN"):
        tabulate(Reported(lambda x: np.where(np.abs(x) < 1.0, math.nan, 0.0)), FRAME, 1e-13)


def test_a_source_that_says_nan_in_a_tail_is_refused():
    with pytest.raises(otmaps.AccuracyError, match="NaN"):
        tabulate(Reported(lambda x: np.where(x > 3.0, math.nan, 0.0)), FRAME, 1e-13)


def test_a_spoilt_table_is_beside_its_law():
    law = pieces_of(otmaps.Laplace())
    series = law.table.series.copy()
    series[5, q.TAIL, 0] += 1e-9
    spoilt = dataclasses.replace(law, table=PieceTable(law.table.rows, series))
    x = otmaps.Laplace().ilogcdf(DEPTHS)
    gaps = [np.abs(f.logcdf(x) - otmaps.Laplace().logcdf(x)).max() for f in (law, spoilt)]
    assert gaps[0] < 1e-12
    assert gaps[1] == pytest.approx(1e-9, rel=1e-2)
