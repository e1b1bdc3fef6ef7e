"""Isotropic priors and matched slerp: laws of norms, radial maps, and what is refused."""

from __future__ import annotations

import dataclasses
import json
import math
import pickle
from pathlib import Path

import mpmath as mp
import numpy as np
import pytest
from scipy import special
from test_backends import LIBRARIES, make

import otmaps
from otmaps._estimators._log_radii import LogRadius
from otmaps._estimators._norm_density import NormDensity
from otmaps._estimators._pair_norms import PairNorm, _edges
from otmaps._great_arc import GreatArc
from otmaps._kernels._arcs import arc_densities
from otmaps._radii import PowerLaw, TNorm

FAMILIES = {
    "normal": otmaps.StandardNormal,
    "sphere": lambda d: otmaps.Sphere(d, 2.0),
    "ball": lambda d: otmaps.Ball(d, 1.5),
    "t3": lambda d: otmaps.MultivariateT(d, 3.0),
    "cauchy": lambda d: otmaps.MultivariateCauchy(d, 0.5),
    "radial": lambda d: otmaps.Radial(d, otmaps.Gamma(2.0)),
}


def distance(law, values):
    """Kolmogorov and Smirnov's."""
    u = np.asarray(law.cdf(np.sort(values)))
    n = u.size
    return max((u - np.arange(n) / n).max(), (np.arange(1, n + 1) / n - u).max())


@pytest.fixture(scope="module")
def matched():
    """Slerp for a normal prior: the one law here that takes seconds."""
    return otmaps.match(otmaps.slerp(0.3), otmaps.StandardNormal(40), store=None)


# ----------------------------------------------------------------------------------- laws of norms
def tails(law, x):
    with mp.workdps(400):
        if isinstance(law, otmaps.Chi):
            half, square = mp.mpf(law.df) / 2, mp.mpf(x) ** 2 / 2
            return (
                mp.gammainc(half, 0, square, regularized=True),
                mp.gammainc(half, square, mp.inf, regularized=True),
            )
        ratio = mp.mpf(x) ** 2 / (law.df + mp.mpf(x) ** 2)
        a, b = mp.mpf(law.dim) / 2, mp.mpf(law.df) / 2
        return (
            mp.betainc(a, b, 0, ratio, regularized=True),
            mp.betainc(b, a, 0, 1 - ratio, regularized=True),
        )


@pytest.mark.parametrize(
    "law",
    [otmaps.Chi(1.0), otmaps.Chi(3.0), otmaps.Chi(16384.0), TNorm(2.0, 3.0), TNorm(512.0, 1.0)],
    ids=str,
)
def test_norms_in_closed_form_keep_their_stated_errors(law):
    p = np.array([1e-30, 1e-6, 0.2])
    for x in [*law.ppf(p), *law.isf(p)]:
        low, high = tails(law, x)
        found = law.cdf(x) if low < high else law.sf(x)
        exact = min(low, high)
        assert abs(float(found - exact)) <= law.error
        assert abs(float(found / exact) - 1.0) <= law.tail_error
    np.testing.assert_allclose(law.ilogcdf(law.logcdf(law.ppf(p))), law.ppf(p), rtol=1e-9)
    if math.isfinite(law.std()):
        draws = law.rvs(20_000, 0)
        assert abs(draws.mean() - law.mean()) < 6.0 * law.std() / math.sqrt(20_000)


def test_a_power_law_knows_its_ends():
    law = PowerLaw(1e6, 0.0, 2.0)
    assert law.sf(2.0 * (1.0 - 1e-9)) == pytest.approx(-math.expm1(1e6 * math.log1p(-1e-9)))
    assert law.ppf(0.5) == pytest.approx(2.0 * 0.5**1e-6, rel=1e-15)
    assert law.logcdf(1e-200) == pytest.approx(1e6 * (math.log(1e-200) - math.log(2.0)))


