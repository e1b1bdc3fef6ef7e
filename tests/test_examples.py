"""The scripts in examples/ run, small.

Those of the gallery are all run when the documentation is built (`make docs`); here the quickest.
"""

import ast
import importlib.util
import json
import runpy
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import pytest

import otmaps

EXAMPLES = Path(__file__).parents[1] / "examples"
GALLERY = sorted((EXAMPLES / "gallery").glob("plot_*.py"))
QUICK = ["plot_03_maps", "plot_06_walks", "plot_14_empirical_prior", "plot_15_certificates"]
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


@pytest.mark.parametrize("path", GALLERY, ids=lambda path: path.stem)
def test_a_page_of_the_gallery_has_what_its_readers_need(path):
    tree = ast.parse(path.read_text(encoding="utf-8"))
    title, rule, blank, *prose = ast.get_docstring(tree).splitlines()
    assert title
    assert len(title) == len(rule)
    assert set(rule) == {"="}
    assert blank == ""
    assert len(" ".join(prose)) > 100
    names = {ast.unparse(node) for node in ast.walk(tree) if isinstance(node, ast.Attribute)}
    assert "plt.show" in names
    private = {name for name in names if name.startswith(("otmaps._", "otmaps.demo._"))}
    assert not private
    modules = {
        name
        for node in ast.walk(tree)
        for name in (
            [alias.name for alias in node.names]
            if isinstance(node, ast.Import)
            else [node.module]
            if isinstance(node, ast.ImportFrom)
            else []
        )
    }
    assert not {name for name in modules if name.startswith("otmaps.")}


def test_the_gallery_shows_enough():
    assert len(GALLERY) >= 10
    assert {path.stem for path in GALLERY} >= set(QUICK)


@pytest.mark.parametrize("name", QUICK)
def test_a_page_of_the_gallery_runs(name, monkeypatch, capsys):
    shown = []

    def show():
        shown.extend(plt.figure(number) for number in plt.get_fignums())
        plt.close("all")

    monkeypatch.setattr(plt, "show", show)
    runpy.run_path(str(EXAMPLES / "gallery" / f"{name}.py"))
    assert shown
    for figure in shown:
        figure.canvas.draw()
        assert all(axis.has_data() for axis in figure.axes)
    capsys.readouterr()


def test_the_flow_of_the_gallery_denoises():
    onnxruntime = pytest.importorskip("onnxruntime", reason="needs the extra otmaps[demo]")
    models = Path(otmaps.__file__).parent / "demo" / "models"
    facts = json.loads((models / "flow.json").read_text(encoding="utf-8"))
    session = onnxruntime.InferenceSession((models / "flow.onnx").read_bytes())
    x = np.random.default_rng(0).standard_normal((8, *facts["latent_shape"])).astype(np.float32)
    for k in range(6):
        t = np.full(8, k / 6, np.float32)
        x = x + session.run(None, {"x": x, "t": t})[0] / 6
    assert np.mean(np.abs(x) <= 1.2) > 0.99  # pixels of images, from -1 to 1
    assert np.mean(x < -0.9) > 0.2  # a black background
    assert x.std(axis=0).mean() > 0.2  # and not always the same image
