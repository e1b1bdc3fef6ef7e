"""Conditional RQMC: its bound covers laws that are known, and what it cannot serve is refused."""

import json
import math
import re
import threading

import numpy as np
import pytest

import otmaps
from otmaps._estimators._conditional_law import LogitLaw
from otmaps._estimators._level_sweep import Levels, Section, sweep
from otmaps._estimators._outer_points import Lattice, Sobol, generating_vector

N, U = otmaps.Normal(), otmaps.Uniform(0.0, 1.0)
SMALL = otmaps.ConditionalRQMC(n=2**12)


def op(function):
    return otmaps.operation(function)()


SUM = op(lambda a, b, c, d: a + b + c + d)
PRODUCT = op(lambda a, b, c, d: a * b * c * d)


def product_of_uniforms(y):
    """cdf of the product of four uniforms on [0, 1]."""
    y = np.clip(y, 1e-300, 1.0)
    return y * sum((-np.log(y)) ** k / math.factorial(k) for k in range(4))


def inverse_of_normal(y):
    """cdf of 1 / X for X normal with standard deviation sqrt(2)."""
    x = otmaps.Normal(0.0, math.sqrt(2.0))
    below = 0.5 - x.cdf(1.0 / np.minimum(y, -1e-300))
    return np.where(y < 0, below, 0.5 + x.sf(1.0 / np.maximum(y, 1e-300)))


def clipped(y):
    inner = otmaps.Normal(0.0, math.sqrt(2.0)).cdf(y)
    return np.where(y < -1.0, 0.0, np.where(y >= 1.0, 1.0, inner))


CASES = {
    "sum of normals": (SUM, (N,) * 4, otmaps.Normal(0.0, 2.0).cdf),
    "sum of uniforms": (
        SUM,
        (U,) * 4,
        otmaps.pushforward(otmaps.linear([1.0] * 4), U).cdf,
    ),
    "product of uniforms": (PRODUCT, (U,) * 4, product_of_uniforms),
    "product of lognormals": (PRODUCT, (otmaps.LogNormal(0.5),) * 4, otmaps.LogNormal(1.0).cdf),
    "heavy tails": (SUM, (otmaps.Cauchy(),) * 4, otmaps.Cauchy(0.0, 4.0).cdf),
    "different laws": (
        op(lambda a, b: a - 2.0 * b),
        (N, otmaps.Normal(1.0, 2.0)),
        otmaps.Normal(-2.0, math.sqrt(17.0)).cdf,
    ),
    "ratio": (op(lambda a, b: a / b), (N, N), otmaps.Cauchy().cdf),
    "pole in every input": (op(lambda a, b: 1.0 / (a - b)), (N, N), inverse_of_normal),
    "maximum": (
        op(lambda a, b, c, d: np.maximum(np.maximum(a, b), np.maximum(c, d))),
        (U,) * 4,
        otmaps.Beta(4.0, 1.0).cdf,
    ),
    "split at a fixed point": (
        op(lambda a, b, c: a**2 + b**2 + c**2),
        (N,) * 3,
        otmaps.Gamma(1.5, scale=2.0).cdf,
    ),
    "split that moves": (
        op(lambda a, b: 0.5 * (a - b) ** 2),
        (N, N),
        otmaps.Gamma(0.5, scale=2.0).cdf,
    ),
    "gate": (
        op(lambda a, b, c, d: np.where(a > b, c, 2.0 * d)),
        (N,) * 4,
        otmaps.Mixture([N, otmaps.Normal(0.0, 2.0)], [0.5, 0.5]).cdf,
    ),
    "jumps": (
        op(lambda a, b: np.floor(2.0 * a) + b),
        (U, U),
        otmaps.Uniform(0.0, 2.0).cdf,
    ),
    "identity": (op(lambda a, b: a + 0.0 * b), (N, N), N.cdf),
    "far mode": (
        op(lambda a, b: a + 0.1 * b),
        (otmaps.Mixture([otmaps.Normal(-50.0, 0.1), otmaps.Normal(50.0, 0.1)], [0.5, 0.5]), N),
        otmaps.Mixture(
            [otmaps.Normal(m, math.sqrt(0.02)) for m in (-50.0, 50.0)], [0.5, 0.5]
        ).cdf,
    ),
    "far light mode": (
        op(lambda a, b: a + b),
        (otmaps.Mixture([N, otmaps.Normal(60.0, 1.0)], [0.999, 0.001]), N),
        otmaps.Mixture(
            [otmaps.Normal(m, math.sqrt(2.0)) for m in (0.0, 60.0)], [0.999, 0.001]
        ).cdf,
    ),
    "clip": (op(lambda a, b: np.clip(a + b, -1.0, 1.0)), (N, N), clipped),
}  # fmt: skip


