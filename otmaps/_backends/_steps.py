"""The raw operation at arrays of another library."""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Callable, Mapping, Sequence
from typing import Any, final

import numpy as np

from otmaps._backends._base import ArrayBackend
from otmaps._expressions import Expression
from otmaps._linearity import Linear

# Where the array API standard and torch have another name than NumPy.
_OTHER_NAMES = {
    "absolute": "abs",
    "arccos": "acos",
    "arccosh": "acosh",
    "arcsin": "asin",
    "arcsinh": "asinh",
    "arctan": "atan",
    "arctan2": "atan2",
    "arctanh": "atanh",
    "conjugate": "conj",
    "float_power": "pow",
    "power": "pow",
    "rint": "round",
}
_SPELT_OUT: Mapping[Any, Callable[..., Any]] = {
    np.reciprocal: lambda xp, x: 1.0 / x,  # noqa: ARG005
    np.square: lambda xp, x: x * x,  # noqa: ARG005
    np.cbrt: lambda xp, x: xp.sign(x) * xp.abs(x) ** (1.0 / 3.0),
    np.exp2: lambda xp, x: xp.exp(x * float(np.log(2.0))),
    np.where: lambda xp, condition, a, b: xp.where(condition, a, b),
}


def run_linear(form: Linear, arrays: Sequence[Any], number: Callable[[float], Any] = float) -> Any:
    """An affine operation; ``number`` makes of its numbers what arrays are multiplied by."""
    terms = [number(w) * z for w, z in zip(form.weights, arrays, strict=True)]
    result = functools.reduce(lambda a, b: a + b, terms)
    return result + number(form.offset) if form.offset else result


@final
@dataclasses.dataclass(frozen=True)
class Program:
    """An operation as steps in the functions of one library.

    Attributes
    ----------
    steps : tuple
        Function and places of its arguments; None and the number of a latent; None and a constant.
    unused : tuple of int
        Latents that count for the shape alone.
    """

    steps: tuple[tuple[Callable[..., Any] | None, tuple[int, ...], float | bool | None], ...]
    unused: tuple[int, ...]


def program(name: str, expression: Expression, xp: Any, own: type) -> Program:
    """An operation whose steps are known, in the functions of a library.

    Parameters
    ----------
    name : str
        Of the operation, for the message.
    expression : Expression
    xp : module
    own : type
        Of steps that take arrays of any library.

    Raises
    ------
    TypeError
        For a step that the library does not have.
    """
    places = {node: i for i, node in enumerate(expression.nodes)}
    steps: list[tuple[Any, tuple[int, ...], float | bool | None]] = []
    for node in expression.nodes:
        if node.function is not None:
            known = isinstance(node.function, own)
            function = node.function if known else _function(xp, node.function, name)
            steps.append((function, tuple(places[a] for a in node.arguments), None))
        elif node.latents:
            steps.append((None, (int(node.value or 0),), None))
        else:
            steps.append((None, (), node.value or 0.0))
    used = expression.root.latents
    return Program(tuple(steps), tuple(i for i in range(expression.latents) if i not in used))


def run_program(steps: Program, backend: ArrayBackend, arrays: Sequence[Any]) -> Any:
    """The operation at arrays of the library."""
    like = next(x for x in arrays if backend.owns(x))
    # Functions of some libraries take no Python numbers: those become arrays.
    latents = [z if backend.owns(z) else backend.constant(z, like) for z in arrays]
    values: list[Any] = []
    for function, places, constant in steps.steps:
        if function is not None:
            values.append(function(*[values[i] for i in places]))
        elif constant is None:
            values.append(latents[places[0]])
        else:
            values.append(backend.constant(constant, like))
    result = values[-1]
    for i in steps.unused:
        result = result + 0.0 * latents[i]
    return result


def _function(xp: Any, function: Callable[..., Any], operation: str) -> Callable[..., Any]:
    if function in _SPELT_OUT:
        return functools.partial(_SPELT_OUT[function], xp)
    name = getattr(function, "__name__", type(function).__name__)
    if isinstance(function, np.ufunc):
        for known in (name, _OTHER_NAMES.get(name, name)):
            if hasattr(xp, known):
                return getattr(xp, known)  # type: ignore[no-any-return]
    raise TypeError(
        f"operation {operation!r} has the step {name}, which {xp.__name__} does not have. Compute "
        "the raw result yourself and apply the map to it: matched.map(raw)."
    )
