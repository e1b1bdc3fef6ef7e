"""Matched paths through latents, with the pace of the parameter or of the result."""

from __future__ import annotations

import dataclasses
import operator
from collections.abc import Callable
from typing import Any

import numpy as np

from otmaps._arrays import AnyFloatArray, FloatArray, real_array, real_scalar
from otmaps._built_in import lerp
from otmaps._errors import AccuracyError
from otmaps._family import Family
from otmaps._matched_family import family
from otmaps._operations import Operation

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
) -> AnyFloatArray:
    """A matched path through latents: from each to the next by the matched operation.

    Parameters
    ----------
    points : array_like
        At least two latents, of shape ``(count, *shape)``; the path goes through them in order.
    prior : law or Family
        The law of one component, anything `as_distribution` takes; or, to spare what it takes to
        make one, a family of the operation: ``otmaps.family(otmaps.lerp, law, t=(0, 1))``.
    frames : int
        How many points of the path, at least 2. The first is the first latent; the last is the last
        one, or, of a loop, one step before the first.
    closed : bool
        Whether the path returns from the last latent to the first.
    constant_speed : bool
        False: every segment takes the same time, and t runs evenly in it; matched lerp is faster
        halfway. True: all frames are the same way apart, along the path, in the Euclidean distance
        over all of ``shape``. Frames then meet the latents between the ends by chance alone.
    operation : callable
        Of a parameter ``t``, from the first latent at 0 to the second at 1.
    tol : float
        The error of the maps, as in `family`.
    evenness : float
        By how much the lengths of the steps may differ from their mean, relatively, with
        ``constant_speed``.

    Returns
    -------
    ndarray
        Of shape ``(frames, *shape)``, and of the dtype of the points.

    Raises
    ------
    AccuracyError
        Where the lengths are not even after 2^14 pieces a segment.
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
    if isinstance(prior, Family):
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


@dataclasses.dataclass(frozen=True)
class _Path:
    """The path through latents; the place j + t is at t between the latents j and j + 1."""

    family: Family
    points: AnyFloatArray

    @property
    def segments(self) -> int:
        return len(self.points) - 1

    def at(self, place: float) -> AnyFloatArray:
        j = min(int(place), self.segments - 1)
        t = place - j
        if t in (0.0, 1.0):  # the latent itself, and no map
            return np.asarray(self.points[j + int(t)])
        return np.asarray(self.family(t)(self.points[j], self.points[j + 1]))

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