def points(law):
    p = np.concatenate([np.logspace(-5, -1, 30), np.linspace(0.1, 0.9, 81)])
    at = [a for a, _ in law.atoms]
    return np.concatenate([law.ppf(p), law.isf(p), at, np.nextafter(at, -np.inf)])


@pytest.mark.parametrize("seed", [0, 1])
@pytest.mark.parametrize("name", CASES)
def test_the_bound_covers_the_truth(name, seed):
    operation, inputs, truth = CASES[name]
    law = otmaps.ConditionalRQMC(n=2**12, seed=seed).law(operation, inputs, 1e-9)
    y = points(law)
    gap = np.max(np.abs(law.cdf(y) - truth(y)))
    assert gap <= law.error
    assert np.max(np.abs(law.sf(y) - (1.0 - truth(y)))) <= law.error
    assert law.error < 0.05  # the bound says something
    assert law.tail_error == math.inf


def test_a_wrong_truth_breaks_the_bound():
    law = SMALL.law(SUM, (N,) * 4, 1e-9)
    y = points(law)
    assert np.max(np.abs(law.cdf(y) - otmaps.Normal(0.0, 2.001).cdf(y))) > law.error


@pytest.mark.parametrize(
    ("name", "times"),
    [("sum of normals", 300), ("sum of uniforms", 300), ("product of lognormals", 300)],
)
def test_it_is_far_more_accurate_than_monte_carlo(name, times):
    """Root mean squares over seeds at one n, all replicates together."""
    operation, inputs, truth = CASES[name]
    n = 2**16
    errors = {"plain": [], "conditional": []}
    for seed in range(3):
        laws = {
            "plain": otmaps.MonteCarlo(n=n, seed=seed).law(operation, inputs, 1e-9),
            "conditional": otmaps.ConditionalRQMC(n=n, seed=seed).law(operation, inputs, 1e-9),
        }
        y = points(laws["conditional"])
        for kind, law in laws.items():
            errors[kind].append(np.max(np.abs(law.cdf(y) - truth(y))))
    rms = {kind: np.sqrt(np.mean(np.square(e))) for kind, e in errors.items()}
    assert times * rms["conditional"] < rms["plain"]


def test_the_stated_bound_fails_no_more_often_than_it_says():
    """At confidence 0.9; a twentieth of the bound fails far more often."""
    operation, inputs, truth = CASES["sum of uniforms"]
    ratios = []
    for seed in range(40):
        estimator = otmaps.ConditionalRQMC(n=2**9, replicates=8, seed=seed, confidence=0.9)
        law = estimator.law(operation, inputs, 1e-9)
        y = np.linspace(0.1, 3.9, 101)
        ratios.append(np.max(np.abs(law.cdf(y) - truth(y))) / law.error)
    assert np.mean(np.array(ratios) > 1.0) <= 0.1
    assert np.mean(np.array(ratios) > 0.05) > 0.1