@pytest.mark.parametrize("name", FAMILIES)
@pytest.mark.parametrize("dim", [1, 2, 5])
def test_draws_follow_the_law_and_have_no_direction(name, dim):
    prior = FAMILIES[name](dim)
    z = prior.rvs((40, 500), random_state=3)
    assert z.shape == (40, 500, dim)
    assert prior.rvs(random_state=1).shape == (dim,)
    norms = np.linalg.norm(z, axis=-1).ravel()
    if name == "sphere":
        np.testing.assert_allclose(norms, 2.0, rtol=1e-14)
    else:
        assert distance(prior.norm, norms) < 1.95 / math.sqrt(norms.size)  # at the level 1e-3
        assert distance(prior.norm.affine(1.1), norms) > 0.01
    if prior.component is not None and not prior.component.atoms:
        assert distance(prior.component, z[..., 0].ravel()) < 1.95 / math.sqrt(norms.size)
    assert prior.scaled(-2.0).norm.mean() == pytest.approx(2.0 * prior.norm.mean(), nan_ok=True)
    assert pickle.loads(pickle.dumps(prior)) == prior
    if name in {"normal", "sphere", "ball", "t3"}:
        assert prior.std()[0] == pytest.approx(prior.component.std())


@pytest.mark.parametrize(("dim", "weights"), [(16, (0.6, 0.4)), (4096, (0.9, 0.1))])
def test_quadrature_finds_the_law_of_normal_sums(dim, weights):
    """The exact law is known: the deepest tails, too."""
    prior = otmaps.StandardNormal(dim).norm
    law = PairNorm(dim, prior, prior, weights).law(1e-12, "quadrature")
    exact = otmaps.Chi(float(dim), 0.0, math.hypot(*weights))
    p = np.array([1e-280, 1e-80, 1e-12, 1e-3, 0.3])
    assert law.error < 1e-11
    for x, found, truth in (
        (exact.ppf(p), law.cdf, exact.cdf),
        (exact.isf(p), law.sf, exact.sf),
    ):
        gap = np.abs(found(x) - truth(x))
        assert (gap <= law.error + exact.error).all()
        assert (gap <= (law.tail_error + exact.tail_error) * truth(x)).all()


def slerp_reference(dim, t, s):
    """P(norm <= s) by a product rule: norm^2 is a chi-square times a function of two angles."""
    nodes = 120
    x, w = special.roots_jacobi(nodes, 0.5 * dim - 1.0, 0.5 * dim - 1.0)
    c, v = special.roots_jacobi(nodes, 0.5 * (dim - 3.0), 0.5 * (dim - 3.0))
    share, angle = 0.5 * (1.0 + x[:, None]), np.arccos(c[None, :])
    p, q = np.sin((1.0 - t) * angle) / np.sin(angle), np.sin(t * angle) / np.sin(angle)
    square = p * p * share + q * q * (1.0 - share)
    square = square + 2.0 * p * q * np.sqrt(share * (1.0 - share)) * np.cos(angle)
    weight = w[:, None] * v[None, :] / (w.sum() * v.sum())
    return np.array([(weight * special.gammainc(dim, 0.5 * y * y / square)).sum() for y in s])


def test_the_law_of_slerp_is_that_of_a_product_rule(matched):
    law = matched.source.norm
    s = law.ppf(np.array([1e-6, 0.01, 0.2, 0.5, 0.9, 0.999]))
    exact = slerp_reference(40, 0.3, s)
    np.testing.assert_allclose(law.cdf(s), exact, rtol=0, atol=law.error + 1e-12)
    assert law.error < 1e-10
    assert abs(slerp_reference(40, 0.32, s) - law.cdf(s)).max() > 1e-4


