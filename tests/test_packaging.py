"""What a user gets: the public namespace, the version, and the files of wheel, sdist and recipe."""

import email
import importlib.metadata
import json
import os
import re
import subprocess
import sys
import tarfile
import tomllib
import types
import zipfile
from pathlib import Path

import pytest
import yaml

import otmaps

ROOT = Path(__file__).parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]


def test_all_is_sorted_and_complete():
    # As ruff sorts: names in capitals first.
    assert list(otmaps.__all__) == sorted(set(otmaps.__all__), key=lambda n: (not n.isupper(), n))
    public = {
        name
        for name, value in vars(otmaps).items()
        if not name.startswith("_") and not isinstance(value, types.ModuleType)
    }
    assert public == set(otmaps.__all__) - {"__version__"}


def test_public_objects_say_that_they_live_in_the_public_namespace_or_below():
    for name in otmaps.__all__:
        module = getattr(getattr(otmaps, name), "__module__", "otmaps")
        assert module.split(".")[0] == "otmaps", f"{name} comes from {module}"


def test_version_is_the_same_everywhere():
    assert otmaps.__version__ == importlib.metadata.version("otmaps")
    citation = (ROOT / "CITATION.cff").read_text(encoding="utf-8")
    assert f"\nversion: {otmaps.__version__}\n" in citation
    assert recipe()["context"]["version"] == otmaps.__version__


# A cap needs a reason, and goes when the reason does.
CAPPED = {"plotext": "version 6 is another interface, on a compiled kernel"}


def test_core_dependencies_have_a_lower_bound_and_no_upper_cap_without_a_reason():
    for requirement in importlib.metadata.requires("otmaps"):
        needed = requirement.split(";")[0].strip()
        if re.match(r"[\w-]+", needed)[0] in CAPPED:
            continue
        assert re.fullmatch(r"[\w.-]+(\[\w+(,\w+)*\])?>=[\d.]+", needed), requirement


# ---------------------------------------------------------------------------------- sdist and wheel
def hatchling(where, target, folder):
    command = [sys.executable, "-m", "hatchling", "build", "-t", target, "-d", str(folder)]
    subprocess.run(command, cwd=where, check=True, capture_output=True, timeout=120)


@pytest.fixture(scope="module")
def built(tmp_path_factory):
    """A wheel that is built from the sdist, as `make build` does; and both file names."""
    folder = tmp_path_factory.mktemp("built")
    hatchling(ROOT, "sdist", folder)
    (sdist,) = folder.glob("*.tar.gz")
    with tarfile.open(sdist) as archive:
        archive.extractall(folder, filter="data")
    hatchling(folder / sdist.name.removesuffix(".tar.gz"), "wheel", folder)
    (wheel,) = folder.glob("*.whl")
    return sdist, wheel


@pytest.fixture(scope="module")
def names(built):
    with zipfile.ZipFile(built[1]) as archive:
        return set(archive.namelist())


@pytest.fixture(scope="module")
def unpacked(built, tmp_path_factory):
    folder = tmp_path_factory.mktemp("unpacked")
    with zipfile.ZipFile(built[1]) as archive:
        archive.extractall(folder)
    return folder


INFO = f"otmaps-{otmaps.__version__}.dist-info"


def test_wheel_holds_the_package_and_nothing_else(names):
    assert {name.split("/")[0] for name in names} == {"otmaps", INFO}
    assert not [name for name in names if "__pycache__" in name]
    assert f"{INFO}/licenses/LICENSE" in names


def test_wheel_from_the_sdist_holds_types_and_data(names):
    package = ROOT / "otmaps"
    data = {
        path.relative_to(ROOT).as_posix()
        for pattern in ("*.py", "py.typed", "demo/models/*.onnx", "demo/models/*.json")
        for path in package.rglob(pattern)
    }
    assert "otmaps/py.typed" in data
    assert data <= names


def parts(requirement):
    """A requirement, whatever the order of its bounds and the case of its name."""
    name = re.match(r"[\w-]+", requirement)[0].lower()
    return name, frozenset(re.findall(r"[<>=]+[\d.]+", requirement))


def test_metadata_are_what_an_index_asks_for(unpacked):
    metadata = email.message_from_string((unpacked / INFO / "METADATA").read_text(encoding="utf-8"))
    assert metadata["Name"] == "otmaps"
    assert metadata["Version"] == otmaps.__version__
    assert metadata["Requires-Python"] == PROJECT["requires-python"]
    assert metadata["License-Expression"] == "MIT"
    assert metadata["Description-Content-Type"] == "text/markdown"
    assert metadata.get_payload().startswith("# otmaps")
    wanted = {r for r in metadata.get_all("Requires-Dist") if "extra ==" not in r}
    assert {parts(r) for r in wanted} == {parts(r) for r in PROJECT["dependencies"]}
    scripts = (unpacked / INFO / "entry_points.txt").read_text(encoding="utf-8")
    assert "otmaps = otmaps.cli:main" in scripts


