"""Monotone maps between laws: truth from mpmath and closed forms, tails and edges included."""

import dataclasses
import json
import math
from functools import cache

import mpmath as mp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from naive import quantile

from otmaps._arrays import FloatArray
from otmaps._distribution import Distribution
from otmaps._errors import AccuracyWarning, AtomError
from otmaps._kernels import _maps as k
from otmaps._map import MonotoneMap
from otmaps._map_between import monotone_map
from otmaps._map_exact import ExactMap, pose
from otmaps._one_sided_priors import Exponential, Gumbel, LogNormal
from otmaps._priors import Arcsine, Cauchy, Laplace, Logistic, Normal, StudentT, Uniform

mp.mp.dps = 60


@dataclasses.dataclass(frozen=True)
class Trapezoid(Distribution):
    """a U1 + b U2 for uniforms on [-1, 1] and a > b > 0, or a = b: the triangle."""

    a: float
    b: float

    def _support(self) -> tuple[float, float]:
        return -self.a - self.b, self.a + self.b

    def _breakpoints(self) -> tuple[float, ...]:
        top, flat = self.a + self.b, self.a - self.b
        return tuple(sorted({-top, -flat, flat, top}))

    def _tail(self, d: FloatArray) -> FloatArray:
        """The mass within d of an end of the support."""
        a, b = self.a, self.b
        return np.where(d < 2 * b, d * d / (8 * a * b), (d - b) / (2 * a))

    def _cdf(self, x: FloatArray) -> FloatArray:
        d = x + (self.a + self.b)
        return np.where(x < 0, self._tail(d), 1 - self._tail(2 * (self.a + self.b) - d))

    def _sf(self, x: FloatArray) -> FloatArray:
        return self._cdf(-x)

    def _pdf(self, x: FloatArray) -> FloatArray:
        d = self.a + self.b - np.abs(x)
        return np.minimum(d / (4 * self.a * self.b), 1 / (2 * self.a))


@dataclasses.dataclass(frozen=True)
class Gapped(Distribution):
    """Uniform on [-2, -1] with mass ``left``, an atom of mass ``atom`` at 1, the rest on [1, 2]."""

    left: float = 0.5
    atom: float = 0.0

    def _support(self) -> tuple[float, float]:
        return -2.0, 2.0

    def _breakpoints(self) -> tuple[float, ...]:
        return -2.0, -1.0, 1.0, 2.0

    def _atoms(self) -> tuple[tuple[float, float], ...]:
        return ((1.0, self.atom),) if self.atom else ()

    def _sf(self, x: FloatArray) -> FloatArray:
        rest = 1 - self.left - self.atom
        return np.where(x < 1, 1 - self.left * np.clip(x + 2, 0, 1), rest * (2 - np.maximum(x, 1)))

    def _cdf(self, x: FloatArray) -> FloatArray:
        return np.where(x < 1, self.left * np.clip(x + 2, 0, 1), 1 - self._sf(x))

    def _pdf(self, x: FloatArray) -> FloatArray:
        upper = np.where(x >= 1, 1 - self.left - self.atom, 0.0)
        return np.where(x <= -1, self.left, upper)

    def _ppf(self, p: FloatArray) -> FloatArray:
        rest = 1 - self.left - self.atom
        high = np.maximum(2 - (1 - p) / rest, 1.0)
        return np.where(p <= self.left, -2 + p / self.left, high)

    def _isf(self, q: FloatArray) -> FloatArray:
        return self._ppf(1 - q)

    def _ilogcdf(self, logp: FloatArray) -> FloatArray:
        return self._ppf(np.exp(logp))

    def _ilogsf(self, logq: FloatArray) -> FloatArray:
        return self._isf(np.exp(logq))


@dataclasses.dataclass(frozen=True)
class Measured(Distribution):
    """A normal law known to an absolute error only, as from simulation."""

    bound: float

    def _cdf(self, x: FloatArray) -> FloatArray:
        return np.asarray(Normal().cdf(x))

    def _sf(self, x: FloatArray) -> FloatArray:
        return np.asarray(Normal().sf(x))

    def _pdf(self, x: FloatArray) -> FloatArray:
        return np.asarray(Normal().pdf(x))

    def _error(self) -> float:
        return self.bound

    def _tail_error(self) -> float:
        return math.inf