def test_tails_keep_their_relative_accuracy_as_far_as_the_points_see():
    law = otmaps.ConditionalRQMC(n=2**14).law(SUM, (N,) * 4, 1e-9)
    truth = otmaps.Normal(0.0, 2.0)
    for depth, share in ((1e-4, 1e-2), (1e-6, 0.05), (1e-9, 0.5)):
        assert law.cdf(truth.ppf(depth)) == pytest.approx(depth, rel=share)
        assert law.sf(truth.isf(depth)) == pytest.approx(depth, rel=share)


def test_the_density_is_that_of_the_law():
    law = otmaps.ConditionalRQMC(n=2**13).law(SUM, (N,) * 4, 1e-9)
    y = np.linspace(-5.0, 5.0, 201)
    truth = otmaps.Normal(0.0, 2.0).pdf(y)
    np.testing.assert_allclose(law.pdf(y), truth, atol=1e-4)
    assert np.max(np.abs(law.pdf(y) - 1.01 * truth)) > 1e-4


def test_point_masses_have_places_and_masses():
    law = SMALL.law(*CASES["clip"][:2], 1e-9)
    (low, below), (high, above) = law.atoms
    mass = otmaps.Normal(0.0, math.sqrt(2.0)).cdf(-1.0)
    assert (low, high) == (-1.0, 1.0)
    assert below == pytest.approx(mass, abs=law.error)
    assert above == pytest.approx(mass, abs=law.error)


def test_a_flat_piece_inside_is_a_point_mass():
    shrink = op(lambda a, b: np.sign(a + b) * np.maximum(np.abs(a + b) - 0.05, 0.0))
    law = SMALL.law(shrink, (N, N), 1e-9)
    ((place, mass),) = law.atoms
    inner = otmaps.Normal(0.0, math.sqrt(2.0))
    assert place == 0.0
    assert mass == pytest.approx(inner.cdf(0.05) - inner.cdf(-0.05), abs=law.error)


@pytest.mark.parametrize(
    ("function", "inputs", "reason"),
    [
        (lambda a, b: 0.0 * a * b + 3.0, (N, N), r"returned 3\.0 for every draw: a constant"),
        (lambda a, b: np.log(a) + b, (N, N), "NaN or infinite, of 4096 draws"),
        (lambda a, b: np.sign(a * b), (N, N), "point masses only, such as at -1"),
        (lambda a, b: np.floor(100.0 * a * b), (N, N), "more than 32 point masses"),
        (
            lambda a, b: (a + 2e-3 * np.sin(1e3 * a)) * (b + 2e-3 * np.sin(1e3 * b)),
            (N, N),
            "a: between neighbouring quantiles it goes up and down",
        ),
        (
            lambda a, b: np.sin(40.0 * a) * np.sin(40.0 * b),
            (N, N),
            "b: it changes direction more than 6 times",
        ),
        (lambda a: a, (N,), "2 to 50 inputs, not 1"),
        (
            lambda a, b: a + b,
            (otmaps.Discrete([0.0, 1.0], [0.5, 0.5]),) * 2,
            "a: its law has point masses",
        ),
    ],
)
def test_what_it_refuses(function, inputs, reason):
    operation = op(function)
    refused = SMALL.refuses(operation, inputs)
    assert refused is not None
    assert re.search(reason, refused)
    with pytest.raises(otmaps.UnservedError, match="conditional RQMC does not serve"):
        SMALL.law(operation, inputs, 1e-9)


def test_it_refuses_what_mixes_components():
    assert "mixes the components" in SMALL.refuses(otmaps.slerp(0.5), (N, N))


def test_wiggles_that_do_not_turn_are_served_and_those_of_another_input_avoided():
    wiggly = op(lambda a, b: a + 1e-3 * np.sin(1e3 * a) * 1.5 + b)
    law = SMALL.law(wiggly, (N, N), 1e-9)
    assert "given all but b" in law.method
    y = np.linspace(-4.0, 4.0, 101)
    assert np.max(np.abs(law.cdf(y) - otmaps.Normal(0.0, math.sqrt(2.0)).cdf(y))) < 2e-6