def test_two_balls_add_up_to_two_spheres_in_two_more_dimensions():
    """A ball is the shadow of a sphere: N = S U^(1/d), with S^2 = (a - b)^2 + 4 a b B."""
    dim, a, b = 6, 0.7, 0.3
    law = otmaps.pushforward(otmaps.lerp(b), otmaps.Ball(dim)).norm
    x, w = special.roots_jacobi(80, 0.5 * (dim - 1.0), 0.5 * (dim - 1.0))
    sphere = np.sqrt((a - b) ** 2 + 2.0 * a * b * (1.0 + x))
    s = np.array([0.05, 0.2, 0.35])  # below a - b the rule has no kink
    exact = [(w * (y / sphere) ** dim).sum() / w.sum() for y in s]
    np.testing.assert_allclose(law.cdf(s), exact, rtol=1e-11)
    assert law.error < 1e-11
    draws = otmaps.Ball(dim).rvs((2, 20_000), 1)
    norms = np.linalg.norm(a * draws[0] + b * draws[1], axis=1)
    assert distance(law, norms) < 1.95 / math.sqrt(norms.size)


@pytest.mark.parametrize("name", ["t3", "cauchy", "sphere", "ball"])
@pytest.mark.parametrize("dim", [1, 2, 300])
def test_sums_follow_their_law(name, dim):
    prior, op = FAMILIES[name](dim), otmaps.lerp(0.4)
    if name == "sphere" and dim == 1:
        assert len(otmaps.pushforward(op, prior).norm.atoms) == 2
        return
    law = otmaps.pushforward(op, prior).norm
    draws = op.raw(*prior.rvs((2, 10_000), 2))
    assert distance(law, np.linalg.norm(draws, axis=1)) < 1.95 / 100.0
    assert law.error < 1e-11


def test_closed_families():
    lerp = otmaps.lerp(0.25)
    normal = otmaps.pushforward(lerp, otmaps.StandardNormal(7))
    assert normal == otmaps.Radial(7, otmaps.Chi(7.0, 0.0, math.hypot(0.25, 0.75)))
    cauchy = otmaps.MultivariateCauchy(7, 2.0)
    assert otmaps.pushforward(lerp, cauchy) == cauchy
    assert otmaps.match(lerp, cauchy, store=None).map.kind == "identity"
    sphere = otmaps.Sphere(7, 3.0)
    assert otmaps.pushforward(otmaps.slerp(0.2), sphere) == sphere
    assert otmaps.pushforward(otmaps.linear([0.0, -2.0]), sphere) == otmaps.Sphere(7, 6.0)
    mixed = {"z2": otmaps.MultivariateT(7, 5.0)}
    found = otmaps.pushforward(lerp, otmaps.StandardNormal(7), inputs=mixed)
    assert found.norm.error < 1e-11
    assert "composition" in found.method


def test_another_method_is_taken_at_its_word(matched):
    drawn = otmaps.pushforward(
        matched.operation, matched.target, method=otmaps.MonteCarlo(n=2**16, seed=1)
    )
    x = matched.source.norm.ppf(np.linspace(0.01, 0.99, 50))
    assert np.abs(drawn.norm.cdf(x) - matched.source.norm.cdf(x)).max() <= drawn.error
    assert drawn.error < 0.02


def test_quadrature_that_fails_is_an_error():
    with pytest.raises(otmaps.AccuracyError, match="could not be computed"):
        NormDensity.of(lambda t: np.full_like(t, -np.inf), lambda t: t, 1.0, 0.1)
    with pytest.raises(otmaps.AccuracyError, match="NaN"):
        LogRadius.of(Holed())


class Holed(otmaps.Distribution):
    """A law whose density is NaN near 1."""

    def _support(self):
        return 0.0, math.inf

    def _cdf(self, x):
        return -np.expm1(-x)

    def _sf(self, x):
        return np.exp(-x)

    def _pdf(self, x):
        return np.where(np.abs(x - 1.0) < 0.01, np.nan, np.exp(-x))


