"""Where the project's files are, and how the house tests read them."""

from __future__ import annotations

import ast
import os
import subprocess
from collections.abc import Iterator, Mapping
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
SKIPPED_FOLDERS = {".git", ".venv", "build", "dist", "runs", "__pycache__"}

# A path inside the project, with slashes, and the text of that file.
Sources = Mapping[str, str]


def read(paths: Iterator[Path]) -> dict[str, str]:
    """Read files as UTF-8, keyed by their path inside the project; leave out what is not text."""
    sources = {}
    for path in sorted(paths):
        try:
            sources[path.relative_to(ROOT).as_posix()] = path.read_text(encoding="utf-8")
        except (UnicodeDecodeError, FileNotFoundError):
            continue
    return sources


def python_sources(*folders: str) -> dict[str, str]:
    """Return every Python file below the named folders of the project."""
    return read(path for folder in folders for path in (ROOT / folder).rglob("*.py"))


def text_sources() -> dict[str, str]:
    """Return every text file that git tracks, or would track; without git, every file not built."""
    command = ["git", "ls-files", "--cached", "--others", "--exclude-standard", "-z"]
    try:
        done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    except (OSError, subprocess.CalledProcessError):
        return read(_walk())
    return read(ROOT / name for name in done.stdout.split("\0") if name)


def functions(source: str) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef]:
    """Yield every function and method of a file, nested ones too."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield node


def dotted(node: ast.AST) -> str:
    """Return `a.b.c` for a chain of names and attributes, and "" for anything else."""
    if isinstance(node, ast.Name):
        return node.id
    if isinstance(node, ast.Attribute) and (head := dotted(node.value)):
        return f"{head}.{node.attr}"
    return ""


def report(violations: list[str], rule: str) -> str:
    """Return the failure message of a house test: the rule, then each place that breaks it."""
    return "\n".join([f"Rule: {rule}", *violations])


def _walk() -> Iterator[Path]:
    for folder, names, files in os.walk(ROOT):
        names[:] = [name for name in names if name not in SKIPPED_FOLDERS]
        yield from (Path(folder) / name for name in files)
