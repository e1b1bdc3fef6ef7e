"""What the package asks of an array library."""

from __future__ import annotations

import abc
from collections.abc import Callable, Sequence
from typing import Any, TypeAlias

from otmaps._arrays import FloatArray
from otmaps._backends._curve import Curve

Public: TypeAlias = Callable[..., Any]
Steps: TypeAlias = "Callable[[ArrayBackend, Sequence[Any]], Any]"


class Backend(abc.ABC):
    """An array library other than NumPy."""

    @property
    @abc.abstractmethod
    def name(self) -> str:
        """The library, as messages call it."""

    @abc.abstractmethod
    def owns(self, x: Any) -> bool:
        """Whether an object is an array of the library."""

    @abc.abstractmethod
    def compute(self, public: Public, steps: Steps, arrays: Sequence[Any]) -> Any:
        """A function that acts entry by entry, at arrays of the library and Python numbers.

        Parameters
        ----------
        public : callable
            The function as users call it.
        steps : callable
            The same for a library that computes at once: given the backend and the arrays in one
            precision of at least 32 bits.
        arrays : sequence
        """


class ArrayBackend(Backend):
    """A library of arrays that hold numbers."""

    @abc.abstractmethod
    def evaluate(self, curve: Curve, y: Any, order: int) -> Any:
        """A derivative of a map, for order 0 the map, for order -1 its inverse."""

    @abc.abstractmethod
    def namespace(self, like: Any) -> Any:
        """The library's functions, by the names of the array API standard or of NumPy."""

    @abc.abstractmethod
    def constant(self, value: float | bool, like: Any) -> Any:
        """An array without axes, of the dtype (truth values apart) and on the device of another."""

    @abc.abstractmethod
    def array(self, values: FloatArray, like: Any) -> Any:
        """A NumPy array as one of the dtype and on the device of another."""


def refuse_dtype(name: str, dtype: Any) -> TypeError:
    """The error for an array that does not hold floating-point numbers."""
    return TypeError(
        f"a {name} array of dtype {dtype} was passed; maps act on floating-point numbers of 16, 32 "
        "or 64 bits. Convert it first."
    )


def refuse_threads(backend: Backend | None) -> None:
    """Raise for arrays of another library than NumPy."""
    if backend is not None:
        raise TypeError(
            f"threads= is for NumPy arrays; {backend.name} arrays were passed, and {backend.name} "
            "has threads of its own. Leave threads at 1."
        )


def refuse_out(out: Any) -> None:
    """Raise where ``out`` is given for arrays that are not NumPy's."""
    if out is not None:
        raise TypeError("out= is for NumPy arrays; other libraries get a new array.")
