"""Other packages' laws of weighted sums, each behind the same three functions.

Needs NumPy and the package that is asked for, and nothing of otmaps: so it also runs under the old
Python that PaCal needs. As a program it reads a request on stdin and answers on stdout, both in
JSON; see `main`. An evaluation in compiled code cannot be interrupted, but its process can.
"""

from __future__ import annotations

import contextlib
import dataclasses
import json
import math
import sys
import time
import warnings
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import TypeAlias

    Values: TypeAlias = Callable[[np.ndarray], np.ndarray]
    Term: TypeAlias = tuple[str, dict[str, Any], float]  # a law's name, its parameters, its weight

CALLS = 3
SECONDS = 1.0
"""How often something is timed, in time of the thread that works, and for how long at most."""


@dataclasses.dataclass(frozen=True)
class PeerLaw:
    """The law of a sum, by a peer.

    Attributes
    ----------
    cdf, sf, pdf, ppf : callable
        Arrays to arrays.
    """

    cdf: Values
    sf: Values
    pdf: Values
    ppf: Values


def openturns(terms: list[Term]) -> PeerLaw:
    """`LinearCombinationDistribution`, on one thread."""
    import openturns as ot

    ot.TBB.Disable()
    ot.Log.Show(ot.Log.NONE)
    laws = {
        "Arcsine": ot.Arcsine,
        "Beta": lambda a, b, loc, scale: ot.Beta(a, b, loc, loc + scale),
        "Cauchy": lambda loc, scale: ot.Student(1.0, loc, scale),
        "Discrete": lambda points, probabilities: ot.UserDefined(
            [[x] for x in points], list(probabilities)
        ),
        "Exponential": lambda loc, scale: ot.Exponential(1.0 / scale, loc),
        "Gamma": lambda shape, loc, scale: ot.Gamma(shape, 1.0 / scale, loc),
        "Gumbel": lambda loc, scale: ot.Gumbel(scale, loc),
        "Laplace": lambda loc, scale: ot.Laplace(loc, 1.0 / scale),
        "LogNormal": lambda s, loc, scale: ot.LogNormal(math.log(scale), s, loc),
        "Logistic": ot.Logistic,
        "Mixture": lambda laws, weights: ot.Mixture([_law(*law) for law in laws], list(weights)),
        "Normal": ot.Normal,
        "Pareto": lambda b, loc, scale: ot.Pareto(scale, b, loc),
        "StudentT": ot.Student,
        "Uniform": ot.Uniform,
    }

    def _law(name: str, params: dict[str, Any]) -> Any:
        return _named(laws, name)(*params.values())

    found = ot.LinearCombinationDistribution(
        [_law(name, params) for name, params, _ in terms], [w for *_, w in terms]
    )

    def values(method: Callable[[Any], Any]) -> Values:
        return lambda x: np.asarray(method(ot.Sample(np.asarray(x)[:, None])))[:, 0]

    return PeerLaw(
        cdf=values(found.computeCDF),
        sf=values(found.computeComplementaryCDF),
        pdf=values(found.computePDF),
        ppf=lambda p: np.asarray(found.computeQuantile(list(map(float, p))))[:, 0],
    )


def logistic_density(z: np.ndarray) -> np.ndarray:
    """Of the law that PaCal does not have; a function of the module, because PaCal pickles it."""
    e = np.exp(-np.abs(z))
    return e / (1.0 + e) ** 2


