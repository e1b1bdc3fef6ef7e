"""Whether a function of latents is affine, decided by proof and not by a sample of values.

A function that agrees with an affine one at any number of probe points may still differ elsewhere
(a clip at 1e6, a branch on the sign). So the probe is not a number but a symbol: the function is
run once on NumPy object arrays whose entries are affine forms ``c0 + sum_i c_i z_i``. These know
addition and multiplication by constants and nothing else: a comparison, an absolute value, a
product of two latents or a conversion to a float raises, and the function counts as not
affine, even where it catches the error itself. What survives has computed its result by affine
steps alone, for every value of the latents. A last comparison with numbers, from 1e-150 to 1e150,
guards against functions that look at the type of their arguments and treat symbols differently.
"""

from __future__ import annotations

import dataclasses
import math
import numbers
from collections.abc import Callable
from typing import Any, final

import numpy as np

from otmaps._arrays import AnyFloatArray, Traced

_PROBES = 3  # entries per latent: enough to see one entry leak into another


class _NotAffineError(TypeError):
    """Raised inside the traced function where it leaves the affine world."""


@final
@dataclasses.dataclass(frozen=True)
class Linear:
    """The form ``offset + sum_i weights[i] * z_i`` of an operation."""

    weights: tuple[float, ...]
    offset: float = 0.0


@final
class WeightedSum:
    """A linear function of latents by its weights; picklable and comparable, unlike a closure.

    Weights 0 and 1 cost nothing and change no bit. A latent of weight 0 is not read (0 * inf
    would be NaN) but still takes part in broadcasting.
    """

    def __init__(self, weights: tuple[float, ...]) -> None:
        self.weights = weights

    @property
    def form(self) -> Linear:
        """What it is, without a proof: nothing else could be done with the weights."""
        return Linear(self.weights)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, WeightedSum) and self.weights == other.weights

    def __hash__(self) -> int:
        return hash(self.weights)

    def __call__(self, *z: AnyFloatArray, **_: Any) -> Any:
        shape = np.broadcast_shapes(*(np.shape(x) for x in z))
        total: Any = None
        for w, x in zip(self.weights, z, strict=True):
            if w == 0.0:
                continue
            term = x if w == 1.0 else w * x
            total = term if total is None else total + term
        if total is None:
            return np.zeros(shape, dtype=np.result_type(*z))
        return total if np.shape(total) == shape else np.broadcast_to(total, shape)


class _Affine(Traced):
    """An affine form in the symbols (latent, entry), as a dict of coefficients and a constant.

    ``faults`` is shared by all forms of one trace and records each step that is not affine, so
    that a function cannot hide it in an except clause.
    """

    __slots__ = ("constant", "faults", "terms")
    __array_priority__ = 1000.0

    def __init__(
        self, terms: dict[tuple[int, int], float], constant: float, faults: list[str]
    ) -> None:
        self.terms = terms
        self.constant = constant
        self.faults = faults

    def _fault(self, what: str) -> _NotAffineError:
        self.faults.append(what)
        return _NotAffineError(what)

    def of(self, value: Any) -> _Affine:
        """``value`` as a form of the same trace."""
        if isinstance(value, _Affine):
            return value
        if isinstance(value, numbers.Real):
            return _Affine({}, float(value), self.faults)
        raise self._fault(f"an operand of type {type(value).__name__}")

    def _plus(self, other: Any, sign: float) -> _Affine:
        form = self.of(other)
        terms = dict(self.terms)
        for symbol, c in form.terms.items():
            terms[symbol] = terms.get(symbol, 0.0) + sign * c
        return _Affine(terms, self.constant + sign * form.constant, self.faults)

    def _times(self, factor: float) -> _Affine:
        terms = {s: factor * c for s, c in self.terms.items()}
        return _Affine(terms, factor * self.constant, self.faults)

    def __add__(self, other: Any) -> _Affine:
        return self._plus(other, 1.0)

    __radd__ = __add__

    def __sub__(self, other: Any) -> _Affine:
        return self._plus(other, -1.0)

    def __rsub__(self, other: Any) -> _Affine:
        return self.of(other)._plus(self, -1.0)

    def __mul__(self, other: Any) -> _Affine:
        form = self.of(other)
        if not form.terms:
            return self._times(form.constant)
        if not self.terms:
            return form._times(self.constant)
        raise self._fault("a product of two latents")

    __rmul__ = __mul__

    def __truediv__(self, other: Any) -> _Affine:
        form = self.of(other)
        if form.terms or form.constant == 0.0:
            raise self._fault("a division by a latent or by zero")
        # Divided, not multiplied by a rounded reciprocal: x / 3 must give the weight 1 / 3.
        scale = form.constant
        terms = {s: c / scale for s, c in self.terms.items()}
        return _Affine(terms, self.constant / scale, self.faults)

    def __neg__(self) -> _Affine:
        return self._times(-1.0)

    def __pos__(self) -> _Affine:
        return self

    def conjugate(self) -> _Affine:
        """Real, so its own conjugate (object dot products ask)."""
        return self

    def _refuse(self, *_: Any) -> Any:
        raise self._fault("a step that is not affine")

    __eq__ = __ne__ = __lt__ = __le__ = __gt__ = __ge__ = _refuse
    __bool__ = __float__ = __int__ = __index__ = __complex__ = _refuse
    __abs__ = __pow__ = __rpow__ = __mod__ = __floordiv__ = __rtruediv__ = _refuse
    __round__ = __floor__ = __ceil__ = __trunc__ = _refuse
    __hash__ = None  # type: ignore[assignment]


