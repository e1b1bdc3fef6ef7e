"""Normal priors of any covariance: matched exactly, optimally, and equal to LOL where it serves."""

from __future__ import annotations

import math
import pickle

import mpmath as mp
import numpy as np
import pytest
from gaussian_cases import DIM, covariances, exact_map, in_deviations, ring, spread, waves
from scipy import stats
from test_backends import LIBRARIES, make

import otmaps
from otmaps import gaussian_map

KINDS = covariances()


def law(kind, mean=0.5):
    return otmaps.MultivariateNormal(mean, KINDS[kind])


def flat(x):
    return np.reshape(x, (-1, DIM))


def matched_with_other_noise(kind):
    """A vicinity operation whose noise has another law than the prior: white for all but white."""
    prior = law(kind, mean=1.5)
    noise = otmaps.Diagonal.white(prior.shape, 0.4)
    if kind == "white":
        noise = otmaps.Diagonal(np.linspace(0.5, 2.0, DIM))
    other = otmaps.MultivariateNormal(-0.3, noise)
    return otmaps.match(otmaps.vicinity(0.7), prior, inputs={"u": other})


# ------------------------------------------------------------------------- one law for all latents
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(
    "op", [otmaps.lerp(0.3), otmaps.barycenter([0.2, 0.5, 0.3]), otmaps.analogy()], ids=str
)
def test_equal_laws_give_the_formula_of_lol(kind, op):
    """Bodin et al. 2024, Lemma 1: (1 - a / sqrt(b)) mean + x / sqrt(b)."""
    prior = law(kind, mean=np.linspace(-1.0, 2.0, DIM).reshape(KINDS[kind].shape))
    m = otmaps.match(op, prior)
    z = prior.rvs((len(op.latents), 50), random_state=1)
    w = np.array(op.linear.weights)
    a, b = w.sum(), (w * w).sum()
    lol = (1.0 - a / math.sqrt(b)) * prior.mean + np.tensordot(w, z, 1) / math.sqrt(b)
    np.testing.assert_allclose(m(*z), lol, rtol=0, atol=20 * np.finfo(float).eps * np.abs(z).max())
    assert m.map.factor == 1.0 / math.hypot(*w)
    assert m.map.error <= 1e-15


def test_lol_without_its_mean_term_is_told_apart():
    prior = law("dense", mean=2.0)
    z = prior.rvs((2, 50), random_state=1)
    gap = otmaps.match(otmaps.lerp(0.5), prior)(*z) - (z[0] + z[1]) * math.sqrt(0.5)
    assert np.abs(gap).min() > 0.5


@pytest.mark.parametrize("t", [0.0, 1.0])
def test_the_ends_are_the_latents_bit_by_bit(t):
    prior = law("dense")
    z = prior.rvs((2, 20), random_state=0)
    m = otmaps.match(otmaps.lerp(t), prior)
    assert m.map.kind == "identity"
    assert m.map.distance == m.map.error == m.map.rounding == 0.0
    assert np.array_equal(m(*z), z[int(t)])
    assert m(*z) is not z[int(t)]


# --------------------------------------------------------------------------- latents of other laws
@pytest.mark.parametrize("kind", KINDS)
def test_the_map_is_that_of_pot(kind):
    ot = pytest.importorskip("ot")
    m = matched_with_other_noise(kind)
    S, C = m.source.covariance.matrix(), m.target.covariance.matrix()
    means = m.source.mean.ravel(), m.target.mean.ravel()
    A, b = ot.gaussian.bures_wasserstein_mapping(*means, S, C)
    z = m.target.rvs(40, random_state=1), m.inputs[1].rvs(40, random_state=2)
    y = m.raw(*z)
    # POT's formula loses digits by the product of both conditions.
    loss = np.linalg.cond(S) * np.linalg.cond(C) * 1e-14
    np.testing.assert_allclose(m.map.matrix(), A, rtol=0, atol=loss)
    np.testing.assert_allclose(flat(m(*z)), flat(y) @ A + b, rtol=0, atol=30 * loss)
    found = ot.gaussian.bures_wasserstein_distance(*means, S, C)
    assert m.map.distance == pytest.approx(float(found), abs=1e-6)
    np.testing.assert_allclose(m.map.inverse(m.map(y)), y, rtol=0, atol=1e-11)


@pytest.mark.parametrize("kind", KINDS)
def test_the_stated_error_covers_the_truth(kind):
    m = matched_with_other_noise(kind)
    S, C = m.source.covariance.matrix(), m.target.covariance.matrix()
    gap = exact_map(S, C) - mp.matrix(m.map.matrix().tolist())
    # The matrices themselves are rounded, where they are not what the law is given by.
    slack = 1e-15 * DIM * (np.linalg.cond(S) + np.linalg.cond(C))
    assert in_deviations(gap, S, C) <= m.map.error + (0.0 if kind == "dense" else slack)
    assert m.map.error < 1e-10


