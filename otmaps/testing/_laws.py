"""The suite for laws."""

from __future__ import annotations

import abc
import json
import math
from collections.abc import Callable, Iterable
from typing import Any

import numpy as np

from otmaps._distribution import Distribution
from otmaps.testing._measures import (
    EPS,
    LEVELS,
    bulk,
    cell_masses,
    grid_width,
    kolmogorov_gap,
)


class DistributionTests(abc.ABC):
    """Holds laws to the vocabulary of `otmaps.Distribution` and to the errors that they state.

    Override `laws`.

    Examples
    --------
    >>> import otmaps
    >>> class TestLaplace(otmaps.testing.DistributionTests):
    ...     def laws(self):
    ...         return [otmaps.Laplace()]
    >>> TestLaplace().test_quantiles_invert_the_probabilities()  # pytest runs all of them
    """

    @abc.abstractmethod
    def laws(self) -> Iterable[Distribution]:
        """The instances to test: with each of their parameters away from its default once."""

    def test_probabilities_increase_and_complement_each_other(self) -> None:
        """The cdf does not decrease, sf does not increase, and they add up to 1."""
        for law in self.laws():
            x = bulk(law)
            cdf, sf = np.asarray(law.cdf(x)), np.asarray(law.sf(x))
            slack = 2.0 * law.error + 4.0 * EPS
            assert np.all((cdf >= 0) & (cdf <= 1) & (sf >= 0) & (sf <= 1)), f"{law}: outside [0, 1]"
            assert np.all(np.diff(cdf) >= -slack), f"{law}: cdf decreases"
            assert np.all(np.diff(sf) <= slack), f"{law}: sf increases"
            gap = float(np.max(np.abs(cdf + sf - 1.0)))
            assert gap <= slack, f"{law}: cdf + sf is off 1 by {gap:.1e}, stated {law.error:.1e}"

    def test_logarithms_agree(self) -> None:
        """logcdf, logsf and logpdf are the logarithms of cdf, sf and pdf."""
        for law in self.laws():
            x = bulk(law)
            tail = min(law.tail_error, 1.0)
            for name in ("cdf", "sf", "pdf"):
                with np.errstate(divide="ignore"):
                    plain = np.log(np.asarray(getattr(law, name)(x)))
                logs = np.asarray(getattr(law, "log" + name)(x))
                both = np.isfinite(plain) & (plain > -690.0)
                gap = np.abs(plain[both] - logs[both])
                slack = tail + 2.0 * law.error + 16.0 * EPS * (1.0 + np.abs(logs[both]))
                assert np.all(gap <= slack), f"{law}: log{name} is off {np.max(gap):.1e}"

    def test_quantiles_invert_the_probabilities(self) -> None:
        """Ppf and isf give back the probability, up to the float grid of x and stated errors."""
        for law in self.laws():
            _assert_inverse(law, law.cdf, law.ppf, "ppf", sign=1.0)
            _assert_inverse(law, law.sf, law.isf, "isf", sign=-1.0)

    def test_quantiles_in_logarithms_agree(self) -> None:
        """ilogcdf and ilogsf are ppf and isf of exp."""
        levels = np.linspace(0.001, 0.5, 50)
        for law in self.laws():
            for plain, logs in ((law.ppf, law.ilogcdf), (law.isf, law.ilogsf)):
                a, b = np.asarray(plain(levels)), np.asarray(logs(np.log(levels)))
                gap = np.abs(np.asarray(law.cdf(a)) - np.asarray(law.cdf(b)))
                slack = 2.0 * law.error + 64.0 * EPS + grid_width(law, a)
                assert np.all(gap <= slack), f"{law}: {logs.__name__} is off {np.max(gap):.1e}"

    def test_density_integrates_to_the_cdf(self) -> None:
        """Between quantiles and breakpoints the pdf integrates to the difference of the cdf."""
        for law in self.laws():
            if not math.isfinite(law.tail_error):
                continue  # a density estimated from a sample is not its derivative to any bound
            ends = np.unique([*np.asarray(law.ppf(np.linspace(0.05, 0.95, 91))), *law.breakpoints])
            lower, upper = law.ppf(0.05), law.ppf(0.95)
            ends = ends[(ends >= lower) & (ends <= upper)]
            found = cell_masses(law, ends)
            jumps = np.array([sum(m for a, m in law.atoms if a == end) for end in ends[1:]])
            truth = np.diff(np.asarray(law.cdf(ends))) - jumps
            gap = np.abs(found - truth)
            # Only at a singular point is the rule worse.
            smooth = np.isfinite(found)
            near = np.isclose(ends[:, None], np.asarray(law.breakpoints)[None, :]).any(axis=1)
            smooth &= ~(near[1:] | near[:-1]) if near.size else True
            slack = 2.0 * law.error + 1e-9 * np.abs(truth) + 4.0 * EPS + grid_width(law, ends[1:])
            bad = smooth & (gap > slack)
            assert not bad.any(), (
                f"{law}: the pdf integrates to the cdf up to {np.max(gap[bad]):.1e}"
            )

    def test_support_and_breakpoints(self) -> None:
        """The ends of the support carry the limits; breakpoints are sorted and inside."""
        for law in self.laws():
            low, high = law.support()
            assert low < high, f"{law}: support {low, high}"
            assert law.ppf(0.0) == low, f"{law}: ppf(0) is not the lower end"
            assert law.isf(0.0) == high, f"{law}: isf(0) is not the upper end"
            for x, cdf in ((-math.inf, 0.0), (math.inf, 1.0)):
                assert law.cdf(x) == cdf, f"{law}: cdf({x}) is {law.cdf(x)}"
                assert law.sf(x) == 1.0 - cdf, f"{law}: sf({x}) is {law.sf(x)}"
            points = np.asarray(law.breakpoints, dtype=float)
            assert np.all(np.diff(points) > 0), f"{law}: breakpoints are not sorted"
            assert np.all((points >= low) & (points <= high)), f"{law}: breakpoints outside"
            finite = {end for end in (low, high) if math.isfinite(end)}
            assert finite <= set(law.breakpoints), f"{law}: an end is no breakpoint"
            assert all(law.cdf(a) > 0 and m > 0 for a, m in law.atoms), f"{law}: atoms {law.atoms}"

    def test_special_values_and_shapes(self) -> None:
        """NaN stays NaN, probabilities outside [0, 1] give NaN, shapes are kept."""
        names = ("cdf", "sf", "logcdf", "logsf", "pdf", "logpdf", "ppf", "isf", "ilogcdf", "ilogsf")
        for law in self.laws():
            for name in names:
                method: Callable[[Any], Any] = getattr(law, name)
                level = -1.0 if name.startswith("ilog") else 0.5
                assert math.isnan(method(math.nan)), f"{law}.{name}(nan) is not nan"
                assert isinstance(method(level), float), f"{law}.{name} of a number is no float"
                for shape in ((0,), (2, 3), (2, 0, 1)):
                    found = method(np.full(shape, level)).shape
                    assert found == shape, f"{law}.{name} turns shape {shape} into {found}"
            for name, outside in (("ppf", (-0.1, 1.1)), ("isf", (-0.1, 1.1)), ("ilogcdf", (0.1,))):
                for p in outside:
                    assert math.isnan(getattr(law, name)(p)), f"{law}.{name}({p}) is not nan"

    def test_draws_follow_the_law(self) -> None:
        """Twenty thousand draws pass a Kolmogorov-Smirnov test, and a seed repeats them."""
        for law in self.laws():
            draws = np.asarray(law.rvs((100, 200), np.random.default_rng(0)))
            assert draws.shape == (100, 200), f"{law}.rvs gives shape {draws.shape}"
            low, high = law.support()
            assert np.all((draws >= low) & (draws <= high)), f"{law}.rvs leaves the support"
            gap, allowed = kolmogorov_gap(draws.ravel(), law)
            assert gap <= allowed, f"{law}.rvs: Kolmogorov-Smirnov {gap:.4f} > {allowed:.4f}"
            same = np.array_equal(law.rvs(5, 3), law.rvs(5, 3))
            assert same, f"{law}.rvs differs under one seed"

    def test_affine_images(self) -> None:
        """``affine`` moves quantiles, mirrored ones too, and keeps the stated error."""
        levels = np.array([1e-30, 1e-3, 0.2, 0.5])
        for law in self.laws():
            for scale, shift in ((2.0, -1.0), (-0.5, 3.0)):
                image = law.affine(scale, shift)
                inverse = law.ppf if scale > 0 else law.isf
                x = scale * np.asarray(inverse(levels)) + shift
                slack = 2.0 * law.error + 8.0 * EPS + grid_width(image, x)
                jump = max((m for _, m in image.atoms), default=0.0)
                gap = np.abs(np.asarray(image.cdf(x)) - levels)
                assert np.all(gap <= slack + jump), f"{law}.affine{scale, shift} is off"

    def test_recipe_is_json(self) -> None:
        """A recipe, where there is one, survives JSON."""
        for law in self.laws():
            recipe = law.recipe()
            assert recipe is None or json.loads(json.dumps(recipe)) == recipe, f"{law}.recipe()"


