"""Pages with Python code, and which of them need a framework of `make test-adapters`."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]
PAGES = sorted([ROOT / "README.md", *(ROOT / "docs").rglob("*.md")])
BLOCK = re.compile(r"^```python\n(.*?)^```", re.MULTILINE | re.DOTALL)
FRAMEWORKS = (
    *("albumentations", "datasets", "grain", "jax", "keras", "lightning", "mlflow", "onnx"),
    *("tensorflow", "tensorflow_datasets", "torchvision", "transformers", "webdataset"),
)
ADAPTERS = ("grain", "huggingface", "keras", "mlflow", "tfds", "webdataset")
# An import of a framework itself, or of the adapter that needs it.
NEEDS = re.compile(
    rf"^\s*(?:import|from) (?:(?:{'|'.join(FRAMEWORKS)})\b"
    rf"|variegate\.adapters\.(?:{'|'.join(ADAPTERS)})\b)",
    re.MULTILINE,
)


def blocks(page: Path) -> str:
    """All Python blocks of a page as one program."""
    return "\n".join(BLOCK.findall(page.read_text(encoding="utf-8")))


def needs_frameworks(page: Path) -> bool:
    """Whether the page runs in `make test-adapters` and not in `make test`."""
    return NEEDS.search(blocks(page)) is not None


WITH_CODE = [page for page in PAGES if blocks(page)]


def run(
    page: Path, folder: Path, warnings: str, first: str = ""
) -> subprocess.CompletedProcess[str]:
    """The blocks of a page, run in order in a process of its own.

    warnings: what a warning is to Python, "error" or "ignore". first: a program that runs before.
    """
    program = f"exec({first!r})\n{blocks(page)}"
    return subprocess.run(
        [sys.executable, "-W", warnings, "-c", program],
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
    )
