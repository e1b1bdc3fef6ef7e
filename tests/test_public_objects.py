"""All public objects: pickled, copied, completed by tab, and shown in notebooks."""

import copy
import dataclasses
import inspect
import pickle
import re
import subprocess
import sys
import xml.etree.ElementTree as ET
from pathlib import Path

import numpy as np
import public_objects
import pytest

import otmaps
from otmaps._colours import COLOURS
from otmaps._notebook._figure import Line, figure

TESTS = Path(__file__).parent
ABSTRACT = {"Covariance", "Distribution", "Estimator", "Isotropic", "RadialPrior", "Store"}
# Tested where they have what they need: a server, and a registration.
ELSEWHERE = {"ObjectStore", "RegisteredForm"}


@pytest.fixture(scope="module")
def objects(tmp_path_factory):
    return public_objects.make(tmp_path_factory.mktemp("objects"))


def test_the_table_has_every_public_class(objects):
    classes = {n for n in otmaps.__all__ if inspect.isclass(getattr(otmaps, n))}
    have = {name for name in classes for o in objects.values() if type(o) is getattr(otmaps, name)}
    assert classes - have == ABSTRACT | ELSEWHERE


# ----------------------------------------------------------------------------- pickling and copying
def same(a, b):
    """Whether two objects look the same and give the same numbers."""
    if type(a) is not type(b) or repr(a) != repr(b) or str(a) != str(b):
        return False
    if isinstance(a, otmaps.Distribution):
        return np.array_equal(a.cdf(POINTS), b.cdf(POINTS))
    if isinstance(a, otmaps.Operation):
        return a == b and np.array_equal(a.raw(POINTS, POINTS[::-1]), b.raw(POINTS, POINTS[::-1]))
    if isinstance(a, otmaps.MonotoneMap | otmaps.ComposedMap):
        return np.array_equal(a(POINTS), b(POINTS))
    if isinstance(a, otmaps.MatchedOperation) and isinstance(a.map, otmaps.MonotoneMap):
        return np.array_equal(a(POINTS, POINTS[::-1]), b(POINTS, POINTS[::-1]))
    if isinstance(a, otmaps.Family):
        return a(0.3)(0.1, 0.2) == b(0.3)(0.1, 0.2)
    if isinstance(a, otmaps.Mismatch | otmaps.CheckReport | otmaps.Diagnosis):
        return a.as_dict() == b.as_dict()
    return True


POINTS = np.linspace(-0.9, 0.9, 7)


@pytest.mark.parametrize("how", [copy.copy, copy.deepcopy], ids=lambda f: f.__name__)
def test_copies(objects, how):
    assert [name for name, each in objects.items() if not same(each, how(each))] == []


@pytest.mark.parametrize("protocol", [2, pickle.HIGHEST_PROTOCOL])
def test_pickles(objects, protocol):
    for name, each in objects.items():
        assert same(each, pickle.loads(pickle.dumps(each, protocol))), name


def test_pickles_read_by_another_process(objects, tmp_path):
    file = tmp_path / "objects.pickle"
    file.write_bytes(pickle.dumps(objects))
    code = (
        "import pickle, sys; objects = pickle.load(open(sys.argv[1], 'rb'));"
        "print('\\n'.join(f'{n} {type(o).__name__}' for n, o in objects.items()))"
    )
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", code, str(file)],
        cwd=TESTS, capture_output=True, text=True, check=False, timeout=120,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    expected = [f"{name} {type(each).__name__}" for name, each in objects.items()]
    assert done.stdout.splitlines() == expected


def test_mappings_of_a_copy_are_read_only(objects):
    again = pickle.loads(pickle.dumps(objects["Mismatch"]))
    with pytest.raises(TypeError):
        again.error["kl"] = 0.0


def test_a_factory_is_pickled_by_its_name(objects):
    assert pickle.loads(pickle.dumps(public_objects.clipped)) is public_objects.clipped
    other = otmaps.operation(np.hypot, name="length")  # its function has a name of its own
    again = pickle.loads(pickle.dumps(other))
    assert again().raw(3.0, 4.0) == 5.0


def test_registered_forms_are_one_object_and_say_why_they_do_not_travel():
    @otmaps.closed_form(public_objects.clipped, otmaps.Cauchy, otmaps.Cauchy)
    def form(parameters, laws):
        return "no law"

    with form:
        assert copy.copy(form) is form
        assert copy.deepcopy([form])[0] is form
        with pytest.raises(TypeError, match="in force in this process alone"):
            pickle.dumps(form)


# ---------------------------------------------------------------------------------- tab completion
def test_tab_completion_of_the_package_shows_public_names_alone():
    shown = dir(otmaps)
    assert shown == sorted(shown)
    hidden = [n for n in shown if n.startswith("_") and n != "__version__"]
    assert hidden == []
    assert set(otmaps.__all__) < set(shown)
    for name in shown:
        assert getattr(otmaps, name) is not None


