"""The tests, each a row: of norms, components, correlations and neighbours, all by scores."""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np
from scipy import special

from otmaps._arrays import FloatArray
from otmaps._diagnosis import _nulls
from otmaps._diagnosis._report import DiagnosisRow
from otmaps._diagnosis._scores import Scores

_MOST_VECTORS = 4096  # whose correlations are all computed; of more, as many are taken
_BLOCK = 1024
_FEWEST_PAIRS = 100  # of neighbours, for the normal limit


def _skipped(name: str, note: str) -> DiagnosisRow:
    return DiagnosisRow(name, math.nan, math.nan, math.nan, note=note)


def support_row(scores: Scores) -> DiagnosisRow:
    """Values that the prior cannot have; a single one is a contradiction."""
    p = 1.0 if scores.impossible == 0 else 0.0
    return DiagnosisRow("impossible values", scores.impossible, 0.0, p)


def norm_rows(scores: Scores) -> Iterator[DiagnosisRow]:
    """Location, spread and law of the scores of the norms, which are independent."""
    w, n = scores.norms, scores.norms.size
    size = n * scores.share
    also = [scores.norms_note] if scores.norms_note else []
    medians = f"median {scores.median_norm:.5g}, of the prior {scores.expected_norm:.5g}"
    yield _location("norm: location", w, size, "; ".join([medians, *also]))
    yield _spread("norm: spread", w, size, *also)
    yield _law("norm: law", w, size, *also)


def component_rows(scores: Scores) -> Iterator[DiagnosisRow]:
    """All components together, and each component for itself."""
    z = scores.components
    also = [scores.components_note] if scores.components_note else []
    yield _location("components: location", z, z.size, *also)
    yield _spread("components: spread", z, z.size, *also)
    yield _law("components: law", z, z.size, *also)
    tails = _nulls.anderson_darling_statistic(z)
    p = _nulls.anderson_darling(tails)
    yield DiagnosisRow("components: tails", tails, 1.0, p, note="".join(also))
    peak = float(np.max(np.abs(z)))
    middle = -float(special.ndtri(-0.5 * math.expm1(-math.log(2.0) / z.size)))
    p = _nulls.largest_of(peak, z.size)
    yield DiagnosisRow("components: extremes", peak, middle, p, note="".join(also))
    yield from _single_rows(z)


def _single_rows(z: FloatArray) -> Iterator[DiagnosisRow]:
    n, d = z.shape
    names = "one component: location", "one component: spread"
    if n < 2 or d < 2:
        yield from (_skipped(name, "needs two latents of two components") for name in names)
        return
    means = z.mean(axis=0) * math.sqrt(n)
    worst = int(np.argmax(np.abs(means)))
    p = _nulls.sidak(float(_nulls.two_sided_normal(means[worst])), d)
    expected = -float(special.ndtri(-0.5 * math.expm1(-math.log(2.0) / d))) / math.sqrt(n)
    found = abs(float(means[worst])) / math.sqrt(n)
    yield DiagnosisRow(names[0], found, expected, p, note=f"component {worst}")
    squares = n * z.var(axis=0)
    each = _nulls.chi_square(squares, n - 1.0)
    worst = int(np.argmin(each))
    found = math.sqrt(float(squares[worst]) / (n - 1.0))
    p = _nulls.sidak(float(each[worst]), d)
    yield DiagnosisRow(names[1], found, 1.0, p, note=f"component {worst}")


def _location(name: str, scores: FloatArray, size: float, *notes: str) -> DiagnosisRow:
    mean = float(np.mean(scores))
    p = float(_nulls.two_sided_normal(mean * math.sqrt(size)))
    return DiagnosisRow(name, mean, 0.0, p, note="; ".join(notes))


def _spread(name: str, scores: FloatArray, size: float, *notes: str) -> DiagnosisRow:
    if scores.size < 2:
        return _skipped(name, "needs two values")
    variance = float(np.var(scores, ddof=1))
    freedom = (scores.size - 1.0) * size / scores.size
    p = float(_nulls.chi_square(freedom * variance, freedom))
    return DiagnosisRow(name, math.sqrt(variance), 1.0, p, note="; ".join(notes))


