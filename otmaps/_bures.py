"""Sums of independent normal vectors, and the optimal map between two of them: covariances alone.

The map is the positive definite A with A S A = C (Olkin and Pukelsheim 1982; Dowson and Landau
1982): C^(1/2) (C^(1/2) S C^(1/2))^(-1/2) C^(1/2). Where S and C share their eigenvectors, it is the
ratio of standard deviations along each.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Sequence
from typing import final

import numpy as np
from scipy import linalg

from otmaps._arrays import FloatArray
from otmaps._circulant import Circulant
from otmaps._covariance import Covariance
from otmaps._covariances import Dense, Diagonal, LowRank
from otmaps._positive import (
    Elementwise,
    FourierMultiplier,
    Matrix,
    Multiple,
    PositiveOperator,
    Spanned,
)

_EPS = float(np.finfo(float).eps)
_SAFETY = 2.0


@final
@dataclasses.dataclass(frozen=True, eq=False)
class OptimalMap:
    """The linear part of an optimal map between normal laws.

    Attributes
    ----------
    operator : PositiveOperator
    error : float
        A bound on its error in standard deviations of the target, whatever the direction: for all
        u the standard deviation of ``u . (A' - A)(Y - mean)`` over that of ``u . Z``.
    squared_shift : float
        The mean of ``|(A - I)(Y - mean)|^2``: what the covariances add to the squared distance.
    """

    operator: PositiveOperator
    error: float
    squared_shift: float


def total(covariances: Sequence[Covariance], factors: Sequence[float]) -> Covariance:
    """``sum of factors[i] * covariances[i]``, in the cheapest form that holds it."""
    first = covariances[0]
    if all(c == first for c in covariances):
        return first.scaled(math.fsum(factors))
    pairs = list(zip(covariances, factors, strict=True))
    if all(isinstance(c, Diagonal) for c in covariances):
        return Diagonal(_weighted([c.variances for c in covariances], factors))
    spectra = [s for c in covariances if (s := _spectrum(c)) is not None]
    if len(spectra) == len(covariances):
        known = max(c.error for c in covariances if isinstance(c, Circulant))
        return Circulant(_weighted(spectra, factors), known)
    if all(isinstance(c, LowRank | Diagonal) for c in covariances):
        columns = [math.sqrt(f) * c.factor for c, f in pairs if isinstance(c, LowRank)]
        noise = [c.noise if isinstance(c, LowRank) else c.variances for c in covariances]
        return LowRank(np.hstack(columns), _weighted(noise, factors))
    return Dense(_weighted([c.matrix() for c in covariances], factors))


def optimal_map(source: Covariance, target: Covariance) -> OptimalMap:
    """The optimal map from one covariance to another, in the cheapest form that there is."""
    if source == target:
        return OptimalMap(Multiple(1.0), 0.0, 0.0)
    if source.multiple is not None and target.multiple is not None:
        return scaling(math.sqrt(target.multiple / source.multiple), source)
    if isinstance(source, Diagonal) and isinstance(target, Diagonal):
        a = np.sqrt(target.values / source.values)
        shift = _sum((a - 1.0) ** 2 * source.values)
        return OptimalMap(Elementwise(a), 2.0 * _EPS, shift)
    waves = _spectrum(source), _spectrum(target)
    if waves[0] is not None and waves[1] is not None:
        a = np.sqrt(waves[1] / waves[0])
        known = sum(c.error for c in (source, target) if isinstance(c, Circulant))
        shift = _sum((a - 1.0) ** 2 * waves[0])
        return OptimalMap(FourierMultiplier(a), 2.0 * _EPS + known, shift)
    ends = _low_rank(source), _low_rank(target)
    if ends[0] is not None and ends[1] is not None:
        span = _span(ends[0], ends[1], target.dim)
        if span is not None:
            return _within(span, target.dim)
    return _between(source.matrix(), target.matrix())


def scaling(factor: float, source: Covariance) -> OptimalMap:
    """The map that multiplies by a positive number."""
    shift = (factor - 1.0) ** 2 * source.trace
    return OptimalMap(Multiple(factor), 0.0 if factor == 1.0 else 2.0 * _EPS, shift)


def excess(source: Covariance, target: Covariance) -> float:
    """The divergence of normal laws of one mean: half the sum of r - 1 - log r, of ratios r."""
    if source == target:
        return 0.0
    if isinstance(source, Diagonal) and isinstance(target, Diagonal):
        return _of_ratios(source.values / target.values)
    waves = _spectrum(source), _spectrum(target)
    if waves[0] is not None and waves[1] is not None:
        return _of_ratios(waves[0] / waves[1])
    ends = _low_rank(source), _low_rank(target)
    span = None
    if ends[0] is not None and ends[1] is not None:
        span = _span(ends[0], ends[1], target.dim)
    if span is None:
        return _of_ratios(_ratios(source.matrix(), target.matrix()))
    outside = source.dim - len(span.cores[0])
    ratio = np.array([span.levels[0] / span.levels[1]])
    return _of_ratios(_ratios(*span.cores)) + outside * _of_ratios(ratio)


def squared_trace(covariance: Covariance) -> float:
    """The trace of the square: the sum of the squared entries."""
    if isinstance(covariance, Diagonal):
        return _sum(covariance.values**2)
    waves = _spectrum(covariance)
    if waves is not None:
        return _sum(waves**2)
    if not isinstance(covariance, LowRank):
        return float(np.square(covariance.matrix()).sum())
    factor, noise = covariance.factor, covariance.noise
    shared = (factor * factor).sum(axis=-1) * noise
    return float(np.square(factor.T @ factor).sum() + 2.0 * shared.sum() + np.square(noise).sum())


def _of_ratios(ratios: FloatArray) -> float:
    return 0.5 * _sum(ratios - 1.0 - np.log(ratios))


def _ratios(source: FloatArray, target: FloatArray) -> FloatArray:
    """The eigenvalues of one matrix relative to another, as squares of singular values."""
    K, L = np.linalg.cholesky(source), np.linalg.cholesky(target)
    sizes = np.linalg.svd(linalg.solve_triangular(L, K, lower=True), compute_uv=False)
    return np.asarray(sizes**2, dtype=np.float64)


def _weighted(terms: Sequence[FloatArray], factors: Sequence[float]) -> FloatArray:
    result = np.zeros(terms[0].shape)
    for term, factor in zip(terms, factors, strict=True):
        result += factor * term
    return result


def _sum(values: FloatArray) -> float:
    return math.fsum(values.ravel().tolist())


def _spectrum(covariance: Covariance) -> FloatArray | None:
    """The variances of the frequencies, of what is circulant."""
    if isinstance(covariance, Circulant):
        return covariance.spectrum
    white = covariance.multiple
    return None if white is None else np.full(covariance.shape, white)


def _low_rank(covariance: Covariance) -> tuple[FloatArray, float] | None:
    """The factor and the level of noise, of what is a multiple of the identity but for a few."""
    if isinstance(covariance, LowRank):
        level = covariance.level
        return None if level is None else (covariance.factor, level)
    white = covariance.multiple
    return None if white is None else (np.zeros((covariance.dim, 0)), white)


@final
@dataclasses.dataclass(frozen=True, eq=False)
class _Span:
    """Two covariances of low rank plus white noise, in the span of both factors.

    Attributes
    ----------
    basis : ndarray
        Orthonormal, of the span.
    cores : tuple of ndarray
        Source and target there.
    levels : tuple of float
        Their variances outside.
    error : float
        What the rounding of the basis does to a map, in standard deviations.
    """

    basis: FloatArray
    cores: tuple[FloatArray, FloatArray]
    levels: tuple[float, float]
    error: float


def _span(
    source: tuple[FloatArray, float], target: tuple[FloatArray, float], dim: int
) -> _Span | None:
    factors, levels = (source[0], target[0]), (source[1], target[1])
    if factors[0].shape[1] + factors[1].shape[1] >= dim:
        return None
    basis = np.asarray(np.linalg.qr(np.hstack(factors))[0], dtype=np.float64)
    inner = basis.T @ factors[0], basis.T @ factors[1]
    white = np.eye(basis.shape[1])
    cores = inner[0] @ inner[0].T + levels[0] * white, inner[1] @ inner[1].T + levels[1] * white
    # The basis spans the factors up to rounding, which the noise has to cover.
    sizes = (float(np.linalg.norm(f)) ** 2 / v for f, v in zip(factors, levels, strict=True))
    return _Span(basis, cores, levels, _SAFETY * _EPS * len(white) * (2.0 + sum(sizes)))


def _within(span: _Span, dim: int) -> OptimalMap:
    """The map of the span, and a multiple of the identity outside of it."""
    core, outer = _between(*span.cores), math.sqrt(span.levels[1] / span.levels[0])
    outside = (dim - len(span.cores[0])) * (outer - 1.0) ** 2 * span.levels[0]
    return OptimalMap(
        Spanned(span.basis, core.operator, outer),
        core.error + span.error,
        core.squared_shift + outside,
    )


def _between(source: FloatArray, target: FloatArray) -> OptimalMap:
    """The map between two matrices.

    With Cholesky factors S = K K' and C = L L' and the polar factor W of L'K it is A = L W K^-1:
    A S A' = C because W is orthogonal, and K'A K = (K'L) W is the symmetric polar factor. Nothing
    is squared, so that digits are lost by the condition of S and of C, not by their product, as in
    the formula with square roots.
    """
    K, L = (np.asarray(np.linalg.cholesky(c), dtype=np.float64) for c in (source, target))
    left, sizes, right = linalg.svd(L.T @ K)
    W = left @ right
    forward = linalg.solve_triangular(K, (L @ W).T, trans="T", lower=True)
    backward = linalg.solve_triangular(L, (K @ W.T).T, trans="T", lower=True)
    # To first order the error in standard deviations of the target is at most the sum of what
    # perturbs both covariances, each in its own unit: dA = L G W K^-1 with G + G' = E, and G is E
    # times numbers between 0 and 1. Cholesky's method perturbs each entry of S by a multiple of
    # eps of both standard deviations (Higham 2002, Theorem 10.3), the polar factor errs by the
    # condition of L'K. Worst cases would all have to conspire for a further factor of dim.
    condition = _stretch(K) + _stretch(L) + float(sizes[0] / sizes[-1])
    moved = forward @ K - K
    return OptimalMap(
        Matrix(0.5 * (forward + forward.T), 0.5 * (backward + backward.T)),
        _SAFETY * _EPS * len(K) * condition,
        _sum(moved * moved),
    )


def _stretch(factor: FloatArray) -> float:
    """The largest eigenvalue of the inverse of the correlations, from a Cholesky factor."""
    deviations = np.linalg.norm(factor, axis=1)
    inverse = linalg.solve_triangular(factor, np.diag(deviations), lower=True)
    return float(np.linalg.norm(inverse, 2)) ** 2
