"""Closed forms that users register: the law of an operation for inputs of given families."""

from __future__ import annotations

import dataclasses
import importlib
import math
import sys
import threading
from collections.abc import Callable, Mapping
from types import TracebackType
from typing import Any, TypeAlias, final

import numpy as np

from otmaps._distribution import Distribution
from otmaps._one_sided_priors import Exponential, Gamma, LogNormal
from otmaps._operations import Operation
from otmaps._priors import Cauchy, Normal, Uniform
from otmaps._registry import OperationFactory

Families: TypeAlias = tuple[type[Distribution], ...]
Form: TypeAlias = Callable[[Mapping[str, Any], tuple[Any, ...]], Distribution | str]


@final
@dataclasses.dataclass(frozen=True, eq=False)
class RegisteredForm:
    """A closed form in force; what the decorator `closed_form` leaves of a function.

    Call it like the function. It stays in force until `unregister`, or until the end of a ``with``
    block over it.

    Examples
    --------
    >>> import numpy, otmaps
    >>> longer = otmaps.operation(lambda a, b: numpy.minimum(a, b))
    >>> @otmaps.closed_form(longer, otmaps.Exponential, otmaps.Exponential)
    ... def form(parameters, laws):
    ...     return otmaps.Exponential(scale=0.5) if laws[0] == laws[1] else "other scales"
    >>> form.unregister()
    """

    function: Callable[..., Any]
    families: Families
    form: Form

    def __call__(
        self, parameters: Mapping[str, Any], laws: tuple[Distribution, ...]
    ) -> Distribution | str:
        """The law of the operation, or the reason why there is none for these arguments."""
        return self.form(parameters, laws)

    def unregister(self) -> None:
        """Take the closed form out of force; nothing happens where it is not."""
        with _LOCK:
            _FORMS[:] = [form for form in _FORMS if form is not self]

    def __enter__(self) -> RegisteredForm:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        value: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.unregister()

    def __copy__(self) -> RegisteredForm:
        return self  # what is in force is this one

    def __deepcopy__(self, memo: dict[int, Any]) -> RegisteredForm:
        return self

    def __reduce__(self) -> tuple[Any, ...]:
        module, name = self.form.__module__, self.form.__qualname__
        if getattr(sys.modules.get(module), name, None) is not self:
            raise TypeError(
                f"the closed form {name!r} is in force in this process alone: define it at the "
                "top of a module, under its own name, and import that in the other process."
            )
        return _form_at, (module, name)

    def serves(self, op: Operation, laws: tuple[Distribution, ...]) -> bool:
        """Whether it was registered for this operation and the families of these laws."""
        return (
            op.function == self.function
            and len(laws) == len(self.families)
            and all(map(isinstance, laws, self.families))
        )


def _form_at(module: str, name: str) -> RegisteredForm:
    form: RegisteredForm = getattr(importlib.import_module(module), name)
    return form


_LOCK = threading.Lock()
_FORMS: list[RegisteredForm] = []


def closed_form(operation: Any, *families: Any) -> Callable[[Form], RegisteredForm]:
    """Register the exact law of an operation for inputs of given families, as a decorator.

    Parameters
    ----------
    operation : OperationFactory or callable
        What `otmaps.operation` returned, or the function or ufunc that it was given.
    *families : type
        The class of the law of each latent, in order.

    Returns
    -------
    callable
        Decorates a function of the parameters (a mapping) and the laws (a tuple, in the order of
        the latents), which returns the exact law of the result, or in words why there is none for
        these. It becomes a `RegisteredForm`. Of two that serve, the later one is asked first.

    Raises
    ------
    TypeError
        For an operation with its parameters bound, and for families that are no classes of laws or
        not one for each latent.

    See Also
    --------
    otmaps.testing.ClosedFormTests : holds a registered law to draws of the operation.

    Notes
    -----
    The library believes the law and its ``error``. What it says of linear operations goes first.
    Maps of laws by registered forms are not stored: nothing tells when such a form was edited.

    Examples
    --------
    >>> import numpy, otmaps
    >>> ratio = otmaps.operation(lambda a, b: a / (a + b))
    >>> @otmaps.closed_form(ratio, otmaps.Exponential, otmaps.Exponential)
    ... def law_of_ratio(parameters, laws):
    ...     plain = all(law == otmaps.Exponential() for law in laws)
    ...     return otmaps.Uniform(0.0, 1.0) if plain else "the scales must be 1"
    >>> otmaps.pushforward(ratio(), otmaps.Exponential())
    Uniform(low=0.0, high=1.0)
    >>> law_of_ratio.unregister()
    """
    if isinstance(operation, Operation) or not callable(operation):
        raise TypeError(
            "closed_form needs the operation without its parameters bound (what otmaps.operation "
            f"returned) or a function, got {operation!r}."
        )
    function = operation.function if isinstance(operation, OperationFactory) else operation
    for family in families:
        if not (isinstance(family, type) and issubclass(family, Distribution)):
            raise TypeError(
                f"closed_form needs classes of laws, such as otmaps.Normal, got {family!r}."
            )
    latents = len(operation.latents) if isinstance(operation, OperationFactory) else len(families)
    if not families or len(families) != latents:
        raise TypeError(
            f"closed_form got {len(families)} families for {latents} latents; give the class of "
            "the law of each latent."
        )

    def register(form: Form) -> RegisteredForm:
        registered = RegisteredForm(function, families, form)
        with _LOCK:
            _FORMS.insert(0, registered)
        return registered

    return register


