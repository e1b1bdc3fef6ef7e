"""What laws of whole latents have in common."""

from __future__ import annotations

import abc

from otmaps._arrays import FloatArray
from otmaps._distribution import RandomState, Size


class VectorLaw(abc.ABC):
    """The law of a vector; `otmaps.match` takes it as a prior."""

    @property
    @abc.abstractmethod
    def dim(self) -> int:
        """The number of components."""

    @abc.abstractmethod
    def std(self) -> FloatArray:
        """The standard deviation of each component."""

    @abc.abstractmethod
    def rvs(self, size: Size = None, random_state: RandomState = None) -> FloatArray:
        """Independent draws.

        Parameters
        ----------
        size : int or tuple of int, optional
            How many, as a shape; None gives one.
        random_state : numpy.random.Generator or int, optional
            The source of randomness, or a seed for a fresh one.

        Returns
        -------
        ndarray
            The vectors along the last axes.
        """
