"""Operations that fall into independent parts, against closed forms, mpmath and stubs."""

from __future__ import annotations

import dataclasses
import functools
import json
import math

import mpmath as mp
import numpy as np
import pytest

import otmaps
from otmaps._estimators._gates import Chance, chance_of
from otmaps._estimators._inheritance import inherited_errors
from otmaps._estimators._products import product_law
from otmaps._estimators._splitting import factors, groups, linear_terms, parts, regrouped
from otmaps._restated import Restated
from otmaps._symbols import trace
from otmaps.testing import EstimatorTests

N, E, U, L = otmaps.Normal(), otmaps.Exponential(), otmaps.Uniform(0.0, 1.0), otmaps.Laplace()
LEVELS = np.concatenate([10.0 ** -np.arange(300.0, 1.0, -13.0), np.linspace(0.02, 0.5, 9)])
TOL = 1e-12


def composed(function, laws, estimator=None):
    op = otmaps.operation(function)()
    estimator = estimator or otmaps.Composition()
    assert estimator.refuses(op, tuple(laws)) is None
    return estimator.law(op, tuple(laws), TOL)


def many(function, count):
    return otmaps.Operation("many", tuple(f"z{i}" for i in range(count)), {}, function)


class TestComposition(EstimatorTests):
    def estimator(self):
        return otmaps.Composition()

    def cases(self):
        made = [otmaps.operation(f)() for f in FUNCTIONS]
        return [
            *super().cases(),
            *((op, laws, truth) for op, (laws, truth) in zip(made, CASES, strict=True)),
        ]


# Each with the laws of its latents, and what probability theory says of its result.
TABLE = [
    (lambda a, b: a / b, (N, N), otmaps.Cauchy()),
    (lambda a, b, c, d: a * b + c * d, (N,) * 4, L),
    (lambda a, b, c, d: a * b - c * d, (N,) * 4, L),
    (lambda a, b, c: a / np.sqrt((b * b + c * c) / 2.0), (N,) * 3, otmaps.StudentT(2.0)),
    (lambda a, b, c, d: a**2 + b**2 + c * c + np.square(d), (N,) * 4, otmaps.Gamma(2.0, scale=2.0)),
    (lambda a, b: np.log(a) - np.log(b), (E, E), otmaps.Logistic()),
    (lambda a, b: np.log(a / b), (E, E), otmaps.Logistic()),
    (lambda a, b: 1.0 / (1.0 + b / a), (E, E), U),
    (lambda a, b, c: -np.log(a * b * c), (U,) * 3, otmaps.Gamma(3.0)),
    (lambda a: np.sqrt(-2.0 * np.log(a)) ** 2, (U,), otmaps.Exponential(scale=2.0)),
    (lambda a, b, c: a * b / c, (otmaps.LogNormal(0.5),) * 3, otmaps.LogNormal(0.5 * 3**0.5)),
    (lambda a, b: np.sign(a) * b, (N, E), L),
    (lambda a, b: np.where(a > 0.0, b, -b), (N, E), L),
    (lambda a, b: np.maximum(b, a), (otmaps.Gumbel(),) * 2, otmaps.Gumbel(math.log(2.0))),
    (lambda a, b, c, d: np.minimum(np.minimum(a, b), np.minimum(c, d)), (E,) * 4, E.affine(0.25)),
    (lambda a, b: np.abs(a - b), (E, E), E),
    (lambda a, b: 1.0 / (0.5 * (1.0 / a + 1.0 / b)), (otmaps.Cauchy(),) * 2, otmaps.Cauchy()),
    (lambda a, b: a / (a + b), (E, E), U),
    (
        lambda a, b, c: 3.0 * a / (b + 3.0 * a + c),
        (otmaps.Exponential(scale=1.0 / 3.0), E, E),
        otmaps.Beta(1.0, 2.0),
    ),
    (lambda a, b, c, d: (a + b) / (a + b + c + d), (E,) * 4, otmaps.Beta(2.0, 2.0)),
    (lambda a, b: np.tan(a * 1.0) * 0.0 + b, (N, N), N),
    (lambda a: np.exp(-a), (N,), otmaps.LogNormal(1.0)),
    (lambda a, b: np.clip(b, -1e9, 1e9) + 0.0 * a, (U, U), U),
]
FUNCTIONS = [function for function, _, _ in TABLE]
CASES = [(laws, truth) for _, laws, truth in TABLE]


