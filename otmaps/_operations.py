"""The operation: what a user does to latents before any matching.

An operation is a function of latents (positional arguments) with parameters (keyword-only
arguments) bound to values.
"""

from __future__ import annotations

import contextlib
import dataclasses
import functools
import hashlib
import importlib
import itertools
import math
import sys
import types
import warnings
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Literal, final

import numpy as np

from otmaps._arrays import AnyFloatArray, is_traced, real_array
from otmaps._elementwise import ElementLoop, works_on_numbers_alone
from otmaps._expressions import Expression
from otmaps._linearity import Linear, WeightedSum, linear_form
from otmaps._metering import count
from otmaps._purity import values_and_difference
from otmaps._symbols import Symbol, trace

Function = Callable[..., Any]
Evaluation = Literal["arrays", "compiled loop", "Python loop"]

_PROBE_POINTS = 24  # for each pair of scales
_PROBE_SCALES = (4.0, 0.1, 100.0, 1e4)
_PRIMES = (2, 3, 5, 7, 11, 13, 17, 19)


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
    elementwise : bool or None
        Whether the function takes plain numbers and is to be applied element by element; None
        finds out on a few points, once. `evaluation` says which it is.

    Examples
    --------
    >>> import otmaps
    >>> op = otmaps.lerp(0.25)
    >>> op.latents, dict(op.parameters), op.raw(0.0, 4.0), op.linear.weights
    (('z1', 'z2'), {'t': 0.25}, 1.0, (0.75, 0.25))
    """

    name: str
    latents: tuple[str, ...]
    parameters: Mapping[str, Any]
    function: Function = dataclasses.field(repr=False)
    pointwise: bool = True
    version: str | None = None
    elementwise: bool | None = None

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Operation):
            return NotImplemented
        mine = (self.name, self.latents, self.function, self.version, *self.parameters)
        theirs = (other.name, other.latents, other.function, other.version, *other.parameters)
        return mine == theirs and all(
            np.array_equal(value, other.parameters[name]) for name, value in self.parameters.items()
        )

    def __hash__(self) -> int:
        return hash((self.name, self.latents, self.version))

    def __reduce__(self) -> tuple[Any, ...]:
        fields = [getattr(self, f.name) for f in dataclasses.fields(self)]
        function = decorated(self.function) or self.function
        return _rebuild, (*fields[:2], dict(self.parameters), function, *fields[4:])

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
            For shapes that do not broadcast, for a function that returns a wrong shape, and for
            one that writes to its latents: it gets them read-only.
        """
        if is_traced(*z) or any(isinstance(x, Symbol) for x in z):  # of another operation's trace
            return self.function(*z, **self.parameters)
        arrays = self.arrays(*z)
        shape = np.broadcast_shapes(*(a.shape for a in arrays))
        count(math.prod(shape))
        # The latents are the caller's, not the function's; numbers come as arrays of one element,
        # so that a function of arrays may ask for a length.
        views = [_read_only(a) for a in arrays]
        if shape == () and self.pointwise:
            views = [view.reshape(1) for view in views]
        result = self._by_element(*views) if self._takes_numbers else self._by_array(views)
        if shape == () and result.shape == (1,):
            result = result.reshape(())
        elif result.shape != shape:
            raise ValueError(
                f"operation {self.name!r} returned shape {result.shape} for latents of shape "
                f"{shape}; it must act elementwise on arrays (NumPy functions, no loops over rows)."
            )
        dtype = np.result_type(*arrays)
        if result.dtype != dtype:
            result = result.astype(dtype)
        elif not result.flags.writeable or any(np.may_share_memory(result, a) for a in arrays):
            result = result.copy()  # a result is the caller's own to write to
        return float(result) if shape == () else result

    def _by_array(self, views: list[AnyFloatArray]) -> AnyFloatArray:
        """What the function makes of arrays, as an array of real numbers."""
        try:
            with np.errstate(all="ignore"):
                result = np.asarray(self.function(*views, **self.parameters))
        except ValueError as error:
            if "read-only" not in str(error):
                raise
            raise ValueError(
                f"operation {self.name!r} writes to its latents, which are the caller's; compute "
                "a new array, as in z1 = 0.5 * z1 instead of z1 *= 0.5."
            ) from error
        if result.dtype == object:  # of numbers, where it comes from numpy.frompyfunc
            with contextlib.suppress(TypeError, ValueError):
                result = result.astype(np.float64)
        if result.dtype.kind not in "fiub":
            raise TypeError(
                f"operation {self.name!r} returned dtype {result.dtype}, not real numbers."
            )
        return result

    @functools.cached_property
    def _takes_numbers(self) -> bool:
        if self.elementwise is not None or not self.pointwise:
            return bool(self.elementwise)
        bound = functools.partial(self.function, **self.parameters)
        return works_on_numbers_alone(bound, len(self.latents))

    @functools.cached_property
    def _by_element(self) -> ElementLoop:
        return ElementLoop(self.name, self.function, self.parameters, len(self.latents))

    @property
    def evaluation(self) -> Evaluation:
        """How the function is applied to large arrays.

        As it is ("arrays"), or as a function of numbers element by element: in a loop that numba
        compiles ("compiled loop"), where that gives the same values to a few units in the last
        place, or else in Python ("Python loop").
        """
        if not self._takes_numbers:
            return "arrays"
        return "compiled loop" if self._by_element.compiled else "Python loop"

    def arrays(self, *z: Any) -> list[AnyFloatArray]:
        """The latents as checked NumPy arrays that broadcast against each other."""
        self.check_count(z)
        arrays = [real_array(x, name) for x, name in zip(z, self.latents, strict=True)]
        try:
            np.broadcast_shapes(*(a.shape for a in arrays))
        except ValueError:
            shapes = ", ".join(f"{n} {a.shape}" for n, a in zip(self.latents, arrays, strict=True))
            raise ValueError(
                f"the latents of {self.name!r} do not broadcast against each other: {shapes}."
            ) from None
        return arrays

    def check_count(self, z: Sequence[Any]) -> None:
        """Raise where there is another number of latents."""
        if len(z) != len(self.latents):
            raise TypeError(
                f"operation {self.name!r} takes {len(self.latents)} latents "
                f"({', '.join(self.latents)}), got {len(z)}."
            )

    @functools.cached_property
    def linear(self) -> Linear | None:
        """The weights of the latents, where the function is proven to be affine; else None."""
        if not self.pointwise:
            return None
        if isinstance(self.function, WeightedSum):
            return self.function.form
        bound: Function = functools.partial(self.function, **self.parameters)
        if self._takes_numbers:
            bound = np.frompyfunc(bound, len(self.latents), 1)
        return linear_form(bound, len(self.latents))

    @functools.cached_property
    def expression(self) -> Expression | str:
        """The steps of the function as a graph, or why they cannot be followed."""
        if not self.pointwise:
            return "it mixes the components of a latent"
        return trace(functools.partial(self.function, **self.parameters), len(self.latents))

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
            "probes": self._probes(),
        }

    def _probes(self) -> str:
        """A digest of values of the function: one that was edited has another recipe.

        An edit shows where it moves any of some hundred values by any bit, near 0 and far from it.
        So do machines whose exponentials differ in the last bit: they build a table each.
        """
        points = _probe_points(len(self.latents))
        # What points that no prior draws lead to is no news.
        with np.errstate(all="ignore"), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            try:
                values = [float(v).hex() for v in np.asarray(self.raw(*points), dtype=float)]
            except Exception:  # noqa: BLE001 - a user's function, which may refuse some of them
                values = [self._value_as_text(point) for point in np.transpose(points)]
        return hashlib.sha256("\n".join(values).encode("ascii")).hexdigest()

    def _value_as_text(self, point: AnyFloatArray) -> str:
        """The value at one point, or the name of what the function raises there."""
        try:
            return float(self.raw(*point[:, None])[0]).hex()
        except Exception as error:  # noqa: BLE001 - see above
            return type(error).__name__

    def __repr__(self) -> str:
        bound = ", ".join(f"{k}={v!r}" for k, v in self.parameters.items())
        return f"{self.name}({bound})"


