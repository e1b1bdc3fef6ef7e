"""Matched operations for normal priors of any covariance."""

from __future__ import annotations

import dataclasses
import math
import warnings
from collections.abc import Mapping, Sequence
from typing import Any, final

import numpy as np

from otmaps._arrays import AnyFloatArray, half_dtype, narrowed
from otmaps._backends import backend_of, refuse_out
from otmaps._bures import optimal_map, scaling, total
from otmaps._covariances import Diagonal
from otmaps._errors import AccuracyWarning, AtomError, UnservedError
from otmaps._estimators import ClosedForm, Estimator
from otmaps._estimators._inputs import named_inputs
from otmaps._gaussian_map import GaussianMap, entrywise, make_map
from otmaps._independent import Independent
from otmaps._latent_axes import Axis, checked_axis
from otmaps._linearity import Linear
from otmaps._matched_independent import (
    MatchedIndependentOperation,
    ScalarMatch,
    match_independent,
)
from otmaps._multivariate_normal import MultivariateNormal
from otmaps._notebook import matched_gaussian_html
from otmaps._operations import Operation
from otmaps._priors import Normal


@final
@dataclasses.dataclass(frozen=True, eq=False)
class MatchedGaussianOperation:
    """A linear operation whose result follows a normal prior again; made by `match`.

    Call it with the latents; the result has their broadcast shape and dtype, and is an array of
    their library.

    Attributes
    ----------
    operation : Operation
    target : MultivariateNormal
        The prior.
    inputs : tuple of MultivariateNormal
        The law of each latent.
    map : GaussianMap
        The map from the law of the raw result to the prior, with its error.

    Examples
    --------
    >>> import numpy, otmaps
    >>> prior = otmaps.MultivariateNormal(0.0, numpy.array([[1.0, 0.5], [0.5, 1.0]]))
    >>> m = otmaps.match(otmaps.lerp(0.5), prior)
    >>> z1, z2 = prior.rvs((2, 5), random_state=0)
    >>> m(z1, z2).shape, round(m.map.factor, 6)
    ((5, 2), 1.414214)
    """

    operation: Operation
    target: MultivariateNormal
    inputs: tuple[MultivariateNormal, ...]
    map: GaussianMap

    @property
    def source(self) -> MultivariateNormal:
        """The law of the raw result."""
        return self.map.source

    @property
    def axis(self) -> Axis | None:
        """The axes that hold the components of a latent; None for the last ones."""
        return self.map.axis

    def __call__(self, *z: Any, out: AnyFloatArray | None = None) -> Any:
        """The matched result.

        For latents of one law, and for diagonal covariances, one pass over memory.

        Parameters
        ----------
        *z : array_like
            The latents, of shapes that broadcast.
        out : ndarray, optional
            Where to write the result: of its shape and dtype. For NumPy arrays only.

        Returns
        -------
        array
            ``map(operation.raw(*z))``.
        """
        form = self._form
        backend = backend_of(z)
        if backend is not None:
            refuse_out(out)
            self.operation.check_count(z)
            return self.map.elsewhere(backend, form, z)
        half = half_dtype(*z)
        if half is not None:
            return narrowed(self(*(x.astype(np.float32) for x in z)), half, out)
        if all(form.weights):
            return self.map.at_sum(form, self.operation.arrays(*z), out)
        # Whether a latent of weight 0 counts where it is infinite, the function says.
        return self.map(self.operation.raw(*z), out)

    def raw(self, *z: Any) -> Any:
        """The unmatched result."""
        backend = backend_of(z)
        if backend is None:
            return self.operation.raw(*z)
        self.operation.check_count(z)
        return entrywise(backend, self._form, z)

    @property
    def _form(self) -> Linear:
        form = self.operation.linear
        return Linear(()) if form is None else form

    def _repr_html_(self) -> str:
        return matched_gaussian_html(self)

    def __repr__(self) -> str:
        return (
            f"MatchedGaussianOperation({self.operation!r}, prior={self.target!r}, "
            f"map={type(self.map.operator).__name__}, error={self.map.error:.1e})"
        )


