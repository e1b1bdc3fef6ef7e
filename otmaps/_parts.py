"""Large arrays in parts on several threads, where the caller asks for it.

Nothing outlives a call: its threads are started for it and have ended before it returns. So there
is nothing that a fork could break or a pool of the caller could wait for, and every process and
every thread may ask for its own. A value does not depend on the parts.
"""

from __future__ import annotations

import concurrent.futures
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from otmaps._arrays import AnyFloatArray, checked_out

LEAST = 1 << 16
"""Values in a part: fewer take less time than starting a thread."""

Kernel = Callable[[tuple[AnyFloatArray, ...], AnyFloatArray], None]


def checked_threads(threads: Any) -> int:
    """``threads`` as a positive whole number, or an error."""
    if isinstance(threads, bool) or not isinstance(threads, int | np.integer):
        raise TypeError(
            f"threads must be a whole number, got {type(threads).__name__}; 1 uses none but the "
            "calling thread."
        )
    if threads < 1:
        raise ValueError(f"threads must be at least 1, got {threads}.")
    return int(threads)


def in_parts(
    kernel: Kernel, vectors: Sequence[AnyFloatArray], out: AnyFloatArray, threads: int
) -> None:
    """Run a kernel on vectors of one length; it computes each value of ``out`` on its own."""

    def run(start: int, stop: int) -> None:
        kernel(tuple(v[start:stop] for v in vectors), out[start:stop])

    _shared(run, out.size, max(min(threads, out.size // LEAST), 1))


def in_blocks(
    kernel: Kernel, arrays: Sequence[AnyFloatArray], out: npt.NDArray[Any], threads: int
) -> None:
    """As `in_parts`, on arrays of one shape and any layout: copied by the block, not as a whole."""
    *arrays, out = (np.atleast_1d(a) for a in (*arrays, out))
    longest = max(range(out.ndim), key=out.shape.__getitem__)
    whole: list[Any] = ["contig", "aligned", "nbo"]
    modes = [["readonly", *whole] for _ in arrays] + [["writeonly", *whole]]

    def run(start: int, stop: int) -> None:
        # Slices for each thread: nditer's own ranges write buffers to wrong places (NumPy 2.4).
        part = (slice(None),) * longest + (slice(start, stop),)
        with np.nditer(
            [a[part] for a in (*arrays, out)],
            ["buffered", "external_loop", "zerosize_ok"],
            modes,
            [out.dtype] * len(modes),
            order="C",
            buffersize=LEAST,
        ) as blocks:
            for *vectors, into in blocks:
                kernel(tuple(vectors), into)

    length = out.shape[longest]
    _shared(run, length, max(min(threads, out.size // LEAST, length), 1))


def _shared(run: Callable[[int, int], None], size: int, parts: int) -> None:
    """Run what computes from one index to another on so many parts, each on a thread."""

    def quiet(start: int, stop: int) -> None:
        with np.errstate(all="ignore"):  # a limit that overflows is infinite
            run(start, stop)

    edges = [i * size // parts for i in range(parts + 1)]
    if parts == 1:
        quiet(0, size)
        return
    with concurrent.futures.ThreadPoolExecutor(parts - 1) as pool:
        others = [pool.submit(quiet, *edges[i : i + 2]) for i in range(1, parts)]
        quiet(edges[0], edges[1])
    for other in others:
        other.result()


def apply_kernel(
    kernel: Kernel,
    arrays: Sequence[AnyFloatArray],
    out: npt.NDArray[Any] | None,
    threads: int = 1,
) -> Any:
    """Run a kernel on arrays that broadcast, whatever their layout, and wherever it is to go.

    Returns
    -------
    ndarray or float
        Of their common shape and dtype: ``out``, where it is given; a float for numbers.
    """
    first = arrays[0]
    alike = all(a.shape == first.shape and a.dtype == first.dtype for a in arrays)
    if not (alike and first.dtype.isnative):
        shape = np.broadcast_shapes(*(a.shape for a in arrays))
        first = np.broadcast_to(np.zeros((), np.result_type(*(a.dtype for a in arrays))), shape)
    shape, dtype = first.shape, first.dtype
    result = np.empty(shape, dtype) if out is None else checked_out(out, first)
    wide = [_apart(a, result) for a in arrays]
    if all(_is_flat(a, dtype) for a in (*wide, result)):
        in_parts(kernel, [a.reshape(-1) for a in wide], result.reshape(-1), threads)
    else:
        in_blocks(kernel, wide, result, threads)
    return float(result) if out is None and not shape else result


def _is_flat(a: npt.NDArray[Any], dtype: np.dtype[Any]) -> bool:
    """Whether kernels take an array of this dtype as it lies."""
    return a.dtype == dtype and a.flags.c_contiguous and a.flags.aligned


def _apart(a: AnyFloatArray, result: npt.NDArray[Any]) -> AnyFloatArray:
    """An array in the shape of the result, or of a copy where both overlap."""
    wide = a if a.shape == result.shape else np.broadcast_to(a, result.shape)
    return np.broadcast_to(a.copy(), result.shape) if _overlap(result, wide) else wide


def _overlap(a: npt.NDArray[Any], b: npt.NDArray[Any]) -> bool:
    """Whether writing to one may change what is still to be read of the other."""
    if not np.may_share_memory(a, b):
        return False
    same = a.ctypes.data == b.ctypes.data and a.strides == b.strides and a.dtype == b.dtype
    return not same