# ------------------------------------------------------------------------------ truth by mpmath
def normal_quantile(q):
    """The z >= 0 with P(N > z) = q <= 1/2."""
    return quantile(lambda z: mp.erfc(z / mp.sqrt(2)) / 2, q, mp.mpf(0), mp.mpf(60))


UPPER_TAILS = {
    Normal(): lambda y: mp.erfc(y / mp.sqrt(2)) / 2,
    Logistic(): lambda y: 1 / (1 + mp.exp(y)),
    Laplace(): lambda y: mp.exp(-y) / 2,
    StudentT(3.0): lambda y: mp.betainc(1.5, 0.5, 0, 3 / (3 + y * y), regularized=True) / 2,
    Uniform(): lambda y: (1 - y) / 2,
}
UPPER_QUANTILES = {
    Normal(): normal_quantile,
    Logistic(): lambda q: mp.log((1 - q) / q),
    Laplace(): lambda q: -mp.log(2 * q),
    Uniform(): lambda q: 1 - 2 * q,
}
PAIRS = [
    (source, target, y)
    for source, far in (
        (Normal(), 36.5),
        (Logistic(), 665.0),
        (Laplace(), 665.0),
        (StudentT(3.0), 1e90),
        (Uniform(), 1 - 1e-15),
    )
    for target in UPPER_QUANTILES
    if source != target
    for y in (0.3, 0.9, far)
]


@cache
def made(source, target, tol=1e-9):
    return monotone_map(source, target, tol=tol)


def unit(target, z):
    return pose(Normal(), target, 1e-9).unit(np.asarray(z, dtype=float))


@pytest.mark.parametrize(("source", "target", "y"), PAIRS, ids=str)
def test_map_is_exact_in_both_tails(source, target, y):
    truth = float(UPPER_QUANTILES[target](UPPER_TAILS[source](mp.mpf(y))))
    T = made(source, target)
    exact = ExactMap(source, target)([-y, y])
    assert exact == pytest.approx([-truth, truth], rel=1e-11, abs=1e-14)
    assert np.abs(T([-y, y]) - [-truth, truth]).max() <= T.error * unit(target, truth)
    assert T.error <= T.tol


def test_many_points_of_an_odd_map_are_single_ones():
    y = np.concatenate([np.linspace(-40.0, 40.0, 101), [-0.0, 300.0, -300.0, 7.5, 7.5]])
    for exact in (ExactMap(Laplace(), Normal()), ExactMap(StudentT(3.0), Logistic())):
        assert np.array_equal(exact(y), np.concatenate([exact(v) for v in y]))
    other = ExactMap(Laplace(1.0), Normal())
    assert np.array_equal(other(y), np.concatenate([other(v) for v in y]))


def test_logistic_to_normal_at_600():
    # ppf(cdf(600)) is infinite: the upper tail there is 1e-261.
    truth = float(normal_quantile(1 / (1 + mp.exp(600))))
    T = made(Logistic(), Normal())
    assert T(600.0) == pytest.approx(truth, rel=1e-9)
    assert abs(truth - 34.5) < 0.2


@pytest.mark.parametrize("weights", [(0.5, 0.5), (0.75, 0.25), (0.9999, 0.0001)], ids=str)
def test_uniform_interpolation_is_the_closed_form(weights):
    law = Trapezoid(*weights)
    T = monotone_map(law, Uniform())
    y = np.random.default_rng(0).uniform(*law.support(), 400)
    y = np.concatenate([y, law.breakpoints, np.nextafter(law.breakpoints, 0)])
    assert np.abs(T(y) - (2 * law.cdf(y) - 1)).max() <= T.error
    assert T.error <= 1e-9
    assert T(law.support()[0]) == -1
    assert T(law.support()[1]) == 1


