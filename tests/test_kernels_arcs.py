"""Densities of the norm of slerp: sums over lattices against a product rule."""

import math

import numpy as np
import pytest
from scipy import special

from otmaps._kernels._arcs import arc_densities


def product_rule(dim, t, s):
    """The log density of log N of normal latents, by Gauss's rules for a share and an angle.

    N is S g: S^2 is a chi-square of 2 d degrees, and g depends on the share of the first latent in
    S^2 and on the angle alone.
    """
    nodes = 100
    x, w = special.roots_jacobi(nodes, 0.5 * dim - 1.0, 0.5 * dim - 1.0)
    c, v = special.roots_jacobi(nodes, 0.5 * (dim - 3.0), 0.5 * (dim - 3.0))
    share, angle = 0.5 * (1.0 + x[:, None]), np.arccos(c[None, :])
    p, q = np.sin((1.0 - t) * angle) / np.sin(angle), np.sin(t * angle) / np.sin(angle)
    square = p * p * share + q * q * (1.0 - share)
    square = square + 2.0 * p * q * np.sqrt(share * (1.0 - share)) * np.cos(angle)
    y = s * s / square  # the density of log S is 2 y/2 times that of y / 2, a gamma law
    logs = dim * np.log(0.5 * y) - 0.5 * y - special.gammaln(dim) + math.log(2.0)
    weight = w[:, None] * v[None, :] / (w.sum() * v.sum())
    return math.log((weight * np.exp(logs)).sum())


def numbers_of(dim, t):
    constant = 2.0 * ((1.0 - 0.5 * dim) * math.log(2.0) - special.gammaln(0.5 * dim))
    constant += dim * math.log(dim) - dim - special.betaln(0.5, 0.5 * (dim - 1.0))
    return np.array([t, dim, 0.0, 0.0, math.inf, math.inf, constant])


@pytest.mark.parametrize(("dim", "t"), [(12.0, 0.3), (40.0, 0.5)])
def test_lattices_agree_with_a_product_rule(dim, t):
    levels = np.array([-0.3, 0.0, 0.2])
    exact = [product_rule(dim, t, math.sqrt(dim) * math.exp(level)) for level in levels]
    found = np.empty(3)
    arc_densities(levels, numbers_of(dim, t), 1.0, found)
    np.testing.assert_allclose(found, exact, rtol=0, atol=1e-11)
    other = np.empty(3)
    arc_densities(levels, numbers_of(dim, t + 0.01), 1.0, other)
    assert np.abs(other - exact).max() > 1e-4


def test_what_does_not_converge_is_nan():
    """Lattices whose steps are hopelessly wide."""
    found = np.empty(1)
    arc_densities(np.array([0.0]), numbers_of(12.0, 0.3), 40.0, found)
    assert np.isnan(found).all()
