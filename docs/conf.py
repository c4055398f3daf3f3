"""How the site is built, without a network: `sphinx-build -W --keep-going -b html docs docs/_build`."""

import re
import sys
from importlib.metadata import version as installed
from pathlib import Path
from typing import Any

from cellprune.config.names import METHODS

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE / "_extension"))

project = "cellprune"
author = "the cellprune authors"
version = release = installed("cellprune")

extensions = ["myst_parser", "sphinx.ext.autodoc", "sphinx.ext.napoleon", "mathml", "generated"]
# a method's page may be written before the method
exclude_patterns = [
    "_build",
    *(f"methods/{page.name}" for page in HERE.glob("methods/*.md") if page.stem not in METHODS),
]

myst_enable_extensions = ["deflist", "colon_fence"]
myst_heading_anchors = 4

html_math_renderer = "mathml"
html_theme = "furo"
html_title = "cellprune"
html_theme_options = {"sidebar_hide_name": False, "navigation_with_keys": True}
html_static_path = ["_static"]
html_css_files = ["site.css"]
html_copy_source = html_show_sourcelink = html_show_sphinx = html_show_copyright = False
smartquotes = False  # two dashes are an option, not a dash

default_role = "code"  # what stands in backticks in a docstring is code
napoleon_google_docstring, napoleon_numpy_docstring = True, False
napoleon_custom_sections = [("Source", "notes_style")]
napoleon_use_ivar = True
autodoc_member_order = "bysource"
autodoc_typehints_format = "short"
autodoc_preserve_defaults = True  # as the source has them: a function's address is no Python
add_module_names = False


def _plain(app: Any, what: str, name: str, subject: Any, options: Any, lines: list[str]) -> None:
    """Let a docstring be plain English: |x|, *, and a trailing _ are characters, not markup."""
    for at, line in enumerate(lines):
        if line.lstrip().startswith((">>> ", "... ")):
            continue  # a program, in which * multiplies
        code = re.split(r"(`[^`]*`)", line)
        code[::2] = [re.sub(r"(?<!\\)([|*])", r"\\\1", text) for text in code[::2]]
        lines[at] = "".join(code)


def setup(app: Any) -> None:
    app.connect("autodoc-process-docstring", _plain, priority=400)  # before napoleon, which adds markup of its own
