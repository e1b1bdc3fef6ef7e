"""How the documentation site is built: `make docs`, without a network.

What is generated lies in docs/generated and docs/auto_examples, and the site in build/docs.
`make docs ARGS="-D plot_gallery=0"` leaves the examples of the gallery unexecuted.
"""

from __future__ import annotations

import inspect
import os
from pathlib import Path
from typing import Any

import matplotlib as mpl
from docutils import nodes

import otmaps


def public_bases() -> dict[str, list[str]]:
    """The nearest public base classes of each public class: those above have private names."""
    public = (getattr(otmaps, name) for name in otmaps.__all__)
    classes = {thing for thing in public if isinstance(thing, type)}
    found: dict[str, list[str]] = {}
    for one in classes:
        nearest = [base for base in inspect.getmro(one)[1:] if base in classes][:1]
        found[one.__name__] = [base.__name__ for base in nearest]
    return found


DOCS = Path(__file__).parent

mpl.use("Agg")
os.environ.setdefault("OTMAPS_STORE", str(DOCS.parent / "build" / "docs-store"))

project = "otmaps"
author = "The otmaps developers"
copyright = author  # noqa: A001 - the name that Sphinx reads
version = release = otmaps.__version__

extensions = [
    "myst_parser",
    "numpydoc",
    "sphinx.ext.autodoc",
    "sphinx.ext.autosummary",
    "sphinx_gallery.gen_gallery",
]
root_doc = "index"
templates_path = ["_templates"]
exclude_patterns = [
    "auto_examples/*.ipynb",
    "auto_examples/*.py",
    "gallery.md",  # what stands in place of the gallery where there is no site
    "sg_execution_times.rst",
]
default_role = "autolink"
nitpicky = True
smartquotes = False  # options of the command line keep their two dashes
show_warning_types = True
myst_heading_anchors = 4

autosummary_generate = True
autosummary_context = {"bases": public_bases()}
autodoc_typehints = "none"  # types stand in the docstrings
autodoc_member_order = "bysource"
autodoc_preserve_defaults = True
numpydoc_show_class_members = False
numpydoc_xref_param_type = True  # types in docstrings are links, if they are ours
numpydoc_xref_ignore = "all"
numpydoc_xref_aliases = {name: f"otmaps.{name}" for name in otmaps.__all__ if name[0].isupper()}

html_theme = "furo"
html_title = "otmaps"
html_static_path = ["_static"]
html_css_files = ["otmaps.css"]
html_show_sourcelink = False
html_copy_source = False

sphinx_gallery_conf = {
    "examples_dirs": ["../examples/gallery"],
    "gallery_dirs": ["auto_examples"],
    "within_subsection_order": "FileNameSortKey",
    "abort_on_example_error": True,
    "matplotlib_animations": True,
    "download_all_examples": False,
    "doc_module": ("otmaps",),
    "reference_url": {"otmaps": None},
    "backreferences_dir": "generated/backreferences",
}


def other_names(_app: Any, _env: Any, node: Any, contnode: Any) -> Any:
    """Leave names of parameters, fields and other libraries as words without a link.

    A name of otmaps that the reference lacks stays unresolved, which is a warning.
    """
    target, domain = node.get("reftarget", ""), node.get("refdomain")
    if target.startswith(("numpy:", "python:")):  # numpydoc's own words for types
        return nodes.inline("", contnode.astext().rpartition(":")[2])
    first = target.split(".")[0]
    if domain != "py" or first == "otmaps" or first in otmaps.__all__:
        return None
    return contnode


def gallery_links(_app: Any, _name: str, source: list[str]) -> None:
    """On the site, links to the page that stands in for the gallery lead to the gallery."""
    source[0] = source[0].replace("(gallery.md)", "(auto_examples/index.rst)")


def setup(app: Any) -> None:
    """Connect the functions above."""
    app.connect("source-read", gallery_links)
    app.connect("missing-reference", other_names)