# --------------------------------------------------------------------------- the stated error
CASES = [
    (Logistic(), Normal()),
    (Normal(), Uniform()),
    (Uniform(), Normal()),
    (Laplace(), Normal()),
    (Normal(), Exponential()),
    (Exponential(), Normal()),
    (Arcsine(), Uniform()),
    (Uniform(), Arcsine()),
    (LogNormal(1.0), Normal()),
    (Normal(), LogNormal(1.0)),
    (Gumbel(), Logistic()),
    (Normal(), Cauchy()),
    (Cauchy(), Normal()),
    (Normal(1e3, 1.0), Logistic(-3.0, 0.1)),
    (Trapezoid(0.75, 0.25), Uniform()),
    (Trapezoid(0.5, 0.5), Normal()),
]
case = pytest.mark.parametrize(("source", "target"), CASES, ids=str)


def sample(T, rng, n=300):
    """Points of the domain, of the tails, next to edges of cells, next to breakpoints."""
    source = T.source
    deep = -np.exp(rng.uniform(-0.3, math.log(689), n))
    rows = T.arrays()["records"][:, 0]
    marks = np.concatenate([rng.choice(rows, n), source.breakpoints, [source.median()]])
    near = np.concatenate([marks, np.nextafter(marks, -np.inf), np.nextafter(marks, np.inf)])
    y = [source.ppf(rng.random(n)), source.ilogcdf(deep), source.ilogsf(deep), near]
    y = np.concatenate(y)
    return y[(y >= T.domain[0]) & (y <= T.domain[1])]


def worst(T, y, values):
    exact = ExactMap(T.source, T.target)(y)
    finite = np.isfinite(exact)
    assert np.array_equal(values[~finite], exact[~finite])
    values, exact = values[finite], exact[finite]
    return float((np.abs(values - exact) / unit(T.target, exact)).max(initial=0.0))


@case
def test_stated_error_covers_the_truth(source, target):
    T = made(source, target)
    y = sample(T, np.random.default_rng(1))
    assert worst(T, y, T(y)) <= T.error
    assert T.error <= T.tol


def test_a_shifted_or_scaled_table_is_caught_by_the_stated_error():
    T = made(Logistic(), Normal())
    y = sample(T, np.random.default_rng(1))
    for spoil in (
        lambda r: r.__setitem__((slice(None), 0), r[:, 0] + 1e-6),
        lambda r: r.__setitem__((slice(None), slice(2, 8)), r[:, 2:] * (1 + 1e-7)),
        lambda r: r.__setitem__((slice(None), slice(2, 8)), r[:, 2:] - 1e-7 * (r[:, :1] > 3)),
    ):
        arrays = {name: array.copy() for name, array in T.arrays().items()}
        spoil(arrays["records"])
        try:
            S = MonotoneMap.from_arrays(arrays, T.metadata(), source=T.source, target=T.target)
        except ValueError:
            continue  # caught even earlier: the core and the ends no longer meet the cells
        assert worst(S, y, S(y)) > T.error


@case
def test_error_in_u_holds_apart_from_the_float_grid(source, target):
    T = made(source, target)
    y = sample(T, np.random.default_rng(2))
    z = T(y)

    def probability(law, x):
        return np.where(source.cdf(y) <= 0.5, law.cdf(x), -np.asarray(law.sf(x)))

    low, high = np.nextafter(z, -np.inf), np.nextafter(z, np.inf)
    grid = np.abs(probability(target, high) - probability(target, low))
    ends = np.nextafter(y, np.inf), np.nextafter(y, -np.inf)
    grid = grid + np.abs(probability(source, ends[0]) - probability(source, ends[1]))
    assert np.all(np.abs(probability(target, z) - probability(source, y)) <= T.error_u + grid)


