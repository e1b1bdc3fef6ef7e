"""The law of a sum of many inputs, by inversion of its moment generating function."""

from __future__ import annotations

import dataclasses
import math
from fractions import Fraction
from typing import final

import numpy as np

from otmaps._arrays import FloatArray
from otmaps._cumulants import Rows, Transform, transform_of
from otmaps._distribution import Distribution
from otmaps._errors import AccuracyError
from otmaps._estimators._base import Estimator, Inputs
from otmaps._estimators._layout import Source
from otmaps._estimators._tabulation import tabulate
from otmaps._estimators._terms import Pair, Term, frame_of, moments_of, reached, rounded
from otmaps._kernels._transforms import invert
from otmaps._operations import Operation
from otmaps._piece_table import two_sum
from otmaps._priors import Normal

_WORST = 1e-3  # a larger error than this is no law
_USUAL = 1e-10  # with a step that is chosen here, a larger error means that something is wrong
_ROUGH = 2e-12  # a larger gap between two paths is no rounding
_GOOD = 1e-13  # a smaller one is nothing else
_SHARE, _FINEST = 0.02, 2e-14  # of the tolerance, and what no table is asked to surpass
_DEPTH = -2e5
_REACH = 1e6  # standard deviations, beyond which any of these tails is deeper
_NEAR_END = 0.5  # of the way to the middle: up to there distances count from the end
_DOMINANT = 0.5  # of the variance: one input leaves its own edges
_STEPS = (0.1, 0.05, 0.025)
_TRIAL = np.array([0.0, 0.6, 1.7, 3.1, 5.5, 9.0, 20.0])
_ULPS = (1e-15, 1.6e-13, 1.6e-13)  # of a probability, and of a logarithm at 1e-300


def _plan(step: float) -> FloatArray:
    """What `invert` takes: see there."""
    return np.array([step, 0.0, 1.0, 1e-19, 400.0, 0.9])


def _check_plan(step: float) -> FloatArray:
    """Half the step, other paths, which go on until less is left."""
    return np.array([0.5 * step, 0.3, 0.8, 1e-21, 1600.0, 0.7])


@dataclasses.dataclass(frozen=True, eq=False)
class ContourSource(Source):
    """A weighted sum, by the trapezoidal rule along lines through its saddle points."""

    transform: Transform
    middle: float
    spread: float
    plan: FloatArray

    def tails(self, points: FloatArray, *, upper: bool) -> FloatArray:
        """The log of the lower (upper) tail and the log density."""
        side = 1 if upper else 0
        out = np.empty((len(points), 2))
        centred, ends = self.transform.rows[0], self.transform.rows[1 + side]
        near = np.zeros(len(points), dtype=bool)
        if ends is not None:
            end = sum(ends.reference)
            far = _NEAR_END * abs(end - self.middle)
            near = np.abs((points[:, 0] - end) + points[:, 2]) < far
            out[near] = self._from(ends, points[near], side)
        out[~near] = self._from(centred, points[~near], side)
        return out

    def _from(self, rows: Rows, points: FloatArray, side: int) -> FloatArray:
        out = np.empty((len(points), 2))
        if not len(points):
            return out
        high, low = rows.reference
        moved = (points[:, 0] - high) + (points[:, 1] - low)
        pairs = np.stack(two_sum(moved, points[:, 2]), axis=1)
        sign = 1.0 if side else -1.0
        order = np.argsort(sign * pairs[:, 0], kind="stable")
        limit = self.transform.poles[side]
        found = np.empty_like(out)
        with np.errstate(all="ignore"):
            invert(
                np.ascontiguousarray(pairs[order]),
                sign,
                limit,
                min(1.0 / self.spread, 0.5 * limit),
                rows.rows,
                rows.starts,
                rows.counts,
                rows.which,
                self.plan,
                found,
            )
        out[order] = found
        return out


@final
@dataclasses.dataclass(frozen=True)
class Contour(Estimator):
    """Contour integration: linear operations of many inputs with known transforms.

    The tails and the density are integrals of the moment generating function along a path through
    its saddle point, where next to nothing cancels; so the time grows with the number of different
    inputs alone, and equal ones are a power. Served are normal, uniform, arcsine, Laplace,
    logistic, exponential, gamma and Gumbel laws, mixtures and affine images of them. Errors are
    measured against a rule of half the step along other paths that go on further, at points off
    the nodes of the table, and doubled.

    Parameters
    ----------
    least : int
        How many inputs there must be. Few are soon convolved.
    step : float, optional
        The step of the rule, in a variable in which the path is a hyperbola. Left out: the first of
        0.1, 0.05, 0.025 that halving changes by rounding alone.

    Examples
    --------
    >>> import otmaps
    >>> mean = otmaps.barycenter([0.1] * 10)
    >>> law = otmaps.pushforward(mean, "laplace", method=otmaps.Contour())
    >>> law.method, law.error < 1e-12
    ('contour', True)
    """

    least: int = 8
    step: float | None = None

    @property
    def name(self) -> str:
        """The name that `method=` takes."""
        return "contour"

    def refuses(self, op: Operation, inputs: Inputs) -> str | None:
        """Why the estimator does not serve this case; None where it does."""
        if op.linear is None:
            return "it is not linear in its latents"
        terms = _terms(op, inputs)
        if len(terms) < max(self.least, 2):
            return f"it adds {len(terms)} inputs, fewer than {max(self.least, 2)}"
        for law in {type(law): law for _, law in terms}.values():
            if transform_of([(1.0, law)]) is None:
                name = type(law).__name__
                return f"the moment generating function of {name} is infinite, or not known here"
        share = _largest_share(terms)
        if share > _DOMINANT:
            return f"one input has {share:.0%} of the variance and leaves its edges in the sum"
        transform = transform_of(terms)
        if transform is None:
            return "the moment generating function of a mixture's component is not known here"
        if self.step is None and _step(transform, moments_of(terms)) is None:
            return "its transform decays slowly, for its inputs are too few or too rough"
        return None

    def law(self, op: Operation, inputs: Inputs, tol: float) -> Distribution:
        """The law of the result.

        Parameters
        ----------
        op : Operation
        inputs : tuple of Distribution
            One law for each latent.
        tol : float
            The bound on ``|cdf error|`` to aim at; `error`, `tail_error` and `density_error` of the
            law are what was reached, the last two down to 1e-300.

        Raises
        ------
        AccuracyError
            Where the error that was reached is above 1e-3.
        """
        linear, terms = op.linear, _terms(op, inputs)
        transform = transform_of(terms)
        if linear is None or transform is None:
            raise ValueError(f"the contour method does not serve {op.name}; use another method.")
        moments = moments_of(terms)
        step = self.step or _step(transform, moments) or _STEPS[-1]
        total = _total(transform, terms, step, max(_SHARE * tol, _FINEST))
        if not total.errors[0] < (_WORST if self.step else _USUAL):
            raise AccuracyError(
                f"The contour method for {op.name} reached an error of {total.errors[0]:.2g} "
                'only; use method="convolution".'
            )
        return total.law(linear.offset, "contour")