@pytest.mark.parametrize("d", [2, 7])
@pytest.mark.parametrize("conditions", [(1e1, 1e2), (1e9, 1e3), (1e3, 1e9), (1e8, 1e8)])
def test_the_error_of_dense_maps_grows_with_the_condition_and_is_stated(d, conditions):
    S, C = (spread(d, c, seed=i, scales=2.0 * i) for i, c in enumerate(conditions))
    found = gaussian_map(otmaps.MultivariateNormal(0.0, S), otmaps.MultivariateNormal(0.0, C))
    gap = exact_map(S, C) - mp.matrix(found.matrix().tolist())
    wrong = in_deviations(gap, S, C)
    assert wrong <= found.error
    assert found.error < 1e-13 * d * sum(conditions)
    bent = found.matrix() * (1.0 + 3.0 * found.error)  # and a map that is off is seen to be off
    assert in_deviations(exact_map(S, C) - mp.matrix(bent.tolist()), S, C) > found.error


@pytest.mark.parametrize("kind", KINDS)
def test_the_result_has_the_covariance_of_the_prior(kind):
    m = matched_with_other_noise(kind)
    A, S, C = m.map.matrix(), m.source.covariance.matrix(), m.target.covariance.matrix()
    white = otmaps.Dense(C).power(-0.5).matrix((DIM,))
    gap = white @ (A @ S @ A.T) @ white - np.eye(DIM)
    assert np.linalg.norm(gap, 2) <= 2.0 * m.map.error + 1e-13 * np.linalg.cond(C)
    np.testing.assert_allclose(A, A.T, rtol=0, atol=1e-13 * np.abs(A).max())
    assert np.linalg.eigvalsh(A)[0] > 0.0


@pytest.mark.parametrize("kind", KINDS)
def test_a_map_by_cholesky_keeps_the_prior_and_costs_more(kind):
    m = matched_with_other_noise(kind)
    S, C = m.source.covariance.matrix(), m.target.covariance.matrix()
    K, L = np.linalg.cholesky(S), np.linalg.cholesky(C)
    wrong = L @ np.linalg.inv(K)
    np.testing.assert_allclose(wrong @ S @ wrong.T, C, rtol=0, atol=1e-12)
    gap = float(np.linalg.norm(m.target.mean - m.source.mean))
    cost, best = (math.hypot(gap, np.linalg.norm(A @ K - K)) for A in (wrong, m.map.matrix()))
    assert best == pytest.approx(m.map.distance, rel=1e-12)
    diagonal = kind in {"white", "diagonal"}
    assert cost == pytest.approx(best) if diagonal else cost > 1.001 * best


@pytest.mark.parametrize("kind", KINDS)
def test_results_follow_the_prior_and_raw_ones_do_not(kind):
    m = matched_with_other_noise(kind)
    n = 5_000
    z = m.target.rvs(n, random_state=3), m.inputs[1].rvs(n, random_state=4)
    y = m.raw(*z)
    bent = m(*z)
    scores = m.target.whiten(bent)
    allowed = 1.95 / math.sqrt(scores.size)
    assert stats.kstest(scores.ravel(), "norm").statistic < allowed
    assert np.abs(np.cov(flat(scores).T) - np.eye(DIM)).max() < 6.0 / math.sqrt(n)
    assert stats.kstest(m.target.whiten(y).ravel(), "norm").statistic > 2.0 * allowed
    cost = np.square(flat(bent - y)).sum(axis=1)
    assert abs(cost.mean() - m.map.distance**2) < 5.0 * cost.std() / math.sqrt(n)


def test_the_exact_plan_of_pot_leaves_the_pairs_as_they_are():
    """Pairs (y, T(y)) are an optimal plan between their samples if and only if T is optimal."""
    ot = pytest.importorskip("ot")
    S, C = spread(3, 30.0, 3), spread(3, 10.0, 4)
    source, target = (otmaps.MultivariateNormal(mean, c) for mean, c in ((0.5, S), (0.0, C)))
    y = source.rvs(300, random_state=7)
    wrong = (y - source.mean) @ (np.linalg.cholesky(C) @ np.linalg.inv(np.linalg.cholesky(S))).T
    right = gaussian_map(source, target)(y)
    shares = [np.trace(ot.emd([], [], ot.dist(y, z))) for z in (right, wrong)]
    assert shares[0] == pytest.approx(1.0, abs=1e-12)
    assert shares[1] < 0.9