@settings(max_examples=60)
@given(
    u=st.floats(0.0, 1.0, exclude_min=True, exclude_max=True),
    pair=st.sampled_from(CASES),
    steps=st.integers(-3, 3),
)
def test_error_and_order_hold_at_neighbouring_floats(u, pair, steps):
    T = made(*pair)
    y = float(pair[0].ppf(u))
    y += steps * np.spacing(abs(y))
    y = min(max(y, T.domain[0]), T.domain[1])
    assert worst(T, np.array([y]), np.array([T(y)])) <= T.error
    above = T(np.nextafter(y, np.inf))
    assert above >= T(y) - np.spacing(abs(T(y)))


@case
def test_values_never_fall(source, target):
    T = made(source, target)
    y = np.sort(sample(T, np.random.default_rng(3), 2000))
    z = T(y)
    z = z[np.isfinite(z)]
    assert np.all(np.diff(z) >= -np.spacing(np.abs(z[1:])))


@case
def test_beyond_the_domain_the_map_grows_on_towards_its_limits(source, target):
    T = made(source, target)
    for side, sign in ((0, -1.0), (1, 1.0)):
        last, support = T.arrays()["records"][-side, [0, 2]], source.support()[side]
        if math.isinf(support):
            y = last[0] + sign * abs(last[0]) * np.array([0.0, 1e-3, 0.1, 1.0, 50.0])
        else:
            y = support - (support - last[0]) * np.array([1.0, 0.9, 0.5, 0.1])
        z = sign * T(y)
        assert np.all(np.diff(z[np.isfinite(z)]) >= 0)
        assert z[0] == sign * last[1]
        limit = target.support()[side]
        assert T(support) == T(sign * math.inf) == limit
        if math.isinf(limit) and math.isinf(support) and abs(last[0]) < 1e250:
            assert z[-1] > z[0]


@case
def test_inverse_undoes_the_map(source, target):
    T = made(source, target)
    y = sample(T, np.random.default_rng(4))
    z = T(y)
    slope = T.derivative(y)
    y, z, slope = (a[np.isfinite(z) & (slope > 0)] for a in (y, z, slope))
    back = T.inverse(z)
    # To rounding of y, to what a few units in the last place of z are worth in y, and to the grain
    # of the coordinate in a cell.
    edges = T.table.records[:, 0]
    cell = np.clip(np.searchsorted(edges, y, side="right"), 1, edges.size - 1)
    grain = k.GRAIN * (edges[cell] - edges[cell - 1])
    inner = T.table.inner
    if len(inner.powers):
        numbers = inner.numbers
        reach = 1.0 / np.min(numbers[[k.INVERSE, k.INVERSE_2][: len(inner.powers)]])
        near = np.abs(y - numbers[k.CENTRE]) <= max(-numbers[k.LOWEST], numbers[k.HIGHEST])
        grain += near * (inner.grain * reach + inner.rounding() / slope)
    allowed = grain + 4 * np.spacing(np.abs(y)) + 8 * np.spacing(np.abs(z)) / slope
    crossed = np.abs(T(back) - z) <= 2 * np.spacing(np.abs(z))
    assert np.all((np.abs(back - y) <= allowed) | crossed)
    # The rest are edges, where the slope of one side says nothing about the other.
    assert np.mean(np.abs(back - y) <= allowed) > 0.95


@case
def test_derivative_is_the_density_ratio(source, target):
    T = made(source, target)
    rng = np.random.default_rng(5)
    y = source.ppf(rng.uniform(0.02, 0.98, 200))
    truth = source.pdf(y) / target.pdf(T(y))
    # A cell of width h that is right to 1e-9 has a slope right to 50e-9 / h; here h > 1e-3.
    assert np.allclose(T.derivative(y), truth, rtol=1e-4, atol=5e-5)


@case
def test_derivative_is_the_finite_difference_in_the_far_tails(source, target):
    T = made(source, target)
    for p in (1e-40, 1e-200):
        for y in (float(source.ppf(p)), float(source.isf(p))):
            if not T.domain[0] < y < T.domain[1] or y in source.breakpoints:
                continue
            away = min(abs(y - e) for e in [*source.support(), 0.0])
            step = max(1e-5 * away, 8 * np.spacing(abs(y)))
            ends = np.array([y - step, y + step])
            z = T(ends)
            slope = (z[1] - z[0]) / (ends[1] - ends[0])
            noise = 4 * np.spacing(np.abs(z).max()) / step
            assert T.derivative(y) == pytest.approx(slope, rel=1e-3, abs=noise)