def pacal(terms: list[Term]) -> PeerLaw:
    """Sums of PaCal's distributions, which are convolved as they are added."""
    with contextlib.redirect_stdout(sys.stderr):  # it greets
        import pacal as pc

    laws = {
        "Arcsine": lambda low, high: low + (high - low) * pc.BetaDistr(0.5, 0.5),
        "Beta": lambda a, b, loc, scale: loc + scale * pc.BetaDistr(a, b),
        "Cauchy": lambda loc, scale: pc.CauchyDistr(scale, loc),
        "Discrete": lambda points, probabilities: pc.DiscreteDistr(
            list(points), list(probabilities)
        ),
        "Exponential": lambda loc, scale: loc + pc.ExponentialDistr(1.0 / scale),
        "Gamma": lambda shape, loc, scale: loc + pc.GammaDistr(shape, scale),
        "Gumbel": pc.GumbelDistr,
        "Laplace": lambda loc, scale: pc.LaplaceDistr(scale, loc),
        "Levy": lambda loc, scale: pc.LevyDistr(scale, loc),
        "LogNormal": lambda s, loc, scale: loc + scale * pc.exp(pc.NormalDistr(0.0, s)),
        "Logistic": lambda loc, scale: (
            loc + scale * pc.FunDistr(logistic_density, breakPoints=[-np.inf, 0.0, np.inf])
        ),
        "Mixture": lambda laws, weights: pc.MixDistr(list(weights), [_law(*law) for law in laws]),
        "Normal": pc.NormalDistr,
        "Pareto": lambda b, loc, scale: loc + pc.ParetoDistr(b, scale),
        "StudentT": lambda df, loc, scale: loc + scale * pc.StudentTDistr(df),
        "Uniform": pc.UniformDistr,
    }

    def _law(name: str, params: dict[str, Any]) -> Any:
        return _named(laws, name)(*params.values())

    # Shifts by 0 and scales by 1 would make the objects deeper, and slower, for nothing: PaCal
    # does not simplify them, but they change no value.
    total = None
    for name, params, weight in terms:
        term = _law(name, params)
        term = term if weight == 1.0 else weight * term
        total = term if total is None else total + term
    total.get_piecewise_pdf()
    return PeerLaw(total.cdf, total.ccdf, total.pdf, total.quantile)


def _named(laws: dict[str, Any], name: str) -> Any:
    if name not in laws:
        raise NotImplementedError(f"has no law {name}")
    return laws[name]


PEERS = {"OpenTURNS": openturns, "PaCal": pacal}


def version(peer: str) -> str:
    """The version of the package."""
    with contextlib.redirect_stdout(sys.stderr):
        module = __import__(peer.lower())
    if hasattr(module, "__version__"):
        return str(module.__version__)
    from importlib.metadata import version as installed

    return installed(peer)


def seconds_to_build(make: Callable[[], Any], point: np.ndarray) -> tuple[Any, float]:
    """The law, and the least time from nothing to its first cdf value: some do all work then."""
    times = []
    while len(times) < CALLS and sum(times) < SECONDS:
        start = time.thread_time()
        law = make()
        law.cdf(point)
        times.append(time.thread_time() - start)
    return law, min(times)


def seconds_a_value(function: Values, x: np.ndarray) -> float:
    """The least time of a value, on as many of the points as that time allows."""
    times = []
    for count in (1 + len(x) // 100, *[len(x)] * CALLS):
        if times and (min(times) * count > SECONDS or len(times) * min(times) * count > SECONDS):
            break
        start = time.thread_time()
        function(x[:count])
        times.append((time.thread_time() - start) / count)
    return min(times)


def answer(peer: str, terms: list[Term], x: list[float], timed: list[float]) -> dict[str, Any]:
    """What the peer says at x, and the seconds of a build and of a cdf value at ``timed``."""
    points = np.array(x)
    middle = points[len(x) // 2 : len(x) // 2 + 1]
    try:
        law, build = seconds_to_build(lambda: PEERS[peer](terms), middle)
        found = {name: np.asarray(getattr(law, name)(points)) for name in ("cdf", "sf")}
    except Exception as error:  # noqa: BLE001 - whatever a peer raises is its refusal
        return {"refused": " ".join(str(error).split()) or type(error).__name__}
    try:
        found["pdf"] = np.asarray(law.pdf(points))
    except Exception:  # noqa: BLE001 - a density that fails takes nothing from the cdf
        found["pdf"] = np.full(len(points), np.nan)
    value = seconds_a_value(law.cdf, np.array(timed))
    values = {name: [float(v) for v in array] for name, array in found.items()}
    return {**values, "build": build, "value": value}


def main() -> None:
    """Read {"peer", "terms", "x", "timed"} and write `answer`; with no terms, the version."""
    request = json.load(sys.stdin)
    warnings.simplefilter("ignore")
    with np.errstate(all="ignore"), contextlib.redirect_stdout(sys.stderr):
        if request["terms"]:
            said = answer(request["peer"], request["terms"], request["x"], request["timed"])
        else:
            said = {"version": version(request["peer"])}
    json.dump(said, sys.stdout)


if __name__ == "__main__":
    main()
