"""Matched paths through latents, with the pace of the parameter or of the result."""

from __future__ import annotations

import dataclasses
import operator
from collections.abc import Callable
from typing import Any, Protocol

import numpy as np

from otmaps._arrays import AnyFloatArray, FloatArray, real_array, real_scalar
from otmaps._built_in import lerp, slerp
from otmaps._errors import AccuracyError, UnservedError
from otmaps._estimators._norms import isotropic_inputs
from otmaps._family import Family
from otmaps._isotropic import Isotropic
from otmaps._latent_axes import Axis
from otmaps._match import match
from otmaps._matched_family import family
from otmaps._matched_isotropic import MatchedIsotropicOperation, is_closed
from otmaps._operations import Operation

_SOMEWHERE = 0.3  # of t
_FIRST, _LAST = 64, 2**14  # pieces of a segment whose lengths are measured


def trajectory(
    points: Any,
    prior: Any,
    *,
    frames: int,
    closed: bool = False,
    constant_speed: bool = False,
    operation: Callable[..., Operation] = lerp,
    tol: float = 1e-6,
    evenness: float = 1e-3,
    axis: Axis | None = None,
) -> AnyFloatArray:
    """A matched path through latents: from each to the next by the matched operation.

    Parameters
    ----------
    points : array_like
        At least two latents, of shape ``(count, *shape)``; the path goes through them in order.
    prior : law or Family
        The law of one component, anything `as_distribution` takes; or, to spare what it takes to
        make one, a family of the operation: ``otmaps.family(otmaps.lerp, law, t=(0, 1))``. Or an
        isotropic law of latents, such as ``otmaps.StandardNormal(512)``.
    frames : int
        How many points of the path, at least 2. The first is the first latent; the last is the last
        one, or, of a loop, one step before the first.
    closed : bool
        Whether the path returns from the last latent to the first.
    constant_speed : bool
        False: every segment takes the same time, and t runs evenly in it; matched lerp is faster
        halfway. True: all frames are the same way apart, along the path, in the Euclidean distance
        over all of ``shape``. Frames then meet the latents between the ends by chance alone. For
        isotropic priors it needs maps in closed form: of lerp for normal and Cauchy priors, of
        lerp and slerp for spheres.
    operation : callable
        Of a parameter ``t``, from the first latent at 0 to the second at 1; with an isotropic prior
        ``otmaps.slerp`` too.
    tol : float
        The error of the maps, as in `family`.
    evenness : float
        By how much the lengths of the steps may differ from their mean, relatively, with
        ``constant_speed``.
    axis : int or tuple of int, optional
        For an isotropic prior, the axis or the axes that hold the components of a latent, counted
        in ``shape``; the last one where it is left out.

    Returns
    -------
    ndarray
        Of shape ``(frames, *shape)``, and of the dtype of the points.

    Raises
    ------
    AccuracyError
        Where the lengths are not even after 2^14 pieces a segment.
    UnservedError
        For constant speed where every value of t needs a law that takes seconds.
    ValueError
        For fewer than two points or frames.

    Notes
    -----
    At a place chosen without regard to the latents, a frame follows the prior. The frames of one
    path depend on each other: their joint law is not that of independent draws. With
    ``constant_speed`` the places depend on the latents, so the law of a frame is the prior's up to
    what the lengths of paths vary; ``docs/paths.md`` has both in numbers.

    Examples
    --------
    >>> import otmaps
    >>> prior = otmaps.Normal()
    >>> z = prior.rvs((3, 128), random_state=0)
    >>> loop = otmaps.trajectory(z, prior, frames=30, closed=True, constant_speed=True)
    >>> loop.shape
    (30, 128)
    """
    array = real_array(points, "points")
    if array.ndim < 1 or len(array) < 2:
        raise ValueError(
            f"points must be at least two latents, of shape (count, *shape), got {array.shape}."
        )
    count = _at_least_two(frames)
    evenness = real_scalar(evenness, "evenness", positive=True)
    if not np.all(np.isfinite(array)):
        raise ValueError("points has NaN or infinite values; a path through them has no length.")
    made: _At
    if axis is not None and not isinstance(prior, Isotropic):
        raise TypeError("axis= is for isotropic priors; a law of one component needs none.")
    if isinstance(prior, Isotropic):
        made = _RadialSteps(operation, prior, tol, axis)
        if constant_speed:
            made.refuse_slow()
    elif isinstance(prior, Family):
        made = prior
        if dict(made.parameters) != {"t": (0.0, 1.0)}:
            raise ValueError(
                f"prior is a family with the parameters {dict(made.parameters)}; a path needs one "
                "with t=(0, 1), as otmaps.family(otmaps.lerp, law, t=(0, 1)) makes."
            )
    else:
        made = family(operation, prior, tol=tol, t=(0.0, 1.0))
    path = _Path(made, np.concatenate([array, array[:1]]) if closed else array)
    places = path.even_places(count, closed, evenness) if constant_speed else None
    if places is None:
        places = np.linspace(0.0, path.segments, count, endpoint=not closed)
    result = np.empty((count, *array.shape[1:]), dtype=array.dtype)
    for k, place in enumerate(places):
        result[k] = path.at(float(place))
    return result


