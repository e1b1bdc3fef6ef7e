"""The certificate of a map against the truth: tails in mpmath, where a bound would fail first.

No quantile of the truth is needed: |T - exact| <= e says F_Z(T - e) <= F_Y(y) <= F_Z(T + e).
"""

import dataclasses
import math
import warnings
from collections.abc import Callable
from fractions import Fraction
from functools import cache
from typing import Any

import mpmath as mp
import numpy as np
import pytest
import truths
from hypothesis import given, settings
from hypothesis import strategies as st

import otmaps
from otmaps import MonotoneMap, compose, monotone_map
from otmaps._errors import AccuracyWarning
from otmaps._map_exact import ExactMap
from otmaps._map_proof import never_falls

DIGITS = 60
DEEP = 400  # where a tail is a difference


@dataclasses.dataclass(frozen=True)
class Known:
    """A law of otmaps, and its two tails in mpmath, each exact at small values.

    Of a weighted sum, ``grid`` is an ulp of the end of the support: weights are doubles, so no law
    in doubles knows any better where it ends.
    """

    law: otmaps.Distribution
    cdf: Callable[[Any], Any]
    sf: Callable[[Any], Any]
    grid: float = 0.0


def plain(law, truth):
    return Known(law, truth.cdf, truth.sf)


def weighted(weights, prior):
    return otmaps.pushforward(otmaps.linear(weights), prior)


def two_uniforms(a, b):
    a, b = max(a, b), min(a, b)
    law = weighted([a, b], otmaps.Uniform())
    a, b = mp.mpf(a), mp.mpf(b)

    def tail(d):  # the mass within d of an end
        d = max(d, 0)
        return d * d / (8 * a * b) if d < 2 * b else (d - b) / (2 * a)

    def cdf(y):
        return tail(y + a + b) if y <= 0 else 1 - tail(a + b - y)

    return Known(law, cdf, lambda y: cdf(-y), float(np.spacing(law.support()[1])))


def two_exponentials(a, b):
    law = weighted([a, b], otmaps.Exponential())
    a, b = mp.mpf(a), mp.mpf(b)

    def sf(y):
        return (a * mp.exp(-y / a) - b * mp.exp(-y / b)) / (a - b)

    def cdf(y):
        with mp.workdps(DEEP):
            return 1 - sf(y)

    return Known(law, cdf, sf)


def two_laplaces(a, b):
    law = weighted([a, b], otmaps.Laplace())
    a, b = mp.mpf(a), mp.mpf(b)

    def sf(y):
        s = (a * a * mp.exp(-abs(y) / a) - b * b * mp.exp(-abs(y) / b)) / (2 * (a * a - b * b))
        return s if y >= 0 else 1 - s

    return Known(law, lambda y: sf(-y), sf)


NORMAL = plain(otmaps.Normal(), truths.normal())
UNIFORM = plain(otmaps.Uniform(), truths.uniform())
LOGISTIC = plain(otmaps.Logistic(), truths.logistic())
LAPLACE = plain(otmaps.Laplace(), truths.laplace())
CAUCHY = plain(otmaps.Cauchy(), truths.cauchy())
EXPONENTIAL = plain(otmaps.Exponential(), truths.exponential())
GUMBEL = plain(otmaps.Gumbel(), truths.gumbel())
ARCSINE = plain(otmaps.Arcsine(), truths.arcsine())
LOGNORMAL = plain(otmaps.LogNormal(1.0), truths.lognormal(mp.mpf(1)))
BETA = plain(otmaps.Beta(0.5, 2.0), truths.beta(0.5, 2.0))
GAMMA = plain(otmaps.Gamma(0.3), truths.gamma(0.3))
LAWS = (NORMAL, UNIFORM, LOGISTIC, LAPLACE, CAUCHY, EXPONENTIAL, GUMBEL, ARCSINE, LOGNORMAL)
SMALL = (NORMAL, UNIFORM, LOGISTIC, LAPLACE, EXPONENTIAL)  # as targets, quick in mpmath
FAMILIES = (two_uniforms, two_exponentials, two_laplaces)
WEIGHTS = ((0.5, 0.25), (0.7, 0.3), (0.999, 0.001), (1.0, 1e-6), (0.51, 0.49))


@cache
def summed(family, weights):
    return family(*weights)