# ----------------------------------------------------------------------------------- matched slerp
def test_matched_slerp_follows_the_prior_and_raw_slerp_does_not(matched):
    prior = matched.target
    z1, z2 = prior.rvs((2, 100_000), 5)
    result, raw = matched(z1, z2), matched.raw(z1, z2)
    assert distance(prior.norm, np.linalg.norm(result, axis=1)) < 0.005
    assert distance(otmaps.Normal(), result[:, 7]) < 0.005
    assert distance(prior.norm, np.linalg.norm(raw, axis=1)) > 0.05
    # On the great arc, and nearer to slerp than the normalised alternative.
    np.testing.assert_allclose(matched.map(raw), result, rtol=0, atol=1e-13)
    norm = np.linalg.norm(raw, axis=1, keepdims=True)
    fresh = np.asarray(prior.norm.rvs((len(raw), 1), 1))
    cost = ((result - raw) ** 2).sum(axis=1).mean()
    assert cost < 0.1 * ((fresh / norm * raw - raw) ** 2).sum(axis=1).mean()
    assert matched.map.error < 1e-9


@pytest.mark.parametrize("name", FAMILIES)
@pytest.mark.parametrize("t", [0.0, 1.0])
@pytest.mark.parametrize("make_op", [otmaps.slerp, otmaps.lerp])
def test_the_ends_are_the_latents(name, t, make_op):
    prior = FAMILIES[name](6)
    z = prior.rvs((2, 20), 1)
    m = otmaps.match(make_op(t), prior, store=None)
    np.testing.assert_array_equal(m(*z), z[int(t)])


def test_a_sphere_is_kept_by_slerp_and_restored_after_other_operations():
    prior = otmaps.Sphere(5, 3.0)
    z = prior.rvs((3, 1000), 1)
    slerp = otmaps.match(otmaps.slerp(0.4), prior)
    assert slerp.map.kind == "identity"
    np.testing.assert_array_equal(slerp(*z[:2]), slerp.raw(*z[:2]))
    for op in (otmaps.lerp(0.4), otmaps.analogy(), otmaps.barycenter([0.2, 0.3, 0.5])):
        m = otmaps.match(op, prior)
        np.testing.assert_allclose(np.linalg.norm(m(*z[: len(op.latents)]), axis=1), 3.0)
        assert m.map.error == 0.0


@pytest.mark.parametrize("library", LIBRARIES)
def test_normal_latents_are_matched_as_by_components(library):
    op = otmaps.barycenter([0.2, 0.3, 0.5])
    whole = otmaps.match(op, otmaps.StandardNormal(16), store=None)
    single = otmaps.match(op, otmaps.Normal(), store=None)
    z = np.random.default_rng(1).standard_normal((3, 10, 16))
    np.testing.assert_array_equal(whole(*z), single(*z))
    kind = make(library)
    arrays = [kind.to(x) for x in z]
    found, expected = (kind.back(m(*arrays)) for m in (whole, single))
    np.testing.assert_allclose(found, expected, rtol=0, atol=1e-14)


def on_axes(matched, axis):
    """The same with other axes; to match anew would take seconds."""
    bent = dataclasses.replace(matched.map, axis=axis)
    op = otmaps.slerp(matched.operation.parameters["t"], axis=axis)
    assert otmaps.match(op, otmaps.Sphere(40)).axis == axis
    assert otmaps.match(otmaps.lerp(), otmaps.Sphere(40), axis=axis).axis == axis
    return dataclasses.replace(matched, operation=op, map=bent)


