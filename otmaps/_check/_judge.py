"""`check`: a matched operation against optimal transport plans of samples, row by row.

The allowed gap of a row that draws is the sampling error at the stated confidence, split evenly
over these rows (Bonferroni), plus the errors that the laws state; no row has a tuned threshold.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Callable
from typing import Any, Protocol, runtime_checkable

import numpy as np
from scipy import special

from otmaps._arrays import FloatArray, real_scalar
from otmaps._check._noise import QuantileNoise, chernoff, two_sided
from otmaps._check._report import CheckReport, CheckRow
from otmaps._distribution import Distribution
from otmaps._plan import RandomizedPlan
from otmaps._vector_law import VectorLaw

_EPS = float(np.finfo(float).eps)
_SAMPLING_ROWS = 8
_PLAN_LIMIT = 1000  # points of an exact plan in several dimensions: 0.2 s each
_FEWEST = 100  # below, the normal limits that the allowed gaps use are not reached


class _Operation(Protocol):
    def raw(self, *latents: Any) -> Any: ...


@runtime_checkable
class Matched(Protocol):
    """What `check` asks of a matched operation."""

    @property
    def operation(self) -> _Operation: ...
    @property
    def inputs(self) -> tuple[Distribution, ...]: ...
    @property
    def source(self) -> Distribution: ...
    @property
    def target(self) -> Distribution: ...
    @property
    def map(self) -> Any: ...
    def __call__(self, *latents: Any) -> Any: ...


def check(
    matched: Any, n: int = 2000, dim: int = 2, seed: int = 0, *, confidence: float = 0.999
) -> CheckReport:
    """Hold a matched operation against optimal transport of samples, computed by POT.

    Draws latents, applies the raw and the matched operation through their public calls, and
    compares: the one-dimensional plan and costs between draws of y and fresh draws of the prior,
    the law of the results, the exact plan in ``dim`` dimensions on the same draws (Theorem 1 of
    Agustsson et al., 2019: the componentwise monotone map is optimal) and against fresh ones.

    Parameters
    ----------
    matched : MatchedOperation
        What `otmaps.match` returns, for an operation that acts on each component alone.
    n : int
        Draws, at least 100; the exact plan in ``dim`` dimensions uses the first 1000 at most.
    dim : int
        Components of a latent; the one-dimensional rows pool all ``n * dim`` components.
    seed : int
        Of the one generator that all draws come from.
    confidence : float
        Of the whole report: a right map fails with a probability below ``1 - confidence``.

    Returns
    -------
    CheckReport
        True when every row holds; ``str`` gives a table, ``as_dict`` JSON types.

    Raises
    ------
    TypeError
        For anything but a matched operation.
    ValueError
        For ``n`` below 100, ``dim`` below 1, or a confidence outside (0, 1).

    Notes
    -----
    A sample of finite size forgives small faults: the allowed gaps fall like 1 / sqrt(n). The row
    "quantiles kept" does not draw on luck: it holds each value of the map against
    F_Z^[-1](F_Y(y)) within the stated errors (Theorem 2), as far as ``matched.source`` is right,
    which the row "law of y" tests.

    Examples
    --------
    >>> import otmaps
    >>> m = otmaps.match(otmaps.lerp(0.5), "normal", store=None)
    >>> bool(otmaps.check(m, n=200))
    True
    """
    if not isinstance(matched, Matched):
        raise TypeError(
            f"check needs a matched operation, got {type(matched).__name__}; "
            "otmaps.match(op, prior) makes one."
        )
    prior: object = matched.target
    if isinstance(prior, VectorLaw):
        raise TypeError(
            "check judges maps of numbers, and this operation has a prior of whole latents. Check "
            "each of matched.groups where components are independent; of a normal law, the cost "
            "that is least is matched.map.distance squared."
        )
    _validate(n, dim, confidence)
    draw = _Draw(matched, n, dim, seed)
    rows = [_finite_row(draw)]
    if rows[0].holds:
        alpha = (1.0 - confidence) / _SAMPLING_ROWS
        rows += [_order_row(draw), _support_row(draw), _quantile_row(draw)]
        rows += _law_rows(draw, alpha)
        rows += _line_rows(draw, alpha)
        rows += _space_rows(draw, alpha)
    return CheckReport(tuple(rows), n, dim, seed, confidence)


def _validate(n: int, dim: int, confidence: float) -> None:
    for name, value, least in (("n", n, _FEWEST), ("dim", dim, 1)):
        if isinstance(value, bool) or not isinstance(value, int | np.integer):
            raise TypeError(f"{name} must be an integer, got {value!r}.")
        if value < least:
            raise ValueError(f"{name} must be at least {least}, got {value}.")
    if not 0.0 < real_scalar(confidence, "confidence") < 1.0:
        raise ValueError(f"confidence must lie between 0 and 1, got {confidence}.")


class _Draw:
    """The samples that all rows share, as float64 (POT's plan of integers is all zero)."""

    def __init__(self, matched: Matched, n: int, dim: int, seed: int) -> None:
        rng = np.random.default_rng(seed)
        self.source, self.target = matched.source, matched.target
        # A plan draws from the same generator as all else, not from the user's.
        chance = {"randomize": rng} if isinstance(matched.map, RandomizedPlan) else {}
        result = functools.partial(matched, **chance)
        self.y, self.z = self._apply(matched, result, n, dim, rng)
        _, self.z_again = self._apply(matched, result, min(n, _PLAN_LIMIT), dim, rng)
        self.fresh = np.asarray(self.target.rvs((n, dim), rng))
        # On an atom of y the results of a plan are random, and in no order.
        order = np.lexsort((self.z.ravel(), self.y.ravel()))
        self.y_line, self.z_line = self.y.ravel()[order], self.z.ravel()[order]
        quartiles = np.asarray(self.target.ppf(np.array([0.25, 0.75])))
        self.scale = float(quartiles[1] - quartiles[0]) or 1.0
        # A plain callable states no error and is held to the float grid.
        self.map_error = float(getattr(matched.map, "error", 0.0)) + 8.0 * _EPS

    @staticmethod
    def _apply(
        matched: Matched,
        result: Callable[..., Any],
        n: int,
        dim: int,
        rng: np.random.Generator,
    ) -> tuple[FloatArray, FloatArray]:
        latents = [np.asarray(law.rvs((n, dim), rng)) for law in matched.inputs]
        results = []
        for name, value in (
            ("the raw operation", matched.operation.raw(*latents)),
            ("the matched operation", result(*latents)),
        ):
            array = np.asarray(value, dtype=np.float64)
            if array.shape != (n, dim):
                raise ValueError(
                    f"{name} gave shape {array.shape} for latents of shape {(n, dim)}; "
                    "check serves operations that act on each component alone."
                )
            results.append(array)
        return results[0], results[1]

    def slip(self, values: FloatArray) -> FloatArray:
        """How far the map's stated error moves its values, in the prior's unit."""
        return self.map_error * np.maximum(np.abs(values), self.scale)

    def ranks(self, values: FloatArray) -> tuple[FloatArray, FloatArray]:
        """The probabilities F_Z(value -+ slip): equal but for the errors, or at an atom."""
        slip = self.slip(values)
        return np.asarray(self.target.cdf(values - slip)), np.asarray(
            self.target.cdf(values + slip)
        )


def _finite_row(draw: _Draw) -> CheckRow:
    bad = np.isfinite(draw.y) & ~np.isfinite(draw.z)
    again = int(np.count_nonzero(~np.isfinite(draw.z_again)))
    if not np.all(np.isfinite(draw.y)):
        raise ValueError(
            "the raw operation gave NaN or infinity for finite latents; its result has no law."
        )
    note = "" if not bad.any() else "the other rows need finite values"
    return CheckRow("values are finite", float(bad.sum() + again), 0.0, "values", note)


def _order_row(draw: _Draw) -> CheckRow:
    """The map must not decrease: the largest fall below a value already reached."""
    peak = np.maximum.accumulate(draw.z_line)
    slip = draw.slip(peak) + draw.slip(draw.z_line)
    excess = (peak - draw.z_line) - slip
    worst = int(np.argmax(excess))
    return CheckRow(
        "map does not decrease",
        float(peak[worst] - draw.z_line[worst]),
        float(slip[worst]),
        "prior",
    )


def _support_row(draw: _Draw) -> CheckRow:
    low, high = draw.target.support()
    outside = np.maximum(np.maximum(low - draw.z_line, draw.z_line - high), 0.0)
    worst = int(np.argmax(outside))
    return CheckRow(
        "values in the prior's support",
        float(outside[worst]),
        float(draw.slip(draw.z_line)[worst]),
        "prior",
    )


def _quantile_row(draw: _Draw) -> CheckRow:
    """T = F_Z^[-1](F_Y(y)) (Theorem 2): the gap between the two probabilities, errors apart."""
    grid = 4.0 * np.spacing(np.abs(draw.y_line))  # y itself is rounded
    y_low = np.asarray(draw.source.cdf(draw.y_line - grid))
    y_high = np.asarray(draw.source.cdf(draw.y_line + grid))
    z_low, z_high = draw.ranks(draw.z_line)
    gap = float(np.max(np.maximum(np.maximum(y_low - z_high, z_low - y_high), 0.0)))
    allowed = draw.source.error + draw.target.error + 8.0 * _EPS
    return CheckRow("quantiles kept", gap, allowed, "probability")


def _kolmogorov(low: FloatArray, high: FloatArray) -> float:
    """The Kolmogorov-Smirnov distance of a sorted sample with F(x) between ``low`` and ``high``."""
    n = low.size
    steps = np.arange(n + 1) / n
    return float(max(np.max(steps[1:] - high), np.max(low - steps[:-1]), 0.0))


def _kolmogorov_bound(n: int, alpha: float) -> float:
    """Twice the exact one-sided law of Smirnov bounds the two-sided one."""
    return float(special.smirnovi(n, 0.5 * alpha))


def _law_rows(draw: _Draw, alpha: float) -> list[CheckRow]:
    """Do y and T(y) follow their laws? Exact or nearly exact tests of their probabilities."""
    y = draw.y_line
    n = y.size
    kolmogorov = _kolmogorov_bound(n, alpha)
    # Equal but where y is on an atom: there the cdf and its limit from the left.
    rank_y = np.asarray(draw.source.cdf(y))
    before = np.asarray(draw.source.cdf(np.nextafter(y, -np.inf))) if draw.source.atoms else rank_y
    rows = [
        CheckRow(
            "law of y (Kolmogorov-Smirnov)",
            _kolmogorov(before, rank_y),
            kolmogorov + draw.source.error,
            "probability",
        )
    ]
    low, high = draw.ranks(np.sort(draw.z_line))
    rows.append(
        CheckRow(
            "prior reproduced (Kolmogorov-Smirnov)",
            _kolmogorov(low, high),
            kolmogorov + draw.source.error,
            "probability",
        )
    )
    # The first two moments of the probabilities see a shift or a stretch that the supremum does
    # not. Sums of uniforms have lighter tails than the normal law: its quantile is safe.
    middle, slack = 0.5 * (low + high) - 0.5, float(np.mean(high - low)) + draw.source.error
    sigmas = two_sided(alpha)
    for name, moment, expected, variance in (
        ("prior reproduced (location)", middle, 0.0, 1.0 / 12.0),
        ("prior reproduced (spread)", middle**2, 1.0 / 12.0, 1.0 / 180.0),
    ):
        found = abs(float(np.mean(moment)) - expected)
        allowed = sigmas * math.sqrt(variance / n) + slack
        rows.append(CheckRow(name, found, allowed, "probability"))
    return rows


def _line_rows(draw: _Draw, alpha: float) -> list[CheckRow]:
    """The plan and the costs of `ot.emd_1d` between draws of y and fresh draws of the prior."""
    import ot

    y, z = draw.y_line, draw.z_line
    n = y.size
    fresh = np.sort(draw.fresh, axis=None)
    plan = ot.emd_1d(y, fresh, metric="sqeuclidean", dense=False)
    projected = n * np.asarray(plan @ fresh)
    projected = projected[np.lexsort((projected, y))]  # equal y are interchangeable
    low, high = draw.ranks(z)
    gap = np.asarray(draw.target.cdf(projected)) - 0.5 * (low + high)
    slack = float(np.sqrt(np.mean((high - low) ** 2))) + draw.source.error
    rows = [
        CheckRow(
            "1-D plan (ot.emd_1d), rms",
            float(np.sqrt(np.mean(gap**2))),
            _plan_bound(n, alpha) + slack,
            "probability",
        )
    ]
    noise = QuantileNoise.of(draw.target, n, alpha, draw.source.error)
    bulk = noise.bulk
    share = bulk.stop - bulk.start
    y, z, fresh = y[bulk], z[bulk], fresh[bulk]
    for order, metric, own, allowed in (
        (2, "sqeuclidean", (z - y) ** 2, noise.squared(z - y)),
        (1, "cityblock", np.abs(z - y), noise.absolute(z - y)),
    ):
        optimal = float(ot.emd2_1d(y, fresh, metric=metric))
        note = f"central {share / n:.0%}"
        if not _has_moment(draw.target, order):
            note += f"; the prior has no moment of order {order}"
        rows.append(
            CheckRow(
                "1-D cost |x - y|" + ("^2" if order == 2 else "") + " (ot.emd2_1d)",
                abs(float(np.mean(own)) - optimal),
                allowed,
                "cost" if order == 2 else "prior",
                note,
            )
        )
    return rows


def _plan_bound(n: int, alpha: float) -> float:
    """The rms of U_(i) - V_(i) for two sorted samples of n uniforms is below this, but for alpha.

    The covariance of the order statistics, i (n + 1 - j) / ((n + 1)^2 (n + 2)) for i <= j, is
    the inverse of a second difference, whose eigenvalues are known in closed form.
    """
    k = np.arange(1, min(n, 400) + 1)
    modes = 1.0 / (4.0 * (n + 1.0) * (n + 2.0) * np.sin(0.5 * math.pi * k / (n + 1.0)) ** 2)
    rest = n / (6.0 * (n + 1.0)) - float(modes.sum())  # the trace less the modes listed
    return math.sqrt((chernoff(modes, alpha) + max(rest, 0.0)) * 2.0 / n)


def _has_moment(law: Distribution, order: int) -> bool:
    """Whether E|X|^order is finite, from how fast the quantiles grow into the tails."""
    depth = -np.array([300.0, 600.0])
    for tail in (law.ilogcdf(depth), law.ilogsf(depth)):
        with np.errstate(all="ignore"):
            growth = np.diff(np.log(np.maximum(np.abs(tail), 1e-300)))[0] / 300.0
        if not order * growth < 1.0 - 1e-9:
            return False
    return True


def _space_rows(draw: _Draw, alpha: float) -> list[CheckRow]:
    """The exact plan of `ot.emd` in several dimensions, on the same and on fresh draws."""
    m, dim = draw.z_again.shape
    y, z, fresh = draw.y[:m], draw.z[:m], draw.fresh[:m]
    cost = _squares(y, z)
    own = float(np.mean(np.diagonal(cost)))
    optimal, _ = _exact_cost(cost)
    # The potentials of the network simplex are sums of at most m entries.
    rounding = m * _EPS * float(cost.max())
    label = f"{dim}-D plan (ot.emd), "
    rows = [CheckRow(label + "same draws", abs(own - optimal), rounding, "cost", f"{m} draws")]
    if not _has_moment(draw.target, 2):
        note = "the prior has no second moment: costs of samples have no limit"
        return [*rows, CheckRow(label + "fresh draws", math.nan, math.nan, "cost", note)]
    # Given y, the results of other draws and fresh draws of the prior are exchangeable: the two
    # costs have the same bias, and each moves by the potential of its draws over m (the central
    # limit theorem of del Barrio and Loubes, 2019, which is centred at the expected cost).
    cost_fresh, potential_fresh = _exact_cost(_squares(y, fresh))
    cost_again, potential_again = _exact_cost(_squares(y, draw.z_again))
    deviation = math.sqrt((np.var(potential_fresh) + np.var(potential_again)) / m)
    drift = QuantileNoise.of(draw.target, m, alpha, draw.source.error).drift(own / dim)
    allowed = two_sided(alpha) * deviation + dim * drift + rounding
    found = abs(cost_fresh - cost_again)
    return [*rows, CheckRow(label + "fresh draws", found, allowed, "cost", f"{m} draws")]


def _squares(a: FloatArray, b: FloatArray) -> FloatArray:
    """Squared distances by differences: the expanded form of `ot.dist` cancels."""
    out = np.zeros((a.shape[0], b.shape[0]))
    for i in range(a.shape[1]):
        out += (a[:, i, None] - b[None, :, i]) ** 2
    return out


def _exact_cost(cost: FloatArray) -> tuple[float, FloatArray]:
    """The optimal cost between uniform weights, and the dual potential of the columns."""
    import ot

    weights = np.full(cost.shape[0], 1.0 / cost.shape[0])
    value, log = ot.emd2(weights, weights, cost, log=True, numItermax=10_000_000)
    return float(value), np.asarray(log["v"])
