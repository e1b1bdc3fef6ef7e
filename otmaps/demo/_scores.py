"""The numbers of the demo's table: a score of the images, and distances from the prior.

The score often *rises* where latents leave the prior, and it hardly sees wrong marginals. So it
is read beside the distances, and a matched operation is good where its score is *equal* to that
of fresh samples, not where it is high.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

import otmaps

Array = npt.NDArray[Any]

SPLITS = 5
_TINY = 1e-16


def exp_kl_score(probabilities: Array, splits: int = SPLITS) -> tuple[float, float]:
    """The Inception score with any classifier: exp E KL(p(class | image) || p(class)).

    1 where all images look alike to the classifier; the number of classes where each image is
    one class beyond doubt and all classes come equally often (Salimans et al., NeurIPS 2016).

    Parameters
    ----------
    probabilities : ndarray
        Shape (N, classes): what the classifier says about each image.
    splits : int
        Into how many parts the images are divided; N is at least as large.

    Returns
    -------
    mean, std : float
        Over the parts.
    """
    scores = []
    for part in np.array_split(np.asarray(probabilities, dtype=np.float64), splits):
        p = np.clip(part, _TINY, 1.0)
        gain = np.sum(p * (np.log(p) - np.log(p.mean(axis=0))), axis=1)
        scores.append(float(np.exp(gain.mean())))
    return float(np.mean(scores)), float(np.std(scores))


def frechet_distance(features: Array, reference: Array) -> float:
    """Squared Frechet distance between normal laws fitted to two sets of features.

    |m1 - m2|^2 + tr(C1 + C2 - 2 (C1 C2)^(1/2)) (Heusel et al., NeurIPS 2017, eq. 6). Two samples
    of one law give a small positive value, the floor: the row of random samples shows it.

    Parameters
    ----------
    features, reference : ndarray
        Shapes (N, F) and (M, F), with N and M well above F.

    Returns
    -------
    float
        In squared units of the features; not negative.
    """
    mean1, cov1 = _moments(features)
    mean2, cov2 = _moments(reference)
    values, vectors = np.linalg.eigh(cov1)
    root = (vectors * np.sqrt(np.clip(values, 0.0, None))) @ vectors.T
    # The trace of (C1 C2)^(1/2) by symmetric matrices alone: C1^(1/2) C2 C1^(1/2) has its spectrum.
    joint = np.sqrt(np.clip(np.linalg.eigvalsh(root @ cov2 @ root), 0.0, None)).sum()
    gap = float(np.sum((mean1 - mean2) ** 2) + np.trace(cov1) + np.trace(cov2) - 2.0 * joint)
    return max(gap, 0.0)


def _moments(features: Array) -> tuple[Array, Array]:
    values = np.asarray(features, dtype=np.float64)
    return values.mean(axis=0), np.atleast_2d(np.cov(values, rowvar=False))


def ks_distance(latents: Array, prior: otmaps.Distribution) -> float:
    """Kolmogorov-Smirnov distance of all components of the latents, pooled, to the prior.

    Parameters
    ----------
    latents : ndarray
        Of any shape; NaN is not allowed.
    prior : Distribution
        The law that each component should follow.

    Returns
    -------
    float
        The largest gap between the two cumulative distribution functions, in [0, 1].
    """
    values = np.sort(np.asarray(latents), axis=None).astype(np.float64)
    cdf = np.asarray(prior.cdf(values))
    steps = np.arange(values.size + 1) / values.size
    return float(max(np.max(cdf - steps[:-1]), np.max(steps[1:] - cdf)))


def squared_norms(latents: Array) -> Array:
    """The squared norm of each row, in double precision."""
    wide = np.asarray(latents, dtype=np.float64)
    return np.asarray(np.einsum("ij,ij->i", wide, wide))


def sample_distance(values: Array, others: Array) -> float:
    """Kolmogorov-Smirnov distance of two samples, of sizes n and m.

    Of one law they are about 0.87 sqrt(1/n + 1/m) apart.
    """
    values, others = np.sort(values), np.sort(others)
    jumps = np.concatenate([values, others])
    shares = (np.searchsorted(x, jumps, side="right") / x.size for x in (values, others))
    return float(np.max(np.abs(np.subtract(*shares))))


def relative_norm(latents: Array, prior: otmaps.Distribution) -> float:
    """Mean squared norm of the latents, as a multiple of what the prior gives.

    NaN where the prior has no second moment.
    """
    expected = float(prior.std()) ** 2 + float(prior.mean()) ** 2
    found = float(np.mean(np.square(latents, dtype=np.float64)))
    return found / expected if np.isfinite(expected) else float("nan")
