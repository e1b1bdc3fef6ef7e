"""JAX: arrays and tracers, with rules of differentiation to any order."""

from __future__ import annotations

import functools
import sys
import weakref
from collections.abc import Callable, Sequence
from typing import Any, final

from otmaps._arrays import FloatArray
from otmaps._backends import _formulas as formulas
from otmaps._backends._base import ArrayBackend, Public, Steps, refuse_dtype
from otmaps._backends._curve import INVERSE, Curve

_CONSTANTS: weakref.WeakKeyDictionary[Curve, dict[bool, Any]] = weakref.WeakKeyDictionary()


@final
class Jax(ArrayBackend):
    """Each order of the derivative is one compiled function, shared by all tables of one size."""

    @property
    def name(self) -> str:
        return "JAX"

    def owns(self, x: Any) -> bool:
        jax = sys.modules.get("jax")
        return jax is not None and isinstance(x, jax.Array)

    def compute(self, public: Public, steps: Steps, arrays: Sequence[Any]) -> Any:  # noqa: ARG002
        import jax.numpy as jnp

        dtypes = [x.dtype for x in arrays if self.owns(x)]
        for dtype in dtypes:
            if not jnp.issubdtype(dtype, jnp.floating) or jnp.finfo(dtype).bits < 16:
                raise refuse_dtype(self.name, dtype)
        result = jnp.result_type(*dtypes)
        working = result if jnp.finfo(result).bits > 16 else jnp.float32
        wide = [x.astype(working) if self.owns(x) else x for x in arrays]
        return steps(self, wide).astype(result)

    def evaluate(self, curve: Curve, y: Any, order: int) -> Any:
        if curve.records is None:
            return _line()((curve.line, curve.support, curve.limits), y, order)
        return _table(order)(y, *_constants(curve, y))

    def namespace(self, like: Any) -> Any:  # noqa: ARG002
        import jax.numpy as jnp

        return jnp

    def constant(self, value: float | bool, like: Any) -> Any:
        import jax.numpy as jnp

        return jnp.asarray(value, dtype=bool if isinstance(value, bool) else like.dtype)

    def array(self, values: FloatArray, like: Any) -> Any:
        import jax.numpy as jnp

        return jnp.asarray(values, dtype=like.dtype)


def _constants(curve: Curve, like: Any) -> Any:
    import jax
    import jax.numpy as jnp

    known = _CONSTANTS.setdefault(curve, {})
    single = like.dtype == jnp.float32
    if single not in known:
        # Inside of a traced function too these are arrays, not tracers, which must not be kept.
        with jax.ensure_compile_time_eval():
            arrays = curve.constants(single)
            known[single] = tuple(jnp.asarray(a, dtype=like.dtype) for a in arrays)
    return known[single]


@functools.cache
def _functions() -> formulas.Functions:
    import jax
    import jax.numpy as jnp

    def repeat(n: int, step: Callable[[Any], Any], state: Any) -> Any:
        return jax.lax.fori_loop(0, n, lambda _, inner: step(inner), state)

    return formulas.Functions(
        where=jnp.where,
        isnan=jnp.isnan,
        pow=jnp.power,
        reshape=jnp.reshape,
        take=lambda vector, index: vector[index],
        count=functools.partial(jnp.searchsorted, side="right"),
        count_below=functools.partial(jnp.searchsorted, side="left"),
        repeat=repeat,
    )


@functools.cache
def _table(order: int) -> Callable[..., Any]:
    """`formulas.table` of that order, which knows its derivative."""
    import jax

    def value(y: Any, rows: Any, tails: Any) -> Any:
        return formulas.table(_functions(), y, (rows, tails), order)

    function = jax.custom_jvp(value)

    def rule(primals: Any, tangents: Any) -> tuple[Any, Any]:
        result = function(*primals)
        if order == INVERSE:
            return result, tangents[0] / _table(1)(result, *primals[1:])
        return result, tangents[0] * _table(order + 1)(*primals)

    function.defjvp(rule)
    return jax.jit(function)  # type: ignore[no-any-return]


@functools.cache
def _line() -> Callable[..., Any]:
    """`formulas.line`, which knows its derivative."""
    import jax

    def value(numbers: Any, y: Any, order: int) -> Any:
        return formulas.line(_functions(), y, numbers, order)

    function = jax.custom_jvp(value, nondiff_argnums=(0, 2))

    def rule(numbers: Any, order: int, primals: Any, tangents: Any) -> tuple[Any, Any]:
        (y,), (tangent,) = primals, tangents
        result = function(numbers, y, order)
        if order == INVERSE:
            return result, tangent / function(numbers, result, 1)
        return result, tangent * function(numbers, y, order + 1)

    function.defjvp(rule)
    return jax.jit(function, static_argnums=(0, 2))  # type: ignore[no-any-return]
