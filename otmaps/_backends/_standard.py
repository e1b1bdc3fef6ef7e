"""CuPy, and every library that follows the array API standard."""

from __future__ import annotations

import functools
import sys
import weakref
from collections.abc import Sequence
from typing import Any, final

import numpy as np

from otmaps._arrays import FloatArray
from otmaps._backends import _formulas as formulas
from otmaps._backends._base import ArrayBackend, Public, Steps, refuse_dtype
from otmaps._backends._curve import Curve

_CONSTANTS: weakref.WeakKeyDictionary[Curve, dict[Any, Any]] = weakref.WeakKeyDictionary()


@final
class Standard(ArrayBackend):
    """Through ``__array_namespace__`` of the standard, version 2024.12 or later; or CuPy.

    All that is done uses functions of the standard, so arrays stay on their device.
    """

    @property
    def name(self) -> str:
        return "array API"

    def owns(self, x: Any) -> bool:
        cupy = sys.modules.get("cupy")
        return (cupy is not None and isinstance(x, cupy.ndarray)) or (
            not isinstance(x, np.ndarray | np.generic) and hasattr(x, "__array_namespace__")
        )

    def compute(self, public: Public, steps: Steps, arrays: Sequence[Any]) -> Any:  # noqa: ARG002
        xp = self.namespace(next(x for x in arrays if self.owns(x)))
        dtypes = [x.dtype for x in arrays if self.owns(x)]
        for dtype in dtypes:
            if _bits(xp, dtype) == 0:
                raise refuse_dtype(xp.__name__, dtype)
        result = functools.reduce(xp.result_type, dtypes)
        working = xp.float32 if _bits(xp, result) == 16 else result
        wide = [_cast(xp, x, working) if self.owns(x) else x for x in arrays]
        with np.errstate(all="ignore"):  # of libraries that compute by NumPy
            return _cast(xp, steps(self, wide), result)

    def evaluate(self, curve: Curve, y: Any, order: int) -> Any:
        f = _functions(self.namespace(y))
        if curve.records is None:
            return formulas.line(f, y, (curve.line, curve.support, curve.limits), order)
        return formulas.table(f, y, self._constants(curve, y), order)

    def _constants(self, curve: Curve, like: Any) -> Any:
        xp = self.namespace(like)
        known = _CONSTANTS.setdefault(curve, {})
        key = xp.__name__, str(like.dtype), str(like.device)
        if key not in known:
            single = _bits(xp, like.dtype) == 32
            known[key] = tuple(_moved(xp, array, like) for array in curve.constants(single))
        return known[key]

    def namespace(self, like: Any) -> Any:
        if hasattr(like, "__array_namespace__"):
            return like.__array_namespace__()
        return sys.modules["cupy"]

    def constant(self, value: float | bool, like: Any) -> Any:
        xp = self.namespace(like)
        return xp.asarray(value, dtype=bool if isinstance(value, bool) else like.dtype)

    def array(self, values: FloatArray, like: Any) -> Any:
        return _moved(self.namespace(like), values, like)


def _bits(xp: Any, dtype: Any) -> int:
    """The width of a floating-point dtype; 0 for others."""
    for name, bits in (("float64", 64), ("float32", 32), ("float16", 16), ("bfloat16", 16)):
        if dtype == getattr(xp, name, None):
            return bits
    return 0


def _cast(xp: Any, x: Any, dtype: Any) -> Any:
    if x.dtype == dtype:
        return x
    return xp.astype(x, dtype) if hasattr(xp, "astype") else x.astype(dtype)


def _moved(xp: Any, array: Any, like: Any) -> Any:
    """A NumPy array as one of the dtype and on the device of another."""
    if xp.__name__.partition(".")[0] == "cupy":  # whose asarray does not always take a device
        with like.device:
            return xp.asarray(array, dtype=like.dtype)
    return xp.asarray(array, dtype=like.dtype, device=like.device)


@functools.cache
def _functions(xp: Any) -> formulas.Functions:
    return formulas.Functions(
        where=xp.where,
        isnan=xp.isnan,
        pow=xp.pow if hasattr(xp, "pow") else xp.power,
        reshape=xp.reshape,
        take=xp.take,
        count=functools.partial(xp.searchsorted, side="right"),
        count_below=functools.partial(xp.searchsorted, side="left"),
        repeat=formulas.repeat,
    )
