"""Covariances of every kind, and truths about maps between normal laws from outside."""

from __future__ import annotations

import mpmath as mp
import numpy as np

import otmaps

DIM = 12


def spread(d, condition, seed, scales=0.0):
    """A dense covariance with eigenvalues from 1 to 1 / condition, and scales of components."""
    rng = np.random.default_rng(seed)
    basis = np.linalg.qr(rng.standard_normal((d, d)))[0]
    matrix = (basis * np.logspace(0.0, -np.log10(condition), d)) @ basis.T
    sizes = 10.0 ** rng.uniform(-scales, scales, d)
    return 0.5 * (matrix + matrix.T) * np.outer(sizes, sizes)


def ring(n, length):
    """The covariances of a periodic signal with exponentially falling correlations."""
    return np.exp(-np.minimum(np.arange(n), n - np.arange(n)) / length)


def waves():
    """The spectrum of a noise image of 3 by 4, with slow variations strongest."""
    squares = np.fft.fftfreq(3)[:, None] ** 2 + np.fft.fftfreq(4) ** 2
    return 1.0 / (0.05 + squares)


def covariances():
    """One of each kind, of 12 components."""
    rng = np.random.default_rng(5)
    factor = rng.standard_normal((DIM, 2))
    return {
        "white": otmaps.Diagonal.white(DIM, 0.7),
        "diagonal": otmaps.Diagonal(rng.uniform(0.2, 3.0, DIM)),
        "dense": otmaps.Dense(spread(DIM, 1e3, 1)),
        "low rank": otmaps.LowRank(factor, 0.3),
        "low rank, uneven noise": otmaps.LowRank(factor, rng.uniform(0.2, 1.0, DIM)),
        "circulant": otmaps.Circulant.from_kernel(ring(DIM, 3.0)),
        "image": otmaps.Circulant(waves()),
    }


def _root(matrix):
    sizes, vectors = mp.eigsy(matrix)
    return vectors * mp.diag([mp.sqrt(size) for size in sizes]) * vectors.T


def exact_map(source, target):
    """C^(1/2) (C^(1/2) S C^(1/2))^(-1/2) C^(1/2) to 60 digits."""
    with mp.workdps(60):
        S, C = mp.matrix(source.tolist()), mp.matrix(target.tolist())
        root = _root(C)
        middle = root * S * root
        return root * mp.inverse(_root((middle + middle.T) / 2)) * root


def in_deviations(gap, source, target):
    """The largest standard deviation of ``u . gap Y`` over that of ``u . Z``, of all u."""
    with mp.workdps(60):
        K, L = (mp.cholesky(mp.matrix(c.tolist())) for c in (source, target))
        scaled = mp.inverse(L) * gap * K
        return float(np.linalg.norm(np.array(scaled.tolist(), dtype=float), 2))
