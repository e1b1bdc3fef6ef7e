"""The verb that joins the stages: an operation, bent as little as possible to keep the prior."""

from __future__ import annotations

import dataclasses
import functools
import warnings
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, final

import numpy as np

from otmaps._arrays import AnyFloatArray, half_dtype, is_traced, narrowed, real_scalar
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
from otmaps._convert import as_distribution
from otmaps._distribution import Distribution
from otmaps._errors import AccuracyWarning, AtomError
from otmaps._estimators import (
    MORE_EFFORT,
    ClosedForm,
    Estimator,
    check_operation,
    compute_law,
    input_laws,
    is_automatic,
    pushforward,
)
from otmaps._expressions import Expression
from otmaps._linearity import Linear
from otmaps._map import MonotoneMap
from otmaps._map_between import build_map
from otmaps._map_exact import affine_between
from otmaps._mismatch import Mismatch, law_mismatch
from otmaps._operations import Operation
from otmaps._plan import RandomizedPlan, build_plan, generator
from otmaps._registered_forms import registered_law
from otmaps._stores import PathLike, Store, resolve_store
from otmaps._symbols import Symbol
from otmaps._table import fetch_map, map_recipe

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

    def __repr__(self) -> str:
        return (
            f"MatchedOperation({self.operation!r}, prior={self.target!r}, "
            f"map={self.map.kind}, error={self.map.error:.1e})"
        )


def match(
    op: Operation,
    prior: Any,
    *,
    inputs: Mapping[str, Any] | Sequence[Any] | None = None,
    method: str | Estimator = "auto",
    tol: float = 1e-9,
    store: Store | PathLike | None = "default",
    randomize: np.random.Generator | int | None = None,
) -> MatchedOperation:
    """Bend an operation as little as possible so that its result follows the prior.

    Computes the law of the raw result (`pushforward`) and the monotone map from it to the prior
    (`monotone_map`), which for independent components is the optimal transport for every convex
    cost (Agustsson et al., ICLR 2019, Theorems 1 and 2).

    Parameters
    ----------
    op : Operation
        A pointwise operation, such as ``otmaps.lerp(0.5)``.
    prior : law
        The law of one component of a latent: anything `as_distribution` takes.
    inputs : mapping or sequence, optional
        The laws of latents that do not follow the prior, as in `pushforward`.
    method : str or Estimator
        How to compute the law of the result, as in `pushforward`.
    tol : float
        The error of the map to aim at, in units of the prior's scale.
    store : "default", None, path-like, URL or Store
        Where tables are kept between calls and processes; None keeps none.
    randomize : numpy.random.Generator, int or True, optional
        What to do where the result has point masses: spread each of them over its part of the
        prior (`RandomizedPlan`), by random numbers from this generator, or from the one of this
        seed. True leaves the generator to each call of the result. Plans are not stored.

    Returns
    -------
    MatchedOperation

    Raises
    ------
    AtomError
        Where the result has point masses, which no map moves to the prior, and ``randomize`` is
        not given.
    UnservedError
        Where no estimator serves, as for operations that mix components (slerp).

    Examples
    --------
    >>> import numpy, otmaps
    >>> m = otmaps.match(otmaps.lerp(0.5), otmaps.Uniform(-1, 1), store=None)
    >>> rng = numpy.random.default_rng(0)
    >>> z1, z2 = rng.uniform(-1, 1, (2, 1000, 64))
    >>> z = m(z1, z2)
    >>> round(float(z.var() / z1.var()), 1)
    1.0
    """
    matched = find_match(
        op, prior, inputs=inputs, method=method, tol=tol, store=store, randomize=randomize
    )
    T = matched.map
    if not T.error <= tol and is_automatic(method):
        warnings.warn(
            f"the map of {op!r} is known to {T.error:.1e}, not to tol={tol:g}, over "
            f"y in [{T.domain[0]:.4g}, {T.domain[1]:.4g}]. {MORE_EFFORT}",
            AccuracyWarning,
            stacklevel=2,
        )
    return matched


def find_match(
    op: Operation,
    prior: Any,
    *,
    inputs: Mapping[str, Any] | Sequence[Any] | None,
    method: str | Estimator,
    tol: float,
    store: Store | PathLike | None,
    randomize: np.random.Generator | int | None = None,
) -> MatchedOperation:
    """As `match`, and without a warning of an error above ``tol``."""
    check_operation(op)
    target = as_distribution(prior)
    laws = input_laws(op, target, inputs)
    tol = real_scalar(tol, "tol", positive=True)
    shelf, source_of_randomness = resolve_store(store), _randomness(randomize)

    @functools.cache
    def source() -> Distribution:
        # A law a thousand times better than the map: its error is divided by the prior's density.
        return compute_law(op, laws, method, min(1e-12, 1e-3 * tol))

    def build() -> MonotoneMap:
        return build_map(source(), target, tol)

    recipe = None
    if (
        shelf is not None
        and not _is_quick(op, laws, target, method)
        and not _is_registered(op, laws)
    ):
        recipe = map_recipe(op, laws, target, method, tol)
    found: MonotoneMap | RandomizedPlan
    try:
        found = build() if shelf is None or recipe is None else fetch_map(shelf, recipe, build)
    except AtomError:
        if source_of_randomness is None:
            raise
        found = build_plan(source(), target, tol)
    return MatchedOperation(op, target, laws, found, method, source_of_randomness)


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


def _randomness(randomize: Any) -> np.random.Generator | bool | None:
    """What ``randomize`` stands for: a generator, True for one in each call, None for neither."""
    if randomize is None or isinstance(randomize, bool):
        return randomize or None
    return generator(randomize)


def _is_registered(op: Operation, laws: tuple[Distribution, ...]) -> bool:
    """Whether a registered closed form may be asked: no key of a table tells what that says."""
    return not isinstance(registered_law(op, laws), str)


def mismatch(
    op: Operation,
    prior: Any,
    dim: int = 100,
    *,
    inputs: Mapping[str, Any] | Sequence[Any] | None = None,
    method: str | Estimator = "auto",
) -> Mismatch:
    """What the raw operation does wrong, for latents of ``dim`` independent components.

    Parameters
    ----------
    op, prior, inputs, method
        As in `pushforward`.
    dim : int
        The number of components of a latent.

    Returns
    -------
    Mismatch
        Kullback-Leibler divergence from the prior, Wasserstein-1 (l1 cost) and Wasserstein-2
        distance, and the shift of the squared norm, each with its error.

    Examples
    --------
    >>> import otmaps
    >>> report = otmaps.mismatch(otmaps.lerp(0.5), otmaps.Normal(), dim=100)
    >>> round(report.norm_shift, 12)
    0.5
    """
    target = as_distribution(prior)
    source = pushforward(op, target, inputs=inputs, method=method)
    return law_mismatch(source, target, dim)


def _is_quick(
    op: Operation, laws: tuple[Distribution, ...], target: Distribution, method: str | Estimator
) -> bool:
    """Whether the map is the identity or affine, which costs less than to look it up."""
    if method != "auto" or op.linear is None or ClosedForm().refuses(op, laws) is not None:
        return False
    return affine_between(ClosedForm().law(op, laws, 1e-12), target) is not None