@functools.cache
def _probe_points(latents: int) -> list[AnyFloatArray]:
    """Kronecker points on several scales: the same on every platform, unlike random draws."""
    steps = np.arange(1, _PROBE_POINTS + 1)
    slopes = [math.sqrt(prime) % 1.0 for prime in _PRIMES]
    pairs = list(itertools.product(_PROBE_SCALES, repeat=2))
    return [
        np.concatenate([2.0 * pair[i % 2] * (column % 1.0 - 0.5) for pair in pairs])
        for i in range(latents)
        for column in [steps * slopes[i % 8] * (1 + i // 8)]
    ]


def _read_only(array: AnyFloatArray) -> AnyFloatArray:
    view = array.view()
    view.flags.writeable = False
    return view


def decorated(function: Function) -> tuple[str, str] | None:
    """Module and name of a function whose name a decorator has given to its factory.

    pickle goes by names, and would refuse the function because its name is taken.
    """
    module, name = getattr(function, "__module__", None), getattr(function, "__qualname__", "")
    found = getattr(sys.modules.get(module or ""), name, None)
    return (str(module), name) if getattr(found, "function", None) is function else None


def _rebuild(
    name: str,
    latents: tuple[str, ...],
    parameters: dict[str, Any],
    function: Any,
    *rest: Any,
) -> Operation:
    if isinstance(function, tuple):
        function = getattr(importlib.import_module(function[0]), function[1]).function
    return Operation(name, latents, types.MappingProxyType(parameters), function, *rest)


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
        With what differed: a second call, a part of the array, another shape ...
    """
    whole, difference = values_and_difference(op.raw, draws)
    if difference:
        raise ValueError(
            f"operation {op.name!r} {difference}: it draws random numbers, keeps state or mixes "
            "components. Components must be computed one by one, from the latents alone; pass "
            "random inputs as further latents."
        )
    if not np.all(np.isfinite(whole)):
        bad = int(np.sum(~np.isfinite(whole)))
        raise ValueError(
            f"operation {op.name!r} returned {bad} of {len(whole)} values that are NaN or "
            "infinite on draws of its inputs; it must be finite for almost every latent."
        )