@cache
def made(source, target, tol):
    with warnings.catch_warnings():  # what is stated has to hold, whether it reaches tol or not
        warnings.simplefilter("ignore", AccuracyWarning)
        return monotone_map(source.law, target.law, tol=tol)


def bracketed(source, target, y, low, high, *, grid=0.0, slack=0.0):
    """Whether F_Z(low) <= F_Y(y) <= F_Z(high), up to a grid of y and ``slack`` in u."""
    y, grid = mp.mpf(y), mp.mpf(max(source.grid, grid))
    first, last = source.law.support()
    left = max(y - grid, mp.mpf(first)) if math.isfinite(first) else y - grid
    right = min(y + grid, mp.mpf(last)) if math.isfinite(last) else y + grid
    if float(source.law.cdf(float(y))) <= 0.5:
        lower, upper = tail(target, low, "cdf"), tail(target, high, "cdf")
        return lower - slack <= source.cdf(right) and source.cdf(left) <= upper + slack
    lower, upper = tail(target, high, "sf"), tail(target, low, "sf")
    return lower - slack <= source.sf(left) and source.sf(right) <= upper + slack


def tail(known, z, side):
    low, high = known.law.support()
    if z <= low:
        return mp.mpf(side == "sf")
    if z >= high:
        return mp.mpf(side == "cdf")
    return getattr(known, side)(z)


def holds(T, source, target, y, error=None):
    """Whether the error stated by a map covers the truth at y."""
    z = mp.mpf(float(T(y)))
    error = T.error if error is None else error
    # The unit is that of the exact value, which is as far away as the error allows.
    size = max(T.unit, float(abs(z - T.centre))) * (1 + 2 * error)
    width = mp.mpf(error) * size
    return bracketed(source, target, y, z - width, z + width)


def holds_in_u(T, source, target, y, error_u=None):
    z = float(T(y))
    low, high = (mp.mpf(float(np.nextafter(z, side))) for side in (-np.inf, np.inf))
    error_u = T.error_u if error_u is None else error_u
    grid = float(np.spacing(abs(y)))
    return bracketed(source, target, y, low, high, grid=grid, slack=error_u)


@st.composite
def cases(draw):
    """A source, a target and a tolerance."""
    source = draw(
        st.one_of(
            st.sampled_from(LAWS),
            st.builds(summed, st.sampled_from(FAMILIES), st.sampled_from(WEIGHTS)),
        )
    )
    target = draw(st.sampled_from([law for law in SMALL if law is not source]))
    return source, target, draw(st.sampled_from([1e-3, 1e-6, 1e-9, 1e-12]))


@st.composite
def places(draw):
    """Where to look: a rule that gives a point of a map's domain."""
    kind = draw(st.sampled_from(["level", "lower tail", "upper tail", "node", "between", "kink"]))
    return kind, draw(st.floats(0.0, 1.0)), draw(st.integers(-3, 3))


def point(T, place):
    kind, share, steps = place
    source = T.source
    edges = T.arrays()["records"][:, 0]
    if kind == "level":
        y = float(source.ppf(min(max(share, 1e-15), 1 - 1e-15)))
    elif kind == "lower tail":
        y = float(source.ilogcdf(-0.7 - 689.0 * share))
    elif kind == "upper tail":
        y = float(source.ilogsf(-0.7 - 689.0 * share))
    elif kind == "kink" and source.breakpoints:
        y = source.breakpoints[int(share * (len(source.breakpoints) - 1))]
    else:
        cell = int(share * (edges.size - 2))
        y = edges[cell]
        if kind == "between":
            y += (share * (edges.size - 2) % 1.0) * (edges[cell + 1] - y)
    for _ in range(abs(steps)):
        y = float(np.nextafter(y, math.copysign(math.inf, steps)))
    return min(max(float(y), T.domain[0]), T.domain[1])


@settings(max_examples=150)
@given(case=cases(), spots=st.lists(places(), min_size=3, max_size=3))
def test_stated_errors_cover_the_truth(case, spots):
    source, target, tol = case
    T = made(source, target, tol)
    with mp.workdps(DIGITS):
        for spot in spots:
            y = point(T, spot)
            if math.isfinite(T(y)):
                assert holds(T, source, target, y)
                assert holds_in_u(T, source, target, y)
            else:
                assert y in source.law.support()


