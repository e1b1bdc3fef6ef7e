"""Operations of one input: the mass of where the function is at most y."""

from __future__ import annotations

import math
from fractions import Fraction

from flint import arb, ctx
from linear_truths.balls import Reference, ball

from .case import Case
from .integrals import depth
from .laws import (
    Bounds,
    Spec,
    exponential,
    input_law,
    known,
    mixture,
    normal,
    preimage,
    result,
    uniform,
)
from .roots import Spike, cubic_below, wave_below

HOW = "mass of the intervals where the function is at most y"
ROOTS = f"{HOW}, their ends certified roots"
RIPPLE, STAIR = Fraction(1.5e-3), Fraction(0.001)
ZERO = Fraction(0)


def _case(name: str, function: str, spec: Spec, law: Reference, **rest: object) -> Case:
    return Case(name, function, (spec,), law, **({"how": HOW} | rest))


def _upto(value: arb) -> Bounds:
    return [(None, value)]


def _root_of(y: Fraction) -> arb:
    return ball(y).sqrt()


def _cube_root(y: Fraction) -> arb:
    size = ball(abs(y)).root(3)
    return size if y > 0 else -size


def _reciprocal(y: Fraction) -> Bounds:
    """Where 1 / z <= y."""
    if y == 0:
        return [(None, arb(0))]
    at = 1 / ball(y)
    return [(None, arb(0)), (at, None)] if y > 0 else [(at, arb(0))]


def _torn(y: Fraction) -> Bounds:
    if y < 0:
        return _upto(2 * ball(y))
    return _upto(ball((y - 1) / 2) if y > 1 else arb(0))


def _folded(y: Fraction) -> Bounds:
    return [(-ball(y), _root_of(y))]


def _sine(spec: Spec, loc: float, scale: float) -> Reference:
    """sin of a normal: all arches that hold more than 2^-precision."""
    law = input_law(spec)

    def sf(y: Fraction) -> arb:
        angle = ball(y).asin()
        reach = scale * math.sqrt(2 * float(depth())) + scale
        arches = range(
            math.floor((loc - reach) / math.tau) - 1, math.ceil((loc + reach) / math.tau) + 2
        )
        parts = [law.mass(2 * n * arb.pi() + angle, (2 * n + 1) * arb.pi() - angle) for n in arches]
        return sum(parts, arb(0, arb(2) ** -ctx.prec))

    return result(sf=sf, low=Fraction(-1), high=Fraction(1))


def _sine_of_pi(y: Fraction) -> Bounds:
    """Where sin(p z) <= y for z in [-1, 1] and p the double next to pi."""
    p, angle = ball(Fraction(math.pi)), ball(y).asin()
    low, high = angle / p, (arb.pi() - angle) / p
    if y >= 0:
        return [(None, low), (high, None)]
    return [((-arb.pi() - angle) / p, low)]


def _inside(y: float) -> Fraction:
    """A few doubles nearer to 0, where an end is not a double."""
    return Fraction(y * (1.0 - 4e-16))


def _waves() -> list[Case]:
    gauss, flat = normal(0.1, 0.7), uniform(-1.0, 1.0)
    tags = ("only looks monotone",)
    end = _inside(1.0 + 1.5e-3 * math.sin(1000.0))
    stair = _inside(1.0 + 0.001 * math.sin(1000.0))

    def wave(spec: Spec, size: Fraction, reach: float, **rest: object) -> Reference:
        below = lambda y: wave_below(y, size, 1000, -reach, reach)  # noqa: E731 - one of many
        return preimage(spec, below, **rest)

    def ends(value: Fraction) -> dict[str, Fraction]:
        return {"low": -value, "high": value}

    return [
        _case("wavy normal", "wavy", gauss, wave(gauss, RIPPLE, 1e9), how=ROOTS, tags=tags),
        _case(
            "wavy uniform", "wavy", flat, wave(flat, RIPPLE, 1.0, **ends(end)), how=ROOTS, tags=tags
        ),
        _case(
            "stairs of a uniform", "stairs", flat, wave(flat, STAIR, 1.0, **ends(stair)), how=ROOTS
        ),
    ]


def _spikes() -> list[Case]:
    cases = []
    for name, width in (("spike", 1e-3), ("narrow spike", 1e-4)):
        spike, spec = Spike(2.0, 0.3, width), normal(0.0, 1.0)
        kinks = tuple(Fraction(k) for k in spike.kinks())
        law = preimage(spec, spike.below, kinks=kinks)
        cases.append(_case(f"{name} on a line", name, spec, law, how=ROOTS, tags=("spike",)))
        needle = mixture([(0.9, normal(-0.2, 1.1)), (0.1, normal(0.7, width))])
        law = preimage(needle, lambda y: [(-_root_of(y), _root_of(y))], low=ZERO)
        tags, where = ("spike",), (0.49 - width, 0.49, 0.49 + width)
        cases.append(
            _case(f"{name} of density squared", "square", needle, law, tags=tags, extra=where)
        )
    return cases


def _far() -> list[Case]:
    far = mixture([(0.7, normal(-1.0, 1.0)), (0.3, normal(1000.0, 2.0))])
    tags = ("far mode",)
    square = preimage(far, lambda y: [(-_root_of(y), _root_of(y))], low=ZERO, spread=1e3)
    cube = preimage(far, lambda y: _upto(_cube_root(y)), spread=1e3)
    extra = (9.9e5, 1e6, 1.003e6)
    return [
        _case("far mode squared", "square", far, square, tags=tags, extra=extra),
        _case("far mode cubed", "cube", far, cube, tags=tags, extra=(9.9e8, 1e9, 1.01e9)),
    ]