@pytest.mark.parametrize("i", range(len(TABLE)))
def test_known_laws_with_their_tails(i):
    function, laws, truth = TABLE[i]
    law = composed(function, laws)
    for inverse, name in ((truth.ppf, "cdf"), (truth.isf, "sf")):
        x = inverse(LEVELS)
        near = 8.0 * np.spacing(np.abs(x))
        grid = np.abs(getattr(truth, name)(x + near) - getattr(truth, name)(x - near))
        gap = np.abs(getattr(law, name)(x) - getattr(truth, name)(x))
        assert np.all(gap <= (law.tail_error + truth.tail_error) * LEVELS + grid)
    assert law.error < 1e-12
    assert law.tail_error < 1e-9


def meijer_sf(x, n):
    """P(z1 ... zn > x) of independent normal variables, for x > 0 (Springer and Thompson)."""
    with mp.workdps(30):
        g = mp.meijerg([[], [1]], [[0] + [mp.mpf(1) / 2] * n, []], mp.mpf(x) ** 2 / 2**n)
        return g / (2 * mp.pi ** (mp.mpf(n) / 2))


@pytest.mark.parametrize("n", [2, 3, 4, 8])
def test_products_of_normals_against_meijer_functions(n):
    op = many(lambda *z: functools.reduce(np.multiply, z), n)
    law = otmaps.Composition().law(op, (N,) * n, TOL)
    assert law.symmetry == 0.0
    x = np.array([1e-3, 0.1, 1.0, 5.0, 30.0])
    wanted = np.array([float(meijer_sf(v, n)) for v in x])
    np.testing.assert_allclose(law.sf(x), wanted, rtol=law.tail_error, atol=law.error)
    np.testing.assert_allclose(law.cdf(-x), wanted, rtol=law.tail_error, atol=law.error)


def test_a_wrong_product_would_be_seen():
    law = composed(lambda a, b, c: a * b * c, [N, N, otmaps.Normal(scale=1.0 + 1e-9)])
    wanted = float(meijer_sf(5.0, 3))
    assert abs(law.sf(5.0) / wanted - 1.0) > law.tail_error


@pytest.mark.parametrize(
    "laws",
    [
        (otmaps.Normal(1.0), otmaps.Normal(-0.5)),
        (otmaps.Normal(1.0), L),
        (otmaps.Normal(1.0), otmaps.Laplace(0.1)),
        (otmaps.Normal(1.0), otmaps.Exponential(-1.0)),
        (otmaps.Normal(1.0), otmaps.Mixture([otmaps.Normal(-5.0, 0.5), N], [0.5, 0.5])),
    ],
)
def test_products_of_both_signs_against_mpmath(laws):
    law = composed(lambda a, b: a * b, laws)

    def sf(x):  # E P(b > x / |a| or b < -x / |a|)
        def inner(a):
            side = laws[1].sf if a > 0 else laws[1].cdf
            return mp.npdf(a, laws[0].loc) * mp.mpf(float(side(float(mp.mpf(x) / a))))

        # Kinks of the laws at -1, 0.1 and 0 are met at these too.
        ends = {-40, -10, -3, -1, -0.1, -1e-2, 0, 1e-2, 0.1, 1, 3, 10, 40, -x, 10.0 * x}
        return float(mp.quad(inner, sorted(ends), maxdegree=8))

    for x in (0.1, 1.0, 4.0):
        assert law.sf(x) == pytest.approx(sf(x), abs=1e-12)


