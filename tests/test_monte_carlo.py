"""Monte Carlo: its bound covers laws that are known, and what cannot be sampled is an error."""

import io
import sys
import tracemalloc
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

import otmaps
from otmaps._estimators import _monte_carlo, _progress
from otmaps._ogive import dkw_bound

PRODUCT = otmaps.operation(lambda a, b: a * b)()


def product_of_uniforms(y):
    """cdf of the product of two uniforms on [0, 1]: y (1 - log y)."""
    return y * (1.0 - np.log(y))


@pytest.mark.parametrize("n", [1000, 2**16, 2**16 + 7, 200_000])
@pytest.mark.parametrize("seed", range(4))
def test_the_bound_covers_the_truth(n, seed):
    law = otmaps.MonteCarlo(n=n, seed=seed).law(PRODUCT, (otmaps.Uniform(0.0, 1.0),) * 2, 1e-9)
    y = np.linspace(0.001, 0.999, 999)
    gap = np.max(np.abs(law.cdf(y) - product_of_uniforms(y)))
    assert gap <= law.error
    assert gap > 0.02 * law.error  # the bound says something
    assert law.n == n


def test_a_wrong_truth_breaks_the_bound():
    law = otmaps.MonteCarlo(n=200_000).law(PRODUCT, (otmaps.Uniform(0.0, 1.01),) * 2, 1e-9)
    y = np.linspace(0.001, 0.999, 999)
    assert np.max(np.abs(law.cdf(y) - product_of_uniforms(y))) > law.error


def test_equal_seeds_give_equal_laws_and_blocks_are_independent():
    inputs = (otmaps.Normal(),) * 2
    first = otmaps.MonteCarlo(n=100_000, seed=3).law(PRODUCT, inputs, 1e-9)
    assert first == otmaps.MonteCarlo(n=100_000, seed=3).law(PRODUCT, inputs, 1e-9)
    assert first != otmaps.MonteCarlo(n=100_000, seed=4).law(PRODUCT, inputs, 1e-9)
    # All draws differ: no block repeats another one.
    assert len(np.unique(first.knots)) == 100_000


def test_inputs_may_have_laws_of_their_own():
    scale = otmaps.operation(lambda a, b: a + 100.0 * b)()
    law = otmaps.MonteCarlo(n=20_000).law(scale, (otmaps.Normal(), otmaps.Uniform(5.0, 6.0)), 1e-9)
    assert 490.0 < law.ppf(1e-3) < law.isf(1e-3) < 610.0


def test_what_the_law_says_of_itself():
    law = otmaps.MonteCarlo(n=1000, seed=5, confidence=0.99).law(PRODUCT, (otmaps.Normal(),) * 2, 1)
    assert law.method == "Monte Carlo (n=1000, seed=5, confidence=0.99)"
    assert law.confidence == 0.99
    recipe = otmaps.MonteCarlo(n=1000).recipe()
    assert recipe == {
        "estimator": "Monte Carlo", "n": 1000, "seed": 0, "confidence": (0.999).hex()
    }  # fmt: skip


@pytest.mark.parametrize(
    ("function", "message"),
    [
        (lambda a, b: np.log(a) + b, "values that are NaN or infinite, of 1000"),
        (lambda a, b: a * 1e308 * (b / b) * 1e10, "values that are NaN or infinite, of 1000"),
        (lambda a, b: 0.0 * a + 0.0 * b, "a constant has no law"),
        (lambda a, b: np.sum(a + b), "shape"),
    ],
)
def test_operations_that_cannot_be_sampled(function, message):
    op = otmaps.operation(function)()
    with pytest.raises(ValueError, match=message):
        otmaps.MonteCarlo(n=1000).law(op, (otmaps.Normal(),) * 2, 1e-9)


def test_point_masses_are_found():
    clip = otmaps.operation(lambda a: np.clip(a, -1.0, 1.0))()
    law = otmaps.MonteCarlo(n=50_000).law(clip, (otmaps.Normal(),), 1e-9)
    (low, below), (high, above) = law.atoms
    assert (low, high) == (-1.0, 1.0)
    assert below == pytest.approx(otmaps.Normal().cdf(-1.0), abs=law.error)
    assert above == pytest.approx(otmaps.Normal().cdf(-1.0), abs=law.error)


