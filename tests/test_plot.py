"""Figures: what is drawn is what the laws and maps say."""

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
