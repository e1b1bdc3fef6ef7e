"""How many values of operations a piece of work computes, and an end to it."""

from __future__ import annotations

import contextlib
import contextvars
import math
from collections.abc import Iterator
from typing import final

from otmaps._errors import AccuracyError

_current: contextvars.ContextVar[Meter | None] = contextvars.ContextVar("meter", default=None)


@final
class Meter:
    """Counts values; see `metered`."""

    def __init__(self, most: float, outer: Meter | None) -> None:
        self.values, self.most, self.outer = 0, most, outer

    def add(self, values: int) -> None:
        """Count so many more.

        Raises
        ------
        AccuracyError
            Where this is more than the work may compute.
        """
        self.values += values
        if self.outer is not None:
            self.outer.add(values)
        if self.values > self.most:
            raise AccuracyError(
                f"it takes more than {self.most:,.0f} values of the operation, which is the budget"
            )


@contextlib.contextmanager
def metered(most: float = math.inf) -> Iterator[Meter]:
    """Count the values of operations that are computed inside, in this thread."""
    meter = Meter(most, _current.get())
    token = _current.set(meter)
    try:
        yield meter
    finally:
        _current.reset(token)


def count(values: int) -> None:
    """Report that so many values of an operation are about to be computed."""
    meter = _current.get()
    if meter is not None:
        meter.add(values)
