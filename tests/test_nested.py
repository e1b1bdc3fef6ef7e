"""Matched operations inside operations: chains and repeated latents as one operation."""

from __future__ import annotations

import math

import numpy as np
import pytest

import otmaps

NORMAL, UNIFORM, LAPLACE = otmaps.Normal(), otmaps.Uniform(), otmaps.Laplace()
# A latent and its matched vicinity, eps = 0.5, have the correlation r = 1 / sqrt(1.25); the map for
# the midpoint of independent latents multiplies by sqrt(2), so the result has the variance 1 + r.
AS_IF_INDEPENDENT = math.sqrt(1.0 + 2.0 / math.sqrt(5.0))


def halfway(prior, *, store=None):
    """From a latent half the way to its own matched vicinity."""
    m = otmaps.match(otmaps.vicinity(0.5), prior, store=store)
    return m, otmaps.operation(lambda z, u: 0.5 * z + 0.5 * m(z, u))()


def ks_distance(values, law):
    u = law.cdf(np.sort(np.ravel(values)))
    steps = np.arange(u.size + 1) / u.size
    return max(np.max(steps[1:] - u), np.max(u - steps[:-1]))


def test_as_if_independent_the_standard_deviation_is_1_376():
    assert f"{AS_IF_INDEPENDENT:.5f}" == "1.37638"
    m, _ = halfway(NORMAL)
    midpoint = otmaps.match(otmaps.lerp(0.5), NORMAL)
    z, u = np.random.default_rng(0).standard_normal((2, 1_000_000))
    wrong = midpoint(z, m(z, u))
    # The standard deviation of a sample of n normal values is off by 1 / sqrt(2 n), relatively.
    assert wrong.std() == pytest.approx(AS_IF_INDEPENDENT, rel=4.0 / math.sqrt(2e6))


def test_as_one_operation_of_the_inputs_it_follows_the_prior():
    """For normal latents even exactly: the matched vicinity is a multiply-add."""
    _, op = halfway(NORMAL)
    slope = 0.5 / math.sqrt(1.25)
    assert op.linear.weights == pytest.approx((0.5 + slope, 0.5 * slope), rel=1e-14)
    right = otmaps.match(op, NORMAL, store=None)
    assert right.source.method == "closed form"
    assert right.map.kind == "affine"
    assert right.source.std() == pytest.approx(AS_IF_INDEPENDENT / math.sqrt(2.0), rel=1e-14)
    z, u = np.random.default_rng(1).standard_normal((2, 1_000_000))
    assert right(z, u).std() == pytest.approx(1.0, rel=4.0 / math.sqrt(2e6))
    assert ks_distance(right(z, u), NORMAL) < 2.2e-3


@pytest.mark.needs_jit
@pytest.mark.filterwarnings("ignore::otmaps.AccuracyWarning")
@pytest.mark.parametrize("prior", [UNIFORM, LAPLACE], ids=lambda law: type(law).__name__)
def test_with_a_table_inside_it_follows_the_prior(prior):
    _, op = halfway(prior)
    assert op.linear is None
    right = otmaps.match(op, prior, store=None)
    z, u = prior.rvs((2, 200_000), 2)
    allowed = right.source.error + right.map.error_u + 2.2 / math.sqrt(z.size)
    assert ks_distance(right(z, u), prior) < allowed
    wrong = otmaps.match(otmaps.lerp(0.5), prior, store=None)
    inner, _ = halfway(prior)
    assert ks_distance(wrong(z, inner(z, u)), prior) > 2.0 * allowed


@pytest.mark.needs_jit
@pytest.mark.filterwarnings("ignore::otmaps.AccuracyWarning")
def test_chains_of_three_steps():
    """Three steps of the matched walk, and the midpoint of its first and last point."""
    m = otmaps.match(otmaps.vicinity(0.5), LAPLACE, store=None)
    op = otmaps.operation(
        lambda z, u1, u2, u3: 0.5 * z + 0.5 * m(m(m(z, u1), u2), u3), name="ends of a walk"
    )()
    right = otmaps.match(op, LAPLACE, store=None)
    z = LAPLACE.rvs((4, 200_000), 3)
    allowed = right.source.error + right.map.error_u + 2.2 / math.sqrt(z.shape[1])
    assert ks_distance(right(*z), LAPLACE) < allowed
    end = m(m(m(z[0], z[1]), z[2]), z[3])
    as_if_independent = otmaps.match(otmaps.lerp(0.5), LAPLACE, store=None)(z[0], end)
    assert ks_distance(as_if_independent, LAPLACE) > 2.0 * allowed