def test_latents_of_any_layout(matched):
    z = matched.target.rvs((2, 3, 4), 1)
    result = matched(*z)
    np.testing.assert_allclose(
        matched(z[0, 0, 0], z[1]), matched(np.broadcast_to(z[0, 0, 0], (3, 4, 40)), z[1])
    )
    images = on_axes(matched, (0, 2))
    folded = [np.moveaxis(x.reshape(12, 5, 8), 0, 1) for x in z]
    back = np.moveaxis(images(*folded), 0, 1).reshape(3, 4, 40)
    np.testing.assert_array_equal(back, result)
    tensors = z.reshape(2, 12, 2, 4, 5)
    noise = on_axes(matched, (1, 2, 3))(*tensors)
    np.testing.assert_array_equal(noise.reshape(3, 4, 40), result)
    out = np.empty_like(z[0])
    assert matched(*z, out=out) is out
    np.testing.assert_array_equal(out, result)
    single = matched(*z.astype(np.float32))
    assert single.dtype == np.float32
    np.testing.assert_allclose(single, result, rtol=0, atol=1e-5)
    half = matched(*z.astype(np.float16))
    assert half.dtype == np.float16
    np.testing.assert_allclose(half, result, rtol=0, atol=2e-2)
    assert matched(*z[:, :0]).shape == (0, 4, 40)
    with pytest.raises(ValueError, match="out must have"):
        matched(*z, out=np.empty(3))


def test_pairs_that_have_no_great_circle(matched):
    """Zero, equal, opposite and infinite latents: linear, and never NaN but for infinite ones."""
    rng = np.random.default_rng(0)
    a, zero = rng.standard_normal(40), np.zeros(40)
    for z1, z2, raw in (
        (zero, zero, zero),
        (zero, a, 0.3 * a),
        (a, a, a),
        (a, 3.0 * a, (0.7 + 0.9) * a),
        (a, -3.0 * a, (0.7 - 0.9) * a),
        (1e-170 * a, 1e-170 * a, 1e-170 * a),
    ):
        np.testing.assert_allclose(matched.raw(z1, z2), raw, rtol=1e-12)
        result = matched(z1, z2)
        np.testing.assert_allclose(result, matched.map(raw), rtol=1e-9)
        assert np.isfinite(result).all()
    assert np.isnan(matched(a, np.full(40, np.nan))).all()
    huge = matched(1e200 * a, 1e200 * rng.standard_normal(40))
    assert np.isfinite(huge).all()


@pytest.mark.parametrize("gap", [1e-3, 1e-7, 1e-11])
@pytest.mark.parametrize("side", [1.0, -1.0])
def test_nearly_parallel_and_nearly_opposite_latents_keep_their_digits(gap, side):
    a, b = np.array([[1.0, 0.0]]), np.array([[2.0 * side, 2.0 * gap]])
    weights = GreatArc.of(a, b).weights(0.3)[0]
    with mp.workdps(50):
        angle = mp.atan2(mp.mpf(b[0, 1]), mp.mpf(b[0, 0]))
        exact = [mp.sin(0.7 * angle) / mp.sin(angle), mp.sin(mp.mpf(0.3) * angle) / mp.sin(angle)]
    np.testing.assert_allclose(weights, [float(x) for x in exact], rtol=1e-12 + 4e-16 / gap)


# ------------------------------------------------------------------------------------- radial maps
def test_the_map_its_inverse_and_its_gradient(matched):
    T = matched.map
    y = matched.raw(*matched.target.rvs((2, 30), 9))
    np.testing.assert_allclose(T.inverse(T(y)), y, rtol=1e-9)
    v = np.random.default_rng(1).standard_normal(y.shape)
    step = 1e-5
    difference = (T(y + step * v) - T(y - step * v)) / (2.0 * step)
    np.testing.assert_allclose(T.gradient_product(y, v), difference, rtol=0, atol=1e-6)
    jacobian = T.gradient_product(y[0], np.eye(40))
    assert T.log_det(y[0]) == pytest.approx(np.linalg.slogdet(jacobian)[1], abs=1e-10)
    assert T.log_det(y).shape == (30,)
    zero = np.zeros((2, 40))
    np.testing.assert_array_equal(T(zero), zero)
    np.testing.assert_array_equal(T.inverse(zero), zero)
    assert np.isfinite(T.gradient_product(zero, v[:2])).all()


