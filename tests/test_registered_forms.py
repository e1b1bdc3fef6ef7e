"""Closed forms that users register, the ones that the package registers, and their suite."""

from __future__ import annotations

import math
import warnings

import mpmath as mp
import numpy as np
import pytest

import otmaps
from otmaps.testing import ClosedFormTests

NORMAL, EXPONENTIAL = otmaps.Normal(), otmaps.Exponential()


@otmaps.operation
def share(a, b, *, power=1.0):
    return (a / (a + b)) ** power


def law_of_share(parameters, laws):
    """a / (a + b) of two exponential variables of one scale is uniform on (0, 1)."""
    if laws[0] != laws[1] or laws[0].loc != 0.0:
        return "both latents must have one scale and begin at 0"
    return otmaps.Beta(1.0 / parameters["power"], 1.0)


@pytest.fixture
def registered():
    with otmaps.closed_form(share, otmaps.Exponential, otmaps.Exponential)(law_of_share) as form:
        yield form


def test_a_registered_form_is_the_law(registered):
    law = otmaps.pushforward(share(power=0.5), EXPONENTIAL)
    assert law == otmaps.Beta(2.0, 1.0)
    assert law.method == "closed form"
    assert otmaps.pushforward(share(), EXPONENTIAL, method="closed form") == otmaps.Beta(1.0, 1.0)
    assert otmaps.choose_estimator(share(), (EXPONENTIAL,) * 2)[0] == otmaps.ClosedForm()
    m = otmaps.match(share(), EXPONENTIAL)
    assert m.map.error <= 1e-9
    assert m.map(0.5) == pytest.approx(math.log(2.0), rel=1e-9)
    assert otmaps.check(m, n=300)


def test_it_serves_its_operation_and_families_alone(registered):
    form = otmaps.ClosedForm()
    assert form.refuses(share(), (EXPONENTIAL, EXPONENTIAL)) is None
    assert "registered" in form.refuses(share(), (NORMAL, EXPONENTIAL))
    assert "one scale" in form.refuses(share(), (EXPONENTIAL, otmaps.Exponential(scale=2.0)))
    same_formula = otmaps.operation(lambda a, b, *, power=1.0: (a / (a + b)) ** power)
    assert "registered" in form.refuses(same_formula(), (EXPONENTIAL, EXPONENTIAL))
    with pytest.raises(otmaps.UnservedError, match="one scale"):
        form.law(share(), (EXPONENTIAL, otmaps.Exponential(scale=2.0)), 1e-12)


def test_it_can_be_taken_back():
    form = otmaps.closed_form(share, otmaps.Exponential, otmaps.Exponential)(law_of_share)
    assert form({"power": 1.0}, (EXPONENTIAL,) * 2) == otmaps.Beta(1.0, 1.0)
    assert otmaps.ClosedForm().refuses(share(), (EXPONENTIAL,) * 2) is None
    form.unregister()
    form.unregister()
    assert otmaps.ClosedForm().refuses(share(), (EXPONENTIAL,) * 2) is not None


def test_the_later_of_two_forms_goes_first(registered):
    with otmaps.closed_form(share, otmaps.Exponential, otmaps.Exponential)(
        lambda parameters, laws: "not yet" if parameters["power"] == 1.0 else otmaps.Uniform(0, 1)
    ):
        assert otmaps.pushforward(share(), EXPONENTIAL) == otmaps.Beta(1.0, 1.0)
        assert otmaps.pushforward(share(power=2.0), EXPONENTIAL) == otmaps.Uniform(0.0, 1.0)
    assert otmaps.pushforward(share(power=2.0), EXPONENTIAL) == otmaps.Beta(0.5, 1.0)


def test_the_key_is_the_function_not_the_name(registered):
    """Another function under the same name does not inherit the form."""
    other = otmaps.operation(lambda a, b: a * b, name="share")
    assert otmaps.ClosedForm().refuses(other(), (EXPONENTIAL,) * 2) is not None
    otmaps.operation(share.function, name="share")
    bare = otmaps.closed_form(np.fmod, otmaps.Uniform, otmaps.Uniform)(lambda p, laws: laws[0])
    with bare:
        op = otmaps.operation(np.fmod)()
        assert otmaps.ClosedForm().law(op, (otmaps.Uniform(),) * 2, 1e-12) == otmaps.Uniform()


class Own(otmaps.Distribution):
    """A normal law that the package does not know to be one."""

    def __init__(self, scale):
        self.scale = scale
        self.normal = otmaps.Normal(scale=scale)

    def _cdf(self, x):
        return self.normal.cdf(x)

    def _sf(self, x):
        return self.normal.sf(x)

    def _pdf(self, x):
        return self.normal.pdf(x)


def test_a_family_of_ones_own_that_is_closed_under_a_linear_operation():
    mean = otmaps.operation(lambda a, b: 0.5 * a + 0.5 * b, name="mean of two")
    with otmaps.closed_form(mean, Own, Own)(
        lambda _, laws: Own(0.5 * math.hypot(laws[0].scale, laws[1].scale))
    ):
        law = otmaps.pushforward(mean(), Own(1.0))
        assert isinstance(law, Own)
        assert law.scale == pytest.approx(math.sqrt(0.5))
        assert otmaps.pushforward(mean(), NORMAL) == otmaps.Normal(scale=math.sqrt(0.5))


