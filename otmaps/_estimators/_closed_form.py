"""The exact law, for the operations and inputs that have one."""

from __future__ import annotations

import dataclasses
from typing import final

from otmaps._closed_forms import closed_form
from otmaps._distribution import Distribution
from otmaps._errors import UnservedError
from otmaps._estimators._base import Estimator, Inputs
from otmaps._operations import Operation


@final
@dataclasses.dataclass(frozen=True)
class ClosedForm(Estimator):
    """Weighted sums of inputs whose law is known: normal, Cauchy, uniform, gamma, or one input."""

    @property
    def name(self) -> str:
        """The name that `method=` takes."""
        return "closed form"

    def refuses(self, op: Operation, inputs: Inputs) -> str | None:
        """Why the estimator does not serve this case; None where it does."""
        if op.linear is None:
            return "the operation is not proven to be a weighted sum of its latents"
        law = closed_form(op.linear, inputs)
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
        law = "it is not linear" if op.linear is None else closed_form(op.linear, inputs)
        if isinstance(law, str):
            raise UnservedError(f"no closed form for operation {op.name!r}: {law}.")
        return law
