"""The documentation: the API reference is whole, its examples run, links lead somewhere."""

from __future__ import annotations

import doctest
import importlib.util
import inspect
import re
import warnings

import pytest
from test_readme import ROOT, blocks

import otmaps
from otmaps import demo, plot, testing

DOCS = ROOT / "docs"
MODULES = {"otmaps": otmaps, "otmaps.plot": plot, "otmaps.testing": testing, "otmaps.demo": demo}
PUBLIC = {  # classes and functions; constants are named in the text
    f"{name}.{member}": getattr(module, member)
    for name, module in MODULES.items()
    for member in module.__all__
    if inspect.isclass(getattr(module, member)) or inspect.isroutine(getattr(module, member))
}
# What the demo returns takes a minute to make, and is made in its own tests.
WITHOUT_EXAMPLES = {name for name in PUBLIC if name.startswith("otmaps.demo.")}


def load_tool(name):
    spec = importlib.util.spec_from_file_location(name, ROOT / "tools" / f"{name}.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


# ------------------------------------------------------------------------- API reference


def documented(text):
    """The objects that the tables of a page of the reference name."""
    found, module, inside = [], "otmaps", False
    for line in text.splitlines():
        if named := re.match(r"\.\. currentmodule:: (\S+)", line):
            module = named[1]
        if line.startswith(".. autosummary::"):
            inside = True
        elif line and not line.startswith(" "):
            inside = False
        elif inside and (entry := re.fullmatch(r"   (\w+)", line)):
            found.append(f"{module}.{entry[1]}")
    return found


def test_the_reference_has_every_public_object_once():
    pages = [path.read_text(encoding="utf-8") for path in (DOCS / "api").glob("*.rst")]
    assert sorted(name for page in pages for name in documented(page)) == sorted(PUBLIC)


def test_an_object_that_the_reference_lacks_is_noticed():
    page = (DOCS / "api" / "maps.rst").read_text(encoding="utf-8")
    shorter = page.replace("   compose\n", "")
    assert set(documented(page)) - set(documented(shorter)) == {"otmaps.compose"}


# ----------------------------------------------------------------------------- examples

FLAGS = doctest.NORMALIZE_WHITESPACE | doctest.IGNORE_EXCEPTION_DETAIL


def failures(name, text):
    test = doctest.DocTestParser().get_doctest(text, {}, name, None, None)
    said = []
    doctest.DocTestRunner(optionflags=FLAGS).run(test, out=said.append)
    return "".join(said)


@pytest.mark.needs_jit
@pytest.mark.parametrize("name", sorted(PUBLIC.keys() - WITHOUT_EXAMPLES))
def test_public_objects_have_an_example_that_runs(name, tmp_path, monkeypatch):
    if name.startswith("otmaps.plot."):
        pytest.importorskip("matplotlib")
    monkeypatch.chdir(tmp_path)
    text = inspect.cleandoc(PUBLIC[name].__doc__)
    assert re.search(r"\nExamples\n-{8}\n[^>]*>>> ", text)
    found = failures(name, text)
    assert not found, found


def test_an_example_that_tells_no_truth_is_noticed():
    assert failures("a", ">>> 1 + 1\n2\n") == ""
    assert "Got:\n    2" in failures("a", ">>> 1 + 1\n3\n")
    assert "NameError" in failures("a", ">>> unknown\n3\n")


@pytest.mark.needs_jit
def test_the_suites_of_the_contributing_page_pass(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    namespace = {}
    for block in blocks(DOCS / "contributing.md", "python"):
        exec(compile(block, "contributing.md", "exec"), namespace)
    suites = [thing for name, thing in namespace.items() if name.startswith("Test")]
    assert {suite.__mro__[1].__name__ for suite in suites} == set(testing.__all__)
    for suite in suites:
        for name in (name for name in dir(suite) if name.startswith("test_")):
            case = getattr(suite(), name)
            wants_folder = "tmp_path" in inspect.signature(case).parameters
            folder = tmp_path / f"{suite.__name__}-{name}"
            folder.mkdir()
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", otmaps.AccuracyWarning)
                case(folder) if wants_folder else case()
    namespace["law_of_smaller"].unregister()


# -------------------------------------------------------------------------------- links


def write(folder, **pages):
    for name, body in pages.items():
        (folder / f"{name}.html").write_text(f"<html><body>{body}</body></html>", encoding="utf-8")


def test_links_of_a_sound_site_hold(tmp_path):
    write(
        tmp_path,
        index='<a href="other.html#here">a</a> <a href="#top">b</a> <h1 id="top">c</h1>',
        other='<p id="here">d</p> <a href="https://example.org/gone">e</a>',
    )
    assert load_tool("check_links").broken(tmp_path) == []


@pytest.mark.parametrize(
    ("body", "fault"),
    [
        ('<a href="gone.html">a</a>', "no file gone.html"),
        ('<a href="other.html#gone">a</a>', "no anchor other.html#gone"),
        ('<a href="#gone">a</a>', "no anchor #gone"),
        ('<img src="gone.png">', "no file gone.png"),
        ('<script src="gone.js"></script>', "no file gone.js"),
    ],
)
def test_a_broken_link_is_noticed(tmp_path, body, fault):
    write(tmp_path, index=body, other="")
    assert load_tool("check_links").broken(tmp_path) == [f"index.html: {fault}"]


def test_every_page_can_be_reached_from_the_first():
    trees = "\n".join(blocks(DOCS / "index.md", "{toctree}"))
    lines = [line for line in trees.splitlines() if line and not line.startswith(":")]
    listed = {re.sub(r".*<(.*)>", r"\1", line) for line in lines}
    pages = {path.stem for path in DOCS.glob("*.md")} - {"index", "gallery"}
    assert pages | {"api/index", "auto_examples/index"} == listed
