"""Every block of Python in the README and the docs runs, in order, as it stands."""

from __future__ import annotations

import re
import shlex
import warnings
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

import otmaps
from otmaps.cli import main

ROOT = Path(__file__).parents[1]
PAGES = sorted([ROOT / "README.md", ROOT / "CONTRIBUTING.md", *(ROOT / "docs").glob("*.md")])


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


def commands(page):
    """What stands after ``$ otmaps`` in the console blocks of a page."""
    lines = [line for block in blocks(page, "console") for line in block.splitlines()]
    return [line.removeprefix("$ otmaps ") for line in lines if line.startswith("$ otmaps ")]


SLOW = ("demo", "explore")
"""Commands that take a minute, or serve until Ctrl-C; they have tests of their own."""


# The page of the command line is written from the help: its examples ask for files of the reader's.
WITH_COMMANDS = [page for page in PAGES if commands(page) and page.name != "cli.md"]


@pytest.mark.parametrize("page", WITH_COMMANDS, ids=lambda page: page.name)
def test_commands_run(page, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    rng = np.random.default_rng(0)
    np.save("latents.npy", rng.uniform(-1, 1, (200, 32)))  # what the pages ask about
    np.save("noise.npy", rng.standard_normal((20, 3, 8, 8)))
    for command in commands(page):
        if not command.startswith(SLOW):
            result = CliRunner().invoke(main, shlex.split(command))
            assert result.exit_code == 0, (command, result.output)


def test_the_commands_in_the_text_of_the_readme_run():
    for command in ("ops", "inspect lerp --prior laplace -p t=0.3"):
        result = CliRunner().invoke(main, shlex.split(command))
        assert result.exit_code == 0, (command, result.output)


def anchors(text):
    """The anchors of the headings of a page, as Markdown hosts and the site make them."""
    titles = re.findall(r"^#+ (.+)$", text, flags=re.M)
    return {re.sub(r"[^\w -]", "", title.lower()).replace(" ", "-") for title in titles}


def dead_links(page):
    """The links of a page to files and headings that are not there."""
    text = re.sub(r"^```.*?^```", "", page.read_text(encoding="utf-8"), flags=re.M | re.S)
    dead = []
    for target in re.findall(r"\]\(([^)]+)\)", text):
        name, _, anchor = target.partition("#")
        file = page.parent / name if name else page
        if "://" in target:
            continue
        if not file.exists() or (
            anchor and anchor not in anchors(file.read_text(encoding="utf-8"))
        ):
            dead.append(target)
    return dead


@pytest.mark.parametrize("page", PAGES, ids=lambda p: p.name)
def test_links_lead_somewhere(page):
    assert dead_links(page) == []


def test_a_dead_link_is_noticed(tmp_path):
    page, other = tmp_path / "page.md", tmp_path / "other.md"
    other.write_text("# A title, of words\n", encoding="utf-8")
    sound = "[a](other.md) [b](other.md#a-title-of-words) [c](https://example.org/#gone)"
    page.write_text(f"{sound} [d](gone.md) [e](other.md#gone) [f](#gone)", encoding="utf-8")
    assert dead_links(page) == ["gone.md", "other.md#gone", "#gone"]


def test_the_readme_names_every_built_in_operation():
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    for name in ("lerp", "barycenter", "vicinity", "analogy", "linear", "slerp"):
        assert name in otmaps.operations()
        assert f"`{name}(" in text
