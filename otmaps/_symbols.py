"""From a function of latents to the graph of its steps, by proof and not by a sample of values.

The function is run once on symbols that record what is done to them: NumPy's universal functions,
the operators, and the few functions of arrays that act entry by entry (`numpy.where`, `numpy.clip`
and so on). Whatever needs a number, a shape game or unknown code is a fault, which is kept, so that
no except clause can hide it. As in `_linearity`, a last comparison with plain numbers guards
against functions that look at the type of their arguments and treat symbols differently.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterable, Sequence
from typing import Any, final

import numpy as np
from numpy.lib.mixins import NDArrayOperatorsMixin

from otmaps._arrays import FloatArray
from otmaps._expressions import Expression, Function, Graph, Node, UntraceableError

_SHAPE = (3,)  # what a symbol says it has
_PROBES = 32
_SCALES = (1e-150, 1e-3, 1.0, 30.0, 1e6, 1e12, 1e150)
_CLOSE = 1e-13  # relative: array loops may differ by a few ulp from those on parts of an array


class _Trace:
    """One run of a function on symbols: its graph, and the faults of the run."""

    def __init__(self) -> None:
        self.graph = Graph()
        self.faults: list[str] = []

    def fault(self, what: str) -> UntraceableError:
        self.faults.append(what)
        return UntraceableError(what)

    def node(self, value: Any) -> Node:
        """The node of a symbol, or of a constant: a number, or an array that repeats one."""
        if isinstance(value, np.ndarray) and value.dtype == object and value.shape == ():
            value = value.item()
        if isinstance(value, Symbol):
            if value._trace is not self:
                raise self.fault("a symbol of another function")
            return value._node
        if not isinstance(value, bool | int | float | np.generic | np.ndarray):
            raise self.fault(f"a step with a {type(value).__name__}")
        array = np.asarray(value)
        first: Any = array.flat[0] if array.size else None
        if array.dtype.kind not in "fiub" or array.shape not in {(), _SHAPE}:
            raise self.fault(f"an array of dtype {array.dtype} and shape {array.shape}")
        if not np.array_equal(array, np.full_like(array, first), equal_nan=True):
            raise self.fault("an array of different numbers")
        return self.graph.constant(first)

    def step(
        self, function: Function, *values: Any, affine: tuple[float, float] | None = None
    ) -> Symbol:
        nodes = [self.node(value) for value in values]
        try:
            return Symbol(self, self.graph.step(function, *nodes, affine=affine))
        except Exception as error:  # noqa: BLE001 - whatever a step of the user's raises
            raise self.fault(f"{_name(function)}: {error}") from None


@final
class Symbol(NDArrayOperatorsMixin):
    """What stands for an array of latents while a function is traced.

    It can be written to where a result of the function could, as in ``y += z`` or
    ``y[y < 0] = 0.0``: it changes for all who hold it, as an array does.
    """

    __slots__ = ("_node", "_trace")
    __hash__ = None  # type: ignore[assignment]

    def __init__(self, trace_: _Trace, node: Node) -> None:
        self._trace = trace_
        self._node = node

    def apply(
        self, function: Function, *arguments: Any, affine: tuple[float, float] | None = None
    ) -> Symbol:
        """Record ``function(*arguments)``, an elementwise function that is not NumPy's.

        Parameters
        ----------
        function : callable
            Takes arrays of one shape, and returns one of that shape, entry by entry.
        *arguments : Symbol or number
        affine : tuple of float, optional
            Scale and shift, where the function is ``scale * x + shift`` up to rounding.
        """
        return self._trace.step(function, *arguments, affine=affine)

    # -------------------------------------------------------------------- what NumPy calls
    def __array_ufunc__(self, ufunc: np.ufunc, method: str, *inputs: Any, **kwargs: Any) -> Any:
        out = kwargs.pop("out", (None,))
        if method != "__call__" or kwargs or ufunc.nout != 1 or ufunc.signature is not None:
            raise self._trace.fault(f"numpy.{ufunc.__name__} as {method} with {sorted(kwargs)}")
        result = self._trace.step(ufunc, *inputs)
        if out[0] is None:
            return result
        return self._overwrite(out[0], result)

    def _overwrite(self, out: Any, result: Symbol) -> Symbol:
        if not isinstance(out, Symbol) or out._node.boolean != result._node.boolean:
            raise self._trace.fault("a step that writes to an array")
        out._node = result._node
        return out

    def __array_function__(
        self, function: Function, types: Any, args: tuple[Any, ...], kwargs: dict[str, Any]
    ) -> Any:
        handler = _HANDLERS.get(function)
        try:
            if handler is not None:
                return handler(self._trace, *args, **kwargs)
        except UntraceableError:
            raise
        except Exception as error:  # noqa: BLE001 - arguments of a kind that are not followed
            raise self._trace.fault(f"{_name(function)}: {error}") from None
        raise self._trace.fault(f"{_name(function)}, which is not known to act entry by entry")

    # ------------------------------------------------------------- what arrays have and can do
    @property
    def shape(self) -> tuple[int, ...]:
        """That of three latents; a function may not use it but to make constants."""
        return _SHAPE

    @property
    def ndim(self) -> int:
        """The number of axes."""
        return len(_SHAPE)

    @property
    def size(self) -> int:
        """The number of entries."""
        return _SHAPE[0]

    @property
    def dtype(self) -> np.dtype[Any]:
        """That of truth values or of float64."""
        return np.dtype(bool if self._node.boolean else float)

    def copy(self) -> Symbol:
        """One that can be written to on its own."""
        return Symbol(self._trace, self._node)

    def astype(self, dtype: Any, copy: bool = True) -> Symbol:  # noqa: ARG002 - NumPy's
        """The same as float64: other dtypes are faults."""
        if np.dtype(dtype) == self.dtype:
            return self.copy()
        if np.dtype(dtype) == np.float64:
            return self._trace.step(np.multiply, self, 1.0)
        raise self._trace.fault(f"a conversion to {np.dtype(dtype)}")

    def clip(self, min: Any = None, max: Any = None) -> Symbol:  # noqa: A002 - NumPy's names
        """As `numpy.clip`."""
        return _clip(self._trace, self, min, max)

    def __setitem__(self, mask: Any, value: Any) -> None:
        if not isinstance(mask, Symbol) or not mask._node.boolean or isinstance(value, Symbol):
            raise self._trace.fault("a step that writes to parts of an array")
        self._overwrite(self, self._trace.step(np.where, mask, value, self))

    def _refuse(self, *_: Any, **__: Any) -> Any:
        raise self._trace.fault("a step that needs numbers, not arrays of any length")

    __bool__ = __float__ = __int__ = __index__ = __complex__ = _refuse
    # No __len__: NumPy would take a symbol for a sequence, in `numpy.sum([z1, z2], axis=0)` say.
    __iter__ = __getitem__ = __contains__ = _refuse

    def __getattr__(self, name: str) -> Any:
        # Asked for what is not defined above. Of arrays of objects NumPy calls the method `exp`.
        ufunc = getattr(np, name, None)
        if isinstance(ufunc, np.ufunc) and ufunc.nin == ufunc.nout == 1:
            return functools.partial(self._trace.step, ufunc, self)
        if hasattr(np.ndarray, name) and not name.startswith("__"):
            raise self._trace.fault(f"the attribute {name} of an array")
        raise AttributeError(f"no attribute {name!r}")


def _name(function: Any) -> str:
    return str(getattr(function, "__name__", type(function).__name__))


# ------------------------------------------------- functions of arrays that act entry by entry
def _where(trace_: _Trace, condition: Any, *choices: Any) -> Symbol:
    if len(choices) != 2:
        raise trace_.fault("numpy.where without two choices")
    if not trace_.node(condition).boolean:
        condition = trace_.step(np.not_equal, condition, 0.0)
    return trace_.step(np.where, condition, *choices)


def _clip(trace_: _Trace, a: Any, a_min: Any = None, a_max: Any = None, **ends: Any) -> Symbol:
    low, high = ends.pop("min", a_min), ends.pop("max", a_max)
    if ends:
        raise trace_.fault(f"numpy.clip with {sorted(ends)}")
    if low is not None:
        a = trace_.step(np.maximum, a, low)
    return a if high is None else trace_.step(np.minimum, a, high)


def _select(
    trace_: _Trace, condlist: Sequence[Any], choicelist: Sequence[Any], default: Any = 0.0
) -> Any:
    result = default
    for condition, choice in reversed([*zip(condlist, choicelist, strict=True)]):
        result = _where(trace_, condition, choice, result)
    return result


def _piecewise(
    trace_: _Trace, x: Any, condlist: Sequence[Any], funclist: Sequence[Any], *args: Any, **kw: Any
) -> Any:
    def value(choice: Any) -> Any:
        return choice(x, *args, **kw) if callable(choice) else choice

    otherwise = len(funclist) == len(condlist) + 1
    result = value(funclist[-1]) if otherwise else 0.0
    for condition, choice in zip(condlist, funclist, strict=False):
        result = _where(trace_, condition, value(choice), result)
    return result


def _filled(number: float) -> Function:
    return lambda trace_, _, **kw: _constant(trace_, number, **kw)


def _constant(trace_: _Trace, value: Any, **options: Any) -> Symbol:
    if options:
        raise trace_.fault(f"a constant array with {sorted(options)}")
    return Symbol(trace_, trace_.node(value))


def _full_like(trace_: _Trace, _: Any, fill_value: Any, **options: Any) -> Symbol:
    return _constant(trace_, fill_value, **options)


def _copy(trace_: _Trace, a: Any) -> Symbol:
    return Symbol(trace_, trace_.node(a))


def _broadcast_to(trace_: _Trace, array: Any, shape: Any) -> Any:
    if tuple(shape) != _SHAPE:
        raise trace_.fault(f"a change to the shape {shape}")
    return array


def _stack(trace_: _Trace, arrays: Sequence[Any], axis: int = 0) -> Any:
    """An array of objects: sums along its first axis add symbols."""
    if axis != 0:
        raise trace_.fault("numpy.stack along another axis than the first")
    stacked = np.empty(len(arrays), dtype=object)
    for i, array in enumerate(arrays):
        stacked[i] = _copy(trace_, array)
    return stacked


def _bound(function: Function, place: int) -> Function:
    """A function of arrays that acts entry by entry on one argument, the others fixed numbers."""

    def handler(trace_: _Trace, *args: Any, **kwargs: Any) -> Symbol:
        if any(isinstance(a, Symbol) != (i == place) for i, a in enumerate(args)) or any(
            isinstance(a, Symbol) for a in kwargs.values()
        ):
            raise trace_.fault(f"{_name(function)} with latents as parameters")
        before, after = args[:place], args[place + 1 :]
        return trace_.step(lambda x: function(*before, x, *after, **kwargs), args[place])

    return handler


_HANDLERS: dict[Function, Callable[..., Any]] = {
    np.where: _where,
    np.clip: _clip,
    np.select: _select,
    np.piecewise: _piecewise,
    np.zeros_like: _filled(0.0),
    np.ones_like: _filled(1.0),
    np.full_like: _full_like,
    np.copy: _copy,
    np.broadcast_to: _broadcast_to,
    np.stack: _stack,
    np.shape: lambda _, __: _SHAPE,
    np.ndim: lambda _, __: len(_SHAPE),
    np.size: lambda _, __: _SHAPE[0],
    np.result_type: lambda *_: np.dtype(float),
    np.interp: _bound(np.interp, 0),
    np.polyval: _bound(np.polyval, 1),
    np.nan_to_num: _bound(np.nan_to_num, 0),
    np.sinc: _bound(np.sinc, 0),
    np.round: _bound(np.round, 0),
    np.around: _bound(np.around, 0),
}


# -------------------------------------------------------------------------------- the tracing
def trace(function: Function, latents: int) -> Expression | str:
    """The graph of a function of ``latents`` arrays, or why there is none.

    Parameters
    ----------
    function : callable
        Takes ``latents`` arrays of one shape and returns an array of that shape.
    latents : int
        How many.

    Returns
    -------
    Expression or str
        The steps, with all values that the function has; or the first step that could not be
        followed.
    """
    run = _Trace()
    symbols = [Symbol(run, run.graph.latent(i)) for i in range(latents)]
    try:
        with np.errstate(all="ignore"):
            root = run.node(function(*symbols))
    except Exception as error:  # noqa: BLE001 - whatever is raised on symbols only means: no proof
        return run.faults[0] if run.faults else f"{type(error).__name__}: {error}"
    if run.faults:
        return run.faults[0]
    expression = Expression(root, latents, run.graph)
    if not all(agrees(expression, function, z) for z in _probes(latents)):
        return "it treats symbols and numbers differently"
    return expression


def _probes(latents: int) -> list[FloatArray]:
    rng = np.random.default_rng(0)
    signed = [scale * rng.standard_normal((latents, _PROBES)) for scale in _SCALES]
    return [*signed, *(np.abs(z) for z in signed), rng.random((latents, _PROBES))]


def agrees(expression: Expression, function: Function, arrays: Iterable[Any]) -> bool:
    """Whether a function, and its graph, have the same values up to a few roundings."""
    views = [np.array(a, dtype=float) for a in arrays]
    for view in views:
        view.flags.writeable = False
    with np.errstate(all="ignore"):
        try:
            found = np.asarray(function(*views))
        except Exception:  # noqa: BLE001 - what symbols did not raise
            return False
        expected = np.asarray(expression(*views), dtype=float)
        if found.shape != expected.shape or found.dtype.kind not in "fiub":
            return False
        close = np.abs(found.astype(float) - expected) <= _CLOSE * np.abs(expected)
        same = close | (found == expected) | (np.isnan(found) & np.isnan(expected))
    return bool(np.all(same))
