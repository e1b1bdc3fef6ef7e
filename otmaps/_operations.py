"""Operations: what a user does to latents before any matching.

An operation is a function of latents (positional arguments) with parameters (keyword-only
arguments with defaults) bound to values. `operation` turns a plain function into a factory of
operations and registers it by name; the built-in operations are made the same way.
"""

from __future__ import annotations

import dataclasses
import functools
import inspect
import types
from collections.abc import Callable, Mapping
from typing import Any, final, overload

import numpy as np

from otmaps._arrays import AnyFloatArray, real_array
from otmaps._linearity import Linear, linear_form

Function = Callable[..., Any]


@final
@dataclasses.dataclass(frozen=True, eq=False)
class Operation:
    """A latent operation with its parameters bound; made by `operation` or a built-in.

    Attributes
    ----------
    name : str
        The name under which messages, tables and `operations` know it.
    latents : tuple of str
        The names of the latents, in order.
    parameters : mapping
        The bound parameters, read-only.
    pointwise : bool
        Whether each component of the result depends on the same component of the latents alone.
    version : str or None
        The version of the function. None: the library cannot tell an edited function from the
        one that a stored table was made with, so its tables stay in memory.
    """

    name: str
    latents: tuple[str, ...]
    parameters: Mapping[str, Any]
    function: Function = dataclasses.field(repr=False)
    pointwise: bool = True
    version: str | None = None

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Operation):
            return NotImplemented
        mine = (self.name, self.latents, dict(self.parameters), self.function, self.version)
        theirs = (other.name, other.latents, dict(other.parameters), other.function, other.version)
        return mine == theirs

    def __hash__(self) -> int:
        return hash((self.name, self.latents, self.version))

    def __reduce__(self) -> tuple[Any, ...]:
        fields = [getattr(self, f.name) for f in dataclasses.fields(self)]
        return _rebuild, (*fields[:2], dict(self.parameters), *fields[3:])

    def raw(self, *z: Any) -> Any:
        """The unmatched result.

        Parameters
        ----------
        *z : array_like
            One array of real numbers for each latent; shapes that broadcast.

        Returns
        -------
        ndarray or float
            Of the broadcast shape; float32 where all latents are float32.

        Raises
        ------
        TypeError
            For a wrong number of latents and for arrays that are not real numbers.
        ValueError
            For shapes that do not broadcast, and for a function that returns a wrong shape.
        """
        arrays = self.arrays(*z)
        shape = np.broadcast_shapes(*(a.shape for a in arrays))
        with np.errstate(invalid="ignore", over="ignore"):
            result = np.asarray(self.function(*arrays, **self.parameters))
        if result.shape != shape:
            raise ValueError(
                f"operation {self.name!r} returned shape {result.shape} for latents of shape "
                f"{shape}; it must act elementwise on arrays (NumPy functions, no loops over rows)."
            )
        if result.dtype.kind not in "fiub":
            raise TypeError(
                f"operation {self.name!r} returned dtype {result.dtype}, not real numbers."
            )
        dtype = np.result_type(*arrays)
        if result.dtype != dtype:
            result = result.astype(dtype)
        elif any(np.may_share_memory(result, a) for a in arrays):
            result = result.copy()  # a result is the caller's own to write to
        return float(result) if shape == () else result

    def arrays(self, *z: Any) -> list[AnyFloatArray]:
        """The latents as checked NumPy arrays that broadcast against each other."""
        if len(z) != len(self.latents):
            raise TypeError(
                f"operation {self.name!r} takes {len(self.latents)} latents "
                f"({', '.join(self.latents)}), got {len(z)}."
            )
        arrays = [real_array(x, name) for x, name in zip(z, self.latents, strict=True)]
        try:
            np.broadcast_shapes(*(a.shape for a in arrays))
        except ValueError:
            shapes = ", ".join(f"{n} {a.shape}" for n, a in zip(self.latents, arrays, strict=True))
            raise ValueError(
                f"the latents of {self.name!r} do not broadcast against each other: {shapes}."
            ) from None
        return arrays

    @functools.cached_property
    def linear(self) -> Linear | None:
        """The weights of the latents, where the function is proven to be affine; else None."""
        if not self.pointwise:
            return None
        return linear_form(functools.partial(self.function, **self.parameters), len(self.latents))

    def recipe(self) -> dict[str, Any] | None:
        """What rebuilds the operation, in JSON types; None for a function without a version.

        An affine operation is its weights, whoever wrote it: those are proven anew each time.
        """
        if self.linear is not None:
            weights = [w.hex() for w in self.linear.weights]
            return {"operation": "linear", "weights": weights, "offset": self.linear.offset.hex()}
        if self.version is None:
            return None
        return {
            "operation": self.name,
            "version": self.version,
            "latents": list(self.latents),
            "parameters": {k: _jsonable(k, v) for k, v in self.parameters.items()},
        }

    def __repr__(self) -> str:
        bound = ", ".join(f"{k}={v!r}" for k, v in self.parameters.items())
        return f"{self.name}({bound})"


