"""Features of small probability: the stated error covers them, or an error names them.

Every function is a plain one but for a feature of probability q, so that its law is that of the
plain one and a correction, which is known in closed form or by a short integral.
"""

from __future__ import annotations

import numpy as np
import pytest
from opaque import opaque
from scipy import stats

import otmaps
from otmaps._estimators._axes import Axis
from otmaps._estimators._places import places_in
from otmaps._estimators._rare import rare_mass

NORMAL, UNIFORM = otmaps.Normal(), otmaps.Uniform(0.0, 1.0)
EPS = float(np.finfo(float).eps)
Y = np.concatenate([np.linspace(-6.0, 6.0, 49), [0.29, 0.31, 0.4999, 0.5001, 4.9, 5.1]])
Phi = stats.norm.cdf


def half_width(q):
    """Of a range about 1/2 that has probability q."""
    return q / (2.0 * stats.norm.pdf(0.5))


def slit(q):
    return lambda a: np.where(np.abs(a - 0.5) < half_width(q), 5.0, a)


def slit_law(q, at=5.0):
    w = half_width(q)
    inside = Phi(np.clip(Y, 0.5 - w, 0.5 + w)) - Phi(0.5 - w)
    return Phi(Y) - inside + (Phi(0.5 + w) - Phi(0.5 - w)) * (at <= Y)


def plateau(q):
    return lambda a: np.where((a - 0.5) ** 2 < half_width(q) ** 2, 0.5, a)


def spike(q):
    return lambda a: a + 5.0 * np.exp(-(((a - 0.5) / half_width(q)) ** 2))


def spike_law(q):
    """By roots next to 1/2: a + 5 exp(-((a - 1/2) / w)^2) = y, on a fine grid of a."""
    w = half_width(q)
    a = 0.5 + w * np.linspace(-9.0, 9.0, 2_000_001)
    values, mass = a + 5.0 * np.exp(-(((a - 0.5) / w) ** 2)), stats.norm.pdf(a) * (a[1] - a[0])
    new = np.array([mass[values <= y].sum() for y in Y])
    return Phi(Y) + new - np.array([mass[a <= y].sum() for y in Y])


def far_mode(q):
    return lambda a: np.where(a > stats.norm.isf(q), -a, a)


def far_mode_law(q):
    c = stats.norm.isf(q)
    return Phi(np.minimum(Y, c)) + stats.norm.sf(np.maximum(-Y, c))


ONE = {
    "slit": (slit, slit_law),
    "plateau": (plateau, lambda q: slit_law(q, at=0.5)),
    "spike": (spike, spike_law),
    "far mode": (far_mode, far_mode_law),
}


def slit_in_second(q):
    w = half_width(q)
    return lambda a, b: a * np.where(np.abs(b - 0.5) < w, -9.0, 1.0)


def disk(q):
    return lambda a, b: np.where(a * a + b * b < -2.0 * np.log1p(-q), 9.0, a + b)


def strip(q):
    return lambda a, b: np.where(np.abs(a - b) < q * np.sqrt(np.pi), 9.0, a + b)


def disk_law(q):
    """Inside a disk that small a + b is near 0, but at y = 0 half of it lies below."""
    return Phi(Y / np.sqrt(2.0)) - q * np.where(Y == 0.0, 0.5, Y > 0.0)


def strip_law(q):
    """Across the strip a + b is as independent of a - b as everywhere."""
    inside = 2.0 * Phi(q * np.sqrt(np.pi) / np.sqrt(2.0)) - 1.0
    return (1.0 - inside) * Phi(Y / np.sqrt(2.0))


TWO = {"disk": (disk, disk_law), "strip": (strip, strip_law)}


def operation(function, inputs, traced):
    if not traced:
        return opaque(function, inputs)
    if inputs == 1:
        return otmaps.operation(lambda a: function(a), name="traced")()  # noqa: PLW0108 - names
    return otmaps.operation(lambda a, b: function(a, b), name="traced")()  # noqa: PLW0108 - names