def _assert_inverse(
    law: Distribution,
    value: Callable[[Any], Any],
    inverse: Callable[[Any], Any],
    name: str,
    *,
    sign: float,
) -> None:
    """The quantile brackets its level: below before it, above after it (atoms jump over it)."""
    x = np.asarray(inverse(LEVELS), dtype=np.float64)
    low, high = law.support()
    assert np.all((x >= low) & (x <= high)), f"{law}.{name} leaves the support"
    assert np.all(sign * x[1:] >= sign * x[:-1]), f"{law}.{name} is not monotone"
    finite = np.isfinite(x)  # a quantile beyond the largest double is infinite
    x, levels = x[finite], LEVELS[finite]
    step = sign * 4.0 * np.spacing(np.abs(x) + 1e-300)
    tail = 2.0 * law.tail_error if math.isfinite(law.tail_error) else 0.0
    slack = 2.0 * law.error if tail == 0.0 else 0.0
    below, above = np.asarray(value(x - step)), np.asarray(value(x + step))
    # The logarithm of a deep level is itself rounded: relative |log p| units.
    relative = tail + 16.0 * EPS * (1.0 + np.abs(np.log(levels)))
    good = (below <= levels * (1 + relative) + slack) & (above >= levels * (1 - relative) - slack)
    assert np.all(good), f"{law}.{name} misses the probabilities {levels[~good]}"