def test_a_map_to_a_sphere():
    T = otmaps.match(otmaps.lerp(0.5), otmaps.Sphere(3)).map
    y = np.random.default_rng(0).standard_normal((5, 3))
    v = np.random.default_rng(1).standard_normal((5, 3))
    np.testing.assert_allclose(np.linalg.norm(T(y), axis=1), 1.0)
    difference = (T(y + 1e-6 * v) - T(y - 1e-6 * v)) / 2e-6
    np.testing.assert_allclose(T.gradient_product(y, v), difference, rtol=0, atol=1e-8)
    assert (T.log_det(y) == -np.inf).all()
    with pytest.raises(ValueError, match="no inverse"):
        T.inverse(y)
    np.testing.assert_array_equal(T(np.zeros(3)), np.zeros(3))


def test_maps_are_stored(monkeypatch):
    store = otmaps.MemoryStore()
    prior, op = otmaps.MultivariateT(8, 3.0), otmaps.lerp(0.3)
    first = otmaps.match(op, prior, store=store)
    monkeypatch.setattr("otmaps._matched_isotropic.isotropic_law", None)
    again = otmaps.match(op, prior, store=store)
    z = prior.rvs((2, 50), 1)
    np.testing.assert_array_equal(first(*z), again(*z))
    otmaps.match(op, otmaps.MultivariateCauchy(8), store=store)  # closed forms are not stored
    assert len(store) == 1


def test_walks_stay_on_their_prior():
    prior = otmaps.Sphere(12, 2.0)
    start = np.moveaxis(prior.rvs((500,), 0).reshape(500, 3, 4), 0, 1)
    path = otmaps.random_walk(start, prior, steps=4, axis=(0, 2), random_state=1)
    np.testing.assert_allclose(np.linalg.norm(path, axis=(1, 3)), 2.0)
    raw = otmaps.random_walk(start, prior, steps=4, axis=(0, 2), random_state=1, matched=False)
    assert np.linalg.norm(raw[-1], axis=(0, 2)).mean() > 2.5
    normal = otmaps.StandardNormal(12)
    path = otmaps.random_walk(normal.rvs(2000, 0), normal, steps=20, random_state=1)
    assert distance(normal.norm, np.linalg.norm(path[-1], axis=1)) < 1.95 / math.sqrt(2000)


# ------------------------------------------------------------------------------ what is refused
def shift(z):
    return z + 1.0


