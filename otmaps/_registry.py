"""From a plain function to operations, and the named ones.

`operation` turns a function into a factory of operations and registers it by name; the built-in
operations stand in the same list.
"""

from __future__ import annotations

import copy
import dataclasses
import importlib
import inspect
import types
from collections.abc import Callable, Mapping
from typing import Any, final, overload

import numpy as np

from otmaps._kernels._elements import ufunc_arity
from otmaps._operations import Function, Operation, decorated


@final
@dataclasses.dataclass(frozen=True)
class OperationFactory:
    """What `operation` returns: call it with parameters to get an `Operation`.

    Examples
    --------
    >>> import otmaps
    >>> @otmaps.operation
    ... def louder(a, b, *, gain=2.0):
    ...     return gain * a + b
    >>> louder.latents, louder(gain=3.0).raw(1.0, 1.0)
    (('a', 'b'), 4.0)
    """

    name: str
    latents: tuple[str, ...]
    defaults: Mapping[str, Any]
    function: Function = dataclasses.field(repr=False)
    pointwise: bool = True
    version: str | None = None
    required: tuple[str, ...] = ()
    elementwise: bool | None = None

    def __call__(self, *positional: Any, **parameters: Any) -> Operation:
        """Bind parameters, by name.

        Raises
        ------
        TypeError
            For a parameter that the function does not have, or one that is missing.
        ValueError
            For a parameter that is not finite.
        """
        known = {*self.defaults, *self.required}
        if positional:
            raise TypeError(
                f"operation {self.name!r} takes its parameters by name "
                f"({', '.join(sorted(known)) or 'it has none'}), got {len(positional)} without; "
                "latents go to the operation that this call returns."
            )
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
        values = {name: _own(value) for name, value in {**self.defaults, **parameters}.items()}
        bound = types.MappingProxyType(values)
        return Operation(
            self.name,
            self.latents,
            bound,
            self.function,
            self.pointwise,
            self.version,
            self.elementwise,
        )

    def __reduce__(self) -> tuple[Any, ...]:
        place = decorated(self.function)
        if place is not None:
            return _factory_at, place
        fields = {f.name: getattr(self, f.name) for f in dataclasses.fields(self)}
        return _rebuild, (fields | {"defaults": dict(self.defaults)},)

    @property
    def doc(self) -> str:
        """The first line of the function's docstring."""
        return (inspect.getdoc(self.function) or "").partition("\n")[0]


def _factory_at(module: str, name: str) -> OperationFactory:
    factory: OperationFactory = getattr(importlib.import_module(module), name)
    return factory


def _rebuild(fields: dict[str, Any]) -> OperationFactory:
    defaults = types.MappingProxyType(fields["defaults"])
    return OperationFactory(**(fields | {"defaults": defaults}))


def _own(value: Any) -> Any:
    """A copy of what could change after a map was made for it."""
    return copy.deepcopy(value) if isinstance(value, list | dict | set | np.ndarray) else value


def _check_finite(name: str, value: Any) -> None:
    try:
        array = np.asarray(value)
    except ValueError:  # ragged: a parameter of the user's own kind
        return
    if array.dtype.kind in "fc" and not np.all(np.isfinite(array)):
        raise ValueError(f"parameter {name} must be finite, got {value!r}.")


_NAMELESS = "<lambda>"
_REGISTRY: dict[str, Callable[..., Operation]] = {}
_BUILT_IN: set[str] = set()


def operations() -> Mapping[str, Callable[..., Operation]]:
    """All named operations, built in and registered: name -> factory, sorted by name.

    Examples
    --------
    >>> import otmaps
    >>> "lerp" in otmaps.operations()
    True
    """
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
    elementwise: bool | None = ...,
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
    elementwise: bool | None = ...,
) -> Callable[[Function], OperationFactory]: ...


def operation(
    function: Function | None = None,
    /,
    *,
    name: str | None = None,
    version: str | None = None,
    latents: int | None = None,
    pointwise: bool = True,
    elementwise: bool | None = None,
) -> OperationFactory | Callable[[Function], OperationFactory]:
    """Make an operation of a function, as a decorator or by a call.

    Positional arguments of the function are latents, keyword-only arguments are parameters.
    A function with a name is registered in `operations`; a lambda is not.

    Parameters
    ----------
    function : callable
        Takes one array for each latent and returns an array of the same shape, computed
        elementwise; or takes one number for each latent and returns a number, such as
        ``lambda a, b: a if a > b else math.hypot(a, b)``. Ufuncs, of NumPy, scipy.special or
        ``numba.vectorize``, and functions compiled by ``numba.njit`` will do.
    name : str, optional
        The name to register; by default the function's own.
    version : str, optional
        States that equal versions compute equal values; then tables of a function that is not
        affine are kept in the store as well. Change it when the function or what it calls changes.
    latents : int, optional
        How many latents a function of ``*z`` takes.
    pointwise : bool, optional
        False for functions that mix components, like slerp: usable raw only.
    elementwise : bool, optional
        True: the function takes numbers, and is applied element by element. False: it takes
        arrays. None, the default, finds out on a few points; `Operation.evaluation` says which.

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
            f,
            name=name,
            version=version,
            latents=latents,
            pointwise=pointwise,
            elementwise=elementwise,
        )
    if not callable(function):
        raise TypeError(f"operation needs a function of latents, got {type(function).__name__}.")
    names, defaults, required = _signature(function, latents)
    # Without a name of its own (a lambda, a partial, an object) a function is not registered.
    label = name or str(getattr(function, "__name__", _NAMELESS))
    factory = OperationFactory(
        label,
        names,
        types.MappingProxyType(defaults),
        function,
        pointwise,
        None if version is None else str(version),
        required,
        elementwise,
    )
    if label != _NAMELESS:
        if label in _BUILT_IN:
            raise ValueError(f"{label!r} is a built-in operation; register yours as name='...'.")
        _REGISTRY[label] = factory
    return factory


def _signature(
    function: Function, latents: int | None
) -> tuple[tuple[str, ...], dict[str, Any], tuple[str, ...]]:
    """The names of the latents, the defaults of the parameters, and parameters without one."""
    arity = ufunc_arity(function)
    if arity is not None:
        return _ufunc_latents(function, *arity), {}, ()
    signature = _read_signature(function)
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


def _ufunc_latents(function: Function, inputs: int, outputs: int) -> tuple[str, ...]:
    if outputs != 1:
        raise TypeError(f"{function!r} returns {outputs} arrays; an operation returns one.")
    return tuple(f"z{i + 1}" for i in range(inputs))


def _read_signature(function: Function) -> inspect.Signature:
    try:
        return inspect.signature(function)
    except (ValueError, TypeError):
        raise TypeError(
            f"the arguments of {function!r} cannot be read; wrap it: lambda z1, z2: ..."
        ) from None


def register_built_in(name: str, factory: Callable[..., Operation]) -> None:
    """Enter a factory under a name that users cannot take (for `_built_in` alone)."""
    _REGISTRY[name] = factory
    _BUILT_IN.add(name)
