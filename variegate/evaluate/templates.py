"""How pages are made: templates whose values are escaped, and digests for what a page may run."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import jinja2

__all__ = ["digest", "templates"]


def templates(folder: Path, filters: Mapping[str, Any]) -> jinja2.Environment:
    """The Jinja environment of a folder of templates, with these filters by name. A name that a
    template uses and nobody gives raises jinja2.UndefinedError.
    """
    import jinja2

    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(folder),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= filters
    return environment


def digest(text: str) -> str:
    """The SHA-256 digest of a style or script in base64, as a content security policy names it."""
    return base64.b64encode(hashlib.sha256(text.encode("utf-8")).digest()).decode("ascii")
