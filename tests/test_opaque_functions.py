"""Functions whose steps cannot be followed: conditioning alone knows their laws.

Truths are trapezoidal sums over the other input, which converge faster than any power of the step,
and closed forms.
"""

import math

import numpy as np
import pytest
from scipy import special

import otmaps
from otmaps._estimators._axes import Axis
from otmaps._estimators._conditioned import Conditioned
from otmaps._estimators._level_sets import Level, LevelSets

NORMAL = otmaps.Normal()
STEP = 2.0**-6
SCORES = np.arange(-38.0, 38.0 + STEP, STEP)
LOG_WEIGHTS = -0.5 * SCORES**2 - 0.5 * math.log(2.0 * math.pi) + math.log(STEP)


def opaque(function):
    """The function in a form that no tracer follows: it asks for numbers."""
    return otmaps.operation(function)()


def hidden(values):
    return np.array(values, dtype=float)


def sine(a, b):
    return hidden(np.sin(a) + b)


def growth(a, b):
    return hidden(np.exp(0.3 * a) + b)


def swish(a, b):
    return hidden(a / (1.0 + np.exp(-a)) + 0.5 * b)


SUMS = {  # of a function of a, and a multiple of b
    "sine": (sine, np.sin, 1.0),
    "growth": (growth, lambda a: np.exp(0.3 * a), 1.0),
    "swish": (swish, lambda a: a / (1.0 + np.exp(-a)), 0.5),
}


def log_tails(y, part, scale):
    """Logs of P(part(a) + scale b <= y) and of P(... > y)."""
    z = (y[:, None] - part(SCORES)) / scale
    lower = special.logsumexp(special.log_ndtr(z) + LOG_WEIGHTS, axis=1)
    return lower, special.logsumexp(special.log_ndtr(-z) + LOG_WEIGHTS, axis=1)


@pytest.mark.parametrize("name", SUMS)
def test_two_inputs(name):
    function, part, scale = SUMS[name]
    law = otmaps.pushforward(opaque(function), NORMAL, method="conditioning")
    assert law.error <= 1e-12
    assert law.tail_error <= 1e-10
    y = np.array([-18.0, -9.0, -4.0, -1.3, -0.2, 0.4, 1.1, 3.0, 9.0, 18.0])
    lower, upper = log_tails(y, part, scale)
    rounding = 1e-12  # of the sums of the truth
    seen = lower > math.log(1e-290)
    assert np.all(np.abs(law.logcdf(y) - lower)[seen] <= law.tail_error + rounding)
    seen = upper > math.log(1e-290)
    assert np.all(np.abs(law.logsf(y) - upper)[seen] <= law.tail_error + rounding)


def turned(a, b):
    return hidden(a * np.tanh(a + b))


def turned_sf(y):
    """The log of P(a tanh(a + b) > y) for y > 0: abs(a) > y, and b above, or below, a bound.

    Both signs of a are as probable. In x = log(a - y) all that happens next to y is smooth.
    """
    x = np.arange(-60.0, 5.0, 2.0**-7)
    a = y + np.exp(x)
    bound = 0.5 * (np.log(a + y) - x) - a  # atanh(y / a) - a
    logs = special.log_ndtr(-bound) - 0.5 * a**2 + x
    return special.logsumexp(logs) + math.log(2.0**-6 / math.sqrt(2.0 * math.pi))


def test_two_cuts_next_to_one_another():
    law = otmaps.pushforward(opaque(turned), NORMAL, method="conditioning")
    assert law.error <= 1e-12
    y = np.array([0.02, 0.4, 2.0, 6.0, 11.27, 12.4, 20.0])
    truth = [turned_sf(x) for x in y]
    np.testing.assert_allclose(law.logsf(y), truth, rtol=0.0, atol=law.tail_error + 1e-12)


@pytest.mark.parametrize("prior", [otmaps.Exponential(), otmaps.Gumbel(), NORMAL])
def test_a_layer_that_is_narrow_in_the_outer_input(prior):
    """P(a + exp(2 b) > y) by level sets in a: over b it rises within 1 / (2 y)."""
    y, axis = 1e6, Axis.of(prior)
    ends = (np.array([end]) for end in axis.ends)
    op = opaque(lambda a, b: hidden(a + np.exp(2.0 * b)))
    view = Conditioned(LevelSets(op, 0, axis, *ends), (Axis.of(NORMAL),), 1e-13, 2**16, 2**40)
    with np.errstate(over="ignore"):
        found = view.mass(1, Level(np.array([y])), None)
    scores = SCORES[np.abs(SCORES) < 8.0]
    a = prior.ppf(special.ndtr(scores))
    weights = np.exp(LOG_WEIGHTS[np.abs(SCORES) < 8.0])
    truth = special.ndtr(-0.5 * np.log(y - a)) @ weights
    np.testing.assert_allclose(found, truth, rtol=1e-11)


def gate(a, b, c):
    return hidden(np.where(a > 0.3, b, 2.0 * c))


def gate_cdf(y):
    share = special.ndtr(-0.3)
    return share * special.ndtr(y) + (1.0 - share) * special.ndtr(0.5 * y)


def logistic(a, b, c):
    return hidden(a + b / (1.0 + np.exp(-c)))


def logistic_cdf(y):
    scale = np.sqrt(1.0 + special.expit(SCORES) ** 2)
    return special.ndtr(y[:, None] / scale) @ np.exp(LOG_WEIGHTS)


def test_three_inputs():
    method = otmaps.Conditioning(budget=2**31)
    law = otmaps.pushforward(opaque(gate), NORMAL, method=method)
    assert law.error <= 1e-10
    y = np.array([-9.0, -4.0, -1.3, -0.2, 0.0, 0.4, 1.1, 3.0])
    assert np.all(np.abs(law.cdf(y) - gate_cdf(y)) <= law.error + 4e-16)
    deep = np.array([-8.5, -7.0, -5.5])  # tails of 1e-12 and more
    assert np.all(np.abs(law.cdf(deep) / gate_cdf(deep) - 1.0) <= 1e-6)


def cdf_given_two(function, inner, y):
    """The cdf by level sets in one of three inputs, in which the function rises or falls."""
    axis, outer = Axis.of(NORMAL), (Axis.of(NORMAL, coarse=True),) * 2
    ends = (np.array([end]) for end in axis.ends)
    view = Conditioned(LevelSets(opaque(function), inner, axis, *ends), outer, 1e-10, 2**11, 2**40)
    return view.mass(y.size, None, Level(y))


@pytest.mark.parametrize("inner", [0, 1, 2])
def test_a_smooth_function_of_three_inputs(inner):
    y = np.array([-7.0, -2.0, 0.1, 1.5])
    np.testing.assert_allclose(cdf_given_two(logistic, inner, y), logistic_cdf(y), rtol=1e-9)


def test_a_direction_that_turns_where_the_other_inputs_say():
    """The cdf of ab + bc + ca: a square less an exponential, since the form has weights 1, -1/2."""
    y = np.array([-3.0, -0.7, 0.3, 2.0])
    root = np.sqrt(np.maximum(y, 0.0))
    squares = np.exp(y) / math.sqrt(3.0) * 2.0 * special.ndtr(-math.sqrt(3.0) * root)
    truth = 2.0 * special.ndtr(root) - 1.0 + squares
    found = cdf_given_two(lambda a, b, c: hidden(a * b + b * c + c * a), 2, y)
    np.testing.assert_allclose(found, truth, rtol=1e-8)