@settings(max_examples=25)
@given(
    family=st.sampled_from(FAMILIES),
    share=st.floats(1e-6, 0.49),
    target=st.sampled_from(SMALL),
    tol=st.sampled_from([1e-6, 1e-9, 1e-12]),
    spots=st.lists(places(), min_size=8, max_size=8),
)
def test_stated_errors_cover_the_truth_for_any_weights(family, share, target, tol, spots):
    source = family(1.0 - share, share)
    T = made(source, target, tol)
    with mp.workdps(DIGITS):
        for y in (point(T, spot) for spot in spots):
            assert not math.isfinite(T(y)) or holds(T, source, target, y)


def tail_points(T, n=40):
    """Points of every kind: the strategy above without chance."""
    rng = np.random.default_rng(7)
    kinds = ("level", "lower tail", "upper tail", "node", "between", "kink")
    spots = [(kind, share, int(rng.integers(-2, 3))) for kind in kinds for share in rng.random(n)]
    y = [point(T, spot) for spot in spots]
    return [v for v in y if math.isfinite(T(v))]


def test_a_cell_of_a_single_float_is_found():
    """Below 1 lies most of the mass, above it 1e-23: the last float before has its own cell."""
    source = otmaps.Mixture([otmaps.Normal(-2.0, 0.3), otmaps.Uniform(0.0, 1.0)], [0.3, 0.7])
    T = monotone_map(source, otmaps.Laplace(), tol=1e-8)
    y = 1.0 - 2.0**-53 * np.arange(1, 6)
    gap = np.abs(T(y) - ExactMap(source, otmaps.Laplace())(y)) / np.abs(T(y))
    assert gap.max() <= T.error <= 1e-8
    assert T(1.0) - T(y[0]) > 15.0


def spoilt(T, change):
    arrays = {name: array.copy() for name, array in T.arrays().items()}
    change(arrays["records"])
    for name in ("inner", "powers"):  # these would serve instead of the cells
        arrays.pop(name, None)
    return MonotoneMap.from_arrays(arrays, T.metadata(), source=T.source, target=T.target)


def lifted(records):  # one cell in ten, by a hundredth of its rise
    records[:-1:10, 3:8] *= 0.99


def shifted(records):
    records[:, 2] += 1e-7 * np.linspace(0.0, 1.0, len(records))


@pytest.mark.parametrize("change", [lifted, shifted])
def test_a_corrupted_table_does_not_pass(change):
    T = spoilt(made(LOGISTIC, NORMAL, 1e-9), change)
    with mp.workdps(DIGITS):
        assert not all(holds(T, LOGISTIC, NORMAL, y) for y in tail_points(T))
        assert not all(holds_in_u(T, LOGISTIC, NORMAL, y) for y in tail_points(T))


@pytest.mark.parametrize(
    "source",
    [LOGISTIC, UNIFORM, summed(two_laplaces, (0.7, 0.3))],
    ids=lambda source: type(source.law).__name__,
)
def test_a_bound_a_tenth_of_the_stated_one_does_not_pass(source):
    target = NORMAL
    T = made(source, target, 1e-9)
    with mp.workdps(DIGITS):
        assert not all(holds(T, source, target, y, T.error / 10) for y in tail_points(T))
        assert not all(holds_in_u(T, source, target, y, T.error_u / 10) for y in tail_points(T))


@pytest.mark.parametrize("source", [*LAWS, GAMMA, BETA], ids=lambda known: repr(known.law))
def test_the_domain_is_the_support_or_reaches_both_tails(source):
    """Or begins at 2^-1000: closer to an end at 0 there is no room for cells."""
    T = made(source, NORMAL if source is not NORMAL else LOGISTIC, 1e-6)
    low, high = T.domain
    support = source.law.support()
    below, above = float(source.law.logcdf(low)), float(source.law.logsf(high))
    assert low == support[0] or below <= math.log(1e-300) * (1 - 1e-12) or low <= 2.0**-1000
    assert high == support[1] or above <= math.log(1e-300) * (1 - 1e-12)


@pytest.mark.parametrize("tol", [1e-6, 1e-7, 1e-8, 1e-9, 1e-10, 1e-11, 1e-12])
def test_tables_choose_their_size_by_the_tolerance(tol):
    for source, target in ((LOGISTIC, NORMAL), (UNIFORM, NORMAL), (NORMAL, ARCSINE)):
        T = made(source, target, tol)
        assert tol / 100 <= T.error <= tol or T.table.cells < 400
        assert T.error <= tol


