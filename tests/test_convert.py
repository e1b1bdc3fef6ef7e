"""as_distribution: what it takes, and what it says to what it does not take."""

import numpy as np
import pytest
from scipy import stats

import otmaps
from otmaps import as_distribution


@pytest.mark.parametrize(
    ("name", "law"),
    [
        ("normal", otmaps.Normal()),
        ("Gaussian", otmaps.Normal()),
        (" norm ", otmaps.Normal()),
        ("UNIFORM", otmaps.Uniform(-1.0, 1.0)),
        ("cauchy", otmaps.Cauchy()),
        ("laplace", otmaps.Laplace()),
        ("logistic", otmaps.Logistic()),
        ("exponential", otmaps.Exponential()),
        ("expon", otmaps.Exponential()),
        ("arcsine", otmaps.Arcsine()),
        ("gumbel", otmaps.Gumbel()),
        ("levy", otmaps.Levy()),
        ("lognormal", otmaps.LogNormal()),
    ],
)
def test_names(name, law):
    assert as_distribution(name) == law


def test_a_law_is_itself():
    law = otmaps.StudentT(4.0)
    assert as_distribution(law) is law


@pytest.mark.parametrize("container", [list, tuple, np.asarray, lambda x: np.asarray(x, "f4")])
def test_samples(container):
    law = as_distribution(container([float(i) for i in range(40)]))
    assert isinstance(law, otmaps.Empirical)
    assert law.method == "sample (n=40)"


@pytest.mark.parametrize(
    ("x", "kind", "message"),
    [
        ("nromal", ValueError, "did you mean 'normal'"),
        ("foo", ValueError, "Names are arcsine"),
        (None, TypeError, "a law is needed, got None"),
        (3.5, TypeError, "got 3.5"),
        (np.float64(3.5), TypeError, "got np.float64"),
        (np.array(3.5), TypeError, "a law is needed"),
        (True, TypeError, "got True"),
        ({"a": 1}, TypeError, "a law is needed"),
        (object(), TypeError, "a law is needed, got object"),
        (otmaps.Normal, TypeError, r"make a law of it, Normal\(...\)"),
        (stats.Normal, TypeError, "make an object"),
        (stats.norm, TypeError, r"scipy.stats.norm is not frozen.*scipy.stats.norm\(...\)"),
        (stats.poisson(3.0), TypeError, "discrete"),
        (stats.poisson, TypeError, "not frozen"),
        (stats.geom(0.5), TypeError, "otmaps.Discrete"),
        (stats.binom([2, 3], 0.5), TypeError, "array parameters"),
        (stats.norm([0.0, 1.0]), TypeError, "array parameters"),
        (stats.Normal(mu=[0.0, 1.0]), TypeError, "array parameters"),
        (stats.vonmises(1.0), TypeError, "vonmises_line"),
        (np.zeros((4, 4)), ValueError, "one-dimensional"),
        ([1.0, 2.0], ValueError, "at least 20"),
        (np.ma.masked_array(np.arange(30.0)), TypeError, "masked"),
    ],
)
def test_what_is_no_law(x, kind, message):
    with pytest.raises(kind, match=message):
        as_distribution(x)


@pytest.mark.parametrize("laws", [[otmaps.Normal(), otmaps.Laplace()], ("normal", "uniform")])
@pytest.mark.parametrize("verb", [otmaps.pushforward, otmaps.match])
def test_laws_of_single_latents_are_no_prior(verb, laws):
    with pytest.raises(TypeError, match=r"of 2 laws.*laws of single latents go into inputs="):
        verb(otmaps.lerp(0.5), laws)
