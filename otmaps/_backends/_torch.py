"""torch: autograd and forward differentiation to any order, vmap, compilation and export."""

from __future__ import annotations

import functools
import weakref
from collections.abc import Sequence
from typing import Any, TypeAlias, final

import torch

from otmaps._arrays import FloatArray
from otmaps._backends import _formulas as formulas
from otmaps._backends._base import ArrayBackend, Public, Steps, refuse_dtype
from otmaps._backends._curve import INVERSE, Curve

_FLOATS = {torch.float16, torch.bfloat16, torch.float32, torch.float64}
_Constants: TypeAlias = tuple[torch.Tensor, torch.Tensor]
_CONSTANTS: weakref.WeakKeyDictionary[Curve, dict[Any, _Constants]] = weakref.WeakKeyDictionary()


@final
class Torch(ArrayBackend):
    """On the CPU by the compiled kernels on the tensor's own memory, else by steps of torch."""

    @property
    def name(self) -> str:
        return "torch"

    def owns(self, x: Any) -> bool:
        return isinstance(x, torch.Tensor)

    def compute(self, public: Public, steps: Steps, arrays: Sequence[Any]) -> Any:  # noqa: ARG002
        tensors = [x for x in arrays if isinstance(x, torch.Tensor)]
        for x in tensors:
            if x.dtype not in _FLOATS:
                raise refuse_dtype(self.name, x.dtype)
        result = functools.reduce(torch.promote_types, (x.dtype for x in tensors))
        working = result if result in {torch.float32, torch.float64} else torch.float32
        wide = [x.to(working) if isinstance(x, torch.Tensor) else x for x in arrays]
        return steps(self, wide).to(result)

    def evaluate(self, curve: Curve, y: Any, order: int) -> Any:
        return apply(curve, y, order)

    def namespace(self, like: Any) -> Any:  # noqa: ARG002
        return torch

    def constant(self, value: float | bool, like: Any) -> Any:
        dtype = torch.bool if isinstance(value, bool) else like.dtype
        if is_exported():
            return torch.tensor(value, dtype=dtype, device=like.device)
        return torch.full((), value, dtype=dtype, device=like.device)  # no copy to the device

    def array(self, values: FloatArray, like: Any) -> Any:
        return torch.tensor(values, dtype=like.dtype, device=like.device)


def apply(curve: Curve, y: torch.Tensor, order: int, constants: Any = None) -> torch.Tensor:
    """A derivative of a map, for order 0 the map, for order -1 its inverse.

    Parameters
    ----------
    curve : Curve
    y : Tensor
        float32 or float64.
    order : int
    constants : tuple of Tensor, optional
        Those of the curve, where they are on the device already.
    """
    if torch.jit.is_tracing() or torch.compiler.is_compiling():
        # What traces a function differentiates it too, and has no use for compiled code.
        if order == INVERSE:
            return _traced_inverse(curve, y, constants)
        return by_steps(curve, y, order, constants, exported=is_exported())
    if curve.unbounded and order == 0:
        scale, shift = curve.line
        return scale * y + shift
    return _Evaluate.apply(y, curve, order, constants)


def is_exported() -> bool:
    """Whether the steps are recorded for another program.

    Such programs may know no search in a vector, and ONNX rounds Python numbers to single
    precision unless they are tensors.
    """
    exporting = getattr(torch.compiler, "is_exporting", None)  # since torch 2.7
    return bool(torch.jit.is_tracing() or (exporting is not None and exporting()))


def by_steps(
    curve: Curve, y: torch.Tensor, order: int, constants: Any, *, exported: bool
) -> torch.Tensor:
    """As `apply`, by steps of torch."""
    f = _functions(exported)
    if curve.records is None:
        numbers = curve.line, curve.support, curve.limits
        return formulas.line(f, y, numbers, order)
    if constants is None:
        constants = _constants(curve, y)
    return formulas.table(f, y, constants, order)


