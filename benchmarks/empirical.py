"""What a prior from a sample preserves, and what not: the tables of docs/empirical.md.

python -m benchmarks.empirical
"""

from __future__ import annotations

import sys
from collections.abc import Iterator

import numpy as np
from scipy import stats

import otmaps

SLOPE = 0.2  # of the leaky ReLU, below 0


def leaky(x: np.ndarray, slope: float) -> np.ndarray:
    return np.where(x < 0.0, slope * x, x)


class MappingNetwork:
    """Three random layers with leaky ReLU on normalised normal vectors, as StyleGAN's."""

    def __init__(self, d: int, rng: np.random.Generator) -> None:
        self.rng = rng
        self.layers = [
            (rng.normal(size=(d, d)) * np.sqrt(2.0 / d), 0.3 * rng.normal(size=d)) for _ in range(3)
        ]

    def __call__(self, n: int) -> np.ndarray:
        h = self.rng.normal(size=(n, self.layers[0][0].shape[0]))
        h /= np.sqrt(np.mean(h * h, axis=1, keepdims=True))
        for matrix, bias in self.layers:
            h = leaky(h @ matrix + bias, SLOPE)
        return h


def midpoints(w: np.ndarray, w1: np.ndarray, w2: np.ndarray) -> Iterator[tuple[str, np.ndarray]]:
    """Midpoints of the rows of w1 and w2 in several ways, with priors from the rows of w."""
    yield "raw", 0.5 * (w1 + w2)
    yield "matched, by component", by_component(w, w1, w2)
    v, v1, v2 = (leaky(x, 1.0 / SLOPE) for x in (w, w1, w2))
    yield "raw, before the leaky ReLU", leaky(0.5 * (v1 + v2), SLOPE)
    yield "matched, by component, before it", leaky(by_component(v, v1, v2), SLOPE)
    mean, factor = v.mean(axis=0), np.linalg.cholesky(np.cov(v.T))
    white = [np.linalg.solve(factor, (x - mean).T).T for x in (v, v1, v2)]
    prior = otmaps.as_components(white[0], pooled=True)[0].as_model()
    midpoint = otmaps.match(otmaps.lerp(0.5), prior, tol=1e-6, store=None)
    matched = mean + midpoint(white[1], white[2]) @ factor.T
    yield "matched, pooled, whitened before it", leaky(matched, SLOPE)


def by_component(sample: np.ndarray, z1: np.ndarray, z2: np.ndarray) -> np.ndarray:
    laws = otmaps.as_components(sample)
    return np.stack(
        [
            otmaps.match(otmaps.lerp(0.5), law.as_model(), tol=1e-6, store=None)(a, b)
            for law, a, b in zip(laws, z1.T, z2.T, strict=True)
        ],
        axis=1,
    )


def scores(out: np.ndarray, fresh: np.ndarray) -> tuple[float, ...]:
    """KS of components (mean, largest), of correlations the mean difference, KS of the norm."""
    ks = [stats.ks_2samp(a, b).statistic for a, b in zip(out.T, fresh.T, strict=True)]
    pairs = np.triu_indices(out.shape[1], 1)
    moved = np.abs(np.corrcoef(out.T) - np.corrcoef(fresh.T))[pairs]
    norms = stats.ks_2samp(np.linalg.norm(out, axis=1), np.linalg.norm(fresh, axis=1)).statistic
    return float(np.mean(ks)), float(max(ks)), float(moved.mean()), float(norms)


def joint(n: int = 20_000, d: int = 64) -> dict[str, tuple[float, ...]]:
    """The scores of each way, and of another sample of the prior."""
    network = MappingNetwork(d, np.random.default_rng(0))
    w, w1, w2, fresh = (network(n) for _ in range(4))
    rows = {"another sample of the prior": scores(network(n), fresh)}
    for name, out in midpoints(w, w1, w2):
        rows[name] = scores(out, fresh)
    return rows


TRUTHS = {
    "normal": otmaps.Normal(),
    "Student t(3)": otmaps.StudentT(3.0),
    "Cauchy": otmaps.Cauchy(),
    "exponential": otmaps.Exponential(),
    "uniform": otmaps.Uniform(),
    "beta(1/2, 1/2)": otmaps.Arcsine(),
}


def coverage(truth: otmaps.Distribution, n: int = 2000, samples: int = 100) -> np.ndarray:
    """Shares of samples whose bands of 0.9 hold the cdf, a quantile, and three far quantiles."""
    p, q = np.linspace(0.0005, 0.9995, 2001), np.array([1e-2, 1e-3, 1e-5])
    x, far = truth.ppf(p), truth.isf(q)
    held = np.zeros(5)
    for seed in range(samples):
        law = otmaps.smoothed(truth.rvs(n, seed), confidence=0.9)
        low, high = law.cdf_band(x)
        one_low, one_high = law.quantile_band(0.1, pointwise=True)
        far_low, far_high = law.tail_band(q)
        held[0] += np.all((low <= p) & (p <= high))
        held[1] += one_low <= truth.ppf(0.1) <= one_high
        held[2:] += (far_low <= far) & (far <= far_high)
    return held / samples


def far_errors(truth: otmaps.Distribution, n: int = 20_000, samples: int = 30) -> np.ndarray:
    """Median relative errors of the quantile at 1e-5: fitted, exponential, steps, largest draw."""
    far, errors = truth.isf(1e-5), []
    for seed in range(samples):
        draws = truth.rvs(n, seed)
        laws = (
            otmaps.smoothed(draws),
            otmaps.smoothed(draws, shapes=(0, 0)),
            otmaps.as_distribution(draws),
        )
        found = np.array([*(law.isf(1e-5) for law in laws), draws.max()])
        errors.append(np.abs(found / far - 1.0))
    return np.median(errors, axis=0)


def main() -> None:
    for table in (coverage, far_errors):
        for name, truth in TRUTHS.items():
            row = " | ".join(f"{x:.2g}" for x in table(truth))
            sys.stdout.write(f"| {name} | {row} |\n")
    sys.stdout.write("| midpoints | KS, mean | KS, largest | correlations | KS of the norm |\n")
    sys.stdout.write("|---|---|---|---|---|\n")
    for name, row in joint().items():
        sys.stdout.write(f"| {name} | " + " | ".join(f"{x:.3f}" for x in row) + " |\n")


if __name__ == "__main__":
    main()
