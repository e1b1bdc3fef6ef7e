"""Dask arrays: block by block, when they are computed."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import Any, final

import numpy as np

from otmaps._backends._base import Backend, Public, Steps, refuse_dtype


@final
class Dask(Backend):
    """Lazy: the graph gets one step a block, whatever library the blocks are of."""

    @property
    def name(self) -> str:
        return "Dask"

    def owns(self, x: Any) -> bool:
        dask = sys.modules.get("dask.array")
        return dask is not None and isinstance(x, dask.Array)

    def compute(self, public: Public, steps: Steps, arrays: Sequence[Any]) -> Any:  # noqa: ARG002
        from dask.array.core import elemwise

        dtypes = [x.dtype for x in arrays if self.owns(x)]
        for dtype in dtypes:
            if dtype.kind != "f" and dtype.name != "bfloat16":
                raise refuse_dtype(self.name, dtype)
        return elemwise(public, *arrays, dtype=np.result_type(*dtypes))
