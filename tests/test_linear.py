"""Laws of linear combinations against high-precision references, from 1e-300 to 1 - 1e-300.

The references (data/linear.json) come from tools/make_linear_truths.py: closed forms and integrals
in ball arithmetic, with nothing of this library in them.
"""

from __future__ import annotations

import dataclasses
import math
import warnings

import mpmath as mp
import numpy as np
import pytest
from linear_cases import LinearCase, linear_cases

import otmaps

CASES = linear_cases()
ASKED_TAIL = 1e-12  # relative error of the nearer tail, down to 1e-300
ASKED_DENSITY = 1e-10
ASKED_MAP = 1e-10
LOWEST = math.log(1e-300)
EPS = np.finfo(float).eps
# Beyond, a tail goes on as its table ends, which is a model.
DEEPEST_LOG = -1e5
# A single law is the input's own, whose formulas take x / scale: next to the upper end of the
# support that is known to an ulp of the end, and no better.
ON_THE_GRID = {"uniform n=1": 1e-15, "beta(.3, 2) n=1": 1e-15}

NAMED = {  # what the laws of sums are asked to be right for, by name
    "uniform n=10 equal",
    "uniform (1, 1e-9)",
    "exponential (1, 1e-9)",
    "student3 (1, 1e-9)",
    "logistic (1, 1e-9)",
    "student5 mean of three",
    "arcsine equal",
    "arcsine (.6, .4)",
    "cauchy weights sum to 3",
    "normal (.6, .8)",
    "normal n=1000 distinct",
    "exponential (.3, .7)",
    "laplace equal",
    "laplace nearly equal",
}


@dataclasses.dataclass
class Errors:
    """Of a law at the points of a case."""

    tail: np.ndarray
    absolute: np.ndarray
    density: np.ndarray


def pushed(case: LinearCase, method="auto"):
    laws = [law for law, _ in case.terms]
    op = otmaps.linear([w for _, w in case.terms])
    with warnings.catch_warnings():  # a thousand inputs add up to more than tol
        warnings.simplefilter("ignore", otmaps.AccuracyWarning)
        return otmaps.pushforward(op, laws[0], inputs=laws, method=method)


def nearer(points):
    """Whether the lower tail is the nearer one, and its logarithm."""
    lower = points.logcdf <= points.logsf
    return lower, np.where(lower, points.logcdf, points.logsf)


def relative(found, digits):
    """|found / exp(digits) - 1|, in 40 digits: the rounding of a logarithm would show."""
    with mp.workdps(40):
        return np.array(
            [
                abs(float(mp.mpf(float(f)) / mp.exp(mp.mpf(d)) - 1))
                for f, d in zip(found, digits, strict=True)
            ]
        )


def errors_of(law, case: LinearCase) -> Errors:
    points = case.points
    lower, log_tail = nearer(points)
    digits = np.where(lower, points.digits["logcdf"], points.digits["logsf"])
    found = np.where(lower, law.cdf(points.x), law.sf(points.x))
    tail = relative(found, digits)
    held = log_tail >= LOWEST
    density = np.abs(law.logpdf(points.x) - points.logpdf)
    representable = points.logpdf > -700.0
    return Errors(
        np.where(held, tail, 0.0),
        np.where(held, tail * np.exp(log_tail), 0.0),
        np.where(representable, density, 0.0),
    )


def slack(case: LinearCase):
    """The float grid of x at the end of the support, in the logarithm, where a case feels it."""
    if case.name not in ON_THE_GRID:
        return 0.0
    _, log_tail = nearer(case.points)
    steps = ON_THE_GRID[case.name] * np.abs(case.points.x)
    return np.expm1(np.minimum(steps * np.exp(case.points.logpdf - log_tail), 5.0))


@pytest.mark.parametrize("name", CASES)
def test_the_nearer_tail_to_1e_12_down_to_1e_300(name):
    case = CASES[name]
    law = pushed(case)
    errors = errors_of(law, case)
    assert np.all(np.isfinite(law.logcdf(case.points.x)))
    assert np.all(np.isfinite(law.logsf(case.points.x)))
    assert np.all(errors.tail <= ASKED_TAIL + slack(case))
    # What the law states covers the truth: the points feel two ulp of x and of the logarithm.
    _, log_tail = nearer(case.points)
    grid = EPS * (np.abs(log_tail) + 2.0)
    assert np.all(errors.tail <= law.tail_error + grid + slack(case))
    assert np.all(errors.absolute <= law.error + EPS)


@pytest.mark.parametrize("name", CASES)
def test_the_density_to_1e_10_between_breakpoints(name):
    case = CASES[name]
    law = pushed(case)
    errors = errors_of(law, case)
    assert np.all(np.isfinite(law.pdf(case.points.x)))
    grid = 4.0 * EPS * np.abs(case.points.logpdf)
    assert np.all(errors.density <= ASKED_DENSITY + slack(case))
    if isinstance(law, otmaps.Distribution) and hasattr(law, "density_error"):
        assert np.all(errors.density <= law.density_error + grid)


