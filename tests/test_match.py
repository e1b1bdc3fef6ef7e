"""The chain as users run it: match, call, look, find again in another process."""

from __future__ import annotations

import os
import pickle
import subprocess
import sys
import warnings

import numpy as np
import pytest
from cases import OPERATIONS, PRIORS
from scipy import special

import otmaps


def ks_distance(values, law):
    ordered = np.sort(np.ravel(values))
    u = law.cdf(ordered)
    n = len(ordered)
    steps = np.arange(n + 1) / n
    return max(np.max(np.abs(u - steps[1:])), np.max(np.abs(u - steps[:-1])))


@pytest.mark.needs_jit
@pytest.mark.parametrize("prior", PRIORS)
@pytest.mark.parametrize("name", OPERATIONS)
def test_matched_latents_follow_the_prior(name, prior):
    """10^6 draws pass a Kolmogorov-Smirnov test; the raw ones fail it, unless they do follow."""
    op, law = OPERATIONS[name], PRIORS[prior]
    m = otmaps.match(op, law)
    n = 1_000_000
    rng = np.random.default_rng(20)
    z = [law.rvs(n, rng) for _ in op.latents]
    matched = m(*z)
    # 96 cases: a false alarm in one of them has probability below 0.005.
    allowed = special.kolmogi(0.005 / 96) / np.sqrt(n)
    assert ks_distance(matched, law) < allowed
    if m.map.kind != "identity":
        assert ks_distance(op.raw(*z), law) > allowed


@pytest.mark.needs_jit
@pytest.mark.parametrize("prior", PRIORS)
def test_matched_walks_stay_on_the_prior(prior):
    """The last of 5 steps of 10^6 walks passes the same test; the raw walk fails it."""
    law, n = PRIORS[prior], 1_000_000
    start = law.rvs(n, 21)
    allowed = special.kolmogi(0.005 / 12) / np.sqrt(n)
    path = otmaps.random_walk(start, law, eps=0.5, steps=5, random_state=22)
    assert ks_distance(path[-1], law) < allowed
    raw = otmaps.random_walk(start, law, eps=0.5, steps=1, matched=False, random_state=22)
    assert ks_distance(raw[-1], law) > allowed


@pytest.mark.parametrize("prior", PRIORS)
@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_the_ends_return_the_input_exactly(prior, dtype):
    law = PRIORS[prior]
    z1, z2 = law.rvs((2, 50), 1).astype(dtype)
    z1[0], z2[1] = np.nan, np.inf
    for op, expected in [
        (otmaps.lerp(0.0), z1),
        (otmaps.lerp(1.0), z2),
        (otmaps.vicinity(0.0), z1),
    ]:
        m = otmaps.match(op, law)
        result = m(z1, z2)
        assert result.dtype == dtype
        np.testing.assert_array_equal(result, expected)
        assert m.map.kind == "identity"


def test_the_uniform_midpoint_has_its_closed_form():
    """The trapezoid of the paper: T(y) = F_Z^-1(F_Y(y)), a parabola on each side."""
    m = otmaps.match(otmaps.lerp(0.5), "uniform", tol=1e-9)
    y = np.linspace(-1, 1, 4001)
    exact = np.where(y < 0, (1 + y) ** 2 - 1, 1 - (1 - y) ** 2)
    assert np.max(np.abs(m.map(y) - exact)) <= m.map.error <= 1e-9


def test_the_normal_law_is_divided_by_the_root_of_the_variance_factor():
    for op, factor in [
        (otmaps.lerp(0.3), 0.3**2 + 0.7**2),
        (otmaps.barycenter([0.25] * 4), 0.25),
        (otmaps.vicinity(0.5), 1.25),
        (otmaps.analogy(), 3.0),
    ]:
        m = otmaps.match(op, otmaps.Normal())
        assert m.map.kind == "affine"
        z = np.random.default_rng(3).standard_normal((len(op.latents), 100))
        # Where the terms cancel, both round by units in the last place of the terms.
        wanted = op.raw(*z) / np.sqrt(factor)
        np.testing.assert_allclose(m(*z), wanted, rtol=1e-14, atol=2e-15)


def test_convex_combinations_of_cauchy_latents_need_no_map():
    for weights in ([0.3, 0.7], [0.1, 0.2, 0.3, 0.4], [1 / 3] * 3):
        m = otmaps.match(otmaps.barycenter(weights), otmaps.Cauchy())
        assert m.map.kind == "identity"
        assert m.map.error == 0.0