@pytest.mark.parametrize("kind", KINDS)
def test_the_divergence_is_that_of_the_textbook(kind):
    m = matched_with_other_noise(kind)
    S, C = m.source.covariance.matrix(), m.target.covariance.matrix()
    gap = (m.target.mean - m.source.mean).ravel()
    solved = np.linalg.solve(C, S)
    trace = np.trace(solved) - DIM + gap @ np.linalg.solve(C, gap)
    expected = 0.5 * (trace - np.linalg.slogdet(solved)[1])
    assert m.source.divergence(m.target) == pytest.approx(expected, rel=1e-10)
    assert m.target.divergence(m.target) == 0.0


def test_the_divergence_of_a_raw_midpoint_grows_with_the_dimension():
    for d in (10, 1000):
        prior = otmaps.MultivariateNormal(0.0, otmaps.LowRank(np.ones((d, 1)), 1.0))
        raw = otmaps.match(otmaps.lerp(0.5), prior).source
        assert raw.divergence(prior) == pytest.approx(0.5 * d * (0.5 - 1.0 + math.log(2.0)))


def test_the_distance_of_laws_next_to_each_other_keeps_its_digits():
    prior = otmaps.MultivariateNormal(0.0, np.eye(4))
    near = otmaps.MultivariateNormal(0.0, np.eye(4) * (1.0 + 1e-10))
    assert gaussian_map(prior, near).distance == pytest.approx(1e-10, rel=1e-5)


@pytest.mark.parametrize("kind", KINDS)
def test_the_rounding_of_a_call_is_as_stated(kind):
    m = matched_with_other_noise(kind)
    y = m.source.rvs(200, random_state=6)
    A = m.map.matrix().astype(np.longdouble)
    centred = flat(y).astype(np.longdouble) - m.source.mean.ravel()
    exact = centred @ A + m.target.mean.ravel()
    rms = math.sqrt(float(np.square(flat(m.map(y)) - exact).sum(axis=1).mean()))
    unit = math.sqrt(m.target.covariance.trace)
    assert rms <= m.map.rounding * unit
    assert m.map.rounding < 1e-12


# ----------------------------------------------------------------------------------- how it is used
@pytest.mark.parametrize("kind", KINDS)
def test_single_precision_is_computed_in_double(kind):
    m = matched_with_other_noise(kind)
    z = m.target.rvs(30, random_state=1), m.inputs[1].rvs(30, random_state=2)
    single = [x.astype(np.float32) for x in z]
    found = m(*single)
    assert found.dtype == np.float32
    exact = m(*(x.astype(np.float64) for x in single))
    np.testing.assert_allclose(found, exact, rtol=1.3e-7, atol=1e-12)
    half = m(*(x.astype(np.float16) for x in z))
    assert half.dtype == np.float16


@pytest.mark.parametrize("kind", KINDS)
def test_axes_and_out(kind):
    base = matched_with_other_noise(kind)
    own = base.target.shape
    z = base.target.rvs((5, 3), random_state=1), base.inputs[1].rvs((5, 3), random_state=2)
    expected = base(*z)
    last = tuple(range(-len(own), 0))
    axes = tuple(range(len(own)))  # latents first, the batch last
    m = otmaps.match(base.operation, base.target, inputs=base.inputs, axis=axes)
    moved = [np.moveaxis(x, last, axes) for x in z]
    found = m(*moved)
    np.testing.assert_allclose(np.moveaxis(found, axes, last), expected, rtol=0, atol=1e-13)
    out = np.empty_like(expected)
    assert base(*z, out=out) is out
    assert np.array_equal(out, expected)
    assert base(z[0], z[1], out=z[0]) is z[0]
    assert np.array_equal(z[0], expected)
    with pytest.raises(ValueError, match="axis="):
        base(np.zeros((4, 5)), np.zeros((4, 5)))


def test_a_vector_may_lie_along_several_axes():
    prior = law("dense")
    m = otmaps.match(otmaps.vicinity(0.5), prior, inputs={"u": law("white")}, axis=(1, 2))
    z, u = prior.rvs(4, random_state=0), law("white").rvs(4, random_state=1)
    shaped = m(z.reshape(4, 3, 4), u.reshape(4, 3, 4))
    plain = otmaps.match(otmaps.vicinity(0.5), prior, inputs={"u": law("white")})(z, u)
    np.testing.assert_allclose(shaped.reshape(4, DIM), plain, rtol=0, atol=1e-14)