# ------------------------------------------------------------- maps that are known without a table
NAN_WITH_PAYLOAD = np.array([0x7FF8_0000_DEAD_BEEF], dtype=np.uint64).view(np.float64)[0]


def test_identity_returns_every_bit():
    for law in (Normal(), Cauchy(1, 2), Uniform(), LogNormal(2.0), Gapped(0.3, 0.2)):
        T = monotone_map(law, law)
        y = np.array([NAN_WITH_PAYLOAD, -0.0, 5e-324, math.inf, -math.inf, 0.1, 1e308])
        for method in (T, T.inverse):
            z = method(y)
            assert z is not y
            assert z.tobytes() == y.tobytes()
        assert (T.kind, T.error, T.error_u, T.arrays()) == ("identity", 0.0, 0.0, {})
        assert T.derivative(y).tolist()[1:] == [1.0] * 6
    assert monotone_map(Normal(), Normal(0, 1)).kind == "identity"


AFFINE = [
    (Normal(1, 2), Normal(-3, 0.5)),
    (Cauchy(0, 0.3), Cauchy()),
    (Uniform(0, 1), Uniform()),
    (Arcsine(0, 1), Arcsine(-3, 2)),
    (StudentT(3.0, 1, 2), StudentT(3.0)),
    (LogNormal(1.0).affine(2, 3), LogNormal(1.0, 0, 5)),
    (LogNormal(1.0).affine(-2, 3), LogNormal(1.0).affine(-1, 0)),
    (Gumbel().affine(-1), Gumbel(2.0, 3.0).affine(-2, 1)),
    (Gapped(0.3, 0.2).affine(2), Gapped(0.3, 0.2).affine(3, 1)),
    (Trapezoid(0.75, 0.25), Trapezoid(0.75, 0.25).affine(-1, 4)),
]


@pytest.mark.parametrize(("source", "target"), AFFINE, ids=str)
def test_laws_that_differ_by_location_and_scale_need_no_table(source, target):
    symmetric = not isinstance(source, Trapezoid)  # it does not say that it is
    T = monotone_map(source, target)
    assert T.kind == ("affine" if symmetric else "table")
    p = np.array([0.05, 0.2, 0.31, 0.5, 0.9, 0.999])
    y = source.ppf(p)
    truth = target.ppf(p)
    size = pose(source, target, 1e-9).unit(truth)
    noise = 1e-12 * (1 + np.abs(y) + np.abs(truth)) + T.error * size
    assert np.all(np.abs(T(y) - truth) <= noise)
    assert np.all(np.abs(T.inverse(T(y)) - y) <= 1e-12 * (1 + np.abs(y)) + 1e-9 * (not symmetric))
    if symmetric:
        assert T.derivative(y[1]) == T.scale > 0
        low, high = target.support()
        assert T(-1e300) >= low
        assert T(1e300) <= high


def test_a_mirrored_symmetric_law_is_affine_and_increasing():
    T = monotone_map(StudentT(3.0).affine(-2, 1), StudentT(3.0))
    assert (T.kind, T.scale, T.shift) == ("affine", 0.5, -0.5)


def test_families_with_other_parameters_are_not_affine():
    for pair in ((StudentT(3.0), StudentT(4.0)), (Gumbel(), Gumbel().affine(-1))):
        assert monotone_map(*pair).kind == "table"


# ------------------------------------------------------------------------ atoms, gaps, other laws
def test_a_source_with_atoms_is_refused_with_its_heaviest_atom():
    with pytest.raises(AtomError, match=r"at 1, has probability 0\.2.*randomised"):
        monotone_map(Gapped(0.3, 0.2), Normal())


