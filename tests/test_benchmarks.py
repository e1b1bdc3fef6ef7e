"""Every benchmark runs, and none times a wrong answer."""

import ast
import dataclasses
import importlib
import inspect
import itertools
import os
import subprocess
import sys
import warnings
from pathlib import Path

import mpmath
import numpy as np
import pytest

sys.path.append(str(Path(__file__).parent.parent))
os.environ["OTMAPS_BENCH_TINY"] = "1"  # before the import of the sizes

import otmaps
from benchmarks import (
    accuracy,
    accuracy_page,
    alarms,
    apply,
    blends,
    calls,
    cases,
    convergence,
    convergence_page,
    divergence,
    empirical,
    first_call,
    gaussian,
    honesty,
    isotropic,
    limits,
    linear,
    linear_results,
    linear_truth,
    machine,
    memory,
    operations_table,
    order,
    paths,
    peers,
    performance_page,
    planning,
    report,
    truth,
)

ROOT = Path(__file__).parent.parent
MODULES = (
    "imports",
    "build",
    "apply",
    "calls",
    "family",
    "fused",
    "gaussian",
    "invert",
    "isotropic",
    "first_call",
    "store",
    "accuracy",
    "memory",
    "linear",
    "sampling",
)
KINDS = ("time_", "track_", "peakmem_")


def benchmarks():
    """(class, method) of all that asv finds, but for the raw timings."""
    for name in MODULES:
        module = importlib.import_module(f"benchmarks.{name}")
        for _, cls in inspect.getmembers(module, inspect.isclass):
            for method in dir(cls):
                if cls.__module__ == module.__name__ and method.startswith(KINDS):
                    yield pytest.param(cls, method, id=f"{name}.{cls.__name__}.{method}")


def some_parameters(cls):
    """Two points of the product of all parameters: the first values, and the last ones."""
    params = [p if isinstance(p, list | tuple) else [p] for p in getattr(cls, "params", ())]
    return {tuple(p[i] for p in params) for i in (0, -1)}


@pytest.mark.parametrize(("cls", "method"), list(benchmarks()))
def test_a_benchmark_runs(cls, method):
    for parameters in sorted(some_parameters(cls)):
        benchmark = cls()
        try:
            getattr(benchmark, "setup", lambda *_: None)(*parameters)
        except NotImplementedError:
            continue  # asv skips it: the peer is not installed
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", otmaps.AccuracyWarning)
                found = getattr(benchmark, method)(*parameters)
        finally:
            getattr(benchmark, "teardown", lambda *_: None)(*parameters)
        if method.startswith("track_"):
            assert isinstance(found, float)


def test_every_module_is_listed():
    helpers = {"__init__", "cases", "peers", "report", "sizes", "truth", "accuracy_page", "honesty"}
    helpers |= {"convergence", "convergence_page", "operations_table", "order", "limits"}
    helpers |= {"performance_page", "speed", "costs", "figures", "machine", "blends", "planning"}
    helpers |= {"empirical"}
    helpers |= {"alarms", "divergence", "paths", "rivals", "optimum"}
    helpers |= {"comparison", "comparison_figures", "comparison_rows", "explorer"}
    helpers |= {f"linear_{name}" for name in ("peers", "results", "truth")}
    found = {path.stem for path in (ROOT / "benchmarks").glob("*.py")}
    assert found == helpers | set(MODULES)


@pytest.mark.parametrize("covariance", gaussian.Gaussian.params[0])
def test_the_formula_that_normal_midpoints_are_timed_beside_is_the_same(covariance):
    benchmark = gaussian.Gaussian()
    benchmark.setup(covariance)
    benchmark.time_numpy(covariance)
    expected = benchmark.result
    benchmark.time_midpoint(covariance)
    np.testing.assert_allclose(benchmark.result, expected, rtol=0, atol=1e-13)


def raw_timings():
    module = importlib.import_module("benchmarks.imports")
    return [f for n, f in inspect.getmembers(module, inspect.isfunction) if n.startswith("timeraw")]


@pytest.mark.parametrize("timing", raw_timings(), ids=lambda f: f.__name__)
def test_an_import_is_one_that_works(timing):
    code = timing()
    ast.parse(code)
    if timing.__name__ == "timeraw_import_otmaps":
        loaded = ["scipy.stats", "ot", "matplotlib", "torch"]
        code += f"\nimport sys; assert not set({loaded}) & set(sys.modules)"
        subprocess.run([sys.executable, "-c", code], check=True, cwd=ROOT)


