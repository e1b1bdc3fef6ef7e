"""The array boundary: what comes in from a user becomes float64 or float32 NumPy, or a clear error.

Maps and matched operations take arrays of other libraries too, by way of `_backends`.
"""

from __future__ import annotations

from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

FloatArray: TypeAlias = npt.NDArray[np.float64]
AnyFloatArray: TypeAlias = npt.NDArray[np.floating[Any]]

_FOREIGN = {
    "torch": "tensor.detach().cpu().numpy()",
    "jax": "numpy.asarray(x)",
    "jaxlib": "numpy.asarray(x)",
    "cupy": "cupy.asnumpy(x)",
    "dask": "x.compute()",
    "tensorflow": "x.numpy()",
}


def real_array(x: Any, name: str) -> AnyFloatArray:
    """``x`` as a NumPy array of real numbers: float32 and float64 kept, the rest made float64.

    Half precision (float16, and bfloat16 of ml_dtypes) is made float32.

    Parameters
    ----------
    x : array_like
        Numbers, of any shape.
    name : str
        The name of the argument, for the message.

    Returns
    -------
    ndarray
        A view where possible; never written to.

    Raises
    ------
    TypeError
        For masked, complex, object, text and foreign arrays; the message gives the remedy.
    """
    if isinstance(x, np.ma.MaskedArray):
        raise TypeError(
            f"{name} is a masked array; masks are not carried through maps. "
            f"Pass {name}.filled(numpy.nan) (NaN stays NaN)."
        )
    library = type(x).__module__.partition(".")[0]
    if library in _FOREIGN:
        raise TypeError(
            f"{name} is a {library} array; it must be a NumPy array, or numbers. "
            f"Convert it first: {_FOREIGN[library]}."
        )
    try:
        array = np.asarray(x)
    except ValueError as error:
        raise TypeError(f"{name} is not a rectangular array of numbers: {error}") from None
    if array.dtype in (np.float64, np.float32):
        # A foreign byte order would reach compiled code as garbage.
        return array if array.dtype.isnative else array.astype(array.dtype.newbyteorder("="))
    if is_half(array.dtype):
        return array.astype(np.float32)
    if array.dtype.kind == "c":
        raise TypeError(
            f"{name} is complex ({array.dtype}); laws and maps act on real numbers. "
            "Pass the real and the imaginary part one by one."
        )
    if array.dtype.kind not in "fiub":
        raise TypeError(
            f"{name} must be an array of real numbers, got dtype {array.dtype}. "
            "Convert it first, for example with .astype(float)."
        )
    return array.astype(np.float64)


def is_half(dtype: np.dtype[Any]) -> bool:
    """Whether a dtype is float16, or bfloat16 of the package ml_dtypes."""
    # The name of a dtype costs a microsecond: it is asked for where the kind is none of NumPy's.
    return dtype.char == "e" or (dtype.kind == "V" and dtype.name == "bfloat16")


def half_dtype(*arrays: Any) -> np.dtype[Any] | None:
    """The dtype that NumPy arrays share, where it is of half precision; else None."""
    first = arrays[0].dtype if arrays and isinstance(arrays[0], np.ndarray) else None
    if first is None or not is_half(first):
        return None
    same = all(isinstance(x, np.ndarray) and x.dtype == first for x in arrays)
    return first if same else None


def checked_out(out: Any, array: AnyFloatArray) -> npt.NDArray[Any]:
    """``out``, or an error where it cannot hold the values of a map at the array."""
    if not isinstance(out, np.ndarray) or isinstance(out, np.ma.MaskedArray):
        raise TypeError(f"out must be a NumPy array, got {type(out).__name__}.")
    if out.shape != array.shape or out.dtype != array.dtype:
        raise ValueError(
            f"out must have the shape {array.shape} and dtype {array.dtype} of the result, "
            f"got {out.shape} and {out.dtype}."
        )
    if not out.flags.writeable:
        raise ValueError("out is read-only; pass a writable array.")
    return out


def narrowed(values: Any, dtype: np.dtype[Any], out: npt.NDArray[Any] | None) -> Any:
    """What was computed in single precision, as an array of half precision."""
    result = np.empty(np.shape(values), dtype)
    if out is not None:
        result = checked_out(out, result)
    with np.errstate(over="ignore"):  # what half precision does not reach is infinite
        result[...] = values
    return float(values) if out is None and result.ndim == 0 else result


class Traced:
    """A symbol that stands for numbers, so that a function run on it shows its steps.

    Operations and affine maps let such symbols, and object arrays of them, pass.
    """

    __slots__ = ()


def is_traced(*values: Any) -> bool:
    """Whether one of the values is a `Traced` symbol or an array of them."""
    return any(
        isinstance(x, Traced)
        or (
            isinstance(x, np.ndarray)
            and x.dtype == object
            and x.size
            and isinstance(x.flat[0], Traced)
        )
        for x in values
    )


def real_scalar(x: Any, name: str, *, positive: bool = False) -> float:
    """``x`` as a finite float, or an error that names the argument."""
    array = real_array(x, name)
    if array.ndim != 0:
        raise TypeError(f"{name} must be one number, got an array of shape {array.shape}.")
    value = float(array)
    if not np.isfinite(value):
        raise ValueError(f"{name} must be finite, got {value}.")
    if positive and value <= 0:
        raise ValueError(f"{name} must be positive, got {value}.")
    return value


def weight_vector(weights: Any, name: str = "weights") -> tuple[float, ...]:
    """A non-empty 1-D vector of finite weights, as a tuple of floats."""
    array = real_array(weights, name)
    if array.ndim != 1:
        raise ValueError(f"{name} must be one-dimensional, got shape {array.shape}.")
    if array.size == 0:
        raise ValueError(f"{name} is empty; give at least one weight, one for each latent.")
    if not np.all(np.isfinite(array)):
        raise ValueError(f"{name} must be finite, got {array.tolist()}.")
    return tuple(float(w) for w in array)


def frozen(array: npt.ArrayLike) -> FloatArray:
    """A read-only contiguous float64 copy, for the fields of frozen values."""
    copy = np.array(array, dtype=np.float64, order="C")
    copy.flags.writeable = False
    return copy