def test_public_objects_have_docstrings_for_the_help_of_a_notebook():
    for name in otmaps.__all__:
        assert inspect.getdoc(getattr(otmaps, name)), name


# --------------------------------------------------------------------------------------- notebooks
SHOWN = (
    otmaps.Distribution, otmaps.Isotropic, otmaps.Independent, otmaps.MultivariateNormal,
    otmaps.MonotoneMap, otmaps.ComposedMap, otmaps.RandomizedPlan, otmaps.RadialMap,
    otmaps.GaussianMap, otmaps.ComponentMaps, otmaps.MatchedOperation,
    otmaps.MatchedIsotropicOperation, otmaps.MatchedGaussianOperation,
    otmaps.MatchedIndependentOperation, otmaps.Family, otmaps.Mismatch, otmaps.CheckReport,
    otmaps.Diagnosis, otmaps.PrecomputeReport, otmaps.Verification,
)  # fmt: skip
TABLES_ALONE = ("CheckReport", "Diagnosis", "PrecomputeReport", "Verification")


def shown(each):
    """The card, as a tree; what is not well formed raises."""
    html = each._repr_html_()
    assert "<script" not in html
    assert not re.search(r"(href|src|url\(|@import)", html)
    return ET.fromstring(html)


def test_notebooks_show_laws_maps_matches_and_reports(objects):
    seen = set()
    for name, each in objects.items():
        if not isinstance(each, SHOWN):
            continue
        tree = shown(each)
        seen |= {kind for kind in SHOWN if isinstance(each, kind)}
        has_figure = any(node.tag.endswith("svg") for node in tree.iter())
        assert has_figure or name in TABLES_ALONE, name
    assert seen == set(SHOWN)


def test_a_card_has_the_certificate(objects):
    text = "".join(shown(objects["MatchedOperation"]).itertext())
    m = objects["MatchedOperation"]
    assert f"{m.map.error:.0e} in units of the prior's scale" in text
    assert f"{m.map.error_u:.0e}" in text
    assert f"table of {m.map.table.cells} cells" in text
    assert "certified for y-1 to 1" in text


def test_the_colours_are_those_of_all_figures(objects):
    html = objects["MatchedOperation"]._repr_html_()
    assert all(COLOURS[name] in html for name in ("linear", "prior", "matched"))


def test_texts_of_users_are_escaped_and_shortened():
    bare = otmaps.operation(lambda z: 0.5 * z)()  # without a name: none is registered
    hostile = dataclasses.replace(bare, name="<script>alert(1)</script>" + 300 * "x")
    m = otmaps.match(hostile, "uniform", store=None)
    html = m._repr_html_()
    assert "<script" not in html
    assert "&lt;script&gt;" in html
    assert 200 * "x" not in html


def test_a_map_from_a_store_computes_no_law_to_be_shown(tmp_path):
    for _ in range(2):
        m = otmaps.match(otmaps.lerp(0.3), "laplace", store=otmaps.TableStore(tmp_path))
    assert m.map.source is None
    text = "".join(shown(m).itertext())
    assert "came from a store" in text
    assert "source" not in vars(m)
    assert m.source.method in "".join(shown(m).itertext())  # now it is at hand


def test_verdicts_are_words_and_not_colours_alone(objects):
    assert "The map holds." in "".join(shown(objects["CheckReport"]).itertext())
    raw = otmaps.Normal().rvs((400, 8), random_state=0) * 0.7
    report = otmaps.diagnose(raw, "normal")
    text = "".join(shown(report).itertext())
    assert "CONTRADICTS" in text
    assert COLOURS["linear"] in report._repr_html_()


@pytest.mark.parametrize(
    ("x", "y"),
    [
        ([0.0, 1.0], [2.0, 2.0]),
        ([0.0, 1.0], [0.0, 0.0]),
        ([1e-300, 2e-300], [1.0, 2.0]),
        ([-1e200, 1e200], [1e-5, 2e-5]),
        ([0.0, 1.0, np.nan, np.inf], [1.0, 2.0, 3.0, np.inf]),
    ],
)
def test_figures_of_odd_numbers(x, y):
    svg = ET.fromstring(figure("t", [Line("a", np.array(x), np.array(y), "#123456")], across="x"))
    texts = "".join(svg.itertext())
    assert "nan" not in texts
    assert len(list(svg.iter("{http://www.w3.org/2000/svg}text"))) > 4
    points = next(svg.iter("{http://www.w3.org/2000/svg}polyline")).attrib["points"]
    assert all(-1 <= float(p) <= 301 for p in re.split(r"[ ,]", points))


def test_nothing_to_draw_is_no_figure():
    line = Line("a", np.array([np.nan, 1.0]), np.array([1.0, 2.0]), "#123456")
    assert figure("t", [line], across="x") == ""