def test_maps_of_registered_forms_are_not_stored(store_dir):
    versioned = otmaps.operation(lambda a, b: a / (a + b), version="1", name="stored share")
    with otmaps.closed_form(versioned, otmaps.Exponential, otmaps.Exponential)(
        lambda parameters, laws: otmaps.Uniform(0.0, 1.0)
    ):
        otmaps.match(versioned(), EXPONENTIAL)
    assert not list(store_dir.rglob("*.safetensors"))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", otmaps.AccuracyWarning)
        otmaps.match(versioned(), EXPONENTIAL)
    assert list(store_dir.rglob("*.safetensors"))


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((share(), otmaps.Exponential, otmaps.Exponential), "without its parameters bound"),
        (("share", otmaps.Exponential, otmaps.Exponential), "without its parameters bound"),
        ((share, otmaps.Exponential), "1 families for 2 latents"),
        ((np.exp,), "0 families"),
        ((share, EXPONENTIAL, EXPONENTIAL), "classes of laws"),
        ((share, float, float), "classes of laws"),
    ],
)
def test_what_cannot_be_registered_is_refused(arguments, message):
    with pytest.raises(TypeError, match=message):
        otmaps.closed_form(*arguments)


def test_a_form_that_returns_no_law_is_refused():
    with (
        otmaps.closed_form(share, otmaps.Exponential, otmaps.Exponential)(lambda p, laws: None),
        pytest.raises(TypeError, match="returned NoneType; return a law"),
    ):
        otmaps.pushforward(share(), EXPONENTIAL)


# --------------------------------------------------------------------------- those of the package
LOG_NORMALS = otmaps.LogNormal(0.6, scale=2.0), otmaps.LogNormal(0.8, scale=0.5)


class TestShippedForms(ClosedFormTests):
    def cases(self):
        return [
            (otmaps.operation(np.exp)(), (otmaps.Normal(0.5, 0.7),)),
            (otmaps.operation(np.log)(), (LOG_NORMALS[0],)),
            (otmaps.operation(np.log)(), (otmaps.Uniform(0.0, 3.0),)),
            (otmaps.operation(np.square)(), (otmaps.Normal(scale=1.7),)),
            (otmaps.operation(np.multiply)(), LOG_NORMALS),
            (otmaps.operation(np.divide)(), LOG_NORMALS),
            (otmaps.operation(np.divide)(), (otmaps.Normal(scale=2.0), otmaps.Normal(scale=3.0))),
        ]


def test_shipped_forms_against_mpmath():
    """To the last digits and in the tails, where draws see nothing."""
    square = otmaps.pushforward(otmaps.operation(np.square)(), otmaps.Normal(scale=1.7))
    product = otmaps.ClosedForm().law(otmaps.operation(np.multiply)(), LOG_NORMALS, 1e-12)
    ratio = otmaps.pushforward(otmaps.operation(np.divide)(), NORMAL)
    with mp.workdps(60):
        for y in map(mp.mpf, (1e-3, 1.0, 50.0, 900.0)):
            exact = mp.erfc(mp.sqrt(y / 2) / mp.mpf(1.7))
            assert square.sf(float(y)) == pytest.approx(float(exact), rel=1e-12)
            exact = mp.erfc(mp.log(y) / mp.sqrt(2)) / 2
            assert product.sf(float(y)) == pytest.approx(float(exact), rel=1e-12)
            exact = mp.mpf(1) / 2 - mp.atan(y) / mp.pi
            assert ratio.sf(float(y)) == pytest.approx(float(exact), rel=1e-12)


@pytest.mark.parametrize(
    ("function", "laws"),
    [
        (np.exp, (otmaps.Normal(1e4),)),
        (np.log, (otmaps.LogNormal(1.0, 2.0),)),
        (np.log, (otmaps.Uniform(1.0, 2.0),)),
        (np.square, (otmaps.Normal(1.0),)),
        (np.square, (otmaps.Normal(scale=1e200),)),
        (np.multiply, (otmaps.LogNormal(1.0, 2.0), otmaps.LogNormal())),
        (np.divide, (otmaps.LogNormal(), otmaps.LogNormal(1.0, 2.0))),
        (np.divide, (otmaps.Normal(1.0), NORMAL)),
    ],
    ids=str,
)
def test_shipped_forms_refuse_what_they_do_not_know(function, laws):
    assert otmaps.ClosedForm().refuses(otmaps.operation(function)(), laws)


def failures(suite):
    found = set()
    for name in dir(suite):
        if name.startswith("test_"):
            try:
                getattr(suite, name)()
            except AssertionError:
                found.add(name)
    return found


@pytest.mark.parametrize(
    ("law", "caught"),
    [
        (otmaps.Beta(2.0, 1.0), set()),
        (otmaps.Beta(2.0, 1.1), {"test_draws_agree_with_the_law"}),
        (
            otmaps.Uniform(0.0, 0.9),
            {"test_draws_agree_with_the_law", "test_results_stay_in_the_support"},
        ),
    ],
    ids=["right", "wrong shape", "wrong support"],
)
def test_a_wrong_form_is_caught(law, caught):
    class Suite(ClosedFormTests):
        def cases(self):
            return [(share(power=0.5), (EXPONENTIAL, EXPONENTIAL))]

    with otmaps.closed_form(share, otmaps.Exponential, otmaps.Exponential)(lambda p, laws: law):
        assert failures(Suite()) == caught
    assert failures(Suite()) == {
        "test_draws_agree_with_the_law",
        "test_results_stay_in_the_support",
    }