def test_the_input_that_matters_most_is_solved_for():
    law = SMALL.law(op(lambda a, b, c: 0.1 * a + 3.0 * b + 0.2 * c), (N,) * 3, 1e-9)
    assert "given all but b" in law.method


def test_discrete_outer_inputs_are_served():
    shift = otmaps.Discrete([0.0, 1.0], [0.25, 0.75])
    law = SMALL.law(op(lambda a, b: a + b), (U, shift), 1e-9)
    y = np.array([0.2, 0.9, 1.1, 1.8])
    truth = 0.25 * np.minimum(y, 1.0) + 0.75 * np.maximum(y - 1.0, 0.0)
    assert np.max(np.abs(law.cdf(y) - truth)) <= law.error


def test_equal_seeds_give_equal_laws_whatever_the_threads():
    y = np.linspace(-5.0, 5.0, 31)
    first = SMALL.law(SUM, (N,) * 4, 1e-9)
    again = otmaps.ConditionalRQMC(n=2**12, workers=3).law(SUM, (N,) * 4, 1e-9)
    other = otmaps.ConditionalRQMC(n=2**12, seed=1).law(SUM, (N,) * 4, 1e-9)
    assert np.array_equal(first.cdf(y), again.cdf(y))
    assert first.error == again.error
    assert not np.array_equal(first.cdf(y), other.cdf(y))


def test_threads_share_the_work():
    seen = set()

    def spy(a, b):
        seen.add(threading.get_ident())
        return a + b

    otmaps.ConditionalRQMC(n=2**12, workers=2).law(op(spy), (N, N), 1e-9)
    assert len(seen) > 1


def test_many_inputs():
    weights = np.linspace(0.5, 1.5, 50)
    operation = otmaps.Operation(
        "sum of 50",
        tuple(f"z{i}" for i in range(50)),
        {},
        lambda *z: sum(map(np.multiply, z, weights)),
    )
    law = otmaps.ConditionalRQMC(n=2**10).law(operation, (N,) * 50, 1e-9)
    truth = otmaps.Normal(0.0, float(np.linalg.norm(weights)))
    y = truth.ppf(np.linspace(0.01, 0.99, 41))
    assert np.max(np.abs(law.cdf(y) - truth.cdf(y))) <= law.error
    assert "Sobol" in law.method


def test_blocks_bound_the_memory(monkeypatch):
    import otmaps._estimators._level_sweep as module

    sizes = []
    rows = module.Rows

    def spy(section, block):
        sizes.append(len(block[2]))
        return rows(section, block)

    monkeypatch.setattr(module, "Rows", spy)
    section = Section(SUM, (N,) * 4, 0)
    levels = Levels.of(np.array([-1.0, 0.0, 1.0]), np.empty(0))
    sweep(section, (Sobol(), 2**13), levels, np.random.default_rng(0))
    assert sum(sizes) == 2**13
    assert max(sizes) <= module.BLOCK


def test_inside_and_outside_add_up_to_one():
    section = Section(op(np.maximum), (N, N), 0)
    levels = Levels.of(np.linspace(-7.0, 7.0, 15), np.empty(0))
    totals = sweep(section, (Lattice(1.0), 2**8), levels, np.random.default_rng(0))
    np.testing.assert_allclose(totals.cdf + totals.sf, 1.0, rtol=0, atol=1e-13)
    assert totals.cdf[0] < 1e-15


def test_a_generating_vector_is_one_of_a_lattice_in_every_coordinate():
    n, vector = generating_vector(2**10, 5)
    assert n == 1021
    for z in vector:
        assert np.unique(np.arange(n) * z % n).size == n
    assert len(set(vector.tolist())) == 5