def covered(op, estimator, truth):
    """Whether the stated error covers the truth, or the case is refused with a reason."""
    laws = (NORMAL,) * len(op.latents)
    try:
        law = estimator.law(op, laws, 1e-12)
    except (otmaps.AccuracyError, otmaps.UnservedError) as error:
        return len(str(error)) > 40
    return bool(np.max(np.abs(law.cdf(Y) - truth)) <= law.error + 4.0 * EPS)


# ---------------------------------------------------------------------------------- Conditioning
@pytest.mark.parametrize("traced", [False, True])
@pytest.mark.parametrize("name", ONE)
def test_a_feature_of_one_input_is_seen(name, traced):
    function, truth = ONE[name]
    law = otmaps.Conditioning().law(operation(function(2e-5), 1, traced), (NORMAL,), 1e-12)
    assert law.error < 1e-13
    gap = np.max(np.abs(law.cdf(Y) - truth(2e-5)))
    assert gap <= law.error + (1e-9 if name == "spike" else 4.0 * EPS)  # that truth is a sum


@pytest.mark.parametrize("q", [1e-7, 1e-9, 1e-11])
@pytest.mark.parametrize("name", ["slit", "plateau", "far mode"])
def test_what_the_steps_of_a_function_single_out_is_seen_however_rare(name, q):
    function, truth = ONE[name]
    law = otmaps.Conditioning().law(operation(function(q), 1, True), (NORMAL,), 1e-12)
    assert np.max(np.abs(law.cdf(Y) - truth(q))) <= law.error + 4.0 * EPS < 0.1 * q


def test_what_no_stratum_meets_stays_unseen_where_a_function_cannot_be_followed():
    """The limit that the documentation names, from its other side."""
    law = otmaps.Conditioning().law(operation(slit(1e-8), 1, False), (NORMAL,), 1e-12)
    assert np.max(np.abs(law.cdf(Y) - slit_law(1e-8))) > law.error


@pytest.mark.parametrize("traced", [False, True])
@pytest.mark.parametrize("name", TWO)
def test_a_feature_of_two_inputs_is_covered_or_refused(name, traced):
    function, truth = TWO[name]
    assert covered(operation(function(2e-5), 2, traced), otmaps.Conditioning(), truth(2e-5))


@pytest.mark.parametrize("q", [1e-6, 1e-8])
def test_a_rare_disk_of_a_function_that_can_be_followed_is_refused(q):
    reason = otmaps.Conditioning().refuses(operation(disk(q), 2, True), (NORMAL, NORMAL))
    assert reason is not None
    assert "a feature of small probability" in reason


@pytest.mark.parametrize(("traced", "q"), [(False, 2e-5), (True, 1e-9)])
def test_a_slit_in_one_of_two_inputs_is_a_cut(traced, q):
    op = operation(slit_in_second(q), 2, traced)
    law = otmaps.Conditioning().law(op, (UNIFORM, UNIFORM), 1e-12)
    # Below 0 lie the values of the slit alone, a times -9.
    mass = 2.0 * half_width(q)
    assert law.cdf(-1e-9) == pytest.approx(mass * (1.0 - 1e-9 / 9.0), abs=law.error)
    assert law.error < 0.1 * mass


# ----------------------------------------------------------------------- values that are not finite
@pytest.mark.parametrize("estimator", [otmaps.Conditioning(), otmaps.Auto()])
@pytest.mark.parametrize(
    ("function", "inputs"),
    [
        (lambda a: np.sqrt(a + 4.2), 1),
        (lambda a, b: np.sqrt(a + 4.2) + np.exp(b), 2),
        (lambda a, b: np.exp(b) + 1.0 / np.maximum(a + 4.2, 0.0), 2),
    ],
)
def test_a_rare_nan_or_infinity_is_named_with_its_probability_and_an_example(
    function, inputs, estimator
):
    with pytest.raises(ValueError, match=r"probability of about 1e-05, such as at a=-4\.\d+") as e:
        estimator.law(opaque(function, inputs), (NORMAL,) * inputs, 1e-12)
    at = str(e.value).split("at ")[1].split(";")[0]
    point = [float(part.split("=")[1]) for part in at.split(", ")]
    with np.errstate(all="ignore"):
        assert not np.isfinite(function(*map(np.array, point)))