@pytest.fixture(params=list(peers.LOOKUPS))
def peer(request):
    if "sklearn" in request.param:
        pytest.importorskip("sklearn")
    return request.param


@pytest.mark.parametrize("dtype", apply.DTYPES)
def test_what_is_timed_is_the_right_answer(peer, dtype):
    benchmark = apply.Lookup()
    benchmark.setup(peer, dtype)
    benchmark.time_lookup(peer, dtype)
    entry = peers.LOOKUPS[peer]
    # In float32 a cdf of 1 - q has an error of 6e-8, which moves z by 6e-8 / pdf(z).
    tail, rounding = (entry.tail, 0.0) if dtype == "float64" else (max(entry.tail, 1e-2), 1e-5)
    y = benchmark.y.astype(float)
    inside = np.abs(y) < peers.SOURCE.isf(tail)
    gap = np.abs(benchmark.z[inside] - peers.exact(y[inside]))
    assert gap.max() <= entry.tolerance + rounding


def test_a_peer_is_held_to_its_tolerance(peer):
    entry = peers.LOOKUPS[peer]
    points = np.linspace(-1.0, 1.0, 1001)  # as many as `gap` looks up
    lookup = entry.make(points)
    assert peers.gap(lookup, entry) <= entry.tolerance
    assert peers.gap(lambda y: lookup(y) + 1.5 * entry.tolerance, entry) > entry.tolerance
    assert peers.gap(lambda y: lookup(1.01 * y + 0.2), entry) > entry.tolerance


def test_errors_of_peers_are_found_where_they_are():
    ours, clipped = peers.LOOKUPS["otmaps"], peers.LOOKUPS["numpy.interp, quantile knots"]
    assert peers.error_within(ours, 37.0, 1001) <= 1e-9 * 37.0
    assert peers.error_within(clipped, 3.0, 1001) <= clipped.tolerance
    end = float(peers.TARGET.isf(0.5 / peers.KNOTS))  # the last knot
    assert peers.error_within(clipped, 5.2, 1001) == pytest.approx(5.2 - end, abs=1e-9)


def test_what_ways_to_blend_do_to_the_law():
    """What page and suite say of them, on 200 rows: kept, or not; and at which price."""
    z = blends.latents("normal", n=200_000)
    for way in (blends.FUSED, blends.INTO, blends.TWO_PASSES):
        found = blends.WAYS[way]("normal", *z)()
        assert blends.distance("normal", found) < 1.95
        assert blends.cost("normal", found, *z) == pytest.approx(1.0, abs=1e-12)
    rows = found.reshape(-1, 50)
    assert blends.norm_distance(rows) < 1.95
    raw = blends.WAYS[blends.PLAIN]("normal", *z)()
    assert blends.distance("normal", raw) > 10.0
    assert blends.cost("normal", raw, *z) == 0.0
    assert blends.norm_distance(raw) > 10.0
    assert blends.norm_distance(blends.WAYS[blends.SLERP]("normal", *z)()) > 3.0


def test_slerp_is_on_the_arc():
    """Of unit vectors: a unit vector at half the angle."""
    low, high = np.array([[1.0, 0.0]]), np.array([[np.cos(1.0), np.sin(1.0)]])
    found = blends.slerp(0.25, low, high)
    assert found == pytest.approx(np.array([[np.cos(0.25), np.sin(0.25)]]))


def test_lol_keeps_the_law_at_a_price():
    pytest.importorskip("lolatents")
    z = blends.latents("uniform", n=200_000)
    found = blends.WAYS[blends.LOL]("uniform", *z)()
    assert blends.distance("uniform", found) < 1.95
    assert 1.1 < blends.cost("uniform", found, *z) < 1.3
    normal = blends.latents("normal", n=1000)
    theirs, ours = (blends.WAYS[way]("normal", *normal)() for way in (blends.LOL, blends.FUSED))
    np.testing.assert_allclose(theirs, ours, atol=1e-12)


def test_every_layout_gives_the_same_values():
    truth = cases.midpoint_map(calls.PRIOR)(calls.points("float64"))
    for layout in calls.LAYOUTS:
        case = calls.Layout()
        case.setup(layout, "float64")
        found = case.map(case.y, out=case.out)
        assert np.array_equal(found.ravel(), truth), layout
        case.fill()
        assert np.array_equal(case.y.ravel(), case.source), layout