@pytest.mark.parametrize("kind", [Sobol(), Lattice(0.5), Lattice(2.0)])
def test_points_integrate(kind):
    """The mean of a smooth function over several randomisations, with the weights."""
    found = []
    for seed in range(8):
        total = weight = 0.0
        for near, upper, weights in kind.blocks(2**10, 2, np.random.default_rng(seed), 256):
            assert np.all((near > 0.0) & (near <= 0.5))
            u = np.where(upper, 1.0 - near, near)
            total += np.sum(weights * np.exp(u[:, 0] - u[:, 1]))
            weight += weights.sum()
        found.append(total / weight)
    truth = (math.e - 1.0) * (1.0 - math.exp(-1.0))
    assert np.mean(found) == pytest.approx(truth, abs=1e-4)
    assert np.std(found) > 0.0


def test_the_interpolated_law():
    y = np.linspace(-6.0, 6.0, 101)
    truth = otmaps.Logistic(0.3, 0.8)
    law = LogitLaw(y, truth.logcdf(y) - truth.logsf(y), (-math.inf, math.inf), 1e-9, "by hand")
    x = np.linspace(-5.9, 5.9, 997)
    np.testing.assert_allclose(law.cdf(x), truth.cdf(x), atol=1e-13)
    curved = otmaps.Normal()
    law = LogitLaw(y, curved.logcdf(y) - curved.logsf(y), (-math.inf, math.inf), 1e-6, "by hand")
    assert np.max(np.abs(law.cdf(x) - curved.cdf(x))) < 1e-6
    p = np.linspace(0.001, 0.999, 99)
    np.testing.assert_allclose(law.cdf(law.ppf(p)), p, atol=1e-13)


def test_what_the_law_says_of_itself():
    law = otmaps.ConditionalRQMC(n=2**10, seed=5, confidence=0.99).law(SUM, (N,) * 4, 1)
    assert law.method.startswith(
        "conditional RQMC (n=1024, replicates=8, seed=5, confidence=0.99; given all but "
    )
    recipe = otmaps.ConditionalRQMC(n=2**10, workers=2).recipe()
    assert json.loads(json.dumps(recipe)) == {
        "estimator": "conditional RQMC",
        "n": 1024,
        "replicates": 8,
        "seed": 0,
        "confidence": (0.999).hex(),
    }


def test_known_ends_are_the_support():
    assert SMALL.law(SUM, (U,) * 4, 1).support() == (0.0, 4.0)
    assert SMALL.law(PRODUCT, (otmaps.LogNormal(0.5),) * 4, 1).support() == (0.0, math.inf)
    assert SMALL.law(SUM, (N,) * 4, 1).support() == (-math.inf, math.inf)


@pytest.mark.parametrize(
    ("options", "kind", "message"),
    [
        ({"n": 1000}, ValueError, "n must be a power of two, such as 512 or 1024"),
        ({"n": 128}, ValueError, "n must be at least 256"),
        ({"n": 1e5}, TypeError, "n must be an integer"),
        ({"replicates": 2}, ValueError, "replicates must be at least 4"),
        ({"replicates": 6}, ValueError, "replicates must be a power of two"),
        ({"n": 1024, "replicates": 64}, ValueError, "at most n / 32 = 32"),
        ({"seed": -1}, ValueError, "seed must not be negative"),
        ({"confidence": 1.0}, ValueError, "confidence must lie"),
        ({"workers": 0}, ValueError, "workers must be at least 1"),
        ({"progress": 1}, TypeError, "progress must be"),
    ],
)
def test_bad_options(options, kind, message):
    with pytest.raises(kind, match=message):
        otmaps.ConditionalRQMC(**options)


def test_a_node_on_an_atom():
    op = otmaps.operation(lambda a, b: np.floor(3.0 * a) + 0.0 * b)()
    law = otmaps.pushforward(op, "normal", method=otmaps.ConditionalRQMC())
    k = np.arange(-9.0, 9.0)
    exact = np.asarray(otmaps.Normal().cdf((k + 1.0) / 3.0))
    assert np.max(np.abs(np.asarray(law.cdf(k)) - exact)) <= law.error < 1e-2
