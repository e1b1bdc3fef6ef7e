"""Figures: what is drawn is what the laws and maps say."""

import dataclasses
import doctest
import sys

import matplotlib.pyplot as plt
import numpy as np
import pytest

import otmaps
from otmaps import plot


@pytest.fixture(autouse=True)
def closed_figures():
    yield
    plt.close("all")


@pytest.fixture
def axes():
    return plot.new_figure().subplots()


LAWS = [
    otmaps.Normal(2.0, 3.0),
    otmaps.Uniform(-1.0, 4.0),
    otmaps.Arcsine(),  # poles at both ends
    otmaps.Exponential(),
    otmaps.Cauchy(),
    otmaps.Empirical(np.random.default_rng(0).normal(size=2000)),
]


@pytest.mark.parametrize("law", LAWS, ids=lambda law: type(law).__name__)
def test_the_density_integrates_to_what_is_shown(law):
    low, high = plot.shown_range(law)
    x, density = plot.density_curve(law, low, high)
    assert np.all(np.isfinite(density))
    assert np.all((low < x) & (x < high))
    shown = law.cdf(high) - law.cdf(low)
    assert shown > 0.94
    found = np.trapezoid(density, x)
    assert abs(found - shown) < 0.06  # the trapezoidal rule at a pole loses half a cell


def test_the_density_is_that_of_the_law_away_from_its_kinks():
    law = otmaps.Normal()
    x, density = plot.density_curve(law, -3.0, 3.0)
    # The mean over a cell of width h differs from the middle by h^2/24 |f''| <= 3e-5 here.
    np.testing.assert_allclose(density, law.pdf(x), atol=3e-5)


def test_jumps_stay_sharp():
    law = otmaps.Uniform(0.0, 1.0)
    x, density = plot.density_curve(law, -0.123, 1.456)
    np.testing.assert_allclose(density[(x > 0) & (x < 1)], 1.0, rtol=1e-12)
    np.testing.assert_array_equal(density[(x < 0) | (x > 1)], 0.0)


def test_plot_law_draws_on_the_axes_it_gets(axes):
    law = otmaps.Uniform(-1.0, 1.0)
    assert plot.plot_law(law, axes, label="prior") is axes
    (line,) = axes.get_lines()
    y = line.get_ydata()
    np.testing.assert_array_equal(y, plot.density_curve(law, *plot.shown_range(law))[1])
    assert axes.get_legend().get_texts()[0].get_text() == "prior"
    plot.plot_law(otmaps.Normal(), axes, span=(-2.0, 2.0))
    assert len(axes.get_lines()) == 2


@pytest.mark.parametrize("order", [(1.0, 3.0), (3.0, 1.0)])
def test_no_law_is_cut_at_the_top(axes, order):
    for scale in order:
        plot.plot_law(otmaps.Normal(0.0, scale), axes, label=f"{scale}")
    bottom, top = axes.get_ylim()
    assert bottom == 0.0
    assert top > max(line.get_ydata().max() for line in axes.get_lines())


def test_plot_law_shows_point_masses(axes):
    sample = np.concatenate([np.zeros(300), np.random.default_rng(1).normal(size=700)])
    law = otmaps.Empirical(sample)
    assert law.atoms
    plot.plot_law(law, axes)
    assert axes.texts[0].get_text() == f"mass {law.atoms[0][1]:.3g}"
    _, density = plot.density_curve(law, -3.0, 3.0)
    assert density.max() < 1.0  # the mass at 0 is no spike of the density


def test_plot_map_shows_the_map_and_the_identity(axes):
    T = otmaps.match(otmaps.lerp(0.5), "uniform", store=None).map
    assert plot.plot_map(T, axes) is axes
    identity, curve = (line.get_data() for line in axes.get_lines())
    np.testing.assert_array_equal(identity[0], identity[1])
    np.testing.assert_array_equal(curve[1], T(curve[0]))
    assert np.all(np.diff(curve[1]) >= 0)
    assert -1.0 <= curve[0][0] < -0.8
    assert 0.8 < curve[0][-1] <= 1.0


@pytest.mark.parametrize("prior", ["normal", "uniform", "cauchy"])
def test_plot_map_needs_no_laws(axes, prior):
    T = otmaps.match(otmaps.lerp(0.4), prior, store=None).map
    bare = otmaps.MonotoneMap.from_arrays(T.arrays(), T.metadata())
    plot.plot_map(bare, axes)
    x, y = axes.get_lines()[1].get_data()
    assert np.all(np.isfinite(x))
    assert np.all(np.isfinite(y))


