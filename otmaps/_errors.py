"""The errors and warnings that otmaps raises on purpose."""


class AtomError(ValueError):
    """The source law has point masses, so no transport map moves it to the target.

    The message names the heaviest atoms and the remedy.
    """


class UnservedError(ValueError):
    """No estimator, or not the one that was asked for, serves this operation and these inputs."""


class AccuracyError(ArithmeticError):
    """A computation ended, and its error bound is larger than can be returned honestly."""


class TableError(ValueError):
    """Bytes that are no table of this version: damaged, cut short, foreign, older or newer."""


class AccuracyWarning(UserWarning):
    """The error that was reached is larger than the tolerance that was asked for."""


class StoreWarning(UserWarning):
    """A table store could not be read or written; the result is right, the cache is not used."""
