"""The array boundary: what comes in from a user becomes float64 or float32 NumPy, or a clear error.

This is the only module that knows of array libraries other than NumPy.
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
    "dask": "x.map_blocks(matched) or x.compute()",
    "tensorflow": "x.numpy()",
}


def real_array(x: Any, name: str) -> AnyFloatArray:
    """``x`` as a NumPy array of real numbers: float32 and float64 kept, the rest made float64.

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
            f"{name} is a {library} array; this version computes on NumPy arrays. "
            f"Convert it first: {_FOREIGN[library]}."
        )
    try:
        array = np.asarray(x)
    except ValueError as error:
        raise TypeError(f"{name} is not a rectangular array of numbers: {error}") from None
    if array.dtype in (np.float64, np.float32):
        # A foreign byte order would reach compiled code as garbage.
        return array if array.dtype.isnative else array.astype(array.dtype.newbyteorder("="))
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