NORMAL = otmaps.StandardNormal(4)
REFUSED = {
    "dim": (lambda: otmaps.StandardNormal(0), ValueError, "dim must be at least 1"),
    "dim type": (lambda: otmaps.StandardNormal(2.5), TypeError, "dim must be an integer"),
    "radius": (lambda: otmaps.Sphere(3, -1.0), ValueError, "radius must be positive"),
    "df": (lambda: otmaps.MultivariateT(3, 0.0), ValueError, "df must be positive"),
    "radial law": (lambda: otmaps.Radial(3, "gamma"), TypeError, "law must be a law"),
    "radial support": (lambda: otmaps.Radial(3, otmaps.Normal()), ValueError, "on .0, inf"),
    "as a law": (lambda: otmaps.as_distribution(NORMAL), TypeError, "law of whole latents"),
    "shape": (
        lambda: otmaps.match(otmaps.lerp(), NORMAL)(np.zeros((2, 5)), np.zeros((2, 5))),
        ValueError,
        r"4 components, but axis=-1.*\(2, 5\) holds 5",
    ),
    "map shape": (
        lambda: otmaps.match(otmaps.lerp(), NORMAL).map(np.zeros((2, 5))),
        ValueError,
        "4 components",
    ),
    "numbers": (
        lambda: otmaps.match(otmaps.lerp(), NORMAL)(1.0, 2.0),
        ValueError,
        "at least one axis",
    ),
    "axis twice": (
        lambda: otmaps.match(otmaps.slerp(0.5, axis=0), NORMAL, axis=1),
        ValueError,
        "name the axis of a latent once",
    ),
    "randomize": (
        lambda: otmaps.match(otmaps.lerp(), NORMAL, randomize=True),
        TypeError,
        "randomize=",
    ),
    "not linear": (
        lambda: otmaps.match(otmaps.operation(lambda a, b: a * b)(), NORMAL),
        otmaps.UnservedError,
        "not known to turn with its latents",
    ),
    "offset": (
        lambda: otmaps.pushforward(otmaps.operation(shift)(), NORMAL),
        otmaps.UnservedError,
        "not isotropic",
    ),
    "constant": (
        lambda: otmaps.match(otmaps.linear([0.0]), NORMAL),
        otmaps.UnservedError,
        "constant",
    ),
    "inputs": (
        lambda: otmaps.match(otmaps.vicinity(), NORMAL, inputs={"u": otmaps.Normal()}),
        TypeError,
        "must be isotropic laws",
    ),
    "inputs dim": (
        lambda: otmaps.match(otmaps.vicinity(), NORMAL, inputs={"u": otmaps.Sphere(3)}),
        ValueError,
        "4 dimensions",
    ),
    "atoms": (
        lambda: otmaps.match(
            otmaps.lerp(), otmaps.StandardNormal(1), inputs=[otmaps.Sphere(1), otmaps.Sphere(1)]
        ),
        otmaps.AtomError,
        "point mass",
    ),
    "one dimension": (
        lambda: otmaps.match(otmaps.lerp(), otmaps.Radial(1, otmaps.Gamma(2.0)), store=None),
        otmaps.UnservedError,
        "one dimension",
    ),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_is_refused(case):
    call, error, message = REFUSED[case]
    with pytest.raises(error, match=message):
        call()


# --------------------------------------------------------------------- arrays of other libraries
@pytest.mark.parametrize("library", LIBRARIES)
def test_slerp_and_radial_maps_of_other_libraries(matched, library):
    kind = make(library)
    z = matched.target.rvs((2, 3, 4), 1)
    a, b = kind.to(z[0]), kind.to(z[1])
    if library == "Dask":
        with pytest.raises(TypeError, match="whole latents"):
            matched(a, b)
        with pytest.raises(TypeError, match="whole latents"):
            matched.map(a)
        return
    np.testing.assert_allclose(kind.back(matched(a, b)), matched(*z), rtol=0, atol=1e-13)
    T, y = matched.map, z[0]
    np.testing.assert_allclose(kind.back(T(kind.to(y))), T(y), rtol=0, atol=1e-13)
    np.testing.assert_allclose(kind.back(T.inverse(kind.to(y))), T.inverse(y), rtol=0, atol=1e-13)
    tensors = z.reshape(2, 12, 2, 4, 5)
    noise = on_axes(matched, (1, 2, 3))
    found = kind.back(noise(*map(kind.to, tensors)))
    np.testing.assert_allclose(found, noise(*tensors), rtol=0, atol=1e-13)
    zero, one = np.zeros((1, 40)), np.ones((1, 40))
    for pair in ((zero, zero), (zero, one), (one, one), (one, -3.0 * one)):
        found = kind.back(matched(*map(kind.to, pair)))
        np.testing.assert_allclose(found, matched(*pair), rtol=0, atol=1e-13)
    sphere = otmaps.match(otmaps.lerp(0.3), otmaps.Sphere(40))
    np.testing.assert_allclose(kind.back(sphere(a, b)), sphere(*z), rtol=0, atol=1e-13)
    end = otmaps.match(otmaps.slerp(1.0), matched.target)
    np.testing.assert_array_equal(kind.back(end(a, b)), z[1])
    with pytest.raises(TypeError, match="NumPy arrays"):
        matched.map.log_det(a)
    with pytest.raises(ValueError, match="40 components"):
        matched(kind.to(np.ones((2, 3))), kind.to(np.ones((2, 3))))


def test_tensors_keep_their_dtype_and_have_gradients(matched):
    torch = make("torch").package
    z = torch.from_numpy(matched.target.rvs((2, 2), 1))
    exact = matched(*z)
    for dtype, size in ((torch.float32, 1e-5), (torch.float16, 1e-2), (torch.bfloat16, 1e-1)):
        found = matched(*z.to(dtype))
        assert found.dtype == dtype
        assert (found.double() - exact).abs().max() < size
    pair = [x.clone().requires_grad_() for x in z]
    assert torch.autograd.gradcheck(matched, pair, atol=1e-5)
    zero = torch.zeros(1, 40, dtype=torch.float64, requires_grad=True)
    matched(zero, z[0, :1]).sum().backward()
    assert torch.isfinite(zero.grad).all()


# ------------------------------------------------------------------- laws beside another method
TRUTHS = json.loads((Path(__file__).parent / "data" / "radial.json").read_text())
QUICK = {("normal", 16), ("normal", 10**6), ("t3", 64), ("t3", 10**6)}


@pytest.mark.parametrize(
    "case",
    [c for c in TRUTHS if (c["law"], c["dim"]) in QUICK or (c["law"], c["op"]) == ("ball", "lerp")],
    ids=lambda c: f"{c['law']} {c['dim']} {c['op']}",
)
@pytest.mark.filterwarnings("ignore::otmaps.AccuracyWarning")  # 1.1e-12 in 10^6 dimensions
def test_laws_of_norms_agree_with_another_method_to_ten_digits(case):
    """The others take too long: ``python -m benchmarks.isotropic truths``."""
    kind = {"t3": lambda d: otmaps.MultivariateT(d, 3.0), "cauchy": otmaps.MultivariateCauchy}
    kind |= {"normal": otmaps.StandardNormal, "ball": otmaps.Ball}
    op = {"slerp": otmaps.slerp, "lerp": otmaps.lerp}[case["op"]](case["t"])
    law = otmaps.pushforward(op, kind[case["law"]](case["dim"])).norm
    s, exact, other = np.array(case["rows"]).T
    assert np.abs(exact - other).max() < 1e-11
    assert np.abs(law.cdf(s) - exact).max() <= min(1e-10, law.error + 1e-11)
    assert np.abs(law.cdf(1.001 * s) - exact).max() > 1e-6


def test_a_density_that_ends_in_a_kink_is_kept_up_to_there():
    """The norm of slerp in a ball of many dimensions all but ends at the radius."""

    def density(t):
        with np.errstate(all="ignore"):
            return np.where(t < 0.51, 8.0 + 12.0 * np.log(0.51 - t), -1e4)

    found = NormDensity.of(density, density, 1.0, 0.2, kinks=[math.exp(0.51)])
    assert found.edges[-1] == pytest.approx(0.51, abs=1e-15)


def test_radii_far_apart_keep_both_modes():
    """The lattices against the adaptive rule where one latent is much longer than the other."""
    norm = TNorm(2.0, 3.0)
    pair = PairNorm(2, norm, norm, slerp=0.3)
    radii = (LogRadius.of(norm), LogRadius.of(norm))
    t = np.array([-10.0, 0.0, 3.0, 20.0])
    lattices, numbers = np.empty(4), pair._arc_numbers(1.0)
    arc_densities(t, numbers, 1.0, lattices)
    adaptive = pair._density(radii, 1.0, 1e-10, _edges(2))(t)
    np.testing.assert_allclose(lattices, adaptive, rtol=0, atol=1e-11)
    assert PairNorm(2, norm, PowerLaw(2.0), slerp=0.3)._arc_numbers(1.0) is None
    assert PairNorm(2, norm, norm, slerp=1.3)._arc_numbers(1.0) is None
