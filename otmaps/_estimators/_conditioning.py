"""The law of any operation of up to three inputs, by level sets and quadrature."""

from __future__ import annotations

import dataclasses
import math
from typing import TypeAlias, final

import numpy as np
import numpy.typing as npt

from otmaps._arrays import FloatArray
from otmaps._discrete import EPS, Discrete
from otmaps._distribution import Distribution
from otmaps._errors import AccuracyError, UnservedError
from otmaps._estimators._atoms import parts_of
from otmaps._estimators._base import Estimator, Inputs
from otmaps._estimators._choices import choices, mixed
from otmaps._estimators._layout import Frame
from otmaps._estimators._level_law import LevelLaw
from otmaps._estimators._level_sets import Level
from otmaps._estimators._sampling import whole_number
from otmaps._estimators._study import Study, study
from otmaps._estimators._tabulated import table_law
from otmaps._estimators._tabulation import tabulate
from otmaps._estimators._tails import Continuous, Tails
from otmaps._estimators._terms import frame_of
from otmaps._mixture import Mixture
from otmaps._operations import Operation
from otmaps._restated import restated

IntArray: TypeAlias = npt.NDArray[np.intp]

_MOST_INPUTS = 3
_DRAWS, _BY_CHANCE = 1 << 16, 1e-12
_MOST_CHOICES = 64  # of atoms of inputs
_WORST = 1e-3
_FINEST = 1e-11
_QUADRATURE, _CUBATURE = 1e-13, 1e-10
_SHARE = 0.1  # of the tolerance, for the measured gap of the table
_AT_ATOMS = 1e-12  # relative: of masses of ranges of an input
_PURE = 1e-12  # a smaller mass besides the atoms is none
_DEPTH, _SHALLOW = math.log(1e-301), math.log(1e-14)  # of tails, with one or more outer inputs
_REACH = 1e300
_DOUBT = 10.0  # of a gap at a few points
_AT_SPLIT = 0.25  # of the scale: a kink that near to the median serves as the split