def test_many_inputs():
    products = many(lambda *z: functools.reduce(np.multiply, z), 50)
    law = otmaps.Composition().law(products, (U,) * 50, TOL)
    truth = otmaps.Gamma(50.0)
    x = truth.ppf(np.array([1e-200, 1e-10, 0.3]))
    np.testing.assert_allclose(law.sf(np.exp(-x)), truth.cdf(x), rtol=1e-11)
    norms = many(lambda *z: np.sqrt(sum(x * x for x in z)), 50)
    law = otmaps.Composition().law(norms, (N,) * 50, TOL)
    truth = otmaps.Gamma(25.0, scale=2.0)
    np.testing.assert_allclose(law.sf([3.0, 7.0, 40.0]), truth.sf([9.0, 49.0, 1600.0]), rtol=1e-12)
    largest = many(lambda *z: functools.reduce(np.maximum, z), 50)
    law = otmaps.Composition().law(largest, (U,) * 50, TOL)
    np.testing.assert_allclose(
        law.cdf([1e-6, 0.5, 0.99]), np.array([1e-6, 0.5, 0.99]) ** 50, rtol=1e-13
    )


def test_latents_that_are_used_twice_stay_together():
    """The midpoint of a latent and its own matched vicinity is not that of independent ones."""
    m = otmaps.match(otmaps.vicinity(0.5), "normal", store=None)

    @otmaps.operation
    def halfway(z, u):
        return 0.5 * z + 0.5 * m(z, u)

    law = otmaps.pushforward(halfway(), "normal")
    w = 0.5 + 0.5 / math.sqrt(1.25)
    assert law.std() == pytest.approx(math.hypot(w, 0.25 / math.sqrt(1.25)), rel=1e-14)
    assert law.method == "closed form"
    shared = composed(lambda a, b, c: np.maximum(a, b) - np.maximum(b, a) + c, [N, N, L])
    np.testing.assert_allclose(shared.cdf([-1.0, 0.5]), L.cdf([-1.0, 0.5]), rtol=1e-15)


def test_atoms_are_exact():
    relu = composed(lambda a: np.maximum(a, 0.0), [N])
    assert relu.atoms == ((0.0, 0.5),)
    clipped = composed(lambda a, b: np.clip(a + b, -1.0, 1.0), [N, N])
    mass = N.cdf(-1.0 / math.sqrt(2.0))
    assert [a for a, _ in clipped.atoms] == [-1.0, 1.0]
    np.testing.assert_allclose([m for _, m in clipped.atoms], [mass, mass], rtol=1e-14)
    gated = composed(lambda a, b: a * (b > 1.0), [L, N])
    assert gated.atoms == ((0.0, pytest.approx(N.cdf(1.0), rel=1e-15)),)
    net = composed(lambda a, b: np.maximum(a, 0.0) - np.maximum(b, 0.0), [N, N])
    assert net.atoms == ((0.0, 0.25),)
    assert net.cdf(0.0) == pytest.approx(0.625, abs=1e-14)
    assert net.method.startswith("mixture")
    signs = composed(lambda a, b: np.sign(a) * np.sign(b), [N, L])
    assert signs.atoms == ((-1.0, 0.5), (1.0, 0.5))
    smooth = composed(lambda a, b: np.maximum(a, 0.0) + b, [N, N])
    assert smooth.atoms == ()


def test_what_it_refuses():
    composition = otmaps.Composition()

    def reason(function, laws):
        return composition.refuses(otmaps.operation(function)(), tuple(laws))

    assert "weighted sum" in composition.refuses(otmaps.lerp(0.5), (N, N))
    assert "cannot be followed" in reason(lambda a: np.sort(a) * a, [N])
    assert "constant" in reason(lambda a: np.full_like(a * a, 2.0), [N])
    assert "does not fall" in reason(lambda a, b: a * np.sin(a + b), [N, N])
    assert "does not fall" in reason(lambda a, b, c, d: a * b + b * c + c * d, [L] * 4)
    rough = otmaps.MonteCarlo(n=1000).law(otmaps.lerp(0.5), (N, N), TOL)
    assert "is known to" in reason(lambda a, b: a * b, [N, rough])
    with pytest.raises(otmaps.UnservedError, match="cannot be taken apart"):
        composition.law(otmaps.operation(lambda a: np.sort(a) * a)(), (N,), TOL)
    linear = otmaps.Composition((otmaps.ClosedForm(), otmaps.Convolution()))
    with pytest.raises(otmaps.UnservedError, match=r"part of 2 inputs.*convolution"):
        composed(lambda a, b, c: a * np.sin(a + b) + c, [N] * 3, linear)


