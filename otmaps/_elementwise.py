"""Functions of plain numbers, applied element by element to arrays.

``a if a > b else math.sqrt(a * a + b * b)`` means something for numbers alone. Whether a function
is one of these is found out on a few points; then large arrays go through a loop that numba
compiles from it, where that is proven to compute the same, and through Python otherwise.
"""

from __future__ import annotations

import contextlib
import functools
import inspect
import math
import numbers
import types
from collections.abc import Callable, Iterator, Mapping
from typing import Any, final

import numpy as np

from otmaps._arrays import AnyFloatArray, FloatArray
from otmaps._kernels._elements import (
    CompiledFunctionError,
    element_loop,
    is_compiled,
    python_function,
    ufunc_arity,
)

# Arrays from here on are worth the tenth of a second that a compilation takes. By size and not by
# history: equal calls give equal values.
_WORTH_COMPILING = 2**13
_BLOCK = 2**16
_ULPS = 8.0 * float(np.finfo(float).eps)
# Compiled integers have 64 bits: beyond this the Python function, whose integers have no end.
_LARGEST = 1e8
_SCALES = (1e-3, 0.1, 1.0, 3.0, 10.0, 100.0, 1e4, _LARGEST)
_POINTS = 32  # of each scale
# What the functions of math say outside their domain, the second from Python 3.14 on.
_OUTSIDE = ("math domain error", "math range error", "expected a")


def works_on_numbers_alone(function: Callable[..., Any], latents: int) -> bool:
    """Whether a function refuses arrays as functions of numbers do, and takes numbers.

    Parameters
    ----------
    function : callable
        With its parameters bound.
    latents : int
        How many arguments it takes.
    """
    probes = _cube_points(latents, 8, 2.0)
    try:
        with np.errstate(all="ignore"):
            function(*(_read_only(p) for p in probes))
    except ValueError as error:
        if "truth value" not in str(error):
            return False
    except (TypeError, AttributeError, CompiledFunctionError):
        pass
    else:
        return False
    return any(_is_real(_result(function, point)) for point in zip(*probes.tolist(), strict=True))


