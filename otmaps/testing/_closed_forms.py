"""The suite for closed forms."""

from __future__ import annotations

import abc
from collections.abc import Iterable

import numpy as np

from otmaps._distribution import Distribution
from otmaps._estimators import ClosedForm, MonteCarlo
from otmaps._operations import Operation
from otmaps.testing._measures import LEVELS, grid_width


class ClosedFormTests(abc.ABC):
    """Holds registered closed forms to draws of the operation. Override `cases`.

    A fault in the cdf below about 0.005 is not seen by 2^17 draws: give parameters and laws with
    which a wrong formula would show.

    Examples
    --------
    >>> import otmaps
    >>> shift = otmaps.operation(lambda a: a + 1.0)
    >>> class TestShift(otmaps.testing.ClosedFormTests):
    ...     def cases(self):
    ...         return [(shift(), (otmaps.Normal(),))]
    >>> with otmaps.closed_form(shift, otmaps.Normal)(lambda _, laws: laws[0].affine(1.0, 1.0)):
    ...     TestShift().test_draws_agree_with_the_law()  # pytest runs all of them
    """

    @abc.abstractmethod
    def cases(self) -> Iterable[tuple[Operation, tuple[Distribution, ...]]]:
        """Pairs of an operation and the laws of its latents, which have a closed form."""

    def _laws(self) -> list[tuple[str, Operation, tuple[Distribution, ...], Distribution]]:
        found = []
        for op, inputs in self.cases():
            case = f"{op} of {inputs}"
            reason = ClosedForm().refuses(op, inputs)
            assert reason is None, f"{case} has no closed form: {reason}"
            found.append((case, op, inputs, ClosedForm().law(op, inputs, 1e-12)))
        assert found, "cases() is empty"
        return found

    def test_draws_agree_with_the_law(self) -> None:
        """The law and that of 2^17 draws differ by at most the sum of their stated errors."""
        for case, op, inputs, law in self._laws():
            drawn = MonteCarlo(n=2**17, confidence=1.0 - 1e-6).law(op, inputs, 1e-12)
            levels = LEVELS[-101:]
            x = np.concatenate([np.asarray(q(levels)) for q in (law.ppf, law.isf, drawn.ppf)])
            gap = np.abs(np.asarray(law.cdf(x)) - np.asarray(drawn.cdf(x)))
            allowed = law.error + drawn.error + grid_width(law, x)
            assert np.all(gap <= allowed), (
                f"{case}: the closed form {law!r} is off the draws by {np.max(gap):.4f}, "
                f"allowed {drawn.error:.4f}"
            )

    def test_results_stay_in_the_support(self) -> None:
        """No result of 2^14 draws lies outside of the support of the law, rounding apart."""
        for case, op, inputs, law in self._laws():
            rng = np.random.default_rng(3)
            y = np.asarray(op.raw(*(z.rvs(2**14, rng) for z in inputs)))
            low, high = law.support()
            slack = 8.0 * np.spacing(np.abs(y))
            inside = (y >= low - slack) & (y <= high + slack)
            assert np.all(inside), f"{case}: {y[~inside][0]} is outside of [{low}, {high}]"
