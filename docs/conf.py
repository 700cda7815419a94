"""How Sphinx builds the documentation: ``nox -s docs``."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent / "_ext"))

from lktrio import __version__

project = "lktrio"
author = "lktrio contributors"
copyright = author
version = release = __version__

extensions = [
    "sphinx.ext.autodoc",
    "sphinx.ext.napoleon",
    "sphinx.ext.viewcode",
    "sphinxcontrib_trio",
    "lktrio_docs",
]
exclude_patterns = ["_build"]
default_role = "py:obj"
html_theme = "furo"
html_title = f"lktrio {release}"
html_static_path: list[str] = []

autodoc_member_order = "bysource"
autodoc_typehints_format = "short"
