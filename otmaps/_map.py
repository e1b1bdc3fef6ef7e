"""The monotone map from one law to another: the optimal transport map on the line."""

from __future__ import annotations

import dataclasses
import functools
import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Literal, TypeAlias, final

import numpy as np
import numpy.typing as npt

from otmaps._arrays import (
    AnyFloatArray,
    half_dtype,
    is_traced,
    narrowed,
    real_array,
    real_scalar,
)
from otmaps._backends import INVERSE, Curve, backend_of, refuse_out, refuse_threads
from otmaps._distribution import Distribution
from otmaps._kernels import _maps as k
from otmaps._linearity import Linear
from otmaps._map_blend import between, blended_table, cell_factor, continuation_gap
from otmaps._map_exact import line_error, unit_at
from otmaps._map_table import Table, checked_table, read_only, rounding_error
from otmaps._notebook import map_html
from otmaps._parts import apply_kernel, checked_threads
from otmaps._symbols import Symbol

Kind: TypeAlias = Literal["identity", "affine", "table"]

_FINITE = ("scale", "shift", "error", "error_u", "tol", "centre", "unit")
_BOUNDS = ("outer_error", "derivative_error")  # may be infinite: nothing is stated
_NUMBERS = _FINITE + _BOUNDS
_PAIRS = ("domain", "outer", "support", "limits")