def _cube_points(dimensions: int, count: int, half_width: float) -> FloatArray:
    """Kronecker points in a cube about 0: the same on every platform, unlike random draws."""
    slopes = np.sqrt(np.array([2.0, 3.0, 5.0, 7.0, 11.0, 13.0, 17.0, 19.0])) % 1.0
    numbers_ = np.arange(dimensions)
    slopes = slopes[numbers_ % 8] * (1 + numbers_ // 8)
    return half_width * (2.0 * (np.outer(slopes, np.arange(1, count + 1)) % 1.0) - 1.0)


def _read_only(array: AnyFloatArray) -> AnyFloatArray:
    view = array.view()
    view.flags.writeable = False
    return view


def _result(function: Callable[..., Any], point: tuple[float, ...]) -> Any:
    try:
        return function(*point)
    except Exception:  # noqa: BLE001 - whatever it raises: here it gives no number
        return None


def _is_real(value: Any) -> bool:
    return isinstance(value, numbers.Real | np.bool_)


@final
class ElementLoop:
    """A function of numbers as one of arrays.

    Parameters
    ----------
    name : str
        Of the operation, for messages.
    function : callable
        Takes one number for each latent, and the parameters by name.
    parameters : mapping
        The values of the parameters.
    latents : int
        How many arguments are latents.

    Notes
    -----
    Where Python raises an arithmetic error (division by zero, the root of a negative number, an
    overflow), and where a latent is not finite and the function cannot take it, the value is NaN.
    """

    def __init__(
        self,
        name: str,
        function: Callable[..., Any],
        parameters: Mapping[str, Any],
        latents: int,
    ) -> None:
        self._name = name
        self._function = function
        self._parameters = parameters
        self._latents = latents
        self._plain = np.frompyfunc(self._number, latents, 1)

    def __call__(self, *z: AnyFloatArray) -> FloatArray:
        """The values for arrays that broadcast; computed in float64."""
        arrays = np.broadcast_arrays(*z)
        out = np.empty(arrays[0].shape)
        # By size, whether or not it was compiled before, so that history changes no value.
        loop = self._loop() if out.size >= _WORTH_COMPILING else None
        into = out.reshape(-1)
        for start in range(0, into.size, _BLOCK):
            part = slice(start, start + _BLOCK)
            block = [np.asarray(a.flat[part], dtype=np.float64) for a in arrays]
            with np.errstate(all="ignore"):
                into[part] = self._values(loop, block)
        return out

    @property
    def compiled(self) -> bool:
        """Whether large arrays go through a compiled loop."""
        return self._loop() is not None

    def _values(self, loop: Callable[..., Any] | None, block: list[FloatArray]) -> FloatArray:
        if loop is None:
            return np.asarray(self._plain(*block), dtype=np.float64)
        values = np.array(loop(*block), dtype=np.float64)
        doubtful = ~np.isfinite(values)
        for latent in block:
            doubtful |= ~(np.abs(latent) <= _LARGEST)
        if doubtful.any():
            values[doubtful] = self._plain(*(latent[doubtful] for latent in block))
        return values

    def _number(self, *z: float) -> float:
        """The function of one element of each latent."""
        try:
            value = self._function(*z, **self._parameters)
        except ArithmeticError:
            return math.nan
        except ValueError as error:
            if str(error).startswith(_OUTSIDE) or not all(map(math.isfinite, z)):
                return math.nan
            raise
        if not _is_real(value):
            if isinstance(value, np.ndarray) and value.size == 1 and value.dtype.kind in "fiub":
                return float(value.reshape(()))
            raise TypeError(
                f"operation {self._name!r} returned {value!r} ({type(value).__name__}) for the "
                f"latents {', '.join(f'{x:g}' for x in z)}: not one real number."
            )
        return float(value)

    def _loop(self) -> Callable[..., Any] | None:
        """The compiled loop, while all that the function captured is what it was."""
        loop, captured = self._compiled
        now = dict(_captured(self._function))
        same = now.keys() == captured.keys() and all(now[k] is v for k, v in captured.items())
        return loop if same else None

    @functools.cached_property
    def _compiled(self) -> tuple[Callable[..., Any] | None, dict[str, Any]]:
        captured = dict(_captured(self._function))
        python = python_function(self._function)
        if not (
            isinstance(python, types.FunctionType)
            and all(map(_is_constant, captured.values()))
            and all(map(_is_real, self._parameters.values()))
        ):
            return None, captured
        flat, names = _by_position(python)
        loop = None if flat is None else element_loop(flat)
        if loop is None:
            return None, captured
        compiled, values = loop, [self._parameters[name] for name in names]

        def bound(*z: FloatArray) -> Any:
            return compiled(*z, *values)

        return (bound if self._agrees(bound) else None), captured

    def _agrees(self, loop: Callable[..., Any]) -> bool:
        """Whether the compiled loop gives the Python function's values, at many scales."""
        cube = _cube_points(self._latents, _POINTS * len(_SCALES), 1.0)
        points = cube * np.repeat(_SCALES, _POINTS)
        try:
            with np.errstate(all="ignore"):
                plain = np.asarray(self._plain(*points), dtype=np.float64)
                found = np.asarray(loop(*points), dtype=np.float64)
        except Exception:  # noqa: BLE001 - numba raises many things on what it cannot compile
            return False
        finite = np.isfinite(plain)
        # What is not finite is computed again by the Python function, whichever it is.
        return bool(
            np.array_equal(finite, np.isfinite(found))
            and np.all(np.abs(found - plain)[finite] <= _ULPS * np.abs(plain[finite]))
        )


def _captured(function: Any) -> Iterator[tuple[str, Any]]:
    """The values from outside that a Python function reads: numba would freeze them."""
    python = python_function(function)
    if not isinstance(python, types.FunctionType):
        return
    closure = python.__closure__ or ()
    for name, cell in zip(python.__code__.co_freevars, closure, strict=True):
        with contextlib.suppress(ValueError):  # not assigned yet
            yield name, cell.cell_contents
    for name in _names(python.__code__):
        if name in python.__globals__:
            yield name, python.__globals__[name]


def _names(code: types.CodeType) -> Iterator[str]:
    yield from code.co_names
    for constant in code.co_consts:
        if isinstance(constant, types.CodeType):
            yield from _names(constant)


def _is_constant(value: Any) -> bool:
    """Whether numba may freeze it: a number, math, NumPy, and functions that cannot change."""
    return (
        _is_real(value)
        or value is math
        or value is np
        or isinstance(value, types.BuiltinFunctionType)
        or ufunc_arity(value) is not None
        or is_compiled(value)
    )


def _by_position(python: types.FunctionType) -> tuple[types.FunctionType | None, tuple[str, ...]]:
    """The function with its keyword-only arguments by position, and their names.

    None for a function of ``*z`` or ``**parameters``.
    """
    code = python.__code__
    count = code.co_argcount + code.co_kwonlyargcount
    if code.co_flags & (inspect.CO_VARARGS | inspect.CO_VARKEYWORDS):
        return None, ()
    flat = code.replace(co_argcount=count, co_kwonlyargcount=0)
    by_name = code.co_varnames[code.co_argcount : count]
    moved = types.FunctionType(flat, python.__globals__, python.__name__, None, python.__closure__)
    return moved, by_name
