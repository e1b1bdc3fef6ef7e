"""Whatever a user calls a law, made a law."""

from __future__ import annotations

import difflib
from typing import Any

from otmaps._arrays import real_array
from otmaps._distribution import Distribution
from otmaps._empirical import Empirical
from otmaps._heavy_tails import Levy
from otmaps._one_sided_priors import Exponential, Gumbel, LogNormal
from otmaps._priors import Arcsine, Cauchy, Laplace, Logistic, Normal, Uniform
from otmaps._scipy_laws import from_scipy
from otmaps._vector_law import VectorLaw

_NAMED: dict[str, type[Distribution]] = {
    "arcsine": Arcsine,
    "cauchy": Cauchy,
    "expon": Exponential,
    "exponential": Exponential,
    "gaussian": Normal,
    "gumbel": Gumbel,
    "laplace": Laplace,
    "levy": Levy,
    "logistic": Logistic,
    "lognormal": LogNormal,
    "norm": Normal,
    "normal": Normal,
    "uniform": Uniform,
}


def as_distribution(x: Any) -> Distribution:
    """A law, from whatever names one.

    Parameters
    ----------
    x : Distribution, str, frozen scipy.stats law or array_like
        A law is returned as it is. A name, in any case, gives the standard law of the family:
        "normal" (or "gaussian"), "uniform" (on [-1, 1]), "cauchy", "laplace", "logistic",
        "exponential", "arcsine", "gumbel", "levy", "lognormal". A frozen scipy.stats law, of the
        old or the new infrastructure, becomes the closed form of this library where there is one
        (a discrete law of finite support: `Discrete`) and is wrapped otherwise. A
        one-dimensional sample of draws becomes an `Empirical` law.

    Returns
    -------
    Distribution

    Raises
    ------
    TypeError
        For anything else, and for scipy laws that are unfrozen or have infinitely many atoms; the
        message gives the remedy.
    ValueError
        For an unknown name and for a sample that no law can be made of.

    Examples
    --------
    >>> import otmaps
    >>> otmaps.as_distribution("uniform")
    Uniform(low=-1.0, high=1.0)
    """
    if isinstance(x, Distribution):
        return x
    if isinstance(x, str):
        return _by_name(x)
    if isinstance(x, type):
        raise TypeError(
            f"{x.__name__} is a class: make a law of it, {x.__name__}(...)."
            if issubclass(x, Distribution)
            else f"a law is needed, got the class {x.__name__}; make an object of it."
        )
    if isinstance(x, VectorLaw):
        raise TypeError(
            f"a law of numbers is needed, got the law of whole latents {x!r}, which otmaps.match "
            "takes as a prior."
        )
    law = from_scipy(x)
    if law is not None:
        return law
    if isinstance(x, list | tuple) and any(_is_law(item) for item in x):
        raise TypeError(
            f"a law is needed, got a {type(x).__name__} of {len(x)} laws. The prior is one law, "
            "that of each latent; laws of single latents go into inputs=[...], one for each latent."
        )
    if x is None or isinstance(x, bool | int | float | complex | dict | set | bytes):
        raise TypeError(f"a law is needed, got {x!r}. {_remedy()}")
    try:
        sample = real_array(x, "sample")
    except TypeError as error:
        raise TypeError(f"a law is needed, got {type(x).__name__}: {error} {_remedy()}") from None
    if sample.ndim == 0:
        raise TypeError(f"a law is needed, got {x!r}. {_remedy()}")
    return Empirical(sample)


def _by_name(name: str) -> Distribution:
    key = name.strip().lower()
    if key in _NAMED:
        return _NAMED[key]()
    close = difflib.get_close_matches(key, _NAMED, n=1)
    hint = f"did you mean {close[0]!r}? " if close else ""
    raise ValueError(
        f"no law is named {name!r}; {hint}Names are {', '.join(sorted(_NAMED))}. A law with "
        "parameters is an object, such as otmaps.StudentT(df=5)."
    )


def _is_law(item: Any) -> bool:
    return isinstance(item, Distribution | str) or from_scipy(item) is not None


def _remedy() -> str:
    return (
        'Pass a name such as "normal", a law such as otmaps.Normal(), a frozen scipy.stats law '
        "or a one-dimensional sample."
    )
