"""Families of laws that are closed under x -> a x + b, written by their standard law."""

from __future__ import annotations

import abc
import dataclasses
import math
from typing import Any

import numpy as np

from otmaps._arrays import FloatArray, real_scalar
from otmaps._distribution import Distribution

_ROUNDING = 2.5e-16  # of z = (x - loc) / scale: two roundings of half a unit in the last place


class LocationScale(Distribution):
    """A family closed under x -> a x + b with a > 0; the hooks of the standard law end in 0."""

    loc: float
    scale: float

    def _checked(self, **positive: bool) -> None:
        """Replace each field by a checked float (frozen dataclasses allow it here alone)."""
        for field in dataclasses.fields(self):  # type: ignore[arg-type]
            value = real_scalar(
                getattr(self, field.name), field.name, positive=positive.get(field.name, False)
            )
            object.__setattr__(self, field.name, value)

    def __post_init__(self) -> None:
        self._checked(scale=True)

    @abc.abstractmethod
    def _cdf0(self, z: FloatArray) -> FloatArray: ...

    @abc.abstractmethod
    def _sf0(self, z: FloatArray) -> FloatArray: ...

    @abc.abstractmethod
    def _logpdf0(self, z: FloatArray) -> FloatArray: ...

    @abc.abstractmethod
    def _logcdf0(self, z: FloatArray) -> FloatArray: ...

    @abc.abstractmethod
    def _logsf0(self, z: FloatArray) -> FloatArray: ...

    @abc.abstractmethod
    def _ppf0(self, p: FloatArray) -> FloatArray: ...

    @abc.abstractmethod
    def _isf0(self, q: FloatArray) -> FloatArray: ...

    @abc.abstractmethod
    def _ilogcdf0(self, logp: FloatArray) -> FloatArray: ...

    @abc.abstractmethod
    def _ilogsf0(self, logq: FloatArray) -> FloatArray: ...

    @abc.abstractmethod
    def _mean_std0(self) -> tuple[float, float]: ...

    def _support0(self) -> tuple[float, float]:
        return -math.inf, math.inf

    def _kinks0(self) -> tuple[float, ...]:
        """Kinks inside the support of the standard law."""
        return ()

    def _centre0(self) -> float | None:
        return None

    def _error(self) -> float:
        return 1e-15  # two roundings and those of x; largest found: 3.3e-16

    def _tail_error0(self) -> float:
        """The tail error of the standard law, measured and with a factor of 2 to 4 to spare."""
        return 1e-12

    def _steepness0(self) -> float:
        """A bound on |z d/dz log p| for p, the smaller of cdf and sf, down to 1e-300."""
        return 1400.0  # of the normal law; twice log 1e300 or less serves most

    def _tail_error(self) -> float:
        # Where z is x exactly, up to a power of two, only the formulas of the standard law err.
        exact = self.loc == 0.0 and math.frexp(self.scale)[0] == 0.5
        return self._tail_error0() + (0.0 if exact else _ROUNDING * self._steepness0())

    def _z(self, x: FloatArray) -> FloatArray:
        return (x - self.loc) / self.scale

    def _x(self, z: Any) -> Any:
        return self.loc + self.scale * z

    def _support(self) -> tuple[float, float]:
        low, high = self._support0()
        return self._x(low), self._x(high)

    def _breakpoints(self) -> tuple[float, ...]:
        points = {e for e in self._support0() if math.isfinite(e)} | set(self._kinks0())
        return tuple(sorted(self._x(p) for p in points))

    def _symmetry(self) -> float | None:
        centre = self._centre0()
        return None if centre is None else float(self._x(centre))

    def _recipe(self) -> dict[str, Any] | None:
        fields = dataclasses.fields(self)  # type: ignore[arg-type]
        return {"law": type(self).__name__} | {f.name: getattr(self, f.name).hex() for f in fields}

    def _cdf(self, x: FloatArray) -> FloatArray:
        return self._cdf0(self._z(x))

    def _sf(self, x: FloatArray) -> FloatArray:
        return self._sf0(self._z(x))

    def _logcdf(self, x: FloatArray) -> FloatArray:
        return self._logcdf0(self._z(x))

    def _logsf(self, x: FloatArray) -> FloatArray:
        return self._logsf0(self._z(x))

    def _pdf(self, x: FloatArray) -> FloatArray:
        return np.exp(self._logpdf0(self._z(x))) / self.scale

    def _logpdf(self, x: FloatArray) -> FloatArray:
        return self._logpdf0(self._z(x)) - math.log(self.scale)

    def _ppf(self, p: FloatArray) -> FloatArray:
        return np.asarray(self._x(self._ppf0(p)))

    def _isf(self, q: FloatArray) -> FloatArray:
        return np.asarray(self._x(self._isf0(q)))

    def _ilogcdf(self, logp: FloatArray) -> FloatArray:
        return np.asarray(self._x(self._ilogcdf0(logp)))

    def _ilogsf(self, logq: FloatArray) -> FloatArray:
        return np.asarray(self._x(self._ilogsf0(logq)))

    def _mean(self) -> float:
        return float(self._x(self._mean_std0()[0]))

    def _std(self) -> float:
        return self.scale * self._mean_std0()[1]

    def _affine(self, scale: float, shift: float) -> Distribution:
        if scale < 0 and self._centre0() != 0.0:
            return super()._affine(scale, shift)
        return dataclasses.replace(  # type: ignore[type-var]
            self, loc=scale * self.loc + shift, scale=abs(scale) * self.scale
        )


class Symmetric(LocationScale):
    """A standard law symmetric about 0: its upper tail is its lower tail mirrored."""

    def _centre0(self) -> float | None:
        return 0.0

    def _sf0(self, z: FloatArray) -> FloatArray:
        return self._cdf0(-z)

    def _logsf0(self, z: FloatArray) -> FloatArray:
        return self._logcdf0(-z)

    def _isf0(self, q: FloatArray) -> FloatArray:
        return -self._ppf0(q)

    def _ilogsf0(self, logq: FloatArray) -> FloatArray:
        return -self._ilogcdf0(logq)