@final
@dataclasses.dataclass(frozen=True)
class Conditioning(Estimator):
    """Level sets in one input, quadrature over the others: any operation of up to three inputs.

    Given all inputs but one, {operation <= y} is found by roots on the ranges of that input in
    which the operation is monotone. These are found by a scan and tested at random points; their
    probability is integrated over the other inputs, split where a level passes the end of a range
    and next to points where the operation turns. All terms are positive, so tails keep their
    relative accuracy down to 1e-300 (with three inputs: about 1e-6 at 1e-12, and `tail_error` is
    infinite). Atoms of the result are found and have exact masses.

    Where the steps of the function can be followed (`Operation.expression`), what they compare, and
    the centres of their bumps, are looked at at all scales, so that features are seen however rare
    they are: a slit or a spike of 1e-9 in one input is a cut, a disk or a strip in two inputs of
    1e-8 a refusal, since no cut serves it. Any other function is known at points alone. Each input
    is tested on lines with a point in every stratum of its probability, about 400,000 values (64
    times fewer of a function of numbers that runs in Python): with one input a feature of more than
    6e-6 is seen for certain; with two and three, slits, disks and strips of 3e-5 were seen in all
    of 60 trials, of 1e-5 in nine of ten, of 1e-6 in one of five. What is rarer, or moves a value by
    less than the operation moves between neighbouring points, stays unseen, and the stated errors
    do not cover it. What is seen, and has no cut that serves, is a reason to refuse. NaN and
    infinities of a probability above 1e-7 on these lines are an error.

    Parameters
    ----------
    budget : int
        About the most values of the operation that are computed; more would refuse the case.

    Examples
    --------
    >>> import numpy, otmaps
    >>> gate = otmaps.operation(lambda a, b: a * numpy.tanh(b))()
    >>> law = otmaps.pushforward(gate, "normal", method=otmaps.Conditioning())
    >>> law.method, law.error < 1e-6
    ('conditioning (level sets in a, quadrature over b)', True)
    """

    budget: int = 1 << 27

    def __post_init__(self) -> None:
        object.__setattr__(self, "budget", whole_number(self.budget, "budget", 1))

    @property
    def name(self) -> str:
        """The name that `method=` takes."""
        return "conditioning"

    def refuses(self, op: Operation, inputs: Inputs) -> str | None:
        """Why the estimator does not serve this case; None where it does."""
        reason = self._outright(op, inputs)
        if reason is not None or any(law.atoms for law in inputs):
            return reason
        found = self._studied(op, inputs)
        return found if isinstance(found, str) else None

    def attempt(self, op: Operation, inputs: Inputs, tol: float) -> Distribution | str:
        """The law, or the reason why `refuses` is against it; the operation is studied once."""
        reason = self._outright(op, inputs)
        if reason is not None:
            return reason
        if any(law.atoms for law in inputs):
            return self.law(op, inputs, tol)
        found = self._studied(op, inputs)
        return found if isinstance(found, str) else self._law(op, inputs, found, tol)

    def _outright(self, op: Operation, inputs: Inputs) -> str | None:
        """A reason against it that needs no values of an operation of continuous inputs."""
        if not op.pointwise:
            return "it mixes the components of a latent"
        if len(inputs) > _MOST_INPUTS:
            return f"it has {len(inputs)} inputs, and quadrature serves {_MOST_INPUTS} at most"
        for law in inputs:
            if not law.error < _WORST:
                return f"an input is known to {law.error:.2g} only, and sampling adds less"
        return self._refuses_atoms(op, inputs) if any(law.atoms for law in inputs) else None

    def _studied(self, op: Operation, inputs: Inputs) -> Study | str:
        """The study of an operation of continuous inputs, or the reason why there is none."""
        relative = _QUADRATURE if len(inputs) < _MOST_INPUTS else _CUBATURE
        try:
            with np.errstate(all="ignore"):  # laws and functions far out
                return study(op, inputs, relative, self.budget)
        except AccuracyError as error:
            return str(error)

    def _refuses_atoms(self, op: Operation, inputs: Inputs) -> str | None:
        count = 1
        for law in inputs:
            parts = parts_of(law)
            if parts is None:
                return f"an input has atoms, and {type(law).__name__} does not say what is left"
            count *= len(parts)
        if count > _MOST_CHOICES:
            return f"its inputs have {count} combinations of atoms, more than {_MOST_CHOICES}"
        reasons = (
            self.refuses(choice.op, choice.inputs)
            for choice in choices(op, inputs)
            if choice.op is not None
        )
        return next((reason for reason in reasons if reason is not None), None)

    def law(self, op: Operation, inputs: Inputs, tol: float) -> Distribution:
        """The law of the result.

        Parameters
        ----------
        op : Operation
        inputs : tuple of Distribution
            One law for each latent.
        tol : float
            The bound on ``|cdf error|`` to aim at.

        Returns
        -------
        Distribution
            Of one input computed anew whenever it is asked for; of more a table, whose errors are
            measured against level sets in another input, where there is one, at points off the
            nodes, doubled. With atoms a `Mixture` of both parts, or a `Discrete` law.

        Raises
        ------
        UnservedError
            Where `refuses` gives a reason.
        AccuracyError
            Where the budget does not do.
        ValueError
            Where the operation is a constant, or NaN or infinite with a probability that matters.
        """
        if any(law.atoms for law in inputs):
            return mixed(op, inputs, lambda part, laws: self.law(part, laws, tol))
        found = self._studied(op, inputs)
        if isinstance(found, str):
            raise UnservedError(f"conditioning does not serve operation {op.name!r}: {found}.")
        return self._law(op, inputs, found, tol)

    def _law(self, op: Operation, inputs: Inputs, found: Study, tol: float) -> Distribution:
        how = f"{self.name} (level sets in {found.names[0]}"
        others = [name for name in op.latents if name != found.names[0]]
        how += f", quadrature over {', '.join(others)})" if others else ")"
        with np.errstate(all="ignore"):  # laws and functions far out
            law = _law(op, found, max(_SHARE * tol, _FINEST), how)
            draws = _check_against_draws(law, op, inputs)
            return _checked_at(law, found, draws) if found.views[0].outer else law


def _law(op: Operation, found: Study, tol: float, how: str) -> Distribution:
    total = math.fsum(m for _, m in found.atoms)
    if not found.atoms:
        return _continuous(found, tol, how)
    points, masses = (np.array(column) for column in zip(*found.atoms, strict=True))
    if len(points) == 1 and total > 1.0 - _PURE:
        raise ValueError(
            f"operation {op.name!r} has the value {points[0]} with probability one: a constant has "
            "no law to match."
        )
    errors = _errors_of(points, masses, found)
    if total > 1.0 - _PURE:
        missed = abs(1.0 - total)
        return Discrete(points, masses / total, errors=(errors[0] + missed, errors[1] + missed))
    atoms = Discrete(points, masses / total, errors=errors)
    # Both sides are sums of positive terms; what they miss together is known.
    rest = Continuous(found.views[0], points).total
    missed = abs(1.0 - rest - total)
    weights = np.array([rest, total]) / (rest + total)
    errors = total * errors[0] + missed, errors[1] + 2.0 * missed
    return Mixture([_continuous(found, tol, how), atoms], weights, errors=errors)