def test_a_large_image_of_noise_takes_no_matrix():
    shape = (128, 96)
    squares = np.fft.fftfreq(128)[:, None] ** 2 + np.fft.fftfreq(96) ** 2
    prior = otmaps.MultivariateNormal(0.0, otmaps.Circulant(1.0 / (1e-3 + squares)))
    white = otmaps.MultivariateNormal(0.0, otmaps.Diagonal.white(shape, 50.0))
    m = otmaps.match(otmaps.vicinity(0.5), prior, inputs={"u": white})
    z, u = prior.rvs(8, random_state=0), white.rvs(8, random_state=1)
    scores = prior.whiten(m(z, u))
    assert stats.kstest(scores.ravel(), "norm").statistic < 1.95 / math.sqrt(scores.size)
    with pytest.raises(otmaps.UnservedError, match="4096"):
        prior.covariance.matrix()


def test_low_rank_stays_cheap_in_many_dimensions():
    d = 8_000
    rng = np.random.default_rng(0)
    prior = otmaps.MultivariateNormal(0.0, otmaps.LowRank(rng.standard_normal((d, 3)), 0.5))
    white = otmaps.MultivariateNormal(0.0, otmaps.Diagonal.white(d))
    m = otmaps.match(otmaps.vicinity(0.5), prior, inputs={"u": white})
    scores = prior.whiten(m(prior.rvs(20, random_state=0), white.rvs(20, random_state=1)))
    assert stats.kstest(scores.ravel(), "norm").statistic < 1.95 / math.sqrt(scores.size)
    uneven = otmaps.LowRank(rng.standard_normal((d, 3)), rng.uniform(1.0, 2.0, d))
    same = otmaps.match(otmaps.lerp(0.5), otmaps.MultivariateNormal(0.0, uneven))
    assert same.map.factor == pytest.approx(math.sqrt(2.0))
    with pytest.raises(otmaps.UnservedError, match="Covariances of one kind"):
        gaussian_map(white, otmaps.MultivariateNormal(0.0, uneven))


@pytest.mark.parametrize("kind", KINDS)
def test_draws_roots_and_whitening(kind):
    prior = law(kind)
    covariance, n = prior.covariance, 5_000
    C = covariance.matrix()
    found = np.cov(flat(prior.rvs(n, random_state=0)).T)
    assert np.abs(found - C).max() < 8.0 * C.diagonal().max() / math.sqrt(n)
    np.testing.assert_allclose(covariance.variances.ravel(), C.diagonal(), rtol=1e-13)
    x = prior.rvs(7, random_state=1)
    np.testing.assert_allclose(flat(covariance.multiply(x)), flat(x) @ C, atol=1e-11)
    np.testing.assert_allclose(covariance.whiten(covariance.root(x)), x, atol=1e-11)
    np.testing.assert_allclose(
        covariance.root(covariance.root(x)), covariance.multiply(x), atol=1e-11
    )
    again = pickle.loads(pickle.dumps(prior))
    assert again == prior
    assert hash(again) == hash(prior)
    assert again != law("diagonal" if kind == "dense" else "dense")