def test_memory_of_a_call():
    assert memory.scratch(lambda: np.ones(10**6)) == pytest.approx(8e6, rel=1e-3)
    assert memory.scratch(lambda: None) < 1000


def test_the_common_problem_is_exact():
    for y in (-700.0, -30.0, -0.3, 0.0, 2.0, 36.0, 700.0):
        with mpmath.workdps(350):
            tail = 1 / (1 + mpmath.exp(abs(mpmath.mpf(y))))
            z = mpmath.mpf(abs(float(peers.exact(np.array([y]))[0])))
            found = mpmath.erfc(z / mpmath.sqrt(2)) / 2
            # a relative change of the tail by e moves z by about e / z
            assert abs(found / tail - 1) <= 1e-12 * max(1.0, float(z) ** 2)


@pytest.mark.parametrize("prior", list(cases.PRIORS))
def test_quantiles_agree_with_those_they_are_compared_with(prior):
    p = np.concatenate([np.logspace(-12, -1, 23), np.linspace(0.1, 0.9, 81)])
    ours, theirs = cases.PRIORS[prior].ppf(p), peers.scipy_law(prior).ppf(p)
    # scipy's own quantiles are good to 1e-11 or so (Student)
    np.testing.assert_allclose(ours, theirs, rtol=1e-10, atol=1e-12)
    wrong = cases.PRIORS[prior].ppf(0.999 * p)
    assert not np.allclose(wrong, theirs, rtol=1e-10, atol=1e-12)