def test_shapes_dtypes_and_out():
    m = otmaps.match(otmaps.lerp(0.5), "uniform")
    z1, z2 = np.random.default_rng(0).uniform(-1, 1, (2, 3, 4, 5))
    whole = m(z1, z2)
    assert whole.shape == (3, 4, 5)
    np.testing.assert_array_equal(m(z1.T, z2.T), whole.T)
    np.testing.assert_array_equal(m(z1[::2, ::-1], z2[::2, ::-1]), whole[::2, ::-1])
    np.testing.assert_array_equal(m(z1, z2[0, 0])[0, 0], whole[0, 0])
    assert isinstance(m(0.2, 0.3), float)
    assert m(0.2, 0.3) == m(np.array([0.2]), np.array([0.3]))[0]
    assert m(np.zeros((0, 3)), np.zeros((0, 3))).shape == (0, 3)
    assert m([0, 1], [1, 0]).dtype == np.float64

    out = np.empty((3, 4, 5))
    assert m(z1, z2, out=out) is out
    np.testing.assert_array_equal(out, whole)
    z = z1.copy()
    assert m(z, z2, out=z) is z
    np.testing.assert_array_equal(z, whole)

    single = m(z1.astype(np.float32), z2.astype(np.float32))
    assert single.dtype == np.float32
    # float32 latents: the midpoint is rounded, and T' is at most 2.
    assert np.max(np.abs(single - whole)) < 4 * np.finfo(np.float32).eps
    z1.flags.writeable = False
    np.testing.assert_array_equal(m(z1, z2), whole)


def test_nan_and_infinite_latents():
    m = otmaps.match(otmaps.lerp(0.5), otmaps.Laplace())
    result = m([np.nan, np.inf, -np.inf, np.inf, 0.0], [0.0, 0.0, 0.0, -np.inf, np.nan])
    np.testing.assert_array_equal(result, [np.nan, np.inf, -np.inf, np.nan, np.nan])
    bounded = otmaps.match(otmaps.lerp(0.5), "uniform")
    np.testing.assert_array_equal(bounded([np.inf, -np.inf], [0.0, 0.0]), [1.0, -1.0])


@pytest.mark.parametrize("out", [np.empty(3), np.empty((2,), np.float32), [0.0, 0.0]])
def test_a_wrong_out_is_refused(out):
    m = otmaps.match(otmaps.lerp(0.5), "uniform")
    with pytest.raises((ValueError, TypeError), match="out"):
        m(np.zeros(2), np.zeros(2), out=out)


def test_extrapolation_is_legitimate():
    m = otmaps.match(otmaps.lerp(1.5), "uniform")
    z = np.random.default_rng(0).uniform(-1, 1, (2, 100_000))
    assert np.abs(m(*z)).max() <= 1.0


def test_inputs_name_the_laws_of_single_latents():
    """A uniform latent with normal noise, against the same law by Monte Carlo."""
    op = otmaps.vicinity(0.5)
    m = otmaps.match(op, "uniform", inputs={"u": otmaps.Normal()})
    assert m.inputs == (otmaps.Uniform(), otmaps.Normal())
    rng = np.random.default_rng(4)
    z = m(rng.uniform(-1, 1, 200_000), rng.standard_normal(200_000))
    assert ks_distance(z, otmaps.Uniform()) < 2.2 / np.sqrt(200_000)
    same = otmaps.match(op, "uniform", inputs=[None, otmaps.Normal()])
    assert same.map(0.3) == m.map(0.3)


def test_a_users_operation_goes_through_the_whole_chain():
    @otmaps.operation
    def gated(z1, z2):
        return z1 * np.tanh(z1 + z2)

    m = otmaps.match(gated(), otmaps.Normal())
    assert m.source.method.startswith("conditioning")
    z = np.random.default_rng(5).standard_normal((2, 100_000))
    distance = ks_distance(m(*z), otmaps.Normal())
    assert distance < m.source.error + 2.2 / np.sqrt(100_000)
    assert ks_distance(gated().raw(*z), otmaps.Normal()) > 0.1


def test_an_estimator_object_accepts_what_it_reaches():
    op = otmaps.operation(lambda a, b: a * b)()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        m = otmaps.match(op, "normal", method=otmaps.MonteCarlo(n=2**14, seed=3))
    assert m.map.error > 1e-9
    assert m.source.error < 0.02


def test_slerp_is_no_operation_on_components():
    with pytest.raises(otmaps.UnservedError, match=r"slerp.*mixes components"):
        otmaps.match(otmaps.slerp(0.5), "normal")


def test_atoms_are_refused_by_name():
    clipped = otmaps.operation(lambda a, b: np.clip(a + b, -1.0, 1.0))()
    with pytest.raises(otmaps.AtomError, match=r"mass.*1"):
        otmaps.match(clipped, "normal")


