"""One table of bad and border input over all public functions: clear errors, right values."""

from __future__ import annotations

import math

import numpy as np
import pytest

import otmaps

NAN, INF = math.nan, math.inf


def half():
    return otmaps.match(otmaps.lerp(0.5), "uniform")


def coin_plan():
    return otmaps.transport_plan(otmaps.Discrete([0.0, 1.0], [0.5, 0.5]), otmaps.Normal())


def laplace_map():
    return otmaps.monotone_map(otmaps.Laplace(), otmaps.Normal())


Z = np.linspace(-0.9, 0.9, 12).reshape(3, 4)
MASKED = np.ma.masked_array([0.1, 0.2], mask=[True, False])
OBJECTS = np.array([0.1, None], dtype=object)
COMPLEX = np.array([0.1 + 1j, 0.2])
TEXT = np.array(["a", "b"])
RAGGED = [[0.1], [0.2, 0.3]]


def wrong_shape(z):
    return z[:-1]


def gives_nan(z):
    return np.log(z)


def writes_in_place(z):
    z *= 0.5
    return z


# what is called, the exception, and a part of its message that names the argument
ERRORS = {
    # --- parameters of operations
    "lerp nan": (lambda: otmaps.lerp(NAN), ValueError, "t must be finite"),
    "lerp inf": (lambda: otmaps.lerp(INF), ValueError, "t must be finite"),
    "lerp array": (lambda: otmaps.lerp([0.1, 0.2]), TypeError, "t must be one number"),
    "lerp text": (lambda: otmaps.lerp("half"), TypeError, "t must be"),
    "lerp none": (lambda: otmaps.lerp(None), TypeError, "t must be"),
    "lerp complex": (lambda: otmaps.lerp(1j), TypeError, "t is complex"),
    "vicinity nan": (lambda: otmaps.vicinity(NAN), ValueError, "eps must be finite"),
    "weights empty": (lambda: otmaps.linear([]), ValueError, "weights is empty"),
    "weights 2-D": (lambda: otmaps.linear([[1.0, 2.0]]), ValueError, "one-dimensional"),
    "weights scalar": (lambda: otmaps.linear(1.0), ValueError, "one-dimensional"),
    "weights nan": (lambda: otmaps.linear([1.0, NAN]), ValueError, "weights must be finite"),
    "weights ragged": (lambda: otmaps.linear(RAGGED), TypeError, "weights is not a rectangular"),
    "weights text": (lambda: otmaps.linear("ab"), TypeError, "weights must be"),
    "barycenter empty": (lambda: otmaps.barycenter([]), ValueError, "weights is empty"),
    "barycenter sum": (lambda: otmaps.barycenter([1.0, 1.0]), ValueError, "sum to 1"),
    "operation number": (lambda: otmaps.operation(3), TypeError, "needs a function"),
    "operation no latent": (lambda: otmaps.operation(lambda: 0), TypeError, "at least one latent"),
    "operation writes": (
        lambda: otmaps.operation(writes_in_place)().raw(Z),
        ValueError,
        "writes_in_place.*writes to its latents",
    ),
    "scale denormal": (
        lambda: otmaps.match(otmaps.linear([5e-324, 5e-324]), "normal", store=None),
        otmaps.AccuracyError,
        "too small for a map",
    ),
    # --- laws
    "normal nan": (lambda: otmaps.Normal(NAN), ValueError, "loc must be finite"),
    "normal scale 0": (lambda: otmaps.Normal(0.0, 0.0), ValueError, "scale must be positive"),
    "normal scale -1": (lambda: otmaps.Normal(0.0, -1.0), ValueError, "scale must be positive"),
    "uniform order": (lambda: otmaps.Uniform(1.0, -1.0), ValueError, "low must be below high"),
    "uniform empty": (lambda: otmaps.Uniform(1.0, 1.0), ValueError, "low must be below high"),
    "student df": (lambda: otmaps.StudentT(0.0), ValueError, "df must be positive"),
    "gamma shape": (lambda: otmaps.Gamma(-1.0), ValueError, "shape must be positive"),
    "cdf complex": (lambda: otmaps.Normal().cdf(COMPLEX), TypeError, "x is complex"),
    "cdf masked": (lambda: otmaps.Normal().cdf(MASKED), TypeError, "x is a masked"),
    "cdf object": (lambda: otmaps.Normal().cdf(OBJECTS), TypeError, "x must be"),
    "cdf text": (lambda: otmaps.Normal().cdf(TEXT), TypeError, "x must be"),
    "cdf ragged": (lambda: otmaps.Normal().cdf(RAGGED), TypeError, "x is not a rectangular"),
    "ppf object": (lambda: otmaps.Normal().ppf(OBJECTS), TypeError, "p must be"),
    "isf complex": (lambda: otmaps.Normal().isf(COMPLEX), TypeError, "q is complex"),
    "affine 0": (lambda: otmaps.Normal().affine(0.0), ValueError, "scale is 0"),
    "affine nan": (lambda: otmaps.Normal().affine(NAN), ValueError, "scale must be finite"),
    "rvs legacy": (
        lambda: otmaps.Normal().rvs(3, np.random.RandomState(0)),
        TypeError,
        "random_state is a legacy",
    ),
    "prior name": (lambda: otmaps.as_distribution("normall"), ValueError, "normal"),
    "prior none": (lambda: otmaps.as_distribution(None), TypeError, "None"),
    "prior number": (lambda: otmaps.as_distribution(3.0), (TypeError, ValueError), "law|sample"),
    "prior class": (lambda: otmaps.as_distribution(otmaps.Normal), TypeError, r"Normal\("),
    "prior 2-D": (lambda: otmaps.as_distribution(np.ones((3, 3))), ValueError, "1-D|one-dim"),
    "prior nan sample": (lambda: otmaps.as_distribution([NAN] * 40), ValueError, "finite|NaN"),
    "prior empty": (lambda: otmaps.as_distribution([]), ValueError, "sample|empty|at least"),
    # --- pushforward and match
    "mismatch vector dim": (
        lambda: otmaps.mismatch(otmaps.lerp(), otmaps.Sphere(4), 5),
        ValueError,
        "dim=5.*4 components",
    ),
    "mismatch vector op": (
        lambda: otmaps.mismatch(otmaps.lerp, otmaps.Sphere(4)),
        TypeError,
        "op must be an Operation",
    ),
    "trajectory axis": (
        lambda: otmaps.trajectory(Z, "uniform", frames=3, axis=0),
        TypeError,
        "axis= is for isotropic priors",
    ),
    "family vector": (
        lambda: otmaps.family(otmaps.lerp, otmaps.Sphere(4), t=(0, 1)),
        otmaps.UnservedError,
        "laws? of (numbers|whole latents)",
    ),
    "op factory": (
        lambda: otmaps.pushforward(otmaps.lerp, "normal"),
        TypeError,
        "op must be an Operation",
    ),
    "op none": (lambda: otmaps.match(None, "normal"), TypeError, "op must be an Operation"),
    "match prior": (lambda: otmaps.match(otmaps.lerp(), 7), (TypeError, ValueError), "law|sample"),
    "tol 0": (lambda: otmaps.match(otmaps.lerp(), "laplace", tol=0.0), ValueError, "tol"),
    "tol nan": (lambda: otmaps.match(otmaps.lerp(), "laplace", tol=NAN), ValueError, "tol"),
    "tol large": (lambda: otmaps.match(otmaps.lerp(), "laplace", tol=3.0), ValueError, "tol"),
    "inputs count": (
        lambda: otmaps.match(otmaps.lerp(), "normal", inputs=["normal"]),
        ValueError,
        "inputs has 1 laws",
    ),
    "inputs name": (
        lambda: otmaps.match(otmaps.lerp(), "normal", inputs={"w": "normal"}),
        ValueError,
        "inputs names 'w'",
    ),
    "inputs type": (
        lambda: otmaps.match(otmaps.lerp(), "normal", inputs="normal"),
        TypeError,
        "inputs must",
    ),
    "method": (
        lambda: otmaps.pushforward(otmaps.lerp(), "normal", method="fft"),
        ValueError,
        "method 'fft'",
    ),
    "store": (lambda: otmaps.match(otmaps.lerp(), "laplace", store=3), TypeError, "store"),
    "constant": (
        lambda: otmaps.pushforward(otmaps.linear([0.0, 0.0]), "normal"),
        ValueError,
        "constant",
    ),
    "op shape": (
        lambda: otmaps.pushforward(otmaps.operation(wrong_shape)(), "normal"),
        ValueError,
        "wrong_shape.*returned shape",
    ),
    "op nan": (
        lambda: otmaps.pushforward(otmaps.operation(gives_nan)(), "normal"),
        ValueError,
        "gives_nan.*NaN",
    ),
    "slerp": (lambda: otmaps.match(otmaps.slerp(0.5), "normal"), ValueError, "mixes components"),
    "cauchy dim": (lambda: otmaps.MultivariateCauchy(0), ValueError, "dim must be at least 1"),
    "monte carlo n": (lambda: otmaps.MonteCarlo(n=0), ValueError, "n must be"),
    "monte carlo confidence": (lambda: otmaps.MonteCarlo(confidence=1.0), ValueError, "confidence"),
    # --- matched operations
    "call count": (lambda: half()(Z), TypeError, "takes 2 latents"),
    "call broadcast": (lambda: half()(Z, np.zeros(3)), ValueError, "do not broadcast"),
    "call complex": (lambda: half()(COMPLEX, COMPLEX), TypeError, "z1 is complex"),
    "call object": (lambda: half()(OBJECTS, OBJECTS), TypeError, "z1 must be"),
    "call masked": (lambda: half()(Z[0, :2], MASKED), TypeError, "z2 is a masked"),
    "call text": (lambda: half()(TEXT, TEXT), TypeError, "z1 must be"),
    "call out shape": (lambda: half()(Z, Z, out=np.empty(3)), ValueError, "out"),
    "call out dtype": (lambda: half()(Z, Z, out=np.empty((3, 4), int)), ValueError, "out"),
    # --- maps
    "map source": (lambda: otmaps.monotone_map(3.0, "normal"), (TypeError, ValueError), "law|samp"),
    "map tol": (lambda: otmaps.monotone_map("laplace", "normal", tol=-1.0), ValueError, "tol"),
    "map complex": (lambda: laplace_map()(COMPLEX), TypeError, "y is complex"),
    "map object": (lambda: laplace_map()(OBJECTS), TypeError, "y must be"),
    # --- plans and closed forms
    "plan source": (
        lambda: otmaps.transport_plan(3.0, "normal"),
        (TypeError, ValueError),
        "law|samp",
    ),
    "plan of no atom": (
        lambda: otmaps.transport_plan("normal", "normal"),
        ValueError,
        "no point mass",
    ),
    "plan tol": (
        lambda: otmaps.transport_plan(otmaps.Discrete([0.0], [1.0]), "normal", tol=-1.0),
        ValueError,
        "tol",
    ),
    "plan without numbers": (lambda: coin_plan()(0.0), TypeError, "Generator or a seed"),
    "plan complex": (lambda: coin_plan()(COMPLEX, 0), TypeError, "y is complex"),
    "plan inverse": (lambda: coin_plan().inverse(TEXT), TypeError, "z must be"),
    "plan out": (lambda: coin_plan()(Z, 0, out=np.empty(3)), ValueError, "out must have"),
    "randomize text": (
        lambda: otmaps.match(otmaps.lerp(), "normal", randomize="yes"),
        TypeError,
        "randomize",
    ),
    "closed form of a name": (
        lambda: otmaps.closed_form("lerp", otmaps.Normal),
        TypeError,
        "closed_form needs",
    ),
    "map inverse": (lambda: laplace_map().inverse(TEXT), TypeError, "z must be"),
    "map log derivative": (
        lambda: laplace_map().log_derivative(MASKED),
        TypeError,
        "y is a masked",
    ),
    "strength beyond 1": (lambda: laplace_map().strength(1.5), ValueError, "s must be from 0 to 1"),
    "strength nan": (lambda: laplace_map().strength(NAN), ValueError, "s must be finite"),
    "composition of nothing": (lambda: otmaps.compose(*[]), TypeError, "at least one map"),
    "composition with a law": (
        lambda: otmaps.compose(laplace_map(), otmaps.Normal()),
        TypeError,
        r"takes maps \(monotone_map\), got Normal",
    ),
    "map derivative": (lambda: laplace_map().derivative(MASKED), TypeError, "y is a masked"),
    "family of an operation": (
        lambda: otmaps.family(otmaps.lerp(0.5), "normal", t=(0, 1)),
        TypeError,
        "what makes the operation",
    ),
    "family range": (
        lambda: otmaps.family(otmaps.lerp, "normal", t=(0, NAN)),
        ValueError,
        "t must be finite",
    ),
    "family tol": (
        lambda: otmaps.family(otmaps.lerp, "normal", t=(0, 1), tol=0.0),
        ValueError,
        "tol must be",
    ),
    # --- figures
    "plot law": (lambda: otmaps.plot.plot_law("normal"), TypeError, "law must be a Distribution"),
    "plot vectors": (
        lambda: otmaps.plot.plot_law(
            otmaps.MultivariateNormal([0.0, 0.0], otmaps.Diagonal([1.0, 2.0]))
        ),
        TypeError,
        "plot_norms",
    ),
    "plot axes": (
        lambda: otmaps.plot.plot_law(otmaps.Normal(), "axes"),
        TypeError,
        "ax must be matplotlib axes",
    ),
    "plot map": (lambda: otmaps.plot.plot_map(half()), TypeError, "field map"),
    "plot map sphere": (
        lambda: otmaps.plot.plot_map(otmaps.match(otmaps.lerp(0.5), otmaps.Sphere(4)).map),
        ValueError,
        "radius of a sphere",
    ),
    "plot mismatch": (lambda: otmaps.plot.plot_mismatch(0.3), TypeError, "must be a Mismatch"),
    "plot certificate": (
        lambda: otmaps.plot.plot_certificate(half().map, source="normal"),
        TypeError,
        "source must be a law",
    ),
    "plot norms": (lambda: otmaps.plot.plot_norms(Z), TypeError, "latents must be a mapping"),
    "plot norms none": (lambda: otmaps.plot.plot_norms({}), ValueError, "latents is empty"),
    "plot norms 1-D": (lambda: otmaps.plot.plot_norms({"a": Z[0]}), ValueError, r"latents\['a'\]"),
    "plot norms nan": (lambda: otmaps.plot.plot_norms({"a": Z * NAN}), ValueError, "NaN"),
    "plot norms dims": (
        lambda: otmaps.plot.plot_norms({"a": Z, "b": Z.T}),
        ValueError,
        r"one number of components, got \[3, 4\]",
    ),
    "plot norms prior": (
        lambda: otmaps.plot.plot_norms({"a": Z}, prior=otmaps.Normal()),
        TypeError,
        "prior must be an isotropic law",
    ),
    "plot norms bins": (lambda: otmaps.plot.plot_norms({"a": Z}, bins=0), ValueError, "bins"),
    "plot paths": (
        lambda: otmaps.plot.plot_trajectories({"matched": Z}),
        ValueError,
        "two components",
    ),
    "plot plane": (lambda: otmaps.plot.plot_plane(Z), ValueError, "two components"),
    "plot plane 3-D": (lambda: otmaps.plot.plot_plane(Z.reshape(3, 2, 2)), ValueError, r"\(n, 2\)"),
    "plot images": (lambda: otmaps.plot.plot_images(Z), ValueError, "rows, columns, height"),
    "plot images words": (
        lambda: otmaps.plot.plot_images(np.ones((2, 1, 8, 8)), rows=["one"]),
        ValueError,
        "rows must be 2 words",
    ),
    "plot images nan": (
        lambda: otmaps.plot.plot_images(np.full((1, 1, 8, 8), NAN)),
        ValueError,
        "NaN",
    ),
    # --- mismatch, check, walk, store, precompute
    "smoothed few": (lambda: otmaps.smoothed([1.0]), ValueError, "at least 20"),
    "components of a row": (
        lambda: otmaps.as_components(np.zeros(3)),
        ValueError,
        r"must have the shape \(n, d\)",
    ),
    "trajectory frames": (
        lambda: otmaps.trajectory([Z, Z], "normal", frames=0),
        ValueError,
        "frames must be at least 2",
    ),
    "diagnose complex": (
        lambda: otmaps.diagnose(COMPLEX, "normal"),
        TypeError,
        "latents is complex",
    ),
    "export from a path": (
        lambda: otmaps.export_tables("tables", "tables.tar"),
        TypeError,
        "store must be a Store",
    ),
    "export into no folder": (
        lambda: otmaps.export_tables(otmaps.MemoryStore(), "no/folder/tables.tar"),
        OSError,
        "there is no folder",
    ),
    "import into a path": (
        lambda: otmaps.import_tables("tables", "tables.tar"),
        TypeError,
        "store must be a Store",
    ),
    "mismatch dim": (lambda: otmaps.mismatch(otmaps.lerp(), "normal", dim=0), ValueError, "dim"),
    "mismatch op": (lambda: otmaps.mismatch("lerp", "normal"), TypeError, "op must be"),
    "check object": (lambda: otmaps.check(otmaps.lerp()), TypeError, "match"),
    "check of vectors": (
        lambda: otmaps.check(otmaps.match(otmaps.lerp(), otmaps.MultivariateNormal(0, [[1.0]]))),
        TypeError,
        "whole latents",
    ),
    "gaussian map": (
        lambda: otmaps.gaussian_map("normal", "normal"),
        TypeError,
        "otmaps.MultivariateNormal",
    ),
    "check n": (lambda: otmaps.check(half(), n=1), ValueError, "n must be"),
    "check dim": (lambda: otmaps.check(half(), dim=0), ValueError, "dim must be"),
    "walk steps": (lambda: otmaps.random_walk(Z, "normal", steps=-1), ValueError, "steps"),
    "walk start": (lambda: otmaps.random_walk(COMPLEX, "normal"), TypeError, "start is complex"),
    "store key": (lambda: otmaps.MemoryStore().get("../x"), ValueError, "key"),
    "store url": (lambda: otmaps.TableStore("file:///x"), ValueError, "file:///x"),
    "jobs": (
        lambda: otmaps.precompute([3], store=otmaps.MemoryStore()),
        (TypeError, ValueError),
        "job",
    ),
    "no place": (lambda: otmaps.precompute([], store=None), ValueError, "store is None"),
}