@pytest.mark.parametrize("target", [GAMMA, BETA, ARCSINE], ids=lambda known: repr(known.law))
@pytest.mark.parametrize("source", [NORMAL, UNIFORM], ids=lambda known: repr(known.law))
def test_where_the_prior_is_dense_the_table_is_fine_in_probability_too(source, target):
    """Next to a pole of the density, 1e-9 of the unit may be 1e-3 in probability."""
    T = made(source, target, 1e-9)
    # The doubles next to the end of the arcsine law are 5e-9 wide in probability.
    assert T.error_u <= (2e-8 if target is ARCSINE else 1e-9)
    with mp.workdps(DIGITS):
        y = tail_points(T, 20)
        assert all(holds(T, source, target, v) for v in y)
        assert all(holds_in_u(T, source, target, v) for v in y)


@pytest.mark.parametrize(
    ("source", "target"),
    [(LOGISTIC, NORMAL), (NORMAL, LOGISTIC), (NORMAL, EXPONENTIAL), (GAMMA, NORMAL)],
    ids=lambda known: repr(known.law),
)
def test_the_error_beyond_the_domain_covers_the_truth_and_not_much_more(source, target):
    T = made(source, target, 1e-9)
    rng = np.random.default_rng(3)
    logs = -rng.uniform(math.log(1e300), math.log(1e300) * 9.9, 60)
    y = np.concatenate([source.law.ilogcdf(logs), source.law.ilogsf(logs)])
    y = y[(y > T.outer[0]) & (y < T.outer[1]) & ((y < T.domain[0]) | (y > T.domain[1]))]
    assert y.size > 20
    exact = ExactMap(T.source, T.target)(y)
    gap = np.abs(T(y) - exact) / np.maximum(T.unit, np.abs(exact - T.centre))
    assert T.outer_error / 20 < gap.max() <= T.outer_error


# ----------------------------------------------------------------------------------------- slopes
def densities(known, y):
    truth = {"Normal": truths.normal(), "Logistic": truths.logistic(), "Uniform": truths.uniform()}
    truth |= {"Laplace": truths.laplace(), "Exponential": truths.exponential()}
    pdf = truth[type(known.law).__name__].pdf
    return np.array([float(mp.log(pdf(mp.mpf(float(v))))) for v in y])


SLOPES = [(LOGISTIC, NORMAL), (NORMAL, UNIFORM), (UNIFORM, NORMAL), (LAPLACE, EXPONENTIAL)]


def slope_gap(T, source, target, n=3000):
    """|log T' - log exact'| at evenly spread levels, and the levels."""
    u = (np.arange(n) + 0.5) / n
    y = np.asarray(source.law.ppf(u))
    z = ExactMap(source.law, target.law)(y)
    return np.abs(T.log_derivative(y) - (densities(source, y) - densities(target, z)))


@pytest.mark.parametrize(("source", "target"), SLOPES, ids=lambda known: repr(known.law))
@pytest.mark.parametrize("tol", [1e-6, 1e-9])
def test_the_derivative_is_the_ratio_of_the_densities_to_what_is_stated(source, target, tol):
    T = made(source, target, tol)
    gap = slope_gap(T, source, target)
    # One level of 3000 is more than the probability that is set aside.
    assert np.sort(gap)[-2] <= T.derivative_error <= {1e-6: 0.3, 1e-9: 1e-4}[tol]
    y = float(source.law.ppf(0.3))
    assert T.log_derivative(y) == math.log(T.derivative(y))
    if tol == 1e-9:
        spoiled = spoilt(T, lambda r: r.__setitem__((slice(None), slice(3, 8)), 0.99 * r[:, 3:]))
        assert np.median(slope_gap(spoiled, source, target, 100)) > T.derivative_error


def test_the_derivative_agrees_with_differences_of_the_values():
    T = made(LOGISTIC, NORMAL, 1e-9)
    y = np.linspace(-8.0, 8.0, 201) + 1e-3
    h = 1e-4
    ends = T(y + h), T(y - h), T(y + 2 * h), T(y - 2 * h)
    slope = (8.0 * (ends[0] - ends[1]) - (ends[2] - ends[3])) / (12.0 * h)
    edges = T.arrays()["records"][:, 0]
    smooth = np.abs(edges[:, None] - y).min(axis=0) > 2.1 * h
    assert smooth.sum() > 100
    assert np.allclose(slope[smooth], T.derivative(y)[smooth], rtol=1e-10, atol=1e-11)