# ---------------------------------------------------------------------------------- clear refusals
def test_operations_that_are_not_linear_need_independent_components():
    higher = otmaps.operation(np.maximum)()
    with pytest.raises(otmaps.UnservedError, match="correlated"):
        otmaps.match(higher, law("dense"))
    with pytest.raises(otmaps.UnservedError, match="closed form"):
        otmaps.match(otmaps.lerp(0.5), law("dense"), method=otmaps.MonteCarlo())
    prior = otmaps.MultivariateNormal([0.0, 3.0, 0.0], otmaps.Diagonal([1.0, 4.0, 1.0]))
    m = otmaps.match(higher, prior, store=None)
    assert len(m.groups) == 2
    z = m(*prior.rvs((2, 20_000), random_state=0))
    assert stats.kstest(prior.whiten(z).ravel(), "norm").statistic < 1.95 / math.sqrt(z.size)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: otmaps.Dense([[1.0, 2.0], [2.0, 1.0]]), "eigenvalues go from -1 to 3"),
        (lambda: otmaps.Dense([[1.0, 1.0], [1.0, 1.0]]), "Add a ridge"),
        (lambda: otmaps.Dense([[1.0, 0.5], [0.2, 1.0]]), "not symmetric"),
        (lambda: otmaps.Dense([1.0, 2.0]), "otmaps.Diagonal"),
        (lambda: otmaps.Dense([[math.nan]]), "finite"),
        (lambda: otmaps.Diagonal([1.0, 0.0]), "positive, got 0"),
        (lambda: otmaps.Diagonal([]), "empty"),
        (lambda: otmaps.LowRank([1.0, 2.0], 1.0), r"\(dim, rank\)"),
        (lambda: otmaps.LowRank([[1.0], [2.0]], -1.0), "noise must be finite and positive"),
        (lambda: otmaps.LowRank([[1.0], [2.0]], [1.0] * 3), "one number or 2"),
        (lambda: otmaps.Circulant(1.0), "array of the shape"),
        (lambda: otmaps.Circulant([1.0, 2.0, 3.0]), "opposite frequencies"),
        (lambda: otmaps.Circulant.from_kernel([1.0, 0.9, 0.1, 0.9]), "not positive definite"),
        (lambda: otmaps.Circulant.from_kernel([1.0, 0.9, 0.1, 0.2]), "even around the torus"),
        (lambda: otmaps.Circulant.from_kernel([math.inf]), "finite array"),
        (lambda: otmaps.MultivariateNormal([0.0] * 3, np.eye(2)), "mean has shape"),
        (lambda: otmaps.MultivariateNormal(math.nan, np.eye(2)), "mean must be finite"),
        (lambda: law("dense").covariance.multiply(np.zeros(5)), "vectors of shape"),
        (lambda: gaussian_map(law("dense"), law("image")), "one is needed"),
        (lambda: law("dense").divergence(law("image")), "other has shape"),
        (lambda: otmaps.match(otmaps.lerp(0.5), law("dense"), inputs=[law("image"), None]),
         "vectors of shape"),
        (lambda: otmaps.match(otmaps.linear([0.0, 0.0]), law("dense")), "constant"),
    ],
)  # fmt: skip
def test_what_makes_no_law_is_refused(make, message):
    with pytest.raises(ValueError, match=message):
        make()


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: gaussian_map("normal", law("dense")), "otmaps.MultivariateNormal"),
        (lambda: otmaps.match(otmaps.lerp(0.5), law("dense"), inputs=["normal", None]), "white"),
        (lambda: otmaps.pushforward(otmaps.lerp(0.5), law("dense")), "whole latents"),
        (lambda: otmaps.match(otmaps.lerp(0.5), "normal", axis=1), "axis="),
    ],
)
def test_what_is_no_law_of_vectors_is_refused(make, message):
    with pytest.raises(TypeError, match=message):
        make()


def test_nearly_singular_covariances_are_warned_of():
    prior = otmaps.MultivariateNormal(0.0, spread(6, 1e9, 0))
    white = otmaps.MultivariateNormal(0.0, np.diag(np.arange(1.0, 7.0)))
    with pytest.warns(otmaps.AccuracyWarning, match="nearly singular"):
        m = otmaps.match(otmaps.vicinity(0.5), prior, inputs={"u": white})
    assert m.map.error > 1e-9


def test_spectra_and_kernels_say_the_same():
    kernel = ring(DIM, 2.0)
    one, other = otmaps.Circulant.from_kernel(kernel), otmaps.Circulant(np.fft.fft(kernel).real)
    np.testing.assert_allclose(one.matrix(), other.matrix(), atol=1e-14)
    np.testing.assert_allclose(one.matrix()[0], kernel, atol=1e-14)
    image = otmaps.Circulant(waves()).matrix()
    expected = np.fft.ifft2(waves()).real.ravel()
    np.testing.assert_allclose(image[0], expected, atol=1e-13)


def test_they_say_what_they_are():
    m = matched_with_other_noise("dense")
    assert "Matrix" in repr(m)
    assert "dim" not in repr(m.map)
    assert "Dense(shape=(12,))" in repr(m.target)
    assert m.map.kind == "affine"
    assert m.axis is None


@pytest.mark.parametrize("name", LIBRARIES)
@pytest.mark.parametrize("kind", ["diagonal", "dense", "low rank", "image"])
def test_arrays_of_other_libraries(name, kind):
    library = make(name)
    m = matched_with_other_noise(kind)
    z = m.target.rvs(5, random_state=0), m.inputs[1].rvs(5, random_state=1)
    arrays = [library.to(x) for x in z]
    same = otmaps.match(otmaps.lerp(0.5), m.target)
    for operation in (same, m):
        if name == "Dask" and operation is m:
            with pytest.raises(TypeError, match="map_blocks"):
                m(*arrays)
            return
        found = operation(*arrays)
        assert type(found) is type(arrays[0])
        np.testing.assert_allclose(library.back(found), operation(*z), rtol=0, atol=1e-12)
        np.testing.assert_allclose(
            library.back(operation.raw(*arrays)), operation.raw(*z), rtol=0, atol=1e-12
        )
        with pytest.raises(TypeError, match="out="):
            operation(*arrays, out=np.empty_like(z[0]))