def _rebuild(
    name: str, latents: tuple[str, ...], parameters: dict[str, Any], *rest: Any
) -> Operation:
    return Operation(name, latents, types.MappingProxyType(parameters), *rest)


def _jsonable(name: str, value: Any) -> Any:
    if isinstance(value, bool | int | str) or value is None:
        return value
    if isinstance(value, float | np.floating):
        return float(value).hex()
    if isinstance(value, tuple | list | np.ndarray):
        return [_jsonable(name, v) for v in value]
    raise TypeError(
        f"parameter {name} has type {type(value).__name__}, which has no canonical form; "
        "an operation with version= needs parameters made of numbers, text and sequences of them."
    )


@final
@dataclasses.dataclass(frozen=True)
class OperationFactory:
    """What `operation` returns: call it with parameters to get an `Operation`."""

    name: str
    latents: tuple[str, ...]
    defaults: Mapping[str, Any]
    function: Function = dataclasses.field(repr=False)
    pointwise: bool = True
    version: str | None = None
    required: tuple[str, ...] = ()

    def __call__(self, **parameters: Any) -> Operation:
        """Bind parameters.

        Raises
        ------
        TypeError
            For a parameter that the function does not have, or one that is missing.
        ValueError
            For a parameter that is not finite.
        """
        known = {*self.defaults, *self.required}
        for name, value in parameters.items():
            if name not in known:
                raise TypeError(
                    f"operation {self.name!r} has no parameter {name!r}; "
                    f"it has {', '.join(sorted(known)) or 'none'}."
                )
            _check_finite(name, value)
        missing = [name for name in self.required if name not in parameters]
        if missing:
            raise TypeError(f"operation {self.name!r} needs {', '.join(missing)}; give it by name.")
        bound = types.MappingProxyType({**self.defaults, **parameters})
        return Operation(
            self.name, self.latents, bound, self.function, self.pointwise, self.version
        )

    @property
    def doc(self) -> str:
        """The first line of the function's docstring."""
        return (inspect.getdoc(self.function) or "").partition("\n")[0]


def _check_finite(name: str, value: Any) -> None:
    try:
        array = np.asarray(value)
    except ValueError:  # ragged: a parameter of the user's own kind
        return
    if array.dtype.kind in "fc" and not np.all(np.isfinite(array)):
        raise ValueError(f"parameter {name} must be finite, got {value!r}.")


_REGISTRY: dict[str, Callable[..., Operation]] = {}
_BUILT_IN: set[str] = set()


def operations() -> Mapping[str, Callable[..., Operation]]:
    """All named operations, built in and registered: name -> factory, sorted by name."""
    return types.MappingProxyType(dict(sorted(_REGISTRY.items())))


@overload
def operation(
    function: Function,
    /,
    *,
    name: str | None = ...,
    version: str | None = ...,
    latents: int | None = ...,
    pointwise: bool = ...,
) -> OperationFactory: ...


@overload
def operation(
    function: None = ...,
    /,
    *,
    name: str | None = ...,
    version: str | None = ...,
    latents: int | None = ...,
    pointwise: bool = ...,
) -> Callable[[Function], OperationFactory]: ...