def test_a_gap_of_the_target_is_a_jump_and_an_atom_is_flat():
    target = Gapped(0.3, 0.2)
    T = monotone_map(Normal(), target)
    jump = float(Normal().ppf(0.3))
    assert T(jump - 1e-13) == pytest.approx(-1, abs=1e-9)
    assert T(jump + 1e-13) == pytest.approx(1, abs=1e-9)
    y = Normal().ppf(np.array([0.301, 0.4, 0.499]))
    assert T(y).tolist() == [1.0] * 3
    assert T.derivative(y).tolist() == [0.0] * 3
    y = Normal().ppf(np.random.default_rng(0).random(3000))
    truth = target.ppf(Normal().cdf(y))
    assert (np.abs(T(y) - truth) / unit(target, truth)).max() <= T.error <= 1e-9
    # The inverse at a value in the gap is the jump, at the atom the left end of the flat piece.
    assert T.inverse([0.0, 1.0]) == pytest.approx([jump, jump], abs=1e-12)


def test_a_symmetric_gap_jumps_at_the_centre():
    T = monotone_map(Normal(), Gapped(0.5))
    assert T([-1e-15, 1e-15]) == pytest.approx([-1, 1], abs=1e-9)


def test_a_law_known_to_an_absolute_error_gives_an_honest_error():
    bound = 1e-4
    with pytest.warns(AccuracyWarning, match="source law"):
        T = monotone_map(Measured(bound), Logistic())
    assert T.error > 1e-4
    # The source could as well be this one, at distance ``bound``, all over the domain.
    u = np.linspace(4 * bound, 1 - 4 * bound, 301)
    y, z = Normal().ppf(u), Logistic().ppf(u + bound)
    inside = (y >= T.domain[0]) & (y <= T.domain[1])
    assert inside.mean() > 0.98
    assert np.all(np.abs(T(y) - z)[inside] <= T.error * unit(Logistic(), z[inside]))
    assert T.domain[0] > -4
    assert T.domain[1] < 4
    assert T.error_u >= bound


def test_tolerance_that_cannot_be_reached_is_reported():
    with pytest.warns(AccuracyWarning, match="tol=1.1e-15"):
        T = monotone_map(Logistic(), Normal(), tol=1.1e-15)
    y = sample(T, np.random.default_rng(1))
    assert 1.1e-15 < T.error < 1e-11
    assert worst(T, y, T(y)) <= T.error


@dataclasses.dataclass(frozen=True)
class TwoSidedLomax(Distribution):
    """sf(x) = 1 / (2 (1 + x)) for x > 0, mirrored: tails like Cauchy's, another shape between."""

    def _sf(self, x: FloatArray) -> FloatArray:
        tail = 0.5 / (1 + np.abs(x))
        return np.where(x > 0, tail, 1 - tail)

    def _cdf(self, x: FloatArray) -> FloatArray:
        return self._sf(-x)

    def _pdf(self, x: FloatArray) -> FloatArray:
        return 0.5 / (1 + np.abs(x)) ** 2

    def _breakpoints(self) -> tuple[float, ...]:
        return (0.0,)


def test_a_map_that_is_straight_far_out_is_followed_from_the_core_on():
    """A cell over a hundred octaves would look right at every probe, and be wrong at its start."""
    T = monotone_map(TwoSidedLomax(), Cauchy())
    y = np.logspace(-3, 200, 4001)
    exact = np.array([float(1 / mp.tan(mp.pi / (2 * (1 + mp.mpf(float(v)))))) for v in y])
    assert np.all(np.abs(T(y) - exact) <= T.error * np.maximum(1.0, exact))
    assert T.error <= 1e-9


def test_smaller_tolerance_gives_a_smaller_error():
    coarse, fine = (monotone_map(Logistic(), Normal(), tol=tol) for tol in (1e-3, 1e-11))
    assert fine.error <= 1e-11 < coarse.error <= 1e-3
    assert coarse.table.cells < fine.table.cells
    y = sample(fine, np.random.default_rng(1))
    assert worst(fine, y, fine(y)) <= fine.error
    assert worst(coarse, y, coarse(y)) <= coarse.error