def test_it_names_what_it_did():
    law = composed(lambda a, b, c: a * b + c, [N, N, L])
    assert law.method == "composition: sum of 2 parts by convolution, product of 2 parts"
    assert otmaps.pushforward(otmaps.operation(lambda a, b: a * b)(), "normal").error < 1e-12
    recipe = otmaps.Composition().recipe()
    assert json.loads(json.dumps(recipe)) == recipe
    assert [e["estimator"] for e in recipe["estimators"]] == [
        "closed form",
        "contour",
        "convolution",
        "conditioning",
    ]


# ------------------------------------------------------------ parts that another method computes
@dataclasses.dataclass(frozen=True)
class Sine(otmaps.Estimator):
    """Knows the sine of a uniform variable on (-pi, pi), up to an error that it states."""

    error: float = 0.0
    calls: list = dataclasses.field(default_factory=list, compare=False)

    @property
    def name(self):
        return "stub"

    def refuses(self, op, inputs):
        sine = getattr(op.expression, "root", None)
        return None if sine is not None and sine.function is np.sin else "it is no sine"

    def law(self, op, inputs, tol):
        self.calls.append(op)
        return Restated(otmaps.Arcsine(), (self.error, math.inf), "stub")


def with_stub(stub):
    return otmaps.Composition((stub, *otmaps.Composition().estimators[:3]))


CIRCLE = otmaps.Uniform(-math.pi, math.pi)


def test_what_does_not_fall_apart_goes_to_the_next_estimator():
    stub = Sine()
    law = composed(lambda a, b: np.maximum(np.sin(a), np.sin(b)), [CIRCLE] * 2, with_stub(stub))
    x = np.linspace(-0.9, 0.9, 7)
    np.testing.assert_allclose(law.cdf(x), otmaps.Arcsine().cdf(x) ** 2, rtol=1e-14)
    assert len(stub.calls) == 1  # equal parts are computed once
    assert law.method == "composition: sin of 1 parts by stub, maximum of 2 parts"
    other = Sine()
    composed(
        lambda a, b: np.maximum(np.sin(a), np.sin(2.0 * b)),
        [CIRCLE, otmaps.Uniform(-math.pi / 2, math.pi / 2)],
        with_stub(other),
    )
    assert len(other.calls) == 2


def test_parts_of_many_inputs_become_one_input():
    """The sine of the sum modulo a turn of circular variables is that of one."""
    stub = Sine()
    law = composed(
        lambda a, b, c: np.exp(np.sin(a + np.log(b * c))), [CIRCLE, U, U], with_stub(stub)
    )
    assert [len(op.latents) for op in stub.calls] == [1]
    assert law.support() == (math.exp(-1.0), math.e)


def test_errors_of_parts_are_passed_on():
    law = composed(lambda a, b: np.sin(a) + b, [CIRCLE, N], with_stub(Sine(1e-7)))
    assert 1e-7 < law.error < 1.1e-7
    law = composed(lambda a, b: np.maximum(np.sin(a), b), [CIRCLE, N], with_stub(Sine(1e-7)))
    assert 1e-7 < law.error < 1.1e-7
    assert law.tail_error == math.inf
    law = composed(lambda a: np.exp(np.sin(a)), [CIRCLE], with_stub(Sine(1e-7)))
    assert 1e-7 < law.error < 1.1e-7
    law = composed(
        lambda a, b: np.where(np.sin(a) > 0.5, b, -b), [CIRCLE, E], with_stub(Sine(1e-7))
    )
    assert 1e-7 < law.error < 3e-7