@pytest.mark.parametrize("prior", ["uniform", "laplace", "exponential"])
def test_the_maps_that_are_timed_are_tables(prior):
    assert prior in cases.TABULATED
    T = cases.midpoint_map(prior)
    assert T.kind == "table"
    z = np.linspace(T(T.domain[0] / 2), T(T.domain[1] / 4), 11)
    np.testing.assert_allclose(T(T.inverse(z)), z, rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("case", list(truth.TRUTHS))
def test_laws_and_maps_know_their_errors(case):
    found = truth.TRUTHS[case]
    assert found.absolute_error() <= found.law.error
    assert found.tail_error() <= found.law.tail_error
    assert found.map_error() <= found.map.error


def test_a_wrong_law_or_map_is_measured_as_such():
    right, other = truth.TRUTHS["laplace midpoint"], truth.TRUTHS["logistic midpoint"]
    mixed = truth.Truth(right.operation, right.prior, other.cdf, other.sf, right.ppf, right.isf)
    assert mixed.absolute_error() > 0.01
    assert mixed.tail_error() > 0.01
    assert mixed.map_error() > 0.01


@pytest.mark.parametrize("case", list(truth.TRUTHS))
def test_the_truth_is_a_law(case):
    found = truth.TRUTHS[case]
    y = [truth.mp.mpf(float(x)) for x in np.sort(found.points(40))]
    for a, b in itertools.pairwise(y):
        assert abs(found.cdf(a) + found.sf(a) - 1) < 1e-100
        assert found.cdf(a) <= found.cdf(b)
        assert found.sf(a) >= found.sf(b)


def test_kolmogorov_smirnov():
    n = 400
    middle = (np.arange(n) + 0.5) / n
    assert accuracy.kolmogorov_smirnov(middle) == pytest.approx(0.5 / np.sqrt(n))
    assert accuracy.kolmogorov_smirnov(0.9 * middle) > 1.9


def test_sections_of_the_page_about_performance_are_printed(capsys):
    performance_page.main(["store", "layout"])
    lines = capsys.readouterr().out.splitlines()
    tables = [line for line in lines if line.startswith("| ---")]
    assert len(tables) == 3
    with pytest.raises(SystemExit):
        performance_page.main(["magic"])
    assert "no section 'magic'" in capsys.readouterr().err


def test_the_page_about_performance_is_written(tmp_path, monkeypatch):
    """Some sections with a figure, and one without; all of them run as benchmarks anyway."""
    drawn = {name: s for name, s in performance_page.SECTIONS.items() if s.caption}
    drawn = dict(list(drawn.items())[:3])
    chosen = {**drawn, "store": performance_page.SECTIONS["store"]}
    monkeypatch.setattr(performance_page, "SECTIONS", chosen)
    monkeypatch.setattr(first_call, "stages", lambda *_: dict.fromkeys(first_call.STAGES, 0.1))
    performance_page.main(["--docs", str(tmp_path)])
    text = (tmp_path / "performance.md").read_text()
    assert all(f"\n## {section.title}\n" in text for section in chosen.values())
    assert machine.processor() in text
    assert max(map(len, text.split("\n\n## ")[0].splitlines())) <= 120
    pictures = {path.name for path in (tmp_path / "images").iterdir()}
    assert pictures == {f"performance-{name}.png" for name in drawn}
    assert all(f"](images/{name})" in text for name in pictures)
    for lines in text.split("\n\n"):
        if lines.startswith("| "):
            assert len({line.count("|") for line in lines.splitlines()}) == 1


def test_the_least_of_repeats_in_turns():
    order = []

    class Steps:
        def setup(self, name):
            if name == "absent":
                raise NotImplementedError

        def fill(self):
            order.append("fill")

        def run(self, name):
            order.append(name)

    ticks = iter([0.0, 3.0, 10.0, 14.0, 20.0, 25.0, 30.0, 32.0])
    found = report.least(
        [
            report.Timing("a", Steps, "run", ("a",), before="fill"),
            report.Timing("none", Steps, "run", ("absent",)),
            report.Timing("b", Steps, "run", ("b",), number=2),
        ],
        repeats=2,
        clock=lambda: next(ticks),
    )
    assert found == {"a": 3.0, "b": 1.0}
    assert order == ["fill", "a", "b", "b"] * 2


def test_the_limits_are_printed_beside_the_figures(capsys):
    limits.main()
    lines = capsys.readouterr().out.splitlines()
    assert sum("| map of " in line for line in lines) == 4 * (len(cases.PRIORS) - 1)
    assert all(line.count("|") == 4 for line in lines if line)


SINGLE = [name for name in linear_truth.CASES if name.endswith("n=1")]


@pytest.mark.parametrize("case", SINGLE)
def test_the_law_of_a_peer_is_the_law_of_the_case(case):
    pytest.importorskip("openturns")
    found = linear.case_errors("OpenTURNS", case)
    assert found.absolute <= 1e-11  # of the arcsine law; 1e-15 for the others


def test_errors_of_sums_are_those_of_the_laws():
    exact = linear_truth.Exact.of("laplace vicinity")
    law = linear_truth.pushforward(exact.case)
    found = linear_truth.law_errors(exact, law)
    assert linear_truth.is_covered(exact, law, found)
    assert linear_truth.deep_error(exact, law) <= 1e-14
    assert linear_truth.map_result(exact, law).measured <= 1e-10
    mp = linear_truth.mp  # the tail at one point, from its closed form
    x = mp.mpf(float(exact.x[0]))
    wanted = mp.log((4 * mp.exp(x) - mp.exp(2 * x)) / 6)
    assert abs(exact.log_tails[0] / wanted - 1) <= 1e-23


@pytest.mark.parametrize("scale", [1.0 + 1e-9, 1.1])
def test_a_wrong_sum_is_measured_as_such(scale):
    exact = linear_truth.Exact.of("laplace vicinity")
    law = linear_truth.pushforward(exact.case).affine(scale)
    found = linear_truth.law_errors(exact, law)
    assert not linear_truth.is_covered(exact, law, found)
    assert found.absolute > 0.1 * (scale - 1.0)
    assert found.bands["to 1e-300"] > min(0.9, 100.0 * (scale - 1.0))
    assert linear_truth.deep_error(exact, law) > 0.5 * (scale - 1.0)
    assert linear_truth.map_result(exact, law).measured > 0.1 * (scale - 1.0)


def test_no_value_and_no_tail_count_as_errors():
    exact = linear_truth.Exact.of("normal (.6, .8)")
    nothing = np.zeros_like(exact.x)
    found = linear_truth.errors(exact, nothing, nothing, nothing, ())
    assert set(found.bands.values()) == {1.0}
    assert found.pdf == 1.0
    nothing[:] = np.nan
    found = linear_truth.errors(exact, nothing, nothing, nothing, ())
    assert found.absolute == found.to_1e_300 == found.pdf == np.inf


def test_the_page_about_accuracy_is_written(tmp_path):
    names = ["uniform n=4 mean", "cauchy weights sum to 3"]
    accuracy_page.main([*names, "--docs", str(tmp_path)])
    text = (tmp_path / "accuracy.md").read_text()
    assert all(f"| {name} |" in text for name in names)
    assert "The stated errors cover the measured ones" in text
    assert {path.name for path in (tmp_path / "images").iterdir()} == {
        "accuracy-depth.png",
        "accuracy-time.png",
    }


def test_the_page_about_planning_is_written(tmp_path):
    planning.main(["--docs", str(tmp_path)])
    text = (tmp_path / "planning.md").read_text()
    assert "| three uniform latents |" in text
    assert "{" not in text.replace("{{", "")


def test_the_page_about_convergence_is_written(tmp_path):
    names = ["sum of 4 normals", "product of 4 normals"]
    convergence_page.main([*names, "--docs", str(tmp_path)])
    text = (tmp_path / "convergence.md").read_text()
    assert all(f"| {name} |" in text for name in names)
    assert [path.name for path in (tmp_path / "images").iterdir()] == ["convergence.png"]
    with pytest.raises(SystemExit, match="no case 'nonsense'"):
        convergence_page.main(["nonsense", "--docs", str(tmp_path)])


def test_the_laws_that_sampling_is_compared_with():
    """Against 10^5 draws, and a density of mpmath for the product of normals."""
    rng = np.random.default_rng(0)
    for name, case in convergence.cases().items():
        draws = case.operation.raw(*[law.rvs(100_000, rng) for law in case.inputs])
        found = np.searchsorted(np.sort(draws), case.points, side="right") / draws.size
        assert np.max(np.abs(found - case.truth(case.points))) < 0.008, name
        assert np.max(np.abs(found - case.truth(1.1 * case.points))) > 0.008, name

    def density(y):
        g = mpmath.meijerg([[], []], [[0, 0, 0, 0], []], y * y / 16)
        return g / (2 * mpmath.pi) ** 2

    rise = mpmath.quad(density, [0.5, 1.0, 2.0])
    low, high = convergence.product_of_normals(np.array([0.5, 2.0]))
    assert high - low == pytest.approx(float(rise), abs=1e-12)


def test_a_peer_that_takes_too_long_or_fails_has_no_result():
    exact = linear_truth.Exact.of("uniform n=4 mean")
    law = linear_truth.pushforward(exact.case)
    slow = linear_results.Worker("OpenTURNS", sys.executable, 1e-3)
    assert slow.result(exact, law, exact.x).refused == "no answer in 0 s"
    unknown = linear_results.Worker("no such package", sys.executable, 60.0)
    assert unknown.result(exact, law, exact.x).errors is None
    assert unknown.version() == ""


def test_the_table_of_operations_measures_and_tells_what_is_reached_from_what_is_not():
    named = operations_table.operation_cases()
    exact = operations_table.measured(named["identity of a logistic"])
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", otmaps.AccuracyWarning)
        few = [
            operations_table.measured(named[name]) for name in ("far mode squared", "t statistic")
        ]
    wrong = dataclasses.replace(exact, error=1e-8)
    assert exact.is_reached
    assert not wrong.is_reached
    text = operations_table.page([exact, wrong, *few])
    assert "## 1 input\n" in text
    assert "## 4 inputs\n" in text
    assert "0.7 Normal(-1, 1) + 0.3 Normal(1000, 2)" in text
    assert "4 x Normal(0, 1.3)" in text
    assert "is reached by " in text


def test_false_alarms_of_diagnoses_are_counted(capsys):
    alarms.main(["normal, float32", "ball", "--runs", "2"])
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 4
    assert all(line.count("|") == 7 for line in lines)
    with pytest.raises(SystemExit):
        alarms.main(["magic"])
    assert "no case 'magic'" in capsys.readouterr().err


def test_too_many_false_alarms_are_reported(monkeypatch):
    monkeypatch.setattr(alarms, "most_failures", lambda *_: -1)
    with pytest.raises(SystemExit, match="more alarms than allowed"):
        alarms.main(["normal, one latent", "--runs", "1"])


def test_the_page_about_divergence_is_written(tmp_path):
    divergence.main(["normal", "Cauchy", "--docs", str(tmp_path)])
    text = (tmp_path / "divergence.md").read_text()
    assert "| normal | 0.09657 |" in text
    assert [path.name for path in (tmp_path / "images").iterdir()] == ["divergence.png"]
    with pytest.raises(SystemExit, match="no prior 'nonsense'"):
        divergence.main(["nonsense", "--docs", str(tmp_path)])


def test_the_figures_of_paths(capsys):
    """Frames of constant speed by the formula of the script, beside those of `trajectory`."""
    paths.main(["speed", "frames"])
    assert len(capsys.readouterr().out.splitlines()) == 6 + 5
    z = np.random.default_rng(0).normal(size=(2, 3, 4))
    even = paths.even_frames(z[0], z[1], 0.25)
    for k in range(3):
        frames = otmaps.trajectory(
            z[:, k], otmaps.Normal(), frames=5, constant_speed=True, evenness=1e-3
        )
        np.testing.assert_allclose(frames[1], even[k], atol=0.01)


def test_the_figures_of_isotropic_priors(tmp_path, capsys):
    page = tmp_path / "page.md"
    page.write_text(f"before\n{isotropic.BEGIN}old\n{isotropic.END}after\n")
    isotropic.main(["--write"], page)
    text = page.read_text()
    assert text.startswith("before\n")
    assert text.endswith("after\n")
    assert "old" not in text
    isotropic.main(["costs"])
    rows = capsys.readouterr().out.splitlines()[4:-1]
    for row in rows:
        moved, plan = (float(x) for x in row.split("|")[4:6])
        assert moved == pytest.approx(plan, rel=1e-4)  # no plan is cheaper
    with pytest.raises(SystemExit):
        isotropic.main(["nonsense"])


def test_plain_slerp_is_slerp():
    a, b = np.random.default_rng(0).standard_normal((2, 20, 5))
    found = isotropic.slerp(a, b, 0.3)
    np.testing.assert_allclose(found, otmaps.slerp(0.3).raw(a, b), rtol=1e-12)


def test_the_table_of_failures_is_printed(capsys):
    honesty.main(["Monte Carlo", "--runs", "2"])
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 3 + len(honesty.CASES)
    assert all(line.count("|") == 7 for line in lines[1:])
    with pytest.raises(SystemExit):
        honesty.main(["magic"])
    assert "no estimator 'magic'" in capsys.readouterr().err


def test_failures_that_are_too_many_are_reported(monkeypatch):
    monkeypatch.setattr(honesty, "most_failures", lambda runs, rate: -1)
    with pytest.raises(SystemExit, match="more failures than allowed"):
        honesty.main(["Monte Carlo", "--runs", "1"])


def test_as_many_failures_are_allowed_as_luck_makes():
    assert honesty.most_failures(2000, 0.05) == 131
    assert honesty.most_failures(10, 1e-9) == 0


@pytest.mark.parametrize("case", list(honesty.CASES))
def test_the_truths_that_honesty_is_held_to(case):
    """The cdf of a case against draws of its operation, which no estimator has touched."""
    found = honesty.CASES[case]
    rng = np.random.default_rng(5)
    y = np.sort(found.op.raw(*(found.law.rvs(40_000, rng) for _ in found.op.latents)))
    x = np.unique(y)
    after = np.searchsorted(y, x, side="right") / y.size
    assert np.max(np.abs(after - found.cdf(x))) <= np.sqrt(np.log(2e6) / (2.0 * y.size))


@pytest.mark.needs_jit
def test_no_map_falls_between_neighbouring_floats():
    for name, T in order.cases(1e-9):
        done, falls = order.count_falls(T, 20_000)
        assert (done >= 20_000, falls) == (True, 0), name


def test_a_map_that_falls_is_counted(monkeypatch, capsys):
    T = otmaps.monotone_map(otmaps.Logistic(), otmaps.Normal(), tol=1e-3)
    S = dataclasses.replace(T, kind="affine", table=None, scale=-1.0, limits=(-1e3, 1e3))
    done, falls = order.count_falls(S, 1000)
    assert falls > 0.4 * done
    monkeypatch.setattr(order, "cases", lambda tol: iter([order.Case("bad", S)]))
    assert order.main(["--probes", "300"]) == 1
    assert "in all" in capsys.readouterr().out


def test_the_table_of_priors_from_samples():
    network = empirical.MappingNetwork(2, np.random.default_rng(0))
    w, w1, w2, fresh = (network(800) for _ in range(4))
    ways = dict(itertools.islice(empirical.midpoints(w, w1, w2), 2))
    chance, raw, matched = (empirical.scores(x, fresh)[0] for x in (w, *ways.values()))
    assert matched < 0.5 * raw
    assert matched < chance + 0.05
    truth = empirical.TRUTHS["uniform"]
    assert np.all(empirical.coverage(truth, n=500, samples=3) <= 1.0)
    fitted, exponential, _, _ = empirical.far_errors(truth, n=2000, samples=3)
    assert fitted < 0.1 * exponential
