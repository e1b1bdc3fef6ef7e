"""Which law each latent has, as users name them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from otmaps._operations import Operation


def named_inputs(
    op: Operation, inputs: Mapping[str, Any] | Sequence[Any] | None
) -> tuple[Any, ...]:
    """What ``inputs`` gives for each latent; None for those that follow the prior."""
    if inputs is None:
        return (None,) * len(op.latents)
    if isinstance(inputs, Mapping):
        unknown = [name for name in inputs if name not in op.latents]
        if unknown:
            raise ValueError(
                f"inputs names {unknown[0]!r}, but the latents of {op.name!r} are "
                f"{', '.join(op.latents)}."
            )
        given = [inputs.get(name) for name in op.latents]
    elif isinstance(inputs, str) or not isinstance(inputs, Sequence):
        raise TypeError(
            "inputs must map names of latents to laws, or list one law for each latent, got "
            f"{type(inputs).__name__}."
        )
    else:
        given = list(inputs)
    if len(given) != len(op.latents):
        raise ValueError(
            f"inputs has {len(given)} laws, but {op.name!r} has {len(op.latents)} latents "
            f"({', '.join(op.latents)})."
        )
    return tuple(given)