def test_repeated_latents_are_one_latent():
    """z + z is twice z, not a sum of two."""
    twice = otmaps.operation(lambda z: z + z)()
    assert otmaps.pushforward(twice, NORMAL).std() == 2.0
    product = otmaps.operation(lambda z: z * z)()
    law = otmaps.pushforward(product, NORMAL, method=otmaps.MonteCarlo(n=2**16))
    assert abs(law.cdf(1.0) - otmaps.Gamma(0.5, scale=2.0).cdf(1.0)) <= law.error


def test_a_matched_operation_takes_what_a_function_is_given():
    """Read-only views of any shape and dtype, ``out=`` for an array of the function's own."""
    m, _ = halfway(UNIFORM)

    def inside(z, u):
        assert not z.flags.writeable
        own = np.empty(np.broadcast_shapes(z.shape, u.shape), np.result_type(z, u))
        return 0.5 * z + 0.5 * m(z, u, out=own)

    op = otmaps.operation(inside)()
    z, u = UNIFORM.rvs((2, 4, 5), 0)
    expected = 0.5 * z + 0.5 * m(z, u)
    np.testing.assert_array_equal(op.raw(z, u), expected)
    np.testing.assert_array_equal(op.raw(z.T, u.T), expected.T)
    np.testing.assert_array_equal(op.raw(z, u[0])[0], expected[0])
    assert op.raw(z[0, 0], u[0, 0]) == expected[0, 0]
    assert op.raw(*np.float32([z, u])).dtype == np.float32

    def careless(z, u):
        return m(z, u, out=z)

    with pytest.raises(ValueError, match="writes to its latents"):
        otmaps.operation(careless)().raw(z, u)


@pytest.mark.parametrize("prior", [NORMAL, otmaps.Cauchy()], ids=["affine", "Cauchy"])
def test_affine_matched_operations_pass_symbols(prior):
    op = otmaps.operation(otmaps.match(otmaps.lerp(0.25), prior), latents=2)
    assert op().linear is not None
    raw = otmaps.operation(otmaps.lerp(0.25).raw, latents=2)()
    assert raw.linear.weights == (0.75, 0.25)


def test_maps_with_ends_or_tables_do_not_pass_symbols():
    for op, prior in ((otmaps.lerp(0.5), UNIFORM), (otmaps.linear([2.0, 0.0]), UNIFORM)):
        m = otmaps.match(op, prior, store=None)
        assert (
            otmaps.operation(lambda a, b, m=None: m(a, b) if m else a, latents=2) if False else True
        )
        assert otmaps.operation(lambda a, b, *, m: m(a, b))(m=m).linear is None


def test_a_map_that_refuses_symbols_cannot_be_hidden():
    """The function that catches the refusal is not taken for what it does instead."""
    m = otmaps.match(otmaps.lerp(0.5), UNIFORM, store=None)

    def hiding(a, b):
        try:
            return m(a, b)
        except TypeError:
            return 0.5 * a + 0.5 * b

    assert otmaps.operation(hiding)().linear is None


def test_inputs_of_different_laws_and_parameters_that_are_not_linear():
    @otmaps.operation
    def powered(z, u, *, power=2.0, shift):
        return np.sign(z) * np.abs(z) ** power * np.exp(shift * u)

    op = powered(power=3.0, shift=0.1)
    law = otmaps.pushforward(
        op, NORMAL, inputs={"u": UNIFORM}, method=otmaps.MonteCarlo(n=2**16, seed=1)
    )
    # P(Y <= y | u) = Phi((y exp(-u / 10))^(1/3)), integrated over u by Gauss-Legendre nodes.
    nodes, weights = np.polynomial.legendre.leggauss(40)
    for y in (0.01, 0.5, 2.0):
        exact = 0.5 * weights @ NORMAL.cdf(np.cbrt(y * np.exp(-0.1 * nodes)))
        assert abs(law.cdf(y) - exact) <= law.error
    m = otmaps.match(op, NORMAL, inputs=[None, UNIFORM], method=otmaps.MonteCarlo(n=2**16))
    assert m.inputs == (NORMAL, UNIFORM)
    z, u = NORMAL.rvs(100_000, 4), UNIFORM.rvs(100_000, 5)
    assert ks_distance(m(z, u), NORMAL) < m.source.error + m.map.error_u + 2.2 / math.sqrt(z.size)
