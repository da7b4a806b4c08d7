"""What the clean models called each image under each transformation, kept line by line."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from variegate.errors import StoreError

__all__ = ["Passes"]

SCHEMA = "variegate.passes/1"
Ints = npt.NDArray[np.int64]


class Passes:
    """A file of predictions; a stopped audit goes on where it was, another one starts anew.

    mark: changes with everything that the predictions depend on. Raises StoreError where the file
    cannot be written.
    """

    def __init__(self, path: Path, mark: str) -> None:
        self.path = path
        self.known: dict[tuple[str, float], list[int]] = {}
        if not self._read(mark):
            self._write(json.dumps({"schema": SCHEMA, "fingerprint": mark}) + "\n", "w")

    def get(self, name: str, magnitude: float, ask: Callable[[], Ints]) -> Ints:
        """The predictions of one transformation, asked for where they are not known."""
        found = self.known.get((name, magnitude))
        if found is not None:
            return np.array(found, np.int64)
        fresh = ask()
        row = {"name": name, "magnitude": magnitude, "predictions": fresh.tolist()}
        self._write(json.dumps(row) + "\n", "a")
        return fresh

    def _read(self, mark: str) -> bool:
        if not self.path.exists():
            return False
        try:
            # A line without its end was cut off when the process was stopped.
            lines = self.path.read_text(encoding="utf-8").split("\n")[:-1]
            rows: list[dict[str, Any]] = [json.loads(line) for line in lines]
        except (OSError, ValueError):
            return False
        if not rows or rows[0].get("schema") != SCHEMA or rows[0].get("fingerprint") != mark:
            return False
        self.known = {(r["name"], r["magnitude"]): r["predictions"] for r in rows[1:]}
        text = "".join(line + "\n" for line in lines)
        self._write(text, "w")
        return True

    def _write(self, text: str, mode: str) -> None:
        try:
            with self.path.open(mode, encoding="utf-8") as file:
                file.write(text)
        except OSError as error:
            raise StoreError(
                f"{self.path}: cannot be written ({error.strerror}); free space or name another "
                "folder with out"
            ) from error
