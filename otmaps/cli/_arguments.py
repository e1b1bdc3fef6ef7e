"""What users write for operations, parameters, laws and files, and what it means."""

from __future__ import annotations

import ast
import difflib
import inspect
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from otmaps.cli._user_code import load_operation

if TYPE_CHECKING:
    import numpy.typing as npt
    from click.shell_completion import CompletionItem

    from otmaps import Distribution, Isotropic, Operation

    Law = Distribution | Isotropic
    Made = TypeVar("Made")
    Factory = Callable[..., Operation]

REQUIRED = inspect.Parameter.empty


def operation_callback(_: click.Context, __: click.Parameter, text: str | None) -> Factory | None:
    """The factory that an argument names, where it is given."""
    return None if text is None else operation_of(text)


def operation_of(text: str) -> Factory:
    """The factory of operations that ``lerp``, ``path/to/file.py:name`` or ``module:name`` names.

    Raises
    ------
    click.BadParameter
        For an unknown name, and for code that cannot be run.
    """
    from otmaps import operations

    if ":" in text:
        return load_operation(text)
    if text.endswith(".py"):
        raise click.BadParameter(f"say which operation of the file: {text}:NAME.")
    named = operations()
    if text not in named:
        raise click.BadParameter(
            f"no operation is named {text!r}{closest(text, named)}; there are "
            f"{', '.join(named)}, and your own as path/to/file.py:name or module:name."
        )
    return named[text]


def law_callback(
    _: click.Context, __: click.Parameter, text: str | tuple[str, ...] | None
) -> Distribution | tuple[Distribution, ...] | None:
    """The law of each text.

    Raises
    ------
    click.BadParameter
        With what is wrong with it.
    """
    if text is None:
        return None
    if isinstance(text, tuple):
        return tuple(_read(parse_law, each) for each in text)
    return _read(parse_law, text)


def any_law_callback(_: click.Context, __: click.Parameter, text: str) -> Law:
    """As `law_callback`, for commands that take laws of whole latents too."""
    return _read(parse_any_law, text)


def _read(parse: Callable[[str], Made], text: str) -> Made:
    try:
        return parse(text)
    except (TypeError, ValueError) as error:
        raise click.BadParameter(f"{text!r}: {error}") from None


def complete_operation(
    _: click.Context, __: click.Parameter, incomplete: str
) -> list[CompletionItem]:
    """The names of operations, or files."""
    from otmaps import operations

    return _completed(operations(), incomplete)