def test_plot_map_takes_a_span(axes):
    T = otmaps.match(otmaps.lerp(0.5), "normal", store=None).map
    plot.plot_map(T, axes, span=(-1.0, 2.0))
    x, _ = axes.get_lines()[0].get_data()
    assert (x[0], x[-1]) == (-1.0, 2.0)


def test_plot_mismatch_shows_both_norms(axes):
    report = otmaps.mismatch(otmaps.lerp(0.5), "normal", dim=100)
    assert plot.plot_mismatch(report, axes) is axes
    modes = [line.get_xdata()[np.argmax(line.get_ydata())] for line in axes.get_lines()]
    # A gamma law of mean m and standard deviation s has its mode at m - s^2 / m.
    expected = [
        report.norm_mean - report.norm_std**2 / report.norm_mean,
        report.prior_norm_mean - report.prior_norm_std**2 / report.prior_norm_mean,
    ]
    np.testing.assert_allclose(modes, expected, atol=1.0)  # a cell is 0.5 wide
    assert "100 dimensions" in axes.get_xlabel()
    assert "KL 9.66" in axes.get_title()


def test_plot_mismatch_says_where_there_are_no_moments(axes):
    report = otmaps.mismatch(otmaps.linear([1.0, 1.0]), "cauchy", dim=10)
    plot.plot_mismatch(report, axes)
    texts = [text.get_text() for text in axes.get_legend().get_texts()]
    assert texts == ["raw result: no finite variance", "prior: no finite variance"]


def test_plot_mismatch_on_a_sphere_draws_a_line(axes):
    report = otmaps.mismatch(otmaps.lerp(0.5), otmaps.Sphere(64))
    plot.plot_mismatch(report, axes, color=plot.COLOURS["slerp"])
    raw, prior = axes.get_lines()
    assert raw.get_color() == plot.COLOURS["slerp"]
    np.testing.assert_allclose(prior.get_xdata(), 1.0)
    assert axes.get_ylim()[1] < 10.0  # the line does not hide the law


def test_new_axes_are_made_where_none_are_given():
    assert plot.plot_law(otmaps.Normal()) is not plot.plot_law(otmaps.Normal())


def test_figures_are_written(tmp_path, axes):
    plot.plot_law(otmaps.Laplace(), axes)
    axes.figure.savefig(tmp_path / "law.png")
    assert (tmp_path / "law.png").read_bytes().startswith(b"\x89PNG")


def test_without_matplotlib_the_message_gives_the_remedy(monkeypatch):
    for module in ("matplotlib", "matplotlib.pyplot", "matplotlib.figure"):
        monkeypatch.setitem(sys.modules, module, None)
    with pytest.raises(ImportError, match=r"pip install 'otmaps\[plots\]'"):
        plot.plot_law(otmaps.Normal())
    with pytest.raises(ImportError, match=r"pip install 'otmaps\[plots\]'"):
        plot.new_figure()


def luminance(colour):
    """Of sRGB, by WCAG 2."""
    parts = np.array([int(colour[i : i + 2], 16) for i in (1, 3, 5)]) / 255
    linear = np.where(parts <= 0.04045, parts / 12.92, ((parts + 0.055) / 1.055) ** 2.4)
    return float(linear @ [0.2126, 0.7152, 0.0722])


def contrast(first, second):
    low, high = sorted((luminance(first), luminance(second)))
    return (high + 0.05) / (low + 0.05)


@pytest.mark.parametrize("paper", ["#ffffff", "#14171a"])
def test_colours_stand_out_on_light_and_dark_paper(paper):
    assert set(plot.COLOURS) == {"prior", "linear", "slerp", "matched"}
    assert min(contrast(colour, paper) for colour in plot.COLOURS.values()) >= 3.0
    assert contrast("#56b4e9", "#ffffff") < 3.0  # a light blue would not do


def test_names_have_their_colours(axes):
    law = otmaps.Uniform()
    plot.plot_law(law, axes, label="matched")
    plot.plot_law(law, axes, label="prior")
    plot.plot_law(law, axes, label="mine", color="black", linestyle="--")
    matched, prior, mine = axes.get_lines()
    assert matched.get_color() == plot.COLOURS["matched"]
    assert prior.get_color() == plot.COLOURS["prior"]
    assert prior.get_linewidth() > matched.get_linewidth()
    assert (mine.get_color(), mine.get_linestyle()) == ("black", "--")