def _terms(op: Operation, inputs: Inputs) -> list[tuple[float, Distribution]]:
    weights = op.linear.weights if op.linear is not None else ()
    return [(w, law) for law, w in zip(inputs, weights, strict=True) if w != 0.0]


def _largest_share(terms: list[tuple[float, Distribution]]) -> float:
    """Of the variance, by one input that is not normal; scaled, so that no square is lost."""
    stds = [abs(w) * law.std() for w, law in terms]
    total = math.hypot(*stds)
    rough = [s / total for s, (_, law) in zip(stds, terms, strict=True) if type(law) is not Normal]
    return max(rough, default=0.0) ** 2


def _step(transform: Transform, moments: Pair) -> float | None:
    """The first step that is fine enough; None where the finest is not."""
    best, chosen = math.inf, _STEPS[0]
    for step in _STEPS:
        gap = _gap(transform, moments, step)
        if best < _ROUGH and not gap < 0.5 * best:
            break  # it is rounding that is left
        best, chosen = gap, step
        if gap < _GOOD:
            break
    return chosen if best < _ROUGH else None


def _gap(transform: Transform, moments: Pair, step: float) -> float:
    """How far the rule and its judge differ at some points of both tails."""
    mean, std = moments
    source, judge = _sources(transform, moments, step)
    worst = 0.0
    for side, sign in ((0, -1.0), (1, 1.0)):
        end = transform.ends[side]
        reach = _REACH * std if end is None else abs(sum(end) - mean)
        points = np.zeros((_TRIAL.size, 3))
        points[:, 0] = mean
        points[:, 2] = sign * np.minimum(_TRIAL * std, _TRIAL / (1.0 + _TRIAL) * reach)
        found, wanted = (s.tails(points, upper=bool(side)) for s in (source, judge))
        gap = np.abs(found - wanted) / np.maximum(np.abs(wanted) / 700.0, 1.0)
        worst = max(worst, float(np.max(np.where(np.isnan(gap), np.inf, gap))))
    return worst


def _sources(transform: Transform, moments: Pair, step: float) -> tuple[Source, Source]:
    """The source of a table and its judge."""
    plan, check = _plan(step), _check_plan(step)
    return ContourSource(transform, *moments, plan), ContourSource(transform, *moments, check)


def _total(
    transform: Transform, terms: list[tuple[float, Distribution]], step: float, tol: float
) -> Term:
    moments = moments_of(terms)
    centre = _centre(terms)
    scale = 1.35 * moments[1]
    kinks = np.array([end for end in transform.ends if end is not None]).reshape(-1, 2)
    split = centre or (rounded(moments[0], scale, kinks), 0.0)
    finite = transform.ends[0] is not None, transform.ends[1] is not None
    depth, reach = (_DEPTH, _DEPTH), (_REACH * moments[1], _REACH * moments[1])
    source, judge = _sources(transform, moments, step)
    frame = frame_of(
        kinks,
        split,
        finite=finite,
        scale=scale,
        depth=depth,
        reach=reach,
        symmetric=centre is not None,
    )
    measured = tabulate(source, frame, tol, judge)
    low, median, high = measured.table.quartiles
    return Term(
        table=measured.table,
        kinks=kinks,
        finite=finite,
        centre=centre,
        median=median if centre is None else centre[0],
        scale=high - low,
        depth=reached(measured.table, finite, depth),
        reach=reach,
        moments=moments,
        errors=(
            measured.error + _ULPS[0],
            measured.tail_error + _ULPS[1],
            measured.density_error + _ULPS[2],
        ),
    )


def _centre(terms: list[tuple[float, Distribution]]) -> Pair | None:
    """The centre of symmetry as an unevaluated sum; None where a law has none."""
    total = Fraction(0)
    for w, law in terms:
        if law.symmetry is None:
            return None
        total += Fraction(w) * Fraction(law.symmetry)
    high = float(total)
    return high, float(total - Fraction(high))