@final
@dataclasses.dataclass(frozen=True, eq=False)
class MonotoneMap:
    """The increasing map T with T(Y) ~ target for Y ~ source, ready to be applied to arrays.

    Made by `monotone_map`. Calling it is thread-safe and costs a few nanoseconds a value; a value
    is the same whatever array it stands in. T never falls: where y1 <= y2, T(y1) <= T(y2), also for
    neighbouring floats. In the cells of a table that is proven, cell by cell, for the computed
    values; a table without proof is never used (the power laws beyond the cells rise to the
    rounding of a power).

    Its certificate is `domain`, `error`, `error_u`, `outer`, `outer_error` and `derivative_error`.

    Attributes
    ----------
    kind : {"identity", "affine", "table"}
        The identity returns its input bit by bit; an affine map is one multiply-add.
    domain : tuple of float
        The range of y over which `error` holds: where both tails of the source are at least
        1e-300, or its whole support. Two things can make it smaller: next to an end of the support
        at 0 it begins at 2^-1000, and of a law that states no relative error of its tails the
        sparse ends are left out.
    error : float
        Bound on ``|T(y) - exact(y)| / max(unit, |exact(y) - centre|)`` over the domain. Twice the
        largest error measured at nine points a cell between the nodes, plus what the errors of both
        laws can do, plus rounding. At a jump of T (a gap in the target) it holds for one of the
        one-sided values within a few floats.
    error_u : float
        Bound on ``|F_Z(T(y)) - F_Y(y)|`` over the domain, apart from the width in u of one unit
        in the last place at y and at T(y). It bounds ``|F_Y(inverse(z)) - F_Z(z)|`` as well.
    tol : float
        What was asked for.
    support, limits : tuple of float
        The support of the source, and the values of T at its ends and beyond.
    centre, unit : float
        Median of the target, and its scale: the standard deviation, or the interquartile range
        where that is smaller.
    outer, outer_error : tuple of float, float
        Beyond the domain T goes on by power laws that meet it with the slope of the exact map.
        Over this range of y, which is at least the domain, their error is at most ``outer_error``,
        in the unit of `error`: twice the largest one measured where the tails of the source are
        1e-300 to 1e-3000. Further out T rises towards `limits`, and nothing is stated.
    derivative_error : float
        Bound on ``|log(T'(y) / exact'(y))|``, for all y but a set whose probability under the
        source is 1e-4: twice the largest one measured at the same points. Infinite where nothing is
        known of the densities.
    source, target : Distribution or None
        The laws, where they are known.

    Examples
    --------
    >>> import otmaps
    >>> T = otmaps.monotone_map(otmaps.Exponential(), otmaps.Uniform(0.0, 1.0))
    >>> T.kind, round(T(1.0), 6), round(T.inverse(0.5), 6), T.error <= 1e-9
    ('table', 0.632121, 0.693147, True)
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
    centre: float = 0.0
    unit: float = 1.0
    outer: tuple[float, float] = (-math.inf, math.inf)
    outer_error: float = 0.0
    derivative_error: float = 0.0
    table: Table | None = dataclasses.field(default=None, repr=False)
    source: Distribution | None = None
    target: Distribution | None = None

    def __call__(self, y: Any, out: npt.NDArray[Any] | None = None, *, threads: int = 1) -> Any:
        """T(y).

        Parameters
        ----------
        y : array_like
            Points of any shape. NaN stays NaN, infinities and points outside the
            support of the source give the limits of the map. Arrays of torch, JAX, CuPy, Dask
            and of any library that follows the array API standard are taken as they are.
        out : ndarray, optional
            Where to write a NumPy array: the shape and dtype of y; may be y itself.
        threads : int
            How many threads may share a large array. They live as long as the call, so this is
            safe in pools of threads, in data loaders and after a fork. The values do not depend
            on it.

        Returns
        -------
        ndarray or float
            The dtype of a floating-point array, float64 otherwise; a float for a scalar. An
            array of the library of y, on its device.
        """
        if isinstance(y, Symbol) and out is None:
            straight = self.kind != "table" and not any(map(math.isfinite, self.limits))
            return y.apply(self, y, affine=(self.scale, self.shift) if straight else None)
        if is_traced(y):
            return self._trace(y)
        if checked_threads(threads) > 1:
            refuse_threads(backend_of((y,)))
            return _apply(self._forward, y, "y", out, threads)
        return self._applied(self, 0, y, "y", out)

    def at_sum(
        self,
        form: Linear,
        arrays: Sequence[AnyFloatArray],
        out: npt.NDArray[Any] | None = None,
        threads: int = 1,
    ) -> Any:
        """T at ``form.offset + sum of form.weights[i] * arrays[i]``, in one pass over memory.

        The sum is taken in double precision, whatever the dtype of the arrays, with one rounding a
        term; where T is a straight line, it and the sum are one. Other arguments as for a call.
        """
        kernel = functools.partial(self._forward_sum, form)
        return apply_kernel(kernel, arrays, out, checked_threads(threads))

    def _forward_sum(self, form: Linear, zs: tuple[AnyFloatArray, ...], out: AnyFloatArray) -> None:
        if self.table is not None:
            self.table.evaluate_sum(zs, form, out)
        elif self.kind == "identity" and form == Linear((1.0,)):
            np.copyto(out, zs[0])
        else:
            weights = tuple(self.scale * w for w in form.weights)
            offset = self.scale * form.offset + self.shift
            free = self.kind == "identity"
            bounds = (-math.inf, math.inf) if free else self.limits
            k.multiply_add(read_only(zs), weights, offset, out, bounds)

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
        return self._applied(self.inverse, INVERSE, z, "z", out)

    def derivative(self, y: Any, out: npt.NDArray[Any] | None = None) -> Any:
        """dT/dy of what a call computes, from the right at kinks; 0 outside the support.

        `derivative_error` says how close it is to the ratio of the densities, f_Y(y) / f_Z(T(y)).
        """
        return self._applied(self.derivative, 1, y, "y", out)

    def log_derivative(self, y: Any, out: npt.NDArray[Any] | None = None) -> Any:
        """The logarithm of `derivative`; -inf where T is constant. Arguments as for a call.

        For densities: where Y has the density p, T(Y) has at T(y) the density whose logarithm is
        ``log p(y) - T.log_derivative(y)``.
        """
        backend = backend_of((y,))
        if backend is not None:
            refuse_out(out)
            return backend.compute(
                self.log_derivative,
                lambda b, a: b.namespace(a[0]).log(b.evaluate(self.curve, a[0], 1)),
                (y,),
            )
        slope = self.derivative(y, out)
        with np.errstate(divide="ignore"):
            logarithm = np.log(slope, out=out)
        return float(logarithm) if out is None and np.ndim(logarithm) == 0 else logarithm

    def strength(self, s: float) -> MonotoneMap:
        """The map of part of the way: ``(1 - s) * y + s * T(y)``, McCann's interpolation.

        Parameters
        ----------
        s : float
            From 0, the identity, to 1, this map.

        Returns
        -------
        MonotoneMap
            Its errors are those of this map, carried on: they bound the distance from
            ``(1 - s) * y + s * exact(y)``, in the unit of this map. It is the optimal map to the
            law of its values, and has an inverse and a derivative like any other.

        Notes
        -----
        R. J. McCann, A convexity principle for interacting gases, Adv. Math. 128 (1997), 153-179.
        """
        s = real_scalar(s, "s")
        if not 0.0 <= s <= 1.0:
            raise ValueError(
                f"s must be from 0 to 1, got {s}: beyond, (1 - s) * y + s * T(y) may fall."
            )
        if s == 1.0 or self.kind == "identity":
            return self
        if s == 0.0:
            straight: dict[str, Any] = {"scale": 1.0, "shift": 0.0, "limits": self.support}
            errors: dict[str, Any] = dict.fromkeys(
                ("error", "error_u", "outer_error", "derivative_error"), 0.0
            )
            fresh = dataclasses.replace(self, kind="identity", table=None, **straight, **errors)
        elif self.table is None:
            fresh = self._blended_line(s)
        else:
            fresh = self._blended_table(s, self.table)
        return dataclasses.replace(fresh, target=None)

    def _blended_line(self, s: float) -> MonotoneMap:
        line = between(1.0, self.scale, s), s * self.shift
        rounding = self.error + line_error(line, self.domain, self.centre, self.unit)
        low, high = (between(*pair, s) for pair in zip(self.support, self.limits, strict=True))
        fields: dict[str, Any] = dict.fromkeys(("error", "error_u", "outer_error"), rounding)
        scale, shift = line
        return dataclasses.replace(self, scale=scale, shift=shift, limits=(low, high), **fields)

    def _blended_table(self, s: float, table: Table) -> MonotoneMap:
        blend, moved = blended_table(table, s)
        unit = self.centre, self.unit
        sizes = unit_at(blend.records[:, k.C0], *unit)
        rounding = rounding_error(blend.records, blend.core, sizes) + float((moved / sizes).max())
        rounding += line_error((1.0 - s, 0.0), self.domain, *unit)
        rounding += blend.inner.rounding() / float(sizes.min())
        error = self.error * cell_factor(table, blend, s, self.domain, unit) + rounding
        growth, own = continuation_gap(
            table, blend, s, domain=self.domain, outer=self.outer, unit=unit
        )
        low, high = blend.ends[:, k.LIMIT].tolist()
        return dataclasses.replace(
            self,
            error=error,
            error_u=self.error_u + rounding,
            outer_error=max(error, growth * self.outer_error + own),
            limits=(low, high),
            table=blend,
        )

    def _applied(self, public: Callable[..., Any], order: int, x: Any, name: str, out: Any) -> Any:
        """What a public method computes, by the library that x is an array of."""
        backend = backend_of((x,))
        if backend is None:
            return _apply(self.curve.kernels[order], x, name, out)
        refuse_out(out)
        return backend.compute(public, lambda b, a: b.evaluate(self.curve, a[0], order), (x,))

    @functools.cached_property
    def curve(self) -> Curve:
        """The map as bare numbers, for other array libraries."""
        return Curve(
            line=(self.scale, self.shift),
            support=self.support if self.kind == "affine" else (-math.inf, math.inf),
            limits=self.limits if self.kind == "affine" else (-math.inf, math.inf),
            kernels={0: self._forward, 1: self._differentiate, INVERSE: self._backward},
            records=None if self.table is None else self.table.records,
            ends=None if self.table is None else self.table.ends,
        )

    def _repr_html_(self) -> str:
        return map_html(self)

    def __getstate__(self) -> dict[str, Any]:
        return {f.name: getattr(self, f.name) for f in dataclasses.fields(self)}

    def _forward(self, y: AnyFloatArray, out: AnyFloatArray) -> None:
        self._forward_sum(Linear((1.0,)), (y,), out)

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
        except (KeyError, TypeError, ValueError, OverflowError) as error:
            raise ValueError(f"the metadata of the map are incomplete: {error!r}.") from None
        if kind not in {"identity", "affine", "table"}:
            raise ValueError(f"the map is of the unknown kind {kind!r}.")
        sound = all(math.isfinite(numbers[name]) for name in _FINITE)
        sound = sound and all(numbers[name] >= 0.0 for name in _BOUNDS)
        if not sound or min(numbers["scale"], numbers["unit"]) <= 0.0:
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
    threads: int = 1,
) -> Any:
    """Run a kernel on what comes in; half precision by way of single precision."""
    half, array = half_dtype(x), real_array(x, name)
    if half is not None:
        return narrowed(_apply(kernel, array, name, None, threads), half, out)
    return apply_kernel(lambda zs, into: kernel(zs[0], into), [array], out, threads)