INHERITED = {
    "monotone": (lambda u: np.tanh(u) ** 3, 1),
    "decreasing": (lambda u: -np.arctan(u), 1),
    "even": (lambda u: np.abs(u) ** 0.5, 2),
    "twice even": (lambda u: (np.abs(u) - 1.0) ** 2, 4),
    "pole": (lambda u: 1.0 / u, 3),
    "steps": (np.floor, 1),
    "waves": (lambda u: np.sin(3.0 * u), None),
    "two ways": (lambda u: u * np.exp(-u * u), None),
}


@pytest.mark.parametrize("name", INHERITED)
def test_inherited_errors_cover_what_a_wrong_part_does(name):
    """The law of the part is moved, and its error is by how much that changes its cdf."""
    function, ends = INHERITED[name]
    moved = otmaps.Normal(1e-3, 1.001)
    x = np.linspace(-8.0, 8.0, 20_001)
    part = Restated(moved, (float(np.max(np.abs(N.cdf(x) - moved.cdf(x)))), 1e-4), "a test")
    expression = trace(function, 1)
    error, tail = inherited_errors(expression, (part,), [0])
    assert math.isinf(tail) == (ends != 1)
    if ends is not None:
        assert error == pytest.approx(ends * part.error)
    # Cells of N and of the moved law, by whether the function is below a level there.
    cells = np.linspace(-9.0, 9.0, 400_001)
    middle = function(0.5 * (cells[1:] + cells[:-1]))
    gain = np.diff(moved.cdf(cells)) - np.diff(N.cdf(cells))
    found = [abs(gain[middle <= y].sum()) for y in np.quantile(middle, np.linspace(0.02, 0.98, 49))]
    assert max(found) <= error
    assert max(found) > 0.02 * part.error  # so that a bound of nothing would not do


def test_exact_parts_add_no_error():
    expression = trace(lambda u, v: u * v, 2)
    assert inherited_errors(expression, (N, N), []) == (0.0, 0.0)
    error, tail = inherited_errors(expression, (N, N), [0, 1])
    assert (error, tail) == (2.0 * N.error, 2.0 * N.tail_error)
    switched = trace(lambda u, v: np.where(u > 0.0, v, 0.5), 2)
    assert inherited_errors(switched, (N, N), [1])[0] == N.error
    assert inherited_errors(switched, (N, N), [0])[1] == math.inf


# ------------------------------------------------------------------------------ taking graphs apart
def test_linear_terms():
    expression = trace(lambda a, b: 2.0 * (a - b / 4.0) + 1.0 - (-b) * 3.0 + np.exp(a) - a, 2)
    form = linear_terms(expression.root)
    assert form.offset == 1.0
    assert sorted(form.terms.values()) == [1.0, 1.0, 2.5]
    truth_values = trace(lambda a: np.add(a > 0.0, a < 1.0), 1)
    assert linear_terms(truth_values.root).terms.keys() == {truth_values.root}


def test_factors():
    expression = trace(lambda a, b: -3.0 * a * a / (b * np.sqrt(a)) * b**-2, 2)
    exponents, constant = factors(expression.root)
    assert constant == -3.0
    assert sorted(exponents.values()) == [-3.0, -1.0, 2.0]
    assert factors(trace(lambda a: (-a) ** 3, 1).root)[1] == -1.0


def test_groups_and_parts():
    expression = trace(lambda a, b, c, d: np.sin(a * b) * np.cos(a) + np.sin(c + d) ** 2, 4)
    root = expression.root
    assert [len(g) for g in groups(linear_terms(root).terms)] == [1, 1]
    found = parts(trace(lambda a, b, c, d: a * np.sin(a + np.cos(b * c)) * d, 4).root)
    assert [node.latents for node in found] == [{0, 1, 2}]
    found = parts(trace(lambda a, b, c: a * np.sin(a + np.cos(b * c)), 3).root)
    assert [node.latents for node in found] == [{1, 2}]
    assert parts(trace(lambda a, b: np.sin(a * b) + a, 2).root) == []


