"""A pointwise operation on independent components, matched: the raw result and one map."""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, final

import numpy as np

from otmaps._arrays import AnyFloatArray, half_dtype, is_traced, narrowed
from otmaps._backends import (
    ArrayBackend,
    Backend,
    backend_of,
    program,
    refuse_out,
    refuse_threads,
    run_linear,
    run_program,
)
from otmaps._distribution import Distribution
from otmaps._estimators import Estimator, pushforward
from otmaps._expressions import Expression
from otmaps._linearity import Linear
from otmaps._map import MonotoneMap
from otmaps._notebook import matched_html
from otmaps._operations import Operation
from otmaps._plan import RandomizedPlan
from otmaps._symbols import Symbol

if TYPE_CHECKING:
    import torch


@final
@dataclasses.dataclass(frozen=True, eq=False)
class MatchedOperation:
    """An operation whose result follows the prior again; made by `match`.

    Call it with the latents; the result has their broadcast shape and dtype (float64 for whole
    numbers), and is an array of their library: NumPy, torch, JAX, CuPy, Dask, or any that follows
    the array API standard. Half precision is computed in single precision.

    Attributes
    ----------
    operation : Operation
        The operation that was matched.
    target : Distribution
        The prior.
    inputs : tuple of Distribution
        The law of each latent.
    map : MonotoneMap or RandomizedPlan
        The monotone map from the law of the raw result to the prior, with its error; a plan
        where that law has point masses and `match` was given ``randomize=``.
    method : str or Estimator
        How the law of the raw result was asked for.
    randomize : numpy.random.Generator, True or None
        Where the random numbers of a plan come from; True leaves that to each call.

    Examples
    --------
    >>> import otmaps
    >>> m = otmaps.match(otmaps.lerp(0.5), "uniform", store=None)
    >>> round(m(0.2, 0.8), 6), round(m.raw(0.2, 0.8), 6), m.source.method
    (0.75, 0.5, 'closed form')
    """

    operation: Operation
    target: Distribution
    inputs: tuple[Distribution, ...]
    map: MonotoneMap | RandomizedPlan
    method: str | Estimator = "auto"
    randomize: np.random.Generator | bool | None = None

    def __call__(
        self,
        *z: Any,
        out: AnyFloatArray | None = None,
        randomize: np.random.Generator | int | None = None,
        threads: int = 1,
    ) -> Any:
        """The matched result.

        A linear operation and its map are one pass over memory.

        Parameters
        ----------
        *z : array_like
            The latents, of shapes that broadcast.
        out : ndarray, optional
            Where to write the result: of its shape and dtype. For NumPy arrays only.
        randomize : numpy.random.Generator or int, optional
            Where a randomised plan takes its random numbers from in this call, instead of the
            generator that `match` was given; or a seed. A map needs none.
        threads : int
            How many threads may share the map of a large array; see `MonotoneMap`.

        Returns
        -------
        array or float
            ``map(operation.raw(*z))``, with the error `map.error`; of a linear operation the raw
            result is not rounded to single precision in between.

        Raises
        ------
        TypeError, ValueError
            As `Operation.raw` does.
        """
        backend = backend_of(z)
        if backend is not None:
            return self._elsewhere(backend, z, out, randomize, threads)
        half = half_dtype(*z)
        if half is not None:
            wide = self(*(x.astype(np.float32) for x in z), randomize=randomize, threads=threads)
            return narrowed(wide, half, out)
        form = self._fusible(z)
        if form is not None and isinstance(self.map, MonotoneMap):
            return self.map.at_sum(form, self.operation.arrays(*z), out, threads)
        raw = self.operation.raw(*z)
        if out is None and isinstance(raw, np.ndarray) and raw.dtype != object:
            out = raw  # a fresh array of the right shape and dtype
        if isinstance(self.map, MonotoneMap):
            return self.map(raw, out=out, threads=threads)
        stored = self.randomize if isinstance(self.randomize, np.random.Generator) else None
        return self.map(raw, stored if randomize is None else randomize, out)

    def _fusible(self, z: tuple[Any, ...]) -> Linear | None:
        """The weights of an operation whose map can be taken in the same pass.

        Not where a weight is 0: whether such a latent of infinite size counts, the function says.
        """
        if is_traced(*z) or any(isinstance(x, Symbol) for x in z):
            return None
        form = self.operation.linear
        return form if form is not None and all(form.weights) else None

    def raw(self, *z: Any) -> Any:
        """The unmatched result."""
        backend = backend_of(z)
        if backend is None:
            return self.operation.raw(*z)
        self.operation.check_count(z)
        return backend.compute(self.raw, self._raw_steps, z)

    def _elsewhere(self, backend: Backend, z: Any, out: Any, randomize: Any, threads: int) -> Any:
        """The matched result at arrays of another library than NumPy."""
        refuse_out(out)
        self.operation.check_count(z)
        if threads != 1:
            refuse_threads(backend)
        if not isinstance(self.map, MonotoneMap) or randomize is not None:
            raise TypeError(
                f"a randomised plan takes NumPy arrays; {backend.name} arrays were passed. "
                "Convert them first."
            )
        curve = self.map.curve
        return backend.compute(self, lambda b, a: b.evaluate(curve, self._raw_steps(b, a), 0), z)

    def _raw_steps(self, backend: ArrayBackend, arrays: Sequence[Any]) -> Any:
        steps = _known_steps(self.operation)
        if isinstance(steps, Linear):
            return run_linear(steps, arrays)
        xp = backend.namespace(next(x for x in arrays if backend.owns(x)))
        return run_program(program(self.operation.name, steps, xp, MonotoneMap), backend, arrays)

    def to_torch_module(self) -> torch.nn.Module:
        """The matched operation as a module of torch, with the table as buffers.

        Call it with tensors, one for each latent. Its ``state_dict`` holds the table, so that
        ``load_state_dict`` brings it back; it has no parameters. It can be compiled
        (`torch.compile`), and exported (`torch.export`, `torch.onnx`).

        Raises
        ------
        TypeError
            For a randomised plan, and for an operation whose steps are not known.
        """
        from otmaps._torch_module import MatchedModule

        if not isinstance(self.map, MonotoneMap):
            raise TypeError("a randomised plan draws random numbers by NumPy: it is no module.")
        return MatchedModule(
            self.operation.name, self.operation.latents, _known_steps(self.operation), self.map
        )

    @functools.cached_property
    def source(self) -> Distribution:
        """The law of the raw result (computed anew where the map came from a store)."""
        if self.map.source is not None:
            return self.map.source
        return pushforward(self.operation, self.target, inputs=self.inputs, method=self.method)

    def _repr_html_(self) -> str:
        return matched_html(self)

    def __repr__(self) -> str:
        return (
            f"MatchedOperation({self.operation!r}, prior={self.target!r}, "
            f"map={self.map.kind}, error={self.map.error:.1e})"
        )


def _known_steps(op: Operation) -> Linear | Expression:
    """What arrays of other libraries are computed by."""
    if op.linear is not None:
        return op.linear
    if isinstance(op.expression, str):
        raise TypeError(
            f"operation {op.name!r} is known as a function of NumPy arrays alone: "
            f"{op.expression}. Compute the raw result yourself and apply the map to it: "
            "matched.map(raw)."
        )
    return op.expression
