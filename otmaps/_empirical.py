"""The law of a one-dimensional sample, with a bound on its error at a stated confidence."""

from __future__ import annotations

import dataclasses
import hashlib
import math
from typing import Any, final

import numpy as np

from otmaps._arrays import FloatArray, frozen, real_array, real_scalar
from otmaps._ogive import Ogive, check_span, dkw_bound, polygon, tail_scales

_FEWEST = 20  # from here on a point mass takes at least three equal draws, at any confidence


@final
@dataclasses.dataclass(frozen=True)
class Empirical(Ogive):
    """The law that a sample of independent draws estimates.

    The cdf runs straight between the sorted distinct values, through the middle of the step of
    the empirical cdf at each. Beyond the extreme values stand exponential tails whose scale is the
    mean excess of the outermost ``k`` values (about ``n**0.4`` of them), so that every quantile is
    finite and logarithms work; beyond about ``k / n`` the tail is modelled, not measured, and
    `tail_error` is infinite. A value that repeats more often than the bound allows by chance is a
    point mass: the cdf jumps there and `atoms` lists it; rarer ties are interpolated through.

    `breakpoints` names the finite ends and the atoms. The corners of the cdf at the other values
    are no property of the law: they lie within `error`.

    Parameters
    ----------
    sample : array_like
        Finite numbers, one-dimensional, at least 20, not all equal; not kept in its own order.
    low, high : float
        Known ends of the support, infinite where unknown; a finite end replaces the tail.
    confidence : float
        The probability with which `error` holds, for independent draws of one law.
    origin : str
        What `method` says; empty for ``"sample (n=...)"``.

    Raises
    ------
    TypeError, ValueError
        For a sample that is not such numbers; the message gives the remedy.

    Notes
    -----
    `error` is sqrt(log(2 / (1 - confidence)) / (2 n)), the inequality of Dvoretzky, Kiefer and
    Wolfowitz with the constant of Massart (1990), plus the distance of the straight lines from
    the steps.

    Examples
    --------
    >>> import numpy, otmaps
    >>> law = otmaps.Empirical(numpy.random.default_rng(0).normal(size=10_000))
    >>> bool(law.error < 0.03), abs(law.median()) < 0.05
    (True, True)
    """

    sample: dataclasses.InitVar[Any]
    low: float = -math.inf
    high: float = math.inf
    confidence: float = 0.999
    origin: str = ""
    n: int = dataclasses.field(init=False)
    digest: str = dataclasses.field(init=False, repr=False)
    knots: FloatArray = dataclasses.field(init=False, repr=False, compare=False)
    below: FloatArray = dataclasses.field(init=False, repr=False, compare=False)
    above: FloatArray = dataclasses.field(init=False, repr=False, compare=False)
    tail_scales: tuple[float, float] = dataclasses.field(init=False, repr=False, compare=False)
    _bound: float = dataclasses.field(init=False, repr=False, compare=False)
    _masses: tuple[tuple[float, float], ...] = dataclasses.field(
        init=False, repr=False, compare=False
    )

    def __post_init__(self, sample: Any) -> None:
        draws = checked_sample(sample)
        confidence = real_scalar(self.confidence, "confidence")
        if not 0.0 < confidence < 1.0:
            raise ValueError(f"confidence must lie between 0 and 1, got {confidence}.")
        low, high = checked_ends(self.low, self.high, draws)
        n = draws.size
        dkw = dkw_bound(n, confidence)
        values, counts = np.unique(draws, return_counts=True)
        heavy = counts > n * dkw
        knots, below = polygon(values, counts, heavy, low, high)
        lightest = counts[~heavy].max(initial=0)
        # A sample value on a stated end has its whole step above (or below) the line.
        on_end = (counts[0] if values[0] == low else 0, counts[-1] if values[-1] == high else 0)
        slack = max(lightest / 2, *(c for c in on_end if c <= n * dkw), 0) / n
        fields = {
            "low": low,
            "high": high,
            "confidence": confidence,
            "n": n,
            "digest": hashlib.sha256(draws.tobytes()).hexdigest(),
            "knots": frozen(knots),
            "below": frozen(below / n),
            "above": frozen((n - below) / n),
            "tail_scales": tail_scales(values, counts),
            "_bound": min(dkw + slack, 1.0),
            "_masses": tuple(
                (float(v), int(c) / n) for v, c in zip(values[heavy], counts[heavy], strict=True)
            ),
        }
        for name, value in fields.items():
            object.__setattr__(self, name, value)

    def _method(self) -> str:
        return self.origin or f"sample (n={self.n})"

    def _recipe(self) -> dict[str, Any] | None:
        return {
            "law": "Empirical",
            "sha256": self.digest,
            "n": self.n,
            "low": self.low.hex(),
            "high": self.high.hex(),
            "confidence": self.confidence.hex(),
        }


def checked_sample(sample: Any) -> FloatArray:
    """A sample that a law can be made of, sorted; else an error that gives the remedy."""
    draws = real_array(sample, "sample").astype(np.float64, copy=False)
    if draws.ndim != 1:
        raise ValueError(
            f"sample must be one-dimensional, got shape {draws.shape}: one law for one component. "
            "Pass sample.ravel() if all components share their law, or one column at a time."
        )
    if draws.size < _FEWEST:
        raise ValueError(
            f"sample has {draws.size} values; a law needs at least {_FEWEST}. "
            "Give more draws, or a closed-form law such as otmaps.Normal(loc, scale)."
        )
    bad = int(np.count_nonzero(~np.isfinite(draws)))
    if bad:
        raise ValueError(
            f"sample has {bad} values that are NaN or infinite, of {draws.size}. "
            "Remove them first: sample[numpy.isfinite(sample)]."
        )
    draws = np.sort(draws) + 0.0  # -0.0 and 0.0 are one value
    if draws[0] == draws[-1]:
        raise ValueError(
            f"sample holds {draws.size} times the value {draws[0]}: a constant has no law that a "
            "transport map could start from. Drop this component, or keep it as it is."
        )
    check_span(float(draws[0]), float(draws[-1]))
    return draws


def checked_ends(low: Any, high: Any, draws: FloatArray) -> tuple[float, float]:
    """Stated ends of the support, which must enclose the sorted draws."""
    ends = [
        end if isinstance(end, float) and math.isinf(end) else real_scalar(end, name)
        for name, end in (("low", low), ("high", high))
    ]
    if not (ends[0] <= draws[0] and draws[-1] <= ends[1]):
        raise ValueError(
            f"sample runs from {draws[0]} to {draws[-1]}, outside of the stated support "
            f"[{ends[0]}, {ends[1]}]. Widen low and high, or remove the values outside."
        )
    return ends[0], ends[1]