def registered_law(op: Operation, laws: tuple[Distribution, ...]) -> Distribution | str:
    """The law by the first registered form that gives one, or else the reason of the last asked."""
    reason = "no closed form is registered for it and the families of its inputs"
    for form in tuple(_FORMS):
        if form.serves(op, laws):
            answer = form(op.parameters, laws)
            if isinstance(answer, Distribution):
                return answer
            if not isinstance(answer, str):
                raise TypeError(
                    f"the closed form {form.form!r} of operation {op.name!r} returned "
                    f"{type(answer).__name__}; return a law, or the reason why there is none."
                )
            reason = answer
    return reason


# ------------------------------------------------------------------------- of NumPy's functions
_SHIFTED = "the law is shifted"


def _scaled(family: Callable[[float], Distribution], scale: float) -> Distribution | str:
    inside = 0.0 < scale < math.inf
    return family(scale) if inside else "the scale of the result leaves the range of doubles"


@closed_form(np.exp, Normal)
def _exp_of_normal(_: Mapping[str, Any], laws: tuple[Normal]) -> Distribution | str:
    (z,) = laws
    with np.errstate(over="ignore"):
        return _scaled(lambda scale: LogNormal(z.scale, scale=scale), float(np.exp(z.loc)))


@closed_form(np.log, LogNormal)
def _log_of_log_normal(_: Mapping[str, Any], laws: tuple[LogNormal]) -> Distribution | str:
    (z,) = laws
    return _SHIFTED if z.loc else Normal(math.log(z.scale), z.s)


@closed_form(np.log, Uniform)
def _log_of_uniform(_: Mapping[str, Any], laws: tuple[Uniform]) -> Distribution | str:
    (z,) = laws
    if z.low != 0.0:
        return "the law does not begin at 0"
    return Exponential().affine(-1.0, math.log(z.high))


@closed_form(np.square, Normal)
def _square_of_normal(_: Mapping[str, Any], laws: tuple[Normal]) -> Distribution | str:
    (z,) = laws
    if z.loc:
        return _SHIFTED
    return _scaled(lambda scale: Gamma(0.5, scale=scale), 2.0 * z.scale * z.scale)


@closed_form(np.multiply, LogNormal, LogNormal)
def _product_of_log_normals(
    _: Mapping[str, Any], laws: tuple[LogNormal, LogNormal]
) -> Distribution | str:
    a, b = laws
    if a.loc or b.loc:
        return _SHIFTED
    return _scaled(lambda scale: LogNormal(math.hypot(a.s, b.s), scale=scale), a.scale * b.scale)


@closed_form(np.divide, LogNormal, LogNormal)
def _ratio_of_log_normals(
    _: Mapping[str, Any], laws: tuple[LogNormal, LogNormal]
) -> Distribution | str:
    a, b = laws
    if a.loc or b.loc:
        return _SHIFTED
    return _scaled(lambda scale: LogNormal(math.hypot(a.s, b.s), scale=scale), a.scale / b.scale)


@closed_form(np.divide, Normal, Normal)
def _ratio_of_normals(_: Mapping[str, Any], laws: tuple[Normal, Normal]) -> Distribution | str:
    a, b = laws
    if a.loc or b.loc:
        return _SHIFTED
    return _scaled(lambda scale: Cauchy(scale=scale), a.scale / b.scale)