def test_it_refuses_what_mixes_components():
    inputs = (otmaps.Normal(),) * 2
    assert "mixes the components" in otmaps.MonteCarlo().refuses(otmaps.slerp(0.5), inputs)
    assert otmaps.MonteCarlo().refuses(PRODUCT, inputs) is None


@pytest.mark.parametrize(
    ("options", "kind", "message"),
    [
        ({"n": 10}, ValueError, "n must be at least 100"),
        ({"n": 1e5}, TypeError, "n must be an integer"),
        ({"seed": -1}, ValueError, "seed must not be negative"),
        ({"seed": None}, TypeError, "seed must be an integer"),
        ({"confidence": 1.0}, ValueError, "confidence must lie"),
        ({"workers": 0}, ValueError, "workers must be at least 1"),
        ({"progress": "yes"}, TypeError, "progress must be True, False or None"),
    ],
)
def test_bad_options(options, kind, message):
    with pytest.raises(kind, match=message):
        otmaps.MonteCarlo(**options)


@pytest.fixture
def counted(monkeypatch):
    """Few draws are many: beyond 2**13 they are counted, not kept."""
    for name, value in {"_BLOCK": 2**10, "_MOST_KEPT": 2**13, "_CELLS": 2**9, "_TAIL": 300}.items():
        monkeypatch.setattr(_monte_carlo, name, value)


def kept(monkeypatch, estimator, *arguments):
    """The same draws, all kept."""
    with monkeypatch.context() as patch:
        patch.setattr(_monte_carlo, "_MOST_KEPT", 2**22)
        return estimator.law(*arguments)


COUNTED = {
    "product": (lambda a, b: a * b, otmaps.Normal()),
    "ratio": (lambda a, b: a / b, otmaps.Normal()),
    "many magnitudes": (lambda a, b: np.exp(20.0 * a) + 0.0 * b, otmaps.Normal()),
    "far modes": (lambda a, b: a + 1e6 * (b > 0.999), otmaps.Uniform()),
    "clipped": (lambda a, b: np.clip(a + b, -1.0, 2.0), otmaps.Normal()),
    "clipped low": (lambda a, b: np.maximum(a + b, 0.0), otmaps.Normal()),
    "whole numbers": (lambda a, b: np.floor(3.0 * a + 2.0 * b), otmaps.Normal()),
    "rounded": (lambda a, b: np.round(a + b, 2), otmaps.Normal()),
    "atom in the tail": (lambda a, b: np.where(a > 2.4, 9.0, a * b), otmaps.Normal()),
}


@pytest.mark.parametrize("case", COUNTED)
def test_counted_draws_give_the_law_of_kept_ones(monkeypatch, counted, case):
    function, prior = COUNTED[case]
    estimator = otmaps.MonteCarlo(n=2**16 + 77, seed=1)
    arguments = (otmaps.operation(function)(), (prior,) * 2, 1e-9)
    law, whole = estimator.law(*arguments), kept(monkeypatch, estimator, *arguments)
    assert law.n == whole.n
    assert law.method == whole.method
    assert law.tail_error == np.inf
    assert law.atoms == whole.atoms
    gap = np.max(np.abs(law.cdf(whole.knots) - whole.cdf(whole.knots)))
    bound = dkw_bound(law.n, law.confidence)
    assert gap <= law.error + whole.error - 2.0 * bound
    assert law.error <= max(1.1 * estimator.error_bound(), whole.error + 0.01)
    # The outermost draws are the same, and so are the tails.
    for p in (1e-9, 1e-6, 1e-3):
        assert law.ppf(p) == pytest.approx(whole.ppf(p), rel=1e-6)
        assert law.isf(p) == pytest.approx(whole.isf(p), rel=1e-6)


def test_the_counted_bound_covers_the_truth_and_no_wrong_one(counted):
    inputs = (otmaps.Uniform(0.0, 1.0),) * 2
    law = otmaps.MonteCarlo(n=2**17, seed=3).law(PRODUCT, inputs, 1e-9)
    y = np.linspace(0.001, 0.999, 999)
    gap = np.max(np.abs(law.cdf(y) - product_of_uniforms(y)))
    assert 0.02 * law.error < gap <= law.error
    assert np.max(np.abs(law.cdf(y) - product_of_uniforms(y * 0.95))) > law.error


