"""The exact law, for the operations and inputs that have one."""

from __future__ import annotations

import dataclasses
from typing import final

from otmaps._closed_forms import closed_form
from otmaps._distribution import Distribution
from otmaps._errors import UnservedError
from otmaps._estimators._base import Estimator, Inputs
from otmaps._operations import Operation
from otmaps._registered_forms import registered_law


@final
@dataclasses.dataclass(frozen=True)
class ClosedForm(Estimator):
    """Operations and inputs whose law is known exactly.

    Weighted sums of normal, Cauchy, uniform, gamma, stable or discrete inputs, or of one input
    of any law; and what is registered with `otmaps.closed_form`.

    Examples
    --------
    >>> import otmaps
    >>> law = otmaps.pushforward(otmaps.lerp(0.5), "normal", method=otmaps.ClosedForm())
    >>> law.method, round(law.std(), 6)
    ('closed form', 0.707107)
    """

    @property
    def name(self) -> str:
        """The name that `method=` takes."""
        return "closed form"

    def refuses(self, op: Operation, inputs: Inputs) -> str | None:
        """Why the estimator does not serve this case; None where it does."""
        law = _exact_law(op, inputs)
        return law if isinstance(law, str) else None

    def law(self, op: Operation, inputs: Inputs, tol: float) -> Distribution:  # noqa: ARG002 - exact
        """The law, exact but for rounding; see `UniformSum` for the sums of uniforms.

        Raises
        ------
        UnservedError
            Where `refuses` gives a reason.
        ValueError
            Where all weights are 0.
        """
        law = _exact_law(op, inputs)
        if isinstance(law, str):
            raise UnservedError(f"no closed form for operation {op.name!r}: {law}.")
        return law

    def attempt(self, op: Operation, inputs: Inputs, tol: float) -> Distribution | str:  # noqa: ARG002 - exact
        """The law, or the reason why there is none."""
        return _exact_law(op, inputs)


def _exact_law(op: Operation, inputs: Inputs) -> Distribution | str:
    if op.linear is None:
        found = registered_law(op, inputs)
        not_linear = "the operation is not proven to be a weighted sum of its latents"
        return f"{not_linear}, and {found}" if isinstance(found, str) else found
    law = closed_form(op.linear, inputs)
    if isinstance(law, str):
        found = registered_law(op, inputs)
        return law if isinstance(found, str) else found
    return law