@pytest.mark.parametrize("tol", [0.0, -1.0, 1e-15, 0.2, math.nan, math.inf])
def test_tolerance_outside_its_range_is_refused(tol):
    with pytest.raises(ValueError, match="tol"):
        monotone_map(Logistic(), Normal(), tol=tol)


def test_what_is_no_law_is_refused():
    with pytest.raises(ValueError, match="'nomral'"):
        monotone_map("nomral", Normal())
    with pytest.raises(TypeError, match="got 3"):
        monotone_map(Normal(), 3)
    assert monotone_map("normal", "normal").kind == "identity"


# ---------------------------------------------------------------------------------- arrays in, out
KINDS = {
    "identity": (Normal(), Normal()),
    "affine": (Normal(0, 2), Normal()),
    "table": (Logistic(), Normal()),
}


@pytest.fixture(params=KINDS)
def T(request):
    return made(*KINDS[request.param])


def test_shapes_and_dtypes(T):
    y = np.random.default_rng(0).normal(size=(6, 4))
    z = T(y)
    for name in ("__call__", "inverse", "derivative"):
        method = getattr(T, name)
        full = method(y)
        assert full.shape == y.shape
        assert full.dtype == np.float64
        assert np.array_equal(method(y[::2, ::-1]), full[::2, ::-1])
        assert np.array_equal(method(y.T), full.T)
        assert np.array_equal(method(np.asfortranarray(y)), full)
        assert isinstance(method(0.5), float)
        assert method(y[1, 1]) == full[1, 1]
        assert isinstance(method(np.array(0.5)), float)
        assert method(np.empty((0, 3))).shape == (0, 3)
        assert method([0, 1]).dtype == np.float64
        single = method(y.astype(np.float32))
        assert single.dtype == np.float32
        assert np.array_equal(single, method(y.astype(np.float32).astype(float)).astype(np.float32))
    frozen = y.copy()
    frozen.flags.writeable = False
    assert np.array_equal(T(frozen), z)
    assert np.array_equal(T(y.astype(">f8")), z)


def test_out(T):
    y = np.random.default_rng(0).normal(size=(6, 4))
    truth = T(y)
    out = np.empty_like(y)
    assert T(y, out=out) is out
    assert np.array_equal(out, truth)
    wide = np.zeros((6, 8))
    T(y, out=wide[:, ::2])
    assert np.array_equal(wide[:, ::2], truth)
    assert not wide[:, 1::2].any()
    place = y.copy()
    T(place, out=place)
    assert np.array_equal(place, truth)
    shifted = np.concatenate([y.ravel(), [0.0]])
    T(shifted[:-1], out=shifted[1:])
    assert np.array_equal(shifted[1:], truth.ravel())
    flipped = y.copy()
    T(flipped, out=flipped[::-1])
    assert np.array_equal(flipped[::-1], truth)
    scalar = np.empty(())
    assert T(0.5, out=scalar) is scalar
    assert scalar == T(0.5)


def test_bad_out_is_refused(T):
    y = np.zeros((2, 3))
    read_only = np.zeros((2, 3))
    read_only.flags.writeable = False
    for out in (np.zeros((3, 2)), np.zeros((2, 3), np.float32), np.zeros((2, 3), int), read_only):
        with pytest.raises(ValueError, match="out"):
            T(y, out=out)
    for out in ([0.0] * 6, np.ma.zeros((2, 3))):
        with pytest.raises(TypeError, match="out"):
            T(y, out=out)


def test_bad_input_is_refused(T):
    for y in (1j, np.ma.zeros(3), ["a"], None, [object()], [[1.0], [1.0, 2.0]]):
        with pytest.raises(TypeError, match="y "):
            T(y)


def test_nan_stays_and_infinities_follow(T):
    assert T([math.inf, -math.inf]).tolist() == [math.inf, -math.inf]
    for method in (T, T.inverse, T.derivative):
        assert math.isnan(method(math.nan))
        assert np.isnan(method(np.float32([math.nan]))).all()


