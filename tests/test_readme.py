"""Every block of Python in the README and the docs runs, in order, as it stands."""

from __future__ import annotations

import re
import shlex
import warnings
from importlib.util import find_spec
from pathlib import Path

import pytest
from click.testing import CliRunner

import otmaps
from otmaps.cli import main

ROOT = Path(__file__).parents[1]
PAGES = sorted([ROOT / "README.md", *(ROOT / "docs").glob("*.md")])


OPTIONAL = ["cupy", "dask", "jax", "onnx", "torch"]
"""A block that imports one of these is left out where that is not installed."""


def blocks(page, language):
    text = page.read_text(encoding="utf-8")
    return re.findall(rf"^```{language}\n(.*?)^```", text, flags=re.MULTILINE | re.DOTALL)


# Warnings of an error above the tolerance are the truth about sampling, and no fault of a page.
@pytest.mark.filterwarnings("ignore::otmaps.AccuracyWarning")
@pytest.mark.parametrize("page", PAGES, ids=lambda p: p.name)
def test_python_blocks_run(page, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    namespace = {}
    for block in blocks(page, "python"):
        optional = [name for name in OPTIONAL if re.search(rf"^import {name}\b", block, re.M)]
        if any(find_spec(name) is None for name in optional):
            continue
        with warnings.catch_warnings():
            if optional:
                warnings.simplefilter("ignore")  # theirs, on import and export
            exec(compile(block, page.name, "exec"), namespace)
    capsys.readouterr()


def test_the_commands_of_the_readme_run(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    commands = [
        line.removeprefix("$ otmaps ")
        for block in blocks(ROOT / "README.md", "console")
        for line in block.splitlines()
        if line.startswith("$ otmaps ")
    ]
    assert commands
    for command in [*commands, "ops", "inspect lerp --prior laplace -p t=0.3"]:
        result = CliRunner().invoke(main, shlex.split(command))
        assert result.exit_code == 0, (command, result.output)


def test_links_lead_somewhere():
    for page in PAGES:
        text = re.sub(r"^```.*?^```", "", page.read_text(encoding="utf-8"), flags=re.M | re.S)
        for target in re.findall(r"\]\(([^)#]+)\)", text):
            if "://" not in target:
                assert (page.parent / target).exists(), f"{page.name}: {target}"


def test_the_readme_names_every_built_in_operation():
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    for name in ("lerp", "barycenter", "vicinity", "analogy", "linear", "slerp"):
        assert name in otmaps.operations()
        assert f"`{name}(" in text
