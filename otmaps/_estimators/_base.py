"""The abstract estimator: one way to compute the law of an operation's result."""

from __future__ import annotations

import abc
import dataclasses
from typing import Any

from otmaps._distribution import Distribution
from otmaps._operations import Operation

Inputs = tuple[Distribution, ...]


class Estimator(abc.ABC):
    """A way to compute the law of y = operation(z_1, ..., z_k) of independent inputs.

    A frozen dataclass whose fields are its options: so they enter the key of a stored table. What
    does not change the law, such as a progress bar, is a field with ``compare=False`` and does not.

    Examples
    --------
    >>> import otmaps
    >>> product = otmaps.operation(lambda a, b: a * b)()
    >>> otmaps.Convolution().refuses(product, (otmaps.Normal(), otmaps.Normal()))
    'it is not linear in its latents'
    """

    @property
    @abc.abstractmethod
    def name(self) -> str:
        """The name that `method=` takes."""

    @abc.abstractmethod
    def refuses(self, op: Operation, inputs: Inputs) -> str | None:
        """Why the estimator does not serve this case; None where it does."""

    @abc.abstractmethod
    def law(self, op: Operation, inputs: Inputs, tol: float) -> Distribution:
        """The law of the result, whose `error` is true; asked only where `refuses` gives None.

        Parameters
        ----------
        op : Operation
        inputs : tuple of Distribution
            One law for each latent.
        tol : float
            The bound on ``|cdf error|`` to aim at; the law states what was reached.
        """

    def attempt(self, op: Operation, inputs: Inputs, tol: float) -> Distribution | str:
        """The law, or the reason why `refuses` is against it.

        To be overridden where both would do the same work.
        """
        reason = self.refuses(op, inputs)
        return self.law(op, inputs, tol) if reason is None else reason

    def recipe(self) -> dict[str, Any]:
        """The name and the options in JSON types, floats as hex."""
        fields = dataclasses.fields(self)  # type: ignore[arg-type]
        values = {f.name: getattr(self, f.name) for f in fields if f.compare}
        return {"estimator": self.name} | {
            k: v.hex() if isinstance(v, float) else v for k, v in values.items()
        }
