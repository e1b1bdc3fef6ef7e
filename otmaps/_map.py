"""The monotone map from one law to another: the optimal transport map on the line."""

from __future__ import annotations

import dataclasses
import math
import warnings
from collections.abc import Callable, Mapping
from typing import Any, Literal, TypeAlias, final

import numpy as np
import numpy.typing as npt

from otmaps._arrays import AnyFloatArray, is_traced, real_array, real_scalar
from otmaps._convert import as_distribution
from otmaps._distribution import Distribution
from otmaps._errors import AccuracyWarning, AtomError
from otmaps._kernels import _maps as k
from otmaps._map_build import assemble, tabulation_error
from otmaps._map_cells import make_frame, refine
from otmaps._map_exact import Problem, affine_between, law_error, pose, sound_range
from otmaps._map_table import Table, checked_table
from otmaps._symbols import Symbol

Kind: TypeAlias = Literal["identity", "affine", "table"]

_EPS = float(np.finfo(float).eps)
_HUGE = 1e300
_NUMBERS = ("scale", "shift", "error", "error_u", "tol")
_PAIRS = ("domain", "support", "limits")


@final
@dataclasses.dataclass(frozen=True, eq=False)
class MonotoneMap:
    """The increasing map T with T(Y) ~ target for Y ~ source, ready to be applied to arrays.

    Made by `monotone_map`. Calling it is thread-safe and costs a few nanoseconds a value; a value
    is the same whatever array it stands in. T never falls by more than rounding: where y1 < y2,
    T(y1) <= T(y2) + one unit in the last place.

    Attributes
    ----------
    kind : {"identity", "affine", "table"}
        The identity returns its input bit by bit; an affine map is one multiply-add.
    domain : tuple of float
        The range of y over which `error` holds: where both tails of the source are at least
        1e-300, or its whole support. Beyond it the map continues by power laws.
    error : float
        Bound on ``|T(y) - exact(y)| / max(scale, |exact(y) - centre|)`` over the domain, with the
        scale (standard deviation, or interquartile range where that is smaller) and the centre
        (median) of the target. Twice the largest error measured at nine points a cell between
        the nodes, plus what the errors of both laws can do, plus rounding. At a jump of T (a gap
        in the target) it holds for one of the one-sided values within a few floats.
    error_u : float
        Bound on ``|F_Z(T(y)) - F_Y(y)|`` over the domain, apart from the width in u of one unit
        in the last place at y and at T(y).
    tol : float
        What was asked for.
    support, limits : tuple of float
        The support of the source, and the values of T at its ends and beyond.
    source, target : Distribution or None
        The laws, where they are known.
    """

    kind: Kind
    domain: tuple[float, float]
    error: float
    error_u: float
    tol: float
    support: tuple[float, float]
    limits: tuple[float, float]
    scale: float = 1.0
    shift: float = 0.0
    table: Table | None = None
    source: Distribution | None = None
    target: Distribution | None = None

    def __call__(self, y: Any, out: npt.NDArray[Any] | None = None) -> Any:
        """T(y).

        Parameters
        ----------
        y : array_like
            Points of any shape. NaN stays NaN, infinities and points outside the
            support of the source give the limits of the map.
        out : ndarray, optional
            Where to write: same shape as y, and the dtype of the result; may be y itself.

        Returns
        -------
        ndarray or float
            float32 for float32, float64 otherwise; a float for a scalar.
        """
        if isinstance(y, Symbol) and out is None:
            straight = self.kind != "table" and not any(map(math.isfinite, self.limits))
            return y.apply(self, y, affine=(self.scale, self.shift) if straight else None)
        if is_traced(y):
            return self._trace(y)
        return _apply(self._forward, y, "y", out)

    def _trace(self, y: Any) -> Any:
        """T of symbols, where it is one multiply-add without ends; else they refuse."""
        if self.kind == "identity":
            return y
        if self.kind == "affine" and self.limits == (-math.inf, math.inf):
            return self.scale * y + self.shift
        return np.asarray(y, dtype=np.float64)

    def inverse(self, z: Any, out: npt.NDArray[Any] | None = None) -> Any:
        """The smallest y with T(y) >= z: the inverse of what a call computes, to rounding.

        Points at and beyond the limits of the map give the ends of the support of the source.
        Arguments as for a call.
        """
        return _apply(self._backward, z, "z", out)

    def derivative(self, y: Any, out: npt.NDArray[Any] | None = None) -> Any:
        """dT/dy of what a call computes; 0 outside the support. Arguments as for a call."""
        return _apply(self._differentiate, y, "y", out)

    def _forward(self, y: AnyFloatArray, out: AnyFloatArray) -> None:
        if self.table is not None:
            self.table.evaluate(y, out)
        elif self.kind == "identity":
            np.copyto(out, y)
        else:
            k.multiply_add(y, out, (self.scale, self.shift, *self.limits))

    def _backward(self, z: AnyFloatArray, out: AnyFloatArray) -> None:
        if self.table is not None:
            self.table.invert(z, out)
        elif self.kind == "identity":
            np.copyto(out, z)
        else:
            k.divide_back(z, out, (self.scale, self.shift, *self.support))

    def _differentiate(self, y: AnyFloatArray, out: AnyFloatArray) -> None:
        if self.table is not None:
            self.table.differentiate(y, out)
        else:
            low, high = self.support if self.kind == "affine" else (-math.inf, math.inf)
            outside = (y < low) | (y > high)
            np.copyto(out, np.where(np.isnan(y), y, np.where(outside, 0.0, self.scale)))

    def arrays(self) -> dict[str, npt.NDArray[np.float64]]:
        """The arrays that `from_arrays` needs; none for the identity and affine maps."""
        return {} if self.table is None else self.table.arrays()

    def metadata(self) -> dict[str, Any]:
        """The numbers that `from_arrays` needs, in JSON types, floats as hexadecimal strings."""
        numbers = {name: float(getattr(self, name)).hex() for name in _NUMBERS}
        pairs = {name: [float(x).hex() for x in getattr(self, name)] for name in _PAIRS}
        return {"kind": self.kind, **numbers, **pairs}

    @staticmethod
    def from_arrays(
        arrays: Mapping[str, Any],
        metadata: Mapping[str, Any],
        *,
        source: Distribution | None = None,
        target: Distribution | None = None,
    ) -> MonotoneMap:
        """The map that `arrays` and `metadata` describe.

        Raises
        ------
        ValueError
            Where they do not describe an increasing map: names, shapes, dtypes, numbers that are
            not finite, edges or values that do not increase, an index out of bounds.
        """
        try:
            kind = metadata["kind"]
            numbers = {name: float.fromhex(metadata[name]) for name in _NUMBERS}
            pairs = {name: _pair(metadata[name]) for name in _PAIRS}
        except (KeyError, TypeError, ValueError) as error:
            raise ValueError(f"the metadata of the map are incomplete: {error!r}.") from None
        if kind not in {"identity", "affine", "table"}:
            raise ValueError(f"the map is of the unknown kind {kind!r}.")
        if not all(math.isfinite(x) for x in numbers.values()) or numbers["scale"] <= 0:
            raise ValueError(f"the map has the numbers {numbers}.")
        table = checked_table(dict(arrays)) if kind == "table" else None
        if table is not None:
            for side in (k.LOW, k.HIGH):
                stated = pairs["support"][side], pairs["limits"][side]
                if stated != (table.ends[side, k.SUPPORT], table.ends[side, k.LIMIT]):
                    raise ValueError("the metadata do not belong to the table.")
        fields: dict[str, Any] = {**numbers, **pairs}
        return MonotoneMap(kind=kind, table=table, source=source, target=target, **fields)


