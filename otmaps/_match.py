"""The verb that joins the stages: an operation, bent as little as possible to keep the prior."""

from __future__ import annotations

import functools
import warnings
from collections.abc import Mapping, Sequence
from typing import Any, overload

import numpy as np

from otmaps._arrays import real_scalar
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
)
from otmaps._independent import Independent
from otmaps._isotropic import Isotropic
from otmaps._latent_axes import Axis
from otmaps._map import MonotoneMap
from otmaps._map_between import build_map
from otmaps._map_exact import affine_between
from otmaps._matched_gaussian import MatchedGaussianOperation, match_vectors
from otmaps._matched_independent import MatchedIndependentOperation
from otmaps._matched_isotropic import MatchedIsotropicOperation, match_isotropic
from otmaps._matched_operation import MatchedOperation
from otmaps._multivariate_normal import MultivariateNormal
from otmaps._operations import Operation
from otmaps._plan import RandomizedPlan, build_plan, generator
from otmaps._registered_forms import registered_law
from otmaps._stores import PathLike, Store, resolve_store
from otmaps._table import fetch_map, map_recipe


@overload
def match(
    op: Operation,
    prior: Isotropic,
    *,
    inputs: Mapping[str, Any] | Sequence[Any] | None = ...,
    method: str | Estimator = ...,
    tol: float = ...,
    store: Store | PathLike | None = ...,
    axis: Axis | None = ...,
) -> MatchedIsotropicOperation: ...


@overload
def match(
    op: Operation,
    prior: MultivariateNormal | Independent,
    *,
    inputs: Mapping[str, Any] | Sequence[Any] | None = ...,
    method: str | Estimator = ...,
    tol: float = ...,
    store: Store | PathLike | None = ...,
    randomize: np.random.Generator | int | None = ...,
    axis: Axis | None = ...,
) -> MatchedGaussianOperation | MatchedIndependentOperation: ...


@overload
def match(
    op: Operation,
    prior: Any,
    *,
    inputs: Mapping[str, Any] | Sequence[Any] | None = ...,
    method: str | Estimator = ...,
    tol: float = ...,
    store: Store | PathLike | None = ...,
    randomize: np.random.Generator | int | None = ...,
) -> MatchedOperation: ...


def match(
    op: Operation,
    prior: Any,
    *,
    inputs: Mapping[str, Any] | Sequence[Any] | None = None,
    method: str | Estimator = "auto",
    tol: float = 1e-9,
    store: Store | PathLike | None = "default",
    randomize: np.random.Generator | int | None = None,
    axis: Axis | None = None,
) -> (
    MatchedOperation
    | MatchedGaussianOperation
    | MatchedIndependentOperation
    | MatchedIsotropicOperation
):
    """Bend an operation as little as possible so that its result follows the prior.

    Computes the law of the raw result (`pushforward`) and the monotone map from it to the prior
    (`monotone_map`), which for independent components is the optimal transport for every convex
    cost (Agustsson et al., ICLR 2019, Theorems 1 and 2).

    Parameters
    ----------
    op : Operation
        A pointwise operation, such as ``otmaps.lerp(0.5)``.
    prior : law
        The law of one component of a latent: anything `as_distribution` takes. Or a law of whole
        latents: `MultivariateNormal`, or `Independent` for components with different laws, or an
        isotropic law such as ``otmaps.StandardNormal(512)``, for which linear operations and slerp
        are matched by a map that bends the norm of the result (`RadialMap`).
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
    axis : int or tuple of int, optional
        For a law of whole latents, the axis or the axes that hold one; the last where left out.

    Returns
    -------
    MatchedOperation
        Or, for laws of whole latents, MatchedGaussianOperation, MatchedIndependentOperation or
        MatchedIsotropicOperation.

    Raises
    ------
    AtomError
        Where the result has point masses, which no map moves to the prior, and ``randomize`` is
        not given.
    UnservedError
        Where no estimator serves, as for slerp with a law of single components.

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
    if isinstance(prior, Isotropic):
        check_operation(op)
        if _randomness(randomize) is not None:
            raise TypeError("randomize= is for laws of one component, not for isotropic priors.")
        tol, shelf = real_scalar(tol, "tol", positive=True), resolve_store(store)
        return match_isotropic(
            op, prior, inputs=inputs, method=method, tol=tol, axis=axis, shelf=shelf
        )
    if isinstance(prior, MultivariateNormal | Independent):

        def scalar(op: Operation, law: Distribution, laws: Sequence[Distribution]) -> Any:
            return match(
                op, law, inputs=laws, method=method, tol=tol, store=store, randomize=randomize
            )

        check_operation(op)
        tol = real_scalar(tol, "tol", positive=True)
        return match_vectors(op, prior, inputs, axis=axis, method=method, tol=tol, scalar=scalar)
    if axis is not None:
        raise TypeError("axis= is for laws of whole latents; a law of one component needs none.")
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


def _randomness(randomize: Any) -> np.random.Generator | bool | None:
    """What ``randomize`` stands for: a generator, True for one in each call, None for neither."""
    if randomize is None or isinstance(randomize, bool):
        return randomize or None
    return generator(randomize)


def _is_registered(op: Operation, laws: tuple[Distribution, ...]) -> bool:
    """Whether a registered closed form may be asked: no key of a table tells what that says."""
    return not isinstance(registered_law(op, laws), str)


def _is_quick(
    op: Operation, laws: tuple[Distribution, ...], target: Distribution, method: str | Estimator
) -> bool:
    """Whether the map is the identity or affine, which costs less than to look it up."""
    if method != "auto" or op.linear is None or ClosedForm().refuses(op, laws) is not None:
        return False
    return affine_between(ClosedForm().law(op, laws, 1e-12), target) is not None