def match_vectors(
    op: Operation,
    prior: MultivariateNormal | Independent,
    inputs: Mapping[str, Any] | Sequence[Any] | None,
    *,
    axis: Axis | None,
    method: str | Estimator,
    tol: float,
    scalar: ScalarMatch,
) -> MatchedGaussianOperation | MatchedIndependentOperation:
    """`match` for laws of vectors; ``scalar`` matches one component."""
    if isinstance(prior, Independent):
        return match_independent(op, prior, inputs, axis, scalar)
    laws = tuple(
        prior if law is None else _as_normal(law, prior) for law in named_inputs(op, inputs)
    )
    if op.linear is not None:
        if method != "auto" and not isinstance(method, ClosedForm):
            raise UnservedError(
                f"method={method!r} computes laws of numbers; a linear operation on normal latents "
                'has a closed form. Leave method at "auto".'
            )
        return _matched_linear(op, op.linear, prior, laws, axis=axis, tol=tol)
    if op.pointwise and all(isinstance(law.covariance, Diagonal) for law in (prior, *laws)):
        if axis is None:
            axis = tuple(range(-len(prior.shape), 0)) if len(prior.shape) > 1 else -1
        parts = [_components(law) for law in laws]
        return match_independent(op, _components(prior), parts, axis, scalar)
    raise UnservedError(
        f"operation {op.name!r} is not linear, and the components of the prior are correlated: "
        "its result is not normal, and no map of whole vectors is computed for it. Linear "
        "operations are served for every covariance, pointwise ones for otmaps.Diagonal."
    )


def _matched_linear(
    op: Operation,
    form: Linear,
    prior: MultivariateNormal,
    laws: tuple[MultivariateNormal, ...],
    *,
    axis: Axis | None,
    tol: float,
) -> MatchedGaussianOperation:
    terms = [(w, law) for w, law in zip(form.weights, laws, strict=True) if w != 0.0]
    if not terms:
        raise AtomError(
            f"the result of {op!r} is constant, which no map moves to the prior: all weights are 0."
        )
    mean = np.full(prior.shape, form.offset)
    for w, law in terms:
        mean += w * law.mean
    size = math.hypot(*(w for w, _ in terms))
    if all(law.covariance == prior.covariance for _, law in terms):
        spread = prior.covariance if size == 1.0 else prior.covariance.scaled(size * size)
        found = scaling(1.0 / size, spread)
    else:
        spread = total([law.covariance for _, law in terms], [w * w for w, _ in terms])
        found = optimal_map(spread, prior.covariance)
    source = MultivariateNormal(mean, spread)
    place = None if axis is None else checked_axis(axis)
    matched = MatchedGaussianOperation(op, prior, laws, make_map(source, prior, found, place))
    if found.error > tol:
        warnings.warn(
            f"the map of {op!r} is known to {found.error:.1e} standard deviations of the prior, "
            f"not to tol={tol:g}: a covariance is nearly singular. Raise tol, or add a ridge.",
            AccuracyWarning,
            stacklevel=4,
        )
    return matched


def _as_normal(law: Any, prior: MultivariateNormal) -> MultivariateNormal:
    if not isinstance(law, MultivariateNormal):
        raise TypeError(
            "inputs must hold otmaps.MultivariateNormal laws where the prior is one, got "
            f"{type(law).__name__}; white noise is "
            "otmaps.MultivariateNormal(0.0, otmaps.Diagonal.white(shape))."
        )
    if law.shape != prior.shape:
        raise ValueError(
            f"inputs has a law of vectors of shape {law.shape}, but the prior has {prior.shape}."
        )
    return law


def _components(law: MultivariateNormal) -> Independent:
    """A diagonal normal law as independent components."""
    pairs = zip(law.mean.ravel().tolist(), law.std().ravel().tolist(), strict=True)
    return Independent([Normal(loc, scale) for loc, scale in pairs])
