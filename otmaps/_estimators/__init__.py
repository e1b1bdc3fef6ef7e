"""Ways to compute the law of y, and the choice between them."""

from __future__ import annotations

import functools
import warnings
from collections.abc import Mapping, Sequence
from typing import Any, overload

import numpy as np

from otmaps._arrays import real_scalar
from otmaps._convert import as_distribution
from otmaps._distribution import Distribution
from otmaps._errors import AccuracyWarning, UnservedError
from otmaps._estimators._agreement import Agreement
from otmaps._estimators._auto import Auto
from otmaps._estimators._base import Estimator, Inputs
from otmaps._estimators._closed_form import ClosedForm
from otmaps._estimators._composition import Composition
from otmaps._estimators._conditional_rqmc import ConditionalRQMC
from otmaps._estimators._conditioning import Conditioning
from otmaps._estimators._contour import Contour
from otmaps._estimators._convolution import Convolution
from otmaps._estimators._inputs import named_inputs
from otmaps._estimators._monte_carlo import MonteCarlo
from otmaps._estimators._norms import isotropic_inputs, isotropic_law
from otmaps._estimators._rqmc import RQMC
from otmaps._isotropic import Isotropic
from otmaps._operations import Operation, check_elementwise

__all__ = [
    "RQMC",
    "Agreement",
    "Auto",
    "ClosedForm",
    "Composition",
    "ConditionalRQMC",
    "Conditioning",
    "Contour",
    "Convolution",
    "Estimator",
    "MonteCarlo",
    "choose_estimator",
    "input_laws",
    "pushforward",
]

# What a warning of too large an error says.
MORE_EFFORT = (
    "Pass a method with more effort, such as method=otmaps.Auto(budget=2**28), or say which error "
    "is good enough with tol=; an estimator that you name, such as "
    "method=otmaps.MonteCarlo(n=2**22), is taken at its word."
)
_MANY_PROBES = 1 << 12
_PROBES = 16  # draws on which a function must prove that it works entry by entry


def choose_estimator(op: Operation, inputs: Inputs) -> tuple[Estimator, dict[str, str]]:
    """What ``method="auto"`` uses, and why each estimator before it does not serve.

    Parameters
    ----------
    op : Operation
    inputs : tuple of Distribution
        One law for each latent.

    Returns
    -------
    estimator : Estimator
    refusals : dict
        Name of an estimator that was passed over -> its reason.

    Raises
    ------
    UnservedError
        Where none serves.

    Examples
    --------
    >>> import otmaps
    >>> inputs = (otmaps.Laplace(), otmaps.Laplace())
    >>> chosen, refusals = otmaps.choose_estimator(otmaps.lerp(0.3), inputs)
    >>> chosen.name, sorted(refusals)
    ('convolution', ['closed form', 'contour'])
    """
    auto = Auto()
    refusals: dict[str, str] = {}
    for estimator in (*auto.deterministic, *auto.sampling):
        reason = estimator.refuses(op, inputs)
        if reason is None:
            return estimator, refusals
        refusals[estimator.name] = reason
    reasons = "; ".join(f"{name}: {reason}" for name, reason in refusals.items())
    raise UnservedError(f"no estimator serves operation {op.name!r}: {reasons}.")


@overload
def pushforward(
    op: Operation,
    prior: Isotropic,
    *,
    inputs: Mapping[str, Any] | Sequence[Any] | None = ...,
    method: str | Estimator = ...,
    tol: float = ...,
) -> Isotropic: ...


@overload
def pushforward(
    op: Operation,
    prior: Any,
    *,
    inputs: Mapping[str, Any] | Sequence[Any] | None = ...,
    method: str | Estimator = ...,
    tol: float = ...,
) -> Distribution: ...