def _pair(texts: Any) -> tuple[float, float]:
    low, high = (float.fromhex(text) for text in texts)
    if not low <= high:
        raise ValueError(f"{low} is not below {high}")
    return low, high


def _apply(
    kernel: Callable[[AnyFloatArray, AnyFloatArray], None],
    x: Any,
    name: str,
    out: npt.NDArray[Any] | None,
) -> Any:
    """Run a kernel on contiguous vectors: whatever comes in, and wherever it is to go."""
    array = real_array(x, name)
    result = np.empty(array.shape, dtype=array.dtype) if out is None else checked_out(out, array)
    flat = np.ascontiguousarray(array).reshape(-1)
    direct = result.flags.c_contiguous and (
        not np.may_share_memory(result, array) or _same_memory(result, array)
    )
    into = result.reshape(-1) if direct else np.empty(flat.shape, dtype=flat.dtype)
    with np.errstate(all="ignore"):  # a limit that overflows is infinite
        kernel(flat, into)
    if not direct:
        result[...] = into.reshape(result.shape)
    return float(result) if out is None and array.ndim == 0 else result


def _same_memory(a: npt.NDArray[Any], b: npt.NDArray[Any]) -> bool:
    return a.ctypes.data == b.ctypes.data and a.strides == b.strides


def checked_out(out: Any, array: AnyFloatArray) -> npt.NDArray[Any]:
    """``out``, or an error where it cannot hold the values of a map at the array."""
    if not isinstance(out, np.ndarray) or isinstance(out, np.ma.MaskedArray):
        raise TypeError(f"out must be a NumPy array, got {type(out).__name__}.")
    if out.shape != array.shape or out.dtype != array.dtype:
        raise ValueError(
            f"out must have the shape {array.shape} and dtype {array.dtype} of the result, "
            f"got {out.shape} and {out.dtype}."
        )
    if not out.flags.writeable:
        raise ValueError("out is read-only; pass a writable array.")
    return out


