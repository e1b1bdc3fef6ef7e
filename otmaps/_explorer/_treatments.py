"""One operation, treated in the ways that the page compares: linear, slerp and matched."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from otmaps._built_in import is_slerp, lerp, slerp
from otmaps._distribution import Distribution
from otmaps._errors import AccuracyError, AtomError, UnservedError
from otmaps._estimators import Estimator, MonteCarlo
from otmaps._explorer._settings import Factory, SettingsError, Vocabulary
from otmaps._isotropic import Isotropic, StandardNormal
from otmaps._match import match
from otmaps._matched_isotropic import MatchedIsotropicOperation
from otmaps._matched_operation import MatchedOperation
from otmaps._operations import Operation
from otmaps._plan import RandomizedPlan
from otmaps._priors import Normal

Array = npt.NDArray[Any]
Apply = Callable[..., Array]

TOL = 1e-6  # finer than the float32 that generators take, and quicker than the default
_SEED_OF_PLANS = 0
_QUICK = MonteCarlo(n=2**16)  # quadrature of the norms of slerp takes seconds for each t
_QUICK_TOL = 0.05  # about what the draws know; half the time of a finer table
_QUICK_TEXT = (
    f"the map of the norms is from {_QUICK.n:,} draws, so that the slider answers at once; "
    "otmaps.match computes it to 1e-6 and better, in a second or more."
)
_NO_SLERP = "slerp is matched for normal priors of mean 0; lerp is matched for any prior."
_SPREAD_TEXT = (
    "the raw result has point masses; random numbers spread each over its part of the prior."
)
_INTERPOLATIONS = {"lerp", "barycenter", "slerp"}


@dataclass(frozen=True)
class Bench:
    """An operation with its parameters, and the ways to apply it.

    Attributes
    ----------
    operation : Operation
    treatments : mapping
        Name to function of latents: "linear" or "raw", "slerp", "matched", those that there are.
    matched : MatchedOperation, MatchedIsotropicOperation or None
        None where there is no map.
    problem : str
        Why there is none.
    notes : tuple of str
        What a reader of the pictures should know.
    """

    operation: Operation
    treatments: Mapping[str, Apply]
    matched: MatchedOperation | MatchedIsotropicOperation | None
    problem: str
    notes: tuple[str, ...]


def make_bench(
    factory: Factory,
    texts: Mapping[str, Any],
    prior: Distribution,
    dim: int,
    vocabulary: Vocabulary,
) -> Bench:
    """The bench of a factory with the values of its parameters.

    Raises
    ------
    SettingsError
        For parameters that the operation does not take.
    """
    op = _bound(factory, texts, vocabulary)
    matched, problem, notes = _matched(op, prior, dim)
    ways: dict[str, Apply] = {}
    if is_slerp(op):
        ways = {"linear": lerp(op.parameters["t"]).raw, "slerp": op.raw}
    elif op.name == "lerp":
        ways = {"linear": op.raw, "slerp": slerp(op.parameters["t"]).raw}
    else:
        ways = {"linear" if op.name in _INTERPOLATIONS else "raw": op.raw}
    if matched is not None:
        ways["matched"] = _repeatable(matched)
    return Bench(op, ways, matched, problem, notes)


def _bound(factory: Factory, texts: Mapping[str, Any], vocabulary: Vocabulary) -> Operation:
    values = {
        name: vocabulary.literal(value) if isinstance(value, str) else value
        for name, value in texts.items()
    }
    if getattr(factory, "__name__", "") == "barycenter" and "weights" in values:
        values["weights"] = _normalized(values["weights"])
    try:
        return factory(**values)
    except (TypeError, ValueError) as error:
        raise SettingsError(str(error)) from error


def _normalized(weights: Any) -> tuple[float, ...]:
    """Weights of a mean, from sliders that know nothing of one another."""
    total = float(np.sum(weights))
    if not abs(total) > 1e-6:
        raise SettingsError("the weights sum to 0: raise one of them.")
    return tuple(float(w) / total for w in weights)


def _matched(
    op: Operation, prior: Distribution, dim: int
) -> tuple[MatchedOperation | MatchedIsotropicOperation | None, str, tuple[str, ...]]:
    """The matched operation, or why there is none; and what is to be said of it."""
    target: Distribution | Isotropic = prior
    method: str | Estimator = "auto"
    tol = TOL
    notes: tuple[str, ...] = ()
    if is_slerp(op):
        if not (isinstance(prior, Normal) and prior.mean() == 0.0):
            return None, _NO_SLERP, ()
        target, method, tol = StandardNormal(dim).scaled(float(prior.std())), _QUICK, _QUICK_TOL
        notes = (_QUICK_TEXT,)
    with warnings.catch_warnings(record=True) as heard:
        warnings.simplefilter("always")
        try:
            found: Any = match(op, target, method=method, tol=tol, store=None)
        except AtomError:
            notes = (_SPREAD_TEXT,)
            found = match(op, target, tol=TOL, store=None, randomize=_SEED_OF_PLANS)
        except (AccuracyError, UnservedError, TypeError, ValueError) as error:
            return None, str(error), ()
    said = tuple(str(warning.message) for warning in heard)
    return found, "", notes + tuple(dict.fromkeys(said))


def _repeatable(matched: MatchedOperation | MatchedIsotropicOperation) -> Apply:
    """The matched operation, which gives equal results for equal latents also where it is drawn."""
    if isinstance(matched, MatchedOperation) and isinstance(matched.map, RandomizedPlan):
        return lambda *z: np.asarray(matched(*z, randomize=_SEED_OF_PLANS))
    return matched