def operation(
    function: Function | None = None,
    /,
    *,
    name: str | None = None,
    version: str | None = None,
    latents: int | None = None,
    pointwise: bool = True,
) -> OperationFactory | Callable[[Function], OperationFactory]:
    """Make an operation of a function, as a decorator or by a call.

    Positional arguments of the function are latents, keyword-only arguments are parameters.
    A function with a name is registered in `operations`; a lambda is not.

    Parameters
    ----------
    function : callable
        Takes one array for each latent and returns an array of the same shape, computed
        elementwise. NumPy ufuncs will do.
    name : str, optional
        The name to register; by default the function's own.
    version : str, optional
        States that equal versions compute equal values; then tables of a function that is not
        affine are kept in the store as well. Change it when the function or what it calls changes.
    latents : int, optional
        How many latents a function of ``*z`` takes.
    pointwise : bool, optional
        False for functions that mix components, like slerp: usable raw only.

    Returns
    -------
    OperationFactory
        Called with parameters it gives an `Operation`.

    Raises
    ------
    TypeError
        For something that is no function of at least one latent.
    ValueError
        For the name of a built-in operation.

    Examples
    --------
    >>> import otmaps
    >>> @otmaps.operation
    ... def sharpen(z1, z2, *, strength=0.3):
    ...     return z1 + strength * (z1 - z2)
    >>> sharpen(strength=0.5).linear.weights
    (1.5, -0.5)
    """
    if function is None:
        return lambda f: operation(
            f, name=name, version=version, latents=latents, pointwise=pointwise
        )
    if not callable(function):
        raise TypeError(f"operation needs a function of latents, got {type(function).__name__}.")
    names, defaults, required = _signature(function, latents)
    label = name or str(getattr(function, "__name__", type(function).__name__))
    factory = OperationFactory(
        label,
        names,
        types.MappingProxyType(defaults),
        function,
        pointwise,
        None if version is None else str(version),
        required,
    )
    if label != "<lambda>":
        if label in _BUILT_IN:
            raise ValueError(f"{label!r} is a built-in operation; register yours as name='...'.")
        _REGISTRY[label] = factory
    return factory


def _signature(
    function: Function, latents: int | None
) -> tuple[tuple[str, ...], dict[str, Any], tuple[str, ...]]:
    """The names of the latents, the defaults of the parameters, and parameters without one."""
    if isinstance(function, np.ufunc):
        return tuple(f"z{i + 1}" for i in range(function.nin)), {}, ()
    try:
        signature = inspect.signature(function)
    except (ValueError, TypeError):
        raise TypeError(
            f"the arguments of {function!r} cannot be read; wrap it: lambda z1, z2: ..."
        ) from None
    names: list[str] = []
    defaults: dict[str, Any] = {}
    required: list[str] = []
    for p in signature.parameters.values():
        if p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD):
            if p.default is not p.empty:
                raise TypeError(
                    f"the latent {p.name!r} has a default; latents are positional without one, "
                    f"parameters keyword-only: write 'def f(z1, z2, *, {p.name}={p.default!r})'."
                )
            names.append(p.name)
        elif p.kind is p.VAR_POSITIONAL:
            if latents is None:
                raise TypeError(f"a function of *{p.name} needs latents=, the number of latents.")
            names += [f"{p.name}{i + 1}" for i in range(latents - len(names))]
        elif p.kind is p.KEYWORD_ONLY:
            if p.default is p.empty:
                required.append(p.name)
            else:
                _check_finite(p.name, p.default)
                defaults[p.name] = p.default
    if not names:
        raise TypeError("an operation needs at least one latent: a positional argument.")
    if latents is not None and latents != len(names):
        raise TypeError(f"latents={latents}, but the function takes {len(names)} latents.")
    return tuple(names), defaults, tuple(required)


def register_built_in(name: str, factory: Callable[..., Operation]) -> None:
    """Enter a factory under a name that users cannot take (for `_built_in` alone)."""
    _REGISTRY[name] = factory
    _BUILT_IN.add(name)


def check_elementwise(op: Operation, draws: list[AnyFloatArray]) -> None:
    """Raise where the operation is impure, not vectorised or mixes components.

    Parameters
    ----------
    op : Operation
    draws : list of ndarray
        A few draws of each latent, 1-D, at least 8 long.

    Raises
    ------
    ValueError
        With what differed: a second call, a part of the array, or the order of its entries.
    """
    whole = np.asarray(op.raw(*draws))
    n = len(whole)
    order = np.arange(n)[::-1]
    views = {
        "a second call": (np.asarray(op.raw(*draws)), whole),
        "a part of the array": (np.asarray(op.raw(*(d[: n // 2] for d in draws))), whole[: n // 2]),
        "a reversed array": (np.asarray(op.raw(*(d[order] for d in draws)))[order], whole),
    }
    for what, (found, expected) in views.items():
        # A few ulp of slack: vectorised functions may differ in their remainder loop.
        if not np.allclose(found, expected, rtol=1e-12, atol=1e-300, equal_nan=True):
            raise ValueError(
                f"operation {op.name!r} gives other values for {what}: it draws random numbers, "
                "keeps state or mixes components. Components must be computed one by one; pass "
                "random inputs as further latents."
            )
    if not np.all(np.isfinite(whole)):
        bad = int(np.sum(~np.isfinite(whole)))
        raise ValueError(
            f"operation {op.name!r} returned {bad} of {n} values that are NaN or infinite on draws "
            "of its inputs; it must be finite for almost every latent."
        )
