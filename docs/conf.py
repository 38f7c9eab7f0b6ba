"""Sphinx: ``python -m sphinx -W -b html docs docs/_build``."""

from __future__ import annotations

import sys
from pathlib import Path

HERE = Path(__file__).parent
sys.path[:0] = [str(HERE), str(HERE.parent)]

import api_pages  # noqa: E402
import docstrings  # noqa: E402

from ssmamba import __version__  # noqa: E402

project = "SSMamba Viewer"
copyright = "the SSMamba Viewer authors, Apache-2.0"
release = __version__

extensions = ["myst_parser", "sphinx.ext.autodoc", "sphinx.ext.napoleon"]
exclude_patterns = ["_build"]
myst_enable_extensions = ["deflist"]
myst_heading_anchors = 3

html_theme = "pydata_sphinx_theme"
html_title = "SSMamba Viewer"
html_theme_options = {"navigation_depth": 2, "show_prev_next": False}
html_copy_source = False

autodoc_default_options = {
    "members": True,
    "member-order": "bysource",
    "ignore-module-all": True,
}
autodoc_inherit_docstrings = False
autodoc_preserve_defaults = True


def setup(app):
    api_pages.write(HERE / "api", ("ssmamba", "training"))
    # before napoleon, which reads "Args:" and "Raises:" of what is left
    app.connect("autodoc-process-docstring", docstrings.process, priority=400)
