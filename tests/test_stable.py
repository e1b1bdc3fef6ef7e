"""Stable laws against mpmath by other routes, stored: both tails down to 1e-300."""

import itertools
import json
import math
from pathlib import Path

import mpmath as mp
import numpy as np
import pytest
from scipy import stats

import otmaps
from otmaps import Stable

ROWS = json.loads((Path(__file__).parent / "data" / "stable.json").read_text())
CASES = {
    key: list(rows) for key, rows in itertools.groupby(ROWS, lambda r: (r["alpha"], r["beta"]))
}
LOG_HALF = math.log(0.5)
# The density states no error: exp of a logarithm of size 700, and a slope more than the tail.
PDF_ERROR = 2e-12


@pytest.mark.parametrize(("alpha", "beta"), CASES)
def test_tails_and_density_keep_the_stated_errors(alpha, beta):
    law = Stable(alpha, beta)
    x = np.array([row["x"] for row in CASES[alpha, beta]])
    with mp.workdps(40):
        for name in ("sf", "cdf", "pdf"):
            logs = [mp.mpf(row["log" + name]) for row in CASES[alpha, beta]]
            found, found_logs = getattr(law, name)(x), getattr(law, "log" + name)(x)
            for log, value, value_log in zip(logs, found, found_logs, strict=True):
                small = log < LOG_HALF or name == "pdf"
                allowed = law.tail_error + (PDF_ERROR if name == "pdf" else 0.0)
                if small:
                    assert abs(value_log - log) <= allowed * max(1, abs(log))
                    if log > -690:
                        assert abs(value / mp.exp(log) - 1) <= allowed
                if name != "pdf":
                    assert abs(value - mp.exp(log)) <= law.error


def test_the_stored_cases_cover_what_is_promised():
    for alpha, beta in itertools.product((0.5, 0.8, 1.0, 1.2, 1.5, 1.9, 2.0), (0.0, 0.5, 1.0)):
        for sign in (1.0, -1.0):  # the lower tail of beta is the upper one of -beta
            if alpha < 1.0 and sign * beta == -1.0:
                continue
            depth = min(float(row["logsf"]) for row in CASES[alpha, sign * beta])
            assert depth < (-690.0 if alpha >= 1.0 else -250.0)


def test_closed_forms():
    x = np.array([-300.0, -3.0, 0.0, 1e-3, 0.4, 20.0])
    for law, other in (
        (Stable(2.0, 0.7), otmaps.Normal(0.0, math.sqrt(2.0))),
        (Stable(1.0, 0.0, 1.0, 2.0), otmaps.Cauchy(1.0, 2.0)),
        (Stable(0.5, 1.0, 1.0, 2.0), otmaps.Levy(1.0, 2.0)),
        (Stable(0.5, -1.0), otmaps.Levy().affine(-1.0)),
    ):
        for name in ("cdf", "sf", "logcdf", "logsf"):
            np.testing.assert_allclose(getattr(law, name)(x), getattr(other, name)(x), rtol=3e-15)
        np.testing.assert_allclose(law.pdf(x), other.pdf(x), rtol=1e-13)
        p = np.array([1e-300, 1e-9, 0.2, 0.5, 0.9])
        np.testing.assert_allclose(law.ppf(p), other.ppf(p), rtol=1e-14, atol=1e-15)
        assert (law.support(), law.symmetry) == (other.support(), other.symmetry)


@pytest.mark.parametrize(("alpha", "beta"), [(0.7, 0.3), (1.0, -0.6), (1.7, 1.0), (1.99999, -0.99)])
def test_far_beyond_doubles_and_through_zero(alpha, beta):
    law = Stable(alpha, beta)
    far = law.logsf(np.array([1e280, 1e300]))
    # The tail is a power: c x^-alpha with c = (1 + beta) Gamma(alpha) sin(pi alpha / 2) / pi.
    scale = (1.0 + beta) * math.gamma(alpha) * math.sin(0.5 * math.pi * (2.0 - alpha)) / math.pi
    expected = math.log(scale) - alpha * np.log([1e280, 1e300])
    np.testing.assert_allclose(far, expected, rtol=1e-14)
    x = np.array([-1e-9, -1e-300, 0.0, 1e-300, 1e-9])
    np.testing.assert_allclose(law.sf(x) + law.cdf(x), 1.0, rtol=1e-15)
    np.testing.assert_allclose(law.pdf(x), law.pdf(0.0), rtol=1e-7)
    np.testing.assert_allclose(np.diff(law.cdf(x[[0, -1]])), 2e-9 * law.pdf(0.0), rtol=1e-6)


def test_quantiles_invert():
    law = Stable(1.3, -0.4, 1.0, 2.0)
    p = np.array([1e-300, 1e-30, 1e-3, 0.3, 0.5])
    np.testing.assert_allclose(law.cdf(law.ppf(p)), p, rtol=1e-12)
    np.testing.assert_allclose(law.sf(law.isf(p)), p, rtol=1e-12)


@pytest.mark.parametrize(("alpha", "beta"), [(0.7, 0.3), (1.0, -0.6), (1.4, 0.9)])
def test_parameterization_is_that_of_scipy(alpha, beta):
    law, frozen = Stable(alpha, beta, 0.5, 3.0), stats.levy_stable(alpha, beta, 0.5, 3.0)
    x = np.array([-4.0, 0.0, 1.0, 5.0])
    np.testing.assert_allclose(law.cdf(x), frozen.cdf(x), rtol=1e-9)


@pytest.mark.parametrize("alpha", [0.6, 1.0, 1.6])
def test_images_are_stable(alpha):
    law = Stable(alpha, 0.5, 1.0, 2.0)
    image = law.affine(-0.5, 3.0)
    assert isinstance(image, Stable)
    assert image.beta == -0.5
    x = np.array([-7.0, -1.0, 0.3, 40.0])
    np.testing.assert_allclose(image.sf(-0.5 * x + 3.0), law.cdf(x), rtol=1e-13)
    assert law.recipe()["alpha"] == alpha.hex()


@pytest.mark.parametrize(("alpha", "beta"), [(0.6, 0.5), (0.8, 1.0), (1.0, -0.5), (1.6, 0.3)])
def test_draws(alpha, beta):
    law = Stable(alpha, beta, 1.0, 2.0)
    assert stats.kstest(law.rvs(2000, 1), law.cdf).pvalue > 1e-3


def test_moments():
    assert Stable(1.5, 0.5, 2.0).mean() == 2.0
    assert Stable(1.5, 0.5, 2.0).std() == math.inf
    assert Stable(2.0, 0.0, 1.0, 3.0).std() == pytest.approx(3.0 * math.sqrt(2.0))
    assert Stable(0.5, 1.0).mean() == math.inf
    assert Stable(0.7, -1.0).mean() == -math.inf
    assert math.isnan(Stable(0.7, 0.5).mean())


@pytest.mark.parametrize(
    ("alpha", "beta", "message"),
    [(2.5, 0.0, "alpha must be at most 2"), (0.0, 0.0, "alpha must be positive"),
     (1.0, 1.5, "beta must lie between -1 and 1"), (1.0, math.nan, "beta must be finite")],
)  # fmt: skip
def test_bad_parameters(alpha, beta, message):
    with pytest.raises(ValueError, match=message):
        Stable(alpha, beta)