def linear_form(function: Callable[..., Any], latents: int) -> Linear | None:
    """The affine form of a function of ``latents`` arrays, or None where there is no proof.

    Parameters
    ----------
    function : callable
        Takes ``latents`` arrays of one shape and returns an array of that shape.
    latents : int
        How many.

    Returns
    -------
    Linear or None
        None does not mean that the function is not affine: only that its steps could not be
        followed (compiled code, say). A function that is not affine always gives None.
    """
    traced = _trace(function, latents)
    if traced is None or not _agrees(function, traced):
        return None
    return traced


def _trace(function: Callable[..., Any], latents: int) -> Linear | None:
    faults: list[str] = []
    origin = _Affine({}, 0.0, faults)
    symbols = [np.empty(_PROBES, dtype=object) for _ in range(latents)]
    for i, array in enumerate(symbols):
        for j in range(_PROBES):
            array[j] = _Affine({(i, j): 1.0}, 0.0, faults)
    try:
        with np.errstate(all="ignore"):
            result = np.asarray(function(*symbols), dtype=object)
        if result.shape != (_PROBES,):
            return None
        forms = [_entry(origin.of(value), j, latents) for j, value in enumerate(result)]
    except Exception:  # noqa: BLE001 - whatever is raised on symbols only means: no proof
        return None
    first = forms[0]
    same = not faults and all(form == first for form in forms)
    finite = first is not None and all(map(math.isfinite, (*first.weights, first.offset)))
    return first if same and finite else None


def _entry(form: _Affine, entry: int, latents: int) -> Linear | None:
    """The form of one entry, if it draws on the same entry of each latent alone."""
    if any(j != entry and c != 0.0 for (_, j), c in form.terms.items()):
        return None
    weights = tuple(form.terms.get((i, entry), 0.0) for i in range(latents))
    return Linear(weights, form.constant + 0.0)


def _agrees(function: Callable[..., Any], form: Linear) -> bool:
    """Whether plain numbers give what the symbols gave, at scales from 1e-150 to 1e150."""
    rng = np.random.default_rng(0)
    for scale in (1e-150, 1e-3, 1.0, 30.0, 1e6, 1e12, 1e150):
        z = scale * rng.standard_normal((len(form.weights), 16))
        with np.errstate(all="ignore"):
            terms = np.array(form.weights)[:, None] * z
            total = terms.sum(axis=0) + form.offset
            size = np.abs(terms).sum(axis=0) + np.abs(z).sum(axis=0) + abs(form.offset)
            found = np.asarray(function(*z), dtype=float)
            # Where huge weights overflow, numbers cannot tell; the symbols have.
            if found.shape != (16,) or np.any(
                np.abs(found - total)[np.isfinite(size)] > 1e-12 * size[np.isfinite(size)]
            ):
                return False
    return True