def test_the_law_of_a_norm_is_that_of_draws(axes):
    prior = otmaps.StandardNormal(64)
    plot.plot_law(prior, axes)
    x, density = axes.get_lines()[0].get_data()
    mean = np.trapezoid(x * density, x)
    draws = np.linalg.norm(np.random.default_rng(0).standard_normal((20_000, 64)), axis=1)
    assert abs(mean - draws.mean()) < 0.05  # 1 % of the probability is not shown; 0.7 / sqrt(2e4)
    assert "64 components" in axes.get_xlabel()


def test_a_law_of_one_value_is_a_stem(axes):
    plot.plot_law(otmaps.Sphere(8, radius=2.0), axes)
    low, high = axes.get_xlim()
    assert low < 2.0 < high
    assert axes.texts[0].get_text() == "mass 1"


@pytest.fixture(scope="module")
def radial():
    return otmaps.match(otmaps.lerp(0.5), otmaps.MultivariateT(16, df=4.0), store=None)


def test_plot_map_of_norms(axes, radial):
    T = radial.map
    plot.plot_map(T, axes)
    r, bent = axes.get_lines()[1].get_data()
    v = np.random.default_rng(0).standard_normal(16)
    v *= r[50] / np.linalg.norm(v)
    np.testing.assert_allclose(np.linalg.norm(T(v)), bent[50], rtol=1e-12)
    assert "norm" in axes.get_xlabel()


def test_several_maps_share_one_diagonal(axes):
    for t in (0.25, 0.5):
        T = otmaps.match(otmaps.lerp(t), otmaps.Logistic(), store=None).map
        plot.plot_map(T, axes, label=f"t = {t}")
    labels = [line.get_label() for line in axes.get_lines()]
    assert labels == ["unchanged", "t = 0.25", "t = 0.5"]
    diagonal, *curves = (line.get_xdata() for line in axes.get_lines())
    assert diagonal[0] == min(curve[0] for curve in curves)
    assert diagonal[-1] == max(curve[-1] for curve in curves)


@pytest.fixture(scope="module")
def logistic():
    return otmaps.match(otmaps.lerp(0.3), otmaps.Logistic(), store=None)


def dots_and_line(axes):
    dots, line = (one.get_ydata() for one in axes.get_lines()[:2])
    return dots, line[0]


def test_a_certificate_covers_what_is_measured(axes, logistic):
    plot.plot_certificate(logistic.map, axes)
    dots, line = dots_and_line(axes)
    assert line == logistic.map.error
    assert dots.size > 300
    assert 0.01 * line < dots.max() <= line
    assert axes.get_xlim()[0] < -299.0


def test_a_map_that_misses_its_certificate_is_seen(axes, logistic):
    off = dataclasses.replace(logistic.map, error=0.1 * logistic.map.error)
    plot.plot_certificate(off, axes)
    dots, line = dots_and_line(axes)
    assert dots.max() > line
    other = plot.new_figure().subplots()
    plot.plot_certificate(logistic.map, other, source=otmaps.Logistic())
    assert dots_and_line(other)[0].max() > 0.01  # judged by another law


def test_a_certificate_of_a_stored_map_needs_the_laws(axes, logistic):
    T = logistic.map
    bare = otmaps.MonotoneMap.from_arrays(T.arrays(), T.metadata())
    with pytest.raises(ValueError, match=r"pass source=m\.source"):
        plot.plot_certificate(bare, axes)
    plot.plot_certificate(bare, axes, source=logistic.source, target=logistic.target)
    dots, line = dots_and_line(axes)
    assert dots.max() <= line


def test_certificates_of_norms_and_of_chains(axes, radial):
    plot.plot_certificate(radial.map, axes, source=radial.source, target=radial.target)
    dots, line = dots_and_line(axes)
    assert 0.0 < dots.max() <= line
    S = otmaps.monotone_map(otmaps.Logistic(), otmaps.Normal())
    chain = otmaps.compose(S, otmaps.monotone_map(otmaps.Laplace(), otmaps.Logistic()))
    other = plot.new_figure().subplots()
    plot.plot_certificate(chain, other)
    dots, line = dots_and_line(other)
    assert 0.0 < dots.max() <= line == chain.error