def test_densities_are_pushed_by_the_log_derivative():
    T = made(LAPLACE, NORMAL, 1e-9)
    y = np.asarray(LAPLACE.law.ppf((np.arange(500) + 0.5) / 500))
    pushed = LAPLACE.law.logpdf(y) - T.log_derivative(y)
    assert np.abs(pushed - NORMAL.law.logpdf(T(y))).max() <= T.derivative_error + 1e-8
    flat = monotone_map(otmaps.Normal(), otmaps.Discrete([0.0, 1.0], [0.5, 0.5]))
    assert flat.log_derivative(0.3) == -math.inf
    assert math.isnan(T.log_derivative(math.nan))
    out = np.empty(3)
    assert T.log_derivative(np.ones(3), out=out) is out
    assert out[0] == T.log_derivative(1.0)
    assert T.log_derivative(np.float32([1.0])).dtype == np.float32


# ------------------------------------------------------------------------- strength and composition
STRONG = [*SLOPES, (NORMAL, plain(otmaps.Normal(-1.0, 0.3), truths.normal())), (CAUCHY, NORMAL)]


@settings(max_examples=60)
@given(pair=st.sampled_from(STRONG), s=st.floats(0.0, 1.0), spots=st.lists(places(), min_size=5))
def test_strength_is_the_interpolation_with_its_error(pair, s, spots):
    T = made(*pair, 1e-9)
    S = T.strength(s)
    spots = spots if T.kind == "table" else []
    y = np.array([*(point(T, spot) for spot in spots), -2.0, 0.1, 0.99])
    y = y[(y >= S.domain[0]) & (y <= S.domain[1]) & np.isfinite(T(y))]
    exact = (1 - s) * y + s * ExactMap(T.source, T.target)(y)
    y, exact = y[np.isfinite(exact)], exact[np.isfinite(exact)]
    unit = np.maximum(S.unit, np.abs(exact - S.centre))
    # The values that this test itself computes are not exact either.
    noise = 4e-16 * (np.abs(y) + np.abs(exact)) + 1e-12 * unit
    assert np.all(np.abs(S(y) - exact) <= S.error * unit + noise)
    assert np.all(S(np.nextafter(y, np.inf)) >= S(y))
    slope = (1 - s) + s * T.derivative(y)
    assert np.allclose(S.derivative(y), slope, rtol=1e-9, atol=1e-12)
    if 0.0 < s < 1.0:
        back = S.inverse(S(y))
        width = np.maximum(np.abs(y), 1.0)
        moved = np.abs(S(back) - S(y)) <= 4 * np.spacing(np.abs(S(y)))
        assert np.all((np.abs(back - y) <= 1e-13 * width) | moved)


@pytest.mark.parametrize("s", [1e-300, 1e-16, 1.0 - 1e-16])
def test_strength_next_to_its_ends_counts_its_rounding(s):
    for pair in ((CAUCHY, NORMAL), (LOGNORMAL, NORMAL), (LOGISTIC, UNIFORM)):
        T = made(*pair, 1e-9)
        S, y = T.strength(s), np.array(tail_points(T, 100))
        exact = (1 - s) * y + s * T(y)
        unit = np.maximum(S.unit, np.abs(exact - S.centre))
        assert np.all(np.abs(S(y) - exact) <= (S.error if s < 0.5 else 1e-13) * unit)


def test_strength_at_its_ends_and_beyond():
    for pair in STRONG:
        T = made(*pair, 1e-9)
        y = np.linspace(-0.9, 0.9, 7)
        assert np.array_equal(T.strength(0.0)(y), y)
        assert T.strength(0.0).kind == "identity"
        assert T.strength(0.0).error == 0.0
        assert T.strength(1.0) is T
        assert T.strength(0.5).target is None
        for s in (-0.1, 1.1, math.nan, math.inf):
            with pytest.raises(ValueError, match="s must be"):
                T.strength(s)
        with pytest.raises(TypeError, match="s must be one number"):
            T.strength([0.1, 0.2])
    identity = monotone_map("normal", "normal")
    assert identity.strength(0.3) is identity