def _law(name: str, scores: FloatArray, size: float, *notes: str) -> DiagnosisRow:
    distance = _nulls.kolmogorov_distance(scores)
    expected = math.sqrt(0.5 * math.pi / size) * math.log(2.0)  # the mean of Kolmogorov's limit
    p = _nulls.kolmogorov(distance, size)
    return DiagnosisRow(name, distance, expected, p, note="; ".join(notes))


def correlation_rows(z: FloatArray, rng: np.random.Generator) -> Iterator[DiagnosisRow]:
    """Between the components of a latent, and between latents, by the same two tests."""
    yield from _pairs("correlation", "components", z, rng)
    yield from _pairs("between latents", "latents", z.T, rng)


def _pairs(name: str, what: str, z: FloatArray, rng: np.random.Generator) -> Iterator[DiagnosisRow]:
    """Correlations of the columns of z."""
    names = f"{name}: one pair", f"{name}: all pairs"
    n, count = z.shape
    if n < 4 or count < 2:
        yield from (_skipped(each, f"needs two {what}, of four values") for each in names)
        return
    note = ""
    if count > _MOST_VECTORS:
        note = f"{_MOST_VECTORS} of {count} {what}, drawn"
        z = z[:, np.sort(rng.choice(count, _MOST_VECTORS, replace=False))]
        count = _MOST_VECTORS
    directions = z - z.mean(axis=0)
    length = np.linalg.norm(directions, axis=0)
    if not length.all():
        # All values of a column are one: so far from independent that no correlation tells more.
        constant = f"{int((length == 0.0).sum())} {what} are constant"
        yield from (DiagnosisRow(each, 1.0, 0.0, 0.0, note=constant) for each in names)
        return
    largest, where, squares = _correlations(np.ascontiguousarray((directions / length).T))
    pairs = 0.5 * count * (count - 1.0)
    p = min(1.0, pairs * float(_nulls.correlation(largest, n)))
    expected = _nulls.correlation_at(-math.expm1(-math.log(2.0) / pairs), n)
    at = note or f"{what} {where[0]} and {where[1]}"
    yield DiagnosisRow(names[0], largest, expected, p, note=at)
    if count < 3:
        yield _skipped(names[1], "one pair")
        return
    found = squares / pairs
    p = _nulls.mean_square_correlation(found, count, n)
    yield DiagnosisRow(names[1], found, 1.0 / (n - 1.0), p, note=note)


def _correlations(rows: FloatArray) -> tuple[float, tuple[int, int], float]:
    """The largest |r| of two rows of length 1, which rows, and the sum of r^2 over all pairs."""
    largest, where, squares = -1.0, (0, 1), 0.0
    for start in range(0, len(rows), _BLOCK):
        for other in range(start, len(rows), _BLOCK):
            r = rows[start : start + _BLOCK] @ rows[other : other + _BLOCK].T
            if start == other:
                r = np.triu(r, 1)
            squares += float(np.vdot(r, r))
            np.abs(r, out=r)
            i, j = np.unravel_index(int(np.argmax(r)), r.shape)
            if r[i, j] > largest:
                largest, where = float(r[i, j]), (start + int(i), other + int(j))
    return min(largest, 1.0), where, squares


def neighbour_rows(z: FloatArray, shape: tuple[int, ...]) -> Iterator[DiagnosisRow]:
    """The correlation of neighbours along each axis of a latent.

    Products of neighbouring scores are uncorrelated, with variance 1: over the root of the number
    of pairs their sum is normal in the limit, which serves from a hundred pairs on.
    """
    centred = (z - z.mean()).reshape(len(z), *shape)
    for axis, length in enumerate(shape, 1):
        name = f"neighbours: axis {axis - 1}"
        if length < 2 or z.size // length * (length - 1) < _FEWEST_PAIRS:
            yield _skipped(name, f"needs {_FEWEST_PAIRS} pairs")
            continue
        one = np.take(centred, range(length - 1), axis)
        next_one = np.take(centred, range(1, length), axis)
        size = math.sqrt(float(np.vdot(one, one)) * float(np.vdot(next_one, next_one)))
        r = float(np.vdot(one, next_one)) / size if size else 1.0
        p = float(_nulls.two_sided_normal(r * math.sqrt(one.size)))
        yield DiagnosisRow(name, r, 0.0, p, note=f"{one.size} pairs")