def pushforward(
    op: Operation,
    prior: Any,
    *,
    inputs: Mapping[str, Any] | Sequence[Any] | None = None,
    method: str | Estimator = "auto",
    tol: float = 1e-12,
) -> Distribution | Isotropic:
    """The law of one component of the operation's result, for independent latents.

    For an isotropic prior, such as ``otmaps.StandardNormal(512)``: the law of the whole result of a
    linear operation or of slerp, which is isotropic again.

    Parameters
    ----------
    op : Operation
        A pointwise operation.
    prior : law
        The law of a component of each latent: anything `as_distribution` takes.
    inputs : mapping or sequence, optional
        The laws of latents that do not follow the prior: by name, or one for each latent in
        order with None for the prior.
    method : str or Estimator
        "auto", the name of an estimator, or an `Estimator` with its options. `law.method` says
        which ran.
    tol : float
        The bound on ``|cdf error|`` that is aimed at.

    Returns
    -------
    Distribution
        With `error`, a bound on ``|cdf error|`` (Monte Carlo: at its stated confidence).

    Raises
    ------
    UnservedError
        Where the method, or any method, does not serve the operation and the laws.

    Warns
    -----
    AccuracyWarning
        Where the automatic choice reached less than ``tol``.

    Examples
    --------
    >>> import otmaps
    >>> otmaps.pushforward(otmaps.lerp(0.5), otmaps.Normal()).std() ** 2
    0.5000000000000001
    """
    check_operation(op)
    tol = real_scalar(tol, "tol", positive=True)
    law: Distribution | Isotropic
    if isinstance(prior, Isotropic):
        law = isotropic_law(op, isotropic_inputs(op, prior, inputs), _named(method), tol)
    else:
        law = compute_law(op, input_laws(op, as_distribution(prior), inputs), method, tol)
    if not law.error <= tol and is_automatic(method):
        warnings.warn(
            f"the law of {op.name} by {law.method} is known to {law.error:.1e} in the cdf, not to "
            f"tol={tol:g}. {MORE_EFFORT}",
            AccuracyWarning,
            stacklevel=2,
        )
    return law


def compute_law(op: Operation, laws: Inputs, method: str | Estimator, tol: float) -> Distribution:
    """`pushforward` on checked arguments; the caller compares the error with ``tol``."""
    check_pointwise(op)
    if op.linear is None:
        rng = np.random.default_rng(0)
        check_elementwise(op, [np.asarray(law.rvs(_PROBES, rng)) for law in laws])
    check_varies(op, laws)
    with np.errstate(all="ignore"):  # of a user's function at points that no draw meets
        estimator = _named(method)
        law = estimator.attempt(op, laws, tol)
    if isinstance(law, str):
        raise UnservedError(f"{estimator.name} does not serve operation {op.name!r}: {law}.")
    return law


def check_varies(op: Operation, laws: Inputs) -> None:
    """Raise where all draws have one value: a constant has no law to match.

    Weights are looked at by the estimators.
    """
    if op.linear is not None:
        return
    rng = np.random.default_rng(1)
    values = np.asarray(op.raw(*(np.asarray(law.rvs(_MANY_PROBES, rng)) for law in laws)))
    constant = values == values[0]
    if constant.all():
        raise ValueError(
            f"operation {op.name!r} returned {values[0]} for each of {values.size} draws: "
            "a constant has no law to match."
        )


def is_automatic(method: str | Estimator) -> bool:
    """Whether the caller left the effort to us, and is to be warned where it does not do."""
    return not isinstance(method, Estimator) or isinstance(method, Auto)


def _named(method: str | Estimator) -> Estimator:
    if isinstance(method, Estimator):
        return method
    if not isinstance(method, str):
        raise TypeError(f"method must be a name or an Estimator, got {type(method).__name__}.")
    if method == "auto":
        return Auto()
    named = _by_name()
    key = method.lower().replace(" ", "_").replace("-", "_")
    if key not in named:
        raise ValueError(
            f"method {method!r} is not known; use {', '.join(map(repr, named))} "
            "or an Estimator object."
        )
    return named[key]


@functools.cache
def _by_name() -> dict[str, Estimator]:
    auto = Auto()
    known = (auto, *auto.deterministic, ConditionalRQMC(), RQMC(), MonteCarlo())
    return {e.name.lower().replace(" ", "_"): e for e in known}


def check_operation(op: Any) -> None:
    """Raise a TypeError with the remedy where ``op`` is not an `Operation`."""
    if isinstance(op, Operation):
        return
    remedy = "call it to bind its parameters" if callable(op) else "see otmaps.operations()"
    raise TypeError(
        f"op must be an Operation, such as otmaps.lerp(0.5), got {type(op).__name__}; {remedy}."
    )


def check_pointwise(op: Operation) -> None:
    """Raise where the law of one component does not follow from the laws of the latents'."""
    if not op.pointwise:
        raise UnservedError(
            f"operation {op.name!r} mixes components of a latent, so no map of single components "
            "can mend its law; use it raw (op.raw), or a pointwise operation such as otmaps.lerp."
        )


def input_laws(
    op: Operation, prior: Distribution, inputs: Mapping[str, Any] | Sequence[Any] | None
) -> Inputs:
    """One law for each latent: the prior where ``inputs`` names no other."""
    given = named_inputs(op, inputs)
    return tuple(prior if law is None else as_distribution(law) for law in given)