def test_a_weakened_map_is_a_map_like_any_other():
    T = made(LOGISTIC, NORMAL, 1e-9)
    S = T.strength(0.3)
    R = MonotoneMap.from_arrays(S.arrays(), S.metadata())
    y = np.random.default_rng(0).normal(size=200) * 20
    assert np.array_equal(R(y), S(y))
    assert never_falls(S.table.records, S.table.core[2]).all()
    assert S.strength(0.5)(1.3) == pytest.approx(T.strength(0.15)(1.3), abs=2e-15)
    # A bound without the errors of the whole would be caught.
    exact = 0.7 * y + 0.3 * ExactMap(T.source, T.target)(y)
    assert np.abs(S(y) - exact).max() > S.error / 20


@pytest.mark.parametrize(
    ("source", "target"),
    [(LOGISTIC, NORMAL), (NORMAL, LOGISTIC), (NORMAL, UNIFORM), (UNIFORM, NORMAL), (NORMAL, GAMMA)],
    ids=lambda known: repr(known.law),
)
def test_far_out_strength_goes_on_as_stated(source, target):
    T = made(source, target, 1e-9)
    S = T.strength(0.4)
    low, high = (e if math.isfinite(e) else math.copysign(2000.0, e) for e in S.outer)
    y = np.linspace(low, high, 401)[1:-1]
    with np.errstate(all="ignore"):
        exact = 0.6 * y + 0.4 * ExactMap(T.source, T.target)(y)
    gap = np.abs(S(y) - exact) / np.maximum(S.unit, np.abs(exact - S.centre))
    assert gap.max() <= S.outer_error
    assert np.all(np.diff(S(y)) >= 0)
    for y, z in zip(S.support, S.limits, strict=True):
        assert S(y) == z


CHAINS = [
    (LOGISTIC, NORMAL, UNIFORM),
    (NORMAL, UNIFORM, NORMAL),
    (NORMAL, LOGISTIC, LAPLACE),
    (EXPONENTIAL, NORMAL, CAUCHY),
    (plain(otmaps.Normal(1.0, 2.0), truths.normal()), NORMAL, LAPLACE),
]


@pytest.mark.parametrize("chain", CHAINS, ids=lambda c: " ".join(type(k.law).__name__ for k in c))
def test_compositions_carry_their_errors_on(chain):
    first, second, third = chain
    T, S = made(first, second, 1e-9), made(second, third, 1e-9)
    C = compose(S, T)
    levels = -np.random.default_rng(0).uniform(0.7, 689, 150)
    y = [first.law.rvs(300, 1), first.law.ilogcdf(levels), first.law.ilogsf(levels)]
    y = np.concatenate([*y, *(t.arrays().get("records", np.zeros((1, 8)))[:, 0] for t in (T,))])
    y = y[(y >= C.domain[0]) & (y <= C.domain[1])]
    assert y.size > 300
    exact = ExactMap(first.law, third.law)(y)
    unit = np.maximum(C.unit, np.abs(exact - C.centre))
    assert np.all(np.abs(C(y) - exact) <= C.error * unit + 1e-13 * unit)
    assert np.array_equal(C(y), S(T(y)))
    assert (C.source, C.target) == (first.law, third.law)
    assert np.all(C(np.nextafter(y, np.inf)) >= C(y))
    u = np.where(third.law.cdf(exact) < 0.5, first.law.cdf(y) - third.law.cdf(C(y)), 0.0)
    width = np.spacing(1.0) * 4  # of the floats on the way
    assert np.all(np.abs(u) <= C.error_u + width)
    bulk = np.asarray(first.law.ppf((np.arange(2000) + 0.5) / 2000))
    slope = first.law.logpdf(bulk) - third.law.logpdf(ExactMap(first.law, third.law)(bulk))
    assert np.sort(np.abs(C.log_derivative(bulk) - slope))[-2] <= C.derivative_error
    assert np.allclose(np.exp(C.log_derivative(bulk)), C.derivative(bulk), rtol=1e-13)
    back = C.inverse(C(bulk))
    assert np.all(np.abs(back - bulk) <= 1e-9 * np.maximum(np.abs(bulk), 1.0))
    # A composition whose error forgot the first map would not pass.
    off = compose(S, spoilt(T, lifted)) if T.kind == "table" else None
    if off is not None:
        assert np.any(np.abs(off(y) - exact) > C.error * unit)