def test_the_wheel_works_away_from_the_sources(unpacked, tmp_path):
    """Interpreted kernels: compiling them anew, in another place, takes a minute."""
    env = os.environ | {"PYTHONPATH": str(unpacked), "NUMBA_DISABLE_JIT": "1"}
    done = subprocess.run(
        [sys.executable, "-P", "-W", "error", "-m", "otmaps", "doctor", "--json"],
        cwd=tmp_path, env=env, capture_output=True, text=True, check=False, timeout=300,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    found = {(f["area"], f["name"]): f for f in json.loads(done.stdout)["findings"]}
    assert str(unpacked) in found["system", "otmaps"]["found"]
    assert found["result", "a known map"]["verdict"] == "good"


def test_sdist_holds_what_a_packager_needs(built):
    with tarfile.open(built[0]) as archive:
        files = {name.partition("/")[2] for name in archive.getnames()}
    for name in ("LICENSE", "README.md", "CHANGELOG.md", "CONTRIBUTING.md", "Makefile",
                 "pyproject.toml", "conda/recipe.yaml", "tests/conftest.py", "tools/venv.sh",
                 "docs/releasing.md"):  # fmt: skip
        assert name in files
    junk = ("__pycache__", ".pyc", ".venv", "/build/", ".coverage", ".mypy_cache")
    assert not [name for name in files if any(part in name for part in junk)]


# ------------------------------------------------------------------ recipe, changelog and templates
def recipe():
    return yaml.safe_load((ROOT / "conda" / "recipe.yaml").read_text(encoding="utf-8"))


# Names on conda-forge, where they differ.
ON_CONDA = {"matplotlib": "matplotlib-base", "torch": "pytorch", "dask": "dask-core"}


def conda_name(requirement):
    name, bound = re.fullmatch(r"([\w-]+)(?:\[[\w,]+\])?(.*)", requirement).groups()
    return f"{ON_CONDA.get(name.lower(), name.lower())} {bound}"


def test_the_recipe_asks_for_what_the_project_asks_for():
    needed = recipe()["requirements"]
    least = PROJECT["requires-python"].removeprefix(">=")
    assert recipe()["context"]["python_min"] == least
    assert needed["run"][0] == "python >=${{ python_min }}"
    assert needed["run"][1:] == [conda_name(r) for r in PROJECT["dependencies"]]
    for wanted in needed["run_constraints"]:
        extras = [conda_name(r) for e in PROJECT["optional-dependencies"].values() for r in e]
        assert wanted in extras
    entry = f"otmaps = {PROJECT['scripts']['otmaps']}"
    assert recipe()["build"]["python"]["entry_points"] == [entry]


SECTIONS = {"Added", "Changed", "Deprecated", "Removed", "Fixed", "Security"}


def test_the_changelog_keeps_its_rules():
    text = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    titles = re.findall(r"^## (.*)$", text, flags=re.MULTILINE)
    assert titles[0] == "[Unreleased]"
    released = [re.fullmatch(r"\[(\d+)\.(\d+)\.(\d+)\] - \d{4}-\d\d-\d\d", t) for t in titles[1:]]
    assert all(released), titles
    numbers = [tuple(map(int, match.groups())) for match in released]
    assert numbers == sorted(numbers, reverse=True)
    for part in re.split(r"^## ", text, flags=re.MULTILINE)[1:]:
        sections = re.findall(r"^### (.*)$", part, flags=re.MULTILINE)
        assert set(sections) <= SECTIONS
        assert len(sections) == len(set(sections))


FORMS = sorted((ROOT / ".github" / "ISSUE_TEMPLATE").glob("*.yml"))


@pytest.mark.parametrize("path", [f for f in FORMS if f.stem != "config"], ids=lambda p: p.stem)
def test_issue_forms(path):
    form = yaml.safe_load(path.read_text(encoding="utf-8"))
    assert (
        {"name", "description", "body"} <= form.keys() <= {"name", "description", "body", "labels"}
    )
    fields = [field for field in form["body"] if field["type"] != "markdown"]
    assert len({field["id"] for field in fields}) == len(fields) >= 3
    for field in fields:
        assert field["type"] == "textarea"
        assert field["attributes"]["label"]
        assert field.keys() <= {"type", "id", "attributes", "validations"}
