"""What a user gets: the public namespace, the version, and the files of the wheel."""

import importlib.metadata
import re
import subprocess
import sys
import types
import zipfile
from pathlib import Path

import pytest

import otmaps

ROOT = Path(__file__).parents[1]


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


# A cap needs a reason, and goes when the reason does.
CAPPED = {"plotext": "version 6 is another interface, on a compiled kernel"}


def test_core_dependencies_have_a_lower_bound_and_no_upper_cap_without_a_reason():
    for requirement in importlib.metadata.requires("otmaps"):
        needed = requirement.split(";")[0].strip()
        if re.match(r"[\w-]+", needed)[0] in CAPPED:
            continue
        assert re.fullmatch(r"[\w.-]+(\[\w+(,\w+)*\])?>=[\d.]+", needed), requirement


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    folder = tmp_path_factory.mktemp("wheel")
    command = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", folder]
    subprocess.run(command, cwd=ROOT, check=True, capture_output=True, timeout=120)
    (path,) = folder.glob("*.whl")
    with zipfile.ZipFile(path) as archive:
        return set(archive.namelist())


def test_wheel_holds_the_package_and_nothing_else(wheel):
    folders = {name.split("/")[0] for name in wheel}
    assert folders == {"otmaps", f"otmaps-{otmaps.__version__}.dist-info"}
    assert not [name for name in wheel if "__pycache__" in name]


def test_wheel_holds_types_and_data(wheel):
    package = ROOT / "otmaps"
    data = {
        path.relative_to(ROOT).as_posix()
        for pattern in ("*.py", "py.typed", "demo/models/*.onnx", "demo/models/*.json")
        for path in package.rglob(pattern)
    }
    assert "otmaps/py.typed" in data
    assert data <= wheel