def test_paths_are_drawn_in_their_colours(axes):
    t = np.linspace(0, 1, 7)[:, None]
    one = np.concatenate([t, t**2], axis=1)
    several = np.stack([one, -one, 2 * one], axis=1)
    assert plot.plot_trajectories({"linear": one, "matched": several}, axes) is axes
    linear, *matched, ends = axes.get_lines()
    np.testing.assert_array_equal(linear.get_xydata(), one)
    np.testing.assert_array_equal(matched[2].get_xydata(), 2 * one)
    assert {line.get_color() for line in matched} == {plot.COLOURS["matched"]}
    assert len(ends.get_xdata()) == 2 + 6
    assert [text.get_text() for text in axes.get_legend().get_texts()] == ["linear", "matched"]


def test_the_plane_shows_where_points_lie(axes):
    points = np.random.default_rng(0).uniform(-1, 1, (20_000, 2)) * [1.0, 0.5]
    plot.plot_plane(points, axes, label="slerp", span=(-1.0, 1.0))
    (image,) = axes.get_images()
    counts = np.asarray(image.get_array())
    assert counts.sum() == 20_000
    assert counts[:14].sum() == 0  # rows go up: below -0.5 is nothing
    assert axes.get_title() == "slerp"
    plot.plot_plane(points, plot.new_figure().subplots(), color="black")


@pytest.mark.parametrize("squared", [False, True])
def test_norms_against_their_exact_law(axes, squared):
    prior = otmaps.StandardNormal(100)
    z = prior.rvs(20_000, random_state=0)
    plot.plot_norms({"matched": z, "linear": 0.7 * z}, axes, prior=prior, squared=squared)
    exact, matched, linear = (line.get_data() for line in axes.get_lines())
    for x, density in (exact, matched, linear):
        assert abs(np.trapezoid(density, x) - 1.0) < 0.01
    means = [np.trapezoid(x * density, x) for x, density in (exact, matched, linear)]
    factor = 0.49 if squared else 0.7
    np.testing.assert_allclose(means[1:], [means[0], factor * means[0]], rtol=0.01)


def test_norms_of_one_value_are_a_line(axes):
    sphere = otmaps.Sphere(16, radius=3.0)
    z = sphere.rvs((2, 500), random_state=0)
    plot.plot_norms({"matched": z[0], "linear": 0.5 * (z[0] + z[1])}, axes, prior=sphere)
    exact, matched, _ = axes.get_lines()
    np.testing.assert_allclose(exact.get_xdata(), 3.0)
    np.testing.assert_allclose(matched.get_xdata(), 3.0)


def test_norms_of_heavy_tails_show_the_bulk(axes):
    z = otmaps.Cauchy().rvs((5000, 20), random_state=0)
    plot.plot_norms({"prior": z}, axes)
    x, density = axes.get_lines()[0].get_data()
    assert x[-1] < 50 * np.median(np.linalg.norm(z, axis=1))
    assert density.max() > 0.0


@pytest.mark.parametrize("shape", [(), (1,), (3,)])
@pytest.mark.parametrize("last", [True, False])
def test_images_stand_in_rows_and_columns(axes, shape, last):
    images = np.random.default_rng(0).uniform(-0.2, 1.2, (2, 3, 9, 12, *shape))
    given = images if last or not shape else np.moveaxis(images, -1, 2)
    plot.plot_images(given, axes, rows=["linear", "other"], columns=["a", "b", "c"])
    (image,) = axes.get_images()
    pixels = np.asarray(image.get_array())
    assert pixels.shape == (2 * 9 + 1, 3 * 12 + 2, 4)
    second = images[1, 2].reshape(9, 12, -1)
    shown = pixels[10:19, 26:38]
    np.testing.assert_array_equal(
        shown[..., :3], np.broadcast_to(np.clip(second, 0, 1), (9, 12, 3))
    )
    assert np.all(shown[..., 3] == 1.0)
    assert np.all(pixels[9, :, 3] == 0.0)  # the gap
    assert axes.get_yticklabels()[0].get_color() == plot.COLOURS["linear"]


def test_examples_in_docstrings_run():
    found = 0
    for name in plot.__all__:
        if name.startswith("plot_"):
            results = doctest.DocTestFinder().find(getattr(plot, name), name, globs={})
            for test in results:
                assert test.examples, f"{name} has no example"
                found += doctest.DocTestRunner(verbose=False).run(test).failed
    assert found == 0