def complete_law(_: click.Context, __: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """The names of laws, or files."""
    return _completed(scalar_laws(), incomplete)


def complete_any_law(
    _: click.Context, __: click.Parameter, incomplete: str
) -> list[CompletionItem]:
    """The names of laws, those of whole latents too, or files."""
    return _completed([*scalar_laws(), *vector_laws()], incomplete)


def _completed(names: Iterable[str], incomplete: str) -> list[CompletionItem]:
    from click.shell_completion import CompletionItem

    found = [CompletionItem(name) for name in names if name.startswith(incomplete)]
    return found or [CompletionItem(incomplete, type="file")]


def parse_law(text: str) -> Distribution:
    """The law of a name, a call written as text, or a file of draws.

    Raises
    ------
    ValueError, TypeError
        With what is wrong: the name, the arguments, the file.
    """
    from otmaps import as_distribution

    if text.endswith(".npy"):
        return as_distribution(load_array(Path(text)))
    name, arguments, keywords = _parse_call(text)
    laws, key = scalar_laws(), _key(name)
    if key in laws:
        return _called(laws[key], name, arguments, keywords)
    if key in vector_laws():
        raise ValueError(
            "this is a law of whole latents, for inspect, match and diagnose; here the law of one "
            "component is asked for, such as normal"
        )
    try:
        alias = as_distribution(name)  # it has other names, such as "gaussian"
    except ValueError:
        listed = ", ".join(sorted(laws))
        raise ValueError(
            f"no law is named {name!r}{closest(key, laws)}; there are {listed}, with parameters "
            "as in uniform(-1, 1), and samples in files named *.npy"
        ) from None
    return _called(type(alias), name, arguments, keywords)


def parse_any_law(text: str) -> Law:
    """As `parse_law`; and the law of a whole latent of a call such as ``StandardNormal(512)``."""
    if not text.endswith(".npy"):
        name, arguments, keywords = _parse_call(text)
        laws = vector_laws()
        if _key(name) in laws:
            return _called(laws[_key(name)], name, arguments, keywords)
    return parse_law(text)


def _key(name: str) -> str:
    return name.lower().replace("_", "").replace("-", "")


def scalar_laws() -> dict[str, Callable[..., Distribution]]:
    """The public laws of a number that numbers describe, by their names in lower case."""
    import otmaps

    made_of_objects = {"Distribution", "Empirical", "Mixture", "Smoothed"}
    return _public_classes(otmaps.Distribution, made_of_objects)


def vector_laws() -> dict[str, Callable[..., Isotropic]]:
    """The public laws of whole latents that numbers describe, by their names in lower case."""
    import otmaps

    classes = _public_classes(otmaps.Isotropic, {"Isotropic", "Radial"})
    return {**classes, "multivariatecauchy": otmaps.MultivariateCauchy}


def _public_classes(base: Any, left_out: set[str]) -> dict[str, Callable[..., Any]]:
    import otmaps

    classes = [getattr(otmaps, name) for name in otmaps.__all__ if name not in left_out]
    return {
        cls.__name__.lower(): cls
        for cls in classes
        if isinstance(cls, type) and issubclass(cls, base)
    }


def _parse_call(text: str) -> tuple[str, list[Any], dict[str, Any]]:
    """``name`` or ``name(1, b=2)``, with literal arguments."""
    try:
        node = ast.parse(text.strip(), mode="eval").body
        call = node if isinstance(node, ast.Call) else ast.Call(node, [], [])
        arguments = [ast.literal_eval(a) for a in call.args]
        keywords = {str(k.arg): ast.literal_eval(k.value) for k in call.keywords}
        name = ast.unparse(call.func)
    except (SyntaxError, ValueError, MemoryError, RecursionError):
        name = ""
    if not name.isidentifier():
        raise ValueError(
            "write a name, or a name with numbers: normal, uniform(-1, 1), student_t(df=5)"
        )
    return name, arguments, keywords


def _called(
    cls: Callable[..., Made], name: str, arguments: list[Any], keywords: dict[str, Any]
) -> Made:
    signature = inspect.signature(cls)
    try:
        signature.bind(*arguments, **keywords)
    except TypeError as error:
        raise TypeError(f"{error}; it is {name}{_plain(signature)}") from None
    return cls(*arguments, **keywords)


def _plain(signature: inspect.Signature) -> str:
    """The signature without its types: (loc=0.0, scale=1.0)."""
    bare = [p.replace(annotation=REQUIRED) for p in signature.parameters.values()]
    return str(signature.replace(parameters=bare, return_annotation=REQUIRED))


def closest(name: str, known: Any) -> str:
    """A question whether a known name was meant, or nothing."""
    close = difflib.get_close_matches(name, list(known), n=1)
    return f" (did you mean {close[0]!r}?)" if close else ""


# -------------------------------------------------------------------------------------- parameters
def parameters_of(factory: Factory) -> dict[str, Any]:
    """The parameters of a factory with their defaults, or `REQUIRED`."""
    from otmaps import OperationFactory

    if isinstance(factory, OperationFactory):
        return dict.fromkeys(factory.required, REQUIRED) | dict(factory.defaults)
    return {p.name: p.default for p in inspect.signature(factory).parameters.values()}


def split_parameters(texts: tuple[str, ...], factory: Factory) -> list[tuple[str, str]]:
    """The pairs of ``name=value`` texts, with names that the factory has.

    Raises
    ------
    click.BadParameter
        For a text without ``=``, an unknown name, and a parameter that is missing.
    """
    known = parameters_of(factory)
    pairs = []
    for text in texts:
        name, equals, value = text.partition("=")
        name = name.strip()
        if not equals or not name or not value.strip():
            raise click.BadParameter(f"{text!r} is not of the form name=value.", param_hint="'-p'")
        if name not in known:
            listed = ", ".join(known) or "none"
            raise click.BadParameter(
                f"the operation has no parameter {name!r}{closest(name, known)}; it has {listed}.",
                param_hint="'-p'",
            )
        pairs.append((name, value.strip()))
    given = {name for name, _ in pairs}
    missing = [n for n, default in known.items() if default is REQUIRED and n not in given]
    if missing:
        raise click.UsageError(f"The operation needs -p {missing[0]}=VALUE.")
    return pairs


def literal(text: str) -> Any:
    """The number, tuple or other literal that a text writes; else the text itself."""
    for read in (ast.literal_eval, float):  # float knows nan and inf
        try:
            return read(text)
        except (SyntaxError, ValueError, MemoryError, RecursionError):
            continue
    return text


def bind(factory: Factory, texts: tuple[str, ...]) -> Operation:
    """The operation with one value for each parameter."""
    pairs = split_parameters(texts, factory)
    values = {name: literal(value) for name, value in pairs}
    if len(values) != len(pairs):
        raise click.BadParameter("a parameter is given twice.", param_hint="'-p'")
    try:
        return factory(**values)
    except (TypeError, ValueError) as error:
        raise click.BadParameter(f"{' '.join(texts)}: {error}", param_hint="'-p'") from error


def parameter_grid(factory: Factory, texts: tuple[str, ...]) -> dict[str, list[Any]]:
    """All values of each parameter: lists, ranges, and the same parameter given again.

    ``t=0:1:11`` is 11 values from 0 to 1. ``t=0.1,0.2`` is two values where the default is a
    number, and one value, a vector, where it is not.
    """
    known = parameters_of(factory)
    values: dict[str, list[Any]] = {}
    for name, text in split_parameters(texts, factory):
        value = parameter_range(text) if text.count(":") == 2 else literal(text)
        several = isinstance(known[name], int | float) or text.count(":") == 2
        if several and isinstance(value, list | tuple):
            values.setdefault(name, []).extend(value)
        else:
            values.setdefault(name, []).append(value)
    return values


_MOST_VALUES = 100_000  # a table each: more is a slip, and would fill the memory


def parameter_range(text: str) -> list[float]:
    """The numbers of ``start:stop:count``.

    Raises
    ------
    click.BadParameter
        For what is no range, and for one of too many numbers.
    """
    import numpy as np

    start, stop, count = map(literal, text.split(":"))
    if not all(isinstance(x, int | float) for x in (start, stop)) or not isinstance(count, int):
        raise click.BadParameter(
            f"{text!r} is no range; write start:stop:count, as in 0:1:11.", param_hint="'-p'"
        )
    if count < 1:
        raise click.BadParameter(f"{text!r} has no values; count at least 1.", param_hint="'-p'")
    if count > _MOST_VALUES:
        raise click.BadParameter(
            f"{text!r} has more than {_MOST_VALUES} values; take fewer.", param_hint="'-p'"
        )
    return [float(x) for x in np.linspace(start, stop, count)]


def split_inputs(texts: tuple[str, ...]) -> Mapping[str, Distribution] | None:
    """The laws of single latents, from ``name=LAW`` texts."""
    laws: dict[str, Distribution] = {}
    for text in texts:
        name, equals, law = text.partition("=")
        if not equals:
            raise click.BadParameter(f"{text!r} is not of the form name=LAW.", param_hint="'-i'")
        try:
            laws[name.strip()] = parse_law(law.strip())
        except (TypeError, ValueError) as error:
            raise click.BadParameter(f"{text!r}: {error}", param_hint="'-i'") from None
    return laws or None


# ------------------------------------------------------------------------------------------- files
def load_array(path: Path) -> npt.NDArray[Any]:
    """The numbers of a .npy file, mapped into memory where it can be; nothing is unpickled.

    Raises
    ------
    ValueError
        For a file that is no .npy file of numbers, or not all of one.
    """
    import numpy as np

    try:
        with path.open("rb") as file:
            np.lib.format.read_magic(file)
        array = np.load(path, mmap_mode="r", allow_pickle=False)
        if array.size == 0:  # an empty map is refused by some systems
            array = np.load(path, allow_pickle=False)
    except FileNotFoundError:
        raise ValueError(f"{path}: there is no such file.") from None
    except (EOFError, ValueError) as error:
        raise ValueError(f"{path} is no readable .npy file of numbers ({error}).") from None
    if array.dtype.kind not in "biuf":
        raise ValueError(f"{path} holds {array.dtype}, not real numbers; convert it first.")
    return np.asarray(array)
