"""The errors and warnings that otmaps raises on purpose."""


class AtomError(ValueError):
    """The source law has point masses, so no transport map moves it to the target.

    The message names the heaviest atoms and the remedy.

    Examples
    --------
    >>> import numpy, otmaps
    >>> clip = otmaps.operation(lambda a, b: numpy.clip(a + b, -1.0, 1.0))()
    >>> try:
    ...     otmaps.match(clip, "normal", store=None)
    ... except otmaps.AtomError as error:
    ...     "randomize=" in str(error)
    True
    """


class UnservedError(ValueError):
    """No estimator, or not the one that was asked for, serves this operation and these inputs.

    Examples
    --------
    >>> import otmaps
    >>> product = otmaps.operation(lambda a, b: a * b)()
    >>> try:
    ...     otmaps.pushforward(product, "normal", method=otmaps.Convolution())
    ... except otmaps.UnservedError as error:
    ...     "convolution does not serve" in str(error)
    True
    """


class AccuracyError(ArithmeticError):
    """A computation ended, and its error bound is larger than can be returned honestly.

    Examples
    --------
    >>> import otmaps
    >>> issubclass(otmaps.AccuracyError, ArithmeticError)
    True
    """


class TableError(ValueError):
    """Bytes that are no table of this version: damaged, cut short, foreign, older or newer.

    Examples
    --------
    >>> import otmaps
    >>> issubclass(otmaps.TableError, ValueError)
    True
    """


class AccuracyWarning(UserWarning):
    """The error that was reached is larger than the tolerance that was asked for.

    Examples
    --------
    >>> import warnings
    >>> import otmaps
    >>> warnings.simplefilter("ignore", otmaps.AccuracyWarning)  # where sampling is good enough
    """


class StoreWarning(UserWarning):
    """A table store could not be read or written; the result is right, the cache is not used.

    Examples
    --------
    >>> import warnings
    >>> import otmaps
    >>> warnings.simplefilter("error", otmaps.StoreWarning)  # raise where a table is lost
    """