def test_compositions_of_any_length_and_their_shapes():
    T, S = made(LOGISTIC, NORMAL, 1e-9), made(NORMAL, UNIFORM, 1e-9)
    line = monotone_map(otmaps.Normal(0, 2), otmaps.Normal())
    y = np.random.default_rng(0).normal(size=(4, 5))
    C = compose(S, line, T)
    assert np.array_equal(C(y), S(line(T(y))))
    assert np.array_equal(compose(S, compose(line, T))(y), C(y))
    assert compose(compose(S, line), T).maps == C.maps == (T, line, S)
    assert compose(T).maps == (T,)
    assert compose(T, monotone_map("normal", "normal")).maps == (T,)
    assert compose(monotone_map("normal", "normal")).error == 0.0
    assert math.isinf(C.error_u)  # the laws do not meet
    assert math.isinf(C.derivative_error)
    assert C.target is None
    assert isinstance(C(0.3), float)
    out = y.copy()
    assert C(out, out=out) is out
    assert np.array_equal(out, C(y))
    assert C(y.astype(np.float32)).dtype == np.float32
    assert C.limits == (-1.0, 1.0)
    assert (C(-math.inf), C(math.inf)) == (-1.0, 1.0)
    assert math.isnan(C(math.nan))
    with pytest.raises(TypeError, match="at least one"):
        compose()
    with pytest.raises(TypeError, match="got function"):
        compose(T, lambda y: y)
    with pytest.raises(ValueError, match="lie outside"):
        compose(made(UNIFORM, NORMAL, 1e-9), monotone_map("normal", otmaps.Normal(1e6, 1.0)))


def test_a_jump_on_the_way_is_in_the_error():
    gap = monotone_map(otmaps.Normal(), otmaps.Discrete([-1.0, 1.0], [0.4, 0.6]))
    C = compose(gap, made(LOGISTIC, NORMAL, 1e-6))
    assert C.error >= 0.9


# ------------------------------------------------------------------------------------------- order
def computed(c, s):
    """c0 + s (c1 + ...) as the kernel computes it, with correctly rounded multiply-adds."""

    def fma(x, y, z):
        return float(Fraction(x) * Fraction(y) + Fraction(z))

    inner = 0.0
    for coefficient in reversed(c):
        inner = fma(s, inner, coefficient)
    return inner


def cell(c0, c):
    records = np.zeros((2, 8))
    records[0] = [0.0, 1.0, c0, *c]
    records[1, :3] = [1.0, 0.0, c0 + sum(c) + 1.0]
    return records


GRAIN = 2.0**-48


@settings(max_examples=100)
@given(
    c=st.lists(st.floats(-1.0, 1.0), min_size=5, max_size=5),
    slope=st.floats(0.0, 3.0),
    c0=st.sampled_from([0.0, 1.0, -1.0, -0.25, 1e-9]),
    start=st.integers(0, 2**48 - 40),
)
def test_what_is_proven_never_to_fall_does_not(c, slope, c0, start):
    c = [slope, *c[1:]]
    if never_falls(cell(c0, c), 0.0)[0]:
        values = [computed([c0, *c], GRAIN * (start + i)) for i in range(40)]
        assert values == sorted(values)


def test_what_falls_is_not_proven():
    c = [0.75, -1.5, 1.0, 0.0, 0.0]  # the slope 3 (s - 1/2)^2 is 0 in the middle
    values = [computed([-0.125, *c], 0.5 + GRAIN * i) for i in range(-100, 100)]
    assert values != sorted(values)
    assert not never_falls(cell(-0.125, c), 0.0)[0]
    assert never_falls(cell(-0.125, [1.3, *c[1:]]), 0.0)[0]
    # The finer steps of a bucket of the core ask for more.
    c = [1.0, -0.4, 0.0, 0.0, 0.0]
    assert [never_falls(cell(0.0, c), bucket)[0] for bucket in (0.0, 1.0)] == [True, False]


def test_a_table_without_proof_is_refused():
    T = made(LOGISTIC, NORMAL, 1e-9)
    with pytest.raises(ValueError, match="not monotone"):
        spoilt(T, lambda r: r.__setitem__((100, slice(3, 8)), [0.0, 1e-3, -1e-3, 0.0, 0.0]))
