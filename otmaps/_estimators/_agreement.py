"""Two methods that must agree within their stated errors."""

from __future__ import annotations

import dataclasses
import math
from typing import Any, final

import numpy as np

from otmaps._arrays import FloatArray
from otmaps._distribution import Distribution
from otmaps._errors import AccuracyError
from otmaps._estimators._base import Estimator, Inputs
from otmaps._estimators._layout import BoolArray
from otmaps._operations import Operation

_LEVELS = -np.concatenate([np.geomspace(1e-3, 0.69, 40), np.geomspace(0.7, 690.0, 80)])
_ULPS = 4.0  # of the point: the methods may round it in different places


@final
@dataclasses.dataclass(frozen=True)
class Agreement(Estimator):
    """The law by two methods, which must agree within the sum of the errors that they state.

    Parameters
    ----------
    first, second : Estimator
        Such as ``otmaps.ClosedForm()`` and ``otmaps.Convolution()``.

    Notes
    -----
    Both laws are compared at 240 quantiles of the first, down to 1e-300 in both tails where both
    state a `tail_error`, in the bulk alone otherwise. The law that states the smaller error is
    returned.

    Examples
    --------
    >>> import otmaps
    >>> method = otmaps.Agreement(otmaps.Convolution(), otmaps.MonteCarlo(n=2**14))
    >>> otmaps.pushforward(otmaps.lerp(0.3), "laplace", method=method).method
    'convolution'
    """

    first: Estimator
    second: Estimator

    @property
    def name(self) -> str:
        """The name in messages."""
        return f"agreement of {self.first.name} and {self.second.name}"

    def refuses(self, op: Operation, inputs: Inputs) -> str | None:
        """Why one of the two does not serve this case; None where both do."""
        for estimator in (self.first, self.second):
            reason = estimator.refuses(op, inputs)
            if reason is not None:
                return f"{estimator.name}: {reason}"
        return None

    def law(self, op: Operation, inputs: Inputs, tol: float) -> Distribution:
        """The better of both laws.

        Raises
        ------
        AccuracyError
            Where they disagree; the message says where and by how much.
        """
        laws = [e.law(op, inputs, tol) for e in (self.first, self.second)]
        for upper in (False, True):
            x = np.asarray((laws[0].ilogsf if upper else laws[0].ilogcdf)(_LEVELS))
            inside = _inside(laws[0], x) & _inside(laws[1], x)
            gap, allowed = _gaps(laws[0], laws[1], x[inside], upper=upper)
            excess = gap - allowed
            if excess.size and not excess.max() <= 0.0:
                at = int(np.argmax(np.where(np.isnan(excess), math.inf, excess)))
                tail = "sf" if upper else "cdf"
                raise AccuracyError(
                    f"{self.first.name} and {self.second.name} disagree on {op.name}: the {tail} "
                    f"at {float(x[inside][at])!r} differs by {gap[at]:.2g}, and the errors that "
                    f"they state allow {allowed[at]:.2g}. One of them is wrong: please report this "
                    "case, and use method=otmaps.MonteCarlo() meanwhile."
                )
        return min(laws, key=lambda law: law.error)

    def recipe(self) -> dict[str, Any]:
        """Both recipes."""
        return {
            "estimator": "agreement",
            "first": self.first.recipe(),
            "second": self.second.recipe(),
        }


def _inside(law: Distribution, x: FloatArray) -> BoolArray:
    low, high = law.support()
    return (x > low) & (x < high) & np.isfinite(x)


def _gaps(
    a: Distribution, b: Distribution, x: FloatArray, *, upper: bool
) -> tuple[FloatArray, FloatArray]:
    """How far two laws are apart, and what they allow: of the tail relative, or absolute."""
    logs_a, logs_b = (np.asarray(law.logsf(x) if upper else law.logcdf(x)) for law in (a, b))
    with np.errstate(over="ignore", invalid="ignore"):
        grid = _ULPS * np.spacing(np.abs(x)) * np.exp(np.asarray(a.logpdf(x)) - logs_a)
        grid = np.where(np.isfinite(grid), grid, math.inf)  # at a pole
    relative = a.tail_error + b.tail_error + grid + 1e-15 * np.abs(logs_a)
    absolute = (a.error + b.error) * np.exp(-logs_a) + grid
    return np.abs(np.expm1(logs_b - logs_a)), np.fmin(relative, absolute)