@pytest.mark.parametrize("case", ERRORS)
def test_bad_input_gets_a_clear_error(case):
    call, exception, message = ERRORS[case]
    with pytest.raises(exception, match=message) as info:
        call()
    text = str(info.value)
    assert text.endswith((".", ")", ":")), text
    assert len(text) < 600


# what is called, and the value that is right
VALUES = {
    "0-d": (lambda: half()(np.array(0.5), np.array(-0.5)), 0.0),
    "zero size": (lambda: half()(np.empty((0, 4)), np.empty(4)).shape, (0, 4)),
    "nan stays": (lambda: half()(NAN, 0.0), NAN),
    "inf": (lambda: half()(INF, 0.0), 1.0),
    "-inf": (lambda: half()(-INF, 0.0), -1.0),
    "outside the support": (lambda: half()(5.0, 5.0), 1.0),
    "map nan": (lambda: laplace_map()(NAN), NAN),
    "map inf": (lambda: laplace_map()([INF, -INF]), [INF, -INF]),
    "map inverse inf": (lambda: laplace_map().inverse([INF, -INF]), [INF, -INF]),
    "log derivative outside": (
        lambda: otmaps.monotone_map("uniform", "normal").log_derivative(2.0),
        -INF,
    ),
    "strength nothing": (lambda: laplace_map().strength(0.0)([NAN, -INF, 3.0]), [NAN, -INF, 3.0]),
    "composition of one": (lambda: otmaps.compose(laplace_map())(0.0), 0.0),
    "map of the median": (lambda: laplace_map()(0.0), 0.0),
    "t beyond 1": (lambda: otmaps.lerp(2.0).raw(1.0, 3.0), 5.0),
    "t below 0": (lambda: otmaps.lerp(-1.0).raw(1.0, 3.0), -1.0),
    "integers": (lambda: otmaps.lerp(0.5).raw([1, 2], [3, 4]), [2.0, 3.0]),
    "booleans": (lambda: otmaps.lerp(0.5).raw([True], [False]), [0.5]),
    "one weight": (lambda: otmaps.linear([2.0]).raw([1.5]), [3.0]),
    "big endian": (lambda: half()(np.array([0.5], ">f8"), np.array([-0.5], ">f8")), [0.0]),
    "cdf at infinity": (lambda: otmaps.Normal().cdf([-INF, INF, NAN]), [0.0, 1.0, NAN]),
    "ppf outside": (lambda: otmaps.Normal().ppf([-0.1, 1.1, NAN]), [NAN, NAN, NAN]),
    "ppf at the ends": (lambda: otmaps.Normal().ppf([0.0, 1.0]), [-INF, INF]),
    "empty cdf": (lambda: otmaps.Normal().cdf([]).shape, (0,)),
    "walk of nothing": (
        lambda: otmaps.random_walk(np.empty((0, 3)), "normal", steps=2).shape,
        (3, 0, 3),
    ),
}


@pytest.mark.parametrize("case", VALUES)
def test_border_input_gets_the_right_value(case):
    call, expected = VALUES[case]
    # The maps here are right to 1e-9; the values are exact but for that.
    np.testing.assert_allclose(call(), expected, rtol=0, atol=1e-9)


def test_every_public_function_is_in_the_table():
    """A new public function must say what bad input gets."""
    called = " ".join(
        "\n".join(call.__code__.co_names) for call, *_ in [*ERRORS.values(), *VALUES.values()]
    )
    no_input = {"operations"}
    functions = {
        name
        for name in otmaps.__all__
        if callable(getattr(otmaps, name)) and not isinstance(getattr(otmaps, name), type)
    }
    functions |= {name for name in otmaps.plot.__all__ if name.startswith("plot_")}
    missing = {n for n in functions - no_input if n not in called.split()}
    assert missing <= {"match", "choose_estimator", "analogy", "grid"}, missing
