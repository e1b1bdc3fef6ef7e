"""A matched operation as a module of torch. Imported where one is asked for, not before."""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from typing import Any, final

import numpy as np
import torch

from otmaps._backends import ArrayBackend, Program, program, run_linear, run_program
from otmaps._backends._torch import Torch, apply, is_exported
from otmaps._expressions import Expression
from otmaps._linearity import Linear
from otmaps._map import MonotoneMap

_INNER = ("inner", "powers")
_ARRAYS = ("records", "core", "ends", *_INNER)
_EMPTY = {"records": (0, 8), "core": (0,), "ends": (0,), "inner": (0,), "powers": (0, 0)}
_STATE = ("weights", "numbers", *_ARRAYS)


@final
class MatchedModule(torch.nn.Module):
    """A matched operation with its table as buffers; made by `MatchedOperation.to_torch_module`.

    Call it with tensors, one for each latent, as the matched operation. It has no parameters.
    `state_dict` holds the table in double precision, the weights of a linear operation and the
    stated errors; `load_state_dict` checks them as a table from a store is checked, and takes
    those of any operation that is linear in as many latents. Other operations are code, which no
    state holds: a module of theirs loads tables alone.

    Conversions such as ``half()`` and ``to(torch.bfloat16)`` move the buffers but leave them in
    their precision: the dtype of the result is that of the latents.
    """

    def __init__(
        self, name: str, latents: Sequence[str], raw: Linear | Expression, map_: MonotoneMap
    ) -> None:
        super().__init__()
        self.name = name
        self.latents = tuple(latents)
        self.raw = raw
        self.map = map_
        weights = (*raw.weights, raw.offset) if isinstance(raw, Linear) else ()
        arrays = {name: np.empty(shape) for name, shape in _EMPTY.items()} | map_.arrays()
        numbers = _numbers(map_)
        for field, values in (("weights", weights), ("numbers", numbers), *arrays.items()):
            tensor = torch.tensor(np.array(values), dtype=torch.float64)
            self.register_buffer(field, tensor)
        self._derive()

    def _derive(self) -> None:
        """Everything that follows from the state."""
        state = {name: self.get_buffer(name).cpu().numpy().copy() for name in _STATE}
        self._program: Program | None = None
        if isinstance(self.raw, Linear):
            *weights, offset = state["weights"].tolist()
            self.raw = Linear(tuple(weights), offset)
        else:
            self._program = program(self.name, self.raw, torch, MonotoneMap)
        self.map = _map_of(state, self.map)
        curve = self.map.curve
        for single, dtype in ((False, torch.float64), (True, torch.float32)):
            for part, values in zip(("rows", "tails"), curve.constants(single), strict=True):
                tensor = torch.from_numpy(values.copy()).to(self.numbers.device, dtype)
                self.register_buffer(f"_{part}_{dtype.itemsize}", tensor, persistent=False)

    def forward(self, *z: torch.Tensor) -> torch.Tensor:
        """The matched result."""
        if len(z) != len(self.latents):
            raise TypeError(
                f"{self.name!r} takes {len(self.latents)} latents ({', '.join(self.latents)}), "
                f"got {len(z)}."
            )
        return Torch().compute(self, self._steps, z)

    def _steps(self, backend: ArrayBackend, arrays: Sequence[Any]) -> torch.Tensor:
        if isinstance(self.raw, Linear):
            like = next(x for x in arrays if backend.owns(x))
            number = functools.partial(backend.constant, like=like) if is_exported() else float
            y = run_linear(self.raw, arrays, number)
        elif self._program is not None:
            y = run_program(self._program, backend, arrays)
        size = y.dtype.itemsize
        constants = getattr(self, f"_rows_{size}"), getattr(self, f"_tails_{size}")
        return apply(self.map.curve, y, 0, constants)

    def _apply(self, fn: Callable[[Any], Any], recurse: bool = True) -> MatchedModule:
        kept = dict(self._buffers)
        super()._apply(fn, recurse)
        for name, old in kept.items():
            new = self._buffers[name]
            if old is not None and new is not None and new.dtype != old.dtype:
                self._buffers[name] = old.to(new.device)
        return self

    def _load_from_state_dict(
        self, state_dict: Any, prefix: str, metadata: Any, *rest: Any
    ) -> None:
        *_, errors = rest
        found = {name: state_dict.get(prefix + name) for name in _STATE}
        if all(x is not None for x in found.values()):
            try:
                self._check(found)
            except ValueError as error:
                errors.append(f"{prefix or 'the module'}: {error}")
                return
            for name, value in found.items():
                old = self.get_buffer(name)
                self._buffers[name] = torch.empty(value.shape, dtype=old.dtype, device=old.device)
        super()._load_from_state_dict(state_dict, prefix, metadata, *rest)
        self._derive()

    def _check(self, found: dict[str, torch.Tensor]) -> None:
        if found["weights"].shape != self.get_buffer("weights").shape:
            raise ValueError(
                f"the state is of an operation with {len(found['weights']) - 1} weights, the "
                f"module has {len(self.get_buffer('weights')) - 1} (none: not linear)."
            )
        wrong = [name for name, value in found.items() if value.dtype != torch.float64]
        if wrong:
            raise ValueError(f"{wrong} are not float64: the state was converted.")
        _map_of({name: value.detach().cpu().numpy() for name, value in found.items()}, self.map)

    def __getstate__(self) -> dict[str, Any]:
        return self.__dict__ | {"_program": None}  # functions of torch are not all pickled

    def __setstate__(self, state: Any) -> None:
        super().__setstate__(state)
        self._derive()

    def extra_repr(self) -> str:
        return f"{self.name}, map={self.map.kind}, error={self.map.error:.1e}"


def _numbers(map_: MonotoneMap) -> list[float]:
    """The metadata of a map but for its kind, in their order; pairs as two numbers."""
    values = (value for name, value in map_.metadata().items() if name != "kind")
    texts = (text for value in values for text in ([value] if isinstance(value, str) else value))
    return [float.fromhex(text) for text in texts]


def _map_of(state: dict[str, np.ndarray[Any, Any]], like: MonotoneMap) -> MonotoneMap:
    """The map of a state, after the checks that a table from a store goes through.

    Parameters
    ----------
    state : dict
    like : MonotoneMap
        Any map: it knows the names of the numbers.
    """
    if state["numbers"].shape != (len(_numbers(like)),):
        raise ValueError(f"numbers have the shape {state['numbers'].shape}.")
    values = iter(float(x).hex() for x in state["numbers"])
    metadata: dict[str, Any] = {
        name: next(values) if isinstance(value, str) else [next(values), next(values)]
        for name, value in like.metadata().items()
        if name != "kind"
    }
    names = _ARRAYS if state["powers"].size else [n for n in _ARRAYS if n not in _INNER]
    arrays = {name: state[name] for name in names} if state["records"].size else {}
    line = float.fromhex(metadata["scale"]), float.fromhex(metadata["shift"])
    metadata["kind"] = "table" if arrays else "identity" if line == (1.0, 0.0) else "affine"
    return MonotoneMap.from_arrays(arrays, metadata)