def test_matched_operations_travel():
    m = otmaps.match(otmaps.lerp(0.4), otmaps.Laplace())
    again = pickle.loads(pickle.dumps(m))
    y = np.linspace(-5, 5, 101)
    np.testing.assert_array_equal(again.map(y), m.map(y))
    assert "lerp(t=0.4)" in repr(m)


PROGRAM = """
import sys, warnings
import numpy as np, otmaps
import otmaps._match as stage
warnings.simplefilter("error")
if "fail" in sys.argv:
    def no_build(*args, **kwargs):
        raise SystemExit("built again")
    stage.build_map = no_build
m = otmaps.match(otmaps.lerp(0.35), otmaps.Laplace())
print(m.map(np.linspace(-3, 3, 7)).tobytes().hex(), m.map.error.hex())
"""


def test_another_process_finds_the_table_again(store_dir):
    def run(*args):
        command = [sys.executable, "-c", PROGRAM, *args]
        done = subprocess.run(command, capture_output=True, text=True, env=os.environ, check=False)
        assert done.returncode == 0, done.stderr
        return done.stdout

    first = run()
    assert len(list(store_dir.rglob("*.safetensors"))) == 1
    assert run("fail") == first


def test_without_a_store_nothing_is_written(store_dir):
    otmaps.match(otmaps.lerp(0.35), otmaps.Laplace(), store=None)
    otmaps.match(otmaps.lerp(0.35), otmaps.Normal())  # affine: quicker than to look it up
    assert not list(store_dir.rglob("*.safetensors"))


def test_a_corrupt_table_is_rebuilt_with_one_warning(store_dir):
    store = otmaps.TableStore(store_dir)
    first = otmaps.match(otmaps.lerp(0.35), otmaps.Laplace(), store=store)
    (path,) = store_dir.rglob("*.safetensors")
    data = bytearray(path.read_bytes())
    data[-20] ^= 1
    path.write_bytes(bytes(data))
    with pytest.warns(otmaps.StoreWarning, match="built anew"):
        second = otmaps.match(
            otmaps.lerp(0.35), otmaps.Laplace(), store=otmaps.TableStore(store_dir)
        )
    assert second.map(0.7) == first.map(0.7)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        otmaps.match(otmaps.lerp(0.35), otmaps.Laplace(), store=otmaps.TableStore(store_dir))


@pytest.mark.parametrize("matched", [True, False])
def test_random_walks(matched):
    prior = otmaps.Uniform()
    start = prior.rvs((500, 16), 0)
    path = otmaps.random_walk(start, prior, steps=20, matched=matched, random_state=1)
    assert path.shape == (21, 500, 16)
    np.testing.assert_array_equal(path[0], start)
    spread = path[-1].std() / prior.std()
    assert (abs(spread - 1.0) < 0.02) if matched else spread > 2.0
    again = otmaps.random_walk(start, prior, steps=20, matched=matched, random_state=1)
    np.testing.assert_array_equal(path, again)


def test_random_walk_keeps_float32_and_refuses_nonsense():
    start = np.zeros((3, 4), np.float32)
    assert otmaps.random_walk(start, "normal", steps=2, random_state=0).dtype == np.float32
    assert otmaps.random_walk(start, "normal", steps=0).shape == (1, 3, 4)
    with pytest.raises(ValueError, match="steps"):
        otmaps.random_walk(start, "normal", steps=-1)
    with pytest.raises(TypeError, match="steps"):
        otmaps.random_walk(start, "normal", steps=1.5)


def test_mismatch_of_the_normal_midpoint():
    report = otmaps.mismatch(otmaps.lerp(0.5), "normal", dim=100)
    assert report.norm_shift == pytest.approx(0.5, rel=1e-12)
    # KL(N(0, s^2) || N(0, 1)) = (s^2 - 1 - log s^2) / 2 a component
    assert report.kl == pytest.approx(100 * 0.5 * (0.5 - 1 - np.log(0.5)), rel=1e-9)
    assert report.w2 == pytest.approx(np.sqrt(100) * (1 - np.sqrt(0.5)), rel=1e-9)


def test_a_sample_is_a_prior():
    """Midpoints of draws from a sample follow it again, within what the sample tells."""
    sample = np.random.default_rng(6).gamma(3.0, size=4000)
    with pytest.warns(otmaps.AccuracyWarning):
        m = otmaps.match(otmaps.lerp(0.5), sample)
    assert "RQMC" in m.source.method
    z = m(*m.target.rvs((2, 100_000), 7))
    assert ks_distance(z, m.target) < m.map.error_u + 2.2 / np.sqrt(100_000)