def _errors_of(points: FloatArray, masses: FloatArray, found: Study) -> tuple[float, float]:
    """What the errors of the masses of atoms leave in the cdf, and in its nearer tail.

    That of roots and of laws at them, twice the difference of two views where there are two, and
    what is inherited from the inputs.
    """
    error = math.fsum(np.minimum(8.0 * EPS, _AT_ATOMS * masses))
    relative = _AT_ATOMS
    if len(found.views) > 1:
        again = found.views[1].mass(points.size, Level(points, strict=True), Level(points))
        error += 2.0 * math.fsum(np.abs(again - masses))
        relative += 2.0 * float(np.max(np.abs(again / masses - 1.0)))
    elif found.views[0].outer:
        error += 2.0 * found.views[0].relative
        relative += 2.0 * found.views[0].relative
    return error + found.inherited[0], relative + found.inherited[1]


def _continuous(found: Study, tol: float, how: str) -> Distribution:
    marks = found.marks
    at = np.array([x for x, _ in found.atoms])
    if not found.views[0].outer:
        return LevelLaw(Continuous(found.views[0], at), marks.ends, _level_kinks(found), how)
    frame = _frame(found)
    shallow = len(found.views[0].outer) > 1
    source = Tails(Continuous(found.views[0], at), frame)
    judge = source
    if len(found.views) > 1:
        judge = Tails(Continuous(found.views[1], at), frame)
    measured = tabulate(source, frame, tol, judge)
    if not measured.error < _WORST:
        raise AccuracyError(f"{how} reached an error of {measured.error:.2g} only.")
    error, tail = (a + b for a, b in zip(found.inherited, source.by_rounding, strict=True))
    errors = error, math.inf if shallow else tail
    return table_law(measured, marks.ends, marks.kinks, errors, how)


def _level_kinks(found: Study) -> tuple[float, ...]:
    """The values at the ends of parts and at the breakpoints of the one input."""
    sets = found.views[0].sets
    low, high = found.marks.ends
    places = np.concatenate([sets.low, sets.high, np.array(sets.axis.law.breakpoints, dtype=float)])
    values = sets.values(places, [])
    inside = {float(v) for v in values[np.isfinite(values)] if low < v < high}
    return tuple(sorted(inside | {e for e in (low, high) if math.isfinite(e)}))


def _frame(found: Study) -> Frame:
    marks = found.marks
    inside = [*marks.kinks, *(x for x, _ in found.atoms)]
    kinks = sorted({*inside, *(e for e in marks.ends if math.isfinite(e))})
    split = min(inside, key=lambda k: abs(k - marks.median), default=math.inf)
    if not abs(split - marks.median) < _AT_SPLIT * marks.scale:
        split = marks.median
    depth = _SHALLOW if len(found.views[0].outer) > 1 else _DEPTH
    return frame_of(
        np.array([[k, 0.0] for k in kinks]).reshape(-1, 2),
        (split, 0.0),
        finite=(math.isfinite(marks.ends[0]), math.isfinite(marks.ends[1])),
        scale=marks.scale,
        depth=(depth, depth),
        reach=(_REACH, _REACH),
        symmetric=False,
    )


def _check_against_draws(law: Distribution, op: Operation, inputs: Inputs) -> FloatArray:
    """Sorted draws. Raise where a law is far from them: then a large feature has been missed.

    The allowance is that of Dvoretzky, Kiefer and Wolfowitz with Massart's constant.
    """
    rng = np.random.default_rng(29)
    draws = np.sort(np.asarray(op.raw(*(np.asarray(z.rvs(_DRAWS, rng)) for z in inputs))))
    y = draws[:: _DRAWS // 256]
    allowed = math.sqrt(math.log(2.0 / _BY_CHANCE) / (2.0 * _DRAWS))
    found = np.searchsorted(draws, y, side="right") / _DRAWS
    gap = float(np.max(np.abs(found - np.asarray(law.cdf(y)))))
    if not gap <= allowed + law.error:
        raise AccuracyError(
            f"the law of {op.name} differs from draws by {gap:.2g} in the cdf, and chance allows "
            f"{allowed:.2g}: the operation has features that the scans have missed."
        )
    return draws


def _checked_at(law: Distribution, found: Study, draws: FloatArray) -> Distribution:
    """The law with a larger error where its table is not what it was made from.

    Looked at are draws out to the extreme ones: there a table that does not know where the values
    end, or that they have a pole, is off most.
    """
    few = len(found.views[0].outer) > 1
    ranks = np.unique(np.geomspace(1, draws.size // 2, 4 if few else 16).astype(int))
    y = draws[np.unique(np.concatenate([[0], ranks, draws.size - 1 - ranks, [draws.size - 1]]))]
    truth = found.views[0].mass(y.size, None, Level(y))
    grid = 4.0 * np.spacing(np.abs(y))  # what lies that near to a point is on both sides of it
    low, high = np.asarray(law.cdf(y - grid)), np.asarray(law.cdf(y + grid))
    gap = float(np.max(np.maximum(low - truth, truth - high), initial=0.0))
    if gap <= law.error + _FINEST:
        return law
    return restated(law, (_DOUBT * gap, math.inf), law.method)
