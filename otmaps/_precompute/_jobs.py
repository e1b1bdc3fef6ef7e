"""Which tables to make."""

from __future__ import annotations

import dataclasses
import itertools
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, TypeAlias, final

import numpy as np

from otmaps._convert import as_distribution
from otmaps._estimators import Estimator, check_operation, check_pointwise, input_laws
from otmaps._operations import Operation
from otmaps._table import map_recipe


@final
@dataclasses.dataclass(frozen=True, eq=False)
class Job:
    """One table to make: the arguments of `otmaps.match`.

    Examples
    --------
    >>> import otmaps
    >>> job = otmaps.Job(otmaps.lerp(0.5), "uniform")
    >>> otmaps.precompute([job], store=otmaps.MemoryStore()).count("built")
    1
    """

    op: Operation
    prior: Any
    inputs: Mapping[str, Any] | Sequence[Any] | None = None
    method: str | Estimator = "auto"
    tol: float = 1e-9

    def recipe(self) -> dict[str, Any] | None:
        """What identifies the table; None where it cannot be stored."""
        check_operation(self.op)
        check_pointwise(self.op)
        prior = as_distribution(self.prior)
        laws = input_laws(self.op, prior, self.inputs)
        return map_recipe(self.op, laws, prior, self.method, self.tol)


JobLike: TypeAlias = Job | tuple[Operation, Any] | Mapping[str, Any]


def as_job(job: Any, position: int) -> Job:
    """The job that an entry of a list of jobs means.

    Raises
    ------
    TypeError
        For what is none, with its position.
    """
    if isinstance(job, Job):
        return job
    try:
        if isinstance(job, Mapping):
            return Job(**job)
        op, prior = job
    except (TypeError, ValueError) as error:
        raise TypeError(
            f"jobs[{position}] must be a Job, a pair (op, prior) or a mapping with op, prior and "
            f"optionally inputs, method, tol; got {job!r} ({error})."
        ) from None
    return Job(op, prior)


def grid(
    factory: Callable[..., Operation] | Sequence[Callable[..., Operation]],
    priors: Any,
    *,
    inputs: Mapping[str, Any] | Sequence[Any] | None = None,
    method: str | Estimator = "auto",
    tol: float = 1e-9,
    **parameters: Any,
) -> list[Job]:
    """The jobs of all combinations of operations, priors and parameters.

    Parameters
    ----------
    factory : callable, or list or tuple of callables
        What makes the operation: ``otmaps.lerp``, or what `otmaps.operation` returned. Several
        take the same parameters; join the lists of several grids where they do not.
    priors : law, or list or tuple of laws
        Anything `as_distribution` takes; a list of numbers is one law, a sample.
    inputs, method, tol
        As in `otmaps.match`, for all jobs.
    **parameters
        For each parameter a value, or an iterable of values (text is one value).

    Examples
    --------
    >>> import numpy, otmaps
    >>> len(otmaps.grid(otmaps.lerp, ["normal", "uniform"], t=numpy.linspace(0, 1, 11)))
    22
    """
    several = isinstance(priors, list | tuple) and not all(
        isinstance(p, int | float | np.number) for p in priors
    )
    factories = [factory] if callable(factory) else factory
    ranges = [_values(value) for value in parameters.values()]
    return [
        Job(make(**dict(zip(parameters, values, strict=True))), prior, inputs, method, tol)
        for make in factories
        for prior in (priors if several else [priors])
        for values in itertools.product(*ranges)
    ]


def _values(value: Any) -> list[Any]:
    if isinstance(value, str) or not isinstance(value, Iterable):
        return [value]
    if isinstance(value, np.ndarray):
        return list(value.tolist()) if value.ndim else [value.item()]
    return list(value)
