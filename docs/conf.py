"""How Sphinx builds the site: `make docs`."""

from __future__ import annotations

from typing import Any

from docutils.nodes import SkipNode

import symgrad
from symgrad.printing.browser import row

project = "symgrad"
author = copyright = "The symgrad authors"
version = release = symgrad.__version__

extensions = ["myst_parser", "sphinx.ext.autodoc"]
exclude_patterns = ["_build", "made"]
html_theme = "furo"
html_title = "symgrad"
html_static_path = ["_static", "../symgrad/printing/templates/formulas.css"]
html_css_files = ["formulas.css", "symgrad.css"]
html_show_sphinx = False
myst_enable_extensions = ["dollarmath"]
myst_heading_anchors = 3
autodoc_member_order = "bysource"
autodoc_typehints = "none"

html_math_renderer = "mathml"
"""Formulas become MathML by the writer that also makes the package's own .html: no script, no network, and readable aloud."""


def inline_math(translator: Any, node: Any) -> None:
    _write(translator, f'<math class="inline">{row(node.astext())}</math>')


def display_math(translator: Any, node: Any) -> None:
    _write(translator, f'<div class="formulas plain"><math display="block">{row(node.astext())}</math></div>')


def _write(translator: Any, markup: str) -> None:
    translator.body.append(markup)
    raise SkipNode


def setup(app: Any) -> None:
    app.add_html_math_renderer("mathml", (inline_math, None), (display_math, None))
