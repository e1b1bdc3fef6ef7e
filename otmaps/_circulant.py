"""Covariances that do not change around a torus: stationary noise, by FFT."""

from __future__ import annotations

import dataclasses
import math
from typing import Any, final

import numpy as np

from otmaps._arrays import FloatArray, frozen, real_array, real_scalar
from otmaps._covariance import Covariance, positive_values
from otmaps._positive import FourierMultiplier, PositiveOperator

_EPS = float(np.finfo(float).eps)


@final
@dataclasses.dataclass(frozen=True, eq=False, repr=False)
class Circulant(Covariance):
    """Stationary noise on a torus: a periodic signal, image or volume, by FFT.

    Parameters
    ----------
    spectrum : array_like
        The variance of each discrete frequency, in the order of `numpy.fft.fftn`; all s for white
        noise of variance s. It is the transform of what `from_kernel` takes, and has the shape of
        the noise. Positive, and equal at opposite frequencies.
    error : float
        How well the spectrum is known, relative to each of its values.

    Examples
    --------
    >>> import numpy, otmaps
    >>> kernel = numpy.zeros(8)
    >>> kernel[[0, 1, -1]] = 1.0, 0.4, 0.4
    >>> otmaps.Circulant.from_kernel(kernel).matrix()[0].round(12).tolist()
    [1.0, 0.4, 0.0, -0.0, 0.0, -0.0, 0.0, 0.4]
    """

    spectrum: FloatArray
    error: float = 0.0

    def __post_init__(self) -> None:
        spectrum = positive_values(self.spectrum, "spectrum", "the variance of a frequency")
        if not spectrum.ndim:
            raise ValueError("spectrum must be an array of the shape of the noise, got a number.")
        gap = np.abs(spectrum - _opposite(spectrum))
        if np.any(gap > 1e-9 * spectrum):
            raise ValueError(
                "spectrum must be equal at opposite frequencies (k and -k), or the noise is not "
                f"real; it differs by up to {float(gap.max()):.3g}."
            )
        mean = frozen(0.5 * (spectrum + _opposite(spectrum)))
        object.__setattr__(self, "spectrum", mean)
        object.__setattr__(self, "error", real_scalar(self.error, "error"))

    @classmethod
    def from_kernel(cls, kernel: Any) -> Circulant:
        """From the covariances of the first component with all components.

        Parameters
        ----------
        kernel : array_like
            Of the shape of the noise. Entry k is the covariance of two components that are k
            apart, around the torus: ``kernel[k] == kernel[-k]``. In one dimension the first row
            of the matrix.

        Raises
        ------
        ValueError
            For a kernel that is not even, or whose transform is not positive.
        """
        array = real_array(kernel, "kernel").astype(np.float64)
        if not array.ndim or not array.size or not np.all(np.isfinite(array)):
            raise ValueError(
                f"kernel must be a finite array of the shape of the noise, got {kernel!r}."
            )
        gap = float(np.abs(array - _opposite(array)).max())
        if gap > 1e-6 * float(np.abs(array).max()):
            raise ValueError(
                "kernel must be even around the torus, kernel[k] == kernel[-k]; it differs by up "
                f"to {gap:.3g}."
            )
        spectrum = np.fft.fftn(0.5 * (array + _opposite(array))).real
        rounding = _EPS * (5.0 * math.log2(array.size) + 5.0) * float(np.linalg.norm(array))
        rounding *= math.sqrt(array.size)
        least = float(spectrum.min())
        if least <= rounding:
            raise ValueError(
                f"the kernel is not positive definite around the torus: the least of its spectrum "
                f"is {least:.3g}, and {float(spectrum.max()):.3g} the largest. Add white noise "
                "(a little to kernel[0]), or wrap the kernel: sum it over the periods."
            )
        return cls(spectrum, rounding / least)

    @property
    def shape(self) -> tuple[int, ...]:
        return self.spectrum.shape

    @property
    def variances(self) -> FloatArray:
        return np.full(self.shape, float(self.spectrum.mean()))

    def power(self, p: float) -> PositiveOperator:
        return FourierMultiplier(self.spectrum**p)

    def scaled(self, factor: float) -> Covariance:
        return Circulant(factor * self.spectrum, self.error)

    def draws(self, count: int, rng: np.random.Generator) -> FloatArray:
        return np.asarray(self.power(0.5).apply(rng.standard_normal((count, *self.shape))))

    def dense(self) -> FloatArray:
        return self.power(1.0).matrix(self.shape)

    @property
    def parts(self) -> tuple[FloatArray, ...]:
        return (self.spectrum,)


def _opposite(array: FloatArray) -> FloatArray:
    """The array at opposite indices around the torus."""
    axes = tuple(range(array.ndim))
    return np.roll(np.flip(array, axes), 1, axes)
