"""The scripts in examples/ run, small."""

import importlib.util
from pathlib import Path

import pytest

EXAMPLES = Path(__file__).parents[1] / "examples"
ARGUMENTS = {"dask_array": ["--rows", "400", "--dim", "8"]}


def load(name):
    spec = importlib.util.spec_from_file_location(name, EXAMPLES / f"{name}.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_every_example_is_run():
    assert {path.stem for path in EXAMPLES.glob("*.py")} == ARGUMENTS.keys()


def test_a_stored_map_on_a_dask_array(tmp_path, monkeypatch, capsys):
    pytest.importorskip("dask.array", reason="needs the extra otmaps[dask]")
    monkeypatch.chdir(tmp_path)
    example = load("dask_array")
    for _ in range(2):  # the second time from the store
        example.main(ARGUMENTS["dask_array"])
    text = capsys.readouterr().out
    assert "16 blocks of (25, 8)" in text
    assert "matched 0.57" in text or "matched 0.58" in text
    assert len(list((tmp_path / "tables").glob("*/*.safetensors"))) == 1