def test_sums_inside_are_regrouped():
    def function(a, b, c, d):
        return a * np.sin(a + np.exp(b) + c - 2.0 * d + 1.0)

    expression = trace(function, 4)
    assert parts(expression.root) == []
    root = regrouped(expression)
    assert [node.latents for node in parts(root)] == [{1, 2, 3}]
    z = np.random.default_rng(0).standard_normal((4, 50))
    np.testing.assert_allclose(
        dataclasses.replace(expression, root=root)(*z), function(*z), atol=1e-13
    )
    extremes = trace(lambda a, b, c: a * np.maximum(b, np.maximum(a, c)), 3)
    assert [node.latents for node in parts(regrouped(extremes))] == [{1, 2}]
    shared = trace(lambda a, b, c: np.sin(a + b) * np.cos(b + c), 3)
    assert regrouped(shared) is shared.root


def test_chances():
    def chance(function):
        expression = trace(function, 2)

        def law_of(node):
            return {0: N, 1: L}[min(node.latents)] if len(node.latents) == 1 else pytest.fail("two")

        return chance_of(expression.root, expression.graph, law_of)

    assert chance(lambda a, b: a > 0.0)[:2] == (0.5, 0.5)
    assert chance(lambda a, b: ~((a > 0.0) & (b > 0.0)))[:2] == (0.75, 0.25)
    assert chance(lambda a, b: (a > 0.0) | (b > 0.0))[:2] == (0.75, 0.25)
    assert chance(lambda a, b: (a > 0.0) | (a < 1.0)) is None
    assert chance(lambda a, b: np.isfinite(a)) is None
    assert chance_of(trace(lambda a: np.full_like(a, 1.0) > 0.0, 1).root, None, None) == Chance(
        1.0, 0.0
    )


def test_products_with_atoms():
    die = otmaps.Discrete([-1.0, 0.0, 2.0], [0.25, 0.5, 0.25])

    def total(weights, laws):
        op = otmaps.linear(weights)
        return otmaps.pushforward(op, laws[0], inputs=laws)

    law = product_law([(die, 1.0), (E, 1.0)], total)
    assert law.atoms == ((0.0, 0.5),)
    assert law.cdf(-1.0) == pytest.approx(0.25 * math.exp(-1.0), rel=1e-14)
    assert law.sf(4.0) == pytest.approx(0.25 * math.exp(-2.0), rel=1e-14)
    assert product_law([(die, 2.0)], total).atoms == ((0.0, 0.5), (1.0, 0.25), (4.0, 0.25))
    assert product_law([(die, -1.0), (E, 1.0)], total) is None
    opaque = Restated(die, (0.0, 0.0), "opaque")
    assert product_law([(opaque, 1.0), (E, 1.0)], total) is None


def test_sums_of_steep_parts():
    """A median that is next to nothing beside the scale; a pole inside a mixture."""
    steep = otmaps.Gamma(0.1)
    law = composed(lambda a, b: a * a + b * b, [steep, steep])
    x = np.array([1e-30, 1e-9, 1e-3, 1.0])

    def cdf(x):  # E F(sqrt(x - a^2)), in u = a^0.1 so that the density of a is bounded
        def inner(u):
            a = u**10
            rest = mp.sqrt(max(x - a * a, 0))  # at the end rounding may be all that is left
            density = 10 * mp.exp(-a) / mp.gamma(mp.mpf(1) / 10)
            return density * mp.gammainc(mp.mpf(1) / 10, 0, rest, regularized=True)

        end = mp.mpf(x) ** (mp.mpf(1) / 20)
        return float(mp.quad(inner, [0, end / 2, end * 0.9, end * 0.99, end]))

    np.testing.assert_allclose(law.cdf(x), [cdf(v) for v in x], rtol=1e-9)
    pole = composed(lambda a, b: np.maximum(a, 0.3) + np.abs(b), [otmaps.Arcsine()] * 2)
    assert pole.error < 1e-13
    assert pole.tail_error < 1e-11