def test_infinities_beyond_all_that_counts_are_none():
    law = otmaps.Conditioning().law(opaque(lambda a: np.exp(a**3), 1), (NORMAL,), 1e-12)
    assert law.cdf(2.0) == pytest.approx(Phi(np.log(2.0) ** (1.0 / 3.0)), abs=law.error + EPS)


# ----------------------------------------------------------------------------------- places, strata
@pytest.mark.parametrize(
    ("function", "places"),
    [
        (lambda z: np.where(np.abs(np.abs(z - 0.5) - 1e-3) < 3e-9, 5.0, z), [0.499, 0.5, 0.501]),
        (lambda z: np.where((z - 0.25) ** 2 < 1e-18, 5.0, z), [0.25]),
        (lambda z: z + np.exp(-(((z - 0.3) / 1e-7) ** 2)), [0.3]),
        (lambda z: np.where(np.sin(z) > 1.0 - 1e-12, 5.0, z), [0.5 * np.pi]),
        (lambda z: np.clip(z, -1.5, 2.5), [-1.5, 2.5]),
        (lambda z: 3.0 * z + 1.0, []),
    ],
)
def test_places_are_where_steps_turn_jump_or_peak(function, places):
    op = otmaps.operation(lambda z: function(z))()  # noqa: PLW0108 - names the latent
    found = places_in(op, 0, Axis.of(NORMAL))
    assert all(np.any(np.abs(found - p) < 2e-6) for p in places)
    assert bool(found.size) == bool(places)


def test_the_edges_of_a_slit_are_known_to_neighbouring_doubles():
    op = otmaps.operation(lambda z: np.where(np.abs(z - 0.5) < 1e-9, 5.0, z))()
    found = places_in(op, 0, Axis.of(NORMAL))
    inside = op.raw(found) == 5.0
    edges = np.flatnonzero(inside[1:] != inside[:-1])
    assert edges.size == 2
    np.testing.assert_array_equal(found[edges + 1], np.nextafter(found[edges], np.inf))


# ------------------------------------------------------------------------------- conditional RQMC
@pytest.mark.parametrize("traced", [False, True])
@pytest.mark.parametrize("q", [3e-4, 7.5e-5])
def test_a_disk_is_within_the_error_of_conditional_rqmc(q, traced):
    def function(a, b, c):
        return np.where(a * a + b * b < -2.0 * np.log1p(-q), -9.0, a + b) + c

    op = otmaps.operation(function)() if traced else opaque(function, 3)
    law = otmaps.ConditionalRQMC(n=2**12).law(op, (NORMAL,) * 3, 1e-9)
    truth = Phi(Y / np.sqrt(3.0)) + q * (Phi(Y + 9.0) - Phi(Y))
    assert np.max(np.abs(law.cdf(Y) - truth)) <= law.error < 100.0 * q


@pytest.mark.parametrize(
    "function",
    [
        lambda a, b, c: a + b + c,
        lambda a, b, c: a * b / c,
        lambda a, b, c: np.exp(a * b) + c,
        lambda a, b, c: np.tanh(50.0 * a) * b + np.maximum(a, c),
        lambda a, b, c: np.where(a > 0.0, b, c),
    ],
)
def test_smooth_functions_and_plain_gates_have_no_rare_strata(function):
    assert rare_mass(opaque(function, 3), (NORMAL,) * 3, 0, 2**12) == 0.0


@pytest.mark.parametrize("traced", [False, True])
def test_a_rare_stratum_counts_as_much_as_it_holds(traced):
    q = 1e-4
    c = stats.norm.isf(q)
    named = otmaps.operation(lambda a, b: a + np.where(b > c, -9.0, b))()
    op = named if traced else opaque(named.function, 2)
    found = rare_mass(op, (NORMAL, NORMAL), 0, 2**12)
    assert q * (1.0 - 1e-9) <= found <= 10.0 * q
    assert rare_mass(op, (NORMAL, NORMAL), 0, 2**24) == 0.0