def _atoms() -> list[Case]:
    clipped, kept, waiting = normal(0.3, 1.2), ("Laplace", {"loc": -0.25, "scale": 0.8}), 1.7
    law, other = input_law(clipped), input_law(kept)
    floor, shifted = input_law(exponential(waiting)), normal(0.3, 1.0)
    low = lambda value: law.cdf(ball(Fraction(value)))  # noqa: E731 - the mass below a level
    steps = tuple(
        (float(k), lambda k=k: floor.mass(arb(k), arb(k + 1))) for k in range(int(70 * waiting))
    )
    signs = input_law(shifted)
    sign = result(
        lambda y: signs.cdf(arb(0)) if y < 1 else arb(1), low=Fraction(-1), high=Fraction(1)
    )
    tags = ("atoms",)
    return [
        _case(
            "clip of a normal",
            "clip",
            clipped,
            preimage(clipped, lambda y: _upto(ball(y)), low=Fraction(-1), high=Fraction(1.5)),
            atoms=((-1.0, lambda: low(-1.0)), (1.5, lambda: law.sf(arb(1.5)))),
            tags=tags,
        ),
        _case(
            "floor of an exponential",
            "floor",
            exponential(waiting),
            preimage(exponential(waiting), lambda y: _upto(arb(math.floor(y) + 1)), low=ZERO),
            how="geometric law",
            atoms=steps,
            tags=tags,
        ),
        _case(
            "sign of a normal",
            "sign",
            shifted,
            sign,
            atoms=((-1.0, lambda: signs.cdf(arb(0))), (1.0, lambda: signs.sf(arb(0)))),
            tags=tags,
            extra=(-0.5, 0.0, 0.5),
        ),
        _case(
            "relu of a Laplace",
            "relu",
            kept,
            preimage(kept, lambda y: _upto(ball(y)), low=ZERO),
            atoms=((0.0, lambda: other.cdf(arb(0))),),
            tags=tags,
        ),
        _case(
            "normal floored at one half",
            "floored at one half",
            clipped,
            preimage(clipped, lambda y: _upto(ball(y)), low=Fraction(0.5)),
            atoms=((0.5, lambda: low(0.5)),),
            tags=tags,
        ),
    ]


def _smooth() -> list[Case]:
    a, b, c = normal(0.3, 1.2), normal(0.1, 0.8), normal(-0.2, 1.1)
    student, cauchy = ("StudentT", {"df": 3.0}), ("Cauchy", {"loc": 0.0, "scale": 2.0})
    logistic, flat = ("Logistic", {"loc": 0.4, "scale": 0.9}), uniform(-1.0, 1.0)
    half, turn = Fraction(math.pi / 2), ("Cauchy", {"loc": 0.0, "scale": 1.0})
    even = lambda y: [(-_root_of(y), _root_of(y))]  # noqa: E731 - one of many
    return [
        _case("identity of a logistic", "identity", logistic, known(logistic), tags=("linear",)),
        _case("square of a normal", "square", a, preimage(a, even, low=ZERO)),
        _case("cube of a normal", "cube", a, preimage(a, lambda y: _upto(_cube_root(y)))),
        _case("exp of a normal", "exp", b, preimage(b, lambda y: _upto(ball(y).log()), low=ZERO)),
        _case(
            "absolute Student",
            "abs",
            student,
            preimage(student, lambda y: [(-ball(y), ball(y))], low=ZERO),
            tags=("heavy tails",),
        ),
        _case("sine of a normal", "sin", normal(0.4, 1.3), _sine(normal(0.4, 1.3), 0.4, 1.3)),
        _case(
            "sine of a uniform",
            "sin pi",
            flat,
            preimage(flat, _sine_of_pi, low=Fraction(-1), high=Fraction(1)),
        ),
        _case(
            "arctan of a Cauchy",
            "arctan",
            turn,
            result(
                lambda y: ball(y) / arb.pi() + arb(0.5),
                lambda y: arb(0.5) - ball(y) / arb.pi(),
                low=-half,
                high=half,
            ),
            how="closed form",
        ),
        _case("tanh of a normal", "tanh", c, _tanh(c)),
        _case(
            "reciprocal of a Cauchy",
            "reciprocal",
            cauchy,
            known(("Cauchy", {"loc": 0.0, "scale": 0.5})),
            second=preimage(cauchy, _reciprocal),
            how="closed form",
            tags=("pole", "heavy tails"),
        ),
        _case(
            "reciprocal of a normal",
            "reciprocal",
            normal(0.5, 1.0),
            preimage(normal(0.5, 1.0), _reciprocal),
            tags=("pole", "heavy tails"),
        ),
        _case("cubic of a normal", "cubic", c, _cubic(c), how=ROOTS),
        _case(
            "softplus of a normal",
            "softplus",
            c,
            preimage(c, lambda y: _upto(ball(y).expm1().log()), low=ZERO),
        ),
        _case(
            "torn normal", "torn", c, preimage(c, _torn, kinks=(ZERO, Fraction(1))), tags=("gap",)
        ),
        _case("folded normal", "folded", a, preimage(a, _folded, low=ZERO, kinks=(Fraction(1),))),
    ]


def _tanh(spec: Spec) -> Reference:
    return preimage(spec, lambda y: _upto(ball(y).atanh()), low=Fraction(-1), high=Fraction(1))


def _cubic(spec: Spec) -> Reference:
    return preimage(spec, cubic_below, kinks=(Fraction(-2), Fraction(2)))


CASES = [*_smooth(), *_atoms(), *_waves(), *_spikes(), *_far()]
