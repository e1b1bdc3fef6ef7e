"""Generators in TorchScript files: for files that their user named, since they are programs.

torch reads such an archive in C++, by a reader that knows tensors, containers and the classes in
the archive, and no Python; so no pickle of Python's is opened, whatever the file holds. What it
reads is a program of torch's operators, and some of those read and write files.
"""

from __future__ import annotations

import io
import threading
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt

from otmaps.demo._formats import ModelError

Array = npt.NDArray[Any]

_TRIED = 3  # latents of a trial call


def script_function(
    data: bytes, name: str, dim: int | None
) -> tuple[Callable[[Array], Array], int]:
    """The generator in a TorchScript archive, on the CPU, as a function; and its latent dimension.

    Parameters
    ----------
    data : bytes
        The archive.
    name : str
        The name of its file, for messages.
    dim : int or None
        The latent dimension; None looks for it among the sizes of the weights, by trial calls.

    Returns
    -------
    function : callable
        Float32 latents of shape (N, dim) to the first output, in float32.
    dim : int
        The latent dimension.

    Raises
    ------
    ImportError
        Where torch is missing.
    ModelError
        Where the archive is damaged, or does not run on such latents.
    """
    if dim is not None and dim < 1:
        raise ValueError(f"dim must be at least 1, got {dim}.")
    module = _loaded(data, name)
    call = _runner(module, name)
    shape = _latent_shape(call, name, _sizes(module) if dim is None else [dim], dim)
    return lambda latents: call(latents.reshape(len(latents), *shape)), shape[0]


def _loaded(data: bytes, name: str) -> Any:
    try:
        import torch
    except ImportError:
        message = f"{name} is a TorchScript file, which needs torch: pip install 'otmaps[torch]'"
        raise ImportError(message) from None
    with warnings.catch_warnings():
        # torch prefers torch.export, whose files cannot be read without unpickling.
        warnings.simplefilter("ignore", DeprecationWarning)
        try:
            module = torch.jit.load(io.BytesIO(data), map_location="cpu")
        except Exception as error:  # its exceptions share no other base class
            reason = str(error).strip().split("\n")[0].rstrip(":")
            raise ModelError(
                f"{name} is no TorchScript archive that torch can load: {reason}"
            ) from error
    return module.eval().float()


def _runner(module: Any, name: str) -> Callable[[Array], Array]:
    """One call at a time: torch has threads of its own, and uses every core in each call."""
    import torch

    lock = threading.Lock()

    def run(latents: Array) -> Array:
        with lock, torch.no_grad():
            try:
                output = module(torch.tensor(latents, dtype=torch.float32))
            except Exception as error:  # whatever a program raises
                raise ModelError(
                    f"{name} failed on latents of shape {latents.shape}: {_reason(error)}"
                ) from error
        first = output[0] if isinstance(output, list | tuple) and output else output
        if not isinstance(first, torch.Tensor):
            raise ModelError(f"the first output of {name} must be a tensor; it is {type(first)}.")
        return np.asarray(first.to(dtype=torch.float32, device="cpu").numpy())

    return run


def _sizes(module: Any) -> list[int]:
    """What may be the latent dimension: a side of some matrix of weights, the first ones first."""
    sides = (size for weights in module.parameters() if weights.ndim > 1 for size in weights.shape)
    return list(dict.fromkeys(sides))


def _latent_shape(
    call: Callable[[Array], Array], name: str, sizes: list[int], dim: int | None
) -> tuple[int, ...]:
    """The shape of one latent: (dim,) or (dim, 1, 1), whichever the program runs on."""
    fitting: dict[int, tuple[int, ...]] = {}
    reasons = []
    for shape in [(size, *ones) for size in sizes for ones in ((), (1, 1))]:
        reason = _misfit(call, name, shape)
        if reason is None:
            fitting.setdefault(shape[0], shape)
        else:
            reasons.append(reason)
    if len(fitting) == 1:
        return next(iter(fitting.values()))
    if dim is not None:
        raise ModelError(" ".join(reasons))
    if fitting:
        found = ", ".join(map(str, fitting))
        raise ModelError(f"{name} takes latents of more than one dimension ({found}): pass dim.")
    tried = f" The last trial: {reasons[-1]}" if reasons else ""
    raise ModelError(f"the weights of {name} do not tell the latent dimension: pass dim.{tried}")


def _misfit(call: Callable[[Array], Array], name: str, shape: tuple[int, ...]) -> str | None:
    """Why the program does not take latents of this shape; None where it does."""
    latents = np.ones((_TRIED, *shape), dtype=np.float32)
    try:
        images = call(latents)
    except ModelError as error:
        return str(error)
    if images.shape[:1] != (_TRIED,):
        return f"{name} makes an output of shape {images.shape} of latents {latents.shape}."
    return None


def _reason(error: Exception) -> str:
    """The last line: the lines before it are a traceback of the program."""
    lines = str(error).strip().splitlines()
    return lines[-1].strip() if lines else type(error).__name__
