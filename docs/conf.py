"""How Sphinx builds these pages: `make docs`."""

from __future__ import annotations

from fnmatch import fnmatch
from pathlib import Path
from typing import Any

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
nitpicky = True


def others(text: str) -> list[str]:
    """Pages of this folder that the front page's lists do not name."""
    named = [line.strip() for line in text.splitlines()]
    pages = sorted(path.stem for path in Path(__file__).parent.glob("*.md"))
    return [page for page in pages if page != "index" and not any(fnmatch(page, n) for n in named)]


def setup(app: Any) -> None:
    """Puts pages that nobody has listed yet under "More", so that none is lost."""

    def fill(app: Any, name: str, source: list[str]) -> None:
        if name == "index":
            source[0] = source[0].replace("%others%", "\n".join(others(source[0])))

    app.connect("source-read", fill)