@pytest.mark.parametrize("name", [n for n, c in CASES.items() if c.deep.x.size])
def test_logarithms_of_tails_below_1e_300(name):
    case = CASES[name]
    law = pushed(case)
    lower, truth = nearer(case.deep)
    found = np.where(lower, law.logcdf(case.deep.x), law.logsf(case.deep.x))
    held = truth >= DEEPEST_LOG
    assert np.all(np.abs(found - truth)[held] <= ASKED_TAIL * np.abs(truth[held]))
    assert np.all(np.isfinite(found))


@pytest.mark.parametrize("name", CASES)
def test_quantiles_are_consistent_to_the_float_grid(name):
    """The tail before the quantile is below the level, the tail after it above."""
    case = CASES[name]
    law = pushed(case)
    if law.atoms:
        pytest.skip("atoms jump over levels")
    levels = np.concatenate([np.geomspace(1e-300, 1e-3, 60), np.linspace(0.01, 0.99, 50)])
    low, high = law.support()
    for inverse, value, sign in ((law.ppf, law.cdf, 1.0), (law.isf, law.sf, -1.0)):
        x = np.asarray(inverse(levels))
        assert np.all((x >= low) & (x <= high))
        held = np.isfinite(x)  # beyond the largest double lies infinity
        assert np.all(held | (np.abs(x) == math.inf))
        x, levels_here = x[held], levels[held]
        step = sign * 2.0 * np.spacing(np.abs(x))
        noise = 2e-14 + 4.0 * EPS * np.abs(np.log(levels_here))  # of the value itself
        assert np.all(np.asarray(value(x - step)) <= levels_here * (1.0 + noise))
        assert np.all(np.asarray(value(x + step)) >= levels_here * (1.0 - noise))


def test_the_named_cases_are_there():
    assert CASES.keys() >= NAMED
    assert len(CASES) >= 40
    assert sum(case.points.x.size for case in CASES.values()) >= 2000
    lowest = min(float(np.minimum(c.points.logcdf, c.points.logsf).min()) for c in CASES.values())
    assert lowest <= LOWEST
    sizes = {sum(1 for _ in case.terms) for case in CASES.values()}
    assert {1, 2, 4, 100, 1000} <= sizes
    normals = CASES["normal (.6, .8)"].points.x
    assert np.abs(normals).max() >= 37.0  # sd 1: as far as doubles hold a tail, 1e-300
    assert np.abs(CASES["normal (.6, .8)"].deep.x).max() >= 38.0


SECOND_OPINIONS = [
    "uniform n=4 mean",
    "uniform n=4 distinct",
    "uniform (1, 1e-9)",
    "uniform n=10 equal",
    "cauchy weights sum to 3",
    "normal (.6, .8)",
    "normal (1e150, 1e-150)",
    "levy pair",
    "stable 1.5 skew pair",
]


@pytest.mark.parametrize("name", SECOND_OPINIONS)
def test_the_convolution_is_as_exact_where_a_closed_form_is_known(name):
    case = CASES[name]
    law = pushed(case, otmaps.Convolution())
    assert law.method == "convolution"
    errors = errors_of(law, case)
    assert np.all(errors.tail <= ASKED_TAIL)
    assert np.all(errors.tail <= law.tail_error + 1e-15)


@pytest.mark.parametrize("name", SECOND_OPINIONS)
def test_two_methods_agree_or_the_call_fails(name):
    agreement = otmaps.Agreement(otmaps.ClosedForm(), otmaps.Convolution())
    law = pushed(CASES[name], agreement)
    assert law.method in {"closed form", "convolution"}


def test_a_law_beside_the_truth_is_caught():
    case = CASES["logistic equal"]
    moved = pushed(case).affine(1.0, 1e-11)
    assert errors_of(moved, case).tail.max() > ASKED_TAIL


MAPS = [
    name
    for name, case in CASES.items()
    if len({repr(law) for law, _ in case.terms}) == 1
    and len(case.terms) <= 4
    and not any(
        word in name for word in ("n=1", "levy", "stable", "difference", "1e150", "mixtures")
    )
]


@pytest.mark.parametrize("name", MAPS)
def test_the_map_to_the_prior_to_1e_10(name):
    case = CASES[name]
    prior = case.terms[0][0]
    law = pushed(case)
    T = otmaps.monotone_map(law, prior, tol=1e-11)
    lower, log_tail = nearer(case.points)
    exact = np.where(lower, prior.ilogcdf(log_tail), prior.ilogsf(log_tail))
    low, high = prior.support()
    inside = (log_tail >= LOWEST) & (exact > low) & (exact < high)
    found = T(case.points.x)
    assert np.all(np.isfinite(found))
    gap = np.abs(found - exact) / np.maximum(1.0, np.abs(exact))
    assert np.max(gap[inside]) <= ASKED_MAP


def test_the_map_of_a_law_whose_quantiles_leave_the_doubles_states_its_error():
    law = pushed(CASES["levy pair"])
    T = otmaps.monotone_map(law, otmaps.Levy())
    assert 0.0 <= T.error <= 1e-14
    assert np.isfinite(T(CASES["levy pair"].points.x)).all()
