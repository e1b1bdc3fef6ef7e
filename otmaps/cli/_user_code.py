"""Operations from the user's own files and modules."""

from __future__ import annotations

import importlib
import importlib.util
import sys
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from collections.abc import Callable

    from otmaps import Operation


def load_operation(reference: str) -> Callable[..., Operation]:
    """The operation of ``path/to/file.py:name`` or ``module:name``; runs that code.

    Raises
    ------
    click.BadParameter
        Where the file, the module or the name does not exist, where the code raises, and where
        the name is no operation.
    """
    from otmaps import Operation, OperationFactory, operations

    source, _, name = reference.rpartition(":")
    module = import_source(source)
    found: Any = getattr(module, name, None)
    named = operations()
    if found is None:
        found = named.get(name)
    if isinstance(found, Operation):
        return lambda: found
    if isinstance(found, OperationFactory) or found in named.values():
        return found  # type: ignore[no-any-return]
    if found is not None:
        remedy = "decorate it with @otmaps.operation" if callable(found) else "see --help"
        raise _bad(f"{name!r} of {source} is a {type(found).__name__}, no operation; {remedy}.")
    own = [n for n, value in vars(module).items() if isinstance(value, OperationFactory)]
    raise _bad(f"{source} has no operation {name!r}; it has {', '.join(own) or 'none'}.")


def import_source(source: str) -> ModuleType:
    """The module of a file named *.py or of a module name; runs its code."""
    path = Path(source)
    if path.suffix == ".py" and not path.is_file():
        raise _bad(f"there is no file {source}.")
    try:
        if path.suffix == ".py":
            return _run_file(path)
        sys.path.insert(0, str(Path.cwd()))  # as python -m does
        return importlib.import_module(source)
    except Exception as error:
        raise _bad(f"{source} could not be run: {type(error).__name__}: {error}") from error


def _run_file(path: Path) -> ModuleType:
    """Run a file as a module that worker processes can import again by its name."""
    sys.path.insert(0, str(path.parent.absolute()))  # as python does for a script
    name = path.stem if path.stem not in sys.modules else f"otmaps_file_{path.stem}"
    spec = importlib.util.spec_from_file_location(name, path)
    if spec is None or spec.loader is None:
        raise ImportError(f"{path} is no Python file")
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)
    return module


def _bad(message: str) -> click.BadParameter:
    return click.BadParameter(message, param_hint="'OPERATION'")