def _traced_inverse(curve: Curve, z: torch.Tensor, constants: Any) -> torch.Tensor:
    """The inverse, with the derivative of the inverse: that of its iteration would be another."""
    exported, fixed = is_exported(), z.detach()
    y = by_steps(curve, fixed, INVERSE, constants, exported=exported)
    slope = by_steps(curve, y, 1, constants, exported=exported)
    usable = torch.isfinite(fixed) & (slope > 0.0)
    return y + torch.where(usable, z - fixed, 0.0) / torch.where(usable, slope, 1.0)


def _constants(curve: Curve, like: torch.Tensor) -> _Constants:
    known = _CONSTANTS.setdefault(curve, {})
    key = like.device, like.dtype
    if key not in known:
        rows, tails = (
            torch.from_numpy(array.copy()).to(dtype=like.dtype).to(like.device)
            for array in curve.constants(like.dtype == torch.float32)
        )
        if type(rows) is not torch.Tensor:  # without numbers, made where torch only looks at shapes
            return rows, tails
        known[key] = rows, tails
    return known[key]


def _take(vector: torch.Tensor, index: torch.Tensor) -> torch.Tensor:
    return torch.index_select(vector, 0, index)


@functools.cache
def _functions(exported: bool) -> formulas.Functions:
    if exported:
        count = formulas.bisection(torch, _take)
        count_below = formulas.bisection(torch, _take, strict=True)
    else:
        count = functools.partial(torch.searchsorted, right=True)
        count_below = torch.searchsorted
    return formulas.Functions(
        where=torch.where,
        isnan=torch.isnan,
        pow=torch.pow,
        reshape=torch.reshape,
        take=_take,
        count=count,
        count_below=count_below,
        repeat=formulas.repeat,
        number=Torch().constant if exported else lambda value, _: value,
    )


def _values(y: torch.Tensor, curve: Curve, order: int, constants: Any) -> torch.Tensor:
    """Without a gradient, in the order of memory that y has."""
    if not y.is_contiguous():
        axes = sorted(range(y.ndim), key=y.stride, reverse=True)
        result = _values(y.permute(axes).contiguous(), curve, order, constants)
        return result.permute([axes.index(i) for i in range(y.ndim)])
    kernel = curve.kernels.get(order) if y.device.type == "cpu" else None
    if kernel is None:
        return by_steps(curve, y, order, constants, exported=False)
    result = torch.empty_like(y)
    kernel(y.view(-1).numpy(), result.view(-1).numpy())
    return result


class _Evaluate(torch.autograd.Function):
    """`apply`, with the rules by which torch differentiates and batches it."""

    @staticmethod
    def forward(y: torch.Tensor, curve: Curve, order: int, constants: Any) -> torch.Tensor:
        return _values(y.detach(), curve, order, constants)

    @staticmethod
    def setup_context(ctx: Any, inputs: Any, output: torch.Tensor) -> None:
        y, *ctx.fixed = inputs
        point = output if ctx.fixed[1] == INVERSE else y
        ctx.save_for_backward(point)
        ctx.save_for_forward(point)

    @staticmethod
    def _slope(ctx: Any) -> torch.Tensor:
        (point,) = ctx.saved_tensors
        curve, order, constants = ctx.fixed
        if order == INVERSE:
            return torch.reciprocal(_Evaluate.apply(point, curve, 1, constants))
        return _Evaluate.apply(point, curve, order + 1, constants)

    @staticmethod
    def backward(ctx: Any, gradient: torch.Tensor) -> Any:
        return gradient * _Evaluate._slope(ctx), None, None, None

    @staticmethod
    def jvp(ctx: Any, tangent: torch.Tensor, *_: Any) -> torch.Tensor:
        return tangent * _Evaluate._slope(ctx)

    @staticmethod
    def vmap(_: Any, in_dims: Any, *arguments: Any) -> Any:
        return _Evaluate.apply(*arguments), in_dims[0]