def test_a_value_does_not_depend_on_the_array_it_stands_in(T):
    y = np.random.default_rng(0).normal(size=50)
    assert T(y).tolist() == [T(v) for v in y] == T(y[::-1])[::-1].tolist()


# ------------------------------------------------------------------------------- there and back
def test_round_trip_through_arrays_and_json(T):
    metadata = json.loads(json.dumps(T.metadata()))
    arrays = {name: array.copy() for name, array in T.arrays().items()}
    S = MonotoneMap.from_arrays(arrays, metadata)
    y = np.random.default_rng(0).normal(size=300) * 10
    assert S(y).tobytes() == T(y).tobytes()
    assert S.inverse(y).tobytes() == T.inverse(y).tobytes()
    assert (S.error, S.error_u, S.tol, S.domain) == (T.error, T.error_u, T.tol, T.domain)
    assert (S.kind, S.support, S.limits, S.source) == (T.kind, T.support, T.limits, None)


@case
def test_every_table_that_is_built_passes_the_checks_of_those_from_outside(source, target):
    T = made(source, target)
    S = MonotoneMap.from_arrays(T.arrays(), T.metadata())
    y = sample(T, np.random.default_rng(6), 50)
    assert S(y).tobytes() == T(y).tobytes()


def test_maps_of_two_builds_are_equal_bit_by_bit():
    first, second = (monotone_map(Laplace(), Normal(), tol=1e-6) for _ in range(2))
    assert first.metadata() == second.metadata()
    assert all(a.tobytes() == second.arrays()[n].tobytes() for n, a in first.arrays().items())


@pytest.mark.parametrize(
    "change",
    [
        {"kind": "cubic"},
        {"error": None},
        {"error": "nonsense"},
        {"scale": (-1.0).hex()},
        {"error": math.inf.hex()},
        {"domain": ["0x1p0"]},
        {"domain": [math.nan.hex()] * 2},
        {"limits": [(0.0).hex(), (1.0).hex()]},
    ],
    ids=str,
)
def test_spoilt_metadata_are_refused(change):
    T = made(Logistic(), Normal())
    with pytest.raises(ValueError):
        MonotoneMap.from_arrays(T.arrays(), T.metadata() | change)
    with pytest.raises(ValueError):
        MonotoneMap.from_arrays(T.arrays(), {})
    with pytest.raises(ValueError, match="lacks"):
        MonotoneMap.from_arrays({}, T.metadata())


def test_a_corrupted_record_is_refused():
    T = made(Logistic(), Normal())
    rng = np.random.default_rng(0)
    for _ in range(20):
        arrays = {name: array.copy() for name, array in T.arrays().items()}
        row, column = rng.integers(len(arrays["records"]) - 1), rng.integers(4)
        arrays["records"][row, column] *= -1.5
        arrays["records"][row, column] += 0.1 * (arrays["records"][row, column] == 0)
        with pytest.raises(ValueError):
            MonotoneMap.from_arrays(arrays, T.metadata())


def test_maps_cannot_be_changed():
    T = made(Logistic(), Normal())
    with pytest.raises(dataclasses.FrozenInstanceError):
        T.error = 0.0
    with pytest.raises(ValueError, match="read-only"):
        T.arrays()["records"][0, 0] = 1.0


# ------------------------------------------------------------------------------------- cost
@pytest.mark.needs_jit
def test_tables_are_small_enough_for_the_cache():
    for source, target in CASES:
        if Cauchy() not in {source, target}:  # 2000 octaves
            assert made(source, target).table.cells < 8000  # half of them cubics of the core


@pytest.mark.needs_jit
def test_building_in_many_threads_and_applying_agree():
    from concurrent.futures import ThreadPoolExecutor

    T = made(Logistic(), Normal())
    y = np.random.default_rng(0).normal(size=100_000)
    truth = T(y)
    with ThreadPoolExecutor(4) as pool:
        assert all(np.array_equal(z, truth) for z in pool.map(T, [y] * 8))