def _at_least_two(frames: Any) -> int:
    try:
        count = operator.index(frames)
    except TypeError:
        raise TypeError(f"frames must be an integer, got {type(frames).__name__}.") from None
    if count < 2:
        raise ValueError(f"frames must be at least 2, got {count}.")
    return count


class _At(Protocol):
    """Matched operations for values of t."""

    def __call__(self, t: float, /) -> Callable[..., Any]: ...


@dataclasses.dataclass(frozen=True, eq=False)
class _RadialSteps:
    """Matched operations for an isotropic prior, one for each t that is asked for."""

    operation: Callable[..., Operation]
    prior: Isotropic
    tol: float
    axis: Axis | None
    known: dict[float, MatchedIsotropicOperation] = dataclasses.field(default_factory=dict)

    def __call__(self, t: float, /) -> Callable[..., Any]:
        if t > 0.5 and self.operation in (lerp, slerp):  # backwards: one map serves both
            back = self._matched(1.0 - t)
            return lambda a, b: back(b, a)
        return self._matched(t)

    def _matched(self, t: float) -> MatchedIsotropicOperation:
        place = round(t, 12)  # 1 - (1 - t) is t but for rounding
        if place not in self.known:
            op = self.operation(t)
            self.known[place] = match(op, self.prior, tol=self.tol, axis=self.axis)
        return self.known[place]

    def refuse_slow(self) -> None:
        """Raise where a map is a table: thousands of them would be needed."""
        op = self.operation(_SOMEWHERE)
        if not is_closed(op, isotropic_inputs(op, self.prior, None), self.prior):
            raise UnservedError(
                f"constant_speed=True with {op!r} and {self.prior!r} needs thousands of maps, each "
                "of which takes a second or more. Leave it out (the speed of slerp varies little "
                "in many dimensions), or use otmaps.lerp with a normal prior, or a sphere."
            )


@dataclasses.dataclass(frozen=True)
class _Path:
    """The path through latents; the place j + t is at t between the latents j and j + 1."""

    steps: _At
    points: AnyFloatArray

    @property
    def segments(self) -> int:
        return len(self.points) - 1

    def at(self, place: float) -> AnyFloatArray:
        j = min(int(place), self.segments - 1)
        t = place - j
        if t in (0.0, 1.0):  # the latent itself, and no map
            return np.asarray(self.points[j + int(t)])
        return np.asarray(self.steps(t)(self.points[j], self.points[j + 1]))

    def _lengths(self, pieces: int) -> tuple[FloatArray, FloatArray]:
        """Places, and how long the path is up to there; one frame at a time in memory."""
        places = np.linspace(0.0, self.segments, self.segments * pieces + 1)
        steps, last = np.zeros(places.size), self.at(0.0)
        for k, place in enumerate(places[1:], 1):
            here = self.at(float(place))
            steps[k] = np.linalg.norm(np.subtract(here, last, dtype=np.float64).ravel())
            last = here
        return places, np.cumsum(steps)

    def even_places(self, count: int, closed: bool, evenness: float) -> FloatArray | None:
        """The places of frames that are the same way apart; None for a path of length 0.

        Lengths are those of chords, of twice as many pieces each time. The places found with some
        pieces are judged by the lengths of twice as many, and the better ones of these returned.
        """
        pieces, found, off = _FIRST, None, np.inf
        while pieces <= _LAST:
            places, lengths = self._lengths(pieces)
            if lengths[-1] == 0.0:
                return None
            if found is not None:
                steps = np.diff(np.interp(found, places, lengths))
                off = float(np.max(np.abs(steps / steps.mean() - 1.0)))
            moving = np.concatenate([[True], np.diff(lengths) > 0.0])
            goal = np.linspace(0.0, lengths[-1], count + closed)
            found = np.asarray(np.interp(goal, lengths[moving], places[moving]))
            if off <= evenness:
                return found[:count]
            pieces *= 2
        raise AccuracyError(
            f"the steps differ by {off:.2g} of their mean, not by evenness={evenness:.2g}, with "
            f"{_LAST} pieces of each segment; take fewer frames, or a larger evenness."
        )
