"""How Sphinx builds these pages: `make docs`."""

from __future__ import annotations

import variegate

project = "variegate"
author = "variegate authors"
project_copyright = "variegate authors, MIT license"
version = release = variegate.__version__
extensions = ["myst_parser"]
source_suffix = {".md": "markdown"}
exclude_patterns = ["_build"]
html_theme = "furo"
html_title = "variegate"
html_copy_source = False
html_show_sourcelink = False
myst_heading_anchors = 3
myst_enable_extensions = ["colon_fence"]
nitpicky = True