@pytest.mark.parametrize("n", [5000, 2**16 + 77])
def test_the_law_does_not_depend_on_the_threads(counted, n):
    inputs = (otmaps.Normal(), otmaps.Gamma(2.0))
    laws = [
        otmaps.MonteCarlo(n=n, seed=2, workers=workers).law(PRODUCT, inputs, 1e-9)
        for workers in (1, 2, 5)
    ]
    assert laws[0] == laws[1] == laws[2]
    np.testing.assert_array_equal(laws[0].knots, laws[2].knots)
    other = otmaps.MonteCarlo(n=n, seed=3).law(PRODUCT, inputs, 1e-9)
    assert laws[0] != other
    assert laws[0].recipe() != other.recipe()


def test_memory_does_not_grow_with_the_draws(counted):
    peaks = []
    for n in (2**15, 2**18):
        tracemalloc.start()
        otmaps.MonteCarlo(n=n).law(PRODUCT, (otmaps.Normal(),) * 2, 1e-9)
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
    assert peaks[1] < 1.3 * peaks[0]


def rarely(value):
    """An operation that gives ``value`` for few draws, none of them among the first."""
    return otmaps.operation(lambda a: np.where(a > 3.9, value, a))()


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_a_rare_value_that_is_no_number_is_found(counted, value):
    with pytest.raises(
        ValueError, match=r"returned \d+ values that are NaN or infinite, of 131072"
    ):
        otmaps.MonteCarlo(n=2**17).law(rarely(value), (otmaps.Normal(),), 1e-9)


def test_a_counted_constant_is_no_law(counted):
    constant = otmaps.operation(lambda a: 0.0 * a + 3.0)()
    with pytest.raises(ValueError, match=r"returned 3\.0 for each of 16384 draws"):
        otmaps.MonteCarlo(n=2**14).law(constant, (otmaps.Normal(),), 1e-9)


def test_an_exception_in_a_thread_is_raised(counted):
    def breaks(a):
        if len(a) < 2**10:
            raise RuntimeError("the last block")
        return a

    op = otmaps.operation(breaks)()
    for workers in (1, 3):
        with pytest.raises(RuntimeError, match="the last block"):
            otmaps.MonteCarlo(n=2**14 + 1, workers=workers).law(op, (otmaps.Normal(),), 1e-9)


@pytest.mark.parametrize("n", [1000, 2**16])
def test_the_error_is_known_beforehand(counted, n):
    estimator = otmaps.MonteCarlo(n=n)
    law = estimator.law(PRODUCT, (otmaps.Normal(),) * 2, 1e-9)
    assert estimator.error_bound() == pytest.approx(law.error, rel=0.1)
    assert estimator.evaluations == n


def test_how_it_runs_is_no_part_of_what_it_is():
    plain, other = otmaps.MonteCarlo(), otmaps.MonteCarlo(workers=2, progress=True)
    assert plain == other
    assert hash(plain) == hash(other)
    assert plain.recipe() == other.recipe()


def test_a_bar_is_shown_where_it_is_asked_for(capsys):
    for progress, text in ((True, "Monte Carlo of <lambda>"), (False, ""), (None, "")):
        otmaps.MonteCarlo(n=1000, progress=progress).law(PRODUCT, (otmaps.Normal(),) * 2, 1e-9)
        out, err = capsys.readouterr()
        assert out == ""
        assert (text in err) if text else err == ""


def test_a_long_run_on_a_terminal_shows_a_bar(capsys, monkeypatch):
    monkeypatch.setattr(_progress, "_at_a_terminal", lambda: True)
    estimator = otmaps.MonteCarlo(n=1000)
    estimator.law(PRODUCT, (otmaps.Normal(),) * 2, 1e-9)
    assert capsys.readouterr().err == ""
    monkeypatch.setattr(_progress, "_PATIENCE", 0.0)
    estimator.law(PRODUCT, (otmaps.Normal(),) * 2, 1e-9)
    assert "Monte Carlo" in capsys.readouterr().err


class Terminal(io.StringIO):
    def isatty(self):
        return True


def test_only_the_main_thread_of_a_program_at_a_terminal_shows_a_bar(monkeypatch):
    assert not _progress._at_a_terminal()
    monkeypatch.setattr(sys, "stderr", Terminal())
    assert _progress._at_a_terminal()
    with ThreadPoolExecutor(1) as pool:
        assert not pool.submit(_progress._at_a_terminal).result()
    monkeypatch.setattr(sys, "stderr", None)
    assert not _progress._at_a_terminal()
