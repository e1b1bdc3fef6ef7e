"""Whether a function of arrays computes each element from the same element of its latents alone."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from otmaps._arrays import AnyFloatArray

_LONG = 1024
_SINGLES = 5

Raw = Callable[..., Any]
View = tuple[str, Any, Any]


def values_and_difference(raw: Raw, draws: list[AnyFloatArray]) -> tuple[AnyFloatArray, str]:
    """The values on the draws, and in words where the function gives others; empty if nowhere.

    Parameters
    ----------
    raw : callable
        The function of arrays.
    draws : list of ndarray
        A few draws of each latent, 1-D, at least 8 long.
    """
    kept = [draw.copy() for draw in draws]
    whole = np.asarray(raw(*draws))
    # A few ulp of slack: vectorised functions may differ in their remainder loop.
    slack = 1e-12 * float(np.median(np.abs(whole[np.isfinite(whole)]))) if whole.size else 0.0
    for what, found, expected in _views(raw, draws, whole):
        if not np.allclose(found, expected, rtol=1e-12, atol=slack, equal_nan=True):
            return whole, f"gives other values for {what}"
    if not all(map(np.array_equal, kept, draws)):
        return whole, "changes its latents"
    if _differs_in_single_precision(raw, draws):
        return whole, "gives other values for float32"
    if not np.allclose(raw(*draws), whole, rtol=1e-12, atol=slack, equal_nan=True):
        return whole, "gives other values for a later call"
    return whole, ""


def _views(raw: Raw, draws: list[AnyFloatArray], whole: AnyFloatArray) -> Iterator[View]:
    """The same latents in other company: what, its values, and those expected."""
    n = whole.size
    half, even = n // 2, n - n % 2
    order = np.arange(n)[::-1]
    yield "a second call", raw(*draws), whole
    yield "a part of the array", raw(*(d[:half] for d in draws)), whole[:half]
    yield "a reversed array", np.asarray(raw(*(d[order] for d in draws)))[order], whole
    for i in range(0, n, max(n // _SINGLES, 1)):
        yield "a single element", raw(*(d[i : i + 1] for d in draws)), whole[i : i + 1]
    times = -(-_LONG // n)
    yield "a longer array", raw(*(np.tile(d, times) for d in draws)), np.tile(whole, times)
    rows = [d[:even].reshape(2, -1) for d in draws]
    table = whole[:even].reshape(2, -1)
    yield "a 2-D array", raw(*rows), table
    yield "a transposed array", np.asarray(raw(*(r.T for r in rows))).T, table
    yield "a 3-D array", raw(*(r[:, :, None] for r in rows)), table[:, :, None]


def _differs_in_single_precision(raw: Raw, draws: list[AnyFloatArray]) -> bool:
    """Whether float32 latents follow another rule: most values differ by more than rounding."""
    single = [d.astype(np.float32) for d in draws]
    rounded = [s.astype(np.float64) for s in single]
    double = np.asarray(raw(*rounded))
    try:
        found = np.asarray(raw(*single), dtype=np.float64)
    except TypeError:  # a function compiled for float64 alone: that is no silence
        return False
    # A steep function moves by more than the rounding of its latents, and a difference of large
    # terms has the rounding of these.
    allowed = 1e-3 * np.abs(double) + 4e-6 * np.max(np.abs(rounded), axis=0)
    for step in (-1e-6, 1e-6):
        moved = np.asarray(raw(*(r * (1.0 + step) for r in rounded)))
        allowed = np.maximum(allowed, 64.0 * np.abs(moved - double))
    good = np.isfinite(double) & np.isfinite(found)
    gaps = np.abs(found - double)[good]
    return bool(np.count_nonzero(gaps > allowed[good]) > 0.5 * gaps.size)
