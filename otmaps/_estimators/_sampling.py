"""What the estimators that sample have in common: options, threads, checks of the results."""

from __future__ import annotations

import operator
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

import numpy as np

from otmaps._arrays import FloatArray, real_scalar
from otmaps._operations import Operation

Item = TypeVar("Item")

MIXES = "it mixes the components of a latent, so the law of one component is not enough"


def whole_number(value: Any, name: str, least: int) -> int:
    """``value`` as an int, or an error that names the option."""
    try:
        number = operator.index(value)
    except TypeError:
        raise TypeError(f"{name} must be an integer, got {value!r}.") from None
    if number < least:
        least_of = "must not be negative" if least == 0 else f"must be at least {least}"
        raise ValueError(f"{name} {least_of}, got {number}.")
    return number


def confidence_level(value: Any) -> float:
    """``value`` as a float between 0 and 1."""
    confidence = real_scalar(value, "confidence")
    if not 0.0 < confidence < 1.0:
        raise ValueError(f"confidence must lie between 0 and 1, got {confidence}.")
    return confidence


def shown_or_not(value: Any) -> bool | None:
    """``value`` as what `progress` may be."""
    if not (value is None or isinstance(value, bool)):
        raise TypeError(f"progress must be True, False or None, got {value!r}.")
    return value


def for_each(items: Sequence[Item], work: Callable[[Item], None], workers: int) -> None:
    """Call ``work`` with every item, in ``workers`` threads; the first exception ends it."""
    if workers == 1:
        for item in items:
            work(item)
        return
    with ThreadPoolExecutor(workers) as pool:
        futures = [pool.submit(work, item) for item in items]
        try:
            for future in futures:
                future.result()
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            raise


def check_results(op: Operation, results: FloatArray) -> None:
    """Raise where draws of the result are NaN, infinite or all equal."""
    check_finite(op, int(np.count_nonzero(~np.isfinite(results))), results.size)
    check_varies(op, results.min(), results.max(), results.size)


def check_finite(op: Operation, bad: int, n: int) -> None:
    """Raise where ``bad`` of ``n`` results are NaN or infinite."""
    if bad:
        raise ValueError(
            f"operation {op.name!r} returned {bad} values that are NaN or infinite, of {n}, on "
            "draws of its inputs; it must be finite for almost every latent."
        )


def check_varies(op: Operation, lowest: float, highest: float, n: int) -> None:
    """Raise where all of ``n`` results are equal."""
    if lowest == highest:
        raise ValueError(
            f"operation {op.name!r} returned {lowest} for each of {n} draws: "
            "a constant has no law to match."
        )