def monotone_map(source: Any, target: Any, *, tol: float = 1e-9) -> MonotoneMap:
    """The increasing map that moves one law to another, tabulated to a stated accuracy.

    On the line it is the optimal transport map for every convex cost:
    T = F_Z^-1 o F_Y (Santambrogio, Optimal Transport for Applied Mathematicians, Theorem 2.9).

    Parameters
    ----------
    source, target : law
        The laws of y and of T(y): anything `as_distribution` takes. The target may have atoms and
        gaps, the source no atoms.
    tol : float
        The largest `MonotoneMap.error` wanted, in the unit described there.

    Returns
    -------
    MonotoneMap
        The identity or affine, exactly, where the laws differ by location and scale alone;
        otherwise a table.

    Raises
    ------
    AtomError
        Where the source has a point mass.
    ValueError
        For tol outside (1e-15, 0.1].

    Warns
    -----
    AccuracyWarning
        Where tol is not reached; ``error`` of the result says what is.
    """
    law = as_distribution(source)
    found = build_map(law, as_distribution(target), tol)
    if found.error > tol:
        warnings.warn(
            f"the map reaches an error of {found.error:.3g}, not tol={tol:.3g}: the source law "
            f"({law.method}) or the target is not known better. Raise tol, or "
            "compute the source law more accurately.",
            AccuracyWarning,
            stacklevel=2,
        )
    return found


def build_map(source: Distribution, target: Distribution, tol: float) -> MonotoneMap:
    """`monotone_map` on laws; the caller compares the error with ``tol``."""
    tol = checked_tol(tol)
    line = affine_between(source, target)
    if line is not None:
        return _straight(source, target, tol, *line)
    _refuse_atoms(source)
    return _tabulated(source, target, tol)


def checked_tol(tol: Any) -> float:
    """``tol`` as a float, or an error where no map can have it."""
    value = real_scalar(tol, "tol")
    if not 1e-15 < value <= 0.1:
        raise ValueError(f"tol must be in (1e-15, 0.1], got {value}.")
    return value


def _refuse_atoms(source: Distribution) -> None:
    if not source.atoms:
        return
    location, mass = max(source.atoms, key=lambda atom: atom[1])
    raise AtomError(
        f"the source law has {len(source.atoms)} point mass(es); the heaviest, at {location:g}, "
        f"has probability {mass:.6g}. A map sends a point to one point, so none moves such a law "
        "to the target. A randomised plan does: otmaps.match(..., "
        "randomize=numpy.random.default_rng(0)), or otmaps.transport_plan(source, target)."
    )


def _straight(
    source: Distribution, target: Distribution, tol: float, scale: float, shift: float
) -> MonotoneMap:
    """Identity or affine map: no error but rounding."""
    identity = (scale, shift) == (1.0, 0.0)
    domain = (float(source.ilogcdf(math.log(1e-300))), float(source.ilogsf(math.log(1e-300))))
    error = 0.0
    if not identity:
        problem = pose(source, target, tol)
        # Quantiles of heavy tails may lie beyond the doubles.
        y = np.clip([*domain, source.median()], -_HUGE, _HUGE)
        rounding = 2.0 * _EPS * (np.abs(scale * y) + abs(shift)) / problem.unit(scale * y + shift)
        error = float(rounding.max())
    return MonotoneMap(
        kind="identity" if identity else "affine",
        domain=domain,
        error=error,
        error_u=error,
        tol=tol,
        support=source.support(),
        limits=target.support(),
        scale=scale,
        shift=shift,
        source=source,
        target=target,
    )


def _tabulated(source: Distribution, target: Distribution, tol: float) -> MonotoneMap:
    problem = pose(source, target, tol)
    frame = make_frame(problem)
    # How well the laws know the map, at points that cost no inversion of the source.
    borders = np.array([frame.first, frame.low, frame.high, frame.last])
    sketch = np.interp(np.linspace(0.02, 2.98, 75), np.arange(4.0), borders)
    # Errors of probabilities hit the sparse ends hardest: the bulk deserves finer cells than those.
    share = 0.5 if math.isfinite(source.tail_error + target.tail_error) else 0.05
    floor = share * law_error(problem, sketch, problem.exact(sketch))
    refined = refine(problem, frame, floor)
    table, added = assemble(problem, frame, refined)
    error, error_u = tabulation_error(problem, refined, table, added)
    return MonotoneMap(
        kind="table",
        domain=_domain(problem, table),
        error=error,
        error_u=error_u,
        tol=tol,
        support=source.support(),
        limits=target.support(),
        table=table,
        source=source,
        target=target,
    )


def _domain(problem: Problem, table: Table) -> tuple[float, float]:
    """The cells, and the rest of the support where nothing can go wrong there any more."""
    sound = sound_range(problem)
    domain = []
    for side, row in ((k.LOW, 0), (k.HIGH, -1)):
        edge, value = table.records[row, k.EDGE], table.records[row, k.C0]
        support, limit = table.ends[side, k.SUPPORT], table.ends[side, k.LIMIT]
        adjacent = math.nextafter(edge, support) == support
        saturated = abs(value - limit) <= problem.tol * problem.scale
        domain.append(float(support if adjacent or saturated else edge))
    return max(domain[0], sound[0]), min(domain[1], sound[1])
