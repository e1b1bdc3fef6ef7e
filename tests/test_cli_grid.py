"""Grids in files: `otmaps precompute --grid`."""

import json
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner

import otmaps
from otmaps.cli import main

GOOD = """
store = "tables"
tol = 1e-2
[[grid]]
operation = "lerp"
prior = ["uniform", "uniform(-1, 2)"]
parameters = { t = "0.1:0.4:4" }
[[grid]]
operation = ["own.py:sharpen", "own.py:blur"]
prior = "uniform(-1, 3)"
inputs = { z2 = "uniform" }
parameters = { strength = [0.1, 0.2] }
tol = 1e-1
[[grid]]
operation = "barycenter"
prior = "uniform"
parameters = { weights = [[0.5, 0.3, 0.2], [0.55, 0.45]] }
[[grid]]
operation = "lerp"
prior = "uniform"
parameters = { t = 0.1 }
"""

OWN = """
import otmaps


@otmaps.operation(version="1")
def sharpen(z1, z2, *, strength=0.3):
    return z1 + strength * (z1 - z2)


@otmaps.operation(version="1")
def blur(z1, z2, *, strength=0.3):
    return z1 + strength * z2
"""


@pytest.fixture
def folder(tmp_path: Path, monkeypatch) -> Path:
    """A folder with a grid file and what it names; the run starts elsewhere."""
    (tmp_path / "grids").mkdir()
    (tmp_path / "grids" / "own.py").write_text(OWN)
    (tmp_path / "grids" / "good.toml").write_text(GOOD)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", [*sys.path])
    monkeypatch.delitem(sys.modules, "own", raising=False)
    return tmp_path / "grids"


def run(*arguments):
    return CliRunner().invoke(main, ["precompute", *map(str, arguments)])


def told(*arguments):
    result = run(*arguments, "--json")
    assert result.exit_code == 0, result.output
    return json.loads(result.stdout)


def test_a_grid_file(folder, tmp_path):
    found = told("--grid", folder / "good.toml")
    assert [r["status"] for r in found["results"]] == ["built"] * 14
    assert found["duplicates"] == 1
    assert len(list(otmaps.TableStore(tmp_path / "tables").keys())) == 14
    assert sum("sharpen" in r["operation"] for r in found["results"]) == 2
    assert {r["status"] for r in told("--grid", folder / "good.toml")["results"]} == {"found"}


def test_parts_are_the_whole(folder, tmp_path):
    parts = [told("--grid", folder / "good.toml", "--part", f"{k}/3") for k in (1, 2, 3)]
    assert [len(part["results"]) for part in parts] == [5, 5, 5]
    assert len(list(otmaps.TableStore(tmp_path / "tables").keys())) == 14


def test_json_and_another_store(folder, tmp_path):
    grids = {"grid": [{"operation": "lerp", "prior": "uniform", "parameters": {"t": [0.1]}}]}
    (folder / "grid.json").write_text(json.dumps(grids))
    told("--grid", folder / "grid.json", "--store", tmp_path / "elsewhere")
    assert len(list(otmaps.TableStore(tmp_path / "elsewhere").keys())) == 1
    assert not (tmp_path / "tables").exists()


ONE = '[[grid]]\noperation = "lerp"\n'
BAD = [
    ("x.toml", "", "has no grid"),
    ("x.toml", "grid = 7", "has no grid"),
    ("x.toml", "grid = [7]", "grid 1 is 7"),
    ("x.toml", "[[grid]", "cannot be read"),
    ("x.json", "[1, 2]", "holds a list"),
    ("x.json", '{"grid": ', "cannot be read"),
    ("x.yaml", "", "neither named"),
    ("x.toml", f"stor = 1\n{ONE}", "'stor' (did you mean 'store'?)"),
    ("x.toml", f"store = 1\n{ONE}", "store is 1"),
    ("x.toml", f"{ONE}priors = 1", "'priors' (did you mean 'prior'?)"),
    ("x.toml", "[[grid]]\nprior = 'normal'", "operation is None"),
    ("x.toml", "[[grid]]\noperation = 'lrp'", "did you mean 'lerp'"),
    ("x.toml", f"{ONE}prior = 'nope'", "no law is named 'nope'"),
    ("x.toml", f"{ONE}prior = []", "prior is []"),
    ("x.toml", f"{ONE}prior = 'none.npy'", "grids/none.npy: there is no such file"),
    ("x.toml", f"{ONE}parameters = {{ s = 1 }}", "grid 1: "),
    ("x.toml", f"{ONE}parameters = {{ t = '0:1:0' }}", "has no values"),
    ("x.toml", f"{ONE}parameters = 7", "grid 1: parameters is 7"),
    ("x.toml", "[[grid]]\noperation = 'none.py:lerp'", "there is no file"),
]


@pytest.mark.parametrize(("name", "text", "message"), BAD, ids=[b[2] for b in BAD])
def test_bad_files(folder, name, text, message):
    (folder / name).write_text(text)
    result = run("--grid", folder / name)
    assert result.exit_code == 2
    assert message in " ".join(result.stderr.split())
    assert len(result.stderr.splitlines()) == 1


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "Name an OPERATION, or a file"),
        (["lerp", "--grid", "grids/good.toml"], "Name an OPERATION, or a file"),
        (["--grid", "grids/good.toml", "--tol", "1"], "--tol stands beside --grid"),
        (["--grid", "grids/good.toml", "-p", "t=1"], "--param stands beside --grid"),
        (["--grid", "missing.toml"], "missing.toml"),
        (["lerp", "-p", "t=.1", "--part", "4/3"], "write K/N"),
        (["lerp", "-p", "t=.1", "--part", "0/3"], "write K/N"),
        (["lerp", "-p", "t=.1", "--dask", "tcp://x:1", "--workers", "2"], "leave out --workers"),
    ],
)
def test_bad_options(folder, arguments, message):
    result = run(*arguments)
    assert result.exit_code == 2
    assert message in result.stderr


def test_dask_is_an_extra(folder, monkeypatch):
    monkeypatch.setitem(sys.modules, "distributed", None)
    result = run("lerp", "-p", "t=.1", "--dask", "tcp://127.0.0.1:1")
    assert result.exit_code == 2
    assert "otmaps[dask]" in result.stderr
